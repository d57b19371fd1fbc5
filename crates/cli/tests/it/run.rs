//! `swathe plan` and `swathe run`: nothing happens that was not agreed to, and what happened is told.

use crate::desk::{Desk, IN_VIEW, LOCKED, UPDATE, has_row};
use crate::swathe::{fails, run};
use model::time::Clock;
use serde_json::json;
use server::SystemClock;
use testkit::{Kind, each_db};

each_db! {
    a_plan_says_what_would_happen_and_changes_nothing,
    a_run_without_a_terminal_wants_yes,
    a_run_goes_to_its_end_and_says_what_failed,
    a_run_in_which_nothing_fails_ends_well,
    ids_of_a_file_are_the_selection,
    a_plan_is_run_once_and_only_as_large_as_expected,
    owners_change_and_records_are_deleted_by_command,
    a_job_for_later_is_accepted_and_not_followed,
    what_the_server_refuses_says_where,
}

const PLAN: [&str; 6] = [
    "plan",
    "update",
    "Leads",
    "--view",
    "Open Leads",
    "--set=Lead_Source=Trade Show",
];

mod check {
    use super::*;

    pub(super) fn a_plan_says_what_would_happen_and_changes_nothing(kind: Kind) {
        let desk = Desk::new(kind);
        let plan = desk.json(&[&PLAN[..], &["--json"]].concat(), 0);
        let counts = json!({
            "selected": IN_VIEW, "change": IN_VIEW - LOCKED, "unchanged": 0, "refused": LOCKED,
        });
        assert_eq!(plan["counts"], counts);
        let (out, error) = desk.says(&PLAN, 0);
        for words in [
            "update of Leads",
            "RECORD_LOCKED",
            "Cold Call",
            "Trade Show",
        ] {
            assert!(out.contains(words), "{words}: {out}");
        }
        assert!(has_row(&out, "would change", " 1,959"), "{out}");
        assert!(error.contains("nothing was changed"), "{error}");
        assert!(error.contains("swathe run --plan "), "{error}");
        let jobs = desk.json(&["jobs", "list", "--json"], 0);
        assert_eq!(jobs["data"], json!([]));
        let changed = "SELECT count(*) FROM changes";
        assert_eq!(desk.world.sql().int(changed), 0);
    }

    pub(super) fn a_run_without_a_terminal_wants_yes(kind: Kind) {
        let desk = Desk::new(kind);
        for args in [&UPDATE[..], &["jobs", "retry", "1"], &["jobs", "undo", "1"]] {
            let (out, error) = desk.says(args, 2);
            assert_eq!(out, "");
            assert!(error.contains("--yes"), "{error}");
        }
        let plans = "SELECT count(*) FROM plans";
        assert_eq!(desk.world.sql().int(plans), 0);
    }

    pub(super) fn a_run_goes_to_its_end_and_says_what_failed(kind: Kind) {
        let desk = Desk::new(kind);
        let (out, error) = desk.says(&[&UPDATE[..], &["--yes"]].concat(), 1);
        for words in ["update of Leads, completed", "RECORD_LOCKED"] {
            assert!(out.contains(words), "{words}: {out}");
        }
        assert!(has_row(&out, "changed", " 1,959"), "{out}");
        assert!(has_row(&out, "failed", " 1"), "{out}");
        assert!(error.contains("1 of 1,960 records failed"), "{error}");
        assert!(error.contains("swathe jobs undo "), "{error}");
        // Once more: nothing is left to change, and the lock still refuses.
        let told = desk.json(&[&UPDATE[..], &["--yes", "--json"]].concat(), 1);
        assert_eq!(told["plan"]["counts"]["unchanged"], IN_VIEW - LOCKED);
        assert_eq!(told["job"]["counts"]["unchanged"], IN_VIEW - LOCKED);
        assert_eq!(
            told["job"]["failed_by_code"],
            json!({"RECORD_LOCKED": LOCKED})
        );
        assert_eq!(told["job"]["plan"], told["plan"]["id"]);
    }

    pub(super) fn a_run_in_which_nothing_fails_ends_well(kind: Kind) {
        let desk = Desk::new(kind);
        let free = ["--criteria", "(Locked__s:equals:false)"];
        let args = [&UPDATE[..], &free, &["--yes", "--json"]].concat();
        let told = desk.json(&args, 0);
        assert_eq!(told["job"]["counts"]["changed"], IN_VIEW - LOCKED);
        // A selection of nothing is refused: whoever wrote it meant some records.
        let none = ["--criteria", "(City:equals:Nowhere)"];
        let (out, error) = desk.says(&[&UPDATE[..], &none, &["--yes", "--json"]].concat(), 1);
        assert_eq!(out, "");
        assert!(error.contains("NO_RECORDS_FOUND"), "{error}");
        let jobs = desk.json(&["jobs", "list", "--json"], 0);
        assert_eq!(jobs["data"].as_array().unwrap().len(), 1);
    }

    pub(super) fn ids_of_a_file_are_the_selection(kind: Kind) {
        let desk = Desk::new(kind);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ids.csv");
        let lead = |n: i64| format!("{}", 5_000_000_000_000_000_000 + n);
        std::fs::write(&file, format!("id\n{}\n{}\n", lead(1), lead(2))).unwrap();
        let file = file.to_str().unwrap();
        let set = ["--set", "City=Oslo", "--set", "No_of_Employees=12"];
        let args = [
            "run",
            "update",
            "Leads",
            "--ids-file",
            file,
            "--yes",
            "--json",
        ];
        let told = desk.json(&[&args[..], &set].concat(), 0);
        assert_eq!(told["job"]["counts"]["changed"], 2);
        let written = "SELECT count(*) FROM \"m_Leads\" WHERE \"City\" = 'Oslo' AND \
                       \"No_of_Employees\" = 12";
        assert_eq!(desk.world.sql().int(written), 2);
    }

    pub(super) fn a_plan_is_run_once_and_only_as_large_as_expected(kind: Kind) {
        let desk = Desk::new(kind);
        let plan = desk.json(&[&PLAN[..], &["--json"]].concat(), 0);
        let id = plan["id"].as_str().unwrap();
        let off = ["run", "--plan", id, "--expected-count", "1961", "--yes"];
        let (_, error) = desk.says(&off, 1);
        assert!(
            error.contains("1,960 records, not the expected 1961"),
            "{error}"
        );
        let exact = [
            "run",
            "--plan",
            id,
            "--expected-count",
            "1960",
            "--yes",
            "--json",
        ];
        assert_eq!(desk.json(&exact, 1)["job"]["counts"]["failed"], 1);
        let (_, error) = desk.says(&exact, 1);
        assert!(error.contains("PLAN_OUTDATED"), "{error}");
        let off = [&PLAN[..], &["--expected-count", "1959"]].concat();
        let (_, error) = desk.says(&off, 1);
        assert!(error.contains("UNEXPECTED_COUNT"), "{error}");
    }

    pub(super) fn owners_change_and_records_are_deleted_by_command(kind: Kind) {
        let desk = Desk::new(kind);
        let other = "ines.faria@kestrel-rowe.example.com";
        let junk = "(Lead_Status:equals:Junk Lead)";
        let args = ["run", "change-owner", "Leads", "--criteria", junk];
        let to = ["--owner", other, "--yes", "--json"];
        let told = desk.json(&[&args[..], &to].concat(), 0);
        assert_eq!(told["job"]["counts"]["changed"], 40);
        let args = [
            "run",
            "delete",
            "Leads",
            "--criteria",
            junk,
            "--yes",
            "--json",
        ];
        let told = desk.json(&args, 0);
        assert_eq!(told["job"]["counts"]["changed"], 40);
        let left = "SELECT count(*) FROM \"m_Leads\"";
        assert_eq!(desk.world.sql().int(left), IN_VIEW);
    }

    pub(super) fn a_job_for_later_is_accepted_and_not_followed(kind: Kind) {
        let desk = Desk::new(kind);
        let at = ["--run-at", "2099-01-01T00:00:00+01:00", "--yes"];
        let (_, error) = desk.says(&[&UPDATE[..], &at].concat(), 1);
        assert!(error.contains("by a year at most"), "{error}");
        let at = SystemClock.now().plus_ms(30 * 86_400_000).to_utc();
        let later = ["--run-at", &at, "--select-at", "start", "--yes", "--json"];
        let told = desk.json(&[&UPDATE[..], &later].concat(), 0);
        assert_eq!(told["job"]["state"], "queued");
        assert_eq!(told["job"]["counts"]["total"], 0);
        let job = told["job"]["id"].as_str().unwrap();
        let (out, _) = desk.says(&["jobs", "cancel", job], 0);
        assert!(out.contains("cancelled"), "{out}");
    }

    pub(super) fn what_the_server_refuses_says_where(kind: Kind) {
        let desk = Desk::new(kind);
        let plan = ["plan", "update", "Leads", "--set", "City=Oslo"];
        for (more, words) in [
            (["--view", "No Such"], "$.selection.view"),
            (["--criteria", "(City:equals"], "$.selection.criteria"),
            (["--cvid", "1"], "$.selection.cvid"),
        ] {
            let (out, error) = desk.says(&[&plan[..], &more].concat(), 1);
            assert_eq!(out, "");
            assert!(
                error.contains(words) && error.contains("INVALID_DATA"),
                "{error}"
            );
        }
        let args = ["plan", "update", "Leads", "--set", "No=1", "--everything"];
        let (_, error) = desk.says(&args, 1);
        assert!(
            error.contains("api_name No") || error.contains("fields.No"),
            "{error}"
        );
        let args = ["plan", "delete", "Nothings", "--everything"];
        let (_, error) = desk.says(&args, 1);
        assert!(error.contains("INVALID_MODULE"), "{error}");
    }
}

#[test]
fn wrong_usage_is_said_before_a_server_is_asked() {
    let nobody = ["--url", "http://127.0.0.1:1", "--token", "x"];
    let set = ["--set", "City=Oslo"];
    let leads = |action: &'static str, more: &[&'static str]| {
        [&["run", action, "Leads"][..], more, &["--yes"], &nobody].concat()
    };
    for (args, words) in [
        (leads("update", &set), "--view"),
        (leads("delete", &[]), "--everything"),
        (leads("delete", &["--view", ""]), "--view"),
        (leads("delete", &["--criteria", ""]), "--criteria"),
        (leads("delete", &["--ids", ""]), "an id is a number"),
        (leads("delete", &["--ids", "1,x"]), "an id is a number"),
        (leads("delete", &["--view", "A", "--cvid", "1"]), "--cvid"),
        (
            leads("delete", &["--view", "A", "--everything"]),
            "--everything",
        ),
        (
            leads("delete", &["--view", "A", "--include-children"]),
            "--territory",
        ),
        (leads("delete", &["--everything"]), "--expected-count"),
        (leads("update", &["--view", "A"]), "--set"),
        (
            leads("update", &["--view", "A", "--set", "City="]),
            "City:=null",
        ),
        (
            leads("update", &["--view", "A", "--set", "A=1", "--set", "A=2"]),
            "A twice",
        ),
        (leads("change-owner", &["--view", "A"]), "--owner"),
        (
            leads("delete", &["--view", "A", "--select-at", "start"]),
            "--run-at",
        ),
        (
            leads(
                "delete",
                &["--view", "A", "--run-at", "2026-11-23T02:00:00"],
            ),
            "zone",
        ),
        (
            leads("delete", &["--view", "A", "--throttle", "0"]),
            "--throttle",
        ),
        ([&["run"][..], &nobody].concat(), "--plan"),
        (
            [&["run", "--plan", "x"][..], &nobody].concat(),
            "an id is a number",
        ),
        ([&["plan", "merge", "Leads"][..], &nobody].concat(), "merge"),
    ] {
        fails(&args, 2, words);
    }
}

#[test]
fn a_server_and_a_token_are_needed() {
    let args = ["plan", "delete", "Leads", "--view", "A"];
    fails(&args, 2, "SWATHE_URL");
    fails(
        &[&args[..], &["--url", "http://127.0.0.1:1"]].concat(),
        2,
        "SWATHE_TOKEN",
    );
    let nobody = ["--url", "http://127.0.0.1:1", "--token", "x"];
    fails(&[&args[..], &nobody].concat(), 1, "does not answer");
    let odd = ["--url", "not an address", "--token", "x"];
    fails(&[&args[..], &odd].concat(), 1, "no address of a server");
}

#[test]
fn help_tells_of_exit_codes_and_of_every_selection() {
    let help = |args: &[&str]| {
        let output = run(&[args, &["--help"]].concat());
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let update = help(&["run", "update"]);
    for flag in [
        "--view",
        "--cvid",
        "--ids",
        "--ids-file",
        "--criteria",
        "--territory",
        "--include-children",
        "--everything",
        "--set",
        "--append",
        "--tolerance",
        "--expected-count",
        "--run-at",
        "--select-at",
        "--throttle",
        "--automation",
        "--notify-url",
        "--yes",
        "--detach",
        "--json",
        "--url",
        "--token",
    ] {
        assert!(update.contains(flag), "{flag}: {update}");
    }
    assert!(help(&["run"]).contains("130"));
    assert!(help(&["plan"]).contains("Exit code 0"));
    let jobs = help(&["jobs"]);
    for command in [
        "list", "show", "watch", "outcomes", "pause", "resume", "cancel", "retry", "undo",
        "throttle",
    ] {
        assert!(jobs.contains(&format!("  {command} ")), "{command}: {jobs}");
    }
}
