//! `/swathe/v1/calls`: what is told of calls to the outside, and owing them anew.

use crate::api::Reply;
use crate::calls::hook;
use crate::hook::{Act, Hook};
use crate::notify::World;
use model::call::CallState;
use model::id::JobId;
use model::limits::{CALLS_PER_PAGE, CALLS_RESENT_MAX};
use serde_json::{Value as Json, json};
use std::thread;
use store::Priority;
use store::calls::{self, Due, NewHook};
use testkit::{Kind, each_db};

each_db! {
    a_dead_call_is_listed_and_sent_again_under_its_event,
    a_delivered_call_can_be_sent_again,
    of_two_who_resend_at_once_one_call_comes,
    a_resent_call_does_not_wait_for_its_endpoints_rest,
    a_late_answer_does_not_end_what_was_owed_anew,
    calls_are_paged_newest_first_and_filtered,
    dead_calls_are_owed_anew_together,
    wrong_questions_are_refused,
    calls_are_kept_for_60_days,
}

const DELIVERED: CallState = CallState::Delivered;

fn admin(world: &World, method: &str, path: &str, body: &Json) -> Reply {
    let token = world.api.token(world.api.user("admin"), "swathe.org.ALL");
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let path = format!("/swathe/v1/calls{path}");
    world.api.call_with(method, &path, &token, body.as_bytes())
}

fn listed(world: &World, query: &str) -> Vec<Json> {
    let reply = admin(world, "GET", query, &Json::Null);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.items()
}

fn resent(world: &World, id: &Json) -> Json {
    let path = format!("/{}/actions/resend", id.as_str().unwrap());
    let reply = admin(world, "POST", &path, &Json::Null);
    assert_eq!(reply.status, 202, "{}", reply.text);
    reply.json()
}

mod check {
    use super::*;

    pub(super) fn a_dead_call_is_listed_and_sent_again_under_its_event(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that([410, 200].map(Act::Status).to_vec());
        let owed = NewHook {
            job: Some(JobId(5)),
            ..hook(&receiver.url, 9, "a1")
        };
        world.owe(&[owed]);
        assert_eq!(world.sends(&receiver, CallState::Dead), "a1");
        let dead = listed(&world, "?state=dead");
        let [call] = dead.as_slice() else {
            panic!("{dead:?}")
        };
        let endpoint = receiver.url.split_once('?').unwrap().0;
        let wanted = json!({
            "id": call["id"], "kind": "workflow", "event": "a1", "state": "dead",
            "endpoint": endpoint, "job": "5", "rule": "77", "module": null, "record": "9",
            "attempts": 1, "last_error": "it answered 410: it is gone, and is not called again",
            "made_at": call["made_at"], "owed_at": call["made_at"],
            "tried_at": call["made_at"], "next_at": null,
        });
        assert_eq!(call, &wanted);
        let path = format!("/{}", call["id"].as_str().unwrap());
        let whole = admin(&world, "GET", &path, &Json::Null);
        assert_eq!(whole.json()["body"], r#"{"event":"a1"}"#);
        assert!(!whole.text.contains("t0p"), "{}", whole.text);
        world.api.clock.advance_ms(60_000);
        let owed = resent(&world, &call["id"]);
        assert_eq!(
            (&owed["state"], &owed["attempts"], &owed["last_error"]),
            (&json!("waiting"), &json!(0), &Json::Null)
        );
        assert_eq!(owed["made_at"], call["made_at"]);
        assert_ne!(owed["owed_at"], call["owed_at"]);
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
        assert_eq!(listed(&world, "?state=dead"), Vec::<Json>::new());
        world.is_idle();
    }

    pub(super) fn a_delivered_call_can_be_sent_again(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(200)]);
        let job = world.ended(&receiver.url);
        world.calls(&job, DELIVERED);
        let event = receiver.got().header("webhook-id").to_owned();
        let call = listed(&world, &format!("?job={job}")).remove(0);
        assert_eq!(
            (&call["kind"], &call["rule"]),
            (&json!("job_finished"), &Json::Null)
        );
        resent(&world, &call["id"]);
        assert_eq!(world.notify(&job)["state"], "waiting");
        world.calls(&job, DELIVERED);
        assert_eq!(receiver.got().header("webhook-id"), event);
    }

    pub(super) fn of_two_who_resend_at_once_one_call_comes(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that([410, 200].map(Act::Status).to_vec());
        world.owe(&[hook(&receiver.url, 1, "a1")]);
        assert_eq!(world.sends(&receiver, CallState::Dead), "a1");
        let id = listed(&world, "")[0]["id"].take();
        thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| resent(&world, &id)));
            for one in both {
                assert_eq!(one.join().unwrap()["state"], "waiting");
            }
        });
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
        world.is_idle();
    }

    pub(super) fn a_resent_call_does_not_wait_for_its_endpoints_rest(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that([500, 410, 200].map(Act::Status).to_vec());
        let url = &receiver.url;
        world.owe(&[hook(url, 1, "a1"), hook(url, 2, "b1")]);
        assert_eq!(world.sends(&receiver, CallState::Waiting), "a1");
        world.api.clock.advance_ms(5_000);
        assert_eq!(world.sends(&receiver, CallState::Dead), "b1");
        world.is_idle();
        let waiting = listed(&world, "?state=waiting").remove(0);
        // One that waits is due at once, and what it was tried counts on.
        assert_eq!(resent(&world, &waiting["id"])["attempts"], 1);
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
    }

    pub(super) fn a_late_answer_does_not_end_what_was_owed_anew(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(200)]);
        world.owe(&[hook(&receiver.url, 1, "a1")]);
        let now = model::time::Clock::now(&*world.api.clock);
        let late = world.api.db.write(Priority::Chunk, |tx| {
            let mut due = Due::take(tx, now, now, false)?.unwrap();
            calls::begin(tx, &mut due, now, now)?;
            Ok(due)
        });
        let late = late.unwrap();
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
        world.api.clock.advance_ms(1);
        let id = listed(&world, "")[0]["id"].take();
        resent(&world, &id);
        let answer = world
            .api
            .db
            .write(Priority::Chunk, |tx| Ok(calls::delivered(tx, &late, now)?));
        answer.unwrap();
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
    }

    pub(super) fn calls_are_paged_newest_first_and_filtered(kind: Kind) {
        let world = World::start(kind);
        let urls = ["http://127.0.0.1:1/x", "http://127.0.0.1:1/y"];
        let count = CALLS_PER_PAGE + 3;
        for n in 0..count {
            let event = format!("e{n}");
            world.owe(&[hook(urls[n % 2], 1, &event)]);
            world.api.clock.advance_ms(1);
        }
        let first = admin(&world, "GET", "", &Json::Null);
        let token = first.json()["next_page_token"].as_str().unwrap().to_owned();
        let rest = admin(&world, "GET", &format!("?page_token={token}"), &Json::Null);
        assert_eq!(rest.json()["next_page_token"], Json::Null);
        let all = [first.items(), rest.items()].concat();
        let events: Vec<&str> = all.iter().map(|c| c["event"].as_str().unwrap()).collect();
        let wanted: Vec<String> = (0..count).rev().map(|n| format!("e{n}")).collect();
        assert_eq!(events, wanted);
        let some = |query: &str| listed(&world, query).len();
        assert_eq!(some("?endpoint=http://127.0.0.1:1/y"), count / 2);
        assert_eq!(some("?rule=77&state=waiting"), CALLS_PER_PAGE);
        assert_eq!(
            (some("?rule=78"), some("?job=1"), some("?state=dead")),
            (0, 0, 0)
        );
    }

    pub(super) fn dead_calls_are_owed_anew_together(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that([410, 410, 410, 200].map(Act::Status).to_vec());
        let url = &receiver.url;
        for event in ["a1", "a2", "a3"] {
            world.owe(&[hook(url, 1, event)]);
            assert_eq!(world.sends(&receiver, CallState::Dead), event);
            world.api.clock.advance_ms(300_000);
        }
        let endpoint = receiver.url.split_once('?').unwrap().0;
        let resend = |body: Json| admin(&world, "POST", "/actions/resend", &body);
        let other = resend(json!({ "endpoint": endpoint, "rule": "78" }));
        other.is(202, &json!({ "resent": 0, "more": false }));
        let all = resend(json!({ "endpoint": endpoint }));
        all.is(202, &json!({ "resent": 3, "more": false }));
        for event in ["a1", "a2", "a3"] {
            assert_eq!(world.sends(&receiver, DELIVERED), event);
        }
        // At most so many at once.
        let many = i64::try_from(CALLS_RESENT_MAX + 1).unwrap();
        let owed: Vec<_> = (0..many).map(|n| hook(url, n, "many")).collect();
        world.owe(&owed);
        world
            .api
            .execute("UPDATE calls SET state = 'dead' WHERE event = 'many'");
        let all = || resend(json!({ "rule": "77" }));
        all().is(202, &json!({ "resent": CALLS_RESENT_MAX, "more": true }));
        all().is(202, &json!({ "resent": 1, "more": false }));
    }

    pub(super) fn wrong_questions_are_refused(kind: Kind) {
        let world = World::start(kind);
        for query in [
            "?state=",
            "?state=lost",
            "?rule=",
            "?job=x",
            "?endpoint=",
            "?page_token=1",
            "?x=1",
        ] {
            let reply = admin(&world, "GET", query, &Json::Null);
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!("INVALID_DATA")),
                "{query}"
            );
        }
        for (body, code) in [
            (json!({}), "MANDATORY_NOT_FOUND"),
            (json!({ "rule": "" }), "INVALID_DATA"),
            (json!({ "rule": "x" }), "INVALID_DATA"),
            (json!({ "endpoint": null }), "MANDATORY_NOT_FOUND"),
            (json!({ "state": "dead" }), "INVALID_DATA"),
        ] {
            let reply = admin(&world, "POST", "/actions/resend", &body);
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!(code)),
                "{body}"
            );
        }
        for (method, path) in [("GET", "/12"), ("POST", "/12/actions/resend")] {
            let reply = admin(&world, method, path, &Json::Null);
            reply.is_error(404, "NOT_FOUND", "there is no such call", &json!({}));
        }
        let secret = |query: &str| {
            let path = format!("/swathe/v1/notify_secret{query}");
            world.api.call("GET", &path, &world.token()).status
        };
        assert_eq!(
            [secret("?of=me"), secret("?to=org"), secret("?of=org")],
            [400, 400, 200]
        );
    }

    pub(super) fn calls_are_kept_for_60_days(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(200)]);
        world.owe(&[hook(&receiver.url, 1, "a1")]);
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
        let day = 24 * 60 * 60 * 1_000;
        world.api.clock.advance_ms(60 * day);
        world.api.run_jobs();
        assert_eq!(listed(&world, "").len(), 1);
        world.api.clock.advance_ms(day);
        world.api.run_jobs();
        assert_eq!(listed(&world, ""), Vec::<Json>::new());
        assert_eq!(world.api.number("SELECT count(*) FROM endpoints"), 0);
    }
}
