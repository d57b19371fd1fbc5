//! The list of a module's deleted records (wire API 9.7).

use super::records::{open, time_header};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::{Actor, deleted};
use model::limits::{PAGED_DELETED_MAX, PER_PAGE_MAX};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Value as Json, json};
use store::deleted::{self as stored, Entry, Filter, Sort};
use store::{Fault, Tx};

/// A page of a list: its number, and how many records it has at most.
#[derive(Clone, Copy)]
pub(super) struct Page {
    number: usize,
    size: usize,
}

impl Page {
    /// `page` and `per_page`.
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        let read = |name: &str, default: usize| {
            let wrong = || Refusal::new(Code::InvalidData).with("param_name", name);
            let Some(text) = call.query.get(name) else {
                return Ok(default);
            };
            let number = text.parse().ok().filter(|number| *number > 0);
            number.ok_or_else(wrong)
        };
        let (number, size) = (read("page", 1)?, read("per_page", PER_PAGE_MAX)?);
        if size > PER_PAGE_MAX {
            let refusal = Refusal::new(Code::InvalidData).with("param_name", "per_page");
            return Err(refusal.with("maximum_length", PER_PAGE_MAX));
        }
        if number.saturating_mul(size) > PAGED_DELETED_MAX {
            return Err(Refusal::new(Code::DiscretePaginationLimitExceeded)
                .saying("page limit exceeded: narrow the list to read what is further back")
                .with("limit", PAGED_DELETED_MAX));
        }
        Ok(Self { number, size })
    }

    /// The records of this page, and whether there are more.
    pub(super) fn fetch(
        self,
        tx: &mut Tx,
        filter: &Filter,
        order: (Sort, bool),
    ) -> Result<(Vec<Entry>, bool), Fault> {
        let window = ((self.number - 1) * self.size, self.size + 1);
        let mut found = stored::list(tx, filter, order, window)?;
        let more = found.len() > self.size;
        found.truncate(self.size);
        Ok((found, more))
    }

    pub(super) fn info(self, count: usize, more: bool) -> Json {
        json!({
            "per_page": self.size, "count": count, "page": self.number, "more_records": more,
        })
    }
}

/// `GET /{module}/deleted`: those in the recycle bin and those that left it for good, the latest
/// first.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module)?;
        let in_bin = match call.query.get("type") {
            None | Some("all") => None,
            Some("recycle") => Some(true),
            Some("permanent") => Some(false),
            Some(_) => {
                let refusal = Refusal::new(Code::PatternNotMatched);
                return Err(refusal.with("param_name", "type").into());
            }
        };
        let since = time_header(call, "if-modified-since")?;
        let page = Page::of(call)?;
        // The wire has whole seconds: newer means from the next second on.
        let from = since.map(|since| Timestamp((since.0 / 1000 + 1) * 1000));
        let filter = Filter {
            in_bin,
            from,
            ..deleted::seen_in(&actor, module.id)
        };
        let (found, more) = page.fetch(tx, &filter, (Sort::Time, false))?;
        if found.is_empty() {
            let status = if since.is_some() && page.number == 1 {
                304
            } else {
                204
            };
            return Ok(Answer {
                status,
                ..Answer::no_content()
            });
        }
        let items: Vec<Json> = found.iter().map(|entry| item(&actor, entry)).collect();
        let info = page.info(items.len(), more);
        Ok(Answer::ok(json!({ "data": items, "info": info })))
    })
}

/// Of a record that left the bin for good, nobody is named.
fn item(actor: &Actor, entry: &Entry) -> Json {
    let permanent = entry.purged_at.is_some();
    let deleted_by = (!permanent).then_some(entry.deleted_by);
    json!({
        "deleted_by": wire::user_brief(actor, deleted_by),
        "id": entry.record.to_string(),
        "display_name": entry.name,
        "type": if permanent { "permanent" } else { "recycle" },
        "created_by": wire::user_brief(actor, entry.created_by),
        "deleted_time": entry.deleted_at.to_wire(&actor.zone),
    })
}
