//! `GET /swathe/v1/backup`: everything in one file, for administrators.

use super::native::administrators_only;
use crate::answer::Answer;
use crate::call::Call;
use crate::stream::{Reader, Source, Step};
use model::refusal::{Code, Refusal};
use std::fs::File;
use std::io::{Read, Seek};
use store::{Error, Fault, backup};

/// Bytes of one piece of the answer.
const PIECE_BYTES: u64 = 256 * 1024;

/// A file that nobody else knows of, sent from its start.
struct Sent(File);

impl Source for Sent {
    fn next(&mut self, _reader: &Reader) -> Result<Step, Fault> {
        let mut piece = Vec::new();
        let read = (&mut self.0).take(PIECE_BYTES).read_to_end(&mut piece);
        match read.map_err(unread)? {
            0 => Ok(Step::End),
            _ => Ok(Step::Piece(piece)),
        }
    }
}

fn unread(error: std::io::Error) -> Error {
    Error::Away(format!("the backup's file: {error}"))
}

/// Writes a file first and sends that, so that no transaction waits for a client. The file has no
/// name: nothing of it stays, however this ends.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    if let Some((odd, _)) = call.query.pairs().next() {
        let refusal = Refusal::new(Code::InvalidData).saying("there is no such parameter");
        return Err(refusal.with("param_name", odd).into());
    }
    let db = &call.app.db;
    db.read(|tx| administrators_only(tx, call.actor.user))?;
    let Ok(_one) = call.app.backing_up.try_lock() else {
        let text = "another backup is being made: ask again when it is done";
        return Err(Refusal::new(Code::ServiceUnavailable).saying(text).into());
    };
    let file = match db.folder() {
        Some(folder) => tempfile::tempfile_in(folder),
        None => tempfile::tempfile(),
    };
    let mut file = file.map_err(unread)?;
    let made = backup::write(db, &file, call.now, &mut |_| ())?;
    file.rewind().map_err(unread)?;
    tracing::info!(
        rows = made.rows,
        tables = made.tables,
        "a backup was made and is sent"
    );
    Ok(call.stream("application/x-ndjson", Sent(file))?)
}
