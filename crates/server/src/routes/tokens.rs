//! `/swathe/v1/tokens`: a token at once, for scripts and tests of administrators.

use super::native::{self, administrators_only, scopes_of};
use crate::answer::Answer;
use crate::auth;
use crate::call::Call;
use store::{Fault, Priority};

/// `POST /swathe/v1/tokens`: `{"user","scope"}`
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let body = native::body(&body);
    body.known(&["user", "scope"])?;
    let email = body.key("user").required()?.text()?;
    let scopes = scopes_of(&body)?.ok_or_else(|| body.key("scope").place().mandatory())?;
    let made = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        auth::token_at_once(tx, email, &scopes, &call.app.public_url, call.now)
    })?;
    Ok(Answer::json(201, made))
}
