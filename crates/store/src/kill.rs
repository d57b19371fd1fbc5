//! Named points at which `cargo xtask torture` ends the process, as `kill -9` or power loss would.
//! They do nothing but in a build with the feature `kill-points`, which no release has.

/// A point: the process ends here if it was told to by `SWATHE_KILL=name:n`, at the nth passing.
#[cfg(feature = "kill-points")]
pub fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static PLANNED: OnceLock<Option<(String, AtomicU64)>> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "no option of the program: releases must not know it"
    )]
    let read = || {
        let told = std::env::var("SWATHE_KILL").ok()?;
        let (name, passes) = told.split_once(':')?;
        Some((name.to_owned(), AtomicU64::new(passes.parse().ok()?)))
    };
    let Some((planned, left)) = PLANNED.get_or_init(read) else {
        return;
    };
    if planned != name || left.fetch_sub(1, Ordering::SeqCst) != 1 {
        return;
    }
    // If the signal cannot be sent, this thread still does not pass the point.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort();
}

/// A point; nothing happens.
#[cfg(not(feature = "kill-points"))]
#[inline]
pub fn point(_name: &str) {}
