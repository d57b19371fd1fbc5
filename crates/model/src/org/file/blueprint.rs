//! Blueprints as an org file writes them.

use super::super::read::{At, Flaw, Table, Text, Texts};
use super::{Head, each, head, plain};

const NOUN: &str = "[[module.blueprint.transition]]";

#[derive(Clone, Debug)]
pub(in crate::org) struct BlueprintEntry {
    pub(in crate::org) head: Head,
    pub(in crate::org) field: Text,
    pub(in crate::org) layout: Option<Text>,
    pub(in crate::org) criteria: Option<Text>,
    pub(in crate::org) transitions: Vec<TransitionEntry>,
}

#[derive(Clone, Debug)]
pub(in crate::org) struct TransitionEntry {
    pub(in crate::org) name: Text,
    pub(in crate::org) from: Texts,
    pub(in crate::org) to: Text,
    pub(in crate::org) criteria: Option<Text>,
    pub(in crate::org) fields: Vec<Text>,
    pub(in crate::org) profiles: Vec<Text>,
    pub(in crate::org) owner_only: Option<At<bool>>,
}

pub(super) fn blueprint(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<BlueprintEntry> {
    let head = head(&mut t, "name", flaws);
    // What is removed needs no more than its name.
    let removed = head.as_ref().filter(|head| head.remove);
    let field = match removed {
        Some(head) => t.text("field", flaws).or_else(|| Some(head.name.clone())),
        None => t.required("field", flaws),
    };
    let layout = t.text("layout", flaws);
    let criteria = t.text("criteria", flaws);
    let transitions = each(&mut t, "transition", NOUN, flaws, transition);
    t.finish(flaws);
    Some(BlueprintEntry {
        head: head?,
        field: field?,
        layout,
        criteria,
        transitions,
    })
}

fn transition(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<TransitionEntry> {
    let at = t.at;
    let name = t.required("name", flaws);
    let stated = t.holds("from");
    let from = t.texts("from", flaws);
    if !stated {
        flaws.push(Flaw::new(at, format!("{NOUN} needs `from`")));
    }
    let to = t.required("to", flaws);
    let criteria = t.text("criteria", flaws);
    let fields = plain(t.texts("fields", flaws));
    let profiles = plain(t.texts("profiles", flaws));
    let owner_only = t.truth("owner_only", flaws);
    t.finish(flaws);
    Some(TransitionEntry {
        name: name?,
        from: from?,
        to: to?,
        criteria,
        fields,
        profiles,
        owner_only,
    })
}
