//! What a lead could become of the contacts and accounts that exist (wire API 6.2).

use super::records::{open, path_id, writing};
use crate::answer::Answer;
use crate::call::Call;
use crate::version::module_not_served;
use crate::wire::{self, Shape};
use crm::Actor;
use crm::actions::convert;
use crm::convert::{Matched, options};
use model::access::Access;
use model::conversion::{ACCOUNTS, CONTACTS, DEALS, INTO, LEADS};
use model::module::Module;
use model::people::Right;
use serde_json::{Map, Value as Json, json};
use store::changes::Cause;
use store::records::{self, Order};
use store::{Fault, Tx};

/// What is shown of each contact, and of each account.
const OF_CONTACTS: [&str; 7] = [
    "Full_Name",
    "Email",
    "Account_Name",
    "Layout",
    "Locked__s",
    "$editable",
    "$approval_state",
];
const OF_ACCOUNTS: [&str; 8] = [
    "Account_Name",
    "Phone",
    "Website",
    "Account_Type",
    "Layout",
    "Locked__s",
    "$editable",
    "$approval_state",
];

/// `GET /Leads/{id}/__conversion_options`; 204 when there is nothing to choose.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let told = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        if module.api_name != LEADS {
            return Err(call.tell(module_not_served()).into());
        }
        actor.require(Right::View, &module)?;
        let id = path_id(call).map_err(|refusal| call.tell(refusal))?;
        let asks = writing(call, &actor, &module, Cause::Api);
        let lead = convert::open(tx, asks, id, Access::Read).map_err(|fault| match fault {
            Fault::Refused(refusal) => call.tell(*refusal).into(),
            fault @ Fault::Store(_) => fault,
        })?;
        let found = options(tx, asks, &lead)?;
        let several = several_layouts(&actor);
        if found.contacts.is_none() && found.accounts.is_none() && several.is_empty() {
            return Ok(None);
        }
        let mut order = vec![
            (CONTACTS, found.contacts.is_some()),
            (ACCOUNTS, found.accounts.is_some()),
        ];
        if !found.contacts_first {
            order.reverse();
        }
        let preferred = order.into_iter().find(|(_, any)| *any);
        let preferred = preferred.and_then(|(name, _)| actor.catalog.module(name));
        let matched = json!({
            CONTACTS: found.contacts.as_ref().and_then(|matched| value(&actor, matched)),
            ACCOUNTS: found.accounts.as_ref().and_then(|matched| value(&actor, matched)),
            DEALS: null,
        });
        let any = preferred.is_some();
        Ok(Some(json!({
            "module_preference": preferred.map(brief),
            CONTACTS: shown(tx, &actor, CONTACTS, found.contacts.as_ref(), &OF_CONTACTS)?,
            ACCOUNTS: shown(tx, &actor, ACCOUNTS, found.accounts.as_ref(), &OF_ACCOUNTS)?,
            DEALS: null,
            "preference_field_matched_value": any.then_some(matched),
            "modules_with_multiple_layouts": several,
        })))
    })?;
    Ok(match told {
        Some(told) => Answer::ok(json!({ "__conversion_options": told })),
        None => Answer::no_content(),
    })
}

fn brief(module: &Module) -> Json {
    json!({ "api_name": module.api_name, "id": module.id.to_string() })
}

/// The modules of what is made in which somebody has to choose a layout.
fn several_layouts(actor: &Actor) -> Vec<Json> {
    let modules = INTO.iter().filter_map(|name| actor.catalog.module(name));
    let several = modules.filter(|module| module.layouts.len() > 1);
    several.map(brief).collect()
}

/// By which value records were found, as far as the caller sees the field and the lead's value.
fn value(actor: &Actor, matched: &Matched<'_>) -> Option<Json> {
    let field = matched.field;
    if !actor.sees(field) {
        return None;
    }
    let about = json!({
        "api_name": field.api_name,
        "id": field.id.to_string(),
        "field_label": field.label,
        "unique": field.unique,
    });
    let mut told = Map::from_iter([("field".to_owned(), about)]);
    if matched.from.is_some_and(|from| actor.sees(from)) {
        let shown = field.kind.show(&matched.value, &actor.zone);
        told.insert("matched_lead_value".to_owned(), shown);
    }
    Some(json!([told]))
}

/// The records of a module, with what helps to choose.
fn shown(
    tx: &mut Tx,
    actor: &Actor,
    module: &str,
    matched: Option<&Matched<'_>>,
    keys: &[&str],
) -> Result<Json, Fault> {
    let (Some(matched), Some(module)) = (matched, actor.catalog.module(module)) else {
        return Ok(Json::Null);
    };
    let shape = Shape {
        system_keys: true,
        ..Shape::of(actor, module, keys)
    };
    let filter = actor.seen(module).of_ids(matched.found.iter().copied());
    let page = (0, matched.found.len());
    let found = records::list(tx, module, &shape.fields, &filter, Order::BY_ID, page)?;
    let shown = wire::show(tx, actor, module, &shape, &found)?;
    let kept = shown.into_iter().map(|record| {
        let keys = keys.iter().copied().chain(["id"]);
        let part = keys.filter_map(|key| Some((key.to_owned(), record.get(key)?.clone())));
        Json::Object(part.collect::<Map<String, Json>>())
    });
    Ok(kept.collect())
}
