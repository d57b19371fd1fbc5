//! Approval processes of an org file.

use super::*;
use crate::workflow::Trigger;

const PROCESSES: &str = r#"
[[role]]
name = "Head of Sales"
reports_to = "Boss"

[[module]]
api_name = "Deals"

[[module.approval_process]]
name = "Large deals"
on = ["edit", "create"]
fields = ["Amount", "Stage"]
criteria = "(Amount:greater_than:100000)"

[[module.approval_process.step]]
manager = true

[[module.approval_process.step]]
users = ["boss@tern.example.com"]
roles = ["Head of Sales"]

[[module.approval_process]]
name = "All new ones"
on = ["create"]
active = false

[[module.approval_process.step]]
roles = ["Boss"]
"#;

fn lines(text: &str, current: &Catalog) -> Vec<String> {
    let plan = planned(text, Some(current));
    let lines = plan.changes.iter().filter(|change| change.matters());
    lines.map(ToString::to_string).collect()
}

fn wrong(process: &str) -> Vec<String> {
    let text = with_least(&format!(
        "[[module]]\napi_name = \"Deals\"\n[[module.approval_process]]\n{process}"
    ));
    let file = match OrgFile::parse(&text) {
        Ok(file) => plan(&file, None).map(|_| ()),
        Err(problems) => Err(problems),
    };
    file.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn approval_processes_are_applied_once_exported_and_made_anew() {
    let first = applied(&with_least(PROCESSES), None);
    let deals = first.module("Deals").unwrap();
    let [large, new] = deals.rules.approval.as_slice() else {
        panic!("{:?}", deals.rules.approval);
    };
    assert_eq!(large.on, [Trigger::Create, Trigger::Edit]);
    assert!(large.active && !new.active && large.id.0 > 0);
    let field = |name: &str| deals.field(name).unwrap().id;
    assert_eq!(large.fields, [field("Amount"), field("Stage")]);
    let [manager, named] = large.steps.as_slice() else {
        panic!("{:?}", large.steps);
    };
    assert!(manager.manager && manager.users.is_empty() && manager.roles.is_empty());
    assert_eq!(named.users, [first.users[0].id]);
    let head = first.roles.iter().find(|r| r.name == "Head of Sales");
    assert_eq!(named.roles, [head.unwrap().id]);

    assert!(!planned(&with_least(PROCESSES), Some(&first)).changes_anything());
    let file = export(&first);
    assert!(!planned(&file, Some(&first)).changes_anything(), "{file}");
    let again = applied(&file, None);
    assert_eq!(export(&again), file);
}

#[test]
fn changes_of_approval_processes_are_told_and_names_follow() {
    let first = applied(&with_least(PROCESSES), None);
    let changed = PROCESSES
        .replace(
            "name = \"Large deals\"",
            "name = \"Larger deals\"\nwas = \"Large deals\"",
        )
        .replace("manager = true", "roles = [\"Boss\"]\nmanager = true")
        .replace("active = false", "active = true");
    let title = "~ approval process Deals/\"Large deals\"";
    assert_eq!(
        lines(&changed, &first),
        [
            format!("{title} name: Large deals -> Larger deals"),
            format!("{title} step 1: the owner's manager -> Boss, the owner's manager"),
            "~ approval process Deals/\"All new ones\" active: false -> true".to_owned(),
        ]
    );
    let second = applied(&changed, Some(&first));
    let ids = |c: &Catalog| -> Vec<i64> {
        let processes = &c.module("Deals").unwrap().rules.approval;
        processes.iter().map(|process| process.id.0).collect()
    };
    assert_eq!(ids(&second), ids(&first));
    let removed = "[[module]]\napi_name = \"Deals\"\n[[module.approval_process]]\n\
                   name = \"Large deals\"\nremove = true\n";
    assert_eq!(
        lines(removed, &first),
        ["- approval process Deals/\"Large deals\" (needs --allow-remove)"]
    );
}

#[test]
fn every_mistake_of_an_approval_process_is_found_where_it_stands() {
    let step = "[[module.approval_process.step]]\nmanager = true";
    for (process, problems) in [
        ("name = \"A\"\non = [\"create\"]", vec!["has no steps"]),
        (
            &format!("name = \"A\"\n{step}"),
            vec!["approval process \"A\" needs `on`: create, edit"],
        ),
        (
            &format!("name = \"A\"\non = [\"delete\", \"edit\", \"edit\"]\n{step}"),
            vec![
                "`on` takes create, edit, not \"delete\"",
                "\"edit\" stands twice",
            ],
        ),
        (
            &format!("name = \"A\"\non = [\"edit\"]\nfields = [\"Nothing\"]\n{step}"),
            vec!["Nothing"],
        ),
        (
            &format!("name = \"A\"\non = [\"edit\"]\ncriteria = \"(Nothing:equals:1)\"\n{step}"),
            vec!["Nothing"],
        ),
        (
            "name = \"A\"\non = [\"edit\"]\n[[module.approval_process.step]]\n\
             users = [\"nobody@tern.example.com\"]\nroles = [\"Nobody\"]",
            vec!["unknown user", "unknown role \"Nobody\""],
        ),
        (
            "name = \"A\"\non = [\"edit\"]\n[[module.approval_process.step]]\n\
             roles = [\"Boss\", \"Boss\"]\n[[module.approval_process.step]]",
            vec!["role \"Boss\" stands twice", "needs an approver"],
        ),
        (
            &format!(
                "name = \"A\"\non = [\"edit\"]\n{}",
                format!("{step}\n").repeat(11)
            ),
            vec!["more than 10 steps"],
        ),
    ] {
        let found = wrong(process);
        assert_eq!(found.len(), problems.len(), "{process}: {found:?}");
        for (found, problem) in found.iter().zip(problems) {
            assert!(found.contains(problem), "{found}: {problem}");
        }
    }
}

#[test]
fn a_role_of_an_approver_that_goes_is_told_of() {
    let first = applied(&with_least(PROCESSES), None);
    let gone = with_least("[[role]]\nname = \"Head of Sales\"\nremove = true");
    let file = OrgFile::parse(&gone).unwrap();
    let problems = plan(&file, Some(&first)).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(
        told[0].contains("approval process Deals/\"Large deals\", which the file leaves alone"),
        "{told:?}"
    );
}
