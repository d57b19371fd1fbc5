//! What changes wrote over and what they left there: of one change, or of several that belong together.

use crate::history::value_of;
use crate::show::Show;
use model::field::Field;
use model::module::system;
use model::value::Value;
use serde_json::{Map, Value as Json};
use store::changes::{ChangeKind, Past};

/// Values of one side of a change; `None` where there was no record.
pub type Side<'a> = Option<Vec<(&'a Field, Value)>>;

/// Whether the record was not there before.
pub(crate) fn came(kind: ChangeKind) -> bool {
    matches!(kind, ChangeKind::Create | ChangeKind::Restore)
}

/// What these changes of one record, the oldest first, wrote over in these fields. Of a record that
/// went, empty fields are left out.
pub(crate) fn before<'a>(fields: &[&'a Field], made: &[Past]) -> Side<'a> {
    if made.first().is_none_or(|first| came(first.kind)) {
        return None;
    }
    let went = made.iter().any(|past| past.kind == ChangeKind::Delete);
    let value = |field: &'a Field| {
        let key = field.id.to_string();
        let first = made.iter().find_map(|past| past.before.get(&key))?;
        // A value of another type than the field has now cannot be told in its form.
        let value = value_of(field, first)?;
        (!went || !value.is_null()).then_some((field, value))
    };
    Some(fields.iter().filter_map(|field| value(field)).collect())
}

/// What they left there; `value` says it of a field. Of a record that came, empty fields are left out,
/// and who wrote last and when, which changes do not keep.
pub(crate) fn after<'a>(
    fields: &[&'a Field],
    made: &[Past],
    value: impl Fn(&Field) -> Value,
) -> Side<'a> {
    if made.last()?.kind == ChangeKind::Delete {
        return None;
    }
    let stamps = [system::MODIFIED_BY, system::MODIFIED_TIME];
    let whole = made.iter().any(|past| came(past.kind));
    let left = |field: &&'a Field| {
        let key = field.id.to_string();
        let written = made.iter().any(|past| past.before.contains_key(&key));
        if !whole {
            return written.then(|| (*field, value(field)));
        }
        let told = !stamps.contains(&field.api_name.as_str());
        let value = told
            .then(|| value(field))
            .filter(|value| !value.is_null())?;
        Some((*field, value))
    };
    Some(fields.iter().filter_map(left).collect())
}

/// The native form of one side.
pub(crate) fn shown(show: &Show<'_>, values: Vec<(&Field, Value)>) -> Map<String, Json> {
    let values = values.into_iter();
    let pairs = values.map(|(field, value)| (field.api_name.clone(), show.value(field, value)));
    pairs.collect()
}
