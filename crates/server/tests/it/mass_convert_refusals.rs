//! Mass conversion refused: each row of wire API 3.4 and 3.5, and that nothing was changed.

use crate::api::Api;
use crate::convert::converted;
use crate::demo::{Caller, error};
use model::people::Right;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    api_not_supported_before_v4,
    mandatory_not_found_for_ids_and_the_deals_name,
    invalid_data_for_ids_that_are_no_leads,
    invalid_data_for_an_assignee_who_does_not_match,
    non_subordinate_assignee,
    limit_exceeded_above_50_ids,
    ambiguity_and_expected_field_of_modules,
    invalid_data_for_other_keys,
    no_permission_to_convert_many,
    the_status_needs_a_job_of_this_kind,
    other_modules_are_not_converted,
}

const PATH: &str = "Leads/actions/mass_convert";

fn versions() -> impl Iterator<Item = Version> {
    Version::ALL.into_iter().filter(|v| *v >= Version::V4)
}

/// Asks in every version; each must refuse so and change nothing.
fn refuses(api: &Api, caller: &Caller<'_>, body: &Json, status: u16, wanted: &Json) {
    let before = api.tables();
    for version in versions() {
        caller.speaking(version).post(PATH, body).is(status, wanted);
    }
    assert_eq!(api.tables(), before);
}

fn invalid(name: &str, path: &str) -> Json {
    let details = json!({ "api_name": name, "json_path": path });
    error("INVALID_DATA", "invalid data", &details)
}

mod check {
    use super::*;

    pub(super) fn api_not_supported_before_v4(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "Mass Convert is not supported in this API version";
        let wanted = error(
            "API_NOT_SUPPORTED",
            text,
            &json!({ "supported_version": 4 }),
        );
        for version in [Version::V2, Version::V2_1, Version::V3] {
            ada.speaking(version)
                .post(PATH, &json!({}))
                .is(400, &wanted);
            ada.speaking(version).get(PATH).is(400, &wanted);
        }
    }

    pub(super) fn mandatory_not_found_for_ids_and_the_deals_name(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let details = json!({ "api_name": "ids", "json_path": "$.ids" });
        let wanted = error("MANDATORY_NOT_FOUND", "required field not found", &details);
        for body in [json!({}), json!({ "ids": null }), json!({ "ids": [] })] {
            refuses(&api, &ada, &body, 400, &wanted);
        }
        let details = json!({ "api_name": "Deal_Name", "json_path": "$.Deals.Deal_Name" });
        let wanted = error("MANDATORY_NOT_FOUND", "required field missing", &details);
        let deal = json!({ "Stage": "Qualification", "Closing_Date": "2031-06-30" });
        refuses(
            &api,
            &ada,
            &json!({ "ids": ids, "Deals": deal }),
            400,
            &wanted,
        );
    }

    pub(super) fn invalid_data_for_ids_that_are_no_leads(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let contact = ada
            .make("Contacts", &[json!({ "Last_Name": "C" })])
            .remove(0);
        for other in ["999999999999999999", contact.as_str()] {
            let body = json!({ "ids": [ids[0], other] });
            refuses(&api, &ada, &body, 400, &invalid("ids", "$.ids[1]"));
        }
        let mut wanted = invalid("ids", "$.ids[0]");
        wanted["details"]["expected_data_type"] = "long".into();
        refuses(&api, &ada, &json!({ "ids": ["x"] }), 400, &wanted);
        // One that was converted is a lead, and fails in the job.
        converted(&ada, &ids[0], &json!({}));
        assert_eq!(ada.post(PATH, &json!({ "ids": ids })).status, 200);
        // Numbers name leads, too.
        let number: i64 = ada.make_leads(1)[0].parse().unwrap();
        let old = ada.speaking(Version::V7);
        assert_eq!(old.post(PATH, &json!({ "ids": [number] })).status, 200);
    }

    pub(super) fn invalid_data_for_an_assignee_who_does_not_match(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let details = json!({ "api_name": "id", "json_path": "$.assignee.id" });
        let text = "Given assignee param does not match";
        let wanted = error("INVALID_DATA", text, &details);
        for id in ["999999999999999999", "x"] {
            let body = json!({ "ids": ids, "assign_to": { "id": id } });
            refuses(&api, &ada, &body, 400, &wanted);
        }
    }

    pub(super) fn non_subordinate_assignee(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(crate::owners::TO_SUBORDINATES);
        let ids = api.caller("oskar").make_leads(1);
        let admin = api.user_id("admin");
        let details = json!({ "api_name": "assign_to", "json_path": "$.assign_to.id" });
        let wanted = error("INVALID_DATA", "Non Subordinate User Found", &details);
        let body = json!({ "ids": ids, "assign_to": { "id": admin } });
        refuses(&api, &api.caller("oskar"), &body, 400, &wanted);
    }

    pub(super) fn limit_exceeded_above_50_ids(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(51);
        let due = json!([{ "api_name": "ids", "json_path": "$.ids" }]);
        let details = json!({ "limit": 50, "limit_due_to": due });
        let wanted = error(
            "LIMIT_EXCEEDED",
            "Limit exceeded for mass convert",
            &details,
        );
        refuses(&api, &ada, &json!({ "ids": ids }), 400, &wanted);
        assert_eq!(ada.post(PATH, &json!({ "ids": ids[1..] })).status, 200);
    }

    pub(super) fn ambiguity_and_expected_field_of_modules(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let id = |module: &str| api.catalog().module(module).unwrap().id.to_string();
        let both = json!([
            { "api_name": "id", "json_path": "$.related_modules[0].id" },
            { "api_name": "api_name", "json_path": "$.related_modules[0].api_name" },
        ]);
        let odd = json!([{ "api_name": "Tasks", "id": id("Calls") }]);
        let details = json!({ "ambiguity_due_to": both });
        let code = "AMBIGUITY_DURING_PROCESSING";
        let wanted = error(code, "two modules are different", &details);
        refuses(
            &api,
            &ada,
            &json!({ "ids": ids, "related_modules": odd }),
            400,
            &wanted,
        );
        let details = json!({ "expected_fields": both });
        let wanted = error(
            "EXPECTED_FIELD_MISSING",
            "Specify Atleast one field",
            &details,
        );
        let body = json!({ "ids": ids, "related_modules": [{}] });
        refuses(&api, &ada, &body, 400, &wanted);
        let by_id = json!([{ "id": id("Tasks") }, { "api_name": "Events", "id": id("Events") }]);
        let body = json!({ "ids": ids, "related_modules": by_id });
        assert_eq!(ada.post(PATH, &body).status, 200);
    }

    pub(super) fn invalid_data_for_other_keys(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let with = |key: &str, json: Json| {
            let mut body = json!({ "ids": ids });
            body[key] = json;
            body
        };
        for (body, name, path) in [
            (
                with("portal_user_type", json!({ "id": "1" })),
                "id",
                "$.portal_user_type.id",
            ),
            (
                with("apply_assignment_threshold", json!("yes")),
                "apply_assignment_threshold",
                "$.apply_assignment_threshold",
            ),
            (with("cvid", json!("1")), "cvid", "$.cvid"),
            (
                with("related_modules", json!([{ "api_name": "Deals" }])),
                "api_name",
                "$.related_modules[0].api_name",
            ),
            (
                with("carry_over_tags", json!([{ "id": "1" }])),
                "id",
                "$.carry_over_tags[0].id",
            ),
        ] {
            refuses(&api, &ada, &body, 400, &invalid(name, path));
        }
        for body in [
            with("apply_assignment_threshold", json!(false)),
            with("portal_user_type", json!(null)),
        ] {
            assert_eq!(ada.post(PATH, &body).status, 200);
        }
    }

    pub(super) fn no_permission_to_convert_many(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("oskar").make_leads(1);
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            for profile in &mut catalog.profiles {
                let rights = profile.modules.entry(leads).or_default();
                rights.retain(|right| *right != Right::Convert);
                profile.administrator = profile.administrator && profile.name != "Standard";
            }
        });
        let permissions = json!({ "permissions": ["Crm_Implied_Mass_Convert_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &permissions);
        let oskar = api.caller("oskar");
        refuses(&api, &oskar, &json!({ "ids": ids }), 403, &wanted);
        oskar.get(&format!("{PATH}?job_id=1")).is(403, &wanted);
    }

    pub(super) fn the_status_needs_a_job_of_this_kind(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let view = api.view("Leads", "All Leads");
        ada.make_leads(1);
        let other = ada.schedule(&json!({ "data": [{ "City": "Faro" }], "cvid": view }));
        for version in versions() {
            let caller = ada.speaking(version);
            let (missing, unknown) = if version == Version::V8 {
                ("job_id is required.", "The jobid given seems to be invalid")
            } else {
                (
                    "You have not specified the job_id in the request.",
                    "The job_id is invalid.",
                )
            };
            let details = json!({ "param": "job_id", "json_path": "$.job_id" });
            let wanted = error("REQUIRED_PARAM_MISSING", missing, &details);
            caller.get(PATH).is(400, &wanted);
            let wanted = error("INVALID_DATA", unknown, &json!({ "param_name": "job_id" }));
            for job in ["x", "1", other.as_str()] {
                caller.get(&format!("{PATH}?job_id={job}")).is(400, &wanted);
            }
        }
    }

    pub(super) fn other_modules_are_not_converted(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        for version in versions() {
            let path = "Contacts/actions/mass_convert";
            let reply = ada.speaking(version).post(path, &json!({ "ids": ids }));
            let code = if version == Version::V8 {
                "NOT_SUPPORTED"
            } else {
                "INVALID_MODULE"
            };
            assert_eq!(
                (reply.status, reply.json()["code"].as_str()),
                (400, Some(code))
            );
        }
    }
}
