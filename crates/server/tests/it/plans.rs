//! `/swathe/v1/plans`: what a mass action would do, told before it is done.

use crate::api::Api;
use crate::asked::{Asker, id};
use model::people::{FieldRight, Right};
use model::scope::Scopes;
use model::time::Clock;
use serde_json::{Value as Json, json};
use server::auth;
use store::Priority;
use testkit::{Kind, each_db};

each_db! {
    a_plan_says_what_would_happen_and_changes_nothing,
    a_plan_of_a_change_of_owner_names_users,
    a_plan_of_a_deletion_says_what_goes_along,
    several_fields_are_planned_at_once,
    records_are_selected_by_all_that_is_given,
    a_selection_that_could_mean_too_much_is_refused,
    hostile_filter_values_select_what_they_say,
    a_wrong_change_is_refused_with_its_place,
    a_plan_asks_for_the_scope_and_the_right_of_its_action,
    a_plan_is_unknown_to_others,
    what_the_reader_no_longer_sees_is_not_shown,
    a_plan_that_nobody_ran_is_removed_when_its_time_is_over,
}

fn update(selection: Json) -> Json {
    json!({
        "action": "update", "module": "Leads", "selection": selection,
        "change": { "fields": { "Lead_Source": "Trade Show" } },
    })
}

fn selected(asker: &Asker<'_>, selection: Json) -> i64 {
    asker.plan(&update(selection))["counts"]["selected"]
        .as_i64()
        .unwrap()
}

mod check {
    use super::*;

    pub(super) fn a_plan_says_what_would_happen_and_changes_nothing(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        ada.lock("Leads", &leads[1]);
        let shown = json!({ "data": [{ "Lead_Source": "Trade Show" }] });
        assert_eq!(ada.put(&format!("Leads/{}", leads[2]), &shown).status, 200);
        let held = json!({ "data": [{ "Lead_Source": "Cold Call" }] });
        assert_eq!(ada.put(&format!("Leads/{}", leads[3]), &held).status, 200);
        let asker = Asker::new(&api, "admin");
        let before = api.tables();
        let plan = asker.plan(&update(json!({ "view": "Open Leads" })));
        assert_eq!(
            plan,
            json!({
                "id": plan["id"], "action": "update", "module": "Leads",
                "counts": { "selected": 4, "change": 2, "unchanged": 1, "refused": 1 },
                "refused": [{
                    "code": "RECORD_LOCKED", "count": 1, "sample": [leads[1]],
                    "message": "Sorry, you cannot perform this operation as the record is locked.",
                }],
                "refused_in_part": [], "along": [], "makes": [], "attaches": [],
                "automation": { "mode": "fire", "would_fire": [], "approval_processes": [] },
                "sample": [
                    { "id": leads[0], "name": "Lead 0",
                      "before": { "Lead_Source": null }, "after": { "Lead_Source": "Trade Show" } },
                    { "id": leads[3], "name": "Lead 3",
                      "before": { "Lead_Source": "Cold Call" },
                      "after": { "Lead_Source": "Trade Show" } },
                ],
                "catalog_version": api.catalog().version,
                "created_at": plan["created_at"], "expires_at": plan["expires_at"], "job": null,
            })
        );
        assert_ne!(plan["created_at"], plan["expires_at"]);
        assert_eq!(asker.get(&format!("plans/{}", id(&plan))).json(), plan);
        // Of all that a request about records could change, only the plan's targets are new.
        let mut after = api.tables();
        after.retain(|row| !row.starts_with(&format!("job_targets: {} ", id(&plan))));
        assert_eq!(after, before);
        let foreseen = api.rows("job_targets", &["seq", "record", "foreseen"]);
        let words = ["change", "RECORD_LOCKED", "unchanged", "change"];
        let wanted = (0..4).map(|n| format!("job_targets: {n} | {} | {}", leads[n], words[n]));
        assert_eq!(foreseen, wanted.collect::<Vec<_>>());
    }

    pub(super) fn a_plan_of_a_change_of_owner_names_users(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(1);
        let asker = Asker::new(&api, "admin");
        let body = |owner: &str| {
            json!({ "action": "change_owner", "module": "Leads", "selection": { "ids": leads },
                    "change": { "owner": owner } })
        };
        let by_id = asker.plan(&body(&api.user_id("oskar")));
        let by_email = asker.plan(&body("OSKAR.LIND@kestrel-rowe.example.com"));
        assert_eq!(by_id["sample"], by_email["sample"]);
        let sample = &by_email["sample"][0];
        assert_eq!(sample["before"]["Owner"]["name"], "Ada Kestrel");
        assert_eq!(sample["after"]["Owner"]["name"], "Oskar Lind");
        let unfit = asker.is_refused(
            "plans",
            &body("piet.vos@kestrel-rowe.example.com"),
            400,
            "INVALID_DATA",
        );
        assert_eq!(unfit["details"]["json_path"], "$.change.owner.id");
        let unknown = asker.is_refused("plans", &body("nobody"), 400, "INVALID_DATA");
        assert_eq!(unknown["details"]["json_path"], "$.change.owner");
        let mut related = body("oskar.lind@kestrel-rowe.example.com");
        related["change"]["related_modules"] = json!([{ "api_name": "Tasks" }]);
        asker.is_refused("plans", &related, 400, "NOT_SUPPORTED");
    }

    pub(super) fn a_plan_of_a_deletion_says_what_goes_along(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = |n: usize| json!({ "Account_Name": format!("Account {n}") });
        let ids = ada.make("Accounts", &[account(0), account(1), account(2)]);
        let task = |n: usize| json!({ "Subject": "Call", "What_Id": { "id": ids[n] } });
        ada.make("Tasks", &[task(0), task(0), task(1)]);
        let body = json!({ "action": "delete", "module": "Accounts", "selection": { "ids": ids } });
        let asker = Asker::new(&api, "admin");
        let plan = api.unchanged_but_targets(|| asker.plan(&body));
        assert_eq!(plan["counts"]["change"], 3);
        assert_eq!(plan["along"], json!([{ "module": "Tasks", "count": 3 }]));
        assert_eq!(plan["automation"]["mode"], "fire");
        assert_eq!(
            plan["sample"][0],
            json!({ "id": ids[0], "name": "Account 0", "before": {}, "after": {} })
        );
        let mut changed = body.clone();
        changed["change"] = json!({ "fields": { "City": "Oslo" } });
        asker.is_refused("plans", &changed, 400, "INVALID_DATA");
    }

    pub(super) fn several_fields_are_planned_at_once(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "Reis", "Uses": ["Irrigation"], "City": "Faro" });
        let ids = ada.make("Leads", &[lead]);
        let asker = Asker::new(&api, "admin");
        let body = json!({
            "action": "update", "module": "Leads", "selection": { "ids": ids },
            "change": { "fields": { "City": "Faro", "Uses": ["Livestock"], "Lead_Source": null } },
        });
        let plan = asker.plan(&body);
        // What already is as wanted is not told; a list grows unless it is written over.
        assert_eq!(
            plan["sample"][0]["before"],
            json!({ "Uses": ["Irrigation"] })
        );
        assert_eq!(
            plan["sample"][0]["after"],
            json!({ "Uses": ["Irrigation", "Livestock"] })
        );
        let mut over = body.clone();
        over["change"]["over_write"] = json!(true);
        assert_eq!(
            asker.plan(&over)["sample"][0]["after"],
            json!({ "Uses": ["Livestock"] })
        );
    }

    pub(super) fn records_are_selected_by_all_that_is_given(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads: Vec<Json> = (0..6)
            .map(|n| {
                let status = if n < 3 { "Contacted" } else { "Junk Lead" };
                json!({ "Last_Name": format!("L{n}"), "City": if n % 2 == 0 { "Faro" } else { "Oslo" },
                        "Lead_Status": status })
            })
            .collect();
        let ids = ada.make("Leads", &leads);
        let iberia = api.territory("Iberia");
        let placed = json!({ "data": [{ "Territories": [{ "id": iberia }] }] });
        for id in &ids[..2] {
            let path = format!("Leads/{id}/actions/assign_territories");
            assert_eq!(ada.post(&path, &placed).status, 202);
        }
        let asker = Asker::new(&api, "admin");
        let cvid = api.view("Leads", "Open Leads");
        let faro = "(City:equals:Faro)";
        let unknown = "999999999999999999";
        let parent = api.territory("World");
        for (selection, count) in [
            (json!({ "everything": true }), 6),
            (json!({ "ids": ids }), 6),
            // Of named records each is a target, once, known or not.
            (json!({ "ids": [ids[0], unknown, ids[0]] }), 2),
            (json!({ "criteria": faro }), 3),
            (
                json!({ "criteria": format!("((City:equals:Faro)and(Lead_Status:equals:Contacted))") }),
                2,
            ),
            (json!({ "territory": { "id": iberia } }), 2),
            (
                json!({ "territory": { "id": parent, "include_child": true } }),
                2,
            ),
            (
                json!({ "territory": { "id": iberia }, "criteria": faro }),
                1,
            ),
            (json!({ "view": "Open Leads" }), 3),
            (json!({ "view": cvid }), 3),
            (
                json!({ "cvid": cvid, "criteria": faro, "territory": { "id": iberia } }),
                1,
            ),
            // With more beside them, ids are narrowed.
            (
                json!({ "ids": [ids[0], ids[1], unknown], "criteria": faro }),
                1,
            ),
            (
                json!({ "ids": ids[..3], "view": "Open Leads", "territory": { "id": iberia } }),
                2,
            ),
        ] {
            assert_eq!(selected(&asker, selection.clone()), count, "{selection}");
        }
        let nothing = update(json!({ "ids": [unknown] }));
        let plan = asker.plan(&nothing);
        assert_eq!(plan["refused"][0]["code"], "INVALID_DATA");
        assert_eq!(
            plan["refused"][0]["message"],
            "the id given seems to be invalid"
        );
        let none = update(json!({ "criteria": "(City:equals:Nowhere)" }));
        asker.is_refused("plans", &none, 400, "NO_RECORDS_FOUND");
        let counted = |count: i64| {
            let mut body = update(json!({ "everything": true }));
            body["expected_count"] = json!(count);
            body
        };
        asker.plan(&counted(6));
        let told = asker.is_refused("plans", &counted(7), 409, "UNEXPECTED_COUNT");
        assert_eq!(told["details"], json!({ "expected": 7, "found": 6 }));
    }

    pub(super) fn a_selection_that_could_mean_too_much_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let asker = Asker::new(&api, "admin");
        let at = |path: &str| format!("$.selection{path}");
        for (selection, path) in [
            (json!({}), at("")),
            (json!(null), at("")),
            (json!([]), at("")),
            (json!("everything"), at("")),
            (json!({ "everything": false }), at(".everything")),
            (json!({ "everything": "true" }), at(".everything")),
            (json!({ "everything": null }), at(".everything")),
            (json!({ "everything": true, "ids": ids }), at("")),
            (json!({ "everything": true, "view": "Open Leads" }), at("")),
            (json!({ "ids": [] }), at(".ids")),
            (json!({ "ids": null }), at(".ids")),
            (json!({ "ids": ids[0] }), at(".ids")),
            (json!({ "ids": [ids[0], ""] }), at(".ids[1]")),
            (json!({ "ids": ["x"] }), at(".ids[0]")),
            (json!({ "ids": [7] }), at(".ids[0]")),
            (json!({ "view": "" }), at(".view")),
            (json!({ "view": null }), at(".view")),
            (json!({ "view": "Nope" }), at(".view")),
            (json!({ "cvid": "" }), at(".cvid")),
            (json!({ "cvid": "1" }), at(".cvid")),
            (json!({ "criteria": "" }), at(".criteria")),
            (json!({ "criteria": null }), at(".criteria")),
            (json!({ "criteria": "()" }), at(".criteria")),
            (json!({ "criteria": "(Nope:equals:1)" }), at(".criteria")),
            (json!({ "criteria": "(City:equals:a)or" }), at(".criteria")),
            (json!({ "criteria": { "all": [] } }), at(".criteria")),
            (json!({ "territory": {} }), at(".territory")),
            (json!({ "territory": { "id": "1" } }), at(".territory.id")),
            (
                json!({ "territory": { "include_child": true } }),
                at(".territory.id"),
            ),
            (
                json!({ "territory": { "id": "1", "include_child": null } }),
                at(".territory.include_child"),
            ),
            (
                json!({ "territory": { "id": "1", "children": true } }),
                at(".territory.children"),
            ),
            (
                json!({ "ids": ids, "criterai": "(City:equals:a)" }),
                at(".criterai"),
            ),
        ] {
            let told = asker.is_refused("plans", &update(selection.clone()), 400, "INVALID_DATA");
            assert_eq!(told["details"]["json_path"], path, "{selection}");
        }
        let both = json!({ "view": "Open Leads", "cvid": api.view("Leads", "Open Leads") });
        asker.is_refused("plans", &update(both), 400, "AMBIGUITY_DURING_PROCESSING");
        let mut without = update(json!({ "ids": ids }));
        without.as_object_mut().unwrap().remove("selection");
        asker.is_refused("plans", &without, 400, "MANDATORY_NOT_FOUND");
        let hers = update(json!({ "cvid": api.view("Leads", "No Source") }));
        asker.is_refused("plans", &hers, 403, "NO_PERMISSION");
        let carla = Asker::new(&api, "carla");
        let hidden = json!({
            "action": "update", "module": "Leads", "change": { "fields": { "City": "Oslo" } },
            "selection": { "criteria": "(Budget:greater_than:1)" },
        });
        let told = carla.is_refused("plans", &hidden, 400, "INVALID_DATA");
        assert_eq!(told["details"]["json_path"], "$.selection.criteria");
    }

    pub(super) fn hostile_filter_values_select_what_they_say(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let hostile = [
            "O'Neil",
            "\"quoted\"",
            "100%",
            "%",
            "_",
            "a_b",
            "São João",
            "日本",
            "(x)",
            "a)b",
            "((",
            "x,y",
            "back\\slash",
            "'; DROP TABLE jobs; --",
            "${TODAY}x",
            "a:b",
            "and",
            "$1",
            "?",
            "<b>",
            "\u{1f600}",
            "A\u{301}",
        ];
        let leads: Vec<Json> = hostile
            .iter()
            .map(|name| json!({ "Last_Name": "L", "City": name }))
            .collect();
        let ids = ada.make("Leads", &leads);
        let asker = Asker::new(&api, "admin");
        for (name, id) in hostile.iter().zip(&ids) {
            let mut escaped = String::new();
            for c in name.chars() {
                if [',', '(', ')', '\\'].contains(&c) {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
            let body = update(json!({ "criteria": format!("(City:equals:{escaped})") }));
            let plan = asker.plan(&body);
            let sample = plan["sample"].as_array().unwrap();
            assert_eq!(plan["counts"]["selected"], 1, "{name}");
            assert_eq!(sample[0]["id"], **id, "{name}");
        }
        // A pattern means nothing: it is looked for as it stands there.
        for (part, count) in [("%", 2), ("_", 2), ("'", 2), ("\\(", 2)] {
            let body = update(json!({ "criteria": format!("(City:contains:{part})") }));
            assert_eq!(asker.plan(&body)["counts"]["selected"], count, "{part}");
        }
    }

    pub(super) fn a_wrong_change_is_refused_with_its_place(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("admin").make_leads(1);
        let asker = Asker::new(&api, "admin");
        let body = |change: Json| json!({ "action": "update", "module": "Leads", "selection": { "ids": ids }, "change": change });
        for (change, path) in [
            (json!({}), "$.change"),
            (json!(null), "$.change"),
            (json!({ "fields": {} }), "$.change.fields"),
            (json!({ "fields": [] }), "$.change.fields"),
            (json!({ "fields": { "City": 7 } }), "$.change.fields.City"),
            (
                json!({ "fields": { "Lead_Source": "Nope" } }),
                "$.change.fields.Lead_Source",
            ),
            (
                json!({ "fields": { "City": "x" }, "over_write": null }),
                "$.change.over_write",
            ),
            (
                json!({ "fields": { "City": "x" }, "dry_run": true }),
                "$.change.dry_run",
            ),
        ] {
            let told = asker.is_refused("plans", &body(change.clone()), 400, "INVALID_DATA");
            assert_eq!(told["details"]["json_path"], path, "{change}");
        }
        let unknown = asker.is_refused(
            "plans",
            &body(json!({ "fields": { "Nope": "x" } })),
            400,
            "INVALID_DATA",
        );
        assert_eq!(unknown["details"]["api_name"], "Nope");
        let many: serde_json::Map<String, Json> = (0..26)
            .map(|n| (format!("Field_{n}"), json!("x")))
            .collect();
        let told = asker.is_refused(
            "plans",
            &body(json!({ "fields": many })),
            400,
            "LIMIT_EXCEEDED",
        );
        assert_eq!(told["details"]["limit"], 25);
        let mut most = many;
        most.remove("Field_25");
        let told = asker.is_refused(
            "plans",
            &body(json!({ "fields": most })),
            400,
            "INVALID_DATA",
        );
        assert_eq!(told["details"]["api_name"], "Field_0");
        for (key, value, code) in [
            ("action", json!("merge"), "INVALID_DATA"),
            ("action", json!(""), "INVALID_DATA"),
            ("module", json!("Nope"), "INVALID_MODULE"),
            ("expected_count", json!(-1), "INVALID_DATA"),
            ("expected_count", json!("1"), "INVALID_DATA"),
            ("expected_count", json!(null), "INVALID_DATA"),
            ("dry_run", json!(true), "INVALID_DATA"),
            ("throttle", json!(5), "INVALID_DATA"),
        ] {
            let mut body = body(json!({ "fields": { "City": "x" } }));
            body[key] = value;
            asker.is_refused("plans", &body, 400, code);
        }
    }

    pub(super) fn a_plan_asks_for_the_scope_and_the_right_of_its_action(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("admin").make_leads(1);
        let selection = json!({ "criteria": "(Last_Name:equals:Lead 0)" });
        let bodies = [
            (
                "ZohoCRM.mass_update.leads.UPDATE",
                update(selection.clone()),
            ),
            (
                "ZohoCRM.mass_delete.leads.DELETE",
                json!({ "action": "delete", "module": "Leads", "selection": selection }),
            ),
            (
                "ZohoCRM.change_owner.leads.CREATE",
                json!({ "action": "change_owner", "module": "Leads", "selection": selection,
                        "change": { "owner": api.user_id("oskar") } }),
            ),
        ];
        for (n, (scope, body)) in bodies.iter().enumerate() {
            for (m, (other, _)) in bodies.iter().enumerate() {
                let asker = Asker::with(&api, "admin", &format!("swathe.jobs.WRITE,{other}"));
                if n == m {
                    asker.plan(body);
                } else {
                    asker.is_refused("plans", body, 401, "OAUTH_SCOPE_MISMATCH");
                }
            }
            let deals = scope.replace("leads", "deals");
            let asker = Asker::with(&api, "admin", &format!("swathe.jobs.WRITE,{deals}"));
            asker.is_refused("plans", body, 401, "OAUTH_SCOPE_MISMATCH");
            let reader = Asker::with(&api, "admin", &format!("swathe.jobs.READ,{scope}"));
            reader.is_refused("plans", body, 401, "OAUTH_SCOPE_MISMATCH");
        }
        // Records that are named ask for the right to give some away, a selection for that to give many.
        let mut named = bodies[2].1.clone();
        named["selection"] = json!({ "ids": ids });
        for (right, allowed, refused) in [
            (Right::MassTransfer, &named, &bodies[2].1),
            (Right::ChangeOwner, &bodies[2].1, &named),
        ] {
            let api = Api::start_demo(kind);
            api.caller("admin").make_leads(1);
            let without = |catalog: &mut model::catalog::Catalog| {
                let leads = catalog.module("Leads").unwrap().id;
                let mut profiles = catalog.profiles.iter_mut();
                let standard = profiles.find(|p| p.name == "Standard").unwrap();
                let rights = Right::ALL.into_iter().filter(|r| *r != right).collect();
                standard.modules.insert(leads, rights);
            };
            api.change_catalog(without);
            let ines = Asker::new(&api, "ines");
            let code = |body: &Json| ines.post("plans", body).json()["code"].clone();
            assert_eq!(code(refused), "NO_PERMISSION");
            assert_ne!(code(allowed), "NO_PERMISSION");
        }
    }

    pub(super) fn a_plan_is_unknown_to_others(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(1);
        let plan = Asker::new(&api, "admin").plan(&update(json!({ "everything": true })));
        let path = format!("plans/{}", id(&plan));
        assert_eq!(Asker::new(&api, "admin").get(&path).status, 200);
        let client = api.client(Some("swathe.jobs.ALL ZohoCRM.mass_update.ALL"), None);
        let scopes = Scopes::parse("swathe.jobs.ALL ZohoCRM.mass_update.ALL").unwrap();
        let user = api.user("admin");
        let minted = api.db.write(Priority::Interactive, |tx| {
            auth::mint_access_token(tx, user, Some(client.id), &scopes, api.clock.now())
        });
        let by_client = Asker::by_token(&api, minted.unwrap().secret);
        for other in [Asker::new(&api, "ines"), by_client] {
            let reply = other.get(&path);
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (404, &json!("NOT_FOUND"))
            );
            other.is_refused("jobs", &json!({ "plan": id(&plan) }), 404, "NOT_FOUND");
        }
        let asker = Asker::new(&api, "admin");
        for odd in ["1", "x", "0"] {
            assert_eq!(asker.get(&format!("plans/{odd}")).status, 404);
        }
    }

    pub(super) fn what_the_reader_no_longer_sees_is_not_shown(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(2);
        let joana = api.user_id("joana");
        let give = |id: &str, owner: &str| {
            let body = json!({ "ids": [id], "owner": { "id": owner } });
            assert_eq!(ada.change_owner("Leads", &body).status, 200);
        };
        for id in &ids {
            give(id, &joana);
        }
        api.make_private("Leads");
        let asker = Asker::new(&api, "joana");
        let mut body = update(json!({ "everything": true }));
        body["change"]["fields"]["City"] = json!("Oslo");
        let plan = asker.plan(&body);
        assert_eq!(plan["sample"].as_array().unwrap().len(), 2);
        give(&ids[0], &api.user_id("admin"));
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap();
            let hidden = leads.field("Lead_Source").unwrap().id;
            let mut profiles = catalog.profiles.iter_mut();
            let standard = profiles.find(|p| p.name == "Standard").unwrap();
            standard.fields.insert(hidden, FieldRight::Hidden);
        });
        let told = asker.get(&format!("plans/{}", id(&plan))).json();
        let wanted = json!([{ "id": ids[1], "name": "Lead 1",
                              "before": { "City": null }, "after": { "City": "Oslo" } }]);
        assert_eq!(told["sample"], wanted);
        assert_eq!(told["counts"], plan["counts"]);
    }

    pub(super) fn a_plan_that_nobody_ran_is_removed_when_its_time_is_over(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(3);
        let plan = Asker::new(&api, "admin").plan(&update(json!({ "everything": true })));
        let path = format!("plans/{}", id(&plan));
        let rows = "SELECT (SELECT count(*) FROM plans) + (SELECT count(*) FROM job_targets)";
        for (hours, left) in [(24, 4), (1, 0)] {
            api.clock.advance_ms(hours * 60 * 60 * 1_000);
            api.run_jobs();
            assert_eq!(api.number(rows), left);
            let found = Asker::new(&api, "admin").get(&path).status;
            assert_eq!(found, if left > 0 { 200 } else { 404 });
        }
    }
}
