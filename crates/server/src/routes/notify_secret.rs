//! `GET /swathe/v1/notify_secret`: what completion calls to the asking client are signed with, or the
//! web hooks of workflow rules, and the `notify_url` of requests that start a job.

use crate::answer::Answer;
use crate::call::Call;
use crate::notify::{ORG_RECEIVER, receiver};
use crate::outside::{Key, is_callable};
use model::limits::NOTIFY_URL_BYTES_MAX;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::Fault;

use super::native::{self, administrators_only};

/// Answers `{"secret"}`. It is derived, so it is the same each time; nothing of it is stored. With
/// `?of=org` it is the one that web hooks are signed with, which administrators learn.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let wrong = |param: &str| Refusal::new(Code::InvalidData).with("param_name", param);
    if let Some((odd, _)) = call.query.pairs().find(|(key, _)| *key != "of") {
        return Err(wrong(odd).saying("there is no such parameter").into());
    }
    let receiver = match call.query.get("of") {
        None => {
            let client = call.actor.client.map(|client| client.to_string());
            receiver(client.as_deref(), call.actor.user)
        }
        Some("org") => {
            call.app
                .db
                .read(|tx| administrators_only(tx, call.actor.user))?;
            ORG_RECEIVER.to_owned()
        }
        Some(_) => return Err(wrong("of").with("supported_values", ["org"]).into()),
    };
    let secret = key(call)?.secret_of(&receiver);
    Ok(Answer::ok(json!({ "secret": secret })))
}

fn key<'a>(call: &'a Call<'_>) -> Result<&'a Key, Refusal> {
    let none = "this server has no key to sign calls with: start it with --key-file";
    let refusal = || Refusal::new(Code::NotSupported).saying(none);
    call.app.outside.key().ok_or_else(refusal)
}

/// `notify_url` of a body: who is called when the job ends.
pub(super) fn notify_url(
    call: &Call<'_>,
    body: &Map<String, Json>,
) -> Result<Option<String>, Refusal> {
    if !body.contains_key("notify_url") {
        return Ok(None);
    }
    let node = native::body(body).key("notify_url").required()?;
    let url = node.text()?;
    if !is_callable(url) {
        let text = "the URL needs to be http://… or https://… with a host and without a password";
        let refusal = node.place().invalid().saying(text);
        return Err(refusal.with("maximum_length", NOTIFY_URL_BYTES_MAX));
    }
    key(call).map_err(|refusal| refusal.with("api_name", "notify_url"))?;
    Ok(Some(url.to_owned()))
}
