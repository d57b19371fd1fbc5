//! Conversion of one lead (wire API 6.1).

use super::mass_action::{RefusedRequest, flag};
use super::records::{open, path_id, single, writing};
use crate::answer::Answer;
use crate::call::Call;
use crate::version::Version;
use crate::wire;
use crm::Actor;
use crm::actions::convert::{self, ConvertOptions};
use crm::convert::{Became, Named};
use crm::owner::Unfit;
use jobs::Settled;
use model::access::Access;
use model::conversion::{ACCOUNTS, CONTACTS, DEALS, INTO, LEADS};
use model::field::json_id;
use model::id::{RecordId, UserId};
use model::limits::TAGS_PER_RECORD_MAX;
use model::module::Module;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use store::changes::Cause;
use store::{Fault, Priority, Tx};

/// Where a lead's keys stand in the request.
const AT: &str = "$.data[0]";
const DONE: &str = "The record has been converted successfully";

/// `POST /Leads/{id}/actions/convert`: the lead becomes a contact, an account and on demand a deal.
pub(super) fn convert(call: &Call<'_>) -> Result<Answer, Fault> {
    let became = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = leads(tx, call)?;
        let id = path_id(call)?;
        // What the lead itself refuses comes before what the request lacks.
        let asks = writing(call, &actor, &module, Cause::Api);
        if let Err(fault) = convert::open(tx, asks, id, Access::Write) {
            return refused(fault).map(Err);
        }
        let body = call.json_object()?;
        let options = single(&body).map_err(Fault::from);
        let options = options.and_then(|item| terms_of(tx, call.version, &actor, item));
        let options = match options {
            Ok(options) => options,
            Err(Fault::Refused(refusal)) => return Ok(Err(RefusedRequest::InData(*refusal))),
            Err(fault) => return Err(fault),
        };
        let settled = convert::run_now(tx, &actor, &module, id, &options, call.now)?;
        if let Settled::Failed(refusal) = settled {
            // Nothing of it stays, not even the job that tried.
            return Err(refusal.into());
        }
        let became = crm::convert::became(tx, &actor, &[id])?.remove(&id);
        Ok(Ok(became.unwrap_or_default()))
    });
    let became = match became {
        Err(fault) => refused(fault).map(Err)?,
        done => done?,
    };
    Ok(match became {
        Ok(became) => Answer::data(200, vec![told(call.version, &became)]),
        Err(RefusedRequest::InData(refusal)) => {
            Answer::data(refusal.code.status(), vec![refusal.to_json()])
        }
        Err(RefusedRequest::Bare(refusal) | RefusedRequest::AsItIs(refusal)) => {
            Answer::refused(&refusal, refusal.code.status())
        }
    })
}

/// Who asks, and leads; other records are not converted.
pub(super) fn leads(tx: &mut Tx, call: &Call<'_>) -> Result<(Actor, Module), Fault> {
    let (actor, module) = open(tx, call)?;
    if module.api_name != LEADS {
        return Err(call.version.refused_module("Convert Lead").into());
    }
    convert::authorise(&actor, &module)?;
    Ok((actor, module))
}

/// A refusal of the lead, or of what it becomes, in the words of wire API 6.1 and where it has them.
fn refused(fault: Fault) -> Result<RefusedRequest, Fault> {
    let Fault::Refused(refusal) = fault else {
        return Err(fault);
    };
    let mut refusal = *refusal;
    let module = refusal.details.remove("module");
    let module = module.as_ref().and_then(Json::as_str).map(str::to_owned);
    let lead = refusal.details.remove("id");
    let field = refusal.details.get("api_name").and_then(Json::as_str);
    let field = field.map(str::to_owned);
    let path = refusal.details.get("json_path").and_then(Json::as_str);
    let path = path.map(|path| path.replacen('$', AT, 1));
    if let Some(module) = &module {
        // The job's sentence says first what it is about; here the path does.
        let place = match &field {
            Some(field) => format!("{module}.{field}: "),
            None => format!("{module}: "),
        };
        let text = refusal.message.strip_prefix(&place).map(str::to_owned);
        if let Some(text) = text {
            refusal = refusal.saying(text);
        }
    }
    let path = match (&module, &field) {
        (Some(module), Some(field)) => Some(format!("{AT}.{module}.{field}")),
        (None, Some(field)) => path.or_else(|| Some(format!("{AT}.{field}"))),
        _ => None,
    };
    if let Some(path) = path {
        return Ok(RefusedRequest::InData(refusal.with("json_path", path)));
    }
    let alone = |refusal: Refusal| refusal.with("resource_path_index", 1);
    Ok(match refusal.code {
        Code::InvalidData if lead.is_some() => {
            RefusedRequest::Bare(alone(Refusal::new(Code::InvalidData)))
        }
        Code::IdAlreadyConverted => RefusedRequest::Bare(alone(refusal)),
        Code::NotApproved if refusal.message != Code::NotApproved.message() => {
            RefusedRequest::Bare(Refusal::new(Code::NotReviewed))
        }
        Code::RecordLocked if refusal.details.remove("action").is_some() => {
            let text = "You cannot perform this operation as the record is locked.";
            RefusedRequest::Bare(refusal.saying(text))
        }
        Code::NotApproved | Code::RecordLocked => {
            RefusedRequest::Bare(refusal.saying("cannot convert record that is not approved yet"))
        }
        _ if module.is_some() && refusal.code != Code::NoPermission => {
            RefusedRequest::InData(refusal)
        }
        _ => RefusedRequest::Bare(match lead.filter(|_| module.is_none()) {
            Some(lead) => refusal.with("id", lead),
            None => refusal,
        }),
    })
}

/// What a lead became, as each version says it (wire API 6.1).
fn told(version: Version, became: &Became) -> Json {
    let parts = [
        (CONTACTS, &became.contact),
        (DEALS, &became.deal),
        (ACCOUNTS, &became.account),
    ];
    let plain = version.converts_to_plain_ids();
    let part = |named: &Named| {
        let id = named.id.to_string();
        if plain {
            id.into()
        } else {
            json!({ "name": named.name, "id": id })
        }
    };
    let parts = parts.map(|(name, named)| {
        let shown = named.as_ref().map_or(Json::Null, part);
        (name.to_owned(), shown)
    });
    let parts = Map::from_iter(parts);
    if plain {
        Json::Object(parts)
    } else {
        wire::success(DONE, parts)
    }
}

/// How a lead is to be converted.
fn terms_of(
    tx: &mut Tx,
    version: Version,
    actor: &Actor,
    item: &Map<String, Json>,
) -> Result<ConvertOptions, Fault> {
    const KNOWN: [&str; 10] = [
        "overwrite",
        "notify_lead_owner",
        "notify_new_entity_owner",
        ACCOUNTS,
        CONTACTS,
        DEALS,
        "assign_to",
        "move_attachments_to",
        "carry_over_tags",
        "add_to_existing_record",
    ];
    // A misspelt key could make something else than the caller thinks (wire API 22).
    if let Some(key) = item.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(Refusal::invalid(key, format!("{AT}.{key}")).into());
    }
    let truth = |key: &str| flag(item, key, &format!("{AT}.{key}"));
    let id = |key: &str| id_of(version, item, key);
    let mut options = ConvertOptions {
        contact: id(CONTACTS)?.map(RecordId),
        account: id(ACCOUNTS)?.map(RecordId),
        owner: id("assign_to")?.map(UserId),
        overwrite: truth("overwrite")?,
        notify_lead_owner: truth("notify_lead_owner")?,
        notify_new_owner: truth("notify_new_entity_owner")?,
        tags: tags(item)?,
        attachments_to: module_of(actor, item, "move_attachments_to", AT)?,
        ..ConvertOptions::default()
    };
    if item.contains_key("add_to_existing_record") {
        options.add_to_existing = truth("add_to_existing_record")?;
    }
    if let Some(deal) = given(item, DEALS) {
        let path = format!("{AT}.{DEALS}");
        let object = deal.as_object().ok_or_else(|| {
            let refusal = Refusal::invalid(DEALS, path.as_str());
            refusal.with("expected_data_type", "jsonobject")
        })?;
        if flag(
            object,
            "$move_attachments",
            &format!("{path}.$move_attachments"),
        )? {
            options
                .attachments_to
                .get_or_insert_with(|| DEALS.to_owned());
        }
        options.deal = Some(convert::deal(tx, actor, object, &path)?);
    }
    convert::check(&options, &format!("{AT}.move_attachments_to"))?;
    match convert::unfit(actor, &options)? {
        None => Ok(options),
        Some(Unfit::NotSubordinate) => {
            let refusal = Refusal::invalid("Owner", "$.data[0].Owner");
            Err(refusal.saying("Non Subordinate User Found").into())
        }
        Some(_) => Err(Refusal::invalid("id", format!("{AT}.assign_to.id")).into()),
    }
}

fn given<'a>(item: &'a Map<String, Json>, key: &str) -> Option<&'a Json> {
    item.get(key).filter(|json| !json.is_null())
}

/// The id of what is named: an object with it, or in the first versions the id itself.
fn id_of(version: Version, item: &Map<String, Json>, key: &str) -> Result<Option<i64>, Refusal> {
    let Some(json) = given(item, key) else {
        return Ok(None);
    };
    let wrong = |name: &str, path: String, kind: &str| {
        Refusal::invalid(name, path).with("expected_data_type", kind)
    };
    if version.converts_to_plain_ids() {
        let path = format!("{AT}.{key}");
        return json_id(json)
            .map(Some)
            .ok_or_else(|| wrong(key, path, "long"));
    }
    let object = json.as_object();
    let object = object.ok_or_else(|| wrong(key, format!("{AT}.{key}"), "jsonobject"))?;
    let path = format!("{AT}.{key}.id");
    if let Some(other) = object
        .keys()
        .find(|key| !["id", "name"].contains(&key.as_str()))
    {
        return Err(Refusal::invalid(other, format!("{AT}.{key}.{other}")));
    }
    let id = given(object, "id").ok_or_else(|| Refusal::mandatory("id", path.as_str()))?;
    json_id(id)
        .map(Some)
        .ok_or_else(|| wrong("id", path, "long"))
}

/// Tags by module, named one by one.
fn tags(item: &Map<String, Json>) -> Result<BTreeMap<String, Option<Vec<String>>>, Refusal> {
    const KEY: &str = "carry_over_tags";
    let mut tags = BTreeMap::new();
    let Some(json) = given(item, KEY) else {
        return Ok(tags);
    };
    let path = format!("{AT}.{KEY}");
    let wrong = |name: &str, path: &str, kind: &str| {
        Refusal::invalid(name, path).with("expected_data_type", kind)
    };
    let object = json.as_object();
    let object = object.ok_or_else(|| wrong(KEY, &path, "jsonobject"))?;
    for (module, names) in object {
        let path = format!("{path}.{module}");
        if !INTO.contains(&module.as_str()) {
            return Err(Refusal::invalid(module, path));
        }
        let items = names.as_array();
        let items = items.ok_or_else(|| wrong(module, &path, "jsonarray"))?;
        if items.len() > TAGS_PER_RECORD_MAX {
            let refusal = Refusal::invalid(module, path);
            return Err(refusal.with("maximum_length", TAGS_PER_RECORD_MAX));
        }
        let named = items.iter().enumerate().map(|(n, item)| {
            // The SDKs may send a tag as the object that they read it as.
            let name = item.as_str().or_else(|| item.get("name")?.as_str());
            let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
            name.ok_or_else(|| wrong(module, &format!("{path}[{n}]"), "string"))
        });
        tags.insert(module.clone(), Some(named.collect::<Result<_, Refusal>>()?));
    }
    Ok(tags)
}

/// One of the modules of what is made, by its api name or its id; both must name the same one.
pub(super) fn module_of(
    actor: &Actor,
    item: &Map<String, Json>,
    key: &str,
    path: &str,
) -> Result<Option<String>, Refusal> {
    let Some(json) = given(item, key) else {
        return Ok(None);
    };
    named_module(actor, json, (key, &format!("{path}.{key}")), &INTO).map(Some)
}

/// One of these modules, by its api name or its id; both must name the same one (wire API 3.4).
pub(super) fn named_module(
    actor: &Actor,
    json: &Json,
    (key, path): (&str, &str),
    among: &[&str],
) -> Result<String, Refusal> {
    let wrong = |name: &str| Refusal::invalid(name, format!("{path}.{name}"));
    let object = json
        .as_object()
        .ok_or_else(|| Refusal::invalid(key, path).with("expected_data_type", "jsonobject"))?;
    if let Some(other) = object
        .keys()
        .find(|key| !["id", "api_name"].contains(&key.as_str()))
    {
        return Err(wrong(other));
    }
    let both = || {
        let one = |name: &str| json!({ "api_name": name, "json_path": format!("{path}.{name}") });
        vec![one("id"), one("api_name")]
    };
    let by_name = match given(object, "api_name") {
        None => None,
        Some(Json::String(name)) => {
            let module = actor.catalog.module(name);
            let module = module.filter(|module| among.contains(&module.api_name.as_str()));
            Some(module.ok_or_else(|| wrong("api_name"))?)
        }
        Some(_) => return Err(wrong("api_name").with("expected_data_type", "string")),
    };
    let by_id = match given(object, "id") {
        None => None,
        Some(json) => {
            let id = json_id(json);
            let id = id.ok_or_else(|| wrong("id").with("expected_data_type", "long"))?;
            let mut named = among.iter().filter_map(|name| actor.catalog.module(name));
            Some(
                named
                    .find(|module| module.id.0 == id)
                    .ok_or_else(|| wrong("id"))?,
            )
        }
    };
    match (by_name, by_id) {
        (None, None) => {
            let refusal = Refusal::new(Code::ExpectedFieldMissing);
            let refusal = refusal.saying("Specify Atleast one field");
            Err(refusal.with("expected_fields", both()))
        }
        (Some(one), Some(other)) if one.id != other.id => {
            let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
            let refusal = refusal.saying("two modules are different");
            Err(refusal.with("ambiguity_due_to", both()))
        }
        (Some(module), _) | (None, Some(module)) => Ok(module.api_name.clone()),
    }
}
