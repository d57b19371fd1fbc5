//! The floor: the least that a mass update of leads can cost on SQLite, as one bare program.
//!
//! It does what no such server can leave out (select by a criteria, change the records in chunks,
//! keep what stood there before, count in the same transaction, survive a power cut) and nothing
//! else: no HTTP, no rights, no rules. The server is measured against it, on one machine in one
//! run, so that the ratio says what the server adds.
//!
//! A yardstick must not stretch. This program shares no code with the server, and it is never
//! edited together with it: a commit that touches both `bench/floor` and `crates` is wrong.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "prints its one result"
)]

mod leads;
mod options;
mod update;

use options::Options;
use rusqlite::Connection;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match measure() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this program is a stop-watch")]
fn measure() -> Result<String> {
    let options = Options::parse(std::env::args().skip(1))?;
    let scratch = Scratch::new(&options)?;
    let mut connection = open(&scratch)?;
    leads::load(&mut connection, options.table, options.records)?;

    let start = std::time::Instant::now();
    let changed = update::run(&mut connection, options.chunk)?;
    let seconds = start.elapsed().as_secs_f64();

    update::verify(&connection, options.records, changed)?;
    let rate = u32::try_from(changed).map(f64::from)? / seconds;
    Ok(format!(
        "{{\"records\":{changed},\"table\":{},\"seconds\":{seconds:.3},\
         \"records_per_second\":{rate:.0},\"peak_rss_mib\":{:.1}}}",
        options.table,
        peak_rss_mib()?,
    ))
}

/// As durable as the server: what is committed survives a power cut.
fn open(scratch: &Scratch) -> Result<Connection> {
    let connection = Connection::open(scratch.0.join("floor.db"))?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(format!("the journal mode is {mode}, not WAL").into());
    }
    // 64 MiB, what the server is allowed for page caches.
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    rusqlite::vtab::array::load_module(&connection)?;
    Ok(connection)
}

/// A directory of our own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(options: &Options) -> Result<Self> {
        let parent = match &options.dir {
            Some(dir) => dir.clone(),
            // `target/release/floor`: beside what the build made, so on a real disk.
            None => std::env::current_exe()?
                .ancestors()
                .nth(2)
                .ok_or("no target")?
                .to_owned(),
        };
        let dir = parent.join(format!("floor-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("floor: {} remains: {error}", self.0.display());
        }
    }
}

/// The most memory that this process ever held, as Linux counts it; loading is included.
fn peak_rss_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM")?;
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
