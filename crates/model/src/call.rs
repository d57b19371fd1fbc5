//! Calls to the outside: what they tell of, and what became of them.

/// What a call tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// A job has ended.
    JobFinished,
    /// A workflow rule was met.
    Workflow,
}

impl CallKind {
    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobFinished => "job_finished",
            Self::Workflow => "workflow",
        }
    }

    /// The kind of a stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::JobFinished, Self::Workflow]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// It is yet to be made, or made again.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was never taken, and is tried no more.
    Dead,
}

impl CallState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Dead];

    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of a stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}
