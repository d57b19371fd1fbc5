//! The status of a mass update refused: each row of wire API 1.7, by its name, in every version.

use crate::api::Api;
use crate::demo::{Caller, error};
use model::people::Right;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    mandatory_not_found_without_a_job_id,
    unknown_job_is_404_up_to_v7_and_400_in_v8,
    a_job_is_shown_to_its_actor_and_to_administrators,
    invalid_module_unknown_and_not_supported_by_version,
    no_permission_to_read_records,
    authorization_failed_for_a_deactivated_user,
    oauth_scope_mismatch,
    invalid_url_pattern,
    invalid_request_method,
    internal_error_when_the_table_of_jobs_is_gone,
}

/// Asks for a status in every version; each must be refused so.
fn refused(caller: &Caller<'_>, path: &str, wanted: impl Fn(Version) -> (u16, Json)) {
    for version in Version::ALL {
        let reply = caller.speaking(version).get(path);
        let got = (reply.status, reply.json());
        assert_eq!(got, wanted(version), "{} {path}", version.as_str());
    }
}

fn unknown(version: Version) -> (u16, Json) {
    if version == Version::V8 {
        let text = "The jobid given seems to be invalid";
        let details = json!({ "param_name": "job_id" });
        (400, error("INVALID_DATA", text, &details))
    } else {
        (404, error("NOT_FOUND", "Empty response", &json!({})))
    }
}

const PATH: &str = "Leads/actions/mass_update?job_id=";

mod check {
    use super::*;

    pub(super) fn mandatory_not_found_without_a_job_id(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "param_name": "job_id" });
        let wanted = error("MANDATORY_NOT_FOUND", "mandatory param missing", &details);
        for query in ["", "?", "?job_id", "?job_id=", "?jobid=1", "?JOB_ID=1"] {
            let path = format!("Leads/actions/mass_update{query}");
            refused(&ada, &path, |_| (400, wanted.clone()));
        }
    }

    pub(super) fn unknown_job_is_404_up_to_v7_and_400_in_v8(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let cvid = api.view("Leads", "All Leads");
        let body = json!({ "data": [{ "City": "Faro" }], "cvid": cvid });
        let job = ada.schedule(&body);
        for id in [
            "7701200000600009",
            "abc",
            "1.5",
            "-1",
            "0",
            "%00",
            "1,2",
            "99999999999999999999",
            &lead,
        ] {
            refused(&ada, &format!("{PATH}{id}"), unknown);
        }
        // A job is bound to its module.
        refused(
            &ada,
            &format!("Deals/actions/mass_update?job_id={job}"),
            unknown,
        );
        ada.expect_status(&job, "SCHEDULED", [0, 0, 1, 1]);
    }

    pub(super) fn a_job_is_shown_to_its_actor_and_to_administrators(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines, tomas) = (api.caller("admin"), api.caller("ines"), api.caller("tomas"));
        ines.make_leads(1);
        let cvid = api.view("Leads", "All Leads");
        let job = ines.schedule(&json!({ "data": [{ "City": "Faro" }], "cvid": cvid }));
        for caller in [&ada, &ines] {
            caller.expect_status(&job, "SCHEDULED", [0, 0, 1, 1]);
        }
        refused(&tomas, &format!("{PATH}{job}"), unknown);
    }

    pub(super) fn invalid_module_unknown_and_not_supported_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "resource_path_index": 0 });
        let text = "The module name given seems to be invalid";
        let wanted = error("INVALID_MODULE", text, &details);
        refused(&ada, "Nothing/actions/mass_update?job_id=1", |_| {
            (400, wanted.clone())
        });
        refused(&ada, "Services/actions/mass_update?job_id=1", |version| {
            let (code, text) = if version == Version::V8 {
                (
                    "NOT_SUPPORTED",
                    "the given module is not supported for this api",
                )
            } else {
                ("INVALID_MODULE", "The given module is not supported in API")
            };
            (400, error(code, text, &details))
        });
    }

    pub(super) fn no_permission_to_read_records(kind: Kind) {
        let api = Api::start_demo(kind);
        let carla = api.caller("carla");
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
            profile
                .unwrap()
                .modules
                .insert(leads, vec![Right::MassUpdate]);
        });
        let text = "Permission denied to read records";
        let wanted = error("NO_PERMISSION", text, &json!({}));
        // Before the job id is looked at.
        for path in [format!("{PATH}1"), "Leads/actions/mass_update".to_owned()] {
            refused(&carla, &path, |_| (403, wanted.clone()));
        }
    }

    pub(super) fn authorization_failed_for_a_deactivated_user(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "User does not have sufficient privilege to read records";
        let wanted = error("AUTHORIZATION_FAILED", text, &json!({}));
        refused(&api.caller("piet"), &format!("{PATH}1"), |_| {
            (400, wanted.clone())
        });
    }

    pub(super) fn oauth_scope_mismatch(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "invalid oauth scope to access this URL";
        let wanted = error("OAUTH_SCOPE_MISMATCH", text, &json!({}));
        for scope in [
            "ZohoCRM.mass_update.UPDATE",
            "ZohoCRM.mass_update.deals.READ",
        ] {
            let caller = api.caller_with("admin", scope);
            refused(&caller, &format!("{PATH}1"), |_| (401, wanted.clone()));
        }
        let caller = api.caller_with("admin", "ZohoCRM.mass_update.leads.READ");
        refused(&caller, &format!("{PATH}1"), unknown);
    }

    pub(super) fn invalid_url_pattern(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "Please check if the URL trying to access is a correct one";
        let wanted = error("INVALID_URL_PATTERN", text, &json!({}));
        for path in [
            "Leads/actions/mass_updates?job_id=1",
            "Leads/actions/mass_update/1",
        ] {
            refused(&ada, path, |_| (404, wanted.clone()));
        }
    }

    pub(super) fn invalid_request_method(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "The http request method type is not a valid one";
        for version in Version::ALL {
            for method in ["PUT", "DELETE", "PATCH"] {
                let reply = ada
                    .speaking(version)
                    .send(method, &format!("{PATH}1"), &[], b"");
                reply.is_error(400, "INVALID_REQUEST_METHOD", text, &json!({}));
            }
        }
    }

    pub(super) fn internal_error_when_the_table_of_jobs_is_gone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.execute("ALTER TABLE jobs RENAME TO somewhere_else");
        for version in Version::ALL {
            let reply = ada.speaking(version).get(&format!("{PATH}1"));
            let details = json!({ "request_id": reply.header("x-request-id") });
            let wanted = error("INTERNAL_ERROR", "Internal Server Error", &details);
            reply.is(500, &wanted);
        }
    }
}
