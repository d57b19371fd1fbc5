//! Deleted records: those in the recycle bin, and for a time those that left it for good.

use crate::tx::{Param, Tx};
use crate::{Dialect, Error, Result, Row, Same, beside, params};
use model::id::{JobId, ModuleId, RecordId, UserId};
use model::time::Timestamp;
use model::value::{Class, Value};
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

/// Puts deleted records into the recycle bin.
pub fn insert(tx: &mut Tx, deletion: Deletion, removed: Vec<Removed>) -> Result<()> {
    let same = [
        Same::int("module", deletion.module.0),
        Same::int("job", deletion.job.map(|job| job.0)),
        Same::int("deleted_by", deletion.by.0),
        Same::int("deleted_at", deletion.at.0),
    ];
    let columns = [
        ("record", Class::Int),
        ("rev", Class::Int),
        ("root", Class::Int),
        ("name", Class::Text),
        ("owner", Class::Int),
        ("created_by", Class::Int),
        ("beside", Class::Text),
    ]
    .map(|(name, class)| (name.to_owned(), class));
    let rows: Vec<Vec<Value>> = removed
        .into_iter()
        .map(|one| {
            vec![
                one.record.0.into(),
                one.rev.into(),
                one.root.0.into(),
                one.name.into(),
                one.owner.map(|user| user.0).into(),
                one.created_by.map(|user| user.0).into(),
                one.beside.into(),
            ]
        })
        .collect();
    tx.insert_rows("deleted_records", &same, &columns, &rows)
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

const COLUMNS: &str = "record, rev, module, root, name, owner, created_by, beside, deleted_by,
    deleted_at, purged_at";

fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        record: RecordId(row.int(0)?),
        rev: row.int(1)?,
        module: ModuleId(row.int(2)?),
        root: RecordId(row.int(3)?),
        name: row.opt_text(4)?.map(str::to_owned),
        owner: row.opt_int(5)?.map(UserId),
        created_by: row.opt_int(6)?.map(UserId),
        beside: row.opt_text(7)?.map(str::to_owned),
        deleted_by: UserId(row.int(8)?),
        deleted_at: Timestamp(row.int(9)?),
        purged_at: row.opt_int(10)?.map(Timestamp),
    })
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
    let (sql, params) = list_sql(tx.dialect(), filter, (sort, ascending), (offset, limit));
    tx.query(&sql, &params)?.iter().map(entry).collect()
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
        "SELECT {COLUMNS} FROM deleted_records WHERE {condition}
         ORDER BY {by}record {direction} LIMIT {limit} OFFSET {offset}"
    );
    (sql, params)
}

/// How many pass a filter.
pub fn count(tx: &mut Tx, filter: &Filter) -> Result<i64> {
    let (condition, params) = filter.sql(tx.dialect());
    let sql = format!("SELECT count(*) FROM deleted_records WHERE {condition}");
    tx.query_one(&sql, &params)?.int(0)
}

fn ids_of(records: &[RecordId]) -> Param {
    Param::Ids(records.iter().map(|record| record.0).collect())
}

/// How many records each of these took along into the bin, itself included.
pub fn sizes(tx: &mut Tx, roots: &[RecordId]) -> Result<HashMap<RecordId, usize>> {
    let sql = "SELECT root, count(*) FROM deleted_records
               WHERE root IN ids($1) AND purged_at IS NULL GROUP BY root";
    let rows = tx.query(sql, &[ids_of(roots)])?;
    let size = |row: &Row| usize::try_from(row.int(1)?).map_err(|_| negative());
    rows.iter()
        .map(|row| Ok((RecordId(row.int(0)?), size(row)?)))
        .collect()
}

fn negative() -> Error {
    Error::Inconsistent("a count is negative".to_owned())
}

/// All in the bin that these took along, themselves included, in id order, locked until the
/// transaction ends.
pub fn lock(tx: &mut Tx, roots: &[RecordId]) -> Result<Vec<Entry>> {
    let sql = lock_sql(tx.for_update());
    let rows = tx.query(&sql, &[ids_of(roots)])?;
    rows.iter().map(entry).collect()
}

/// What is known of the deletion of these records, whether they still are in the bin or not.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Entry>> {
    let sql = format!("SELECT {COLUMNS} FROM deleted_records WHERE record IN ids($1)");
    let rows = tx.query(&sql, &[ids_of(records)])?;
    rows.iter().map(entry).collect()
}

fn lock_sql(for_update: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM deleted_records WHERE root IN ids($1) AND purged_at IS NULL
         ORDER BY record{for_update}"
    )
}

/// The values that these records had, by field, as their deletion stored them.
pub fn values(tx: &mut Tx, records: &[RecordId]) -> Result<HashMap<RecordId, Map<String, Json>>> {
    let sql = "SELECT d.record, c.before FROM deleted_records d
               JOIN changes c ON c.record = d.record AND c.rev = d.rev WHERE d.record IN ids($1)";
    let rows = tx.query(sql, &[ids_of(records)])?;
    rows.iter()
        .map(|row| {
            let record = RecordId(row.int(0)?);
            let values = serde_json::from_str(row.text(1)?).map_err(|error| {
                Error::Inconsistent(format!(
                    "the last values of {record} cannot be read: {error}"
                ))
            })?;
            Ok((record, values))
        })
        .collect()
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
    let rows = tx.query(&format!("{sql} RETURNING record"), params)?;
    let records: Vec<i64> = rows.iter().map(|row| row.int(0)).collect::<Result<_>>()?;
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
            let sql = format!("EXPLAIN QUERY PLAN {}", Dialect::Sqlite.sql(&sql));
            let steps = crate::sqlite::query(&connection, &sql, &params).unwrap();
            let steps: Vec<&str> = steps.iter().map(|step| step.text(3).unwrap()).collect();
            assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
            assert!(!steps.contains(&"SCAN deleted_records"), "{steps:?}");
            // Sorting would read all of the module for each transaction.
            let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE"));
            assert!(!(sorts && index == "deleted_records_heads"), "{steps:?}");
        }
    }
}
