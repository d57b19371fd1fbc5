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

    /// A module that exists but that the API does not serve (wire API 21, row 19).
    pub fn refused_module(self) -> Refusal {
        let refusal = if self >= Self::V8 {
            Refusal::new(Code::NotSupported)
                .saying("the given module is not supported for this api")
        } else {
            Refusal::new(Code::InvalidModule).saying("The given module is not supported in API")
        };
        refusal.with("resource_path_index", 0)
    }

    /// Whether `ZohoCRM.change_owner` has a form for one module (wire API 7.5).
    pub fn change_owner_scope_by_module(self) -> bool {
        self >= Self::V8
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
            let refused = version.refused_module();
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
