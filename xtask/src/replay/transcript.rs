//! What one test asked and was answered, as text that is the same each time it runs.

use anyhow::{Context, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// A longer body is told by its length and its hash.
const BODY_BYTES_MAX: usize = 2048;
/// So is one longer than this where a test has already been told at length.
const LATE_BODY_BYTES_MAX: usize = 256;
const AT_LENGTH_BYTES: usize = 100_000;

/// The headers of nearly every answer, which are told only where they differ.
const USUAL: &[(&str, &str)] = &[
    (
        "cache-control",
        "no-store, no-cache, must-revalidate, private",
    ),
    ("pragma", "no-cache"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("content-type", "application/json;charset=UTF-8"),
    ("x-accesstoken-reset", "2024-01-01T01:00:00+00:00"),
];
/// What is another each time, or says how the answer was carried and not what it is.
const LEFT_OUT: &[&str] = &[
    "date",
    "content-length",
    "transfer-encoding",
    "connection",
    "x-request-id",
];
/// How many hexadecimal digits our random words have: a part of a token, a client's id and secret,
/// the hash of one. The id of a request has 16, like some numbers, and is known by its header.
const RANDOM_DIGITS: &[usize] = &[30, 32, 40, 64];
/// What tells how long something took.
const DURATIONS: &[&str] = &[
    "swathe_request_duration_seconds_bucket",
    "swathe_request_duration_seconds_sum",
];
/// What stands before a port of this machine.
const LOCAL: &[&str] = &["127.0.0.1:", "localhost:"];
/// What the secret that signs calls begins with; the rest is base64.
const SIGNING: &str = "whsec_";
/// How our ids begin. How many were taken before is not compared: a transaction that is run again
/// takes new ones, and the databases differ in what becomes of those that were not needed.
const ID: &str = "41508";
const ID_DIGITS: usize = 19;

/// The exchanges of one test, each as lines, in a stable order.
pub(super) type Transcript = Vec<String>;

/// A line that `recorder.rs` wrote.
#[derive(Deserialize)]
struct Exchange {
    /// Whether a thread beside the test's own sent it.
    beside: bool,
    url: String,
    method: String,
    path: String,
    sent_headers: Vec<(String, String)>,
    sent: String,
    status: u16,
    answered_headers: BTreeMap<String, String>,
    answered: String,
}

/// Makes a transcript of what a test wrote.
pub(super) fn transcript(lines: &str) -> Result<Transcript> {
    let mut exchanges = Vec::new();
    for line in lines.lines() {
        let exchange: Exchange = serde_json::from_str(line).context("not a recorded exchange")?;
        exchanges.push(exchange);
    }
    // When a thread beside the test sent something is chance: these stand last, by what they say.
    exchanges.sort_by_cached_key(|exchange| {
        let mut placeholders = Placeholders::default();
        exchange
            .beside
            .then(|| exchange.tell(&mut placeholders, BODY_BYTES_MAX))
    });
    let mut placeholders = Placeholders::default();
    let mut bytes = 0;
    let mut transcript = Vec::new();
    for exchange in &exchanges {
        let body_bytes_max = if bytes < AT_LENGTH_BYTES {
            BODY_BYTES_MAX
        } else {
            LATE_BODY_BYTES_MAX
        };
        let told = exchange.tell(&mut placeholders, body_bytes_max);
        bytes += told.len();
        transcript.push(told);
    }
    Ok(transcript)
}

impl Exchange {
    fn tell(&self, placeholders: &mut Placeholders, body_bytes_max: usize) -> String {
        let request_id = self.answered_headers.get("x-request-id");
        let mut stable = |text: &str| {
            let text = text.replace(&self.url, "http://server");
            let text = match request_id {
                Some(id) => text.replace(id.as_str(), "<request>"),
                None => text,
            };
            printable(&placeholders.put(&text))
        };
        let beside = if self.beside { " (beside)" } else { "" };
        let mut told = format!("--- {} {}{beside}\n", self.method, stable(&self.path));
        for (name, value) in &self.sent_headers {
            line(&mut told, &format!("> {name}: {}", stable(value)));
        }
        body(&mut told, '>', &stable(&self.sent), body_bytes_max);
        line(&mut told, &format!("{}", self.status));
        for (name, usual) in USUAL {
            match self.answered_headers.get(*name) {
                None => line(&mut told, &format!("< {name} is not there")),
                Some(value) if value == usual => {}
                Some(value) => line(&mut told, &format!("< {name}: {}", stable(value))),
            }
        }
        for (name, value) in &self.answered_headers {
            let usual = USUAL.iter().any(|(usual, _)| usual == name);
            if !usual && !LEFT_OUT.contains(&name.as_str()) {
                line(&mut told, &format!("< {name}: {}", stable(value)));
            }
        }
        body(&mut told, '<', &stable(&self.comparable()), body_bytes_max);
        told
    }

    /// The answer, without what no two servers would answer alike.
    fn comparable(&self) -> Cow<'_, str> {
        let text = self.answered.as_str();
        match self.path.as_str() {
            "/metrics" => {
                let lines = text.lines();
                let lines =
                    lines.filter(|line| !DURATIONS.iter().any(|word| line.starts_with(word)));
                lines.collect::<Vec<_>>().join("\n").into()
            }
            // Its rows stand in the order of their keys, and some keys are random.
            "/swathe/v1/backup" if self.status == 200 => {
                format!("<a backup of {} lines>", text.lines().count()).into()
            }
            _ => text.into(),
        }
    }
}

fn line(told: &mut String, text: &str) {
    told.push_str(text);
    told.push('\n');
}

fn body(told: &mut String, mark: char, text: &str, bytes_max: usize) {
    if text.is_empty() {
        return;
    }
    if text.len() > bytes_max {
        let hash = hash(text);
        line(
            told,
            &format!("{mark}<{} bytes, SHA-256 {hash}>", text.len()),
        );
        return;
    }
    for part in text.split('\n') {
        line(told, &format!("{mark}{part}"));
    }
}

fn hash(text: &str) -> String {
    let mut told = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(told, "{byte:02x}");
    }
    told
}

/// Without control characters, which would make the record no text.
fn printable(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            told.extend(character.escape_default());
        } else {
            told.push(character);
        }
    }
    told
}

/// Numbers for ids and for random words, in the order in which they appear, so that equal ones stay
/// equal.
#[derive(Default)]
struct Placeholders {
    ids: HashMap<String, usize>,
    random: HashMap<String, usize>,
}

impl Placeholders {
    /// The text with each id and random word replaced, and each port of this machine.
    fn put(&mut self, text: &str) -> String {
        let mut told = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let signs = told.ends_with(SIGNING);
            let is_word = |character: char| {
                character.is_ascii_alphanumeric() || signs && "+/=".contains(character)
            };
            let alike = |character: char| is_word(character) == is_word(first);
            // The base64 behind it may begin with a sign.
            let opens =
                first == '_' && SIGNING.strip_suffix('_').is_some_and(|w| told.ends_with(w));
            let end = if opens {
                Some(1)
            } else {
                rest.find(|character| !alike(character))
            };
            let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            let digits = |lengths: &[usize]| {
                lengths.contains(&run.len()) && run.bytes().all(|byte| byte.is_ascii_hexdigit())
            };
            if LOCAL.iter().any(|host| told.ends_with(host)) {
                told.push_str("<port>");
            } else if run.starts_with("3A") && told.ends_with("127.0.0.1%") {
                told.push_str("3A<port>");
            } else if run.starts_with(ID) && digits(&[ID_DIGITS]) {
                let _ = write!(told, "<id {}>", number(&mut self.ids, run));
            } else if signs || digits(RANDOM_DIGITS) {
                let _ = write!(told, "<random {}>", number(&mut self.random, run));
            } else {
                told.push_str(run);
            }
        }
        told
    }
}

fn number(numbers: &mut HashMap<String, usize>, word: &str) -> usize {
    let next = numbers.len() + 1;
    *numbers.entry(word.to_owned()).or_insert(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_words_get_equal_numbers_and_other_text_stays() {
        let (one, two) = ("ab".repeat(16), "0C".repeat(15));
        let mut placeholders = Placeholders::default();
        let text = format!("1000.{one}.{one} {two} {} é", "ab".repeat(24));
        let wanted = format!(
            "1000.<random 1>.<random 1> <random 2> {} é",
            "ab".repeat(24)
        );
        assert_eq!(placeholders.put(&text), wanted);
        assert_eq!(placeholders.put("whsec_+/b="), "whsec_<random 3>");
        assert_eq!(placeholders.put(&two), "<random 2>");
        assert_eq!(
            placeholders.put("whsec_a+/b=,job_4150868000000000007_1"),
            "whsec_<random 4>,job_<id 1>_1"
        );
        assert_eq!(
            placeholders.put("http://127.0.0.1:1234/a 127.0.0.1%3A99%2F"),
            "http://127.0.0.1:<port>/a 127.0.0.1%3A<port>%2F"
        );
    }

    #[test]
    fn what_threads_beside_the_test_sent_stands_last_in_one_order() {
        let exchange = |beside: bool, path: &str| {
            serde_json::json!({
                "beside": beside, "url": "http://127.0.0.1:1", "method": "GET", "path": path,
                "sent_headers": [], "sent": "", "status": 200, "answered_headers": {
                    "x-request-id": "0123456789abcdef", "content-type": "text/plain",
                }, "answered": "a 0123456789abcdef\r\nb",
            })
            .to_string()
        };
        let lines = [(true, "/2"), (false, "/3"), (true, "/1"), (false, "/0")];
        let mut lines = lines.map(|(beside, path)| exchange(beside, path));
        let first = transcript(&lines.join("\n")).unwrap();
        assert_eq!(first.len(), 4);
        let heads: Vec<&str> = first.iter().filter_map(|one| one.lines().next()).collect();
        assert_eq!(
            heads,
            [
                "--- GET /3",
                "--- GET /0",
                "--- GET /1 (beside)",
                "--- GET /2 (beside)"
            ]
        );
        assert!(first[0].ends_with(
            "< content-type: text/plain\n< x-accesstoken-reset is not there\n<a <request>\\r\n<b\n"
        ));
        lines.swap(0, 2);
        assert_eq!(transcript(&lines.join("\n")).unwrap(), first);
    }
}
