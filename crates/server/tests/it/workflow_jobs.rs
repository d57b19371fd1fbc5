//! Workflow rules under jobs: which fire them, what a plan says of them, and the cap.

use crate::api::Api;
use crate::asked::{Asker, id};
use crate::demo::run;
use crate::workflow::{failures, run_all};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    named_records_fire_and_their_effects_are_noted_with_the_job,
    a_view_of_999_fires_and_one_of_1000_does_not,
    a_native_job_says_whether_it_fires,
    a_plan_says_how_often_each_rule_would_fire_as_the_job_then_does,
    a_job_pauses_before_the_record_that_is_one_event_too_many,
    a_cap_that_is_raised_lets_the_job_go_on,
    every_resume_allows_the_same_and_at_least_the_next_record,
    a_retry_has_the_cap_that_was_asked_for,
    a_deletion_fires_for_what_goes_along_too,
}

const RULES: &str = r#"
[[module]]
api_name = "Leads"

[[module.workflow_rule]]
name = "Partners are active"
on = ["edit"]
fields = ["Lead_Source"]
criteria = "(City:equals:Faro)"
update = { Rating = "Active" }

[[module.workflow_rule]]
name = "Every source is noted"
on = ["edit"]
fields = ["Lead_Source"]
update = { Description = "noted" }

[[module.workflow_rule]]
name = "Deleted ones are told"
on = ["delete"]

[[module.workflow_rule.task]]
subject = "Why was it deleted?"

[[module]]
api_name = "Tasks"

[[module.workflow_rule]]
name = "Deleted tasks are told"
on = ["delete"]
criteria = "(Subject:starts_with:Call)"

[[module.workflow_rule.task]]
subject = "Again?"
"#;

fn with_rules(kind: Kind) -> Api {
    let api = Api::start_demo(kind);
    api.apply_org(RULES);
    api
}

fn waiting(api: &Api) -> i64 {
    api.number("SELECT count(*) FROM events")
}

/// Leads of which every second one is in Faro.
fn leads(api: &Api, count: usize) -> Vec<String> {
    let city = |n: usize| if n.is_multiple_of(2) { "Faro" } else { "Porto" };
    let lead = |n| json!({ "Last_Name": format!("L{n}"), "City": city(n) });
    let leads: Vec<Json> = (0..count).map(lead).collect();
    api.caller("admin").make("Leads", &leads)
}

fn update(ids: &[String], more: &Json) -> Json {
    let mut body = json!({
        "action": "update", "module": "Leads", "selection": { "ids": ids },
        "change": { "fields": { "Lead_Source": "Partner" } },
    });
    let body_map = body.as_object_mut().unwrap();
    body_map.extend(more.as_object().unwrap().clone());
    body
}

mod check {
    use super::*;

    pub(super) fn named_records_fire_and_their_effects_are_noted_with_the_job(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let leads = leads(&api, 4);
        let body = json!({ "data": [{ "Lead_Source": "Partner" }], "ids": leads });
        assert_eq!(ada.mass_update("Leads", &body).status, 200);
        assert_eq!(waiting(&api), 6);
        assert_eq!(api.number("SELECT fired FROM jobs"), 6);
        let job = api.number("SELECT id FROM jobs");
        assert_eq!(run_all(api.event_worker().with_batches_of(3)), 6);
        let noted = "SELECT count(*) FROM job_effects e JOIN changes c
                     ON c.record = e.record AND c.rev = e.rev AND c.rule = e.rule
                     WHERE c.cause = 'automation' AND c.job IS NULL AND e.job = ";
        assert_eq!(api.number(&format!("{noted}{job}")), 6);
        assert_eq!(failures(&api), Vec::<String>::new());
    }

    pub(super) fn a_view_of_999_fires_and_one_of_1000_does_not(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let asker = Asker::new(&api, "admin");
        api.seed_leads(9_000_000_000_000_001, 999);
        let cvid = api.view("Leads", "All Leads");
        let foreseen = || {
            let plan = asker.plan(&json!({
                "action": "update", "module": "Leads", "selection": { "cvid": cvid },
                "change": { "fields": { "Lead_Source": "Chat" } },
            }));
            let again = asker.get(&format!("plans/{}", id(&plan))).json();
            assert_eq!(plan["automation"]["mode"], again["automation"]["mode"]);
            plan["automation"]["mode"].clone()
        };
        assert_eq!(foreseen(), "fire");
        let body = json!({ "data": [{ "Lead_Source": "Partner" }], "cvid": cvid });
        let job = ada.schedule(&body);
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [0, 999, 0, 999]);
        assert_eq!(waiting(&api), 999);
        assert_eq!(api.run_events(), 999);
        assert_eq!(api.number("SELECT count(*) FROM job_effects"), 999);

        api.seed_leads(9_100_000_000_000_001, 1);
        assert_eq!(foreseen(), "suppress");
        let body = json!({ "data": [{ "Lead_Source": "Cold Call" }], "cvid": cvid });
        let job = ada.schedule(&body);
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [0, 1_000, 0, 1_000]);
        assert_eq!((waiting(&api), api.run_events()), (0, 0));
    }

    pub(super) fn a_native_job_says_whether_it_fires(kind: Kind) {
        let api = with_rules(kind);
        let asker = Asker::new(&api, "admin");
        let leads = leads(&api, 2);
        for (automation, source, fired) in [
            ("suppress", "Partner", 0),
            ("fire", "Chat", 3),
            ("wire", "Cold Call", 3),
        ] {
            let mut body = update(&leads, &json!({ "automation": automation }));
            body["change"]["fields"]["Lead_Source"] = source.into();
            let plan = asker.plan(&body);
            let told: i64 = plan["automation"]["would_fire"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| rule["count"].as_i64().unwrap())
                .sum();
            assert_eq!(told, fired, "{automation}");
            // The job does as the plan was asked.
            let job = asker.job(&json!({ "plan": id(&plan) }));
            assert_eq!(job["automation"], automation);
            api.run_jobs();
            assert_eq!(asker.now(&job)["fired"], fired, "{automation}");
            assert_eq!(waiting(&api), fired);
            api.run_events();
        }
        let wrong = update(&leads, &json!({ "automation": "maybe" }));
        asker.is_refused("plans", &wrong, 400, "INVALID_DATA");
    }

    pub(super) fn a_plan_says_how_often_each_rule_would_fire_as_the_job_then_does(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let asker = Asker::new(&api, "admin");
        for round in 0..3 {
            let leads = leads(&api, 7 + round);
            ada.lock("Leads", &leads[0]);
            let body = json!({ "data": [{ "Lead_Source": "Partner" }] });
            assert_eq!(ada.put(&format!("Leads/{}", leads[1]), &body).status, 200);
            api.run_events();
            let plan = asker.plan(&update(&leads, &json!({})));
            asker.job(&json!({ "plan": id(&plan) }));
            run(api.worker().with_chunks_of([1, 7, 1_000][round]));
            for rule in plan["automation"]["would_fire"].as_array().unwrap() {
                let rule_id = rule["rule"]["id"].as_str().unwrap();
                let sql = format!("SELECT count(*) FROM events WHERE rule = {rule_id}");
                assert_eq!(rule["count"], api.number(&sql), "{rule}");
            }
            let told = plan["automation"]["would_fire"].as_array().unwrap().len();
            let rules = api.number("SELECT count(DISTINCT rule) FROM events");
            assert_eq!(json!(rules), json!(told));
            assert!(told == 2, "{plan}");
            api.run_events();
        }
    }

    pub(super) fn a_job_pauses_before_the_record_that_is_one_event_too_many(kind: Kind) {
        for size in [1, 7, 1_000] {
            let api = with_rules(kind);
            let asker = Asker::new(&api, "admin");
            let leads = leads(&api, 12);
            // Two events of a lead in Faro, one of the next: the sixth would be one too many.
            let job = asker.job(&update(&leads, &json!({ "automation_cap": 7 })));
            run(api.worker().with_chunks_of(size));
            let now = asker.now(&job);
            assert_eq!(now["state"], "paused", "chunks of {size}");
            assert_eq!(now["paused_by"], "automation_cap");
            assert_eq!(
                (&now["fired"], &now["counts"]["changed"]),
                (&json!(6), &json!(4))
            );
            assert_eq!(waiting(&api), 6);
        }
    }

    pub(super) fn a_cap_that_is_raised_lets_the_job_go_on(kind: Kind) {
        let api = with_rules(kind);
        let asker = Asker::new(&api, "admin");
        let leads = leads(&api, 12);
        let job = asker.job(&update(&leads, &json!({ "automation_cap": 4 })));
        let resume = format!("jobs/{}/actions/resume", id(&job));
        api.run_jobs();
        assert_eq!(asker.now(&job)["counts"]["changed"], 2);
        asker.is_refused(
            &resume,
            &json!({ "automation_cap": 4 }),
            400,
            "INVALID_DATA",
        );
        // As many again.
        assert_eq!(asker.post(&resume, &json!({})).json()["automation_cap"], 7);
        api.run_jobs();
        assert_eq!(asker.now(&job)["counts"]["changed"], 4);
        // As many as it likes.
        let reply = asker.post(&resume, &json!({ "automation_cap": null }));
        assert_eq!(reply.json()["automation_cap"], Json::Null);
        api.run_jobs();
        let now = asker.now(&job);
        assert_eq!(
            (&now["state"], &now["fired"]),
            (&json!("completed"), &json!(18))
        );
        assert_eq!(api.run_events(), 18);
    }

    pub(super) fn every_resume_allows_the_same_and_at_least_the_next_record(kind: Kind) {
        let api = with_rules(kind);
        let asker = Asker::new(&api, "admin");
        // Two events of a lead in Faro, one of the next: 2, 3, 5, 6, 8, 9 in all.
        for (cap, fired) in [
            (0, vec![0, 2, 3, 5, 6, 8, 9]),
            (1, vec![0, 2, 3, 5, 6, 8, 9]),
            (3, vec![3, 6, 9]),
        ] {
            let leads = leads(&api, 6);
            let job = asker.job(&update(&leads, &json!({ "automation_cap": cap })));
            let resume = format!("jobs/{}/actions/resume", id(&job));
            for fired in fired {
                api.run_jobs();
                let now = asker.now(&job);
                assert_eq!(now["fired"], fired, "a cap of {cap}: {now}");
                if fired < 9 {
                    assert_eq!(now["paused_by"], "automation_cap");
                    assert_eq!(asker.post(&resume, &json!({})).status, 200);
                }
            }
            assert_eq!(asker.now(&job)["state"], "completed");
            api.run_events();
        }
        // One event is not enough for a record that leaves two.
        let job = asker.job(&update(&leads(&api, 1), &json!({ "automation_cap": 0 })));
        let resume = format!("jobs/{}/actions/resume", id(&job));
        api.run_jobs();
        let reply = asker.post(&resume, &json!({ "automation_cap": 1 }));
        assert_eq!(
            (reply.status, &reply.json()["details"]["minimum"]),
            (400, &json!(2))
        );
    }

    pub(super) fn a_retry_has_the_cap_that_was_asked_for(kind: Kind) {
        let api = with_rules(kind);
        let asker = Asker::new(&api, "admin");
        let leads = leads(&api, 6);
        let job = asker.job(&update(&leads, &json!({ "automation_cap": 3 })));
        for body in [json!({}), json!({ "automation_cap": 8 })] {
            api.run_jobs();
            let resume = format!("jobs/{}/actions/resume", id(&job));
            assert_eq!(asker.post(&resume, &body).status, 200);
        }
        api.run_jobs();
        assert_eq!(asker.now(&job)["automation_cap"], 8);
        let path = format!("jobs/{}/actions/", id(&job));
        assert_eq!(asker.post(&format!("{path}cancel"), &json!({})).status, 200);
        let retry = asker.post(&format!("{path}retry"), &json!({}));
        assert_eq!(
            (retry.status, &retry.json()["automation_cap"]),
            (202, &json!(3))
        );
    }

    pub(super) fn a_deletion_fires_for_what_goes_along_too(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let asker = Asker::new(&api, "admin");
        let lead = leads(&api, 1).remove(0);
        let task = |subject: &str| json!({ "Subject": subject, "What_Id": { "id": lead } });
        ada.make("Tasks", &[task("Call them"), task("Write")]);
        let body = json!({ "action": "delete", "module": "Leads", "selection": { "ids": [lead] } });
        let plan = asker.plan(&body);
        let fires = plan["automation"]["would_fire"].as_array().unwrap();
        let names: Vec<&str> = fires
            .iter()
            .map(|f| f["rule"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["Deleted ones are told", "Deleted tasks are told"]);
        asker.job(&json!({ "plan": id(&plan) }));
        api.run_jobs();
        assert_eq!(waiting(&api), 2);
        assert_eq!(api.run_events(), 2);
        let tasks = api.rows("\"m_Tasks\"", &["\"Subject\"", "\"What_Id\""]);
        assert_eq!(
            tasks,
            [
                "\"m_Tasks\": Again? | -",
                "\"m_Tasks\": Why was it deleted? | -"
            ]
        );
    }
}
