//! The timeline of a record: its changes, each with what it wrote over and what it left, within the
//! rights of who reads it.

use crate::actor::Actor;
pub use crate::difference::Side;
use crate::difference::{after, before, shown};
use crate::history::value_of;
use crate::show::Show;
use crate::{deleted as bin, judge::Columns};
use model::field::Field;
use model::id::{JobId, RecordId, RuleId, UserId};
use model::module::Module;
use model::people::Right;
use model::time::Timestamp;
use model::value::Value;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use store::changes::{self, Cause, ChangeKind, Past, Window};
use store::deleted::{self, Sort};
use store::records::{self, Order, Record};
use store::{Fault, Tx};

/// Later changes read at once, for what a page's changes left.
const LATER_ROWS: usize = 500;

/// Which changes of a record.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Where the page begins; the newest come first, or the oldest.
    pub window: Window,
    /// So many at most.
    pub limit: usize,
    /// Also of a record in the recycle bin.
    pub in_bin: bool,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The revision that it made.
    pub rev: i64,
    /// What happened.
    pub kind: ChangeKind,
    /// Why.
    pub cause: Cause,
    /// Through which job.
    pub job: Option<JobId>,
    /// By which workflow rule.
    pub rule: Option<RuleId>,
    /// Who.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
    /// What it wrote over.
    pub before: Side<'a>,
    /// What it left there.
    pub after: Side<'a>,
}

/// Some of a record's changes.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// What the record is called.
    pub name: Option<String>,
    /// The changes, in the order asked for.
    pub entries: Vec<Entry<'a>>,
    /// Whether more follow.
    pub more: bool,
}

/// A record's changes, as far as the actor sees it; `None` when they see no such record.
pub fn page<'a>(
    tx: &mut Tx,
    actor: &Actor,
    module: &'a Module,
    id: RecordId,
    wanted: Wanted,
) -> Result<Option<Page<'a>>, Fault> {
    actor.require(Right::View, module)?;
    let fields = module.fields.iter().filter(|field| actor.sees(field));
    let columns = Columns(fields.collect());
    let filter = actor.seen(module).of_ids([id]);
    let found = records::list(tx, module, &columns.0, &filter, Order::BY_ID, (0, 1))?;
    let found = found.into_iter().next();
    let named = module.name_field().filter(|field| actor.sees(field));
    let name = match &found {
        Some(record) => {
            let name = named.map(|field| columns.value(record, &field.api_name));
            name.and_then(Value::as_text).map(str::to_owned)
        }
        None if wanted.in_bin => {
            let filter = deleted::Filter {
                ids: Some(vec![id]),
                in_bin: Some(true),
                ..bin::seen_in(actor, module.id)
            };
            let entries = deleted::list(tx, &filter, (Sort::Id, true), (0, 1))?;
            let Some(entry) = entries.into_iter().next() else {
                return Ok(None);
            };
            entry.name.filter(|_| named.is_some())
        }
        None => return Ok(None),
    };
    let mut pasts = changes::of_record(tx, id, wanted.window, wanted.limit + 1)?;
    let more = pasts.len() > wanted.limit;
    pasts.truncate(wanted.limit);
    if !wanted.window.newest_first {
        pasts.reverse();
    }
    let mut entries = entries(tx, &columns, found.as_ref(), pasts)?;
    if !wanted.window.newest_first {
        entries.reverse();
    }
    Ok(Some(Page {
        name,
        entries,
        more,
    }))
}

/// What each of these changes wrote over and left, the newest first.
fn entries<'a>(
    tx: &mut Tx,
    columns: &Columns<'a>,
    standing: Option<&Record>,
    pasts: Vec<Past>,
) -> Result<Vec<Entry<'a>>, Fault> {
    // What the first later change of each field found is what the one before it left.
    let mut later = match pasts.first() {
        Some(newest) => found_later(tx, newest.record, newest.rev)?,
        None => HashMap::new(),
    };
    let mut entries = Vec::with_capacity(pasts.len());
    for past in pasts {
        let made = std::slice::from_ref(&past);
        let value = |field: &Field| match later.get(&field.id.to_string()) {
            Some(json) => value_of(field, json).unwrap_or_default(),
            None => standing
                .map(|record| columns.value(record, &field.api_name).clone())
                .unwrap_or_default(),
        };
        entries.push(Entry {
            rev: past.rev,
            kind: past.kind,
            cause: past.cause,
            job: past.job,
            rule: past.rule,
            actor: past.actor,
            at: past.at,
            before: before(&columns.0, made),
            after: after(&columns.0, made, value),
        });
        later.extend(past.before);
    }
    Ok(entries)
}

/// What the first change after a revision found in each field that was changed since.
fn found_later(tx: &mut Tx, record: RecordId, rev: i64) -> Result<HashMap<String, Json>, Fault> {
    let mut found: HashMap<String, Json> = HashMap::new();
    let mut window = Window {
        past: Some(rev),
        newest_first: false,
    };
    loop {
        let pasts = changes::of_record(tx, record, window, LATER_ROWS)?;
        let ended = pasts.len() < LATER_ROWS;
        for past in pasts {
            window.past = Some(past.rev);
            for (field, value) in past.before {
                found.entry(field).or_insert(value);
            }
        }
        if ended {
            return Ok(found);
        }
    }
}

/// The native form of one side of a change.
pub fn told(show: &Show<'_>, side: Side<'_>) -> Option<Map<String, Json>> {
    side.map(|values| shown(show, values))
}
