//! Bodies that come piece by piece: lists of any length, and what is told while it happens.
//!
//! A source is asked for its next piece on a blocking thread, two of them at a time, and answers from
//! short reads; while its client takes the piece, or while there is nothing to tell, it holds no
//! thread and no transaction. A body that could not be sent to its end is cut: it lacks the
//! end that chunked encoding has, so that a client can tell.

use crate::App;
use crate::auth::{self, Authorized};
use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;
use model::id::UserId;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use store::{Fault, Tx};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout;

/// Bodies that are sent piece by piece at once; who asks for one more is refused.
const STREAMS_MAX: usize = 256;
/// The same of one user, so that nobody takes all the room.
const STREAMS_OF_USER_MAX: usize = 32;
/// Sources that are asked at once: fewer than the database has readers, so that many downloads never
/// keep a short request from being answered.
const ASKED_MAX: usize = 2;
/// A client that takes no piece for so long is given up.
const STALL_TIME: Duration = Duration::from_secs(60);

/// What a source answers.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes to send, not many: a piece is held in memory.
    Piece(Vec<u8>),
    /// Nothing to tell yet; ask again after so long. A server that stops takes it for the end.
    Wait(Duration),
    /// Nothing found so far, but the list goes on: ask again when others had their turn.
    Again,
    /// There is nothing more.
    End,
}

/// Where the pieces come from.
pub trait Source: Send {
    /// The next piece. An error ends the body before its end.
    fn next(&mut self, reader: &Reader) -> Result<Step, Fault>;
}

/// For whom pieces are read.
pub struct Reader {
    app: App,
    token: String,
}

impl Reader {
    /// Runs a closure in a snapshot that only reads, for whoever holds the token. One that ran out or
    /// was revoked since is refused, and so is a user who was deactivated.
    pub fn read<T>(
        &self,
        mut run: impl FnMut(&mut Tx, &Authorized, Timestamp) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let now = self.app.clock.now();
        self.app.db.read(|tx| {
            let (holder, _) = auth::holder(tx, &self.token, now)?;
            run(tx, &holder, now)
        })
    }
}

/// The bodies that are being sent piece by piece. Clones share the count.
#[derive(Clone)]
pub struct Streams {
    places: Arc<Semaphore>,
    of_users: Arc<OfUsers>,
    asked: Arc<Semaphore>,
    stopping: Arc<watch::Sender<bool>>,
}

impl Default for Streams {
    fn default() -> Self {
        Self::at_most(STREAMS_MAX, STREAMS_OF_USER_MAX)
    }
}

/// How many each user has.
struct OfUsers {
    most: usize,
    held: Mutex<HashMap<UserId, usize>>,
}

impl OfUsers {
    /// One more of this user, unless they have as many as one may.
    fn take(self: &Arc<Self>, user: UserId) -> Option<OfUser> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(user).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(OfUser {
            all: Arc::clone(self),
            user,
        })
    }
}

/// A user's hold on one of theirs, until it is dropped.
struct OfUser {
    all: Arc<OfUsers>,
    user: UserId,
}

impl Drop for OfUser {
    fn drop(&mut self) {
        let held = self.all.held.lock();
        let mut held = held.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.user);
            }
        }
    }
}

impl Streams {
    /// Room for so many at once, and for so many of one user.
    pub fn at_most(max: usize, of_user: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max)),
            of_users: Arc::new(OfUsers {
                most: of_user,
                held: Mutex::default(),
            }),
            asked: Arc::new(Semaphore::new(ASKED_MAX)),
            stopping: Arc::new(watch::channel(false).0),
        }
    }

    /// Ends those that wait for something to tell, because the server stops: what they tell goes on
    /// elsewhere. Those that send a list go on.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// A body from this source, or the refusal of one more than there is room for.
    pub(crate) fn open(
        app: &App,
        holder: &Authorized,
        source: impl Source + 'static,
    ) -> Result<Stream, Refusal> {
        let of_users = &app.streams.of_users;
        let of_user = of_users.take(holder.user).ok_or_else(|| {
            let text =
                "you have as many answers streamed now as one user may: end one of them first";
            let refusal = Refusal::new(Code::TooManyRequests).saying(text);
            refusal.with("limit", of_users.most)
        })?;
        let place = Arc::clone(&app.streams.places).try_acquire_owned();
        let place = place.map_err(|_| {
            let refusal = Refusal::new(Code::ServiceUnavailable);
            refusal.saying("too many answers are being streamed now: try again later")
        })?;
        Ok(Stream {
            source: Box::new(source),
            reader: Reader {
                app: app.clone(),
                token: holder.token.clone(),
            },
            _place: (place, of_user),
        })
    }
}

/// A body that is not begun.
pub struct Stream {
    source: Box<dyn Source>,
    reader: Reader,
    _place: (OwnedSemaphorePermit, OfUser),
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

/// What goes from the source to the body.
enum Sent {
    Bytes(Bytes),
    End,
}

impl Stream {
    /// Begins to send: while a piece is made, at most one other waits for the client.
    pub(crate) fn start(self, request_id: &str) -> axum::body::Body {
        let (sender, receiver) = mpsc::channel(1);
        let request_id = request_id.to_owned();
        tokio::spawn(async move {
            if let Err(why) = self.send(&sender).await {
                tracing::warn!(request_id, why, "an answer was cut");
            }
        });
        axum::body::Body::new(Pieces {
            receiver,
            ended: false,
        })
    }

    /// To the end, or until the client is gone; otherwise answers why the body is cut.
    async fn send(mut self, sender: &mpsc::Sender<Sent>) -> Result<(), String> {
        let streams = self.reader.app.streams.clone();
        let mut stopping = streams.stopping.subscribe();
        loop {
            let turn = Arc::clone(&streams.asked).acquire_owned().await;
            let work = move || {
                let _turn = turn;
                let step = self.source.next(&self.reader);
                (self, step)
            };
            let done = tokio::task::spawn_blocking(work).await;
            let (stream, step) = done.map_err(|panic| format!("its source panicked: {panic}"))?;
            self = stream;
            let sent = match step.map_err(|fault| fault.to_string())? {
                Step::Piece(bytes) => Sent::Bytes(bytes.into()),
                Step::End => Sent::End,
                Step::Again if sender.is_closed() => return Ok(()),
                Step::Again => continue,
                Step::Wait(time) => {
                    let left = async {
                        tokio::select! {
                            () = sender.closed() => true,
                            _ = stopping.wait_for(|stopping| *stopping) => false,
                        }
                    };
                    match timeout(time, left).await {
                        Err(_) => continue,
                        Ok(true) => return Ok(()),
                        Ok(false) => Sent::End,
                    }
                }
            };
            let ended = matches!(sent, Sent::End);
            match timeout(STALL_TIME, sender.send(sent)).await {
                Ok(Ok(())) if !ended => {}
                Ok(_) => return Ok(()),
                Err(_) => return Err("its client takes nothing".to_owned()),
            }
        }
    }
}

/// The body as HTTP is given it.
struct Pieces {
    receiver: mpsc::Receiver<Sent>,
    ended: bool,
}

/// The rest of a body is not coming.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer was cut")
    }
}

impl std::error::Error for Cut {}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(context).map(|sent| match sent {
            Some(Sent::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Sent::End) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(Cut))
            }
        })
    }
}
