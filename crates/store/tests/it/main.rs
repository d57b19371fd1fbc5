//! The conformance suite of the store: every test runs on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod backup;
mod criteria;
mod doors;
mod failures;
