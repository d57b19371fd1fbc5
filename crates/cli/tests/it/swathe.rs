//! Runs the program.

use serde_json::Value as Json;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// The program, without what the tester's own shell says to it.
pub(crate) fn swathe(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swathe"));
    command.args(args).stdin(Stdio::null());
    for name in ["SWATHE_URL", "SWATHE_TOKEN", "SWATHE_DATABASE", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

/// The arguments that serve on a free port.
pub(crate) fn serve<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["serve", "--listen", "127.0.0.1:0"], args].concat()
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    swathe(args).output().unwrap()
}

/// Runs it and reads what it prints, which must be JSON; it must say that it did what it was asked.
pub(crate) fn json(args: &[&str]) -> Json {
    let output = run(args);
    let (out, error) = texts(&output);
    assert!(output.status.success(), "{args:?}: {error}");
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{args:?}: {out}"))
}

/// Panics unless it ended with this code and one line of error that has these words.
pub(crate) fn fails(args: &[&str], code: i32, words: &str) {
    let output = run(args);
    let (out, error) = texts(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{error}");
    assert!(error.contains(words), "{args:?}: {error}");
    assert!(!error.contains("panicked"), "{args:?}: {error}");
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Runs a command to its end; answers its code and its error text.
pub(crate) fn said_by(mut command: Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status.code(), texts(&output).1)
}

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    /// What it logs: a file, since a pipe that nobody reads would stop it when full.
    log: File,
    pub(crate) url: String,
}

impl Server {
    /// Starts one on a free port and waits until it says that it is ready.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_by(swathe(&serve(args)))
    }

    /// The same by a command of the caller, which becomes the program.
    pub(crate) fn start_by(mut command: Command) -> Self {
        let log = tempfile::tempfile().unwrap();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Swathe listens on ");
        let url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, log, url }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a warning, as `kill -9` does.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Asks for `/healthz` and the like; answers the status.
    pub(crate) fn status(&self, path: &str) -> u16 {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        let agent = ureq::Agent::new_with_config(config);
        let response = agent.get(format!("{}{path}", self.url)).call().unwrap();
        response.status().as_u16()
    }

    /// Tells it to stop and waits; answers how it ended and what it logged.
    #[cfg(unix)]
    pub(crate) fn stop(self, signal: &str) -> (ExitStatus, String) {
        self.tell(signal);
        self.ended()
    }

    /// Tells it to stop.
    #[cfg(unix)]
    pub(crate) fn tell(&self, signal: &str) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(told.unwrap().success());
    }

    /// Waits until it ended; answers how, and what it logged.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let ended = self.child.wait().unwrap();
        let mut log = String::new();
        self.log.rewind().unwrap();
        self.log.read_to_string(&mut log).unwrap();
        (ended, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be ended, and that is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
