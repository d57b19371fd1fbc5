//! Records: insert, and what insert and update have in common, and read by id (wire API 9.1 to 9.3).

use crate::api::{Api, Reply};
use crate::demo::error;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_new_record_is_answered_as_the_sample_shows,
    one_to_a_hundred_records_are_made_at_once,
    mandatory_fields_must_have_a_value,
    values_must_fit_their_fields,
    lookups_and_owners_must_exist,
    unique_values_are_held_apart,
    what_the_server_writes_is_its_own,
    rights_of_a_profile_hold_for_single_records,
    a_read_shows_what_the_reader_may_see,
    what_is_refused_as_a_whole,
}

pub(crate) fn at(api_name: &str, n: usize) -> Json {
    json!({ "api_name": api_name, "json_path": format!("$.data[{n}].{api_name}") })
}

/// Panics unless the only item of the answer is this refusal.
pub(crate) fn refused(reply: &Reply, code: &str, message: &str, details: &Json) {
    reply.is(400, &json!({ "data": [error(code, message, details)] }));
}

mod check {
    use super::*;

    pub(super) fn a_new_record_is_answered_as_the_sample_shows(kind: Kind) {
        let api = Api::start_demo(kind);
        let meera = api.caller("meera");
        let by = json!({ "name": "Meera Kulkarni", "id": api.user("meera").to_string() });
        for version in Version::ALL {
            let body = json!({ "data": [{ "Last_Name": "Ode" }], "trigger": [] });
            let reply = meera.speaking(version).post("Leads", &body);
            let id = reply.ids().remove(0);
            let at = "2024-01-01T05:30:00+05:30";
            let details = json!({
                "Modified_Time": at, "Modified_By": by, "Created_Time": at, "id": id,
                "Created_By": by, "$approval_state": "approved",
            });
            let made = json!({
                "code": "SUCCESS", "details": details, "message": "record added",
                "status": "success",
            });
            reply.is(201, &json!({ "data": [made] }));
            let record = meera.record("Leads", &id);
            assert_eq!(record["Owner"]["id"], by["id"]);
            assert_eq!(record["Full_Name"], "Ode");
            assert_eq!(record["Layout"]["name"], "Standard");
            assert_eq!(record["Converted__s"], false);
        }
        assert_eq!(
            api.number("SELECT count(*) FROM changes WHERE kind = 'create' AND rev = 1"),
            8
        );
    }

    pub(super) fn one_to_a_hundred_records_are_made_at_once(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let many = |count: usize| {
            let leads: Vec<Json> = (0..count)
                .map(|n| json!({ "Last_Name": format!("L{n}"), "Score": n }))
                .collect();
            ada.post("Leads", &json!({ "data": leads }))
        };
        let reply = many(100);
        assert_eq!(reply.status, 201);
        let ids = reply.ids();
        for n in [0, 50, 99] {
            let record = ada.record("Leads", &ids[n]);
            assert_eq!(
                (&record["Last_Name"], &record["Score"]),
                (&json!(format!("L{n}")), &json!(n))
            );
            assert_eq!(record["Lead_Number"], format!("L-{}", 1001 + n));
        }
        let details = json!({ "api_name": "data", "json_path": "$.data", "maximum_length": 100 });
        api.unchanged_by(|| many(101).is(400, &error("INVALID_DATA", "invalid data", &details)));
        let details = json!({ "api_name": "data", "json_path": "$.data" });
        let wanted = error("MANDATORY_NOT_FOUND", "required field not found", &details);
        many(0).is(400, &wanted);
    }

    pub(super) fn mandatory_fields_must_have_a_value(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for (module, record, missing) in [
            ("Leads", json!({}), "Last_Name"),
            ("Leads", json!({ "Last_Name": null }), "Last_Name"),
            ("Leads", json!({ "Last_Name": "" }), "Last_Name"),
            ("Leads", json!({ "last_name": "A" }), "Last_Name"),
            ("Deals", json!({ "Deal_Name": "A" }), "Stage"),
            ("Accounts", json!({ "Industry": "ERP" }), "Account_Name"),
            ("Tasks", json!({}), "Subject"),
            ("Site_Visits", json!({ "Name": "A" }), "Visited_On"),
        ] {
            let body = json!({ "data": [record] });
            let reply = api.unchanged_by(|| ada.post(module, &body));
            refused(
                &reply,
                "MANDATORY_NOT_FOUND",
                "required field not found",
                &at(missing, 0),
            );
        }
        let lead = ada.make_leads(1).remove(0);
        for value in [json!(null), json!("")] {
            let body = json!({ "data": [{ "Last_Name": value }] });
            let reply = api.unchanged_by(|| ada.put(&format!("Leads/{lead}"), &body));
            refused(
                &reply,
                "MANDATORY_NOT_FOUND",
                "required field not found",
                &at("Last_Name", 0),
            );
        }
    }

    pub(super) fn values_must_fit_their_fields(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let is = |word: &str| json!({ "expected_data_type": word });
        let max = |n: i64| json!({ "maximum_length": n });
        let cases = [
            ("Last_Name", json!("x".repeat(81)), max(80)),
            ("Last_Name", json!({}), is("text")),
            ("Email", json!("nobody"), is("email")),
            (
                "Email",
                json!(format!("{}@x.co", "a".repeat(100))),
                max(100),
            ),
            ("Phone", json!("1".repeat(31)), max(30)),
            ("Site_Notes", json!("ü".repeat(2_001)), max(2_000)),
            ("Site_Notes", json!("\u{0}"), is("textarea")),
            ("Uses", json!(["a\u{0}"]), is("multiselectpicklist")),
            ("Uses", json!([1]), is("multiselectpicklist")),
            ("Score", json!(12_345_678_901_i64), max(9)),
            ("Score", json!(true), is("integer")),
            ("Annual_Revenue", json!("1e3"), is("currency")),
            (
                "Annual_Revenue",
                json!(0.001),
                json!({ "maximum_decimal_place": 2 }),
            ),
            ("Has_Grid", json!(1), is("boolean")),
            ("Wanted_By", json!("0000-00-00"), is("date")),
            ("Wanted_By", json!(20_240_101), is("date")),
            (
                "Last_Called",
                json!("2024-01-01T00:00:00.000Z"),
                is("datetime"),
            ),
            ("Last_Called", json!("2024-13-01T00:00:00Z"), is("datetime")),
            ("Referred_By", json!("x"), is("lookup")),
            ("Referred_By", json!({ "name": "A" }), is("lookup")),
            ("Owner", json!({ "id": "x" }), is("ownerlookup")),
            ("Layout", json!([]), is("layout")),
        ];
        api.unchanged_by(|| {
            for (field, value, mut details) in cases {
                details["api_name"] = json!(field);
                details["json_path"] = json!(format!("$.data[0].{field}"));
                let mut record = json!({ "Last_Name": "A" });
                record[field] = value;
                let body = json!({ "data": [record] });
                refused(
                    &ada.post("Leads", &body),
                    "INVALID_DATA",
                    "invalid data",
                    &details,
                );
                let path = format!("Leads/{lead}");
                refused(
                    &ada.put(&path, &body),
                    "INVALID_DATA",
                    "invalid data",
                    &details,
                );
            }
        });
        // What fits comes back as it was given.
        let full = json!({
            "Last_Name": "Ö'Brien \"x\" \\ % _ $1 ?1 \u{1f41f}",
            "Site_Notes": "two\nlines\tand a tab", "Score": -999_999_999, "Uses": ["b", "a"],
            "Well_Depth": 0.1, "Wanted_By": "1969-12-31",
            "Last_Called": "2024-07-01T12:00:00+01:00", "Has_Grid": true, "Pump_Type": "Homemade",
        });
        let id = ada.make("Leads", std::slice::from_ref(&full)).remove(0);
        let record = ada.record("Leads", &id);
        for (field, value) in full.as_object().unwrap() {
            assert_eq!(&record[field], value, "{field}");
        }
        // No digit passes through a float.
        let budget = br#"{"data":[{"Budget":9999999999999999.99}]}"#;
        let path = format!("Leads/{id}");
        assert_eq!(ada.send("PUT", &path, &[], budget).status, 200);
        let text = ada.get(&path).text;
        assert!(text.contains("\"Budget\":9999999999999999.99,"), "{text}");
    }

    pub(super) fn lookups_and_owners_must_exist(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make(
            "Contacts",
            &[json!({ "First_Name": "Eva", "Last_Name": "Lind" })],
        );
        let (contact, lead) = (&ids[0], ada.make_leads(1).remove(0));
        let user = |name: &str| api.user(name).to_string();
        let (bad, related) = ("invalid data", "the related id given seems to be invalid");
        let of_user =
            |field: &str| json!({ "api_name": "id", "json_path": format!("$.data[0].{field}.id") });
        let dangling = json!({
            "api_name": "Referred_By", "json_path": "$.data[0].Referred_By.id",
        });
        let cases = [
            ("Referred_By", "5".to_owned(), related, dangling.clone()),
            // Of another module.
            ("Referred_By", lead.clone(), related, dangling),
            ("Owner", "5".to_owned(), bad, of_user("Owner")),
            ("Owner", user("piet"), bad, of_user("Owner")),
            ("Owner", user("sana"), bad, of_user("Owner")),
            ("Technician", user("piet"), bad, of_user("Technician")),
            ("Layout", "5".to_owned(), bad, of_user("Layout")),
        ];
        api.unchanged_by(|| {
            for (field, id, message, details) in cases {
                let body = json!({ "data": [{ "Last_Name": "A", field: { "id": id } }] });
                refused(&ada.post("Leads", &body), "INVALID_DATA", message, &details);
                let path = format!("Leads/{lead}");
                refused(&ada.put(&path, &body), "INVALID_DATA", message, &details);
            }
        });
        let lead = json!({
            "Last_Name": "A",
            "Referred_By": contact,
            "Owner": { "id": user("meera") },
            "Technician": user("sana"),
        });
        let record = ada.record("Leads", &ada.make("Leads", &[lead]).remove(0));
        assert_eq!(
            record["Referred_By"],
            json!({ "name": "Eva Lind", "id": contact })
        );
        assert_eq!(record["Owner"]["name"], "Meera Kulkarni");
        assert_eq!(record["Technician"]["id"], user("sana"));
        assert_eq!(record["Created_By"]["id"], user("admin"));
    }

    pub(super) fn unique_values_are_held_apart(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = |id: &str| json!({ "Last_Name": "A", "External_Id": id });
        let held = ada.make("Leads", &[lead("Ä-1")]).remove(0);
        let module = api.catalog().module("Leads").unwrap().id.to_string();
        let owner = json!({ "name": "Ada Kestrel", "id": api.user("admin").to_string() });
        let mut details = at("External_Id", 0);
        details["duplicate_record"] = json!({
            "Owner": owner, "module": { "api_name": "Leads", "id": module }, "id": held,
        });
        // Without regard to case, in one call as well as in two.
        let reply = api.unchanged_by(|| ada.post("Leads", &json!({ "data": [lead("ä-1")] })));
        refused(&reply, "DUPLICATE_DATA", "duplicate data", &details);
        let all = json!({ "data": [lead("b"), lead("B"), lead("c"), { "Last_Name": "A" }] });
        let reply = ada.speaking(Version::V8).post("Leads", &all);
        assert_eq!(reply.status, 207);
        assert_eq!(
            reply.codes(),
            ["SUCCESS", "DUPLICATE_DATA", "SUCCESS", "SUCCESS"]
        );
        assert_eq!(reply.items()[1]["details"], at("External_Id", 1));
        let ids: Vec<String> = [0, 2, 3]
            .iter()
            .map(|n| {
                reply.items()[*n]["details"]["id"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        // One may keep its own, in another case; two of one call may not take one value.
        let change = |id: &str, value: &str| json!({ "id": id, "External_Id": value });
        let body = json!({ "data": [
            change(&held, "ä-1"), change(&ids[0], "Ä-1"), change(&ids[1], "d"), change(&ids[2], "D"),
        ] });
        let codes = ada.put("Leads", &body).codes();
        assert_eq!(
            codes,
            ["SUCCESS", "DUPLICATE_DATA", "SUCCESS", "DUPLICATE_DATA"]
        );
        assert_eq!(ada.record("Leads", &held)["External_Id"], "ä-1");
        // A freed value can be taken.
        let body = json!({ "data": [change(&ids[1], ""), change(&ids[2], "d")] });
        let path = |n: usize| format!("Leads/{}", ids[n]);
        assert_eq!(
            ada.put(&path(1), &json!({ "data": [body["data"][0]] }))
                .status,
            200
        );
        assert_eq!(
            ada.put(&path(2), &json!({ "data": [body["data"][1]] }))
                .status,
            200
        );
        assert_eq!(ada.delete(&path(2)).status, 200);
        ada.make("Leads", &[lead("D")]);
    }

    pub(super) fn what_the_server_writes_is_its_own(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let own = json!({
            "Last_Name": "A", "Lead_Number": "X-1", "Full_Name": "Nobody", "Locked__s": true,
            "Converted__s": true, "Created_Time": "2001-01-01T00:00:00Z", "id": "5",
            "Created_By": { "id": "5" }, "Modified_By": "x", "$editable": false, "Nope": {},
        });
        let id = ada.make("Leads", std::slice::from_ref(&own)).remove(0);
        let read = |id: &str| {
            let record = ada.record("Leads", id);
            [
                "Lead_Number",
                "Full_Name",
                "Locked__s",
                "Converted__s",
                "Created_Time",
            ]
            .map(|key| record[key].clone())
        };
        let wanted = [
            json!("L-1001"),
            json!("A"),
            json!(false),
            json!(false),
            json!("2024-01-01T00:00:00+00:00"),
        ];
        assert_eq!(read(&id), wanted);
        let reply = ada.put(&format!("Leads/{id}"), &json!({ "data": [own] }));
        assert_eq!(reply.codes(), ["SUCCESS"]);
        assert_eq!(read(&id), wanted);
        // A number is not given twice, not even after a refusal or a deletion.
        assert_eq!(ada.delete(&format!("Leads/{id}")).status, 200);
        ada.post("Leads", &json!({ "data": [{}] }));
        let next = ada.make_leads(1).remove(0);
        assert_ne!(ada.record("Leads", &next)["Lead_Number"], "L-1001");
    }

    pub(super) fn rights_of_a_profile_hold_for_single_records(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        let lead = ada.make_leads(1).remove(0);
        let task = ada.make("Tasks", &[json!({ "Subject": "A" })]).remove(0);
        let text = "permission denied";
        let none = json!({ "data": [{}] });
        // Before what else is wrong with the request.
        for (method, path, permission) in [
            ("POST", "Deals", "Crm_Implied_Create_Deals"),
            ("PUT", "Deals", "Crm_Implied_Edit_Deals"),
            ("PUT", "Deals/x", "Crm_Implied_Edit_Deals"),
            ("DELETE", "Leads", "Crm_Implied_Delete_Leads"),
            ("DELETE", "Leads?ids=x", "Crm_Implied_Delete_Leads"),
            ("DELETE", "Leads/x", "Crm_Implied_Delete_Leads"),
            (
                "DELETE",
                &format!("Leads/{lead}"),
                "Crm_Implied_Delete_Leads",
            ),
        ] {
            let header = [("If-Unmodified-Since", "yesterday")];
            let reply =
                api.unchanged_by(|| carla.send(method, path, &header, none.to_string().as_bytes()));
            let details = json!({ "permissions": [permission] });
            reply.is(403, &error("NO_PERMISSION", text, &details));
        }
        assert_eq!(carla.delete(&format!("Tasks/{task}")).status, 200);
        for (field, value) in [("Lead_Source", json!("Chat")), ("Budget", json!(5))] {
            let body = json!({ "data": [{ "Last_Name": "A", field: value }] });
            let details = json!({
                "api_name": field, "json_path": format!("$.data[0].{field}"),
            });
            let text = "Field Edit Permission not given";
            for reply in [
                carla.post("Leads", &body),
                carla.put(&format!("Leads/{lead}"), &body),
            ] {
                refused(&reply, "NO_PERMISSION", text, &details);
            }
        }
    }

    pub(super) fn a_read_shows_what_the_reader_may_see(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        let lead = json!({ "Last_Name": "A", "Budget": 7, "Lead_Source": "Chat" });
        let id = ada.make("Leads", &[lead]).remove(0);
        let (whole, seen) = (ada.record("Leads", &id), carla.record("Leads", &id));
        assert_eq!(
            (&whole["Budget"], &seen["Lead_Source"]),
            (&json!(7), &json!("Chat"))
        );
        for hidden in ["Budget", "Annual_Revenue"] {
            assert!(seen.get(hidden).is_none());
        }
        let path = format!("Leads/{id}?fields=Budget,Last_Name,Nope,Last_Name,Territories");
        let only = json!({ "Last_Name": "A", "id": id, "Territories": [] });
        carla.get(&path).is(200, &json!({ "data": [only] }));
        let deal = json!({ "Deal_Name": "A", "Stage": "Closed Won" });
        let deal = ada.make("Deals", &[deal]).remove(0);
        assert_eq!(ada.get(&format!("Leads/{deal}")).status, 204);
        assert_eq!(ada.get("Leads/5").text, "");
        let details = json!({ "resource_path_index": 1 });
        for id in ["x", "-1", "99999999999999999999", "%00", "1.0"] {
            let reply = ada.get(&format!("Leads/{id}"));
            reply.is(400, &error("INVALID_DATA", "invalid data", &details));
        }
    }

    pub(super) fn what_is_refused_as_a_whole(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let object = json!({ "expected_data_type": "jsonobject" });
        let of_data = |word: &str, path: &str| json!({ "api_name": "data", "json_path": path, "expected_data_type": word });
        let missing = json!({ "api_name": "data", "json_path": "$.data" });
        let two = json!({ "api_name": "data", "json_path": "$.data", "maximum_length": 1 });
        let one = format!("Leads/{lead}");
        let (bad, mandatory) = ("INVALID_DATA", "MANDATORY_NOT_FOUND");
        let cases = [
            ("Leads", "", bad, "body", object.clone()),
            ("Leads", "[]", bad, "body", object.clone()),
            ("Leads", "\"x\"", bad, "body", object),
            (
                "Leads",
                "{}",
                mandatory,
                "required field not found",
                missing,
            ),
            (
                "Leads",
                r#"{"data":{}}"#,
                bad,
                "invalid data",
                of_data("jsonarray", "$.data"),
            ),
            (
                "Leads",
                r#"{"data":null}"#,
                bad,
                "invalid data",
                of_data("jsonarray", "$.data"),
            ),
            (
                "Leads",
                r#"{"data":[{},5]}"#,
                bad,
                "invalid data",
                of_data("jsonobject", "$.data[1]"),
            ),
            (&one, r#"{"data":[{},{}]}"#, bad, "invalid data", two),
        ];
        api.unchanged_by(|| {
            for (path, body, code, message, details) in &cases {
                for method in ["POST", "PUT"] {
                    if method == "POST" && *path != "Leads" {
                        continue;
                    }
                    let reply = ada.send(method, path, &[], body.as_bytes());
                    reply.is(400, &error(code, message, details));
                }
            }
        });
    }
}
