//! The parameter `filters` of the lists of territories: criteria over a few keys, each with
//! comparators of its own (wire API 12).

use super::permission_type;
use crate::call::Call;
use model::criteria::{Comparator, Condition, Criteria, Fault, GroupOp, Literal};
use model::refusal::{Code, Refusal};
use model::territory::Territory;
use model::value::fold;
use serde_json::Value as Json;

/// What is asked of a territory; nothing when the parameter is absent.
pub(super) struct Filters(Option<Criteria>);

/// What a key of a filter holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// One of few: an id, a word, a person.
    Choice,
    /// A name.
    Text,
    /// An instant.
    Time,
}

const KEYS: [(&str, Key); 9] = [
    ("reporting_to.id", Key::Choice),
    ("manager.id", Key::Choice),
    ("id", Key::Choice),
    ("permission_type", Key::Choice),
    ("created_by", Key::Choice),
    ("modified_by", Key::Choice),
    ("name", Key::Text),
    ("created_time", Key::Time),
    ("modified_time", Key::Time),
];

impl Key {
    fn of(name: &str) -> Option<Self> {
        let found = KEYS.iter().find(|(known, _)| *known == name);
        found.map(|(_, key)| *key)
    }

    fn compares_by(self, comparator: Comparator) -> bool {
        use Comparator as C;
        match self {
            Self::Choice => matches!(comparator, C::Equal | C::NotEqual),
            Self::Text => matches!(
                comparator,
                C::Equal | C::NotEqual | C::Contains | C::NotContains | C::StartsWith | C::EndsWith
            ),
            Self::Time => matches!(
                comparator,
                C::Equal | C::Between | C::LessThan | C::LessEqual | C::GreaterThan
            ),
        }
    }
}

fn refusal() -> Refusal {
    Refusal::new(Code::InvalidData).with("param_name", "filters")
}

impl Filters {
    /// Reads the parameter.
    pub(super) fn read(call: &Call<'_>) -> Result<Self, Refusal> {
        match call.query.get("filters") {
            Some(text) => Self::parse(text).map(Some).map(Self),
            None => Ok(Self(None)),
        }
    }

    fn parse(text: &str) -> Result<Criteria, Refusal> {
        let json: Json = serde_json::from_str(text).map_err(|_| refusal())?;
        let no_fields = json.get("group").and_then(Json::as_array);
        if no_fields.is_some_and(Vec::is_empty) {
            return Err(nothing_asked());
        }
        let criteria = Criteria::from_json(&json).map_err(|error| match error.fault {
            Fault::NoField | Fault::NoFieldName => nothing_asked(),
            _ => refusal().saying(error.message),
        })?;
        check(&criteria)?;
        Ok(criteria)
    }

    /// Whether a territory is one of those asked for.
    pub(super) fn take(&self, territory: &Territory) -> bool {
        self.0
            .as_ref()
            .is_none_or(|criteria| takes(criteria, territory))
    }
}

fn nothing_asked() -> Refusal {
    refusal().saying("Specify Atleast one field")
}

fn check(criteria: &Criteria) -> Result<(), Refusal> {
    match criteria {
        Criteria::Group { items, .. } => items.iter().try_for_each(check),
        Criteria::Condition(condition) => {
            let name = condition.field.as_str();
            let unknown =
                || refusal().saying(format!("The given api_name({name}) is not supported"));
            let key = Key::of(name).ok_or_else(unknown)?;
            if key.compares_by(condition.comparator) {
                return Ok(());
            }
            let comparator = condition.comparator.name();
            let text = format!("The given comparator({comparator}) is not supported for {name}");
            Err(refusal().saying(text))
        }
    }
}

fn takes(criteria: &Criteria, territory: &Territory) -> bool {
    match criteria {
        Criteria::Group {
            op: GroupOp::And,
            items,
        } => items.iter().all(|item| takes(item, territory)),
        Criteria::Group {
            op: GroupOp::Or,
            items,
        } => items.iter().any(|item| takes(item, territory)),
        Criteria::Condition(condition) => holds(condition, territory),
    }
}

/// What a territory has at a key. Nobody keeps who changed a territory, nor when.
fn value_at(territory: &Territory, key: &str) -> Option<String> {
    match key {
        "id" => Some(territory.id.to_string()),
        "reporting_to.id" => territory.reports_to.map(|id| id.to_string()),
        "manager.id" => territory.manager.map(|id| id.to_string()),
        "permission_type" => Some(permission_type(territory).to_owned()),
        "name" => Some(fold(&territory.name)),
        _ => None,
    }
}

fn holds(condition: &Condition, territory: &Territory) -> bool {
    if let Some(positive) = condition.comparator.complement_of() {
        let positive = Condition::new(&condition.field, positive, condition.values.clone());
        return !holds(&positive, territory);
    }
    let value = value_at(territory, &condition.field);
    let asked = condition.values.first().map_or("", Literal::as_text);
    match (value.as_deref(), asked) {
        (value, "" | "${EMPTY}") => value.is_none(),
        (value, "${NOTEMPTY}") => value.is_some(),
        (None, _) => false,
        (Some(value), asked) => {
            let asked = fold(asked);
            match condition.comparator {
                Comparator::Equal => value == asked,
                Comparator::Contains => value.contains(&asked),
                Comparator::StartsWith => value.starts_with(&asked),
                Comparator::EndsWith => value.ends_with(&asked),
                _ => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::id::TerritoryId;
    use model::territory::TerritoryAccess;

    fn territory() -> Territory {
        Territory {
            id: TerritoryId(7),
            name: "North Élan".to_owned(),
            description: String::new(),
            reports_to: Some(TerritoryId(5)),
            manager: None,
            access: TerritoryAccess::ReadOnly,
        }
    }

    fn asked(key: &str, comparator: &str, value: &str) -> Result<bool, String> {
        let text = format!(
            r#"{{"field":{{"api_name":"{key}"}},"comparator":"{comparator}","value":{value}}}"#
        );
        found(&text)
    }

    fn found(text: &str) -> Result<bool, String> {
        let criteria = Filters::parse(text).map_err(|refusal| {
            assert_eq!(refusal.details["param_name"], "filters");
            refusal.message.into_owned()
        })?;
        Ok(Filters(Some(criteria)).take(&territory()))
    }

    #[test]
    fn each_key_compares_by_its_own_comparators() {
        for (key, comparator, value, wanted) in [
            ("id", "equal", "\"7\"", true),
            ("id", "equal", "7", true),
            ("id", "not_equal", "\"8\"", true),
            ("reporting_to.id", "equal", "\"5\"", true),
            ("reporting_to.id", "equal", "\"${EMPTY}\"", false),
            ("reporting_to.id", "equal", "{\"id\":\"5\"}", true),
            ("manager.id", "equal", "\"${EMPTY}\"", true),
            ("manager.id", "equal", "null", true),
            ("manager.id", "not_equal", "\"5\"", true),
            ("manager.id", "equal", "\"${NOTEMPTY}\"", false),
            ("permission_type", "equal", "\"read_only\"", true),
            ("name", "equal", "\"NORTH ÉLAN\"", true),
            ("name", "contains", "\"th él\"", true),
            ("name", "not_contains", "\"south\"", true),
            ("name", "starts_with", "\"north\"", true),
            ("name", "ends_with", "\"north\"", false),
            (
                "created_time",
                "less_than",
                "\"2031-01-01T00:00:00Z\"",
                false,
            ),
            ("modified_by", "not_equal", "\"5\"", true),
        ] {
            assert_eq!(
                asked(key, comparator, value),
                Ok(wanted),
                "{key} {comparator} {value}"
            );
        }
        for (key, comparator) in [
            ("id", "contains"),
            ("name", "less_than"),
            ("created_time", "not_equal"),
            ("manager.id", "in"),
        ] {
            let message = asked(key, comparator, "\"5\"").unwrap_err();
            assert!(
                message.contains(comparator),
                "{key} {comparator}: {message}"
            );
        }
    }

    #[test]
    fn groups_nest() {
        let condition = |id: u8| {
            format!(r#"{{"field":{{"api_name":"id"}},"comparator":"equal","value":"{id}"}}"#)
        };
        let group = |op: &str, a: &str, b: &str| {
            format!(r#"{{"group_operator":"{op}","group":[{a},{b}]}}"#)
        };
        let (yes, no) = (condition(7), condition(8));
        assert_eq!(found(&group("or", &no, &yes)), Ok(true));
        assert_eq!(found(&group("AND", &no, &yes)), Ok(false));
        assert_eq!(
            found(&group("AND", &yes, &group("or", &no, &yes))),
            Ok(true)
        );
    }

    #[test]
    fn what_is_wrong_is_said_as_the_wire_says_it() {
        let nothing = Err("Specify Atleast one field".to_owned());
        for text in [
            "{}",
            r#"{"group_operator":"and","group":[]}"#,
            r#"{"field":{}}"#,
        ] {
            assert_eq!(found(text), nothing, "{text}");
        }
        assert_eq!(
            asked("colour", "equal", "\"5\""),
            Err("The given api_name(colour) is not supported".to_owned())
        );
        for text in ["", "x", "[]", "5", r#"{"field":{"api_name":"id"}}"#] {
            assert!(found(text).is_err(), "{text}");
        }
    }
}
