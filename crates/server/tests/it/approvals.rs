//! Approval processes: records that enter one are refused until everybody who must has approved.

use crate::api::{Api, Reply};
use crate::asked::{Asker, id};
use crate::demo::in_data;
use serde_json::{Value as Json, json};
use std::thread;
use testkit::{Kind, each_db};

each_db! {
    a_record_that_meets_a_process_waits_for_its_approval,
    an_edit_brings_a_record_in_by_the_fields_that_it_names,
    triggers_of_a_request_say_whether_a_process_is_entered,
    steps_are_approved_one_after_another_by_those_they_name,
    who_is_no_approver_or_does_not_see_the_record_does_not_decide,
    of_two_who_decide_at_once_one_does,
    a_rejected_record_stays_refused_until_it_is_given_in_again,
    a_rejected_record_that_is_put_right_is_free,
    lifting_the_hold_by_hand_ends_the_process,
    what_automation_writes_needs_no_approval,
    a_removed_process_leaves_its_records_to_administrators,
    an_approval_goes_into_the_recycle_bin_and_comes_back,
    a_plan_tells_how_many_would_wait_and_an_undo_takes_them_out,
    a_large_job_by_view_enters_none,
    approvals_are_listed_for_those_who_decide,
    wrong_requests_are_refused,
}

/// Leads of great value wait for Ines, then for whoever leads the company.
pub(crate) const TWO_STEPS: &str = r#"
[[module]]
api_name = "Leads"

[[module.approval_process]]
name = "Great value"
on = ["create", "edit"]
fields = ["Annual_Revenue"]
criteria = "(Annual_Revenue:greater_than:100000)"

[[module.approval_process.step]]
users = ["ines.faria@kestrel-rowe.example.com"]

[[module.approval_process.step]]
roles = ["Managing Director"]
"#;

/// The same with one step, for the manager of the owner.
fn one_step() -> String {
    let (head, _) = TWO_STEPS
        .split_once("[[module.approval_process.step]]")
        .unwrap();
    format!("{head}[[module.approval_process.step]]\nmanager = true\n")
}

pub(crate) struct World {
    pub(crate) api: Api,
}

impl World {
    pub(crate) fn new(kind: Kind, org: &str) -> Self {
        let api = Api::start_demo(kind);
        api.apply_org(org);
        Self { api }
    }

    /// A lead of great value of this user, who made it.
    pub(crate) fn waiting(&self, who: &str) -> String {
        let data = json!({ "data": [{ "Last_Name": "Great", "Annual_Revenue": 200_000 }] });
        let reply = self.api.caller(who).post("Leads", &data);
        assert_eq!(reply.status, 201, "{}", reply.text);
        let details = reply.items().remove(0)["details"].take();
        assert_eq!(details["$approval_state"], "approval_process_pending");
        details["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn put(&self, who: &str, lead: &str, values: &Json) -> Reply {
        let data = json!({ "data": [values] });
        self.api.caller(who).put(&format!("Leads/{lead}"), &data)
    }

    pub(crate) fn is_refused(&self, lead: &str) {
        let refused = json!({ "code": "NOT_APPROVED", "details": { "id": lead },
            "message": "record not approved", "status": "error" });
        let changed = self.put("admin", lead, &json!({ "City": "Faro" }));
        changed.is(400, &in_data(&refused));
        let deleted = self.api.caller("admin").delete(&format!("Leads/{lead}"));
        deleted.is(400, &in_data(&refused));
    }

    pub(crate) fn asker(&self, who: &str) -> Asker<'_> {
        Asker::with(&self.api, who, "swathe.approvals.ALL,ZohoCRM.modules.ALL")
    }

    pub(crate) fn act(&self, who: &str, lead: &str, deed: &str, body: &Json) -> Reply {
        let path = format!("records/Leads/{lead}/approval/actions/{deed}");
        self.asker(who).post(&path, body)
    }

    pub(crate) fn does(&self, who: &str, lead: &str, deed: &str) -> Json {
        let reply = self.act(who, lead, deed, &json!({}));
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    pub(crate) fn state(&self, lead: &str) -> Json {
        self.api.caller("admin").record("Leads", lead)["$approval_state"].take()
    }

    pub(crate) fn is_free(&self, lead: &str) {
        assert_eq!(self.state(lead), "approved");
        for table in ["record_approvals", "holds"] {
            let sql = format!("SELECT count(*) FROM {table} WHERE record = {lead}");
            assert_eq!(self.api.number(&sql), 0, "{table}");
        }
    }

    pub(crate) fn offered(&self, who: &str, lead: &str) -> [bool; 3] {
        let offer = self.api.caller(who).record("Leads", lead)["$approval"].take();
        assert_eq!(offer["delegate"], false);
        ["approve", "reject", "resubmit"].map(|key| offer[key].as_bool().unwrap())
    }

    pub(crate) fn rev(&self, lead: &str) -> i64 {
        self.api.number(&format!(
            "SELECT MAX(rev) FROM changes WHERE record = {lead}"
        ))
    }
}

mod check {
    use super::*;

    pub(super) fn a_record_that_meets_a_process_waits_for_its_approval(kind: Kind) {
        let world = World::new(kind, &one_step());
        let ada = world.api.caller("admin");
        let small = ada.make_leads(1).remove(0);
        assert_eq!(world.state(&small), "approved");
        let lead = world.waiting("joana");
        let record = ada.record("Leads", &lead);
        assert_eq!(record["$approved"], false);
        assert_eq!(record["$editable"], false);
        world.is_refused(&lead);
        let owner = json!({ "ids": [lead], "owner": { "id": world.api.user_id("oskar") } });
        let given = ada.change_owner("Leads", &owner);
        assert_eq!(given.codes(), ["NOT_APPROVED"]);
        assert_eq!(world.rev(&lead), 1);
        // Tomas and Meera have the role that Joana's reports to.
        assert_eq!(world.offered("meera", &lead), [true, true, false]);
        assert_eq!(world.offered("joana", &lead), [false, false, false]);
        let said = json!({ "comment": "A good one" });
        let told = world.act("meera", &lead, "approve", &said).json();
        assert_eq!(told["approval"], Json::Null);
        let decision = &told["decisions"][0];
        assert_eq!(decision["decision"], "approve");
        assert_eq!(decision["comment"], "A good one");
        assert_eq!(decision["actor"]["name"], "Meera Kulkarni");
        world.is_free(&lead);
        assert_eq!(world.rev(&lead), 2);
        assert_eq!(world.offered("meera", &lead), [false, false, false]);
        // What was approved may be changed, as long as it is not of another great value.
        assert_eq!(
            world.put("joana", &lead, &json!({ "City": "Faro" })).status,
            200
        );
        assert_eq!(world.state(&lead), "approved");
    }

    pub(super) fn an_edit_brings_a_record_in_by_the_fields_that_it_names(kind: Kind) {
        let world = World::new(kind, &one_step());
        let ada = world.api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let values = json!({ "Annual_Revenue": 200_000 });
        let quiet = json!({ "data": [values], "trigger": [] });
        assert_eq!(ada.put(&format!("Leads/{lead}"), &quiet).status, 200);
        assert_eq!(
            world.put("admin", &lead, &json!({ "City": "Faro" })).status,
            200
        );
        assert_eq!(world.state(&lead), "approved");
        // The same value is no change.
        assert_eq!(world.put("admin", &lead, &values).status, 200);
        assert_eq!(world.state(&lead), "approved");
        let more = json!({ "Annual_Revenue": 200_001 });
        assert_eq!(world.put("admin", &lead, &more).status, 200);
        assert_eq!(world.state(&lead), "approval_process_pending");
        world.is_refused(&lead);
        let unapproved = json!({ "data": [
            { "Last_Name": "A", "Annual_Revenue": 200_000, "$approved": false },
        ] });
        assert_eq!(ada.post("Leads", &unapproved).status, 201);
    }

    pub(super) fn triggers_of_a_request_say_whether_a_process_is_entered(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        for (trigger, state) in [
            (json!([]), "approved"),
            (json!(["workflow", "blueprint"]), "approved"),
            (json!(["approval"]), "approval_process_pending"),
        ] {
            let data = json!({
                "data": [{ "Last_Name": "A", "Annual_Revenue": 200_000 }], "trigger": trigger,
            });
            let reply = world.api.caller("admin").post("Leads", &data);
            let details = &reply.items()[0]["details"];
            assert_eq!(details["$approval_state"], state, "{trigger}");
        }
    }

    pub(super) fn steps_are_approved_one_after_another_by_those_they_name(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = world.waiting("joana");
        let told = world.does("ines", &lead, "approve");
        assert_eq!(told["approval"]["step"], 2);
        assert_eq!(told["approval"]["steps"], 2);
        assert_eq!(told["approval"]["process"]["name"], "Great value");
        world.is_refused(&lead);
        let again = world.act("ines", &lead, "approve", &json!({}));
        let wrong = "somebody else approved your step already";
        again.is_error(409, "WRONG_STATE", wrong, &json!({ "step": 2 }));
        // Who says which step was meant does not approve another.
        let late = world.act("admin", &lead, "approve", &json!({ "step": 1 }));
        let wrong = "the record waits at another step now";
        late.is_error(409, "WRONG_STATE", wrong, &json!({ "step": 2 }));
        world.does("admin", &lead, "approve");
        world.is_free(&lead);
    }

    pub(super) fn who_is_no_approver_or_does_not_see_the_record_does_not_decide(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = world.waiting("joana");
        for deed in ["approve", "reject"] {
            let reply = world.act("joana", &lead, deed, &json!({}));
            let text =
                "only approvers of the step that the record waits at, and administrators, decide";
            reply.is_error(403, "NO_PERMISSION", text, &json!({ "step": 1 }));
        }
        world.api.make_private("Leads");
        let reply = world.act("oskar", &lead, "approve", &json!({}));
        reply.is_error(404, "NOT_FOUND", "there is no such record", &json!({}));
        let path = format!("records/Leads/{lead}/approval");
        assert_eq!(world.asker("oskar").get(&path).status, 404);
        // Ines is above Joana, and sees it still.
        assert_eq!(world.does("ines", &lead, "approve")["approval"]["step"], 2);
    }

    pub(super) fn of_two_who_decide_at_once_one_does(kind: Kind) {
        let world = World::new(kind, &one_step());
        for _ in 0..5 {
            let lead = world.waiting("joana");
            let replies = thread::scope(|scope| {
                let deeds = [("tomas", "approve"), ("meera", "reject")];
                let both = deeds.map(|(who, deed)| {
                    let (world, lead) = (&world, &lead);
                    scope.spawn(move || world.act(who, lead, deed, &json!({})))
                });
                both.map(|one| one.join().unwrap())
            });
            let won = replies.iter().filter(|reply| reply.status == 200);
            assert_eq!(won.count(), 1);
            let lost = replies.iter().find(|reply| reply.status != 200).unwrap();
            assert_eq!(
                (lost.status, &lost.json()["code"]),
                (409, &json!("WRONG_STATE"))
            );
            let sql = format!("SELECT count(*) FROM approval_decisions WHERE record = {lead}");
            assert_eq!(world.api.number(&sql), 1);
        }
    }

    pub(super) fn a_rejected_record_stays_refused_until_it_is_given_in_again(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = world.waiting("joana");
        world.does("ines", &lead, "approve");
        let told = world.does("admin", &lead, "reject");
        assert_eq!(told["approval"]["state"], "rejected");
        assert_eq!(world.state(&lead), "approval_process_rejected");
        assert_eq!(
            world.api.caller("admin").record("Leads", &lead)["$approved"],
            false
        );
        world.is_refused(&lead);
        for deed in ["approve", "reject"] {
            let reply = world.act("admin", &lead, deed, &json!({}));
            let text = "the record was rejected already: it can be given in again";
            reply.is_error(409, "WRONG_STATE", text, &json!({}));
        }
        assert_eq!(world.offered("joana", &lead), [false, false, true]);
        let told = world.does("joana", &lead, "resubmit");
        assert_eq!(told["approval"]["state"], "pending");
        assert_eq!(told["approval"]["step"], 1);
        assert_eq!(told["approval"]["submitted_by"]["name"], "Joana Brito");
        let decisions: Vec<&Json> = told["decisions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| &d["decision"])
            .collect();
        assert_eq!(decisions, ["resubmit", "reject", "approve"]);
        assert_eq!(world.state(&lead), "approval_process_pending");
        let again = world.act("joana", &lead, "resubmit", &json!({}));
        let text = "the record was not rejected: it waits for approval";
        again.is_error(409, "WRONG_STATE", text, &json!({}));
        assert_eq!(world.rev(&lead), 3);
    }

    pub(super) fn a_rejected_record_that_is_put_right_is_free(kind: Kind) {
        let world = World::new(kind, &one_step());
        let lead = world.waiting("joana");
        world.does("admin", &lead, "reject");
        let resubmit =
            |fields: Json| world.act("joana", &lead, "resubmit", &json!({ "fields": fields }));
        for (fields, code) in [
            (json!({ "Nothing": 1 }), "INVALID_DATA"),
            (json!({}), "INVALID_DATA"),
            (json!({ "Annual_Revenue": "much" }), "INVALID_DATA"),
            (json!({ "Last_Name": null }), "MANDATORY_NOT_FOUND"),
        ] {
            let reply = resubmit(fields.clone());
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!(code)),
                "{fields}"
            );
        }
        assert_eq!(world.state(&lead), "approval_process_rejected");
        let told = resubmit(json!({ "Annual_Revenue": 150_000 })).json();
        assert_eq!(told["approval"]["state"], "pending", "{told}");
        world.does("admin", &lead, "reject");
        let told = resubmit(json!({ "Annual_Revenue": 90_000 })).json();
        assert_eq!(told["approval"], Json::Null);
        world.is_free(&lead);
        let record = world.api.caller("admin").record("Leads", &lead);
        assert_eq!(record["Annual_Revenue"], 90_000);
        assert_eq!(
            world.put("joana", &lead, &json!({ "City": "Faro" })).status,
            200
        );
    }

    pub(super) fn lifting_the_hold_by_hand_ends_the_process(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let holds = Asker::with(&world.api, "admin", "swathe.holds.ALL,ZohoCRM.modules.ALL");
        for (deed, hold) in [(None, "approval"), (Some("reject"), "approval_rejected")] {
            let lead = world.waiting("joana");
            if let Some(deed) = deed {
                world.does("admin", &lead, deed);
            }
            let path = format!("/swathe/v1/records/Leads/{lead}/holds/{hold}");
            let token = world.api.token(
                world.api.user("admin"),
                "swathe.holds.ALL,ZohoCRM.modules.ALL",
            );
            assert_eq!(world.api.call("DELETE", &path, &token).status, 204);
            world.is_free(&lead);
            let reply = world.act("admin", &lead, "approve", &json!({}));
            let text = "the record is in no approval process";
            reply.is_error(409, "WRONG_STATE", text, &json!({}));
            let listed = holds.get(&format!("records/Leads/{lead}/holds"));
            assert_eq!(listed.json()["data"], json!([]));
        }
    }

    pub(super) fn what_automation_writes_needs_no_approval(kind: Kind) {
        let rule = "[[module.workflow_rule]]\nname = \"Dear\"\non = [\"create\"]\n\
                    update = { Annual_Revenue = 200000 }\n";
        let world = World::new(kind, &format!("{TWO_STEPS}\n{rule}"));
        let lead = world.api.caller("admin").make_leads(1).remove(0);
        assert_eq!(world.api.run_events(), 1);
        let record = world.api.caller("admin").record("Leads", &lead);
        assert_eq!(record["Annual_Revenue"], 200_000);
        assert_eq!(record["$approval_state"], "approved");
    }

    pub(super) fn a_removed_process_leaves_its_records_to_administrators(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = world.waiting("joana");
        let body = json!({ "allow_remove": true, "org": "[[module]]\napi_name = \"Leads\"\n\
            [[module.approval_process]]\nname = \"Great value\"\nremove = true\n" });
        let token = world.api.token(world.api.user("admin"), "swathe.org.ALL");
        let reply =
            world
                .api
                .call_with("PUT", "/swathe/v1/org", &token, body.to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text);
        world.is_refused(&lead);
        let reply = world.act("ines", &lead, "approve", &json!({}));
        assert_eq!(reply.status, 403);
        let told = world
            .asker("admin")
            .get(&format!("records/Leads/{lead}/approval"));
        assert_eq!(told.json()["approval"]["process"]["name"], Json::Null);
        world.does("admin", &lead, "approve");
        world.is_free(&lead);
    }

    pub(super) fn an_approval_goes_into_the_recycle_bin_and_comes_back(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = world.waiting("joana");
        world.does("ines", &lead, "approve");
        // Nobody deletes a record that waits; so its hold is passed by here.
        let columns = [
            "record",
            "process",
            "step",
            "state",
            "submitted_by",
            "submitted_at",
        ];
        let before = world.api.rows("record_approvals", &columns);
        assert_eq!(before.len(), 1);
        world.api.execute("DELETE FROM holds");
        let ada = world.api.caller("admin");
        assert_eq!(ada.delete(&format!("Leads/{lead}")).status, 200);
        assert_eq!(world.api.rows("record_approvals", &columns).len(), 0);
        let path = format!("settings/recycle_bin/{lead}/actions/restore");
        let restored = ada.post(&path, &json!({}));
        assert_eq!(restored.status, 200, "{}", restored.text);
        assert_eq!(world.api.rows("record_approvals", &columns), before);
        let told = world
            .asker("admin")
            .get(&format!("records/Leads/{lead}/approval"));
        assert_eq!(told.json()["decisions"].as_array().unwrap().len(), 1);
    }

    pub(super) fn a_plan_tells_how_many_would_wait_and_an_undo_takes_them_out(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let ada = world.api.caller("admin");
        let leads = ada.make_leads(3);
        let great = json!({ "Annual_Revenue": 300_000 });
        let quiet = json!({ "data": [great], "trigger": [] });
        assert_eq!(ada.put(&format!("Leads/{}", leads[0]), &quiet).status, 200);
        let asker = Asker::new(&world.api, "admin");
        let update = json!({
            "action": "update", "module": "Leads", "selection": { "ids": leads },
            "change": { "fields": { "Annual_Revenue": 300_000 } },
        });
        let plan = asker.plan(&update);
        let waits = &plan["automation"]["approval_processes"];
        assert_eq!(waits[0]["process"]["name"], "Great value");
        assert_eq!(waits[0]["count"], 2);
        let run = asker.post("jobs", &json!({ "plan": id(&plan) })).json();
        world.api.run_jobs();
        let states: Vec<Json> = leads.iter().map(|lead| world.state(lead)).collect();
        let pending = "approval_process_pending";
        assert_eq!(states, ["approved", pending, pending]);
        // One is decided meanwhile: approved is approved.
        world.does("admin", &leads[1], "approve");
        world.does("admin", &leads[1], "approve");
        let undo = asker
            .post(&format!("jobs/{}/actions/undo", id(&run)), &json!({}))
            .json();
        world.api.run_jobs();
        let undone = asker.get(&format!("jobs/{}", id(&undo))).json();
        assert_eq!(undone["counts"]["changed"], 2, "{undone}");
        for lead in &leads[1..] {
            world.is_free(lead);
            assert_eq!(ada.record("Leads", lead)["Annual_Revenue"], Json::Null);
        }
    }

    pub(super) fn a_large_job_by_view_enters_none(kind: Kind) {
        for (count, entered) in [(999, 999), (1_000, 0)] {
            let world = World::new(kind, TWO_STEPS);
            world.api.seed_leads(10, count);
            let ada = world.api.caller("admin");
            ada.schedule(&json!({
                "data": [{ "Annual_Revenue": 300_000 }], "cvid": world.api.view("Leads", "All Leads"),
            }));
            world.api.run_jobs();
            let sql = "SELECT count(*) FROM record_approvals";
            assert_eq!(world.api.number(sql), entered);
        }
    }

    pub(super) fn approvals_are_listed_for_those_who_decide(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let leads: Vec<String> = (0..3)
            .map(|_| {
                world.api.clock.advance_ms(1);
                world.waiting("joana")
            })
            .collect();
        let listed = |who: &str, query: &str| {
            let reply = world.asker(who).get(&format!("approvals{query}"));
            assert_eq!(reply.status, 200, "{}", reply.text);
            let items = reply.items();
            let ids = items
                .iter()
                .map(|item| item["record"]["id"].as_str().unwrap().to_owned());
            ids.collect::<Vec<String>>()
        };
        assert_eq!(listed("ines", ""), leads);
        assert_eq!(listed("joana", ""), Vec::<String>::new());
        assert_eq!(listed("admin", ""), Vec::<String>::new());
        assert_eq!(listed("admin", "?all=true&module=Leads"), leads);
        assert_eq!(
            listed("admin", "?all=true&module=Deals"),
            Vec::<String>::new()
        );
        world.does("ines", &leads[0], "approve");
        world.does("ines", &leads[1], "reject");
        assert_eq!(listed("ines", ""), leads[2..]);
        assert_eq!(listed("admin", ""), leads[..1]);
        assert_eq!(listed("ines", "?state=rejected"), leads[1..2]);
        let item = world.asker("ines").get("approvals").items().remove(0);
        assert_eq!(item["record"]["name"], "Great");
        assert_eq!(item["module"], "Leads");
        world.api.make_private("Leads");
        let oskar = world.asker("oskar").get("approvals?all=true");
        assert_eq!(oskar.status, 403);
        for query in [
            "?state=",
            "?all=maybe",
            "?module=Nothing",
            "?page_token=x",
            "?x=1",
        ] {
            let reply = world.asker("ines").get(&format!("approvals{query}"));
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!("INVALID_DATA")),
                "{query}"
            );
        }
        // Page by page.
        for _ in 0..60 {
            world.waiting("joana");
        }
        let first = world.asker("ines").get("approvals");
        assert_eq!(first.items().len(), 50);
        let token = first.json()["next_page_token"].as_str().unwrap().to_owned();
        let rest = world
            .asker("ines")
            .get(&format!("approvals?page_token={token}"));
        assert_eq!(rest.items().len(), 11);
        assert_eq!(rest.json()["next_page_token"], Json::Null);
    }

    pub(super) fn wrong_requests_are_refused(kind: Kind) {
        let world = World::new(kind, TWO_STEPS);
        let lead = world.waiting("joana");
        for body in [
            json!({ "coment": "x" }),
            json!({ "comment": "" }),
            json!({ "comment": "x".repeat(1_001) }),
            json!({ "step": 0 }),
            json!({ "step": 11 }),
            json!({ "fields": { "City": "Faro" } }),
        ] {
            let reply = world.act("ines", &lead, "approve", &body);
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!("INVALID_DATA")),
                "{body}"
            );
        }
        let small = world.api.caller("admin").make_leads(1).remove(0);
        for deed in ["approve", "reject", "resubmit"] {
            let reply = world.act("admin", &small, deed, &json!({}));
            let text = "the record is in no approval process";
            reply.is_error(409, "WRONG_STATE", text, &json!({}));
            let reply = world.act("admin", "12", deed, &json!({}));
            reply.is_error(404, "NOT_FOUND", "there is no such record", &json!({}));
        }
        // Who may not change records gives none in again.
        world.does("ines", &lead, "reject");
        world.api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let mut profiles = catalog.profiles.iter_mut();
            let standard = profiles.find(|profile| profile.name == "Standard").unwrap();
            standard
                .modules
                .insert(leads, vec![model::people::Right::View]);
        });
        let reply = world.act("joana", &lead, "resubmit", &json!({}));
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (403, &json!("NO_PERMISSION"))
        );
    }
}
