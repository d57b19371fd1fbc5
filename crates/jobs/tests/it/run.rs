//! What a job does when nothing goes wrong.

use crate::toy::{Bench, Toy, actions, new_job, records, unhindered};
use jobs::{Settled, Step};
use model::id::JobId;
use model::job::JobState;
use model::refusal::{Code, Refusal};
use store::{Fault, Priority};
use testkit::{Kind, each_db};

each_db! {
    a_job_runs_to_its_end_in_chunks,
    a_job_of_no_records_completes,
    a_finished_job_is_removed_after_60_days_and_its_changes_stay,
    the_size_of_chunks_does_not_matter,
    a_small_job_does_not_wait_for_a_large_one,
    a_busy_worker_finds_what_others_accept,
    a_refusal_as_the_whole_answer_ends_the_job,
    a_job_whose_targets_are_not_there_ends,
    running_now_commits_with_the_caller_or_not_at_all,
}

mod check {
    use super::*;

    pub(super) fn a_job_runs_to_its_end_in_chunks(kind: Kind) {
        let bench = Bench::new(kind, 1_600);
        bench.accept(7, 1_600);
        let mut worker = bench.worker("a", Toy::plain());
        let steps = bench.finish(&mut worker);
        let id = JobId(7);
        let ran = |state| Step::Ran(id, state);
        // 500, 1,000 and the rest: a clock that stands still calls every chunk quick.
        assert_eq!(
            steps,
            [
                Step::Claimed(id),
                ran(JobState::Running),
                ran(JobState::Running),
                ran(JobState::Completed)
            ]
        );
        assert_eq!(bench.left(7), unhindered(1_600));
        let job = bench.job(7);
        assert_eq!(job.started_at, Some(bench.now()));
        assert_eq!(job.finished_at, Some(bench.now()));
        assert!(!worker.is_busy());
    }

    pub(super) fn a_job_of_no_records_completes(kind: Kind) {
        let bench = Bench::new(kind, 0);
        bench.accept(7, 0);
        bench.finish(&mut bench.worker("a", Toy::plain()));
        assert_eq!(bench.left(7), unhindered(0));
    }

    pub(super) fn a_finished_job_is_removed_after_60_days_and_its_changes_stay(kind: Kind) {
        let bench = Bench::new(kind, 6_000);
        bench.accept(7, 6_000);
        let mut worker = bench.worker("a", Toy::plain());
        bench.finish(&mut worker);
        let left = |what: &str| {
            let sql = format!("SELECT count(*) FROM {what}");
            bench.write(|tx| Ok(tx.value::<i64>(&sql, &[])?))
        };
        let changes = left("toy_changes");
        bench.clock.advance_ms(60 * 24 * 60 * 60 * 1_000);
        assert_eq!(
            bench.finish(&mut worker),
            [],
            "not before the 60 days are over"
        );
        bench.clock.advance_ms(60 * 60 * 1_000);
        bench.accept(8, 10);
        // Not checked in between: what is removed is no longer complete.
        let steps: Vec<Step> = std::iter::from_fn(|| Some(worker.step()))
            .take_while(|step| *step != Step::Idle)
            .collect();
        assert_eq!(
            steps.first(),
            Some(&Step::Claimed(JobId(8))),
            "work goes first"
        );
        assert_eq!(
            steps.iter().filter(|step| **step == Step::Tidied).count(),
            3
        );
        let (jobs, targets) = (left("jobs"), left("job_targets"));
        assert_eq!(
            (jobs, targets, left("job_outcomes WHERE job = 7")),
            (1, 10, 0)
        );
        assert!(changes > 0 && left("toy_changes WHERE job = 7") == changes);
    }

    pub(super) fn the_size_of_chunks_does_not_matter(kind: Kind) {
        let bench = Bench::new(kind, 120);
        for (id, size) in (7..).zip([1, 7, 1_000]) {
            bench.accept(id, 120);
            let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(size);
            let chunks = bench.finish(&mut worker).len() - 1;
            assert_eq!(chunks, 120_usize.div_ceil(size));
            assert_eq!(bench.left(id), unhindered(120), "chunks of {size}");
        }
    }

    pub(super) fn a_small_job_does_not_wait_for_a_large_one(kind: Kind) {
        let bench = Bench::new(kind, 50_000);
        bench.accept(7, 50_000);
        let mut worker = bench.worker("a", Toy::plain());
        assert_eq!(worker.step(), Step::Claimed(JobId(7)));
        assert_eq!(worker.step(), Step::Ran(JobId(7), JobState::Running));
        bench.accept(8, 5);
        worker.look_for_jobs();
        let mut chunks = 0;
        loop {
            match worker.step() {
                Step::Claimed(id) => assert_eq!(id, JobId(8)),
                Step::Ran(JobId(7), state) => {
                    assert_eq!(state, JobState::Running);
                    chunks += 1;
                }
                Step::Ran(_, state) => {
                    assert_eq!(state, JobState::Completed);
                    break;
                }
                step => panic!("{step:?}"),
            }
        }
        assert!(chunks <= 1, "{chunks} chunks of the large job came first");
        assert_eq!(bench.left(8), unhindered(5));
    }

    /// Nobody wakes a worker for a job that another process accepted.
    pub(super) fn a_busy_worker_finds_what_others_accept(kind: Kind) {
        let bench = Bench::new(kind, 100);
        bench.accept(7, 100);
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(1);
        assert_eq!(bench.step(&mut worker), Step::Claimed(JobId(7)));
        let ran = Step::Ran(JobId(7), JobState::Running);
        assert_eq!(bench.step(&mut worker), ran);
        for (id, moved) in [(8, 1_000), (9, -3_600_000)] {
            bench.accept(id, 100);
            assert!(matches!(bench.step(&mut worker), Step::Ran(..)));
            bench.clock.advance_ms(moved);
            assert_eq!(bench.step(&mut worker), Step::Claimed(JobId(id)));
            assert!(matches!(bench.step(&mut worker), Step::Ran(..)));
        }
    }

    pub(super) fn a_refusal_as_the_whole_answer_ends_the_job(kind: Kind) {
        let bench = Bench::new(kind, 50);
        bench.accept(7, 50);
        let toy = Toy::that(|_, targets| {
            if targets[0].seq < 20 {
                Ok(())
            } else {
                Err(Refusal::new(Code::NoPermission).into())
            }
        });
        let mut worker = bench.worker("a", toy).with_chunks_of(10);
        let steps = bench.finish(&mut worker);
        assert_eq!(steps.last(), Some(&Step::Failed(JobId(7))));
        let left = bench.left(7);
        assert_eq!(left.state, "failed");
        assert_eq!(left.error.unwrap(), "NO_PERMISSION: permission denied");
        assert_eq!(left.numbers, [50, 20, 16, 2, 2]);
        let untouched = bench.ints("SELECT id FROM toy WHERE id > 20 AND n = 0", &[]);
        assert_eq!(untouched.len(), 30);
        assert_eq!(bench.job(7).finished_at, Some(bench.now()));
    }

    pub(super) fn a_job_whose_targets_are_not_there_ends(kind: Kind) {
        let bench = Bench::new(kind, 30);
        bench.accept(7, 30);
        bench.write(|tx| {
            tx.execute("DELETE FROM job_targets WHERE seq >= 20", &[])?;
            Ok(())
        });
        bench.finish(&mut bench.worker("a", Toy::plain()).with_chunks_of(20));
        let left = bench.left(7);
        assert_eq!(left.state, "failed");
        let why = left.error.unwrap();
        assert!(why.contains("no target 20"), "{why}");
        assert_eq!(left.numbers[1], 20);
    }

    pub(super) fn running_now_commits_with_the_caller_or_not_at_all(kind: Kind) {
        let bench = Bench::new(kind, 10);
        let actions = actions(Toy::plain());
        for (id, refused) in [(7, true), (8, false)] {
            let now = bench.now();
            let mut told = Vec::new();
            let answer = bench.db.write(Priority::Interactive, |tx| {
                told = jobs::run_now(tx, &actions, &new_job(id, None), &records(10), now)?;
                if refused {
                    Err(Fault::from(Refusal::new(Code::InvalidData)))
                } else {
                    Ok(())
                }
            });
            assert_eq!(answer.is_err(), refused);
            assert_eq!(told.len(), 10);
            assert_eq!(told[2], Settled::Unchanged);
            bench.check();
        }
        assert_eq!(bench.ints("SELECT id FROM jobs", &[]), [8]);
        assert_eq!(bench.ints("SELECT DISTINCT job FROM job_targets", &[]), [8]);
        assert_eq!(bench.left(8), unhindered(10));
    }
}
