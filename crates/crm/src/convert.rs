//! Conversion: a lead becomes a contact, an account and on demand a deal, or is found to be a contact
//! or an account that exists already (wire API 6, decision 40). Leads are judged in a set, in order,
//! and nothing is written before all that a lead becomes was judged: one that cannot be converted
//! leaves nothing behind and never stops the others.

mod became;
mod bring;
mod known;
mod lead;
mod options;
mod parts;

pub use became::{Became, Named, became};
pub use options::{Matched, Options, options};

use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::judge::{Columns, Judgement, denied, held, judge};
use crate::plan::{Difference, Forecast};
use crate::record::{
    self, Along, Drift, Expected, Judged, JudgedRecord, JudgedUpdate, Proposal, Purpose, Reading,
    Standing, Writing,
};
use crate::rules::{LayoutRules, Rules};
use jobs::Settled;
use known::By;
use lead::{Lead, Row, Ways};
use model::access::Access;
use model::conversion::{
    CONVERTED_ACCOUNT, CONVERTED_CONTACT, CONVERTED_DEAL, CONVERTED_TIME, Modules,
};
use model::field::FieldKind;
use model::id::{FieldId, RecordId, UserId};
use model::limits::CONVERSIONS_PER_CHUNK_MAX;
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use model::value::Value;
use parts::Parts;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use store::records::Record;
use store::{Error, Fault, Tx, conversions};

/// A value of the deal, with the type that its field had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealValue {
    /// The field.
    pub field: FieldId,
    /// What it held when the deal was asked for.
    pub kind: FieldKind,
    /// The value.
    pub value: Value,
}

/// What a conversion is to be like, the same for all its leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvertOptions {
    /// The contact that the lead is.
    #[serde(default)]
    pub contact: Option<RecordId>,
    /// The account of its company.
    #[serde(default)]
    pub account: Option<RecordId>,
    /// Contacts and accounts are looked for among those that exist.
    pub add_to_existing: bool,
    /// An account that exists gets the name of the lead's company.
    pub overwrite: bool,
    /// Who owns what is made; otherwise the lead's owner.
    pub owner: Option<UserId>,
    /// The deal that is made of each lead; none without.
    pub deal: Option<Vec<DealValue>>,
    /// The lead's owner is told.
    #[serde(default)]
    pub notify_lead_owner: bool,
    /// The owner of what is made is told.
    #[serde(default)]
    pub notify_new_owner: bool,
    /// By module, the lead's tags that what it becomes there gets: these, or all.
    #[serde(default)]
    pub tags: BTreeMap<String, Option<Vec<String>>>,
    /// The module whose record gets the lead's attachments.
    #[serde(default)]
    pub attachments_to: Option<String>,
    /// The modules of activities of the lead that get the new owner.
    #[serde(default)]
    pub related: Vec<String>,
}

impl Default for ConvertOptions {
    /// Nothing that was asked for: what exists is used, the rest is made.
    fn default() -> Self {
        Self {
            contact: None,
            account: None,
            add_to_existing: true,
            overwrite: false,
            owner: None,
            deal: None,
            notify_lead_owner: false,
            notify_new_owner: false,
            tags: BTreeMap::new(),
            attachments_to: None,
            related: Vec::new(),
        }
    }
}

/// Who converts which way.
#[derive(Clone, Copy)]
pub(crate) struct Conversion<'a> {
    /// The write of the leads.
    pub(crate) writing: Writing<'a>,
    /// The modules that it is about.
    pub(crate) modules: Modules<'a>,
    /// How.
    pub(crate) options: &'a ConvertOptions,
}

impl<'a> Conversion<'a> {
    /// Of the leads of this write.
    pub(crate) fn new(writing: Writing<'a>, options: &'a ConvertOptions) -> Result<Self, Refusal> {
        Ok(Self {
            writing,
            modules: modules(writing.actor)?,
            options,
        })
    }
}

/// The modules that conversion is about.
pub(crate) fn modules(actor: &Actor) -> Result<Modules<'_>, Refusal> {
    let gone = || Refusal::new(Code::InvalidModule).saying("the module was removed");
    Modules::of(&actor.catalog).ok_or_else(gone)
}

/// What a lead becomes, one part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    /// A new record.
    Made(RecordId),
    /// One that stands there, or that an earlier lead of the same job makes.
    Attached(RecordId, By<'a>),
}

impl Part<'_> {
    fn id(self) -> RecordId {
        match self {
            Self::Made(id) | Self::Attached(id, _) => id,
        }
    }
}

/// What a lead becomes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate<'a> {
    contact: Part<'a>,
    account: Option<Part<'a>>,
    deal: Option<Part<'a>>,
}

/// Leads that were judged: the first of a set, as many as one transaction may.
pub(crate) struct JudgedConversion<'a> {
    conversion: Conversion<'a>,
    records: Vec<JudgedRecord<Converted<'a>>>,
    parts: Parts<'a>,
    /// The activities that go along.
    along: Along<'a>,
}

/// How a lead changes.
struct Converted<'a> {
    /// What is written into it.
    proposal: Proposal<'a>,
    /// What it becomes.
    fate: Fate<'a>,
}

impl Judged for JudgedConversion<'_> {
    fn apply(self: Box<Self>, tx: &mut Tx) -> Result<Vec<Settled>, Fault> {
        let Self {
            conversion,
            records,
            parts,
            along,
        } = *self;
        parts.write(tx)?;
        let mut fates = Vec::with_capacity(records.len());
        let leads = records.into_iter().map(|one| {
            let JudgedRecord { id, rev, judgement } = one;
            let judgement = judgement.map(|converted| {
                fates.push((id, converted.fate));
                converted.proposal
            });
            JudgedRecord { id, rev, judgement }
        });
        let leads = JudgedUpdate {
            writing: conversion.writing,
            records: leads.collect(),
        };
        bring::along(tx, conversion, &fates, along)?;
        Box::new(leads).apply(tx)
    }

    fn tell(self: Box<Self>) -> Result<Vec<(i64, Forecast)>, Fault> {
        let conversion = self.conversion;
        self.parts.keep_in_mind();
        let told = self.records.into_iter().map(|one| {
            let difference =
                |Converted { proposal, fate }| difference(conversion, fate, proposal.difference());
            (one.rev, one.judgement.forecast(difference))
        });
        Ok(told.collect())
    }
}

/// What converting a lead would write and make. What would be new has no id yet.
fn difference(conversion: Conversion<'_>, fate: Fate<'_>, written: Difference) -> Difference {
    let modules = conversion.modules;
    let parts = [
        (modules.contacts, Some(fate.contact)),
        (modules.accounts, fate.account),
        (modules.deals, fate.deal),
    ];
    let mut difference = written;
    for (module, part) in parts {
        match part {
            Some(Part::Made(_)) => difference.makes.push(module.id),
            Some(Part::Attached(id, by)) if id.0 > 0 => {
                difference.attaches.push((module.id, by.word().to_owned()));
            }
            // What an earlier lead of the same plan makes.
            Some(Part::Attached(..)) | None => {}
        }
    }
    let known = |value: &Value| value.as_int().is_none_or(|id| id >= 0);
    difference.after.retain(|(_, value)| known(value));
    let after: HashSet<FieldId> = difference.after.iter().map(|(field, _)| *field).collect();
    difference.before.retain(|(field, _)| after.contains(field));
    difference
}

/// Judges the conversion of leads, in order, each with all that it becomes: of the first of them, as
/// many as one transaction may, at least one. Ids must differ. If they are to be written, contacts and
/// accounts that stand there are changed between one lead and the next, because the next may meet them.
pub(crate) fn judge_conversion<'a>(
    tx: &mut Tx,
    conversion: Conversion<'a>,
    ids: &[RecordId],
    expected: Expected<'_>,
    purpose: Purpose<'a>,
) -> Result<JudgedConversion<'a>, Fault> {
    let mut ids = ids;
    if purpose.writes() {
        // Two jobs that find no account of a company must not both make one.
        conversions::take_turn(tx)?;
        ids = ids.get(..CONVERSIONS_PER_CHUNK_MAX).unwrap_or(ids);
    }
    let Conversion {
        writing, modules, ..
    } = conversion;
    let columns = Columns::all(modules.leads);
    let rules = Rules::of(writing, LayoutRules::Silent)?;
    let ways = Ways::of(modules);
    let reading = Reading::new(tx, writing, &columns, ids, expected.within)?;
    let since_plan = Drift::read(tx, expected.targets, &reading)?;
    let leads = ids.iter().enumerate().map(|(n, id)| {
        let standing = reading.get(*id, expected.target(n))?;
        fixed(standing, &columns, Access::Write).map_or(Ok(()), Err)?;
        Lead::read(modules, &ways, &columns, &standing.record)
    });
    let mut leads: Vec<Result<Lead<'a>, Refusal>> = leads.collect();
    let free = leads.iter().filter_map(|lead| Some(lead.as_ref().ok()?.id));
    let free: Vec<RecordId> = free.collect();
    // What holds an activity keeps its lead from going by halves.
    let along = Along::of(tx, writing, &free)?;
    if let Some(first_left) = free.get(along.reach) {
        let visited = ids.iter().position(|id| id == first_left);
        leads.truncate(visited.unwrap_or(ids.len()));
    }
    for lead in &mut leads {
        let refused = lead
            .as_ref()
            .ok()
            .and_then(|lead| along.check(lead.id).err());
        if let Some(refusal) = refused {
            *lead = Err(refusal);
        }
    }
    let good: Vec<&Lead<'a>> = leads.iter().filter_map(|lead| lead.as_ref().ok()).collect();
    let mut parts = Parts::new(tx, conversion, &good, purpose)?;
    let read = ways.read();
    let mut records = Vec::with_capacity(ids.len());
    for (n, (id, lead)) in ids.iter().zip(&leads).enumerate() {
        let (id, rev, target) = (*id, reading.rev(*id), expected.target(n));
        let standing = match reading.get(id, target) {
            Ok(standing) => standing,
            Err(refusal) => {
                let judgement = Judgement::Refuse(refusal);
                records.push(JudgedRecord { id, rev, judgement });
                continue;
            }
        };
        let Standing { record, facts, .. } = standing;
        let draft = match lead {
            Ok(lead) => parts.judge(tx, lead)?,
            Err(refusal) => Err(refusal.clone()),
        };
        let mut judgement = match &draft {
            Ok(draft) => {
                let change = converted(conversion, draft.fate);
                judge(modules.leads, &columns, record, facts, &rules, &change)
            }
            Err(refusal) => Judgement::Refuse(refusal.clone()),
        };
        // What a plan saw of a lead is all that it becomes something of.
        let strayed = target.and_then(|target| {
            let fields = record::written(&judgement).chain(read.iter().copied());
            since_plan.check(target, &columns, record, judgement.word(), fields)
        });
        if let Some(refusal) = strayed {
            judgement = Judgement::Refuse(refusal);
        }
        let judgement = match (judgement, draft, lead) {
            (Judgement::Change(writes), Ok(draft), Ok(lead)) => {
                let fate = draft.fate;
                parts.keep(tx, lead, draft)?;
                // What a lead becomes is made or edited; the lead itself is neither.
                let proposal = Proposal::new(&columns, record, writes).in_blueprint(facts);
                Judgement::Change(Converted { proposal, fate })
            }
            (judgement, draft, _) => {
                if let Ok(draft) = &draft {
                    parts.release(draft);
                }
                let Judgement::Refuse(refusal) = judgement else {
                    let text = format!("converting lead {id} changes nothing of it");
                    return Err(Error::Inconsistent(text).into());
                };
                Judgement::Refuse(refusal)
            }
        };
        records.push(JudgedRecord { id, rev, judgement });
    }
    Ok(JudgedConversion {
        conversion,
        records,
        parts,
        along,
    })
}

/// Refuses a lead that cannot be converted now, whatever it would become, or with which the actor may
/// not do so much.
fn fixed(standing: &Standing, columns: &Columns<'_>, needed: Access) -> Option<Refusal> {
    let Standing { record, facts, .. } = standing;
    let id = record.id;
    lead::fixed(record, columns)
        .or_else(|| denied(id, facts, needed))
        .or_else(|| held(id, facts))
        .or_else(|| lead::in_process(id, facts))
}

/// The same of one lead that was read with all its fields.
pub(crate) fn open(leads: &Module, standing: Standing, needed: Access) -> Result<Record, Refusal> {
    let refused = fixed(&standing, &Columns::all(leads), needed);
    refused.map_or(Ok(standing.record), Err)
}

/// What is written into a converted lead.
fn converted(conversion: Conversion<'_>, fate: Fate<'_>) -> Change {
    let Conversion {
        writing, modules, ..
    } = conversion;
    let id = |part: Option<Part<'_>>| Value::from(part.map(|part| part.id().0));
    let values = [
        (system::CONVERTED, Value::Bool(true)),
        (CONVERTED_TIME, Value::Int(writing.now.0)),
        (CONVERTED_CONTACT, id(Some(fate.contact))),
        (CONVERTED_ACCOUNT, id(fate.account)),
        (CONVERTED_DEAL, id(fate.deal)),
    ];
    let writes = values.into_iter().filter_map(|(name, value)| {
        let field = modules.leads.field(name)?.id;
        let write = Write::Set(value);
        Some(FieldWrite { field, write })
    });
    Change(writes.collect())
}
