//! Undo: what a job changed is put back by a job, as far as nobody changed it since.

use crate::api::{Api, Reply};
use crate::demo::{Caller, run};
use crate::recycle_bin::{BIN, delete, restore};
use crm::actions::accept::{Asker, Run, Source, accept};
use model::time::Clock;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_mass_update_is_put_back_as_far_as_nobody_changed_it,
    a_record_of_which_a_part_was_changed_gets_the_rest_back,
    an_undo_is_told_in_the_form_of_a_job,
    what_named_records_got_at_once_is_put_back,
    owners_come_back_with_what_went_along,
    deleted_records_come_back_with_what_the_job_deleted_along,
    what_was_deleted_and_is_no_longer_in_the_bin_is_told,
    an_undo_can_be_undone_and_that_too,
    an_undone_deletion_is_done_again_unless_somebody_worked_on_it,
    of_a_cancelled_job_the_half_is_put_back,
    a_job_that_ended_after_it_was_looked_at_is_put_back_whole,
    a_record_leaves_the_process_that_the_job_put_it_into,
    an_undo_is_paced_by_its_throttle,
}

/// Somebody's token for the native API and the scopes of all actions.
pub(crate) fn token(api: &Api, who: &str) -> String {
    let scopes = "swathe.jobs.ALL,ZohoCRM.mass_update.ALL,ZohoCRM.mass_delete.ALL,\
                  ZohoCRM.change_owner.ALL,ZohoCRM.mass_convert.leads.ALL";
    api.token(api.user(who), scopes)
}

pub(crate) fn ask(api: &Api, who: &str, job: &str, body: &str) -> Reply {
    let path = format!("/swathe/v1/jobs/{job}/actions/undo");
    api.call_with("POST", &path, &token(api, who), body.as_bytes())
}

/// Asks for an undo that must be accepted; answers its id.
pub(crate) fn undo(api: &Api, job: &str) -> String {
    let reply = ask(api, "admin", job, "");
    assert_eq!(reply.status, 202, "{}", reply.text);
    reply.json()["id"].as_str().unwrap().to_owned()
}

/// The same, run to its end; answers its id.
pub(crate) fn undone(api: &Api, job: &str) -> String {
    let id = undo(api, job);
    api.run_jobs();
    id
}

pub(crate) fn job(api: &Api, id: &str) -> Json {
    let reply = api.call(
        "GET",
        &format!("/swathe/v1/jobs/{id}"),
        &token(api, "admin"),
    );
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

/// Panics unless a job is completed with these counts: changed, unchanged, failed.
pub(crate) fn came_to(api: &Api, id: &str, counts: [i64; 3]) {
    let job = job(api, id);
    let of = |key: &str| job["counts"][key].as_i64().unwrap();
    let found = ["changed", "unchanged", "failed"].map(of);
    assert_eq!(
        (&job["state"], found),
        (&json!("completed"), counts),
        "{job}"
    );
}

/// The job that was accepted last.
pub(crate) fn newest(api: &Api) -> String {
    api.number("SELECT MAX(id) FROM jobs").to_string()
}

/// A job's outcome of a record that is not simply changed: word, code and details.
pub(crate) fn outcome(api: &Api, job: &str, record: &str) -> (String, String, Json) {
    let sql = format!(
        "SELECT outcome, COALESCE(code, '') AS code, COALESCE(details, '{{}}') AS details
         FROM job_outcomes
         WHERE job = {job} AND record = {record}"
    );
    let row = api.db.read(|tx| {
        let row = tx.query(&sql, &[])?.remove(0);
        let text = |name| row.get::<String>(name).unwrap();
        let details = serde_json::from_str(&text("details")).unwrap();
        Ok((text("outcome"), text("code"), details))
    });
    row.unwrap()
}

pub(crate) fn failed(api: &Api, job: &str, record: &str) -> String {
    let (word, code, _) = outcome(api, job, record);
    assert_eq!(word, "failed");
    code
}

/// What stands in the tables of records, save who changed them last and how often.
pub(crate) fn standing(api: &Api) -> Vec<String> {
    let mut all = Vec::new();
    for module in &api.catalog().modules {
        let fields = module.fields.iter().map(|field| field.api_name.as_str());
        let own = fields.filter(|name| !["Modified_By", "Modified_Time"].contains(name));
        let columns: Vec<String> = own.map(|name| format!("\"{name}\"")).collect();
        let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        columns.insert(0, "id");
        all.extend(api.rows(&format!("\"m_{}\"", module.api_name), &columns));
    }
    all.extend(api.rows("holds", &["record", "kind"]));
    all.extend(api.rows("record_territories", &["record", "territory"]));
    all.extend(api.rows("record_shares", &["record", "user_id", "permission"]));
    all.extend(api.rows("record_blueprints", &["record", "blueprint"]));
    all.extend(api.rows("deleted_records", &["record", "root", "purged_at"]));
    all
}

/// Updates all leads; answers the job's id.
pub(crate) fn update_all(api: &Api, caller: &Caller<'_>, data: Json) -> String {
    update_all_of(api, caller, "Leads", data)
}

/// Updates all records of a module; answers the job's id. Of deals, several fields can be updated.
pub(crate) fn update_all_of(api: &Api, caller: &Caller<'_>, module: &str, data: Json) -> String {
    let cvid = api.view(module, &format!("All {module}"));
    let body = json!({ "data": [data], "cvid": cvid, "over_write": true });
    let reply = caller.mass_update(module, &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    api.run_jobs();
    newest(api)
}

/// Deals with these values.
pub(crate) fn deals(caller: &Caller<'_>, values: &[Json]) -> Vec<String> {
    let deal = |values: &Json| {
        let mut deal = json!({ "Deal_Name": "D", "Stage": "Qualification" });
        let values = values.as_object().unwrap().clone();
        deal.as_object_mut().unwrap().extend(values);
        deal
    };
    caller.make("Deals", &values.iter().map(deal).collect::<Vec<_>>())
}

pub(crate) fn put_deal(caller: &Caller<'_>, id: &str, data: &Json) {
    let reply = caller.put(&format!("Deals/{id}"), &json!({ "data": [data] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn put(caller: &Caller<'_>, id: &str, data: &Json) {
    let reply = caller.put(&format!("Leads/{id}"), &json!({ "data": [data] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

pub(crate) fn delete_all(api: &Api, caller: &Caller<'_>, module: &str) -> String {
    let cvid = api.view(module, &format!("All {module}"));
    let path = format!("{module}/actions/mass_delete");
    let reply = caller.post(&path, &json!({ "cvid": cvid }));
    assert_eq!(reply.status, 200, "{}", reply.text);
    api.run_jobs();
    newest(api)
}

mod check {
    use super::*;

    pub(super) fn a_mass_update_is_put_back_as_far_as_nobody_changed_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let sources = ["Employee Referral", "Chat", "Cold Call"];
        let lead = |n: usize| match sources.get(n % 4) {
            Some(source) => json!({ "Last_Name": format!("L{n}"), "Lead_Source": source }),
            None => json!({ "Last_Name": format!("L{n}") }),
        };
        let leads = ada.make("Leads", &(0..12).map(lead).collect::<Vec<_>>());
        let before = standing(&api);
        api.clock.advance_ms(1_000);
        let job = update_all(&api, &ada, json!({ "Lead_Source": "Trade Show" }));
        assert_ne!(standing(&api), before);
        // Somebody has another value, has the old one again, has the job's again, writes another
        // field, deletes one, and locks one.
        put(&ines, &leads[0], &json!({ "Lead_Source": "Advertisement" }));
        put(&ines, &leads[1], &json!({ "Lead_Source": "Chat" }));
        put(&ines, &leads[2], &json!({ "Lead_Source": "Advertisement" }));
        put(&ines, &leads[2], &json!({ "Lead_Source": "Trade Show" }));
        put(&ines, &leads[3], &json!({ "City": "Porto" }));
        delete(&ada, "Leads", &leads[4..5]);
        ada.lock("Leads", &leads[5]);
        api.clock.advance_ms(1_000);
        let undo = undone(&api, &job);
        came_to(&api, &undo, [8, 1, 3]);
        let details = json!({ "id": leads[0], "fields": ["Lead_Source"] });
        let wanted = ("failed".to_owned(), "CHANGED_SINCE".to_owned(), details);
        assert_eq!(outcome(&api, &undo, &leads[0]), wanted);
        assert_eq!(outcome(&api, &undo, &leads[1]).0, "unchanged");
        assert_eq!(failed(&api, &undo, &leads[4]), "GONE");
        assert_eq!(failed(&api, &undo, &leads[5]), "RECORD_LOCKED");
        let source = |n: usize| ada.record("Leads", &leads[n])["Lead_Source"].clone();
        let found: Vec<Json> = [0, 1, 2, 3, 5, 6, 7].map(source).into();
        let cold = "Cold Call";
        assert_eq!(
            json!(found),
            json!([
                "Advertisement",
                "Chat",
                cold,
                null,
                "Trade Show",
                cold,
                null
            ])
        );
        assert_eq!(ada.record("Leads", &leads[3])["City"], "Porto");
        // What nobody touched since is as it was, byte for byte.
        let untouched = |rows: Vec<String>| -> Vec<String> {
            let own = |row: &String| leads[6..].iter().any(|id| row.contains(id));
            rows.into_iter().filter(own).collect()
        };
        assert_eq!(untouched(standing(&api)), untouched(before));
        let changed = "SELECT count(*) FROM changes WHERE kind = 'update' AND cause = 'job'";
        assert_eq!(api.number(&format!("{changed} AND job = {undo}")), 8);
    }

    pub(super) fn a_record_of_which_a_part_was_changed_gets_the_rest_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let deal = json!({ "Next_Step": "Call", "Languages_Known": ["Hindi"] });
        let deals = deals(&ada, &vec![deal; 3]);
        let data = json!({ "Next_Step": "Visit", "Languages_Known": ["Spanish"], "Discount": 5 });
        let job = update_all_of(&api, &ada, "Deals", data);
        put_deal(
            &ines,
            &deals[0],
            &json!({ "Next_Step": "Wait", "Discount": null }),
        );
        put_deal(&ines, &deals[1], &json!({ "Next_Step": "Call" }));
        let undo = undone(&api, &job);
        came_to(&api, &undo, [3, 0, 0]);
        // Discount is as before already: that it was written since is no reason.
        let details = json!({ "id": deals[0], "fields": ["Next_Step"] });
        let wanted = ("changed".to_owned(), "CHANGED_SINCE".to_owned(), details);
        assert_eq!(outcome(&api, &undo, &deals[0]), wanted);
        let read = |id: &String| {
            let record = ada.record("Deals", id);
            json!([
                record["Next_Step"],
                record["Languages_Known"],
                record["Discount"]
            ])
        };
        assert_eq!(read(&deals[0]), json!(["Wait", ["Hindi"], null]));
        for id in &deals[1..] {
            assert_eq!(read(id), json!(["Call", ["Hindi"], null]));
        }
        let rows = api.number(&format!(
            "SELECT count(*) FROM job_outcomes WHERE job = {undo}"
        ));
        assert_eq!(rows, 1);
    }

    pub(super) fn an_undo_is_told_in_the_form_of_a_job(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let cvid = api.view("Leads", "All Leads");
        let first = ada.schedule(&json!({ "data": [{ "City": "Oslo" }], "cvid": cvid }));
        assert_eq!(job(&api, &first)["undo_until"], Json::Null);
        api.run_jobs();
        let day = 24 * 60 * 60 * 1_000;
        let until = api.clock.now().plus_ms(60 * day).to_utc();
        assert_eq!(job(&api, &first)["undo_until"], until);
        let told = ask(&api, "admin", &first, r#"{"throttle":5}"#).json();
        assert_eq!(
            (&told["action"], &told["module"]),
            (&json!("undo"), &json!("Leads"))
        );
        assert_eq!(
            told["request"],
            json!({ "undo_of": first, "did": "update" })
        );
        assert_eq!(
            (&told["undo_of"], &told["parent"]),
            (&json!(first), &json!(first))
        );
        assert_eq!(
            (&told["throttle"], &told["counts"]["total"]),
            (&json!(5), &json!(2))
        );
        api.run_jobs();
        // What a job deleted can come back as long as the bin has the first of it.
        let gone = delete_all(&api, &ada, "Leads");
        assert_eq!(job(&api, &gone)["undo_until"], until);
        // A job that changed nothing has nothing to put back.
        ada.make_leads(1);
        let empty = update_all(&api, &ada, json!({ "City": null }));
        assert_eq!(job(&api, &empty)["undo_until"], Json::Null);
    }

    pub(super) fn what_named_records_got_at_once_is_put_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        let before = standing(&api);
        let body = json!({ "data": [{ "City": "Oslo" }], "ids": leads });
        assert_eq!(ada.mass_update("Leads", &body).status, 200);
        came_to(&api, &undone(&api, &newest(&api)), [3, 0, 0]);
        assert_eq!(standing(&api), before);
        let body = json!({ "ids": leads });
        assert_eq!(ada.post("Leads/actions/mass_delete", &body).status, 200);
        came_to(&api, &undone(&api, &newest(&api)), [3, 0, 0]);
        assert_eq!(standing(&api), before);
    }

    pub(super) fn owners_come_back_with_what_went_along(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let accounts = ["A", "B"].map(|name| json!({ "Account_Name": name }));
        let accounts = ada.make("Accounts", &accounts);
        let of = |n: usize| json!({ "id": accounts[n] });
        let tasks = json!({ "Subject": "T", "What_Id": of(0) });
        let tasks = ada.make("Tasks", &vec![tasks; 3]);
        let deal = json!({ "Deal_Name": "D", "Stage": "Qualification", "Account_Name": of(1) });
        ada.make("Deals", &[deal]);
        let before = standing(&api);
        let to = json!({ "id": api.user_id("oskar") });
        let related = json!([{ "api_name": "Tasks" }, { "api_name": "Deals" }]);
        let body = json!({ "ids": accounts, "owner": to, "related_modules": related });
        let reply = ada.post("Accounts/actions/change_owner", &body);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let job = newest(&api);
        let ines = json!({ "id": api.user_id("ines") });
        let reply = ada.put(
            &format!("Tasks/{}", tasks[1]),
            &json!({ "data": [{ "Owner": ines }] }),
        );
        assert_eq!(reply.status, 200, "{}", reply.text);
        let undo = undone(&api, &job);
        came_to(&api, &undo, [5, 0, 1]);
        assert_eq!(failed(&api, &undo, &tasks[1]), "CHANGED_SINCE");
        let others = |rows: Vec<String>| -> Vec<String> {
            rows.into_iter()
                .filter(|row| !row.contains(&tasks[1]))
                .collect()
        };
        assert_eq!(others(standing(&api)), others(before));
        // And given away again, by undoing the undo.
        let again = undone(&api, &undo);
        came_to(&api, &again, [5, 0, 0]);
        let oskar = api.user("oskar").to_string();
        assert_eq!(
            ada.record("Tasks", &tasks[0])["Owner"]["id"],
            oskar.as_str()
        );
    }

    pub(super) fn deleted_records_come_back_with_what_the_job_deleted_along(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let accounts: Vec<Json> = (0..6)
            .map(|n| json!({ "Account_Name": format!("A{n}") }))
            .collect();
        let accounts = ada.make("Accounts", &accounts);
        let task = |n: usize| json!({ "Subject": "T", "What_Id": { "id": accounts[n % 4] } });
        let tasks = ada.make("Tasks", &(0..9).map(task).collect::<Vec<_>>());
        // One of them went before the job, and stays away.
        delete(&ada, "Tasks", &tasks[8..]);
        let before = standing(&api);
        let job = delete_all(&api, &ada, "Accounts");
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 0);
        came_to(&api, &undone(&api, &job), [6, 0, 0]);
        assert_eq!(standing(&api), before);
    }

    pub(super) fn what_was_deleted_and_is_no_longer_in_the_bin_is_told(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        let job = delete_all(&api, &ada, "Leads");
        // Purged; back again; back and deleted again.
        let reply = ada.delete(&format!("{BIN}?ids={}", leads[0]));
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(restore(&ada, &leads[1..3]).status, 200);
        delete(&ada, "Leads", &leads[2..3]);
        let undo = undone(&api, &job);
        came_to(&api, &undo, [1, 1, 2]);
        assert_eq!(failed(&api, &undo, &leads[0]), "GONE");
        assert_eq!(outcome(&api, &undo, &leads[1]).0, "unchanged");
        assert_eq!(failed(&api, &undo, &leads[2]), "CHANGED_SINCE");
        assert_eq!(ada.record("Leads", &leads[3])["Last_Name"], "Lead 3");
    }

    pub(super) fn an_undo_can_be_undone_and_that_too(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(5);
        put(&ada, &leads[0], &json!({ "City": "Lund" }));
        let before = standing(&api);
        let mut last = update_all(&api, &ada, json!({ "City": "Oslo" }));
        let after = standing(&api);
        for wanted in [&before, &after, &before, &after] {
            last = undone(&api, &last);
            came_to(&api, &last, [5, 0, 0]);
            assert_eq!(&standing(&api), wanted);
        }
        // The first undo is undone already: of that nothing is left to put back.
        let first = api.number("SELECT MIN(id) FROM jobs WHERE kind = 'undo'");
        came_to(&api, &undone(&api, &first.to_string()), [0, 5, 0]);
    }

    pub(super) fn an_undone_deletion_is_done_again_unless_somebody_worked_on_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let accounts: Vec<Json> = (0..5)
            .map(|n| json!({ "Account_Name": format!("A{n}") }))
            .collect();
        let accounts = ada.make("Accounts", &accounts);
        let task = |n: usize| json!({ "Subject": "T", "What_Id": { "id": accounts[n] } });
        let tasks = ada.make("Tasks", &[task(0), task(1), task(2)]);
        let before = standing(&api);
        let job = delete_all(&api, &ada, "Accounts");
        let back = undone(&api, &job);
        assert_eq!(standing(&api), before);
        // Somebody writes into an account, into a task, and makes a task.
        let write = |path: &str, data: Json| {
            let reply = ada.put(path, &json!({ "data": [data] }));
            assert_eq!(reply.status, 200, "{}", reply.text);
        };
        write(
            &format!("Accounts/{}", accounts[4]),
            json!({ "Phone": "123" }),
        );
        write(
            &format!("Tasks/{}", tasks[1]),
            json!({ "Subject": "Other" }),
        );
        ada.make("Tasks", &[task(3)]);
        let again = undone(&api, &back);
        came_to(&api, &again, [2, 0, 3]);
        for n in [1, 3, 4] {
            assert_eq!(failed(&api, &again, &accounts[n]), "CHANGED_SINCE");
        }
        assert_eq!(outcome(&api, &again, &accounts[1]).2["module"], "Tasks");
        assert_eq!(api.number("SELECT count(*) FROM \"m_Accounts\""), 3);
        came_to(&api, &undone(&api, &again), [2, 0, 0]);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Accounts\""), 5);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 4);
    }

    pub(super) fn of_a_cancelled_job_the_half_is_put_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(10);
        let before = standing(&api);
        let cvid = api.view("Leads", "All Leads");
        let id = ada.schedule(&json!({ "data": [{ "City": "Oslo" }], "cvid": cvid }));
        let mut worker = api.worker().with_chunks_of(4);
        worker.step();
        worker.step();
        let cancelled = api.db.write(store::Priority::Interactive, |tx| {
            let id = model::id::JobId::parse(&id).unwrap();
            jobs::control::cancel(tx, id, api.clock.now())
        });
        assert_eq!(cancelled.unwrap().counts.changed, 4);
        worker.release();
        let undo = undone(&api, &id);
        came_to(&api, &undo, [4, 0, 0]);
        assert_eq!(standing(&api), before);
        came_to(&api, &undone(&api, &undo), [4, 0, 0]);
    }

    pub(super) fn a_job_that_ended_after_it_was_looked_at_is_put_back_whole(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(10);
        let cvid = api.view("Leads", "All Leads");
        let id = ada.schedule(&json!({ "data": [{ "City": "Oslo" }], "cvid": cvid }));
        let mut worker = api.worker().with_chunks_of(4);
        worker.step();
        worker.step();
        let id = model::id::JobId::parse(&id).unwrap();
        let seen = api.db.read(|tx| Ok(store::jobs::find(tx, id)?));
        let seen = seen.unwrap().unwrap();
        assert_eq!(seen.cursor, 4);
        run(worker);
        let asker = Asker {
            user: seen.actor,
            client: None,
        };
        let (source, how) = (Source::Undo(&seen), Run::default());
        let now = api.clock.now();
        let undo = accept(&api.db, &source, &asker, &how, now, &mut |_, id| Ok(id));
        api.run_jobs();
        came_to(&api, &undo.unwrap().to_string(), [10, 0, 0]);
    }

    pub(super) fn a_record_leaves_the_process_that_the_job_put_it_into(kind: Kind) {
        let api = crate::blueprint::start(kind, &crate::blueprint::of_everyone());
        let ada = api.caller("admin");
        let lead = |n: usize| json!({ "Last_Name": format!("L{n}"), "Company": "Acme" });
        let leads = ada.make("Leads", &[lead(0), lead(1), lead(2)]);
        put(&ada, &leads[2], &json!({ "Lead_Status": "Contacted" }));
        assert_eq!(api.number("SELECT count(*) FROM record_blueprints"), 1);
        let before = standing(&api);
        let job = update_all(&api, &ada, json!({ "Lead_Status": "Not Contacted" }));
        assert_eq!(api.number("SELECT count(*) FROM record_blueprints"), 3);
        let inside = standing(&api);
        // The plain way back is barred: only the undo takes them out again.
        let body = json!({ "data": [{ "Lead_Status": null }] });
        let reply = ada.put(&format!("Leads/{}", leads[0]), &body);
        assert!(reply.text.contains("RECORD_IN_BLUEPRINT"), "{}", reply.text);
        assert_eq!(standing(&api), inside);
        let undo = undone(&api, &job);
        came_to(&api, &undo, [2, 0, 0]);
        assert_eq!(standing(&api), before);
        // One that went its way since stays in the process.
        let job = update_all(&api, &ada, json!({ "Lead_Status": "Not Contacted" }));
        let data = json!({ "Phone": "1", "Referred_By": { "id": ada.make("Contacts",
            &[json!({ "Last_Name": "C" })])[0] } });
        let reply = crate::blueprint::go(&api, "admin", &leads[0], "Call", &data);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let undo = undone(&api, &job);
        came_to(&api, &undo, [1, 0, 1]);
        assert_eq!(failed(&api, &undo, &leads[0]), "CHANGED_SINCE");
        assert_eq!(api.number("SELECT count(*) FROM record_blueprints"), 2);
    }

    pub(super) fn an_undo_is_paced_by_its_throttle(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(6);
        let job = update_all(&api, &ada, json!({ "City": "Oslo" }));
        let reply = ask(&api, "admin", &job, r#"{"throttle":2}"#);
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        let mut worker = api.worker();
        worker.step();
        worker.step();
        assert_eq!(super::job(&api, &id)["counts"]["changed"], 2);
        assert!(matches!(worker.step(), jobs::Step::Resting(_)));
        api.clock.advance_ms(1_000);
        worker.step();
        assert_eq!(super::job(&api, &id)["counts"]["changed"], 4);
        api.clock.advance_ms(1_000);
        run(worker);
        came_to(&api, &id, [6, 0, 0]);
    }
}
