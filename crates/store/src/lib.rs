//! How things are kept: one database behind two doors, [`Db::read`] and [`Db::write`], and a file of
//! SQL for each noun. No HTTP and no business rules.

mod cell;
mod db;
mod dialect;
mod error;
mod gate;
mod ids;
mod insert;
mod migrate;
mod postgres;
mod process;
mod restore;
mod row;
mod shape;
mod sqlite;
mod tx;

pub mod access;
pub mod approvals;
pub mod attachments;
pub mod backup;
pub mod belonging;
pub mod beside;
pub mod blueprints;
pub mod calls;
pub mod catalog;
pub mod changes;
pub mod clients;
pub mod conversions;
pub mod criteria;
pub mod deeds;
pub mod deleted;
pub mod effects;
pub mod events;
pub mod holds;
pub mod idempotency;
pub mod jobs;
pub mod kill;
pub mod module_table;
pub mod moves;
pub mod notes;
pub mod outbox;
pub mod outcomes;
pub mod plans;
pub mod records;
pub mod shares;
pub mod tags;
pub mod targets;
pub mod territories;
pub mod tokens;

pub use cell::{FromCell, ToCell};
pub use db::{Db, Settings, Target};
pub use dialect::Dialect;
pub use error::{Error, Fault};
pub use gate::Priority;
pub use restore::restore;
pub use row::Row;
pub use tx::{Param, Same, Tx};

/// What a store function answers.
pub type Result<T> = std::result::Result<T, Error>;
