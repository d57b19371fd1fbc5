//! The running org and its file: what a file would change, the change itself, and the file of what is.

use model::org::{self, Change, OrgFile, Plan, Problem};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use store::{Db, Error, Fault, Tx};

/// What applying a file did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Line for line; what was left alone is among them.
    pub changes: Vec<Change>,
    /// Whether anything is different now. A file applied twice changes nothing the second time.
    pub changed: bool,
    /// The catalog's version now.
    pub version: i64,
}

/// What starting with a file did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// The database was empty, so the file was applied.
    Applied(Applied),
    /// There was an org already: this is how the file differs from it, and nothing was done.
    Differs(Vec<Change>),
}

/// Why a file was not applied. Nothing was changed.
#[derive(Debug)]
pub enum Unfit {
    /// The file is wrong, or removes something without permission.
    Problems(Vec<Problem>),
    /// The file is right, but the database says no.
    Fault(Fault),
}

impl From<Fault> for Unfit {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Vec<Problem>> for Unfit {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

/// Whether a file is right by itself: what it would make of an empty database.
pub fn check(text: &str) -> Result<Vec<Change>, Vec<Problem>> {
    let file = OrgFile::parse(text)?;
    Ok(org::plan(&file, None)?.changes)
}

/// What a file would change, and what it would leave alone. What it removes is in the answer.
pub fn diff(db: &Db, text: &str) -> Result<Vec<Change>, Unfit> {
    let file = OrgFile::parse(text)?;
    let plan = db.read(|tx| Ok(org::plan(&file, tx.find_catalog().as_deref())))?;
    Ok(plan?.changes)
}

/// Makes the org as a file says: all of it in one transaction or nothing.
pub fn apply(db: &Db, text: &str, allow_remove: bool, now: Timestamp) -> Result<Applied, Unfit> {
    let file = OrgFile::parse(text)?;
    let applied = db.change_catalog(|tx| {
        let plan = match org::plan(&file, tx.find_catalog().as_deref()) {
            Ok(plan) => plan,
            Err(problems) => return Ok(Err(problems)),
        };
        carry_out(tx, plan, allow_remove, now)
    })?;
    Ok(applied?)
}

/// Applies a file to an empty database; where there is an org already, says how the file differs.
pub fn start(db: &Db, text: &str, now: Timestamp) -> Result<Started, Unfit> {
    if db.read(|tx| Ok(tx.find_catalog()))?.is_some() {
        return Ok(Started::Differs(diff(db, text)?));
    }
    // Processes that start at once: the second finds nothing left to change.
    Ok(Started::Applied(apply(db, text, false, now)?))
}

fn carry_out(
    tx: &mut Tx,
    plan: Plan,
    allow_remove: bool,
    now: Timestamp,
) -> Result<Result<Applied, Vec<Problem>>, Fault> {
    let changes = plan.changes.clone();
    let is_news = plan.changes_anything();
    let mut no_id = None;
    let mut new_id = || match tx.new_id() {
        Ok(id) => id,
        Err(error) => {
            no_id = Some(error);
            0
        }
    };
    let resolved = plan.resolve(&mut new_id, allow_remove);
    if let Some(error) = no_id {
        return Err(error.into());
    }
    let catalog = match resolved {
        Ok(catalog) => catalog,
        Err(problems) => return Ok(Err(problems)),
    };
    if is_news {
        store::catalog::save(tx, &catalog, now).map_err(not_unique)?;
        let blueprints = catalog.modules.iter().flat_map(|m| &m.blueprints);
        let blueprints: Vec<_> = blueprints.map(|blueprint| blueprint.id).collect();
        store::blueprints::keep_only(tx, &blueprints)?;
    }
    Ok(Ok(Applied {
        changes,
        changed: is_news,
        version: catalog.version,
    }))
}

/// The only rule of the schema that a right catalog can break.
fn not_unique(error: Error) -> Fault {
    match error {
        Error::Constraint(why) => Refusal::new(Code::DuplicateData)
            .saying("a field cannot become unique: records share a value in it")
            .with("reason", why)
            .into(),
        other => other.into(),
    }
}

/// The file of the running org.
pub fn export(db: &Db) -> Result<String, Fault> {
    db.read(|tx| Ok(org::export(tx.catalog()?.as_ref())))
}
