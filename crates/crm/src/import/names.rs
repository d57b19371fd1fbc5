//! Lookups by name: which record a name means, asked once for all rows of a batch.

use super::columns::Reading;
use crate::actor::Actor;
use model::field::FieldKind;
use model::id::RecordId;
use model::module::Module;
use model::value::{Value, fold};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::records;
use store::{Fault, Tx};

/// Names are remembered up to this many.
const NAMES_MAX: usize = 50_000;

/// Names that were found, by the place of the lookup in the module, folded. Whether the records
/// still exist is checked with all other references.
#[derive(Default)]
pub(super) struct Names(HashMap<(usize, String), RecordId>);

/// Records of each name asked for: one at least.
type Found = HashMap<Value, Vec<RecordId>>;

impl Names {
    /// Puts ids in place of names; a row with a name that no record has, or several, is rejected.
    pub(super) fn resolve(
        &mut self,
        tx: &mut Tx,
        actor: &Actor,
        module: &Module,
        readings: &mut [Result<Reading, String>],
    ) -> Result<(), Fault> {
        let mut wanted: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (place, name) in readings.iter().flatten().flat_map(|reading| &reading.names) {
            let key = (*place, fold(name));
            if !self.0.contains_key(&key) {
                wanted.entry(key.0).or_default().insert(key.1);
            }
        }
        let mut found: HashMap<usize, Found> = HashMap::new();
        for (place, names) in wanted {
            let names: Vec<Value> = names.into_iter().map(Value::Text).collect();
            found.insert(place, find(tx, actor, module, place, &names)?);
        }
        for reading in readings {
            let Ok(row) = reading else { continue };
            let mut wrong = Vec::new();
            for (place, name) in std::mem::take(&mut row.names) {
                match self.one(&found, place, &name) {
                    Ok(id) => row.values.push((place, Value::Int(id.0))),
                    Err(why) => wrong.push(told(module, place, &name, why)),
                }
            }
            if !wrong.is_empty() {
                *reading = Err(wrong.join("; "));
            }
        }
        self.remember(module, found);
        Ok(())
    }

    fn one(
        &self,
        found: &HashMap<usize, Found>,
        place: usize,
        name: &str,
    ) -> Result<RecordId, usize> {
        let name = fold(name);
        if let Some(id) = self.0.get(&(place, name.clone())) {
            return Ok(*id);
        }
        let found = found
            .get(&place)
            .and_then(|names| names.get(&Value::Text(name)));
        match found.map_or(&[][..], Vec::as_slice) {
            [one] => Ok(*one),
            several => Err(several.len()),
        }
    }

    fn remember(&mut self, module: &Module, found: HashMap<usize, Found>) {
        for (place, names) in found {
            // This import makes records of the module itself, so a name may come to mean two.
            let field = module.fields.get(place);
            let own = field.is_some_and(|field| field.kind.points_at(module));
            if own || self.0.len() + names.len() > NAMES_MAX {
                continue;
            }
            for (name, ids) in names {
                if let (Value::Text(name), [one]) = (name, ids.as_slice()) {
                    self.0.insert((place, name), *one);
                }
            }
        }
    }
}

fn find(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    place: usize,
    names: &[Value],
) -> Result<Found, Fault> {
    let mut found = Found::new();
    let field = module.fields.get(place);
    let targets = field.into_iter();
    for target in targets.flat_map(|field| actor.catalog.pointed_at(&field.kind)) {
        let Some(field) = target.name_field() else {
            continue;
        };
        let holders = records::find_by_values(tx, target, field, names)?;
        let ids = holders.iter().map(|(_, id)| *id);
        let shown = shown(tx, actor, target, ids.collect())?;
        for (name, id) in holders.into_iter().filter(|(_, id)| shown.contains(id)) {
            found.entry(name).or_default().push(id);
        }
    }
    Ok(found)
}

/// Those of these records that are shown to the actor.
fn shown(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    ids: HashSet<RecordId>,
) -> Result<HashSet<RecordId>, Fault> {
    if actor.reach(module).is_none() {
        return Ok(ids);
    }
    let limit = ids.len();
    let filter = actor.seen(module).of_ids(ids);
    let shown = records::select_ids(tx, module, &filter, limit)?;
    Ok(shown.into_iter().map(|(id, _)| id).collect())
}

fn told(module: &Module, place: usize, name: &str, several: usize) -> String {
    let field = module.fields.get(place);
    let of = match field.map(|field| &field.kind) {
        Some(FieldKind::Lookup { module }) => format!(" of {module}"),
        _ => String::new(),
    };
    let field = field.map_or("", |field| &field.api_name);
    match several {
        0 => format!("{field}: no record{of} is named \"{name}\""),
        n => format!("{field}: {n} records{of} are named \"{name}\""),
    }
}
