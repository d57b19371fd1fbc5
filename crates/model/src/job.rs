//! A job's states and counts, and what the wire calls them.

use crate::refusal::Code;
use std::fmt;

/// Where a job stands (DESIGN: preparing, queued, running, paused, completed, failed, cancelled).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Its targets are being stored; nobody may claim it.
    Preparing,
    /// Sealed, waiting for a worker.
    Queued,
    /// A worker holds its lease, or held it and died.
    Running,
    /// Stopped by a person.
    Paused,
    /// Every target was visited.
    Completed,
    /// The job as a whole could not go on.
    Failed,
    /// Ended by a person.
    Cancelled,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Preparing,
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether the job will never change again by itself.
    pub fn finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! job_kinds {
    ($($(#[$doc:meta])* $name:ident = $stored:literal $action:literal,)*) => {
        /// What is done to each record of a job. What else there is to a kind stands with its action
        /// in `crm`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum JobKind { $($(#[$doc])* $name,)* }

        impl JobKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stored and wire word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $stored,)* }
            }

            /// The native word.
            pub fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }

            /// The kind of a stored word.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($stored => Some(Self::$name),)* _ => None }
            }

            /// The kind of a native word.
            pub fn of_action(word: &str) -> Option<Self> {
                match word { $($action => Some(Self::$name),)* _ => None }
            }
        }
    };
}

job_kinds! {
    /// Write values into fields.
    MassUpdate = "mass_update" "update",
    /// Give records to another owner.
    ChangeOwner = "change_owner" "change_owner",
    /// Put records into the recycle bin.
    MassDelete = "mass_delete" "delete",
    /// Make contacts, accounts and deals of leads.
    MassConvert = "mass_convert" "convert",
    /// Put tags on records, or take them off.
    Tag = "tag" "tag",
    /// Put back what a job changed.
    Undo = "undo" "undo",
}

/// Why a job has a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// It visits what failed in the parent, or was not visited, once more.
    Retry,
    /// It puts back what the parent changed.
    Undo,
}

impl Relation {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Undo => "undo",
        }
    }

    /// The relation of a stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Retry, Self::Undo]
            .into_iter()
            .find(|relation| relation.as_str() == text)
    }
}

/// Whether what follows from a job's writes by itself happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Automation {
    /// As the wire API has it: for named records, and for a view of fewer than a thousand (1.8).
    #[default]
    Wire,
    /// Always.
    Fire,
    /// Never.
    Suppress,
}

impl Automation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Wire, Self::Fire, Self::Suppress];

    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Fire => "fire",
            Self::Suppress => "suppress",
        }
    }

    /// The automation of a word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// Why a job is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PausedBy {
    /// A person paused it.
    Person,
    /// More records had changed since its plan than its tolerance allows.
    Tolerance,
    /// Its next record would leave more events to automation than its cap allows.
    AutomationCap,
}

impl PausedBy {
    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Tolerance => "tolerance",
            Self::AutomationCap => "automation_cap",
        }
    }

    /// The reason of a stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Person, Self::Tolerance, Self::AutomationCap]
            .into_iter()
            .find(|by| by.as_str() == text)
    }
}

/// What a plan foresaw of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Foreseen {
    /// It would change.
    Change,
    /// It already is as wanted.
    Unchanged,
    /// It would be refused so.
    Refuse(Code),
}

impl Foreseen {
    /// The stored word: the code, if refused.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Unchanged => "unchanged",
            Self::Refuse(code) => code.as_str(),
        }
    }

    /// What a stored word means.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "change" => Some(Self::Change),
            "unchanged" => Some(Self::Unchanged),
            code => Code::parse(code).map(Self::Refuse),
        }
    }
}

/// What became of one record of a job, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeWord {
    /// It was changed, perhaps not wholly.
    Changed,
    /// It already was as wanted.
    Unchanged,
    /// It was refused and left as it was.
    Failed,
    /// The job was cancelled before it came to it.
    Cancelled,
    /// The job failed before it came to it.
    NotRun,
}

impl OutcomeWord {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Changed,
        Self::Unchanged,
        Self::Failed,
        Self::Cancelled,
        Self::NotRun,
    ];

    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NotRun => "not_run",
        }
    }

    /// The outcome of a word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }

    /// What becomes of the records that a job of this state did not come to; `None` while it still
    /// may.
    pub fn of_rest(state: JobState) -> Option<Self> {
        match state {
            JobState::Cancelled => Some(Self::Cancelled),
            JobState::Failed => Some(Self::NotRun),
            _ => None,
        }
    }
}

/// Records of a job by what happened to them. They sum to the cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Changed.
    pub changed: i64,
    /// Already as wanted.
    pub unchanged: i64,
    /// Refused.
    pub failed: i64,
}

impl Counts {
    /// How many were visited.
    pub fn visited(self) -> i64 {
        self.changed + self.unchanged + self.failed
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            changed: self.changed + other.changed,
            unchanged: self.unchanged + other.unchanged,
            failed: self.failed + other.failed,
        }
    }
}

/// A job's state in the words that all mass actions share (wire API 1.5, 2.5, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireStatus {
    /// SCHEDULED, RUNNING, COMPLETED or FAILED.
    pub status: &'static str,
    /// Changed and unchanged.
    pub updated: i64,
    /// Not visited yet; 0 in a finished job.
    pub not_updated: i64,
    /// Refused, and in a job that ended early all that were not visited.
    pub failed: i64,
    /// All targets.
    pub total: i64,
}

impl WireStatus {
    /// Says a job in the wire's words (DESIGN 6).
    pub fn of(state: JobState, counts: Counts, total: i64) -> Self {
        let rest = total - counts.visited();
        let ended_early = matches!(state, JobState::Failed | JobState::Cancelled);
        let failed = counts.failed + if ended_early { rest } else { 0 };
        let status = match state {
            JobState::Preparing | JobState::Queued => "SCHEDULED",
            JobState::Running | JobState::Paused => "RUNNING",
            JobState::Completed if total > 0 && failed == total => "FAILED",
            JobState::Completed => "COMPLETED",
            JobState::Failed | JobState::Cancelled => "FAILED",
        };
        Self {
            status,
            updated: counts.changed + counts.unchanged,
            not_updated: if ended_early { 0 } else { rest },
            failed,
            total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_wire_status_whose_counts_sum_to_the_total() {
        let counts = Counts {
            changed: 3,
            unchanged: 2,
            failed: 1,
        };
        for state in JobState::ALL {
            let wire = WireStatus::of(state, counts, 10);
            assert_eq!(wire.updated + wire.not_updated + wire.failed, 10, "{state}");
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }
        assert_eq!(WireStatus::of(JobState::Cancelled, counts, 10).failed, 5);
        let all = Counts {
            failed: 10,
            ..Counts::default()
        };
        assert_eq!(
            WireStatus::of(JobState::Completed, all, 10).status,
            "FAILED"
        );
    }
}
