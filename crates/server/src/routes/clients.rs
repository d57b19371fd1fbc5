//! `/swathe/v1/clients`: API clients, for administrators.

use super::native::{self, administrators_only, scopes_of};
use crate::answer::Answer;
use crate::auth::{self, Grant, Registration};
use crate::call::Call;
use serde_json::{Value as Json, json};
use store::{Fault, Priority};

/// `GET /swathe/v1/clients`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let clients = call.app.db.read(|tx| {
        administrators_only(tx, call.actor.user)?;
        auth::registered(tx)
    })?;
    Ok(Answer::ok(
        json!({"data": clients, "next_page_token": null}),
    ))
}

/// `POST /swathe/v1/clients`:
/// `{"name","user","scope","redirect_uri","grant":"code"|"refresh_token"}`, of which only `name` is
/// needed. With `grant` the answer has a grant code or a refresh token for the scopes.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let body = native::body(&body);
    body.known(&["name", "user", "scope", "redirect_uri", "grant"])?;
    let grant = body.key("grant");
    let unknown_grant = || {
        let known = [Grant::Code, Grant::RefreshToken].map(Grant::as_str);
        grant.place().no_such_word(known)
    };
    let asked = Registration {
        grant: grant
            .text()?
            .map(|word| Grant::parse(word).ok_or_else(unknown_grant))
            .transpose()?,
        name: body.key("name").required()?.text()?.to_owned(),
        user: body.key("user").text()?.map(str::to_owned),
        scopes: scopes_of(&body)?,
        redirect_uri: body.key("redirect_uri").text()?.map(str::to_owned),
    };
    let made = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        auth::register(tx, &asked, Some(call.actor.user), call.now)
    })?;
    Ok(Answer::json(201, Json::Object(made)))
}

/// `DELETE /swathe/v1/clients/{client_id}`: revokes it, with its tokens.
pub(super) fn revoke(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        auth::unregister(tx, call.param("client_id"), call.now)
    })?;
    Ok(Answer::no_content())
}
