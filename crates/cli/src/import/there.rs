//! An import through a server: the file is read and checked here, by what the server says of the
//! module, and goes there as a client's inserts do.

mod org;

use super::Loader;
use crate::remote::{Remote, quoted};
use crate::settings::Failure;
use anyhow::bail;
use crm::import::{Batch, Columns, Reader, Reading, Rejected, Unusable, reason};
use model::criteria::{Comparator, Condition, Criteria, Literal};
use model::field::FieldKind;
use model::import_map::ImportMap;
use model::limits::RECORDS_PER_CALL_MAX;
use model::value::{Value, fold};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Bytes of a name that a record may have.
const NAME_BYTES_MAX: usize = 1_000;
/// Names in one question: with each as long as it may be, a URL still holds it.
const NAMES_PER_QUESTION: usize = 15;

struct There {
    server: Remote,
    reader: Reader,
}

pub(super) fn open(
    server: Remote,
    module: &str,
    header: &[String],
    map: ImportMap,
) -> Result<Result<Box<dyn Loader>, Unusable>, Failure> {
    let (actor, module) = org::ask(&server, module)?;
    let reader = Reader::new(actor, &module, header, Arc::new(map));
    Ok(reader.map(|reader| Box::new(There { server, reader }) as Box<dyn Loader>))
}

impl Loader for There {
    fn batch_rows(&self) -> usize {
        RECORDS_PER_CALL_MAX
    }

    fn reader(&self) -> &Reader {
        &self.reader
    }

    fn load(&mut self, batch: &mut Batch) -> Result<Vec<Rejected>, Failure> {
        let read = batch.take();
        let known = self.ask_names(read.iter().flatten())?;
        let mut rejected = Vec::new();
        let mut places = Vec::new();
        let mut data = Vec::new();
        for (place, reading) in read.into_iter().enumerate() {
            match reading.and_then(|reading| self.object(&reading, &known)) {
                Ok(object) => {
                    places.push(place);
                    data.push(object);
                }
                Err(reason) => rejected.push(Rejected { place, reason }),
            }
        }
        if !data.is_empty() {
            rejected.extend(self.insert(&places, &data)?);
        }
        rejected.sort_by_key(|rejected| rejected.place);
        for rejected in &mut rejected {
            let line = batch.rows().get(rejected.place).map_or(0, |row| row.line);
            rejected.reason = format!("line {line}: {}", rejected.reason);
        }
        Ok(rejected)
    }
}

/// Ids of records by the place of a lookup and the folded name.
type Known = HashMap<(usize, String), Vec<String>>;

impl There {
    fn columns(&self) -> &Columns {
        self.reader.columns()
    }

    fn insert(&self, places: &[usize], data: &[Json]) -> Result<Vec<Rejected>, Failure> {
        let path = format!("/crm/v8/{}", self.columns().module().api_name);
        let (status, answer) = self.server.send("POST", &path, &json!({ "data": data }))?;
        let items = answer.get("data").and_then(Json::as_array);
        let Some(items) = items.filter(|items| items.len() == places.len()) else {
            return Err(self.server.told(status, &answer));
        };
        let failed = places
            .iter()
            .zip(items)
            .filter(|(_, item)| item.get("status").and_then(Json::as_str) != Some("success"));
        let rejected = failed.map(|(place, item)| Rejected {
            place: *place,
            reason: reason(item),
        });
        Ok(rejected.collect())
    }

    /// A record as the wire takes it.
    fn object(&self, reading: &Reading, known: &Known) -> Result<Json, String> {
        let fields = &self.columns().module().fields;
        let mut object = Map::new();
        for (place, value) in reading.values() {
            let Some(field) = fields.get(*place) else {
                continue;
            };
            let json = match value {
                Value::Int(id) if field.kind.is_reference() => json!({ "id": id.to_string() }),
                value => field.kind.show(value, &self.columns().actor().zone),
            };
            object.insert(field.api_name.clone(), json);
        }
        for (place, name) in reading.names() {
            let Some(field) = fields.get(*place) else {
                continue;
            };
            let found = known.get(&(*place, fold(name)));
            let field = &field.api_name;
            match found.map_or(&[][..], Vec::as_slice) {
                [id] => {
                    object.insert(field.clone(), json!({ "id": id }));
                }
                [] => return Err(format!("{field}: no record is named \"{name}\"")),
                several => {
                    let n = several.len();
                    return Err(format!("{field}: {n} records are named \"{name}\""));
                }
            }
        }
        Ok(Json::Object(object))
    }

    /// Finds the records that names in these rows mean, one question for each lookup.
    fn ask_names<'r>(&self, rows: impl Iterator<Item = &'r Reading>) -> Result<Known, Failure> {
        let mut wanted: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        // A name that is longer than any is not worth a question.
        let names = rows.flat_map(Reading::names);
        for (place, name) in names.filter(|(_, name)| name.len() <= NAME_BYTES_MAX) {
            wanted.entry(*place).or_default().insert(fold(name));
        }
        let mut known = Known::new();
        for (place, names) in wanted {
            let field = self.columns().module().fields.get(place);
            let module = match field.map(|field| (&field.api_name, &field.kind)) {
                Some((_, FieldKind::Lookup { module })) => module,
                Some((name, FieldKind::RelatedTo)) => {
                    bail!("{name} may name a record of any module: give ids");
                }
                _ => continue,
            };
            let Some(name) = org::name_field(&self.server, module)? else {
                bail!("{module} has no field that names a record: give ids");
            };
            let names: Vec<String> = names.into_iter().collect();
            for names in names.chunks(NAMES_PER_QUESTION) {
                for (found, id) in self.find(module, &name, names)? {
                    known.entry((place, found)).or_default().push(id);
                }
            }
        }
        Ok(known)
    }

    /// Records of these names: each one's name, folded, and id.
    fn find(
        &self,
        module: &str,
        field: &str,
        names: &[String],
    ) -> Result<Vec<(String, String)>, Failure> {
        let values = names.iter().cloned().map(Literal::Text).collect();
        let criteria = Criteria::Condition(Condition::new(field, Comparator::In, values));
        let criteria = quoted(&criteria.to_text());
        let path = format!("/swathe/v1/records/{}?criteria={criteria}", quoted(module));
        let mut found = Vec::new();
        let mut next = path.clone();
        loop {
            let answer = self.server.ask("GET", &next, &Json::Null)?;
            let data = answer.get("data").and_then(Json::as_array);
            for record in data.into_iter().flatten() {
                let text = |key: &str| record.get(key).and_then(Json::as_str);
                if let (Some(name), Some(id)) = (text(field), text("id")) {
                    found.push((fold(name), id.to_owned()));
                }
            }
            match answer.get("next_page_token").and_then(Json::as_str) {
                Some(token) => next = format!("{path}&page_token={token}"),
                None => return Ok(found),
            }
        }
    }
}
