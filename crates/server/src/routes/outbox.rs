//! `GET /swathe/v1/outbox`: what somebody is to learn of, the newest first.

use super::meta::asker;
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::Actor;
use model::id::{ModuleId, RecordId};
use model::limits::PER_PAGE_MAX;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::outbox::{self, Entry, Place};
use store::{Fault, Tx};

/// What the query string may have.
const PARAMS: [&str; 2] = ["per_page", "page_token"];

fn read_place(text: &str) -> Option<Place> {
    let (at, id) = text.split_once('-')?;
    Some(Place {
        at: Timestamp(at.parse().ok().filter(|at| *at >= 0)?),
        id: model::id::parse(id)?,
    })
}

/// `?per_page=&page_token=`, neither needed. Administrators see every entry, others those that they
/// caused or that tell them something. Answers `{"data":[…],"next_page_token"}`.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let wrong = |param: &str| Refusal::new(Code::InvalidData).with("param_name", param);
    if let Some((odd, _)) = call.query.pairs().find(|(key, _)| !PARAMS.contains(key)) {
        return Err(wrong(odd).saying("there is no such parameter").into());
    }
    let per_page = match call.query.get("per_page") {
        None => PER_PAGE_MAX,
        Some(text) => {
            let number = text.parse().ok().filter(|n| (1..=PER_PAGE_MAX).contains(n));
            number.ok_or_else(|| wrong("per_page").with("limit", PER_PAGE_MAX))?
        }
    };
    let before = call
        .query
        .get("page_token")
        .map(|text| read_place(text).ok_or_else(|| wrong("page_token")))
        .transpose()?;
    let (data, next) = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let own = (!actor.profile.administrator).then_some(actor.user.id);
        let mut entries = outbox::list(tx, own, before, per_page + 1)?;
        let more = entries.len() > per_page;
        entries.truncate(per_page);
        let next = entries.last().filter(|_| more).map(|entry| entry.place);
        let names = names(tx, &actor, &entries)?;
        let show = |entry: &Entry| shown(&actor, entry, names.get(&entry.record));
        let data: Vec<Json> = entries.iter().map(show).collect();
        Ok((data, next))
    })?;
    let next = next.map(|place| format!("{}-{}", place.at.0, place.id));
    Ok(Answer::ok(json!({ "data": data, "next_page_token": next })))
}

/// What the records are called, as far as the actor may know.
fn names(
    tx: &mut Tx,
    actor: &Actor,
    entries: &[Entry],
) -> Result<HashMap<RecordId, String>, Fault> {
    let mut of_modules: BTreeMap<i64, BTreeSet<RecordId>> = BTreeMap::new();
    for entry in entries {
        let of_module = of_modules.entry(entry.module.0).or_default();
        of_module.insert(entry.record);
    }
    let mut names = HashMap::new();
    for (module, ids) in of_modules {
        let module = actor.catalog.module_by_id(ModuleId(module));
        let module = module.filter(|module| actor.profile.may(Right::View, module.id));
        if let Some(module) = module {
            names.extend(wire::names_of(tx, actor, module, ids)?);
        }
    }
    Ok(names)
}

fn shown(actor: &Actor, entry: &Entry, name: Option<&String>) -> Json {
    let module = actor.catalog.module_by_id(entry.module);
    json!({
        "id": entry.place.id.to_string(),
        "kind": entry.kind.as_str(),
        "module": module.map(|module| module.api_name.as_str()),
        "record": { "id": entry.record.to_string(), "name": name },
        "recipient": wire::user_brief(actor, Some(entry.recipient)),
        "actor": wire::user_brief(actor, Some(entry.actor)),
        "job_id": entry.job.map(|job| job.to_string()),
        "at": entry.place.at.to_wire(&actor.zone),
    })
}
