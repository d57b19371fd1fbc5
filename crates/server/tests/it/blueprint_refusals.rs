//! What the calls about a record's blueprint refuse (wire API 14.2).

use crate::blueprint::{PROCESS, go, lead, not_in_process, of_everyone, path, start, transition};
use crate::demo::error;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    record_not_in_process,
    invalid_transition,
    mandatory_not_found_in_a_transition,
    no_permission_for_a_transition,
    no_permission_for_a_transition_of_a_hidden_field,
    what_is_refused_in_the_body_of_a_transition,
    record_locked_and_other_holds_in_a_blueprint,
}

mod check {
    use super::*;

    pub(super) fn record_not_in_process(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let body = json!({ "blueprint": [{ "transition_id": transition(&api, "Call") }] });
        for version in Version::ALL {
            let ada = ada.speaking(version);
            ada.get(&path(&lead)).is(400, &not_in_process());
            ada.put(&path(&lead), &body).is(400, &not_in_process());
        }
        let text = "the id given seems to be invalid";
        let unknown = error("INVALID_DATA", text, &json!({ "resource_path_index": 1 }));
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "A" })])
            .remove(0);
        for id in ["5", &account] {
            ada.get(&path(id)).is(400, &unknown);
            ada.put(&path(id), &body).is(400, &unknown);
        }
        // A record that they do not see is as unknown as any other.
        api.make_private("Leads");
        let rohan = api.caller("rohan");
        let foreign = path(&crate::blueprint::lead(&api, "Contacted"));
        rohan.get(&foreign).is(400, &unknown);
        rohan.put(&foreign, &body).is(400, &unknown);
        let deal = ada.get(&format!("Accounts/{account}/actions/blueprint"));
        deal.is(400, &not_in_process());
    }

    pub(super) fn invalid_transition(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let lead = lead(&api, "Not Contacted");
        let other = crate::blueprint::lead(&api, "Contacted");
        let details = json!({
            "api_name": "transition_id", "json_path": "$.blueprint[0].transition_id",
        });
        let wanted = error("INVALID_DATA", "invalid transition", &details);
        api.unchanged_by(|| {
            for id in [
                json!("5"),
                json!("x"),
                json!(true),
                json!({}),
                json!(transition(&api, "Qualify")),
            ] {
                let body = json!({ "blueprint": [{ "transition_id": id }] });
                ada.put(&path(&lead), &body).is(400, &wanted);
            }
            // The record does not meet what this way asks for.
            go(&api, "admin", &other, "Qualify", &json!({})).is(400, &wanted);
        });
        // Data that come with the way do not count: what stands decides.
        let employees = json!({ "No_of_Employees": 11 });
        go(&api, "admin", &other, "Qualify", &employees).is(400, &wanted);
        let change = json!({ "data": [employees] });
        assert_eq!(ada.put(&format!("Leads/{other}"), &change).status, 200);
        assert_eq!(go(&api, "admin", &other, "Qualify", &json!({})).status, 200);
    }

    pub(super) fn mandatory_not_found_in_a_transition(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let lead = lead(&api, "Not Contacted");
        let account = ada
            .make("Contacts", &[json!({ "Last_Name": "A" })])
            .remove(0);
        let missing = |name: &str| {
            let path = format!("$.blueprint[0].data.{name}");
            let details = json!({ "api_name": name, "json_path": path });
            error("MANDATORY_NOT_FOUND", "required field not found", &details)
        };
        let referred = json!({ "id": account });
        api.unchanged_by(|| {
            for (data, name) in [
                (json!({}), "Phone"),
                (json!({ "Phone": null, "Referred_By": referred }), "Phone"),
                (json!({ "Phone": "1" }), "Referred_By"),
            ] {
                go(&api, "admin", &lead, "Call", &data).is(400, &missing(name));
            }
        });
        // A value that the record has already is enough.
        let change = json!({ "data": [{ "Phone": "1" }] });
        assert_eq!(ada.put(&format!("Leads/{lead}"), &change).status, 200);
        let data = json!({ "Referred_By": referred });
        assert_eq!(go(&api, "admin", &lead, "Call", &data).status, 200);
    }

    pub(super) fn no_permission_for_a_transition(kind: Kind) {
        let api = start(kind, &of_everyone());
        let lead = lead(&api, "Not Contacted");
        let denied = |details: Json| error("NO_PERMISSION", "permission denied", &details);
        let at = json!({
            "api_name": "transition_id", "json_path": "$.blueprint[0].transition_id",
        });
        api.unchanged_by(|| {
            // Neither another user of the profile nor another profile may give up Meera's lead.
            for who in ["rohan", "carla"] {
                go(&api, who, &lead, "Give up", &json!({})).is(403, &denied(at.clone()));
            }
            let data = json!({ "Lead_Source": "Chat" });
            let field = error(
                "NO_PERMISSION",
                "Field Edit Permission not given",
                &json!({ "api_name": "Lead_Source" }),
            );
            go(&api, "carla", &lead, "Call", &data).is(403, &field);
            // Carla sees deals and changes none.
            let permission = json!({ "permissions": ["Crm_Implied_Edit_Deals"] });
            let body = json!({ "blueprint": [{ "transition_id": "5" }] });
            let carla = api.caller("carla");
            carla
                .put("Deals/5/actions/blueprint", &body)
                .is(403, &denied(permission));
        });
        let read = api.caller_with("admin", "ZohoCRM.modules.leads.READ");
        assert_eq!(read.get(&path(&lead)).status, 200);
        let body = json!({ "blueprint": [{ "transition_id": "5" }] });
        assert_eq!(read.put(&path(&lead), &body).status, 401);
        // Administrators may go every way.
        assert_eq!(go(&api, "admin", &lead, "Give up", &json!({})).status, 200);
    }

    pub(super) fn no_permission_for_a_transition_of_a_hidden_field(kind: Kind) {
        let hidden = "[[profile]]\nname = \"Care Desk\"\n\
                      [profile.modules]\nLeads = [\"view\", \"edit\"]\n\
                      [profile.fields]\nLeads.Lead_Status = \"hidden\"\n";
        let api = start(kind, &format!("{}{hidden}", of_everyone()));
        let lead = lead(&api, "Not Contacted");
        let carla = api.caller("carla");
        let at = json!({
            "api_name": "transition_id", "json_path": "$.blueprint[0].transition_id",
        });
        let denied = error("NO_PERMISSION", "permission denied", &at);
        api.unchanged_by(|| {
            for version in Version::ALL {
                let carla = carla.speaking(version);
                let shown = carla.get(&path(&lead));
                assert_eq!(shown.status, 200, "{}", shown.text);
                let shown = shown.json()["blueprint"].clone();
                assert_eq!(shown["process_info"]["name"], "Follow-up");
                assert_eq!(shown["process_info"]["field_value"], Json::Null);
                assert_eq!(shown["transitions"], json!([]));
                // A way that starts at the record's state, one that does not, and none at all:
                // the answers must not tell these apart.
                let data = json!({ "Phone": "555" });
                for way in ["Call", "Qualify"].map(|name| transition(&api, name)) {
                    for id in [json!(way), json!("5")] {
                        let wanted = json!({ "transition_id": id, "data": data });
                        let body = json!({ "blueprint": [wanted] });
                        carla.put(&path(&lead), &body).is(403, &denied);
                    }
                }
            }
        });
        let shown = api.caller("meera").get(&path(&lead)).json();
        let info = &shown["blueprint"]["process_info"];
        assert_eq!(info["field_value"], "Not Contacted");
    }

    pub(super) fn what_is_refused_in_the_body_of_a_transition(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let lead = lead(&api, "Not Contacted");
        let call = transition(&api, "Call");
        let invalid = |name: &str, path: &str, more: Json| {
            let mut details = json!({ "api_name": name, "json_path": path });
            details
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            error("INVALID_DATA", "invalid data", &details)
        };
        let missing = |name: &str, path: &str| {
            let details = json!({ "api_name": name, "json_path": path });
            error("MANDATORY_NOT_FOUND", "required field not found", &details)
        };
        let of = |data: Json| json!({ "blueprint": [{ "transition_id": call, "data": data }] });
        let list = json!({ "expected_data_type": "jsonarray" });
        let object = json!({ "expected_data_type": "jsonobject" });
        let one = json!({ "transition_id": call });
        let own = error(
            "INVALID_DATA",
            "the transition itself writes the blueprint's field",
            &json!({ "api_name": "Lead_Status", "json_path": "$.blueprint[0].data.Lead_Status" }),
        );
        let dangling = error(
            "INVALID_DATA",
            "the related id given seems to be invalid",
            &json!({ "api_name": "Referred_By", "json_path": "$.blueprint[0].data.Referred_By.id" }),
        );
        api.unchanged_by(|| {
            for (body, wanted) in [
                (json!({}), missing("blueprint", "$.blueprint")),
                (
                    json!({ "blueprint": [] }),
                    missing("blueprint", "$.blueprint"),
                ),
                (
                    json!({ "blueprint": {} }),
                    invalid("blueprint", "$.blueprint", list.clone()),
                ),
                (
                    json!({ "blueprint": [5] }),
                    invalid("blueprint", "$.blueprint[0]", object.clone()),
                ),
                (
                    json!({ "blueprint": [one, one] }),
                    invalid("blueprint", "$.blueprint", json!({ "maximum_length": 1 })),
                ),
                (
                    json!({ "blueprint": [{ "data": {} }] }),
                    missing("transition_id", "$.blueprint[0].transition_id"),
                ),
                (
                    of(json!([])),
                    invalid("data", "$.blueprint[0].data", object.clone()),
                ),
                (of(json!({ "Lead_Status": "Contacted" })), own),
                (
                    of(json!({ "Phone": "1", "Referred_By": { "id": "5" } })),
                    dangling,
                ),
                (
                    of(json!({ "Phone": 5 })),
                    invalid(
                        "Phone",
                        "$.blueprint[0].data.Phone",
                        json!({ "expected_data_type": "phone" }),
                    ),
                ),
            ] {
                let reply = ada.put(&path(&lead), &body);
                assert_eq!((reply.status, reply.json()), (400, wanted), "{body}");
            }
        });
    }

    pub(super) fn record_locked_and_other_holds_in_a_blueprint(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let lead = lead(&api, "Not Contacted");
        let lock = ada.lock("Leads", &lead);
        let text = "Sorry, you cannot perform this operation as the record is locked.";
        let details = json!({ "action": "record_locking", "id": lead });
        let locked = error("RECORD_LOCKED", text, &details);
        ada.get(&path(&lead)).is(400, &locked);
        go(&api, "meera", &lead, "Give up", &json!({})).is(400, &locked);
        ada.delete(&format!("Leads/{lead}/Locking_Information__s/{lock}"));
        let token = api.token(api.user("admin"), "swathe.holds.ALL,ZohoCRM.modules.ALL");
        let hold = format!("/swathe/v1/records/Leads/{lead}/holds/approval");
        assert_eq!(api.call("PUT", &hold, &token).status, 201);
        let unapproved = error(
            "NOT_APPROVED",
            "record not approved",
            &json!({ "id": lead }),
        );
        ada.get(&path(&lead)).is(400, &unapproved);
        go(&api, "meera", &lead, "Give up", &json!({})).is(400, &unapproved);
        assert_eq!(api.call("DELETE", &hold, &token).status, 204);
        assert_eq!(go(&api, "meera", &lead, "Give up", &json!({})).status, 200);
    }
}
