//! Days and times in conditions. Each stands for a half-open range of stored integers: a day for
//! all its milliseconds in the user's zone, a time for its second, since the wire shows no less.

use crate::field::FieldKind;
use crate::time::{Day, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

/// The length of the periods that relative dates count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Day,
    /// Monday to Sunday.
    Week,
    Month,
    Quarter,
    Year,
}

/// A run of periods, counted from the one that today is in: 0 is the current one, -1 the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Relative {
    unit: Unit,
    from: Option<i32>,
    to: Option<i32>,
    /// It counts days of age, which grow as dates fall.
    pub(super) aged: bool,
    /// It is a number of days, which only single-valued comparators take.
    pub(super) counted: bool,
}

/// A day or a time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Day(Day),
    Time(Timestamp),
    Relative(Relative),
}

/// A half-open range of the integers that a field stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
}

/// The most periods that `${LAST_N_DAYS:n}` and its like count, in digits.
const COUNT_DIGITS_MAX: usize = 4;

impl Moment {
    /// Reads a value of a date or date-time field.
    pub(super) fn read(kind: &FieldKind, text: &str, zone: &TimeZone) -> Option<Self> {
        if text.starts_with("${") {
            return Relative::read(text).map(Self::Relative);
        }
        if let Some(day) = Day::from_wire(text) {
            return Some(Self::Day(day));
        }
        match kind {
            FieldKind::DateTime => Timestamp::from_wire(text, zone).map(Self::Time),
            _ => None,
        }
    }

    /// The range of stored values; `None` when the calendar does not reach so far.
    pub(super) fn range(self, kind: &FieldKind, today: Day, zone: &TimeZone) -> Option<Range> {
        let (from, to) = match self {
            Self::Time(at) => {
                return Some(Range {
                    from: Some(at.0),
                    to: Some(at.plus_ms(1000).0),
                });
            }
            Self::Day(day) => (Some(day), Some(Day(day.0 + 1))),
            Self::Relative(relative) => relative.days(today)?,
        };
        if *kind == FieldKind::DateTime {
            let from = match from {
                Some(day) => Some(day.start(zone)?.0),
                None => None,
            };
            // After the last day of the calendar nothing can be stored, so no bound is needed.
            let to = to.and_then(|day| day.start(zone)).map(|at| at.0);
            Some(Range { from, to })
        } else {
            let number = |day: Option<Day>| day.map(|day| day.0);
            Some(Range {
                from: number(from),
                to: number(to),
            })
        }
    }
}

impl Relative {
    fn run(unit: Unit, from: i32, to: i32) -> Self {
        Self {
            unit,
            from: Some(from),
            to: Some(to),
            aged: false,
            counted: false,
        }
    }

    /// Reads `${TODAY}`, `${LAST_N_DAYS:5}`, `${AGEINDAYS}+3` and the others of wire API 10.2.
    fn read(text: &str) -> Option<Self> {
        let (name, after) = text.strip_prefix("${")?.split_once('}')?;
        if !after.is_empty() {
            let days = count(after.strip_prefix('+')?)?;
            let (day, aged) = match name {
                "AGEINDAYS" => (-days, true),
                "DUEINDAYS" => (days, false),
                _ => return None,
            };
            return Some(Self {
                aged,
                counted: true,
                ..Self::run(Unit::Day, day, day + 1)
            });
        }
        if let Some((name, number)) = name.split_once(':') {
            let n = count(number).filter(|n| *n > 0)?;
            let (past, unit) = match name.strip_prefix("LAST_N_") {
                Some(unit) => (true, unit),
                None => (false, name.strip_prefix("NEXT_N_")?),
            };
            let unit = match unit {
                "DAYS" => Unit::Day,
                "WEEKS" => Unit::Week,
                "MONTHS" => Unit::Month,
                "YEARS" => Unit::Year,
                _ => return None,
            };
            return Some(if past {
                Self::run(unit, -n, 0)
            } else {
                Self::run(unit, 1, n + 1)
            });
        }
        let open = |from, to| Self {
            from,
            to,
            ..Self::run(Unit::Day, 0, 1)
        };
        // A fiscal year is a calendar year: the org has no other start.
        Some(match name {
            "TODAY" => Self::run(Unit::Day, 0, 1),
            "TOMORROW" => Self::run(Unit::Day, 1, 2),
            "TOMORROWPLUS" => open(Some(1), None),
            "YESTERDAY" => Self::run(Unit::Day, -1, 0),
            "YESTERDAYMINUS" => open(None, Some(0)),
            "LASTWEEK" => Self::run(Unit::Week, -1, 0),
            "THISWEEK" => Self::run(Unit::Week, 0, 1),
            "NEXTWEEK" => Self::run(Unit::Week, 1, 2),
            "LASTMONTH" => Self::run(Unit::Month, -1, 0),
            "THISMONTH" => Self::run(Unit::Month, 0, 1),
            "NEXTMONTH" => Self::run(Unit::Month, 1, 2),
            "LASTYEAR" | "PREVFY" => Self::run(Unit::Year, -1, 0),
            "THISYEAR" | "THISFY" => Self::run(Unit::Year, 0, 1),
            "NEXTYEAR" | "NEXTFY" => Self::run(Unit::Year, 1, 2),
            "PREVFQ" => Self::run(Unit::Quarter, -1, 0),
            "THISFQ" => Self::run(Unit::Quarter, 0, 1),
            "NEXTFQ" => Self::run(Unit::Quarter, 1, 2),
            _ => return None,
        })
    }

    /// The first day, and the first after the last; `None` when the calendar ends before.
    fn days(self, today: Day) -> Option<(Option<Day>, Option<Day>)> {
        let today = today.civil()?;
        let at = |periods: Option<i32>| match periods {
            None => Some(None),
            Some(periods) => start(today, self.unit, periods).map(|day| Some(Day::from_civil(day))),
        };
        Some((at(self.from)?, at(self.to)?))
    }
}

/// The first day of the period that lies so many periods after the one with `today` in it.
fn start(today: Date, unit: Unit, periods: i32) -> Option<Date> {
    let months = |months: i32| Span::new().try_months(months).ok();
    match unit {
        Unit::Day => today.checked_add(Span::new().try_days(periods).ok()?).ok(),
        Unit::Week => {
            let since_monday = today.weekday().to_monday_zero_offset();
            let monday = today.checked_sub(since_monday.days()).ok()?;
            monday
                .checked_add(Span::new().try_weeks(periods).ok()?)
                .ok()
        }
        Unit::Month => today.first_of_month().checked_add(months(periods)?).ok(),
        Unit::Quarter => {
            let into = i32::from((today.month() - 1) % 3);
            let first = today.first_of_month();
            first.checked_add(months(3 * periods - into)?).ok()
        }
        Unit::Year => {
            let first = today.first_of_year();
            first.checked_add(Span::new().try_years(periods).ok()?).ok()
        }
    }
}

fn count(text: &str) -> Option<i32> {
    let plain = !text.is_empty()
        && text.len() <= COUNT_DIGITS_MAX
        && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}
