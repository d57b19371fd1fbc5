//! Holds put through the native API, what they refuse over the wire, and what a held record shows.

use crate::api::{Api, Reply};
use crate::demo::{error, in_data, is_old};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_hold_is_put_seen_and_lifted_with_a_change_each,
    holds_are_for_administrators_with_both_scopes,
    what_is_refused_about_a_hold,
    a_hold_refuses_every_write_of_its_record,
    not_approved_record_not_approved,
    not_approved_in_review,
    record_locked_by_an_image_check_or_a_merge,
    cannot_process_the_record_is_in_stop_processing,
    a_held_record_counts_as_failed_in_a_job,
    a_held_record_is_not_mass_deleted,
    a_held_record_keeps_its_owner,
    a_hold_put_while_a_job_waits_is_seen_by_the_job,
    a_record_shows_what_holds_it,
    a_record_made_unapproved_waits_for_its_approval,
    of_two_holds_the_first_in_order_refuses,
}

const KINDS: [&str; 7] = [
    "approval",
    "approval_rejected",
    "review_pending",
    "review_rejected",
    "image_check",
    "merge",
    "stop",
];

/// The code and the sentence of what a hold refuses.
fn refusal(hold: &str) -> (&'static str, &'static str) {
    let odd = "Cannot update record that is not approved yet";
    match hold {
        "approval" | "approval_rejected" => ("NOT_APPROVED", "record not approved"),
        "review_pending" | "review_rejected" => ("NOT_APPROVED", odd),
        "image_check" | "merge" => ("RECORD_LOCKED", odd),
        _ => ("CANNOT_PROCESS", "The record is in stop processing"),
    }
}

/// The item of an answer about a record that is held so.
fn refused(hold: &str, id: &str) -> Json {
    let (code, text) = refusal(hold);
    error(code, text, &json!({ "id": id }))
}

fn native(api: &Api, method: &str, path: &str, body: &str) -> Reply {
    let token = api.token(api.user("admin"), "swathe.holds.ALL,ZohoCRM.modules.ALL");
    let path = format!("/swathe/v1/records/{path}");
    api.call_with(method, &path, &token, body.as_bytes())
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn put(api: &Api, module: &str, id: &str, hold: &str) {
    let reply = native(api, "PUT", &format!("{module}/{id}/holds/{hold}"), "");
    assert_eq!(reply.status, 201, "{}", reply.text);
}

fn lift(api: &Api, module: &str, id: &str, hold: &str) {
    let reply = native(api, "DELETE", &format!("{module}/{id}/holds/{hold}"), "");
    assert_eq!(reply.status, 204, "{}", reply.text);
}

/// A mass update by ids is refused so in every version, a write of the record alone too; and the
/// hold is real: taken off, the same request is done.
fn a_row_of_the_table(kind: Kind, holds: &[&str]) {
    let api = Api::start_demo(kind);
    let ada = api.caller("admin");
    let body = |id: &str| json!({ "data": [{ "Lead_Source": "Chat" }], "ids": [id] });
    for hold in holds {
        let lead = ada.make_leads(1).remove(0);
        put(&api, "Leads", &lead, hold);
        let wanted = in_data(&refused(hold, &lead));
        api.records_unchanged_by(|| {
            for version in Version::ALL {
                let ada = ada.speaking(version);
                let status = if is_old(version) { 200 } else { 400 };
                ada.mass_update("Leads", &body(&lead)).is(status, &wanted);
                let change = json!({ "data": [{ "Lead_Source": "Chat" }] });
                ada.put(&format!("Leads/{lead}"), &change)
                    .is(status, &wanted);
                ada.delete(&format!("Leads/{lead}")).is(status, &wanted);
            }
        });
        lift(&api, "Leads", &lead, hold);
        let reply = ada.mass_update("Leads", &body(&lead));
        assert_eq!(
            (reply.status, reply.codes()),
            (200, vec!["SUCCESS".to_owned()])
        );
        assert_eq!(ada.record("Leads", &lead)["Lead_Source"], "Chat");
    }
}

mod check {
    use super::*;

    pub(super) fn a_hold_is_put_seen_and_lifted_with_a_change_each(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let admin = api.user("admin").to_string();
        for hold in KINDS {
            let lead = ada.make_leads(1).remove(0);
            let path = format!("Leads/{lead}/holds/{hold}");
            let reply = native(&api, "PUT", &path, r#"{"reason":"Sampled"}"#);
            let id = reply.json()["id"].clone();
            let shown = |reason: Json| {
                json!({
                    "id": id, "kind": hold, "reason": reason, "actor": admin,
                    "at": "2024-01-01T00:00:00Z",
                })
            };
            reply.is(201, &shown(json!("Sampled")));
            // Putting it again changes its reason only.
            native(&api, "PUT", &path, r#"{"reason":"Again"}"#).is(200, &shown(json!("Again")));
            native(&api, "PUT", &path, "").is(200, &shown(Json::Null));
            let listed = json!({ "data": [shown(Json::Null)], "next_page_token": null });
            native(&api, "GET", &format!("Leads/{lead}/holds"), "").is(200, &listed);
            assert_eq!(native(&api, "DELETE", &path, "").status, 204);
            assert_eq!(native(&api, "DELETE", &path, "").status, 404);
            let causes: Vec<String> = api
                .rows("changes", &["record", "rev", "cause"])
                .into_iter()
                .filter(|row| row.contains(&lead))
                .map(|row| row.replace(&format!("changes: {lead} | "), ""))
                .collect();
            assert_eq!(causes, ["1 | api", "2 | hold", "3 | unhold"]);
        }
        assert!(api.rows("holds", &["id"]).is_empty());
    }

    pub(super) fn holds_are_for_administrators_with_both_scopes(kind: Kind) {
        let api = Api::start_demo(kind);
        let lead = api.caller("admin").make_leads(1).remove(0);
        let paths = [
            ("GET", format!("/swathe/v1/records/Leads/{lead}/holds")),
            ("PUT", format!("/swathe/v1/records/Leads/{lead}/holds/stop")),
            (
                "DELETE",
                format!("/swathe/v1/records/Leads/{lead}/holds/stop"),
            ),
        ];
        let both = "swathe.holds.ALL,ZohoCRM.modules.ALL";
        api.unchanged_by(|| {
            for (method, path) in &paths {
                let meera = api.token(api.user("meera"), both);
                let permissions = json!({ "permissions": ["Crm_Implied_Manage_Org"] });
                let reply = api.call(method, path, &meera);
                reply.is_error(403, "NO_PERMISSION", "permission denied", &permissions);
                for scopes in [
                    "swathe.holds.ALL",
                    "ZohoCRM.modules.ALL",
                    "swathe.holds.ALL,ZohoCRM.modules.deals.ALL",
                    "swathe.org.ALL,ZohoCRM.modules.ALL",
                ] {
                    let ada = api.token(api.user("admin"), scopes);
                    assert_eq!(
                        api.call(method, path, &ada).status,
                        401,
                        "{method} {scopes}"
                    );
                }
            }
        });
    }

    pub(super) fn what_is_refused_about_a_hold(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let kinds = json!(KINDS);
        let text = "a lock is put and lifted through Locking_Information__s of the wire API";
        let of_kind = json!({ "param_name": "kind", "supported_values": kinds });
        let lock = (400, error("INVALID_DATA", text, &of_kind));
        let text = "there is no such kind of hold";
        let no_kind = (400, error("INVALID_DATA", text, &of_kind));
        let no_record = (
            404,
            error("NOT_FOUND", "there is no such record", &json!({})),
        );
        let text = "the record is not there or not held so";
        let no_hold = (404, error("NOT_FOUND", text, &json!({})));
        let at = |name: &str| json!({ "api_name": name, "json_path": format!("$.{name}") });
        let long = {
            let mut details = at("reason");
            details["maximum_length"] = json!(3_000);
            (400, error("INVALID_DATA", "invalid data", &details))
        };
        let no_text = {
            let mut details = at("reason");
            details["expected_data_type"] = json!("string");
            (400, error("INVALID_DATA", "invalid data", &details))
        };
        let no_key = (
            400,
            error("INVALID_DATA", "there is no such key", &at("raeson")),
        );
        let of_body = json!({ "expected_data_type": "jsonobject" });
        let no_body = (400, error("INVALID_DATA", "body", &of_body));
        let too_long = json!({ "reason": "é".repeat(3_001) }).to_string();
        let stop = format!("Leads/{lead}/holds/stop");
        api.unchanged_by(|| {
            for (method, path, body, wanted) in [
                ("PUT", format!("Leads/{lead}/holds/lock"), "", &lock),
                ("DELETE", format!("Leads/{lead}/holds/lock"), "", &lock),
                ("PUT", format!("Leads/{lead}/holds/Stop"), "", &no_kind),
                ("DELETE", format!("Leads/{lead}/holds/x"), "", &no_kind),
                ("PUT", "Leads/5/holds/stop".to_owned(), "", &no_record),
                ("PUT", "Leads/x/holds/stop".to_owned(), "", &no_record),
                ("PUT", format!("Deals/{lead}/holds/stop"), "", &no_record),
                ("GET", format!("Deals/{lead}/holds"), "", &no_record),
                ("GET", "Leads/5/holds".to_owned(), "", &no_record),
                ("DELETE", stop.clone(), "", &no_hold),
                ("DELETE", "Leads/5/holds/stop".to_owned(), "", &no_hold),
                ("PUT", stop.clone(), too_long.as_str(), &long),
                ("PUT", stop.clone(), r#"{"reason":5}"#, &no_text),
                ("PUT", stop.clone(), r#"{"reason":""}"#, &no_text),
                ("PUT", stop.clone(), "{\"reason\":\"a\\u0000\"}", &no_text),
                ("PUT", stop.clone(), r#"{"raeson":"x"}"#, &no_key),
                ("PUT", stop.clone(), "[]", &no_body),
            ] {
                let reply = native(&api, method, &path, body);
                assert_eq!(
                    &(reply.status, reply.json()),
                    wanted,
                    "{method} {path} {body}"
                );
            }
        });
        let longest = json!({ "reason": "é".repeat(3_000) }).to_string();
        assert_eq!(native(&api, "PUT", &stop, &longest).status, 201);
    }

    pub(super) fn a_hold_refuses_every_write_of_its_record(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for hold in KINDS {
            let lead = ada.make_leads(1).remove(0);
            let locked = ada.make_leads(1).remove(0);
            let lock = ada.lock("Leads", &locked);
            put(&api, "Leads", &lead, hold);
            put(&api, "Leads", &locked, hold);
            let item = refused(hold, &lead);
            let change = json!({ "data": [{ "id": lead, "City": "Faro" }] });
            let world = json!([{ "id": api.territory("World") }]);
            let territories = json!({ "data": [{ "id": lead, "Territories": world }] });
            let reason = json!({ "data": [{ "Locked_Reason__s": "x" }] });
            let lock = format!("Leads/{locked}/Locking_Information__s/{lock}");
            let share = json!({ "share": [{
                "user": { "id": api.user("rohan").to_string() }, "permission": "read_only",
            }] });
            api.unchanged_by(|| {
                for reply in [
                    ada.put("Leads", &change),
                    ada.put(&format!("Leads/{lead}"), &change),
                    ada.delete(&format!("Leads?ids={lead}")),
                    ada.delete(&format!("Leads/{lead}")),
                    ada.post("Leads/actions/assign_territories", &territories),
                    ada.post("Leads/actions/remove_territories", &territories),
                ] {
                    reply.is(400, &in_data(&item));
                }
                let shared = ada.post(&format!("Leads/{lead}/actions/share"), &share);
                assert_eq!(shared.status, 400, "{}", shared.text);
                assert!(shared.text.contains(refusal(hold).1), "{}", shared.text);
                // Locking answers errors bare (wire API 14.1).
                ada.post(&format!("Leads/{lead}/Locking_Information__s"), &reason)
                    .is(400, &item);
                ada.put(&lock, &reason).is(400, &refused(hold, &locked));
                ada.delete(&lock).is(400, &refused(hold, &locked));
            });
            // Unlocking takes the lock off, and nothing else.
            lift(&api, "Leads", &locked, hold);
            put(
                &api,
                "Leads",
                &lead,
                if hold == "stop" { "merge" } else { "stop" },
            );
            assert_eq!(ada.delete(&lock).status, 200);
            let left = api.rows("holds", &["record"]);
            assert_eq!(left.iter().filter(|row| row.contains(&lead)).count(), 2);
            assert_eq!(left.iter().filter(|row| row.contains(&locked)).count(), 0);
        }
    }

    pub(super) fn not_approved_record_not_approved(kind: Kind) {
        a_row_of_the_table(kind, &["approval"]);
    }

    pub(super) fn not_approved_in_review(kind: Kind) {
        a_row_of_the_table(kind, &["review_pending", "review_rejected"]);
    }

    pub(super) fn record_locked_by_an_image_check_or_a_merge(kind: Kind) {
        a_row_of_the_table(kind, &["image_check", "merge"]);
    }

    pub(super) fn cannot_process_the_record_is_in_stop_processing(kind: Kind) {
        a_row_of_the_table(kind, &["stop"]);
    }

    pub(super) fn a_held_record_counts_as_failed_in_a_job(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(KINDS.len() + 2);
        for (lead, hold) in leads.iter().zip(KINDS) {
            put(&api, "Leads", lead, hold);
        }
        let cvid = api.view("Leads", "All Leads");
        let job = ada.schedule(&json!({ "data": [{ "Lead_Source": "Chat" }], "cvid": cvid }));
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [7, 2, 0, 9]);
        let outcomes = api.rows("job_outcomes", &["seq", "outcome", "code", "message"]);
        for (outcome, hold) in outcomes.iter().zip(KINDS) {
            let (code, text) = refusal(hold);
            assert!(
                outcome.ends_with(&format!("failed | {code} | {text}")),
                "{outcome}"
            );
        }
        assert_eq!(outcomes.len(), 7);
        for (n, lead) in leads.iter().enumerate() {
            let source = ada.record("Leads", lead)["Lead_Source"].clone();
            assert_eq!(
                source,
                if n < KINDS.len() {
                    Json::Null
                } else {
                    json!("Chat")
                }
            );
        }
    }

    pub(super) fn a_held_record_is_not_mass_deleted(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(KINDS.len() + 1);
        for (lead, hold) in leads.iter().zip(KINDS) {
            put(&api, "Leads", lead, hold);
        }
        let held = &leads[..KINDS.len()];
        let items = held
            .iter()
            .zip(KINDS)
            .map(|(lead, hold)| refused(hold, lead));
        let items: Vec<Json> = items.collect();
        api.records_unchanged_by(|| {
            for version in [Version::V4, Version::V7, Version::V8] {
                let body = json!({ "ids": held });
                let reply = ada
                    .speaking(version)
                    .post("Leads/actions/mass_delete", &body);
                assert_eq!((reply.status, reply.items()), (400, items.clone()));
            }
        });
        let body = json!({ "cvid": api.view("Leads", "All Leads") });
        let reply = ada.post("Leads/actions/mass_delete", &body);
        let job = reply.json()["data"][0]["details"]["job_id"].clone();
        api.run_jobs();
        let job = job.as_str().unwrap();
        let status = ada.get(&format!("Leads/actions/mass_delete?job_id={job}"));
        let wanted = json!({
            "Status": "COMPLETED", "Failed_Count": 7, "Deleted_Count": 1, "Total_Count": 8,
        });
        assert_eq!(status.items(), [wanted]);
        assert_eq!(api.rows("\"m_Leads\"", &["id"]).len(), 7);
        // What is deleted takes its holds along; what is not keeps them.
        assert_eq!(api.rows("holds", &["id"]).len(), 7);
    }

    pub(super) fn a_held_record_keeps_its_owner(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(KINDS.len() + 1);
        for (lead, hold) in leads.iter().zip(KINDS) {
            put(&api, "Leads", lead, hold);
        }
        let held = &leads[..KINDS.len()];
        let owner = json!({ "id": api.user("meera").to_string() });
        let codes: Vec<&str> = KINDS.iter().map(|hold| refusal(hold).0).collect();
        api.records_unchanged_by(|| {
            for version in [Version::V3, Version::V7, Version::V8] {
                let ada = ada.speaking(version);
                let many = json!({ "ids": held, "owner": owner });
                let reply = ada.post("Leads/actions/change_owner", &many);
                assert_eq!((reply.status, reply.codes()), (400, strings(&codes)));
                for (lead, code) in held.iter().zip(&codes) {
                    let path = format!("Leads/{lead}/actions/change_owner");
                    let reply = ada.post(&path, &json!({ "owner": owner }));
                    let told = reply.json();
                    assert_eq!((reply.status, told["code"].as_str()), (400, Some(*code)));
                    assert_eq!(told["details"]["id"], lead.as_str());
                }
            }
        });
        let body = json!({ "cvid": api.view("Leads", "All Leads"), "owner": owner });
        let reply = ada.post("Leads/actions/mass_change_owner", &body);
        let job = reply.json()["data"][0]["details"]["job_id"].clone();
        api.run_jobs();
        let job = job.as_str().unwrap();
        let status = ada.get(&format!("Leads/actions/mass_change_owner?job_id={job}"));
        let wanted = json!({
            "Total_Count": 8, "Updated_Count": 1, "Not_Updated_Count": 0, "Failed_Count": 7,
            "Status": "COMPLETED",
        });
        assert_eq!(status.items(), [wanted]);
        let outcomes = api.rows("job_outcomes", &["seq", "job", "code"]);
        let of_job = outcomes.iter().filter(|row| row.contains(job));
        let told: Vec<&str> = of_job.filter_map(|row| row.rsplit(" | ").next()).collect();
        assert_eq!(told, codes);
    }

    pub(super) fn a_hold_put_while_a_job_waits_is_seen_by_the_job(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        put(&api, "Leads", &leads[0], "merge");
        let cvid = api.view("Leads", "All Leads");
        let job = ada.schedule(&json!({ "data": [{ "Lead_Source": "Chat" }], "cvid": cvid }));
        lift(&api, "Leads", &leads[0], "merge");
        put(&api, "Leads", &leads[1], "merge");
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [1, 1, 0, 2]);
        assert_eq!(ada.record("Leads", &leads[0])["Lead_Source"], "Chat");
        assert_eq!(ada.record("Leads", &leads[1])["Lead_Source"], Json::Null);
    }

    pub(super) fn a_record_shows_what_holds_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin").speaking(Version::V2);
        let keys = [
            "$approval_state",
            "$approved",
            "$in_merge",
            "$locked_for_me",
            "$editable",
        ];
        for (hold, shown) in [
            ("", json!(["approved", true, false, false, true])),
            (
                "approval",
                json!(["approval_process_pending", false, false, false, false]),
            ),
            (
                "approval_rejected",
                json!(["approval_process_rejected", false, false, false, false]),
            ),
            (
                "review_pending",
                json!(["review_process_pending", false, false, false, false]),
            ),
            (
                "review_rejected",
                json!(["review_process_rejected", false, false, false, false]),
            ),
            (
                "image_check",
                json!(["zia_vision_validation", false, false, false, false]),
            ),
            ("merge", json!(["merge_pending", false, true, false, false])),
            ("stop", json!(["approved", true, false, false, false])),
            ("lock", json!(["approved", true, false, true, false])),
        ] {
            let lead = ada.make_leads(1).remove(0);
            match hold {
                "" => {}
                "lock" => drop(ada.lock("Leads", &lead)),
                hold => put(&api, "Leads", &lead, hold),
            }
            let listed = ada.get(&format!("Leads?ids={lead}")).items().remove(0);
            for record in [ada.record("Leads", &lead), listed] {
                let values: Vec<&Json> = keys.iter().map(|key| &record[*key]).collect();
                assert_eq!(json!(values), shown, "{hold}");
                assert_eq!(record["Locked__s"], hold == "lock");
            }
        }
    }

    pub(super) fn a_record_made_unapproved_waits_for_its_approval(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let data = json!({ "data": [
            { "Last_Name": "A", "$approved": false },
            { "$approved": false },
            { "Last_Name": "B", "$approved": true },
            { "Last_Name": "C" },
        ] });
        let items = ada.post("Leads", &data).items();
        let states: Vec<&Json> = items
            .iter()
            .map(|i| &i["details"]["$approval_state"])
            .collect();
        let pending = json!("approval_process_pending");
        let approved = json!("approved");
        assert_eq!(states, [&pending, &Json::Null, &approved, &approved]);
        let id = items[0]["details"]["id"].as_str().unwrap();
        assert_eq!(ada.record("Leads", id)["$approval_state"], pending);
        let change = json!({ "data": [{ "City": "Faro" }] });
        let one = format!("Leads/{id}");
        ada.put(&one, &change)
            .is(400, &in_data(&refused("approval", id)));
        // The record was made so: that is no further revision of it.
        assert_eq!(
            api.rows("holds", &["record", "kind"]),
            [format!("holds: {id} | approval")]
        );
        assert_eq!(api.rows("changes", &["rev"]).len(), 3);
        lift(&api, "Leads", id, "approval");
        assert_eq!(ada.put(&one, &change).status, 200);
        assert_eq!(ada.record("Leads", id)["$approval_state"], approved);
    }

    pub(super) fn of_two_holds_the_first_in_order_refuses(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        for hold in ["stop", "merge", "image_check"] {
            put(&api, "Leads", &lead, hold);
        }
        let change = json!({ "data": [{ "City": "Faro" }] });
        for hold in ["image_check", "merge", "stop"] {
            ada.put(&format!("Leads/{lead}"), &change)
                .is(400, &in_data(&refused(hold, &lead)));
            lift(&api, "Leads", &lead, hold);
        }
        assert_eq!(ada.put(&format!("Leads/{lead}"), &change).status, 200);
    }
}
