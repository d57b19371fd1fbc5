//! The demo's client: it knows an address and a refresh token and nothing else, like any integration.
//! Records and locks go through the wire API, plans and jobs through the native one.

use crate::remote::Remote;
use crate::settings::Failure;
use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};

/// The version that the demo speaks.
const VERSION: &str = "v8";

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

/// Somebody who asks the server.
pub(super) struct Client {
    server: Remote,
    token: String,
}

impl Client {
    /// Gets an access token from the token endpoint.
    pub(super) fn sign_in(login: &Login<'_>) -> Result<Self> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", login.client_id),
            ("client_secret", login.client_secret),
            ("refresh_token", login.refresh_token),
        ];
        let url = format!("{}/oauth/v2/token", login.base);
        let mut answer = ureq::post(&url)
            .send_form(form)
            .context("asking for a token")?;
        let body: Json = answer.body_mut().read_json().context("reading the token")?;
        let Some(token) = body["access_token"].as_str() else {
            bail!("no token: {body}")
        };
        Ok(Self {
            server: Remote::new(login.base, token),
            token: token.to_owned(),
        })
    }

    /// The access token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The server, for the native API.
    pub(super) fn server(&self) -> &Remote {
        &self.server
    }

    fn wire(&self, method: &str, path: &str, body: &Json) -> Result<Json> {
        let path = format!("/crm/{VERSION}/{path}");
        let answer = self.server.ask(method, &path, body)?;
        let items = answer["data"].as_array();
        let failed = |item: &&Json| item["status"] == "error";
        if let Some(item) = items.into_iter().flatten().find(failed) {
            bail!("{path} answered {item}");
        }
        Ok(answer)
    }

    /// Reads; an answer without body is null.
    pub(super) fn get(&self, path: &str) -> Result<Json> {
        self.wire("GET", path, &Json::Null)
    }

    /// Writes.
    pub(super) fn post(&self, path: &str, body: &Json) -> Result<Json> {
        self.wire("POST", path, body)
    }

    /// Deletes.
    pub(super) fn delete(&self, path: &str) -> Result<Json> {
        self.wire("DELETE", path, &Json::Null)
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
        let mut list = views["custom_views"].as_array().into_iter().flatten();
        let found = list.find(|view| view["name"] == name);
        let id = found.and_then(|view| view["id"].as_str());
        id.map(str::to_owned)
            .with_context(|| format!("there is no view {name:?}"))
    }

    /// The first pages of a view, 200 records each.
    pub(super) fn leads(&self, cvid: &str, pages: usize) -> Result<Vec<Json>> {
        let mut found = Vec::new();
        for page in 1..=pages {
            let fields = "Full_Name,Lead_Source";
            let path = format!("Leads?fields={fields}&cvid={cvid}&page={page}");
            let answer = self.get(&path)?;
            found.extend(answer["data"].as_array().cloned().unwrap_or_default());
            if answer["info"]["more_records"] != true {
                break;
            }
        }
        Ok(found)
    }

    /// The source of one lead.
    pub(super) fn source_of(&self, id: &str) -> Result<Json> {
        let answer = self.get(&format!("Leads/{id}?fields=Lead_Source"))?;
        Ok(answer["data"][0]["Lead_Source"].clone())
    }

    /// Locks a lead.
    pub(super) fn lock(&self, id: &str, reason: &str) -> Result<()> {
        let body = json!({ "data": [{ "Locked_Reason__s": reason }] });
        self.post(&format!("Leads/{id}/Locking_Information__s"), &body)?;
        Ok(())
    }

    /// How many records are in the recycle bin.
    pub(super) fn in_bin(&self) -> Result<i64> {
        let answer = self.get("settings/recycle_bin/actions/count")?;
        let count = answer["count"].as_i64();
        count.with_context(|| format!("no count: {answer}"))
    }

    /// How many outcomes of a job are failures, by code.
    pub(super) fn failures(&self, job: &str) -> Result<Vec<(String, String, i64)>, Failure> {
        let mut by_code: Vec<(String, String, i64)> = Vec::new();
        let path = format!("/swathe/v1/jobs/{job}/outcomes?outcome=failed");
        let mut next = path.clone();
        loop {
            let answer = self.server.get(&next)?;
            for one in answer["data"].as_array().into_iter().flatten() {
                let text = |key: &str| one[key].as_str().unwrap_or_default();
                match by_code.iter_mut().find(|(code, ..)| code == text("code")) {
                    Some((.., count)) => *count += 1,
                    None => by_code.push((text("code").into(), text("message").into(), 1)),
                }
            }
            match answer["next_page_token"].as_str() {
                Some(token) => next = format!("{path}&page_token={token}"),
                None => return Ok(by_code),
            }
        }
    }
}
