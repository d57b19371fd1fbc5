//! Change owner: records and, on demand, what belongs to them go to another user (wire API 2, 5).

mod related;

use super::mass::{Ready, Work};
use super::scheduled::{self, Selection, ViewSelection, decode, encode, module_of, run_named};
use super::told;
use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::owner;
use crate::record::Writing;
use crate::selection;
use jobs::Settled;
use model::criteria::{Criteria, Fault as CriteriaFault};
use model::id::{JobId, RecordId, UserId};
use model::job::JobKind;
use model::limits::CONDITIONS_MAX;
use model::module::{Module, system};
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use store::changes::Cause;
use store::jobs::Job;
use store::outbox::{self, News, Notice};
use store::targets;
use store::{Db, Fault, Tx};

pub use related::{Left, Part, parts};

/// What a job keeps of its request.
#[derive(Serialize, Deserialize)]
struct Request {
    owner: UserId,
    selection: Selection,
}

/// Refuses an actor who may not give the module's records away: many at once by a view, or those
/// that they name (wire API 2.4, 5).
pub fn authorise(actor: &Actor, module: &Module, right: Right) -> Result<(), Refusal> {
    actor.require(Right::View, module)?;
    actor.require(right, module)?;
    let owner = module.field(system::OWNER);
    if owner.is_some_and(|field| actor.profile.field(field.id) == FieldRight::Editable) {
        return Ok(());
    }
    let refusal = Refusal::new(Code::NoPermission).saying("Field Edit Permission not given");
    Err(refusal.with("api_name", system::OWNER))
}

/// The right that giving away records asks for: those that are named, or those of a selection.
pub(super) fn right(named: bool) -> Right {
    if named {
        Right::ChangeOwner
    } else {
        Right::MassTransfer
    }
}

/// Reads the criteria that narrow a view, whose fields are named by api name or by id (wire API 2.2,
/// 2.4). A field that the actor may not see is none.
pub fn criteria(actor: &Actor, module: &Module, json: &Json) -> Result<Criteria, Refusal> {
    let seen = selection::visible(actor, module);
    Criteria::from_json_in(json, &seen).map_err(|error| {
        let path = error.path.unwrap_or_else(|| "$.criteria".to_owned());
        let keys = |names: [&str; 2], below: &str| {
            names
                .map(|name| json!({ "api_name": name, "json_path": format!("{below}.{name}") }))
                .to_vec()
        };
        // The fault is at a key of the condition; what is missing is told beside it.
        let keyed = [
            ".field.id",
            ".field.api_name",
            ".field",
            ".comparator",
            ".value",
        ];
        let condition = keyed.iter().find_map(|key| path.strip_suffix(key));
        let field = format!("{}.field", condition.unwrap_or(&path));
        let dependent = |name: &str| {
            // The path of the field that is missing is printed without what it hangs in.
            Refusal::new(Code::DependentFieldMissing)
                .with(
                    "dependee",
                    json!({ "api_name": "field", "json_path": field }),
                )
                .with("api_name", name)
                .with("json_path", format!("$.{name}"))
        };
        match error.fault {
            CriteriaFault::NoField => Refusal::new(Code::ExpectedFieldMissing)
                .with("expected_fields", keys(["group", "field"], &path)),
            CriteriaFault::NoFieldName => Refusal::new(Code::ExpectedFieldMissing)
                .with("expected_fields", keys(["api_name", "id"], &field)),
            CriteriaFault::FieldMismatch => Refusal::new(Code::AmbiguityDuringProcessing)
                .saying("required field not found")
                .with("ambiguity_due_to", keys(["id", "api_name"], &field)),
            CriteriaFault::TooManyConditions => too_many_conditions(),
            CriteriaFault::NoComparator => dependent("comparator"),
            CriteriaFault::NoValue => dependent("value"),
            _ => Refusal::invalid("criteria", path).with("reason", error.message),
        }
    })
}

/// Refuses a view whose criteria and the request's have too many conditions together (wire API 2.4).
pub fn check_conditions(
    actor: &Actor,
    module: &Module,
    wanted: &ViewSelection,
) -> Result<(), Refusal> {
    let view = selection::view(actor, module, wanted.cvid)?;
    let both = [view.criteria.as_ref(), wanted.criteria.as_ref()];
    let conditions: usize = both.into_iter().flatten().map(Criteria::conditions).sum();
    if conditions <= CONDITIONS_MAX {
        return Ok(());
    }
    Err(too_many_conditions())
}

fn too_many_conditions() -> Refusal {
    Refusal::new(Code::CombinedCriteriaLimitExceeded).with("limit", CONDITIONS_MAX)
}

/// Schedules the change for a view's records. The job's targets are frozen and stored when this
/// answers.
pub fn schedule(
    db: &Db,
    user: UserId,
    module: &str,
    owner: UserId,
    wanted: &ViewSelection,
    now: Timestamp,
) -> Result<JobId, Fault> {
    let prepare = |_: &mut Tx, actor: &Actor, module: &Module, selection| {
        stored(actor, module, owner, selection)
    };
    scheduled::schedule(
        db,
        user,
        module,
        JobKind::ChangeOwner,
        wanted,
        &prepare,
        now,
    )
}

/// What a job keeps of its request. Refuses an owner who may not be given the module's records.
pub(super) fn stored(
    actor: &Actor,
    module: &Module,
    owner: UserId,
    selection: Selection,
) -> Result<String, Fault> {
    owner::fit(actor, module, owner).map_err(|unfit| unfit.of_mass(module))?;
    encode(&Request { owner, selection })
}

/// What a call asks for the records that it names.
pub struct Wanted<'a> {
    /// The new owner, who must be fit.
    pub owner: UserId,
    /// The records.
    pub ids: &'a [RecordId],
    /// What of them goes along.
    pub parts: &'a [Part],
    /// Whether the new owner is told.
    pub notify: bool,
}

/// What became of it.
pub struct Given {
    /// Of each record.
    pub settled: BTreeMap<RecordId, Settled>,
    /// What belongs to them and was left as it was.
    pub left: Vec<Left>,
}

/// Gives the named records away at once, inside this transaction, with what belongs to those that
/// could be given. A repeated id is visited once.
pub fn run_now(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Given, Fault> {
    let request = encode(&Request {
        owner: wanted.owner,
        selection: Selection::Ids,
    })?;
    let kind = JobKind::ChangeOwner;
    let (job, settled) = run_named(tx, (actor, module), kind, request, wanted.ids, now)?;
    let writing = Writing {
        job,
        ..Writing::of(actor, module, Cause::Parent, now)
    };
    let with = |accepted: fn(&Settled) -> bool| {
        let these = settled.iter().filter(|(_, settled)| accepted(settled));
        these.map(|(id, _)| *id).collect::<Vec<RecordId>>()
    };
    let given = with(|settled| !matches!(settled, Settled::Failed(_)));
    let (along, left) = related::give(tx, writing, &given, wanted.owner, wanted.parts)?;
    if let Some(job) = job {
        targets::insert_along(tx, job, &along)?;
    }
    if wanted.notify {
        let changed = with(|settled| *settled == Settled::Changed);
        let told = Notice {
            news: News::OwnerChanged,
            module: module.id,
            recipient: wanted.owner,
            actor: actor.user.id,
            job,
            at: now,
        };
        outbox::insert(tx, told, &changed)?;
    }
    Ok(Given { settled, left })
}

/// The change that gives a record of the module to this user.
fn change(module: &Module, owner: UserId) -> Result<Change, Refusal> {
    let gone = || Refusal::new(Code::FieldGone);
    let field = module.field(system::OWNER).ok_or_else(gone)?.id;
    let write = Write::Set(Value::Int(owner.0));
    Ok(Change(vec![FieldWrite { field, write }]))
}

/// What a job was asked to do, as it is told to a reader.
pub(super) fn told(reader: &Actor, module: &Module, job: &Job) -> Result<Json, Fault> {
    let request: Request = decode(job)?;
    Ok(json!({
        "selection": request.selection.told(reader, module),
        "change": { "owner": told::user(reader, request.owner) },
    }))
}

/// A job's request, checked once more against the catalog and the actor's rights as they are now.
pub(super) fn ready(tx: &mut Tx, job: &Job) -> Result<Ready, Fault> {
    let request: Request = decode(job)?;
    let actor = Actor::of(&tx.catalog()?, job.actor)?;
    let module = module_of(&actor, job)?;
    let named = request.selection.named();
    authorise(&actor, module, right(named))?;
    owner::fit(&actor, module, request.owner).map_err(|unfit| unfit.of_mass(module))?;
    Ok(Ready {
        within: request.selection.within(module)?,
        work: Work::Update(change(module, request.owner)?),
        cause: if named { Cause::Owner } else { Cause::Job },
        actor,
    })
}
