//! Tests that are answered otherwise from run to run, and why. None of them is recorded.

/// By the name of the test's function.
const UNSTABLE: &[(&str, &str)] = &[
    ("a_job_is_paused_and_goes_on", ASKED_UNTIL),
    ("an_engine_runs_a_job_to_its_end", ASKED_UNTIL),
    (
        "of_two_who_decide_at_once_one_does",
        "which of two threads decides first, and so what is decided, is chance",
    ),
];

const ASKED_UNTIL: &str = "an engine runs beside it, and it asks until the job has ended";

/// Why a test's answers are not recorded.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    UNSTABLE
        .iter()
        .find(|(test, _)| *test == name)
        .map(|(_, reason)| *reason)
}
