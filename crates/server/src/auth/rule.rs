//! Which scopes a route asks for, as data that stands in the table of routes (wire API 7.5).

use crate::version::Version;
use model::module::Module;
use model::scope::{ActionScope, Need, Op, Scopes};

const CRM: &str = "ZohoCRM";

/// What a token must be good for.
#[derive(Clone, Copy, Debug)]
pub enum ScopeRule {
    /// Any valid token.
    AnyToken,
    /// Records of the path's `{module}`: `ZohoCRM.modules.OP` or `ZohoCRM.modules.{m}.OP`.
    Records(Op),
    /// Records of a module that the pattern names.
    RecordsOf(&'static str, Op),
    /// `ZohoCRM.mass_update.OP` or `ZohoCRM.mass_update.{m}.OP`; also `mass_delete`, `share` …
    ByModule(&'static str, Op),
    /// `ZohoCRM.change_owner.OP`; in the newest version also by module.
    ChangeOwner(Op),
    /// `ZohoCRM.settings.OP` or `ZohoCRM.settings.{name}.OP`.
    Settings(&'static str, Op),
    /// `ZohoCRM.{group}.OP`: users, org, coql, bulk, notifications, composite_requests, files.
    Group(&'static str, Op),
    /// `ZohoCRM.{group}.{sub}.OP` or the wide form: `modules.notes`, `mass_convert.leads`.
    Sub(&'static str, &'static str, Op),
    /// `{service}.{group}.OP` of another service: `ZohoSearch.securesearch.READ`.
    Service(&'static str, &'static str, Op),
    /// `swathe.{group}.OP`: jobs, org.
    Native(&'static str, Op),
    /// A rule that holds only in these versions, and grants nothing in others.
    Only(&'static [Version], &'static ScopeRule),
    /// Every one of these.
    AllOf(&'static [ScopeRule]),
    /// One of these.
    AnyOf(&'static [ScopeRule]),
}

impl From<ActionScope> for ScopeRule {
    fn from(scope: ActionScope) -> Self {
        match scope {
            ActionScope::ByModule(group, op) => Self::ByModule(group, op),
            ActionScope::ChangeOwner(op) => Self::ChangeOwner(op),
            ActionScope::Sub(group, sub, op) => Self::Sub(group, sub, op),
        }
    }
}

/// What the rules are asked about.
#[derive(Clone, Copy)]
pub(crate) struct ScopeSubject<'a> {
    pub(crate) version: Version,
    /// The path's module: its segment, and what the catalog knows of it.
    pub(crate) segment: &'a str,
    pub(crate) module: Option<&'a Module>,
}

impl ScopeSubject<'_> {
    fn with_module<'a>(&self, need: Need<'a>) -> Need<'a> {
        match self.module {
            Some(module) => need.or_module(&module.api_name, module.custom),
            // Scopes are judged before the module: one that does not exist has its own name only.
            None => need.or_module(self.segment, false),
        }
    }
}

impl ScopeRule {
    /// Whether these scopes are enough.
    pub(crate) fn admits(&self, scopes: &Scopes, asked: ScopeSubject<'_>) -> bool {
        let wide = |group, op| Need::wide(CRM, group, op);
        let need = match *self {
            Self::AnyToken => return true,
            Self::AllOf(rules) => return rules.iter().all(|rule| rule.admits(scopes, asked)),
            Self::AnyOf(rules) => return rules.iter().any(|rule| rule.admits(scopes, asked)),
            Self::Only(versions, rule) => {
                return versions.contains(&asked.version) && rule.admits(scopes, asked);
            }
            Self::Records(op) => asked.with_module(wide("modules", op)),
            Self::RecordsOf(module, op) => wide("modules", op).or_module(module, false),
            Self::ByModule(group, op) => asked.with_module(wide(group, op)),
            Self::ChangeOwner(op) => {
                let need = wide("change_owner", op);
                if asked.version.change_owner_scope_by_module() {
                    asked.with_module(need)
                } else {
                    need
                }
            }
            Self::Settings(name, op) => wide("settings", op).or_sub(name),
            Self::Group(group, op) => wide(group, op),
            Self::Sub(group, sub, op) => wide(group, op).or_sub(sub),
            Self::Service(service, group, op) => Need::wide(service, group, op),
            Self::Native(group, op) => Need::wide("swathe", group, op),
        };
        scopes.cover(&need)
    }
}

#[cfg(test)]
mod tests {
    use super::ScopeRule::*;
    use super::*;

    fn admits(rule: ScopeRule, version: Version, segment: &str, scopes: &str) -> bool {
        let asked = ScopeSubject {
            version,
            segment,
            module: None,
        };
        rule.admits(&Scopes::parse(scopes).unwrap(), asked)
    }

    #[test]
    fn each_row_of_the_grammar_has_its_rule() {
        let search: ScopeRule = AllOf(&[
            Records(Op::Read),
            Service("ZohoSearch", "securesearch", Op::Read),
        ]);
        let (v7, v8) = (Version::V7, Version::V8);
        for (rule, version, scopes, wanted) in [
            (Records(Op::Read), v7, "ZohoCRM.modules.leads.READ", true),
            (Records(Op::Read), v7, "ZohoCRM.modules.deals.READ", false),
            (
                RecordsOf("Deals", Op::Read),
                v7,
                "ZohoCRM.modules.deals.READ",
                true,
            ),
            (
                ByModule("mass_update", Op::Update),
                v7,
                "ZohoCRM.mass_update.UPDATE",
                true,
            ),
            (
                ByModule("mass_update", Op::Update),
                v7,
                "ZohoCRM.mass_update.Leads.UPDATE",
                true,
            ),
            (
                ByModule("mass_update", Op::Update),
                v7,
                "ZohoCRM.mass_update.READ",
                false,
            ),
            (
                ByModule("mass_update", Op::Update),
                v7,
                "ZohoCRM.modules.ALL",
                false,
            ),
            (
                ChangeOwner(Op::Create),
                v7,
                "ZohoCRM.change_owner.CREATE",
                true,
            ),
            (
                ChangeOwner(Op::Create),
                v7,
                "ZohoCRM.change_owner.leads.CREATE",
                false,
            ),
            (
                ChangeOwner(Op::Create),
                v8,
                "ZohoCRM.change_owner.leads.CREATE",
                true,
            ),
            (
                Settings("fields", Op::Read),
                v7,
                "ZohoCRM.settings.fields.READ",
                true,
            ),
            (
                Settings("fields", Op::Read),
                v7,
                "ZohoCRM.settings.layouts.READ",
                false,
            ),
            (Group("users", Op::Read), v7, "ZohoCRM.users.ALL", true),
            (
                Sub("mass_convert", "leads", Op::Read),
                v7,
                "ZohoCRM.mass_convert.leads.READ",
                true,
            ),
            (
                Sub("mass_convert", "leads", Op::Read),
                v7,
                "ZohoCRM.mass_convert.READ",
                false,
            ),
            (search, v7, "ZohoCRM.modules.ALL", false),
            (
                search,
                v7,
                "ZohoCRM.modules.ALL,ZohoSearch.securesearch.READ",
                true,
            ),
            (Native("jobs", Op::Read), v8, "swathe.jobs.READ", true),
            (Native("jobs", Op::Read), v8, "ZohoCRM.jobs.READ", false),
            (AnyToken, v8, "Other.thing.READ", true),
            (
                AnyOf(&[Group("a", Op::Read), Group("b", Op::Read)]),
                v7,
                "ZohoCRM.b.READ",
                true,
            ),
            (Only(&[Version::V5], &AnyToken), v7, "ZohoCRM.b.READ", false),
            (
                Only(&[Version::V5], &AnyToken),
                Version::V5,
                "ZohoCRM.b.READ",
                true,
            ),
        ] {
            let found = admits(rule, version, "Leads", scopes);
            assert_eq!(found, wanted, "{rule:?} {version:?} {scopes}");
        }
    }
}
