//! The bench's client, and how long answers take.

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between two requests of somebody who measures: a person, not a flood.
const PAUSE: Duration = Duration::from_millis(4);

/// A connection of one user.
pub(super) struct Client {
    agent: ureq::Agent,
    base: String,
    token: String,
}

impl Client {
    pub(super) fn new(base: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build();
        Self {
            agent: ureq::Agent::new_with_config(config),
            base: base.to_owned(),
            token: token.to_owned(),
        }
    }

    /// Another connection of the same user.
    pub(super) fn another(&self) -> Self {
        Self::new(&self.base, &self.token)
    }

    pub(super) fn get(&self, path: &str) -> Result<Json> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let answer = request.header("Authorization", self.authorization());
        read(path, answer.call().with_context(|| format!("GET {path}"))?)
    }

    pub(super) fn post(&self, path: &str, body: &Json) -> Result<Json> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.header("Authorization", self.authorization());
        let answer = request.send_json(body);
        read(path, answer.with_context(|| format!("POST {path}"))?)
    }

    fn put(&self, path: &str, body: &Json) -> Result<Json> {
        let request = self.agent.put(format!("{}{path}", self.base));
        let request = request.header("Authorization", self.authorization());
        let answer = request.send_json(body);
        read(path, answer.with_context(|| format!("PUT {path}"))?)
    }

    fn authorization(&self) -> String {
        format!("Zoho-oauthtoken {}", self.token)
    }

    /// The ids of some leads, from all over the first pages.
    pub(super) fn leads(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for page in 1..=10 {
            let path = format!("/crm/v8/Leads?fields=Last_Name&per_page=200&page={page}");
            let answer = self.get(&path)?;
            let found = answer.get("data").and_then(Json::as_array);
            let id = |lead: &Json| Some(lead.get("id")?.as_str()?.to_owned());
            ids.extend(found.into_iter().flatten().filter_map(id));
        }
        Ok(ids)
    }
}

fn read(path: &str, mut answer: ureq::http::Response<ureq::Body>) -> Result<Json> {
    let status = answer.status();
    let body: Json = answer
        .body_mut()
        .read_json()
        .with_context(|| format!("reading the answer of {path}"))?;
    if !status.is_success() {
        bail!("{path} answered {status}: {body}");
    }
    Ok(body)
}

#[expect(clippy::disallowed_methods, reason = "this program is a stop-watch")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client that asks at its own pace, as clients do"
)]
pub(super) fn pause(time: Duration) {
    // sleeps because a client that never paused would measure itself
    std::thread::sleep(time);
}

/// How long answers took, in milliseconds, sorted.
pub(super) struct Latency(Vec<f64>);

impl Latency {
    pub(super) fn new(mut taken: Vec<f64>) -> Self {
        taken.sort_by(f64::total_cmp);
        Self(taken)
    }

    /// So many of a hundred were quicker.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_times(self) -> Vec<f64> {
        self.0
    }

    pub(super) fn shown(&self) -> String {
        format!("{:.2} / {:.2}", self.percentile(50), self.percentile(99))
    }
}

/// What is asked again and again.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// A lead by its id.
    Read,
    /// One field of a lead changes.
    Write,
}

/// Asks about one lead after the other until told to stop.
pub(super) fn ask(
    client: &Client,
    asked: Asked,
    ids: &[String],
    stop: &AtomicBool,
) -> Result<Latency> {
    let mut taken = Vec::new();
    // Not in the order of the table, in which a job visits them.
    let order = (0..).map(|n: usize| n.wrapping_mul(7_919) % ids.len().max(1));
    for (number, place) in order.enumerate() {
        let Some(id) = ids.get(place).filter(|_| !stop.load(Ordering::Relaxed)) else {
            break;
        };
        let path = format!("/crm/v8/Leads/{id}");
        let start = now();
        match asked {
            Asked::Read => client.get(&path)?,
            Asked::Write => {
                let body = json!({ "data": [{ "Phone": format!("+351 2{number:08}") }] });
                client.put(&path, &body)?
            }
        };
        taken.push(start.elapsed().as_secs_f64() * 1_000.0);
        pause(PAUSE);
    }
    Ok(Latency::new(taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let taken = Latency::new((1..=200).rev().map(f64::from).collect());
        assert_eq!(taken.shown(), "101.00 / 199.00");
        assert!(Latency::new(Vec::new()).percentile(99).is_nan());
        assert_eq!(Latency::new(vec![3.0]).shown(), "3.00 / 3.00");
    }
}
