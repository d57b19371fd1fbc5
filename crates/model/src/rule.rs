//! What an org demands of its records beside each field's own form: validation rules, layout rules
//! and picklists that depend on others (wire API 1.6, 9.2, 11.4).

use crate::approval::ApprovalProcess;
use crate::criteria::Criteria;
use crate::id::{LayoutId, ProcessId, RuleId};
use crate::value::Value;
use crate::workflow::WorkflowRule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rules of a module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// What no record may be.
    #[serde(default)]
    pub validation: Vec<ValidationRule>,
    /// What some records must have.
    #[serde(default)]
    pub layout: Vec<LayoutRule>,
    /// What happens by itself once they were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workflow: Vec<WorkflowRule>,
    /// Whose approval some of them wait for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approval: Vec<ApprovalProcess>,
}

impl Rules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        let binding = self.validation.is_empty() && self.layout.is_empty();
        binding && self.workflow.is_empty() && self.approval.is_empty()
    }

    /// The approval process of this id.
    pub fn approval_process(&self, id: ProcessId) -> Option<&ApprovalProcess> {
        self.approval.iter().find(|process| process.id == id)
    }
}

/// A validation rule: a record that would be so is not written (wire API 11.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationRule {
    /// Its id.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// The layout whose records it is for; `None` is every record of the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<LayoutId>,
    /// What is wrong. The field that it tests first is the rule's primary field, which no mass
    /// update writes.
    pub criteria: Criteria,
    /// What the caller is told.
    pub message: String,
}

/// A layout rule: records that are so must have these fields, where a caller asks for layout rules
/// (wire API 11.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayoutRule {
    /// Its id.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// The layout whose records it is for.
    pub layout: LayoutId,
    /// When it applies. The field that it tests first is the rule's primary field, which no mass
    /// update writes.
    pub criteria: Criteria,
    /// Api names of the fields that must have a value then.
    pub required: Vec<String>,
}

/// Which values a picklist may have, by the value of another (wire API 9.2, MAPPING_MISMATCH).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Api name of the picklist that decides.
    pub parent: String,
    /// By the parent's value, the values that go with it.
    pub maps: BTreeMap<String, Vec<String>>,
}

impl Dependency {
    /// Whether a value goes with the parent's. Where the parent has no value there is nothing that
    /// could speak against it; a parent's value without a mapping goes with none.
    pub fn allows(&self, parent: &Value, value: &str) -> bool {
        let Some(parent) = parent.as_text() else {
            return true;
        };
        let allowed = self.maps.get(parent);
        allowed.is_some_and(|allowed| allowed.iter().any(|known| known == value))
    }
}
