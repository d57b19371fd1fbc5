//! `GET /swathe/v1/jobs/{job}/events`: a job told while it runs, as server-sent events.

use super::jobs;
use super::meta::asker;
use crate::answer::Answer;
use crate::call::Call;
use crate::stream::{Reader, Source, Step};
use crm::Actor;
use model::id::JobId;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json};
use std::time::Duration;
use store::jobs::Job;
use store::{Fault, Tx};

/// A job that moves is looked at so often: its row says how far it is, whichever process runs it.
const LOOK: Duration = Duration::from_millis(250);
/// One that stands still is looked at less and less often, down to this.
const LOOK_SELDOM: Duration = Duration::from_secs(2);
/// The longer it stood still, the longer the wait for the next look: this part of it.
const STILL_PART: u32 = 8;
/// After so long without anything new a line is sent all the same, so that nobody on the way takes the
/// connection for dead.
const QUIET_TIME: Duration = Duration::from_secs(15);
/// A client whose connection ended comes back after so many milliseconds.
const RETRY: &str = "retry: 1000\n\n";
/// What of a job's form events tell.
const TOLD: [&str; 9] = [
    "id",
    "state",
    "paused_by",
    "counts",
    "failed_by_code",
    "rate",
    "eta",
    "finished_at",
    "error",
];

/// Events `progress` as the job moves, at most four a second, then one `done`, which is the end. A
/// client that comes back with `Last-Event-ID` is told nothing twice; one that was told of the end is
/// answered 204, for which browsers stop asking.
pub(super) fn follow(call: &Call<'_>) -> Result<Answer, Fault> {
    if let Some((odd, _)) = call.query.pairs().next() {
        let refusal = Refusal::new(Code::InvalidData).saying("there is no such parameter");
        return Err(refusal.with("param_name", odd).into());
    }
    let job = call.app.db.read(|tx| {
        let reader = asker(tx, call)?;
        jobs::named(tx, &reader, call)
    })?;
    let seen = call.header("last-event-id").map(str::to_owned);
    if job.state.finished() && seen.as_deref() == Some(&*place(&job)) {
        return Ok(Answer::no_content());
    }
    let source = Events {
        job: job.id,
        seen,
        pulse: Pulse::Begin,
    };
    let answer = call.stream("text/event-stream", source)?;
    // Proxies that hold answers back would tell the progress when it is over.
    Ok(answer.with_header("x-accel-buffering", "no"))
}

/// How far a job is, in a word: the id of the event that tells it.
fn place(job: &Job) -> String {
    format!("{}-{}-{}", job.state, job.cursor, job.total)
}

struct Events {
    job: JobId,
    /// The id of the last event.
    seen: Option<String>,
    pulse: Pulse,
}

/// What was sent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pulse {
    /// Nothing.
    Begin,
    /// Something; the next look is due in a while.
    Told,
    /// Nothing new for so long, nothing at all for so long.
    Quiet { still: Duration, silent: Duration },
    /// The last event.
    Done,
}

impl Pulse {
    /// What is sent when there is nothing new.
    fn quiet(self) -> (Self, Step) {
        let (still, silent) = match self {
            Self::Quiet { still, silent } => (still, silent),
            _ => (Duration::ZERO, Duration::ZERO),
        };
        let left = QUIET_TIME.saturating_sub(silent);
        if left.is_zero() {
            let silent = Duration::ZERO;
            return (
                Self::Quiet { still, silent },
                Step::Piece(b":\n\n".to_vec()),
            );
        }
        let wait = (still / STILL_PART).clamp(LOOK, LOOK_SELDOM).min(left);
        let (still, silent) = (still + wait, silent + wait);
        (Self::Quiet { still, silent }, Step::Wait(wait))
    }
}

impl Events {
    /// The job now: its place, whether it is finished, and what is told of it if that is news.
    fn look(&self, reader: &Reader) -> Result<(String, bool, Option<Json>), Fault> {
        reader.read(|tx, holder, _| {
            let actor = Actor::of(&tx.catalog()?, holder.user)?;
            let gone = || Refusal::new(Code::NotFound).saying("there is no such job");
            let job = crm::job::find(tx, &actor, self.job)?.ok_or_else(gone)?;
            let (place, finished) = (place(&job), job.state.finished());
            let news = finished || self.seen.as_ref() != Some(&place);
            let told = news.then(|| told(tx, &actor, &job)).transpose()?;
            Ok((place, finished, told))
        })
    }
}

fn told(tx: &mut Tx, actor: &Actor, job: &Job) -> Result<Json, Fault> {
    let whole = jobs::one(tx, actor, job)?;
    let part = |key: &str| Some((key.to_owned(), whole.get(key)?.clone()));
    let part: Map<String, Json> = TOLD.into_iter().filter_map(part).collect();
    Ok(Json::Object(part))
}

impl Source for Events {
    fn next(&mut self, reader: &Reader) -> Result<Step, Fault> {
        match self.pulse {
            Pulse::Done => return Ok(Step::End),
            Pulse::Told => {
                let (pulse, step) = self.pulse.quiet();
                self.pulse = pulse;
                return Ok(step);
            }
            Pulse::Begin | Pulse::Quiet { .. } => {}
        }
        let (place, finished, told) = self.look(reader)?;
        let Some(told) = told else {
            if self.pulse == Pulse::Begin {
                // The head of the answer goes out with the first bytes.
                self.pulse = Pulse::Told;
                return Ok(Step::Piece(RETRY.into()));
            }
            let (pulse, step) = self.pulse.quiet();
            self.pulse = pulse;
            return Ok(step);
        };
        let begin = if self.pulse == Pulse::Begin {
            RETRY
        } else {
            ""
        };
        let name = if finished { "done" } else { "progress" };
        let text = format!("{begin}id: {place}\nevent: {name}\ndata: {told}\n\n");
        self.seen = Some(place);
        self.pulse = if finished { Pulse::Done } else { Pulse::Told };
        Ok(Step::Piece(text.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_job_is_told_to_live_every_fifteen_seconds() {
        let mut pulse = Pulse::Told;
        let (mut waited, mut beats) = (Duration::ZERO, Vec::new());
        let mut waits = Vec::new();
        while beats.len() < 2 {
            let (next, step) = pulse.quiet();
            pulse = next;
            match step {
                Step::Wait(time) => {
                    waited += time;
                    waits.push(time);
                }
                Step::Piece(bytes) => {
                    assert_eq!(bytes, b":\n\n");
                    beats.push(waited);
                }
                Step::Again | Step::End => panic!("a quiet job does not end"),
            }
        }
        assert_eq!(beats, [Duration::from_secs(15), Duration::from_secs(30)]);
        // Soon after it moved it is looked at as often as ever, later seldom.
        assert_eq!(waits[..9], [LOOK; 9]);
        assert!(
            waits.contains(&LOOK_SELDOM) && waits.len() < 45,
            "{waits:?}"
        );
        assert!(waits.iter().all(|wait| *wait <= LOOK_SELDOM), "{waits:?}");
    }
}
