//! `swathe jobs`: a job is followed, stopped and taken back, and what came of each record is told.

use crate::desk::{Desk, IN_VIEW, LOCKED, UPDATE, has_row, said};
use crate::swathe::{Server, fails, swathe};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use testkit::{Kind, each_db};

each_db! {
    jobs_are_listed_shown_and_watched,
    a_job_is_paused_resumed_throttled_and_cancelled,
    an_interrupted_run_leaves_its_job_running,
    a_watch_goes_on_when_the_server_was_away,
    outcomes_are_shown_and_written_to_a_file,
    names_of_records_do_not_steer_the_terminal,
    a_job_is_undone_after_its_plan_was_seen,
    what_failed_is_tried_again,
    a_job_that_pauses_itself_is_told,
    the_jobs_of_others_are_unknown,
}

/// A command that runs, and what it said on standard error so far.
fn begun(desk: &Desk, args: &[&str], until: &str) -> (Child, String) {
    let mut command = desk.command(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut error = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(until) {
        assert!(error.read_line(&mut said).unwrap() > 0, "{said}");
    }
    child.stderr = Some(error.into_inner());
    (child, said)
}

fn tell(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let told = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(told.unwrap().success());
}

fn state(desk: &Desk, job: &str) -> String {
    let shown = desk.json(&["jobs", "show", job, "--json"], 0);
    shown["state"].as_str().unwrap().to_owned()
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

    pub(super) fn a_job_is_paused_resumed_throttled_and_cancelled(kind: Kind) {
        let desk = Desk::new(kind);
        let job = desk.started("20");
        let (out, _) = desk.says(&["jobs", "pause", &job], 0);
        assert!(out.contains("paused by person"), "{out}");
        let (out, _) = desk.says(&["jobs", "throttle", &job, "30"], 0);
        assert!(out.contains("30 records a second"), "{out}");
        let resumed = desk.json(&["jobs", "resume", &job, "--json"], 0);
        assert_eq!(resumed["throttle"], 30);
        assert!(["queued", "running"].contains(&resumed["state"].as_str().unwrap()));
        let (out, _) = desk.says(&["jobs", "throttle", &job, "off"], 0);
        assert!(out.contains("as fast as it can"), "{out}");
        let watched = desk.json(&["jobs", "watch", &job, "--json"], 1);
        assert_eq!(watched["counts"]["changed"], IN_VIEW - LOCKED);
        let (_, error) = desk.says(&["jobs", "pause", &job], 1);
        assert!(error.contains("WRONG_STATE"), "{error}");

        let undo = ["jobs", "undo", &job, "--yes", "--detach", "--json"];
        let undo = desk.json(&undo, 0)["job"]["id"].clone();
        desk.json(&["jobs", "watch", undo.as_str().unwrap(), "--json"], 0);
        let job = desk.started("20");
        let (out, _) = desk.says(&["jobs", "cancel", &job], 0);
        assert!(out.contains("cancelled"), "{out}");
        let (_, error) = desk.says(&["jobs", "watch", &job], 1);
        assert!(error.contains("is cancelled"), "{error}");
        let (_, error) = desk.says(&["jobs", "resume", &job], 1);
        assert!(error.contains("WRONG_STATE"), "{error}");
    }

    pub(super) fn an_interrupted_run_leaves_its_job_running(kind: Kind) {
        let desk = Desk::new(kind);
        let args = [&UPDATE[..], &["--yes", "--throttle", "20"]].concat();
        let (child, so_far) = begun(&desk, &args, "following");
        let job = so_far.rsplit("following job ").next().unwrap();
        let (job, _) = job.split_once(';').unwrap();
        tell(&child, "INT");
        let (_, error) = said(&child.wait_with_output().unwrap(), &args, 130);
        for words in ["goes on", "jobs watch", "jobs pause", "jobs cancel"] {
            assert!(error.contains(words), "{words}: {error}");
        }
        assert!(["queued", "running"].contains(&state(&desk, job).as_str()));
        // The same of a watch; then the job is let go.
        let (child, _) = begun_watch(&desk, job);
        tell(&child, "INT");
        said(&child.wait_with_output().unwrap(), &["jobs", "watch"], 130);
        desk.says(&["jobs", "throttle", job, "off"], 0);
        let watched = desk.json(&["jobs", "watch", job, "--json"], 1);
        assert_eq!(watched["counts"]["changed"], IN_VIEW - LOCKED);
    }

    fn begun_watch(desk: &Desk, job: &str) -> (Child, String) {
        begun(desk, &["jobs", "watch", job], "following")
    }

    pub(super) fn a_watch_goes_on_when_the_server_was_away(kind: Kind) {
        let desk = Desk::new(kind);
        let job = desk.started("200");
        let address = desk.server.url.strip_prefix("http://").unwrap().to_owned();
        let (child, _) = begun_watch(&desk, &job);
        let Desk { world, server } = desk;
        assert_eq!(server.stop("TERM").0.code(), Some(0));
        let database = world.test.url();
        let again = swathe(&["serve", "--listen", &address, "--database", &database]);
        let server = Server::start_by(again);
        let desk = Desk { world, server };
        desk.says(&["jobs", "throttle", &job, "off"], 0);
        let (out, _) = said(&child.wait_with_output().unwrap(), &["jobs", "watch"], 1);
        assert!(out.contains("completed"), "{out}");
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
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("csv", &link).unwrap();
        let place = ["--format", "csv", "--output", link.to_str().unwrap()];
        let (_, error) = desk.says(&[&outcomes[..], &place].concat(), 1);
        assert!(error.contains("no ordinary file"), "{error}");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
        let ids = dir.path().join("csv");
        let ids = [
            "--ids-file",
            ids.to_str().unwrap(),
            "--json",
            "--set",
            "City=Rome",
        ];
        let plan = desk.json(&[&["plan", "update", "Leads"][..], &ids].concat(), 0);
        assert_eq!(plan["counts"]["selected"], IN_VIEW);

        for (more, words) in [
            (["--output", "x"], "--format csv"),
            (["--format", "pdf"], "ndjson"),
        ] {
            let (_, error) = desk.says(&[&outcomes[..], &more].concat(), 2);
            assert!(error.contains(words), "{error}");
        }
    }

    pub(super) fn names_of_records_do_not_steer_the_terminal(kind: Kind) {
        let desk = Desk::new(kind);
        let client = desk.client();
        let id = 5_000_000_000_000_000_001_i64;
        let name = "\u{1b}[2J\u{9b}31mPay \u{202e}lla";
        let body = json!({"data": [{ "Last_Name": name }]});
        let (status, told) = client.ask("PUT", &format!("Leads/{id}"), &body).unwrap();
        assert_eq!(status, 200, "{told}");
        let ids = id.to_string();
        let plan = [
            "plan",
            "update",
            "Leads",
            "--ids",
            &ids,
            "--set",
            "City=Oslo",
        ];
        let (out, _) = desk.says(&plan, 0);
        let shown = "\\u{1b}[2J\\u{9b}31mPay \\u{202e}lla";
        assert!(out.contains(shown), "{out}");
        assert!(!out.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{out:?}");
        let (out, _) = desk.says(&[&plan[..], &["--json"]].concat(), 0);
        assert!(!out.contains(['\u{1b}', '\u{9b}']), "{out:?}");
        let told: Json = serde_json::from_str(&out).unwrap();
        assert_eq!(told["sample"][0]["name"], name);
    }

    pub(super) fn a_job_is_undone_after_its_plan_was_seen(kind: Kind) {
        let desk = Desk::new(kind);
        let job = desk.client().job().to_string();
        desk.json(&["jobs", "watch", &job, "--json"], 1);
        let undo = ["jobs", "undo", &job];
        let plan = desk.json(&[&undo[..], &["--plan", "--json"]].concat(), 0);
        assert_eq!(plan["counts"]["change"], IN_VIEW - LOCKED);
        let (out, error) = desk.says(&[&undo[..], &["--plan"]].concat(), 0);
        assert!(
            out.contains("undo of Leads") && out.contains("Cold Call"),
            "{out}"
        );
        assert!(error.contains("nothing was changed"), "{error}");
        let told = desk.json(&[&undo[..], &["--yes", "--json"]].concat(), 0);
        assert_eq!(told["job"]["undo_of"], job);
        assert_eq!(told["job"]["counts"]["changed"], IN_VIEW - LOCKED);
        let back = "SELECT count(*) FROM \"m_Leads\" WHERE \"Lead_Source\" = 'Cold Call'";
        assert_eq!(desk.world.sql().int(back), crate::desk::LEADS);
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

    pub(super) fn a_job_that_pauses_itself_is_told(kind: Kind) {
        let desk = Desk::new(kind);
        let plan = [
            "plan",
            "update",
            "Leads",
            "--view",
            "Open Leads",
            "--set=Lead_Source=Trade Show",
            "--json",
        ];
        let plan = desk.json(&plan, 0);
        let client = desk.client();
        let body = json!({"data": [{ "Lead_Source": "Partner" }]});
        let path = "Leads/5000000000000000001";
        assert_eq!(client.ask("PUT", path, &body).unwrap().0, 200);
        let run = ["run", "--plan", plan["id"].as_str().unwrap(), "--yes"];
        let (out, error) = desk.says(&run, 1);
        assert!(out.contains("paused by tolerance"), "{out}");
        assert!(error.contains("--tolerance N"), "{error}");
        let jobs = desk.json(&["jobs", "list", "--json"], 0);
        let job = jobs["data"][0]["id"].as_str().unwrap();
        desk.says(&["jobs", "resume", job, "--tolerance", "5"], 0);
        let watched = desk.json(&["jobs", "watch", job, "--json"], 1);
        assert_eq!(watched["failed_by_code"]["CHANGED_SINCE_PLAN"], 1);
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
        fails(
            &[&["jobs", "undo", &job, "--yes"][..], &place].concat(),
            1,
            "there is no such job",
        );
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
