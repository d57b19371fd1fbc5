//! Servers that are not as they should be: one that cuts its answers, one without events, one that
//! answers too late.

use crate::desk::said;
use crate::swathe::swathe;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};

const JOB: &str = r#"{"id":"7","action":"update","module":"Leads","state":"running","counts":{"total":4,"changed":2,"unchanged":0,"failed":0,"pending":2},"failed_by_code":{},"rate":1}"#;
const DONE: &str = r#"{"id":"7","action":"update","module":"Leads","state":"completed","counts":{"total":4,"changed":4,"unchanged":0,"failed":0,"pending":0},"failed_by_code":{}}"#;

/// A request: its line, and its headers in small letters.
struct Request {
    line: String,
    head: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

/// Answers each request as it is told, the whole of what is sent; nothing hangs up. What was asked can
/// be read afterwards.
fn odd(answer: fn(&Request, usize) -> String) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, requests) = channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let Some(request) = read(&stream) else {
                continue;
            };
            stream.write_all(answer(&request, n).as_bytes()).unwrap();
            if asked.send(request).is_err() {
                return;
            }
        }
    });
    (url, requests)
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    if line.is_empty() {
        return None;
    }
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut one = String::new();
        reader.read_line(&mut one).unwrap();
        let one = one.trim_end().to_lowercase();
        if one.is_empty() {
            break;
        }
        if let Some(text) = one.strip_prefix("content-length: ") {
            length = text.parse().unwrap();
        }
        head.push_str(&format!("{one}\n"));
    }
    std::io::copy(
        &mut std::io::Read::take(reader, length),
        &mut std::io::sink(),
    )
    .unwrap();
    let line = line.trim_end().to_owned();
    Some(Request { line, head })
}

fn json(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A body of one piece; its end is missing when it is cut.
fn piece(kind: &str, body: &str, cut: bool) -> String {
    let end = if cut { "" } else { "0\r\n\r\n" };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n{:x}\r\n{body}\r\n{end}",
        body.len()
    )
}

fn run(url: &str, args: &[&str]) -> Output {
    let mut command = swathe(args);
    command.env("SWATHE_URL", url).env("SWATHE_TOKEN", "x");
    command.output().unwrap()
}

#[test]
fn a_cut_file_is_no_file() {
    let (url, _requests) = odd(|_, _| piece("text/csv", "record,name\n1,", true));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("outcomes.csv");
    let args = ["jobs", "outcomes", "7", "--format", "csv"];
    let place = ["--output", file.to_str().unwrap()];
    let args = [&args[..], &place].concat();
    let (_, error) = said(&run(&url, &args), &args, 1);
    assert!(error.contains("cannot write"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn without_events_the_job_is_asked() {
    let (url, requests) = odd(|request, n| {
        if request.line.contains("/events") {
            json(
                "404 Not Found",
                r#"{"code":"NOT_FOUND","message":"no","details":{},"status":"error"}"#,
            )
        } else {
            json("200 OK", if n < 4 { JOB } else { DONE })
        }
    });
    let args = ["jobs", "watch", "7", "--json"];
    let (out, _) = said(&run(&url, &args), &args, 0);
    assert!(out.contains("completed"), "{out}");
    let asked: Vec<String> = requests.try_iter().map(|request| request.line).collect();
    assert_eq!(asked.len(), 6, "{asked:?}");
}

#[test]
fn cut_events_go_on_behind_the_last() {
    let (url, requests) = odd(|request, n| {
        if !request.line.contains("/events") {
            return json("200 OK", if n < 3 { JOB } else { DONE });
        }
        let event = match request.header("last-event-id") {
            None => format!("id: 2\nevent: progress\ndata: {JOB}\n\n"),
            Some(_) => format!("id: 4\nevent: done\ndata: {DONE}\n\n"),
        };
        piece("text/event-stream", &event, n == 0)
    });
    let args = ["jobs", "watch", "7", "--json"];
    said(&run(&url, &args), &args, 0);
    let seen: Vec<Option<String>> = requests
        .try_iter()
        .filter(|request| request.line.contains("/events"))
        .map(|request| request.header("last-event-id").map(str::to_owned))
        .collect();
    assert_eq!(seen, [None, Some("2".to_owned())]);
}

#[test]
fn a_request_whose_answer_is_lost_is_sent_again_under_its_key() {
    let (url, requests) = odd(|request, n| match n {
        0 => json(
            "201 Created",
            r#"{"id":"5","action":"delete","module":"Leads","counts":{"selected":4,"change":4,"unchanged":0,"refused":0}}"#,
        ),
        1 => String::new(),
        _ if request.line.starts_with("POST") => json("202 Accepted", JOB),
        _ => json("200 OK", DONE),
    });
    let args = [
        "run", "delete", "Leads", "--view", "A", "--yes", "--detach", "--json",
    ];
    said(&run(&url, &args), &args, 0);
    let asked: Vec<Request> = requests.try_iter().collect();
    let lines: Vec<&str> = asked.iter().map(|request| request.line.as_str()).collect();
    let jobs = "POST /swathe/v1/jobs HTTP/1.1";
    assert_eq!(lines, ["POST /swathe/v1/plans HTTP/1.1", jobs, jobs]);
    let key = asked[1].header("idempotency-key");
    assert!(key.is_some() && key == asked[2].header("idempotency-key"));
}

#[test]
fn what_is_no_server_of_ours_is_said() {
    let (url, _requests) = odd(|_, _| json("502 Bad Gateway", "<html>"));
    let args = ["jobs", "show", "7"];
    let (_, error) = said(&run(&url, &args), &args, 1);
    assert!(error.contains("answered 502"), "{error}");
}
