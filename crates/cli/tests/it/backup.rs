//! `swathe backup` while a job runs, `swathe restore` elsewhere, and the job goes on there.

use crate::swathe::{Server, fails, run, serve};
use crate::world::{World, is_over, many};
use testkit::{Kind, TestDb, each_db};

each_db! {
    a_job_goes_on_in_the_database_that_a_backup_was_restored_into,
    a_backup_is_written_whole_or_not_at_all,
    an_older_program_refuses_a_newer_schema,
}

/// Runs a command that must do what it was asked.
fn done(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

mod check {
    use super::*;

    pub(super) fn a_job_goes_on_in_the_database_that_a_backup_was_restored_into(kind: Kind) {
        let world = World::new(kind, many(kind));
        let server = world.serve();
        let job = world.client(&server).job();
        world.client(&server).watch_past(job, 0);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.backup");
        let file = file.to_str().unwrap();
        let url = world.test.url();
        if kind == Kind::Sqlite {
            // A file has one owner.
            let args = ["backup", file, "--database", &url];
            fails(&args, 1, "another process owns");
            server.kill();
            done(&args);
        } else {
            done(&["backup", file, "--database", &url]);
            server.kill();
        }
        for to in [Kind::Sqlite, Kind::Postgres] {
            let other = TestDb::new(to);
            let url = other.url();
            let said = done(&["restore", file, "--database", &url]);
            assert!(said.contains("restored from"), "{said}");
            fails(&["restore", file, "--database", &url], 1, "already");
            let world = world.moved(other);
            world.judge_meanwhile(job);
            let server = Server::start(&["--database", &url]);
            let client = world.client(&server);
            let seen = client.status(job);
            assert!(!is_over(&seen), "{seen}");
            let status = client.watch(job);
            world.judge(job, &status);
            assert_eq!(client.write("Restored").0, 200);
        }
    }

    pub(super) fn a_backup_is_written_whole_or_not_at_all(kind: Kind) {
        let world = World::new(kind, 100);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.backup");
        let name = file.to_str().unwrap();
        let url = world.test.url();
        let args = ["backup", name, "--database", &url];
        // The table of leads has no key to read it by: nobody gets half of the rest.
        let mut sql = world.sql();
        sql.run("CREATE TABLE strange (x BIGINT)");
        fails(&args, 1, "strange");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        sql.run("DROP TABLE strange");
        done(&args);
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "it holds personal data");
        }
        fails(&args, 1, "is there already");
        fails(
            &["backup", "/nowhere/at/all", "--database", &url],
            1,
            "/nowhere/at/all",
        );
        let to = dir.path().join("b.db");
        let to = format!("sqlite:{}", to.display());
        fails(
            &["restore", "/nowhere/at/all", "--database", &to],
            1,
            "/nowhere/at/all",
        );
    }

    pub(super) fn an_older_program_refuses_a_newer_schema(kind: Kind) {
        let world = World::new(kind, 1);
        world
            .sql()
            .run("UPDATE schema_version SET version = version + 1");
        let url = world.test.url();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.backup");
        let file = file.to_str().unwrap();
        for args in [
            &serve(&["--database", &url])[..],
            &["org", "export", "--database", &url],
            &["backup", file, "--database", &url],
        ] {
            let output = run(args);
            assert_eq!(output.status.code(), Some(1), "{args:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            let words = "the database has schema 4, this program knows 3: use a newer program";
            assert_eq!(
                said.lines().collect::<Vec<_>>(),
                [format!("swathe: {words}")]
            );
        }
        let version = world.sql().int("SELECT version FROM schema_version");
        assert_eq!(version, 4, "it was left alone");
    }
}
