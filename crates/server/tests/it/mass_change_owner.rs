//! Mass change of owner: what a client does and what comes of it (wire API 2).

use crate::api::Api;
use crate::demo::{Caller, run};
use crate::owners::{TO_SUBORDINATES, from, oskar, owner_status};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    accepted_as_success_200_up_to_v7_and_scheduled_202_in_v8,
    a_job_gives_the_records_of_a_view_away,
    ids_are_read_as_numbers_and_as_texts,
    a_misspelt_key_of_owner_or_criteria_is_never_ignored,
    territory_and_criteria_narrow_the_view,
    criteria_name_fields_by_id_too,
    records_that_left_the_view_or_are_held_fail,
    the_founding_sample_is_answered_key_by_key,
    a_job_whose_records_all_fail_has_failed,
    a_job_whose_new_owner_is_deactivated_fails_as_a_whole,
    subordinates_may_be_given_records_where_the_profile_says_so,
    chunks_of_any_size_leave_equal_tables,
}

fn body(api: &Api, view: &str, owner: &str) -> Json {
    json!({ "cvid": api.view("Leads", view), "owner": { "id": api.user_id(owner) } })
}

fn with(mut body: Json, key: &str, value: Json) -> Json {
    body[key] = value;
    body
}

/// Puts holds on so many leads at once, as a person with patience would.
fn lock_first(api: &Api, first: i64, count: i64) {
    let admin = api.user("admin");
    let module = api.catalog().module("Leads").unwrap().id;
    let past = first + count;
    let held = format!("WHERE id >= {first} AND id < {past}");
    api.execute(&format!(
        "INSERT INTO holds (id, record, module, kind, reason, actor, at)
         SELECT id + 1000000000, id, {module}, 'lock', NULL, {admin}, 0 FROM \"m_Leads\" {held}"
    ));
    api.execute(&format!(
        "UPDATE \"m_Leads\" SET \"Locked__s\" = TRUE {held}"
    ));
}

/// A job over 50,000 leads of which the first are locked, run to its end; Ada and the job's id.
fn big_job(api: &Api, locked: i64) -> (Caller<'_>, String) {
    let ada = api.caller("admin");
    let first = 9_000_000_000_000_000;
    api.seed_leads(first, 50_000);
    lock_first(api, first, locked);
    let job = ada.schedule_owner(&body(api, "All Leads", "oskar"));
    ada.expect_owner_status(&job, "SCHEDULED", [50_000, 0, 50_000, 0]);
    api.run_jobs();
    (ada, job)
}

mod check {
    use super::*;

    pub(super) fn accepted_as_success_200_up_to_v7_and_scheduled_202_in_v8(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        for version in from(Version::V4) {
            let body = body(&api, "All Leads", "oskar");
            let reply = ada.speaking(version).mass_change_owner("Leads", &body);
            let item = reply.items().remove(0);
            let job = item["details"]["job_id"].as_str().unwrap();
            let (status, code) = match version {
                Version::V8 => (202, "SCHEDULED"),
                _ => (200, "SUCCESS"),
            };
            reply.is(
                status,
                &json!({ "data": [{
                    "code": code,
                    "details": { "job_id": job },
                    "message": "change owner is successfully scheduled",
                    "status": "success",
                }] }),
            );
            api.run_jobs();
            ada.speaking(version)
                .expect_owner_status(job, "COMPLETED", [1, 1, 0, 0]);
        }
    }

    pub(super) fn a_job_gives_the_records_of_a_view_away(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(5);
        // Already his: nothing to change, and no revision.
        let his = json!({ "data": [{ "Owner": { "id": api.user_id("oskar") } }] });
        assert_eq!(ada.put(&format!("Leads/{}", ids[4]), &his).status, 200);
        api.clock.advance_ms(60_000);
        let job = ada.schedule_owner(&body(&api, "Open Leads", "oskar"));
        ada.expect_owner_status(&job, "SCHEDULED", [5, 0, 5, 0]);
        assert_eq!(api.owned("Leads", "oskar"), 1);
        api.run_jobs();
        ada.expect_owner_status(&job, "COMPLETED", [5, 5, 0, 0]);
        assert_eq!(api.owned("Leads", "oskar"), 5);
        let lead = ada.record("Leads", &ids[0]);
        assert_eq!(lead["Owner"]["name"], "Oskar Lind");
        assert_eq!(lead["Modified_By"]["name"], "Ada Kestrel");
        assert_ne!(lead["Modified_Time"], lead["Created_Time"]);
        let of_job = format!("SELECT count(*) FROM changes WHERE job = {job} AND cause = 'job'");
        assert_eq!(api.number(&of_job), 4);
        let unchanged = format!("SELECT count(*) FROM job_outcomes WHERE job = {job}");
        assert_eq!(api.number(&unchanged), 1);
    }

    pub(super) fn ids_are_read_as_numbers_and_as_texts(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let number = |text: String| json!(text.parse::<i64>().unwrap());
        let body = json!({
            "cvid": number(api.view("Leads", "All Leads")),
            "owner": { "id": number(api.user_id("oskar")), "name": "Oskar Lind" },
        });
        ada.schedule_owner(&body);
        api.run_jobs();
        assert_eq!(api.owned("Leads", "oskar"), 1);
    }

    pub(super) fn a_misspelt_key_of_owner_or_criteria_is_never_ignored(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let (cvid, oskar) = (api.view("Leads", "All Leads"), api.user_id("oskar"));
        let post = |owner: Json, criteria: Json| {
            let body = json!({ "cvid": cvid, "owner": owner, "criteria": criteria });
            let reply = api.unchanged_by(|| ada.post("Leads/actions/mass_change_owner", &body));
            let answer = reply.json();
            assert_eq!(
                (reply.status, &answer["code"]),
                (400, &json!("INVALID_DATA"))
            );
            answer["details"]["json_path"].clone()
        };
        let condition = |field: Json, more: &str| json!({ "field": field, "comparator": "equal", "value": "Faro", more: [] });
        let (id, city) = (json!({ "id": oskar }), json!({ "api_name": "City" }));
        assert_eq!(
            post(id.clone(), condition(city.clone(), "gruop")),
            "$.criteria.gruop"
        );
        let field = json!({ "api_name": "City", "nam": "City" });
        let misspelt = json!({ "field": field, "comparator": "equal", "value": "Faro" });
        assert_eq!(post(id, misspelt), "$.criteria.field.nam");
        let owner = json!({ "id": oskar, "name": "Oskar Lind", "zip": 1 });
        let good = json!({ "field": city, "comparator": "equal", "value": "Faro" });
        assert_eq!(post(owner, good), "$.owner.zip");
    }

    pub(super) fn territory_and_criteria_narrow_the_view(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ["Faro", "Porto", "Faro"].map(|city| json!({ "Last_Name": "A", "City": city }));
        let ids = ada.make("Leads", &leads);
        let place = json!([{ "id": api.territory("Iberia") }]);
        for id in &ids[..2] {
            let item = json!({ "data": [{ "id": id, "Territories": place }] });
            assert_eq!(
                ada.post("Leads/actions/assign_territories", &item).status,
                202
            );
        }
        let faro = json!({
            "group_operator": "AND",
            "group": [
                { "field": { "api_name": "City" }, "comparator": "equal", "value": "Faro" },
                { "field": { "api_name": "Last_Name" }, "comparator": "not_equal", "value": "B" },
            ],
        });
        let europe = |child: Json| json!({ "id": api.territory("Europe"), "include_child": child });
        let narrowed = with(body(&api, "All Leads", "oskar"), "criteria", faro);
        // Nobody is in Europe itself.
        let alone = with(narrowed.clone(), "territory", europe(Json::Null));
        assert_eq!(
            ada.mass_change_owner("Leads", &alone).json()["code"],
            "NO_RECORDS_FOUND"
        );
        let job = ada.schedule_owner(&with(narrowed, "territory", europe(json!(true))));
        api.run_jobs();
        ada.expect_owner_status(&job, "COMPLETED", [1, 1, 0, 0]);
        let owners: Vec<String> = ids.iter().map(|id| ada.owner_of("Leads", id)).collect();
        assert_eq!(owners, ["Oskar Lind", "Ada Kestrel", "Ada Kestrel"]);
    }

    pub(super) fn criteria_name_fields_by_id_too(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ["Faro", "Porto"].map(|city| json!({ "Last_Name": "A", "City": city }));
        ada.make("Leads", &leads);
        let city = api
            .catalog()
            .module("Leads")
            .unwrap()
            .field("City")
            .unwrap()
            .id;
        for field in [
            json!({ "id": city.to_string() }),
            json!({ "id": city.0, "api_name": "City" }),
        ] {
            let criteria = json!({ "field": field, "comparator": "equal", "value": "Faro" });
            let asked = with(body(&api, "All Leads", "oskar"), "criteria", criteria);
            for version in from(Version::V6) {
                let caller = ada.speaking(version);
                let job = caller.schedule_owner(&asked);
                api.run_jobs();
                caller.expect_owner_status(&job, "COMPLETED", [1, 1, 0, 0]);
            }
        }
        assert_eq!(api.owned("Leads", "oskar"), 1);
    }

    pub(super) fn records_that_left_the_view_or_are_held_fail(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = ada.make_leads(4);
        let job = ada.schedule_owner(&body(&api, "Open Leads", "oskar"));
        let junk = json!({ "data": [{ "Lead_Status": "Junk Lead" }] });
        assert_eq!(ada.put(&format!("Leads/{}", ids[0]), &junk).status, 200);
        assert_eq!(ada.delete(&format!("Leads/{}", ids[1])).status, 200);
        ada.lock("Leads", &ids[2]);
        api.run_jobs();
        ada.expect_owner_status(&job, "COMPLETED", [4, 1, 0, 3]);
        for code in ["LEFT_SELECTION", "GONE", "RECORD_LOCKED"] {
            let of_code =
                format!("SELECT count(*) FROM job_outcomes WHERE job = {job} AND code = '{code}'");
            assert_eq!(api.number(&of_code), 1, "{code}");
        }
        assert_eq!(api.owned("Leads", "oskar"), 1);
        assert_eq!(ada.owner_of("Leads", &ids[3]), "Oskar Lind");
    }

    /// The founding page's sample: 500 of 50,000 fail.
    pub(super) fn the_founding_sample_is_answered_key_by_key(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, job) = big_job(&api, 500);
        let path = format!("Leads/actions/mass_change_owner?job_id={job}");
        let sample = "{\"data\":[{\"Total_Count\":50000,\"Updated_Count\":49500,\
                      \"Not_Updated_Count\":0,\"Failed_Count\":500,\"Status\":\"COMPLETED\"}]}";
        let reply = ada.get(&path);
        assert_eq!((reply.status, reply.text.as_str()), (200, sample));
        assert_eq!(api.owned("Leads", "oskar"), 49_500);
        let of_job = format!("SELECT count(*) FROM changes WHERE job = {job}");
        assert_eq!(api.number(&of_job), 49_500);
    }

    pub(super) fn a_job_whose_records_all_fail_has_failed(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, job) = big_job(&api, 50_000);
        ada.expect_owner_status(&job, "FAILED", [50_000, 0, 0, 50_000]);
        assert_eq!(api.owned("Leads", "oskar"), 0);
        assert_eq!(api.number("SELECT count(*) FROM changes"), 0);
    }

    pub(super) fn a_job_whose_new_owner_is_deactivated_fails_as_a_whole(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let job = ada.schedule_owner(&body(&api, "All Leads", "oskar"));
        api.apply_org(&oskar("status = \"inactive\""));
        let before = api.record_tables();
        api.run_jobs();
        ada.expect_owner_status(&job, "FAILED", [2, 0, 0, 2]);
        assert_eq!(api.record_tables(), before);
        let error = api.rows(
            &format!("(SELECT * FROM jobs WHERE id = {job}) j"),
            &["error"],
        );
        assert!(error[0].contains("Invalid data provided"), "{error:?}");
        // The view is free again.
        ada.schedule_owner(&body(&api, "All Leads", "joana"));
    }

    pub(super) fn subordinates_may_be_given_records_where_the_profile_says_so(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(1);
        api.apply_org(TO_SUBORDINATES);
        let ines = api.caller("ines");
        for (owner, wanted) in [
            ("oskar", 200),
            ("ines", 200),
            ("admin", 400),
            ("carla", 400),
        ] {
            let reply = ines.mass_change_owner("Leads", &body(&api, "All Leads", owner));
            assert_eq!(reply.status, wanted, "{owner}: {}", reply.text);
            api.run_jobs();
        }
        assert_eq!(api.owned("Leads", "ines"), 1);
    }

    pub(super) fn chunks_of_any_size_leave_equal_tables(kind: Kind) {
        let tables = [1, 7, 1_000].map(|size| {
            let api = Api::start_demo(kind);
            let ada = api.caller("admin");
            let ids = ada.make_leads(20);
            for n in [3, 11] {
                ada.lock("Leads", &ids[n]);
            }
            let job = ada.schedule_owner(&body(&api, "All Leads", "oskar"));
            run(api.worker().with_chunks_of(size));
            let reply = ada.get(&format!("Leads/actions/mass_change_owner?job_id={job}"));
            assert_eq!(
                reply.items()[0],
                owner_status("COMPLETED", [20, 18, 0, 2]),
                "{size}"
            );
            let mut tables = api.rows("\"m_Leads\"", &["rev", "\"Last_Name\"", "\"Locked__s\""]);
            tables.extend(api.rows("changes", &["rev", "cause", "kind"]));
            tables.extend(api.rows("job_outcomes", &["seq", "outcome", "code", "message"]));
            tables.push(api.owned("Leads", "oskar").to_string());
            tables
        });
        assert_eq!(tables[0], tables[1]);
        assert_eq!(tables[0], tables[2]);
    }
}
