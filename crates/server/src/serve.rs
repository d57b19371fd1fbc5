//! The listening server: starts, and stops without dropping what was begun.

use crate::App;
use crate::dispatch::router;
use model::time::{Clock, Timestamp};
use std::future::Future;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Requests that were begun have this long to finish when the server stops.
pub const GRACE: Duration = Duration::from_secs(10);

/// The time of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the time comes from"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let ms = since.unwrap_or_default().as_millis();
        Timestamp(i64::try_from(ms).unwrap_or(i64::MAX))
    }
}

/// Serves everything until `shutdown` is done, then accepts nothing more and waits at most [`GRACE`]
/// for the requests that were begun.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_router(listener, router(app), shutdown).await
}

/// The same with a router of the caller.
pub async fn serve_router(
    listener: TcpListener,
    router: axum::Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        // The receiver is gone only when serving has ended already.
        let _ = stopping.send(());
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown);
    let serving = IntoFuture::into_future(serving);
    let overdue = async {
        match stopped.await {
            Ok(()) => {
                let never = std::future::pending::<()>();
                let _ = tokio::time::timeout(GRACE, never).await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = serving => ended,
        () = overdue => {
            tracing::warn!("requests did not finish in time and are dropped");
            Ok(())
        }
    }
}
