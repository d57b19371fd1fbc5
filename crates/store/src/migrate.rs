//! Brings a database to this program's schema. The SQL is written once and runs on both.

use crate::dialect::quote;
use crate::insert::Insert;
use crate::tx::Tx;
use crate::{Dialect, Error, Result, module_table, params, shape};
use model::time::Timestamp;

/// What is done to the table of a module, by its name.
pub(crate) type OfModule = fn(&mut Tx, &str) -> Result<()>;

/// A step of the schema.
pub(crate) struct Migration {
    name: &'static str,
    /// Statements for the tables that every database has.
    sql: &'static str,
    /// Run then, in the same transaction, for the table of each module, those of removed ones too. A
    /// table that is made later must be made so by `module_table.rs`.
    each_module: Option<OfModule>,
}

impl Migration {
    const fn new(name: &'static str, sql: &'static str) -> Self {
        Self {
            name,
            sql,
            each_module: None,
        }
    }
}

/// The migrations, in order; each raises the schema's version by one.
pub(crate) const MIGRATIONS: [Migration; 1] = [Migration::new(
    "schema",
    include_str!("../../../migrations/0001_schema.sql"),
)];

/// The version that the first migration makes. Lower ones are of programs of before the first release,
/// which came to the same tables by four migrations: this program reads none of them.
const FIRST: i64 = 5;

/// The last version of before [`FIRST`], which differs from it in CHECKs only: a backup of it is restored
/// as one of [`FIRST`].
const RESTORED_AS_FIRST: i64 = 4;

/// The last program that knows [`RESTORED_AS_FIRST`].
const PROGRAM_BEFORE: &str = "the program of commit 2285f66";

/// The first id that an org hands out: 19 digits, as the vendor's ids have.
const FIRST_ID: i64 = 4_150_868_000_000_000_001;

/// The version of a database to which all these were applied.
fn newest(migrations: &[Migration]) -> i64 {
    FIRST - 1 + i64::try_from(migrations.len()).unwrap_or(i64::MAX - FIRST)
}

/// How many migrations made this version.
fn applied(version: i64) -> usize {
    usize::try_from(version - FIRST + 1).unwrap_or(0)
}

/// The schema's version in this database, none in an empty one.
fn find_version(tx: &mut Tx) -> Result<Option<i64>> {
    let tables = tx.dialect().count_tables();
    if tx.value::<i64>(tables, params!["schema_version"])? > 0 {
        return tx
            .value("SELECT version FROM schema_version", &[])
            .map(Some);
    }
    if tx.dialect() == Dialect::Postgres {
        let others = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
        if tx.value::<i64>(others, &[])? > 0 {
            let text = "the PostgreSQL schema holds tables of another program";
            return Err(Error::Unusable(text.to_owned()));
        }
    }
    Ok(None)
}

/// The schema's version in this database; refuses an empty one.
pub(crate) fn version(tx: &mut Tx) -> Result<i64> {
    find_version(tx)?.ok_or_else(|| Error::Unusable("the database is empty".to_owned()))
}

/// Refuses a schema that this program cannot read, and says what can be done with it.
fn refuse_foreign(at: i64, known: i64) -> Result<()> {
    let why = if at > known {
        format!("this program knows {known}: use a newer program")
    } else if at >= FIRST {
        return Ok(());
    } else if at == RESTORED_AS_FIRST {
        "of before the first release: back it up with the program that made it (swathe backup) \
         and restore the backup with this one (swathe restore)"
            .to_owned()
    } else {
        format!(
            "of before the first release: start {PROGRAM_BEFORE} on it (swathe serve), back it up \
             with that one (swathe backup) and restore the backup with this one (swathe restore)"
        )
    };
    let text = format!("the database has schema {at}, {why}");
    Err(Error::Unusable(text))
}

/// As which schema a backup of this one is restored; refuses one that this program cannot restore.
pub(crate) fn restored_as(schema: i64) -> Result<i64> {
    let known = newest(&MIGRATIONS);
    if schema > known {
        let text = format!("of schema {schema}, this program knows {known}: use a newer program");
        return Err(Error::Unusable(text));
    }
    match schema {
        FIRST.. => Ok(schema),
        RESTORED_AS_FIRST => Ok(FIRST),
        _ => Err(Error::Unusable(format!(
            "of schema {schema}, of before the first release: restore it with {PROGRAM_BEFORE}, back \
             that database up and restore the new backup with this one"
        ))),
    }
}

/// Two processes that find work here at once: the second waits, then finds the work done. It may take
/// its time; organisations in other schemas of the database are in nobody's way.
pub(crate) fn alone(tx: &mut Tx) -> Result<()> {
    if tx.dialect() == Dialect::Postgres {
        // A migration may copy years of rows: the time that a request's statement has is no measure.
        tx.batch(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
             SELECT pg_advisory_xact_lock(6004510421 + hashtext(current_schema()::text))",
        )?;
    }
    Ok(())
}

/// Refuses a database that this program cannot read as it is.
pub(crate) fn readable(tx: &mut Tx) -> Result<()> {
    refuse_foreign(version(tx)?, newest(&MIGRATIONS))
}

/// Applies those of the migrations that are missing; refuses a schema that is none of theirs.
pub(crate) fn migrate(tx: &mut Tx, migrations: &[Migration], now: Timestamp) -> Result<()> {
    let known = newest(migrations);
    if find_version(tx)? == Some(known) {
        return Ok(());
    }
    alone(tx)?;
    let Some(at) = find_version(tx)? else {
        make(tx, migrations)?;
        Insert::into("id_blocks")
            .set("one", 1)
            .set("next", FIRST_ID)
            .one(tx)?;
        return Insert::into("schema_version")
            .set("one", 1)
            .set("version", known)
            .set("changed_at", now)
            .one(tx);
    };
    refuse_foreign(at, known)?;
    if at < known {
        apply(tx, migrations.get(applied(at)..).unwrap_or_default())?;
        let sql = "UPDATE schema_version SET version = $1, changed_at = $2";
        tx.execute(sql, params![known, now.0])?;
    }
    Ok(())
}

/// The tables of a schema in an empty database, without a row: a backup has them all.
pub(crate) fn make_schema(tx: &mut Tx, schema: i64) -> Result<()> {
    make(tx, MIGRATIONS.get(..applied(schema)).unwrap_or_default())
}

/// The tables of an empty database.
fn make(tx: &mut Tx, migrations: &[Migration]) -> Result<()> {
    apply(tx, migrations)?;
    if tx.dialect() == Dialect::Postgres {
        tx.batch(&Dialect::fold_function())?;
    }
    Ok(())
}

fn apply(tx: &mut Tx, migrations: &[Migration]) -> Result<()> {
    let dialect = tx.dialect();
    for migration in migrations {
        tracing::info!(migration = migration.name, "migrating the database");
        let sql = migration.sql;
        tx.batch(&sql.replace("{without_rowid}", dialect.without_rowid()))?;
        let Some(each_module) = migration.each_module else {
            continue;
        };
        let tables = shape::tables(tx)?.into_iter().map(|table| table.name);
        for table in tables.filter(|name| module_table::is_one(name)) {
            each_module(tx, &quote(&table))?;
        }
    }
    Ok(())
}

/// The schema alone, for tests of single statements.
#[cfg(test)]
pub(crate) fn schema_for_test(connection: &rusqlite::Connection) {
    for migration in MIGRATIONS {
        let sql = migration.sql;
        let sql = sql.replace("{without_rowid}", Dialect::Sqlite.without_rowid());
        connection.execute_batch(&sql).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::restore_by;
    use crate::{Db, Fault, Priority, Settings};
    use testkit::{Kind, TestDb, each_db, save_catalog, small_catalog};

    each_db! {
        a_migration_may_change_the_table_of_every_module,
        a_migration_that_fails_half_way_leaves_nothing,
        a_backup_of_an_older_schema_is_brought_to_the_programs,
    }

    const NOW: Timestamp = Timestamp(1_704_067_200_000);

    /// Gives every module a column with a value made from what stands there.
    fn widen(tx: &mut Tx, table: &str) -> Result<()> {
        tx.batch(&format!("ALTER TABLE {table} ADD COLUMN twice BIGINT"))?;
        tx.batch(&format!("UPDATE {table} SET twice = rev * 2"))
    }

    fn widen_leads_only(tx: &mut Tx, table: &str) -> Result<()> {
        widen(tx, table)?;
        if table.contains("Leads") {
            return Ok(());
        }
        Err(Error::Inconsistent("planned".to_owned()))
    }

    /// The migrations that there are, and one more.
    fn with(each_module: OfModule) -> Vec<Migration> {
        let sql = "CREATE TABLE later (one BIGINT PRIMARY KEY); INSERT INTO later VALUES (7)";
        let mut migrations: Vec<Migration> = MIGRATIONS.into();
        migrations.push(Migration {
            each_module: Some(each_module),
            ..Migration::new("later", sql)
        });
        migrations
    }

    /// A database with a record in each of two modules, and a module that was removed.
    fn filled(kind: Kind) -> (TestDb, Db) {
        let test = TestDb::new(kind);
        let db = test.open();
        save_catalog(&db, &small_catalog());
        drop(db);
        let settings = Settings {
            target: test.url().parse().unwrap(),
            now: NOW,
        };
        let db = Db::open(&settings).unwrap();
        let sql = "INSERT INTO \"m_Leads\" (id, rev) VALUES (1, 1), (2, 5);
                   INSERT INTO \"m_Clients\" (id, rev) VALUES (3, 2);
                   CREATE TABLE removed_9 (id BIGINT PRIMARY KEY, rev BIGINT NOT NULL);
                   INSERT INTO removed_9 VALUES (4, 11)";
        db.write(Priority::Interactive, |tx| Ok(tx.batch(sql)?))
            .unwrap();
        (test, db)
    }

    /// Panics unless the migration was applied, to the table of every module.
    fn is_widened(db: &Db) {
        let all = "SELECT twice FROM \"m_Leads\" UNION SELECT twice FROM \"m_Clients\"
                   UNION SELECT twice FROM removed_9 ORDER BY 1";
        assert_eq!(ints(db, all).unwrap(), [2, 4, 10, 22]);
        assert_eq!(ints(db, "SELECT one FROM later").unwrap(), [7]);
        let version = ints(db, "SELECT version FROM schema_version").unwrap();
        assert_eq!(version, [newest(&MIGRATIONS) + 1]);
    }

    fn ints(db: &Db, sql: &str) -> std::result::Result<Vec<i64>, Fault> {
        db.read(|tx| Ok(tx.values(sql, &[])?))
    }

    mod check {
        use super::*;

        pub(super) fn a_migration_may_change_the_table_of_every_module(kind: Kind) {
            let (_test, db) = filled(kind);
            for _ in 0..2 {
                // The second time it was applied already.
                db.write(Priority::Interactive, |tx| {
                    Ok(migrate(tx, &with(widen), NOW)?)
                })
                .unwrap();
            }
            is_widened(&db);
            // What the same program of yesterday says of it.
            let answer = db.write(Priority::Interactive, |tx| {
                Ok(migrate(tx, &MIGRATIONS, NOW)?)
            });
            assert!(matches!(answer, Err(Fault::Store(Error::Unusable(_)))));
        }

        pub(super) fn a_migration_that_fails_half_way_leaves_nothing(kind: Kind) {
            let (_test, db) = filled(kind);
            let answer = db.write(Priority::Interactive, |tx| {
                Ok(migrate(tx, &with(widen_leads_only), NOW)?)
            });
            assert!(answer.is_err());
            for sql in ["SELECT one FROM later", "SELECT twice FROM \"m_Leads\""] {
                assert!(ints(&db, sql).is_err(), "{sql}");
            }
            let version = ints(&db, "SELECT version FROM schema_version").unwrap();
            assert_eq!(version, [newest(&MIGRATIONS)]);
        }

        pub(super) fn a_backup_of_an_older_schema_is_brought_to_the_programs(kind: Kind) {
            let (_test, db) = filled(kind);
            let dir = tempfile::TempDir::new().unwrap();
            let file = dir.path().join("a.backup");
            let out = std::fs::File::create(&file).unwrap();
            let made = crate::backup::write(&db, out, NOW, &mut |_| ()).unwrap();
            assert_eq!(made.schema, newest(&MIGRATIONS));
            for to in [Kind::Sqlite, Kind::Postgres] {
                let test = TestDb::new(to);
                let target = test.url().parse().unwrap();
                restore_by(&with(widen), &file, &target, NOW, &mut |_| ()).unwrap();
                // Its schema is newer than what this program opens.
                is_widened(&Db::connect(&Settings { target, now: NOW }).unwrap());
            }
        }
    }
}
