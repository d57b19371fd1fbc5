//! The promises of the job engine, each kept on both databases: workers are stepped by hand over a
//! toy table, and time stands still unless a test moves it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod accept;
mod automation;
mod clock;
mod control;
mod engine;
mod fairness;
mod faults;
mod lease;
mod poison;
mod races;
mod retry;
mod run;
mod simulate;
mod terms;
mod toy;
