//! A private, throw-away PostgreSQL: fresh data directory, free port, loopback only, durability off.
//!
//! The server is a child of a small shell (the keeper) that waits for the end of its standard
//! input, then stops the server and removes the directory. The system closes that pipe however we
//! end (return, panic, Ctrl-C, `kill -9`), so no cluster outlives us, without a signal handler.
//!
//! PostgreSQL refuses to run as root; then the keeper runs as another user, in the system's
//! temporary directory, because that user may be unable to read the checkout.

use crate::packages::{self, POSTGRESQL};
use crate::process::{announce, is_root, on_path, output, run, scratch};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 300
shared_buffers = 128MB
";

/// Arguments: our directory, with the settings in it, and the directory of PostgreSQL's programs.
///
/// The keeper gives up its own standard error once the server has it, so that its end is the
/// server's end. QUIT stops at once, but a server that has just been started still ignores it;
/// TERM covers that moment.
const KEEPER: &str = r#"
dir=$1 programs=$2
"$programs/initdb" --pgdata="$dir/data" --username=swathe --auth=trust --encoding=UTF8 \
    --locale=C --no-sync >&2 </dev/null && cat "$dir/settings" >>"$dir/data/postgresql.conf" ||
    { rm -rf "$dir"; exit 1; }
"$programs/postgres" -D "$dir/data" </dev/null &
server=$!
exec 2>/dev/null
cat >/dev/null
kill -TERM "$server"
kill -QUIT "$server"
wait "$server"
rm -rf "$dir"
"#;

const READY: &str = "database system is ready to accept connections";
const PATIENCE: Duration = Duration::from_secs(120);

/// A running cluster; dropping it stops the server and removes its data.
pub(crate) struct Cluster {
    url: String,
    keeper: Child,
    dir: PathBuf,
}

impl Cluster {
    /// Starts a cluster and returns when it accepts connections.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs_or_install()?;
        announce(&format!(
            "PostgreSQL: {}",
            packages::version(&programs.join("postgres"))
        ));

        let user = if is_root() {
            Some(unprivileged_user()?)
        } else {
            None
        };
        let port = free_port()?;
        let base = std::env::temp_dir();
        let dir = base.join(format!("swathe-pg-{}-{port}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("making {}", dir.display()))?;
        let cluster_settings = format!(
            "{SETTINGS}port = {port}\nunix_socket_directories = '{}'\n",
            dir.display()
        );
        std::fs::write(dir.join("settings"), cluster_settings)?;
        let mut command = match user {
            None => plain_shell(KEEPER),
            Some(user) => {
                run(Command::new("chown").args(["-R", user]).arg(&dir))?;
                shell_as(user, KEEPER, &base)?
            }
        };
        command.arg("keeper").arg(&dir).arg(programs);
        // A group of its own: Ctrl-C is for us, the keeper learns of it from its standard input.
        let mut keeper = command
            .current_dir(&base)
            .env("LC_ALL", "C")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting the shell that keeps PostgreSQL")?;
        let lines = keeper
            .stderr
            .take()
            .context("the keeper has no standard error")?;
        let url = format!("postgres://swathe@127.0.0.1:{port}/postgres");
        let cluster = Self { url, keeper, dir };
        wait_until_ready(BufReader::new(lines))?;
        Ok(cluster)
    }

    /// Where to connect.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("xtask: PostgreSQL may still be running: {error}");
        }
        // Usually gone already; not if the keeper itself could not start.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// `cargo xtask postgres`.
pub(crate) fn until_enter() -> Result<()> {
    let cluster = Cluster::start()?;
    println!("export SWATHE_TEST_POSTGRES={}", cluster.url());
    println!("Enter ends it.");
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

/// Copies what the server says into a log until it says that it is ready, and goes on copying.
fn wait_until_ready(lines: impl BufRead + Send + 'static) -> Result<()> {
    let path = scratch()?.join("postgres.log");
    let mut log = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            // A log that cannot be written is no reason to stop reading: the server would block.
            let _ = writeln!(log, "{line}");
            if line.contains(READY) {
                let _ = ready.send(());
            }
        }
    });
    if is_ready.recv_timeout(PATIENCE).is_err() {
        let log = std::fs::read_to_string(&path).unwrap_or_default();
        bail!("PostgreSQL did not start. It says:\n{log}");
    }
    Ok(())
}

fn programs_or_install() -> Result<PathBuf> {
    if let Some(found) = programs() {
        return Ok(found);
    }
    if packages::install(&POSTGRESQL)?
        && let Some(found) = programs()
    {
        return Ok(found);
    }
    bail!(
        "the tests need PostgreSQL's server programs (initdb, postgres) and none were found. \
         Install them (Debian: `apt-get install postgresql`; Fedora: `dnf install \
         postgresql-server`; macOS: `brew install postgresql`), or set SWATHE_TEST_POSTGRES to \
         the URL of a server on which the tests may create schemas"
    )
}

/// The directory that holds both `initdb` and `postgres`.
fn programs() -> Option<PathBuf> {
    let mut places = Vec::new();
    // Links on the PATH lead to the directory where the rest of the installation is.
    if let Some(initdb) = on_path("initdb").and_then(|file| file.canonicalize().ok()) {
        places.extend(initdb.parent().map(Path::to_owned));
    }
    places.extend(output(Command::new("pg_config").arg("--bindir")).map(PathBuf::from));
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        let names = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort_by_key(|name| std::cmp::Reverse(version_in(name)));
        places.extend(
            names
                .iter()
                .map(|name| Path::new(parent).join(name).join(below)),
        );
    }
    places
        .into_iter()
        .find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
}

/// The number in a name such as `15`, `postgresql@16` or `pgsql-17`, for the newest first.
fn version_in(name: &str) -> u32 {
    let digits: String = name
        .chars()
        .skip_while(|character| !character.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(0)
}

fn unprivileged_user() -> Result<&'static str> {
    let exists = |user: &&str| output(Command::new("id").arg(user)).is_ok();
    ["postgres", "nobody"].into_iter().find(exists).context(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`",
    )
}

fn plain_shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A shell that runs the script as `user`, by the first means that works here.
fn shell_as(user: &str, script: &str, directory: &Path) -> Result<Command> {
    let group = output(Command::new("id").args(["-g", user]))?;
    let by_setpriv = |script: &str| {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid",
            user,
            "--regid",
            &group,
            "--clear-groups",
            "sh",
            "-c",
            script,
        ]);
        command
    };
    let by_su = |script: &str| {
        let mut command = Command::new("su");
        command.args(["-s", "/bin/sh", "-c", script, user]);
        command
    };
    let works = |mut command: Command| output(command.current_dir(directory)).is_ok();
    if works(by_setpriv(":")) {
        Ok(by_setpriv(script))
    } else if works(by_su(":")) {
        Ok(by_su(script))
    } else {
        bail!(
            "PostgreSQL does not run as root, and neither `setpriv` nor `su` can run it as \
             `{user}`. Run the tests as another user, or set SWATHE_TEST_POSTGRES"
        )
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let mut names = vec!["9.6", "postgresql@16", "pgsql-17", "postgresql", "15"];
        names.sort_by_key(|name| std::cmp::Reverse(version_in(name)));
        assert_eq!(
            names,
            ["pgsql-17", "postgresql@16", "15", "9.6", "postgresql"]
        );
    }
}
