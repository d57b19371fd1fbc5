//! A toy table, an action on it, and the checks that hold after every step.

use jobs::{Action, Actions, Memory, Settled, Step, Worker};
use model::id::{JobId, ModuleId, PlanId, RecordId, UserId};
use model::job::{Automation, Foreseen, JobKind};
use model::refusal::{Code, Refusal};
use model::time::{Clock, Timestamp};
use model::value::Class;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::jobs::{Job, JobOptions, NewJob};
use store::plans::{self, Plan};
use store::targets::Target;
use store::{Db, Fault, Param, Priority, Tx, params};
use testkit::{Kind, TestClock, TestDb};

/// What goes wrong in an action before it does its work.
type Quirk = dyn Fn(&mut Tx, &[Target]) -> Result<(), Fault> + Send + Sync;

/// Adds one to each record. Every tenth, from 3, needs no change; every tenth, from 7, is refused, and
/// so is one that a plan saw at another revision.
pub(crate) struct Toy(Box<Quirk>);

impl Toy {
    pub(crate) fn plain() -> Self {
        Self::that(|_, _| Ok(()))
    }

    pub(crate) fn that(
        quirk: impl Fn(&mut Tx, &[Target]) -> Result<(), Fault> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(quirk))
    }
}

pub(crate) fn settle(record: RecordId) -> Settled {
    match record.0 % 10 {
        3 => Settled::Unchanged,
        7 => Settled::Failed(Refusal::new(Code::RecordLocked)),
        _ => Settled::Changed,
    }
}

/// Those whose plan saw another revision.
fn strayed(tx: &mut Tx, targets: &[Target]) -> Result<Vec<i64>, Fault> {
    let planned = targets.iter().filter(|t| t.foreseen.is_some());
    let ids: Vec<i64> = planned.map(|t| t.record.0).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let sql = "SELECT id FROM toy WHERE id IN ids($1) AND rev <> 1";
    Ok(tx.values(sql, &[Param::Ids(ids)])?)
}

impl Action for Toy {
    fn run(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        _now: Timestamp,
    ) -> Result<Vec<Settled>, Fault> {
        self.0(tx, targets)?;
        let strayed = strayed(tx, targets)?;
        let settled: Vec<Settled> = targets
            .iter()
            .map(|target| match target.record {
                record if strayed.contains(&record.0) => {
                    Settled::Failed(Refusal::new(Code::ChangedSincePlan))
                }
                record => settle(record),
            })
            .collect();
        let changed: Vec<i64> = targets
            .iter()
            .zip(&settled)
            .filter(|(_, settled)| matches!(settled, Settled::Changed))
            .map(|(target, _)| target.record.0)
            .collect();
        let columns = ["job", "record"].map(|name| (name.to_owned(), Class::Int));
        let rows: Vec<_> = changed
            .iter()
            .map(|record| vec![job.id.0.into(), (*record).into()])
            .collect();
        tx.insert_rows("toy_changes", &[], &columns, &rows)?;
        tx.execute(
            "UPDATE toy SET n = n + 1 WHERE id IN ids($1)",
            &[Param::Ids(changed)],
        )?;
        Ok(settled)
    }

    fn foresee(
        &self,
        tx: &mut Tx,
        _job: &Job,
        targets: &[Target],
        _now: Timestamp,
        _memory: &mut Memory,
    ) -> Result<Vec<(i64, Foreseen)>, Fault> {
        self.0(tx, targets)?;
        let foreseen = |target: &Target| match settle(target.record) {
            Settled::Unchanged => Foreseen::Unchanged,
            Settled::Failed(refusal) => Foreseen::Refuse(refusal.code),
            _ => Foreseen::Change,
        };
        Ok(targets.iter().map(|t| (t.rev, foreseen(t))).collect())
    }

    fn summary(&self, _memory: &Memory) -> Result<String, Fault> {
        Ok("{}".to_owned())
    }

    fn select(
        &self,
        tx: &mut Tx,
        _job: &Job,
        _now: Timestamp,
    ) -> Result<Vec<(RecordId, i64)>, Fault> {
        let ids: Vec<RecordId> = tx.values("SELECT id FROM toy ORDER BY id", &[])?;
        Ok(ids.into_iter().map(|id| (id, 1)).collect())
    }
}

/// All that a job left, without its id.
#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    pub(crate) state: String,
    pub(crate) error: Option<String>,
    /// Total, cursor, changed, unchanged, failed.
    pub(crate) numbers: [i64; 5],
    pub(crate) changed: Vec<i64>,
    /// Place, record, code; none for one that was unchanged.
    pub(crate) outcomes: Vec<(i64, i64, Option<String>)>,
}

/// A database with a toy table, and a clock.
pub(crate) struct Bench {
    pub(crate) db: Db,
    pub(crate) clock: Arc<TestClock>,
    cursors: Mutex<BTreeMap<i64, i64>>,
    test: TestDb,
}

/// The first so many records, at revision 1.
pub(crate) fn records(n: i64) -> Vec<(RecordId, i64)> {
    (1..=n).map(|id| (RecordId(id), 1)).collect()
}

pub(crate) fn new_job(id: i64, exclusive: Option<&str>) -> NewJob {
    NewJob {
        id: JobId(id),
        kind: JobKind::MassUpdate,
        module: ModuleId(1),
        actor: UserId(1),
        request: "{}".to_owned(),
        client: None,
        exclusive: exclusive.map(str::to_owned),
        plan: None,
        parent: None,
        options: JobOptions::default(),
    }
}

pub(crate) fn actions(toy: Toy) -> Actions {
    let toy: Arc<dyn Action> = Arc::new(toy);
    Actions::new(JobKind::ALL.iter().map(|kind| (*kind, Arc::clone(&toy))))
}

impl Bench {
    /// With records 1 to `n`.
    pub(crate) fn new(kind: Kind, n: i64) -> Self {
        Self::in_db(TestDb::new(kind), n)
    }

    /// The same where a commit costs little, for tests of very many.
    pub(crate) fn quick(kind: Kind, n: i64) -> Self {
        Self::in_db(TestDb::quick(kind), n)
    }

    fn in_db(test: TestDb, n: i64) -> Self {
        let db = test.open();
        db.write(Priority::Interactive, |tx| {
            tx.batch(
                "CREATE TABLE toy (id BIGINT PRIMARY KEY, n BIGINT NOT NULL,
                   rev BIGINT NOT NULL DEFAULT 1);
                 CREATE TABLE toy_changes (job BIGINT, record BIGINT, PRIMARY KEY (job, record));
                 CREATE INDEX toy_changes_record ON toy_changes (record)",
            )?;
            let columns = ["id", "n"].map(|name| (name.to_owned(), Class::Int));
            let rows: Vec<_> = (1..=n).map(|id| vec![id.into(), 0.into()]).collect();
            Ok(tx.insert_rows("toy", &[], &columns, &rows)?)
        })
        .unwrap();
        Self {
            db,
            clock: Arc::default(),
            cursors: Mutex::default(),
            test,
        }
    }

    /// The same after the process died: the database is opened by another. No worker may be left.
    pub(crate) fn restarted(self) -> Self {
        drop(self.db);
        Self {
            db: self.test.open(),
            ..self
        }
    }

    /// Forgets the jobs that it saw, because they are gone.
    pub(crate) fn forget(&self) {
        // A check that failed has panicked with it.
        let cursors = self.cursors.lock();
        cursors.unwrap_or_else(PoisonError::into_inner).clear();
        self.cursors.clear_poison();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn worker(&self, name: &str, toy: Toy) -> Worker {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        Worker::new(self.db.clone(), clock, actions(toy), name.to_owned())
    }

    /// Accepts job `id` for records 1 to `n`.
    pub(crate) fn accept(&self, id: i64, n: i64) {
        jobs::accept(&self.db, &new_job(id, None), &records(n), self.now()).unwrap();
    }

    /// Accepts job `id` for records 1 to `n` from plan `plan`, which saw all of them at revision 1.
    pub(crate) fn accept_planned(&self, id: i64, plan: i64, n: i64, tolerance: i64) {
        let mut new = new_job(id, None);
        new.plan = Some(PlanId(plan));
        new.options.tolerance = tolerance;
        self.try_planned(&new, n).unwrap();
    }

    /// The same of a job on other options.
    pub(crate) fn try_planned(&self, new: &NewJob, n: i64) -> Result<(), Fault> {
        let now = self.now();
        let plan = Plan {
            id: new.plan.unwrap(),
            kind: new.kind,
            module: new.module,
            actor: new.actor,
            client: None,
            request: new.request.clone(),
            exclusive: None,
            automation: Automation::Wire,
            parent: None,
            total: n,
            summary: "{}".to_owned(),
            catalog_version: 1,
            created_at: now,
            expires_at: now.plus_ms(3_600_000),
            job: None,
        };
        let foreseen = |record| match settle(record) {
            Settled::Unchanged => Foreseen::Unchanged,
            Settled::Failed(refusal) => Foreseen::Refuse(refusal.code),
            _ => Foreseen::Change,
        };
        let target = |(seq, (record, rev))| Target {
            seq,
            record,
            rev,
            foreseen: Some(foreseen(record)),
        };
        let targets: Vec<Target> = (0..).zip(records(n)).map(target).collect();
        self.db.write(Priority::Interactive, |tx| {
            plans::insert(tx, &plan)?;
            store::targets::insert(tx, JobId(plan.id.0), &targets)?;
            plans::seal(tx, plan.id, n, "{}")?;
            assert!(plans::take(tx, plan.id, new.id)?);
            jobs::accept_in(tx, new, n, now)
        })
    }

    /// Somebody else writes a record.
    pub(crate) fn touch(&self, record: i64) {
        self.write(|tx| {
            let sql = "UPDATE toy SET rev = rev + 1 WHERE id = $1";
            assert_eq!(tx.execute(sql, params![record])?, 1);
            Ok(())
        });
    }

    pub(crate) fn write<T>(&self, run: impl FnMut(&mut Tx) -> Result<T, Fault>) -> T {
        self.db.write(Priority::Interactive, run).unwrap()
    }

    pub(crate) fn job(&self, id: i64) -> Job {
        self.db
            .read(|tx| Ok(store::jobs::find(tx, JobId(id))?))
            .unwrap()
            .unwrap()
    }

    /// The numbers in a column.
    pub(crate) fn ints(&self, sql: &str, params: &[Param]) -> Vec<i64> {
        self.db.read(|tx| Ok(tx.values(sql, params)?)).unwrap()
    }

    /// One step, after which all that must always hold does hold.
    pub(crate) fn step(&self, worker: &mut Worker) -> Step {
        let step = worker.step();
        self.check();
        step
    }

    /// Steps until nothing is left to do; answers the steps taken.
    pub(crate) fn finish(&self, worker: &mut Worker) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            match self.step(worker) {
                Step::Idle => return steps,
                step => steps.push(step),
            }
            assert!(steps.len() < 20_000, "no end");
        }
    }

    /// What must hold between any two transactions, by SQL of its own.
    pub(crate) fn check(&self) {
        let jobs = self
            .db
            .read(|tx| {
                Ok(tx.query(
                    "SELECT id, cursor, changed, unchanged, failed,
                       (SELECT count(*) FROM toy_changes c WHERE c.job = jobs.id) AS changes,
                       (SELECT count(*) FROM job_outcomes o WHERE o.job = jobs.id
                        AND o.outcome = 'unchanged') AS left_alone,
                       (SELECT count(*) FROM job_outcomes o WHERE o.job = jobs.id
                        AND o.outcome = 'failed') AS refused,
                       (SELECT count(*) FROM job_targets t WHERE t.job = COALESCE(plan, jobs.id)
                        AND CASE WHEN t.seq < jobs.cursor THEN 1 ELSE 0 END
                        <> (SELECT count(*) FROM toy_changes c
                            WHERE c.job = jobs.id AND c.record = t.record)
                         + (SELECT count(*) FROM job_outcomes o
                            WHERE o.job = jobs.id AND o.seq = t.seq AND o.record = t.record)) AS strays
                     FROM jobs ORDER BY id",
                    &[],
                )?)
            })
            .unwrap();
        let mut cursors = self.cursors.lock().unwrap();
        for row in jobs {
            let columns = ["id", "cursor", "changed", "unchanged", "failed"];
            let [id, cursor, changed, unchanged, failed] = columns.map(|name| int(&row, name));
            assert_eq!(changed + unchanged + failed, cursor, "counts of job {id}");
            let rows = ["changes", "left_alone", "refused"].map(|name| int(&row, name));
            assert_eq!([changed, unchanged, failed], rows, "rows of job {id}");
            assert_eq!(
                int(&row, "strays"),
                0,
                "records of job {id} without just one row"
            );
            let before = cursors.insert(id, cursor).unwrap_or(0);
            assert!(before <= cursor, "the cursor of job {id} fell");
        }
        drop(cursors);
        let sql = "SELECT id FROM toy WHERE n <>
                   (SELECT count(*) FROM toy_changes c WHERE c.record = toy.id)";
        let strays = self.ints(sql, &[]);
        assert!(strays.is_empty(), "changes that nothing tells of");
    }

    /// What a job left.
    pub(crate) fn left(&self, id: i64) -> Left {
        let job = self.job(id);
        let sql = "SELECT record FROM toy_changes WHERE job = $1 ORDER BY record";
        let changed = self.ints(sql, params![id]);
        let outcomes = self
            .db
            .read(|tx| {
                let sql = "SELECT seq, record, code FROM job_outcomes WHERE job = $1 ORDER BY seq";
                let rows = tx.query(sql, params![id])?;
                let outcome = |row: &store::Row| {
                    (
                        int(row, "seq"),
                        int(row, "record"),
                        row.get("code").unwrap(),
                    )
                };
                Ok(rows.iter().map(outcome).collect())
            })
            .unwrap();
        let counts = job.counts;
        Left {
            state: job.state.as_str().to_owned(),
            error: job.error,
            numbers: [
                job.total,
                job.cursor,
                counts.changed,
                counts.unchanged,
                counts.failed,
            ],
            changed,
            outcomes,
        }
    }
}

fn int(row: &store::Row, name: &str) -> i64 {
    row.get(name).unwrap()
}

/// What a job of records 1 to `n` leaves that nothing hindered.
pub(crate) fn unhindered(n: i64) -> Left {
    let mut left = Left {
        state: "completed".to_owned(),
        error: None,
        numbers: [n, n, 0, 0, 0],
        changed: Vec::new(),
        outcomes: Vec::new(),
    };
    for record in 1..=n {
        let (place, code) = match record % 10 {
            3 => (3, None),
            7 => (4, Some("RECORD_LOCKED".to_owned())),
            _ => (2, None),
        };
        left.numbers[place] += 1;
        if place == 2 {
            left.changed.push(record);
        } else {
            left.outcomes.push((record - 1, record, code));
        }
    }
    left
}
