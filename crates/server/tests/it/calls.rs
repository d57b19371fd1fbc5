//! The queue of calls to the outside: order, endpoints that fail or hang, and what a crash leaves.

use crate::hook::{Act, Hook};
use crate::notify::{World, loopback};
use model::call::CallState;
use model::id::{ModuleId, RecordId, RuleId};
use server::{Notice, TRIES};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use store::Priority;
use store::calls::{self, Due, NewHook};
use testkit::{Kind, each_db};

each_db! {
    a_hook_is_sent_as_it_was_owed_and_signed_with_the_orgs_secret,
    calls_of_a_record_go_in_order_and_hold_up_no_other_record,
    calls_of_a_record_go_in_order_by_clocks_that_differ,
    an_endpoint_that_fails_is_left_alone_then_probed_once,
    what_is_refused_for_good_does_not_stop_the_rest,
    a_receiver_that_is_gone_is_not_called_again,
    a_receiver_that_closes_or_drips_is_called_again,
    receivers_that_hang_hold_up_none_that_answers,
    an_endpoint_is_called_once_at_a_time_by_all_processes,
    processes_together_deliver_everything_once_and_in_order,
    a_crash_between_sending_and_keeping_sends_the_same_event_again,
    what_no_receiver_takes_for_days_is_given_up,
    a_hook_is_owed_with_what_the_rule_did_or_not_at_all,
}

/// What a rule tells of a record.
pub(crate) fn hook<'a>(url: &'a str, record: i64, event: &str) -> NewHook<'a> {
    NewHook {
        event: event.to_owned(),
        rule: RuleId(77),
        module: ModuleId(88),
        record: RecordId(record),
        job: None,
        url,
        body: format!("{{\"event\":\"{event}\"}}"),
    }
}

impl World {
    pub(crate) fn owe(&self, hooks: &[NewHook<'_>]) {
        let now = model::time::Clock::now(&*self.api.clock);
        let owed = self.api.db.write(Priority::Interactive, |tx| {
            Ok(calls::owe_hooks(tx, hooks, now)?)
        });
        owed.unwrap();
    }

    /// Makes the call that is due, and says which event it was.
    pub(crate) fn sends(&self, hook: &Hook, state: CallState) -> String {
        match self.notifier.step().unwrap() {
            Notice::Called(_, now) => assert_eq!(now, state),
            Notice::Idle => panic!("no call is due"),
        }
        hook.got().header("webhook-id").to_owned()
    }

    fn state_of(&self, event: &str, state: &str) -> bool {
        let count = "SELECT count(*) FROM calls WHERE event =";
        let sql = format!("{count} '{event}' AND state = '{state}'");
        self.api.number(&sql) == 1
    }
}

const DELIVERED: CallState = CallState::Delivered;
const WAITING: CallState = CallState::Waiting;

mod check {
    use super::*;

    pub(super) fn a_hook_is_sent_as_it_was_owed_and_signed_with_the_orgs_secret(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(200)]);
        world.owe(&[hook(&receiver.url, 1, "evt_1")]);
        assert!(matches!(
            world.notifier.step().unwrap(),
            Notice::Called(_, DELIVERED)
        ));
        let got = receiver.got();
        assert_eq!(got.body, r#"{"event":"evt_1"}"#);
        assert_eq!(got.header("webhook-id"), "evt_1");
        let token = world.token();
        let path = "/swathe/v1/notify_secret?of=org";
        let secret = world.api.call("GET", path, &token).json()["secret"].take();
        world.is_signed_by(&got, &secret);
        assert_ne!(world.secret(&token), secret);
        world.is_idle();
    }

    pub(super) fn calls_of_a_record_go_in_order_and_hold_up_no_other_record(kind: Kind) {
        let world = World::start(kind);
        let acts = [500, 200].map(Act::Status);
        let receiver = Hook::that(acts.to_vec());
        let url = &receiver.url;
        world.owe(&[hook(url, 1, "a1"), hook(url, 1, "a2"), hook(url, 2, "b1")]);
        assert_eq!(world.sends(&receiver, WAITING), "a1");
        // The endpoint rests, then another record's call is the probe; the same record's waits.
        world.is_idle();
        world.api.clock.advance_ms(5_000);
        assert_eq!(world.sends(&receiver, DELIVERED), "b1");
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
        assert_eq!(world.sends(&receiver, DELIVERED), "a2");
        world.is_idle();
    }

    pub(super) fn calls_of_a_record_go_in_order_by_clocks_that_differ(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(200)]);
        let url = &receiver.url;
        world.owe(&[hook(url, 1, "a1")]);
        // Another process, whose clock is behind, owes the later ones.
        let behind = model::time::Clock::now(&*world.api.clock).plus_ms(-3_000);
        for event in ["a2", "a3"] {
            let owed = world.api.db.write(Priority::Interactive, |tx| {
                Ok(calls::owe_hooks(tx, &[hook(url, 1, event)], behind)?)
            });
            owed.unwrap();
        }
        world.api.clock.advance_ms(2);
        for event in ["a1", "a2", "a3"] {
            assert_eq!(world.sends(&receiver, DELIVERED), event);
        }
    }

    pub(super) fn an_endpoint_that_fails_is_left_alone_then_probed_once(kind: Kind) {
        let world = World::start(kind);
        let acts = [503, 503, 503, 200].map(Act::Status);
        let receiver = Hook::that(acts.to_vec());
        let events = ["e1", "e2", "e3", "e4", "e5"];
        let owed = events.iter().zip(1..);
        let owed: Vec<_> = owed.map(|(e, n)| hook(&receiver.url, n, e)).collect();
        world.owe(&owed);
        for (rest, event) in [(5_000, "e1"), (30_000, "e2"), (120_000, "e3")] {
            assert_eq!(world.sends(&receiver, WAITING), event);
            world.is_idle();
            world.api.clock.advance_ms(rest - 1);
            world.is_idle();
            world.api.clock.advance_ms(1);
        }
        // Once one was taken the others follow at once, each of them only as often as it failed.
        let left = [(); 5].map(|()| world.sends(&receiver, DELIVERED));
        assert_eq!(left, ["e4", "e5", "e1", "e2", "e3"]);
        assert!(receiver.got_nothing());
    }

    pub(super) fn what_is_refused_for_good_does_not_stop_the_rest(kind: Kind) {
        let world = World::start(kind);
        let acts = [400, 200, 400, 200].map(Act::Status);
        let receiver = Hook::that(acts.to_vec());
        let url = &receiver.url;
        world.owe(&[hook(url, 1, "bad"), hook(url, 2, "b1")]);
        assert_eq!(world.sends(&receiver, WAITING), "bad");
        world.api.clock.advance_ms(5_000);
        assert_eq!(world.sends(&receiver, DELIVERED), "b1");
        assert_eq!(world.sends(&receiver, WAITING), "bad");
        world.owe(&[hook(url, 2, "b2")]);
        world.api.clock.advance_ms(5_000);
        assert_eq!(world.sends(&receiver, DELIVERED), "b2");
        world.is_idle();
    }

    pub(super) fn a_receiver_that_is_gone_is_not_called_again(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(410)]);
        world.owe(&[hook(&receiver.url, 1, "a1")]);
        assert_eq!(world.sends(&receiver, CallState::Dead), "a1");
        world.api.clock.advance_ms(24 * 60 * 60 * 1_000);
        world.is_idle();
    }

    pub(super) fn a_receiver_that_closes_or_drips_is_called_again(kind: Kind) {
        let patience = Duration::from_millis(500);
        let world = World::allowing(kind, loopback(), patience);
        let acts = vec![Act::Close, Act::Drip, Act::Status(200)];
        let receiver = Hook::that(acts);
        world.owe(&[hook(&receiver.url, 1, "a1")]);
        for wait in [5_000, 30_000] {
            assert_eq!(world.sends(&receiver, WAITING), "a1");
            world.api.clock.advance_ms(wait);
        }
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
    }

    pub(super) fn receivers_that_hang_hold_up_none_that_answers(kind: Kind) {
        let world = World::allowing(kind, loopback(), Duration::from_secs(600));
        let good = Hook::that(vec![Act::Status(200)]);
        world.owe(&[hook(&good.url, 1, "first")]);
        assert_eq!(world.sends(&good, DELIVERED), "first");
        let hanging = Hook::that(vec![Act::Hang]);
        let urls: Vec<String> = (0..40)
            .map(|n| hanging.url.replace("/hook", &format!("/hook{n}")))
            .collect();
        let owed = urls.iter().zip(10..);
        let owed: Vec<_> = owed.map(|(url, n)| hook(url, n, "hangs")).collect();
        world.owe(&owed);
        let calling = world.notifier.start().unwrap();
        hanging.got();
        // Far more endpoints hang than there are threads, and each for longer than this test.
        for n in 0..30 {
            let event = format!("good{n}");
            world.owe(&[hook(&good.url, n, &event)]);
            assert_eq!(good.got().header("webhook-id"), event);
        }
        calling.halt();
    }

    pub(super) fn an_endpoint_is_called_once_at_a_time_by_all_processes(kind: Kind) {
        let world = World::start(kind);
        let answers = Arc::new(Barrier::new(2));
        let acts = vec![Act::Late(Arc::clone(&answers)), Act::Status(200)];
        let receiver = Hook::that(acts);
        let events = ["a", "b", "c"];
        let owed = events.iter().zip(1..);
        let owed: Vec<_> = owed.map(|(e, n)| hook(&receiver.url, n, e)).collect();
        world.owe(&owed);
        thread::scope(|scope| {
            let calling = scope.spawn(|| world.notifier.step().unwrap());
            let begun = || {
                world
                    .api
                    .number("SELECT count(*) FROM calls WHERE attempts = 1")
            };
            while begun() == 0 {
                thread::yield_now();
            }
            // What another process sees: nobody's turn, whatever is due.
            for _ in 0..3 {
                world.is_idle();
            }
            answers.wait();
            assert!(matches!(
                calling.join().unwrap(),
                Notice::Called(_, DELIVERED)
            ));
            assert_eq!(receiver.got().header("webhook-id"), "a");
        });
        assert_eq!(world.sends(&receiver, DELIVERED), "b");
    }

    pub(super) fn processes_together_deliver_everything_once_and_in_order(kind: Kind) {
        let world = World::start(kind);
        let receivers = [(); 3].map(|()| Hook::that(vec![Act::Status(200)]));
        for n in 0..12 {
            let events: Vec<String> = (0..3).map(|r| format!("{r}-{n}")).collect();
            let owed = receivers.iter().zip(&events);
            let owed: Vec<_> = owed.map(|(r, e)| hook(&r.url, n % 2, e)).collect();
            world.owe(&owed);
            world.api.clock.advance_ms(1);
        }
        let waiting = || {
            let sql = "SELECT count(*) FROM calls WHERE state = 'waiting'";
            world.api.number(sql)
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while waiting() > 0 {
                        world.notifier.step().unwrap();
                    }
                });
            }
        });
        for (r, receiver) in receivers.iter().enumerate() {
            let got: Vec<String> = (0..12)
                .map(|_| receiver.got().header("webhook-id").to_owned())
                .collect();
            let wanted: Vec<String> = (0..12).map(|n| format!("{r}-{n}")).collect();
            assert_eq!(got, wanted);
            assert!(receiver.got_nothing());
        }
    }

    pub(super) fn a_crash_between_sending_and_keeping_sends_the_same_event_again(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(200)]);
        let url = &receiver.url;
        world.owe(&[hook(url, 1, "a1"), hook(url, 1, "a2"), hook(url, 2, "b1")]);
        // A process counts the try and sends it, and is killed before it keeps the answer.
        let now = model::time::Clock::now(&*world.api.clock);
        let begun = world.api.db.write(Priority::Chunk, |tx| {
            let mut due = Due::take(tx, now, now.plus_ms(10_000), false)?.unwrap();
            assert_eq!(due.call.event, "a1");
            Ok(calls::begin(tx, &mut due, now, now.plus_ms(15_000))?)
        });
        assert!(begun.unwrap());
        // Until that try is surely over, nobody calls the endpoint.
        world.api.clock.advance_ms(9_999);
        world.is_idle();
        world.api.clock.advance_ms(1);
        assert_eq!(world.sends(&receiver, DELIVERED), "b1");
        world.is_idle();
        world.api.clock.advance_ms(5_000);
        assert_eq!(world.sends(&receiver, DELIVERED), "a1");
        assert_eq!(world.sends(&receiver, DELIVERED), "a2");
        let sql = "SELECT attempts FROM calls WHERE event = 'a1'";
        assert_eq!(world.api.number(sql), 2);
    }

    pub(super) fn what_no_receiver_takes_for_days_is_given_up(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(503)]);
        let url = &receiver.url;
        world.owe(&[
            hook(url, 1, "old1"),
            hook(url, 1, "old2"),
            hook(url, 2, "old3"),
        ]);
        world.api.clock.advance_ms(3 * 24 * 60 * 60 * 1_000 + 1);
        world.owe(&[hook(url, 3, "new")]);
        assert_eq!(world.sends(&receiver, WAITING), "old1");
        for event in ["old1", "old2", "old3"] {
            assert!(world.state_of(event, "dead"), "{event}");
        }
        world.api.clock.advance_ms(5_000);
        assert_eq!(world.sends(&receiver, WAITING), "new");
        let told = "SELECT count(*) FROM calls WHERE last_error =";
        let told = |why: &str| world.api.number(&format!("{told} '{why}'"));
        assert_eq!(told("its receiver took no call for days"), 2);
        assert_eq!(told("it answered 503"), 2);
        for _ in 1..TRIES {
            world.api.clock.advance_ms(5 * 60 * 60 * 1_000);
            world.notifier.step().unwrap();
        }
        assert!(world.state_of("new", "dead"));
    }

    pub(super) fn a_hook_is_owed_with_what_the_rule_did_or_not_at_all(kind: Kind) {
        let world = World::start(kind);
        let receiver = Hook::that(vec![Act::Status(200)]);
        let now = model::time::Clock::now(&*world.api.clock);
        let failed = world.api.db.write(Priority::Interactive, |tx| {
            calls::owe_hooks(tx, &[hook(&receiver.url, 1, "a1")], now)?;
            Err::<(), _>(store::Error::Driver("planned".to_owned()).into())
        });
        assert!(failed.is_err());
        world.is_idle();
        assert!(receiver.got_nothing());
    }
}
