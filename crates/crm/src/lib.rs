//! What may be done: who may, to which records, and how records change. No HTTP and no driver.

pub mod actions;
pub mod activities;
pub mod actor;
pub mod blueprint;
pub mod carry;
pub mod change;
pub mod convert;
pub mod deleted;
mod difference;
pub mod export;
mod history;
pub mod hold;
pub mod import;
pub mod input;
pub mod job;
mod judge;
pub mod lock;
pub mod org;
pub mod outcome;
pub mod owner;
pub mod record;
mod rules;
pub mod selection;
pub mod share;
pub mod show;
pub mod tag;
pub mod territory;
pub mod timeline;
mod triggers;
pub mod workflow;

pub use actor::Actor;
pub use change::{Change, FieldWrite, Write};
pub use record::Writing;
pub use rules::LayoutRules;
pub use triggers::Triggers;
