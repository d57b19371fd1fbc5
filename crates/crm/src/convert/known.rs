//! Contacts and accounts that a lead may already be: those that stand there, and those that earlier
//! leads of the same job make. Both are found alike, so that how many leads are judged at once does
//! not matter.

use super::Lead;
use crate::record::Writing;
use model::access::Access;
use model::conversion::{ACCOUNT_NAME, Modules};
use model::field::Field;
use model::id::{FieldId, JobId, RecordId};
use model::module::Module;
use model::people::Right;
use model::value::{Value, fold};
use std::collections::{HashMap, HashSet};
use store::changes::{self, ChangeKind};
use store::records::{self, Filter, Order};
use store::{Fault, Tx, access};

/// The contact's field that a lead's e-mail address is compared with.
const EMAIL: &str = "Email";
/// The one that a lead's name is compared with.
const FULL_NAME: &str = "Full_Name";

/// By what a lead was found to be a contact, or its company an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By<'a> {
    /// The caller named it.
    Id,
    /// A value that no two records share, or the e-mail address.
    Field(&'a Field),
    /// What it is called.
    Name,
    /// It is the account of the contact that was found.
    Contact,
}

impl By<'_> {
    /// In a word, or the field's api name.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Id => "id",
            Self::Field(field) => &field.api_name,
            Self::Name => "name",
            Self::Contact => "contact",
        }
    }
}

/// A contact or an account as far as finding it needs.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What it is called.
    pub(crate) name: Value,
    email: Value,
    /// A contact's account.
    pub(crate) account: Option<RecordId>,
    /// What the actor may do with it.
    pub(crate) access: Access,
    /// The same job made it.
    pub(crate) own: bool,
}

pub(super) type Key = (FieldId, Value);

/// Records of one module by their ids and by the values that they are found by, in the order of ids.
#[derive(Clone, Debug, Default)]
struct Shelf {
    found: HashMap<RecordId, Found>,
    by_key: HashMap<Key, Vec<RecordId>>,
}

impl Shelf {
    fn add(&mut self, id: RecordId, found: Found, keys: Vec<Key>) {
        self.found.insert(id, found);
        for key in keys {
            self.by_key.entry(key).or_default().push(id);
        }
    }
}

/// What earlier leads of the job make and change, which a plan keeps in mind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    contacts: Shelf,
    accounts: Shelf,
    /// Contacts that stand there and get an account.
    joined: HashMap<RecordId, RecordId>,
    /// Accounts that stand there and get another name.
    renamed: HashMap<RecordId, Value>,
    /// The values that no other record may have.
    pub(super) taken: HashSet<Key>,
    /// The last id that stands for a record which a plan does not make.
    last: i64,
}

impl Made {
    /// An id that stands for a record which would be made: no record has it.
    pub(super) fn stand_in(&mut self) -> RecordId {
        self.last -= 1;
        RecordId(self.last)
    }
}

/// All that a set of leads may already be.
pub(super) struct Known<'a> {
    modules: Modules<'a>,
    contacts: Shelf,
    accounts: Shelf,
    pub(super) made: Made,
}

/// What makes two values of a field the same.
fn key(field: &Field, value: &Value) -> Option<Key> {
    let value = match value {
        Value::Null => return None,
        Value::Text(text) if field.kind.is_text() => fold(text).into(),
        other => other.clone(),
    };
    Some((field.id, value))
}

fn uniques(module: &Module) -> impl Iterator<Item = &Field> {
    module.fields.iter().filter(|field| field.unique)
}

/// The fields by which records of a module are found.
fn keys_of(module: &Module) -> Vec<&Field> {
    let named = [EMAIL, FULL_NAME, ACCOUNT_NAME];
    let named = named.iter().filter_map(|name| module.field(name));
    let named = named.filter(|field| field.kind.is_text() && !field.unique);
    uniques(module).chain(named).collect()
}

impl<'a> Known<'a> {
    /// Reads what these leads may already be. `named` are a contact and an account that the caller
    /// names.
    pub(super) fn read(
        tx: &mut Tx,
        writing: Writing<'_>,
        modules: Modules<'a>,
        leads: &[&Lead<'a>],
        named: (Option<RecordId>, Option<RecordId>),
        made: Made,
    ) -> Result<Self, Fault> {
        let (contact, account) = named;
        let of_contacts = |field: &Field| wanted(leads, field, |lead| &lead.contact);
        let contacts = shelf(tx, writing, modules.contacts, &of_contacts, contact, &[])?;
        let of_accounts = |field: &Field| wanted(leads, field, |lead| &lead.account);
        let theirs = contacts.found.values().filter_map(|found| found.account);
        let mut theirs: Vec<RecordId> = theirs.collect();
        // An earlier lead of a plan can have been found to be of an account that this set does not name.
        for field in keys_of(modules.contacts) {
            for value in of_contacts(field) {
                let ids = made.contacts.by_key.get(&(field.id, value)).into_iter();
                let found = ids.flatten().filter_map(|id| made.contacts.found.get(id));
                theirs.extend(found.filter_map(|found| found.account));
            }
        }
        theirs.extend(made.joined.values());
        let accounts = shelf(
            tx,
            writing,
            modules.accounts,
            &of_accounts,
            account,
            &theirs,
        )?;
        Ok(Self {
            modules,
            contacts,
            accounts,
            made,
        })
    }

    pub(super) fn contact(&self, id: RecordId) -> Option<&Found> {
        let found = self.contacts.found.get(&id);
        found.or_else(|| self.made.contacts.found.get(&id))
    }

    pub(super) fn account(&self, id: RecordId) -> Option<&Found> {
        let found = self.accounts.found.get(&id);
        found.or_else(|| self.made.accounts.found.get(&id))
    }

    /// The account that a contact is of, if it still exists.
    pub(super) fn account_of(&self, contact: RecordId) -> Option<RecordId> {
        let joined = self.made.joined.get(&contact).copied();
        let own = || self.contact(contact)?.account;
        joined.or_else(own).filter(|id| self.account(*id).is_some())
    }

    /// What an account is called.
    pub(super) fn account_name(&self, account: RecordId) -> Option<&Value> {
        let renamed = self.made.renamed.get(&account);
        renamed.or_else(|| Some(&self.account(account)?.name))
    }

    fn contacts_by(&self, key: &Key) -> impl Iterator<Item = (RecordId, &Found)> {
        let stands = self.contacts.by_key.get(key).into_iter().flatten();
        let made = self.made.contacts.by_key.get(key).into_iter().flatten();
        let found = stands.chain(made);
        found.filter_map(|id| Some((*id, self.contact(*id).filter(|found| shown(found))?)))
    }

    fn accounts_by(&self, key: &Key) -> impl Iterator<Item = RecordId> {
        let name = self.modules.accounts.field(ACCOUNT_NAME);
        let of_name = name.is_some_and(|name| name.id == key.0);
        let still = move |id: &&RecordId| !of_name || !self.made.renamed.contains_key(*id);
        let stands = self.accounts.by_key.get(key).into_iter().flatten();
        let stands = stands.filter(still).copied();
        let renamed = self.made.renamed.iter().filter(move |(_, name)| {
            of_name && name.as_text().map(fold).as_deref() == key.1.as_text()
        });
        let mut renamed: Vec<RecordId> = renamed.map(|(id, _)| *id).collect();
        renamed.extend(stands);
        renamed.sort_unstable();
        let made = self.made.accounts.by_key.get(key).into_iter().flatten();
        let all = renamed.into_iter().chain(made.copied());
        all.filter(|id| self.account(*id).is_some_and(shown))
    }

    /// Whom a lead may already be: by the values that no two contacts share, or else by its e-mail
    /// address. The first field that finds somebody decides.
    pub(super) fn contacts_of(&self, lead: &Lead<'a>) -> Option<(&'a Field, Vec<RecordId>)> {
        let contacts = self.modules.contacts;
        let mut fields: Vec<&'a Field> = uniques(contacts).collect();
        if fields.is_empty() {
            fields.extend(contacts.field(EMAIL));
        }
        fields.into_iter().find_map(|field| {
            let key = key(field, lead.contact.value(field))?;
            let found = self.contacts_by(&key).map(|(id, _)| id);
            let found: Vec<RecordId> = found.collect();
            (!found.is_empty()).then_some((field, found))
        })
    }

    /// Whom a lead already is.
    pub(super) fn contact_of(&self, lead: &Lead<'a>) -> Option<(RecordId, By<'a>)> {
        let (field, found) = self.contacts_of(lead)?;
        Some((*found.first()?, By::Field(field)))
    }

    /// Which accounts a lead's company may be: by the values that no two accounts share, or by its name.
    pub(super) fn accounts_of(&self, lead: &Lead<'a>) -> Option<(&'a Field, Vec<RecordId>)> {
        let accounts = self.modules.accounts;
        let named = accounts.field(ACCOUNT_NAME).into_iter();
        uniques(accounts).chain(named).find_map(|field| {
            let key = key(field, lead.account.value(field))?;
            let found: Vec<RecordId> = self.accounts_by(&key).collect();
            (!found.is_empty()).then_some((field, found))
        })
    }

    /// Which account a lead's company is.
    pub(super) fn account_by(&self, lead: &Lead<'a>) -> Option<(RecordId, By<'a>)> {
        let (field, found) = self.accounts_of(lead)?;
        let by = if field.api_name == ACCOUNT_NAME {
            By::Name
        } else {
            By::Field(field)
        };
        Some((*found.first()?, by))
    }

    /// Whom a lead already is by its name alone: nobody whose e-mail address or account is another.
    /// Where contacts have values that no two share, only these count.
    pub(super) fn namesake(
        &self,
        lead: &Lead<'a>,
        account: Option<RecordId>,
    ) -> Option<(RecordId, By<'a>)> {
        let contacts = self.modules.contacts;
        if uniques(contacts).next().is_some() {
            return None;
        }
        let key = key(contacts.field(FULL_NAME)?, &lead.name)?;
        let email = contacts.field(EMAIL).map(|field| lead.contact.value(field));
        let same_person = |(id, found): &(RecordId, &Found)| {
            let other_address = !found.email.is_null() && email.is_some_and(|own| !own.is_null());
            let other_account = match (self.account_of(*id), account) {
                (Some(theirs), Some(own)) => theirs != own,
                (Some(_), None) => lead.has_company,
                (None, _) => false,
            };
            !other_address && !other_account
        };
        let (id, _) = self.contacts_by(&key).find(same_person)?;
        Some((id, By::Name))
    }

    /// Whether a contact says whose an account is before the account itself does: not where only
    /// accounts have values that no two share.
    pub(super) fn contacts_first(&self) -> bool {
        uniques(self.modules.contacts).next().is_some()
            || uniques(self.modules.accounts).next().is_none()
    }

    /// Keeps in mind a contact that a lead makes.
    pub(super) fn add_contact(&mut self, id: RecordId, lead: &Lead<'a>, account: Option<RecordId>) {
        let email = self.modules.contacts.field(EMAIL);
        let email = email.map(|field| lead.contact.value(field).clone());
        let found = Found {
            name: lead.name.clone(),
            email: email.unwrap_or_default(),
            account,
            access: Access::Full,
            own: true,
        };
        let value = |field: &Field| match field.api_name.as_str() {
            FULL_NAME => lead.name.clone(),
            _ => lead.contact.value(field).clone(),
        };
        let fields = keys_of(self.modules.contacts);
        let keys = fields.into_iter().filter_map(|f| key(f, &value(f)));
        self.made.contacts.add(id, found, keys.collect());
    }

    /// Keeps in mind an account that a lead makes.
    pub(super) fn add_account(&mut self, id: RecordId, lead: &Lead<'a>) {
        let accounts = self.modules.accounts;
        let name = accounts.field(ACCOUNT_NAME);
        let name = name.map(|field| lead.account.value(field).clone());
        let found = Found {
            name: name.unwrap_or_default(),
            email: Value::Null,
            account: None,
            access: Access::Full,
            own: true,
        };
        let fields = keys_of(accounts).into_iter();
        let keys = fields.filter_map(|field| key(field, lead.account.value(field)));
        self.made.accounts.add(id, found, keys.collect());
    }

    /// Keeps in mind that a contact that stands there gets this account.
    pub(super) fn join(&mut self, contact: RecordId, account: RecordId) {
        self.made.joined.insert(contact, account);
    }

    /// Keeps in mind that an account that stands there gets this name.
    pub(super) fn rename(&mut self, account: RecordId, name: Value) {
        self.made.renamed.insert(account, name);
    }
}

/// Whether it may be found at all: nobody learns of what they do not see, but a job finds what it made.
pub(super) fn shown(found: &Found) -> bool {
    found.own || found.access > Access::None
}

/// The values of a field by which these leads look for records.
fn wanted<'l, 'a>(
    leads: &[&'l Lead<'a>],
    field: &Field,
    row: fn(&'l Lead<'a>) -> &'l super::Row<'a>,
) -> Vec<Value> {
    let value = |lead: &&'l Lead<'a>| match field.api_name.as_str() {
        FULL_NAME => lead.name.clone(),
        _ => row(lead).value(field).clone(),
    };
    let keys = leads.iter().filter_map(|lead| key(field, &value(lead)));
    let mut seen = HashSet::new();
    let values = keys.map(|(_, value)| value);
    values.filter(|value| seen.insert(value.clone())).collect()
}

/// The records of a module that have one of the values wanted, and those that are named.
fn shelf(
    tx: &mut Tx,
    writing: Writing<'_>,
    module: &Module,
    wanted: &dyn Fn(&Field) -> Vec<Value>,
    named: Option<RecordId>,
    more: &[RecordId],
) -> Result<Shelf, Fault> {
    let Writing { actor, job, .. } = writing;
    let mut shelf = Shelf::default();
    let mut ids: HashSet<RecordId> = more.iter().copied().chain(named).collect();
    for field in keys_of(module) {
        for (value, id) in records::find_by_values(tx, module, field, &wanted(field))? {
            let key = (field.id, value);
            shelf.by_key.entry(key).or_default().push(id);
            ids.insert(id);
        }
    }
    if ids.is_empty() {
        return Ok(shelf);
    }
    let mut ids: Vec<RecordId> = ids.into_iter().collect();
    ids.sort_unstable();
    let viewed = actor.profile.may(Right::View, module.id);
    let reached = match actor.reach(module) {
        None => None,
        Some(reach) => {
            let levels = access::of(tx, module, &reach, &ids)?;
            Some(levels.into_iter().collect::<HashMap<RecordId, Access>>())
        }
    };
    let own = made_by(tx, job, &ids)?;
    let name = module.name_field();
    let others = [EMAIL, ACCOUNT_NAME].map(|name| module.field(name));
    let fields: Vec<&Field> = name
        .into_iter()
        .chain(others.into_iter().flatten())
        .collect();
    let filter = Filter::everything().of_ids(ids.iter().copied());
    let limit = ids.len();
    for record in records::list(tx, module, &fields, &filter, Order::BY_ID, (0, limit))? {
        let value = |wanted: Option<&Field>| {
            let place = fields
                .iter()
                .position(|f| wanted.is_some_and(|w| w.id == f.id));
            let value = place.and_then(|n| record.values.get(n));
            value.cloned().unwrap_or_default()
        };
        let [email, account] = others;
        let access = reached.as_ref().map_or(Access::Full, |levels| {
            levels.get(&record.id).copied().unwrap_or_default()
        });
        let found = Found {
            name: value(name),
            email: value(email),
            account: value(account).as_int().map(RecordId),
            access: if viewed { access } else { Access::None },
            own: own.contains(&record.id),
        };
        shelf.found.insert(record.id, found);
    }
    Ok(shelf)
}

/// Those of these records that this job made.
fn made_by(tx: &mut Tx, job: Option<JobId>, ids: &[RecordId]) -> Result<HashSet<RecordId>, Fault> {
    let Some(job) = job else {
        return Ok(HashSet::new());
    };
    let made = changes::by_job(tx, job, ids)?.into_iter();
    let made = made.filter(|past| past.kind == ChangeKind::Create);
    Ok(made.map(|past| past.record).collect())
}
