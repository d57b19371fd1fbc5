//! Assigning territories to records and removing them (wire API 12).

use crate::api::Api;
use crate::demo::{Caller, error, is_old};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    records_are_assigned_and_removed_in_every_version,
    deals_have_one_territory,
    what_is_refused_per_record,
    a_wrong_list_or_url_is_refused,
    what_is_refused_as_a_whole,
    a_territory_is_shown_with_who_assigned_it,
}

const ASSIGN: &str = "Leads/actions/assign_territories";
const REMOVE: &str = "Leads/actions/remove_territories";

/// The territories of these names as a request lists them.
fn list(api: &Api, names: &[&str]) -> Json {
    names
        .iter()
        .map(|name| json!({ "id": api.territory(name) }))
        .collect()
}

/// What the record is in.
fn names(caller: &Caller<'_>, lead: &str) -> Vec<String> {
    let record = caller
        .get(&format!("Leads/{lead}?fields=Territories"))
        .items()[0]
        .clone();
    let list = record["Territories"].as_array().unwrap();
    let name = |t: &Json| t["Name"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = list.iter().map(name).collect();
    names.sort();
    names
}

mod check {
    use super::*;

    pub(super) fn records_are_assigned_and_removed_in_every_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        for version in Version::ALL {
            let caller = ada.speaking(version);
            let (status, code) = if version >= Version::V7 {
                (202, "SCHEDULED")
            } else {
                (200, "SUCCESS")
            };
            let territories = list(&api, &["Iberia", "Nordics"]);
            let in_url = format!("Leads/{lead}/actions");
            for (path, body, message, after) in [
                (
                    ASSIGN.to_owned(),
                    json!({ "id": lead, "Territories": territories }),
                    "Territory assignment process scheduled successfully",
                    vec!["Iberia", "Nordics"],
                ),
                (
                    REMOVE.to_owned(),
                    json!({ "id": lead, "Territories": territories }),
                    "Territory removal process scheduled successfully",
                    vec![],
                ),
                (
                    format!("{in_url}/assign_territories"),
                    json!({ "Territories": territories }),
                    "Territory assignment process scheduled successfully",
                    vec!["Iberia", "Nordics"],
                ),
                (
                    format!("{in_url}/remove_territories"),
                    json!({ "Territories": territories }),
                    "Territory removal process scheduled successfully",
                    vec![],
                ),
            ] {
                let reply = caller.post(&path, &json!({ "data": [body] }));
                let job = reply.items()[0]["details"]["job_id"].clone();
                let item = json!({
                    "code": code,
                    "details": { "job_id": job, "id": lead },
                    "message": message,
                    "status": "success",
                });
                reply.is(status, &json!({ "data": [item] }));
                assert!(job.is_string());
                assert_eq!(names(&ada, &lead), after);
            }
        }
        // What decides about a record raises its revision.
        let rev = api.number(&format!("SELECT rev FROM \"m_Leads\" WHERE id = {lead}"));
        assert_eq!(rev, 1 + 4 * 8);
    }

    pub(super) fn deals_have_one_territory(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let deal = json!({ "Deal_Name": "A", "Stage": "Closed Won" });
        let deal = ada.make("Deals", &[deal]).remove(0);
        let path = format!("Deals/{deal}/actions/assign_territories");
        let assign = |names: &[&str]| {
            ada.post(
                &path,
                &json!({ "data": [{ "Territories": list(&api, names) }] }),
            )
        };
        let limit = |reply: crate::api::Reply| {
            let text = "Maximum limit of territories for that record exceeds";
            let details = json!({
                "api_name": "Territories", "json_path": "$.data[0].Territories", "limit": 1,
            });
            reply.is(
                400,
                &json!({ "data": [error("LIMIT_EXCEEDED", text, &details)] }),
            );
        };
        limit(assign(&["Iberia", "World"]));
        assert_eq!(assign(&["Iberia"]).status, 202);
        limit(assign(&["World"]));
        assert_eq!(ada.record("Deals", &deal)["Territory"]["Name"], "Iberia");
    }

    pub(super) fn what_is_refused_per_record(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(2);
        let (lead, free) = (&ids[0], &ids[1]);
        let iberia = list(&api, &["Iberia"]);
        let first = &iberia[0];
        let body = json!({ "data": [{ "id": lead, "Territories": iberia }] });
        assert_eq!(ada.post(ASSIGN, &body).status, 202);
        let item = |id: &str, territories: Json| json!({ "id": id, "Territories": territories });
        let unknown = json!([first, { "id": "5" }]);
        let used = (
            "DUPLICATE_DATA",
            "Given territory already exists for that record",
        );
        let twice = ("ALREADY_USED", "Duplicate territory ID found");
        let bad = ("INVALID_DATA", "the id given seems to be invalid");
        let missing = ("MANDATORY_NOT_FOUND", "required field not found");
        let cases = [
            (ASSIGN, item(lead, iberia.clone()), used, "Territories"),
            (
                ASSIGN,
                item(free, json!([first, first])),
                twice,
                "Territories",
            ),
            (
                ASSIGN,
                item(free, unknown.clone()),
                bad,
                "Territories[1].id",
            ),
            (
                ASSIGN,
                item(free, json!([{ "id": "x" }])),
                bad,
                "Territories[0].id",
            ),
            (ASSIGN, item(free, json!([null])), bad, "Territories[0].id"),
            (ASSIGN, item("5", iberia.clone()), bad, "id"),
            (ASSIGN, item("x", iberia.clone()), bad, "id"),
            (ASSIGN, json!({ "Territories": iberia }), missing, "id"),
            (ASSIGN, json!({ "id": free }), missing, "Territories"),
            (REMOVE, item(free, iberia.clone()), bad, "Territories[0].id"),
            (REMOVE, item(lead, unknown), bad, "Territories[1].id"),
        ];
        api.unchanged_by(|| {
            for (path, item, (code, message), at) in &cases {
                let name = at.rsplit('.').next().unwrap();
                let details = json!({ "api_name": name, "json_path": format!("$.data[0].{at}") });
                let wanted = json!({ "data": [error(code, message, &details)] });
                for version in Version::ALL {
                    let status = if is_old(version) { 200 } else { 400 };
                    let reply = ada.speaking(version).post(path, &json!({ "data": [item] }));
                    let got = (reply.status, reply.json());
                    assert_eq!(got, (status, wanted.clone()), "{item}");
                }
            }
        });
        let both = json!({ "data": [item("5", iberia.clone()), item(free, iberia)] });
        let reply = ada.speaking(Version::V8).post(ASSIGN, &both);
        assert_eq!(reply.status, 207);
        assert_eq!(reply.codes(), ["INVALID_DATA", "SCHEDULED"]);
    }

    pub(super) fn a_wrong_list_or_url_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let details = json!({
            "api_name": "Territories",
            "json_path": "$.data[0].Territories",
            "expected_data_type": "jsonarray",
        });
        let wanted = json!({ "data": [error("INVALID_DATA", "invalid data", &details)] });
        for list in [json!([]), json!("x"), json!(null), json!({})] {
            let body = json!({ "data": [{ "id": lead, "Territories": list }] });
            ada.post(ASSIGN, &body).is(400, &wanted);
        }
        let body = json!({ "data": [{ "Territories": list(&api, &["Iberia"]) }] });
        let reply = ada.post("Leads/5/actions/assign_territories", &body);
        let details = json!({ "resource_path_index": 1 });
        let wanted = error("INVALID_DATA", "the id given seems to be invalid", &details);
        reply.is(400, &json!({ "data": [wanted] }));
    }

    pub(super) fn what_is_refused_as_a_whole(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        let lead = ada.make_leads(1).remove(0);
        let one = json!({ "id": lead, "Territories": list(&api, &["World"]) });
        let many = json!({ "data": vec![one.clone(); 101] });
        let data = |key: &str, value: Json| json!({ "api_name": "data", "json_path": "$.data", key: value });
        let in_url = format!("Leads/{lead}/actions/assign_territories");
        let territory_less = "Territory is not supported for the given module.";
        let cases = [
            (
                &ada,
                ASSIGN,
                many,
                400,
                "INVALID_DATA",
                "invalid data",
                data("maximum_length", json!(100)),
            ),
            (
                &ada,
                &in_url,
                json!({ "data": [one, one] }),
                400,
                "INVALID_DATA",
                "invalid data",
                data("maximum_length", json!(1)),
            ),
            (
                &ada,
                ASSIGN,
                json!({ "data": {} }),
                400,
                "INVALID_DATA",
                "invalid data",
                data("expected_data_type", json!("jsonarray")),
            ),
            (
                &ada,
                "Leads/x/actions/assign_territories",
                json!({ "data": [one] }),
                400,
                "INVALID_DATA",
                "invalid data",
                json!({ "resource_path_index": 1 }),
            ),
            (
                &ada,
                "Tasks/actions/assign_territories",
                json!({ "data": [one] }),
                400,
                "INVALID_MODULE",
                territory_less,
                json!({ "resource_path_index": 0 }),
            ),
            (
                &carla,
                "Deals/actions/assign_territories",
                json!({ "data": [one] }),
                403,
                "NO_PERMISSION",
                "permission denied",
                json!({ "permissions": ["Crm_Implied_Edit_Deals"] }),
            ),
        ];
        api.unchanged_by(|| {
            for (caller, path, body, status, code, message, details) in cases {
                let reply = caller.post(path, &body);
                let wanted = (status, error(code, message, &details));
                assert_eq!((reply.status, reply.json()), wanted, "{path} {body}");
            }
        });
    }

    pub(super) fn a_territory_is_shown_with_who_assigned_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, meera) = (api.caller("admin"), api.caller("meera"));
        let lead = ada.make_leads(1).remove(0);
        api.clock.advance_ms(60_000);
        let body = json!({ "data": [{ "id": lead, "Territories": list(&api, &["Iberia"]) }] });
        assert_eq!(ada.post(ASSIGN, &body).status, 202);
        let wanted = json!([{
            "Name": "Iberia",
            "id": api.territory("Iberia"),
            "$assigned_by": { "name": "Ada Kestrel", "id": api.user("admin").to_string() },
            "$assigned_time": "2024-01-01T05:31:00+05:30",
            "$assigned": "manually",
        }]);
        assert_eq!(meera.record("Leads", &lead)["Territories"], wanted);
        // Deleted with the record.
        assert_eq!(ada.delete(&format!("Leads/{lead}")).status, 200);
        assert_eq!(api.number("SELECT count(*) FROM record_territories"), 0);
    }
}
