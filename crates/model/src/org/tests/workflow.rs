//! Workflow rules of an org file.

use super::*;
use crate::workflow::{Literal, Trigger};

const RULES: &str = r#"
[[module]]
api_name = "Leads"

[[module.workflow_rule]]
name = "Hot ones are rated"
on = ["edit", "create"]
fields = ["Lead_Status", "Annual_Revenue"]
criteria = "(Lead_Status:equals:Contacted)"
update = { Rating = "Active", Annual_Revenue = 1200.50, Email_Opt_Out = true, Owner = "boss@tern.example.com" }

[[module.workflow_rule]]
name = "Descriptions go"
on = ["edit"]
active = false

[module.workflow_rule.update]
Description = ""

[[module.workflow_rule.task]]
subject = "Call \"them\""
due_in_days = 0
priority = "High"
owner = "boss@tern.example.com"

[[module.workflow_rule.task]]
subject = "Write"
owner = "record_owner"
status = "Deferred"
description = "Soon."

[[module.workflow_rule.web_hook]]
url = "https://tern.example.com/hook?x=1"
fields = ["City", "Lead_Status"]
"#;

fn lines(text: &str, current: &Catalog) -> Vec<String> {
    let plan = planned(text, Some(current));
    let lines = plan.changes.iter().filter(|change| change.matters());
    lines.map(ToString::to_string).collect()
}

fn wrong(rule: &str) -> Vec<String> {
    let text = with_least(&format!(
        "[[module]]\napi_name = \"Leads\"\n[[module.workflow_rule]]\n{rule}"
    ));
    let file = match OrgFile::parse(&text) {
        Ok(file) => plan(&file, None).map(|_| ()),
        Err(problems) => Err(problems),
    };
    file.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn workflow_rules_are_applied_once_exported_and_made_anew() {
    let first = applied(&with_least(RULES), None);
    let leads = first.module("Leads").unwrap();
    let [hot, gone] = leads.rules.workflow.as_slice() else {
        panic!("{:?}", leads.rules.workflow);
    };
    assert_eq!(hot.on, [Trigger::Create, Trigger::Edit]);
    assert!(hot.active && !gone.active && hot.id.0 > 0);
    let field = |name: &str| leads.field(name).unwrap().id;
    assert_eq!(hot.fields, [field("Lead_Status"), field("Annual_Revenue")]);
    let to = |name: &str| {
        hot.update
            .iter()
            .find(|u| u.field == field(name))
            .unwrap()
            .to
            .clone()
    };
    assert_eq!(to("Annual_Revenue"), Literal::Value(120_050.into()));
    assert_eq!(to("Email_Opt_Out"), Literal::Value(true.into()));
    assert_eq!(to("Owner"), Literal::User(first.users[0].id));
    assert_eq!(gone.update[0].to, Literal::Value(crate::value::Value::Null));

    let [call, write] = gone.tasks.as_slice() else {
        panic!("{:?}", gone.tasks);
    };
    assert_eq!(
        (call.due_in_days, call.owner),
        (Some(0), Some(first.users[0].id))
    );
    assert_eq!((write.due_in_days, write.owner), (None, None));
    assert_eq!(
        gone.web_hooks[0].fields,
        [field("City"), field("Lead_Status")]
    );

    assert!(!planned(&with_least(RULES), Some(&first)).changes_anything());
    let file = export(&first);
    assert!(!planned(&file, Some(&first)).changes_anything(), "{file}");
    let again = applied(&file, None);
    let names = |c: &Catalog| -> Vec<String> {
        let rules = &c.module("Leads").unwrap().rules.workflow;
        rules
            .iter()
            .map(|rule| format!("{} {:?}", rule.name, rule.on))
            .collect()
    };
    assert_eq!(names(&again), names(&first));
    assert_eq!(export(&again), file);
}

#[test]
fn changes_of_workflow_rules_are_told_and_names_follow() {
    let first = applied(&with_least(RULES), None);
    let changed = RULES
        .replace(
            "name = \"Hot ones are rated\"",
            "name = \"Rated\"\nwas = \"Hot ones are rated\"",
        )
        .replace("Rating = \"Active\"", "Rating = \"Acquired\"")
        .replace("active = false", "active = true");
    let title = "~ workflow rule Leads/\"Hot ones are rated\"";
    assert_eq!(
        lines(&changed, &first),
        [
            format!("{title} name: Hot ones are rated -> Rated"),
            format!("{title} update.Rating: \"Active\" -> \"Acquired\""),
            "~ workflow rule Leads/\"Descriptions go\" active: false -> true".to_owned(),
        ]
    );
    let second = applied(&changed, Some(&first));
    let ids = |c: &Catalog| -> Vec<i64> {
        let rules = &c.module("Leads").unwrap().rules.workflow;
        rules.iter().map(|rule| rule.id.0).collect()
    };
    assert_eq!(ids(&second), ids(&first));

    let renamed = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Colour\"\n\
                   type = \"text\"\n[[module.workflow_rule]]\nname = \"C\"\non = [\"edit\"]\n\
                   fields = [\"Colour\"]\ncriteria = \"(Colour:equals:red)\"\nupdate = { Colour = \"blue\" }";
    let first = applied(&with_least(renamed), None);
    let other = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Hue\"\n\
                 was = \"Colour\"\ntype = \"text\"";
    let second = applied(other, Some(&first));
    let rule = &second.module("Leads").unwrap().rules.workflow[0];
    assert_eq!(
        rule.criteria.as_ref().unwrap().to_text(),
        "(Hue:equals:red)"
    );
    assert!(export(&second).contains("update = { \"Hue\" = \"blue\" }"));
}

#[test]
fn a_workflow_rule_is_removed_with_permission_only() {
    let first = applied(&with_least(RULES), None);
    let gone = "[[module]]\napi_name = \"Leads\"\n[[module.workflow_rule]]\n\
                name = \"Descriptions go\"\nremove = true";
    let plan = planned(gone, Some(&first));
    assert_eq!(
        told(plan.removals().to_vec()),
        "4:8: workflow rule Leads/\"Descriptions go\" would be removed: this needs --allow-remove"
    );
    let second = applied(gone, Some(&first));
    assert_eq!(second.module("Leads").unwrap().rules.workflow.len(), 1);
    assert!(!planned(gone, Some(&second)).changes_anything());
}

#[test]
fn what_the_org_loses_must_not_break_a_workflow_rule() {
    let text = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Colour\"\n\
                type = \"picklist\"\nvalues = [\"red\", \"blue\"]\n[[module.workflow_rule]]\nname = \"C\"\n\
                on = [\"edit\"]\nfields = [\"Colour\"]\nupdate = { Colour = \"blue\" }";
    let first = applied(&with_least(text), None);
    let head = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Colour\"\n";
    for (rest, why) in [
        ("remove = true", "a field whose change sets it off is gone"),
        (
            "type = \"picklist\"\nremove_values = [\"blue\"]",
            "Colour has no value \"blue\"",
        ),
        (
            "type = \"picklist\"\nunique = true",
            "Colour is unique: two records could not both get the value",
        ),
    ] {
        let text = format!("{head}{rest}");
        let file = OrgFile::parse(&text).map_err(told).unwrap();
        let problems = told(plan(&file, Some(&first)).unwrap_err());
        let wanted = "workflow rule Leads/\"C\", which the file leaves alone, would break: ";
        assert!(problems.contains(&format!("{wanted}{why}")), "{problems}");
    }
}

#[test]
fn every_mistake_in_a_workflow_rule_has_its_place() {
    for (rule, wanted) in [
        (
            "name = \"R\"\nupdate = { City = \"x\" }",
            "4:8: rule \"R\" needs `on`: create, edit, delete",
        ),
        (
            "name = \"R\"\non = []\nupdate = { City = \"x\" }",
            "5:6: `on` is empty: it takes create, edit, delete",
        ),
        (
            "name = \"R\"\non = [\"update\"]\nupdate = { City = \"x\" }",
            "5:7: `on` takes create, edit, delete, not \"update\"",
        ),
        (
            "name = \"R\"\non = [\"edit\", \"edit\"]\nupdate = { City = \"x\" }",
            "5:15: \"edit\" stands twice",
        ),
        (
            "name = \"R\"\non = [\"edit\"]",
            "4:8: rule \"R\" does nothing: it needs `update`",
        ),
        (
            "name = \"R\"\non = [\"delete\"]\nupdate = { City = \"x\" }",
            "4:8: a record that was deleted has no fields to update: leave \"delete\" to a rule of its own",
        ),
        (
            "name = \"R\"\non = [\"create\"]\nfields = [\"City\"]\nupdate = { City = \"x\" }",
            "6:10: `fields` is for rules on \"edit\": only an edit changes some",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nfields = []\nupdate = { City = \"x\" }",
            "6:10: `fields` is empty: leave it out where every edit counts",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nfields = [\"Citty\"]\nupdate = { City = \"x\" }",
            "6:11: unknown field Leads.Citty",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nfields = [\"Modified_Time\"]\nupdate = { City = \"x\" }",
            "6:11: every change writes Modified_Time",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { Citty = \"x\" }",
            "6:12: unknown field Leads.Citty",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { Rating = \"Tepid\" }",
            "6:21: Rating has no value \"Tepid\"",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { Annual_Revenue = \"much\" }",
            "6:29: Annual_Revenue does not take this value: expected_data_type \"currency\"",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { City = 5 }",
            "6:19: City does not take this value: expected_data_type \"text\"",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { City = [1] }",
            "6:19: City in `update` takes a text, a number, true, false or an array of texts, not an array",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { Full_Name = \"x\" }",
            "6:12: only the server writes Full_Name",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { Last_Name = \"\" }",
            "6:24: every record needs a value of Last_Name",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { Layout = \"Standard\" }",
            "6:12: a rule cannot write Layout",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nupdate = { Owner = \"who@tern.example.com\" }",
            "6:20: unknown user who@tern.example.com",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\ncriteria = \"(Citty:equals:x)\"\nupdate = { City = \"x\" }",
            "6:14: criteria: ",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\nwhen = 5\nupdate = { City = \"x\" }",
            "6:1: unknown key `when` in [[module.workflow_rule]]",
        ),
    ] {
        let found = wrong(rule);
        assert!(
            found.len() == 1 && found[0].starts_with(wanted),
            "{rule}\n{found:?}"
        );
    }
}

#[test]
fn a_module_has_only_so_many_workflow_rules() {
    use crate::limits::{WORKFLOW_FIELDS_MAX, WORKFLOW_RULES_MAX};
    let rules = |count: usize| -> String {
        let rule = |n| {
            format!(
                "[[module.workflow_rule]]\nname = \"R{n}\"\non = [\"edit\"]\nupdate = {{ City = \"x\" }}\n"
            )
        };
        (0..count).map(rule).collect()
    };
    let head = "[[module]]\napi_name = \"Leads\"\n";
    applied(
        &with_least(&format!("{head}{}", rules(WORKFLOW_RULES_MAX))),
        None,
    );
    let file = OrgFile::parse(&with_least(&format!(
        "{head}{}",
        rules(WORKFLOW_RULES_MAX + 1)
    )));
    let problems = told(plan(&file.unwrap(), None).unwrap_err());
    assert_eq!(problems, "204:8: more than 50 workflow rules");

    let fields = |count: usize| -> String {
        let field = |n| format!("[[module.field]]\napi_name = \"F{n}\"\ntype = \"text\"\n");
        let fields: String = (0..count).map(field).collect();
        let update: Vec<String> = (0..count).map(|n| format!("F{n} = \"x\"")).collect();
        format!(
            "{head}{fields}[[module.workflow_rule]]\nname = \"R\"\non = [\"edit\"]\nupdate = {{ {} }}",
            update.join(", ")
        )
    };
    applied(&with_least(&fields(WORKFLOW_FIELDS_MAX)), None);
    let file = OrgFile::parse(&with_least(&fields(WORKFLOW_FIELDS_MAX + 1))).unwrap();
    let problems = told(plan(&file, None).unwrap_err());
    assert!(
        problems.ends_with("`update` takes at most 25 fields"),
        "{problems}"
    );
}

#[test]
fn a_rule_has_only_so_many_tasks_and_web_hooks() {
    use crate::limits::WORKFLOW_ACTIONS_MAX;
    for (action, wanted) in [
        (
            "[[module.workflow_rule.task]]\nsubject = \"x\"\n",
            "a rule makes at most 5 tasks",
        ),
        (
            "[[module.workflow_rule.web_hook]]\nurl = \"https://b.example.com\"\n",
            "a rule has at most 5 web hooks",
        ),
    ] {
        let rule = |count| format!("name = \"R\"\non = [\"edit\"]\n{}", action.repeat(count));
        let head = "[[module]]\napi_name = \"Leads\"\n[[module.workflow_rule]]\n";
        applied(
            &with_least(&format!("{head}{}", rule(WORKFLOW_ACTIONS_MAX))),
            None,
        );
        let found = wrong(&rule(WORKFLOW_ACTIONS_MAX + 1));
        assert!(found.len() == 1 && found[0].ends_with(wanted), "{found:?}");
    }
}

#[test]
fn every_mistake_in_a_task_or_a_web_hook_has_its_place() {
    for (rule, wanted) in [
        (
            "name = \"R\"\non = [\"edit\"]\n[[module.workflow_rule.task]]\nsubject = \"\"",
            "7:11: `subject` is empty",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\n[[module.workflow_rule.task]]\nsubject = \"x\"\npriority = \"Soon\"",
            "8:12: Priority has no value \"Soon\"",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\n[[module.workflow_rule.task]]\nsubject = \"x\"\ndue_in_days = -1",
            "8:15: `due_in_days` is from 0 to 3650",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\n[[module.workflow_rule.task]]\nsubject = \"x\"\nowner = \"nobody\"",
            "8:9: unknown user nobody: `owner` is \"record_owner\" or an e-mail address",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\n[[module.workflow_rule.web_hook]]\nurl = \"ftp://x.example.com\"",
            "7:7: a web hook needs http://… or https://…",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\n[[module.workflow_rule.web_hook]]\nurl = \"https://a@b.example.com\"",
            "7:7: a web hook needs http://… or https://…",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\n[[module.workflow_rule.web_hook]]\nurl = \"https:///x\"",
            "7:7: a web hook needs http://… or https://…",
        ),
        (
            "name = \"R\"\non = [\"edit\"]\n[[module.workflow_rule.web_hook]]\nurl = \"https://b.example.com\"\nfields = [\"Citty\"]",
            "8:11: unknown field Leads.Citty",
        ),
    ] {
        let found = wrong(rule);
        assert!(
            found.len() == 1 && found[0].starts_with(wanted),
            "{rule}\n{found:?}"
        );
    }
}
