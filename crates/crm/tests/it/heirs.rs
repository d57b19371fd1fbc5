//! What belongs to records goes on with what they become.

use crm::record::{self, Along, Heirs};
use crm::{Actor, Writing, org};
use model::field::Field;
use model::id::{JobId, RecordId};
use model::time::Timestamp;
use model::value::Value;
use std::collections::HashMap;
use store::changes::Cause;
use store::{Priority, Tx};
use testkit::{Kind, TestDb, each_db};

each_db! {
    activities_are_handed_over_with_a_change_of_the_job,
}

const COURSE: &str = include_str!("../../../../examples/course-leads/org.toml");
const NOW: Timestamp = Timestamp(1_704_067_200_000);

fn make(tx: &mut Tx, actor: &Actor, module: &str, values: &[(&str, Value)]) -> RecordId {
    let module = actor.catalog.module(module).unwrap();
    let writing = Writing::of(actor, module, Cause::Api, NOW);
    let field = |(name, value): &(&str, Value)| (module.field(name).unwrap(), value.clone());
    let row: Vec<(&Field, Value)> = values.iter().map(field).collect();
    record::create(tx, writing, vec![row])
        .unwrap()
        .remove(0)
        .unwrap()
}

mod check {
    use super::*;

    pub(super) fn activities_are_handed_over_with_a_change_of_the_job(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        org::apply(&db, COURSE, false, NOW).unwrap();
        let told = db.write(Priority::Interactive, |tx| {
            let catalog = tx.catalog()?;
            let actor = Actor::of(&catalog, catalog.users[0].id)?;
            let lead = make(tx, &actor, "Leads", &[("Last_Name", "L".into())]);
            let [old, new] =
                ["A", "B"].map(|n| make(tx, &actor, "Contacts", &[("Last_Name", n.into())]));
            let account = make(tx, &actor, "Accounts", &[("Account_Name", "M".into())]);
            let about = ("What_Id", Value::Int(lead.0));
            let who = ("Who_Id", Value::Int(old.0));
            let task = make(
                tx,
                &actor,
                "Tasks",
                &[("Subject", "T".into()), about.clone()],
            );
            let with = make(tx, &actor, "Tasks", &[("Subject", "U".into()), about, who]);
            let leads = catalog.module("Leads").unwrap();
            let writing = Writing {
                job: Some(JobId(7)),
                ..Writing::of(&actor, leads, Cause::Job, NOW)
            };
            let along = Along::of(tx, writing, &[lead])?;
            assert_eq!((along.reach, along.check(lead)), (1, Ok(())));
            let heirs = Heirs {
                person: Some(new),
                related: Some(account),
                owner: None,
            };
            let moved = along.hand_over(tx, writing, &HashMap::from([(lead, heirs)]), &[])?;
            assert_eq!(moved, [task, with]);
            assert_eq!(Along::of(tx, writing, &[lead])?.counts(), HashMap::new());
            let tasks = catalog.module("Tasks").unwrap();
            let fields: Vec<&Field> = ["What_Id", "Who_Id"]
                .map(|n| tasks.field(n).unwrap())
                .into();
            let now = store::records::lock(tx, tasks, &fields, &moved)?;
            let values: Vec<Vec<Value>> = now.into_iter().map(|record| record.values).collect();
            let wanted = |who: RecordId| vec![Value::Int(account.0), Value::Int(who.0)];
            assert_eq!(values, [wanted(new), wanted(old)]);
            Ok((moved, store::deeds::of_along(tx, JobId(7))?))
        });
        let (moved, along) = told.unwrap();
        let along: Vec<RecordId> = along.into_iter().map(|made| made.record).collect();
        assert_eq!(along, moved);
        let changes = db
            .read(|tx| Ok(store::changes::by_job(tx, JobId(7), &moved)?))
            .unwrap();
        assert!(changes.iter().all(|past| past.cause == Cause::Parent));
        assert_eq!(changes.len(), 2);
    }
}
