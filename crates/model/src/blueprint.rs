//! Blueprints: processes that records go through by transitions from one value of a picklist to
//! another (wire API 14.2).

use crate::criteria::Criteria;
use crate::id::{BlueprintId, FieldId, LayoutId, ProfileId, TransitionId};
use crate::value::fold;
use serde::{Deserialize, Serialize};

/// A process of a module's records. A record's state is the value of the blueprint's field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blueprint {
    /// Its id.
    pub id: BlueprintId,
    /// Its name, unique in the module.
    pub name: String,
    /// The picklist whose values are the states.
    pub field: FieldId,
    /// The layout whose records enter; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<LayoutId>,
    /// Which records enter; `None` is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// The ways from state to state; at least one.
    pub transitions: Vec<Transition>,
}

/// A way from some states to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// Its id.
    pub id: TransitionId,
    /// Its name, unique in the blueprint.
    pub name: String,
    /// Where it starts.
    pub from: Vec<String>,
    /// Where it leads to.
    pub to: String,
    /// What a record must meet to go this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// Fields that must have a value afterwards.
    #[serde(default)]
    pub fields: Vec<FieldId>,
    /// Whose users may go this way; none named is everyone.
    #[serde(default)]
    pub profiles: Vec<ProfileId>,
    /// Only the record's owner may.
    #[serde(default)]
    pub owner_only: bool,
}

impl Transition {
    /// Whether it starts at a state.
    pub fn starts_at(&self, state: &str) -> bool {
        let state = fold(state);
        self.from.iter().any(|from| fold(from) == state)
    }
}

impl Blueprint {
    /// The transitions that lead on from a state, in order.
    pub fn from<'a>(&'a self, state: &str) -> impl Iterator<Item = &'a Transition> {
        let state = state.to_owned();
        self.transitions
            .iter()
            .filter(move |transition| transition.starts_at(&state))
    }

    /// Whether any transition leads on from a state. A record in another state is not in the
    /// process, or has left it.
    pub fn leads_on(&self, state: &str) -> bool {
        self.from(state).next().is_some()
    }

    /// Every state that a transition starts at, each once.
    pub fn starts(&self) -> Vec<&str> {
        let mut states: Vec<&str> = Vec::new();
        for state in self.transitions.iter().flat_map(|t| &t.from) {
            if !states.contains(&state.as_str()) {
                states.push(state);
            }
        }
        states
    }

    /// The transition of this id.
    pub fn transition(&self, id: TransitionId) -> Option<&Transition> {
        self.transitions.iter().find(|t| t.id == id)
    }
}
