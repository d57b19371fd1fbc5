//! What a lead could become of what exists already, told before it is converted (wire API 6.2).

use super::known::{Known, Made};
use super::lead::{Lead, Ways};
use super::modules;
use crate::judge::Columns;
use crate::record::Writing;
use model::field::Field;
use model::id::RecordId;
use model::limits::PER_PAGE_MAX;
use model::value::Value;
use store::records::Record;
use store::{Fault, Tx};

/// Records of a module that a lead may already be.
#[derive(Clone, Debug)]
pub struct Matched<'a> {
    /// The field that they were found by.
    pub field: &'a Field,
    /// The field of the lead whose value that is.
    pub from: Option<&'a Field>,
    /// The lead's value that stands in it.
    pub value: Value,
    /// The records, at most a page of them.
    pub found: Vec<RecordId>,
}

/// What a lead could become of what exists.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Contacts of its address, or of another value that no two share.
    pub contacts: Option<Matched<'a>>,
    /// Accounts of its company.
    pub accounts: Option<Matched<'a>>,
    /// Contacts are asked before accounts.
    pub contacts_first: bool,
}

/// Looks for what a lead, read with all its fields, could become, as far as the actor sees it.
pub fn options<'a>(tx: &mut Tx, writing: Writing<'a>, lead: &Record) -> Result<Options<'a>, Fault> {
    let modules = modules(writing.actor)?;
    let ways = Ways::of(modules);
    let columns = Columns::all(modules.leads);
    let lead = Lead::read(modules, &ways, &columns, lead)?;
    let made = Made::default();
    let known = Known::read(tx, writing, modules, &[&lead], (None, None), made)?;
    let matched = |found: Option<(&'a Field, Vec<RecordId>)>, is_contact: bool| {
        let (field, mut found) = found?;
        found.truncate(PER_PAGE_MAX);
        let row = if is_contact {
            &lead.contact
        } else {
            &lead.account
        };
        let value = row.value(field).clone();
        Some(Matched {
            field,
            from: ways.source(field),
            value,
            found,
        })
    };
    Ok(Options {
        contacts: matched(known.contacts_of(&lead), true),
        accounts: matched(known.accounts_of(&lead), false),
        contacts_first: known.contacts_first(),
    })
}
