//! Mass delete: by ids at once, by a view as a job, and what a record's deletion takes along.

use crate::api::Api;
use crate::demo::{Caller, error};
use crate::recycle_bin::restore;
use jobs::Step;
use model::limits::ALONG_PER_RECORD_MAX;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    ids_are_deleted_at_once_and_answered_in_order,
    a_view_is_deleted_by_a_job_with_the_counts_of_the_sample,
    a_view_is_narrowed_by_a_territory,
    a_territory_beside_ids_means_nothing,
    a_job_has_no_count_of_what_is_not_deleted_yet,
    a_job_in_which_every_record_fails_has_failed,
    records_that_changed_before_their_turn_are_judged_as_they_are,
    one_job_a_module_and_then_the_next,
    activities_go_along_with_what_they_are_about,
    an_activity_whose_first_lookup_names_a_deleted_record_is_about_the_second,
    an_activity_that_is_held_keeps_its_record,
    a_record_with_too_many_activities_is_kept,
    what_an_immediate_call_cannot_reach_is_left,
    what_is_refused_anyway_takes_nothing_along,
    a_job_goes_on_where_a_chunk_had_taken_enough_along,
    a_lookup_of_a_deleted_record_reads_as_empty,
    chunks_of_any_size_leave_equal_tables,
}

const PATH: &str = "Leads/actions/mass_delete";

/// A mass delete that must be accepted; answers the job's id.
fn schedule(caller: &Caller<'_>, module: &str, body: &Json) -> String {
    let reply = caller.post(&format!("{module}/actions/mass_delete"), body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let item = reply.items().remove(0);
    assert_eq!(item["message"], "mass delete scheduled successfully");
    item["details"]["job_id"].as_str().unwrap().to_owned()
}

/// What the wire says of a job.
fn status(caller: &Caller<'_>, module: &str, job: &str) -> Json {
    let reply = caller.get(&format!("{module}/actions/mass_delete?job_id={job}"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn counts(word: &str, [failed, deleted, total]: [i64; 3]) -> Json {
    json!({ "data": [{
        "Status": word, "Failed_Count": failed, "Deleted_Count": deleted, "Total_Count": total,
    }] })
}

fn deleted(id: &str) -> Json {
    json!({
        "code": "SUCCESS", "details": { "id": id }, "message": "record is deleted",
        "status": "success",
    })
}

fn all_leads(api: &Api) -> Json {
    json!({ "cvid": api.view("Leads", "All Leads") })
}

/// Puts a lead into a territory.
fn assign(api: &Api, caller: &Caller<'_>, id: &str, territory: &str) {
    let territories = json!([{ "id": api.territory(territory) }]);
    let body = json!({ "data": [{ "id": id, "Territories": territories }] });
    let reply = caller.post("Leads/actions/assign_territories", &body);
    assert_eq!(reply.status, 202, "{}", reply.text);
}

/// An account with so many tasks about it.
fn account_with_tasks(caller: &Caller<'_>, count: usize) -> (String, Vec<String>) {
    let account = json!({ "Account_Name": "Alder" });
    let account = caller.make("Accounts", &[account]).remove(0);
    let task = json!({ "Subject": "Call", "What_Id": { "id": account } });
    let tasks = caller.make("Tasks", &vec![task; count]);
    (account, tasks)
}

/// Makes many tasks about an account behind the server's back.
fn seed_tasks(api: &Api, first: i64, count: i64, account: &str) {
    let admin = api.user("admin");
    api.execute(&format!(
        "INSERT INTO \"m_Tasks\" (id, rev, \"Subject\", \"What_Id\", \"Owner\", \"Locked__s\")
         WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x + 1 < {count})
         SELECT {first} + x, 1, 'Task ' || x, {account}, {admin}, FALSE FROM n"
    ));
}

mod check {
    use super::*;

    pub(super) fn ids_are_deleted_at_once_and_answered_in_order(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(6);
        ada.lock("Leads", &leads[2]);
        let locked = |text| {
            let details = json!({ "action": "record_locking", "id": leads[2] });
            error("RECORD_LOCKED", text, &details)
        };
        let unknown = "the id given seems to be invalid";
        let unknown = error("INVALID_DATA", unknown, &json!({ "id": "5" }));
        // The SDKs send numbers.
        let number: i64 = leads[1].parse().unwrap();
        let body = json!({ "ids": [leads[0], number, leads[2], "5", leads[0]] });
        let text = "You cannot perform this operation as the record is locked.";
        let items = [
            deleted(&leads[0]),
            deleted(&leads[1]),
            locked(text),
            unknown.clone(),
            deleted(&leads[0]),
        ];
        ada.post(PATH, &body).is(200, &json!({ "data": items }));
        let text = "Sorry, you cannot perform this operation as the record is locked.";
        let body = json!({ "ids": [leads[2], leads[3]] });
        let items = json!({ "data": [locked(text), deleted(&leads[3])] });
        ada.speaking(Version::V8).post(PATH, &body).is(207, &items);
        let body = json!({ "ids": [leads[2]] });
        let items = json!({ "data": [locked(text)] });
        ada.speaking(Version::V8).post(PATH, &body).is(400, &items);
        ada.speaking(Version::V4)
            .post(PATH, &json!({ "ids": [leads[5]] }))
            .is(200, &json!({ "data": [deleted(&leads[5])] }));
        let left = [&leads[2], &leads[4]].map(|id| id.parse::<i64>().unwrap());
        assert_eq!(
            api.rows("\"m_Leads\"", &["id"]),
            left.map(|id| format!("\"m_Leads\": {id}"))
        );
        let in_bin = "SELECT count(*) FROM deleted_records d JOIN changes c
            ON c.record = d.record AND c.rev = d.rev AND c.kind = 'delete' AND c.job = d.job
            WHERE d.root = d.record AND d.rev = 2 AND d.purged_at IS NULL";
        assert_eq!(api.number(in_bin), 4);
    }

    pub(super) fn a_view_is_deleted_by_a_job_with_the_counts_of_the_sample(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(12);
        for id in &leads[..2] {
            ada.lock("Leads", id);
        }
        let job = schedule(&ada, "Leads", &all_leads(&api));
        assert_eq!(status(&ada, "Leads", &job), counts("SCHEDULED", [0, 0, 12]));
        api.run_jobs();
        for version in Version::ALL.into_iter().filter(|v| *v >= Version::V4) {
            let told = status(&ada.speaking(version), "Leads", &job);
            assert_eq!(told, counts("COMPLETED", [2, 10, 12]));
        }
        assert_eq!(api.number("SELECT count(*) FROM \"m_Leads\""), 2);
        let bin = format!("SELECT count(*) FROM deleted_records WHERE job = {job}");
        assert_eq!(api.number(&bin), 10);
        assert_eq!(ada.get(&format!("Leads/{}", leads[5])).status, 204);
    }

    pub(super) fn a_view_is_narrowed_by_a_territory(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        assign(&api, &ada, &leads[0], "Iberia");
        assign(&api, &ada, &leads[1], "Europe");
        let narrowed = |include_child: bool| {
            json!({
                "cvid": api.view("Leads", "All Leads"),
                "territory": { "id": api.territory("Europe"), "include_child": include_child },
            })
        };
        let job = schedule(&ada, "Leads", &narrowed(false));
        api.run_jobs();
        assert_eq!(status(&ada, "Leads", &job), counts("COMPLETED", [0, 1, 1]));
        assert_eq!(ada.get(&format!("Leads/{}", leads[1])).status, 204);
        let job = schedule(&ada, "Leads", &narrowed(true));
        api.run_jobs();
        assert_eq!(status(&ada, "Leads", &job), counts("COMPLETED", [0, 1, 1]));
        assert_eq!(ada.record("Leads", &leads[2])["id"], leads[2].as_str());
    }

    pub(super) fn a_territory_beside_ids_means_nothing(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let territory = json!({ "id": api.territory("Europe"), "include_child": true });
        let body = json!({ "ids": [lead], "territory": territory });
        let items = json!({ "data": [deleted(&lead)] });
        ada.post(PATH, &body).is(200, &items);
    }

    pub(super) fn a_job_has_no_count_of_what_is_not_deleted_yet(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(5);
        let job = schedule(&ada, "Leads", &all_leads(&api));
        let mut worker = api.worker().with_chunks_of(2);
        let mut told = Vec::new();
        while let Step::Claimed(_) | Step::Ran(..) = worker.step() {
            told.push(status(&ada, "Leads", &job));
        }
        let wanted = [
            counts("RUNNING", [0, 0, 5]),
            counts("RUNNING", [0, 2, 5]),
            counts("RUNNING", [0, 4, 5]),
            counts("COMPLETED", [0, 5, 5]),
        ];
        assert_eq!(told, wanted);
    }

    pub(super) fn a_job_in_which_every_record_fails_has_failed(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        ada.lock("Leads", &lead);
        let job = schedule(&ada, "Leads", &all_leads(&api));
        api.run_jobs();
        assert_eq!(status(&ada, "Leads", &job), counts("FAILED", [1, 0, 1]));
    }

    pub(super) fn records_that_changed_before_their_turn_are_judged_as_they_are(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        let job = schedule(
            &ada,
            "Leads",
            &json!({ "cvid": api.view("Leads", "Open Leads") }),
        );
        let junk = json!({ "data": [{ "Lead_Status": "Junk Lead" }] });
        assert_eq!(ada.put(&format!("Leads/{}", leads[0]), &junk).status, 200);
        assert_eq!(ada.delete(&format!("Leads/{}", leads[1])).status, 200);
        ada.lock("Leads", &leads[2]);
        api.run_jobs();
        assert_eq!(status(&ada, "Leads", &job), counts("COMPLETED", [3, 1, 4]));
        let codes = api.rows("job_outcomes", &["seq", "code"]);
        let wanted = ["0 | LEFT_SELECTION", "1 | GONE", "2 | RECORD_LOCKED"];
        assert_eq!(codes, wanted.map(|row| format!("job_outcomes: {row}")));
    }

    pub(super) fn one_job_a_module_and_then_the_next(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        ada.make("Accounts", &[json!({ "Account_Name": "A" })]);
        let open = json!({ "cvid": api.view("Leads", "Open Leads") });
        schedule(&ada, "Leads", &open);
        // Another view of the same module has to wait, another module has not.
        let reply = api.unchanged_by(|| ada.post(PATH, &all_leads(&api)));
        assert_eq!(reply.json()["code"], "ALREADY_SCHEDULED");
        let accounts = json!({ "cvid": api.view("Accounts", "All Accounts") });
        schedule(&ada, "Accounts", &accounts);
        // Nor has a mass update of the same view.
        ada.schedule(&json!({ "data": [{ "City": "Faro" }], "cvid": open["cvid"] }));
        api.run_jobs();
        ada.make_leads(1);
        schedule(&ada, "Leads", &open);
    }

    pub(super) fn activities_go_along_with_what_they_are_about(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let (account, about) = account_with_tasks(&ada, 2);
        let (other, of_other) = account_with_tasks(&ada, 1);
        let contact = json!({ "Last_Name": "Reis", "Account_Name": { "id": account } });
        let contact = ada.make("Contacts", &[contact]).remove(0);
        let tasks = [
            json!({ "Subject": "With both", "What_Id": { "id": other }, "Who_Id": { "id": contact } }),
            json!({ "Subject": "With the contact", "Who_Id": { "id": contact } }),
            json!({ "Subject": "With nobody" }),
        ];
        let tasks = ada.make("Tasks", &tasks);
        let body = json!({ "ids": [account] });
        let reply = ada.post("Accounts/actions/mass_delete", &body);
        reply.is(200, &json!({ "data": [deleted(&account)] }));
        let gone = |id: &str| ada.get(&format!("Tasks/{id}")).status == 204;
        assert!(about.iter().all(|id| gone(id)));
        // Contacts and deals are nobody's, and other accounts' tasks stay.
        assert_eq!(ada.record("Contacts", &contact)["id"], contact.as_str());
        assert!(!gone(&of_other[0]) && tasks.iter().all(|id| !gone(id)));
        let rows = format!(
            "SELECT count(*) FROM deleted_records d JOIN changes c
             ON c.record = d.record AND c.rev = d.rev AND c.job = d.job
             WHERE d.root = {account} AND c.cause = 'parent' AND c.kind = 'delete'"
        );
        assert_eq!(api.number(&rows), 2);
        // What names an account too belongs to that; the contact takes along only its own.
        assert_eq!(ada.delete(&format!("Contacts/{contact}")).status, 200);
        assert!(!gone(&tasks[0]) && gone(&tasks[1]) && !gone(&tasks[2]));
    }

    pub(super) fn an_activity_whose_first_lookup_names_a_deleted_record_is_about_the_second(
        kind: Kind,
    ) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let (account, _) = account_with_tasks(&ada, 0);
        let contact = ada.make("Contacts", &[json!({ "Last_Name": "Reis" })]);
        let about = json!({
            "Subject": "T", "What_Id": { "id": account }, "Who_Id": { "id": contact[0] },
        });
        let task = ada.make("Tasks", &[about]);
        let path = format!("Tasks/{}", task[0]);
        assert_eq!(ada.delete(&path).status, 200);
        assert_eq!(ada.delete(&format!("Accounts/{account}")).status, 200);
        assert_eq!(restore(&ada, &task).status, 200);
        let read = ada.record("Tasks", &task[0]);
        assert_eq!(read["What_Id"], Json::Null);
        assert_eq!(read["Who_Id"]["id"], contact[0].as_str());
        let gone = ada.delete(&format!("Contacts/{}", contact[0]));
        assert_eq!((gone.status, ada.get(&path).status), (200, 204));
        // It comes back with the contact, and is the account's again when that is back.
        assert_eq!(restore(&ada, &contact).status, 200);
        assert_eq!(restore(&ada, std::slice::from_ref(&account)).status, 200);
        assert_eq!(
            ada.record("Tasks", &task[0])["What_Id"]["id"],
            account.as_str()
        );
        let gone = ada.delete(&format!("Contacts/{}", contact[0]));
        assert_eq!((gone.status, ada.get(&path).status), (200, 200));
        let gone = ada.delete(&format!("Accounts/{account}"));
        assert_eq!((gone.status, ada.get(&path).status), (200, 204));
    }

    pub(super) fn an_activity_that_is_held_keeps_its_record(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let (account, tasks) = account_with_tasks(&ada, 3);
        let lock = ada.lock("Tasks", &tasks[1]);
        let text = "an activity that would go along with the record may not be changed now";
        let reason = format!("Tasks {}: RECORD_LOCKED", tasks[1]);
        let refused = error(
            "CANNOT_PERFORM_ACTION",
            text,
            &json!({ "id": account, "reason": reason }),
        );
        let items = json!({ "data": [refused] });
        let before = api.record_tables();
        let body = json!({ "ids": [account] });
        ada.post("Accounts/actions/mass_delete", &body)
            .is(400, &items);
        ada.delete(&format!("Accounts/{account}")).is(400, &items);
        assert_eq!(api.record_tables(), before);
        let path = format!("Tasks/{}/Locking_Information__s/{lock}", tasks[1]);
        assert_eq!(ada.delete(&path).status, 200);
        assert_eq!(ada.delete(&format!("Accounts/{account}")).status, 200);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 0);
    }

    pub(super) fn a_record_with_too_many_activities_is_kept(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let (account, _) = account_with_tasks(&ada, 1);
        let max = i64::try_from(ALONG_PER_RECORD_MAX).unwrap();
        seed_tasks(&api, 1_000_000, max, &account);
        let text = "more than 1000 activities belong to the record and would go along with it: \
                    delete or move some of them first";
        let details = json!({ "id": account, "limit": 1000 });
        let items = json!({ "data": [error("LIMIT_EXCEEDED", text, &details)] });
        let path = format!("Accounts/{account}");
        ada.delete(&path).is(400, &items);
        assert_eq!(ada.delete("Tasks/1000000").status, 200);
        assert_eq!(ada.delete(&path).status, 200);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 0);
    }

    pub(super) fn what_an_immediate_call_cannot_reach_is_left(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let accounts: Vec<Json> = (0..7)
            .map(|n| json!({ "Account_Name": n.to_string() }))
            .collect();
        let accounts = ada.make("Accounts", &accounts);
        for (n, account) in (1..).zip(&accounts) {
            seed_tasks(&api, n * 1_000_000, 900, account);
        }
        // The fifth fills the transaction.
        let reply = ada.delete(&format!("Accounts?ids={}", accounts.join(",")));
        let mut codes = vec!["SUCCESS"; 5];
        codes.extend(["LIMIT_EXCEEDED"; 2]);
        assert_eq!(
            (reply.status, reply.codes()),
            (200, codes.iter().map(|c| (*c).to_owned()).collect())
        );
        let text = "the records before this one took too many others along: ask for this one again";
        let left = error("LIMIT_EXCEEDED", text, &json!({ "id": accounts[6] }));
        assert_eq!(reply.items()[6], left);
        let reply = ada.post(
            "Accounts/actions/mass_delete",
            &json!({ "ids": accounts[5..] }),
        );
        assert_eq!(reply.codes(), ["SUCCESS"; 2]);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 0);
    }

    pub(super) fn what_is_refused_anyway_takes_nothing_along(kind: Kind) {
        let api = Api::start_demo(kind);
        api.make_private("Accounts");
        let (ada, joana) = (api.caller("admin"), api.caller("joana"));
        let account = json!({ "Account_Name": "A" });
        // Together these have more activities than one call may take along.
        let mut ids = ada.make("Accounts", &vec![account.clone(); 6]);
        ids.extend(joana.make("Accounts", &[account.clone(), account]));
        for (n, id) in (1..).zip(&ids) {
            seed_tasks(&api, n * 1_000_000, 900, id);
        }
        joana.lock("Accounts", &ids[6]);
        ids.insert(0, "5".to_owned());
        let unknown =
            |id: &String| error("INVALID_DATA", "record not deleted", &json!({ "id": id }));
        let refused: Vec<Json> = ids[..7].iter().map(unknown).collect();
        let (some, all) = (ids[..7].join(","), ids.join(","));
        let reply = joana.delete(&format!("Accounts?ids={some}"));
        reply.is(400, &json!({ "data": refused }));
        let reply = joana.delete(&format!("Accounts?ids={all}"));
        assert_eq!(reply.items()[..7], refused);
        assert_eq!(reply.codes()[7..], ["RECORD_LOCKED", "SUCCESS"]);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 7 * 900);
    }

    pub(super) fn a_job_goes_on_where_a_chunk_had_taken_enough_along(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let accounts: Vec<Json> = (0..7)
            .map(|n| json!({ "Account_Name": n.to_string() }))
            .collect();
        let accounts = ada.make("Accounts", &accounts);
        for (n, account) in (1..).zip(&accounts) {
            seed_tasks(&api, n * 1_000_000, 900, account);
        }
        let cvid = json!({ "cvid": api.view("Accounts", "All Accounts") });
        let job = schedule(&ada, "Accounts", &cvid);
        let steps = api.run_jobs();
        let chunks = steps.iter().filter(|step| matches!(step, Step::Ran(..)));
        assert_eq!(chunks.count(), 2);
        assert_eq!(
            status(&ada, "Accounts", &job),
            counts("COMPLETED", [0, 7, 7])
        );
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 0);
        assert_eq!(
            api.number("SELECT count(*) FROM deleted_records"),
            7 + 6_300
        );
    }

    pub(super) fn a_lookup_of_a_deleted_record_reads_as_empty(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let (account, _) = account_with_tasks(&ada, 0);
        let contact = json!({ "Last_Name": "Reis", "Account_Name": { "id": account } });
        let contact = ada.make("Contacts", &[contact]).remove(0);
        let shown = json!({ "name": "Alder", "id": account });
        assert_eq!(ada.record("Contacts", &contact)["Account_Name"], shown);
        assert_eq!(ada.delete(&format!("Accounts/{account}")).status, 200);
        let read = ada.record("Contacts", &contact);
        assert_eq!(read["Account_Name"], Json::Null);
        // Nobody changed the contact, and it can still be changed.
        assert_eq!(read["Modified_Time"], read["Created_Time"]);
        let change = json!({ "data": [{ "Last_Name": "Reis Lima" }] });
        assert_eq!(ada.put(&format!("Contacts/{contact}"), &change).status, 200);
        // Nor can a lookup be pointed at it.
        let change = json!({ "data": [{ "Account_Name": { "id": account } }] });
        assert_eq!(ada.put(&format!("Contacts/{contact}"), &change).status, 400);
    }

    pub(super) fn chunks_of_any_size_leave_equal_tables(kind: Kind) {
        let left_by = |size: usize| {
            let api = Api::start_demo(kind);
            let ada = api.caller("admin");
            let accounts: Vec<Json> = (0..20)
                .map(|n| json!({ "Account_Name": format!("Account {n}") }))
                .collect();
            let accounts = ada.make("Accounts", &accounts);
            let tasks: Vec<Json> = (0..40)
                .map(|n| json!({ "Subject": "T", "What_Id": { "id": accounts[n % 15] } }))
                .collect();
            let tasks = ada.make("Tasks", &tasks);
            ada.lock("Tasks", &tasks[3]);
            ada.lock("Accounts", &accounts[16]);
            api.clock.advance_ms(1_000);
            let cvid = json!({ "cvid": api.view("Accounts", "All Accounts") });
            let job = schedule(&ada, "Accounts", &cvid);
            crate::demo::run(api.worker().with_chunks_of(size));
            assert_eq!(
                status(&ada, "Accounts", &job),
                counts("COMPLETED", [2, 18, 20])
            );
            api.record_tables()
        };
        let whole = left_by(1_000);
        assert_eq!(left_by(1), whole);
        assert_eq!(left_by(7), whole);
    }
}
