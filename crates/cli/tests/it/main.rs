//! The program itself: what it prints, how it ends, and that it stops as it should.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod export;
mod import;
mod org;
mod sdk;
mod serve;
mod swathe;
