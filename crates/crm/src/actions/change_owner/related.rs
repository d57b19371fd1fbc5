//! What belongs to records and goes along when they are given away: the tasks of a contact, the deals
//! of an account (wire API 5, `related_modules`; docs/decisions/0016).

use super::{authorise, change};
use crate::actor::Actor;
use crate::change::Change;
use crate::owner;
use crate::record::{self, Expected, Writing};
use jobs::Settled;
use model::criteria::{Bound, Test};
use model::field::{Field, json_id};
use model::id::{RecordId, UserId};
use model::limits::{RELATED_MODULES_MAX, RELATED_RECORDS_MAX};
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::value::Value;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use store::records::{self, Filter, Order};
use store::{Fault, Tx};

/// The modules that may be named (wire API 21, row 49).
const RELATED: [&str; 5] = ["Tasks", "Events", "Calls", "Contacts", "Deals"];

/// What of a record goes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The module, by its api name.
    module: String,
    /// Only this record of it; otherwise all that belong to the given ones.
    record: Option<RecordId>,
}

/// A record that belongs to given ones and was left as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// Its module's api name.
    pub module: String,
    /// The record.
    pub record: RecordId,
    /// The given records that it belongs to.
    pub parents: Vec<RecordId>,
    /// Why.
    pub refusal: Refusal,
}

/// Fields of a module that point at records of another.
fn lookups<'a>(from: &'a Module, to: &Module) -> Vec<&'a Field> {
    from.lookups_of(to).collect()
}

/// Records of a module that point at any of these, of all or of some, as far as the actor sees them.
fn belonging(
    (actor, from): (&Actor, &Module),
    to: &Module,
    parents: &[RecordId],
    only: Option<Vec<i64>>,
) -> Filter {
    let lookups = lookups(from, to);
    let tests = lookups.iter().map(|field| Bound::Test {
        field: field.id,
        column: field.api_name.clone(),
        test: Test::OneOf(parents.iter().map(|id| id.0).collect()),
    });
    Filter {
        criteria: Some(Bound::Any(tests.collect())),
        ids: only,
        ..actor.seen(from)
    }
}

/// A module whose records can belong to those of `to`.
fn related<'a>(actor: &'a Actor, to: &Module, name: &str) -> Option<&'a Module> {
    let module = actor.catalog.module(name)?;
    let known = RELATED.contains(&module.api_name.as_str()) && module.id != to.id;
    (known && !lookups(module, to).is_empty()).then_some(module)
}

/// Reads `related_modules`: at most five, each a module by its api name or id, or one record that
/// belongs to the given ones by its id. The actor must have the right to give away what they name,
/// and the new owner must be fit for it.
pub fn parts(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    json: &Json,
    parents: &[RecordId],
    to: UserId,
) -> Result<Vec<Part>, Fault> {
    let wrong = || Refusal::invalid("related_modules", "$.related_modules");
    let items = json
        .as_array()
        .ok_or_else(|| wrong().with("expected_data_type", "jsonarray"))?;
    if items.len() > RELATED_MODULES_MAX {
        return Err(wrong().with("maximum_length", RELATED_MODULES_MAX).into());
    }
    let mut parts = Vec::with_capacity(items.len());
    for (n, item) in items.iter().enumerate() {
        let path = format!("$.related_modules[{n}]");
        let item = item.as_object().ok_or_else(|| {
            let refusal = Refusal::invalid("related_modules", path.as_str());
            refusal.with("expected_data_type", "jsonobject")
        })?;
        let part = part(tx, (actor, module), item, &path, parents)?;
        let of = related(actor, module, &part.module).ok_or_else(|| unsupported(&path))?;
        authorise(actor, of, Right::ChangeOwner)?;
        owner::fit(actor, of, to).map_err(|unfit| unfit.of_call(of))?;
        parts.push(part);
    }
    Ok(parts)
}

fn unsupported(path: &str) -> Refusal {
    Refusal::new(Code::NotSupported)
        .with("api_name", "api_name")
        .with("json_path", format!("{path}.api_name"))
}

/// What an id names.
enum Named {
    Module(String),
    Record(String, RecordId),
    Nothing,
}

fn part(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    item: &Map<String, Json>,
    path: &str,
    parents: &[RecordId],
) -> Result<Part, Fault> {
    let both = |key: &str| {
        let one = |name: &str| json!({ "api_name": name, "json_path": format!("{path}.{name}") });
        (key.to_owned(), vec![one("api_name"), one("id")])
    };
    let member = |key: &str| item.get(key).filter(|value| !value.is_null());
    let name = match member("api_name") {
        None => None,
        Some(Json::String(name)) => Some(name.as_str()),
        Some(_) => {
            let refusal = Refusal::invalid("api_name", format!("{path}.api_name"));
            return Err(refusal.with("expected_data_type", "string").into());
        }
    };
    let id = match member("id") {
        None => None,
        Some(json) => {
            let wrong = || Refusal::invalid("id", format!("{path}.id"));
            let id = json_id(json).ok_or_else(|| wrong().with("expected_data_type", "long"))?;
            Some(named(tx, (actor, module), id, parents)?)
        }
    };
    let of_name = name.map(|name| related(actor, module, name).map(|of| of.api_name.clone()));
    let whole = |module| Part {
        module,
        record: None,
    };
    Ok(match (of_name, id) {
        (None, None) => {
            let (key, fields) = both("expected_fields");
            return Err(Refusal::new(Code::ExpectedFieldMissing)
                .with(&key, fields)
                .into());
        }
        // Of two names of which one is wrong, the right one is used (wire API 5).
        (None | Some(None), Some(Named::Module(of)))
        | (Some(Some(of)), None | Some(Named::Nothing)) => whole(of),
        (None | Some(None), Some(Named::Record(module, id))) => Part {
            module,
            record: Some(id),
        },
        (Some(Some(of)), Some(Named::Module(other))) if of == other => whole(of),
        (Some(Some(of)), Some(Named::Record(other, id))) if of == other => Part {
            module: of,
            record: Some(id),
        },
        (Some(Some(_)), Some(_)) => {
            let (key, fields) = both("ambiguity_due_to");
            let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
            return Err(refusal.with(&key, fields).into());
        }
        (None, Some(Named::Nothing)) => {
            let refusal = Refusal::invalid("id", format!("{path}.id"));
            return Err(refusal.saying("the id given seems to be invalid").into());
        }
        (Some(None), _) => return Err(unsupported(path).into()),
    })
}

fn named(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    id: i64,
    parents: &[RecordId],
) -> Result<Named, Fault> {
    let candidates = RELATED
        .iter()
        .filter_map(|name| related(actor, module, name));
    for of in candidates {
        if of.id.0 == id {
            return Ok(Named::Module(of.api_name.clone()));
        }
        let filter = belonging((actor, of), module, parents, Some(vec![id]));
        if !records::select_ids(tx, of, &filter, 1)?.is_empty() {
            return Ok(Named::Record(of.api_name.clone(), RecordId(id)));
        }
    }
    Ok(Named::Nothing)
}

/// Gives away what belongs to these records, and answers what of it was changed, and what was left
/// because something refuses its change. Too much of it refuses everything.
pub(super) fn give(
    tx: &mut Tx,
    writing: Writing<'_>,
    parents: &[RecordId],
    to: UserId,
    parts: &[Part],
) -> Result<(Vec<RecordId>, Vec<Left>), Fault> {
    let mut wanted: BTreeMap<&str, Option<BTreeSet<i64>>> = BTreeMap::new();
    for part in parts {
        let ids = wanted
            .entry(&part.module)
            .or_insert_with(|| Some(BTreeSet::new()));
        match (ids.as_mut(), part.record) {
            (Some(ids), Some(RecordId(id))) => {
                ids.insert(id);
            }
            _ => *ids = None,
        }
    }
    let mut room = RELATED_RECORDS_MAX;
    let mut left = Vec::new();
    let mut along = Vec::new();
    for (name, only) in wanted {
        let of = related(writing.actor, writing.module, name);
        let of = of.ok_or_else(|| Refusal::new(Code::InvalidModule))?;
        let only = only.map(|ids| ids.into_iter().collect());
        let filter = belonging((writing.actor, of), writing.module, parents, only);
        let found = records::select_ids(tx, of, &filter, room + 1)?;
        if found.len() > room {
            return Err(too_many().into());
        }
        room -= found.len();
        let change = change(of, to)?;
        let items: Vec<(RecordId, &Change)> = found.iter().map(|(id, _)| (*id, &change)).collect();
        let of_module = Writing {
            module: of,
            ..writing
        };
        let settled = record::update(tx, of_module, &items, Expected::within(Some(&filter)))?;
        let changed = items.iter().zip(&settled);
        let changed = changed.filter(|(_, settled)| **settled == Settled::Changed);
        along.extend(changed.map(|((id, _), _)| *id));
        let refused = items
            .iter()
            .zip(settled)
            .filter_map(|((id, _), settled)| match settled {
                Settled::Failed(refusal) if tells_of(&refusal) => Some((*id, refusal)),
                _ => None,
            });
        left.extend(with_parents(
            tx,
            writing.module,
            of,
            refused.collect(),
            parents,
        )?);
    }
    Ok((along, left))
}

/// Whether a refusal is about a record that the actor may know of and that still belongs here.
fn tells_of(refusal: &Refusal) -> bool {
    !matches!(
        refusal.code,
        Code::Gone | Code::LeftSelection | Code::NotVisible
    )
}

fn too_many() -> Refusal {
    let text = format!("more than {RELATED_RECORDS_MAX} related records would change their owner");
    Refusal::new(Code::LimitExceeded)
        .saying(text)
        .with("api_name", "related_modules")
        .with("json_path", "$.related_modules")
        .with("limit", RELATED_RECORDS_MAX)
}

/// Says of records that were left which of the given ones they belong to.
fn with_parents(
    tx: &mut Tx,
    parent: &Module,
    of: &Module,
    refused: BTreeMap<RecordId, Refusal>,
    parents: &[RecordId],
) -> Result<Vec<Left>, Fault> {
    let filter = Filter::everything().of_ids(refused.keys().copied());
    let fields = lookups(of, parent);
    let count = refused.len();
    let found = records::list(tx, of, &fields, &filter, Order::BY_ID, (0, count))?;
    let mut of_record: BTreeMap<RecordId, Vec<RecordId>> = found
        .into_iter()
        .map(|record| {
            let values = record.values.iter().filter_map(Value::as_int).map(RecordId);
            (
                record.id,
                values.filter(|id| parents.contains(id)).collect(),
            )
        })
        .collect();
    let left = refused.into_iter().map(|(record, refusal)| Left {
        module: of.api_name.clone(),
        record,
        parents: of_record.remove(&record).unwrap_or_default(),
        refusal,
    });
    Ok(left.collect())
}
