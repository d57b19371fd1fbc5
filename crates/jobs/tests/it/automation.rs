//! Events and their effects: once each, in the order of each record, whatever fails.

use crate::toy::{Bench, Toy};
use jobs::{Effects, Engine, EventPoint, EventStep, EventWorker};
use model::id::{ModuleId, RecordId, RuleId, UserId};
use model::time::{Clock, Timestamp};
use model::workflow::Trigger;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use store::events::{self, Event, Met, Source};
use store::{Error, Fault, Tx, params};
use testkit::{Kind, each_db};

each_db! {
    whatever_fails_at_any_point_each_effect_happens_once,
    an_event_that_always_fails_is_given_up_and_later_ones_go_on,
    events_that_wait_keep_only_their_own_record_waiting,
    an_engine_runs_events_when_it_is_woken,
    effects_that_leave_events_are_followed_by_them,
}

/// Notes each event with how many of its record were noted before.
struct Noting {
    /// Fails for this record.
    poison: Option<i64>,
    told: Mutex<Option<Sender<i64>>>,
    /// The first revision leaves one more event.
    chains: bool,
}

impl Noting {
    fn plain() -> Self {
        Self {
            poison: None,
            told: Mutex::default(),
            chains: false,
        }
    }
}

impl Effects for Noting {
    fn reach(&self, _: &mut Tx, events: &[Event]) -> store::Result<usize> {
        Ok(events.len())
    }

    fn run(&self, tx: &mut Tx, events: &[Event], now: Timestamp) -> Result<(), Fault> {
        for event in events {
            if self.poison == Some(event.record.0) && event.place == 0 {
                return Err(Error::Inconsistent("planned".to_owned()).into());
            }
            let sql = "INSERT INTO toy_effects (record, rev, place, seq)
                       SELECT $1, $2, $3, count(*) FROM toy_effects WHERE record = $1";
            tx.execute(sql, params![event.record.0, event.rev, event.place])?;
            if self.chains && event.rev == 1 {
                leave_in(tx, event.record.0, event.rev + 1, 1, now)?;
            }
            if let Some(told) = self.told.lock().unwrap().as_ref() {
                told.send(event.record.0).unwrap();
            }
        }
        Ok(())
    }
}

fn leave_in(tx: &mut Tx, record: i64, rev: i64, rules: i64, now: Timestamp) -> Result<(), Fault> {
    let source = Source {
        module: ModuleId(1),
        trigger: Trigger::Edit,
        job: None,
        actor: UserId(1),
        chain: &[],
        made: 0,
        at: now,
    };
    let met = Met {
        record: RecordId(record),
        rev,
        rules: (1..=rules).map(RuleId).collect(),
    };
    Ok(events::insert(tx, source, &[met])?)
}

/// A bench with two writes of each of `n` records, each with three events.
fn with_events(kind: Kind, n: i64) -> Bench {
    let bench = Bench::new(kind, 1);
    let now = bench.now();
    bench.write(|tx| {
        tx.batch(
            "CREATE TABLE toy_effects (record BIGINT NOT NULL, rev BIGINT NOT NULL,
               place BIGINT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (record, rev, place))",
        )?;
        for record in 1..=n {
            for rev in [1, 2] {
                leave_in(tx, record, rev, 3, now)?;
            }
        }
        Ok(())
    });
    bench
}

fn worker(bench: &Bench, effects: Noting) -> EventWorker {
    let clock = Arc::clone(&bench.clock) as Arc<dyn Clock>;
    EventWorker::new(bench.db.clone(), clock, Arc::new(effects))
}

/// Steps until nothing is left, moving the time past every wait.
fn drain(bench: &Bench, worker: &mut EventWorker) -> Vec<EventStep> {
    let mut steps = Vec::new();
    for _ in 0..1_000 {
        let step = worker.step();
        if step == EventStep::Idle && count(bench, "events") == 0 {
            return steps;
        }
        bench.clock.advance_ms(10_000);
        steps.push(step);
    }
    panic!("the events do not end: {steps:?}");
}

fn count(bench: &Bench, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    bench.db.read(|tx| Ok(tx.value(&sql, &[])?)).unwrap()
}

/// Panics unless the effects of these records happened, each once and in order.
fn expect(bench: &Bench, records: impl Iterator<Item = i64>) {
    let wanted: Vec<[i64; 4]> = records
        .flat_map(|record| {
            let keys = [1, 2]
                .into_iter()
                .flat_map(|rev| (0..3).map(move |place| (rev, place)));
            keys.zip(0..)
                .map(move |((rev, place), seq)| [record, rev, place, seq])
        })
        .collect();
    let found = bench.db.read(|tx| {
        let sql = "SELECT record, rev, place, seq FROM toy_effects ORDER BY record, rev, place";
        let rows = tx.query(sql, &[])?;
        let columns = ["record", "rev", "place", "seq"];
        let row = |row: &store::Row| Ok(columns.map(|name| row.get(name).unwrap()));
        Ok(rows
            .iter()
            .map(row)
            .collect::<store::Result<Vec<[i64; 4]>>>()?)
    });
    assert_eq!(found.unwrap(), wanted);
}

mod check {
    use super::*;

    pub(super) fn whatever_fails_at_any_point_each_effect_happens_once(kind: Kind) {
        for point in EventPoint::ALL {
            for (nth, panics) in [(0, false), (0, true), (2, false), (3, true)] {
                let bench = with_events(kind, 5);
                let mut passes = 0;
                let faults = move |at: EventPoint| {
                    passes += i32::from(at == point);
                    if at != point || passes != nth + 1 {
                        return Ok(());
                    }
                    assert!(!panics, "planned");
                    Err(Error::Inconsistent("planned".to_owned()).into())
                };
                let mut worker = worker(&bench, Noting::plain()).with_faults(faults);
                let steps = drain(&bench, &mut worker);
                assert!(
                    !steps.contains(&EventStep::GaveUp),
                    "{point:?} {nth}: {steps:?}"
                );
                expect(&bench, 1..=5);
            }
        }
    }

    pub(super) fn an_event_that_always_fails_is_given_up_and_later_ones_go_on(kind: Kind) {
        let bench = with_events(kind, 9);
        let effects = Noting {
            poison: Some(4),
            ..Noting::plain()
        };
        let steps = drain(&bench, &mut worker(&bench, effects));
        let gave_up = steps.iter().filter(|step| **step == EventStep::GaveUp);
        // Both writes of the record have such an event.
        assert_eq!(gave_up.count(), 2, "{steps:?}");
        assert_eq!(count(&bench, "toy_effects"), 9 * 6 - 2);
        let left = "toy_effects WHERE record = 4 AND place > 0";
        assert_eq!(count(&bench, left), 4);
        let failed = "automation_failures WHERE record = 4 AND code = 'INTERNAL_ERROR'";
        assert_eq!(
            (count(&bench, failed), count(&bench, "automation_failures")),
            (2, 2)
        );
    }

    pub(super) fn events_that_wait_keep_only_their_own_record_waiting(kind: Kind) {
        let bench = with_events(kind, 3);
        bench.write(|tx| {
            let sql = "UPDATE events SET next_at = next_at + 5000 WHERE record = 2 AND place = 1";
            tx.execute(sql, &[])?;
            Ok(())
        });
        let mut worker = worker(&bench, Noting::plain());
        while worker.step() != EventStep::Idle {}
        assert_eq!(count(&bench, "toy_effects"), 6 + 1 + 6);
        bench.clock.advance_ms(5_000);
        drain(&bench, &mut worker);
        expect(&bench, 1..=3);
    }

    pub(super) fn an_engine_runs_events_when_it_is_woken(kind: Kind) {
        let bench = with_events(kind, 0);
        let (told, hears) = channel();
        let effects = Noting {
            told: Mutex::new(Some(told)),
            ..Noting::plain()
        };
        let engine = Engine::start(bench.worker("a", Toy::plain())).unwrap();
        let engine = engine.with_events(worker(&bench, effects)).unwrap();
        bench.db.when_events_are_left(engine.waker_of_events());
        for record in 1..=3 {
            let now = bench.now();
            bench.write(|tx| leave_in(tx, record, 1, 1, now));
            let ran = hears.recv_timeout(Duration::from_secs(20));
            assert_eq!(ran, Ok(record));
        }
        assert!(engine.is_well());
        engine.stop();
    }

    pub(super) fn effects_that_leave_events_are_followed_by_them(kind: Kind) {
        let bench = with_events(kind, 0);
        let now = bench.now();
        bench.write(|tx| leave_in(tx, 1, 1, 1, now));
        let effects = Noting {
            chains: true,
            ..Noting::plain()
        };
        assert_eq!(
            drain(&bench, &mut worker(&bench, effects)),
            [EventStep::Ran(1), EventStep::Ran(1)]
        );
        assert_eq!(count(&bench, "toy_effects WHERE rev = 2 AND seq = 1"), 1);
    }
}

/// Workers side by side neither repeat an event nor pass one by.
#[test]
fn workers_at_once_run_each_event_once_and_in_order() {
    let bench = with_events(Kind::Postgres, 40);
    thread::scope(|scope| {
        for size in [1, 3, 50] {
            let bench = &bench;
            scope.spawn(move || {
                let mut worker = worker(bench, Noting::plain()).with_batches_of(size);
                while count(bench, "events") > 0 {
                    let step = worker.step();
                    assert!(!matches!(step, EventStep::GaveUp), "{step:?}");
                }
            });
        }
    });
    expect(&bench, 1..=40);
}
