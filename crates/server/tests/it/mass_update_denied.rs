//! Mass update refused for who asks, for the records, or for the state of the server: each row of wire
//! API 1.6, by its name, in every version, and that nothing was changed.

use crate::api::Api;
use crate::convert::converted;
use crate::demo::{error, in_data, is_old, refused};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    invalid_data_the_id_given_seems_to_be_invalid_for_a_record,
    record_locked_in_the_ids_form,
    converted_record_in_the_ids_form,
    already_scheduled_is_202_in_v7_200_in_v2_400_in_v8_and_bare,
    limit_exceeded_above_50000,
    no_records_found_text_by_version,
    no_permission_to_mass_update,
    no_permission_field_edit,
    customview_not_accessible,
    invalid_module_unknown_and_not_supported_by_version,
    invalid_url_pattern,
    invalid_request_method,
    authorization_failed_for_a_deactivated_user,
    oauth_scope_mismatch,
    internal_error_when_the_table_is_gone,
    feature_not_supported_for_a_view_in_a_lesser_edition,
}

fn source() -> Json {
    json!([{ "Lead_Source": "Chat" }])
}

mod check {
    use super::*;

    pub(super) fn invalid_data_the_id_given_seems_to_be_invalid_for_a_record(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "A" })])
            .remove(0);
        let items: Vec<Json> = ["7701200000600009", account.as_str(), "abc"]
            .iter()
            .map(|id| {
                error(
                    "INVALID_DATA",
                    "the id given seems to be invalid",
                    &json!({ "id": id }),
                )
            })
            .collect();
        let ids: Vec<&Json> = items.iter().map(|item| &item["details"]["id"]).collect();
        let body = json!({ "data": source(), "ids": ids });
        let before = api.record_tables();
        for version in Version::ALL {
            let status = if is_old(version) { 200 } else { 400 };
            ada.speaking(version)
                .mass_update("Leads", &body)
                .is(status, &json!({ "data": items }));
        }
        assert_eq!(api.record_tables(), before);
    }

    pub(super) fn record_locked_in_the_ids_form(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(2);
        let lock = ada.lock("Leads", &ids[0]);
        let details = json!({ "action": "record_locking", "id": ids[0] });
        let body = json!({ "data": source(), "ids": ids });
        for version in Version::ALL {
            let text = if version == Version::V8 {
                "Sorry, you cannot perform this operation as the record is locked."
            } else {
                "You cannot perform this operation as the record is locked."
            };
            let reply = ada.speaking(version).mass_update("Leads", &body);
            assert_eq!(reply.status, if version == Version::V8 { 207 } else { 200 });
            assert_eq!(reply.items()[0], error("RECORD_LOCKED", text, &details));
            assert_eq!(reply.codes()[1], "SUCCESS");
        }
        let locked = ada.record("Leads", &ids[0]);
        assert_eq!(
            (&locked["Lead_Source"], &locked["$locked_for_me"]),
            (&Json::Null, &json!(true))
        );
        // The lock is real: taken off, the same request is done.
        let path = format!("Leads/{}/Locking_Information__s/{lock}", ids[0]);
        assert_eq!(ada.delete(&path).status, 200);
        assert_eq!(
            ada.mass_update("Leads", &body).codes(),
            ["SUCCESS", "SUCCESS"]
        );
    }

    pub(super) fn converted_record_in_the_ids_form(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        converted(&ada, &ids[0], &json!({}));
        let item = error(
            "CONVERTED_RECORD",
            "can't update the converted record",
            &json!({ "id": ids[0] }),
        );
        let body = json!({ "data": source(), "ids": ids });
        let before = api.record_tables();
        for version in Version::ALL {
            let status = if is_old(version) { 200 } else { 400 };
            ada.speaking(version)
                .mass_update("Leads", &body)
                .is(status, &in_data(&item));
        }
        assert_eq!(api.record_tables(), before);
    }

    pub(super) fn already_scheduled_is_202_in_v7_200_in_v2_400_in_v8_and_bare(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        ada.make_leads(10);
        let body = json!({ "data": source(), "cvid": api.view("Leads", "Open Leads") });
        ada.schedule(&body);
        let wanted = error(
            "ALREADY_SCHEDULED",
            "Already a Mass Action scheduler is running for the given cvid",
            &json!({ "api_name": "cvid" }),
        );
        let by_version = |version: Version| match version {
            Version::V2 | Version::V2_1 => (200, wanted.clone()),
            Version::V8 => (400, wanted.clone()),
            _ => (202, wanted.clone()),
        };
        refused(&api, &ada, ("Leads", &body), by_version);
        // Whoever asks, and while it runs.
        let mut worker = api.worker().with_chunks_of(4);
        worker.step();
        worker.step();
        refused(&api, &ines, ("Leads", &body), by_version);
        // Another view of the module goes beside it.
        ada.schedule(&json!({ "data": source(), "cvid": api.view("Leads", "All Leads") }));
        crate::demo::run(worker);
        ada.schedule(&body);
    }

    pub(super) fn limit_exceeded_above_50000(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.seed_leads(9_000_000_000_000_000, 50_001);
        let body = json!({ "data": source(), "cvid": api.view("Leads", "All Leads") });
        let wanted = error(
            "LIMIT_EXCEEDED",
            "Record count exceeded",
            &json!({ "limit": 50_000 }),
        );
        for version in Version::ALL {
            let status = if is_old(version) { 200 } else { 400 };
            ada.speaking(version)
                .mass_update("Leads", &body)
                .is(status, &wanted);
        }
        assert_eq!(api.number("SELECT count(*) FROM jobs"), 0);
        api.execute("DELETE FROM \"m_Leads\" WHERE id = 9000000000000000");
        let job = ada.schedule(&body);
        ada.expect_status(&job, "SCHEDULED", [0, 0, 50_000, 50_000]);
    }

    pub(super) fn no_records_found_text_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let cvid = api.view("Leads", "Open Leads");
        let wanted = |version: Version| {
            let text = if is_old(version) {
                "No record found to update"
            } else {
                "no record found to update"
            };
            (400, error("NO_RECORDS_FOUND", text, &json!({})))
        };
        let body = json!({ "data": source(), "cvid": cvid });
        refused(&api, &ada, ("Leads", &body), wanted);
        // None is left when a territory or criteria narrow it, either.
        ada.make_leads(1);
        let territory = json!({ "id": api.territory("Nordics") });
        let body = json!({ "data": source(), "cvid": cvid, "territory": territory });
        refused(&api, &ada, ("Leads", &body), wanted);
        let nobody = json!([{ "field": "Last_Name", "comparator": "equal", "value": "Nobody" }]);
        let body = json!({ "data": source(), "cvid": cvid, "criteria": nobody });
        refused(&api, &ada, ("Leads", &body), wanted);
    }

    pub(super) fn no_permission_to_mass_update(kind: Kind) {
        let api = Api::start_demo(kind);
        let carla = api.caller("carla");
        for (module, permission) in [
            ("Accounts", "Crm_Implied_Mass_Update_Accounts"),
            ("Deals", "Crm_Implied_Mass_Update_Deals"),
        ] {
            let body = json!({ "data": source(), "ids": ["1"] });
            let details = json!({ "permissions": [permission] });
            let wanted = error("NO_PERMISSION", "permission denied", &details);
            refused(&api, &carla, (module, &body), |_| (403, wanted.clone()));
        }
    }

    pub(super) fn no_permission_field_edit(kind: Kind) {
        let api = Api::start_demo(kind);
        let carla = api.caller("carla");
        let ids = carla.make_leads(1);
        let cvid = api.view("Leads", "All Leads");
        let details = json!({ "api_name": "Lead_Source" });
        let wanted = error("NO_PERMISSION", "Field Edit Permission not given", &details);
        for body in [
            json!({ "data": source(), "ids": ids }),
            json!({ "data": source(), "cvid": cvid }),
        ] {
            refused(&api, &carla, ("Leads", &body), |_| (403, wanted.clone()));
        }
    }

    pub(super) fn customview_not_accessible(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ines, carla) = (api.caller("ines"), api.caller("carla"));
        ines.make_leads(1);
        let details = json!({ "api_name": "cvid" });
        let wanted = error("NO_PERMISSION", "Customview not accessible", &details);
        for (caller, view) in [
            (&ines, "No Source"),
            (&ines, "My Silent Leads"),
            (&carla, "Irrigation in Iberia"),
        ] {
            let body = json!({ "data": [{ "City": "Faro" }], "cvid": api.view("Leads", view) });
            refused(&api, caller, ("Leads", &body), |_| (403, wanted.clone()));
        }
        // Its owner may, and so may whoever it is shared with.
        for (caller, view, status) in [
            ("carla", "No Source", 200),
            ("meera", "My Silent Leads", 400),
            ("rohan", "My Silent Leads", 400),
            ("joana", "Irrigation in Iberia", 400),
        ] {
            let body = json!({ "data": [{ "City": "Faro" }], "cvid": api.view("Leads", view) });
            let reply = api.caller(caller).mass_update("Leads", &body);
            assert_eq!(reply.status, status, "{caller} {}", reply.text);
        }
    }

    pub(super) fn invalid_module_unknown_and_not_supported_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let body = json!({ "data": source(), "ids": ["1"] });
        let details = json!({ "resource_path_index": 0 });
        let unknown = "the module name given seems to be invalid";
        for module in ["leads", "Lead", "Nothing", "m_Leads"] {
            let wanted = error("INVALID_MODULE", unknown, &details);
            refused(&api, &ada, (module, &body), |_| (400, wanted.clone()));
        }
        for module in ["Services", "Appointments", "Notes", "Attachments", "Users"] {
            refused(&api, &ada, (module, &body), |version| {
                let wanted = if version == Version::V8 {
                    let text = "the given module is not supported for this api";
                    error("NOT_SUPPORTED", text, &details)
                } else {
                    let text = "The given module is not supported in API";
                    error("INVALID_MODULE", text, &details)
                };
                (400, wanted)
            });
        }
    }

    pub(super) fn invalid_url_pattern(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "Please check if the URL trying to access is a correct one";
        for path in [
            "Leads/actions/mass_updates",
            "Leads/actions/mass_update/1",
            "actions/mass_update",
        ] {
            let reply = ada.post(path, &json!({ "data": source() }));
            if path == "actions/mass_update" {
                // A record's path, which cannot be posted to.
                assert_eq!(reply.status, 400);
                continue;
            }
            reply.is_error(404, "INVALID_URL_PATTERN", text, &json!({}));
        }
        let reply = api.send("POST", "/crm/v1/Leads/actions/mass_update", &[], b"");
        reply.is_error(404, "INVALID_URL_PATTERN", text, &json!({}));
    }

    pub(super) fn invalid_request_method(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "The http request method type is not a valid one";
        for method in ["PUT", "DELETE", "PATCH", "BREW"] {
            for version in Version::ALL {
                let reply =
                    ada.speaking(version)
                        .send(method, "Leads/actions/mass_update", &[], b"{}");
                reply.is_error(400, "INVALID_REQUEST_METHOD", text, &json!({}));
            }
        }
    }

    pub(super) fn authorization_failed_for_a_deactivated_user(kind: Kind) {
        let api = Api::start_demo(kind);
        let piet = api.caller("piet");
        let text = "User does not have sufficient privilege to schedule mass update.";
        let wanted = error("AUTHORIZATION_FAILED", text, &json!({}));
        let body = json!({ "data": source(), "cvid": api.view("Leads", "All Leads") });
        refused(&api, &piet, ("Leads", &body), |_| (400, wanted.clone()));
    }

    pub(super) fn oauth_scope_mismatch(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "invalid oauth scope to access this URL";
        let wanted = error("OAUTH_SCOPE_MISMATCH", text, &json!({}));
        for scope in [
            "ZohoCRM.mass_update.READ",
            "ZohoCRM.mass_update.contacts.UPDATE",
            "ZohoCRM.modules.ALL",
        ] {
            let caller = api.caller_with("admin", scope);
            refused(&api, &caller, ("Leads", &json!({})), |_| {
                (401, wanted.clone())
            });
        }
    }

    pub(super) fn internal_error_when_the_table_is_gone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.execute("ALTER TABLE \"m_Leads\" RENAME TO somewhere_else");
        for body in [
            json!({ "data": source(), "ids": ["1"] }),
            json!({ "data": source(), "cvid": api.view("Leads", "All Leads") }),
        ] {
            let reply = ada.mass_update("Leads", &body);
            let details = json!({ "request_id": reply.header("x-request-id") });
            let wanted = error("INTERNAL_ERROR", "Internal Server Error", &details);
            reply.is(500, &wanted);
        }
        assert_eq!(api.number("SELECT count(*) FROM jobs"), 0);
    }

    pub(super) fn feature_not_supported_for_a_view_in_a_lesser_edition(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let company = &api.catalog().org.company.clone();
        let text = "Scheduled Mass Operation feature is not available in your edition";
        let wanted = error("FEATURE_NOT_SUPPORTED", text, &json!({}));
        let by_view = json!({ "data": source(), "cvid": api.view("Leads", "All Leads") });
        for (edition, paid, allowed) in [
            ("free", false, false),
            ("standard", true, false),
            ("professional", true, false),
            ("enterprise", true, true),
            ("ultimate", true, true),
        ] {
            api.apply_org(&format!(
                "[org]\ncompany = \"{company}\"\nedition = \"{edition}\"\n"
            ));
            let license = api
                .caller_with("admin", "ZohoCRM.org.READ")
                .get("org")
                .json()["org"][0]["license_details"]
                .clone();
            assert_eq!(
                (&license["paid"], &license["paid_type"]),
                (&json!(paid), &json!(edition))
            );
            if allowed {
                ada.schedule(&by_view);
                api.run_jobs();
            } else {
                refused(&api, &ada, ("Leads", &by_view), |_| (400, wanted.clone()));
                // The view comes first, and named records need no schedule.
                let unknown = json!({ "data": source(), "cvid": "5" });
                let reply = ada.mass_update("Leads", &unknown);
                assert_eq!(reply.json()["code"], "INVALID_DATA");
                let by_ids = json!({ "data": source(), "ids": ids });
                assert_eq!(ada.mass_update("Leads", &by_ids).codes(), ["SUCCESS"]);
            }
        }
    }
}
