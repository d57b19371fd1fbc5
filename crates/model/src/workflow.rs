//! Workflow rules: what the org does by itself once a record was written.

use crate::criteria::Criteria;
use crate::id::{FieldId, RuleId, UserId};
use crate::value::Value;
use serde::{Deserialize, Serialize};

/// What sets a rule off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A record was made.
    Create,
    /// Some of its values were changed.
    Edit,
    /// It was deleted.
    Delete,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Create, Self::Edit, Self::Delete];

    /// The word of org files, of the database and of the native API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Edit => "edit",
            Self::Delete => "delete",
        }
    }

    /// The trigger of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What a rule can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// Write values into the record.
    Update,
    /// Make a task about it.
    Task,
    /// Call somebody.
    WebHook,
}

impl ActionKind {
    const ALL: [Self; 3] = [Self::Update, Self::Task, Self::WebHook];

    /// The word of org files, of the database and of the native API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Task => "task",
            Self::WebHook => "web_hook",
        }
    }

    /// The action of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// A workflow rule of a module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkflowRule {
    /// Its id.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// What sets it off.
    pub on: Vec<Trigger>,
    /// An edit sets it off only when it changes one of these; with none, every edit does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldId>,
    /// What the record must be: as it becomes, or as it was when it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// Whether it is set off at all.
    pub active: bool,
    /// What it writes into the record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub update: Vec<FieldUpdate>,
    /// The tasks that it makes about the record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskAction>,
    /// Whom it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub web_hooks: Vec<WebHookAction>,
}

impl WorkflowRule {
    /// How much it does for one record: its tasks, its calls, and one for all that it writes.
    pub fn actions(&self) -> usize {
        1 + self.tasks.len() + self.web_hooks.len()
    }
}

/// A task that a rule makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAction {
    /// What is to be done.
    pub subject: String,
    /// It is due so many days after the rule was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_in_days: Option<i64>,
    /// How urgent it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who is to do it; without one the record's owner is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
}

/// A call that a rule owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebHookAction {
    /// Whom to call.
    pub url: String,
    /// The fields whose values are sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldId>,
}

/// A value that a rule writes into a field of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldUpdate {
    /// The field.
    pub field: FieldId,
    /// The value.
    pub to: Literal,
}

/// A value that stands in a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Literal {
    /// As it is stored.
    Value(Value),
    /// A user.
    User(UserId),
}

impl Literal {
    /// As it is stored.
    pub fn value(&self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::User(user) => Value::Int(user.0),
        }
    }
}
