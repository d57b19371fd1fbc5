//! Making, changing and deleting records, always in sets: one record is a set of one.

mod along;
mod back;
mod create;
mod delete;
mod drift;
mod heirs;
mod reading;
mod restore;
mod ties;
mod unique;

pub use along::Along;
pub(crate) use back::{Deed, Left};
pub(crate) use create::Newcomers;
pub use create::{create, create_by};
pub use delete::delete;
pub(crate) use delete::{delete_first, foresee_deletion};
pub use heirs::Heirs;
pub use restore::restore;
pub(crate) use restore::{foresee_return, restore_first};

use crate::actor::Actor;
use crate::approval;
use crate::blueprint;
use crate::change::Change;
use crate::judge::{Columns, Facts, Verdict, judge};
use crate::owner::Owners;
use crate::rules::{LayoutRules, Rules};
use crate::triggers::Triggers;
use crate::workflow::{self, Firing, Follows};
use back::Since;
use jobs::{Difference, Forecast, Settled};
use model::access::Access;
use model::field::Field;
use model::hold::HoldKind;
use model::id::{FieldId, JobId, RecordId, RuleId};
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use model::workflow::Trigger;
use std::collections::HashMap;
use store::changes::{self, Cause, ChangeKind, Origin};
use store::events::Met;
use store::records::{self, Filter, Record};
use store::targets::Target;
use store::{Fault, Tx, blueprints, effects};

pub(crate) use drift::Drift;
pub(crate) use reading::{Reading, Standing};
pub(crate) use unique::Uniques;

/// Who writes what for which reason: the same for all records of a set.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// Records of which module.
    pub module: &'a Module,
    /// Why.
    pub cause: Cause,
    /// Through which job; of a rule's effect, the job whose write led to it.
    pub job: Option<JobId>,
    /// The workflow rules whose effects led here, the first one first: the last one makes this write.
    /// None when a person or a program does.
    pub rules: &'a [RuleId],
    /// So many of those rules, the first ones, led to the records being made.
    pub made: usize,
    /// When.
    pub now: Timestamp,
    /// What follows by itself.
    pub triggers: Triggers,
}

impl<'a> Writing<'a> {
    /// A write that somebody asks for, from which everything follows.
    pub fn of(actor: &'a Actor, module: &'a Module, cause: Cause, now: Timestamp) -> Self {
        Self {
            actor,
            module,
            cause,
            job: None,
            rules: &[],
            made: 0,
            now,
            triggers: Triggers::ALL,
        }
    }

    fn origin(&self, kind: ChangeKind) -> Origin {
        Origin {
            module: self.module.id,
            kind,
            cause: self.cause,
            // What automation does because of a job is not the job's own work.
            job: self.job.filter(|_| self.rules.is_empty()),
            rule: self.rules.last().copied(),
            actor: self.actor.user.id,
            at: self.now,
        }
    }

    /// Modified_By and Modified_Time of this write.
    pub(crate) fn stamp(&self) -> Vec<(&'a Field, Value)> {
        [
            (system::MODIFIED_BY, Value::Int(self.actor.user.id.0)),
            (system::MODIFIED_TIME, Value::Int(self.now.0)),
        ]
        .into_iter()
        .filter_map(|(name, value)| self.module.field(name).map(|field| (field, value)))
        .collect()
    }
}

/// The refusal of an id that names no record of the module (wire API 1.6).
pub fn unknown_id(id: &str) -> Refusal {
    Refusal::new(Code::InvalidData)
        .saying("the id given seems to be invalid")
        .with("id", id)
}

/// One record with all its values and what decides about it, locked; `None` when it is not there or
/// not shown to the actor.
pub(crate) fn one(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
) -> Result<Option<Standing>, Fault> {
    let columns = Columns::all(writing.module);
    Ok(Reading::new(tx, writing, &columns, &[id], None)?.take(id))
}

/// The same without keeping others from changing it.
pub(crate) fn seen(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
) -> Result<Option<Standing>, Fault> {
    let columns = Columns::all(writing.module);
    Ok(Reading::unlocked(tx, writing, &columns, id)?.take(id))
}

/// Records of a set with the values of these columns and what decides about each, locked; those that
/// are not there or not shown to the actor are left out.
pub(crate) fn each(
    tx: &mut Tx,
    writing: Writing<'_>,
    columns: &Columns<'_>,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, Standing>, Fault> {
    let mut reading = Reading::new(tx, writing, columns, ids, None)?;
    let found = ids.iter().filter_map(|id| {
        let standing = reading.remove(*id)?;
        (standing.facts.access > Access::None).then_some((*id, standing))
    });
    Ok(found.collect())
}

/// How a set's records are expected to be found.
#[derive(Clone, Copy, Default)]
pub struct Expected<'a> {
    /// Still passing this; those that do not are refused as having left the selection.
    pub within: Option<&'a Filter>,
    /// As a plan saw them: the targets, record by record as the set has them. None is no plan.
    pub targets: &'a [Target],
    /// As a job left them: what was changed since is kept.
    pub(crate) left_by: Option<&'a Deed>,
}

impl<'a> Expected<'a> {
    /// Records of a selection, which must still pass it.
    pub fn within(filter: Option<&'a Filter>) -> Self {
        Self {
            within: filter,
            ..Self::default()
        }
    }

    /// What a plan saw of the record at this place.
    pub(crate) fn target(&self, n: usize) -> Option<&'a Target> {
        self.targets.get(n)
    }
}

/// Changes records, each by its own change, and answers for each what happened, in order. Ids must
/// differ.
pub fn update(
    tx: &mut Tx,
    writing: Writing<'_>,
    items: &[(RecordId, &Change)],
    expected: Expected<'_>,
) -> Result<Vec<Settled>, Fault> {
    update_by(tx, writing, items, expected, LayoutRules::Silent)
}

/// The same, where layout rules may bind.
pub fn update_by(
    tx: &mut Tx,
    writing: Writing<'_>,
    items: &[(RecordId, &Change)],
    expected: Expected<'_>,
    layout_rules: LayoutRules,
) -> Result<Vec<Settled>, Fault> {
    let judged = judge_all(tx, writing, items, expected, layout_rules)?;
    settle(tx, writing, judged.into_iter().map(|(_, judged)| judged))
}

/// Writes what was judged, and answers for each record what happened, in order.
pub(crate) fn settle<'a>(
    tx: &mut Tx,
    writing: Writing<'_>,
    judged: impl IntoIterator<Item = Judged<'a>>,
) -> Result<Vec<Settled>, Fault> {
    let mut settled = Vec::new();
    let mut plan = Plan::default();
    let mut free = Vec::new();
    let mut lapsed = Vec::new();
    let mut withdrawn = Vec::new();
    let mut entering = Vec::new();
    for judged in judged {
        settled.push(match judged {
            Judged::Refuse(refusal) => Settled::Failed(refusal),
            Judged::Unchanged => Settled::Unchanged,
            Judged::Change(proposal) => {
                if proposal.free {
                    free.push(proposal.before.record);
                }
                if proposal.lapsed {
                    lapsed.push(proposal.before.record);
                }
                if proposal.withdrawn {
                    withdrawn.push(proposal.before.record);
                }
                let process = proposal.follows.process;
                entering.extend(process.map(|process| (proposal.before.record, process)));
                let kept = plan.add(proposal);
                kept.map_or(Settled::Changed, Settled::ChangedInPart)
            }
        });
    }
    plan.apply(tx, writing)?;
    approval::leave(tx, &withdrawn)?;
    approval::enter(tx, writing, &entering)?;
    if !lapsed.is_empty() {
        blueprints::delete_of(tx, &lapsed)?;
    }
    if writing.triggers.blueprint {
        blueprint::enter(tx, writing, &free)?;
    }
    Ok(settled)
}

/// Says what [`update`] would do, with the revision of each record now, and writes nothing.
pub(crate) fn foresee(
    tx: &mut Tx,
    writing: Writing<'_>,
    items: &[(RecordId, &Change)],
    expected: Expected<'_>,
) -> Result<Vec<(i64, Forecast)>, Fault> {
    let judged = judge_all(tx, writing, items, expected, LayoutRules::Silent)?;
    let judged = judged.into_iter();
    Ok(judged
        .map(|(rev, judged)| (rev, judged.forecast()))
        .collect())
}

/// What is to happen to one record.
pub(crate) enum Judged<'a> {
    /// This is written.
    Change(Proposal<'a>),
    /// It already is as wanted.
    Unchanged,
    /// It is left as it is.
    Refuse(Refusal),
}

impl<'a> Judged<'a> {
    /// A change of these fields of a record as it was read.
    pub(crate) fn change(
        columns: &Columns<'_>,
        record: &Record,
        facts: &Facts,
        writes: Vec<(&'a Field, Value)>,
    ) -> Self {
        Self::Change(Proposal {
            before: before(columns, record, &writes),
            writes,
            free: facts.blueprint.is_none(),
            lapsed: facts.lapsed,
            kept: None,
            // What a lead becomes is made or edited; the lead itself is neither.
            follows: Follows::default(),
            withdrawn: false,
        })
    }

    /// The same as what would happen.
    pub(crate) fn forecast(self) -> Forecast {
        match self {
            Self::Refuse(refusal) => Forecast::Refuse(refusal),
            Self::Unchanged => Forecast::Unchanged,
            Self::Change(Proposal {
                writes,
                before,
                kept,
                follows,
                ..
            }) => {
                let after = writes.into_iter().map(|(field, value)| (field.id, value));
                Forecast::Change(Difference {
                    before: before.before,
                    after: after.collect(),
                    refused: kept,
                    fires: follows.rules,
                    enters: follows.process,
                    ..Difference::default()
                })
            }
        }
    }
}

/// What is to be written into one record.
pub(crate) struct Proposal<'a> {
    writes: Vec<(&'a Field, Value)>,
    before: changes::Change,
    /// It is in no blueprint.
    free: bool,
    /// It is to be taken out of the blueprint that it is kept in.
    lapsed: bool,
    /// What of the change is not written.
    kept: Option<Refusal>,
    /// What it sets off.
    follows: Follows,
    /// It leaves the approval process that it waits in.
    withdrawn: bool,
}

/// Judges records, each by its own change, in order, with the revision of each; 0 where there is no
/// record.
fn judge_all<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    items: &[(RecordId, &Change)],
    expected: Expected<'_>,
    layout_rules: LayoutRules,
) -> Result<Vec<(i64, Judged<'a>)>, Fault> {
    let Writing { module, .. } = writing;
    let rules = Rules::of(writing, layout_rules)?;
    let changes = items.iter().map(|(_, change)| *change);
    let firing = Firing::of_edits(writing, changes.clone())?;
    let mut columns = Columns::for_changes(module, &rules, changes);
    for field in firing.needs() {
        columns.add(Some(field));
    }
    let ids: Vec<RecordId> = items.iter().map(|(id, _)| *id).collect();
    let reading = Reading::new(tx, writing, &columns, &ids, expected.within)?;
    let drift = Drift::read(tx, expected.targets, &reading)?;
    let since = Since::read(tx, expected.left_by, &reading)?;
    let mut taken = Uniques::default();
    let mut owners = Owners::default();
    let mut judged = Vec::with_capacity(items.len());
    for (n, (id, change)) in items.iter().enumerate() {
        let (rev, target) = (reading.rev(*id), expected.target(n));
        let standing = match reading.get(*id, target) {
            Ok(standing) => standing,
            Err(refusal) => {
                judged.push((rev, Judged::Refuse(refusal)));
                continue;
            }
        };
        let Standing { record, facts, .. } = standing;
        let wanted = change;
        let (change, stray) = since.part(&columns, record, change);
        let kept = since.refusal(*id, &stray);
        // Where something strayed, not all that is to be approved goes away: it waits on.
        let whole = stray.is_empty();
        let facts = since.facts(module, &columns, record, (facts, &change, whole));
        let mut verdict = judge(module, &columns, record, &facts, &rules, &change);
        let whole = back::is_whole(module, wanted, &stray);
        if let Some(refusal) = kept.as_ref()
            && (whole || matches!(verdict, Verdict::Unchanged))
        {
            verdict = Verdict::Refuse(refusal.clone());
        }
        if let Verdict::Change(writes) = &verdict {
            let unfit = owners.of_change(writing, writes);
            let refusal = match unfit {
                None => taken.check(tx, writing, Some(*id), writes)?,
                unfit => unfit,
            };
            verdict = refusal.map_or(verdict, Verdict::Refuse);
        }
        // Asked of the last word, because that is what a plan foresees.
        let strayed =
            target.and_then(|target| drift.check(target, &columns, record, &verdict, &stray));
        if let Some(refusal) = strayed {
            if let Verdict::Change(writes) = &verdict {
                taken.release(writes);
            }
            verdict = Verdict::Refuse(refusal);
        }
        let one = match verdict {
            Verdict::Refuse(refusal) => Judged::Refuse(refusal),
            Verdict::Unchanged => Judged::Unchanged,
            Verdict::Change(writes) => Judged::Change(Proposal {
                before: before(&columns, record, &writes),
                follows: firing.by_edit(&columns, record, &writes),
                withdrawn: standing.facts.submitted_by.is_some()
                    && !facts.holds.contains(&HoldKind::Approval),
                writes,
                free: facts.blueprint.is_none(),
                lapsed: facts.lapsed,
                kept,
            }),
        };
        judged.push((rev, one));
    }
    Ok(judged)
}

/// The change that these writes are, with what stands there before it.
fn before(columns: &Columns<'_>, record: &Record, writes: &[(&Field, Value)]) -> changes::Change {
    let value = |field: &Field| columns.value(record, &field.api_name).clone();
    let before = writes.iter().map(|(field, _)| (field.id, value(field)));
    changes::Change {
        record: record.id,
        rev: record.rev + 1,
        before: before.collect(),
    }
}

/// Records that get values of the same fields.
struct Group<'a> {
    fields: Vec<&'a Field>,
    rows: Vec<(RecordId, Vec<Value>)>,
    /// The values of all are equal.
    alike: bool,
}

/// What a set of verdicts writes: a few statements, one for each different set of fields.
#[derive(Default)]
struct Plan<'a> {
    groups: HashMap<Vec<FieldId>, Group<'a>>,
    changes: Vec<changes::Change>,
    met: Vec<Met>,
}

impl<'a> Plan<'a> {
    /// Adds what is to be written, and answers what is not.
    fn add(&mut self, proposal: Proposal<'a>) -> Option<Refusal> {
        let Proposal {
            writes,
            before,
            kept,
            follows,
            ..
        } = proposal;
        let record = before.record;
        if !follows.rules.is_empty() {
            self.met.push(Met {
                record,
                rev: before.rev,
                rules: follows.rules,
            });
        }
        self.changes.push(before);
        let (fields, values): (Vec<&Field>, Vec<Value>) = writes.into_iter().unzip();
        let key = fields.iter().map(|field| field.id).collect();
        let group = self.groups.entry(key).or_insert_with(|| Group {
            fields,
            rows: Vec::new(),
            alike: true,
        });
        let first = group.rows.first();
        group.alike &= first.is_none_or(|(_, first)| *first == values);
        group.rows.push((record, values));
        kept
    }

    fn apply(self, tx: &mut Tx, writing: Writing<'_>) -> Result<(), Fault> {
        let module = writing.module;
        for Group {
            fields,
            mut rows,
            alike,
        } in self.groups.into_values()
        {
            let stamp = writing.stamp();
            if !alike {
                records::update_each(tx, module, &fields, rows, &stamp)?;
                continue;
            }
            let ids: Vec<RecordId> = rows.iter().map(|(id, _)| *id).collect();
            let values = rows.pop().map(|(_, values)| values).unwrap_or_default();
            let values = fields.into_iter().zip(values);
            let values: Vec<(&Field, Value)> = values.chain(stamp).collect();
            records::update(tx, module, &ids, &values)?;
        }
        keep(tx, writing, ChangeKind::Update, &self.changes)?;
        workflow::leave(tx, writing, Trigger::Edit, &self.met)
    }
}

/// Stores changes; what a rule changed because of a job's writes is also noted with the job.
fn keep(
    tx: &mut Tx,
    writing: Writing<'_>,
    kind: ChangeKind,
    changes: &[changes::Change],
) -> Result<(), Fault> {
    changes::insert(tx, writing.origin(kind), changes)?;
    if let (Some(rule), Some(job)) = (writing.rules.last(), writing.job) {
        let records: Vec<_> = changes.iter().map(|c| (c.record, c.rev)).collect();
        effects::note(tx, job, *rule, &records)?;
    }
    Ok(())
}

/// Raises the revision of records because something beside their values changed that decides about
/// them, and stores that as a change.
pub(crate) fn touch(
    tx: &mut Tx,
    writing: Writing<'_>,
    record: &Record,
    values: &[(&Field, Value)],
) -> Result<(), Fault> {
    let change = before(&Columns::all(writing.module), record, values);
    records::update(tx, writing.module, &[record.id], values)?;
    keep(tx, writing, ChangeKind::Update, &[change])
}

/// Raises the revisions of records because something beside their values changed, and stores a change
/// for each.
pub(crate) fn raise(tx: &mut Tx, writing: Writing<'_>, ids: &[RecordId]) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    let change = |found: Record| changes::Change {
        record: found.id,
        rev: found.rev + 1,
        before: Vec::new(),
    };
    let found = records::lock(tx, writing.module, &[], ids)?;
    let changes: Vec<changes::Change> = found.into_iter().map(change).collect();
    records::update(tx, writing.module, ids, &[])?;
    Ok(changes::insert(
        tx,
        writing.origin(ChangeKind::Update),
        &changes,
    )?)
}
