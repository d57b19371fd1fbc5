//! Ids: 64-bit integers inside, decimal strings on the wire, one type per noun.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Reads a wire id: 1 to 19 decimal digits that fit in a positive 64-bit integer.
pub fn parse(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
    if plain {
        text.parse().ok().filter(|id| *id > 0)
    } else {
        None
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl $name {
            /// Reads a wire id; `None` when it is not a positive decimal number of 64 bits.
            pub fn parse(text: &str) -> Option<Self> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| de::Error::custom("not an id"))
            }
        }
    )*};
}

ids! {
    /// A record of any module; unique in the org.
    RecordId,
    /// A job.
    JobId,
    /// A plan.
    PlanId,
    /// A user of the org.
    UserId,
    /// A role of the hierarchy.
    RoleId,
    /// A profile: a set of rights.
    ProfileId,
    /// A territory.
    TerritoryId,
    /// A module.
    ModuleId,
    /// A field of a module.
    FieldId,
    /// A value of a picklist.
    PickId,
    /// A custom view (`cvid`).
    ViewId,
    /// A layout of a module.
    LayoutId,
    /// A validation rule, a layout rule or a workflow rule.
    RuleId,
    /// A call to the outside.
    CallId,
    /// An approval process of a module.
    ProcessId,
    /// A hold on a record, a lock among them.
    HoldId,
    /// A tag of a module.
    TagId,
    /// A note on a record.
    NoteId,
    /// A file or a link attached to a record.
    AttachmentId,
    /// A blueprint of a module.
    BlueprintId,
    /// A transition of a blueprint.
    TransitionId,
    /// The org itself.
    OrgId,
    /// A registered API client (OAuth).
    ClientId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_decimal_numbers_of_64_bits_are_ids() {
        assert_eq!(
            RecordId::parse("7701200000600001"),
            Some(RecordId(7_701_200_000_600_001))
        );
        for bad in [
            "",
            "0",
            "-1",
            "+1",
            "1.0",
            " 1",
            "abc",
            "9223372036854775808",
            "00000000000000000001",
        ] {
            assert_eq!(RecordId::parse(bad), None, "{bad:?}");
        }
    }
}
