//! `swathe export`, and imports through a server.

use crate::swathe::{Server, fails, json, run};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use tempfile::TempDir;
use testkit::{Kind, TestDb, each_db};

each_db! {
    what_is_exported_can_be_imported_again,
    a_spreadsheet_runs_nothing_of_an_export,
    an_export_has_every_page,
    a_view_and_a_criteria_narrow,
    an_import_goes_through_a_server,
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

[[user]]
email = "sam@example.com"
last_name = "Seller"
role = "Head"
profile = "Standard"

[[profile]]
name = "Standard"
modules = { "*" = ["view", "create", "edit"] }
fields.Leads = { Secret = "hidden" }

[[module]]
api_name = "Leads"
sharing = "public_read_only"

[[module.field]]
api_name = "Code"
type = "text"
max = 9
unique = true

[[module.field]]
api_name = "Secret"
type = "text"
max = 9

[[module.field]]
api_name = "Tools"
type = "multiselectpicklist"
values = ["Saw", "Axe"]

[[module.field]]
api_name = "Score"
type = "integer"

[[module.field]]
api_name = "Big"
type = "bigint"

[[module.field]]
api_name = "Seen"
type = "date"

[[module.field]]
api_name = "Met"
type = "datetime"

[[module.field]]
api_name = "Firm"
type = "lookup"
module = "Accounts"

[[module.field]]
api_name = "Helper"
type = "userlookup"

[[module.view]]
name = "High"
criteria = "(Score:greater_than:5)"
owner = "ada@example.com"
"#;

const SCOPES: &str = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ";

struct World {
    dir: TempDir,
    url: String,
    _test: TestDb,
}

impl World {
    fn new(kind: Kind) -> Self {
        let (dir, test) = (TempDir::new().unwrap(), TestDb::new(kind));
        let url = test.url();
        let world = Self {
            dir,
            url,
            _test: test,
        };
        let org = world.file("org.toml", ORG);
        world.said(&["org", "apply", &org]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// What a command on the database says.
    fn said(&self, args: &[&str]) -> String {
        said(&[args, &["--database", &self.url]].concat())
    }

    fn token(&self, email: &str) -> String {
        let token = self.said(&["token", "--user", email, "--scope", SCOPES]);
        token.trim().to_owned()
    }
}

fn said(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of an export without what differs between two copies of a record.
fn comparable(csv: &str) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let own = ["id", "Created_Time", "Modified_Time"];
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let cells = header.iter().zip(row.iter());
        let cells = cells.filter(|(name, _)| !own.contains(name));
        cells
            .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
            .collect()
    });
    rows.collect()
}

mod check {
    use super::*;

    const ODD: &str = "Last_Name,First_Name,Email,Description,Tools,Score,Big,Annual_Revenue,Seen,Met,\
        Owner,Helper,Lead_Source,Email_Opt_Out,Code\n\
        =1+1, blank ,a@b.co,\"two\r\nlines, and a \"\"quote\"\"\n\",Axe;Saw,-5,123456789012345678,\
        -1.50,2031-05-06,2031-05-06T07:08:09Z,sam@example.com,ada@example.com, Own ,true,a\n\
        'quoted,,,=SUM(A1),\"[\"\"a;b\"\",\"\"c\"\"]\",,,,,,,,,,\n\
        \u{1f600} É,,,,,0,0,0,1969-12-31,1969-12-31T23:59:59Z,,,,false,b\n";

    pub(super) fn what_is_exported_can_be_imported_again(kind: Kind) {
        let (one, two) = (World::new(kind), World::new(kind));
        let file = one.file("odd.csv", ODD);
        one.said(&["import", "Leads", &file]);
        let raw = ["export", "Leads", "--raw"];
        let first = one.said(&raw);
        let file = two.file("copy.csv", &first);
        two.said(&["import", "Leads", &file]);
        let second = two.said(&raw);
        assert_eq!(comparable(&first), comparable(&second));
        let rows = comparable(&first);
        let cell = |row: usize, name: &str| {
            let found = rows[row].iter().find(|(known, _)| known == name);
            found.unwrap().1.clone()
        };
        assert_eq!(rows.len(), 3);
        assert_eq!(cell(0, "Last_Name"), "=1+1");
        assert_eq!(cell(0, "First_Name"), " blank ");
        assert_eq!(cell(0, "Description"), "two\r\nlines, and a \"quote\"\n");
        assert_eq!(cell(0, "Tools"), "Axe;Saw");
        assert_eq!(cell(0, "Annual_Revenue"), "-1.5");
        assert_eq!(cell(0, "Met"), "2031-05-06T12:38:09+05:30");
        assert_eq!(cell(0, "Owner"), "sam@example.com");
        assert_eq!(cell(0, "Lead_Source"), " Own ");
        assert_eq!(cell(1, "Tools"), "[\"a;b\",\"c\"]");
        assert_eq!(cell(1, "Owner"), "ada@example.com");
        assert_eq!(cell(2, "Seen"), "1969-12-31");
        assert_eq!(cell(2, "Layout"), "Standard");
    }

    pub(super) fn a_spreadsheet_runs_nothing_of_an_export(kind: Kind) {
        let world = World::new(kind);
        let file = world.file("odd.csv", ODD);
        world.said(&["import", "Leads", &file]);
        let rows = comparable(&world.said(&["export", "Leads"]));
        let cells: Vec<&str> = rows
            .iter()
            .flatten()
            .map(|(_, cell)| cell.as_str())
            .collect();
        assert!(cells.contains(&"'=1+1") && cells.contains(&"'=SUM(A1)"));
        assert!(cells.contains(&"-1.5") && cells.contains(&"'quoted"));
        let starts = cells
            .iter()
            .filter(|cell| cell.starts_with(['=', '+', '@']));
        assert_eq!(starts.count(), 0);
        let lines = world.said(&["export", "Leads", "--format", "ndjson"]);
        let first: Json = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(first["Last_Name"], "=1+1");
        assert_eq!(first["Tools"], json!(["Axe", "Saw"]));
        assert_eq!(first["Score"], -5);
        assert_eq!(first["Annual_Revenue"].to_string(), "-1.5");
        assert_eq!(lines.lines().count(), 3);
    }

    pub(super) fn an_export_has_every_page(kind: Kind) {
        let world = World::new(kind);
        let rows = (0..4_500).map(|n| format!("L{n},{n}\n"));
        let file = format!("Last_Name,Score\n{}", rows.collect::<String>());
        let file = world.file("many.csv", &file);
        world.said(&["import", "Leads", &file]);
        let here = world.said(&["export", "Leads"]);
        let names: Vec<String> = comparable(&here)
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .find(|(name, _)| name == "Last_Name")
                    .unwrap()
                    .1
            })
            .collect();
        let wanted: Vec<String> = (0..4_500).map(|n| format!("L{n}")).collect();
        assert_eq!(names, wanted);
        let token = world.token("ada@example.com");
        let server = Server::start(&["--database", &world.url]);
        let there = ["--url", &server.url, "--token", &token];
        assert_eq!(said(&[&["export", "Leads"][..], &there].concat()), here);
        let out = world.path("out.csv");
        let out = out.to_str().unwrap();
        said(&[&["export", "Leads", "--out", out][..], &there].concat());
        assert_eq!(std::fs::read_to_string(out).unwrap(), here);
    }

    pub(super) fn a_view_and_a_criteria_narrow(kind: Kind) {
        let world = World::new(kind);
        let file = "Last_Name,Score,Secret\nA,5,x\nB,6,x\nC,7,x\n";
        let file = world.file("few.csv", file);
        world.said(&["import", "Leads", &file]);
        let names = |args: &[&str]| {
            let rows = comparable(&world.said(&[&["export", "Leads"], args].concat()));
            let name = |row: Vec<(String, String)>| {
                row.into_iter()
                    .find(|(name, _)| name == "Last_Name")
                    .unwrap()
                    .1
            };
            rows.into_iter().map(name).collect::<String>()
        };
        assert_eq!(names(&[]), "ABC");
        assert_eq!(names(&["--view", "High"]), "BC");
        assert_eq!(names(&["--criteria", "(Last_Name:equals:a)"]), "A");
        assert_eq!(
            names(&["--view", "High", "--criteria", "(Score:less_than:7)"]),
            "B"
        );
        let wrong = |args: &[&str], words: &str| {
            fails(
                &[&["export", "Leads", "--database", &world.url], args].concat(),
                1,
                words,
            );
        };
        wrong(&["--view", "Low"], "Leads has no view \"Low\"");
        wrong(&["--criteria", "(Nope:equals:1)"], "Nope");
        wrong(&["--criteria", "Nope"], "criteria: ");
        wrong(&["--user", "x@example.com"], "no active user");
        // Whom a field is hidden from does not export it.
        let sam = world.said(&["export", "Leads", "--user", "sam@example.com"]);
        assert!(sam.contains("Score") && !sam.contains("Secret"), "{sam}");
        let empty = world.said(&["export", "Accounts"]);
        assert_eq!(empty.lines().count(), 1);
        assert!(empty.starts_with("id,"), "{empty}");
    }

    pub(super) fn an_import_goes_through_a_server(kind: Kind) {
        let world = World::new(kind);
        let token = world.token("sam@example.com");
        let server = Server::start(&["--database", &world.url]);
        let there = ["--url", server.url.as_str(), "--token", &token];
        let accounts = world.file("accounts.csv", "Account_Name\nAcme\nTwin\ntwin\n");
        said(&[&["import", "Accounts", &accounts][..], &there].concat());
        let map = world.file(
            "map.toml",
            "empty = [\"-\"]\n[booleans]\ntrue = [\"Yes\"]\nfalse = [\"No\"]\n\
             [columns]\nWho = \"Last_Name\"\nOpt = \"Email_Opt_Out\"\n\
             [constants]\nLast_Name = \"Unknown\"\nHelper = \"ada@example.com\"\n",
        );
        let many = (0..250).map(|n| format!("N{n},No,c{n},,Acme,,,\n"));
        let text = format!(
            "Who,Opt,Code,Tools,Firm,Met,Owner,Layout\n\
             -,Yes,x,Axe;Saw,acme,2031-05-06T07:08:09,ada@example.com,Standard\n\
             A,No,X,,,,,\n\
             B,perhaps,,,,,,\n\
             C,,,,Twin,,,\n\
             D,,,,Nobody,,,\n\
             E,,0123456789,,,,,\n\
             F,,,,,,nobody@example.com,\n\
             G,,\n\
             {}H,,c7,,,,,\n",
            many.collect::<String>()
        );
        let file = world.file("leads.csv", &text);
        let import = ["import", "Leads", &file, "--map", &map];
        fails(
            &[&import[..], &there, &["--user", "ada@example.com"]].concat(),
            2,
            "a token has its user",
        );
        let import = [&import[..], &there].concat();
        fails(&import, 1, "8 rows were rejected");
        let rejects = std::fs::read_to_string(world.path("leads.csv.rejects.csv")).unwrap();
        let mut reader = csv::Reader::from_reader(rejects.as_bytes());
        let reasons = reader.records().map(|row| row.unwrap()[8].to_owned());
        let reasons: Vec<String> = reasons.collect();
        let other = |line: u64, reason: &str| {
            let start = format!("line {line}: Code: record 4");
            reason.starts_with(&start) && reason.ends_with(" has this value already")
        };
        assert_eq!(
            reasons[1..7],
            [
                "line 4: Email_Opt_Out: not a value of type boolean",
                "line 5: Firm: 2 records are named \"Twin\"",
                "line 6: Firm: no record is named \"Nobody\"",
                "line 7: Code: longer than 9 characters",
                "line 8: Owner: no active user has the id or e-mail \"nobody@example.com\"",
                "line 9: the row has 3 cells, the header 8",
            ]
        );
        assert_eq!(
            reasons[0],
            "line 3: Code: an earlier row has this value already"
        );
        assert!(other(260, &reasons[7]), "{reasons:?}");
        let lines = said(&[&["export", "Leads", "--format", "ndjson"][..], &there].concat());
        assert_eq!(lines.lines().count(), 251);
        let first: Json = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(first["Last_Name"], "Unknown");
        assert_eq!(first["Email_Opt_Out"], true);
        assert_eq!(first["Tools"], json!(["Axe", "Saw"]));
        assert_eq!(first["Met"], "2031-05-06T07:08:09+05:30");
        assert_eq!(first["Owner"], "ada@example.com");
        assert_eq!(first["Helper"], "ada@example.com");
        assert!(first["Firm"].is_string());

        let odd = world.file("odd.csv", "Who,Opt,Nope\nA,,\n");
        let import = ["import", "Leads", &odd, "--map", &map];
        fails(
            &[&import[..], &there].concat(),
            1,
            "odd.csv: column \"Nope\" is no field of Leads",
        );
        let unknown = ["import", "Nothing", &odd];
        fails(&[&unknown[..], &there].concat(), 1, "INVALID_MODULE");
        let stranger = ["--url", &server.url, "--token", "x"];
        fails(&[&import[..], &stranger].concat(), 1, "invalid oauth token");
        let answer = json(&[&["import", "Accounts", &accounts, "--json"][..], &there].concat());
        assert_eq!(answer["imported"], 3);
    }
}
