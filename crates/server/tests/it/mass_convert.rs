//! Mass conversion of leads, by the wire and natively: what the job makes, finds and leaves, whatever
//! the size of its chunks.

use crate::api::Api;
use crate::asked::Asker;
use crate::convert::{convert, converted, lead};
use crate::demo::{Caller, run};
use serde_json::{Value as Json, json};
use server::Version;
use std::collections::BTreeMap;
use testkit::{Kind, each_db};

each_db! {
    the_status_of_the_founding_page_in_the_words_of_each_version,
    one_that_cannot_be_converted_never_stops_the_others,
    leads_of_one_company_make_one_account,
    chunks_of_any_size_make_the_same,
    a_plan_says_what_is_made_and_its_job_makes_it,
    a_lead_that_changed_since_its_plan_is_left,
    outcomes_tell_what_each_lead_became,
    what_belongs_to_a_lead_goes_along,
    owners_are_told_where_that_is_asked_for,
}

pub(crate) const SCOPES: &str = "swathe.jobs.ALL,ZohoCRM.mass_convert.leads.ALL";
const PATH: &str = "Leads/actions/mass_convert";

/// Asks for a job, and answers its id.
fn schedule(caller: &Caller<'_>, body: &Json) -> String {
    let reply = caller.post(PATH, body);
    let told = reply.json();
    assert_eq!(told["code"], "SCHEDULED", "{told}");
    assert_eq!(told["message"], "Mass Convert scheduled successfully");
    assert_eq!(told["status"], "success");
    told["details"]["job_id"].as_str().unwrap().to_owned()
}

fn status(caller: &Caller<'_>, job: &str) -> Json {
    let reply = caller.get(&format!("{PATH}?job_id={job}"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["data"][0].clone()
}

/// Total, converted, not converted yet, failed.
fn told(word: &str, counts: [i64; 4]) -> Json {
    let [total, converted, left, failed] = counts;
    json!({
        "Status": word, "Total_Count": total, "Converted_Count": converted,
        "Not_Converted_Count": left, "Failed_Count": failed,
    })
}

/// A step of a row of numbers that looks like chance and never is.
fn chance(state: &mut u64, below: u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// Leads that share names, addresses and companies with each other and with what stands there.
fn crowd(ada: &Caller<'_>, seed: u64, count: usize) -> Vec<String> {
    let mut state = seed;
    let accounts = ada.make("Accounts", &[json!({ "Account_Name": "Work 0" })]);
    let stands = [
        json!({ "Last_Name": "Name 0", "Email": "mail0@x.example.com" }),
        json!({ "Last_Name": "Name 1", "Account_Name": { "id": accounts[0] } }),
    ];
    ada.make("Contacts", &stands);
    let leads: Vec<Json> = (0..count)
        .map(|_| {
            let mut lead = json!({ "Last_Name": format!("Name {}", chance(&mut state, 4)) });
            if chance(&mut state, 3) > 0 {
                lead["Company"] = format!("Work {}", chance(&mut state, 4)).into();
            }
            if chance(&mut state, 2) > 0 {
                lead["Email"] = format!("Mail{}@x.example.com", chance(&mut state, 5)).into();
            }
            lead
        })
        .collect();
    let leads = ada.make("Leads", &leads);
    for lead in &leads {
        if chance(&mut state, 8) == 0 {
            ada.lock("Leads", lead);
        }
    }
    leads
}

mod check {
    use super::*;

    pub(super) fn the_status_of_the_founding_page_in_the_words_of_each_version(kind: Kind) {
        let api = Api::start_demo(kind);
        for version in Version::ALL.into_iter().filter(|v| *v >= Version::V4) {
            let ada = api.caller("admin").speaking(version);
            let ids = ada.make_leads(28);
            let new = version == Version::V8;
            let job = schedule(&ada, &json!({ "ids": ids }));
            let word = |old: &str| {
                if new {
                    old.to_lowercase()
                } else {
                    old.to_owned()
                }
            };
            assert_eq!(status(&ada, &job), told(&word("SCHEDULED"), [28, 0, 28, 0]));
            let mut worker = api.worker().with_chunks_of(20);
            worker.step();
            worker.step();
            assert_eq!(
                status(&ada, &job),
                told(&word("IN PROGRESS"), [28, 20, 8, 0])
            );
            run(worker);
            assert_eq!(status(&ada, &job), told(&word("COMPLETED"), [28, 28, 0, 0]));
            // All of them once more: none can be converted again.
            let again = schedule(&ada, &json!({ "ids": ids }));
            api.run_jobs();
            assert_eq!(status(&ada, &again), told(&word("FAILED"), [28, 0, 0, 28]));
        }
    }

    pub(super) fn one_that_cannot_be_converted_never_stops_the_others(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(5);
        ada.lock("Leads", &ids[1]);
        converted(&ada, &ids[3], &json!({}));
        let before = api.number("SELECT count(*) FROM \"m_Contacts\"");
        let job = schedule(&ada, &json!({ "ids": ids }));
        // One is deleted before its turn.
        assert_eq!(ada.delete(&format!("Leads/{}", ids[4])).status, 200);
        api.run_jobs();
        assert_eq!(status(&ada, &job), told("COMPLETED", [5, 2, 0, 3]));
        let codes = api.rows("job_outcomes", &["seq", "code"]);
        assert_eq!(
            codes,
            ["1 | RECORD_LOCKED", "3 | ID_ALREADY_CONVERTED", "4 | GONE"]
                .map(|row| format!("job_outcomes: {row}"))
        );
        let made = api.number("SELECT count(*) FROM \"m_Contacts\"") - before;
        assert_eq!(made, 2);
    }

    pub(super) fn leads_of_one_company_make_one_account(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads: Vec<Json> = (0..50)
            .map(|n| json!({ "Last_Name": format!("N{n}"), "Company": "Ode Works" }))
            .collect();
        let ids = ada.make("Leads", &leads);
        let deal = json!({
            "Deal_Name": "Spring batch", "Stage": "Qualification", "Closing_Date": "2031-06-30",
            "Pipeline": "Standard (Standard)",
        });
        let job = schedule(&ada, &json!({ "ids": ids, "Deals": deal }));
        api.run_jobs();
        assert_eq!(status(&ada, &job), told("COMPLETED", [50, 50, 0, 0]));
        let count = |module: &str| api.number(&format!("SELECT count(*) FROM \"m_{module}\""));
        assert_eq!(
            (count("Accounts"), count("Contacts"), count("Deals")),
            (1, 50, 50)
        );
    }

    pub(super) fn chunks_of_any_size_make_the_same(kind: Kind) {
        for seed in 1..4 {
            let mut tables = Vec::new();
            for chunk in [1, 7, 1000] {
                let api = Api::start_demo(kind);
                let ada = api.caller("admin");
                let leads = crowd(&ada, seed, 40);
                let asker = Asker::with(&api, "admin", SCOPES);
                let change = json!({ "overwrite": true, "deal": {
                    "Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2031-06-30",
                }});
                let body = json!({
                    "action": "convert", "module": "Leads", "selection": { "ids": leads },
                    "change": change,
                });
                asker.job(&body);
                run(api.worker().with_chunks_of(chunk));
                let mut all = api.record_tables();
                all.extend(api.rows("job_outcomes", &["seq", "code"]));
                all.extend(api.rows("job_along", &["record"]));
                tables.push(all);
            }
            assert_eq!(tables[0], tables[1], "seed {seed}");
            assert_eq!(tables[0], tables[2], "seed {seed}");
        }
    }

    pub(super) fn a_plan_says_what_is_made_and_its_job_makes_it(kind: Kind) {
        for seed in 1..4 {
            let api = Api::start_demo(kind);
            let ada = api.caller("admin");
            let leads = crowd(&ada, seed, 40);
            let asker = Asker::with(&api, "admin", SCOPES);
            let body = json!({
                "action": "convert", "module": "Leads", "selection": { "ids": leads },
            });
            let plan = api.unchanged_but_targets(|| asker.plan(&body));
            let count = |module: &str| api.number(&format!("SELECT count(*) FROM \"m_{module}\""));
            let before = ["Contacts", "Accounts", "Deals"].map(count);
            let job = asker.job(&json!({ "plan": plan["id"] }));
            api.run_jobs();
            let job = asker.now(&job);
            assert_eq!(
                job["counts"]["changed"], plan["counts"]["change"],
                "seed {seed}"
            );
            assert_eq!(
                job["counts"]["failed"], plan["counts"]["refused"],
                "seed {seed}"
            );
            let mut makes: BTreeMap<&str, i64> = BTreeMap::new();
            for made in plan["makes"].as_array().unwrap() {
                makes.insert(
                    made["module"].as_str().unwrap(),
                    made["count"].as_i64().unwrap(),
                );
            }
            let after = ["Contacts", "Accounts", "Deals"].map(count);
            for (n, module) in ["Contacts", "Accounts", "Deals"].iter().enumerate() {
                let made = makes.get(module).copied().unwrap_or_default();
                assert_eq!(after[n] - before[n], made, "{module}, seed {seed}: {plan}");
            }
            let found = plan["attaches"].as_array().unwrap();
            assert!(found.iter().any(|one| one["by"] == "Email"), "{plan}");
            assert!(found.iter().any(|one| one["by"] == "name"), "{plan}");
        }
    }

    pub(super) fn a_lead_that_changed_since_its_plan_is_left(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(3);
        let asker = Asker::with(&api, "admin", SCOPES);
        let body = json!({
            "action": "convert", "module": "Leads", "selection": { "ids": ids },
        });
        let plan = asker.plan(&body);
        // What it becomes is made of the one; nothing is made of the other.
        for (id, field) in [(&ids[0], "Company"), (&ids[1], "Lead_Status")] {
            let body = json!({ "data": [{ field: "Changed" }] });
            assert_eq!(ada.put(&format!("Leads/{id}"), &body).status, 200);
        }
        asker.job(&json!({ "plan": plan["id"], "tolerance": 1 }));
        api.run_jobs();
        assert_eq!(
            api.rows("job_outcomes", &["seq", "code"]),
            ["job_outcomes: 0 | CHANGED_SINCE_PLAN"]
        );
    }

    pub(super) fn outcomes_tell_what_each_lead_became(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = lead(&ada, &json!({ "Last_Name": "Ode", "Company": "Ode Works" }));
        let job = schedule(&ada, &json!({ "ids": [lead] }));
        api.run_jobs();
        let asker = Asker::with(&api, "admin", "swathe.jobs.ALL,ZohoCRM.modules.ALL");
        let told = asker.get(&format!("jobs/{job}/outcomes")).json()["data"][0].clone();
        assert_eq!(told["outcome"], "changed");
        assert_eq!(told["converted"]["contact"]["name"], "Ode");
        assert_eq!(told["converted"]["account"]["name"], "Ode Works");
        assert_eq!(told["converted"]["deal"], Json::Null);
        assert_eq!(told["after"]["Converted__s"], true);
        let csv = asker.get(&format!("jobs/{job}/outcomes?format=csv")).text;
        assert!(
            csv.lines()
                .next()
                .unwrap()
                .ends_with("after.Converted_Deal"),
            "{csv}"
        );
        // The job tells what it was asked.
        let job = asker.get(&format!("jobs/{job}")).json();
        assert_eq!(job["action"], "convert");
        assert_eq!(job["request"]["change"]["deal"], Json::Null);
        assert_eq!(job["request"]["change"]["add_to_existing"], true);
    }

    pub(super) fn what_belongs_to_a_lead_goes_along(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let new = json!({ "Last_Name": "Ode", "Company": "Ode Works" });
        let lead = lead(&ada, &new);
        let about = json!({ "Subject": "Call back", "$se_module": "Leads",
            "What_Id": { "id": lead } });
        let task = ada.make("Tasks", &[about]).remove(0);
        let module = api.catalog().module("Leads").unwrap().id;
        api.execute(&format!(
            "INSERT INTO notes (id, record, module, content, owner, created_by, created_at,
               modified_by, modified_at) VALUES (1, {lead}, {module}, 'N', 1, 1, 0, 1, 0)"
        ));
        let tag = json!({ "tags": [{ "name": "Hot" }] });
        assert_eq!(
            ada.post(&format!("Leads/{lead}/actions/add_tags"), &tag)
                .status,
            200
        );
        let oskar = api.user_id("oskar");
        let body = json!({
            "ids": [lead], "assign_to": { "id": oskar },
            "carry_over_tags": [{ "api_name": "Contacts" }],
            "move_attachments_to": { "api_name": "Contacts" },
            "related_modules": [{ "api_name": "Tasks" }],
        });
        schedule(&ada, &body);
        api.run_jobs();
        let contact = api.number("SELECT id FROM \"m_Contacts\"").to_string();
        let account = api.number("SELECT id FROM \"m_Accounts\"").to_string();
        let task = ada.record("Tasks", &task);
        assert_eq!(task["Who_Id"]["id"], contact);
        assert_eq!(task["What_Id"]["id"], account);
        assert_eq!(task["Owner"]["id"], oskar);
        let contact = ada.record("Contacts", &contact);
        assert_eq!(contact["Owner"]["id"], oskar);
        assert_eq!(contact["Tag"][0]["name"], "Hot");
        let of_contact = format!(
            "SELECT count(*) FROM notes WHERE record = {}",
            contact["id"].as_str().unwrap()
        );
        assert_eq!(api.number(&of_contact), 1);
    }

    pub(super) fn owners_are_told_where_that_is_asked_for(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = lead(&ada, &json!({ "Last_Name": "Ode", "Company": "Ode Works" }));
        let oskar = api.user_id("oskar");
        let item = json!({
            "assign_to": { "id": oskar }, "notify_lead_owner": true,
            "notify_new_entity_owner": true,
        });
        assert_eq!(convert(&ada, &lead, &item).status, 200);
        let admin = api.user_id("admin");
        let mut wanted = vec![
            format!("outbox: lead_converted | {admin}"),
            format!("outbox: record_made | {oskar}"),
            format!("outbox: record_made | {oskar}"),
        ];
        wanted.sort();
        assert_eq!(api.rows("outbox", &["kind", "recipient"]), wanted);
    }
}
