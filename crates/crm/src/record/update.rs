//! Changing records.

use super::adjustment::{Adjustment, Unadjusted};
use super::drift::Drift;
use super::judged::{Judged, JudgedRecord};
use super::reading::Reading;
use super::unique::Uniques;
use super::{Expected, Writing, keep};
use crate::approval;
use crate::blueprint;
use crate::change::Change;
use crate::judge::{Columns, Facts, Judgement, Writes, judge};
use crate::owner::Owners;
use crate::plan::{Difference, Forecast};
use crate::rules::{LayoutRules, Rules};
use crate::workflow::{self, Firing, Follows};
use jobs::Settled;
use model::field::Field;
use model::id::{FieldId, RecordId};
use model::refusal::Refusal;
use model::value::Value;
use model::workflow::Trigger;
use std::collections::HashMap;
use store::changes::{self, ChangeKind};
use store::events::Met;
use store::records::{self, Record};
use store::{Fault, Tx, blueprints};

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
    let rules = Rules::of(writing, layout_rules)?;
    let judged = judge_by(tx, writing, &rules, items, expected, &mut Unadjusted)?;
    Box::new(judged).apply(tx)
}

/// Judges changes of records, each by its own, in order. Ids must differ.
pub(crate) fn judge_update<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    items: &[(RecordId, &Change)],
    expected: Expected<'_>,
) -> Result<JudgedUpdate<'a>, Fault> {
    judge_adjusted_update(tx, writing, items, expected, &mut Unadjusted)
}

/// The same, where what happened to a record before may spare some of it.
pub(crate) fn judge_adjusted_update<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    items: &[(RecordId, &Change)],
    expected: Expected<'_>,
    adjustment: &mut impl Adjustment,
) -> Result<JudgedUpdate<'a>, Fault> {
    let rules = Rules::of(writing, LayoutRules::Silent)?;
    judge_by(tx, writing, &rules, items, expected, adjustment)
}

fn judge_by<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    rules: &Rules<'a>,
    items: &[(RecordId, &Change)],
    expected: Expected<'_>,
    adjustment: &mut impl Adjustment,
) -> Result<JudgedUpdate<'a>, Fault> {
    let Writing { module, .. } = writing;
    let changes = items.iter().map(|(_, change)| *change);
    let firing = Firing::of_edits(writing, changes.clone())?;
    let mut columns = Columns::for_changes(module, rules, changes);
    for field in firing.needs() {
        columns.add(Some(field));
    }
    let ids: Vec<RecordId> = items.iter().map(|(id, _)| *id).collect();
    let reading = Reading::new(tx, writing, &columns, &ids, expected.within)?;
    let drift = Drift::read(tx, expected.targets, &reading)?;
    adjustment.read(tx, &reading)?;
    let mut taken = Uniques::default();
    let mut owners = Owners::default();
    let mut records = Vec::with_capacity(items.len());
    for (n, (id, change)) in items.iter().enumerate() {
        let (id, rev, target) = (*id, reading.rev(*id), expected.target(n));
        let standing = match reading.get(id, target) {
            Ok(standing) => standing,
            Err(refusal) => {
                let judgement = Judgement::Refuse(refusal);
                records.push(JudgedRecord { id, rev, judgement });
                continue;
            }
        };
        let record = &standing.record;
        let adjusted = adjustment.change(module, &columns, standing, change);
        let (facts, change) = (&adjusted.facts, &adjusted.change);
        let judgement = judge(module, &columns, record, facts, rules, change);
        let mut judgement = adjusted.of_whole(judgement);
        if let Judgement::Change(writes) = &judgement {
            let unfit = owners.of_change(writing, writes);
            let refusal = match unfit {
                None => taken.check(tx, writing, Some(id), writes)?,
                unfit => unfit,
            };
            judgement = refusal.map_or(judgement, Judgement::Refuse);
        }
        // Asked of the last word, because that is what a plan foresees.
        let strayed = target.and_then(|target| {
            let written = written(&judgement).chain(adjusted.spared_fields());
            drift.check(target, &columns, record, judgement.word(), written)
        });
        if let Some(refusal) = strayed {
            if let Judgement::Change(writes) = &judgement {
                taken.release(writes);
            }
            judgement = Judgement::Refuse(refusal);
        }
        let judgement = judgement.map(|writes| Proposal {
            follows: firing.by_edit(&columns, record, &writes),
            withdrawn: adjusted.withdrawn,
            spared: adjusted.spared.into_refusal(),
            ..Proposal::new(&columns, record, writes).in_blueprint(&adjusted.facts)
        });
        records.push(JudgedRecord { id, rev, judgement });
    }
    Ok(JudgedUpdate { writing, records })
}

/// The fields that would be written.
pub(crate) fn written<'j, 'a>(
    judgement: &'j Judgement<Writes<'a>>,
) -> impl Iterator<Item = &'a Field> + use<'j, 'a> {
    let writes = match judgement {
        Judgement::Change(writes) => writes.as_slice(),
        Judgement::Unchanged | Judgement::Refuse(_) => &[],
    };
    writes.iter().map(|(field, _)| *field)
}

/// Changes of records that were judged.
pub(crate) struct JudgedUpdate<'a> {
    /// Who writes.
    pub(crate) writing: Writing<'a>,
    /// The records.
    pub(crate) records: Vec<JudgedRecord<Proposal<'a>>>,
}

impl Judged for JudgedUpdate<'_> {
    fn apply(self: Box<Self>, tx: &mut Tx) -> Result<Vec<Settled>, Fault> {
        let Self { writing, records } = *self;
        let mut settled = Vec::with_capacity(records.len());
        let mut batch = Batch::default();
        let mut free = Vec::new();
        let mut lapsed = Vec::new();
        let mut withdrawn = Vec::new();
        let mut entering = Vec::new();
        for JudgedRecord { id, judgement, .. } in records {
            settled.push(judgement.settled(|proposal| {
                if proposal.free {
                    free.push(id);
                }
                if proposal.lapsed {
                    lapsed.push(id);
                }
                if proposal.withdrawn {
                    withdrawn.push(id);
                }
                let process = proposal.follows.process;
                entering.extend(process.map(|process| (id, process)));
                let spared = batch.add(proposal);
                spared.map_or(Settled::Changed, Settled::ChangedInPart)
            }));
        }
        batch.write(tx, writing)?;
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

    fn tell(self: Box<Self>) -> Result<Vec<(i64, Forecast)>, Fault> {
        let records = self.records.into_iter();
        let told = records.map(|one| (one.rev, one.judgement.forecast(Proposal::difference)));
        Ok(told.collect())
    }
}

/// What is to be written into one record.
pub(crate) struct Proposal<'a> {
    writes: Writes<'a>,
    before: changes::Change,
    /// It is in no blueprint.
    free: bool,
    /// It is to be taken out of the blueprint that it is kept in.
    lapsed: bool,
    /// What of the change is not written.
    spared: Option<Refusal>,
    /// What it sets off.
    follows: Follows,
    /// It leaves the approval process that it waits in.
    withdrawn: bool,
}

impl<'a> Proposal<'a> {
    /// These writes into a record as it was read, from which nothing follows.
    pub(crate) fn new(columns: &Columns<'_>, record: &Record, writes: Writes<'a>) -> Self {
        Self {
            before: before(columns, record, &writes),
            writes,
            free: false,
            lapsed: false,
            spared: None,
            follows: Follows::default(),
            withdrawn: false,
        }
    }

    /// The same of a record that enters and leaves blueprints by it.
    pub(crate) fn in_blueprint(self, facts: &Facts) -> Self {
        Self {
            free: facts.blueprint.is_none(),
            lapsed: facts.lapsed,
            ..self
        }
    }

    /// What it would change.
    pub(crate) fn difference(self) -> Difference {
        let after = self
            .writes
            .into_iter()
            .map(|(field, value)| (field.id, value));
        Difference {
            before: self.before.before,
            after: after.collect(),
            refused: self.spared,
            fires: self.follows.rules,
            enters: self.follows.process,
            ..Difference::default()
        }
    }
}

/// The change that these writes are, with what stands there before it.
pub(super) fn before(
    columns: &Columns<'_>,
    record: &Record,
    writes: &[(&Field, Value)],
) -> changes::Change {
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

/// What a set of proposals writes: a few statements, one for each different set of fields.
#[derive(Default)]
pub(super) struct Batch<'a> {
    groups: HashMap<Vec<FieldId>, Group<'a>>,
    changes: Vec<changes::Change>,
    met: Vec<Met>,
}

impl<'a> Batch<'a> {
    /// Adds what is to be written, and answers what is not.
    pub(super) fn add(&mut self, proposal: Proposal<'a>) -> Option<Refusal> {
        let Proposal {
            writes,
            before,
            spared,
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
        spared
    }

    /// Writes all of it.
    pub(super) fn write(self, tx: &mut Tx, writing: Writing<'_>) -> Result<(), Fault> {
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
