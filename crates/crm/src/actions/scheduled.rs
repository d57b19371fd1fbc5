//! What the mass actions share: which records a job is for, frozen when it is accepted, and whether
//! a record still belongs to it when its turn comes.

use super::told;
use crate::actor::Actor;
use crate::selection::{self, TerritoryPart};
use jobs::Settled;
use model::criteria::{Bound, Criteria};
use model::id::{JobId, RecordId, TerritoryId, UserId, ViewId};
use model::job::{Automation, JobKind};
use model::limits::AUTOMATION_RECORDS_MAX;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use store::jobs::{Job, NewJob, Terms};
use store::records::{self, Filter};
use store::{Db, Error, Fault, Tx};

/// A view and what narrows it.
pub struct ViewSelection {
    /// The view.
    pub cvid: ViewId,
    /// A territory of it.
    pub territory: Option<TerritoryPart>,
    /// Further criteria.
    pub criteria: Option<Criteria>,
}

/// The selection as a job keeps it: everything resolved, nothing that could mean something else later.
/// Jobs that an older release accepted have one of the first two.
#[derive(Serialize, Deserialize)]
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
}

impl Selection {
    /// How it is told to a reader: by what the records were chosen, and what they must pass.
    pub(super) fn told(&self, reader: &Actor, module: &Module) -> Json {
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
            "criteria": criteria.map(|criteria| told::criteria(reader, module, criteria)),
        })
    }
}

/// The records that a job's selection means now, of those that its actor sees: for a job whose targets
/// are selected when it starts. At most as many as a job may have.
pub(super) fn select(
    tx: &mut Tx,
    job: &Job,
    selection: Selection,
) -> Result<Vec<(RecordId, i64)>, Fault> {
    let actor = Actor::of(&tx.catalog()?, job.actor)?;
    let module = module_of(&actor, job)?;
    // Named records are targets from the start: there is nothing to select.
    let named = || Error::Inconsistent(format!("job {} has named records only", job.id));
    let within = selection.within(module)?.ok_or_else(named)?;
    let filter = Filter {
        criteria: within.criteria,
        territories: within.territories,
        ..actor.seen(module)
    };
    frozen(tx, module, &filter, job.kind)
}

/// The records that pass a filter, with their revisions: at most as many as a job may have.
pub(super) fn frozen(
    tx: &mut Tx,
    module: &Module,
    filter: &Filter,
    kind: JobKind,
) -> Result<Vec<(RecordId, i64)>, Fault> {
    let limit = tx.catalog()?.org.limits.records_per_job;
    let targets = records::select_ids(tx, module, filter, limit + 1)?;
    if targets.len() > limit {
        return Err(too_many(kind, limit).into());
    }
    Ok(targets)
}

/// What a job keeps of its request, as text.
pub(super) fn encode<T: Serialize>(request: &T) -> Result<String, Fault> {
    serde_json::to_string(request)
        .map_err(|error| Error::Inconsistent(format!("a request has no JSON form: {error}")).into())
}

/// The request that a job kept.
pub(super) fn decode<T: DeserializeOwned>(job: &Job) -> Result<T, Fault> {
    decode_text(&job.request)
}

/// The same of a plan's request.
pub(super) fn decode_text<T: DeserializeOwned>(request: &str) -> Result<T, Fault> {
    serde_json::from_str(request)
        .map_err(|error| Error::Inconsistent(format!("a stored request: {error}")).into())
}

/// The module of a job, if it still exists.
pub(super) fn module_of<'a>(actor: &'a Actor, job: &Job) -> Result<&'a Module, Refusal> {
    let gone = || Refusal::new(Code::InvalidModule).saying("the module was removed");
    actor.catalog.module_by_id(job.module).ok_or_else(gone)
}

/// What at most one unfinished job may have (DESIGN 6): a view for those that change records, a
/// module for deletion (wire API 4.4).
pub(super) fn exclusive(kind: JobKind, cvid: ViewId, module: &Module) -> String {
    match kind {
        JobKind::MassDelete => format!("delete:{}", module.id),
        _ => format!("view:{cvid}"),
    }
}

/// The refusal of a view that holds too many records.
pub(super) fn too_many(kind: JobKind, limit: usize) -> Refusal {
    let code = match kind {
        JobKind::ChangeOwner => Code::RecordLimitExceeded,
        _ => Code::LimitExceeded,
    };
    Refusal::new(code).with("limit", limit)
}

/// Whether a job's writes fire automation. As the wire API has it, those of named records always do,
/// those of a view where it held less than a thousand records (1.8).
pub(super) fn fires_automation(of_view: bool, job: &Job) -> bool {
    match job.terms.automation {
        Automation::Wire => !of_view || job.total < AUTOMATION_RECORDS_MAX,
        Automation::Fire => true,
        Automation::Suppress => false,
    }
}

/// Whether what follows from a retry's writes happens: as in the job that it retries, whose size
/// decided it where the wire API leaves it to the size.
pub(crate) fn automation_of(old: &Job) -> Result<Automation, Fault> {
    #[derive(Deserialize)]
    struct Selected {
        selection: Option<Selection>,
    }
    let selected: Selected = decode(old)?;
    let of_view = selected
        .selection
        .is_some_and(|selection| !selection.named());
    Ok(match old.terms.automation {
        Automation::Wire if fires_automation(of_view, old) => Automation::Fire,
        Automation::Wire => Automation::Suppress,
        other => other,
    })
}

/// Does a job to the named records at once, inside this transaction, and answers which job it was and
/// for each id what happened. A repeated id is visited once; without ids there is no job.
pub(super) fn run_named(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    kind: JobKind,
    request: String,
    ids: &[RecordId],
    now: Timestamp,
) -> Result<(Option<JobId>, BTreeMap<RecordId, Settled>), Fault> {
    let ids: BTreeSet<RecordId> = ids.iter().copied().collect();
    if ids.is_empty() {
        return Ok((None, BTreeMap::new()));
    }
    let job = NewJob {
        id: JobId(tx.new_id()?),
        kind,
        module: module.id,
        actor: actor.user.id,
        client: None,
        request,
        exclusive: None,
        plan: None,
        parent: None,
        terms: Terms::default(),
    };
    // The revision that a target was accepted at is not asked for in this form: 0 says so.
    let targets: Vec<(RecordId, i64)> = ids.iter().map(|id| (*id, 0)).collect();
    let settled = jobs::run_now(tx, &super::all(), &job, &targets, now)?;
    Ok((Some(job.id), ids.into_iter().zip(settled).collect()))
}

/// What makes a job's request of its selection, once this is known to hold records.
pub(super) type Prepare<'a> =
    &'a dyn Fn(&mut Tx, &Actor, &Module, Selection) -> Result<String, Fault>;

/// Schedules a job for a view's records, in the order of checks of wire API 1.9, step 7. The job's
/// targets are frozen and stored when this answers.
pub(super) fn schedule(
    db: &Db,
    user: UserId,
    module: &str,
    kind: JobKind,
    wanted: &ViewSelection,
    prepare: Prepare<'_>,
    now: Timestamp,
) -> Result<JobId, Fault> {
    jobs::past_given_up(db, now, || {
        schedule_once(db, user, module, kind, wanted, prepare, now)
    })
}

fn schedule_once(
    db: &Db,
    user: UserId,
    module: &str,
    kind: JobKind,
    wanted: &ViewSelection,
    prepare: Prepare<'_>,
    now: Timestamp,
) -> Result<JobId, Fault> {
    let already = || Refusal::new(Code::AlreadyScheduled).with("api_name", "cvid");
    let id = JobId(db.new_id()?);
    let (new, targets) = db.read(|tx| {
        let catalog = tx.catalog()?;
        let actor = Actor::of(&catalog, user)?;
        let invalid = || Refusal::new(Code::InvalidModule);
        let module = catalog.module(module).ok_or_else(invalid)?;
        let ViewSelection {
            cvid,
            territory,
            criteria,
        } = wanted;
        let (territory, criteria) = (*territory, criteria.as_ref());
        let filter = selection::resolve(&actor, module, Some(*cvid), territory, criteria, now)?;
        if !catalog.org.edition.schedules_mass_actions() {
            let text = "Scheduled Mass Operation feature is not available in your edition";
            return Err(Refusal::new(Code::FeatureNotSupported).saying(text).into());
        }
        let exclusive = exclusive(kind, *cvid, module);
        if store::jobs::holding(tx, &exclusive)?.is_some() {
            return Err(already().into());
        }
        let targets = frozen(tx, module, &filter, kind)?;
        if targets.is_empty() {
            return Err(Refusal::new(Code::NoRecordsFound).into());
        }
        let Filter {
            criteria,
            territories,
            ..
        } = filter;
        let selection = Selection::View {
            cvid: *cvid,
            criteria,
            territories,
        };
        let new = NewJob {
            id,
            kind,
            module: module.id,
            actor: actor.user.id,
            client: None,
            request: prepare(tx, &actor, module, selection)?,
            exclusive: Some(exclusive),
            plan: None,
            parent: None,
            terms: Terms::default(),
        };
        Ok((new, targets))
    })?;
    match jobs::accept(db, &new, &targets, now) {
        Err(Fault::Refused(refusal)) if refusal.code == Code::AlreadyScheduled => {
            Err(already().into())
        }
        answer => answer.map(|()| id),
    }
}
