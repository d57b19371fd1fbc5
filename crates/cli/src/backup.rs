//! `swathe backup` and `swathe restore`: everything in one file, and back into an empty database.

use crate::Done;
use crate::settings::{self, Failure, Place, Source, Usage, say};
use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use store::backup::{self, Contents};
use store::{Db, Settings, Target};

/// The options of backing up.
#[derive(Args)]
#[command(
    after_help = "The file holds personal data and may be read by its owner only. What is \
    encrypted in the database stays so: the key file is no part of a backup, keep it elsewhere."
)]
pub(crate) struct Backup {
    /// Where it is written; must not be there yet
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// The options of restoring.
#[derive(Args)]
#[command(after_help = "Jobs that ran go on where the backup saw them.")]
pub(crate) struct Restore {
    /// The backup
    file: PathBuf,
    /// Where to: sqlite:FILE that is not there yet, or postgres://… without tables
    #[arg(
        long,
        env = "SWATHE_DATABASE",
        value_name = "URL",
        hide_env_values = true
    )]
    database: Target,
}

impl Backup {
    /// Backs up.
    pub(crate) fn run(&self) -> Done {
        if self.file.exists() {
            let file = self.file.display();
            bail!("{file} is there already: say another name, or remove it");
        }
        let part = part_of(&self.file)?;
        let made = self.make(&part);
        if made.is_err() {
            // What failed is said; the next try writes over what is left.
            let _ = fs::remove_file(&part);
        }
        told(&made?, "written to", &self.file)
    }

    /// Writes beside, so that no half of a backup ever has its name.
    fn make(&self, part: &Path) -> Result<Contents, Failure> {
        let cannot = || format!("cannot write {}", part.display());
        let source = self.place.source()?;
        let bar = ProgressBar::new_spinner();
        let (file, made) = match source {
            Source::Here(target) => {
                let db = Db::open_as_is(&Settings {
                    target,
                    now: settings::now(),
                })?;
                let file = open_for_owner(part).with_context(cannot)?;
                let made = backup::write(&db, &file, settings::now(), &mut |rows| {
                    bar.set_message(format!("{rows} rows"));
                    bar.tick();
                });
                (file, made.map_err(settings::refused)?)
            }
            Source::There(server) => {
                bar.set_message("the server writes it first");
                bar.tick();
                let mut sent = server.stream_of_file("/swathe/v1/backup")?;
                let mut file = open_for_owner(part).with_context(cannot)?;
                std::io::copy(&mut sent, &mut file).context("the backup was cut on its way")?;
                (file, backup::check(part)?)
            }
        };
        bar.finish_and_clear();
        file.sync_all().with_context(cannot)?;
        fs::rename(part, &self.file).with_context(cannot)?;
        backup::settle(&file, &self.file).with_context(cannot)?;
        Ok(made)
    }
}

impl Restore {
    /// Restores.
    pub(crate) fn run(&self) -> Done {
        let bar = ProgressBar::new_spinner();
        bar.set_message("reading the backup");
        bar.tick();
        let restored = store::restore(&self.file, &self.database, settings::now(), &mut |rows| {
            bar.set_message(format!("{rows} rows"));
            bar.tick();
        });
        bar.finish_and_clear();
        told(&restored?, "restored from", &self.file)
    }
}

fn told(contents: &Contents, what: &str, file: &Path) -> Done {
    say(format_args!(
        "{} rows of {} tables, as of {}, {what} {}",
        contents.rows,
        contents.tables,
        contents.made_at.to_utc(),
        file.display()
    ))
}

fn part_of(file: &Path) -> Result<PathBuf, Failure> {
    let Some(name) = file.file_name() else {
        bail!(Usage(format!("{} names no file", file.display())));
    };
    let mut name = name.to_owned();
    name.push(".part");
    Ok(file.with_file_name(name))
}

/// A new file that only its owner may read.
fn open_for_owner(path: &Path) -> std::io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}
