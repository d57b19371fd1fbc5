//! `swathe org`: check, diff, apply and export.

use crate::swathe::{Server, fails, json, run};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use testkit::{Kind, TestDb, each_db};

each_db! {
    a_file_is_compared_applied_and_written_back,
    serving_with_a_file_makes_the_org_once,
}

const COURSE: &str = include_str!("../../../../examples/course-leads/org.toml");
const EMAIL: &str = "admin@lantern-lane.example.com";

fn file(dir: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn said(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Kinds of the changes in an answer in JSON, but for what was left alone.
fn kinds(answer: &Json) -> Vec<&str> {
    let changes = answer["changes"].as_array().unwrap().iter();
    let kinds = changes.map(|change| change["kind"].as_str().unwrap());
    kinds.filter(|kind| *kind != "left_alone").collect()
}

#[test]
fn every_mistake_is_told_with_file_line_and_column() {
    let dir = TempDir::new().unwrap();
    let good = file(&dir, "good.toml", COURSE);
    assert_eq!(
        said(&["org", "check", text(&good)]),
        format!("{} is right\n", text(&good))
    );
    let wrong = "[org]\ncompany = \"X\"\n\
                 [[role]]\nname = \"A\"\nreports_to = \"B\"\n\
                 [[role]]\nname = \"B\"\nreports_to = \"A\"\n\
                 [[module]]\napi_name = \"Leads\"\n\
                 [[module.field]]\napi_name = \"Kind\"\ntype = \"text\"\nmax = 9\n\
                 [[module.field]]\napi_name = \"kind\"\ntype = \"text\"\nmax = 9\n\
                 [[module.view]]\nname = \"V\"\n\
                 criteria = \"((Kind:equals:x)and(Nope:equals:1))\"\n";
    let wrong = file(&dir, "wrong.toml", wrong);
    let output = run(&["org", "check", text(&wrong)]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    for (place, word) in [("5:14", "reports"), ("16:12", "kind"), ("21:", "Nope")] {
        let start = format!("{}:{place}", text(&wrong));
        let line = error.lines().find(|line| line.starts_with(&start));
        assert!(
            line.is_some_and(|line| line.contains(word)),
            "{place} {word} in {error}"
        );
    }
    assert!(
        error.lines().last().unwrap().contains("mistakes"),
        "{error}"
    );
    let broken = file(&dir, "broken.toml", "[org\ncompany = 1");
    fails(&["org", "check", text(&broken)], 1, "broken.toml:1:5: ");
    fails(
        &["org", "check", "nowhere.toml"],
        1,
        "cannot read nowhere.toml",
    );
    fails(&["org", "check"], 2, "<FILE>");
}

#[test]
fn a_wrong_file_makes_no_database() {
    let dir = TempDir::new().unwrap();
    let wrong = file(&dir, "wrong.toml", "[org]\n");
    let path = dir.path().join("new.db");
    let database = format!("sqlite:{}", text(&path));
    fails(
        &["org", "apply", text(&wrong), "--database", &database],
        1,
        "wrong.toml:",
    );
    assert!(!path.exists());
    fails(
        &["org", "diff", text(&wrong), "--database", &database],
        1,
        "no database",
    );
}

mod check {
    use super::*;

    pub(super) fn a_file_is_compared_applied_and_written_back(kind: Kind) {
        let (dir, test) = (TempDir::new().unwrap(), TestDb::new(kind));
        let course = file(&dir, "org.toml", COURSE);
        let database = test.url();
        let here = ["--database", database.as_str()];
        let first = said(&[&["org", "apply", text(&course)][..], &here].concat());
        assert!(
            first.contains("+ ") && first.ends_with("applied\n"),
            "{first}"
        );
        let again = said(&[&["org", "apply", text(&course)][..], &here].concat());
        assert!(again.ends_with("nothing to change\n"), "{again}");
        let out = said(&[&["org", "export"][..], &here].concat());
        let exported = file(&dir, "exported.toml", &out);
        let same = json(&[&["org", "diff", text(&exported), "--json"][..], &here].concat());
        assert_eq!(kinds(&same), Vec::<&str>::new());

        let less = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Remark\"\n\
                    remove = true\n[[module.view]]\nname = \"Answered Lately\"\nremove = true\n";
        let less = file(&dir, "less.toml", less);
        let apply = ["org", "apply", text(&less)];
        fails(&[&apply[..], &here].concat(), 1, "less.toml:4:");
        let token = ["token", "--user", EMAIL, "--scope", "swathe.org.ALL"];
        let token = said(&[&token[..], &here].concat());

        let server = Server::start(&here);
        let there = ["--url", server.url.as_str(), "--token", token.trim()];
        if kind == Kind::Sqlite {
            fails(
                &[&["org", "export"][..], &here].concat(),
                1,
                "--url and --token",
            );
        }
        assert_eq!(said(&[&["org", "export"][..], &there].concat()), out);
        fails(&[&apply[..], &there].concat(), 1, "less.toml:4:");
        let diff = [&["org", "diff", text(&less), "--json"][..], &there].concat();
        let gone = ["remove", "modify", "remove"]; // the field leaves its layout, too
        assert_eq!(kinds(&json(&diff)), gone);
        let removed = [&apply[..], &["--allow-remove", "--json"], &there].concat();
        let removed = json(&removed);
        assert_eq!(kinds(&removed), gone);
        assert_eq!(removed["changed"], true);
        assert!(!said(&[&["org", "export"][..], &there].concat()).contains("Answered Lately"));
    }

    pub(super) fn serving_with_a_file_makes_the_org_once(kind: Kind) {
        let (dir, test) = (TempDir::new().unwrap(), TestDb::new(kind));
        let wrong = file(&dir, "wrong.toml", "[org]\ncompany = 5\n");
        let database = test.url();
        let serve = |path: &Path| {
            let org = text(path).to_owned();
            Server::start(&["--database", &database, "--org", &org])
        };
        let args = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--database",
            &database,
            "--org",
        ];
        fails(
            &[&args[..], &[text(&wrong)]].concat(),
            1,
            "wrong.toml:2:11: ",
        );
        let course = file(&dir, "org.toml", COURSE);
        let server = serve(&course);
        assert_eq!(server.status("/readyz"), 200);
        let (_, log) = server.stop("TERM");
        assert!(log.contains("the org file was applied"), "{log}");
        let more =
            format!("{COURSE}\n[[role]]\nname = \"Night\"\nreports_to = \"Head of Admissions\"\n");
        let server = serve(&file(&dir, "more.toml", &more));
        let (_, log) = server.stop("TERM");
        assert!(log.contains("+ role \\\"Night\\\""), "{log}");
        let out = said(&["org", "export", "--database", &database]);
        assert!(!out.contains("Night"), "{out}");
    }
}
