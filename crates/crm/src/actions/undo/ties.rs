//! What keeps a record that a job made when the job is undone: whatever refers to it or stands beside
//! it, and is not the job's own work.

use crate::record::{Purpose, Writing};
use model::field::Field;
use model::id::{JobId, RecordId};
use model::module::Module;
use model::refusal::{Code, Refusal};
use std::collections::HashMap;
use store::deeds::{self, Ties};
use store::moves::MoveKind;
use store::{Fault, Tx};

/// Refuses those of these records, which this job made, that somebody or something needs.
pub(super) fn of(
    tx: &mut Tx,
    writing: Writing<'_>,
    job: JobId,
    records: &[RecordId],
    purpose: &Purpose<'_>,
) -> Result<HashMap<RecordId, Refusal>, Fault> {
    let Writing { actor, module, .. } = writing;
    // What is only told takes the rest of what the job did for put back.
    let ties = Ties {
        but: (!purpose.writes()).then_some(job),
    };
    let mut kept: HashMap<RecordId, Refusal> = HashMap::new();
    let mut keep = |found: Vec<RecordId>, text: &str, of: &str| {
        for record in found {
            let refusal = || {
                Refusal::new(Code::ChangedSince)
                    .saying(text.to_owned())
                    .with("id", record.to_string())
                    .with("module", of)
            };
            kept.entry(record).or_insert_with(refusal);
        }
    };
    for from in &actor.catalog.modules {
        for lookup in from.lookups_of(module) {
            let found = ties.named_by(tx, (from, lookup), module, records)?;
            let text = "another record refers to the one that the job made, which is not deleted";
            keep(found, text, &from.api_name);
        }
    }
    for (kind, name) in [
        (MoveKind::Note, "Notes"),
        (MoveKind::Attachment, "Attachments"),
    ] {
        let found = ties.holding(tx, kind, module, records)?;
        let text = "something was added to the record that the job made, which is not deleted";
        keep(found, text, name);
    }
    if let Some(undo) = writing.job.filter(|_| purpose.writes()) {
        let text = "what became the record is gone, and so it is not deleted";
        for (found, of) in heirs_of_gone(tx, writing, undo)? {
            keep(vec![found], text, &of.api_name);
        }
    }
    kept.retain(|record, _| records.contains(record));
    Ok(kept)
}

/// What those named that the undo would have put back and did not find: it must stay, or nothing would
/// be left of them.
fn heirs_of_gone<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    undo: JobId,
) -> Result<Vec<(RecordId, &'a Module)>, Fault> {
    let Writing { actor, module, .. } = writing;
    let mut heirs = Vec::new();
    for past in deeds::gone(tx, undo)? {
        let Some(of) = actor.catalog.module_by_id(past.module) else {
            continue;
        };
        let named = |field: &Field| {
            let id = past.before.get(&field.id.to_string())?.as_i64()?;
            Some((RecordId(id), of))
        };
        heirs.extend(of.lookups_of(module).filter_map(named));
    }
    Ok(heirs)
}
