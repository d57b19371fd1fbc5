//! `/swathe/v1/tokens`: a token at once, for scripts and tests of administrators.

use super::clients::{active_user, administrators_only, known_keys, scopes_of, text_of};
use crate::answer::Answer;
use crate::auth::{self, ACCESS_MS};
use crate::call::Call;
use model::refusal::Refusal;
use serde_json::json;
use store::{Fault, Priority};

/// `POST /swathe/v1/tokens`: `{"user","scope"}`
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    known_keys(&body, &["user", "scope"])?;
    let email = text_of(&body, "user")?.ok_or_else(|| Refusal::mandatory("user", "$.user"))?;
    let scopes = scopes_of(&body)?.ok_or_else(|| Refusal::mandatory("scope", "$.scope"))?;
    let minted = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        let user = active_user(&*tx.catalog()?, email)?.id;
        auth::mint_access_token(tx, user, None, &scopes, call.now)
    })?;
    Ok(Answer::json(
        201,
        json!({
            "access_token": minted.secret,
            "api_domain": call.app.public_url,
            "expires_in": ACCESS_MS / 1000,
        }),
    ))
}
