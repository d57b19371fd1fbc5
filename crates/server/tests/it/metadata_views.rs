//! Custom views, as clients read them (wire API 10.1).

use crate::metadata::{ADMIN, DESK, Demo, HEAD, SELLER, each_is, texts};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    views_are_those_that_the_caller_may_use,
    one_view_has_its_criteria,
    views_are_paged,
}

mod check {
    use super::*;

    fn views_of(demo: &Demo, who: &str) -> Vec<(String, String)> {
        let views = demo.list(who, "settings/custom_views?module=Leads", "custom_views");
        let own = views.iter().filter(|view| view["system_defined"] == false);
        own.map(|view| {
            let text = |key: &str| view[key].as_str().unwrap().to_owned();
            (text("name"), text("category"))
        })
        .collect()
    }

    pub(super) fn views_are_those_that_the_caller_may_use(kind: Kind) {
        let demo = Demo::start(kind);
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        let (public, shared) = ("public_views", "shared_with_me");
        assert_eq!(
            views_of(&demo, ADMIN),
            own(&[
                ("Hot Leads", public),
                ("Wanted This Month", "created_by_me"),
            ])
        );
        assert_eq!(
            views_of(&demo, SELLER),
            own(&[
                ("Hot Leads", public),
                ("Wanted This Month", public),
                ("My Silent Leads", shared),
            ])
        );
        assert_eq!(
            views_of(&demo, "joana.brito"),
            own(&[
                ("Hot Leads", public),
                ("Irrigation in Iberia", shared),
                ("Wanted This Month", public),
            ])
        );
        assert_eq!(
            views_of(&demo, DESK),
            own(&[
                ("Hot Leads", public),
                ("Wanted This Month", public),
                ("No Source", "created_by_me"),
            ])
        );
        let reply = demo.get(ADMIN, "settings/custom_views?module=Leads").json();
        let views = reply["custom_views"].as_array().unwrap();
        let default: Vec<&Json> = views
            .iter()
            .filter(|view| view["default"] == true)
            .collect();
        assert_eq!(default.len(), 1);
        assert_eq!(default[0]["system_name"], "ALLVIEWS");
        assert_eq!(reply["info"]["default"], default[0]["id"]);
        assert_eq!(
            reply["info"]["translation"]["shared_with_me"],
            "Shared With Me"
        );
        for view in views {
            assert_eq!(view.get("criteria"), None);
            each_is(view, &["favorite"], "an integer", Json::is_i64);
            each_is(
                view,
                &["created_by", "modified_by", "module"],
                "an object",
                Json::is_object,
            );
        }
    }

    pub(super) fn one_view_has_its_criteria(kind: Kind) {
        let demo = Demo::start(kind);
        let leads = demo.module("Leads");
        let view = |name: &str| leads.views.iter().find(|view| view.name == name).unwrap();
        let path = |name: &str| format!("settings/custom_views/{}?module=Leads", view(name).id);
        let id_of = |name: &str| leads.field(name).unwrap().id.to_string();

        let shown = &demo.list("joana.brito", &path("Irrigation in Iberia"), "custom_views")[0];
        let head = demo.user("tomas.leal");
        assert_eq!(
            shown["created_by"],
            json!({"name": "Tomás Leal", "id": head.to_string()})
        );
        assert_eq!(shown["access_type"], "shared");
        let shared: Vec<(&str, &str)> = {
            let shared = shown["shared_to"].as_array().unwrap();
            texts(shared, "type")
                .into_iter()
                .zip(texts(shared, "name"))
                .collect()
        };
        assert_eq!(
            shared,
            [("roles", "Regional Lead"), ("territories", "Iberia")]
        );
        assert_eq!(
            (&shown["sort_by"], &shown["sort_order"]),
            (&Json::Null, &Json::Null)
        );
        let criteria = &shown["criteria"];
        assert_eq!(criteria["group_operator"], "AND");
        assert_eq!(
            criteria["group"][1],
            json!({
                "comparator": "contains",
                "field": {"api_name": "Uses", "id": id_of("Uses")},
                "value": "Irrigation",
            })
        );
        assert_eq!(criteria["group"][2]["group_operator"], "OR");
        let fields = shown["fields"].as_array().unwrap();
        assert_eq!(
            texts(fields, "api_name"),
            view("Irrigation in Iberia").fields
        );
        assert_eq!(
            fields[0],
            json!({
                "api_name": "Full_Name", "id": id_of("Full_Name"), "_pin": false,
            })
        );

        let mine = &demo.list(ADMIN, &path("My Leads"), "custom_views")[0];
        let owner = json!({
            "comparator": "equal",
            "field": {"api_name": "Owner", "id": id_of("Owner")},
            "value": {"name": "${CURRENTUSER}"},
        });
        assert!(
            mine["criteria"]["group"]
                .as_array()
                .unwrap()
                .contains(&owner)
        );
        // Values are of the type of their field, whichever way the criteria was written.
        let hot = &demo.list(ADMIN, &path("Hot Leads"), "custom_views")[0]["criteria"]["group"];
        assert_eq!(hot[0]["value"], false);
        assert_eq!(hot[1]["value"], json!(["Contacted", "Contact in Future"]));
        assert_eq!(hot[2]["group"][0]["value"], 80);
        let accounts = demo.module("Accounts").views[0].id;
        let all = format!("settings/custom_views/{accounts}?module=Accounts");
        assert_eq!(
            demo.list(ADMIN, &all, "custom_views")[0]["criteria"],
            Json::Null
        );

        demo.nothing(
            ADMIN,
            &format!("settings/custom_views/{accounts}?module=Leads"),
        );
        demo.nothing(ADMIN, "settings/custom_views/999999?module=Leads");
        demo.get(ADMIN, "settings/custom_views/odd?module=Leads")
            .is_error(
                400,
                "UNABLE_TO_PARSE_DATA_TYPE",
                "either the request body or parameters is in wrong format",
                &json!({}),
            );
        for (who, name) in [(ADMIN, "No Source"), (HEAD, "My Silent Leads")] {
            demo.get(who, &path(name)).is_error(
                403,
                "NO_PERMISSION",
                "permission denied",
                &json!({ "permissions": [] }),
            );
        }
    }

    pub(super) fn views_are_paged(kind: Kind) {
        let demo = Demo::start(kind);
        let all = demo.list(ADMIN, "settings/custom_views?module=Leads", "custom_views");
        let page = |query: &str| {
            demo.get(
                ADMIN,
                &format!("settings/custom_views?module=Leads&{query}"),
            )
        };
        let second = page("page=2&per_page=5").json();
        assert_eq!(second["custom_views"].as_array().unwrap(), &all[5..10]);
        let info = &second["info"];
        assert_eq!(
            (
                &info["page"],
                &info["per_page"],
                &info["count"],
                &info["more_records"]
            ),
            (&json!(2), &json!(5), &json!(5), &json!(true))
        );
        assert_eq!(page("page=99").json()["custom_views"], json!([]));
        for (query, details) in [
            ("page=0", json!({"param_name": "page"})),
            ("page=-1", json!({"param_name": "page"})),
            ("page=+1", json!({"param_name": "page"})),
            ("per_page=x", json!({"param_name": "per_page"})),
            (
                "per_page=201",
                json!({"param_name": "per_page", "maximum_length": 200}),
            ),
        ] {
            page(query).is_error(400, "INVALID_DATA", "invalid data", &details);
        }
    }
}
