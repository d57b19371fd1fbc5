//! `swathe import`: what goes in, what is written to the rejects file, and that a batch is whole.

use crate::swathe::{Server, fails, json, run, swathe};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use store::records::{self, Filter};
use tempfile::TempDir;
use testkit::{Kind, TestDb, each_db};

each_db! {
    rejected_rows_are_written_with_their_reasons,
    a_map_is_applied,
    an_import_that_is_killed_leaves_whole_batches,
}

const ORG: &str = r#"
[org]
company = "Test"
time_zone = "Asia/Kolkata"

[[role]]
name = "Head"

[[user]]
email = "ada@example.com"
last_name = "Admin"
role = "Head"
profile = "Administrator"

[[module]]
api_name = "Leads"

[[module.field]]
api_name = "Code"
type = "text"
max = 6
unique = true

[[module.field]]
api_name = "Score"
type = "integer"
"#;

/// A folder with files, and a database with the org.
struct World {
    dir: TempDir,
    test: TestDb,
}

impl World {
    fn new(kind: Kind) -> Self {
        let (dir, test) = (TempDir::new().unwrap(), TestDb::new(kind));
        let world = Self { dir, test };
        let org = world.file("org.toml", ORG);
        let applied = run(&["org", "apply", &org, "--database", &world.test.url()]);
        assert!(applied.status.success());
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Records, and their changes.
    fn counts(&self) -> (i64, i64) {
        let counted = self.test.open().read(|tx| {
            let catalog = tx.catalog()?;
            let module = catalog.module("Leads").unwrap();
            let records = records::count(tx, module, &Filter::everything())?;
            let made = "SELECT count(*) FROM changes WHERE kind = 'create' AND cause = 'import'";
            Ok((records, tx.value(made, &[])?))
        });
        counted.unwrap()
    }
}

fn args<'a>(args: &[&'a str], database: &'a str) -> Vec<&'a str> {
    [&["import", "Leads"], args, &["--database", database]].concat()
}

#[test]
fn what_cannot_be_imported_at_all_is_said_before_it_starts() {
    let world = World::new(Kind::Sqlite);
    let database = world.test.url();
    let fails = |given: &[&str], code: i32, words: &str| {
        fails(&args(given, &database), code, words);
    };
    let good = world.file("good.csv", "Last_Name\nA\n");
    let odd = world.file("odd.csv", "Last_Name,Nope,Odd\nA,1,2\n");
    fails(&[&odd], 1, "odd.csv: column \"Nope\" is no field of Leads");
    fails(&[&odd], 1, "odd.csv: column \"Odd\" is no field of Leads");
    fails(&[&odd], 1, "nothing was imported");
    fails(&["nowhere.csv"], 1, "cannot read nowhere.csv");
    let empty = world.file("empty.csv", "\n");
    fails(&[&empty], 1, "is empty");
    let wide = world.file("wide.csv", b"\xff\xfeL\0a\0s\0t\0\n\0");
    fails(
        &[&wide],
        1,
        "the header cannot be read: cell 1 is not UTF-8",
    );
    let map = world.file("map.toml", "[columns]\nA = 5\n");
    fails(&[&good, "--map", &map], 1, "map.toml:2:5: ");
    let map = world.file("map.toml", "[columns]\nA = \"Nope\"\n");
    fails(
        &[&good, "--map", &map],
        1,
        "map.toml:2:5: unknown field Leads.Nope",
    );
    fails(
        &[&good, "--user", "x@example.com"],
        1,
        "no active user has the e-mail address",
    );
    fails(&[&good, "--rejects", &good], 2, "is there already");
    fails(&[], 2, "<FILE>");
    let module = ["import", "Nothing", &good, "--database", &database];
    crate::swathe::fails(&module, 1, "INVALID_MODULE");
    assert_eq!(world.counts(), (0, 0));
    let server = Server::start(&["--database", &database]);
    fails(&[&good], 1, "--url and --token");
    drop(server);
}

mod check {
    use super::*;

    pub(super) fn rejected_rows_are_written_with_their_reasons(kind: Kind) {
        let world = World::new(kind);
        let database = world.test.url();
        let huge = "x".repeat(64 * 1024 + 1);
        let mut text = format!(
            "Code,Last Name,Score,Email\n\
             a,Ada,1,a@b.co\n\
             b,\"Bo, \"\"the\"\" best\",x,\n\
             a,Twin,,\n\
             c,,,\n\
             d,Dee\n\
             e,Eve,,,5,6\n\
             f,{huge},,\n"
        )
        .into_bytes();
        text.extend(b"g,\xff,,\n,,,\nh,Last,,\n");
        let file = world.file("leads.csv", text);
        let import = args(&[&file, "--json"], &database);
        let output = run(&import);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("8 rows were rejected: "), "{error}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&answer["imported"], &answer["rejected"]),
            (&2.into(), &8.into())
        );
        let mut wanted = b"Code,Last Name,Score,Email,_reason\n\
            b,\"Bo, \"\"the\"\" best\",x,,line 3: Score: not a value of type integer\n\
            a,Twin,,,line 4: Code: an earlier row has this value already\n\
            c,,,,line 5: Last_Name: a value is needed\n\
            d,Dee,,,\"line 6: the row has 2 cells, the header 4\"\n\
            e,Eve,,,\"line 7: the row has 6 cells, the header 4; beyond the header: 5,6\"\n\
            ,,,,line 8: cell 2 is over 65536 bytes\n"
            .to_vec();
        wanted.extend(b"g,\xff,,,line 9: cell 2 is not UTF-8\n");
        wanted.extend(b",,,,line 10: all cells are empty\n");
        let rejects = std::fs::read(world.path("leads.csv.rejects.csv")).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&rejects),
            String::from_utf8_lossy(&wanted)
        );
        assert_eq!(rejects, wanted);
        assert_eq!(world.counts(), (2, 2));

        // Mended, the rejects file is a file to import.
        fails(&import, 2, "is there already");
        let mended = world.file(
            "mended.csv",
            "Code,Last Name,Score,Email,_reason\nb,Bo,2,,why\nc,,,,why\n",
        );
        fails(&args(&[&mended], &database), 1, "1 row was rejected");
        let rejects = std::fs::read_to_string(world.path("mended.csv.rejects.csv")).unwrap();
        assert_eq!(
            rejects,
            "Code,Last Name,Score,Email,_reason\nc,,,,line 3: Last_Name: a value is needed\n"
        );
        let good = world.file("good.csv", "Last_Name\nA\nB\n");
        let answer = json(&args(&[&good, "--json"], &database));
        assert_eq!(answer["rejects"], serde_json::Value::Null);
        assert!(!world.path("good.csv.rejects.csv").exists());
        assert_eq!(world.counts(), (5, 5));
    }

    pub(super) fn a_map_is_applied(kind: Kind) {
        let world = World::new(kind);
        let database = world.test.url();
        let map = world.file(
            "map.toml",
            "empty = [\"-\"]\nignore = [\"Junk\"]\n[booleans]\ntrue = [\"1\"]\nfalse = [\"0\"]\n\
             [columns]\nWho = \"Last_Name\"\nOpt = \"Email_Opt_Out\"\n\
             [constants]\nLast_Name = \"Unknown\"\n",
        );
        let file = world.file("leads.csv", "Who,Opt,Junk\n-,1,x\nBo,0,x\n");
        let output = run(&args(&[&file, "--map", &map], &database));
        let (out, error) = (
            String::from_utf8(output.stdout),
            String::from_utf8(output.stderr),
        );
        let (out, error) = (out.unwrap(), error.unwrap());
        assert!(output.status.success(), "{error}");
        assert!(
            out.starts_with("2 of 2 rows imported into Leads in "),
            "{out}"
        );
        assert!(error.contains("columns left out: Junk"), "{error}");
        let found = world.test.open().read(|tx| {
            let sql = "SELECT \"Last_Name\", \"Email_Opt_Out\" FROM \"m_Leads\" ORDER BY id";
            let rows = tx.query(sql, &[])?;
            rows.iter()
                .map(|row| {
                    Ok((
                        row.get::<String>("Last_Name")?,
                        row.get::<bool>("Email_Opt_Out")?,
                    ))
                })
                .collect::<Result<Vec<_>, store::Fault>>()
        });
        let wanted = [("Unknown".to_owned(), true), ("Bo".to_owned(), false)];
        assert_eq!(found.unwrap(), wanted);
    }

    pub(super) fn an_import_that_is_killed_leaves_whole_batches(kind: Kind) {
        let world = World::new(kind);
        let database = world.test.url();
        // The first row of each batch is rejected, so that the rejects file says that one is in.
        let batch = crm::import::BATCH_ROWS;
        let rows = (0..30 * batch).map(|n| {
            let score = if n % batch == 0 { "x" } else { "7" };
            format!("c{n},Name {n},{score}\n")
        });
        let text = format!("Code,Last_Name,Score\n{}", rows.collect::<String>());
        let file = world.file("leads.csv", text);
        let mut child = swathe(&args(&[&file], &database)).spawn().unwrap();
        let rejects = world.path("leads.csv.rejects.csv");
        let deadline = deadline();
        while !rejects.exists() {
            assert!(before(deadline) && child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        let (records, changes) = world.counts();
        let whole = i64::try_from(batch).unwrap() - 1;
        assert!(records > 0 && records < 30 * whole, "{records}");
        assert_eq!((records % whole, records), (0, changes));
        let halves = world.test.open().read(|tx| {
            let sql = "SELECT count(*) FROM \"m_Leads\" WHERE \"Score\" IS NULL \
                       OR \"Code\" IS NULL OR \"Last_Name\" IS NULL OR \"Owner\" IS NULL";
            Ok(tx.value::<i64>(sql, &[])?)
        });
        assert_eq!(halves.unwrap(), 0);
    }

    #[expect(clippy::disallowed_methods, reason = "a test must end")]
    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[expect(clippy::disallowed_methods, reason = "a test must end")]
    fn before(deadline: Instant) -> bool {
        Instant::now() < deadline
    }
}
