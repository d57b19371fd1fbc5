//! Deleting records.

use super::Writing;
use super::reading::{Reading, Standing};
use crate::judge::{Columns, denied, held};
use jobs::Settled;
use model::access::Access;
use model::id::RecordId;
use store::changes::{self, ChangeKind};
use store::records::{self, Filter};
use store::{Fault, Tx, holds, shares, territories};

/// Deletes records with their holds, shares and territories, and answers for each what happened, in order.
/// Records outside `within` are refused as having left the selection. Their last values stay in the
/// changes. Ids must differ.
pub fn delete(
    tx: &mut Tx,
    writing: Writing<'_>,
    ids: &[RecordId],
    within: Option<&Filter>,
) -> Result<Vec<Settled>, Fault> {
    let Writing { module, .. } = writing;
    let columns = Columns::all(module);
    let reading = Reading::new(tx, writing, &columns, ids, within)?;
    let mut settled = Vec::with_capacity(ids.len());
    let mut gone = Vec::new();
    let mut rows = Vec::new();
    for id in ids {
        let Standing { record, facts, .. } = match reading.get(*id) {
            Ok(standing) => standing,
            Err(refusal) => {
                settled.push(Settled::Failed(refusal));
                continue;
            }
        };
        // A converted lead may be deleted; only what holds the record speaks against it.
        let refused = denied(record.id, facts, Access::Full);
        if let Some(refusal) = refused.or_else(|| held(record.id, facts)) {
            settled.push(Settled::Failed(refusal));
            continue;
        }
        let before = columns.0.iter().map(|field| field.id);
        rows.push(changes::Change {
            record: record.id,
            rev: record.rev + 1,
            before: before.zip(record.values.iter().cloned()).collect(),
        });
        gone.push(record.id);
        settled.push(Settled::Changed);
    }
    records::delete(tx, module, &gone)?;
    holds::delete_of(tx, &gone)?;
    territories::delete_of(tx, &gone)?;
    shares::delete_of(tx, &gone)?;
    changes::insert(tx, writing.origin(ChangeKind::Delete), &rows)?;
    Ok(settled)
}
