//! The org file as written: every table with the places of what may be wrong in it.

mod blueprint;

pub(super) use blueprint::{BlueprintEntry, TransitionEntry};

use super::approvals::{ApprovalEntry, approval_process};
use super::read::{At, Flaw, Problem, Table, Text, Texts, document, problems};
use super::rules::{LayoutRuleEntry, ValidationRuleEntry, layout_rule, validation_rule};
use super::workflow::{WorkflowRuleEntry, workflow_rule};

/// An org file whose form is right: it is TOML, and has only keys that mean something, with values
/// of their type. Whether it makes sense is for [`super::plan()`] to say.
#[derive(Clone, Debug, Default)]
pub struct OrgFile {
    pub(super) source: String,
    pub(super) org: Option<OrgEntry>,
    pub(super) limits: Option<LimitsEntry>,
    pub(super) roles: Vec<RoleEntry>,
    pub(super) profiles: Vec<ProfileEntry>,
    pub(super) users: Vec<UserEntry>,
    pub(super) territories: Vec<TerritoryEntry>,
    pub(super) modules: Vec<ModuleEntry>,
}

/// What every named entry starts with.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) name: Text,
    pub(super) was: Option<Text>,
    pub(super) remove: bool,
}

#[derive(Clone, Debug)]
pub(super) struct OrgEntry {
    pub(super) company: Text,
    pub(super) time_zone: Option<Text>,
    pub(super) currency: Option<Text>,
    pub(super) currency_symbol: Option<Text>,
    pub(super) iso_code: Option<Text>,
    pub(super) country_code: Option<Text>,
    pub(super) primary_email: Option<Text>,
    pub(super) edition: Option<Text>,
}

#[derive(Clone, Debug)]
pub(super) struct LimitsEntry {
    pub(super) records_per_job: Option<At<i64>>,
}

#[derive(Clone, Debug)]
pub(super) struct RoleEntry {
    pub(super) head: Head,
    pub(super) description: Option<Text>,
    pub(super) reports_to: Option<Text>,
    pub(super) share_with_peers: Option<At<bool>>,
}

#[derive(Clone, Debug)]
pub(super) struct ProfileEntry {
    pub(super) head: Head,
    pub(super) description: Option<Text>,
    pub(super) administrator: Option<At<bool>>,
    pub(super) transfer_to: Option<Text>,
    /// Rights by module, `*` for the modules not named.
    pub(super) modules: Vec<(Text, Texts)>,
    /// Rights by module and field.
    pub(super) fields: Vec<FieldRights>,
}

/// Rights on fields of one module: its name, then field and right.
pub(super) type FieldRights = (Text, Vec<(Text, Text)>);

#[derive(Clone, Debug)]
pub(super) struct UserEntry {
    pub(super) head: Head,
    pub(super) first_name: Option<Text>,
    pub(super) last_name: Text,
    pub(super) role: Text,
    pub(super) profile: Text,
    pub(super) status: Option<Text>,
    pub(super) confirmed: Option<At<bool>>,
    pub(super) user_type: Option<Text>,
    pub(super) time_zone: Option<Text>,
    pub(super) territories: Vec<Text>,
}

#[derive(Clone, Debug)]
pub(super) struct TerritoryEntry {
    pub(super) head: Head,
    pub(super) description: Option<Text>,
    pub(super) reports_to: Option<Text>,
    pub(super) manager: Option<Text>,
    pub(super) access: Option<Text>,
}

#[derive(Clone, Debug)]
pub(super) struct ModuleEntry {
    pub(super) head: Head,
    pub(super) singular: Option<Text>,
    pub(super) plural: Option<Text>,
    pub(super) name_field: Option<Text>,
    pub(super) territories: Option<At<bool>>,
    pub(super) locking: Option<At<bool>>,
    pub(super) sharing: Option<Text>,
    pub(super) lock_excluded_fields: Vec<Text>,
    pub(super) lock_excluded_profiles: Vec<Text>,
    pub(super) fields: Vec<FieldEntry>,
    pub(super) layouts: Vec<LayoutEntry>,
    pub(super) views: Vec<ViewEntry>,
    pub(super) validation_rules: Vec<ValidationRuleEntry>,
    pub(super) layout_rules: Vec<LayoutRuleEntry>,
    pub(super) workflow_rules: Vec<WorkflowRuleEntry>,
    pub(super) approval_processes: Vec<ApprovalEntry>,
    pub(super) blueprints: Vec<BlueprintEntry>,
}

#[derive(Clone, Debug)]
pub(super) struct FieldEntry {
    pub(super) head: Head,
    pub(super) label: Option<Text>,
    pub(super) kind: Option<Text>,
    pub(super) values: Option<Texts>,
    pub(super) remove_values: Vec<Text>,
    pub(super) max: Option<At<i64>>,
    pub(super) places: Option<At<i64>>,
    pub(super) module: Option<Text>,
    pub(super) prefix: Option<Text>,
    pub(super) start: Option<At<i64>>,
    pub(super) mandatory: Option<At<bool>>,
    pub(super) unique: Option<At<bool>>,
    pub(super) read_only: Option<At<bool>>,
    pub(super) mass_update: Option<At<bool>>,
    pub(super) computed: Option<Text>,
    pub(super) depends_on: Option<Text>,
    pub(super) maps: Vec<(Text, Texts)>,
    /// By module, the field that a lead's value goes to.
    pub(super) convert_to: Option<Vec<(Text, Text)>>,
}

#[derive(Clone, Debug)]
pub(super) struct LayoutEntry {
    pub(super) head: Head,
    pub(super) sections: Vec<SectionEntry>,
    /// Values by picklist.
    pub(super) values: Vec<(Text, Texts)>,
}

#[derive(Clone, Debug)]
pub(super) struct SectionEntry {
    pub(super) name: Text,
    pub(super) fields: Vec<Text>,
    pub(super) required: Vec<Text>,
}

#[derive(Clone, Debug)]
pub(super) struct ViewEntry {
    pub(super) head: Head,
    pub(super) system_name: Option<Text>,
    pub(super) criteria: Option<Text>,
    pub(super) fields: Option<Vec<Text>>,
    pub(super) owner: Option<Text>,
    pub(super) audience: Option<AudienceEntry>,
}

/// `"public"`, `"owner"`, or a table of whom the view is shared with.
#[derive(Clone, Debug)]
pub(super) enum AudienceEntry {
    Word(Text),
    Shared {
        users: Vec<Text>,
        roles: Vec<Text>,
        territories: Vec<Text>,
    },
}

impl OrgFile {
    /// Reads the form of an org file. Every mistake of form is in the answer, in the order of the
    /// file.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut flaws = Vec::new();
        let mut root = document(text, &mut flaws);
        let read = &mut flaws;
        let file = Self {
            source: text.to_owned(),
            org: root.table("org", "[org]", read).and_then(|t| org(t, read)),
            limits: root
                .table("limits", "[limits]", read)
                .map(|t| limits(t, read)),
            roles: each(&mut root, "role", "[[role]]", read, role),
            profiles: each(&mut root, "profile", "[[profile]]", read, profile),
            users: each(&mut root, "user", "[[user]]", read, user),
            territories: each(&mut root, "territory", "[[territory]]", read, territory),
            modules: each(&mut root, "module", "[[module]]", read, module),
        };
        root.finish(read);
        if flaws.is_empty() {
            Ok(file)
        } else {
            Err(problems(text, flaws))
        }
    }
}

/// Reads every table of an array with the same function.
pub(super) fn each<'i, T>(
    from: &mut Table<'i>,
    key: &'static str,
    noun: &'static str,
    flaws: &mut Vec<Flaw>,
    read: impl Fn(Table<'i>, &mut Vec<Flaw>) -> Option<T>,
) -> Vec<T> {
    let tables = from.tables(key, noun, flaws);
    tables
        .into_iter()
        .filter_map(|table| read(table, flaws))
        .collect()
}

pub(super) fn head(t: &mut Table<'_>, key: &'static str, flaws: &mut Vec<Flaw>) -> Option<Head> {
    let name = t.required(key, flaws);
    let was = t.text("was", flaws);
    let remove = t.truth("remove", flaws).is_some_and(|remove| remove.value);
    Some(Head {
        name: name?,
        was,
        remove,
    })
}

/// Lists of strings under keys that the org chose.
fn lists(
    t: &mut Table<'_>,
    key: &'static str,
    noun: &'static str,
    flaws: &mut Vec<Flaw>,
) -> Vec<(Text, Texts)> {
    let mut lists = Vec::new();
    if let Some(table) = t.table(key, noun, flaws) {
        for (name, value) in table.all() {
            lists.extend(value.texts(noun, flaws).map(|list| (name, list)));
        }
    }
    lists
}

pub(super) fn plain(list: Option<Texts>) -> Vec<Text> {
    list.map(|list| list.value).unwrap_or_default()
}

fn org(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<OrgEntry> {
    let company = t.required("company", flaws);
    let mut text = |key| t.text(key, flaws);
    let entry = (
        text("time_zone"),
        text("currency"),
        text("currency_symbol"),
        text("iso_code"),
        text("country_code"),
        text("primary_email"),
        text("edition"),
    );
    t.finish(flaws);
    let (time_zone, currency, currency_symbol, iso_code, country_code, primary_email, edition) =
        entry;
    Some(OrgEntry {
        company: company?,
        time_zone,
        currency,
        currency_symbol,
        iso_code,
        country_code,
        primary_email,
        edition,
    })
}

fn limits(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> LimitsEntry {
    let records_per_job = t.integer("records_per_job", flaws);
    t.finish(flaws);
    LimitsEntry { records_per_job }
}

fn role(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<RoleEntry> {
    let head = head(&mut t, "name", flaws);
    let description = t.text("description", flaws);
    let reports_to = t.text("reports_to", flaws);
    let share_with_peers = t.truth("share_with_peers", flaws);
    t.finish(flaws);
    Some(RoleEntry {
        head: head?,
        description,
        reports_to,
        share_with_peers,
    })
}

fn profile(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<ProfileEntry> {
    let head = head(&mut t, "name", flaws);
    let description = t.text("description", flaws);
    let administrator = t.truth("administrator", flaws);
    let transfer_to = t.text("transfer_to", flaws);
    let mut modules = Vec::new();
    if let Some(rights) = t.table("modules", "modules of [[profile]]", flaws) {
        for (module, value) in rights.all() {
            modules.extend(
                value
                    .texts("rights over a module", flaws)
                    .map(|list| (module, list)),
            );
        }
    }
    let mut fields = Vec::new();
    if let Some(rights) = t.table("fields", "fields of [[profile]]", flaws) {
        for (module, value) in rights.all() {
            let Some(of_module) = value.table("fields of a module in [[profile]]", flaws) else {
                continue;
            };
            let mut list = Vec::new();
            for (field, value) in of_module.all() {
                list.extend(
                    value
                        .text("the right on a field", flaws)
                        .map(|right| (field, right)),
                );
            }
            fields.push((module, list));
        }
    }
    t.finish(flaws);
    Some(ProfileEntry {
        head: head?,
        description,
        administrator,
        transfer_to,
        modules,
        fields,
    })
}

fn user(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<UserEntry> {
    let head = head(&mut t, "email", flaws);
    let first_name = t.text("first_name", flaws);
    let last_name = t.required("last_name", flaws);
    let role = t.required("role", flaws);
    let profile = t.required("profile", flaws);
    let status = t.text("status", flaws);
    let confirmed = t.truth("confirmed", flaws);
    let user_type = t.text("type", flaws);
    let time_zone = t.text("time_zone", flaws);
    let territories = plain(t.texts("territories", flaws));
    t.finish(flaws);
    Some(UserEntry {
        head: head?,
        first_name,
        last_name: last_name?,
        role: role?,
        profile: profile?,
        status,
        confirmed,
        user_type,
        time_zone,
        territories,
    })
}

fn territory(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<TerritoryEntry> {
    let head = head(&mut t, "name", flaws);
    let description = t.text("description", flaws);
    let reports_to = t.text("reports_to", flaws);
    let manager = t.text("manager", flaws);
    let access = t.text("access", flaws);
    t.finish(flaws);
    Some(TerritoryEntry {
        head: head?,
        description,
        reports_to,
        manager,
        access,
    })
}

fn module(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<ModuleEntry> {
    let head = head(&mut t, "api_name", flaws);
    let singular = t.text("singular", flaws);
    let plural = t.text("plural", flaws);
    let name_field = t.text("name_field", flaws);
    let territories = t.truth("territories", flaws);
    let locking = t.truth("locking", flaws);
    let sharing = t.text("sharing", flaws);
    let lock_excluded_fields = plain(t.texts("lock_excluded_fields", flaws));
    let lock_excluded_profiles = plain(t.texts("lock_excluded_profiles", flaws));
    let fields = each(&mut t, "field", "[[module.field]]", flaws, field);
    let layouts = each(&mut t, "layout", "[[module.layout]]", flaws, layout);
    let views = each(&mut t, "view", "[[module.view]]", flaws, view);
    let noun = "[[module.validation_rule]]";
    let validation_rules = each(&mut t, "validation_rule", noun, flaws, validation_rule);
    let noun = "[[module.layout_rule]]";
    let layout_rules = each(&mut t, "layout_rule", noun, flaws, layout_rule);
    let noun = "[[module.workflow_rule]]";
    let workflow_rules = each(&mut t, "workflow_rule", noun, flaws, workflow_rule);
    let noun = "[[module.approval_process]]";
    let approval_processes = each(&mut t, "approval_process", noun, flaws, approval_process);
    let noun = "[[module.blueprint]]";
    let blueprints = each(&mut t, "blueprint", noun, flaws, blueprint::blueprint);
    t.finish(flaws);
    Some(ModuleEntry {
        head: head?,
        singular,
        plural,
        name_field,
        territories,
        locking,
        sharing,
        lock_excluded_fields,
        lock_excluded_profiles,
        fields,
        layouts,
        views,
        validation_rules,
        layout_rules,
        workflow_rules,
        approval_processes,
        blueprints,
    })
}

fn field(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<FieldEntry> {
    let head = head(&mut t, "api_name", flaws);
    let label = t.text("label", flaws);
    let kind = t.text("type", flaws);
    let values = t.texts("values", flaws);
    let remove_values = plain(t.texts("remove_values", flaws));
    let max = t.integer("max", flaws);
    let places = t.integer("places", flaws);
    let module = t.text("module", flaws);
    let prefix = t.text("prefix", flaws);
    let start = t.integer("start", flaws);
    let mandatory = t.truth("mandatory", flaws);
    let unique = t.truth("unique", flaws);
    let read_only = t.truth("read_only", flaws);
    let mass_update = t.truth("mass_update", flaws);
    let computed = t.text("computed", flaws);
    let depends_on = t.text("depends_on", flaws);
    let maps = lists(&mut t, "maps", "maps of [[module.field]]", flaws);
    let convert_to = t.table("convert_to", "convert_to of [[module.field]]", flaws);
    let convert_to = convert_to.map(|ways| {
        let mut read = Vec::new();
        for (module, value) in ways.all() {
            let field = value.text("the field that a lead's value goes to", flaws);
            read.extend(field.map(|field| (module, field)));
        }
        read
    });
    t.finish(flaws);
    Some(FieldEntry {
        head: head?,
        label,
        kind,
        values,
        remove_values,
        max,
        places,
        module,
        prefix,
        start,
        mandatory,
        unique,
        read_only,
        mass_update,
        computed,
        depends_on,
        maps,
        convert_to,
    })
}

fn layout(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<LayoutEntry> {
    let head = head(&mut t, "name", flaws);
    let sections = each(
        &mut t,
        "section",
        "[[module.layout.section]]",
        flaws,
        section,
    );
    let values = lists(&mut t, "values", "values of [[module.layout]]", flaws);
    t.finish(flaws);
    Some(LayoutEntry {
        head: head?,
        sections,
        values,
    })
}

fn section(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<SectionEntry> {
    let name = t.required("name", flaws);
    let fields = plain(t.texts("fields", flaws));
    let required = plain(t.texts("required", flaws));
    t.finish(flaws);
    Some(SectionEntry {
        name: name?,
        fields,
        required,
    })
}

fn view(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<ViewEntry> {
    let head = head(&mut t, "name", flaws);
    let system_name = t.text("system_name", flaws);
    let criteria = t.text("criteria", flaws);
    let fields = t.texts("fields", flaws).map(|list| list.value);
    let owner = t.text("owner", flaws);
    let audience = if t.holds_text("audience") {
        t.text("audience", flaws).map(AudienceEntry::Word)
    } else {
        t.table("audience", "audience of [[module.view]]", flaws)
            .map(|mut shared| {
                let users = plain(shared.texts("users", flaws));
                let roles = plain(shared.texts("roles", flaws));
                let territories = plain(shared.texts("territories", flaws));
                shared.finish(flaws);
                AudienceEntry::Shared {
                    users,
                    roles,
                    territories,
                }
            })
    };
    t.finish(flaws);
    Some(ViewEntry {
        head: head?,
        system_name,
        criteria,
        fields,
        owner,
        audience,
    })
}
