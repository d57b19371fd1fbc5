//! A receiver of calls that answers as a test wants it to.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

/// How a receiver answers.
#[derive(Clone)]
pub(crate) enum Act {
    Status(u16),
    /// Answers 204 when the test comes to the barrier too.
    Late(Arc<Barrier>),
    Redirect(String),
    /// Holds the connection open until the client gives up.
    Hang,
    /// Answers 200 and sends for as long as anyone reads.
    Endless,
    /// Closes the connection without a word.
    Close,
    /// Sends a head that never ends, byte by byte.
    Drip,
}

/// What a receiver got.
pub(crate) struct Got {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

/// A receiver on a port of its own, which goes on with its last answer.
pub(crate) struct Hook {
    pub(crate) url: String,
    got: Receiver<Got>,
}

impl Hook {
    pub(crate) fn that(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook?token=t0p", listener.local_addr().unwrap());
        let (send, got) = channel();
        let acts = Arc::new(Mutex::new(VecDeque::from(acts)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut acts = acts.lock().unwrap();
                let act = acts.front().cloned().unwrap();
                if acts.len() > 1 {
                    acts.pop_front();
                }
                drop(acts);
                let mut stream = stream.unwrap();
                if send.send(read(&mut stream)).is_err() {
                    return;
                }
                answer(&mut stream, &act);
            }
        });
        Self { url, got }
    }

    pub(crate) fn got(&self) -> Got {
        self.got.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    pub(crate) fn got_nothing(&self) -> bool {
        self.got.try_recv().is_err()
    }
}

fn read(stream: &mut TcpStream) -> Got {
    let mut bytes = Vec::new();
    loop {
        let mut some = [0; 4096];
        let n = stream.read(&mut some).unwrap();
        bytes.extend_from_slice(&some[..n]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let got = Got {
            head: head.to_owned(),
            body: body.to_owned(),
        };
        if body.len() == got.header("content-length").parse::<usize>().unwrap() {
            return got;
        }
    }
}

fn answer(stream: &mut TcpStream, act: &Act) {
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\n{more}\r\n");
    match act {
        Act::Status(status) => {
            let text = head(*status, "Content-Length: 2\r\n") + "ok";
            drop(stream.write_all(text.as_bytes()));
        }
        Act::Late(barrier) => {
            barrier.wait();
            drop(stream.write_all(head(204, "").as_bytes()));
        }
        Act::Redirect(to) => {
            let text = head(307, &format!("Location: {to}\r\nContent-Length: 0\r\n"));
            drop(stream.write_all(text.as_bytes()));
        }
        Act::Hang => drop(stream.read(&mut [0; 1])),
        Act::Close => {}
        Act::Drip => {
            let mut text = b"HTTP/1.1 200 X\r\nX-Drip: ".as_slice();
            // Between two bytes it waits for the client to give up.
            let pause = Some(Duration::from_millis(5));
            stream.set_read_timeout(pause).unwrap();
            while stream.write_all(text).is_ok() && !matches!(stream.read(&mut [0; 1]), Ok(0)) {
                text = b"x";
            }
        }
        Act::Endless => {
            let mut text = head(200, "");
            while stream.write_all(text.as_bytes()).is_ok() {
                text = "x".repeat(4096);
            }
        }
    }
}
