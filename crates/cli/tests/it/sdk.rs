//! The vendor's Python SDKs against the program: each script of `tests/sdk` on a server of its own,
//! with the org of the demo and its leads. The mass actions are done with the SDK of v7 too.

use crate::swathe::{Server, json};
use serde_json::Value as Json;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use testkit::{Kind, TestDb, each_db};

each_db! {
    it_signs_in,
    it_reads_metadata,
    it_works_with_records,
    it_mass_updates,
    it_mass_updates_in_v7,
    it_mass_deletes,
    it_mass_deletes_in_v7,
    it_converts,
    it_converts_in_v7,
    it_changes_owners,
    it_changes_owners_in_v7,
    it_locks,
    it_goes_through_a_blueprint,
    it_assigns_territories,
    it_shares_records,
    it_reads_timelines,
    it_tags_notes_and_attaches,
    it_tags_notes_and_attaches_in_v7,
}

const ADMIN: &str = "admin@kestrel-rowe.example.com";
/// Leads in the view "Open Leads"; a fifth more are not in it. More than a page in all.
const OPEN_LEADS: &str = "240";
const SCOPE: &str = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ,\
    ZohoCRM.mass_update.UPDATE,ZohoCRM.mass_update.READ,ZohoCRM.share.vendors.ALL,\
    ZohoCRM.mass_delete.ALL,ZohoCRM.change_owner.ALL,\
    ZohoCRM.mass_convert.leads.CREATE,ZohoCRM.mass_convert.leads.READ";
/// The version that an SDK speaks, and the variable that names a Python that has it.
struct Sdk(&'static str, &'static str);
const SEVEN: Sdk = Sdk("v7", "SWATHE_TEST_PYTHON_7");
const EIGHT: Sdk = Sdk("v8", "SWATHE_TEST_PYTHON_8");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/sdk");

mod check {
    use super::*;

    pub(super) fn it_signs_in(kind: Kind) {
        passes("tokens.py", EIGHT, kind);
    }

    pub(super) fn it_reads_metadata(kind: Kind) {
        passes("metadata.py", EIGHT, kind);
    }

    pub(super) fn it_works_with_records(kind: Kind) {
        passes("records.py", EIGHT, kind);
    }

    pub(super) fn it_mass_updates(kind: Kind) {
        passes("mass_update.py", EIGHT, kind);
    }

    pub(super) fn it_mass_updates_in_v7(kind: Kind) {
        passes("mass_update.py", SEVEN, kind);
    }

    pub(super) fn it_mass_deletes(kind: Kind) {
        passes("mass_delete.py", EIGHT, kind);
    }

    pub(super) fn it_mass_deletes_in_v7(kind: Kind) {
        passes("mass_delete.py", SEVEN, kind);
    }

    pub(super) fn it_converts(kind: Kind) {
        passes("mass_convert.py", EIGHT, kind);
    }

    pub(super) fn it_converts_in_v7(kind: Kind) {
        passes("mass_convert.py", SEVEN, kind);
    }

    pub(super) fn it_changes_owners(kind: Kind) {
        passes("change_owner.py", EIGHT, kind);
    }

    pub(super) fn it_changes_owners_in_v7(kind: Kind) {
        passes("change_owner.py", SEVEN, kind);
    }

    pub(super) fn it_locks(kind: Kind) {
        passes("locking.py", EIGHT, kind);
    }

    pub(super) fn it_goes_through_a_blueprint(kind: Kind) {
        passes("blueprint.py", EIGHT, kind);
    }

    pub(super) fn it_assigns_territories(kind: Kind) {
        passes("territories.py", EIGHT, kind);
    }

    pub(super) fn it_shares_records(kind: Kind) {
        passes("sharing.py", EIGHT, kind);
    }

    pub(super) fn it_reads_timelines(kind: Kind) {
        passes("timelines.py", EIGHT, kind);
    }

    pub(super) fn it_tags_notes_and_attaches(kind: Kind) {
        passes("beside.py", EIGHT, kind);
    }

    pub(super) fn it_tags_notes_and_attaches_in_v7(kind: Kind) {
        passes("beside.py", SEVEN, kind);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test command passes the interpreter this way"
)]
fn python(named: &str) -> String {
    std::env::var(named)
        .unwrap_or_else(|_| panic!("{named} names a Python with an SDK: run `cargo xtask test`"))
}

/// Fills a database as `swathe demo` does. Some of its leads are locked.
fn fill(database: &str) {
    let place = ["--database", database, "--listen", "127.0.0.1:0"];
    let done = ["demo", "--exit", "--json", "--records", OPEN_LEADS];
    assert_eq!(json(&[&done[..], &place].concat())["as_planned"], true);
}

/// A client of the administrator, with a refresh token or else a grant token.
fn client(database: &str, refresh_token: bool) -> Json {
    let mut args = vec!["client", "create", "--json", "--database", database];
    args.extend(["--scope", SCOPE, "--user", ADMIN]);
    if refresh_token {
        args.push("--refresh-token");
    }
    json(&args)
}

/// Runs a script on a server of its own, over whose org the file of the script's name is laid. Panics with what both said unless it succeeds.
fn passes(script: &str, Sdk(version, named): Sdk, kind: Kind) {
    let python = python(named);
    let test = TestDb::new(kind);
    let database = test.url();
    fill(&database);
    let org = Path::new(SCRIPTS).join(script).with_extension("toml");
    if org.exists() {
        let file = org.display().to_string();
        json(&["org", "apply", "--json", "--database", &database, &file]);
    }
    let (known, fresh) = (client(&database, true), client(&database, false));
    let server = Server::start(&["--database", &database]);
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(python);
    // Without bytecode, which would be written next to the scripts.
    command.arg("-B").arg(Path::new(SCRIPTS).join(script));
    command.current_dir(folder.path());
    let environment = [
        ("SWATHE_SDK_URL", server.url.as_str()),
        ("SWATHE_SDK_VERSION", version),
        ("SWATHE_SDK_ADMIN", ADMIN),
        ("SWATHE_SDK_CLIENT_ID", text(&known, "client_id")),
        ("SWATHE_SDK_CLIENT_SECRET", text(&known, "client_secret")),
        ("SWATHE_SDK_REFRESH_TOKEN", text(&known, "refresh_token")),
        ("SWATHE_SDK_GRANT_CLIENT_ID", text(&fresh, "client_id")),
        (
            "SWATHE_SDK_GRANT_CLIENT_SECRET",
            text(&fresh, "client_secret"),
        ),
        ("SWATHE_SDK_GRANT_TOKEN", text(&fresh, "code")),
    ];
    command
        .envs(environment)
        .env("SWATHE_SDK_FOLDER", folder.path());
    let output = command.output().unwrap();
    let log = server.stop("TERM").1;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success(),
        "{script} of {version} failed:\n{said}\nThe server logged:\n{log}"
    );
}

fn text<'a>(made: &'a Json, key: &str) -> &'a str {
    made[key].as_str().unwrap()
}
