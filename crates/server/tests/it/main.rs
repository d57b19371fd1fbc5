//! The conformance suite of the server: every test speaks HTTP to a server with a real database.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod access_waits;
mod activities;
mod api;
mod asked;
mod attachments;
mod bad_input;
mod blueprint;
mod blueprint_refusals;
mod calls;
mod calls_listed;
mod change_owner;
mod change_owner_refusals;
mod change_owner_related;
mod convert;
mod deleted;
mod demo;
mod dispatch;
mod events;
mod holds;
mod hook;
mod job_control;
mod job_requests;
mod jobs;
mod locking;
mod mass_change_owner;
mod mass_change_owner_refusals;
mod mass_change_owner_status;
mod mass_delete;
mod mass_delete_refusals;
mod mass_update;
mod mass_update_denied;
mod mass_update_jobs;
mod mass_update_refusals;
mod mass_update_samples;
mod mass_update_status;
mod mass_update_values;
mod matrix;
mod metadata;
mod metadata_fields;
mod metadata_people;
mod metadata_views;
mod native;
mod notes;
mod notify;
mod oauth;
mod org_file;
mod outbox;
mod outcomes;
mod outcomes_denied;
mod owners;
mod plan_property;
mod plan_runs;
mod plans;
mod probes;
mod record_export;
mod record_list;
mod record_owners;
mod records;
mod records_changed;
mod recycle_bin;
mod recycle_bin_refusals;
mod recycle_bin_waits;
mod related;
mod rules;
mod rules_layout;
mod sharing;
mod standard_modules;
mod stopping;
mod streams;
mod tags;
mod territories;
mod timeline;
mod undo;
mod undo_chunks;
mod undo_convert;
mod undo_effects;
mod undo_plans;
mod undo_refusals;
mod workflow;
