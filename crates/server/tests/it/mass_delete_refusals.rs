//! Mass delete and its status refused: each row of wire API 4.4 and 4.5, by its name, in every
//! version.

use crate::api::{Api, Reply};
use crate::demo::{Caller, error};
use model::catalog::Catalog;
use model::id::ViewId;
use model::people::Right;
use model::view::Audience;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    mandatory_not_found_without_ids_and_cvid,
    invalid_data_the_cvid_given_seems_to_be_invalid,
    invalid_data_the_id_given_seems_to_be_invalid,
    invalid_data_ids_that_are_no_list,
    invalid_data_for_a_territory,
    a_misspelt_key_is_never_ignored,
    ambiguity_of_ids_and_cvid,
    limit_exceeded_above_500_ids,
    limit_exceeded_above_50000,
    already_scheduled_for_the_module,
    no_records_found,
    module_not_supported_by_version,
    invalid_module,
    not_approved_in_the_ids_form,
    no_permission_to_mass_delete,
    no_permission_to_delete,
    customview_not_accessible,
    authorization_failed_for_a_deactivated_user,
    api_not_supported_before_v4,
    oauth_scope_mismatch_and_v5_takes_read_too,
    status_mandatory_not_found_without_a_job_id,
    status_invalid_data_for_an_unknown_job,
    status_unable_to_parse_a_job_id_that_is_no_number,
    status_no_permission_to_view,
    status_is_shown_to_its_actor_and_to_administrators,
    status_oauth_scope_mismatch,
}

const PATH: &str = "Leads/actions/mass_delete";

fn versions() -> impl Iterator<Item = Version> {
    Version::ALL.into_iter().filter(|v| *v >= Version::V4)
}

/// Sends a mass delete in every version that has it; each must be refused so and change nothing.
fn refused(
    api: &Api,
    caller: &Caller<'_>,
    (path, body): (&str, &Json),
    wanted: impl Fn(Version) -> (u16, Json),
) {
    api.unchanged_by(|| {
        for version in versions() {
            let reply = caller.speaking(version).post(path, body);
            let got = (reply.status, reply.json());
            assert_eq!(got, wanted(version), "{} {body}", version.as_str());
        }
    });
}

/// Asks for a status in every version that has it; each must be refused so.
fn unseen(caller: &Caller<'_>, path: &str, wanted: &(u16, Json)) {
    for version in versions() {
        let reply = caller.speaking(version).get(path);
        assert_eq!(
            (reply.status, reply.json()),
            *wanted,
            "{}",
            version.as_str()
        );
    }
}

/// Changes the rights of the Care Desk over Leads.
fn care_desk(api: &Api, rights: &[Right]) {
    api.change_catalog(|catalog: &mut Catalog| {
        let leads = catalog.module("Leads").unwrap().id;
        let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
        profile.unwrap().modules.insert(leads, rights.to_vec());
    });
}

fn accepted(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let job = reply.items().remove(0)["details"]["job_id"].clone();
    job.as_str().unwrap().to_owned()
}

mod check {
    use super::*;

    pub(super) fn mandatory_not_found_without_ids_and_cvid(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let details = json!({ "api_name": "ids", "expected_data_type": "jsonarray" });
        let wanted = error("MANDATORY_NOT_FOUND", "required field not found", &details);
        let territory = json!({ "id": api.territory("Europe") });
        for body in [
            json!({}),
            json!({ "ids": [] }),
            json!({ "ids": null, "cvid": null }),
            json!({ "territory": territory }),
        ] {
            refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn invalid_data_the_cvid_given_seems_to_be_invalid(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let of_deals = api.view("Deals", "All Deals");
        for cvid in ["7701200000400123", of_deals.as_str(), "abc", ""] {
            let details = json!({ "api_name": "cvid", "json_path": "$.cvid", "id": cvid });
            let text = "the cvid given seems to be invalid";
            let wanted = error("INVALID_DATA", text, &details);
            let body = json!({ "cvid": cvid });
            refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn invalid_data_the_id_given_seems_to_be_invalid(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let account = json!({ "Account_Name": "A" });
        let account = ada.make("Accounts", &[account]).remove(0);
        // None of all is a lead; or one is no id at all.
        for (ids, n) in [
            (vec!["7701200000600009", account.as_str()], 0),
            (vec![account.as_str()], 0),
            (vec![lead.as_str(), "abc"], 1),
            (vec![lead.as_str(), "7701200000600009", "0"], 2),
        ] {
            let path = format!("$.ids[{n}]");
            let details = json!({ "api_name": "ids", "json_path": path, "id": ids[n] });
            let text = "the id given seems to be invalid";
            let wanted = error("INVALID_DATA", text, &details);
            let body = json!({ "ids": ids });
            let before = api.record_tables();
            for version in versions() {
                let reply = ada.speaking(version).post(PATH, &body);
                reply.is(400, &wanted);
            }
            assert_eq!(api.record_tables(), before);
        }
    }

    pub(super) fn invalid_data_ids_that_are_no_list(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let details =
            json!({ "api_name": "ids", "json_path": "$.ids", "expected_data_type": "jsonarray" });
        let wanted = error("INVALID_DATA", "invalid data", &details);
        for ids in [json!(lead), json!({ "id": lead }), json!(true)] {
            let body = json!({ "ids": ids });
            refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn invalid_data_for_a_territory(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let cvid = api.view("Leads", "All Leads");
        let text = "the id given seems to be invalid";
        let details = json!({ "api_name": "id", "json_path": "$.territory.id" });
        let wanted = error("INVALID_DATA", text, &details);
        for territory in [json!({ "id": "5" }), json!({}), json!({ "id": "x" })] {
            let body = json!({ "cvid": cvid, "territory": territory });
            refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
        }
        let body = json!({ "cvid": cvid, "territory": "Europe" });
        let details = json!({
            "api_name": "territory", "json_path": "$.territory",
            "expected_data_type": "jsonobject",
        });
        let wanted = error("INVALID_DATA", "invalid data", &details);
        refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
    }

    pub(super) fn a_misspelt_key_is_never_ignored(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let cvid = api.view("Leads", "All Leads");
        // Criteria narrow a mass update, not this.
        for key in ["teritory", "criteria", "data", "Ids"] {
            let path = format!("$.{key}");
            let details = json!({ "api_name": key, "json_path": path });
            let wanted = error("INVALID_DATA", "invalid data", &details);
            let body = json!({ "cvid": cvid, key: {} });
            refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn ambiguity_of_ids_and_cvid(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let cvid = api.view("Leads", "All Leads");
        let both =
            ["ids", "cvid"].map(|key| json!({ "api_name": key, "json_path": format!("$.{key}") }));
        let details = json!({ "ambiguity_due_to": both });
        let text = "Ambiguity while processing the request";
        let wanted = error("AMBIGUITY_DURING_PROCESSING", text, &details);
        for ids in [json!([lead]), json!([])] {
            let body = json!({ "ids": ids, "cvid": cvid });
            refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn limit_exceeded_above_500_ids(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "limit": 500, "api_name": "ids", "json_path": "$.ids" });
        let wanted = error("LIMIT_EXCEEDED", "Record count exceeded", &details);
        let first = 1_000_000;
        api.seed_leads(first, 501);
        let ids: Vec<i64> = (first..first + 501).collect();
        let body = json!({ "ids": ids });
        refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
        let reply = ada.post(PATH, &json!({ "ids": ids[..500] }));
        assert_eq!((reply.status, reply.items().len()), (200, 500));
        assert_eq!(api.number("SELECT count(*) FROM \"m_Leads\""), 1);
    }

    pub(super) fn limit_exceeded_above_50000(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.seed_leads(1_000_000, 50_001);
        let body = json!({ "cvid": api.view("Leads", "All Leads") });
        let wanted = error(
            "LIMIT_EXCEEDED",
            "Record count exceeded",
            &json!({ "limit": 50_000 }),
        );
        for version in versions() {
            ada.speaking(version).post(PATH, &body).is(400, &wanted);
        }
        assert_eq!(api.number("SELECT count(*) FROM jobs"), 0);
        api.execute("DELETE FROM \"m_Leads\" WHERE id = 1000000");
        accepted(&ada.post(PATH, &body));
        assert_eq!(api.number("SELECT count(*) FROM job_targets"), 50_000);
    }

    pub(super) fn already_scheduled_for_the_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let body = json!({ "cvid": api.view("Leads", "All Leads") });
        accepted(&ada.post(PATH, &body));
        let text = "Already a Mass Action scheduler is running for the given cvid";
        let wanted = error("ALREADY_SCHEDULED", text, &json!({ "api_name": "cvid" }));
        for view in ["All Leads", "Open Leads"] {
            let body = json!({ "cvid": api.view("Leads", view) });
            refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
        }
        api.run_jobs();
        ada.make_leads(1);
        accepted(&ada.post(PATH, &body));
    }

    pub(super) fn no_records_found(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let body = json!({ "cvid": api.view("Leads", "All Leads") });
        let wanted = error("NO_RECORDS_FOUND", "no record found to update", &json!({}));
        refused(&api, &ada, (PATH, &body), |_| (400, wanted.clone()));
    }

    pub(super) fn module_not_supported_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "resource_path_index": 0 });
        let wanted = |version| {
            let (code, text) = if version == Version::V8 {
                (
                    "NOT_SUPPORTED",
                    "Mass delete is not supported for this module",
                )
            } else {
                ("INVALID_MODULE", "The given module is not supported in API")
            };
            (400, error(code, text, &details))
        };
        let path = "Notes/actions/mass_delete";
        refused(&api, &ada, (path, &json!({ "ids": ["1"] })), wanted);
        for version in versions() {
            let reply = ada.speaking(version).get(&format!("{path}?job_id=1"));
            assert_eq!((reply.status, reply.json()), wanted(version));
        }
    }

    pub(super) fn invalid_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "the module name given seems to be invalid";
        let wanted = error("INVALID_MODULE", text, &json!({ "resource_path_index": 0 }));
        for module in ["Nothing", "leads"] {
            let path = format!("{module}/actions/mass_delete");
            let body = json!({ "ids": ["1"] });
            refused(&api, &ada, (&path, &body), |_| (400, wanted.clone()));
            unseen(&ada, &format!("{path}?job_id=1"), &(400, wanted.clone()));
        }
    }

    pub(super) fn not_approved_in_the_ids_form(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(9);
        let token = api.token(api.user("admin"), "swathe.holds.ALL,ZohoCRM.modules.ALL");
        let path = format!("/swathe/v1/records/Leads/{}/holds/approval", leads[0]);
        assert_eq!(api.call("PUT", &path, &token).status, 201);
        let held = error(
            "NOT_APPROVED",
            "record not approved",
            &json!({ "id": leads[0] }),
        );
        for (version, lead) in versions().zip(&leads[1..]) {
            let reply = ada
                .speaking(version)
                .post(PATH, &json!({ "ids": [leads[0], lead] }));
            let status = if version == Version::V8 { 207 } else { 200 };
            assert_eq!((reply.status, &reply.items()[0]), (status, &held));
        }
        assert_eq!(ada.record("Leads", &leads[0])["id"], leads[0].as_str());
    }

    pub(super) fn no_permission_to_mass_delete(kind: Kind) {
        let api = Api::start_demo(kind);
        let lead = api.caller("admin").make_leads(1).remove(0);
        care_desk(&api, &[Right::View, Right::Edit, Right::Delete]);
        let details = json!({ "permissions": ["Crm_Implied_Mass_Delete_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        let carla = api.caller("carla");
        for body in [
            json!({ "ids": [lead] }),
            json!({ "cvid": api.view("Leads", "All Leads") }),
            json!({}),
        ] {
            refused(&api, &carla, (PATH, &body), |_| (403, wanted.clone()));
        }
    }

    pub(super) fn no_permission_to_delete(kind: Kind) {
        let api = Api::start_demo(kind);
        let lead = api.caller("admin").make_leads(1).remove(0);
        care_desk(&api, &[Right::View, Right::Edit, Right::MassDelete]);
        let details = json!({ "permissions": ["Crm_Implied_Delete_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        let body = json!({ "ids": [lead] });
        refused(&api, &api.caller("carla"), (PATH, &body), |_| {
            (403, wanted.clone())
        });
        care_desk(&api, &[Right::View, Right::Delete, Right::MassDelete]);
        assert_eq!(api.caller("carla").post(PATH, &body).status, 200);
    }

    pub(super) fn customview_not_accessible(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(1);
        care_desk(&api, &[Right::View, Right::Delete, Right::MassDelete]);
        let cvid = api.view("Leads", "All Leads");
        let id = ViewId::parse(&cvid).unwrap();
        let admin = api.user("admin");
        api.change_catalog(|catalog| {
            let leads = catalog.modules.iter_mut().find(|m| m.api_name == "Leads");
            let views = &mut leads.unwrap().views;
            let view = views.iter_mut().find(|view| view.id == id).unwrap();
            view.owner = Some(admin);
            view.audience = Audience::Owner;
        });
        let text = "Customview not accessible";
        let wanted = error("NO_PERMISSION", text, &json!({ "api_name": "cvid" }));
        let body = json!({ "cvid": cvid });
        refused(&api, &api.caller("carla"), (PATH, &body), |_| {
            (403, wanted.clone())
        });
    }

    pub(super) fn authorization_failed_for_a_deactivated_user(kind: Kind) {
        let api = Api::start_demo(kind);
        let piet = api.caller("piet");
        let text = "User does not have sufficient privilege to mass delete records.";
        let wanted = error("AUTHORIZATION_FAILED", text, &json!({}));
        let body = json!({ "ids": ["1"] });
        refused(&api, &piet, (PATH, &body), |_| (400, wanted.clone()));
        let text = "User does not have sufficient privilege to read records";
        let wanted = error("AUTHORIZATION_FAILED", text, &json!({}));
        unseen(&piet, &format!("{PATH}?job_id=1"), &(400, wanted));
    }

    pub(super) fn api_not_supported_before_v4(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "Mass Delete is not supported in this API version";
        let details = json!({ "supported_version": 4 });
        let wanted = error("API_NOT_SUPPORTED", text, &details);
        for version in [Version::V2, Version::V2_1, Version::V3] {
            let ada = ada.speaking(version);
            ada.post(PATH, &json!({ "ids": ["1"] })).is(400, &wanted);
            ada.get(&format!("{PATH}?job_id=1")).is(400, &wanted);
        }
    }

    pub(super) fn oauth_scope_mismatch_and_v5_takes_read_too(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "invalid oauth scope to access this URL";
        let wanted = error("OAUTH_SCOPE_MISMATCH", text, &json!({}));
        let body = json!({ "ids": [] });
        for scope in [
            "ZohoCRM.modules.ALL",
            "ZohoCRM.mass_delete.UPDATE",
            "ZohoCRM.mass_delete.deals.DELETE",
        ] {
            let caller = api.caller_with("admin", scope);
            refused(&api, &caller, (PATH, &body), |_| (401, wanted.clone()));
        }
        for scope in [
            "ZohoCRM.mass_delete.DELETE",
            "ZohoCRM.mass_delete.leads.DELETE",
            "ZohoCRM.mass_delete.ALL",
        ] {
            let caller = api.caller_with("admin", scope);
            for version in versions() {
                let reply = caller.speaking(version).post(PATH, &body);
                assert_eq!(reply.json()["code"], "MANDATORY_NOT_FOUND");
            }
        }
        for scope in ["ZohoCRM.mass_delete.READ", "ZohoCRM.mass_delete.leads.READ"] {
            let caller = api.caller_with("admin", scope);
            for version in versions() {
                let reply = caller.speaking(version).post(PATH, &body);
                let admitted = reply.json()["code"] == "MANDATORY_NOT_FOUND";
                assert_eq!(admitted, version == Version::V5, "{}", version.as_str());
            }
        }
    }

    pub(super) fn status_mandatory_not_found_without_a_job_id(kind: Kind) {
        let api = Api::start_demo(kind);
        let details = json!({ "param_name": "job_id" });
        let wanted = error("MANDATORY_NOT_FOUND", "mandatory param missing", &details);
        for query in ["", "?job_id=", "?jobid=1"] {
            let path = format!("{PATH}{query}");
            unseen(&api.caller("admin"), &path, &(400, wanted.clone()));
        }
    }

    pub(super) fn status_invalid_data_for_an_unknown_job(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let cvid = api.view("Leads", "All Leads");
        let job = accepted(&ada.post(PATH, &json!({ "cvid": cvid })));
        let update = ada.schedule(&json!({ "data": [{ "City": "Faro" }], "cvid": cvid }));
        let text = "The jobid given seems to be invalid";
        let wanted = error("INVALID_DATA", text, &json!({ "param_name": "job_id" }));
        let wanted = (400, wanted);
        // A job is bound to its action and to its module.
        for id in [
            "7701200000600009",
            "0",
            "99999999999999999999",
            &lead,
            &update,
        ] {
            unseen(&ada, &format!("{PATH}?job_id={id}"), &wanted);
        }
        let path = format!("Deals/actions/mass_delete?job_id={job}");
        unseen(&ada, &path, &wanted);
    }

    pub(super) fn status_unable_to_parse_a_job_id_that_is_no_number(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "either the request body or parameters is in wrong format";
        let wanted = error("UNABLE_TO_PARSE_DATA_TYPE", text, &json!({}));
        for id in ["abc", "1.5", "-1", "1,2", "%00"] {
            let path = format!("{PATH}?job_id={id}");
            unseen(&api.caller("admin"), &path, &(400, wanted.clone()));
        }
    }

    pub(super) fn status_no_permission_to_view(kind: Kind) {
        let api = Api::start_demo(kind);
        care_desk(&api, &[Right::MassDelete, Right::Delete]);
        let details = json!({ "permissions": ["Crm_Implied_View_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        let path = format!("{PATH}?job_id=1");
        unseen(&api.caller("carla"), &path, &(403, wanted));
    }

    pub(super) fn status_is_shown_to_its_actor_and_to_administrators(kind: Kind) {
        let api = Api::start_demo(kind);
        care_desk(
            &api,
            &[Right::View, Right::Create, Right::MassDelete, Right::Delete],
        );
        let (ada, carla, sana) = (api.caller("admin"), api.caller("carla"), api.caller("ines"));
        carla.make_leads(1);
        let body = json!({ "cvid": api.view("Leads", "All Leads") });
        let job = accepted(&carla.post(PATH, &body));
        let path = format!("{PATH}?job_id={job}");
        assert_eq!(carla.get(&path).status, 200);
        assert_eq!(ada.get(&path).status, 200);
        let text = "The jobid given seems to be invalid";
        let wanted = error("INVALID_DATA", text, &json!({ "param_name": "job_id" }));
        unseen(&sana, &path, &(400, wanted));
    }

    pub(super) fn status_oauth_scope_mismatch(kind: Kind) {
        let api = Api::start_demo(kind);
        let text = "invalid oauth scope to access this URL";
        let wanted = error("OAUTH_SCOPE_MISMATCH", text, &json!({}));
        let path = format!("{PATH}?job_id=1");
        for scope in [
            "ZohoCRM.mass_delete.DELETE",
            "ZohoCRM.mass_delete.deals.READ",
        ] {
            let caller = api.caller_with("admin", scope);
            unseen(&caller, &path, &(401, wanted.clone()));
        }
        for scope in ["ZohoCRM.mass_delete.READ", "ZohoCRM.mass_delete.leads.READ"] {
            let caller = api.caller_with("admin", scope);
            assert_eq!(caller.get(&path).json()["code"], "INVALID_DATA");
        }
    }
}
