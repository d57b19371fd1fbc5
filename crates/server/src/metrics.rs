//! What `/metrics` says, in the text form of Prometheus. A few fixed series need no library: one
//! counter and one histogram for each route, method and status that was ever answered.

use model::job::JobState;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram's buckets, in microseconds and as Prometheus writes them.
const BUCKETS: [(u64, &str); 10] = [
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (500_000, "0.5"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
];

#[derive(Default)]
struct Series {
    count: u64,
    micros: u64,
    buckets: [u64; BUCKETS.len()],
}

/// Route pattern, method and status. Paths never stand here: they are without number.
type Key = (&'static str, &'static str, u16);

/// The counters of one server.
#[derive(Default)]
pub struct Metrics(Mutex<BTreeMap<Key, Series>>);

impl Metrics {
    pub(crate) fn request(
        &self,
        route: &'static str,
        method: &'static str,
        status: u16,
        took: Duration,
    ) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let series = all.entry((route, method, status)).or_default();
        series.count += 1;
        series.micros = series.micros.saturating_add(micros);
        for (bucket, (bound, _)) in series.buckets.iter_mut().zip(BUCKETS) {
            if micros <= bound {
                *bucket += 1;
            }
        }
    }

    /// Everything, as Prometheus reads it. `jobs` is none when the database did not answer.
    pub(crate) fn render(&self, jobs: Option<&[(JobState, i64)]>, events: Option<i64>) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.render_to(&mut text, jobs, events);
        text
    }

    fn render_to(
        &self,
        to: &mut String,
        jobs: Option<&[(JobState, i64)]>,
        events: Option<i64>,
    ) -> Result<(), std::fmt::Error> {
        writeln!(to, "# HELP swathe_build_info The program that answers.")?;
        writeln!(to, "# TYPE swathe_build_info gauge")?;
        let version = env!("CARGO_PKG_VERSION");
        writeln!(to, "swathe_build_info{{version=\"{version}\"}} 1")?;
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(to, "# HELP swathe_requests_total Answered requests.")?;
        writeln!(to, "# TYPE swathe_requests_total counter")?;
        for ((route, method, status), series) in all.iter() {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            writeln!(to, "swathe_requests_total{{{labels}}} {}", series.count)?;
        }
        let name = "swathe_request_duration_seconds";
        writeln!(to, "# HELP {name} Time from the first byte to the answer.")?;
        writeln!(to, "# TYPE {name} histogram")?;
        for ((route, method, status), series) in all.iter() {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            for (bucket, (_, bound)) in series.buckets.iter().zip(BUCKETS) {
                writeln!(to, "{name}_bucket{{{labels},le=\"{bound}\"}} {bucket}")?;
            }
            let (count, micros) = (series.count, series.micros);
            writeln!(to, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}")?;
            let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
            writeln!(to, "{name}_sum{{{labels}}} {whole}.{rest:06}")?;
            writeln!(to, "{name}_count{{{labels}}} {count}")?;
        }
        drop(all);
        if let Some(events) = events {
            writeln!(
                to,
                "# HELP swathe_events_waiting Workflow rules that were met and did not run yet."
            )?;
            writeln!(to, "# TYPE swathe_events_waiting gauge")?;
            writeln!(to, "swathe_events_waiting {events}")?;
        }
        let Some(jobs) = jobs else { return Ok(()) };
        writeln!(to, "# HELP swathe_jobs Stored jobs by state.")?;
        writeln!(to, "# TYPE swathe_jobs gauge")?;
        for state in JobState::ALL {
            let found = jobs.iter().find(|(one, _)| *one == state);
            let count = found.map_or(0, |(_, count)| *count);
            writeln!(to, "swathe_jobs{{state=\"{state}\"}} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_cumulative_buckets_are_rendered() {
        let metrics = Metrics::default();
        metrics.request("/crm/{version}/org", "GET", 200, Duration::from_millis(3));
        metrics.request("/crm/{version}/org", "GET", 200, Duration::from_secs(60));
        let text = metrics.render(Some(&[(JobState::Running, 4)]), Some(7));
        let labels = r#"route="/crm/{version}/org",method="GET",status="200""#;
        for line in [
            format!("swathe_requests_total{{{labels}}} 2"),
            format!("swathe_request_duration_seconds_bucket{{{labels},le=\"0.0025\"}} 0"),
            format!("swathe_request_duration_seconds_bucket{{{labels},le=\"0.005\"}} 1"),
            format!("swathe_request_duration_seconds_bucket{{{labels},le=\"10\"}} 1"),
            format!("swathe_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 2"),
            format!("swathe_request_duration_seconds_sum{{{labels}}} 60.003000"),
            "swathe_events_waiting 7".to_owned(),
            "swathe_jobs{state=\"running\"} 4".to_owned(),
            "swathe_jobs{state=\"queued\"} 0".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let text = metrics.render(None, None);
        assert!(!text.contains("swathe_jobs") && !text.contains("swathe_events"));
    }
}
