//! Criteria select the same records on both databases, and the ones that they say.

mod random;
mod world;

use model::time::Day;
use model::value::Value;
use sea_query::{Alias, PostgresQueryBuilder, Query, SqliteQueryBuilder};
use store::records::{Filter, Order, Record};
use store::{Dialect, Priority, criteria, records};
use testkit::each_db;
use world::{NOW, World, field, module};

each_db! {
    texts_compare_without_case,
    lists_compare_by_element,
    numbers_and_references_compare_by_value,
    dates_compare_with_runs_of_days,
    patterns_have_no_special_characters,
    days_start_where_the_user_is,
    an_or_stays_together_when_the_filter_narrows_it,
    one_condition_serves_update_and_delete,
    a_field_that_is_gone_is_an_error,
}

/// Rows of one field, from id 1 on.
fn rows(name: &str, values: &[Value]) -> Vec<Vec<(String, Value)>> {
    values
        .iter()
        .map(|value| vec![(name.to_owned(), value.clone())])
        .collect()
}

fn expect(world: &World, name: &str, condition: &str, ids: &[i64]) {
    let text = format!("{name}:{condition}");
    assert_eq!(world.select(&text), ids, "{text}");
}

mod check {
    use super::*;
    use testkit::Kind;

    pub(super) fn texts_compare_without_case(kind: Kind) {
        let world = World::new(kind);
        let values = [Value::Null, "ÉCOLE".into(), "école b".into(), "b".into()];
        world.fill(&rows("Value", &values));
        for (condition, ids) in [
            ("equals:École", vec![2]),
            ("not_equal:École", vec![1, 3, 4]),
            ("equals:", vec![1]),
            ("equals:${NOTEMPTY}", vec![2, 3, 4]),
            ("not_equal:${NOTEMPTY}", vec![1]),
            ("contains:COL", vec![2, 3]),
            ("not_contains:col", vec![1, 4]),
            ("starts_with:é", vec![2, 3]),
            ("ends_with:B", vec![3, 4]),
            ("ends_with:ÉCOLE B longer", vec![]),
            ("in:b,ÉCOLE", vec![2, 4]),
            ("in:b,", vec![1, 4]),
            ("not_in:b,", vec![2, 3]),
        ] {
            expect(&world, "Value", condition, &ids);
        }
        world.fill(&rows("Stage", &values));
        expect(&world, "Stage", "equal:B", &[4]);
        expect(&world, "Stage", "not_in:b,école", &[1, 3]);
    }

    pub(super) fn lists_compare_by_element(kind: Kind) {
        let world = World::new(kind);
        let values = [
            Value::Null,
            r#"["A"]"#.into(),
            r#"["a","B c"]"#.into(),
            r#"["B \"c\\"]"#.into(),
        ];
        world.fill(&rows("Type", &values));
        for (condition, ids) in [
            ("equal:a", vec![2]),
            ("not_equal:a", vec![1, 3, 4]),
            ("equal:b C,A", vec![3]),
            ("equal:a,b", vec![]),
            ("contains:a", vec![2, 3]),
            ("contains:b", vec![]),
            (r#"contains:b "c\\"#, vec![4]),
            ("not_contains:a", vec![1, 4]),
            ("in:a,b c", vec![2, 3]),
            ("not_in:a,b c", vec![1, 4]),
            ("starts_with:b", vec![3, 4]),
            ("equal:", vec![1]),
        ] {
            expect(&world, "Type", condition, &ids);
        }
    }

    pub(super) fn numbers_and_references_compare_by_value(kind: Kind) {
        let world = World::new(kind);
        let values = [Value::Null, (-5).into(), 5.into(), 6.into()];
        world.fill(&rows("Size", &values));
        for (condition, ids) in [
            ("equals:5", vec![3]),
            ("not_equal:5", vec![1, 2, 4]),
            ("in:5,6", vec![3, 4]),
            ("not_in:5,6", vec![1, 2]),
            ("less_than:5", vec![2]),
            ("less_equal:5", vec![2, 3]),
            ("greater_than:5", vec![4]),
            ("greater_equal:5", vec![3, 4]),
            ("between:-5,5", vec![2, 3]),
            ("between:5,-5", vec![]),
            ("not_between:-5,5", vec![1, 4]),
        ] {
            expect(&world, "Size", condition, &ids);
        }
        world.fill(&rows("Amount", &values));
        expect(&world, "Amount", "greater_than:-0.05", &[3, 4]);
        expect(&world, "Amount", "equals:0.06", &[4]);

        world.fill(&rows("Flag", &[Value::Null, true.into(), false.into()]));
        expect(&world, "Flag", "equals:true", &[2]);
        expect(&world, "Flag", "equals:false", &[3]);
        expect(&world, "Flag", "not_equal:true", &[1, 3]);

        let users = [Value::Null, 71.into(), 72.into(), 73.into()];
        world.fill(&rows("Owner", &users));
        expect(&world, "Owner", "equals:${CURRENTUSER}", &[2]);
        expect(&world, "Owner", "not_equal:${CURRENTUSER}", &[1, 3, 4]);
        expect(&world, "Owner", "equals:${CURRENTUSERROLE}", &[2, 3]);
        expect(&world, "Owner", "in:72,73", &[3, 4]);
    }

    pub(super) fn dates_compare_with_runs_of_days(kind: Kind) {
        let world = World::new(kind);
        let day = |text: &str| Value::Int(Day::from_wire(text).unwrap().0);
        let values = [
            Value::Null,
            day("2024-05-14"),
            day("2024-05-15"),
            day("2024-05-16"),
        ];
        world.fill(&rows("Closing", &values));
        for (condition, ids) in [
            ("equals:${TODAY}", vec![3]),
            ("not_equal:${TODAY}", vec![1, 2, 4]),
            ("equals:${THISWEEK}", vec![2, 3, 4]),
            ("equals:${TOMORROWPLUS}", vec![4]),
            ("greater_than:${TOMORROWPLUS}", vec![]),
            ("in:2024-05-14,${TOMORROW}", vec![2, 4]),
            ("less_than:2024-05-15", vec![2]),
            ("equals:${AGEINDAYS}+1", vec![2]),
            ("less_than:${AGEINDAYS}+1", vec![3, 4]),
            ("between:${YESTERDAY},${TODAY}", vec![2, 3]),
        ] {
            expect(&world, "Closing", condition, &ids);
        }
    }

    pub(super) fn patterns_have_no_special_characters(kind: Kind) {
        let world = World::new(kind);
        let texts = ["%", "_", "a%b", "a_b", "aXb", "'\"", "\\", "a\\b", "*?[a]"];
        let mut values = vec![Value::Null];
        values.extend(texts.map(Value::from));
        world.fill(&rows("Value", &values));
        for (condition, expected) in [
            ("contains:%", vec![2, 4]),
            ("contains:_", vec![3, 5]),
            ("starts_with:a%", vec![4]),
            ("ends_with:_b", vec![5]),
            ("contains:'", vec![7]),
            (r"contains:\\", vec![8, 9]),
            (r"ends_with:\\b", vec![9]),
            ("contains:?[", vec![10]),
        ] {
            expect(&world, "Value", condition, &expected);
        }
    }

    pub(super) fn days_start_where_the_user_is(kind: Kind) {
        let world = World::new(kind);
        // The last millisecond of a day, the first of the next, in Berlin and in New York; the
        // day is the one of 23 hours in Berlin.
        let instants = [
            "2024-03-30T22:59:59Z",
            "2024-03-30T23:00:00Z",
            "2024-03-31T03:59:59Z",
            "2024-03-31T04:00:00Z",
            "2024-03-31T21:59:59Z",
            "2024-03-31T22:00:00Z",
            "2024-04-01T03:59:59Z",
            "2024-04-01T04:00:00Z",
        ];
        let values: Vec<Value> = instants.map(|at| Value::Int(world::at(at).0)).into();
        world.fill(&rows("Made", &values));
        let now = "2024-03-31T12:00:00Z";
        let berlin = |text: &str| world.select_at(text, now, "Europe/Berlin");
        let new_york = |text: &str| world.select_at(text, now, "America/New_York");
        assert_eq!(berlin("Made:equals:${TODAY}"), [2, 3, 4, 5]);
        assert_eq!(new_york("Made:equals:${TODAY}"), [4, 5, 6, 7]);
        assert_eq!(berlin("Made:equals:2024-03-31"), [2, 3, 4, 5]);
        assert_eq!(berlin("Made:less_than:2024-03-31"), [1]);
        assert_eq!(berlin("Made:less_equal:2024-03-31"), [1, 2, 3, 4, 5]);
        assert_eq!(berlin("Made:greater_than:2024-03-31"), [6, 7, 8]);
        assert_eq!(berlin("Made:greater_equal:${TOMORROW}"), [6, 7, 8]);
        assert_eq!(berlin("Made:equals:${THISMONTH}"), [1, 2, 3, 4, 5]);
        assert_eq!(new_york("Made:equals:${NEXTMONTH}"), [8]);
        assert_eq!(berlin("Made:equals:2024-03-31T00:00:00"), [2]);
        assert_eq!(
            berlin("Made:between:2024-03-31T23:59:59,2024-04-01T00:00:00"),
            [5, 6]
        );
    }

    pub(super) fn an_or_stays_together_when_the_filter_narrows_it(kind: Kind) {
        let world = World::new(kind);
        world.fill(&rows("Size", &[1.into(), 2.into(), 3.into()]));
        let bound = world.bind("((Size:equals:1)or(Size:equals:2))", NOW, "UTC");
        let filter = Filter {
            criteria: Some(bound),
            ids: Some(vec![2, 3]),
            ..Filter::everything()
        };
        assert_eq!(world.select_filter(&filter), [2]);
        let (count, listed) = world
            .db
            .read(|tx| {
                let count = records::count(tx, &world.module, &filter)?;
                let page = (0, 10);
                let listed = records::list(tx, &world.module, &[], &filter, Order::BY_ID, page)?;
                Ok((count, listed))
            })
            .unwrap();
        assert_eq!(count, 1);
        let ids: Vec<i64> = listed.iter().map(|record: &Record| record.id.0).collect();
        assert_eq!(ids, [2]);
    }

    pub(super) fn one_condition_serves_update_and_delete(kind: Kind) {
        let world = World::new(kind);
        let lists = [r#"["a"]"#.into(), r#"["b"]"#.into(), Value::Null];
        world.fill(&rows("Type", &lists));
        let bound = world.bind("Type:not_contains:A", NOW, "UTC");
        let table = Alias::new("m_Leads");
        world
            .db
            .write(Priority::Interactive, |tx| {
                let dialect = tx.dialect();
                let condition = criteria::condition(dialect, &world.module, &bound)?;
                let update = Query::update()
                    .table(table.clone())
                    .value(Alias::new("Size"), 7)
                    .and_where(condition.clone())
                    .take();
                let delete = Query::delete()
                    .from_table(table.clone())
                    .and_where(condition)
                    .take();
                let show = |sqlite: String, postgres: String| match dialect {
                    Dialect::Sqlite => sqlite,
                    Dialect::Postgres => postgres,
                };
                let update = show(
                    update.to_string(SqliteQueryBuilder),
                    update.to_string(PostgresQueryBuilder),
                );
                assert_eq!(tx.execute(&update, &[])?, 2);
                let delete = show(
                    delete.to_string(SqliteQueryBuilder),
                    delete.to_string(PostgresQueryBuilder),
                );
                assert_eq!(tx.execute(&delete, &[])?, 2);
                Ok(())
            })
            .unwrap();
        assert_eq!(world.select("Type:contains:a"), [1]);
        assert_eq!(world.select("Type:not_contains:a"), [0; 0]);
    }

    pub(super) fn a_field_that_is_gone_is_an_error(kind: Kind) {
        let world = World::new(kind);
        world.fill(&rows("Size", &[1.into()]));
        let bound = world.bind("Size:not_equal:1", NOW, "UTC");
        let mut without = module();
        without.fields.retain(|f| f.api_name != "Size");
        let mut other = module();
        other.fields.retain(|f| f.api_name != "Size");
        let id = field(&world.module, "Size").id;
        let mut changed = field(&other, "Value").clone();
        changed.id = id;
        other.fields.push(changed);
        for module in [without, other] {
            assert!(criteria::condition(Dialect::Sqlite, &module, &bound).is_err());
        }
    }
}
