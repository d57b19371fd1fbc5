//! An import into the database itself.

use super::Loader;
use crate::settings::{self, Failure};
use crm::Actor;
use crm::import::{BATCH_ROWS, Batch, Import, Reader, Rejected, Unusable};
use model::import_map::ImportMap;
use store::Db;

struct Here(Import);

pub(super) fn open(
    db: Db,
    user: Option<&str>,
    module: &str,
    header: &[String],
    map: ImportMap,
) -> Result<Box<dyn Loader>, Unusable> {
    let catalog = db.read(|tx| Ok(tx.catalog()?))?;
    let actor = Actor::at_console(&catalog, user)?;
    let import = Import::open(&db, actor.user.id, module, header, map)?;
    Ok(Box::new(Here(import)))
}

impl Loader for Here {
    fn batch_rows(&self) -> usize {
        BATCH_ROWS
    }

    fn reader(&self) -> &Reader {
        self.0.reader()
    }

    fn load(&mut self, batch: &mut Batch) -> Result<Vec<Rejected>, Failure> {
        let loaded = self.0.load(batch, settings::now());
        loaded.map_err(settings::refused)
    }
}
