//! Imports: what goes in, what is rejected and why, and that a batch goes in whole.

use crm::import::{Import, Rejected, Row, Rows, Unusable};
use crm::org;
use model::id::UserId;
use model::import_map::ImportMap;
use model::time::Timestamp;
use model::value::Value;
use store::records::{self, Filter, Order};
use store::{Db, Fault};
use testkit::{Kind, TestDb, each_db};

each_db! {
    every_kind_of_bad_cell_is_told_with_its_line,
    cells_become_values_of_their_kind,
    a_map_gives_fields_constants_and_meanings,
    a_header_that_does_not_fit_is_told_before_anything_is_loaded,
    lookups_are_found_by_id_and_by_unique_name,
    unique_values_hold_against_the_table_and_within_the_file,
    the_org_may_change_while_an_import_runs,
    a_profile_without_the_right_may_not_import,
    a_whole_batch_goes_in_at_once,
    rows_that_break_a_rule_or_a_layout_are_told_with_their_line,
}

const NOW: Timestamp = Timestamp(1_704_067_200_000);
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
email = "Sam@example.com"
last_name = "Seller"
role = "Head"
profile = "Standard"

[[user]]
email = "gone@example.com"
last_name = "Gone"
role = "Head"
profile = "Standard"
status = "inactive"

[[profile]]
name = "Watcher"
modules = { "*" = ["view"] }

[[user]]
email = "watcher@example.com"
last_name = "Watcher"
role = "Head"
profile = "Watcher"

[[module]]
api_name = "Leads"

[[module.field]]
api_name = "Tools"
label = "Tools used"
type = "multiselectpicklist"
values = ["Saw", "Axe"]

[[module.field]]
api_name = "Code"
type = "text"
max = 5
unique = true

[[module.field]]
api_name = "Score"
type = "integer"

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
"#;

struct World {
    db: Db,
    _test: TestDb,
}

impl World {
    fn new(kind: Kind) -> Self {
        let test = TestDb::new(kind);
        let db = test.open();
        match org::apply(&db, ORG, false, NOW) {
            Ok(_) => {}
            Err(unfit) => panic!("{unfit:?}"),
        }
        Self { db, _test: test }
    }

    fn user(&self, email: &str) -> UserId {
        let catalog = self.db.read(|tx| Ok(tx.catalog()?)).unwrap();
        catalog.user_by_email(email).unwrap().id
    }

    fn open(&self, module: &str, header: &str, map: ImportMap) -> Result<Import, Unusable> {
        let headers: Vec<String> = header.split(',').map(str::to_owned).collect();
        Import::open(
            &self.db,
            self.user("ada@example.com"),
            module,
            &headers,
            map,
        )
    }

    /// Imports a file without a map; answers why rows were rejected.
    fn import(&self, module: &str, text: &str) -> Vec<String> {
        self.import_by(module, text, ImportMap::none())
    }

    fn import_by(&self, module: &str, text: &str, map: ImportMap) -> Vec<String> {
        let (header, rows) = parts(text);
        let mut import = self.open(module, &header, map).unwrap();
        let rejected = load(&mut import, &rows).unwrap();
        rejected
            .into_iter()
            .map(|rejected| rejected.reason)
            .collect()
    }

    /// The values of a field in all records, in the order they were made.
    fn column(&self, module: &str, field: &str) -> Vec<Value> {
        let found = self.db.read(|tx| {
            let catalog = tx.catalog()?;
            let module = catalog.module(module).unwrap();
            let fields = [module.field(field).unwrap()];
            let (all, page) = (Filter::everything(), (0, 1000));
            Ok(records::list(
                tx,
                module,
                &fields,
                &all,
                Order::BY_ID,
                page,
            )?)
        });
        let found = found.unwrap().into_iter();
        found.map(|mut record| record.values.remove(0)).collect()
    }
}

fn load(import: &mut Import, rows: &[Row]) -> Result<Vec<Rejected>, Fault> {
    let mut batch = import.reader().read(rows.to_vec());
    import.load(&mut batch, NOW)
}

fn parts(text: &str) -> (String, Vec<Row>) {
    let mut rows = Rows::new(text.as_bytes());
    let header = rows.next_row().unwrap().unwrap();
    let header: Vec<&str> = header.texts().collect();
    let rest = std::iter::from_fn(|| rows.next_row().unwrap()).collect();
    (header.join(","), rest)
}

fn text(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::from(*text)).collect()
}

fn told(unusable: Result<Import, Unusable>) -> Vec<String> {
    match unusable {
        Ok(_) => panic!("usable"),
        Err(Unusable::Header(problems)) => problems,
        Err(Unusable::Map(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(Unusable::Fault(fault)) => panic!("{fault}"),
    }
}

mod check {
    use super::*;

    pub(super) fn every_kind_of_bad_cell_is_told_with_its_line(kind: Kind) {
        let world = World::new(kind);
        let long = "x".repeat(81);
        let file = format!(
            "Last_Name,Email,Score,Annual_Revenue,Seen,Met,Email_Opt_Out,Code,Owner,Firm\n\
             Good,a@b.co,1,1.25,2031-05-06,2031-05-06T07:08:09,true,1,sam@example.com,\n\
             {long},x,1.5,1.234,2023-02-29,yesterday,perhaps,123456,nobody@example.com,None\n\
             ,,,,,,,,,\n\
             ,a@b.co,,,,,,,,\n\
             Short,row\n\
             Inactive,,,,,,,,gone@example.com,\n\
             Nowhere,,,,,,,,,4150868000999999999\n\
             Nobody,,,,,,,,,Nobody Ltd\n\
             \"Two\nlines\",,,,,,,,,\n\
             Number,,12345678901,,,,,,,\n\
             Last,,,,,,,,,\n"
        );
        assert_eq!(
            world.import("Leads", &file),
            [
                "line 3: Last_Name: longer than 80 characters; Email: not a value of type email; \
                 Score: not a value of type integer; Annual_Revenue: more than 2 decimal places; \
                 Seen: not a value of type date; Met: not a value of type datetime; \
                 Email_Opt_Out: not a value of type boolean; Code: longer than 5 characters; \
                 Owner: no active user has the id or e-mail \"nobody@example.com\"",
                "line 4: all cells are empty",
                "line 5: Last_Name: a value is needed",
                "line 6: the row has 2 cells, the header 10",
                "line 7: Owner: no active user has the id or e-mail \"gone@example.com\"",
                "line 8: Firm: no record has this id",
                "line 9: Firm: no record of Accounts is named \"Nobody Ltd\"",
                "line 10: Last_Name: not a value of type text",
                "line 12: Score: longer than 9 characters",
            ]
        );
        assert_eq!(world.column("Leads", "Last_Name"), text(&["Good", "Last"]));
    }

    pub(super) fn cells_become_values_of_their_kind(kind: Kind) {
        let world = World::new(kind);
        let sam = world.user("sam@example.com");
        let file = format!(
            "Last Name,tools USED,Score,Annual_Revenue,Seen,Met,Email_Opt_Out,Owner,Helper,Layout,\
             Lead_Source,Created_Time,Full_Name,_reason,id\n \
             Blanks , Axe;Saw ;Other, 12 ,-1.50,1970-01-02,1970-01-01T05:30:01,TRUE,\
             SAM@EXAMPLE.COM,{sam},Standard,Not a pick,then,x,why,7\n\
             Plain,\"[\"\"a;b\"\"]\",,,,,,,,,,,,,\n"
        );
        assert_eq!(world.import("Leads", &file), Vec::<String>::new());
        let of = |field: &str| world.column("Leads", field);
        assert_eq!(of("Last_Name"), text(&[" Blanks ", "Plain"]));
        assert_eq!(of("Full_Name"), text(&[" Blanks ", "Plain"]));
        assert_eq!(
            of("Tools"),
            text(&[r#"["Axe","Saw","Other"]"#, r#"["a;b"]"#])
        );
        assert_eq!(of("Score"), [12.into(), Value::Null]);
        assert_eq!(of("Annual_Revenue"), [(-150).into(), Value::Null]);
        assert_eq!(of("Seen"), [1.into(), Value::Null]);
        assert_eq!(of("Met"), [1000.into(), Value::Null]);
        assert_eq!(of("Email_Opt_Out"), [true.into(), false.into()]);
        let ada = world.user("ada@example.com");
        assert_eq!(of("Owner"), [sam.0.into(), Value::from(ada.0)]);
        assert_eq!(of("Helper"), [sam.0.into(), Value::Null]);
        assert_eq!(of("Lead_Source"), text(&["Not a pick", ""]));
        assert_eq!(of("Created_Time"), [NOW.0.into(), Value::from(NOW.0)]);
    }

    pub(super) fn a_map_gives_fields_constants_and_meanings(kind: Kind) {
        let world = World::new(kind);
        let map = "empty = [\"Select\", \"-\"]\nignore = [\"Junk\"]\n\
                   [booleans]\ntrue = [\"Yes\"]\nfalse = [\"No\"]\n\
                   [columns]\nSurname = \"Last_Name\"\nOpt = \"Email_Opt_Out\"\nFrom = \"Lead_Source\"\n\
                   [constants]\nLast_Name = \"Unknown\"\nOwner = \"sam@example.com\"\n\
                   [values.From]\ngoogle = \"Google\"\n";
        let file = "Surname,Opt,From,Junk,Code\n Ada ,Yes,google,x,1\nSelect,No,Select,y,-\n\
                    Odd,true,x,,\n";
        let map = ImportMap::parse(map).unwrap();
        assert_eq!(
            world.import_by("Leads", file, map),
            ["line 4: Email_Opt_Out: not a value of type boolean"]
        );
        let of = |field: &str| world.column("Leads", field);
        assert_eq!(of("Last_Name"), text(&["Ada", "Unknown"]));
        assert_eq!(of("Email_Opt_Out"), [true.into(), false.into()]);
        assert_eq!(of("Lead_Source"), text(&["Google", ""]));
        assert_eq!(of("Code"), text(&["1", ""]));
        let sam = world.user("sam@example.com").0;
        assert_eq!(of("Owner"), [sam.into(), Value::from(sam)]);
    }

    pub(super) fn a_header_that_does_not_fit_is_told_before_anything_is_loaded(kind: Kind) {
        let world = World::new(kind);
        let none = ImportMap::none;
        assert_eq!(
            told(world.open("Leads", "First_Name,Nope,Email,email,Odd", none())),
            [
                "column \"Nope\" is no field of Leads",
                "column \"Odd\" is no field of Leads",
                "columns \"Email\" and \"email\" both are Email",
                "the mandatory field Last_Name has no column",
            ]
        );
        let map = "[columns]\nA = \"Last_Name\"\n[constants]\nOwner = \"x@example.com\"\n";
        assert_eq!(
            told(world.open("Leads", "B", ImportMap::parse(map).unwrap())),
            [
                "column \"B\" is no field of Leads",
                "there is no column \"A\", which the map names",
                "constant Owner: no active user has the id or e-mail \"x@example.com\"",
                "the mandatory field Last_Name has no column",
            ]
        );
        let map = "[columns]\nA = \"Nope\"\n";
        assert_eq!(
            told(world.open("Leads", "A", ImportMap::parse(map).unwrap())),
            ["2:5: unknown field Leads.Nope"]
        );
        let refused = world.open("Nothing", "A", none());
        assert!(matches!(refused, Err(Unusable::Fault(Fault::Refused(_)))));
    }

    pub(super) fn lookups_are_found_by_id_and_by_unique_name(kind: Kind) {
        let world = World::new(kind);
        let accounts = "Account_Name\nAcme\nTwin\ntwin\n1234\n";
        assert_eq!(world.import("Accounts", accounts), Vec::<String>::new());
        let ids = world.db.read(|tx| {
            let catalog = tx.catalog()?;
            let module = catalog.module("Accounts").unwrap();
            Ok(records::select_ids(tx, module, &Filter::everything(), 9)?)
        });
        let acme = ids.unwrap()[0].0;
        let file = format!("Last_Name,Firm\nA,ACME\nB,{acme}\nC,Twin\nD,1234\nE,\nF,acme\n");
        assert_eq!(
            world.import("Leads", &file),
            ["line 4: Firm: 2 records of Accounts are named \"Twin\""]
        );
        let firms = world.column("Leads", "Firm");
        assert_eq!(firms[..2], [acme.0.into(), Value::from(acme.0)]);
        assert!(!firms[2].is_null());
        assert_eq!(firms[3..], [Value::Null, acme.0.into()]);
    }

    pub(super) fn unique_values_hold_against_the_table_and_within_the_file(kind: Kind) {
        let world = World::new(kind);
        let first = "Last_Name,Code\nA,aa\nB,É\nC,AA\nD,é\nE,\nF,\n";
        assert_eq!(
            world.import("Leads", first),
            [
                "line 4: Code: an earlier row has this value already",
                "line 5: Code: an earlier row has this value already",
            ]
        );
        let again = world.import("Leads", "Last_Name,Code\nG,Aa\nH,new\n");
        assert_eq!(again.len(), 1);
        assert!(again[0].starts_with("line 2: Code: record 4"), "{again:?}");
        assert!(again[0].ends_with(" has this value already"), "{again:?}");
        assert_eq!(
            world.column("Leads", "Last_Name"),
            text(&["A", "B", "E", "F", "H"])
        );
    }

    pub(super) fn the_org_may_change_while_an_import_runs(kind: Kind) {
        let world = World::new(kind);
        let (header, rows) = parts("Last_Name,Remark\nA,x\nB,x\n");
        let wider = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Remark\"\n\
                     type = \"text\"\nmax = 9\n";
        org::apply(&world.db, wider, false, NOW).unwrap();
        let mut import = world.open("Leads", &header, ImportMap::none()).unwrap();
        let one = std::slice::from_ref(&rows[0]);
        assert_eq!(load(&mut import, one).unwrap(), []);
        let more = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Other\"\n\
                    type = \"text\"\nmax = 9\n";
        org::apply(&world.db, more, false, NOW).unwrap();
        assert_eq!(load(&mut import, one).unwrap(), []);
        let gone = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Remark\"\n\
                    remove = true\n";
        org::apply(&world.db, gone, true, NOW).unwrap();
        match load(&mut import, one) {
            Err(Fault::Refused(refusal)) => assert_eq!(
                refusal.message,
                "the org changed while the import ran: column \"Remark\" is no field of Leads"
            ),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.column("Leads", "Last_Name"), text(&["A", "A"]));
    }

    pub(super) fn a_profile_without_the_right_may_not_import(kind: Kind) {
        let world = World::new(kind);
        let watcher = world.user("watcher@example.com");
        let header = ["Last_Name".to_owned()];
        let refused = Import::open(&world.db, watcher, "Leads", &header, ImportMap::none());
        let Err(Unusable::Fault(Fault::Refused(refusal))) = refused else {
            panic!("may");
        };
        assert_eq!(
            refusal.details["permissions"][0],
            "Crm_Implied_Create_Leads"
        );
    }

    pub(super) fn a_whole_batch_goes_in_at_once(kind: Kind) {
        let world = World::new(kind);
        world.import("Accounts", "Account_Name\nAcme\n");
        let rows = (0..crm::import::BATCH_ROWS).map(|n| format!("L{n},c{n:04},Acme\n"));
        let file = format!("Last_Name,Code,Firm\n{}", rows.collect::<String>());
        assert_eq!(world.import("Leads", &file), Vec::<String>::new());
        let count = world.db.read(|tx| {
            let catalog = tx.catalog()?;
            let module = catalog.module("Leads").unwrap();
            Ok(records::count(tx, module, &Filter::everything())?)
        });
        assert_eq!(count.unwrap(), 2_000);
    }

    pub(super) fn rows_that_break_a_rule_or_a_layout_are_told_with_their_line(kind: Kind) {
        let world = World::new(kind);
        let rules = r#"
[[module]]
api_name = "Leads"
[[module.layout]]
name = "Standard"
values = { Tools = ["Saw"] }
[[module.layout.section]]
name = "Lead"
fields = ["Last_Name", "Tools", "Score", "Code"]
[[module.validation_rule]]
name = "Scored ones have a code"
criteria = "((Score:greater_than:5)and(Code:equals:${EMPTY}))"
message = "A high score needs a code."
"#;
        org::apply(&world.db, rules, false, NOW).unwrap();
        let text = "Last_Name,Score,Code,Tools\nA,9,,\nB,9,x,Saw\nC,5,,\nD,1,,Axe\n";
        assert_eq!(
            world.import("Leads", text),
            [
                "line 2: Score: A high score needs a code.",
                "line 5: Tools: picklist not found in record layout",
            ]
        );
        assert_eq!(world.column("Leads", "Last_Name"), super::text(&["B", "C"]));
    }
}
