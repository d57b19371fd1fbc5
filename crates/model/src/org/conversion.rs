//! Where an org file sends the fields of leads that are converted.

use super::build::Draft;
use super::file::FieldEntry;
use crate::conversion::{INTO, LEADS, fits};
use std::collections::BTreeMap;

/// The ways that an entry states: none at all is a statement too.
pub(super) fn ways_of(entry: &FieldEntry) -> Option<BTreeMap<String, String>> {
    let ways = entry.convert_to.as_ref()?.iter();
    let ways = ways.map(|(module, field)| (module.value.clone(), field.value.clone()));
    Some(ways.collect())
}

impl Draft<'_> {
    /// Finds ways that lead nowhere, once all modules are there. A way that the file does not state
    /// follows the field that it leads to, and ends with it.
    pub(super) fn check_conversion(&mut self) {
        self.follow();
        let mut flaws = Vec::new();
        for entry in &self.file.modules {
            let module = self.catalog.module(&entry.head.name.value);
            for stated in &entry.fields {
                let from = module.and_then(|module| module.field(&stated.head.name.value));
                let (Some(ways), Some(from)) = (&stated.convert_to, from) else {
                    continue;
                };
                for (into, name) in ways {
                    let target = self.catalog.module(&into.value);
                    let target = target.filter(|target| INTO.contains(&target.api_name.as_str()));
                    let to = target.and_then(|target| target.field(&name.value));
                    if entry.head.name.value != LEADS {
                        let message = "only the fields of Leads go to other modules";
                        flaws.push((into, message.to_owned()));
                    } else if target.is_none() {
                        let message = format!("leads become no {}", into.value);
                        flaws.push((into, message));
                    } else if to.is_none() {
                        let message = format!("{} has no field \"{}\"", into.value, name.value);
                        flaws.push((name, message));
                    } else if !to.is_some_and(|to| fits(from, to)) {
                        let message = format!(
                            "{} does not fit {}.{}",
                            from.api_name, into.value, name.value
                        );
                        flaws.push((name, message));
                    }
                }
            }
        }
        for (at, message) in flaws {
            self.flaw(at, message);
        }
    }

    /// Lets the ways follow fields that got another name or were removed.
    fn follow(&mut self) {
        let stated = |name: &str| {
            let mut modules = self.file.modules.iter();
            let leads = modules.find(|module| module.head.name.value == LEADS);
            let mut fields = leads.into_iter().flat_map(|leads| &leads.fields);
            fields.any(|field| field.head.name.value == name && field.convert_to.is_some())
        };
        let there = |into: &str, name: &str| {
            let target = self.catalog.module(into);
            target.is_some_and(|target| target.field(name).is_some())
        };
        let renamed = |into: &str, name: &str| {
            let mut renamed = self.renamed.iter();
            let found = renamed.find(|(module, (old, _))| module == into && old == name);
            found.map(|(_, (_, new))| new.clone())
        };
        let leads = self.catalog.modules.iter();
        let fields = leads.filter(|module| module.api_name == LEADS);
        let mut followed = Vec::new();
        for field in fields.flat_map(|leads| &leads.fields) {
            let Some(ways) = field
                .convert_to
                .as_ref()
                .filter(|_| !stated(&field.api_name))
            else {
                continue;
            };
            let ways = ways.iter().filter_map(|(into, name)| {
                let now = if there(into, name) {
                    Some(name.clone())
                } else {
                    renamed(into, name)
                };
                Some((into.clone(), now?))
            });
            followed.push((field.id, ways.collect::<BTreeMap<String, String>>()));
        }
        for (id, ways) in followed {
            let mut fields = self.catalog.modules.iter_mut().flat_map(|m| &mut m.fields);
            if let Some(field) = fields.find(|field| field.id == id) {
                field.convert_to = Some(ways);
            }
        }
    }
}
