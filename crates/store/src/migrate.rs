//! Brings a database to this program's schema. The SQL is written once and runs on both.

use crate::tx::Tx;
use crate::{Dialect, Error, Result, params};
use model::time::Timestamp;

/// The migrations, in order; the schema's version is how many were applied.
const MIGRATIONS: [(&str, &str); 3] = [
    ("core", include_str!("../../../migrations/0001_core.sql")),
    (
        "actions",
        include_str!("../../../migrations/0002_actions.sql"),
    ),
    ("trust", include_str!("../../../migrations/0003_trust.sql")),
];

/// The first id that an org hands out: 19 digits, as the vendor's ids have.
const FIRST_ID: i64 = 4_150_868_000_000_000_001;

/// The schema's version in this database, 0 for an empty one.
fn version(tx: &mut Tx) -> Result<i64> {
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

/// Applies what is missing; refuses a schema that is newer than this program.
pub(crate) fn migrate(tx: &mut Tx, now: Timestamp) -> Result<()> {
    let dialect = tx.dialect();
    if dialect == Dialect::Postgres {
        // Two processes that start at once: the second waits, then finds the work done.
        tx.batch("SELECT pg_advisory_xact_lock(6004510421)")?;
    }
    let at = version(tx)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if at > known {
        return Err(Error::Unusable(format!(
            "the database has schema {at}, this program knows {known}: use a newer program"
        )));
    }
    for (name, sql) in MIGRATIONS.iter().skip(usize::try_from(at).unwrap_or(0)) {
        tracing::info!(migration = name, "migrating the database");
        tx.batch(&sql.replace("{without_rowid}", dialect.without_rowid()))?;
    }
    if at == 0 {
        if dialect == Dialect::Postgres {
            tx.batch(&Dialect::fold_function())?;
        }
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

/// The schema alone, for tests of single statements.
#[cfg(test)]
pub(crate) fn schema_for_test(connection: &rusqlite::Connection) {
    for (_, sql) in MIGRATIONS {
        let sql = sql.replace("{without_rowid}", Dialect::Sqlite.without_rowid());
        connection.execute_batch(&sql).unwrap();
    }
}
