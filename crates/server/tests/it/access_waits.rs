//! A chunk that waits for a record must judge what its actor may do with it as that is when the wait
//! is over. On SQLite nobody waits for a record.

use crate::api::Api;
use jobs::Step;
use serde_json::json;
use std::sync::Mutex;
use store::Priority;
use testkit::Kind;

/// A lead of the administrator, in Iberia and lent to Joana, whose job waits for it while something
/// happens. Answers how the job ended: the code of its one outcome, if it failed.
fn ended(without: &[&str], meanwhile: &str) -> Option<String> {
    let api = Api::start_demo(Kind::Postgres);
    api.make_private("Leads");
    let (ada, joana) = (api.caller("admin"), api.caller("joana"));
    let id = ada.make_leads(1).remove(0);
    let body = json!({ "data": [{ "Territories": [{ "id": api.territory("Iberia") }] }] });
    let path = format!("Leads/{id}/actions/assign_territories");
    assert_eq!(ada.post(&path, &body).codes(), ["SCHEDULED"]);
    let user = api.user("joana");
    let module = api.catalog().module("Leads").unwrap().id;
    api.execute(&format!(
        "INSERT INTO record_shares (record, user_id, module, permission, actor, at)
         VALUES ({id}, {user}, {module}, 'read_write', {user}, 0)"
    ));
    for table in without {
        api.execute(&format!("DELETE FROM {table}"));
    }
    let mass = json!({
        "data": [{ "Lead_Source": "Chat" }], "cvid": api.view("Leads", "All Leads"),
    });
    joana.schedule(&mass);
    let worker = Mutex::new(api.worker());
    assert!(matches!(worker.lock().unwrap().step(), Step::Claimed(_)));
    std::thread::scope(|scope| {
        let changed = api.db.write(Priority::Interactive, |tx| {
            tx.execute("UPDATE \"m_Leads\" SET rev = rev + 1", &[])?;
            tx.execute(meanwhile, &[])?;
            scope.spawn(|| worker.lock().unwrap().step());
            let waiting = "SELECT count(*) FROM pg_locks
                WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
            for _ in 0..100_000 {
                if tx.value::<i64>(waiting, &[])? > 0 {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        assert!(changed.unwrap(), "the chunk does not wait");
    });
    let codes = api.rows("job_outcomes", &["code"]);
    codes.first().map(|row| row.replace("job_outcomes: ", ""))
}

#[test]
fn a_record_out_of_reach_when_the_wait_is_over_is_not_changed() {
    let not_visible = Some("NOT_VISIBLE".to_owned());
    let denied = Some("CANNOT_PERFORM_ACTION".to_owned());
    let by_share: &[&str] = &["record_territories"];
    let by_territory: &[&str] = &["record_shares"];
    for (without, meanwhile, wanted) in [
        (by_share, "DELETE FROM record_shares", &not_visible),
        (
            by_share,
            "UPDATE record_shares SET permission = 'read_only'",
            &denied,
        ),
        (
            by_share,
            "UPDATE record_shares SET permission = 'full_access'",
            &None,
        ),
        (by_territory, "DELETE FROM record_territories", &not_visible),
        (by_territory, "UPDATE record_territories SET at = 1", &None),
    ] {
        assert_eq!(&ended(without, meanwhile), wanted, "{meanwhile}");
    }
}
