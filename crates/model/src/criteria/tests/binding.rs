//! What binding makes of criteria, and what does not fit a module.

use super::*;
use crate::catalog::{Catalog, Edition, Limits, Org};
use crate::id::{OrgId, ProfileId, RoleId, UserId};
use crate::people::{User, UserStatus, UserType};
use crate::time::Timestamp;
use jiff::tz::TimeZone;

fn user(id: i64, role: i64) -> User {
    User {
        id: UserId(id),
        email: format!("u{id}@example.com"),
        first_name: String::new(),
        last_name: format!("User {id}"),
        role: RoleId(role),
        profile: ProfileId(1),
        status: UserStatus::Active,
        confirmed: true,
        user_type: UserType::Regular,
        time_zone: None,
        territories: Vec::new(),
    }
}

fn catalog() -> Catalog {
    Catalog {
        version: 1,
        org: Org {
            id: OrgId(1),
            company: String::new(),
            time_zone: "UTC".to_owned(),
            currency: String::new(),
            currency_symbol: String::new(),
            iso_code: String::new(),
            country_code: String::new(),
            primary_email: String::new(),
            edition: Edition::Enterprise,
            limits: Limits::default(),
        },
        modules: vec![module()],
        roles: Vec::new(),
        profiles: Vec::new(),
        users: vec![user(71, 5), user(72, 5), user(73, 6)],
        territories: Vec::new(),
    }
}

fn bind_at(criteria: &Criteria, now: &str, zone: &str) -> Result<Bound, CriteriaError> {
    let catalog = catalog();
    let ctx = BindContext {
        now: Timestamp::from_wire(now, &TimeZone::UTC).unwrap(),
        zone: TimeZone::get(zone).unwrap(),
        user: UserId(71),
        role: RoleId(5),
        catalog: &catalog,
    };
    criteria.bind(&module(), &ctx)
}

/// A bound criteria in short: the tests of table rows below are read by people.
fn short(bound: &Bound) -> String {
    let list = |items: &[Bound], sep: &str| {
        let items: Vec<String> = items.iter().map(short).collect();
        format!("({})", items.join(sep))
    };
    match bound {
        Bound::All(items) => list(items, " & "),
        Bound::Any(items) => list(items, " | "),
        Bound::Not(item) => format!("!{}", short(item)),
        Bound::Test { column, test, .. } => format!("{column} {test:?}"),
    }
}

/// 2024-05-15 was a Wednesday.
const NOW: &str = "2024-05-15T10:00:00Z";

fn check(text: &str, expected: &str) {
    let criteria = Criteria::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    criteria
        .check(&module())
        .unwrap_or_else(|e| panic!("{text}: {e:?}"));
    assert_eq!(
        short(&bind_at(&criteria, NOW, "UTC").unwrap()),
        expected,
        "{text}"
    );
}

#[test]
fn each_comparator_means_its_test() {
    check("Company:equals:AcMe", r#"Company TextOneOf(["acme"])"#);
    check(
        "(Company:not_equal:AcMe)",
        r#"!Company TextOneOf(["acme"])"#,
    );
    check("Company:equals:", "Company IsEmpty");
    check("Company:equal:${EMPTY}", "Company IsEmpty");
    check("Company:equal:${NOTEMPTY}", "!Company IsEmpty");
    check("Company:not_equal:${NOTEMPTY}", "!!Company IsEmpty");
    check(
        "Company:in:b,A,a,",
        r#"(Company IsEmpty | Company TextOneOf(["a", "b"]))"#,
    );
    check("Company:like:É%", r#"Company Contains("é%")"#);
    check("Company:not_like:x", r#"!Company Contains("x")"#);
    check("Email:starts_with:A@", r#"Email StartsWith("a@")"#);
    check("Email:ends_with:@B", r#"Email EndsWith("@b")"#);
    check("Stage:not_in:A", r#"!Stage TextOneOf(["a"])"#);
    check("Tags:equal:B,a", r#"Tags ElementsAre(["a", "b"])"#);
    check("Tags:contains:B,a", r#"Tags HasElement(["a", "b"])"#);
    check("Tags:in:B", r#"Tags HasElement(["b"])"#);
    check("Tags:starts_with:B", r#"Tags ElementStartsWith("b")"#);
    check("Size:equals:5", "Size OneOf([5])");
    check("Size:in:7,5,7", "Size OneOf([5, 7])");
    check(
        "Size:less_than:5",
        "Size Within { from: None, to: Some(5) }",
    );
    check(
        "Size:less_equal:5",
        "Size Within { from: None, to: Some(6) }",
    );
    check(
        "Size:greater_than:5",
        "Size Within { from: Some(6), to: None }",
    );
    check(
        "Size:greater_equal:-5",
        "Size Within { from: Some(-5), to: None }",
    );
    check(
        "Size:between:5,7",
        "Size Within { from: Some(5), to: Some(8) }",
    );
    check(
        "Amount:not_between:1.5,2",
        "!Amount Within { from: Some(150), to: Some(201) }",
    );
    check("Opt_Out:equals:true", "Opt_Out Is(true)");
    check("Opt_Out:not_equal:selected", "!Opt_Out Is(true)");
    check("Owner:equals:72", "Owner OneOf([72])");
    check("Owner:in:${CURRENTUSER},72", "Owner OneOf([71, 72])");
    check("Owner:equals:${CURRENTUSERROLE}", "Owner OneOf([71, 72])");
    check("Owner:equals:U73@example.com", "Owner OneOf([73])");
    check("Account:not_in:9,8", "!Account OneOf([8, 9])");
    check(
        "((Size:equals:1)or((Size:equals:2)and(Owner:equals:)))",
        "(Size OneOf([1]) | (Size OneOf([2]) & Owner IsEmpty))",
    );
}

/// The days from the first to the last that a value of `Closing` stands for, at [`NOW`].
fn days(value: &str, comparator: &str) -> (String, String) {
    let criteria = Criteria::parse(&format!("Closing:{comparator}:{value}")).unwrap();
    criteria.check(&module()).unwrap();
    let show = |day: Option<i64>| day.map_or("..".to_owned(), |d| crate::time::Day(d).to_wire());
    match bind_at(&criteria, NOW, "UTC").unwrap() {
        Bound::Test {
            test: Test::Within { from, to },
            ..
        } => (show(from), show(to.map(|to| to - 1))),
        Bound::Test {
            test: Test::OneOf(none),
            ..
        } => {
            assert!(none.is_empty());
            ("none".to_owned(), "none".to_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_named_date_is_a_run_of_days() {
    for (value, comparator, first, last) in [
        ("${TODAY}", "equal", "2024-05-15", "2024-05-15"),
        ("${TOMORROW}", "equal", "2024-05-16", "2024-05-16"),
        ("${TOMORROWPLUS}", "equal", "2024-05-16", ".."),
        ("${YESTERDAY}", "equal", "2024-05-14", "2024-05-14"),
        ("${YESTERDAYMINUS}", "equal", "..", "2024-05-14"),
        ("${LASTWEEK}", "equal", "2024-05-06", "2024-05-12"),
        ("${THISWEEK}", "equal", "2024-05-13", "2024-05-19"),
        ("${NEXTWEEK}", "equal", "2024-05-20", "2024-05-26"),
        ("${LASTMONTH}", "equal", "2024-04-01", "2024-04-30"),
        ("${THISMONTH}", "equal", "2024-05-01", "2024-05-31"),
        ("${NEXTMONTH}", "equal", "2024-06-01", "2024-06-30"),
        ("${LASTYEAR}", "equal", "2023-01-01", "2023-12-31"),
        ("${THISYEAR}", "equal", "2024-01-01", "2024-12-31"),
        ("${NEXTYEAR}", "equal", "2025-01-01", "2025-12-31"),
        ("${PREVFY}", "equal", "2023-01-01", "2023-12-31"),
        ("${THISFY}", "equal", "2024-01-01", "2024-12-31"),
        ("${NEXTFY}", "equal", "2025-01-01", "2025-12-31"),
        ("${PREVFQ}", "equal", "2024-01-01", "2024-03-31"),
        ("${THISFQ}", "equal", "2024-04-01", "2024-06-30"),
        ("${NEXTFQ}", "equal", "2024-07-01", "2024-09-30"),
        ("${LAST_N_DAYS:5}", "equal", "2024-05-10", "2024-05-14"),
        ("${NEXT_N_DAYS:5}", "equal", "2024-05-16", "2024-05-20"),
        ("${LAST_N_WEEKS:2}", "equal", "2024-04-29", "2024-05-12"),
        ("${NEXT_N_WEEKS:2}", "equal", "2024-05-20", "2024-06-02"),
        ("${LAST_N_MONTHS:3}", "equal", "2024-02-01", "2024-04-30"),
        ("${NEXT_N_MONTHS:3}", "equal", "2024-06-01", "2024-08-31"),
        ("${LAST_N_YEARS:1}", "equal", "2023-01-01", "2023-12-31"),
        ("${NEXT_N_YEARS:2}", "equal", "2025-01-01", "2026-12-31"),
        ("${AGEINDAYS}+3", "equal", "2024-05-12", "2024-05-12"),
        ("${AGEINDAYS}+3", "less_than", "2024-05-13", ".."),
        ("${AGEINDAYS}+3", "greater_equal", "..", "2024-05-12"),
        ("${DUEINDAYS}+3", "equal", "2024-05-18", "2024-05-18"),
        ("${DUEINDAYS}+3", "less_than", "..", "2024-05-17"),
        ("${THISWEEK}", "less_than", "..", "2024-05-12"),
        ("${THISWEEK}", "less_equal", "..", "2024-05-19"),
        ("${THISWEEK}", "greater_than", "2024-05-20", ".."),
        ("${TOMORROWPLUS}", "greater_than", "none", "none"),
        ("${YESTERDAYMINUS}", "less_than", "none", "none"),
        ("2024-02-29", "greater_than", "2024-03-01", ".."),
        (
            "${LASTMONTH},${NEXTMONTH}",
            "between",
            "2024-04-01",
            "2024-06-30",
        ),
    ] {
        assert_eq!(
            days(value, comparator),
            (first.to_owned(), last.to_owned()),
            "{comparator} {value}"
        );
    }
}

/// The first instant and the first after the last that a value of `Made` stands for, in UTC.
fn instants(value: &str, now: &str, zone: &str) -> (String, String) {
    let criteria = Criteria::parse(&format!("Made:equals:{value}")).unwrap();
    let show = |at: Option<i64>| Timestamp(at.unwrap()).to_utc();
    match bind_at(&criteria, now, zone).unwrap() {
        Bound::Test {
            test: Test::Within { from, to },
            ..
        } => (show(from), show(to)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_day_of_date_times_is_the_users_civil_day() {
    for (value, now, zone, from, to) in [
        // 23 hours.
        (
            "2024-03-31",
            NOW,
            "Europe/Berlin",
            "2024-03-30T23:00:00Z",
            "2024-03-31T22:00:00Z",
        ),
        // 25 hours.
        (
            "${TODAY}",
            "2024-10-27T12:00:00Z",
            "Europe/Berlin",
            "2024-10-26T22:00:00Z",
            "2024-10-27T23:00:00Z",
        ),
        // Midnight does not exist on this day: it starts at one o'clock.
        (
            "2024-09-08",
            NOW,
            "America/Santiago",
            "2024-09-08T04:00:00Z",
            "2024-09-09T03:00:00Z",
        ),
        // Still the day before there.
        (
            "${TODAY}",
            "2024-05-15T03:59:59Z",
            "America/New_York",
            "2024-05-14T04:00:00Z",
            "2024-05-15T04:00:00Z",
        ),
        (
            "${TODAY}",
            "2024-05-15T04:00:00Z",
            "America/New_York",
            "2024-05-15T04:00:00Z",
            "2024-05-16T04:00:00Z",
        ),
        // A time is its whole second, and without an offset it is in the user's zone.
        (
            "2024-05-15T10:00:00",
            NOW,
            "Asia/Kolkata",
            "2024-05-15T04:30:00Z",
            "2024-05-15T04:30:01Z",
        ),
        (
            "2024-05-15T10:00:00+02:00",
            NOW,
            "Asia/Kolkata",
            "2024-05-15T08:00:00Z",
            "2024-05-15T08:00:01Z",
        ),
    ] {
        assert_eq!(
            instants(value, now, zone),
            (from.to_owned(), to.to_owned()),
            "{value} at {now} in {zone}"
        );
    }
}

#[test]
fn what_does_not_fit_the_module_is_refused_at_its_condition() {
    let fault = |text: &str| {
        let error = Criteria::parse(&format!("((Size:equals:1)and({text}))"))
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
            .check(&module())
            .expect_err(text);
        assert_eq!(error.offset, 20, "{text}");
        (error.fault, error.path.unwrap())
    };
    let name = "$.criteria.group[1].field.api_name";
    assert_eq!(fault("No:equals:1"), (Fault::UnknownField, name.to_owned()));
    assert_eq!(
        fault("company:equals:1"),
        (Fault::UnknownField, name.to_owned())
    );
    for text in [
        "Size:contains:1",
        "Opt_Out:in:true",
        "Owner:less_than:1",
        "Company:between:a,b",
        "Tags:ends_with:a",
        "Closing:starts_with:2024",
    ] {
        let path = "$.criteria.group[1].comparator".to_owned();
        assert_eq!(fault(text), (Fault::Comparator, path), "{text}");
    }
    for text in [
        "Company:equals:a,b",
        "Company:contains:",
        "Company:equals:a\0",
        "Company:in:${NOTEMPTY},a",
        "Size:equals:x",
        "Size:equals:1.5",
        "Size:between:1",
        "Size:between:1,",
        "Size:less_than:${EMPTY}",
        "Amount:equals:1.234",
        "Opt_Out:equals:yes",
        "Closing:equals:2024-02-30",
        "Closing:equals:2024-02-03T01:02:03Z",
        "Closing:equals:${SOMEDAY}",
        "Closing:equals:${LAST_N_DAYS:0}",
        "Closing:equals:${LAST_N_DAYS:99999}",
        "Closing:in:${AGEINDAYS}+3,${TODAY}",
        "Closing:equals:${AGEINDAYS}",
        "Owner:equals:Jane",
        "Account:equals:${CURRENTUSER}",
        "Tags:equals:a,",
    ] {
        let path = "$.criteria.group[1].value".to_owned();
        assert_eq!(fault(text), (Fault::Value, path), "{text}");
    }
    let unknown = Criteria::parse("Owner:equals:x@example.com").unwrap();
    assert!(unknown.check(&module()).is_ok());
    assert!(bind_at(&unknown, NOW, "UTC").is_err());
    let beyond = Criteria::parse("Made:equals:${NEXT_N_YEARS:9999}").unwrap();
    assert!(bind_at(&beyond, NOW, "UTC").is_err());
}

#[test]
fn a_bound_criteria_is_stored_and_read_back() {
    let criteria = Criteria::parse(
        "((Company:not_in:a,)and(Size:between:1,2)and(Tags:equals:x)and(Opt_Out:equals:false))",
    )
    .unwrap();
    let bound = bind_at(&criteria, NOW, "UTC").unwrap();
    let stored = serde_json::to_string(&bound).unwrap();
    assert_eq!(serde_json::from_str::<Bound>(&stored).unwrap(), bound);
}

#[test]
fn a_bound_criteria_knows_when_its_fields_are_gone_or_changed() {
    let criteria = Criteria::parse("((Size:equals:1)or(Company:not_equal:a))").unwrap();
    let bound = bind_at(&criteria, NOW, "UTC").unwrap();
    let mut module = module();
    assert_eq!(bound.misfit(&module), None);
    module.fields[0].api_name = "Firm".to_owned();
    assert_eq!(bound.misfit(&module), None);
    module.fields[0].kind = FieldKind::MultiSelectPicklist;
    assert_eq!(bound.misfit(&module), Some("Company"));
    module.fields.remove(4);
    assert_eq!(bound.misfit(&module), Some("Size"));
}
