//! Contacts and accounts that a lead may already be: those that stand there, and those that earlier
//! leads of the same job make. Both are found alike, so that how many leads are judged at once does
//! not matter.

use super::Lead;
use crate::judge::{Columns, held};
use crate::record::{Reading, Standing, Writing};
use model::access::Access;
use model::conversion::{ACCOUNT_NAME, CONTACTS, EMAIL, FULL_NAME, Modules, finds};
use model::field::Field;
use model::id::{FieldId, JobId, RecordId};
use model::module::Module;
use model::people::Right;
use model::refusal::Refusal;
use model::value::{Value, fold};
use std::collections::{HashMap, HashSet};
use store::changes::{self, ChangeKind};
use store::records::{self, Filter, Order};
use store::{Fault, Tx};

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
    /// Why nobody may change it now.
    pub(crate) held: Option<Refusal>,
}

pub(super) type Key = (FieldId, Value);

/// Records of one module by their ids and by the values that they are found by.
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

    fn by<'s>(&'s self, key: &Key) -> impl Iterator<Item = RecordId> + use<'s> {
        self.by_key.get(key).into_iter().flatten().copied()
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
    // Where contacts have values that no two share, only these find them.
    let first = uniques(module);
    let only = module.api_name == CONTACTS && uniques(module).next().is_some();
    let named = module.fields.iter().filter(|f| !only && finds(module, f));
    first.chain(named).collect()
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
        let mut persons = candidates(tx, modules.contacts, &of_contacts)?;
        persons.extend(contact);
        let of_accounts = |field: &Field| wanted(leads, field, |lead| &lead.account);
        let mut firms = candidates(tx, modules.accounts, &of_accounts)?;
        firms.extend(account);
        firms.extend(accounts_named(tx, modules.contacts, &persons)?);
        // An earlier lead of a plan can have been found to be of an account that this set does not name.
        for field in keys_of(modules.contacts) {
            for value in of_contacts(field) {
                let ids = made.contacts.by(&(field.id, value));
                let found = ids.filter_map(|id| made.contacts.found.get(&id));
                firms.extend(found.filter_map(|found| found.account));
            }
        }
        firms.extend(made.joined.values());
        // Accounts before contacts, each in the order of ids. What is judged is what stands there once
        // all are locked: a contact can have got an account, or gone, while its lock was waited for.
        let mut accounts = Shelf::default();
        accounts.read(tx, writing, modules.accounts, &firms)?;
        let mut contacts = Shelf::default();
        contacts.read(tx, writing, modules.contacts, &persons)?;
        let theirs = contacts.found.values().filter_map(|found| found.account);
        let later: HashSet<RecordId> = theirs.filter(|id| !firms.contains(id)).collect();
        accounts.read(tx, writing, modules.accounts, &later)?;
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

    fn contacts_by(&self, key: &Key) -> Vec<RecordId> {
        let found = self.contacts.by(key).chain(self.made.contacts.by(key));
        in_order(found.filter(|id| self.contact(*id).is_some_and(shown)))
    }

    fn accounts_by(&self, key: &Key) -> Vec<RecordId> {
        let name = self.modules.accounts.field(ACCOUNT_NAME);
        let of_name = name.is_some_and(|name| name.id == key.0);
        let still = |id: &RecordId| !of_name || !self.made.renamed.contains_key(id);
        let renamed =
            self.made.renamed.iter().filter(|(_, name)| {
                of_name && name.as_text().map(fold).as_deref() == key.1.as_text()
            });
        let renamed = renamed.map(|(id, _)| *id);
        let stands = self.accounts.by(key).filter(still);
        let all = renamed.chain(stands).chain(self.made.accounts.by(key));
        in_order(all.filter(|id| self.account(*id).is_some_and(shown)))
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
            let found = self.contacts_by(&key);
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
            let found = self.accounts_by(&key);
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
        let same_person = |id: &RecordId| {
            let Some(found) = self.contact(*id) else {
                return false;
            };
            let other_address = !found.email.is_null() && email.is_some_and(|own| !own.is_null());
            let other_account = match (self.account_of(*id), account) {
                (Some(theirs), Some(own)) => theirs != own,
                (Some(_), None) => lead.has_company,
                (None, _) => false,
            };
            !other_address && !other_account
        };
        let id = self.contacts_by(&key).into_iter().find(same_person)?;
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
            held: None,
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
            held: None,
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

/// These records from the first made on, as ids tell it: whether one was made by this chunk or by an
/// earlier one makes no difference. What a plan would make comes last.
fn in_order(found: impl Iterator<Item = RecordId>) -> Vec<RecordId> {
    let mut found: Vec<RecordId> = found.collect();
    found.sort_unstable_by_key(|id| (id.0 < 0, id.0.unsigned_abs()));
    found
}

/// The records of a module that have one of the values wanted.
fn candidates(
    tx: &mut Tx,
    module: &Module,
    wanted: &dyn Fn(&Field) -> Vec<Value>,
) -> Result<HashSet<RecordId>, Fault> {
    let mut ids = HashSet::new();
    for field in keys_of(module) {
        let found = records::find_by_values(tx, module, field, &wanted(field))?;
        ids.extend(found.into_iter().map(|(_, id)| id));
    }
    Ok(ids)
}

/// The accounts that these contacts are of.
fn accounts_named(
    tx: &mut Tx,
    contacts: &Module,
    ids: &HashSet<RecordId>,
) -> Result<Vec<RecordId>, Fault> {
    let fields: Vec<&Field> = contacts.field(ACCOUNT_NAME).into_iter().collect();
    let filter = Filter::everything().of_ids(ids.iter().copied());
    let found = records::list(tx, contacts, &fields, &filter, Order::BY_ID, (0, ids.len()))?;
    let named = found.iter().filter_map(|one| one.values.first()?.as_int());
    Ok(named.map(RecordId).collect())
}

impl Shelf {
    /// Locks records of a module, where this is no plan, and reads what they are found by and what
    /// decides about them.
    fn read(
        &mut self,
        tx: &mut Tx,
        writing: Writing<'_>,
        module: &Module,
        ids: &HashSet<RecordId>,
    ) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut ids: Vec<RecordId> = ids.iter().copied().collect();
        ids.sort_unstable();
        let name = module.name_field();
        let (email, account) = (module.field(EMAIL), module.field(ACCOUNT_NAME));
        let keys = keys_of(module);
        let mut columns = Columns(keys.clone());
        for field in [name, email, account] {
            columns.add(field);
        }
        let viewed = writing.actor.profile.may(Right::View, module.id);
        let writing = Writing { module, ..writing };
        let mut reading = Reading::new(tx, writing, &columns, &ids, None)?;
        let own = made_by(tx, writing.job, &ids)?;
        for id in ids {
            let Some(Standing { record, facts, .. }) = reading.remove(id) else {
                continue;
            };
            let value = |field: Option<&Field>| match field {
                Some(field) => columns.by_id(&record, field.id).clone(),
                None => Value::Null,
            };
            let found = Found {
                name: value(name),
                email: value(email),
                account: value(account).as_int().map(RecordId),
                access: if viewed { facts.access } else { Access::None },
                own: own.contains(&id),
                held: held(id, &facts),
            };
            let keys = keys.iter().filter_map(|f| key(f, &value(Some(f))));
            self.add(id, found, keys.collect());
        }
        Ok(())
    }
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
