//! Undo of what was undone already: what others did since is theirs, though it looks the same.

use crate::api::Api;
use crate::convert::converted;
use crate::undo::{ask, came_to, failed, newest, outcome, undone, update_all};
use crate::undo_convert::{became, lead_of};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_lead_that_was_converted_again_stays_converted,
    a_lead_that_was_converted_again_into_the_same_stays_converted,
    a_value_that_another_job_wrote_again_stays,
    jobs_that_are_undone_one_after_the_other_leave_what_was_before,
    what_the_undo_of_an_undo_wrote_is_the_jobs_again,
}

fn city(api: &Api, name: &str) -> String {
    update_all(api, &api.caller("admin"), json!({ "City": name }))
}

fn cities(api: &Api, leads: &[String]) -> Vec<Json> {
    let ada = api.caller("admin");
    let city = |id: &String| ada.record("Leads", id)["City"].clone();
    leads.iter().map(city).collect()
}

mod check {
    use super::*;

    pub(super) fn a_lead_that_was_converted_again_stays_converted(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let lead = ada.make("Leads", &[lead_of("a", Some("Acme"))]).remove(0);
        converted(&ada, &lead, &json!({}));
        let first = newest(&api);
        came_to(&api, &undone(&api, &first), [3, 0, 0]);
        converted(&ines, &lead, &json!({}));
        let into = became(&api, &lead);
        let plan = ask(&api, "admin", &first, r#"{"plan":true}"#);
        let counts = json!({ "selected": 3, "change": 0, "unchanged": 2, "refused": 1 });
        assert_eq!(plan.json()["counts"], counts, "{}", plan.text);
        let undo = undone(&api, &first);
        came_to(&api, &undo, [0, 2, 1]);
        assert_eq!(failed(&api, &undo, &lead), "CHANGED_SINCE");
        let flag =
            format!("SELECT count(*) FROM \"m_Leads\" WHERE \"Converted__s\" AND id = {lead}");
        assert_eq!((api.number(&flag), became(&api, &lead)), (1, into));
    }

    pub(super) fn a_lead_that_was_converted_again_into_the_same_stays_converted(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let contact = json!({ "Last_Name": "C", "Email": "a@ode.example.com" });
        let contact = ada.make("Contacts", &[contact]).remove(0);
        let lead = ada.make("Leads", &[lead_of("a", None)]).remove(0);
        let named = json!({ "Contacts": { "id": contact } });
        converted(&ada, &lead, &named);
        let first = newest(&api);
        came_to(&api, &undone(&api, &first), [1, 0, 0]);
        converted(&ada, &lead, &named);
        let second = newest(&api);
        let undo = undone(&api, &first);
        came_to(&api, &undo, [0, 0, 1]);
        assert_eq!(failed(&api, &undo, &lead), "CHANGED_SINCE");
        assert_eq!(became(&api, &lead)[0], contact);
        came_to(&api, &undone(&api, &second), [1, 0, 0]);
    }

    pub(super) fn a_value_that_another_job_wrote_again_stays(kind: Kind) {
        let api = Api::start_demo(kind);
        let leads = api.caller("admin").make_leads(2);
        let first = city(&api, "Faro");
        came_to(&api, &undone(&api, &first), [2, 0, 0]);
        came_to(&api, &undone(&api, &first), [0, 2, 0]);
        let second = city(&api, "Faro");
        let undo = undone(&api, &first);
        came_to(&api, &undo, [0, 0, 2]);
        let details = json!({ "id": leads[0], "fields": ["City"] });
        let wanted = ("failed".to_owned(), "CHANGED_SINCE".to_owned(), details);
        assert_eq!(outcome(&api, &undo, &leads[0]), wanted);
        assert_eq!(cities(&api, &leads), ["Faro", "Faro"]);
        came_to(&api, &undone(&api, &second), [2, 0, 0]);
    }

    pub(super) fn jobs_that_are_undone_one_after_the_other_leave_what_was_before(kind: Kind) {
        let api = Api::start_demo(kind);
        let leads = api.caller("admin").make_leads(2);
        let before = cities(&api, &leads);
        let jobs = ["Faro", "Oslo", "Faro"].map(|name| city(&api, name));
        // The first job's value stands there, but by the last one.
        came_to(&api, &undone(&api, &jobs[0]), [0, 0, 2]);
        for job in jobs.iter().rev() {
            came_to(&api, &undone(&api, job), [2, 0, 0]);
        }
        assert_eq!(cities(&api, &leads), before);
    }

    pub(super) fn what_the_undo_of_an_undo_wrote_is_the_jobs_again(kind: Kind) {
        let api = Api::start_demo(kind);
        let leads = api.caller("admin").make_leads(2);
        let before = cities(&api, &leads);
        let job = city(&api, "Faro");
        let undo = undone(&api, &job);
        came_to(&api, &undone(&api, &undo), [2, 0, 0]);
        came_to(&api, &undone(&api, &job), [2, 0, 0]);
        assert_eq!(cities(&api, &leads), before);
    }
}
