//! What a job keeps of what was asked for: what is done to each record, and which records are meant,
//! with everything resolved.

use super::action::MassAction;
use super::describe;
use crate::actor::Actor;
use model::criteria::Bound;
use model::id::{RecordId, TerritoryId, ViewId};
use model::job::JobKind;
use model::module::Module;
use model::refusal::{Code, Refusal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use store::jobs::Job;
use store::records::{self, Filter};
use store::{Error, Fault, Tx};

/// The key of a stored request under which the selection stands.
const SELECTION: &str = "selection";

/// What is to be done to each record, read and checked, by whichever action.
#[derive(Clone, Debug)]
pub struct Request {
    kind: JobKind,
    stored: Map<String, Json>,
}

impl Request {
    /// What an action is to do.
    pub(crate) fn of<A: MassAction>(change: &A::Change) -> Result<Self, Fault> {
        match serde_json::to_value(change) {
            Ok(Json::Object(stored)) => Ok(Self {
                kind: A::KIND,
                stored,
            }),
            other => {
                let text = format!("a change has no form to be stored: {other:?}");
                Err(Error::Inconsistent(text).into())
            }
        }
    }

    /// Which action.
    pub fn kind(&self) -> JobKind {
        self.kind
    }

    /// The same as the action knows it.
    pub(super) fn change<A: MassAction>(&self) -> Result<A::Change, Fault> {
        read(Json::Object(self.stored.clone()))
    }

    /// As a job keeps it, for the records of a selection.
    pub(super) fn encode(&self, selection: &Selection) -> Result<String, Fault> {
        let mut stored = self.stored.clone();
        let selection = serde_json::to_value(selection).map_err(unwritable)?;
        stored.insert(SELECTION.to_owned(), selection);
        encode(&stored)
    }
}

/// A job's request.
pub(super) struct Stored<C> {
    /// Which records.
    pub(super) selection: Selection,
    /// What is done to each.
    pub(super) change: C,
}

impl<C: DeserializeOwned> Stored<C> {
    /// Reads what a job keeps.
    pub(super) fn decode(request: &str) -> Result<Self, Fault> {
        let mut stored: Map<String, Json> = decode(request)?;
        let selection = stored.remove(SELECTION).unwrap_or_default();
        Ok(Self {
            selection: read(selection)?,
            change: read(Json::Object(stored))?,
        })
    }
}

/// The selection of a stored request alone; none where it has none.
pub(super) fn selection_of(request: &str) -> Result<Option<Selection>, Fault> {
    let mut stored: Map<String, Json> = decode(request)?;
    stored.remove(SELECTION).map(read).transpose()
}

/// A request as text.
pub(super) fn encode<T: Serialize>(request: &T) -> Result<String, Fault> {
    serde_json::to_string(request).map_err(|error| unwritable(error).into())
}

/// A stored request.
pub(super) fn decode<T: DeserializeOwned>(request: &str) -> Result<T, Fault> {
    serde_json::from_str(request).map_err(unreadable)
}

fn read<T: DeserializeOwned>(json: Json) -> Result<T, Fault> {
    serde_json::from_value(json).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> Fault {
    Error::Inconsistent(format!("a stored request: {error}")).into()
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::Inconsistent(format!("a request has no JSON form: {error}"))
}

/// The selection as a job keeps it: everything resolved, nothing that could mean something else later.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Selection {
    /// The targets were named one by one.
    Ids,
    /// The targets must still pass this.
    View {
        cvid: ViewId,
        criteria: Option<Bound>,
        territories: Option<Vec<TerritoryId>>,
    },
    /// The same, without a view.
    Free {
        criteria: Option<Bound>,
        territories: Option<Vec<TerritoryId>>,
    },
}

impl Selection {
    /// Whether the targets were named one by one.
    pub(super) fn named(&self) -> bool {
        matches!(self, Self::Ids)
    }

    /// What a target must still pass at its turn: nothing if it was named. Refuses if a field that is
    /// tested no longer is what it was.
    pub(super) fn within(self, module: &Module) -> Result<Option<Filter>, Refusal> {
        let (criteria, territories) = match self {
            Self::Ids => return Ok(None),
            Self::View {
                criteria,
                territories,
                ..
            }
            | Self::Free {
                criteria,
                territories,
            } => (criteria, territories),
        };
        let misfit = criteria
            .as_ref()
            .and_then(|criteria| criteria.misfit(module));
        if let Some(field) = misfit {
            let text = "a field of the selection was removed or changed its type";
            let refusal = Refusal::new(Code::FieldGone).saying(text);
            return Err(refusal.with("api_name", field));
        }
        Ok(Some(Filter {
            criteria,
            territories,
            // What the actor may see is judged record by record, as it is at each one's turn.
            ..Filter::everything()
        }))
    }

    /// How it is told to a reader: by what the records were chosen, and what they must pass.
    pub(super) fn describe(&self, reader: &Actor, module: &Module) -> Json {
        let (by, cvid, criteria, territories) = match self {
            Self::Ids => return json!({ "by": "ids" }),
            Self::View {
                cvid,
                criteria,
                territories,
            } => ("view", Some(*cvid), criteria, territories),
            Self::Free {
                criteria: None,
                territories: None,
            } => ("everything", None, &None, &None),
            Self::Free {
                criteria,
                territories,
            } => ("criteria", None, criteria, territories),
        };
        let view = cvid.and_then(|cvid| module.views.iter().find(|view| view.id == cvid));
        let view = view.filter(|view| view.admits(&reader.user));
        let territories = territories.as_ref().map(|ids| {
            let named = |id: &TerritoryId| {
                let territory = reader.catalog.territory(*id);
                json!({ "id": id.to_string(), "name": territory.map(|found| found.name.as_str()) })
            };
            ids.iter().map(named).collect::<Vec<Json>>()
        });
        let criteria = criteria.as_ref();
        json!({
            "by": by,
            "cvid": cvid.map(|cvid| cvid.to_string()),
            "view": view.map(|view| view.name.as_str()),
            "territories": territories,
            "criteria": criteria.map(|criteria| describe::criteria(reader, module, criteria)),
        })
    }
}

/// The records that a job's selection means now, of those that its actor sees: for a job whose targets
/// are selected when it starts. At most as many as a job may have.
pub(super) fn select(
    tx: &mut Tx,
    job: &Job,
    selection: Selection,
    too_many: Code,
) -> Result<Vec<(RecordId, i64)>, Fault> {
    let actor = Actor::of(&tx.catalog()?, job.actor)?;
    let module = super::module_of(&actor, job.module)?;
    // Named records are targets from the start: there is nothing to select.
    let named = || Error::Inconsistent(format!("job {} has named records only", job.id));
    let within = selection.within(module)?.ok_or_else(named)?;
    let filter = Filter {
        criteria: within.criteria,
        territories: within.territories,
        ..actor.seen(module)
    };
    freeze(tx, module, &filter, too_many)
}

/// The records that pass a filter, with their revisions: at most as many as a job may have.
pub(super) fn freeze(
    tx: &mut Tx,
    module: &Module,
    filter: &Filter,
    too_many: Code,
) -> Result<Vec<(RecordId, i64)>, Fault> {
    let limit = tx.catalog()?.org.limits.records_per_job;
    let targets = records::select_ids(tx, module, filter, limit + 1)?;
    if targets.len() > limit {
        return Err(over_limit(too_many, limit).into());
    }
    Ok(targets)
}

/// The refusal of a selection that holds too many records.
pub(super) fn over_limit(too_many: Code, limit: usize) -> Refusal {
    Refusal::new(too_many).with("limit", limit)
}
