//! Undo of jobs that set off real workflow rules: before these have run, while they run, and after.

use crate::api::Api;
use crate::convert::converted;
use crate::undo::{ask, came_to, failed, newest, standing, undone};
use crate::undo_convert::records;
use jobs::{EventPoint, EventStep};
use serde_json::{Value as Json, json};
use std::thread;
use testkit::{Kind, each_db};

each_db! {
    a_job_is_undone_with_the_rules_that_have_run_and_without_the_others,
    an_undo_that_is_asked_for_while_rules_run_leaves_nothing_of_them,
    an_event_that_came_back_is_dropped_like_any_other,
    what_rules_wrote_into_what_a_lead_became_goes_with_it,
    tasks_that_rules_made_go_unless_somebody_works_on_them,
    undoing_sets_off_no_rules_unless_it_is_asked_to,
}

/// A contacted lead becomes active, an active one gets a city, and new contacts and deals get values.
const RULES: &str = r#"
[[module]]
api_name = "Leads"

[[module.workflow_rule]]
name = "Contacted ones are active"
on = ["edit"]
fields = ["Lead_Status"]
update = { Rating = "Active" }

[[module.workflow_rule]]
name = "Active ones are from Oslo"
on = ["edit"]
fields = ["Rating"]
update = { City = "Oslo" }

[[module]]
api_name = "Contacts"

[[module.workflow_rule]]
name = "New contacts are for sales"
on = ["create"]
update = { Department = "Sales" }

[[module]]
api_name = "Deals"

[[module.workflow_rule]]
name = "New deals are called about"
on = ["create"]
update = { Next_Step = "Call" }
"#;

const TASKS: &str = r#"
[[module]]
api_name = "Leads"

[[module.workflow_rule]]
name = "Call them"
on = ["edit"]
fields = ["Lead_Status"]
update = { Rating = "Active" }

[[module.workflow_rule.task]]
subject = "Call back"
due_in_days = 2

[[module.workflow_rule.task]]
subject = "Write"
owner = "joana.brito@kestrel-rowe.example.com"
"#;

fn with_rules(kind: Kind) -> Api {
    let api = Api::start_demo(kind);
    api.apply_org(RULES);
    api
}

/// Updates these leads at once; answers the job.
fn contact(api: &Api, leads: &[String]) -> String {
    let body = json!({ "data": [{ "Lead_Status": "Contacted" }], "ids": leads });
    let reply = api.caller("admin").mass_update("Leads", &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    newest(api)
}

fn waiting(api: &Api) -> i64 {
    api.number("SELECT count(*) FROM events")
}

mod check {
    use super::*;

    pub(super) fn a_job_is_undone_with_the_rules_that_have_run_and_without_the_others(kind: Kind) {
        for ran in [0, 3, 100] {
            let api = with_rules(kind);
            let leads = api.caller("admin").make_leads(4);
            let before = standing(&api);
            let job = contact(&api, &leads);
            assert_eq!(waiting(&api), 4);
            let mut worker = api.event_worker().with_batches_of(1);
            for _ in 0..ran {
                worker.step();
            }
            assert_ne!(standing(&api), before);
            came_to(&api, &undone(&api, &job), [4, 0, 0]);
            assert_eq!(standing(&api), before, "after {ran} events");
            assert_eq!((waiting(&api), api.run_events()), (0, 0));
        }
    }

    pub(super) fn an_undo_that_is_asked_for_while_rules_run_leaves_nothing_of_them(kind: Kind) {
        let api = with_rules(kind);
        let leads = api.caller("admin").make_leads(20);
        let before = standing(&api);
        let job = contact(&api, &leads);
        let mut worker = api.event_worker().with_batches_of(3);
        assert_eq!(worker.step(), EventStep::Ran(3));
        let reply = thread::scope(|scope| {
            let asked = scope.spawn(|| ask(&api, "admin", &job, ""));
            while !asked.is_finished() {
                worker.step();
            }
            asked.join().unwrap()
        });
        assert_eq!(reply.status, 202, "{}", reply.text);
        assert_eq!((waiting(&api), api.run_events()), (0, 0));
        api.run_jobs();
        came_to(&api, &newest(&api), [20, 0, 0]);
        assert_eq!(standing(&api), before);
    }

    pub(super) fn an_event_that_came_back_is_dropped_like_any_other(kind: Kind) {
        let api = with_rules(kind);
        let leads = api.caller("admin").make_leads(2);
        let before = standing(&api);
        let job = contact(&api, &leads);
        let mut worker = api.event_worker().with_batches_of(1).with_faults(|point| {
            if point == EventPoint::Applied {
                return Err(store::Error::Inconsistent("killed".to_owned()).into());
            }
            Ok(())
        });
        assert_eq!(worker.step(), EventStep::Stumbled);
        assert_eq!(waiting(&api), 2);
        came_to(&api, &undone(&api, &job), [2, 0, 0]);
        assert_eq!(standing(&api), before);
        assert_eq!(waiting(&api), 0);
    }

    pub(super) fn what_rules_wrote_into_what_a_lead_became_goes_with_it(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "Ode", "Company": "Ode Works" });
        let lead = ada.make("Leads", &[lead]).remove(0);
        let before = records(&api);
        let deal = json!({
            "Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2031-06-30",
        });
        let made = converted(&ada, &lead, &json!({ "Deals": deal }));
        let job = newest(&api);
        assert_eq!(api.run_events(), 2);
        let contact = made["Contacts"]["id"].as_str().unwrap();
        assert_eq!(ada.record("Contacts", contact)["Department"], "Sales");
        let reply = ask(&api, "admin", &job, r#"{"plan":true}"#);
        assert_eq!(reply.json()["counts"]["change"], 4, "{}", reply.text);
        came_to(&api, &undone(&api, &job), [4, 0, 0]);
        assert_eq!(records(&api), before);
    }

    pub(super) fn tasks_that_rules_made_go_unless_somebody_works_on_them(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(TASKS);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        let before = records(&api);
        let job = contact(&api, &leads);
        assert_eq!(api.run_events(), 3);
        let tasks = |api: &Api| api.number("SELECT count(*) FROM \"m_Tasks\"");
        assert_eq!(tasks(&api), 6);
        let reply = ask(&api, "admin", &job, r#"{"plan":true}"#);
        assert_eq!(reply.json()["counts"]["change"], 9, "{}", reply.text);
        came_to(&api, &undone(&api, &job), [9, 0, 0]);
        assert_eq!(records(&api), before);

        let job = contact(&api, &leads);
        api.run_events();
        let kept = api.number("SELECT MIN(id) FROM \"m_Tasks\"").to_string();
        let path = format!("Tasks/{kept}");
        let done = json!({ "data": [{ "Status": "Completed" }] });
        assert_eq!(ada.put(&path, &done).status, 200);
        let undo = undone(&api, &job);
        came_to(&api, &undo, [8, 0, 1]);
        assert_eq!(
            (tasks(&api), failed(&api, &undo, &kept)),
            (1, "CHANGED_SINCE".to_owned())
        );
    }

    pub(super) fn undoing_sets_off_no_rules_unless_it_is_asked_to(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        let status = json!({ "data": [{ "Lead_Status": "Contacted" }] });
        assert_eq!(ada.put(&format!("Leads/{}", leads[0]), &status).status, 200);
        assert_eq!(api.run_events(), 2);
        let junk = || {
            let body = json!({ "data": [{ "Lead_Status": "Junk Lead" }], "ids": leads });
            assert_eq!(ada.mass_update("Leads", &body).status, 200);
            api.run_events();
            newest(&api)
        };
        let found = || -> Json {
            let status = leads
                .iter()
                .map(|id| ada.record("Leads", id)["Lead_Status"].clone());
            status.collect()
        };
        for body in ["", r#"{"automation":"suppress"}"#] {
            let reply = ask(&api, "admin", &junk(), body);
            assert_eq!(reply.status, 202, "{}", reply.text);
            api.run_jobs();
            assert_eq!((waiting(&api), found()), (0, json!(["Contacted", null])));
        }
        let reply = ask(&api, "admin", &junk(), r#"{"automation":"fire"}"#);
        assert_eq!(reply.status, 202, "{}", reply.text);
        api.run_jobs();
        // The second lead's rating is put back, too, which is the other rule's business.
        assert_eq!((waiting(&api), found()), (3, json!(["Contacted", null])));
        let details = json!({
            "api_name": "automation", "json_path": "$.automation",
            "supported_values": ["fire", "suppress"],
        });
        let reply = ask(&api, "admin", &newest(&api), r#"{"automation":"wire"}"#);
        reply.is_error(400, "INVALID_DATA", "invalid data", &details);
    }
}
