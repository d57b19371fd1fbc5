//! What things are: values, fields, modules, criteria, ids, time, refusals, scopes, job states and
//! the org file. No I/O, no SQL, no HTTP, no async, and no reading of the clock.

pub mod access;
pub mod approval;
pub mod blueprint;
pub mod body;
pub mod call;
pub mod catalog;
pub mod conversion;
pub mod criteria;
pub mod decimal;
pub mod field;
pub mod hold;
pub mod id;
pub mod import_map;
pub mod job;
pub mod limits;
pub mod module;
pub mod org;
pub mod people;
pub mod reason;
pub mod refusal;
pub mod rule;
pub mod scope;
pub mod territory;
pub mod time;
pub mod value;
pub mod view;
pub mod workflow;
