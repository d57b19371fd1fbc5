//! The mass actions: each reads its request, accepts a job for it, and runs the job's chunks.

pub mod change_owner;
pub mod mass_delete;
pub mod mass_update;
pub mod request;
mod scheduled;
pub(crate) mod told;
pub mod undo;

pub use scheduled::ViewSelection;
pub(crate) use scheduled::automation_of;
use std::sync::Arc;

/// All actions, for the engine.
pub fn all() -> jobs::Actions {
    jobs::Actions {
        mass_update: Arc::new(mass_update::MassUpdate),
        change_owner: Arc::new(change_owner::ChangeOwner),
        mass_delete: Arc::new(mass_delete::MassDelete),
        undo: Arc::new(undo::Undo),
    }
}
