//! Mass update: what is answered and done when all is well (wire API 1.2 to 1.5, 1.8).

use crate::api::Api;
use crate::demo::{error, run, status};
use jobs::Step;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    the_view_form_answers_a_job_in_every_version,
    the_ids_form_answers_for_each_id_in_its_place_in_every_version,
    the_statuses_of_a_job_are_as_the_samples_show_them,
    an_engine_runs_a_job_to_its_end,
    over_write_replaces_or_appends_in_order,
    deals_take_three_fields_at_once,
    ids_are_numbers_or_strings_and_may_repeat,
    five_hundred_ids_at_once,
    a_territory_narrows_a_view_with_or_without_its_children,
    criteria_narrow_a_view,
    an_update_of_the_field_that_the_view_filters_on_changes_each_record_once,
    what_is_already_there_counts_as_updated,
    an_update_leaves_its_traces,
    times_are_in_the_callers_own_zone,
    scopes_by_module_or_for_all,
    layouts_can_be_updated_in_v8_only,
    values_of_every_kind_are_written_by_a_job,
}

const SOURCE: &str = "Trade Show";

fn source() -> Json {
    json!([{ "Lead_Source": SOURCE }])
}

mod check {
    use super::*;

    pub(super) fn the_view_form_answers_a_job_in_every_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let cvid = api.view("Leads", "Open Leads");
        for version in Version::ALL {
            let cvid = match version {
                Version::V2 => json!(cvid.parse::<i64>().unwrap()),
                _ => json!(cvid),
            };
            let body = json!({ "data": source(), "cvid": cvid });
            let reply = ada.speaking(version).mass_update("Leads", &body);
            let job = reply.items()[0]["details"]["job_id"].clone();
            let item = json!({
                "code": "SUCCESS",
                "details": { "job_id": job },
                "message": "mass update scheduled successfully",
                "status": "success",
            });
            reply.is(200, &json!({ "data": [item] }));
            assert!(job.as_str().unwrap().len() >= 16, "{job}");
            api.run_jobs();
            let job = job.as_str().unwrap();
            ada.speaking(version)
                .expect_status(job, "COMPLETED", [0, 2, 0, 2]);
        }
    }

    pub(super) fn the_ids_form_answers_for_each_id_in_its_place_in_every_version(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, meera) = (api.caller("admin"), api.caller("meera"));
        let made = meera.make_leads(1).remove(0);
        api.clock.advance_ms(61_000);
        let unknown = "7701200000600009";
        for version in Version::ALL {
            let body = json!({ "data": source(), "over_write": true, "ids": [made, unknown] });
            let reply = ada.speaking(version).mass_update("Leads", &body);
            let user =
                |name: &str, full: &str| json!({ "name": full, "id": api.user(name).to_string() });
            let updated = json!({
                "code": "SUCCESS",
                "details": {
                    "Modified_Time": "2024-01-01T00:01:01+00:00",
                    "Modified_By": user("admin", "Ada Kestrel"),
                    "Created_Time": "2024-01-01T00:00:00+00:00",
                    "id": made,
                    "Created_By": user("meera", "Meera Kulkarni"),
                },
                "message": "record updated",
                "status": "success",
            });
            let refused = error(
                "INVALID_DATA",
                "the id given seems to be invalid",
                &json!({ "id": unknown }),
            );
            let status = if version == Version::V8 { 207 } else { 200 };
            reply.is(status, &json!({ "data": [updated, refused] }));
            let keys = r#"{"data":[{"code":"SUCCESS","details":{"Modified_Time""#;
            assert!(reply.text.starts_with(keys), "{}", reply.text);
        }
        assert_eq!(ada.record("Leads", &made)["Lead_Source"], SOURCE);
    }

    pub(super) fn the_statuses_of_a_job_are_as_the_samples_show_them(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(50);
        let body = json!({ "data": source(), "cvid": api.view("Leads", "All Leads") });
        let job = ada.schedule(&body);
        let expect = |word: &str, counts: [i64; 4]| {
            for version in [Version::V2, Version::V7, Version::V8] {
                let path = format!("Leads/actions/mass_update?job_id={job}");
                let wanted = json!({ "data": [status(word, counts)] });
                ada.speaking(version).get(&path).is(200, &wanted);
            }
        };
        expect("SCHEDULED", [0, 0, 50, 50]);
        let mut worker = api.worker().with_chunks_of(30);
        assert!(matches!(worker.step(), Step::Claimed(_)));
        expect("RUNNING", [0, 0, 50, 50]);
        assert!(matches!(worker.step(), Step::Ran(..)));
        expect("RUNNING", [0, 30, 20, 50]);
        run(worker);
        expect("COMPLETED", [0, 50, 0, 50]);
        for id in &leads {
            ada.lock("Leads", id);
        }
        let job = ada.schedule(&body);
        api.run_jobs();
        ada.expect_status(&job, "FAILED", [50, 0, 0, 50]);
        let text = ada
            .get(&format!("Leads/actions/mass_update?job_id={job}"))
            .text;
        let sample = r#"{"data":[{"Status":"FAILED","Failed_Count":50,"Updated_Count":0,"Not_Updated_Count":0,"Total_Count":50}]}"#;
        assert_eq!(text, sample);
    }

    pub(super) fn an_engine_runs_a_job_to_its_end(kind: Kind) {
        let (api, engine) = Api::start_demo_with_engine(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(3).remove(0);
        let cvid = api.view("Leads", "Open Leads");
        let job = ada.schedule(&json!({ "data": source(), "cvid": cvid }));
        let done = (0..5_000).any(|_| ada.status(&job)["Status"] == "COMPLETED");
        engine.stop();
        assert!(done, "{}", ada.status(&job));
        ada.expect_status(&job, "COMPLETED", [0, 3, 0, 3]);
        assert_eq!(ada.record("Leads", &id)["Lead_Source"], SOURCE);
    }

    pub(super) fn over_write_replaces_or_appends_in_order(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = |uses: &Json| json!({ "Last_Name": "A", "Uses": uses });
        let before = json!(["Livestock", "Irrigation"]);
        let new = json!(["Drainage", "Irrigation", "Fish Farming"]);
        for (over_write, by_view, wanted) in [
            (
                Some(false),
                false,
                json!(["Livestock", "Irrigation", "Drainage", "Fish Farming"]),
            ),
            (
                None,
                true,
                json!(["Livestock", "Irrigation", "Drainage", "Fish Farming"]),
            ),
            (Some(true), false, new.clone()),
            (Some(true), true, new.clone()),
        ] {
            let ids = ada.make("Leads", &[lead(&before), lead(&json!([]))]);
            let mut body = json!({ "data": [{ "Uses": new }] });
            if let Some(over_write) = over_write {
                body["over_write"] = json!(over_write);
            }
            if by_view {
                body["cvid"] = json!(api.view("Leads", "All Leads"));
                ada.schedule(&body);
                api.run_jobs();
            } else {
                body["ids"] = json!(ids);
                assert_eq!(ada.mass_update("Leads", &body).status, 200);
            }
            assert_eq!(ada.record("Leads", &ids[0])["Uses"], wanted);
            assert_eq!(ada.record("Leads", &ids[1])["Uses"], new);
        }
    }

    pub(super) fn deals_take_three_fields_at_once(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make(
            "Deals",
            &[
                json!({ "Deal_Name": "A", "Stage": "Qualification" }),
                json!({ "Deal_Name": "B", "Stage": "Closed Won", "Type": "New Business" }),
            ],
        );
        let fields = json!({
            "Lead_Source": "Advertisement",
            "Type": "Existing Business",
            "Stage": "Negotiation/Review",
        });
        let body = json!({ "data": [fields], "over_write": true, "ids": ids });
        let reply = ada.mass_update("Deals", &body);
        assert_eq!(
            (reply.status, reply.codes()),
            (200, vec!["SUCCESS".to_owned(); 2])
        );
        for id in &ids {
            let deal = ada.record("Deals", id);
            for (field, value) in fields.as_object().unwrap() {
                assert_eq!(&deal[field], value);
            }
        }
    }

    pub(super) fn ids_are_numbers_or_strings_and_may_repeat(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "A" })])
            .remove(0);
        let locked = ada.make_leads(1).remove(0);
        ada.lock("Leads", &locked);
        let number: i64 = lead.parse().unwrap();
        let ids = json!([
            lead,
            number,
            account,
            lead,
            "x",
            1.5,
            -3,
            "",
            "99999999999999999999",
            locked,
            locked
        ]);
        let reply = ada.mass_update("Leads", &json!({ "data": source(), "ids": ids }));
        assert_eq!(reply.status, 200);
        let codes: Vec<String> = reply.codes();
        let bad = "INVALID_DATA";
        let wanted = [
            "SUCCESS",
            "SUCCESS",
            bad,
            "SUCCESS",
            bad,
            bad,
            bad,
            bad,
            bad,
            "RECORD_LOCKED",
            "RECORD_LOCKED",
        ];
        assert_eq!(codes, wanted);
        let named: Vec<Json> = reply
            .items()
            .iter()
            .map(|i| i["details"]["id"].clone())
            .collect();
        assert_eq!(named[1], json!(lead));
        assert_eq!(
            named[4..9],
            [
                json!("x"),
                json!("1.5"),
                json!("-3"),
                json!(""),
                json!("99999999999999999999")
            ]
        );
        // One visit each, whatever the list says.
        assert_eq!(
            api.number(&format!("SELECT rev FROM \"m_Leads\" WHERE id = {lead}")),
            2
        );
        assert_eq!(api.number("SELECT total FROM jobs"), 3);
    }

    pub(super) fn five_hundred_ids_at_once(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        api.seed_leads(9_000_000_000_000_000, 500);
        let ids: Vec<String> = (0..500)
            .map(|n| (9_000_000_000_000_000_i64 + n).to_string())
            .collect();
        let reply = ada.mass_update("Leads", &json!({ "data": source(), "ids": ids }));
        assert_eq!(reply.status, 200);
        assert_eq!(reply.ids(), ids);
        assert_eq!(reply.codes(), vec!["SUCCESS"; 500]);
    }

    pub(super) fn a_territory_narrows_a_view_with_or_without_its_children(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(5);
        for (id, names) in [
            (&leads[0], vec!["Europe"]),
            (&leads[1], vec!["Iberia"]),
            (&leads[2], vec!["Iberia", "Nordics"]),
            (&leads[3], vec!["South Asia"]),
        ] {
            let list: Vec<Json> = names
                .iter()
                .map(|n| json!({ "id": api.territory(n) }))
                .collect();
            let body = json!({ "data": [{ "id": id, "Territories": list }] });
            let reply = ada.post("Leads/actions/assign_territories", &body);
            assert_eq!(reply.codes(), ["SCHEDULED"]);
        }
        let cvid = api.view("Leads", "All Leads");
        for (territory, include_child, count) in [
            ("Europe", Some(true), 3),
            ("Europe", Some(false), 1),
            ("Europe", None, 1),
            ("World", Some(true), 4),
            ("Iberia", Some(true), 2),
            ("Nordics", Some(false), 1),
        ] {
            let id = api.territory(territory);
            let mut part = json!({ "id": id });
            if let Some(include_child) = include_child {
                part = json!({ "id": id.parse::<i64>().unwrap(), "include_child": include_child });
            }
            let body = json!({ "data": source(), "cvid": cvid, "territory": part });
            let job = ada.schedule(&body);
            api.run_jobs();
            ada.expect_status(&job, "COMPLETED", [0, count, 0, count]);
        }
        assert_eq!(ada.record("Leads", &leads[4])["Lead_Source"], Json::Null);
    }

    pub(super) fn criteria_narrow_a_view(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead =
            |score: i64, city: &str| json!({ "Last_Name": "A", "Score": score, "City": city });
        ada.make(
            "Leads",
            &[lead(10, "Faro"), lead(50, "faro"), lead(90, "Braga")],
        );
        let cvid = api.view("Leads", "All Leads");
        let score = |comparator: &str, value: &str| json!({ "field": "Score", "comparator": comparator, "value": value });
        let faro =
            json!({ "field": { "api_name": "City" }, "comparator": "equal", "value": "FARO" });
        for (criteria, count) in [
            (json!([score("greater_equal", "50")]), 2),
            (score("greater_equal", "50"), 2),
            (json!([score("greater_equal", "50"), faro]), 1),
            (
                json!([{ "group_operator": "or", "group": [score("less_than", "20"), score("greater_than", "80")] }]),
                2,
            ),
        ] {
            let body = json!({ "data": source(), "cvid": cvid, "criteria": criteria });
            let job = ada.schedule(&body);
            api.run_jobs();
            ada.expect_status(&job, "COMPLETED", [0, count, 0, count]);
        }
    }

    pub(super) fn an_update_of_the_field_that_the_view_filters_on_changes_each_record_once(
        kind: Kind,
    ) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(25);
        let body = json!({
            "data": [{ "Lead_Status": "Junk Lead" }],
            "cvid": api.view("Leads", "Open Leads"),
        });
        let job = ada.schedule(&body);
        run(api.worker().with_chunks_of(4));
        ada.expect_status(&job, "COMPLETED", [0, 25, 0, 25]);
        let changed = format!("SELECT count(*) FROM changes WHERE job = {job} AND rev = 2");
        assert_eq!(api.number(&changed), 25);
        assert_eq!(ada.record("Leads", &leads[24])["Lead_Status"], "Junk Lead");
        assert_eq!(
            ada.mass_update("Leads", &body).json()["code"],
            "NO_RECORDS_FOUND"
        );
    }

    pub(super) fn what_is_already_there_counts_as_updated(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let made = ada.make(
            "Leads",
            &[
                json!({ "Last_Name": "A", "Lead_Source": SOURCE }),
                json!({ "Last_Name": "B" }),
            ],
        );
        api.clock.advance_ms(60_000);
        let before = ada.record("Leads", &made[0]);
        let body = json!({ "data": source(), "cvid": api.view("Leads", "All Leads") });
        let job = ada.schedule(&body);
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [0, 2, 0, 2]);
        assert_eq!(ada.record("Leads", &made[0]), before);
        let outcome = format!(
            "SELECT count(*) FROM job_outcomes WHERE job = {job} AND outcome = 'unchanged'"
        );
        assert_eq!(api.number(&outcome), 1);
        // The ids form answers the same for it, with the times that stand.
        let reply = ada.mass_update("Leads", &json!({ "data": source(), "ids": [made[0]] }));
        assert_eq!(reply.codes(), ["SUCCESS"]);
        assert_eq!(
            reply.items()[0]["details"]["Modified_Time"],
            before["Modified_Time"]
        );
    }

    pub(super) fn an_update_leaves_its_traces(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let lead = json!({ "Last_Name": "A", "Lead_Source": "Chat" });
        let by_ids = ada.make("Leads", std::slice::from_ref(&lead)).remove(0);
        api.clock.advance_ms(1_800_000);
        ines.mass_update("Leads", &json!({ "data": source(), "ids": [by_ids] }));
        let by_view = ada.make("Leads", &[lead]).remove(0);
        api.clock.advance_ms(1_000);
        ines.schedule(&json!({ "data": source(), "cvid": api.view("Leads", "All Leads") }));
        api.run_jobs();
        let catalog = api.catalog();
        let leads = catalog.module("Leads").unwrap();
        let field = leads.field("Lead_Source").unwrap().id;
        for (id, at) in [
            (by_ids, "2024-01-01T00:30:00+00:00"),
            (by_view, "2024-01-01T00:30:01+00:00"),
        ] {
            let now = ada.record("Leads", &id);
            assert_eq!(now["Modified_Time"], at);
            assert!(now["Created_Time"].as_str().unwrap() < at);
            assert_eq!(now["Modified_By"]["name"], "Inês Faria");
            assert_eq!(now["Created_By"]["name"], "Ada Kestrel");
            assert_eq!(
                api.number(&format!("SELECT rev FROM \"m_Leads\" WHERE id = {id}")),
                2
            );
            let stored = api.rows(
                &format!("(SELECT * FROM changes WHERE record = {id}) c"),
                &["rev", "kind", "cause", "actor", "before"],
            );
            let wanted = format!(
                "2 | update | job | {} | {{\"{field}\":\"Chat\"}}",
                api.user("ines")
            );
            assert!(stored[1].ends_with(&wanted), "{stored:?}");
            assert_eq!(stored.len(), 2);
        }
    }

    pub(super) fn times_are_in_the_callers_own_zone(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, meera) = (api.caller("admin"), api.caller("meera"));
        let id = ada.make_leads(1).remove(0);
        for (caller, wanted) in [
            (&ada, "2024-01-01T00:00:00+00:00"),
            (&meera, "2024-01-01T05:30:00+05:30"),
        ] {
            let body = json!({ "data": source(), "ids": [id] });
            let details = caller.mass_update("Leads", &body).items()[0]["details"].clone();
            assert_eq!(details["Created_Time"], wanted);
            assert_eq!(caller.record("Leads", &id)["Created_Time"], wanted);
        }
        // A date-time without a zone is in the caller's.
        let body = json!({ "data": [{ "Last_Called": "2024-05-06T07:00:00" }], "ids": [id] });
        meera.mass_update("Leads", &body);
        assert_eq!(
            ada.record("Leads", &id)["Last_Called"],
            "2024-05-06T02:30:00+01:00"
        );
    }

    pub(super) fn scopes_by_module_or_for_all(kind: Kind) {
        let api = Api::start_demo(kind);
        let id = api.caller("admin").make_leads(1).remove(0);
        let body = json!({ "data": source(), "ids": [id] });
        for (scope, version, allowed) in [
            ("ZohoCRM.mass_update.UPDATE", Version::V7, true),
            ("ZohoCRM.mass_update.leads.UPDATE", Version::V2, true),
            ("ZohoCRM.mass_update.Leads.UPDATE", Version::V8, true),
            ("ZohoCRM.mass_update.Leads.READ", Version::V7, false),
            ("ZohoCRM.mass_update.deals.UPDATE", Version::V7, false),
            ("ZohoCRM.modules.ALL", Version::V7, false),
        ] {
            let caller = api.caller_with("admin", scope).speaking(version);
            let reply = caller.mass_update("Leads", &body);
            assert_eq!(reply.status, if allowed { 200 } else { 401 }, "{scope}");
        }
        let visits = json!([{ "Name": "A", "Visited_On": "2024-01-01" }]);
        let visit = api
            .caller("admin")
            .make("Site_Visits", visits.as_array().unwrap());
        let body = json!({ "data": [{ "Result": "Suitable" }], "ids": visit });
        for scope in ["custom", "Site_Visits", "site_visits"] {
            let scope = format!("ZohoCRM.mass_update.{scope}.UPDATE");
            let reply = api
                .caller_with("admin", &scope)
                .mass_update("Site_Visits", &body);
            assert_eq!(reply.status, 200, "{scope} {}", reply.text);
        }
    }

    pub(super) fn layouts_can_be_updated_in_v8_only(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        let layout = ada.record("Leads", &id)["Layout"].clone();
        let body = json!({ "data": [{ "Layout": { "id": layout["id"] } }], "ids": [id] });
        for version in Version::ALL {
            let reply = ada.speaking(version).mass_update("Leads", &body);
            if version == Version::V8 {
                assert_eq!(
                    (reply.status, reply.codes()),
                    (200, vec!["SUCCESS".to_owned()])
                );
            } else {
                let text = "This field cannot be updated in the Mass Update";
                let item = error("INVALID_DATA", text, &json!({ "api_name": "Layout" }));
                reply.is(400, &json!({ "data": [item] }));
            }
        }
    }

    pub(super) fn values_of_every_kind_are_written_by_a_job(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let id = ada.make_leads(1).remove(0);
        let cvid = api.view("Leads", "All Leads");
        for (field, value) in [
            ("Lead_Source", json!("Chat")),
            ("Uses", json!(["Drainage"])),
            ("Budget", json!(12345.67)),
            ("Wanted_By", json!("2024-02-29")),
            ("Last_Called", json!("2024-06-01T10:00:00+01:00")),
            ("Has_Grid", json!(true)),
            ("Well_Depth", json!(-3.5)),
            ("Score", json!(999_999_999)),
            ("City", json!("Évora 🐟")),
            ("Score", Json::Null),
            ("Uses", json!([])),
        ] {
            let body = json!({ "data": [{ field: value }], "cvid": cvid, "over_write": true });
            let job = ada.schedule(&body);
            api.run_jobs();
            ada.expect_status(&job, "COMPLETED", [0, 1, 0, 1]);
            assert_eq!(ada.record("Leads", &id)[field], value, "{field}");
        }
    }
}
