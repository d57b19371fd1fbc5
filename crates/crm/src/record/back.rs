//! Which values of records still are as a job left them: an undo puts back only those (DESIGN 6).

use super::Writing;
use super::reading::Reading;
use crate::change::Change;
use crate::history::History;
use crate::judge::{Columns, Facts};
use model::conversion::{CONVERTED_ACCOUNT, CONVERTED_CONTACT, CONVERTED_DEAL, CONVERTED_TIME};
use model::field::Field;
use model::hold::HoldKind;
use model::id::{FieldId, JobId, RecordId};
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use std::borrow::Cow;
use std::collections::HashMap;
use store::changes::{ChangeKind, Past};
use store::records::Record;
use store::{Fault, Tx, deeds};

/// What an undo knows of the job whose work it puts back.
pub(crate) struct Deed {
    /// The job.
    pub(crate) job: JobId,
    /// How it left each record.
    pub(crate) left: HashMap<RecordId, Left>,
    /// It made the records: they are deleted only if nobody built on them.
    pub(crate) made: bool,
    /// It is only foreseen: the rest of what the job did is taken for put back.
    pub(crate) dry: bool,
}

/// How a job left a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Left {
    /// The revisions that it made, oldest first.
    pub(crate) revs: Vec<i64>,
    /// At which of them it left a field.
    pub(crate) fields: HashMap<FieldId, i64>,
    /// The same of all others.
    pub(crate) rest: i64,
    /// So many fields that it wrote are gone, or hold values of another type now.
    pub(crate) gone: usize,
}

impl Left {
    fn first(&self) -> i64 {
        self.revs.first().copied().unwrap_or_default()
    }

    /// The last revision that it made.
    pub(super) fn last(&self) -> i64 {
        self.revs.last().copied().unwrap_or_default()
    }

    /// The revision at which it left a field.
    fn of(&self, field: FieldId) -> i64 {
        self.fields.get(&field).copied().unwrap_or(self.rest)
    }
}

/// What happened to records since a job left them; without a job, nothing is asked.
pub(super) struct Since<'a> {
    deed: Option<&'a Deed>,
    history: History,
    /// Which of the jobs that changed them since undo which job.
    undos: HashMap<JobId, JobId>,
}

/// What says of a lead what it became.
const CONVERSION: [&str; 5] = [
    system::CONVERTED,
    CONVERTED_TIME,
    CONVERTED_CONTACT,
    CONVERTED_ACCOUNT,
    CONVERTED_DEAL,
];

/// The part of a change that is put back, and the fields that are not.
type Part<'c, 'a> = (Cow<'c, Change>, Vec<&'a Field>);

impl<'a> Since<'a> {
    /// Reads what happened to the records that moved since.
    pub(super) fn read(
        tx: &mut Tx,
        deed: Option<&'a Deed>,
        reading: &Reading,
    ) -> Result<Self, Fault> {
        let left = deed.into_iter().flat_map(|deed| &deed.left);
        let moved = left.filter(|(id, left)| {
            let found = reading.standing(**id);
            found.is_some_and(|found| found.record.rev != left.first())
        });
        let points: Vec<(RecordId, i64)> = moved.map(|(id, left)| (*id, left.first())).collect();
        let history = History::since(tx, &points)?;
        let jobs: Vec<JobId> = history.jobs().into_iter().collect();
        let undos = deeds::undos(tx, &jobs)?;
        Ok(Self {
            deed,
            history,
            undos,
        })
    }

    fn left(&self, record: RecordId) -> Option<(&'a Deed, &'a Left)> {
        let deed = self.deed?;
        deed.left.get(&record).map(|left| (deed, left))
    }

    /// Whether a value of a record is another one now than the job left, or is no longer the job's: it
    /// was put back, or another job wrote the same.
    fn strayed(&self, left: &Left, columns: &Columns<'_>, record: &Record, field: &Field) -> bool {
        let then = self.history.value(record.id, left.of(field.id), field);
        let Some(then) = then else {
            return false;
        };
        let key = field.id.to_string();
        let wrote = |past: &Past| past.kind != ChangeKind::Update || past.before.contains_key(&key);
        then != *columns.value(record, &field.api_name)
            || !self.still_of_job(left, record.id, left.of(field.id), wrote)
    }

    /// Whether the job is, of all jobs that wrote something of a record from `rev` on, the last one that
    /// is not undone. What others than jobs wrote is told by its value.
    fn still_of_job(
        &self,
        left: &Left,
        record: RecordId,
        rev: i64,
        wrote: impl Fn(&Past) -> bool,
    ) -> bool {
        let Some(deed) = self.deed else {
            return true;
        };
        let later = self.history.of(record).iter();
        let later = later.filter(|past| past.rev > rev && !left.revs.contains(&past.rev));
        let mut standing = vec![deed.job];
        let mut undone: HashMap<JobId, Vec<JobId>> = HashMap::new();
        for job in later.filter(|past| wrote(past)).filter_map(|past| past.job) {
            let of = self.undos.get(&job);
            if let Some(again) = of.and_then(|of| undone.remove(of)) {
                standing.extend(again);
                continue;
            }
            let place = of.and_then(|of| standing.iter().position(|one| one == of));
            match place {
                Some(place) => {
                    undone.insert(job, standing.split_off(place));
                }
                None => standing.push(job),
            }
        }
        standing.last() == Some(&deed.job)
    }

    /// Divides a change into what is put back and what was changed since. A value that is as wanted
    /// already is neither.
    pub(super) fn part<'c, 'f>(
        &self,
        columns: &Columns<'f>,
        record: &Record,
        change: &'c Change,
    ) -> Part<'c, 'f> {
        let Some((_, left)) = self.left(record.id) else {
            return (Cow::Borrowed(change), Vec::new());
        };
        let mut kept = Vec::new();
        for part in &change.0 {
            let Some(field) = columns.0.iter().find(|field| field.id == part.field) else {
                continue;
            };
            let now = columns.value(record, &field.api_name);
            if part.write.onto(now) != *now && self.strayed(left, columns, record, field) {
                kept.push(*field);
            }
        }
        if kept.is_empty() {
            return (Cow::Borrowed(change), kept);
        }
        let mut back = change.clone();
        back.0
            .retain(|part| !kept.iter().any(|field| field.id == part.field));
        (Cow::Owned(back), kept)
    }

    /// Says what of a record is not put back, if anything.
    pub(super) fn refusal(&self, record: RecordId, kept: &[&Field]) -> Option<Refusal> {
        let (_, left) = self.left(record)?;
        let code = match (kept, left.gone) {
            ([], 0) => return None,
            ([], _) => Code::FieldGone,
            _ => Code::ChangedSince,
        };
        let mut refusal = Refusal::new(code).with("id", record.to_string());
        if !kept.is_empty() {
            let names: Vec<&str> = kept.iter().map(|field| field.api_name.as_str()).collect();
            refusal = refusal.with("fields", names);
        }
        if left.gone > 0 {
            refusal = refusal.with("fields_gone", left.gone);
        }
        Some(refusal)
    }

    /// The facts as an undo meets them: a blueprint that the record entered through the job, and has
    /// not moved on in, holds it no longer and is left with the change, and so is, if the whole is put
    /// back, an approval that it waits for because of the job; and a lead that the job converted is one again with this change.
    pub(super) fn facts<'f>(
        &self,
        module: &Module,
        columns: &Columns<'_>,
        record: &Record,
        (facts, change, whole): (&'f Facts, &Change, bool),
    ) -> Cow<'f, Facts> {
        let left = self.left(record.id);
        let facts = if whole {
            self.submitted_otherwise(record.id, facts)
        } else {
            Cow::Borrowed(facts)
        };
        let facts = match module.field(system::CONVERTED) {
            Some(field) if left.is_some() && change.of(field.id).is_some() => Cow::Owned(Facts {
                unconverted: true,
                ..facts.into_owned()
            }),
            _ => facts,
        };
        let entered = left.filter(|(deed, _)| facts.entered_by == Some(deed.job));
        let blueprint = facts.blueprint.and_then(|id| module.blueprint(id));
        let state = blueprint.and_then(|blueprint| module.field_by_id(blueprint.field));
        match (entered, state) {
            (Some((_, left)), Some(state)) if !self.strayed(left, columns, record, state) => {
                Cow::Owned(Facts {
                    blueprint: None,
                    lapsed: true,
                    ..facts.into_owned()
                })
            }
            _ => facts,
        }
    }

    /// The facts without an approval that the record waits for only because of the job.
    pub(super) fn submitted_otherwise<'f>(
        &self,
        record: RecordId,
        facts: &'f Facts,
    ) -> Cow<'f, Facts> {
        let job = self.left(record).map(|(deed, _)| deed.job);
        if job.is_none() || facts.submitted_by != job {
            return Cow::Borrowed(facts);
        }
        let mut facts = facts.clone();
        facts.holds.remove(&HoldKind::Approval);
        Cow::Owned(facts)
    }

    /// Refuses to delete a record that a job made or restored, and that somebody changed since, other
    /// than its undo.
    pub(super) fn changed(
        &self,
        Writing { module, job, .. }: Writing<'_>,
        columns: &Columns<'_>,
        record: &Record,
    ) -> Option<Refusal> {
        let (deed, left) = self.left(record.id)?;
        let stamps = [system::MODIFIED_BY, system::MODIFIED_TIME];
        let own = |field: &&Field| !stamps.contains(&field.api_name.as_str());
        let fields = module.fields.iter().filter(own);
        let kept: Vec<&Field> = fields
            .filter(|field| self.strayed(left, columns, record, field))
            .collect();
        let text = "the record was changed after the job, and is not deleted";
        let came = |past: &Past| past.kind != ChangeKind::Update;
        if !self.still_of_job(left, record.id, left.first(), came) {
            let text = "the record went with an undo of the job and was brought back since";
            let refusal = Refusal::new(Code::ChangedSince).saying(text);
            return Some(refusal.with("id", record.id.to_string()));
        }
        let beside = || {
            // Tags, shares, territories: of what is not a value, the change says nothing before.
            let later = self.history.of(record.id).iter();
            let others = later.filter(|past| past.job.is_none() || past.job != job);
            let mut later = others.filter(|past| !left.revs.contains(&past.rev));
            deed.made && later.any(|past| past.before.is_empty())
        };
        let refusal = self.refusal(record.id, &kept);
        let refusal = refusal.or_else(|| {
            let since = || Refusal::new(Code::ChangedSince).with("id", record.id.to_string());
            beside().then(since)
        });
        Some(refusal?.saying(text))
    }
}

/// Whether nothing of a change is put back, because these fields are not: what a lead became is put back
/// as one, or not at all.
pub(super) fn is_whole(module: &Module, change: &Change, kept: &[&Field]) -> bool {
    let converted = module.field(system::CONVERTED);
    let mut names = kept.iter().map(|field| field.api_name.as_str());
    converted.is_some_and(|field| change.of(field.id).is_some())
        && names.any(|name| CONVERSION.contains(&name))
}
