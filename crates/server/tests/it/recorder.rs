//! Writes down each request of a test and its answer when `SWATHE_RECORD` names a folder, for
//! `cargo xtask replay`, which makes the records comparable and compares them.
//!
//! One file of JSON lines for each test and database, named as the test's thread and the database:
//! `outcomes::a_name::sqlite@sqlite.jsonl`. A request that another thread than the test's own sent is
//! marked, for its place among the others is chance.

use crate::api::Reply;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::thread::{self, ThreadId};
use testkit::Kind;

const FOLDER: &str = "SWATHE_RECORD";
/// A longer body that a test sends is told by its hash: some are of many megabytes.
const SENT_BYTES_MAX: usize = 64 * 1024;

/// What a running server of a test is asked and answers.
pub(crate) struct Recorder {
    file: Mutex<File>,
    test: ThreadId,
    url: String,
}

impl Recorder {
    /// None when nothing is to be recorded. Called on the test's own thread, for its name.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test program has no command line of ours"
    )]
    pub(crate) fn start(kind: Kind, url: &str) -> Option<Self> {
        let folder = std::env::var(FOLDER).ok()?;
        let test = thread::current();
        let name = test.name().expect("a test's thread has the test's name");
        let database = match kind {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
        };
        let path = Path::new(&folder).join(format!("{name}@{database}.jsonl"));
        // A test may start several servers, one after the other.
        let file = File::options().create(true).append(true).open(path);
        Some(Self {
            file: Mutex::new(file.unwrap()),
            test: test.id(),
            url: url.to_owned(),
        })
    }

    /// Writes down one request and its answer.
    pub(crate) fn write(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &[u8],
        reply: &Reply,
    ) {
        // Who asked is a token, which is another each time.
        let sent = headers
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        let sent: Vec<Json> = sent.map(|(name, value)| json!([name, value])).collect();
        let mut answered = Map::new();
        for (name, value) in &reply.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            answered.insert(name.as_str().to_owned(), value.into());
        }
        let line = json!({
            "beside": thread::current().id() != self.test,
            "url": self.url,
            "method": method,
            "path": path,
            "sent_headers": sent,
            "sent": text_of(body),
            "status": reply.status,
            "answered_headers": answered,
            "answered": reply.text,
        });
        let mut file = self.file.lock().unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// What a test sent, as text that is the same when it sends the same.
fn text_of(body: &[u8]) -> String {
    if body.len() <= SENT_BYTES_MAX {
        return String::from_utf8_lossy(body).into_owned();
    }
    let hash = STANDARD.encode(Sha256::digest(body));
    format!("{} bytes, SHA-256 {hash}", body.len())
}
