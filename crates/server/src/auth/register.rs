//! What administrators do with clients and tokens, over HTTP and at the console alike.

use crate::auth::grant::{
    ACCESS_MS, NewClient, create_client, mint_access_token, mint_code, mint_refresh_token,
};
use model::body::Place;
use model::catalog::Catalog;
use model::id::UserId;
use model::people::{User, UserStatus};
use model::refusal::{Code, Refusal};
use model::scope::Scopes;
use model::time::Timestamp;
use serde_json::{Map, Value as Json, json};
use store::{Fault, Tx, clients};

/// Bytes of a client's name.
const NAME_MAX: usize = 200;
/// Bytes of a redirect URI.
const URI_MAX: usize = 2_000;

/// What a new client is given beside its id and secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A grant code, to be exchanged within three minutes.
    Code,
    /// A refresh token.
    RefreshToken,
}

impl Grant {
    /// As the native API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The grant of a word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Code, Self::RefreshToken]
            .into_iter()
            .find(|grant| grant.as_str() == text)
    }
}

/// A client that an administrator asks for.
#[derive(Clone, Debug)]
pub struct Registration {
    /// What people call it.
    pub name: String,
    /// The e-mail address of the user for whom it acts; `None` for the caller.
    pub user: Option<String>,
    /// The most that it may be granted without a person's consent, and what a grant is for.
    pub scopes: Option<Scopes>,
    /// Where browsers return to; `None` for a self client.
    pub redirect_uri: Option<String>,
    /// What it is given at once.
    pub grant: Option<Grant>,
}

/// An active user by e-mail address.
fn active_user<'a>(catalog: &'a Catalog, email: &str) -> Result<&'a User, Refusal> {
    catalog
        .user_by_email(email)
        .filter(|user| user.status == UserStatus::Active)
        .ok_or_else(|| {
            let refusal = Place::body().key("user").invalid();
            refusal.saying("no active user has this e-mail address")
        })
}

/// For whom the console acts: the first active administrator.
fn console_user(catalog: &Catalog) -> Result<UserId, Refusal> {
    let administers = |user: &&User| {
        let profile = catalog.profile(user.profile);
        user.status == UserStatus::Active && profile.is_some_and(|profile| profile.administrator)
    };
    let found = catalog.users.iter().find(administers);
    found
        .map(|user| user.id)
        .ok_or_else(|| Refusal::new(Code::NotFound).saying("the org has no active administrator"))
}

fn check_text(key: &str, text: &str, max: usize) -> Result<(), Refusal> {
    if text.is_empty() || text.len() > max || text.chars().any(char::is_control) {
        return Err(Place::body().key(key).too_long(max));
    }
    Ok(())
}

/// Makes a client; answers `client_id`, `client_secret`, and the grant under its own name. The
/// caller is none at the console, whose user is the first active administrator.
pub fn register(
    tx: &mut Tx,
    asked: &Registration,
    caller: Option<UserId>,
    now: Timestamp,
) -> Result<Map<String, Json>, Fault> {
    check_text("name", &asked.name, NAME_MAX)?;
    if let Some(uri) = &asked.redirect_uri {
        check_text("redirect_uri", uri, URI_MAX)?;
    }
    let catalog = tx.catalog()?;
    let user = match (&asked.user, caller) {
        (Some(email), _) => active_user(&catalog, email)?.id,
        (None, Some(caller)) => caller,
        (None, None) => console_user(&catalog)?,
    };
    let new = NewClient {
        name: &asked.name,
        user,
        redirect_uri: asked.redirect_uri.as_deref(),
        scopes: asked.scopes.as_ref(),
    };
    let client = create_client(tx, &new, now)?;
    let mut made = Map::new();
    made.insert("client_id".to_owned(), client.public_id.into());
    made.insert("client_secret".to_owned(), client.secret.into());
    if let Some(grant) = asked.grant {
        let scopes = asked.scopes.as_ref();
        let scopes = scopes.ok_or_else(|| Place::body().key("scope").mandatory())?;
        let minted = match grant {
            Grant::Code => mint_code(tx, user, client.id, scopes, now)?,
            Grant::RefreshToken => mint_refresh_token(tx, user, client.id, scopes, now)?,
        };
        made.insert(grant.as_str().to_owned(), minted.secret.into());
    }
    Ok(made)
}

/// Every client, oldest first, without secrets.
pub fn registered(tx: &mut Tx) -> Result<Vec<Json>, Fault> {
    let catalog = tx.catalog()?;
    let clients = clients::list(tx)?;
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
}

/// Revokes a client, with its tokens.
pub fn unregister(tx: &mut Tx, public_id: &str, now: Timestamp) -> Result<(), Fault> {
    if clients::revoke(tx, public_id, now)? {
        Ok(())
    } else {
        Err(Refusal::new(Code::NotFound)
            .saying("there is no such client, or it was revoked before")
            .into())
    }
}

/// An access token at once: `{"access_token","api_domain","expires_in"}`.
pub fn token_at_once(
    tx: &mut Tx,
    email: &str,
    scopes: &Scopes,
    public_url: &str,
    now: Timestamp,
) -> Result<Json, Fault> {
    let user = active_user(&*tx.catalog()?, email)?.id;
    let minted = mint_access_token(tx, user, None, scopes, now)?;
    Ok(json!({
        "access_token": minted.secret,
        "api_domain": public_url,
        "expires_in": ACCESS_MS / 1000,
    }))
}
