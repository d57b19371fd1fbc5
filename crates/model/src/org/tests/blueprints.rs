//! Blueprints in org files, and what locks leave open.

use super::refusals::{check, refused};
use super::*;

const PROCESS: &str = r#"
[[profile]]
name = "Desk"
[[module]]
api_name = "Leads"
lock_excluded_fields = ["Description", "City"]
lock_excluded_profiles = ["Desk"]
[[module.field]]
api_name = "Grade"
type = "picklist"
values = ["One", "Two", "Three"]
[[module.blueprint]]
name = "Grading"
field = "Grade"
layout = "Standard"
criteria = "(City:equals:Faro)"
[[module.blueprint.transition]]
name = "Up"
from = ["One", "Two"]
to = "Three"
criteria = "(Company:starts_with:A)"
fields = ["Phone", "Street"]
profiles = ["Desk", "Standard"]
owner_only = true
[[module.blueprint.transition]]
name = "Down"
from = ["Three"]
to = "One"
"#;

fn process() -> String {
    with_least(PROCESS)
}

fn lines(text: &str, current: &Catalog) -> Vec<String> {
    let plan = planned(text, Some(current));
    plan.changes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_blueprint_is_read_applied_once_and_written_back() {
    let catalog = applied(&process(), None);
    let leads = catalog.module("Leads").unwrap();
    let blueprint = &leads.blueprints[0];
    assert_eq!(
        leads.field_by_id(blueprint.field).unwrap().api_name,
        "Grade"
    );
    assert_eq!(blueprint.layout, Some(leads.layouts[0].id));
    assert_eq!(blueprint.starts(), ["One", "Two", "Three"]);
    let ways: Vec<&str> = blueprint.from("two").map(|t| t.name.as_str()).collect();
    assert_eq!(ways, ["Up"]);
    assert!(!blueprint.leads_on("Four"));
    let ids = |ids: Vec<i64>| ids.into_iter().all(|id| id > 0);
    assert!(ids(vec![blueprint.id.0]));
    assert!(ids(blueprint.transitions.iter().map(|t| t.id.0).collect()));
    let up = &blueprint.transitions[0];
    assert!(up.fields.iter().all(|id| leads.field_by_id(*id).is_some()));
    assert!(up.profiles.iter().all(|id| catalog.profile(*id).is_some()));
    assert_eq!(
        (up.fields.len(), up.profiles.len(), up.owner_only),
        (2, 2, true)
    );
    let open = &leads.lock_exclusions;
    assert!(
        open.fields
            .iter()
            .all(|id| leads.field_by_id(*id).is_some())
    );
    assert!(
        open.profiles
            .iter()
            .all(|id| catalog.profile(*id).is_some())
    );
    assert_eq!((open.fields.len(), open.profiles.len()), (2, 1));
    assert_eq!(planned(&process(), Some(&catalog)).changes, []);
    let file = export(&catalog);
    assert_eq!(planned(&file, Some(&catalog)).changes, []);
    // The file alone makes the same org.
    let anew = applied(&file, None);
    assert_eq!(export(&anew), file);
}

#[test]
fn changes_of_a_blueprint_are_told_and_its_transitions_keep_their_ids() {
    let before = applied(&process(), None);
    let text = process()
        .replace("to = \"Three\"\n", "to = \"Two\"\n")
        .replace("name = \"Grading\"", "name = \"Grades\"\nwas = \"Grading\"")
        .replace("[\"Description\", \"City\"]", "[\"City\"]")
        .replace("owner_only = true\n", "");
    assert_eq!(
        lines(&text, &before),
        [
            "~ module Leads lock_excluded_fields: Description, City -> City",
            "~ blueprint Leads/\"Grading\" name: Grading -> Grades",
            "~ blueprint Leads/\"Grading\" transition \"Up\": One, Two -> Three if \
             (Company:starts_with:A) with Phone, Street by Desk, Standard by the owner only -> \
             One, Two -> Two if (Company:starts_with:A) with Phone, Street by Desk, Standard",
        ]
    );
    let after = applied(&text, Some(&before));
    let ids = |of: &Catalog| {
        let blueprint = &of.module("Leads").unwrap().blueprints[0];
        let ways = blueprint.transitions.iter().map(|t| t.id);
        (blueprint.id, ways.collect::<Vec<_>>())
    };
    assert_eq!(ids(&after), ids(&before));
    let shorter = "[[module]]\napi_name = \"Leads\"\nlock_excluded_fields = [\"Description\", \
                   \"City\"]\nlock_excluded_profiles = [\"Desk\"]\n";
    let left: Vec<String> = lines(shorter, &before)
        .into_iter()
        .filter(|line| line.contains("blueprint"))
        .collect();
    assert_eq!(left, ["= left alone: blueprint Leads/\"Grading\""]);
    let gone = "[[module]]\napi_name = \"Leads\"\n[[module.blueprint]]\nname = \"Grading\"\n\
                remove = true\n";
    assert!(
        lines(gone, &before)
            .contains(&"- blueprint Leads/\"Grading\" (needs --allow-remove)".to_owned())
    );
    let plan = planned(gone, Some(&before));
    let mut ids = counter(9_000_000);
    let refused = plan.clone().resolve(&mut ids, false).unwrap_err();
    let text = "blueprint Leads/\"Grading\" would be removed: this needs --allow-remove";
    assert_eq!(refused[0].message, text);
    let after = plan.resolve(&mut ids, true).unwrap();
    assert!(after.module("Leads").unwrap().blueprints.is_empty());
}

#[test]
fn a_renamed_field_is_followed() {
    let before = applied(&process(), None);
    let text = process().replace(
        "api_name = \"Grade\"",
        "api_name = \"Note\"\nwas = \"Grade\"",
    );
    let text = text.replace("field = \"Grade\"", "field = \"Note\"");
    let after = applied(&text, Some(&before));
    let leads = after.module("Leads").unwrap();
    let field = leads.blueprints[0].field;
    assert_eq!(leads.field_by_id(field).unwrap().api_name, "Note");
    assert_eq!(
        leads.blueprints[0],
        before.module("Leads").unwrap().blueprints[0]
    );
}

#[test]
fn mistakes_in_blueprints() {
    check(
        r#"
[[module]]
api_name = "Leads"
lock_excluded_fields = [§"Nothing", "City", §"City"]
lock_excluded_profiles = [§"Nobody"]
[[module.blueprint]]
name = §"Empty"
field = "Lead_Status"
[[module.blueprint]]
name = "Unknown field"
field = §"Nothing"
[[module.blueprint]]
name = "No picklist"
field = §"City"
[[module.blueprint]]
name = §"empty"
field = "Lead_Status"
[[module.blueprint]]
name = "Wrong"
field = "Lead_Status"
layout = §"Nothing"
criteria = "(§Nothing:equals:1)"
[[module.blueprint.transition]]
name = "A"
from = ["Contacted", §"Contacted", §"Nothing"]
to = §"Nothing else"
criteria = "(§"
fields = [§"Nothing", §"Lead_Status", §"Created_Time"]
profiles = [§"Nobody"]
[[module.blueprint.transition]]
name = §"A"
from = ["Contacted"]
to = "Contacted"
[[module.blueprint.transition]]
name = "B"
from = §[]
to = "Contacted"
"#,
        &[
            "unknown field Leads.Nothing",
            "field City stands twice",
            "unknown profile \"Nobody\"",
            "blueprint \"Empty\" has no transitions",
            "unknown field Leads.Nothing",
            "City is no picklist: a blueprint needs one",
            "duplicate blueprint \"empty\"",
            "unknown layout \"Nothing\"",
            "criteria: Leads has no field Nothing.",
            "value \"Contacted\" stands twice",
            "Lead_Status has no value \"Nothing\"",
            "Lead_Status has no value \"Nothing else\"",
            "criteria: Expected a field name and `:`.",
            "unknown field Leads.Nothing",
            "the transition itself writes the blueprint's field",
            "only the server writes Created_Time",
            "unknown profile \"Nobody\"",
            "duplicate transition \"A\"",
            "a transition starts somewhere: `from` is empty",
        ],
    );
    check(
        r#"
[[module]]
api_name = "Leads"
§[[module.blueprint]]
name = "No field"
§§[[module.blueprint.transition]]
name = "A"
"#,
        &[
            "[[module.blueprint]] needs `field`",
            "[[module.blueprint.transition]] needs `from`",
            "[[module.blueprint.transition]] needs `to`",
        ],
    );
    check(
        "[[module]]\napi_name = \"Visits\"\nlock_excluded_fields = [§\"Name\"]\n",
        &["this module's records cannot be locked"],
    );
}

#[test]
fn a_blueprint_that_would_break_is_named() {
    let before = applied(&process(), None);
    for (change, why) in [
        (
            "[[module.field]]\napi_name = \"Grade\"\nremove = true\n",
            "its field is gone or no picklist",
        ),
        (
            "[[module.field]]\napi_name = \"Grade\"\ntype = \"picklist\"\n\
             values = [\"One\", \"Two\"]\nremove_values = [\"Three\"]\n",
            "Grade has no value \"Three\"",
        ),
    ] {
        let text = format!("[[module]]\napi_name = §\"Leads\"\n{change}");
        let wanted =
            format!("blueprint Leads/\"Grading\", which the file leaves alone, would break: {why}");
        assert_eq!(refused(&text, Some(&before)), [wanted]);
    }
    // A transition without its last profile would be everyone's.
    let text = "[[profile]]\nname = \"Desk\"\nremove = true\n";
    let file = OrgFile::parse(text).unwrap();
    let problems = plan(&file, Some(&before)).unwrap_err();
    let wanted = "blueprint Leads/\"Grading\", which the file leaves alone, would break: a profile \
                  of a transition is gone";
    assert_eq!(problems[0].message, wanted);
}
