//! One running server: the database, the workers and the listening address, started and stopped as one.

use crate::serve::{start_engine, start_notifier, told_to_stop};
use anyhow::{Context, Result};
use jobs::Engine;
use server::{App, Notifying, Outside, SystemClock};
use std::net::SocketAddr;
use std::sync::Arc;
use store::Db;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server that runs in this process.
pub(crate) struct Node {
    runtime: Runtime,
    engine: Engine,
    notifying: Notifying,
    serving: JoinHandle<std::io::Result<()>>,
    stop: oneshot::Sender<()>,
}

impl Node {
    /// Starts workers and serves on an address that is free.
    pub(crate) fn start(
        db: &Db,
        outside: &Arc<Outside>,
        listen: SocketAddr,
    ) -> Result<(Self, String)> {
        let runtime = Runtime::new().context("starting the runtime")?;
        let listener = runtime
            .block_on(TcpListener::bind(listen))
            .with_context(|| format!("listening on {listen}"))?;
        let url = format!("http://{}", listener.local_addr().context("the address")?);
        let engine = start_engine(db)?;
        let notifying = start_notifier(db, outside)?;
        let app = App {
            engine: engine.clone(),
            outside: Arc::clone(outside),
            ..App::new(db.clone(), Arc::new(SystemClock), &url)
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            // A sender that is gone means the same as one that speaks.
            let _ = stopped.await;
        };
        let serving = runtime.spawn(server::serve(listener, app, shutdown));
        Ok((
            Self {
                runtime,
                engine,
                notifying,
                serving,
                stop,
            },
            url,
        ))
    }

    /// Waits for Ctrl-C or SIGTERM.
    pub(crate) fn wait_for_signal(&self) -> Result<()> {
        self.runtime.block_on(async {
            told_to_stop()?.await;
            Ok(())
        })
    }

    /// Stops accepting, finishes what was begun, and gives all leases back.
    pub(crate) fn stop(self) -> Result<()> {
        self.engine.halt();
        // Serving that ended by itself has dropped its end.
        let _ = self.stop.send(());
        let ended = self.runtime.block_on(self.serving).context("serving")?;
        self.engine.stop();
        self.notifying.halt();
        ended.context("serving")
    }
}
