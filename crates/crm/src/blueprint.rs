//! Blueprints: which records enter one, which ways it offers them, and going one of these
//! (wire API 14.2).

use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::input::{self, check_references};
use crate::judge::{Columns, Facts, denied, standing_still};
use crate::record::{self, Standing, Writing};
use crate::selection;
use jobs::Settled;
use model::access::Access;
use model::blueprint::{Blueprint, Transition};
use model::body::{Object, Place};
use model::criteria::{Bound, Criteria, Test};
use model::field::{Field, FieldKind};
use model::id::{RecordId, TransitionId};
use model::module::{Module, system};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::value::{Value, fold};
use std::collections::BTreeSet;
use store::changes::Cause;
use store::records::{self, Filter, Record};
use store::{Fault, Tx, blueprints};

/// A record in its blueprint.
pub struct Process<'a> {
    /// The blueprint.
    pub blueprint: &'a Blueprint,
    /// The picklist whose values are the states.
    pub field: &'a Field,
    /// The record's state.
    pub state: String,
    /// Whether the actor sees the picklist, and with it where the record stands and may go.
    pub shown: bool,
    /// The record, with every field of its module.
    pub record: Record,
}

/// A way that a blueprint offers a record.
pub struct Offer<'a> {
    /// The way.
    pub transition: &'a Transition,
    /// Whether the record meets its criteria; without that, nobody can go it.
    pub met: bool,
}

/// The process that a record is in, and the ways on from its state that the actor may go.
pub fn find<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    id: RecordId,
) -> Result<(Process<'a>, Vec<Offer<'a>>), Fault> {
    let Writing { actor, module, .. } = writing;
    actor.require(Right::View, module)?;
    let standing = record::seen(tx, writing, id)?;
    let (process, access) = open(actor, module, standing)?;
    let open_to_actor = process.shown && access >= Access::Write;
    let mut offers = Vec::new();
    for transition in process.blueprint.from(&process.state) {
        if open_to_actor && may_go(actor, module, &process.record, transition) {
            let met = meets(tx, writing, id, transition)?;
            offers.push(Offer { transition, met });
        }
    }
    Ok((process, offers))
}

/// The process of a record that nothing keeps where it is, and what the actor may do with it.
fn open<'a>(
    actor: &Actor,
    module: &'a Module,
    standing: Option<Standing>,
) -> Result<(Process<'a>, Access), Refusal> {
    let unknown = || {
        let refusal = Refusal::new(Code::InvalidData).saying("the id given seems to be invalid");
        refusal.with("resource_path_index", 1)
    };
    let Standing { record, facts, .. } = standing.ok_or_else(unknown)?;
    let columns = Columns::all(module);
    if let Some(refusal) = standing_still(&record, &columns, &facts) {
        return Err(refusal);
    }
    let blueprint = facts.blueprint.and_then(|id| module.blueprint(id));
    let field = blueprint.and_then(|blueprint| module.field_by_id(blueprint.field));
    let (Some(blueprint), Some(field)) = (blueprint, field) else {
        return Err(Refusal::new(Code::RecordNotInProcess));
    };
    let state = columns.value(&record, &field.api_name).as_text();
    let process = Process {
        blueprint,
        field,
        state: state.unwrap_or_default().to_owned(),
        shown: actor.sees(field),
        record,
    };
    Ok((process, facts.access))
}

/// Whether the actor is one of those who may go this way. Administrators may go every way.
fn may_go(actor: &Actor, module: &Module, record: &Record, transition: &Transition) -> bool {
    let owner = Columns::all(module).value(record, system::OWNER).as_int();
    let owns = !transition.owner_only || owner == Some(actor.user.id.0);
    let named = transition.profiles.is_empty() || transition.profiles.contains(&actor.profile.id);
    actor.profile.administrator || (owns && named)
}

/// Whether a record meets a transition's criteria as it is stored now.
fn meets(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    transition: &Transition,
) -> Result<bool, Fault> {
    let Some(criteria) = &transition.criteria else {
        return Ok(true);
    };
    let bound = bind(writing, criteria)?;
    Ok(!selected(tx, writing.module, bound, &[id])?.is_empty())
}

fn bind(writing: Writing<'_>, criteria: &Criteria) -> Result<Bound, Refusal> {
    selection::bind(writing.actor, writing.module, criteria, writing.now)
}

/// Which of these records pass a criteria.
fn selected(
    tx: &mut Tx,
    module: &Module,
    criteria: Bound,
    ids: &[RecordId],
) -> Result<Vec<RecordId>, Fault> {
    let filter = Filter {
        criteria: Some(criteria),
        ..Filter::everything().of_ids(ids.iter().copied())
    };
    let found = records::select_ids(tx, module, &filter, ids.len())?;
    Ok(found.into_iter().map(|(id, _)| id).collect())
}

/// The way that a request asks a record to go.
pub struct TransitionRequest<'a> {
    /// Where the request says so.
    pub place: Place,
    /// Which way, if what names it is an id.
    pub transition: Option<TransitionId>,
    /// Values for the record.
    pub data: Option<Object<'a>>,
}

/// Brings a record to another state, with the values that the way there demands.
pub fn go(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    request: &TransitionRequest<'_>,
) -> Result<(), Fault> {
    let Writing { actor, module, .. } = writing;
    actor.require(Right::Edit, module)?;
    let standing = record::one(tx, writing, id)?;
    let refused = standing
        .as_ref()
        .and_then(|s| denied(id, &s.facts, Access::Write));
    if let Some(refusal) = refused {
        return Err(refusal.into());
    }
    let (process, _) = open(actor, module, standing)?;
    let Process {
        blueprint, field, ..
    } = process;
    let place = request.place.key("transition_id");
    let forbidden = || Refusal::new(Code::NoPermission).at(&place);
    // Before the way is looked at: whether it starts here would tell the hidden state.
    if !process.shown {
        return Err(forbidden().into());
    }
    let invalid = || {
        let refusal = Refusal::new(Code::InvalidData).saying("invalid transition");
        refusal.at(&place)
    };
    let transition = request
        .transition
        .and_then(|id| blueprint.transition(id))
        .filter(|transition| transition.starts_at(&process.state))
        .ok_or_else(invalid)?;
    if !may_go(actor, module, &process.record, transition) {
        return Err(forbidden().into());
    }
    if !meets(tx, writing, id, transition)? {
        return Err(invalid().into());
    }
    let mut change = match &request.data {
        Some(data) => input::change(actor, module, data, &BTreeSet::new())?,
        None => Change::default(),
    };
    let data = request.place.key("data");
    if change.of(field.id).is_some() {
        let text = "the transition itself writes the blueprint's field";
        let refusal = data.key(&field.api_name).invalid();
        return Err(refusal.saying(text).into());
    }
    let values = change.0.iter().filter_map(|part| match &part.write {
        Write::Set(value) => Some((module.field_by_id(part.field)?, value)),
        Write::Append(_) => None,
    });
    let row: Vec<(&Field, &Value)> = values.collect();
    check_data(tx, writing, (transition, &data), &process.record, &row)?;
    let state = Write::Set(Value::text(transition.to.as_str()));
    change.0.push(FieldWrite {
        field: field.id,
        write: state,
    });
    let writing = Writing {
        cause: Cause::Blueprint,
        ..writing
    };
    for settled in record::update(tx, writing, &[(id, &change)], record::Expected::default())? {
        if let Settled::Failed(refusal) = settled {
            return Err(refusal.into());
        }
    }
    if !blueprint.leads_on(&transition.to) {
        blueprints::delete_of(tx, &[id])?;
        enter(tx, writing, &[id])?;
    }
    Ok(())
}

/// Refuses lookups that name no record, and a way whose fields would have no value at its end.
fn check_data(
    tx: &mut Tx,
    writing: Writing<'_>,
    (transition, place): (&Transition, &Place),
    record: &Record,
    row: &[(&Field, &Value)],
) -> Result<(), Fault> {
    let Writing { actor, module, .. } = writing;
    let dangling = check_references(tx, actor, &[row.to_vec().into()])?;
    if let Some(field) = dangling.into_iter().flatten().next() {
        return Err(input::dangling(place, field).into());
    }
    let columns = Columns::all(module);
    for field in transition
        .fields
        .iter()
        .filter_map(|id| module.field_by_id(*id))
    {
        let given = row.iter().find(|(known, _)| known.id == field.id);
        let stands = || columns.value(record, &field.api_name);
        if given.map_or_else(stands, |(_, value)| value).is_null() {
            return Err(place.key(&field.api_name).mandatory().into());
        }
    }
    Ok(())
}

/// Puts those of these records, which are in no process, into the first blueprint that takes them:
/// a few statements for each blueprint of the module, none where there is none.
pub(crate) fn enter(tx: &mut Tx, writing: Writing<'_>, ids: &[RecordId]) -> Result<(), Fault> {
    let Writing {
        module, job, now, ..
    } = writing;
    let mut rest = ids.to_vec();
    for blueprint in &module.blueprints {
        if rest.is_empty() {
            break;
        }
        let Some(entry) = entry_of(writing, blueprint)? else {
            continue;
        };
        let entering: BTreeSet<RecordId> =
            selected(tx, module, entry, &rest)?.into_iter().collect();
        rest.retain(|id| !entering.contains(id));
        let entering: Vec<RecordId> = entering.into_iter().collect();
        if !entering.is_empty() {
            blueprints::enter(tx, module.id, blueprint.id, &entering, (job, now))?;
        }
    }
    Ok(())
}

/// What a record must be like to enter: in a state that leads on, of the layout, and as the
/// blueprint's own criteria say.
fn entry_of(writing: Writing<'_>, blueprint: &Blueprint) -> Result<Option<Bound>, Refusal> {
    let module = writing.module;
    let Some(field) = module.field_by_id(blueprint.field) else {
        return Ok(None);
    };
    let states = blueprint.starts().into_iter().map(fold).collect();
    let mut all = vec![test(field, Test::TextOneOf(states))];
    if let Some(layout) = blueprint.layout {
        let mut fields = module.fields.iter();
        let field = fields.find(|field| field.kind == FieldKind::Layout);
        all.extend(field.map(|field| test(field, Test::OneOf(vec![layout.0]))));
    }
    if let Some(criteria) = &blueprint.criteria {
        all.push(bind(writing, criteria)?);
    }
    Ok(Some(Bound::All(all)))
}

fn test(field: &Field, test: Test) -> Bound {
    Bound::Test {
        field: field.id,
        column: field.api_name.clone(),
        test,
    }
}

/// Refuses a value of the blueprint's field, which only a transition changes (wire API 1.6).
pub(crate) fn refuse_field(
    module: &Module,
    field: &Field,
    id: RecordId,
    facts: &Facts,
) -> Option<Refusal> {
    let blueprint = facts.blueprint.and_then(|id| module.blueprint(id))?;
    let held = blueprint.field == field.id && !facts.in_transition;
    held.then(|| Refusal::new(Code::RecordInBlueprint).with("id", id.to_string()))
}
