//! A running server with the small org, and a client that speaks to it.

use crate::recorder::Recorder;
use model::id::UserId;
use model::scope::Scopes;
use model::time::Clock;
use serde_json::Value as Json;
use server::auth::{self, NewClient, Registered};
use server::routes::Route;
use server::{App, Key, Outside, router, router_of};
use std::path::Path;
use std::sync::Arc;
use store::{Db, Priority};
use testkit::catalog::ADMIN;
use testkit::{Kind, TestClock, TestDb, save_catalog, small_catalog};
use tokio::runtime::Runtime;

/// A server on a port of its own, with the small org.
pub(crate) struct Api {
    pub(crate) url: String,
    pub(crate) db: Db,
    pub(crate) clock: Arc<TestClock>,
    runtime: Option<Runtime>,
    recorder: Option<Recorder>,
    _test: TestDb,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Panics unless this is the wire's error object with exactly these parts.
    pub(crate) fn is_error(&self, status: u16, code: &str, message: &str, details: &Json) {
        let wanted = serde_json::json!({
            "code": code, "details": details, "message": message, "status": "error",
        });
        assert_eq!((self.status, self.json()), (status, wanted));
        assert_eq!(
            self.header("content-type"),
            Some("application/json;charset=UTF-8")
        );
        assert_eq!(self.header("x-request-id").unwrap().len(), 16);
    }
}

impl Api {
    /// With the server's own table.
    pub(crate) fn start(kind: Kind) -> Self {
        let api = Self::with(kind, router);
        save_catalog(&api.db, &small_catalog());
        api
    }

    /// With another table.
    pub(crate) fn start_of(kind: Kind, table: &'static [Route]) -> Self {
        let api = Self::with(kind, |app| router_of(app, table));
        save_catalog(&api.db, &small_catalog());
        api
    }

    /// With a database that has no org.
    pub(crate) fn start_empty(kind: Kind) -> Self {
        Self::with(kind, router)
    }

    pub(crate) fn with(kind: Kind, make: impl FnOnce(App) -> axum::Router) -> Self {
        Self::over(kind, TestDb::new(kind), make)
    }

    /// With a database that was restored from a backup, at the time of the backup.
    pub(crate) fn restored(kind: Kind, backup: &Path) -> Self {
        let test = TestDb::new(kind);
        let now = TestClock::default().now();
        let contents = store::restore(backup, &test.target, now, &mut |_| ()).unwrap();
        let api = Self::over(kind, test, router);
        api.clock.advance_ms(contents.made_at.0 - now.0);
        api
    }

    fn over(kind: Kind, test: TestDb, make: impl FnOnce(App) -> axum::Router) -> Self {
        let db = test.open();
        let clock = Arc::new(TestClock::default());
        let runtime = Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = tempfile::tempdir().unwrap();
        let key = Key::open(&keys.path().join("key")).unwrap();
        let app = App {
            outside: Arc::new(Outside::new(Vec::new(), Some(key))),
            ..App::new(db.clone(), Arc::clone(&clock) as Arc<dyn Clock>, &url)
        };
        let service = make(app);
        runtime.spawn(server::serve_router(
            listener,
            service,
            std::future::pending(),
        ));
        let recorder = Recorder::start(kind, &url);
        Self {
            url,
            db,
            clock,
            runtime: Some(runtime),
            recorder,
            _test: test,
        }
    }

    /// An access token.
    pub(crate) fn token(&self, user: UserId, scopes: &str) -> String {
        let scopes = Scopes::parse(scopes).unwrap();
        let minted = self.db.write(Priority::Interactive, |tx| {
            auth::mint_access_token(tx, user, None, &scopes, self.clock.now())
        });
        minted.unwrap().secret
    }

    /// A self client of the administrator.
    pub(crate) fn client(&self, scopes: Option<&str>, redirect_uri: Option<&str>) -> Registered {
        let scopes = scopes.map(|text| Scopes::parse(text).unwrap());
        let new = NewClient {
            name: "test",
            user: ADMIN,
            redirect_uri,
            scopes: scopes.as_ref(),
        };
        let made = self.db.write(Priority::Interactive, |tx| {
            auth::create_client(tx, &new, self.clock.now())
        });
        made.unwrap()
    }

    /// Sends a request.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = ureq::Agent::new_with_config(config);
        let mut response = agent.run(request.body(body).unwrap()).unwrap();
        let reply = Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.body_mut().read_to_string().unwrap(),
        };
        if let Some(recorder) = &self.recorder {
            recorder.write((method, path), headers, body, &reply);
        }
        reply
    }

    /// Sends a request with a token, without a body.
    pub(crate) fn call(&self, method: &str, path: &str, token: &str) -> Reply {
        self.call_with(method, path, token, b"")
    }

    /// Sends a request with a token and a body.
    pub(crate) fn call_with(&self, method: &str, path: &str, token: &str, body: &[u8]) -> Reply {
        let header = format!("Zoho-oauthtoken {token}");
        self.send(method, path, &[("Authorization", &header)], body)
    }

    /// Sends a form.
    pub(crate) fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let content = [("Content-Type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &content, body.as_bytes())
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Our handle must be the last: PostgreSQL's driver cannot be dropped on the runtime.
            runtime.shutdown_timeout(std::time::Duration::from_secs(10));
        }
    }
}
