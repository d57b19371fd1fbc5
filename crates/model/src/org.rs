//! The org as a file: what an org file says, what it would change, and the file of a running org.
//!
//! An entry of the file states the whole of its thing: a key that it lacks has its default, which
//! for a standard thing is what is built in. Two keys of a view are left as they are instead, its
//! columns and its owner, and so is everything of `[org]`. What the file has no entry for is left
//! alone and reported; so is a picklist value that the running org has and the file lacks.

mod approvals;
mod blueprints;
mod build;
mod check;
mod conversion;
mod diff;
mod export;
mod facts;
mod fields;
mod file;
mod kinds;
mod modules;
mod people;
pub(crate) mod read;
mod resolve;
mod rules;
mod standard;
#[cfg(test)]
mod tests;
mod views;
mod workflow;
mod workflow_actions;

pub use diff::{Change, ChangeKind};
pub use export::export;
pub use file::OrgFile;
pub use read::Problem;

use crate::catalog::Catalog;
use build::Draft;
use std::collections::BTreeSet;

/// What an org file would do to an org: nothing was done yet.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What would change, and what would be left alone.
    pub changes: Vec<Change>,
    current: Option<Catalog>,
    /// The catalog to be, new things with provisional ids below zero.
    wanted: Catalog,
    removals: Vec<Problem>,
}

/// Checks an org file against an org, or against an empty database, and says what it would change.
/// Every mistake is in the answer, in the order of the file.
pub fn plan(file: &OrgFile, current: Option<&Catalog>) -> Result<Plan, Vec<Problem>> {
    let built_in = standard::built_in();
    let before = current.cloned().unwrap_or_else(build::empty);
    let mut base = before.clone();
    built_in.complete(&mut base);
    let mut draft = Draft::new(file, built_in, base.clone());
    draft.apply();
    draft.check();
    let Draft {
        catalog: wanted,
        flaws,
        removals,
        touched,
        ..
    } = draft;
    if !flaws.is_empty() {
        return Err(read::problems(&file.source, flaws));
    }
    let known = before.modules.iter().map(|m| m.id.0).collect();
    let standard: BTreeSet<i64> = base.modules.iter().map(|m| m.id.0).collect();
    let standard = standard.difference(&known).copied().collect();
    let mut changes = diff::diff(&before, &base, &standard);
    changes.extend(diff::diff(&base, &wanted, &BTreeSet::new()));
    changes.extend(diff::left_alone(&before, &wanted, &touched, built_in));
    Ok(Plan {
        changes,
        current: current.cloned(),
        wanted,
        removals: read::problems(&file.source, removals),
    })
}

impl Plan {
    /// Whether anything would be different afterwards.
    pub fn changes_anything(&self) -> bool {
        self.current.as_ref() != Some(&self.wanted)
    }

    /// What the file removes. Each says that it needs permission.
    pub fn removals(&self) -> &[Problem] {
        &self.removals
    }

    /// The catalog to be. What exists keeps its id, what is new gets one from `new_id`; the version
    /// is one more, if anything changed. Removals are refused unless they are allowed.
    pub fn resolve(
        self,
        new_id: &mut dyn FnMut() -> i64,
        allow_remove: bool,
    ) -> Result<Catalog, Vec<Problem>> {
        if !allow_remove && !self.removals.is_empty() {
            return Err(self.removals);
        }
        let changed = self.changes_anything();
        let mut catalog = self.wanted;
        if changed {
            catalog.version += 1;
            resolve::real_ids(&mut catalog, new_id);
        }
        Ok(catalog)
    }
}
