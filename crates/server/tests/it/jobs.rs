//! `/swathe/v1/jobs`: one form of a job, and who is shown which.

use crate::api::{Api, Reply};
use crate::demo::Caller;
use model::people::FieldRight;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_job_is_told_from_its_acceptance_to_its_end,
    every_action_is_told_readably,
    a_job_is_shown_to_its_actor_and_to_administrators,
    what_the_reader_may_not_see_is_not_told,
    jobs_are_listed_newest_first_in_pages,
    a_list_is_narrowed,
    a_wrong_parameter_is_refused,
}

/// Asks for jobs as somebody.
fn get(api: &Api, who: &str, path: &str) -> Reply {
    let token = api.token(api.user(who), "swathe.jobs.READ");
    api.call("GET", &format!("/swathe/v1/jobs{path}"), &token)
}

fn job(api: &Api, who: &str, id: &str) -> Json {
    let reply = get(api, who, &format!("/{id}"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn listed(api: &Api, who: &str, query: &str) -> Vec<String> {
    let reply = get(api, who, query);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.ids()
}

/// Schedules a mass update of a view of Leads.
fn update(api: &Api, caller: &Caller<'_>, view: &str, data: Json) -> String {
    caller.schedule(&json!({ "data": [data], "cvid": api.view("Leads", view) }))
}

mod check {
    use super::*;

    pub(super) fn a_job_is_told_from_its_acceptance_to_its_end(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        ada.lock("Leads", &leads[0]);
        let data = json!([{ "Lead_Source": "Trade Show" }]);
        let named = json!({ "data": data, "ids": [leads[1]] });
        assert_eq!(ada.mass_update("Leads", &named).status, 200);
        let id = update(
            &api,
            &ada,
            "Open Leads",
            json!({ "Lead_Source": "Trade Show" }),
        );
        let mut told = job(&api, "admin", &id);
        let created = told["created_at"].clone();
        assert!(created.as_str().unwrap().ends_with('Z'));
        let criteria = told["request"]["selection"]["criteria"].take();
        assert!(criteria["all"].is_array(), "{criteria}");
        assert_eq!(
            told,
            json!({
                "id": id, "action": "update", "module": "Leads", "state": "queued",
                "paused_by": null,
                "actor": { "name": "Ada Kestrel", "id": api.user("admin").to_string() },
                "counts": { "total": 4, "changed": 0, "unchanged": 0, "failed": 0,
                    "cancelled": 0, "not_run": 0, "pending": 4 },
                "failed_by_code": {}, "rate": null, "eta": null, "throttle": null,
                "tolerance": 0,
            "automation": "wire",
            "automation_cap": null,
            "fired": 0, "plan": null, "parent": null, "undo_of": null, "retry_of": null,
                "undo_until": null,
                "run_at": null, "created_at": created, "started_at": null, "finished_at": null,
                "error": null, "notify": null,
                "request": {
                    "selection": { "by": "view", "cvid": api.view("Leads", "Open Leads"),
                        "view": "Open Leads", "territories": null, "criteria": null },
                    "change": { "fields": { "Lead_Source": "Trade Show" }, "over_write": false },
                },
            })
        );
        // One chunk of two, after a claim.
        let mut worker = api.worker().with_chunks_of(2);
        worker.step();
        api.clock.advance_ms(500);
        worker.step();
        let told = job(&api, "admin", &id);
        assert_eq!(told["state"], "running");
        assert_eq!(
            told["counts"],
            json!({ "total": 4, "changed": 0, "unchanged": 1, "failed": 1,
                "cancelled": 0, "not_run": 0, "pending": 2 })
        );
        assert_eq!(told["rate"], 4);
        assert!(told["eta"].is_string() && told["started_at"].is_string());
        crate::demo::run(worker);
        let told = job(&api, "admin", &id);
        assert_eq!(told["state"], "completed");
        assert_eq!(told["failed_by_code"], json!({ "RECORD_LOCKED": 1 }));
        assert_eq!(told["counts"]["changed"], 2);
        assert_eq!(told["counts"]["pending"], 0);
        assert_eq!((&told["rate"], &told["eta"]), (&Json::Null, &Json::Null));
        assert!(told["finished_at"].is_string());
    }

    pub(super) fn every_action_is_told_readably(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        let criteria = json!([
            { "field": "City", "comparator": "not_equal", "value": "Oslo" },
            { "field": "Wanted_By", "comparator": "less_than", "value": "2031-01-02" },
        ]);
        let body = json!({
            "data": [{ "Uses": ["Livestock"] }], "over_write": true,
            "cvid": api.view("Leads", "All Leads"), "criteria": criteria,
            "territory": { "id": api.territory("Iberia") },
        });
        // Nothing has no territory, so one lead gets one.
        let into = json!({ "data": [{ "Territories": [{ "id": api.territory("Iberia") }] }] });
        let path = format!("Leads/{}/actions/assign_territories", leads[0]);
        ada.post(&path, &into);
        let day = json!({ "data": [{ "Wanted_By": "2030-05-06" }] });
        assert_eq!(ada.put(&format!("Leads/{}", leads[0]), &day).status, 200);
        let told = job(&api, "admin", &ada.schedule(&body));
        let request = &told["request"];
        assert_eq!(
            request["change"],
            json!({ "fields": { "Uses": ["Livestock"] }, "over_write": true })
        );
        let territory = json!({ "id": api.territory("Iberia"), "name": "Iberia" });
        assert_eq!(request["selection"]["territories"], json!([territory]));
        let text = request["selection"]["criteria"].to_string();
        assert!(
            text.contains(r#"{"field":"City","one_of":["oslo"]}"#),
            "{text}"
        );
        assert!(
            text.contains(r#"{"field":"Wanted_By","below":"2031-01-02"}"#),
            "{text}"
        );

        let owner = json!({ "id": api.user_id("oskar") });
        let body = json!({ "ids": [leads[0]], "owner": owner });
        assert_eq!(ada.change_owner("Leads", &body).status, 200);
        let deletion = json!({ "ids": [leads[1]] });
        assert_eq!(ada.post("Leads/actions/mass_delete", &deletion).status, 200);
        let all = get(&api, "admin", "").items();
        let of = |action: &str| all.iter().find(|job| job["action"] == action).unwrap();
        let handover = of("change_owner");
        assert_eq!(handover["state"], "completed");
        assert_eq!(handover["request"]["selection"], json!({ "by": "ids" }));
        assert_eq!(handover["request"]["change"]["owner"]["id"], owner["id"]);
        assert_eq!(
            of("delete")["request"],
            json!({ "selection": { "by": "ids" } })
        );
    }

    pub(super) fn a_job_is_shown_to_its_actor_and_to_administrators(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(2);
        let id = update(
            &api,
            &api.caller("carla"),
            "Open Leads",
            json!({ "City": "Faro" }),
        );
        let unknown = get(&api, "admin", "/1");
        unknown.is_error(404, "NOT_FOUND", "there is no such job", &json!({}));
        for (who, status) in [("admin", 200), ("carla", 200), ("oskar", 404)] {
            let reply = get(&api, who, &format!("/{id}"));
            assert_eq!(reply.status, status, "{who}");
            assert_eq!(listed(&api, who, "").contains(&id), status == 200, "{who}");
            if status == 404 {
                assert_eq!(reply.text, unknown.text);
            }
        }
        assert_eq!(get(&api, "admin", "/x").status, 404);
    }

    pub(super) fn what_the_reader_may_not_see_is_not_told(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(2);
        let carla = api.caller("carla");
        let body = json!({
            "data": [{ "City": "Faro" }], "cvid": api.view("Leads", "Open Leads"),
            "criteria": [{ "field": "City", "comparator": "not_equal", "value": "Secretville" }],
        });
        let id = carla.schedule(&body);
        let told = job(&api, "carla", &id).to_string();
        assert!(
            told.contains("Faro") && told.contains("secretville"),
            "{told}"
        );
        api.change_catalog(|catalog| {
            let field = catalog.module("Leads").unwrap().field("City").unwrap().id;
            let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
            profile.unwrap().fields.insert(field, FieldRight::Hidden);
        });
        let told = job(&api, "carla", &id);
        assert_eq!(told["request"]["change"]["fields"], json!({}));
        let text = told.to_string();
        assert!(
            !text.contains("ecretville") && !text.contains("City"),
            "{text}"
        );
        assert!(text.contains(r#"{"hidden":true}"#), "{text}");
        assert!(job(&api, "admin", &id).to_string().contains("secretville"));
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
            profile.unwrap().modules.remove(&leads);
        });
        assert_eq!(job(&api, "carla", &id)["request"], Json::Null);
    }

    pub(super) fn jobs_are_listed_newest_first_in_pages(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(1);
        for n in 0..103 {
            // Several are accepted within one millisecond.
            api.clock.advance_ms(n % 3);
            let city = json!({ "data": [{ "City": format!("Faro {n}") }], "ids": leads });
            assert_eq!(ada.mass_update("Leads", &city).status, 200);
        }
        let (mut seen, mut query, mut sizes) = (Vec::new(), String::new(), Vec::new());
        loop {
            let page = get(&api, "admin", &query).json();
            let of_page = page["data"].as_array().unwrap();
            sizes.push(of_page.len());
            let id = |job: &Json| job["id"].as_str().unwrap().parse::<i64>().unwrap();
            seen.extend(of_page.iter().map(id));
            match page["next_page_token"].as_str() {
                Some(token) => query = format!("?page_token={token}"),
                None => break,
            }
        }
        assert_eq!(sizes, [50, 50, 3]);
        assert!(seen.windows(2).all(|two| two[0] > two[1]));
    }

    pub(super) fn a_list_is_narrowed(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        let leads = ada.make_leads(2);
        let named = json!({ "data": [{ "City": "Faro" }], "ids": leads });
        assert_eq!(ada.mass_update("Leads", &named).status, 200);
        let done = listed(&api, "admin", "");
        let queued = update(&api, &carla, "Open Leads", json!({ "City": "Oslo" }));
        let email = "carla";
        let catalog = api.catalog();
        let user = catalog
            .users
            .iter()
            .find(|u| u.email.starts_with(email))
            .unwrap();
        let (by_email, by_id) = (
            format!("?actor={}", user.email),
            format!("?actor={}", user.id),
        );
        for (query, wanted) in [
            ("?state=completed", &done),
            ("?state=queued&module=Leads", &vec![queued.clone()]),
            (&*by_email, &vec![queued.clone()]),
            (&*by_id, &vec![queued.clone()]),
            ("?action=delete", &vec![]),
            ("?module=Deals", &vec![]),
            ("?action=update&state=failed", &vec![]),
        ] {
            assert_eq!(&listed(&api, "admin", query), wanted, "{query}");
        }
        // Of somebody else's jobs, others are shown none.
        let of_ada = format!("?actor={}", api.user("admin"));
        assert_eq!(listed(&api, "carla", &of_ada), Vec::<String>::new());
        assert_eq!(listed(&api, "carla", &by_id), [queued]);
    }

    pub(super) fn a_wrong_parameter_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        for query in [
            "?state=done",
            "?state=preparing",
            "?state=",
            "?action=mass_update",
            "?action=",
            "?module=Nothing",
            "?module=",
            "?actor=nobody@example.com",
            "?actor=",
            "?page_token=1",
            "?page_token=-1-2",
            "?page_token=",
            "?page=2",
        ] {
            let reply = get(&api, "admin", query);
            let key = query.trim_start_matches('?').split('=').next().unwrap();
            let json = reply.json();
            assert_eq!(
                (reply.status, &json["code"]),
                (400, &json!("INVALID_DATA")),
                "{query}"
            );
            assert_eq!(json["details"]["param_name"], key, "{query}");
        }
    }
}
