//! How the server is asked for things: routes, who may use them, JSON in and out. A request is read
//! on the runtime, hops once to a blocking thread, and everything else happens there in plain code.
//!
//! To add an endpoint: write `fn(&Call) -> Result<Answer, Fault>` in `routes/<noun>.rs` and one line
//! in the table of `routes.rs`.

pub mod answer;
pub mod auth;
pub mod call;
mod csv;
mod dispatch;
mod file;
mod metrics;
mod multipart;
mod notify;
mod outside;
pub mod routes;
mod serve;
pub mod stream;
pub mod version;
mod wire;

pub use answer::Answer;
pub use call::{Ask, Call, Query};
pub use dispatch::{probes, router, router_of};
pub use metrics::Metrics;
pub use notify::{Notice, Notifier, Notifying, TRIES};
pub use outside::{Key, KeyError, Outside, Range};
pub use serve::{GRACE, SystemClock, serve, serve_router};
pub use version::{Endpoint, Version};

use jobs::Engine;
use model::time::Clock;
use std::sync::{Arc, Mutex};
use store::Db;
use stream::Streams;

/// What every request has at hand. Clones share it.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where clients reach this server, without a slash at the end: the only source of absolute
    /// URLs, `api_domain` among them.
    pub public_url: String,
    /// What `/metrics` says.
    pub metrics: Arc<Metrics>,
    /// Held while a backup is written: one at a time.
    pub backing_up: Arc<Mutex<()>>,
    /// The workers of this process, woken when a job is accepted.
    pub engine: Engine,
    /// How others are called.
    pub outside: Arc<Outside>,
    /// The answers that are being sent piece by piece.
    pub streams: Streams,
}

impl App {
    /// Puts the parts together, without workers: jobs are accepted for other processes to run; and
    /// without a key, so that nobody is called.
    pub fn new(db: Db, clock: Arc<dyn Clock>, public_url: &str) -> Self {
        Self {
            db,
            clock,
            public_url: public_url.trim_end_matches('/').to_owned(),
            metrics: Arc::default(),
            backing_up: Arc::default(),
            engine: Engine::none(),
            outside: Arc::default(),
            streams: Streams::default(),
        }
    }
}
