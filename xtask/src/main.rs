//! The maintainers' program, run as `cargo xtask`.
//!
//! What a shell script would do, in the language that everyone here has installed. One file per
//! command; a command only starts other programs and reads their answers, so nothing of the server
//! is linked in.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to the person who runs it"
)]

mod bench;
mod conformance;
mod lines;
mod packages;
mod postgres;
mod process;
mod python;
mod replay;
mod test;
mod tidy;
mod tidy_crates;
mod torture;
mod walk;

use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test [-- ARGS]   every check; with ARGS only `cargo test ARGS`, databases provided
cargo xtask replay [FILTER]  whether the server's tests are answered as recorded; --record records
                             them anew, --sqlite tries that database only
cargo xtask tidy             the cheap checks on tracked files
cargo xtask conformance      docs/conformance.md, made from docs/conformance.toml and the tests
cargo xtask postgres         a throw-away PostgreSQL, until Enter, for `cargo test` by hand
cargo xtask torture          the server killed at every point; --kills N, --seed N,
                             --database sqlite|postgres|URL
cargo xtask bench            the server against the floor and its goals; --only PART, --records N, --runs N, --write
cargo xtask lines            how long each crate is
cargo xtask walk             how many files a parameter of a request goes through; --help tells the rule
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::everything(),
        ["test", "--", chosen @ ..] => test::only(chosen),
        ["replay", options @ ..] => replay::command(options),
        ["tidy"] => tidy::run().and_then(|()| conformance::check()),
        ["conformance"] => conformance::write(),
        ["postgres"] => postgres::until_enter(),
        ["torture", options @ ..] => torture::command(options),
        ["bench", options @ ..] => bench::run(options),
        ["lines"] => lines::run(),
        ["walk", options @ ..] => walk::command(options),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => bail!("unknown command: {}\n\n{HELP}", words.join(" ")),
    }
}
