//! The list of a module's records, by page or by page token (wire API 9.1).

use super::records::{open, time_header};
use crate::answer::Answer;
use crate::call::Call;
use crate::version::Version;
use crate::wire::{self, Shape};
use crm::{Actor, selection};
use model::criteria::{Bound, Test};
use model::field::Field;
use model::id::{RecordId, TerritoryId, ViewId};
use model::limits::{
    FIELDS_PARAM_MAX, PAGE_TOKEN_MS, PAGED_RECORDS_MAX, PER_PAGE_MAX, RECORDS_PER_CALL_MAX,
    TOKEN_RECORDS_MAX,
};
use model::module::{Module, system};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::{Class, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use store::records::{self as stored, Filter, Order, Place, Record};
use store::{Fault, Tx};

/// `GET /{module}`.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module)?;
        let since = time_header(call, "if-modified-since")?;
        let wanted = Wanted::read(call, &actor, &module, since)?;
        let page = wanted.fetch(tx, &module)?;
        if page.found.is_empty() {
            let nothing_newer = since.is_some() && wanted.seen == 0;
            return Ok(if nothing_newer {
                Answer {
                    status: 304,
                    ..Answer::no_content()
                }
            } else {
                Answer::no_content()
            });
        }
        let shown = wire::show(tx, &actor, &module, &wanted.shape, &page.found)?;
        let info = wanted.info(call, &actor, &page);
        Ok(Answer::ok(json!({ "data": shown, "info": info })))
    })
}

/// A list as it was asked for.
struct Wanted<'a> {
    shape: Shape<'a>,
    filter: Filter,
    sort: Option<&'a Field>,
    ascending: bool,
    page: usize,
    per_page: usize,
    /// Records that earlier pages of a token showed.
    seen: usize,
    by_token: bool,
    /// What a token is bound to: the same user asking for the same list.
    bound_to: String,
}

/// What a page token says. Its text is for nobody but us.
#[derive(Serialize, Deserialize)]
struct Token {
    value: Value,
    id: i64,
    seen: usize,
    expires: i64,
    bound_to: String,
}

struct Fetched {
    found: Vec<Record>,
    more: bool,
    /// The value of the sort field at the last record shown.
    last: Option<Place>,
}

impl<'a> Wanted<'a> {
    fn read(
        call: &Call<'_>,
        actor: &Actor,
        module: &'a Module,
        since: Option<Timestamp>,
    ) -> Result<Self, Refusal> {
        let shape = shape(call, actor, module)?;
        let (sort, ascending) = order(call, actor, module)?;
        let mut filter = filter(call, actor, module)?;
        if let Some(since) = since {
            // The wire has whole seconds: newer means from the next second on.
            let from = Some((since.0 / 1000 + 1) * 1000);
            narrow(
                &mut filter,
                module,
                system::MODIFIED_TIME,
                Test::Within { from, to: None },
            );
        }
        let per_page = number(call, "per_page", PER_PAGE_MAX)?;
        if per_page > PER_PAGE_MAX {
            let refusal = Refusal::new(Code::InvalidData).with("param_name", "per_page");
            return Err(refusal.with("maximum_length", PER_PAGE_MAX));
        }
        let bound_to = bound_to(call);
        let mut wanted = Self {
            shape,
            filter,
            sort,
            ascending,
            page: number(call, "page", 1)?,
            per_page,
            seen: 0,
            by_token: false,
            bound_to,
        };
        match call.query.get("page_token") {
            Some(token) if call.version.has_page_tokens() => wanted.go_on(call, token)?,
            _ if wanted.page.saturating_mul(per_page) > PAGED_RECORDS_MAX => {
                let refusal = Refusal::new(Code::DiscretePaginationLimitExceeded);
                return Err(refusal.with("limit", PAGED_RECORDS_MAX));
            }
            _ => wanted.seen = (wanted.page - 1) * per_page,
        }
        Ok(wanted)
    }

    fn go_on(&mut self, call: &Call<'_>, text: &str) -> Result<(), Refusal> {
        if call.query.get("page").is_some() {
            let both = ["page", "page_token"].map(|name| json!({ "param_name": name }));
            let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
            return Err(refusal.with("ambiguity_due_to", both.to_vec()));
        }
        let about = |refusal: Refusal| refusal.with("param_name", "page_token");
        let token = unseal(text).ok_or_else(|| about(Refusal::new(Code::InvalidData)))?;
        if token.bound_to != self.bound_to {
            return Err(about(Refusal::new(Code::TokenBoundDataMismatch)));
        }
        if token.expires <= call.now.0 {
            return Err(about(Refusal::new(Code::ExpiredValue)));
        }
        if !fits(self.sort, &token.value) {
            return Err(about(Refusal::new(Code::InvalidData)));
        }
        if token.seen.saturating_add(self.per_page) > TOKEN_RECORDS_MAX {
            let refusal = Refusal::new(Code::PaginationLimitExceeded);
            return Err(refusal.with("limit", TOKEN_RECORDS_MAX));
        }
        self.by_token = true;
        self.seen = token.seen;
        self.page = token.seen / self.per_page + 1;
        self.filter.after = Some(Place {
            value: token.value,
            id: token.id,
        });
        Ok(())
    }

    fn order(&self) -> Order<'_> {
        Order {
            by: self.sort,
            ascending: self.ascending,
        }
    }

    fn fetch(&self, tx: &mut Tx, module: &Module) -> Result<Fetched, Fault> {
        let offset = if self.by_token { 0 } else { self.seen };
        // The sort field is read too, behind those to be shown, for the place of the next page.
        let mut fields = self.shape.fields.clone();
        fields.extend(self.sort);
        let window = (offset, self.per_page + 1);
        let mut found = stored::list(tx, module, &fields, &self.filter, self.order(), window)?;
        let more = found.len() > self.per_page;
        found.truncate(self.per_page);
        let last = found.last().map(|record| Place {
            value: self
                .sort
                .and(record.values.last().cloned())
                .unwrap_or(Value::Null),
            id: record.id.0,
        });
        Ok(Fetched { found, more, last })
    }

    fn info(&self, call: &Call<'_>, actor: &Actor, page: &Fetched) -> Json {
        let shown = self.seen + page.found.len();
        let expires = call.now.plus_ms(PAGE_TOKEN_MS);
        let next = page
            .last
            .clone()
            .filter(|_| page.more && shown < TOKEN_RECORDS_MAX);
        let next = next.map(|place| {
            let bound_to = self.bound_to.clone();
            let Place { value, id } = place;
            seal(&Token {
                value,
                id,
                seen: shown,
                expires: expires.0,
                bound_to,
            })
        });
        let expiry = next.as_ref().map(|_| expires.to_wire(&actor.zone));
        let sort_by = self.sort.map_or("id", |field| field.api_name.as_str());
        let sort_order = if self.ascending { "asc" } else { "desc" };
        let mut info = json!({
            "call": false,
            "per_page": self.per_page,
            "next_page_token": next,
            "count": page.found.len(),
            "sort_by": sort_by,
            "page": self.page,
            "previous_page_token": null,
            "page_token_expiry": expiry,
            "sort_order": sort_order,
            "email": false,
            "more_records": page.more,
        });
        if let (false, Some(info)) = (call.version.has_page_tokens(), info.as_object_mut()) {
            info.retain(|key, _| !key.contains("token"));
        }
        info
    }
}

/// Whether a value can stand in the field that a list is sorted by: nobody signs a token.
fn fits(sort: Option<&Field>, value: &Value) -> bool {
    match (sort.map(|field| field.kind.class()), value) {
        (_, Value::Null)
        | (Some(Class::Bool), Value::Bool(_))
        | (Some(Class::Int), Value::Int(_)) => true,
        (Some(Class::Text), Value::Text(text)) => !text.contains('\0'),
        _ => false,
    }
}

fn shape<'a>(call: &Call<'_>, actor: &Actor, module: &'a Module) -> Result<Shape<'a>, Refusal> {
    let names = call.query.list("fields");
    if names.len() > FIELDS_PARAM_MAX {
        let refusal = Refusal::new(Code::LimitExceeded).saying("Fields limit exceeded");
        return Err(refusal
            .with("param_name", "fields")
            .with("limit", FIELDS_PARAM_MAX));
    }
    if names.is_empty() && call.version.list_needs_fields() {
        return Err(Refusal::new(Code::RequiredParamMissing).with("param_name", "fields"));
    }
    if names.is_empty() {
        return Ok(Shape::whole(actor, module));
    }
    Ok(Shape::of(actor, module, &names))
}

fn order<'a>(
    call: &Call<'_>,
    actor: &Actor,
    module: &'a Module,
) -> Result<(Option<&'a Field>, bool), Refusal> {
    let wrong = |name: &str| Refusal::new(Code::InvalidData).with("param_name", name);
    let ascending = match call.query.get("sort_order") {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(wrong("sort_order")),
    };
    let any_field = call.version < Version::V3;
    let sort = match call.query.get("sort_by") {
        None | Some("id") => None,
        Some(name) => {
            let usual = [system::CREATED_TIME, system::MODIFIED_TIME].contains(&name);
            let field = module.field(name).filter(|field| actor.sees(field));
            Some(
                field
                    .filter(|_| usual || any_field)
                    .ok_or_else(|| wrong("sort_by"))?,
            )
        }
    };
    Ok((sort, ascending))
}

fn filter(call: &Call<'_>, actor: &Actor, module: &Module) -> Result<Filter, Refusal> {
    let wrong = |name: &str| Refusal::new(Code::InvalidData).with("param_name", name);
    let mut filter = match call.query.get("cvid") {
        None => actor.seen(module),
        Some(_) if call.query.get("sort_by").is_some() => {
            let both = ["cvid", "sort_by"].map(|name| json!({ "param_name": name }));
            let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
            return Err(refusal.with("ambiguity_due_to", both.to_vec()));
        }
        Some(text) => {
            let cvid = ViewId::parse(text).ok_or_else(|| wrong("cvid"))?;
            selection::resolve(actor, module, Some(cvid), None, None, call.now).map_err(
                |refusal| {
                    if refusal.code == Code::InvalidData {
                        wrong("cvid")
                    } else {
                        refusal
                    }
                },
            )?
        }
    };
    if let Some(territory) = call.query.get("territory_id") {
        if !module.territories {
            let text = "Territory is not supported for the given module.";
            return Err(Refusal::new(Code::InvalidModule).saying(text));
        }
        let id = TerritoryId::parse(territory).ok_or_else(|| wrong("territory_id"))?;
        let include_child = call.query.get("include_child") == Some("true");
        let part = selection::TerritoryPart { id, include_child };
        let found = selection::territories(actor, module, part);
        filter.territories = Some(found.map_err(|_| wrong("territory_id"))?);
    }
    if call.query.get("ids").is_some() {
        filter.ids = Some(ids(call)?);
    }
    // A view says itself whether it holds converted leads, and so does a list of ids.
    let says = call.query.get("cvid").is_some() || filter.ids.is_some();
    narrow_converted(call, module, &mut filter, (!says).then_some(false))?;
    Ok(filter)
}

/// Narrows to leads that were converted, or were not, as `converted` has it, or else as `usual` (wire
/// API 9.1).
pub(super) fn narrow_converted(
    call: &Call<'_>,
    module: &Module,
    filter: &mut Filter,
    usual: Option<bool>,
) -> Result<(), Refusal> {
    let wrong = || Refusal::new(Code::InvalidData).with("param_name", "converted");
    let converted = match call.query.get("converted") {
        None => usual,
        Some("false") => Some(false),
        Some("true") => Some(true),
        Some("both") => None,
        Some(_) => return Err(wrong()),
    };
    if let Some(converted) = converted {
        narrow(filter, module, system::CONVERTED, Test::Is(converted));
    }
    Ok(())
}

fn ids(call: &Call<'_>) -> Result<Vec<i64>, Refusal> {
    let wrong = || Refusal::new(Code::InvalidData).with("param_name", "ids");
    let texts = call.query.list("ids");
    // An empty list is not every record.
    if texts.is_empty() {
        return Err(wrong());
    }
    if texts.len() > RECORDS_PER_CALL_MAX {
        return Err(Refusal::new(Code::LimitExceeded)
            .with("param_name", "ids")
            .with("limit", RECORDS_PER_CALL_MAX));
    }
    let ids = texts
        .into_iter()
        .map(|text| RecordId::parse(text).map(|id| id.0));
    ids.collect::<Option<_>>().ok_or_else(wrong)
}

/// Adds a test of a system field, where the module has it.
fn narrow(filter: &mut Filter, module: &Module, api_name: &str, test: Test) {
    if let Some(field) = module.field(api_name) {
        let test = Bound::Test {
            field: field.id,
            column: field.api_name.clone(),
            test,
        };
        let all = filter.criteria.take().into_iter().chain([test]).collect();
        filter.criteria = Some(Bound::All(all));
    }
}

/// A parameter that is a number from 1 on.
fn number(call: &Call<'_>, name: &str, default: usize) -> Result<usize, Refusal> {
    let Some(text) = call.query.get(name) else {
        return Ok(default);
    };
    let wrong = || Refusal::new(Code::InvalidData).with("param_name", name);
    text.parse()
        .ok()
        .filter(|number| (1..=1_000_000).contains(number))
        .ok_or_else(wrong)
}

/// The user and every parameter that decides what a list holds, in one digest.
fn bound_to(call: &Call<'_>) -> String {
    let mut digest = Sha256::new();
    digest.update(format!("{}\n{}\n", call.actor.user, call.param("module")));
    let mut pairs: Vec<(&str, &str)> = call
        .query
        .pairs()
        .filter(|(name, _)| !["page", "page_token"].contains(name))
        .collect();
    pairs.sort_unstable();
    for (name, value) in pairs {
        digest.update(format!("{name}={value}\n"));
    }
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// A token's text: hexadecimal, so that it needs no escaping anywhere.
fn seal(token: &Token) -> String {
    // A token of strings and numbers always has a JSON form.
    hex(&serde_json::to_vec(token).unwrap_or_default())
}

fn unseal(text: &str) -> Option<Token> {
    if text.len() > 4096 || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let byte = |n: usize| u8::from_str_radix(text.get(n..n + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    serde_json::from_slice(&bytes?).ok()
}
