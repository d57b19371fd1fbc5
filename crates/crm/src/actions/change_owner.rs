//! Change owner: records and, on demand, what belongs to them go to another user (wire API 2, 5).

mod related;

use super::accept::run_named;
use super::action::{Exclusive, MassAction, Task, Traits, Writes};
use super::describe;
use super::request::Request;
use super::undo::{Kept, Reversal};
use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::owner;
use crate::record::{Judged, Purpose, Writing};
use crate::selection::{self, SelectionQuery};
use jobs::Settled;
use model::body::Object;
use model::criteria::{Criteria, Fault as CriteriaFault};
use model::id::{RecordId, UserId};
use model::job::JobKind;
use model::limits::CONDITIONS_MAX;
use model::module::{Module, system};
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::scope::{ActionScope, Op};
use model::time::Timestamp;
use model::value::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use store::changes::Cause;
use store::outbox::{self, News, Notice};
use store::targets;
use store::{Fault, Tx};

pub use related::{Left, Part, parts};

/// Gives records to another owner.
pub(crate) struct ChangeOwner;

/// Who gets them.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewOwner {
    owner: UserId,
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
    query: &SelectionQuery,
) -> Result<(), Refusal> {
    let view = query.view.map(|cvid| selection::view(actor, module, cvid));
    let view = view.transpose()?.and_then(|view| view.criteria.as_ref());
    let both = [view, query.criteria.as_ref()];
    let conditions: usize = both.into_iter().flatten().map(Criteria::conditions).sum();
    if conditions <= CONDITIONS_MAX {
        return Ok(());
    }
    Err(too_many_conditions())
}

fn too_many_conditions() -> Refusal {
    Refusal::new(Code::CombinedCriteriaLimitExceeded).with("limit", CONDITIONS_MAX)
}

/// What is to be done to each record, as a job keeps it.
pub fn request(owner: UserId) -> Result<Request, Fault> {
    Request::of::<ChangeOwner>(&NewOwner { owner })
}

/// What a call asks for the records that it names.
pub struct OwnerChange<'a> {
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
    asked: &OwnerChange<'_>,
    now: Timestamp,
) -> Result<Given, Fault> {
    let request = request(asked.owner)?;
    let (job, settled) = run_named(tx, (actor.user.id, module.id), &request, asked.ids, now)?;
    let writing = Writing {
        job,
        ..Writing::of(actor, module, Cause::Parent, now)
    };
    let with = |accepted: fn(&Settled) -> bool| {
        let these = settled.iter().filter(|(_, settled)| accepted(settled));
        these.map(|(id, _)| *id).collect::<Vec<RecordId>>()
    };
    let given = with(|settled| !matches!(settled, Settled::Failed(_)));
    let (along, left) = related::give(tx, writing, &given, asked.owner, asked.parts)?;
    if let Some(job) = job {
        targets::insert_along(tx, job, &along)?;
    }
    if asked.notify {
        let changed = with(|settled| *settled == Settled::Changed);
        let told = Notice {
            news: News::OwnerChanged,
            module: module.id,
            recipient: asked.owner,
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

impl MassAction for ChangeOwner {
    type Change = NewOwner;

    const KIND: JobKind = JobKind::ChangeOwner;
    const TRAITS: Traits = Traits {
        scope: ActionScope::ChangeOwner(Op::Create),
        exclusive: Exclusive::View,
        too_many: Code::RecordLimitExceeded,
        reversal: Reversal {
            done: "change_owner",
            undone: "change_owner",
            authorise: authorise_undo,
            authorise_again: authorise_undo,
            // What went along to a new owner is not counted.
            kept: Kept::EvenUnchanged,
            carries: false,
            judge: None,
        },
        writes: Writes::Fields(&[system::OWNER]),
    };

    fn authorise(actor: &Actor, module: &Module, named: bool) -> Result<(), Refusal> {
        authorise(actor, module, right(named))
    }

    fn read(
        _tx: &mut Tx,
        actor: &Actor,
        _module: &Module,
        body: &Object<'_>,
    ) -> Result<NewOwner, Fault> {
        let change = body.key("change").required()?.object()?;
        if change.has("related_modules") {
            let text = "a job gives no related records along: ask for them by the wire's \
                        change_owner, or by a job of their module";
            let refusal = Refusal::new(Code::NotSupported).saying(text);
            let place = change.key("related_modules");
            return Err(refusal.at(place.place()).into());
        }
        change.known(&["owner"])?;
        let owner = describe::user_named(actor, &change.key("owner").required()?)?;
        Ok(NewOwner { owner })
    }

    fn check(_tx: &mut Tx, actor: &Actor, module: &Module, change: &NewOwner) -> Result<(), Fault> {
        Ok(owner::fit(actor, module, change.owner).map_err(|unfit| unfit.of_mass(module))?)
    }

    fn describe(reader: &Actor, _module: &Module, change: NewOwner) -> Result<Option<Json>, Fault> {
        Ok(Some(
            json!({ "owner": describe::user(reader, change.owner) }),
        ))
    }

    fn judge<'a>(
        tx: &mut Tx,
        task: Task<'a>,
        asked: &'a NewOwner,
        _purpose: Purpose<'a>,
    ) -> Result<Box<dyn Judged + 'a>, Fault> {
        task.judge_change(tx, &change(task.writing.module, asked.owner)?)
    }

    fn cause(named: bool) -> Cause {
        if named { Cause::Owner } else { Cause::Job }
    }
}

/// Whoever may give records away in either form may take that back.
fn authorise_undo(actor: &Actor, module: &Module) -> Result<(), Refusal> {
    authorise(actor, module, Right::MassTransfer)
        .or_else(|_| authorise(actor, module, Right::ChangeOwner))
}
