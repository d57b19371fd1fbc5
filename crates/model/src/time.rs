//! Instants and civil days, and how the wire writes them. Nothing here reads the clock.

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// An instant: milliseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Tells the time to the outermost rooms; everything inside takes a [`Timestamp`].
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

impl Timestamp {
    /// This instant moved by so many milliseconds.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The wire's form in a time zone: `2031-05-06T07:08:09+05:30`, without milliseconds
    /// (wire API, C).
    pub fn to_wire(self, zone: &TimeZone) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at
                .to_zoned(zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S%:z")
                .to_string(),
            Err(_) => String::new(),
        }
    }

    /// The native form: ISO 8601 in UTC with `Z`.
    pub fn to_utc(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            Err(_) => String::new(),
        }
    }

    /// Reads the wire's form: with an offset, with `Z`, or without a zone, which then is `zone`.
    /// Fractions of a second are refused, as the wire API does (C).
    pub fn from_wire(text: &str, zone: &TimeZone) -> Option<Self> {
        if !(19..=25).contains(&text.len())
            || text.contains('.')
            || text.as_bytes().get(10) != Some(&b'T')
        {
            return None;
        }
        let at = if text.len() == 19 {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            civil.to_zoned(zone.clone()).ok()?.timestamp()
        } else {
            text.parse::<jiff::Timestamp>().ok()?
        };
        Some(Self(at.as_millisecond()))
    }

    /// How many milliseconds a time zone is ahead of UTC at this instant.
    pub fn offset_ms(self, zone: &TimeZone) -> i64 {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        i64::from(zone.to_offset(at).seconds()) * 1000
    }

    /// The civil day of this instant in a time zone.
    pub fn day(self, zone: &TimeZone) -> Option<Day> {
        let at = jiff::Timestamp::from_millisecond(self.0).ok()?;
        Some(Day::from_civil(at.to_zoned(zone.clone()).date()))
    }
}

/// A civil day: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

impl Day {
    /// Reads `yyyy-MM-dd`.
    pub fn from_wire(text: &str) -> Option<Self> {
        let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if !plain {
            return None;
        }
        text.parse::<Date>().ok().map(Self::from_civil)
    }

    /// Writes `yyyy-MM-dd`.
    pub fn to_wire(self) -> String {
        self.civil()
            .map(|date| date.to_string())
            .unwrap_or_default()
    }

    /// The day of a civil date.
    pub fn from_civil(date: Date) -> Self {
        Self(i64::from((date - EPOCH).get_days()))
    }

    /// The civil date, if the calendar reaches so far.
    pub fn civil(self) -> Option<Date> {
        let span = jiff::Span::new().try_days(self.0).ok()?;
        EPOCH.checked_add(span).ok()
    }

    /// The instant at which this day starts in a time zone; days of 23 or 25 hours are right.
    pub fn start(self, zone: &TimeZone) -> Option<Timestamp> {
        let start = self.civil()?.to_zoned(zone.clone()).ok()?;
        Some(Timestamp(start.timestamp().as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_has_an_offset_and_no_fraction() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        let at = Timestamp::from_wire("2031-05-06T07:08:09+05:30", &zone).unwrap();
        assert_eq!(at.to_wire(&zone), "2031-05-06T07:08:09+05:30");
        assert_eq!(at.to_utc(), "2031-05-06T01:38:09Z");
        assert_eq!(
            Timestamp::from_wire("2031-05-06T01:38:09Z", &zone),
            Some(at)
        );
        assert_eq!(Timestamp::from_wire("2031-05-06T07:08:09", &zone), Some(at));
        for bad in [
            "2031-05-06T07:08:09.123Z",
            "2031-05-06",
            "2031-05-06 07:08:09",
            "x",
            "",
        ] {
            assert_eq!(Timestamp::from_wire(bad, &zone), None, "{bad:?}");
        }
    }

    #[test]
    fn a_day_goes_to_the_wire_and_back() {
        for text in ["1969-12-31", "1970-01-01", "2024-02-29", "2031-05-06"] {
            assert_eq!(Day::from_wire(text).unwrap().to_wire(), text);
        }
        for bad in ["2023-02-29", "2023-1-1", "2023/01/01", "", "20230101"] {
            assert_eq!(Day::from_wire(bad), None, "{bad:?}");
        }
    }
}
