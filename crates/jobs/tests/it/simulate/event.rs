//! What may happen to the engine, and a seed's list of it.

use jobs::Point;

/// Records in the table.
pub(super) const RECORDS: u64 = 24;
/// Workers at once.
pub(super) const WORKERS: u64 = 2;

/// How a worker fails at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Error,
    Panic,
    Busy,
    /// The action says that the job cannot go on.
    Refusal,
}

/// A job as it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) records: i64,
    pub(super) key: Option<u64>,
    pub(super) throttle: Option<i64>,
    /// It starts so much later.
    pub(super) later_ms: Option<i64>,
    /// Then it selects all records.
    pub(super) selects: bool,
    /// It is made from a plan, with this tolerance.
    pub(super) tolerance: Option<i64>,
}

/// One thing that happens. Jobs are meant by their place among those accepted, and what means none
/// does nothing: so a list stays one when events are dropped from it.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Accept(Asked),
    /// A worker steps, and fails at the nth passing of a point if it comes there.
    Step(usize, Option<(Point, u64, Failure)>),
    /// A worker is gone without a word, and another one stands in its place.
    Lose(usize),
    Release(usize),
    Clock(i64),
    /// Somebody else writes a record.
    Touch(i64),
    Pause(u64),
    Resume(u64, Option<i64>),
    Cancel(u64),
    Throttle(u64, Option<i64>),
    Retry(u64),
    /// The process dies, and another one opens the database.
    Reopen,
}

/// Numbers that look random and are the same in each run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number from 0 to one less than `sides`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % sides
    }

    fn number(&mut self, sides: u64) -> i64 {
        i64::try_from(self.roll(sides)).unwrap()
    }

    /// Something once in so many times.
    fn sometimes<T>(&mut self, times: u64, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(times) == 0).then(|| some(self))
    }

    pub(super) fn index(&mut self, sides: u64) -> usize {
        usize::try_from(self.roll(sides)).unwrap()
    }

    fn asked(&mut self) -> Asked {
        let planned = self.sometimes(4, |dice| dice.number(4));
        let later_ms = self.sometimes(4, |dice| dice.number(60_000));
        Asked {
            records: 1 + self.number(RECORDS),
            key: self.sometimes(2, |dice| dice.roll(2)),
            throttle: self.sometimes(4, |dice| 1 + dice.number(30)),
            selects: planned.is_none() && later_ms.is_some() && self.roll(2) == 0,
            later_ms,
            tolerance: planned,
        }
    }

    fn fault(&mut self) -> (Point, u64, Failure) {
        let failures = [
            Failure::Error,
            Failure::Panic,
            Failure::Busy,
            Failure::Refusal,
        ];
        let point = Point::ALL[self.index(Point::ALL.len() as u64)];
        // Only an action refuses.
        let sides = if point == Point::BeforeAction { 4 } else { 3 };
        let nth = self.roll(2);
        (point, nth, failures[self.index(sides)])
    }

    fn event(&mut self) -> Event {
        let worker = self.index(WORKERS);
        match self.roll(100) {
            0..54 => Event::Step(worker, self.sometimes(7, Self::fault)),
            54..63 => Event::Accept(self.asked()),
            63..70 => Event::Clock(1 + self.number(1_500)),
            // Within a lease.
            70..72 => Event::Clock(1 + self.number(29_000)),
            72..75 => Event::Clock(31_000),
            75..77 => Event::Clock(-1 - self.number(40_000)),
            77..80 => Event::Lose(worker),
            80..82 => Event::Release(worker),
            82..87 => Event::Touch(1 + self.number(RECORDS)),
            87..90 => Event::Pause(self.roll(9)),
            90..94 => {
                let job = self.roll(9);
                Event::Resume(job, self.sometimes(2, |dice| dice.number(6)))
            }
            94..96 => Event::Cancel(self.roll(9)),
            96..98 => {
                let job = self.roll(9);
                Event::Throttle(job, self.sometimes(2, |dice| 1 + dice.number(30)))
            }
            98..99 => Event::Retry(self.roll(9)),
            _ => Event::Reopen,
        }
    }

    /// The size of each worker's chunks, and what happens.
    pub(super) fn events(&mut self) -> Vec<Event> {
        let length = 20 + self.index(60);
        let mut events = vec![Event::Accept(self.asked()), Event::Accept(self.asked())];
        events.extend((0..length).map(|_| self.event()));
        events
    }
}
