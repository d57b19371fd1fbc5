//! Bad input everywhere: nothing answers 5xx, and nothing is changed.

use crate::api::Api;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    bodies_that_are_no_json_object_are_refused,
    any_value_under_any_key_is_answered,
    any_text_in_any_parameter_is_answered,
    nothing_opens_without_the_right,
}

/// Every call that reads a body, on one lead, with a body that it takes.
fn calls(api: &Api, lead: &str) -> Vec<(&'static str, String, Json)> {
    let world = api.territory("World");
    let cvid = api.view("Leads", "All Leads");
    let territories = json!({ "data": [{ "id": lead, "Territories": [{ "id": world }] }] });
    let lock = json!({ "data": [{ "Locked_Reason__s": "x" }] });
    let lead_json = json!({
        "id": lead, "Last_Name": "A", "Email": "a@b.co", "Score": 1, "Budget": 1.5, "Uses": ["x"],
        "Wanted_By": "2024-01-01", "Last_Called": "2024-01-01T00:00:00Z", "Has_Grid": true,
        "Owner": { "id": api.user("admin").to_string() }, "Referred_By": { "id": "5" },
        "External_Id": "e", "Layout": { "id": "5" }, "$append_values": { "Uses": true },
    });
    let records = json!({ "data": [lead_json], "trigger": ["workflow"], "lar_id": "5" });
    let by_ids = json!({ "data": [{ "City": "Faro" }], "ids": [lead], "over_write": true });
    let by_view = json!({
        "data": [{ "City": "Faro" }], "cvid": cvid,
        "territory": { "id": world, "include_child": true },
        "criteria": [{ "field": "City", "comparator": "equal", "value": "x" }],
    });
    let mass_update = || "Leads/actions/mass_update".to_owned();
    vec![
        ("POST", "Leads".to_owned(), records.clone()),
        ("PUT", "Leads".to_owned(), records.clone()),
        ("PUT", format!("Leads/{lead}"), records),
        ("POST", mass_update(), by_ids),
        ("POST", mass_update(), by_view),
        (
            "POST",
            format!("Leads/{lead}/Locking_Information__s"),
            lock.clone(),
        ),
        (
            "PUT",
            format!("Leads/{lead}/Locking_Information__s/5"),
            lock,
        ),
        (
            "POST",
            "Leads/actions/assign_territories".to_owned(),
            territories.clone(),
        ),
        (
            "POST",
            "Leads/actions/remove_territories".to_owned(),
            territories,
        ),
    ]
}

/// Everywhere in a JSON value where another could stand.
fn places(json: &Json, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match json {
        Json::Object(object) => {
            for (key, value) in object {
                places(value, &format!("{path}/{key}"), found);
            }
        }
        Json::Array(items) => {
            for (n, value) in items.iter().enumerate() {
                places(value, &format!("{path}/{n}"), found);
            }
        }
        _ => {}
    }
}

mod check {
    use super::*;

    pub(super) fn bodies_that_are_no_json_object_are_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let deep = |open: &str, close: &str, depth: usize| {
            format!("{{\"data\":{}{}}}", open.repeat(depth), close.repeat(depth))
        };
        let bodies: Vec<(Vec<u8>, u16)> = vec![
            (Vec::new(), 400),
            (b"nonsense".to_vec(), 400),
            (b"{\"data\":[{}]".to_vec(), 400),
            (b"[]".to_vec(), 400),
            (b"null".to_vec(), 400),
            (b"5".to_vec(), 400),
            (b"\xff\xfe{}".to_vec(), 400),
            (b"\xef\xbb\xbf{\"data\":[{}]}".to_vec(), 400),
            (b"{\"data\":[{\"City\":\"\xff\"}]}".to_vec(), 400),
            (br#"{"data":[{"City":"\ud800"}]}"#.to_vec(), 400),
            (br#"{"data":[{"City":"\udc00\ud800"}]}"#.to_vec(), 400),
            (br#"{"data":[{"\ud800":1}]}"#.to_vec(), 400),
            (b"{\"data\":[{\"City\":NaN}]}".to_vec(), 400),
            (b"data=%5B%7B%7D%5D".to_vec(), 400),
            (deep("[", "]", 200).into_bytes(), 400),
            (deep("{\"a\":", "}", 200).into_bytes(), 400),
            (deep("[", "", 100_000).into_bytes(), 400),
            (vec![b'x'; 10 * 1024 * 1024], 413),
            (
                format!("{{\"data\":[{{\"City\":\"{}\"}}]}}", "x".repeat(10 << 20)).into_bytes(),
                413,
            ),
        ];
        api.unchanged_by(|| {
            for (method, path, _) in calls(&api, &lead) {
                for (body, status) in &bodies {
                    let reply = ada.send(method, &path, &[], body);
                    let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
                    assert_eq!(
                        reply.status, *status,
                        "{method} {path} {start} {}",
                        reply.text
                    );
                    assert_eq!(reply.json()["message"], "body", "{start}");
                }
            }
        });
    }

    pub(super) fn any_value_under_any_key_is_answered(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let huge: Json = serde_json::from_str("1e999").unwrap();
        let long: Json = serde_json::from_str(&"9".repeat(400)).unwrap();
        let values = [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            huge,
            long,
            json!(i64::MIN),
            json!(""),
            json!("\u{0}"),
            json!("a\u{0}b"),
            json!("\u{ffff}\u{10ffff}"),
            json!("5"),
            json!("'; DROP TABLE jobs; --"),
            json!("$1"),
            json!("%_\\"),
            json!("x".repeat(70_000)),
            json!([]),
            json!([null]),
            json!([[]]),
            json!(["\u{0}"]),
            json!({}),
            json!({ "": null }),
            json!({ "id": "\u{0}" }),
            json!({ "id": i64::MAX }),
        ];
        for (method, path, body) in calls(&api, &lead) {
            let mut all = Vec::new();
            places(&body, "", &mut all);
            for place in all.iter().filter(|place| !place.is_empty()) {
                for value in &values {
                    let mut body = body.clone();
                    *body.pointer_mut(place).unwrap() = value.clone();
                    let reply = ada.send(method, &path, &[], body.to_string().as_bytes());
                    assert!(
                        reply.status < 500,
                        "{method} {path} {place} {value}: {}",
                        reply.text
                    );
                    let json = reply.json();
                    assert!(
                        json["code"].is_string() || json["data"].is_array(),
                        "{json}"
                    );
                }
            }
            // Keys may be anything, too.
            for key in [
                "\u{0}",
                "",
                "id\u{0}",
                "$1",
                "\"",
                "Last_Name\"",
                "__proto__",
            ] {
                let mut body = body.clone();
                body["data"][0][key] = json!("x");
                body[key] = json!("x");
                let reply = ada.send(method, &path, &[], body.to_string().as_bytes());
                assert!(
                    reply.status < 500,
                    "{method} {path} {key:?}: {}",
                    reply.text
                );
            }
        }
        // What was accepted can also be run.
        api.run_jobs();
        assert_eq!(
            api.number("SELECT count(*) FROM job_outcomes WHERE code = 'INTERNAL_ERROR'"),
            0
        );
        assert_eq!(
            api.number("SELECT count(*) FROM jobs WHERE state <> 'completed'"),
            0
        );
    }

    pub(super) fn any_text_in_any_parameter_is_answered(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let parameters = [
            "fields",
            "ids",
            "cvid",
            "page",
            "per_page",
            "page_token",
            "sort_by",
            "sort_order",
            "converted",
            "territory_id",
            "include_child",
            "job_id",
        ];
        let texts = [
            "",
            "%00",
            "a%00b",
            "-1",
            "1e999",
            "99999999999999999999",
            "%F0%9F%90%9F",
            "%FF",
            "'",
            "%22",
            "$1",
            "null",
            ",,,",
            "9223372036854775807",
        ];
        for name in parameters {
            for text in texts {
                for path in [
                    format!("Leads?fields=City&{name}={text}"),
                    format!("Leads/{lead}?{name}={text}"),
                    format!("Leads/{lead}/Locking_Information__s?{name}={text}"),
                    format!("Leads/actions/mass_update?{name}={text}"),
                ] {
                    let reply = ada.get(&path);
                    assert!(reply.status < 500, "{path}: {}", reply.text);
                }
                if name == "ids" {
                    let reply = ada.delete(&format!("Leads?ids={text}"));
                    assert!(reply.status < 500, "{text}: {}", reply.text);
                }
            }
        }
    }

    pub(super) fn nothing_opens_without_the_right(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        api.change_catalog(|catalog| {
            let mut profiles = catalog.profiles.iter_mut();
            let profile = profiles.find(|p| p.name == "Care Desk").unwrap();
            profile.modules.clear();
        });
        let carla = api.caller("carla");
        let scopeless = api.caller_with("admin", "ZohoCRM.users.READ");
        let mut all = calls(&api, &lead);
        for path in ["Leads?fields=City", "Leads/actions/mass_update?job_id=1"] {
            all.push(("GET", path.to_owned(), json!({})));
        }
        for path in [
            "",
            "/Locking_Information__s?fields=id",
            "/Locking_Information__s/5",
        ] {
            all.push(("GET", format!("Leads/{lead}{path}"), json!({})));
        }
        all.push(("DELETE", format!("Leads/{lead}"), json!({})));
        all.push(("DELETE", format!("Leads?ids={lead}"), json!({})));
        all.push((
            "DELETE",
            format!("Leads/{lead}/Locking_Information__s/5"),
            json!({}),
        ));
        api.unchanged_by(|| {
            for (method, path, body) in all {
                let body = body.to_string();
                for (caller, status, code) in [
                    (&carla, 403, "NO_PERMISSION"),
                    (&scopeless, 401, "OAUTH_SCOPE_MISMATCH"),
                ] {
                    let reply = caller.send(method, &path, &[], body.as_bytes());
                    let got = (reply.status, reply.json()["code"].clone());
                    assert_eq!(got, (status, json!(code)), "{method} {path}");
                }
            }
        });
    }
}
