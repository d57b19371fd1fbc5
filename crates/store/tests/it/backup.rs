//! A backup holds what one moment saw, goes from each database into each, and is all of it or nothing.

use model::id::AttachmentId;
use model::time::Timestamp;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use store::{Db, Error, Priority, Target, attachments, backup, restore};
use tempfile::TempDir;
use testkit::{Kind, TestDb, each_db, save_catalog, small_catalog};

each_db! {
    a_backup_goes_into_either_database_with_all_that_is_in_it,
    a_backup_is_of_one_moment,
    a_backup_that_was_cut_or_damaged_is_refused_before_anything_is_made,
    a_restore_goes_into_an_empty_database_only,
    a_restored_database_hands_out_no_id_again,
    a_job_that_ran_can_be_claimed_at_once_where_it_was_restored,
    files_go_with_a_backup_whole,
}

const NOW: Timestamp = Timestamp(1_704_067_200_000);

/// Rows of every storage class, more than a page of them, in tables with keys of one and two columns;
/// a column and a table that catalogs of long ago left.
const ROWS: &str = "
    ALTER TABLE \"m_Leads\" ADD COLUMN \"removed_77\" TEXT;
    CREATE TABLE \"removed_9\" (id {key}, rev BIGINT NOT NULL, \"Old\" BOOLEAN);
    INSERT INTO \"removed_9\" VALUES (90, 1, TRUE), (91, 2, NULL), (92, 3, FALSE);
    INSERT INTO \"m_Leads\" (id, rev, \"Last_Name\", \"Locked__s\", \"removed_77\")
        SELECT n, n * 2, 'Zoë \"' || n || E, n % 2 = 0, CASE WHEN n % 3 = 0 THEN 'left' END FROM numbers;
    INSERT INTO jobs (id, kind, module, actor, request, automation, tolerance, drifted, selects, state,
        total, cursor, changed, unchanged, failed, attempts, lease_no, lease_until, worker, process,
        created_at, touched_at, started_at)
        VALUES (7, 'mass_update', 201, 501, '{}', 'wire', 0, 0, FALSE, 'running', 1201, 600, 599, 0, 1,
            0, 3, 9999999999999, 'process 1', 12345, 1, 2, 2);
    INSERT INTO job_targets (job, seq, record, rev) SELECT 7, n - 1, n, n * 2 FROM numbers;
    INSERT INTO job_outcomes (job, seq, record, outcome, code, message, details)
        VALUES (7, 1, 2, 'failed', 'RECORD_LOCKED', 'line' || E || 'line', '{}');
    INSERT INTO changes (record, rev, module, kind, job, actor, cause, before, at)
        SELECT n, n * 2, 201, 'update', 7, 501, 'job', '{\"20102\":\"was\"}', 3 FROM numbers
        WHERE n <= 600 AND n <> 2;
    INSERT INTO tokens (hash, kind, user_id, scopes, created_at)
        SELECT 'hash ' || n, 'refresh', 501, 'swathe.org.READ', n FROM numbers;
    INSERT INTO autonumbers (field, next) VALUES (1, 5)
";

fn fill(db: &Db) {
    save_catalog(db, &small_catalog());
    let numbers = "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers
                    WHERE n < 1201) SELECT n FROM numbers) AS numbers";
    db.write(Priority::Interactive, |tx| {
        let end = match tx.dialect() {
            store::Dialect::Sqlite => "char(10)",
            store::Dialect::Postgres => "chr(10)",
        };
        let sql = ROWS.replace("FROM numbers", &format!("FROM {numbers}"));
        let sql = sql.replace("{key}", tx.dialect().record_key());
        Ok(tx.batch(&sql.replace("|| E", &format!("|| {end}")))?)
    })
    .unwrap();
}

/// What stands in a table, as text, by its order.
fn rows(db: &Db, sql: &str) -> Vec<String> {
    db.read(|tx| {
        let rows = tx.query(sql, &[])?;
        Ok(rows.iter().map(|row| format!("{row:?}")).collect())
    })
    .unwrap()
}

/// What stands in the tables that `fill` filled. SQLite shows truth values as numbers.
fn told(db: &Db) -> Vec<Vec<String>> {
    [
        "SELECT id, rev, \"Last_Name\", CASE WHEN \"Locked__s\" THEN 1 ELSE 0 END, removed_77
         FROM \"m_Leads\" ORDER BY id",
        "SELECT id, rev, CASE WHEN \"Old\" THEN 1 WHEN NOT \"Old\" THEN 0 END FROM removed_9 ORDER BY id",
        "SELECT job, seq, record, rev, foreseen FROM job_targets ORDER BY job, seq",
        "SELECT job, seq, record, outcome, code, message FROM job_outcomes ORDER BY job, seq",
        "SELECT record, rev, kind, job, actor, cause, before, at FROM changes ORDER BY record, rev",
        "SELECT hash, kind, user_id, scopes, created_at FROM tokens ORDER BY created_at, hash",
        "SELECT field, next FROM autonumbers ORDER BY field",
        "SELECT version, body, changed_at FROM catalog",
        "SELECT id, kind, state, total, cursor, changed, failed, lease_no, created_at FROM jobs",
    ]
    .map(|sql| rows(db, sql))
    .into()
}

fn count(db: &Db, from: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {from}");
    db.read(|tx| Ok(tx.value(&sql, &[])?)).unwrap()
}

/// Tables with their columns, and indexes.
fn shape(db: &Db, kind: Kind) -> BTreeSet<(String, String)> {
    let sql = match kind {
        Kind::Sqlite => {
            "SELECT t.name AS name, c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk AS what
             FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'
             UNION ALL SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'index'
                AND sql IS NOT NULL"
        }
        Kind::Postgres => {
            "SELECT table_name::text AS name, (column_name || ' ' || data_type || ' ' || is_nullable)::text AS what
             FROM information_schema.columns WHERE table_schema = current_schema()
             UNION ALL SELECT indexname::text, ''::text FROM pg_indexes
             WHERE schemaname = current_schema() AND indexname NOT LIKE '%\\_pkey'
                AND indexname NOT LIKE '%\\_key'"
        }
    };
    db.read(|tx| {
        let rows = tx.query(sql, &[])?;
        let parts = rows
            .iter()
            .map(|row| Ok((row.get("name")?, row.get("what")?)));
        Ok(parts.collect::<store::Result<_>>()?)
    })
    .unwrap()
}

struct Filled {
    db: Db,
    file: PathBuf,
    _dir: TempDir,
    _test: TestDb,
}

/// A database with rows, and its backup.
fn backed_up(kind: Kind) -> Filled {
    let test = TestDb::new(kind);
    let db = test.open();
    fill(&db);
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("a.backup");
    let made = backup::write(&db, fs::File::create(&file).unwrap(), NOW, &mut |_| ());
    assert_eq!(made.unwrap(), backup::check(&file).unwrap());
    Filled {
        db,
        file,
        _dir: dir,
        _test: test,
    }
}

fn restored(file: &Path, kind: Kind) -> (TestDb, Db) {
    let test = TestDb::new(kind);
    restore(file, &test.target, NOW, &mut |_| ()).unwrap();
    let db = test.open();
    (test, db)
}

mod check {
    use super::*;

    pub(super) fn a_backup_goes_into_either_database_with_all_that_is_in_it(kind: Kind) {
        let from = backed_up(kind);
        for to in [Kind::Sqlite, Kind::Postgres] {
            let (_test, db) = restored(&from.file, to);
            assert_eq!(told(&db), told(&from.db), "{to:?}");
            // The tables are those of a database that was never restored.
            let other = TestDb::new(to);
            let made = other.open();
            fill(&made);
            let (was, is) = (shape(&made, to), shape(&db, to));
            assert_eq!(is, was, "{to:?}");
            // And it works: unique values, the id blocks, the catalog.
            let id = db.new_id().unwrap();
            db.write(Priority::Chunk, |tx| {
                let sql = "INSERT INTO \"m_Leads\" (id, rev) VALUES ($1, 1)";
                tx.execute(sql, store::params![id])?;
                assert!(tx.catalog()?.module("Leads").is_some());
                Ok(())
            })
            .unwrap();
        }
    }

    pub(super) fn files_go_with_a_backup_whole(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        save_catalog(&db, &small_catalog());
        // More than is held at once, where a backup is written and where it is read.
        let piece = |n: i64| format!("{n:04}").repeat(64 * 1024);
        let id = AttachmentId(5);
        db.write(Priority::Chunk, |tx| {
            attachments::begin_content(tx, id, NOW)?;
            for place in 0..40 {
                attachments::insert_piece(tx, id, place, &piece(place))?;
            }
            Ok(())
        })
        .unwrap();
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("a.backup");
        backup::write(&db, fs::File::create(&file).unwrap(), NOW, &mut |_| ()).unwrap();
        for to in [Kind::Sqlite, Kind::Postgres] {
            let (_test, db) = restored(&file, to);
            for place in 0..40 {
                let read = db.read(|tx| Ok(attachments::piece(tx, id, place)?));
                assert!(read.unwrap() == Some(piece(place)), "{to:?} {place}");
            }
            assert_eq!(count(&db, "attachment_pieces"), 40);
        }
    }

    pub(super) fn a_backup_is_of_one_moment(kind: Kind) {
        let from = backed_up(kind);
        let before = told(&from.db);
        let file = from.file.with_extension("again");
        let mut writes = 0;
        let out = fs::File::create(&file).unwrap();
        backup::write(&from.db, out, NOW, &mut |_| {
            writes += 1;
            let sql = "UPDATE \"m_Leads\" SET rev = rev + 1;
                       DELETE FROM job_targets WHERE seq > 1000;
                       UPDATE jobs SET cursor = cursor + 1, changed = changed + 1";
            from.db
                .write(Priority::Chunk, |tx| Ok(tx.batch(sql)?))
                .unwrap();
        })
        .unwrap();
        assert!(writes > 10);
        assert_ne!(told(&from.db), before);
        let (_test, db) = restored(&file, kind);
        assert_eq!(told(&db), before);
    }

    pub(super) fn a_backup_that_was_cut_or_damaged_is_refused_before_anything_is_made(kind: Kind) {
        let from = backed_up(kind);
        let whole = fs::read(&from.file).unwrap();
        let spoilt = from.file.with_extension("spoilt");
        let to = TestDb::new(kind);
        let refused = |bytes: &[u8], what: &str| {
            fs::write(&spoilt, bytes).unwrap();
            let answer = restore(&spoilt, &to.target, NOW, &mut |_| {
                panic!("{what} was loaded")
            });
            assert!(
                matches!(answer, Err(Error::Unusable(_))),
                "{what}: {answer:?}"
            );
        };
        for cut in (0..whole.len()).step_by(whole.len() / 40) {
            refused(&whole[..cut], &format!("the first {cut} bytes"));
        }
        refused(&whole[..whole.len() - 1], "all but the last byte");
        for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            refused(&bytes, &format!("byte {at} flipped"));
        }
        // A line that is gone, or there twice, in a file whose lines all are good.
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let middle = lines.len() / 2;
        refused(
            &[&lines[..middle], &lines[middle + 1..]].concat().concat(),
            "a line less",
        );
        refused(
            &[&lines[..=middle], &lines[middle..]].concat().concat(),
            "a line twice",
        );
        refused(&[&whole[..], &whole[..]].concat(), "two backups in a file");
        refused(b"Dear diary\n", "a letter");
        refused(b"{\"swathe_backup\":2}\n", "a form of later");
        // Nothing of all that is in the way.
        restore(&from.file, &to.target, NOW, &mut |_| ()).unwrap();
        assert_eq!(told(&to.open()), told(&from.db));
    }

    pub(super) fn a_restore_goes_into_an_empty_database_only(kind: Kind) {
        let from = backed_up(kind);
        let to = TestDb::new(kind);
        drop(to.open());
        let answer = restore(&from.file, &to.target, NOW, &mut |_| ());
        assert!(matches!(answer, Err(Error::Unusable(_))), "{answer:?}");
        assert_eq!(count(&to.open(), "job_targets"), 0);
    }

    pub(super) fn a_restored_database_hands_out_no_id_again(kind: Kind) {
        let from = backed_up(kind);
        // What was handed out after the backup.
        let later: Vec<i64> = (0..250_000).map(|_| from.db.new_id().unwrap()).collect();
        let (_test, db) = restored(&from.file, kind);
        let next = db.new_id().unwrap();
        assert!(later.iter().all(|id| *id < next));
    }

    pub(super) fn a_job_that_ran_can_be_claimed_at_once_where_it_was_restored(kind: Kind) {
        let from = backed_up(kind);
        let (_test, db) = restored(&from.file, kind);
        let process = db.process().unwrap();
        let claimed = db.write(Priority::Chunk, |tx| {
            Ok(store::jobs::claim(tx, "a", process, NOW, NOW.plus_ms(1))?)
        });
        let job = claimed.unwrap().expect("the job");
        assert_eq!((job.id.0, job.cursor, job.lease_no), (7, 600, 4));
        // Nobody failed at it.
        assert_eq!(job.attempts, 0);
    }
}

#[test]
fn a_log_that_another_database_left_is_in_the_way() {
    let from = backed_up(Kind::Sqlite);
    let to = TestDb::new(Kind::Sqlite);
    let Target::Sqlite(path) = &to.target else {
        unreachable!()
    };
    let log = path.with_extension("db-wal");
    fs::write(&log, "x").unwrap();
    let answer = restore(&from.file, &to.target, NOW, &mut |_| ());
    assert!(answer.unwrap_err().to_string().contains("-wal"));
    fs::remove_file(&log).unwrap();
    restore(&from.file, &to.target, NOW, &mut |_| ()).unwrap();
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 2, "the database and its lock: {left:?}");
}

#[test]
fn a_backup_of_a_schema_that_is_not_known_is_refused() {
    let from = backed_up(Kind::Sqlite);
    for (schema, words) in [
        (9999, "newer program"),
        (3, "commit 2285f66"),
        (0, "2285f66"),
    ] {
        let sql = format!("UPDATE schema_version SET version = {schema}");
        let set = |tx: &mut store::Tx| Ok(tx.batch(&sql)?);
        from.db.write(Priority::Interactive, set).unwrap();
        let file = from.file.with_extension("other");
        backup::write(&from.db, fs::File::create(&file).unwrap(), NOW, &mut |_| ()).unwrap();
        let to = TestDb::new(Kind::Sqlite);
        let answer = restore(&file, &to.target, NOW, &mut |_| ());
        let why = answer.unwrap_err().to_string();
        let schema = format!("of schema {schema}");
        assert!(why.contains(&schema) && why.contains(words), "{why}");
    }
}
