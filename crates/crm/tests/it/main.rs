//! What may be done, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod carry;
mod heirs;
mod import;
mod org;
