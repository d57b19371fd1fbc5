//! What every org has from the start, as data: the files in `standard/`, in the org file's own form.

use super::build::{Draft, empty};
use super::file::{OrgFile, ProfileEntry};
use super::read::{Problem, problems};
use crate::catalog::Catalog;
use crate::module::Module;
use crate::people::Profile;
use crate::view::View;
use std::sync::LazyLock;

/// The part of every module.
const EVERY: &str = include_str!("standard/every_module.toml");

/// The standard modules, in the order of the catalog, and the standard profiles.
const PARTS: [&str; 18] = [
    include_str!("standard/leads.toml"),
    include_str!("standard/accounts.toml"),
    include_str!("standard/contacts.toml"),
    include_str!("standard/deals.toml"),
    include_str!("standard/tasks.toml"),
    include_str!("standard/events.toml"),
    include_str!("standard/calls.toml"),
    include_str!("standard/campaigns.toml"),
    include_str!("standard/products.toml"),
    include_str!("standard/vendors.toml"),
    include_str!("standard/price_books.toml"),
    include_str!("standard/quotes.toml"),
    include_str!("standard/sales_orders.toml"),
    include_str!("standard/purchase_orders.toml"),
    include_str!("standard/invoices.toml"),
    include_str!("standard/cases.toml"),
    include_str!("standard/solutions.toml"),
    include_str!("standard/profiles.toml"),
];

/// What is built in.
pub(super) struct BuiltIn {
    /// The fields and views of every module, custom ones too.
    pub(super) every: Option<Module>,
    /// Standard modules and profiles, with provisional ids.
    pub(super) catalog: Catalog,
    /// The profiles as stated, because their rights speak of modules to come.
    pub(super) profiles: Vec<ProfileEntry>,
    /// The last provisional id given.
    pub(super) last_id: i64,
    /// Mistakes in the files; none, says a test.
    pub(super) problems: Vec<Problem>,
}

static BUILT_IN: LazyLock<BuiltIn> = LazyLock::new(|| {
    let mut built_in = BuiltIn {
        every: None,
        catalog: empty(),
        profiles: Vec::new(),
        last_id: -1,
        problems: Vec::new(),
    };
    built_in.lay(EVERY);
    built_in.every = built_in.catalog.modules.pop();
    for part in PARTS {
        built_in.lay(part);
    }
    built_in
});

/// What is built in, read once.
pub(super) fn built_in() -> &'static BuiltIn {
    &BUILT_IN
}

impl BuiltIn {
    /// The standard module of this api name.
    pub(super) fn module(&self, api_name: &str) -> Option<&Module> {
        let mut modules = self.catalog.modules.iter();
        modules.find(|module| module.api_name == api_name)
    }

    /// The standard module that this one is, unless it is custom.
    pub(super) fn standard(&self, module: &Module) -> Option<&Module> {
        self.module(&module.api_name).filter(|_| !module.custom)
    }

    /// The module that says which fields of this one are built in.
    pub(super) fn fields(&self, module: &Module) -> Option<&Module> {
        if module.custom {
            self.every.as_ref()
        } else {
            self.module(&module.api_name)
        }
    }

    /// The built-in view that this system view is.
    pub(super) fn view(&self, module: &Module, view: &View) -> Option<&View> {
        let mut views = self.fields(module)?.views.iter();
        views.find(|known| known.system_name == view.system_name)
    }

    /// A standard profile, with its rights over the modules of a catalog.
    pub(super) fn profile(&self, name: &str, catalog: &Catalog) -> Option<Profile> {
        let mut entries = self.profiles.iter();
        let entry = entries.find(|entry| entry.head.name.value == name)?;
        let mut profiles = self.catalog.profiles.iter();
        let mut profile = profiles.find(|profile| profile.name == name)?.clone();
        let file = OrgFile::default();
        let mut draft = Draft::new(&file, self, catalog.clone());
        profile.modules = draft.rights(entry);
        profile.modules.retain(|_, rights| !rights.is_empty());
        Some(profile)
    }

    fn lay(&mut self, text: &str) {
        let file = match OrgFile::parse(text) {
            Ok(file) => file,
            Err(mut found) => {
                self.problems.append(&mut found);
                return;
            }
        };
        let mut draft = Draft::new(&file, self, self.catalog.clone());
        draft.standard = true;
        draft.apply();
        let Draft {
            catalog,
            last_id,
            flaws,
            ..
        } = draft;
        self.catalog = catalog;
        self.last_id = last_id;
        self.problems.append(&mut problems(text, flaws));
        self.profiles.extend(file.profiles);
    }

    /// Adds to a catalog what it lacks of what is built in: everything at first, later what a newer
    /// release brings.
    pub(super) fn complete(&self, catalog: &mut Catalog) {
        for module in &self.catalog.modules {
            let known = catalog.modules.iter_mut();
            let mut alike = known.filter(|m| m.api_name.eq_ignore_ascii_case(&module.api_name));
            match alike.next() {
                None => {
                    // Standard modules stand first.
                    let end = catalog.modules.iter().position(|m| m.custom);
                    let end = end.unwrap_or(catalog.modules.len());
                    catalog.modules.insert(end, module.clone());
                }
                // The org had a module of this name before it became a standard one.
                Some(own) if own.custom => {}
                Some(own) => add_to(own, module),
            }
        }
        for profile in &self.catalog.profiles {
            if !catalog.profiles.iter().any(|p| p.name == profile.name) {
                catalog.profiles.push(profile.clone());
            }
        }
    }
}

fn add_to(own: &mut Module, standard: &Module) {
    own.named_by.clone_from(&standard.named_by);
    for field in &standard.fields {
        let same = |name: &str| name.eq_ignore_ascii_case(&field.api_name);
        if !own.fields.iter().any(|f| same(&f.api_name)) {
            own.fields.push(field.clone());
        }
    }
    for view in &standard.views {
        let known = own.views.iter().any(|v| v.system_name == view.system_name);
        if !known {
            own.views.push(view.clone());
        }
    }
}
