//! The org file against a running org.

use crm::org::{self, Started, Unfit};
use model::org::Problem;
use model::refusal::Code;
use model::time::Timestamp;
use model::value::Value;
use store::{Fault, Priority};
use testkit::{Kind, TestDb, each_db};

each_db! {
    a_file_applied_twice_changes_nothing_the_second_time,
    an_exported_org_is_the_same_org,
    a_removal_needs_permission,
    a_wrong_file_changes_nothing,
    a_field_cannot_become_unique_over_equal_values,
    serving_with_a_file_applies_it_to_an_empty_database_only,
}

const COURSE: &str = include_str!("../../../../examples/course-leads/org.toml");
const NOW: Timestamp = Timestamp(1_704_067_200_000);

fn problems(unfit: Unfit) -> Vec<Problem> {
    match unfit {
        Unfit::Problems(problems) => problems,
        Unfit::Fault(fault) => panic!("{fault}"),
    }
}

mod check {
    use super::*;

    pub(super) fn a_file_applied_twice_changes_nothing_the_second_time(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        let first = org::apply(&db, COURSE, false, NOW).unwrap();
        assert!(first.changed && !first.changes.is_empty());
        let second = org::apply(&db, COURSE, false, NOW).unwrap();
        assert_eq!((second.changed, second.version), (false, first.version));
        let plus = |kind| second.changes.iter().filter(|c| c.kind == kind).count();
        assert_eq!(plus(model::org::ChangeKind::Add), 0);
        assert_eq!(plus(model::org::ChangeKind::Modify), 0);
    }

    pub(super) fn an_exported_org_is_the_same_org(kind: Kind) {
        let (one, two) = (TestDb::new(kind), TestDb::new(kind));
        let (one, two) = (one.open(), two.open());
        org::apply(&one, COURSE, false, NOW).unwrap();
        let text = org::export(&one).unwrap();
        assert!(!org::apply(&one, &text, false, NOW).unwrap().changed);
        assert!(org::apply(&two, &text, false, NOW).unwrap().changed);
        assert_eq!(org::export(&two).unwrap(), text);
    }

    pub(super) fn a_removal_needs_permission(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        org::apply(&db, COURSE, false, NOW).unwrap();
        let remove = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\n\
                      api_name = \"Remark\"\nremove = true\n\
                      [[module.view]]\nname = \"Answered Lately\"\nremove = true\n";
        let told = problems(org::apply(&db, remove, false, NOW).unwrap_err());
        assert_eq!((told[0].line, told.len()), (4, 2), "{told:?}");
        let module = || {
            let catalog = db.read(|tx| Ok(tx.catalog()?)).unwrap();
            catalog.module("Leads").unwrap().clone()
        };
        assert!(module().field("Remark").is_some());
        assert!(org::apply(&db, remove, true, NOW).unwrap().changed);
        assert!(module().field("Remark").is_none());
    }

    pub(super) fn a_wrong_file_changes_nothing(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        let wrong =
            format!("{COURSE}\n[[module.view]]\nname = \"X\"\ncriteria = \"(Nope:equals:1)\"\n");
        let told = problems(org::apply(&db, &wrong, false, NOW).unwrap_err());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].message.contains("Nope"), "{told:?}");
        assert!(db.read(|tx| Ok(tx.find_catalog())).unwrap().is_none());
    }

    pub(super) fn a_field_cannot_become_unique_over_equal_values(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        org::apply(&db, COURSE, false, NOW).unwrap();
        db.write(Priority::Interactive, |tx| {
            let catalog = tx.catalog()?;
            let admin = catalog
                .user_by_email("admin@lantern-lane.example.com")
                .unwrap();
            let actor = crm::Actor::of(&catalog, admin.id)?;
            let module = catalog.module("Leads").unwrap();
            let cause = store::changes::Cause::Api;
            let writing = crm::Writing::of(&actor, module, cause, NOW);
            let row = || vec![(module.field("Last_Name").unwrap(), Value::from("Same"))];
            crm::record::create(tx, writing, vec![row(), row()])
        })
        .unwrap();
        let unique = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\n\
                      api_name = \"Last_Name\"\nunique = true\n";
        match org::apply(&db, unique, false, NOW) {
            Err(Unfit::Fault(Fault::Refused(refusal))) => {
                assert_eq!(refusal.code, Code::DuplicateData);
            }
            other => panic!("{other:?}"),
        }
        let differs = org::diff(&db, unique).unwrap();
        assert!(!differs.is_empty());
    }

    pub(super) fn serving_with_a_file_applies_it_to_an_empty_database_only(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        let first = org::start(&db, COURSE, NOW).unwrap();
        assert!(matches!(first, Started::Applied(_)), "{first:?}");
        let more = format!(
            "{COURSE}\n[[role]]\nname = \"Night Desk\"\nreports_to = \"Head of Admissions\"\n"
        );
        let Started::Differs(changes) = org::start(&db, &more, NOW).unwrap() else {
            panic!("applied");
        };
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert!(
            lines.iter().any(|line| line.contains("Night Desk")),
            "{lines:?}"
        );
        assert!(!org::export(&db).unwrap().contains("Night Desk"));
    }
}
