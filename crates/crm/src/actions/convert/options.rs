//! How leads are to be converted, in the `change` of a native request.

use super::{ConvertOptions, check, deal};
use crate::actions::describe;
use crate::actor::Actor;
use model::body::{Node, Object};
use model::conversion::INTO;
use model::module::ACTIVITY_MODULES;
use model::refusal::Refusal;
use store::{Fault, Tx};

/// Reads the options; without a `change` they are the usual ones.
pub(super) fn read(tx: &mut Tx, actor: &Actor, body: &Object<'_>) -> Result<ConvertOptions, Fault> {
    const KNOWN: [&str; 7] = [
        "deal",
        "assign_to",
        "add_to_existing",
        "overwrite",
        "carry_over_tags",
        "move_attachments_to",
        "related_modules",
    ];
    let mut options = ConvertOptions::default();
    let Some(change) = body.key("change").object()? else {
        return Ok(options);
    };
    change.known(&KNOWN)?;
    for node in change.nodes() {
        match node.place().api_name() {
            "deal" => {
                options.deal = Some(deal(tx, actor, &node.object()?)?);
            }
            "assign_to" => options.owner = Some(describe::user_named(actor, &node)?),
            "add_to_existing" => options.add_to_existing = node.boolean()?,
            "overwrite" => options.overwrite = node.boolean()?,
            "carry_over_tags" => {
                for name in names(&node, &INTO)? {
                    options.tags.insert(name, None);
                }
            }
            "move_attachments_to" => options.attachments_to = Some(one_of(&node, &INTO)?),
            _ => options.related = names(&node, &ACTIVITY_MODULES)?,
        }
    }
    check(
        &options,
        change.key("move_attachments_to").place().json_path(),
    )?;
    Ok(options)
}

/// A list of some of these modules, each once.
fn names(node: &Node<'_>, among: &[&str]) -> Result<Vec<String>, Refusal> {
    let mut names = Vec::new();
    for item in node.items()? {
        let name = one_of(&item, among)?;
        if names.contains(&name) {
            return Err(item.place().invalid().saying("a module stands twice"));
        }
        names.push(name);
    }
    Ok(names)
}

fn one_of(node: &Node<'_>, among: &[&str]) -> Result<String, Refusal> {
    let name = node.json().as_str().filter(|name| among.contains(name));
    let unknown = || node.place().no_such_word(among.iter().copied());
    name.map(str::to_owned).ok_or_else(unknown)
}
