//! What became of each record of a job, told within the rights of who reads it now: a record that they
//! may no longer see is an id with its outcome, a field that is hidden from them is left out.

use crate::actions::{Writes, writes};
use crate::actor::Actor;
use crate::convert::{Became, became};
use crate::difference::{after, before, came, shown};
use crate::history::History;
use crate::show::Show;
use crate::{deleted as bin, job};
use model::field::Field;
use model::id::{FieldId, ModuleId, RecordId};
use model::job::{OutcomeWord, Relation};
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashMap};
use store::changes::{self, Past};
use store::deleted::{self, Sort};
use store::jobs::{self, Job};
use store::outcomes::{self, Span, Visit};
use store::records::{self, Order};
use store::{Fault, Tx, targets};

/// Places of a job that one page goes through at most, whatever it finds there.
const SCANNED_MAX: i64 = 10_000;
/// An undo of an undo of … is followed so far back for what it is about.
const ANCESTORS_MAX: usize = 16;

/// Who reads.
pub struct Reader<'a> {
    /// With whose rights.
    pub actor: &'a Actor,
    /// Whether records of a module may be told at all: a token can be good for jobs alone.
    pub reads: &'a dyn Fn(&Module) -> bool,
}

/// Which outcomes.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutcomeQuery {
    /// Of this word.
    pub word: Option<OutcomeWord>,
    /// With this code.
    pub code: Option<Code>,
}

/// Values by api name; `None` where there was no record.
pub type Values = Option<Map<String, Json>>;

/// What became of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The record.
    pub record: RecordId,
    /// What it is called.
    pub name: Option<String>,
    /// What became of it, in a word.
    pub word: OutcomeWord,
    /// Why it failed, or a part of it.
    pub code: Option<String>,
    /// The same as a sentence.
    pub message: Option<String>,
    /// What the job wrote over.
    pub before: Values,
    /// What the job left there.
    pub after: Values,
    /// What a converted lead became.
    pub converted: Option<Became>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Some of the outcomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In the job's order.
    pub told: Vec<Told>,
    /// The place that the next page begins with; `None` when there is nothing more now.
    pub next: Option<i64>,
}

/// At most `rows` outcomes of a job from the place `from` on. A page may be short, even empty, though
/// more follow: it goes through so many places and no more. Records that an unfinished job has not
/// come to have no outcome yet.
pub fn page(
    tx: &mut Tx,
    reader: &Reader<'_>,
    job: &Job,
    wanted: OutcomeQuery,
    (from, rows): (i64, usize),
) -> Result<Page, Fault> {
    let first = targets::from(tx, job.targets(), 0, 1)?;
    // What an old job left is removed from its first place on, outcomes ahead of targets.
    if job.total > 0 && first.first().is_none_or(|first| first.seq > 0) {
        let text = "what the job left is no longer kept";
        return Err(Refusal::new(Code::NotFound).saying(text).into());
    }
    let rest = OutcomeWord::of_rest(job.state);
    let (first, end) = match wanted.word {
        Some(word @ (OutcomeWord::Cancelled | OutcomeWord::NotRun)) => {
            let any = rest == Some(word) && wanted.code.is_none();
            (job.cursor, if any { job.total } else { 0 })
        }
        None if wanted.code.is_none() && rest.is_some() => (0, job.total),
        _ => (0, job.cursor),
    };
    let from = from.max(first);
    if from >= end {
        return Ok(Page::default());
    }
    let span = Span {
        from,
        to: from.saturating_add(SCANNED_MAX).min(end),
        limit: i64::try_from(rows).unwrap_or(i64::MAX),
    };
    let by_row = wanted.code.is_some()
        || matches!(
            wanted.word,
            Some(OutcomeWord::Unchanged | OutcomeWord::Failed)
        );
    let visits = if by_row {
        let code = wanted.code.map(Code::as_str);
        outcomes::stored(tx, job.id, span, wanted.word, code)?
    } else {
        let only_changed = wanted.word == Some(OutcomeWord::Changed);
        outcomes::visits(tx, job.id, job.targets(), span, only_changed)?
    };
    let next = match visits.last() {
        Some(last) if visits.len() >= rows => last.seq + 1,
        _ => span.to,
    };
    Ok(Page {
        told: tell(tx, reader, job, visits)?,
        next: (next < end).then_some(next),
    })
}

/// What is known of a record beside its outcome.
#[derive(Default)]
struct Known {
    name: Option<String>,
    before: Values,
    after: Values,
}

fn tell(
    tx: &mut Tx,
    reader: &Reader<'_>,
    job: &Job,
    visits: Vec<Visit>,
) -> Result<Vec<Told>, Fault> {
    let rest = OutcomeWord::of_rest(job.state);
    let word = |visit: &Visit| {
        let unvisited = rest.filter(|_| visit.seq >= job.cursor);
        visit.word.or(unvisited).unwrap_or(OutcomeWord::Changed)
    };
    let changed = visits
        .iter()
        .filter(|visit| word(visit) == OutcomeWord::Changed);
    let changed: Vec<RecordId> = changed.map(|visit| visit.record).collect();
    let mut made: HashMap<RecordId, Vec<Past>> = HashMap::new();
    for past in changes::by_job(tx, job.id, &changed)? {
        made.entry(past.record).or_default().push(past);
    }
    let ids: Vec<RecordId> = visits.iter().map(|visit| visit.record).collect();
    let mut known = HashMap::new();
    for (module, ids) in by_module(tx, job, &ids, &made)? {
        let module = reader.actor.catalog.module_by_id(ModuleId(module));
        let shown = |module: &&Module| {
            reader.actor.profile.may(Right::View, module.id) && (reader.reads)(module)
        };
        if let Some(module) = module.filter(shown) {
            known.extend(know(tx, reader.actor, module, &ids, &made)?);
        }
    }
    let mut became = if matches!(writes(job.kind), Writes::Becomes(_)) {
        let seen: Vec<RecordId> = changed
            .into_iter()
            .filter(|id| known.contains_key(id))
            .collect();
        became(tx, reader.actor, &seen)?
    } else {
        HashMap::new()
    };
    let told = visits.into_iter().map(|visit| {
        let word = word(&visit);
        let known = known.remove(&visit.record);
        let made = made.get(&visit.record).and_then(|made| made.last());
        let seen = known.is_some();
        let (code, message) = visit.refusal.unzip();
        // A sentence may tell of the record's values.
        let usual = || code.as_deref().and_then(Code::parse).map(Code::message);
        let message = message.filter(|_| seen);
        let message = message.or_else(|| usual().map(str::to_owned));
        let Known {
            name,
            before,
            after,
        } = known.unwrap_or_default();
        Told {
            record: visit.record,
            name,
            word,
            code,
            message,
            before,
            after,
            converted: became.remove(&visit.record),
            at: made.map(|past| past.at).or(visit.at),
        }
    });
    Ok(told.collect())
}

/// The records by their modules: the job's, but an undo goes after what was changed along, too.
fn by_module(
    tx: &mut Tx,
    job: &Job,
    ids: &[RecordId],
    made: &HashMap<RecordId, Vec<Past>>,
) -> Result<BTreeMap<i64, Vec<RecordId>>, Fault> {
    let mut modules: HashMap<RecordId, ModuleId> = HashMap::new();
    if matches!(job.parent, Some((Relation::Undo, _))) {
        let unknown = ids.iter().filter(|id| !made.contains_key(*id));
        let unknown: Vec<RecordId> = unknown.copied().collect();
        modules.extend(changes::modules_of(tx, &unknown)?);
    }
    let mut by_module: BTreeMap<i64, Vec<RecordId>> = BTreeMap::new();
    for id in ids {
        let changed = made.get(id).and_then(|made| made.first());
        let changed = changed.map(|past| past.module);
        let module = changed.or_else(|| modules.get(id).copied());
        let of_module = by_module.entry(module.unwrap_or(job.module).0).or_default();
        of_module.push(*id);
    }
    Ok(by_module)
}

/// What of these records the actor sees: those that stand, and those in the recycle bin.
fn know(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    ids: &[RecordId],
    made: &HashMap<RecordId, Vec<Past>>,
) -> Result<HashMap<RecordId, Known>, Fault> {
    let named = module.name_field().filter(|field| actor.sees(field));
    let written = |field: &Field| {
        let key = field.id.to_string();
        let mut pasts = ids.iter().filter_map(|id| made.get(id)).flatten();
        pasts.any(|past| came(past.kind) || past.before.contains_key(&key))
    };
    let fields = module.fields.iter().filter(|field| actor.sees(field));
    let fields: Vec<&Field> = fields
        .filter(|field| named.is_some_and(|name| name.id == field.id) || written(field))
        .collect();
    let mut seen: HashMap<RecordId, Standing> = HashMap::new();
    let filter = actor.seen(module).of_ids(ids.iter().copied());
    let found = records::list(tx, module, &fields, &filter, Order::BY_ID, (0, ids.len()))?;
    for record in found {
        let values: HashMap<FieldId, Value> = fields
            .iter()
            .map(|field| field.id)
            .zip(record.values)
            .collect();
        let name = named.and_then(|field| values.get(&field.id)?.as_text());
        let name = name.map(str::to_owned);
        seen.insert(record.id, Standing { name, values });
    }
    let gone = ids.iter().filter(|id| !seen.contains_key(*id));
    let gone: Vec<RecordId> = gone.copied().collect();
    if !gone.is_empty() {
        let limit = gone.len();
        let filter = deleted::Filter {
            ids: Some(gone),
            in_bin: Some(true),
            ..bin::seen_in(actor, module.id)
        };
        for entry in deleted::list(tx, &filter, (Sort::Id, true), (0, limit))? {
            let name = entry.name.filter(|_| named.is_some());
            let values = HashMap::new();
            seen.insert(entry.record, Standing { name, values });
        }
    }
    let left_at = seen.keys().filter_map(|id| {
        let last = made.get(id)?.last()?;
        Some((*id, last.rev))
    });
    let left_at: Vec<(RecordId, i64)> = left_at.collect();
    let history = History::since(tx, &left_at)?;
    let show = Show::new(actor, module);
    let known = seen.into_iter().map(|(id, standing)| {
        let made = made.get(&id).map(Vec::as_slice).unwrap_or_default();
        let value = |field: &Field| {
            let now = || standing.values.get(&field.id).cloned().unwrap_or_default();
            let last = made.last().map_or(0, |last| last.rev);
            history.value(id, last, field).unwrap_or_else(now)
        };
        let known = Known {
            before: before(&fields, made).map(|values| shown(&show, values)),
            after: after(&fields, made, value).map(|values| shown(&show, values)),
            name: standing.name,
        };
        (id, known)
    });
    Ok(known.collect())
}

/// A record as it stands; without values when it is in the recycle bin, where its deletion has them.
struct Standing {
    name: Option<String>,
    values: HashMap<FieldId, Value>,
}

/// The fields that a job writes, as far as the reader sees them: those that its request names, or all
/// where it takes or brings back whole records. An undo writes what the undone job wrote.
pub fn fields(tx: &mut Tx, reader: &Reader<'_>, job: &Job) -> Result<Vec<String>, Fault> {
    let actor = reader.actor;
    let Some(module) = actor.catalog.module_by_id(job.module) else {
        return Ok(Vec::new());
    };
    if !actor.profile.may(Right::View, module.id) || !(reader.reads)(module) {
        return Ok(Vec::new());
    }
    let origin = origin(tx, job)?;
    let among = match &origin {
        Some(origin) => match writes(origin.kind) {
            Writes::Fields(names) | Writes::Becomes(names) => {
                Some(names.iter().map(|name| (*name).to_owned()).collect())
            }
            Writes::Named => named_fields(actor, origin)?,
            Writes::Whole => None,
        },
        None => None,
    };
    let seen = module.fields.iter().filter(|field| actor.sees(field));
    let names = seen.map(|field| field.api_name.clone());
    let written = |name: &String| {
        let among = among.as_ref();
        among.is_none_or(|among: &Vec<String>| among.contains(name))
    };
    Ok(names.filter(written).collect())
}

/// The fields that a job was asked to write.
fn named_fields(actor: &Actor, job: &Job) -> Result<Option<Vec<String>>, Fault> {
    let request = job::request(actor, job)?;
    let fields = request.pointer("/change/fields").and_then(Json::as_object);
    Ok(fields.map(|fields| fields.keys().cloned().collect()))
}

/// The job that an undo, or an undo of an undo, is about in the end; any other job itself.
fn origin(tx: &mut Tx, job: &Job) -> Result<Option<Job>, Fault> {
    let mut origin = Some(job.clone());
    for _ in 0..ANCESTORS_MAX {
        match origin.as_ref().and_then(|job| job.parent) {
            Some((Relation::Undo, parent)) => origin = jobs::find(tx, parent)?,
            _ => break,
        }
    }
    Ok(origin)
}

/// Whether a job takes or brings back whole records: what it changed has all their fields.
pub fn of_whole_records(tx: &mut Tx, job: &Job) -> Result<bool, Fault> {
    let origin = origin(tx, job)?;
    Ok(origin.is_none_or(|origin| writes(origin.kind) == Writes::Whole))
}

/// Whether a job leaves no values where it changed something.
pub fn leaves_nothing(job: &Job) -> bool {
    writes(job.kind) == Writes::Whole
}
