//! `/swathe/v1/jobs/{id}/outcomes`: what became of every record of a job, in every form.

use crate::api::{Api, Reply};
use crate::demo::{Caller, run};
use crate::streams;
use serde_json::{Value as Json, json};
use server::stream::Streams;
use server::{App, router};
use store::Priority;
use testkit::{Kind, each_db};

each_db! {
    every_record_of_a_job_has_its_outcome_with_before_and_after,
    what_changed_later_is_not_what_the_job_left,
    a_deletion_is_told_with_all_that_went,
    a_deletion_is_told_in_smaller_pieces_than_a_change,
    a_change_in_part_tells_both,
    the_targets_of_a_plan_have_their_outcomes,
    outcomes_are_narrowed_by_word_and_code,
    a_list_goes_on_while_the_job_runs_and_ends_with_it,
    a_failed_job_says_what_was_not_run,
    few_outcomes_among_many_places_come_in_bounded_reads,
    the_whole_list_comes_as_csv_and_as_lines,
    a_spreadsheet_runs_nothing_of_it,
    what_an_old_job_left_is_told_whole_or_not_at_all,
    a_wrong_question_is_refused,
}

/// Asks for the outcomes of a job, for everything that the token may.
pub(crate) fn get(api: &Api, who: &str, job: &str, query: &str) -> Reply {
    let token = api.token(api.user(who), "swathe.jobs.READ,ZohoCRM.modules.READ");
    let path = format!("/swathe/v1/jobs/{job}/outcomes{query}");
    api.call("GET", &path, &token)
}

/// All outcomes, page by page.
pub(crate) fn all(api: &Api, who: &str, job: &str, query: &str) -> Vec<Json> {
    let mut items = Vec::new();
    let mut page = String::new();
    for _ in 0..100 {
        let mark = if query.is_empty() { "?" } else { "&" };
        let reply = get(api, who, job, &format!("{query}{mark}{page}"));
        assert_eq!(reply.status, 200, "{}", reply.text);
        items.extend(reply.items());
        match reply.json()["next_page_token"].as_str() {
            Some(token) => page = format!("page_token={token}"),
            None => return items,
        }
    }
    panic!("the pages do not end");
}

/// The ids and words of outcomes.
fn words(items: &[Json]) -> Vec<(String, String)> {
    let text = |item: &Json, key: &str| item[key].as_str().unwrap().to_owned();
    let word = |item: &Json| (text(item, "record"), text(item, "outcome"));
    items.iter().map(word).collect()
}

fn put(ada: &Caller<'_>, id: &str, values: Json) {
    let reply = ada.put(&format!("Leads/{id}"), &json!({ "data": [values] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

pub(crate) fn schedule(api: &Api, caller: &Caller<'_>, data: Json) -> String {
    caller.schedule(&json!({ "data": [data], "cvid": api.view("Leads", "All Leads") }))
}

/// How many lines each piece of a job's list has.
fn pieces(api: &Api, job: &str) -> Vec<usize> {
    let token = api.token(api.user("admin"), "swathe.jobs.READ,ZohoCRM.modules.READ");
    let path = format!("/swathe/v1/jobs/{job}/outcomes?format=ndjson");
    let answer = streams::rest(streams::ask(api, &path, &token));
    let mut rest = answer.split_once("\r\n\r\n").unwrap().1;
    let mut lines = Vec::new();
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let (piece, after) = after.split_at(usize::from_str_radix(size, 16).unwrap());
        if piece.is_empty() {
            return lines;
        }
        lines.push(piece.lines().count());
        rest = after.strip_prefix("\r\n").unwrap();
    }
}

fn cancel(api: &Api, job: &str) {
    let id = model::id::JobId::parse(job).unwrap();
    let now = model::time::Clock::now(api.clock.as_ref());
    let done = api.db.write(Priority::Interactive, |tx| {
        jobs::control::cancel(tx, id, now)
    });
    done.unwrap();
}

mod check {
    use super::*;

    pub(super) fn every_record_of_a_job_has_its_outcome_with_before_and_after(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        ada.lock("Leads", &leads[0]);
        put(&ada, &leads[1], json!({ "Lead_Source": "Trade Show" }));
        put(&ada, &leads[2], json!({ "Lead_Source": "Web" }));
        let job = schedule(&api, &ada, json!({ "Lead_Source": "Trade Show" }));
        api.clock.advance_ms(60_000);
        api.run_jobs();
        let told = all(&api, "admin", &job, "");
        let at = "2024-01-01T00:01:00Z";
        assert_eq!(
            told,
            [
                json!({ "record": leads[0], "name": "Lead 0", "outcome": "failed",
                    "code": "RECORD_LOCKED", "message": told[0]["message"],
                    "before": null, "after": null, "at": at }),
                json!({ "record": leads[1], "name": "Lead 1", "outcome": "unchanged",
                    "code": null, "message": null, "before": null, "after": null, "at": at }),
                json!({ "record": leads[2], "name": "Lead 2", "outcome": "changed",
                    "code": null, "message": null, "before": { "Lead_Source": "Web" },
                    "after": { "Lead_Source": "Trade Show" }, "at": at }),
                json!({ "record": leads[3], "name": "Lead 3", "outcome": "changed",
                    "code": null, "message": null, "before": { "Lead_Source": null },
                    "after": { "Lead_Source": "Trade Show" }, "at": at }),
            ]
        );
        assert!(told[0]["message"].as_str().unwrap().contains("lock"));
    }

    pub(super) fn what_changed_later_is_not_what_the_job_left(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        api.run_jobs();
        put(&ada, &leads[0], json!({ "City": "Oslo" }));
        put(&ada, &leads[0], json!({ "City": "Bergen" }));
        put(&ada, &leads[1], json!({ "Lead_Source": "Web" }));
        put(&ada, &leads[2], json!({ "City": "Lagos" }));
        for id in &leads[2..] {
            assert_eq!(ada.delete(&format!("Leads/{id}")).status, 200);
        }
        let told = all(&api, "admin", &job, "");
        for (n, one) in told.iter().enumerate() {
            assert_eq!(one["name"], format!("Lead {n}"), "{one}");
            assert_eq!(one["before"], json!({ "City": null }), "{one}");
            assert_eq!(one["after"], json!({ "City": "Faro" }), "{one}");
        }
        // Who may not look into the bin, or nobody any more, is told no more than the outcome.
        let path = format!("settings/recycle_bin/{}", leads[3]);
        assert_eq!(ada.delete(&path).status, 200);
        let told = all(&api, "admin", &job, "");
        assert_eq!(
            (&told[3]["outcome"], &told[3]["name"], &told[3]["after"]),
            (&json!("changed"), &Json::Null, &Json::Null)
        );
        assert_eq!(told[2]["name"], "Lead 2");
    }

    pub(super) fn a_deletion_is_told_with_all_that_went(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make(
            "Leads",
            &[json!({ "Last_Name": "A", "City": "Faro", "Score": 7 })],
        );
        let body = json!({ "cvid": api.view("Leads", "All Leads") });
        let reply = ada.post("Leads/actions/mass_delete", &body);
        let job = reply.items()[0]["details"]["job_id"]
            .as_str()
            .unwrap()
            .to_owned();
        api.run_jobs();
        let told = all(&api, "admin", &job, "");
        assert_eq!(words(&told), [(leads[0].clone(), "changed".to_owned())]);
        assert_eq!(
            (&told[0]["name"], &told[0]["after"]),
            (&json!("A"), &Json::Null)
        );
        let before = &told[0]["before"];
        assert_eq!(
            (&before["City"], &before["Score"]),
            (&json!("Faro"), &json!(7))
        );
        let owner = before["Owner"].as_str().unwrap();
        assert!(owner.starts_with("admin@"), "{owner}");
        // It came back: what the job took is the same.
        let path = format!("settings/recycle_bin/{}/actions/restore", leads[0]);
        assert_eq!(ada.post(&path, &json!({})).status, 200);
        assert_eq!(all(&api, "admin", &job, ""), told);
        let csv = get(&api, "admin", &job, "?format=csv").text;
        let header = csv.lines().next().unwrap();
        assert!(
            header.contains("before.City") && !header.contains("after."),
            "{header}"
        );
    }

    pub(super) fn a_deletion_is_told_in_smaller_pieces_than_a_change(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(110);
        let changed = schedule(&api, &ada, json!({ "City": "Faro" }));
        api.run_jobs();
        let body = json!({ "cvid": api.view("Leads", "All Leads") });
        let reply = ada.post("Leads/actions/mass_delete", &body);
        let deleted = reply.items()[0]["details"]["job_id"].clone();
        let deleted = deleted.as_str().unwrap();
        api.run_jobs();
        assert_eq!(pieces(&api, &changed), [110]);
        assert_eq!(pieces(&api, deleted), [50, 50, 10]);
    }

    pub(super) fn a_change_in_part_tells_both(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(1);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        api.run_jobs();
        api.execute(&format!(
            "INSERT INTO job_outcomes (job, seq, record, outcome, code, message, details)
             VALUES ({job}, 0, {}, 'changed', 'CHANGED_SINCE', 'a part was left', '{{}}')",
            leads[0]
        ));
        for query in ["", "?outcome=changed", "?code=CHANGED_SINCE"] {
            let told = all(&api, "admin", &job, query);
            assert_eq!(told.len(), 1, "{query}");
            assert_eq!(told[0]["outcome"], "changed");
            assert_eq!(told[0]["code"], "CHANGED_SINCE");
            assert_eq!(told[0]["message"], "a part was left");
            assert_eq!(told[0]["after"], json!({ "City": "Faro" }));
        }
        assert!(all(&api, "admin", &job, "?outcome=failed").is_empty());
    }

    pub(super) fn the_targets_of_a_plan_have_their_outcomes(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        ada.lock("Leads", &leads[1]);
        let scopes = "swathe.jobs.ALL,ZohoCRM.mass_update.ALL,ZohoCRM.modules.ALL";
        let token = api.token(api.user("admin"), scopes);
        let made = |path: &str, body: Json| {
            let reply = api.call_with("POST", path, &token, body.to_string().as_bytes());
            assert!([201, 202].contains(&reply.status), "{}", reply.text);
            reply.json()["id"].as_str().unwrap().to_owned()
        };
        let plan = made(
            "/swathe/v1/plans",
            json!({ "action": "update", "module": "Leads",
                "selection": { "view": "All Leads" },
                "change": { "fields": { "City": "Faro" } } }),
        );
        let job = made("/swathe/v1/jobs", json!({ "plan": plan }));
        let under = format!("SELECT count(*) FROM job_targets WHERE job = {plan}");
        assert_eq!(api.number(&under), 3);
        api.run_jobs();
        let told = all(&api, "admin", &job, "");
        let wanted = ["changed", "failed", "changed"];
        let wanted = leads.iter().cloned().zip(wanted.map(str::to_owned));
        assert_eq!(words(&told), wanted.collect::<Vec<_>>());
        assert_eq!(all(&api, "admin", &job, "?outcome=failed"), told[1..2]);
        assert_eq!(
            get(&api, "admin", &job, "?format=csv").text.lines().count(),
            4
        );
    }

    pub(super) fn outcomes_are_narrowed_by_word_and_code(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(500);
        for n in [7, 450] {
            ada.lock("Leads", &leads[n]);
        }
        put(&ada, &leads[9], json!({ "City": "Faro" }));
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        assert_eq!(ada.delete(&format!("Leads/{}", leads[11])).status, 200);
        api.run_jobs();
        let first = get(&api, "admin", &job, "").json();
        assert_eq!(first["data"].as_array().unwrap().len(), 200);
        let every = all(&api, "admin", &job, "");
        let ids: Vec<&str> = every
            .iter()
            .map(|one| one["record"].as_str().unwrap())
            .collect();
        assert_eq!(ids, leads);
        let of = |query: &str| words(&all(&api, "admin", &job, query));
        let failed = |n: usize| (leads[n].clone(), "failed".to_owned());
        assert_eq!(of("?outcome=failed"), [failed(7), failed(11), failed(450)]);
        assert_eq!(of("?code=RECORD_LOCKED"), [failed(7), failed(450)]);
        assert_eq!(of("?outcome=failed&code=GONE"), [failed(11)]);
        assert_eq!(
            of("?outcome=unchanged"),
            [(leads[9].clone(), "unchanged".to_owned())]
        );
        let changed = of("?outcome=changed");
        assert_eq!(changed.len(), 496);
        assert!(changed.iter().all(|(_, word)| word == "changed"));
        for query in [
            "?outcome=cancelled",
            "?outcome=not_run",
            "?outcome=unchanged&code=GONE",
            "?code=DUPLICATE_DATA",
        ] {
            assert_eq!(of(query), [], "{query}");
        }
    }

    pub(super) fn a_list_goes_on_while_the_job_runs_and_ends_with_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(5);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        let of = |query: &str| words(&all(&api, "admin", &job, query));
        assert_eq!(of(""), []);
        let mut worker = api.worker().with_chunks_of(2);
        worker.step();
        worker.step();
        let pair = |n: usize, word: &str| (leads[n].clone(), word.to_owned());
        let so_far = [pair(0, "changed"), pair(1, "changed")];
        assert_eq!(of(""), so_far);
        assert_eq!(of("?outcome=changed"), so_far);
        assert_eq!(
            get(&api, "admin", &job, "?format=ndjson")
                .text
                .lines()
                .count(),
            2
        );
        cancel(&api, &job);
        run(worker);
        let rest = [
            pair(2, "cancelled"),
            pair(3, "cancelled"),
            pair(4, "cancelled"),
        ];
        assert_eq!(of("?outcome=cancelled"), rest);
        assert_eq!(of("?outcome=not_run"), []);
        assert_eq!(of(""), [so_far.to_vec(), rest.to_vec()].concat());
        let told = all(&api, "admin", &job, "?outcome=cancelled");
        assert_eq!(
            (&told[0]["name"], &told[0]["at"]),
            (&json!("Lead 2"), &Json::Null)
        );
    }

    pub(super) fn a_failed_job_says_what_was_not_run(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        api.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            let leads = modules.find(|module| module.api_name == "Leads").unwrap();
            leads.fields.retain(|field| field.api_name != "City");
        });
        api.run_jobs();
        let told = all(&api, "admin", &job, "");
        assert!(
            words(&told).iter().all(|(_, word)| word == "not_run"),
            "{told:?}"
        );
        assert_eq!(told.len(), leads.len());
        assert_eq!(all(&api, "admin", &job, "?outcome=not_run"), told);
    }

    pub(super) fn few_outcomes_among_many_places_come_in_bounded_reads(kind: Kind) {
        let streams = Streams::default();
        let streams_too = streams.clone();
        let api = Api::with(kind, |app| {
            router(App {
                streams: streams_too,
                ..app
            })
        });
        api.apply_demo();
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        api.run_jobs();
        // As if it had gone through so many that are gone since, and one at the end.
        let places = 210_000;
        api.execute(&format!(
            "INSERT INTO job_targets (job, seq, record, rev)
             WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {places})
             SELECT {job}, x, {lead} + x, 1 FROM n"
        ));
        api.execute(&format!(
            "INSERT INTO job_outcomes (job, seq, record, outcome, code, message, details)
             VALUES ({job}, {places}, {lead} + {places}, 'failed', 'GONE', 'gone', '{{}}')"
        ));
        let total = places + 1;
        api.execute(&format!(
            "UPDATE jobs SET total = {total}, cursor = {total}, changed = {places}, failed = 1
             WHERE id = {job}"
        ));
        let first = get(&api, "admin", &job, "?outcome=failed").json();
        assert_eq!(first["data"], json!([]));
        assert_eq!(first["next_page_token"], "200000");
        let found = all(&api, "admin", &job, "?outcome=failed");
        assert_eq!(found.len(), 1);
        let lines = get(&api, "admin", &job, "?outcome=failed&format=ndjson");
        assert_eq!(lines.text.lines().count(), 1);
        // A server that stops does not take the places without one for the end of the list.
        streams.stop();
        let last = get(&api, "admin", &job, "?outcome=failed&format=ndjson");
        assert_eq!(last.text, lines.text);
    }

    pub(super) fn the_whole_list_comes_as_csv_and_as_lines(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(1_100);
        ada.lock("Leads", &leads[1]);
        let data = json!({ "Lead_Source": "Trade Show" });
        let job = schedule(&api, &ada, data);
        api.run_jobs();
        let token = api.token(api.user("admin"), "swathe.jobs.READ,ZohoCRM.modules.READ");
        let auth = format!("Bearer {token}");
        let path = format!("/swathe/v1/jobs/{job}/outcomes");
        let by = |accept: &str| {
            let headers = [("Authorization", auth.as_str()), ("Accept", accept)];
            api.send("GET", &path, &headers, b"")
        };
        let csv = by("text/csv");
        let kind = Some("text/csv;charset=UTF-8;header=present");
        assert_eq!(csv.header("content-type"), kind);
        let name = format!("attachment; filename=\"job-{job}-outcomes.csv\"");
        assert_eq!(csv.header("content-disposition"), Some(name.as_str()));
        let rows: Vec<&str> = csv.text.split_terminator("\r\n").collect();
        assert_eq!(
            rows[0],
            "record,name,outcome,code,message,at,before.Lead_Source,after.Lead_Source"
        );
        assert_eq!(rows.len(), 1 + leads.len());
        let at = "2024-01-01T00:00:00Z";
        let first = format!("{},Lead 0,changed,\"\",\"\",{at},\"\",Trade Show", leads[0]);
        assert_eq!(rows[1], first);
        let second = format!("{},Lead 1,failed,RECORD_LOCKED,", leads[1]);
        assert!(rows[2].starts_with(&second), "{}", rows[2]);
        let lines = by("application/x-ndjson");
        let kind = Some("application/x-ndjson;charset=UTF-8");
        assert_eq!(lines.header("content-type"), kind);
        let parsed = lines
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let parsed: Vec<Json> = parsed.collect();
        assert_eq!(parsed, all(&api, "admin", &job, ""));
        assert_eq!(get(&api, "admin", &job, "?format=csv").text, csv.text);
        let failed = get(&api, "admin", &job, "?format=csv&outcome=failed").text;
        assert_eq!(failed.lines().count(), 2);
    }

    pub(super) fn a_spreadsheet_runs_nothing_of_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let evil = "=HYPERLINK(\"http://evil\",\"x\")";
        ada.make(
            "Leads",
            &[json!({ "Last_Name": evil, "City": "@SUM(1)", "Score": -5 })],
        );
        let job = schedule(&api, &ada, json!({ "City": "-2+3" }));
        api.run_jobs();
        let csv = get(&api, "admin", &job, "?format=csv").text;
        let row = csv.lines().nth(1).unwrap();
        assert!(
            row.contains(",\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\","),
            "{row}"
        );
        assert!(row.ends_with(",'@SUM(1),'-2+3"), "{row}");
        // Machines get it as it is.
        let line = get(&api, "admin", &job, "?format=ndjson").text;
        let line: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(line["before"]["City"], "@SUM(1)");
        // A number is a number, also below zero.
        let job = schedule(&api, &ada, json!({ "Score": -7 }));
        api.run_jobs();
        let csv = get(&api, "admin", &job, "?format=csv").text;
        assert!(csv.trim_end().ends_with(",-5,-7"), "{csv}");
    }

    pub(super) fn what_an_old_job_left_is_told_whole_or_not_at_all(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        api.run_jobs();
        api.execute(&format!(
            "DELETE FROM job_targets WHERE job = {job} AND seq = 0"
        ));
        for query in ["", "?format=csv", "?page_token=1"] {
            let reply = get(&api, "admin", &job, query);
            assert_eq!(
                (reply.status, reply.json()["code"].as_str()),
                (404, Some("NOT_FOUND"))
            );
        }
    }

    pub(super) fn a_wrong_question_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let job = schedule(&api, &ada, json!({ "City": "Faro" }));
        for query in [
            "?outcome=",
            "?outcome=pending",
            "?code=",
            "?code=gone",
            "?format=",
            "?format=xml",
            "?page_token=",
            "?page_token=-1",
            "?page_token=x",
            "?page_token=1&format=csv",
            "?outcom=failed",
        ] {
            let reply = get(&api, "admin", &job, query);
            let key = query.trim_start_matches('?').split('=').next().unwrap();
            let json = reply.json();
            assert_eq!(
                (
                    reply.status,
                    json["code"].as_str(),
                    &json["details"]["param_name"]
                ),
                (400, Some("INVALID_DATA"), &json!(key)),
                "{query}"
            );
        }
        for job in ["1", "x", "0"] {
            for query in ["", "?format=csv"] {
                let reply = get(&api, "admin", job, query);
                reply.is_error(404, "NOT_FOUND", "there is no such job", &json!({}));
            }
        }
    }
}
