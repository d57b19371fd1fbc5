//! API clients (OAuth).
