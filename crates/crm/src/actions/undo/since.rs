//! Which values of records still are as a job left them: an undo puts back only those.

use super::ties;
use crate::change::Change;
use crate::history::History;
use crate::judge::{Columns, Facts, Judgement};
use crate::record::{
    Adjusted, Adjustment, Along, Purpose, Reading, Spared, Standing, Unadjusted, Writing,
};
use model::approval::ApprovalState;
use model::conversion::{CONVERTED_ACCOUNT, CONVERTED_CONTACT, CONVERTED_DEAL, CONVERTED_TIME};
use model::field::Field;
use model::hold::HoldKind;
use model::id::{FieldId, JobId, RecordId};
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use store::changes::{ChangeKind, Past};
use store::records::Record;
use store::{Fault, Tx, approvals, deeds};

/// How a job left a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Left {
    /// The revisions that it made, oldest first.
    pub(super) revs: Vec<i64>,
    /// At which of them it left a field.
    pub(super) fields: HashMap<FieldId, i64>,
    /// The same of all others.
    pub(super) rest: i64,
    /// So many fields that it wrote are gone, or hold values of another type now.
    pub(super) gone: usize,
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

/// What happened to records since a job left them: its undo spares what others did.
pub(super) struct Since {
    /// The job.
    job: JobId,
    /// It made the records: they are deleted only if nobody built on them.
    made: bool,
    /// How it left each record.
    left: HashMap<RecordId, Left>,
    history: History,
    /// Which of the jobs that changed them since undo which job.
    undos: HashMap<JobId, JobId>,
    /// The records that wait for an approval because of the job.
    submitted: HashSet<RecordId>,
}

/// What says of a lead what it became.
const CONVERSION: [&str; 5] = [
    system::CONVERTED,
    CONVERTED_TIME,
    CONVERTED_CONTACT,
    CONVERTED_ACCOUNT,
    CONVERTED_DEAL,
];

impl Since {
    /// Of a job that left records so; what happened since is not read yet.
    pub(super) fn new(job: JobId, made: bool, left: HashMap<RecordId, Left>) -> Self {
        Self {
            job,
            made,
            left,
            history: History::default(),
            undos: HashMap::new(),
            submitted: HashSet::new(),
        }
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
        let later = self.history.of(record).iter();
        let later = later.filter(|past| past.rev > rev && !left.revs.contains(&past.rev));
        let mut standing = vec![self.job];
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
        standing.last() == Some(&self.job)
    }

    /// The fields of a change that were changed since. A value that is as wanted already is neither put
    /// back nor among them.
    fn strayed_of<'f>(
        &self,
        left: &Left,
        columns: &Columns<'f>,
        record: &Record,
        change: &Change,
    ) -> Vec<&'f Field> {
        let mut strayed = Vec::new();
        for part in &change.0 {
            let Some(field) = columns.0.iter().find(|field| field.id == part.field) else {
                continue;
            };
            let now = columns.value(record, &field.api_name);
            if part.write.onto(now) != *now && self.strayed(left, columns, record, field) {
                strayed.push(*field);
            }
        }
        strayed
    }

    /// The facts as an undo meets them: a blueprint that the record entered through the job, and has
    /// not moved on in, holds it no longer and is left with the change, and so is, if `withdrawn`, the
    /// approval that it waits for because of the job; and a lead that the job converted is one again with
    /// this change.
    fn facts<'f>(
        &self,
        module: &Module,
        columns: &Columns<'_>,
        (record, left): (&Record, &Left),
        (facts, change, withdrawn): (&'f Facts, &Change, bool),
    ) -> Cow<'f, Facts> {
        let facts = if withdrawn {
            approved(facts)
        } else {
            Cow::Borrowed(facts)
        };
        let facts = match module.field(system::CONVERTED) {
            Some(field) if change.of(field.id).is_some() => Cow::Owned(Facts {
                unconverted: true,
                ..facts.into_owned()
            }),
            _ => facts,
        };
        let entered = facts.entered_by == Some(self.job);
        let blueprint = facts.blueprint.and_then(|id| module.blueprint(id));
        let state = blueprint.and_then(|blueprint| module.field_by_id(blueprint.field));
        match state {
            Some(state) if entered && !self.strayed(left, columns, record, state) => {
                Cow::Owned(Facts {
                    blueprint: None,
                    lapsed: true,
                    ..facts.into_owned()
                })
            }
            _ => facts,
        }
    }

    /// Refuses records that have something along that is not as the job left it: what came to belong to
    /// them since, or was changed, is somebody's work.
    fn strangers(
        &self,
        tx: &mut Tx,
        along: &Along<'_>,
    ) -> Result<HashMap<RecordId, Refusal>, Fault> {
        let mut refused = HashMap::new();
        for (module, children) in along.children() {
            let ids: Vec<RecordId> = children.iter().map(|(record, _)| record.id).collect();
            let left = deeds::of(tx, self.job, &ids)?.into_iter();
            let left: HashMap<RecordId, i64> = left.map(|past| (past.record, past.rev)).collect();
            for (record, root) in children {
                if left.get(&record.id) != Some(&record.rev) {
                    let refusal = || {
                        Refusal::new(Code::ChangedSince)
                            .saying(
                                "what belongs to the record was made or changed after the job, and \
                                 is not deleted with it",
                            )
                            .with("id", root.to_string())
                            .with("module", module.api_name.as_str())
                    };
                    refused.entry(*root).or_insert_with(refusal);
                }
            }
        }
        Ok(refused)
    }
}

impl Adjustment for Since {
    fn needs<'m>(&self, module: &'m Module) -> &'m [Field] {
        // Whether any value was changed since is asked of all of them.
        &module.fields
    }

    fn read(&mut self, tx: &mut Tx, reading: &Reading) -> Result<(), Fault> {
        let there = self.left.iter();
        let there = there.filter_map(|(id, left)| Some((*id, left, reading.standing(*id)?)));
        let (mut moved, mut waiting) = (Vec::new(), Vec::new());
        for (id, left, standing) in there {
            if standing.record.rev != left.first() {
                moved.push((id, left.first()));
            }
            if standing.facts.holds.contains(&HoldKind::Approval) {
                waiting.push(id);
            }
        }
        self.history = History::since(tx, &moved)?;
        let jobs: Vec<JobId> = self.history.jobs().into_iter().collect();
        self.undos = deeds::undos(tx, &jobs)?;
        if !waiting.is_empty() {
            let waiting = approvals::of(tx, &waiting)?.into_iter();
            // What somebody else put there holds it whatever becomes of the process.
            let submitted = waiting.filter(|approval| {
                let own = approval.state == ApprovalState::Pending && approval.hold.is_some();
                own && approval.job == Some(self.job)
            });
            self.submitted = submitted.map(|approval| approval.record).collect();
        }
        Ok(())
    }

    fn change<'c, 'f>(
        &self,
        module: &Module,
        columns: &Columns<'f>,
        standing: &'c Standing,
        change: &'c Change,
    ) -> Adjusted<'c, 'f> {
        let Standing { record, facts, .. } = standing;
        let Some(left) = self.left.get(&record.id) else {
            return Unadjusted.change(module, columns, standing, change);
        };
        let strayed = self.strayed_of(left, columns, record, change);
        // Where something strayed, not all that is to be approved goes away: it waits on.
        let withdrawn = strayed.is_empty() && self.submitted.contains(&record.id);
        let whole = is_whole(module, change, &strayed);
        let mut change = Cow::Borrowed(change);
        if !strayed.is_empty() {
            let strayed = |id: FieldId| strayed.iter().any(|field| field.id == id);
            change.to_mut().0.retain(|part| !strayed(part.field));
        }
        Adjusted {
            facts: self.facts(module, columns, (record, left), (facts, &change, withdrawn)),
            spared: match refusal(record.id, left, &strayed) {
                None => Spared::Nothing,
                Some(refusal) if whole => Spared::Whole(refusal),
                Some(refusal) => Spared::Part(strayed, refusal),
            },
            change,
            withdrawn,
        }
    }

    fn deletion<'c>(&self, standing: &'c Standing) -> Cow<'c, Facts> {
        if self.submitted.contains(&standing.record.id) {
            return approved(&standing.facts);
        }
        Cow::Borrowed(&standing.facts)
    }

    /// Refuses to delete a record that a job made or restored, and that somebody changed since, other
    /// than its undo.
    fn spare(
        &self,
        Writing { module, job, .. }: Writing<'_>,
        columns: &Columns<'_>,
        record: &Record,
    ) -> Option<Refusal> {
        let left = self.left.get(&record.id)?;
        let stamps = [system::MODIFIED_BY, system::MODIFIED_TIME];
        let own = |field: &&Field| !stamps.contains(&field.api_name.as_str());
        let fields = module.fields.iter().filter(own);
        let strayed: Vec<&Field> = fields
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
            self.made && later.any(|past| past.before.is_empty())
        };
        let refusal = refusal(record.id, left, &strayed);
        let refusal = refusal.or_else(|| {
            let since = || Refusal::new(Code::ChangedSince).with("id", record.id.to_string());
            beside().then(since)
        });
        Some(refusal?.saying(text))
    }

    fn missing(&self, refusal: Refusal) -> Judgement<()> {
        if self.made && refusal.code == Code::Gone {
            // Somebody deleted what the job made: that is all that an undo wants.
            return Judgement::Unchanged;
        }
        Judgement::Refuse(refusal)
    }

    fn along<'a>(
        &self,
        tx: &mut Tx,
        writing: Writing<'a>,
        ids: &[RecordId],
        purpose: &Purpose<'_>,
    ) -> Result<Along<'a>, Fault> {
        if self.made {
            let mut along = Along::none(ids.len());
            along.refuse(ties::of(tx, writing, self.job, ids, purpose)?);
            return Ok(along);
        }
        let mut along = Along::of(tx, writing, ids)?;
        along.refuse(self.strangers(tx, &along)?);
        Ok(along)
    }
}

/// The facts of a record that waits for no approval.
fn approved(facts: &Facts) -> Cow<'_, Facts> {
    let mut facts = facts.clone();
    facts.holds.remove(&HoldKind::Approval);
    Cow::Owned(facts)
}

/// Says what of a record is not put back, if anything: these fields, and those that are gone.
fn refusal(record: RecordId, left: &Left, strayed: &[&Field]) -> Option<Refusal> {
    let code = match (strayed, left.gone) {
        ([], 0) => return None,
        ([], _) => Code::FieldGone,
        _ => Code::ChangedSince,
    };
    let mut refusal = Refusal::new(code).with("id", record.to_string());
    if !strayed.is_empty() {
        let names: Vec<&str> = strayed
            .iter()
            .map(|field| field.api_name.as_str())
            .collect();
        refusal = refusal.with("fields", names);
    }
    if left.gone > 0 {
        refusal = refusal.with("fields_gone", left.gone);
    }
    Some(refusal)
}

/// Whether nothing of a change is put back, because these fields are not: what a lead became is put back
/// as one, or not at all.
fn is_whole(module: &Module, change: &Change, strayed: &[&Field]) -> bool {
    let converted = module.field(system::CONVERTED);
    let mut names = strayed.iter().map(|field| field.api_name.as_str());
    converted.is_some_and(|field| change.of(field.id).is_some())
        && names.any(|name| CONVERSION.contains(&name))
}
