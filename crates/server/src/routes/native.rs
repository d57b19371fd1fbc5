//! What the handlers of the native API share: a body whose keys are all known, and who may.

use crate::answer::Answer;
use crate::auth::{Asked, ScopeRule};
use crate::call::Call;
use crm::Actor;
use model::id::{ModuleId, UserId};
use model::job::JobKind;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::scope::{Op, Scopes};
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

/// Refuses a key that a body does not have: a misspelt one must not be passed over.
pub(super) fn known_keys(body: &Map<String, Json>, known: &[&str]) -> Result<(), Refusal> {
    match body.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Refusal::invalid(key, format!("$.{key}")).saying("there is no such key")),
        None => Ok(()),
    }
}

/// A text of a body: absent, or a text that is not empty.
pub(super) fn text_of<'a>(
    body: &'a Map<String, Json>,
    key: &str,
) -> Result<Option<&'a str>, Refusal> {
    match body.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => {
            let refusal = Refusal::invalid(key, format!("$.{key}"));
            Err(refusal.with("expected_data_type", "string"))
        }
    }
}

/// A text that must be there.
pub(super) fn needed_text<'a>(body: &'a Map<String, Json>, key: &str) -> Result<&'a str, Refusal> {
    text_of(body, key)?.ok_or_else(|| Refusal::mandatory(key, format!("$.{key}")))
}

/// A truth value of a body; absent is false.
pub(super) fn truth_of(body: &Map<String, Json>, key: &str) -> Result<bool, Refusal> {
    match body.get(key) {
        None => Ok(false),
        Some(Json::Bool(truth)) => Ok(*truth),
        Some(_) => {
            let refusal = Refusal::invalid(key, format!("$.{key}"));
            Err(refusal.with("expected_data_type", "boolean"))
        }
    }
}

/// The scopes of a body.
pub(super) fn scopes_of(body: &Map<String, Json>) -> Result<Option<Scopes>, Refusal> {
    let parse = |text| {
        Scopes::parse(text)
            .map_err(|error| Refusal::invalid("scope", "$.scope").saying(error.to_string()))
    };
    text_of(body, "scope")?.map(parse).transpose()
}

/// A whole number of a body within bounds; absent and `null` are none.
pub(super) fn number_of(
    body: &Map<String, Json>,
    key: &str,
    bounds: RangeInclusive<i64>,
) -> Result<Option<i64>, Refusal> {
    let number = match body.get(key) {
        None | Some(Json::Null) => return Ok(None),
        Some(json) => json.as_i64().filter(|number| bounds.contains(number)),
    };
    let wrong = || {
        let refusal = Refusal::invalid(key, format!("$.{key}"));
        let refusal = refusal.with("expected_data_type", "integer");
        refusal
            .with("minimum", *bounds.start())
            .with("maximum", *bounds.end())
    };
    number.map(Some).ok_or_else(wrong)
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
    let rule = match kind {
        // An undo is asked about as what it undoes.
        JobKind::MassUpdate | JobKind::Undo => ScopeRule::ByModule("mass_update", Op::Update),
        JobKind::ChangeOwner => ScopeRule::ChangeOwner(Op::Create),
        JobKind::MassDelete => ScopeRule::ByModule("mass_delete", Op::Delete),
        JobKind::MassConvert => ScopeRule::Sub("mass_convert", "leads", Op::Create),
    };
    let asked = Asked {
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
