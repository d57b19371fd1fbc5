//! What a plan says: of each record what would happen to it, and all of them in sum.

use crate::judge::Judgement;
use model::id::{FieldId, ModuleId, ProcessId, RecordId, RuleId};
use model::limits::{PLAN_REASONS_MAX, PLAN_SAMPLE_BYTES_MAX, PLAN_SAMPLE_MAX};
use model::refusal::Refusal;
use model::value::Value;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use store::plans::Plan;
use store::{Error, Fault};

/// What would happen to one record.
pub(crate) type Forecast = Judgement<Difference>;

/// What a change would write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Values that stand there, by field.
    pub before: Vec<(FieldId, Value)>,
    /// Values that would stand there.
    pub after: Vec<(FieldId, Value)>,
    /// A part that would be refused all the same.
    pub refused: Option<Refusal>,
    /// How many records of which module would be deleted along.
    pub along: Vec<(ModuleId, i64)>,
    /// The modules of records that would be made of it.
    pub makes: Vec<ModuleId>,
    /// The modules of records that exist and that it would become, and by what each was found.
    pub attaches: Vec<(ModuleId, String)>,
    /// The workflow rules that would fire, one as often as it would.
    pub fires: Vec<RuleId>,
    /// The approval process that it would enter.
    pub enters: Option<ProcessId>,
}

/// What was foreseen, in sum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Records that would change.
    pub change: i64,
    /// Records that already are as wanted.
    pub unchanged: i64,
    /// Records that would be refused.
    pub refused: i64,
    /// Why, the most frequent reason first.
    pub reasons: Vec<Reason>,
    /// Why a part of a record that would change would be left as it is.
    pub in_part: Vec<Reason>,
    /// How many records of which module would be deleted along.
    pub along: BTreeMap<ModuleId, i64>,
    /// How many records of which module would be made.
    #[serde(default)]
    pub makes: BTreeMap<ModuleId, i64>,
    /// How many records would become one that exists, by the module of that one and by what it was
    /// found.
    #[serde(default)]
    pub attaches: Vec<(ModuleId, String, i64)>,
    /// How often which workflow rule would fire.
    #[serde(default)]
    pub fires: BTreeMap<RuleId, i64>,
    /// How many records would enter which approval process.
    #[serde(default)]
    pub enters: BTreeMap<ProcessId, i64>,
    /// Some of the records that would change.
    pub sample: Vec<Example>,
    /// Bytes of the sample's values.
    #[serde(skip)]
    sampled: usize,
}

/// Records that would be refused for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The code.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// How many records.
    pub count: i64,
    /// Some of them.
    pub sample: Vec<RecordId>,
}

/// What would be written into one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The record.
    pub record: RecordId,
    /// Values that stand there, by field.
    pub before: Vec<(FieldId, Value)>,
    /// Values that would stand there.
    pub after: Vec<(FieldId, Value)>,
}

impl Summary {
    /// What a plan keeps of it.
    pub fn of(plan: &Plan) -> Result<Self, Fault> {
        Self::parse(&plan.summary)
    }

    /// Reads what a plan keeps of it.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        serde_json::from_str(text)
            .map_err(|error| Error::Inconsistent(format!("the summary of a plan: {error}")).into())
    }

    /// As a plan keeps it.
    pub(crate) fn encode(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(|error| {
            Error::Inconsistent(format!("a summary has no JSON form: {error}")).into()
        })
    }

    /// How many records were selected.
    pub fn total(&self) -> i64 {
        self.change + self.unchanged + self.refused
    }

    pub(crate) fn add(&mut self, record: RecordId, forecast: Forecast) {
        match forecast {
            Forecast::Unchanged => self.unchanged += 1,
            Forecast::Refuse(refusal) => {
                self.refused += 1;
                note(&mut self.reasons, record, &refusal);
            }
            Forecast::Change(difference) => {
                self.change += 1;
                if let Some(refusal) = &difference.refused {
                    note(&mut self.in_part, record, refusal);
                }
                for (module, count) in &difference.along {
                    *self.along.entry(*module).or_default() += count;
                }
                if let Some(process) = difference.enters {
                    *self.enters.entry(process).or_default() += 1;
                }
                for module in &difference.makes {
                    *self.makes.entry(*module).or_default() += 1;
                }
                for (module, by) in &difference.attaches {
                    let mut known = self.attaches.iter_mut();
                    match known.find(|(m, b, _)| m == module && b == by) {
                        Some((_, _, count)) => *count += 1,
                        None => self.attaches.push((*module, by.clone(), 1)),
                    }
                }
                for rule in &difference.fires {
                    *self.fires.entry(*rule).or_default() += 1;
                }
                self.show(record, difference);
            }
        }
    }

    fn show(&mut self, record: RecordId, difference: Difference) {
        if self.sample.len() >= PLAN_SAMPLE_MAX {
            return;
        }
        let Difference { before, after, .. } = difference;
        let values = before.iter().chain(&after);
        let texts = values.filter_map(|(_, value)| value.as_text());
        let bytes: usize = texts.map(str::len).sum();
        if self.sampled + bytes > PLAN_SAMPLE_BYTES_MAX {
            return;
        }
        self.sampled += bytes;
        self.sample.push(Example {
            record,
            before,
            after,
        });
    }

    /// The same with the most frequent reasons first.
    pub(crate) fn sorted(mut self) -> Self {
        for reasons in [&mut self.reasons, &mut self.in_part] {
            reasons.sort_by_key(|reason| Reverse(reason.count));
        }
        self
    }
}

/// Counts a refusal under its code and sentence. An org's rules have sentences of their own; past a
/// number of them, further ones go under their code's usual sentence.
fn note(reasons: &mut Vec<Reason>, record: RecordId, refusal: &Refusal) {
    let code = refusal.code.as_str();
    let place = |reasons: &[Reason], message: &str| {
        let mut all = reasons.iter();
        all.position(|reason| reason.code == code && reason.message == message)
    };
    let mut message = refusal.message.as_ref();
    let mut found = place(reasons, message);
    if found.is_none() && reasons.len() >= PLAN_REASONS_MAX {
        message = refusal.code.message();
        found = place(reasons, message);
    }
    match found.and_then(|n| reasons.get_mut(n)) {
        Some(reason) => {
            reason.count += 1;
            if reason.sample.len() < PLAN_SAMPLE_MAX {
                reason.sample.push(record);
            }
        }
        None => reasons.push(Reason {
            code: code.to_owned(),
            message: message.to_owned(),
            count: 1,
            sample: vec![record],
        }),
    }
}
