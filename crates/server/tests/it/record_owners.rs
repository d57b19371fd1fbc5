//! The owner of a record written like any other field: the same checks as by the calls for it.

use crate::api::Api;
use crate::blueprint;
use crate::demo::{Caller, error, in_data, is_old, refused};
use crate::owners::{NOBODY, TO_SUBORDINATES, oskar, oskar_sees_tasks_only};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    an_owner_must_be_active_and_confirmed,
    an_owner_must_be_a_subordinate_where_the_profile_says_so,
    an_owner_must_see_the_module,
    an_owner_must_be_licensed_for_the_module,
    another_owner_needs_the_right_to_change_owners,
    another_owner_by_a_transition_needs_the_right_to_change_owners,
    a_record_cannot_be_left_without_an_owner,
    a_record_sent_back_whole_keeps_its_owner,
    users_in_other_fields_must_be_subordinates_in_a_mass_update,
}

fn lead(api: &Api, owner: &str) -> Json {
    json!({ "data": [{ "Last_Name": "L", "Owner": { "id": api.user_id(owner) } }] })
}

/// Makes a lead of this owner, and gives it a lead that is there: both must be refused so.
fn refuses(api: &Api, caller: &Caller<'_>, owner: &str, status: u16, wanted: &Json) {
    let id = api.caller("admin").make_leads(1).remove(0);
    let body = lead(api, owner);
    api.unchanged_by(|| {
        let wanted = json!({ "data": [wanted] });
        caller.post("Leads", &body).is(status, &wanted);
        caller
            .put(&format!("Leads/{id}"), &body)
            .is(status, &wanted);
    });
}

mod check {
    use super::*;

    pub(super) fn an_owner_must_be_active_and_confirmed(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "api_name": "id", "json_path": "$.data[0].Owner.id" });
        let wanted = error("INVALID_DATA", "invalid data", &details);
        for owner in ["piet", "sana"] {
            refuses(&api, &ada, owner, 400, &wanted);
        }
        api.apply_org(&oskar("status = \"deleted\""));
        refuses(&api, &ada, "oskar", 400, &wanted);
        let nobody = json!({ "data": [{ "Last_Name": "L", "Owner": { "id": NOBODY } }] });
        ada.post("Leads", &nobody)
            .is(400, &json!({ "data": [wanted] }));
    }

    pub(super) fn an_owner_must_be_a_subordinate_where_the_profile_says_so(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(TO_SUBORDINATES);
        let tomas = api.caller("tomas");
        let details = json!({ "api_name": "Owner", "json_path": "$.data[0].Owner" });
        let wanted = error("INVALID_DATA", "Non Subordinate User Found", &details);
        for owner in ["ines", "meera"] {
            refuses(&api, &tomas, owner, 400, &wanted);
        }
        for owner in ["tomas", "joana"] {
            assert_eq!(
                tomas.post("Leads", &lead(&api, owner)).status,
                201,
                "{owner}"
            );
        }
    }

    pub(super) fn an_owner_must_see_the_module(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(&oskar_sees_tasks_only());
        let text = "The user you are trying to assign does not have permission for this module.";
        let details = json!({ "permissions": ["Crm_Implied_Role_View_Leads"] });
        let wanted = error("CANNOT_ASSIGN", text, &details);
        refuses(&api, &api.caller("admin"), "oskar", 400, &wanted);
    }

    pub(super) fn an_owner_must_be_licensed_for_the_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "api_name": "Owner", "json_path": "$.data[0].Owner" });
        api.apply_org(&oskar("type = \"lite\""));
        let wanted = error("INVALID_DATA", "invalid data", &details);
        refuses(&api, &ada, "oskar", 400, &wanted);
        api.apply_org(&oskar("type = \"service_provider\""));
        let text = "Service Provider User can only be assigned to tasks, meetings, calls, and \
                    appointments";
        let wanted = error("NOT_ALLOWED", text, &details);
        refuses(&api, &ada, "oskar", 400, &wanted);
    }

    pub(super) fn another_owner_needs_the_right_to_change_owners(kind: Kind) {
        let api = Api::start_demo(kind);
        let id = api.caller("admin").make_leads(1).remove(0);
        let details = json!({ "permissions": ["Crm_Implied_Change_Owner_Leads"] });
        let wanted = json!({ "data": [error("NO_PERMISSION", "permission denied", &details)] });
        let carla = api.caller("carla");
        let path = format!("Leads/{id}");
        let reply = api.unchanged_by(|| carla.put(&path, &lead(&api, "carla")));
        reply.is(400, &wanted);
        // A new record has no owner yet whom somebody would take it from.
        assert_eq!(carla.post("Leads", &lead(&api, "joana")).status, 201);
    }

    pub(super) fn another_owner_by_a_transition_needs_the_right_to_change_owners(kind: Kind) {
        let api = blueprint::start(kind, &blueprint::of_everyone());
        let lead = blueprint::lead(&api, "Contacted");
        let data = json!({ "Owner": { "id": api.user_id("carla") } });
        let details = json!({ "permissions": ["Crm_Implied_Change_Owner_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        let reply = api.unchanged_by(|| blueprint::go(&api, "carla", &lead, "Wait", &data));
        reply.is(403, &wanted);
        // Whoever has the right gives it away on the same way.
        let reply = blueprint::go(&api, "tomas", &lead, "Wait", &data);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let owner = &api.caller("admin").record("Leads", &lead)["Owner"]["id"];
        assert_eq!(*owner, api.user_id("carla"));
    }

    pub(super) fn a_record_cannot_be_left_without_an_owner(kind: Kind) {
        let api = blueprint::start(kind, &blueprint::of_everyone());
        let lead = blueprint::lead(&api, "Contacted");
        let missing = |path: &str| {
            let details = json!({ "api_name": "Owner", "json_path": path });
            error("MANDATORY_NOT_FOUND", "required field not found", &details)
        };
        let wanted = in_data(&missing("$.data[0].Owner"));
        let ada = api.caller("admin");
        api.unchanged_by(|| {
            for version in Version::ALL {
                let ada = ada.speaking(version);
                let status = if is_old(version) { 200 } else { 400 };
                let one = json!({ "data": [{ "Owner": null }] });
                ada.put(&format!("Leads/{lead}"), &one).is(status, &wanted);
                let many = json!({ "data": [{ "id": lead, "City": "Faro", "Owner": null }] });
                ada.put("Leads", &many).is(status, &wanted);
            }
            let data = json!({ "Owner": null });
            let reply = blueprint::go(&api, "admin", &lead, "Wait", &data);
            reply.is(400, &missing("$.blueprint[0].data.Owner"));
        });
        // A new record is its maker's when nobody else is named.
        let new = ada.make("Leads", &[json!({ "Last_Name": "L", "Owner": null })]);
        let owner = &ada.record("Leads", &new[0])["Owner"]["id"];
        assert_eq!(*owner, api.user_id("admin"));
    }

    pub(super) fn a_record_sent_back_whole_keeps_its_owner(kind: Kind) {
        let api = Api::start_demo(kind);
        let id = api.caller("admin").make_leads(1).remove(0);
        api.apply_org(TO_SUBORDINATES);
        // Neither may they take leads from Ada, nor give any to her.
        for who in ["carla", "tomas"] {
            let caller = api.caller(who);
            let mut body = lead(&api, "admin");
            body["data"][0]["City"] = json!(who);
            let reply = caller.put(&format!("Leads/{id}"), &body);
            assert_eq!(reply.status, 200, "{who}: {}", reply.text);
            assert_eq!(caller.record("Leads", &id)["City"], who);
        }
    }

    pub(super) fn users_in_other_fields_must_be_subordinates_in_a_mass_update(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(
            "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Helper\"\n\
             type = \"userlookup\"\n",
        );
        api.apply_org(TO_SUBORDINATES);
        let tomas = api.caller("tomas");
        let ids = tomas.make_leads(1);
        let body =
            |user: &str| json!({ "data": [{ "Helper": { "id": api.user_id(user) } }], "ids": ids });
        let details = json!({ "api_name": "id", "json_path": "$.data[0].Helper.id" });
        let wanted = error("INVALID_DATA", "Non Subordinate User Found", &details);
        refused(&api, &tomas, ("Leads", &body("ines")), |_| {
            (400, json!({ "data": [wanted] }))
        });
        let reply = tomas.mass_update("Leads", &body("joana"));
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}
