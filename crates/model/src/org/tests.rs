use super::*;

const DEMO: &str = include_str!("../../../../demo/org.toml");

fn counter(from: i64) -> impl FnMut() -> i64 {
    let mut last = from;
    move || {
        last += 1;
        last
    }
}

fn told(problems: Vec<Problem>) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn planned(text: &str, current: Option<&Catalog>) -> Plan {
    let file = OrgFile::parse(text).map_err(told).unwrap();
    plan(&file, current).map_err(told).unwrap()
}

fn applied(text: &str, current: Option<&Catalog>) -> Catalog {
    let plan = planned(text, current);
    let mut ids = counter(current.map_or(1000, |c| 1_000_000 * c.version));
    plan.resolve(&mut ids, true).map_err(told).unwrap()
}

#[test]
fn what_is_built_in_is_right() {
    let built_in = standard::built_in();
    assert_eq!(told(built_in.problems.clone()), "");
    let modules = &built_in.catalog.modules;
    let names: Vec<_> = modules.iter().map(|m| m.api_name.as_str()).collect();
    assert_eq!(names, ["Leads", "Accounts", "Contacts", "Deals", "Tasks"]);
    for module in modules {
        for (field, target) in module.lookups() {
            assert!(names.contains(&target), "{}", field.api_name);
        }
        for view in &module.views {
            let criteria = view.criteria.as_ref().map_or(Ok(()), |c| c.check(module));
            assert_eq!(criteria, Ok(()), "{}", view.name);
        }
    }
}

#[test]
fn the_demo_org_is_right_and_applies_once() {
    let first = applied(DEMO, None);
    let again = planned(DEMO, Some(&first));
    assert_eq!(again.changes, []);
    assert!(!again.changes_anything());
    assert_eq!(applied(DEMO, Some(&first)), first);
}
