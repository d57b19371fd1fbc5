//! A mass action in the body of a native request, for a plan or a job: `action`, `module`, `selection`,
//! `change`, `expected_count`. A key that is unknown, or known but empty, could mean other records than
//! the caller thinks, and is refused.

use super::convert_request;
use super::native::{known_keys, require_scope};
use crate::call::Call;
use crm::Actor;
use crm::actions::mass_update;
use crm::actions::request::{self, Doing, Prepared};
use crm::selection::{self, TerritoryPart, Wanted};
use model::field::json_id;
use model::id::{RecordId, TerritoryId, UserId, ViewId};
use model::job::{Automation, JobKind};
use model::limits::UPDATE_FIELDS_MAX;
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

/// Reads and prepares the mass action that a body asks for. Its keys are known to be [`KEYS`] and some
/// of the caller's own. Checks in the order of every request: scope, module, right, then the rest.
pub(super) fn prepare(
    tx: &mut Tx,
    call: &Call<'_>,
    actor: &Actor,
    body: &Map<String, Json>,
    wanted_for: Use,
) -> Result<Prepared, Fault> {
    let kind = kind(body)?;
    let name = text(body, "module", "$.module")?;
    let module = actor.catalog.module(name);
    require_scope(call, kind, name, module)?;
    let invalid = || Refusal::new(Code::InvalidModule).with("api_name", "module");
    let module = module.ok_or_else(invalid)?;
    let selection = object(body, "selection", "$.selection")?;
    let named = selection.len() == 1 && selection.contains_key("ids");
    request::authorise(actor, module, kind, named)?;
    let doing = doing(tx, actor, module, kind, body).map_err(placed_fault)?;
    let wanted = wanted(actor, module, selection)?;
    let expected = match body.get("expected_count") {
        None => None,
        Some(json) => Some(whole(json, "expected_count", 0..=i64::MAX)?),
    };
    if wanted.everything && wanted_for.counts_everything && expected.is_none() {
        let refusal = Refusal::mandatory("expected_count", "$.expected_count");
        let text = "who asks for every record must say how many that is";
        return Err(refusal.saying(text).into());
    }
    let about = (actor, module);
    let prepared = match wanted_for.select_at {
        SelectAt::Now => request::prepare(tx, about, &doing, &wanted, expected, call.now),
        SelectAt::Start if expected.is_some() => {
            let refusal = Refusal::invalid("expected_count", "$.expected_count");
            let text = "how many records there will be at the start is not known now";
            Err(refusal.saying(text).into())
        }
        SelectAt::Start => request::prepare_later(tx, about, &doing, &wanted, call.now),
    };
    prepared.map_err(placed_fault)
}

fn placed_fault(fault: Fault) -> Fault {
    match fault {
        Fault::Refused(refusal) => placed(*refusal).into(),
        fault @ Fault::Store(_) => fault,
    }
}

fn kind(body: &Map<String, Json>) -> Result<JobKind, Refusal> {
    let word = text(body, "action", "$.action")?;
    JobKind::of_action(word).ok_or_else(|| {
        let words: Vec<Json> = JobKind::ALL
            .iter()
            .filter(|kind| **kind != JobKind::Undo)
            .map(|kind| kind.action().into())
            .collect();
        Refusal::invalid("action", "$.action").with("supported_values", words)
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

fn doing(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    kind: JobKind,
    body: &Map<String, Json>,
) -> Result<Doing, Fault> {
    Ok(match kind {
        JobKind::MassUpdate => update(actor, module, object(body, "change", "$.change")?)?,
        JobKind::ChangeOwner => {
            let change = object(body, "change", "$.change")?;
            if change.contains_key("related_modules") {
                let text = "a job gives no related records along: ask for them by the wire's \
                            change_owner, or by a job of their module";
                let refusal = Refusal::new(Code::NotSupported).saying(text);
                let refusal = refusal.with("api_name", "related_modules");
                return Err(refusal.with("json_path", "$.change.related_modules").into());
            }
            known_below(change, "change", &["owner"])?;
            Doing::ChangeOwner(owner(actor, text(change, "owner", "$.change.owner")?)?)
        }
        JobKind::MassDelete if body.contains_key("change") => {
            let refusal = Refusal::invalid("change", "$.change");
            return Err(refusal.saying("a deletion has no change").into());
        }
        JobKind::MassDelete => Doing::Delete,
        JobKind::MassConvert => Doing::Convert(convert_request::terms(tx, actor, body)?),
        JobKind::Undo => return Err(request::not_here().into()),
    })
}

fn update(actor: &Actor, module: &Module, change: &Map<String, Json>) -> Result<Doing, Refusal> {
    known_below(change, "change", &["fields", "over_write"])?;
    let fields = object(change, "fields", "$.change.fields")?;
    if fields.len() > UPDATE_FIELDS_MAX {
        let refusal = Refusal::new(Code::LimitExceeded).saying("Max field limit exceeded");
        return Err(refusal
            .with("json_path", "$.change.fields")
            .with("limit", UPDATE_FIELDS_MAX));
    }
    let over_write = match change.get("over_write") {
        None => false,
        Some(json) => truth(json, "over_write", "$.change.over_write")?,
    };
    mass_update::change_of(actor, module, fields, over_write, true).map(Doing::Update)
}

/// A user by id or e-mail address. Whether they may own the records is for the action to say.
pub(super) fn owner(actor: &Actor, text: &str) -> Result<UserId, Refusal> {
    let by_email = || actor.catalog.user_by_email(text).map(|user| user.id);
    UserId::parse(text).or_else(by_email).ok_or_else(|| {
        let refusal = Refusal::invalid("owner", "$.change.owner");
        refusal.saying("neither a user's id nor an e-mail address")
    })
}

/// Which records.
fn wanted(
    actor: &Actor,
    module: &Module,
    selection: &Map<String, Json>,
) -> Result<Wanted, Refusal> {
    const PARTS: [&str; 6] = ["ids", "view", "cvid", "criteria", "territory", "everything"];
    known_below(selection, "selection", &PARTS)?;
    let at = |key: &str| format!("$.selection.{key}");
    let mut wanted = Wanted::default();
    if selection.contains_key("view") && selection.contains_key("cvid") {
        let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
        return Err(refusal.with("ambiguity_due_to", vec![at("view"), at("cvid")]));
    }
    for (key, json) in selection {
        let path = at(key);
        match key.as_str() {
            "ids" => wanted.ids = Some(ids(json)?),
            "view" => {
                let name = text(selection, key, &path)?;
                wanted.view = Some(selection::view_named(actor, module, name, &path)?);
            }
            "cvid" => {
                let wrong = || Refusal::invalid(key, path.as_str());
                let id = json_id(json).map(ViewId).ok_or_else(wrong)?;
                wanted.view = Some(id);
            }
            "criteria" => {
                let text = text(selection, key, &path)?;
                wanted.criteria = Some(selection::criteria(actor, module, text, &path)?);
            }
            "territory" => wanted.territory = Some(territory(selection)?),
            _ => {
                if !truth(json, key, &path)? {
                    let refusal = Refusal::invalid(key, path);
                    return Err(refusal.saying("say true, or leave the key out"));
                }
                wanted.everything = true;
            }
        }
    }
    wanted.check()?;
    if let Some(view) = wanted.view {
        selection::view(actor, module, view).map_err(placed)?;
    }
    Ok(wanted)
}

fn ids(json: &Json) -> Result<BTreeSet<RecordId>, Refusal> {
    let wrong = |path: String| Refusal::invalid("ids", path);
    let items = json.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| {
        let refusal = wrong("$.selection.ids".to_owned());
        refusal.with("expected_data_type", "jsonarray")
    })?;
    let id = |(n, item): (usize, &Json)| {
        let id = item.as_str().and_then(RecordId::parse);
        id.ok_or_else(|| wrong(format!("$.selection.ids[{n}]")).with("expected_data_type", "id"))
    };
    items.iter().enumerate().map(id).collect()
}

fn territory(selection: &Map<String, Json>) -> Result<TerritoryPart, Refusal> {
    let object = object(selection, "territory", "$.selection.territory")?;
    known_below(object, "selection.territory", &["id", "include_child"])?;
    let id = object.get("id").and_then(json_id);
    let wrong = || {
        let refusal = Refusal::invalid("id", "$.selection.territory.id");
        refusal.saying("the id given seems to be invalid")
    };
    let include_child = match object.get("include_child") {
        None => false,
        Some(json) => truth(json, "include_child", "$.selection.territory.include_child")?,
    };
    Ok(TerritoryPart {
        id: id.map(TerritoryId).ok_or_else(wrong)?,
        include_child,
    })
}

/// Refuses a key that an object below the body does not have.
pub(super) fn known_below(
    object: &Map<String, Json>,
    at: &str,
    known: &[&str],
) -> Result<(), Refusal> {
    known_keys(object, known).map_err(|refusal| {
        let key = refusal.details.get("api_name").and_then(Json::as_str);
        let path = format!("$.{at}.{}", key.unwrap_or_default());
        refusal.with("json_path", path)
    })
}

/// An object that must be there and hold something.
pub(super) fn object<'a>(
    body: &'a Map<String, Json>,
    key: &str,
    path: &str,
) -> Result<&'a Map<String, Json>, Refusal> {
    let found = body.get(key).ok_or_else(|| Refusal::mandatory(key, path))?;
    let object = found.as_object().filter(|object| !object.is_empty());
    object.ok_or_else(|| Refusal::invalid(key, path).with("expected_data_type", "jsonobject"))
}

/// A text that must be there and not be empty.
pub(super) fn text<'a>(
    body: &'a Map<String, Json>,
    key: &str,
    path: &str,
) -> Result<&'a str, Refusal> {
    let found = body.get(key).ok_or_else(|| Refusal::mandatory(key, path))?;
    let text = found.as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| Refusal::invalid(key, path).with("expected_data_type", "string"))
}

pub(super) fn truth(json: &Json, key: &str, path: &str) -> Result<bool, Refusal> {
    let wrong = || Refusal::invalid(key, path).with("expected_data_type", "boolean");
    json.as_bool().ok_or_else(wrong)
}

/// A whole number within bounds.
pub(super) fn whole(
    json: &Json,
    key: &str,
    bounds: std::ops::RangeInclusive<i64>,
) -> Result<i64, Refusal> {
    let number = json.as_i64().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        let refusal = Refusal::invalid(key, format!("$.{key}")).with("expected_data_type", "long");
        refusal
            .with("minimum", *bounds.start())
            .with("maximum", *bounds.end())
    })
}

/// What a body asks about automation; the wire's way without a word.
pub(super) fn automation(body: &Map<String, Json>) -> Result<Automation, Refusal> {
    if !body.contains_key("automation") {
        return Ok(Automation::Wire);
    }
    let word = text(body, "automation", "$.automation")?;
    Automation::parse(word).ok_or_else(|| {
        let words: Vec<Json> = Automation::ALL.iter().map(|a| a.as_str().into()).collect();
        Refusal::invalid("automation", "$.automation").with("supported_values", words)
    })
}
