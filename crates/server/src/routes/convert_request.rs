//! How leads are to be converted, in the `change` of a native request.

use super::mass_request::{known_below, object, owner, text, truth};
use crm::Actor;
use crm::actions::convert::{self, Terms};
use model::conversion::INTO;
use model::module::ACTIVITY_MODULES;
use model::refusal::Refusal;
use serde_json::{Map, Value as Json};
use store::{Fault, Tx};

const AT: &str = "$.change";

/// Reads the terms; without a `change` they are the usual ones.
pub(super) fn terms(tx: &mut Tx, actor: &Actor, body: &Map<String, Json>) -> Result<Terms, Fault> {
    const KNOWN: [&str; 7] = [
        "deal",
        "assign_to",
        "add_to_existing",
        "overwrite",
        "carry_over_tags",
        "move_attachments_to",
        "related_modules",
    ];
    let mut terms = Terms::default();
    if !body.contains_key("change") {
        return Ok(terms);
    }
    let change = object(body, "change", AT)?;
    known_below(change, "change", &KNOWN)?;
    for (key, json) in change {
        let path = format!("{AT}.{key}");
        match key.as_str() {
            "deal" => {
                let deal = object(change, key, &path)?;
                terms.deal = Some(convert::deal(tx, actor, deal, &path)?);
            }
            "assign_to" => {
                let user = owner(actor, text(change, key, &path)?).map_err(|refusal| {
                    let refusal = refusal.with("api_name", key.as_str());
                    refusal.with("json_path", path.as_str())
                })?;
                terms.owner = Some(user);
            }
            "add_to_existing" => terms.add_to_existing = truth(json, key, &path)?,
            "overwrite" => terms.overwrite = truth(json, key, &path)?,
            "carry_over_tags" => {
                for name in names(json, key, &path, &INTO)? {
                    terms.tags.insert(name, None);
                }
            }
            "move_attachments_to" => {
                let name = one_of(json, key, &path, &INTO)?;
                terms.attachments_to = Some(name);
            }
            _ => terms.related = names(json, key, &path, &ACTIVITY_MODULES)?,
        }
    }
    convert::check(&terms, &format!("{AT}.move_attachments_to"))?;
    Ok(terms)
}

/// A list of some of these modules, each once.
fn names(json: &Json, key: &str, path: &str, among: &[&str]) -> Result<Vec<String>, Refusal> {
    let items = json.as_array().filter(|items| !items.is_empty());
    let items =
        items.ok_or_else(|| Refusal::invalid(key, path).with("expected_data_type", "jsonarray"))?;
    let mut names = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let path = format!("{path}[{n}]");
        let name = one_of(item, key, &path, among)?;
        if names.contains(&name) {
            return Err(Refusal::invalid(key, path).saying("a module stands twice"));
        }
        names.push(name);
    }
    Ok(names)
}

fn one_of(json: &Json, key: &str, path: &str, among: &[&str]) -> Result<String, Refusal> {
    let name = json.as_str().filter(|name| among.contains(name));
    name.map(str::to_owned)
        .ok_or_else(|| Refusal::invalid(key, path).with("supported_values", among.to_vec()))
}
