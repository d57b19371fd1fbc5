//! From the socket to a handler and back. The order in which a request may be refused is that of
//! wire API 7.4: URL, token, scope, version, module, method, body; then the handler.

use crate::App;
use crate::answer::{Answer, Body, JSON};
use crate::auth::{self, Authorized, ScopeRule, ScopeSubject};
use crate::call::{Ask, Call, Query, Received};
use crate::file::UPLOAD_BYTES_MAX;
use crate::routes::{Access, Handler, Method, OpenHandler, PROBES, ROUTES, Route};
use crate::version::{Endpoint, Version, module_not_served};
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use model::catalog::Catalog;
use model::id::UserId;
use model::limits::BODY_BYTES_MAX;
use model::module::ACTIVITIES;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use percent_encoding::percent_decode_str;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Requests that are worked on at once; others wait.
const WORKING_MAX: usize = 64;
/// A body must have arrived within this time.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Bodies that are files and are received at once: each is held in memory.
const FILES_MAX: usize = 2;
/// A file must have arrived within this time.
const FILE_TIME: Duration = Duration::from_secs(120);
/// A request waits no longer than this for its turn.
const TURN_TIME: Duration = Duration::from_secs(10);
/// Bytes of a body that is too large which are read and dropped, so that the client reads the
/// answer instead of a broken connection.
const DRAIN_BYTES_MAX: usize = 8 * BODY_BYTES_MAX;

/// The label of requests that no line of the table matches.
const UNMATCHED: &str = "unmatched";

/// Modules that exist with the vendor but that the API refuses (wire API 21, row 19).
const REFUSED_MODULES: [&str; 6] = [
    "Services",
    "Appointments",
    "Notes",
    "Attachments",
    "Users",
    ACTIVITIES,
];

struct Server {
    app: App,
    paths: matchit::Router<Vec<&'static Route>>,
    fixed: HashSet<&'static str>,
    turns: Arc<Semaphore>,
    files: Arc<Semaphore>,
}

/// What may be received of a body.
struct Room {
    bytes: usize,
    time: Duration,
    /// One of the few places for files, held until the request is answered.
    place: Option<OwnedSemaphorePermit>,
}

/// The server as a service, with the table of routes.
pub fn router(app: App) -> axum::Router {
    router_of(app, ROUTES)
}

/// The probes alone, for a process that only works on jobs.
pub fn probes(app: App) -> axum::Router {
    router_of(app, PROBES)
}

/// The same with another table.
///
/// # Panics
/// When two patterns of the table are in each other's way.
pub fn router_of(app: App, table: &'static [Route]) -> axum::Router {
    let mut lines: Vec<(&'static str, Vec<&'static Route>)> = Vec::new();
    for route in table {
        match lines.iter_mut().find(|(known, _)| *known == route.pattern) {
            Some((_, routes)) => routes.push(route),
            None => lines.push((route.pattern, vec![route])),
        }
    }
    let mut paths = matchit::Router::new();
    for (pattern, routes) in lines {
        paths
            .insert(pattern, routes)
            .unwrap_or_else(|error| panic!("the pattern {pattern}: {error}"));
    }
    let server = Arc::new(Server {
        app,
        paths,
        fixed: fixed_segments(table),
        turns: Arc::new(Semaphore::new(WORKING_MAX)),
        files: Arc::new(Semaphore::new(FILES_MAX)),
    });
    axum::Router::new().fallback(take).with_state(server)
}

/// What stands in patterns where other patterns have the module.
fn fixed_segments(table: &'static [Route]) -> HashSet<&'static str> {
    let after_version = |route: &Route| route.pattern.strip_prefix("/crm/{version}/");
    let segments = table
        .iter()
        .filter_map(after_version)
        .filter_map(|rest| rest.split('/').next());
    // Elsewhere these are still modules that are refused.
    segments
        .filter(|segment| !segment.starts_with('{') && !REFUSED_MODULES.contains(segment))
        .collect()
}

/// A request that was received, not yet looked at.
struct Incoming {
    id: String,
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Received,
    _place: Option<OwnedSemaphorePermit>,
}

/// The answer of a request, and for whom it was.
struct Outcome {
    answer: Answer,
    user: Option<UserId>,
}

impl Outcome {
    fn of_nobody(answer: Answer) -> Self {
        Self { answer, user: None }
    }
}

/// What is logged and counted of a request, whatever became of it.
struct Line<'a> {
    id: &'a str,
    method: &'static str,
    route: &'static str,
    since: Instant,
}

#[expect(
    clippy::disallowed_methods,
    reason = "durations of requests are measured in the outermost room, on the monotonic clock"
)]
fn instant() -> Instant {
    Instant::now()
}

/// The asynchronous part: reads the body, waits for a turn, hops once to a blocking thread.
async fn take(State(server): State<Arc<Server>>, request: Request) -> Response {
    let since = instant();
    let (head, body) = request.into_parts();
    let (body, place) = match server.room(&head).await {
        Some(room) => (receive(body, &room).await, room.place),
        None => (Received::Crowded, None),
    };
    let incoming = Incoming {
        id: auth::request_id(),
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
        _place: place,
    };
    let id = incoming.id.clone();
    let line = Line {
        id: &id,
        method: Method::parse(&incoming.method).map_or("other", Method::as_str),
        route: server.label(&incoming.path),
        since,
    };
    let outcome = match timeout(TURN_TIME, Arc::clone(&server.turns).acquire_owned()).await {
        Ok(Ok(turn)) => {
            let worker = Arc::clone(&server);
            let work = move || {
                let _turn = turn;
                let span = tracing::info_span!("request", id = incoming.id);
                span.in_scope(|| worker.answer(incoming))
            };
            let done = tokio::task::spawn_blocking(work).await;
            done.unwrap_or_else(|panic| {
                tracing::error!(request_id = id, error = %panic, "a handler panicked");
                Outcome::of_nobody(Answer::broken(&id))
            })
        }
        _ => Outcome::of_nobody(Answer::unavailable(&id)),
    };
    finish(&server, outcome, &line)
}

async fn receive(mut body: axum::body::Body, room: &Room) -> Received {
    let expected = body.size_hint().exact().unwrap_or_default();
    let expected = usize::try_from(expected).unwrap_or(usize::MAX);
    let read = async {
        // A vector that grows by itself would hold a file twice.
        let mut bytes = Vec::new();
        if room.place.is_some() {
            bytes.reserve_exact(expected.min(room.bytes));
        }
        let mut dropped = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Received::Broken;
            };
            let Some(data) = frame.data_ref() else {
                continue;
            };
            if dropped == 0 && bytes.len() + data.len() <= room.bytes {
                bytes.extend_from_slice(data);
            } else {
                bytes = Vec::new();
                dropped += data.len();
                if dropped > DRAIN_BYTES_MAX {
                    break;
                }
            }
        }
        if dropped == 0 {
            Received::Whole(bytes)
        } else {
            Received::TooLarge(room.bytes)
        }
    };
    timeout(room.time, read).await.unwrap_or(Received::TooSlow)
}

/// Logs one line, counts, and writes the answer as HTTP.
fn finish(server: &Server, outcome: Outcome, line: &Line<'_>) -> Response {
    let Outcome { answer, user } = outcome;
    let Line {
        id, method, route, ..
    } = *line;
    let status = answer.status;
    let took = instant().duration_since(line.since);
    server.app.metrics.request(route, method, status, took);
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let user = user.map(|user| user.0);
    tracing::info!(request_id = id, method, route, status, ms, user, "answered");
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let fixed = [
        (
            header::CACHE_CONTROL,
            "no-store, no-cache, must-revalidate, private",
        ),
        (header::PRAGMA, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let own = [("x-request-id", id.to_owned())];
    for (name, value) in own.into_iter().chain(answer.headers) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let (content_type, body) = match answer.body {
        Body::Empty => return response,
        Body::Json(json) => (JSON, json.to_string().into_bytes().into()),
        Body::Other(content_type, bytes) => (content_type, bytes.into()),
        Body::Stream(content_type, stream) => (content_type, stream.start(id)),
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    *response.body_mut() = body;
    response
}

fn refusal(code: Code) -> Fault {
    Refusal::new(code).into()
}

/// A line of the table with a token's rule, ready to be checked.
struct Scoped {
    endpoint: Endpoint,
    first: Version,
    rule: ScopeRule,
    activities: bool,
    handler: Handler,
}

/// What a path and a method stand for.
enum Target {
    /// No token is needed.
    Open(OpenHandler),
    /// A token is needed for each of these; the second part says that the method is right, and then
    /// there is one.
    Scoped(Vec<Scoped>, bool),
    /// An open route, but not by this method.
    WrongMethod,
}

impl Target {
    fn of(routes: &[&'static Route], method: Option<Method>) -> Self {
        let found = routes.iter().find(|route| Some(route.method) == method);
        let candidates = found.map_or(routes, std::slice::from_ref);
        let mut scoped = Vec::new();
        for route in candidates {
            match route.access {
                Access::Open(handler) if found.is_some() => return Self::Open(handler),
                Access::Open(_) => return Self::WrongMethod,
                Access::Scoped(first, rule, handler) => scoped.push(Scoped {
                    endpoint: route.endpoint,
                    first,
                    rule,
                    activities: route.activities,
                    handler,
                }),
            }
        }
        Self::Scoped(scoped, found.is_some())
    }
}

impl Server {
    /// The pattern of a path. Logs and counters hold patterns: paths are without number.
    fn label(&self, path: &str) -> &'static str {
        let matched = self.paths.at(path).ok();
        matched
            .and_then(|matched| matched.value.first())
            .map_or(UNMATCHED, |route| route.pattern)
    }

    /// What may be received of a request's body: a file where the route takes files and the caller has
    /// a token. None when others send as many files as there is memory for.
    async fn room(self: &Arc<Self>, head: &Parts) -> Option<Room> {
        let usual = Room {
            bytes: BODY_BYTES_MAX,
            time: BODY_TIME,
            place: None,
        };
        if !self.takes_files(head.uri.path(), head.method.as_str()) {
            return Some(usual);
        }
        let place = timeout(TURN_TIME, Arc::clone(&self.files).acquire_owned()).await;
        let place = place.ok()?.ok()?;
        let (server, headers) = (Arc::clone(self), head.headers.clone());
        let now = self.app.clock.now();
        let known = move || auth::authorise(&server.app.db, &headers, now).is_ok();
        // A stranger is refused anyway, and must not fill the memory before.
        if !tokio::task::spawn_blocking(known).await.unwrap_or(false) {
            return Some(usual);
        }
        Some(Room {
            bytes: UPLOAD_BYTES_MAX,
            time: FILE_TIME,
            place: Some(place),
        })
    }

    fn takes_files(&self, path: &str, method: &str) -> bool {
        let method = Method::parse(method);
        let matched = self.paths.at(path).ok();
        let mut routes = matched.into_iter().flat_map(|matched| matched.value);
        routes.any(|route| route.files && Some(route.method) == method)
    }

    /// What the route of a request is for.
    fn purpose(&self, path: &str, method: &str) -> Option<&'static str> {
        let matched = self.paths.at(path).ok()?;
        let method = Method::parse(method);
        let mut routes = matched.value.iter();
        let route = routes.find(|route| Some(route.method) == method)?;
        Some(route.purpose)
    }

    /// The part on a blocking thread.
    fn answer(&self, incoming: Incoming) -> Outcome {
        let mut outcome = Outcome::of_nobody(Answer::no_content());
        let id = incoming.id.clone();
        let purpose = self.purpose(&incoming.path, &incoming.method);
        outcome.answer = match self.handle(incoming, &mut outcome) {
            Ok(answer) => answer,
            Err(fault) => {
                let fault = with_purpose(fault, purpose);
                let reset = std::mem::take(&mut outcome.answer.headers);
                let mut answer = Answer::of_fault(&fault, &id);
                answer.headers.extend(reset);
                answer
            }
        };
        outcome
    }

    fn handle(&self, incoming: Incoming, outcome: &mut Outcome) -> Result<Answer, Fault> {
        let no_such_url = || refusal(Code::InvalidUrlPattern);
        let matched = self.paths.at(&incoming.path).map_err(|_| no_such_url())?;
        let routes = matched.value;
        let mut params = Vec::new();
        for (name, raw) in matched.params.iter() {
            let value = percent_decode_str(raw).decode_utf8();
            let value = value.map_err(|_| no_such_url())?.into_owned();
            params.push((name.to_owned(), value));
        }
        let param = |name: &str| {
            let found = params.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        // `/crm/v8/settings/nothing` is no record of a module called settings.
        if param("module").is_some_and(|module| self.fixed.contains(module)) {
            return Err(no_such_url());
        }
        let version = match param("version") {
            Some(text) => Version::parse(text).ok_or_else(no_such_url)?,
            None => Version::V8,
        };
        let now = self.app.clock.now();
        let authorised = match Target::of(routes, Method::parse(&incoming.method)) {
            Target::WrongMethod => return Err(refusal(Code::InvalidRequestMethod)),
            Target::Open(handler) => Err(handler),
            Target::Scoped(lines, method_is_right) => {
                let (actor, catalog) = auth::authorise(&self.app.db, &incoming.headers, now)?;
                outcome.user = Some(actor.user);
                outcome.answer.headers.extend(token_reset(&actor, &catalog));
                let admitted = admit(&lines, version, param("module"), &actor, &catalog)?;
                if !method_is_right {
                    return Err(refusal(Code::InvalidRequestMethod));
                }
                Ok(((admitted.endpoint, admitted.handler), actor))
            }
        };
        let body = match incoming.body.into_bytes() {
            Ok(body) => body.into(),
            Err(refusal) => {
                let endpoint = authorised
                    .as_ref()
                    .map_or(Endpoint::Native, |((e, _), _)| *e);
                let (status, refusal) = version.tell(endpoint, refusal);
                return Ok(Answer::refused(&refusal, status));
            }
        };
        let mut headers = incoming.headers;
        headers.remove(header::AUTHORIZATION);
        let ask = Ask {
            app: &self.app,
            path: incoming.path,
            query: Query::parse(&incoming.query),
            headers,
            body,
            now,
            request_id: &incoming.id,
            params,
        };
        match authorised {
            Err(handler) => handler(&ask),
            Ok(((endpoint, handler), actor)) => {
                let call = Call {
                    ask,
                    version,
                    endpoint,
                    actor,
                };
                let mut answer = handler(&call)?;
                answer.headers.append(&mut outcome.answer.headers);
                Ok(answer)
            }
        }
    }
}

/// A user without any access is told what for.
fn with_purpose(fault: Fault, purpose: Option<&str>) -> Fault {
    match (fault, purpose) {
        (Fault::Refused(refusal), Some(purpose)) if refusal.reason == Reason::NoAccess => {
            let text = format!("User does not have sufficient privilege to {purpose}");
            refusal.saying(text).into()
        }
        (fault, _) => fault,
    }
}

/// When the token ends, in its user's time zone (wire API 8.3).
fn token_reset(actor: &Authorized, catalog: &Catalog) -> Option<(&'static str, String)> {
    let zone = catalog.zone(catalog.user(actor.user)?);
    Some(("x-accesstoken-reset", actor.expires_at?.to_wire(&zone)))
}

/// Checks scope, version and module. When the method is wrong there may be several lines, and one
/// that admits is enough.
fn admit<'a>(
    lines: &'a [Scoped],
    version: Version,
    segment: Option<&str>,
    actor: &Authorized,
    catalog: &Catalog,
) -> Result<&'a Scoped, Fault> {
    let module = segment.and_then(|segment| catalog.module(segment));
    let asked = ScopeSubject {
        version,
        segment: segment.unwrap_or_default(),
        module,
    };
    let line = lines
        .iter()
        .find(|line| line.rule.admits(&actor.scopes, asked))
        .ok_or_else(|| refusal(Code::OauthScopeMismatch))?;
    if version < line.first {
        let text = format!(
            "{} is not supported in this API version",
            line.endpoint.name()
        );
        let refusal = Refusal::new(Code::ApiNotSupported).saying(text);
        return Err(refusal
            .with("supported_version", line.first.number())
            .into());
    }
    let unknown = || {
        let refusal = Refusal::new(Code::InvalidModule).because(Reason::UnknownModule);
        refusal.with("resource_path_index", 0)
    };
    let told = |refusal: Refusal| Fault::from(version.tell(line.endpoint, refusal).1);
    match segment {
        Some(ACTIVITIES) if line.activities => Ok(line),
        Some(name) if module.is_none() && REFUSED_MODULES.contains(&name) => {
            Err(told(module_not_served()))
        }
        Some(_) if module.is_none() => Err(told(unknown())),
        _ => Ok(line),
    }
}
