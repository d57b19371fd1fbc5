//! A backup that is kept with the tests.

use std::path::PathBuf;

/// The backup that the program of commit 2285f66 made, the last one of before the first release's schema:
/// the demo org, with something of everything (`tests/backups/make.py` says what).
pub fn backup_of_schema_4() -> PathBuf {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/backups");
    PathBuf::from(tests).join("2285f66.backup")
}
