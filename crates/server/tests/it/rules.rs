//! Validation rules and layout rules: on every write, single or mass, for the record as it would
//! become (wire API 1.6, 9.2, 11.4).

use crate::api::Api;
use crate::demo::{Caller, error, in_data, refused, run};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    invalid_data_field_is_associated_with_a_layout_rule,
    invalid_data_field_is_associated_with_a_validation_rule,
    a_validation_rule_refuses_an_insert_with_its_message,
    a_validation_rule_refuses_an_update_with_its_message,
    a_validation_rule_refuses_a_change_of_owner,
    a_validation_rule_fails_records_of_a_mass_change_of_owner,
    a_validation_rule_refuses_records_of_a_mass_update_by_ids,
    a_validation_rule_fails_records_of_a_mass_update_by_view,
    a_validation_rule_for_a_layout_leaves_others_alone,
    a_validation_rule_made_after_the_acceptance_holds,
    a_validation_rule_of_the_current_user_and_day_is_read_at_each_write,
    a_validation_rule_sees_who_changes_a_record_and_when,
    chunks_of_any_size_fail_the_same_records,
    layout_rules_bind_an_insert_only_where_asked,
    layout_rules_bind_an_update_only_where_asked,
    another_feature_to_execute_is_refused,
}

const BAD: &str = "INVALID_DATA";

/// A rule over two fields, and one of a layout.
const RULES: &str = r#"
[[module]]
api_name = "Leads"

[[module.validation_rule]]
name = "No money, no score"
criteria = "((Score:greater_than:50)and(Budget:equals:${EMPTY}))"
message = "A lead without a budget scores at most 50."

[[module.layout_rule]]
name = "Why junk"
layout = "Standard"
criteria = "(Lead_Status:equals:Junk Lead)"
required = ["Description"]
"#;

const MESSAGE: &str = "A lead without a budget scores at most 50.";

fn with_rules(kind: Kind) -> Api {
    let api = Api::start_demo(kind);
    api.apply_org(RULES);
    api
}

fn broken(details: &Json) -> Json {
    error(BAD, MESSAGE, details)
}

fn primary_is_refused(kind: Kind, field: &str, value: &Json, text: &str) {
    let api = with_rules(kind);
    let ada = api.caller("admin");
    let ids = ada.make_leads(1);
    let item = error(BAD, text, &json!({ "api_name": field }));
    let data = json!([{ field: value }]);
    for body in [
        json!({ "data": data, "ids": ids }),
        json!({ "data": data, "cvid": api.view("Leads", "All Leads") }),
    ] {
        refused(&api, &ada, ("Leads", &body), |_| (400, in_data(&item)));
    }
    // One by one it may be written, and where there is no rule, by a mass update too.
    let body = json!({ "data": [{ field: value }] });
    assert_eq!(ada.put(&format!("Leads/{}", ids[0]), &body).status, 200);
    let body = json!({ "data": [{ "City": "Faro" }], "ids": ids });
    assert_eq!(ada.mass_update("Leads", &body).status, 200);
}

/// Leads with and without a budget, and what each may be.
fn rich_and_poor(ada: &Caller<'_>, count: usize) -> Vec<String> {
    let leads: Vec<Json> = (0..count)
        .map(|n| match n % 3 {
            0 => json!({ "Last_Name": "Poor", "Score": 10 }),
            _ => json!({ "Last_Name": "Rich", "Score": 90, "Budget": 100 }),
        })
        .collect();
    ada.make("Leads", &leads)
}

mod check {
    use super::*;

    pub(super) fn invalid_data_field_is_associated_with_a_layout_rule(kind: Kind) {
        let text = "Field cannot be updated as it is associated with a layout rule";
        primary_is_refused(kind, "Lead_Status", &json!("Contacted"), text);
    }

    pub(super) fn invalid_data_field_is_associated_with_a_validation_rule(kind: Kind) {
        let text = "Field cannot be updated as it is associated with a validation rule";
        primary_is_refused(kind, "Score", &json!(5), text);
    }

    pub(super) fn a_validation_rule_refuses_an_insert_with_its_message(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let body = json!({ "data": [
            { "Last_Name": "A", "Score": 51 },
            { "Last_Name": "B", "Score": 50 },
            { "Last_Name": "C", "Score": 51, "Budget": 1 },
            { "Last_Name": "D", "Score": 99, "Budget": null },
        ] });
        let reply = ada.speaking(Version::V8).post("Leads", &body);
        assert_eq!(reply.status, 207);
        let at =
            |n: usize| json!({ "api_name": "Score", "json_path": format!("$.data[{n}].Score") });
        let items = reply.items();
        assert_eq!(items[0], broken(&at(0)));
        assert_eq!(items[3], broken(&at(3)));
        assert_eq!(reply.codes(), [BAD, "SUCCESS", "SUCCESS", BAD]);
        // A refused one takes nothing, not even a number.
        let made: Vec<Json> = [1, 2]
            .iter()
            .map(|n: &usize| items[*n]["details"]["id"].clone())
            .map(|id| ada.record("Leads", id.as_str().unwrap())["Lead_Number"].clone())
            .collect();
        assert_eq!(made, [json!("L-1001"), json!("L-1002")]);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Leads\""), 2);
    }

    pub(super) fn a_validation_rule_refuses_an_update_with_its_message(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let ids = rich_and_poor(&ada, 2);
        let path = |n: usize| format!("Leads/{}", ids[n]);
        let details =
            |n: usize| json!({ "api_name": "Score", "id": ids[n], "json_path": "$.data[0].Score" });
        for (n, data) in [
            (0, json!({ "Score": 60 })),
            // The field that is taken away is not the one that is tested first.
            (1, json!({ "Budget": null })),
            (1, json!({ "City": "Faro", "Budget": null })),
        ] {
            let body = json!({ "data": [data] });
            let reply = api.unchanged_by(|| ada.put(&path(n), &body));
            reply.is(400, &in_data(&broken(&details(n))));
        }
        for (n, data) in [
            (0, json!({ "Score": 60, "Budget": 5 })),
            (1, json!({ "Score": 50, "Budget": null })),
        ] {
            let body = json!({ "data": [data] });
            assert_eq!(ada.put(&path(n), &body).codes(), ["SUCCESS"]);
        }
    }

    pub(super) fn a_validation_rule_refuses_a_change_of_owner(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let poor = json!({ "Last_Name": "A", "Score": 90 });
        let id = ada.make("Leads", &[poor]).remove(0);
        api.apply_org(RULES);
        let body = json!({ "data": [{ "Owner": { "id": api.user("ines").to_string() } }] });
        let reply = api.unchanged_by(|| ada.put(&format!("Leads/{id}"), &body));
        let details = json!({ "api_name": "Score", "id": id, "json_path": "$.data[0].Score" });
        reply.is(400, &in_data(&broken(&details)));
    }

    pub(super) fn a_validation_rule_fails_records_of_a_mass_change_of_owner(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let poor = json!({ "Last_Name": "Poor", "Score": 90 });
        let rich = json!({ "Last_Name": "Rich", "Score": 90, "Budget": 1 });
        let ids = ada.make("Leads", &[poor, rich]);
        api.apply_org(RULES);
        let owner = json!({ "id": api.user_id("oskar") });
        let body = json!({ "cvid": api.view("Leads", "All Leads"), "owner": owner });
        let job = ada.schedule_owner(&body);
        api.run_jobs();
        ada.expect_owner_status(&job, "COMPLETED", [2, 1, 0, 1]);
        assert_eq!(ada.owner_of("Leads", &ids[0]), "Ada Kestrel");
        assert_eq!(ada.owner_of("Leads", &ids[1]), "Oskar Lind");
    }

    pub(super) fn a_validation_rule_refuses_records_of_a_mass_update_by_ids(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let ids = rich_and_poor(&ada, 3);
        let body = json!({ "data": [{ "Budget": null }], "ids": ids });
        for version in Version::ALL {
            let reply = ada.speaking(version).mass_update("Leads", &body);
            assert_eq!(reply.status, if version == Version::V8 { 207 } else { 200 });
            assert_eq!(reply.codes(), ["SUCCESS", BAD, BAD]);
            for n in [1, 2] {
                let details = json!({ "api_name": "Score", "id": ids[n] });
                assert_eq!(reply.items()[n], broken(&details));
            }
        }
        assert_eq!(ada.record("Leads", &ids[1])["Budget"], 100);
    }

    pub(super) fn a_validation_rule_fails_records_of_a_mass_update_by_view(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let ids = rich_and_poor(&ada, 9);
        let cvid = api.view("Leads", "All Leads");
        let job = ada.schedule(&json!({ "data": [{ "Budget": null }], "cvid": cvid }));
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [6, 3, 0, 9]);
        for (n, id) in ids.iter().enumerate() {
            let budget = &ada.record("Leads", id)["Budget"];
            assert_eq!(budget, &if n % 3 == 0 { Json::Null } else { json!(100) });
        }
        // Where every record is refused, the job has failed.
        let rich = json!({ "field": "Budget", "comparator": "greater_than", "value": "0" });
        let body = json!({ "data": [{ "Budget": null }], "cvid": cvid, "criteria": [rich] });
        let job = ada.schedule(&body);
        api.run_jobs();
        ada.expect_status(&job, "FAILED", [6, 0, 0, 6]);
    }

    pub(super) fn a_validation_rule_for_a_layout_leaves_others_alone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.apply_org(
            r#"
[[module]]
api_name = "Leads"
[[module.layout]]
name = "Fair"
[[module.layout.section]]
name = "Lead"
fields = ["Owner", "Last_Name", "City"]
[[module.validation_rule]]
name = "Fairs have a town"
layout = "Fair"
criteria = "(City:equals:${EMPTY})"
message = "Where was the fair?"
"#,
        );
        let fair = json!({ "id": api.layout("Leads", "Fair") });
        let body = json!({ "data": [
            { "Last_Name": "A" },
            { "Last_Name": "B", "Layout": fair },
            { "Last_Name": "C", "Layout": fair, "City": "Faro" },
        ] });
        let reply = ada.post("Leads", &body);
        assert_eq!(reply.codes(), ["SUCCESS", BAD, "SUCCESS"]);
        let details = json!({ "api_name": "City", "json_path": "$.data[1].City" });
        assert_eq!(
            reply.items()[1],
            error(BAD, "Where was the fair?", &details)
        );
        // Into that layout only with a town.
        let first = reply.items()[0]["details"]["id"].clone();
        let path = format!("Leads/{}", first.as_str().unwrap());
        let body = json!({ "data": [{ "Layout": fair }] });
        assert_eq!(ada.put(&path, &body).codes(), [BAD]);
        let body = json!({ "data": [{ "Layout": fair, "City": "Faro" }] });
        assert_eq!(ada.put(&path, &body).codes(), ["SUCCESS"]);
    }

    pub(super) fn a_validation_rule_made_after_the_acceptance_holds(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        rich_and_poor(&ada, 6);
        let cvid = api.view("Leads", "All Leads");
        let job = ada.schedule(&json!({ "data": [{ "Budget": null }], "cvid": cvid }));
        let other = api.view("Leads", "Open Leads");
        let primary = ada.schedule(&json!({ "data": [{ "Score": 1 }], "cvid": other }));
        api.apply_org(RULES);
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [4, 2, 0, 6]);
        // Its field became a rule's primary one, which no mass update writes.
        ada.expect_status(&primary, "FAILED", [6, 0, 0, 6]);
    }

    pub(super) fn a_validation_rule_of_the_current_user_and_day_is_read_at_each_write(kind: Kind) {
        let api = Api::start_demo(kind);
        let ines = api.caller("ines");
        api.apply_org(
            r#"
[[module]]
api_name = "Leads"
[[module.validation_rule]]
name = "Nothing for oneself in the past"
criteria = "((Wanted_By:less_than:${TODAY})and(Technician:equals:${CURRENTUSER}))"
message = "That day is over."
"#,
        );
        let id = ines.make_leads(1).remove(0);
        let path = format!("Leads/{id}");
        let technician = json!({ "id": api.user("ines").to_string() });
        let body = json!({ "data": [{ "Wanted_By": "2023-12-31", "Technician": technician }] });
        assert_eq!(
            ines.put(&path, &body).items()[0]["message"],
            "That day is over."
        );
        let body = json!({ "data": [{ "Wanted_By": "2024-01-01", "Technician": technician }] });
        assert_eq!(ines.put(&path, &body).codes(), ["SUCCESS"]);
        api.clock.advance_ms(2 * 24 * 60 * 60 * 1000);
        // Tokens of the day before are over, too.
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let body = json!({ "data": [{ "City": "Faro" }] });
        assert_eq!(
            ines.put(&path, &body).items()[0]["message"],
            "That day is over."
        );
        assert_eq!(ada.put(&path, &body).codes(), ["SUCCESS"]);
    }

    pub(super) fn a_validation_rule_sees_who_changes_a_record_and_when(kind: Kind) {
        let api = Api::start_demo(kind);
        let id = api.caller("meera").make_leads(1).remove(0);
        let rule = |name: &str, city: &str, modified: &str| {
            format!(
                "[[module.validation_rule]]\nname = \"{name}\"\nmessage = \"{name}.\"\n\
                 criteria = \"((City:equals:{city})and({modified}))\"\n"
            )
        };
        let rules = [
            rule("Oneself", "Faro", "Modified_By:equals:${CURRENTUSER}"),
            rule("Another", "Porto", "Modified_By:not_equal:${CURRENTUSER}"),
            rule("Earlier", "Beja", "Modified_Time:less_than:${TODAY}"),
        ];
        api.apply_org(&format!(
            "[[module]]\napi_name = \"Leads\"\n{}",
            rules.concat()
        ));
        api.clock.advance_ms(2 * 24 * 60 * 60 * 1000);
        let ada = api.caller("admin");
        let path = format!("Leads/{id}");
        // The record was changed two days ago, by another; this write makes it changed now, by Ada.
        let body = |city: &str| json!({ "data": [{ "City": city }] });
        let details = json!({ "api_name": "City", "id": id, "json_path": "$.data[0].City" });
        let wanted = in_data(&error(BAD, "Oneself.", &details));
        api.unchanged_by(|| ada.put(&path, &body("Faro")).is(400, &wanted));
        for city in ["Porto", "Beja"] {
            let reply = ada.put(&path, &body(city));
            assert_eq!(reply.status, 200, "{city}: {}", reply.text);
        }
    }

    pub(super) fn chunks_of_any_size_fail_the_same_records(kind: Kind) {
        let mut tables = Vec::new();
        for chunk in [1, 7, 1000] {
            let api = with_rules(kind);
            let ada = api.caller("admin");
            rich_and_poor(&ada, 20);
            let body =
                json!({ "data": [{ "Budget": null }], "cvid": api.view("Leads", "All Leads") });
            let job = ada.schedule(&body);
            run(api.worker().with_chunks_of(chunk));
            ada.expect_status(&job, "COMPLETED", [13, 7, 0, 20]);
            let mut all = api.rows("\"m_Leads\"", &["\"Lead_Number\"", "rev", "\"Budget\""]);
            all.extend(api.rows("job_outcomes", &["seq", "code"]));
            tables.push(all);
        }
        assert_eq!(tables[0], tables[1]);
        assert_eq!(tables[0], tables[2]);
    }

    pub(super) fn layout_rules_bind_an_insert_only_where_asked(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let junk = json!({ "Last_Name": "A", "Lead_Status": "Junk Lead" });
        let told = json!({ "Last_Name": "B", "Lead_Status": "Junk Lead", "Description": "x" });
        let plain = json!({ "Last_Name": "C" });
        let asked = json!([{ "name": "layout_rules" }]);
        let body = json!({ "data": [junk, told, plain], "apply_feature_execution": asked });
        let reply = ada.post("Leads", &body);
        let missing = "MANDATORY_NOT_FOUND";
        assert_eq!(reply.codes(), [missing, "SUCCESS", "SUCCESS"]);
        let details = json!({ "api_name": "Description", "json_path": "$.data[0].Description" });
        let item = error(missing, "required field not found", &details);
        assert_eq!(reply.items()[0], item);
        for unasked in [
            json!({ "data": [junk] }),
            json!({ "data": [junk], "apply_feature_execution": [] }),
        ] {
            assert_eq!(ada.post("Leads", &unasked).codes(), ["SUCCESS"]);
        }
    }

    pub(super) fn layout_rules_bind_an_update_only_where_asked(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        let path = format!("Leads/{id}");
        let junk = json!({ "Lead_Status": "Junk Lead" });
        let asked = json!([{ "name": "layout_rules" }]);
        let body = json!({ "data": [junk], "apply_feature_execution": asked });
        let reply = api.unchanged_by(|| ada.put(&path, &body));
        let details = json!({
            "api_name": "Description", "id": id, "json_path": "$.data[0].Description",
        });
        let item = error("MANDATORY_NOT_FOUND", "required field not found", &details);
        reply.is(400, &in_data(&item));
        assert_eq!(
            ada.put(&path, &json!({ "data": [junk] })).codes(),
            ["SUCCESS"]
        );
    }

    pub(super) fn another_feature_to_execute_is_refused(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "A" });
        let path = "$.apply_feature_execution";
        for (asked, details) in [
            (
                json!({ "name": "layout_rules" }),
                json!({
                    "api_name": "apply_feature_execution", "json_path": path,
                    "expected_data_type": "jsonarray",
                }),
            ),
            (
                json!([{ "name": "layout_rules" }, { "name": "rules" }]),
                json!({
                    "api_name": "name", "json_path": format!("{path}[1].name"),
                    "supported_values": ["layout_rules"],
                }),
            ),
        ] {
            let body = json!({ "data": [lead], "apply_feature_execution": asked });
            let reply = api.unchanged_by(|| ada.post("Leads", &body));
            reply.is(400, &error(BAD, "invalid data", &details));
        }
    }
}
