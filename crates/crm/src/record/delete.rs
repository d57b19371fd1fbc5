//! Deleting records: they go into the recycle bin, with what belongs to them.

use super::adjustment::{Adjustment, Unadjusted};
use super::along::Along;
use super::drift::Drift;
use super::judged::{Judged, JudgedRecord, Purpose};
use super::reading::Reading;
use super::{Expected, Writing, keep};
use crate::judge::{Columns, Judgement, denied, held};
use crate::plan::{Difference, Forecast};
use crate::workflow::{self, Firing};
use jobs::Settled;
use model::access::Access;
use model::field::Field;
use model::id::{RecordId, UserId};
use model::job::Foreseen;
use model::module::{Module, system};
use model::workflow::Trigger;
use store::changes::{self, Cause, ChangeKind};
use store::deleted::{self, Deletion, Removed};
use store::events::Met;
use store::records::{self, Record};
use store::{Fault, Tx, beside};

/// Deletes records, and answers for each what happened, in order. Those that would take more along
/// than one transaction may are refused. Ids must differ.
pub fn delete(tx: &mut Tx, writing: Writing<'_>, ids: &[RecordId]) -> Result<Vec<Settled>, Fault> {
    let judged = judge_deletion(tx, writing, ids, Expected::default(), Purpose::Write)?;
    let mut settled = Box::new(judged).apply(tx)?;
    let rest = ids.iter().skip(settled.len());
    let rest: Vec<Settled> = rest
        .map(|id| Settled::Failed(jobs::left_over(*id)))
        .collect();
    settled.extend(rest);
    Ok(settled)
}

/// Judges the deletion of the first of these records, as many as one transaction may, at least one.
/// Ids must differ.
pub(crate) fn judge_deletion<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    ids: &[RecordId],
    expected: Expected<'_>,
    purpose: Purpose<'a>,
) -> Result<JudgedDeletion<'a>, Fault> {
    judge_adjusted_deletion(tx, writing, ids, expected, purpose, &mut Unadjusted)
}

/// The same, where what happened to a record before may spare it.
pub(crate) fn judge_adjusted_deletion<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    ids: &[RecordId],
    expected: Expected<'_>,
    purpose: Purpose<'a>,
    adjustment: &mut impl Adjustment,
) -> Result<JudgedDeletion<'a>, Fault> {
    records::lock_to_delete(tx, writing.module, ids)?;
    let columns = if purpose.writes() {
        // All of it goes into the bin.
        Columns::all(writing.module)
    } else {
        let mut columns = Columns(adjustment.needs(writing.module).iter().collect());
        for field in Firing::of(writing, Trigger::Delete)?.needs() {
            columns.add(Some(field));
        }
        columns
    };
    let reading = Reading::new(tx, writing, &columns, ids, expected.within)?;
    let drift = Drift::read(tx, expected.targets, &reading)?;
    adjustment.read(tx, &reading)?;
    // What a plan says of a record is asked of it as far as it is known: first without what goes along.
    let as_planned = |n: usize, record: &Record, judgement: Judgement<()>| {
        let target = expected.target(n);
        let fields = || columns.0.iter().copied();
        let now = judgement.word();
        let strayed = target.and_then(|t| drift.check(t, &columns, record, now, fields()));
        strayed.map_or(judgement, Judgement::Refuse)
    };
    let judge = |(n, id): (usize, &RecordId)| {
        let target = expected.target(n);
        let standing = match reading.get(*id, target) {
            Ok(standing) => standing,
            Err(refusal) => return adjustment.missing(refusal),
        };
        let (record, facts) = (&standing.record, adjustment.deletion(standing));
        // A converted lead may be deleted; only what holds the record speaks against it.
        let refused = denied(record.id, &facts, Access::Full)
            .or_else(|| held(record.id, &facts))
            .or_else(|| adjustment.spare(writing, &columns, record));
        let judgement = Judgement::unless(refused, ());
        let foreseen = target.is_some_and(|t| t.foreseen == Some(Foreseen::Change));
        if judgement.is_change() && !foreseen {
            return judgement;
        }
        as_planned(n, record, judgement)
    };
    let mut judgements: Vec<Judgement<()>> = ids.iter().enumerate().map(judge).collect();
    // What is refused anyway takes nothing along: it must not cost the others their turn.
    let free = ids.iter().zip(&judgements);
    let free = free.filter(|(_, judgement)| judgement.is_change());
    let free: Vec<RecordId> = free.map(|(id, _)| *id).collect();
    let along = adjustment.along(tx, writing, &free, &purpose)?;
    if let Some(first_left) = free.get(along.reach) {
        let visited = ids.iter().position(|id| id == first_left);
        judgements.truncate(visited.unwrap_or(ids.len()));
    }
    let whole = ids.iter().zip(judgements).enumerate();
    let whole = whole.map(|(n, (id, judgement))| {
        let judgement = match reading.standing(*id) {
            Some(found) if judgement.is_change() => {
                let refused = along.check(*id).err();
                as_planned(n, &found.record, Judgement::unless(refused, ()))
            }
            _ => judgement,
        };
        let (id, rev) = (*id, reading.rev(*id));
        JudgedRecord { id, rev, judgement }
    });
    Ok(JudgedDeletion {
        writing,
        records: whole.collect(),
        columns,
        along,
        reading,
        purpose,
    })
}

/// Deletions of records that were judged.
pub(crate) struct JudgedDeletion<'a> {
    writing: Writing<'a>,
    records: Vec<JudgedRecord<()>>,
    columns: Columns<'a>,
    along: Along<'a>,
    reading: Reading,
    purpose: Purpose<'a>,
}

impl Judged for JudgedDeletion<'_> {
    fn apply(self: Box<Self>, tx: &mut Tx) -> Result<Vec<Settled>, Fault> {
        let Self {
            writing,
            records,
            columns,
            along,
            mut reading,
            purpose,
        } = *self;
        purpose.must_write()?;
        let mut settled = Vec::with_capacity(records.len());
        let mut roots = Vec::with_capacity(records.len());
        let mut gone = Vec::with_capacity(records.len());
        for JudgedRecord { id, judgement, .. } in records {
            settled.push(judgement.settled(|()| {
                let found = reading.remove(id);
                gone.extend(found.map(|standing| (standing.record, id)));
                roots.push(id);
                Settled::Changed
            }));
        }
        remove(tx, writing, &columns, gone)?;
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

    fn tell(self: Box<Self>) -> Result<Vec<(i64, Forecast)>, Fault> {
        let firing = Firing::of(self.writing, Trigger::Delete)?;
        let mut along = self.along.counts();
        let mut fires = self.along.fires(self.writing)?;
        let told = self.records.into_iter().map(|one| {
            let forecast = one.judgement.forecast(|()| {
                let standing = self.reading.standing(one.id);
                let own = standing.map(|found| firing.by_deletion(&self.columns, &found.record));
                let own = own.into_iter().flatten();
                let others = fires.remove(&one.id).into_iter().flatten();
                Difference {
                    along: along.remove(&one.id).unwrap_or_default(),
                    fires: own.chain(others).collect(),
                    ..Difference::default()
                }
            });
            (one.rev, forecast)
        });
        Ok(told.collect())
    }
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
