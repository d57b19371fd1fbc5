//! How work survives: claim, chunk, lease, pause, retry, cancel. Nothing here knows what a lead is: an [`Action`]
//! does the work, and this crate promises, each with a test:
//!
//! - a record's change and the count that says so commit together;
//! - a record is changed at most once a job;
//! - at most one lease holder writes; a late one is fenced off;
//! - after a crash the job goes on at its cursor;
//! - every job ends: a record that always fails gets an outcome and the job passes it;
//! - a cancelled job stays cancelled, whatever its worker does;
//! - counts never fall and always sum to the cursor;
//! - accepting a job commits with the answer or not at all.

mod accept;
mod action;
pub mod control;
mod engine;
mod event_worker;
mod fault;
mod plan;
mod retry;
mod worker;

pub use accept::{TARGETS_AT_ONCE, accept, accept_in, accept_then, past_given_up, run_now};
pub use action::{Action, Actions, Memory, Purge, Settled, left_over};
pub use engine::Engine;
pub use event_worker::{Effects, EventStep, EventWorker};
pub use fault::{EventPoint, Point};
pub use plan::{Outdated, make_plan};
pub use retry::{Make, Sealed, retry};
pub use worker::{KEPT_MS, Step, Worker};
