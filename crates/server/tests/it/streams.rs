//! Bodies that come piece by piece: in constant memory, whole or visibly cut, for whoever still may.

use crate::api::Api;
use model::refusal::{Code, Refusal};
use model::time::Clock;
use server::auth::ScopeRule;
use server::routes::{Method, Route, native, open};
use server::stream::{Reader, Source, Step, Streams};
use server::{Answer, App, Ask, Call, router_of};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Condvar, LazyLock, Mutex, mpsc};
use std::time::Duration;
use store::{Fault, Priority};
use testkit::catalog::{ADMIN, STANDARD};
use testkit::{Kind, each_db, save_catalog, small_catalog};

each_db! {
    a_whole_body_has_its_end_and_a_cut_one_has_not,
    a_client_that_takes_nothing_holds_neither_thread_nor_turn,
    one_more_than_there_is_room_for_is_refused_until_a_client_leaves,
    one_user_has_a_part_of_the_room_and_no_more,
    a_token_that_was_revoked_ends_the_body,
    a_server_that_stops_ends_bodies_that_wait,
    a_list_that_finds_nothing_for_a_while_is_whole_while_the_server_stops,
}

/// Pieces of a size, then something else.
struct Pieces {
    left: usize,
    size: usize,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    End,
    Fail,
    Panic,
    /// Says so, then tells nothing more.
    Wait,
    /// Finds nothing this time, then ends.
    Again,
}

impl Source for Pieces {
    fn next(&mut self, reader: &Reader) -> Result<Step, Fault> {
        reader.read(|_, holder, _| {
            assert_eq!(holder.user, ADMIN);
            Ok(())
        })?;
        if self.left > 0 {
            self.left -= 1;
            return Ok(Step::Piece(vec![b'x'; self.size]));
        }
        match self.then {
            Then::End => Ok(Step::End),
            Then::Fail => Err(Refusal::new(Code::InternalError).into()),
            Then::Panic => panic!("planned"),
            Then::Again => {
                (self.left, self.then) = (1, Then::End);
                Ok(Step::Again)
            }
            Then::Wait => Ok(Step::Wait(Duration::from_millis(5))),
        }
    }
}

fn pieces(call: &Call<'_>) -> Result<Answer, Fault> {
    let number = |name| call.query.get(name).unwrap().parse().unwrap();
    let then = match call.query.get("then") {
        Some("fail") => Then::Fail,
        Some("panic") => Then::Panic,
        Some("wait") => Then::Wait,
        Some("again") => Then::Again,
        _ => Then::End,
    };
    let source = Pieces {
        left: number("pieces"),
        size: number("size"),
        then,
    };
    Ok(call.stream("text/plain", source)?)
}

/// How many pieces were made for clients that take none.
static MADE: LazyLock<(Mutex<HashMap<String, usize>>, Condvar)> = LazyLock::new(Default::default);

struct Endless(String);

impl Source for Endless {
    fn next(&mut self, _: &Reader) -> Result<Step, Fault> {
        *MADE.0.lock().unwrap().entry(self.0.clone()).or_default() += 1;
        MADE.1.notify_all();
        Ok(Step::Piece(vec![b'x'; 64 * 1024]))
    }
}

/// Tests run side by side.
fn test_of(call: &Call<'_>) -> String {
    call.query.get("test").unwrap().to_owned()
}

fn endless(call: &Call<'_>) -> Result<Answer, Fault> {
    Ok(call.stream("text/plain", Endless(test_of(call)))?)
}

/// Says when it is dropped.
struct Leaving(mpsc::Sender<()>);

static LEFT: LazyLock<Mutex<HashMap<String, mpsc::Sender<()>>>> = LazyLock::new(Mutex::default);

impl Source for Leaving {
    fn next(&mut self, _: &Reader) -> Result<Step, Fault> {
        Ok(Step::Wait(Duration::from_secs(600)))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

fn leaving(call: &Call<'_>) -> Result<Answer, Fault> {
    let sender = LEFT.lock().unwrap()[&test_of(call)].clone();
    Ok(call.stream("text/plain", Leaving(sender))?)
}

#[expect(clippy::unnecessary_wraps, reason = "a handler has this shape")]
fn ping(_: &Ask<'_>) -> Result<Answer, Fault> {
    Ok(Answer::no_content())
}

static TABLE: &[Route] = &[
    native(Method::Get, "/pieces", ScopeRule::AnyToken, pieces),
    native(Method::Get, "/endless", ScopeRule::AnyToken, endless),
    native(Method::Get, "/leaving", ScopeRule::AnyToken, leaving),
    open(Method::Get, "/ping", ping),
];

/// A connection on which a request was sent.
pub(crate) fn ask(api: &Api, path: &str, token: &str) -> TcpStream {
    let at = api.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    stream
}

/// All that is sent until the connection ends.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Until this much of the answer has come.
fn until(stream: &mut TcpStream, text: &str) {
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains(text) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        got.push(byte[0]);
    }
}

fn start(kind: Kind, streams: Streams) -> Api {
    let api = Api::with(kind, |app| router_of(App { streams, ..app }, TABLE));
    save_catalog(&api.db, &small_catalog());
    api
}

mod check {
    use super::*;

    pub(super) fn a_whole_body_has_its_end_and_a_cut_one_has_not(kind: Kind) {
        let api = start(kind, Streams::default());
        let token = api.token(ADMIN, "swathe.org.READ");
        for (then, whole) in [("end", true), ("fail", false), ("panic", false)] {
            let path = format!("/pieces?pieces=3&size=5&then={then}");
            let answer = rest(ask(&api, &path, &token));
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
            assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
            // What a cut answer had not sent yet goes with it.
            let pieces = answer.matches("xxxxx").count();
            let sent = if whole { 3..=3 } else { 0..=3 };
            assert!(sent.contains(&pieces), "{then}: {answer}");
            assert_eq!(answer.ends_with("\r\n0\r\n\r\n"), whole, "{then}: {answer}");
        }
        // A client that knows HTTP is told of the cut.
        let read = |then: &str| {
            let url = format!("{}/pieces?pieces=3&size=5&then={then}", api.url);
            let request = ureq::get(url).header("Authorization", format!("Bearer {token}"));
            request.call().unwrap().body_mut().read_to_string()
        };
        assert_eq!(read("end").unwrap(), "x".repeat(15));
        assert!(read("fail").is_err());
    }

    pub(super) fn a_client_that_takes_nothing_holds_neither_thread_nor_turn(kind: Kind) {
        let api = start(kind, Streams::at_most(80, 80));
        let token = api.token(ADMIN, "swathe.org.READ");
        let path = format!("/endless?test={kind:?}");
        // More than are worked on at once.
        let stalled: Vec<TcpStream> = (0..80).map(|_| ask(&api, &path, &token)).collect();
        let made = MADE.0.lock().unwrap();
        let all = MADE
            .1
            .wait_timeout_while(made, Duration::from_secs(30), |made| {
                made.get(&format!("{kind:?}")).is_none_or(|made| *made < 80)
            });
        assert!(!all.unwrap().1.timed_out());
        assert_eq!(api.send("GET", "/ping", &[], b"").status, 204);
        drop(stalled);
    }

    pub(super) fn one_more_than_there_is_room_for_is_refused_until_a_client_leaves(kind: Kind) {
        let api = start(kind, Streams::at_most(2, 9));
        let token = api.token(ADMIN, "swathe.org.READ");
        let (sender, left) = mpsc::channel();
        LEFT.lock().unwrap().insert(format!("{kind:?}"), sender);
        let path = format!("/leaving?test={kind:?}");
        let mut open: Vec<TcpStream> = (0..2).map(|_| ask(&api, &path, &token)).collect();
        for stream in &mut open {
            until(stream, "\r\n\r\n");
        }
        let refused = api.call("GET", &path, &token);
        assert_eq!(
            (refused.status, refused.json()["code"].as_str()),
            (503, Some("SERVICE_UNAVAILABLE"))
        );
        assert_eq!(refused.header("retry-after"), Some("1"));
        // The refused one was dropped too.
        left.recv_timeout(Duration::from_secs(30)).unwrap();
        open.pop();
        left.recv_timeout(Duration::from_secs(30)).unwrap();
        let again = api.call("GET", "/pieces?pieces=1&size=1", &token);
        assert_eq!((again.status, again.text.as_str()), (200, "x"));
    }

    pub(super) fn one_user_has_a_part_of_the_room_and_no_more(kind: Kind) {
        let api = start(kind, Streams::at_most(9, 2));
        let token = api.token(ADMIN, "swathe.org.READ");
        let (sender, left) = mpsc::channel();
        let test = format!("{kind:?} of one user");
        let path = format!("/leaving?test={}", test.replace(' ', "+"));
        LEFT.lock().unwrap().insert(test, sender);
        let mut open: Vec<TcpStream> = (0..2).map(|_| ask(&api, &path, &token)).collect();
        for stream in &mut open {
            until(stream, "\r\n\r\n");
        }
        // Another token of the same user does not help.
        let another = api.token(ADMIN, "swathe.org.READ");
        let refused = api.call("GET", &path, &another);
        let json = refused.json();
        assert_eq!(
            (refused.status, &json["code"], &json["details"]["limit"]),
            (429, &"TOO_MANY_REQUESTS".into(), &2.into())
        );
        left.recv_timeout(Duration::from_secs(30)).unwrap();
        let other = api.token(STANDARD, "swathe.org.READ");
        let mut others = ask(&api, &path, &other);
        until(&mut others, "HTTP/1.1 200 OK");
        open.pop();
        left.recv_timeout(Duration::from_secs(30)).unwrap();
        let again = ask(&api, "/pieces?pieces=1&size=7", &another);
        assert!(rest(again).starts_with("HTTP/1.1 200 OK"));
    }

    pub(super) fn a_token_that_was_revoked_ends_the_body(kind: Kind) {
        let api = start(kind, Streams::default());
        let client = api.client(None, None);
        let scopes = model::scope::Scopes::parse("swathe.org.READ").unwrap();
        let now = api.clock.now();
        let minted = api.db.write(Priority::Interactive, |tx| {
            server::auth::mint_access_token(tx, ADMIN, Some(client.id), &scopes, now)
        });
        let token = minted.unwrap().secret;
        let mut stream = ask(&api, "/pieces?pieces=1&size=7&then=wait", &token);
        until(&mut stream, "xxxxxxx");
        let revoked = api.db.write(Priority::Interactive, |tx| {
            Ok(store::clients::revoke(tx, &client.public_id, now)?)
        });
        revoked.unwrap();
        assert!(!rest(stream).ends_with("0\r\n\r\n"));
    }

    pub(super) fn a_server_that_stops_ends_bodies_that_wait(kind: Kind) {
        let streams = Streams::default();
        let api = start(kind, streams.clone());
        let token = api.token(ADMIN, "swathe.org.READ");
        let mut stream = ask(&api, "/pieces?pieces=1&size=7&then=wait", &token);
        until(&mut stream, "xxxxxxx");
        streams.stop();
        assert!(rest(stream).ends_with("0\r\n\r\n"));
    }

    pub(super) fn a_list_that_finds_nothing_for_a_while_is_whole_while_the_server_stops(
        kind: Kind,
    ) {
        let streams = Streams::default();
        let api = start(kind, streams.clone());
        let token = api.token(ADMIN, "swathe.org.READ");
        streams.stop();
        let answer = rest(ask(&api, "/pieces?pieces=1&size=7&then=again", &token));
        assert_eq!(answer.matches("xxxxxxx").count(), 2, "{answer}");
        assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
    }
}
