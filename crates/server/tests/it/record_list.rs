//! The list of records: what it holds, page by page and token by token (wire API 9.1).

use crate::api::Api;
use crate::convert::converted;
use crate::demo::{Caller, error};
use serde_json::{Value as Json, json};
use server::Version;
use std::collections::BTreeSet;
use testkit::{Kind, each_db};

each_db! {
    a_list_is_as_the_sample_shows,
    fields_are_needed_from_v3_on,
    an_empty_list_has_no_body,
    pages_have_bounds,
    a_walk_by_token_meets_every_record_once,
    a_token_is_good_for_its_user_its_list_and_a_day,
    a_forged_token_is_refused,
    lists_are_sorted,
    lists_are_narrowed,
    nothing_newer_is_304,
    what_is_hidden_is_not_shown_and_sorts_nothing,
    parameters_are_checked,
}

/// What each record of a list has in a field.
fn column(caller: &Caller<'_>, query: &str, field: &str) -> Vec<Json> {
    let reply = caller.get(&format!("Leads?{query}"));
    if reply.status == 204 {
        return Vec::new();
    }
    assert_eq!(reply.status, 200, "{query}: {}", reply.text);
    reply
        .items()
        .iter()
        .map(|item| item[field].clone())
        .collect()
}

/// Last names of a list.
fn names(caller: &Caller<'_>, query: &str) -> Vec<Json> {
    column(caller, &format!("fields=Last_Name&{query}"), "Last_Name")
}

/// The first page's token.
fn token(caller: &Caller<'_>, query: &str) -> String {
    let info = caller.get(&format!("Leads?{query}")).json()["info"].clone();
    info["next_page_token"].as_str().unwrap().to_owned()
}

const A_DAY_MS: i64 = 24 * 3_600_000;

mod check {
    use super::*;

    pub(super) fn a_list_is_as_the_sample_shows(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make(
            "Leads",
            &[json!({ "Last_Name": "Ode" }), json!({ "Last_Name": "Lee" })],
        );
        let record =
            |n: usize, name: &str| json!({ "Last_Name": name, "Email": null, "id": ids[n] });
        let wanted = json!({
            "data": [record(1, "Lee"), record(0, "Ode")],
            "info": {
                "call": false, "per_page": 200, "next_page_token": null, "count": 2,
                "sort_by": "id", "page": 1, "previous_page_token": null,
                "page_token_expiry": null, "sort_order": "desc", "email": false,
                "more_records": false,
            },
        });
        for version in Version::ALL {
            let mut wanted = wanted.clone();
            if version < Version::V3 {
                let info = wanted["info"].as_object_mut().unwrap();
                info.retain(|key, _| !key.contains("token"));
            }
            ada.speaking(version)
                .get("Leads?fields=Last_Name,Email")
                .is(200, &wanted);
        }
    }

    pub(super) fn fields_are_needed_from_v3_on(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let details = json!({ "param_name": "fields" });
        let missing = "One of the expected parameter is missing";
        for version in Version::ALL {
            for path in ["Leads", "Leads?fields=", "Leads?fields=,"] {
                let reply = ada.speaking(version).get(path);
                if version < Version::V3 {
                    assert_eq!(reply.status, 200);
                    assert_eq!(reply.items()[0]["Full_Name"], "Lead 0");
                    assert_eq!(reply.items()[0]["$editable"], true);
                } else {
                    reply.is(400, &error("REQUIRED_PARAM_MISSING", missing, &details));
                }
            }
        }
        let names = |count: usize| vec!["City"; count].join(",");
        assert_eq!(ada.get(&format!("Leads?fields={}", names(50))).status, 200);
        let details = json!({ "param_name": "fields", "limit": 50 });
        let wanted = error("LIMIT_EXCEEDED", "Fields limit exceeded", &details);
        ada.get(&format!("Leads?fields={}", names(51)))
            .is(400, &wanted);
    }

    pub(super) fn an_empty_list_has_no_body(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for query in ["", "&page=7", "&ids=5", "&converted=true"] {
            let reply = ada.get(&format!("Leads?fields=City{query}"));
            assert_eq!((reply.status, reply.text.as_str()), (204, ""), "{query}");
        }
        ada.make_leads(1);
        assert_eq!(ada.get("Leads?fields=City&page=2").status, 204);
    }

    pub(super) fn pages_have_bounds(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.seed_leads(9_000_000_000_000_000, 2_005);
        let page = |query: &str| ada.get(&format!("Leads?fields=Last_Name&{query}")).json();
        let first = page("per_page=3");
        assert_eq!(first["info"]["more_records"], true);
        assert_eq!(first["data"][0]["Last_Name"], "Lead 2004");
        assert_eq!(
            page("per_page=3&page=2")["data"][0]["Last_Name"],
            "Lead 2001"
        );
        let last = page("page=10");
        assert_eq!(
            (&last["info"]["count"], &last["info"]["page"]),
            (&json!(200), &json!(10))
        );
        assert_eq!(last["data"][199]["Last_Name"], "Lead 5");
        let limit = page("page=11");
        assert_eq!(limit["code"], "DISCRETE_PAGINATION_LIMIT_EXCEEDED");
        assert_eq!(limit["details"]["limit"], 2_000);
        assert_eq!(
            page("page=1000000&per_page=200")["code"],
            "DISCRETE_PAGINATION_LIMIT_EXCEEDED"
        );
        for bad in [
            "page=0",
            "page=-1",
            "page=x",
            "page=1.5",
            "page=",
            "page=99999999999999999999",
            "per_page=0",
            "per_page=201",
            "per_page=x",
            "per_page=1e2",
            "per_page=%00",
        ] {
            let name = bad.split('=').next().unwrap();
            let reply = page(bad);
            let told = (&reply["code"], &reply["details"]["param_name"]);
            assert_eq!(told, (&json!("INVALID_DATA"), &json!(name)), "{bad}");
        }
    }

    pub(super) fn a_walk_by_token_meets_every_record_once(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.seed_leads(9_000_000_000_000_000, 1_000);
        for order in ["sort_order=asc", "sort_order=desc", "sort_by=Created_Time"] {
            let query = format!("fields=Last_Name&per_page=90&{order}");
            let mut seen: Vec<String> = Vec::new();
            let mut more = String::new();
            loop {
                let reply = ada.get(&format!("Leads?{query}{more}"));
                let (ids, info) = (reply.ids(), reply.json()["info"].clone());
                seen.extend(ids.iter().cloned());
                assert_eq!(info["page"], (seen.len() - ids.len()) / 90 + 1);
                if info["more_records"] == false {
                    assert_eq!(info["next_page_token"], Json::Null);
                    break;
                }
                assert_eq!(info["page_token_expiry"], "2024-01-02T00:00:00+00:00");
                more = format!("&page_token={}", info["next_page_token"].as_str().unwrap());
                // Meanwhile some are changed and some are new; what was there is met all the same.
                let change = json!({ "data": [
                    { "id": ids[0], "City": order }, { "id": ids[ids.len() - 1], "City": order },
                ] });
                assert_eq!(ada.put("Leads", &change).status, 200);
                ada.make_leads(1);
            }
            let old: Vec<&String> = seen.iter().filter(|id| id.starts_with('9')).collect();
            assert_eq!(old.len(), 1_000, "{order}");
            let distinct: BTreeSet<&String> = seen.iter().collect();
            assert_eq!(distinct.len(), seen.len(), "{order}");
        }
    }

    pub(super) fn a_token_is_good_for_its_user_its_list_and_a_day(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        api.seed_leads(9_000_000_000_000_000, 3);
        let query = "fields=City&per_page=1";
        let token = token(&ada, query);
        let code = |caller: &Caller<'_>, query: &str| {
            let reply = caller.get(&format!("Leads?{query}&page_token={token}"));
            let code = reply.json()["code"].as_str().unwrap_or("-").to_owned();
            (reply.status, code)
        };
        let refused = |code: &str| (400, code.to_owned());
        assert_eq!(code(&ada, query), (200, "-".to_owned()));
        assert_eq!(code(&ada, "per_page=1&fields=City"), (200, "-".to_owned()));
        let other_list = refused("TOKEN_BOUND_DATA_MISMATCH");
        assert_eq!(code(&ines, query), other_list);
        for query in [
            "fields=City",
            "fields=City,Email&per_page=1",
            "fields=City&per_page=1&sort_order=asc",
            "fields=City&per_page=1&converted=both",
        ] {
            assert_eq!(code(&ada, query), other_list, "{query}");
        }
        let both = "fields=City&per_page=1&page=2";
        assert_eq!(code(&ada, both), refused("AMBIGUITY_DURING_PROCESSING"));
        let deals = ada.get(&format!("Deals?{query}&page_token={token}"));
        assert_eq!(deals.json()["code"], "TOKEN_BOUND_DATA_MISMATCH");
        // Old versions do not know the parameter.
        let old = ada
            .speaking(Version::V2)
            .get(&format!("Leads?{query}&page_token={token}"));
        assert_eq!((old.status, &old.json()["info"]["page"]), (200, &json!(1)));
        api.clock.advance_ms(A_DAY_MS - 1);
        let ada = api.caller("admin");
        assert_eq!(code(&ada, query), (200, "-".to_owned()));
        api.clock.advance_ms(1);
        assert_eq!(code(&ada, query), refused("EXPIRED_VALUE"));
    }

    pub(super) fn a_forged_token_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.seed_leads(9_000_000_000_000_000, 3);
        let query = "fields=City&per_page=1&sort_by=Created_Time";
        let token = token(&ada, query);
        let bytes: Vec<u8> = (0..token.len())
            .step_by(2)
            .map(|n| u8::from_str_radix(&token[n..n + 2], 16).unwrap())
            .collect();
        let inside: Json = serde_json::from_slice(&bytes).unwrap();
        let forged = |key: &str, value: Json| {
            let mut inside = inside.clone();
            inside[key] = value;
            let hex = |text: String, byte: u8| format!("{text}{byte:02x}");
            inside.to_string().bytes().fold(String::new(), hex)
        };
        let (half, upper) = (token[..token.len() - 2].to_owned(), token.to_uppercase());
        for (token, code) in [
            (String::new(), "INVALID_DATA"),
            ("x".to_owned(), "INVALID_DATA"),
            ("7b7d".to_owned(), "INVALID_DATA"),
            ("%C3%A9%C3%A9".to_owned(), "INVALID_DATA"),
            ("+7".to_owned(), "INVALID_DATA"),
            ("0".repeat(10_000), "INVALID_DATA"),
            (half, "INVALID_DATA"),
            (upper, "-"),
            (forged("value", json!("text")), "INVALID_DATA"),
            (forged("value", json!("\u{0}")), "INVALID_DATA"),
            (forged("value", json!(true)), "INVALID_DATA"),
            (forged("value", json!(1.5)), "INVALID_DATA"),
            (forged("value", json!([])), "INVALID_DATA"),
            (forged("id", json!("5")), "INVALID_DATA"),
            (forged("seen", json!(u64::MAX)), "PAGINATION_LIMIT_EXCEEDED"),
            (forged("seen", json!(100_000)), "PAGINATION_LIMIT_EXCEEDED"),
            (forged("seen", json!(-1)), "INVALID_DATA"),
            (forged("bound_to", json!("")), "TOKEN_BOUND_DATA_MISMATCH"),
            (forged("expires", json!(0)), "EXPIRED_VALUE"),
        ] {
            let reply = ada.get(&format!("Leads?{query}&page_token={token}"));
            let told = reply.json()["code"].as_str().unwrap_or("-").to_owned();
            assert_eq!(told, code, "{} {token}", reply.status);
        }
    }

    pub(super) fn lists_are_sorted(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = [
            ("C", json!(3)),
            ("A", json!(null)),
            ("B", json!(1)),
            ("a", json!(2)),
        ];
        let ids: Vec<String> = leads
            .iter()
            .map(|(name, score)| {
                api.clock.advance_ms(1_000);
                let lead = json!({ "Last_Name": name, "Score": score });
                ada.make("Leads", &[lead]).remove(0)
            })
            .collect();
        api.clock.advance_ms(1_000);
        ada.put(
            &format!("Leads/{}", ids[1]),
            &json!({ "data": [{ "City": "Faro" }] }),
        );
        for (query, wanted) in [
            ("sort_by=id", ["a", "B", "A", "C"]),
            ("sort_order=asc", ["C", "A", "B", "a"]),
            ("sort_by=Created_Time&sort_order=asc", ["C", "A", "B", "a"]),
            ("sort_by=Modified_Time", ["A", "a", "B", "C"]),
            ("sort_by=Modified_Time&sort_order=asc", ["C", "B", "a", "A"]),
        ] {
            assert_eq!(names(&ada, query), wanted, "{query}");
        }
        // Any field in v2; empty ones stand at the small end.
        let old = ada.speaking(Version::V2);
        for (query, wanted) in [
            ("sort_by=Score", ["C", "a", "B", "A"]),
            ("sort_by=Score&sort_order=asc", ["A", "B", "a", "C"]),
            ("sort_by=Last_Name&sort_order=asc", ["A", "B", "C", "a"]),
        ] {
            assert_eq!(names(&old, query), wanted, "{query}");
        }
        let reply = ada.get("Leads?fields=City&sort_by=Score");
        assert_eq!(reply.json()["details"]["param_name"], "sort_by");
    }

    pub(super) fn lists_are_narrowed(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ["A", "B", "C", "D"].map(|name| json!({ "Last_Name": name }));
        let ids = ada.make("Leads", &leads);
        let junk = json!({ "data": [{ "Lead_Status": "Junk Lead" }] });
        ada.put(&format!("Leads/{}", ids[0]), &junk);
        converted(&ada, &ids[1], &json!({}));
        for (n, name) in [(2, "Iberia"), (3, "Europe")] {
            let path = format!("Leads/{}/actions/assign_territories", ids[n]);
            let list = json!([{ "id": api.territory(name) }]);
            assert_eq!(
                ada.post(&path, &json!({ "data": [{ "Territories": list }] }))
                    .status,
                202
            );
        }
        let view = |name: &str| format!("cvid={}", api.view("Leads", name));
        let territory = |name: &str| format!("territory_id={}", api.territory(name));
        let list = |ids: &[&String]| {
            ids.iter()
                .map(|id| id.as_str())
                .collect::<Vec<_>>()
                .join(",")
        };
        let three = format!("ids={}", list(&[&ids[0], &ids[1], &ids[3]]));
        for (query, wanted) in [
            (String::new(), "DCA"),
            ("converted=false".to_owned(), "DCA"),
            ("converted=true".to_owned(), "B"),
            ("converted=both".to_owned(), "DCBA"),
            (view("Open Leads"), "DC"),
            (view("Junk Leads"), "A"),
            (view("Converted Leads"), "B"),
            (format!("{}&converted=false", view("Converted Leads")), ""),
            (three.clone(), "DBA"),
            (format!("{three}&ids={}", ids[2]), "DCBA"),
            (format!("{three}&{}", view("Open Leads")), "D"),
            (territory("Iberia"), "C"),
            (territory("Europe"), "D"),
            (format!("{}&include_child=true", territory("World")), "DC"),
            (format!("{}&include_child=false", territory("World")), ""),
            (
                format!("{}&{}", territory("Iberia"), view("Junk Leads")),
                "",
            ),
        ] {
            let letters: String = names(&ada, &query)
                .iter()
                .filter_map(Json::as_str)
                .collect();
            assert_eq!(letters, wanted, "{query}");
        }
        // A view that is not theirs shows nobody anything.
        let reply = ada.get(&format!("Leads?fields=City&{}", view("No Source")));
        let details = json!({ "api_name": "cvid" });
        reply.is(
            403,
            &error("NO_PERMISSION", "Customview not accessible", &details),
        );
    }

    pub(super) fn nothing_newer_is_304(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let since = |time: &str| {
            let header = [("If-Modified-Since", time)];
            let reply = ada.send("GET", "Leads?fields=Last_Name", &header, b"");
            let count = if reply.status == 200 {
                reply.items().len()
            } else {
                0
            };
            assert!(reply.status == 200 || reply.status == 400 || reply.text.is_empty());
            (reply.status, count)
        };
        assert_eq!(since("2023-12-31T23:59:59+00:00"), (200, 2));
        assert_eq!(since("2024-01-01T00:00:00Z"), (304, 0));
        assert_eq!(since("2024-01-01T05:30:00+05:30"), (304, 0));
        assert_eq!(since("Mon, 01 Jan 2024 00:00:00 GMT"), (400, 0));
        api.clock.advance_ms(1_000);
        ada.make_leads(1);
        assert_eq!(since("2024-01-01T00:00:00+00:00"), (200, 1));
    }

    pub(super) fn what_is_hidden_is_not_shown_and_sorts_nothing(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla) = (
            api.caller("admin"),
            api.caller("carla").speaking(Version::V2),
        );
        ada.make(
            "Leads",
            &[json!({ "Last_Name": "A", "Budget": 7, "Annual_Revenue": 8 })],
        );
        for query in ["", "?fields=Budget,Last_Name,Annual_Revenue"] {
            let record = carla.get(&format!("Leads{query}")).items().remove(0);
            assert_eq!(record["Last_Name"], "A");
            assert!(record.get("Budget").is_none() && record.get("Annual_Revenue").is_none());
        }
        let reply = carla.get("Leads?sort_by=Budget");
        let details = json!({ "param_name": "sort_by" });
        reply.is(400, &error("INVALID_DATA", "invalid data", &details));
    }

    pub(super) fn parameters_are_checked(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let cvid = api.view("Leads", "All Leads");
        let of_deals = api.view("Deals", "All Deals");
        let bad = |name: &str| {
            error(
                "INVALID_DATA",
                "invalid data",
                &json!({ "param_name": name }),
            )
        };
        for (query, name) in [
            ("sort_order=up".to_owned(), "sort_order"),
            ("sort_by=Nope".to_owned(), "sort_by"),
            ("sort_by=Last_Name".to_owned(), "sort_by"),
            ("cvid=x".to_owned(), "cvid"),
            ("cvid=5".to_owned(), "cvid"),
            (format!("cvid={of_deals}"), "cvid"),
            ("territory_id=x".to_owned(), "territory_id"),
            ("territory_id=5".to_owned(), "territory_id"),
            ("ids=".to_owned(), "ids"),
            ("ids=1,x".to_owned(), "ids"),
            ("converted=maybe".to_owned(), "converted"),
        ] {
            ada.get(&format!("Leads?fields=City&{query}"))
                .is(400, &bad(name));
        }
        let reply = ada.get(&format!("Leads?fields=City&cvid={cvid}&sort_by=id"));
        assert_eq!(reply.json()["code"], "AMBIGUITY_DURING_PROCESSING");
        let many = vec!["5"; 101].join(",");
        let reply = ada.get(&format!("Leads?fields=City&ids={many}"));
        assert_eq!(reply.json()["code"], "LIMIT_EXCEEDED");
        let territory = format!("territory_id={}", api.territory("World"));
        let reply = ada.get(&format!("Tasks?fields=Subject&{territory}"));
        let text = "Territory is not supported for the given module.";
        reply.is(400, &error("INVALID_MODULE", text, &json!({})));
        // The right comes before all of them.
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let mut profiles = catalog.profiles.iter_mut();
            let profile = profiles.find(|p| p.name == "Care Desk").unwrap();
            profile.modules.remove(&leads);
        });
        let header = [("If-Modified-Since", "yesterday")];
        let reply = api
            .caller("carla")
            .send("GET", "Leads?page=x", &header, b"");
        let details = json!({ "permissions": ["Crm_Implied_View_Leads"] });
        reply.is(403, &error("NO_PERMISSION", "permission denied", &details));
    }
}
