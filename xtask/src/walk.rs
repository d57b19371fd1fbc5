//! `cargo xtask walk`: how many files somebody reads who follows one parameter of a request from its
//! handler to the SQL. The same program before and after a change says whether that became shorter.

mod follow;
mod program;

use crate::process::root;
use anyhow::{Context, Result, bail};
use follow::Walk;
use program::Program;
use std::collections::BTreeMap;
use syn::{FnArg, Pat};

/// Where the requests start whose ways are compared.
const STARTS: &[(&str, &str)] = &[
    (
        "a mass update by view",
        "crates/server/src/routes/mass_update.rs:schedule:call",
    ),
    (
        "a native plan",
        "crates/server/src/routes/plans.rs:create:call",
    ),
    ("an undo", "crates/server/src/routes/undo.rs:create:call"),
];

/// The door of the database: what stands here is not entered.
const STOPS: &[&str] = &[
    "crates/store/src/tx.rs",
    "crates/store/src/db.rs",
    "crates/store/src/sqlite.rs",
    "crates/store/src/postgres.rs",
];

const HELP: &str = "\
cargo xtask walk [--list] [FILE:FUNCTION:PARAM ...]

Counts the source files that are entered when one parameter is followed through calls, and with --list
names them, the nearest first, each with the function by which it was entered first. Without a start:
a mass update by view, a native plan and an undo, from their handlers.

The rule. Derived from the parameter is every value whose expression has something derived in it: what
a let, a pattern, a loop or an assignment binds to it, its fields, the answer of a call that is given
it or is made on it, a struct, a list or a macro with it in. A closure is given what is derived if the
call that it stands in is. Never derived is what is called `tx`: everything has the transaction.
A call is followed if an argument or the receiver is derived; only the derived ones are derived inside.
Functions are found by modules, `use` lines and globs, methods by the type of their receiver, which is
read from signatures, fields, and constructors; Option, Result, Vec and the like count as what is in
them. Both branches of every choice are followed.

It stops at the database's door (tx.rs, db.rs and the drivers in store), at methods of a trait object
or a generic parameter (a job's own work behind `dyn Action` is another walk), and at what it knows no
type of: those methods are counted and named with --list. Not followed are operators, conversions by
`into` and `?`, `Display`, serde, and what macros make.
";

/// Walks from the starts that are named, or from the fixed ones.
pub(crate) fn command(arguments: &[&str]) -> Result<()> {
    let (mut list, mut starts) = (false, Vec::new());
    for argument in arguments {
        match *argument {
            "--list" => list = true,
            "--help" => {
                print!("{HELP}");
                return Ok(());
            }
            word if word.starts_with('-') => bail!("unknown option: {word}\n\n{HELP}"),
            word => starts.push((word, word)),
        }
    }
    if starts.is_empty() {
        starts.extend(STARTS);
    }
    let program = Program::read(root())?;
    for (title, start) in starts {
        let walk = walk(&program, start)?;
        let mut crates: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, function) in &walk.entered {
            let name = function.split("::").next().unwrap_or_default();
            *crates.entry(name).or_default() += 1;
        }
        let crates: Vec<String> = crates
            .iter()
            .map(|(name, n)| format!("{name} {n}"))
            .collect();
        println!(
            "{title}: {} files ({})",
            walk.entered.len(),
            crates.join(", ")
        );
        if list {
            for (number, (file, function)) in (1..).zip(&walk.entered) {
                println!("{number:5}  {file}  {function}");
            }
            for path in &walk.stopped {
                println!("       stopped at {path}");
            }
            for (method, count) in &walk.unknown {
                println!("       not followed {count} times: .{method}()");
            }
        }
    }
    Ok(())
}

fn walk(program: &Program, start: &str) -> Result<Walk> {
    let [file, function, name] = start.split(':').collect::<Vec<_>>()[..] else {
        bail!("FILE:FUNCTION:PARAM, not {start}");
    };
    let path = program.in_file(file, function);
    let path = path.with_context(|| format!("{file} has no function {function}"))?;
    let inputs = program.function(path).map(|function| &function.sig.inputs);
    let mut inputs = inputs.into_iter().flatten();
    let number = inputs.position(|argument| match argument {
        FnArg::Receiver(_) => name == "self",
        FnArg::Typed(typed) => matches!(&*typed.pat, Pat::Ident(pat) if pat.ident == name),
    });
    let number = number.with_context(|| format!("{function} has no parameter {name}"))?;
    Ok(Walk::of(program, STOPS, path, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files entered from `main.rs:f:x`, and where the walk stopped.
    fn entered(files: &[(&str, &str, &str)]) -> (Vec<String>, Vec<String>) {
        let mut program = Program::default();
        for (file, module, text) in files {
            program.add(file, module, text).unwrap();
        }
        program.finish();
        let walk = walk(&program, "main.rs:f:x").unwrap();
        let files = walk.entered.into_iter().map(|(file, _)| file).collect();
        (files, walk.stopped.into_iter().collect())
    }

    #[test]
    fn only_what_is_given_the_parameter_is_entered() {
        let main = "use b::{self, one}; mod c;
            fn f(x: u8, y: u8) { let z = b::two(x); one(y); let w = [z + 1]; c::three(w.len()); }";
        let b = "pub fn one(n: u8) { crate::d::four(n) } pub fn two(n: u8) -> u8 { n }";
        let files = [
            ("main.rs", "a", main),
            ("b.rs", "b", b),
            ("d.rs", "b::d", "pub fn four(n: u8) {}"),
            ("c.rs", "a::c", "pub fn three(n: usize) {}"),
        ];
        assert_eq!(entered(&files).0, ["main.rs", "b.rs", "c.rs"]);
    }

    #[test]
    fn methods_are_found_by_the_type_of_their_receiver() {
        let main = "use crate::b::Thing; mod b;
            struct Has { thing: Option<Thing>, all: Vec<Thing> }
            fn f(x: &Has) -> Result<(), String> {
                if let Some(thing) = &x.thing { thing.go(); }
                x.all.iter().for_each(|one| { json!({ \"a\": one.tell()?.stop() }); });
                Ok(())
            }";
        let b = "pub use super::c::Thing;";
        let c = "pub struct Thing; impl Thing { pub fn tell(&self) -> Result<crate::d::Other, String> { } }";
        let d = "pub struct Other; impl Other { pub fn stop(&self) {} pub fn go(&self) {} }
            impl super::c::Thing { pub fn go(&self) {} }";
        let files = [
            ("main.rs", "a", main),
            ("b.rs", "a::b", b),
            ("c.rs", "a::c", c),
            ("d.rs", "a::d", d),
        ];
        assert_eq!(entered(&files).0, ["main.rs", "d.rs", "c.rs"]);
    }

    #[test]
    fn closures_are_given_what_is_derived_and_the_transaction_is_not() {
        let main = "mod b; mod c; mod d;
            fn f(x: &b::Call) {
                let later = |n| d::four(n);
                x.read(|tx, once| { c::three(tx); once.keep(); });
                later(x);
                once(x, |once| once);
            }
            fn once<T>(n: &b::Call, then: impl FnOnce(u8) -> T) { c::three(n); }";
        let b = "pub struct Call; pub struct Once;
            impl Call { pub fn read<T>(&self, run: impl FnOnce(&mut Tx, &crate::b::Once) -> T) -> T {} }";
        let files = [
            ("main.rs", "a", main),
            ("b.rs", "a::b", b),
            ("c.rs", "a::c", "pub fn three(n: usize) {}"),
            (
                "d.rs",
                "a::d",
                "pub fn four(n: usize) {} impl crate::b::Once { fn keep(&self) {} }",
            ),
        ];
        assert_eq!(entered(&files).0, ["main.rs", "d.rs", "b.rs", "c.rs"]);
    }

    #[test]
    fn it_stops_at_the_door_of_the_database_and_at_a_trait() {
        let main = "use store::tx::Tx; trait Action { fn run(&self, n: u8); }
            fn f(x: u8, tx: &mut Tx, action: &dyn Action) { tx.run(x); action.run(x); }";
        let tx = "pub struct Tx; impl Tx { pub fn run(&mut self, n: u8) {} }";
        let files = [
            ("main.rs", "a", main),
            ("crates/store/src/tx.rs", "store::tx", tx),
            ("lib.rs", "store", "mod tx;"),
        ];
        let (files, stopped) = entered(&files);
        assert_eq!(files, ["main.rs"]);
        assert_eq!(stopped, ["dyn a::Action::run", "store::tx::Tx::run"]);
    }
}
