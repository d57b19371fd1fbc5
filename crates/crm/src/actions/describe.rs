//! What a job was asked to do, told so that a person can read it and within a reader's rights: in the
//! words of the body that makes a job, with everything resolved.

use crate::actor::Actor;
use model::body::Node;
use model::criteria::{Bound, Test};
use model::field::Field;
use model::id::UserId;
use model::module::Module;
use model::people::{Right, User};
use model::refusal::Refusal;
use model::value::Value;
use serde_json::{Map, Value as Json, json};
use store::Fault;
use store::jobs::Job;

/// `{"selection","change"}`; null for who may not view the module, or when it was removed.
pub(crate) fn request(reader: &Actor, job: &Job) -> Result<Json, Fault> {
    let module = reader.catalog.module_by_id(job.module);
    let seen = module.filter(|module| reader.profile.may(Right::View, module.id));
    let Some(module) = seen else {
        return Ok(Json::Null);
    };
    super::of(job.kind).describe(reader, module, &job.request)
}

/// The user whom a request names by id or e-mail address. Whether they may own the records is for the
/// action to say.
pub(super) fn user_named(actor: &Actor, node: &Node<'_>) -> Result<UserId, Refusal> {
    let text = node.text()?;
    let by_email = || actor.catalog.user_by_email(text).map(|user| user.id);
    UserId::parse(text).or_else(by_email).ok_or_else(|| {
        let refusal = node.place().invalid();
        refusal.saying("neither a user's id nor an e-mail address")
    })
}

/// A user by name.
pub(super) fn user(reader: &Actor, id: UserId) -> Json {
    let name = reader.catalog.user(id).map(User::full_name);
    json!({ "id": id.to_string(), "name": name })
}

/// A resolved criteria. A test of a field that the reader may not see, or that is gone, is hidden:
/// what it compares with would tell of its values.
pub(super) fn criteria(reader: &Actor, module: &Module, bound: &Bound) -> Json {
    let each = |items: &[Bound]| -> Vec<Json> {
        let told = items.iter().map(|item| criteria(reader, module, item));
        told.collect()
    };
    match bound {
        Bound::All(items) => json!({ "all": each(items) }),
        Bound::Any(items) => json!({ "any": each(items) }),
        Bound::Not(item) => json!({ "not": criteria(reader, module, item) }),
        Bound::Test { field, test, .. } => {
            let field = module.field_by_id(*field);
            let seen = field.filter(|field| reader.sees(field) && test.fits(&field.kind));
            seen.map_or_else(
                || json!({ "hidden": true }),
                |field| tested(reader, field, test),
            )
        }
    }
}

fn tested(reader: &Actor, field: &Field, test: &Test) -> Json {
    let value = |number: &i64| field.kind.show(&Value::Int(*number), &reader.zone);
    let one = |key: &str, value: Json| Map::from_iter([(key.to_owned(), value)]);
    let wanted = match test {
        Test::IsEmpty => one("is_empty", true.into()),
        Test::Is(truth) => one("is", (*truth).into()),
        Test::OneOf(numbers) => one("one_of", numbers.iter().map(value).collect()),
        Test::Within { from, to } => {
            let mut bounds = Map::new();
            for (key, bound) in [("from", from), ("below", to)] {
                if let Some(bound) = bound {
                    bounds.insert(key.to_owned(), value(bound));
                }
            }
            bounds
        }
        Test::TextOneOf(words) => one("one_of", words.clone().into()),
        Test::Contains(part) => one("contains", part.as_str().into()),
        Test::StartsWith(part) => one("starts_with", part.as_str().into()),
        Test::EndsWith(part) => one("ends_with", part.as_str().into()),
        Test::HasElement(words) => one("has_one_of", words.clone().into()),
        Test::ElementStartsWith(part) => one("has_one_that_starts_with", part.as_str().into()),
        Test::ElementsAre(words) => one("has_exactly", words.clone().into()),
    };
    let mut told = one("field", field.api_name.as_str().into());
    told.extend(wanted);
    Json::Object(told)
}
