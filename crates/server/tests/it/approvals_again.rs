//! Approval processes and what comes after: records given in again, holds put by hand, undo, conversion.

use crate::api::Reply;
use crate::approvals::{TWO_STEPS, World};
use crate::asked::{Asker, id};
use crate::undo::{came_to, outcome, undone};
use crate::undo_convert::{became, convert_all, lead_of, there};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    what_is_given_in_again_stays_with_the_process_that_takes_it,
    what_its_process_takes_no_more_is_what_the_edit_makes_it,
    a_removed_process_lets_no_corrected_record_go,
    an_undo_keeps_what_a_person_gave_in_again,
    an_undo_that_keeps_a_value_keeps_the_approval,
    a_hold_put_by_hand_outlives_the_process,
    lifting_a_hold_put_by_hand_leaves_a_rejected_record_in_its_process,
    an_undo_deletes_what_its_job_made_and_what_waits,
    a_lead_that_waits_is_not_converted_by_a_job,
}

/// Changes of the city wait for Ines, and what is of great value for whoever leads the company.
const STRICT_AND_LAX: &str = r#"
[[module]]
api_name = "Leads"

[[module.approval_process]]
name = "Moved"
on = ["edit"]
fields = ["City"]

[[module.approval_process.step]]
users = ["ines.faria@kestrel-rowe.example.com"]

[[module.approval_process]]
name = "Great value"
on = ["create", "edit"]
criteria = "(Annual_Revenue:greater_than:100000)"

[[module.approval_process.step]]
roles = ["Managing Director"]
"#;

/// New accounts wait for Ines.
const ACCOUNTS: &str = r#"
[[module]]
api_name = "Accounts"

[[module.approval_process]]
name = "New account"
on = ["create"]

[[module.approval_process.step]]
users = ["ines.faria@kestrel-rowe.example.com"]
"#;

const PENDING: &str = "approval_process_pending";

/// Gives a rejected lead in again with these values, which must be taken.
fn corrected(world: &World, lead: &str, fields: &Json) -> Json {
    let body = json!({ "fields": fields });
    let reply = world.act("joana", lead, "resubmit", &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn rejected(world: &World, org_lead: Option<&str>) -> String {
    let lead = org_lead.map_or_else(|| world.waiting("joana"), str::to_owned);
    let told = world.does("admin", &lead, "reject");
    assert_eq!(told["approval"]["state"], "rejected");
    lead
}

fn hold(world: &World, verb: &str, lead: &str, kind: &str) -> Reply {
    let scopes = "swathe.holds.ALL,ZohoCRM.modules.ALL";
    let token = world.api.token(world.api.user("admin"), scopes);
    let path = format!("/swathe/v1/records/Leads/{lead}/holds/{kind}");
    world.api.call(verb, &path, &token)
}

/// A job of an administrator that makes these leads great, in another city.
fn made_great(world: &World, leads: &[String]) -> String {
    let asker = Asker::new(&world.api, "admin");
    let job = asker.job(&json!({
        "action": "update", "module": "Leads", "selection": { "ids": leads },
        "change": { "fields": { "Annual_Revenue": 300_000, "City": "Faro" } },
    }));
    world.api.run_jobs();
    id(&job)
}

mod check {
    use super::*;

    pub(super) fn what_is_given_in_again_stays_with_the_process_that_takes_it(kind: Kind) {
        let world = World::new(kind, STRICT_AND_LAX);
        let lead = rejected(&world, None);
        for fields in [
            json!({ "Description": "x" }),
            json!({ "City": "Faro" }),
            json!({ "City": "Faro" }),
            json!({ "Annual_Revenue": 150_000 }),
        ] {
            let told = corrected(&world, &lead, &fields);
            let process = &told["approval"]["process"]["name"];
            assert_eq!(process, "Great value", "{fields}");
            let reply = world.act("ines", &lead, "approve", &json!({}));
            assert_eq!(reply.status, 403, "{fields}");
            rejected(&world, Some(&lead));
        }
        corrected(&world, &lead, &json!({ "Description": "y" }));
        world.does("admin", &lead, "approve");
        world.is_free(&lead);
    }

    pub(super) fn what_its_process_takes_no_more_is_what_the_edit_makes_it(kind: Kind) {
        let world = World::new(kind, STRICT_AND_LAX);
        let lead = rejected(&world, None);
        let told = corrected(
            &world,
            &lead,
            &json!({ "Annual_Revenue": 5, "City": "Faro" }),
        );
        assert_eq!(told["approval"]["process"]["name"], "Moved");
        assert_eq!(world.does("ines", &lead, "approve")["approval"], Json::Null);
        world.is_free(&lead);
        let lead = rejected(&world, None);
        let told = corrected(&world, &lead, &json!({ "Annual_Revenue": 5 }));
        assert_eq!(told["approval"], Json::Null);
        world.is_free(&lead);
    }

    pub(super) fn a_removed_process_lets_no_corrected_record_go(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = rejected(&world, None);
        let body = json!({ "allow_remove": true, "org": "[[module]]\napi_name = \"Leads\"\n\
            [[module.approval_process]]\nname = \"Great value\"\nremove = true\n" });
        let token = world.api.token(world.api.user("admin"), "swathe.org.ALL");
        let body = body.to_string();
        let reply = world
            .api
            .call_with("PUT", "/swathe/v1/org", &token, body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text);
        let told = corrected(&world, &lead, &json!({ "City": "Faro" }));
        assert_eq!(told["approval"]["state"], "pending");
        world.is_refused(&lead);
        world.does("admin", &lead, "approve");
        world.is_free(&lead);
    }

    pub(super) fn an_undo_keeps_what_a_person_gave_in_again(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let leads = world.api.caller("joana").make_leads(2);
        let job = made_great(&world, &leads);
        rejected(&world, Some(&leads[0]));
        let told = corrected(&world, &leads[0], &json!({ "Annual_Revenue": 250_000 }));
        assert_eq!(told["approval"]["job"], Json::Null);
        let undo = undone(&world.api, &job);
        came_to(&world.api, &undo, [1, 0, 1]);
        assert_eq!(outcome(&world.api, &undo, &leads[0]).1, "NOT_APPROVED");
        world.is_refused(&leads[0]);
        let ada = world.api.caller("admin");
        let record = ada.record("Leads", &leads[0]);
        assert_eq!(
            (&record["Annual_Revenue"], &record["City"]),
            (&json!(250_000), &json!("Faro"))
        );
        world.is_free(&leads[1]);
    }

    pub(super) fn an_undo_that_keeps_a_value_keeps_the_approval(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = world.api.caller("joana").make_leads(1).remove(0);
        let job = made_great(&world, std::slice::from_ref(&lead));
        // A record that a job wrote twice can have been changed in between: here the hold steps aside.
        world.api.execute("UPDATE holds SET record = -record");
        let quiet = json!({ "data": [{ "Annual_Revenue": 250_000 }], "trigger": [] });
        let changed = world
            .api
            .caller("joana")
            .put(&format!("Leads/{lead}"), &quiet);
        assert_eq!(changed.status, 200, "{}", changed.text);
        world.api.execute("UPDATE holds SET record = -record");
        let undo = undone(&world.api, &job);
        came_to(&world.api, &undo, [0, 0, 1]);
        assert_eq!(outcome(&world.api, &undo, &lead).1, "NOT_APPROVED");
        world.is_refused(&lead);
    }

    pub(super) fn a_hold_put_by_hand_outlives_the_process(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = rejected(&world, None);
        assert_eq!(hold(&world, "PUT", &lead, "approval").status, 201);
        // It binds corrections, as every other hold does.
        let body = json!({ "fields": { "City": "Faro" } });
        let reply = world.act("joana", &lead, "resubmit", &body);
        assert_eq!(reply.json()["code"], "NOT_APPROVED");
        world.does("joana", &lead, "resubmit");
        world.does("ines", &lead, "approve");
        let told = world.does("admin", &lead, "approve");
        assert_eq!(told["approval"], Json::Null);
        assert_eq!(world.state(&lead), PENDING);
        world.is_refused(&lead);
        assert_eq!(hold(&world, "DELETE", &lead, "approval").status, 204);
        world.is_free(&lead);
    }

    pub(super) fn lifting_a_hold_put_by_hand_leaves_a_rejected_record_in_its_process(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = rejected(&world, None);
        assert_eq!(hold(&world, "PUT", &lead, "approval").status, 201);
        assert_eq!(hold(&world, "DELETE", &lead, "approval").status, 204);
        world.is_refused(&lead);
        let told = world.does("joana", &lead, "resubmit");
        assert_eq!(told["approval"]["state"], "pending");
        world.does("ines", &lead, "approve");
        world.does("admin", &lead, "approve");
        world.is_free(&lead);
    }

    pub(super) fn an_undo_deletes_what_its_job_made_and_what_waits(kind: Kind) {
        let world = World::new(kind, ACCOUNTS);
        let (api, ada) = (&world.api, world.api.caller("admin"));
        let leads = ada.make(
            "Leads",
            &[lead_of("a", Some("Acme")), lead_of("b", Some("Tern"))],
        );
        let job = convert_all(api, &leads);
        let accounts = [&leads[0], &leads[1]].map(|lead| became(api, lead)[1].clone());
        for account in &accounts {
            let state = ada.record("Accounts", account)["$approval_state"].take();
            assert_eq!(state, PENDING);
        }
        let path = format!("records/Accounts/{}/approval/actions/reject", accounts[1]);
        let reply = world.asker("ines").post(&path, &json!({}));
        assert_eq!(reply.status, 200, "{}", reply.text);
        let undo = undone(api, &job);
        assert!(!there(api, "Accounts", &accounts[0]));
        // Somebody decided about the other one: that one is theirs.
        assert!(there(api, "Accounts", &accounts[1]));
        assert_eq!(outcome(api, &undo, &accounts[1]).1, "NOT_APPROVED");
    }

    pub(super) fn a_lead_that_waits_is_not_converted_by_a_job(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = world.waiting("joana");
        let scopes = "swathe.jobs.ALL,ZohoCRM.mass_convert.leads.ALL";
        let job = Asker::with(&world.api, "admin", scopes).job(&json!({
            "action": "convert", "module": "Leads", "selection": { "ids": [lead] },
        }));
        world.api.run_jobs();
        let came = outcome(&world.api, &id(&job), &lead);
        assert_eq!(
            (came.0.as_str(), came.1.as_str()),
            ("failed", "NOT_APPROVED")
        );
        assert_eq!(world.state(&lead), PENDING);
    }
}
