//! `swathe serve`: starts, answers, and stops.

use crate::swathe::{Server, fails};
use testkit::{Kind, TestDb, each_db, save_catalog, small_catalog};

each_db! {
    it_starts_answers_and_stops,
}

mod check {
    use super::*;

    pub(super) fn it_starts_answers_and_stops(kind: Kind) {
        let test = TestDb::new(kind);
        let server = Server::start(&["--database", &test.url()]);
        assert_eq!(server.status("/healthz"), 200);
        assert_eq!(server.status("/readyz"), 503);
        assert_eq!(server.status("/swathe/v1/clients?secret=1"), 401);
        let (status, log) = server.stop("TERM");
        assert_eq!(status.code(), Some(0), "{log}");
        // Not on a terminal, so every line is JSON, and no query is ever in one.
        let lines: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect();
        let answered = |line: &&serde_json::Value| line["fields"]["status"] == 401;
        assert_eq!(lines.iter().filter(answered).count(), 1, "{log}");
        assert!(!log.contains("secret"), "{log}");

        save_catalog(&test.open(), &small_catalog());
        let server = Server::start(&["--database", &test.url()]);
        assert_eq!(server.status("/readyz"), 200);
        assert_eq!(server.stop("INT").0.code(), Some(0));
    }
}

#[test]
fn a_worker_answers_probes_only() {
    let test = TestDb::new(Kind::Postgres);
    save_catalog(&test.open(), &small_catalog());
    let api = Server::start(&["--database", &test.url(), "--role", "api"]);
    let worker = Server::start(&["--database", &test.url(), "--role", "worker"]);
    for server in [&api, &worker] {
        assert_eq!(server.status("/readyz"), 200);
    }
    assert_eq!(api.status("/swathe/v1/clients"), 401);
    assert_eq!(worker.status("/swathe/v1/clients"), 404);
    for server in [api, worker] {
        let (exit, log) = server.stop("TERM");
        assert_eq!(exit.code(), Some(0), "{log}");
    }
}

#[test]
fn wrong_usage_ends_with_two() {
    fails(&["serve", "--listen", "0.0.0.0:0"], 2, "--public-url");
    fails(&["serve", "--listen", "nowhere"], 2, "--listen");
    fails(&["serve", "--role", "worker"], 2, "PostgreSQL");
    fails(&["serve", "--database", "mysql://x"], 2, "sqlite:FILE");
    for url in ["ftp://x", "x", "http://", "http://a@b", "https://x/?y"] {
        fails(&["serve", "--public-url", url], 2, "http://host");
    }
    for range in ["10.0.0.0/33", "localhost", ""] {
        fails(&["serve", "--egress-allow", range], 2, "range of addresses");
    }
    fails(&["nonsense"], 2, "nonsense");
}

#[test]
fn what_cannot_start_says_why() {
    let test = TestDb::new(Kind::Sqlite);
    let server = Server::start(&["--database", &test.url()]);
    let port = server.url.strip_prefix("http://").unwrap();
    fails(
        &["serve", "--database", &test.url()],
        1,
        "another process owns",
    );
    let other = TestDb::new(Kind::Sqlite);
    let args = ["serve", "--database", &other.url(), "--listen", port];
    fails(&args, 1, "cannot listen on");
}

#[cfg(unix)]
#[test]
fn a_key_for_calls_is_made_beside_the_database_and_kept_from_others() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let test = TestDb::new(Kind::Sqlite);
    Server::start(&["--database", &test.url()]).stop("TERM");
    let key = format!("{}.key", test.url().strip_prefix("sqlite:").unwrap());
    let metadata = std::fs::metadata(&key).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o600);
    let made = std::fs::read_to_string(&key).unwrap();
    Server::start(&["--database", &test.url()]).stop("TERM");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), made);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let args = [
        "serve",
        "--database",
        &test.url(),
        "--listen",
        "127.0.0.1:0",
    ];
    fails(&args, 1, "chmod 600");
}
