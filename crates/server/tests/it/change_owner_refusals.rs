//! Change of owner of named records refused: each row of wire API 5, by its name, in every version
//! that has it, and that nothing was changed.

use crate::api::Api;
use crate::convert::converted;
use crate::demo::{Caller, error};
use crate::owners::{
    NOBODY, TO_SUBORDINATES, oskar, oskar_sees_tasks_only, refused, refused_record,
};
use model::access::Sharing;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    api_not_supported_before_v3,
    mandatory_not_found_for_ids_owner_and_its_id,
    invalid_data_the_owner_is_no_user_by_version,
    invalid_data_an_id_is_no_number,
    invalid_data_the_owner_is_not_a_subordinate,
    invalid_data_the_owner_is_not_active,
    invalid_data_the_owner_has_closed_their_account,
    invalid_data_the_owner_is_a_lite_user,
    not_allowed_for_a_service_provider,
    invalid_data_for_an_unknown_record,
    invalid_data_for_unknown_keys_and_wrong_types,
    limit_exceeded_above_500_ids,
    not_supported_for_a_refused_module_by_version,
    record_locked_by_version,
    cannot_process_a_stopped_record,
    cannot_perform_action_without_full_access,
    converted_record_is_left,
    unable_to_parse_what_is_no_json,
    no_permission_to_change_owners,
    cannot_assign_to_a_user_who_may_not_see_the_module,
    oauth_scope_mismatch,
}

const MANY: &str = "Leads/actions/change_owner";

fn one(id: &str) -> String {
    format!("Leads/{id}/actions/change_owner")
}

fn body(ids: &[String], owner: &str) -> Json {
    json!({ "ids": ids, "owner": { "id": owner } })
}

/// Asks for one lead to be given away, in both forms and in every version; all must be refused so.
fn refuses_owner(
    api: &Api,
    caller: &Caller<'_>,
    owner: &str,
    wanted: impl Fn(Version) -> (u16, Json),
) {
    let id = api.caller("admin").make_leads(1);
    let owner = api.user_id(owner);
    refused(
        api,
        caller,
        Version::V3,
        (MANY, &body(&id, &owner)),
        &wanted,
    );
    let alone = json!({ "owner": { "id": owner } });
    refused(api, caller, Version::V3, (&one(&id[0]), &alone), &wanted);
}

fn at_owner(text: &str, status: Option<&str>) -> Json {
    let mut details = json!({ "api_name": "id", "json_path": "$.owner.id" });
    if let Some(status) = status {
        details["owner_status"] = status.into();
    }
    let text = format!("The user to whom you are trying to transfer the records {text}.");
    error("INVALID_DATA", &text, &details)
}

mod check {
    use super::*;

    pub(super) fn api_not_supported_before_v3(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "Change Owner is not supported in this API version";
        let wanted = error(
            "API_NOT_SUPPORTED",
            text,
            &json!({ "supported_version": 3 }),
        );
        for version in [Version::V2, Version::V2_1] {
            for path in [MANY, &one(NOBODY)] {
                ada.speaking(version)
                    .post(path, &json!({}))
                    .is(400, &wanted);
            }
        }
    }

    pub(super) fn mandatory_not_found_for_ids_owner_and_its_id(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let owner = json!({ "id": api.user_id("oskar") });
        let alone = one(&ids[0]);
        for (path, body, name, at) in [
            (MANY, json!({ "owner": owner }), "ids", "$.ids"),
            (MANY, json!({ "owner": owner, "ids": [] }), "ids", "$.ids"),
            (MANY, json!({ "ids": ids }), "owner", "$.owner"),
            (MANY, json!({ "ids": ids, "owner": {} }), "id", "$.owner.id"),
            (alone.as_str(), json!({}), "owner", "$.owner"),
            (
                alone.as_str(),
                json!({ "owner": { "name": "O" } }),
                "id",
                "$.owner.id",
            ),
        ] {
            let details = json!({ "api_name": name, "json_path": at });
            let wanted = error("MANDATORY_NOT_FOUND", "required field not found", &details);
            refused(&api, &ada, Version::V3, (path, &body), |_| {
                (400, wanted.clone())
            });
        }
    }

    pub(super) fn invalid_data_the_owner_is_no_user_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        refused(
            &api,
            &ada,
            Version::V3,
            (MANY, &body(&ids, NOBODY)),
            |version| {
                (
                    400,
                    if version == Version::V8 {
                        let details = json!({ "api_name": "owner", "json_path": "$.owner.id" });
                        error("INVALID_DATA", "Invalid data provided", &details)
                    } else {
                        let details = json!({ "param_name": "owner_id" });
                        error("INVALID_DATA", "the owner id given is invalid", &details)
                    },
                )
            },
        );
    }

    pub(super) fn invalid_data_an_id_is_no_number(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let details = json!({
            "expected_data_type": "long", "api_name": "ids", "json_path": "$.ids[1]",
        });
        let wanted = error("INVALID_DATA", "invalid data", &details);
        for wrong in [json!("abc"), json!(1.5), json!(null), json!({ "id": 1 })] {
            let body = json!({ "ids": [ids[0], wrong], "owner": { "id": api.user_id("oskar") } });
            refused(&api, &ada, Version::V3, (MANY, &body), |_| {
                (400, wanted.clone())
            });
        }
    }

    pub(super) fn invalid_data_the_owner_is_not_a_subordinate(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(TO_SUBORDINATES);
        let wanted = at_owner("is not a subordinate", Some("include_subordinate_owners"));
        refuses_owner(&api, &api.caller("tomas"), "ines", |_| {
            (400, wanted.clone())
        });
    }

    pub(super) fn invalid_data_the_owner_is_not_active(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let wanted = at_owner("is not active", Some("inactive"));
        // Deactivated, and invited but not confirmed.
        for owner in ["piet", "sana"] {
            refuses_owner(&api, &ada, owner, |_| (400, wanted.clone()));
        }
    }

    pub(super) fn invalid_data_the_owner_has_closed_their_account(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(&oskar("status = \"deleted\""));
        let wanted = at_owner("has closed their account", Some("deleted"));
        refuses_owner(&api, &api.caller("admin"), "oskar", |_| {
            (403, wanted.clone())
        });
    }

    pub(super) fn invalid_data_the_owner_is_a_lite_user(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(&oskar("type = \"lite\""));
        let wanted = at_owner("is a Lite User", None);
        refuses_owner(&api, &api.caller("admin"), "oskar", |_| {
            (400, wanted.clone())
        });
    }

    pub(super) fn not_allowed_for_a_service_provider(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(&oskar("type = \"service_provider\""));
        let text = "Service Provider User can only be assigned to tasks, meetings, calls, and \
                    appointments";
        let details = json!({ "api_name": "id", "json_path": "$.owner.id" });
        let wanted = error("NOT_ALLOWED", text, &details);
        refuses_owner(&api, &api.caller("admin"), "oskar", |_| {
            (400, wanted.clone())
        });
    }

    pub(super) fn invalid_data_for_an_unknown_record(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let owner = api.user_id("oskar");
        let deal = json!({ "Deal_Name": "D", "Stage": "Qualification" });
        let deal = ada.make("Deals", &[deal]).remove(0);
        let text = "the id given seems to be invalid";
        for id in [NOBODY, &deal] {
            let item = error("INVALID_DATA", text, &json!({ "id": id }));
            let body = body(&[id.to_owned()], &owner);
            for version in crate::owners::from(Version::V3) {
                let reply = ada.speaking(version).post(MANY, &body);
                reply.is(400, &json!({ "data": [item] }));
            }
        }
        let wanted = error("INVALID_DATA", text, &json!({ "resource_path_index": 1 }));
        let alone = json!({ "owner": { "id": owner } });
        for id in [NOBODY, &deal, "abc"] {
            let path = one(id);
            refused_record(&api, &ada, Version::V3, (&path, &alone), |_| {
                (400, wanted.clone())
            });
        }
    }

    pub(super) fn invalid_data_for_unknown_keys_and_wrong_types(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let good = body(&ids, &api.user_id("oskar"));
        for (key, value, kind) in [
            ("id", json!(1), None),
            ("cvid", json!(1), None),
            ("ids", json!("1"), Some("jsonarray")),
            ("owner", json!("1"), Some("jsonobject")),
            ("notify", json!("yes"), Some("boolean")),
            ("related_modules", json!({}), Some("jsonarray")),
        ] {
            let mut details = json!({ "api_name": key, "json_path": format!("$.{key}") });
            if let Some(kind) = kind {
                details["expected_data_type"] = kind.into();
            }
            let mut body = good.clone();
            body[key] = value;
            let wanted = error("INVALID_DATA", "invalid data", &details);
            refused(&api, &ada, Version::V3, (MANY, &body), |_| {
                (400, wanted.clone())
            });
        }
    }

    pub(super) fn limit_exceeded_above_500_ids(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let owner = api.user_id("oskar");
        let details = json!({ "limit": 500, "api_name": "ids", "json_path": "$.ids" });
        let wanted = error("LIMIT_EXCEEDED", "Record count exceeded", &details);
        let ids: Vec<String> = (0..501)
            .map(|n| (9_000_000_000_000_000_i64 + n).to_string())
            .collect();
        refused(&api, &ada, Version::V3, (MANY, &body(&ids, &owner)), |_| {
            (400, wanted.clone())
        });
        api.seed_leads(9_000_000_000_000_000, 501);
        let reply = ada.post(MANY, &body(&ids[..500], &owner));
        assert_eq!((reply.status, reply.items().len()), (200, 500));
        assert_eq!(api.owned("Leads", "oskar"), 500);
    }

    pub(super) fn not_supported_for_a_refused_module_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let body = body(&[NOBODY.to_owned()], &api.user_id("oskar"));
        let details = json!({ "resource_path_index": 0 });
        refused(
            &api,
            &ada,
            Version::V3,
            ("Notes/actions/change_owner", &body),
            |version| {
                let (code, text) = match version {
                    Version::V8 => ("NOT_SUPPORTED", "The requested operation is not supported"),
                    _ => ("INVALID_MODULE", "The given module is not supported in API"),
                };
                (400, error(code, text, &details))
            },
        );
    }

    pub(super) fn record_locked_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        ada.lock("Leads", &ids[0]);
        let owner = api.user_id("oskar");
        let details = json!({ "action": "record_locking", "id": ids[0] });
        let locked = |version| {
            let text = match version {
                Version::V8 => "Sorry, you cannot perform this operation as the record is locked.",
                _ => "You cannot perform this operation as the record is locked.",
            };
            error("RECORD_LOCKED", text, &details)
        };
        // Alone it is bare, among others it stands in `data`.
        let alone = json!({ "owner": { "id": owner } });
        refused_record(
            &api,
            &ada,
            Version::V3,
            (&one(&ids[0]), &alone),
            |version| (400, locked(version)),
        );
        for version in crate::owners::from(Version::V3) {
            let reply = ada.speaking(version).post(MANY, &body(&ids, &owner));
            reply.is(400, &json!({ "data": [locked(version)] }));
        }
        assert_eq!(api.owned("Leads", "oskar"), 0);
    }

    pub(super) fn cannot_process_a_stopped_record(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(2);
        let token = api.token(api.user("admin"), "swathe.holds.ALL,ZohoCRM.modules.ALL");
        let path = format!("/swathe/v1/records/Leads/{}/holds/stop", ids[1]);
        let held = api.call_with("PUT", &path, &token, b"{}");
        assert!([200, 201].contains(&held.status), "{}", held.text);
        let owner = api.user_id("oskar");
        let text = "The record is in stop-processing state.";
        let details = json!({ "id": ids[1], "index": 1 });
        for version in crate::owners::from(Version::V3) {
            let reply = ada.speaking(version).post(MANY, &body(&ids, &owner));
            assert_eq!(reply.items()[1], error("CANNOT_PROCESS", text, &details));
        }
        let alone = json!({ "owner": { "id": owner } });
        let wanted = error("CANNOT_PROCESS", text, &json!({ "id": ids[1] }));
        refused_record(&api, &ada, Version::V3, (&one(&ids[1]), &alone), |_| {
            (400, wanted.clone())
        });
    }

    pub(super) fn cannot_perform_action_without_full_access(kind: Kind) {
        let api = Api::start_demo(kind);
        // All may change all leads; only those above an owner may give theirs away.
        api.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            let leads = modules.find(|module| module.api_name == "Leads");
            leads.unwrap().sharing = Sharing::PublicReadWrite;
        });
        let foreign = api.caller("joana").make_leads(1).remove(0);
        let rohan = api.caller("rohan");
        let own = rohan.make_leads(8);
        let owner = api.user_id("rohan");
        let text = "You do not have permission to change the owner of this record.";
        let details = json!({ "id": foreign, "index": 1 });
        for (version, own) in crate::owners::from(Version::V3).zip(&own) {
            let ids = [own.clone(), foreign.clone()];
            let reply = rohan.speaking(version).post(MANY, &body(&ids, &owner));
            let wanted = error("CANNOT_PERFORM_ACTION", text, &details);
            assert_eq!(
                (&*reply.codes()[0], &reply.items()[1]),
                ("SUCCESS", &wanted)
            );
        }
        let alone = json!({ "owner": { "id": owner } });
        let wanted = error("CANNOT_PERFORM_ACTION", text, &json!({ "id": foreign }));
        refused_record(&api, &rohan, Version::V3, (&one(&foreign), &alone), |_| {
            (403, wanted.clone())
        });
        let joana = api.user_id("joana");
        assert_eq!(
            api.caller("admin").record("Leads", &foreign)["Owner"]["id"],
            joana
        );
    }

    pub(super) fn converted_record_is_left(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        converted(&ada, &ids[0], &json!({}));
        let reply = ada.post(MANY, &body(&ids, &api.user_id("oskar")));
        assert_eq!(
            (reply.status, reply.codes()),
            (400, vec!["CONVERTED_RECORD".to_owned()])
        );
        assert_eq!(api.owned("Leads", "oskar"), 0);
    }

    pub(super) fn unable_to_parse_what_is_no_json(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "either the request body or parameters is in wrong format";
        let wanted = error("UNABLE_TO_PARSE_DATA_TYPE", text, &json!({}));
        for body in ["", "{", "{\"ids\":[1]}}", "ids=1"] {
            ada.send("POST", MANY, &[], body.as_bytes())
                .is(400, &wanted);
        }
        let details = json!({ "expected_data_type": "jsonobject" });
        let wanted = error("INVALID_DATA", "body", &details);
        ada.send("POST", MANY, &[], b"[]").is(400, &wanted);
    }

    pub(super) fn no_permission_to_change_owners(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "You do not have permission to perform this operation";
        let details = json!({ "permissions": ["Crm_Implied_Change_Owner_Leads"] });
        let wanted = error("NO_PERMISSION", text, &details);
        // To update many at once is not to give them away.
        refuses_owner(&api, &api.caller("carla"), "oskar", |_| {
            (403, wanted.clone())
        });
    }

    pub(super) fn cannot_assign_to_a_user_who_may_not_see_the_module(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(&oskar_sees_tasks_only());
        let text = "The user you are trying to assign does not have permission for this module.";
        let details = json!({ "permissions": ["Crm_Implied_Role_View_Leads"] });
        let wanted = error("CANNOT_ASSIGN", text, &details);
        refuses_owner(&api, &api.caller("admin"), "oskar", |_| {
            (403, wanted.clone())
        });
    }

    pub(super) fn oauth_scope_mismatch(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "invalid oauth scope to access this URL";
        let wanted = error("OAUTH_SCOPE_MISMATCH", text, &json!({}));
        let caller = api.caller_with("admin", "ZohoCRM.change_owner.READ,ZohoCRM.modules.ALL");
        for path in [MANY, &one(NOBODY)] {
            refused(&api, &caller, Version::V3, (path, &json!({})), |_| {
                (401, wanted.clone())
            });
        }
    }
}
