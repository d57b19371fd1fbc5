//! The JSON form (wire API 10.2), which is the serde form as well.

use super::tree::is_field_name;
use super::{Comparator, Condition, Criteria, CriteriaError, Fault, GroupOp, Literal, ROOT};
use crate::field::json_id;
use crate::id::FieldId;
use crate::limits::{CONDITIONS_MAX, CRITERIA_BYTES_MAX, CRITERIA_DEPTH_MAX, IN_VALUES_MAX};
use crate::module::Module;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value as Json, json};

/// The user placeholder; the wire writes it as a name.
pub(super) const CURRENT_USER: &str = "${CURRENTUSER}";
/// The role placeholder; the wire writes it as an id.
pub(super) const CURRENT_ROLE: &str = "${CURRENTUSERROLE}";

impl Criteria {
    /// Reads the JSON form, fields by api name.
    pub fn from_json(json: &Json) -> Result<Self, CriteriaError> {
        read(json, None)
    }

    /// Reads the JSON form, where a field may also be named by its id alone; if both are given
    /// they must name the same field.
    pub fn from_json_in(json: &Json, module: &Module) -> Result<Self, CriteriaError> {
        read(json, Some(module))
    }

    /// Writes the JSON form, with the ids of the fields that `field_id` knows.
    pub fn to_json(&self, field_id: impl Fn(&str) -> Option<FieldId>) -> Json {
        self.write_json(&field_id)
    }

    fn write_json(&self, field_id: &dyn Fn(&str) -> Option<FieldId>) -> Json {
        match self {
            Self::Condition(condition) => {
                let mut field = Map::new();
                field.insert("api_name".to_owned(), condition.field.as_str().into());
                if let Some(id) = field_id(&condition.field) {
                    field.insert("id".to_owned(), id.to_string().into());
                }
                let value = match condition.values.as_slice() {
                    [one] if !condition.comparator.takes_list() => write_literal(one),
                    several => several.iter().map(write_literal).collect(),
                };
                json!({
                    "comparator": condition.comparator.name(),
                    "field": field,
                    "value": value,
                })
            }
            Self::Group { op, items } => {
                let items: Vec<Json> = items.iter().map(|item| item.write_json(field_id)).collect();
                let op = match op {
                    GroupOp::And => "AND",
                    GroupOp::Or => "OR",
                };
                json!({ "group_operator": op, "group": items })
            }
        }
    }
}

impl Serialize for Criteria {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json(|_| None).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Criteria {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(&json).map_err(de::Error::custom)
    }
}

fn write_literal(literal: &Literal) -> Json {
    match literal {
        Literal::Text(text) if text == CURRENT_USER => json!({ "name": text }),
        Literal::Text(text) if text == CURRENT_ROLE => json!({ "id": text }),
        Literal::Text(text) => text.as_str().into(),
        Literal::Number(text) => text
            .parse::<serde_json::Number>()
            .map_or_else(|_| text.as_str().into(), Json::Number),
        Literal::Bool(truth) => (*truth).into(),
        Literal::Reference { id, name } => {
            let mut object = Map::new();
            for (key, part) in [("name", name), ("id", id)] {
                if let Some(part) = part {
                    object.insert(key.to_owned(), part.as_str().into());
                }
            }
            object.into()
        }
    }
}

fn read(json: &Json, module: Option<&Module>) -> Result<Criteria, CriteriaError> {
    let mut reader = Reader {
        module,
        conditions: 0,
    };
    let criteria = reader.criteria(json, ROOT, 0)?;
    // One bound for both spellings, so that what is accepted in one can be written in the other.
    if criteria.to_text().len() > CRITERIA_BYTES_MAX {
        return Err(CriteriaError::at_path(
            Fault::TooLarge,
            ROOT,
            format!("A criteria has at most {CRITERIA_BYTES_MAX} bytes."),
        ));
    }
    Ok(criteria)
}

struct Reader<'a> {
    module: Option<&'a Module>,
    conditions: usize,
}

/// What a condition or a group may hold.
const CRITERIA_KEYS: [&str; 8] = [
    "field",
    "api_name",
    "comparator",
    "value",
    "type",
    "$disrupted",
    "group_operator",
    "group",
];
/// What a field of a condition may hold.
const FIELD_KEYS: [&str; 2] = ["api_name", "id"];

/// Refuses a key that means nothing: a misspelt `group` would widen what is selected.
fn refuse_unknown(
    object: &Map<String, Json>,
    known: &[&str],
    path: &str,
) -> Result<(), CriteriaError> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(CriteriaError::at_path(
            Fault::Syntax,
            format!("{path}.{key}"),
            format!("A criteria has no key {key}."),
        )),
    }
}

/// A member of an object; clients write `null` for what they do not set.
fn member<'a>(object: &'a Map<String, Json>, key: &str) -> Option<&'a Json> {
    object.get(key).filter(|value| !value.is_null())
}

impl Reader<'_> {
    fn criteria(
        &mut self,
        json: &Json,
        path: &str,
        depth: usize,
    ) -> Result<Criteria, CriteriaError> {
        let Some(object) = json.as_object() else {
            return Err(CriteriaError::at_path(
                Fault::Syntax,
                path,
                "A criteria is an object.",
            ));
        };
        refuse_unknown(object, &CRITERIA_KEYS, path)?;
        if let Some(Json::Object(field)) = object.get("field") {
            refuse_unknown(field, &FIELD_KEYS, &format!("{path}.field"))?;
        }
        let field = member(object, "field").or_else(|| member(object, "api_name"));
        match (member(object, "group"), field) {
            (Some(_), Some(_)) => Err(CriteriaError::at_path(
                Fault::Syntax,
                path,
                "A criteria has either a field or a group.",
            )),
            (Some(group), None) => self.group(object, group, path, depth),
            (None, _) => self.condition(object, path).map(Criteria::Condition),
        }
    }

    fn group(
        &mut self,
        object: &Map<String, Json>,
        group: &Json,
        path: &str,
        depth: usize,
    ) -> Result<Criteria, CriteriaError> {
        let group_path = format!("{path}.group");
        if depth == CRITERIA_DEPTH_MAX {
            return Err(CriteriaError::at_path(
                Fault::TooLarge,
                group_path,
                format!("Groups nest at most {CRITERIA_DEPTH_MAX} deep."),
            ));
        }
        let op = member(object, "group_operator")
            .and_then(Json::as_str)
            .and_then(GroupOp::from_name)
            .ok_or_else(|| {
                CriteriaError::at_path(
                    Fault::Syntax,
                    format!("{path}.group_operator"),
                    "The operator of a group is AND or OR.",
                )
            })?;
        let members = group
            .as_array()
            .filter(|members| !members.is_empty())
            .ok_or_else(|| {
                CriteriaError::at_path(
                    Fault::Syntax,
                    group_path.as_str(),
                    "A group is a list of at least one criteria.",
                )
            })?;
        let mut items = Vec::new();
        for (i, item) in members.iter().enumerate() {
            items.push(self.criteria(item, &format!("{group_path}[{i}]"), depth + 1)?);
        }
        Ok(Criteria::Group { op, items })
    }

    fn condition(
        &mut self,
        object: &Map<String, Json>,
        path: &str,
    ) -> Result<Condition, CriteriaError> {
        if self.conditions == CONDITIONS_MAX {
            return Err(CriteriaError::at_path(
                Fault::TooManyConditions,
                path,
                format!("A criteria has at most {CONDITIONS_MAX} conditions."),
            ));
        }
        self.conditions += 1;
        let field = self.field(object, path)?;
        let at = format!("{path}.comparator");
        let comparator = member(object, "comparator").ok_or_else(|| {
            CriteriaError::at_path(
                Fault::NoComparator,
                at.as_str(),
                "A condition needs a comparator.",
            )
        })?;
        let comparator = comparator
            .as_str()
            .and_then(Comparator::from_name)
            .ok_or_else(|| {
                CriteriaError::at_path(
                    Fault::Comparator,
                    at.as_str(),
                    format!("{comparator} is not a comparator."),
                )
            })?;
        let type_path = format!("{path}.type");
        if let Some(kind) = member(object, "type")
            && !matches!(kind.as_str(), Some("value" | "pre_defined"))
        {
            return Err(CriteriaError::at_path(
                Fault::Value,
                type_path,
                "A condition compares with a value; other types are not supported.",
            ));
        }
        let at = format!("{path}.value");
        let value = object.get("value").ok_or_else(|| {
            CriteriaError::at_path(Fault::NoValue, at.as_str(), "A condition needs a value.")
        })?;
        let values = read_values(value, comparator, &at)?;
        Ok(Condition::new(field, comparator, values))
    }

    fn field(&self, object: &Map<String, Json>, path: &str) -> Result<String, CriteriaError> {
        let (name, id, at) = match (member(object, "field"), member(object, "api_name")) {
            (Some(Json::Object(field)), _) => (
                member(field, "api_name"),
                member(field, "id"),
                format!("{path}.field"),
            ),
            (Some(name), _) | (None, Some(name)) => (Some(name), None, path.to_owned()),
            (None, None) => {
                return Err(CriteriaError::at_path(
                    Fault::NoField,
                    path,
                    "A criteria needs a field or a group.",
                ));
            }
        };
        let leaf = if object.get("field").is_some_and(Json::is_string) {
            format!("{at}.field")
        } else {
            format!("{at}.api_name")
        };
        let wrong_name =
            || CriteriaError::at_path(Fault::Syntax, leaf.as_str(), "Not a field name.");
        let name = match name {
            Some(name) => {
                let name = name.as_str().ok_or_else(wrong_name)?;
                (!name.is_empty()).then_some(name)
            }
            None => None,
        };
        let by_id = match (id, self.module) {
            (Some(id), Some(module)) => {
                let found = json_id(id).and_then(|id| module.field_by_id(FieldId(id)));
                Some(found.ok_or_else(|| {
                    CriteriaError::at_path(
                        Fault::UnknownField,
                        format!("{at}.id"),
                        format!("{} has no field of the id {id}.", module.api_name),
                    )
                })?)
            }
            _ => None,
        };
        match (name, by_id) {
            (Some(name), Some(field)) if field.api_name != name => Err(CriteriaError::at_path(
                Fault::FieldMismatch,
                format!("{at}.id"),
                format!("This is the id of {}, not of {name}.", field.api_name),
            )),
            (Some(name), _) if is_field_name(name) => Ok(name.to_owned()),
            (Some(_), _) => Err(wrong_name()),
            (None, Some(field)) => Ok(field.api_name.clone()),
            (None, None) => Err(CriteriaError::at_path(
                Fault::NoFieldName,
                leaf,
                "A field needs an api name.",
            )),
        }
    }
}

fn read_values(
    json: &Json,
    comparator: Comparator,
    path: &str,
) -> Result<Vec<Literal>, CriteriaError> {
    let Json::Array(list) = json else {
        return Ok(vec![read_literal(json, path)?]);
    };
    if list.len() > IN_VALUES_MAX {
        return Err(CriteriaError::at_path(
            Fault::TooLarge,
            path,
            format!("A condition has at most {IN_VALUES_MAX} values."),
        ));
    }
    if list.is_empty() && comparator.takes_list() {
        return Err(CriteriaError::at_path(
            Fault::Value,
            path,
            "A list of values has at least one.",
        ));
    }
    if list.is_empty() {
        // A multi-select field without elements has no value.
        return Ok(vec![Literal::Text(String::new())]);
    }
    list.iter()
        .enumerate()
        .map(|(i, item)| read_literal(item, &format!("{path}[{i}]")))
        .collect()
}

fn read_literal(json: &Json, path: &str) -> Result<Literal, CriteriaError> {
    let wrong = || {
        CriteriaError::at_path(
            Fault::Value,
            path,
            "A value is a text, a number, true, false, or an object with `id` or `name`.",
        )
    };
    match json {
        Json::Null => Ok(Literal::Text(String::new())),
        Json::Bool(truth) => Ok(Literal::Bool(*truth)),
        Json::Number(number) => Ok(Literal::Number(number.to_string())),
        Json::String(text) => Ok(Literal::Text(text.clone())),
        Json::Object(object) => {
            let part = |key: &str| match member(object, key) {
                None => Ok(None),
                Some(Json::String(text)) => Ok(Some(text.clone())),
                Some(Json::Number(number)) => Ok(Some(number.to_string())),
                Some(_) => Err(wrong()),
            };
            let (id, name) = (part("id")?, part("name")?);
            for placeholder in [CURRENT_USER, CURRENT_ROLE] {
                if [&id, &name].contains(&&Some(placeholder.to_owned())) {
                    return Ok(Literal::Text(placeholder.to_owned()));
                }
            }
            if id.is_none() && name.is_none() {
                return Err(wrong());
            }
            Ok(Literal::Reference { id, name })
        }
        Json::Array(_) => Err(wrong()),
    }
}
