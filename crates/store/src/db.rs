//! The database behind two doors. Each opens one transaction on the caller's thread, runs one
//! closure, and commits; inside, nothing can wait for a client or a network. Callers stand on
//! blocking threads: the server hops to one once a request, a worker lives on one.

use crate::gate::{Gate, Priority};
use crate::ids::{BLOCK, Ids};
use crate::migrate::{self, MIGRATIONS};
use crate::postgres::PgConnection;
use crate::process::Presence;
use crate::tx::{Engine, Tx};
use crate::{Dialect, Error, Fault, Result, catalog, kill, sqlite};
use model::catalog::Catalog;
use model::time::Timestamp;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// How often a closure runs again after a conflict.
const RUNS_MAX: usize = 6;
/// Connections that read SQLite at once.
const READERS_MAX: usize = 4;
/// Connections to PostgreSQL at once.
const CONNECTIONS_MAX: usize = 12;
/// Nobody waits longer than this for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the database is: `sqlite:FILE` or `postgres://…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    Sqlite(PathBuf),
    /// A server's URL.
    Postgres(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() || path == ":memory:" {
                Err("sqlite: needs a file".to_owned())
            } else {
                Ok(Self::Sqlite(PathBuf::from(path)))
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(format!("{text:?} is neither sqlite:FILE nor postgres://…"))
    }
}

/// How to open a database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is.
    pub target: Target,
    /// The time now, for the schema's own rows.
    pub now: Timestamp,
}

/// Connections that are not in use, and how many there are in all.
struct Pool<C> {
    state: Mutex<(Vec<C>, usize)>,
    freed: Condvar,
    max: usize,
}

impl<C> Pool<C> {
    fn new(max: usize) -> Self {
        Self {
            state: Mutex::new((Vec::new(), 0)),
            freed: Condvar::new(),
            max,
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<C>, usize)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs with a connection; one that `usable` says no to afterwards is dropped.
    fn with<T>(
        &self,
        open: impl FnOnce() -> Result<C>,
        usable: impl FnOnce(&C) -> bool,
        run: impl FnOnce(&mut C) -> T,
    ) -> Result<T> {
        let mut place = Place {
            pool: self,
            connection: self.take()?,
        };
        let connection = match place.connection.take() {
            Some(connection) => connection,
            None => open()?,
        };
        let mut connection = connection;
        let answer = run(&mut connection);
        place.connection = usable(&connection).then_some(connection);
        Ok(answer)
    }

    /// Drops the connections that are not in use.
    fn clear(&self) {
        let mut state = self.lock();
        state.1 -= state.0.len();
        let idle = std::mem::take(&mut state.0);
        drop(state);
        self.freed.notify_all();
        drop(idle);
    }

    fn take(&self) -> Result<Option<C>> {
        let mut state = self.lock();
        loop {
            if let Some(connection) = state.0.pop() {
                return Ok(Some(connection));
            }
            if state.1 < self.max {
                state.1 += 1;
                return Ok(None);
            }
            let (next, wait) = self
                .freed
                .wait_timeout(state, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            if wait.timed_out() && state.0.is_empty() && state.1 >= self.max {
                return Err(Error::Busy("no connection came free in time".to_owned()));
            }
        }
    }
}

/// A place in the pool; given back when dropped, with the connection if it is still good.
struct Place<'a, C> {
    pool: &'a Pool<C>,
    connection: Option<C>,
}

impl<C> Drop for Place<'_, C> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        match self.connection.take() {
            Some(connection) => state.0.push(connection),
            None => state.1 -= 1,
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

enum Backend {
    Sqlite {
        path: PathBuf,
        gate: Gate,
        writer: Mutex<rusqlite::Connection>,
        readers: Pool<rusqlite::Connection>,
        process: Mutex<Option<i64>>,
        _owner: sqlite::Owner,
    },
    Postgres {
        url: String,
        pool: Pool<PgConnection>,
        presence: Mutex<Presence>,
    },
}

struct Inner {
    backend: Backend,
    ids: Ids,
    catalog: RwLock<Option<Arc<Catalog>>>,
    events: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// The database. Clones share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

/// What kind of transaction a closure runs in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Read,
    Write(Priority),
    /// Alone: nothing that depends on the catalog runs at the same time.
    ChangeCatalog,
}

impl Db {
    /// Opens a database, making it or bringing it to this program's schema.
    pub fn open(settings: &Settings) -> Result<Self> {
        let now = settings.now;
        let db = Self::connect(settings)?;
        db.prepare(&mut |tx| migrate::migrate(tx, &MIGRATIONS, now).map_err(Fault::from))?;
        Ok(db)
    }

    /// Opens a database that is there and leaves its schema as it is, to take a backup of it: one of
    /// before an upgrade must still be possible. Refuses an empty one, and one of a schema that this
    /// program does not know.
    pub fn open_as_is(settings: &Settings) -> Result<Self> {
        let db = Self::connect(settings)?;
        db.prepare(&mut |tx| migrate::readable(tx).map_err(Fault::from))?;
        Ok(db)
    }

    fn prepare(
        &self,
        run: &mut dyn FnMut(&mut Tx) -> std::result::Result<(), Fault>,
    ) -> Result<()> {
        self.transact(Mode::Write(Priority::Interactive), false, run)
            .map_err(|fault| match fault {
                Fault::Store(error) => error,
                Fault::Refused(why) => Error::Unusable(why.message.into_owned()),
            })
    }

    pub(crate) fn connect(settings: &Settings) -> Result<Self> {
        let backend = match &settings.target {
            Target::Sqlite(path) => {
                let owner = sqlite::own(path)?;
                Backend::Sqlite {
                    path: path.clone(),
                    gate: Gate::default(),
                    writer: Mutex::new(sqlite::open_writer(path)?),
                    readers: Pool::new(READERS_MAX),
                    process: Mutex::default(),
                    _owner: owner,
                }
            }
            Target::Postgres(url) => Backend::Postgres {
                url: url.clone(),
                pool: Pool::new(CONNECTIONS_MAX),
                presence: Mutex::default(),
            },
        };
        let inner = Inner {
            backend,
            ids: Ids::default(),
            catalog: RwLock::new(None),
            events: OnceLock::new(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Runs a closure in a snapshot that only reads. Blocks.
    pub fn read<T>(
        &self,
        mut run: impl FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        self.repeat(Mode::Read, &mut run)
    }

    /// Runs a closure once in a snapshot on a connection of its own, for as long as it takes: for a
    /// backup. On SQLite the log grows meanwhile; on PostgreSQL the catalog cannot change.
    pub(crate) fn snapshot<T>(
        &self,
        run: &mut dyn FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        match &self.0.backend {
            Backend::Sqlite { path, .. } => {
                let connection = sqlite::open_reader(path)?;
                self.on_sqlite(&connection, Mode::Read, false, run)
            }
            Backend::Postgres { url, .. } => {
                let mut connection = PgConnection::open(url)?;
                connection.batch(begin(Mode::Read))?;
                if let Some(gate) = Dialect::Postgres.catalog_gate(false) {
                    connection.batch(gate)?;
                }
                self.on_postgres(&mut connection, Mode::Read, false, run)
            }
        }
    }

    /// The folder of a SQLite file, where there is room for as much again; `None` on PostgreSQL.
    pub fn folder(&self) -> Option<&Path> {
        match &self.0.backend {
            Backend::Sqlite { path, .. } => {
                let folder = path
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty());
                Some(folder.unwrap_or(Path::new(".")))
            }
            Backend::Postgres { .. } => None,
        }
    }

    /// Says what is done after a commit that left events for automation. It is said once.
    pub fn when_events_are_left(&self, wake: impl Fn() + Send + Sync + 'static) {
        drop(self.0.events.set(Box::new(wake)));
    }

    fn after_commit(&self, mode: Mode, events_left: i64) {
        if mode != Mode::Read {
            kill::point("commit.after");
        }
        if events_left > 0
            && let Some(wake) = self.0.events.get()
        {
            wake();
        }
    }

    /// Runs a closure in a transaction and commits it. Blocks. The closure may run more than once,
    /// but only one run takes effect.
    pub fn write<T>(
        &self,
        priority: Priority,
        mut run: impl FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        self.repeat(Mode::Write(priority), &mut run)
    }

    /// Like [`Self::write`], alone: for changes of the catalog and its tables.
    pub fn change_catalog<T>(
        &self,
        mut run: impl FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        self.repeat(Mode::ChangeCatalog, &mut run)
    }

    fn repeat<T>(
        &self,
        mode: Mode,
        run: &mut dyn FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        if mode != Mode::Read && self.0.ids.low() {
            self.reserve_ids()?;
        }
        let mut runs = 1;
        loop {
            match self.transact(mode, true, run) {
                Err(Fault::Store(Error::Conflict(why))) if runs < RUNS_MAX => {
                    tracing::debug!(runs, why, "a transaction runs again");
                    runs += 1;
                }
                answer => return answer,
            }
        }
    }

    /// A new id outside a transaction.
    pub fn new_id(&self) -> std::result::Result<i64, Fault> {
        if self.0.ids.low() {
            self.reserve_ids()?;
        }
        Ok(self.0.ids.next()?)
    }

    /// The number by which other processes can tell whether this one lives; what it claims is marked
    /// with it. It changes when the database may have taken this process for dead.
    pub fn process(&self) -> std::result::Result<i64, Fault> {
        match &self.0.backend {
            Backend::Sqlite { process, .. } => {
                let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(number) = *process {
                    return Ok(number);
                }
                let number = self.new_id()?;
                *process = Some(number);
                Ok(number)
            }
            Backend::Postgres { url, presence, .. } => {
                let mut presence = presence.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(presence.number(url)?)
            }
        }
    }

    fn reserve_ids(&self) -> std::result::Result<(), Fault> {
        let mode = Mode::Write(Priority::Interactive);
        let end = self.transact(mode, false, &mut |tx| {
            let sql = "UPDATE id_blocks SET next = next + $1 RETURNING next";
            Ok(tx.value::<i64>(sql, crate::params![BLOCK])?)
        })?;
        self.0.ids.refill(end - BLOCK);
        Ok(())
    }

    fn transact<T>(
        &self,
        mode: Mode,
        with_catalog: bool,
        run: &mut dyn FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        match &self.0.backend {
            Backend::Sqlite {
                gate,
                writer,
                path,
                readers,
                ..
            } => match mode {
                Mode::Read => readers.with(
                    || sqlite::open_reader(path),
                    rusqlite::Connection::is_autocommit,
                    |connection| {
                        sqlite::start_read_time(connection)?;
                        self.on_sqlite(connection, mode, with_catalog, run)
                    },
                )?,
                Mode::Write(_) | Mode::ChangeCatalog => {
                    let priority = match mode {
                        Mode::Write(priority) => priority,
                        _ => Priority::Interactive,
                    };
                    let _turn = gate.enter(priority)?;
                    // A panic in a closure was rolled back by its guard, so the connection is good.
                    let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                    self.on_sqlite(&writer, mode, with_catalog, run)
                }
            },
            Backend::Postgres { url, pool, .. } => loop {
                let mut opened = false;
                let open = || {
                    opened = true;
                    PgConnection::open(url)
                };
                let usable = |connection: &PgConnection| !connection.is_closed();
                let answer = pool.with(open, usable, |connection| {
                    connection.batch(begin(mode))?;
                    Ok(self.on_postgres(connection, mode, with_catalog, run))
                })?;
                match answer {
                    Ok(answer) => return answer,
                    // The server was away since this one was last used, so all of that age are gone.
                    Err(Error::Away(_)) if !opened => pool.clear(),
                    Err(error) => return Err(error.into()),
                }
            },
        }
    }

    fn on_sqlite<T>(
        &self,
        connection: &rusqlite::Connection,
        mode: Mode,
        with_catalog: bool,
        run: &mut dyn FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        let begin = if mode == Mode::Read {
            "BEGIN"
        } else {
            "BEGIN IMMEDIATE"
        };
        connection.execute_batch(begin).map_err(Error::from)?;
        let undo = Rollback(connection);
        let mut tx = begun(Tx::new(Engine::Sqlite(connection), &self.0.ids), mode);
        if with_catalog {
            self.attach_catalog(&mut tx)?;
        }
        let answer = run(&mut tx)?;
        went_well(&tx, mode)?;
        before_commit(mode);
        let events_left = tx.events_left();
        connection.execute_batch("COMMIT").map_err(Error::from)?;
        drop(undo);
        self.after_commit(mode, events_left);
        Ok(answer)
    }

    fn on_postgres<T>(
        &self,
        connection: &mut PgConnection,
        mode: Mode,
        with_catalog: bool,
        run: &mut dyn FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        let mut tx = begun(Tx::new(Engine::Postgres(connection), &self.0.ids), mode);
        let answer = self.in_postgres(&mut tx, mode, with_catalog, run);
        let events_left = tx.events_left();
        match answer {
            Ok(answer) => match connection.batch("COMMIT") {
                Ok(()) => {
                    self.after_commit(mode, events_left);
                    Ok(answer)
                }
                Err(error) if connection.is_closed() => {
                    Err(Error::OutcomeUnknown(error.to_string()).into())
                }
                Err(error) => Err(error.into()),
            },
            Err(fault) => {
                if let Err(error) = connection.batch("ROLLBACK") {
                    tracing::warn!(%error, "a rollback failed; its connection is dropped");
                }
                Err(fault)
            }
        }
    }

    fn in_postgres<T>(
        &self,
        tx: &mut Tx,
        mode: Mode,
        with_catalog: bool,
        run: &mut dyn FnMut(&mut Tx) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        if with_catalog {
            if mode != Mode::Read
                && let Some(gate) = tx.dialect().catalog_gate(mode == Mode::ChangeCatalog)
            {
                tx.batch(gate)?;
            }
            self.attach_catalog(tx)?;
        }
        let answer = run(tx)?;
        went_well(tx, mode)?;
        before_commit(mode);
        Ok(answer)
    }

    /// Gives the transaction the catalog at the version it sees, from memory where that is the same.
    fn attach_catalog(&self, tx: &mut Tx) -> Result<()> {
        let Some(version) = catalog::version(tx)? else {
            return Ok(());
        };
        let known = self
            .0
            .catalog
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let current = match known {
            Some(known) if known.version == version => known,
            _ => {
                let loaded = Arc::new(catalog::load(tx)?);
                let mut cache = self
                    .0
                    .catalog
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                if cache.as_ref().is_none_or(|cached| cached.version < version) {
                    *cache = Some(Arc::clone(&loaded));
                }
                loaded
            }
        };
        tx.set_catalog(Some(current));
        Ok(())
    }
}

/// How a transaction begins on PostgreSQL. A chunk waits only shortly for rows that others hold: its
/// worker has more jobs than this one.
fn begin(mode: Mode) -> &'static str {
    match mode {
        Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Mode::Write(Priority::Chunk) => {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '1s'"
        }
        Mode::Write(Priority::Interactive) | Mode::ChangeCatalog => {
            "BEGIN ISOLATION LEVEL READ COMMITTED"
        }
    }
}

/// What a torture kills the process at: each commit boundary of each write.
fn before_commit(mode: Mode) {
    if mode != Mode::Read {
        kill::point("commit.before");
    }
}

fn begun(tx: Tx<'_>, mode: Mode) -> Tx<'_> {
    if mode == Mode::Read {
        tx.reading_only()
    } else {
        tx
    }
}

/// Refuses to commit after a statement that failed, whatever the closure made of it: PostgreSQL has
/// rolled back by then, and both databases behave alike.
fn went_well(tx: &Tx, mode: Mode) -> Result<()> {
    match tx.failed() {
        Some(why) if mode != Mode::Read => Err(Error::Inconsistent(format!(
            "a transaction went on after a statement had failed: {why}"
        ))),
        _ => Ok(()),
    }
}

/// Rolls back when dropped inside a transaction: after an error, a refusal or a panic.
struct Rollback<'a>(&'a rusqlite::Connection);

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a rollback failed");
        }
    }
}
