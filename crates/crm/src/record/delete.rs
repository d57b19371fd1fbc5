//! Deleting records: they go into the recycle bin, with what belongs to them.

use super::Writing;
use super::along::Along;
use super::reading::{Reading, Standing};
use crate::judge::{Columns, denied, held};
use jobs::Settled;
use model::access::Access;
use model::field::Field;
use model::id::{RecordId, UserId};
use model::module::{Module, system};
use model::refusal::Refusal;
use store::changes::{self, Cause, ChangeKind};
use store::deleted::{self, Deletion, Removed};
use store::records::{self, Filter, Record};
use store::{Fault, Tx, beside};

/// Deletes records, and answers for each what happened, in order. Those that would take more along
/// than one transaction may are refused. Ids must differ.
pub fn delete(tx: &mut Tx, writing: Writing<'_>, ids: &[RecordId]) -> Result<Vec<Settled>, Fault> {
    let mut settled = delete_first(tx, writing, ids, None)?;
    let rest = ids.iter().skip(settled.len());
    let rest: Vec<Settled> = rest
        .map(|id| Settled::Failed(jobs::left_over(*id)))
        .collect();
    settled.extend(rest);
    Ok(settled)
}

/// Deletes the first of these records, as many as one transaction may, at least one, and answers for
/// each what happened, in order. Records outside `within` are refused as having left the selection.
/// Ids must differ.
pub(crate) fn delete_first(
    tx: &mut Tx,
    writing: Writing<'_>,
    ids: &[RecordId],
    within: Option<&Filter>,
) -> Result<Vec<Settled>, Fault> {
    let columns = Columns::all(writing.module);
    let mut reading = Reading::new(tx, writing, &columns, ids, within)?;
    let judge = |id: &RecordId| {
        let Standing { record, facts, .. } = reading.get(*id)?;
        // A converted lead may be deleted; only what holds the record speaks against it.
        let refused = denied(record.id, facts, Access::Full);
        let refused = refused.or_else(|| held(record.id, facts));
        refused.map_or(Ok(()), Err)
    };
    let judged: Vec<Result<(), Refusal>> = ids.iter().map(judge).collect();
    let judged = ids.iter().zip(judged);
    // What is refused anyway takes nothing along: it must not cost the others their turn.
    let free = judged.clone().filter(|(_, judged)| judged.is_ok());
    let free: Vec<RecordId> = free.map(|(id, _)| *id).collect();
    let along = Along::of(tx, writing, &free)?;
    let first_left = free.get(along.reach);
    let mut settled = Vec::with_capacity(ids.len());
    let mut gone = Vec::with_capacity(along.reach);
    for (id, judged) in judged.take_while(|(id, _)| Some(*id) != first_left) {
        settled.push(
            if let Err(refusal) = judged.and_then(|()| along.check(*id)) {
                Settled::Failed(refusal)
            } else {
                gone.extend(reading.remove(*id));
                Settled::Changed
            },
        );
    }
    let roots: Vec<RecordId> = gone.iter().map(|standing| standing.record.id).collect();
    let gone = gone.into_iter().map(|standing| {
        let root = standing.record.id;
        (standing.record, root)
    });
    remove(tx, writing, &columns, gone.collect())?;
    for (module, columns, children) in along.take(&roots) {
        let writing = Writing {
            module,
            cause: Cause::Parent,
            ..writing
        };
        remove(tx, writing, &columns, children)?;
    }
    Ok(settled)
}

/// Takes records out of their module's table, each with the record that takes it along or itself.
fn remove(
    tx: &mut Tx,
    writing: Writing<'_>,
    columns: &Columns<'_>,
    gone: Vec<(Record, RecordId)>,
) -> Result<(), Fault> {
    if gone.is_empty() {
        return Ok(());
    }
    let Writing { module, .. } = writing;
    let ids: Vec<RecordId> = gone.iter().map(|(record, _)| record.id).collect();
    let mut beside = beside::take(tx, &ids)?;
    records::delete(tx, module, &ids)?;
    let mut removed = Vec::with_capacity(gone.len());
    let mut changes = Vec::with_capacity(gone.len());
    for (record, root) in gone {
        let rev = record.rev + 1;
        removed.push(Removed {
            record: record.id,
            rev,
            root,
            name: name(module, columns, &record),
            owner: user(columns, &record, system::OWNER),
            created_by: user(columns, &record, system::CREATED_BY),
            beside: beside.remove(&record.id),
        });
        let fields = columns.0.iter().map(|field| field.id);
        changes.push(changes::Change {
            record: record.id,
            rev,
            before: fields.zip(record.values).collect(),
        });
    }
    let deletion = Deletion {
        module: module.id,
        job: writing.job,
        by: writing.actor.user.id,
        at: writing.now,
    };
    deleted::insert(tx, deletion, removed)?;
    changes::insert(tx, writing.origin(ChangeKind::Delete), &changes)?;
    Ok(())
}

fn name(module: &Module, columns: &Columns<'_>, record: &Record) -> Option<String> {
    let field: &Field = module.name_field()?;
    let name = columns.value(record, &field.api_name).as_text();
    name.map(str::to_owned)
}

fn user(columns: &Columns<'_>, record: &Record, api_name: &str) -> Option<UserId> {
    columns.value(record, api_name).as_int().map(UserId)
}
