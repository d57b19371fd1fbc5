//! `swathe`: the server, and the commands that look after it.

mod backup;
mod client;
mod demo;
mod export;
mod follow;
mod import;
mod jobs;
mod mass_action;
mod node;
mod org;
mod plan;
mod remote;
mod run;
mod serve;
mod settings;
mod shown;
mod start;
mod terminal;
mod token;

use clap::{Parser, Subcommand};
use settings::{Failure, Usage};
use std::process::ExitCode;

/// Self-hosted CRM records, for clients of the Zoho CRM API.
#[derive(Parser)]
#[command(name = "swathe", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Do the main job on made-up data: a mass update of 50,000 leads, watched over HTTP
    Demo(demo::Demo),
    /// Check, compare, apply and write the org file
    #[command(subcommand)]
    Org(org::Org),
    /// Load a CSV file as records; rejected rows are written to a file with their reasons
    Import(import::Import),
    /// Write the records of a module as CSV or NDJSON
    Export(export::Export),
    /// Say what a mass action would do, before it does anything
    Plan(plan::Plan),
    /// Plan a mass action, ask, do it, and follow it to its end
    Run(run::Run),
    /// Look after jobs: follow, list outcomes, pause, cancel, retry, undo
    Jobs(jobs::Jobs),
    /// Register API clients (OAuth)
    #[command(subcommand)]
    Client(client::Client),
    /// Make an access token at once, for scripts and tests
    Token(token::Token),
    /// Write everything to one file, while jobs run
    Backup(backup::Backup),
    /// Make a database from a backup
    Restore(backup::Restore),
}

/// 0 done, 1 refused or failed, 2 wrong usage.
fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Org(org) => org.run(),
        Command::Import(import) => import.run(),
        Command::Export(export) => export.run(),
        Command::Plan(plan) => plan.run(),
        Command::Run(run) => run.run(),
        Command::Jobs(jobs) => jobs.run(),
        Command::Client(client) => client.run(),
        Command::Token(token) => token.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
    };
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    settings::complain(&error);
    if error.downcast_ref::<Usage>().is_some() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

/// What a command answers.
type Done = Result<(), Failure>;
