//! Telling that a job has ended: makes the calls that are owed (`store/src/calls.rs`), on threads of
//! its own, so that a slow receiver never keeps a chunk waiting.
//!
//! A call is made at least once. Each try is counted before it is made, so that a crash in the middle
//! costs a try and never makes one too many; after the last the call is dead, which its job shows. The
//! next try is made once the one before is surely over. Hosts take turns, so that one that hangs keeps
//! one thread at most.

use crate::outside::{Key, Outside};
use crate::routes;
use model::id::{JobId, UserId};
use model::job::CallState;
use model::time::{Clock, Timestamp};
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use store::calls::{self, Call};
use store::jobs::Job;
use store::{Db, Fault, Priority, jobs};

/// How long after each try the next one is made; after the last there is none. About ten hours.
const WAITS_MS: [i64; 8] = [
    5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 18_000_000,
];
/// Tries of a call.
pub const TRIES: usize = WAITS_MS.len() + 1;
/// Calls that are made at once.
const THREADS: usize = 2;
/// How often a thread looks for calls.
const POLL: Duration = Duration::from_secs(1);

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// No call is due.
    Idle,
    /// A call was tried, and is now in this state.
    Called(JobId, CallState),
}

/// Makes the calls that are owed.
#[derive(Clone)]
pub struct Notifier {
    db: Db,
    clock: Arc<dyn Clock>,
    outside: Arc<Outside>,
    /// Held while a call is chosen: of two threads, the second sees whom the first calls.
    choice: Arc<Mutex<()>>,
}

/// Whose secret signs the calls of a job: the API client's that asked for it, or of a token without
/// one, the user's.
pub(crate) fn receiver(client: Option<&str>, user: UserId) -> String {
    match client {
        Some(client) => format!("client:{client}"),
        None => format!("user:{user}"),
    }
}

impl Notifier {
    /// Makes calls through this room.
    pub fn new(db: Db, clock: Arc<dyn Clock>, outside: Arc<Outside>) -> Self {
        Self {
            db,
            clock,
            outside,
            choice: Arc::default(),
        }
    }

    /// Makes the call whose turn it is, if one is due.
    pub fn step(&self) -> Result<Notice, Fault> {
        let now = self.clock.now();
        let due = self.db.read(|tx| Ok(calls::next_due(tx)?))?;
        let Some(key) = self
            .outside
            .key()
            .filter(|_| due.is_some_and(|at| at <= now))
        else {
            return Ok(Notice::Idle);
        };
        let patience = i64::try_from(self.outside.patience().as_millis()).unwrap_or(i64::MAX);
        let choice = self.choice.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = self.db.write(Priority::Chunk, |tx| {
            let Some(mut call) = calls::due(tx, now)? else {
                return Ok(None);
            };
            let tried = usize::try_from(call.attempts).unwrap_or(usize::MAX);
            let job = jobs::find(tx, call.job)?.filter(|_| tried < TRIES);
            let Some(job) = job else {
                // The last try was cut off, and nobody knows how it went.
                let error = "the server stopped during the last try";
                calls::failed(tx, &call, error, now, None)?;
                return Ok(Some((call, None)));
            };
            let wait = WAITS_MS.get(tried).copied();
            let over = now.plus_ms(patience);
            let next = over.plus_ms(wait.unwrap_or(i64::from(u16::MAX)));
            calls::begin(tx, &call, over, next)?;
            call.attempts += 1;
            let failed = store::outcomes::failed_by_code(tx, &[job.id])?;
            let body = body(
                tx.find_catalog().as_deref(),
                &job,
                failed.get(&job.id),
                &call,
            );
            Ok(Some((call, Some((job, body, wait)))))
        });
        drop(choice);
        let Some((call, made)) = begun? else {
            return Ok(Notice::Idle);
        };
        let Some((job, body, wait)) = made else {
            return Ok(Notice::Called(call.job, CallState::Dead));
        };
        let sent = self.send(key, &call, &job, &body, now);
        let now = self.clock.now();
        let state = match (&sent, wait) {
            (Ok(()), _) => CallState::Delivered,
            (Err(_), Some(_)) => CallState::Waiting,
            (Err(error), None) => {
                tracing::warn!(job = %job.id, error, "nobody could be told that a job has ended");
                CallState::Dead
            }
        };
        self.db.write(Priority::Chunk, |tx| {
            match &sent {
                Ok(()) => calls::delivered(tx, &call, now)?,
                Err(error) => calls::failed(tx, &call, error, now, wait.map(|ms| now.plus_ms(ms)))?,
            }
            Ok(())
        })?;
        Ok(Notice::Called(job.id, state))
    }

    fn send(
        &self,
        key: &Key,
        call: &Call,
        job: &Job,
        body: &str,
        now: Timestamp,
    ) -> Result<(), String> {
        // The same through all tries of one end of the job: by it a receiver tells repetitions.
        let id = format!("job_{}_{}", call.job, call.made_at.0);
        let at = (now.0 / 1_000).to_string();
        let receiver = receiver(job.client.as_deref(), job.actor);
        let signature = key.signature(&receiver, &id, &at, body);
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id.as_str()),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        match self.outside.post(&call.url, &headers, body.as_bytes())? {
            200..300 => Ok(()),
            status @ 300..400 => Err(format!(
                "it answered {status}, and redirects are not followed"
            )),
            status => Err(format!("it answered {status}")),
        }
    }

    /// Starts threads that step until the process is told to stop.
    pub fn start(&self) -> std::io::Result<Notifying> {
        let stop: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        for n in 0..THREADS {
            let (notifier, stop) = (self.clone(), Arc::clone(&stop));
            std::thread::Builder::new()
                .name(format!("notify {n}"))
                .spawn(move || notifier.run(&stop))?;
        }
        Ok(Notifying(stop))
    }

    fn run(&self, (stop, changed): &(Mutex<bool>, Condvar)) {
        loop {
            let tried = catch_unwind(AssertUnwindSafe(|| self.step()));
            let busy = match tried {
                Ok(Ok(notice)) => notice != Notice::Idle,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "calls cannot be made now");
                    false
                }
                Err(_) => {
                    tracing::error!("making a call panicked; the thread goes on");
                    false
                }
            };
            let stopped = stop.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = if busy { Duration::ZERO } else { POLL };
            let (stopped, _) = changed
                .wait_timeout_while(stopped, wait, |stopped| !*stopped)
                .unwrap_or_else(PoisonError::into_inner);
            if *stopped {
                return;
            }
        }
    }
}

/// Threads that make calls. A call that runs is not waited for: its try is counted already.
pub struct Notifying(Arc<(Mutex<bool>, Condvar)>);

impl Notifying {
    /// Lets no further call begin.
    pub fn halt(&self) {
        let (stop, changed) = &*self.0;
        *stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }
}

/// What the receiver is told: which job, and its counts. No values: whoever may see those asks for
/// them with a token.
fn body(
    catalog: Option<&model::catalog::Catalog>,
    job: &Job,
    failed: Option<&Vec<(String, i64)>>,
    call: &Call,
) -> String {
    let module = catalog.and_then(|catalog| catalog.module_by_id(job.module));
    let failed = failed.into_iter().flatten();
    let failed = failed.map(|(code, n)| (code.clone(), (*n).into()));
    json!({
        "type": "job.finished",
        "timestamp": call.made_at.to_utc(),
        "data": {
            "id": job.id.to_string(),
            "action": job.kind.action(),
            "module": module.map(|module| module.api_name.as_str()),
            "state": job.state.as_str(),
            "counts": routes::job_counts(job),
            "failed_by_code": failed.collect::<serde_json::Map<_, _>>(),
            "error": job.error,
        },
    })
    .to_string()
}
