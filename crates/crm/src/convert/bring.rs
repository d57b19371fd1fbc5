//! What goes along with a lead to what it becomes: activities, notes, attachments, tags; and who is
//! told of it.

use super::{Conversion, Fate, Part};
use crate::carry::{self, Carried, Heir};
use crate::record::{Along, Heirs, Writing};
use model::conversion::{ACCOUNTS, CONTACTS, DEALS};
use model::id::{RecordId, UserId};
use model::module::{Module, system};
use model::value::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use store::moves::{self, Move};
use store::outbox::{self, News, Notice};
use store::records::{self, Filter, Order};
use store::{Fault, Tx, changes, targets};

/// Brings along what belongs to these leads, which become this.
pub(super) fn along(
    tx: &mut Tx,
    conversion: Conversion<'_>,
    fates: &[(RecordId, Fate<'_>)],
    activities: Along<'_>,
) -> Result<(), Fault> {
    let Conversion {
        writing, options, ..
    } = conversion;
    let heirs: HashMap<RecordId, Heirs> = fates
        .iter()
        .map(|(lead, fate)| {
            let related = fate.deal.or(fate.account);
            let heirs = Heirs {
                person: Some(fate.contact.id()),
                related: related.map(Part::id),
                owner: options.owner,
            };
            (*lead, heirs)
        })
        .collect();
    activities.hand_over(tx, writing, &heirs, &options.related)?;
    let mut moved = whole(tx, conversion, fates, CONTACTS, carry::notes)?;
    if let Some(module) = &options.attachments_to {
        moved.extend(whole(tx, conversion, fates, module, carry::attachments)?);
    }
    for (module, names) in &options.tags {
        let carried = names.as_deref().map_or(Carried::All, Carried::Named);
        tags(tx, conversion, fates, module, carried)?;
    }
    if let Some(job) = writing.job {
        moves::insert(tx, job, &moved)?;
    }
    tell(tx, conversion, fates)
}

/// Moves all that a record has.
type Whole = fn(&mut Tx, &Module, &Module, &[Heir]) -> Result<Vec<Move>, Fault>;

/// What leads become in a module, with who gets from whom.
fn heirs<'a>(
    conversion: Conversion<'a>,
    fates: &[(RecordId, Fate<'_>)],
    api_name: &str,
) -> Option<(&'a Module, Vec<Heir>)> {
    let modules = conversion.modules;
    let all = [modules.contacts, modules.accounts, modules.deals];
    let module = all.into_iter().find(|module| module.api_name == api_name)?;
    let heirs = fates.iter().filter_map(|(lead, fate)| {
        let part = match api_name {
            CONTACTS => Some(fate.contact),
            ACCOUNTS => fate.account,
            DEALS => fate.deal,
            _ => None,
        }?;
        Some(Heir {
            from: *lead,
            to: part.id(),
            // One that an earlier lead made stands there by now.
            made: matches!(part, Part::Made(_)),
        })
    });
    Some((module, heirs.collect()))
}

fn whole(
    tx: &mut Tx,
    conversion: Conversion<'_>,
    fates: &[(RecordId, Fate<'_>)],
    module: &str,
    carry: Whole,
) -> Result<Vec<Move>, Fault> {
    match heirs(conversion, fates, module) {
        Some((to, heirs)) => carry(tx, conversion.modules.leads, to, &heirs),
        None => Ok(Vec::new()),
    }
}

/// Copies tags. A record that gets some of several leads gets them of one after the other, as it would
/// in smaller sets.
fn tags(
    tx: &mut Tx,
    conversion: Conversion<'_>,
    fates: &[(RecordId, Fate<'_>)],
    module: &str,
    carried: Carried<'_>,
) -> Result<(), Fault> {
    let Conversion {
        writing, modules, ..
    } = conversion;
    let Some((module, mut rest)) = heirs(conversion, fates, module) else {
        return Ok(());
    };
    let writing = Writing { module, ..writing };
    while !rest.is_empty() {
        let mut seen = HashSet::new();
        let (wave, later): (Vec<Heir>, Vec<Heir>) =
            rest.into_iter().partition(|heir| seen.insert(heir.to));
        let known = known(tx, writing, &wave)?;
        let copied = carry::tags(tx, writing, modules.leads, &wave, carried)?;
        if let Some(job) = writing.job {
            let new: HashSet<RecordId> = copied.put.iter().map(|copy| copy.to.record).collect();
            let new: Vec<RecordId> = new.difference(&known).copied().collect();
            targets::insert_along(tx, job, &new)?;
            // The next wave asks who gave what.
            moves::insert(tx, job, &copied.put)?;
            moves::insert(tx, job, &copied.again)?;
        }
        rest = later;
    }
    Ok(())
}

/// Those of the heirs that the job changed already.
fn known(tx: &mut Tx, writing: Writing<'_>, heirs: &[Heir]) -> Result<HashSet<RecordId>, Fault> {
    let Some(job) = writing.job else {
        return Ok(HashSet::new());
    };
    let ids: Vec<RecordId> = heirs.iter().map(|heir| heir.to).collect();
    let past = changes::by_job(tx, job, &ids)?.into_iter();
    Ok(past.map(|past| past.record).collect())
}

/// Tells owners of leads, and of what is made of them, as far as they are to be told.
fn tell(
    tx: &mut Tx,
    conversion: Conversion<'_>,
    fates: &[(RecordId, Fate<'_>)],
) -> Result<(), Fault> {
    let Conversion {
        writing,
        modules,
        options,
    } = conversion;
    if !options.notify_lead_owner && !options.notify_new_owner {
        return Ok(());
    }
    let leads: Vec<RecordId> = fates.iter().map(|(lead, _)| *lead).collect();
    let owners = owners(tx, modules.leads, &leads)?;
    let mut told: BTreeMap<(News, i64, i64), Vec<RecordId>> = BTreeMap::new();
    for (lead, fate) in fates {
        let owner = owners.get(lead).copied();
        if let Some(owner) = owner.filter(|_| options.notify_lead_owner) {
            let key = (News::LeadConverted, modules.leads.id.0, owner.0);
            told.entry(key).or_default().push(*lead);
        }
        let Some(owner) = options.owner.or(owner).filter(|_| options.notify_new_owner) else {
            continue;
        };
        let parts = [
            (modules.contacts, Some(fate.contact)),
            (modules.accounts, fate.account),
            (modules.deals, fate.deal),
        ];
        for (module, part) in parts {
            if let Some(Part::Made(id)) = part {
                let key = (News::RecordMade, module.id.0, owner.0);
                told.entry(key).or_default().push(id);
            }
        }
    }
    for ((news, module, recipient), records) in told {
        let notice = Notice {
            news,
            module: model::id::ModuleId(module),
            recipient: UserId(recipient),
            actor: writing.actor.user.id,
            job: writing.job,
            at: writing.now,
        };
        outbox::insert(tx, notice, &records)?;
    }
    Ok(())
}

fn owners(
    tx: &mut Tx,
    leads: &Module,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, UserId>, Fault> {
    let fields: Vec<_> = leads.field(system::OWNER).into_iter().collect();
    let filter = Filter::everything().of_ids(ids.iter().copied());
    let found = records::list(tx, leads, &fields, &filter, Order::BY_ID, (0, ids.len()))?;
    let owners = found.into_iter().filter_map(|lead| {
        let owner = lead.values.first().and_then(Value::as_int)?;
        Some((lead.id, UserId(owner)))
    });
    Ok(owners.collect())
}
