//! Fields of an org file.

use super::build::{Draft, Meant, Scope};
use super::conversion::ways_of;
use super::file::{FieldEntry, ModuleEntry};
use super::kinds::{able, may_become, told};
use super::modules::COMPUTED;
use super::read::{At, Text};
use super::rules::rename_in_rules;
use super::views::rename_in;
use crate::field::{Field, FieldKind, PickValue};
use crate::id::{FieldId, PickId};
use crate::module::Module;
use std::collections::BTreeSet;

/// Names that the server keeps for itself.
const RESERVED: [&str; 8] = [
    "id",
    "rev",
    "rowid",
    "oid",
    "tag",
    "territories",
    "territory",
    "record_status__s",
];

/// Characters of a picklist value.
const PICK_MAX: usize = 120;

impl Draft<'_> {
    pub(super) fn fields(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let scope = Scope::of("field", entry.fields.iter().map(|e| &e.head), self);
        for stated in &entry.fields {
            let names: Vec<_> = module.fields.iter().map(|f| f.api_name.clone()).collect();
            match scope.meant(&stated.head, &names, self) {
                Meant::Existing(index) => {
                    let Some(current) = module.fields.get(index).cloned() else {
                        continue;
                    };
                    let field = self.existing_field(module, stated, &current);
                    if field.api_name != current.api_name {
                        rename_field(module, &current.api_name, &field.api_name);
                        let names = (current.api_name.clone(), field.api_name.clone());
                        self.renamed.push((module.api_name.clone(), names));
                    }
                    if let Some(place) = module.fields.get_mut(index) {
                        *place = field;
                    }
                }
                Meant::New => {
                    self.check_field_name(&stated.head.name);
                    let standard = self
                        .built_in_field(module, &stated.head.name.value)
                        .cloned();
                    let fresh = standard.map(|standard| self.fresh_field(&standard));
                    if let Some(field) = self.field(stated, fresh.as_ref(), None) {
                        module.fields.push(field);
                    }
                }
                Meant::Remove(index) => {
                    let gone = module.fields.remove(index);
                    if !gone.custom {
                        self.flaw(&stated.head.name, "a standard field cannot be removed");
                    }
                    let what = format!("field {}.{}", module.api_name, gone.api_name);
                    self.removal(&stated.head, &what);
                    self.forget_field(module, &gone);
                }
                Meant::Nothing => {}
            }
        }
    }

    fn built_in_field(&self, module: &Module, name: &str) -> Option<&Field> {
        self.built_in.fields(module)?.field(name)
    }

    fn check_field_name(&mut self, name: &Text) {
        self.check_api_name(name);
        let lower = name.value.to_lowercase();
        if !self.standard && (RESERVED.contains(&lower.as_str()) || lower.ends_with("__s")) {
            let message = format!("field name \"{}\" is reserved", name.value);
            self.flaw(name, message);
        }
    }

    fn existing_field(&mut self, module: &Module, stated: &FieldEntry, current: &Field) -> Field {
        self.touched.insert(current.id.0);
        let name = &stated.head.name;
        if current.api_name != name.value {
            self.check_field_name(name);
            if !current.custom {
                self.flaw(name, "a standard field cannot be renamed");
            }
        }
        let standard = self.built_in_field(module, &current.api_name).cloned();
        let standard = standard.filter(|_| !current.custom);
        let made = self.field(stated, standard.as_ref(), Some(current));
        let Some(mut made) = made else {
            return current.clone();
        };
        if !may_become(&current.kind, &made.kind) {
            let at = stated.kind.as_ref().unwrap_or(name);
            let message = format!(
                "{}.{} holds {} and cannot become {}",
                module.api_name,
                current.api_name,
                told(&current.kind),
                told(&made.kind)
            );
            self.flaw(at, message);
            // One mistake is enough: the views that use the field are not judged by it.
            made.kind = current.kind.clone();
        }
        made
    }

    /// A field as an entry states it. What the entry does not say is as built in, or has its
    /// default.
    fn field(
        &mut self,
        entry: &FieldEntry,
        standard: Option<&Field>,
        current: Option<&Field>,
    ) -> Option<Field> {
        let name = &entry.head.name.value;
        let kind = self.kind(entry, standard)?;
        let flag = |stated: &Option<At<bool>>, built_in: Option<bool>| {
            stated
                .as_ref()
                .map_or(built_in.unwrap_or_default(), |stated| stated.value)
        };
        let computed = self.computed(entry).or(standard.and_then(|s| s.computed));
        let field = Field {
            id: current.or(standard).map_or(FieldId(0), |known| known.id),
            api_name: name.clone(),
            label: entry
                .label
                .as_ref()
                .map(|label| label.value.clone())
                .or_else(|| standard.map(|s| s.label.clone()))
                .unwrap_or_else(|| name.replace('_', " ")),
            custom: standard.is_none() && current.map_or(!self.standard, |c| c.custom),
            mandatory: flag(&entry.mandatory, standard.map(|s| s.mandatory)),
            read_only: flag(&entry.read_only, standard.map(|s| s.read_only)),
            unique: flag(&entry.unique, standard.map(|s| s.unique)),
            mass_update: false,
            values: self.values(entry, &kind, standard, current),
            depends_on: self.dependency(entry, &kind, standard),
            computed,
            convert_to: ways_of(entry)
                .or_else(|| standard.and_then(|standard| standard.convert_to.clone())),
            kind,
        };
        let field = Field {
            id: if field.id.0 == 0 {
                FieldId(self.new_id())
            } else {
                field.id
            },
            ..field
        };
        self.check_flags(entry, &field, standard);
        Some(field)
    }

    fn check_flags(&mut self, entry: &FieldEntry, field: &Field, standard: Option<&Field>) {
        use FieldKind as K;
        if let Some(unique) = entry.unique.as_ref().filter(|unique| unique.value) {
            let comparable = matches!(
                field.kind,
                K::Text { .. } | K::Email | K::Phone | K::Website | K::Integer | K::BigInt
            );
            if !comparable {
                let message = format!("{} cannot be unique", told(&field.kind));
                self.flaw(unique, message);
            }
        }
        let by_server = field.read_only
            || field.computed.is_some()
            || matches!(field.kind, K::AutoNumber { .. });
        if let Some(mandatory) = entry.mandatory.as_ref().filter(|m| m.value)
            && by_server
            && !self.standard
        {
            self.flaw(
                mandatory,
                "a field that only the server writes cannot be mandatory",
            );
        }
        if let Some(mandatory) = entry.mandatory.as_ref().filter(|m| !m.value)
            && standard.is_some_and(|standard| standard.mandatory)
        {
            self.flaw(mandatory, "a standard mandatory field stays mandatory");
        }
        if let Some(read_only) = entry.read_only.as_ref().filter(|r| !r.value)
            && standard.is_some_and(|standard| standard.read_only)
        {
            self.flaw(read_only, "only the server writes this field");
        }
        if let Some(mass_update) = entry.mass_update.as_ref().filter(|m| m.value) {
            let able = !by_server && !field.unique && !matches!(field.kind, K::OwnerLookup);
            if !able {
                self.flaw(
                    mass_update,
                    "a unique field, the owner, or one that the server writes cannot be mass updated",
                );
            }
        }
    }

    fn computed(&mut self, entry: &FieldEntry) -> Option<crate::field::Computed> {
        let word = entry.computed.as_ref()?;
        let found = COMPUTED.iter().find(|(name, _)| *name == word.value);
        if found.is_none() || !self.standard {
            self.flaw(word, "only built-in fields are computed");
        }
        found.map(|(_, computed)| *computed)
    }

    /// The values of a picklist. Known ones keep their ids; those of the running org that the
    /// entry lacks stay, after the stated ones, because records may hold them.
    fn values(
        &mut self,
        entry: &FieldEntry,
        kind: &FieldKind,
        standard: Option<&Field>,
        current: Option<&Field>,
    ) -> Vec<PickValue> {
        let picklist = matches!(kind, FieldKind::Picklist | FieldKind::MultiSelectPicklist);
        if !picklist {
            if let Some(values) = &entry.values {
                let message = format!("{} has no values", told(kind));
                self.flaw(values, message);
            }
            return Vec::new();
        }
        let known = current
            .map(|field| field.values.as_slice())
            .unwrap_or_default();
        let mut removed = BTreeSet::new();
        for gone in &entry.remove_values {
            removed.insert(gone.value.as_str());
            if known.iter().any(|value| value.value == gone.value) {
                self.removals.push(super::read::Flaw::new(
                    gone.at,
                    format!(
                        "value \"{}\" would be removed: this needs --allow-remove",
                        gone.value
                    ),
                ));
            }
        }
        let mut values: Vec<PickValue> = Vec::new();
        if let Some(stated) = &entry.values {
            for text in &stated.value {
                let repeated = values.iter().any(|value| value.value == text.value);
                let fault = if text.value.trim().is_empty() {
                    Some("is empty")
                } else if text.value.chars().count() > PICK_MAX {
                    Some("is longer than 120 characters")
                } else if repeated {
                    Some("stands twice")
                } else if removed.contains(text.value.as_str()) {
                    Some("is removed below")
                } else {
                    None
                };
                if let Some(fault) = fault {
                    self.flaw(text, format!("value \"{}\" {fault}", text.value));
                    continue;
                }
                let known = known.iter().find(|value| value.value == text.value);
                let id = known.map_or_else(|| PickId(self.new_id()), |value| value.id);
                values.push(PickValue {
                    id,
                    value: text.value.clone(),
                });
            }
        } else if current.is_none() {
            values = standard.map(|s| s.values.clone()).unwrap_or_default();
        }
        for value in known {
            // A provisional id: built in, and no record of the running org can hold it yet.
            let replaced = entry.values.is_some() && value.id.0 < 0;
            let stated = values.iter().any(|v| v.value == value.value);
            if !stated && !replaced && !removed.contains(value.value.as_str()) {
                values.push(value.clone());
            }
        }
        if values.is_empty() {
            let name = &entry.head.name;
            self.flaw(name, format!("picklist \"{}\" has no values", name.value));
        }
        if entry.values.is_some() {
            self.touched.extend(
                values
                    .iter()
                    .filter(|v| {
                        entry
                            .values
                            .iter()
                            .flat_map(|list| &list.value)
                            .any(|s| s.value == v.value)
                    })
                    .map(|v| v.id.0),
            );
        }
        values
    }

    /// Whether a mass update may write each field, by the rule of thumb unless the entry says
    /// (wire API 11.2).
    pub(super) fn default_mass_update(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let name = module.name_field().map(|field| field.id);
        let standard: Vec<_> = module
            .fields
            .iter()
            .map(|field| {
                let known = self.built_in_field(module, &field.api_name);
                known
                    .filter(|_| !field.custom)
                    .map(|known| known.mass_update)
            })
            .collect();
        for (field, standard) in module.fields.iter_mut().zip(standard) {
            let stated = entry
                .fields
                .iter()
                .find(|e| e.head.name.value == field.api_name);
            let Some(stated) = stated else {
                continue;
            };
            let by_default = mass_update_by_default(field, standard, name == Some(field.id));
            let stated = stated.mass_update.as_ref().map(|m| m.value);
            field.mass_update = stated.unwrap_or(by_default);
        }
    }

    /// Takes a removed field out of everything that names it. Criteria that use it are found when
    /// views are checked.
    fn forget_field(&mut self, module: &mut Module, gone: &Field) {
        for section in module.layouts.iter_mut().flat_map(|l| &mut l.sections) {
            section.fields.retain(|name| *name != gone.api_name);
            section.required.retain(|name| *name != gone.api_name);
        }
        for rule in &mut module.rules.layout {
            rule.required.retain(|name| *name != gone.api_name);
        }
        for layout in &mut module.layouts {
            layout.values.remove(&gone.api_name);
            layout.sections.retain(|section| !section.fields.is_empty());
        }
        for view in &mut module.views {
            view.fields.retain(|name| *name != gone.api_name);
        }
        module.lock_exclusions.fields.retain(|id| *id != gone.id);
        for profile in &mut self.catalog.profiles {
            profile.fields.remove(&gone.id);
        }
    }
}

/// Whether a mass update may write a field of which the file does not say it.
pub(super) fn mass_update_by_default(field: &Field, built_in: Option<bool>, is_name: bool) -> bool {
    built_in.unwrap_or(!is_name) && able(field)
}

/// Puts a field's new name wherever its module uses the old one.
fn rename_field(module: &mut Module, old: &str, new: &str) {
    rename_in_rules(module, old, new);
    let layouts = module.layouts.iter_mut().flat_map(|l| &mut l.sections);
    let lists = layouts.flat_map(|section| [&mut section.fields, &mut section.required]);
    let columns = module.views.iter_mut().map(|view| &mut view.fields);
    for name in lists.chain(columns).flatten() {
        if name == old {
            new.clone_into(name);
        }
    }
    let of_views = module.views.iter_mut().map(|view| &mut view.criteria);
    let of_blueprints = module.blueprints.iter_mut().flat_map(|blueprint| {
        let ways = blueprint.transitions.iter_mut().map(|t| &mut t.criteria);
        std::iter::once(&mut blueprint.criteria).chain(ways)
    });
    for criteria in of_views.chain(of_blueprints).flatten() {
        rename_in(criteria, old, new);
    }
}
