//! Layouts and views of an org file.

use super::build::{Draft, Meant, Scope};
use super::file::{AudienceEntry, LayoutEntry, ModuleEntry, ViewEntry};
use super::modules::default_columns;
use super::read::{Flaw, Text, inside};
use crate::criteria::{Criteria, CriteriaError};
use crate::id::{LayoutId, UserId, ViewId};
use crate::module::{Layout, Module, Section};
use crate::people::UserStatus;
use crate::view::{Audience, View};
use std::collections::BTreeMap;

impl Draft<'_> {
    /// Layouts, views and blueprints, once every field, user, role and territory is there.
    pub(super) fn layouts_and_views(&mut self) {
        for entry in &self.file.modules {
            let mut modules = self.catalog.modules.iter();
            let place = modules.position(|m| m.api_name == entry.head.name.value);
            let Some(place) = place.filter(|_| !entry.head.remove) else {
                continue;
            };
            if let Some(mut module) = self.catalog.modules.get(place).cloned() {
                self.layouts(&mut module, entry);
                if module.views.is_empty() {
                    self.add_system_views(&mut module, entry);
                }
                self.views(&mut module, entry);
                self.rules(&mut module, entry);
                self.workflow_rules(&mut module, entry);
                self.approval_processes(&mut module, entry);
                self.blueprints(&mut module, entry);
                if let Some(place) = self.catalog.modules.get_mut(place) {
                    *place = module;
                }
            }
        }
    }

    fn layouts(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let scope = Scope::of("layout", entry.layouts.iter().map(|e| &e.head), self);
        for stated in &entry.layouts {
            let names: Vec<_> = module.layouts.iter().map(|l| l.name.clone()).collect();
            match scope.meant(&stated.head, &names, self) {
                Meant::Existing(index) => {
                    let sections = self.sections(module, stated);
                    let values = self.layout_values(module, stated);
                    if let Some(layout) = module.layouts.get_mut(index) {
                        self.touched.insert(layout.id.0);
                        layout.name.clone_from(&stated.head.name.value);
                        layout.sections = sections;
                        layout.values = values;
                    }
                }
                Meant::New => {
                    let sections = self.sections(module, stated);
                    let values = self.layout_values(module, stated);
                    module.layouts.push(Layout {
                        id: LayoutId(self.new_id()),
                        name: stated.head.name.value.clone(),
                        sections,
                        values,
                    });
                }
                Meant::Remove(index) => {
                    module.layouts.remove(index);
                    let name = &stated.head.name.value;
                    let what = format!("layout {}/\"{name}\"", module.api_name);
                    self.removal(&stated.head, &what);
                    if module.layouts.is_empty() {
                        self.flaw(&stated.head.name, "a module keeps at least one layout");
                    }
                }
                Meant::Nothing => {}
            }
        }
    }

    fn sections(&mut self, module: &Module, entry: &LayoutEntry) -> Vec<Section> {
        let mut sections = Vec::new();
        let mut shown: Vec<&str> = Vec::new();
        for stated in &entry.sections {
            let mut section = Section {
                name: stated.name.value.clone(),
                fields: Vec::new(),
                required: Vec::new(),
            };
            for name in &stated.fields {
                if shown.contains(&name.value.as_str()) {
                    let message = format!("field {} stands twice in the layout", name.value);
                    self.flaw(name, message);
                } else if let Some(field) = module.field(&name.value) {
                    shown.push(&name.value);
                    section.fields.push(name.value.clone());
                    if field.mandatory {
                        section.required.push(name.value.clone());
                    }
                } else {
                    self.flaw(name, unknown(module, name));
                }
            }
            for name in &stated.required {
                let here = stated.fields.iter().any(|f| f.value == name.value);
                if !here {
                    let message = format!("field {} is not in this section", name.value);
                    self.flaw(name, message);
                } else if !section.required.contains(&name.value) {
                    section.required.push(name.value.clone());
                }
            }
            sections.push(section);
        }
        for field in module.fields.iter().filter(|field| field.mandatory) {
            if !shown.contains(&field.api_name.as_str()) {
                let message = format!("the layout lacks the mandatory field {}", field.api_name);
                self.flaw(&entry.head.name, message);
            }
        }
        sections
    }

    fn views(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let scope = Scope::of("view", entry.views.iter().map(|e| &e.head), self);
        for stated in &entry.views {
            let names: Vec<_> = module.views.iter().map(|v| v.name.clone()).collect();
            let standard = self.standard;
            if let Some(name) = stated.system_name.as_ref().filter(|_| !standard) {
                self.flaw(name, "only built-in views have a system name");
            }
            match scope.meant(&stated.head, &names, self) {
                Meant::Existing(index) => {
                    let Some(mut view) = module.views.get(index).cloned() else {
                        continue;
                    };
                    self.touched.insert(view.id.0);
                    if view.system_name.is_some() && !standard {
                        self.check_system_view(stated, &view);
                    }
                    view.name.clone_from(&stated.head.name.value);
                    self.view(module, stated, &mut view);
                    if let Some(place) = module.views.get_mut(index) {
                        *place = view;
                    }
                }
                Meant::New => {
                    let mut view = View {
                        id: ViewId(self.new_id()),
                        name: stated.head.name.value.clone(),
                        system_name: stated.system_name.as_ref().map(|s| s.value.clone()),
                        criteria: None,
                        fields: Vec::new(),
                        owner: None,
                        audience: Audience::Public,
                    };
                    self.view(module, stated, &mut view);
                    module.views.push(view);
                }
                Meant::Remove(index) => {
                    let gone = module.views.remove(index);
                    let what = format!("view {}/\"{}\"", module.api_name, gone.name);
                    self.removal(&stated.head, &what);
                    if gone.system_name.is_some() {
                        self.flaw(&stated.head.name, "a system view cannot be removed");
                    }
                }
                Meant::Nothing => {}
            }
        }
    }

    fn check_system_view(&mut self, stated: &ViewEntry, view: &View) {
        if view.name != stated.head.name.value {
            self.flaw(&stated.head.name, "a system view cannot be renamed");
        }
        if let Some(owner) = &stated.owner {
            self.flaw(owner, "a system view has no owner");
        }
        if stated.audience.is_some() {
            let message = "a system view is for everyone who may see the module";
            self.flaw(&stated.head.name, message);
        }
    }

    fn view(&mut self, module: &Module, stated: &ViewEntry, view: &mut View) {
        let system = view.system_name.is_some();
        match &stated.criteria {
            Some(text) => match Criteria::parse(&text.value) {
                Ok(criteria) => {
                    // Only another text is another criteria: the running org may hold the same one
                    // read from JSON, with numbers where the text form has texts.
                    let now = view.criteria.as_ref().map(Criteria::to_text);
                    if now.as_ref() != Some(&criteria.to_text()) {
                        view.criteria = Some(criteria.clone());
                    }
                    if let Err(error) = criteria.check(module) {
                        self.criteria_flaw(text, &error);
                    }
                }
                Err(error) => self.criteria_flaw(text, &error),
            },
            None if system => {
                if let Some(built_in) = self.built_in.view(module, view) {
                    view.criteria.clone_from(&built_in.criteria);
                }
            }
            None => {
                let name = &stated.head.name;
                self.flaw(name, format!("view \"{}\" needs criteria", name.value));
            }
        }
        if let Some(columns) = &stated.fields {
            view.fields.clear();
            for name in columns {
                if module.field(&name.value).is_none() {
                    self.flaw(name, unknown(module, name));
                } else if view.fields.contains(&name.value) {
                    self.flaw(name, format!("column {} stands twice", name.value));
                } else {
                    view.fields.push(name.value.clone());
                }
            }
        }
        if view.fields.is_empty() {
            view.fields = default_columns(module);
        }
        if system {
            return;
        }
        match &stated.owner {
            Some(owner) => view.owner = self.user_named(owner).or(view.owner),
            None if view.owner.is_none() => view.owner = self.first_administrator(),
            None => {}
        }
        view.audience = self.audience(stated.audience.as_ref());
    }

    pub(super) fn criteria_flaw(&mut self, text: &Text, error: &CriteriaError) {
        let at = inside(&self.file.source, text.at, error.offset);
        self.flaws
            .push(Flaw::new(at, format!("criteria: {}", error.message)));
    }

    fn first_administrator(&self) -> Option<UserId> {
        let administrators = self.catalog.users.iter().find(|user| {
            let profile = self.catalog.profile(user.profile);
            profile.is_some_and(|p| p.administrator)
                && user.status == UserStatus::Active
                && user.confirmed
        });
        administrators.map(|user| user.id)
    }

    fn audience(&mut self, stated: Option<&AudienceEntry>) -> Audience {
        match stated {
            None => Audience::Public,
            Some(AudienceEntry::Word(word)) => match word.value.as_str() {
                "public" => Audience::Public,
                "owner" => Audience::Owner,
                other => {
                    let message = format!(
                        "audience is \"public\", \"owner\" or a table of users, roles and \
                         territories, not \"{other}\""
                    );
                    self.flaw(word, message);
                    Audience::Owner
                }
            },
            Some(AudienceEntry::Shared {
                users,
                roles,
                territories,
            }) => {
                let mut user_ids = Vec::new();
                for user in users {
                    let id = self.user_named(user);
                    user_ids.extend(id.filter(|id| !user_ids.contains(id)));
                }
                let mut role_ids = Vec::new();
                for role in roles {
                    let id = self.role_named(role);
                    role_ids.extend(id.filter(|id| !role_ids.contains(id)));
                }
                Audience::Shared {
                    users: user_ids,
                    roles: role_ids,
                    territories: self.territories_named(territories),
                }
            }
        }
    }

    /// Checks the views that the file leaves alone against the modules as they are now.
    pub(super) fn check_other_views(&mut self) {
        let mut entries: BTreeMap<&str, &ModuleEntry> = BTreeMap::new();
        for entry in &self.file.modules {
            entries.insert(&entry.head.name.value, entry);
        }
        let mut flaws = Vec::new();
        for module in &mut self.catalog.modules {
            let columns = default_columns(module);
            for view in &mut module.views {
                if view.fields.is_empty() {
                    view.fields.clone_from(&columns);
                }
            }
            let entry = entries.get(module.api_name.as_str());
            for view in &module.views {
                let mut stated = entry.iter().flat_map(|entry| &entry.views);
                if stated.any(|stated| stated.head.name.value == view.name) {
                    continue;
                }
                let checked = view.criteria.as_ref().map_or(Ok(()), |c| c.check(module));
                if let Err(error) = checked {
                    let message = format!(
                        "view {}/\"{}\", which the file leaves alone, would break: {}",
                        module.api_name, view.name, error.message
                    );
                    flaws.push(Flaw::new(entry.map_or(0, |e| e.head.name.at), message));
                }
            }
        }
        self.flaws.append(&mut flaws);
    }
}

pub(super) fn unknown(module: &Module, name: &Text) -> String {
    format!("unknown field {}.{}", module.api_name, name.value)
}

/// Puts a field's new name wherever a criteria uses the old one.
pub(super) fn rename_in(criteria: &mut Criteria, old: &str, new: &str) {
    match criteria {
        Criteria::Condition(condition) => {
            if condition.field == old {
                new.clone_into(&mut condition.field);
            }
        }
        Criteria::Group { items, .. } => {
            for item in items {
                rename_in(item, old, new);
            }
        }
    }
}
