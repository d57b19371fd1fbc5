//! Deleted records: those in the recycle bin, and for a time those that left it for good.

use crate::tx::Tx;
use crate::{Result, Same};
use model::id::{JobId, ModuleId, RecordId, UserId};
use model::time::Timestamp;
use model::value::{Class, Value};

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
