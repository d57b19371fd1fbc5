//! Roles, territories, profiles and users of an org file.

use super::build::{Draft, Meant, Scope};
use super::file::{ProfileEntry, UserEntry};
use super::read::Text;
use crate::id::{FieldId, ModuleId, ProfileId, RoleId, TerritoryId, UserId};
use crate::people::{FieldRight, Profile, Right, Role, TransferTo, User, UserStatus, UserType};
use crate::territory::{Territory, TerritoryAccess};
use crate::view::Audience;
use std::collections::BTreeMap;

/// The word of a right in the file, and the right.
pub(super) const RIGHTS: [(&str, Right); 9] = [
    ("view", Right::View),
    ("create", Right::Create),
    ("edit", Right::Edit),
    ("delete", Right::Delete),
    ("mass_update", Right::MassUpdate),
    ("mass_transfer", Right::MassTransfer),
    ("change_owner", Right::ChangeOwner),
    ("mass_delete", Right::MassDelete),
    ("convert", Right::Convert),
];

/// Whether a right means anything in a module: only leads are converted.
pub(super) fn applies(right: Right, module: &str) -> bool {
    right != Right::Convert || module == "Leads"
}

impl Draft<'_> {
    pub(super) fn role_names(&mut self) {
        let file = self.file;
        let scope = Scope::of("role", file.roles.iter().map(|e| &e.head), self);
        for entry in &file.roles {
            let names: Vec<_> = self.catalog.roles.iter().map(|r| r.name.clone()).collect();
            let name = entry.head.name.value.clone();
            match scope.meant(&entry.head, &names, self) {
                Meant::Existing(index) => {
                    if let Some(role) = self.catalog.roles.get_mut(index) {
                        role.name = name;
                        self.touched.insert(role.id.0);
                    }
                }
                Meant::New => {
                    let id = RoleId(self.new_id());
                    self.catalog.roles.push(Role {
                        id,
                        name,
                        reports_to: None,
                        share_with_peers: false,
                        description: String::new(),
                    });
                }
                Meant::Remove(index) => {
                    let gone = self.catalog.roles.remove(index).id;
                    self.removal(&entry.head, &format!("role \"{name}\""));
                    self.unused(&entry.head, "role", move |catalog| {
                        catalog.users.iter().any(|user| user.role == gone)
                            || catalog.roles.iter().any(|r| r.reports_to == Some(gone))
                    });
                    self.unshare(|_, roles, _| roles.retain(|id| *id != gone));
                }
                Meant::Nothing => {}
            }
        }
    }

    pub(super) fn territory_names(&mut self) {
        let file = self.file;
        let scope = Scope::of("territory", file.territories.iter().map(|e| &e.head), self);
        for entry in &file.territories {
            let names: Vec<_> = self
                .catalog
                .territories
                .iter()
                .map(|t| t.name.clone())
                .collect();
            let name = entry.head.name.value.clone();
            match scope.meant(&entry.head, &names, self) {
                Meant::Existing(index) => {
                    if let Some(territory) = self.catalog.territories.get_mut(index) {
                        territory.name = name;
                        self.touched.insert(territory.id.0);
                    }
                }
                Meant::New => {
                    let id = TerritoryId(self.new_id());
                    self.catalog.territories.push(Territory {
                        id,
                        name,
                        description: String::new(),
                        reports_to: None,
                        manager: None,
                        access: TerritoryAccess::ReadWriteDelete,
                    });
                }
                Meant::Remove(index) => {
                    let gone = self.catalog.territories.remove(index).id;
                    self.removal(&entry.head, &format!("territory \"{name}\""));
                    self.unused(&entry.head, "territory", move |catalog| {
                        catalog
                            .territories
                            .iter()
                            .any(|t| t.reports_to == Some(gone))
                    });
                    for user in &mut self.catalog.users {
                        user.territories.retain(|id| *id != gone);
                    }
                    self.unshare(|_, _, territories| territories.retain(|id| *id != gone));
                }
                Meant::Nothing => {}
            }
        }
    }

    pub(super) fn profile_names(&mut self) {
        let file = self.file;
        let scope = Scope::of("profile", file.profiles.iter().map(|e| &e.head), self);
        for entry in &file.profiles {
            let names: Vec<_> = self
                .catalog
                .profiles
                .iter()
                .map(|p| p.name.clone())
                .collect();
            let name = entry.head.name.value.clone();
            match scope.meant(&entry.head, &names, self) {
                Meant::Existing(index) => {
                    let Some(profile) = self.catalog.profiles.get_mut(index) else {
                        continue;
                    };
                    self.touched.insert(profile.id.0);
                    if profile.custom || self.standard || profile.name == name {
                        profile.name = name;
                    } else {
                        self.flaw(&entry.head.name, "a standard profile cannot be renamed");
                    }
                }
                Meant::New => {
                    let id = ProfileId(self.new_id());
                    let custom = !self.standard;
                    self.catalog.profiles.push(Profile {
                        id,
                        name,
                        description: String::new(),
                        custom,
                        administrator: false,
                        modules: BTreeMap::new(),
                        fields: BTreeMap::new(),
                        transfer_to: TransferTo::Anyone,
                    });
                }
                Meant::Remove(index) => {
                    let gone = self.catalog.profiles.remove(index);
                    if !gone.custom {
                        self.flaw(&entry.head.name, "a standard profile cannot be removed");
                    }
                    self.removal(&entry.head, &format!("profile \"{name}\""));
                    let gone = gone.id;
                    self.forget_profile(gone);
                    self.unused(&entry.head, "profile", move |catalog| {
                        catalog.users.iter().any(|user| user.profile == gone)
                    });
                }
                Meant::Nothing => {}
            }
        }
    }

    pub(super) fn user_names(&mut self) {
        let file = self.file;
        let scope = Scope::of("user", file.users.iter().map(|e| &e.head), self);
        for entry in &file.users {
            // Addresses are one without regard to case, so the case in the file is a spelling.
            let names: Vec<_> = self
                .catalog
                .users
                .iter()
                .map(|user| {
                    let same = |text: &str| user.email.eq_ignore_ascii_case(text);
                    let head = &entry.head;
                    [Some(&head.name), head.was.as_ref()]
                        .into_iter()
                        .flatten()
                        .find(|stated| same(&stated.value))
                        .map_or_else(|| user.email.clone(), |stated| stated.value.clone())
                })
                .collect();
            self.check_email(&entry.head.name);
            let email = entry.head.name.value.clone();
            match scope.meant(&entry.head, &names, self) {
                Meant::Existing(index) => {
                    if let Some(user) = self.catalog.users.get_mut(index) {
                        user.email = email;
                        self.touched.insert(user.id.0);
                    }
                }
                Meant::New => {
                    let id = UserId(self.new_id());
                    self.catalog.users.push(User {
                        id,
                        email,
                        first_name: String::new(),
                        last_name: String::new(),
                        // Set below, or the file is refused.
                        role: RoleId(0),
                        profile: ProfileId(0),
                        status: UserStatus::Active,
                        confirmed: true,
                        user_type: UserType::Regular,
                        time_zone: None,
                        territories: Vec::new(),
                    });
                }
                Meant::Remove(_) => self.flaw(
                    &entry.head.name,
                    "users own records and cannot be removed: say status = \"inactive\" or \"deleted\"",
                ),
                Meant::Nothing => {}
            }
        }
    }

    /// Takes something out of every view's audience.
    fn unshare(
        &mut self,
        change: impl Fn(&mut Vec<UserId>, &mut Vec<RoleId>, &mut Vec<TerritoryId>),
    ) {
        let views = self.catalog.modules.iter_mut().flat_map(|m| &mut m.views);
        for view in views {
            if let Audience::Shared {
                users,
                roles,
                territories,
            } = &mut view.audience
            {
                change(users, roles, territories);
            }
        }
    }

    /// The role of a name; notes an unknown one.
    pub(super) fn role_named(&mut self, name: &Text) -> Option<RoleId> {
        let found = self.catalog.roles.iter().find(|r| r.name == name.value);
        let id = found.map(|role| role.id);
        if id.is_none() {
            self.flaw(name, format!("unknown role \"{}\"", name.value));
        }
        id
    }

    /// The territory of a name; notes an unknown one.
    pub(super) fn territory_named(&mut self, name: &Text) -> Option<TerritoryId> {
        let mut all = self.catalog.territories.iter();
        let id = all.find(|t| t.name == name.value).map(|t| t.id);
        if id.is_none() {
            self.flaw(name, format!("unknown territory \"{}\"", name.value));
        }
        id
    }

    /// The user of an address; notes an unknown one.
    pub(super) fn user_named(&mut self, email: &Text) -> Option<UserId> {
        let id = self.catalog.user_by_email(&email.value).map(|user| user.id);
        if id.is_none() {
            self.flaw(email, format!("unknown user \"{}\"", email.value));
        }
        id
    }

    pub(super) fn territories_named(&mut self, names: &[Text]) -> Vec<TerritoryId> {
        let mut ids = Vec::new();
        for name in names {
            let id = self.territory_named(name);
            ids.extend(id.filter(|id| !ids.contains(id)));
        }
        ids
    }

    pub(super) fn roles(&mut self) {
        for entry in &self.file.roles {
            let reports_to = entry.reports_to.as_ref().and_then(|n| self.role_named(n));
            let mut roles = self.catalog.roles.iter_mut();
            if let Some(role) = roles.find(|role| role.name == entry.head.name.value) {
                role.reports_to = reports_to;
                role.share_with_peers = entry.share_with_peers.as_ref().is_some_and(|s| s.value);
                role.description = text(entry.description.as_ref());
            }
        }
    }

    pub(super) fn territories(&mut self) {
        for entry in &self.file.territories {
            let above = entry.reports_to.as_ref();
            let reports_to = above.and_then(|name| self.territory_named(name));
            let manager = entry.manager.as_ref().and_then(|m| self.user_named(m));
            let access = match &entry.access {
                None => TerritoryAccess::ReadWriteDelete,
                Some(word) => match word.value.as_str() {
                    "read_write_delete" => TerritoryAccess::ReadWriteDelete,
                    "read_only" => TerritoryAccess::ReadOnly,
                    other => {
                        let message = format!(
                            "access is \"read_write_delete\" or \"read_only\", not \"{other}\""
                        );
                        self.flaw(word, message);
                        TerritoryAccess::ReadOnly
                    }
                },
            };
            let mut all = self.catalog.territories.iter_mut();
            if let Some(territory) = all.find(|t| t.name == entry.head.name.value) {
                territory.reports_to = reports_to;
                territory.manager = manager;
                territory.access = access;
                territory.description = text(entry.description.as_ref());
            }
        }
    }

    pub(super) fn users(&mut self) {
        for entry in self.file.users.iter().filter(|entry| !entry.head.remove) {
            self.user(entry);
        }
    }

    fn user(&mut self, entry: &UserEntry) {
        let role = self.role_named(&entry.role);
        let mut profiles = self.catalog.profiles.iter();
        let profile = profiles.find(|p| p.name == entry.profile.value);
        let profile = profile.map(|profile| profile.id);
        if profile.is_none() {
            let message = format!("unknown profile \"{}\"", entry.profile.value);
            self.flaw(&entry.profile, message);
        }
        let territories = self.territories_named(&entry.territories);
        let statuses = UserStatus::ALL.map(|status| (status.as_str(), status));
        let status = self.worded("status", entry.status.as_ref(), &statuses);
        let types = UserType::ALL.map(|user_type| (user_type.as_str(), user_type));
        let user_type = self.worded("type", entry.user_type.as_ref(), &types);
        if let Some(zone) = &entry.time_zone {
            self.check_zone(zone);
        }
        let mut users = self.catalog.users.iter_mut();
        let (Some(user), Some(role), Some(profile)) = (
            users.find(|user| user.email == entry.head.name.value),
            role,
            profile,
        ) else {
            return;
        };
        user.first_name = text(entry.first_name.as_ref());
        user.last_name.clone_from(&entry.last_name.value);
        user.role = role;
        user.profile = profile;
        user.status = status.unwrap_or(match entry.status {
            None => UserStatus::Active,
            Some(_) => UserStatus::Inactive,
        });
        user.user_type = user_type.unwrap_or_default();
        user.confirmed = entry.confirmed.as_ref().is_none_or(|c| c.value);
        user.time_zone = entry.time_zone.as_ref().map(|zone| zone.value.clone());
        user.territories = territories;
    }

    /// What one of a few words stands for, if it is stated; notes another word.
    fn worded<T: Copy>(
        &mut self,
        key: &str,
        stated: Option<&Text>,
        words: &[(&str, T)],
    ) -> Option<T> {
        let stated = stated?;
        let found = words.iter().find(|(word, _)| *word == stated.value);
        if found.is_none() {
            let words: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            let message = format!("{key} is {}, not \"{}\"", words.join(" or "), stated.value);
            self.flaw(stated, message);
        }
        found.map(|(_, meaning)| *meaning)
    }

    pub(super) fn profiles(&mut self) {
        for entry in &self.file.profiles {
            self.profile(entry);
        }
    }

    fn profile(&mut self, entry: &ProfileEntry) {
        let standard = self.built_in_profile(&entry.head.name.value).cloned();
        let mut modules = standard
            .as_ref()
            .map(|standard| self.rights(standard))
            .unwrap_or_default();
        modules.extend(self.rights(entry));
        // An empty list takes away what is built in; absent means none, so that none has one form.
        modules.retain(|_, rights| !rights.is_empty());
        let fields = self.field_rights(entry);
        let administrator = standard
            .as_ref()
            .map(|standard| standard.administrator.as_ref().is_some_and(|a| a.value));
        if let (Some(fixed), Some(stated)) = (administrator, &entry.administrator)
            && stated.value != fixed
        {
            self.flaw(stated, "a standard profile stays what it is");
        }
        let administrator =
            administrator.unwrap_or_else(|| entry.administrator.as_ref().is_some_and(|a| a.value));
        if administrator && let Some((at, _)) = entry.modules.first() {
            self.flaw(at, "an administrator has every right already");
        }
        if administrator && let Some((at, _)) = entry.fields.first() {
            self.flaw(at, "an administrator may change every field already");
        }
        if administrator && let Some(stated) = &entry.transfer_to {
            self.flaw(stated, "an administrator may give records to anyone");
        }
        let words = TransferTo::ALL.map(|to| (to.as_str(), to));
        let transfer_to = self.worded("transfer_to", entry.transfer_to.as_ref(), &words);
        let described = entry
            .description
            .as_ref()
            .or_else(|| standard.as_ref().and_then(|s| s.description.as_ref()));
        let mut profiles = self.catalog.profiles.iter_mut();
        if let Some(profile) = profiles.find(|p| p.name == entry.head.name.value) {
            profile.description = text(described);
            profile.administrator = administrator;
            profile.modules = modules;
            profile.fields = fields;
            profile.transfer_to = transfer_to.unwrap_or_default();
        }
    }

    /// Rights by module as an entry states them; `*` speaks for the modules it does not name.
    pub(super) fn rights(&mut self, entry: &ProfileEntry) -> BTreeMap<ModuleId, Vec<Right>> {
        let modules: Vec<(ModuleId, String)> = self
            .catalog
            .modules
            .iter()
            .map(|module| (module.id, module.api_name.clone()))
            .collect();
        let mut granted = BTreeMap::new();
        let mut others = None;
        for (name, words) in &entry.modules {
            let words = &words.value;
            if name.value == "*" {
                others = Some(words);
                continue;
            }
            let known = modules.iter().find(|(_, known)| *known == name.value);
            if let Some((id, module)) = known {
                let rights = self.rights_of(words, module, false);
                granted.insert(*id, rights);
            } else if self
                .file
                .modules
                .iter()
                .any(|m| m.head.name.value == name.value)
            {
                // Refused elsewhere, with the reason.
            } else {
                self.flaw(name, format!("unknown module \"{}\"", name.value));
            }
        }
        if let Some(words) = others {
            for (id, module) in &modules {
                if !granted.contains_key(id) {
                    let rights = self.rights_of(words, module, true);
                    granted.insert(*id, rights);
                }
            }
        }
        granted
    }

    fn rights_of(&mut self, words: &[Text], module: &str, others: bool) -> Vec<Right> {
        let mut rights = Vec::new();
        for word in words {
            if word.value == "all" {
                rights.extend(Right::ALL.into_iter().filter(|r| applies(*r, module)));
                continue;
            }
            match RIGHTS.iter().find(|(name, _)| *name == word.value) {
                Some((_, right)) if applies(*right, module) => rights.push(*right),
                // Of all modules, those that know the right get it.
                Some(_) if others => {}
                Some(_) => self.flaw(word, format!("\"{}\" is for Leads only", word.value)),
                None => {
                    let known: Vec<_> = RIGHTS.iter().map(|(name, _)| *name).collect();
                    let message = format!(
                        "unknown right \"{}\"; there are all, {}",
                        word.value,
                        known.join(", ")
                    );
                    self.flaw(word, message);
                }
            }
        }
        rights.sort_unstable();
        rights.dedup();
        rights
    }

    fn field_rights(&mut self, entry: &ProfileEntry) -> BTreeMap<FieldId, FieldRight> {
        let mut granted = BTreeMap::new();
        for (module, fields) in &entry.fields {
            let Some(found) = self
                .catalog
                .modules
                .iter()
                .find(|m| m.api_name == module.value)
            else {
                self.flaw(module, format!("unknown module \"{}\"", module.value));
                continue;
            };
            let mut flaws = Vec::new();
            for (field, word) in fields {
                let right = match word.value.as_str() {
                    "hidden" => FieldRight::Hidden,
                    "read_only" => FieldRight::ReadOnly,
                    "editable" => FieldRight::Editable,
                    other => {
                        let message = format!(
                            "the right on a field is hidden, read_only or editable, not \"{other}\""
                        );
                        flaws.push((word, message));
                        continue;
                    }
                };
                match found.field(&field.value) {
                    // Absent means editable, so that a right has one form.
                    Some(_) if right == FieldRight::Editable => {}
                    Some(known) => {
                        granted.insert(known.id, right);
                    }
                    None => {
                        let message = format!("unknown field {}.{}", module.value, field.value);
                        flaws.push((field, message));
                    }
                }
            }
            for (at, message) in flaws {
                self.flaw(at, message);
            }
        }
        granted
    }

    /// Rights of the built-in profiles over modules that are new; a profile that the file states
    /// has them already.
    pub(super) fn grant_new_modules(&mut self) {
        let built_in = self.built_in;
        for entry in &built_in.profiles {
            let rights = self.rights(entry);
            let stated = |e: &ProfileEntry| e.head.name.value == entry.head.name.value;
            if self.file.profiles.iter().any(stated) {
                continue;
            }
            let mut profiles = self.catalog.profiles.iter_mut();
            if let Some(profile) = profiles.find(|p| p.name == entry.head.name.value) {
                let new = rights.into_iter();
                let new = new.filter(|(module, rights)| module.0 < 0 && !rights.is_empty());
                for (module, rights) in new {
                    profile.modules.entry(module).or_insert(rights);
                }
            }
        }
    }
}

/// The text, or none.
fn text(stated: Option<&Text>) -> String {
    stated.map(|text| text.value.clone()).unwrap_or_default()
}
