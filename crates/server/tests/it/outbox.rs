//! `/swathe/v1/outbox`: what `notify` of a change of owner leaves for the new owner.

use crate::api::{Api, Reply};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_notified_owner_has_an_entry_for_each_record,
    a_record_is_named_to_those_who_see_it_while_it_is_there,
    entries_are_paged_newest_first,
    others_see_what_they_caused_and_what_tells_them,
    a_refused_request_leaves_no_entry,
    entries_are_kept_for_60_days,
    only_with_the_scope,
    wrong_parameters_are_refused,
}

fn get(api: &Api, who: &str, query: &str) -> Reply {
    let token = api.token(api.user(who), "swathe.jobs.READ");
    api.call("GET", &format!("/swathe/v1/outbox{query}"), &token)
}

fn entries(api: &Api, who: &str) -> Vec<Json> {
    get(api, who, "").items()
}

/// Gives leads to somebody, who is told.
fn give(api: &Api, who: &str, ids: &[String], owner: &str) -> Reply {
    let owner = api.user_id(owner);
    let body = json!({ "ids": ids, "owner": { "id": owner }, "notify": true });
    api.caller(who).change_owner("Leads", &body)
}

mod check {
    use super::*;

    pub(super) fn a_notified_owner_has_an_entry_for_each_record(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(3);
        ada.lock("Leads", &ids[2]);
        let quiet = json!({ "ids": [ids[0]], "owner": { "id": api.user_id("joana") } });
        assert_eq!(ada.change_owner("Leads", &quiet).status, 200);
        assert_eq!(entries(&api, "admin"), Vec::<Json>::new());
        give(&api, "admin", &ids, "oskar");
        let found = entries(&api, "admin");
        let job = api.number("SELECT MAX(id) FROM jobs").to_string();
        assert_eq!(found.len(), 2);
        for entry in &found {
            let n = usize::from(entry["record"]["id"] != ids[0]);
            let wanted = json!({
                "id": entry["id"],
                "kind": "owner_changed",
                "module": "Leads",
                "record": { "id": ids[n], "name": format!("Lead {n}") },
                "recipient": { "name": "Oskar Lind", "id": api.user_id("oskar") },
                "actor": { "name": "Ada Kestrel", "id": api.user_id("admin") },
                "job_id": job,
                "at": ada.record("Leads", &ids[n])["Modified_Time"],
            });
            assert_eq!(entry, &wanted);
        }
        // It is theirs already: nothing happened that somebody could be told of.
        give(&api, "admin", &ids, "oskar");
        assert_eq!(entries(&api, "admin").len(), 2);
    }

    pub(super) fn a_record_is_named_to_those_who_see_it_while_it_is_there(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        give(&api, "admin", &ids, "joana");
        let names = || {
            let name = |who: &str| entries(&api, who)[0]["record"]["name"].clone();
            ["admin", "joana"].map(name)
        };
        assert_eq!(names(), ["Lead 0", "Lead 0"]);
        // It goes on to Oskar, and Joana sees it no longer.
        api.make_private("Leads");
        let quiet = json!({ "ids": ids, "owner": { "id": api.user_id("oskar") } });
        assert_eq!(ada.change_owner("Leads", &quiet).status, 200);
        assert_eq!(names(), [json!("Lead 0"), Json::Null]);
        let renamed = json!({ "data": [{ "Last_Name": "Reis" }] });
        assert_eq!(ada.put(&format!("Leads/{}", ids[0]), &renamed).status, 200);
        assert_eq!(names(), [json!("Reis"), Json::Null]);
        // A name does not outlive its record.
        assert_eq!(ada.delete(&format!("Leads/{}", ids[0])).status, 200);
        let path = format!("settings/recycle_bin/{}", ids[0]);
        assert_eq!(ada.delete(&path).status, 200);
        assert_eq!(names(), [Json::Null, Json::Null]);
    }

    pub(super) fn entries_are_paged_newest_first(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("admin").make_leads(5);
        for id in &ids {
            api.clock.advance_ms(1_000);
            give(&api, "admin", std::slice::from_ref(id), "oskar");
        }
        let (mut seen, mut query) = (Vec::new(), "?per_page=2".to_owned());
        for more in [true, true, false] {
            let page = get(&api, "admin", &query).json();
            let of_page = page["data"].as_array().unwrap().iter();
            seen.extend(of_page.map(|entry| entry["record"]["id"].as_str().unwrap().to_owned()));
            let token = page["next_page_token"].as_str();
            assert_eq!(token.is_some(), more);
            query = format!("?per_page=2&page_token={}", token.unwrap_or_default());
        }
        let newest_first: Vec<String> = ids.into_iter().rev().collect();
        assert_eq!(seen, newest_first);
    }

    pub(super) fn others_see_what_they_caused_and_what_tells_them(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("admin").make_leads(2);
        give(&api, "admin", &ids[..1], "oskar");
        give(&api, "ines", &ids[1..], "joana");
        for (who, count) in [
            ("admin", 2),
            ("ines", 1),
            ("oskar", 1),
            ("joana", 1),
            ("tomas", 0),
        ] {
            assert_eq!(entries(&api, who).len(), count, "{who}");
        }
    }

    pub(super) fn a_refused_request_leaves_no_entry(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("admin").make_leads(1);
        assert_eq!(give(&api, "admin", &ids, "piet").status, 400);
        assert_eq!(give(&api, "carla", &ids, "oskar").status, 403);
        assert_eq!(entries(&api, "admin"), Vec::<Json>::new());
    }

    pub(super) fn entries_are_kept_for_60_days(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("admin").make_leads(1);
        give(&api, "admin", &ids, "oskar");
        for (days, left) in [(59, 1), (2, 0)] {
            api.clock.advance_ms(days * 24 * 60 * 60 * 1_000);
            api.run_jobs();
            assert_eq!(api.number("SELECT count(*) FROM outbox"), left);
        }
    }

    pub(super) fn only_with_the_scope(kind: Kind) {
        let api = Api::start_demo(kind);
        for scope in [
            "swathe.org.READ",
            "ZohoCRM.modules.ALL",
            "swathe.jobs.CREATE",
        ] {
            let token = api.token(api.user("admin"), scope);
            assert_eq!(
                api.call("GET", "/swathe/v1/outbox", &token).status,
                401,
                "{scope}"
            );
        }
        assert_eq!(get(&api, "piet", "").json()["code"], "AUTHORIZATION_FAILED");
    }

    pub(super) fn wrong_parameters_are_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        for query in [
            "?per_page=0",
            "?per_page=201",
            "?per_page=x",
            "?page_token=1",
            "?page_token=-1-2",
            "?page_token=",
            "?page=2",
        ] {
            let reply = get(&api, "admin", query);
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!("INVALID_DATA")),
                "{query}"
            );
        }
    }
}
