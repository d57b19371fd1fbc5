//! What a field of an org file holds.

use super::build::Draft;
use super::file::FieldEntry;
use super::read::At;
use crate::field::{Field, FieldKind};
use crate::module::RELATED_MODULES;

/// Words of types that an org may give to its own fields.
const TYPES: [&str; 18] = [
    "text",
    "textarea",
    "email",
    "phone",
    "website",
    "picklist",
    "multiselectpicklist",
    "integer",
    "bigint",
    "double",
    "currency",
    "percent",
    "boolean",
    "date",
    "datetime",
    "lookup",
    "userlookup",
    "autonumber",
];

impl Draft<'_> {
    pub(super) fn kind(
        &mut self,
        entry: &FieldEntry,
        standard: Option<&Field>,
    ) -> Option<FieldKind> {
        let built_in = standard.map(|standard| &standard.kind);
        let word = match (&entry.kind, built_in) {
            (Some(word), Some(kind)) if word.value != kind.data_type() => {
                let message = format!("a standard field stays {}", kind.data_type());
                self.flaw(word, message);
                return None;
            }
            (Some(word), None) => {
                if !self.standard && !TYPES.contains(&word.value.as_str()) {
                    let message = format!(
                        "unknown type \"{}\"; there are {}",
                        word.value,
                        TYPES.join(", ")
                    );
                    self.flaw(word, message);
                    return None;
                }
                word.value.as_str()
            }
            (_, Some(kind)) => kind.data_type(),
            (None, None) => {
                let name = &entry.head.name;
                self.flaw(name, format!("field \"{}\" needs a type", name.value));
                return None;
            }
        };
        self.check_parameters(entry, word);
        let max = |default: u32| match built_in {
            Some(FieldKind::Text { max } | FieldKind::TextArea { max }) => *max,
            _ => default,
        };
        let places = built_in.and_then(FieldKind::places).unwrap_or(2);
        Some(match word {
            "text" => FieldKind::Text {
                max: self.number(entry.max.as_ref(), 1..=255, max(255)),
            },
            "textarea" => FieldKind::TextArea {
                max: self.number(entry.max.as_ref(), 1..=50_000, max(2000)),
            },
            "email" => FieldKind::Email,
            "phone" => FieldKind::Phone,
            "website" => FieldKind::Website,
            "picklist" => FieldKind::Picklist,
            "multiselectpicklist" => FieldKind::MultiSelectPicklist,
            "integer" => FieldKind::Integer,
            "bigint" => FieldKind::BigInt,
            "double" => FieldKind::Double {
                places: self.number(entry.places.as_ref(), 0..=9, places),
            },
            "currency" => FieldKind::Currency {
                places: self.number(entry.places.as_ref(), 0..=9, places),
            },
            "percent" => FieldKind::Percent {
                places: self.number(entry.places.as_ref(), 0..=9, places),
            },
            "boolean" => FieldKind::Boolean,
            "date" => FieldKind::Date,
            "datetime" => FieldKind::DateTime,
            "lookup" => self.lookup(entry, built_in)?,
            "ownerlookup" => FieldKind::OwnerLookup,
            "userlookup" => FieldKind::UserLookup,
            "autonumber" => FieldKind::AutoNumber {
                prefix: entry
                    .prefix
                    .as_ref()
                    .map(|prefix| prefix.value.clone())
                    .unwrap_or_default(),
                start: self.number(entry.start.as_ref(), 0..=999_999_999_999_999, 1),
            },
            _ => FieldKind::Layout,
        })
    }

    /// Notes keys that mean nothing for a type.
    fn check_parameters(&mut self, entry: &FieldEntry, word: &str) {
        let fits = |words: &[&str]| words.contains(&word);
        let texts = fits(&["text", "textarea"]);
        let decimals = fits(&["double", "currency", "percent"]);
        let stray = [
            ("max", entry.max.as_ref().map(|v| v.at), texts),
            ("places", entry.places.as_ref().map(|v| v.at), decimals),
            (
                "module",
                entry.module.as_ref().map(|v| v.at),
                word == "lookup",
            ),
            (
                "prefix",
                entry.prefix.as_ref().map(|v| v.at),
                word == "autonumber",
            ),
            (
                "start",
                entry.start.as_ref().map(|v| v.at),
                word == "autonumber",
            ),
        ];
        for (key, at, fits) in stray {
            if let Some(at) = at.filter(|_| !fits) {
                let message = format!("`{key}` means nothing for a field of type {word}");
                self.flaws.push(super::read::Flaw::new(at, message));
            }
        }
    }

    fn number<T: TryFrom<i64> + Copy>(
        &mut self,
        stated: Option<&At<i64>>,
        range: std::ops::RangeInclusive<i64>,
        default: T,
    ) -> T {
        let Some(stated) = stated else {
            return default;
        };
        if !range.contains(&stated.value) {
            let message = format!(
                "{} is not between {} and {}",
                stated.value,
                range.start(),
                range.end()
            );
            self.flaw(stated, message);
        }
        T::try_from(stated.value).unwrap_or(default)
    }

    fn lookup(&mut self, entry: &FieldEntry, built_in: Option<&FieldKind>) -> Option<FieldKind> {
        let any = |stated: &At<String>| stated.value == RELATED_MODULES;
        let by_word = self.standard && entry.module.as_ref().is_some_and(any);
        if !by_word && built_in != Some(&FieldKind::RelatedTo) {
            return Some(FieldKind::Lookup {
                module: self.target(entry, built_in)?,
            });
        }
        if let Some(stated) = entry.module.as_ref().filter(|_| !by_word) {
            let message = "this standard lookup names records of any module and has no `module`";
            self.flaw(stated, message);
            return None;
        }
        Some(FieldKind::RelatedTo)
    }

    fn target(&mut self, entry: &FieldEntry, built_in: Option<&FieldKind>) -> Option<String> {
        let built_in = match built_in {
            Some(FieldKind::Lookup { module }) => Some(module.clone()),
            _ => None,
        };
        match (&entry.module, built_in) {
            (Some(stated), Some(fixed)) if stated.value != fixed => {
                self.flaw(stated, format!("a standard lookup stays one of {fixed}"));
                None
            }
            (_, Some(fixed)) => Some(fixed),
            (Some(stated), None) => {
                // Built-in modules are read one by one, so theirs are checked by a test.
                let known = self
                    .catalog
                    .modules
                    .iter()
                    .any(|m| m.api_name == stated.value);
                if !known && !self.standard {
                    self.flaw(stated, format!("unknown module \"{}\"", stated.value));
                }
                Some(stated.value.clone())
            }
            (None, None) => {
                let name = &entry.head.name;
                self.flaw(name, format!("lookup \"{}\" needs `module`", name.value));
                None
            }
        }
    }
}

/// Whether a mass update may write a field of this kind (wire API 11.2).
pub(super) fn able(field: &Field) -> bool {
    use FieldKind as K;
    let kind = matches!(
        field.kind,
        K::Text { .. }
            | K::Phone
            | K::Website
            | K::Picklist
            | K::MultiSelectPicklist
            | K::Integer
            | K::BigInt
            | K::Double { .. }
            | K::Currency { .. }
            | K::Percent { .. }
            | K::Boolean
            | K::Date
            | K::DateTime
            | K::UserLookup
            | K::Layout
    );
    kind && !field.read_only && !field.unique && field.computed.is_none()
}

/// Whether stored values of one kind are values of the other, too.
pub(super) fn may_become(old: &FieldKind, new: &FieldKind) -> bool {
    use FieldKind as K;
    match (old, new) {
        (K::Text { max: old }, K::Text { max: new })
        | (K::TextArea { max: old }, K::TextArea { max: new }) => new >= old,
        (K::AutoNumber { .. }, K::AutoNumber { .. }) => true,
        _ => old == new,
    }
}

/// A kind as a sentence names it.
pub(super) fn told(kind: &FieldKind) -> String {
    let word = kind.data_type();
    match kind {
        FieldKind::Text { max } | FieldKind::TextArea { max } => {
            format!("{word} of at most {max} characters")
        }
        FieldKind::Lookup { module } => format!("lookup of {module}"),
        FieldKind::RelatedTo => "lookup of any module".to_owned(),
        _ => match kind.places() {
            Some(places) => format!("{word} with {places} decimal places"),
            None => word.to_owned(),
        },
    }
}
