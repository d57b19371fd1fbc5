//! `swathe serve`: opens the database, starts the workers, listens, and stops in the opposite order.

use crate::settings::{self, DEFAULT_DATABASE, Failure, Usage, say};
use crate::{Done, org};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use crm::org::Started;
use jobs::{Engine, EventWorker, Worker};
use server::{App, Key, Notifier, Notifying, Outside, Range, SystemClock};
use std::io::IsTerminal;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Db, Target};
use tracing_subscriber::EnvFilter;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Answer requests and work on jobs
    All,
    /// Answer requests; other processes work on jobs
    Api,
    /// Work on jobs; answer /healthz, /readyz and /metrics only
    Worker,
}

/// The options.
#[derive(Args)]
pub(crate) struct Serve {
    /// Address to listen on; port 0 is any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where clients reach this server [default: http:// and the address listened on]
    #[arg(long, value_name = "URL", value_parser = public_url)]
    public_url: Option<String>,
    /// The database: sqlite:FILE or postgres://…
    #[arg(long, env = "SWATHE_DATABASE", value_name = "URL", default_value = DEFAULT_DATABASE)]
    #[arg(hide_env_values = true)]
    database: Target,
    /// An org file, applied when the database has no org yet
    #[arg(long, value_name = "FILE")]
    org: Option<PathBuf>,
    /// The file of the key that signs completion calls, made if it is not there [default: beside a
    /// SQLite file, under its name and .key]
    #[arg(long, env = "SWATHE_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Addresses that completion calls may reach beside public ones, such as 10.0.0.0/8; several are
    /// given one by one
    #[arg(long, value_name = "CIDR")]
    egress_allow: Vec<Range>,
    /// What this process does
    #[arg(long, value_enum, default_value = "all")]
    role: Role,
}

/// An absolute http or https URL, without a slash at the end.
fn public_url(text: &str) -> Result<String, String> {
    let wrong = || "needs to be http://host or https://host, with a port or a path at most";
    let uri: ureq::http::Uri = text.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    if known && uri.host().is_some() && uri.query().is_none() && !text.contains('@') {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(wrong().to_owned())
    }
}

impl Serve {
    /// Serves until it is told to stop.
    pub(crate) fn run(&self) -> Done {
        self.check()?;
        log_to_stderr();
        let db = settings::open(&self.database)?;
        self.apply_org(&db)?;
        let listener = TcpListener::bind(self.listen)
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        listener.set_nonblocking(true)?;
        let at = listener.local_addr()?;
        let url = self.public_url.clone();
        let url = url.unwrap_or_else(|| format!("http://{at}"));
        let clock = Arc::new(SystemClock);
        let engine = self.start_engine(&db)?;
        let outside = outside(&self.database, self.key_file.as_deref(), &self.egress_allow)?;
        let notifying = match self.role {
            Role::Api => None,
            Role::All | Role::Worker => Some(start_notifier(&db, &outside)?),
        };
        let app = App {
            engine: engine.clone(),
            outside,
            ..App::new(db.clone(), clock, &url)
        };
        let streams = app.streams.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let router = if self.role == Role::Worker {
                server::probes(app)
            } else {
                server::router(app)
            };
            let (told, workers) = (told_to_stop()?, engine.clone());
            let told = async move {
                told.await;
                // Others go on with the jobs while requests finish here.
                workers.halt();
                streams.stop();
            };
            say(format_args!("Swathe listens on http://{at}"))?;
            server::serve_router(listener, router, told).await?;
            Ok::<(), Failure>(())
        });
        // Handlers that outlived the grace hold transactions, which end with the process.
        runtime.shutdown_background();
        engine.stop();
        if let Some(notifying) = notifying {
            notifying.halt();
        }
        // Its last owner must not be inside the runtime, where connections to PostgreSQL cannot be
        // closed: they run one of their own.
        drop(db);
        tracing::info!("stopped");
        served
    }

    fn check(&self) -> Done {
        if self.public_url.is_none() && !self.listen.ip().is_loopback() {
            bail!(Usage(format!(
                "--listen {} is reached from elsewhere: say with --public-url where",
                self.listen
            )));
        }
        if self.role != Role::All && matches!(self.database, Target::Sqlite(_)) {
            bail!(Usage(
                "--role api and --role worker share a PostgreSQL database: a SQLite file has one owner"
                    .to_owned()
            ));
        }
        Ok(())
    }

    /// Makes the org of an empty database; of another it only says how the file differs, because
    /// what people changed since must not be undone by a restart.
    fn apply_org(&self, db: &Db) -> Done {
        let Some(file) = &self.org else {
            return Ok(());
        };
        let text = settings::read(file)?;
        match crm::org::start(db, &text, settings::now()) {
            Ok(Started::Applied(applied)) => {
                tracing::info!(version = applied.version, "the org file was applied");
            }
            Ok(Started::Differs(changes)) => {
                for change in changes.iter().filter(|change| change.matters()) {
                    tracing::warn!(change = %change, "the org file differs; nothing was changed");
                }
            }
            Err(unfit) => return Err(org::told(file, unfit)),
        }
        Ok(())
    }

    fn start_engine(&self, db: &Db) -> Result<Engine, Failure> {
        if self.role == Role::Api {
            return Ok(Engine::none());
        }
        start_engine(db)
    }
}

/// Starts the workers of this process. Its name is for people who look at a job: leases are told
/// apart by their numbers.
pub(crate) fn start_engine(db: &Db) -> Result<Engine, Failure> {
    let name = format!("process {}", std::process::id());
    let clock = Arc::new(SystemClock);
    let worker = Worker::new(db.clone(), clock.clone(), crm::actions::all(), name);
    let automation = Arc::new(crm::workflow::Automation);
    let events = EventWorker::new(db.clone(), clock, automation);
    let engine = Engine::start(worker)?.with_events(events)?;
    db.when_events_are_left(engine.waker_of_events());
    Ok(engine)
}

/// How others are called: with the key of a file, which a SQLite database has beside it.
pub(crate) fn outside(
    database: &Target,
    key_file: Option<&Path>,
    allow: &[Range],
) -> Result<Arc<Outside>, Failure> {
    let beside = match database {
        Target::Sqlite(path) => {
            let mut name = path.clone().into_os_string();
            name.push(".key");
            Some(PathBuf::from(name))
        }
        Target::Postgres(_) => None,
    };
    let key = key_file.map(Path::to_owned).or(beside);
    let key = key.map(|path| Key::open(&path)).transpose()?;
    Ok(Arc::new(Outside::new(allow.to_vec(), key)))
}

/// Starts the threads that make completion calls.
pub(crate) fn start_notifier(db: &Db, outside: &Arc<Outside>) -> Result<Notifying, Failure> {
    let notifier = Notifier::new(db.clone(), Arc::new(SystemClock), Arc::clone(outside));
    Ok(notifier.start()?)
}

/// Plain on a terminal, JSON otherwise; RUST_LOG chooses what.
fn log_to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .from_env_lossy();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would tell of a line that cannot be written by writing another, and panic: a full disk
        // that holds the log must cost lines, not requests.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let set = if std::io::stderr().is_terminal() {
        lines.try_init()
    } else {
        lines.json().try_init()
    };
    // Only a second logger fails, and this is the first.
    drop(set);
}

/// Done when the process is asked to stop.
pub(crate) fn told_to_stop() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            // Without a way to be told, serving goes on until the process is ended.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
