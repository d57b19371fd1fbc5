//! The mass actions: each reads its request, accepts a job for it, and runs the job's chunks.

pub mod change_owner;
pub mod convert;
mod mass;
pub mod mass_delete;
pub mod mass_update;
pub mod request;
mod scheduled;
pub(crate) mod told;
pub mod undo;

use mass::Mass;
pub use scheduled::ViewSelection;
pub(crate) use scheduled::automation_of;
use std::sync::Arc;

/// All actions, for the engine.
pub fn all() -> jobs::Actions {
    jobs::Actions {
        mass_update: Arc::new(Mass {
            ready: mass_update::ready,
        }),
        change_owner: Arc::new(Mass {
            ready: change_owner::ready,
        }),
        mass_delete: Arc::new(Mass {
            ready: mass_delete::ready,
        }),
        mass_convert: Arc::new(Mass {
            ready: convert::ready,
        }),
        undo: Arc::new(undo::Undo),
    }
}
