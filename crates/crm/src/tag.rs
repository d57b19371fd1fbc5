//! Tags: names of a module with which its records are marked.

use crate::actor::Actor;
use crate::judge::{Columns, fixed};
use crate::record::{self, Standing, Writing, each, raise};
use model::body::Place;
use model::id::{RecordId, TagId};
use model::limits::{TAG_NAME_MAX, TAGS_PER_MODULE_MAX, TAGS_PER_RECORD_MAX};
use model::module::{Module, system};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::value::fold;
use std::collections::{BTreeSet, HashMap, HashSet};
use store::tags::{self, Tag};
use store::{Fault, Tx};

/// The colours that a tag can have.
pub const COLORS: [&str; 13] = [
    "#57B1FD", "#879BFC", "#658BA8", "#FD87BD", "#969696", "#F48435", "#1DB9B4", "#E7A826",
    "#63C57E", "#F17574", "#D297EE", "#A8C026", "#B88562",
];

/// A tag as a request names it.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Its id, which counts for more than the name.
    pub id: Option<TagId>,
    /// Its name.
    pub name: Option<String>,
    /// Its colour, if the request says one.
    pub color: Option<String>,
    /// Where the request says so.
    pub place: Place,
}

impl Named {
    fn wrong(&self, key: &str) -> Refusal {
        self.place.key(key).invalid()
    }
}

/// What is done with the tags of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The named ones are added.
    Add,
    /// The named ones are put in the place of those that are there.
    Replace,
    /// The named ones are taken away.
    Remove,
}

/// What became of each record: its tags now, or why it was left as it is.
pub type Tagged = HashMap<RecordId, Result<Vec<Tag>, Refusal>>;

/// A name as it is kept: without white space around it, and not too long.
pub fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let good = !text.is_empty() && !text.chars().any(char::is_control);
    (good && text.chars().count() <= TAG_NAME_MAX).then(|| text.to_owned())
}

/// The tags that a module has.
pub fn of_module(tx: &mut Tx, actor: &Actor, module: &Module) -> Result<Vec<Tag>, Fault> {
    actor.require(Right::View, module)?;
    Ok(tags::of_module(tx, module.id)?)
}

/// The tags of records, in the order in which each got them.
pub fn of_records(tx: &mut Tx, records: &[RecordId]) -> Result<HashMap<RecordId, Vec<Tag>>, Fault> {
    let mut found: HashMap<RecordId, Vec<Tag>> = HashMap::new();
    for (record, tag) in tags::of_records(tx, records)? {
        found.entry(record).or_default().push(tag);
    }
    Ok(found)
}

/// Changes the tags of records, and answers for each what became of it. Tags that the module lacks are
/// made, unless no record takes them.
pub fn change(
    tx: &mut Tx,
    writing: Writing<'_>,
    ids: &[RecordId],
    named: &[Named],
    how: How,
) -> Result<Tagged, Fault> {
    let Writing { actor, module, .. } = writing;
    actor.require(Right::Edit, module)?;
    let wanted = Wanted::of(tx, module, named, how)?;
    let ids: BTreeSet<RecordId> = ids.iter().copied().collect();
    let ids: Vec<RecordId> = ids.into_iter().collect();
    let columns = Columns(module.field(system::CONVERTED).into_iter().collect());
    let standing = each(tx, writing, &columns, &ids)?;
    let mut own = of_records(tx, &ids)?;
    let mut answers = Tagged::new();
    let mut free = Vec::new();
    for id in ids {
        let own: HashSet<TagId> = own
            .remove(&id)
            .into_iter()
            .flatten()
            .map(|tag| tag.id)
            .collect();
        let refused = match standing.get(&id) {
            None => Some(record::unknown_id(&id.to_string())),
            Some(Standing { record, facts, .. }) => fixed(record, &columns, facts).or_else(|| {
                (wanted.count_on(&own, how) > TAGS_PER_RECORD_MAX).then(|| too_many(id))
            }),
        };
        match refused {
            Some(refusal) => drop(answers.insert(id, Err(refusal))),
            None => free.push((id, own)),
        }
    }
    if free.is_empty() {
        return Ok(answers);
    }
    let wanted = wanted.made(tx, writing)?;
    let mut put = Vec::new();
    let mut changed = Vec::new();
    for (id, own) in &free {
        let missing = wanted.iter().filter(|tag| !own.contains(tag));
        let (more, gone): (Vec<TagId>, Vec<TagId>) = match how {
            How::Add => (missing.copied().collect(), Vec::new()),
            How::Remove => (Vec::new(), own.intersection(&wanted).copied().collect()),
            How::Replace => (
                missing.copied().collect(),
                own.difference(&wanted).copied().collect(),
            ),
        };
        if more.is_empty() && gone.is_empty() {
            continue;
        }
        if !gone.is_empty() {
            tags::take(tx, &[*id], &gone)?;
        }
        put.extend(more.into_iter().map(|tag| (*id, tag)));
        changed.push(*id);
    }
    put.sort_unstable();
    tags::put(tx, &put, actor.user.id, writing.now)?;
    raise(tx, writing, &changed)?;
    let free: Vec<RecordId> = free.into_iter().map(|(id, _)| id).collect();
    let mut now = of_records(tx, &free)?;
    let good = free
        .into_iter()
        .map(|id| (id, Ok(now.remove(&id).unwrap_or_default())));
    answers.extend(good);
    Ok(answers)
}

pub(crate) fn too_many(id: RecordId) -> Refusal {
    Refusal::new(Code::LimitExceeded)
        .saying("a record can have no more tags")
        .with("limit", TAGS_PER_RECORD_MAX)
        .with("id", id.to_string())
}

/// The tags that a request names: those that there are, and those that would be made.
struct Wanted {
    known: HashSet<TagId>,
    new: Vec<(String, Option<String>)>,
    room: usize,
}

impl Wanted {
    fn of(tx: &mut Tx, module: &Module, named: &[Named], how: How) -> Result<Self, Fault> {
        let there = tags::of_module(tx, module.id)?;
        let mut wanted = Self {
            known: HashSet::new(),
            new: Vec::new(),
            room: TAGS_PER_MODULE_MAX.saturating_sub(there.len()),
        };
        let mut new_names = HashSet::new();
        for one in named {
            if let Some(id) = one.id {
                let known = there.iter().any(|tag| tag.id == id);
                if !known {
                    return Err(one.wrong("id").into());
                }
                wanted.known.insert(id);
                continue;
            }
            let name = one.name.as_deref().unwrap_or_default();
            let folded = fold(name);
            match there.iter().find(|tag| fold(&tag.name) == folded) {
                Some(tag) => drop(wanted.known.insert(tag.id)),
                None if how == How::Remove => return Err(one.wrong("name").into()),
                None if new_names.insert(folded) => {
                    wanted.new.push((name.to_owned(), one.color.clone()));
                }
                None => {}
            }
        }
        if wanted.new.len() > wanted.room {
            return Err(full().into());
        }
        Ok(wanted)
    }

    /// How many tags a record would have.
    fn count_on(&self, own: &HashSet<TagId>, how: How) -> usize {
        match how {
            How::Add => own.union(&self.known).count() + self.new.len(),
            How::Replace => self.known.len() + self.new.len(),
            How::Remove => 0,
        }
    }

    /// All of them, the new ones made.
    fn made(self, tx: &mut Tx, writing: Writing<'_>) -> Result<HashSet<TagId>, Fault> {
        let mut all = self.known;
        for (name, color) in self.new {
            all.insert(make(tx, writing, name, color)?.id);
        }
        Ok(all)
    }
}

pub(crate) fn full() -> Refusal {
    Refusal::new(Code::LimitExceeded)
        .saying("the module can have no more tags: delete some first")
        .with("api_name", "tags")
        .with("limit", TAGS_PER_MODULE_MAX)
}

pub(crate) fn make(
    tx: &mut Tx,
    writing: Writing<'_>,
    name: String,
    color: Option<String>,
) -> Result<Tag, Fault> {
    let (by, at) = (writing.actor.user.id, writing.now);
    let tag = Tag {
        id: TagId(tx.new_id()?),
        module: writing.module.id,
        name,
        color,
        created_by: by,
        created_at: at,
        modified_by: by,
        modified_at: at,
    };
    tags::insert(tx, &tag)?;
    Ok(tag)
}

/// Refuses an actor who may not say what tags there are and what they are called: whoever may change
/// records makes new ones, but a change of a tag changes records of everyone.
pub fn authorise_change(actor: &Actor) -> Result<(), Refusal> {
    if actor.profile.administrator {
        return Ok(());
    }
    Err(Refusal::no_permission("Crm_Implied_Manage_Tags"))
}

/// Makes a tag of this name, which the module must not have.
pub fn create(tx: &mut Tx, writing: Writing<'_>, wanted: &Named) -> Result<Tag, Fault> {
    writing.actor.require(Right::Edit, writing.module)?;
    let there = tags::of_module(tx, writing.module.id)?;
    let name = wanted.name.clone().unwrap_or_default();
    refuse_taken(&there, &name, None)?;
    if there.len() >= TAGS_PER_MODULE_MAX {
        return Err(full().into());
    }
    make(tx, writing, name, wanted.color.clone())
}

/// Gives the tag that is named by its id another name, another colour, or both.
pub fn rename(tx: &mut Tx, writing: Writing<'_>, wanted: &Named) -> Result<Tag, Fault> {
    authorise_change(writing.actor)?;
    let there = tags::of_module(tx, writing.module.id)?;
    let found = there.iter().find(|tag| Some(tag.id) == wanted.id);
    let mut tag = found.ok_or_else(unknown)?.clone();
    if let Some(name) = &wanted.name {
        refuse_taken(&there, name, Some(tag.id))?;
        tag.name.clone_from(name);
    }
    if wanted.color.is_some() {
        tag.color.clone_from(&wanted.color);
    }
    tag.modified_by = writing.actor.user.id;
    tag.modified_at = writing.now;
    tags::update(tx, &tag)?;
    Ok(tag)
}

/// Removes a tag, from all records that have it.
pub fn delete(tx: &mut Tx, actor: &Actor, id: TagId) -> Result<(), Fault> {
    authorise_change(actor)?;
    tags::find(tx, id)?.ok_or_else(unknown)?;
    Ok(tags::delete(tx, id)?)
}

/// The refusal of an id that names no tag.
pub fn unknown() -> Refusal {
    Refusal::new(Code::InvalidData)
        .saying("the id given seems to be invalid")
        .with("resource_path_index", 2)
}

fn refuse_taken(there: &[Tag], name: &str, own: Option<TagId>) -> Result<(), Refusal> {
    let folded = fold(name);
    let mut others = there.iter().filter(|tag| Some(tag.id) != own);
    match others.find(|tag| fold(&tag.name) == folded) {
        None => Ok(()),
        Some(taken) => Err(Refusal::new(Code::DuplicateData)
            .with("id", taken.id.to_string())
            .with("api_name", "name")),
    }
}
