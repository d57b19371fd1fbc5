//! What leads become, part by part: a contact, an account, a deal, each made or found. All parts of a
//! lead are judged before any of them is kept.

use super::known::{By, Known, Made, shown};
use super::lead::{Lead, Row, of_part, of_tags, unfit};
use super::{Conversion, Fate, Part};
use crate::carry::Carried;
use crate::change::{Change, FieldWrite, Write};
use crate::input;
use crate::judge::Judgement;
use crate::record::{self, Expected, Newcomers, Purpose, Uniques, Writing, judge_update};
use crate::rules::LayoutRules;
use crate::tag;
use jobs::Settled;
use model::access::Access;
use model::body::Place;
use model::conversion::{ACCOUNT_NAME, ACCOUNTS, CONTACT_NAME};
use model::field::Field;
use model::id::{ModuleId, RecordId, UserId};
use model::module::{Module, system};
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::value::Value;
use std::collections::HashMap;
use store::tags::Tag;
use store::{Error, Fault, Tx, changes, targets};

/// A record that would be made, judged.
struct New<'a> {
    id: RecordId,
    row: Row<'a>,
    values: Vec<Value>,
}

/// What a lead would become, judged.
pub(super) struct Draft<'a> {
    pub(super) fate: Fate<'a>,
    account: Option<New<'a>>,
    contact: Option<New<'a>>,
    deal: Option<New<'a>>,
    /// A contact that stands there without an account gets this one.
    joins: Option<(RecordId, RecordId)>,
    /// An account that stands there gets this name.
    renames: Option<(RecordId, Value)>,
}

/// What the leads of a set become.
pub(super) struct Parts<'a> {
    conversion: Conversion<'a>,
    contacts: Newcomers<'a>,
    accounts: Newcomers<'a>,
    deals: Newcomers<'a>,
    known: Known<'a>,
    owners: HashMap<(ModuleId, UserId), Option<Refusal>>,
    /// The tags of the leads, where tags are carried over.
    tags: HashMap<RecordId, Vec<Tag>>,
    /// Whether it will be written.
    purpose: Purpose<'a>,
    /// What the job changes beside the leads.
    along: Vec<RecordId>,
}

impl<'a> Parts<'a> {
    /// None yet, of these leads.
    pub(super) fn new(
        tx: &mut Tx,
        conversion: Conversion<'a>,
        leads: &[&Lead<'a>],
        purpose: Purpose<'a>,
    ) -> Result<Self, Fault> {
        // A run finds in the database what earlier leads made; a plan keeps in mind what they would.
        let made: Made = match &purpose {
            Purpose::Write => Made::default(),
            Purpose::Tell(memory) => memory.recall(),
        };
        let Conversion {
            writing,
            modules,
            options,
        } = conversion;
        let mut newcomers = |module: &'a Module, row: &dyn Fn(&Lead<'a>) -> Row<'a>| {
            let any = module.fields.iter().any(|field| field.unique);
            let rows = leads.iter().filter(|_| any).map(|lead| row(lead).0);
            let rows: Vec<Vec<(&Field, Value)>> = rows.collect();
            let mut uniques = Uniques::of_rows(tx, module, &rows)?;
            uniques.take(&made.taken);
            let writing = Writing { module, ..writing };
            Newcomers::new(writing, LayoutRules::Silent, uniques)
        };
        let contacts = newcomers(modules.contacts, &|lead| lead.contact.clone())?;
        let accounts = newcomers(modules.accounts, &|lead| lead.account.clone())?;
        let deals = newcomers(modules.deals, &|lead| deal_row(conversion, lead))?;
        let named = (options.contact, options.account);
        let known = Known::read(tx, writing, modules, leads, named, made)?;
        let tagged = leads.iter().filter(|_| !options.tags.is_empty());
        let tagged: Vec<RecordId> = tagged.map(|lead| lead.id).collect();
        Ok(Self {
            conversion,
            contacts,
            accounts,
            deals,
            known,
            owners: HashMap::new(),
            tags: tag::of_records(tx, &tagged)?,
            purpose,
            along: Vec::new(),
        })
    }

    /// What a lead would become, or why it may not be converted. What it takes of the unique values is
    /// given back by [`Self::release`].
    pub(super) fn judge(
        &mut self,
        tx: &mut Tx,
        lead: &Lead<'a>,
    ) -> Result<Result<Draft<'a>, Refusal>, Fault> {
        let found = self.find(lead);
        let (contact, account) = match found {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut draft = Draft {
            fate: Fate {
                // Replaced below by what is made.
                contact: contact.unwrap_or(Part::Made(lead.id)),
                account,
                deal: None,
            },
            account: None,
            contact: None,
            deal: None,
            joins: None,
            renames: None,
        };
        let done = self.judge_parts(tx, lead, contact.is_some(), &mut draft)?;
        Ok(match done {
            Ok(()) => Ok(draft),
            Err(refusal) => {
                self.release(&draft);
                Err(refusal)
            }
        })
    }

    fn judge_parts(
        &mut self,
        tx: &mut Tx,
        lead: &Lead<'a>,
        found: bool,
        draft: &mut Draft<'a>,
    ) -> Result<Result<(), Refusal>, Fault> {
        let modules = self.conversion.modules;
        if draft.fate.account.is_none() && lead.has_company {
            let module = modules.accounts;
            let owner = match self.owner(lead, module) {
                Ok(owner) => owner,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let row = lead.account.clone().with(module, system::OWNER, owner);
            match self.make(tx, lead, module, row)? {
                Ok(new) => {
                    draft.fate.account = Some(Part::Made(new.id));
                    draft.account = Some(new);
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let account: Value = draft.fate.account.map(|account| account.id().0).into();
        if !found {
            let module = modules.contacts;
            let owner = match self.owner(lead, module) {
                Ok(owner) => owner,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let row = lead.contact.clone();
            let row = row.with(module, ACCOUNT_NAME, account.clone());
            let row = row.with(module, system::OWNER, owner);
            match self.make(tx, lead, module, row)? {
                Ok(new) => {
                    draft.fate.contact = Part::Made(new.id);
                    draft.contact = Some(new);
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        if self.conversion.options.deal.is_some() {
            let module = modules.deals;
            let mut row = deal_row(self.conversion, lead);
            if !row
                .0
                .iter()
                .any(|(field, _)| field.api_name == system::OWNER)
            {
                match self.owner(lead, module) {
                    Ok(owner) => row = row.with(module, system::OWNER, owner),
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
            let row = row.with(module, ACCOUNT_NAME, account);
            let row = row.with(module, CONTACT_NAME, draft.fate.contact.id().0.into());
            match self.make(tx, lead, module, row)? {
                Ok(new) => {
                    draft.fate.deal = Some(Part::Made(new.id));
                    draft.deal = Some(new);
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        self.judge_changes(tx, lead, draft)
    }

    /// Judges what would be changed of a contact and an account that stand there.
    fn judge_changes(
        &mut self,
        tx: &mut Tx,
        lead: &Lead<'a>,
        draft: &mut Draft<'a>,
    ) -> Result<Result<(), Refusal>, Fault> {
        let modules = self.conversion.modules;
        let contact = Some(draft.fate.contact);
        for (module, part) in [
            (modules.contacts, contact),
            (modules.accounts, draft.fate.account),
        ] {
            if let Err(refusal) = self.judge_tags(lead, module, part) {
                return Ok(Err(refusal));
            }
        }
        if let (Part::Attached(contact, _), Some(account)) =
            (draft.fate.contact, draft.fate.account)
            && self.known.account_of(contact).is_none()
            && self.known.contact(contact).is_some_and(|found| !found.own)
        {
            if let Err(refusal) = self.writable(lead, modules.contacts, ACCOUNT_NAME) {
                return Ok(Err(refusal));
            }
            let change = set(modules.contacts, ACCOUNT_NAME, account.id().0.into());
            let judged = self.judge_change(tx, lead, modules.contacts, contact, &change)?;
            if let Err(refusal) = judged {
                return Ok(Err(refusal));
            }
            draft.joins = Some((contact, account.id()));
        }
        if let Some(Part::Attached(account, _)) = draft.fate.account
            && self.conversion.options.overwrite
            && lead.has_company
            && self.known.account(account).is_some_and(|found| !found.own)
        {
            let name = lead.account.named(ACCOUNT_NAME).clone();
            if self.known.account_name(account) != Some(&name) {
                if let Err(refusal) = self.writable(lead, modules.accounts, ACCOUNT_NAME) {
                    return Ok(Err(refusal));
                }
                let change = set(modules.accounts, ACCOUNT_NAME, name.clone());
                let judged = self.judge_change(tx, lead, modules.accounts, account, &change)?;
                if let Err(refusal) = judged {
                    return Ok(Err(refusal));
                }
                draft.renames = Some((account, name));
            }
        }
        Ok(Ok(()))
    }

    /// Refuses tags for a record that stands there and is held, as everybody else is who gives it some.
    fn judge_tags(
        &self,
        lead: &Lead<'a>,
        module: &Module,
        part: Option<Part<'a>>,
    ) -> Result<(), Refusal> {
        let names = self.conversion.options.tags.get(&module.api_name);
        let (Some(Part::Attached(id, _)), Some(names)) = (part, names) else {
            return Ok(());
        };
        let carried = names.as_deref().map_or(Carried::All, Carried::Named);
        let mut tags = self.tags.get(&lead.id).into_iter().flatten();
        let (contact, account) = (self.known.contact(id), self.known.account(id));
        let held = contact.or(account).filter(|found| !found.own);
        match held.and_then(|found| found.held.clone()) {
            Some(refusal) if tags.any(|tag| carried.takes(tag)) => {
                let text = format!("the lead's tags cannot go to it: {}", refusal.message);
                let refusal = of_tags(refusal).saying(text);
                Err(of_part(lead, module, Some(id), refusal))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an actor who may not write a field of what stands there.
    fn writable(&self, lead: &Lead<'a>, module: &Module, api_name: &str) -> Result<(), Refusal> {
        let actor = self.conversion.writing.actor;
        let fixed = module.field(api_name).filter(|field| {
            let right = actor.profile.field(field.id);
            right != FieldRight::Editable
        });
        let Some(field) = fixed else {
            return Ok(());
        };
        let mut refusal =
            Refusal::new(Code::NoPermission).saying("Field Edit Permission not given");
        if actor.sees(field) {
            refusal = refusal.with("api_name", api_name);
        }
        Err(of_part(lead, module, None, refusal))
    }

    /// Whether a record that stands there may be changed so.
    fn judge_change(
        &mut self,
        tx: &mut Tx,
        lead: &Lead<'a>,
        module: &'a Module,
        id: RecordId,
        change: &Change,
    ) -> Result<Result<(), Refusal>, Fault> {
        let writing = Writing {
            module,
            ..self.conversion.writing
        };
        let judged = judge_update(tx, writing, &[(id, change)], Expected::default())?;
        let judged = judged.records.into_iter().next();
        Ok(match judged.map(|one| one.judgement) {
            Some(Judgement::Refuse(refusal)) => Err(of_part(lead, module, Some(id), refusal)),
            _ => Ok(()),
        })
    }

    /// Whom the lead already is and which account its company is, as far as either exists.
    fn find(&self, lead: &Lead<'a>) -> Result<(Option<Part<'a>>, Option<Part<'a>>), Refusal> {
        let Conversion {
            modules, options, ..
        } = self.conversion;
        let known = &self.known;
        let named = |id: Option<RecordId>, module: &Module, is_contact: bool| {
            let Some(id) = id else {
                return Ok(None);
            };
            let found = if is_contact {
                known.contact(id)
            } else {
                known.account(id)
            };
            let there = found.is_some_and(shown);
            let wrong = || {
                let name = module.api_name.as_str();
                Place::body().key(name).key("id").called(name).invalid()
            };
            there.then_some(Some((id, By::Id))).ok_or_else(wrong)
        };
        let mut contact = named(options.contact, modules.contacts, true)?;
        let mut account = named(options.account, modules.accounts, false)?;
        if let (Some((contact, _)), Some((account, _))) = (contact, account)
            && known
                .account_of(contact)
                .is_some_and(|theirs| theirs != account)
        {
            let place = Place::body().key(ACCOUNTS).key("id").called(ACCOUNTS);
            let refusal = place.invalid();
            return Err(refusal.saying("give account id is mismatched with the data"));
        }
        if options.add_to_existing {
            contact = contact.or_else(|| known.contact_of(lead));
            let theirs = |contact: Option<(RecordId, By<'a>)>| {
                let account = known.account_of(contact?.0)?;
                let found = known.account(account).filter(|found| shown(found));
                found.map(|_| (account, By::Contact))
            };
            if known.contacts_first() {
                account = account.or_else(|| theirs(contact));
            }
            account = account.or_else(|| known.account_by(lead));
            contact = contact.or_else(|| known.namesake(lead, account.map(|(id, _)| id)));
            account = account.or_else(|| theirs(contact));
        }
        let attached = |found: Option<(RecordId, By<'a>)>, module: &Module, is_contact: bool| {
            let Some((id, by)) = found else {
                return Ok(None);
            };
            let known = if is_contact {
                known.contact(id)
            } else {
                known.account(id)
            };
            if known.is_some_and(|found| !found.own && found.access < Access::Write) {
                let refusal = Refusal::new(Code::CannotPerformAction);
                return Err(of_part(lead, module, Some(id), refusal));
            }
            let right = self.conversion.writing.actor.require(Right::Edit, module);
            right.map_err(|refusal| of_part(lead, module, None, refusal))?;
            Ok(Some(Part::Attached(id, by)))
        };
        Ok((
            attached(contact, modules.contacts, true)?,
            attached(account, modules.accounts, false)?,
        ))
    }

    /// Who owns what is made of a lead in a module.
    fn owner(&mut self, lead: &Lead<'a>, module: &Module) -> Result<Value, Refusal> {
        let Conversion { options, .. } = self.conversion;
        if let Some(owner) = options.owner {
            return Ok(Value::Int(owner.0));
        }
        let Some(owner) = lead.owner else {
            return Ok(Value::Null);
        };
        let actor = self.conversion.writing.actor;
        let judged = self.owners.entry((module.id, owner));
        let unfit = judged.or_insert_with(|| unfit(actor, module, owner));
        match unfit {
            None => Ok(Value::Int(owner.0)),
            Some(refusal) => Err(refusal.clone().with("id", lead.id.to_string())),
        }
    }

    fn newcomers(&mut self, module: &Module) -> &mut Newcomers<'a> {
        let modules = self.conversion.modules;
        if module.id == modules.contacts.id {
            &mut self.contacts
        } else if module.id == modules.accounts.id {
            &mut self.accounts
        } else {
            &mut self.deals
        }
    }

    /// Judges a new record.
    fn make(
        &mut self,
        tx: &mut Tx,
        lead: &Lead<'a>,
        module: &'a Module,
        row: Row<'a>,
    ) -> Result<Result<New<'a>, Refusal>, Fault> {
        let told = |refusal| of_part(lead, module, None, refusal);
        let actor = self.conversion.writing.actor;
        if let Err(refusal) = actor.require(Right::Create, module) {
            let refusal = refusal.saying("Permission denied to create");
            return Ok(Err(told(refusal)));
        }
        if let Err(refusal) = input::check_mandatory(module, &row.0, &Place::body()) {
            return Ok(Err(told(refusal)));
        }
        let values = match self.newcomers(module).judge(tx, &row.0)? {
            Ok(values) => values,
            Err(refusal) => return Ok(Err(told(refusal))),
        };
        let id = match self.purpose {
            Purpose::Write => RecordId(tx.new_id()?),
            Purpose::Tell(_) => self.known.made.stand_in(),
        };
        Ok(Ok(New { id, row, values }))
    }

    /// Gives back what a lead took that is not converted after all.
    pub(super) fn release(&mut self, draft: &Draft<'a>) {
        let modules = self.conversion.modules;
        let made = [
            (modules.accounts, &draft.account),
            (modules.contacts, &draft.contact),
            (modules.deals, &draft.deal),
        ];
        for (module, new) in made {
            if let Some(new) = new {
                self.newcomers(module).uniques.release(&new.row.0);
            }
        }
    }

    /// Lets what a lead becomes be written.
    pub(super) fn keep(
        &mut self,
        tx: &mut Tx,
        lead: &Lead<'a>,
        draft: Draft<'a>,
    ) -> Result<(), Fault> {
        let modules = self.conversion.modules;
        if let Some(New { id, .. }) = &draft.account {
            self.known.add_account(*id, lead);
        }
        if let Some(New { id, .. }) = &draft.contact {
            let account = draft.fate.account.map(Part::id);
            self.known.add_contact(*id, lead, account);
        }
        let made = [
            (modules.accounts, draft.account),
            (modules.contacts, draft.contact),
            (modules.deals, draft.deal),
        ];
        for (module, new) in made {
            if let (Some(New { id, values, .. }), true) = (new, self.purpose.writes()) {
                self.newcomers(module).keep(id, values);
                self.along.push(id);
            }
        }
        if let Some((contact, account)) = draft.joins {
            self.known.join(contact, account);
            let change = set(modules.contacts, ACCOUNT_NAME, account.0.into());
            self.change(tx, modules.contacts, contact, &change)?;
        }
        if let Some((account, name)) = draft.renames {
            let change = set(modules.accounts, ACCOUNT_NAME, name.clone());
            self.known.rename(account, name);
            self.change(tx, modules.accounts, account, &change)?;
        }
        Ok(())
    }

    /// Changes a record that stands there, which was judged and may be changed so.
    fn change(
        &mut self,
        tx: &mut Tx,
        module: &'a Module,
        id: RecordId,
        change: &Change,
    ) -> Result<(), Fault> {
        if !self.purpose.writes() {
            return Ok(());
        }
        let writing = Writing {
            module,
            ..self.conversion.writing
        };
        let before = match writing.job {
            Some(job) => !changes::by_job(tx, job, &[id])?.is_empty(),
            None => false,
        };
        // What it is compared with must stand there.
        self.write_new(tx)?;
        let settled = record::update(tx, writing, &[(id, change)], Expected::default())?;
        match settled.as_slice() {
            [Settled::Changed] if !before => self.along.push(id),
            [Settled::Changed | Settled::Unchanged] => {}
            _ => {
                let text = format!("record {id} could not be changed as it was foreseen");
                return Err(Error::Inconsistent(text).into());
            }
        }
        Ok(())
    }

    fn write_new(&mut self, tx: &mut Tx) -> Result<(), Fault> {
        self.accounts.write(tx)?;
        self.contacts.write(tx)?;
        self.deals.write(tx)
    }

    /// Writes what is made; the job knows it as changed beside the leads.
    pub(super) fn write(mut self, tx: &mut Tx) -> Result<(), Fault> {
        self.purpose.must_write()?;
        self.write_new(tx)?;
        match self.conversion.writing.job {
            Some(job) => Ok(targets::insert_along(tx, job, &self.along)?),
            None => Ok(()),
        }
    }

    /// Lets the plan that it is told in keep all this in mind.
    pub(super) fn keep_in_mind(self) {
        let Purpose::Tell(memory) = self.purpose else {
            return;
        };
        let mut made = self.known.made;
        for newcomers in [self.contacts, self.accounts, self.deals] {
            made.taken.extend(newcomers.uniques.into_taken());
        }
        memory.keep(made);
    }
}

/// The change that writes one field.
fn set(module: &Module, api_name: &str, value: Value) -> Change {
    let field = module.field(api_name);
    let write = field.map(|field| FieldWrite {
        field: field.id,
        write: Write::Set(value),
    });
    Change(write.into_iter().collect())
}

/// What stands in the deal of a lead: what the caller asks for, and what the lead carries over.
fn deal_row<'a>(conversion: Conversion<'a>, lead: &Lead<'a>) -> Row<'a> {
    let Conversion {
        modules, options, ..
    } = conversion;
    let asked = options.deal.iter().flatten();
    let asked = asked.filter_map(|asked| {
        let field = modules.deals.field_by_id(asked.field)?;
        Some((field, asked.value.clone()))
    });
    let mut row = Row(asked.collect());
    for (field, value) in &lead.deal.0 {
        if !row.0.iter().any(|(known, _)| known.id == field.id) {
            row.0.push((*field, value.clone()));
        }
    }
    row
}
