//! Notes on records.

use crate::api::Api;
use crate::demo::{Caller, error};
use model::access::Sharing;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_note_is_written_read_changed_and_deleted,
    a_note_is_reached_by_its_own_id_and_put_on_any_record,
    notes_are_listed_in_pages_the_newest_first,
    what_is_refused_in_a_note,
    a_note_is_seen_and_changed_as_its_record_is,
    a_converted_record_takes_no_notes,
    a_record_can_be_given_a_thousand_notes,
    notes_come_back_from_the_recycle_bin_and_end_with_it,
}

fn one(title: &str, content: &str) -> Json {
    json!({ "data": [{ "Note_Title": title, "Note_Content": content }] })
}

impl Caller<'_> {
    fn note(&self, lead: &str, content: &str) -> String {
        let reply = self.post(&format!("Leads/{lead}/Notes"), &one("About", content));
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.ids().remove(0)
    }

    fn contents(&self, lead: &str) -> Vec<Json> {
        let reply = self.get(&format!("Leads/{lead}/Notes?fields=Note_Content"));
        if reply.status == 204 {
            return Vec::new();
        }
        let notes = reply.items().into_iter();
        notes.map(|note| note["Note_Content"].clone()).collect()
    }
}

mod check {
    use super::*;

    pub(super) fn a_note_is_written_read_changed_and_deleted(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, meera) = (api.caller("admin"), api.caller("meera"));
        let lead = ada
            .make("Leads", &[json!({ "Last_Name": "Lee" })])
            .remove(0);
        let path = format!("Leads/{lead}/Notes");
        assert_eq!(ada.get(&format!("{path}?fields=Note_Title")).status, 204);
        let reply = meera.post(&path, &one("Call", "They like <b>blue</b>."));
        let (id, at) = (reply.ids().remove(0), "2024-01-01T05:30:00+05:30");
        let brief = json!({ "name": "Meera Kulkarni", "id": api.user("meera").to_string() });
        let details = json!({
            "Modified_Time": at, "Modified_By": brief, "Created_Time": at, "id": id,
            "Created_By": brief,
        });
        let added = json!({
            "code": "SUCCESS", "details": details, "message": "record added", "status": "success",
        });
        reply.is(201, &json!({ "data": [added] }));
        let module = api.catalog().module("Leads").unwrap().id.to_string();
        let meera_whole = {
            let mut user = brief.clone();
            user["email"] = api
                .catalog()
                .user(api.user("meera"))
                .unwrap()
                .email
                .clone()
                .into();
            user
        };
        let whole = json!({
            "Modified_Time": at, "$attachments": null, "Owner": meera_whole, "Created_Time": at,
            "Parent_Id": {
                "module": { "api_name": "Leads", "id": module }, "name": "Lee", "id": lead,
            },
            "$editable": true, "$se_module": "Leads", "$is_shared_to_client": false,
            "Modified_By": meera_whole, "$size": null, "$state": "save", "$voice_note": false,
            "id": id, "Created_By": meera_whole, "Note_Title": "Call",
            "Note_Content": "They like <b>blue</b>.",
        });
        let one_path = format!("{path}/{id}");
        assert_eq!(meera.get(&one_path).items(), [whole]);
        let listed = ada.get(&format!("{path}?fields=Note_Title")).json();
        let info = json!({ "per_page": 200, "count": 1, "page": 1, "more_records": false });
        assert_eq!(
            listed,
            json!({ "data": [{ "id": id, "Note_Title": "Call" }], "info": info })
        );
        api.clock.advance_ms(1_000);
        let done = |message: &str, details: Json| {
            json!({ "data": [
                { "code": "SUCCESS", "details": details, "message": message, "status": "success" }
            ] })
        };
        let ada_brief = json!({ "name": "Ada Kestrel", "id": api.user("admin").to_string() });
        let later = json!({
            "Modified_Time": "2024-01-01T00:00:01+00:00", "Modified_By": ada_brief,
            "Created_Time": "2024-01-01T00:00:00+00:00", "id": id, "Created_By": brief,
        });
        // What is not said stays.
        let body = json!({ "data": [{ "Note_Title": null }] });
        ada.put(&one_path, &body)
            .is(200, &done("record updated", later));
        let note = ada.get(&one_path).items().remove(0);
        assert_eq!(note["Note_Title"], Json::Null);
        assert_eq!(note["Note_Content"], "They like <b>blue</b>.");
        ada.delete(&one_path)
            .is(200, &done("record deleted", json!({ "id": id })));
        assert_eq!(ada.get(&one_path).status, 204);
        // None of it is a revision of the record.
        assert_eq!(api.rows("changes", &["rev", "cause"]), ["changes: 1 | api"]);
    }

    pub(super) fn a_note_is_reached_by_its_own_id_and_put_on_any_record(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let contact = ada
            .make("Contacts", &[json!({ "Last_Name": "Ode" })])
            .remove(0);
        let parent = json!({ "id": contact, "module": { "api_name": "Contacts" } });
        let body = json!({ "data": [
            { "Note_Content": "a", "Parent_Id": lead, "$se_module": "Leads" },
            { "Note_Content": "b", "Parent_Id": parent },
            { "Note_Content": "c" },
            { "Note_Content": "d", "Parent_Id": { "id": lead } },
            { "Note_Content": "e", "Parent_Id": "9", "$se_module": "Leads" },
            { "Note_Content": "f", "Parent_Id": lead, "$se_module": "Nothing" },
        ] });
        let reply = ada.post("Notes", &body);
        assert_eq!(reply.status, 200);
        let items = reply.items();
        assert_eq!(
            reply.codes(),
            [
                "SUCCESS",
                "SUCCESS",
                "MANDATORY_NOT_FOUND",
                "MANDATORY_NOT_FOUND",
                "INVALID_DATA",
                "INVALID_DATA",
            ]
        );
        let places = items[2..]
            .iter()
            .map(|item| item["details"]["json_path"].as_str().unwrap());
        let wanted = [
            "$.data[2].Parent_Id",
            "$.data[3].Parent_Id.module",
            "$.data[4].Parent_Id.id",
            "$.data[5].$se_module",
        ];
        assert!(places.eq(wanted));
        let ids: Vec<&str> = items[..2]
            .iter()
            .map(|item| item["details"]["id"].as_str().unwrap())
            .collect();
        let of = |n: usize| ada.get(&format!("Notes/{}", ids[n])).items().remove(0);
        assert_eq!(of(0)["Parent_Id"]["id"], json!(lead));
        assert_eq!(of(1)["Parent_Id"]["module"]["api_name"], "Contacts");
        let path = format!("Notes/{}", ids[0]);
        assert_eq!(ada.put(&path, &one("New", "z")).status, 200);
        assert_eq!(ada.contents(&lead), ["z"]);
        // A path that names another record names no note.
        let text = "the relation id given seems to be invalid";
        let wrong = json!({ "resource_path_index": 3 });
        for path in [
            format!("Contacts/{contact}/Notes/{}", ids[0]),
            format!("Leads/{lead}/Notes/9"),
        ] {
            assert_eq!(ada.get(&path).status, 204);
            ada.put(&path, &one("x", "y"))
                .is_error(400, "INVALID_DATA", text, &wrong);
            ada.delete(&path)
                .is_error(400, "INVALID_DATA", text, &wrong);
        }
        assert_eq!(ada.delete(&path).status, 200);
        assert_eq!(ada.get(&path).status, 204);
        let text = "the id given seems to be invalid";
        let wrong = json!({ "resource_path_index": 1 });
        ada.delete(&path)
            .is_error(400, "INVALID_DATA", text, &wrong);
        // Notes are no module for the rest of the API.
        let reply = ada.mass_update("Notes", &json!({}));
        assert_eq!(reply.json()["code"], "INVALID_MODULE", "{}", reply.text);
    }

    pub(super) fn notes_are_listed_in_pages_the_newest_first(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        for n in 0..5 {
            ada.note(&lead, &format!("note {n}"));
        }
        let path = format!("Leads/{lead}/Notes?fields=Note_Content&per_page=2");
        for (page, wanted, more) in [
            (1, vec!["note 4", "note 3"], true),
            (2, vec!["note 2", "note 1"], true),
            (3, vec!["note 0"], false),
        ] {
            let reply = ada.get(&format!("{path}&page={page}"));
            let texts: Vec<Json> = reply
                .items()
                .iter()
                .map(|n| n["Note_Content"].clone())
                .collect();
            assert_eq!(texts, wanted);
            assert_eq!(reply.json()["info"]["more_records"], more);
        }
        for page in ["4", "18446744073709551615"] {
            assert_eq!(
                ada.get(&format!("{path}&page={page}")).status,
                204,
                "{page}"
            );
        }
        let missing = json!({ "param_name": "fields" });
        let text = "One of the expected parameter is missing";
        for version in Version::ALL {
            let reply = ada.speaking(version).get(&format!("Leads/{lead}/Notes"));
            if version >= Version::V3 {
                reply.is_error(400, "REQUIRED_PARAM_MISSING", text, &missing);
            } else {
                assert_eq!(reply.items().len(), 5);
            }
        }
    }

    pub(super) fn what_is_refused_in_a_note(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let path = format!("Leads/{lead}/Notes");
        let id = ada.note(&lead, &"x".repeat(32_000));
        let at = |key: &str| json!({ "api_name": key, "json_path": format!("$.data[0].{key}") });
        let with = |key: &str, more: &str, value: Json| {
            let mut details = at(key);
            details[more] = value;
            details
        };
        let kind_of = |key: &str| with(key, "expected_data_type", json!("string"));
        let cases = [
            (
                json!({ "Note_Title": "a" }),
                "MANDATORY_NOT_FOUND",
                at("Note_Content"),
            ),
            (
                json!({ "Note_Content": " " }),
                "MANDATORY_NOT_FOUND",
                at("Note_Content"),
            ),
            (
                json!({ "Note_Content": 7 }),
                "INVALID_DATA",
                kind_of("Note_Content"),
            ),
            (
                json!({ "Note_Content": "a\u{0}b" }),
                "INVALID_DATA",
                kind_of("Note_Content"),
            ),
            (
                json!({ "Note_Content": "x".repeat(32_001) }),
                "INVALID_DATA",
                with("Note_Content", "maximum_length", json!(32_000)),
            ),
            (
                json!({ "Note_Content": "a", "Note_Title": "x".repeat(121) }),
                "INVALID_DATA",
                with("Note_Title", "maximum_length", json!(120)),
            ),
        ];
        api.unchanged_by(|| {
            for (object, code, details) in cases {
                let text = if code == "INVALID_DATA" {
                    "invalid data"
                } else {
                    "required field not found"
                };
                let reply = ada.post(&path, &json!({ "data": [object] }));
                let wanted = error(code, text, &details);
                assert_eq!((reply.status, reply.items()), (400, vec![wanted]));
            }
            let blank = json!({ "data": [{ "Note_Content": null }] });
            let reply = ada.put(&format!("{path}/{id}"), &blank);
            let text = "required field not found";
            reply.is_error(400, "MANDATORY_NOT_FOUND", text, &at("Note_Content"));
            let unknown = json!({ "resource_path_index": 1 });
            let text = "the related id given seems to be invalid";
            ada.post("Leads/9/Notes", &one("a", "b"))
                .is_error(400, "INVALID_DATA", text, &unknown);
        });
    }

    pub(super) fn a_note_is_seen_and_changed_as_its_record_is(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, rohan) = (api.caller("admin"), api.caller("rohan.desai"));
        let lead = ada.make_leads(1).remove(0);
        let id = ada.note(&lead, "secret");
        let paths = [format!("Leads/{lead}/Notes/{id}"), format!("Notes/{id}")];
        let list = format!("Leads/{lead}/Notes");
        api.make_private("Leads");
        api.unchanged_by(|| {
            for path in &paths {
                assert_eq!(rohan.get(path).status, 204);
                assert_eq!(
                    rohan.put(path, &one("a", "b")).json()["code"],
                    "INVALID_DATA"
                );
                assert_eq!(rohan.delete(path).json()["code"], "INVALID_DATA");
            }
            assert_eq!(rohan.get(&format!("{list}?fields=id")).status, 204);
            assert_eq!(
                rohan.post(&list, &one("a", "b")).json()["code"],
                "INVALID_DATA"
            );
        });
        api.share_module("Leads", Sharing::PublicReadOnly);
        let text = "no permission to perform an action on this record";
        let details = json!({ "id": lead });
        api.unchanged_by(|| {
            for path in &paths {
                assert_eq!(rohan.get(path).items()[0]["Note_Content"], "secret");
                for reply in [rohan.put(path, &one("a", "b")), rohan.delete(path)] {
                    reply.is_error(400, "CANNOT_PERFORM_ACTION", text, &details);
                }
            }
            let reply = rohan.post(&list, &one("a", "b"));
            reply.is_error(400, "CANNOT_PERFORM_ACTION", text, &details);
        });
        // A lock keeps the record, not what is said about it.
        ada.lock("Leads", &lead);
        ada.note(&lead, "why it is locked");
    }

    pub(super) fn a_converted_record_takes_no_notes(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        api.execute(&format!(
            "UPDATE \"m_Leads\" SET \"Converted__s\" = TRUE WHERE id = {lead}"
        ));
        let details = json!({ "id": lead });
        let text = "can't update the converted record";
        let reply = ada.post(&format!("Leads/{lead}/Notes"), &one("a", "b"));
        reply.is_error(400, "CONVERTED_RECORD", text, &details);
    }

    pub(super) fn a_record_can_be_given_a_thousand_notes(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let path = format!("Leads/{lead}/Notes");
        let hundred = json!({ "data": vec![json!({ "Note_Content": "a" }); 100] });
        for _ in 0..10 {
            assert_eq!(ada.post(&path, &hundred).status, 201);
        }
        let text = "the record can be given no more notes: delete some first";
        let reply = ada.post(&path, &one("one", "more"));
        reply.is_error(400, "LIMIT_EXCEEDED", text, &json!({ "limit": 1_000 }));
    }

    pub(super) fn notes_come_back_from_the_recycle_bin_and_end_with_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let id = ada.note(&lead, "kept");
        ada.delete(&format!("Leads/{lead}"));
        let path = format!("Notes/{id}");
        assert_eq!(ada.get(&path).status, 204);
        assert_eq!(ada.delete(&path).json()["code"], "INVALID_DATA");
        let bin = format!("settings/recycle_bin/{lead}");
        assert_eq!(
            ada.post(&format!("{bin}/actions/restore"), &json!({}))
                .status,
            200
        );
        assert_eq!(ada.contents(&lead), ["kept"]);
        ada.delete(&format!("Leads/{lead}"));
        assert_eq!(ada.delete(&bin).status, 200);
        assert_eq!(api.number("SELECT count(*) FROM notes"), 0);
    }
}
