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
use crate::triggers::Triggers;
use model::id::UserId;
use model::import_map::ImportMap;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use names::Names;
use std::sync::Arc;
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

/// Reads rows as what the module's fields may hold. Needs no database, so that it may work ahead on a
/// thread of its own.
#[derive(Clone)]
pub struct Reader {
    columns: Arc<Columns>,
    map: Arc<ImportMap>,
}

impl Reader {
    /// Works out the columns of a file by its header.
    pub fn new(
        actor: Actor,
        module: &Module,
        headers: &[String],
        map: Arc<ImportMap>,
    ) -> Result<Self, Unusable> {
        let columns = Arc::new(Columns::new(actor, module, headers, &map)?);
        Ok(Self { columns, map })
    }

    /// The columns of the file.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Reads rows.
    pub fn read(&self, rows: Vec<Row>) -> Batch {
        let mut batch = Batch {
            version: self.columns.version(),
            readings: None,
            rows,
        };
        batch.readings = Some(self.read_again(&batch));
        batch
    }

    fn read_again(&self, batch: &Batch) -> Vec<Result<Reading, String>> {
        let rows = batch.rows.iter();
        rows.map(|row| self.columns.read(row, &self.map)).collect()
    }
}

/// Rows that are loaded together.
pub struct Batch {
    rows: Vec<Row>,
    version: i64,
    /// What the rows say, until somebody took it.
    readings: Option<Vec<Result<Reading, String>>>,
}

impl Batch {
    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What the rows say; the second time nothing.
    pub fn take(&mut self) -> Vec<Result<Reading, String>> {
        self.readings.take().unwrap_or_default()
    }
}

/// An import that is under way.
pub struct Import {
    db: Db,
    user: UserId,
    module: String,
    headers: Vec<String>,
    reader: Reader,
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
        Ok(Self {
            reader: reader_now(db, user, module, headers, Arc::new(map))?,
            db: db.clone(),
            user,
            module: module.to_owned(),
            headers: headers.to_vec(),
            names: Names::default(),
        })
    }

    /// What reads the rows of the file.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Loads rows in one transaction; answers those that were rejected, in order.
    pub fn load(&mut self, batch: &mut Batch, now: Timestamp) -> Result<Vec<Rejected>, Fault> {
        loop {
            let current = batch.version == self.reader.columns.version();
            let mut readings = batch.readings.take().filter(|_| current);
            let loaded = self.db.clone().write(Priority::Chunk, |tx| {
                // A second run, after a conflict, reads again: the first gave its values away.
                let readings = readings.take();
                let readings = readings.unwrap_or_else(|| self.reader.read_again(batch));
                self.put(tx, &batch.rows, readings, now)
            })?;
            match loaded {
                Loaded::Done(rejected) => return Ok(rejected),
                Loaded::OrgChanged => {
                    let (db, user, map) = (&self.db, self.user, Arc::clone(&self.reader.map));
                    self.reader = reader_now(db, user, &self.module, &self.headers, map)
                        .map_err(Unusable::into_fault)?;
                    self.names = Names::default();
                }
            }
        }
    }

    fn put(
        &mut self,
        tx: &mut Tx,
        rows: &[Row],
        mut readings: Vec<Result<Reading, String>>,
        now: Timestamp,
    ) -> Result<Loaded, Fault> {
        let columns = Arc::clone(&self.reader.columns);
        if tx.catalog()?.version != columns.version() {
            return Ok(Loaded::OrgChanged);
        }
        let (actor, module) = (columns.actor(), columns.module());
        self.names.resolve(tx, actor, module, &mut readings)?;
        check_references(tx, &columns, &mut readings)?;
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
            triggers: Triggers::LOADED,
            ..Writing::of(actor, module, Cause::Import, now)
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

fn reader_now(
    db: &Db,
    user: UserId,
    module: &str,
    headers: &[String],
    map: Arc<ImportMap>,
) -> Result<Reader, Unusable> {
    let catalog = db.read(|tx| Ok(tx.catalog()?))?;
    let actor = Actor::of(&catalog, user)?;
    let no_module = || Refusal::new(Code::InvalidModule).with("api_name", module);
    let module = catalog.module(module).ok_or_else(no_module)?;
    Reader::new(actor, module, headers, map)
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
    let borrowed: Vec<input::References<'_>> = references
        .iter()
        .map(|row| {
            let values = row.iter().map(|(field, value)| (*field, value));
            values.collect::<Vec<_>>().into()
        })
        .collect();
    let missing = input::check_references(tx, columns.actor(), &borrowed)?;
    for (reading, missing) in readings.iter_mut().zip(missing) {
        if let Some(field) = missing {
            *reading = Err(format!("{}: no record has this id", field.api_name));
        }
    }
    Ok(())
}
