//! Mass change of owner refused: each row of wire API 2.4, by its name, in every version that has it.
//! Every refusal is bare, and nothing was changed by it.

use crate::api::Api;
use crate::demo::{Caller, error};
use crate::owners::{NOBODY, TO_SUBORDINATES, oskar, oskar_sees_tasks_only, refused};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    api_not_supported_before_v4,
    mandatory_not_found_for_cvid_owner_and_its_id,
    invalid_data_the_cvid_given_seems_to_be_invalid,
    invalid_data_the_cvid_is_no_number,
    no_permission_for_a_view_that_is_not_shared,
    invalid_data_for_an_unknown_territory,
    invalid_data_owner_is_not_a_crm_user,
    invalid_data_owner_is_inactive,
    invalid_data_owner_is_deleted,
    invalid_data_the_value_given_is_invalid,
    invalid_data_for_an_unknown_key_and_criteria_before_v6,
    invalid_data_the_owner_is_not_a_subordinate,
    invalid_module_and_not_supported_by_version,
    record_limit_exceeded_above_50000,
    combined_criteria_limit_exceeded,
    expected_field_missing_in_criteria,
    ambiguity_when_api_name_and_id_name_different_fields,
    dependent_field_missing_without_comparator_or_value,
    invalid_data_for_criteria_over_a_hidden_field,
    not_allowed_for_a_service_provider,
    cannot_assign_to_a_user_who_may_not_see_the_module,
    no_records_found,
    no_permission_to_transfer,
    no_permission_when_the_owner_is_read_only,
    already_scheduled_while_any_job_runs_on_the_view,
    invalid_data_body,
    invalid_request_method,
    oauth_scope_mismatch,
    internal_error_when_the_table_is_gone,
}

const PATH: &str = "Leads/actions/mass_change_owner";

fn body(api: &Api, owner: &str) -> Json {
    json!({ "cvid": api.view("Leads", "All Leads"), "owner": { "id": owner } })
}

fn with(mut body: Json, key: &str, value: Json) -> Json {
    body[key] = value;
    body
}

/// Asks for `body` in every version; each must be refused so, and change nothing.
fn refuses(api: &Api, caller: &Caller<'_>, body: &Json, status: u16, wanted: &Json) {
    refused(api, caller, Version::V4, (PATH, body), |_| {
        (status, wanted.clone())
    });
}

/// Asks with criteria in every version that has them.
fn refuses_criteria(api: &Api, caller: &Caller<'_>, criteria: &Json, wanted: &Json) {
    let body = with(
        body(api, &api.user_id("oskar")),
        "criteria",
        criteria.clone(),
    );
    refused(api, caller, Version::V6, (PATH, &body), |_| {
        (400, wanted.clone())
    });
}

/// What an owner who is no good is refused with.
fn unfit(api: &Api, owner: &str, status: &str) {
    let ada = api.caller("admin");
    ada.make_leads(1);
    let details = json!({ "api_name": "owner", "json_path": "$.owner.id", "owner_status": status });
    let wanted = error("INVALID_DATA", "Invalid data provided", &details);
    refuses(api, &ada, &body(api, owner), 400, &wanted);
}

mod check {
    use super::*;

    pub(super) fn api_not_supported_before_v4(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "Mass Change Owner is not supported in this API version";
        let wanted = error(
            "API_NOT_SUPPORTED",
            text,
            &json!({ "supported_version": 4 }),
        );
        for version in [Version::V2, Version::V2_1, Version::V3] {
            let caller = ada.speaking(version);
            caller.post(PATH, &body(&api, "1")).is(400, &wanted);
            caller.get(&format!("{PATH}?job_id=1")).is(400, &wanted);
        }
    }

    pub(super) fn mandatory_not_found_for_cvid_owner_and_its_id(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let good = body(&api, &api.user_id("oskar"));
        let cases = [
            (json!({ "owner": good["owner"] }), "cvid", "$.cvid"),
            (with(good.clone(), "cvid", Json::Null), "cvid", "$.cvid"),
            (json!({ "cvid": good["cvid"] }), "owner", "$.owner"),
            (with(good.clone(), "owner", json!({})), "id", "$.owner.id"),
        ];
        for (body, name, path) in cases {
            refused(&api, &ada, Version::V4, (PATH, &body), |version| {
                let text = match version {
                    Version::V8 => "Required field is missing",
                    _ => "required field not found",
                };
                let details = json!({ "api_name": name, "json_path": path });
                (400, error("MANDATORY_NOT_FOUND", text, &details))
            });
        }
    }

    pub(super) fn invalid_data_the_cvid_given_seems_to_be_invalid(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "api_name": "cvid", "json_path": "$.cvid" });
        let wanted = error(
            "INVALID_DATA",
            "the cvid given seems to be invalid",
            &details,
        );
        let good = body(&api, &api.user_id("oskar"));
        for cvid in [NOBODY.to_owned(), api.view("Deals", "All Deals")] {
            refuses(
                &api,
                &ada,
                &with(good.clone(), "cvid", json!(cvid)),
                400,
                &wanted,
            );
        }
    }

    pub(super) fn invalid_data_the_cvid_is_no_number(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "api_name": "cvid", "expected_data_type": "long" });
        let wanted = error(
            "INVALID_DATA",
            "the cvid given seems to be invalid",
            &details,
        );
        let good = body(&api, &api.user_id("oskar"));
        for cvid in [
            json!("All Leads"),
            json!({ "id": 1 }),
            json!(1.5),
            json!(""),
        ] {
            refuses(&api, &ada, &with(good.clone(), "cvid", cvid), 400, &wanted);
        }
    }

    pub(super) fn no_permission_for_a_view_that_is_not_shared(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(
            "[[module]]\napi_name = \"Leads\"\n[[module.view]]\nname = \"Ada's own\"\n\
             owner = \"admin@kestrel-rowe.example.com\"\ncriteria = \"(City:equals:Faro)\"\n\
             fields = [\"City\"]\naudience = \"owner\"\n",
        );
        let cvid = json!(api.view("Leads", "Ada's own"));
        let body = with(body(&api, &api.user_id("oskar")), "cvid", cvid);
        let details = json!({ "api_name": "cvid" });
        let wanted = error("NO_PERMISSION", "Customview not accessible", &details);
        refuses(&api, &api.caller("ines"), &body, 403, &wanted);
    }

    pub(super) fn invalid_data_for_an_unknown_territory(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "api_name": "id", "json_path": "$.territory.id" });
        let wanted = error("INVALID_DATA", "the id given seems to be invalid", &details);
        let good = body(&api, &api.user_id("oskar"));
        for territory in [json!({ "id": NOBODY }), json!({ "id": "North" }), json!({})] {
            refuses(
                &api,
                &ada,
                &with(good.clone(), "territory", territory),
                400,
                &wanted,
            );
        }
    }

    pub(super) fn invalid_data_owner_is_not_a_crm_user(kind: Kind) {
        let api = Api::start_demo(kind);
        unfit(&api, NOBODY, "not_crm_user");
        // Invited, and has not confirmed.
        unfit(&api, &api.user_id("sana"), "not_crm_user");
    }

    pub(super) fn invalid_data_owner_is_inactive(kind: Kind) {
        let api = Api::start_demo(kind);
        unfit(&api, &api.user_id("piet"), "inactive");
    }

    pub(super) fn invalid_data_owner_is_deleted(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(&oskar("status = \"deleted\""));
        unfit(&api, &api.user_id("oskar"), "deleted");
    }

    pub(super) fn invalid_data_the_value_given_is_invalid(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let good = body(&api, &api.user_id("oskar"));
        for (key, value) in [
            ("owner", json!("7")),
            ("territory", json!([])),
            ("territory", json!(7)),
            // Not the whole view (wire API 22).
            ("territory", Json::Null),
        ] {
            let details = json!({
                "api_name": key, "json_path": format!("$.{key}"),
                "expected_data_type": "jsonobject",
            });
            let wanted = error("INVALID_DATA", "the value given is invalid", &details);
            refuses(&api, &ada, &with(good.clone(), key, value), 400, &wanted);
        }
        let details = json!({
            "api_name": "criteria", "json_path": "$.criteria", "expected_data_type": "jsonobject",
        });
        let wanted = error("INVALID_DATA", "the value given is invalid", &details);
        refuses_criteria(&api, &ada, &json!([]), &wanted);
        refuses_criteria(&api, &ada, &Json::Null, &wanted);
        let details = json!({
            "api_name": "id", "json_path": "$.owner.id", "expected_data_type": "long",
        });
        let wanted = error("INVALID_DATA", "the value given is invalid", &details);
        refuses(&api, &ada, &body(&api, "Oskar"), 400, &wanted);
    }

    pub(super) fn invalid_data_for_an_unknown_key_and_criteria_before_v6(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let good = body(&api, &api.user_id("oskar"));
        let unknown = |key: &str| {
            let details = json!({ "api_name": key, "json_path": format!("$.{key}") });
            error("INVALID_DATA", "invalid data", &details)
        };
        let ids = with(good.clone(), "ids", json!([]));
        refuses(&api, &ada, &ids, 400, &unknown("ids"));
        let criteria = json!({
            "field": { "api_name": "City" }, "comparator": "equal", "value": "Faro",
        });
        let narrowed = with(good, "criteria", criteria);
        for version in [Version::V4, Version::V5] {
            let reply = ada.speaking(version).post(PATH, &narrowed);
            reply.is(400, &unknown("criteria"));
        }
    }

    pub(super) fn invalid_data_the_owner_is_not_a_subordinate(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(TO_SUBORDINATES);
        let text = "The user to whom you are trying to transfer the records is  not a \
                    subordinate user.";
        let wanted = error("INVALID_DATA", text, &json!({ "param_name": "owner_id" }));
        let tomas = api.caller("tomas");
        // Above him, beside him, elsewhere.
        for owner in ["ines", "meera", "carla"] {
            refuses(&api, &tomas, &body(&api, &api.user_id(owner)), 400, &wanted);
        }
    }

    pub(super) fn invalid_module_and_not_supported_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let body = body(&api, &api.user_id("oskar"));
        let details = json!({ "resource_path_index": 0 });
        let unknown = error(
            "INVALID_MODULE",
            "the module name given seems to be invalid",
            &details,
        );
        let path = "Leads_Of_Mine/actions/mass_change_owner";
        refused(&api, &ada, Version::V4, (path, &body), |_| {
            (400, unknown.clone())
        });
        let path = "Notes/actions/mass_change_owner";
        refused(&api, &ada, Version::V4, (path, &body), |version| {
            let (code, text) = match version {
                Version::V8 => ("NOT_SUPPORTED", "The requested operation is not supported"),
                _ => ("INVALID_MODULE", "The given module is not supported in API"),
            };
            (400, error(code, text, &details))
        });
    }

    pub(super) fn record_limit_exceeded_above_50000(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.seed_leads(9_000_000_000_000_000, 50_001);
        let text = "The number of records exceeds the limit";
        let wanted = error("RECORD_LIMIT_EXCEEDED", text, &json!({ "limit": 50_000 }));
        let body = body(&api, &api.user_id("oskar"));
        for version in [Version::V4, Version::V7, Version::V8] {
            ada.speaking(version).post(PATH, &body).is(400, &wanted);
        }
        assert_eq!(api.number("SELECT count(*) FROM jobs"), 0);
    }

    pub(super) fn combined_criteria_limit_exceeded(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let one =
            json!({ "field": { "api_name": "City" }, "comparator": "equal", "value": "Faro" });
        let catalog = api.catalog();
        let mut views = catalog.module("Leads").unwrap().views.iter();
        let view = views.find(|view| view.name == "Open Leads").unwrap();
        let of_view = view.criteria.as_ref().unwrap().conditions();
        assert!(of_view > 0);
        let group = |count| json!({ "group_operator": "OR", "group": vec![one.clone(); count] });
        let text = "Given CVID has more than 25 criteria, so change owner not done.";
        let wanted = error(
            "COMBINED_CRITERIA_LIMIT_EXCEEDED",
            text,
            &json!({ "limit": 25 }),
        );
        let good = with(
            body(&api, &api.user_id("oskar")),
            "cvid",
            json!(view.id.to_string()),
        );
        for count in [26 - of_view, 25, 26] {
            let body = with(good.clone(), "criteria", group(count));
            refused(&api, &ada, Version::V6, (PATH, &body), |_| {
                (400, wanted.clone())
            });
        }
        // One less is not refused for it.
        let body = with(good, "criteria", group(25 - of_view));
        let found = ada.post(PATH, &body).json();
        assert_eq!(found["code"], "NO_RECORDS_FOUND");
    }

    pub(super) fn expected_field_missing_in_criteria(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let expected = |keys: [&str; 2], below: &str| {
            let paths =
                keys.map(|key| json!({ "api_name": key, "json_path": format!("{below}.{key}") }));
            let details = json!({ "expected_fields": paths });
            error(
                "EXPECTED_FIELD_MISSING",
                "Specify atleast one field",
                &details,
            )
        };
        let neither = expected(["group", "field"], "$.criteria");
        for criteria in [json!({}), json!({ "comparator": "equal", "value": "Faro" })] {
            refuses_criteria(&api, &ada, &criteria, &neither);
        }
        let criteria = json!({ "field": {}, "comparator": "equal", "value": "Faro" });
        let nameless = expected(["api_name", "id"], "$.criteria.field");
        refuses_criteria(&api, &ada, &criteria, &nameless);
        let criteria = json!({ "group_operator": "AND", "group": [criteria] });
        let nameless = expected(["api_name", "id"], "$.criteria.group[0].field");
        refuses_criteria(&api, &ada, &criteria, &nameless);
    }

    pub(super) fn ambiguity_when_api_name_and_id_name_different_fields(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let company = api
            .catalog()
            .module("Leads")
            .unwrap()
            .field("Company")
            .unwrap()
            .id;
        let paths = ["id", "api_name"]
            .map(|key| json!({ "api_name": key, "json_path": format!("$.criteria.field.{key}") }));
        let details = json!({ "ambiguity_due_to": paths });
        let wanted = error(
            "AMBIGUITY_DURING_PROCESSING",
            "required field not found",
            &details,
        );
        let field = json!({ "api_name": "City", "id": company.to_string() });
        let criteria = json!({ "field": field, "comparator": "equal", "value": "Faro" });
        refuses_criteria(&api, &ada, &criteria, &wanted);
    }

    pub(super) fn dependent_field_missing_without_comparator_or_value(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let field = json!({ "api_name": "City" });
        for (criteria, key) in [
            (json!({ "field": field, "value": "Faro" }), "comparator"),
            (json!({ "field": field, "comparator": "equal" }), "value"),
        ] {
            let details = json!({
                "dependee": { "api_name": "field", "json_path": "$.criteria.field" },
                "api_name": key,
                "json_path": format!("$.{key}"),
            });
            let wanted = error(
                "DEPENDENT_FIELD_MISSING",
                "Dependent Field missing",
                &details,
            );
            refuses_criteria(&api, &ada, &criteria, &wanted);
        }
    }

    pub(super) fn invalid_data_for_criteria_over_a_hidden_field(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org("[[profile]]\nname = \"Standard\"\nfields.Leads.City = \"hidden\"\n");
        let ines = api.caller("ines");
        let city = api
            .catalog()
            .module("Leads")
            .unwrap()
            .field("City")
            .unwrap()
            .id;
        let mut answers = Vec::new();
        // As if there were no such field.
        for field in [
            json!({ "api_name": "City" }),
            json!({ "api_name": "Town" }),
            json!({ "id": city.to_string() }),
            json!({ "id": NOBODY }),
        ] {
            let criteria = json!({ "field": field, "comparator": "equal", "value": "Faro" });
            let body = with(body(&api, &api.user_id("oskar")), "criteria", criteria);
            let reply = api.unchanged_by(|| ines.post(PATH, &body));
            let text = reply
                .text
                .replace("City", "Town")
                .replace(&city.to_string(), NOBODY);
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!("INVALID_DATA"))
            );
            answers.push(text);
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[2], answers[3]);
    }

    pub(super) fn not_allowed_for_a_service_provider(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.apply_org(&oskar("type = \"service_provider\""));
        let text = "Service Provider User can only be assigned to tasks, meetings, calls, and \
                    appointments";
        let details = json!({ "api_name": "id", "json_path": "$.owner.id" });
        let wanted = error("NOT_ALLOWED", text, &details);
        refuses(&api, &ada, &body(&api, &api.user_id("oskar")), 400, &wanted);
    }

    pub(super) fn cannot_assign_to_a_user_who_may_not_see_the_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.apply_org(&oskar_sees_tasks_only());
        let text = "The user you are trying to assign does not have permission for this module.";
        let details = json!({ "permissions": ["Crm_Implied_Role_View_Leads"] });
        let wanted = error("CANNOT_ASSIGN", text, &details);
        refuses(&api, &ada, &body(&api, &api.user_id("oskar")), 403, &wanted);
    }

    pub(super) fn no_records_found(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let wanted = error("NO_RECORDS_FOUND", "no record found to update", &json!({}));
        refuses(&api, &ada, &body(&api, &api.user_id("oskar")), 400, &wanted);
    }

    pub(super) fn no_permission_to_transfer(kind: Kind) {
        let api = Api::start_demo(kind);
        let details = json!({ "permissions": ["MASSTRANSFER_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        let body = body(&api, &api.user_id("oskar"));
        refuses(&api, &api.caller("carla"), &body, 403, &wanted);
        // Not even to look: before anything in the body is read.
        api.apply_org("[[profile]]\nname = \"Standard\"\nmodules.Leads = [\"mass_transfer\"]\n");
        let details = json!({ "permissions": ["Crm_Implied_View_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        refuses(&api, &api.caller("ines"), &json!({}), 403, &wanted);
    }

    pub(super) fn no_permission_when_the_owner_is_read_only(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org("[[profile]]\nname = \"Standard\"\nfields.Leads.Owner = \"read_only\"\n");
        let text = "Field Edit Permission not given";
        let wanted = error("NO_PERMISSION", text, &json!({ "api_name": "Owner" }));
        let body = body(&api, &api.user_id("oskar"));
        refuses(&api, &api.caller("ines"), &body, 403, &wanted);
    }

    pub(super) fn already_scheduled_while_any_job_runs_on_the_view(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let body = body(&api, &api.user_id("oskar"));
        let text = "Already a Mass Action scheduler is running for the given cvid";
        let wanted = error("ALREADY_SCHEDULED", text, &json!({ "api_name": "cvid" }));
        ada.schedule_owner(&body);
        refuses(&api, &ada, &body, 400, &wanted);
        api.run_jobs();
        // A mass update holds its view against this too.
        ada.schedule(&json!({ "data": [{ "City": "Faro" }], "cvid": body["cvid"] }));
        refuses(&api, &ada, &body, 400, &wanted);
        api.run_jobs();
        ada.schedule_owner(&body);
    }

    pub(super) fn invalid_data_body(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let wanted = error(
            "INVALID_DATA",
            "body",
            &json!({ "expected_data_type": "jsonobject" }),
        );
        for body in ["", "{", "[]", "7", "{\"cvid\":1}}"] {
            ada.send("POST", PATH, &[], body.as_bytes())
                .is(400, &wanted);
        }
    }

    pub(super) fn invalid_request_method(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "The http request method type is not a valid one";
        let wanted = error("INVALID_REQUEST_METHOD", text, &json!({}));
        for method in ["PUT", "DELETE"] {
            ada.send(method, PATH, &[], b"{}").is(400, &wanted);
        }
    }

    pub(super) fn oauth_scope_mismatch(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "invalid oauth scope to access this URL";
        let wanted = error("OAUTH_SCOPE_MISMATCH", text, &json!({}));
        let body = body(&api, &api.user_id("oskar"));
        for scope in ["ZohoCRM.change_owner.READ", "ZohoCRM.modules.ALL"] {
            refuses(&api, &api.caller_with("admin", scope), &body, 401, &wanted);
        }
        // The form of one module is the newest version's.
        let leads = api.caller_with("admin", "ZohoCRM.change_owner.leads.CREATE");
        refused(
            &api,
            &leads,
            Version::V4,
            (PATH, &json!({})),
            |version| match version {
                Version::V8 => {
                    let details = json!({ "api_name": "cvid", "json_path": "$.cvid" });
                    let text = "Required field is missing";
                    (400, error("MANDATORY_NOT_FOUND", text, &details))
                }
                _ => (401, wanted.clone()),
            },
        );
    }

    pub(super) fn internal_error_when_the_table_is_gone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.execute("DROP TABLE \"m_Leads\"");
        let reply = ada.post(PATH, &body(&api, &api.user_id("oskar")));
        let json = reply.json();
        assert_eq!(
            (reply.status, &json["code"]),
            (500, &json!("INTERNAL_ERROR"))
        );
        assert_eq!(json["message"], "Internal Server Error");
    }
}
