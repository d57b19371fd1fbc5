//! Records shared by hand with users.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::access::Permission;
use model::id::{ModuleId, RecordId, UserId};
use model::time::Timestamp;

/// A record shared with a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The record.
    pub record: RecordId,
    /// With whom.
    pub user: UserId,
    /// What they may do.
    pub permission: Permission,
    /// Who shared it.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
}

columns! { Share { record, user: user_id, permission, actor, at } }

/// The shares of records, in the order in which they were made.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Share>> {
    let ids = Param::Ids(records.iter().map(|record| record.0).collect());
    let from = "FROM record_shares WHERE record IN ids($1) ORDER BY record, at, user_id";
    tx.select(from, &[ids])
}

/// Shares a record, or says anew what its user may do.
pub fn put(tx: &mut Tx, module: ModuleId, share: &Share) -> Result<()> {
    let anew = "(record, user_id) DO UPDATE
                SET permission = excluded.permission, actor = excluded.actor, at = excluded.at";
    Insert::into("record_shares")
        .row(share)
        .set("module", module)
        .or_update(tx, anew)?;
    Ok(())
}

/// Takes a record back from a user.
pub fn remove(tx: &mut Tx, record: RecordId, user: UserId) -> Result<()> {
    let sql = "DELETE FROM record_shares WHERE record = $1 AND user_id = $2";
    tx.execute(sql, params![record.0, user.0])?;
    Ok(())
}

/// Takes back all shares of a record.
pub fn remove_all(tx: &mut Tx, record: RecordId) -> Result<()> {
    let sql = "DELETE FROM record_shares WHERE record = $1";
    tx.execute(sql, params![record.0])?;
    Ok(())
}
