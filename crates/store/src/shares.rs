//! Records shared by hand with users.

use crate::tx::{Param, Tx};
use crate::{Error, Result, Row, params};
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

fn share(row: &Row) -> Result<Share> {
    let word = row.text(2)?;
    let unknown = || Error::Inconsistent(format!("a share's permission is {word}"));
    Ok(Share {
        record: RecordId(row.int(0)?),
        user: UserId(row.int(1)?),
        permission: Permission::parse(word).ok_or_else(unknown)?,
        actor: UserId(row.int(3)?),
        at: Timestamp(row.int(4)?),
    })
}

/// The shares of records, in the order in which they were made.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Share>> {
    let ids = Param::Ids(records.iter().map(|record| record.0).collect());
    let sql = "SELECT record, user_id, permission, actor, at FROM record_shares
               WHERE record IN ids($1) ORDER BY record, at, user_id";
    tx.query(sql, &[ids])?.iter().map(share).collect()
}

/// Shares a record, or says anew what its user may do.
pub fn put(tx: &mut Tx, module: ModuleId, share: &Share) -> Result<()> {
    let sql = "INSERT INTO record_shares (record, user_id, module, permission, actor, at)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (record, user_id) DO UPDATE
               SET permission = excluded.permission, actor = excluded.actor, at = excluded.at";
    let (record, user, permission) = (share.record.0, share.user.0, share.permission.as_str());
    tx.execute(
        sql,
        params![
            record,
            user,
            module.0,
            permission,
            share.actor.0,
            share.at.0
        ],
    )?;
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
