//! Conversion of one lead (wire API 6.1).

use super::mass_action::RefusedRequest;
use super::records::{open, path_id, single, wire_body, writing};
use crate::answer::Answer;
use crate::call::Call;
use crate::version::{Version, module_not_served};
use crate::wire;
use crm::Actor;
use crm::actions::convert::{self, ConvertOptions};
use crm::convert::{Became, Named};
use crm::owner::Unfit;
use jobs::Settled;
use model::access::Access;
use model::body::{DataType, Key, Node, Object, Place};
use model::conversion::{ACCOUNTS, CONTACTS, DEALS, INTO, LEADS};
use model::id::{RecordId, UserId};
use model::limits::TAGS_PER_RECORD_MAX;
use model::module::Module;
use model::reason::{PartReason, Reason};
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use store::changes::Cause;
use store::{Fault, Priority, Tx};

/// Where a lead's keys stand in the request.
fn lead_place() -> Place {
    Place::body().key("data").item(0)
}

const DONE: &str = "The record has been converted successfully";

/// `POST /Leads/{id}/actions/convert`: the lead becomes a contact, an account and on demand a deal.
pub(super) fn convert(call: &Call<'_>) -> Result<Answer, Fault> {
    let became = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = leads(tx, call)?;
        let id = path_id(call)?;
        // What the lead itself refuses comes before what the request lacks.
        let asks = writing(call, &actor, &module, Cause::Api);
        if let Err(fault) = convert::open(tx, asks, id, Access::Write) {
            return refused(call, fault).map(Err);
        }
        let body = call.json_object()?;
        let item = single(&wire_body(&body)).map_err(Fault::from);
        let options = item.and_then(|item| options_of(tx, call.version, &actor, &item));
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
        Err(fault) => refused(call, fault).map(Err)?,
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
        return Err(call.tell(module_not_served()).into());
    }
    convert::authorise(&actor, &module)?;
    Ok((actor, module))
}

/// A refusal of the lead, or of what it becomes, in the words of wire API 6.1 and where it has them.
fn refused(call: &Call<'_>, fault: Fault) -> Result<RefusedRequest, Fault> {
    let Fault::Refused(refusal) = fault else {
        return Err(fault);
    };
    let mut refusal = *refusal;
    refusal.details.remove("module");
    let lead = refusal.details.remove("id");
    let module = match std::mem::take(&mut refusal.reason) {
        Reason::Part(part) => {
            // The job's sentence says first what it is about; here the path does.
            let PartReason {
                module,
                message,
                reason,
            } = *part;
            refusal = refusal.because(reason).saying(message);
            Some(module)
        }
        reason => {
            refusal = refusal.because(reason);
            None
        }
    };
    let field = refusal.details.get("api_name").and_then(Json::as_str);
    let field = field.map(str::to_owned);
    let path = refusal.details.get("json_path").and_then(Json::as_str);
    let path = path.map(|path| path.replacen('$', lead_place().json_path(), 1));
    let path = match (&module, &field) {
        (Some(module), Some(field)) => {
            let place = lead_place().key(module).key(field);
            Some(place.json_path().to_owned())
        }
        (None, Some(field)) => {
            path.or_else(|| Some(lead_place().key(field).json_path().to_owned()))
        }
        _ => None,
    };
    if let Some(path) = path {
        return Ok(RefusedRequest::InData(refusal.with("json_path", path)));
    }
    if module.is_some() && refusal.code == Code::InvalidData {
        refusal = refusal.because(Reason::UnknownRecord);
    }
    let of_the_lead = matches!(
        refusal.code,
        Code::IdAlreadyConverted | Code::NotApproved | Code::RecordLocked
    );
    if of_the_lead || refusal.reason == Reason::UnknownRecord {
        refusal.details.remove("action");
        return Ok(RefusedRequest::Bare(call.tell(refusal)));
    }
    if module.is_some() && refusal.code != Code::NoPermission {
        return Ok(RefusedRequest::InData(refusal));
    }
    Ok(RefusedRequest::Bare(
        match lead.filter(|_| module.is_none()) {
            Some(lead) => refusal.with("id", lead),
            None => refusal,
        },
    ))
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
fn options_of(
    tx: &mut Tx,
    version: Version,
    actor: &Actor,
    item: &Object<'_>,
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
    item.known(&KNOWN)?;
    let truth = |key: &str| item.key(key).flag();
    let id = |key: &str| id_of(version, item.key(key).or_null());
    let attachments = item.key("move_attachments_to").or_null();
    let mut options = ConvertOptions {
        contact: id(CONTACTS)?.map(RecordId),
        account: id(ACCOUNTS)?.map(RecordId),
        owner: id("assign_to")?.map(UserId),
        overwrite: truth("overwrite")?,
        notify_lead_owner: truth("notify_lead_owner")?,
        notify_new_owner: truth("notify_new_entity_owner")?,
        tags: tags(item)?,
        attachments_to: attachments
            .node()
            .map(|node| named_module(actor, &node, &INTO))
            .transpose()?,
        ..ConvertOptions::default()
    };
    if item.has("add_to_existing_record") {
        options.add_to_existing = truth("add_to_existing_record")?;
    }
    if let Some(deal) = item.key(DEALS).or_null().object()? {
        if deal.key("$move_attachments").flag()? {
            options
                .attachments_to
                .get_or_insert_with(|| DEALS.to_owned());
        }
        options.deal = Some(convert::deal(tx, actor, &deal)?);
    }
    convert::check(&options, attachments.place().json_path())?;
    match convert::unfit(actor, &options)? {
        None => Ok(options),
        Some(Unfit::NotSubordinate) => {
            let refusal = item.place().key("Owner").invalid();
            Err(refusal.saying("Non Subordinate User Found").into())
        }
        Some(_) => Err(item.place().key("assign_to").key("id").invalid().into()),
    }
}

/// The id of what is named: an object with it, or in the first versions the id itself.
fn id_of(version: Version, key: Key<'_>) -> Result<Option<i64>, Refusal> {
    if version.converts_to_plain_ids() {
        return key.id();
    }
    let Some(object) = key.object()? else {
        return Ok(None);
    };
    object.known(&["id", "name"])?;
    object.key("id").or_null().required()?.id().map(Some)
}

/// Tags by module, named one by one.
fn tags(item: &Object<'_>) -> Result<BTreeMap<String, Option<Vec<String>>>, Refusal> {
    let mut tags = BTreeMap::new();
    let Some(object) = item.key("carry_over_tags").or_null().object()? else {
        return Ok(tags);
    };
    for node in object.nodes() {
        let module = node.place().api_name();
        if !INTO.contains(&module) {
            return Err(node.place().invalid());
        }
        let items = node.list()?;
        if items.len() > TAGS_PER_RECORD_MAX {
            return Err(node.place().too_long(TAGS_PER_RECORD_MAX));
        }
        let named = items.iter().map(|item| {
            let json = item.json();
            // The SDKs may send a tag as the object that they read it as.
            let name = json.as_str().or_else(|| json.get("name")?.as_str());
            let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
            name.ok_or_else(|| item.place().wrong_type(DataType::String))
        });
        let named = named.collect::<Result<_, Refusal>>()?;
        tags.insert(module.to_owned(), Some(named));
    }
    Ok(tags)
}

/// One of these modules, by its api name or its id; both must name the same one (wire API 3.4).
pub(super) fn named_module(
    actor: &Actor,
    node: &Node<'_>,
    among: &[&str],
) -> Result<String, Refusal> {
    let object = node.object()?;
    object.known(&["id", "api_name"])?;
    let (name, id) = (object.key("api_name").or_null(), object.key("id").or_null());
    let both = || vec![id.place().to_json(), name.place().to_json()];
    let by_name = name.text()?.map(|text| {
        let module = actor.catalog.module(text);
        let module = module.filter(|module| among.contains(&module.api_name.as_str()));
        module.ok_or_else(|| name.place().invalid())
    });
    let by_name = by_name.transpose()?;
    let by_id = id.id()?.map(|number| {
        let mut named = among.iter().filter_map(|name| actor.catalog.module(name));
        let module = named.find(|module| module.id.0 == number);
        module.ok_or_else(|| id.place().invalid())
    });
    let by_id = by_id.transpose()?;
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
