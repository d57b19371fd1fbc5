//! The records that met a rule, as they were when they met it and as they stand.

use crate::history::History;
use crate::judge::Columns;
use model::field::Field;
use model::id::RecordId;
use model::module::Module;
use model::value::Value;
use model::workflow::Trigger;
use std::collections::HashMap;
use store::events::Event;
use store::records::{self, Filter, Order, Record};
use store::{Fault, Tx};

/// Records of some events.
pub(super) struct Records<'a> {
    columns: Columns<'a>,
    standing: HashMap<RecordId, Record>,
    history: History,
}

/// The revision that tells what an event met: of a deleted record, the one before it went.
fn rev_of(event: &Event) -> i64 {
    event.rev - i64::from(event.trigger == Trigger::Delete)
}

impl<'a> Records<'a> {
    /// Reads these fields of the records.
    pub(super) fn read(
        tx: &mut Tx,
        module: &Module,
        fields: Vec<&'a Field>,
        events: &[&Event],
    ) -> Result<Self, Fault> {
        let columns = Columns(fields);
        let filter = Filter::everything().of_ids(events.iter().map(|event| event.record));
        let page = (0, events.len());
        let found = records::list(tx, module, &columns.0, &filter, Order::BY_ID, page)?;
        let points: Vec<(RecordId, i64)> = events.iter().map(|e| (e.record, rev_of(e))).collect();
        Ok(Self {
            columns,
            standing: found
                .into_iter()
                .map(|record| (record.id, record))
                .collect(),
            history: History::since(tx, &points)?,
        })
    }

    /// A value as it was when the rule was met.
    pub(super) fn then(&self, event: &Event, field: &Field) -> Value {
        let then = self.history.value(event.record, rev_of(event), field);
        then.unwrap_or_else(|| self.now(event, field).unwrap_or_default())
    }

    /// A value as it stands; `None` when the record does not.
    pub(super) fn now(&self, event: &Event, field: &Field) -> Option<Value> {
        let record = self.standing.get(&event.record)?;
        Some(self.columns.by_id(record, field.id).clone())
    }
}
