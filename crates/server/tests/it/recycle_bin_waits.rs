//! A request that waits for a record in the recycle bin must judge it as it is when the wait is over.
//! On SQLite nobody waits for a record.

use crate::api::{Api, Reply};
use crate::demo::{Caller, error};
use crate::recycle_bin::{BIN, delete, restore};
use serde_json::json;
use store::Priority;
use testkit::Kind;

/// What a request about a record in the bin is answered that waits while the record comes back, and
/// the record's id.
fn answered(ask: impl FnOnce(&Caller<'_>, &str) -> Reply + Send) -> (Reply, String) {
    let api = Api::start_demo(Kind::Postgres);
    let ada = api.caller("admin");
    let id = ada.make_leads(1).remove(0);
    delete(&ada, "Leads", std::slice::from_ref(&id));
    let reply = std::thread::scope(|scope| {
        let mut ask = Some(|| ask(&ada, &id));
        let asked = api.db.write(Priority::Interactive, |tx| {
            tx.execute("DELETE FROM deleted_records", &[])?;
            let asked = ask.take().map(|ask| scope.spawn(ask));
            let waiting = "SELECT count(*) FROM pg_locks
                WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
            for _ in 0..100_000 {
                if tx.value::<i64>(waiting, &[])? > 0 {
                    return Ok(asked);
                }
            }
            Ok(None)
        });
        let asked = asked.unwrap().expect("the request does not wait");
        asked.join().unwrap()
    });
    (reply, id)
}

fn is_unknown((reply, id): (Reply, String)) {
    let text = "the id given seems to be invalid";
    let wanted = error("INVALID_DATA", text, &json!({ "id": id }));
    reply.is(400, &json!({ "recycle_bin": [wanted] }));
}

#[test]
fn a_record_that_came_back_meanwhile_is_not_removed_for_good() {
    is_unknown(answered(|ada, id| ada.delete(&format!("{BIN}/{id}"))));
}

#[test]
fn a_record_that_came_back_meanwhile_is_not_restored_again() {
    is_unknown(answered(|ada, id| restore(ada, &[id.to_owned()])));
}
