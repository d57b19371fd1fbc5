//! The timeline of a record, natively and on the wire: every change, and each at its own record.

use crate::api::{Api, Reply};
use crate::demo::Caller;
use model::people::FieldRight;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    every_change_is_told_with_before_and_after,
    mass_changes_stand_at_their_own_records,
    a_long_timeline_comes_in_pages,
    what_the_reader_may_not_see_is_left_out,
    a_deleted_record_is_told_to_who_sees_it_in_the_bin,
    the_wire_tells_it_in_its_own_form,
    the_wires_parameters_are_answered_or_refused,
    the_wire_has_timelines_from_v5_on,
}

fn native(api: &Api, who: &str, id: &str, query: &str) -> Reply {
    let token = api.token(api.user(who), "ZohoCRM.modules.leads.READ");
    let path = format!("/swathe/v1/records/Leads/{id}/timeline{query}");
    api.call("GET", &path, &token)
}

fn told(api: &Api, who: &str, id: &str) -> Vec<Json> {
    let reply = native(api, who, id, "");
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["next_page_token"], Json::Null);
    reply.items()
}

/// What happened, the oldest first: kind, cause, before, after.
fn story(items: &[Json]) -> Vec<Json> {
    let part = |item: &Json| json!([item["kind"], item["cause"], item["before"], item["after"]]);
    items.iter().rev().map(part).collect()
}

fn put(caller: &Caller<'_>, id: &str, values: Json) {
    let reply = caller.put(&format!("Leads/{id}"), &json!({ "data": [values] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn wire(caller: &Caller<'_>, id: &str, query: &str) -> Reply {
    caller
        .speaking(Version::V8)
        .get(&format!("Leads/{id}/__timeline{query}"))
}

mod check {
    use super::*;

    pub(super) fn every_change_is_told_with_before_and_after(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        let id = ada.make_leads(1).remove(0);
        let other = ada.make_leads(1).remove(0);
        api.clock.advance_ms(1_000);
        let job = ada.schedule(&json!({
            "data": [{ "City": "Faro" }], "cvid": api.view("Leads", "All Leads"),
        }));
        api.run_jobs();
        api.clock.advance_ms(1_000);
        put(&carla, &id, json!({ "City": "Oslo", "Score": 7 }));
        let lock = ada.lock("Leads", &id);
        let path = format!("Leads/{id}/Locking_Information__s/{lock}");
        assert_eq!(ada.delete(&path).status, 200);
        let owner = json!({ "owner": { "id": api.user("joana").to_string() } });
        let path = format!("Leads/{id}/actions/change_owner");
        assert_eq!(ada.post(&path, &owner).status, 200);
        assert_eq!(ada.delete(&format!("Leads/{id}")).status, 200);
        let path = format!("settings/recycle_bin/{id}/actions/restore");
        assert_eq!(ada.post(&path, &json!({})).status, 200);
        let items = told(&api, "admin", &id);
        let email = |who: &str| api.catalog().user(api.user(who)).unwrap().email.clone();
        let story = story(&items);
        assert_eq!(story.len(), 8);
        assert_eq!(
            story[0].as_array().unwrap()[..3],
            [json!("create"), json!("api"), Json::Null]
        );
        assert_eq!(story[0][3]["Last_Name"], "Lead 0");
        assert_eq!(story[0][3]["Owner"], email("admin"));
        assert_eq!(story[0][3].get("City"), None);
        let steps = json!([
            ["update", "job", { "City": null }, { "City": "Faro" }],
            ["update", "api", { "City": "Faro", "Score": null }, { "City": "Oslo", "Score": 7 }],
            ["update", "lock", { "Locked__s": false }, { "Locked__s": true }],
            ["update", "unlock", { "Locked__s": true }, { "Locked__s": false }],
            ["update", "owner", { "Owner": email("admin") }, { "Owner": email("joana") }],
        ]);
        assert_eq!(Json::from(story[1..6].to_vec()), steps);
        let (gone, back) = (&story[6], &story[7]);
        assert_eq!((&gone[0], &gone[3]), (&json!("delete"), &Json::Null));
        assert_eq!(
            (&gone[2]["City"], &gone[2]["Score"]),
            (&json!("Oslo"), &json!(7))
        );
        assert_eq!((&back[0], &back[2]), (&json!("restore"), &Json::Null));
        assert_eq!(
            (&back[3]["City"], &back[3]["Score"]),
            (&json!("Oslo"), &json!(7))
        );
        // Who, when, and through which job.
        let mass = &items[6];
        assert_eq!(mass["job"], job);
        assert_eq!(mass["at"], "2024-01-01T00:00:01Z");
        assert_eq!(mass["actor"]["id"], api.user("admin").to_string());
        assert_eq!(items[5]["actor"]["id"], api.user("carla").to_string());
        assert_eq!(items[5]["job"], Json::Null);
        let revs: Vec<i64> = items
            .iter()
            .map(|item| item["rev"].as_i64().unwrap())
            .collect();
        assert_eq!(revs, [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(told(&api, "admin", &other).len(), 2);
    }

    /// Directus keeps changes of one record with another after a mass update that is sorted.
    pub(super) fn mass_changes_stand_at_their_own_records(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads: Vec<Json> = (0..230)
            .map(|n| json!({ "Last_Name": format!("Lead {}", 999 - n), "City": format!("C{n}") }))
            .collect();
        let ids = ada.make("Leads", &leads);
        let job = ada.schedule(&json!({
            "data": [{ "City": "Faro" }], "cvid": api.view("Leads", "All Leads"),
        }));
        crate::demo::run(api.worker().with_chunks_of(7));
        for (n, id) in ids.iter().enumerate() {
            let items = told(&api, "admin", id);
            assert_eq!(items.len(), 2, "{n}");
            assert_eq!(items[0]["before"], json!({ "City": format!("C{n}") }));
            assert_eq!(items[0]["after"], json!({ "City": "Faro" }));
            assert_eq!(items[0]["job"], job);
            assert_eq!(items[1]["after"]["Last_Name"], format!("Lead {}", 999 - n));
            assert_eq!(items[1]["after"]["City"], format!("C{n}"));
        }
    }

    pub(super) fn a_long_timeline_comes_in_pages(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let id = ada
            .make("Leads", &[json!({ "Last_Name": "A", "City": "C0" })])
            .remove(0);
        let count = 720;
        for n in 1..=count {
            put(&ada, &id, json!({ "City": format!("C{n}") }));
        }
        let (mut items, mut query) = (Vec::new(), String::new());
        loop {
            let reply = native(&api, "admin", &id, &query);
            assert_eq!(reply.status, 200, "{}", reply.text);
            let page = reply.json();
            items.extend(reply.items());
            match page["next_page_token"].as_str() {
                Some(token) => query = format!("?page_token={token}"),
                None => break,
            }
        }
        assert_eq!(items.len(), count + 1);
        for (n, item) in (1..=count).rev().zip(&items) {
            assert_eq!(item["before"], json!({ "City": format!("C{}", n - 1) }));
            assert_eq!(item["after"], json!({ "City": format!("C{n}") }));
        }
        assert_eq!(items[count]["after"]["City"], "C0");
        for query in [
            "?page_token=",
            "?page_token=0",
            "?page_token=x",
            "?per_page=5",
        ] {
            let reply = native(&api, "admin", &id, query);
            assert_eq!(
                (reply.status, reply.json()["code"].as_str()),
                (400, Some("INVALID_DATA"))
            );
        }
    }

    pub(super) fn what_the_reader_may_not_see_is_left_out(kind: Kind) {
        let api = Api::start_demo(kind);
        let carla = api.caller("carla");
        let lead = json!({ "Last_Name": "Lead", "City": "Secretville" });
        let id = carla.make("Leads", &[lead]).remove(0);
        put(&carla, &id, json!({ "City": "Faro" }));
        let both = || {
            let wire = wire(&carla, &id, "").text;
            format!("{} {wire}", native(&api, "carla", &id, "").text)
        };
        assert_eq!(both().matches("Secretville").count(), 4);
        api.change_catalog(|catalog| {
            let field = catalog.module("Leads").unwrap().field("City").unwrap().id;
            let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
            profile.unwrap().fields.insert(field, FieldRight::Hidden);
        });
        let text = both();
        for word in ["Secretville", "Faro", "City"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
        // That something was written stays known.
        assert_eq!(told(&api, "carla", &id)[0]["after"], json!({}));
        // Out of reach, it is as if it were not there.
        api.make_private("Leads");
        let ada = api.caller("admin");
        let away = json!({ "owner": { "id": api.user("joana").to_string() } });
        assert_eq!(
            ada.post(&format!("Leads/{id}/actions/change_owner"), &away)
                .status,
            200
        );
        let unknown = native(&api, "carla", "1", "");
        unknown.is_error(404, "NOT_FOUND", "there is no such record", &json!({}));
        assert_eq!(native(&api, "carla", &id, "").text, unknown.text);
        let unknown = wire(&carla, "1", "");
        unknown.is_error(
            400,
            "INVALID_DATA",
            "the related id given seems to be invalid",
            &json!({ "resource_path_index": 1 }),
        );
        assert_eq!(wire(&carla, &id, "").text, unknown.text);
    }

    pub(super) fn a_deleted_record_is_told_to_who_sees_it_in_the_bin(kind: Kind) {
        let api = Api::start_demo(kind);
        api.make_private("Leads");
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        put(&ada, &id, json!({ "City": "Faro" }));
        let job = ada.post("Leads/actions/mass_delete", &json!({ "ids": [id] }));
        assert_eq!(job.status, 200);
        let items = told(&api, "admin", &id);
        assert_eq!(items.len(), 3);
        assert_eq!(
            (&items[0]["kind"], &items[0]["cause"]),
            (&json!("delete"), &json!("job"))
        );
        assert_eq!(items[0]["before"]["City"], "Faro");
        assert!(items[0]["job"].is_string());
        assert_eq!(items[1]["after"], json!({ "City": "Faro" }));
        assert_eq!(native(&api, "carla", &id, "").status, 404);
        assert_eq!(wire(&ada, &id, "").status, 400);
        // Out of the bin, nothing of it is told to anyone.
        assert_eq!(
            ada.delete(&format!("settings/recycle_bin/{id}")).status,
            200
        );
        assert_eq!(native(&api, "admin", &id, "").status, 404);
    }

    pub(super) fn the_wire_tells_it_in_its_own_form(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        let uses = json!({ "Uses": ["Livestock", "Drainage"], "Has_Grid": true, "Score": 3 });
        put(&ada, &id, uses);
        let away = json!({ "ids": [id], "owner": { "id": api.user("joana").to_string() } });
        assert_eq!(ada.change_owner("Leads", &away).status, 200);
        let reply = wire(&ada, &id, "");
        assert_eq!(reply.status, 200, "{}", reply.text);
        let json = reply.json();
        assert_eq!(
            json["info"],
            json!({ "per_page": 200, "count": 3, "more_records": false,
                "next_page_token": null, "previous_page_token": null })
        );
        let catalog = api.catalog();
        let leads = catalog.module("Leads").unwrap();
        let name = |who: &str| catalog.user(api.user(who)).unwrap().full_name();
        let owner = leads.field("Owner").unwrap().id.to_string();
        assert_eq!(
            json["__timeline"][0],
            json!({
                "id": "3", "audited_time": "2024-01-01T00:00:00+00:00", "action": "updated",
                "source": "mass_action",
                "done_by": { "name": name("admin"), "id": api.user("admin").to_string() },
                "record": { "name": "Lead 0", "id": id,
                    "module": { "api_name": "Leads", "id": leads.id.to_string() } },
                "related_record": null, "automation_details": null,
                "field_history": [{ "api_name": "Owner", "id": owner,
                    "_value": { "new": name("joana"), "old": name("admin") } }],
            })
        );
        let history = json["__timeline"][1]["field_history"].as_array().unwrap();
        let value = |name: &str| {
            let mut found = history.iter().filter(|field| field["api_name"] == name);
            found.next().unwrap()["_value"].clone()
        };
        assert_eq!(
            value("Uses"),
            json!({ "new": "Livestock;Drainage", "old": null })
        );
        assert_eq!(value("Score"), json!({ "new": "3", "old": null }));
        assert_eq!(value("Has_Grid")["new"], "true");
        let made = &json["__timeline"][2];
        assert_eq!(made["action"], "added");
        let history = made["field_history"].as_array().unwrap();
        assert!(
            history.iter().all(|field| field["_value"]["old"].is_null()),
            "{made}"
        );
    }

    pub(super) fn the_wires_parameters_are_answered_or_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        for city in ["A", "B", "C"] {
            put(&ada, &id, json!({ "City": city }));
        }
        let ids = |reply: &Reply| -> Vec<String> {
            let json = reply.json();
            let items = json["__timeline"].as_array().unwrap().clone();
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned())
                .collect()
        };
        let first = wire(&ada, &id, "?per_page=2&sort_by=audited_time&sort_order=asc");
        assert_eq!(ids(&first), ["1", "2"]);
        let info = first.json()["info"].clone();
        assert_eq!(
            (&info["more_records"], &info["count"]),
            (&json!(true), &json!(2))
        );
        let token = info["next_page_token"].as_str().unwrap();
        let query = format!("?per_page=2&sort_order=asc&page_token={token}");
        let second = wire(&ada, &id, &query);
        assert_eq!(ids(&second), ["3", "4"]);
        let value = second.json()["__timeline"][0]["field_history"][0]["_value"].clone();
        assert_eq!(value, json!({ "new": "B", "old": "A" }));
        assert_eq!(second.json()["info"]["more_records"], false);
        let last = wire(&ada, &id, "?per_page=1");
        assert_eq!(ids(&last), ["4"]);
        put(&ada, &id, json!({ "Lead_Source": "Web" }));
        let inner = "field_history.data_type,field_history.field_label,\
                     field_history.pick_list_values,field_history.enable_colour_code";
        let query = format!("?include_inner_details={inner}&include=extension,type");
        let item = wire(&ada, &id, &query).json()["__timeline"][0].clone();
        assert_eq!(
            (item.get("extension"), item.get("type")),
            (Some(&Json::Null), Some(&Json::Null))
        );
        let field = &item["field_history"][0];
        assert_eq!(field["data_type"], "picklist");
        assert_eq!(field["field_label"], "Lead Source");
        assert_eq!(field["enable_colour_code"], false);
        assert!(field["pick_list_values"].as_array().unwrap().len() > 2);
        for (query, code) in [
            ("sort_by=name", "INVALID_DATA"),
            ("sort_order=up", "INVALID_DATA"),
            ("per_page=0", "INVALID_DATA"),
            ("per_page=201", "INVALID_DATA"),
            ("page=2", "INVALID_DATA"),
            ("page_token=x", "INVALID_DATA"),
            ("include=all", "INVALID_DATA"),
            ("include_inner_details=done_by.type__s", "INVALID_DATA"),
            ("filters={}", "NOT_SUPPORTED"),
            ("include_timeline_type=signals", "NOT_SUPPORTED"),
        ] {
            let reply = wire(&ada, &id, &format!("?{query}"));
            let json = reply.json();
            let param = query.split('=').next().unwrap();
            assert_eq!(
                (reply.status, &json["code"], &json["details"]["param_name"]),
                (400, &json!(code), &json!(param)),
                "{query}"
            );
        }
        assert_eq!(wire(&ada, &id, "?page=1").status, 200);
        for odd in ["x", "0"] {
            assert_eq!(wire(&ada, odd, "").json()["code"], "INVALID_DATA");
        }
    }

    pub(super) fn the_wire_has_timelines_from_v5_on(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        for version in Version::ALL {
            let reply = ada.speaking(version).get(&format!("Leads/{id}/__timeline"));
            if version < Version::V5 {
                let text = "Timelines is not supported in this API version";
                reply.is_error(
                    400,
                    "API_NOT_SUPPORTED",
                    text,
                    &json!({ "supported_version": 5 }),
                );
            } else {
                assert_eq!(reply.status, 200, "{}", reply.text);
            }
        }
    }
}
