//! A record's blueprint: the ways on from its state, and going one of them (wire API 14.2).

use super::fields;
use super::meta::joined;
use super::records::{open, path_id, wire_body, writing};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire::{self, Shape};
use crm::Actor;
use crm::blueprint::{self, Offer, Process, TransitionRequest};
use model::blueprint::Transition;
use model::body::Object;
use model::criteria::Criteria;
use model::field::{Field, json_id};
use model::id::TransitionId;
use model::module::Module;
use model::people::Right;
use model::refusal::Refusal;
use serde_json::{Map, Value as Json, json};
use store::changes::Cause;
use store::records::Record;
use store::{Fault, Priority, Tx};

/// `GET /{module}/{id}/actions/blueprint`
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        let writing = writing(call, &actor, &module, Cause::Api);
        let (process, offers) = blueprint::find(tx, writing, path_id(call)?)?;
        let mut transitions = Vec::with_capacity(offers.len());
        for offer in &offers {
            transitions.push(way(tx, (&actor, &module), &process, offer)?);
        }
        let info = process_info(&process);
        Ok(json!({ "process_info": info, "transitions": transitions }))
    })?;
    Ok(Answer::ok(json!({ "blueprint": shown })))
}

fn process_info(process: &Process<'_>) -> Json {
    let Process {
        blueprint, field, ..
    } = process;
    json!({
        "field_id": field.id.to_string(),
        "is_continuous": false,
        "api_name": field.api_name,
        "continuous": false,
        "field_label": field.label,
        "name": blueprint.name,
        "column_name": field.api_name.to_uppercase(),
        "field_value": process.shown.then_some(&process.state),
        "id": blueprint.id.to_string(),
        "field_name": field.label,
        "escalation": null,
    })
}

fn way(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    process: &Process<'_>,
    offer: &Offer<'_>,
) -> Result<Json, Fault> {
    let Offer { transition, met } = *offer;
    let next = process.blueprint.from(&transition.to);
    let next: Vec<Json> = next
        .map(|next| json!({ "id": next.id.to_string(), "name": next.name }))
        .collect();
    let wanted = transition.fields.iter();
    let wanted: Vec<&Field> = wanted
        .filter_map(|id| module.field_by_id(*id))
        .filter(|field| actor.sees(field))
        .collect();
    let fields = (1..).zip(&wanted).map(|(n, field)| {
        let form = Json::Object(fields::wire_form(actor, module, field));
        let here = json!({ "mandatory": true, "transition_sequence": n });
        Json::Object(joined([form, here]))
    });
    let unmet = (!met).then(|| unmet(transition));
    Ok(json!({
        "id": transition.id.to_string(),
        "name": transition.name,
        "type": "manual",
        "next_field_value": transition.to,
        "criteria_matched": met,
        "criteria_message": unmet,
        "percent_partial_save": 0,
        "execution_time": null,
        "color_code": null,
        "text_color_code": null,
        "next_transitions": next,
        "data": values(tx, (actor, module), &wanted, &process.record)?,
        "fields": fields.collect::<Vec<_>>(),
    }))
}

fn unmet(transition: &Transition) -> String {
    let criteria = transition.criteria.as_ref();
    let criteria = criteria.map(Criteria::to_text);
    format!(
        "the record does not meet {}",
        criteria.as_deref().unwrap_or_default()
    )
}

/// What the record holds in the fields that a way demands.
fn values(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    wanted: &[&Field],
    record: &Record,
) -> Result<Json, Fault> {
    let names: Vec<&str> = wanted.iter().map(|field| field.api_name.as_str()).collect();
    let shape = Shape::of(actor, module, &names);
    let places = shape.fields.iter().filter_map(|field| {
        let mut all = module.fields.iter();
        all.position(|known| known.id == field.id)
    });
    let values = places.filter_map(|n| record.values.get(n).cloned());
    let part = Record {
        values: values.collect(),
        ..record.clone()
    };
    let mut shown = wire::show(tx, actor, module, &shape, &[part])?;
    let mut shown = shown.pop().unwrap_or_default();
    if let Some(object) = shown.as_object_mut() {
        object.remove("id");
    }
    Ok(shown)
}

/// `PUT /{module}/{id}/actions/blueprint`: goes one way.
pub(super) fn update(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::Edit, &module)?;
        let id = path_id(call)?;
        let body = call.json_object()?;
        let request = wanted(&wire_body(&body))?;
        let writing = writing(call, &actor, &module, Cause::Api);
        blueprint::go(tx, writing, id, &request)
    })?;
    Ok(Answer::ok(wire::success(
        "transition updated successfully",
        Map::new(),
    )))
}

/// The one transition of a request, and its data. An id that is no number names none.
fn wanted<'a>(body: &Object<'a>) -> Result<TransitionRequest<'a>, Refusal> {
    let list = body.key("blueprint").required()?;
    let items = list.items_up_to(1)?;
    let one = items.first().ok_or_else(|| list.place().mandatory())?;
    let object = one.object()?;
    let id = object.key("transition_id").or_null().required()?;
    Ok(TransitionRequest {
        place: object.place().clone(),
        transition: json_id(id.json()).map(TransitionId),
        data: object.key("data").or_null().object()?,
    })
}
