use super::*;
use std::collections::BTreeSet;

/// A refusal of an endpoint, and how it is told from each of these versions on.
type Case = (E, Refusal, &'static [(Version, &'static str)]);

fn new(code: Code) -> Refusal {
    Refusal::new(code)
}

fn job(code: Code, reason: Reason) -> Refusal {
    let refusal = Refusal::new(code).because(reason);
    refusal.with("param_name", "job_id")
}

fn held(kind: Hold) -> Refusal {
    kind.refusal().with("id", "7")
}

fn tags_held(kind: Hold) -> Refusal {
    held(kind).because(Reason::TagsHeld(kind))
}

fn view() -> Refusal {
    Refusal::invalid("cvid", "$.cvid").because(Reason::UnknownView)
}

fn module(reason: Reason) -> Refusal {
    let refusal = Refusal::new(Code::InvalidModule).because(reason);
    refusal.with("resource_path_index", 0)
}

const UNKNOWN_MODULE: &str =
    r#"400 INVALID_MODULE "the module name given seems to be invalid" {"resource_path_index":0}"#;
const NOT_SERVED: &str =
    r#"400 INVALID_MODULE "The given module is not supported in API" {"resource_path_index":0}"#;
const ALREADY: &str =
    r#"ALREADY_SCHEDULED "Already a Mass Action scheduler is running for the given cvid" {}"#;

/// The table once more, as what comes out of it.
#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = vec![
        (E::Attachments, new(Code::InvalidData).because(Reason::TooLarge), &[(V2, r#"413 INVALID_DATA "invalid data" {}"#)]),
        (E::Native, new(Code::InvalidData).because(Reason::TooSlow), &[(V2, r#"408 INVALID_DATA "invalid data" {}"#)]),

        (E::GetRecords, module(Reason::UnknownModule), &[(V2, UNKNOWN_MODULE)]),
        (E::MassUpdate, module(Reason::UnknownModule), &[(V2, UNKNOWN_MODULE)]),
        (E::MassUpdateStatus, module(Reason::UnknownModule), &[(V2, r#"400 INVALID_MODULE "The module name given seems to be invalid" {"resource_path_index":0}"#)]),

        (E::ChangeOwner, module_not_served(), &[(V2, NOT_SERVED), (V8, r#"400 NOT_SUPPORTED "The requested operation is not supported" {"resource_path_index":0}"#)]),
        (E::MassChangeOwner, module_not_served(), &[(V2, NOT_SERVED), (V8, r#"400 NOT_SUPPORTED "The requested operation is not supported" {"resource_path_index":0}"#)]),
        (E::MassDelete, module_not_served(), &[(V2, NOT_SERVED), (V8, r#"400 NOT_SUPPORTED "Mass delete is not supported for this module" {"resource_path_index":0}"#)]),
        (E::MassUpdate, module_not_served(), &[(V2, NOT_SERVED), (V8, r#"400 NOT_SUPPORTED "the given module is not supported for this api" {"resource_path_index":0}"#)]),
        (E::ShareRecords, module_not_served(), &[(V2, NOT_SERVED), (V8, r#"400 NOT_SUPPORTED "the given module is not supported for this api" {"resource_path_index":0}"#)]),

        (E::MassUpdateStatus, new(Code::NotFound).because(Reason::UnknownJob), &[(V2, r#"404 NOT_FOUND "Empty response" {}"#), (V8, r#"400 INVALID_DATA "The jobid given seems to be invalid" {"param_name":"job_id"}"#)]),

        (E::ChangeOwner, Refusal::invalid("owner", "$.owner.id").saying("Invalid data provided").because(Reason::UnknownOwner), &[
            (V2, r#"400 INVALID_DATA "the owner id given is invalid" {"param_name":"owner_id"}"#),
            (V8, r#"400 INVALID_DATA "Invalid data provided" {"api_name":"owner","json_path":"$.owner.id"}"#),
        ]),
        (E::ChangeOwner, new(Code::InvalidData).because(Reason::ClosedOwner), &[(V2, r#"403 INVALID_DATA "invalid data" {}"#)]),
        (E::ChangeOwner, Refusal::no_permission("P"), &[(V2, r#"403 NO_PERMISSION "You do not have permission to perform this operation" {"permissions":["P"]}"#)]),
        (E::ChangeOwner, held(Hold::Stop), &[(V2, r#"400 CANNOT_PROCESS "The record is in stop-processing state." {"id":"7"}"#)]),
        (E::ChangeOwner, new(Code::CannotPerformAction).with("id", "7"), &[(V2, r#"403 CANNOT_PERFORM_ACTION "You do not have permission to change the owner of this record." {"id":"7"}"#)]),
        (E::ChangeOwner, new(Code::NotAllowed), &[(V2, r#"400 NOT_ALLOWED "The requested operation is not allowed" {}"#)]),
        (E::MassChangeOwner, new(Code::NotAllowed), &[(V2, r#"400 NOT_ALLOWED "The requested operation is not allowed" {}"#)]),
        (E::MassUpdate, new(Code::NotAllowed), &[(V2, r#"403 NOT_ALLOWED "The requested operation is not allowed" {}"#)]),

        (E::MassChangeOwner, Refusal::mandatory("owner", "$.owner"), &[
            (V2, r#"400 MANDATORY_NOT_FOUND "required field not found" {"api_name":"owner","json_path":"$.owner"}"#),
            (V8, r#"400 MANDATORY_NOT_FOUND "Required field is missing" {"api_name":"owner","json_path":"$.owner"}"#),
        ]),
        (E::MassChangeOwner, new(Code::InvalidData).because(Reason::WrongType), &[(V2, r#"400 INVALID_DATA "the value given is invalid" {}"#)]),
        (E::MassChangeOwner, new(Code::InvalidData), &[(V2, r#"400 INVALID_DATA "invalid data" {}"#)]),
        (E::MassChangeOwner, view(), &[(V2, r#"400 INVALID_DATA "invalid data" {"api_name":"cvid","json_path":"$.cvid"}"#)]),
        (E::MassChangeOwner, job(Code::RequiredParamMissing, Reason::MissingJob), &[
            (V2, r#"404 REQUIRED_PARAM_MISSING "You have not specified the job_id in the request." {"param_name":"job_id"}"#),
            (V8, r#"400 REQUIRED_PARAM_MISSING "One of the expected parameter is missing" {"param_name":"job_id"}"#),
        ]),
        (E::MassChangeOwner, new(Code::NotFound).because(Reason::UnknownJob), &[
            (V2, r#"404 REQUIRED_PARAM_MISSING "You have not specified the job_id in the request." {"param_name":"job_id"}"#),
            (V8, "204"),
        ]),
        (E::MassChangeOwner, new(Code::NotFound).because(Reason::ForeignJob), &[
            (V2, r#"404 REQUIRED_PARAM_MISSING "You have not specified the job_id in the request." {"param_name":"job_id"}"#),
            (V8, r#"404 NOT_FOUND "Empty response" {}"#),
        ]),

        (E::MassConvert, job(Code::RequiredParamMissing, Reason::MissingJob), &[
            (V2, r#"400 REQUIRED_PARAM_MISSING "You have not specified the job_id in the request." {"param_name":"job_id"}"#),
            (V8, r#"400 REQUIRED_PARAM_MISSING "One of the expected parameter is missing" {"param_name":"job_id"}"#),
        ]),
        (E::MassConvert, job(Code::InvalidData, Reason::UnknownJob), &[
            (V2, r#"400 INVALID_DATA "The job_id is invalid." {"param_name":"job_id"}"#),
            (V8, r#"400 INVALID_DATA "invalid data" {"param_name":"job_id"}"#),
        ]),

        (E::ConvertLead, new(Code::InvalidData).saying("x").with("a", 1).because(Reason::UnknownRecord), &[(V2, r#"400 INVALID_DATA "invalid data" {"resource_path_index":1}"#)]),
        (E::ConvertLead, new(Code::IdAlreadyConverted), &[(V2, r#"400 ID_ALREADY_CONVERTED "id already converted" {"resource_path_index":1}"#)]),
        (E::ConvertLead, held(Hold::Lock), &[(V2, r#"400 RECORD_LOCKED "You cannot perform this operation as the record is locked." {"action":"record_locking","id":"7"}"#)]),
        (E::ConvertLead, tags_held(Hold::Lock), &[(V2, r#"400 RECORD_LOCKED "You cannot perform this operation as the record is locked." {"action":"record_locking","id":"7"}"#)]),
        (E::ConvertLead, held(Hold::Merge), &[(V2, r#"400 RECORD_LOCKED "cannot convert record that is not approved yet" {"id":"7"}"#)]),
        (E::ConvertLead, held(Hold::ImageCheck), &[(V2, r#"400 RECORD_LOCKED "cannot convert record that is not approved yet" {"id":"7"}"#)]),
        (E::ConvertLead, held(Hold::Approval), &[(V2, r#"400 NOT_APPROVED "cannot convert record that is not approved yet" {"id":"7"}"#)]),
        (E::ConvertLead, held(Hold::ApprovalRejected), &[(V2, r#"400 NOT_APPROVED "cannot convert record that is not approved yet" {"id":"7"}"#)]),
        (E::ConvertLead, held(Hold::ReviewPending), &[(V2, r#"400 NOT_REVIEWED "record not reviewed" {}"#)]),
        (E::ConvertLead, held(Hold::ReviewRejected), &[(V2, r#"400 NOT_REVIEWED "record not reviewed" {}"#)]),
        (E::ConvertLead, tags_held(Hold::Approval), &[(V2, r#"400 NOT_REVIEWED "record not reviewed" {}"#)]),

        (E::ConversionOptions, new(Code::InvalidData).with("id", "7"), &[(V2, r#"400 INVALID_DATA "The given ID seems to be invalid." {"resource_path_index":1}"#), (V8, r#"400 INVALID_DATA "the given id seems to be invalid" {"resource_path_index":1}"#)]),
        (E::ConversionOptions, new(Code::IdAlreadyConverted).with("id", "7"), &[(V2, r#"400 INVALID_DATA "The given ID seems to be invalid." {"resource_path_index":1}"#), (V8, r#"400 INVALID_DATA "the given id seems to be invalid" {"resource_path_index":1}"#)]),
        (E::ConversionOptions, held(Hold::ReviewPending), &[(V2, r#"400 NOT_APPROVED "The record is not approved" {"resource_path_index":1}"#), (V8, r#"400 NOT_APPROVED "record not approved" {"resource_path_index":1}"#)]),
        (E::ConversionOptions, held(Hold::Lock), &[(V2, r#"400 RECORD_LOCKED "The record under merge is locked" {"resource_path_index":1}"#), (V8, r#"400 RECORD_LOCKED "record under merge is locked" {"resource_path_index":1}"#)]),

        (E::RecordLocking, new(Code::NotAllowed).because(Reason::LockingNotConfigured), &[(V2, r#"400 NOT_ALLOWED "The requested operation is not allowed" {}"#)]),
        (E::RecordLocking, new(Code::NotAllowed), &[(V2, r#"403 NOT_ALLOWED "The requested operation is not allowed" {}"#)]),

        (E::DeleteRecords, new(Code::InvalidData).with("id", "7"), &[(V2, r#"400 INVALID_DATA "record not deleted" {"id":"7"}"#)]),
        (E::DeleteARecord, new(Code::InvalidData).with("id", "7"), &[(V2, r#"400 INVALID_DATA "record not deleted" {"id":"7"}"#)]),
    ];
    for endpoint in [E::MassUpdate, E::MassDelete, E::ChangeOwner] {
        let shared: [Case; 6] = [
            (endpoint, new(Code::NoRecordsFound), &[(V2, r#"400 NO_RECORDS_FOUND "No record found to update" {}"#), (V3, r#"400 NO_RECORDS_FOUND "no record found to update" {}"#)]),
            (endpoint, held(Hold::Lock), &[
                (V2, r#"400 RECORD_LOCKED "You cannot perform this operation as the record is locked." {"action":"record_locking","id":"7"}"#),
                (V8, r#"400 RECORD_LOCKED "Sorry, you cannot perform this operation as the record is locked." {"action":"record_locking","id":"7"}"#),
            ]),
            (endpoint, held(Hold::Merge), &[(V2, r#"400 RECORD_LOCKED "Cannot update record that is not approved yet" {"id":"7"}"#)]),
            (endpoint, view(), &[
                (V2, r#"400 INVALID_DATA "the id given seems to be invalid" {"api_name":"cvid","json_path":"$.cvid"}"#),
                (V8, r#"400 INVALID_DATA "invalid data" {"api_name":"cvid","json_path":"$.cvid"}"#),
            ]),
            (endpoint, new(Code::AlreadyScheduled), &[(V2, "200"), (V3, "202"), (V8, "400")]),
            (endpoint, new(Code::LimitExceeded), &[(V2, r#"200 LIMIT_EXCEEDED "Record count exceeded" {}"#), (V3, r#"400 LIMIT_EXCEEDED "Record count exceeded" {}"#)]),
        ];
        cases.extend(shared);
    }
    cases
}

fn shown((status, refusal): &(u16, Refusal)) -> String {
    let (code, message) = (refusal.code.as_str(), &refusal.message);
    let details = serde_json::Value::Object(refusal.details.clone());
    format!("{status} {code} \"{message}\" {details}")
}

#[test]
fn each_row_tells_as_its_source_says() {
    for (endpoint, refusal, wanted) in cases() {
        for version in Version::ALL {
            let told = version.tell(endpoint, refusal.clone());
            let from = wanted.iter().rev().find(|(from, _)| *from <= version);
            let wanted = match from.unwrap().1 {
                // Nothing is said of it.
                "204" => {
                    assert_eq!(told.0, 204);
                    continue;
                }
                status @ ("200" | "202" | "400") => format!("{status} {ALREADY}"),
                whole => whole.to_owned(),
            };
            assert_eq!(shown(&told), wanted, "{endpoint:?} {}", version.as_str());
        }
    }
}

#[test]
fn a_case_reaches_each_row_in_each_of_its_versions() {
    let mut reached = BTreeSet::new();
    for (endpoint, refusal, _) in cases() {
        for version in Version::ALL {
            let row = version.row(endpoint, &refusal);
            let place = row.and_then(|row| ROWS.iter().position(|one| std::ptr::eq(one, row)));
            reached.extend(place.map(|place| (place, version)));
        }
    }
    for (place, row) in ROWS.iter().enumerate() {
        for version in Version::ALL {
            let wanted = row.versions.contains(&version);
            assert_eq!(reached.contains(&(place, version)), wanted, "{row:?}");
        }
    }
}

#[test]
fn what_is_told_twice_is_told_alike() {
    for (endpoint, refusal, _) in cases() {
        for version in Version::ALL {
            let (status, once) = version.tell(endpoint, refusal.clone());
            if status != 204 {
                assert_eq!(version.tell(endpoint, once.clone()).1, once);
            }
        }
    }
}
