//! What can be said about each thing of a catalog, as texts: what a diff compares and an export
//! leaves out when it is built in.

use super::modules::COMPUTED;
use super::people::RIGHTS;
use crate::blueprint::{Blueprint, Transition};
use crate::catalog::{Catalog, Limits, Org};
use crate::criteria::Criteria;
use crate::field::{Field, FieldKind};
use crate::id::{FieldId, ProfileId, RoleId, TerritoryId, UserId};
use crate::module::{Layout, Module, RELATED_MODULES};
use crate::people::{FieldRight, Profile, Right, Role, User};
use crate::territory::{Territory, TerritoryAccess};
use crate::view::{Audience, View};

/// What is said: an attribute and its value.
pub(super) type Facts = Vec<(String, String)>;

/// Finds names of ids: in the newer catalog first, so that a renamed thing is no change of what
/// refers to it.
pub(super) struct Names<'a>(pub(super) Vec<&'a Catalog>);

impl<'a> Names<'a> {
    fn find<T>(&self, look: impl Fn(&'a Catalog) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|catalog| look(catalog))
    }

    pub(super) fn role(&self, id: RoleId) -> &'a str {
        self.find(|c| c.role(id)).map_or("?", |r| &r.name)
    }

    pub(super) fn user(&self, id: UserId) -> &'a str {
        self.find(|c| c.user(id)).map_or("?", |u| &u.email)
    }

    pub(super) fn territory(&self, id: TerritoryId) -> &'a str {
        self.find(|c| c.territory(id)).map_or("?", |t| &t.name)
    }

    pub(super) fn profiles(&self, ids: &[ProfileId]) -> Vec<&'a str> {
        let name = |id: &ProfileId| self.find(|c| c.profile(*id)).map_or("?", |p| &p.name);
        ids.iter().map(name).collect()
    }

    pub(super) fn field(&self, id: FieldId) -> Option<(&'a Module, &'a Field)> {
        self.find(|c| {
            c.modules
                .iter()
                .find_map(|m| m.field_by_id(id).map(|f| (m, f)))
        })
    }
}

fn fact(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// The words of rights.
pub(super) fn right_words(rights: &[Right]) -> Vec<&'static str> {
    let words = RIGHTS.iter().filter(|(_, right)| rights.contains(right));
    words.map(|(word, _)| *word).collect()
}

/// The word of a right on a field.
pub(super) fn field_right_word(right: FieldRight) -> &'static str {
    match right {
        FieldRight::Hidden => "hidden",
        FieldRight::ReadOnly => "read_only",
        FieldRight::Editable => "editable",
    }
}

/// The word of what members of a territory may do.
pub(super) fn access_word(access: TerritoryAccess) -> &'static str {
    match access {
        TerritoryAccess::ReadWriteDelete => "read_write_delete",
        TerritoryAccess::ReadOnly => "read_only",
    }
}

pub(super) fn of_org(org: &Org) -> Facts {
    vec![
        fact("company", &org.company),
        fact("time_zone", &org.time_zone),
        fact("currency", &org.currency),
        fact("currency_symbol", &org.currency_symbol),
        fact("iso_code", &org.iso_code),
        fact("country_code", &org.country_code),
        fact("primary_email", &org.primary_email),
        fact("edition", org.edition.as_str()),
    ]
}

pub(super) fn of_limits(limits: Limits) -> Facts {
    vec![fact("records_per_job", limits.records_per_job)]
}

pub(super) fn of_role(role: &Role, names: &Names<'_>) -> Facts {
    vec![
        fact("name", &role.name),
        fact("description", &role.description),
        fact(
            "reports_to",
            role.reports_to.map_or("nobody", |id| names.role(id)),
        ),
        fact("share_with_peers", role.share_with_peers),
    ]
}

pub(super) fn of_profile(profile: &Profile, names: &Names<'_>) -> Facts {
    let mut facts = vec![
        fact("name", &profile.name),
        fact("description", &profile.description),
        fact("administrator", profile.administrator),
        fact("transfer_to", profile.transfer_to.as_str()),
    ];
    for (id, rights) in &profile.modules {
        let module = names.find(|c| c.module_by_id(*id));
        let module = module.map_or("?", |module| &module.api_name);
        let words = right_words(rights).join(", ");
        facts.push(fact(&format!("modules.{module}"), words));
    }
    for (id, right) in &profile.fields {
        let Some((module, field)) = names.field(*id) else {
            continue;
        };
        let name = format!("fields.{}.{}", module.api_name, field.api_name);
        facts.push(fact(&name, field_right_word(*right)));
    }
    facts
}

pub(super) fn of_user(user: &User, names: &Names<'_>) -> Facts {
    let profile = names.find(|c| c.profile(user.profile));
    let territories: Vec<_> = user
        .territories
        .iter()
        .map(|id| names.territory(*id))
        .collect();
    vec![
        fact("email", &user.email),
        fact("first_name", &user.first_name),
        fact("last_name", &user.last_name),
        fact("role", names.role(user.role)),
        fact("profile", profile.map_or("?", |profile| &profile.name)),
        fact("status", user.status.as_str()),
        fact("confirmed", user.confirmed),
        fact("type", user.user_type.as_str()),
        fact(
            "time_zone",
            user.time_zone.as_deref().unwrap_or("the org's"),
        ),
        fact("territories", territories.join(", ")),
    ]
}

pub(super) fn of_territory(territory: &Territory, names: &Names<'_>) -> Facts {
    vec![
        fact("name", &territory.name),
        fact("description", &territory.description),
        fact(
            "reports_to",
            territory
                .reports_to
                .map_or("nothing", |id| names.territory(id)),
        ),
        fact(
            "manager",
            territory.manager.map_or("nobody", |id| names.user(id)),
        ),
        fact("access", access_word(territory.access)),
    ]
}

pub(super) fn of_module(module: &Module, names: &Names<'_>) -> Facts {
    vec![
        fact("api_name", &module.api_name),
        fact("singular", &module.singular),
        fact("plural", &module.plural),
        fact(
            "name_field",
            module.named_by.as_deref().unwrap_or("by rule"),
        ),
        fact("territories", module.territories),
        fact("locking", module.locking),
        fact("sharing", module.sharing.as_str()),
        fact(
            "lock_excluded_fields",
            field_names(module, &module.lock_exclusions.fields).join(", "),
        ),
        fact(
            "lock_excluded_profiles",
            names.profiles(&module.lock_exclusions.profiles).join(", "),
        ),
    ]
}

/// Api names of fields of a module.
pub(super) fn field_names<'m>(module: &'m Module, ids: &[FieldId]) -> Vec<&'m str> {
    let name = |id: &FieldId| module.field_by_id(*id).map_or("?", |f| f.api_name.as_str());
    ids.iter().map(name).collect()
}

/// Facts of a blueprint: its own, and one for each transition.
pub(super) fn of_blueprint(module: &Module, of: &Blueprint, names: &Names<'_>) -> Facts {
    let layout = of.layout.and_then(|id| module.layout(id));
    let mut facts = vec![
        fact("name", &of.name),
        fact("field", field_names(module, &[of.field]).join("")),
        fact("layout", layout.map_or("any", |layout| &layout.name)),
        fact("criteria", criteria_text(of.criteria.as_ref())),
    ];
    for transition in &of.transitions {
        let name = format!("transition \"{}\"", transition.name);
        facts.push(fact(&name, of_transition(module, transition, names)));
    }
    let order: Vec<&str> = of.transitions.iter().map(|t| t.name.as_str()).collect();
    facts.push(fact("transitions", order.join(", ")));
    facts
}

fn of_transition(module: &Module, of: &Transition, names: &Names<'_>) -> String {
    let mut told = format!("{} -> {}", of.from.join(", "), of.to);
    if of.criteria.is_some() {
        told.push_str(&format!(" if {}", criteria_text(of.criteria.as_ref())));
    }
    for (noun, list) in [
        ("with", field_names(module, &of.fields)),
        ("by", names.profiles(&of.profiles)),
    ] {
        if !list.is_empty() {
            told.push_str(&format!(" {noun} {}", list.join(", ")));
        }
    }
    if of.owner_only {
        told.push_str(" by the owner only");
    }
    told
}

pub(super) fn criteria_text(criteria: Option<&Criteria>) -> String {
    criteria.map_or_else(|| "none".to_owned(), Criteria::to_text)
}

/// Facts of a field without its values.
pub(super) fn of_field(field: &Field) -> Facts {
    let mut facts = vec![
        fact("api_name", &field.api_name),
        fact("label", &field.label),
        fact("type", field.kind.data_type()),
        fact("mandatory", field.mandatory),
        fact("unique", field.unique),
        fact("read_only", field.read_only),
        fact("mass_update", field.mass_update),
    ];
    match &field.kind {
        FieldKind::Text { max } | FieldKind::TextArea { max } => facts.push(fact("max", max)),
        FieldKind::Lookup { module } => facts.push(fact("module", module)),
        FieldKind::RelatedTo => facts.push(fact("module", RELATED_MODULES)),
        FieldKind::AutoNumber { prefix, start } => {
            facts.push(fact("prefix", prefix));
            facts.push(fact("start", start));
        }
        kind => facts.extend(kind.places().map(|places| fact("places", places))),
    }
    if let Some(dependency) = &field.depends_on {
        facts.push(fact("depends_on", &dependency.parent));
        for (value, allowed) in &dependency.maps {
            facts.push(fact(&format!("maps.{value}"), allowed.join(", ")));
        }
    }
    if let Some(ways) = &field.convert_to {
        if ways.is_empty() {
            facts.push(fact("convert_to", "nothing"));
        }
        for (into, name) in ways {
            facts.push(fact(&format!("convert_to.{into}"), name));
        }
    }
    if let Some(computed) = field.computed {
        let words = COMPUTED.iter().filter(|(_, known)| *known == computed);
        facts.extend(words.map(|(word, _)| fact("computed", word)));
    }
    facts
}

/// The values of a picklist, in order.
pub(super) fn values_of(field: &Field) -> Vec<&str> {
    field.values.iter().map(|v| v.value.as_str()).collect()
}

pub(super) fn of_layout(layout: &Layout) -> Facts {
    let mut facts = vec![fact("name", &layout.name)];
    for section in &layout.sections {
        let fields: Vec<String> = section
            .fields
            .iter()
            .map(|field| {
                let star = if section.required.contains(field) {
                    "*"
                } else {
                    ""
                };
                format!("{field}{star}")
            })
            .collect();
        let mut name = format!("section \"{}\"", section.name);
        // Two sections may have one name.
        while facts.iter().any(|(known, _)| *known == name) {
            name.push_str(" again");
        }
        facts.push(fact(&name, fields.join(", ")));
    }
    let order: Vec<&str> = layout.sections.iter().map(|s| s.name.as_str()).collect();
    facts.push(fact("sections", order.join(", ")));
    for (field, values) in &layout.values {
        facts.push(fact(&format!("values.{field}"), values.join(", ")));
    }
    facts
}

pub(super) fn of_view(view: &View, names: &Names<'_>) -> Facts {
    vec![
        fact("name", &view.name),
        fact("criteria", criteria_text(view.criteria.as_ref())),
        fact("fields", view.fields.join(", ")),
        fact("owner", view.owner.map_or("nobody", |id| names.user(id))),
        fact("audience", audience(&view.audience, names)),
    ]
}

fn audience(audience: &Audience, names: &Names<'_>) -> String {
    match audience {
        Audience::Public => "public".to_owned(),
        Audience::Owner => "owner".to_owned(),
        Audience::Shared {
            users,
            roles,
            territories,
        } => {
            let users: Vec<_> = users.iter().map(|id| names.user(*id)).collect();
            let roles: Vec<_> = roles.iter().map(|id| names.role(*id)).collect();
            let territories: Vec<_> = territories.iter().map(|id| names.territory(*id)).collect();
            let parts = [
                ("users", users),
                ("roles", roles),
                ("territories", territories),
            ];
            let told: Vec<String> = parts
                .into_iter()
                .filter(|(_, list)| !list.is_empty())
                .map(|(noun, list)| format!("{noun} {}", list.join(", ")))
                .collect();
            if told.is_empty() {
                "nobody but the owner".to_owned()
            } else {
                told.join("; ")
            }
        }
    }
}
