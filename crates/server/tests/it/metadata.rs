//! What every metadata read has in common, and modules (wire API 11.1); a server with the org of
//! the demo for these tests.

use crate::api::{Api, Reply};
use model::catalog::Catalog;
use model::id::UserId;
use model::module::Module;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, demo_catalog, each_db, save_catalog};

each_db! {
    every_version_reads_all_metadata,
    scopes_are_asked_for,
    modules_are_those_that_the_caller_may_see,
    the_parameter_module_is_needed_and_must_be_right,
}

/// What a client with an SDK asks for.
const SCOPES: &str = "ZohoCRM.settings.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ";

pub(crate) const ADMIN: &str = "admin";
pub(crate) const HEAD: &str = "ines.faria";
pub(crate) const SELLER: &str = "rohan.desai";
/// Sees no money, and of Leads only what a desk needs.
pub(crate) const DESK: &str = "carla.moura";

/// A server with the org of the demo.
pub(crate) struct Demo {
    pub(crate) api: Api,
    pub(crate) catalog: Catalog,
}

impl Demo {
    pub(crate) fn start(kind: Kind) -> Self {
        let api = Api::start_demo(kind);
        let catalog = demo_catalog();
        Self { api, catalog }
    }

    pub(crate) fn user(&self, name: &str) -> UserId {
        let email = format!("{name}@kestrel-rowe.example.com");
        self.catalog.user_by_email(&email).unwrap().id
    }

    pub(crate) fn module(&self, name: &str) -> &Module {
        self.catalog.module(name).unwrap()
    }

    /// What this user is answered, by the newest version.
    pub(crate) fn get(&self, who: &str, path: &str) -> Reply {
        let token = self.api.token(self.user(who), SCOPES);
        self.api.call("GET", &format!("/crm/v8/{path}"), &token)
    }

    /// The list under a key, which must be there.
    pub(crate) fn list(&self, who: &str, path: &str, key: &str) -> Vec<Json> {
        let reply = self.get(who, path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()[key].as_array().unwrap().clone()
    }

    pub(crate) fn nothing(&self, who: &str, path: &str) {
        let reply = self.get(who, path);
        assert_eq!((reply.status, reply.text.as_str()), (204, ""), "{path}");
    }
}

/// The texts under a key of each item.
pub(crate) fn texts<'a>(items: &'a [Json], key: &str) -> Vec<&'a str> {
    items
        .iter()
        .map(|item| item[key].as_str().unwrap())
        .collect()
}

pub(crate) fn item<'a>(items: &'a [Json], api_name: &str) -> &'a Json {
    let found = items.iter().find(|item| item["api_name"] == api_name);
    found.unwrap_or_else(|| panic!("there is no {api_name}"))
}

/// Checks that keys are of a type; absent and null are fine.
pub(crate) fn each_is(item: &Json, keys: &[&str], what: &str, right: fn(&Json) -> bool) {
    for key in keys {
        let value = &item[*key];
        assert!(
            value.is_null() || right(value),
            "{key} of {} is not {what}: {value}",
            item["api_name"]
        );
    }
}

mod check {
    use super::*;

    pub(super) fn every_version_reads_all_metadata(kind: Kind) {
        let demo = Demo::start(kind);
        let token = demo.api.token(demo.user(ADMIN), SCOPES);
        let leads = demo.module("Leads");
        for version in Version::ALL {
            for (path, key) in [
                ("org".to_owned(), "org"),
                ("users?type=CurrentUser".to_owned(), "users"),
                ("settings/modules".to_owned(), "modules"),
                ("settings/modules/Leads".to_owned(), "modules"),
                ("settings/fields?module=Leads".to_owned(), "fields"),
                (
                    format!("settings/fields/{}?module=Leads", leads.fields[0].id),
                    "fields",
                ),
                ("settings/layouts?module=Leads".to_owned(), "layouts"),
                (
                    format!("settings/layouts/{}?module=Leads", leads.layouts[0].id),
                    "layouts",
                ),
                (
                    "settings/custom_views?module=Leads".to_owned(),
                    "custom_views",
                ),
                (
                    format!("settings/custom_views/{}?module=Leads", leads.views[0].id),
                    "custom_views",
                ),
                ("settings/roles".to_owned(), "roles"),
                ("settings/profiles".to_owned(), "profiles"),
                ("settings/territories".to_owned(), "territories"),
            ] {
                let path = format!("/crm/{}/{path}", version.as_str());
                let reply = demo.api.call("GET", &path, &token);
                assert_eq!(reply.status, 200, "{path}: {}", reply.text);
                assert!(!reply.json()[key].as_array().unwrap().is_empty(), "{path}");
            }
        }
    }

    pub(super) fn scopes_are_asked_for(kind: Kind) {
        let demo = Demo::start(kind);
        let user = demo.user(ADMIN);
        let territory = demo.catalog.territories[1].id;
        for (path, scope) in [
            ("org", "ZohoCRM.org.READ"),
            ("users", "ZohoCRM.users.READ"),
            ("settings/modules", "ZohoCRM.settings.modules.READ"),
            (
                "settings/fields?module=Leads",
                "ZohoCRM.settings.fields.READ",
            ),
            (
                "settings/layouts?module=Leads",
                "ZohoCRM.settings.layouts.ALL",
            ),
            (
                "settings/custom_views?module=Leads",
                "ZohoCRM.settings.custom_views.READ",
            ),
            ("settings/roles", "ZohoCRM.settings.roles.READ"),
            ("settings/profiles", "ZohoCRM.settings.profiles.READ"),
            ("settings/territories", "ZohoCRM.settings.territories.READ"),
            (
                "settings/territories/actions/associated_users_count",
                "ZohoCRM.settings.territories.READ,ZohoCRM.users.READ",
            ),
            (
                &format!("settings/territories/{territory}/users"),
                "ZohoCRM.settings.READ,ZohoCRM.users.READ",
            ),
        ] {
            let path = format!("/crm/v7/{path}");
            let good = demo.api.token(user, scope);
            assert_eq!(demo.api.call("GET", &path, &good).status, 200, "{path}");
            let bad = demo
                .api
                .token(user, "ZohoCRM.settings.tags.READ,ZohoCRM.modules.ALL");
            demo.api.call("GET", &path, &bad).is_error(
                401,
                "OAUTH_SCOPE_MISMATCH",
                "invalid oauth scope to access this URL",
                &json!({}),
            );
        }
        let half = demo.api.token(user, "ZohoCRM.settings.ALL");
        let path = format!("/crm/v7/settings/territories/{territory}/users");
        assert_eq!(demo.api.call("GET", &path, &half).status, 401);
    }

    pub(super) fn modules_are_those_that_the_caller_may_see(kind: Kind) {
        let mut demo = Demo::start(kind);
        let modules = demo.list(ADMIN, "settings/modules", "modules");
        let names: Vec<&str> = demo.catalog.modules.iter().map(|m| &*m.api_name).collect();
        assert_eq!(texts(&modules, "api_name"), names);
        let visits = item(&modules, "Site_Visits");
        assert_eq!(visits["generated_type"], "custom");
        assert_eq!(visits["api_supported"], true);
        assert_eq!(visits["plural_label"], "Site Visits");
        assert_eq!(item(&modules, "Leads")["generated_type"], "default");
        assert_eq!(item(&modules, "Leads")["convertable"], true);
        for module in &modules {
            each_is(
                module,
                &["parent_module", "modified_by"],
                "an object",
                Json::is_object,
            );
            each_is(module, &["profiles", "arguments"], "a list", Json::is_array);
        }
        assert_eq!(
            demo.list(
                ADMIN,
                "settings/modules?status=user_hidden,visible",
                "modules"
            ),
            modules
        );
        let hidden = demo.list(ADMIN, "settings/modules?status=user_hidden", "modules");
        assert_eq!(hidden, Vec::<Json>::new());
        demo.get(ADMIN, "settings/modules?status=visible,odd")
            .is_error(
                400,
                "INVALID_DATA",
                "invalid data",
                &json!({
                    "param_name": "status",
                    "index": 1,
                    "supported_values":
                        ["user_hidden", "system_hidden", "scheduled_for_deletion", "visible"],
                }),
            );

        let desk = demo.list(DESK, "settings/modules", "modules");
        assert_eq!(item(&desk, "Deals")["viewable"], true);
        assert_eq!(item(&desk, "Deals")["editable"], false);
        assert_eq!(item(&desk, "Leads")["creatable"], true);
        assert_eq!(item(&desk, "Leads")["deletable"], false);

        let deals = demo.list(ADMIN, "settings/modules/Potentials", "modules");
        assert_eq!(deals[0]["api_name"], "Deals");
        assert_eq!(deals[0]["display_field"], "Deal_Name");
        assert_eq!(deals[0]["custom_view"]["system_name"], "ALLVIEWS");
        assert_eq!(
            deals[0]["fields"],
            json!(demo.list(ADMIN, "settings/fields?module=Deals", "fields"))
        );
        let by_id = format!("settings/modules/{}", demo.module("Deals").id);
        assert_eq!(demo.list(ADMIN, &by_id, "modules"), deals);
        demo.nothing(ADMIN, "settings/modules/999999");
        let unknown = |reply: Reply| {
            let message = "the module name given seems to be invalid";
            reply.is_error(400, "INVALID_MODULE", message, &json!({}));
        };
        unknown(demo.get(ADMIN, "settings/modules/leads"));

        // A module that the profile may not see is not there for it, whichever way it asks.
        let id = demo.module("Deals").id;
        let profile = demo.catalog.user(demo.user(DESK)).unwrap().profile;
        let profile = demo
            .catalog
            .profiles
            .iter_mut()
            .find(|p| p.id == profile)
            .unwrap();
        profile.modules.remove(&id);
        demo.catalog.version += 1;
        save_catalog(&demo.api.db, &demo.catalog);
        let desk = demo.list(DESK, "settings/modules", "modules");
        assert!(!texts(&desk, "api_name").contains(&"Deals"));
        let others = ["Leads", "Accounts", "Contacts", "Tasks", "Site_Visits"];
        assert_eq!(texts(&desk, "api_name"), others);
        let field = demo.module("Deals").fields[0].id;
        for path in [
            "settings/modules/Deals",
            &by_id,
            "settings/fields?module=Deals",
            &format!("settings/fields/{field}?module=Deals"),
            "settings/layouts?module=Deals",
            "settings/layouts/5?module=Deals",
            "settings/custom_views?module=Deals",
            "settings/custom_views/5?module=Potentials",
        ] {
            demo.get(DESK, path).is_error(
                403,
                "NO_PERMISSION",
                "permission denied",
                &json!({ "permissions": ["Crm_Implied_View_Deals"] }),
            );
        }
    }

    pub(super) fn the_parameter_module_is_needed_and_must_be_right(kind: Kind) {
        let demo = Demo::start(kind);
        for path in [
            "settings/fields",
            "settings/fields/5",
            "settings/layouts",
            "settings/layouts/5",
            "settings/custom_views",
            "settings/custom_views/5",
        ] {
            for query in ["", "?module="] {
                demo.get(ADMIN, &format!("{path}{query}")).is_error(
                    400,
                    "REQUIRED_PARAM_MISSING",
                    "One of the expected parameter is missing",
                    &json!({ "param_name": "module" }),
                );
            }
            for name in ["leads", "Odd", "Notes"] {
                demo.get(ADMIN, &format!("{path}?module={name}")).is_error(
                    400,
                    "INVALID_MODULE",
                    "the module name given seems to be invalid",
                    &json!({}),
                );
            }
        }
    }
}
