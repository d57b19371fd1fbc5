//! A row for every line of the table of routes: what it asks of whoever uses it. A new route is a new
//! row here, or `every_route_has_its_row` fails.
//!
//! `{id}` in a pattern, a query or a body is a lead, `{view}` a view of Leads, `{user}` a user,
//! `{world}` a territory that the lead is in, `{territory}` one that it is not in, `{lock_id}` a lock
//! that is on the lead, `{note_id}` and `{attachment_id}` a note and a file of it, `{transition}` a way of the blueprint that the lead is in. Other placeholders stand in `World::fill`.

use model::access::Access;
use model::people::Right;
use server::routes::Method::{self, Delete, Get, Patch, Post, Put};

/// What a route asks for beside a token with its scope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Needs {
    /// Not even a token.
    Nothing,
    /// An active user.
    User,
    /// An administrator.
    Administrator,
    /// An administrator too; the vendor's page on emptying the recycle bin has other words for it.
    Emptying,
    /// This right over Leads.
    Module(Right),
    /// This right over Leads; the answer is about those leads that the user sees.
    Seen(Right),
    /// This right over Leads, and this access to the lead `{id}`.
    Record(Right, Access),
    /// The same, but what was only shared with the user does not count.
    OwnRecord(Right, Access),
}

#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) method: Method,
    pub(crate) pattern: &'static str,
    /// The least that a token must be good for. Over records it names the module.
    pub(crate) scope: &'static str,
    pub(crate) needs: Needs,
    pub(crate) query: &'static str,
    pub(crate) body: &'static str,
}

const fn row(method: Method, pattern: &'static str, scope: &'static str, needs: Needs) -> Row {
    Row {
        method,
        pattern,
        scope,
        needs,
        query: "",
        body: "",
    }
}

impl Row {
    const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }
}

const fn open(method: Method, pattern: &'static str) -> Row {
    row(method, pattern, "", Needs::Nothing)
}

use Access::{Full, Read, Write};
use Needs::{Administrator, Emptying, Module, OwnRecord, Record, Seen, User};

const LOCK_READ: &str = "ZohoCRM.modules.lockinginformation.READ,ZohoCRM.modules.leads.READ";
const LOCK_CREATE: &str = "ZohoCRM.modules.lockinginformation.CREATE,ZohoCRM.modules.leads.CREATE";
const LOCK_UPDATE: &str = "ZohoCRM.modules.lockinginformation.UPDATE,ZohoCRM.modules.leads.UPDATE";
const LOCK_DELETE: &str = "ZohoCRM.modules.lockinginformation.DELETE,ZohoCRM.modules.leads.DELETE";
const NOTES_READ: &str = "ZohoCRM.modules.notes.READ,ZohoCRM.modules.leads.READ";
const NOTES_CREATE: &str = "ZohoCRM.modules.notes.CREATE,ZohoCRM.modules.leads.READ";
const NOTES_UPDATE: &str = "ZohoCRM.modules.notes.UPDATE,ZohoCRM.modules.leads.READ";
const NOTES_DELETE: &str = "ZohoCRM.modules.notes.DELETE,ZohoCRM.modules.leads.READ";
const FILES_READ: &str = "ZohoCRM.modules.attachments.READ,ZohoCRM.modules.leads.READ";
const FILES_CREATE: &str = "ZohoCRM.modules.attachments.CREATE,ZohoCRM.modules.leads.READ";
const FILES_DELETE: &str = "ZohoCRM.modules.attachments.DELETE,ZohoCRM.modules.leads.READ";
const TERRITORY_USERS: &str = "ZohoCRM.settings.territories.READ,ZohoCRM.users.READ";

#[rustfmt::skip]
pub(crate) static ROWS: &[Row] = &[
    open(Get, "/healthz"),
    open(Get, "/readyz"),
    open(Get, "/metrics"),
    open(Post, "/oauth/v2/token"),
    open(Post, "/oauth/v2/auth"),
    open(Post, "/oauth/v2/token/revoke"),

    row(Get, "/crm/{version}/{module}", "ZohoCRM.modules.leads.READ", Seen(Right::View)).query("fields=Last_Name"),
    row(Get, "/crm/{version}/{module}", "ZohoCRM.modules.leads.READ", Record(Right::View, Read)).query("fields=Last_Name&ids={id}"),
    row(Post, "/crm/{version}/{module}", "ZohoCRM.modules.leads.CREATE", Module(Right::Create)).body(r#"{"data":[{"Last_Name":"New"}]}"#),
    row(Put, "/crm/{version}/{module}", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Write)).body(r#"{"data":[{"id":"{id}","Company":"New"}]}"#),
    row(Put, "/crm/{version}/{module}", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Full)).body(r#"{"data":[{"id":"{id}","Owner":{"id":"{user}"}}]}"#),
    row(Delete, "/crm/{version}/{module}", "ZohoCRM.modules.leads.DELETE", Record(Right::Delete, Full)).query("ids={id}"),
    row(Get, "/crm/{version}/{module}/{id}", "ZohoCRM.modules.leads.READ", Record(Right::View, Read)),
    row(Put, "/crm/{version}/{module}/{id}", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Write)).body(r#"{"data":[{"Company":"New"}]}"#),
    row(Delete, "/crm/{version}/{module}/{id}", "ZohoCRM.modules.leads.DELETE", Record(Right::Delete, Full)),

    row(Get, "/crm/{version}/{module}/{id}/__timeline", "ZohoCRM.modules.leads.READ", Record(Right::View, Read)),

    row(Get, "/crm/{version}/{module}/{id}/Locking_Information__s", LOCK_READ, Record(Right::View, Read)).query("fields=Locked_Reason__s&with={lock_id}"),
    row(Post, "/crm/{version}/{module}/{id}/Locking_Information__s", LOCK_CREATE, Record(Right::Edit, Write)).body(r#"{"data":[{}]}"#),
    row(Get, "/crm/{version}/{module}/{id}/Locking_Information__s/{lock_id}", LOCK_READ, Record(Right::View, Read)),
    row(Put, "/crm/{version}/{module}/{id}/Locking_Information__s/{lock_id}", LOCK_UPDATE, Record(Right::Edit, Write)).body(r#"{"data":[{"Locked_Reason__s":"audit"}]}"#),
    row(Delete, "/crm/{version}/{module}/{id}/Locking_Information__s/{lock_id}", LOCK_DELETE, Record(Right::Edit, Write)),

    row(Get, "/crm/{version}/{module}/{id}/__conversion_options", "ZohoCRM.modules.leads.READ", Record(Right::View, Read)),
    row(Post, "/crm/{version}/{module}/{id}/actions/convert", "ZohoCRM.modules.leads.CREATE", Record(Right::Convert, Write)).body(r#"{"data":[{}]}"#),

    row(Get, "/crm/{version}/{module}/{id}/Notes", NOTES_READ, Record(Right::View, Read)).query("fields=Note_Title&with={note_id}"),
    row(Post, "/crm/{version}/{module}/{id}/Notes", NOTES_CREATE, Record(Right::Edit, Write)).body(r#"{"data":[{"Note_Content":"new"}]}"#),
    row(Get, "/crm/{version}/{module}/{id}/Notes/{note_id}", NOTES_READ, Record(Right::View, Read)),
    row(Put, "/crm/{version}/{module}/{id}/Notes/{note_id}", NOTES_UPDATE, Record(Right::Edit, Write)).body(r#"{"data":[{"Note_Content":"other"}]}"#),
    row(Delete, "/crm/{version}/{module}/{id}/Notes/{note_id}", NOTES_DELETE, Record(Right::Edit, Write)),
    row(Post, "/crm/{version}/Notes", "ZohoCRM.modules.notes.CREATE", Record(Right::Edit, Write)).body(r#"{"data":[{"Note_Content":"new","Parent_Id":"{id}","$se_module":"Leads"}]}"#),
    row(Get, "/crm/{version}/Notes/{note_id}", "ZohoCRM.modules.notes.READ", Record(Right::View, Read)),
    row(Put, "/crm/{version}/Notes/{note_id}", "ZohoCRM.modules.notes.UPDATE", Record(Right::Edit, Write)).body(r#"{"data":[{"Note_Content":"other"}]}"#),
    row(Delete, "/crm/{version}/Notes/{note_id}", "ZohoCRM.modules.notes.DELETE", Record(Right::Edit, Write)),

    row(Get, "/crm/{version}/{module}/{id}/Attachments", FILES_READ, Record(Right::View, Read)).query("fields=File_Name&with={attachment_id}"),
    row(Post, "/crm/{version}/{module}/{id}/Attachments", FILES_CREATE, Record(Right::Edit, Write)).query("attachmentUrl=https://example.com/"),
    row(Delete, "/crm/{version}/{module}/{id}/Attachments", FILES_DELETE, Record(Right::Edit, Write)).query("ids={attachment_id}"),
    row(Get, "/crm/{version}/{module}/{id}/Attachments/{attachment_id}", FILES_READ, Record(Right::View, Read)),
    row(Delete, "/crm/{version}/{module}/{id}/Attachments/{attachment_id}", FILES_DELETE, Record(Right::Edit, Write)),

    row(Get, "/crm/{version}/{module}/{id}/actions/share", "ZohoCRM.share.leads.READ", Record(Right::View, Read)),
    row(Post, "/crm/{version}/{module}/{id}/actions/share", "ZohoCRM.share.leads.CREATE", OwnRecord(Right::Edit, Full)).body(r#"{"share":[{"user":{"id":"{colleague}"},"permission":"full_access"}]}"#),
    row(Put, "/crm/{version}/{module}/{id}/actions/share", "ZohoCRM.share.leads.UPDATE", OwnRecord(Right::Edit, Full)).body(r#"{"share":[{"user":{"id":"{colleague}"},"permission":"full_access"}]}"#),
    row(Delete, "/crm/{version}/{module}/{id}/actions/share", "ZohoCRM.share.leads.DELETE", OwnRecord(Right::Edit, Full)),

    row(Post, "/crm/{version}/{module}/actions/assign_territories", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Full)).body(r#"{"data":[{"id":"{id}","Territories":[{"id":"{territory}"}]}]}"#),
    row(Post, "/crm/{version}/{module}/{id}/actions/assign_territories", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Full)).body(r#"{"data":[{"Territories":[{"id":"{territory}"}]}]}"#),
    row(Post, "/crm/{version}/{module}/actions/remove_territories", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Full)).body(r#"{"data":[{"id":"{id}","Territories":[{"id":"{world}"}]}]}"#),
    row(Post, "/crm/{version}/{module}/{id}/actions/remove_territories", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Full)).body(r#"{"data":[{"Territories":[{"id":"{world}"}]}]}"#),

    row(Post, "/crm/{version}/{module}/actions/add_tags", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Write)).body(r#"{"tags":[{"name":"Hot"}],"ids":["{id}"]}"#),
    row(Post, "/crm/{version}/{module}/{id}/actions/add_tags", "ZohoCRM.modules.leads.CREATE", Record(Right::Edit, Write)).body(r#"{"tags":[{"name":"Hot"}]}"#),
    row(Post, "/crm/{version}/{module}/actions/remove_tags", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Write)).body(r#"{"tags":[{"name":"Known"}],"ids":["{id}"]}"#),
    row(Post, "/crm/{version}/{module}/{id}/actions/remove_tags", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Write)).body(r#"{"tags":[{"name":"Known"}]}"#),

    row(Post, "/crm/{version}/{module}/actions/mass_update", "ZohoCRM.mass_update.leads.UPDATE", Record(Right::MassUpdate, Write)).body(r#"{"data":[{"Lead_Source":"Trade Show"}],"ids":["{id}"]}"#),
    row(Post, "/crm/{version}/{module}/actions/mass_update", "ZohoCRM.mass_update.leads.UPDATE", Seen(Right::MassUpdate)).body(r#"{"data":[{"Lead_Source":"Trade Show"}],"cvid":"{view}"}"#),
    row(Get, "/crm/{version}/{module}/actions/mass_update", "ZohoCRM.mass_update.leads.READ", Module(Right::View)).query("job_id=1"),

    row(Post, "/crm/{version}/{module}/actions/mass_delete", "ZohoCRM.mass_delete.leads.DELETE", Record(Right::MassDelete, Full)).body(r#"{"ids":["{id}"]}"#),
    row(Post, "/crm/{version}/{module}/actions/mass_delete", "ZohoCRM.mass_delete.leads.DELETE", Seen(Right::MassDelete)).body(r#"{"cvid":"{view}"}"#),
    row(Get, "/crm/{version}/{module}/actions/mass_delete", "ZohoCRM.mass_delete.leads.READ", Module(Right::View)).query("job_id=1"),

    row(Post, "/crm/{version}/{module}/actions/mass_convert", "ZohoCRM.mass_convert.leads.CREATE", Record(Right::Convert, Read)).body(r#"{"ids":["{id}"]}"#),
    row(Get, "/crm/{version}/{module}/actions/mass_convert", "ZohoCRM.mass_convert.leads.READ", Module(Right::Convert)).query("job_id=1"),

    row(Get, "/crm/{version}/{module}/{id}/actions/blueprint", "ZohoCRM.modules.leads.READ", Record(Right::View, Read)),
    row(Put, "/crm/{version}/{module}/{id}/actions/blueprint", "ZohoCRM.modules.leads.UPDATE", Record(Right::Edit, Write)).body(r#"{"blueprint":[{"transition_id":"{transition}","data":{"Company":"New"}}]}"#),

    row(Post, "/crm/{version}/{module}/actions/change_owner", "ZohoCRM.change_owner.leads.CREATE", Record(Right::ChangeOwner, Full)).body(r#"{"ids":["{id}"],"owner":{"id":"{user}"}}"#),
    row(Post, "/crm/{version}/{module}/{id}/actions/change_owner", "ZohoCRM.change_owner.leads.CREATE", Record(Right::ChangeOwner, Full)).body(r#"{"owner":{"id":"{user}"}}"#),
    row(Post, "/crm/{version}/{module}/actions/mass_change_owner", "ZohoCRM.change_owner.leads.CREATE", Seen(Right::MassTransfer)).body(r#"{"cvid":"{view}","owner":{"id":"{user}"}}"#),
    row(Get, "/crm/{version}/{module}/actions/mass_change_owner", "ZohoCRM.change_owner.leads.READ", Module(Right::View)).query("job_id=1"),

    row(Get, "/crm/{version}/org", "ZohoCRM.org.READ", User),
    row(Get, "/crm/{version}/users", "ZohoCRM.users.READ", User),
    row(Get, "/crm/{version}/users/{id}", "ZohoCRM.users.READ", User),
    row(Get, "/crm/{version}/settings/modules", "ZohoCRM.settings.modules.READ", User),
    row(Get, "/crm/{version}/settings/modules/{api_name}", "ZohoCRM.settings.modules.READ", Module(Right::View)),
    row(Get, "/crm/{version}/settings/fields", "ZohoCRM.settings.fields.READ", Module(Right::View)).query("module=Leads"),
    row(Get, "/crm/{version}/settings/fields/{id}", "ZohoCRM.settings.fields.READ", Module(Right::View)).query("module=Leads"),
    row(Get, "/crm/{version}/settings/layouts", "ZohoCRM.settings.layouts.READ", Module(Right::View)).query("module=Leads"),
    row(Get, "/crm/{version}/settings/layouts/{id}", "ZohoCRM.settings.layouts.READ", Module(Right::View)).query("module=Leads"),
    row(Get, "/crm/{version}/settings/record_locking_configurations", "ZohoCRM.settings.record_locking_configurations.READ", Module(Right::View)).query("module=Leads"),
    row(Get, "/crm/{version}/settings/record_locking_configurations/{id}", "ZohoCRM.settings.record_locking_configurations.READ", Module(Right::View)).query("module=Leads"),
    row(Get, "/crm/{version}/settings/custom_views", "ZohoCRM.settings.custom_views.READ", Module(Right::View)).query("module=Leads"),
    row(Get, "/crm/{version}/settings/custom_views/{id}", "ZohoCRM.settings.custom_views.READ", Module(Right::View)).query("module=Leads"),
    row(Get, "/crm/{version}/settings/roles", "ZohoCRM.settings.roles.READ", User),
    row(Get, "/crm/{version}/settings/roles/{id}", "ZohoCRM.settings.roles.READ", User),
    row(Get, "/crm/{version}/settings/profiles", "ZohoCRM.settings.profiles.READ", User),
    row(Get, "/crm/{version}/settings/profiles/{id}", "ZohoCRM.settings.profiles.READ", User),
    row(Get, "/crm/{version}/settings/territories", "ZohoCRM.settings.territories.READ", User),
    row(Get, "/crm/{version}/settings/territories/{id}", "ZohoCRM.settings.territories.READ", User),
    row(Get, "/crm/{version}/settings/territories/{id}/__child_territories", "ZohoCRM.settings.territories.READ", User),
    row(Get, "/crm/{version}/settings/territories/{id}/users", TERRITORY_USERS, User),
    row(Get, "/crm/{version}/settings/territories/actions/associated_users_count", TERRITORY_USERS, User),

    row(Get, "/crm/{version}/settings/tags", "ZohoCRM.settings.tags.READ", Module(Right::View)).query("module=Leads"),
    row(Post, "/crm/{version}/settings/tags", "ZohoCRM.settings.tags.CREATE", Module(Right::Edit)).query("module=Leads").body(r#"{"tags":[{"name":"New"}]}"#),
    row(Put, "/crm/{version}/settings/tags", "ZohoCRM.settings.tags.UPDATE", Administrator).query("module=Leads").body(r#"{"tags":[{"id":"1","name":"New"}]}"#),
    row(Put, "/crm/{version}/settings/tags/{id}", "ZohoCRM.settings.tags.UPDATE", Administrator).query("module=Leads").body(r#"{"tags":[{"name":"New"}]}"#),
    row(Delete, "/crm/{version}/settings/tags/{id}", "ZohoCRM.settings.tags.DELETE", Administrator),

    row(Get, "/crm/{version}/{module}/deleted", "ZohoCRM.modules.leads.READ", Module(Right::View)),
    row(Get, "/crm/{version}/settings/recycle_bin", "ZohoCRM.settings.recycle_bin.READ", User),
    row(Delete, "/crm/{version}/settings/recycle_bin", "ZohoCRM.settings.recycle_bin.DELETE", User).query("ids={id}"),
    row(Get, "/crm/{version}/settings/recycle_bin/{record_id}", "ZohoCRM.settings.recycle_bin.READ", User),
    row(Delete, "/crm/{version}/settings/recycle_bin/{record_id}", "ZohoCRM.settings.recycle_bin.DELETE", User),
    row(Post, "/crm/{version}/settings/recycle_bin/{record_id}/actions/restore", "ZohoCRM.settings.recycle_bin.UPDATE", User),
    row(Post, "/crm/{version}/settings/recycle_bin/actions/restore", "ZohoCRM.settings.recycle_bin.UPDATE", User).body(r#"{"ids":["{id}"]}"#),
    row(Post, "/crm/{version}/settings/recycle_bin/actions/empty", "ZohoCRM.settings.recycle_bin.UPDATE", Emptying),
    row(Get, "/crm/{version}/settings/recycle_bin/actions/count", "ZohoCRM.settings.recycle_bin.READ", User),

    row(Get, "/swathe/v1/clients", "swathe.org.READ", Administrator),
    row(Post, "/swathe/v1/clients", "swathe.org.WRITE", Administrator).body(r#"{"name":"matrix"}"#),
    row(Delete, "/swathe/v1/clients/{client_id}", "swathe.org.WRITE", Administrator),
    row(Post, "/swathe/v1/tokens", "swathe.org.WRITE", Administrator).body(r#"{"user":"admin@kestrel-rowe.example.com","scope":"swathe.org.READ"}"#),
    row(Get, "/swathe/v1/records/{module}", "ZohoCRM.modules.leads.READ", Seen(Right::View)),
    row(Get, "/swathe/v1/records/{module}/{id}/timeline", "ZohoCRM.modules.leads.READ", Record(Right::View, Read)),
    row(Get, "/swathe/v1/records/{module}/{id}/holds", "swathe.holds.READ,ZohoCRM.modules.leads.READ", Administrator),
    row(Put, "/swathe/v1/records/{module}/{id}/holds/{kind}", "swathe.holds.WRITE,ZohoCRM.modules.leads.UPDATE", Administrator),
    row(Delete, "/swathe/v1/records/{module}/{id}/holds/{kind}", "swathe.holds.WRITE,ZohoCRM.modules.leads.UPDATE", Administrator),
    row(Post, "/swathe/v1/plans", "swathe.jobs.WRITE,ZohoCRM.mass_update.leads.UPDATE", Seen(Right::MassUpdate)).body(r#"{"action":"update","module":"Leads","selection":{"cvid":"{view}"},"change":{"fields":{"Lead_Source":"Trade Show"}}}"#),
    row(Post, "/swathe/v1/plans", "swathe.jobs.WRITE,ZohoCRM.mass_delete.leads.DELETE", Seen(Right::MassDelete)).body(r#"{"action":"delete","module":"Leads","selection":{"cvid":"{view}"}}"#),
    row(Post, "/swathe/v1/plans", "swathe.jobs.WRITE,ZohoCRM.change_owner.leads.CREATE", Seen(Right::MassTransfer)).body(r#"{"action":"change_owner","module":"Leads","selection":{"cvid":"{view}"},"change":{"owner":"{user}"}}"#),
    row(Get, "/swathe/v1/plans/{plan}", "swathe.jobs.READ", User),
    row(Post, "/swathe/v1/jobs", "swathe.jobs.WRITE,ZohoCRM.mass_update.leads.UPDATE", Seen(Right::MassUpdate)).body(r#"{"action":"update","module":"Leads","selection":{"criteria":"(Last_Name:equals:Ode)"},"change":{"fields":{"Lead_Source":"Trade Show"}}}"#),
    row(Get, "/swathe/v1/jobs", "swathe.jobs.READ", User),
    row(Get, "/swathe/v1/jobs/{job}", "swathe.jobs.READ", User),
    row(Patch, "/swathe/v1/jobs/{job}", "swathe.jobs.WRITE", User).body(r#"{"throttle":null}"#),
    row(Post, "/swathe/v1/jobs/{job}/actions/pause", "swathe.jobs.WRITE", User),
    row(Post, "/swathe/v1/jobs/{job}/actions/resume", "swathe.jobs.WRITE", User),
    row(Post, "/swathe/v1/jobs/{job}/actions/cancel", "swathe.jobs.WRITE", User),
    row(Post, "/swathe/v1/jobs/{job}/actions/retry", "swathe.jobs.WRITE", User),
    row(Get, "/swathe/v1/jobs/{job}/events", "swathe.jobs.READ", User),
    row(Get, "/swathe/v1/jobs/{job}/outcomes", "swathe.jobs.READ", User),
    row(Post, "/swathe/v1/jobs/{job}/actions/undo", "swathe.jobs.WRITE", User),
    row(Get, "/swathe/v1/notify_secret", "swathe.jobs.WRITE", User),
    row(Get, "/swathe/v1/approvals", "swathe.approvals.READ", User),
    row(Get, "/swathe/v1/approvals", "swathe.approvals.READ", Administrator).query("all=true"),
    row(Get, "/swathe/v1/records/{module}/{id}/approval", "swathe.approvals.READ,ZohoCRM.modules.leads.READ", User),
    row(Post, "/swathe/v1/records/{module}/{id}/approval/actions/approve", "swathe.approvals.WRITE,ZohoCRM.modules.leads.READ", User),
    row(Post, "/swathe/v1/records/{module}/{id}/approval/actions/reject", "swathe.approvals.WRITE,ZohoCRM.modules.leads.READ", User),
    row(Post, "/swathe/v1/records/{module}/{id}/approval/actions/resubmit", "swathe.approvals.WRITE,ZohoCRM.modules.leads.UPDATE", User),
    row(Get, "/swathe/v1/automation/failures", "swathe.jobs.READ", User),
    row(Get, "/swathe/v1/calls", "swathe.org.READ", Administrator),
    row(Get, "/swathe/v1/calls/{call}", "swathe.org.READ", Administrator),
    row(Post, "/swathe/v1/calls/actions/resend", "swathe.org.WRITE", Administrator).body(r#"{"job":"1"}"#),
    row(Post, "/swathe/v1/calls/{call}/actions/resend", "swathe.org.WRITE", Administrator),
    row(Get, "/swathe/v1/notify_secret", "swathe.jobs.WRITE", Administrator).query("of=org"),
    row(Get, "/swathe/v1/outbox", "swathe.jobs.READ", User),
    row(Get, "/swathe/v1/backup", "swathe.backup.READ", Administrator),
    row(Get, "/swathe/v1/org", "swathe.org.READ", Administrator),
    row(Put, "/swathe/v1/org", "swathe.org.WRITE", Administrator).body(r#"{"org":""}"#),
];
