//! A mass action in the body of a native request, for a plan or a job: `action`, `module`, `selection`,
//! `change`, `expected_count`. A key that is unknown, or known but empty, could mean other records than
//! the caller thinks, and is refused.

use super::native::require_scope;
use crate::call::Call;
use crm::Actor;
use crm::actions::accept::{Prepared, Select, prepare as prepare_action};
use crm::actions::{authorise, read};
use crm::selection::{self, SelectionQuery, TerritoryPart};
use model::body::{Manner, Object};
use model::field::json_id;
use model::id::{RecordId, TerritoryId, ViewId};
use model::job::{Automation, JobKind};
use model::module::Module;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;
use store::{Fault, Tx};

/// The keys of a mass action.
pub(super) const KEYS: [&str; 5] = ["action", "module", "selection", "change", "expected_count"];

/// When the records are selected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SelectAt {
    /// When the request is answered.
    Now,
    /// When the job starts.
    Start,
}

/// What the caller of a mass action makes of it.
#[derive(Clone, Copy)]
pub(super) struct Use {
    /// When the records are selected.
    pub(super) select_at: SelectAt,
    /// Whether who says `everything` must say how many that is.
    pub(super) counts_everything: bool,
}

/// A body of a mass action or of what is done to its jobs.
pub(super) fn strict(body: &Map<String, Json>) -> Object<'_> {
    Object::body(body, Manner::NATIVE_STRICT)
}

/// Reads and prepares the mass action that a body asks for. Its keys are known to be [`KEYS`] and some
/// of the caller's own. Checks in the order of every request: scope, module, right, then the rest.
pub(super) fn prepare(
    tx: &mut Tx,
    call: &Call<'_>,
    actor: &Actor,
    body: &Object<'_>,
    made_for: Use,
) -> Result<Prepared, Fault> {
    let kind = kind(body)?;
    let named = body.key("module").required()?;
    let name = named.text()?;
    let module = actor.catalog.module(name);
    require_scope(call, kind, name, module)?;
    let invalid = || Refusal::new(Code::InvalidModule).with("api_name", "module");
    let module = module.ok_or_else(invalid)?;
    let selection = body.key("selection").required()?.object()?;
    let by_ids = selection.map().len() == 1 && selection.has("ids");
    authorise(kind, actor, module, by_ids)?;
    let request = read(kind, tx, actor, module, body).map_err(placed_fault)?;
    let query = query(actor, module, &selection)?;
    let expected = body.key("expected_count").whole(0..=i64::MAX)?;
    if query.everything && made_for.counts_everything && expected.is_none() {
        let refusal = body.key("expected_count").place().mandatory();
        let text = "who asks for every record must say how many that is";
        return Err(refusal.saying(text).into());
    }
    let select = match made_for.select_at {
        SelectAt::Now => Select::Now(expected),
        SelectAt::Start if expected.is_some() => {
            let refusal = body.key("expected_count").place().invalid();
            let text = "how many records there will be at the start is not known now";
            return Err(refusal.saying(text).into());
        }
        SelectAt::Start => Select::AtStart,
    };
    let prepared = prepare_action(tx, (actor, module), &request, &query, select, call.now);
    prepared.map_err(placed_fault)
}

fn placed_fault(fault: Fault) -> Fault {
    match fault {
        Fault::Refused(refusal) => placed(*refusal).into(),
        fault @ Fault::Store(_) => fault,
    }
}

/// Which action: every kind but an undo, which is asked for at the job that it undoes.
fn kind(body: &Object<'_>) -> Result<JobKind, Refusal> {
    let node = body.key("action").required()?;
    let word = node.text()?;
    JobKind::of_action(word).ok_or_else(|| {
        let kinds = JobKind::ALL.iter().filter(|kind| **kind != JobKind::Undo);
        node.place().no_such_word(kinds.map(|kind| kind.action()))
    })
}

/// A refusal that other rooms word for the wire API, with the place in a native body.
fn placed(refusal: Refusal) -> Refusal {
    const PLACES: [(&str, &str); 5] = [
        ("$.data[0]", "$.change.fields"),
        ("$.owner", "$.change.owner"),
        ("$.cvid", "$.selection.cvid"),
        ("$.territory", "$.selection.territory"),
        ("$.criteria", "$.selection.criteria"),
    ];
    let path = refusal.details.get("json_path").and_then(Json::as_str);
    let moved = path.and_then(|path| {
        let mut places = PLACES.iter();
        places.find_map(|(wire, native)| Some(format!("{native}{}", path.strip_prefix(wire)?)))
    });
    match moved {
        Some(path) => refusal.with("json_path", path),
        None => refusal,
    }
}

/// Which records.
fn query(actor: &Actor, module: &Module, object: &Object<'_>) -> Result<SelectionQuery, Refusal> {
    const PARTS: [&str; 6] = ["ids", "view", "cvid", "criteria", "territory", "everything"];
    object.known(&PARTS)?;
    let mut query = SelectionQuery::default();
    if object.has("view") && object.has("cvid") {
        let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
        let both = ["view", "cvid"].map(|key| object.key(key).place().json_path().to_owned());
        return Err(refusal.with("ambiguity_due_to", both.to_vec()));
    }
    for node in object.nodes() {
        let path = node.place().json_path();
        match node.place().api_name() {
            "ids" => {
                let ids = node
                    .items()?
                    .into_iter()
                    .map(|item| item.id().map(RecordId));
                query.ids = Some(ids.collect::<Result<BTreeSet<_>, _>>()?);
            }
            "view" => {
                query.view = Some(selection::view_named(actor, module, node.text()?, path)?);
            }
            "cvid" => {
                let id = json_id(node.json()).map(ViewId);
                query.view = Some(id.ok_or_else(|| node.place().invalid())?);
            }
            "criteria" => {
                query.criteria = Some(selection::criteria(actor, module, node.text()?, path)?);
            }
            "territory" => query.territory = Some(territory(&node.object()?)?),
            _ => {
                if !node.boolean()? {
                    let refusal = node.place().invalid();
                    return Err(refusal.saying("say true, or leave the key out"));
                }
                query.everything = true;
            }
        }
    }
    query.check()?;
    if let Some(view) = query.view {
        selection::view(actor, module, view).map_err(placed)?;
    }
    Ok(query)
}

fn territory(object: &Object<'_>) -> Result<TerritoryPart, Refusal> {
    object.known(&["id", "include_child"])?;
    let id = object.key("id");
    let known = id.node().and_then(|node| json_id(node.json()));
    let wrong = || {
        let refusal = id.place().invalid();
        refusal.saying("the id given seems to be invalid")
    };
    let include_child = object.key("include_child").flag()?;
    Ok(TerritoryPart {
        id: known.map(TerritoryId).ok_or_else(wrong)?,
        include_child,
    })
}

/// What a body asks about automation, if it says a word.
pub(super) fn automation(body: &Object<'_>) -> Result<Option<Automation>, Refusal> {
    let Some(node) = body.key("automation").node() else {
        return Ok(None);
    };
    let known = Automation::parse(node.text()?);
    let unknown = || {
        let words = Automation::ALL.iter().map(|automation| automation.as_str());
        node.place().no_such_word(words)
    };
    known.map(Some).ok_or_else(unknown)
}
