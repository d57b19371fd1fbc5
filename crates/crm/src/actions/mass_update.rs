//! Mass update: the same values into the fields of many records (wire API 1).

use crate::actor::Actor;
use crate::change::{Change, FieldWrite};
use crate::record::{self, Writing};
use crate::{input, selection};
use jobs::{Action, Settled};
use model::criteria::{Bound, Criteria};
use model::field::{Field, FieldKind};
use model::id::{FieldId, JobId, RecordId, TerritoryId, UserId, ViewId};
use model::job::JobKind;
use model::limits::VIEW_RECORDS_MAX;
use model::module::Module;
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
use store::changes::Cause;
use store::jobs::{Job, NewJob};
use store::records::{self, Filter};
use store::targets::Target;
use store::{Db, Error, Fault, Tx};

/// What a job keeps of its request: everything resolved, nothing that could mean something else later.
#[derive(Serialize, Deserialize)]
struct Request {
    fields: Vec<StoredWrite>,
    selection: Selection,
}

/// A field's write, with the type that the field had: if that changes, the job cannot go on.
#[derive(Serialize, Deserialize)]
struct StoredWrite {
    kind: FieldKind,
    #[serde(flatten)]
    write: FieldWrite,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Selection {
    /// The targets were named one by one.
    Ids,
    /// The targets must still pass this.
    View {
        cvid: ViewId,
        criteria: Option<Bound>,
        territories: Option<Vec<TerritoryId>>,
    },
}

/// Refuses an actor who may not mass update the module at all (wire API 1.9, step 2).
pub fn authorise(actor: &Actor, module: &Module) -> Result<(), Refusal> {
    actor.require(Right::MassUpdate, module)?;
    actor.require(Right::Edit, module)
}

/// Reads what to write, in the order of checks of wire API 1.3. `with_layout` says whether the
/// version lets a layout be mass updated.
pub fn change(
    actor: &Actor,
    module: &Module,
    data: Option<&Json>,
    over_write: bool,
    with_layout: bool,
) -> Result<Change, Refusal> {
    let object = the_object(module, data)?;
    let mut change = Change::default();
    for (name, json) in object {
        let field = module
            .field(name)
            .filter(|field| field.mass_update && (with_layout || field.kind != FieldKind::Layout))
            .ok_or_else(|| refused(name, "This field cannot be updated in the Mass Update"))?;
        check_right(actor, field)?;
        let value = input::value(actor, module, field, json, "$.data[0]")?;
        check_picks(field, &value)?;
        if value.is_null() && field.mandatory {
            return Err(Refusal::mandatory(name, format!("$.data[0].{name}")));
        }
        change.0.push(input::write(field, value, !over_write));
    }
    Ok(change)
}

fn refused(field: &str, text: &'static str) -> Refusal {
    Refusal::new(Code::InvalidData)
        .saying(text)
        .with("api_name", field)
}

/// The one object of `data`, with at least one field and no more than the module allows.
fn the_object<'a>(
    module: &Module,
    data: Option<&'a Json>,
) -> Result<&'a Map<String, Json>, Refusal> {
    let none = || Refusal::new(Code::InvalidData).saying("No field found");
    let items = data.and_then(Json::as_array).ok_or_else(none)?;
    let object = match items.as_slice() {
        [only] => only.as_object().ok_or_else(none)?,
        [] => return Err(none()),
        _ => {
            let refusal = Refusal::invalid("data", "$.data").with("maximum_length", 1);
            return Err(refusal);
        }
    };
    let max = module.mass_update_fields_max();
    match object.len() {
        0 => Err(none()),
        n if n > max => Err(Refusal::new(Code::InvalidData)
            .saying("Max field limit exceeded")
            .with("limit", max)),
        _ => Ok(object),
    }
}

fn check_right(actor: &Actor, field: &Field) -> Result<(), Refusal> {
    match actor.profile.field(field.id) {
        FieldRight::Editable => Ok(()),
        FieldRight::Hidden => Err(refused(&field.api_name, "Field is not visible")),
        FieldRight::ReadOnly => Err(Refusal::new(Code::NoPermission)
            .saying("Field Edit Permission not given")
            .with("api_name", field.api_name.as_str())),
    }
}

/// A mass action never adds values to a picklist (wire API 22).
fn check_picks(field: &Field, value: &Value) -> Result<(), Refusal> {
    let picks = match field.kind {
        FieldKind::Picklist => value.as_text().map(str::to_owned).into_iter().collect(),
        FieldKind::MultiSelectPicklist => value.elements(),
        _ => return Ok(()),
    };
    if picks.iter().all(|pick| field.pick(pick).is_some()) {
        return Ok(());
    }
    let path = format!("$.data[0].{}", field.api_name);
    Err(Refusal::invalid(&field.api_name, path).with("expected_data_type", field.kind.data_type()))
}

fn stored(module: &Module, change: &Change, selection: Selection) -> Result<String, Fault> {
    let fields = change.0.iter().filter_map(|write| {
        let kind = module.field_by_id(write.field)?.kind.clone();
        Some(StoredWrite {
            kind,
            write: write.clone(),
        })
    });
    let request = Request {
        fields: fields.collect(),
        selection,
    };
    serde_json::to_string(&request)
        .map_err(|error| Error::Inconsistent(format!("a request has no JSON form: {error}")).into())
}

fn new_job(tx: &Tx, actor: &Actor, module: &Module, request: String) -> Result<NewJob, Fault> {
    Ok(NewJob {
        id: JobId(tx.new_id()?),
        kind: JobKind::MassUpdate,
        module: module.id,
        actor: actor.user.id,
        request,
        exclusive: None,
    })
}

/// Updates the named records at once, inside this transaction, and answers for each id what
/// happened. A repeated id is visited once.
pub fn run_now(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    change: &Change,
    ids: &[RecordId],
    now: Timestamp,
) -> Result<BTreeMap<RecordId, Settled>, Fault> {
    let ids: BTreeSet<RecordId> = ids.iter().copied().collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let job = new_job(tx, actor, module, stored(module, change, Selection::Ids)?)?;
    // The revision that a target was accepted at is not asked for in this form: 0 says so.
    let targets: Vec<(RecordId, i64)> = ids.iter().map(|id| (*id, 0)).collect();
    let settled = jobs::run_now(tx, &crate::actions::all(), &job, &targets, now)?;
    Ok(ids.into_iter().zip(settled).collect())
}

/// A view and what narrows it.
pub struct ViewSelection {
    /// The view.
    pub cvid: ViewId,
    /// A territory of it.
    pub territory: Option<selection::TerritoryPart>,
    /// Further criteria.
    pub criteria: Option<Criteria>,
}

/// Schedules the update of a view's records, in the order of checks of wire API 1.9, step 7. The
/// job's targets are frozen and stored when this answers.
pub fn schedule(
    db: &Db,
    user: UserId,
    module: &str,
    change: &Change,
    wanted: &ViewSelection,
    now: Timestamp,
) -> Result<JobId, Fault> {
    jobs::past_given_up(db, now, || {
        schedule_once(db, user, module, change, wanted, now)
    })
}

fn schedule_once(
    db: &Db,
    user: UserId,
    module: &str,
    change: &Change,
    wanted: &ViewSelection,
    now: Timestamp,
) -> Result<JobId, Fault> {
    let exclusive = format!("view:{}", wanted.cvid);
    let (records, request, actor, module) = db.read(|tx| {
        let catalog = tx.catalog()?;
        let actor = Actor::of(&catalog, user)?;
        let invalid = || Refusal::new(Code::InvalidModule);
        let module = catalog.module(module).ok_or_else(invalid)?;
        let ViewSelection {
            cvid,
            territory,
            criteria,
        } = wanted;
        let filter = selection::resolve(&actor, module, *cvid, *territory, criteria.as_ref(), now)?;
        if store::jobs::holding(tx, &exclusive)?.is_some() {
            let refusal = Refusal::new(Code::AlreadyScheduled).with("api_name", "cvid");
            return Err(refusal.into());
        }
        let records = records::select_ids(tx, module, &filter, VIEW_RECORDS_MAX + 1)?;
        if records.len() > VIEW_RECORDS_MAX {
            let refusal = Refusal::new(Code::LimitExceeded).with("limit", VIEW_RECORDS_MAX);
            return Err(refusal.into());
        }
        if records.is_empty() {
            return Err(Refusal::new(Code::NoRecordsFound).into());
        }
        let Filter {
            criteria,
            territories,
            ..
        } = filter;
        let selection = Selection::View {
            cvid: *cvid,
            criteria,
            territories,
        };
        let request = stored(module, change, selection)?;
        Ok((records, request, actor.user.id, module.id))
    })?;
    let id = JobId(db.new_id()?);
    let kind = JobKind::MassUpdate;
    let new = NewJob {
        id,
        kind,
        module,
        actor,
        request,
        exclusive: Some(exclusive),
    };
    match jobs::accept(db, &new, &records, now) {
        Err(Fault::Refused(refusal)) if refusal.code == Code::AlreadyScheduled => {
            Err(refusal.with("api_name", "cvid").into())
        }
        answer => answer.map(|()| id),
    }
}

/// The action behind both forms.
pub struct MassUpdate;

impl Action for MassUpdate {
    fn run(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<Vec<Settled>, Fault> {
        let request: Request = serde_json::from_str(&job.request).map_err(|error| {
            Error::Inconsistent(format!("the request of job {}: {error}", job.id))
        })?;
        let catalog = tx.catalog()?;
        let actor = Actor::of(&catalog, job.actor)?;
        let gone = || Refusal::new(Code::InvalidModule).saying("the module was removed");
        let module = catalog.module_by_id(job.module).ok_or_else(gone)?;
        authorise(&actor, module)?;
        let mut change = Change::default();
        for StoredWrite { kind, write } in request.fields {
            check_right(&actor, same_field(module, write.field, &kind)?)?;
            change.0.push(write);
        }
        let within = match request.selection {
            Selection::Ids => None,
            Selection::View {
                criteria,
                territories,
                ..
            } => {
                let filter = Filter {
                    criteria,
                    territories,
                    ..Filter::default()
                };
                Some(still_fits(module, filter)?)
            }
        };
        let items: Vec<(RecordId, &Change)> = targets
            .iter()
            .map(|target| (target.record, &change))
            .collect();
        let writing = Writing {
            actor: &actor,
            module,
            cause: Cause::Job,
            job: Some(job.id),
            now,
        };
        record::update(tx, writing, &items, within.as_ref())
    }
}

/// The field of a stored write, if it still is what it was.
fn same_field<'a>(module: &'a Module, id: FieldId, kind: &FieldKind) -> Result<&'a Field, Refusal> {
    module
        .field_by_id(id)
        .filter(|field| field.kind == *kind)
        .ok_or_else(|| Refusal::new(Code::FieldGone))
}

/// The filter, if every field that it tests still is what it was.
fn still_fits(module: &Module, filter: Filter) -> Result<Filter, Refusal> {
    match filter
        .criteria
        .as_ref()
        .and_then(|criteria| criteria.misfit(module))
    {
        None => Ok(filter),
        Some(field) => {
            let text = "a field of the selection was removed or changed its type";
            Err(Refusal::new(Code::FieldGone)
                .saying(text)
                .with("api_name", field))
        }
    }
}
