//! Undo of conversions: leads are leads again, what they became goes as far as nobody built on it, and
//! what was there before is as it was.

use crate::api::Api;
use crate::convert::converted;
use crate::demo::{Caller, run};
use crate::recycle_bin::delete;
use crate::undo::{ask, came_to, failed, job, newest, outcome, standing, token, undone};
use jobs::Step;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_conversion_is_put_back_whole,
    the_conversion_of_one_lead_is_put_back_like_any_job,
    what_stood_there_before_is_as_it_was,
    a_contact_that_somebody_changed_stays_with_its_account,
    an_account_of_two_leads_goes_when_both_are_put_back,
    what_a_lead_that_is_not_put_back_became_stays,
    an_undone_conversion_is_not_done_again_by_undoing_that,
    an_undo_takes_the_right_to_convert_and_to_delete_what_was_made,
    a_plan_foresees_what_goes_and_what_stays,
    an_undo_that_is_stopped_at_every_step_ends_the_same,
    chunks_of_any_size_put_back_the_same,
}

/// Converts these leads by a native job, each with a deal; answers the job.
pub(crate) fn convert_all(api: &Api, leads: &[String]) -> String {
    let deal = json!({
        "Deal_Name": "Batch", "Stage": "Qualification", "Closing_Date": "2031-06-30",
    });
    let body = json!({
        "action": "convert", "module": "Leads", "selection": { "ids": leads },
        "change": { "deal": deal },
    });
    let body = body.to_string();
    let reply = api.call_with(
        "POST",
        "/swathe/v1/jobs",
        &token(api, "admin"),
        body.as_bytes(),
    );
    assert_eq!(reply.status, 202, "{}", reply.text);
    api.run_jobs();
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(job(api, &id)["counts"]["failed"], 0);
    id
}

pub(crate) fn lead_of(name: &str, company: Option<&str>) -> Json {
    json!({ "Last_Name": name, "Company": company, "Email": format!("{name}@ode.example.com") })
}

/// What a lead became, by module.
pub(crate) fn became(api: &Api, lead: &str) -> [String; 3] {
    ["Contact", "Account", "Deal"].map(|part| {
        let sql =
            format!("SELECT COALESCE(\"Converted_{part}\", 0) FROM \"m_Leads\" WHERE id = {lead}");
        api.number(&sql).to_string()
    })
}

/// What stands in the tables of records.
pub(crate) fn records(api: &Api) -> Vec<String> {
    let rows = standing(api).into_iter();
    rows.filter(|row| !row.starts_with("deleted_records"))
        .collect()
}

pub(crate) fn there(api: &Api, module: &str, id: &str) -> bool {
    api.number(&format!(
        "SELECT count(*) FROM \"m_{module}\" WHERE id = {id}"
    )) == 1
}

fn put(caller: &Caller<'_>, path: &str, data: &Json) {
    let reply = caller.put(path, &json!({ "data": [data] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

mod check {
    use super::*;

    pub(super) fn a_conversion_is_put_back_whole(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = [
            lead_of("a", Some("Acme")),
            lead_of("b", None),
            lead_of("c", Some("Tern")),
        ];
        let leads = ada.make("Leads", &leads);
        let before = records(&api);
        let job = convert_all(&api, &leads);
        let converted = "SELECT count(*) FROM \"m_Leads\" WHERE \"Converted__s\"";
        assert_eq!(api.number(converted), 3);
        let undo = undone(&api, &job);
        // Three leads, contacts and deals, and two accounts.
        came_to(&api, &undo, [11, 0, 0]);
        assert_eq!(records(&api), before);
        assert_eq!(ada.record("Leads", &leads[0])["Last_Name"], "a");
        // They can be converted again.
        convert_all(&api, &leads);
    }

    pub(super) fn the_conversion_of_one_lead_is_put_back_like_any_job(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make("Leads", &[lead_of("a", Some("Acme"))]).remove(0);
        let before = records(&api);
        converted(&ada, &lead, &json!({}));
        came_to(&api, &undone(&api, &newest(&api)), [3, 0, 0]);
        assert_eq!(records(&api), before);
    }

    pub(super) fn what_stood_there_before_is_as_it_was(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let contact = ada
            .make("Contacts", &[json!({ "Last_Name": "Tern" })])
            .remove(0);
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "Tern" })])
            .remove(0);
        let lead = ada.make("Leads", &[lead_of("a", Some("Acme"))]).remove(0);
        let before = records(&api);
        let named = json!({
            "Contacts": { "id": contact }, "Accounts": { "id": account }, "overwrite": true,
        });
        converted(&ada, &lead, &named);
        let job = newest(&api);
        assert_eq!(ada.record("Accounts", &account)["Account_Name"], "Acme");
        // Another field of theirs is nobody's business.
        put(
            &ada,
            &format!("Contacts/{contact}"),
            &json!({ "Department": "Sales" }),
        );
        came_to(&api, &undone(&api, &job), [3, 0, 0]);
        put(
            &ada,
            &format!("Contacts/{contact}"),
            &json!({ "Department": null }),
        );
        assert_eq!(records(&api), before);
    }

    pub(super) fn a_contact_that_somebody_changed_stays_with_its_account(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let lead = ada.make("Leads", &[lead_of("a", Some("Acme"))]);
        let job = convert_all(&api, &lead);
        let [contact, account, deal] = became(&api, &lead[0]);
        put(
            &ines,
            &format!("Contacts/{contact}"),
            &json!({ "Department": "Sales" }),
        );
        let undo = undone(&api, &job);
        came_to(&api, &undo, [2, 0, 2]);
        let details = json!({ "id": contact, "fields": ["Department"] });
        let wanted = ("failed".to_owned(), "CHANGED_SINCE".to_owned(), details);
        assert_eq!(outcome(&api, &undo, &contact), wanted);
        let details = json!({ "id": account, "module": "Contacts" });
        let wanted = ("failed".to_owned(), "CHANGED_SINCE".to_owned(), details);
        assert_eq!(outcome(&api, &undo, &account), wanted);
        assert!(!there(&api, "Deals", &deal));
        assert_eq!(ada.record("Leads", &lead[0])["Company"], "Acme");
    }

    pub(super) fn an_account_of_two_leads_goes_when_both_are_put_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let pair = |n: usize| {
            let names = [format!("a{n}"), format!("b{n}")];
            let company = format!("Acme {n}");
            let leads = names.map(|name| lead_of(&name, Some(&company)));
            ada.make("Leads", &leads)
        };
        let (one, two) = (pair(1), pair(2));
        let leads = [one.clone(), two.clone()].concat();
        let job = convert_all(&api, &leads);
        let [_, shared, _] = became(&api, &one[0]);
        assert_eq!(became(&api, &one[1])[1], shared);
        let [contact, kept, _] = became(&api, &two[1]);
        put(
            &ada,
            &format!("Contacts/{contact}"),
            &json!({ "Department": "Sales" }),
        );
        let undo = undone(&api, &job);
        came_to(&api, &undo, [12, 0, 2]);
        assert!(!there(&api, "Accounts", &shared));
        assert!(there(&api, "Accounts", &kept));
        // Both leads are put back all the same.
        assert_eq!(
            api.number("SELECT count(*) FROM \"m_Leads\" WHERE \"Converted__s\""),
            0
        );
    }

    pub(super) fn what_a_lead_that_is_not_put_back_became_stays(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ["a", "b", "c"].map(|name| lead_of(name, Some(&format!("Acme {name}"))));
        let leads = ada.make("Leads", &leads);
        let job = convert_all(&api, &leads);
        let [locked, gone, back] = [0, 1, 2].map(|n: usize| became(&api, &leads[n]));
        api.execute(&format!(
            "INSERT INTO holds (id, record, module, kind, actor, at) SELECT 77, id, {},
             'lock', {}, 0 FROM \"m_Leads\" WHERE id = {}",
            api.catalog().module("Leads").unwrap().id,
            api.user("admin"),
            leads[0]
        ));
        assert_eq!(ada.delete(&format!("Leads?ids={}", leads[1])).status, 200);
        let undo = undone(&api, &job);
        assert_eq!(failed(&api, &undo, &leads[0]), "RECORD_LOCKED");
        assert_eq!(failed(&api, &undo, &leads[1]), "GONE");
        let modules = ["Contacts", "Accounts", "Deals"];
        for (n, module) in modules.iter().enumerate() {
            assert!(there(&api, module, &locked[n]), "{module}");
            assert_eq!(failed(&api, &undo, &locked[n]), "CHANGED_SINCE");
            assert!(there(&api, module, &gone[n]), "{module}");
            assert_eq!(failed(&api, &undo, &gone[n]), "CHANGED_SINCE");
            assert!(!there(&api, module, &back[n]), "{module}");
        }
        // Once it is free, the rest of it is put back by another undo.
        api.execute("DELETE FROM holds");
        came_to(&api, &undone(&api, &job), [4, 4, 4]);
        assert!(!there(&api, "Contacts", &locked[0]));
        assert!(there(&api, "Contacts", &gone[0]));
    }

    pub(super) fn an_undone_conversion_is_not_done_again_by_undoing_that(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make("Leads", &[lead_of("a", Some("Acme"))]);
        let converted = convert_all(&api, &lead);
        let day = 24 * 60 * 60 * 1_000;
        let until = model::time::Clock::now(&*api.clock)
            .plus_ms(60 * day)
            .to_utc();
        assert_eq!(job(&api, &converted)["undo_until"], until);
        let undo = undone(&api, &converted);
        assert_eq!(job(&api, &undo)["request"]["did"], "convert");
        assert_eq!(job(&api, &undo)["undo_until"], Json::Null);
        let text = "a conversion that was undone is not done again by undoing that: convert the \
                    leads again";
        for body in ["", r#"{"plan":true}"#] {
            let reply = api.unchanged_by(|| ask(&api, "admin", &undo, body));
            assert_eq!(reply.json()["code"], "NOT_SUPPORTED", "{}", reply.text);
            assert_eq!(reply.json()["message"], text);
        }
    }

    pub(super) fn an_undo_takes_the_right_to_convert_and_to_delete_what_was_made(kind: Kind) {
        let api = Api::start_demo(kind);
        let joana = api.caller("joana");
        let lead = joana.make("Leads", &[lead_of("a", None)]).remove(0);
        converted(&joana, &lead, &json!({}));
        let job = newest(&api);
        let profile = |leads: &str, contacts: &str| {
            api.apply_org(&format!(
                "[[profile]]\nname = \"Standard\"\nmodules.Leads = [{leads}]\n\
                 modules.Contacts = [{contacts}]\n"
            ));
        };
        profile("\"view\", \"edit\"", "\"view\", \"delete\"");
        assert_eq!(ask(&api, "joana", &job, "").status, 403);
        profile("\"view\", \"edit\", \"convert\"", "\"view\"");
        assert_eq!(ask(&api, "joana", &job, "").status, 202);
        api.run_jobs();
        let undo = newest(&api);
        came_to(&api, &undo, [1, 0, 1]);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Contacts\""), 1);
        profile("\"view\", \"edit\", \"convert\"", "\"view\", \"delete\"");
        assert_eq!(ask(&api, "joana", &job, "").status, 202);
        api.run_jobs();
        came_to(&api, &newest(&api), [1, 1, 0]);
    }

    pub(super) fn a_plan_foresees_what_goes_and_what_stays(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ["a", "b"].map(|name| lead_of(name, Some(&format!("Acme {name}"))));
        let leads = ada.make("Leads", &leads);
        let job = convert_all(&api, &leads);
        let [contact, account, _] = became(&api, &leads[0]);
        put(
            &ada,
            &format!("Contacts/{contact}"),
            &json!({ "Department": "Sales" }),
        );
        let before = standing(&api);
        let reply = ask(&api, "admin", &job, r#"{"plan":true}"#);
        assert_eq!(reply.status, 201, "{}", reply.text);
        let plan = reply.json();
        let counts = json!({ "selected": 8, "change": 6, "unchanged": 0, "refused": 2 });
        assert_eq!(plan["counts"], counts, "{plan}");
        let sample: Vec<Json> = plan["refused"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|reason| {
                assert_eq!(reason["code"], "CHANGED_SINCE");
                reason["sample"].as_array().unwrap().clone()
            })
            .collect();
        assert!(
            sample.contains(&json!(contact)) && sample.contains(&json!(account)),
            "{plan}"
        );
        assert_eq!(standing(&api), before);
        let body = json!({ "plan": plan["id"] }).to_string();
        let reply = api.call_with(
            "POST",
            "/swathe/v1/jobs",
            &token(&api, "admin"),
            body.as_bytes(),
        );
        assert_eq!(reply.status, 202, "{}", reply.text);
        api.run_jobs();
        came_to(&api, &newest(&api), [6, 0, 2]);
    }

    pub(super) fn an_undo_that_is_stopped_at_every_step_ends_the_same(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ["a", "b", "c"].map(|name| lead_of(name, Some("Acme")));
        let leads = ada.make("Leads", &leads);
        let before = records(&api);
        let job = convert_all(&api, &leads);
        assert_eq!(ask(&api, "admin", &job, "").status, 202);
        let undo = newest(&api);
        // Each worker fails at a later one of a chunk's points than the one before, and the next one
        // takes over when its lease has run out.
        let unfinished =
            format!("SELECT count(*) FROM jobs WHERE finished_at IS NULL AND id = {undo}");
        let mut survived = 0;
        while api.number(&unfinished) == 1 {
            survived += 1;
            assert!(survived < 60, "the undo does not end");
            let mut points = 0;
            let mut worker = api.worker().with_chunks_of(1).with_faults(move |_| {
                points += 1;
                if points > survived {
                    return Err(store::Error::Inconsistent("killed".to_owned()).into());
                }
                Ok(())
            });
            while let Step::Claimed(_) | Step::Ran(..) = worker.step() {}
            drop(worker);
            api.clock.advance_ms(60_000);
        }
        assert!(survived > 8, "{survived}");
        came_to(&api, &undo, [10, 0, 0]);
        assert_eq!(records(&api), before);
        let twice = format!(
            "SELECT count(*) FROM (SELECT record FROM changes WHERE job = {undo}
             GROUP BY record HAVING count(*) > 1) t"
        );
        assert_eq!(api.number(&twice), 0);
    }

    pub(super) fn chunks_of_any_size_put_back_the_same(kind: Kind) {
        for seed in 0..2_usize {
            let left_by = |size: usize| {
                let api = Api::start_demo(kind);
                let ada = api.caller("admin");
                let lead = |n: usize| {
                    let company = (!n.is_multiple_of(3)).then(|| format!("Acme {}", n % 5));
                    lead_of(&format!("l{n}"), company.as_deref())
                };
                let leads = ada.make("Leads", &(0..14).map(lead).collect::<Vec<_>>());
                let job = convert_all(&api, &leads);
                for (n, lead) in leads.iter().enumerate() {
                    let [contact, account, deal] = became(&api, lead);
                    match (n * 7 + seed * 3) % 9 {
                        0 => put(
                            &ada,
                            &format!("Contacts/{contact}"),
                            &json!({ "Phone": "1" }),
                        ),
                        1 => put(&ada, &format!("Deals/{deal}"), &json!({ "Next_Step": "x" })),
                        2 if account != "0" => {
                            let task = json!({ "Subject": "T", "What_Id": { "id": account } });
                            ada.make("Tasks", &[task]);
                        }
                        3 => delete(&ada, "Deals", std::slice::from_ref(&deal)),
                        4 => assert_eq!(ada.delete(&format!("Leads?ids={lead}")).status, 200),
                        _ => {}
                    }
                }
                assert_eq!(ask(&api, "admin", &job, "").status, 202);
                run(api.worker().with_chunks_of(size));
                let counts = super::job(&api, &newest(&api))["counts"].clone();
                (counts, api.record_tables())
            };
            let whole = left_by(1_000);
            assert_eq!(left_by(1), whole);
            assert_eq!(left_by(7), whole);
        }
    }
}
