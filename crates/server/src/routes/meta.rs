//! What the metadata reads share: who asks about which module, pages, and small wire forms.

use crate::call::Call;
use crm::Actor;
use model::limits::IDS_PARAM_MAX;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::fmt::Display;
use store::{Fault, Tx};

/// Who asks, with the catalog.
pub(super) fn asker(tx: &Tx<'_>, call: &Call<'_>) -> Result<Actor, Fault> {
    let catalog = tx.catalog()?;
    Ok(Actor::of(&catalog, call.actor.user)?)
}

/// The module that the parameter `module` names, which the actor may see (wire API 10.1, 11.2).
pub(super) fn module_of<'a>(call: &Call<'_>, actor: &'a Actor) -> Result<&'a Module, Refusal> {
    let name = call.query.get("module").filter(|name| !name.is_empty());
    let missing = || Refusal::new(Code::RequiredParamMissing).with("param_name", "module");
    named_module(actor, name.ok_or_else(missing)?)
}

/// The module of this name, which the actor may see.
pub(super) fn named_module<'a>(actor: &'a Actor, name: &str) -> Result<&'a Module, Refusal> {
    let module = actor.catalog.module(name);
    let module = module.ok_or_else(|| Refusal::new(Code::InvalidModule))?;
    actor.require(Right::View, module)?;
    Ok(module)
}

/// The `id` of the path; `index` says which segment behind the version it is.
pub(super) fn path_id(call: &Call<'_>, index: usize) -> Result<i64, Refusal> {
    let wrong = || {
        Refusal::new(Code::InvalidData)
            .saying("the id given seems to be invalid")
            .with("resource_path_index", index)
    };
    model::id::parse(call.param("id")).ok_or_else(wrong)
}

/// The ids of the parameter `ids`; `None` when it is not there.
pub(super) fn ids_param(call: &Call<'_>) -> Result<Option<Vec<i64>>, Refusal> {
    if call.query.get("ids").is_none() {
        return Ok(None);
    }
    let about = |code| Refusal::new(code).with("param_name", "ids");
    let texts = call.query.list("ids");
    if texts.len() > IDS_PARAM_MAX {
        return Err(about(Code::LimitExceeded).with("limit", IDS_PARAM_MAX));
    }
    let ids: Option<Vec<i64>> = texts.into_iter().map(model::id::parse).collect();
    let ids = ids.ok_or_else(|| about(Code::UnableToParseDataType))?;
    Ok(Some(ids))
}

/// A parameter that has one of a few words; `None` when it is not there.
pub(super) fn word_param<'a>(
    call: &'a Call<'_>,
    name: &str,
    words: &[&str],
) -> Result<Option<&'a str>, Refusal> {
    match call.query.get(name) {
        Some(word) if !words.contains(&word) => Err(Refusal::new(Code::InvalidData)
            .with("param_name", name)
            .with("supported_values", words.to_vec())),
        found => Ok(found),
    }
}

/// No list that is read in pages is so long: past it, nothing is found.
const OFFSET_MAX: usize = 1_000_000_000;

/// Which part of a list is asked for.
pub(super) struct Page {
    page: usize,
    per_page: usize,
}

impl Page {
    /// Reads `page` and `per_page`, of which no more than `max` is given.
    pub(super) fn read(call: &Call<'_>, default: usize, max: usize) -> Result<Self, Refusal> {
        let per_page = number(call, "per_page", default)?;
        if per_page > max {
            return Err(Refusal::new(Code::InvalidData)
                .with("param_name", "per_page")
                .with("maximum_length", max));
        }
        let page = number(call, "page", 1)?;
        Ok(Self { page, per_page })
    }

    /// How many items come before this page, and how many are to be read: one more than it shows, which
    /// says that there are more.
    pub(super) fn window(&self) -> (usize, usize) {
        let before = (self.page - 1).saturating_mul(self.per_page);
        (before.min(OFFSET_MAX), self.per_page + 1)
    }

    /// The items of this page, of what was read within [`Self::window`], and the `info` of the answer.
    pub(super) fn found<T>(&self, mut read: Vec<T>) -> (Vec<T>, Map<String, Json>) {
        let more = read.len() > self.per_page;
        read.truncate(self.per_page);
        let info = self.info(read.len(), more);
        (read, info)
    }

    fn info(&self, count: usize, more: bool) -> Map<String, Json> {
        Map::from_iter([
            ("per_page".to_owned(), self.per_page.into()),
            ("count".to_owned(), count.into()),
            ("page".to_owned(), self.page.into()),
            ("more_records".to_owned(), more.into()),
        ])
    }

    /// The items of this page, and the `info` of the answer.
    pub(super) fn cut<T>(&self, items: Vec<T>) -> (Vec<T>, Map<String, Json>) {
        let before = (self.page - 1).saturating_mul(self.per_page);
        let more = items.len() > before.saturating_add(self.per_page);
        let shown: Vec<T> = items.into_iter().skip(before).take(self.per_page).collect();
        let info = self.info(shown.len(), more);
        (shown, info)
    }
}

fn number(call: &Call<'_>, name: &str, default: usize) -> Result<usize, Refusal> {
    let Some(text) = call.query.get(name) else {
        return Ok(default);
    };
    let wrong = || Refusal::new(Code::InvalidData).with("param_name", name);
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| *number > 0 && plain);
    number.ok_or_else(wrong)
}

/// `{"name","id"}`.
pub(super) fn named(name: &str, id: impl Display) -> Json {
    json!({ "name": name, "id": id.to_string() })
}

/// `{"api_name","id"}`.
pub(super) fn pointer(api_name: &str, id: impl Display) -> Json {
    json!({ "api_name": api_name, "id": id.to_string() })
}

/// One object of several: a literal of all the keys of a field is too long for the macro.
pub(super) fn joined(parts: impl IntoIterator<Item = Json>) -> Map<String, Json> {
    let objects = parts.into_iter().filter_map(|part| match part {
        Json::Object(object) => Some(object),
        _ => None,
    });
    objects.flatten().collect()
}

/// An api name made from what people read: letters, digits and `_`.
pub(super) fn api_name_of(label: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    label.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_and_says_whether_there_is_more() {
        for (page, per_page, wanted, more) in [
            (1, 2, vec![1, 2], true),
            (2, 2, vec![3, 4], true),
            (3, 2, vec![5], false),
            (4, 2, vec![], false),
            (1, 5, vec![1, 2, 3, 4, 5], false),
            (usize::MAX, usize::MAX, vec![], false),
        ] {
            let (shown, info) = Page { page, per_page }.cut(vec![1, 2, 3, 4, 5]);
            assert_eq!(info["count"], shown.len());
            assert_eq!((shown, info["more_records"] == true), (wanted, more));
        }
    }
}
