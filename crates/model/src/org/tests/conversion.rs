//! Where fields of leads go when they are converted.

use super::*;
use crate::conversion::{INTO, Modules, fits, goes_to, mapping};
use crate::field::Field;

const WAYS: &str = r#"
[[module]]
api_name = "Leads"

[[module.field]]
api_name = "Wish"
type = "text"
max = 50
convert_to = { Contacts = "Wish", Deals = "Next_Step" }

[[module.field]]
api_name = "Fax"
convert_to = {}

[[module]]
api_name = "Contacts"

[[module.field]]
api_name = "Wish"
type = "text"
max = 50
"#;

fn way<'a>(catalog: &'a Catalog, field: &str, into: &str) -> Option<&'a str> {
    let leads = Modules::of(catalog).unwrap().leads;
    goes_to(leads.field(field).unwrap(), into)
}

#[test]
fn every_usual_way_leads_to_a_field_that_holds_all_of_it() {
    let catalog = applied(&with_least(""), None);
    let modules = Modules::of(&catalog).unwrap();
    let mut ways = 0;
    for from in &modules.leads.fields {
        for into in INTO {
            let Some(name) = goes_to(from, into) else {
                continue;
            };
            let to = catalog.module(into).unwrap().field(name);
            let to = to.unwrap_or_else(|| panic!("{into} has no {name}"));
            assert!(fits(from, to), "{} to {into}.{name}", from.api_name);
            let max = |field: &Field| field.kind.max_length();
            assert!(max(from) <= max(to), "{} could be too long", from.api_name);
            ways += 1;
        }
    }
    let each = [modules.contacts, modules.accounts, modules.deals];
    let each = each.map(|into| mapping(modules.leads, into).len());
    assert_eq!((each.iter().sum::<usize>(), ways), (ways, 34));
}

#[test]
fn ways_are_stated_followed_and_written_back() {
    let file = with_least(WAYS);
    let catalog = applied(&file, None);
    assert_eq!(way(&catalog, "Wish", "Contacts"), Some("Wish"));
    assert_eq!(way(&catalog, "Wish", "Deals"), Some("Next_Step"));
    assert_eq!(way(&catalog, "Fax", "Contacts"), None);
    let text = export(&catalog);
    assert!(text.contains(r#"convert_to = { "Contacts" = "Wish", "Deals" = "Next_Step" }"#));
    assert!(!planned(&text, Some(&catalog)).changes_anything());
    // A field that gets another name keeps its way, one that is removed ends it.
    let renamed = "[[module]]\napi_name = \"Contacts\"\n[[module.field]]\napi_name = \"Hope\"\n\
                   was = \"Wish\"\ntype = \"text\"\nmax = 50\n";
    let catalog = applied(renamed, Some(&catalog));
    assert_eq!(way(&catalog, "Wish", "Contacts"), Some("Hope"));
    let gone = "[[module]]\napi_name = \"Contacts\"\n[[module.field]]\napi_name = \"Hope\"\n\
                remove = true\n";
    let catalog = applied(gone, Some(&catalog));
    assert_eq!(way(&catalog, "Wish", "Contacts"), None);
    assert_eq!(way(&catalog, "Wish", "Deals"), Some("Next_Step"));
    // Stated without them, a standard field goes the usual ways again.
    let usual = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Fax\"\n";
    let catalog = applied(usual, Some(&catalog));
    assert_eq!(way(&catalog, "Fax", "Contacts"), Some("Fax"));
}

#[test]
fn ways_that_lead_nowhere_are_found_where_they_stand() {
    let told = refusals::refused(
        &with_least(
            r#"
[[module]]
api_name = "Leads"

[[module.field]]
api_name = "Company"
convert_to = { Accounts = §"Nope", §Tasks = "Subject", Contacts = §"Email" }

[[module]]
api_name = "Deals"

[[module.field]]
api_name = "Next_Step"
convert_to = { §Contacts = "Title" }
"#,
        ),
        None,
    );
    assert_eq!(
        told,
        [
            "Accounts has no field \"Nope\"",
            "leads become no Tasks",
            "Company does not fit Contacts.Email",
            "only the fields of Leads go to other modules",
        ]
    );
}
