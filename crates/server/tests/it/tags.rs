//! Tags of modules and of records (wire API 9.8).

use crate::api::Api;
use crate::demo::{Caller, error};
use model::access::Sharing;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_tag_is_put_shown_and_taken_off,
    tags_of_several_records_are_answered_one_by_one,
    older_versions_name_tags_in_the_query,
    tags_of_a_module_are_made_listed_renamed_and_deleted,
    what_is_refused_about_tags_of_a_module,
    a_locked_record_keeps_its_tags,
    a_record_of_somebody_else_keeps_its_tags,
    what_is_refused_in_a_request_about_tags,
    a_tag_must_be_named_and_nothing_said_twice,
    a_record_has_ten_tags_at_most,
    a_module_has_a_hundred_tags_at_most,
    tags_come_back_from_the_recycle_bin,
}

fn tags(names: &[&str]) -> Json {
    let tags: Vec<Json> = names.iter().map(|name| json!({ "name": name })).collect();
    json!(tags)
}

fn names(list: &Json) -> Vec<String> {
    let tags = list.as_array().unwrap().iter();
    tags.map(|tag| tag["name"].as_str().unwrap().to_owned())
        .collect()
}

impl Caller<'_> {
    fn tag(&self, id: &str, wanted: &[&str]) -> Json {
        let body = json!({ "tags": tags(wanted) });
        let reply = self.post(&format!("Leads/{id}/actions/add_tags"), &body);
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    fn tags_of(&self, id: &str) -> Vec<String> {
        names(&self.record("Leads", id)["Tag"])
    }
}

mod check {
    use super::*;

    pub(super) fn a_tag_is_put_shown_and_taken_off(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        assert_eq!(ada.record("Leads", &lead)["Tag"], json!([]));
        let hot = json!({ "name": " Hot ", "color_code": "#57b1fd" });
        let path = format!("Leads/{lead}/actions/add_tags");
        let reply = ada.post(&path, &json!({ "tags": [hot, { "name": "Fair" }] }));
        let listed = ada.get("settings/tags?module=Leads").json();
        let id = |name: &str| {
            let mut tags = listed["tags"].as_array().unwrap().iter();
            tags.find(|tag| tag["name"] == name).unwrap()["id"].clone()
        };
        let shown = json!([
            { "name": "Hot", "id": id("Hot"), "color_code": "#57B1FD" },
            { "name": "Fair", "id": id("Fair"), "color_code": null },
        ]);
        let item = |tags: &Json| {
            json!({
                "code": "SUCCESS", "details": { "id": lead, "tags": tags },
                "message": "tags updated successfully", "status": "success",
            })
        };
        let answer = |tags: &Json| {
            json!({
                "data": [item(tags)], "wf_scheduler": false,
                "success_count": "1", "locked_count": "0",
            })
        };
        reply.is(200, &answer(&shown));
        assert_eq!(ada.record("Leads", &lead)["Tag"], shown);
        let list = ada.get("Leads?fields=Tag,Last_Name").items();
        assert_eq!(list[0]["Tag"], shown);
        assert!(
            ada.get("Leads?fields=Last_Name").items()[0]
                .get("Tag")
                .is_none()
        );
        // A name is the same in any spelling, and a tag that is there is no change.
        api.records_unchanged_by(|| {
            ada.post(&path, &json!({ "tags": tags(&["HOT"]) }))
                .is(200, &answer(&shown));
        });
        let only = json!({ "tags": [{ "id": id("Fair") }], "over_write": true });
        let fair = json!([shown[1]]);
        ada.post(&path, &only).is(200, &answer(&fair));
        let path = format!("Leads/{lead}/actions/remove_tags");
        ada.post(&path, &json!({ "tags": tags(&["fair"]) }))
            .is(200, &answer(&json!([])));
        assert_eq!(ada.record("Leads", &lead)["Tag"], json!([]));
        // Each change raised the revision, and is told in the record's history.
        let changes = api.rows("changes", &["rev", "cause", "before"]);
        assert_eq!(
            changes,
            [
                "changes: 1 | api | {}",
                "changes: 2 | api | {}",
                "changes: 3 | api | {}",
                "changes: 4 | api | {}",
            ]
        );
    }

    pub(super) fn tags_of_several_records_are_answered_one_by_one(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        ada.lock("Leads", &leads[1]);
        for version in Version::ALL {
            let ids = json!([leads[0], leads[1], "9", leads[0]]);
            let body = json!({ "tags": tags(&["Hot"]), "ids": ids });
            let reply = ada.speaking(version).post("Leads/actions/add_tags", &body);
            let status = if version == Version::V8 { 207 } else { 200 };
            assert_eq!(reply.status, status, "{}", reply.text);
            let wanted = ["SUCCESS", "RECORD_LOCKED", "INVALID_DATA", "SUCCESS"];
            assert_eq!(reply.codes(), wanted);
            let unknown = json!({ "id": "9", "json_path": "$.ids[2]" });
            let text = "the id given seems to be invalid";
            assert_eq!(reply.items()[2], error("INVALID_DATA", text, &unknown));
            let counts = ["success_count", "locked_count"].map(|key| reply.json()[key].clone());
            assert_eq!(counts, [json!("2"), json!("1")]);
        }
        assert_eq!(ada.tags_of(&leads[0]), ["Hot"]);
        assert!(ada.tags_of(&leads[1]).is_empty());
        let body = json!({ "tags": tags(&["Hot"]), "ids": [leads[0], leads[2]] });
        let reply = ada.post("Leads/actions/remove_tags", &body);
        assert_eq!((reply.status, reply.codes().len()), (200, 2));
        assert!(ada.tags_of(&leads[0]).is_empty());
    }

    pub(super) fn older_versions_name_tags_in_the_query(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        for version in Version::ALL {
            let caller = ada.speaking(version);
            let path = format!(
                "Leads/actions/add_tags?ids={},{}&tag_names=Hot,New",
                leads[0], leads[1]
            );
            let reply = caller.send("POST", &path, &[], b"");
            if version >= Version::V3 {
                let details = json!({ "expected_data_type": "jsonobject" });
                reply.is_error(400, "INVALID_DATA", "body", &details);
                continue;
            }
            assert_eq!(
                (reply.status, reply.codes().len()),
                (200, 2),
                "{}",
                reply.text
            );
            let path = format!(
                "Leads/{}/actions/add_tags?tag_names=Fair&over_write=true",
                leads[0]
            );
            assert_eq!(caller.send("POST", &path, &[], b"").status, 200);
            assert_eq!(caller.tags_of(&leads[0]), ["Fair"]);
            assert_eq!(caller.tags_of(&leads[1]), ["Hot", "New"]);
            let path = format!("Leads/actions/remove_tags?ids={}&tag_names=Hot", leads[1]);
            assert_eq!(caller.send("POST", &path, &[], b"").status, 200);
            assert_eq!(caller.tags_of(&leads[1]), ["New"]);
            let reply = caller.send("POST", "Leads/actions/add_tags?ids=1&tag_names=", &[], b"");
            let details = json!({ "param_name": "tag_names" });
            let text = "One of the expected parameter is missing";
            reply.is_error(400, "REQUIRED_PARAM_MISSING", text, &details);
        }
    }

    pub(super) fn tags_of_a_module_are_made_listed_renamed_and_deleted(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, meera) = (api.caller("admin"), api.caller("meera"));
        let empty = json!({ "tags": [], "info": { "count": 0, "allowed_count": 100 } });
        ada.get("settings/tags?module=Leads").is(200, &empty);
        let body =
            json!({ "tags": [{ "name": "Hot", "color_code": "#F17574" }, { "name": "Fair" }] });
        let reply = meera.post("settings/tags?module=Leads", &body);
        assert_eq!(reply.status, 201, "{}", reply.text);
        let made = reply.json();
        let by = json!({ "name": "Meera Kulkarni", "id": api.user("meera").to_string() });
        let at = "2024-01-01T05:30:00+05:30";
        let item = &made["tags"][0];
        let details = json!({
            "created_time": at, "modified_time": at, "modified_by": by, "id": item["details"]["id"],
            "created_by": by, "color_code": "#F17574",
        });
        let wanted = json!({
            "code": "SUCCESS", "details": details, "message": "tags created successfully",
            "status": "success",
        });
        assert_eq!(item, &wanted);
        let listed = ada.get("settings/tags?module=Leads").json();
        assert_eq!(names(&listed["tags"]), ["Fair", "Hot"]);
        assert_eq!(listed["info"], json!({ "count": 2, "allowed_count": 100 }));
        let mine = ada.get("settings/tags?module=Leads&my_tags=true").json();
        assert_eq!(mine["tags"], json!([]));
        // Another module has its own.
        assert_eq!(
            ada.get("settings/tags?module=Contacts").json()["tags"],
            json!([])
        );
        let id = item["details"]["id"].as_str().unwrap();
        let lead = ada.make_leads(1).remove(0);
        ada.tag(&lead, &["Hot", "Fair"]);
        let body = json!({ "tags": [{ "name": "Hotter" }] });
        let reply = ada.put(&format!("settings/tags/{id}?module=Leads"), &body);
        assert_eq!(
            reply.json()["tags"][0]["message"],
            "tags updated successfully"
        );
        assert_eq!(ada.tags_of(&lead), ["Hotter", "Fair"]);
        let body = json!({ "tags": [{ "id": id, "color_code": "#969696" }] });
        assert_eq!(ada.put("settings/tags?module=Leads", &body).status, 200);
        assert_eq!(
            ada.record("Leads", &lead)["Tag"][0]["color_code"],
            "#969696"
        );
        let gone = json!({ "tags": [{
            "code": "SUCCESS", "details": { "id": id }, "message": "tags deleted successfully",
            "status": "success",
        }] });
        ada.delete(&format!("settings/tags/{id}")).is(200, &gone);
        assert_eq!(ada.tags_of(&lead), ["Fair"]);
        // The name is free again, and the new tag is on no record.
        ada.tag(&ada.make_leads(1)[0], &["Hotter"]);
        assert_eq!(ada.tags_of(&lead), ["Fair"]);
    }

    pub(super) fn what_is_refused_about_tags_of_a_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, meera) = (api.caller("admin"), api.caller("meera"));
        let made = ada.post(
            "settings/tags?module=Leads",
            &json!({ "tags": tags(&["Hot", "New"]) }),
        );
        let id = made.json()["tags"][0]["details"]["id"].clone();
        let (hot, new) = (
            id.as_str().unwrap(),
            &made.json()["tags"][1]["details"]["id"],
        );
        let missing = json!({ "param": "module" });
        let text = "One of the expected parameter is missing";
        ada.get("settings/tags")
            .is_error(400, "REQUIRED_PARAM_MISSING", text, &missing);
        let odd = json!({ "param_name": "my_tags" });
        ada.get("settings/tags?module=Leads&my_tags=1").is_error(
            400,
            "INVALID_DATA",
            "invalid data",
            &odd,
        );
        let reply = ada.post(
            "settings/tags?module=Leads",
            &json!({ "tags": tags(&["hot", "Old"]) }),
        );
        let taken = json!({ "id": hot, "api_name": "name" });
        assert_eq!(reply.status, 200);
        let items = reply.json()["tags"].clone();
        assert_eq!(items[0], error("DUPLICATE_DATA", "duplicate data", &taken));
        assert_eq!(items[1]["code"], "SUCCESS");
        let path = format!("settings/tags/{}?module=Leads", new.as_str().unwrap());
        let reply = ada.put(&path, &json!({ "tags": tags(&["HOT"]) }));
        assert_eq!(
            reply.json()["tags"],
            json!([error("DUPLICATE_DATA", "duplicate data", &taken)])
        );
        let several = json!({ "tags": tags(&["a", "b"]) });
        let most = json!({ "api_name": "tags", "json_path": "$.tags", "maximum_length": 1 });
        ada.put(&path, &several)
            .is_error(400, "INVALID_DATA", "invalid data", &most);
        for (tag, place) in [
            (json!({ "color_code": "#57B1FD" }), "name"),
            (json!({ "name": "x".repeat(26) }), "name"),
            (json!({ "name": "a\u{0}b" }), "name"),
            (json!({ "name": "  " }), "name"),
            (json!({ "name": 7 }), "name"),
            (json!({ "name": "Good", "color_code": "red" }), "color_code"),
        ] {
            let reply = ada.post("settings/tags?module=Leads", &json!({ "tags": [tag] }));
            assert_eq!(reply.status, 400, "{}", reply.text);
            let details = reply.json()["tags"][0]["details"].clone();
            assert_eq!(details["json_path"], format!("$.tags[0].{place}"));
        }
        let unnamed = ada.put(
            "settings/tags?module=Leads",
            &json!({ "tags": tags(&["a"]) }),
        );
        assert_eq!(unnamed.json()["tags"][0]["code"], "MANDATORY_NOT_FOUND");
        let unknown = json!({ "resource_path_index": 2 });
        let text = "the id given seems to be invalid";
        for id in ["9", "abc"] {
            let reply = ada.delete(&format!("settings/tags/{id}"));
            reply.is_error(400, "INVALID_DATA", text, &unknown);
        }
        // What a tag is called is everyone's.
        let denied = json!({ "permissions": ["Crm_Implied_Manage_Tags"] });
        for reply in [
            meera.delete(&format!("settings/tags/{hot}")),
            meera.put(&path, &json!({ "tags": tags(&["Mine"]) })),
        ] {
            reply.is_error(403, "NO_PERMISSION", "permission denied", &denied);
        }
    }

    pub(super) fn a_locked_record_keeps_its_tags(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        ada.tag(&lead, &["Hot"]);
        ada.lock("Leads", &lead);
        let text = "Sorry, you cannot perform this operation as the record is locked.";
        let details = json!({ "action": "record_locking", "id": lead });
        let wanted = json!({
            "data": [error("RECORD_LOCKED", text, &details)], "wf_scheduler": false,
            "success_count": "0", "locked_count": "1",
        });
        api.unchanged_by(|| {
            for body in [
                json!({ "tags": tags(&["New"]) }),
                json!({ "tags": tags(&["New"]), "over_write": true }),
            ] {
                ada.post(&format!("Leads/{lead}/actions/add_tags"), &body)
                    .is(400, &wanted);
            }
            let body = json!({ "tags": tags(&["Hot"]) });
            ada.post(&format!("Leads/{lead}/actions/remove_tags"), &body)
                .is(400, &wanted);
        });
        // Nothing was made for a record that takes nothing.
        let listed = ada.get("settings/tags?module=Leads").json();
        assert_eq!(names(&listed["tags"]), ["Hot"]);
    }

    pub(super) fn a_record_of_somebody_else_keeps_its_tags(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, rohan) = (api.caller("admin"), api.caller("rohan.desai"));
        let lead = ada.make_leads(1).remove(0);
        let path = format!("Leads/{lead}/actions/add_tags");
        let body = json!({ "tags": tags(&["Hot"]) });
        let text = "the id given seems to be invalid";
        api.make_private("Leads");
        let unknown = json!({ "resource_path_index": 1 });
        rohan
            .post(&path, &body)
            .is_error(400, "INVALID_DATA", text, &unknown);
        api.share_module("Leads", Sharing::PublicReadOnly);
        let reply = rohan.post(&path, &body);
        assert_eq!(
            (reply.status, reply.codes()),
            (400, vec!["CANNOT_PERFORM_ACTION".to_owned()])
        );
        assert_eq!(ada.record("Leads", &lead)["Tag"], json!([]));
    }

    pub(super) fn what_is_refused_in_a_request_about_tags(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let many: Vec<String> = (0..51).map(|n| format!("t{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let ids: Vec<String> = (1..=501).map(|id| id.to_string()).collect();
        let at = |api_name: &str, path: &str| json!({ "api_name": api_name, "json_path": path });
        let with = |mut details: Json, key: &str, value: Json| {
            details[key] = value;
            details
        };
        let invalid = "invalid data";
        let cases = [
            (
                json!({ "ids": [lead] }),
                "MANDATORY_NOT_FOUND",
                at("tags", "$.tags"),
            ),
            (
                json!({ "tags": [], "ids": [lead] }),
                "MANDATORY_NOT_FOUND",
                at("tags", "$.tags"),
            ),
            (
                json!({ "tags": tags(&["a"]) }),
                "MANDATORY_NOT_FOUND",
                at("ids", "$.ids"),
            ),
            (
                json!({ "tags": {}, "ids": [lead] }),
                "INVALID_DATA",
                with(
                    at("tags", "$.tags"),
                    "expected_data_type",
                    json!("jsonarray"),
                ),
            ),
            (
                json!({ "tags": [1], "ids": [lead] }),
                "INVALID_DATA",
                with(
                    at("tags", "$.tags[0]"),
                    "expected_data_type",
                    json!("jsonobject"),
                ),
            ),
            (
                json!({ "tags": tags(&many), "ids": [lead] }),
                "INVALID_DATA",
                with(at("tags", "$.tags"), "maximum_length", json!(50)),
            ),
            (
                json!({ "tags": tags(&["a"]), "ids": ["x"] }),
                "INVALID_DATA",
                with(at("ids", "$.ids[0]"), "expected_data_type", json!("long")),
            ),
            (
                json!({ "tags": [{ "id": "9" }], "ids": [lead] }),
                "INVALID_DATA",
                at("id", "$.tags[0].id"),
            ),
            (
                json!({ "tags": tags(&["a"]), "ids": [lead], "over_write": "yes" }),
                "INVALID_DATA",
                with(
                    at("over_write", "$.over_write"),
                    "expected_data_type",
                    json!("boolean"),
                ),
            ),
        ];
        api.unchanged_by(|| {
            for (body, code, details) in cases {
                let text = if code == "INVALID_DATA" {
                    invalid
                } else {
                    "required field not found"
                };
                let reply = ada.post("Leads/actions/add_tags", &body);
                reply.is_error(400, code, text, &details);
            }
            let reply = ada.post(
                "Leads/actions/add_tags",
                &json!({ "tags": tags(&["a"]), "ids": ids }),
            );
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!("LIMIT_EXCEEDED"))
            );
        });
    }

    pub(super) fn a_tag_must_be_named_and_nothing_said_twice(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let at = |api_name: &str, path: &str| json!({ "api_name": api_name, "json_path": path });
        api.unchanged_by(|| {
            let reply = ada.post(
                "Leads/actions/add_tags",
                &json!({ "tags": [{}], "ids": [lead] }),
            );
            let fields = ["id", "name"].map(|key| at(key, &format!("$.tags[0].{key}")));
            let details = json!({ "expected_fields": fields });
            reply.is_error(
                400,
                "EXPECTED_FIELD_MISSING",
                "Specify atleast one field",
                &details,
            );
            let misspelt = json!({ "tags": tags(&["a"]), "ids": [lead], "overwrite": true });
            let reply = ada.post("Leads/actions/add_tags", &misspelt);
            let details = at("overwrite", "$.overwrite");
            reply.is_error(400, "INVALID_DATA", "there is no such key", &details);
            // A tag that there is not cannot be taken off.
            let body = json!({ "tags": tags(&["Nothing"]) });
            let reply = ada.post(&format!("Leads/{lead}/actions/remove_tags"), &body);
            reply.is_error(
                400,
                "INVALID_DATA",
                "invalid data",
                &at("name", "$.tags[0].name"),
            );
            let other = json!({ "tags": tags(&["a"]), "ids": ["9"] });
            let reply = ada.post(&format!("Leads/{lead}/actions/add_tags"), &other);
            let text = "the record is named in the path: leave ids out";
            reply.is_error(400, "INVALID_DATA", text, &at("ids", "$.ids"));
        });
    }

    pub(super) fn a_record_has_ten_tags_at_most(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let ten: Vec<String> = (0..10).map(|n| format!("t{n}")).collect();
        let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
        ada.tag(&lead, &ten);
        let details = json!({ "limit": 10, "id": lead });
        let refused = error("LIMIT_EXCEEDED", "a record can have no more tags", &details);
        let path = format!("Leads/{lead}/actions/add_tags");
        let reply = ada.post(&path, &json!({ "tags": tags(&["one more"]) }));
        assert_eq!((reply.status, reply.items()), (400, vec![refused]));
        ada.tag(&lead, &["t3"]);
        assert_eq!(ada.tags_of(&lead).len(), 10);
        let body = json!({ "tags": tags(&["one more"]), "over_write": true });
        assert_eq!(ada.post(&path, &body).status, 200);
        assert_eq!(ada.tags_of(&lead), ["one more"]);
    }

    pub(super) fn a_module_has_a_hundred_tags_at_most(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        for half in [0, 50] {
            let names: Vec<String> = (half..half + 50).map(|n| format!("t{n}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let reply = ada.post(
                "settings/tags?module=Leads",
                &json!({ "tags": tags(&names) }),
            );
            assert_eq!(reply.status, 201);
        }
        let details = json!({ "api_name": "tags", "limit": 100 });
        let text = "the module can have no more tags: delete some first";
        let reply = ada.post(
            "settings/tags?module=Leads",
            &json!({ "tags": tags(&["more"]) }),
        );
        assert_eq!(
            reply.json()["tags"],
            json!([error("LIMIT_EXCEEDED", text, &details)])
        );
        let path = format!("Leads/{lead}/actions/add_tags");
        let reply = ada.post(&path, &json!({ "tags": tags(&["more"]) }));
        reply.is_error(400, "LIMIT_EXCEEDED", text, &details);
        ada.tag(&lead, &["t7"]);
    }

    pub(super) fn tags_come_back_from_the_recycle_bin(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        ada.tag(&lead, &["Hot", "New"]);
        ada.delete(&format!("Leads/{lead}"));
        let new = ada.get("settings/tags?module=Leads").json()["tags"][1]["id"].clone();
        ada.delete(&format!("settings/tags/{}", new.as_str().unwrap()));
        let path = format!("settings/recycle_bin/{lead}/actions/restore");
        assert_eq!(ada.post(&path, &json!({})).status, 200);
        assert_eq!(ada.tags_of(&lead), ["Hot"]);
    }
}
