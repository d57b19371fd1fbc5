//! What a job did to its records, and who may put it back: each action says it of its own jobs.

use super::super::request::decode;
use super::UndoRequest;
use crate::actor::Actor;
use crate::record::{Expected, Judged, Writing};
use jobs::KEPT_MS;
use model::id::{JobId, RecordId};
use model::job::JobKind;
use model::module::Module;
use model::refusal::Refusal;
use model::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::jobs::Job;
use store::plans::Plan;
use store::{Error, Fault, Tx};

/// How jobs of a kind are undone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reversal {
    /// What such a job did, in a word. Undos are stored with it: no other kind has the same, and it stays.
    pub(crate) done: &'static str,
    /// What its undo does; the same goes for it.
    pub(crate) undone: &'static str,
    /// Refuses an actor who may not undo such a job: it takes the rights of doing what puts it back.
    pub(crate) authorise: fn(&Actor, &Module) -> Result<(), Refusal>,
    /// The same of an undo of such a job.
    pub(crate) authorise_again: fn(&Actor, &Module) -> Result<(), Refusal>,
    /// Until when it can be undone.
    pub(crate) kept: Kept,
    /// Something went from its records to others, notes or tags say, and goes back with the records;
    /// nothing that it made may be found meanwhile.
    pub(crate) carries: bool,
    /// Judges what puts its records back, where that is no value of a field.
    pub(crate) judge: Option<JudgeBack>,
}

/// Judges putting back what a job did to these records.
pub(crate) type JudgeBack = for<'a> fn(
    &mut Tx,
    Writing<'a>,
    &[RecordId],
    Expected<'_>,
    JobId,
) -> Result<Box<dyn Judged + 'a>, Fault>;

/// Until when a job can be undone, if it changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// As long as a finished job is kept.
    Changed,
    /// The same, even if it changed none of its own targets.
    EvenUnchanged,
    /// As long as its first records stay in the recycle bin.
    FromStart,
    /// As long as a finished job is kept; its undo cannot be undone.
    Once,
}

/// What a job did to its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub(super) struct Done {
    /// The kind of the first job of a chain of undos.
    pub(super) kind: JobKind,
    /// It was an undo of that.
    pub(super) undone: bool,
}

impl From<Done> for &'static str {
    fn from(done: Done) -> Self {
        let reversal = done.reversal();
        if done.undone {
            reversal.undone
        } else {
            reversal.done
        }
    }
}

impl TryFrom<String> for Done {
    type Error = Error;

    fn try_from(word: String) -> Result<Self, Error> {
        let all = JobKind::ALL.iter().flat_map(|kind| {
            [false, true].map(|undone| Self {
                kind: *kind,
                undone,
            })
        });
        let mut all = all.filter(|done| done.kind != JobKind::Undo);
        all.find(|done| <&str>::from(*done) == word)
            .ok_or_else(|| Error::Inconsistent(format!("a job did {word}")))
    }
}

impl Done {
    /// What a job did.
    pub(super) fn by(job: &Job) -> Result<Self, Fault> {
        Ok(match undone_by(job.kind, &job.request)? {
            None => Self {
                kind: job.kind,
                undone: false,
            },
            Some(done) => Self {
                undone: !done.undone,
                ..done
            },
        })
    }

    /// How that is undone.
    pub(super) fn reversal(self) -> Reversal {
        super::super::of(self.kind).traits().reversal
    }

    /// Refuses an actor who may not undo it.
    pub(super) fn authorise(self, actor: &Actor, module: &Module) -> Result<(), Refusal> {
        let Reversal {
            authorise,
            authorise_again,
            ..
        } = self.reversal();
        if self.undone {
            authorise_again(actor, module)
        } else {
            authorise(actor, module)
        }
    }

    /// Whether something went from its records to others, which goes back with them.
    pub(super) fn moved(self) -> bool {
        self.reversal().carries && !self.undone
    }
}

/// What the job did that a job of this kind undoes; nothing where it undoes none.
fn undone_by(kind: JobKind, request: &str) -> Result<Option<Done>, Fault> {
    if kind != JobKind::Undo {
        return Ok(None);
    }
    let UndoRequest { did, .. } = decode(request)?;
    Ok(Some(did))
}

/// The kind of the first job of a chain of undos: whoever may do it may undo it.
pub fn of_kind(job: &Job) -> Result<JobKind, Fault> {
    Ok(Done::by(job)?.kind)
}

/// The same of a job that is planned.
pub fn of_plan(plan: &Plan) -> Result<JobKind, Fault> {
    let undone = undone_by(plan.kind, &plan.request)?;
    Ok(undone.map_or(plan.kind, |done| done.kind))
}

/// Until when all that a job changed can be put back; `None` when it is not finished or changed
/// nothing. What it deleted leaves the recycle bin as long after its deletion as a job is kept.
pub fn until(job: &Job) -> Result<Option<Timestamp>, Fault> {
    let done = Done::by(job)?;
    let kept = done.reversal().kept;
    if kept == Kept::Once && done.undone {
        return Ok(None);
    }
    let changed = job.counts.changed > 0 || kept == Kept::EvenUnchanged;
    let Some(finished) = job.finished_at.filter(|_| changed) else {
        return Ok(None);
    };
    let from = match kept {
        Kept::FromStart if !done.undone => job.started_at.unwrap_or(finished),
        _ => finished,
    };
    Ok(Some(from.plus_ms(KEPT_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jobs_of_each_kind_did_has_a_word_of_its_own() {
        for kind in JobKind::ALL.iter().filter(|kind| **kind != JobKind::Undo) {
            for undone in [false, true] {
                let done = Done {
                    kind: *kind,
                    undone,
                };
                let word: &str = done.into();
                let read = Done::try_from(word.to_owned()).unwrap();
                assert_eq!(read.kind, *kind, "{word}");
                assert_eq!(<&str>::from(read), word);
            }
        }
        assert!(Done::try_from("undo".to_owned()).is_err());
    }
}
