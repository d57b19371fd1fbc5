//! Lays an org file over a catalog: finds what each entry means, makes what is new, and notes
//! every mistake. New things get provisional ids below zero, so that the outcome is a catalog like
//! any other and can be compared with the one before; [`super::resolve`] gives them real ones.

use super::file::{Head, LimitsEntry, OrgEntry, OrgFile, ProfileEntry};
use super::read::{At, Flaw, Text};
use super::standard::BuiltIn;
use crate::catalog::{Catalog, Edition, Limits, Org};
use crate::field::is_email;
use crate::id::OrgId;
use crate::limits::JOB_RECORDS_MAX;
use jiff::tz::TimeZone;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// A catalog in the making.
pub(super) struct Draft<'a> {
    pub(super) file: &'a OrgFile,
    /// What is built in; while that is being read, what was read of it so far.
    pub(super) built_in: &'a BuiltIn,
    /// Whether the file is a part of what is built in, which may do what an org may not.
    pub(super) standard: bool,
    pub(super) catalog: Catalog,
    /// The last provisional id given.
    pub(super) last_id: i64,
    pub(super) flaws: Vec<Flaw>,
    /// What the file removes, each with the sentence that refuses it without permission.
    pub(super) removals: Vec<Flaw>,
    /// What the file removes, each with the question whether something still needs it.
    pub(super) gone: Vec<Gone>,
    /// Ids of what the file speaks of.
    pub(super) touched: BTreeSet<i64>,
    /// Fields that got another name: their module, the old name and the new one.
    pub(super) renamed: Vec<(String, (String, String))>,
}

/// Something that the file removes.
pub(super) struct Gone {
    pub(super) at: usize,
    pub(super) noun: &'static str,
    pub(super) used: Box<dyn Fn(&Catalog) -> bool>,
}

/// What an entry of the file means for the list that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// What stands there in the list, perhaps under its old name.
    Existing(usize),
    /// Something new.
    New,
    /// Something to take out of the list.
    Remove(usize),
    /// Nothing: it is gone already, or the entry is wrong.
    Nothing,
}

/// A catalog without anything.
pub(super) fn empty() -> Catalog {
    Catalog {
        version: 0,
        org: Org {
            id: OrgId(-1),
            company: String::new(),
            time_zone: "UTC".to_owned(),
            currency: "US Dollar".to_owned(),
            currency_symbol: "$".to_owned(),
            iso_code: "USD".to_owned(),
            country_code: "US".to_owned(),
            primary_email: String::new(),
            edition: Edition::Enterprise,
            limits: Limits::default(),
        },
        modules: Vec::new(),
        roles: Vec::new(),
        profiles: Vec::new(),
        users: Vec::new(),
        territories: Vec::new(),
    }
}

/// Entries of one list that were read so far, to find the same name twice.
pub(super) struct Scope<'h> {
    noun: &'static str,
    heads: BTreeMap<String, &'h Head>,
}

impl<'h> Scope<'h> {
    /// Notes every name that stands twice without regard to case.
    pub(super) fn of(
        noun: &'static str,
        entries: impl Iterator<Item = &'h Head>,
        draft: &mut Draft<'_>,
    ) -> Self {
        let mut heads: BTreeMap<String, &Head> = BTreeMap::new();
        for head in entries {
            let key = head.name.value.to_lowercase();
            if let Entry::Vacant(place) = heads.entry(key) {
                place.insert(head);
            } else {
                let message = format!("duplicate {noun} \"{}\"", head.name.value);
                draft.flaw(&head.name, message);
            }
        }
        Self { noun, heads }
    }

    /// What an entry means, given the names that are there.
    pub(super) fn meant(&self, head: &Head, names: &[String], draft: &mut Draft<'_>) -> Meant {
        let noun = self.noun;
        let name = &head.name.value;
        let key = name.to_lowercase();
        // Only the first of two entries with one name counts; the second is noted already.
        if self.heads.get(&key).map(|first| first.name.at) != Some(head.name.at) {
            return Meant::Nothing;
        }
        let exact = |wanted: &str| names.iter().position(|known| known == wanted);
        let here = exact(name);
        if head.remove {
            if head.was.is_some() {
                draft.flaw(&head.name, "`was` and `remove` exclude each other");
            }
            return here.map_or(Meant::Nothing, Meant::Remove);
        }
        let old = head.was.as_ref().and_then(|was| {
            let index = exact(&was.value)?;
            // An entry of its own for the old name: the rename was done, and the name used anew.
            let reused = here.is_some() && self.heads.contains_key(&was.value.to_lowercase());
            (!reused).then_some((was, index))
        });
        let alike = names.iter().position(|known| known.to_lowercase() == key);
        match (here, old) {
            (Some(index), None) => Meant::Existing(index),
            (Some(index), Some((_, old))) if index == old => Meant::Existing(index),
            (Some(_), Some((was, _))) => {
                let message = format!(
                    "cannot rename {noun} \"{}\" to \"{name}\": both exist",
                    was.value
                );
                draft.flaw(was, message);
                Meant::Nothing
            }
            (None, found) => match (alike, found) {
                (Some(index), found) if found.is_none_or(|(_, old)| old != index) => {
                    let there = names.get(index).map_or("", String::as_str);
                    draft.flaw(
                        &head.name,
                        format!("duplicate {noun} \"{name}\": \"{there}\" differs only in case"),
                    );
                    Meant::Nothing
                }
                (_, Some((_, old))) => Meant::Existing(old),
                (_, None) => Meant::New,
            },
        }
    }
}

impl<'a> Draft<'a> {
    /// An org file and the catalog that it is to be laid over.
    pub(super) fn new(file: &'a OrgFile, built_in: &'a BuiltIn, catalog: Catalog) -> Self {
        Self {
            file,
            built_in,
            standard: false,
            catalog,
            last_id: built_in.last_id,
            flaws: Vec::new(),
            removals: Vec::new(),
            gone: Vec::new(),
            touched: BTreeSet::new(),
            renamed: Vec::new(),
        }
    }
}

impl Draft<'_> {
    pub(super) fn flaw<T>(&mut self, at: &At<T>, message: impl Into<String>) {
        self.flaws.push(Flaw::new(at.at, message));
    }

    pub(super) fn new_id(&mut self) -> i64 {
        self.last_id -= 1;
        self.last_id
    }

    pub(super) fn removal(&mut self, head: &Head, what: &str) {
        self.removals.push(Flaw::new(
            head.name.at,
            format!("{what} would be removed: this needs --allow-remove"),
        ));
    }

    /// Lays the whole file over the catalog.
    pub(super) fn apply(&mut self) {
        let file = self.file;
        if let Some(org) = &file.org {
            self.org(org);
        }
        if let Some(limits) = &file.limits {
            self.limits(limits);
        }
        // First what there is, so that every reference finds its target; then what it is like.
        self.role_names();
        self.territory_names();
        self.profile_names();
        self.user_names();
        self.modules();
        self.roles();
        self.territories();
        self.profiles();
        self.users();
        self.layouts_and_views();
        self.grant_new_modules();
    }

    fn org(&mut self, entry: &OrgEntry) {
        let set = |to: &mut String, from: Option<&Text>| {
            if let Some(from) = from {
                to.clone_from(&from.value);
            }
        };
        let org = &mut self.catalog.org;
        set(&mut org.company, Some(&entry.company));
        set(&mut org.time_zone, entry.time_zone.as_ref());
        set(&mut org.currency, entry.currency.as_ref());
        set(&mut org.currency_symbol, entry.currency_symbol.as_ref());
        set(&mut org.iso_code, entry.iso_code.as_ref());
        set(&mut org.country_code, entry.country_code.as_ref());
        set(&mut org.primary_email, entry.primary_email.as_ref());
        if let Some(zone) = &entry.time_zone {
            self.check_zone(zone);
        }
        for (code, length) in [(&entry.iso_code, 3), (&entry.country_code, 2)] {
            if let Some(code) = code {
                let upper = code.value.bytes().all(|b| b.is_ascii_uppercase());
                if !upper || code.value.len() != length {
                    let message = format!("\"{}\" is no {length}-letter code", code.value);
                    self.flaw(code, message);
                }
            }
        }
        if let Some(word) = &entry.edition {
            if let Some(edition) = Edition::parse(&word.value) {
                self.catalog.org.edition = edition;
            } else {
                let known = Edition::ALL.map(Edition::as_str).join(", ");
                let message = format!("edition is one of {known}, not \"{}\"", word.value);
                self.flaw(word, message);
            }
        }
        if let Some(email) = &entry.primary_email {
            self.check_email(email);
        }
    }

    fn limits(&mut self, entry: &LimitsEntry) {
        let mut limits = Limits::default();
        if let Some(stated) = &entry.records_per_job {
            let number = usize::try_from(stated.value).ok();
            if let Some(number) = number.filter(|n| (1..=JOB_RECORDS_MAX).contains(n)) {
                limits.records_per_job = number;
            } else {
                let message = format!("`records_per_job` is from 1 to {JOB_RECORDS_MAX}");
                self.flaw(stated, message);
            }
        }
        self.catalog.org.limits = limits;
    }

    pub(super) fn check_zone(&mut self, zone: &Text) {
        if TimeZone::get(&zone.value).is_err() {
            self.flaw(zone, format!("unknown time zone \"{}\"", zone.value));
        }
    }

    pub(super) fn check_email(&mut self, email: &Text) {
        if !is_email(&email.value) {
            self.flaw(email, format!("\"{}\" is no e-mail address", email.value));
        }
    }

    /// Notes a removal of something that is still needed. Asked only after everything was read,
    /// because the file may free it further down.
    pub(super) fn unused(
        &mut self,
        head: &Head,
        noun: &'static str,
        used: impl Fn(&Catalog) -> bool + 'static,
    ) {
        self.gone.push(Gone {
            at: head.name.at,
            noun,
            used: Box::new(used),
        });
    }

    /// The built-in profile of this name, as its file states it.
    pub(super) fn built_in_profile(&self, name: &str) -> Option<&ProfileEntry> {
        self.built_in
            .profiles
            .iter()
            .find(|entry| entry.head.name.value == name)
    }
}
