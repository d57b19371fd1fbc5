//! `POST /swathe/v1/jobs`: a job from a plan, or directly.

use crate::api::Api;
use crate::asked::{Asker, id};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_plan_becomes_a_job_once,
    a_plan_of_yesterday_or_of_another_org_is_refused,
    a_job_without_a_plan_counts_what_it_is_for,
    every_record_is_meant_only_with_its_number,
    a_view_has_one_unfinished_job_and_free_criteria_any_number,
    a_job_for_later_waits_and_then_selects,
    a_job_for_later_takes_its_view_when_it_starts,
    how_a_job_runs_is_stored,
    a_wrong_term_is_refused,
    fifty_thousand_records_can_be_named,
    a_token_without_the_scope_runs_no_plan,
    a_request_sent_twice_makes_one_job,
    a_plan_that_is_asked_for_again_is_the_same,
}

fn update(selection: Json) -> Json {
    json!({
        "action": "update", "module": "Leads", "selection": selection,
        "change": { "fields": { "Lead_Source": "Trade Show" } },
    })
}

/// The same with more keys.
fn with(mut body: Json, more: &Json) -> Json {
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

mod check {
    use super::*;

    pub(super) fn a_plan_becomes_a_job_once(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        let asker = Asker::new(&api, "admin");
        let plan = asker.plan(&update(json!({ "view": "Open Leads" })));
        let job = asker.job(&json!({ "plan": id(&plan), "tolerance": 2 }));
        assert_eq!((&job["plan"], &job["tolerance"]), (&plan["id"], &json!(2)));
        assert_eq!(
            (&job["state"], &job["counts"]["total"]),
            (&json!("queued"), &json!(3))
        );
        let told = asker.is_refused("jobs", &json!({ "plan": id(&plan) }), 409, "PLAN_OUTDATED");
        assert_eq!(
            told["details"],
            json!({ "reason": "job", "job_id": job["id"] })
        );
        let path = format!("plans/{}", id(&plan));
        assert_eq!(asker.get(&path).json()["job"], job["id"]);
        api.run_jobs();
        assert_eq!(asker.now(&job)["counts"]["changed"], 3);
        assert_eq!(ada.record("Leads", &leads[0])["Lead_Source"], "Trade Show");
        // It goes when its job goes.
        api.clock.advance_ms(61 * 24 * 60 * 60 * 1_000);
        api.run_jobs();
        assert_eq!(api.number("SELECT count(*) FROM plans"), 0);
        assert_eq!(api.number("SELECT count(*) FROM job_targets"), 0);
    }

    pub(super) fn a_plan_of_yesterday_or_of_another_org_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(1);
        let body = update(json!({ "everything": true }));
        let asker = Asker::new(&api, "admin");
        let plan = asker.plan(&body);
        api.change_catalog(|catalog| "Other".clone_into(&mut catalog.org.company));
        let told = asker.is_refused("jobs", &json!({ "plan": id(&plan) }), 409, "PLAN_OUTDATED");
        assert_eq!(told["details"], json!({ "reason": "catalog_version" }));
        let plan = asker.plan(&body);
        api.clock.advance_ms(24 * 60 * 60 * 1_000 - 1);
        let last = Asker::new(&api, "admin");
        last.job(&json!({ "plan": id(&plan) }));
        let plan = last.plan(&body);
        api.clock.advance_ms(24 * 60 * 60 * 1_000);
        let asker = Asker::new(&api, "admin");
        let told = asker.is_refused("jobs", &json!({ "plan": id(&plan) }), 409, "PLAN_OUTDATED");
        assert_eq!(told["details"], json!({ "reason": "expires_at" }));
    }

    pub(super) fn a_job_without_a_plan_counts_what_it_is_for(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        let asker = Asker::new(&api, "admin");
        let body = update(json!({ "view": "Open Leads" }));
        let told = asker.is_refused(
            "jobs",
            &with(body.clone(), &json!({ "expected_count": 2 })),
            409,
            "UNEXPECTED_COUNT",
        );
        assert_eq!(told["details"], json!({ "expected": 2, "found": 3 }));
        let job = asker.job(&with(body, &json!({ "expected_count": 3 })));
        assert_eq!(job["plan"], Json::Null);
        api.run_jobs();
        assert_eq!(asker.now(&job)["counts"]["changed"], 3);
        let delete =
            json!({ "action": "delete", "module": "Leads", "selection": { "ids": leads } });
        let job = asker.job(&delete);
        api.run_jobs();
        assert_eq!(asker.now(&job)["counts"]["changed"], 3);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Leads\""), 0);
        let gone = asker.job(&update(json!({ "ids": [leads[0]] })));
        api.run_jobs();
        assert_eq!(
            asker.now(&gone)["failed_by_code"],
            json!({ "INVALID_DATA": 1 })
        );
        let oskar = api.user_id("oskar");
        let ids = ada.make_leads(1);
        let owner = json!({ "action": "change_owner", "module": "Leads", "selection": { "ids": ids },
                            "change": { "owner": oskar } });
        asker.job(&owner);
        api.run_jobs();
        assert_eq!(ada.record("Leads", &ids[0])["Owner"]["id"], oskar);
    }

    pub(super) fn every_record_is_meant_only_with_its_number(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(2);
        let asker = Asker::new(&api, "admin");
        let body = update(json!({ "everything": true }));
        asker.is_refused("jobs", &body, 400, "MANDATORY_NOT_FOUND");
        for count in [1, 3] {
            let body = with(body.clone(), &json!({ "expected_count": count }));
            asker.is_refused("jobs", &body, 409, "UNEXPECTED_COUNT");
        }
        let job = asker.job(&with(body, &json!({ "expected_count": 2 })));
        assert_eq!(job["request"]["selection"]["by"], "everything");
        api.run_jobs();
        assert_eq!(asker.now(&job)["counts"]["changed"], 2);
    }

    pub(super) fn a_view_has_one_unfinished_job_and_free_criteria_any_number(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let asker = Asker::new(&api, "admin");
        let by_view =
            update(json!({ "view": "Open Leads", "criteria": "(Last_Name:contains:Lead)" }));
        let second = asker.plan(&by_view);
        let third = asker.plan(&by_view);
        let first = asker.job(&by_view);
        for body in [by_view.clone(), json!({ "plan": id(&second) })] {
            let told = asker.is_refused("jobs", &body, 409, "ALREADY_SCHEDULED");
            assert_eq!(told["details"]["job_id"], first["id"]);
        }
        // A refused plan is still there, and the wire says the same of the view.
        assert_eq!(
            asker.get(&format!("plans/{}", id(&second))).json()["job"],
            Json::Null
        );
        let wire = json!({ "data": [{ "Lead_Source": "Cold Call" }], "cvid": api.view("Leads", "Open Leads") });
        assert_eq!(
            ada.mass_update("Leads", &wire).json()["code"],
            "ALREADY_SCHEDULED"
        );
        let free = update(json!({ "criteria": "(Last_Name:contains:Lead)" }));
        asker.job(&free);
        asker.job(&free);
        asker.job(&with(
            free.clone(),
            &json!({ "selection": { "everything": true }, "expected_count": 2 }),
        ));
        api.run_jobs();
        asker.job(&json!({ "plan": id(&third) }));
        // Deletions by any view of a module are in each other's way.
        let delete = |view: &str| json!({ "action": "delete", "module": "Leads", "selection": { "view": view } });
        let job = asker.job(&delete("Open Leads"));
        let told = asker.is_refused("jobs", &delete("All Leads"), 409, "ALREADY_SCHEDULED");
        assert_eq!(told["details"]["job_id"], job["id"]);
    }

    pub(super) fn a_job_for_later_waits_and_then_selects(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let early = ada.make_leads(2);
        let asker = Asker::new(&api, "admin");
        let criteria = json!({ "criteria": "(Last_Name:contains:Lead)" });
        let later = |select_at: &str| {
            let more = json!({ "run_at": "2024-01-01T01:00:00Z", "select_at": select_at });
            with(update(criteria.clone()), &more)
        };
        let frozen = asker.job(&later("now"));
        let open = asker.job(&later("start"));
        assert_eq!(
            (&frozen["counts"]["total"], &open["counts"]["total"]),
            (&json!(2), &json!(0))
        );
        assert_eq!(frozen["run_at"], "2024-01-01T01:00:00Z");
        api.run_jobs();
        assert_eq!(asker.now(&frozen)["state"], "queued");
        ada.make("Leads", &[json!({ "Last_Name": "Lead later" })]);
        ada.delete(&format!("Leads/{}", early[0]));
        api.clock.advance_ms(60 * 60 * 1_000 - 1);
        api.run_jobs();
        let asker = Asker::new(&api, "admin");
        assert_eq!(asker.now(&open)["state"], "queued");
        api.clock.advance_ms(1);
        api.run_jobs();
        let asker = Asker::new(&api, "admin");
        let (frozen, open) = (asker.now(&frozen), asker.now(&open));
        assert_eq!(
            (&frozen["state"], &open["state"]),
            (&json!("completed"), &json!("completed"))
        );
        assert_eq!(frozen["failed_by_code"], json!({ "GONE": 1 }));
        assert_eq!(
            (&frozen["counts"]["total"], &open["counts"]["total"]),
            (&json!(2), &json!(2))
        );
        let named = with(later("start"), &json!({ "selection": { "ids": early } }));
        let now = with(update(criteria.clone()), &json!({ "select_at": "start" }));
        let counted = with(
            later("start"),
            &json!({ "expected_count": 2, "run_at": "2024-01-02T00:00:00Z" }),
        );
        for (body, key) in [
            (named, "run_at"),
            (now, "select_at"),
            (counted, "expected_count"),
        ] {
            let told = asker.is_refused("jobs", &body, 400, "INVALID_DATA");
            assert_eq!(told["details"]["api_name"], key);
        }
    }

    pub(super) fn a_job_for_later_takes_its_view_when_it_starts(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(1);
        let asker = Asker::new(&api, "admin");
        let body = update(json!({ "view": "Open Leads" }));
        let later = asker.job(&with(
            body.clone(),
            &json!({ "run_at": "2024-01-01T00:10:00+00:00" }),
        ));
        asker.job(&body);
        api.run_jobs();
        assert_eq!(asker.now(&later)["state"], "queued");
        api.clock.advance_ms(10 * 60 * 1_000);
        let first = asker.job(&body);
        // The view is taken: the one for later waits for the other.
        let states = || {
            [
                asker.now(&first)["state"].clone(),
                asker.now(&later)["state"].clone(),
            ]
        };
        api.run_jobs();
        assert_eq!(states(), ["completed", "completed"]);
    }

    pub(super) fn how_a_job_runs_is_stored(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(2);
        let asker = Asker::new(&api, "admin");
        let body = update(json!({ "everything": true }));
        let more = json!({ "throttle": 1_000_000, "automation": "suppress",
                           "notify_url": "https://example.com/done?job=1" });
        let plan = asker.plan(&body);
        let of_plan = asker.job(&with(json!({ "plan": id(&plan) }), &more));
        let direct = asker.job(&with(with(body, &more), &json!({ "expected_count": 2 })));
        for job in [of_plan, direct] {
            assert_eq!(job["throttle"], 1_000_000);
            let sql = format!(
                "SELECT count(*) FROM jobs WHERE id = {} AND automation = 'suppress'
                 AND notify_url = 'https://example.com/done?job=1'",
                id(&job)
            );
            assert_eq!(api.number(&sql), 1);
        }
    }

    pub(super) fn a_wrong_term_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("admin").make_leads(1);
        let asker = Asker::new(&api, "admin");
        let plan = asker.plan(&update(json!({ "ids": ids })));
        let long = format!("https://example.com/{}", "x".repeat(2_000));
        for (key, value) in [
            ("throttle", json!(0)),
            ("throttle", json!(1_000_001)),
            ("throttle", json!(1.5)),
            ("throttle", json!(null)),
            ("automation", json!("sometimes")),
            ("automation", json!("")),
            ("notify_url", json!("example.com/done")),
            ("notify_url", json!("/done")),
            ("notify_url", json!("file:///etc/passwd")),
            ("notify_url", json!("https://user:secret@example.com/")),
            ("notify_url", json!("")),
            ("notify_url", json!(long)),
            ("run_at", json!("2023-12-31T23:59:59Z")),
            ("run_at", json!("2024-01-01T00:00:00Z")),
            ("run_at", json!("2025-01-01T00:00:01Z")),
            ("run_at", json!("2024-01-02T00:00:00")),
            ("run_at", json!("tomorrow")),
            ("run_at", json!(1)),
            ("retries", json!(1)),
        ] {
            for body in [update(json!({ "ids": ids })), json!({ "plan": id(&plan) })] {
                let told = asker.is_refused(
                    "jobs",
                    &with(body, &json!({ key: value })),
                    400,
                    "INVALID_DATA",
                );
                assert_eq!(told["details"]["api_name"], key, "{value}");
            }
        }
        for (body, key) in [
            (
                with(update(json!({ "ids": ids })), &json!({ "tolerance": 1 })),
                "tolerance",
            ),
            (json!({ "plan": id(&plan), "tolerance": -1 }), "tolerance"),
            (
                json!({ "plan": id(&plan), "select_at": "now" }),
                "select_at",
            ),
            (
                json!({ "plan": id(&plan), "selection": { "ids": ids } }),
                "selection",
            ),
            (json!({ "plan": "" }), "plan"),
            (json!({ "plan": null }), "plan"),
            (
                with(
                    update(json!({ "ids": ids })),
                    &json!({ "select_at": "soon" }),
                ),
                "select_at",
            ),
        ] {
            let told = asker.is_refused("jobs", &body, 400, "INVALID_DATA");
            assert_eq!(told["details"]["api_name"], key, "{body}");
        }
        // At the very bounds.
        let most = json!({ "throttle": 1, "run_at": "2025-01-01T00:00:00Z", "tolerance": 0 });
        asker.job(&with(json!({ "plan": id(&plan) }), &most));
    }

    pub(super) fn fifty_thousand_records_can_be_named(kind: Kind) {
        let api = Api::start_demo(kind);
        let first = 4_150_868_000_001_000_000_i64;
        api.seed_leads(first, 3);
        let ids = |count: i64| {
            (0..count)
                .map(|n| json!((first + n).to_string()))
                .collect::<Vec<_>>()
        };
        let asker = Asker::new(&api, "admin");
        let one_more = update(json!({ "ids": ids(50_001) }));
        asker.is_refused("jobs", &one_more, 400, "LIMIT_EXCEEDED");
        let job = asker.job(&update(json!({ "ids": ids(50_000) })));
        api.run_jobs();
        let counts = asker.now(&job)["counts"].clone();
        assert_eq!(
            (&counts["changed"], &counts["failed"]),
            (&json!(3), &json!(49_997))
        );
    }

    pub(super) fn a_token_without_the_scope_runs_no_plan(kind: Kind) {
        let api = Api::start_demo(kind);
        api.caller("admin").make_leads(1);
        let plan = Asker::new(&api, "admin").plan(&update(json!({ "everything": true })));
        let body = json!({ "plan": id(&plan) });
        for scope in [
            "ZohoCRM.mass_update.deals.UPDATE",
            "ZohoCRM.mass_delete.ALL",
        ] {
            let asker = Asker::with(&api, "admin", &format!("swathe.jobs.WRITE,{scope}"));
            asker.is_refused("jobs", &body, 401, "OAUTH_SCOPE_MISMATCH");
        }
        let scope = "swathe.jobs.ALL,ZohoCRM.mass_update.leads.UPDATE";
        Asker::with(&api, "admin", scope).job(&body);
    }

    pub(super) fn a_request_sent_twice_makes_one_job(kind: Kind) {
        let api = Api::start_demo(kind);
        api.seed_leads(4_150_868_000_001_000_000, 20_001);
        let asker = Asker::new(&api, "admin");
        let plan = asker.plan(&update(json!({ "view": "Open Leads" })));
        let of_plan = json!({ "plan": id(&plan) });
        // Its targets are stored in two batches.
        let direct = with(
            update(json!({ "everything": true })),
            &json!({ "expected_count": 20_001 }),
        );
        for (n, body) in [of_plan, direct].iter().enumerate() {
            let key = format!("key-{n}");
            let first = asker.post_with_key("jobs", body, &key);
            let again = asker.post_with_key("jobs", body, &key);
            assert_eq!((first.status, again.status), (202, 202), "{}", again.text);
            assert_eq!(first.json(), again.json());
            assert_eq!(
                api.number("SELECT count(*) FROM jobs"),
                i64::try_from(n).unwrap() + 1
            );
        }
        let other = update(json!({ "criteria": "(City:equals:Faro)" }));
        let reply = asker.post_with_key("jobs", &other, "key-0");
        assert_eq!(reply.json()["code"], "IDEMPOTENCY_KEY_REUSED");
    }

    pub(super) fn a_plan_that_is_asked_for_again_is_the_same(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = api.caller("admin").make_leads(2);
        let asker = Asker::new(&api, "admin");
        let body = update(json!({ "ids": ids }));
        let first = asker.post_with_key("plans", &body, "key");
        let again = asker.post_with_key("plans", &body, "key");
        assert_eq!((first.status, &first.text), (201, &again.text));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(api.number("SELECT count(*) FROM plans"), 1);
        // What fails with the answer leaves neither.
        api.execute("ALTER TABLE idempotency RENAME COLUMN answer TO gone");
        assert_eq!(asker.post_with_key("plans", &body, "other").status, 500);
        api.execute("ALTER TABLE idempotency RENAME COLUMN gone TO answer");
        assert_eq!(api.number("SELECT count(*) FROM plans"), 1);
        assert_eq!(api.number("SELECT count(*) FROM job_targets"), 2);
    }
}
