//! Deleted records: those in the recycle bin, and for a time those that left it for good.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Dialect, Error, Result, beside, params};
use model::id::{JobId, ModuleId, RecordId, UserId};
use model::time::Timestamp;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeSet, HashMap};

/// What a set of deletions has in common.
#[derive(Clone, Copy, Debug)]
pub struct Deletion {
    /// The module of the records.
    pub module: ModuleId,
    /// Through which job.
    pub job: Option<JobId>,
    /// By whom.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

columns! { write Deletion { module, job, by: deleted_by, at: deleted_at } }

/// A record that is deleted. Its values are in the change that deleted it.
#[derive(Clone, Debug)]
pub struct Removed {
    /// The record.
    pub record: RecordId,
    /// The revision that the deletion made.
    pub rev: i64,
    /// The record that took it along, or itself.
    pub root: RecordId,
    /// Its name for people.
    pub name: Option<String>,
    /// Its owner.
    pub owner: Option<UserId>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// What stood beside its row.
    pub beside: Option<String>,
}

columns! { write Removed { record, rev, root, name, owner, created_by, beside } }

/// Puts deleted records into the recycle bin.
pub fn insert(tx: &mut Tx, deletion: Deletion, removed: Vec<Removed>) -> Result<()> {
    Insert::into("deleted_records")
        .row(&deletion)
        .all(tx, &removed)
}

/// A deleted record as it is listed.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The record.
    pub record: RecordId,
    /// The revision that the deletion made.
    pub rev: i64,
    /// Its module.
    pub module: ModuleId,
    /// The record that took it along, or itself.
    pub root: RecordId,
    /// Its name for people; none once it left the bin for good.
    pub name: Option<String>,
    /// Its owner, likewise.
    pub owner: Option<UserId>,
    /// Who made it, likewise.
    pub created_by: Option<UserId>,
    /// What stood beside its row, likewise.
    pub beside: Option<String>,
    /// Who deleted it.
    pub deleted_by: UserId,
    /// When.
    pub deleted_at: Timestamp,
    /// When it left the bin for good, if it did.
    pub purged_at: Option<Timestamp>,
}

columns! {
    read Entry {
        record, rev, module, root, name, owner, created_by, beside, deleted_by, deleted_at, purged_at,
    }
}

/// Deleted records of some modules: all, or those of these owners.
#[derive(Clone, Debug)]
pub struct Part {
    /// The modules.
    pub modules: Vec<ModuleId>,
    /// Whose; `None` is everyone's.
    pub owners: Option<Vec<UserId>>,
}

/// What a name is compared by.
#[derive(Clone, Debug)]
pub enum NameTest {
    /// It is this, without regard to case.
    Is(String),
    /// It has this in it.
    Contains(String),
    /// It starts with this.
    StartsWith(String),
}

/// Which deleted records. Those of no part are none.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those of any of these parts.
    pub parts: Vec<Part>,
    /// Those still in the bin, or those that left it for good; `None` is both.
    pub in_bin: Option<bool>,
    /// Those of these ids.
    pub ids: Option<Vec<RecordId>>,
    /// Those whose names pass all of these.
    pub names: Vec<NameTest>,
    /// Those of these modules.
    pub modules: Option<Vec<ModuleId>>,
    /// Those that one of these users deleted.
    pub deleted_by: Option<Vec<UserId>>,
    /// Those deleted from then on.
    pub from: Option<Timestamp>,
    /// Those deleted before.
    pub to: Option<Timestamp>,
    /// Those that took themselves along: the heads of what was deleted together.
    pub roots: bool,
    /// Those of greater ids.
    pub after: Option<RecordId>,
}

/// What deleted records are listed by; ids decide between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The record's id.
    Id,
    /// When they were deleted.
    Time,
    /// Their names.
    Name,
    /// Who deleted them.
    By,
}

impl Filter {
    /// The same in one module after the other, so that each can be gone through in the order of ids
    /// without sorting.
    pub fn of_each_module(&self) -> Vec<Self> {
        let wanted = |module: &ModuleId| {
            let modules = self.modules.as_ref();
            modules.is_none_or(|modules| modules.contains(module))
        };
        let parts = self.parts.iter();
        let modules = parts.clone().flat_map(|part| &part.modules);
        let modules: BTreeSet<i64> = modules.filter(|m| wanted(m)).map(|m| m.0).collect();
        let of_one = |module: i64| {
            let module = ModuleId(module);
            let parts = parts.clone().filter(|part| part.modules.contains(&module));
            let parts = parts.map(|part| Part {
                modules: vec![module],
                owners: part.owners.clone(),
            });
            Self {
                parts: parts.collect(),
                modules: None,
                ..self.clone()
            }
        };
        modules.into_iter().map(of_one).collect()
    }

    fn sql(&self, dialect: Dialect) -> (String, Vec<Param>) {
        let mut params = Vec::new();
        let mut bind = |param: Param| {
            params.push(param);
            params.len()
        };
        let modules = |ids: &[ModuleId]| Param::Ids(ids.iter().map(|id| id.0).collect());
        let users = |ids: &[UserId]| Param::Ids(ids.iter().map(|id| id.0).collect());
        let mut parts = Vec::new();
        for part in &self.parts {
            // An index on the module goes on in order only where it is one.
            let mut one = match part.modules.as_slice() {
                [module] => format!("module = ${}", bind(module.0.into())),
                several => format!("module IN ids(${})", bind(modules(several))),
            };
            if let Some(owners) = &part.owners {
                one.push_str(&format!(" AND owner IN ids(${})", bind(users(owners))));
            }
            parts.push(format!("({one})"));
        }
        let mut sql = if parts.is_empty() {
            "FALSE".to_owned()
        } else {
            format!("({})", parts.join(" OR "))
        };
        match self.in_bin {
            Some(true) => sql.push_str(" AND purged_at IS NULL"),
            Some(false) => sql.push_str(" AND purged_at IS NOT NULL"),
            None => {}
        }
        if let Some(ids) = &self.ids {
            let ids = Param::Ids(ids.iter().map(|id| id.0).collect());
            sql.push_str(&format!(" AND record IN ids(${})", bind(ids)));
        }
        for test in &self.names {
            let place = dialect.position_name();
            let (text, condition) = match test {
                NameTest::Is(text) => (text, "swathe_fold(name) = $n".to_owned()),
                NameTest::Contains(text) => (text, format!("{place}(swathe_fold(name), $n) > 0")),
                NameTest::StartsWith(text) => (text, format!("{place}(swathe_fold(name), $n) = 1")),
            };
            let n = bind(Param::from(model::value::fold(text)));
            sql.push_str(&format!(
                " AND {}",
                condition.replace("$n", &format!("${n}"))
            ));
        }
        if let Some(ids) = &self.modules {
            sql.push_str(&format!(" AND module IN ids(${})", bind(modules(ids))));
        }
        if let Some(ids) = &self.deleted_by {
            sql.push_str(&format!(" AND deleted_by IN ids(${})", bind(users(ids))));
        }
        let bounds = [
            ("deleted_at >=", self.from.map(|at| at.0)),
            ("deleted_at <", self.to.map(|at| at.0)),
            ("record >", self.after.map(|id| id.0)),
        ];
        for (condition, bound) in bounds {
            if let Some(bound) = bound {
                sql.push_str(&format!(" AND {condition} ${}", bind(Param::from(bound))));
            }
        }
        if self.roots {
            sql.push_str(" AND root = record");
        }
        (sql, params)
    }
}

/// Deleted records that pass a filter, at most `limit` after skipping `offset`.
pub fn list(
    tx: &mut Tx,
    filter: &Filter,
    (sort, ascending): (Sort, bool),
    (offset, limit): (usize, usize),
) -> Result<Vec<Entry>> {
    let (from, params) = list_sql(tx.dialect(), filter, (sort, ascending), (offset, limit));
    tx.select(&from, &params)
}

fn list_sql(
    dialect: Dialect,
    filter: &Filter,
    (sort, ascending): (Sort, bool),
    (offset, limit): (usize, usize),
) -> (String, Vec<Param>) {
    let (condition, params) = filter.sql(dialect);
    let direction = if ascending { "ASC" } else { "DESC" };
    let by = match sort {
        Sort::Id => "",
        Sort::Time => "deleted_at",
        Sort::Name => "swathe_fold(name)",
        Sort::By => "deleted_by",
    };
    let by = if by.is_empty() {
        String::new()
    } else {
        format!("{by} {direction}, ")
    };
    let sql = format!(
        "FROM deleted_records WHERE {condition}
         ORDER BY {by}record {direction} LIMIT {limit} OFFSET {offset}"
    );
    (sql, params)
}

/// How many pass a filter.
pub fn count(tx: &mut Tx, filter: &Filter) -> Result<i64> {
    let (condition, params) = filter.sql(tx.dialect());
    let sql = format!("SELECT count(*) FROM deleted_records WHERE {condition}");
    tx.value(&sql, &params)
}

fn ids_of(records: &[RecordId]) -> Param {
    Param::Ids(records.iter().map(|record| record.0).collect())
}

/// How many records each of these took along into the bin, itself included.
pub fn sizes(tx: &mut Tx, roots: &[RecordId]) -> Result<HashMap<RecordId, usize>> {
    let from = "FROM deleted_records WHERE root IN ids($1) AND purged_at IS NULL GROUP BY root";
    let sizes = tx.select_tuples(["root", "count(*)"], from, &[ids_of(roots)])?;
    Ok(sizes.into_iter().collect())
}

/// All in the bin that these took along, themselves included, in id order, locked until the
/// transaction ends.
pub fn lock(tx: &mut Tx, roots: &[RecordId]) -> Result<Vec<Entry>> {
    let from = lock_sql(tx.for_update());
    tx.select(&from, &[ids_of(roots)])
}

/// What is known of the deletion of these records, whether they still are in the bin or not.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Entry>> {
    let from = "FROM deleted_records WHERE record IN ids($1)";
    tx.select(from, &[ids_of(records)])
}

fn lock_sql(for_update: &str) -> String {
    format!(
        "FROM deleted_records WHERE root IN ids($1) AND purged_at IS NULL
         ORDER BY record{for_update}"
    )
}

/// The values that these records had, by field, as their deletion stored them.
pub fn values(tx: &mut Tx, records: &[RecordId]) -> Result<HashMap<RecordId, Map<String, Json>>> {
    let from = "FROM deleted_records d
                JOIN changes c ON c.record = d.record AND c.rev = d.rev WHERE d.record IN ids($1)";
    let values = tx.select_tuples(["d.record", "c.before"], from, &[ids_of(records)])?;
    Ok(values.into_iter().collect())
}

/// Takes records out of the list, because they are back.
pub fn remove(tx: &mut Tx, records: &[RecordId]) -> Result<()> {
    let sql = "DELETE FROM deleted_records WHERE record IN ids($1)";
    let touched = tx.execute(sql, &[ids_of(records)])?;
    if touched == records.len() {
        return Ok(());
    }
    Err(Error::Inconsistent(format!(
        "{touched} of {} records were in the bin",
        records.len()
    )))
}

/// What is left of a record that cannot come back: that it was there.
const FORGET: &str = "UPDATE deleted_records SET purged_at = $1, name = NULL, owner = NULL,
    created_by = NULL, beside = NULL WHERE purged_at IS NULL";

/// Takes records out of the bin for good, with what they took along.
pub fn purge(tx: &mut Tx, roots: &[RecordId], now: Timestamp) -> Result<usize> {
    let sql = format!("{FORGET} AND root IN ids($2)");
    forget(tx, &sql, &[Param::from(now.0), ids_of(roots)])
}

/// Runs a form of [`FORGET`], and lets go what stayed beside the records while they were in the bin.
fn forget(tx: &mut Tx, sql: &str, params: &[Param]) -> Result<usize> {
    let records: Vec<i64> = tx.values(&format!("{sql} RETURNING record"), params)?;
    let count = records.len();
    beside::purge(tx, records)?;
    Ok(count)
}

/// Takes records out of the bin for good that were deleted before `before`, and forgets those that
/// left it before `forgotten`: at most `rows` of each. What took others along goes first, so that none
/// of them can be restored without it. `false` when there are none.
pub fn tidy(
    tx: &mut Tx,
    before: Timestamp,
    forgotten: Timestamp,
    now: Timestamp,
    rows: i64,
) -> Result<bool> {
    let purged = forget(tx, &expire_sql(), params![now.0, before.0, rows])?;
    let gone = tx.execute(FORGOTTEN, params![forgotten.0, rows])?;
    Ok(purged + gone > 0)
}

fn expire_sql() -> String {
    format!(
        "{FORGET} AND record IN (SELECT record FROM deleted_records
           WHERE purged_at IS NULL AND deleted_at < $2
           ORDER BY deleted_at, CASE WHEN root = record THEN 0 ELSE 1 END, record LIMIT $3)"
    )
}

const FORGOTTEN: &str = "DELETE FROM deleted_records WHERE record IN (SELECT record
    FROM deleted_records WHERE purged_at IS NOT NULL AND purged_at < $1 ORDER BY purged_at LIMIT $2)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Columns;

    /// The bin may hold millions: what runs for a chunk or at each tidying must not read them all.
    #[test]
    fn what_is_done_often_finds_its_rows_by_an_index() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        crate::migrate::schema_for_test(&connection);
        rusqlite::vtab::array::load_module(&connection).unwrap();
        let ids = || ids_of(&[RecordId(1), RecordId(2)]);
        let (time, rows) = (Param::from(1), Param::from(5_000));
        let forget = format!("{FORGET} AND root IN ids($2)");
        let mut wanted = vec![
            ((lock_sql(""), vec![ids()]), "deleted_records_root"),
            ((forget, vec![time.clone(), ids()]), "deleted_records_root"),
            (
                (expire_sql(), vec![time.clone(), time.clone(), rows.clone()]),
                "deleted_records_in_bin",
            ),
            (
                (FORGOTTEN.to_owned(), vec![time, rows]),
                "deleted_records_purged",
            ),
        ];
        // What is restored or removed by a filter, of all owners and of some, with and without more
        // that it asks for.
        for owners in [None, Some(vec![UserId(1), UserId(2)])] {
            for (after, from) in [(None, None), (Some(RecordId(7)), Some(Timestamp(5)))] {
                let filter = Filter {
                    parts: vec![Part {
                        modules: vec![ModuleId(1), ModuleId(2)],
                        owners: owners.clone(),
                    }],
                    modules: Some(vec![ModuleId(1)]),
                    in_bin: Some(true),
                    roots: true,
                    after,
                    from,
                    ..Filter::default()
                };
                let each = filter.of_each_module();
                assert_eq!(each.len(), 1);
                let order = (Sort::Id, true);
                let next = list_sql(Dialect::Sqlite, &each[0], order, (0, 1_000));
                wanted.push((next, "deleted_records_heads"));
            }
        }
        for ((sql, params), index) in wanted {
            let sql = if sql.starts_with("FROM") {
                format!("SELECT {} {sql}", Entry::list())
            } else {
                sql
            };
            let sql = format!("EXPLAIN QUERY PLAN {}", Dialect::Sqlite.sql(&sql));
            let mut statement = connection.prepare(&sql).unwrap();
            let steps = statement.query_map(rusqlite::params_from_iter(params), |row| {
                row.get::<_, String>("detail")
            });
            let steps: Vec<String> = steps.unwrap().map(|step| step.unwrap()).collect();
            assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
            assert!(
                !steps.iter().any(|step| step == "SCAN deleted_records"),
                "{steps:?}"
            );
            // Sorting would read all of the module for each transaction.
            let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE"));
            assert!(!(sorts && index == "deleted_records_heads"), "{steps:?}");
        }
    }
}
