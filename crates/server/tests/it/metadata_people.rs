//! Users, the org, roles, profiles and territories, as clients read them (wire API 12, 13).

use crate::metadata::{ADMIN, DESK, Demo, HEAD, SELLER, texts};
use model::people::{Right, UserStatus, UserType};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    users_are_found_by_type,
    users_whose_account_is_closed_are_listed_apart,
    a_user_is_of_the_types_that_clients_read,
    the_org_says_who_it_is,
    roles_say_what_is_above_them,
    a_profile_says_every_permission,
    territories_are_a_tree_of_pages,
    territories_are_filtered,
    territories_have_users,
}

mod check {
    use super::*;

    fn names(demo: &Demo, who: &str, path: &str) -> Vec<String> {
        let users = demo.list(who, path, "users");
        let names = texts(&users, "email").into_iter();
        names
            .map(|email| email.split('@').next().unwrap().to_owned())
            .collect()
    }

    pub(super) fn users_are_found_by_type(kind: Kind) {
        let demo = Demo::start(kind);
        let all = names(&demo, ADMIN, "users");
        assert_eq!(all.len(), demo.catalog.users.len());
        assert_eq!(names(&demo, SELLER, "users?type=AllUsers"), all);
        for (kind, wanted) in [
            ("CurrentUser", vec!["admin"]),
            ("DeactiveUsers", vec!["piet.vos"]),
            ("NotConfirmedUsers", vec!["sana.iqbal"]),
            ("AdminUsers", vec!["admin"]),
            ("ActiveConfirmedAdmins", vec!["admin"]),
        ] {
            assert_eq!(
                names(&demo, ADMIN, &format!("users?type={kind}")),
                wanted,
                "{kind}"
            );
        }
        assert_eq!(names(&demo, DESK, "users?type=CurrentUser"), [DESK]);
        assert_eq!(
            names(&demo, "tomas.leal", "users?type=ConfirmedReportingUsers"),
            ["joana.brito", "oskar.lind", "rohan.desai", "piet.vos"]
        );
        for (kind, without) in [
            ("ActiveUsers", 1),
            ("ConfirmedUsers", 1),
            ("ActiveConfirmedUsers", 2),
        ] {
            let found = names(&demo, ADMIN, &format!("users?type={kind}"));
            assert_eq!(found.len() + without, all.len(), "{kind}");
        }
        demo.nothing(ADMIN, "users?type=DeletedUsers");
        demo.nothing(ADMIN, "users?type=DeveloperUsers");
        demo.nothing(ADMIN, "users?type__s=Team%20User");
        assert_eq!(names(&demo, ADMIN, "users?type__s=Regular%20User"), all);
        for param in ["type", "type__s"] {
            demo.get(ADMIN, &format!("users?{param}=odd")).is_error(
                400,
                "PATTERN_NOT_MATCHED",
                "Please check whether the input values are correct",
                &json!({ "param_name": param }),
            );
        }

        let (a, b) = (demo.user(HEAD), demo.user(DESK));
        assert_eq!(
            names(&demo, ADMIN, &format!("users?ids={b},{a},999999")),
            [HEAD, DESK]
        );
        demo.nothing(ADMIN, "users?ids=999999");
        demo.get(ADMIN, "users?ids=odd").is_error(
            400,
            "UNABLE_TO_PARSE_DATA_TYPE",
            "either the request body or parameters is in wrong format",
            &json!({ "param_name": "ids" }),
        );
        let many = vec!["1"; 101].join(",");
        let reply = demo.get(ADMIN, &format!("users?ids={many}"));
        let details = json!({ "param_name": "ids", "limit": 100 });
        reply.is_error(400, "LIMIT_EXCEEDED", "Record count exceeded", &details);

        let page = demo.get(ADMIN, "users?page=2&per_page=4").json();
        assert_eq!(
            page["info"],
            json!({
                "per_page": 4, "count": 4, "page": 2, "more_records": true,
            })
        );
        assert_eq!(names(&demo, ADMIN, "users?page=2&per_page=4"), all[4..8]);
        demo.nothing(ADMIN, "users?page=4&per_page=4");
    }

    pub(super) fn users_whose_account_is_closed_are_listed_apart(kind: Kind) {
        let demo = Demo::start(kind);
        demo.api.change_catalog(|catalog| {
            for user in &mut catalog.users {
                match user.email.split('@').next() {
                    Some("piet.vos") => user.status = UserStatus::Deleted,
                    Some("carla.moura") => user.user_type = UserType::Lite,
                    _ => {}
                }
            }
        });
        assert_eq!(names(&demo, ADMIN, "users?type=DeletedUsers"), ["piet.vos"]);
        for kind in ["AllUsers", "DeactiveUsers", "ConfirmedUsers"] {
            let reply = demo.get(ADMIN, &format!("users?type={kind}"));
            assert!(!reply.text.contains("piet.vos"), "{kind}");
        }
        let piet = demo.user("piet.vos");
        let shown = demo.get(ADMIN, &format!("users/{piet}")).json();
        assert_eq!(shown["users"][0]["status"], "deleted");
        assert_eq!(
            names(&demo, ADMIN, "users?type__s=Lite%20User"),
            ["carla.moura"]
        );
    }

    pub(super) fn a_user_is_of_the_types_that_clients_read(kind: Kind) {
        let demo = Demo::start(kind);
        let id = demo.user("meera.kulkarni");
        let reply = demo.get(SELLER, &format!("users/{id}")).json();
        assert_eq!(reply.get("info"), None);
        let user = &reply["users"][0];
        let role = demo
            .catalog
            .role(demo.catalog.user(id).unwrap().role)
            .unwrap();
        for (key, wanted) in [
            ("id", json!(id.to_string())),
            ("email", json!("meera.kulkarni@kestrel-rowe.example.com")),
            ("full_name", json!("Meera Kulkarni")),
            ("status", json!("active")),
            ("confirm", json!(true)),
            (
                "role",
                json!({"name": "Regional Lead", "id": role.id.to_string()}),
            ),
            ("time_zone", json!("Asia/Kolkata")),
            ("offset", json!(19_800_000)),
            ("type__s", json!("Regular User")),
        ] {
            assert_eq!(user[key], wanted, "{key}");
        }
        assert_eq!(user["profile"]["name"], "Standard");
        assert_eq!(user["territories"][0]["name"], "South Asia");
        for key in [
            "dob",
            "created_by",
            "Modified_By",
            "Reporting_To",
            "theme",
            "customize_info",
        ] {
            assert_eq!(user.get(key), Some(&Json::Null), "{key}");
        }
        let vos = demo
            .get(SELLER, &format!("users/{}", demo.user("piet.vos")))
            .json();
        assert_eq!(vos["users"][0]["status"], "inactive");
        demo.nothing(ADMIN, "users/999999");
        demo.get(ADMIN, "users/odd").is_error(
            400,
            "INVALID_DATA",
            "the id given seems to be invalid",
            &json!({ "resource_path_index": 1 }),
        );
    }

    pub(super) fn the_org_says_who_it_is(kind: Kind) {
        let demo = Demo::start(kind);
        for who in [ADMIN, SELLER] {
            let org = demo.list(who, "org", "org").remove(0);
            let known = &demo.catalog.org;
            for (key, wanted) in [
                ("id", known.id.to_string()),
                ("zgid", known.id.to_string()),
                ("company_name", known.company.clone()),
                ("type", "production".to_owned()),
                ("currency_symbol", "€".to_owned()),
                ("iso_code", "EUR".to_owned()),
                ("time_zone", "Europe/Lisbon".to_owned()),
                ("primary_zuid", demo.user(ADMIN).to_string()),
            ] {
                assert_eq!(org[key], wanted, "{key}");
            }
            assert_eq!(org["license_details"]["paid"], true);
        }
    }

    pub(super) fn roles_say_what_is_above_them(kind: Kind) {
        let demo = Demo::start(kind);
        let roles = demo.list(SELLER, "settings/roles", "roles");
        let known: Vec<&str> = demo.catalog.roles.iter().map(|role| &*role.name).collect();
        assert_eq!(texts(&roles, "name"), known);
        let of = |name: &str| roles.iter().find(|role| role["name"] == name).unwrap();
        let (top, lead) = (of("Managing Director"), of("Regional Lead"));
        assert_eq!(top["reporting_to"], Json::Null);
        assert_eq!(lead["reporting_to"]["name"], "Head of Sales");
        assert_eq!(lead["share_with_peers"], true);
        assert_eq!(lead["forecast_manager"], Json::Null);
        let path = format!("settings/roles/{}", lead["id"].as_str().unwrap());
        assert_eq!(
            &demo.list(SELLER, &path, "roles"),
            std::slice::from_ref(lead)
        );
        demo.nothing(ADMIN, "settings/roles/999999");
        assert_eq!(demo.get(ADMIN, "settings/roles/odd").status, 400);
    }

    pub(super) fn a_profile_says_every_permission(kind: Kind) {
        let demo = Demo::start(kind);
        let profiles = demo.list(SELLER, "settings/profiles", "profiles");
        assert_eq!(
            texts(&profiles, "name"),
            ["Administrator", "Standard", "Care Desk"]
        );
        assert_eq!(
            (&profiles[0]["custom"], &profiles[2]["custom"]),
            (&json!(false), &json!(true))
        );
        assert_eq!(profiles[0].get("permissions_details"), None);
        for (shown, known) in profiles.iter().zip(&demo.catalog.profiles) {
            assert_eq!(shown["type"], "normal_profile");
            let path = format!("settings/profiles/{}", known.id);
            let whole = demo.list(SELLER, &path, "profiles").remove(0);
            let permissions = whole["permissions_details"].as_array().unwrap();
            // Eight rights over each module, and to convert leads.
            assert_eq!(permissions.len(), demo.catalog.modules.len() * 8 + 1);
            for module in &demo.catalog.modules {
                for right in Right::ALL {
                    let name = right.permission(&module.api_name);
                    let found = permissions.iter().find(|shown| shown["name"] == name);
                    let converts = right == Right::Convert && module.api_name != "Leads";
                    assert_eq!(found.is_none(), converts, "{name}");
                    if let Some(found) = found {
                        assert_eq!(found["enabled"], known.may(right, module.id), "{name}");
                        assert_eq!(found["module"], module.api_name);
                    }
                }
            }
            let sections = whole["sections"][0]["categories"].as_array().unwrap();
            assert_eq!(sections.len(), demo.catalog.modules.len());
        }
        demo.nothing(ADMIN, "settings/profiles/999999");
        assert_eq!(demo.get(ADMIN, "settings/profiles/odd").status, 400);
    }

    pub(super) fn territories_are_a_tree_of_pages(kind: Kind) {
        let demo = Demo::start(kind);
        let all = demo.list(SELLER, "settings/territories", "territories");
        let known = [
            "World",
            "Europe",
            "Iberia",
            "Nordics",
            "South Asia",
            "Maharashtra",
        ];
        assert_eq!(texts(&all, "name"), known);
        let id_of = |name: &str| {
            let found = demo.catalog.territories.iter().find(|t| t.name == name);
            found.unwrap().id.to_string()
        };
        let iberia = &all[2];
        assert_eq!(iberia["manager"]["name"], "Tomás Leal");
        assert_eq!(
            iberia["reporting_to"],
            json!({"name": "Europe", "id": id_of("Europe")})
        );
        assert_eq!(iberia["permission_type"], "read_write_delete");
        assert_eq!(
            (&all[0]["reporting_to"], &all[5]["manager"]),
            (&Json::Null, &Json::Null)
        );
        assert_eq!(
            (&all[3]["permission_type"], &all[4]["api_name"]),
            (&json!("read_only"), &json!("South_Asia"))
        );

        let one = demo
            .get(SELLER, &format!("settings/territories/{}", id_of("Iberia")))
            .json();
        assert_eq!(one, json!({ "territories": [iberia] }));
        let query = "include=lead_rule_criteria&include_inner_details=manager.zuid,manager.status";
        let one = demo
            .get(
                SELLER,
                &format!("settings/territories/{}?{query}", id_of("Iberia")),
            )
            .json();
        assert_eq!(
            one["territories"][0].get("lead_rule_criteria"),
            Some(&Json::Null)
        );
        assert_eq!(one["territories"][0]["manager"]["status"], "active");
        demo.nothing(ADMIN, "settings/territories/999999");
        assert_eq!(demo.get(ADMIN, "settings/territories/odd").status, 400);

        let page = demo
            .get(ADMIN, "settings/territories?page=2&per_page=4")
            .json();
        assert_eq!(page["territories"], json!(all[4..]));
        assert_eq!(
            page["info"],
            json!({
                "per_page": 4, "count": 2, "page": 2, "more_records": false,
            })
        );
        assert_eq!(
            demo.get(ADMIN, "settings/territories?per_page=2000").status,
            200
        );
        assert_eq!(
            demo.get(ADMIN, "settings/territories?per_page=2001").status,
            400
        );
        demo.nothing(ADMIN, "settings/territories?page=2");
        let ids = format!(
            "settings/territories?ids={},{}",
            id_of("Nordics"),
            id_of("World")
        );
        assert_eq!(
            texts(&demo.list(ADMIN, &ids, "territories"), "name"),
            ["World", "Nordics"]
        );

        let below =
            |name: &str| format!("settings/territories/{}/__child_territories", id_of(name));
        let children = demo.list(ADMIN, &below("World"), "territories");
        assert_eq!(texts(&children, "name"), ["Europe", "South Asia"]);
        demo.nothing(ADMIN, &below("Iberia"));
        demo.nothing(ADMIN, "settings/territories/999999/__child_territories");
        assert_eq!(
            demo.get(ADMIN, &format!("{}?per_page=201", below("World")))
                .status,
            400
        );
    }

    pub(super) fn territories_are_filtered(kind: Kind) {
        let demo = Demo::start(kind);
        let path = |filter: &Json, below: &str| {
            let pairs = [("filters", filter.to_string())];
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            format!("settings/territories{below}?{query}")
        };
        let one = |key: &str, comparator: &str, value: &str| json!({"field": {"api_name": key}, "comparator": comparator, "value": value});
        let found = |filter: &Json| {
            let list = demo.list(ADMIN, &path(filter, ""), "territories");
            texts(&list, "name").join(", ")
        };
        assert_eq!(found(&one("name", "contains", "asia")), "South Asia");
        assert_eq!(
            found(&one("permission_type", "equal", "read_only")),
            "Nordics"
        );
        let manager = demo.user(HEAD).to_string();
        assert_eq!(found(&one("manager.id", "equal", &manager)), "Europe");
        let either = json!({"group_operator": "or", "group": [
            one("name", "starts_with", "w"), one("manager.id", "equal", &manager),
        ]});
        assert_eq!(found(&either), "World, Europe");
        demo.nothing(ADMIN, &path(&one("name", "equal", "Nowhere"), ""));
        let europe = demo.catalog.territories[1].id;
        let below = format!("/{europe}/__child_territories");
        let children = demo.list(
            ADMIN,
            &path(&one("name", "contains", "i"), &below),
            "territories",
        );
        assert_eq!(texts(&children, "name"), ["Iberia", "Nordics"]);
        for (filter, message) in [
            (
                one("colour", "equal", "red"),
                "The given api_name(colour) is not supported",
            ),
            (json!({}), "Specify Atleast one field"),
        ] {
            for below in ["", &below] {
                demo.get(ADMIN, &path(&filter, below)).is_error(
                    400,
                    "INVALID_DATA",
                    message,
                    &json!({ "param_name": "filters" }),
                );
            }
        }
        let odd = demo.get(ADMIN, "settings/territories?filters=odd");
        odd.is_error(
            400,
            "INVALID_DATA",
            "invalid data",
            &json!({ "param_name": "filters" }),
        );
    }

    pub(super) fn territories_have_users(kind: Kind) {
        let demo = Demo::start(kind);
        let path = "settings/territories/actions/associated_users_count";
        let counts = demo.list(SELLER, path, "associated_users_count");
        assert_eq!(texts(&counts, "count"), ["0", "1", "2", "1", "1", "1"]);
        assert_eq!(counts[2]["territory"]["name"], "Iberia");
        let users = |n: usize| {
            format!(
                "settings/territories/{}/users",
                demo.catalog.territories[n].id
            )
        };
        let iberia = demo.get(SELLER, &users(2)).json();
        assert_eq!(
            texts(iberia["users"].as_array().unwrap(), "full_name"),
            ["Tomás Leal", "Joana Brito"]
        );
        assert_eq!(iberia["info"]["count"], 2);
        demo.nothing(SELLER, &users(0));
        demo.nothing(SELLER, "settings/territories/999999/users");
    }
}
