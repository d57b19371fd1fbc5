//! The engine against a model of it: a seed makes a list of events, and after each of them the tables
//! hold what the model says. A seed that fails is told with the shortest list of events that still
//! fails, and runs again, alone, with `SWATHE_SIMULATE=SEED`; `SWATHE_SIMULATE=FROM..TO` runs others.

mod event;
mod model;
mod world;

use crate::toy::Bench;
use event::{Dice, Event, RECORDS};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use testkit::Kind;
use world::World;

/// Seeds of each test on SQLite, and on PostgreSQL.
const SEEDS: [u64; 2] = [1_250, 24];
/// A list is shortened for so many runs at most.
const SHORTENINGS: usize = 2_000;

#[test]
fn the_engine_does_what_its_model_does_on_sqlite() {
    simulate(Kind::Sqlite, 0..SEEDS[0]);
}

#[test]
fn the_engine_does_what_its_model_does_on_sqlite_again() {
    simulate(Kind::Sqlite, SEEDS[0]..2 * SEEDS[0]);
}

#[test]
fn the_engine_does_what_its_model_does_on_postgres() {
    simulate(Kind::Postgres, 0..SEEDS[1]);
}

fn simulate(kind: Kind, seeds: Range<u64>) {
    let mut bench = Some(Bench::quick(kind, RECORDS.cast_signed()));
    for (run, seed) in (1..).zip(asked().unwrap_or(seeds)) {
        let mut dice = Dice(seed);
        let sizes = [0, 0].map(|_| 1 + dice.index(9));
        let events = dice.events();
        if let Err(why) = play(&mut bench, run, sizes, &events) {
            let kept = shortened(&mut bench, sizes, events);
            let why = play(&mut bench, 0, sizes, &kept).err().unwrap_or(why);
            let list: Vec<String> = kept.iter().map(|event| format!("  {event:?}")).collect();
            panic!(
                "seed {seed}, chunks of {sizes:?}: {why}\n{}\nSWATHE_SIMULATE={seed} runs it again",
                list.join("\n")
            );
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person who looks into a failure says so here"
)]
fn asked() -> Option<Range<u64>> {
    let text = std::env::var("SWATHE_SIMULATE").ok()?;
    let number = |text: &str| text.parse::<u64>().expect("a seed");
    Some(match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    })
}

/// One run in tables without jobs.
fn play(
    bench: &mut Option<Bench>,
    run: i64,
    sizes: [usize; 2],
    events: &[Event],
) -> Result<(), String> {
    let mut world = World::new(bench.take().expect("a bench"), run, sizes);
    let played = catch_unwind(AssertUnwindSafe(|| {
        for event in events {
            world
                .happen(event)
                .map_err(|why| format!("{event:?}: {why}"))?;
        }
        world.end().map_err(|why| format!("at the end: {why}"))
    }));
    *bench = Some(world.emptied());
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text
            .or_else(|| panic.downcast_ref().copied())
            .unwrap_or("a panic")
            .to_owned())
    })
}

/// The events of a failing list without which it no longer fails.
fn shortened(bench: &mut Option<Bench>, sizes: [usize; 2], mut events: Vec<Event>) -> Vec<Event> {
    let mut tries = 0;
    let mut length = events.len() / 2;
    while length > 0 && tries < SHORTENINGS {
        let mut start = 0;
        let before = events.len();
        while start < events.len() {
            let end = (start + length).min(events.len());
            let without = [&events[..start], &events[end..]].concat();
            tries += 1;
            if play(bench, 0, sizes, &without).is_err() {
                events = without;
            } else {
                start = end;
            }
        }
        if length > 1 {
            length /= 2;
        } else if events.len() == before {
            break;
        }
    }
    events
}
