//! Where the cells of a row go, worked out once for a file.

use super::REASON_COLUMN;
use super::reason::reason;
use super::rows::Row;
use crate::actor::Actor;
use crate::input;
use model::field::{Field, FieldKind};
use model::id::{self, LayoutId, UserId};
use model::import_map::{Column, ImportMap};
use model::module::{Layout, Module, system};
use model::org::Problem;
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::value::Value;
use std::collections::HashMap;
use store::Fault;

/// Digits from which a number is the id of a record rather than its name.
const ID_DIGITS: usize = 15;

/// Why an import cannot start.
#[derive(Debug)]
pub enum Unusable {
    /// The map does not fit the module.
    Map(Vec<Problem>),
    /// The file's header does not fit the module or the map.
    Header(Vec<String>),
    /// The user may not, or the database fails.
    Fault(Fault),
}

impl From<Fault> for Unusable {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for Unusable {
    fn from(refusal: Refusal) -> Self {
        Self::Fault(refusal.into())
    }
}

impl Unusable {
    /// The org changed while an import ran, so that the rest does not fit it any more.
    pub(super) fn into_fault(self) -> Fault {
        let why = match self {
            Self::Fault(fault) => return fault,
            Self::Map(problems) => problems.iter().map(ToString::to_string).collect(),
            Self::Header(problems) => problems,
        };
        let refusal = Refusal::new(Code::InvalidData);
        let why = why.join("; ");
        refusal
            .saying(format!("the org changed while the import ran: {why}"))
            .into()
    }
}

/// What a cell says.
#[derive(Clone, Debug)]
enum Cell {
    /// A value, `Null` among them.
    Value(Value),
    /// The name of the record that a lookup points at.
    Name(String),
}

/// A row as the module's fields, by their place in it.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub(super) values: Vec<(usize, Value)>,
    pub(super) names: Vec<(usize, String)>,
}

impl Reading {
    /// Values by the place of their field in the module.
    pub fn values(&self) -> &[(usize, Value)] {
        &self.values
    }

    /// Names of records in place of their ids, by the place of the lookup.
    pub fn names(&self) -> &[(usize, String)] {
        &self.names
    }

    /// The values with their fields.
    pub(super) fn into_values(self, module: &Module) -> Vec<(&Field, Value)> {
        let values = self.values.into_iter();
        values
            .filter_map(|(place, value)| Some((module.fields.get(place)?, value)))
            .collect()
    }

    fn has(&self, place: usize) -> bool {
        self.values.iter().any(|(known, _)| *known == place)
            || self.names.iter().any(|(known, _)| *known == place)
    }

    fn put(&mut self, place: usize, cell: Cell) {
        match cell {
            Cell::Value(Value::Null) => {}
            Cell::Value(value) => self.values.push((place, value)),
            Cell::Name(name) => self.names.push((place, name)),
        }
    }
}

/// Where the cells of a row go.
pub struct Columns {
    actor: Actor,
    module: Module,
    /// By column: the header and the place of the field, if it has one.
    of_file: Vec<(String, Option<usize>)>,
    constants: Vec<(usize, Cell)>,
    /// By layout: places of the fields that must have a value.
    mandatory: Vec<(Option<LayoutId>, Vec<usize>)>,
    users: Users,
}

/// Users who may be named in a record.
struct Users {
    by_email: HashMap<String, UserId>,
    by_id: HashMap<UserId, bool>,
}

impl Users {
    fn of(actor: &Actor) -> Self {
        let active = || actor.catalog.users.iter().filter(|user| user.is_active());
        Self {
            by_email: active()
                .map(|user| (user.email.to_ascii_lowercase(), user.id))
                .collect(),
            by_id: active().map(|user| (user.id, user.confirmed)).collect(),
        }
    }

    fn find(&self, text: &str, owner: bool) -> Option<UserId> {
        let id = match UserId::parse(text) {
            Some(id) => id,
            None => *self.by_email.get(&text.to_ascii_lowercase())?,
        };
        let confirmed = self.by_id.get(&id)?;
        (*confirmed || !owner).then_some(id)
    }
}

impl Columns {
    /// Works out the columns of a file by its header.
    pub fn new(
        actor: Actor,
        module: &Module,
        headers: &[String],
        map: &ImportMap,
    ) -> Result<Self, Unusable> {
        actor.require(Right::Create, module)?;
        map.check(module).map_err(Unusable::Map)?;
        let mut problems = Vec::new();
        let mut columns = Vec::new();
        for header in headers {
            let place = match map.column(header) {
                Column::Field(name) => module.fields.iter().position(|f| f.api_name == name),
                Column::Ignored => None,
                Column::Unknown => by_itself(module, header).unwrap_or_else(|| {
                    let module = &module.api_name;
                    problems.push(format!("column \"{header}\" is no field of {module}"));
                    None
                }),
            };
            columns.push((header.trim().to_owned(), place));
        }
        let users = Users::of(&actor);
        let mut new = Self {
            users,
            mandatory: mandatory(module),
            module: module.clone(),
            actor,
            of_file: columns,
            constants: Vec::new(),
        };
        new.check_columns(map, &mut problems);
        new.read_constants(map, &mut problems);
        new.check_mandatory_columns(&mut problems);
        if problems.is_empty() {
            Ok(new)
        } else {
            Err(Unusable::Header(problems))
        }
    }

    fn check_columns(&self, map: &ImportMap, problems: &mut Vec<String>) {
        for header in map.headers() {
            if !self.of_file.iter().any(|(known, _)| known == header) {
                problems.push(format!(
                    "there is no column \"{header}\", which the map names"
                ));
            }
        }
        let mut taken: HashMap<usize, &str> = HashMap::new();
        for (header, place) in &self.of_file {
            let Some((place, field)) = place.and_then(|n| Some((n, self.module.fields.get(n)?)))
            else {
                continue;
            };
            let name = &field.api_name;
            if let Some(first) = taken.insert(place, header) {
                problems.push(format!(
                    "columns \"{first}\" and \"{header}\" both are {name}"
                ));
            }
            if self.actor.profile.field(field.id) != FieldRight::Editable {
                let email = &self.actor.user.email;
                problems.push(format!("{email} may not write {name}"));
            }
        }
    }

    fn read_constants(&mut self, map: &ImportMap, problems: &mut Vec<String>) {
        for (name, text) in map.constants() {
            let fields = self.module.fields.iter().enumerate();
            let mut fields = fields.filter(|(_, field)| field.api_name == name);
            let Some((place, field)) = fields.next() else {
                continue;
            };
            match self.cell("", field, text, map) {
                Ok(cell) => self.constants.push((place, cell)),
                Err(why) => problems.push(format!("constant {why}")),
            }
        }
    }

    fn check_mandatory_columns(&self, problems: &mut Vec<String>) {
        let Some((_, wanted)) = self.mandatory.first() else {
            return;
        };
        // Another layout may want less, so that only rows can tell.
        let layouts = self.of_file.iter().filter_map(|(_, place)| *place);
        let layouts = layouts.chain(self.constants.iter().map(|(place, _)| *place));
        let known: Vec<usize> = layouts.collect();
        let name = |place: &usize| self.module.fields.get(*place).map(|f| f.api_name.as_str());
        if known
            .iter()
            .any(|place| name(place) == Some(system::LAYOUT))
        {
            return;
        }
        let missing = wanted.iter().filter(|place| !known.contains(place));
        for name in missing.filter_map(name) {
            problems.push(format!("the mandatory field {name} has no column"));
        }
    }

    /// The version of the catalog that this was worked out from.
    pub(super) fn version(&self) -> i64 {
        self.actor.catalog.version
    }

    /// Who imports.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What the rows become records of.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Headers of columns that are passed by.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        let left_out = self.of_file.iter().filter(|(_, place)| place.is_none());
        left_out.map(|(header, _)| header.as_str())
    }

    /// Reads a row, or says everything that is wrong with it.
    pub fn read(&self, row: &Row, map: &ImportMap) -> Result<Reading, String> {
        if let Some(flaw) = &row.flaw {
            return Err(flaw.clone());
        }
        if row.len() != self.of_file.len() {
            let (cells, columns) = (row.len(), self.of_file.len());
            return Err(format!("the row has {cells} cells, the header {columns}"));
        }
        let mut reading = Reading {
            values: Vec::with_capacity(self.of_file.len()),
            names: Vec::new(),
        };
        let mut wrong = Vec::new();
        let mut empty = true;
        for ((header, place), text) in self.of_file.iter().zip(row.texts()) {
            empty = empty && text.is_empty();
            let Some((place, field)) = place.and_then(|n| Some((n, self.module.fields.get(n)?)))
            else {
                continue;
            };
            match self.cell(header, field, text, map) {
                Ok(cell) => reading.put(place, cell),
                Err(why) => wrong.push(why),
            }
        }
        if empty {
            return Err("all cells are empty".to_owned());
        }
        for (place, cell) in &self.constants {
            if !reading.has(*place) {
                reading.put(*place, cell.clone());
            }
        }
        if wrong.is_empty() {
            self.check_mandatory(&reading, &mut wrong);
        }
        if wrong.is_empty() {
            Ok(reading)
        } else {
            Err(wrong.join("; "))
        }
    }

    fn check_mandatory(&self, reading: &Reading, wrong: &mut Vec<String>) {
        let of = |(place, value): &(usize, Value)| {
            let field = self.module.fields.get(*place)?;
            let id = value.as_int().filter(|_| field.kind == FieldKind::Layout);
            id.map(LayoutId)
        };
        let layout = reading.values.iter().find_map(of);
        let known = self.mandatory.iter().find(|(known, _)| *known == layout);
        for place in known.map_or(&[][..], |(_, places)| places) {
            if !reading.has(*place) {
                let name = self.module.fields.get(*place).map_or("", |f| &f.api_name);
                wrong.push(format!("{name}: a value is needed"));
            }
        }
    }

    fn cell(
        &self,
        header: &str,
        field: &Field,
        text: &str,
        map: &ImportMap,
    ) -> Result<Cell, String> {
        let name = &field.api_name;
        let Some(text) = map.text(header, field, text) else {
            return Ok(Cell::Value(Value::Null));
        };
        if !field.kind.is_reference() {
            let value = map.value(field, text, &self.actor.zone);
            return value.map(Cell::Value).map_err(|misfit| {
                let mut refusal = Refusal::new(Code::InvalidData);
                refusal.details = misfit.details;
                reason(&refusal.with("api_name", name.as_str()).to_json())
            });
        }
        let id = match &field.kind {
            kind if kind.is_lookup() => match id::parse(text) {
                Some(id) if text.len() >= ID_DIGITS => id,
                _ => return Ok(Cell::Name(text.to_owned())),
            },
            FieldKind::Layout => {
                let named = self.module.layouts.iter().find(|l| l.name == text);
                let found = named.or_else(|| self.module.layout(LayoutId::parse(text)?));
                let unknown = || format!("{name}: there is no layout \"{text}\"");
                found.ok_or_else(unknown)?.id.0
            }
            kind => {
                let user = self.users.find(text, *kind == FieldKind::OwnerLookup);
                let unknown = || format!("{name}: no active user has the id or e-mail \"{text}\"");
                user.ok_or_else(unknown)?.0
            }
        };
        Ok(Cell::Value(Value::Int(id)))
    }
}

/// What a column is that no map speaks of: `None` when nothing, a place when its header names a field
/// that a caller writes. What only the server writes is passed by, as an insert passes it by.
#[expect(
    clippy::option_option,
    reason = "no column at all, or one that has a place or none"
)]
fn by_itself(module: &Module, header: &str) -> Option<Option<usize>> {
    let header = header.trim();
    if header == REASON_COLUMN || header.eq_ignore_ascii_case("id") {
        return Some(None);
    }
    let fields = || module.fields.iter().enumerate();
    let named = fields().find(|(_, field)| field.api_name == header);
    let labelled = || {
        let mut found = fields().filter(|(_, field)| field.label.eq_ignore_ascii_case(header));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    };
    let (place, field) = named.or_else(labelled)?;
    let by_server = field.read_only
        || field.computed.is_some()
        || matches!(field.kind, FieldKind::AutoNumber { .. });
    Some((!by_server).then_some(place))
}

/// Places of the fields that must have a value, by layout; first those of a record without one.
fn mandatory(module: &Module) -> Vec<(Option<LayoutId>, Vec<usize>)> {
    let places = |layout: Option<&Layout>| {
        let fields = input::mandatory_fields(module, layout);
        let places = fields.map(|wanted| module.fields.iter().position(|f| f.id == wanted.id));
        places.flatten().collect()
    };
    let mut all = vec![(None, places(module.layouts.first()))];
    let layouts = module.layouts.iter();
    all.extend(layouts.map(|layout| (Some(layout.id), places(Some(layout)))));
    all
}
