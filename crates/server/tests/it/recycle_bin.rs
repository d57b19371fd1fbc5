//! The recycle bin: what is in it, bringing records back whole, and removing them for good.

use crate::api::{Api, Reply};
use crate::demo::{Caller, error};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    the_bin_is_listed_as_the_sample_shows,
    the_bin_is_sorted_and_filtered,
    a_restored_record_is_as_it_was,
    a_restored_record_has_its_territories_and_shares_back,
    activities_come_back_with_what_they_are_about,
    a_record_deleted_and_restored_many_times_keeps_one_history,
    restoring_answers_for_each_id_in_order,
    restoring_by_filters_and_all_of_it,
    a_mass_delete_can_be_taken_back,
    an_owner_and_a_layout_that_are_gone_are_replaced,
    a_field_that_is_gone_is_left_out,
    removing_for_good_takes_along_what_was_deleted_with_it,
    the_bin_is_emptied_by_an_administrator,
}

pub(crate) const BIN: &str = "settings/recycle_bin";

pub(crate) fn delete(caller: &Caller<'_>, module: &str, ids: &[String]) {
    for ids in ids.chunks(100) {
        let reply = caller.delete(&format!("{module}?ids={}", ids.join(",")));
        assert!(!reply.text.contains("error"), "{}", reply.text);
    }
}

pub(crate) fn restore(caller: &Caller<'_>, ids: &[String]) -> Reply {
    caller.post(&format!("{BIN}/actions/restore"), &json!({ "ids": ids }))
}

pub(crate) fn items(reply: &Reply) -> Vec<Json> {
    reply.json()["recycle_bin"].as_array().unwrap().clone()
}

fn restored(id: &str) -> Json {
    json!({
        "code": "SUCCESS", "details": { "id": id }, "message": "record restored",
        "status": "success",
    })
}

fn names(reply: &Reply) -> Vec<String> {
    let name = |item: &Json| item["display_name"].as_str().unwrap().to_owned();
    items(reply).iter().map(name).collect()
}

mod check {
    use super::*;

    pub(super) fn the_bin_is_listed_as_the_sample_shows(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        assert_eq!(ada.get(BIN).status, 204);
        let lead = json!({ "First_Name": "Ana", "Last_Name": "Reis" });
        let lead = ines.make("Leads", &[lead]).remove(0);
        delete(&ada, "Leads", std::slice::from_ref(&lead));
        let module = api.catalog().module("Leads").unwrap().id.to_string();
        let user =
            |name: &str, full: &str| json!({ "name": full, "id": api.user(name).to_string() });
        let item = json!({
            "display_name": "Ana Reis",
            "deleted_time": "2024-01-01T00:00:00+00:00",
            "owner": user("ines", "Inês Faria"),
            "module": { "api_name": "Leads", "id": module },
            "deleted_by": user("admin", "Ada Kestrel"),
            "id": lead,
        });
        let info = json!({ "per_page": 200, "count": 1, "page": 1, "more_records": false });
        for version in [Version::V6, Version::V7, Version::V8] {
            let ada = ada.speaking(version);
            ada.get(BIN)
                .is(200, &json!({ "recycle_bin": [item], "info": info }));
            let one = json!({ "recycle_bin": [item] });
            ada.get(&format!("{BIN}/{lead}")).is(200, &one);
            assert_eq!(ada.get(&format!("{BIN}/5")).status, 204);
            assert_eq!(ada.get(&format!("{BIN}?ids={lead},5")).status, 200);
            assert_eq!(ada.get(&format!("{BIN}?ids=5")).status, 204);
        }
        let count = ada.get(&format!("{BIN}/actions/count"));
        count.is(200, &json!({ "count": 1 }));
    }

    pub(super) fn the_bin_is_sorted_and_filtered(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        for (name, who) in [("Émile", &ada), ("ab%c", &ines), ("Abc", &ada)] {
            let lead = who.make("Leads", &[json!({ "Last_Name": name })]);
            delete(who, "Leads", &lead);
            api.clock.advance_ms(1_000);
        }
        let account = ada.make("Accounts", &[json!({ "Account_Name": "Zinc" })]);
        delete(&ada, "Accounts", &account);
        for (query, wanted) in [
            ("", &["Zinc", "Abc", "ab%c", "Émile"][..]),
            ("?sort_order=asc", &["Émile", "ab%c", "Abc", "Zinc"]),
            (
                "?sort_by=display_name&sort_order=asc",
                &["ab%c", "Abc", "Zinc", "Émile"],
            ),
            ("?per_page=1&page=2", &["Abc"]),
        ] {
            assert_eq!(names(&ada.get(&format!("{BIN}{query}"))), wanted, "{query}");
        }
        let ines_id = api.user("ines").to_string();
        let test = |field: &str, comparator: &str, value: Json| json!({ "field": { "api_name": field }, "comparator": comparator, "value": value });
        let time = |second: u8| json!(format!("2024-01-01T00:00:0{second}+00:00"));
        for (filters, wanted) in [
            (test("display_name", "equal", json!("ABC")), &["Abc"][..]),
            (test("display_name", "contains", json!("%")), &["ab%c"]),
            (test("display_name", "contains", json!("MIL")), &["Émile"]),
            (
                test("display_name", "starts_with", json!("ab")),
                &["Abc", "ab%c"],
            ),
            (test("module", "equal", json!("Accounts")), &["Zinc"]),
            (
                test("module", "in", json!(["Accounts", "Deals"])),
                &["Zinc"],
            ),
            (test("deleted_by", "equal", json!(ines_id)), &["ab%c"]),
            (
                test("deleted_by", "equal", json!({ "id": ines_id })),
                &["ab%c"],
            ),
            (test("deleted_time", "equal", time(1)), &["ab%c"]),
            (
                test("deleted_time", "between", json!([time(1), time(2)])),
                &["Abc", "ab%c"],
            ),
            (
                test("deleted_time", "greater_than", time(1)),
                &["Zinc", "Abc"],
            ),
            (
                test("deleted_time", "greater_equal", time(2)),
                &["Zinc", "Abc"],
            ),
            (test("deleted_time", "less_than", time(1)), &["Émile"]),
            (test("deleted_time", "less_equal", time(0)), &["Émile"]),
            (
                json!({ "group_operator": "AND", "group": [
                    test("module", "equal", json!("Leads")),
                    test("display_name", "contains", json!("b")),
                    test("display_name", "contains", json!("c")),
                    test("deleted_time", "greater_than", time(1)),
                ] }),
                &["Abc"],
            ),
        ] {
            let json = filters.to_string();
            let query: String = form_urlencoded::byte_serialize(json.as_bytes()).collect();
            let reply = ada.get(&format!("{BIN}?filters={query}"));
            assert_eq!(names(&reply), wanted, "{filters}");
            let count = ada.get(&format!("{BIN}/actions/count?filters={query}"));
            count.is(200, &json!({ "count": wanted.len() }));
        }
    }

    pub(super) fn a_restored_record_is_as_it_was(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let lead = json!({
            "First_Name": "Ana", "Last_Name": "Réis \"quoted\"", "Score": -7, "Budget": 12.34,
            "Has_Grid": true, "Wanted_By": "2024-05-06", "Uses": ["Livestock", "Drainage"],
            "Last_Called": "2024-02-03T04:05:06+00:00", "Site_Notes": "a\nb", "Lead_Source": "Chat",
            "External_Id": "X-1", "Well_Depth": 12.5,
        });
        let lead = ines.make("Leads", &[lead]).remove(0);
        let before = ada.record("Leads", &lead);
        api.clock.advance_ms(60_000);
        delete(&ada, "Leads", std::slice::from_ref(&lead));
        assert_eq!(ada.get(&format!("Leads/{lead}")).status, 204);
        api.clock.advance_ms(60_000);
        let one = json!({ "recycle_bin": [restored(&lead)] });
        let path = format!("{BIN}/{lead}/actions/restore");
        ada.post(&path, &json!({})).is(200, &one);
        let mut after = ada.record("Leads", &lead);
        assert_eq!(after["Modified_Time"], "2024-01-01T00:02:00+00:00");
        assert_eq!(after["Modified_By"]["name"], "Ada Kestrel");
        for key in ["Modified_Time", "Modified_By"] {
            after[key] = before[key].clone();
        }
        assert_eq!(after, before);
        assert_eq!(ada.get(BIN).status, 204);
        let history = api.rows(
            &format!("(SELECT * FROM changes WHERE record = {lead}) c"),
            &["rev", "kind", "cause"],
        );
        let wanted = [
            "1 | create | api",
            "2 | delete | api",
            "3 | restore | restore",
        ];
        assert!(
            history
                .iter()
                .zip(wanted)
                .all(|(row, wanted)| row.ends_with(wanted))
        );
        assert_eq!(history.len(), 3);
        // It can be changed and deleted as any other.
        let change = json!({ "data": [{ "City": "Faro" }] });
        assert_eq!(ada.put(&format!("Leads/{lead}"), &change).status, 200);
        delete(&ada, "Leads", std::slice::from_ref(&lead));
    }

    pub(super) fn a_restored_record_has_its_territories_and_shares_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        for territory in ["Iberia", "Nordics"] {
            let territories = json!([{ "id": api.territory(territory) }]);
            let body = json!({ "data": [{ "Territories": territories }] });
            let path = format!("Leads/{lead}/actions/assign_territories");
            assert_eq!(ada.post(&path, &body).status, 202);
        }
        let module = api.catalog().module("Leads").unwrap().id;
        let (ines, admin) = (api.user("ines"), api.user("admin"));
        api.execute(&format!(
            "INSERT INTO record_shares (record, user_id, module, permission, actor, at)
             VALUES ({lead}, {ines}, {module}, 'read_write', {admin}, 7)"
        ));
        let beside = || {
            let mut all = api.rows(
                "record_territories",
                &["record", "territory", "module", "actor", "at"],
            );
            all.extend(api.rows(
                "record_shares",
                &["record", "user_id", "permission", "module", "actor", "at"],
            ));
            all
        };
        let before = beside();
        assert_eq!(before.len(), 3);
        delete(&ada, "Leads", std::slice::from_ref(&lead));
        assert_eq!(beside(), Vec::<String>::new());
        assert_eq!(restore(&ada, &[lead]).status, 200);
        assert_eq!(beside(), before);
    }

    pub(super) fn activities_come_back_with_what_they_are_about(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "Alder" })])
            .remove(0);
        let contact = json!({ "Last_Name": "Reis", "Account_Name": { "id": account } });
        let contact = ada.make("Contacts", &[contact]).remove(0);
        let task = json!({ "Subject": "Call", "What_Id": { "id": account } });
        let tasks = ada.make("Tasks", &[task.clone(), task]);
        // One of them was deleted before, by itself.
        delete(&ada, "Tasks", &tasks[1..]);
        delete(&ada, "Accounts", std::slice::from_ref(&account));
        assert_eq!(items(&ada.get(BIN)).len(), 3);
        // What went along comes back with what took it, not before.
        let text = "the record was deleted along with another one: restore that one";
        let alone = error(
            "CANNOT_RESTORE_WITHOUT_PARENT",
            text,
            &json!({ "id": tasks[0] }),
        );
        let reply = restore(&ada, &tasks[..1]);
        reply.is(400, &json!({ "recycle_bin": [alone] }));
        let reply = restore(&ada, std::slice::from_ref(&account));
        reply.is(200, &json!({ "recycle_bin": [restored(&account)] }));
        assert_eq!(ada.record("Tasks", &tasks[0])["What_Id"]["name"], "Alder");
        assert_eq!(
            ada.record("Contacts", &contact)["Account_Name"]["name"],
            "Alder"
        );
        assert_eq!(items(&ada.get(BIN))[0]["id"], tasks[1].as_str());
        restore(&ada, &tasks[1..]).is(200, &json!({ "recycle_bin": [restored(&tasks[1])] }));
        // Named beside what took it along, it is answered as that is.
        delete(&ada, "Accounts", std::slice::from_ref(&account));
        let ids = [tasks[0].clone(), account.clone()];
        let both = json!({ "recycle_bin": [restored(&tasks[0]), restored(&account)] });
        restore(&ada, &ids).is(200, &both);
        let causes = format!(
            "(SELECT * FROM changes WHERE record = {} AND kind = 'restore') c",
            tasks[0]
        );
        assert_eq!(api.rows(&causes, &["cause"]).len(), 2);
        assert!(
            api.rows(&causes, &["cause"])
                .iter()
                .all(|row| row.ends_with("parent"))
        );
    }

    pub(super) fn a_record_deleted_and_restored_many_times_keeps_one_history(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1);
        for _ in 0..3 {
            delete(&ada, "Leads", &lead);
            assert_eq!(restore(&ada, &lead).status, 200);
        }
        assert_eq!(api.number("SELECT rev FROM \"m_Leads\""), 7);
        assert_eq!(api.number("SELECT count(*) FROM changes"), 7);
        assert_eq!(api.number("SELECT count(*) FROM deleted_records"), 0);
    }

    pub(super) fn restoring_answers_for_each_id_in_order(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        delete(&ada, "Leads", &leads[..2]);
        let text = "the id given seems to be invalid";
        let unknown = |id: &str| error("INVALID_DATA", text, &json!({ "id": id }));
        // The third was never deleted, the last is none.
        let number: i64 = leads[1].parse().unwrap();
        let ids = json!([leads[0], leads[2], number, "abc", leads[0]]);
        let wanted = [
            restored(&leads[0]),
            unknown(&leads[2]),
            restored(&leads[1]),
            unknown("abc"),
            restored(&leads[0]),
        ];
        let path = format!("{BIN}/actions/restore");
        ada.post(&path, &json!({ "ids": ids }))
            .is(207, &json!({ "recycle_bin": wanted }));
        assert_eq!(api.number("SELECT count(*) FROM \"m_Leads\""), 3);
        let wanted = json!({ "recycle_bin": [unknown(&leads[0])] });
        restore(&ada, &leads[..1]).is(400, &wanted);
    }

    pub(super) fn restoring_by_filters_and_all_of_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(12);
        let accounts = ada.make("Accounts", &[json!({ "Account_Name": "A" })]);
        delete(&ada, "Leads", &leads);
        delete(&ada, "Accounts", &accounts);
        let scheduled = json!({ "recycle_bin": [{
            "code": "SCHEDULED", "details": {}, "status": "success",
            "message": "Bulk restoration of records based on filters has been scheduled",
        }] });
        let path = format!("{BIN}/actions/restore");
        let filters = json!({
            "field": { "api_name": "display_name" }, "comparator": "contains", "value": "Lead 1",
        });
        ada.post(&path, &json!({ "filters": filters }))
            .is(202, &scheduled);
        // Lead 1, Lead 10 and Lead 11.
        assert_eq!(api.number("SELECT count(*) FROM \"m_Leads\""), 3);
        ada.post(&path, &json!({ "restore_all_records": true }))
            .is(202, &scheduled);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Leads\""), 12);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Accounts\""), 1);
        assert_eq!(ada.get(BIN).status, 204);
    }

    pub(super) fn a_mass_delete_can_be_taken_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.seed_leads(1_000_000, 2_500);
        let columns = ["id", "\"Last_Name\"", "\"Owner\"", "\"Created_Time\""];
        let before = api.rows("\"m_Leads\"", &columns);
        let body = json!({ "cvid": api.view("Leads", "All Leads") });
        assert_eq!(ada.post("Leads/actions/mass_delete", &body).status, 200);
        api.run_jobs();
        assert_eq!(api.number("SELECT count(*) FROM \"m_Leads\""), 0);
        let path = format!("{BIN}/actions/restore");
        let reply = ada.post(&path, &json!({ "restore_all_records": true }));
        assert_eq!(reply.status, 202);
        assert_eq!(api.rows("\"m_Leads\"", &columns), before);
        assert_eq!(
            api.number("SELECT count(*) FROM \"m_Leads\" WHERE rev <> 3"),
            0
        );
    }

    pub(super) fn an_owner_and_a_layout_that_are_gone_are_replaced(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, sana) = (api.caller("admin"), api.caller("rohan"));
        let lead = sana.make_leads(1);
        delete(&ada, "Leads", &lead);
        api.change_catalog(|catalog| {
            catalog
                .users
                .retain(|user| !user.email.starts_with("rohan"));
            let leads = catalog.modules.iter_mut().find(|m| m.api_name == "Leads");
            leads.unwrap().layouts[0].id = model::id::LayoutId(77);
        });
        assert_eq!(restore(&ada, &lead).status, 200);
        let record = ada.record("Leads", &lead[0]);
        assert_eq!(record["Owner"]["name"], "Ada Kestrel");
        assert_eq!(record["Layout"]["id"], "77");
    }

    pub(super) fn a_field_that_is_gone_is_left_out(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "Reis", "Score": 5, "City": "Faro" });
        let lead = ada.make("Leads", &[lead]);
        delete(&ada, "Leads", &lead);
        api.change_catalog(|catalog| {
            let leads = catalog.modules.iter_mut().find(|m| m.api_name == "Leads");
            leads
                .unwrap()
                .fields
                .retain(|field| field.api_name != "Score");
        });
        assert_eq!(restore(&ada, &lead).status, 200);
        let record = ada.record("Leads", &lead[0]);
        assert_eq!(
            (&record["City"], record.get("Score")),
            (&json!("Faro"), None)
        );
    }

    pub(super) fn removing_for_good_takes_along_what_was_deleted_with_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "Alder" })])
            .remove(0);
        let task = json!({ "Subject": "Call", "What_Id": { "id": account } });
        let task = ada.make("Tasks", &[task]).remove(0);
        let leads = ada.make_leads(2);
        delete(&ada, "Accounts", std::slice::from_ref(&account));
        delete(&ada, "Leads", &leads);
        let gone = |id: &str| {
            json!({
                "code": "SUCCESS", "details": { "id": id }, "message": "record deleted",
                "status": "success",
            })
        };
        // Not without what took it along.
        let text = "the record was deleted along with another one: remove that one";
        let alone = error("CANNOT_PERFORM_ACTION", text, &json!({ "id": task }));
        let reply = ada.delete(&format!("{BIN}/{task}"));
        reply.is(400, &json!({ "recycle_bin": [alone] }));
        let text = "the id given seems to be invalid";
        let unknown = error("INVALID_DATA", text, &json!({ "id": "5" }));
        let reply = ada.delete(&format!("{BIN}?ids={account},5"));
        reply.is(207, &json!({ "recycle_bin": [gone(&account), unknown] }));
        let left: Vec<Json> = items(&ada.get(BIN))
            .iter()
            .map(|item| item["id"].clone())
            .collect();
        assert_eq!(left, [json!(leads[1]), json!(leads[0])]);
        let types: Vec<Json> = ada
            .get("Tasks/deleted")
            .items()
            .iter()
            .map(|i| i["type"].clone())
            .collect();
        assert_eq!(types, ["permanent"]);
        let filters = r#"{"field":{"api_name":"module"},"comparator":"equal","value":"Leads"}"#;
        let filters: String = form_urlencoded::byte_serialize(filters.as_bytes()).collect();
        assert_eq!(ada.delete(&format!("{BIN}?filters={filters}")).status, 200);
        assert_eq!(ada.get(BIN).status, 204);
        assert_eq!(restore(&ada, &leads).status, 400);
    }

    pub(super) fn the_bin_is_emptied_by_an_administrator(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ines = api.caller("ines");
        let leads = ines.make_leads(3);
        delete(&ada, "Leads", &leads);
        let text = "Non admin user can't empty the recycle bin";
        let refused = error("AUTHORIZATION_FAILED", text, &json!({}));
        let path = format!("{BIN}/actions/empty");
        api.unchanged_by(|| ines.post(&path, &json!({})).is(400, &refused));
        let cleared = json!({
            "code": "SUCCESS", "details": {}, "message": "recyclebin is cleared",
            "status": "success",
        });
        ada.post(&path, &json!({})).is(200, &cleared);
        assert_eq!(ada.get(BIN).status, 204);
        assert_eq!(ada.get("Leads/deleted?type=permanent").ids().len(), 3);
        ada.post(&path, &json!({})).is(200, &cleared);
    }
}
