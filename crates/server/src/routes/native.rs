//! What the handlers of the native API share: a body whose keys are all known, and who may.

use crate::answer::Answer;
use crate::auth::{ScopeRule, ScopeSubject};
use crate::call::Call;
use crm::Actor;
use model::body::{Manner, Object};
use model::id::{ModuleId, UserId};
use model::job::JobKind;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::scope::{ScopeError, Scopes};
use serde_json::{Map, Value as Json};
use std::ops::RangeInclusive;
use store::{Fault, Tx};

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

/// A body as the native API reads it.
pub(super) fn body(map: &Map<String, Json>) -> Object<'_> {
    Object::body(map, Manner::NATIVE)
}

/// Refuses a key that a body does not have.
pub(super) fn known_keys(map: &Map<String, Json>, known: &[&str]) -> Result<(), Refusal> {
    body(map).known(known)
}

/// The scopes of a body.
pub(super) fn scopes_of(body: &Object<'_>) -> Result<Option<Scopes>, Refusal> {
    let key = body.key("scope");
    let wrong = |error: ScopeError| key.place().invalid().saying(error.to_string());
    let parse = |text| Scopes::parse(text).map_err(wrong);
    key.text()?.map(parse).transpose()
}

/// A whole number of a body within bounds; absent and `null` are none.
pub(super) fn number_of(
    map: &Map<String, Json>,
    key: &str,
    bounds: RangeInclusive<i64>,
) -> Result<Option<i64>, Refusal> {
    body(map).key(key).whole(bounds)
}

/// Refuses a token that is not good for the action on the wire: the native API is no way around its
/// scopes.
pub(super) fn require_scope_of(
    call: &Call<'_>,
    actor: &Actor,
    kind: JobKind,
    module: ModuleId,
) -> Result<(), Refusal> {
    let module = actor.catalog.module_by_id(module);
    let segment = module.map_or("", |module| &module.api_name);
    require_scope(call, kind, segment, module)
}

/// The same of a module that a body names, which may be none.
pub(super) fn require_scope(
    call: &Call<'_>,
    kind: JobKind,
    segment: &str,
    module: Option<&Module>,
) -> Result<(), Refusal> {
    let rule = ScopeRule::from(crm::actions::scope(kind));
    let asked = ScopeSubject {
        version: call.version,
        segment,
        module,
    };
    if rule.admits(&call.actor.scopes, asked) {
        Ok(())
    } else {
        Err(Refusal::new(Code::OauthScopeMismatch))
    }
}

/// An unfinished job in the way is a conflict here; the wire has other statuses for it.
pub(super) fn in_the_way(answer: Result<Answer, Fault>) -> Result<Answer, Fault> {
    match answer {
        Err(Fault::Refused(refusal)) if refusal.code == Code::AlreadyScheduled => {
            Ok(Answer::refused(&refusal, 409))
        }
        other => other,
    }
}
