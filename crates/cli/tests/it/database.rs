//! What the program does when the database is not as it should be: it says so and ends, or answers
//! 503 and goes on by itself when the cause is gone.

use crate::proxy::Proxy;
use crate::swathe::{Server, fails, said_by, serve, swathe};
use crate::world::{World, is_over, is_unavailable, many};
use std::path::Path;
use std::process::Command;
use store::Target;
use testkit::{Kind, TestDb, each_db};

each_db! {
    what_is_not_ours_or_too_new_is_refused,
}

mod check {
    use super::*;

    pub(super) fn what_is_not_ours_or_too_new_is_refused(kind: Kind) {
        let world = World::new(kind, 1);
        let url = world.test.url();
        world.sql().run("UPDATE schema_version SET version = 9999");
        fails(&serve(&["--database", &url]), 1, "use a newer program");

        let theirs = TestDb::new(kind);
        let table = "CREATE TABLE theirs (id BIGINT)";
        match &theirs.target {
            Target::Sqlite(path) => {
                let other = rusqlite::Connection::open(path).unwrap();
                other.execute_batch(table).unwrap();
            }
            Target::Postgres(url) => {
                let mut other = postgres::Client::connect(url, postgres::NoTls).unwrap();
                other.batch_execute(table).unwrap();
            }
        }
        fails(&serve(&["--database", &theirs.url()]), 1, "another program");
    }
}

fn file(test: &TestDb) -> &Path {
    match &test.target {
        Target::Sqlite(path) => path,
        Target::Postgres(_) => panic!("not a file"),
    }
}

#[test]
fn a_file_that_cannot_be_served_is_refused() {
    let world = World::new(Kind::Sqlite, 1);
    let url = world.test.url();
    let server = world.serve();
    for words in ["another process owns", "--url"] {
        fails(&serve(&["--database", &url]), 1, words);
    }
    assert_eq!(server.status("/readyz"), 200);
    drop(server);

    let other = TestDb::new(Kind::Sqlite);
    std::fs::write(file(&other), "Dear diary, ".repeat(1000)).unwrap();
    fails(&serve(&["--database", &other.url()]), 1, "not a database");
    fails(
        &serve(&["--database", "sqlite:/nowhere/at/all.db"]),
        1,
        "/nowhere/at/all.db",
    );
}

/// The program where a path can only be read: by its mode, or for root, whom no mode binds, by a
/// mount that only this process sees.
fn where_read_only(path: &Path, url: &str) -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|of| {
        use std::os::unix::fs::MetadataExt;
        of.uid() == 0
    });
    let program = swathe(&serve(&["--database", url]));
    if !root {
        let mut mode = path.metadata().unwrap().permissions();
        mode.set_readonly(true);
        std::fs::set_permissions(path, mode).unwrap();
        return program;
    }
    let mut command = Command::new("unshare");
    let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
    command.args(["-m", "sh", "-c", mount]).arg(path);
    command.arg(program.get_program()).args(program.get_args());
    command
}

#[test]
fn a_file_that_can_only_be_read_is_refused() {
    let world = World::new(Kind::Sqlite, 1);
    let (path, url) = (file(&world.test), world.test.url());
    let folder = path.parent().unwrap();
    for (what, words) in [(path, "can only be read"), (folder, "cannot use")] {
        let (code, said) = said_by(where_read_only(what, &url));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(words) && !said.contains("panicked"), "{said}");
        assert!(said.contains(what.to_str().unwrap()), "{said}");
    }
}

/// Lets a process write no file past so many bytes; none is no limit.
fn limit(server: &Server, bytes: Option<u64>) {
    let bytes = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
    let id = server.id().to_string();
    let size = format!("--fsize={bytes}:unlimited");
    let set = Command::new("prlimit").args(["--pid", &id, &size]).status();
    assert!(set.unwrap().success());
}

/// A limit on the size of files stands for a full disk: the write fails, and the process is told of
/// nothing else because it ignores the signal that goes with it. The log is on that disk too.
#[test]
fn a_full_disk_stops_writes_only_and_the_job_goes_on_when_there_is_room() {
    let world = World::new(Kind::Sqlite, many(Kind::Sqlite));
    let url = world.test.url();
    let program = swathe(&serve(&["--database", &url]));
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    shell.arg(program.get_program()).args(program.get_args());
    let server = Server::start_by(shell);
    let client = world.client(&server);

    limit(&server, Some(100));
    is_unavailable(&client.schedule().unwrap());
    is_unavailable(&client.write("Full"));
    assert_eq!(client.read().1["data"][0]["Company"], "Company 50");
    assert_eq!(server.status("/readyz"), 200);
    let mut sql = world.sql();
    for table in ["jobs", "job_targets", "changes"] {
        assert_eq!(
            sql.int(&format!("SELECT count(*) FROM {table}")),
            0,
            "{table}"
        );
    }

    // Room for accepting the job and for some of its chunks.
    limit(&server, Some(4_000_000));
    let job = client.job();
    let value = |n: i32| format!("Room for {n}");
    let full = (0..1_000).find(|n| {
        assert!(!is_over(&client.status(job)), "there was room for all");
        client.write(&value(*n)).0 != 200
    });
    let full = full.unwrap();
    is_unavailable(&client.write(&value(full)));
    assert_eq!(client.read().1["data"][0]["Company"], value(full - 1));
    let seen = client.status(job);
    assert!(
        !is_over(&seen) && seen["Updated_Count"].as_i64() > Some(0),
        "{seen}"
    );
    world.judge_meanwhile(job);

    limit(&server, None);
    let status = client.watch(job);
    world.judge(job, &status);
    assert_eq!(client.write("Room").0, 200);
    let failures = "SELECT attempts FROM jobs WHERE id =";
    assert_eq!(sql.int(&format!("{failures} {job}")), 0);
}

#[test]
fn a_file_locked_by_another_program_stops_writes_only() {
    let world = World::new(Kind::Sqlite, many(Kind::Sqlite));
    let server = world.serve();
    let client = world.client(&server);
    let job = client.job();
    client.watch_past(job, 0);
    let mut other = world.sql();
    other.run("BEGIN EXCLUSIVE");
    let seen = client.status(job);
    assert!(!is_over(&seen), "{seen}");
    is_unavailable(&client.write("Locked"));
    assert_eq!(client.read().0, 200);
    assert_eq!(client.status(job), seen);
    other.run("ROLLBACK");
    let status = client.watch(job);
    world.judge(job, &status);
    assert_eq!(client.write("Free").0, 200);
}

#[test]
fn a_server_goes_on_when_postgresql_was_away() {
    let world = World::new(Kind::Postgres, many(Kind::Postgres));
    let mut proxy = Proxy::before(&world.test);
    let server = Server::start(&["--database", &proxy.url]);
    let client = world.client(&server);
    let job = client.job();
    for round in 0..3 {
        let seen = client.watch_past(job, round * 500);
        assert!(!is_over(&seen), "{seen}");
        proxy.cut();
        is_unavailable(&client.write("Away"));
        is_unavailable(&client.schedule().unwrap());
        is_unavailable(&client.read());
        assert_eq!(server.status("/readyz"), 503);
        assert_eq!(server.status("/healthz"), 200);
        assert_eq!(server.status("/metrics"), 200);
        world.judge_meanwhile(job);
        proxy.mend();
        // Nobody is told of connections that broke meanwhile.
        assert_eq!(client.write("Back").0, 200);
        assert_eq!(server.status("/readyz"), 200);
    }
    let status = client.watch(job);
    world.judge(job, &status);
}

/// Ends the connections that are in a transaction on this database now; answers how many.
fn end_transactions(world: &World) -> i64 {
    world.sql().int(
        "SELECT count(*) FROM (SELECT DISTINCT l.pid FROM pg_locks l
           JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = current_schema() AND l.pid <> pg_backend_pid()) held
         WHERE pg_terminate_backend(held.pid)",
    )
}

#[test]
fn a_job_goes_on_when_its_connections_are_ended_in_the_middle_of_chunks() {
    let world = World::new(Kind::Postgres, many(Kind::Postgres));
    let server = world.serve();
    let client = world.client(&server);
    let job = client.job();
    let mut ended = 0;
    for round in 0..4 {
        let seen = client.watch_past(job, round * 1_000);
        assert!(!is_over(&seen), "{seen}");
        let so_far = ended;
        while ended == so_far {
            ended += end_transactions(&world);
        }
        world.judge_meanwhile(job);
    }
    let status = client.watch(job);
    world.judge(job, &status);
    // No record was blamed for it.
    let given_up = "SELECT count(*) FROM job_outcomes WHERE code = 'INTERNAL_ERROR'";
    assert_eq!(world.sql().int(given_up), 0);
}
