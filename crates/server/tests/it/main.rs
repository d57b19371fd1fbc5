//! The conformance suite of the server: every test speaks HTTP to a server with a real database.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod api;
mod dispatch;
mod native;
mod oauth;
mod probes;
mod stopping;
