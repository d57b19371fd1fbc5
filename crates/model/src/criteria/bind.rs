//! Whether a criteria fits a module, and what it means to one user at one time.

use super::dates::{Moment, Range};
use super::json::{CURRENT_ROLE, CURRENT_USER};
use super::{
    Bound, Comparator, Condition, Criteria, CriteriaError, Fault, GroupOp, Literal, ROOT, Test,
};
use crate::catalog::Catalog;
use crate::field::{Field, FieldKind};
use crate::id::{RoleId, UserId};
use crate::module::Module;
use crate::time::{Day, Timestamp};
use crate::value::{Value, fold};
use jiff::tz::TimeZone;
use serde_json::Value as Json;

/// Stands for no value.
const EMPTY: &str = "${EMPTY}";
/// Stands for any value.
const NOT_EMPTY: &str = "${NOTEMPTY}";

/// Who asks, when, and what they know: all that names in a criteria are resolved by.
#[derive(Clone, Debug)]
pub struct BindContext<'a> {
    /// The time that relative dates count from.
    pub now: Timestamp,
    /// The time zone of the user's days.
    pub zone: TimeZone,
    /// The user.
    pub user: UserId,
    /// Their role.
    pub role: RoleId,
    /// The catalog, for users by role and by e-mail address.
    pub catalog: &'a Catalog,
}

impl Criteria {
    /// Whether every condition names a field of the module, with a comparator and a value that the
    /// field's kind allows.
    pub fn check(&self, module: &Module) -> Result<(), CriteriaError> {
        let each = |condition: &Condition| {
            Reading::of(module, condition, &TimeZone::UTC).map(|_| Bound::All(Vec::new()))
        };
        self.walk(ROOT, &each).map(|_| ())
    }

    /// Makes it typed and literal: names of days become ranges, `${CURRENTUSER}` becomes an id.
    pub fn bind(&self, module: &Module, ctx: &BindContext<'_>) -> Result<Bound, CriteriaError> {
        let each = |condition: &Condition| Reading::of(module, condition, &ctx.zone)?.bind(ctx);
        self.walk(ROOT, &each)
    }

    fn walk(
        &self,
        path: &str,
        each: &dyn Fn(&Condition) -> Result<Bound, Wrong>,
    ) -> Result<Bound, CriteriaError> {
        match self {
            Self::Condition(condition) => each(condition).map_err(|wrong| CriteriaError {
                fault: wrong.fault,
                offset: condition.offset,
                path: Some(format!("{path}{}", wrong.leaf())),
                message: wrong.message,
            }),
            Self::Group { op, items } => {
                let mut bound = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    bound.push(item.walk(&format!("{path}.group[{i}]"), each)?);
                }
                Ok(match op {
                    GroupOp::And => Bound::All(bound),
                    GroupOp::Or => Bound::Any(bound),
                })
            }
        }
    }
}

/// What is wrong with one condition.
struct Wrong {
    fault: Fault,
    message: String,
}

impl Wrong {
    fn value(message: impl Into<String>) -> Self {
        Self {
            fault: Fault::Value,
            message: message.into(),
        }
    }

    /// The part of the condition that the fault lies in.
    fn leaf(&self) -> &'static str {
        match self.fault {
            Fault::UnknownField => ".field.api_name",
            Fault::Comparator => ".comparator",
            _ => ".value",
        }
    }
}

/// A value as the field's kind reads it.
enum Meaning {
    Empty,
    NotEmpty,
    Text(String),
    Int(i64),
    Bool(bool),
    Moment(Moment),
    CurrentUser,
    CurrentRole,
    Email(String),
}

/// A condition whose field is known and whose values are of the field's kind.
struct Reading<'a> {
    field: &'a Field,
    /// The positive form of the comparator.
    comparator: Comparator,
    /// Whether the complement was written.
    negated: bool,
    meanings: Vec<Meaning>,
}

/// Comparators that compare by order.
fn is_order(comparator: Comparator) -> bool {
    use Comparator as C;
    matches!(
        comparator,
        C::LessThan | C::LessEqual | C::GreaterThan | C::GreaterEqual | C::Between
    )
}

/// Whether fields of a kind take a comparator, given by its positive form (wire API 10.2).
fn allows(kind: &FieldKind, comparator: Comparator) -> bool {
    use Comparator as C;
    use FieldKind as K;
    match kind {
        K::Boolean => comparator == C::Equal,
        kind if kind.is_reference() => matches!(comparator, C::Equal | C::In),
        K::Integer
        | K::BigInt
        | K::Double { .. }
        | K::Currency { .. }
        | K::Percent { .. }
        | K::Date
        | K::DateTime => matches!(comparator, C::Equal | C::In) || is_order(comparator),
        K::MultiSelectPicklist => {
            matches!(comparator, C::Equal | C::In | C::Contains | C::StartsWith)
        }
        _ => !is_order(comparator),
    }
}

/// Whether a condition has as many values as its comparator takes.
fn check_count(field: &Field, condition: &Condition, comparator: Comparator) -> Result<(), Wrong> {
    let name = condition.comparator.name();
    let list = field.kind == FieldKind::MultiSelectPicklist
        && matches!(comparator, Comparator::Equal | Comparator::Contains);
    match (comparator, condition.values.len()) {
        (_, 0) => Err(Wrong::value("A condition needs a value.")),
        (Comparator::Between, 2) => Ok(()),
        (Comparator::Between, _) => Err(Wrong::value(format!("{name} takes two values."))),
        (Comparator::In, _) | (_, 1) => Ok(()),
        _ if list => Ok(()),
        _ => Err(Wrong::value(format!(
            "{name} takes one value; a comma inside it is written `\\,`."
        ))),
    }
}

impl<'a> Reading<'a> {
    fn of(module: &'a Module, condition: &Condition, zone: &TimeZone) -> Result<Self, Wrong> {
        let field = module.field(&condition.field).ok_or_else(|| Wrong {
            fault: Fault::UnknownField,
            message: format!("{} has no field {}.", module.api_name, condition.field),
        })?;
        let complement_of = condition.comparator.complement_of();
        let comparator = complement_of.unwrap_or(condition.comparator);
        if !allows(&field.kind, comparator) {
            return Err(Wrong {
                fault: Fault::Comparator,
                message: format!(
                    "{} is of the kind {}, which has no {}.",
                    field.api_name,
                    field.kind.data_type(),
                    condition.comparator.name()
                ),
            });
        }
        check_count(field, condition, comparator)?;
        let mut meanings = Vec::new();
        for literal in &condition.values {
            let meaning = meaning(field, literal, zone)?;
            let fits = match meaning {
                Meaning::Empty => {
                    comparator == Comparator::In
                        || (comparator == Comparator::Equal && condition.values.len() == 1)
                }
                Meaning::NotEmpty => comparator == Comparator::Equal && condition.values.len() == 1,
                Meaning::Moment(Moment::Relative(relative)) if relative.counted => {
                    !matches!(comparator, Comparator::Between | Comparator::In)
                }
                _ => true,
            };
            if !fits {
                return Err(Wrong::value(format!(
                    "{} takes no `{}`.",
                    condition.comparator.name(),
                    literal.as_text()
                )));
            }
            meanings.push(meaning);
        }
        Ok(Self {
            field,
            comparator,
            negated: complement_of.is_some(),
            meanings,
        })
    }

    fn bind(self, ctx: &BindContext<'_>) -> Result<Bound, Wrong> {
        let positive = self.positive(ctx)?;
        Ok(if self.negated {
            Bound::Not(Box::new(positive))
        } else {
            positive
        })
    }

    fn test(&self, test: Test) -> Bound {
        Bound::Test {
            field: self.field.id,
            column: self.field.api_name.clone(),
            test,
        }
    }

    fn positive(&self, ctx: &BindContext<'_>) -> Result<Bound, Wrong> {
        if matches!(self.meanings.as_slice(), [Meaning::NotEmpty]) {
            return Ok(Bound::Not(Box::new(self.test(Test::IsEmpty))));
        }
        let empty = self.meanings.iter().any(|m| matches!(m, Meaning::Empty));
        let mut any = Vec::new();
        if empty {
            any.push(self.test(Test::IsEmpty));
        }
        if !empty || self.meanings.len() > 1 {
            any.extend(self.tests(ctx)?.into_iter().map(|test| self.test(test)));
        }
        Ok(match (any.pop(), any.is_empty()) {
            (Some(one), true) => one,
            (last, _) => {
                any.extend(last);
                Bound::Any(any)
            }
        })
    }

    /// Tests of which one must hold.
    fn tests(&self, ctx: &BindContext<'_>) -> Result<Vec<Test>, Wrong> {
        let (mut words, mut ints, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        let mut tests = Vec::new();
        for meaning in &self.meanings {
            match meaning {
                Meaning::Empty | Meaning::NotEmpty => {}
                Meaning::Text(text) => words.push(fold(text)),
                Meaning::Int(number) => ints.push(*number),
                Meaning::Bool(truth) => tests.push(Test::Is(*truth)),
                Meaning::Moment(moment) => ranges.push((*moment, self.range(*moment, ctx)?)),
                Meaning::CurrentUser => ints.push(ctx.user.0),
                Meaning::CurrentRole => {
                    let users = ctx.catalog.users.iter();
                    ints.extend(users.filter(|u| u.role == ctx.role).map(|u| u.id.0));
                }
                Meaning::Email(email) => {
                    let user = ctx.catalog.user_by_email(email).ok_or_else(|| {
                        Wrong::value(format!("There is no user of the address {email}."))
                    })?;
                    ints.push(user.id.0);
                }
            }
        }
        if !words.is_empty() {
            tests.push(self.text_test(words));
        }
        if !ranges.is_empty() {
            tests.extend(self.range_tests(&ranges));
        }
        let named_role = self
            .meanings
            .iter()
            .any(|m| matches!(m, Meaning::CurrentRole));
        if !ints.is_empty() || named_role {
            tests.push(self.int_test(ints));
        }
        Ok(tests)
    }

    fn range(&self, moment: Moment, ctx: &BindContext<'_>) -> Result<Range, Wrong> {
        let today = ctx.now.day(&ctx.zone);
        today
            .and_then(|today: Day| moment.range(&self.field.kind, today, &ctx.zone))
            .ok_or_else(|| Wrong::value("The calendar does not reach so far."))
    }

    fn text_test(&self, mut texts: Vec<String>) -> Test {
        texts.sort_unstable();
        texts.dedup();
        let list = self.field.kind == FieldKind::MultiSelectPicklist;
        let first = |texts: Vec<String>| texts.into_iter().next().unwrap_or_default();
        match (self.comparator, list) {
            (Comparator::Equal, true) => Test::ElementsAre(texts),
            (Comparator::StartsWith, true) => Test::ElementStartsWith(first(texts)),
            (_, true) => Test::HasElement(texts),
            (Comparator::Contains, false) => Test::Contains(first(texts)),
            (Comparator::StartsWith, false) => Test::StartsWith(first(texts)),
            (Comparator::EndsWith, false) => Test::EndsWith(first(texts)),
            (_, false) => Test::TextOneOf(texts),
        }
    }

    fn int_test(&self, mut ints: Vec<i64>) -> Test {
        if is_order(self.comparator) {
            // A number is the range of itself; at most 18 digits leave room for the one after it.
            let range = |n: i64| Range {
                from: Some(n),
                to: Some(n.saturating_add(1)),
            };
            let last = ints.last().copied().unwrap_or_default();
            let first = ints.first().copied().unwrap_or_default();
            return order_test(self.comparator, range(first), range(last));
        }
        ints.sort_unstable();
        ints.dedup();
        Test::OneOf(ints)
    }

    fn range_tests(&self, ranges: &[(Moment, Range)]) -> Vec<Test> {
        use Comparator as C;
        if self.comparator == C::Between {
            return match ranges {
                [(_, first), (_, last)] => vec![order_test(C::Between, *first, *last)],
                _ => Vec::new(),
            };
        }
        let one = |(moment, range): &(Moment, Range)| {
            // Days of age grow as dates fall, so the order turns round.
            let aged = matches!(moment, Moment::Relative(relative) if relative.aged);
            let comparator = match self.comparator {
                C::LessThan if aged => C::GreaterThan,
                C::LessEqual if aged => C::GreaterEqual,
                C::GreaterThan if aged => C::LessThan,
                C::GreaterEqual if aged => C::LessEqual,
                other => other,
            };
            order_test(comparator, *range, *range)
        };
        ranges.iter().map(one).collect()
    }
}

/// A stored integer against a range; `between` against the first's start and the last's end.
fn order_test(comparator: Comparator, first: Range, last: Range) -> Test {
    // Below a range without a start, or above one without an end, there is nothing.
    let within = |from, to| Test::Within { from, to };
    let never = || Test::OneOf(Vec::new());
    match comparator {
        Comparator::LessThan => first.from.map_or_else(never, |to| within(None, Some(to))),
        Comparator::LessEqual => within(None, first.to),
        Comparator::GreaterThan => first.to.map_or_else(never, |from| within(Some(from), None)),
        Comparator::GreaterEqual => within(first.from, None),
        _ => within(first.from, last.to),
    }
}

fn meaning(field: &Field, literal: &Literal, zone: &TimeZone) -> Result<Meaning, Wrong> {
    let kind = &field.kind;
    let text = match literal {
        // A text field that is given an object is meant to compare with its name.
        Literal::Reference { id, name } if !kind.is_reference() => {
            name.as_deref().or(id.as_deref()).unwrap_or_default()
        }
        other => other.as_text(),
    };
    match text {
        "" | EMPTY => return Ok(Meaning::Empty),
        NOT_EMPTY => return Ok(Meaning::NotEmpty),
        _ => {}
    }
    let user = matches!(kind, FieldKind::OwnerLookup | FieldKind::UserLookup);
    let found = match kind {
        FieldKind::Boolean => match text {
            "true" | "selected" => Some(Meaning::Bool(true)),
            "false" => Some(Meaning::Bool(false)),
            _ => None,
        },
        FieldKind::Date | FieldKind::DateTime => {
            Moment::read(kind, text, zone).map(Meaning::Moment)
        }
        _ if user && text == CURRENT_USER => Some(Meaning::CurrentUser),
        _ if user && text == CURRENT_ROLE => Some(Meaning::CurrentRole),
        _ if user && text.contains('@') => Some(Meaning::Email(text.to_owned())),
        _ if kind.class() == crate::value::Class::Text => {
            // No database text holds this character, and PostgreSQL refuses to compare with it.
            (!text.contains('\0')).then(|| Meaning::Text(text.to_owned()))
        }
        _ => {
            let json = Json::String(text.to_owned());
            match kind.parse(&json, zone) {
                Ok(Value::Int(number)) => Some(Meaning::Int(number)),
                Ok(_) => None,
                Err(misfit) => {
                    let why: Vec<String> = misfit
                        .details
                        .iter()
                        .map(|(key, value)| format!("{key} {value}"))
                        .collect();
                    return Err(Wrong::value(format!(
                        "`{text}` is no value of {}: {}.",
                        field.api_name,
                        why.join(", ")
                    )));
                }
            }
        }
    };
    found.ok_or_else(|| {
        Wrong::value(format!(
            "`{text}` is no value of {}, which is of the kind {}.",
            field.api_name,
            kind.data_type()
        ))
    })
}
