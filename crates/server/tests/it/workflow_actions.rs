//! What workflow rules do beside writing values: tasks and web hooks; and what is told of what they
//! were to do and did not.

use crate::api::Api;
use crate::asked::Asker;
use jobs::EventStep;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_task_is_made_about_the_record_for_its_owner,
    a_task_is_for_whom_the_rule_names,
    a_web_hook_is_owed_with_the_values_of_then,
    a_call_that_is_too_long_is_told_and_not_owed,
    a_diff_shows_no_query_of_a_web_hook,
    a_batch_reaches_as_far_as_its_actions,
    a_deletion_says_whether_rules_follow,
    timelines_name_the_rule,
    what_was_not_done_is_listed_to_who_may_know,
}

const RULES: &str = r#"
[[module]]
api_name = "Leads"

[[module.workflow_rule]]
name = "Call them"
on = ["edit"]
fields = ["Lead_Status"]
criteria = "(Lead_Status:equals:Contacted)"
update = { Owner = "ines.faria@kestrel-rowe.example.com" }

[[module.workflow_rule.task]]
subject = "Call back"
due_in_days = 2
priority = "High"
status = "Not Started"
description = "They wait."

[[module.workflow_rule.task]]
subject = "Write"
owner = "joana.brito@kestrel-rowe.example.com"

[[module.workflow_rule]]
name = "Tell the mill"
on = ["edit", "delete"]
fields = ["Lead_Status"]

[[module.workflow_rule.web_hook]]
url = "https://mill.example.com/hook?key=1"
fields = ["Last_Name", "Lead_Status", "Annual_Revenue", "Owner"]
"#;

fn with_rules(kind: Kind) -> Api {
    let api = Api::start_demo(kind);
    api.apply_org(RULES);
    api
}

fn contacted(api: &Api, lead: &str) {
    let body = json!({ "data": [{ "Lead_Status": "Contacted" }] });
    let reply = api.caller("admin").put(&format!("Leads/{lead}"), &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
}

mod check {
    use super::*;

    pub(super) fn a_task_is_made_about_the_record_for_its_owner(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        contacted(&api, &lead);
        api.run_events();
        let sql = "SELECT id FROM \"m_Tasks\" WHERE \"Subject\" = 'Call back'";
        let task = ada.record("Tasks", &api.number(sql).to_string());
        // The rule has just given the lead to her.
        assert_eq!(
            task["Owner"]["email"],
            "ines.faria@kestrel-rowe.example.com"
        );
        assert_eq!(task["What_Id"]["id"], lead.as_str());
        assert_eq!(task["$se_module"], "Leads");
        for (field, value) in [
            ("Priority", "High"),
            ("Status", "Not Started"),
            ("Description", "They wait."),
        ] {
            assert_eq!(task[field], value, "{field}");
        }
        let today = api.number("SELECT \"Due_Date\" FROM \"m_Tasks\" WHERE \"Due_Date\" > 0") - 2;
        assert!((api.clock_seconds() / 86_400 - today).abs() <= 1);
        let created = "SELECT count(*) FROM changes WHERE kind = 'create' AND cause = 'automation'";
        assert_eq!(api.number(created), 2);
    }

    pub(super) fn a_task_is_for_whom_the_rule_names(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        contacted(&api, &lead);
        // Who is to have it may no longer own anything by then.
        api.change_catalog(|catalog| {
            let user = catalog
                .users
                .iter_mut()
                .find(|u| u.email.starts_with("joana"));
            user.unwrap().status = model::people::UserStatus::Inactive;
        });
        api.run_events();
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 1);
        let rows = api.rows("automation_failures", &["action", "code"]);
        assert_eq!(rows, ["automation_failures: task | INVALID_DATA"]);
    }

    pub(super) fn a_web_hook_is_owed_with_the_values_of_then(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "Mill", "Annual_Revenue": 12.5 });
        let lead = ada.make("Leads", &[lead]).remove(0);
        contacted(&api, &lead);
        // Neither a later edit nor its deletion changes what was met.
        let path = format!("Leads/{lead}");
        let body = json!({ "data": [{ "Last_Name": "Other" }], "trigger": [] });
        assert_eq!(ada.put(&path, &body).status, 200);
        assert_eq!(ada.delete(&path).status, 200);
        api.run_events();
        let bodies = api.db.read(|tx| {
            let rows = tx.query("SELECT body, event FROM calls ORDER BY owed_at", &[])?;
            let both = rows
                .iter()
                .map(|row| Ok((row.get("body")?, row.get("event")?)));
            Ok(both.collect::<store::Result<Vec<(String, String)>>>()?)
        });
        let bodies = bodies.unwrap();
        assert_eq!(bodies.len(), 2);
        let admin = api.user("admin").to_string();
        for ((body, event), (trigger, name, rev)) in bodies
            .iter()
            .zip([("edit", "Mill", 2), ("delete", "Other", 4)])
        {
            let body: Json = serde_json::from_str(body).unwrap();
            let place = i32::from(trigger == "edit");
            assert_eq!(event, &format!("event_{lead}_{rev}_{place}_1"));
            let data = &body["data"];
            assert_eq!(body["type"], "workflow_rule.met");
            assert_eq!(data["event_id"], event.as_str());
            assert_eq!(data["rule"]["name"], "Tell the mill");
            assert_eq!(
                (&data["module"], &data["trigger"]),
                (&json!("Leads"), &json!(trigger))
            );
            assert_eq!(data["record_id"], lead.as_str());
            assert_eq!(
                data["cause"],
                json!({ "actor": admin, "job": null, "rules": [] })
            );
            let wanted = json!({
                "Last_Name": name, "Lead_Status": "Contacted", "Annual_Revenue": 12.5, "Owner": admin,
            });
            assert_eq!(data["fields"], wanted);
        }
    }

    pub(super) fn a_call_that_is_too_long_is_told_and_not_owed(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(
            "[[module]]\napi_name = \"Leads\"\n\
             [[module.field]]\napi_name = \"Story\"\nlabel = \"Story\"\ntype = \"textarea\"\n\
             max = 50000\n\
             [[module.workflow_rule]]\nname = \"Tell\"\non = [\"create\"]\n\
             [[module.workflow_rule.web_hook]]\nurl = \"https://a.example.com/x?key=1\"\n\
             fields = [\"Story\"]\n\
             [[module.workflow_rule.web_hook]]\nurl = \"https://b.example.com/x\"\n",
        );
        let lead = |story: String| json!({ "Last_Name": "Mill", "Story": story });
        let leads = [lead("é".repeat(50_000)), lead("é".repeat(30_000))];
        api.caller("admin").make("Leads", &leads);
        api.run_events();
        let owed = "SELECT count(*) FROM calls WHERE endpoint LIKE 'https://";
        assert_eq!(api.number(&format!("{owed}a.%'")), 1);
        assert_eq!(api.number(&format!("{owed}b.%'")), 2);
        let told = api.rows("automation_failures", &["action", "code", "message"]);
        let [told] = told.as_slice() else {
            panic!("{told:?}")
        };
        let begin = "automation_failures: web_hook | LIMIT_EXCEEDED | \
                     the call to https://a.example.com/x would send 100";
        assert!(told.starts_with(begin), "{told}");
        // The list does not read what is sent, and the call itself shows it.
        let token = api.token(api.user("admin"), "swathe.org.ALL");
        let list = api.call("GET", "/swathe/v1/calls", &token).json();
        for call in list["data"].as_array().unwrap() {
            assert_eq!(call["body"], Json::Null);
            let path = format!("/swathe/v1/calls/{}", call["id"].as_str().unwrap());
            assert!(api.call("GET", &path, &token).json()["body"].is_string());
        }
    }

    pub(super) fn a_diff_shows_no_query_of_a_web_hook(kind: Kind) {
        let api = with_rules(kind);
        let token = api.token(api.user("admin"), "swathe.org.ALL");
        for (to, line) in [
            (
                "hook?key=2",
                "https://mill.example.com/hook?… with Last_Name, Lead_Status, Annual_Revenue, Owner \
                 (another query)",
            ),
            (
                "other",
                "https://mill.example.com/other with Last_Name, Lead_Status, Annual_Revenue, Owner",
            ),
        ] {
            let org = RULES.replace("hook?key=1", to);
            let body = json!({ "org": org, "dry_run": true }).to_string();
            let reply = api.call_with("PUT", "/swathe/v1/org", &token, body.as_bytes());
            let changes = reply.json()["changes"].as_array().unwrap().clone();
            let told: Vec<&str> = changes
                .iter()
                .filter(|change| change["kind"] == "modify")
                .map(|change| change["what"].as_str().unwrap())
                .collect();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].ends_with(line), "{told:?}");
            assert!(!told[0].contains("key="), "{told:?}");
        }
    }

    pub(super) fn a_batch_reaches_as_far_as_its_actions(kind: Kind) {
        let api = Api::start_demo(kind);
        let hook = "[[module.workflow_rule.web_hook]]\nurl = \"https://a.example.com/x\"\n";
        api.apply_org(&format!(
            "[[module]]\napi_name = \"Leads\"\n[[module.workflow_rule]]\nname = \"Tell\"\n\
             on = [\"create\"]\n{}",
            hook.repeat(5)
        ));
        api.caller("admin").make_leads(200);
        let mut worker = api.event_worker();
        // Six actions each: 166 of them are 996.
        assert_eq!(worker.step(), EventStep::Ran(166));
        assert_eq!(worker.step(), EventStep::Ran(34));
        assert_eq!(api.number("SELECT count(*) FROM calls"), 1_000);
    }

    pub(super) fn a_deletion_says_whether_rules_follow(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        for (lead, query, waiting) in [
            (&leads[0], "?wf_trigger=false", 0),
            (&leads[1], "?wf_trigger=true", 1),
            (&leads[2], "", 2),
        ] {
            assert_eq!(ada.delete(&format!("Leads/{lead}{query}")).status, 200);
            assert_eq!(
                api.number("SELECT count(*) FROM events"),
                waiting,
                "{query}"
            );
        }
        let reply = ada.delete("Leads?ids=5&wf_trigger=perhaps");
        assert_eq!(
            (reply.status, &reply.json()["details"]["param_name"]),
            (400, &json!("wf_trigger"))
        );
    }

    pub(super) fn timelines_name_the_rule(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        contacted(&api, &lead);
        api.run_events();
        let rule = json!({
            "id": api.number("SELECT rule FROM changes WHERE kind = 'update' AND rule > 0").to_string(),
            "name": "Call them",
        });
        let wire = ada.get(&format!("Leads/{lead}/__timeline"));
        let newest = &wire.json()["__timeline"][0];
        assert_eq!(newest["source"], "workflow");
        assert_eq!(
            newest["automation_details"],
            json!({ "type": "workflow", "rule": rule })
        );
        let token = api.token(api.user("admin"), "ZohoCRM.modules.ALL,swathe.jobs.ALL");
        let path = format!("/swathe/v1/records/Leads/{lead}/timeline");
        let native = api.call("GET", &path, &token).json();
        assert_eq!(native["data"][0]["cause"], "automation");
        assert_eq!(native["data"][0]["rule"], rule);
        assert_eq!(native["data"][1]["rule"], Json::Null);
    }

    pub(super) fn what_was_not_done_is_listed_to_who_may_know(kind: Kind) {
        let api = with_rules(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(60);
        for lead in &leads {
            contacted(&api, lead);
            ada.lock("Leads", lead);
        }
        api.run_events();
        let admin = Asker::new(&api, "admin");
        let first = admin.get("automation/failures").json();
        let data = first["data"].as_array().unwrap();
        assert_eq!(data.len(), 50);
        let one = &data[0];
        assert_eq!(
            (&one["code"], &one["action"]),
            (&json!("RECORD_LOCKED"), &json!("update"))
        );
        assert_eq!(one["rule"]["name"], "Call them");
        assert_eq!(
            (&one["module"], &one["trigger"]),
            (&json!("Leads"), &json!("edit"))
        );
        assert_eq!(one["actor"]["name"], "Ada Kestrel");
        assert_eq!((&one["job"], &one["set_off_by"]), (&Json::Null, &json!([])));
        assert_eq!(one["details"]["id"], one["record"]);
        let token = first["next_page_token"].as_str().unwrap();
        let rest = admin
            .get(&format!("automation/failures?page_token={token}"))
            .json();
        assert_eq!(rest["data"].as_array().unwrap().len(), 10);
        assert_eq!(rest["next_page_token"], Json::Null);

        let rule = one["rule"]["id"].as_str().unwrap();
        let count = |who: &str, query: &str| {
            let reply = Asker::new(&api, who).get(&format!("automation/failures?{query}"));
            assert_eq!(reply.status, 200, "{}", reply.text);
            reply.json()["data"].as_array().unwrap().len()
        };
        assert_eq!(count("admin", &format!("rule={rule}&module=Leads")), 50);
        assert_eq!(count("admin", "module=Deals"), 0);
        assert_eq!(count("admin", "job=5"), 0);
        // Others are told of what their own writes set off.
        assert_eq!(count("joana", ""), 0);
        for query in [
            "rule=x",
            "job=",
            "module=Nothing",
            "page_token=1",
            "state=dead",
        ] {
            let reply = admin.get(&format!("automation/failures?{query}"));
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!("INVALID_DATA")),
                "{query}"
            );
        }
    }
}
