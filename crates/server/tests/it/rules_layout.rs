//! Layouts that offer some values and demand some fields, and picklists that depend on others (wire
//! API 1.6, 9.2, 11.3).

use crate::api::Api;
use crate::demo::{Caller, error, in_data, refused};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    invalid_data_picklist_not_found_in_record_layout,
    picklist_not_found_in_record_layout_counts_as_failed_in_a_job,
    picklist_not_found_in_the_layout_of_a_single_write,
    what_a_record_already_has_outside_its_layout_may_stay,
    mapping_mismatch_of_two_fields_of_one_mass_update,
    mapping_mismatch_of_one_field_with_what_a_record_has,
    mapping_mismatch_of_single_writes,
    mapping_mismatch_layout_doesnt_contain_the_pipeline,
    layout_pipeline_and_stage_are_updated_together_in_v8,
    a_picklist_of_ones_own_may_depend_on_another,
    a_layout_demands_its_fields_of_a_new_record_that_names_it,
    a_field_that_the_records_layout_demands_cannot_be_cleared,
    layouts_show_what_they_offer_demand_and_map,
}

const BAD: &str = "INVALID_DATA";
const MISMATCH: &str = "MAPPING_MISMATCH";
const OUTSIDE: &str = "picklist not found in record layout";

/// Two pipelines, of which the layout Service has one, and a layout that offers less.
const LAYOUTS: &str = r#"
[[module]]
api_name = "Deals"

[[module.field]]
api_name = "Pipeline"
values = ["Standard", "Service", "Unmapped"]

[[module.field]]
api_name = "Stage"
depends_on = "Pipeline"

[module.field.maps]
Standard = ["Qualification", "Negotiation/Review", "Closed Won", "Closed Lost"]
Service = ["Needs Analysis", "Closed Won", "Closed Lost"]

[[module.layout]]
name = "Service"

[module.layout.values]
Pipeline = ["Service"]
Lead_Source = ["Partner", "Chat"]
Languages_Known = ["English", "Hindi"]

[[module.layout.section]]
name = "Service"
fields = ["Owner", "Deal_Name", "Pipeline", "Stage", "Lead_Source", "Languages_Known", "Next_Step"]
required = ["Next_Step"]
"#;

fn with_layouts(kind: Kind) -> Api {
    let api = Api::start_demo(kind);
    api.apply_org(LAYOUTS);
    api
}

/// A deal of the layout Standard and one of the layout Service.
fn deals(api: &Api, ada: &Caller<'_>) -> [String; 2] {
    let service = json!({ "id": api.layout("Deals", "Service") });
    let made = ada.make(
        "Deals",
        &[
            json!({ "Deal_Name": "A", "Pipeline": "Standard", "Stage": "Qualification" }),
            json!({
                "Deal_Name": "B", "Pipeline": "Service", "Stage": "Needs Analysis",
                "Layout": service, "Next_Step": "Call",
            }),
        ],
    );
    made.try_into().unwrap()
}

fn mixed(version: Version) -> u16 {
    if version == Version::V8 { 207 } else { 200 }
}

fn mapped(details: &Json) -> Json {
    error(MISMATCH, "Pipeline doesn't contain the Stage", details)
}

mod check {
    use super::*;

    pub(super) fn invalid_data_picklist_not_found_in_record_layout(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        for (data, field) in [
            (json!({ "Lead_Source": "Trade Show" }), "Lead_Source"),
            (
                json!({ "Languages_Known": ["Hindi", "Marathi"] }),
                "Languages_Known",
            ),
        ] {
            let body = json!({ "data": [data], "ids": ids });
            let details = json!({ "api_name": field, "id": ids[1] });
            for version in Version::ALL {
                let reply = ada.speaking(version).mass_update("Deals", &body);
                assert_eq!(reply.status, mixed(version));
                assert_eq!(reply.codes()[0], "SUCCESS");
                assert_eq!(reply.items()[1], error(BAD, OUTSIDE, &details));
            }
        }
        let body = json!({ "data": [{ "Lead_Source": "Chat" }], "ids": ids });
        assert_eq!(
            ada.mass_update("Deals", &body).codes(),
            ["SUCCESS", "SUCCESS"]
        );
    }

    pub(super) fn picklist_not_found_in_record_layout_counts_as_failed_in_a_job(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        let cvid = api.view("Deals", "All Deals");
        let body = json!({ "data": [{ "Lead_Source": "Trade Show" }], "cvid": cvid });
        let reply = ada.mass_update("Deals", &body);
        let job = reply.json()["data"][0]["details"]["job_id"].clone();
        api.run_jobs();
        let path = format!("Deals/actions/mass_update?job_id={}", job.as_str().unwrap());
        assert_eq!(
            ada.get(&path).json()["data"][0],
            crate::demo::status("COMPLETED", [1, 1, 0, 2])
        );
        assert_eq!(ada.record("Deals", &ids[0])["Lead_Source"], "Trade Show");
        assert_eq!(ada.record("Deals", &ids[1])["Lead_Source"], Json::Null);
    }

    pub(super) fn picklist_not_found_in_the_layout_of_a_single_write(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        let body = json!({ "data": [{ "Lead_Source": "Trade Show" }] });
        let reply = api.unchanged_by(|| ada.put(&format!("Deals/{}", ids[1]), &body));
        let details = json!({
            "api_name": "Lead_Source", "id": ids[1], "json_path": "$.data[0].Lead_Source",
        });
        reply.is(400, &in_data(&error(BAD, OUTSIDE, &details)));
        let service = json!({ "id": api.layout("Deals", "Service") });
        let body = json!({ "data": [{
            "Deal_Name": "C", "Stage": "Closed Won", "Next_Step": "Call", "Layout": service,
            "Lead_Source": "Trade Show",
        }] });
        let reply = api.unchanged_by(|| ada.post("Deals", &body));
        let details = json!({ "api_name": "Lead_Source", "json_path": "$.data[0].Lead_Source" });
        reply.is(400, &in_data(&error(BAD, OUTSIDE, &details)));
    }

    pub(super) fn what_a_record_already_has_outside_its_layout_may_stay(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        api.execute(&format!(
            "UPDATE \"m_Deals\" SET \"Languages_Known\" = '[\"Marathi\"]' WHERE id = {}",
            ids[1]
        ));
        let body = json!({ "data": [{ "Languages_Known": ["Hindi"] }], "ids": [ids[1]] });
        assert_eq!(ada.mass_update("Deals", &body).codes(), ["SUCCESS"]);
        assert_eq!(
            ada.record("Deals", &ids[1])["Languages_Known"],
            json!(["Marathi", "Hindi"])
        );
    }

    pub(super) fn mapping_mismatch_of_two_fields_of_one_mass_update(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        let details = json!({
            "mapped_field": "Pipeline", "api_name": "Stage", "json_path": "$.data[0].Stage",
        });
        for (pipeline, stage) in [
            ("Service", "Qualification"),
            ("Standard", "Needs Analysis"),
            ("Unmapped", "Closed Won"),
        ] {
            let data = json!([{ "Pipeline": pipeline, "Stage": stage }]);
            for body in [
                json!({ "data": data, "ids": ids }),
                json!({ "data": data, "cvid": api.view("Deals", "All Deals") }),
            ] {
                let wanted = in_data(&mapped(&details));
                refused(&api, &ada, ("Deals", &body), |_| (400, wanted.clone()));
            }
        }
        let data = json!([{ "Pipeline": "Service", "Stage": "Closed Won" }]);
        let reply = ada.mass_update("Deals", &json!({ "data": data, "ids": ids }));
        assert_eq!(reply.codes(), ["SUCCESS", "SUCCESS"]);
    }

    pub(super) fn mapping_mismatch_of_one_field_with_what_a_record_has(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        let details = |id: &str| {
            json!({
                "mapped_field": "Pipeline", "api_name": "Stage", "id": id,
                "json_path": "$.data[0].Stage",
            })
        };
        // The one that depends, then the one it depends on.
        let body = json!({ "data": [{ "Stage": "Negotiation/Review" }], "ids": ids });
        for version in Version::ALL {
            let reply = ada.speaking(version).mass_update("Deals", &body);
            assert_eq!(
                (reply.status, &*reply.codes()[0]),
                (mixed(version), "SUCCESS")
            );
            assert_eq!(reply.items()[1], mapped(&details(&ids[1])));
        }
        let body = json!({ "data": [{ "Pipeline": "Service" }], "ids": ids });
        let reply = ada.mass_update("Deals", &body);
        assert_eq!(reply.items()[0], mapped(&details(&ids[0])));
        assert_eq!(reply.codes()[1], "SUCCESS");
        // Without a pipeline, nothing speaks against a stage.
        let free = json!({ "Deal_Name": "C", "Stage": "Value Proposition" });
        let free = ada.make("Deals", &[free]);
        let body = json!({ "data": [{ "Stage": "Closed Won" }], "ids": free });
        assert_eq!(ada.mass_update("Deals", &body).codes(), ["SUCCESS"]);
    }

    pub(super) fn mapping_mismatch_of_single_writes(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        let body = json!({ "data": [
            { "id": ids[0], "City": "x", "Next_Step": "Mail" },
            { "id": ids[1], "Stage": "Qualification" },
        ] });
        let reply = ada.put("Deals", &body);
        let details = json!({
            "mapped_field": "Pipeline", "api_name": "Stage", "id": ids[1],
            "json_path": "$.data[1].Stage",
        });
        assert_eq!(reply.codes(), ["SUCCESS", MISMATCH]);
        assert_eq!(reply.items()[1], mapped(&details));
        let deal = json!({ "Deal_Name": "C", "Pipeline": "Standard", "Stage": "Needs Analysis" });
        let reply = api.unchanged_by(|| ada.post("Deals", &json!({ "data": [deal] })));
        let details = json!({
            "mapped_field": "Pipeline", "api_name": "Stage", "json_path": "$.data[0].Stage",
        });
        reply.is(400, &in_data(&mapped(&details)));
    }

    pub(super) fn mapping_mismatch_layout_doesnt_contain_the_pipeline(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        let text = "Layout doesn't contain the Pipeline";
        let at = json!({
            "mapped_field": "Layout", "api_name": "Pipeline", "json_path": "$.data[0].Pipeline",
        });
        // Of a record.
        let body =
            json!({ "data": [{ "Pipeline": "Standard", "Stage": "Closed Won" }], "ids": ids });
        let reply = ada.mass_update("Deals", &body);
        let mut of_record = at.clone();
        of_record["id"] = json!(ids[1]);
        assert_eq!(reply.codes(), ["SUCCESS", MISMATCH]);
        assert_eq!(reply.items()[1], error(MISMATCH, text, &of_record));
        // Of the request.
        let service = json!({ "id": api.layout("Deals", "Service") });
        let body = json!({
            "data": [{ "Layout": service, "Pipeline": "Standard", "Stage": "Closed Won" }],
            "ids": ids,
        });
        let reply = api.unchanged_by(|| ada.speaking(Version::V8).mass_update("Deals", &body));
        reply.is(400, &in_data(&error(MISMATCH, text, &at)));
        // Of a single write, and of a move into the layout alone.
        let deal = json!({
            "Deal_Name": "C", "Layout": service, "Pipeline": "Standard", "Stage": "Closed Won",
            "Next_Step": "Call",
        });
        let reply = api.unchanged_by(|| ada.post("Deals", &json!({ "data": [deal] })));
        reply.is(400, &in_data(&error(MISMATCH, text, &at)));
        let body = json!({ "data": [{ "Layout": service, "Next_Step": "Call" }] });
        let reply = api.unchanged_by(|| ada.put(&format!("Deals/{}", ids[0]), &body));
        of_record["id"] = json!(ids[0]);
        reply.is(400, &in_data(&error(MISMATCH, text, &of_record)));
    }

    pub(super) fn layout_pipeline_and_stage_are_updated_together_in_v8(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        let body = json!({ "data": [{ "Next_Step": "Call" }], "ids": ids });
        assert_eq!(ada.mass_update("Deals", &body).status, 200);
        let service = json!({ "id": api.layout("Deals", "Service") });
        let data = json!([{ "Pipeline": "Service", "Stage": "Closed Won", "Layout": service }]);
        let body = json!({ "data": data, "ids": ids });
        for version in Version::ALL {
            let reply = ada.speaking(version).mass_update("Deals", &body);
            if version < Version::V8 {
                let text = "This field cannot be updated in the Mass Update";
                let item = error(BAD, text, &json!({ "api_name": "Layout" }));
                reply.is(400, &in_data(&item));
                continue;
            }
            assert_eq!(
                (reply.status, reply.codes()),
                (200, vec!["SUCCESS".to_owned(); 2])
            );
            for id in &ids {
                let deal = ada.record("Deals", id);
                assert_eq!(deal["Layout"]["name"], "Service");
                assert_eq!(
                    (&deal["Pipeline"], &deal["Stage"]),
                    (&json!("Service"), &json!("Closed Won"))
                );
            }
        }
    }

    pub(super) fn a_picklist_of_ones_own_may_depend_on_another(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.apply_org(
            r#"
[[module]]
api_name = "Leads"
[[module.field]]
api_name = "Uses"
label = "What For"
type = "multiselectpicklist"
values = ["Irrigation", "Drinking Water", "Livestock", "Fish Farming", "Drainage"]
depends_on = "Pump_Type"
maps = { Surface = ["Irrigation", "Drainage"], Borehole = ["Drinking Water"] }
"#,
        );
        let ids = ada.make(
            "Leads",
            &[
                json!({ "Last_Name": "A", "Pump_Type": "Surface", "Uses": ["Irrigation"] }),
                json!({ "Last_Name": "B", "Pump_Type": "Borehole" }),
            ],
        );
        let body = json!({ "data": [{ "Uses": ["Drainage"] }], "ids": ids });
        let reply = ada.mass_update("Leads", &body);
        let details = json!({
            "mapped_field": "Pump_Type", "api_name": "Uses", "id": ids[1],
            "json_path": "$.data[0].Uses",
        });
        let text = "Pump Type doesn't contain the What For";
        assert_eq!(reply.codes(), ["SUCCESS", MISMATCH]);
        assert_eq!(reply.items()[1], error(MISMATCH, text, &details));
        assert_eq!(
            ada.record("Leads", &ids[0])["Uses"],
            json!(["Irrigation", "Drainage"])
        );
    }

    pub(super) fn a_layout_demands_its_fields_of_a_new_record_that_names_it(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let service = json!({ "id": api.layout("Deals", "Service") });
        let deal = json!({ "Deal_Name": "A", "Stage": "Closed Won", "Layout": service });
        let reply = api.unchanged_by(|| ada.post("Deals", &json!({ "data": [deal] })));
        let details = json!({ "api_name": "Next_Step", "json_path": "$.data[0].Next_Step" });
        let item = error("MANDATORY_NOT_FOUND", "required field not found", &details);
        reply.is(400, &in_data(&item));
        // Without a layout, only what the module demands.
        let deal = json!({ "Deal_Name": "A", "Stage": "Closed Won" });
        assert_eq!(ada.post("Deals", &json!({ "data": [deal] })).status, 201);
    }

    pub(super) fn a_field_that_the_records_layout_demands_cannot_be_cleared(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let ids = deals(&api, &ada);
        let missing = "MANDATORY_NOT_FOUND";
        let body = json!({ "data": [{ "Next_Step": null }], "ids": ids });
        for version in Version::ALL {
            let reply = ada.speaking(version).mass_update("Deals", &body);
            assert_eq!(
                (reply.status, reply.codes()),
                (
                    mixed(version),
                    vec!["SUCCESS".to_owned(), missing.to_owned()]
                )
            );
            let details = json!({ "api_name": "Next_Step", "id": ids[1] });
            let item = error(missing, "required field not found", &details);
            assert_eq!(reply.items()[1], item);
        }
        let body = json!({ "data": [{ "Next_Step": "" }] });
        let reply = api.unchanged_by(|| ada.put(&format!("Deals/{}", ids[1]), &body));
        assert_eq!(reply.codes(), [missing]);
        // Nor does a record without it get the layout.
        let service = json!({ "id": api.layout("Deals", "Service") });
        let data = json!([{ "Layout": service, "Pipeline": "Service", "Stage": "Closed Won" }]);
        let body = json!({ "data": data, "ids": [ids[0]] });
        let reply = ada.speaking(Version::V8).mass_update("Deals", &body);
        assert_eq!(reply.codes(), [missing]);
    }

    pub(super) fn layouts_show_what_they_offer_demand_and_map(kind: Kind) {
        let api = with_layouts(kind);
        let ada = api.caller("admin");
        let id = api.layout("Deals", "Service");
        let reply = ada.get(&format!("settings/layouts/{id}?module=Deals"));
        let section = reply.json()["layouts"][0]["sections"][0].clone();
        let field = |name: &str| {
            let mut fields = section["fields"].as_array().unwrap().iter();
            fields
                .find(|field| field["api_name"] == name)
                .unwrap()
                .clone()
        };
        let values = |list: &Json| -> Vec<String> {
            let list = list.as_array().unwrap().iter();
            list.map(|value| value["actual_value"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(field("Next_Step")["required"], true);
        assert_eq!(field("Lead_Source")["required"], false);
        // In the order of the field.
        assert_eq!(
            values(&field("Lead_Source")["pick_list_values"]),
            ["Partner", "Chat"]
        );
        let pipelines = field("Pipeline")["pick_list_values"].clone();
        assert_eq!(values(&pipelines), ["Service"]);
        let maps = &pipelines[0]["maps"];
        assert_eq!(maps[0]["api_name"], "Stage");
        assert_eq!(
            values(&maps[0]["pick_list_values"]),
            ["Needs Analysis", "Closed Won", "Closed Lost"]
        );
        // The field itself keeps them all.
        let fields = ada.get("settings/fields?module=Deals").json();
        let mut fields = fields["fields"].as_array().unwrap().iter();
        let source = fields
            .find(|field| field["api_name"] == "Lead_Source")
            .unwrap();
        assert_eq!(values(&source["pick_list_values"]).len(), 16);
    }
}
