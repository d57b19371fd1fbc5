//! `/oauth/v2/token`, `/oauth/v2/auth` and `/oauth/v2/token/revoke` (wire API 7.1 to 7.3). Errors
//! are answered with HTTP 200 but for throttling, as the vendor does.

use crate::answer::Answer;
use crate::auth::form::Form;
use crate::auth::grant::{
    ACCESS_MS, Denied, Exchanged, mint_access_token, take_code, take_refresh,
};
use crate::auth::secret;
use crate::call::Ask;
use model::people::UserStatus;
use model::refusal::{Code, Refusal};
use model::scope::Scopes;
use serde_json::{Map, Value as Json, json};
use store::clients::{self, Client};
use store::{Fault, Priority, tokens};

/// A word of the token endpoint's error, or a failure.
enum No {
    Word(&'static str),
    Throttled,
    Fault(Fault),
}

impl From<Denied> for No {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::InvalidCode => Self::Word("invalid_code"),
            Denied::TooMany => Self::Throttled,
            Denied::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Fault> for No {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn answered(outcome: Result<Answer, No>) -> Result<Answer, Fault> {
    match outcome {
        Ok(answer) => Ok(answer),
        Err(No::Word(word)) => Ok(Answer::ok(json!({ "error": word }))),
        Err(No::Throttled) => Ok(Answer::json(
            400,
            json!({
                "error_description": "You have made too many requests continuously. \
                    Please try again after some time.",
                "error": "Access Denied",
                "status": "failure",
            }),
        )),
        Err(No::Fault(fault)) => Err(fault),
    }
}

/// `POST /oauth/v2/token`, and `POST /oauth/v2/auth` for `client_credentials`.
pub(crate) fn token(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let form = Form::read(ask);
    answered(match form.get("grant_type") {
        Some("refresh_token") => by_refresh_token(ask, &form),
        Some("authorization_code") => by_code(ask, &form),
        Some("client_credentials") => by_client(ask, &form),
        Some(_) => Err(No::Word("unsupported_grant_type")),
        None => Err(No::Word("invalid_request")),
    })
}

/// The client that the form names, if it shows the client's secret.
fn client(ask: &Ask<'_>, form: &Form) -> Result<Client, No> {
    let found = match form.get("client_id") {
        Some(id) => ask.app.db.read(|tx| Ok(clients::find(tx, id)?))?,
        None => None,
    };
    let client = found.ok_or(No::Word("invalid_client"))?;
    let shown = form.get("client_secret").unwrap_or_default();
    if secret::matches(shown, &client.secret_hash) {
        Ok(client)
    } else {
        Err(No::Word("invalid_client_secret"))
    }
}

/// A transaction that may be denied, and then is rolled back.
fn exchange(
    ask: &Ask<'_>,
    mut take: impl FnMut(&mut store::Tx) -> Result<Exchanged, Denied>,
) -> Result<Answer, No> {
    let mut denied = None;
    let taken = ask.app.db.write(Priority::Interactive, |tx| {
        denied = None;
        take(tx).map_err(|why| match why {
            Denied::Fault(fault) => fault,
            other => {
                denied = Some(other);
                Refusal::new(Code::InvalidToken).into()
            }
        })
    });
    match denied {
        Some(denied) => Err(denied.into()),
        None => Ok(granted(ask, &taken?)),
    }
}

fn by_refresh_token(ask: &Ask<'_>, form: &Form) -> Result<Answer, No> {
    let client = client(ask, form)?;
    let refresh = form.get("refresh_token").ok_or(No::Word("invalid_code"))?;
    exchange(ask, |tx| take_refresh(tx, client.id, refresh, ask.now))
}

fn by_code(ask: &Ask<'_>, form: &Form) -> Result<Answer, No> {
    let client = client(ask, form)?;
    if client.redirect_uri.is_some() && client.redirect_uri.as_deref() != form.get("redirect_uri") {
        return Err(No::Word("invalid_redirect_uri"));
    }
    let code = form.get("code").ok_or(No::Word("invalid_code"))?;
    exchange(ask, |tx| take_code(tx, client.id, code, ask.now))
}

/// A client without a person: it acts as the user whose it is, within the scopes that were
/// registered for it.
fn by_client(ask: &Ask<'_>, form: &Form) -> Result<Answer, No> {
    let client = client(ask, form)?;
    let asked = Scopes::parse(form.get("scope").unwrap_or_default());
    let asked = asked.map_err(|_| No::Word("invalid_scope"))?;
    let granted_scopes = Scopes::parse(client.scopes.as_deref().unwrap_or_default());
    if !granted_scopes.is_ok_and(|own| own.include(&asked)) {
        return Err(No::Word("invalid_scope"));
    }
    let soid = form.get("soid").unwrap_or_default();
    let minted = ask.app.db.write(Priority::Interactive, |tx| {
        let catalog = tx.catalog()?;
        let user = catalog.user(client.user);
        let active = user.is_some_and(|user| user.status == UserStatus::Active);
        if soid != format!("ZohoCRM.{}", catalog.org.id) {
            return Ok(Err("invalid_scope"));
        }
        if !active || !clients::lock(tx, client.id)? {
            return Ok(Err("invalid_client"));
        }
        mint_access_token(tx, client.user, Some(client.id), &asked, ask.now).map(Ok)
    })?;
    let access = minted.map_err(No::Word)?;
    let scopes = asked.to_string();
    let exchanged = Exchanged {
        access,
        refresh: None,
        scopes,
    };
    Ok(granted(ask, &exchanged))
}

fn granted(ask: &Ask<'_>, exchanged: &Exchanged) -> Answer {
    let mut body = Map::new();
    let mut put = |name: &str, value: Json| {
        body.insert(name.to_owned(), value);
    };
    put("access_token", exchanged.access.secret.as_str().into());
    if let Some(refresh) = &exchanged.refresh {
        put("refresh_token", refresh.secret.as_str().into());
    }
    put("scope", exchanged.scopes.as_str().into());
    // Never an official domain: SDKs would take their next calls there (wire API, A 8).
    put("api_domain", ask.app.public_url.as_str().into());
    put("token_type", "Bearer".into());
    put("expires_in", (ACCESS_MS / 1000).into());
    Answer::ok(Json::Object(body))
}

/// `POST /oauth/v2/token/revoke`: whoever shows a token may end it.
pub(crate) fn revoke(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let form = Form::read(ask);
    let Some(token) = form.get("token") else {
        return Ok(Answer::json(400, json!({"error": "invalid_token"})));
    };
    let hash = secret::hash(token);
    let found = ask
        .app
        .db
        .write(Priority::Interactive, |tx| Ok(tokens::revoke(tx, &hash)?))?;
    Ok(if found {
        Answer::ok(json!({"status": "success"}))
    } else {
        Answer::json(400, json!({"error": "invalid_token"}))
    })
}
