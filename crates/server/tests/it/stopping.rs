//! Stopping drops nothing that was begun.

use serde_json::json;
use server::routes::{Method, Route, open};
use server::{Answer, App, Ask, router_of, serve_router};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Barrier, LazyLock};
use std::time::Duration;
use store::Fault;
use testkit::{Kind, TestClock, TestDb};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// The handler and the test meet here, once when it runs and once when it may end.
static MEETING: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

#[expect(clippy::unnecessary_wraps, reason = "a handler has this shape")]
fn slow(_: &Ask<'_>) -> Result<Answer, Fault> {
    MEETING.wait();
    MEETING.wait();
    Ok(Answer::ok(json!({"finished": true})))
}

static TABLE: &[Route] = &[open(Method::Get, "/slow", slow)];

#[test]
fn a_request_that_was_begun_is_finished_and_idle_connections_are_closed() {
    let test = TestDb::new(Kind::Sqlite);
    let app = App::new(test.open(), Arc::new(TestClock::default()), "http://x");
    let runtime = Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        let _ = stopped.await;
    };
    let serving = runtime.spawn(serve_router(listener, router_of(app, TABLE), shutdown));
    let mut idle = TcpStream::connect(at).unwrap();
    idle.write_all(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut byte = [0; 1];
    idle.read_exact(&mut byte).unwrap();
    let mut busy = TcpStream::connect(at).unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    MEETING.wait();
    stop.send(()).unwrap();
    // Closed although its client keeps it open.
    idle.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    idle.read_to_end(&mut Vec::new()).unwrap();
    assert!(TcpStream::connect(at).is_err(), "nothing new is accepted");
    assert!(!serving.is_finished());
    MEETING.wait();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(r#"{"finished":true}"#), "{answer}");
    runtime.block_on(serving).unwrap().unwrap();
}
