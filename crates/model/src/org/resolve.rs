//! Gives new things their real ids.

use super::approvals;
use crate::catalog::Catalog;
use crate::id::{
    BlueprintId, FieldId, LayoutId, ModuleId, OrgId, PickId, ProfileId, RoleId, RuleId,
    TerritoryId, TransitionId, UserId, ViewId,
};
use crate::rule::Rules;
use crate::view::Audience;
use crate::workflow::Literal;
use std::collections::BTreeMap;

/// Replaces every provisional id, everywhere, by one from `new_id`. Ids are taken in the order of
/// the catalog, so that the same file on an empty database always gets the same ids.
pub(super) fn real_ids(catalog: &mut Catalog, new_id: &mut dyn FnMut() -> i64) {
    let mut known: BTreeMap<i64, i64> = BTreeMap::new();
    let mut real = |id: i64| {
        if id >= 0 {
            id
        } else {
            *known.entry(id).or_insert_with(&mut *new_id)
        }
    };
    let org = &mut catalog.org;
    org.id = OrgId(real(org.id.0));
    for role in &mut catalog.roles {
        role.id = RoleId(real(role.id.0));
    }
    for role in &mut catalog.roles {
        role.reports_to = role.reports_to.map(|id| RoleId(real(id.0)));
    }
    for module in &mut catalog.modules {
        module.id = ModuleId(real(module.id.0));
        for field in &mut module.fields {
            field.id = FieldId(real(field.id.0));
            for value in &mut field.values {
                value.id = PickId(real(value.id.0));
            }
        }
        for layout in &mut module.layouts {
            layout.id = LayoutId(real(layout.id.0));
        }
        for view in &mut module.views {
            view.id = ViewId(real(view.id.0));
        }
        of_rules(&mut module.rules, &mut real);
        for blueprint in &mut module.blueprints {
            blueprint.id = BlueprintId(real(blueprint.id.0));
            for transition in &mut blueprint.transitions {
                transition.id = TransitionId(real(transition.id.0));
            }
        }
    }
    for profile in &mut catalog.profiles {
        profile.id = ProfileId(real(profile.id.0));
        profile.modules = std::mem::take(&mut profile.modules)
            .into_iter()
            .map(|(id, rights)| (ModuleId(real(id.0)), rights))
            .collect();
        profile.fields = std::mem::take(&mut profile.fields)
            .into_iter()
            .map(|(id, right)| (FieldId(real(id.0)), right))
            .collect();
    }
    for territory in &mut catalog.territories {
        territory.id = TerritoryId(real(territory.id.0));
    }
    for user in &mut catalog.users {
        user.id = UserId(real(user.id.0));
        user.role = RoleId(real(user.role.0));
        user.profile = ProfileId(real(user.profile.0));
        for territory in &mut user.territories {
            territory.0 = real(territory.0);
        }
    }
    for territory in &mut catalog.territories {
        territory.reports_to = territory.reports_to.map(|id| TerritoryId(real(id.0)));
        territory.manager = territory.manager.map(|id| UserId(real(id.0)));
    }
    for module in &mut catalog.modules {
        for field in &mut module.lock_exclusions.fields {
            field.0 = real(field.0);
        }
        for profile in &mut module.lock_exclusions.profiles {
            profile.0 = real(profile.0);
        }
        named_by_rules(&mut module.rules, &mut real);
        approvals::resolve(&mut module.rules, &mut real);
        for blueprint in &mut module.blueprints {
            blueprint.field.0 = real(blueprint.field.0);
            blueprint.layout = blueprint.layout.map(|id| LayoutId(real(id.0)));
            for transition in &mut blueprint.transitions {
                for field in &mut transition.fields {
                    field.0 = real(field.0);
                }
                for profile in &mut transition.profiles {
                    profile.0 = real(profile.0);
                }
            }
        }
    }
    for view in catalog.modules.iter_mut().flat_map(|m| &mut m.views) {
        view.owner = view.owner.map(|id| UserId(real(id.0)));
        if let Audience::Shared {
            users,
            roles,
            territories,
        } = &mut view.audience
        {
            for id in users {
                id.0 = real(id.0);
            }
            for id in roles {
                id.0 = real(id.0);
            }
            for id in territories {
                id.0 = real(id.0);
            }
        }
    }
}

/// The rules' own ids, and the layouts that they are for.
fn of_rules(rules: &mut Rules, real: &mut impl FnMut(i64) -> i64) {
    for rule in &mut rules.validation {
        rule.id = RuleId(real(rule.id.0));
        rule.layout = rule.layout.map(|id| LayoutId(real(id.0)));
    }
    for rule in &mut rules.layout {
        rule.id = RuleId(real(rule.id.0));
        rule.layout = LayoutId(real(rule.layout.0));
    }
    for rule in &mut rules.workflow {
        rule.id = RuleId(real(rule.id.0));
    }
}

/// What rules name that may have got its id after them.
fn named_by_rules(rules: &mut Rules, real: &mut impl FnMut(i64) -> i64) {
    for rule in &mut rules.workflow {
        for field in &mut rule.fields {
            field.0 = real(field.0);
        }
        for update in &mut rule.update {
            update.field.0 = real(update.field.0);
            if let Literal::User(user) = &mut update.to {
                user.0 = real(user.0);
            }
        }
        for owner in rule.tasks.iter_mut().filter_map(|task| task.owner.as_mut()) {
            owner.0 = real(owner.0);
        }
        for field in rule.web_hooks.iter_mut().flat_map(|hook| &mut hook.fields) {
            field.0 = real(field.0);
        }
    }
}
