//! On a terminal: it asks before it acts, shows colours where they are wanted, and breaks no id.

use crate::desk::{Desk, IN_VIEW, UPDATE};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use testkit::{Kind, each_db};

each_db! {
    it_asks_before_it_acts,
    colours_are_for_terminals_that_want_them,
    ids_are_whole_on_a_narrow_terminal,
}

/// Runs a command on a terminal of so many columns, where a person types; answers its exit code and
/// what the terminal showed.
fn typed(
    desk: &Desk,
    args: &[&str],
    input: &str,
    environment: &[(&str, &str)],
    columns: u16,
) -> (Option<i32>, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize {
        ws_row: 50,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let name = name.to_str().unwrap();
    let end = || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).open(name).unwrap()
    };
    let mut command = desk.command(args);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color");
    command.envs(environment.iter().copied());
    command.stdin(end()).stdout(end()).stderr(end());
    let mut master = File::from(master);
    // The terminal keeps it until it is read.
    master.write_all(input.as_bytes()).unwrap();
    let mut child = command.spawn().unwrap();
    // With it go this process's ends of the terminal.
    drop(command);
    let mut shown = Vec::new();
    let mut piece = [0; 4_096];
    // A terminal that nobody has any more answers with an error.
    while let Ok(read) = master.read(&mut piece)
        && read > 0
    {
        shown.extend_from_slice(&piece[..read]);
    }
    let code = child.wait().unwrap().code();
    (code, String::from_utf8_lossy(&shown).into_owned())
}

mod check {
    use super::*;

    pub(super) fn it_asks_before_it_acts(kind: Kind) {
        let desk = Desk::new(kind);
        for no in ["n\n", "\n", "yess\n", "\u{4}"] {
            let (code, shown) = typed(&desk, &UPDATE, no, &[], 100);
            assert_eq!(code, Some(1), "{no:?}: {shown}");
            let question = "Update 1,959 of 1,960 records of Leads (1 would be refused)? [y/N]";
            assert!(shown.contains(question), "{shown}");
            assert!(shown.contains("nothing was changed"), "{shown}");
        }
        let jobs = desk.json(&["jobs", "list", "--json"], 0);
        assert_eq!(jobs["data"], json!([]));
        let (code, shown) = typed(&desk, &UPDATE, "y\n", &[], 100);
        assert_eq!(code, Some(1), "{shown}");
        assert!(shown.contains("completed"), "{shown}");
        let jobs = desk.json(&["jobs", "list", "--json"], 0);
        assert_eq!(jobs["data"][0]["counts"]["changed"], IN_VIEW - 1);
        let job = jobs["data"][0]["id"].as_str().unwrap();
        let (code, shown) = typed(&desk, &["jobs", "undo", job], "yes\n", &[], 100);
        assert_eq!(code, Some(0), "{shown}");
        assert!(
            shown.contains("Put back 1,959 of 1,959 records of Leads?"),
            "{shown}"
        );
    }

    pub(super) fn colours_are_for_terminals_that_want_them(kind: Kind) {
        let desk = Desk::new(kind);
        let job = desk.client().job().to_string();
        let watch = ["jobs", "watch", job.as_str()];
        let green = "\u{1b}[32mcompleted";
        let shown = |environment: &[(&str, &str)]| typed(&desk, &watch, "", environment, 100).1;
        desk.json(&["jobs", "watch", &job, "--json"], 1);
        assert!(shown(&[]).contains(green), "{}", shown(&[]));
        for none in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
            let shown = shown(&[none]);
            assert!(shown.contains(", completed"), "{none:?}: {shown}");
            assert!(!shown.contains("\u{1b}[32m"), "{none:?}: {shown:?}");
        }
        assert!(!shown(&[("TERM", "dumb")]).contains('\u{1b}'));
        // And not where nobody looks.
        let (out, error) = desk.says(&watch, 1);
        assert!(
            !out.contains('\u{1b}') && !error.contains('\u{1b}'),
            "{out}{error}"
        );
    }

    pub(super) fn ids_are_whole_on_a_narrow_terminal(kind: Kind) {
        let desk = Desk::new(kind);
        let job = desk.client().job().to_string();
        desk.json(&["jobs", "watch", &job, "--json"], 1);
        let args = ["jobs", "outcomes", &job, "--outcome", "failed"];
        let (code, shown) = typed(&desk, &args, "", &[], 70);
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("5000000000000001001"), "{shown}");
        assert!(shown.contains("RECORD_LOCKED"), "{shown}");
        let width = shown.lines().map(|line| line.trim_end().chars().count());
        assert!(width.max().unwrap() <= 70, "{shown}");
        let (_, shown) = typed(&desk, &["jobs", "list"], "", &[], 40);
        assert!(shown.contains(&job), "{shown}");
    }
}
