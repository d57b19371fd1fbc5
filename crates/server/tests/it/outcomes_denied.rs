//! Outcomes within the rights of who reads them, as they are now.

use crate::api::Api;
use crate::outcomes::{all, get, schedule};
use model::people::FieldRight;
use model::refusal::Code;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_hidden_field_is_left_out,
    a_record_that_is_no_longer_seen_is_an_id_with_its_outcome,
    a_token_for_jobs_alone_is_told_no_values,
    a_job_that_is_not_shown_has_no_outcomes,
    rights_lost_between_two_pieces_hold_for_the_next,
}

fn hide(api: &Api, field: &str) {
    api.change_catalog(|catalog| {
        let field = catalog.module("Leads").unwrap().field(field).unwrap().id;
        let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
        profile.unwrap().fields.insert(field, FieldRight::Hidden);
    });
}

/// What somebody is told of the only record of a job, in every form.
fn everything(api: &Api, who: &str, job: &str) -> String {
    let json = all(api, who, job, "");
    let csv = get(api, who, job, "?format=csv").text;
    let lines = get(api, who, job, "?format=ndjson").text;
    format!("{} {csv} {lines}", Json::from(json))
}

mod check {
    use super::*;

    pub(super) fn a_hidden_field_is_left_out(kind: Kind) {
        let api = Api::start_demo(kind);
        let carla = api.caller("carla");
        let lead = json!({ "Last_Name": "Lead", "City": "Secretville" });
        carla.make("Leads", &[lead]);
        let job = schedule(&api, &carla, json!({ "City": "Faro" }));
        api.run_jobs();
        assert!(everything(&api, "carla", &job).contains("Secretville"));
        hide(&api, "City");
        let told = everything(&api, "carla", &job);
        for word in ["Secretville", "Faro", "City"] {
            assert!(!told.contains(word), "{word} in {told}");
        }
        assert_eq!(all(&api, "carla", &job, "")[0]["before"], json!({}));
        assert!(told.contains("Lead"));
        for name in ["Full_Name", "Last_Name"] {
            hide(&api, name);
        }
        assert_eq!(all(&api, "carla", &job, "")[0]["name"], Json::Null);
        assert!(everything(&api, "admin", &job).contains("Secretville"));
    }

    pub(super) fn a_record_that_is_no_longer_seen_is_an_id_with_its_outcome(kind: Kind) {
        let api = Api::start_demo(kind);
        api.make_private("Leads");
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        let leads = carla.make(
            "Leads",
            &[
                json!({ "Last_Name": "Secret", "City": "Secretville" }),
                json!({ "Last_Name": "Secret", "City": "Secretville" }),
                json!({ "Last_Name": "Secret", "City": "Secretville" }),
            ],
        );
        let lock = carla.lock("Leads", &leads[1]);
        let job = schedule(&api, &carla, json!({ "City": "Faro" }));
        api.run_jobs();
        assert_eq!(all(&api, "carla", &job, "")[1]["name"], "Secret");
        let lock = format!("Leads/{}/Locking_Information__s/{lock}", leads[1]);
        assert_eq!(carla.delete(&lock).status, 200);
        let away = json!({ "ids": leads, "owner": { "id": api.user("joana").to_string() } });
        assert_eq!(ada.change_owner("Leads", &away).status, 200);
        assert_eq!(ada.delete(&format!("Leads/{}", leads[2])).status, 200);
        let told = all(&api, "carla", &job, "");
        for n in [0, 2] {
            assert_eq!(
                told[n],
                json!({ "record": leads[n], "name": null, "outcome": "changed", "code": null,
                    "message": null, "before": null, "after": null, "at": told[n]["at"] })
            );
        }
        assert_eq!(
            told[1],
            json!({ "record": leads[1], "name": null, "outcome": "failed",
                "code": "RECORD_LOCKED", "message": Code::RecordLocked.message(),
                "before": null, "after": null, "at": told[1]["at"] })
        );
        assert_eq!(all(&api, "admin", &job, "")[0]["name"], "Secret");
        assert_eq!(all(&api, "admin", &job, "")[2]["name"], "Secret");
    }

    pub(super) fn a_token_for_jobs_alone_is_told_no_values(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "Secret", "City": "Secretville" });
        let leads = ada.make("Leads", &[lead]);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        api.run_jobs();
        let path = format!("/swathe/v1/jobs/{job}/outcomes");
        for (scopes, told) in [
            ("swathe.jobs.READ", false),
            ("swathe.jobs.READ,ZohoCRM.modules.deals.READ", false),
            ("swathe.jobs.READ,ZohoCRM.modules.leads.READ", true),
        ] {
            let token = api.token(api.user("admin"), scopes);
            for query in ["", "?format=csv", "?format=ndjson"] {
                let reply = api.call("GET", &format!("{path}{query}"), &token);
                assert_eq!(reply.status, 200);
                assert!(reply.text.contains(&leads[0]) && reply.text.contains("changed"));
                assert_eq!(
                    reply.text.contains("Secret"),
                    told,
                    "{scopes}: {}",
                    reply.text
                );
            }
        }
        let token = api.token(api.user("admin"), "ZohoCRM.modules.READ");
        let refused = api.call("GET", &path, &token);
        assert_eq!(refused.json()["code"], "OAUTH_SCOPE_MISMATCH");
    }

    pub(super) fn a_job_that_is_not_shown_has_no_outcomes(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        api.run_jobs();
        for query in ["", "?format=csv", "?format=ndjson"] {
            let reply = get(&api, "carla", &job, query);
            reply.is_error(404, "NOT_FOUND", "there is no such job", &json!({}));
        }
    }

    /// The second page is read by whoever the reader is by then.
    pub(super) fn rights_lost_between_two_pieces_hold_for_the_next(kind: Kind) {
        let api = Api::start_demo(kind);
        let carla = api.caller("carla");
        let leads: Vec<Json> = (0..201)
            .map(|n| json!({ "Last_Name": format!("Lead {n}"), "City": "Secretville" }))
            .collect();
        carla.make("Leads", &leads);
        let job = schedule(&api, &carla, json!({ "City": "Faro" }));
        api.run_jobs();
        let first = get(&api, "carla", &job, "").json();
        assert_eq!(first["data"][0]["before"]["City"], "Secretville");
        hide(&api, "City");
        let token = first["next_page_token"].as_str().unwrap();
        let second = get(&api, "carla", &job, &format!("?page_token={token}")).json();
        assert_eq!(second["data"][0]["before"], json!({}));
        assert_eq!(second["next_page_token"], Json::Null);
    }
}
