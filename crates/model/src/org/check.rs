//! What can be judged only when the whole file has been laid over the catalog.

use super::build::Draft;
use super::read::Flaw;
use crate::people::UserStatus;
use std::collections::BTreeSet;

impl Draft<'_> {
    pub(super) fn check(&mut self) {
        self.check_org();
        self.check_cycles();
        self.check_administrator();
        self.check_other_views();
        self.check_rules();
        self.check_other_workflow_rules();
        self.check_other_approval_processes();
        self.check_other_blueprints();
        self.check_conversion();
        for gone in std::mem::take(&mut self.gone) {
            if (gone.used)(&self.catalog) {
                let message = format!("this {} is still in use and cannot be removed", gone.noun);
                self.flaws.push(Flaw::new(gone.at, message));
            }
        }
    }

    fn check_org(&mut self) {
        if self.catalog.org.company.is_empty() {
            let message = "a new org needs [org] with its company";
            self.flaws.push(Flaw::new(0, message));
        }
        if self.catalog.org.primary_email.is_empty()
            && let Some(user) = self.catalog.users.first()
        {
            self.catalog.org.primary_email.clone_from(&user.email);
        }
    }

    fn check_cycles(&mut self) {
        let roles: Vec<_> = self
            .catalog
            .roles
            .iter()
            .map(|role| (role.id.0, role.reports_to.map(|id| id.0), role.name.clone()))
            .collect();
        let stated: Vec<_> = self
            .file
            .roles
            .iter()
            .map(|entry| {
                let at = entry.reports_to.as_ref().unwrap_or(&entry.head.name).at;
                (entry.head.name.value.clone(), at)
            })
            .collect();
        self.cycles("roles", &roles, &stated);
        let territories: Vec<_> = self
            .catalog
            .territories
            .iter()
            .map(|t| (t.id.0, t.reports_to.map(|id| id.0), t.name.clone()))
            .collect();
        let stated: Vec<_> = self
            .file
            .territories
            .iter()
            .map(|entry| {
                let at = entry.reports_to.as_ref().unwrap_or(&entry.head.name).at;
                (entry.head.name.value.clone(), at)
            })
            .collect();
        self.cycles("territories", &territories, &stated);
    }

    /// Notes each cycle once, where the file first states a part of it.
    fn cycles(
        &mut self,
        noun: &str,
        nodes: &[(i64, Option<i64>, String)],
        stated: &[(String, usize)],
    ) {
        let above = |id: i64| nodes.iter().find(|(known, ..)| *known == id);
        let mut noted: BTreeSet<i64> = BTreeSet::new();
        for (start, ..) in nodes {
            let mut path = vec![*start];
            let mut at = *start;
            while let Some(next) = above(at).and_then(|(_, next, _)| *next) {
                if next == *start {
                    break;
                }
                if path.contains(&next) {
                    path.clear();
                    break;
                }
                path.push(next);
                at = next;
            }
            let closes = above(at).and_then(|(_, next, _)| *next) == Some(*start);
            if path.is_empty() || !closes || path.iter().any(|id| noted.contains(id)) {
                continue;
            }
            noted.extend(&path);
            let names: Vec<&str> = path
                .iter()
                .chain([start])
                .filter_map(|id| above(*id))
                .map(|(.., name)| name.as_str())
                .collect();
            let mut places = stated
                .iter()
                .filter(|(name, _)| names.contains(&name.as_str()));
            let at = places.next().map_or(0, |(_, at)| *at);
            let message = format!("{noun} in a circle: {}", names.join(" reports to "));
            self.flaws.push(Flaw::new(at, message));
        }
    }

    fn check_administrator(&mut self) {
        let able = self.catalog.users.iter().any(|user| {
            let profile = self.catalog.profile(user.profile);
            profile.is_some_and(|profile| profile.administrator)
                && user.status == UserStatus::Active
                && user.confirmed
        });
        // A user whose profile is unknown may be the one: that is noted already.
        let unsure = self.catalog.users.iter().any(|user| user.profile.0 == 0);
        if !able && !unsure {
            let at = self
                .file
                .users
                .first()
                .map_or(0, |entry| entry.head.name.at);
            self.flaws.push(Flaw::new(
                at,
                "the org needs an active, confirmed user with an administrator's profile",
            ));
        }
    }
}
