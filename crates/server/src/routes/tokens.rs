//! `/swathe/v1/tokens`: a token at once, for scripts and tests of administrators.

use super::native::{administrators_only, known_keys, needed_text, scopes_of};
use crate::answer::Answer;
use crate::auth;
use crate::call::Call;
use model::refusal::Refusal;
use store::{Fault, Priority};

/// `POST /swathe/v1/tokens`: `{"user","scope"}`
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    known_keys(&body, &["user", "scope"])?;
    let email = needed_text(&body, "user")?;
    let scopes = scopes_of(&body)?.ok_or_else(|| Refusal::mandatory("scope", "$.scope"))?;
    let made = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        auth::token_at_once(tx, email, &scopes, &call.app.public_url, call.now)
    })?;
    Ok(Answer::json(201, made))
}
