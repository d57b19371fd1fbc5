//! The bodies that the founding documents show of mass update, reproduced key by key: the same keys
//! in the same order, with values of the same types. Ids, names and times are those of the demo.

use crate::api::{Api, Reply};
use crate::demo::{Caller, run};
use jobs::Step;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    the_request_with_a_view_and_a_territory_is_answered_as_in_v7,
    the_request_with_record_ids_is_answered_as_in_v7,
    the_status_of_a_scheduled_job_is_as_in_v7,
    the_status_of_a_job_in_progress_is_as_in_v7,
    the_status_of_a_completed_job_is_as_in_v7,
    the_status_of_a_failed_job_is_as_in_v7,
    the_answer_for_a_field_that_is_refused_is_as_in_v2,
}

/// The form of a body: keys in their order, and the type of each value.
fn form(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(_) => "boolean".to_owned(),
        Json::Number(_) => "number".to_owned(),
        Json::String(text) if is_time(text) => "time".to_owned(),
        Json::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => "id".to_owned(),
        Json::String(_) => "text".to_owned(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(form).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(keys) => {
            let keys: Vec<String> = keys
                .iter()
                .map(|(k, v)| format!("{k}: {}", form(v)))
                .collect();
            format!("{{{}}}", keys.join(", "))
        }
    }
}

/// `2021-03-03T12:17:00+05:30`
fn is_time(text: &str) -> bool {
    let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let plain: String = text.chars().map(digits).collect();
    plain.replace('-', "+") == "0000+00+00T00:00:00+00:00"
}

/// Panics unless the answer is of the sample's form, and says the same in words.
fn like(reply: &Reply, status: u16, sample: &str) {
    let sample: Json = serde_json::from_str(sample).unwrap();
    let answer = reply.json();
    assert_eq!((reply.status, form(&answer)), (status, form(&sample)));
    let words = |json: &Json| -> Vec<Json> {
        let items = json["data"].as_array().unwrap().iter();
        items
            .flat_map(|item| ["code", "message", "status"].map(|key| item[key].clone()))
            .collect()
    };
    assert_eq!(words(&answer), words(&sample));
}

/// A job for fifty leads, accepted and not yet begun.
fn fifty(api: &Api, ada: &Caller<'_>) -> String {
    ada.make_leads(50);
    let cvid = api.view("Leads", "All Leads");
    ada.schedule(&json!({ "data": [{ "Lead_Source": "Chat" }], "cvid": cvid }))
}

/// Panics unless the status is exactly the sample, counts included.
fn status_is(ada: &Caller<'_>, job: &str, sample: &str) {
    let sample: Json = serde_json::from_str(sample).unwrap();
    let reply = ada.get(&format!("Leads/actions/mass_update?job_id={job}"));
    assert_eq!((reply.status, reply.text), (200, sample.to_string()));
}

mod check {
    use super::*;

    pub(super) fn the_request_with_a_view_and_a_territory_is_answered_as_in_v7(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "A" })])
            .remove(0);
        let territory = json!({ "id": api.territory("Iberia") });
        let assigned = json!({ "data": [{ "id": account, "Territories": [territory] }] });
        let reply = ada.post("Accounts/actions/assign_territories", &assigned);
        assert_eq!(reply.codes(), ["SCHEDULED"]);
        let mut body: Json = serde_json::from_str(
            r#"{
    "data": [
        {
            "Industry": "Education"
        }
    ],
    "cvid": "554023000000091515",
    "territory": {
        "id": "554023000000430409",
        "include_child": true
    }
}"#,
        )
        .unwrap();
        body["cvid"] = json!(api.view("Accounts", "All Accounts"));
        body["territory"]["id"] = json!(api.territory("Europe"));
        let sample = r#"{
    "data": [
        {
            "code": "SUCCESS",
            "details": {
                "job_id": "554023000000506003"
            },
            "message": "mass update scheduled successfully",
            "status": "success"
        }
    ]
}"#;
        like(&ada.mass_update("Accounts", &body), 200, sample);
        api.run_jobs();
        assert_eq!(ada.record("Accounts", &account)["Industry"], "Education");
    }

    pub(super) fn the_request_with_record_ids_is_answered_as_in_v7(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let deal = json!({ "Deal_Name": "A", "Stage": "Closed Won" });
        let deal = ada.make("Deals", &[deal]).remove(0);
        let mut body: Json = serde_json::from_str(
            r#"{
    "data": [
        {
            "Lead_Source": "Advertisement",
            "Type": "Existing Business",
            "Languages_Known": [
                "English",
                "Spanish"
            ]
        }
    ],
    "over_write": true,
    "ids": [
        "554023000000497007",
        "554023000000497021"
    ]
}"#,
        )
        .unwrap();
        body["ids"][0] = json!(deal);
        let sample = r#"{
    "data": [
        {
            "code": "SUCCESS",
            "details": {
                "Modified_Time": "2021-03-03T12:17:00+05:30",
                "Modified_By": {
                    "name": "Patricia boyle",
                    "id": "554023000000497007"
                },
                "Created_Time": "2021-02-26T19:13:56+05:30",
                "id": "580845000003654076",
                "Created_By": {
                    "name": "Patricia Boyle",
                    "id": "580845000000242009"
                }
            },
            "message": "record updated",
            "status": "success"
        },
        {
            "code": "INVALID_DATA",
            "details": {
                "id": "554023000000497021"
            },
            "message": "the id given seems to be invalid",
            "status": "error"
        }
    ]
}"#;
        let reply = ada.mass_update("Deals", &body);
        like(&reply, 200, sample);
        assert_eq!(reply.items()[1]["details"]["id"], "554023000000497021");
        let changed = ada.record("Deals", &deal);
        for (field, value) in body["data"][0].as_object().unwrap() {
            assert_eq!(&changed[field], value);
        }
    }

    pub(super) fn the_status_of_a_scheduled_job_is_as_in_v7(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let job = fifty(&api, &ada);
        let sample = r#"{ "data": [ { "Status": "SCHEDULED", "Failed_Count": 0,
            "Updated_Count": 0, "Not_Updated_Count": 50, "Total_Count": 50 } ] }"#;
        status_is(&ada, &job, sample);
    }

    pub(super) fn the_status_of_a_job_in_progress_is_as_in_v7(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let job = fifty(&api, &ada);
        let mut worker = api.worker().with_chunks_of(30);
        assert!(matches!(worker.step(), Step::Claimed(_)));
        assert!(matches!(worker.step(), Step::Ran(..)));
        let sample = r#"{ "data": [ { "Status": "RUNNING", "Failed_Count": 0,
            "Updated_Count": 30, "Not_Updated_Count": 20, "Total_Count": 50 } ] }"#;
        status_is(&ada, &job, sample);
    }

    pub(super) fn the_status_of_a_completed_job_is_as_in_v7(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let job = fifty(&api, &ada);
        run(api.worker());
        let sample = r#"{ "data": [ { "Status": "COMPLETED", "Failed_Count": 0,
            "Updated_Count": 50, "Not_Updated_Count": 0, "Total_Count": 50 } ] }"#;
        status_is(&ada, &job, sample);
    }

    pub(super) fn the_status_of_a_failed_job_is_as_in_v7(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let job = fifty(&api, &ada);
        // From now on no lead may be so.
        api.apply_org(
            r#"
[[module]]
api_name = "Leads"
[[module.validation_rule]]
name = "Scored"
criteria = "(Score:equals:${EMPTY})"
message = "A lead has a score."
"#,
        );
        run(api.worker());
        let sample = r#"{ "data": [ { "Status": "FAILED", "Failed_Count": 50,
            "Updated_Count": 0, "Not_Updated_Count": 0, "Total_Count": 50 } ] }"#;
        status_is(&ada, &job, sample);
    }

    pub(super) fn the_answer_for_a_field_that_is_refused_is_as_in_v2(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin").speaking(Version::V2);
        let account = ada.make("Accounts", &[json!({ "Account_Name": "A" })]);
        let body = json!({ "data": [{ "Account_Owner": "x" }], "ids": account });
        let sample: Json = serde_json::from_str(
            r#"{
    "data": [
        {
            "code": "INVALID_DATA",
            "details": {
                "api_name": "Account_Owner"
            },
            "message": "This field cannot be updated in the Mass Update",
            "status": "error"
        }
    ]
}"#,
        )
        .unwrap();
        let reply = ada.mass_update("Accounts", &body);
        assert_eq!((reply.status, reply.text), (400, sample.to_string()));
    }
}
