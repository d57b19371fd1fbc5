//! What the database says when it fails, and what is made of it.

use model::value::Class;
use store::{Db, Error, Fault, Priority, Target, Tx};
use testkit::{Kind, TestDb, each_db};

each_db! {
    a_closure_that_went_on_after_an_error_is_not_committed,
}

fn count(db: &Db) -> i64 {
    let sql = "SELECT count(*) FROM autonumbers";
    db.read(|tx| Ok(tx.value(sql, &[])?)).unwrap()
}

mod check {
    use super::*;

    pub(super) fn a_closure_that_went_on_after_an_error_is_not_committed(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        let twice = "INSERT INTO autonumbers (field, next) VALUES (1, 1), (1, 1)";
        let ways: [fn(&mut Tx, &str) -> bool; 4] = [
            |tx, sql| tx.execute(sql, &[]).is_err(),
            |tx, sql| tx.batch(sql).is_err(),
            |tx, sql| tx.query(&format!("{sql} RETURNING field"), &[]).is_err(),
            |tx, _| {
                let columns = ["field", "next"].map(|name| (name.to_owned(), Class::Int));
                let rows = vec![vec![1.into(), 1.into()]; 2];
                tx.insert_rows("autonumbers", &[], &columns, &rows).is_err()
            },
        ];
        for way in ways {
            let answer = db.write(Priority::Interactive, |tx| {
                tx.execute("INSERT INTO autonumbers (field, next) VALUES (2, 2)", &[])?;
                assert!(way(tx, twice));
                Ok(())
            });
            assert!(
                matches!(answer, Err(Fault::Store(Error::Inconsistent(_)))),
                "{answer:?}"
            );
            assert_eq!(count(&db), 0);
        }
    }
}

/// What the store makes of an error that PostgreSQL raises.
fn raised(db: &Db, code: &str) -> Error {
    let sql = format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$");
    let answer = db.write(Priority::Chunk, |tx| Ok(tx.batch(&sql)?));
    match answer {
        Err(Fault::Store(error)) => error,
        other => panic!("{code}: {other:?}"),
    }
}

#[test]
fn what_lies_in_the_surroundings_of_postgresql_passes() {
    let test = TestDb::new(Kind::Postgres);
    let db = test.open();
    for code in ["53000", "53200", "53300", "53400", "55P03"] {
        assert!(matches!(raised(&db, code), Error::Busy(_)), "{code}");
    }
    for code in [
        "08006", "57P01", "57P02", "57P03", "57P05", "58000", "58030",
    ] {
        assert!(matches!(raised(&db, code), Error::Away(_)), "{code}");
    }
    assert!(matches!(raised(&db, "53100"), Error::Full(_)));
    assert!(matches!(raised(&db, "25006"), Error::ReadOnly(_)));
    assert!(matches!(raised(&db, "40003"), Error::OutcomeUnknown(_)));
    for code in ["57014", "22012", "XX000"] {
        assert!(matches!(raised(&db, code), Error::Driver(_)), "{code}");
    }
}

#[test]
fn a_chunk_waits_only_shortly_for_rows_of_others() {
    let test = TestDb::new(Kind::Postgres);
    let db = test.open();
    for (priority, wanted) in [
        (Priority::Chunk, "1s"),
        (Priority::Interactive, "10s"),
        (Priority::Chunk, "1s"),
    ] {
        let shown = db.write(priority, |tx| {
            Ok(tx.value::<String>("SHOW lock_timeout", &[])?)
        });
        assert_eq!(shown.unwrap(), wanted);
    }
}

/// A second look at the database, past the store.
fn beside(test: &TestDb) -> postgres::Client {
    let Target::Postgres(url) = &test.target else {
        unreachable!()
    };
    postgres::Client::connect(url, postgres::NoTls).unwrap()
}

/// Ends the connections that began a transaction in this schema, by their process ids.
fn cut(test: &TestDb, ids: &[i32]) {
    let sql = "SELECT pg_terminate_backend(id, 5000) FROM unnest($1::int[]) AS id";
    let ended = beside(test).query(sql, &[&ids]).unwrap();
    assert!(ended.iter().all(|row| row.get(0)));
}

fn backend(tx: &mut Tx) -> i32 {
    let id: i64 = tx.value("SELECT pg_backend_pid()", &[]).unwrap();
    i32::try_from(id).unwrap()
}

/// Reads inside of reads, so that there are as many connections.
fn nested(db: &Db, depth: usize, ids: &mut Vec<i32>) {
    db.read(|tx| {
        ids.push(backend(tx));
        if depth > 1 {
            nested(db, depth - 1, ids);
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn connections_that_broke_while_idle_are_replaced_before_anyone_notices() {
    let test = TestDb::new(Kind::Postgres);
    let db = test.open();
    let mut ids = Vec::new();
    nested(&db, 8, &mut ids);
    cut(&test, &ids);
    for _ in 0..3 {
        assert_eq!(count(&db), 0);
    }
}

#[test]
fn a_connection_that_breaks_in_a_transaction_is_a_passing_failure() {
    let test = TestDb::new(Kind::Postgres);
    let db = test.open();
    let answer = db.write(Priority::Interactive, |tx| {
        tx.execute("INSERT INTO autonumbers (field, next) VALUES (1, 1)", &[])?;
        cut(&test, &[backend(tx)]);
        tx.execute("INSERT INTO autonumbers (field, next) VALUES (2, 2)", &[])?;
        Ok(())
    });
    let Err(Fault::Store(error)) = answer else {
        panic!("{answer:?}")
    };
    assert!(error.is_passing(), "{error}");
    assert_eq!(count(&db), 0);

    let answer = db.write(Priority::Interactive, |tx| {
        tx.execute("INSERT INTO autonumbers (field, next) VALUES (1, 1)", &[])?;
        cut(&test, &[backend(tx)]);
        Ok(())
    });
    let unknown = matches!(answer, Err(Fault::Store(Error::OutcomeUnknown(_))));
    assert!(unknown, "{answer:?}");
    assert_eq!(count(&db), 0);
}

#[test]
fn a_process_has_one_number_until_others_may_take_it_for_dead() {
    let test = TestDb::new(Kind::Postgres);
    let (db, other) = (test.open(), test.open());
    let number = db.process().unwrap();
    assert_eq!(db.process().unwrap(), number);
    assert_ne!(other.process().unwrap(), number);
    let sql = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'
               AND (classid::bigint << 32 | objid::bigint) = $1";
    let holder = beside(&test).query_one(sql, &[&number]).unwrap();
    cut(&test, &[holder.get(0)]);
    assert_ne!(db.process().unwrap(), number);
}
