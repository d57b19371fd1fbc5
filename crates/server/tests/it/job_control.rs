//! Jobs under control: pause, resume, cancel, throttle, retry, over HTTP; and requests that are sent
//! twice.

use crate::api::{Api, Reply};
use crate::demo::{Caller, run};
use jobs::Step;
use model::people::Right;
use serde_json::{Value as Json, json};
use std::sync::Barrier;
use std::thread;
use testkit::{Kind, each_db};

each_db! {
    a_job_is_paused_and_goes_on,
    a_cancelled_job_counts_what_it_left,
    a_job_is_throttled_while_it_runs,
    a_control_that_the_state_does_not_allow_is_refused,
    others_jobs_are_out_of_reach,
    what_failed_is_retried_with_the_rights_of_who_asks,
    a_retry_asks_for_the_scope_and_the_right_of_its_action,
    a_job_in_the_way_of_a_retry_is_a_conflict,
    a_retry_fires_what_its_job_would_have_fired,
    a_failed_job_is_resumed,
    a_wrong_body_is_refused,
    a_request_that_is_sent_again_is_answered_the_same,
    a_key_is_its_senders_and_its_paths,
    a_key_is_free_after_a_day,
    a_refusal_is_not_kept,
    a_wrong_key_is_refused,
    of_two_requests_with_one_key_at_once_one_is_done,
    a_request_whose_transaction_fails_leaves_its_key_free,
}

const WRITE: &str =
    "swathe.jobs.ALL,ZohoCRM.mass_update.ALL,ZohoCRM.mass_delete.ALL,ZohoCRM.change_owner.ALL";

fn send(api: &Api, token: &str, key: Option<&str>, path: &str, body: &str) -> Reply {
    let authorization = format!("Zoho-oauthtoken {token}");
    let mut headers = vec![("Authorization", authorization.as_str())];
    headers.extend(key.map(|key| ("Idempotency-Key", key)));
    let method = if path.contains("/actions/") {
        "POST"
    } else {
        "PATCH"
    };
    let path = format!("/swathe/v1/jobs/{path}");
    api.send(method, &path, &headers, body.as_bytes())
}

fn token(api: &Api, who: &str) -> String {
    api.token(api.user(who), WRITE)
}

fn post(api: &Api, who: &str, path: &str) -> Reply {
    send(api, &token(api, who), None, path, "")
}

fn done(reply: &Reply, status: u16) -> Json {
    assert_eq!(reply.status, status, "{}", reply.text);
    reply.json()
}

fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (status, &json!(code)),
        "{}",
        reply.text
    );
}

/// Schedules a mass update of the view Open Leads.
fn schedule(api: &Api, caller: &Caller<'_>) -> String {
    caller.schedule(&json!({
        "data": [{ "City": "Faro" }], "cvid": api.view("Leads", "Open Leads"),
    }))
}

/// A finished job of the administrator over four leads, of which the first two were locked.
fn half_failed(api: &Api) -> (Vec<String>, String) {
    let ada = api.caller("admin");
    let leads = ada.make_leads(4);
    let locks: Vec<String> = leads[..2].iter().map(|id| ada.lock("Leads", id)).collect();
    let job = schedule(api, &ada);
    api.run_jobs();
    for (lead, lock) in leads.iter().zip(locks) {
        let path = format!("Leads/{lead}/Locking_Information__s/{lock}");
        assert_eq!(ada.delete(&path).status, 200);
    }
    (leads, job)
}

fn jobs_of(api: &Api) -> i64 {
    api.number("SELECT count(*) FROM jobs")
}

fn kept(api: &Api) -> i64 {
    api.number("SELECT count(*) FROM idempotency")
}

mod check {
    use super::*;

    pub(super) fn a_job_is_paused_and_goes_on(kind: Kind) {
        let (api, engine) = Api::start_demo_with_engine(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        api.seed_leads(2_000_000, 3_000);
        let job = schedule(&api, &ada);
        let paused = done(&post(&api, "admin", &format!("{job}/actions/pause")), 200);
        assert_eq!(
            (&paused["state"], &paused["paused_by"]),
            (&json!("paused"), &json!("person"))
        );
        let status = ada.status(&job);
        assert_eq!(status["Status"], "RUNNING");
        assert_eq!(
            done(&post(&api, "admin", &format!("{job}/actions/pause")), 200),
            paused
        );
        let resumed = done(&post(&api, "admin", &format!("{job}/actions/resume")), 200);
        assert_eq!(
            (&resumed["state"], &resumed["paused_by"]),
            (&json!("queued"), &Json::Null)
        );
        // The engine was woken: it does not look by itself before a second has passed.
        while ada.status(&job)["Status"] != "COMPLETED" {
            thread::yield_now();
        }
        engine.stop();
        assert_eq!(ada.status(&job)["Updated_Count"], 3_001);
    }

    pub(super) fn a_cancelled_job_counts_what_it_left(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(5);
        let job = schedule(&api, &ada);
        let mut worker = api.worker().with_chunks_of(2);
        worker.step();
        worker.step();
        let cancelled = done(&post(&api, "admin", &format!("{job}/actions/cancel")), 200);
        assert_eq!(cancelled["state"], "cancelled");
        assert_eq!(
            cancelled["counts"],
            json!({ "total": 5, "changed": 2, "unchanged": 0, "failed": 0,
                "cancelled": 3, "not_run": 0, "pending": 0 })
        );
        assert!(cancelled["finished_at"].is_string());
        assert!(run(worker).contains(&Step::Lost(job.parse().map(model::id::JobId).unwrap())));
        ada.expect_status(&job, "FAILED", [3, 2, 0, 5]);
        assert_eq!(
            done(&post(&api, "admin", &format!("{job}/actions/cancel")), 200),
            cancelled
        );
        // The view is free again.
        schedule(&api, &ada);
    }

    pub(super) fn a_job_is_throttled_while_it_runs(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(10);
        let job = schedule(&api, &ada);
        let token = token(&api, "admin");
        let throttle = |body: &str| send(&api, &token, None, &job, body);
        assert_eq!(done(&throttle(r#"{"throttle":4}"#), 200)["throttle"], 4);
        let mut worker = api.worker();
        worker.step();
        for visited in [4, 8] {
            worker.step();
            assert!(matches!(worker.step(), Step::Resting(_)));
            assert_eq!(ada.status(&job)["Updated_Count"], visited);
            api.clock.advance_ms(1_000);
        }
        assert_eq!(
            done(&throttle(r#"{"throttle":null}"#), 200)["throttle"],
            Json::Null
        );
        run(worker);
        ada.expect_status(&job, "COMPLETED", [0, 10, 0, 10]);
        refused(&throttle(r#"{"throttle":4}"#), 409, "WRONG_STATE");
        for (body, code, key) in [
            ("{}", "MANDATORY_NOT_FOUND", "throttle"),
            (r#"{"throttle":0}"#, "INVALID_DATA", "throttle"),
            (r#"{"throttle":1000001}"#, "INVALID_DATA", "throttle"),
            (r#"{"throttle":"4"}"#, "INVALID_DATA", "throttle"),
            (
                r#"{"throttle":4,"tolerance":1}"#,
                "INVALID_DATA",
                "tolerance",
            ),
        ] {
            let reply = throttle(body);
            refused(&reply, 400, code);
            assert_eq!(reply.json()["details"]["api_name"], key);
        }
    }

    pub(super) fn a_control_that_the_state_does_not_allow_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let (_, job) = half_failed(&api);
        for action in ["pause", "resume", "cancel"] {
            let reply = post(&api, "admin", &format!("{job}/actions/{action}"));
            refused(&reply, 409, "WRONG_STATE");
            assert_eq!(reply.json()["details"]["state"], "completed");
        }
        let queued = schedule(&api, &api.caller("admin"));
        refused(
            &post(&api, "admin", &format!("{queued}/actions/retry")),
            409,
            "WRONG_STATE",
        );
    }

    pub(super) fn others_jobs_are_out_of_reach(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(2);
        let job = schedule(&api, &api.caller("carla"));
        let before = api.tables();
        for action in ["pause", "resume", "cancel", "retry"] {
            let reply = post(&api, "oskar", &format!("{job}/actions/{action}"));
            reply.is_error(404, "NOT_FOUND", "there is no such job", &json!({}));
            refused(
                &post(&api, "admin", &format!("1/actions/{action}")),
                404,
                "NOT_FOUND",
            );
        }
        let reply = send(&api, &token(&api, "oskar"), None, &job, r#"{"throttle":1}"#);
        refused(&reply, 404, "NOT_FOUND");
        assert_eq!(api.tables(), before);
        done(&post(&api, "carla", &format!("{job}/actions/pause")), 200);
        done(&post(&api, "admin", &format!("{job}/actions/resume")), 200);
    }

    pub(super) fn what_failed_is_retried_with_the_rights_of_who_asks(kind: Kind) {
        let api = Api::start_demo(kind);
        let (leads, job) = half_failed(&api);
        let told = done(&post(&api, "admin", &format!("{job}/actions/retry")), 202);
        let id = told["id"].as_str().unwrap();
        assert_eq!(
            (&told["parent"], &told["retry_of"]),
            (&json!(job), &json!(job))
        );
        assert_eq!(
            (&told["action"], &told["state"]),
            (&json!("update"), &json!("queued"))
        );
        assert_eq!(told["counts"]["total"], 2);
        assert_eq!(told["request"]["change"]["fields"]["City"], "Faro");
        api.run_jobs();
        let ada = api.caller("admin");
        ada.expect_status(id, "COMPLETED", [0, 2, 0, 2]);
        for lead in &leads {
            assert_eq!(ada.record("Leads", lead)["City"], "Faro");
        }
        let sql = format!("SELECT count(*) FROM changes WHERE job = {id}");
        assert_eq!(api.number(&sql), 2);
        let nothing = post(&api, "admin", &format!("{id}/actions/retry"));
        refused(&nothing, 400, "NO_RECORDS_FOUND");

        // Carla's job fails for want of a right; the administrator retries it in their own name.
        let carla = api.caller("carla");
        let data = json!([{ "City": "Oslo" }]);
        let job = carla.schedule(&json!({ "data": data, "cvid": api.view("Leads", "Open Leads") }));
        api.change_catalog(|catalog| {
            let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
            let rights = profile.unwrap().modules.values_mut();
            rights.for_each(|rights| rights.retain(|right| *right != Right::MassUpdate));
        });
        api.run_jobs();
        refused(
            &post(&api, "carla", &format!("{job}/actions/retry")),
            403,
            "NO_PERMISSION",
        );
        let told = done(&post(&api, "admin", &format!("{job}/actions/retry")), 202);
        assert_eq!(told["actor"]["id"], api.user("admin").to_string());
        api.run_jobs();
        ada.expect_status(told["id"].as_str().unwrap(), "COMPLETED", [0, 4, 0, 4]);
    }

    pub(super) fn a_retry_asks_for_the_scope_and_the_right_of_its_action(kind: Kind) {
        let api = Api::start_demo(kind);
        let (leads, update) = half_failed(&api);
        let ada = api.caller("admin");
        ada.lock("Leads", &leads[0]);
        let ids = json!({ "ids": [leads[0]] });
        ada.post("Leads/actions/mass_delete", &ids);
        let owner = json!({ "ids": [leads[0]], "owner": { "id": api.user_id("oskar") } });
        ada.change_owner("Leads", &owner);
        let of = |kind: &str| {
            let sql = format!("SELECT MAX(id) FROM jobs WHERE kind = '{kind}'");
            api.number(&sql).to_string()
        };
        for (job, scope) in [
            (update, "ZohoCRM.mass_update.leads.UPDATE"),
            (of("mass_delete"), "ZohoCRM.mass_delete.leads.DELETE"),
            (of("change_owner"), "ZohoCRM.change_owner.CREATE"),
        ] {
            let path = format!("{job}/actions/retry");
            let with = |scopes: &str| {
                let token = api.token(api.user("admin"), scopes);
                send(&api, &token, None, &path, "")
            };
            refused(&with("swathe.jobs.WRITE"), 401, "OAUTH_SCOPE_MISMATCH");
            let wrong = format!("swathe.jobs.WRITE,{}", scope.replace("leads", "deals"));
            if wrong.contains("deals") {
                refused(&with(&wrong), 401, "OAUTH_SCOPE_MISMATCH");
            }
            refused(&with(scope), 401, "OAUTH_SCOPE_MISMATCH");
            done(&with(&format!("swathe.jobs.WRITE,{scope}")), 202);
        }
    }

    pub(super) fn a_job_in_the_way_of_a_retry_is_a_conflict(kind: Kind) {
        let api = Api::start_demo(kind);
        let (_, job) = half_failed(&api);
        let other = schedule(&api, &api.caller("admin"));
        let path = format!("{job}/actions/retry");
        let reply = post(&api, "admin", &path);
        refused(&reply, 409, "ALREADY_SCHEDULED");
        assert_eq!(reply.json()["details"]["job_id"], other);
        api.run_jobs();
        let retry = done(&post(&api, "admin", &path), 202);
        let reply = post(&api, "admin", &path);
        refused(&reply, 409, "ALREADY_SCHEDULED");
        assert_eq!(reply.json()["details"]["job_id"], retry["id"]);
    }

    pub(super) fn a_retry_fires_what_its_job_would_have_fired(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        for (extra, wanted) in [(998, "fire"), (1, "suppress")] {
            api.seed_leads(3_000_000 + extra, extra);
            let job = schedule(&api, &ada);
            done(&post(&api, "admin", &format!("{job}/actions/cancel")), 200);
            let retry = done(&post(&api, "admin", &format!("{job}/actions/retry")), 202);
            let id = retry["id"].as_str().unwrap();
            let stored = api.rows(
                &format!("(SELECT * FROM jobs WHERE id = {id}) j"),
                &["automation"],
            );
            assert!(stored[0].ends_with(wanted), "{stored:?}");
            done(&post(&api, "admin", &format!("{id}/actions/cancel")), 200);
        }
    }

    pub(super) fn a_failed_job_is_resumed(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(3);
        let carla = api.caller("carla");
        let data = json!([{ "City": "Faro" }]);
        let body = json!({ "data": data, "cvid": api.view("Leads", "Open Leads") });
        let job = carla.schedule(&body);
        let may = |right: bool| {
            api.change_catalog(|catalog| {
                let leads = catalog.module("Leads").unwrap().id;
                let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
                let rights = profile.unwrap().modules.get_mut(&leads).unwrap();
                rights.retain(|right| *right != Right::MassUpdate);
                rights.extend(right.then_some(Right::MassUpdate));
            });
        };
        may(false);
        api.run_jobs();
        let token = token(&api, "carla");
        let told = api
            .call("GET", &format!("/swathe/v1/jobs/{job}"), &token)
            .json();
        assert_eq!(
            (&told["state"], &told["counts"]["not_run"]),
            (&json!("failed"), &json!(3))
        );
        assert!(
            told["error"].as_str().unwrap().starts_with("NO_PERMISSION"),
            "{told}"
        );
        may(true);
        let other = carla.schedule(&body);
        let path = format!("{job}/actions/resume");
        let reply = post(&api, "carla", &path);
        refused(&reply, 409, "ALREADY_SCHEDULED");
        assert_eq!(reply.json()["details"]["job_id"], other);
        api.run_jobs();
        let told = done(&post(&api, "carla", &path), 200);
        assert_eq!(
            (&told["state"], &told["error"]),
            (&json!("queued"), &Json::Null)
        );
        api.run_jobs();
        carla.expect_status(&job, "COMPLETED", [0, 3, 0, 3]);
    }

    pub(super) fn a_wrong_body_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let (_, job) = half_failed(&api);
        let token = token(&api, "admin");
        for (action, body) in [
            ("pause", r#"{"until":"tomorrow"}"#),
            ("pause", "[]"),
            ("cancel", r#"{"reason":"x"}"#),
            ("retry", r#"{"ids":["1"]}"#),
            ("resume", r#"{"tolerance":-1}"#),
            ("resume", r#"{"tolerance":"many"}"#),
            ("resume", r#"{"tolerance":1.5}"#),
            ("resume", r#"{"tolerence":1}"#),
        ] {
            let reply = send(&api, &token, None, &format!("{job}/actions/{action}"), body);
            refused(&reply, 400, "INVALID_DATA");
        }
    }

    pub(super) fn a_request_that_is_sent_again_is_answered_the_same(kind: Kind) {
        let api = Api::start_demo(kind);
        let (_, job) = half_failed(&api);
        let token = token(&api, "admin");
        let path = format!("{job}/actions/retry");
        let first = send(&api, &token, Some("k1"), &path, "");
        done(&first, 202);
        assert_eq!(first.header("idempotent-replayed"), None);
        let jobs = jobs_of(&api);
        api.run_jobs();
        // Long after the retry ran, it is not retried once more.
        let again = send(&api, &token, Some("k1"), &path, "");
        assert_eq!((again.status, &again.text), (202, &first.text));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(jobs_of(&api), jobs);
        let other = send(&api, &token, Some("k1"), &path, "{}");
        refused(&other, 409, "IDEMPOTENCY_KEY_REUSED");
        // Controls, too: the second pause is the first one's answer, not another pause.
        let job = schedule(&api, &api.caller("admin"));
        let path = format!("{job}/actions/pause");
        let first = done(&send(&api, &token, Some("k2"), &path, ""), 200);
        done(&post(&api, "admin", &format!("{job}/actions/resume")), 200);
        let again = done(&send(&api, &token, Some("k2"), &path, ""), 200);
        assert_eq!(first, again);
        let told = api
            .call("GET", &format!("/swathe/v1/jobs/{job}"), &token)
            .json();
        assert_eq!(told["state"], "queued");
    }

    pub(super) fn a_key_is_its_senders_and_its_paths(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(2);
        let job = schedule(&api, &api.caller("carla"));
        let (ada, carla) = (token(&api, "admin"), token(&api, "carla"));
        for (token, action, state) in [
            (&ada, "pause", "paused"),
            (&carla, "resume", "queued"),
            (&carla, "pause", "paused"),
            (&ada, "resume", "queued"),
        ] {
            let path = format!("{job}/actions/{action}");
            let told = done(&send(&api, token, Some("same"), &path, ""), 200);
            assert_eq!(told["state"], state, "{action}");
        }
        assert_eq!(kept(&api), 4);
    }

    pub(super) fn a_key_is_free_after_a_day(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(1);
        let job = schedule(&api, &api.caller("admin"));
        let pause = format!("{job}/actions/pause");
        let day = 24 * 60 * 60 * 1_000;
        let send_at = |body: &str| send(&api, &token(&api, "admin"), Some("k"), &pause, body);
        done(&send_at(""), 200);
        api.clock.advance_ms(day);
        refused(&send_at("{}"), 409, "IDEMPOTENCY_KEY_REUSED");
        api.clock.advance_ms(1);
        done(&send_at("{}"), 200);
        assert_eq!(kept(&api), 1);
        // What is older is removed by a worker without work.
        api.clock.advance_ms(day + 1);
        api.run_jobs();
        assert_eq!(kept(&api), 0);
    }

    pub(super) fn a_refusal_is_not_kept(kind: Kind) {
        let api = Api::start_demo(kind);
        let (_, job) = half_failed(&api);
        let other = schedule(&api, &api.caller("admin"));
        let path = format!("{job}/actions/retry");
        let token = token(&api, "admin");
        let ask = || send(&api, &token, Some("k"), &path, "");
        refused(&ask(), 409, "ALREADY_SCHEDULED");
        assert_eq!(kept(&api), 0);
        done(
            &post(&api, "admin", &format!("{other}/actions/cancel")),
            200,
        );
        done(&ask(), 202);
    }

    pub(super) fn a_wrong_key_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(1);
        let job = schedule(&api, &api.caller("admin"));
        let token = token(&api, "admin");
        let path = format!("{job}/actions/pause");
        for key in ["", "two words", "käse", &"x".repeat(256)] {
            let reply = send(&api, &token, Some(key), &path, "");
            refused(&reply, 400, "INVALID_DATA");
            assert_eq!(reply.json()["details"]["header"], "Idempotency-Key");
        }
        done(&send(&api, &token, Some(&"x".repeat(255)), &path, ""), 200);
    }

    pub(super) fn of_two_requests_with_one_key_at_once_one_is_done(kind: Kind) {
        let api = Api::start_demo(kind);
        let (_, job) = half_failed(&api);
        let token = token(&api, "admin");
        let mut of = job;
        for round in 0..8 {
            let path = format!("{of}/actions/retry");
            let key = format!("round {round}").replace(' ', "-");
            let before = jobs_of(&api);
            let start = Barrier::new(4);
            let replies = thread::scope(|scope| {
                let all = [(); 4].map(|()| {
                    let (api, token, key, path, start) = (&api, &token, &key, &path, &start);
                    scope.spawn(move || {
                        start.wait();
                        send(api, token, Some(key), path, "")
                    })
                });
                all.map(|one| one.join().unwrap())
            });
            for reply in &replies {
                assert_eq!((reply.status, &reply.text), (202, &replies[0].text));
            }
            assert_eq!(jobs_of(&api), before + 1);
            let json = replies[0].json();
            json["id"].as_str().unwrap().clone_into(&mut of);
            done(&post(&api, "admin", &format!("{of}/actions/cancel")), 200);
        }
    }

    /// Whatever keeps the transaction from committing, a crash or this, leaves neither job nor key.
    pub(super) fn a_request_whose_transaction_fails_leaves_its_key_free(kind: Kind) {
        let api = Api::start_demo(kind);
        let (_, job) = half_failed(&api);
        let token = token(&api, "admin");
        let path = format!("{job}/actions/retry");
        let before = (jobs_of(&api), api.tables());
        api.execute("ALTER TABLE idempotency RENAME COLUMN answer TO gone");
        let reply = send(&api, &token, Some("k"), &path, "");
        assert_eq!(reply.status, 500, "{}", reply.text);
        api.execute("ALTER TABLE idempotency RENAME COLUMN gone TO answer");
        assert_eq!((jobs_of(&api), api.tables()), before);
        assert_eq!(kept(&api), 0);
        done(&send(&api, &token, Some("k"), &path, ""), 202);
        assert_eq!(jobs_of(&api), before.0 + 1);
    }
}
