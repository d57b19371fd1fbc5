//! Brings a database to this program's schema. The SQL is written once and runs on both.

use crate::dialect::quote;
use crate::tx::Tx;
use crate::{Dialect, Error, Result, module_table, params, shape};
use model::time::Timestamp;

/// What is done to the table of a module, by its name.
type OfModule = fn(&mut Tx, &str) -> Result<()>;

/// A step of the schema.
struct Migration {
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

/// The migrations, in order; the schema's version is how many were applied.
const MIGRATIONS: [Migration; 4] = [
    Migration::new("core", include_str!("../../../migrations/0001_core.sql")),
    Migration::new(
        "actions",
        include_str!("../../../migrations/0002_actions.sql"),
    ),
    Migration::new("trust", include_str!("../../../migrations/0003_trust.sql")),
    Migration {
        name: "conversion",
        sql: include_str!("../../../migrations/0004_conversion.sql"),
        each_module: Some(module_table::make_found),
    },
];

/// The first id that an org hands out: 19 digits, as the vendor's ids have.
const FIRST_ID: i64 = 4_150_868_000_000_000_001;

/// The newest schema that this program knows.
pub(crate) fn known() -> i64 {
    count(&MIGRATIONS)
}

fn count(migrations: &[Migration]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// The schema's version in this database, 0 for an empty one.
pub(crate) fn version(tx: &mut Tx) -> Result<i64> {
    let tables = tx.dialect().count_tables();
    if tx.query_one(tables, params!["schema_version"])?.int(0)? > 0 {
        return tx
            .query_one("SELECT version FROM schema_version", &[])?
            .int(0);
    }
    if tx.dialect() == Dialect::Postgres {
        let others = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
        if tx.query_one(others, &[])?.int(0)? > 0 {
            let text = "the PostgreSQL schema holds tables of another program";
            return Err(Error::Unusable(text.to_owned()));
        }
    }
    Ok(0)
}

/// Refuses a schema that is newer than this program.
fn refuse_newer(at: i64, known: i64) -> Result<()> {
    if at <= known {
        return Ok(());
    }
    Err(Error::Unusable(format!(
        "the database has schema {at}, this program knows {known}: use a newer program"
    )))
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
    match version(tx)? {
        0 => Err(Error::Unusable("the database is empty".to_owned())),
        at => refuse_newer(at, known()),
    }
}

/// Applies what is missing; refuses a schema that is newer than this program.
pub(crate) fn migrate(tx: &mut Tx, now: Timestamp) -> Result<()> {
    migrate_by(tx, &MIGRATIONS, now)
}

fn migrate_by(tx: &mut Tx, migrations: &[Migration], now: Timestamp) -> Result<()> {
    let known = count(migrations);
    if version(tx)? == known {
        return Ok(());
    }
    alone(tx)?;
    let at = version(tx)?;
    refuse_newer(at, known)?;
    apply(tx, migrations, at)?;
    if at == 0 {
        tx.execute(
            "INSERT INTO id_blocks (one, next) VALUES (1, $1)",
            params![FIRST_ID],
        )?;
        let sql = "INSERT INTO schema_version (one, version, changed_at) VALUES (1, $1, $2)";
        tx.execute(sql, params![known, now.0])?;
    } else if at < known {
        let sql = "UPDATE schema_version SET version = $1, changed_at = $2";
        tx.execute(sql, params![known, now.0])?;
    }
    Ok(())
}

/// The tables of a schema in an empty database, without a row: a backup has them all.
pub(crate) fn make(tx: &mut Tx, schema: i64) -> Result<()> {
    refuse_newer(schema, known())?;
    let until = usize::try_from(schema).unwrap_or(0);
    apply(tx, MIGRATIONS.get(..until).unwrap_or_default(), 0)
}

/// Applies the migrations from this version on.
fn apply(tx: &mut Tx, migrations: &[Migration], at: i64) -> Result<()> {
    let dialect = tx.dialect();
    for migration in migrations.iter().skip(usize::try_from(at).unwrap_or(0)) {
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
    if at == 0 && dialect == Dialect::Postgres {
        tx.batch(&Dialect::fold_function())?;
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
    use crate::{Db, Fault, Priority, Settings};
    use testkit::{Kind, TestDb, each_db, save_catalog, small_catalog};

    each_db! {
        a_migration_may_change_the_table_of_every_module,
        a_migration_that_fails_half_way_leaves_nothing,
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

    fn ints(db: &Db, sql: &str) -> std::result::Result<Vec<i64>, Fault> {
        db.read(|tx| {
            let rows = tx.query(sql, &[])?;
            Ok(rows.iter().map(|row| row.int(0)).collect::<Result<_>>()?)
        })
    }

    mod check {
        use super::*;

        pub(super) fn a_migration_may_change_the_table_of_every_module(kind: Kind) {
            let (_test, db) = filled(kind);
            for _ in 0..2 {
                // The second time it was applied already.
                db.write(Priority::Interactive, |tx| {
                    Ok(migrate_by(tx, &with(widen), NOW)?)
                })
                .unwrap();
            }
            let all = "SELECT twice FROM \"m_Leads\" UNION SELECT twice FROM \"m_Clients\"
                       UNION SELECT twice FROM removed_9 ORDER BY 1";
            assert_eq!(ints(&db, all).unwrap(), [2, 4, 10, 22]);
            assert_eq!(ints(&db, "SELECT one FROM later").unwrap(), [7]);
            let version = ints(&db, "SELECT version FROM schema_version").unwrap();
            assert_eq!(version, [known() + 1]);
            // What the same program of yesterday says of it.
            let answer = db.write(Priority::Interactive, |tx| Ok(migrate(tx, NOW)?));
            assert!(matches!(answer, Err(Fault::Store(Error::Unusable(_)))));
        }

        pub(super) fn a_migration_that_fails_half_way_leaves_nothing(kind: Kind) {
            let (_test, db) = filled(kind);
            let answer = db.write(Priority::Interactive, |tx| {
                Ok(migrate_by(tx, &with(widen_leads_only), NOW)?)
            });
            assert!(answer.is_err());
            for sql in ["SELECT one FROM later", "SELECT twice FROM \"m_Leads\""] {
                assert!(ints(&db, sql).is_err(), "{sql}");
            }
            let version = ints(&db, "SELECT version FROM schema_version").unwrap();
            assert_eq!(version, [known()]);
        }
    }
}
