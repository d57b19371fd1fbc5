//! The running org as an org file. What is as built in is left out, so that the file stays short
//! and a newer release may improve it.

mod blueprint;

use super::facts::{self, Names};
use super::fields::mass_update_by_default;
use super::modules::{complete, default_columns, first_layout, name_field};
use super::standard::{BuiltIn, built_in};
use crate::access::Sharing;
use crate::catalog::{Catalog, Limits};
use crate::criteria::Criteria;
use crate::field::{Field, FieldKind};
use crate::id::{FieldId, LayoutId};
use crate::module::{Layout, Module};
use crate::people::Profile;
use crate::view::{Audience, View};
use std::collections::BTreeMap;
use std::fmt::Display;

/// The org file of a catalog: applied to that catalog it changes nothing.
pub fn export(catalog: &Catalog) -> String {
    let names = Names(vec![catalog]);
    let mut out = Out(String::new());
    out.org(catalog);
    out.people(catalog, &names);
    for module in &catalog.modules {
        let mut parts = Out(String::new());
        let head = parts.module(module, built_in(), &names);
        if head || module.custom || !parts.0.is_empty() {
            out.head("[[module]]");
            out.text("api_name", &module.api_name);
            out.module_keys(module, built_in(), &names);
            out.0.push_str(&parts.0);
        }
    }
    out.0
}

/// The file in the making.
pub(super) struct Out(String);

/// A string as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

pub(super) fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|i| quoted(i.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// Lists by name, as TOML writes them in one line.
fn inline(lists: &BTreeMap<String, Vec<String>>) -> String {
    let lists = lists.iter();
    let parts: Vec<String> = lists
        .map(|(key, items)| format!("{} = {}", quoted_key(key), list(items)))
        .collect();
    format!("{{ {} }}", parts.join(", "))
}

/// A key as TOML writes it: always in double quotes, because a literal one could not hold all.
pub(super) fn quoted_key(key: &str) -> String {
    serde_json::Value::from(key).to_string()
}

impl Out {
    pub(super) fn head(&mut self, head: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(head);
        self.0.push('\n');
    }

    pub(super) fn key(&mut self, key: &str, value: impl Display) {
        self.0.push_str(&format!("{key} = {value}\n"));
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key, quoted(value));
    }

    /// A text, unless it is the default.
    fn text_unless(&mut self, key: &str, value: &str, default: &str) {
        if value != default {
            self.text(key, value);
        }
    }

    /// A key, unless it is the default.
    fn unless<T: Display + PartialEq>(&mut self, key: &str, value: T, default: T) {
        if value != default {
            self.key(key, value);
        }
    }

    fn org(&mut self, catalog: &Catalog) {
        self.head("[org]");
        for (key, value) in facts::of_org(&catalog.org) {
            self.text(&key, &value);
        }
        if catalog.org.limits != Limits::default() {
            self.head("[limits]");
            for (key, value) in facts::of_limits(catalog.org.limits) {
                self.key(&key, value);
            }
        }
    }

    fn people(&mut self, catalog: &Catalog, names: &Names<'_>) {
        for role in &catalog.roles {
            self.head("[[role]]");
            self.text("name", &role.name);
            self.text_unless("description", &role.description, "");
            if let Some(above) = role.reports_to {
                self.text("reports_to", names.role(above));
            }
            self.unless("share_with_peers", role.share_with_peers, false);
        }
        for profile in &catalog.profiles {
            self.profile(profile, catalog, names);
        }
        for territory in &catalog.territories {
            self.head("[[territory]]");
            self.text("name", &territory.name);
            self.text_unless("description", &territory.description, "");
            if let Some(above) = territory.reports_to {
                self.text("reports_to", names.territory(above));
            }
            if let Some(manager) = territory.manager {
                self.text("manager", names.user(manager));
            }
            let access = facts::access_word(territory.access);
            self.text_unless("access", access, "read_write_delete");
        }
        for user in &catalog.users {
            self.head("[[user]]");
            self.text("email", &user.email);
            self.text_unless("first_name", &user.first_name, "");
            self.text("last_name", &user.last_name);
            self.text("role", names.role(user.role));
            let profile = catalog.profile(user.profile);
            self.text("profile", profile.map_or("", |profile| &profile.name));
            self.text_unless("status", user.status.as_str(), "active");
            self.unless("confirmed", user.confirmed, true);
            self.text_unless("type", user.user_type.as_str(), "regular");
            if let Some(zone) = &user.time_zone {
                self.text("time_zone", zone);
            }
            if !user.territories.is_empty() {
                let territories = user.territories.iter().map(|id| names.territory(*id));
                self.key("territories", list(territories));
            }
        }
    }

    fn profile(&mut self, profile: &Profile, catalog: &Catalog, names: &Names<'_>) {
        let standard = built_in().profile(&profile.name, catalog);
        let standard = standard.filter(|_| !profile.custom);
        let mut keys = Self(String::new());
        let described = standard.as_ref().map_or("", |s| &s.description);
        keys.text_unless("description", &profile.description, described);
        if standard.is_none() {
            keys.unless("administrator", profile.administrator, false);
        }
        keys.text_unless("transfer_to", profile.transfer_to.as_str(), "anyone");
        if !profile.administrator {
            for module in &catalog.modules {
                let rights = |of: &Profile| of.modules.get(&module.id).cloned().unwrap_or_default();
                let now = rights(profile);
                if now != standard.as_ref().map(rights).unwrap_or_default() {
                    let key = format!("modules.{}", module.api_name);
                    keys.key(&key, list(facts::right_words(&now)));
                }
            }
            for (id, right) in &profile.fields {
                if let Some((module, field)) = names.field(*id) {
                    let key = format!("fields.{}.{}", module.api_name, field.api_name);
                    keys.text(&key, facts::field_right_word(*right));
                }
            }
        }
        if standard.is_none() || !keys.0.is_empty() {
            self.head("[[profile]]");
            self.text("name", &profile.name);
            self.0.push_str(&keys.0);
        }
    }

    /// The module's own keys, and whether there are any.
    fn module_keys(&mut self, module: &Module, built_in: &BuiltIn, names: &Names<'_>) -> bool {
        let standard = built_in.standard(module);
        let before = self.0.len();
        if let Some(standard) = standard {
            self.text_unless("singular", &module.singular, &standard.singular);
            self.text_unless("plural", &module.plural, &standard.plural);
        } else {
            self.text("singular", &module.singular);
            self.text("plural", &module.plural);
        }
        let flag = |of: fn(&Module) -> bool| standard.is_some_and(of);
        self.unless("territories", module.territories, flag(|s| s.territories));
        self.unless("locking", module.locking, flag(|s| s.locking));
        let sharing = standard.map_or(Sharing::Private, |standard| standard.sharing);
        self.text_unless("sharing", module.sharing.as_str(), sharing.as_str());
        let open = &module.lock_exclusions;
        for (key, items) in [
            (
                "lock_excluded_fields",
                facts::field_names(module, &open.fields),
            ),
            ("lock_excluded_profiles", names.profiles(&open.profiles)),
        ] {
            if !items.is_empty() {
                self.key(key, list(items));
            }
        }
        self.0.len() > before
    }

    /// The module's parts. Answers whether it has keys of its own, too.
    fn module(&mut self, module: &Module, built_in: &BuiltIn, names: &Names<'_>) -> bool {
        let own = built_in.fields(module);
        let name = module.name_field().map(|field| field.id);
        for field in &module.fields {
            let known = own.and_then(|own| own.field(&field.api_name));
            let known = known.filter(|_| !field.custom);
            if !is_given_name(module, field) {
                self.field(field, known, name == Some(field.id));
            }
        }
        let expected = expected_layouts(module, built_in);
        let same = expected.len() == module.layouts.len()
            && expected
                .iter()
                .zip(&module.layouts)
                .all(|(a, b)| facts::of_layout(a) == facts::of_layout(b));
        if !same {
            for layout in &module.layouts {
                self.layout(layout, module);
            }
        }
        for view in &module.views {
            self.view(view, module, built_in, names);
        }
        self.rules(module);
        self.workflow_rules(module, names);
        self.approval_processes(module, names);
        for of in &module.blueprints {
            self.blueprint(of, module, names);
        }
        Self(String::new()).module_keys(module, built_in, names)
    }

    fn field(&mut self, field: &Field, known: Option<&Field>, is_name: bool) {
        let default = known.map(|known| known.mass_update);
        let mass_update = mass_update_by_default(field, default, is_name);
        let same = known.is_some_and(|known| {
            facts::of_field(known) == facts::of_field(field)
                && facts::values_of(known) == facts::values_of(field)
        });
        if same {
            return;
        }
        self.head("[[module.field]]");
        self.text("api_name", &field.api_name);
        let label = field.api_name.replace('_', " ");
        self.text_unless(
            "label",
            &field.label,
            known.map_or(&label, |known| &known.label),
        );
        if known.is_none() {
            self.text("type", field.kind.data_type());
        }
        let kind = known.map(|known| &known.kind);
        match &field.kind {
            same if Some(same) == kind => {}
            FieldKind::Text { max } | FieldKind::TextArea { max } => self.key("max", max),
            FieldKind::Lookup { module } => self.text("module", module),
            FieldKind::AutoNumber { prefix, start } => {
                self.text_unless("prefix", prefix, "");
                self.unless("start", *start, 1);
            }
            kind => {
                if let Some(places) = kind.places() {
                    self.key("places", places);
                }
            }
        }
        let values = facts::values_of(field);
        if !values.is_empty() && known.map(facts::values_of).as_ref() != Some(&values) {
            self.key("values", list(values));
        }
        let depends_on = known.and_then(|known| known.depends_on.as_ref());
        if let Some(own) = field
            .depends_on
            .as_ref()
            .filter(|own| Some(*own) != depends_on)
        {
            self.text("depends_on", &own.parent);
            self.key("maps", inline(&own.maps));
        }
        let ways = known.and_then(|known| known.convert_to.as_ref());
        if let Some(own) = field.convert_to.as_ref().filter(|own| Some(*own) != ways) {
            let ways = own
                .iter()
                .map(|(into, name)| format!("{} = {}", quoted_key(into), quoted_key(name)));
            let ways: Vec<String> = ways.collect();
            self.key("convert_to", format!("{{ {} }}", ways.join(", ")));
        }
        let flag = |of: fn(&Field) -> bool| known.is_some_and(of);
        self.unless("mandatory", field.mandatory, flag(|k| k.mandatory));
        self.unless("unique", field.unique, flag(|k| k.unique));
        self.unless("read_only", field.read_only, flag(|k| k.read_only));
        self.unless("mass_update", field.mass_update, mass_update);
    }

    fn layout(&mut self, layout: &Layout, module: &Module) {
        self.head("[[module.layout]]");
        self.text("name", &layout.name);
        if !layout.values.is_empty() {
            self.key("values", inline(&layout.values));
        }
        for section in &layout.sections {
            self.head("[[module.layout.section]]");
            self.text("name", &section.name);
            self.key("fields", list(&section.fields));
            let mandatory = |name: &str| module.field(name).is_some_and(|f| f.mandatory);
            let required: Vec<_> = section.required.iter().filter(|f| !mandatory(f)).collect();
            if !required.is_empty() {
                self.key("required", list(required));
            }
        }
    }

    fn view(&mut self, view: &View, module: &Module, built_in: &BuiltIn, names: &Names<'_>) {
        let known = view
            .system_name
            .is_some()
            .then(|| built_in.view(module, view))
            .flatten();
        let columns = known.map(|known| {
            if module.custom {
                default_columns(module)
            } else {
                known.fields.clone()
            }
        });
        let text = |of: &View| of.criteria.as_ref().map(Criteria::to_text);
        let criteria = text(view);
        let same_criteria = known.is_some_and(|known| text(known) == criteria);
        let same_columns = columns.as_ref() == Some(&view.fields);
        if same_criteria && same_columns {
            return;
        }
        self.head("[[module.view]]");
        self.text("name", &view.name);
        if let Some(criteria) = criteria.filter(|_| !same_criteria) {
            self.text("criteria", &criteria);
        }
        if !same_columns {
            self.key("fields", list(&view.fields));
        }
        if let Some(owner) = view.owner {
            self.text("owner", names.user(owner));
        }
        match &view.audience {
            Audience::Public => {}
            Audience::Owner => self.text("audience", "owner"),
            Audience::Shared {
                users,
                roles,
                territories,
            } => {
                let parts = [
                    ("users", list(users.iter().map(|id| names.user(*id)))),
                    ("roles", list(roles.iter().map(|id| names.role(*id)))),
                    (
                        "territories",
                        list(territories.iter().map(|id| names.territory(*id))),
                    ),
                ];
                let parts: Vec<String> = parts
                    .into_iter()
                    .filter(|(_, list)| list != "[]")
                    .map(|(key, list)| format!("{key} = {list}"))
                    .collect();
                self.key("audience", format!("{{ {} }}", parts.join(", ")));
            }
        }
    }
}

/// Whether a field is the name that a custom module gets when its file gives it none.
fn is_given_name(module: &Module, field: &Field) -> bool {
    let given = name_field(FieldId(0));
    if !module.custom || field.custom || facts::of_field(field) != facts::of_field(&given) {
        return false;
    }
    let mut without = module.clone();
    without.fields.retain(|other| other.id != field.id);
    without.name_field().is_none()
}

/// The layouts that a module has when its file states none.
fn expected_layouts(module: &Module, built_in: &BuiltIn) -> Vec<Layout> {
    let mut expected = module.clone();
    let standard = built_in.standard(module);
    let before = match standard {
        Some(standard) => standard.clone(),
        None => Module {
            fields: Vec::new(),
            layouts: Vec::new(),
            ..module.clone()
        },
    };
    expected.layouts.clone_from(&before.layouts);
    if expected.layouts.is_empty() {
        expected.layouts = vec![first_layout(&expected, LayoutId(0))];
    }
    complete(&mut expected, &before);
    expected.layouts
}
