//! Locking a record by hand (wire API 14.1).

use crate::api::Api;
use crate::demo::error;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_lock_is_put_read_explained_and_lifted,
    a_locked_record_is_left_alone_by_everything,
    what_is_refused_about_records_and_locks,
    what_is_refused_in_a_reason,
    fields_that_a_lock_leaves_open_may_be_changed,
    profiles_that_a_lock_does_not_affect,
    the_configuration_of_a_module_is_shown,
}

/// Locks of leads leave two fields open, and do not affect one profile.
const OPEN: &str = "[[module]]\napi_name = \"Leads\"\nlock_excluded_fields = [\"City\", \"State\"]\n\
                    lock_excluded_profiles = [\"Care Desk\"]\n";

fn apply(api: &Api, text: &str) {
    let token = api.token(api.user("admin"), "swathe.org.ALL");
    let body = json!({ "org": text }).to_string();
    let reply = api.call_with("PUT", "/swathe/v1/org", &token, body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text);
}

mod check {
    use super::*;

    pub(super) fn a_lock_is_put_read_explained_and_lifted(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, meera) = (api.caller("admin"), api.caller("meera"));
        let lead = ada
            .make(
                "Leads",
                &[json!({ "First_Name": "Ann", "Last_Name": "Lee" })],
            )
            .remove(0);
        let path = format!("Leads/{lead}/Locking_Information__s");
        assert_eq!(ada.get(&format!("{path}?fields=id")).status, 204);
        let by = json!({ "name": "Meera Kulkarni", "id": api.user("meera").to_string() });
        let at = "2024-01-01T05:30:00+05:30";
        let reason = json!({ "data": [{ "Locked_Reason__s": "Being signed" }] });
        let reply = meera.post(&path, &reason);
        let lock = reply.ids().remove(0);
        let details = json!({
            "Modified_Time": at, "Modified_By": by, "Created_Time": at, "id": lock, "Created_By": by,
        });
        let added = json!({
            "code": "SUCCESS", "details": details, "message": "record added", "status": "success",
        });
        reply.is(201, &json!({ "data": [added] }));
        let module = api.catalog().module("Leads").unwrap().id.to_string();
        let of_module = module.clone();
        let shown = |reason: Json| {
            json!({
                "id": lock,
                "Locked_For__s": {
                    "module": { "api_name": "Leads", "id": module }, "name": "Ann Lee", "id": lead,
                },
                "Locked_By__s": by,
                "Locked_Reason__s": reason,
                "Lock_Source__s": "Manual",
                "Locked_Time__s": at,
                "Record_Locking_Configuration_Id__s": of_module,
                "Record_Locking_Rule_Id__s": null,
                "$editable": true,
                "$sharing_permission": "full_access",
            })
        };
        let one = format!("{path}/{lock}");
        for path in [&format!("{path}?fields=Locked_Reason__s,Owner"), &one] {
            let reply = meera.get(path);
            assert_eq!(
                (reply.status, reply.items()),
                (200, vec![shown(json!("Being signed"))])
            );
            assert_eq!(reply.json()["info"]["count"], 1);
        }
        let record = ada.record("Leads", &lead);
        for (key, wanted) in [
            ("Locked__s", true),
            ("$locked_for_me", true),
            ("$editable", false),
        ] {
            assert_eq!(record[key], wanted, "{key}");
        }
        let done = |message: &str| {
            let details = json!({ "id": lock });
            json!({ "data": [
                { "code": "SUCCESS", "details": details, "message": message, "status": "success" }
            ] })
        };
        for reason in [json!("Signed"), Json::Null] {
            let body = json!({ "data": [{ "Locked_Reason__s": reason }] });
            meera.put(&one, &body).is(200, &done("relation updated"));
            assert_eq!(meera.get(&one).items(), [shown(reason)]);
        }
        meera.delete(&one).is(200, &done("relation removed"));
        assert_eq!(ada.get(&one).status, 204);
        assert_eq!(ada.record("Leads", &lead)["Locked__s"], false);
        // Each of both is a revision of the record with its own cause, and no change of its time.
        let causes = api.rows("changes", &["rev", "cause"]);
        assert_eq!(
            causes,
            [
                "changes: 1 | api",
                "changes: 2 | lock",
                "changes: 3 | unlock"
            ]
        );
        assert_eq!(
            ada.record("Leads", &lead)["Modified_By"]["name"],
            "Ada Kestrel"
        );
    }

    pub(super) fn a_locked_record_is_left_alone_by_everything(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        ada.lock("Leads", &lead);
        let world = json!([{ "id": api.territory("World") }]);
        let change = json!({ "data": [{ "id": lead, "City": "Faro" }] });
        let territories = json!({ "data": [{ "id": lead, "Territories": world }] });
        let text = "Sorry, you cannot perform this operation as the record is locked.";
        let details = json!({ "action": "record_locking", "id": lead });
        let wanted = json!({ "data": [error("RECORD_LOCKED", text, &details)] });
        api.unchanged_by(|| {
            for reply in [
                ada.put("Leads", &change),
                ada.put(&format!("Leads/{lead}"), &change),
                ada.delete(&format!("Leads?ids={lead}")),
                ada.delete(&format!("Leads/{lead}")),
                ada.post("Leads/actions/assign_territories", &territories),
                ada.post("Leads/actions/remove_territories", &territories),
            ] {
                reply.is(400, &wanted);
            }
        });
    }

    pub(super) fn what_is_refused_about_records_and_locks(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        let ids = ada.make_leads(2);
        let (lead, other) = (&ids[0], &ids[1]);
        let deal = json!({ "Deal_Name": "A", "Stage": "Closed Won" });
        let deal = ada.make("Deals", &[deal]).remove(0);
        let lock = ada.lock("Leads", lead);
        api.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            modules.find(|m| m.api_name == "Contacts").unwrap().locking = false;
        });
        let contact = ada
            .make("Contacts", &[json!({ "Last_Name": "A" })])
            .remove(0);
        let at = |n: i64| json!({ "resource_path_index": n });
        let locked = (
            403,
            error("NOT_ALLOWED", "Record is already locked.", &at(1)),
        );
        let text = "the related id given seems to be invalid";
        let no_record = (400, error("INVALID_DATA", text, &at(1)));
        let text = "the relation id given seems to be invalid";
        let no_lock = (400, error("INVALID_DATA", text, &at(3)));
        let text = "Required Record Locking Configuration is not present";
        let no_locking = (400, error("NOT_ALLOWED", text, &at(0)));
        let permission = json!({ "permissions": ["Crm_Implied_Edit_Deals"] });
        let denied = (
            403,
            error("NO_PERMISSION", "permission denied", &permission),
        );
        let foreign = format!("Leads/{other}|/{lock}");
        let cases = [
            (&ada, "POST", format!("Leads/{lead}|"), &locked),
            (&ada, "POST", "Leads/5|".to_owned(), &no_record),
            (&ada, "POST", format!("Leads/{deal}|"), &no_record),
            (&ada, "POST", "Leads/x|".to_owned(), &no_record),
            (&ada, "PUT", foreign.clone(), &no_lock),
            (&ada, "DELETE", foreign, &no_lock),
            (&ada, "DELETE", format!("Leads/{lead}|/5"), &no_lock),
            (&ada, "DELETE", format!("Leads/{lead}|/x"), &no_lock),
            (&ada, "POST", format!("Contacts/{contact}|"), &no_locking),
            (&carla, "POST", format!("Deals/{deal}|"), &denied),
            (&carla, "DELETE", "Deals/x|/x".to_owned(), &denied),
        ];
        api.unchanged_by(|| {
            for (caller, method, path, wanted) in &cases {
                let path = path.replace('|', "/Locking_Information__s");
                let reply = caller.send(method, &path, &[], br#"{"data":[{}]}"#);
                assert_eq!(&(reply.status, reply.json()), *wanted, "{method} {path}");
            }
        });
        let of = |module: &str, id: &str, rest: &str| {
            format!("{module}/{id}/Locking_Information__s{rest}")
        };
        let details = json!({ "param_name": "fields" });
        let text = "One of the expected parameter is missing";
        let wanted = error("REQUIRED_PARAM_MISSING", text, &details);
        ada.get(&of("Leads", lead, "")).is(400, &wanted);
        for id in ["5", &deal, other] {
            assert_eq!(ada.get(&of("Leads", id, "?fields=id")).status, 204);
        }
        // Another module's path does not show the lock.
        assert_eq!(ada.get(&of("Deals", lead, &format!("/{lock}"))).status, 204);
    }

    pub(super) fn what_is_refused_in_a_reason(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let path = format!("Leads/{lead}/Locking_Information__s");
        let reason = |json: Json| json!({ "data": [{ "Locked_Reason__s": json }] });
        let of_reason = ("Locked_Reason__s", "$.data[0].Locked_Reason__s");
        let of_data = ("data", "$.data");
        let two = json!({ "data": [{}, {}] });
        let long = reason(json!("é".repeat(3_001)));
        api.unchanged_by(|| {
            for (body, (name, at), key, value) in [
                (long, of_reason, "maximum_length", json!(3_000)),
                (
                    reason(json!(5)),
                    of_reason,
                    "expected_data_type",
                    json!("text"),
                ),
                (
                    reason(json!("a\u{0}")),
                    of_reason,
                    "expected_data_type",
                    json!("text"),
                ),
                (two, of_data, "maximum_length", json!(1)),
                (
                    json!({ "data": "x" }),
                    of_data,
                    "expected_data_type",
                    json!("jsonarray"),
                ),
            ] {
                let details = json!({ "api_name": name, "json_path": at, key: value });
                let wanted = error("INVALID_DATA", "invalid data", &details);
                ada.post(&path, &body).is(400, &wanted);
            }
        });
        let details = json!({ "api_name": "data", "json_path": "$.data" });
        let missing = error("MANDATORY_NOT_FOUND", "required field not found", &details);
        for body in [json!({}), json!({ "data": [] })] {
            ada.post(&path, &body)
                .is(400, &json!({ "data": [missing] }));
        }
        let longest = reason(json!("é".repeat(3_000)));
        assert_eq!(ada.post(&path, &longest).status, 201);
    }

    pub(super) fn fields_that_a_lock_leaves_open_may_be_changed(kind: Kind) {
        let api = Api::start_demo(kind);
        apply(&api, OPEN);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        ada.lock("Leads", &lead);
        let path = format!("Leads/{lead}");
        let text = "Sorry, you cannot perform this operation as the record is locked.";
        let details = json!({ "action": "record_locking", "id": lead });
        let locked = json!({ "data": [error("RECORD_LOCKED", text, &details)] });
        api.unchanged_by(|| {
            for change in [
                json!({ "Street": "x" }),
                json!({ "City": "x", "Street": "x" }),
                json!({}),
            ] {
                ada.put(&path, &json!({ "data": [change] }))
                    .is(400, &locked);
            }
            ada.delete(&path).is(400, &locked);
        });
        let both = json!({ "data": [{ "City": "Faro", "State": "Algarve" }] });
        assert_eq!(ada.put(&path, &both).status, 200);
        let many = json!({ "data": [{ "City": "Olhão" }], "ids": [lead] });
        assert_eq!(ada.mass_update("Leads", &many).codes(), ["SUCCESS"]);
        let record = ada.record("Leads", &lead);
        assert_eq!(
            (&record["City"], &record["State"]),
            (&json!("Olhão"), &json!("Algarve"))
        );
        assert_eq!(record["Locked__s"], true);
        // Another hold leaves nothing open.
        let token = api.token(api.user("admin"), "swathe.holds.ALL,ZohoCRM.modules.ALL");
        let hold = format!("/swathe/v1/records/Leads/{lead}/holds/stop");
        assert_eq!(api.call("PUT", &hold, &token).status, 201);
        assert_eq!(ada.put(&path, &both).codes(), ["CANNOT_PROCESS"]);
    }

    pub(super) fn profiles_that_a_lock_does_not_affect(kind: Kind) {
        let api = Api::start_demo(kind);
        apply(&api, OPEN);
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        let lead = carla.make_leads(1).remove(0);
        ada.lock("Leads", &lead);
        let change = json!({ "data": [{ "Street": "Rua 1" }] });
        let path = format!("Leads/{lead}");
        assert_eq!(ada.put(&path, &change).codes(), ["RECORD_LOCKED"]);
        assert_eq!(carla.put(&path, &change).status, 200);
        for (who, locked) in [(&ada, true), (&carla, false)] {
            let record = who.record("Leads", &lead);
            assert_eq!(record["Street"], "Rua 1");
            assert_eq!(record["Locked__s"], true);
            assert_eq!(record["$locked_for_me"], locked);
            assert_eq!(record["$editable"], !locked);
        }
    }

    pub(super) fn the_configuration_of_a_module_is_shown(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let path = "settings/record_locking_configurations";
        let id = |module: &str| api.catalog().module(module).unwrap().id.to_string();
        let leads = id("Leads");
        let shown = |reply: crate::api::Reply| {
            assert_eq!(reply.status, 200, "{}", reply.text);
            reply.json()["record_locking_configurations"][0].clone()
        };
        let before = shown(ada.get(&format!("{path}?module=Leads")));
        assert_eq!(before["locked_for"], "all_profiles");
        assert_eq!(
            (
                &before["excluded_fields"],
                &before["lock_excluded_profiles"]
            ),
            (&json!([]), &json!([]))
        );
        apply(&api, OPEN);
        let catalog = api.catalog();
        let field = |name: &str| {
            let id = catalog.module("Leads").unwrap().field(name).unwrap().id;
            json!({ "api_name": name, "id": id.to_string() })
        };
        let desk = catalog
            .profiles
            .iter()
            .find(|p| p.name == "Care Desk")
            .unwrap()
            .id;
        let wanted = json!({
            "id": leads,
            "lock_type": "manual",
            "locked_for": "all_profiles_except_excluded_profile",
            "excluded_fields": [field("City"), field("State")],
            "lock_excluded_profiles": [{ "name": "Care Desk", "id": desk.to_string() }],
            "locking_rules": [],
            "restricted_actions": ["update", "delete", "change_owner", "blueprint"],
            "restricted_communications": [],
            "restricted_custom_buttons": [],
            "lock_for_portal_users": false,
            "feature_type": "record_locking",
            "system_defined": false,
            "created_by": null,
            "created_time": null,
            "modified_by": null,
            "modified_time": null,
        });
        assert_eq!(shown(ada.get(&format!("{path}?module=Leads"))), wanted);
        assert_eq!(
            shown(ada.get(&format!("{path}/{leads}?module=Leads"))),
            wanted
        );
        assert_eq!(ada.get(&format!("{path}/5?module=Leads")).status, 204);
        assert_eq!(ada.get(&format!("{path}/{leads}?module=Deals")).status, 204);
        api.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            modules.find(|m| m.api_name == "Deals").unwrap().locking = false;
        });
        assert_eq!(ada.get(&format!("{path}?module=Deals")).status, 204);
        let missing = json!({ "param_name": "module" });
        let text = "One of the expected parameter is missing";
        ada.get(path)
            .is(400, &error("REQUIRED_PARAM_MISSING", text, &missing));
        let reader = api.caller_with("admin", "ZohoCRM.settings.fields.READ");
        assert_eq!(reader.get(&format!("{path}?module=Leads")).status, 401);
    }
}
