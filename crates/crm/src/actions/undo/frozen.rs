//! What an undo is about: the records that a job changed, frozen as it left them, and what its writes
//! still leave to automation.

use model::catalog::Catalog;
use model::id::RecordId;
use model::module::ACTIVITY_MODULES;
use model::refusal::{Code, Refusal};
use store::deeds::{self, Made};
use store::jobs::Job;
use store::{Db, Fault, Tx};

/// What refers to others stands before what it refers to.
const REFERRING: [&str; 3] = ["Deals", "Contacts", "Accounts"];
/// Places of a job that are read in one transaction.
const PLACES_AT_ONCE: i64 = 20_000;

/// The records that a finished job changed, with the revisions that it left, and how many changes
/// automation made because of it.
pub(super) struct Frozen {
    pub(super) records: Vec<(RecordId, i64)>,
    pub(super) effects: i64,
}

impl Frozen {
    /// Reads them in short transactions: a job that ended changes nothing more unless it is resumed or
    /// automation goes on, which is looked for at the end.
    pub(super) fn read(db: &Db, catalog: &Catalog, job: &Job) -> Result<Self, Fault> {
        let mut made = Vec::new();
        for from in places(job) {
            made.extend(db.read(|tx| Ok(of_targets(tx, job, from)?))?);
        }
        let (beside, effects) = db.read(|tx| beside(tx, job))?;
        made.extend(beside);
        Ok(Self {
            records: sorted(catalog, job, made)?,
            effects,
        })
    }

    /// The same in one transaction.
    pub(super) fn read_in(tx: &mut Tx, catalog: &Catalog, job: &Job) -> Result<Self, Fault> {
        let mut made = Vec::new();
        for from in places(job) {
            made.extend(of_targets(tx, job, from)?);
        }
        let (beside, effects) = beside(tx, job)?;
        made.extend(beside);
        Ok(Self {
            records: sorted(catalog, job, made)?,
            effects,
        })
    }
}

fn places(job: &Job) -> impl Iterator<Item = i64> {
    let step = usize::try_from(PLACES_AT_ONCE).unwrap_or(usize::MAX);
    (0..job.cursor).step_by(step)
}

fn of_targets(tx: &mut Tx, job: &Job, from: i64) -> store::Result<Vec<Made>> {
    deeds::of_targets(tx, job.id, job.targets(), from, PLACES_AT_ONCE)
}

/// What the job changed beside its targets, and what automation did.
fn beside(tx: &mut Tx, job: &Job) -> Result<(Vec<Made>, i64), Fault> {
    let mut made = deeds::of_along(tx, job.id)?;
    made.extend(deeds::of_effects(tx, job.id)?);
    Ok((made, deeds::effects(tx, job.id)?))
}

/// In the order in which they are put back: the job's own module first, so that nothing is taken from a
/// record that stays as the job left it; then activities, because what they are about may go; then what
/// refers to others before what it refers to.
fn sorted(
    catalog: &Catalog,
    job: &Job,
    mut made: Vec<Made>,
) -> Result<Vec<(RecordId, i64)>, Fault> {
    if made.is_empty() {
        let refusal = Refusal::new(Code::NoRecordsFound);
        return Err(refusal.saying("the job changed no record").into());
    }
    let order = ACTIVITY_MODULES.iter().chain(&REFERRING);
    let ranks: Vec<_> = order
        .filter_map(|name| catalog.module(name).map(|module| module.id))
        .collect();
    let rank = |made: &Made| {
        let rank = ranks.iter().position(|id| *id == made.module);
        rank.unwrap_or(ranks.len())
    };
    made.sort_by_key(|made| {
        let other = made.module != job.module;
        (other, rank(made), made.module.0, made.record, -made.rev)
    });
    // The last revision of each stands first.
    made.dedup_by_key(|made| made.record);
    Ok(made
        .into_iter()
        .map(|made| (made.record, made.rev))
        .collect())
}
