//! A database that an older program made is brought to this program's schema with all that is in it.

use model::call::{CallKind, CallState};
use model::hold::HoldKind;
use model::id::{JobId, RecordId};
use model::job::{Counts, JobKind, JobState};
use model::time::Timestamp;
use std::collections::BTreeSet;
use store::calls::{self, Due, Wanted};
use store::{Db, Priority, Target, holds, jobs, targets};
use testkit::{Kind, TestDb, each_db};

each_db! {
    the_first_schema_is_upgraded_with_its_rows,
    calls_that_the_third_schema_owed_are_owed_still,
    an_upgraded_schema_is_the_schema_of_a_new_database,
}

/// The schemas before this program's.
const SCHEMAS: [&str; 3] = [
    include_str!("../../../../migrations/0001_core.sql"),
    include_str!("../../../../migrations/0002_actions.sql"),
    include_str!("../../../../migrations/0003_trust.sql"),
];

/// What an organisation may have left behind: a job between two chunks, a lock, and a change.
const ROWS: &str = "
    INSERT INTO schema_version (one, version, changed_at) VALUES (1, 1, 0);
    INSERT INTO id_blocks (one, next) VALUES (1, 4150868000000005000);
    INSERT INTO jobs (id, kind, module, actor, request, exclusive, state, total, cursor, changed,
        unchanged, failed, attempts, lease_no, lease_until, created_at, touched_at, started_at)
        VALUES (7, 'mass_update', 1, 2, '{}', 'view:9', 'running', 3, 2, 1, 0, 1, 0, 4, 5, 1, 2, 2);
    INSERT INTO job_targets (job, seq, record, rev) VALUES (7, 0, 100, 1), (7, 1, 101, 1), (7, 2, 102, 1);
    INSERT INTO job_outcomes (job, seq, record, outcome, code, message, details)
        VALUES (7, 1, 101, 'failed', 'RECORD_LOCKED', 'locked', '{}');
    INSERT INTO holds (id, record, module, kind, reason, actor, at) VALUES (8, 101, 1, 'lock', 'why', 2, 3);
    INSERT INTO changes (record, rev, module, kind, job, actor, cause, before, at)
        VALUES (100, 2, 1, 'update', 7, 2, 'job', '{}', 3);
";

/// Two jobs that ended, of which one was told to its receiver; the other's call failed twice.
const OWED: &str = "
    INSERT INTO schema_version (one, version, changed_at) VALUES (1, 3, 0);
    INSERT INTO id_blocks (one, next) VALUES (1, 4150868000000005000);
    INSERT INTO jobs (id, kind, module, actor, request, automation, tolerance, drifted, selects,
        notify_url, state, total, cursor, changed, unchanged, failed, attempts, lease_no, created_at,
        touched_at, started_at, finished_at)
        VALUES (7, 'mass_update', 1, 2, '{}', 'wire', 0, 0, FALSE, 'https://a.example/x?t=1',
            'completed', 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3),
        (8, 'mass_update', 1, 2, '{}', 'wire', 0, 0, FALSE, 'https://a.example/y',
            'completed', 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 4);
    INSERT INTO job_calls (job, url, host, state, attempts, next_at, busy_until, last_error, made_at)
        VALUES (7, 'https://a.example/x?t=1', 'a.example', 'waiting', 2, 50, 40, 'it answered 500', 3),
        (8, 'https://a.example/y', 'a.example', 'delivered', 1, 9, 6, NULL, 4);
";

/// A database as the first schema's program left it.
pub(crate) fn first(kind: Kind) -> TestDb {
    left(kind, 1, ROWS)
}

/// A database as the program of this schema left it.
fn left(kind: Kind, schema: usize, rows: &str) -> TestDb {
    let test = TestDb::new(kind);
    let tables = SCHEMAS[..schema].join("\n");
    match &test.target {
        Target::Sqlite(path) => {
            let connection = rusqlite::Connection::open(path).unwrap();
            let schema = tables.replace("{without_rowid}", " WITHOUT ROWID");
            connection
                .execute_batch("PRAGMA journal_mode = WAL; PRAGMA application_id = 0x53575448;")
                .unwrap();
            connection.execute_batch(&schema).unwrap();
            connection.execute_batch(rows).unwrap();
        }
        Target::Postgres(url) => {
            let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
            client
                .batch_execute(&tables.replace("{without_rowid}", ""))
                .unwrap();
            client.batch_execute(rows).unwrap();
        }
    }
    test
}

/// Tables with their columns, and indexes.
pub(crate) fn shape(db: &Db, kind: Kind) -> BTreeSet<(String, String)> {
    let sql = match kind {
        Kind::Sqlite => {
            "SELECT t.name, c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk
             FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'
             UNION ALL SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'index'
                AND sql IS NOT NULL"
        }
        Kind::Postgres => {
            "SELECT table_name::text, (column_name || ' ' || data_type || ' ' || is_nullable)::text
             FROM information_schema.columns WHERE table_schema = current_schema()
             UNION ALL SELECT indexname::text, ''::text FROM pg_indexes
             WHERE schemaname = current_schema() AND indexname NOT LIKE '%\\_pkey'
                AND indexname NOT LIKE '%\\_key'"
        }
    };
    db.read(|tx| {
        let rows = tx.query(sql, &[])?;
        let text = |row: &store::Row, n| row.text(n).map(str::to_owned);
        Ok(rows
            .iter()
            .map(|row| Ok((text(row, 0)?, text(row, 1)?)))
            .collect::<store::Result<_>>()?)
    })
    .unwrap()
}

mod check {
    use super::*;

    pub(super) fn the_first_schema_is_upgraded_with_its_rows(kind: Kind) {
        let test = first(kind);
        let db = test.open();
        db.read(|tx| {
            let job = jobs::find(tx, JobId(7))?.expect("the job");
            assert_eq!(job.kind, JobKind::MassUpdate);
            assert_eq!(
                (job.state, job.cursor, job.total),
                (JobState::Running, 2, 3)
            );
            let counts = Counts {
                changed: 1,
                unchanged: 0,
                failed: 1,
            };
            assert_eq!(job.counts, counts);
            assert_eq!(jobs::holding(tx, "view:9")?, Some(JobId(7)));
            let left = targets::from(tx, JobId(7), 2, 10)?;
            assert_eq!(left.iter().map(|t| t.record.0).collect::<Vec<_>>(), [102]);
            let held = holds::kinds_of(tx, &[RecordId(100), RecordId(101)])?;
            assert_eq!(held, [(RecordId(101), HoldKind::Lock)]);
            let lock = holds::find(tx, RecordId(101), HoldKind::Lock)?.expect("the lock");
            assert_eq!(lock.reason.as_deref(), Some("why"));
            let sql = "SELECT cause FROM changes WHERE record = 100 AND rev = 2";
            assert_eq!(tx.query_one(sql, &[])?.text(0)?, "job");
            let sql = "SELECT code FROM job_outcomes WHERE job = 7 AND seq = 1";
            assert_eq!(tx.query_one(sql, &[])?.text(0)?, "RECORD_LOCKED");
            Ok(())
        })
        .unwrap();
        assert!(db.new_id().unwrap() >= 4_150_868_000_000_005_000);
    }

    pub(super) fn calls_that_the_third_schema_owed_are_owed_still(kind: Kind) {
        let test = left(kind, 3, OWED);
        let db = test.open();
        let owed = db.read(|tx| Ok(calls::of_jobs(tx, &[JobId(7), JobId(8)])?));
        let owed = owed.unwrap();
        let (waits, taken) = (&owed[&JobId(7)], &owed[&JobId(8)]);
        assert_eq!(taken.state, CallState::Delivered);
        assert_eq!(
            (waits.kind, waits.state, waits.attempts),
            (CallKind::JobFinished, CallState::Waiting, 2)
        );
        // The receiver knows it by this since the first try.
        assert_eq!(waits.event, "job_7_3");
        assert_eq!(waits.last_error.as_deref(), Some("it answered 500"));
        // No id is used twice, whoever hands it out.
        let ids = [waits.id.0, taken.id.0, db.new_id().unwrap()];
        assert_eq!(BTreeSet::from(ids).len(), 3);
        assert!(ids.iter().all(|id| *id >= 4_150_868_000_000_005_000));
        assert_eq!(ids.iter().max(), Some(&ids[2]));
        let due = |at: i64| {
            let at = Timestamp(at);
            db.write(Priority::Chunk, |tx| Ok(Due::take(tx, at, at, false)?))
                .unwrap()
        };
        assert_eq!(due(49), None);
        assert_eq!(due(50).expect("a turn").call, *waits);
        let all = db.read(|tx| Ok(calls::list(tx, &Wanted::default(), 9)?));
        assert_eq!(all.unwrap().len(), 2);
    }

    pub(super) fn an_upgraded_schema_is_the_schema_of_a_new_database(kind: Kind) {
        let (old, new) = (first(kind), TestDb::new(kind));
        let (old, new) = (shape(&old.open(), kind), shape(&new.open(), kind));
        assert!(new.iter().any(|(table, _)| table == "changes"));
        assert_eq!(old, new);
    }
}
