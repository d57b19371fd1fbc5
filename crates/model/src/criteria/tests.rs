//! Both spellings there and back, and what they refuse and where.

mod binding;

use super::*;
use crate::field::{Field, FieldKind};
use crate::id::{FieldId, ModuleId};
use crate::limits::{CONDITIONS_MAX, CRITERIA_BYTES_MAX, CRITERIA_DEPTH_MAX, IN_VALUES_MAX};
use crate::module::Module;
use crate::rule::Rules;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn module() -> Module {
    let kinds = [
        ("Company", FieldKind::Text { max: 100 }),
        ("Email", FieldKind::Email),
        ("Stage", FieldKind::Picklist),
        ("Tags", FieldKind::MultiSelectPicklist),
        ("Size", FieldKind::Integer),
        ("Amount", FieldKind::Currency { places: 2 }),
        ("Opt_Out", FieldKind::Boolean),
        ("Closing", FieldKind::Date),
        ("Made", FieldKind::DateTime),
        ("Owner", FieldKind::OwnerLookup),
        (
            "Account",
            FieldKind::Lookup {
                module: "Accounts".to_owned(),
            },
        ),
    ];
    let fields = kinds.into_iter().zip(1..).map(|((name, kind), id)| Field {
        id: FieldId(id),
        api_name: name.to_owned(),
        label: name.to_owned(),
        kind,
        custom: false,
        mandatory: false,
        read_only: false,
        unique: false,
        mass_update: true,
        values: Vec::new(),
        depends_on: None,
        computed: None,
        convert_to: None,
    });
    Module {
        id: ModuleId(1),
        api_name: "Leads".to_owned(),
        singular: "Lead".to_owned(),
        plural: "Leads".to_owned(),
        named_by: None,
        custom: false,
        territories: false,
        locking: false,
        sharing: crate::access::Sharing::Private,
        lock_exclusions: crate::module::LockExclusions::default(),
        fields: fields.collect(),
        layouts: Vec::new(),
        views: Vec::new(),
        rules: Rules::default(),
        blueprints: Vec::new(),
    }
}

#[test]
fn the_text_form_is_refused_where_it_goes_wrong() {
    for (text, offset) in [
        ("", 0),
        ("   ", 3),
        ("()", 1),
        ("(Company)", 8),
        ("(Company:equals)", 15),
        ("(Company:is:1)", 9),
        ("(:equals:1)", 1),
        ("(Company:equals:1", 17),
        ("(Company:equals:(1))", 16),
        ("Company:equals:1)", 16),
        ("((A:equals:1)and)", 16),
        ("((A:equals:1)xor(B:equals:1))", 13),
        ("((A:equals:1)(B:equals:1))", 13),
        ("((A:equals:1)and(B:equals:1)or(C:equals:1))", 28),
        ("(A:equals:1) B", 13),
        ("(A B:equals:1)", 1),
        ("(É\\:equals:1)", 3),
    ] {
        let error = Criteria::parse(text).expect_err(text);
        assert_eq!(error.offset, offset, "{text}: {error:?}");
    }
}

#[test]
fn limits_hold_in_both_forms_and_one_more_is_refused() {
    let both = |text: &str| {
        let parsed = Criteria::parse(text);
        parsed.map(|criteria| {
            let json = criteria.to_json(|_| None);
            assert_eq!(Criteria::from_json(&json), Ok(criteria));
        })
    };
    let too_large = |result: Result<(), CriteriaError>| {
        assert_eq!(result.map_err(|e| e.fault), Err(Fault::TooLarge));
    };
    let conditions = |n: usize| format!("({})", vec!["(A:equals:1)"; n].join("and"));
    assert_eq!(both(&conditions(CONDITIONS_MAX)), Ok(()));
    let many = both(&conditions(CONDITIONS_MAX + 1)).map_err(|e| e.fault);
    assert_eq!(many, Err(Fault::TooManyConditions));

    let values = |n: usize| format!("(A:in:{})", vec!["x"; n].join(","));
    assert_eq!(both(&values(IN_VALUES_MAX)), Ok(()));
    too_large(both(&values(IN_VALUES_MAX + 1)));

    let nested = |n: usize| {
        (0..n).fold("(A:equals:1)".to_owned(), |inner, _| {
            format!("((B:equals:2)or{inner})")
        })
    };
    assert_eq!(both(&nested(CRITERIA_DEPTH_MAX)), Ok(()));
    too_large(both(&nested(CRITERIA_DEPTH_MAX + 1)));
    too_large(Criteria::parse(&"(".repeat(CRITERIA_BYTES_MAX)).map(|_| ()));

    let bytes = |n: usize| format!("(A:equals:{})", "x".repeat(n - 11));
    assert_eq!(both(&bytes(CRITERIA_BYTES_MAX)), Ok(()));
    too_large(both(&bytes(CRITERIA_BYTES_MAX + 1)));

    let deeper = (0..=CRITERIA_DEPTH_MAX).fold(
        json!({"field": "A", "comparator": "equal", "value": 1}),
        |inner, _| json!({"group_operator": "or", "group": [inner]}),
    );
    too_large(Criteria::from_json(&deeper).map(|_| ()));
    let many = json!({"field": "A", "comparator": "in", "value": vec!["x"; IN_VALUES_MAX + 1]});
    too_large(Criteria::from_json(&many).map(|_| ()));
    let long = json!({"field": "A", "comparator": "in", "value": "x".repeat(CRITERIA_BYTES_MAX)});
    too_large(Criteria::from_json(&long).map(|_| ()));
}

#[test]
fn the_json_form_is_read_in_its_older_and_newer_shapes() {
    let read = |json: Json| Criteria::from_json(&json).map(|criteria| criteria.to_text());
    for (json, text) in [
        (
            json!({"field": {"api_name": "A", "id": "1"}, "comparator": "equal", "value": "x,y"}),
            r"(A:equals:x\,y)",
        ),
        (
            json!({"field": "A", "comparator": "EQUALS", "value": true, "group": null}),
            "(A:equals:true)",
        ),
        (
            json!({"api_name": "A", "comparator": "not_like", "value": null, "type": "value"}),
            "(A:not_contains:)",
        ),
        (
            json!({"field": "A", "comparator": "in", "value": [1, "b", {"id": "7", "name": "n"}]}),
            "(A:in:1,b,7)",
        ),
        (
            json!({"field": "A", "comparator": "equal", "value": {"name": "${CURRENTUSER}"}}),
            "(A:equals:${CURRENTUSER})",
        ),
        (
            json!({"field": "A", "comparator": "equal", "value": []}),
            "(A:equals:)",
        ),
        (
            json!({"group_operator": "oR", "group": [
                {"field": "A", "comparator": "less_than", "value": 1},
                {"field": "B", "comparator": "equal", "value": "${LAST_N_DAYS:5}"},
            ]}),
            "((A:less_than:1)or(B:equals:${LAST_N_DAYS:5}))",
        ),
    ] {
        assert_eq!(read(json), Ok(text.to_owned()));
    }
    let long = "12345678901234567890.10";
    let json: Json = serde_json::from_str(&format!(
        r#"{{"field":"A","comparator":"equal","value":{long}}}"#
    ))
    .unwrap();
    assert_eq!(read(json), Ok(format!("(A:equals:{long})")));
}

#[test]
fn the_json_form_is_refused_at_the_path_where_it_goes_wrong() {
    for (json, fault, path) in [
        (json!([]), Fault::Syntax, "$.criteria"),
        (json!({}), Fault::NoField, "$.criteria"),
        (
            json!({"field": {}}),
            Fault::NoFieldName,
            "$.criteria.field.api_name",
        ),
        (
            json!({"field": {"id": "1"}}),
            Fault::NoFieldName,
            "$.criteria.field.api_name",
        ),
        (json!({"field": 5}), Fault::Syntax, "$.criteria.api_name"),
        (
            json!({"field": "A"}),
            Fault::NoComparator,
            "$.criteria.comparator",
        ),
        (
            json!({"field": "A", "comparator": "is"}),
            Fault::Comparator,
            "$.criteria.comparator",
        ),
        (
            json!({"field": "A", "comparator": "in"}),
            Fault::NoValue,
            "$.criteria.value",
        ),
        (
            json!({"field": "A", "comparator": "in", "value": []}),
            Fault::Value,
            "$.criteria.value",
        ),
        (
            json!({"field": "A", "comparator": "in", "value": ["a", []]}),
            Fault::Value,
            "$.criteria.value[1]",
        ),
        (
            json!({"field": "A", "comparator": "equal", "value": "B", "type": "field"}),
            Fault::Value,
            "$.criteria.type",
        ),
        (
            json!({"group": [], "group_operator": "and"}),
            Fault::Syntax,
            "$.criteria.group",
        ),
        (
            json!({"group": [{}]}),
            Fault::Syntax,
            "$.criteria.group_operator",
        ),
        (
            json!({"group": [{"field": "A", "comparator": "equal", "value": 1}, {"field": "a:b"}],
                "group_operator": "and"}),
            Fault::Syntax,
            "$.criteria.group[1].field",
        ),
    ] {
        let error = Criteria::from_json(&json).expect_err(&json.to_string());
        assert_eq!(
            (error.fault, error.path.as_deref()),
            (fault, Some(path)),
            "{json}"
        );
    }
}

#[test]
fn a_field_may_be_named_by_id_within_a_module() {
    let read = |field: Json| {
        let json = json!({"field": field, "comparator": "equal", "value": "x"});
        Criteria::from_json_in(&json, &module())
            .map(|criteria| criteria.to_text())
            .map_err(|error| error.fault)
    };
    let company = Ok("(Company:equals:x)".to_owned());
    assert_eq!(read(json!({"id": "1"})), company);
    assert_eq!(read(json!({"id": 1, "api_name": "Company"})), company);
    assert_eq!(
        read(json!({"id": "2", "api_name": "Company"})),
        Err(Fault::FieldMismatch)
    );
    assert_eq!(read(json!({"id": "99"})), Err(Fault::UnknownField));
}

#[test]
fn ids_of_fields_and_placeholders_are_written_as_the_wire_has_them() {
    let criteria = Criteria::parse("((Owner:equals:${CURRENTUSER})and(Size:in:1))").unwrap();
    assert_eq!(
        criteria
            .to_json(|name| (name == "Owner").then_some(FieldId(10)))
            .to_string(),
        concat!(
            r#"{"group_operator":"AND","group":["#,
            r#"{"comparator":"equal","field":{"api_name":"Owner","id":"10"},"#,
            r#""value":{"name":"${CURRENTUSER}"}},"#,
            r#"{"comparator":"in","field":{"api_name":"Size"},"value":["1"]}]}"#
        )
    );
}

fn text_value() -> impl Strategy<Value = Literal> {
    let hard = r"[a-cA-C,()\\:$\{\}'%_ÉßİΣ ]{0,6}";
    prop_oneof![hard, Just("${TODAY}".to_owned()), ".{0,4}"].prop_map(Literal::Text)
}

fn json_value() -> impl Strategy<Value = Literal> {
    prop_oneof![
        text_value(),
        any::<i64>().prop_map(|n| Literal::Number(n.to_string())),
        Just(Literal::Number("1234567890.1234567890".to_owned())),
        any::<bool>().prop_map(Literal::Bool),
        ("[0-9]{1,9}", proptest::option::of("[a-z]{1,3}"))
            .prop_map(|(id, name)| { Literal::Reference { id: Some(id), name } }),
    ]
}

fn tree(
    value: impl Strategy<Value = Literal> + Clone + 'static,
) -> impl Strategy<Value = Criteria> {
    let condition = (
        "[A-Za-z][A-Za-z0-9_]{0,8}",
        proptest::sample::select(Comparator::ALL.to_vec()),
        proptest::collection::vec(value, 1..4),
    )
        .prop_map(|(field, comparator, values)| {
            Criteria::Condition(Condition::new(field, comparator, values))
        });
    condition.prop_recursive(3, 16, 3, |item| {
        let op = prop_oneof![Just(GroupOp::And), Just(GroupOp::Or)];
        (op, proptest::collection::vec(item, 2..4))
            .prop_map(|(op, items)| Criteria::Group { op, items })
    })
}

fn small(criteria: &Criteria) -> bool {
    criteria.conditions() <= CONDITIONS_MAX
}

proptest! {
    #[test]
    fn the_text_form_goes_there_and_back(criteria in tree(text_value().boxed())) {
        prop_assume!(small(&criteria));
        let text = criteria.to_text();
        prop_assert_eq!(Criteria::parse(&text), Ok(criteria), "{}", text);
    }

    #[test]
    fn the_json_form_goes_there_and_back(criteria in tree(json_value().boxed())) {
        prop_assume!(small(&criteria));
        let stored = serde_json::to_string(&criteria).unwrap();
        prop_assert_eq!(
            serde_json::from_str::<Criteria>(&stored).unwrap(),
            criteria.clone(),
            "{}", stored
        );
        let again = Criteria::parse(&criteria.to_text()).unwrap();
        prop_assert_eq!(again.to_text(), criteria.to_text());
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        text in prop_oneof![
            any::<String>(),
            r"([(),:\\ ]|and|or|in|A|É|equals|\$\{TODAY\}){0,30}",
            "\\(*(\\(A:equals:1\\)(and|or)){0,30}\\)*",
        ]
    ) {
        match Criteria::parse(&text) {
            Ok(criteria) => {
                prop_assert!(criteria.depth() <= CRITERIA_DEPTH_MAX);
                let again = Criteria::parse(&criteria.to_text());
                prop_assert_eq!(again, Ok(criteria.clone()));
                if let Err(error) = criteria.check(&module()) {
                    prop_assert!(error.offset <= text.len());
                }
            }
            Err(error) => {
                prop_assert!(error.offset <= text.len());
                prop_assert!(text.is_char_boundary(error.offset));
            }
        }
    }
}
