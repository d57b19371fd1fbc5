//! Which records a view means for an actor, narrowed by territory and criteria. Never everything by
//! accident: a view or a territory that is unknown, or that the actor may not use, is a refusal.

use crate::actor::Actor;
use model::criteria::{Bound, Criteria};
use model::id::{RecordId, TerritoryId, ViewId};
use model::module::Module;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::view::View;
use std::borrow::Cow;
use std::collections::BTreeSet;
use store::records::Filter;

/// A territory, alone or with all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerritoryPart {
    /// The territory.
    pub id: TerritoryId,
    /// And all below it.
    pub include_child: bool,
}

/// Which records a caller asks for. All that is given must hold; what is not given
/// narrows nothing, so that nothing given would be everything: this is only said by `everything`.
#[derive(Clone, Debug, Default)]
pub struct SelectionQuery {
    /// These.
    pub ids: Option<BTreeSet<RecordId>>,
    /// Those of a view.
    pub view: Option<ViewId>,
    /// Those in a territory.
    pub territory: Option<TerritoryPart>,
    /// Those that meet a criteria.
    pub criteria: Option<Criteria>,
    /// Every record that the caller sees.
    pub everything: bool,
}

impl SelectionQuery {
    /// Those of a view.
    pub fn of_view(view: ViewId) -> Self {
        Self {
            view: Some(view),
            ..Self::default()
        }
    }

    /// Whether the records are named one by one, and nothing else is asked of them.
    pub fn named(&self) -> bool {
        let narrowed = self.view.is_some() || self.territory.is_some() || self.criteria.is_some();
        self.ids.is_some() && !narrowed && !self.everything
    }

    /// Refuses a selection that says nothing, or everything and more.
    pub fn check(&self) -> Result<(), Refusal> {
        let part = self.ids.is_some()
            || self.view.is_some()
            || self.territory.is_some()
            || self.criteria.is_some();
        let refused =
            |text: &'static str| Refusal::invalid("selection", "$.selection").saying(text);
        match (part, self.everything) {
            (false, false) => Err(refused(
                "say which records: ids, view, cvid, criteria, territory, or everything",
            )),
            (true, true) => Err(refused("`everything` stands alone")),
            _ => Ok(()),
        }
    }
}

/// The one view of this name that the actor may use, or of this id.
pub fn view_named(
    actor: &Actor,
    module: &Module,
    name: &str,
    path: &str,
) -> Result<ViewId, Refusal> {
    let named = module.views.iter().filter(|view| view.name == name);
    let named: Vec<ViewId> = named
        .filter(|view| view.admits(&actor.user))
        .map(|view| view.id)
        .collect();
    match named.as_slice() {
        [one] => Ok(*one),
        [] => {
            let known = |id: &ViewId| module.views.iter().any(|view| view.id == *id);
            ViewId::parse(name).filter(known).ok_or_else(|| {
                let module = &module.api_name;
                Refusal::invalid("view", path).saying(format!("{module} has no view \"{name}\""))
            })
        }
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            let ids = ids.join(", ");
            let text = format!("several views are named \"{name}\": choose one of {ids}");
            Err(Refusal::invalid("view", path).saying(text))
        }
    }
}

/// A criteria in its text form, whose fields the actor sees.
pub fn criteria(
    actor: &Actor,
    module: &Module,
    text: &str,
    path: &str,
) -> Result<Criteria, Refusal> {
    let wrong = |message: String| Refusal::invalid("criteria", path).saying(message);
    let criteria = Criteria::parse(text).map_err(|error| wrong(error.message))?;
    let checked = criteria.check(&visible(actor, module));
    checked.map_err(|error| wrong(error.message))?;
    Ok(criteria)
}

/// A view of the module that the actor may use.
pub fn view<'a>(actor: &Actor, module: &'a Module, id: ViewId) -> Result<&'a View, Refusal> {
    let view = module
        .views
        .iter()
        .find(|view| view.id == id)
        .ok_or_else(|| {
            let refusal = Refusal::invalid("cvid", "$.cvid").because(Reason::UnknownView);
            refusal.saying("the cvid given seems to be invalid")
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
    cvid: Option<ViewId>,
    territory: Option<TerritoryPart>,
    criteria: Option<&Criteria>,
    now: Timestamp,
) -> Result<Filter, Refusal> {
    let view = cvid.map(|cvid| view(actor, module, cvid)).transpose()?;
    let territories = territory
        .map(|part| territories(actor, module, part))
        .transpose()?;
    let mut all = Vec::new();
    if let Some(of_view) = view.and_then(|view| view.criteria.as_ref()) {
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
