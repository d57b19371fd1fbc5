//! What a lead becomes: which of its fields goes to which field of the contact, the account and the
//! deal that a conversion makes (wire API 6, 11.2).

use crate::catalog::Catalog;
use crate::field::{Field, FieldKind};
use crate::module::{Module, system};

/// The module whose records are converted.
pub const LEADS: &str = "Leads";
/// What people become.
pub const CONTACTS: &str = "Contacts";
/// What their companies become.
pub const ACCOUNTS: &str = "Accounts";
/// What they may buy becomes.
pub const DEALS: &str = "Deals";
/// The modules of what a conversion makes.
pub const INTO: [&str; 3] = [CONTACTS, ACCOUNTS, DEALS];

/// The lookup of a contact and of a deal that names their account.
pub const ACCOUNT_NAME: &str = "Account_Name";
/// The lookup of a deal that names its contact.
pub const CONTACT_NAME: &str = "Contact_Name";

/// The contact's field that a lead's e-mail address is compared with.
pub const EMAIL: &str = "Email";
/// The one that a lead's name is compared with.
pub const FULL_NAME: &str = "Full_Name";

/// Whether contacts and accounts are looked for by what stands in a field though two may share it.
pub fn finds(module: &Module, field: &Field) -> bool {
    let of_module: &[&str] = match module.api_name.as_str() {
        CONTACTS => &[EMAIL, FULL_NAME],
        ACCOUNTS => &[ACCOUNT_NAME],
        _ => &[],
    };
    of_module.contains(&field.api_name.as_str()) && field.kind.is_text() && !field.unique
}

/// The lead's field that says when it was converted.
pub const CONVERTED_TIME: &str = "Converted_Date_Time";
/// The lookup of what it became as a person.
pub const CONVERTED_CONTACT: &str = "Converted_Contact";
/// The lookup of what its company became.
pub const CONVERTED_ACCOUNT: &str = "Converted_Account";
/// The lookup of the deal that was made of it.
pub const CONVERTED_DEAL: &str = "Converted_Deal";

/// Where the standard fields of a lead go, unless the org says otherwise: to a contact's, an account's
/// and a deal's.
const USUAL: [(&str, [&str; 3]); 23] = [
    ("Salutation", ["Salutation", "", ""]),
    ("First_Name", ["First_Name", "", ""]),
    ("Last_Name", ["Last_Name", "", ""]),
    ("Company", ["", ACCOUNT_NAME, ""]),
    ("Designation", ["Title", "", ""]),
    ("Email", ["Email", "", ""]),
    ("Secondary_Email", ["Secondary_Email", "", ""]),
    ("Phone", ["Phone", "Phone", ""]),
    ("Mobile", ["Mobile", "", ""]),
    ("Fax", ["Fax", "Fax", ""]),
    ("Website", ["", "Website", ""]),
    ("Lead_Source", ["Lead_Source", "", "Lead_Source"]),
    ("Industry", ["", "Industry", ""]),
    ("Rating", ["", "Rating", ""]),
    ("No_of_Employees", ["", "Employees", ""]),
    ("Annual_Revenue", ["", "Annual_Revenue", ""]),
    ("Email_Opt_Out", ["Email_Opt_Out", "", ""]),
    ("Skype_ID", ["Skype_ID", "", ""]),
    ("Twitter", ["Twitter", "", ""]),
    ("Street", ["Mailing_Street", "Billing_Street", ""]),
    ("City", ["Mailing_City", "Billing_City", ""]),
    ("State", ["Mailing_State", "Billing_State", ""]),
    ("Description", ["Description", "", "Description"]),
];

/// The rest of an address, whose names differ most.
const ADDRESS: [(&str, [&str; 3]); 2] = [
    ("Zip_Code", ["Mailing_Zip", "Billing_Code", ""]),
    ("Country", ["Mailing_Country", "Billing_Country", ""]),
];

/// The api name of the field of `into` that a lead's field goes to, as the org says or as is usual.
pub fn goes_to<'a>(field: &'a Field, into: &str) -> Option<&'a str> {
    match &field.convert_to {
        Some(own) => own.get(into).map(String::as_str),
        None if field.custom => None,
        None => {
            let place = INTO.iter().position(|name| *name == into)?;
            let mut usual = USUAL.iter().chain(&ADDRESS);
            let (_, names) = usual.find(|(name, _)| *name == field.api_name)?;
            names.get(place).copied().filter(|name| !name.is_empty())
        }
    }
}

/// The fields of leads that go to fields of `into`, with these.
pub fn mapping<'a>(leads: &'a Module, into: &'a Module) -> Vec<(&'a Field, &'a Field)> {
    let fields = leads.fields.iter();
    let pairs = fields.filter_map(|from| {
        let to = into.field(goes_to(from, &into.api_name)?)?;
        fits(from, to).then_some((from, to))
    });
    pairs.collect()
}

/// Whether any value of a lead's field may go to this field. A text may be too long for it, which is
/// seen when there is one.
pub fn fits(from: &Field, to: &Field) -> bool {
    use FieldKind as K;
    let written = !to.read_only
        && to.computed.is_none()
        && ![system::OWNER, ACCOUNT_NAME, CONTACT_NAME].contains(&to.api_name.as_str());
    // The company's name is a text, where the others have a lookup of this name.
    let written = written || (to.api_name == ACCOUNT_NAME && to.kind.is_text());
    let same = match (&from.kind, &to.kind) {
        (K::Text { .. }, K::Text { .. } | K::TextArea { .. })
        | (K::Email, K::Email | K::Text { .. } | K::TextArea { .. })
        | (K::Phone, K::Phone | K::Text { .. } | K::TextArea { .. })
        | (K::Website, K::Website | K::Text { .. } | K::TextArea { .. })
        | (K::Picklist, K::Picklist | K::Text { .. } | K::TextArea { .. })
        | (K::AutoNumber { .. }, K::Text { .. } | K::TextArea { .. })
        | (K::Integer, K::Integer | K::BigInt)
        | (K::TextArea { .. }, K::TextArea { .. })
        | (K::OwnerLookup, K::UserLookup) => true,
        (from, to) if from.places().is_some() => {
            from.places() == to.places() && from.data_type() == to.data_type()
        }
        (K::OwnerLookup | K::Layout | K::AutoNumber { .. }, _) => false,
        (from, to) => from == to,
    };
    written && same
}

/// The modules that conversion is about.
#[derive(Clone, Copy, Debug)]
pub struct Modules<'a> {
    /// What is converted.
    pub leads: &'a Module,
    /// What people become.
    pub contacts: &'a Module,
    /// What companies become.
    pub accounts: &'a Module,
    /// What may be sold becomes.
    pub deals: &'a Module,
}

impl<'a> Modules<'a> {
    /// Those of a catalog; `None` where one is missing.
    pub fn of(catalog: &'a Catalog) -> Option<Self> {
        let standard = |name| catalog.module(name).filter(|module| !module.custom);
        Some(Self {
            leads: standard(LEADS)?,
            contacts: standard(CONTACTS)?,
            accounts: standard(ACCOUNTS)?,
            deals: standard(DEALS)?,
        })
    }
}
