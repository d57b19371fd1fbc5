//! `/swathe/v1/jobs/{id}/events`, followed by a client that reads while the job runs.

use crate::api::Api;
use crate::demo::{Caller, run};
use model::id::JobId;
use model::time::Clock;
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader};
use std::time::Duration;
use store::Priority;
use testkit::catalog::ADMIN;
use testkit::{Kind, each_db};

each_db! {
    a_job_is_followed_to_its_end_over_a_lost_connection,
    a_running_job_is_told_in_order_and_its_counts_never_fall,
    a_pause_is_told_and_a_cancelled_job_is_done,
    who_was_told_of_the_end_is_told_nothing_more,
    a_token_that_is_revoked_ends_the_events,
    a_job_that_is_not_shown_is_not_followed,
}

/// A connection to a job's events.
struct Follower(BufReader<ureq::BodyReader<'static>>);

/// One event.
#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    data: Json,
}

impl Follower {
    fn connect(api: &Api, token: &str, job: &str, last: Option<&str>) -> Self {
        let url = format!("{}/swathe/v1/jobs/{job}/events", api.url);
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        let mut request = ureq::Agent::new_with_config(agent)
            .get(url)
            .header("Authorization", format!("Bearer {token}"))
            .header("Accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = request.call().unwrap();
        assert_eq!(answer.status(), 200);
        let kind = answer.headers().get("content-type").unwrap();
        assert_eq!(kind, "text/event-stream");
        Self(BufReader::new(answer.into_body().into_reader()))
    }

    /// The next event; `None` at the end. An error when the answer was cut.
    fn next(&mut self) -> std::io::Result<Option<Event>> {
        let mut event = Event {
            id: String::new(),
            name: String::new(),
            data: Json::Null,
        };
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                assert!(event.data.is_null(), "half an event: {event:?}");
                return Ok(None);
            }
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                None if line == "\n" && !event.data.is_null() => return Ok(Some(event)),
                _ => {}
            }
        }
    }

    fn event(&mut self) -> Event {
        self.next().unwrap().expect("an event")
    }
}

impl Event {
    fn changed(&self) -> i64 {
        self.data["counts"]["changed"].as_i64().unwrap()
    }
}

fn token(api: &Api, who: &str) -> String {
    api.token(api.user(who), "swathe.jobs.READ")
}

fn schedule(api: &Api, caller: &Caller<'_>) -> String {
    caller.schedule(&json!({
        "data": [{ "City": "Faro" }], "cvid": api.view("Leads", "All Leads"),
    }))
}

fn control(api: &Api, job: &str, act: fn(&mut store::Tx, JobId, model::time::Timestamp)) {
    let (id, now) = (JobId::parse(job).unwrap(), api.clock.now());
    let done = api.db.write(Priority::Interactive, |tx| {
        act(tx, id, now);
        Ok(())
    });
    done.unwrap();
}

mod check {
    use super::*;

    pub(super) fn a_job_is_followed_to_its_end_over_a_lost_connection(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(5);
        let job = schedule(&api, &ada);
        let token = token(&api, "admin");
        let mut follower = Follower::connect(&api, &token, &job, None);
        let first = follower.event();
        assert_eq!(first.name, "progress");
        assert_eq!(
            first.data,
            json!({ "id": job, "state": "queued", "paused_by": null,
                "counts": { "total": 5, "changed": 0, "unchanged": 0, "failed": 0,
                    "cancelled": 0, "not_run": 0, "pending": 5 },
                "failed_by_code": {}, "rate": null, "eta": null, "finished_at": null,
                "error": null })
        );
        let mut worker = api.worker().with_chunks_of(2);
        worker.step();
        worker.step();
        let mut second = follower.event();
        while second.changed() == 0 {
            second = follower.event();
        }
        assert_eq!(
            (second.changed(), &second.data["state"]),
            (2, &json!("running"))
        );
        drop(follower);
        worker.step();
        // What it saw is not told again; what happened since is told at once.
        let mut follower = Follower::connect(&api, &token, &job, Some(&second.id));
        let third = follower.event();
        assert_eq!(third.changed(), 4);
        drop(follower);
        let mut follower = Follower::connect(&api, &token, &job, Some(&third.id));
        run(worker);
        let last = follower.event();
        assert_eq!((last.name.as_str(), last.changed()), ("done", 5));
        assert_eq!(last.data["state"], "completed");
        assert!(last.data["finished_at"].is_string());
        assert!(follower.next().unwrap().is_none());
    }

    pub(super) fn a_running_job_is_told_in_order_and_its_counts_never_fall(kind: Kind) {
        let (api, engine) = Api::start_demo_with_engine(kind);
        let ada = api.caller("admin");
        api.seed_leads(10_000, 3_000);
        let job = schedule(&api, &ada);
        let id = JobId::parse(&job).unwrap();
        let slow = api.db.write(Priority::Interactive, |tx| {
            jobs::control::throttle(tx, id, Some(2_000))
        });
        slow.unwrap();
        let mut follower = Follower::connect(&api, &token(&api, "admin"), &job, None);
        let mut events = Vec::new();
        // The clock stands still, and a throttle rests by it.
        while let Some(event) = follower.next().unwrap() {
            api.clock.advance_ms(1_000);
            events.push(event);
        }
        engine.stop();
        let (last, before) = events.split_last().unwrap();
        assert_eq!((last.name.as_str(), last.changed()), ("done", 3_000));
        assert!(before.iter().all(|event| event.name == "progress"));
        assert!(!before.is_empty());
        let counts: Vec<i64> = events.iter().map(Event::changed).collect();
        assert!(counts.windows(2).all(|two| two[0] <= two[1]), "{counts:?}");
        let ids: std::collections::BTreeSet<&str> =
            events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(ids.len(), events.len(), "an event came twice");
        for event in &events {
            let counts = event.data["counts"].as_object().unwrap();
            let parts = counts.iter().filter(|(key, _)| *key != "total");
            let sum: i64 = parts.map(|(_, n)| n.as_i64().unwrap()).sum();
            assert_eq!(sum, 3_000);
        }
    }

    pub(super) fn a_pause_is_told_and_a_cancelled_job_is_done(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let job = schedule(&api, &ada);
        let mut follower = Follower::connect(&api, &token(&api, "admin"), &job, None);
        assert_eq!(follower.event().data["state"], "queued");
        control(&api, &job, |tx, id, now| {
            jobs::control::pause(tx, id, now).unwrap();
        });
        let paused = follower.event();
        assert_eq!(paused.data["state"], "paused");
        assert_eq!(paused.data["paused_by"], "person");
        control(&api, &job, |tx, id, now| {
            jobs::control::cancel(tx, id, now).unwrap();
        });
        let done = follower.event();
        assert_eq!(
            (done.name.as_str(), &done.data["state"]),
            ("done", &json!("cancelled"))
        );
        assert_eq!(done.data["counts"]["cancelled"], 2);
        assert!(follower.next().unwrap().is_none());
    }

    pub(super) fn who_was_told_of_the_end_is_told_nothing_more(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let job = schedule(&api, &ada);
        api.run_jobs();
        let token = token(&api, "admin");
        let mut follower = Follower::connect(&api, &token, &job, Some("of another time"));
        let done = follower.event();
        assert_eq!(done.name, "done");
        assert!(follower.next().unwrap().is_none());
        let headers = [
            ("Authorization", format!("Bearer {token}")),
            ("Last-Event-ID", done.id),
        ];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let path = format!("/swathe/v1/jobs/{job}/events");
        assert_eq!(api.send("GET", &path, &headers, b"").status, 204);
    }

    pub(super) fn a_token_that_is_revoked_ends_the_events(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let job = schedule(&api, &ada);
        let now = api.clock.now();
        let user = api.user("admin");
        let new = server::auth::NewClient {
            name: "console",
            user,
            redirect_uri: None,
            scopes: None,
        };
        assert_ne!(user, ADMIN);
        let scopes = model::scope::Scopes::parse("swathe.jobs.READ").unwrap();
        let made = api.db.write(Priority::Interactive, |tx| {
            let client = server::auth::create_client(tx, &new, now)?;
            let token = server::auth::mint_access_token(tx, user, Some(client.id), &scopes, now)?;
            Ok((client.public_id, token.secret))
        });
        let (client, token) = made.unwrap();
        let mut follower = Follower::connect(&api, &token, &job, None);
        assert_eq!(follower.event().name, "progress");
        let revoked = api.db.write(Priority::Interactive, |tx| {
            Ok(store::clients::revoke(tx, &client, now)?)
        });
        revoked.unwrap();
        assert!(follower.next().is_err(), "the answer is cut");
    }

    pub(super) fn a_job_that_is_not_shown_is_not_followed(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let job = schedule(&api, &ada);
        let path = |job: &str| format!("/swathe/v1/jobs/{job}/events");
        for (who, job) in [("carla", job.as_str()), ("admin", "1"), ("admin", "x")] {
            let reply = api.call("GET", &path(job), &token(&api, who));
            reply.is_error(404, "NOT_FOUND", "there is no such job", &json!({}));
        }
        let path = format!("{}?from=1", path(&job));
        let reply = api.call("GET", &path, &token(&api, "admin"));
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (400, Some("INVALID_DATA"))
        );
    }
}
