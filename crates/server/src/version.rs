//! The versions of the wire API, and the table of what differs between them. One handler serves all
//! versions; it asks here. Each function is one difference and names its source.

use model::refusal::{Code, Refusal};
use serde_json::{Value as Json, json};

/// A version of the wire API, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// v2
    V2,
    /// v2.1
    V2_1,
    /// v3
    V3,
    /// v4
    V4,
    /// v5
    V5,
    /// v6
    V6,
    /// v7
    V7,
    /// v8
    V8,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 8] = [
        Self::V2,
        Self::V2_1,
        Self::V3,
        Self::V4,
        Self::V5,
        Self::V6,
        Self::V7,
        Self::V8,
    ];

    /// As URLs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V2_1 => "v2.1",
            Self::V3 => "v3",
            Self::V4 => "v4",
            Self::V5 => "v5",
            Self::V6 => "v6",
            Self::V7 => "v7",
            Self::V8 => "v8",
        }
    }

    /// The version of a URL's segment; v1 and whatever else there is are none.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
    }

    /// As `supported_version` writes it: a number.
    pub fn number(self) -> Json {
        match self {
            Self::V2 => json!(2),
            Self::V2_1 => json!(2.1),
            Self::V3 => json!(3),
            Self::V4 => json!(4),
            Self::V5 => json!(5),
            Self::V6 => json!(6),
            Self::V7 => json!(7),
            Self::V8 => json!(8),
        }
    }

    // What differs, a function a difference.

    /// A name that is no module's, as the API of this name says it: the status of a mass update has
    /// a capital of its own (wire API 1.7).
    pub fn unknown_module(self, api: &str) -> Refusal {
        let refusal = Refusal::new(Code::InvalidModule).with("resource_path_index", 0);
        match api {
            "Mass Update Status" => refusal.saying("The module name given seems to be invalid"),
            _ => refusal,
        }
    }

    /// A module that exists but that the API of this name does not serve (wire API 21, row 19; the
    /// sentences of 19).
    pub fn refused_module(self, api: &str) -> Refusal {
        let refusal = if self >= Self::V8 {
            let text = match api {
                "Change Owner" | "Mass Change Owner" => "The requested operation is not supported",
                "Mass Delete" => "Mass delete is not supported for this module",
                _ => "the given module is not supported for this api",
            };
            Refusal::new(Code::NotSupported).saying(text)
        } else {
            Refusal::new(Code::InvalidModule).saying("The given module is not supported in API")
        };
        refusal.with("resource_path_index", 0)
    }

    /// Whether `ZohoCRM.change_owner` has a form for one module (wire API 7.5).
    pub fn change_owner_scope_by_module(self) -> bool {
        self >= Self::V8
    }

    /// The status of a batch of which some items failed (wire API 21, row 17).
    pub fn batch_status(self, good: u16, failed: usize, total: usize) -> u16 {
        match (failed, self) {
            (0, _) => good,
            (_, Self::V8) if failed < total => 207,
            (_, Self::V2 | Self::V2_1) => 200,
            _ if failed < total => 200,
            _ => 400,
        }
    }

    /// Whether tags of records are named in the query (the vendor's pages on tags of v2).
    pub fn tags_by_query(self) -> bool {
        self < Self::V3
    }

    /// Whether a mass update may write the layout (wire API 21, row 25).
    pub fn mass_updates_layouts(self) -> bool {
        self >= Self::V8
    }

    /// The HTTP status of a refused mass action (wire API 21, rows 1 and 4).
    pub fn mass_action_status(self, code: Code) -> u16 {
        let old = self <= Self::V2_1;
        match code {
            Code::AlreadyScheduled | Code::LimitExceeded if old => 200,
            Code::AlreadyScheduled if self < Self::V8 => 202,
            other => other.status(),
        }
    }

    /// A refusal of a mass action in this version's words (wire API 21, rows 5, 27 and 56).
    pub fn mass_action_refusal(self, refusal: Refusal) -> Refusal {
        let at_view = refusal
            .details
            .get("api_name")
            .is_some_and(|name| name == "cvid");
        match refusal.code {
            Code::NoRecordsFound if self <= Self::V2_1 => {
                refusal.saying("No record found to update")
            }
            // Only a lock's: that of a merge or an image check has one text (row 28).
            Code::RecordLocked if self < Self::V8 && refusal.details.contains_key("action") => {
                refusal.saying("You cannot perform this operation as the record is locked.")
            }
            Code::InvalidData if self < Self::V8 && at_view => {
                refusal.saying("the id given seems to be invalid")
            }
            _ => refusal,
        }
    }

    /// A job id that names no mass update (wire API 21, row 6).
    pub fn unknown_mass_update_job(self) -> Refusal {
        if self < Self::V8 {
            return Refusal::new(Code::NotFound);
        }
        let refusal = Refusal::new(Code::InvalidData);
        refusal
            .saying("The jobid given seems to be invalid")
            .with("param_name", "job_id")
    }

    /// Whether a mass change of owner takes criteria (wire API 2.2).
    pub fn mass_change_owner_has_criteria(self) -> bool {
        self >= Self::V6
    }

    /// Status and code of an accepted mass change of owner (wire API 21, row 11).
    pub fn change_owner_accepted(self) -> (u16, &'static str) {
        if self >= Self::V8 {
            (202, "SCHEDULED")
        } else {
            (200, "SUCCESS")
        }
    }

    /// A refusal of a mass change of owner in its own words (wire API 2.4, and 21, row 12).
    pub fn mass_change_owner_refusal(self, refusal: Refusal) -> Refusal {
        let typed = refusal.details.contains_key("expected_data_type")
            && refusal.details.contains_key("json_path");
        match refusal.code {
            Code::MandatoryNotFound if self >= Self::V8 => {
                refusal.saying("Required field is missing")
            }
            Code::InvalidData if typed => refusal.saying("the value given is invalid"),
            _ => refusal,
        }
    }

    /// The status of a mass change of owner was asked for without a job (wire API 21, rows 7 and 57).
    pub fn missing_change_owner_job(self) -> (u16, Option<Refusal>) {
        let (status, text) = if self >= Self::V8 {
            (400, "Required parameter is missing")
        } else {
            (404, "You have not specified the job_id in the request.")
        };
        let refusal = Refusal::new(Code::RequiredParamMissing).saying(text);
        (status, Some(refusal.with("param_name", "job_id")))
    }

    /// A job id that names no mass change of owner (wire API 21, row 10).
    pub fn unknown_change_owner_job(self) -> (u16, Option<Refusal>) {
        if self >= Self::V8 {
            (204, None)
        } else {
            self.missing_change_owner_job()
        }
    }

    /// A job id that names a mass change of owner in another module (wire API 2.5).
    pub fn foreign_change_owner_job(self) -> (u16, Option<Refusal>) {
        if self >= Self::V8 {
            let text = "The specified job does not belong to this module";
            (404, Some(Refusal::new(Code::NotFound).saying(text)))
        } else {
            self.missing_change_owner_job()
        }
    }

    /// The refusal of a new owner who is no user, in this version's words (wire API 5).
    pub fn unfit_owner(self, refusal: Refusal) -> Refusal {
        if self >= Self::V8 || refusal.message != "Invalid data provided" {
            return refusal;
        }
        let refusal = Refusal::new(Code::InvalidData).saying("the owner id given is invalid");
        refusal.with("param_name", "owner_id")
    }

    /// The refusal of one record in a change of owner, at a place among the ids (wire API 5).
    pub fn change_owner_refusal(self, refusal: Refusal, index: Option<usize>) -> Refusal {
        let placed = |refusal: Refusal| match index {
            Some(index) => refusal.with("index", index),
            None => refusal,
        };
        match refusal.code {
            Code::CannotProcess => {
                placed(refusal.saying("The record is in stop-processing state."))
            }
            Code::CannotPerformAction => {
                let text = "You do not have permission to change the owner of this record.";
                placed(refusal.saying(text))
            }
            _ => self.mass_action_refusal(refusal),
        }
    }

    /// Whether a conversion names records by their ids alone, in the request and in the answer (wire
    /// API 6.1).
    pub fn converts_to_plain_ids(self) -> bool {
        self <= Self::V2_1
    }

    /// The status of an accepted mass conversion (wire API 21, row 13).
    pub fn mass_convert_accepted(self) -> u16 {
        if self >= Self::V8 { 202 } else { 200 }
    }

    /// The word for where a mass conversion stands, of those that all mass actions share (wire API 3.5,
    /// and 21, row 14).
    pub fn mass_convert_status(self, shared: &'static str) -> &'static str {
        let newest = self >= Self::V8;
        match shared {
            "SCHEDULED" if newest => "scheduled",
            "RUNNING" if newest => "in progress",
            "RUNNING" => "IN PROGRESS",
            "COMPLETED" if newest => "completed",
            "FAILED" if newest => "failed",
            same => same,
        }
    }

    /// The status of a mass conversion was asked for without a job (wire API 21, rows 7, 9 and 57).
    pub fn missing_mass_convert_job(self) -> Refusal {
        let text = if self >= Self::V8 {
            "job_id is required."
        } else {
            "You have not specified the job_id in the request."
        };
        let refusal = Refusal::new(Code::RequiredParamMissing).saying(text);
        let refusal = refusal.with("param", "job_id");
        refusal.with("json_path", "$.job_id")
    }

    /// A job id that names no mass conversion (wire API 21, row 57).
    pub fn unknown_mass_convert_job(self) -> Refusal {
        let text = if self >= Self::V8 {
            "The jobid given seems to be invalid"
        } else {
            "The job_id is invalid."
        };
        let refusal = Refusal::new(Code::InvalidData).saying(text);
        refusal.with("param_name", "job_id")
    }

    /// What conversion options say of a lead that is unknown, not approved, or locked (wire API 6.2, and
    /// 21, rows 58 and 59).
    pub fn conversion_options_texts(self) -> [&'static str; 3] {
        if self >= Self::V8 {
            [
                "the given id seems to be invalid",
                "record not approved",
                "record under merge is locked",
            ]
        } else {
            [
                "The given ID seems to be invalid.",
                "The record is not approved",
                "The record under merge is locked",
            ]
        }
    }

    /// Whether lists go on by token, past the first 2,000 records (wire API 9.1).
    pub fn has_page_tokens(self) -> bool {
        self >= Self::V3
    }

    /// Whether a list must say which fields it wants (wire API 9.1).
    pub fn list_needs_fields(self) -> bool {
        self >= Self::V3
    }

    /// Status and code of an accepted change of territories (wire API 21, row 45).
    pub fn territories_accepted(self) -> (u16, &'static str) {
        if self >= Self::V7 {
            (202, "SCHEDULED")
        } else {
            (200, "SUCCESS")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_and_read_back() {
        assert!(Version::ALL.is_sorted());
        for version in Version::ALL {
            assert_eq!(Version::parse(version.as_str()), Some(version));
            assert_eq!(format!("v{}", version.number()), version.as_str());
        }
        for bad in ["v1", "v9", "2", "V7", "", "v2.0", "v7 "] {
            assert_eq!(Version::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn each_version_says_what_its_row_says() {
        for version in Version::ALL {
            let refused = version.refused_module("Mass Update");
            let (code, text) = if version == Version::V8 {
                (
                    Code::NotSupported,
                    "the given module is not supported for this api",
                )
            } else {
                (
                    Code::InvalidModule,
                    "The given module is not supported in API",
                )
            };
            assert_eq!((refused.code, refused.message.as_ref()), (code, text));
            assert_eq!(refused.details["resource_path_index"], 0);
            assert_eq!(
                version.change_owner_scope_by_module(),
                version == Version::V8
            );
        }
    }
}
