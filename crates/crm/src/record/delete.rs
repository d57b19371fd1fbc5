//! Deleting records: they go into the recycle bin, with what belongs to them.

use super::along::Along;
use super::back::Since;
use super::drift::Drift;
use super::reading::{Reading, Standing};
use super::ties;
use super::{Expected, Writing, keep};
use crate::judge::{Columns, Verdict, denied, held};
use crate::workflow::{self, Firing};
use jobs::{Difference, Forecast, Settled};
use model::access::Access;
use model::field::Field;
use model::id::{RecordId, UserId};
use model::job::Foreseen;
use model::module::{Module, system};
use model::refusal::Refusal;
use model::value::Value;
use model::workflow::Trigger;
use store::changes::{self, Cause, ChangeKind};
use store::deleted::{self, Deletion, Removed};
use store::events::Met;
use store::records::{self, Record};
use store::{Fault, Tx, beside};

/// Deletes records, and answers for each what happened, in order. Those that would take more along
/// than one transaction may are refused. Ids must differ.
pub fn delete(tx: &mut Tx, writing: Writing<'_>, ids: &[RecordId]) -> Result<Vec<Settled>, Fault> {
    let mut settled = delete_first(tx, writing, ids, Expected::default())?;
    let rest = ids.iter().skip(settled.len());
    let rest: Vec<Settled> = rest
        .map(|id| Settled::Failed(jobs::left_over(*id)))
        .collect();
    settled.extend(rest);
    Ok(settled)
}

/// Deletes the first of these records, as many as one transaction may, at least one, and answers for
/// each what happened, in order. Ids must differ.
pub(crate) fn delete_first(
    tx: &mut Tx,
    writing: Writing<'_>,
    ids: &[RecordId],
    expected: Expected<'_>,
) -> Result<Vec<Settled>, Fault> {
    let columns = Columns::all(writing.module);
    let Doomed {
        judged,
        along,
        mut reading,
    } = judge_deletion(tx, writing, &columns, ids, expected)?;
    let mut settled = Vec::with_capacity(ids.len());
    let mut gone = Vec::with_capacity(along.reach);
    for (id, judged) in ids.iter().zip(judged) {
        if judged.is_ok() {
            gone.extend(reading.remove(*id));
        }
        settled.push(judged.map_or_else(Settled::Failed, |()| Settled::Changed));
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

/// Says what [`delete_first`] would do, with the revision of each record now, and writes nothing.
pub(crate) fn foresee_deletion(
    tx: &mut Tx,
    writing: Writing<'_>,
    ids: &[RecordId],
    expected: Expected<'_>,
) -> Result<Vec<(i64, Forecast)>, Fault> {
    let mut columns = match expected.left_by {
        // Whether any value was changed since is asked of all of them.
        Some(_) => Columns::all(writing.module),
        None => Columns(writing.module.name_field().into_iter().collect()),
    };
    let firing = Firing::of(writing, Trigger::Delete)?;
    for field in firing.needs() {
        columns.add(Some(field));
    }
    let doomed = judge_deletion(tx, writing, &columns, ids, expected)?;
    let mut along = doomed.along.counts();
    let mut fires = doomed.along.fires(writing)?;
    let forecasts = ids.iter().zip(doomed.judged).map(|(id, judged)| {
        let mut difference = || {
            let standing = doomed.reading.standing(*id);
            let own = standing.map(|found| firing.by_deletion(&columns, &found.record));
            let own = own.into_iter().flatten();
            Forecast::Change(Difference {
                along: along.remove(id).unwrap_or_default(),
                fires: own.chain(fires.remove(id).into_iter().flatten()).collect(),
                ..Difference::default()
            })
        };
        let forecast = judged.map_or_else(Forecast::Refuse, |()| difference());
        (doomed.reading.rev(*id), forecast)
    });
    Ok(forecasts.collect())
}

/// Records that are to be deleted: the first of a set, as many as one transaction may.
struct Doomed<'a> {
    judged: Vec<Result<(), Refusal>>,
    along: Along<'a>,
    reading: Reading,
}

fn judge_deletion<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    columns: &Columns<'_>,
    ids: &[RecordId],
    expected: Expected<'_>,
) -> Result<Doomed<'a>, Fault> {
    records::lock_to_delete(tx, writing.module, ids)?;
    let reading = Reading::new(tx, writing, columns, ids, expected.within)?;
    let drift = Drift::read(tx, expected.targets, &reading)?;
    // What a plan says of a record is asked of it as far as it is known: first without what goes along.
    let strayed = |n: usize, record: &Record, judged: &Result<(), Refusal>| {
        let target = expected.target(n)?;
        target.foreseen?;
        let verdict = match judged {
            Ok(()) => Verdict::Change(all(columns)),
            Err(refusal) => Verdict::Refuse(refusal.clone()),
        };
        drift.check(target, columns, record, &verdict, &[])
    };
    let since = Since::read(tx, expected.left_by, &reading)?;
    let judge = |(n, id): (usize, &RecordId)| {
        let Standing { record, facts, .. } = reading.get(*id, expected.target(n))?;
        // A converted lead may be deleted; only what holds the record speaks against it.
        let refused = denied(record.id, facts, Access::Full);
        let judged = refused
            .or_else(|| held(record.id, &since.submitted_otherwise(record.id, facts)))
            .or_else(|| since.changed(writing, columns, record))
            .map_or(Ok(()), Err);
        let target = expected.target(n);
        let foreseen = target.is_some_and(|t| t.foreseen == Some(Foreseen::Change));
        if judged.is_ok() && !foreseen {
            return judged;
        }
        strayed(n, record, &judged).map_or(judged, Err)
    };
    let mut judged: Vec<Result<(), Refusal>> = ids.iter().enumerate().map(judge).collect();
    // What is refused anyway takes nothing along: it must not cost the others their turn.
    let free = ids.iter().zip(&judged).filter(|(_, judged)| judged.is_ok());
    let free: Vec<RecordId> = free.map(|(id, _)| *id).collect();
    let along = match expected.left_by {
        Some(deed) if deed.made => {
            let mut along = Along::none(free.len());
            along.keep(ties::of(tx, writing, deed, &free)?);
            along
        }
        Some(deed) => {
            let mut along = Along::of(tx, writing, &free)?;
            along.keep_strangers(tx, deed.job)?;
            along
        }
        None => Along::of(tx, writing, &free)?,
    };
    if let Some(first_left) = free.get(along.reach) {
        let visited = ids.iter().position(|id| id == first_left);
        judged.truncate(visited.unwrap_or(ids.len()));
    }
    for (n, (id, judged)) in ids.iter().zip(&mut judged).enumerate() {
        if judged.is_ok()
            && let Some(found) = reading.standing(*id)
        {
            let last = along.check(*id);
            *judged = strayed(n, &found.record, &last).map_or(last, Err);
        }
    }
    Ok(Doomed {
        judged,
        along,
        reading,
    })
}

/// All that a deletion takes away.
fn all<'a>(columns: &Columns<'a>) -> Vec<(&'a Field, Value)> {
    let fields = columns.0.iter();
    fields.map(|field| (*field, Value::Null)).collect()
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
    let firing = Firing::of(writing, Trigger::Delete)?;
    let mut met = Vec::new();
    let mut removed = Vec::with_capacity(gone.len());
    let mut changes = Vec::with_capacity(gone.len());
    for (record, root) in gone {
        let rev = record.rev + 1;
        if !firing.is_none() {
            met.push(Met {
                record: record.id,
                rev,
                rules: firing.by_deletion(columns, &record),
            });
        }
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
    keep(tx, writing, ChangeKind::Delete, &changes)?;
    workflow::leave(tx, writing, Trigger::Delete, &met)
}

fn name(module: &Module, columns: &Columns<'_>, record: &Record) -> Option<String> {
    let field: &Field = module.name_field()?;
    let name = columns.value(record, &field.api_name).as_text();
    name.map(str::to_owned)
}

fn user(columns: &Columns<'_>, record: &Record, api_name: &str) -> Option<UserId> {
    columns.value(record, api_name).as_int().map(UserId)
}
