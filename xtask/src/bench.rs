//! `cargo xtask bench`: the server's mass update against the floor, alternating, in one run; then what
//! else a job costs (`bench/parts.rs`).
//!
//! Alternating, because a machine's mood changes by the minute; the median, because it ignores the
//! run that something disturbed. Nothing is written unless asked, and then only between the two
//! markers in `docs/performance.md`.

mod http;
mod node;
mod parts;

use crate::process::{cargo, output, root, scratch, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// What the person asked for.
#[derive(Debug, PartialEq)]
struct Options {
    records: u32,
    runs: usize,
    only: Vec<String>,
    /// Where the programs are; without it they are built.
    programs: Option<PathBuf>,
    write: bool,
}

/// The parts, in the order in which they run.
const PARTS: [&str; 5] = ["floor", "jobs", "latency", "twenty", "million"];

impl Options {
    fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            records: 50_000,
            runs: 3,
            only: Vec::new(),
            programs: None,
            write: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} needs a value"))
            };
            match *word {
                "--records" => options.records = value()?.parse().context("--records")?,
                "--runs" => options.runs = value()?.parse().context("--runs")?,
                "--only" => options.only.push((*value()?).to_owned()),
                "--programs" => options.programs = Some(value()?.into()),
                "--write" => options.write = true,
                _ => bail!("bench has no option {word}"),
            }
        }
        if options.records == 0 || options.runs == 0 {
            bail!("--records and --runs are at least 1");
        }
        if options.write && options.programs.is_some() {
            bail!("--write is for programs that were built now");
        }
        let unknown = |name: &&String| !PARTS.contains(&name.as_str());
        if let Some(name) = options.only.iter().find(unknown) {
            bail!("bench has no part {name}: there are {}", PARTS.join(", "));
        }
        Ok(options)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }

    fn command(&self) -> String {
        let only = self.only.iter().map(|name| format!(" --only {name}"));
        format!(
            "cargo xtask bench --records {} --runs {}{} --write",
            self.records,
            self.runs,
            only.collect::<String>()
        )
    }
}

/// What a program says of one run, in the last line that it prints.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    changed: f64,
    failed: f64,
    seconds: f64,
    records_per_second: f64,
    peak_rss_mib: f64,
}

impl Run {
    /// The floor has no refusals, so it names neither `changed` nor `failed`.
    fn parse(printed: &str) -> Result<Self> {
        let line = printed.lines().last().unwrap_or_default();
        let needed = |key| number(line, key).with_context(|| format!("no {key} in: {line}"));
        Ok(Self {
            changed: number(line, "changed").map_or_else(|| needed("records"), Ok)?,
            failed: number(line, "failed").unwrap_or(0.0),
            seconds: needed("seconds")?,
            records_per_second: needed("records_per_second")?,
            peak_rss_mib: needed("peak_rss_mib")?,
        })
    }
}

/// The number under a key of a flat JSON object.
fn number(line: &str, key: &str) -> Option<f64> {
    let (_, rest) = line.split_once(&format!("\"{key}\":"))?;
    rest.split([',', '}']).next()?.trim().parse().ok()
}

/// The programs under measure, in the order in which they take turns.
const PROGRAMS: [&str; 2] = ["floor", "swathe"];

/// Runs of one program.
struct Series {
    name: &'static str,
    runs: Vec<Run>,
}

impl Series {
    fn median(&self, of: fn(&Run) -> f64) -> f64 {
        let mut values: Vec<f64> = self.runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let upper = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
        let lower = values
            .get((values.len().max(1) - 1) / 2)
            .copied()
            .unwrap_or(f64::NAN);
        f64::midpoint(lower, upper)
    }
}

/// `cargo xtask bench`.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    let binaries = match &options.programs {
        Some(dir) => dir.clone(),
        None => built()?,
    };
    let mut tables = Vec::new();
    if options.wants("floor") {
        tables.push(against_floor(&binaries, &options)?);
    }
    let rows = parts::run(&binaries, &options)?;
    if !rows.is_empty() {
        tables.push(parts::table(&rows));
    }
    let tables = tables.join("\n");
    println!("\n{tables}");
    if options.write {
        write(&format!("{tables}\n{}\n", place(&options)?))?;
    }
    Ok(())
}

fn built() -> Result<PathBuf> {
    step(&mut cargo(&[
        "build",
        "--release",
        "-p",
        "floor",
        "-p",
        "cli",
    ]))?;
    release_dir()
}

fn against_floor(binaries: &Path, options: &Options) -> Result<String> {
    let mut series = PROGRAMS.map(|name| Series {
        name,
        runs: Vec::new(),
    });
    for number in 1..=options.runs {
        for one in &mut series {
            let run = measure(binaries, one.name, &[("--records", options.records)])?;
            println!(
                "run {number}: {:<6} {:>8.3} s {:>9.0} records/s {:>7.1} MiB",
                one.name, run.seconds, run.records_per_second, run.peak_rss_mib
            );
            one.runs.push(run);
        }
    }
    Ok(table(&series, options.records))
}

/// One run in a directory of its own, on the disk that the checkout is on.
fn measure(binaries: &Path, name: &str, options: &[(&str, u32)]) -> Result<Run> {
    let dir = new_dir()?;
    let mut command = Command::new(binaries.join(name));
    if name == "swathe" {
        command.args(["demo", "--exit", "--json"]);
    }
    for (option, value) in options {
        command.args([*option, &value.to_string()]);
    }
    let printed = output(command.arg("--dir").arg(&dir));
    fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
    Run::parse(&printed?).with_context(|| format!("reading what {name} printed"))
}

/// An empty directory on the disk that the checkout is on.
fn new_dir() -> Result<PathBuf> {
    let dir = scratch()?.join(format!("bench-{}", std::process::id()));
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    Ok(dir)
}

/// Beside `target/debug/xtask`, which is this program.
fn release_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .nth(2)
        .context("not in a target directory")?;
    Ok(target.join("release"))
}

/// The medians as a Markdown table, which is readable as text too.
fn table(series: &[Series], records: u32) -> String {
    let mut text = format!(
        "| {records} records, median | seconds | records/s | changed | failed | peak MiB | time per \
         record, floor = 1 |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    let floor = series
        .first()
        .map_or(f64::NAN, |one| one.median(|run| run.records_per_second));
    let row = |one: &Series| {
        let rate = one.median(|run| run.records_per_second);
        format!(
            "| {} | {:.3} | {rate:.0} | {:.0} | {:.0} | {:.1} | {:.2} |\n",
            one.name,
            one.median(|run| run.seconds),
            one.median(|run| run.changed),
            one.median(|run| run.failed),
            one.median(|run| run.peak_rss_mib),
            floor / rate,
        )
    };
    text.extend(series.iter().map(row));
    text
}

/// Where, when and how it was measured: without that, a figure says nothing.
fn place(options: &Options) -> Result<String> {
    let date = output(Command::new("date").args(["-u", "+%F"]))?;
    let cores = std::thread::available_parallelism()?;
    let cpu = field("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| "CPU unknown".into());
    let memory = field("/proc/meminfo", "MemTotal", ':')
        .and_then(|size| size.trim_end_matches(" kB").parse::<f64>().ok())
        .map_or_else(
            || "memory unknown".into(),
            |kib| format!("{:.0} GiB", kib / 1024.0 / 1024.0),
        );
    let system = field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_default();
    let kernel = output(Command::new("uname").arg("-sr"))?;
    Ok(format!(
        "Measured on {date} with `{}`, on {cores} cores of {cpu}, {memory}, {} ({kernel}).",
        options.command(),
        system.trim_matches('"'),
    ))
}

/// The first value of this name in one of the system's files.
fn field(path: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(separator));
    pairs
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

fn write(block: &str) -> Result<()> {
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("reading {PAGE}"))?;
    let page = replaced(&page, block).with_context(|| format!("{PAGE} lacks the markers"))?;
    fs::write(&path, page).with_context(|| format!("writing {PAGE}"))?;
    println!("written to {PAGE}");
    Ok(())
}

/// The page with this block between the markers, and everything else as it was.
fn replaced(page: &str, block: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
        block.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: &str = r#"{"records":50000,"table":50000,"seconds":0.342,"records_per_second":146144,"peak_rss_mib":29.4}"#;
    const SERVER: &str = r#"{"records": 50000, "changed": 49990, "failed": 10, "seconds": 0.5, "records_per_second": 100000.0, "peak_rss_mib": 60}"#;

    #[test]
    fn the_last_line_is_the_run() {
        let run = Run::parse(&format!("seeding\n{SERVER}")).unwrap();
        assert_eq!((run.changed, run.failed), (49_990.0, 10.0));
        assert_eq!((run.seconds, run.records_per_second), (0.5, 100_000.0));
        let run = Run::parse(FLOOR).unwrap();
        assert_eq!(
            (run.changed, run.failed, run.peak_rss_mib),
            (50_000.0, 0.0, 29.4)
        );
        assert!(Run::parse("").is_err());
        assert!(Run::parse(r#"{"records":1,"seconds":"soon"}"#).is_err());
    }

    #[test]
    fn one_disturbed_run_does_not_move_the_median() {
        let run = |seconds| Run {
            seconds,
            ..Run::parse(FLOOR).unwrap()
        };
        let series = |seconds: &[f64]| Series {
            name: "floor",
            runs: seconds.iter().copied().map(run).collect(),
        };
        let median = |seconds| series(seconds).median(|run| run.seconds).to_bits();
        assert_eq!(median(&[0.5, 90.0, 0.25]), 0.5_f64.to_bits());
        assert_eq!(median(&[1.0, 2.0]), 1.5_f64.to_bits());
    }

    #[test]
    fn the_ratio_is_of_the_time_per_record() {
        let series = |name, line| Series {
            name,
            runs: vec![Run::parse(line).unwrap()],
        };
        let table = table(&[series("floor", FLOOR), series("swathe", SERVER)], 50_000);
        assert!(
            table.contains("| floor | 0.342 | 146144 | 50000 | 0 | 29.4 | 1.00 |"),
            "{table}"
        );
        assert!(
            table.contains("| swathe | 0.500 | 100000 | 49990 | 10 | 60.0 | 1.46 |"),
            "{table}"
        );
    }

    #[test]
    fn only_the_block_changes() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nprose\n");
        let wanted = format!("# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nprose\n");
        assert_eq!(replaced(&page, "new\n"), Some(wanted.clone()));
        assert_eq!(replaced(&wanted, "new\n"), Some(wanted));
        assert_eq!(replaced("# Title\n", "new\n"), None);
    }

    #[test]
    fn the_page_has_the_markers() {
        let page = fs::read_to_string(root().join(PAGE)).unwrap();
        assert!(replaced(&page, "new").is_some());
    }

    #[test]
    fn options_are_read() {
        let options = |records, runs, write| Options {
            records,
            runs,
            only: Vec::new(),
            programs: None,
            write,
        };
        assert_eq!(Options::parse(&[]).unwrap(), options(50_000, 3, false));
        let words = ["--records", "7", "--write", "--runs", "1"];
        assert_eq!(Options::parse(&words).unwrap(), options(7, 1, true));
        let chosen = Options::parse(&["--only", "jobs", "--only", "million"]).unwrap();
        let wanted = PARTS.map(|part| chosen.wants(part));
        assert_eq!(wanted, [false, true, false, false, true]);
        assert!(Options::parse(&["--programs", "here", "--write"]).is_err());
        for bad in [
            ["--runs", "0"],
            ["--records", "x"],
            ["--what", "1"],
            ["--only", "everything"],
            ["--write", "--runs"],
        ] {
            assert!(Options::parse(&bad).is_err(), "{bad:?}");
        }
    }
}
