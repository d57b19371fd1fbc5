//! `swathe jobs`: a job is followed, stopped and taken back, and what came of each record is told.

use crate::desk::{Desk, IN_VIEW, LOCKED, has_row};
use crate::swathe::fails;
use serde_json::json;
use testkit::{Kind, each_db};

each_db! {
    jobs_are_listed_shown_and_watched,
    outcomes_are_shown_and_written_to_a_file,
    what_failed_is_tried_again,
    the_jobs_of_others_are_unknown,
}

mod check {
    use super::*;

    pub(super) fn jobs_are_listed_shown_and_watched(kind: Kind) {
        let desk = Desk::new(kind);
        let (out, error) = desk.says(&["jobs", "list"], 0);
        assert_eq!((out.as_str(), error.trim()), ("", "there is no such job"));
        // Another integration's job, as any.
        let client = desk.client();
        let job = client.job().to_string();
        let watched = desk.json(&["jobs", "watch", &job, "--json"], 1);
        assert_eq!(watched["state"], "completed");
        assert_eq!(watched["counts"]["failed"], LOCKED);
        assert_eq!(desk.json(&["jobs", "show", &job, "--json"], 0), watched);
        let (out, error) = desk.says(&["jobs", "watch", &job], 1);
        assert!(
            out.contains("completed") && out.contains("RECORD_LOCKED"),
            "{out}"
        );
        assert!(error.contains("1 of 1,960 records failed"), "{error}");
        let (out, _) = desk.says(&["jobs", "show", &job], 0);
        for words in [
            "started by",
            "Ada Kestrel",
            "accepted",
            "Lead_Source",
            "Open Leads",
        ] {
            assert!(out.contains(words), "{words}: {out}");
        }
        let (out, _) = desk.says(&["jobs", "list"], 0);
        assert!(out.contains(&job) && out.contains("1,959"), "{out}");
        let none = [
            "jobs", "list", "--state", "running", "--action", "update", "--json",
        ];
        assert_eq!(desk.json(&none, 0)["data"], json!([]));
        let own = [
            "jobs",
            "list",
            "--module",
            "Leads",
            "--actor",
            "admin@kestrel-rowe.example.com",
            "--json",
        ];
        assert_eq!(desk.json(&own, 0)["data"][0]["id"], job);
        let (_, error) = desk.says(&["jobs", "list", "--state", "resting"], 1);
        assert!(error.contains("queued, running"), "{error}");
    }

    pub(super) fn outcomes_are_shown_and_written_to_a_file(kind: Kind) {
        let desk = Desk::new(kind);
        let job = desk.client().job().to_string();
        desk.json(&["jobs", "watch", &job, "--json"], 1);
        let outcomes = ["jobs", "outcomes", &job];
        let (out, error) = desk.says(&outcomes, 0);
        assert_eq!(out.lines().count(), 102, "{out}");
        assert!(
            out.contains("Lead_Source: Cold Call -> Trade Show"),
            "{out}"
        );
        assert!(error.contains("there are more"), "{error}");
        let failed = [&outcomes[..], &["--outcome", "failed"]].concat();
        let (out, _) = desk.says(&failed, 0);
        assert!(
            out.contains("RECORD_LOCKED") && out.contains("5000000000000001001"),
            "{out}"
        );
        let by_code = [&outcomes[..], &["--code", "RECORD_LOCKED", "--json"]].concat();
        let told = desk.json(&by_code, 0);
        assert_eq!(told["data"].as_array().unwrap().len(), 1);
        assert_eq!(told["more"], false);
        let (out, error) = desk.says(&[&outcomes[..], &["--outcome", "cancelled"]].concat(), 0);
        assert_eq!(
            (out.as_str(), error.trim()),
            ("", "there is no such outcome")
        );
        let (_, error) = desk.says(&[&outcomes[..], &["--outcome", "odd"]].concat(), 1);
        assert!(error.contains("changed, unchanged"), "{error}");

        let dir = tempfile::tempdir().unwrap();
        for (format, rows) in [("csv", IN_VIEW + 1), ("ndjson", IN_VIEW)] {
            let (printed, _) = desk.says(&[&outcomes[..], &["--format", format]].concat(), 0);
            let file = dir.path().join(format);
            let place = ["--format", format, "--output", file.to_str().unwrap()];
            let (out, error) = desk.says(&[&outcomes[..], &place].concat(), 0);
            assert_eq!(out, "");
            assert!(error.contains("bytes written"), "{error}");
            let written = std::fs::read_to_string(&file).unwrap();
            assert_eq!(written, printed);
            assert_eq!(i64::try_from(written.lines().count()), Ok(rows));
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);

        for (more, words) in [
            (["--output", "x"], "--format csv"),
            (["--format", "pdf"], "ndjson"),
        ] {
            let (_, error) = desk.says(&[&outcomes[..], &more].concat(), 2);
            assert!(error.contains(words), "{error}");
        }
    }

    pub(super) fn what_failed_is_tried_again(kind: Kind) {
        let desk = Desk::new(kind);
        let job = desk.client().job().to_string();
        desk.json(&["jobs", "watch", &job, "--json"], 1);
        let retry = ["jobs", "retry", &job, "--yes", "--json"];
        let told = desk.json(&retry, 1);
        assert_eq!(told["counts"]["total"], LOCKED);
        assert_eq!(told["retry_of"], job);
        desk.world.sql().run(
            "DELETE FROM holds; UPDATE \"m_Leads\" SET \"Locked__s\" = FALSE, rev = rev + 1
             WHERE \"Locked__s\"",
        );
        let again = told["id"].as_str().unwrap();
        let (out, _) = desk.says(&["jobs", "retry", again, "--yes"], 0);
        assert!(has_row(&out, "changed", " 1"), "{out}");
    }

    pub(super) fn the_jobs_of_others_are_unknown(kind: Kind) {
        let desk = Desk::new(kind);
        let job = desk.client().job().to_string();
        desk.json(&["jobs", "watch", &job, "--json"], 1);
        let stranger = "joana.brito@kestrel-rowe.example.com";
        let scope = ["--scope", "swathe.jobs.ALL,ZohoCRM.modules.ALL"];
        let token = [&["token", "--user", stranger][..], &scope].concat();
        let (token, _) = desk.says(&token, 0);
        let place = ["--token", token.trim(), "--url", &desk.server.url];
        for command in ["show", "watch", "outcomes", "pause", "cancel"] {
            let args = [&["jobs", command, &job][..], &place].concat();
            fails(&args, 1, "there is no such job");
        }
        let (out, _) = desk.says(&[&["jobs", "list"][..], &place].concat(), 0);
        assert_eq!(out, "");
        let wrong = ["--token", "x", "--url", &desk.server.url];
        fails(
            &[&["jobs", "list"][..], &wrong].concat(),
            1,
            "INVALID_TOKEN",
        );
    }
}

#[test]
fn a_job_is_an_id() {
    let place = ["--url", "http://127.0.0.1:1", "--token", "x"];
    for command in ["show", "watch", "outcomes", "pause", "resume", "cancel"] {
        let args = [&["jobs", command, "../plans"][..], &place].concat();
        fails(&args, 2, "an id is a number");
    }
    let args = [&["jobs", "throttle", "1", "fast"][..], &place].concat();
    fails(&args, 2, "or off");
}
