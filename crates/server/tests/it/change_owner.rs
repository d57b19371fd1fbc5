//! Change of owner of named records: what a client does and what comes of it (wire API 5).

use crate::api::Api;
use crate::demo::error;
use crate::owners::{NOBODY, from};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    many_records_change_owner_at_once,
    one_record_changes_owner,
    mixed_results_are_207_in_v8_and_200_below,
    a_repeated_id_is_answered_at_each_place,
    the_vendors_names_of_modules_are_taken,
    a_service_provider_may_own_tasks,
    the_changes_and_outcomes_are_a_jobs,
}

fn success(id: &str) -> Json {
    json!({
        "code": "SUCCESS",
        "details": { "id": id },
        "message": "owner is successfully updated",
        "status": "success",
    })
}

mod check {
    use super::*;

    pub(super) fn many_records_change_owner_at_once(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(3);
        for (n, version) in from(Version::V3).enumerate() {
            let owner = ["oskar", "joana"][n % 2];
            // Ids as the SDKs send them: numbers.
            let numbers: Vec<i64> = ids.iter().map(|id| id.parse().unwrap()).collect();
            let owner_id: i64 = api.user_id(owner).parse().unwrap();
            let body = json!({ "ids": numbers, "owner": { "id": owner_id }, "notify": null });
            let body = match n {
                0 => json!({ "ids": ids, "owner": { "id": api.user_id(owner) } }),
                _ => json!({ "ids": body["ids"], "owner": body["owner"], "notify": false }),
            };
            let items: Vec<Json> = ids.iter().map(|id| success(id)).collect();
            let reply = ada.speaking(version).change_owner("Leads", &body);
            reply.is(200, &json!({ "data": items }));
            assert_eq!(api.owned("Leads", owner), 3);
        }
        let lead = ada.record("Leads", &ids[0]);
        assert_eq!(lead["Modified_By"]["name"], "Ada Kestrel");
        assert_eq!(api.last_cause(&ids[0]), "owner");
    }

    pub(super) fn one_record_changes_owner(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(2);
        for version in from(Version::V3) {
            let body = json!({ "owner": { "id": api.user_id("oskar") } });
            let path = format!("Leads/{}/actions/change_owner", ids[0]);
            let reply = ada.speaking(version).post(&path, &body);
            reply.is(200, &json!({ "data": [success(&ids[0])] }));
        }
        assert_eq!(ada.owner_of("Leads", &ids[0]), "Oskar Lind");
        assert_eq!(ada.owner_of("Leads", &ids[1]), "Ada Kestrel");
    }

    pub(super) fn mixed_results_are_207_in_v8_and_200_below(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let body = json!({ "ids": [ids[0], NOBODY], "owner": { "id": api.user_id("oskar") } });
        let text = "the id given seems to be invalid";
        let unknown = error("INVALID_DATA", text, &json!({ "id": NOBODY }));
        for version in from(Version::V3) {
            let status = if version == Version::V8 { 207 } else { 200 };
            let reply = ada.speaking(version).change_owner("Leads", &body);
            reply.is(status, &json!({ "data": [success(&ids[0]), unknown] }));
        }
    }

    pub(super) fn a_repeated_id_is_answered_at_each_place(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        let body = json!({ "ids": [id, id], "owner": { "id": api.user_id("oskar") } });
        let reply = ada.change_owner("Leads", &body);
        reply.is(200, &json!({ "data": [success(&id), success(&id)] }));
        let changes = format!("SELECT count(*) FROM changes WHERE record = {id}");
        assert_eq!(api.number(&changes), 2);
    }

    pub(super) fn the_vendors_names_of_modules_are_taken(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let stage = json!({ "Deal_Name": "D", "Stage": "Qualification" });
        let id = ada.make("Deals", &[stage]).remove(0);
        let body = json!({ "ids": [id], "owner": { "id": api.user_id("oskar") } });
        let reply = ada.change_owner("Potentials", &body);
        reply.is(200, &json!({ "data": [success(&id)] }));
        assert_eq!(api.owned("Deals", "oskar"), 1);
    }

    pub(super) fn a_service_provider_may_own_tasks(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.apply_org(&crate::owners::oskar("type = \"service_provider\""));
        let id = ada.make("Tasks", &[json!({ "Subject": "T" })]).remove(0);
        let body = json!({ "ids": [id], "owner": { "id": api.user_id("oskar") } });
        let reply = ada.change_owner("Tasks", &body);
        reply.is(200, &json!({ "data": [success(&id)] }));
    }

    pub(super) fn the_changes_and_outcomes_are_a_jobs(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(3);
        ada.lock("Leads", &ids[2]);
        let his = json!({ "ids": [ids[1]], "owner": { "id": api.user_id("oskar") } });
        assert_eq!(ada.change_owner("Leads", &his).status, 200);
        let body = json!({ "ids": ids, "owner": { "id": api.user_id("oskar") } });
        assert_eq!(ada.change_owner("Leads", &body).codes()[2], "RECORD_LOCKED");
        let job = api.number("SELECT MAX(id) FROM jobs WHERE kind = 'change_owner'");
        let of = |table: &str| format!("SELECT count(*) FROM {table} WHERE job = {job}");
        assert_eq!(api.number(&of("changes")), 1);
        assert_eq!(api.number(&of("job_outcomes")), 2);
        let counted =
            format!("SELECT changed * 100 + unchanged * 10 + failed FROM jobs WHERE id = {job}");
        assert_eq!(api.number(&counted), 111);
    }
}
