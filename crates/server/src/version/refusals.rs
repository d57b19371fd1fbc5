//! The table of how refusals are told: by version and endpoint, a refusal has another code, status,
//! sentence or other details than its own. What has no row is told as it is. A row names its source.

use super::Version::{self, V2, V2_1, V3, V7, V8};
use super::endpoint::Endpoint as E;
use model::hold::HoldKind as Hold;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::Map;
use std::ops::RangeInclusive;

use Detail::{Number, Text};
use Which::{Any, For};

/// Which refusals a row is about.
#[derive(Debug)]
enum Which {
    /// Those of this reason.
    For(Reason),
    /// Those of this code that no row above names by its reason.
    Any(Code),
}

/// A detail that a row gives.
#[derive(Clone, Copy, Debug)]
enum Detail {
    Text(&'static str),
    Number(u64),
}

/// What becomes of the details.
#[derive(Clone, Copy, Debug)]
enum Details {
    /// They stay, and these are added.
    And(&'static [(&'static str, Detail)]),
    /// These stand in their place.
    Only(&'static [(&'static str, Detail)]),
}

/// How a refusal is told; what is `None` stays as it is.
#[derive(Clone, Copy, Debug)]
struct Telling {
    code: Option<Code>,
    status: Option<u16>,
    sentence: Option<&'static str>,
    details: Details,
}

/// A line of the table.
#[derive(Debug)]
struct Row {
    endpoints: &'static [E],
    versions: RangeInclusive<Version>,
    which: Which,
    telling: Telling,
}

/// As it is, but for what follows.
const TOLD: Telling = Telling {
    code: None,
    status: None,
    sentence: None,
    details: Details::And(&[]),
};

impl Telling {
    const fn code(self, code: Code) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    const fn status(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    const fn saying(self, sentence: &'static str) -> Self {
        Self {
            sentence: Some(sentence),
            ..self
        }
    }

    const fn and(self, details: &'static [(&'static str, Detail)]) -> Self {
        Self {
            details: Details::And(details),
            ..self
        }
    }

    const fn only(self, details: &'static [(&'static str, Detail)]) -> Self {
        Self {
            details: Details::Only(details),
            ..self
        }
    }

    /// The status, and the refusal so told.
    fn apply(&self, mut refusal: Refusal) -> (u16, Refusal) {
        if let Some(code) = self.code {
            refusal.code = code;
        }
        if let Some(sentence) = self.sentence {
            refusal = refusal.saying(sentence);
        }
        let more = match self.details {
            Details::And(more) => more,
            Details::Only(these) => {
                refusal.details = Map::new();
                these
            }
        };
        for (key, detail) in more {
            refusal = match detail {
                Text(text) => refusal.with(key, *text),
                Number(number) => refusal.with(key, *number),
            };
        }
        (self.status.unwrap_or(refusal.code.status()), refusal)
    }
}

impl Version {
    /// How this version tells a refusal of an endpoint: with which HTTP status, and in which words. A
    /// status of 204 means that nothing is said.
    pub fn tell(self, endpoint: E, refusal: Refusal) -> (u16, Refusal) {
        match self.row(endpoint, &refusal) {
            Some(row) => row.telling.apply(refusal),
            None => (refusal.code.status(), refusal),
        }
    }

    /// The row of a refusal.
    fn row(self, endpoint: E, refusal: &Refusal) -> Option<&'static Row> {
        let fits = |row: &&Row| {
            let about = match &row.which {
                For(reason) => refusal.reason == *reason,
                Any(code) => refusal.code == *code,
            };
            about && row.endpoints.contains(&endpoint) && row.versions.contains(&self)
        };
        ROWS.iter().find(fits)
    }
}

/// The refusal of a module that exists but that an endpoint does not serve.
pub(crate) fn module_not_served() -> Refusal {
    Refusal::new(Code::InvalidModule)
        .because(Reason::ModuleNotServed)
        .saying("The given module is not supported in API")
        .with("resource_path_index", 0)
}

const fn row(
    endpoints: &'static [E],
    versions: RangeInclusive<Version>,
    which: Which,
    telling: Telling,
) -> Row {
    Row {
        endpoints,
        versions,
        which,
        telling,
    }
}

/// Endpoints that change many records and share their refusals.
const MASS: &[E] = &[E::MassUpdate, E::MassDelete, E::ChangeOwner];
/// Sentence of a lock before v8.
const LOCKED: &str = "You cannot perform this operation as the record is locked.";
/// Sentence of whatever else keeps a lead from being converted.
const HELD: &str = "cannot convert record that is not approved yet";
/// Sentence of a status without a job before v8.
const NO_JOB: &str = "You have not specified the job_id in the request.";

/// No details.
const NONE: &[(&str, Detail)] = &[];
/// The second segment of the path is wrong.
const PATH_1: &[(&str, Detail)] = &[("resource_path_index", Number(1))];
/// The parameter `job_id` is wrong.
const JOB_PARAM: &[(&str, Detail)] = &[("param_name", Text("job_id"))];

/// The table. The first row that fits counts.
#[rustfmt::skip]
static ROWS: &[Row] = &[
    // Bodies that are not taken (RFC 9110).
    row(E::ALL, V2..=V8, For(Reason::TooLarge), TOLD.status(413)),
    row(E::ALL, V2..=V8, For(Reason::TooSlow), TOLD.status(408)),

    // The status of a mass update has a capital of its own (wire API 1.7).
    row(&[E::MassUpdateStatus], V2..=V8, For(Reason::UnknownModule), TOLD.saying("The module name given seems to be invalid")),
    // A module that exists but that the endpoint does not serve (wire API 21, row 19; the sentences of 19).
    row(&[E::ChangeOwner, E::MassChangeOwner], V8..=V8, For(Reason::ModuleNotServed), TOLD.code(Code::NotSupported).saying("The requested operation is not supported")),
    row(&[E::MassDelete], V8..=V8, For(Reason::ModuleNotServed), TOLD.code(Code::NotSupported).saying("Mass delete is not supported for this module")),
    row(E::ALL, V8..=V8, For(Reason::ModuleNotServed), TOLD.code(Code::NotSupported).saying("the given module is not supported for this api")),

    // Mass actions (wire API 21, rows 1, 4, 5, 27 and 56). Of what holds a record only a lock is told by
    // version: a merge and an image check have one text (row 28).
    row(MASS, V2..=V2_1, Any(Code::NoRecordsFound), TOLD.saying("No record found to update")),
    row(MASS, V2..=V7, For(Reason::Held(Hold::Lock)), TOLD.saying(LOCKED)),
    row(MASS, V2..=V7, For(Reason::UnknownView), TOLD.saying("the id given seems to be invalid")),
    row(MASS, V2..=V2_1, Any(Code::AlreadyScheduled), TOLD.status(200)),
    row(MASS, V3..=V7, Any(Code::AlreadyScheduled), TOLD.status(202)),
    row(MASS, V2..=V2_1, Any(Code::LimitExceeded), TOLD.status(200)),

    // The status of a mass update (wire API 21, row 6).
    row(&[E::MassUpdateStatus], V8..=V8, For(Reason::UnknownJob), TOLD.code(Code::InvalidData).saying("The jobid given seems to be invalid").and(JOB_PARAM)),

    // Change of owner (wire API 5).
    row(&[E::ChangeOwner], V2..=V7, For(Reason::UnknownOwner), TOLD.saying("the owner id given is invalid").only(&[("param_name", Text("owner_id"))])),
    row(&[E::ChangeOwner], V2..=V8, For(Reason::ClosedOwner), TOLD.status(403)),
    row(&[E::ChangeOwner], V2..=V8, For(Reason::MissingRight), TOLD.saying("You do not have permission to perform this operation")),
    row(&[E::ChangeOwner], V2..=V8, Any(Code::CannotProcess), TOLD.saying("The record is in stop-processing state.")),
    row(&[E::ChangeOwner], V2..=V8, Any(Code::CannotPerformAction), TOLD.status(403).saying("You do not have permission to change the owner of this record.")),
    row(&[E::ChangeOwner, E::MassChangeOwner], V2..=V8, Any(Code::NotAllowed), TOLD.status(400)),

    // Mass change of owner (wire API 2.4, and 21, row 12).
    row(&[E::MassChangeOwner], V8..=V8, Any(Code::MandatoryNotFound), TOLD.saying("Required field is missing")),
    row(&[E::MassChangeOwner], V2..=V8, For(Reason::WrongType), TOLD.saying("the value given is invalid")),
    // Its status (wire API 2.5, and 21, rows 7, 10 and 57).
    row(&[E::MassChangeOwner], V2..=V7, For(Reason::MissingJob), TOLD.status(404).saying(NO_JOB)),
    row(&[E::MassChangeOwner], V2..=V7, For(Reason::UnknownJob), TOLD.status(404).code(Code::RequiredParamMissing).saying(NO_JOB).only(JOB_PARAM)),
    row(&[E::MassChangeOwner], V8..=V8, For(Reason::UnknownJob), TOLD.status(204)),
    row(&[E::MassChangeOwner], V2..=V7, For(Reason::ForeignJob), TOLD.status(404).code(Code::RequiredParamMissing).saying(NO_JOB).only(JOB_PARAM)),

    // Mass conversion, its status (wire API 21, rows 7, 9 and 57).
    row(&[E::MassConvert], V2..=V7, For(Reason::MissingJob), TOLD.saying(NO_JOB)),
    row(&[E::MassConvert], V2..=V7, For(Reason::UnknownJob), TOLD.saying("The job_id is invalid.")),

    // A conversion that its lead refuses, or what the lead becomes (wire API 6.1).
    row(&[E::ConvertLead], V2..=V8, For(Reason::UnknownRecord), TOLD.saying(Code::InvalidData.message()).only(PATH_1)),
    row(&[E::ConvertLead], V2..=V8, Any(Code::IdAlreadyConverted), TOLD.and(PATH_1)),
    row(&[E::ConvertLead], V2..=V8, For(Reason::Held(Hold::Lock)), TOLD.saying(LOCKED)),
    row(&[E::ConvertLead], V2..=V8, For(Reason::TagsHeld(Hold::Lock)), TOLD.saying(LOCKED)),
    row(&[E::ConvertLead], V2..=V8, For(Reason::Held(Hold::Approval)), TOLD.saying(HELD)),
    row(&[E::ConvertLead], V2..=V8, For(Reason::Held(Hold::ApprovalRejected)), TOLD.saying(HELD)),
    row(&[E::ConvertLead], V2..=V8, Any(Code::RecordLocked), TOLD.saying(HELD)),
    row(&[E::ConvertLead], V2..=V8, Any(Code::NotApproved), TOLD.code(Code::NotReviewed).saying(Code::NotReviewed.message()).only(NONE)),

    // Conversion options (wire API 6.2, and 21, rows 58 and 59).
    row(&[E::ConversionOptions], V2..=V7, Any(Code::InvalidData), TOLD.saying("The given ID seems to be invalid.").only(PATH_1)),
    row(&[E::ConversionOptions], V8..=V8, Any(Code::InvalidData), TOLD.saying("the given id seems to be invalid").only(PATH_1)),
    row(&[E::ConversionOptions], V2..=V7, Any(Code::IdAlreadyConverted), TOLD.code(Code::InvalidData).saying("The given ID seems to be invalid.").only(PATH_1)),
    row(&[E::ConversionOptions], V8..=V8, Any(Code::IdAlreadyConverted), TOLD.code(Code::InvalidData).saying("the given id seems to be invalid").only(PATH_1)),
    row(&[E::ConversionOptions], V2..=V7, Any(Code::NotApproved), TOLD.saying("The record is not approved").only(PATH_1)),
    row(&[E::ConversionOptions], V8..=V8, Any(Code::NotApproved), TOLD.saying("record not approved").only(PATH_1)),
    row(&[E::ConversionOptions], V2..=V7, Any(Code::RecordLocked), TOLD.saying("The record under merge is locked").only(PATH_1)),
    row(&[E::ConversionOptions], V8..=V8, Any(Code::RecordLocked), TOLD.saying("record under merge is locked").only(PATH_1)),

    // A module whose records cannot be locked (wire API 14.1).
    row(&[E::RecordLocking], V2..=V8, For(Reason::LockingNotConfigured), TOLD.status(400)),

    // What is said of an id that names no record, or none any more (wire API 9.4).
    row(&[E::DeleteRecords, E::DeleteARecord], V2..=V8, Any(Code::InvalidData), TOLD.saying("record not deleted")),
];

#[cfg(test)]
mod tests;
