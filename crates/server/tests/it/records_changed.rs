//! Records: update and delete, and the statuses of batches (wire API 9.3, 9.4).

use crate::api::Api;
use crate::demo::{error, is_old};
use crate::records::at;
use serde_json::json;
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_name_is_put_together_anew,
    many_are_updated_each_by_its_own,
    lists_grow_where_that_is_asked_for,
    a_record_changed_since_is_left_alone,
    records_are_deleted_once,
    batches_have_a_status_by_version,
}

mod check {
    use super::*;

    pub(super) fn a_name_is_put_together_anew(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = json!({ "First_Name": "Ann", "Last_Name": "Lee" });
        let id = ada.make("Leads", &[lead]).remove(0);
        assert_eq!(ada.record("Leads", &id)["Full_Name"], "Ann Lee");
        for (change, wanted) in [
            (json!({ "Last_Name": "Ode" }), "Ann Ode"),
            (json!({ "First_Name": null }), "Ode"),
            (json!({ "First_Name": "B", "Last_Name": "C" }), "B C"),
            (json!({ "City": "Faro" }), "B C"),
        ] {
            let reply = ada.put(&format!("Leads/{id}"), &json!({ "data": [change] }));
            assert_eq!(reply.codes(), ["SUCCESS"]);
            assert_eq!(ada.record("Leads", &id)["Full_Name"], wanted);
        }
    }

    pub(super) fn many_are_updated_each_by_its_own(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(3);
        api.clock.advance_ms(5_000);
        let number: i64 = ids[1].parse().unwrap();
        let body = json!({ "data": [
            { "id": ids[0], "City": "A", "Score": 1 },
            { "id": number, "City": "B" },
            { "City": "C" },
            { "id": "x", "City": "D" },
            { "id": "5", "City": "E" },
            { "id": ids[0], "City": "F" },
            { "id": ids[2], "Score": "many" },
            { "id": ids[2] },
        ] });
        let reply = ada.speaking(Version::V8).put("Leads", &body);
        assert_eq!(reply.status, 207);
        let items = reply.items();
        let bad = "the id given seems to be invalid";
        for (n, wanted) in [
            (
                2,
                error(
                    "MANDATORY_NOT_FOUND",
                    "required field not found",
                    &at("id", 2),
                ),
            ),
            (
                3,
                error(
                    "INVALID_DATA",
                    bad,
                    &json!({ "id": "x", "json_path": "$.data[3].id" }),
                ),
            ),
            (
                4,
                error(
                    "INVALID_DATA",
                    bad,
                    &json!({ "id": "5", "json_path": "$.data[4].id" }),
                ),
            ),
        ] {
            assert_eq!(items[n], wanted);
        }
        let codes = reply.codes();
        for n in [0, 1, 5, 7] {
            assert_eq!(codes[n], "SUCCESS", "{n}");
            assert_eq!(items[n]["message"], "record updated");
            assert!(items[n]["details"].get("$approval_state").is_none());
        }
        assert_eq!(codes[6], "INVALID_DATA");
        let first = ada.record("Leads", &ids[0]);
        assert_eq!((&first["City"], &first["Score"]), (&json!("F"), &json!(1)));
        assert_eq!(ada.record("Leads", &ids[1])["City"], "B");
        // What asks for nothing new changes nothing, its time neither.
        assert_eq!(
            ada.record("Leads", &ids[2])["Modified_Time"],
            "2024-01-01T00:00:00+00:00"
        );
        let revs = api.rows("\"m_Leads\"", &["id", "rev"]);
        assert!(revs[0].ends_with("| 3") && revs[1].ends_with("| 2") && revs[2].ends_with("| 1"));
    }

    pub(super) fn lists_grow_where_that_is_asked_for(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "A", "Uses": ["Livestock", "Drainage"] });
        let id = ada.make("Leads", &[lead]).remove(0);
        for (append, uses, wanted) in [
            (
                json!({ "Uses": true }),
                json!(["Irrigation", "Livestock"]),
                json!(["Livestock", "Drainage", "Irrigation"]),
            ),
            (
                json!({ "Uses": true }),
                json!([]),
                json!(["Livestock", "Drainage", "Irrigation"]),
            ),
            (
                json!({ "Uses": false }),
                json!(["Irrigation"]),
                json!(["Irrigation"]),
            ),
            (json!(null), json!([]), json!([])),
        ] {
            let body = json!({ "data": [{ "$append_values": append, "Uses": uses }] });
            assert_eq!(ada.put(&format!("Leads/{id}"), &body).status, 200);
            assert_eq!(ada.record("Leads", &id)["Uses"], wanted);
        }
        // A list that would pass its length is refused, and what it holds stays.
        let long = |n: usize| vec![format!("{n}{}", "x".repeat(990))];
        for n in 0..2 {
            let body = json!({ "data": [{ "$append_values": { "Uses": true }, "Uses": long(n) }] });
            assert_eq!(ada.put(&format!("Leads/{id}"), &body).status, 200);
        }
        let body = json!({ "data": [{ "$append_values": { "Uses": true }, "Uses": long(2) }] });
        let reply = api.unchanged_by(|| ada.put(&format!("Leads/{id}"), &body));
        assert_eq!(
            (reply.status, reply.codes()),
            (400, vec!["INVALID_DATA".to_owned()])
        );
        assert_eq!(reply.items()[0]["details"]["maximum_length"], 2_000);
    }

    pub(super) fn a_record_changed_since_is_left_alone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        let created = ada.record("Leads", &id);
        let put = |since: &str, version: Version| {
            let body = json!({ "data": [{ "id": id, "City": since }] }).to_string();
            let header = [("If-Unmodified-Since", since)];
            ada.speaking(version)
                .send("PUT", "Leads", &header, body.as_bytes())
        };
        for version in Version::ALL {
            let reply = api.unchanged_by(|| put("2023-12-31T23:59:59+00:00", version));
            let details = json!({
                "Modified_Time": created["Modified_Time"],
                "Modified_By": { "name": "Ada Kestrel", "id": api.user("admin").to_string() },
                "Created_Time": created["Created_Time"],
                "id": id,
                "Created_By": { "name": "Ada Kestrel", "id": api.user("admin").to_string() },
            });
            let text = "Record updated time has already passed if-unmodified-since time";
            reply.is(
                412,
                &json!({ "data": [error("ALREADY_MODIFIED", text, &details)] }),
            );
        }
        // In the same second, and in any zone, it has not passed.
        assert_eq!(put("2024-01-01T05:30:00+05:30", Version::V7).status, 200);
        let reply = api.unchanged_by(|| put("yesterday", Version::V7));
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (400, &json!("UNABLE_TO_PARSE_DATA_TYPE"))
        );
    }

    pub(super) fn records_are_deleted_once(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(4);
        let deleted = |id: &str| {
            json!({
                "code": "SUCCESS", "details": { "id": id }, "message": "record deleted",
                "status": "success",
            })
        };
        let not = |id: &str| error("INVALID_DATA", "record not deleted", &json!({ "id": id }));
        let path = format!(
            "Leads?ids={},{},{}&wf_trigger=false",
            ids[0], ids[1], ids[0]
        );
        let all = [deleted(&ids[0]), deleted(&ids[1]), deleted(&ids[0])];
        ada.delete(&path).is(200, &json!({ "data": all }));
        let again = [not(&ids[0]), deleted(&ids[2]), not("5")];
        let path = format!("Leads?ids={},{},5", ids[0], ids[2]);
        ada.speaking(Version::V8)
            .delete(&path)
            .is(207, &json!({ "data": again }));
        let one = format!("Leads/{}", ids[3]);
        ada.delete(&one)
            .is(200, &json!({ "data": [deleted(&ids[3])] }));
        ada.delete(&one).is(400, &json!({ "data": [not(&ids[3])] }));
        ada.speaking(Version::V2)
            .delete(&one)
            .is(200, &json!({ "data": [not(&ids[3])] }));
        assert_eq!(ada.get(&one).status, 204);
        // The last values stay in the changes.
        let kept = "SELECT count(*) FROM changes WHERE kind = 'delete' AND before LIKE '%Lead 3%'";
        assert_eq!(api.number(kept), 1);
        for (query, status, code, details) in [
            (
                "",
                400,
                "REQUIRED_PARAM_MISSING",
                json!({ "param_name": "ids" }),
            ),
            (
                "?ids=",
                400,
                "REQUIRED_PARAM_MISSING",
                json!({ "param_name": "ids" }),
            ),
            ("?ids=1,x", 400, "UNABLE_TO_PARSE_DATA_TYPE", json!({})),
            ("/x", 400, "UNABLE_TO_PARSE_DATA_TYPE", json!({})),
        ] {
            let reply = api.unchanged_by(|| ada.delete(&format!("Leads{query}")));
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (status, &json!(code))
            );
            assert_eq!(reply.json()["details"], details);
        }
        let many = vec!["5"; 101].join(",");
        assert_eq!(
            ada.delete(&format!("Leads?ids={many}")).json()["code"],
            "LIMIT_EXCEEDED"
        );
    }

    pub(super) fn batches_have_a_status_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for version in Version::ALL {
            let caller = ada.speaking(version);
            let mixed = if version == Version::V8 { 207 } else { 200 };
            let none = if is_old(version) { 200 } else { 400 };
            let good = json!({ "Last_Name": "A" });
            for (records, status) in [
                (json!([good]), 201),
                (json!([good, {}]), mixed),
                (json!([{}, {}]), none),
            ] {
                let reply = caller.post("Leads", &json!({ "data": records }));
                assert_eq!(reply.status, status, "{}", version.as_str());
            }
            let id = caller.make_leads(1).remove(0);
            for (records, status) in [
                (json!([{ "id": id, "City": "A" }]), 200),
                (json!([{ "id": id, "City": "B" }, { "id": "5" }]), mixed),
                (json!([{ "id": "5" }]), none),
            ] {
                let reply = caller.put("Leads", &json!({ "data": records }));
                assert_eq!(reply.status, status, "{}", version.as_str());
            }
        }
    }
}
