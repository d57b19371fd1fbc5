//! The versions of the wire API, and what differs between them. One handler serves all versions; it
//! asks here. Each function is one difference and names its source; how refusals differ is a table of
//! its own.

mod endpoint;
mod refusals;

pub use endpoint::Endpoint;
pub(crate) use refusals::module_not_served;

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
    fn one_version_has_a_scope_of_owners_by_module() {
        for version in Version::ALL {
            assert_eq!(
                version.change_owner_scope_by_module(),
                version == Version::V8
            );
        }
    }
}
