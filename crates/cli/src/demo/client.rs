//! The demo's client: it knows an address and a refresh token and nothing else, like any integration.

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// The version that the demo speaks.
const VERSION: &str = "v8";

/// Where to reach the server, and as whom.
pub(super) struct Client {
    agent: ureq::Agent,
    base: String,
    token: String,
}

/// What a client needs to ask for tokens.
pub(super) struct Login<'a> {
    /// The server's address.
    pub(super) base: &'a str,
    /// The client's public id.
    pub(super) client_id: &'a str,
    /// The client's secret.
    pub(super) client_secret: &'a str,
    /// The user's refresh token.
    pub(super) refresh_token: &'a str,
}

impl Client {
    /// Gets an access token from the token endpoint.
    pub(super) fn sign_in(login: &Login<'_>) -> Result<Self> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        let agent = ureq::Agent::new_with_config(config);
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", login.client_id),
            ("client_secret", login.client_secret),
            ("refresh_token", login.refresh_token),
        ];
        let url = format!("{}/oauth/v2/token", login.base);
        let mut answer = agent
            .post(&url)
            .send_form(form)
            .context("asking for a token")?;
        let body: Json = answer.body_mut().read_json().context("reading the token")?;
        let Some(token) = body["access_token"].as_str() else {
            bail!("no token: {body}")
        };
        Ok(Self {
            agent,
            base: login.base.to_owned(),
            token: token.to_owned(),
        })
    }

    /// The access token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    fn header(&self) -> String {
        format!("Zoho-oauthtoken {}", self.token)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/crm/{VERSION}/{path}", self.base)
    }

    /// Reads; an answer without body is null.
    pub(super) fn get(&self, path: &str) -> Result<Json> {
        let request = self
            .agent
            .get(self.url(path))
            .header("Authorization", self.header());
        let answer = request.call().with_context(|| format!("GET {path}"))?;
        read(path, answer)
    }

    /// Writes.
    pub(super) fn post(&self, path: &str, body: &Json) -> Result<Json> {
        let request = self
            .agent
            .post(self.url(path))
            .header("Authorization", self.header());
        let answer = request
            .send_json(body)
            .with_context(|| format!("POST {path}"))?;
        read(path, answer)
    }

    /// Deletes.
    pub(super) fn delete(&self, path: &str) -> Result<Json> {
        let request = self
            .agent
            .delete(self.url(path))
            .header("Authorization", self.header());
        let answer = request.call().with_context(|| format!("DELETE {path}"))?;
        read(path, answer)
    }

    /// The name of a lead's owner.
    pub(super) fn owner_of(&self, id: &str) -> Result<String> {
        let answer = self.get(&format!("Leads/{id}?fields=Owner"))?;
        let name = answer["data"][0]["Owner"]["name"].as_str();
        name.map(str::to_owned)
            .with_context(|| format!("lead {id} has no owner"))
    }

    /// The id of a view of the Leads module.
    pub(super) fn view(&self, name: &str) -> Result<String> {
        let views = self.get("settings/custom_views?module=Leads")?;
        let list = views["custom_views"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found = list.into_iter().find(|view| view["name"] == name);
        let id = found.and_then(|view| view["id"].as_str().map(str::to_owned));
        id.with_context(|| format!("there is no view {name:?}"))
    }

    /// The first pages of a view, 200 records each.
    pub(super) fn leads(&self, cvid: &str, pages: usize) -> Result<Vec<Json>> {
        let mut found = Vec::new();
        for page in 1..=pages {
            let fields = "Full_Name,Lead_Source,Lead_Status";
            let path = format!("Leads?fields={fields}&cvid={cvid}&page={page}");
            let answer = self.get(&path)?;
            found.extend(answer["data"].as_array().cloned().unwrap_or_default());
            if answer["info"]["more_records"] != true {
                break;
            }
        }
        Ok(found)
    }

    /// The fields that the demo shows, of one lead.
    pub(super) fn lead(&self, id: &str) -> Result<Json> {
        let answer = self.get(&format!(
            "Leads/{id}?fields=Full_Name,Lead_Source,Lead_Status"
        ))?;
        Ok(answer["data"][0].clone())
    }

    /// Locks a lead.
    pub(super) fn lock(&self, id: &str, reason: &str) -> Result<()> {
        let body = json!({ "data": [{ "Locked_Reason__s": reason }] });
        self.post(&format!("Leads/{id}/Locking_Information__s"), &body)?;
        Ok(())
    }
}

fn read(path: &str, mut answer: ureq::http::Response<ureq::Body>) -> Result<Json> {
    let status = answer.status();
    if status.as_u16() == 204 {
        return Ok(Json::Null);
    }
    let body: Json = answer
        .body_mut()
        .read_json()
        .with_context(|| format!("reading the answer of {path}"))?;
    if !status.is_success() || body["status"] == "error" {
        bail!("{path} answered {status}: {body}");
    }
    Ok(body)
}
