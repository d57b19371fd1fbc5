//! What stands there when a lead is converted: as it is when its turn comes, whatever happened
//! meanwhile, and with all that keeps it from being changed.

use crate::api::{Api, Reply};
use crate::asked::Asker;
use crate::convert::{convert, converted, lead};
use crate::demo::{Caller, run};
use crate::mass_convert::SCOPES;
use crate::undo::{came_to, undone};
use model::people::{FieldRight, Right};
use serde_json::{Value as Json, json};
use store::Priority;
use testkit::{Kind, each_db};

each_db! {
    tags_do_not_go_to_what_is_held,
    a_held_record_keeps_the_tags_of_an_undone_conversion,
    names_and_accounts_are_written_only_by_who_may_write_them,
    an_owner_is_asked_only_for_what_is_made,
    options_leave_out_fields_that_are_not_seen,
    of_several_the_one_with_the_first_id_is_taken_in_chunks_of_any_size,
}

/// What a conversion answers that waits for a contact of the lead's address while `meanwhile` is done
/// to it, and the contact. On SQLite nobody waits for a record.
fn answered(api: &Api, caller: &Caller<'_>, contact: &str, meanwhile: &[String]) -> Reply {
    let values = json!({ "Last_Name": "Ode", "Company": "Ode Works", "Email": "lena@ode.example.com",
        "Owner": { "id": api.user_id("oskar") } });
    let lead = lead(&api.caller("admin"), &values);
    std::thread::scope(|scope| {
        let mut ask = Some(|| convert(caller, &lead, &json!({})));
        let asked = api.db.write(Priority::Interactive, |tx| {
            let touch = format!("UPDATE \"m_Contacts\" SET rev = rev + 1 WHERE id = {contact}");
            tx.execute(&touch, &[])?;
            for sql in meanwhile {
                tx.execute(sql, &[])?;
            }
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
        let asked = asked.unwrap().expect("the conversion does not wait");
        asked.join().unwrap()
    })
}

fn lena(ada: &Caller<'_>) -> String {
    let contact = json!({ "Last_Name": "Ode", "Email": "lena@ode.example.com" });
    ada.make("Contacts", &[contact]).remove(0)
}

fn became(reply: &Reply, module: &str) -> String {
    let part = &reply.json()["data"][0]["details"][module]["id"];
    part.as_str().expect(&reply.text).to_owned()
}

#[test]
fn an_account_that_a_contact_got_meanwhile_is_not_overwritten() {
    let api = Api::start_demo(Kind::Postgres);
    let ada = api.caller("admin");
    let contact = lena(&ada);
    let tern = json!({ "Account_Name": "Tern" });
    let tern = ada.make("Accounts", &[tern]).remove(0);
    let joined =
        format!("UPDATE \"m_Contacts\" SET \"Account_Name\" = {tern} WHERE id = {contact}");
    let reply = answered(&api, &ada, &contact, &[joined]);
    assert_eq!(became(&reply, "Contacts"), contact);
    assert_eq!(became(&reply, "Accounts"), tern);
    let contact = ada.record("Contacts", &contact);
    assert_eq!(contact["Account_Name"]["id"], tern);
}

#[test]
fn a_lead_is_no_contact_that_was_deleted_meanwhile() {
    let api = Api::start_demo(Kind::Postgres);
    let ada = api.caller("admin");
    let contact = lena(&ada);
    let gone = format!("DELETE FROM \"m_Contacts\" WHERE id = {contact}");
    let reply = answered(&api, &ada, &contact, &[gone]);
    let new = became(&reply, "Contacts");
    assert_ne!(new, contact);
    assert_eq!(
        ada.record("Contacts", &new)["Email"],
        "lena@ode.example.com"
    );
}

#[test]
fn a_contact_out_of_reach_when_the_wait_is_over_is_not_taken() {
    let api = Api::start_demo(Kind::Postgres);
    api.make_private("Contacts");
    let contact = lena(&api.caller("admin"));
    let user = api.user("oskar");
    let module = api.catalog().module("Contacts").unwrap().id;
    api.execute(&format!(
        "INSERT INTO record_shares (record, user_id, module, permission, actor, at)
         VALUES ({contact}, {user}, {module}, 'full_access', {user}, 0)"
    ));
    let hidden = "DELETE FROM record_shares".to_owned();
    let reply = answered(&api, &api.caller("oskar"), &contact, &[hidden]);
    assert_ne!(became(&reply, "Contacts"), contact);
}

/// A lead with a tag, of a company of this name.
fn tagged(ada: &Caller<'_>) -> String {
    let lead = lead(ada, &json!({ "Last_Name": "Ode", "Company": "Ode Works" }));
    let tag = json!({ "tags": [{ "name": "Hot" }] });
    let reply = ada.post(&format!("Leads/{lead}/actions/add_tags"), &tag);
    assert_eq!(reply.status, 200, "{}", reply.text);
    lead
}

fn works(ada: &Caller<'_>) -> String {
    let account = json!({ "Account_Name": "ODE WORKS" });
    ada.make("Accounts", &[account]).remove(0)
}

fn tags_to_accounts() -> Json {
    json!({ "carry_over_tags": { "Accounts": ["Hot"] } })
}

mod check {
    use super::*;

    pub(super) fn tags_do_not_go_to_what_is_held(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = works(&ada);
        let lead = tagged(&ada);
        ada.lock("Accounts", &account);
        let before = api.record_tables();
        let item = convert(&ada, &lead, &tags_to_accounts()).json();
        assert_eq!(item["code"], "RECORD_LOCKED", "{item}");
        assert_eq!(item["details"]["record"], account, "{item}");
        assert_eq!(api.record_tables(), before);
        // Without tags nothing of the account is changed.
        let made = converted(&ada, &lead, &json!({}));
        assert_eq!(made["Accounts"]["id"], account);
        let bare = crate::convert::lead(&ada, &json!({ "Last_Name": "O", "Company": "Ode Works" }));
        converted(&ada, &bare, &tags_to_accounts());
    }

    pub(super) fn a_held_record_keeps_the_tags_of_an_undone_conversion(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = works(&ada);
        let lead = tagged(&ada);
        let asker = Asker::with(&api, "admin", SCOPES);
        let job = asker.job(&json!({
            "action": "convert", "module": "Leads", "selection": { "ids": [lead] },
            "change": { "carry_over_tags": ["Accounts"] },
        }));
        api.run_jobs();
        assert_eq!(ada.record("Accounts", &account)["Tag"][0]["name"], "Hot");
        ada.lock("Accounts", &account);
        let undo = undone(&api, job["id"].as_str().unwrap());
        came_to(&api, &undo, [2, 0, 0]);
        assert_eq!(ada.record("Leads", &lead)["id"], lead);
        assert_eq!(ada.record("Accounts", &account)["Tag"][0]["name"], "Hot");
    }

    pub(super) fn names_and_accounts_are_written_only_by_who_may_write_them(kind: Kind) {
        let api = Api::start_demo(kind);
        for module in ["Leads", "Contacts", "Accounts"] {
            api.share_module(module, model::access::Sharing::PublicReadWriteDelete);
        }
        let read_only = |module: &str, right: FieldRight| {
            api.change_catalog(|catalog| {
                let module = catalog.module(module).unwrap();
                let field = module.field("Account_Name").unwrap().id;
                for profile in &mut catalog.profiles {
                    profile.fields.insert(field, right);
                }
            });
        };
        let (ada, oskar) = (api.caller("admin"), api.caller("oskar"));
        let account = works(&ada);
        lena(&ada);
        let values = json!({ "Last_Name": "Ode", "Company": "Ode Works",
            "Email": "lena@ode.example.com" });
        let lead = lead(&ada, &values);
        for (module, item) in [
            ("Contacts", json!({})),
            ("Accounts", json!({ "overwrite": true })),
        ] {
            read_only(module, FieldRight::ReadOnly);
            let before = api.record_tables();
            let reply = convert(&oskar, &lead, &item);
            assert_eq!(reply.status, 403, "{}", reply.text);
            assert_eq!(api.record_tables(), before);
            let item = &reply.json()["data"][0];
            assert_eq!(item["message"], "Field Edit Permission not given");
            let at = format!("$.data[0].{module}.Account_Name");
            assert_eq!(item["details"]["json_path"], at, "{item}");
            read_only(module, FieldRight::Editable);
        }
        converted(&oskar, &lead, &json!({ "overwrite": true }));
        assert_eq!(
            ada.record("Accounts", &account)["Account_Name"],
            "Ode Works"
        );
    }

    pub(super) fn an_owner_is_asked_only_for_what_is_made(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let of_oskar = |company: &str| {
            let owner = json!({ "id": api.user_id("oskar") });
            lead(
                &ada,
                &json!({ "Last_Name": "Ode", "Company": company, "Owner": owner }),
            )
        };
        works(&ada);
        api.change_catalog(|catalog| {
            let hidden = ["Accounts", "Deals"].map(|name| catalog.module(name).unwrap().id);
            for profile in &mut catalog.profiles {
                for module in hidden.iter().filter(|_| !profile.administrator) {
                    let rights = profile.modules.entry(*module).or_default();
                    rights.retain(|right| *right != Right::View);
                }
            }
        });
        // The account stands there and no deal is made.
        converted(&ada, &of_oskar("Ode Works"), &json!({}));
        let lead = of_oskar("New Works");
        let reply = convert(&ada, &lead, &json!({}));
        assert_eq!(reply.json()["code"], "CANNOT_ASSIGN", "{}", reply.text);
        let deal =
            json!({ "Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2031-06-30" });
        let lead = of_oskar("Ode Works");
        let reply = convert(&ada, &lead, &json!({ "Deals": deal }));
        assert_eq!(reply.json()["code"], "CANNOT_ASSIGN", "{}", reply.text);
    }

    pub(super) fn options_leave_out_fields_that_are_not_seen(kind: Kind) {
        let api = Api::start_demo(kind);
        for module in ["Leads", "Contacts"] {
            api.share_module(module, model::access::Sharing::PublicReadWriteDelete);
        }
        let (ada, oskar) = (api.caller("admin"), api.caller("oskar"));
        let contact = lena(&ada);
        let values = json!({ "Last_Name": "Ode", "Email": "lena@ode.example.com" });
        let path = format!("Leads/{}/__conversion_options", lead(&ada, &values));
        let told = || oskar.get(&path).json()["__conversion_options"].clone();
        let matched = |told: &Json| told["preference_field_matched_value"]["Contacts"].clone();
        let all = matched(&told());
        assert_eq!(all[0]["matched_lead_value"], "lena@ode.example.com");
        let hide = |module: &str| {
            api.change_catalog(|catalog| {
                let field = catalog.module(module).unwrap().field("Email").unwrap().id;
                for profile in &mut catalog.profiles {
                    profile.fields.insert(field, FieldRight::Hidden);
                }
            });
        };
        hide("Leads");
        let without = matched(&told());
        assert_eq!(without[0]["field"], all[0]["field"]);
        assert_eq!(without[0].get("matched_lead_value"), None);
        hide("Contacts");
        let told = told();
        assert_eq!(told["Contacts"][0]["id"], contact);
        assert_eq!(matched(&told), Json::Null);
    }

    pub(super) fn of_several_the_one_with_the_first_id_is_taken_in_chunks_of_any_size(kind: Kind) {
        for size in [1, 7] {
            let api = Api::start_demo(kind);
            let ada = api.caller("admin");
            ada.make("Contacts", &[json!({ "Last_Name": "Ode" })]);
            // Another process was given ids ahead of those that this one gives.
            let ahead = 8_000_000_000_000_000_000_i64;
            api.execute(&format!("UPDATE \"m_Contacts\" SET id = {ahead}"));
            let values = |company: &str| json!({ "Last_Name": "Ode", "Company": company });
            let first = lead(&ada, &values("Ode Works"));
            let tern = lead(&ada, &json!({ "Last_Name": "Ode" }));
            // The contact that stands there has another address than the first lead.
            api.execute("UPDATE \"m_Contacts\" SET \"Email\" = 'other@ode.example.com'");
            api.execute(&format!(
                "UPDATE \"m_Leads\" SET \"Email\" = 'lena@ode.example.com' WHERE id = {first}"
            ));
            let asker = Asker::with(&api, "admin", SCOPES);
            let job = asker.job(&json!({
                "action": "convert", "module": "Leads", "selection": { "ids": [first, tern] },
            }));
            run(api.worker().with_chunks_of(size));
            assert_eq!(asker.now(&job)["counts"]["changed"], 2);
            let taken = format!(
                "SELECT count(*) FROM \"m_Leads\" WHERE id = {tern} AND \"Converted_Contact\" = {ahead}"
            );
            assert_eq!(api.number(&taken), 0, "in chunks of {size}");
            assert_eq!(api.number("SELECT count(*) FROM \"m_Contacts\""), 2);
        }
    }
}
