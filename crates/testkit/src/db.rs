//! A fresh database of each kind.

use model::time::Timestamp;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use store::{Db, Settings, Target};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file in a temporary folder.
    Sqlite,
    /// A schema of its own on the server that `SWATHE_TEST_POSTGRES` names.
    Postgres,
}

/// A database for one test.
pub struct TestDb {
    /// Where it is.
    pub target: Target,
    _dir: Option<TempDir>,
}

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

impl TestDb {
    /// An empty database, not yet opened.
    ///
    /// # Panics
    /// When there is no PostgreSQL to test on: a test that cannot run has failed.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let dir = TempDir::new().expect("a temporary folder");
                let target = Target::Sqlite(dir.path().join("swathe.db"));
                Self {
                    target,
                    _dir: Some(dir),
                }
            }
            Kind::Postgres => Self {
                target: Target::Postgres(new_schema()),
                _dir: None,
            },
        }
    }

    /// The same where a commit costs little: a SQLite file in a folder that lives in memory, where the
    /// system has one. For tests that commit very often and never ask what a power cut leaves.
    ///
    /// # Panics
    /// Like [`Self::new`].
    pub fn quick(kind: Kind) -> Self {
        let memory = Path::new("/dev/shm");
        if kind == Kind::Postgres || !memory.is_dir() {
            return Self::new(kind);
        }
        let dir = TempDir::new_in(memory).expect("a temporary folder");
        Self {
            target: Target::Sqlite(dir.path().join("swathe.db")),
            _dir: Some(dir),
        }
    }

    /// Where it is, as the command line takes it.
    pub fn url(&self) -> String {
        match &self.target {
            Target::Sqlite(path) => format!("sqlite:{}", path.display()),
            Target::Postgres(url) => url.clone(),
        }
    }

    /// Opens it.
    ///
    /// # Panics
    /// When it does not open.
    pub fn open(&self) -> Db {
        let now = Timestamp(1_704_067_200_000);
        Db::open(&Settings {
            target: self.target.clone(),
            now,
        })
        .expect("the database opens")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test command passes the server this way"
)]
fn server() -> String {
    std::env::var("SWATHE_TEST_POSTGRES")
        .expect("SWATHE_TEST_POSTGRES names a PostgreSQL server: run `cargo xtask test`")
}

fn new_schema() -> String {
    let server = server();
    let n = SCHEMAS.fetch_add(1, Ordering::SeqCst);
    let schema = format!("t{}_{n}", std::process::id());
    let mut client =
        postgres::Client::connect(&server, postgres::NoTls).expect("PostgreSQL answers");
    client
        .batch_execute(&format!(
            "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"
        ))
        .expect("a schema for the test");
    let mark = if server.contains('?') { '&' } else { '?' };
    format!("{server}{mark}options=-csearch_path%3D{schema}")
}
