//! Conversion of one lead refused: each row of wire API 6.1, and that nothing was changed; and its
//! options (6.2).

use crate::api::Api;
use crate::convert::{convert, converted, lead};
use crate::demo::{Caller, error};
use model::people::Right;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    id_already_converted,
    invalid_data_for_an_unknown_lead,
    mandatory_not_found_in_the_deal_and_in_what_is_named,
    mapping_mismatch_of_pipeline_and_stage,
    invalid_data_for_wrong_values_and_unknown_keys,
    duplicate_data_leaves_nothing_behind,
    held_leads_are_refused_in_this_calls_words,
    no_permission_to_convert_or_to_create,
    non_subordinate_user,
    a_record_that_is_not_shown_is_not_found_and_not_told,
    a_record_that_may_not_be_changed_is_not_taken,
    a_value_that_is_too_long_is_refused_and_never_cut,
    a_converted_lead_is_told_by_what_it_became,
    a_lead_in_a_process_is_not_converted,
    options_tell_what_exists,
    options_refuse_by_version,
}

/// Asks in every version; each must refuse so, alone or in `data`, and change nothing.
fn refuses(api: &Api, caller: &Caller<'_>, lead: &str, item: &Json, wanted: (u16, &Json, bool)) {
    let (status, error, bare) = wanted;
    let before = api.tables();
    for version in Version::ALL.into_iter().filter(|v| *v >= Version::V3) {
        let reply = convert(&caller.speaking(version), lead, item);
        let body = if bare {
            error.clone()
        } else {
            json!({ "data": [error] })
        };
        reply.is(status, &body);
    }
    assert_eq!(api.tables(), before);
}

fn deal() -> Json {
    json!({ "Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2031-06-30" })
}

fn some_lead(ada: &Caller<'_>) -> String {
    lead(ada, &json!({ "Last_Name": "Ode", "Company": "Ode Works" }))
}

/// Everyone of the Standard profile has all rights but this one over a module.
fn without(api: &Api, module: &str, right: Right) {
    api.change_catalog(|catalog| {
        let id = catalog.module(module).unwrap().id;
        for profile in &mut catalog.profiles {
            if profile.name == "Standard" {
                let others = Right::ALL.into_iter().filter(|other| *other != right);
                profile.modules.insert(id, others.collect());
            }
        }
    });
}

mod check {
    use super::*;

    pub(super) fn id_already_converted(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = some_lead(&ada);
        converted(&ada, &lead, &json!({}));
        let details = json!({ "resource_path_index": 1 });
        let wanted = error("ID_ALREADY_CONVERTED", "id already converted", &details);
        // Whatever else the request lacks.
        refuses(
            &api,
            &ada,
            &lead,
            &json!({ "Deals": {} }),
            (400, &wanted, true),
        );
    }

    pub(super) fn invalid_data_for_an_unknown_lead(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "resource_path_index": 1 });
        let wanted = error("INVALID_DATA", "invalid data", &details);
        for id in ["999999999999999999", "none"] {
            refuses(&api, &ada, id, &json!({}), (400, &wanted, true));
        }
    }

    pub(super) fn mandatory_not_found_in_the_deal_and_in_what_is_named(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = some_lead(&ada);
        let missing = |name: &str, path: &str| {
            let details = json!({ "api_name": name, "json_path": format!("$.data[0].{path}") });
            error("MANDATORY_NOT_FOUND", "required field not found", &details)
        };
        for name in ["Deal_Name", "Stage", "Closing_Date"] {
            let mut deal = deal();
            deal.as_object_mut().unwrap().remove(name);
            let wanted = missing(name, &format!("Deals.{name}"));
            refuses(
                &api,
                &ada,
                &lead,
                &json!({ "Deals": deal }),
                (400, &wanted, false),
            );
        }
        for name in ["Contacts", "Accounts", "assign_to"] {
            let wanted = missing("id", &format!("{name}.id"));
            refuses(
                &api,
                &ada,
                &lead,
                &json!({ name: {} }),
                (400, &wanted, false),
            );
        }
    }

    pub(super) fn mapping_mismatch_of_pipeline_and_stage(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(
            "[[module]]\napi_name = \"Deals\"\n[[module.field]]\napi_name = \"Stage\"\n\
             depends_on = \"Pipeline\"\nmaps = { Standard = [\"Closed Won\"] }\n",
        );
        let ada = api.caller("admin");
        let lead = some_lead(&ada);
        let mut deal = deal();
        deal["Pipeline"] = "Standard".into();
        let details = json!({
            "api_name": "Stage", "mapped_field": "Pipeline",
            "json_path": "$.data[0].Deals.Stage",
        });
        let wanted = error(
            "MAPPING_MISMATCH",
            "Pipeline doesn't contain the Stage",
            &details,
        );
        refuses(
            &api,
            &ada,
            &lead,
            &json!({ "Deals": deal }),
            (400, &wanted, false),
        );
    }

    pub(super) fn invalid_data_for_wrong_values_and_unknown_keys(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = some_lead(&ada);
        let mut dated = deal();
        dated["Closing_Date"] = "soon".into();
        let mut roled = deal();
        roled["Contact_Role"] = "1".into();
        let id = "999999999999999999";
        for (item, name, path, kind) in [
            (
                json!({ "Deals": dated }),
                "Closing_Date",
                "Deals.Closing_Date",
                Some("date"),
            ),
            (
                json!({ "Deals": roled }),
                "Contact_Role",
                "Deals.Contact_Role",
                None,
            ),
            (json!({ "Deals": [] }), "Deals", "Deals", Some("jsonobject")),
            (
                json!({ "Contacts": id }),
                "Contacts",
                "Contacts",
                Some("jsonobject"),
            ),
            (
                json!({ "Contacts": { "id": "x" } }),
                "id",
                "Contacts.id",
                Some("long"),
            ),
            (
                json!({ "Contacts": { "id": id } }),
                "Contacts",
                "Contacts.id",
                None,
            ),
            (
                json!({ "assign_to": { "id": id } }),
                "id",
                "assign_to.id",
                None,
            ),
            (
                json!({ "overwrite": "yes" }),
                "overwrite",
                "overwrite",
                Some("boolean"),
            ),
            (json!({ "Account": {} }), "Account", "Account", None),
            (
                json!({ "carry_over_tags": [] }),
                "carry_over_tags",
                "carry_over_tags",
                Some("jsonobject"),
            ),
            (
                json!({ "carry_over_tags": { "Tasks": [] } }),
                "Tasks",
                "carry_over_tags.Tasks",
                None,
            ),
            (
                json!({ "move_attachments_to": { "api_name": "Tasks" } }),
                "api_name",
                "move_attachments_to.api_name",
                None,
            ),
        ] {
            let mut details = json!({ "api_name": name, "json_path": format!("$.data[0].{path}") });
            if let Some(kind) = kind {
                details["expected_data_type"] = kind.into();
            }
            let wanted = error("INVALID_DATA", "invalid data", &details);
            refuses(&api, &ada, &lead, &item, (400, &wanted, false));
        }
        // In the first versions an id stands for itself.
        let old = ada.speaking(Version::V2);
        let item = json!({ "Contacts": { "id": id } });
        assert_eq!(
            convert(&old, &lead, &item).json()["data"][0]["code"],
            "INVALID_DATA"
        );
    }

    pub(super) fn duplicate_data_leaves_nothing_behind(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(
            "[[module]]\napi_name = \"Deals\"\n[[module.field]]\napi_name = \"Next_Step\"\n\
             type = \"text\"\nmax = 100\nunique = true\n",
        );
        let ada = api.caller("admin");
        let mut deal = deal();
        deal["Next_Step"] = "Call".into();
        converted(&ada, &some_lead(&ada), &json!({ "Deals": deal }));
        let lead = lead(
            &ada,
            &json!({ "Last_Name": "Rowe", "Company": "Rowe Works" }),
        );
        // The account and the contact would have been made.
        let before = api.record_tables();
        let reply = convert(&ada, &lead, &json!({ "Deals": deal }));
        let told = reply.json()["data"][0].clone();
        assert_eq!(
            (reply.status, told["code"].as_str()),
            (400, Some("DUPLICATE_DATA"))
        );
        assert_eq!(told["message"], "duplicate data");
        assert_eq!(told["details"]["json_path"], "$.data[0].Deals.Next_Step");
        assert_eq!(api.record_tables(), before);
    }

    pub(super) fn held_leads_are_refused_in_this_calls_words(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let put = |lead: &str, hold: &str| {
            let path = format!("/swathe/v1/records/Leads/{lead}/holds/{hold}");
            let token = api.token(api.user("admin"), "swathe.holds.ALL,ZohoCRM.modules.ALL");
            assert!(api.call_with("PUT", &path, &token, b"{}").status < 300);
        };
        let unapproved = "cannot convert record that is not approved yet";
        for (hold, code, text) in [
            ("approval", "NOT_APPROVED", unapproved),
            ("merge", "RECORD_LOCKED", unapproved),
            ("image_check", "RECORD_LOCKED", unapproved),
            ("review_pending", "NOT_REVIEWED", "record not reviewed"),
        ] {
            let lead = some_lead(&ada);
            put(&lead, hold);
            refuses(
                &api,
                &ada,
                &lead,
                &json!({}),
                (400, &error(code, text, &json!({})), true),
            );
        }
        let lead = some_lead(&ada);
        ada.lock("Leads", &lead);
        let text = "You cannot perform this operation as the record is locked.";
        let wanted = error("RECORD_LOCKED", text, &json!({}));
        refuses(&api, &ada, &lead, &json!({}), (400, &wanted, true));
        let lead = some_lead(&ada);
        put(&lead, "stop");
        let reply = convert(&ada, &lead, &json!({}));
        assert_eq!(reply.json()["code"], "CANNOT_PROCESS");
    }

    pub(super) fn no_permission_to_convert_or_to_create(kind: Kind) {
        let api = Api::start_demo(kind);
        for module in ["Leads", "Contacts", "Accounts", "Deals"] {
            api.share_module(module, model::access::Sharing::PublicReadWriteDelete);
            without(&api, module, Right::MassUpdate);
        }
        let lead = some_lead(&api.caller("admin"));
        let oskar = api.caller("oskar");
        without(&api, "Deals", Right::Create);
        let wanted = error(
            "NO_PERMISSION",
            "Permission denied to create",
            &json!({ "permissions": ["Crm_Implied_Create_Deals"] }),
        );
        refuses(
            &api,
            &oskar,
            &lead,
            &json!({ "Deals": deal() }),
            (403, &wanted, true),
        );
        without(&api, "Leads", Right::Convert);
        let permissions = json!({ "permissions": ["Crm_Implied_Mass_Convert_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &permissions);
        refuses(&api, &oskar, &lead, &json!({}), (403, &wanted, true));
    }

    pub(super) fn non_subordinate_user(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(crate::owners::TO_SUBORDINATES);
        for module in ["Leads", "Contacts", "Accounts"] {
            api.share_module(module, model::access::Sharing::PublicReadWriteDelete);
        }
        let lead = some_lead(&api.caller("admin"));
        let oskar = api.caller("oskar");
        let item = json!({ "assign_to": { "id": api.user_id("admin") } });
        let details = json!({ "api_name": "Owner", "json_path": "$.data[0].Owner" });
        let wanted = error("INVALID_DATA", "Non Subordinate User Found", &details);
        refuses(&api, &oskar, &lead, &item, (400, &wanted, false));
        // To leave what is made to the lead's owner is no gift.
        converted(&oskar, &lead, &json!({}));
    }

    pub(super) fn a_record_that_is_not_shown_is_not_found_and_not_told(kind: Kind) {
        let api = Api::start_demo(kind);
        api.share_module("Leads", model::access::Sharing::PublicReadWriteDelete);
        for module in ["Contacts", "Accounts"] {
            api.make_private(module);
        }
        let ada = api.caller("admin");
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "Ode Works" })])
            .remove(0);
        let lead = lead(
            &ada,
            &json!({ "Last_Name": "Ode", "Company": "Ode Works",
            "Owner": { "id": api.user_id("oskar") } }),
        );
        let oskar = api.caller("oskar");
        let named = json!({ "Accounts": { "id": account } });
        let reply = convert(&oskar, &lead, &named);
        assert_eq!(
            reply.json()["data"][0]["code"],
            "INVALID_DATA",
            "{}",
            reply.text
        );
        let made = converted(&oskar, &lead, &json!({}));
        assert_ne!(made["Accounts"]["id"], account);
    }

    pub(super) fn a_record_that_may_not_be_changed_is_not_taken(kind: Kind) {
        let api = Api::start_demo(kind);
        api.share_module("Leads", model::access::Sharing::PublicReadWriteDelete);
        api.share_module("Accounts", model::access::Sharing::PublicReadOnly);
        let ada = api.caller("admin");
        ada.make("Accounts", &[json!({ "Account_Name": "Ode Works" })]);
        let lead = some_lead(&ada);
        let before = api.record_tables();
        let reply = convert(&api.caller("oskar"), &lead, &json!({}));
        assert_eq!(
            reply.json()["data"][0]["code"],
            "CANNOT_PERFORM_ACTION",
            "{}",
            reply.text
        );
        assert_eq!(api.record_tables(), before);
    }

    pub(super) fn a_value_that_is_too_long_is_refused_and_never_cut(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(
            "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Wish\"\n\
             type = \"text\"\nmax = 50\nconvert_to = { Contacts = \"Hope\" }\n\
             [[module]]\napi_name = \"Contacts\"\n[[module.field]]\napi_name = \"Hope\"\n\
             type = \"text\"\nmax = 20\n",
        );
        let ada = api.caller("admin");
        let wish = |length: usize| {
            let values = json!({ "Last_Name": "Ode", "Wish": "x".repeat(length) });
            lead(&ada, &values)
        };
        let reply = convert(&ada, &wish(21), &json!({}));
        let told = reply.json()["data"][0].clone();
        assert_eq!(told["code"], "INVALID_DATA");
        assert_eq!(told["details"]["maximum_length"], 20);
        assert_eq!(told["details"]["json_path"], "$.data[0].Wish");
        let made = converted(&ada, &wish(20), &json!({ "add_to_existing_record": false }));
        let contact = ada.record("Contacts", made["Contacts"]["id"].as_str().unwrap());
        assert_eq!(contact["Hope"], "x".repeat(20));
        let field = api
            .caller("admin")
            .get("settings/fields?module=Leads")
            .json();
        let fields = field["fields"].as_array().unwrap();
        let wish = fields
            .iter()
            .find(|field| field["api_name"] == "Wish")
            .unwrap();
        let ways = json!({ "Contacts": "Hope", "Accounts": null, "Deals": null });
        assert_eq!(wish["convert_mapping"], ways);
    }

    pub(super) fn a_converted_lead_is_told_by_what_it_became(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = some_lead(&ada);
        assert_eq!(ada.record("Leads", &lead)["$converted_detail"], json!({}));
        let made = converted(&ada, &lead, &json!({}));
        assert_eq!(ada.get(&format!("Leads/{lead}")).status, 204);
        let told = ada.get(&format!("Leads/{lead}?converted=true")).json()["data"][0].clone();
        assert_eq!(told["Converted__s"], true);
        assert_eq!(told["Converted_Contact"], made["Contacts"]);
        assert_eq!(told["Converted_Account"], made["Accounts"]);
        assert_eq!(told["Converted_Deal"], Json::Null);
        assert_eq!(told["$converted_detail"]["contact"], made["Contacts"]["id"]);
        assert_eq!(
            told["$converted_detail"]["convert_date"],
            told["Converted_Date_Time"]
        );
        let body = json!({ "data": [{ "City": "Faro" }] });
        let codes = ada.put(&format!("Leads/{lead}"), &body).codes();
        assert_eq!(codes, ["CONVERTED_RECORD"]);
    }

    pub(super) fn a_lead_in_a_process_is_not_converted(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(
            "[[module]]\napi_name = \"Leads\"\n[[module.blueprint]]\nname = \"Way\"\n\
             field = \"Lead_Status\"\n[[module.blueprint.transition]]\nname = \"On\"\n\
             from = [\"Contacted\"]\nto = \"Junk Lead\"\n",
        );
        let ada = api.caller("admin");
        let lead = lead(
            &ada,
            &json!({ "Last_Name": "Ode", "Lead_Status": "Contacted" }),
        );
        let wanted = error(
            "RECORD_IN_BLUEPRINT",
            "The record is in blue print",
            &json!({ "id": lead }),
        );
        refuses(&api, &ada, &lead, &json!({}), (400, &wanted, true));
    }

    pub(super) fn options_tell_what_exists(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = some_lead(&ada);
        let path = format!("Leads/{lead}/__conversion_options");
        assert_eq!(ada.get(&path).status, 204);
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "ODE WORKS" })])
            .remove(0);
        let told = ada.get(&path).json()["__conversion_options"].clone();
        let module = api.catalog().module("Accounts").unwrap().id.to_string();
        let preferred = json!({ "api_name": "Accounts", "id": module });
        assert_eq!(told["module_preference"], preferred);
        assert_eq!(told["Contacts"], Json::Null);
        assert_eq!(told["Accounts"][0]["id"], account);
        assert_eq!(told["Accounts"][0]["Account_Name"], "ODE WORKS");
        assert_eq!(told["Accounts"][0]["$editable"], true);
        let matched = &told["preference_field_matched_value"]["Accounts"][0];
        assert_eq!(matched["field"]["api_name"], "Account_Name");
        assert_eq!(matched["matched_lead_value"], "Ode Works");
        assert_eq!(
            told["preference_field_matched_value"]["Contacts"],
            Json::Null
        );
        assert_eq!(told["modules_with_multiple_layouts"], json!([]));
    }

    pub(super) fn options_refuse_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = some_lead(&ada);
        converted(&ada, &lead, &json!({}));
        let locked = some_lead(&ada);
        ada.lock("Leads", &locked);
        let unapproved = some_lead(&ada);
        let token = api.token(api.user("admin"), "swathe.holds.ALL,ZohoCRM.modules.ALL");
        let approval = format!("/swathe/v1/records/Leads/{unapproved}/holds/approval");
        assert!(api.call_with("PUT", &approval, &token, b"{}").status < 300);
        for version in Version::ALL.into_iter().filter(|v| *v >= Version::V3) {
            let [unknown, held, waiting] = if version == Version::V8 {
                [
                    "the given id seems to be invalid",
                    "record under merge is locked",
                    "record not approved",
                ]
            } else {
                [
                    "The given ID seems to be invalid.",
                    "The record under merge is locked",
                    "The record is not approved",
                ]
            };
            let details = json!({ "resource_path_index": 1 });
            for (id, code, text) in [
                (lead.as_str(), "INVALID_DATA", unknown),
                ("999999999999999999", "INVALID_DATA", unknown),
                (locked.as_str(), "RECORD_LOCKED", held),
                (unapproved.as_str(), "NOT_APPROVED", waiting),
            ] {
                let path = format!("Leads/{id}/__conversion_options");
                let wanted = error(code, text, &details);
                ada.speaking(version).get(&path).is(400, &wanted);
            }
        }
    }
}
