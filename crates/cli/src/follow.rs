//! Following a job until it ends: by the events that the server sends, or by asking again and again
//! where it sends none. What was begun goes on by itself, whoever stops to look.

use crate::remote::{Refused, Remote};
use crate::settings::{Failure, note, now};
use crate::terminal;
use anyhow::{Context, bail};
use indicatif::ProgressBar;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(500);
/// Questions in a row that a server may leave without an answer: a minute of a restart.
const SILENT_MAX: u32 = 120;
/// No event is so long.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// What a shell calls a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Where jobs are.
pub(crate) fn path(job: &str) -> String {
    format!("/swathe/v1/jobs/{job}")
}

/// A part of an answer that is a text; empty where there is none.
pub(crate) fn text<'a>(json: &'a Json, pointer: &str) -> &'a str {
    json.pointer(pointer)
        .and_then(Json::as_str)
        .unwrap_or_default()
}

/// A count of a job or a plan.
pub(crate) fn count(json: &Json, name: &str) -> i64 {
    let count = json.pointer(&format!("/counts/{name}"));
    count.and_then(Json::as_i64).unwrap_or_default()
}

/// Whether nothing more happens to a job unless somebody acts.
fn rests(job: &Json) -> bool {
    match text(job, "/state") {
        "completed" | "failed" | "cancelled" => true,
        // A person who paused it may let it go on; a job that paused itself waits for one.
        "paused" => text(job, "/paused_by") != "person",
        _ => false,
    }
}

/// Follows a job until it rests, and answers it as it is then.
pub(crate) fn to_rest(server: &Remote, job: &str, bar: &ProgressBar) -> Result<Json, Failure> {
    let mut last_event = None;
    let mut silent = 0;
    loop {
        // Whatever ends the events, the job itself is asked: they may be cut, or not be there.
        let _ = hear(server, job, bar, &mut last_event);
        match server.get(&path(job)) {
            Ok(shown) => {
                silent = 0;
                show(bar, &shown);
                if rests(&shown) {
                    bar.finish_and_clear();
                    return Ok(shown);
                }
            }
            Err(error) if is_away(&error) && silent < SILENT_MAX => {
                silent += 1;
                bar.set_message("the server does not answer; waiting for it");
            }
            Err(error) => {
                bar.finish_and_clear();
                let said = format!("job {job} is not followed any more; it goes on by itself");
                return Err(error.context(said));
            }
        }
        pause();
    }
}

/// Whether a server may answer later what it does not answer now.
pub(crate) fn is_away(error: &Failure) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_none_or(|refused| matches!(refused.status, 502..=504))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server that sends no events can only be asked again"
)]
pub(crate) fn pause() {
    // sleeps because nothing tells when to ask again
    std::thread::sleep(PAUSE);
}

/// Shows the events of a job until they end.
fn hear(
    server: &Remote,
    job: &str,
    bar: &ProgressBar,
    last_event: &mut Option<String>,
) -> Result<(), Failure> {
    let mut headers = vec![("Accept", "text/event-stream")];
    if let Some(id) = &last_event {
        headers.push(("Last-Event-ID", id));
    }
    let body = server.stream(&format!("{}/events", path(job)), &headers)?;
    let mut events = Events::of(body);
    while let Some(event) = events.next()? {
        if let Some(id) = event.id {
            *last_event = Some(id);
        }
        let Ok(shown) = serde_json::from_str::<Json>(&event.data) else {
            continue;
        };
        show(bar, &shown);
        if event.name == "done" || text(&shown, "/state") == "paused" {
            break;
        }
    }
    Ok(())
}

/// An event that a server sent.
#[derive(Debug, Default, PartialEq)]
struct Event {
    name: String,
    id: Option<String>,
    data: String,
}

/// Events of a body, as HTML describes `text/event-stream`.
struct Events<R> {
    body: BufReader<R>,
}

impl<R: Read> Events<R> {
    fn of(body: R) -> Self {
        Self {
            body: BufReader::new(body),
        }
    }

    /// The next one; none at the end. An event without its empty line was cut and is not answered.
    fn next(&mut self) -> Result<Option<Event>, Failure> {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            let read = (&mut self.body).take(LINE_BYTES_MAX).read_line(&mut line)?;
            if read == 0 {
                return Ok(None);
            }
            let Some(line) = line.strip_suffix('\n') else {
                bail!("an event is cut");
            };
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                if event.data.is_empty() {
                    event = Event::default();
                    continue;
                }
                return Ok(Some(event));
            }
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match key {
                "event" => value.clone_into(&mut event.name),
                "id" => event.id = Some(value.to_owned()),
                "data" => {
                    if !event.data.is_empty() {
                        event.data.push('\n');
                    }
                    event.data.push_str(value);
                }
                // A comment keeps the connection alive.
                _ => {}
            }
        }
    }
}

/// Moves the bar to where the job is.
fn show(bar: &ProgressBar, job: &Json) {
    let number = |name: &str| u64::try_from(count(job, name)).unwrap_or_default();
    let total = number("total");
    if total > 0 {
        bar.set_length(total);
    }
    bar.set_position(total.saturating_sub(number("pending")));
    bar.set_message(pace(job));
}

/// How fast a job goes and when it will be done, or why it does not go.
fn pace(job: &Json) -> String {
    let state = text(job, "/state");
    if state != "running" {
        return terminal::clean(state);
    }
    let rate = job.get("rate").and_then(Json::as_i64);
    let mut said = rate.map_or(String::new(), |rate| {
        format!("{} a second", terminal::grouped(rate))
    });
    let eta = text(job, "/eta").parse::<jiff::Timestamp>().ok();
    if let Some(eta) = eta {
        let seconds = (eta.as_millisecond() - now().0).max(0) / 1_000;
        said.push_str(&format!(", done in {}:{:02}", seconds / 60, seconds % 60));
    }
    said
}

/// Says that a job is followed now.
pub(crate) fn say_begin(job: &str) {
    note(format_args!(
        "following job {job}; Ctrl-C ends that, not the job"
    ));
}

/// Says what to do about a job that goes on by itself.
pub(crate) fn ways(job: &str) {
    note(format_args!("  follow it   swathe jobs watch {job}"));
    note(format_args!("  pause it    swathe jobs pause {job}"));
    note(format_args!("  cancel it   swathe jobs cancel {job}"));
}

/// Ctrl-C while a job runs: the program ends, the job does not.
pub(crate) struct Interruption {
    job: Arc<Mutex<Option<String>>>,
}

impl Interruption {
    /// From now on.
    pub(crate) fn caught(bar: &ProgressBar) -> Result<Self, Failure> {
        let job = Arc::new(Mutex::new(None::<String>));
        let (shared, bar) = (Arc::clone(&job), bar.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the runtime")?;
        // Before any job is accepted, so that none is lost from sight.
        let pressed = runtime.block_on(async { pressed() })?;
        std::thread::spawn(move || {
            runtime.block_on(pressed);
            bar.finish_and_clear();
            let job = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(job) = job.as_deref() {
                note(format_args!("job {job} goes on without being followed"));
                ways(job);
            } else {
                note("interrupted; whether a job was accepted says `swathe jobs list`");
            }
            std::process::exit(INTERRUPTED);
        });
        Ok(Self { job })
    }

    /// The job is accepted.
    pub(crate) fn is_of(&self, job: &str) {
        let mut known = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(job.to_owned());
    }
}

/// Done at Ctrl-C.
fn pressed() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            // Nothing more comes only when the runtime is gone.
            let _ = interrupt.recv().await;
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<Event> {
        let mut events = Events::of(text.as_bytes());
        std::iter::from_fn(|| events.next().ok().flatten()).collect()
    }

    #[test]
    fn events_are_read_to_their_empty_lines() {
        let read = events(
            ": here\n\nid: 7\nevent: progress\ndata: {\"a\":\ndata: 1}\r\n\r\nretry: 5\n\n\
             event:done\ndata:{}\n\ndata: cut",
        );
        let event = |name: &str, id: Option<&str>, data: &str| Event {
            name: name.to_owned(),
            id: id.map(str::to_owned),
            data: data.to_owned(),
        };
        let wanted = [
            event("progress", Some("7"), "{\"a\":\n1}"),
            event("done", None, "{}"),
        ];
        assert_eq!(read, wanted);
    }
}
