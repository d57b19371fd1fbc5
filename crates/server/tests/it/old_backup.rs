//! A backup that a program of before the first release's schema made (`tests/backups/make.py`) is restored:
//! all that it holds is told as if this program had written it, and what was not done yet goes on.

use crate::api::{Api, Reply};
use crate::asked::Asker;
use crate::demo::Caller;
use crate::recycle_bin::{BIN, items};
use crate::undo::{came_to, job, undone};
use crate::workflow::failures;
use serde_json::{Value as Json, json};
use testkit::{Kind, backup_of_schema_4, each_db};

each_db! {
    records_are_there_with_all_that_hangs_on_them,
    what_holds_a_record_holds_it_still,
    jobs_are_told_and_can_be_undone,
    jobs_that_were_not_done_go_on,
    automation_goes_on_and_its_failures_are_told,
    a_key_and_a_client_are_known_still,
}

fn restored(kind: Kind) -> Api {
    Api::restored(kind, &backup_of_schema_4())
}

const SCOPES: &str = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.share.deals.ALL,\
    ZohoCRM.mass_update.ALL,ZohoCRM.mass_convert.leads.ALL,ZohoCRM.mass_delete.ALL,\
    swathe.jobs.ALL,swathe.org.ALL,swathe.approvals.ALL";

fn admin(api: &Api) -> Caller<'_> {
    api.caller_with("admin", SCOPES)
}

fn native(api: &Api) -> Asker<'_> {
    Asker::with(api, "admin", SCOPES)
}

/// The records of a module whose names begin so, in order.
fn named(api: &Api, module: &str, field: &str, words: &str) -> Vec<Json> {
    let criteria = format!("({field}:starts_with:{words})");
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("criteria", &criteria)
        .finish();
    let mut found = native(api)
        .get(&format!("records/{module}?{query}"))
        .items();
    found.sort_by_key(|record| record["id"].to_string());
    found
}

fn id(record: &Json) -> &str {
    record["id"].as_str().unwrap()
}

/// The jobs of an action, the oldest first.
fn jobs_of(api: &Api, action: &str) -> Vec<Json> {
    let mut jobs = native(api).get(&format!("jobs?action={action}")).items();
    jobs.reverse();
    jobs
}

fn texts<'a>(items: &'a [Json], key: &str) -> Vec<&'a str> {
    items
        .iter()
        .map(|item| item[key].as_str().unwrap())
        .collect()
}

/// Takes the throttle from a job, so that it can be done while the clock stands still.
fn unthrottle(api: &Api, job: &str) {
    let token = crate::undo::token(api, "admin");
    let path = format!("/swathe/v1/jobs/{job}");
    let reply = api.call_with("PATCH", &path, &token, b"{\"throttle\":null}");
    assert_eq!(reply.status, 200, "{}", reply.text);
}

mod check {
    use super::*;

    pub(super) fn records_are_there_with_all_that_hangs_on_them(kind: Kind) {
        let api = restored(kind);
        let ada = admin(&api);
        let kept = named(&api, "Leads", "Last_Name", "Kept");
        assert_eq!(kept.len(), 4);
        let path = |rest: &str| format!("Leads/{}/{rest}", id(&kept[0]));
        let lead = ada.record("Leads", id(&kept[0]));
        let tags = lead["Tag"].as_array().unwrap();
        assert_eq!(texts(tags, "name"), ["Fair", "Spring"]);
        let notes = ada.get(&path("Notes?fields=Note_Content")).items();
        assert_eq!(texts(&notes, "Note_Content"), ["Ring after six"]);
        let files = ada.get(&path("Attachments?fields=File_Name")).items();
        let file = files.iter().find(|file| file["File_Name"] == "offer.txt");
        assert_eq!(files.len(), 2, "the other is a link");
        let content = ada.get(&path(&format!("Attachments/{}", id(file.unwrap()))));
        assert_eq!(content.text, "Two pumps, one price.\n");
        let count = |sql: &str| api.number(&format!("SELECT count(*) FROM {sql}"));
        assert_eq!(count("record_territories"), 1);
        let deals = named(&api, "Deals", "Deal_Name", "Shared");
        let shares = ada
            .get(&format!("Deals/{}/actions/share", id(&deals[0])))
            .json();
        assert_eq!(shares["share"][0]["permission"], "read_write");

        // Of three leads that were deleted one was restored; what it was then is told.
        let mut bin = items(&ada.get(BIN));
        bin.sort_by_key(|item| item["display_name"].to_string());
        assert_eq!(texts(&bin, "display_name"), ["Gone 1", "Gone 2"]);
        let gone = named(&api, "Leads", "Last_Name", "Gone");
        let path = format!("records/Leads/{}/timeline", id(&gone[0]));
        let changes = native(&api).get(&path).items();
        assert_eq!(texts(&changes, "kind"), ["restore", "delete", "create"]);
        let path = format!("{BIN}/{}/actions/restore", id(&bin[1]));
        assert_eq!(ada.post(&path, &json!({})).status, 200);
        assert_eq!(named(&api, "Leads", "Last_Name", "Gone").len(), 2);
    }

    pub(super) fn what_holds_a_record_holds_it_still(kind: Kind) {
        let api = restored(kind);
        let ada = admin(&api);
        let kept = named(&api, "Leads", "Last_Name", "Kept");
        let put = |record: &Json| -> Reply {
            let data = json!({ "data": [{ "City": "Faro" }] });
            ada.put(&format!("Leads/{}", id(record)), &data)
        };
        assert_eq!(put(&kept[0]).codes(), ["SUCCESS"]);
        assert_eq!(put(&kept[1]).codes(), ["RECORD_LOCKED"], "a merge");
        assert_eq!(put(&kept[2]).codes(), ["NOT_APPROVED"]);
        assert_eq!(put(&kept[3]).codes(), ["NOT_APPROVED"]);
        let open = named(&api, "Leads", "Last_Name", "Open");
        assert_eq!(put(&open[3]).codes(), ["RECORD_LOCKED"], "a lock");
        let waiting = native(&api).get("approvals?all=true").items();
        assert_eq!(texts(&waiting, "state"), ["pending"]);
        assert_eq!(waiting[0]["record"]["id"], kept[2]["id"]);
        let path = format!("records/Leads/{}/approval", id(&kept[3]));
        let told = native(&api).get(&path).json();
        assert_eq!(told["approval"]["state"], "rejected");
        assert_eq!(told["decisions"][0]["comment"], "too much");
        let path = format!("records/Leads/{}/approval/actions/approve", id(&kept[2]));
        assert_eq!(native(&api).post(&path, &json!({})).status, 200);
        assert_eq!(put(&kept[2]).codes(), ["SUCCESS"]);
        // A site that needs works has two ways on.
        let sites = named(&api, "Site_Visits", "Name", "Wet");
        let path = format!("Site_Visits/{}/actions/blueprint", id(&sites[0]));
        let blueprint = ada.get(&path).json()["blueprint"].take();
        assert_eq!(blueprint["transitions"].as_array().unwrap().len(), 2);
    }

    pub(super) fn jobs_are_told_and_can_be_undone(kind: Kind) {
        let api = restored(kind);
        let updates = jobs_of(&api, "update");
        assert_eq!(updates.len(), 6);
        let (first, planned) = (&updates[0], &updates[1]);
        unthrottle(&api, id(&updates[5]));
        assert_eq!(first["failed_by_code"], json!({ "RECORD_LOCKED": 1 }));
        let undo = &jobs_of(&api, "undo")[0];
        assert_eq!(undo["undo_of"], first["id"]);
        let plan = planned["plan"].as_str().unwrap();
        let plan = native(&api).get(&format!("plans/{plan}")).json();
        assert_eq!(
            (&plan["counts"]["change"], &plan["job"]),
            (&json!(19), &planned["id"])
        );
        let path = format!("jobs/{}/outcomes", id(first));
        let outcomes = native(&api).get(&path).items();
        assert_eq!(outcomes.len(), 20);
        assert_eq!(outcomes[0]["before"], json!({ "Lead_Source": "Cold Call" }));
        assert_eq!(outcomes[0]["after"], json!({ "Lead_Source": "Partner" }));
        assert_eq!(outcomes[3]["code"], "RECORD_LOCKED");
        came_to(&api, &undone(&api, id(planned)), [19, 0, 0]);

        // Leads that were converted, of which one gave a note, tags and a file to what it became.
        let converted = &jobs_of(&api, "convert")[0];
        let path = format!("jobs/{}/outcomes", id(converted));
        let outcomes = native(&api).get(&path).items();
        assert_eq!(outcomes[0]["converted"]["account"]["name"], "Ode 0 Ltd");
        let account = id(&outcomes[0]["converted"]["account"]);
        let files = |module: &str, record: &str| {
            let path = format!("{module}/{record}/Attachments?fields=File_Name");
            admin(&api).get(&path).status
        };
        let lead = outcomes[0]["record"].as_str().unwrap();
        assert_eq!(files("Accounts", account), 200);
        // Three leads, and the three records that each became.
        came_to(&api, &undone(&api, id(converted)), [12, 0, 0]);
        assert_eq!(files("Leads", lead), 200);
        let lead = admin(&api).record("Leads", lead);
        assert_eq!(lead["Tag"][0]["name"], "Fair");
        assert!(named(&api, "Accounts", "Account_Name", "Ode").is_empty());

        for (action, changed) in [("change_owner", 3), ("delete", 2)] {
            let jobs = jobs_of(&api, action);
            let undo = undone(&api, id(&jobs[0]));
            assert_eq!(job(&api, &undo)["counts"]["changed"], changed, "{action}");
        }
    }

    pub(super) fn jobs_that_were_not_done_go_on(kind: Kind) {
        let api = restored(kind);
        let updates = jobs_of(&api, "update");
        let [paused, later, running] = [3, 4, 5].map(|n| id(&updates[n]));
        assert_eq!(
            texts(&updates[3..], "state"),
            ["paused", "queued", "running"]
        );
        for job in [paused, running] {
            unthrottle(&api, job);
        }
        let path = format!("jobs/{paused}/actions/resume");
        assert_eq!(native(&api).post(&path, &json!({})).status, 200);
        api.run_jobs();
        for job in [paused, running] {
            came_to(&api, job, [40, 0, 0]);
            let path = format!("jobs/{job}/outcomes?outcome=changed");
            assert_eq!(native(&api).get(&path).items().len(), 40);
        }
        let notify = &job(&api, running)["notify"];
        assert_eq!(notify["state"], "waiting", "its end is told");
        assert_eq!(job(&api, later)["state"], "queued", "its time is to come");
        for (words, city) in [("Paused", "Porto"), ("Running", "Lagos")] {
            let leads = named(&api, "Leads", "Last_Name", words);
            assert_eq!(texts(&leads, "City"), [city; 40]);
        }
    }

    pub(super) fn automation_goes_on_and_its_failures_are_told(kind: Kind) {
        let api = restored(kind);
        let tasks = || named(&api, "Tasks", "Subject", "Call back").len();
        let calls = || native(&api).get("calls?state=waiting").items().len();
        assert_eq!((tasks(), calls()), (3, 3));
        // What ten leads left, before the server was killed.
        assert_eq!(api.run_events(), 10);
        assert_eq!((tasks(), calls()), (13, 13));
        let failed = native(&api).get("automation/failures").items();
        assert_eq!(texts(&failed, "code"), ["INVALID_DATA"]);
        assert_eq!(failures(&api).len(), 1);
        let leads = named(&api, "Leads", "Last_Name", "Event");
        assert_eq!(texts(&leads, "Rating"), ["Active"; 10]);
        let told = Asker::new(&api, "ines").get("outbox").items();
        assert_eq!(told.len(), 3);
    }

    pub(super) fn a_key_and_a_client_are_known_still(kind: Kind) {
        let api = restored(kind);
        let planned = &jobs_of(&api, "update")[1];
        let body = json!({ "plan": planned["plan"], "tolerance": 2 });
        let again = native(&api).post_with_key("jobs", &body, "once");
        assert_eq!((again.status, &again.json()["id"]), (202, &planned["id"]));
        let clients = native(&api).get("clients").items();
        assert_eq!(texts(&clients, "name"), ["nightly sync"]);
    }
}
