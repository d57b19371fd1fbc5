//! `swathe client` and `swathe token`: on the database, and through the server that owns it.

use crate::swathe::{Server, fails, json, run};
use serde_json::Value as Json;
use testkit::catalog::{ADMIN_EMAIL, INACTIVE_EMAIL};
use testkit::{Kind, TestDb, each_db, save_catalog, small_catalog};

each_db! {
    clients_are_made_listed_and_revoked_here_and_there,
}

const SCOPE: &str = "swathe.org.ALL,ZohoCRM.modules.ALL";

/// The place that a command works on: some flags.
fn rounds<'a>(place: &[&'a str]) -> Vec<Vec<&'a str>> {
    let with = |args: &[&'a str]| [args, place].concat();
    vec![
        with(&["client", "create", "--json"]),
        with(&[
            "client",
            "create",
            "--json",
            "--scope",
            SCOPE,
            "--user",
            ADMIN_EMAIL,
        ]),
        with(&[
            "client",
            "create",
            "--json",
            "--scope",
            SCOPE,
            "--user",
            ADMIN_EMAIL,
            "--refresh-token",
        ]),
    ]
}

fn keys(json: &Json) -> Vec<&str> {
    json.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn works(place: &[&str], already: usize) -> usize {
    let made: Vec<Json> = rounds(place).iter().map(|args| json(args)).collect();
    assert_eq!(keys(&made[0]), ["client_id", "client_secret"]);
    assert_eq!(keys(&made[1]), ["client_id", "client_secret", "code"]);
    assert_eq!(
        keys(&made[2]),
        ["client_id", "client_secret", "refresh_token"]
    );
    let id = made[0]["client_id"].as_str().unwrap();
    let revoke = [&["client", "revoke", id], place].concat();
    assert!(run(&revoke).status.success());
    fails(&revoke, 1, "no such client");
    let listed = json(&[&["client", "list", "--json"], place].concat());
    assert_eq!(listed.as_array().unwrap().len(), already + 3);
    let table = run(&[&["client", "list"], place].concat());
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains(id) && !table.contains("secret"), "{table}");
    let wrong = ["token", "--user", INACTIVE_EMAIL, "--scope", SCOPE];
    fails(&[&wrong, place].concat(), 1, "no active user");
    already + 3
}

mod check {
    use super::*;

    pub(super) fn clients_are_made_listed_and_revoked_here_and_there(kind: Kind) {
        let test = TestDb::new(kind);
        save_catalog(&test.open(), &small_catalog());
        let database = test.url();
        let here = ["--database", database.as_str()];
        let so_far = works(&here, 0);
        let token = ["token", "--json", "--user", ADMIN_EMAIL, "--scope", SCOPE];
        let made = json(&[&token[..], &here].concat());
        assert_eq!(keys(&made), ["access_token", "api_domain", "expires_in"]);
        let shown = made["access_token"].as_str().unwrap();

        let server = Server::start(&here);
        let there = ["--url", server.url.as_str(), "--token", shown];
        works(&there, so_far);
        let made = json(&[&token[..], &there].concat());
        assert_eq!(made["api_domain"], server.url);
        // Without --json it prints the token alone.
        let bare = run(&[
            &["token", "--user", ADMIN_EMAIL, "--scope", SCOPE][..],
            &there,
        ]
        .concat());
        let bare = String::from_utf8(bare.stdout).unwrap();
        assert_eq!(bare.trim().len(), shown.len());
        let stranger = ["--url", server.url.as_str(), "--token", "x"];
        fails(
            &[&["client", "list"][..], &stranger].concat(),
            1,
            "invalid oauth token",
        );
    }
}

#[test]
fn what_is_wrong_is_said() {
    let test = TestDb::new(Kind::Sqlite);
    let database = test.url();
    let list = ["client", "list", "--database", &database];
    fails(&list, 1, "`swathe serve` makes one");
    let server = Server::start(&["--database", &database]);
    fails(&list, 1, "--url and --token");
    fails(&["client", "list", "--url", &server.url], 2, "--token");
    let nobody = [
        "client",
        "list",
        "--url",
        "http://127.0.0.1:1",
        "--token",
        "x",
    ];
    fails(&nobody, 1, "does not answer");
    drop(server);
    fails(&list, 1, "no org yet");
    fails(&["client", "create", "--refresh-token"], 2, "--scope");
    fails(
        &["token", "--user", "x", "--scope", "all"],
        2,
        "not a scope",
    );
}
