//! The listening server: starts, and stops without dropping what was begun.

use crate::App;
use crate::dispatch::router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use model::time::{Clock, Timestamp};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Requests that were begun have this long to finish when the server stops.
pub const GRACE: Duration = Duration::from_secs(10);

/// The head of a request must have arrived within this time, and a connection that is kept open
/// sends its next one within it. Longer than the minute for which proxies keep theirs, or they would
/// send into a connection that was just closed.
const HEAD_TIME: Duration = Duration::from_secs(75);
/// Connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1024;
/// How long nothing is accepted after accepting failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    let streams = app.streams.clone();
    let shutdown = async move {
        shutdown.await;
        streams.stop();
    };
    serve_router(listener, router(app), shutdown).await
}

/// The same with a router of the caller.
pub async fn serve_router(
    listener: TcpListener,
    router: axum::Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, place) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = accept(&listener, &places) => next?,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                // Clients go away as they like.
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests did not finish in time and are dropped");
    }
    Ok(())
}

/// The next connection, as soon as there is a place for it; until then it waits outside.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written whole: waiting for more would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection stays slow");
                }
                return Ok((stream, place));
            }
            Err(error) if gone(&error) => {}
            Err(error) => {
                // Out of files, most likely: some must be closed first.
                tracing::warn!(%error, "cannot accept connections");
                let never = std::future::pending::<()>();
                let _ = timeout(ACCEPT_PAUSE, never).await;
            }
        }
    }
}

/// Whether a connection was gone before it was accepted.
fn gone(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::ConnectionRefused | K::ConnectionAborted | K::ConnectionReset
    )
}
