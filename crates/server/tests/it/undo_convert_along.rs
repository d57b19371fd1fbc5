//! Undo of conversions: what went along with leads to what they became comes back to them.

use crate::api::Api;
use crate::demo::{Caller, run};
use crate::undo::{ask, came_to, failed, newest, token, undone};
use crate::undo_convert::{became, lead_of, records, there};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    activities_tags_notes_and_attachments_come_back,
    what_was_moved_on_since_stays_there,
    a_contact_with_a_new_note_stays_and_gives_the_old_one_back,
    an_activity_that_cannot_come_back_keeps_what_it_is_about,
}

struct World {
    api: Api,
    /// Two of one company, one who is a contact already.
    leads: Vec<String>,
    contact: String,
    tasks: Vec<String>,
}

fn tag(caller: &Caller<'_>, module: &str, id: &str, name: &str) {
    let body = json!({ "tags": [{ "name": name }] });
    let reply = caller.post(&format!("{module}/{id}/actions/add_tags"), &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn note(api: &Api, id: i64, module: &str, record: &str) {
    let module = api.catalog().module(module).unwrap().id;
    let admin = api.user("admin");
    api.execute(&format!(
        "INSERT INTO notes (id, record, module, content, owner, created_by, created_at, modified_by,
           modified_at) VALUES ({id}, {record}, {module}, 'N', {admin}, {admin}, 0, {admin}, 0)"
    ));
}

impl World {
    fn new(kind: Kind) -> Self {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = [
            lead_of("a", Some("Acme")),
            lead_of("b", Some("Acme")),
            lead_of("c", Some("Tern")),
        ];
        let leads = ada.make("Leads", &leads);
        let contact = json!({ "Last_Name": "C", "Email": "c@ode.example.com" });
        let contact = ada.make("Contacts", &[contact]).remove(0);
        tag(&ada, "Contacts", &contact, "Known");
        let mut tasks = Vec::new();
        for (n, lead) in (1..).zip(&leads) {
            tag(&ada, "Leads", lead, "Hot");
            tag(&ada, "Leads", lead, &format!("Fair {n}"));
            note(&api, n, "Leads", lead);
            let module = api.catalog().module("Leads").unwrap().id;
            api.execute(&format!(
                "INSERT INTO attachments (id, record, module, name, size, link, owner, created_by,
                   created_at) VALUES ({n}, {lead}, {module}, 'A', 0, 'https://example.com/',
                   1, 1, 0)"
            ));
            let task = json!({ "Subject": "T", "What_Id": { "id": lead } });
            tasks.extend(ada.make("Tasks", &[task]));
        }
        Self {
            api,
            leads,
            contact,
            tasks,
        }
    }

    fn convert(&self) -> String {
        let body = json!({
            "action": "convert", "module": "Leads", "selection": { "ids": self.leads },
            "change": {
                "assign_to": "oskar.lind@kestrel-rowe.example.com",
                "carry_over_tags": ["Contacts", "Accounts"],
                "move_attachments_to": "Accounts", "related_modules": ["Tasks"],
            },
        });
        let token = token(&self.api, "admin");
        let body = body.to_string();
        let reply = self
            .api
            .call_with("POST", "/swathe/v1/jobs", &token, body.as_bytes());
        assert_eq!(reply.status, 202, "{}", reply.text);
        self.api.run_jobs();
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        came_to(&self.api, &id, [3, 0, 0]);
        id
    }

    /// What stands, with what hangs on it.
    fn standing(&self) -> Vec<String> {
        let mut all = records(&self.api);
        for (table, columns) in [
            ("notes", ["id", "record", "module"]),
            ("attachments", ["id", "record", "module"]),
        ] {
            all.extend(self.api.rows(table, &columns));
        }
        let tags = "(SELECT r.record, t.name FROM record_tags r JOIN tags t ON t.id = r.tag
                     WHERE NOT EXISTS (SELECT 1 FROM deleted_records d WHERE d.record = r.record)) x";
        all.extend(self.api.rows(tags, &["record", "name"]));
        all
    }
}

mod check {
    use super::*;

    pub(super) fn activities_tags_notes_and_attachments_come_back(kind: Kind) {
        let left_by = |size: usize| {
            let world = World::new(kind);
            let before = world.standing();
            let job = world.convert();
            assert_ne!(world.standing(), before);
            assert_eq!(world.api.owned("Tasks", "oskar"), 3);
            let reply = ask(&world.api, "admin", &job, r#"{"plan":true}"#);
            // Three leads and tasks, two contacts, two accounts, and the contact that got an account.
            assert_eq!(reply.json()["counts"]["change"], 11, "{}", reply.text);
            assert_eq!(ask(&world.api, "admin", &job, "").status, 202);
            run(world.api.worker().with_chunks_of(size));
            came_to(&world.api, &newest(&world.api), [11, 0, 0]);
            assert_eq!(world.standing(), before, "chunks of {size}");
            world.api.record_tables()
        };
        let whole = left_by(1_000);
        assert_eq!(left_by(1), whole);
        assert_eq!(left_by(7), whole);
    }

    pub(super) fn what_was_moved_on_since_stays_there(kind: Kind) {
        let world = World::new(kind);
        let ada = world.api.caller("admin");
        let other = json!({ "Account_Name": "Other" });
        let other = ada.make("Accounts", &[other]).remove(0);
        let job = world.convert();
        let data = json!({ "data": [{ "What_Id": { "id": other } }] });
        let path = format!("Tasks/{}", world.tasks[0]);
        assert_eq!(ada.put(&path, &data).status, 200);
        let accounts = world.api.catalog().module("Accounts").unwrap().id;
        world.api.execute(&format!(
            "UPDATE notes SET record = {other}, module = {accounts} WHERE id = 1"
        ));
        let undo = undone(&world.api, &job);
        assert_eq!(
            failed_in_part(&world.api, &undo, &world.tasks[0]),
            "CHANGED_SINCE"
        );
        let task = ada.record("Tasks", &world.tasks[0]);
        assert_eq!(task["What_Id"]["id"], other.as_str());
        // Its person was the lead's, and comes off it again.
        assert_eq!(task["Who_Id"], Json::Null);
        let note = "SELECT record FROM notes WHERE id = 1";
        assert_eq!(world.api.number(note).to_string(), other);
        let note = "SELECT record FROM notes WHERE id = 2";
        assert_eq!(world.api.number(note).to_string(), world.leads[1]);
    }

    fn failed_in_part(api: &Api, undo: &str, record: &str) -> String {
        let (word, code, _) = crate::undo::outcome(api, undo, record);
        assert_eq!(word, "changed");
        code
    }

    pub(super) fn a_contact_with_a_new_note_stays_and_gives_the_old_one_back(kind: Kind) {
        let world = World::new(kind);
        let job = world.convert();
        let [contact, ..] = became(&world.api, &world.leads[0]);
        note(&world.api, 9, "Contacts", &contact);
        let undo = undone(&world.api, &job);
        assert_eq!(failed(&world.api, &undo, &contact), "CHANGED_SINCE");
        let of = |id: i64| {
            let sql = format!("SELECT record FROM notes WHERE id = {id}");
            world.api.number(&sql).to_string()
        };
        assert_eq!((of(1), of(9)), (world.leads[0].clone(), contact));
        // The contact that was there before has its own tag alone.
        let tags = world.api.caller("admin").record("Contacts", &world.contact);
        assert_eq!(tags["Tag"].as_array().unwrap().len(), 1, "{tags}");
    }

    pub(super) fn an_activity_that_cannot_come_back_keeps_what_it_is_about(kind: Kind) {
        let world = World::new(kind);
        let ada = world.api.caller("admin");
        let job = world.convert();
        let [contact, account, _] = became(&world.api, &world.leads[0]);
        ada.lock("Tasks", &world.tasks[0]);
        let undo = undone(&world.api, &job);
        assert_eq!(failed(&world.api, &undo, &world.tasks[0]), "RECORD_LOCKED");
        for (module, id) in [("Contacts", &contact), ("Accounts", &account)] {
            assert_eq!(failed(&world.api, &undo, id), "CHANGED_SINCE");
            assert!(there(&world.api, module, id));
        }
        assert!(there(&world.api, "Tasks", &world.tasks[0]));
    }
}
