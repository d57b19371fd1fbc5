//! The mass actions: each reads its request, accepts a job for it, and runs the job's chunks.

pub mod mass_update;

use std::sync::Arc;

/// All actions, for the engine.
pub fn all() -> jobs::Actions {
    jobs::Actions {
        mass_update: Arc::new(mass_update::MassUpdate),
    }
}
