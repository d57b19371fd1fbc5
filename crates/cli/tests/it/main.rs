//! The program itself: what it prints, how it ends, and that it stops as it should.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod backup;
#[cfg(target_os = "linux")]
mod database;
mod export;
mod import;
mod kill;
mod org;
mod proxy;
mod sdk;
mod serve;
#[cfg(unix)]
mod stop;
mod swathe;
mod world;
