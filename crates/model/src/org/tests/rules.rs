//! Rules, layouts' values and dependent picklists of an org file.

use super::*;
use crate::module::Module;

const RULES: &str = r#"
[[module]]
api_name = "Deals"

[[module.field]]
api_name = "Pipeline"
values = ["Standard", "Ser\"vice"]

[[module.field]]
api_name = "Stage"
depends_on = "Pipeline"
maps = { Standard = ["Qualification", "Closed Won"], 'Ser"vice' = ["Closed Won"] }

[[module.layout]]
name = "Service"
values = { Pipeline = ["Ser\"vice"], Lead_Source = ["Chat", "Partner"] }

[[module.layout.section]]
name = "Service"
fields = ["Owner", "Deal_Name", "Pipeline", "Stage", "Amount", "Lead_Source"]
required = ["Amount"]

[[module.validation_rule]]
name = "Big ones are dated"
layout = "Service"
criteria = "((Amount:greater_than:1000)and(Closing_Date:equals:${EMPTY}))"
message = "A large deal needs a day."

[[module.validation_rule]]
name = "Never below zero"
criteria = "(Amount:less_than:0)"
message = "Less than nothing."

[[module.layout_rule]]
name = "Lost ones are told"
layout = "Service"
criteria = "(Stage:equals:Closed Lost)"
required = ["Description"]
"#;

fn deals(catalog: &Catalog) -> &Module {
    catalog.module("Deals").unwrap()
}

fn lines(text: &str, current: &Catalog) -> Vec<String> {
    let plan = planned(text, Some(current));
    let lines = plan.changes.iter().filter(|change| change.matters());
    lines.map(ToString::to_string).collect()
}

#[test]
fn rules_are_applied_once_exported_and_made_anew() {
    let first = applied(&with_least(RULES), None);
    let rules = &deals(&first).rules;
    let names: Vec<&str> = rules
        .validation
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(names, ["Big ones are dated", "Never below zero"]);
    let service = deals(&first).layouts.iter().find(|l| l.name == "Service");
    assert_eq!(rules.validation[0].layout, service.map(|layout| layout.id));
    assert_eq!(rules.layout[0].criteria.first_field(), "Stage");
    assert_eq!(planned(&with_least(RULES), Some(&first)).changes, []);
    let text = export(&first);
    assert_eq!(planned(&text, Some(&first)).changes, [], "{text}");
    assert_eq!(export(&applied(&text, None)), text);
    let stored = serde_json::to_string(&first).unwrap();
    assert!(!stored.contains("\"-"), "a provisional id is left");
    assert_eq!(serde_json::from_str::<Catalog>(&stored).unwrap(), first);
}

#[test]
fn a_diff_tells_every_change_of_a_rule() {
    let first = applied(&with_least(RULES), None);
    let head = "[[module]]\napi_name = \"Deals\"\n";
    let change = format!(
        "{head}[[module.validation_rule]]\nname = \"Not below zero\"\nwas = \"Never below zero\"\n\
         criteria = \"(Amount:less_than:1)\"\nmessage = \"Nothing.\"\n\
         [[module.layout_rule]]\nname = \"Lost ones are told\"\nremove = true\n"
    );
    let title = "~ validation rule Deals/\"Never below zero\"";
    assert_eq!(
        lines(&change, &first),
        [
            format!("{title} name: Never below zero -> Not below zero"),
            format!("{title} criteria: (Amount:less_than:0) -> (Amount:less_than:1)"),
            format!("{title} message: Less than nothing. -> Nothing."),
            "- layout rule Deals/\"Lost ones are told\" (needs --allow-remove)".to_owned(),
        ]
    );
    let plan = planned(&change, Some(&first));
    let told: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    let left = "= left alone: validation rule Deals/\"Big ones are dated\"";
    assert!(told.iter().any(|line| line == left), "{told:?}");
    assert_eq!(plan.removals().len(), 1);
    // What an entry does not say of a field is not so any more.
    let free = format!("{head}[[module.field]]\napi_name = \"Stage\"\n");
    let gone: Vec<String> = lines(&free, &first);
    assert_eq!(gone.len(), 3, "{gone:?}");
    assert!(gone[0].contains("depends_on: Pipeline -> none"), "{gone:?}");
}

#[test]
fn a_renamed_field_keeps_its_rules() {
    let text = r#"
[[module]]
api_name = "Visits"
[[module.field]]
api_name = "Kind"
type = "picklist"
values = ["A", "B"]
[[module.field]]
api_name = "Part"
type = "picklist"
values = ["1", "2"]
depends_on = "Kind"
maps = { A = ["1"] }
[[module.layout]]
name = "Short"
values = { Kind = ["A"] }
[[module.layout.section]]
name = "All"
fields = ["Name", "Kind"]
[[module.validation_rule]]
name = "No B"
criteria = "(Kind:equals:B)"
message = "Not B."
[[module.layout_rule]]
name = "A needs"
layout = "Short"
criteria = "(Part:equals:1)"
required = ["Kind"]
"#;
    let first = applied(&with_least(text), None);
    let rename = "[[module]]\napi_name = \"Visits\"\n[[module.field]]\napi_name = \"Sort\"\n\
                  was = \"Kind\"\ntype = \"picklist\"\nvalues = [\"A\", \"B\"]\n";
    let second = applied(rename, Some(&first));
    let visits = second.module("Visits").unwrap();
    assert_eq!(visits.rules.validation[0].criteria.first_field(), "Sort");
    assert_eq!(visits.rules.layout[0].required, ["Sort"]);
    let part = visits.field("Part").unwrap().depends_on.as_ref().unwrap();
    assert_eq!(part.parent, "Sort");
    let short = visits.layouts.iter().find(|l| l.name == "Short").unwrap();
    assert_eq!(short.values["Sort"], ["A"]);
    // What others stand on cannot be taken away under them.
    for (gone, why) in [
        (
            "[[module.field]]\napi_name = \"Kind\"\nremove = true\n",
            "Visits/\"No B\", which the file leaves alone, would break: Visits has no field Kind.",
        ),
        (
            "[[module.layout]]\nname = \"Short\"\nremove = true\n",
            "Visits/\"A needs\", which the file leaves alone, would break: its layout is removed",
        ),
        (
            "[[module.field]]\napi_name = \"Kind\"\ntype = \"picklist\"\nvalues = [\"B\"]\n\
             remove_values = [\"A\"]\n",
            "Visits/\"Part\", which the file leaves alone, would break: Kind has no value \"A\"",
        ),
    ] {
        let text = format!("[[module]]\napi_name = \"Visits\"\n{gone}");
        let file = OrgFile::parse(&text).unwrap();
        let problems = plan(&file, Some(&first)).unwrap_err();
        let told: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        assert!(told.contains(&why), "{told:?}");
    }
}

#[test]
fn every_mistake_in_a_rule_is_told_at_its_place() {
    let marked = r#"
[[module]]
api_name = "Deals"
[[module.field]]
api_name = "Stage"
depends_on = §"Amount"
maps = { Standard = ["Closed Won"] }
[[module.field]]
api_name = "Type"
depends_on = "Stage"
maps = { §Nowhere = ["New Business", §"Old Business"], "Closed Won" = §[] }
[[module.field]]
api_name = "Next_Step"
depends_on = §"Stage"
[[module.field]]
api_name = "Lead_Source"
maps = { §A = ["Chat"] }
[[module.field]]
api_name = "Deal_No"
type = "autonumber"
[[module.field]]
api_name = "Ring_A"
type = "picklist"
values = ["1"]
depends_on = §"Ring_B"
maps = { 1 = ["1"] }
[[module.field]]
api_name = "Ring_B"
type = "picklist"
values = ["1"]
depends_on = §"Ring_A"
maps = { 1 = ["1"] }
[[module.layout]]
name = "Standard"
values = { §Nope = ["x"], §Amount = ["1"], Type = [§"Odd"] }
[[module.layout.section]]
name = "All"
fields = ["Deal_Name", "Stage"]
[[module.validation_rule]]
name = §"No criteria"
message = "x"
[[module.validation_rule]]
name = §"No message"
criteria = "(Amount:equals:1)"
[[module.validation_rule]]
name = "Wrong"
layout = §"Nowhere"
criteria = "(§Nope:equals:1)"
message = §" "
[[module.layout_rule]]
name = §"Bare"
criteria = "(Amount:equals:1)"
required = ["Stage"]
[[module.layout_rule]]
name = §"Nothing"
layout = "Standard"
criteria = "(Amount:equals:1)"
[[module.layout_rule]]
name = "Theirs"
layout = "Standard"
criteria = "(Amount:equals:1)"
required = [§"Created_Time", §"Nope", §"Deal_No"]
"#;
    refusals::check(
        marked,
        &[
            "Amount is no other picklist of the module",
            "Stage has no value \"Nowhere\"",
            "Type has no value \"Old Business\"",
            "Type is left without a value",
            "a field of type text depends on no other",
            "`maps` needs `depends_on`, the picklist that decides",
            "Ring_A depends on itself",
            "Ring_B depends on itself",
            "unknown field Deals.Nope",
            "Amount is no picklist",
            "Type has no value \"Odd\"",
            "rule \"No criteria\" needs criteria",
            "rule \"No message\" needs `message`",
            "Deals has no layout \"Nowhere\"",
            "criteria: Deals has no field Nope.",
            "`message` is empty",
            "rule \"Bare\" needs `layout`",
            "rule \"Nothing\" needs `required`",
            "Created_Time is written by the server alone",
            "unknown field Deals.Nope",
            "Deal_No is written by the server alone",
        ],
    );
}

#[test]
fn a_module_has_so_many_rules_and_a_message_so_many_characters() {
    use crate::limits::{RULE_MESSAGE_MAX, RULES_MAX};
    let file = |count: usize, length: usize, mark: &str| {
        let rules: Vec<String> = (0..count)
            .map(|n| {
                let mark = if n == RULES_MAX { mark } else { "" };
                format!(
                    "[[module.validation_rule]]\nname = {mark}\"R{n}\"\n\
                     criteria = \"(Amount:equals:1)\"\nmessage = \"{}\"\n",
                    "ä".repeat(length)
                )
            })
            .collect();
        format!("[[module]]\napi_name = \"Deals\"\n{}", rules.concat())
    };
    applied(&with_least(&file(RULES_MAX, RULE_MESSAGE_MAX, "")), None);
    let told = refusals::refused(&with_least(&file(RULES_MAX + 1, 1, "§")), None);
    assert_eq!(told, ["more than 50 validation rules"]);
    let long = with_least(&file(1, RULE_MESSAGE_MAX + 1, ""));
    let long = long.replace("message = \"", "message = §\"");
    assert_eq!(
        refusals::refused(&long, None),
        ["`message` is longer than 255 characters"]
    );
}
