//! Import: rows of a CSV file become records of a module, as if each were inserted by itself, in
//! batches that go in whole or not at all.

mod columns;
mod names;
mod reason;
pub mod rows;

pub use columns::{Columns, Reading, Unusable};
pub use reason::reason;
pub use rows::{Row, Rows};

use crate::actor::Actor;
use crate::input;
use crate::record::{self, Writing};
use model::id::UserId;
use model::import_map::ImportMap;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use names::Names;
use store::changes::Cause;
use store::{Db, Fault, Priority, Tx};

/// Rows of a batch: one transaction.
pub const BATCH_ROWS: usize = 2_000;
/// The column of a rejects file that says why; an import passes it by.
pub const REASON_COLUMN: &str = "_reason";

/// A row that did not become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Which row of the batch.
    pub place: usize,
    /// Why, with the line.
    pub reason: String,
}

/// An import that is under way.
pub struct Import {
    db: Db,
    user: UserId,
    module: String,
    headers: Vec<String>,
    map: ImportMap,
    columns: Columns,
    names: Names,
}

/// What one transaction made of a batch.
enum Loaded {
    /// These rows were rejected, the others are records now.
    Done(Vec<Rejected>),
    /// Nothing: the org is not the one that the rows were read for.
    OrgChanged,
}

impl Import {
    /// Gets ready: says what is wrong with the header or the map before anything is loaded.
    pub fn open(
        db: &Db,
        user: UserId,
        module: &str,
        headers: &[String],
        map: ImportMap,
    ) -> Result<Self, Unusable> {
        let columns = columns_now(db, user, module, headers, &map)?;
        Ok(Self {
            db: db.clone(),
            user,
            module: module.to_owned(),
            headers: headers.to_vec(),
            map,
            columns,
            names: Names::default(),
        })
    }

    /// Headers of columns that the import passes by.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        self.columns.left_out()
    }

    /// Loads rows in one transaction; answers those that were rejected, in order.
    pub fn load(&mut self, rows: &[Row], now: Timestamp) -> Result<Vec<Rejected>, Fault> {
        loop {
            let mut readings = Some(self.read(rows));
            let loaded = self.db.clone().write(Priority::Chunk, |tx| {
                // A second run, after a conflict, reads again: the first gave its values away.
                let readings = readings.take().unwrap_or_else(|| self.read(rows));
                self.put(tx, rows, readings, now)
            })?;
            match loaded {
                Loaded::Done(rejected) => return Ok(rejected),
                Loaded::OrgChanged => {
                    let (db, user, module) = (&self.db, self.user, &self.module);
                    self.columns = columns_now(db, user, module, &self.headers, &self.map)
                        .map_err(Unusable::into_fault)?;
                    self.names = Names::default();
                }
            }
        }
    }

    fn read(&self, rows: &[Row]) -> Vec<Result<Reading, String>> {
        let rows = rows.iter();
        rows.map(|row| self.columns.read(row, &self.map)).collect()
    }

    fn put(
        &mut self,
        tx: &mut Tx,
        rows: &[Row],
        mut readings: Vec<Result<Reading, String>>,
        now: Timestamp,
    ) -> Result<Loaded, Fault> {
        if tx.catalog()?.version != self.columns.version() {
            return Ok(Loaded::OrgChanged);
        }
        let (actor, module) = (self.columns.actor(), self.columns.module());
        self.names.resolve(tx, actor, module, &mut readings)?;
        check_references(tx, &self.columns, &mut readings)?;
        let mut rejected = Vec::new();
        let mut places = Vec::new();
        let mut good = Vec::new();
        for (place, reading) in readings.into_iter().enumerate() {
            match reading {
                Ok(reading) => {
                    places.push(place);
                    good.push(reading.into_values(module));
                }
                Err(reason) => rejected.push(Rejected { place, reason }),
            }
        }
        let writing = Writing {
            actor,
            module,
            cause: Cause::Import,
            job: None,
            now,
        };
        let made = record::create(tx, writing, good)?;
        for (place, made) in places.into_iter().zip(made) {
            if let Err(refusal) = made {
                let reason = reason(&refusal.to_json());
                rejected.push(Rejected { place, reason });
            }
        }
        rejected.sort_by_key(|rejected| rejected.place);
        for rejected in &mut rejected {
            let line = rows.get(rejected.place).map_or(0, |row| row.line);
            rejected.reason = format!("line {line}: {}", rejected.reason);
        }
        Ok(Loaded::Done(rejected))
    }
}

fn columns_now(
    db: &Db,
    user: UserId,
    module: &str,
    headers: &[String],
    map: &ImportMap,
) -> Result<Columns, Unusable> {
    let catalog = db.read(|tx| Ok(tx.catalog()?))?;
    let actor = Actor::of(&catalog, user)?;
    let no_module = || Refusal::new(Code::InvalidModule).with("api_name", module);
    let module = catalog.module(module).ok_or_else(no_module)?;
    Columns::new(actor, module, headers, map)
}

/// Rejects rows that refer to records that do not exist.
fn check_references(
    tx: &mut Tx,
    columns: &Columns,
    readings: &mut [Result<Reading, String>],
) -> Result<(), Fault> {
    let module = columns.module();
    let of_row = |reading: &Result<Reading, String>| -> Vec<_> {
        let values = reading.as_ref().map_or(&[][..], |reading| &reading.values);
        let fields = values.iter().filter_map(|(place, value)| {
            let field = module.fields.get(*place)?;
            let id = value.as_int().filter(|_| field.kind.is_reference())?;
            Some((field, Value::Int(id)))
        });
        fields.collect()
    };
    let references: Vec<Vec<_>> = readings.iter().map(of_row).collect();
    let borrowed: Vec<Vec<_>> = references
        .iter()
        .map(|row| row.iter().map(|(field, value)| (*field, value)).collect())
        .collect();
    let missing = input::check_references(tx, columns.actor(), &borrowed)?;
    for (reading, missing) in readings.iter_mut().zip(missing) {
        if let Some(field) = missing {
            *reading = Err(format!("{}: no record has this id", field.api_name));
        }
    }
    Ok(())
}
