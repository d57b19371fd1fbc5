//! Mass update refused for what the request says: each row of wire API 1.6, by its name, in every
//! version, and that nothing was changed. `mass_update_denied.rs` has the other rows.

use crate::api::Api;
use crate::demo::{error, in_data, refused};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    invalid_data_no_field_found,
    invalid_data_max_field_limit_exceeded,
    invalid_data_this_field_cannot_be_updated_in_the_mass_update,
    invalid_data_field_is_not_visible,
    invalid_data_the_cvid_given_seems_to_be_invalid_with_text_by_version,
    invalid_data_the_id_given_seems_to_be_invalid_for_a_territory,
    invalid_data_for_a_bad_value,
    mandatory_not_found_without_ids_and_cvid,
    limit_exceeded_above_500_ids,
    ambiguity_of_ids_and_cvid,
    a_misspelt_or_empty_key_is_never_ignored,
    criteria_must_make_sense_and_show_nothing_hidden,
    the_first_of_several_mistakes_is_answered,
}

const BAD: &str = "INVALID_DATA";

fn source() -> Json {
    json!([{ "Lead_Source": "Chat" }])
}

mod check {
    use super::*;

    pub(super) fn invalid_data_no_field_found(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = json!(ada.make_leads(1));
        let item = error(BAD, "No field found", &json!({}));
        for data in [
            json!(null),
            json!([]),
            json!([{}]),
            json!({}),
            json!("x"),
            json!([5]),
            json!([null]),
        ] {
            let body = json!({ "data": data, "ids": ids });
            refused(&api, &ada, ("Leads", &body), |_| (400, in_data(&item)));
        }
        refused(&api, &ada, ("Leads", &json!({ "ids": ids })), |_| {
            (400, in_data(&item))
        });
        refused(&api, &ada, ("Leads", &json!({})), |_| (400, in_data(&item)));
    }

    pub(super) fn invalid_data_max_field_limit_exceeded(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for (module, fields, limit) in [
            ("Leads", json!({ "Lead_Source": "Chat", "City": "Faro" }), 1),
            ("Accounts", json!({ "Industry": "x", "Rating": "x" }), 1),
            (
                "Deals",
                json!({ "Lead_Source": "x", "Stage": "x", "Type": "x", "Amount": 1 }),
                3,
            ),
        ] {
            let body = json!({ "data": [fields], "ids": ["1"] });
            let item = error(BAD, "Max field limit exceeded", &json!({ "limit": limit }));
            refused(&api, &ada, (module, &body), |_| (400, in_data(&item)));
        }
    }

    pub(super) fn invalid_data_this_field_cannot_be_updated_in_the_mass_update(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let cvid = api.view("Leads", "All Leads");
        ada.make_leads(1);
        let cases = [("Accounts", "Account_Owner")].into_iter().chain(
            [
                "Owner",
                "Email",
                "Billing_Email",
                "Description",
                "Site_Notes",
                "Referred_By",
                "Lead_Number",
                "Last_Name",
                "Full_Name",
                "Created_Time",
                "Modified_By",
                "Converted__s",
                "Locked__s",
                "Converted_Deal",
                "id",
                "lead_source",
                "Tag",
                "",
                "External_Id",
                "Territories",
            ]
            .map(|field| ("Leads", field)),
        );
        for (module, field) in cases {
            let body = json!({ "data": [{ field: "x" }], "cvid": cvid });
            let text = "This field cannot be updated in the Mass Update";
            let item = error(BAD, text, &json!({ "api_name": field }));
            refused(&api, &ada, (module, &body), |_| (400, in_data(&item)));
        }
    }

    pub(super) fn invalid_data_field_is_not_visible(kind: Kind) {
        let api = Api::start_demo(kind);
        let carla = api.caller("carla");
        let ids = carla.make_leads(1);
        for field in ["Budget", "Annual_Revenue"] {
            let body = json!({ "data": [{ field: 5 }], "ids": ids });
            let item = error(BAD, "Field is not visible", &json!({ "api_name": field }));
            refused(&api, &carla, ("Leads", &body), |_| (400, in_data(&item)));
        }
    }

    pub(super) fn invalid_data_the_cvid_given_seems_to_be_invalid_with_text_by_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let details = json!({ "api_name": "cvid", "json_path": "$.cvid" });
        let of_deals = json!(api.view("Deals", "All Deals"));
        for cvid in [
            of_deals,
            json!("7701200000600009"),
            json!("abc"),
            json!(""),
            json!(1.5),
            json!({}),
            json!(true),
        ] {
            let body = json!({ "data": source(), "cvid": cvid });
            refused(&api, &ada, ("Leads", &body), |version| {
                let text = if version == Version::V8 {
                    "the cvid given seems to be invalid"
                } else {
                    "the id given seems to be invalid"
                };
                (400, error(BAD, text, &details))
            });
        }
    }

    pub(super) fn invalid_data_the_id_given_seems_to_be_invalid_for_a_territory(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let cvid = api.view("Leads", "All Leads");
        let details = json!({ "api_name": "id", "json_path": "$.territory.id" });
        let wanted = error(BAD, "the id given seems to be invalid", &details);
        for id in [
            json!("7701200000600009"),
            json!("north"),
            json!(cvid),
            json!(null),
        ] {
            let body = json!({ "data": source(), "cvid": cvid, "territory": { "id": id } });
            refused(&api, &ada, ("Leads", &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn invalid_data_for_a_bad_value(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let is = |word: &str| json!({ "expected_data_type": word });
        let long = "x".repeat(101);
        for (field, value, mut details) in [
            ("Lead_Source", json!("Smoke Signals"), is("picklist")),
            ("Lead_Source", json!(5), is("picklist")),
            ("Lead_Source", json!("chat"), is("picklist")),
            ("Lead_Source", json!(["Chat"]), is("picklist")),
            (
                "Uses",
                json!(["Irrigation", "Gold"]),
                is("multiselectpicklist"),
            ),
            ("Uses", json!("Irrigation"), is("multiselectpicklist")),
            ("City", json!(long), json!({ "maximum_length": 100 })),
            ("City", json!("a\nb"), is("text")),
            ("City", json!("a\u{0}b"), is("text")),
            ("City", json!(5), is("text")),
            ("Score", json!(1.5), is("integer")),
            ("Score", json!("many"), is("integer")),
            (
                "Score",
                json!(1_000_000_000),
                json!({ "maximum_length": 9 }),
            ),
            (
                "Budget",
                json!(1.234),
                json!({ "maximum_decimal_place": 2 }),
            ),
            (
                "Budget",
                json!("99999999999999999"),
                json!({ "maximum_length": 16 }),
            ),
            ("Budget", json!({}), is("currency")),
            ("Well_Depth", json!("deep"), is("double")),
            ("Has_Grid", json!("true"), is("boolean")),
            ("Wanted_By", json!("2024-02-30"), is("date")),
            ("Wanted_By", json!("31/01/2024"), is("date")),
            (
                "Last_Called",
                json!("2025-08-16T16:26:04.240Z"),
                is("datetime"),
            ),
            ("Last_Called", json!("2025-08-16"), is("datetime")),
        ] {
            details["api_name"] = json!(field);
            details["json_path"] = json!(format!("$.data[0].{field}"));
            let body = json!({ "data": [{ field: value }], "ids": ids });
            let item = error(BAD, "invalid data", &details);
            refused(&api, &ada, ("Leads", &body), |_| (400, in_data(&item)));
        }
        let path = json!({ "api_name": "Stage", "json_path": "$.data[0].Stage" });
        let item = error("MANDATORY_NOT_FOUND", "required field not found", &path);
        let body = json!({ "data": [{ "Stage": null }], "ids": ids });
        refused(&api, &ada, ("Deals", &body), |_| (400, in_data(&item)));
        let path = json!({ "api_name": "data", "json_path": "$.data", "maximum_length": 1 });
        let item = error(BAD, "invalid data", &path);
        let body = json!({ "data": [{ "City": "A" }, { "City": "B" }], "ids": ids });
        refused(&api, &ada, ("Leads", &body), |_| (400, in_data(&item)));
    }

    pub(super) fn mandatory_not_found_without_ids_and_cvid(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = json!(ada.make_leads(1));
        let territory = json!({ "id": api.territory("World"), "include_child": true });
        let item = error(
            "MANDATORY_NOT_FOUND",
            "required field not found",
            &json!({}),
        );
        for (ids, cvid, territory) in [
            (json!(null), json!(null), json!(null)),
            (json!([]), json!(null), json!(null)),
            (json!([]), json!(null), territory.clone()),
            (json!(null), json!(null), territory.clone()),
            (ids, json!(null), territory),
        ] {
            let mut body = json!({ "data": source() });
            for (key, value) in [("ids", ids), ("cvid", cvid), ("territory", territory)] {
                if !value.is_null() {
                    body[key] = value;
                }
            }
            refused(&api, &ada, ("Leads", &body), |_| (400, in_data(&item)));
        }
    }

    pub(super) fn limit_exceeded_above_500_ids(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let body = json!({ "data": source(), "ids": vec![lead; 501] });
        let details = json!({ "limit": 500, "api_name": "ids", "json_path": "$.ids" });
        let wanted = error("LIMIT_EXCEEDED", "Record count exceeded", &details);
        refused(&api, &ada, ("Leads", &body), |_| (400, wanted.clone()));
    }

    pub(super) fn ambiguity_of_ids_and_cvid(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(1);
        let both = json!([
            { "api_name": "ids", "json_path": "$.ids" },
            { "api_name": "cvid", "json_path": "$.cvid" },
        ]);
        let wanted = error(
            "AMBIGUITY_DURING_PROCESSING",
            "Ambiguity while processing the request",
            &json!({ "ambiguity_due_to": both }),
        );
        let cvid = api.view("Leads", "All Leads");
        // An empty list beside a view is not the view alone.
        for ids in [json!(ids), json!([])] {
            let body = json!({ "data": source(), "ids": ids, "cvid": cvid });
            refused(&api, &ada, ("Leads", &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn a_misspelt_or_empty_key_is_never_ignored(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = json!(ada.make_leads(1));
        let cvid = json!(api.view("Leads", "All Leads"));
        let world = api.territory("World");
        let at = |name: &str, path: &str| json!({ "api_name": name, "json_path": path });
        let typed = |name: &str, path: &str, word: &str| json!({ "api_name": name, "json_path": path, "expected_data_type": word });
        for (key, value, details) in [
            (
                "territories",
                json!({ "id": world }),
                at("territories", "$.territories"),
            ),
            (
                "Territory",
                json!({ "id": world }),
                at("Territory", "$.Territory"),
            ),
            ("overwrite", json!(true), at("overwrite", "$.overwrite")),
            ("trigger", json!([]), at("trigger", "$.trigger")),
            ("", json!(1), at("", "$.")),
            (
                "over_write",
                json!("true"),
                typed("over_write", "$.over_write", "boolean"),
            ),
            (
                "over_write",
                json!(1),
                typed("over_write", "$.over_write", "boolean"),
            ),
            (
                "territory",
                json!("x"),
                typed("territory", "$.territory", "jsonobject"),
            ),
            (
                "criteria",
                json!([{ "field": "City", "comparator": "equal", "value": "Faro", "vlaue": 1 }]),
                json!({
                    "api_name": "criteria", "json_path": "$.criteria.vlaue",
                    "reason": "A criteria has no key vlaue.",
                }),
            ),
            (
                "territory",
                json!([]),
                typed("territory", "$.territory", "jsonobject"),
            ),
            (
                "territory",
                json!({ "id": world, "include_childs": true }),
                at("include_childs", "$.territory.include_childs"),
            ),
            (
                "territory",
                json!({ "id": world, "include_child": "true" }),
                typed("include_child", "$.territory.include_child", "boolean"),
            ),
            ("criteria", json!([]), at("criteria", "$.criteria")),
        ] {
            let body = json!({ "data": source(), "cvid": cvid, key: value });
            let wanted = error(BAD, "invalid data", &details);
            refused(&api, &ada, ("Leads", &body), |_| (400, wanted.clone()));
        }
        let text = "the id given seems to be invalid";
        let wanted = error(BAD, text, &at("id", "$.territory.id"));
        let body = json!({ "data": source(), "cvid": cvid, "territory": {} });
        refused(&api, &ada, ("Leads", &body), |_| (400, wanted.clone()));
        for (ids, word) in [
            (json!("1"), "jsonarray"),
            (json!({ "0": ids }), "jsonarray"),
            (json!([ids[0], null]), "string"),
            (json!([ids]), "string"),
            (json!([{ "id": ids[0] }]), "string"),
        ] {
            let body = json!({ "data": source(), "ids": ids });
            let wanted = error(BAD, "invalid data", &typed("ids", "$.ids", word));
            refused(&api, &ada, ("Leads", &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn criteria_must_make_sense_and_show_nothing_hidden(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla) = (api.caller("admin"), api.caller("carla"));
        ada.make("Leads", &[json!({ "Last_Name": "A", "Budget": 7 })]);
        let cvid = api.view("Leads", "All Leads");
        let test = |field: &str, comparator: &str, value: Json| json!({ "field": field, "comparator": comparator, "value": value });
        for (caller, criteria) in [
            (&ada, json!(null)),
            (&ada, json!("x")),
            (&ada, json!({})),
            (&ada, json!([test("Nope", "equal", json!("x"))])),
            (&ada, json!([test("City", "similar", json!("x"))])),
            (&ada, json!([test("Score", "equal", json!("many"))])),
            (&ada, json!([test("City", "equal", json!("a\u{0}b"))])),
            (&ada, json!([test("Uses", "contains", json!("\u{0}"))])),
            (
                &ada,
                json!([test("Wanted_By", "between", json!(["2024-01-01"]))]),
            ),
            (&ada, json!([{ "group_operator": "xor", "group": [] }])),
            // What a profile hides cannot be found out by asking for it.
            (&carla, json!([test("Budget", "greater_than", json!(5))])),
            (
                &carla,
                json!([{ "group_operator": "or", "group": [
                    test("Budget", "less_than", json!(5)), test("City", "equal", json!("x"))
                ] }]),
            ),
        ] {
            let body = json!({ "data": [{ "City": "Faro" }], "cvid": cvid, "criteria": criteria });
            let reply = api.unchanged_by(|| caller.mass_update("Leads", &body));
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (400, &json!(BAD)),
                "{body}"
            );
            let path = reply.json()["details"]["json_path"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(path.starts_with("$.criteria"), "{path}");
        }
    }

    pub(super) fn the_first_of_several_mistakes_is_answered(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, carla, ines) = (api.caller("admin"), api.caller("carla"), api.caller("ines"));
        ada.make_leads(1);
        let hidden = api.view("Leads", "No Source");
        let busy = api.view("Leads", "Open Leads");
        ada.schedule(&json!({ "data": source(), "cvid": busy }));
        // The module comes before the right, and the right before the body.
        for (module, code) in [
            ("Nothing", "INVALID_MODULE"),
            ("Deals", "NO_PERMISSION"),
            ("Leads", BAD),
        ] {
            let path = format!("{module}/actions/mass_update");
            let reply = carla.send("POST", &path, &[], b"nonsense");
            assert_eq!(reply.json()["code"], code);
        }
        // Each line puts right what the line above was refused for; null takes a key away.
        let mut body = json!({ "data": [], "ids": ["1"], "cvid": "5", "territory": { "id": "5" } });
        let data = |fields: Json| json!({ "data": [fields] });
        let steps = [
            (&carla, json!({}), "No field found"),
            (
                &carla,
                data(json!({ "Nope": 1, "Budget": 1 })),
                "Max field limit exceeded",
            ),
            (
                &carla,
                data(json!({ "Nope": 1 })),
                "This field cannot be updated in the Mass Update",
            ),
            (
                &carla,
                data(json!({ "Budget": "x" })),
                "Field is not visible",
            ),
            (
                &carla,
                data(json!({ "Lead_Source": 5 })),
                "Field Edit Permission not given",
            ),
            (&ines, json!({}), "invalid data"),
            (
                &ines,
                json!({ "data": source() }),
                "Ambiguity while processing the request",
            ),
            (
                &ines,
                json!({ "ids": null }),
                "the id given seems to be invalid",
            ),
            (
                &ines,
                json!({ "cvid": hidden }),
                "Customview not accessible",
            ),
            (
                &ines,
                json!({ "cvid": busy }),
                "the id given seems to be invalid",
            ),
            (
                &ines,
                json!({ "territory": null }),
                "Already a Mass Action scheduler is running for the given cvid",
            ),
        ];
        for (caller, patch, wanted) in steps {
            for (key, value) in patch.as_object().unwrap() {
                let keys = body.as_object_mut().unwrap();
                keys.insert(key.clone(), value.clone());
                keys.retain(|_, value| !value.is_null());
            }
            let reply = caller.mass_update("Leads", &body).json();
            let item = reply["data"].get(0).unwrap_or(&reply);
            assert_eq!(item["message"], wanted, "{body}");
        }
    }
}
