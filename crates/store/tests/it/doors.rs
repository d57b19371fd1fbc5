//! The two doors: what commits, what rolls back, and who may open a file.

use model::refusal::{Code, Refusal};
use store::{Db, Error, Fault, Priority, Settings, Target, params};
use testkit::{TestDb, each_db};

each_db! {
    a_refused_write_leaves_nothing,
    a_panic_in_a_write_leaves_nothing_and_the_door_open,
    ids_never_repeat_not_even_after_a_restart,
    a_newer_schema_is_refused,
    a_database_of_another_program_is_refused,
    texts_fold_alike,
    values_come_back_as_they_went,
}

fn put(db: &Db, number: i64) -> Result<(), Fault> {
    db.write(Priority::Interactive, |tx| {
        tx.execute(
            "INSERT INTO autonumbers (field, next) VALUES ($1, $2)",
            params![number, number],
        )?;
        Ok(())
    })
}

fn all(db: &Db) -> Vec<i64> {
    db.read(|tx| Ok(tx.values("SELECT field FROM autonumbers ORDER BY field", &[])?))
        .unwrap()
}

mod check {
    use super::*;
    use model::value::{Class, Value, fold};
    use testkit::Kind;

    pub(super) fn a_refused_write_leaves_nothing(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        put(&db, 1).unwrap();
        let answer: Result<(), Fault> = db.write(Priority::Interactive, |tx| {
            tx.execute("INSERT INTO autonumbers (field, next) VALUES (2, 2)", &[])?;
            Err(Refusal::new(Code::InvalidData).into())
        });
        assert!(matches!(answer, Err(Fault::Refused(_))));
        assert_eq!(all(&db), [1]);
    }

    pub(super) fn a_panic_in_a_write_leaves_nothing_and_the_door_open(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        let broken = db.clone();
        let panicked = std::thread::spawn(move || {
            let _ = broken.write::<()>(Priority::Chunk, |tx| {
                tx.execute("INSERT INTO autonumbers (field, next) VALUES (2, 2)", &[])?;
                panic!("planned");
            });
        });
        assert!(panicked.join().is_err());
        put(&db, 3).unwrap();
        assert_eq!(all(&db), [3]);
    }

    pub(super) fn ids_never_repeat_not_even_after_a_restart(kind: Kind) {
        let test = TestDb::new(kind);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let db = test.open();
            for refused in [true, false] {
                let mut ids = Vec::new();
                let _ = db.write(Priority::Interactive, |tx| {
                    ids = (0..50).map(|_| tx.new_id().unwrap()).collect();
                    if refused {
                        Err(Refusal::new(Code::InvalidData).into())
                    } else {
                        Ok(())
                    }
                });
                assert_eq!(ids.len(), 50);
                assert!(
                    ids.into_iter().all(|id| seen.insert(id)),
                    "an id came twice"
                );
            }
        }
    }

    pub(super) fn a_newer_schema_is_refused(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        db.write(Priority::Interactive, |tx| {
            tx.execute("UPDATE schema_version SET version = 9999", &[])?;
            Ok(())
        })
        .unwrap();
        drop(db);
        let settings = Settings {
            target: test.target.clone(),
            now: model::time::Timestamp(0),
        };
        let Err(Error::Unusable(why)) = Db::open(&settings) else {
            panic!("it opened")
        };
        assert!(why.contains("9999"), "{why}");
    }

    pub(super) fn a_database_of_another_program_is_refused(kind: Kind) {
        let test = TestDb::new(kind);
        match &test.target {
            Target::Sqlite(path) => {
                let other = rusqlite::Connection::open(path).unwrap();
                other
                    .execute_batch("CREATE TABLE theirs (id INTEGER)")
                    .unwrap();
            }
            Target::Postgres(url) => {
                let mut other = postgres::Client::connect(url, postgres::NoTls).unwrap();
                other
                    .batch_execute("CREATE TABLE theirs (id INTEGER)")
                    .unwrap();
            }
        }
        let settings = Settings {
            target: test.target.clone(),
            now: model::time::Timestamp(0),
        };
        let Err(Error::Unusable(why)) = Db::open(&settings) else {
            panic!("it opened")
        };
        assert!(why.contains("another program"), "{why}");
    }

    pub(super) fn texts_fold_alike(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        for text in [
            "",
            "plain ASCII",
            "ÉCOLE ß ẞ İ ı ΑΣ Ω Ж",
            "100%_'\"\\",
            "𐐀 Ǆ",
        ] {
            let folded: Option<String> = db
                .read(|tx| {
                    let words = store::Param::Value(Value::Text(text.to_owned()));
                    Ok(tx.value("SELECT swathe_fold($1)", &[words])?)
                })
                .unwrap();
            assert_eq!(folded.as_deref(), Some(fold(text).as_str()), "{text:?}");
        }
    }

    pub(super) fn values_come_back_as_they_went(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        let values = vec![
            vec![Value::Bool(true), i64::MAX.into(), "É\n'%_\"".into()],
            vec![Value::Bool(false), i64::MIN.into(), Value::Null],
            vec![Value::Null, Value::Null, "x".into()],
        ];
        let found = db
            .write(Priority::Interactive, |tx| {
                tx.batch("CREATE TABLE kept (truth BOOLEAN, number BIGINT, words TEXT)")?;
                let columns = [
                    ("truth".to_owned(), Class::Bool),
                    ("number".to_owned(), Class::Int),
                    ("words".to_owned(), Class::Text),
                ];
                tx.insert_rows("kept", &[], &columns, &values)?;
                let rows = tx.query("SELECT words, truth, number FROM kept", &[])?;
                let mut found: Vec<Vec<Value>> = Vec::new();
                for row in &rows {
                    found.push(vec![
                        row.get::<Option<bool>>("truth")?.into(),
                        row.get::<Option<i64>>("number")?.into(),
                        row.get::<Option<String>>("words")?.into(),
                    ]);
                }
                Ok(found)
            })
            .unwrap();
        assert_eq!(found, values);
    }
}

#[test]
fn a_second_owner_of_a_file_is_told_to_use_the_url() {
    let test = TestDb::new(testkit::Kind::Sqlite);
    let _first = test.open();
    let settings = Settings {
        target: test.target.clone(),
        now: model::time::Timestamp(0),
    };
    let Err(Error::Unusable(why)) = Db::open(&settings) else {
        panic!("two owners")
    };
    assert!(why.contains("--url"), "{why}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let test = TestDb::new(testkit::Kind::Sqlite);
    let Target::Sqlite(path) = &test.target else {
        unreachable!()
    };
    std::fs::write(
        path,
        "not a database at all, only some text that is long enough",
    )
    .unwrap();
    let settings = Settings {
        target: test.target.clone(),
        now: model::time::Timestamp(0),
    };
    assert!(matches!(Db::open(&settings), Err(Error::Unusable(_))));
}

#[test]
fn a_read_that_takes_too_long_is_ended_and_the_next_one_runs() {
    let test = TestDb::new(testkit::Kind::Sqlite);
    let db = test.open();
    let endless = db.read(|tx| {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                   SELECT count(*) FROM n";
        Ok(tx.query(sql, &[])?)
    });
    assert!(
        matches!(endless, Err(Fault::Store(Error::Busy(_)))),
        "{endless:?}"
    );
    put(&db, 1).unwrap();
    assert_eq!(all(&db), [1]);
}
