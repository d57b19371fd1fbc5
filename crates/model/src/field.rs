//! A field: what it holds, how its wire form becomes a stored value, and back.

use crate::decimal::{NotDecimal, decimal_json, parse_decimal};
use crate::id::{FieldId, PickId};
use crate::limits::{DECIMAL_DIGITS_MAX, MULTI_SELECT_VALUES_MAX, PERCENT_MAX};
use crate::module::Module;
use crate::rule::Dependency;
use crate::time::{Day, Timestamp};
use crate::value::{Class, Value};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// What a field holds. The names are the wire's `data_type`s (wire API 11.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FieldKind {
    /// A line of text of at most `max` characters.
    Text {
        /// Characters at most.
        max: u32,
    },
    /// Text of several lines of at most `max` characters.
    TextArea {
        /// Characters at most.
        max: u32,
    },
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A web address.
    Website,
    /// One of a list of values.
    Picklist,
    /// Several of a list of values, their order kept.
    MultiSelectPicklist,
    /// A whole number of at most 9 digits.
    Integer,
    /// A whole number of at most 18 digits; a string on the wire.
    BigInt,
    /// A decimal with so many places, stored scaled.
    Double {
        /// Decimal places.
        places: u8,
    },
    /// An amount of money with so many places, stored scaled.
    Currency {
        /// Decimal places.
        places: u8,
    },
    /// A percentage with so many places, stored scaled; at most 5 digits before the point.
    Percent {
        /// Decimal places.
        places: u8,
    },
    /// A truth value.
    Boolean,
    /// A civil day.
    Date,
    /// An instant.
    DateTime,
    /// A record of another module.
    Lookup {
        /// Api name of the module.
        module: String,
    },
    /// What an activity is about: a record of any module that [`Module::may_be_related`].
    RelatedTo,
    /// The record's owner: a user.
    OwnerLookup,
    /// A user.
    UserLookup,
    /// A number that the server gives each new record: `prefix` and a sequence.
    AutoNumber {
        /// What stands before the number.
        prefix: String,
        /// The first number.
        start: i64,
    },
    /// The record's layout.
    Layout,
}

/// Why a wire value does not fit a field; becomes the details of INVALID_DATA.
#[derive(Clone, Debug, PartialEq)]
pub struct Misfit {
    /// `expected_data_type`, `maximum_length`, `range` …
    pub details: Map<String, Json>,
}

impl Misfit {
    fn one(key: &str, value: impl Into<Json>) -> Self {
        Self {
            details: Map::from_iter([(key.to_owned(), value.into())]),
        }
    }

    fn wrong_type(kind: &FieldKind) -> Self {
        Self::one("expected_data_type", kind.data_type())
    }
}

/// One value of a picklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickValue {
    /// Its id.
    pub id: PickId,
    /// What is stored and shown.
    pub value: String,
}

/// How a stored value is made by the server rather than written by a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Computed {
    /// First_Name and Last_Name with a space between.
    FullName,
}

/// A field of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its id.
    pub id: FieldId,
    /// Its api name: the key on the wire and the column's name.
    pub api_name: String,
    /// What people read.
    pub label: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Made by the org, not standard.
    #[serde(default)]
    pub custom: bool,
    /// Every record must have a value.
    #[serde(default)]
    pub mandatory: bool,
    /// Only the server writes it.
    #[serde(default)]
    pub read_only: bool,
    /// No two records of the module may share a value, compared without case.
    #[serde(default)]
    pub unique: bool,
    /// A mass update may write it (wire API 11.2).
    #[serde(default)]
    pub mass_update: bool,
    /// The values of a picklist, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<PickValue>,
    /// The picklist that decides about this one's values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Dependency>,
    /// How the server makes its value, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<Computed>,
    /// Of a lead's field: by module, the field that its value goes to when a lead is converted. The
    /// usual ways without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convert_to: Option<BTreeMap<String, String>>,
}

impl FieldKind {
    /// The wire's `data_type`.
    pub fn data_type(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::TextArea { .. } => "textarea",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Website => "website",
            Self::Picklist => "picklist",
            Self::MultiSelectPicklist => "multiselectpicklist",
            Self::Integer => "integer",
            Self::BigInt => "bigint",
            Self::Double { .. } => "double",
            Self::Currency { .. } => "currency",
            Self::Percent { .. } => "percent",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Lookup { .. } | Self::RelatedTo => "lookup",
            Self::OwnerLookup => "ownerlookup",
            Self::UserLookup => "userlookup",
            Self::AutoNumber { .. } => "autonumber",
            Self::Layout => "layout",
        }
    }

    /// The wire's `json_type`: only the six words that clients know (wire API, C).
    pub fn json_type(&self) -> &'static str {
        match self {
            Self::MultiSelectPicklist => "jsonarray",
            Self::Integer => "integer",
            Self::Double { .. } | Self::Currency { .. } | Self::Percent { .. } => "double",
            Self::Boolean => "boolean",
            kind if kind.is_reference() => "jsonobject",
            _ => "string",
        }
    }

    /// The storage class of its column.
    pub fn class(&self) -> Class {
        match self {
            Self::Boolean => Class::Bool,
            Self::Integer
            | Self::BigInt
            | Self::Double { .. }
            | Self::Currency { .. }
            | Self::Percent { .. }
            | Self::Date
            | Self::DateTime
            | Self::Lookup { .. }
            | Self::RelatedTo
            | Self::OwnerLookup
            | Self::UserLookup
            | Self::Layout => Class::Int,
            _ => Class::Text,
        }
    }

    /// Decimal places of a scaled decimal.
    pub fn places(&self) -> Option<u8> {
        match self {
            Self::Double { places } | Self::Currency { places } | Self::Percent { places } => {
                Some(*places)
            }
            _ => None,
        }
    }

    /// Characters at most, where the kind has such a bound (wire API 9.2).
    pub fn max_length(&self) -> Option<u32> {
        match self {
            Self::Text { max } | Self::TextArea { max } => Some(*max),
            Self::Email => Some(100),
            Self::Phone => Some(30),
            Self::Website => Some(450),
            Self::Picklist | Self::AutoNumber { .. } => Some(120),
            Self::MultiSelectPicklist => Some(2000),
            _ => None,
        }
    }

    /// Whether values are texts that a person typed.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Text { .. }
                | Self::TextArea { .. }
                | Self::Email
                | Self::Phone
                | Self::Website
                | Self::AutoNumber { .. }
        )
    }

    /// Whether the value is the id of a record, a user or a layout.
    pub fn is_reference(&self) -> bool {
        self.is_lookup() || matches!(self, Self::OwnerLookup | Self::UserLookup | Self::Layout)
    }

    /// Whether the value is the id of a record.
    pub fn is_lookup(&self) -> bool {
        matches!(self, Self::Lookup { .. } | Self::RelatedTo)
    }

    /// Whether the value can be the id of a record of this module.
    pub fn points_at(&self, target: &Module) -> bool {
        match self {
            Self::Lookup { module } => *module == target.api_name,
            Self::RelatedTo => target.may_be_related(),
            _ => false,
        }
    }

    /// Reads a wire value. `null`, `""` and `[]` are no value. Whether a referenced record, user or
    /// picklist value exists is not decided here.
    pub fn parse(&self, json: &Json, zone: &TimeZone) -> Result<Value, Misfit> {
        let wrong = || Misfit::wrong_type(self);
        match json {
            Json::Null => return Ok(Value::Null),
            Json::String(text) => return self.parse_str(text, zone),
            _ => {}
        }
        match self {
            Self::MultiSelectPicklist => self.parse_elements(json),
            Self::Boolean => json.as_bool().map(Value::Bool).ok_or_else(wrong),
            kind if kind.is_reference() => reference_id(json).map(Value::Int).ok_or_else(wrong),
            _ => match json {
                Json::Number(number) if self.is_number() => self.parse_number(&number.to_string()),
                _ => Err(wrong()),
            },
        }
    }

    /// Reads a wire value that is a string.
    pub fn parse_str(&self, text: &str, zone: &TimeZone) -> Result<Value, Misfit> {
        let wrong = || Misfit::wrong_type(self);
        if text.is_empty() {
            return Ok(Value::Null);
        }
        match self {
            Self::MultiSelectPicklist | Self::Boolean => Err(wrong()),
            Self::Date => Day::from_wire(text)
                .map(|day| Value::Int(day.0))
                .ok_or_else(wrong),
            Self::DateTime => Timestamp::from_wire(text, zone)
                .map(|at| Value::Int(at.0))
                .ok_or_else(wrong),
            kind if kind.is_reference() => crate::id::parse(text).map(Value::Int).ok_or_else(wrong),
            _ if self.is_number() => self.parse_number(text),
            _ => self.parse_text(text),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Integer | Self::BigInt) || self.places().is_some()
    }

    /// A number by its text; exponents are refused.
    fn parse_number(&self, text: &str) -> Result<Value, Misfit> {
        let wrong = || Misfit::wrong_type(self);
        let plain = |b: u8| b.is_ascii_digit() || b == b'.' || b == b'-';
        if text.len() > 40 || !text.bytes().all(plain) {
            return Err(wrong());
        }
        if let Some(places) = self.places() {
            let number = parse_decimal(text, places).map_err(|why| match why {
                NotDecimal::Form => wrong(),
                NotDecimal::Places => Misfit::one("maximum_decimal_place", places),
                NotDecimal::Digits => {
                    Misfit::one("maximum_length", DECIMAL_DIGITS_MAX - usize::from(places))
                }
            })?;
            let percent = matches!(self, Self::Percent { .. });
            if percent && number.unsigned_abs() / 10_u64.pow(places.into()) > PERCENT_MAX {
                let max = i64::try_from(PERCENT_MAX).unwrap_or(i64::MAX);
                return Err(Misfit::one("range", json!({ "from": -max, "to": max })));
            }
            return Ok(Value::Int(number));
        }
        let number: i64 = text.parse().map_err(|_| wrong())?;
        let max = if *self == Self::Integer { 9 } else { 18 };
        if number.unsigned_abs().to_string().len() > max {
            return Err(Misfit::one("maximum_length", max));
        }
        Ok(number.into())
    }

    fn parse_text(&self, text: &str) -> Result<Value, Misfit> {
        self.check_length(text)?;
        let fits = match self {
            Self::Email => is_email(text),
            Self::TextArea { .. } => true,
            _ => !text.contains(['\n', '\r']),
        };
        if !fits || text.contains('\0') {
            return Err(Misfit::wrong_type(self));
        }
        Ok(Value::text(text))
    }

    fn parse_elements(&self, json: &Json) -> Result<Value, Misfit> {
        let wrong = || Misfit::wrong_type(self);
        let mut elements: Vec<String> = Vec::new();
        for item in json.as_array().ok_or_else(wrong)? {
            let text = item.as_str().ok_or_else(wrong)?;
            if text.is_empty() || text.contains(['\0', '\n', '\r']) {
                return Err(wrong());
            }
            if !elements.iter().any(|known| known == text) {
                elements.push(text.to_owned());
            }
        }
        if elements.len() > MULTI_SELECT_VALUES_MAX {
            return Err(Misfit::one("limit", MULTI_SELECT_VALUES_MAX));
        }
        let value = Value::from_elements(&elements);
        self.check_length(value.as_text().unwrap_or_default())?;
        Ok(value)
    }

    fn check_length(&self, text: &str) -> Result<(), Misfit> {
        match self.max_length() {
            Some(max) if text.chars().count() > max as usize => {
                Err(Misfit::one("maximum_length", max))
            }
            _ => Ok(()),
        }
    }

    /// The wire form of a stored value. References are written as bare ids here; the server adds
    /// names to them.
    pub fn show(&self, value: &Value, zone: &TimeZone) -> Json {
        match (self, value) {
            (Self::MultiSelectPicklist, Value::Null) => Json::Array(Vec::new()),
            (_, Value::Null) => Json::Null,
            (Self::MultiSelectPicklist, value) => value.elements().into(),
            (Self::Date, Value::Int(day)) => Day(*day).to_wire().into(),
            (Self::DateTime, Value::Int(at)) => Timestamp(*at).to_wire(zone).into(),
            (Self::BigInt, Value::Int(number)) => number.to_string().into(),
            (kind, Value::Int(number)) if kind.is_reference() => number.to_string().into(),
            (kind, Value::Int(number)) => match kind.places() {
                Some(places) => decimal_json(*number, places),
                None => (*number).into(),
            },
            (_, Value::Bool(truth)) => (*truth).into(),
            (_, Value::Text(text)) => text.as_str().into(),
        }
    }
}

impl Field {
    /// The picklist value that this text names exactly.
    pub fn pick(&self, text: &str) -> Option<&PickValue> {
        self.values.iter().find(|known| known.value == text)
    }

    /// Whether it has a list of values.
    pub fn is_picklist(&self) -> bool {
        matches!(
            self.kind,
            FieldKind::Picklist | FieldKind::MultiSelectPicklist
        )
    }

    /// The values of the list that a stored value of this field holds: none, one or several.
    pub fn picked(&self, value: &Value) -> Vec<String> {
        match self.kind {
            FieldKind::Picklist => value.as_text().map(str::to_owned).into_iter().collect(),
            FieldKind::MultiSelectPicklist => value.elements(),
            _ => Vec::new(),
        }
    }
}

/// The id in `{"id": …}`, a string or a number.
fn reference_id(json: &Json) -> Option<i64> {
    let id = match json {
        Json::Object(object) => object.get("id")?,
        other => other,
    };
    json_id(id)
}

/// An id given as a string or as a number; the SDKs send both (wire API, A 9).
pub fn json_id(json: &Json) -> Option<i64> {
    match json {
        Json::String(text) => crate::id::parse(text),
        Json::Number(number) => crate::id::parse(&number.to_string()),
        _ => None,
    }
}

/// One `@` with something on both sides, a dot in the domain, no blanks and no control characters.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let clean = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "@,;<>()\"".contains(c))
    };
    clean(local)
        && clean(domain)
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !domain.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &FieldKind, input: Json, stored: Option<Value>) {
        assert_eq!(
            kind.parse(&input, &TimeZone::UTC).ok(),
            stored,
            "{kind:?} {input}"
        );
    }

    #[test]
    fn each_kind_reads_its_wire_form_and_refuses_others() {
        use FieldKind as K;
        check(&K::Text { max: 3 }, json!("äöü"), Some("äöü".into()));
        check(&K::Text { max: 3 }, json!("äöüx"), None);
        check(&K::Text { max: 9 }, json!("a\nb"), None);
        check(&K::TextArea { max: 9 }, json!("a\nb"), Some("a\nb".into()));
        check(&K::Text { max: 9 }, json!(5), None);
        check(&K::Text { max: 9 }, json!(""), Some(Value::Null));
        check(&K::Email, json!("a@b.co"), Some("a@b.co".into()));
        check(&K::Email, json!("a@b"), None);
        check(&K::Integer, json!(999_999_999), Some(999_999_999.into()));
        check(&K::Integer, json!("12"), Some(12.into()));
        check(&K::Integer, json!(1_000_000_000), None);
        check(&K::Integer, json!(1.5), None);
        check(
            &K::BigInt,
            json!("123456789012345678"),
            Some(123_456_789_012_345_678.into()),
        );
        check(&K::Boolean, json!(true), Some(true.into()));
        check(&K::Boolean, json!("true"), None);
        check(&K::Date, json!("2024-02-30"), None);
        check(&K::OwnerLookup, json!({"id": "17"}), Some(17.into()));
        check(&K::OwnerLookup, json!({"id": 17}), Some(17.into()));
        check(&K::OwnerLookup, json!({"name": "x"}), None);
        check(
            &K::MultiSelectPicklist,
            json!(["b", "a", "b"]),
            Some("[\"b\",\"a\"]".into()),
        );
        check(&K::MultiSelectPicklist, json!("b"), None);
    }

    #[test]
    fn decimals_keep_every_digit() {
        let kind = FieldKind::Currency { places: 2 };
        let read = |text: &str| {
            let json: Json = serde_json::from_str(text).unwrap();
            kind.parse(&json, &TimeZone::UTC)
        };
        for (text, stored) in [
            ("0.1", 10),
            ("-12.34", -1234),
            ("9999999999999999.99", 999_999_999_999_999_999),
            ("5", 500),
            ("1.2300", 123),
        ] {
            assert_eq!(read(text), Ok(Value::Int(stored)), "{text}");
        }
        assert!(read("1.234").is_err());
        assert!(read("99999999999999999.99").is_err());
        assert!(read("1e3").is_err());
        assert_eq!(
            kind.show(&Value::Int(-1230), &TimeZone::UTC).to_string(),
            "-12.3"
        );
        assert_eq!(
            kind.show(&Value::Int(5), &TimeZone::UTC).to_string(),
            "0.05"
        );
        assert_eq!(kind.show(&Value::Int(500), &TimeZone::UTC).to_string(), "5");
    }
}
