//! A database that a program of before the first release's schema made is left alone, and what is then
//! advised works.

use crate::swathe::{json, run, serve};
use crate::world::World;
use testkit::{Kind, TestDb, backup_of_schema_4, each_db};

each_db! {
    a_database_of_an_old_schema_is_refused_with_advice,
    the_backup_that_its_program_made_is_restored,
}

mod check {
    use super::*;

    pub(super) fn a_database_of_an_old_schema_is_refused_with_advice(kind: Kind) {
        let world = World::new(kind, 1);
        let url = world.test.url();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.backup");
        let file = file.to_str().unwrap();
        for schema in 1..=4 {
            let made = format!("UPDATE schema_version SET version = {schema}");
            world.sql().run(&made);
            let first = if schema == 4 {
                "back it up with the program that made it (swathe backup)"
            } else {
                "start the program of commit 2285f66 on it (swathe serve), back it up with that one \
                 (swathe backup)"
            };
            let advice = format!(
                "swathe: the database has schema {schema}, of before the first release: {first} and \
                 restore the backup with this one (swathe restore)"
            );
            for args in [
                &serve(&["--database", &url])[..],
                &["org", "export", "--database", &url],
                &["backup", file, "--database", &url],
            ] {
                let output = run(args);
                assert_eq!(output.status.code(), Some(1), "{args:?}");
                let said = String::from_utf8(output.stderr).unwrap();
                assert_eq!(said.lines().collect::<Vec<_>>(), [&advice], "{args:?}");
            }
            let version = world.sql().int("SELECT version FROM schema_version");
            assert_eq!(version, schema, "it was left alone");
        }
    }

    pub(super) fn the_backup_that_its_program_made_is_restored(kind: Kind) {
        let test = TestDb::new(kind);
        let url = test.url();
        let file = backup_of_schema_4();
        let output = run(&["restore", file.to_str().unwrap(), "--database", &url]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        // A job that was paused is found by the next program as it was left.
        let user = "admin@kestrel-rowe.example.com";
        let token = [
            "token",
            "--json",
            "--user",
            user,
            "--scope",
            "swathe.jobs.ALL",
        ];
        let token = json(&[&token[..], &["--database", &url]].concat());
        let token = token["access_token"].as_str().unwrap();
        let server = crate::swathe::Server::start(&["--database", &url]);
        let list = [
            "jobs",
            "list",
            "--json",
            "--state",
            "paused",
            "--url",
            &server.url,
        ];
        let jobs = json(&[&list[..], &["--token", token]].concat());
        assert_eq!(jobs["data"][0]["counts"]["total"], 40, "{jobs}");
    }
}
