//! The program under torture: started, watched, killed.

use anyhow::{Context, Result, bail};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// How a process is to die.
#[derive(Clone, Debug)]
pub(crate) enum Death {
    /// Not yet.
    None,
    /// By itself at a named point, at its nth passing.
    At(&'static str, u64),
    /// From outside, after so long.
    After(Duration),
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    killer: Option<(Sender<()>, JoinHandle<()>)>,
    pub(crate) url: String,
    log: PathBuf,
}

const KILL: i32 = 9;

/// Runs the program to its end.
pub(crate) fn run(binary: &Path, args: &[&str]) -> Result<String> {
    let output = command(binary)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {}", binary.display()))?;
    if !output.status.success() {
        bail!("{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn command(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    for name in [
        "SWATHE_URL",
        "SWATHE_TOKEN",
        "SWATHE_DATABASE",
        "SWATHE_KILL",
    ] {
        command.env_remove(name);
    }
    command.env("RUST_LOG", "warn");
    command
}

impl Server {
    /// Starts one; `None` when it died before it was ready, as it was told to.
    pub(crate) fn start(
        binary: &Path,
        database: &str,
        log: &Path,
        death: &Death,
    ) -> Result<Option<Self>> {
        let mut command = command(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--database", database]);
        if let Death::At(point, passes) = death {
            command.env("SWATHE_KILL", format!("{point}:{passes}"));
        }
        let errors = OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .context("starting the server")?;
        let killer = match death {
            Death::After(time) => Some(kill_after(child.id(), *time)),
            _ => None,
        };
        let mut line = String::new();
        let out = child.stdout.take().context("the server's output")?;
        BufReader::new(out).read_line(&mut line)?;
        let url = line.trim().strip_prefix("Swathe listens on ");
        let mut server = Self {
            child,
            killer,
            url: url.unwrap_or_default().to_owned(),
            log: log.to_owned(),
        };
        if server.url.is_empty() {
            server.wait()?;
            return Ok(None);
        }
        Ok(Some(server))
    }

    /// Whether it died, as it was told to; any other end is a failure.
    pub(crate) fn died(&mut self) -> Result<bool> {
        match self.child.try_wait()? {
            None => Ok(false),
            Some(status) if status.signal() == Some(KILL) => Ok(true),
            Some(status) => bail!("the server ended with {status}; see {}", self.log.display()),
        }
    }

    /// Kills it now and waits for its end.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.call_off();
        self.child.kill()?;
        self.wait()
    }

    /// Nobody kills it later. While it is not waited for, its number means no other process.
    fn call_off(&mut self) {
        if let Some((told, killer)) = self.killer.take() {
            drop(told);
            let _ = killer.join();
        }
    }

    fn wait(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        if status.signal() != Some(KILL) {
            bail!("the server ended with {status}; see {}", self.log.display());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.call_off();
        // One that has ended already cannot be ended, and that is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a process after so long, unless the sender is dropped before.
fn kill_after(id: u32, time: Duration) -> (Sender<()>, JoinHandle<()>) {
    let (told, hears) = mpsc::channel::<()>();
    let killer = std::thread::spawn(move || {
        if hears.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout) {
            let id = id.to_string();
            // One that died already is as dead.
            let _ = Command::new("kill")
                .args(["-9", &id])
                .stderr(Stdio::null())
                .status();
        }
    });
    (told, killer)
}
