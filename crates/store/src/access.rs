//! Who reaches which record, as SQL: a condition for selecting and a level for judging, both from
//! the same reach. A user who reaches everything costs no SQL at all.

use crate::Result;
use crate::module_table::{column, table};
use crate::row::columns;
use crate::tx::{Param, Tx};
use model::access::{Access, Reach};
use model::id::RecordId;
use model::module::{Module, system};

/// Which records of the module the reach sees, on the rows of its table; `None` is all of them. The
/// function names the place of each parameter.
pub(crate) fn seen(
    module: &Module,
    reach: &Reach,
    bind: &mut impl FnMut(Param) -> String,
) -> Option<String> {
    if reach.sees_all() {
        return None;
    }
    let mut any = Vec::new();
    if let Some(owner) = module.field(system::OWNER)
        && !reach.owners.is_empty()
    {
        let owners = bind(owners(reach));
        any.push(format!("{} IN ids({owners})", column(owner)));
    }
    if let Some(user) = reach.shared_to {
        let user = bind(user.0.into());
        any.push(format!(
            "id IN (SELECT record FROM record_shares WHERE user_id = {user} AND module = {})",
            module.id
        ));
    }
    let territories = [&reach.territories_full, &reach.territories_read];
    let territories: Vec<i64> = territories.into_iter().flatten().map(|id| id.0).collect();
    if !territories.is_empty() {
        let territories = bind(Param::Ids(territories));
        any.push(format!(
            "id IN (SELECT record FROM record_territories
              WHERE territory IN ids({territories}) AND module = {})",
            module.id
        ));
    }
    Some(if any.is_empty() {
        "FALSE".to_owned()
    } else {
        format!("({})", any.join(" OR "))
    })
}

fn owners(reach: &Reach) -> Param {
    Param::Ids(reach.owners.iter().map(|owner| owner.0).collect())
}

/// Which of the levels that were asked for a record has, or -1.
struct Level {
    id: RecordId,
    level: i64,
}

columns! { read Level { id, level } }

/// What the reach may do with each of these records that exist. Whoever judges by this must have
/// locked the records before: every share and territory of a record is written with it locked, so
/// a statement that begins then sees them as they stay.
pub fn of(
    tx: &mut Tx,
    module: &Module,
    reach: &Reach,
    ids: &[RecordId],
) -> Result<Vec<(RecordId, Access)>> {
    let mut params = vec![Param::Ids(ids.iter().map(|id| id.0).collect())];
    let mut bind = |param: Param| {
        params.push(param);
        format!("${}", params.len())
    };
    let mut levels = Vec::new();
    if let Some(owner) = module.field(system::OWNER)
        && !reach.owners.is_empty()
    {
        let owners = bind(owners(reach));
        levels.push((Access::Full, format!("{} IN ids({owners})", column(owner))));
    }
    let user = reach.shared_to.map(|user| bind(user.0.into()));
    let shared = |words: &str| {
        user.as_ref().map(|user| {
            format!(
                "EXISTS (SELECT 1 FROM record_shares s
                  WHERE s.record = r.id AND s.user_id = {user} AND s.permission IN ({words}))"
            )
        })
    };
    let mut within = |territories: &[model::id::TerritoryId]| {
        (!territories.is_empty()).then(|| {
            let territories = bind(Param::Ids(territories.iter().map(|t| t.0).collect()));
            format!(
                "EXISTS (SELECT 1 FROM record_territories t
                  WHERE t.record = r.id AND t.territory IN ids({territories}))"
            )
        })
    };
    let full = within(&reach.territories_full);
    let read = within(&reach.territories_read);
    levels.extend(shared("'full_access'").map(|sql| (Access::Full, sql)));
    levels.extend(full.map(|sql| (Access::Full, sql)));
    levels.extend(shared("'read_write'").map(|sql| (Access::Write, sql)));
    levels.extend(shared("'read_only'").map(|sql| (Access::Read, sql)));
    levels.extend(read.map(|sql| (Access::Read, sql)));
    let mut cases = String::new();
    for (n, (_, sql)) in levels.iter().enumerate() {
        cases.push_str(&format!(" WHEN {sql} THEN {n}"));
    }
    let level = if cases.is_empty() {
        "-1".to_owned()
    } else {
        format!("CASE{cases} ELSE -1 END")
    };
    let columns = format!("id, CAST({level} AS BIGINT) AS level");
    let sql = format!(
        "SELECT {columns} FROM {} r WHERE id IN ids($1)",
        table(module)
    );
    let rows: Vec<Level> = tx.query_as(&sql, &params)?;
    let access = |row: Level| {
        let level = usize::try_from(row.level).ok();
        let own = level.and_then(|n| levels.get(n)).map(|(access, _)| *access);
        (row.id, own.unwrap_or_default().max(reach.everyone))
    };
    Ok(rows.into_iter().map(access).collect())
}
