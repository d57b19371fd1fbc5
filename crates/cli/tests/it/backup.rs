//! `swathe backup` while a job runs, `swathe restore` elsewhere, and the job goes on there.

use crate::swathe::{Server, fails, run, said_by, serve, swathe};
use crate::world::{World, many};
use testkit::{Kind, TestDb, each_db};

each_db! {
    a_job_goes_on_in_the_database_that_a_backup_was_restored_into,
    a_backup_is_written_whole_or_not_at_all,
    a_server_sends_a_backup_to_administrators_that_ask_for_one,
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
        // So that it still runs when the second backup is made.
        world.throttle(job, Some(20));
        world.client(&server).watch_past(job, 0);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.backup");
        let file = file.to_str().unwrap();
        let url = world.test.url();
        let from_server = ["--url", &server.url, "--token", world.token_for_backups()];
        let made = done(&[&["backup", file][..], &from_server].concat());
        assert!(made.contains("written to"), "{made}");
        let again = dir.path().join("b.backup");
        let again = again.to_str().unwrap();
        let args = ["backup", again, "--database", &url];
        if kind == Kind::Sqlite {
            // A file has one owner.
            fails(&args, 1, "another process owns");
            server.kill();
            done(&args);
        } else {
            done(&args);
            server.kill();
        }
        for (to, file) in [(Kind::Sqlite, file), (Kind::Postgres, again)] {
            let other = TestDb::new(to);
            let url = other.url();
            let said = done(&["restore", file, "--database", &url]);
            assert!(said.contains("restored from"), "{said}");
            fails(&["restore", file, "--database", &url], 1, "already");
            let world = world.moved(other);
            world.judge_meanwhile(job);
            let left = format!("SELECT total - cursor FROM jobs WHERE id = {job}");
            assert!(world.sql().int(&left) > 0);
            world.throttle(job, None);
            let server = Server::start(&["--database", &url]);
            let client = world.client(&server);
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

    pub(super) fn a_server_sends_a_backup_to_administrators_that_ask_for_one(kind: Kind) {
        let world = World::new(kind, 10);
        let server = world.serve();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.backup");
        let file = file.to_str().unwrap();
        let token = &world.client(&server).token;
        let args = ["backup", file, "--url", &server.url, "--token", token];
        fails(&args, 1, "OAUTH_SCOPE_MISMATCH");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
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
            let words = "the database has schema 6, this program knows 5: use a newer program";
            assert_eq!(
                said.lines().collect::<Vec<_>>(),
                [format!("swathe: {words}")]
            );
        }
        let version = world.sql().int("SELECT version FROM schema_version");
        assert_eq!(version, 6, "it was left alone");
    }
}

/// A limit on the size of files stands for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_backup_onto_a_full_disk_leaves_nothing() {
    let world = World::new(Kind::Sqlite, 2_000);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.backup");
    let url = world.test.url();
    let program = swathe(&["backup", file.to_str().unwrap(), "--database", &url]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\""]);
    shell.arg(program.get_program()).args(program.get_args());
    let (code, said) = said_by(shell);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the disk is full"), "{said}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
