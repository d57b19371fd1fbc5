//! `/swathe/v1/approvals` and `/swathe/v1/records/{module}/{id}/approval`: records that wait for
//! somebody's approval, and deciding about them.

use super::meta::asker;
use super::native::{self, administrators_only};
use super::records::{open, writing};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::Actor;
use crm::approval::{self, Said, Wanted};
use crm::record::Writing;
use model::approval::{ApprovalProcess, ApprovalState};
use model::body::Object;
use model::id::{ModuleId, ProcessId, RecordId};
use model::limits::{APPROVAL_COMMENT_MAX, APPROVAL_STEPS_MAX, APPROVALS_PER_PAGE};
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::approvals::{Approval, Decided, Place};
use store::changes::Cause;
use store::{Fault, Priority, Tx};

/// What the query string of the list may have.
const PARAMS: [&str; 4] = ["state", "module", "all", "page_token"];

/// `GET /approvals?state=&module=&all=&page_token=`, none of them needed: what waits for the asking
/// user, the longest first. With `all=true` administrators see everything.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let (data, next) = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let (wanted, after) = wanted(call, &actor)?;
        if wanted.all {
            administrators_only(tx, call.actor.user)?;
        }
        let (found, next) = approval::list(tx, &actor, wanted, after, APPROVALS_PER_PAGE)?;
        let names = names(tx, &actor, &found)?;
        let show = |approval: &Approval| {
            let module = actor.catalog.module_by_id(approval.module);
            let mut form = form(&actor, module, approval);
            let record = json!({
                "id": approval.record.to_string(), "name": names.get(&approval.record),
            });
            form.insert("record".to_owned(), record);
            let module = module.map(|module| module.api_name.as_str());
            form.insert("module".to_owned(), module.into());
            Json::Object(form)
        };
        Ok((found.iter().map(show).collect::<Vec<Json>>(), next))
    })?;
    let next = next.map(|(at, record)| format!("{}-{record}", at.0));
    Ok(Answer::ok(json!({ "data": data, "next_page_token": next })))
}

/// `GET …/approval`: how it stands with the record, and what was decided about it last.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let told = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        told(tx, &actor, &module, id(call)?)
    })?;
    Ok(Answer::ok(told))
}

/// `POST …/approval/actions/approve` with `{"comment","step"}`, neither needed.
pub(super) fn approve(call: &Call<'_>) -> Result<Answer, Fault> {
    act(call, &["comment", "step"], |tx, writing, id, said, _| {
        approval::approve(tx, writing, id, said)
    })
}

/// `POST …/approval/actions/reject`, likewise.
pub(super) fn reject(call: &Call<'_>) -> Result<Answer, Fault> {
    act(call, &["comment", "step"], |tx, writing, id, said, _| {
        approval::reject(tx, writing, id, said)
    })
}

/// `POST …/approval/actions/resubmit` with `{"comment","fields"}`, neither needed: `fields` are new
/// values of the record.
pub(super) fn resubmit(call: &Call<'_>) -> Result<Answer, Fault> {
    act(
        call,
        &["comment", "fields"],
        |tx, writing, id, said, body| {
            let fields = body.key("fields").object()?;
            let change = fields.map(|fields| approval::correction(tx, writing, &fields));
            let change = change.transpose()?;
            approval::resubmit(tx, writing, id, said, change.as_ref())
        },
    )
}

type Deed = fn(&mut Tx, Writing<'_>, RecordId, &Said, &Object<'_>) -> Result<(), Fault>;

/// Does something about a record's approval, and answers how it stands then.
fn act(call: &Call<'_>, keys: &[&str], deed: Deed) -> Result<Answer, Fault> {
    let body = if call.body.is_empty() {
        Map::new()
    } else {
        call.json_object()?
    };
    let body = native::body(&body);
    body.known(keys)?;
    let most = i64::try_from(APPROVAL_STEPS_MAX).unwrap_or(i64::MAX);
    let comment = body.key("comment").text()?;
    if comment.is_some_and(|text| text.chars().count() > APPROVAL_COMMENT_MAX) {
        return Err(body
            .key("comment")
            .place()
            .too_long(APPROVAL_COMMENT_MAX)
            .into());
    }
    let said = Said {
        comment: comment.map(str::to_owned),
        step: body.key("step").whole(1..=most)?.map(|step| step - 1),
    };
    let told = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        let id = id(call)?;
        let writing = writing(call, &actor, &module, Cause::Api);
        deed(tx, writing, id, &said, &body)?;
        told(tx, &actor, &module, id)
    })?;
    Ok(Answer::ok(told))
}

fn no_record() -> Refusal {
    Refusal::new(Code::NotFound).saying("there is no such record")
}

fn id(call: &Call<'_>) -> Result<RecordId, Refusal> {
    RecordId::parse(call.param("id")).ok_or_else(no_record)
}

/// Which approvals the query string asks for, and from where on.
fn wanted(call: &Call<'_>, actor: &Actor) -> Result<(Wanted, Option<Place>), Refusal> {
    let wrong = |param: &str| Refusal::new(Code::InvalidData).with("param_name", param);
    let mut wanted = Wanted {
        state: ApprovalState::Pending,
        module: None,
        all: false,
    };
    let mut after = None;
    for (key, text) in call.query.pairs() {
        match key {
            "state" => {
                let words = || ApprovalState::ALL.map(ApprovalState::as_str).to_vec();
                let unknown = || wrong(key).with("supported_values", words());
                wanted.state = ApprovalState::parse(text).ok_or_else(unknown)?;
            }
            "module" => {
                let unknown = || wrong(key).saying("there is no such module");
                wanted.module = Some(actor.catalog.module(text).ok_or_else(unknown)?.id);
            }
            "all" => {
                let unknown = || wrong(key).with("supported_values", vec!["true", "false"]);
                wanted.all = text.parse().map_err(|_| unknown())?;
            }
            "page_token" => after = Some(place(text).ok_or_else(|| wrong(key))?),
            _ => {
                let refusal = wrong(key).saying("there is no such parameter");
                return Err(refusal.with("supported_values", PARAMS.to_vec()));
            }
        }
    }
    Ok((wanted, after))
}

/// Where a page begins.
fn place(text: &str) -> Option<Place> {
    let (at, id) = text.split_once('-')?;
    let at = at.parse().ok().filter(|at| *at >= 0)?;
    Some((Timestamp(at), RecordId::parse(id)?))
}

/// What the records are called, as far as the actor may know.
fn names(
    tx: &mut Tx,
    actor: &Actor,
    found: &[Approval],
) -> Result<HashMap<RecordId, String>, Fault> {
    let mut of_modules: BTreeMap<i64, BTreeSet<RecordId>> = BTreeMap::new();
    for approval in found {
        let of_module = of_modules.entry(approval.module.0).or_default();
        of_module.insert(approval.record);
    }
    let mut names = HashMap::new();
    for (module, ids) in of_modules {
        if let Some(module) = actor.catalog.module_by_id(ModuleId(module)) {
            names.extend(wire::names_of(tx, actor, module, ids)?);
        }
    }
    Ok(names)
}

/// How many decisions are told with a record.
const DECISIONS: usize = 100;

/// How it stands with a record.
fn told(tx: &mut Tx, actor: &Actor, module: &Module, id: RecordId) -> Result<Json, Fault> {
    let told = approval::of(tx, actor, module, id, DECISIONS)?;
    let (found, decisions) = told.ok_or_else(no_record)?;
    let approval = found.map(|found| Json::Object(form(actor, Some(module), &found)));
    let decided = |one: &Decided| {
        json!({
            "decision": one.decision.as_str(),
            "process": brief(module.rules.approval_process(one.process), one.process),
            "step": one.step + 1,
            "actor": wire::user_brief(actor, Some(one.actor)),
            "comment": one.comment,
            "at": one.at.to_utc(),
        })
    };
    let decisions: Vec<Json> = decisions.iter().map(decided).collect();
    Ok(json!({ "approval": approval, "decisions": decisions }))
}

/// A process by id and name; without a name when it was removed.
pub(super) fn brief(process: Option<&ApprovalProcess>, id: ProcessId) -> Json {
    json!({ "id": id.to_string(), "name": process.map(|process| process.name.as_str()) })
}

fn form(actor: &Actor, module: Option<&Module>, approval: &Approval) -> Map<String, Json> {
    let process = module.and_then(|module| module.rules.approval_process(approval.process));
    let form = [
        ("state", approval.state.as_str().into()),
        ("process", brief(process, approval.process)),
        ("step", (approval.step + 1).into()),
        ("steps", process.map(|process| process.steps.len()).into()),
        ("job", approval.job.map(|job| job.to_string()).into()),
        (
            "submitted_by",
            wire::user_brief(actor, Some(approval.submitted_by)),
        ),
        ("submitted_at", approval.submitted_at.to_utc().into()),
    ];
    form.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
