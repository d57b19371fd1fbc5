//! `swathe demo`: every count is as it was arranged, and the view holds at the end what it held.

use crate::desk::said;
use crate::swathe::{fails, json, run};
use serde_json::Value as Json;
use testkit::{Kind, TestDb, each_db};

each_db! {
    it_goes_there_and_back,
    it_tells_people_each_count,
}

const RECORDS: &str = "120";

fn args<'a>(database: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let place = ["--database", database, "--listen", "127.0.0.1:0"];
    let demo = ["demo", "--exit", "--records", RECORDS];
    [&demo[..], &place, more].concat()
}

mod check {
    use super::*;

    pub(super) fn it_goes_there_and_back(kind: Kind) {
        let test = TestDb::new(kind);
        let database = test.url();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("credentials.json");
        let place = ["--json", "--credentials", file.to_str().unwrap()];
        let told = json(&args(&database, &place));
        assert_eq!(told["as_planned"], true, "{told}");
        assert_eq!(told["records"], 120);
        assert_eq!(told["changed"], 84);
        assert_eq!(
            told["failed_by_code"],
            serde_json::json!({"RECORD_LOCKED": 36})
        );
        assert_eq!(told["left_in_view"], 120);
        assert_eq!(told["accounts"], serde_json::json!([0, 4, 0]));
        let converted = [
            "Conversion 1",
            "Conversion of the demo 1",
            "Conversion of the demo",
        ];
        assert_eq!(told["converted"], serde_json::json!(converted));
        let steps = told["steps"].as_array().unwrap();
        let names: Vec<&str> = steps
            .iter()
            .map(|step| step["step"].as_str().unwrap())
            .collect();
        let wanted = [
            "mass update through the wire API",
            "undo of that",
            "mass update, planned",
            "mass update from the plan",
            "undo of that job",
            "the same mass update once more, planned",
            "change of owner of other leads, planned",
            "change of owner from the plan",
            "undo of that job",
            "conversion of other leads, planned",
            "conversion from the plan",
            "undo of that job",
            "mass delete of other leads, planned",
            "mass delete from the plan",
            "undo of that job",
        ];
        assert_eq!(names, wanted);
        assert!(
            steps.iter().all(|step| step["as_planned"] == true),
            "{told}"
        );
        #[cfg(unix)]
        {
            let mode = std::fs::metadata(&file).unwrap().permissions();
            let mode = std::os::unix::fs::PermissionsExt::mode(&mode);
            assert_eq!(mode & 0o777, 0o600);
        }
        let written: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(written["user_email"], "admin@kestrel-rowe.example.com");
        fails(&args(&database, &[]), 1, "has an org already");
    }

    pub(super) fn it_tells_people_each_count(kind: Kind) {
        let test = TestDb::new(kind);
        let database = test.url();
        let args = args(&database, &[]);
        let (out, error) = said(&run(&args), &args, 0);
        for words in [
            "mass update from the plan",
            "undo of that job",
            "RECORD_LOCKED",
            "Trade Show",
            "\"Open Leads\" holds 120 records again",
        ] {
            assert!(out.contains(words), "{words}: {out}");
        }
        assert!(error.contains("a second"), "{error}");
        assert!(
            !out.contains("NO\n") && !error.contains("NOT AS PLANNED"),
            "{out}{error}"
        );
    }
}
