//! `/swathe/v1/clients`: API clients, for administrators.

use crate::answer::Answer;
use crate::auth::{self, NewClient};
use crate::call::Call;
use model::catalog::Catalog;
use model::id::UserId;
use model::people::{User, UserStatus};
use model::refusal::{Code, Refusal};
use model::scope::Scopes;
use model::time::Timestamp;
use serde_json::{Map, Value as Json, json};
use store::{Fault, Priority, Tx};

/// Characters of a client's name, bytes of its redirect URI.
const NAME_MAX: usize = 200;
const URI_MAX: usize = 2_000;

/// Refuses who is not an administrator.
pub(super) fn administrators_only(tx: &Tx<'_>, actor: UserId) -> Result<(), Fault> {
    let catalog = tx.catalog()?;
    let profile = catalog
        .user(actor)
        .and_then(|user| catalog.profile(user.profile));
    if profile.is_some_and(|profile| profile.administrator) {
        Ok(())
    } else {
        Err(Refusal::no_permission("Crm_Implied_Manage_Org").into())
    }
}

/// A text of a native body: absent, or a text that is not empty.
pub(super) fn text_of<'a>(
    body: &'a Map<String, Json>,
    name: &str,
) -> Result<Option<&'a str>, Refusal> {
    match body.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => {
            let refusal = Refusal::invalid(name, format!("$.{name}"));
            Err(refusal.with("expected_data_type", "string"))
        }
    }
}

/// Refuses a key that a native body does not have.
pub(super) fn known_keys(body: &Map<String, Json>, known: &[&str]) -> Result<(), Refusal> {
    match body.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Refusal::invalid(key, format!("$.{key}")).saying("there is no such key")),
        None => Ok(()),
    }
}

/// Scopes of a native body.
pub(super) fn scopes_of(body: &Map<String, Json>) -> Result<Option<Scopes>, Refusal> {
    let text = text_of(body, "scope")?;
    text.map(|text| {
        Scopes::parse(text)
            .map_err(|error| Refusal::invalid("scope", "$.scope").saying(error.to_string()))
    })
    .transpose()
}

/// An active user by e-mail address.
pub(super) fn active_user<'a>(catalog: &'a Catalog, email: &str) -> Result<&'a User, Refusal> {
    catalog
        .user_by_email(email)
        .filter(|user| user.status == UserStatus::Active)
        .ok_or_else(|| {
            Refusal::invalid("user", "$.user").saying("no active user has this e-mail address")
        })
}

/// `GET /swathe/v1/clients`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let clients = call.app.db.read(|tx| {
        administrators_only(tx, call.actor.user)?;
        let catalog = tx.catalog()?;
        let clients = store::clients::list(tx)?;
        let shown = clients.iter().map(|client| {
            json!({
                "client_id": client.public_id,
                "name": client.name,
                "user": catalog.user(client.user).map(|user| user.email.as_str()),
                "scope": client.scopes,
                "redirect_uri": client.redirect_uri,
                "created_at": client.created_at.to_utc(),
                "revoked_at": client.revoked_at.map(Timestamp::to_utc),
            })
        });
        Ok(shown.collect())
    })?;
    Ok(Answer::ok(
        json!({"data": Json::Array(clients), "next_page_token": null}),
    ))
}

/// `POST /swathe/v1/clients`:
/// `{"name","user","scope","redirect_uri","grant":"code"|"refresh_token"}`, of which only `name` is
/// needed. With `grant` the answer has a grant code or a refresh token for the scopes.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    known_keys(&body, &["name", "user", "scope", "redirect_uri", "grant"])?;
    let name = text_of(&body, "name")?.ok_or_else(|| Refusal::mandatory("name", "$.name"))?;
    let redirect_uri = text_of(&body, "redirect_uri")?;
    let scopes = scopes_of(&body)?;
    let email = text_of(&body, "user")?;
    let grant = text_of(&body, "grant")?;
    for (key, text, max) in [
        ("name", Some(name), NAME_MAX),
        ("redirect_uri", redirect_uri, URI_MAX),
    ] {
        if text.is_some_and(|text| text.len() > max || text.chars().any(char::is_control)) {
            let refusal = Refusal::invalid(key, format!("$.{key}"));
            return Err(refusal.with("maximum_length", max).into());
        }
    }
    if grant.is_some_and(|grant| grant != "code" && grant != "refresh_token") {
        let refusal = Refusal::invalid("grant", "$.grant");
        return Err(refusal
            .with("supported_values", vec!["code", "refresh_token"])
            .into());
    }
    if grant.is_some() && scopes.is_none() {
        return Err(Refusal::mandatory("scope", "$.scope").into());
    }
    let made = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        let catalog = tx.catalog()?;
        let user = match email {
            Some(email) => active_user(&catalog, email)?.id,
            None => call.actor.user,
        };
        let new = NewClient {
            name,
            user,
            redirect_uri,
            scopes: scopes.as_ref(),
        };
        let client = auth::create_client(tx, &new, call.now)?;
        let mut made = Map::new();
        made.insert("client_id".to_owned(), client.public_id.into());
        made.insert("client_secret".to_owned(), client.secret.into());
        if let (Some(grant), Some(scopes)) = (grant, &scopes) {
            let minted = if grant == "code" {
                auth::mint_code(tx, user, client.id, scopes, call.now)?
            } else {
                auth::mint_refresh_token(tx, user, client.id, scopes, call.now)?
            };
            made.insert(grant.to_owned(), minted.secret.into());
        }
        Ok(made)
    })?;
    Ok(Answer::json(201, Json::Object(made)))
}

/// `DELETE /swathe/v1/clients/{client_id}`: revokes it, with its tokens.
pub(super) fn revoke(call: &Call<'_>) -> Result<Answer, Fault> {
    let revoked = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        Ok(store::clients::revoke(
            tx,
            call.param("client_id"),
            call.now,
        )?)
    })?;
    if revoked {
        Ok(Answer::no_content())
    } else {
        Err(Refusal::new(Code::NotFound)
            .saying("there is no such client, or it was revoked before")
            .into())
    }
}
