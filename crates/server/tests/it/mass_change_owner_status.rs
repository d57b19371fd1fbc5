//! The status of a mass change of owner refused: each row of wire API 2.5, by its name, in every
//! version that has it.

use crate::api::Api;
use crate::demo::{Caller, error};
use crate::owners::{from, owner_status};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    required_param_missing_is_404_up_to_v7_and_400_in_v8,
    unknown_job_is_404_up_to_v7_and_204_in_v8,
    job_of_another_module_is_404_not_found_in_v8,
    a_status_is_readable_for_60_days,
    a_job_is_shown_to_its_actor_and_to_administrators,
    no_permission_to_read_records,
    invalid_url_pattern,
    oauth_scope_mismatch_without_read_or_create,
    authorization_failed_for_a_deactivated_user,
}

const PATH: &str = "Leads/actions/mass_change_owner";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Asks for a status in every version; each must be refused so.
fn refused(caller: &Caller<'_>, path: &str, wanted: impl Fn(Version) -> (u16, Json)) {
    for version in from(Version::V4) {
        let reply = caller.speaking(version).get(path);
        let body = match reply.status {
            204 => Json::from(reply.text.as_str()),
            _ => reply.json(),
        };
        assert_eq!(
            (reply.status, body),
            wanted(version),
            "{} {path}",
            version.as_str()
        );
    }
}

fn missing(version: Version) -> (u16, Json) {
    let (status, text) = match version {
        Version::V8 => (400, "Required parameter is missing"),
        _ => (404, "You have not specified the job_id in the request."),
    };
    let details = json!({ "param_name": "job_id" });
    (status, error("REQUIRED_PARAM_MISSING", text, &details))
}

fn unknown(version: Version) -> (u16, Json) {
    match version {
        Version::V8 => (204, json!("")),
        _ => missing(version),
    }
}

/// A job of this user over all leads.
fn scheduled(api: &Api, who: &str) -> String {
    let caller = api.caller(who);
    caller.make_leads(1);
    let owner = api.user_id("oskar");
    caller.schedule_owner(&json!({
        "cvid": api.view("Leads", "All Leads"), "owner": { "id": owner },
    }))
}

mod check {
    use super::*;

    pub(super) fn required_param_missing_is_404_up_to_v7_and_400_in_v8(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for query in ["", "?", "?job_id", "?job_id=", "?jobid=1"] {
            refused(&ada, &format!("{PATH}{query}"), missing);
        }
    }

    pub(super) fn unknown_job_is_404_up_to_v7_and_204_in_v8(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let cvid = api.view("Leads", "All Leads");
        let update = ada.schedule(&json!({ "data": [{ "City": "Faro" }], "cvid": cvid }));
        for job in ["7701200000600009", "0", "abc", "-1", update.as_str()] {
            refused(&ada, &format!("{PATH}?job_id={job}"), unknown);
        }
    }

    pub(super) fn job_of_another_module_is_404_not_found_in_v8(kind: Kind) {
        let api = Api::start_demo(kind);
        let job = scheduled(&api, "admin");
        let path = format!("Deals/actions/mass_change_owner?job_id={job}");
        refused(&api.caller("admin"), &path, |version| match version {
            Version::V8 => {
                let text = "The specified job does not belong to this module";
                (404, error("NOT_FOUND", text, &json!({})))
            }
            _ => missing(version),
        });
    }

    pub(super) fn a_status_is_readable_for_60_days(kind: Kind) {
        let api = Api::start_demo(kind);
        let job = scheduled(&api, "admin");
        api.run_jobs();
        api.clock.advance_ms(59 * DAY_MS);
        api.run_jobs();
        let path = format!("{PATH}?job_id={job}");
        let done = json!({ "data": [owner_status("COMPLETED", [1, 1, 0, 0])] });
        refused(&api.caller("admin"), &path, |_| (200, done.clone()));
        api.clock.advance_ms(2 * DAY_MS);
        api.run_jobs();
        refused(&api.caller("admin"), &path, unknown);
    }

    pub(super) fn a_job_is_shown_to_its_actor_and_to_administrators(kind: Kind) {
        let api = Api::start_demo(kind);
        let job = scheduled(&api, "ines");
        let path = format!("{PATH}?job_id={job}");
        for who in ["ines", "admin"] {
            assert_eq!(api.caller(who).get(&path).status, 200, "{who}");
        }
        refused(&api.caller("tomas"), &path, unknown);
    }

    pub(super) fn no_permission_to_read_records(kind: Kind) {
        let api = Api::start_demo(kind);
        let job = scheduled(&api, "admin");
        api.apply_org("[[profile]]\nname = \"Care Desk\"\nmodules.Leads = [\"edit\"]\n");
        let text = "Permission denied to read records";
        let wanted = error("NO_PERMISSION", text, &json!({}));
        for path in [PATH.to_owned(), format!("{PATH}?job_id={job}")] {
            refused(&api.caller("carla"), &path, |_| (403, wanted.clone()));
        }
    }

    pub(super) fn invalid_url_pattern(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "Please check if the URL trying to access is a correct one";
        let wanted = error("INVALID_URL_PATTERN", text, &json!({}));
        // As the founding page once spells it.
        let path = "Leads/actions/mass_chnage_owner?job_id=1";
        refused(&api.caller("admin"), path, |_| (404, wanted.clone()));
    }

    pub(super) fn oauth_scope_mismatch_without_read_or_create(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "invalid oauth scope to access this URL";
        let wanted = error("OAUTH_SCOPE_MISMATCH", text, &json!({}));
        let path = format!("{PATH}?job_id={}", scheduled(&api, "admin"));
        for scope in ["ZohoCRM.change_owner.DELETE", "ZohoCRM.mass_update.READ"] {
            let caller = api.caller_with("admin", scope);
            refused(&caller, &path, |_| (401, wanted.clone()));
        }
        for scope in ["READ", "CREATE", "ALL"] {
            let caller = api.caller_with("admin", &format!("ZohoCRM.change_owner.{scope}"));
            let reply = caller.get(&path);
            assert_eq!(reply.status, 200, "{scope}: {}", reply.text);
        }
    }

    pub(super) fn authorization_failed_for_a_deactivated_user(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "User does not have sufficient privilege to read records";
        let wanted = error("AUTHORIZATION_FAILED", text, &json!({}));
        refused(&api.caller("piet"), &format!("{PATH}?job_id=1"), |_| {
            (400, wanted.clone())
        });
    }
}
