//! `cargo xtask torture`: many jobs of all kinds, and the server killed again and again, at named
//! points and at random times. A judge with SQL of its own looks at the tables after each death.
//!
//! Shares no code with the server: what it promises is read from outside.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to the person who runs it"
)]

mod client;
mod dice;
mod judge;
mod server;
mod sql;
mod world;

use anyhow::{Context, Result, bail};
use dice::Dice;
use judge::Figures;
use server::Death;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use world::{Place, Tally, World, instant};

/// Where a process may be told to die, and at which passing at most.
const POINTS: [(&str, u64); 15] = [
    ("commit.before", 15),
    ("commit.after", 15),
    ("accept.begun", 2),
    ("accept.sealed", 2),
    ("now.counted", 2),
    ("claim", 2),
    ("chunk.begun", 4),
    ("chunk.applied", 4),
    ("chunk.counted", 4),
    ("chunk.committed", 4),
    ("select.batch", 1),
    ("control", 2),
    ("events.taken", 3),
    ("events.applied", 3),
    ("events.committed", 3),
];
/// Batches of targets are stored only for jobs of over 20,000 records.
const POINT_OF_LARGE: (&str, u64) = ("accept.batch", 1);
/// Deaths in one database; then it is judged when all has ended, and the next one is made.
const KILLS_PER_WORLD: u64 = 25;
/// After every so manieth death each record's history is judged too.
const JUDGED_WHOLLY: u64 = 10;
const LEADS: u64 = 1_500;
const LEADS_OF_LARGE: u64 = 21_000;
/// A process that does not come to its point in this time is killed from outside.
const LIFE: Duration = Duration::from_secs(2);

struct Options {
    binary: PathBuf,
    place: Place,
    dir: PathBuf,
    kills: u64,
    seed: u64,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut binary, mut database, mut dir) = (None, None, None);
        let (mut kills, mut seed) = (1_000, 1);
        while let Some(word) = words.next() {
            let value = words
                .next()
                .with_context(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--binary" => binary = Some(PathBuf::from(value)),
                "--database" => database = Some(value),
                "--dir" => dir = Some(PathBuf::from(value)),
                "--kills" => kills = value.parse().context("--kills")?,
                "--seed" => seed = value.parse().context("--seed")?,
                _ => bail!("torture has no option {word}"),
            }
        }
        let dir = dir.context("--dir: where worlds are made")?;
        let place = match database.as_deref() {
            Some("sqlite") => Place::Sqlite,
            Some(url) if url.starts_with("postgres") => Place::Postgres(url.to_owned()),
            _ => bail!("--database is sqlite, or the URL of a PostgreSQL database"),
        };
        Ok(Self {
            binary: binary.context("--binary: a program built with kill-points")?,
            place,
            dir,
            kills,
            seed,
        })
    }
}

/// What a whole torture came to.
#[derive(Default)]
struct Report {
    kills: u64,
    late: u64,
    worlds: u64,
    judged: u64,
    deaths: BTreeMap<&'static str, u64>,
    tally: Tally,
    figures: Figures,
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("torture: {error:#}");
            return ExitCode::from(2);
        }
    };
    let start = instant();
    let mut report = Report::default();
    let ended = torture(&options, &mut report);
    tell(&options, &report, start.elapsed());
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("torture: {error:#}");
            eprintln!(
                "torture: again with --seed {} --kills {}",
                options.seed, options.kills
            );
            ExitCode::FAILURE
        }
    }
}

fn torture(options: &Options, report: &mut Report) -> Result<()> {
    while report.kills < options.kills {
        let number = report.worlds;
        report.worlds += 1;
        let mut dice = Dice::new(options.seed.wrapping_mul(1_000_003).wrapping_add(number));
        let large = number % 8 == 3;
        let leads = if large { LEADS_OF_LARGE } else { LEADS };
        let name = format!("torture_{}_{number}", options.seed);
        let world = World::make(&options.binary, &options.place, &options.dir, &name, leads);
        let mut world = world.context("making a world")?;
        let here = KILLS_PER_WORLD.min(options.kills - report.kills);
        let ended = lives(&mut world, here, large, &mut dice, report);
        for (deed, counts) in &world.tally {
            let sum = report.tally.entry(*deed).or_default();
            for (sum, count) in sum.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        // A world in which something was found is left to be looked at.
        ended.with_context(|| format!("in the world {name}, after {} kills", report.kills))?;
        world.remove()?;
        println!("{} of {} kills", report.kills, options.kills);
    }
    Ok(())
}

fn lives(
    world: &mut World,
    kills: u64,
    large: bool,
    dice: &mut Dice,
    report: &mut Report,
) -> Result<()> {
    for n in 1..=kills {
        let death = death(large, dice);
        let on_time = world.live(&death, LIFE, dice)?;
        report.kills += 1;
        let name = match death {
            Death::At(point, _) if on_time => point,
            Death::At(..) => {
                report.late += 1;
                "from outside, its point not reached"
            }
            Death::After(_) | Death::None => "from outside, at random",
        };
        *report.deaths.entry(name).or_default() += 1;
        world.judge(n % JUDGED_WHOLLY == 0)?;
        report.judged += 1;
    }
    let figures = world.end()?;
    report.judged += 1;
    report.figures.jobs += figures.jobs;
    report.figures.targets += figures.targets;
    report.figures.changes += figures.changes;
    report.figures.given_up += figures.given_up;
    Ok(())
}

fn death(large: bool, dice: &mut Dice) -> Death {
    if dice.below(10) < 3 {
        let most = if large { 3_000 } else { 700 };
        return Death::After(Duration::from_millis(dice.below(most)));
    }
    let (point, most) = match dice.pick(&POINTS) {
        Some(_) if large && dice.below(4) == 0 => POINT_OF_LARGE,
        Some(point) => *point,
        None => POINT_OF_LARGE,
    };
    Death::At(point, 1 + dice.below(most))
}

fn tell(options: &Options, report: &Report, took: Duration) {
    let database = match options.place {
        Place::Sqlite => "SQLite, one process",
        Place::Postgres(_) => "PostgreSQL, two processes",
    };
    println!(
        "{database}, seed {}: {} kills in {:.0} s, {} judged states, {} databases",
        options.seed,
        report.kills,
        took.as_secs_f64(),
        report.judged,
        report.worlds
    );
    let figures = report.figures;
    println!(
        "  {} jobs, {} targets, {} changes; {} records given up as INTERNAL_ERROR",
        figures.jobs, figures.targets, figures.changes, figures.given_up
    );
    for (name, count) in &report.deaths {
        println!("  {count:>5}  died {name}");
    }
    for (deed, [done, refused, nothing]) in &report.tally {
        println!("  {done:>5}  {deed:?} done, {refused} refused, {nothing} without an answer");
    }
}
