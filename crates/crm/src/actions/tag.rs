//! Tag: tags are put on records, or taken off them. A record's tags are no value of a field, so a job
//! keeps what it put and took, and its undo reads that.

use super::action::{Exclusive, MassAction, Task, Traits, Writes};
use super::undo::{Kept, Reversal};
use crate::actor::Actor;
use crate::judge::{Columns, Judgement, fixed};
use crate::plan::{Difference, Forecast};
use crate::record::{Drift, Expected, Judged, JudgedRecord, Purpose, Reading, Writing, raise};
use crate::tag::{self, full, too_many};
use jobs::Settled;
use model::body::{Key, Object};
use model::id::{JobId, RecordId, TagId};
use model::job::JobKind;
use model::limits::{TAGS_PER_MODULE_MAX, TAGS_PER_RECORD_MAX};
use model::module::{Module, system};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::scope::{ActionScope, Op};
use model::value::fold;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::moves::{self, Move, MoveKind, Place};
use store::{Fault, Tx, tags};

/// Puts tags on records, or takes them off.
pub(crate) struct TagRecords;

/// Which tags are put on each record, and which are taken off.
#[derive(Serialize, Deserialize)]
pub(crate) struct TagChange {
    add: Vec<StoredTag>,
    remove: Vec<StoredTag>,
}

/// A tag as a job keeps it.
#[derive(Serialize, Deserialize)]
struct StoredTag {
    /// Its name when the job was asked for.
    name: String,
    /// Its id, if the module had it then; otherwise it is made once a record takes it, unless somebody
    /// makes it before.
    id: Option<TagId>,
}

impl StoredTag {
    fn of(name: String, known: &HashMap<String, TagId>) -> Self {
        let id = known.get(&fold(&name)).copied();
        Self { name, id }
    }
}

/// Refuses an actor who may not tag records of the module, as single calls do.
fn authorise(actor: &Actor, module: &Module) -> Result<(), Refusal> {
    actor.require(Right::View, module)?;
    actor.require(Right::Edit, module)
}

impl MassAction for TagRecords {
    type Change = TagChange;

    const KIND: JobKind = JobKind::Tag;
    const TRAITS: Traits = Traits {
        scope: ActionScope::ByModule("modules", Op::Update),
        exclusive: Exclusive::View,
        too_many: Code::LimitExceeded,
        reversal: Reversal {
            done: "tag",
            undone: "tag",
            authorise,
            authorise_again: authorise,
            kept: Kept::Changed,
            carries: false,
            judge: Some(judge_back),
        },
        writes: Writes::Fields(&[]),
    };

    fn authorise(actor: &Actor, module: &Module, _named: bool) -> Result<(), Refusal> {
        authorise(actor, module)
    }

    fn read(
        tx: &mut Tx,
        _actor: &Actor,
        module: &Module,
        body: &Object<'_>,
    ) -> Result<TagChange, Fault> {
        let change = body.key("change").required()?.object()?;
        change.known(&["add", "remove"])?;
        let mut seen = HashSet::new();
        let add = names(&change.key("add"), &mut seen)?;
        let remove = names(&change.key("remove"), &mut seen)?;
        let known = known(tx, module)?;
        let stored = |names: Vec<String>| -> Vec<StoredTag> {
            let each = names.into_iter();
            each.map(|name| StoredTag::of(name, &known)).collect()
        };
        let remove = stored(remove);
        if let Some(n) = remove.iter().position(|tag| tag.id.is_none()) {
            let refusal = change.key("remove").place().item(n).invalid();
            let text = "the module has no tag of this name";
            return Err(refusal.saying(text).into());
        }
        let add = stored(add);
        Ok(TagChange { add, remove })
    }

    fn check(
        tx: &mut Tx,
        _actor: &Actor,
        module: &Module,
        change: &TagChange,
    ) -> Result<(), Fault> {
        let known = known(tx, module)?;
        let is_new = |tag: &&StoredTag| tag.id.is_none() && !known.contains_key(&fold(&tag.name));
        let new = change.add.iter().filter(is_new).count();
        // What makes none is not stopped by a module that has too many.
        if new > 0 && known.len() + new > TAGS_PER_MODULE_MAX {
            return Err(full().into());
        }
        Ok(())
    }

    fn describe(
        _reader: &Actor,
        _module: &Module,
        change: TagChange,
    ) -> Result<Option<Json>, Fault> {
        let names = |tags: &[StoredTag]| -> Vec<String> {
            tags.iter().map(|tag| tag.name.clone()).collect()
        };
        let (add, remove) = (names(&change.add), names(&change.remove));
        Ok(Some(json!({ "add": add, "remove": remove })))
    }

    fn judge<'a>(
        tx: &mut Tx,
        task: Task<'a>,
        change: &'a TagChange,
        _purpose: Purpose<'a>,
    ) -> Result<Box<dyn Judged + 'a>, Fault> {
        let known = known(tx, task.writing.module)?;
        let there: HashSet<TagId> = known.values().copied().collect();
        let mut deleted = None;
        let mut add = Vec::new();
        for StoredTag { name, id } in &change.add {
            match id.or_else(|| known.get(&fold(name)).copied()) {
                None => add.push(Tag::New(name.clone())),
                Some(id) if there.contains(&id) => add.push(Tag::Known(id)),
                Some(_) => deleted = Some(name),
            }
        }
        // One that was deleted meanwhile is on no record.
        let remove: HashSet<TagId> = change.remove.iter().filter_map(|tag| tag.id).collect();
        let of_each = |id: RecordId, own: &HashSet<TagId>| {
            if let Some(name) = deleted {
                return Err(Refusal::new(Code::FieldGone)
                    .saying("a tag was deleted after the job was accepted")
                    .with("name", name.as_str())
                    .with("id", id.to_string()));
            }
            let missing = |tag: &&Tag| tag.id().is_none_or(|id| !own.contains(&id));
            let retag = Retag {
                put: add.iter().filter(missing).cloned().collect(),
                take: own.intersection(&remove).copied().collect(),
            };
            retag.within_limit(id, own)
        };
        let (ids, expected) = (task.ids(), task.expected);
        let judged = JudgedTags::judge(tx, task.writing, &ids, expected, &of_each)?;
        Ok(Box::new(judged))
    }
}

/// The tags of a list, each once, in either list.
fn names(key: &Key<'_>, seen: &mut HashSet<String>) -> Result<Vec<String>, Refusal> {
    let Some(node) = key.node() else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for item in node.items_up_to(TAGS_PER_RECORD_MAX)? {
        let name = tag::name(item.text()?).ok_or_else(|| item.place().invalid())?;
        if !seen.insert(fold(&name)) {
            return Err(item.place().invalid().saying("a tag stands twice"));
        }
        names.push(name);
    }
    Ok(names)
}

/// The tags that a module has, by name without regard to case.
fn known(tx: &mut Tx, module: &Module) -> Result<HashMap<String, TagId>, Fault> {
    let tags = tags::of_module(tx, module.id)?.into_iter();
    Ok(tags.map(|tag| (fold(&tag.name), tag.id)).collect())
}

/// A tag that a record gets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tag {
    /// One that the module has.
    Known(TagId),
    /// One that is to be made.
    New(String),
}

impl Tag {
    fn id(&self) -> Option<TagId> {
        match self {
            Self::Known(id) => Some(*id),
            Self::New(_) => None,
        }
    }
}

/// What becomes of a record's tags.
struct Retag {
    put: Vec<Tag>,
    take: Vec<TagId>,
}

impl Retag {
    fn is_nothing(&self) -> bool {
        self.put.is_empty() && self.take.is_empty()
    }

    /// Refuses a record that would have too many.
    fn within_limit(self, id: RecordId, own: &HashSet<TagId>) -> Result<Self, Refusal> {
        if own.len() + self.put.len() - self.take.len() > TAGS_PER_RECORD_MAX {
            return Err(too_many(id));
        }
        Ok(self)
    }
}

/// What becomes of a record with these tags.
type OfEach<'o> = &'o dyn Fn(RecordId, &HashSet<TagId>) -> Result<Retag, Refusal>;

/// Records whose tags were judged.
struct JudgedTags<'a> {
    writing: Writing<'a>,
    records: Vec<JudgedRecord<Retag>>,
}

impl<'a> JudgedTags<'a> {
    /// Judges records, of each of which `of_each` says what becomes of the tags that it has.
    fn judge(
        tx: &mut Tx,
        writing: Writing<'a>,
        ids: &[RecordId],
        expected: Expected<'_>,
        of_each: OfEach<'_>,
    ) -> Result<Self, Fault> {
        let columns = Columns(
            writing
                .module
                .field(system::CONVERTED)
                .into_iter()
                .collect(),
        );
        let reading = Reading::new(tx, writing, &columns, ids, expected.within)?;
        let drift = Drift::read(tx, expected.targets, &reading)?;
        let mut own: HashMap<RecordId, HashSet<TagId>> = HashMap::new();
        for (record, tag) in tags::of_records(tx, ids)? {
            own.entry(record).or_default().insert(tag.id);
        }
        let none = HashSet::new();
        let judge = |(n, id): (usize, &RecordId)| {
            let target = expected.target(n);
            let judgement = match reading.get(*id, target) {
                Err(refusal) => Judgement::Refuse(refusal),
                Ok(standing) => {
                    let record = &standing.record;
                    let judgement = match fixed(record, &columns, &standing.facts) {
                        Some(refusal) => Judgement::Refuse(refusal),
                        None => match of_each(*id, own.get(id).unwrap_or(&none)) {
                            Err(refusal) => Judgement::Refuse(refusal),
                            Ok(retag) if retag.is_nothing() => Judgement::Unchanged,
                            Ok(retag) => Judgement::Change(retag),
                        },
                    };
                    let strayed = target.and_then(|target| {
                        drift.check(target, &columns, record, judgement.word(), [])
                    });
                    strayed.map_or(judgement, Judgement::Refuse)
                }
            };
            JudgedRecord {
                id: *id,
                rev: reading.rev(*id),
                judgement,
            }
        };
        Ok(Self {
            writing,
            records: ids.iter().enumerate().map(judge).collect(),
        })
    }
}

impl Judged for JudgedTags<'_> {
    fn apply(self: Box<Self>, tx: &mut Tx) -> Result<Vec<Settled>, Fault> {
        let writing = self.writing;
        let mut made: BTreeMap<String, TagId> = BTreeMap::new();
        let mut put: Vec<(RecordId, TagId)> = Vec::new();
        let mut taken_by: BTreeMap<Vec<TagId>, Vec<RecordId>> = BTreeMap::new();
        let mut changed = Vec::new();
        let mut settled = Vec::with_capacity(self.records.len());
        for JudgedRecord { id, judgement, .. } in self.records {
            let retag = match judgement {
                Judgement::Change(retag) => retag,
                Judgement::Unchanged => {
                    settled.push(Settled::Unchanged);
                    continue;
                }
                Judgement::Refuse(refusal) => {
                    settled.push(Settled::Failed(refusal));
                    continue;
                }
            };
            for tag in retag.put {
                let tag = match tag {
                    Tag::Known(tag) => tag,
                    Tag::New(name) => {
                        if let Some(tag) = made.get(&name) {
                            *tag
                        } else {
                            let tag = tag::make(tx, writing, name.clone(), None)?.id;
                            made.insert(name, tag);
                            tag
                        }
                    }
                };
                put.push((id, tag));
            }
            if !retag.take.is_empty() {
                let mut tags = retag.take;
                tags.sort_unstable();
                taken_by.entry(tags).or_default().push(id);
            }
            changed.push(id);
            settled.push(Settled::Changed);
        }
        let mut kept = Vec::new();
        for (tags, records) in taken_by {
            let taken = tags::take(tx, &records, &tags)?;
            kept.extend(taken.into_iter().map(|pair| (MoveKind::TagTaken, pair)));
        }
        put.sort_unstable();
        tags::put(tx, &put, writing.actor.user.id, writing.now)?;
        kept.extend(put.into_iter().map(|pair| (MoveKind::Tag, pair)));
        raise(tx, writing, &changed)?;
        if let Some(job) = writing.job {
            let kept = kept.into_iter().map(|(kind, (record, tag))| {
                let module = writing.module.id;
                let here = Place { record, module };
                Move {
                    kind,
                    item: tag.0,
                    from: here,
                    to: here,
                }
            });
            moves::insert(tx, job, &kept.collect::<Vec<_>>())?;
        }
        Ok(settled)
    }

    fn tell(self: Box<Self>) -> Result<Vec<(i64, Forecast)>, Fault> {
        let records = self.records.into_iter();
        let told = records.map(|JudgedRecord { rev, judgement, .. }| {
            let forecast = judgement.forecast(|_| Difference::default());
            (rev, forecast)
        });
        Ok(told.collect())
    }
}

/// Judges putting back what a job did to these records' tags: what it put and is still there goes, what it
/// took and is not there comes back. What others put or took since is theirs, and a tag that was deleted
/// stays away.
fn judge_back<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    ids: &[RecordId],
    expected: Expected<'_>,
    job: JobId,
) -> Result<Box<dyn Judged + 'a>, Fault> {
    let there: BTreeSet<TagId> = known(tx, writing.module)?.into_values().collect();
    // What a record that became this one gave it too stays with it.
    let given = moves::given_by_others(tx, ids)?;
    let mut did: HashMap<RecordId, Vec<(MoveKind, TagId)>> = HashMap::new();
    for one in moves::of(tx, job, ids)? {
        let tag = (one.kind, TagId(one.item));
        did.entry(one.from.record).or_default().push(tag);
    }
    let of_each = |id: RecordId, own: &HashSet<TagId>| {
        let since = |text: &'static str| {
            let refusal = Refusal::new(Code::ChangedSince).saying(text);
            Err(refusal.with("id", id.to_string()))
        };
        let Some(did) = did.get(&id) else {
            return since("the tags that the job changed were changed by others since");
        };
        let of = |kind| {
            did.iter()
                .filter(move |(of, _)| *of == kind)
                .map(|(_, tag)| *tag)
        };
        let back = of(MoveKind::TagTaken).filter(|tag| !own.contains(tag));
        let (back, lost): (Vec<TagId>, Vec<TagId>) = back.partition(|tag| there.contains(tag));
        let put = of(MoveKind::Tag).filter(|tag| own.contains(tag));
        let retag = Retag {
            put: back.into_iter().map(Tag::Known).collect(),
            take: put.filter(|tag| !given.contains(&(id, *tag))).collect(),
        };
        if retag.is_nothing() && !lost.is_empty() {
            return since("the tag that the job took off was deleted");
        }
        retag.within_limit(id, own)
    };
    let judged = JudgedTags::judge(tx, writing, ids, expected, &of_each)?;
    Ok(Box::new(judged))
}
