//! Export: the records of a view or a criteria, page by page in the order of their ids. A page is one
//! short read, so that an export of any size holds neither the database nor much memory.

use crate::actor::Actor;
use crate::selection;
use crate::show::Show;
use model::field::Field;
use model::id::{RecordId, UserId};
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde_json::Value as Json;
use store::records::{self, Filter, Order, Place, Record};
use store::{Fault, Tx};

/// Records of a page at most.
const PAGE_ROWS: usize = 2_000;
/// Records read at once: a page ends between two slices when it is large enough.
const SLICE_ROWS: usize = 200;
/// A page ends when its cells have about this many bytes.
const PAGE_BYTES: usize = 1024 * 1024;

/// What is exported.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Api name of the module.
    pub module: &'a str,
    /// Name or id of a view; without one, every record.
    pub view: Option<&'a str>,
    /// A criteria in its text form, which narrows the view.
    pub criteria: Option<&'a str>,
    /// When the export began: what relative dates mean, on all pages.
    pub at: Timestamp,
}

/// A record as it is exported.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// Its id.
    pub id: RecordId,
    /// Its values, in the order of the page's fields: the wire's form, but users by e-mail address,
    /// records by id and layouts by name, as an import takes them.
    pub values: Vec<Json>,
}

/// Some of the records.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Api names of the fields.
    pub fields: Vec<String>,
    /// The records.
    pub records: Vec<Exported>,
    /// The last record of this page, if more follow.
    pub last: Option<RecordId>,
}

/// The page after a record, or the first.
pub fn page(
    tx: &mut Tx,
    user: UserId,
    wanted: &Wanted<'_>,
    after: Option<RecordId>,
) -> Result<Page, Fault> {
    let catalog = tx.catalog()?;
    let actor = Actor::of(&catalog, user)?;
    let no_module = || Refusal::new(Code::InvalidModule).with("api_name", wanted.module);
    let module = catalog.module(wanted.module).ok_or_else(no_module)?;
    actor.require(Right::View, module)?;
    let fields: Vec<&Field> = module.fields.iter().filter(|f| actor.sees(f)).collect();
    let show = Show::new(&actor, module);
    let mut filter = filter(&actor, module, wanted)?;
    let mut page = Page {
        fields: fields.iter().map(|field| field.api_name.clone()).collect(),
        records: Vec::new(),
        last: after,
    };
    let mut bytes = 0;
    while page.records.len() < PAGE_ROWS && bytes < PAGE_BYTES {
        filter.after = page.last.map(|RecordId(id)| Place {
            value: id.into(),
            id,
        });
        let slice = (0, SLICE_ROWS);
        let found = records::list(tx, module, &fields, &filter, Order::BY_ID, slice)?;
        let ended = found.len() < SLICE_ROWS;
        for record in found {
            page.last = Some(record.id);
            bytes += record.values.iter().map(size).sum::<usize>();
            page.records.push(exported(&show, &fields, record));
        }
        if ended {
            page.last = None;
            break;
        }
    }
    Ok(page)
}

fn exported(show: &Show<'_>, fields: &[&Field], record: Record) -> Exported {
    let values = fields.iter().zip(record.values);
    Exported {
        id: record.id,
        values: values
            .map(|(field, value)| show.value(field, value))
            .collect(),
    }
}

fn size(value: &Value) -> usize {
    value.as_text().map_or(8, str::len)
}

fn filter(actor: &Actor, module: &Module, wanted: &Wanted<'_>) -> Result<Filter, Refusal> {
    let criteria = wanted.criteria;
    let criteria = criteria.map(|text| selection::criteria(actor, module, text, "criteria"));
    let view = wanted.view;
    let view = view.map(|name| selection::view_named(actor, module, name, "view"));
    let (criteria, view) = (criteria.transpose()?, view.transpose()?);
    selection::resolve(actor, module, view, None, criteria.as_ref(), wanted.at)
}
