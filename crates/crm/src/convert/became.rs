//! What converted leads became, told within a reader's rights.

use crate::actor::Actor;
use model::conversion::{
    ACCOUNTS, CONTACTS, CONVERTED_ACCOUNT, CONVERTED_CONTACT, CONVERTED_DEAL, DEALS, LEADS,
};
use model::field::Field;
use model::id::RecordId;
use std::collections::{BTreeSet, HashMap};
use store::records::{self, Filter, Order};
use store::{Fault, Tx};

/// A record that a lead became, with its name where the reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: RecordId,
    /// What it is called.
    pub name: Option<String>,
}

/// What a lead became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Became {
    /// The contact.
    pub contact: Option<Named>,
    /// The account.
    pub account: Option<Named>,
    /// The deal.
    pub deal: Option<Named>,
}

/// What these leads became, as far as they exist and the reader sees the fields that say it.
pub fn became(
    tx: &mut Tx,
    reader: &Actor,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, Became>, Fault> {
    let catalog = &reader.catalog;
    let Some(leads) = catalog.module(LEADS) else {
        return Ok(HashMap::new());
    };
    let ways = [
        (CONVERTED_CONTACT, CONTACTS),
        (CONVERTED_ACCOUNT, ACCOUNTS),
        (CONVERTED_DEAL, DEALS),
    ];
    let mut columns: Vec<&Field> = Vec::new();
    let mut places = Vec::new();
    for (name, module) in ways {
        let field = leads.field(name).filter(|field| reader.sees(field));
        places.push((field.map(|_| columns.len()), module));
        columns.extend(field);
    }
    let filter = Filter::everything().of_ids(ids.iter().copied());
    let page = (0, ids.len());
    let found = records::list(tx, leads, &columns, &filter, Order::BY_ID, page)?;
    let mut parts: Vec<HashMap<RecordId, Named>> = Vec::new();
    for (place, module) in places {
        let made = found.iter().filter_map(|lead| {
            let id = lead.values.get(place?)?.as_int().map(RecordId)?;
            Some((lead.id, id))
        });
        let made: Vec<(RecordId, RecordId)> = made.collect();
        let wanted: BTreeSet<RecordId> = made.iter().map(|(_, id)| *id).collect();
        let mut names = HashMap::new();
        if let Some(module) = catalog.module(module).filter(|_| !wanted.is_empty()) {
            let shown = module.name_field().is_some_and(|field| reader.sees(field));
            if shown && reader.profile.may(model::people::Right::View, module.id) {
                let filter = reader.seen(module).of_ids(wanted);
                names.extend(records::names(tx, module, &filter)?);
            }
        }
        let of_leads = made.into_iter().map(|(lead, id)| {
            let name = names.get(&id).cloned();
            (lead, Named { id, name })
        });
        parts.push(of_leads.collect());
    }
    let mut told = HashMap::new();
    for lead in &found {
        let mut part = parts.iter_mut().map(|part| part.remove(&lead.id));
        let mut next = || part.next().flatten();
        let (contact, account, deal) = (next(), next(), next());
        let became = Became {
            contact,
            account,
            deal,
        };
        told.insert(lead.id, became);
    }
    Ok(told)
}
