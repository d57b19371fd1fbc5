//! `kill -9` at any moment: the job goes on where it was, and every record is changed just once.

use crate::swathe::{Server, serve, swathe};
use crate::world::{Work, World, is_over, many};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use testkit::{Kind, each_db};

each_db! {
    a_job_survives_its_server_killed_many_times,
    a_deletion_survives_its_server_killed_many_times,
    what_was_being_accepted_is_forgotten,
}

/// After so many, the job is left to end.
const KILLS: usize = 10;

/// Any number below `n`: each run kills at other moments.
fn any(n: i64) -> i64 {
    let random = RandomState::new().hash_one(n) >> 1;
    i64::try_from(random).unwrap() % n
}

mod check {
    use super::*;

    pub(super) fn a_job_survives_its_server_killed_many_times(kind: Kind) {
        survives(kind, Work::Update);
    }

    pub(super) fn a_deletion_survives_its_server_killed_many_times(kind: Kind) {
        survives(kind, Work::Delete);
    }

    fn survives(kind: Kind, work: Work) {
        let world = World::of(kind, many(kind), work);
        let mut server = world.serve();
        let job = world.client(&server).job();
        let (mut done, mut kills) = (0, 0);
        let status = loop {
            let client = world.client(&server);
            let status = if kills < KILLS {
                client.watch_past(job, done)
            } else {
                client.watch(job)
            };
            if is_over(&status) {
                break status;
            }
            done = status[work.done()].as_i64().unwrap() + any(3_000);
            // So that it is not always hit in the same part of a chunk.
            for _ in 0..any(6) {
                client.status(job);
            }
            server.kill();
            kills += 1;
            world.judge_meanwhile(job);
            for _ in 0..any(3) {
                // Not even time to begin.
                world.serve().kill();
            }
            server = world.serve();
        };
        assert!(
            kills >= 3,
            "killed only {kills} times: the job was too quick"
        );
        world.judge(job, &status);
        drop(server);
        world.judge(job, &status);
    }

    pub(super) fn what_was_being_accepted_is_forgotten(kind: Kind) {
        let world = World::new(kind, 50_000);
        let server = world.serve();
        let client = world.client(&server);
        let mut sql = world.sql();
        let preparing = "SELECT count(*) FROM jobs WHERE state = 'preparing'";
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| client.schedule());
            while sql.int(preparing) == 0 {
                assert!(!asking.is_finished(), "accepted before it was seen");
            }
            server.kill();
            assert!(
                asking.join().unwrap().is_err(),
                "accepted before it was killed"
            );
        });
        assert_eq!(sql.int(preparing), 1);
        let lost = sql.int("SELECT max(id) FROM jobs");

        let server = world.serve();
        let job = world.client(&server).job();
        assert_ne!(job, lost);
        world.client(&server).watch_past(job, 0);
        server.kill();
        for table in [
            "jobs WHERE id",
            "job_targets WHERE job",
            "changes WHERE job",
        ] {
            let left = format!("SELECT count(*) FROM {table} = {lost}");
            assert_eq!(sql.int(&left), 0, "{table}");
        }
        world.judge_meanwhile(job);
    }
}

#[test]
fn another_process_takes_over_from_a_worker_that_was_killed() {
    let world = World::new(Kind::Postgres, many(Kind::Postgres));
    let start = |role| Server::start(&["--database", &world.test.url(), "--role", role]);
    let api = start("api");
    let workers = [start("worker"), start("worker")];
    let client = world.client(&api);
    let job = client.job();
    let seen = client.watch_past(job, 0);
    assert!(!is_over(&seen), "{seen}");
    let mut sql = world.sql();
    let by = format!("SELECT worker FROM jobs WHERE id = {job}");
    let first = sql.text(&by);
    let is_first = |server: &Server| first == format!("process {}", server.id());
    let (killed, left): (Vec<_>, Vec<_>) = workers.into_iter().partition(is_first);
    assert_eq!((killed.len(), left.len()), (1, 1), "{first}");
    killed.into_iter().for_each(Server::kill);
    let status = client.watch(job);
    world.judge(job, &status);
    assert_ne!(sql.text(&by), first);
    let leases = format!("SELECT lease_no FROM jobs WHERE id = {job}");
    assert_eq!(sql.int(&leases), 2);
}

/// Only a build for `cargo xtask torture` knows how to kill itself.
#[test]
fn a_program_as_it_is_released_passes_every_point() {
    let world = World::new(Kind::Sqlite, 1_000);
    let url = world.test.url();
    for point in ["commit.before", "commit.after", "claim", "chunk.applied"] {
        let mut program = swathe(&serve(&["--database", &url]));
        program.env("SWATHE_KILL", format!("{point}:1"));
        let server = Server::start_by(program);
        let client = world.client(&server);
        let job = client.job();
        assert!(is_over(&client.watch(job)), "{point}");
    }
}
