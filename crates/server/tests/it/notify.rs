//! Completion calls: a receiver is told that a job has ended, signed, again until it takes it.

use crate::api::{Api, Reply};
use crate::asked::{Asker, id};
use crate::hook::{Act, Got, Hook};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jobs::Point;
use model::call::CallState;
use model::id::CallId;
use model::people::Right;
use serde_json::{Value as Json, json};
use server::{Key, Notice, Notifier, Outside, Range, TRIES, router};
use sha2::Sha256;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use store::calls::{self, Due};
use store::{Error, Priority};
use testkit::{Kind, each_db};

each_db! {
    the_end_of_a_job_is_told_signed,
    a_job_is_told_however_it_ends,
    a_receiver_that_fails_is_called_again_until_it_takes_it,
    a_call_that_is_never_taken_dies_and_is_seen,
    a_receiver_that_hangs_keeps_nobody_waiting,
    a_slow_receiver_is_called_once,
    receivers_take_turns,
    a_redirect_is_not_followed,
    an_answer_without_end_is_not_read,
    an_address_that_is_not_public_is_not_called,
    a_call_is_owed_with_the_end_of_the_job_or_not_at_all,
    a_job_that_goes_on_is_told_of_its_last_end_only,
    a_try_that_was_cut_off_is_a_try,
    of_two_at_once_one_calls,
    a_wrong_notify_url_is_refused,
    without_a_key_nobody_is_called,
    the_secret_is_the_clients_own,
}

/// A server that may call this machine, and what makes its calls.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) notifier: Notifier,
    _dir: tempfile::TempDir,
}

pub(crate) fn loopback() -> Vec<Range> {
    vec!["127.0.0.0/8".parse().unwrap()]
}

impl World {
    pub(crate) fn start(kind: Kind) -> Self {
        Self::allowing(kind, loopback(), Duration::from_secs(10))
    }

    pub(crate) fn allowing(kind: Kind, allow: Vec<Range>, patience: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::open(&dir.path().join("key")).unwrap();
        let outside = Arc::new(Outside::with_patience(allow, Some(key), patience));
        let mut notifier = None;
        let api = Api::demo_of(kind, |mut app| {
            app.outside = Arc::clone(&outside);
            let (db, clock) = (app.db.clone(), Arc::clone(&app.clock));
            notifier = Some(Notifier::new(db, clock, outside));
            router(app)
        });
        Self {
            api,
            notifier: notifier.unwrap(),
            _dir: dir,
        }
    }

    pub(crate) fn token(&self) -> String {
        let scopes = "swathe.jobs.ALL,ZohoCRM.mass_update.ALL";
        self.api.token(self.api.user("admin"), scopes)
    }

    /// Retries a job so that its end is told.
    fn retry(&self, job: &str, url: &str) -> Reply {
        let path = format!("/swathe/v1/jobs/{job}/actions/retry");
        let body = json!({ "notify_url": url }).to_string();
        self.api
            .call_with("POST", &path, &self.token(), body.as_bytes())
    }

    /// A cancelled job over three leads.
    fn cancelled(&self) -> String {
        let ada = self.api.caller("admin");
        ada.make_leads(3);
        let job = ada.schedule(&json!({
            "data": [{ "City": "Faro" }], "cvid": self.api.view("Leads", "Open Leads"),
        }));
        self.cancel(&job);
        job
    }

    fn cancel(&self, job: &str) {
        let path = format!("/swathe/v1/jobs/{job}/actions/cancel");
        let reply = self.api.call("POST", &path, &self.token());
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    /// A queued job whose end is told to this URL.
    pub(crate) fn told_to(&self, url: &str) -> String {
        let reply = self.retry(&self.cancelled(), url);
        assert_eq!(reply.status, 202, "{}", reply.text);
        let told = reply.json();
        assert_eq!(
            told["notify"],
            json!({ "state": "pending", "attempts": 0, "last_error": null })
        );
        assert!(!reply.text.contains("t0p"));
        told["id"].as_str().unwrap().to_owned()
    }

    /// A finished one.
    pub(crate) fn ended(&self, url: &str) -> String {
        let job = self.told_to(url);
        self.api.run_jobs();
        job
    }

    pub(crate) fn notify(&self, job: &str) -> Json {
        let path = format!("/swathe/v1/jobs/{job}");
        let reply = self.api.call("GET", &path, &self.token());
        reply.json()["notify"].clone()
    }

    /// Makes the call of a job that is due.
    pub(crate) fn calls(&self, job: &str, state: CallState) {
        let id = format!("SELECT id FROM calls WHERE kind = 'job_finished' AND job = {job}");
        let called = Notice::Called(CallId(self.api.number(&id)), state);
        assert_eq!(self.notifier.step().unwrap(), called);
    }

    pub(crate) fn is_idle(&self) {
        assert_eq!(self.notifier.step().unwrap(), Notice::Idle);
    }

    pub(crate) fn secret(&self, token: &str) -> Json {
        let reply = self.api.call("GET", "/swathe/v1/notify_secret", token);
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["secret"].clone()
    }

    /// Panics unless a call is signed as its receiver checks it.
    fn is_signed(&self, got: &Got) {
        self.is_signed_by(got, &self.secret(&self.token()));
    }

    /// The same with another's secret.
    pub(crate) fn is_signed_by(&self, got: &Got, secret: &Json) {
        let secret = secret.as_str().unwrap().strip_prefix("whsec_").unwrap();
        let secret = BASE64_STANDARD.decode(secret).unwrap();
        let (id, at) = (got.header("webhook-id"), got.header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(format!("{id}.{at}.{}", got.body).as_bytes());
        let wanted = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(got.header("webhook-signature"), wanted);
        let now = self.api.clock_seconds();
        assert_eq!(at.parse::<i64>().unwrap(), now);
    }
}

mod check {
    use super::*;

    pub(super) fn the_end_of_a_job_is_told_signed(kind: Kind) {
        let world = World::start(kind);
        let hook = Hook::that(vec![Act::Status(204)]);
        let job = world.told_to(&hook.url);
        world.is_idle();
        world.api.run_jobs();
        let waiting = json!({ "state": "waiting", "attempts": 0, "last_error": null });
        assert_eq!(world.notify(&job), waiting);
        world.calls(&job, CallState::Delivered);
        let got = hook.got();
        assert!(
            got.head.starts_with("POST /hook?token=t0p HTTP/1.1\r\n"),
            "{}",
            got.head
        );
        assert_eq!(got.header("content-type"), "application/json");
        world.is_signed(&got);
        let body: Json = serde_json::from_str(&got.body).unwrap();
        assert_eq!(body["type"], "job.finished");
        assert_eq!(
            body["data"],
            json!({
                "id": job, "action": "update", "module": "Leads", "state": "completed",
                "counts": { "total": 3, "changed": 3, "unchanged": 0, "failed": 0,
                    "cancelled": 0, "not_run": 0, "pending": 0 },
                "failed_by_code": {}, "error": null,
            })
        );
        assert_eq!(world.notify(&job)["state"], "delivered");
        world.is_idle();
    }

    pub(super) fn a_job_is_told_however_it_ends(kind: Kind) {
        let world = World::start(kind);
        let hook = Hook::that(vec![Act::Status(200)]);
        let state = |got: Got| serde_json::from_str::<Json>(&got.body).unwrap()["data"].take();
        let job = world.told_to(&hook.url);
        world.cancel(&job);
        world.calls(&job, CallState::Delivered);
        let told = state(hook.got());
        assert_eq!(
            (&told["state"], &told["counts"]["cancelled"]),
            (&json!("cancelled"), &json!(3))
        );
        let job = world.retry(&job, &hook.url).json()["id"].clone();
        world.api.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            let leads = modules.find(|module| module.api_name == "Leads").unwrap();
            leads.fields.retain(|field| field.api_name != "City");
        });
        world.api.run_jobs();
        world.calls(job.as_str().unwrap(), CallState::Delivered);
        let told = state(hook.got());
        assert_eq!(
            (&told["state"], &told["counts"]["not_run"]),
            (&json!("failed"), &json!(3))
        );
        assert!(
            told["error"].as_str().unwrap().starts_with("FIELD_GONE"),
            "{told}"
        );
    }

    pub(super) fn a_receiver_that_fails_is_called_again_until_it_takes_it(kind: Kind) {
        let world = World::start(kind);
        let acts = [500, 404, 200].map(Act::Status);
        let hook = Hook::that(acts.to_vec());
        let job = world.ended(&hook.url);
        let mut ids = Vec::new();
        for (n, error, wait) in [
            (1, "it answered 500", 5_000),
            (2, "it answered 404", 30_000),
        ] {
            world.calls(&job, CallState::Waiting);
            let got = hook.got();
            world.is_signed(&got);
            ids.push(got.header("webhook-id").to_owned());
            let told = json!({ "state": "waiting", "attempts": n, "last_error": error });
            assert_eq!(world.notify(&job), told);
            world.api.clock.advance_ms(wait - 1);
            world.is_idle();
            world.api.clock.advance_ms(1);
        }
        world.calls(&job, CallState::Delivered);
        let got = hook.got();
        world.is_signed(&got);
        assert!(ids.iter().all(|id| id == got.header("webhook-id")));
        let told = json!({ "state": "delivered", "attempts": 3, "last_error": null });
        assert_eq!(world.notify(&job), told);
    }

    pub(super) fn a_call_that_is_never_taken_dies_and_is_seen(kind: Kind) {
        let world = World::start(kind);
        let hook = Hook::that(vec![Act::Status(503)]);
        let job = world.ended(&hook.url);
        for _ in 1..TRIES {
            world.calls(&job, CallState::Waiting);
            world.api.clock.advance_ms(5 * 60 * 60 * 1_000);
        }
        world.calls(&job, CallState::Dead);
        let told = json!({ "state": "dead", "attempts": TRIES, "last_error": "it answered 503" });
        assert_eq!(world.notify(&job), told);
        world.api.clock.advance_ms(24 * 60 * 60 * 1_000);
        world.is_idle();
        let calls = (0..=TRIES).take_while(|_| !hook.got_nothing());
        assert_eq!(calls.count(), TRIES);
    }

    pub(super) fn a_receiver_that_hangs_keeps_nobody_waiting(kind: Kind) {
        let patience = Duration::from_millis(1_500);
        let world = World::allowing(kind, loopback(), patience);
        let hook = Hook::that(vec![Act::Hang]);
        let job = world.ended(&hook.url);
        let ada = world.api.caller("admin");
        let body = json!({
            "data": [{ "City": "Oslo" }], "cvid": world.api.view("Leads", "Open Leads"),
        });
        thread::scope(|scope| {
            let calling = scope.spawn(|| world.calls(&job, CallState::Waiting));
            hook.got();
            // The receiver has the call and does not answer: work goes on.
            let other = ada.schedule(&body);
            world.api.run_jobs();
            ada.expect_status(&other, "COMPLETED", [0, 3, 0, 3]);
            calling.join().unwrap();
        });
        let told = world.notify(&job);
        assert_eq!(told["last_error"], "there was no answer within 1.5 s");
    }

    pub(super) fn a_slow_receiver_is_called_once(kind: Kind) {
        let world = World::start(kind);
        let answers = Arc::new(Barrier::new(2));
        let hook = Hook::that(vec![Act::Late(Arc::clone(&answers))]);
        let job = world.ended(&hook.url);
        thread::scope(|scope| {
            let calling = scope.spawn(|| world.calls(&job, CallState::Delivered));
            hook.got();
            // Later than the first wait and than a try may take, earlier than both together.
            for ms in [6_000, 6_000] {
                world.api.clock.advance_ms(ms);
                world.is_idle();
            }
            // Even a try that was counted meanwhile takes nothing back.
            world
                .api
                .execute("UPDATE calls SET attempts = attempts + 1");
            answers.wait();
            calling.join().unwrap();
        });
        let told = json!({ "state": "delivered", "attempts": 2, "last_error": null });
        assert_eq!(world.notify(&job), told);
        assert!(hook.got_nothing());
    }

    pub(super) fn receivers_take_turns(kind: Kind) {
        let world = World::start(kind);
        let answers = Arc::new(Barrier::new(2));
        let slow = vec![Act::Late(Arc::clone(&answers)), Act::Status(500)];
        let slow = Hook::that(slow);
        let good = Hook::that(vec![Act::Status(200)]);
        let good = good.url.replace("127.0.0.1", "localhost");
        let [first, second] = [(); 2].map(|()| world.ended(&slow.url));
        world.api.clock.advance_ms(1);
        let other = world.ended(&good);
        thread::scope(|scope| {
            let calling = scope.spawn(|| world.calls(&first, CallState::Delivered));
            slow.got();
            world.api.clock.advance_ms(1);
            // Its receiver's other call waits, which is due longer; nobody else's does.
            world.calls(&other, CallState::Delivered);
            world.is_idle();
            world.api.clock.advance_ms(1);
            answers.wait();
            calling.join().unwrap();
        });
        let other = world.ended(&good);
        world.calls(&second, CallState::Waiting);
        world.calls(&other, CallState::Delivered);
    }

    pub(super) fn a_redirect_is_not_followed(kind: Kind) {
        let world = World::start(kind);
        let other = Hook::that(vec![Act::Status(200)]);
        let hook = Hook::that(vec![Act::Redirect(other.url.clone())]);
        let job = world.ended(&hook.url);
        world.calls(&job, CallState::Waiting);
        let told = "it answered 307, and redirects are not followed";
        assert_eq!(world.notify(&job)["last_error"], told);
        assert!(other.got_nothing());
    }

    pub(super) fn an_answer_without_end_is_not_read(kind: Kind) {
        let world = World::start(kind);
        let hook = Hook::that(vec![Act::Endless, Act::Status(200)]);
        let job = world.ended(&hook.url);
        world.calls(&job, CallState::Delivered);
        hook.got();
        // Its receiver is free again: the connection was closed.
        let job = world.ended(&hook.url);
        world.calls(&job, CallState::Delivered);
        hook.got();
    }

    pub(super) fn an_address_that_is_not_public_is_not_called(kind: Kind) {
        let world = World::allowing(kind, Vec::new(), Duration::from_secs(10));
        let hook = Hook::that(vec![Act::Status(200)]);
        let by_name = hook.url.replace("127.0.0.1", "localhost");
        for url in [&hook.url, &by_name] {
            let job = world.ended(url);
            world.calls(&job, CallState::Waiting);
            let told = world.notify(&job);
            let told = told["last_error"].as_str().unwrap();
            assert!(told.starts_with("the address may not be called"), "{told}");
        }
        assert!(hook.got_nothing());
    }

    pub(super) fn a_call_is_owed_with_the_end_of_the_job_or_not_at_all(kind: Kind) {
        let world = World::start(kind);
        let hook = Hook::that(vec![Act::Status(200)]);
        let job = world.told_to(&hook.url);
        let owed = || world.api.number("SELECT count(*) FROM calls");
        let mut fails = true;
        let mut worker = world.api.worker().with_faults(move |point| {
            if point == Point::BeforeCommit && std::mem::take(&mut fails) {
                return Err(Error::Driver("planned".to_owned()).into());
            }
            Ok(())
        });
        worker.step();
        worker.step();
        assert_eq!(owed(), 0);
        world.is_idle();
        crate::demo::run(worker);
        assert_eq!(owed(), 1);
        world.calls(&job, CallState::Delivered);
    }

    pub(super) fn a_job_that_goes_on_is_told_of_its_last_end_only(kind: Kind) {
        let world = World::start(kind);
        let hook = Hook::that(vec![Act::Status(500), Act::Status(200)]);
        let job = world.told_to(&hook.url);
        let rights = |may: bool| {
            world.api.change_catalog(|catalog| {
                let leads = catalog.module("Leads").unwrap().id;
                let admin = catalog.users.iter().find(|u| u.email.starts_with("admin"));
                let profile = admin.unwrap().profile;
                let mut profiles = catalog.profiles.iter_mut();
                let profile = profiles.find(|found| found.id == profile).unwrap();
                profile.administrator = may;
                let rights = [Right::View, Right::Edit];
                profile.modules.insert(leads, rights.to_vec());
            });
        };
        rights(false);
        world.api.run_jobs();
        world.calls(&job, CallState::Waiting);
        let first = hook.got().header("webhook-id").to_owned();
        rights(true);
        world.api.clock.advance_ms(1_000);
        let path = format!("/swathe/v1/jobs/{job}/actions/resume");
        let resumed = world.api.call("POST", &path, &world.token());
        assert_eq!(
            resumed.json()["notify"]["state"],
            "pending",
            "{}",
            resumed.text
        );
        world.api.clock.advance_ms(60_000);
        world.is_idle();
        world.api.run_jobs();
        world.calls(&job, CallState::Delivered);
        let got = hook.got();
        assert_ne!(got.header("webhook-id"), first);
        assert!(got.body.contains(r#""state":"completed""#), "{}", got.body);
    }

    pub(super) fn a_try_that_was_cut_off_is_a_try(kind: Kind) {
        let world = World::start(kind);
        let hook = Hook::that(vec![Act::Status(200)]);
        let job = world.ended(&hook.url);
        let cut_off = |tries: usize| {
            for _ in 0..tries {
                let begun = world.api.db.write(Priority::Chunk, |tx| {
                    let now = model::time::Clock::now(&*world.api.clock);
                    let mut due = Due::take(tx, now, now, false)?.unwrap();
                    Ok(calls::begin(tx, &mut due, now, now.plus_ms(5_000))?)
                });
                assert!(begun.unwrap());
                world.is_idle();
                world.api.clock.advance_ms(5_000);
            }
        };
        cut_off(1);
        world.calls(&job, CallState::Delivered);
        assert_eq!(world.notify(&job)["attempts"], 2);
        let job = world.ended(&hook.url);
        cut_off(TRIES);
        world.calls(&job, CallState::Dead);
        let told = "the server stopped during the last try";
        assert_eq!(world.notify(&job)["last_error"], told);
    }

    pub(super) fn of_two_at_once_one_calls(kind: Kind) {
        let world = World::start(kind);
        let hook = Hook::that(vec![Act::Status(200)]);
        for _ in 0..5 {
            world.ended(&hook.url);
            let notices = thread::scope(|scope| {
                let both = [(); 2].map(|()| scope.spawn(|| world.notifier.step().unwrap()));
                both.map(|one| one.join().unwrap())
            });
            let idle = notices.iter().filter(|notice| **notice == Notice::Idle);
            assert_eq!(idle.count(), 1, "{notices:?}");
            hook.got();
            assert!(hook.got_nothing());
        }
    }

    pub(super) fn a_wrong_notify_url_is_refused(kind: Kind) {
        let world = World::start(kind);
        let job = world.cancelled();
        for url in [
            "ftp://a.example/",
            "a.example",
            "http://u:p@a.example/",
            "http://",
            "http://:80/",
        ] {
            let reply = world.retry(&job, url);
            let json = reply.json();
            assert_eq!(
                (reply.status, &json["code"]),
                (400, &json!("INVALID_DATA")),
                "{url}"
            );
            assert_eq!(json["details"]["api_name"], "notify_url");
        }
        assert_eq!(world.retry(&job, "").json()["code"], "INVALID_DATA");
    }

    pub(super) fn without_a_key_nobody_is_called(kind: Kind) {
        let mut notifier = None;
        let api = Api::demo_of(kind, |mut app| {
            app.outside = Arc::default();
            let (db, clock) = (app.db.clone(), Arc::clone(&app.clock));
            notifier = Some(Notifier::new(db, clock, Arc::default()));
            router(app)
        });
        let world = World {
            api,
            notifier: notifier.unwrap(),
            _dir: tempfile::tempdir().unwrap(),
        };
        let told = "this server has no key to sign calls with: start it with --key-file";
        let reply = world.retry(&world.cancelled(), "http://a.example/");
        reply.is_error(
            400,
            "NOT_SUPPORTED",
            told,
            &json!({ "api_name": "notify_url" }),
        );
        // However a job is asked for.
        let asker = Asker::new(&world.api, "admin");
        let update = json!({
            "action": "update", "module": "Leads", "selection": { "everything": true },
            "change": { "fields": { "City": "Faro" } },
        });
        let plan = asker.plan(&update);
        let mut directly = update;
        directly["expected_count"] = json!(3);
        let of_plan = json!({ "plan": id(&plan) });
        for body in [directly, of_plan] {
            for run_at in [None, Some("2024-06-01T00:00:00Z")] {
                for (url, code) in [
                    ("http://a.example/", "NOT_SUPPORTED"),
                    ("http://:80/", "INVALID_DATA"),
                ] {
                    let mut body = body.clone();
                    body["notify_url"] = json!(url);
                    if let Some(run_at) = run_at {
                        body["run_at"] = json!(run_at);
                    }
                    let told = asker.is_refused("jobs", &body, 400, code);
                    assert_eq!(told["details"]["api_name"], "notify_url", "{body}");
                }
            }
        }
        let reply = world
            .api
            .call("GET", "/swathe/v1/notify_secret", &world.token());
        reply.is_error(400, "NOT_SUPPORTED", told, &json!({}));
        // One that another process accepted waits for a process with a key.
        let job = world.cancelled();
        world.api.execute(&format!(
            "INSERT INTO calls (id, kind, event, job, endpoint, url, state, attempts, next_at,
               made_at, owed_at)
             VALUES ({job}, 'job_finished', 'e', {job}, 'http://a.example/', 'http://a.example/',
               'waiting', 0, 0, 0, 0)"
        ));
        world.is_idle();
    }

    pub(super) fn the_secret_is_the_clients_own(kind: Kind) {
        let world = World::start(kind);
        let admin = world.secret(&world.token());
        assert_eq!(world.secret(&world.token()), admin);
        let carla = world.api.token(world.api.user("carla"), "swathe.jobs.ALL");
        assert_ne!(world.secret(&carla), admin);
    }
}
