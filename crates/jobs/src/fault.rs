//! Named points at which tests make a worker fail, and a torture kills its process (`store::kill`).
//! Outside of those nothing is planned and nothing happens.

use store::Fault;

/// A place in a worker's step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// Before a claim commits.
    Claim,
    /// While the targets of a job for later are stored, before each batch's commit and the last one's.
    Selecting,
    /// In a chunk, before the action runs.
    BeforeAction,
    /// In a chunk, after the action changed records and outcomes are stored.
    AfterAction,
    /// In a chunk, after the cursor moved, before the commit.
    BeforeCommit,
    /// After a chunk's commit, before the worker takes note of it.
    AfterCommit,
}

impl Point {
    /// What a torture calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Selecting => "select.batch",
            Self::BeforeAction => "chunk.begun",
            Self::AfterAction => "chunk.applied",
            Self::BeforeCommit => "chunk.counted",
            Self::AfterCommit => "chunk.committed",
        }
    }

    /// All points.
    pub const ALL: [Self; 6] = [
        Self::Claim,
        Self::Selecting,
        Self::BeforeAction,
        Self::AfterAction,
        Self::BeforeCommit,
        Self::AfterCommit,
    ];
}

/// What a test planned for each point.
pub(crate) type Plan = Box<dyn FnMut(Point) -> Result<(), Fault> + Send>;

/// A place in an event worker's step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventPoint {
    /// The events were taken out.
    Taken,
    /// Their effects were written, before the commit.
    Applied,
    /// After the commit, before the worker takes note of it.
    Committed,
}

impl EventPoint {
    /// What a torture calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Taken => "events.taken",
            Self::Applied => "events.applied",
            Self::Committed => "events.committed",
        }
    }

    /// All points.
    pub const ALL: [Self; 3] = [Self::Taken, Self::Applied, Self::Committed];
}

/// What a test planned for each point of an event worker.
pub(crate) type EventPlan = Box<dyn FnMut(EventPoint) -> Result<(), Fault> + Send>;
