//! The reader of JSON bodies: a cursor that knows where it stands, from which every `json_path` and
//! `expected_data_type` of a refusal comes.
//!
//! An [`Object`] has [`Key`]s, which may hold something; what they hold is a [`Node`]. Each has a
//! [`Place`], which makes the refusals. How families of endpoints differ in what they take for absent,
//! and in their words, is data: a [`Manner`].

use crate::field::json_id;
use crate::reason::Reason;
use crate::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::ops::RangeInclusive;

/// The words of `expected_data_type` that are no field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// `jsonobject`
    JsonObject,
    /// `jsonarray`
    JsonArray,
    /// `string`
    String,
    /// `text`
    Text,
    /// `boolean`
    Boolean,
    /// `integer`
    Integer,
    /// `long`
    Long,
    /// `id`
    Id,
}

impl DataType {
    /// As refusals write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonObject => "jsonobject",
            Self::JsonArray => "jsonarray",
            Self::String => "string",
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Id => "id",
        }
    }
}

/// Where something stands in a body, or should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    api_name: String,
    json_path: String,
}

impl Place {
    /// The body itself.
    pub fn body() -> Self {
        Self {
            api_name: String::new(),
            json_path: "$".to_owned(),
        }
    }

    /// A key of the object that stands here.
    pub fn key(&self, key: &str) -> Self {
        Self {
            api_name: key.to_owned(),
            json_path: format!("{}.{key}", self.json_path),
        }
    }

    /// An item of the list that stands here; it is called as its list is.
    pub fn item(&self, n: usize) -> Self {
        Self {
            api_name: self.api_name.clone(),
            json_path: format!("{}[{n}]", self.json_path),
        }
    }

    /// The same place under another name.
    pub fn called(self, api_name: &str) -> Self {
        Self {
            api_name: api_name.to_owned(),
            ..self
        }
    }

    /// What stands here is called so.
    pub fn api_name(&self) -> &str {
        &self.api_name
    }

    /// The way here.
    pub fn json_path(&self) -> &str {
        &self.json_path
    }

    /// INVALID_DATA here.
    pub fn invalid(&self) -> Refusal {
        Refusal::new(Code::InvalidData).at(self)
    }

    /// MANDATORY_NOT_FOUND here.
    pub fn mandatory(&self) -> Refusal {
        Refusal::new(Code::MandatoryNotFound).at(self)
    }

    /// What stands here is not of this type.
    pub fn wrong_type(&self, expected: DataType) -> Refusal {
        self.invalid()
            .because(Reason::WrongType)
            .with("expected_data_type", expected.as_str())
    }

    /// What stands here has more characters or items than this.
    pub fn too_long(&self, max: usize) -> Refusal {
        self.invalid().with("maximum_length", max)
    }

    /// What stands here is none of these words.
    pub fn no_such_word<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Refusal {
        let words: Vec<&str> = words.into_iter().collect();
        self.invalid().with("supported_values", words)
    }

    /// The place as lists of places have it, `ambiguity_due_to` and the like.
    pub fn to_json(&self) -> Json {
        json!({ "api_name": self.api_name, "json_path": self.json_path })
    }
}

impl Refusal {
    /// The same about a place of the body.
    pub fn at(self, place: &Place) -> Self {
        self.with("api_name", place.api_name())
            .with("json_path", place.json_path())
    }
}

/// What a null is where a text or a number may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// As good as no key.
    Absent,
    /// A value of the wrong type.
    Wrong,
}

/// What an empty value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// An empty list lacks what is mandatory; a text or an object may be empty.
    Missing,
    /// An empty text, list or object is of the wrong type.
    Wrong,
}

/// How ids are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// As numbers or as texts of digits, and called `long`.
    TextOrNumber,
    /// As texts of digits only.
    Text,
}

/// How a family of endpoints reads its bodies. A truth value, an object or a list that is null is
/// wrong in every manner, unless its key says [`Key::or_null`]: what narrows or switches off must not
/// be passed over.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// What is said of a key that is not known, if not the usual sentence.
    pub unknown_key: Option<&'static str>,
    /// What a null text or number is.
    pub null: Null,
    /// What an empty value is.
    pub empty: Empty,
    /// What a text is called that should stand somewhere.
    pub text: DataType,
    /// What a whole number is called.
    pub whole: DataType,
    /// How ids are written.
    pub id: IdForm,
}

impl Manner {
    /// The wire API.
    pub const WIRE: Self = Self {
        unknown_key: None,
        null: Null::Wrong,
        empty: Empty::Missing,
        text: DataType::String,
        whole: DataType::Long,
        id: IdForm::TextOrNumber,
    };

    /// The native API.
    pub const NATIVE: Self = Self {
        unknown_key: Some("there is no such key"),
        null: Null::Absent,
        empty: Empty::Wrong,
        text: DataType::String,
        whole: DataType::Integer,
        id: IdForm::Text,
    };

    /// Mass actions of the native API: a key that is there but says nothing could mean other records
    /// than the caller thinks.
    pub const NATIVE_STRICT: Self = Self {
        null: Null::Wrong,
        whole: DataType::Long,
        ..Self::NATIVE
    };
}

/// An object of a body.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    map: &'a Map<String, Json>,
    place: Place,
    manner: Manner,
}

impl<'a> Object<'a> {
    /// A body.
    pub fn body(map: &'a Map<String, Json>, manner: Manner) -> Self {
        Self::standing_at(Place::body(), map, manner)
    }

    /// An object that was taken out of its body, and stood there.
    pub fn standing_at(place: Place, map: &'a Map<String, Json>, manner: Manner) -> Self {
        Self { map, place, manner }
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its keys and values, as they are.
    pub fn map(&self) -> &'a Map<String, Json> {
        self.map
    }

    /// What a key holds, if it holds anything.
    pub fn key(&self, key: &str) -> Key<'a> {
        Key {
            json: self.map.get(key),
            place: self.place.key(key),
            manner: self.manner,
        }
    }

    /// Whether it has a key, whatever it holds.
    pub fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Its keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(String::as_str)
    }

    /// Its values, in order; each is called by its key.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> {
        self.map.iter().map(|(key, json)| Node {
            json,
            place: self.place.key(key),
            manner: self.manner,
        })
    }

    /// Refuses keys other than these: a misspelt one must not be passed over.
    pub fn known(&self, known: &[&str]) -> Result<(), Refusal> {
        let Some(key) = self.keys().find(|key| !known.contains(key)) else {
            return Ok(());
        };
        let refusal = self.place.key(key).invalid();
        Err(match self.manner.unknown_key {
            Some(sentence) => refusal.saying(sentence),
            None => refusal,
        })
    }
}

/// A key of an object, which may hold something.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    json: Option<&'a Json>,
    place: Place,
    manner: Manner,
}

impl<'a> Key<'a> {
    /// Where it stands, or would.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The same, but null is as good as no key.
    pub fn or_null(self) -> Self {
        Self {
            json: self.json.filter(|json| !json.is_null()),
            ..self
        }
    }

    /// What it holds, null too.
    pub fn node(&self) -> Option<Node<'a>> {
        self.json.map(|json| Node {
            json,
            place: self.place.clone(),
            manner: self.manner,
        })
    }

    /// What it must hold.
    pub fn required(&self) -> Result<Node<'a>, Refusal> {
        self.scalar().ok_or_else(|| self.place.mandatory())
    }

    /// What it holds, if null is not absent here.
    fn scalar(&self) -> Option<Node<'a>> {
        let absent = |node: &Node<'_>| node.json.is_null() && self.manner.null == Null::Absent;
        self.node().filter(|node| !absent(node))
    }

    /// A text, if there is one.
    pub fn text(&self) -> Result<Option<&'a str>, Refusal> {
        self.scalar().map(|node| node.text()).transpose()
    }

    /// A text of at most so many characters, if there is one.
    pub fn text_up_to(&self, chars_max: usize) -> Result<Option<&'a str>, Refusal> {
        let text = self.scalar().map(|node| node.text_up_to(chars_max));
        text.transpose()
    }

    /// A whole number within bounds, if there is one.
    pub fn whole(&self, bounds: RangeInclusive<i64>) -> Result<Option<i64>, Refusal> {
        self.scalar().map(|node| node.whole(bounds)).transpose()
    }

    /// An id, if there is one.
    pub fn id(&self) -> Result<Option<i64>, Refusal> {
        self.scalar().map(|node| node.id()).transpose()
    }

    /// A truth value; without one it is false.
    pub fn flag(&self) -> Result<bool, Refusal> {
        let truth = self.node().map(|node| node.boolean()).transpose()?;
        Ok(truth.unwrap_or_default())
    }

    /// An object, if there is one.
    pub fn object(&self) -> Result<Option<Object<'a>>, Refusal> {
        self.node().map(|node| node.object()).transpose()
    }

    /// A list, if there is one.
    pub fn list(&self) -> Result<Option<Vec<Node<'a>>>, Refusal> {
        self.node().map(|node| node.list()).transpose()
    }

    /// The items that it must hold, one at least.
    pub fn items(&self) -> Result<Vec<Node<'a>>, Refusal> {
        self.required()?.items()
    }
}

/// A value of a body.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    json: &'a Json,
    place: Place,
    manner: Manner,
}

impl<'a> Node<'a> {
    /// A value that was taken out of its body, and stood there.
    pub fn standing_at(place: Place, json: &'a Json, manner: Manner) -> Self {
        Self {
            json,
            place,
            manner,
        }
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// As it was sent.
    pub fn json(&self) -> &'a Json {
        self.json
    }

    fn wrong(&self, expected: DataType) -> Refusal {
        self.place.wrong_type(expected)
    }

    /// A text.
    pub fn text(&self) -> Result<&'a str, Refusal> {
        let full = |text: &&str| !text.is_empty() || self.manner.empty != Empty::Wrong;
        let text = self.json.as_str().filter(full);
        text.ok_or_else(|| self.wrong(self.manner.text))
    }

    /// A text of at most so many characters, that a database can hold: none holds a NUL.
    pub fn text_up_to(&self, chars_max: usize) -> Result<&'a str, Refusal> {
        let text = self.text()?;
        if text.chars().count() > chars_max {
            return Err(self.place.too_long(chars_max));
        }
        if text.contains('\0') {
            return Err(self.wrong(self.manner.text));
        }
        Ok(text)
    }

    /// A truth value.
    pub fn boolean(&self) -> Result<bool, Refusal> {
        let truth = self.json.as_bool();
        truth.ok_or_else(|| self.wrong(DataType::Boolean))
    }

    /// A whole number within bounds.
    pub fn whole(&self, bounds: RangeInclusive<i64>) -> Result<i64, Refusal> {
        let number = self.json.as_i64().filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            self.wrong(self.manner.whole)
                .with("minimum", *bounds.start())
                .with("maximum", *bounds.end())
        })
    }

    /// An id.
    pub fn id(&self) -> Result<i64, Refusal> {
        match self.manner.id {
            IdForm::TextOrNumber => json_id(self.json).ok_or_else(|| self.wrong(DataType::Long)),
            IdForm::Text => {
                let id = self.json.as_str().and_then(crate::id::parse);
                id.ok_or_else(|| self.wrong(DataType::Id))
            }
        }
    }

    /// An object.
    pub fn object(&self) -> Result<Object<'a>, Refusal> {
        let full = |map: &&Map<String, Json>| !map.is_empty() || self.manner.empty != Empty::Wrong;
        let map = self.json.as_object().filter(full);
        let map = map.ok_or_else(|| self.wrong(DataType::JsonObject))?;
        Ok(Object::standing_at(self.place.clone(), map, self.manner))
    }

    /// A list, which may be empty.
    pub fn list(&self) -> Result<Vec<Self>, Refusal> {
        let items = self.json.as_array();
        let items = items.ok_or_else(|| self.wrong(DataType::JsonArray))?;
        let nodes = items.iter().enumerate().map(|(n, json)| Self {
            json,
            place: self.place.item(n),
            manner: self.manner,
        });
        Ok(nodes.collect())
    }

    /// The items of a list, one at least.
    pub fn items(&self) -> Result<Vec<Self>, Refusal> {
        let items = self.list()?;
        match (items.is_empty(), self.manner.empty) {
            (false, _) => Ok(items),
            (true, Empty::Missing) => Err(self.place.mandatory()),
            (true, Empty::Wrong) => Err(self.wrong(DataType::JsonArray)),
        }
    }

    /// The items of a list: 1 to so many.
    pub fn items_up_to(&self, max: usize) -> Result<Vec<Self>, Refusal> {
        let items = self.items()?;
        if items.len() > max {
            return Err(self.place.too_long(max));
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests;
