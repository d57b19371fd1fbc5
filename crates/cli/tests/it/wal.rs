//! The log of a SQLite file cut at any byte, as power loss leaves it: whole commits are there, or gone.

use crate::world::{World, is_over};
use std::fs;
use std::path::{Path, PathBuf};
use store::Target;
use testkit::{Kind, TestDb};

fn file(test: &TestDb) -> PathBuf {
    match &test.target {
        Target::Sqlite(path) => path.clone(),
        Target::Postgres(_) => panic!("not a file"),
    }
}

fn log_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

/// A copy of a database whose log ends after so many bytes.
fn cut(world: &World, path: &Path, log: &[u8]) -> World {
    let other = TestDb::new(Kind::Sqlite);
    let to = file(&other);
    fs::copy(path, &to).unwrap();
    fs::write(log_of(&to), log).unwrap();
    world.moved(other)
}

#[test]
fn a_log_that_was_cut_anywhere_loses_whole_commits_only() {
    let world = World::new(Kind::Sqlite, 4_000);
    let path = file(&world.test);
    let server = world.serve();
    let client = world.client(&server);
    let job = client.job();
    client.watch(job);
    assert_eq!(client.write("Last").0, 200);
    server.kill();
    let log = fs::read(log_of(&path)).unwrap();
    // Nothing of it was checked in to the file, so any cut is one that power loss could make.
    assert!(
        (100_000..16 * 1024 * 1024).contains(&log.len()),
        "{}",
        log.len()
    );

    let (mut before, mut jobs, mut halves) = (-1, 0, 0);
    let step = log.len() / 60;
    for (n, end) in (0..=log.len()).step_by(step).chain([log.len()]).enumerate() {
        let mut left = log[..end].to_vec();
        if n % 2 == 1 {
            // A page of which a part never reached the disk.
            let torn = end.saturating_sub(2_000);
            left[torn..].fill(0);
        }
        let world = cut(&world, &path, &left);
        let mut sql = world.sql();
        assert_eq!(sql.text("PRAGMA quick_check"), "ok", "cut at {end}");
        let cursor = if sql.int("SELECT count(*) FROM jobs") == 0 {
            for table in ["job_targets", "changes", "job_outcomes"] {
                assert_eq!(
                    sql.int(&format!("SELECT count(*) FROM {table}")),
                    0,
                    "{table}"
                );
            }
            -1
        } else {
            world.judge_meanwhile(job);
            jobs += 1;
            sql.int(&format!("SELECT cursor FROM jobs WHERE id = {job}"))
        };
        // A longer log never holds less; the torn ones end a page or so earlier.
        assert!(
            cursor >= before || n % 2 == 1,
            "{cursor} after {before} at {end}"
        );
        before = before.max(cursor);
        drop(sql);
        let done = sql_state(&world, job);
        if cursor >= 0 && done != "completed" && halves < 4 {
            halves += 1;
            let server = world.serve();
            let status = world.client(&server).watch(job);
            assert!(is_over(&status));
            world.judge(job, &status);
        }
    }
    assert!(
        jobs > 20 && halves > 1,
        "{jobs} with the job, {halves} half done"
    );
    let whole = cut(&world, &path, &log);
    let client_saw = "SELECT count(*) FROM \"m_Leads\" WHERE \"Company\" = 'Last'";
    assert_eq!(whole.sql().int(client_saw), 1);
}

fn sql_state(world: &World, job: i64) -> String {
    let mut sql = world.sql();
    let state = format!("SELECT COALESCE((SELECT state FROM jobs WHERE id = {job}), 'none')");
    sql.text(&state)
}
