use super::*;

mod approvals;
mod blueprints;
mod changes;
mod conversion;
mod refusals;
mod rules;
mod workflow;

const EXAMPLE: &str = include_str!("../../../../examples/course-leads/org.toml");
const DEMO: &str = include_str!("../../../../demo/org.toml");

/// The least that an org needs.
const LEAST: &str = r#"
[org]
company = "Tern Works"
[[role]]
name = "Boss"
[[user]]
email = "boss@tern.example.com"
last_name = "Tern"
role = "Boss"
profile = "Administrator"
"#;

fn with_least(text: &str) -> String {
    format!("{text}\n{LEAST}")
}

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
    let plan = plan(&file, current).map_err(told).unwrap();
    let mut lines = plan.changes.iter();
    let told = lines.any(|change| change.kind != ChangeKind::LeftAlone);
    assert_eq!(told, plan.changes_anything(), "every change has its line");
    plan
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
    assert_eq!(
        names,
        [
            "Leads",
            "Accounts",
            "Contacts",
            "Deals",
            "Tasks",
            "Events",
            "Calls",
            "Campaigns",
            "Products",
            "Vendors",
            "Price_Books",
            "Quotes",
            "Sales_Orders",
            "Purchase_Orders",
            "Invoices",
            "Cases",
            "Solutions",
        ]
    );
    for module in modules {
        let stated = module.named_by.as_deref().and_then(|n| module.field(n));
        assert!(
            stated.is_some_and(|f| f.kind.is_text()),
            "{}",
            module.api_name
        );
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
fn the_demo_and_the_example_are_right_and_apply_once() {
    for text in [DEMO, EXAMPLE, LEAST] {
        let first = applied(text, None);
        assert_eq!(first.version, 1);
        let again = planned(text, Some(&first));
        assert_eq!(again.changes, []);
        assert!(!again.changes_anything());
        assert_eq!(applied(text, Some(&first)), first);
    }
}

#[test]
fn an_export_changes_nothing_where_it_comes_from_and_makes_the_same_anew() {
    let mut catalogs = vec![
        applied(DEMO, None),
        applied(EXAMPLE, None),
        applied(LEAST, None),
    ];
    catalogs.push(applied(&with_least(changes::MANY), None));
    for catalog in catalogs {
        let text = export(&catalog);
        let plan = planned(&text, Some(&catalog));
        assert_eq!(plan.changes, [], "{text}");
        assert!(!plan.changes_anything(), "{text}");
        let anew = applied(&text, None);
        let plan = planned(&text, Some(&anew));
        assert_eq!(plan.changes, [], "{text}");
        assert_eq!(export(&anew), text);
    }
    // What is built in is left out.
    let least = export(&applied(LEAST, None));
    assert!(
        !least.contains("[[module]]") && !least.contains("[[profile]]"),
        "{least}"
    );
}

#[test]
fn every_id_of_a_resolved_catalog_is_real_and_its_own() {
    let catalog = applied(DEMO, None);
    let text = serde_json::to_string(&catalog).unwrap();
    assert!(!text.contains("\"-"), "a provisional id is left");
    let back: Catalog = serde_json::from_str(&text).unwrap();
    assert_eq!(planned(DEMO, Some(&back)).changes, []);
    assert!(!planned(DEMO, Some(&back)).changes_anything());
    let mut ids: Vec<i64> = catalog.roles.iter().map(|r| r.id.0).collect();
    ids.extend(catalog.users.iter().map(|u| u.id.0));
    ids.extend(catalog.profiles.iter().map(|p| p.id.0));
    ids.extend(catalog.territories.iter().map(|t| t.id.0));
    for module in &catalog.modules {
        ids.push(module.id.0);
        ids.extend(module.views.iter().map(|v| v.id.0));
        ids.extend(module.layouts.iter().map(|l| l.id.0));
        for field in &module.fields {
            ids.push(field.id.0);
            ids.extend(field.values.iter().map(|v| v.id.0));
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn standard_leads_are_as_the_wire_api_says() {
    let catalog = applied(LEAST, None);
    let leads = catalog.module("Leads").unwrap();
    for (name, mass_update) in [
        ("Company", true),
        ("Designation", true),
        ("Lead_Status", true),
        ("Mobile", true),
        ("Annual_Revenue", true),
        ("Email_Opt_Out", true),
        ("Layout", true),
        ("Phone", false),
        ("Last_Name", false),
        ("Full_Name", false),
        ("Twitter", false),
        ("Email", false),
        ("Description", false),
        ("Converted__s", false),
        ("Locked__s", false),
        ("Owner", false),
        ("Modified_Time", false),
    ] {
        assert_eq!(
            leads.field(name).unwrap().mass_update,
            mass_update,
            "{name}"
        );
    }
    let open = leads.views.iter().find(|v| v.name == "Open Leads").unwrap();
    assert_eq!(open.system_name.as_deref(), Some("OPENLEADVIEWS"));
    for module in &catalog.modules {
        let shown = |name: &str| {
            let layouts = module.layouts.iter().flat_map(|l| &l.sections);
            layouts
                .into_iter()
                .any(|s| s.required.iter().any(|f| f == name))
        };
        for field in module.fields.iter().filter(|f| f.mandatory) {
            assert!(shown(&field.api_name), "{}", field.api_name);
        }
    }
}

/// Wire API 9.2, without subforms and reminders, of which there is no kind; and 14.1.
#[test]
fn each_standard_module_demands_and_locks_what_the_wire_api_says() {
    let catalog = applied(LEAST, None);
    let told: Vec<String> = catalog
        .modules
        .iter()
        .map(|module| {
            let mandatory = module.fields.iter().filter(|f| f.mandatory);
            let names: Vec<_> = mandatory.map(|f| f.api_name.as_str()).collect();
            let locks = if module.locking { " locks" } else { "" };
            assert_eq!(module.locking, module.field("Locked__s").is_some());
            format!("{}{locks}: {}", module.api_name, names.join(", "))
        })
        .collect();
    assert_eq!(
        told,
        [
            "Leads locks: Last_Name",
            "Accounts locks: Account_Name",
            "Contacts locks: Last_Name",
            "Deals locks: Deal_Name, Stage",
            "Tasks locks: Subject",
            "Events: Event_Title, Start_DateTime, End_DateTime",
            "Calls: Subject, Call_Type, Call_Start_Time, Call_Duration",
            "Campaigns: Campaign_Name",
            "Products: Product_Name",
            "Vendors locks: Vendor_Name",
            "Price_Books locks: Price_Book_Name",
            "Quotes locks: Subject",
            "Sales_Orders locks: Subject",
            "Purchase_Orders locks: Subject, Vendor_Name",
            "Invoices locks: Subject",
            "Cases locks: Subject, Status, Case_Origin",
            "Solutions locks: Solution_Title",
        ]
    );
    let systems = [
        "ALLVIEWS",
        "MYVIEWS",
        "RECENTLYCREATED",
        "RECENTLYMODIFIED",
        "today",
    ];
    for module in &catalog.modules {
        for system in systems {
            let has = |v: &crate::view::View| v.system_name.as_deref() == Some(system);
            assert!(module.views.iter().any(has), "{} {system}", module.api_name);
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = OrgFile::parse(&text).map(|file| plan(&file, None));
    }

    #[test]
    fn no_damage_to_a_file_makes_it_panic(at in 0usize..8000, cut in 0usize..40, put in "\\PC{0,6}") {
        let mut text: Vec<char> = DEMO.chars().collect();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.chars());
        let text: String = text.into_iter().collect();
        let answer = OrgFile::parse(&text).and_then(|file| plan(&file, None));
        for problem in answer.err().into_iter().flatten() {
            proptest::prop_assert!(problem.line >= 1 && problem.column >= 1);
            proptest::prop_assert!(problem.line <= text.lines().count() + 1);
        }
    }
}
