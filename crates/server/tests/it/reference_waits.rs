//! A record that something is about to refer to is not deleted before that is seen. On SQLite nobody
//! waits for a record.

use crate::api::Api;
use crate::convert::converted;
use crate::undo::{ask, failed, newest};
use crate::undo_convert::{became, lead_of, there};
use crm::actor::Actor;
use crm::input::check_references;
use model::id::RecordId;
use model::value::Value;
use serde_json::json;
use std::thread;
use store::{Fault, Priority, Tx};
use testkit::Kind;

/// Refers to a contact from a deal, as a request does before it writes.
fn refer(api: &Api, tx: &mut Tx, contact: &str) -> Result<(), Fault> {
    let catalog = tx.catalog()?;
    let actor = Actor::of(&catalog, api.user("admin"))?;
    let field = catalog
        .module("Deals")
        .unwrap()
        .field("Contact_Name")
        .unwrap();
    let value = Value::Int(contact.parse().unwrap());
    let dangling = check_references(tx, &actor, &[vec![(field, &value)].into()])?;
    assert_eq!(dangling, [None]);
    Ok(())
}

#[test]
fn an_undo_waits_for_who_is_about_to_refer_to_what_it_deletes() {
    let api = Api::start_demo(Kind::Postgres);
    let ada = api.caller("admin");
    let deal = json!({
        "Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2031-06-30",
    });
    let deal = ada.make("Deals", &[deal]).remove(0);
    let lead = ada.make("Leads", &[lead_of("a", None)]).remove(0);
    converted(&ada, &lead, &json!({}));
    let contact = became(&api, &lead)[0].clone();
    assert_eq!(ask(&api, "admin", &newest(&api), "").status, 202);
    thread::scope(|scope| {
        let waited = api.db.write(Priority::Interactive, |tx| {
            refer(&api, tx, &contact)?;
            scope.spawn(|| api.run_jobs());
            let waiting = "SELECT count(*) FROM pg_locks
                WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
            for _ in 0..100_000 {
                if tx.value::<i64>(waiting, &[])? > 0 {
                    let sql = format!(
                        "UPDATE \"m_Deals\" SET \"Contact_Name\" = {contact} WHERE id = {deal}"
                    );
                    tx.execute(&sql, &[])?;
                    return Ok(true);
                }
            }
            Ok(false)
        });
        assert!(waited.unwrap(), "the undo does not wait");
    });
    assert!(there(&api, "Contacts", &contact));
    assert_eq!(failed(&api, &newest(&api), &contact), "CHANGED_SINCE");
}

#[test]
fn who_refers_to_a_record_and_who_writes_it_wait_for_nobody() {
    let api = Api::start_demo(Kind::Postgres);
    let ada = api.caller("admin");
    let contact = ada
        .make("Contacts", &[json!({ "Last_Name": "C" })])
        .remove(0);
    let deal = json!({ "data": [{
        "Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2031-06-30",
        "Contact_Name": { "id": contact },
    }] });
    let named = json!({ "data": [{ "Department": "Sales" }] });
    thread::scope(|scope| {
        let written = api.db.write(Priority::Interactive, |tx| {
            refer(&api, tx, &contact)?;
            let put = scope.spawn(|| ada.put(&format!("Contacts/{contact}"), &named).status);
            Ok(put.join().unwrap())
        });
        assert_eq!(written.unwrap(), 200);
        let referred = api.db.write(Priority::Interactive, |tx| {
            let id = RecordId(contact.parse().unwrap());
            let catalog = tx.catalog()?;
            store::records::lock(tx, catalog.module("Contacts").unwrap(), &[], &[id])?;
            let post = scope.spawn(|| ada.post("Deals", &deal).status);
            Ok(post.join().unwrap())
        });
        assert_eq!(referred.unwrap(), 201);
    });
}
