//! The program itself: what it prints, how it ends, and that it stops as it should.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod backup;
mod calls;
#[cfg(target_os = "linux")]
mod database;
mod demo;
mod desk;
mod export;
mod import;
mod jobs;
mod kill;
mod odd_server;
mod old_schema;
mod org;
mod proxy;
mod run;
mod sdk;
mod serve;
#[cfg(unix)]
mod stop;
mod swathe;
#[cfg(unix)]
mod terminal;
mod wal;
mod world;
