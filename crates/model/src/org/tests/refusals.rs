//! Every refusal, with its place: `§` stands where the problem is to be found, in the order of the
//! file.

use super::*;

/// Problems of a text with marks, as lines; the text must be refused exactly at its marks.
pub(super) fn refused(marked: &str, current: Option<&Catalog>) -> Vec<String> {
    let mut places = Vec::new();
    let mut text = String::new();
    for c in marked.chars() {
        if c == '§' {
            let line = text.matches('\n').count() + 1;
            let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            places.push((line, column));
        } else {
            text.push(c);
        }
    }
    let answer = OrgFile::parse(&text).and_then(|file| plan(&file, current));
    let problems = answer.expect_err(marked);
    let found: Vec<_> = problems.iter().map(|p| (p.line, p.column)).collect();
    assert_eq!(found, places, "{marked}\n{}", told(problems.clone()));
    problems.into_iter().map(|p| p.message).collect()
}

pub(super) fn check(marked: &str, messages: &[&str]) {
    assert_eq!(refused(&with_least(marked), None), messages);
}

#[test]
fn the_form() {
    check(
        "[[role]]\nname = \"A\"\n§colour = 1\n[[role]]\nname = §5\n§[[role]]\n[[module]]\n\
         api_name = \"Leads\"\n[[module.field]]\napi_name = \"X\"\nmax = §\"5\"\n[§what]\n",
        &[
            "unknown key `colour` in [[role]]; it takes name, was, remove, description, \
             reports_to, share_with_peers",
            "name takes a string, not an integer",
            "[[role]] needs `name`",
            "max takes a whole number, not a string",
            "unknown key `what` in the file; it takes org, limits, role, profile, user, territory, module",
        ],
    );
    let answer = OrgFile::parse("[org]\ncompany = \n[[role]]\nname = \"x").unwrap_err();
    assert!(answer.iter().any(|p| p.line == 2), "{answer:?}");
    assert!(answer.iter().any(|p| p.line == 4), "{answer:?}");
}

#[test]
fn circles() {
    check(
        r#"
[[role]]
name = "A"
reports_to = §"B"
[[role]]
name = "B"
reports_to = "C"
[[role]]
name = "C"
reports_to = "A"
[[role]]
name = "D"
reports_to = §"D"
[[territory]]
name = "North"
reports_to = §"South"
[[territory]]
name = "South"
reports_to = "North"
[[territory]]
name = "Town"
reports_to = "South"
"#,
        &[
            "roles in a circle: A reports to B reports to C reports to A",
            "roles in a circle: D reports to D",
            "territories in a circle: North reports to South reports to North",
        ],
    );
}

#[test]
fn names_that_stand_twice() {
    check(
        r#"
[[role]]
name = "A"
[[role]]
name = §"a"
[[user]]
email = "x@tern.example.com"
last_name = "X"
role = "A"
profile = "Standard"
[[user]]
email = §"X@Tern.example.com"
last_name = "X"
role = "A"
profile = "Standard"
[[module]]
api_name = §"tasks"
[[module]]
api_name = "Leads"
[[module.field]]
api_name = §"email"
type = "email"
[[module.field]]
api_name = "Colour"
type = "text"
[[module.field]]
api_name = §"COLOUR"
type = "text"
[[module.view]]
name = §"open leads"
criteria = "(Email:equals:x)"
"#,
        &[
            "duplicate role \"a\"",
            "duplicate user \"X@Tern.example.com\"",
            "duplicate module \"tasks\": \"Tasks\" differs only in case",
            "duplicate field \"email\": \"Email\" differs only in case",
            "duplicate field \"COLOUR\"",
            "duplicate view \"open leads\": \"Open Leads\" differs only in case",
        ],
    );
}

#[test]
fn api_names() {
    check(
        r#"
[[module]]
api_name = §"settings"
[[module]]
api_name = §"9Lives"
[[module]]
api_name = "Leads"
[[module.field]]
api_name = §"Größe"
type = "text"
[[module.field]]
api_name = §"A234567890123456789012345678901234567890123456789012345678901"
type = "text"
[[module.field]]
api_name = §"Mine__s"
type = "text"
[[module.field]]
api_name = §"Rev"
type = "text"
"#,
        &[
            "module name \"settings\" is reserved",
            "api name \"9Lives\" must start with a letter and have only letters, digits and _",
            "api name \"Größe\" must start with a letter and have only letters, digits and _",
            "api name \"A234567890123456789012345678901234567890123456789012345678901\" is \
             longer than 60 bytes",
            "field name \"Mine__s\" is reserved",
            "field name \"Rev\" is reserved",
        ],
    );
}

#[test]
fn references_to_nothing() {
    check(
        r#"
[[role]]
name = "A"
reports_to = §"Z"
[[profile]]
name = "P"
modules.Nowhere = "all"
fields.Leads.Nothing = "hidden"
[[territory]]
name = "T"
manager = §"nobody@tern.example.com"
reports_to = §"U"
[[user]]
email = "x@tern.example.com"
last_name = "X"
role = §"Q"
profile = §"R"
territories = ["T", §"V"]
[[module]]
api_name = "Leads"
[[module.field]]
api_name = "Friend"
type = "lookup"
module = §"Friends"
[[module.layout]]
name = "Other"
[[module.layout.section]]
name = "S"
fields = ["Last_Name", §"Shoe_Size", §"Last_Name"]
required = [§"Email"]
[[module.view]]
name = "V"
criteria = "(Email:equals:x)"
fields = ["Email", §"Hat_Size"]
owner = §"ghost@tern.example.com"
audience = { users = [§"g@tern.example.com"], roles = [§"G"], territories = [§"H"] }
"#
        .replace("modules.Nowhere", "modules.§Nowhere")
        .replace("Leads.Nothing", "Leads.§Nothing")
        .as_str(),
        &[
            "unknown role \"Z\"",
            "unknown module \"Nowhere\"",
            "unknown field Leads.Nothing",
            "unknown user \"nobody@tern.example.com\"",
            "unknown territory \"U\"",
            "unknown role \"Q\"",
            "unknown profile \"R\"",
            "unknown territory \"V\"",
            "unknown module \"Friends\"",
            "unknown field Leads.Shoe_Size",
            "field Last_Name stands twice in the layout",
            "field Email is not in this section",
            "unknown field Leads.Hat_Size",
            "unknown user \"ghost@tern.example.com\"",
            "unknown user \"g@tern.example.com\"",
            "unknown role \"G\"",
            "unknown territory \"H\"",
        ],
    );
}

#[test]
fn criteria_are_placed_inside_their_string() {
    let messages = refused(
        &with_least(
            r#"
[[module]]
api_name = "Leads"
[[module.view]]
name = "One"
criteria = "(§Shoe_Size:equals:5)"
[[module.view]]
name = "Two"
criteria = """
((Email:equals:a@b.co)
 and(§Hat:equals:"x"))"""
[[module.view]]
name = "Three"
criteria = "((Email:equals:\"q\")and(§Hat:equals:1))"
[[module.view]]
name = "Four"
criteria = '(Email:§resembles:x)'
[[module.view]]
name = §"Five"
"#,
        ),
        None,
    );
    assert_eq!(messages.len(), 5, "{messages:?}");
    assert!(messages[..4].iter().all(|m| m.starts_with("criteria: ")));
    assert_eq!(messages[4], "view \"Five\" needs criteria");
}

#[test]
fn fields() {
    check(
        r#"
[[module]]
api_name = "Leads"
[[module.field]]
api_name = §"A"
[[module.field]]
api_name = "B"
type = §"colour"
[[module.field]]
api_name = §"C"
type = "picklist"
[[module.field]]
api_name = "D"
type = "text"
max = §900
places = §2
values = §["x"]
[[module.field]]
api_name = "E"
type = "picklist"
values = ["x", §"", "y", §"x"]
unique = §true
[[module.field]]
api_name = §"F"
type = "lookup"
[[module.field]]
api_name = "G"
type = "autonumber"
mandatory = §true
mass_update = §true
[[module.field]]
api_name = "Company"
type = §"email"
[[module.field]]
api_name = "Last_Name"
mandatory = §false
[[module.field]]
api_name = "Full_Name"
read_only = §false
[[module.field]]
api_name = "H"
type = "text"
computed = §"full_name"
[[module.layout]]
name = §"Bare"
[[module.layout.section]]
name = "S"
fields = ["Company"]
"#,
        &[
            "field \"A\" needs a type",
            "unknown type \"colour\"; there are text, textarea, email, phone, website, picklist, \
             multiselectpicklist, integer, bigint, double, currency, percent, boolean, date, \
             datetime, lookup, userlookup, autonumber",
            "picklist \"C\" has no values",
            "900 is not between 1 and 255",
            "`places` means nothing for a field of type text",
            "text of at most 900 characters has no values",
            "value \"\" is empty",
            "value \"x\" stands twice",
            "picklist cannot be unique",
            "lookup \"F\" needs `module`",
            "a field that only the server writes cannot be mandatory",
            "a unique field, the owner, or one that the server writes cannot be mass updated",
            "a standard field stays text",
            "a standard mandatory field stays mandatory",
            "only the server writes this field",
            "only built-in fields are computed",
            "the layout lacks the mandatory field G",
        ],
    );
}

#[test]
fn people() {
    assert_eq!(
        refused(
            r#"
[org]
company = "Tern Works"
time_zone = §"Mars/Olympus"
iso_code = §"euro"
primary_email = §"nobody"
edition = §"gold"
[[role]]
name = "Boss"
[[profile]]
name = "Administrator"
administrator = §false
transfer_to = §"subordinates"
[[profile]]
name = "P"
transfer_to = §"superiors"
modules.Leads = ["view", §"fly"]
modules.Deals = §"convert"
fields.Leads.Email = §"invisible"
[[territory]]
name = "T"
access = §"all"
[[user]]
email = §§"not an address"
last_name = "X"
role = "Boss"
profile = "Administrator"
status = §"asleep"
type = §"heavy"
time_zone = §"Moon"
"#,
            None
        ),
        [
            "unknown time zone \"Mars/Olympus\"",
            "\"euro\" is no 3-letter code",
            "\"nobody\" is no e-mail address",
            "edition is one of free, standard, professional, enterprise, ultimate, not \"gold\"",
            "a standard profile stays what it is",
            "an administrator may give records to anyone",
            "transfer_to is \"anyone\" or \"subordinates\", not \"superiors\"",
            "unknown right \"fly\"; there are all, view, create, edit, delete, mass_update, \
             mass_transfer, change_owner, mass_delete, convert",
            "\"convert\" is for Leads only",
            "the right on a field is hidden, read_only or editable, not \"invisible\"",
            "access is \"read_write_delete\" or \"read_only\", not \"all\"",
            "\"not an address\" is no e-mail address",
            "the org needs an active, confirmed user with an administrator's profile",
            "status is \"active\" or \"inactive\" or \"deleted\", not \"asleep\"",
            "type is \"regular\" or \"lite\" or \"service_provider\", not \"heavy\"",
            "unknown time zone \"Moon\"",
        ]
    );
    assert_eq!(
        refused("§§# nothing at all\n", None),
        [
            "a new org needs [org] with its company",
            "the org needs an active, confirmed user with an administrator's profile",
        ]
    );
}

#[test]
fn what_is_built_in_stays() {
    check(
        r#"
[[profile]]
name = §"Standard"
remove = true
[[module]]
api_name = "Leads"
name_field = §"Company"
[[module.field]]
api_name = §"Prospect_State"
was = "Lead_Status"
[[module.field]]
api_name = §"Fax"
remove = true
[[module.view]]
name = §"Open Prospects"
was = "Open Leads"
[[module.view]]
name = §"My Leads"
audience = "owner"
owner = §"boss@tern.example.com"
[[module.view]]
name = "V"
criteria = "(Email:equals:x)"
system_name = §"ALLVIEWS"
[[module.view]]
name = §"Junk Leads"
remove = true
[[module]]
api_name = §"Tasks"
remove = true
[[module]]
api_name = §"Companies"
was = "Accounts"
"#,
        &[
            "a standard profile cannot be removed",
            "only built-in modules state their `name_field`",
            "a standard field cannot be renamed",
            "a standard field cannot be removed",
            "a system view cannot be renamed",
            "a system view is for everyone who may see the module",
            "a system view has no owner",
            "only built-in views have a system name",
            "a system view cannot be removed",
            "a standard module cannot be removed",
            "a standard module cannot be renamed",
        ],
    );
}

#[test]
fn what_the_running_org_does_not_allow() {
    let before = applied(&with_least(changes::MANY), None);
    assert_eq!(
        refused(
            r#"
[[role]]
name = §"Clerk"
remove = true
[[territory]]
name = §"North"
remove = true
[[user]]
email = §"clerk@tern.example.com"
last_name = "C"
role = "Boss"
profile = "Standard"
remove = true
[[module]]
api_name = "Leads"
[[module.field]]
api_name = "Size"
type = §"integer"
[[module.field]]
api_name = §"Nick"
type = "text"
max = 10
[[module.field]]
api_name = "Price"
type = §"currency"
places = 4
[[module.field]]
api_name = "Other_Nick"
was = §"Nick"
type = "text"
[[module.field]]
api_name = "Free"
type = "text"
[[module]]
api_name = §"Boats"
remove = true
"#
            .replace(
                "api_name = §\"Nick\"\ntype = \"text\"",
                "api_name = \"Nick\"\ntype = §\"text\""
            )
            .replace("was = §\"Nick\"", "was = \"Nick\"")
            .as_str(),
            Some(&before)
        ),
        [
            "this role is still in use and cannot be removed",
            "this territory is still in use and cannot be removed",
            "users own records and cannot be removed: say status = \"inactive\" or \"deleted\"",
            "Leads.Size holds text of at most 20 characters and cannot become integer",
            "Leads.Nick holds text of at most 50 characters and cannot become text of at most 10 \
             characters",
            "Leads.Price holds currency with 2 decimal places and cannot become currency with 4 \
             decimal places",
            "this module is still in use and cannot be removed",
        ]
    );
}

#[test]
fn a_view_that_would_break_is_named() {
    let before = applied(&with_least(changes::MANY), None);
    let messages = refused(
        "[[module]]\napi_name = §\"Leads\"\n[[module.field]]\napi_name = \"Size\"\nremove = true\n",
        Some(&before),
    );
    assert!(
        messages[0].starts_with("view Leads/\"Big\", which the file leaves alone, would break: "),
        "{messages:?}"
    );
}

#[test]
fn an_unknown_sharing_is_refused_with_the_words_there_are() {
    check(
        "[[module]]\napi_name = \"Leads\"\nsharing = §\"public\"\n",
        &[
            "sharing is one of \"private\", \"public_read_only\", \"public_read_write\", \
           \"public_read_write_delete\", not \"public\"",
        ],
    );
}
