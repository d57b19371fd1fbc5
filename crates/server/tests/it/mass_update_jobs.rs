//! Between the acceptance of a mass update and its run: what changed meanwhile, and what a job
//! leaves behind (DESIGN 3, 6).

use crate::api::Api;
use crate::convert::converted;
use crate::demo::{Caller, run};
use jobs::Step;
use model::field::FieldKind;
use model::people::{FieldRight, Right, UserStatus};
use serde_json::{Value as Json, json};
use std::sync::Mutex;
use store::Priority;
use testkit::{Kind, each_db};

each_db! {
    a_record_that_left_the_selection_fails,
    a_record_whose_selecting_value_was_emptied_fails,
    a_record_that_was_deleted_fails,
    a_record_that_was_locked_or_converted_fails,
    a_record_that_joined_the_view_later_is_left_alone,
    a_job_whose_actor_or_field_is_gone_fails_as_a_whole,
    a_value_that_is_refused_after_the_acceptance_fails_the_job,
    a_lookup_of_a_record_that_is_not_there_or_not_seen_is_refused,
    relative_dates_and_the_current_user_are_those_of_the_acceptance,
    every_visited_record_leaves_exactly_one_row,
    chunks_of_any_size_leave_equal_tables,
}

fn to_source() -> Json {
    json!([{ "Lead_Source": "Trade Show" }])
}

/// How often each code stands in the outcomes of a job.
fn outcomes(api: &Api, job: &str, code: &str) -> i64 {
    api.number(&format!(
        "SELECT count(*) FROM job_outcomes WHERE job = {job} AND code = '{code}'"
    ))
}

/// Ten leads of different kinds, their territories and locks, and what becomes of them after a job
/// over them was accepted.
fn mixed_leads(api: &Api, ada: &Caller<'_>) -> Vec<String> {
    let leads: Vec<Json> = (0..30)
        .map(|n| {
            let mut lead = json!({ "Last_Name": format!("Lead {n}"), "Score": n });
            if n % 3 == 0 {
                lead["Uses"] = json!(["Livestock", "Drainage"]);
            }
            lead
        })
        .collect();
    let ids = ada.make("Leads", &leads);
    for n in [4, 17] {
        ada.lock("Leads", &ids[n]);
    }
    api.clock.advance_ms(1_000);
    ids
}

fn field_of_leads<'a>(
    catalog: &'a mut model::catalog::Catalog,
    name: &str,
) -> &'a mut model::field::Field {
    let mut modules = catalog.modules.iter_mut();
    let module = modules.find(|m| m.api_name == "Leads").unwrap();
    let mut fields = module.fields.iter_mut();
    fields.find(|field| field.api_name == name).unwrap()
}

mod check {
    use super::*;

    pub(super) fn a_record_that_left_the_selection_fails(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        for id in &leads {
            let territories = json!([{ "id": api.territory("Iberia") }]);
            let body = json!({ "data": [{ "id": id, "Territories": territories }] });
            assert_eq!(
                ada.post("Leads/actions/assign_territories", &body).status,
                202
            );
        }
        let body = json!({
            "data": to_source(),
            "cvid": api.view("Leads", "Open Leads"),
            "territory": { "id": api.territory("Europe"), "include_child": true },
            "criteria": [{ "field": "City", "comparator": "not_equal", "value": "Oslo" }],
        });
        let job = ada.schedule(&body);
        // Out of the view, out of the criteria, out of the territory.
        for (n, change) in [
            (0, json!({ "Lead_Status": "Junk Lead" })),
            (1, json!({ "City": "Oslo" })),
        ] {
            let path = format!("Leads/{}", leads[n]);
            assert_eq!(ada.put(&path, &json!({ "data": [change] })).status, 200);
        }
        let path = format!("Leads/{}/actions/remove_territories", leads[2]);
        let body = json!({ "data": [{ "Territories": [{ "id": api.territory("Iberia") }] }] });
        assert_eq!(ada.post(&path, &body).codes(), ["SCHEDULED"]);
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [3, 1, 0, 4]);
        assert_eq!(outcomes(&api, &job, "LEFT_SELECTION"), 3);
        let sources = leads
            .iter()
            .map(|id| ada.record("Leads", id)["Lead_Source"].clone());
        let wanted = [Json::Null, Json::Null, Json::Null, json!("Trade Show")];
        assert_eq!(sources.collect::<Vec<_>>(), wanted);
    }

    pub(super) fn a_record_whose_selecting_value_was_emptied_fails(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "A", "Score": 5, "City": "Faro", "Uses": ["Livestock"],
            "Wanted_By": "2024-05-06", "Has_Grid": true, "Budget": 7 });
        let test = |field: &str, comparator: &str, value: Json| json!({ "field": field, "comparator": comparator, "value": value });
        for (field, criteria) in [
            ("Score", test("Score", "greater_than", json!(1))),
            ("Score", test("Score", "between", json!([1, 9]))),
            ("City", test("City", "equal", json!("faro"))),
            ("City", test("City", "starts_with", json!("fa"))),
            ("Uses", test("Uses", "contains", json!("Livestock"))),
            (
                "Wanted_By",
                test("Wanted_By", "less_than", json!("2025-01-01")),
            ),
            ("Budget", test("Budget", "in", json!([7, 8]))),
        ] {
            let id = ada.make("Leads", std::slice::from_ref(&lead)).remove(0);
            let body = json!({
                "data": to_source(),
                "cvid": api.view("Leads", "All Leads"),
                "criteria": [criteria],
            });
            let job = ada.schedule(&body);
            let emptied = json!({ "data": [{ field: null }] });
            assert_eq!(ada.put(&format!("Leads/{id}"), &emptied).status, 200);
            api.run_jobs();
            ada.expect_status(&job, "FAILED", [1, 0, 0, 1]);
            assert_eq!(outcomes(&api, &job, "LEFT_SELECTION"), 1, "{field}");
            assert_eq!(ada.delete(&format!("Leads/{id}")).status, 200);
        }
    }

    pub(super) fn a_record_that_was_deleted_fails(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        let body = json!({ "data": to_source(), "cvid": api.view("Leads", "All Leads") });
        let job = ada.schedule(&body);
        assert_eq!(ada.delete(&format!("Leads/{}", leads[1])).status, 200);
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [1, 2, 0, 3]);
        assert_eq!(outcomes(&api, &job, "GONE"), 1);
    }

    pub(super) fn a_record_that_was_locked_or_converted_fails(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        // A view that holds converted leads too.
        api.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            let module = modules.find(|m| m.api_name == "Leads").unwrap();
            let view = module
                .views
                .iter_mut()
                .find(|v| v.name == "All Leads")
                .unwrap();
            view.criteria = None;
        });
        let body = json!({ "data": to_source(), "cvid": api.view("Leads", "All Leads") });
        let job = ada.schedule(&body);
        ada.lock("Leads", &leads[0]);
        converted(&ada, &leads[2], &json!({}));
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [2, 1, 0, 3]);
        assert_eq!(outcomes(&api, &job, "RECORD_LOCKED"), 1);
        assert_eq!(outcomes(&api, &job, "CONVERTED_RECORD"), 1);
    }

    pub(super) fn a_record_that_joined_the_view_later_is_left_alone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let body = json!({ "data": to_source(), "cvid": api.view("Leads", "All Leads") });
        let job = ada.schedule(&body);
        let late = ada.make_leads(1).remove(0);
        api.run_jobs();
        ada.expect_status(&job, "COMPLETED", [0, 1, 0, 1]);
        assert_eq!(ada.record("Leads", &late)["Lead_Source"], Json::Null);
    }

    pub(super) fn a_job_whose_actor_or_field_is_gone_fails_as_a_whole(kind: Kind) {
        type Change = fn(&mut model::catalog::Catalog);
        let changes: [(&str, Change); 7] = [
            ("AUTHORIZATION_FAILED", |catalog| {
                let user = catalog
                    .users
                    .iter_mut()
                    .find(|u| u.email.starts_with("carla"));
                user.unwrap().status = UserStatus::Inactive;
            }),
            ("AUTHORIZATION_FAILED", |catalog| {
                catalog
                    .users
                    .retain(|user| !user.email.starts_with("carla"));
            }),
            ("NO_PERMISSION", |catalog| {
                let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
                let rights = profile.unwrap().modules.values_mut();
                rights.for_each(|rights| rights.retain(|right| *right != Right::MassUpdate));
            }),
            ("NO_PERMISSION", |catalog| {
                let field = catalog.module("Leads").unwrap().field("City").unwrap().id;
                let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
                profile.unwrap().fields.insert(field, FieldRight::ReadOnly);
            }),
            ("FIELD_GONE", |catalog| {
                let mut modules = catalog.modules.iter_mut();
                let module = modules.find(|m| m.api_name == "Leads").unwrap();
                module.fields.retain(|field| field.api_name != "City");
            }),
            ("FIELD_GONE", |catalog| {
                let mut modules = catalog.modules.iter_mut();
                let module = modules.find(|m| m.api_name == "Leads").unwrap();
                let mut fields = module.fields.iter_mut();
                let field = fields.find(|field| field.api_name == "City").unwrap();
                field.kind = FieldKind::Text { max: 5 };
            }),
            ("INVALID_DATA", |catalog| {
                field_of_leads(catalog, "City").mass_update = false;
            }),
        ];
        for (code, change) in changes {
            let api = Api::start_demo(kind);
            let (ada, carla) = (api.caller("admin"), api.caller("carla"));
            ada.make_leads(3);
            let cvid = api.view("Leads", "Open Leads");
            let job = carla.schedule(&json!({ "data": [{ "City": "Faro" }], "cvid": cvid }));
            let before = api.rows("\"m_Leads\"", &["id", "rev", "\"Modified_Time\""]);
            api.change_catalog(change);
            api.run_jobs();
            ada.expect_status(&job, "FAILED", [3, 0, 0, 3]);
            let error = api.rows(
                &format!("(SELECT * FROM jobs WHERE id = {job}) j"),
                &["error"],
            );
            assert!(error[0].contains(code), "{code} {error:?}");
            assert_eq!(
                api.rows("\"m_Leads\"", &["id", "rev", "\"Modified_Time\""]),
                before
            );
            // The view is free again.
            ada.schedule(&json!({ "data": [{ "Company": "Faro" }], "cvid": cvid }));
        }
    }

    pub(super) fn a_value_that_is_refused_after_the_acceptance_fails_the_job(kind: Kind) {
        type Case = (fn(&Api) -> Json, fn(&Api), &'static str);
        let cases: [Case; 4] = [
            (
                |_| json!({ "City": null }),
                |api| api.change_catalog(|c| field_of_leads(c, "City").mandatory = true),
                "MANDATORY_NOT_FOUND",
            ),
            (
                |api| json!({ "Technician": { "id": api.user_id("joana") } }),
                |api| {
                    api.change_catalog(|catalog| {
                        let mut users = catalog.users.iter_mut();
                        let user = users.find(|u| u.email.starts_with("joana"));
                        user.unwrap().status = UserStatus::Inactive;
                    });
                },
                "INVALID_DATA",
            ),
            (
                |api| json!({ "Technician": { "id": api.user_id("ines") } }),
                |api| api.apply_org(crate::owners::TO_SUBORDINATES),
                "INVALID_DATA",
            ),
            (
                |_| json!({ "Lead_Source": "Chat" }),
                |api| {
                    api.change_catalog(|c| {
                        let values = &mut field_of_leads(c, "Lead_Source").values;
                        values.retain(|value| value.value != "Chat");
                    });
                },
                "INVALID_DATA",
            ),
        ];
        for (data, change, code) in cases {
            let api = Api::start_demo(kind);
            let tomas = api.caller("tomas");
            tomas.make_leads(3);
            let cvid = api.view("Leads", "Open Leads");
            let job = tomas.schedule(&json!({ "data": [data(&api)], "cvid": cvid }));
            change(&api);
            api.records_unchanged_by(|| {
                api.run_jobs();
            });
            tomas.expect_status(&job, "FAILED", [3, 0, 0, 3]);
            let error = api.rows("jobs", &["error"]);
            assert!(error[0].contains(code), "{code} {error:?}");
        }
    }

    pub(super) fn a_lookup_of_a_record_that_is_not_there_or_not_seen_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        api.apply_org(
            "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Referred_By\"\n\
             type = \"lookup\"\nmodule = \"Contacts\"\nmass_update = true\n",
        );
        api.make_private("Contacts");
        let contact = |who: &str| {
            let caller = api.caller(who);
            caller
                .make("Contacts", &[json!({ "Last_Name": "C" })])
                .remove(0)
        };
        let joana = api.caller("joana");
        let leads = joana.make_leads(2);
        let (own, foreign) = (contact("joana"), contact("admin"));
        let cvid = api.view("Leads", "All Leads");
        let details = json!({
            "api_name": "Referred_By", "json_path": "$.data[0].Referred_By.id",
        });
        let text = "the related id given seems to be invalid";
        let item = crate::demo::error("INVALID_DATA", text, &details);
        for id in ["5", &leads[0], &foreign] {
            let data = json!([{ "Referred_By": { "id": id } }]);
            for body in [
                json!({ "data": data, "ids": leads }),
                json!({ "data": data, "cvid": cvid }),
            ] {
                crate::demo::refused(&api, &joana, ("Leads", &body), |_| {
                    (400, crate::demo::in_data(&item))
                });
            }
        }
        // A job asks again: what it would point at may be gone by then.
        let data = json!([{ "Referred_By": { "id": own } }]);
        let body = json!({ "data": data, "ids": leads[..1] });
        assert_eq!(joana.mass_update("Leads", &body).codes(), ["SUCCESS"]);
        let job = joana.schedule(&json!({ "data": data, "cvid": cvid }));
        let gone = api.caller("admin").delete(&format!("Contacts/{own}"));
        assert_eq!(gone.status, 200);
        api.run_jobs();
        joana.expect_status(&job, "FAILED", [2, 0, 0, 2]);
        assert_eq!(joana.record("Leads", &leads[1])["Referred_By"], Json::Null);
    }

    pub(super) fn relative_dates_and_the_current_user_are_those_of_the_acceptance(kind: Kind) {
        let api = Api::start_demo(kind);
        let meera = api.caller("meera");
        meera.make_leads(2);
        let data = json!([{ "City": "Pune" }]);
        let mine = meera.schedule(&json!({ "data": data, "cvid": api.view("Leads", "My Leads") }));
        let data = json!([{ "State": "MH" }]);
        let today =
            meera.schedule(&json!({ "data": data, "cvid": api.view("Leads", "Todays Leads") }));
        // Two days later these are nobody's leads of today.
        api.clock.advance_ms(2 * 24 * 3_600_000);
        api.run_jobs();
        let meera = api.caller("meera");
        meera.expect_status(&mine, "COMPLETED", [0, 2, 0, 2]);
        meera.expect_status(&today, "COMPLETED", [0, 2, 0, 2]);
    }

    pub(super) fn every_visited_record_leaves_exactly_one_row(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = mixed_leads(&api, &ada);
        let body = json!({
            "data": [{ "Uses": ["Drainage"] }],
            "cvid": api.view("Leads", "All Leads"),
        });
        let by_view = ada.schedule(&body);
        assert_eq!(ada.delete(&format!("Leads/{}", leads[9])).status, 200);
        run(api.worker().with_chunks_of(7));
        ada.expect_status(&by_view, "COMPLETED", [3, 27, 0, 30]);
        let mut ids = leads.clone();
        ids.extend(leads.iter().take(5).cloned());
        ids.push("7701200000600009".to_owned());
        let body = json!({ "data": to_source(), "ids": ids });
        assert_eq!(ada.mass_update("Leads", &body).items().len(), 36);
        let twice_or_never = "SELECT count(*) FROM job_targets t WHERE
            (SELECT count(*) FROM changes c WHERE c.job = t.job AND c.record = t.record) +
            (SELECT count(*) FROM job_outcomes o
             WHERE o.job = t.job AND o.seq = t.seq AND o.record = t.record) <> 1";
        assert_eq!(api.number(twice_or_never), 0);
        let sums = "SELECT count(*) FROM jobs j WHERE j.total <> j.changed + j.unchanged + j.failed
            OR j.changed <> (SELECT count(*) FROM changes c WHERE c.job = j.id)
            OR j.total <> (SELECT count(*) FROM job_targets t WHERE t.job = j.id)";
        assert_eq!(api.number(sums), 0);
        assert_eq!(api.number("SELECT count(*) FROM job_targets"), 30 + 31);
        assert_eq!(outcomes(&api, &by_view, "RECORD_LOCKED"), 2);
        let unchanged = format!("SELECT unchanged FROM jobs WHERE id = {by_view}");
        assert_eq!(api.number(&unchanged), 9);
    }

    pub(super) fn chunks_of_any_size_leave_equal_tables(kind: Kind) {
        let states: Vec<Vec<String>> = [1, 7, 1000]
            .into_iter()
            .map(|size| {
                let api = Api::start_demo(kind);
                let ada = api.caller("admin");
                let leads = mixed_leads(&api, &ada);
                let all = api.view("Leads", "All Leads");
                let score = |value: i64| {
                    json!([{ "field": "Score", "comparator": "less_than", "value": value }])
                };
                let jobs = [
                    json!({ "data": [{ "Uses": ["Drainage", "Irrigation"] }], "cvid": all }),
                    json!({
                        "data": [{ "Score": 25 }],
                        "cvid": api.view("Leads", "Open Leads"),
                        "criteria": score(20),
                    }),
                ];
                let jobs = jobs.map(|body| ada.schedule(&body));
                assert_eq!(ada.delete(&format!("Leads/{}", leads[9])).status, 200);
                let change = json!({ "data": [{ "Score": 99 }] });
                assert_eq!(ada.put(&format!("Leads/{}", leads[3]), &change).status, 200);
                run(api.worker().with_chunks_of(size));
                ada.expect_status(&jobs[0], "COMPLETED", [3, 27, 0, 30]);
                ada.expect_status(&jobs[1], "COMPLETED", [4, 16, 0, 20]);
                let mut tables = api.tables();
                tables.extend(api.rows("job_outcomes", &["job", "seq", "outcome", "message", "details"]));
                // Which of two jobs came first to a record is the workers' turn, and so is its rev.
                tables.retain(|row| !row.starts_with("changes"));
                tables.extend(api.rows("changes", &["job", "record", "cause", "kind", "actor", "at"]));
                tables
            })
            .collect();
        assert_eq!(states[0], states[1]);
        assert_eq!(states[1], states[2]);
    }
}

/// A chunk that waits for a record must judge it as it is when the wait is over.
#[test]
fn a_record_that_leaves_the_selection_while_a_chunk_waits_for_it_fails() {
    for how in [
        "UPDATE \"m_Leads\" SET rev = rev + 1, \"City\" = 'Oslo'",
        "UPDATE \"m_Leads\" SET rev = rev + 1, \"City\" = NULL",
        "DELETE FROM record_territories",
    ] {
        let api = Api::start_demo(Kind::Postgres);
        let ada = api.caller("admin");
        let lead = json!({ "Last_Name": "A", "City": "Faro" });
        let id = ada.make("Leads", &[lead]).remove(0);
        let body = json!({ "data": [{ "Territories": [{ "id": api.territory("Iberia") }] }] });
        let path = format!("Leads/{id}/actions/assign_territories");
        assert_eq!(ada.post(&path, &body).codes(), ["SCHEDULED"]);
        let job = ada.schedule(&json!({
            "data": to_source(),
            "cvid": api.view("Leads", "All Leads"),
            "territory": { "id": api.territory("Iberia") },
            "criteria": [{ "field": "City", "comparator": "equal", "value": "Faro" }],
        }));
        let worker = Mutex::new(api.worker());
        assert!(matches!(worker.lock().unwrap().step(), Step::Claimed(_)));
        std::thread::scope(|scope| {
            let changed = api.db.write(Priority::Interactive, |tx| {
                tx.execute("UPDATE \"m_Leads\" SET rev = rev + 1", &[])?;
                tx.execute(how, &[])?;
                scope.spawn(|| worker.lock().unwrap().step());
                let waiting = "SELECT count(*) FROM pg_locks
                    WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
                for _ in 0..100_000 {
                    if tx.value::<i64>(waiting, &[])? > 0 {
                        return Ok(true);
                    }
                }
                Ok(false)
            });
            assert!(changed.unwrap(), "the chunk does not wait");
        });
        ada.expect_status(&job, "FAILED", [1, 0, 0, 1]);
        assert_eq!(outcomes(&api, &job, "LEFT_SELECTION"), 1, "{how}");
    }
}
