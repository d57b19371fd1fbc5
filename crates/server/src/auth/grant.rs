//! Clients and tokens are made here, within the vendor's limits (wire API 7.3).

use crate::auth::secret;
use model::id::{ClientId, UserId};
use model::refusal::{Code, Refusal};
use model::scope::Scopes;
use model::time::Timestamp;
use store::clients::Client;
use store::tokens::{Token, TokenKind};
use store::{Fault, Tx, clients, tokens};

/// How long an access token lives.
pub const ACCESS_MS: i64 = 60 * 60 * 1000;
/// How long a grant code lives.
pub const CODE_MS: i64 = 3 * 60 * 1000;
/// The window of the limits below.
const WINDOW_MS: i64 = 10 * 60 * 1000;
/// Access tokens that a refresh token gives in a window.
const ACCESS_PER_WINDOW: i64 = 10;
/// Access tokens of a refresh token that are valid at once.
const ACCESS_AT_ONCE: i64 = 15;
/// Refresh tokens that a client is given in a window.
const REFRESH_PER_WINDOW: i64 = 10;
/// Refresh tokens that a client has of one user.
const REFRESH_AT_ONCE: i64 = 20;
/// Grant codes that a client is given in a window.
const CODES_PER_WINDOW: i64 = 10;

/// A secret that was just made. It is shown once and never written down here.
#[derive(Clone)]
pub struct Minted {
    /// What its holder shows.
    pub secret: String,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
}

/// A client to be made.
#[derive(Clone, Debug)]
pub struct NewClient<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Whose it is: it acts as them when no person consented.
    pub user: UserId,
    /// Where browsers return to; `None` for a self client.
    pub redirect_uri: Option<&'a str>,
    /// The most that it may be granted without a person's consent (`client_credentials`).
    pub scopes: Option<&'a Scopes>,
}

/// A client that was just made, with the secret that is shown once.
#[derive(Clone)]
pub struct Registered {
    /// The client.
    pub id: ClientId,
    /// The wire's `client_id`.
    pub public_id: String,
    /// The wire's `client_secret`.
    pub secret: String,
}

/// Makes a client.
pub fn create_client(
    tx: &mut Tx,
    new: &NewClient<'_>,
    now: Timestamp,
) -> Result<Registered, Fault> {
    let made = Registered {
        id: ClientId(tx.new_id()?),
        public_id: secret::new_client_id(),
        secret: secret::new_client_secret(),
    };
    let client = Client {
        id: made.id,
        name: new.name.to_owned(),
        public_id: made.public_id.clone(),
        secret_hash: secret::hash(&made.secret),
        redirect_uri: new.redirect_uri.map(str::to_owned),
        user: new.user,
        scopes: new.scopes.map(Scopes::to_string),
        created_at: now,
        revoked_at: None,
    };
    clients::insert(tx, &client)?;
    Ok(made)
}

/// Whom a token is for.
#[derive(Clone, Copy)]
struct Holder<'a> {
    client: Option<ClientId>,
    user: UserId,
    scopes: &'a str,
}

fn store_new(
    tx: &mut Tx,
    kind: TokenKind,
    holder: Holder<'_>,
    parent: Option<&str>,
    (now, life): (Timestamp, Option<i64>),
) -> Result<Minted, Fault> {
    tokens::sweep(tx, now.plus_ms(-WINDOW_MS))?;
    let minted = Minted {
        secret: secret::new_token(),
        expires_at: life.map(|ms| now.plus_ms(ms)),
    };
    let token = Token {
        hash: secret::hash(&minted.secret),
        kind,
        client: holder.client,
        user: holder.user,
        scopes: holder.scopes.to_owned(),
        parent: parent.map(str::to_owned),
        created_at: now,
        expires_at: minted.expires_at,
    };
    tokens::insert(tx, &token)?;
    Ok(minted)
}

/// Makes an access token that comes from no refresh token: for the console, scripts and
/// `client_credentials`.
pub fn mint_access_token(
    tx: &mut Tx,
    user: UserId,
    client: Option<ClientId>,
    scopes: &Scopes,
    now: Timestamp,
) -> Result<Minted, Fault> {
    let scopes = scopes.to_string();
    let holder = Holder {
        client,
        user,
        scopes: &scopes,
    };
    store_new(tx, TokenKind::Access, holder, None, (now, Some(ACCESS_MS)))
}

/// Makes a refresh token. The oldest beyond twenty of one user and client goes.
pub fn mint_refresh_token(
    tx: &mut Tx,
    user: UserId,
    client: ClientId,
    scopes: &Scopes,
    now: Timestamp,
) -> Result<Minted, Fault> {
    let scopes = scopes.to_string();
    let holder = Holder {
        client: Some(client),
        user,
        scopes: &scopes,
    };
    refresh_for(tx, client, holder, now)
}

fn refresh_for(
    tx: &mut Tx,
    client: ClientId,
    holder: Holder<'_>,
    now: Timestamp,
) -> Result<Minted, Fault> {
    locked(tx, client)?;
    let since = now.plus_ms(-WINDOW_MS);
    if tokens::count_of_client(tx, client, TokenKind::Refresh, since)? >= REFRESH_PER_WINDOW {
        return Err(too_many());
    }
    tokens::keep_refresh(tx, client, holder.user, REFRESH_AT_ONCE - 1)?;
    store_new(tx, TokenKind::Refresh, holder, None, (now, None))
}

/// Makes a grant code of a self client: single use, three minutes.
pub fn mint_code(
    tx: &mut Tx,
    user: UserId,
    client: ClientId,
    scopes: &Scopes,
    now: Timestamp,
) -> Result<Minted, Fault> {
    locked(tx, client)?;
    let since = now.plus_ms(-WINDOW_MS);
    if tokens::count_of_client(tx, client, TokenKind::Code, since)? >= CODES_PER_WINDOW {
        return Err(too_many());
    }
    let scopes = scopes.to_string();
    let holder = Holder {
        client: Some(client),
        user,
        scopes: &scopes,
    };
    store_new(tx, TokenKind::Code, holder, None, (now, Some(CODE_MS)))
}

fn locked(tx: &mut Tx, client: ClientId) -> Result<(), Fault> {
    if clients::lock(tx, client)? {
        Ok(())
    } else {
        Err(Refusal::new(Code::NotFound)
            .saying("the client was revoked")
            .into())
    }
}

fn too_many() -> Fault {
    Refusal::new(Code::TooManyRequests).into()
}

/// Why a code or a refresh token gives nothing.
pub(crate) enum Denied {
    /// It is unknown, used, expired, revoked, or another client's.
    InvalidCode,
    /// Too many in too short a time.
    TooMany,
    /// The store failed.
    Fault(Fault),
}

impl From<Fault> for Denied {
    fn from(fault: Fault) -> Self {
        match &fault {
            Fault::Refused(refusal) if refusal.code == Code::TooManyRequests => Self::TooMany,
            Fault::Refused(refusal) if refusal.code == Code::NotFound => Self::InvalidCode,
            _ => Self::Fault(fault),
        }
    }
}

impl From<store::Error> for Denied {
    fn from(error: store::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// What a code or refresh token gave.
pub(crate) struct Exchanged {
    pub(crate) access: Minted,
    pub(crate) refresh: Option<Minted>,
    pub(crate) scopes: String,
}

fn child(tx: &mut Tx, refresh: &str, of: &Token, now: Timestamp) -> Result<Minted, Fault> {
    let holder = Holder {
        client: of.client,
        user: of.user,
        scopes: &of.scopes,
    };
    let times = (now, Some(ACCESS_MS));
    store_new(tx, TokenKind::Access, holder, Some(refresh), times)
}

/// Takes a grant code: it gives a refresh token and an access token, once.
pub(crate) fn take_code(
    tx: &mut Tx,
    client: ClientId,
    code: &str,
    now: Timestamp,
) -> Result<Exchanged, Denied> {
    let found = tokens::lock(tx, &secret::hash(code), TokenKind::Code, now)?;
    let Some(code) = found.filter(|code| code.client == Some(client)) else {
        return Err(Denied::InvalidCode);
    };
    tokens::expire(tx, &code.hash, now)?;
    let holder = Holder {
        client: Some(client),
        user: code.user,
        scopes: &code.scopes,
    };
    let refresh = refresh_for(tx, client, holder, now)?;
    let access = child(tx, &secret::hash(&refresh.secret), &code, now)?;
    Ok(Exchanged {
        access,
        refresh: Some(refresh),
        scopes: code.scopes,
    })
}

/// Takes a refresh token: it gives an access token. The oldest beyond fifteen valid ones goes.
pub(crate) fn take_refresh(
    tx: &mut Tx,
    client: ClientId,
    refresh: &str,
    now: Timestamp,
) -> Result<Exchanged, Denied> {
    let found = tokens::lock(tx, &secret::hash(refresh), TokenKind::Refresh, now)?;
    let Some(refresh) = found.filter(|refresh| refresh.client == Some(client)) else {
        return Err(Denied::InvalidCode);
    };
    let since = now.plus_ms(-WINDOW_MS);
    if tokens::count_children(tx, &refresh.hash, since)? >= ACCESS_PER_WINDOW {
        return Err(Denied::TooMany);
    }
    tokens::keep_children(tx, &refresh.hash, ACCESS_AT_ONCE - 1, now)?;
    let access = child(tx, &refresh.hash, &refresh, now)?;
    Ok(Exchanged {
        access,
        refresh: None,
        scopes: refresh.scopes,
    })
}
