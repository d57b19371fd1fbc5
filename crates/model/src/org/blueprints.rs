//! Blueprints of an org file, and what the locks of a module leave open.

use super::build::{Draft, Meant, Scope};
use super::file::{BlueprintEntry, ModuleEntry, TransitionEntry};
use super::read::{Flaw, Text};
use super::views::unknown;
use crate::blueprint::{Blueprint, Transition};
use crate::catalog::Catalog;
use crate::criteria::Criteria;
use crate::field::{Field, FieldKind};
use crate::id::{BlueprintId, FieldId, ProfileId, TransitionId};
use crate::module::{LockExclusions, Module};

impl Draft<'_> {
    /// Fields and profiles that a lock leaves alone.
    pub(super) fn lock_exclusions(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let mut stated = entry
            .lock_excluded_fields
            .iter()
            .chain(&entry.lock_excluded_profiles);
        module.lock_exclusions = LockExclusions::default();
        if !module.locking {
            if let Some(first) = stated.next() {
                self.flaw(first, "this module's records cannot be locked");
            }
            return;
        }
        module.lock_exclusions.fields = self.fields_named(module, &entry.lock_excluded_fields);
        module.lock_exclusions.profiles = self.profiles_named(&entry.lock_excluded_profiles);
    }

    /// Takes a removed profile out of what locks leave alone. Blueprints that name it are found
    /// when they are checked: without its last profile, a transition would be everyone's.
    pub(super) fn forget_profile(&mut self, gone: ProfileId) {
        for module in &mut self.catalog.modules {
            module.lock_exclusions.profiles.retain(|id| *id != gone);
        }
    }

    /// The fields of these names; notes unknown ones and those that stand twice.
    pub(super) fn fields_named(&mut self, module: &Module, names: &[Text]) -> Vec<FieldId> {
        let mut ids: Vec<FieldId> = Vec::new();
        for name in names {
            match module.field(&name.value) {
                None => self.flaw(name, unknown(module, name)),
                Some(field) if ids.contains(&field.id) => {
                    self.flaw(name, format!("field {} stands twice", name.value));
                }
                Some(field) => ids.push(field.id),
            }
        }
        ids
    }

    /// The profiles of these names; notes unknown ones and those that stand twice.
    fn profiles_named(&mut self, names: &[Text]) -> Vec<ProfileId> {
        let mut ids: Vec<ProfileId> = Vec::new();
        for name in names {
            let mut profiles = self.catalog.profiles.iter();
            let found = profiles.find(|profile| profile.name == name.value);
            match found.map(|profile| profile.id) {
                None => self.flaw(name, format!("unknown profile \"{}\"", name.value)),
                Some(id) if ids.contains(&id) => {
                    self.flaw(name, format!("profile \"{}\" stands twice", name.value));
                }
                Some(id) => ids.push(id),
            }
        }
        ids
    }

    /// The blueprints of a module, once its fields and layouts are there.
    pub(super) fn blueprints(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let scope = Scope::of("blueprint", entry.blueprints.iter().map(|e| &e.head), self);
        for stated in &entry.blueprints {
            let known = module.blueprints.iter();
            let names: Vec<_> = known.map(|blueprint| blueprint.name.clone()).collect();
            match scope.meant(&stated.head, &names, self) {
                Meant::Existing(index) => {
                    let before = module.blueprints.get(index).cloned();
                    let made = self.blueprint(module, stated, before.as_ref());
                    if let (Some(made), Some(place)) = (made, module.blueprints.get_mut(index)) {
                        self.touched.insert(place.id.0);
                        *place = made;
                    }
                }
                Meant::New => {
                    let made = self.blueprint(module, stated, None);
                    module.blueprints.extend(made);
                }
                Meant::Remove(index) => {
                    let gone = module.blueprints.remove(index);
                    let what = format!("blueprint {}/\"{}\"", module.api_name, gone.name);
                    self.removal(&stated.head, &what);
                }
                Meant::Nothing => {}
            }
        }
    }

    fn blueprint(
        &mut self,
        module: &Module,
        entry: &BlueprintEntry,
        before: Option<&Blueprint>,
    ) -> Option<Blueprint> {
        let name = &entry.head.name;
        let Some(field) = module.field(&entry.field.value) else {
            self.flaw(&entry.field, unknown(module, &entry.field));
            return None;
        };
        if field.kind != FieldKind::Picklist {
            let message = format!("{} is no picklist: a blueprint needs one", field.api_name);
            self.flaw(&entry.field, message);
            return None;
        }
        let layout = entry.layout.as_ref().and_then(|name| {
            let mut layouts = module.layouts.iter();
            let found = layouts.find(|layout| layout.name == name.value);
            if found.is_none() {
                self.flaw(name, format!("unknown layout \"{}\"", name.value));
            }
            found.map(|layout| layout.id)
        });
        let was = before.and_then(|before| before.criteria.as_ref());
        let criteria = self.criteria_of(module, entry.criteria.as_ref(), was);
        if entry.transitions.is_empty() {
            self.flaw(
                name,
                format!("blueprint \"{}\" has no transitions", name.value),
            );
        }
        let mut transitions: Vec<Transition> = Vec::new();
        for stated in &entry.transitions {
            if transitions.iter().any(|t| t.name == stated.name.value) {
                let message = format!("duplicate transition \"{}\"", stated.name.value);
                self.flaw(&stated.name, message);
                continue;
            }
            let known = before.map(|b| b.transitions.as_slice()).unwrap_or_default();
            let known = known.iter().find(|t| t.name == stated.name.value);
            transitions.push(self.transition(module, field, stated, known));
        }
        let id = before.map(|before| before.id);
        Some(Blueprint {
            id: id.unwrap_or_else(|| BlueprintId(self.new_id())),
            name: name.value.clone(),
            field: field.id,
            layout,
            criteria,
            transitions,
        })
    }

    fn transition(
        &mut self,
        module: &Module,
        field: &Field,
        entry: &TransitionEntry,
        before: Option<&Transition>,
    ) -> Transition {
        if entry.from.value.is_empty() {
            self.flaw(
                &entry.from,
                "a transition starts somewhere: `from` is empty",
            );
        }
        let mut from: Vec<String> = Vec::new();
        for state in &entry.from.value {
            if from.contains(&state.value) {
                self.flaw(state, format!("value \"{}\" stands twice", state.value));
            } else {
                self.state(field, state);
                from.push(state.value.clone());
            }
        }
        self.state(field, &entry.to);
        let was = before.and_then(|before| before.criteria.as_ref());
        let criteria = self.criteria_of(module, entry.criteria.as_ref(), was);
        let fields = self.fields_named(module, &entry.fields);
        for name in &entry.fields {
            let named = module.field(&name.value);
            let by_server = |field: &Field| {
                field.read_only || matches!(field.kind, FieldKind::AutoNumber { .. })
            };
            if name.value == field.api_name {
                self.flaw(name, "the transition itself writes the blueprint's field");
            } else if named.is_some_and(by_server) {
                let message = format!("only the server writes {}", name.value);
                self.flaw(name, message);
            }
        }
        let id = before.map(|before| before.id);
        Transition {
            id: id.unwrap_or_else(|| TransitionId(self.new_id())),
            name: entry.name.value.clone(),
            from,
            to: entry.to.value.clone(),
            criteria,
            fields,
            profiles: self.profiles_named(&entry.profiles),
            owner_only: entry.owner_only.as_ref().is_some_and(|only| only.value),
        }
    }

    fn state(&mut self, field: &Field, state: &Text) {
        if field.pick(&state.value).is_none() {
            let message = format!("{} has no value \"{}\"", field.api_name, state.value);
            self.flaw(state, message);
        }
    }

    /// A criteria as stated; one that says the same as before stays as it is.
    pub(super) fn criteria_of(
        &mut self,
        module: &Module,
        text: Option<&Text>,
        before: Option<&Criteria>,
    ) -> Option<Criteria> {
        let text = text?;
        let criteria = match Criteria::parse(&text.value) {
            Ok(criteria) => criteria,
            Err(error) => {
                self.criteria_flaw(text, &error);
                return None;
            }
        };
        if let Err(error) = criteria.check(module) {
            self.criteria_flaw(text, &error);
        }
        let same = before.filter(|before| before.to_text() == criteria.to_text());
        Some(same.cloned().unwrap_or(criteria))
    }

    /// Checks the blueprints that the file leaves alone against the modules as they are now.
    pub(super) fn check_other_blueprints(&mut self) {
        let mut flaws = Vec::new();
        for module in &self.catalog.modules {
            let mut entries = self.file.modules.iter();
            let entry = entries.find(|entry| entry.head.name.value == module.api_name);
            let at = entry.map_or(0, |entry| entry.head.name.at);
            for blueprint in &module.blueprints {
                let mut stated = entry.iter().flat_map(|entry| &entry.blueprints);
                if stated.any(|stated| stated.head.name.value == blueprint.name) {
                    continue;
                }
                if let Some(why) = misfit(&self.catalog, module, blueprint) {
                    let message = format!(
                        "blueprint {}/\"{}\", which the file leaves alone, would break: {why}",
                        module.api_name, blueprint.name
                    );
                    flaws.push(Flaw::new(at, message));
                }
            }
        }
        self.flaws.append(&mut flaws);
    }
}

/// What a blueprint needs and the org no longer has.
fn misfit(catalog: &Catalog, module: &Module, blueprint: &Blueprint) -> Option<String> {
    let field = module
        .field_by_id(blueprint.field)
        .filter(|field| field.kind == FieldKind::Picklist);
    let Some(field) = field else {
        return Some("its field is gone or no picklist".to_owned());
    };
    if blueprint
        .layout
        .is_some_and(|id| module.layout(id).is_none())
    {
        return Some("its layout is gone".to_owned());
    }
    let ways = &blueprint.transitions;
    let states = ways.iter().flat_map(|t| t.from.iter().chain([&t.to]));
    if let Some(state) = states.into_iter().find(|s| field.pick(s).is_none()) {
        return Some(format!("{} has no value \"{state}\"", field.api_name));
    }
    let fields = ways.iter().flat_map(|t| &t.fields);
    if fields
        .into_iter()
        .any(|id| module.field_by_id(*id).is_none())
    {
        return Some("a field of a transition is gone".to_owned());
    }
    let profiles = ways.iter().flat_map(|t| &t.profiles);
    if profiles
        .into_iter()
        .any(|id| catalog.profile(*id).is_none())
    {
        return Some("a profile of a transition is gone".to_owned());
    }
    let criteria = ways
        .iter()
        .map(|t| &t.criteria)
        .chain([&blueprint.criteria]);
    let mut errors = criteria
        .flatten()
        .filter_map(|criteria| criteria.check(module).err());
    errors.next().map(|error| error.message)
}
