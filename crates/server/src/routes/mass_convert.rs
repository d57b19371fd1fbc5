//! Mass conversion of leads and its status (wire API 3). All its answers are bare.

use super::convert::{leads, named_module};
use super::mass_action;
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use crm::actions::convert::{self, ConvertOptions};
use crm::owner::Unfit;
use model::body::{Manner, Node, Object, Place};
use model::conversion::{DEALS, INTO};
use model::field::json_id;
use model::id::{RecordId, UserId};
use model::job::{JobKind, WireStatus};
use model::limits::CONVERSIONS_PER_CALL_MAX;
use model::module::ACTIVITY_MODULES;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::{Fault, Tx};

const KEYS: [&str; 8] = [
    "ids",
    DEALS,
    "assign_to",
    "portal_user_type",
    "related_modules",
    "carry_over_tags",
    "move_attachments_to",
    "apply_assignment_threshold",
];
/// Modules that one list of a request names.
const MODULES_MAX: usize = 3;

/// `POST /Leads/actions/mass_convert`: a job for up to 50 leads.
pub(super) fn schedule(call: &Call<'_>) -> Result<Answer, Fault> {
    let job = mass_action::schedule(call, &|tx| {
        let (actor, _) = leads(tx, call)?;
        let body = call.json_object()?;
        let (ids, options) = read(tx, &actor, &body)?;
        convert::prepare_named(tx, &actor, &ids, &options)
    })?;
    call.app.engine.wake();
    let answer = json!({
        "code": "SCHEDULED",
        "details": { "job_id": job.to_string() },
        "message": "Mass Convert scheduled successfully",
        "status": "success",
    });
    Ok(Answer::json(call.version.mass_convert_accepted(), answer))
}

/// Which leads, and how they are to be converted.
fn read(
    tx: &mut Tx,
    actor: &Actor,
    body: &Map<String, Json>,
) -> Result<(Vec<RecordId>, ConvertOptions), Fault> {
    // A misspelt key could make something else than the caller thinks (wire API 22).
    if let Some(key) = body.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(Refusal::invalid(key, format!("$.{key}")).into());
    }
    let ids = ids(body)?;
    let given = |key: &str| body.get(key).filter(|json| !json.is_null());
    let mut options = ConvertOptions {
        owner: assignee(body)?,
        ..ConvertOptions::default()
    };
    if let Some(json) = given(DEALS) {
        let path = format!("$.{DEALS}");
        let object = json.as_object().ok_or_else(|| {
            let refusal = Refusal::invalid(DEALS, path.as_str());
            refusal.with("expected_data_type", "jsonobject")
        })?;
        let deal = Object::standing_at(Place::body().key(DEALS), object, Manner::WIRE);
        options.deal = Some(convert::deal(tx, actor, &deal).map_err(missing)?);
    }
    if let Some(json) = given("portal_user_type") {
        // There are no portals here, so there is no type of their users.
        let key = if json.is_object() { "id" } else { "" };
        return Err(Refusal::invalid("id", path_of("$.portal_user_type", key)).into());
    }
    let modules = |key: &str, among: &[&str]| modules(actor, body, key, among);
    options.related = modules("related_modules", &ACTIVITY_MODULES)?;
    let tagged = modules("carry_over_tags", &INTO)?;
    options.tags = tagged.into_iter().map(|name| (name, None)).collect();
    if let Some(json) = given("move_attachments_to") {
        let place = Place::body().key("move_attachments_to");
        let node = Node::standing_at(place, json, Manner::WIRE);
        options.attachments_to = Some(named_module(actor, &node, &INTO)?);
    }
    // Nobody here is given records by rules, so there is no threshold to pass.
    if given("apply_assignment_threshold").is_some_and(|json| !json.is_boolean()) {
        const KEY: &str = "apply_assignment_threshold";
        return Err(Refusal::invalid(KEY, format!("$.{KEY}")).into());
    }
    convert::check(&options, "$.move_attachments_to")?;
    match convert::unfit(actor, &options)? {
        None => Ok((ids, options)),
        Some(Unfit::NotSubordinate) => {
            let refusal = Refusal::invalid("assign_to", "$.assign_to.id");
            Err(refusal.saying("Non Subordinate User Found").into())
        }
        Some(_) => Err(unmatched().into()),
    }
}

fn path_of(path: &str, key: &str) -> String {
    if key.is_empty() {
        path.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The path names `assignee` though the key is `assign_to` (wire API 21, row 61).
fn unmatched() -> Refusal {
    Refusal::invalid("id", "$.assignee.id").saying("Given assignee param does not match")
}

/// A field that the deal lacks, in the words of this call.
fn missing(fault: Fault) -> Fault {
    match fault {
        Fault::Refused(refusal) if refusal.code == Code::MandatoryNotFound => {
            refusal.saying("required field missing").into()
        }
        fault => fault,
    }
}

/// 1 to 50 ids.
fn ids(body: &Map<String, Json>) -> Result<Vec<RecordId>, Refusal> {
    let at = |path: String| Refusal::invalid("ids", path);
    let items = match body.get("ids") {
        None | Some(Json::Null) => return Err(Refusal::mandatory("ids", "$.ids")),
        Some(Json::Array(items)) if items.is_empty() => {
            return Err(Refusal::mandatory("ids", "$.ids"));
        }
        Some(Json::Array(items)) => items,
        Some(_) => return Err(at("$.ids".to_owned()).with("expected_data_type", "jsonarray")),
    };
    if items.len() > CONVERSIONS_PER_CALL_MAX {
        let due = json!([{ "api_name": "ids", "json_path": "$.ids" }]);
        return Err(Refusal::new(Code::LimitExceeded)
            .saying("Limit exceeded for mass convert")
            .with("limit", CONVERSIONS_PER_CALL_MAX)
            .with("limit_due_to", due));
    }
    let ids = items.iter().enumerate().map(|(n, item)| {
        let wrong = || at(format!("$.ids[{n}]")).with("expected_data_type", "long");
        json_id(item).map(RecordId).ok_or_else(wrong)
    });
    ids.collect()
}

fn assignee(body: &Map<String, Json>) -> Result<Option<UserId>, Refusal> {
    const KEY: &str = "assign_to";
    let Some(json) = body.get(KEY).filter(|json| !json.is_null()) else {
        return Ok(None);
    };
    let object = json.as_object().ok_or_else(|| {
        let refusal = Refusal::invalid(KEY, "$.assign_to");
        refusal.with("expected_data_type", "jsonobject")
    })?;
    if let Some(key) = object
        .keys()
        .find(|key| !["id", "name"].contains(&key.as_str()))
    {
        return Err(Refusal::invalid(key, format!("$.assign_to.{key}")));
    }
    let id = object.get("id").filter(|id| !id.is_null());
    let id = id.ok_or_else(|| Refusal::mandatory("id", "$.assign_to.id"))?;
    json_id(id).map(UserId).map(Some).ok_or_else(unmatched)
}

/// At most three of these modules, each by its api name or its id.
fn modules(
    actor: &Actor,
    body: &Map<String, Json>,
    key: &str,
    among: &[&str],
) -> Result<Vec<String>, Refusal> {
    let Some(json) = body.get(key).filter(|json| !json.is_null()) else {
        return Ok(Vec::new());
    };
    let wrong = || Refusal::invalid(key, format!("$.{key}"));
    let items = json.as_array();
    let items = items.ok_or_else(|| wrong().with("expected_data_type", "jsonarray"))?;
    if items.len() > MODULES_MAX {
        return Err(wrong().with("maximum_length", MODULES_MAX));
    }
    let named = items.iter().enumerate().map(|(n, item)| {
        let place = Place::body().key(key).item(n);
        named_module(actor, &Node::standing_at(place, item, Manner::WIRE), among)
    });
    named.collect()
}

/// `GET /Leads/actions/mass_convert?job_id=`: the counts of such a job.
pub(super) fn status(call: &Call<'_>) -> Result<Answer, Fault> {
    let job = call.app.db.read(|tx| {
        let (actor, module) = leads(tx, call)?;
        let text = call.query.get("job_id").filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| call.tell(missing_job()))?;
        let job = mass_action::job(tx, &actor, &module, JobKind::MassConvert, text)?;
        Ok(job.ok_or_else(|| call.tell(unknown_job()))?)
    })?;
    let wire = WireStatus::of(job.state, job.counts, job.total);
    let told = json!({
        "Status": call.version.mass_convert_status(wire.status),
        "Failed_Count": wire.failed,
        "Not_Converted_Count": wire.not_updated,
        "Total_Count": wire.total,
        "Converted_Count": wire.updated,
    });
    Ok(Answer::data(200, vec![told]))
}

/// The newest version's words; others are in the table.
fn missing_job() -> Refusal {
    Refusal::new(Code::RequiredParamMissing)
        .because(Reason::MissingJob)
        .saying("job_id is required.")
        .with("param", "job_id")
        .with("json_path", "$.job_id")
}

/// The same of an id that names no mass conversion.
fn unknown_job() -> Refusal {
    Refusal::new(Code::InvalidData)
        .because(Reason::UnknownJob)
        .saying("The jobid given seems to be invalid")
        .with("param_name", "job_id")
}
