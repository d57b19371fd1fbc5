//! `/swathe/v1/plans`: what a mass action would do, before it does anything. A plan is its user's, by
//! the client that it was made through; to others it is unknown.

use super::approvals;
use super::idempotency::{Once, once};
use super::job_request::for_caller;
use super::mass_request::{self, KEYS, SelectAt, Use, strict};
use super::meta::asker;
use crate::answer::Answer;
use crate::call::Call;
use crate::wire::{self, Shape};
use crm::Actor;
use crm::actions::accept::{self, Prepared};
use crm::plan::{Example, Reason, Summary};
use model::catalog::Catalog;
use model::field::Field;
use model::id::{FieldId, ModuleId, PlanId, RecordId, RuleId};
use model::job::Automation;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::value::Value;
use serde_json::{Map, Value as Json, json};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use store::plans::{self, Plan};
use store::records::{self, Record};
use store::{Fault, Tx};

/// `POST /plans` with a mass action: 201 with what was foreseen. No record is touched.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    once(call, |once| make(call, once))
}

fn make(call: &Call<'_>, once: &Once<'_>) -> Result<Answer, Fault> {
    let (prepared, automation) = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let map = call.json_object()?;
        let body = strict(&map);
        let known: Vec<&str> = KEYS.into_iter().chain(["automation"]).collect();
        body.known(&known)?;
        let made_for = Use {
            select_at: SelectAt::Now,
            counts_everything: false,
        };
        let prepared = mass_request::prepare(tx, call, &actor, &body, made_for)?;
        Ok((prepared, mass_request::automation(&body)?))
    })?;
    made(call, once, prepared, automation.unwrap_or_default())
}

/// Makes the plan of a mass action, or of the undo of a job: 201 with what was foreseen.
pub(super) fn made(
    call: &Call<'_>,
    once: &Once<'_>,
    prepared: Prepared,
    automation: Automation,
) -> Result<Answer, Fault> {
    let for_caller = for_caller(call);
    let mut sealed = |tx: &mut Tx, plan: &Plan, summary: &Summary| {
        let actor = asker(tx, call)?;
        let answer = Answer::json(201, shown(tx, &actor, plan, summary)?);
        once.keep(tx, &answer)?;
        Ok(answer)
    };
    let db = &call.app.db;
    accept::make_plan(db, prepared, &for_caller, automation, call.now, &mut sealed)
}

/// `GET /plans/{plan}`.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let plan = own(tx, call, call.param("plan"))?;
        let summary = Summary::of(&plan)?;
        shown(tx, &actor, &plan, &summary)
    })?;
    Ok(Answer::ok(shown))
}

/// The caller's plan of this id.
pub(super) fn own(tx: &mut Tx, call: &Call<'_>, text: &str) -> Result<Plan, Fault> {
    let unknown = || Refusal::new(Code::NotFound).saying("there is no such plan");
    let id = PlanId::parse(text).ok_or_else(unknown)?;
    let client = call.actor.client.as_ref().map(ToString::to_string);
    let found = plans::find(tx, id)?;
    let own = found.filter(|plan| plan.actor == call.actor.user && plan.client == client);
    Ok(own.ok_or_else(unknown)?)
}

/// THE form of a plan.
pub(super) fn shown(
    tx: &mut Tx,
    reader: &Actor,
    plan: &Plan,
    summary: &Summary,
) -> Result<Json, Fault> {
    let catalog = &reader.catalog;
    let module = catalog.module_by_id(plan.module);
    let viewed = module.filter(|module| reader.profile.may(Right::View, module.id));
    let sample = match viewed {
        Some(module) => sample(tx, reader, module, &summary.sample)?,
        None => Vec::new(),
    };
    let fires = accept::plan_fires(plan)?;
    let name = |id: &ModuleId| catalog.module_by_id(*id).map(|m| m.api_name.as_str());
    let counted = |(id, count): (&ModuleId, &i64)| json!({ "module": name(id), "count": count });
    let attaches = summary
        .attaches
        .iter()
        .map(|(id, by, count)| json!({ "module": name(id), "by": by, "count": count }));
    Ok(json!({
        "id": plan.id.to_string(),
        "action": plan.kind.action(),
        "module": module.map(|module| module.api_name.as_str()),
        "counts": {
            "selected": summary.total(),
            "change": summary.change,
            "unchanged": summary.unchanged,
            "refused": summary.refused,
        },
        "refused": summary.reasons.iter().map(reason).collect::<Vec<Json>>(),
        "refused_in_part": summary.in_part.iter().map(reason).collect::<Vec<Json>>(),
        "along": summary.along.iter().map(counted).collect::<Vec<Json>>(),
        "makes": summary.makes.iter().map(counted).collect::<Vec<Json>>(),
        "attaches": attaches.collect::<Vec<Json>>(),
        "automation": {
            "mode": if fires { "fire" } else { "suppress" },
            "would_fire": would_fire(catalog, summary),
            "approval_processes": would_enter(module, summary),
        },
        "sample": sample,
        "catalog_version": plan.catalog_version,
        "created_at": plan.created_at.to_utc(),
        "expires_at": plan.expires_at.to_utc(),
        "job": plan.job.map(|job| job.to_string()),
    }))
}

/// How often each workflow rule would fire, the most frequent first.
fn would_fire(catalog: &Catalog, summary: &Summary) -> Vec<Json> {
    let mut fires: Vec<(&RuleId, &i64)> = summary.fires.iter().collect();
    fires.sort_by_key(|(_, count)| Reverse(**count));
    let told = fires
        .into_iter()
        .map(|(rule, count)| json!({ "rule": rule_brief(catalog, *rule), "count": count }));
    told.collect()
}

/// How many records would enter each approval process.
fn would_enter(module: Option<&Module>, summary: &Summary) -> Vec<Json> {
    let told = summary.enters.iter().map(|(id, count)| {
        let process = module.and_then(|module| module.rules.approval_process(*id));
        json!({ "process": approvals::brief(process, *id), "count": count })
    });
    told.collect()
}

/// A workflow rule by id and name; without a name when it was removed.
pub(super) fn rule_brief(catalog: &Catalog, id: RuleId) -> Json {
    let name = catalog
        .workflow_rule(id)
        .map(|(_, rule)| rule.name.as_str());
    json!({ "id": id.to_string(), "name": name })
}

fn reason(reason: &Reason) -> Json {
    let ids = reason.sample.iter().map(ToString::to_string);
    json!({
        "code": reason.code,
        "message": reason.message,
        "count": reason.count,
        "sample": ids.collect::<Vec<String>>(),
    })
}

/// The records of a sample that the reader sees now, with the fields that they see.
fn sample(
    tx: &mut Tx,
    reader: &Actor,
    module: &Module,
    examples: &[Example],
) -> Result<Vec<Json>, Fault> {
    let ids = || examples.iter().map(|example| example.record);
    let seen = reader.seen(module).of_ids(ids());
    let seen = records::select_ids(tx, module, &seen, examples.len())?;
    let seen: HashSet<RecordId> = seen.into_iter().map(|(id, _)| id).collect();
    let names = wire::names_of(tx, reader, module, ids())?;
    let names: HashMap<RecordId, String> = names.into_iter().collect();
    let written = |field: &Field| {
        let mut all = examples.iter().flat_map(|example| &example.after);
        all.any(|(id, _)| *id == field.id)
    };
    let fields = module.fields.iter();
    let shape = Shape {
        fields: fields.filter(|f| written(f) && reader.sees(f)).collect(),
        territories: false,
        tags: false,
        system_keys: false,
    };
    let shown: Vec<&Example> = examples
        .iter()
        .filter(|e| seen.contains(&e.record))
        .collect();
    let before = side(tx, reader, module, &shape, &shown, |example| {
        &example.before
    })?;
    let after = side(tx, reader, module, &shape, &shown, |example| &example.after)?;
    let sides = before.into_iter().zip(after);
    let told = shown.iter().zip(sides).map(|(example, (before, after))| {
        json!({
            "id": example.record.to_string(),
            "name": names.get(&example.record),
            "before": before,
            "after": after,
        })
    });
    Ok(told.collect())
}

/// The values before, or after, in the forms in which records are told.
fn side<'e>(
    tx: &mut Tx,
    reader: &Actor,
    module: &Module,
    shape: &Shape<'_>,
    examples: &[&'e Example],
    of: fn(&'e Example) -> &'e [(FieldId, Value)],
) -> Result<Vec<Json>, Fault> {
    let value = |example: &'e Example, field: &Field| {
        let found = of(example).iter().find(|(id, _)| *id == field.id);
        found.map(|(_, value)| value.clone())
    };
    let record = |example: &&'e Example| Record {
        id: example.record,
        rev: 0,
        values: (shape.fields.iter())
            .map(|field| value(example, field).unwrap_or_default())
            .collect(),
    };
    let records: Vec<Record> = examples.iter().map(record).collect();
    let shown = wire::show(tx, reader, module, shape, &records)?;
    let own = shown.into_iter().zip(examples).map(|(json, example)| {
        let mut told = Map::new();
        for field in &shape.fields {
            if value(example, field).is_some() {
                let name = field.api_name.as_str();
                told.insert(name.to_owned(), json.get(name).cloned().unwrap_or_default());
            }
        }
        Json::Object(told)
    });
    Ok(own.collect())
}
