//! The tree: what both spellings are read into and written from.

/// How two things are compared. Each `not_*` is the exact complement of its positive form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// The same value.
    Equal,
    /// The complement of [`Self::Equal`].
    NotEqual,
    /// Contains the text, or has the element.
    Contains,
    /// The complement of [`Self::Contains`].
    NotContains,
    /// Starts with the text.
    StartsWith,
    /// Ends with the text.
    EndsWith,
    /// One of several values.
    In,
    /// The complement of [`Self::In`].
    NotIn,
    /// Less.
    LessThan,
    /// Less or the same.
    LessEqual,
    /// Greater.
    GreaterThan,
    /// Greater or the same.
    GreaterEqual,
    /// From the first value to the second, both included.
    Between,
    /// The complement of [`Self::Between`].
    NotBetween,
}

impl Comparator {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Equal,
        Self::NotEqual,
        Self::Contains,
        Self::NotContains,
        Self::StartsWith,
        Self::EndsWith,
        Self::In,
        Self::NotIn,
        Self::LessThan,
        Self::LessEqual,
        Self::GreaterThan,
        Self::GreaterEqual,
        Self::Between,
        Self::NotBetween,
    ];

    /// The name in the JSON form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::NotEqual => "not_equal",
            Self::Contains => "contains",
            Self::NotContains => "not_contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::LessThan => "less_than",
            Self::LessEqual => "less_equal",
            Self::GreaterThan => "greater_than",
            Self::GreaterEqual => "greater_equal",
            Self::Between => "between",
            Self::NotBetween => "not_between",
        }
    }

    /// The name in the text form, which says `equals` where JSON says `equal`.
    pub fn text_name(self) -> &'static str {
        if self == Self::Equal {
            "equals"
        } else {
            self.name()
        }
    }

    /// Reads a name of either form, or one of their synonyms, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "equals" => Some(Self::Equal),
            "not_equals" => Some(Self::NotEqual),
            "like" => Some(Self::Contains),
            "not_like" => Some(Self::NotContains),
            _ => Self::ALL.into_iter().find(|known| known.name() == name),
        }
    }

    /// Whether its value is always a list.
    pub fn takes_list(self) -> bool {
        matches!(
            self,
            Self::In | Self::NotIn | Self::Between | Self::NotBetween
        )
    }

    /// The comparator that this one is the complement of, if it is one.
    pub fn complement_of(self) -> Option<Self> {
        match self {
            Self::NotEqual => Some(Self::Equal),
            Self::NotContains => Some(Self::Contains),
            Self::NotIn => Some(Self::In),
            Self::NotBetween => Some(Self::Between),
            _ => None,
        }
    }
}

/// How the items of a group go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupOp {
    /// All of them hold.
    And,
    /// At least one holds.
    Or,
}

impl GroupOp {
    /// Reads `and` or `or` in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("and") {
            Some(Self::And)
        } else if name.eq_ignore_ascii_case("or") {
            Some(Self::Or)
        } else {
            None
        }
    }
}

/// A value as written. What it means depends on the field, so that is decided at binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A text, `${…}` included. The empty one stands for no value, as JSON's `null` does.
    Text(String),
    /// A JSON number, by its text.
    Number(String),
    /// A JSON truth value.
    Bool(bool),
    /// A JSON object that points at something.
    Reference {
        /// Its `id`.
        id: Option<String>,
        /// Its `name`.
        name: Option<String>,
    },
}

impl Literal {
    /// As the text form writes it.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Reference { id, name } => id.as_deref().or(name.as_deref()).unwrap_or_default(),
        }
    }
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Api name of the field.
    pub field: String,
    /// How to compare.
    pub comparator: Comparator,
    /// What to compare with: one value, or several where the comparator takes a list.
    pub values: Vec<Literal>,
    /// Where it stood in the text form, for later errors; no part of what it says.
    pub(super) offset: usize,
}

impl Condition {
    /// A condition that was not read from a text.
    pub fn new(field: impl Into<String>, comparator: Comparator, values: Vec<Literal>) -> Self {
        Self {
            field: field.into(),
            comparator,
            values,
            offset: 0,
        }
    }
}

impl PartialEq for Condition {
    // The offset is left out: the same condition read from another place says the same.
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field
            && self.comparator == other.comparator
            && self.values == other.values
    }
}

/// A tree of conditions over the fields of one module, as written: fields by api name, values as
/// given. Its serde form is the wire's JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Criteria {
    /// One condition.
    Condition(Condition),
    /// Several criteria.
    Group {
        /// How they go together.
        op: GroupOp,
        /// They; at least one.
        items: Vec<Criteria>,
    },
}

impl Criteria {
    /// How many conditions it has, for limits that count several criteria together.
    pub fn conditions(&self) -> usize {
        match self {
            Self::Condition(_) => 1,
            Self::Group { items, .. } => items.iter().map(Self::conditions).sum(),
        }
    }

    /// Its conditions, in the order in which they are written.
    pub fn leaves(&self) -> Vec<&Condition> {
        match self {
            Self::Condition(condition) => vec![condition],
            Self::Group { items, .. } => items.iter().flat_map(Self::leaves).collect(),
        }
    }

    /// Api name of the field that it tests first.
    pub fn first_field(&self) -> &str {
        self.leaves().first().map_or("", |leaf| &leaf.field)
    }

    /// How deep its groups nest; 0 for a single condition.
    pub fn depth(&self) -> usize {
        match self {
            Self::Condition(_) => 0,
            Self::Group { items, .. } => {
                1 + items.iter().map(Self::depth).max().unwrap_or_default()
            }
        }
    }
}

/// Whether a text can be a field's name in both forms; a dot stands in relation paths.
pub(super) fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || ":,()\\".contains(c))
}
