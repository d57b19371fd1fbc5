//! Modules of an org file, and what happens to the rest of the catalog when one goes or is renamed.

use super::build::{Draft, Meant, Scope};
use super::file::ModuleEntry;
use super::read::{At, Text};
use crate::access::Sharing;
use crate::field::{Computed, Field, FieldKind};
use crate::id::{FieldId, LayoutId, ModuleId, PickId, ViewId};
use crate::module::{Layout, LockExclusions, Module, Section, system};
use crate::rule::Rules;
use std::collections::BTreeMap;

/// Bytes of an api name (it names a table or a column).
pub(super) const NAME_BYTES_MAX: usize = 60;

/// Names that mean something else in URLs.
const RESERVED_MODULES: [&str; 9] = [
    "settings",
    "users",
    "org",
    "coql",
    "actions",
    "features",
    "meetings",
    "potentials",
    "activities",
];

/// The layout that a module has until the file says otherwise.
pub(super) const LAYOUT: &str = "Standard";

/// The section to which a layout that the file leaves alone gets new fields.
pub(super) const OTHER_SECTION: &str = "Other Information";

impl Draft<'_> {
    pub(super) fn check_api_name(&mut self, name: &Text) {
        let text = &name.value;
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
        let plain = bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !starts || !plain {
            let message = format!(
                "api name \"{text}\" must start with a letter and have only letters, digits and _"
            );
            self.flaw(name, message);
        } else if text.len() > NAME_BYTES_MAX {
            let message = format!("api name \"{text}\" is longer than {NAME_BYTES_MAX} bytes");
            self.flaw(name, message);
        }
    }

    /// Modules with their fields, and layouts for those that the file says nothing about.
    pub(super) fn modules(&mut self) {
        let file = self.file;
        let scope = Scope::of("module", file.modules.iter().map(|e| &e.head), self);
        let mut settled = Vec::new();
        for entry in &file.modules {
            let modules = &self.catalog.modules;
            let names: Vec<_> = modules.iter().map(|m| m.api_name.clone()).collect();
            match scope.meant(&entry.head, &names, self) {
                Meant::Existing(index) => {
                    self.rename_module(index, &entry.head.name);
                    settled.push((index, entry));
                }
                Meant::New => {
                    self.check_module_name(&entry.head.name);
                    let module = Module {
                        id: ModuleId(self.new_id()),
                        api_name: entry.head.name.value.clone(),
                        singular: String::new(),
                        plural: String::new(),
                        named_by: None,
                        custom: !self.standard,
                        territories: false,
                        locking: false,
                        sharing: Sharing::Private,
                        lock_exclusions: LockExclusions::default(),
                        fields: Vec::new(),
                        layouts: Vec::new(),
                        views: Vec::new(),
                        rules: Rules::default(),
                        blueprints: Vec::new(),
                    };
                    self.catalog.modules.push(module);
                    settled.push((self.catalog.modules.len() - 1, entry));
                }
                Meant::Remove(index) => settled.push((index, entry)),
                Meant::Nothing => {}
            }
        }
        // Lookups may point forward, so fields come after every module has its name; removals come
        // last, so that places in the list stay true.
        let mut gone = Vec::new();
        for (index, entry) in settled {
            if entry.head.remove {
                gone.push((index, entry));
            } else if let Some(mut module) = self.catalog.modules.get(index).cloned() {
                self.module(&mut module, entry);
                if let Some(place) = self.catalog.modules.get_mut(index) {
                    *place = module;
                }
            }
        }
        gone.sort_by_key(|(index, _)| std::cmp::Reverse(*index));
        for (index, entry) in gone {
            self.remove_module(index, entry);
        }
    }

    fn check_module_name(&mut self, name: &Text) {
        self.check_api_name(name);
        let lower = name.value.to_lowercase();
        if RESERVED_MODULES.contains(&lower.as_str()) {
            self.flaw(name, format!("module name \"{}\" is reserved", name.value));
        }
    }

    fn rename_module(&mut self, index: usize, name: &Text) {
        let Some(module) = self.catalog.modules.get_mut(index) else {
            return;
        };
        self.touched.insert(module.id.0);
        if module.api_name == name.value {
            return;
        }
        if !module.custom {
            self.flaw(name, "a standard module cannot be renamed");
            return;
        }
        let old = std::mem::replace(&mut module.api_name, name.value.clone());
        self.check_module_name(name);
        let fields = self.catalog.modules.iter_mut().flat_map(|m| &mut m.fields);
        for field in fields {
            if let FieldKind::Lookup { module } = &mut field.kind
                && *module == old
            {
                module.clone_from(&name.value);
            }
        }
    }

    fn remove_module(&mut self, index: usize, entry: &ModuleEntry) {
        let gone = self.catalog.modules.remove(index);
        let name = gone.api_name.clone();
        if !gone.custom {
            self.flaw(&entry.head.name, "a standard module cannot be removed");
        }
        self.removal(&entry.head, &format!("module {name} with its records"));
        self.unused(&entry.head, "module", move |catalog| {
            let mut modules = catalog.modules.iter();
            modules.any(|m| m.lookups().any(|(_, target)| target == name))
        });
        for profile in &mut self.catalog.profiles {
            profile.modules.remove(&gone.id);
            for field in &gone.fields {
                profile.fields.remove(&field.id);
            }
        }
    }

    fn module(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let standard = self.built_in.module(&module.api_name);
        let stated = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
        let flag = |flag: &Option<At<bool>>| flag.as_ref().map(|flag| flag.value);
        let name = module.api_name.replace('_', " ");
        module.singular = stated(&entry.singular)
            .or_else(|| standard.map(|s| s.singular.clone()))
            .unwrap_or_else(|| name.clone());
        let plural = stated(&entry.plural)
            .or_else(|| standard.map(|s| s.plural.clone()))
            .unwrap_or_else(|| stated(&entry.singular).map_or(name, |one| format!("{one}s")));
        self.rename_system_views(module, &plural);
        module.plural = plural;
        module.territories =
            flag(&entry.territories).unwrap_or_else(|| standard.is_some_and(|s| s.territories));
        module.locking =
            flag(&entry.locking).unwrap_or_else(|| standard.is_some_and(|s| s.locking));
        // Who sees the records never changes because a file says nothing about it.
        if let Some(word) = &entry.sharing {
            module.sharing = self.sharing(word);
        }
        self.named_by(module, entry);
        let before = module.clone();
        self.fields(module, entry);
        self.lock_exclusions(module, entry);
        self.add_system_fields(module);
        if module.name_field().is_none() && !self.standard {
            let name = name_field(FieldId(self.new_id()));
            module.fields.insert(0, name);
        }
        self.default_mass_update(module, entry);
        if entry.layouts.is_empty() {
            self.complete_layout(module, &before);
        }
    }

    /// The sharing of a word; notes an unknown one.
    fn sharing(&mut self, word: &Text) -> Sharing {
        let mut known = Sharing::ALL.into_iter();
        if let Some(sharing) = known.find(|known| known.as_str() == word.value) {
            return sharing;
        }
        let words = Sharing::ALL.map(|known| format!("\"{}\"", known.as_str()));
        let message = format!(
            "sharing is one of {}, not \"{}\"",
            words.join(", "),
            word.value
        );
        self.flaw(word, message);
        Sharing::Private
    }

    /// Which field names a record is built in; other modules have a rule for it.
    fn named_by(&mut self, module: &mut Module, entry: &ModuleEntry) {
        match &entry.name_field {
            Some(stated) if self.standard => module.named_by = Some(stated.value.clone()),
            Some(stated) => self.flaw(stated, "only built-in modules state their `name_field`"),
            None => {}
        }
    }

    /// The fields of every module that this one lacks.
    fn add_system_fields(&mut self, module: &mut Module) {
        let Some(every) = self.built_in.every.as_ref() else {
            return;
        };
        for field in &every.fields {
            let wanted = field.api_name != system::LOCKED || module.locking;
            if wanted && module.field(&field.api_name).is_none() {
                let field = self.fresh_field(field);
                module.fields.push(field);
            }
        }
    }

    /// The views of every module that this one, which is new, does not state.
    pub(super) fn add_system_views(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let Some(every) = self.built_in.every.as_ref() else {
            return;
        };
        for view in &every.views {
            let name = view.name.replace("{plural}", &module.plural);
            let stated = entry
                .views
                .iter()
                .any(|v| v.system_name.as_ref().map(|s| &s.value) == view.system_name.as_ref());
            // What the built-in file states comes from there; what an org states is laid over this.
            if !(stated && self.standard) {
                let mut view = view.clone();
                view.id = ViewId(self.new_id());
                view.name = name;
                view.fields = default_columns(module);
                module.views.push(view);
            }
        }
    }

    /// System views of a custom module are named after it.
    fn rename_system_views(&self, module: &mut Module, plural: &str) {
        let every = self.built_in.every.as_ref();
        let Some(every) = every.filter(|_| module.custom) else {
            return;
        };
        for view in &mut module.views {
            let mut built_in = every.views.iter();
            if let Some(named) = built_in.find(|v| v.system_name == view.system_name) {
                view.name = named.name.replace("{plural}", plural);
            }
        }
    }

    /// A copy of a built-in field with ids of its own.
    pub(super) fn fresh_field(&mut self, field: &Field) -> Field {
        let mut field = field.clone();
        field.id = FieldId(self.new_id());
        for value in &mut field.values {
            value.id = PickId(self.new_id());
        }
        field
    }

    /// Brings the first layout of a module up to its fields, where the file states no layout: what
    /// is custom or demanded must be on it.
    pub(super) fn complete_layout(&mut self, module: &mut Module, before: &Module) {
        if module.layouts.is_empty() {
            let id = LayoutId(self.new_id());
            module.layouts.push(first_layout(module, id));
        }
        complete(module, before);
    }
}

/// The field that names a record where the file gives none.
pub(super) fn name_field(id: FieldId) -> Field {
    Field {
        id,
        api_name: "Name".to_owned(),
        label: "Name".to_owned(),
        kind: FieldKind::Text { max: 120 },
        custom: false,
        mandatory: true,
        read_only: false,
        unique: false,
        mass_update: false,
        values: Vec::new(),
        depends_on: None,
        computed: None,
        convert_to: None,
    }
}

/// The layout of a module that states none.
pub(super) fn first_layout(module: &Module, id: LayoutId) -> Layout {
    let name = module.name_field().map(|field| field.api_name.clone());
    Layout {
        id,
        name: LAYOUT.to_owned(),
        sections: vec![Section {
            name: format!("{} Information", module.singular),
            fields: name.into_iter().chain([system::OWNER.to_owned()]).collect(),
            required: Vec::new(),
        }],
        values: BTreeMap::new(),
    }
}

/// Adds what is missing to the layouts, and makes `required` follow what became mandatory or
/// ceased to be.
pub(super) fn complete(module: &mut Module, before: &Module) {
    let Module {
        fields, layouts, ..
    } = module;
    for field in fields.iter() {
        let name = &field.api_name;
        let shown = |section: &Section| section.fields.contains(name);
        let system = !field.custom && !field.mandatory;
        if !system
            && !layouts.iter().flat_map(|l| &l.sections).any(shown)
            && let Some(layout) = layouts.first_mut()
        {
            let one = layout.sections.len() == 1 && before.layouts.is_empty();
            let place = layout
                .sections
                .iter()
                .position(|section| section.name == OTHER_SECTION)
                .or_else(|| one.then_some(0));
            match place.and_then(|place| layout.sections.get_mut(place)) {
                Some(section) => section.fields.push(name.clone()),
                None => layout.sections.push(Section {
                    name: OTHER_SECTION.to_owned(),
                    fields: vec![name.clone()],
                    required: Vec::new(),
                }),
            }
        }
        let was_mandatory = before
            .field_by_id(field.id)
            .is_some_and(|field| field.mandatory);
        for section in layouts.iter_mut().flat_map(|l| &mut l.sections) {
            if field.mandatory && section.fields.contains(name) {
                if !section.required.contains(name) {
                    section.required.push(name.clone());
                }
            } else if was_mandatory {
                section.required.retain(|required| required != name);
            }
        }
    }
}

/// The columns of a view that states none: the name, what the layout shows first, and the owner.
pub(super) fn default_columns(module: &Module) -> Vec<String> {
    let name = module.name_field().map(|field| field.api_name.clone());
    let parts = ["First_Name", "Last_Name", system::OWNER, system::LAYOUT];
    let mut columns: Vec<String> = name.into_iter().collect();
    let shown = module
        .layouts
        .iter()
        .take(1)
        .flat_map(|layout| &layout.sections)
        .flat_map(|section| &section.fields);
    for field in shown {
        let plain = module
            .field(field)
            .is_some_and(|f| !matches!(f.kind, FieldKind::TextArea { .. }) && f.computed.is_none());
        if plain
            && columns.len() < 6
            && !columns.contains(field)
            && !parts.contains(&field.as_str())
        {
            columns.push(field.clone());
        }
    }
    if module.field(system::OWNER).is_some() {
        columns.push(system::OWNER.to_owned());
    }
    columns
}

/// The word of a way in which the server makes a value.
pub(super) const COMPUTED: [(&str, Computed); 1] = [("full_name", Computed::FullName)];
