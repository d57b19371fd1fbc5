//! The timeline of a record: `GET /crm/{version}/{module}/{id}/__timeline`, and natively
//! `GET /swathe/v1/records/{module}/{id}/timeline`, which also has records in the recycle bin.

use super::plans::rule_brief;
use super::records::open;
use crate::answer::Answer;
use crate::call::Call;
use crate::wire::{self, Shape};
use crm::Actor;
use crm::show::Show;
use crm::timeline::{self, Entry, Page, Side, Wanted, told};
use model::field::Field;
use model::id::RecordId;
use model::limits::PER_PAGE_MAX;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::value::Value;
use serde_json::{Map, Value as Json, json};
use store::changes::{Cause, ChangeKind, Window};
use store::records::Record;
use store::{Fault, Tx};

fn wrong(param: &str) -> Refusal {
    Refusal::new(Code::InvalidData).with("param_name", param)
}

/// Natively: `?page_token=`. The newest change first.
pub(super) fn native(call: &Call<'_>) -> Result<Answer, Fault> {
    let none = || Refusal::new(Code::NotFound).saying("there is no such record");
    if let Some((odd, _)) = call.query.pairs().find(|(key, _)| *key != "page_token") {
        return Err(wrong(odd).saying("there is no such parameter").into());
    }
    let past = match call.query.get("page_token") {
        Some(text) => Some(revision(text).ok_or_else(|| wrong("page_token"))?),
        None => None,
    };
    let window = Window {
        past,
        newest_first: true,
    };
    let id = RecordId::parse(call.param("id"));
    let (data, next) = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        let wanted = Wanted {
            window,
            limit: PER_PAGE_MAX,
            in_bin: true,
        };
        let page = match id {
            Some(id) => timeline::page(tx, &actor, &module, id, wanted)?,
            None => None,
        };
        let Page { entries, more, .. } = page.ok_or_else(none)?;
        let next = entries.last().filter(|_| more).map(|last| last.rev);
        let show = Show::new(&actor, &module);
        let entries = entries.into_iter();
        let data: Vec<Json> = entries.map(|entry| shown(&actor, &show, entry)).collect();
        Ok((data, next))
    })?;
    let next = next.map(|rev| rev.to_string());
    Ok(Answer::ok(json!({ "data": data, "next_page_token": next })))
}

fn revision(text: &str) -> Option<i64> {
    text.parse().ok().filter(|rev| *rev > 0)
}

fn shown(actor: &Actor, show: &Show<'_>, entry: Entry<'_>) -> Json {
    json!({
        "rev": entry.rev,
        "kind": entry.kind.as_str(),
        "cause": entry.cause.as_str(),
        "job": entry.job.map(|job| job.to_string()),
        "rule": entry.rule.map(|rule| rule_brief(&actor.catalog, rule)),
        "actor": wire::user_brief(actor, Some(entry.actor)),
        "at": entry.at.to_utc(),
        "before": told(show, entry.before),
        "after": told(show, entry.after),
    })
}

/// What of a field the wire tells beside its values, if asked.
const INNER_DETAILS: [&str; 4] = [
    "field_history.data_type",
    "field_history.enable_colour_code",
    "field_history.field_label",
    "field_history.pick_list_values",
];
/// Parts that are told if asked; nothing here has either.
const INCLUDE: [&str; 2] = ["extension", "type"];

/// What the wire's request asks for.
struct Asked<'a> {
    window: Window,
    per_page: usize,
    inner: Vec<&'a str>,
    include: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    fn read(call: &'a Call<'_>) -> Result<Self, Refusal> {
        // An answer that passed these by would be another list than was asked for.
        for param in ["filters", "include_timeline_type"] {
            if call.query.get(param).is_some() {
                let refusal = Refusal::new(Code::NotSupported);
                return Err(refusal.with("param_name", param));
            }
        }
        let newest_first = match call.query.get("sort_order") {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(_) => return Err(wrong("sort_order")),
        };
        if call
            .query
            .get("sort_by")
            .is_some_and(|by| by != "audited_time")
        {
            return Err(wrong("sort_by"));
        }
        let per_page = match call.query.get("per_page") {
            None => PER_PAGE_MAX,
            Some(text) => {
                let number = text.parse().ok().filter(|n| (1..=PER_PAGE_MAX).contains(n));
                number.ok_or_else(|| wrong("per_page").with("maximum_length", PER_PAGE_MAX))?
            }
        };
        if call.query.get("page").is_some_and(|page| page != "1") {
            let text = "go on with page_token";
            return Err(wrong("page").saying(text));
        }
        let past = match call.query.get("page_token") {
            Some(text) => Some(revision(text).ok_or_else(|| wrong("page_token"))?),
            None => None,
        };
        let words = |param: &str, known: &[&str]| {
            let words = call.query.list(param);
            let odd = words.iter().any(|word| !known.contains(word));
            if odd { Err(wrong(param)) } else { Ok(words) }
        };
        Ok(Self {
            window: Window { past, newest_first },
            per_page,
            inner: words("include_inner_details", &INNER_DETAILS)?,
            include: words("include", &INCLUDE)?,
        })
    }
}

/// On the wire; a record in the recycle bin is none there.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let unknown = || {
        Refusal::new(Code::InvalidData)
            .saying("the related id given seems to be invalid")
            .with("resource_path_index", 1)
    };
    call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(model::people::Right::View, &module)?;
        let id = RecordId::parse(call.param("id")).ok_or_else(unknown)?;
        let asked = Asked::read(call)?;
        let wanted = Wanted {
            window: asked.window,
            limit: asked.per_page,
            in_bin: false,
        };
        let page = timeline::page(tx, &actor, &module, id, wanted)?;
        let page = page.ok_or_else(unknown)?;
        if page.entries.is_empty() {
            return Ok(Answer::no_content());
        }
        let last = page.entries.last().filter(|_| page.more);
        let info = json!({
            "per_page": asked.per_page,
            "count": page.entries.len(),
            "more_records": page.more,
            "next_page_token": last.map(|last| last.rev.to_string()),
            "previous_page_token": null,
        });
        let record = json!({
            "name": page.name,
            "id": id.to_string(),
            "module": { "api_name": module.api_name, "id": module.id.to_string() },
        });
        let histories = histories(tx, &actor, &module, &asked, &page.entries)?;
        let entries = page.entries.iter().zip(histories);
        let items: Vec<Json> = entries
            .map(|(entry, history)| item(&actor, &asked, entry, &record, history))
            .collect();
        Ok(Answer::ok(json!({ "__timeline": items, "info": info })))
    })
}

fn item(
    actor: &Actor,
    asked: &Asked<'_>,
    entry: &Entry<'_>,
    record: &Json,
    history: Vec<Json>,
) -> Json {
    let rule = entry.rule.map(|rule| rule_brief(&actor.catalog, rule));
    let automation = rule.map_or(
        Json::Null,
        |rule| json!({ "type": "workflow", "rule": rule }),
    );
    let mut item = Map::new();
    for (key, value) in [
        ("id", entry.rev.to_string().into()),
        ("audited_time", entry.at.to_wire(&actor.zone).into()),
        ("action", action(entry).into()),
        ("source", source(entry).into()),
        ("done_by", wire::user_brief(actor, Some(entry.actor))),
        ("record", record.clone()),
        ("related_record", Json::Null),
        ("automation_details", automation),
        ("field_history", history.into()),
    ] {
        item.insert(key.to_owned(), value);
    }
    for part in &asked.include {
        item.insert((*part).to_owned(), Json::Null);
    }
    Json::Object(item)
}

/// What happened, in the wire's words as far as they are known.
fn action(entry: &Entry<'_>) -> &'static str {
    match (entry.kind, entry.cause) {
        (ChangeKind::Create, _) => "added",
        (ChangeKind::Delete, _) => "deleted",
        (ChangeKind::Restore, _) => "restored",
        (ChangeKind::Update, Cause::Lock) => "locked",
        (ChangeKind::Update, Cause::Unlock) => "unlocked",
        (ChangeKind::Update, Cause::Blueprint) => "transition",
        (ChangeKind::Update, Cause::Share) => "shared",
        (ChangeKind::Update, _) => "updated",
    }
}

/// Through what it happened.
fn source(entry: &Entry<'_>) -> &'static str {
    match (entry.job, entry.cause) {
        (Some(_), _) => "mass_action",
        (None, Cause::Automation) => "workflow",
        (None, Cause::Import) => "import",
        _ => "crm_api",
    }
}

/// A field's value on one side of a change.
fn of_side<'s>(side: &'s Side<'_>, wanted: &Field) -> Option<&'s Value> {
    let mut values = side.iter().flatten();
    let found = values.find(|(field, _)| field.id == wanted.id);
    found.map(|(_, value)| value)
}

/// The values of each change as texts, with names for what they point at.
fn histories(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    asked: &Asked<'_>,
    entries: &[Entry<'_>],
) -> Result<Vec<Vec<Json>>, Fault> {
    let written = |entry: &Entry<'_>, field: &Field| {
        of_side(&entry.before, field).is_some() || of_side(&entry.after, field).is_some()
    };
    let fields = module.fields.iter();
    let fields: Vec<&Field> = fields
        .filter(|field| entries.iter().any(|entry| written(entry, field)))
        .collect();
    // Both sides of every change as records, so that they are shown as records are.
    let row = |side: &Side<'_>| {
        let values = |field: &&Field| of_side(side, field).cloned().unwrap_or_default();
        Record {
            id: RecordId(0),
            rev: 0,
            values: fields.iter().map(values).collect(),
        }
    };
    let sides = entries
        .iter()
        .flat_map(|entry| [&entry.before, &entry.after]);
    let rows: Vec<Record> = sides.map(row).collect();
    let shape = Shape::of_fields(fields.clone());
    let shown = wire::show(tx, actor, module, &shape, &rows)?;
    let pairs = shown.chunks(2).zip(entries);
    let histories = pairs.map(|(sides, entry)| {
        let mut history = Vec::new();
        for field in fields.iter().filter(|field| written(entry, field)) {
            let shown = |n: usize, side: &Side<'_>| {
                let shown = sides.get(n)?.get(&field.api_name)?;
                of_side(side, field).and_then(|_| text(shown))
            };
            let (old, new) = (shown(0, &entry.before), shown(1, &entry.after));
            let values = json!({ "new": new, "old": old });
            history.push(detailed(asked, field, values));
        }
        history
    });
    Ok(histories.collect())
}

fn detailed(asked: &Asked<'_>, field: &Field, values: Json) -> Json {
    let mut item = Map::new();
    item.insert("api_name".to_owned(), field.api_name.as_str().into());
    item.insert("id".to_owned(), field.id.to_string().into());
    item.insert("_value".to_owned(), values);
    for part in &asked.inner {
        let (key, value) = match *part {
            "field_history.data_type" => ("data_type", field.kind.data_type().into()),
            "field_history.enable_colour_code" => ("enable_colour_code", false.into()),
            "field_history.field_label" => ("field_label", field.label.as_str().into()),
            _ => ("pick_list_values", picks(field)),
        };
        item.insert(key.to_owned(), value);
    }
    Json::Object(item)
}

fn picks(field: &Field) -> Json {
    let picks = (1..).zip(&field.values);
    let picks = picks.map(|(n, pick)| {
        json!({
            "display_value": pick.value,
            "actual_value": pick.value,
            "sequence_number": n,
            "colour_code": null,
            "id": pick.id.to_string(),
            "type": "used",
        })
    });
    picks.collect()
}

/// A value as the wire's timeline has it: a text.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        Json::Object(named) => {
            let name = named.get("name").and_then(Json::as_str);
            name.or_else(|| named.get("id")?.as_str())
                .map(str::to_owned)
        }
        Json::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(text).collect();
            (!items.is_empty()).then(|| items.join(";"))
        }
        other => Some(other.to_string()),
    }
}
