//! Workflow rules: what a write sets off, and what the rules then do, once.

use crate::api::Api;
use jobs::{EventPoint, EventStep, EventWorker};
use model::time::Clock;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::Priority;
use testkit::{Kind, each_db};

each_db! {
    an_edit_that_meets_a_rule_is_followed_by_its_values,
    a_rule_is_set_off_by_what_it_names_and_nothing_else,
    triggers_of_a_request_say_what_follows,
    restored_records_set_off_nothing,
    the_rules_own_write_sets_it_off_only_by_another_value,
    a_chain_of_rules_ends_and_is_named,
    what_holds_everybody_holds_a_rule,
    a_record_that_is_deleted_before_is_told_of,
    a_rule_that_is_removed_or_switched_off_before_is_told_of,
    the_user_who_caused_it_needs_no_rights_of_theirs,
    events_of_a_record_run_in_their_order,
    a_rule_does_not_run_on_what_was_made_because_of_it,
}

/// Two rules for leads, of which a batch has leads in turn; and somebody who writes the second lead and
/// then the third while the batch waits for the second. On SQLite nobody waits for a record.
#[test]
fn a_batch_of_several_rules_locks_records_in_the_order_of_their_ids() {
    let rule = |city: &str| {
        format!(
            "[[module.workflow_rule]]\nname = \"{city}\"\non = [\"edit\"]\n\
             criteria = \"(City:equals:{city})\"\nupdate = {{ Rating = \"Active\" }}\n"
        )
    };
    let org = format!(
        "[[module]]\napi_name = \"Leads\"\n{}{}",
        rule("Faro"),
        rule("Porto")
    );
    let api = with(Kind::Postgres, &org);
    let leads = api.caller("admin").make_leads(3);
    for (lead, city) in leads.iter().zip(["Faro", "Porto", "Faro"]) {
        write(&api, lead, &json!({ "City": city }));
    }
    let (tries, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = Arc::clone(&taken);
    let mut worker = api.event_worker().with_faults(move |point| {
        counts.fetch_add(usize::from(point == EventPoint::Taken), Ordering::SeqCst);
        Ok(())
    });
    std::thread::scope(|scope| {
        let mut worker = Some(&mut worker);
        let wrote = api.db.write(Priority::Interactive, |tx| {
            tries.fetch_add(1, Ordering::SeqCst);
            let touch = |lead: &str| format!("UPDATE \"m_Leads\" SET rev = rev WHERE id = {lead}");
            tx.execute(&touch(&leads[1]), &[])?;
            if let Some(worker) = worker.take() {
                scope.spawn(move || assert_eq!(worker.step(), EventStep::Ran(3)));
            }
            let waiting = "SELECT count(*) FROM pg_locks
                WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
            for _ in 0..100_000 {
                if tx.value::<i64>(waiting, &[])? > 0 {
                    tx.execute(&touch(&leads[2]), &[])?;
                    return Ok(true);
                }
            }
            Ok(false)
        });
        assert!(wrote.unwrap(), "the batch does not wait");
    });
    // A deadlock would have begun one of the two anew.
    assert_eq!(
        (tries.load(Ordering::SeqCst), taken.load(Ordering::SeqCst)),
        (1, 1)
    );
}

impl Api {
    /// A worker of events for the test to step.
    pub(crate) fn event_worker(&self) -> EventWorker {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        EventWorker::new(self.db.clone(), clock, Arc::new(crm::workflow::Automation))
    }

    /// Lets automation do all that there is to do, and answers how many events that were.
    pub(crate) fn run_events(&self) -> usize {
        run_all(self.event_worker())
    }
}

/// Steps a worker until nothing is left to do, and answers how many events it ran.
pub(crate) fn run_all(mut worker: EventWorker) -> usize {
    let mut ran = 0;
    for _ in 0..10_000 {
        match worker.step() {
            EventStep::Idle => return ran,
            EventStep::Ran(events) => ran += events,
            step => panic!("{step:?}"),
        }
    }
    panic!("the events do not end");
}

/// Leads that are contacted become active, and their industry says so.
const RATED: &str = r#"
[[module]]
api_name = "Leads"

[[module.workflow_rule]]
name = "Contacted ones are active"
on = ["create", "edit"]
fields = ["Lead_Status"]
criteria = "(Lead_Status:equals:Contacted)"
update = { Rating = "Active" }
"#;

fn with(kind: Kind, org: &str) -> Api {
    let api = Api::start_demo(kind);
    api.apply_org(org);
    api
}

/// What was not done, as texts: action, code and sentence.
pub(crate) fn failures(api: &Api) -> Vec<String> {
    let columns = ["COALESCE(action, '-')", "code", "message"];
    api.rows("automation_failures", &columns)
}

fn write(api: &Api, lead: &str, values: &Json) {
    let reply = api
        .caller("admin")
        .put(&format!("Leads/{lead}"), &json!({ "data": [values] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn waiting(api: &Api) -> i64 {
    api.number("SELECT count(*) FROM events")
}

mod check {
    use super::*;

    pub(super) fn an_edit_that_meets_a_rule_is_followed_by_its_values(kind: Kind) {
        let api = with(kind, RATED);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        assert_eq!(waiting(&api), 0);
        write(&api, &lead, &json!({ "Lead_Status": "Contacted" }));
        assert_eq!(waiting(&api), 1);
        assert_eq!(ada.record("Leads", &lead)["Rating"], Json::Null);

        api.clock.advance_ms(60_000);
        assert_eq!(api.run_events(), 1);
        let record = ada.record("Leads", &lead);
        assert_eq!(record["Rating"], "Active");
        assert_eq!(
            record["Modified_By"]["email"],
            "admin@kestrel-rowe.example.com"
        );
        let changes = api.rows("changes", &["rev", "cause", "COALESCE(rule, 0) > 0", "job"]);
        let (yes, no) = match kind {
            Kind::Sqlite => ("1", "0"),
            Kind::Postgres => ("true", "false"),
        };
        let wanted = [
            format!("changes: 1 | api | {no} | -"),
            format!("changes: 2 | api | {no} | -"),
            format!("changes: 3 | automation | {yes} | -"),
        ];
        assert_eq!(changes, wanted);
        assert_eq!((waiting(&api), api.run_events()), (0, 0));
        assert_eq!(failures(&api), Vec::<String>::new());
    }

    pub(super) fn a_rule_is_set_off_by_what_it_names_and_nothing_else(kind: Kind) {
        let api = with(kind, RATED);
        let ada = api.caller("admin");
        let lead = ada.make(
            "Leads",
            &[json!({ "Last_Name": "A", "Lead_Status": "Contacted" })],
        );
        let events = || api.rows("events", &["rev", "trigger_word"]);
        assert_eq!(events(), ["events: 1 | create"]);
        assert_eq!(api.run_events(), 1);
        // Another field, the same value, a value that does not meet the criteria.
        for values in [
            json!({ "City": "Faro" }),
            json!({ "Lead_Status": "Contacted" }),
            json!({ "Lead_Status": "Junk Lead" }),
        ] {
            write(&api, &lead[0], &values);
            assert_eq!(events(), Vec::<String>::new(), "{values}");
        }
        // A deletion is none of its triggers.
        assert_eq!(ada.delete(&format!("Leads/{}", lead[0])).status, 200);
        assert_eq!(waiting(&api), 0);
    }

    pub(super) fn triggers_of_a_request_say_what_follows(kind: Kind) {
        let api = with(kind, RATED);
        let ada = api.caller("admin");
        for (trigger, follows) in [
            (json!([]), 0),
            (json!(["approval", "blueprint"]), 0),
            (json!(["workflow"]), 1),
            (json!(null), 1),
        ] {
            let lead = json!({ "Last_Name": "A", "Lead_Status": "Contacted" });
            let body = json!({ "data": [lead], "trigger": trigger });
            let made = ada.post("Leads", &body);
            assert_eq!((made.status, waiting(&api)), (201, follows), "{trigger}");
            api.run_events();
            let other = ada.make_leads(1).remove(0);
            let body = json!({ "data": [{ "Lead_Status": "Contacted" }], "trigger": trigger });
            let edited = ada.put(&format!("Leads/{other}"), &body);
            assert_eq!((edited.status, waiting(&api)), (200, follows), "{trigger}");
            api.run_events();
        }
    }

    pub(super) fn restored_records_set_off_nothing(kind: Kind) {
        let api = with(kind, RATED);
        let ada = api.caller("admin");
        let lead = ada.make(
            "Leads",
            &[json!({ "Last_Name": "A", "Lead_Status": "Contacted" })],
        );
        api.run_events();
        assert_eq!(ada.delete(&format!("Leads/{}", lead[0])).status, 200);
        let path = format!("settings/recycle_bin/{}/actions/restore", lead[0]);
        let back = ada.post(&path, &json!({}));
        assert_eq!(back.status, 200, "{}", back.text);
        assert_eq!(ada.record("Leads", &lead[0])["Lead_Status"], "Contacted");
        assert_eq!(waiting(&api), 0);
    }

    pub(super) fn the_rules_own_write_sets_it_off_only_by_another_value(kind: Kind) {
        // Without `fields`, its own write is an edit too: it finds nothing left to do.
        let org = RATED.replace("fields = [\"Lead_Status\"]\n", "");
        let api = with(kind, &org);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        write(&api, &lead, &json!({ "Lead_Status": "Contacted" }));
        assert_eq!(api.run_events(), 2);
        assert_eq!(api.number("SELECT count(*) FROM changes"), 3);
        assert_eq!(failures(&api), Vec::<String>::new());
    }

    pub(super) fn a_chain_of_rules_ends_and_is_named(kind: Kind) {
        let rule = |name: &str, from: &str, to: &str| {
            format!(
                "[[module.workflow_rule]]\nname = \"{name}\"\non = [\"edit\"]\nfields = [\"City\"]\n\
                 criteria = \"(City:equals:{from})\"\nupdate = {{ City = \"{to}\" }}\n"
            )
        };
        let org = format!(
            "[[module]]\napi_name = \"Leads\"\n{}{}",
            rule("Tick", "Faro", "Porto"),
            rule("Tock", "Porto", "Faro")
        );
        let api = with(kind, &org);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        write(&api, &lead, &json!({ "City": "Faro" }));
        assert_eq!(api.run_events(), 6);
        assert_eq!(ada.record("Leads", &lead)["City"], "Porto");
        let told = "rule \"Tock\" was not run: 5 rules had set one another off: \
                    \"Tick\" > \"Tock\" > \"Tick\" > \"Tock\" > \"Tick\"";
        assert_eq!(
            failures(&api),
            [format!("automation_failures: - | RULE_LOOP | {told}")]
        );
    }

    pub(super) fn what_holds_everybody_holds_a_rule(kind: Kind) {
        let org = format!(
            "{RATED}\n[[module.validation_rule]]\nname = \"V\"\n\
             criteria = \"((Rating:equals:Active)and(City:equals:Faro))\"\nmessage = \"Not in Faro.\""
        );
        let api = with(kind, &org);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        write(&api, &leads[1], &json!({ "City": "Faro" }));
        for lead in &leads {
            write(&api, lead, &json!({ "Lead_Status": "Contacted" }));
        }
        ada.lock("Leads", &leads[0]);
        assert_eq!(api.run_events(), 3);
        let rating = |lead: &str| ada.record("Leads", lead)["Rating"].clone();
        assert_eq!(rating(&leads[0]), Json::Null);
        assert_eq!(rating(&leads[1]), Json::Null);
        assert_eq!(rating(&leads[2]), "Active");
        let locked = "Sorry, you cannot perform this operation as the record is locked.";
        assert_eq!(
            failures(&api),
            [
                "automation_failures: update | INVALID_DATA | Not in Faro.".to_owned(),
                format!("automation_failures: update | RECORD_LOCKED | {locked}"),
            ]
        );
    }

    pub(super) fn a_record_that_is_deleted_before_is_told_of(kind: Kind) {
        let api = with(kind, RATED);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        write(&api, &lead, &json!({ "Lead_Status": "Contacted" }));
        assert_eq!(ada.delete(&format!("Leads/{lead}")).status, 200);
        assert_eq!(api.run_events(), 1);
        let told = "the record was deleted before the rule was run";
        assert_eq!(
            failures(&api),
            [format!("automation_failures: update | GONE | {told}")]
        );
    }

    pub(super) fn a_rule_that_is_removed_or_switched_off_before_is_told_of(kind: Kind) {
        let api = with(kind, RATED);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        write(&api, &leads[0], &json!({ "Lead_Status": "Contacted" }));
        api.apply_org(&format!("{RATED}active = false\n").replace(
            "update = { Rating = \"Active\" }\nactive = false",
            "active = false\nupdate = { Rating = \"Active\" }",
        ));
        assert_eq!(api.run_events(), 1);
        // Switched off, it is not set off either.
        write(&api, &leads[1], &json!({ "Lead_Status": "Contacted" }));
        assert_eq!(waiting(&api), 0);
        api.apply_org(RATED);
        write(&api, &leads[1], &json!({ "Lead_Status": "Junk Lead" }));
        write(&api, &leads[1], &json!({ "Lead_Status": "Contacted" }));
        api.change_catalog(|catalog| {
            for module in &mut catalog.modules {
                module.rules.workflow.clear();
            }
        });
        assert_eq!(api.run_events(), 1);
        let told = |how: &str| {
            format!(
                "automation_failures: - | RULE_GONE | the workflow rule was {how} before it was run"
            )
        };
        assert_eq!(failures(&api), [told("removed"), told("switched off")]);
        assert_eq!(
            api.number("SELECT count(*) FROM changes WHERE cause = 'automation'"),
            0
        );
    }

    pub(super) fn the_user_who_caused_it_needs_no_rights_of_theirs(kind: Kind) {
        let api = with(kind, RATED);
        let ada = api.caller("admin");
        let joana = api.caller("joana");
        let lead = ada.make_leads(1).remove(0);
        let body = json!({ "data": [{ "Lead_Status": "Contacted" }] });
        assert_eq!(joana.put(&format!("Leads/{lead}"), &body).status, 200);
        // By the time the rule runs, who caused it does not even see the record.
        api.make_private("Leads");
        assert_eq!(joana.get(&format!("Leads/{lead}")).status, 204);
        assert_eq!(api.run_events(), 1);
        let record = ada.record("Leads", &lead);
        assert_eq!(record["Rating"], "Active");
        assert_eq!(
            record["Modified_By"]["email"],
            "joana.brito@kestrel-rowe.example.com"
        );
        assert_eq!(failures(&api), Vec::<String>::new());
    }

    pub(super) fn events_of_a_record_run_in_their_order(kind: Kind) {
        let rule = |n: usize| {
            format!(
                "[[module.workflow_rule]]\nname = \"R{n}\"\non = [\"edit\"]\nfields = [\"Lead_Status\"]\n\
                 update = {{ City = \"City {n}\" }}\n"
            )
        };
        let rules: String = (0..4).map(rule).collect();
        let api = with(kind, &format!("[[module]]\napi_name = \"Leads\"\n{rules}"));
        let ada = api.caller("admin");
        for size in [1, 7, 1_000] {
            let leads = ada.make_leads(20);
            for lead in &leads {
                write(&api, lead, &json!({ "Lead_Status": "Contacted" }));
                write(&api, lead, &json!({ "Lead_Status": "Junk Lead" }));
            }
            let ran = run_all(api.event_worker().with_batches_of(size));
            assert_eq!(ran, 20 * 8, "in batches of {size}");
            for lead in &leads {
                assert_eq!(ada.record("Leads", lead)["City"], "City 3");
                let sql = format!("SELECT count(*) FROM changes WHERE record = {lead}");
                assert_eq!(api.number(&sql), 3 + 8);
            }
        }
        assert_eq!(failures(&api), Vec::<String>::new());
    }

    pub(super) fn a_rule_does_not_run_on_what_was_made_because_of_it(kind: Kind) {
        let task = "[[module.workflow_rule.task]]\nsubject = \"Again\"\nstatus = \"Not Started\"\n";
        let org = format!(
            "[[module]]\napi_name = \"Tasks\"\n\
             [[module.workflow_rule]]\nname = \"Two of each\"\non = [\"create\", \"edit\"]\n{task}{task}\
             [[module.workflow_rule]]\nname = \"Begin\"\non = [\"create\"]\n\
             criteria = \"(Subject:equals:Again)\"\nupdate = {{ Status = \"In Progress\" }}\n"
        );
        let api = with(kind, &org);
        api.caller("admin")
            .make("Tasks", &[json!({ "Subject": "First" })]);
        api.run_events();
        let begun = "SELECT count(*) FROM \"m_Tasks\" WHERE \"Status\" = 'In Progress'";
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 3);
        assert_eq!(api.number(begun), 2);
        // Neither their making nor what was written into them since.
        let told = "automation_failures: - | RULE_LOOP | rule \"Two of each\" was not run: \
                    the record was made because of it: \"Two of each\"";
        assert_eq!(failures(&api), [told; 4]);
        let triggers = "SELECT count(DISTINCT trigger_word) FROM automation_failures";
        assert_eq!(api.number(triggers), 2);
    }
}
