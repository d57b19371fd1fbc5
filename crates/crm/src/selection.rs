//! Which records a view means for an actor, narrowed by territory and criteria. Never everything by
//! accident: a view or a territory that is unknown, or that the actor may not use, is a refusal.

use crate::actor::Actor;
use model::criteria::{Bound, Criteria};
use model::id::{TerritoryId, ViewId};
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::view::View;
use std::borrow::Cow;
use store::records::Filter;

/// A territory, alone or with all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerritoryPart {
    /// The territory.
    pub id: TerritoryId,
    /// And all below it.
    pub include_child: bool,
}

/// A view of the module that the actor may use.
pub fn view<'a>(actor: &Actor, module: &'a Module, id: ViewId) -> Result<&'a View, Refusal> {
    let view = module
        .views
        .iter()
        .find(|view| view.id == id)
        .ok_or_else(|| {
            Refusal::invalid("cvid", "$.cvid").saying("the cvid given seems to be invalid")
        })?;
    if view.admits(&actor.user) {
        return Ok(view);
    }
    let refusal = Refusal::new(Code::NoPermission).saying("Customview not accessible");
    Err(refusal.with("api_name", "cvid"))
}

/// The territories that a part means.
pub fn territories(
    actor: &Actor,
    module: &Module,
    part: TerritoryPart,
) -> Result<Vec<TerritoryId>, Refusal> {
    if !module.territories {
        return Err(Refusal::invalid("territory", "$.territory")
            .saying("Territory is not supported for the given module."));
    }
    if actor.catalog.territory(part.id).is_none() {
        return Err(
            Refusal::invalid("id", "$.territory.id").saying("the id given seems to be invalid")
        );
    }
    Ok(if part.include_child {
        actor
            .catalog
            .territory_and_below(part.id)
            .into_iter()
            .collect()
    } else {
        vec![part.id]
    })
}

/// The records that a view, a territory and further criteria mean together, for this actor, now, as
/// far as they are shown to them:
/// relative dates and the current user are resolved here, once.
pub fn resolve(
    actor: &Actor,
    module: &Module,
    cvid: ViewId,
    territory: Option<TerritoryPart>,
    criteria: Option<&Criteria>,
    now: Timestamp,
) -> Result<Filter, Refusal> {
    let view = view(actor, module, cvid)?;
    let territories = territory
        .map(|part| territories(actor, module, part))
        .transpose()?;
    let mut all = Vec::new();
    if let Some(of_view) = &view.criteria {
        all.push(bind(actor, module, of_view, now)?);
    }
    if let Some(further) = criteria {
        all.push(bind(actor, &visible(actor, module), further, now)?);
    }
    let criteria = (!all.is_empty()).then_some(Bound::All(all));
    Ok(Filter {
        criteria,
        territories,
        ..actor.seen(module)
    })
}

/// The module as the actor sees it. Whoever could select by a hidden field could find out its values.
pub(crate) fn visible<'a>(actor: &Actor, module: &'a Module) -> Cow<'a, Module> {
    if module.fields.iter().all(|field| actor.sees(field)) {
        return Cow::Borrowed(module);
    }
    let mut seen = module.clone();
    seen.fields.retain(|field| actor.sees(field));
    Cow::Owned(seen)
}

/// A criteria for this actor, now. The refusal names what is wrong and where.
pub fn bind(
    actor: &Actor,
    module: &Module,
    criteria: &Criteria,
    now: Timestamp,
) -> Result<Bound, Refusal> {
    criteria
        .bind(module, &actor.bind_context(now))
        .map_err(|error| {
            let path = error.path.unwrap_or_else(|| "$.criteria".to_owned());
            Refusal::invalid("criteria", path).with("reason", error.message)
        })
}
