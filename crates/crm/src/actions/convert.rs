//! Conversion of leads: each becomes a contact, an account and on demand a deal (wire API 3, 6).

mod options;

use super::accept::{Prepared, Targets, run_named};
use super::action::{Exclusive, MassAction, Task, Traits, Writes};
use super::describe;
use super::request::{Request, Selection};
use super::undo::{Kept, Reversal};
use crate::actor::Actor;
pub use crate::convert::ConvertOptions;
use crate::convert::{self, Conversion, DealValue, judge_conversion, modules};
use crate::input;
use crate::owner;
use crate::record::{self, Judged, Purpose, Writing};
use crate::rules;
use jobs::Settled;
use model::access::Access;
use model::body::Object;
use model::conversion::{
    ACCOUNT_NAME, CONTACT_NAME, CONVERTED_ACCOUNT, CONVERTED_CONTACT, CONVERTED_DEAL,
    CONVERTED_TIME, DEALS, LEADS, Modules,
};
use model::field::{Field, FieldKind};
use model::id::{RecordId, UserId};
use model::job::JobKind;
use model::module::{Module, system};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::scope::{ActionScope, Op};
use model::time::Timestamp;
use model::value::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use store::records::{self, Record};
use store::{Fault, Tx};

/// Makes contacts, accounts and deals of leads, or finds them.
pub(crate) struct MassConvert;

/// How leads are converted.
#[derive(Serialize, Deserialize)]
pub(crate) struct Conversions {
    #[serde(rename = "terms")]
    options: ConvertOptions,
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

/// Reads the deal that is to be made of each lead.
pub fn deal(tx: &mut Tx, actor: &Actor, object: &Object<'_>) -> Result<Vec<DealValue>, Fault> {
    let deals = modules(actor)?.deals;
    let place = object.place();
    // What the conversion fills itself, and what nothing here could be.
    let own = [ACCOUNT_NAME, CONTACT_NAME, CONTACT_ROLE];
    if let Some(name) = own.iter().find(|name| object.has(name)) {
        return Err(place.key(name).invalid().into());
    }
    let values = input::new_record(actor, deals, object)?;
    let closing = values.iter().find(|(f, _)| f.api_name == CLOSING_DATE);
    if closing.is_none_or(|(_, value)| value.is_null()) {
        return Err(place.key(CLOSING_DATE).mandatory().into());
    }
    if let Some(refusal) = rules::ill_matched(deals, &values) {
        let field = refusal.details.get("api_name").and_then(Json::as_str);
        let at = place.key(field.unwrap_or_default());
        return Err(refusal.with("json_path", at.json_path()).into());
    }
    let read: Vec<(&Field, &Value)> = values
        .iter()
        .map(|(field, value)| (*field, value))
        .collect();
    let dangling = input::check_references(tx, actor, &[read.into()])?;
    if let Some(field) = dangling.into_iter().flatten().next() {
        return Err(input::dangling(place, field).into());
    }
    let stored = values.into_iter().map(|(field, value)| DealValue {
        field: field.id,
        kind: field.kind.clone(),
        value,
    });
    Ok(stored.collect())
}

/// Refuses attachments that are to go to a deal where none is made. `path` is where that is asked for.
pub fn check(options: &ConvertOptions, path: &str) -> Result<(), Refusal> {
    if options.deal.is_some() || options.attachments_to.as_deref() != Some(DEALS) {
        return Ok(());
    }
    let refusal = Refusal::invalid("move_attachments_to", path);
    Err(refusal.saying("no deal is made that attachments could go to"))
}

/// Why a user may not be given what a conversion makes.
pub fn unfit(actor: &Actor, options: &ConvertOptions) -> Result<Option<owner::Unfit>, Refusal> {
    let modules = modules(actor)?;
    let Some(owner) = options.owner else {
        return Ok(None);
    };
    Ok(into(modules, options).find_map(|module| owner::fit(actor, module, owner).err()))
}

/// The modules of what may be made: nothing is where it is named.
fn into<'a>(modules: Modules<'a>, options: &ConvertOptions) -> impl Iterator<Item = &'a Module> {
    let parts = [
        (modules.contacts, options.contact.is_none()),
        (modules.accounts, options.account.is_none()),
        (modules.deals, options.deal.is_some()),
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
    options: &ConvertOptions,
    now: Timestamp,
) -> Result<Settled, Fault> {
    let request = request(actor, options)?;
    let (_, settled) = run_named(tx, (actor.user.id, module.id), &request, &[id], now)?;
    let unknown = || Settled::Failed(record::unknown_id(&id.to_string()));
    Ok(settled.into_values().next().unwrap_or_else(unknown))
}

/// Prepares the conversion of the named leads. A repeated id is visited once. Refuses an id that names
/// no lead which the actor sees, by its place.
pub fn prepare_named(
    tx: &mut Tx,
    actor: &Actor,
    ids: &[RecordId],
    options: &ConvertOptions,
) -> Result<Prepared, Fault> {
    let leads = modules(actor)?.leads;
    authorise(actor, leads)?;
    let named: BTreeSet<RecordId> = ids.iter().copied().collect();
    let filter = actor.seen(leads).of_ids(named.iter().copied());
    let targets = records::select_ids(tx, leads, &filter, named.len())?;
    let seen: BTreeMap<RecordId, i64> = targets.iter().copied().collect();
    if let Some(n) = ids.iter().position(|id| !seen.contains_key(id)) {
        return Err(Refusal::invalid("ids", format!("$.ids[{n}]")).into());
    }
    Ok(Prepared {
        kind: JobKind::MassConvert,
        module: leads.id,
        request: request(actor, options)?.encode(&Selection::Ids)?,
        exclusive: None,
        catalog_version: actor.catalog.version,
        targets: Targets::Frozen(targets),
        parent: None,
    })
}

/// What is to be done to each lead, as a job keeps it. Refuses an owner who may not be given what is
/// made.
fn request(actor: &Actor, options: &ConvertOptions) -> Result<Request, Fault> {
    check_now(actor, options)?;
    Request::of::<MassConvert>(&Conversions {
        options: options.clone(),
    })
}

/// What a conversion writes into a lead, as outcomes tell it.
const CONVERTED_FIELDS: [&str; 5] = [
    system::CONVERTED,
    CONVERTED_TIME,
    CONVERTED_CONTACT,
    CONVERTED_ACCOUNT,
    CONVERTED_DEAL,
];

impl MassAction for MassConvert {
    type Change = Conversions;

    const KIND: JobKind = JobKind::MassConvert;
    const TRAITS: Traits = Traits {
        scope: ActionScope::Sub("mass_convert", "leads", Op::Create),
        exclusive: Exclusive::View,
        too_many: Code::LimitExceeded,
        reversal: Reversal {
            done: "convert",
            undone: "unconvert",
            authorise,
            authorise_again,
            kept: Kept::Once,
            carries: true,
            judge: None,
        },
        writes: Writes::Becomes(&CONVERTED_FIELDS),
    };

    fn authorise(actor: &Actor, module: &Module, _named: bool) -> Result<(), Refusal> {
        authorise(actor, module)
    }

    fn read(
        tx: &mut Tx,
        actor: &Actor,
        _module: &Module,
        body: &Object<'_>,
    ) -> Result<Conversions, Fault> {
        let options = options::read(tx, actor, body)?;
        Ok(Conversions { options })
    }

    fn check(
        _tx: &mut Tx,
        actor: &Actor,
        _module: &Module,
        change: &Conversions,
    ) -> Result<(), Fault> {
        Ok(check_now(actor, &change.options)?)
    }

    /// Values of the fields that the reader sees, users by name.
    fn describe(
        reader: &Actor,
        _module: &Module,
        change: Conversions,
    ) -> Result<Option<Json>, Fault> {
        let Conversions { options } = change;
        let deals = modules(reader)?.deals;
        let deal = options.deal.as_ref().map(|values| {
            let shown = values.iter().filter_map(|stored| {
                let field = deals.field_by_id(stored.field);
                let field = field.filter(|field| reader.sees(field))?;
                let value = match (&stored.kind, stored.value.as_int()) {
                    (FieldKind::OwnerLookup | FieldKind::UserLookup, Some(id)) => {
                        describe::user(reader, UserId(id))
                    }
                    (kind, _) => kind.show(&stored.value, &reader.zone),
                };
                Some((field.api_name.clone(), value))
            });
            shown.collect::<Map<String, Json>>()
        });
        Ok(Some(json!({
            "deal": deal.filter(|_| reader.profile.may(Right::View, deals.id)),
            "assign_to": options.owner.map(|owner| describe::user(reader, owner)),
            "add_to_existing": options.add_to_existing,
            "overwrite": options.overwrite,
            "carry_over_tags": options.tags.keys().collect::<Vec<&String>>(),
            "move_attachments_to": options.attachments_to,
            "related_modules": options.related,
        })))
    }

    fn judge<'a>(
        tx: &mut Tx,
        task: Task<'a>,
        change: &'a Conversions,
        purpose: Purpose<'a>,
    ) -> Result<Box<dyn Judged + 'a>, Fault> {
        let conversion = Conversion::new(task.writing, &change.options)?;
        let judged = judge_conversion(tx, conversion, &task.ids(), task.expected, purpose)?;
        Ok(Box::new(judged))
    }
}

/// What was made went into the recycle bin, what was moved is with the leads: to go that way again by
/// halves would leave leads that are neither.
fn authorise_again(_actor: &Actor, _module: &Module) -> Result<(), Refusal> {
    let text = "a conversion that was undone is not done again by undoing that: convert the leads \
                again";
    Err(Refusal::new(Code::NotSupported).saying(text))
}

fn check_now(actor: &Actor, options: &ConvertOptions) -> Result<(), Refusal> {
    let modules = modules(actor)?;
    if let Some(owner) = options.owner {
        for module in into(modules, options) {
            owner::fit(actor, module, owner).map_err(|unfit| unfit.of_mass(module))?;
        }
    }
    let values = options.deal.iter().flatten();
    for DealValue { field, kind, .. } in values {
        let known = modules.deals.field_by_id(*field);
        if known.is_none_or(|known| known.kind != *kind) {
            return Err(Refusal::new(Code::FieldGone));
        }
    }
    Ok(())
}
