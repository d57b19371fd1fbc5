//! Each kind of field that a mass update may write, with values that fit and values that do not (wire
//! API 1.6 "invalid data", 9.2).

use crate::api::Api;
use crate::demo::{error, in_data, refused};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    invalid_data_names_the_type_that_is_expected,
    invalid_data_names_the_maximum_length,
    invalid_data_names_the_maximum_of_decimal_places,
    invalid_data_names_the_range,
    invalid_data_names_the_limit,
    values_that_just_fit_are_written,
    a_list_that_grows_past_its_limit_is_refused_of_that_record,
}

/// A field of each kind that Leads of the demo has not.
fn with_every_kind(kind: Kind) -> Api {
    let api = Api::start_demo(kind);
    let tags: Vec<String> = (0..150).map(|n| format!("\"T{n}\"")).collect();
    api.apply_org(&format!(
        r#"
[[module]]
api_name = "Leads"
[[module.field]]
api_name = "Serial"
type = "bigint"
[[module.field]]
api_name = "Share"
type = "percent"
places = 2
[[module.field]]
api_name = "Motto"
type = "text"
max = 5
[[module.field]]
api_name = "Tags"
type = "multiselectpicklist"
values = [{}]
"#,
        tags.join(", ")
    ));
    api
}

/// Each value must be refused with these details, and nothing be changed.
fn all_refused(kind: Kind, cases: &[(&str, Json, Json)]) {
    let api = with_every_kind(kind);
    let ada = api.caller("admin");
    let ids = ada.make_leads(1);
    for (field, value, details) in cases {
        let mut details = details.clone();
        details["api_name"] = json!(field);
        details["json_path"] = json!(format!("$.data[0].{field}"));
        let item = error("INVALID_DATA", "invalid data", &details);
        let body = json!({ "data": [{ *field: value }], "ids": ids });
        refused(&api, &ada, ("Leads", &body), |_| (400, in_data(&item)));
    }
}

fn tags(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("T{n}")).collect()
}

mod check {
    use super::*;

    pub(super) fn invalid_data_names_the_type_that_is_expected(kind: Kind) {
        let is = |word: &str| json!({ "expected_data_type": word });
        let cases = [
            ("City", json!(5), is("text")),
            ("City", json!({}), is("text")),
            ("Mobile", json!(351), is("phone")),
            ("Mobile", json!("1\n2"), is("phone")),
            ("Website", json!(true), is("website")),
            ("Website", json!("a\nb"), is("website")),
            ("Lead_Source", json!("Smoke"), is("picklist")),
            ("Tags", json!("T1"), is("multiselectpicklist")),
            ("Tags", json!(["T1", "Nope"]), is("multiselectpicklist")),
            ("Tags", json!([1]), is("multiselectpicklist")),
            ("Score", json!("1e3"), is("integer")),
            ("Score", json!(true), is("integer")),
            ("Serial", json!("12a"), is("bigint")),
            ("Serial", json!(1.5), is("bigint")),
            ("Budget", json!("much"), is("currency")),
            ("Well_Depth", json!([]), is("double")),
            ("Share", json!("half"), is("percent")),
            ("Has_Grid", json!("yes"), is("boolean")),
            ("Has_Grid", json!(1), is("boolean")),
            ("Wanted_By", json!("2024-13-01"), is("date")),
            ("Wanted_By", json!(20_240_101), is("date")),
            (
                "Last_Called",
                json!("2024-01-01T25:00:00+00:00"),
                is("datetime"),
            ),
        ];
        all_refused(kind, &cases);
    }

    pub(super) fn invalid_data_names_the_maximum_length(kind: Kind) {
        let most = |max: usize| json!({ "maximum_length": max });
        let cases = [
            ("Motto", json!("sechs!"), most(5)),
            ("Motto", json!("ééééé!"), most(5)),
            ("Mobile", json!("1".repeat(31)), most(30)),
            ("Website", json!("w".repeat(451)), most(450)),
            ("Score", json!(-1_000_000_000), most(9)),
            ("Serial", json!("1234567890123456789"), most(18)),
            ("Budget", json!("12345678901234567"), most(16)),
        ];
        all_refused(kind, &cases);
    }

    pub(super) fn invalid_data_names_the_maximum_of_decimal_places(kind: Kind) {
        let places = |max: u8| json!({ "maximum_decimal_place": max });
        let cases = [
            ("Budget", json!(1.005), places(2)),
            ("Well_Depth", json!("-0.25"), places(1)),
            ("Share", json!(33.333), places(2)),
        ];
        all_refused(kind, &cases);
    }

    pub(super) fn invalid_data_names_the_range(kind: Kind) {
        let range = json!({ "range": { "from": -99_999, "to": 99_999 } });
        let cases = [
            ("Share", json!(100_000), range.clone()),
            ("Share", json!("-100000.00"), range),
        ];
        all_refused(kind, &cases);
    }

    pub(super) fn invalid_data_names_the_limit(kind: Kind) {
        let cases = [("Tags", json!(tags(0..101)), json!({ "limit": 100 }))];
        all_refused(kind, &cases);
    }

    pub(super) fn values_that_just_fit_are_written(kind: Kind) {
        let api = with_every_kind(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(2);
        for (field, value) in [
            ("Motto", json!("ééééé")),
            ("Mobile", json!("1".repeat(30))),
            ("Website", json!("w".repeat(450))),
            ("Lead_Source", json!("Chat")),
            ("Tags", json!(tags(0..100))),
            ("Score", json!(-999_999_999)),
            ("Serial", json!("123456789012345678")),
            ("Budget", json!(9_999_999_999_999_999_i64)),
            ("Well_Depth", json!(-0.5)),
            ("Share", json!(-99_999.99)),
            ("Has_Grid", json!(true)),
            ("Wanted_By", json!("2024-02-29")),
            ("Last_Called", json!("2024-06-01T10:00:00+01:00")),
        ] {
            let body = json!({ "data": [{ field: value }], "ids": ids, "over_write": true });
            let reply = ada.mass_update("Leads", &body);
            assert_eq!(
                reply.codes(),
                ["SUCCESS", "SUCCESS"],
                "{field} {}",
                reply.text
            );
            for id in &ids {
                assert_eq!(ada.record("Leads", id)[field], value, "{field}");
            }
        }
    }

    pub(super) fn a_list_that_grows_past_its_limit_is_refused_of_that_record(kind: Kind) {
        let api = with_every_kind(kind);
        let ada = api.caller("admin");
        let ids = ada.make(
            "Leads",
            &[
                json!({ "Last_Name": "A", "Tags": tags(0..60) }),
                json!({ "Last_Name": "B", "Tags": tags(20..60) }),
            ],
        );
        let body = json!({ "data": [{ "Tags": tags(50..101) }], "ids": ids });
        let reply = ada.mass_update("Leads", &body);
        let details = json!({ "api_name": "Tags", "limit": 100, "id": ids[0] });
        assert_eq!(reply.codes(), ["INVALID_DATA", "SUCCESS"]);
        assert_eq!(
            reply.items()[0],
            error("INVALID_DATA", "invalid data", &details)
        );
        let grown = ada.record("Leads", &ids[1])["Tags"].clone();
        assert_eq!(grown, json!(tags(20..101)));
    }
}
