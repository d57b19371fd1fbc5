//! A person at a desk: commands with the address of a server and a token, against a world of leads.

use crate::swathe::{Server, swathe};
use crate::world::{Client, World};
use serde_json::Value as Json;
use std::process::Output;
use testkit::Kind;

/// Leads of the world, those in the view "Open Leads", and those of the view that are locked.
pub(crate) const LEADS: i64 = 2_000;
pub(crate) const IN_VIEW: i64 = 1_960;
pub(crate) const LOCKED: i64 = 1;

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) server: Server,
}

impl Desk {
    pub(crate) fn new(kind: Kind) -> Self {
        let world = World::new(kind, LEADS);
        let server = world.serve();
        Self { world, server }
    }

    /// An integration beside it.
    pub(crate) fn client(&self) -> Client {
        self.world.client(&self.server)
    }

    /// A command of the administrator, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = swathe(args);
        command.env("SWATHE_URL", &self.server.url);
        command.env("SWATHE_TOKEN", self.world.token());
        command
    }

    /// What it says on both ways out; panics unless it ends with this code.
    pub(crate) fn says(&self, args: &[&str], code: i32) -> (String, String) {
        said(&self.command(args).output().unwrap(), args, code)
    }

    /// The one document that it says; panics unless it ends with this code.
    pub(crate) fn json(&self, args: &[&str], code: i32) -> Json {
        let (out, error) = self.says(args, code);
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("{args:?}: {out}{error}"))
    }

    /// Starts the mass update of the view at this pace, and answers the job.
    pub(crate) fn started(&self, throttle: &str) -> String {
        let args = [&UPDATE[..], &["--yes", "--detach", "--json"]].concat();
        let accepted = self.json(&[&args[..], &["--throttle", throttle]].concat(), 0);
        accepted["job"]["id"].as_str().unwrap().to_owned()
    }
}

/// The mass update of the view.
pub(crate) const UPDATE: [&str; 7] = [
    "run",
    "update",
    "Leads",
    "--view",
    "Open Leads",
    "--set",
    "Lead_Source=Trade Show",
];

/// What an ended command said; panics unless it ended with this code.
pub(crate) fn said(output: &Output, args: &[&str], code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{error}");
    assert!(!error.contains("panicked"), "{args:?}: {error}");
    (out, error)
}

/// Whether a table has a line that begins and ends so.
pub(crate) fn has_row(table: &str, name: &str, value: &str) -> bool {
    let mut lines = table.lines().map(str::trim);
    lines.any(|line| line.starts_with(name) && line.ends_with(value))
}
