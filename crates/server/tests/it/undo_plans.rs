//! Undo, planned: what would come back and what not, before anything does, and the job made from that.

use crate::api::Api;
use crate::recycle_bin::{BIN, restore};
use crate::undo::{
    ask, came_to, deals, delete_all, failed, newest, put_deal, standing, token, update_all_of,
};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_plan_says_what_cannot_come_back_and_its_job_keeps_to_it,
    the_return_of_deleted_records_is_planned,
}

mod check {
    use super::*;

    pub(super) fn a_plan_says_what_cannot_come_back_and_its_job_keeps_to_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let deal = json!({ "Next_Step": "Call", "Discount": 3 });
        let deals = deals(&ada, &vec![deal; 6]);
        let data = json!({ "Next_Step": "Visit", "Discount": 5 });
        let first = update_all_of(&api, &ada, "Deals", data);
        put_deal(&ines, &deals[0], &json!({ "Next_Step": "Wait" }));
        put_deal(
            &ines,
            &deals[1],
            &json!({ "Next_Step": "Wait", "Discount": 1 }),
        );
        put_deal(
            &ines,
            &deals[2],
            &json!({ "Next_Step": "Call", "Discount": 3 }),
        );
        ada.lock("Deals", &deals[3]);
        let before = standing(&api);
        let reply = ask(&api, "admin", &first, r#"{"plan":true}"#);
        assert_eq!(reply.status, 201, "{}", reply.text);
        let plan = reply.json();
        assert_eq!(
            (&plan["action"], &plan["module"]),
            (&json!("undo"), &json!("Deals"))
        );
        let counts = json!({ "selected": 6, "change": 3, "unchanged": 1, "refused": 2 });
        assert_eq!(plan["counts"], counts);
        let codes = |key: &str| -> Vec<String> {
            let reasons = plan[key].as_array().unwrap().iter();
            let code = |reason: &Json| format!("{} {}", reason["code"], reason["sample"][0]);
            reasons
                .map(|reason| code(reason).replace('"', ""))
                .collect()
        };
        let mut refused = codes("refused");
        refused.sort();
        let wanted = [("CHANGED_SINCE", 1), ("RECORD_LOCKED", 3)];
        assert_eq!(
            refused,
            wanted.map(|(code, n)| format!("{code} {}", deals[n]))
        );
        assert_eq!(
            codes("refused_in_part"),
            [format!("CHANGED_SINCE {}", deals[0])]
        );
        let sample = plan["sample"].as_array().unwrap();
        let last = sample
            .iter()
            .find(|one| one["id"] == json!(deals[5]))
            .unwrap();
        assert_eq!(
            last["before"],
            json!({ "Next_Step": "Visit", "Discount": 5 })
        );
        assert_eq!(last["after"], json!({ "Next_Step": "Call", "Discount": 3 }));
        assert_eq!(standing(&api), before);
        // One more is changed before the plan is run.
        put_deal(&ines, &deals[4], &json!({ "Discount": 2 }));
        let body = json!({ "plan": plan["id"], "tolerance": 1 }).to_string();
        let run = || {
            api.call_with(
                "POST",
                "/swathe/v1/jobs",
                &token(&api, "admin"),
                body.as_bytes(),
            )
        };
        let reply = run();
        assert_eq!(reply.status, 202, "{}", reply.text);
        assert_eq!(reply.json()["undo_of"], json!(first));
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        // Meanwhile the key is taken.
        assert_eq!(
            ask(&api, "admin", &first, "").json()["code"],
            "ALREADY_SCHEDULED"
        );
        api.run_jobs();
        came_to(&api, &id, [2, 1, 3]);
        assert_eq!(failed(&api, &id, &deals[1]), "CHANGED_SINCE");
        assert_eq!(failed(&api, &id, &deals[4]), "CHANGED_SINCE_PLAN");
        assert_eq!(ada.record("Deals", &deals[4])["Next_Step"], "Visit");
        assert_eq!(ada.record("Deals", &deals[5])["Next_Step"], "Call");
        // A plan of an undo is asked for at the job only.
        let body = json!({ "action": "undo", "module": "Deals", "selection": { "ids": deals } });
        let body = body.to_string();
        let reply = api.call_with(
            "POST",
            "/swathe/v1/plans",
            &token(&api, "admin"),
            body.as_bytes(),
        );
        let text = "an undo is asked for at the job that it undoes";
        assert_eq!(
            (reply.status, &reply.json()["message"]),
            (400, &json!(text))
        );
    }

    pub(super) fn the_return_of_deleted_records_is_planned(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        let gone = delete_all(&api, &ada, "Leads");
        let reply = ada.delete(&format!("{BIN}?ids={}", leads[0]));
        assert_eq!(reply.status, 200, "{}", reply.text);
        let plan = ask(&api, "admin", &gone, r#"{"plan":true}"#).json();
        let counts = json!({ "selected": 4, "change": 3, "unchanged": 0, "refused": 1 });
        assert_eq!(plan["counts"], counts);
        assert_eq!(plan["refused"][0]["code"], "GONE");
        // One comes back, one goes for good before the plan is run.
        assert_eq!(restore(&ada, &leads[1..2]).status, 200);
        ada.delete(&format!("{BIN}?ids={}", leads[2]));
        let body = json!({ "plan": plan["id"], "tolerance": 5 }).to_string();
        let reply = api.call_with(
            "POST",
            "/swathe/v1/jobs",
            &token(&api, "admin"),
            body.as_bytes(),
        );
        assert_eq!(reply.status, 202, "{}", reply.text);
        api.run_jobs();
        let id = newest(&api);
        came_to(&api, &id, [1, 0, 3]);
        assert_eq!(failed(&api, &id, &leads[1]), "CHANGED_SINCE_PLAN");
        assert_eq!(failed(&api, &id, &leads[2]), "GONE");
    }
}
