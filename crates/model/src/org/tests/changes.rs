//! What a plan says and what comes of it.

use super::*;
use crate::access::Sharing;
use crate::field::FieldKind;
use crate::people::Right;

/// A bit of everything that can be renamed, removed or left alone.
pub(super) const MANY: &str = r#"
[[role]]
name = "Clerk"
reports_to = "Boss"
[[profile]]
name = "Readers"
modules."*" = "view"
modules.Boats = ["view", "edit"]
fields.Leads.Size = "hidden"
[[profile]]
name = "Standard"
modules.Tasks = []
[[territory]]
name = "North"
[[territory]]
name = "Far North"
reports_to = "North"
[[user]]
email = "clerk@tern.example.com"
last_name = "Clerk \\ \"C\""
role = "Clerk"
profile = "Readers"
territories = ["North"]
[[module]]
api_name = "Leads"
plural = "Prospects"
[[module.field]]
api_name = "Lead_Status"
label = "State"
values = ["New", "Old"]
[[module.field]]
api_name = "Company"
unique = true
[[module.field]]
api_name = "Size"
type = "text"
max = 20
mandatory = true
[[module.field]]
api_name = "Nick"
type = "text"
max = 50
mass_update = false
[[module.field]]
api_name = "Price"
type = "currency"
[[module.field]]
api_name = "Boat"
type = "lookup"
module = "Boats"
[[module.view]]
name = "Open Leads"
criteria = "(Lead_Status:equals:New)"
fields = ["Full_Name", "Size"]
[[module.view]]
name = "Big"
criteria = "((Size:starts_with:XL)or(Size:equals:huge))"
fields = ["Full_Name", "Size"]
audience = "owner"
[[module]]
api_name = "Boats"
territories = true
[[module.field]]
api_name = "Hull"
type = "picklist"
values = ["Wood", "Steel"]
[[module.layout]]
name = "Standard"
[[module.layout.section]]
name = "All"
fields = ["Name", "Hull"]
required = ["Hull"]
[[module.layout]]
name = "Short"
[[module.layout.section]]
name = "All"
fields = ["Name"]
[[module.view]]
name = "Wooden"
criteria = "(Hull:equals:Wood)"
audience = { roles = ["Clerk"], territories = ["Far North"] }
"#;

fn before() -> Catalog {
    applied(&with_least(MANY), None)
}

fn lines(text: &str, current: &Catalog) -> Vec<String> {
    let plan = planned(text, Some(current));
    plan.changes
        .iter()
        .filter(|change| change.kind != ChangeKind::LeftAlone)
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_the_file_lacks_is_left_alone_and_reported() {
    let before = before();
    let plan = planned(LEAST, Some(&before));
    assert!(!plan.changes_anything());
    let lines: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "= left alone: role \"Clerk\"",
            "= left alone: profile \"Readers\"",
            "= left alone: territory \"North\"",
            "= left alone: territory \"Far North\"",
            "= left alone: user clerk@tern.example.com",
            "= left alone: field Leads.Company, which is not as built in",
            "= left alone: field Leads.Lead_Status, which is not as built in",
            "= left alone: value \"New\" of Leads.Lead_Status",
            "= left alone: value \"Old\" of Leads.Lead_Status",
            "= left alone: field Leads.Size",
            "= left alone: field Leads.Nick",
            "= left alone: field Leads.Price",
            "= left alone: field Leads.Boat",
            "= left alone: view Leads/\"Big\"",
            "= left alone: module Boats",
        ]
    );
}

#[test]
fn changes_are_told_line_by_line() {
    let text = r#"
[org]
company = "Tern and Daughters"
[[role]]
name = "Clerk"
share_with_peers = true
[[module]]
api_name = "Leads"
plural = "Prospects"
[[module.field]]
api_name = "Lead_Status"
label = "State"
values = ["New", "Newer"]
[[module.field]]
api_name = "Nick"
type = "text"
max = 60
[[module.field]]
api_name = "Course_Interest"
type = "text"
[[module.view]]
name = "Big"
criteria = "(Size:equals:huge)"
fields = ["Full_Name", "Size"]
audience = "owner"
"#;
    let before = before();
    assert_eq!(
        lines(text, &before),
        [
            "~ org company: Tern Works -> Tern and Daughters",
            "~ role \"Clerk\" reports_to: Boss -> nobody",
            "~ role \"Clerk\" share_with_peers: false -> true",
            "~ field Leads.Nick mass_update: false -> true",
            "~ field Leads.Nick max: 50 -> 60",
            "+ field Leads.Course_Interest (text of at most 255 characters)",
            "+ values \"Newer\" of Leads.Lead_Status",
            "~ layout Leads/\"Standard\" section \"Other Information\": Size*, Nick, Price, Boat -> \
             Size*, Nick, Price, Boat, Course_Interest",
            "~ view Leads/\"Big\" criteria: ((Size:starts_with:XL)or(Size:equals:huge)) -> \
             (Size:equals:huge)",
        ]
        .map(String::from)
    );
    let turned = text.replace("\"New\", \"Newer\"", "\"Old\", \"New\"");
    assert!(
        lines(&turned, &before)
            .contains(&"~ field Leads.Lead_Status order of values: Old, New".to_owned())
    );
    let after = applied(text, Some(&before));
    assert_eq!(after.version, 2);
    assert_eq!(lines(text, &after), Vec::<String>::new());
    // Known things keep their ids.
    let field = |catalog: &Catalog| catalog.module("Leads").unwrap().field("Nick").unwrap().id;
    assert_eq!(field(&after), field(&before));
}

/// To whom a profile's users give records, and who may own them.
const GIVING: &str = r#"
[[profile]]
name = "Standard"
transfer_to = "subordinates"
[[profile]]
name = "Readers"
modules.Leads = ["view", "change_owner"]
[[user]]
email = "clerk@tern.example.com"
last_name = "Clerk"
role = "Clerk"
profile = "Readers"
status = "deleted"
type = "service_provider"
"#;

#[test]
fn what_decides_about_owners_is_told_kept_and_written_back() {
    let before = before();
    let told = lines(GIVING, &before);
    for line in [
        "~ profile \"Standard\" transfer_to: anyone -> subordinates",
        "~ profile \"Readers\" modules.Leads: view -> view, change_owner",
        "~ user clerk@tern.example.com status: active -> deleted",
        "~ user clerk@tern.example.com type: regular -> service_provider",
    ] {
        assert!(told.iter().any(|known| known == line), "{line}: {told:?}");
    }
    let after = applied(GIVING, Some(&before));
    assert_eq!(lines(GIVING, &after), Vec::<String>::new());
    let text = export(&after);
    for line in [
        "transfer_to = \"subordinates\"",
        "status = \"deleted\"",
        "type = \"service_provider\"",
        "modules.Leads = [\"view\", \"change_owner\"]",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(export(&applied(&text, None)), text);
}

#[test]
fn a_module_is_private_until_the_file_says_what_everyone_may_do() {
    let before = before();
    let of = |catalog: &Catalog| catalog.module("Boats").unwrap().sharing;
    assert_eq!(of(&before), Sharing::Private);
    assert!(!export(&before).contains("sharing"));
    for sharing in Sharing::ALL {
        let word = sharing.as_str();
        let text = format!("[[module]]\napi_name = \"Boats\"\nsharing = \"{word}\"\n");
        let told = lines(&text, &before);
        let line = format!("~ module Boats sharing: private -> {word}");
        assert_eq!(
            told.contains(&line),
            sharing != Sharing::Private,
            "{told:?}"
        );
        let after = applied(&text, Some(&before));
        assert_eq!(of(&after), sharing);
        assert_eq!(lines(&text, &after), Vec::<String>::new());
        let exported = export(&after);
        assert_eq!(of(&applied(&exported, None)), sharing);
        assert_eq!(export(&applied(&exported, None)), exported);
    }
    // A part of the org applied alone must neither open records nor take them from people.
    let open = "[[module]]\napi_name = \"Boats\"\nsharing = \"public_read_write\"\n";
    let silent = "[[module]]\napi_name = \"Boats\"\n";
    let opened = applied(open, Some(&before));
    let lines = lines(silent, &opened);
    assert!(
        !lines.iter().any(|line| line.contains("sharing")),
        "{lines:?}"
    );
    assert_eq!(
        of(&applied(silent, Some(&opened))),
        Sharing::PublicReadWrite
    );
}

#[test]
fn a_rename_keeps_the_id_and_reaches_everything() {
    let text = r#"
[[role]]
name = "Scribe"
was = "Clerk"
reports_to = "Boss"
[[user]]
email = "scribe@tern.example.com"
was = "clerk@tern.example.com"
last_name = "Scribe"
role = "Scribe"
profile = "Readers"
[[module]]
api_name = "Ships"
was = "Boats"
territories = true
[[module]]
api_name = "Leads"
plural = "Prospects"
[[module.field]]
api_name = "Extent"
was = "Size"
type = "text"
max = 20
mandatory = true
"#;
    let before = before();
    let after = applied(text, Some(&before));
    let (old, new) = (
        before.module("Leads").unwrap(),
        after.module("Leads").unwrap(),
    );
    let extent = new.field("Extent").unwrap();
    assert_eq!(extent.id, old.field("Size").unwrap().id);
    assert_eq!(
        after.module("Ships").unwrap().id,
        before.module("Boats").unwrap().id
    );
    assert_eq!(
        new.field("Boat").unwrap().kind,
        FieldKind::Lookup {
            module: "Ships".to_owned()
        }
    );
    let big = new.views.iter().find(|v| v.name == "Big").unwrap();
    assert_eq!(
        big.criteria.as_ref().unwrap().to_text(),
        "((Extent:starts_with:XL)or(Extent:equals:huge))"
    );
    assert_eq!(big.fields, ["Full_Name", "Extent"]);
    let sections = &new.layouts[0].sections;
    let other = sections
        .iter()
        .find(|s| s.name == "Other Information")
        .unwrap();
    assert_eq!(other.fields[0], "Extent");
    assert_eq!(other.required, ["Extent"]);
    let ships = after.module("Ships").unwrap();
    assert!(ships.views.iter().any(|v| v.name == "All Ships"));
    assert_eq!(
        after.user_by_email("scribe@tern.example.com").map(|u| u.id),
        before.user_by_email("clerk@tern.example.com").map(|u| u.id)
    );
    // Applied again, and on an empty database, `was` means nothing more.
    assert_eq!(lines(text, &after), Vec::<String>::new());
    let fresh = applied(&with_least(&text.replace("Readers", "Standard")), None);
    assert!(fresh.module("Ships").is_some());
}

#[test]
fn a_removal_needs_permission_and_takes_its_traces_along() {
    let text = r#"
[[role]]
name = "Clerk"
remove = true
[[territory]]
name = "Far North"
remove = true
[[profile]]
name = "Readers"
remove = true
[[user]]
email = "clerk@tern.example.com"
last_name = "Clerk"
role = "Boss"
profile = "Standard"
[[module]]
api_name = "Boats"
remove = true
[[module]]
api_name = "Leads"
[[module.field]]
api_name = "Lead_Status"
values = ["New"]
remove_values = ["Old"]
[[module.field]]
api_name = "Size"
remove = true
[[module.field]]
api_name = "Boat"
remove = true
[[module.view]]
name = "Big"
remove = true
"#;
    let before = before();
    let plan = planned(text, Some(&before));
    let refused = plan.clone().resolve(&mut counter(9000), false).unwrap_err();
    assert_eq!(
        told(refused),
        "3:8: role \"Clerk\" would be removed: this needs --allow-remove\n\
         6:8: territory \"Far North\" would be removed: this needs --allow-remove\n\
         9:8: profile \"Readers\" would be removed: this needs --allow-remove\n\
         17:12: module Boats with its records would be removed: this needs --allow-remove\n\
         24:18: value \"Old\" would be removed: this needs --allow-remove\n\
         26:12: field Leads.Size would be removed: this needs --allow-remove\n\
         29:12: field Leads.Boat would be removed: this needs --allow-remove\n\
         32:8: view Leads/\"Big\" would be removed: this needs --allow-remove"
    );
    let gone: Vec<_> = lines(text, &before)
        .into_iter()
        .filter(|line| line.starts_with('-'))
        .collect();
    assert_eq!(gone.len(), 8, "{gone:?}");
    assert!(gone.contains(&"- field Leads.Size (needs --allow-remove)".to_owned()));
    let after = plan.resolve(&mut counter(9000), true).unwrap();
    let leads = after.module("Leads").unwrap();
    assert!(leads.field("Size").is_none());
    let open = leads.views.iter().find(|v| v.name == "Open Leads").unwrap();
    assert_eq!(open.fields, ["Full_Name"]);
    assert!(after.module("Boats").is_none());
    assert_eq!(lines(text, &after), Vec::<String>::new());
}

#[test]
fn a_custom_module_gets_what_every_module_has() {
    let catalog = before();
    let boats = catalog.module("Boats").unwrap();
    let names: Vec<_> = boats.fields.iter().map(|f| f.api_name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Name",
            "Hull",
            "Owner",
            "Created_By",
            "Modified_By",
            "Created_Time",
            "Modified_Time",
            "Layout"
        ]
    );
    let name = boats.name_field().unwrap();
    assert!(name.mandatory && !name.mass_update && name.api_name == "Name");
    assert_eq!(boats.views.len(), 6);
    let right = |profile: &str, right: Right| {
        let mut profiles = catalog.profiles.iter();
        profiles
            .find(|p| p.name == profile)
            .unwrap()
            .may(right, boats.id)
    };
    assert!(right("Standard", Right::MassUpdate) && !right("Standard", Right::MassDelete));
    assert!(right("Readers", Right::Edit) && !right("Readers", Right::Create));
    // Built-in rights that the file takes away, and `*` for modules that it does not name.
    let tasks = catalog.module("Tasks").unwrap().id;
    let profile = |name: &str| catalog.profiles.iter().find(|p| p.name == name).unwrap();
    assert!(!profile("Standard").may(Right::View, tasks));
    assert!(profile("Readers").may(Right::View, tasks));
    // A module that comes later is the standard profile's, too.
    let later = applied("[[module]]\napi_name = \"Piers\"\n", Some(&catalog));
    let piers = later.module("Piers").unwrap().id;
    let standard = later
        .profiles
        .iter()
        .find(|p| p.name == "Standard")
        .unwrap();
    assert!(standard.may(Right::Edit, piers));
}

#[test]
fn values_that_callers_added_stay_unless_they_are_removed() {
    let mut running = before();
    let leads = running
        .modules
        .iter_mut()
        .find(|m| m.api_name == "Leads")
        .unwrap();
    let status = leads
        .fields
        .iter_mut()
        .find(|f| f.api_name == "Lead_Status")
        .unwrap();
    status.values.push(crate::field::PickValue {
        id: crate::id::PickId(77),
        value: "Seen".to_owned(),
    });
    let text = with_least(MANY);
    let plan = planned(&text, Some(&running));
    assert!(!plan.changes_anything());
    let lines: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["= left alone: value \"Seen\" of Leads.Lead_Status"]);
}

#[test]
fn criteria_read_from_json_are_the_same_criteria() {
    let mut running = before();
    let boats = running
        .modules
        .iter_mut()
        .find(|m| m.api_name == "Leads")
        .unwrap();
    let view = boats.views.iter_mut().find(|v| v.name == "Big").unwrap();
    let json = serde_json::to_value(view.criteria.as_ref().unwrap()).unwrap();
    view.criteria = Some(serde_json::from_value(json).unwrap());
    assert!(!planned(&with_least(MANY), Some(&running)).changes_anything());
}

#[test]
fn an_org_of_an_older_release_gets_new_modules_and_name_fields() {
    let mut running = applied(LEAST, None);
    running.modules.retain(|module| module.api_name != "Cases");
    for module in &mut running.modules {
        if module.api_name == "Events" {
            module.named_by = None;
        }
    }
    let lines: Vec<_> = planned(LEAST, Some(&running))
        .changes
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines[0],
        "~ module Events name_field: by rule -> Event_Title"
    );
    assert!(
        lines[1].starts_with("+ module Cases (standard, "),
        "{lines:?}"
    );
    let newer = applied(LEAST, Some(&running));
    let names: Vec<_> = newer
        .modules
        .iter()
        .filter_map(|m| m.name_field())
        .collect();
    assert_eq!(names.len(), 17);
    let cases = newer.module("Cases").unwrap().id;
    let mut profiles = newer.profiles.iter();
    let standard = profiles.find(|p| p.name == "Standard").unwrap();
    assert!(standard.may(Right::MassUpdate, cases));
    assert!(!planned(LEAST, Some(&newer)).changes_anything());
}

#[test]
fn limits_are_stated_exported_and_taken_back() {
    let limit = |catalog: &Catalog| catalog.org.limits.records_per_job;
    let first = applied(LEAST, None);
    assert_eq!(limit(&first), 50_000);
    assert!(!export(&first).contains("[limits]"));
    let stated = with_least("[limits]\nrecords_per_job = 200000");
    let more = applied(&stated, Some(&first));
    assert_eq!(limit(&more), 200_000);
    let line = "~ limits records_per_job: 50000 -> 200000";
    let lines = planned(&stated, Some(&first)).changes;
    assert!(lines.iter().any(|change| change.to_string() == line));
    assert_eq!(applied(&export(&more), Some(&more)), more);
    // A file that does not speak of them leaves them, one that does states them all.
    assert_eq!(limit(&applied(LEAST, Some(&more))), 200_000);
    assert_eq!(
        limit(&applied(&with_least("[limits]"), Some(&more))),
        50_000
    );
}

#[test]
fn limits_have_bounds() {
    let bounds = "`records_per_job` is from 1 to 5000000";
    for wrong in ["0", "-1", "5000001"] {
        refusals::check(
            &format!("[limits]\nrecords_per_job = §{wrong}\n"),
            &[bounds],
        );
    }
    for right in [1, 5_000_000] {
        let stated = with_least(&format!("[limits]\nrecords_per_job = {right}"));
        assert_eq!(applied(&stated, None).org.limits.records_per_job, right);
    }
}
