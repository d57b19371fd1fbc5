//! Conversion of leads: each becomes a contact, an account and on demand a deal (wire API 3, 6).

use super::mass::{Ready, Work};
use super::scheduled::{Selection, decode, encode, module_of, run_named};
use super::told;
use crate::actor::Actor;
pub use crate::convert::Terms;
use crate::convert::{self, DealValue, modules};
use crate::input;
use crate::owner;
use crate::record::{self, Writing};
use crate::rules;
use jobs::Settled;
use model::access::Access;
use model::conversion::{ACCOUNT_NAME, CONTACT_NAME, DEALS, LEADS, Modules};
use model::field::{Field, FieldKind};
use model::id::{JobId, RecordId, UserId};
use model::job::JobKind;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use store::changes::Cause;
use store::jobs::{Job, NewJob};
use store::records::{self, Record};
use store::{Db, Fault, Tx};

/// What a job keeps of its request.
#[derive(Serialize, Deserialize)]
struct Request {
    terms: Terms,
    selection: Selection,
}

/// Where the vendor's deals name a role of their contact: none is kept here, so any id is of none.
const CONTACT_ROLE: &str = "Contact_Role";
/// What a deal of a conversion must have beyond every deal (wire API 6.1).
const CLOSING_DATE: &str = "Closing_Date";

/// Refuses an actor who may not convert leads at all, and records that are no leads.
pub fn authorise(actor: &Actor, module: &Module) -> Result<(), Refusal> {
    if module.api_name != LEADS {
        let refusal = Refusal::new(Code::NotSupported).saying("only leads are converted");
        return Err(refusal.with("api_name", "module"));
    }
    actor.require(Right::View, module)?;
    actor.require(Right::Convert, module)
}

/// A lead that could be converted now as far as it alone tells, with the values of all its fields.
/// Refuses one that is not there or not shown, that was converted, with which the actor may not do so
/// much, or that something holds.
pub fn open(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    needed: Access,
) -> Result<Record, Fault> {
    let found = record::seen(tx, writing, id)?;
    let unknown = || record::unknown_id(&id.to_string());
    let standing = found.ok_or_else(unknown)?;
    Ok(convert::open(writing.module, standing, needed)?)
}

/// Reads the deal that is to be made of each lead. `path` is where it stands in the request.
pub fn deal(
    tx: &mut Tx,
    actor: &Actor,
    object: &Map<String, Json>,
    path: &str,
) -> Result<Vec<DealValue>, Fault> {
    let deals = modules(actor)?.deals;
    // What the conversion fills itself, and what nothing here could be.
    let own = [ACCOUNT_NAME, CONTACT_NAME, CONTACT_ROLE];
    if let Some(name) = own.iter().find(|name| object.contains_key(**name)) {
        return Err(Refusal::invalid(name, format!("{path}.{name}")).into());
    }
    let values = input::new_record(actor, deals, object, path)?;
    let closing = values.iter().find(|(f, _)| f.api_name == CLOSING_DATE);
    if closing.is_none_or(|(_, value)| value.is_null()) {
        return Err(Refusal::mandatory(CLOSING_DATE, format!("{path}.{CLOSING_DATE}")).into());
    }
    if let Some(refusal) = rules::ill_matched(deals, &values) {
        let field = refusal.details.get("api_name").and_then(Json::as_str);
        let at = format!("{path}.{}", field.unwrap_or_default());
        return Err(refusal.with("json_path", at).into());
    }
    let read: Vec<(&Field, &Value)> = values
        .iter()
        .map(|(field, value)| (*field, value))
        .collect();
    let dangling = input::check_references(tx, actor, &[read.into()])?;
    if let Some(field) = dangling.into_iter().flatten().next() {
        let at = format!("{path}.{}.id", field.api_name);
        let text = "the related id given seems to be invalid";
        return Err(Refusal::invalid(&field.api_name, at).saying(text).into());
    }
    let stored = values.into_iter().map(|(field, value)| DealValue {
        field: field.id,
        kind: field.kind.clone(),
        value,
    });
    Ok(stored.collect())
}

/// Refuses attachments that are to go to a deal where none is made. `path` is where that is asked for.
pub fn check(terms: &Terms, path: &str) -> Result<(), Refusal> {
    if terms.deal.is_some() || terms.attachments_to.as_deref() != Some(DEALS) {
        return Ok(());
    }
    let refusal = Refusal::invalid("move_attachments_to", path);
    Err(refusal.saying("no deal is made that attachments could go to"))
}

/// Why a user may not be given what a conversion makes.
pub fn unfit(actor: &Actor, terms: &Terms) -> Result<Option<owner::Unfit>, Refusal> {
    let modules = modules(actor)?;
    let Some(owner) = terms.owner else {
        return Ok(None);
    };
    Ok(into(modules, terms).find_map(|module| owner::fit(actor, module, owner).err()))
}

/// The modules of what may be made: nothing is where it is named.
fn into<'a>(modules: Modules<'a>, terms: &Terms) -> impl Iterator<Item = &'a Module> {
    let parts = [
        (modules.contacts, terms.contact.is_none()),
        (modules.accounts, terms.account.is_none()),
        (modules.deals, terms.deal.is_some()),
    ];
    let made = parts.into_iter().filter(|(_, made)| *made);
    made.map(|(module, _)| module)
}

/// Converts a lead at once, inside this transaction, and answers what happened.
pub fn run_now(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
    terms: &Terms,
    now: Timestamp,
) -> Result<Settled, Fault> {
    let request = stored(actor, terms, Selection::Ids)?;
    let (_, settled) = run_named(
        tx,
        (actor, module),
        JobKind::MassConvert,
        request,
        &[id],
        now,
    )?;
    let unknown = || Settled::Failed(record::unknown_id(&id.to_string()));
    Ok(settled.into_values().next().unwrap_or_else(unknown))
}

/// Schedules the conversion of the named leads. A repeated id is visited once. Refuses an id that names
/// no lead which the actor sees, by its place. The job's targets are stored when this answers.
pub fn schedule(
    db: &Db,
    user: UserId,
    ids: &[RecordId],
    terms: &Terms,
    now: Timestamp,
) -> Result<JobId, Fault> {
    let id = JobId(db.new_id()?);
    let (new, targets) = db.read(|tx| {
        let actor = Actor::of(&tx.catalog()?, user)?;
        let leads = modules(&actor)?.leads;
        authorise(&actor, leads)?;
        let wanted: BTreeSet<RecordId> = ids.iter().copied().collect();
        let filter = actor.seen(leads).of_ids(wanted.iter().copied());
        let targets = records::select_ids(tx, leads, &filter, wanted.len())?;
        let seen: BTreeMap<RecordId, i64> = targets.iter().copied().collect();
        if let Some(n) = ids.iter().position(|id| !seen.contains_key(id)) {
            return Err(Refusal::invalid("ids", format!("$.ids[{n}]")).into());
        }
        let new = NewJob {
            id,
            kind: JobKind::MassConvert,
            module: leads.id,
            actor: actor.user.id,
            client: None,
            request: stored(&actor, terms, Selection::Ids)?,
            exclusive: None,
            plan: None,
            parent: None,
            terms: store::jobs::Terms::default(),
        };
        Ok((new, targets))
    })?;
    jobs::accept(db, &new, &targets, now)?;
    Ok(id)
}

/// What a job was asked to do, as it is told to a reader: values of the fields that they see, users by
/// name.
pub(super) fn told(reader: &Actor, module: &Module, job: &Job) -> Result<Json, Fault> {
    let Request { terms, selection } = decode(job)?;
    let deals = modules(reader)?.deals;
    let deal = terms.deal.as_ref().map(|values| {
        let shown = values.iter().filter_map(|stored| {
            let field = deals.field_by_id(stored.field);
            let field = field.filter(|field| reader.sees(field))?;
            let value = match (&stored.kind, stored.value.as_int()) {
                (FieldKind::OwnerLookup | FieldKind::UserLookup, Some(id)) => {
                    told::user(reader, UserId(id))
                }
                (kind, _) => kind.show(&stored.value, &reader.zone),
            };
            Some((field.api_name.clone(), value))
        });
        shown.collect::<Map<String, Json>>()
    });
    Ok(json!({
        "selection": selection.told(reader, module),
        "change": {
            "deal": deal.filter(|_| reader.profile.may(Right::View, deals.id)),
            "assign_to": terms.owner.map(|owner| told::user(reader, owner)),
            "add_to_existing": terms.add_to_existing,
            "overwrite": terms.overwrite,
            "carry_over_tags": terms.tags.keys().collect::<Vec<&String>>(),
            "move_attachments_to": terms.attachments_to,
            "related_modules": terms.related,
        },
    }))
}

/// What a job keeps of its request. Refuses an owner who may not be given what is made.
pub(super) fn stored(actor: &Actor, terms: &Terms, selection: Selection) -> Result<String, Fault> {
    check_now(actor, terms)?;
    let terms = terms.clone();
    encode(&Request { terms, selection })
}

fn check_now(actor: &Actor, terms: &Terms) -> Result<(), Refusal> {
    let modules = modules(actor)?;
    if let Some(owner) = terms.owner {
        for module in into(modules, terms) {
            owner::fit(actor, module, owner).map_err(|unfit| unfit.of_mass(module))?;
        }
    }
    let values = terms.deal.iter().flatten();
    for DealValue { field, kind, .. } in values {
        let known = modules.deals.field_by_id(*field);
        if known.is_none_or(|known| known.kind != *kind) {
            return Err(Refusal::new(Code::FieldGone));
        }
    }
    Ok(())
}

/// A job's request, checked once more against the catalog and the actor's rights as they are now.
pub(super) fn ready(tx: &mut Tx, job: &Job) -> Result<Ready, Fault> {
    let Request { terms, selection } = decode(job)?;
    let actor = Actor::of(&tx.catalog()?, job.actor)?;
    let module = module_of(&actor, job)?;
    authorise(&actor, module)?;
    check_now(&actor, &terms)?;
    Ok(Ready {
        within: selection.within(module)?,
        work: Work::Convert(terms),
        cause: Cause::Job,
        actor,
    })
}
