//! What goes with a record that becomes others: its notes and attachments move, its tags are copied.
//! Everything that went is answered, so that a job can keep it and an undo can put it back.
//!
//! The records must be locked, and whoever calls has judged them: nothing is asked here of rights.

use crate::actor::Actor;
use crate::judge::{Columns, held};
use crate::record::{Reading, Writing, raise};
use crate::tag;
use crate::triggers::Triggers;
use model::id::{JobId, ModuleId, RecordId, TagId};
use model::limits::{TAGS_PER_MODULE_MAX, TAGS_PER_RECORD_MAX};
use model::module::Module;
use model::time::Timestamp;
use model::value::fold;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::changes::Cause;
use store::moves::{self, Move, MoveKind, Place};
use store::tags::{self, Tag};
use store::{Fault, Tx};

/// A record that gives, and the one that gets.
#[derive(Clone, Copy, Debug)]
pub struct Heir {
    /// Who gives; no other heir has the same.
    pub from: RecordId,
    /// Who gets; several may get to the same.
    pub to: RecordId,
    /// The one that gets was made in this transaction.
    pub made: bool,
}

/// Which tags are copied.
#[derive(Clone, Copy, Debug)]
pub enum Carried<'a> {
    /// All that a record has.
    All,
    /// Those of these names, without regard to case, that it has.
    Named(&'a [String]),
}

impl Carried<'_> {
    pub(crate) fn takes(self, tag: &Tag) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => {
                let own = fold(&tag.name);
                names.iter().any(|name| fold(name) == own)
            }
        }
    }
}

/// Tags that records got of others.
#[derive(Default)]
pub struct Copied {
    /// Those that they did not have.
    pub put: Vec<Move>,
    /// Those that others had given them before.
    pub again: Vec<Move>,
}

/// Moves all notes of each first record to its heir, and answers what went.
pub fn notes(tx: &mut Tx, from: &Module, to: &Module, heirs: &[Heir]) -> Result<Vec<Move>, Fault> {
    whole(tx, MoveKind::Note, (from, to), heirs)
}

/// Moves all attachments of each first record to its heir, and answers what went.
pub fn attachments(
    tx: &mut Tx,
    from: &Module,
    to: &Module,
    heirs: &[Heir],
) -> Result<Vec<Move>, Fault> {
    whole(tx, MoveKind::Attachment, (from, to), heirs)
}

fn whole(
    tx: &mut Tx,
    kind: MoveKind,
    (from, to): (&Module, &Module),
    heirs: &[Heir],
) -> Result<Vec<Move>, Fault> {
    let pairs: Vec<(RecordId, RecordId)> = heirs.iter().map(|heir| (heir.from, heir.to)).collect();
    Ok(moves::carry(tx, kind, (from.id, to.id), &pairs)?)
}

/// Copies tags of records of a module to their heirs, which are of the module that is written, and
/// makes those that it lacks. What would be one tag too many, for the heir or its module, is left out.
/// Answers the copies that an undo has to take off again: those on records that were there before; and
/// those that another had given to such a record already.
pub fn tags(
    tx: &mut Tx,
    writing: Writing<'_>,
    from: &Module,
    heirs: &[Heir],
    carried: Carried<'_>,
) -> Result<Copied, Fault> {
    let to = writing.module.id;
    let mut given = of_each(tx, heirs.iter().map(|heir| heir.from))?;
    given.retain(|_, tags| {
        tags.retain(|tag| carried.takes(tag));
        !tags.is_empty()
    });
    let mut copied = Copied::default();
    if given.is_empty() {
        return Ok(copied);
    }
    let getting: Vec<RecordId> = heirs.iter().map(|heir| heir.to).collect();
    let shared = moves::given(tx, &getting)?;
    let had = of_each(tx, heirs.iter().map(|heir| heir.to))?;
    let mut has: HashMap<RecordId, HashSet<TagId>> = had
        .into_iter()
        .map(|(record, tags)| (record, tags.into_iter().map(|tag| tag.id).collect()))
        .collect();
    let mut known = Known::of(tx, to)?;
    let mut pairs = Vec::new();
    for heir in heirs {
        let own = has.entry(heir.to).or_default();
        for tag in given.get(&heir.from).into_iter().flatten() {
            let there = known.find(tag).filter(|id| own.contains(id));
            let place = |record, module| Place { record, module };
            let copy = |id: TagId| Move {
                kind: MoveKind::Tag,
                item: id.0,
                from: place(heir.from, from.id),
                to: place(heir.to, to),
            };
            if let Some(id) = there {
                if shared.contains(&(heir.to, id)) {
                    copied.again.push(copy(id));
                }
                continue;
            }
            if own.len() >= TAGS_PER_RECORD_MAX {
                continue;
            }
            let Some(id) = known.like(tx, writing, tag)? else {
                continue;
            };
            own.insert(id);
            pairs.push((heir.to, id));
            if !heir.made {
                copied.put.push(copy(id));
            }
        }
    }
    tags::put(tx, &pairs, writing.actor.user.id, writing.now)?;
    let touched: BTreeSet<RecordId> = copied.put.iter().map(|copy| copy.to.record).collect();
    let touched: Vec<RecordId> = touched.into_iter().collect();
    raise(tx, writing, &touched)?;
    Ok(copied)
}

fn of_each(
    tx: &mut Tx,
    records: impl Iterator<Item = RecordId>,
) -> Result<HashMap<RecordId, Vec<Tag>>, Fault> {
    let records: BTreeSet<RecordId> = records.collect();
    let records: Vec<RecordId> = records.into_iter().collect();
    tag::of_records(tx, &records)
}

/// The tags of a module, by name without regard to case.
struct Known(HashMap<String, TagId>);

impl Known {
    fn of(tx: &mut Tx, module: ModuleId) -> Result<Self, Fault> {
        let tags = tags::of_module(tx, module)?.into_iter();
        Ok(Self(tags.map(|tag| (fold(&tag.name), tag.id)).collect()))
    }

    /// The tag of the same name, if there is one.
    fn find(&self, tag: &Tag) -> Option<TagId> {
        self.0.get(&fold(&tag.name)).copied()
    }

    /// The tag of the same name, made if there is none; none where the module has as many as it may.
    fn like(
        &mut self,
        tx: &mut Tx,
        writing: Writing<'_>,
        tag: &Tag,
    ) -> Result<Option<TagId>, Fault> {
        if let Some(id) = self.find(tag) {
            return Ok(Some(id));
        }
        if self.0.len() >= TAGS_PER_MODULE_MAX {
            return Ok(None);
        }
        let (by, at) = (writing.actor.user.id, writing.now);
        let new = Tag {
            id: TagId(tx.new_id()?),
            module: writing.module.id,
            created_by: by,
            created_at: at,
            modified_by: by,
            modified_at: at,
            ..tag.clone()
        };
        tags::insert(tx, &new)?;
        self.0.insert(fold(&tag.name), new.id);
        Ok(Some(new.id))
    }
}

/// Puts back what went by a job, as far as it still is where it went, and answers what went back.
/// Records that lose a tag by it get a change; what holds a record keeps its tags on it.
pub fn put_back(
    tx: &mut Tx,
    actor: &Actor,
    (cause, job): (Cause, Option<JobId>),
    (of, moves): (JobId, &[Move]),
    now: Timestamp,
) -> Result<Vec<Move>, Fault> {
    let tagged = moves.iter().filter(|one| one.kind == MoveKind::Tag);
    let mut kept = HashSet::new();
    for (module, ids) in receivers(tagged) {
        let Some(module) = actor.catalog.module_by_id(module) else {
            continue;
        };
        // Locked: two undos at once would each leave a tag to the other.
        let writing = Writing::of(actor, module, cause, now);
        let reading = Reading::new(tx, writing, &Columns(Vec::new()), &ids, None)?;
        let still = |id: &RecordId| {
            let standing = reading.standing(*id);
            standing.is_some_and(|standing| held(*id, &standing.facts).is_some())
        };
        kept.extend(ids.into_iter().filter(still));
    }
    let free = moves
        .iter()
        .filter(|one| one.kind != MoveKind::Tag || !kept.contains(&one.to.record));
    let free: Vec<Move> = free.copied().collect();
    let back = moves::put_back(tx, of, &free)?;
    let touched = receivers(back.iter().filter(|one| one.kind == MoveKind::Tag));
    for (module, records) in touched {
        let Some(module) = actor.catalog.module_by_id(module) else {
            continue;
        };
        let writing = Writing {
            job,
            triggers: Triggers::NONE,
            ..Writing::of(actor, module, cause, now)
        };
        raise(tx, writing, &records)?;
    }
    Ok(back)
}

/// Who got something by these moves, by module.
fn receivers<'m>(moves: impl Iterator<Item = &'m Move>) -> BTreeMap<ModuleId, Vec<RecordId>> {
    let places: BTreeSet<Place> = moves.map(|one| one.to).collect();
    let mut receivers: BTreeMap<ModuleId, Vec<RecordId>> = BTreeMap::new();
    for place in places {
        receivers
            .entry(place.module)
            .or_default()
            .push(place.record);
    }
    receivers
}
