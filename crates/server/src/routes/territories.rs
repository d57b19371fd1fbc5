//! Territories (wire API 12).

mod filters;

use super::meta::{Page, api_name_of, asker, ids_param, joined, named, path_id};
use super::users;
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use filters::Filters;
use model::id::TerritoryId;
use model::limits::{PER_PAGE_MAX, TERRITORIES_PER_PAGE_MAX};
use model::territory::{Territory, TerritoryAccess};
use serde_json::{Map, Value as Json, json};
use store::{Fault, Tx};

/// `GET /settings/territories`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let answer = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let filters = Filters::read(call)?;
        let ids = ids_param(call)?;
        let page = Page::read(call, PER_PAGE_MAX, TERRITORIES_PER_PAGE_MAX)?;
        let asked = |t: &&Territory| ids.as_ref().is_none_or(|ids| ids.contains(&t.id.0));
        let territories = actor.catalog.territories.iter().filter(asked);
        let territories = territories.filter(|t| filters.take(t)).collect();
        Ok(paged(call, &actor, territories, &page))
    })?;
    Ok(answer)
}

/// `GET /settings/territories/{id}`
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let (actor, id) = about(tx, call)?;
        let territory = actor.catalog.territory(id);
        Ok(territory.map(|territory| wire_form(call, &actor, territory)))
    })?;
    Ok(match found {
        Some(territory) => Answer::ok(json!({ "territories": [territory] })),
        None => Answer::no_content(),
    })
}

/// `GET /settings/territories/{id}/__child_territories`: those right below it.
pub(super) fn children(call: &Call<'_>) -> Result<Answer, Fault> {
    let answer = call.app.db.read(|tx| {
        let (actor, id) = about(tx, call)?;
        let filters = Filters::read(call)?;
        let page = Page::read(call, PER_PAGE_MAX, PER_PAGE_MAX)?;
        let territories = actor.catalog.territories.iter();
        let below = territories.filter(|t| t.reports_to == Some(id) && filters.take(t));
        Ok(paged(call, &actor, below.collect(), &page))
    })?;
    Ok(answer)
}

/// `GET /settings/territories/actions/associated_users_count`
pub(super) fn users_count(call: &Call<'_>) -> Result<Answer, Fault> {
    let (counts, info) = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let page = Page::read(call, PER_PAGE_MAX, TERRITORIES_PER_PAGE_MAX)?;
        let counts = actor.catalog.territories.iter().map(|territory| {
            let count = members(&actor, territory.id).count();
            // The wire's count is a string.
            json!({
                "count": count.to_string(),
                "territory": named(&territory.name, territory.id),
            })
        });
        Ok(page.cut(counts.collect()))
    })?;
    Ok(if counts.is_empty() {
        Answer::no_content()
    } else {
        Answer::ok(json!({ "associated_users_count": counts, "info": info }))
    })
}

/// `GET /settings/territories/{id}/users`
pub(super) fn users_of(call: &Call<'_>) -> Result<Answer, Fault> {
    let (shown, info) = call.app.db.read(|tx| {
        let (actor, id) = about(tx, call)?;
        let page = Page::read(call, PER_PAGE_MAX, PER_PAGE_MAX)?;
        let (members, info) = page.cut(members(&actor, id).collect());
        Ok((users::wire_forms(&actor, &members, call.now), info))
    })?;
    Ok(users::answer(shown, Some(info)))
}

fn about(tx: &Tx<'_>, call: &Call<'_>) -> Result<(Actor, TerritoryId), Fault> {
    let actor = asker(tx, call)?;
    Ok((actor, TerritoryId(path_id(call, 2)?)))
}

fn members(actor: &Actor, id: TerritoryId) -> impl Iterator<Item = &model::people::User> {
    let users = actor.catalog.users.iter();
    users.filter(move |user| user.territories.contains(&id))
}

fn paged(call: &Call<'_>, actor: &Actor, territories: Vec<&Territory>, page: &Page) -> Answer {
    let (territories, info): (_, Map<String, Json>) = page.cut(territories);
    if territories.is_empty() {
        return Answer::no_content();
    }
    let territories = territories.into_iter();
    let shown: Vec<Json> = territories.map(|t| wire_form(call, actor, t)).collect();
    Answer::ok(json!({ "territories": shown, "info": info }))
}

/// The word for what members may do.
fn permission_type(territory: &Territory) -> &'static str {
    match territory.access {
        TerritoryAccess::ReadWriteDelete => "read_write_delete",
        TerritoryAccess::ReadOnly => "read_only",
    }
}

fn wire_form(call: &Call<'_>, actor: &Actor, territory: &Territory) -> Json {
    let catalog = &actor.catalog;
    let inner = call.query.list("include_inner_details");
    let manager = territory.manager.and_then(|id| catalog.user(id));
    let manager = manager.map(|user| {
        let mut shown = joined([named(&user.full_name(), user.id)]);
        if inner.contains(&"manager.zuid") {
            shown.insert("zuid".to_owned(), user.id.to_string().into());
        }
        if inner.contains(&"manager.status") {
            shown.insert("status".to_owned(), user.status.as_str().into());
        }
        shown
    });
    let above = territory.reports_to.and_then(|id| catalog.territory(id));
    let mut shown = joined([json!({
        "id": territory.id.to_string(),
        "name": territory.name,
        "api_name": api_name_of(&territory.name),
        "description": territory.description,
        "manager": manager,
        "reporting_to": above.map(|above| named(&above.name, above.id)),
        "permission_type": permission_type(territory),
        "created_time": null,
        "created_by": null,
        "modified_time": null,
        "modified_by": null,
    })]);
    // Records come to territories by hand: no territory has rules.
    let rules = [
        "lead_rule_criteria",
        "account_rule_criteria",
        "deal_rule_criteria",
    ];
    for rule in call.query.list("include") {
        if rules.contains(&rule) {
            shown.insert(rule.to_owned(), Json::Null);
        }
    }
    shown.into()
}
