//! THE table of routes: every URL that this server answers is a line here, with the method, the
//! first version that has it, the scopes it asks for, and the function that answers.
//!
//! Patterns are matched segment by segment, a fixed segment before a parameter. `{version}` and
//! `{module}` are checked before a handler runs: a handler may rely on both.

mod activities;
mod approvals;
mod attachments;
mod automation;
mod backup;
mod blueprint;
mod calls;
mod change_owner;
mod clients;
mod conversion_options;
mod convert;
mod custom_views;
mod deleted;
mod events;
mod fields;
mod holds;
mod idempotency;
mod job_control;
mod job_request;
mod jobs;
mod layouts;
mod lock_configurations;
mod mass_action;
mod mass_change_owner;
mod mass_convert;
mod mass_delete;
mod mass_request;
mod mass_update;
mod meta;
mod modules;
mod native;
mod notes;
mod notify_secret;
mod org;
mod org_file;
mod outbox;
mod outcomes;
mod plans;
mod probes;
mod profiles;
mod record_export;
mod record_list;
mod record_locking;
mod record_sharing;
mod record_tags;
mod record_territories;
mod records;
mod recycle_bin;
mod roles;
mod tags;
mod territories;
mod timeline;
mod tokens;
mod undo;
mod users;

pub(crate) use jobs::counts as job_counts;

use crate::answer::Answer;
use crate::auth::{self, ScopeRule};
use crate::call::{Ask, Call};
use crate::version::{Endpoint, Version};
use model::scope::Op;
use store::Fault;

/// Answers a request of somebody.
pub type Handler = fn(&Call<'_>) -> Result<Answer, Fault>;
/// Answers a request that needs no token.
pub type OpenHandler = fn(&Ask<'_>) -> Result<Answer, Fault>;

/// The methods that routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method of a request, if any route could have it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|method| method.as_str() == text)
    }
}

/// Who may use a route, and what answers.
#[derive(Clone, Copy)]
pub enum Access {
    /// Anyone, without a token.
    Open(OpenHandler),
    /// Whoever has a token with these scopes, from this version on.
    Scoped(Version, ScopeRule, Handler),
}

/// A line of the table.
#[derive(Clone, Copy)]
pub struct Route {
    /// The path's pattern.
    pub pattern: &'static str,
    /// The method.
    pub method: Method,
    /// What the wire API calls it.
    pub endpoint: Endpoint,
    /// What a user without any access is told that they may not do (wire API 1.6, 1.7).
    pub purpose: &'static str,
    /// Whether `Activities` is taken for a module.
    pub activities: bool,
    /// Whether its body may be a file, which is larger than any other body may be.
    pub files: bool,
    /// Who may use it, and what answers.
    pub access: Access,
}

impl Route {
    /// The same with a purpose of its own.
    const fn to(self, purpose: &'static str) -> Self {
        Self { purpose, ..self }
    }

    /// The same, with files for bodies.
    const fn with_files(self) -> Self {
        Self {
            files: true,
            ..self
        }
    }

    /// The same, also of `Activities`.
    const fn or_activities(self) -> Self {
        Self {
            activities: true,
            ..self
        }
    }
}

const ANY_PURPOSE: &str = "perform this operation";

/// A line of the wire API.
pub const fn wire(
    method: Method,
    pattern: &'static str,
    endpoint: Endpoint,
    first: Version,
    scope: ScopeRule,
    handler: Handler,
) -> Route {
    Route {
        pattern,
        method,
        endpoint,
        purpose: ANY_PURPOSE,
        activities: false,
        files: false,
        access: Access::Scoped(first, scope, handler),
    }
}

/// A line of the native API.
pub const fn native(
    method: Method,
    pattern: &'static str,
    scope: ScopeRule,
    handler: Handler,
) -> Route {
    wire(method, pattern, E::Native, V2, scope, handler)
}

/// A line that needs no token.
pub const fn open(method: Method, pattern: &'static str, handler: OpenHandler) -> Route {
    Route {
        pattern,
        method,
        endpoint: E::Native,
        purpose: ANY_PURPOSE,
        activities: false,
        files: false,
        access: Access::Open(handler),
    }
}

use Endpoint as E;
use Method::{Delete, Get, Patch, Post, Put};
use ScopeRule::{
    AllOf, AnyOf, ByModule, ChangeOwner, Group, Native, Only, Records, RecordsOf, Settings, Sub,
};
use Version::{V2, V3, V4, V5, V6, V7};

/// The scopes of record locking: its own and the records', or as newer pages have it (wire API 7.5).
macro_rules! locking {
    ($op:expr) => {
        AnyOf(&[
            AllOf(&[RecordsOf("lockinginformation", $op), Records($op)]),
            Settings("modules", $op),
        ])
    };
}
const LOCK_READ: ScopeRule = locking!(Op::Read);
const LOCK_CREATE: ScopeRule = locking!(Op::Create);
const LOCK_UPDATE: ScopeRule = locking!(Op::Update);
const LOCK_DELETE: ScopeRule = locking!(Op::Delete);

/// Holds are put by other systems, on records that they may change.
const HOLD_READ: ScopeRule = AllOf(&[Native("holds", Op::Read), Records(Op::Read)]);
const HOLD_WRITE: ScopeRule = AllOf(&[Native("holds", Op::Write), Records(Op::Update)]);
/// The scopes of what hangs on records: its own, and reading the records.
macro_rules! hanging {
    ($what:literal, $op:expr) => {
        AllOf(&[RecordsOf($what, $op), Records(Op::Read)])
    };
}
const NOTES_READ: ScopeRule = hanging!("notes", Op::Read);
const NOTES_CREATE: ScopeRule = hanging!("notes", Op::Create);
const NOTES_UPDATE: ScopeRule = hanging!("notes", Op::Update);
const NOTES_DELETE: ScopeRule = hanging!("notes", Op::Delete);
const ATTACHMENTS_READ: ScopeRule = hanging!("attachments", Op::Read);
const ATTACHMENTS_CREATE: ScopeRule = hanging!("attachments", Op::Create);
const ATTACHMENTS_DELETE: ScopeRule = hanging!("attachments", Op::Delete);

/// Adding tags may make them, or changes records (the vendor's pages on tags).
const TAGGING: ScopeRule = AnyOf(&[Records(Op::Create), Records(Op::Update)]);

/// Approvers see the records that they decide about; whoever gives one in again may change it.
const APPROVAL_READ: ScopeRule = AllOf(&[Native("approvals", Op::Read), Records(Op::Read)]);
const APPROVAL_DECIDE: ScopeRule = AllOf(&[Native("approvals", Op::Write), Records(Op::Read)]);
const APPROVAL_RESUBMIT: ScopeRule = AllOf(&[Native("approvals", Op::Write), Records(Op::Update)]);
/// The scopes of mass delete; one version takes those of reading too (wire API 21, row 22).
const MASS_DELETE: ScopeRule = AnyOf(&[
    ByModule("mass_delete", Op::Delete),
    Only(&[V5], &ByModule("mass_delete", Op::Read)),
]);

/// The status of a mass change of owner: the founding page asks for READ and, in an error, for CREATE
/// (wire API 21, row 23).
const OWNER_STATUS: ScopeRule = AnyOf(&[ChangeOwner(Op::Read), ChangeOwner(Op::Create)]);

/// Territories and users both.
const TERRITORY_USERS: ScopeRule =
    AllOf(&[Settings("territories", Op::Read), Group("users", Op::Read)]);

/// What a process without an API answers.
pub(crate) static PROBES: &[Route] = &[
    open(Get, "/healthz", probes::health),
    open(Get, "/readyz", probes::ready),
    open(Get, "/metrics", probes::metrics),
];

/// The table.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    open(Get, "/healthz", probes::health),
    open(Get, "/readyz", probes::ready),
    open(Get, "/metrics", probes::metrics),

    open(Post, "/oauth/v2/token", auth::token),
    open(Post, "/oauth/v2/auth", auth::token),
    open(Post, "/oauth/v2/token/revoke", auth::revoke),

    wire(Get, "/crm/{version}/{module}", E::GetRecords, V2, Records(Op::Read), record_list::list),
    wire(Post, "/crm/{version}/{module}", E::InsertRecords, V2, Records(Op::Create), records::insert),
    wire(Put, "/crm/{version}/{module}", E::UpdateRecords, V2, Records(Op::Update), records::update),
    wire(Delete, "/crm/{version}/{module}", E::DeleteRecords, V2, Records(Op::Delete), records::delete),
    wire(Get, "/crm/{version}/{module}/deleted", E::GetDeletedRecords, V2, Records(Op::Read), deleted::list),
    wire(Get, "/crm/{version}/{module}/{id}", E::GetARecord, V2, Records(Op::Read), records::get),
    wire(Put, "/crm/{version}/{module}/{id}", E::UpdateARecord, V2, Records(Op::Update), records::update_one),
    wire(Delete, "/crm/{version}/{module}/{id}", E::DeleteARecord, V2, Records(Op::Delete), records::delete_one),

    wire(Get, "/crm/{version}/{module}/{id}/__timeline", E::Timelines, V5, Records(Op::Read), timeline::list),

    wire(Get, "/crm/{version}/{module}/{id}/Locking_Information__s", E::RecordLocking, V2, LOCK_READ, record_locking::list),
    wire(Post, "/crm/{version}/{module}/{id}/Locking_Information__s", E::RecordLocking, V2, LOCK_CREATE, record_locking::put),
    wire(Get, "/crm/{version}/{module}/{id}/Locking_Information__s/{lock_id}", E::RecordLocking, V2, LOCK_READ, record_locking::get),
    wire(Put, "/crm/{version}/{module}/{id}/Locking_Information__s/{lock_id}", E::RecordLocking, V2, LOCK_UPDATE, record_locking::update),
    wire(Delete, "/crm/{version}/{module}/{id}/Locking_Information__s/{lock_id}", E::RecordLocking, V2, LOCK_DELETE, record_locking::delete),

    wire(Get, "/crm/{version}/{module}/{id}/Notes", E::Notes, V2, NOTES_READ, notes::list),
    wire(Post, "/crm/{version}/{module}/{id}/Notes", E::Notes, V2, NOTES_CREATE, notes::add),
    wire(Get, "/crm/{version}/{module}/{id}/Notes/{note_id}", E::Notes, V2, NOTES_READ, notes::get),
    wire(Put, "/crm/{version}/{module}/{id}/Notes/{note_id}", E::Notes, V2, NOTES_UPDATE, notes::update),
    wire(Delete, "/crm/{version}/{module}/{id}/Notes/{note_id}", E::Notes, V2, NOTES_DELETE, notes::delete),
    wire(Post, "/crm/{version}/Notes", E::Notes, V2, RecordsOf("notes", Op::Create), notes::create),
    wire(Get, "/crm/{version}/Notes/{note_id}", E::Notes, V2, RecordsOf("notes", Op::Read), notes::get),
    wire(Put, "/crm/{version}/Notes/{note_id}", E::Notes, V2, RecordsOf("notes", Op::Update), notes::update),
    wire(Delete, "/crm/{version}/Notes/{note_id}", E::Notes, V2, RecordsOf("notes", Op::Delete), notes::delete),

    wire(Get, "/crm/{version}/{module}/{id}/Attachments", E::Attachments, V2, ATTACHMENTS_READ, attachments::list),
    wire(Post, "/crm/{version}/{module}/{id}/Attachments", E::Attachments, V2, ATTACHMENTS_CREATE, attachments::add).with_files(),
    wire(Delete, "/crm/{version}/{module}/{id}/Attachments", E::Attachments, V2, ATTACHMENTS_DELETE, attachments::delete_these),
    wire(Get, "/crm/{version}/{module}/{id}/Attachments/{attachment_id}", E::Attachments, V2, ATTACHMENTS_READ, attachments::get),
    wire(Delete, "/crm/{version}/{module}/{id}/Attachments/{attachment_id}", E::Attachments, V2, ATTACHMENTS_DELETE, attachments::delete),

    wire(Get, "/crm/{version}/{module}/{id}/actions/blueprint", E::Blueprint, V2, Records(Op::Read), blueprint::get),
    wire(Put, "/crm/{version}/{module}/{id}/actions/blueprint", E::Blueprint, V2, Records(Op::Update), blueprint::update),

    wire(Get, "/crm/{version}/{module}/{id}/__conversion_options", E::ConversionOptions, V3, Records(Op::Read), conversion_options::get),
    wire(Post, "/crm/{version}/{module}/{id}/actions/convert", E::ConvertLead, V2, Records(Op::Create), convert::convert),

    wire(Get, "/crm/{version}/{module}/{id}/actions/share", E::ShareRecords, V2, ByModule("share", Op::Read), record_sharing::list),
    wire(Post, "/crm/{version}/{module}/{id}/actions/share", E::ShareRecords, V2, ByModule("share", Op::Create), record_sharing::add),
    wire(Put, "/crm/{version}/{module}/{id}/actions/share", E::ShareRecords, V2, ByModule("share", Op::Update), record_sharing::replace),
    wire(Delete, "/crm/{version}/{module}/{id}/actions/share", E::ShareRecords, V2, ByModule("share", Op::Delete), record_sharing::revoke),

    wire(Post, "/crm/{version}/{module}/actions/assign_territories", E::AssignTerritories, V2, Records(Op::Update), record_territories::assign),
    wire(Post, "/crm/{version}/{module}/{id}/actions/assign_territories", E::AssignTerritories, V2, Records(Op::Update), record_territories::assign),
    wire(Post, "/crm/{version}/{module}/actions/remove_territories", E::RemoveTerritories, V2, Records(Op::Update), record_territories::remove),
    wire(Post, "/crm/{version}/{module}/{id}/actions/remove_territories", E::RemoveTerritories, V2, Records(Op::Update), record_territories::remove),

    wire(Post, "/crm/{version}/{module}/actions/add_tags", E::AddTags, V2, TAGGING, record_tags::add),
    wire(Post, "/crm/{version}/{module}/{id}/actions/add_tags", E::AddTags, V2, TAGGING, record_tags::add),
    wire(Post, "/crm/{version}/{module}/actions/remove_tags", E::RemoveTags, V2, Records(Op::Update), record_tags::remove),
    wire(Post, "/crm/{version}/{module}/{id}/actions/remove_tags", E::RemoveTags, V2, Records(Op::Update), record_tags::remove),

    wire(Post, "/crm/{version}/{module}/actions/mass_update", E::MassUpdate, V2, ByModule("mass_update", Op::Update), mass_update::schedule).to("schedule mass update.").or_activities(),
    wire(Get, "/crm/{version}/{module}/actions/mass_update", E::MassUpdateStatus, V2, ByModule("mass_update", Op::Read), mass_update::status).to("read records").or_activities(),

    wire(Post, "/crm/{version}/{module}/actions/mass_delete", E::MassDelete, V4, MASS_DELETE, mass_delete::schedule).to("mass delete records."),
    wire(Get, "/crm/{version}/{module}/actions/mass_delete", E::MassDelete, V4, ByModule("mass_delete", Op::Read), mass_delete::status).to("read records"),

    wire(Post, "/crm/{version}/{module}/actions/mass_convert", E::MassConvert, V4, Sub("mass_convert", "leads", Op::Create), mass_convert::schedule),
    wire(Get, "/crm/{version}/{module}/actions/mass_convert", E::MassConvert, V4, Sub("mass_convert", "leads", Op::Read), mass_convert::status),

    wire(Post, "/crm/{version}/{module}/actions/change_owner", E::ChangeOwner, V3, ChangeOwner(Op::Create), change_owner::many),
    wire(Post, "/crm/{version}/{module}/{id}/actions/change_owner", E::ChangeOwner, V3, ChangeOwner(Op::Create), change_owner::one),
    wire(Post, "/crm/{version}/{module}/actions/mass_change_owner", E::MassChangeOwner, V4, ChangeOwner(Op::Create), mass_change_owner::schedule),
    wire(Get, "/crm/{version}/{module}/actions/mass_change_owner", E::MassChangeOwner, V4, OWNER_STATUS, mass_change_owner::status).to("read records"),

    wire(Get, "/crm/{version}/org", E::Organization, V2, Group("org", Op::Read), org::get),
    wire(Get, "/crm/{version}/users", E::Users, V2, Group("users", Op::Read), users::list),
    wire(Get, "/crm/{version}/users/{id}", E::Users, V2, Group("users", Op::Read), users::get),
    wire(Get, "/crm/{version}/settings/modules", E::Modules, V2, Settings("modules", Op::Read), modules::list),
    wire(Get, "/crm/{version}/settings/modules/{api_name}", E::Modules, V2, Settings("modules", Op::Read), modules::get),
    wire(Get, "/crm/{version}/settings/fields", E::Fields, V2, Settings("fields", Op::Read), fields::list),
    wire(Get, "/crm/{version}/settings/fields/{id}", E::Fields, V2, Settings("fields", Op::Read), fields::get),
    wire(Get, "/crm/{version}/settings/layouts", E::Layouts, V2, Settings("layouts", Op::Read), layouts::list),
    wire(Get, "/crm/{version}/settings/layouts/{id}", E::Layouts, V2, Settings("layouts", Op::Read), layouts::get),
    wire(Get, "/crm/{version}/settings/record_locking_configurations", E::RecordLockingConfigurations, V2, Settings("record_locking_configurations", Op::Read), lock_configurations::list),
    wire(Get, "/crm/{version}/settings/record_locking_configurations/{id}", E::RecordLockingConfigurations, V2, Settings("record_locking_configurations", Op::Read), lock_configurations::get),
    wire(Get, "/crm/{version}/settings/custom_views", E::CustomViews, V2, Settings("custom_views", Op::Read), custom_views::list),
    wire(Get, "/crm/{version}/settings/custom_views/{id}", E::CustomViews, V2, Settings("custom_views", Op::Read), custom_views::get),
    wire(Get, "/crm/{version}/settings/roles", E::Roles, V2, Settings("roles", Op::Read), roles::list),
    wire(Get, "/crm/{version}/settings/roles/{id}", E::Roles, V2, Settings("roles", Op::Read), roles::get),
    wire(Get, "/crm/{version}/settings/profiles", E::Profiles, V2, Settings("profiles", Op::Read), profiles::list),
    wire(Get, "/crm/{version}/settings/profiles/{id}", E::Profiles, V2, Settings("profiles", Op::Read), profiles::get),
    wire(Get, "/crm/{version}/settings/territories", E::Territories, V2, Settings("territories", Op::Read), territories::list),
    wire(Get, "/crm/{version}/settings/territories/{id}", E::Territories, V2, Settings("territories", Op::Read), territories::get),
    wire(Get, "/crm/{version}/settings/territories/{id}/__child_territories", E::Territories, V2, Settings("territories", Op::Read), territories::children),
    wire(Get, "/crm/{version}/settings/territories/{id}/users", E::Territories, V2, TERRITORY_USERS, territories::users_of),
    wire(Get, "/crm/{version}/settings/territories/actions/associated_users_count", E::Territories, V2, TERRITORY_USERS, territories::users_count),

    wire(Get, "/crm/{version}/settings/tags", E::Tags, V2, Settings("tags", Op::Read), tags::list),
    wire(Post, "/crm/{version}/settings/tags", E::Tags, V2, Settings("tags", Op::Create), tags::create),
    wire(Put, "/crm/{version}/settings/tags", E::Tags, V2, Settings("tags", Op::Update), tags::update),
    wire(Put, "/crm/{version}/settings/tags/{id}", E::Tags, V2, Settings("tags", Op::Update), tags::update_one),
    wire(Delete, "/crm/{version}/settings/tags/{id}", E::Tags, V2, Settings("tags", Op::Delete), tags::delete),

    wire(Get, "/crm/{version}/settings/recycle_bin", E::RecycleBin, V6, Settings("recycle_bin", Op::Read), recycle_bin::list),
    wire(Delete, "/crm/{version}/settings/recycle_bin", E::RecycleBin, V6, Settings("recycle_bin", Op::Delete), recycle_bin::delete),
    wire(Get, "/crm/{version}/settings/recycle_bin/{record_id}", E::RecycleBin, V6, Settings("recycle_bin", Op::Read), recycle_bin::get),
    wire(Delete, "/crm/{version}/settings/recycle_bin/{record_id}", E::RecycleBin, V6, Settings("recycle_bin", Op::Delete), recycle_bin::delete_one),
    wire(Post, "/crm/{version}/settings/recycle_bin/{record_id}/actions/restore", E::RestoreRecycleBinRecords, V7, Settings("recycle_bin", Op::Update), recycle_bin::restore_one),
    wire(Post, "/crm/{version}/settings/recycle_bin/actions/restore", E::RestoreRecycleBinRecords, V7, Settings("recycle_bin", Op::Update), recycle_bin::restore),
    wire(Post, "/crm/{version}/settings/recycle_bin/actions/empty", E::EmptyRecycleBin, V7, Settings("recycle_bin", Op::Update), recycle_bin::empty),
    wire(Get, "/crm/{version}/settings/recycle_bin/actions/count", E::RecycleBin, V7, Settings("recycle_bin", Op::Read), recycle_bin::count),

    native(Get, "/swathe/v1/clients", Native("org", Op::Read), clients::list),
    native(Post, "/swathe/v1/clients", Native("org", Op::Write), clients::create),
    native(Delete, "/swathe/v1/clients/{client_id}", Native("org", Op::Write), clients::revoke),
    native(Post, "/swathe/v1/tokens", Native("org", Op::Write), tokens::create),
    native(Get, "/swathe/v1/records/{module}", Records(Op::Read), record_export::list),
    native(Get, "/swathe/v1/records/{module}/{id}/timeline", Records(Op::Read), timeline::native),
    native(Get, "/swathe/v1/records/{module}/{id}/holds", HOLD_READ, holds::list),
    native(Put, "/swathe/v1/records/{module}/{id}/holds/{kind}", HOLD_WRITE, holds::put),
    native(Delete, "/swathe/v1/records/{module}/{id}/holds/{kind}", HOLD_WRITE, holds::lift),
    native(Post, "/swathe/v1/plans", Native("jobs", Op::Write), plans::create),
    native(Get, "/swathe/v1/plans/{plan}", Native("jobs", Op::Read), plans::get),
    native(Post, "/swathe/v1/jobs", Native("jobs", Op::Write), job_request::create),
    native(Get, "/swathe/v1/jobs", Native("jobs", Op::Read), jobs::list),
    native(Get, "/swathe/v1/jobs/{job}", Native("jobs", Op::Read), jobs::get),
    native(Patch, "/swathe/v1/jobs/{job}", Native("jobs", Op::Write), job_control::throttle),
    native(Post, "/swathe/v1/jobs/{job}/actions/pause", Native("jobs", Op::Write), job_control::pause),
    native(Post, "/swathe/v1/jobs/{job}/actions/resume", Native("jobs", Op::Write), job_control::resume),
    native(Post, "/swathe/v1/jobs/{job}/actions/cancel", Native("jobs", Op::Write), job_control::cancel),
    native(Post, "/swathe/v1/jobs/{job}/actions/retry", Native("jobs", Op::Write), job_control::retry),
    native(Get, "/swathe/v1/jobs/{job}/events", Native("jobs", Op::Read), events::follow),
    native(Get, "/swathe/v1/jobs/{job}/outcomes", Native("jobs", Op::Read), outcomes::list),
    native(Post, "/swathe/v1/jobs/{job}/actions/undo", Native("jobs", Op::Write), undo::create),
    native(Get, "/swathe/v1/notify_secret", Native("jobs", Op::Write), notify_secret::get),
    native(Get, "/swathe/v1/approvals", Native("approvals", Op::Read), approvals::list),
    native(Get, "/swathe/v1/records/{module}/{id}/approval", APPROVAL_READ, approvals::get),
    native(Post, "/swathe/v1/records/{module}/{id}/approval/actions/approve", APPROVAL_DECIDE, approvals::approve),
    native(Post, "/swathe/v1/records/{module}/{id}/approval/actions/reject", APPROVAL_DECIDE, approvals::reject),
    native(Post, "/swathe/v1/records/{module}/{id}/approval/actions/resubmit", APPROVAL_RESUBMIT, approvals::resubmit),
    native(Get, "/swathe/v1/automation/failures", Native("jobs", Op::Read), automation::failures),
    native(Get, "/swathe/v1/calls", Native("org", Op::Read), calls::list),
    native(Get, "/swathe/v1/calls/{call}", Native("org", Op::Read), calls::get),
    native(Post, "/swathe/v1/calls/actions/resend", Native("org", Op::Write), calls::resend_dead),
    native(Post, "/swathe/v1/calls/{call}/actions/resend", Native("org", Op::Write), calls::resend),
    native(Get, "/swathe/v1/outbox", Native("jobs", Op::Read), outbox::list),
    native(Get, "/swathe/v1/backup", Native("backup", Op::Read), backup::get),
    native(Get, "/swathe/v1/org", Native("org", Op::Read), org_file::export),
    native(Put, "/swathe/v1/org", Native("org", Op::Write), org_file::apply),
];
