//! Blueprints: which records enter one, the ways that it offers, going one, and its field, which
//! nothing else changes (wire API 14.2, 1.6).

use crate::api::{Api, Reply};
use crate::demo::{error, in_data, is_old};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_record_goes_its_way_to_the_end_of_the_process,
    a_blueprint_is_shown_as_the_wire_has_it,
    record_in_blueprint,
    record_in_blueprint_in_a_job_counts_as_failed,
    which_records_enter,
    a_job_of_a_thousand_records_enters_none,
    a_removed_blueprint_lets_its_records_go,
    a_freed_record_comes_back_only_by_the_rules_of_entry,
    of_several_blueprints_the_first_that_fits_takes_a_record,
    the_demo_shows_a_process_and_a_rule,
}

pub(crate) const PROCESS: &str = r#"
[[module]]
api_name = "Leads"
[[module.blueprint]]
name = "Follow-up"
field = "Lead_Status"
criteria = "(Company:starts_with:A)"
[[module.blueprint.transition]]
name = "Call"
from = ["Not Contacted", "Attempted to Contact"]
to = "Contacted"
fields = ["Phone", "Referred_By"]
[[module.blueprint.transition]]
name = "Give up"
from = ["Not Contacted", "Contacted"]
to = "Lost Lead"
profiles = ["Standard"]
owner_only = true
[[module.blueprint.transition]]
name = "Qualify"
from = ["Contacted"]
to = "Pre-Qualified"
criteria = "(No_of_Employees:greater_than:10)"
[[module.blueprint.transition]]
name = "Wait"
from = ["Contacted"]
to = "Contacted"
"#;

/// The process, of leads that everyone sees and changes.
pub(crate) fn of_everyone() -> String {
    let shared = "api_name = \"Leads\"\nsharing = \"public_read_write_delete\"";
    PROCESS.replace("api_name = \"Leads\"", shared)
}

const REMOVED: &str = "[[module]]\napi_name = \"Leads\"\n[[module.blueprint]]\n\
                       name = \"Follow-up\"\nremove = true\n";

/// The demo org with more in it.
pub(crate) fn start(kind: Kind, more: &str) -> Api {
    let api = Api::start_demo(kind);
    apply(&api, more);
    api
}

fn apply(api: &Api, text: &str) {
    let token = api.token(api.user("admin"), "swathe.org.ALL");
    let body = json!({ "org": text, "allow_remove": true }).to_string();
    let reply = api.call_with("PUT", "/swathe/v1/org", &token, body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// A lead of a company with A, in a state.
pub(crate) fn lead(api: &Api, state: &str) -> String {
    let meera = api.caller("meera");
    let account = json!({ "Last_Name": "Lee", "Company": "Acme", "Lead_Status": state });
    meera.make("Leads", &[account]).remove(0)
}

pub(crate) fn path(lead: &str) -> String {
    format!("Leads/{lead}/actions/blueprint")
}

/// The id of a transition of the first blueprint of Leads.
pub(crate) fn transition(api: &Api, name: &str) -> String {
    let catalog = api.catalog();
    let blueprints = &catalog.module("Leads").unwrap().blueprints;
    let mut ways = blueprints.iter().flat_map(|b| &b.transitions);
    ways.find(|way| way.name == name).unwrap().id.to_string()
}

pub(crate) fn go(api: &Api, who: &str, lead: &str, name: &str, data: &Json) -> Reply {
    let wanted = json!({ "transition_id": transition(api, name), "data": data });
    api.caller(who)
        .put(&path(lead), &json!({ "blueprint": [wanted] }))
}

fn inside(api: &Api) -> Vec<String> {
    let rows = api.rows("record_blueprints", &["record"]);
    let id = |row: &String| row.replace("record_blueprints: ", "");
    rows.iter().map(id).collect()
}

pub(crate) fn not_in_process() -> Json {
    error("RECORD_NOT_IN_PROCESS", "record not in process", &json!({}))
}

mod check {
    use super::*;

    pub(super) fn a_record_goes_its_way_to_the_end_of_the_process(kind: Kind) {
        let api = start(kind, PROCESS);
        let meera = api.caller("meera");
        let lead = lead(&api, "Not Contacted");
        let contact = meera.make("Contacts", &[json!({ "Last_Name": "Pump" })]);
        assert_eq!(inside(&api), std::slice::from_ref(&lead));
        let done = json!({
            "code": "SUCCESS", "details": {}, "message": "transition updated successfully",
            "status": "success",
        });
        let data = json!({ "Phone": "555", "Referred_By": { "id": contact[0] }, "Notes": "x" });
        go(&api, "meera", &lead, "Call", &data).is(200, &done);
        let record = meera.record("Leads", &lead);
        assert_eq!(record["Lead_Status"], "Contacted");
        assert_eq!(record["Phone"], "555");
        assert_eq!(record["Referred_By"]["id"], contact[0].as_str());
        assert_eq!(inside(&api), std::slice::from_ref(&lead));
        // A way back to where it starts changes nothing and is no mistake.
        go(&api, "meera", &lead, "Wait", &json!({})).is(200, &done);
        // SDKs send ids as numbers.
        let id: i64 = transition(&api, "Give up").parse().unwrap();
        let body = json!({ "blueprint": [{ "transition_id": id }] });
        meera.put(&path(&lead), &body).is(200, &done);
        assert_eq!(meera.record("Leads", &lead)["Lead_Status"], "Lost Lead");
        // Nothing leads on: the process is over, and the field is free again.
        assert!(inside(&api).is_empty());
        meera.get(&path(&lead)).is(400, &not_in_process());
        let change = json!({ "data": [{ "Lead_Status": "Junk Lead" }] });
        assert_eq!(meera.put(&format!("Leads/{lead}"), &change).status, 200);
        let causes = api.rows("changes", &["record", "rev", "cause"]);
        let causes = causes.iter().filter(|row| row.contains(&lead));
        let causes: Vec<&str> = causes
            .map(|row| row.rsplit(" | ").next().unwrap())
            .collect();
        assert_eq!(causes, ["api", "blueprint", "blueprint", "api"]);
    }

    pub(super) fn a_blueprint_is_shown_as_the_wire_has_it(kind: Kind) {
        let api = start(kind, &of_everyone());
        let meera = api.caller("meera");
        let lead = lead(&api, "Not Contacted");
        let change = json!({ "data": [{ "Phone": "555" }] });
        assert_eq!(meera.put(&format!("Leads/{lead}"), &change).status, 200);
        let catalog = api.catalog();
        let leads = catalog.module("Leads").unwrap();
        let info = json!({
            "field_id": leads.field("Lead_Status").unwrap().id.to_string(),
            "is_continuous": false,
            "api_name": "Lead_Status",
            "continuous": false,
            "field_label": "Lead Status",
            "name": "Follow-up",
            "column_name": "LEAD_STATUS",
            "field_value": "Not Contacted",
            "id": leads.blueprints[0].id.to_string(),
            "field_name": "Lead Status",
            "escalation": null,
        });
        for version in Version::ALL {
            let reply = meera.speaking(version).get(&path(&lead));
            assert_eq!(reply.status, 200, "{}", reply.text);
            let mut shown = reply.json()["blueprint"].clone();
            assert_eq!(shown["process_info"], info);
            let fields = shown["transitions"][0]["fields"].take();
            let names: Vec<&Json> = fields
                .as_array()
                .unwrap()
                .iter()
                .map(|f| &f["api_name"])
                .collect();
            assert_eq!(names, ["Phone", "Referred_By"]);
            assert_eq!(
                (&fields[1]["mandatory"], &fields[1]["transition_sequence"]),
                (&json!(true), &json!(2))
            );
            assert_eq!(fields[1]["data_type"], "lookup");
            let next = |names: &[&str]| -> Vec<Json> {
                let one = |name: &&str| json!({ "id": transition(&api, name), "name": name });
                names.iter().map(one).collect()
            };
            let way = |name: &str, to: &str, next: Vec<Json>, data: Json, fields: Json| {
                json!({
                    "id": transition(&api, name), "name": name, "type": "manual",
                    "next_field_value": to, "criteria_matched": true, "criteria_message": null,
                    "percent_partial_save": 0, "execution_time": null, "color_code": null,
                    "text_color_code": null, "next_transitions": next, "data": data,
                    "fields": fields,
                })
            };
            let data = json!({ "Phone": "555", "Referred_By": null });
            let ways = json!([
                way(
                    "Call",
                    "Contacted",
                    next(&["Give up", "Qualify", "Wait"]),
                    data,
                    Json::Null
                ),
                way("Give up", "Lost Lead", next(&[]), json!({}), json!([])),
            ]);
            assert_eq!(shown["transitions"], ways);
        }
        // Who may not go a way is not offered it; one whose criteria fail says so.
        let names = |who: &str| -> Vec<(Json, Json)> {
            let ways = api.caller(who).get(&path(&lead)).json()["blueprint"]["transitions"].clone();
            let ways = ways.as_array().unwrap().clone();
            ways.iter()
                .map(|w| (w["name"].clone(), w["criteria_message"].clone()))
                .collect()
        };
        assert_eq!(names("rohan"), [(json!("Call"), Json::Null)]);
        assert_eq!(names("admin").len(), 2);
        api.execute("UPDATE \"m_Leads\" SET \"Lead_Status\" = 'Contacted'");
        let unmet = json!("the record does not meet (No_of_Employees:greater_than:10)");
        let wanted = [(json!("Qualify"), unmet), (json!("Wait"), Json::Null)];
        assert_eq!(names("rohan"), wanted);
    }

    pub(super) fn record_in_blueprint(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let lead = lead(&api, "Not Contacted");
        let text = "The record is in blue print";
        let wanted = in_data(&error("RECORD_IN_BLUEPRINT", text, &json!({ "id": lead })));
        let change = json!([{ "Lead_Status": "Junk Lead" }]);
        api.records_unchanged_by(|| {
            for version in Version::ALL {
                let ada = ada.speaking(version);
                let status = if is_old(version) { 200 } else { 400 };
                let body = json!({ "data": change, "ids": [lead] });
                ada.mass_update("Leads", &body).is(status, &wanted);
                let one = format!("Leads/{lead}");
                ada.put(&one, &json!({ "data": change }))
                    .is(status, &wanted);
                let both = json!({ "data": [{ "Lead_Status": "Contacted", "City": "Faro" }] });
                ada.put(&one, &both).is(status, &wanted);
            }
        });
        // Other fields are free, and so is sending back the state that it has.
        let whole = json!({ "data": [{ "Lead_Status": "Not Contacted", "City": "Faro" }] });
        assert_eq!(ada.put(&format!("Leads/{lead}"), &whole).status, 200);
        let body = json!({ "data": [{ "Lead_Source": "Chat" }], "ids": [lead] });
        assert_eq!(ada.mass_update("Leads", &body).status, 200);
        let record = ada.record("Leads", &lead);
        assert_eq!(
            (&record["City"], &record["Lead_Source"]),
            (&json!("Faro"), &json!("Chat"))
        );
        assert_eq!(ada.delete(&format!("Leads/{lead}")).status, 200);
        assert!(inside(&api).is_empty());
    }

    pub(super) fn record_in_blueprint_in_a_job_counts_as_failed(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let held = lead(&api, "Not Contacted");
        let free = ada.make_leads(1).remove(0);
        let cvid = api.view("Leads", "All Leads");
        let job = ada.schedule(&json!({ "data": [{ "Lead_Status": "Junk Lead" }], "cvid": cvid }));
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [1, 1, 0, 2]);
        assert_eq!(ada.record("Leads", &held)["Lead_Status"], "Not Contacted");
        assert_eq!(ada.record("Leads", &free)["Lead_Status"], "Junk Lead");
        let outcomes = api.rows("job_outcomes", &["record", "code"]);
        assert_eq!(
            outcomes,
            [format!("job_outcomes: {held} | RECORD_IN_BLUEPRINT")]
        );
    }

    pub(super) fn which_records_enter(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let new = |company: &str, state: Json| json!({ "Last_Name": "Lee", "Company": company, "Lead_Status": state });
        let ids = ada.make(
            "Leads",
            &[
                new("acme", json!("not contacted")),
                new("Acme", json!("Contacted")),
                new("Acme", json!("Lost Lead")),
                new("Acme", Json::Null),
                new("Bell", json!("Not Contacted")),
            ],
        );
        assert_eq!(inside(&api), [ids[0].clone(), ids[1].clone()]);
        // An update lets a record in, whoever sends it, unless it says that nothing is to fire.
        let update = |n: usize, more: Json| {
            let mut body = json!({ "data": [{ "id": ids[n], "Lead_Status": "Contacted" }] });
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            assert_eq!(ada.put("Leads", &body).status, 200);
        };
        update(2, json!({ "trigger": [] }));
        update(2, json!({ "trigger": ["workflow"] }));
        assert_eq!(inside(&api).len(), 2);
        // What is not changed does not enter.
        update(2, json!({}));
        assert_eq!(inside(&api).len(), 2);
        let city = json!({ "data": [{ "City": "Faro" }], "trigger": ["blueprint"] });
        assert_eq!(ada.put(&format!("Leads/{}", ids[2]), &city).status, 200);
        assert_eq!(inside(&api), ids[..3]);
        let state = json!([{ "Lead_Status": "Not Contacted" }]);
        ada.mass_update("Leads", &json!({ "data": state, "ids": [ids[3], ids[4]] }));
        assert_eq!(inside(&api), ids[..4]);
        assert_eq!(
            ada.put(
                &format!("Leads/{}", ids[4]),
                &json!({ "data": [{ "Company": "Ark" }] })
            )
            .status,
            200
        );
        assert_eq!(inside(&api), ids);
        // A record stays in its process when it no longer meets what let it in.
        assert_eq!(
            ada.put(
                &format!("Leads/{}", ids[4]),
                &json!({ "data": [{ "Company": "Bell" }] })
            )
            .status,
            200
        );
        assert_eq!(inside(&api), ids);
        let wrong = json!({ "data": [new("Acme", Json::Null)], "trigger": "blueprint" });
        let details = json!({
            "api_name": "trigger", "json_path": "$.trigger", "expected_data_type": "jsonarray",
        });
        ada.post("Leads", &wrong)
            .is(400, &error("INVALID_DATA", "invalid data", &details));
        let none = json!({ "data": [new("Acme", json!("Contacted"))], "trigger": [] });
        assert_eq!(ada.post("Leads", &none).status, 201);
        assert_eq!(inside(&api), ids);
    }

    pub(super) fn a_job_of_a_thousand_records_enters_none(kind: Kind) {
        let process = PROCESS.replace("criteria = \"(Company:starts_with:A)\"\n", "");
        let api = start(kind, &process);
        let ada = api.caller("admin");
        api.seed_leads(5_000, 1_000);
        let cvid = api.view("Leads", "All Leads");
        let state = |state: &str| json!({ "data": [{ "Lead_Status": state }], "cvid": cvid });
        ada.schedule(&state("Not Contacted"));
        api.run_jobs();
        assert!(inside(&api).is_empty());
        // With one record less, automation runs: all enter, and are held from then on.
        assert_eq!(ada.delete("Leads/5000").status, 200);
        ada.schedule(&state("Contacted"));
        api.run_jobs();
        assert_eq!(inside(&api).len(), 999);
        let job = ada.schedule(&state("Junk Lead"));
        api.run_jobs();
        ada.expect_status(&job, "FAILED", [999, 0, 0, 999]);
    }

    pub(super) fn a_removed_blueprint_lets_its_records_go(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let lead = lead(&api, "Contacted");
        // A blueprint that no longer leads on from a record's state does not hold it.
        let shorter = PROCESS.replace("\"Contacted\"]", "\"Pre-Qualified\"]");
        apply(&api, &shorter);
        ada.get(&path(&lead)).is(400, &not_in_process());
        apply(&api, PROCESS);
        assert_eq!(ada.get(&path(&lead)).status, 200);
        apply(&api, REMOVED);
        assert!(inside(&api).is_empty());
        ada.get(&path(&lead)).is(400, &not_in_process());
        let change = json!({ "data": [{ "Lead_Status": "Junk Lead" }] });
        assert_eq!(ada.put(&format!("Leads/{lead}"), &change).status, 200);
    }

    pub(super) fn a_freed_record_comes_back_only_by_the_rules_of_entry(kind: Kind) {
        let api = start(kind, PROCESS);
        let ada = api.caller("admin");
        let mut leads: Vec<String> = (0..5).map(|_| lead(&api, "Not Contacted")).collect();
        leads.sort();
        let [by_put, by_ids, by_job, untouched, admitted] = &leads[..] else {
            panic!("{leads:?}");
        };
        // All but the last one no longer meet what let them in.
        for lead in leads.iter().take(4) {
            let change = json!({ "data": [{ "Company": "Bell" }] });
            assert_eq!(ada.put(&format!("Leads/{lead}"), &change).status, 200);
        }
        assert_eq!(inside(&api), leads);
        let from_contacted = PROCESS
            .replace(
                "\"Not Contacted\", \"Attempted to Contact\"",
                "\"Contacted\"",
            )
            .replace("\"Not Contacted\", \"Contacted\"", "\"Contacted\"");
        apply(&api, &from_contacted);
        for lead in &leads {
            ada.get(&path(lead)).is(400, &not_in_process());
        }
        // What changes nothing leaves the row where it is.
        let same = json!({ "data": [{ "Lead_Status": "Not Contacted" }] });
        assert_eq!(ada.put(&format!("Leads/{untouched}"), &same).status, 200);
        let contacted = json!([{ "Lead_Status": "Contacted" }]);
        let silent = json!({ "data": contacted, "trigger": [] });
        assert_eq!(ada.put(&format!("Leads/{by_put}"), &silent).status, 200);
        let body = json!({ "data": contacted, "ids": [by_ids] });
        assert_eq!(ada.mass_update("Leads", &body).status, 200);
        let told = json!({ "data": contacted });
        assert_eq!(ada.put(&format!("Leads/{admitted}"), &told).status, 200);
        ada.lock("Leads", untouched);
        let cvid = api.view("Leads", "All Leads");
        let job = ada.schedule(&json!({ "data": contacted, "cvid": cvid }));
        api.run_jobs();
        assert_eq!(ada.status(&job)["Updated_Count"], 4);
        for lead in [by_put, by_ids, by_job] {
            ada.get(&path(lead)).is(400, &not_in_process());
            let free = json!({ "data": [{ "Lead_Status": "Junk Lead" }] });
            assert_eq!(ada.put(&format!("Leads/{lead}"), &free).status, 200);
        }
        // Only who meets what the process asks for is in it.
        assert_eq!(ada.get(&path(admitted)).status, 200);
        let mut left = vec![untouched.clone(), admitted.clone()];
        left.sort();
        assert_eq!(inside(&api), left);
    }

    pub(super) fn of_several_blueprints_the_first_that_fits_takes_a_record(kind: Kind) {
        let second = r#"
[[module.blueprint]]
name = "Rescue"
field = "Lead_Status"
layout = "Standard"
[[module.blueprint.transition]]
name = "Try again"
from = ["Lost Lead", "Not Contacted"]
to = "Attempted to Contact"
"#;
        let api = start(kind, &format!("{PROCESS}{second}"));
        let meera = api.caller("meera");
        let name = |lead: &str| {
            let shown = meera.get(&path(lead)).json();
            shown["blueprint"]["process_info"]["name"].clone()
        };
        let first = lead(&api, "Not Contacted");
        assert_eq!(name(&first), "Follow-up");
        let bell = json!({ "Last_Name": "B", "Company": "Bell", "Lead_Status": "Lost Lead" });
        let other = meera.make("Leads", &[bell]).remove(0);
        assert_eq!(name(&other), "Rescue");
        // The end of one process can be the beginning of another.
        assert_eq!(go(&api, "meera", &first, "Give up", &json!({})).status, 200);
        assert_eq!(name(&first), "Rescue");
        assert_eq!(
            go(&api, "meera", &first, "Try again", &json!({})).status,
            200
        );
        assert_eq!(name(&first), "Follow-up");
    }

    pub(super) fn the_demo_shows_a_process_and_a_rule(kind: Kind) {
        let api = Api::start_demo(kind);
        let tomas = api.caller("tomas");
        let visit = json!({
            "Name": "Quinta da Nora", "Visited_On": "2026-11-02", "Flow": 0.4,
            "Result": "Suitable after Works",
        });
        let visit = tomas.make("Site_Visits", &[visit]).remove(0);
        let ways = format!("Site_Visits/{visit}/actions/blueprint");
        let shown = tomas.get(&ways).json()["blueprint"].clone();
        assert_eq!(shown["process_info"]["name"], "Works");
        let way = |n: usize| shown["transitions"][n]["id"].clone();
        let name = |n: usize| shown["transitions"][n]["name"].clone();
        assert_eq!([name(0), name(1)], ["Works Done", "Works Too Costly"]);
        let past = json!({ "data": [{ "Result": "Suitable" }] });
        let reply = tomas.put(&format!("Site_Visits/{visit}"), &past);
        assert_eq!(reply.codes(), ["RECORD_IN_BLUEPRINT"]);
        let done = json!({ "transition_id": way(0), "data": { "Findings": "a new basin" } });
        let body = json!({ "blueprint": [done] });
        let too_little = tomas.put(&ways, &body);
        assert_eq!(too_little.status, 400, "{}", too_little.text);
        let text = "A suitable site gives at least 0.5 m³ an hour.";
        assert!(too_little.text.contains(text), "{}", too_little.text);
        let better = json!({ "data": [{ "Flow": 2.5 }] });
        let reply = tomas.put(&format!("Site_Visits/{visit}"), &better);
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(tomas.put(&ways, &body).status, 200);
        assert_eq!(tomas.record("Site_Visits", &visit)["Result"], "Suitable");
    }
}
