//! Calls to the outside that are owed (`store/src/calls.rs`): that a job has ended, and what workflow
//! rules tell. They are made on threads of their own, so that a slow receiver never keeps a chunk waiting.
//!
//! A call is made at least once. Each try is counted before it is made, so that a crash in the middle
//! costs a try and never makes one too many; after the last the call is dead. The next try is made once
//! the one before is surely over. Endpoints take turns, one call at a time; after a failure one is left
//! alone for a while. Those that did not take their last call get half of the threads at most, so that
//! receivers that hang hold up none that answers.

use crate::outside::{Key, Outside};
use crate::routes;
use model::call::{CallKind, CallState};
use model::id::{CallId, UserId};
use model::time::{Clock, Timestamp};
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use store::calls::{self, Call, Due};
use store::jobs::Job;
use store::{Db, Fault, Priority, Tx, jobs};

/// How long after each try the next one is made; after the last there is none. About ten hours.
const WAITS_MS: [i64; 8] = [
    5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 18_000_000,
];
/// Tries of a call.
pub const TRIES: usize = WAITS_MS.len() + 1;
/// How long an endpoint is left alone after the first failure, the second and so on, until it takes a
/// call.
const RESTS_MS: [i64; 4] = [5_000, 30_000, 120_000, 300_000];
/// A call to an endpoint that fails is given up when it is owed for so long: three days.
const OWED_MS_MAX: i64 = 3 * 24 * 60 * 60 * 1_000;
/// Calls that are given up in one transaction.
const GIVEN_UP_MAX: i64 = 1_000;
/// Calls that are made at once.
const THREADS: usize = 16;
/// Of these, calls to endpoints that did not take their last one, or never were called.
const UNPROVEN_MAX: usize = THREADS / 2;
/// How often a thread looks for calls.
const POLL: Duration = Duration::from_secs(1);
/// Whose secret signs what workflow rules tell.
pub(crate) const ORG_RECEIVER: &str = "org";

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// No call is due.
    Idle,
    /// A call was tried, and is now in this state.
    Called(CallId, CallState),
}

/// Makes the calls that are owed.
#[derive(Clone)]
pub struct Notifier {
    db: Db,
    clock: Arc<dyn Clock>,
    outside: Arc<Outside>,
    /// How many endpoints are being called that did not take their last call.
    unproven: Arc<AtomicUsize>,
}

/// Whose secret signs the calls of a job: the API client's that asked for it, or of a token without
/// one, the user's.
pub(crate) fn receiver(client: Option<&str>, user: UserId) -> String {
    match client {
        Some(client) => format!("client:{client}"),
        None => format!("user:{user}"),
    }
}

/// A try that is counted and yet to be made.
struct Try {
    due: Due,
    /// What is sent, and whose secret signs it.
    body: String,
    receiver: String,
    /// How long after a failure the next try is made, if there is one.
    wait_ms: Option<i64>,
    begun_at: Timestamp,
    /// Held while an endpoint is called that did not take its last call.
    _unproven: Option<Unproven>,
}

struct Unproven(Arc<AtomicUsize>);

impl Drop for Unproven {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What looking for a call came to.
enum Turn {
    Nobody,
    /// The last try was cut off, and nobody knows how it went.
    CutOff(CallId),
    Somebody(Box<Try>),
}

impl Notifier {
    /// Makes calls through this room.
    pub fn new(db: Db, clock: Arc<dyn Clock>, outside: Arc<Outside>) -> Self {
        Self {
            db,
            clock,
            outside,
            unproven: Arc::default(),
        }
    }

    /// Makes the call whose turn it is, if one is due.
    pub fn step(&self) -> Result<Notice, Fault> {
        match self.turn()? {
            Turn::Nobody => Ok(Notice::Idle),
            Turn::CutOff(id) => Ok(Notice::Called(id, CallState::Dead)),
            Turn::Somebody(made) => self.make(&made),
        }
    }

    /// Counts the try whose turn it is.
    fn turn(&self) -> Result<Turn, Fault> {
        let now = self.clock.now();
        if self.outside.key().is_none() {
            return Ok(Turn::Nobody);
        }
        let proven = self.unproven.load(Ordering::SeqCst) >= UNPROVEN_MAX;
        let due = self.db.read(|tx| Ok(calls::next(tx, now, proven)?))?;
        if due.is_none() {
            return Ok(Turn::Nobody);
        }
        let patience = i64::try_from(self.outside.patience().as_millis()).unwrap_or(i64::MAX);
        let over = now.plus_ms(patience);
        self.db.write(Priority::Chunk, |tx| {
            let Some(mut due) = Due::take(tx, now, over, proven)? else {
                return Ok(Turn::Nobody);
            };
            let tried = usize::try_from(due.call.attempts).unwrap_or(usize::MAX);
            let told = told(tx, &due.call)?.filter(|_| tried < TRIES);
            let Some((body, receiver)) = told else {
                let error = "the server stopped during the last try";
                calls::failed(tx, &due, error, now, None, now)?;
                return Ok(Turn::CutOff(due.call.id));
            };
            let wait_ms = WAITS_MS.get(tried).copied();
            let next = over.plus_ms(wait_ms.unwrap_or(i64::from(u16::MAX)));
            if !calls::begin(tx, &mut due, now, next)? {
                return Ok(Turn::Nobody);
            }
            Ok(Turn::Somebody(Box::new(Try {
                _unproven: (!due.proven).then(|| self.unproven()),
                due,
                body,
                receiver,
                wait_ms,
                begun_at: now,
            })))
        })
    }

    fn unproven(&self) -> Unproven {
        self.unproven.fetch_add(1, Ordering::SeqCst);
        Unproven(Arc::clone(&self.unproven))
    }

    /// Makes a try, and keeps how it went.
    fn make(&self, made: &Try) -> Result<Notice, Fault> {
        let Some(key) = self.outside.key() else {
            return Ok(Notice::Idle);
        };
        let sent = self.send(key, made);
        let now = self.clock.now();
        let due = &made.due;
        let next = made.wait_ms.map(|ms| now.plus_ms(ms));
        let (state, next) = match &sent {
            Ok(()) => (CallState::Delivered, None),
            Err(Failure { gone: false, .. }) if next.is_some() => (CallState::Waiting, next),
            Err(Failure { told, .. }) => {
                let id = due.call.id;
                tracing::warn!(call = %id, error = told, "a receiver could not be told");
                (CallState::Dead, None)
            }
        };
        let failures = usize::try_from(due.failures).unwrap_or(usize::MAX);
        let rest = RESTS_MS.get(failures).or(RESTS_MS.last());
        let rests_until = now.plus_ms(rest.copied().unwrap_or_default());
        self.db.write(Priority::Chunk, |tx| {
            let Err(failure) = &sent else {
                return Ok(calls::delivered(tx, due, now)?);
            };
            calls::failed(tx, due, &failure.told, now, next, rests_until)?;
            let long_ago = now.plus_ms(-OWED_MS_MAX);
            let why = "its receiver took no call for days";
            calls::give_up(tx, &due.call.endpoint, long_ago, why, GIVEN_UP_MAX)?;
            Ok(())
        })?;
        Ok(Notice::Called(due.call.id, state))
    }

    fn send(&self, key: &Key, made: &Try) -> Result<(), Failure> {
        let (call, body) = (&made.due.call, made.body.as_str());
        let at = (made.begun_at.0 / 1_000).to_string();
        let signature = key.signature(&made.receiver, &call.event, &at, body);
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", call.event.as_str()),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        let answered = self.outside.post(&call.url, &headers, body.as_bytes());
        let status = answered.map_err(|told| Failure { told, gone: false })?;
        let told = match status {
            200..300 => return Ok(()),
            300..400 => format!("it answered {status}, and redirects are not followed"),
            410 => "it answered 410: it is gone, and is not called again".to_owned(),
            _ => format!("it answered {status}"),
        };
        let gone = status == 410;
        Err(Failure { told, gone })
    }

    /// Starts threads that make calls until the process is told to stop.
    pub fn start(&self) -> std::io::Result<Notifying> {
        let shared: Arc<Shared> = Arc::default();
        for n in 0..THREADS {
            let (notifier, shared) = (self.clone(), Arc::clone(&shared));
            std::thread::Builder::new()
                .name(format!("notify {n}"))
                .spawn(move || notifier.run(&shared))?;
        }
        Ok(Notifying(shared))
    }

    fn run(&self, shared: &Shared) {
        while let Some(made) = self.look(shared) {
            match catch_unwind(AssertUnwindSafe(|| self.make(&made))) {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "what a call came to cannot be kept now"),
                Err(_) => tracing::error!("making a call panicked; the thread goes on"),
            }
            drop(made);
            shared.tell(|told| told.made = told.made.wrapping_add(1));
        }
    }

    /// The next try, waited for; none when the process stops. One thread looks, the others queue behind
    /// it.
    fn look(&self, shared: &Shared) -> Option<Box<Try>> {
        let _looking = lock(&shared.looking);
        loop {
            let made = {
                let told = lock(&shared.told);
                if told.stopped {
                    return None;
                }
                told.made
            };
            match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(Ok(Turn::Somebody(made))) => return Some(made),
                Ok(Ok(Turn::CutOff(_))) => continue,
                Ok(Ok(Turn::Nobody)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "calls cannot be made now"),
                Err(_) => tracing::error!("looking for calls panicked; the thread goes on"),
            }
            let told = lock(&shared.told);
            let same = |told: &mut Told| !told.stopped && told.made == made;
            let waited = shared.changed.wait_timeout_while(told, POLL, same);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Why a receiver did not take a call.
struct Failure {
    told: String,
    /// It said that it never will.
    gone: bool,
}

/// What the threads of a process tell each other.
#[derive(Default)]
struct Shared {
    looking: Mutex<()>,
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    stopped: bool,
    /// Tries that ended: whose endpoint is free again.
    made: u64,
}

impl Shared {
    fn tell(&self, tell: impl FnOnce(&mut Told)) {
        tell(&mut lock(&self.told));
        self.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Threads that make calls. A call that runs is not waited for: its try is counted already.
pub struct Notifying(Arc<Shared>);

impl Notifying {
    /// Lets no further call begin.
    pub fn halt(&self) {
        self.0.tell(|told| told.stopped = true);
    }
}

/// What a call sends, and whose secret signs it; none if its job is not there any more.
fn told(tx: &mut Tx, call: &Call) -> Result<Option<(String, String)>, Fault> {
    if call.kind == CallKind::Workflow {
        let body = call.body.clone();
        return Ok(body.map(|body| (body, ORG_RECEIVER.to_owned())));
    }
    let Some(id) = call.job else { return Ok(None) };
    let Some(job) = jobs::find(tx, id)? else {
        return Ok(None);
    };
    let failed = store::outcomes::failed_by_code(tx, &[id])?;
    let body = body(tx.find_catalog().as_deref(), &job, failed.get(&id), call);
    Ok(Some((body, receiver(job.client.as_deref(), job.actor))))
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
