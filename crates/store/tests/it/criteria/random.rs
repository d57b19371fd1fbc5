//! Random records and random criteria: SQL selects the records of which memory says that they hold.

use super::world::{Cells, NOW, World, cell, module};
use model::criteria::{Bound, Comparator, Condition, Criteria, GroupOp, Literal};
use model::field::FieldKind;
use model::id::FieldId;
use model::value::Value;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Kind, each_db};

each_db! {
    random_criteria_select_what_they_say,
}

/// Text out of what is known to go wrong: letters that fold oddly, patterns, quotes, separators.
fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "a", "A", "b", "É", "é", "ß", "ẞ", "İ", "i", "ı", "Σ", "ς", "%", "_", "'", "\"", "\\", ",",
        "(", ")", "[", "]", " ", "𐐀", "$1", "?",
    ];
    proptest::collection::vec(select(pieces.to_vec()), 1..4).prop_map(|pieces| pieces.concat())
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![-3i64..4, Just(999_999_999), Just(-999_999_999)]
}

/// Days around [`NOW`].
fn day() -> impl Strategy<Value = i64> {
    19_850i64..19_870
}

fn instant() -> impl Strategy<Value = i64> {
    (day(), 0i64..24).prop_map(|(day, hour)| (day * 24 + hour) * 3_600_000)
}

fn value(kind: &FieldKind) -> BoxedStrategy<Value> {
    let some = match kind {
        FieldKind::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        FieldKind::Date => day().prop_map(Value::Int).boxed(),
        FieldKind::DateTime => instant().prop_map(Value::Int).boxed(),
        FieldKind::OwnerLookup => (71i64..74).prop_map(Value::Int).boxed(),
        FieldKind::MultiSelectPicklist => proptest::collection::vec(text(), 1..4)
            .prop_map(|list| Value::from_elements(&list))
            .boxed(),
        kind if kind.places().is_some() || *kind == FieldKind::Integer => {
            number().prop_map(Value::Int).boxed()
        }
        _ => text().prop_map(Value::from).boxed(),
    };
    prop_oneof![1 => Just(Value::Null), 3 => some].boxed()
}

fn row() -> impl Strategy<Value = Cells> {
    let cells: Vec<BoxedStrategy<(String, Value)>> = module()
        .fields
        .into_iter()
        .map(|field| {
            value(&field.kind)
                .prop_map(move |value| (field.api_name.clone(), value))
                .boxed()
        })
        .collect();
    cells
}

/// The positive comparators of a kind, and what its literals look like.
fn literals(kind: &FieldKind) -> (Vec<Comparator>, BoxedStrategy<String>) {
    use Comparator as C;
    let order = vec![
        C::Equal,
        C::In,
        C::LessThan,
        C::LessEqual,
        C::GreaterThan,
        C::GreaterEqual,
        C::Between,
    ];
    let named = select(vec![
        "${TODAY}",
        "${THISWEEK}",
        "${TOMORROWPLUS}",
        "${YESTERDAYMINUS}",
        "${LAST_N_DAYS:3}",
        "${NEXTWEEK}",
        "${THISMONTH}",
    ])
    .prop_map(str::to_owned);
    let days = day().prop_map(|day| model::time::Day(day).to_wire());
    match kind {
        FieldKind::Boolean => (
            vec![C::Equal],
            any::<bool>().prop_map(|truth| truth.to_string()).boxed(),
        ),
        FieldKind::Date | FieldKind::DateTime => (order, prop_oneof![days, named].boxed()),
        FieldKind::OwnerLookup => (
            vec![C::Equal, C::In],
            prop_oneof![
                (71i64..74).prop_map(|id| id.to_string()),
                Just("${CURRENTUSER}".to_owned()),
                Just("${CURRENTUSERROLE}".to_owned()),
            ]
            .boxed(),
        ),
        FieldKind::MultiSelectPicklist => (
            vec![C::Equal, C::In, C::Contains, C::StartsWith],
            text().boxed(),
        ),
        kind if kind.places().is_some() || *kind == FieldKind::Integer => {
            (order, (-3i64..4).prop_map(|n| n.to_string()).boxed())
        }
        _ => (
            vec![C::Equal, C::In, C::Contains, C::StartsWith, C::EndsWith],
            text().boxed(),
        ),
    }
}

fn condition() -> impl Strategy<Value = Criteria> {
    select(module().fields).prop_flat_map(|field| {
        let (comparators, literal) = literals(&field.kind);
        let list = field.kind == FieldKind::MultiSelectPicklist;
        let empty = Just(String::new());
        (
            select(comparators),
            proptest::collection::vec(literal.clone(), 2),
            prop_oneof![1 => empty.boxed(), 4 => literal],
        )
            .prop_map(move |(comparator, several, one)| {
                let mut texts = match comparator {
                    Comparator::In => [several, vec![one]].concat(),
                    Comparator::Equal if list && one.len() % 2 == 1 => several,
                    Comparator::Equal => vec![one],
                    _ => several,
                };
                let takes = match comparator {
                    Comparator::In => 3,
                    Comparator::Between => 2,
                    Comparator::Equal | Comparator::Contains if list => 2,
                    _ => 1,
                };
                texts.truncate(takes);
                let values = texts.into_iter().map(Literal::Text).collect();
                Criteria::Condition(Condition::new(field.api_name.clone(), comparator, values))
            })
    })
}

/// The condition with the comparator that is its complement, where there is one.
fn complement(criteria: &Criteria) -> Option<Criteria> {
    let Criteria::Condition(condition) = criteria else {
        return None;
    };
    let comparator = Comparator::ALL
        .into_iter()
        .find(|known| known.complement_of() == Some(condition.comparator))?;
    let field = condition.field.clone();
    let condition = Condition::new(field, comparator, condition.values.clone());
    Some(Criteria::Condition(condition))
}

fn tree() -> impl Strategy<Value = Criteria> {
    let leaf = (condition(), any::<bool>()).prop_map(|(condition, negate)| {
        let other = complement(&condition).filter(|_| negate);
        other.unwrap_or(condition)
    });
    leaf.prop_recursive(3, 8, 3, |item| {
        let op = prop_oneof![Just(GroupOp::And), Just(GroupOp::Or)];
        (op, proptest::collection::vec(item, 2..4))
            .prop_map(|(op, items)| Criteria::Group { op, items })
    })
}

mod check {
    use super::*;

    pub(super) fn random_criteria_select_what_they_say(kind: Kind) {
        let world = World::new(kind);
        let config = Config {
            cases: 256,
            failure_persistence: None,
            ..Config::default()
        };
        let rows = proptest::collection::vec(row(), 1..16);
        let singles = proptest::collection::vec(condition(), 6);
        let trees = proptest::collection::vec(tree(), 3);
        let said = |bound: &Bound, rows: &[Cells]| -> Vec<i64> {
            let ids = rows.iter().zip(1..);
            ids.filter(|(row, _)| {
                let cells: BTreeMap<FieldId, Value> = world
                    .module
                    .fields
                    .iter()
                    .map(|field| (field.id, cell(row, field)))
                    .collect();
                bound.holds(&|field| &cells[&field])
            })
            .map(|(_, id)| id)
            .collect()
        };
        TestRunner::new(config)
            .run(&(rows, singles, trees), |(rows, singles, trees)| {
                world.fill(&rows);
                for criteria in trees.iter().chain(&singles) {
                    let text = criteria.to_text();
                    prop_assert_eq!(criteria.check(&world.module), Ok(()), "{}", text);
                    let bound = world.bind_tree(criteria, NOW, "Europe/Berlin");
                    let found = world.select_bound(bound.clone());
                    prop_assert_eq!(&found, &said(&bound, &rows), "{}", &text);

                    let other = match complement(criteria) {
                        Some(other) => world.bind_tree(&other, NOW, "Europe/Berlin"),
                        None => Bound::Not(Box::new(bound)),
                    };
                    let rest = world.select_bound(other);
                    let both: BTreeSet<i64> = found.iter().chain(&rest).copied().collect();
                    prop_assert_eq!(both.len(), found.len() + rest.len(), "{}", &text);
                    prop_assert_eq!(both.len(), rows.len(), "{}", &text);
                }
                Ok(())
            })
            .unwrap();
    }
}
