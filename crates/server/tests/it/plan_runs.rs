//! Jobs made from plans: they change what the plan said, and nothing else.

use crate::api::Api;
use crate::asked::{Asker, id};
use crate::demo::{Caller, run};
use model::id::JobId;
use model::time::Clock;
use serde_json::{Value as Json, json};
use store::Priority;
use testkit::{Kind, each_db};

each_db! {
    a_job_touches_exactly_the_planned_records,
    a_record_that_changed_is_left_unless_the_same_would_happen,
    too_many_strays_pause_the_job_until_it_is_resumed,
    what_was_foreseen_as_refused_is_no_stray,
    records_that_went_or_left_are_told_so,
    a_plan_of_a_view_that_filters_on_the_updated_field_runs_whole,
    a_deletion_takes_the_planned_records_as_they_were,
    two_plans_of_overlapping_records_run_in_opposite_order,
    a_right_that_was_lost_since_the_plan_fails_the_job,
}

fn update(selection: Json, value: &str) -> Json {
    json!({
        "action": "update", "module": "Leads", "selection": selection,
        "change": { "fields": { "Lead_Source": value } },
    })
}

/// Writes a lead as somebody else would.
fn write(caller: &Caller<'_>, id: &str, values: Json) {
    let reply = caller.put(&format!("Leads/{id}"), &json!({ "data": [values] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// What each visited record that was not changed got, by its place among these.
fn outcomes(api: &Api, job: &Json, records: &[String]) -> Vec<(usize, String)> {
    let job = id(job);
    let rows = api.rows("job_outcomes", &["job", "seq", "record", "code"]);
    let of_job = rows
        .iter()
        .filter_map(|row| row.strip_prefix(&format!("job_outcomes: {job} | ")));
    let told = of_job.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let place = records
            .iter()
            .position(|record| record == cells[1])
            .unwrap();
        (place, cells[2].to_owned())
    });
    told.collect()
}

/// The records that a job changed, by their place among these.
fn changed(api: &Api, job: &Json, records: &[String]) -> Vec<usize> {
    let rows = api.rows("changes", &["job", "record"]);
    let prefix = format!("changes: {} | ", id(job));
    let of_job = rows.iter().filter_map(|row| row.strip_prefix(&prefix));
    let place = |record: &str| records.iter().position(|known| known == record).unwrap();
    let mut places: Vec<usize> = of_job.map(place).collect();
    places.sort_unstable();
    places
}

fn resume(api: &Api, job: &Json, tolerance: Option<i64>) {
    let (job, now) = (JobId::parse(&id(job)).unwrap(), api.clock.now());
    let resumed = api.db.write(Priority::Interactive, |tx| {
        jobs::control::resume(tx, job, tolerance, None, now)
    });
    resumed.unwrap();
}

mod check {
    use super::*;

    pub(super) fn a_job_touches_exactly_the_planned_records(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let mut leads = ada.make_leads(5);
        ada.lock("Leads", &leads[3]);
        let asker = Asker::new(&api, "admin");
        let plan = asker.plan(&update(json!({ "view": "Open Leads" }), "Trade Show"));
        // It would be selected now, but nobody saw it in the plan.
        leads.extend(ada.make("Leads", &[json!({ "Last_Name": "Late" })]));
        let job = asker.job(&json!({ "plan": id(&plan) }));
        assert_eq!(job["counts"]["total"], 5);
        api.run_jobs();
        let done = asker.now(&job);
        assert_eq!(
            (&done["state"], &done["counts"]["changed"]),
            (&json!("completed"), &json!(4))
        );
        assert_eq!(changed(&api, &job, &leads), [0, 1, 2, 4]);
        assert_eq!(
            outcomes(&api, &job, &leads),
            [(3, "RECORD_LOCKED".to_owned())]
        );
        assert_eq!(ada.record("Leads", &leads[5])["Lead_Source"], Json::Null);
    }

    pub(super) fn a_record_that_changed_is_left_unless_the_same_would_happen(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(8);
        write(&ada, &leads[5], json!({ "Lead_Source": "Trade Show" }));
        write(&ada, &leads[7], json!({ "Lead_Source": "Trade Show" }));
        let lock = ada.lock("Leads", &leads[6]);
        let asker = Asker::new(&api, "admin");
        let plan = asker.plan(&update(json!({ "ids": leads }), "Trade Show"));
        let counts = json!({ "selected": 8, "change": 5, "unchanged": 2, "refused": 1 });
        assert_eq!(plan["counts"], counts);
        // 0 is as it was. Another field of 1 changed. 2 has another value to be written over, and 3
        // had it for a while. 4 became what was wanted, 5 is no longer, 7 is written as it stands.
        write(&ada, &leads[1], json!({ "City": "Oslo" }));
        write(&ada, &leads[2], json!({ "Lead_Source": "Cold Call" }));
        write(&ada, &leads[3], json!({ "Lead_Source": "Cold Call" }));
        write(&ada, &leads[3], json!({ "Lead_Source": null }));
        write(&ada, &leads[4], json!({ "Lead_Source": "Trade Show" }));
        write(&ada, &leads[5], json!({ "Lead_Source": "Cold Call" }));
        let path = format!("Leads/{}/Locking_Information__s/{lock}", leads[6]);
        assert_eq!(ada.delete(&path).status, 200);
        write(&ada, &leads[7], json!({ "City": "Oslo" }));
        let job = asker.job(&json!({ "plan": id(&plan), "tolerance": 4 }));
        api.run_jobs();
        let strayed = |n: usize| (n, "CHANGED_SINCE_PLAN".to_owned());
        let unchanged = (7, "-".to_owned());
        let wanted = [strayed(2), strayed(4), strayed(5), strayed(6), unchanged];
        assert_eq!(outcomes(&api, &job, &leads), wanted);
        // What is back where it was, is as the plan saw it.
        assert_eq!(changed(&api, &job, &leads), [0, 1, 3]);
        assert_eq!(asker.now(&job)["state"], "completed");
        assert_eq!(
            api.number("SELECT drifted FROM jobs WHERE plan IS NOT NULL"),
            4
        );
        let details = "SELECT count(*) FROM job_outcomes
            WHERE details LIKE '%\"foreseen\":\"change\",\"now\":\"unchanged\"%'";
        assert_eq!(api.number(details), 1);
    }

    pub(super) fn too_many_strays_pause_the_job_until_it_is_resumed(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(6);
        let asker = Asker::new(&api, "admin");
        let body = update(json!({ "ids": leads }), "Trade Show");
        let stray = |value: &str| {
            for n in [1, 3] {
                write(&ada, &leads[n], json!({ "Lead_Source": value }));
            }
        };
        let plan = asker.plan(&body);
        stray("Cold Call");
        let job = asker.job(&json!({ "plan": id(&plan) }));
        run(api.worker().with_chunks_of(1));
        let told = asker.now(&job);
        assert_eq!(
            (&told["state"], &told["paused_by"]),
            (&json!("paused"), &json!("tolerance"))
        );
        assert_eq!(told["counts"]["pending"], 4);
        // One more is tolerated now, and 3 is the second.
        resume(&api, &job, Some(1));
        run(api.worker().with_chunks_of(1));
        assert_eq!(asker.now(&job)["counts"]["pending"], 2);
        resume(&api, &job, None);
        run(api.worker().with_chunks_of(1));
        let done = asker.now(&job);
        assert_eq!(done["state"], "completed");
        assert_eq!(done["failed_by_code"], json!({ "CHANGED_SINCE_PLAN": 2 }));
        assert_eq!(changed(&api, &job, &leads), [0, 2, 4, 5]);
        // As many as are tolerated do not pause it.
        let plan = asker.plan(&update(json!({ "ids": leads }), "Partner"));
        stray("Web Download");
        let job = asker.job(&json!({ "plan": id(&plan), "tolerance": 2 }));
        run(api.worker().with_chunks_of(1));
        assert_eq!(asker.now(&job)["state"], "completed");
    }

    pub(super) fn what_was_foreseen_as_refused_is_no_stray(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = |n: usize| json!({ "Account_Name": format!("Account {n}") });
        let ids = ada.make("Accounts", &[account(0), account(1)]);
        let task = json!({ "Subject": "Call", "What_Id": { "id": ids[0] } });
        let task = ada.make("Tasks", &[task]).remove(0);
        ada.lock("Tasks", &task);
        let asker = Asker::new(&api, "admin");
        let body = json!({ "action": "delete", "module": "Accounts", "selection": { "ids": ids } });
        let plan = asker.plan(&body);
        assert_eq!(plan["refused"][0]["code"], "CANNOT_PERFORM_ACTION");
        let job = asker.job(&json!({ "plan": id(&plan) }));
        api.run_jobs();
        let done = asker.now(&job);
        assert_eq!(done["state"], "completed");
        assert_eq!(
            done["failed_by_code"],
            json!({ "CANNOT_PERFORM_ACTION": 1 })
        );
        assert_eq!(done["counts"]["changed"], 1);
        // An unknown id stays unknown, and counts as no stray either.
        let unknown = "999999999999999999".to_owned();
        let leads = ada.make_leads(1);
        let both = json!({ "ids": [unknown, leads[0]] });
        let plan = asker.plan(&update(both, "Trade Show"));
        let job = asker.job(&json!({ "plan": id(&plan) }));
        run(api.worker().with_chunks_of(1));
        let done = asker.now(&job);
        assert_eq!(done["state"], "completed");
        assert_eq!(done["failed_by_code"], json!({ "INVALID_DATA": 1 }));
    }

    pub(super) fn records_that_went_or_left_are_told_so(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        let joana = api.user_id("joana");
        let give = |ids: &[String], owner: &str| {
            let body = json!({ "ids": ids, "owner": { "id": owner } });
            assert_eq!(ada.change_owner("Leads", &body).status, 200);
        };
        give(&leads, &joana);
        api.make_private("Leads");
        let asker = Asker::new(&api, "joana");
        let of_view = asker.plan(&update(json!({ "view": "Open Leads" }), "Trade Show"));
        let of_ids = asker.plan(&update(json!({ "ids": leads }), "Trade Show"));
        assert_eq!(ada.delete(&format!("Leads/{}", leads[0])).status, 200);
        give(&leads[1..2], &api.user_id("admin"));
        write(&ada, &leads[2], json!({ "Lead_Status": "Junk Lead" }));
        let of_view = asker.job(&json!({ "plan": id(&of_view), "tolerance": 3 }));
        let of_ids = asker.job(&json!({ "plan": id(&of_ids), "tolerance": 9 }));
        run(api.worker().with_chunks_of(1));
        let told = |n: usize, code: &str| (n, code.to_owned());
        let (gone, hidden) = (told(0, "GONE"), told(1, "NOT_VISIBLE"));
        let wanted = [gone.clone(), hidden.clone(), told(2, "LEFT_SELECTION")];
        assert_eq!(outcomes(&api, &of_view, &leads), wanted);
        let drifted = format!("SELECT drifted FROM jobs WHERE id = {}", id(&of_view));
        assert_eq!(api.number(&drifted), 3);
        // Nothing was asked of the named ones but to be there; the other job wrote the last.
        assert_eq!(outcomes(&api, &of_ids, &leads)[..2], [gone, hidden]);
        assert!(changed(&api, &of_ids, &leads).contains(&2));
        assert_eq!(changed(&api, &of_view, &leads), [3]);
    }

    pub(super) fn a_plan_of_a_view_that_filters_on_the_updated_field_runs_whole(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(5);
        let asker = Asker::new(&api, "admin");
        let none = json!({ "criteria": "(Lead_Source:equals:${EMPTY})" });
        let plan = asker.plan(&update(none.clone(), "Trade Show"));
        let job = asker.job(&json!({ "plan": id(&plan) }));
        run(api.worker().with_chunks_of(2));
        assert_eq!(asker.now(&job)["counts"]["changed"], 5);
        assert_eq!(changed(&api, &job, &leads), [0, 1, 2, 3, 4]);
        asker.is_refused(
            "plans",
            &update(none, "Trade Show"),
            400,
            "NO_RECORDS_FOUND",
        );
    }

    pub(super) fn a_deletion_takes_the_planned_records_as_they_were(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        let asker = Asker::new(&api, "admin");
        let body =
            json!({ "action": "delete", "module": "Leads", "selection": { "view": "Open Leads" } });
        let plan = asker.plan(&body);
        write(&ada, &leads[1], json!({ "City": "Oslo" }));
        // Locked and free again: nothing that would be lost is different.
        let lock = ada.lock("Leads", &leads[2]);
        let path = format!("Leads/{}/Locking_Information__s/{lock}", leads[2]);
        assert_eq!(ada.delete(&path).status, 200);
        ada.lock("Leads", &leads[3]);
        let job = asker.job(&json!({ "plan": id(&plan), "tolerance": 2 }));
        api.run_jobs();
        let strayed = |n: usize| (n, "CHANGED_SINCE_PLAN".to_owned());
        assert_eq!(outcomes(&api, &job, &leads), [strayed(1), strayed(3)]);
        assert_eq!(changed(&api, &job, &leads), [0, 2]);
        assert_eq!(asker.now(&job)["state"], "completed");
    }

    pub(super) fn two_plans_of_overlapping_records_run_in_opposite_order(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(6);
        let asker = Asker::new(&api, "admin");
        let first = asker.plan(&update(json!({ "ids": leads[..4] }), "Trade Show"));
        let second = asker.plan(&update(json!({ "ids": leads[2..] }), "Cold Call"));
        let later = asker.job(&json!({ "plan": id(&second) }));
        run(api.worker().with_chunks_of(1));
        assert_eq!(changed(&api, &later, &leads), [2, 3, 4, 5]);
        let earlier = asker.job(&json!({ "plan": id(&first), "tolerance": 2 }));
        run(api.worker().with_chunks_of(1));
        // Whoever comes second finds what both meant no longer as it saw it.
        assert_eq!(changed(&api, &earlier, &leads), [0, 1]);
        let codes: Vec<usize> = outcomes(&api, &earlier, &leads)
            .iter()
            .map(|(n, _)| *n)
            .collect();
        assert_eq!(codes, [2, 3]);
        let sources: Vec<Json> = (0..6)
            .map(|n| ada.record("Leads", &leads[n])["Lead_Source"].clone())
            .collect();
        let (show, call) = ("Trade Show", "Cold Call");
        assert_eq!(sources, [show, show, call, call, call, call]);
    }

    pub(super) fn a_right_that_was_lost_since_the_plan_fails_the_job(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let asker = Asker::new(&api, "ines");
        let plan = asker.plan(&update(json!({ "everything": true }), "Trade Show"));
        let job = asker.job(&json!({ "plan": id(&plan) }));
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let mut profiles = catalog.profiles.iter_mut();
            let standard = profiles.find(|p| p.name == "Standard").unwrap();
            standard.modules.remove(&leads);
        });
        api.records_unchanged_by(|| {
            api.run_jobs();
        });
        let told = asker.now(&job);
        assert_eq!(told["state"], "failed");
        assert!(told["error"].as_str().unwrap().starts_with("NO_PERMISSION"));
    }
}
