//! Conversions as jobs that others cross: two at once, workers that fail in the middle, and ten
//! thousand leads from a plan.

use crate::api::Api;
use crate::asked::Asker;
use crate::demo::run;
use crate::mass_convert::SCOPES;
use jobs::{Point, Step};
use serde_json::{Value as Json, json};
use store::Error;
use testkit::{Kind, each_db};

each_db! {
    two_jobs_at_once_make_one_account_of_a_company,
    a_worker_that_fails_at_any_point_converts_each_lead_once,
    ten_thousand_leads_are_planned_and_converted,
}

fn count(api: &Api, module: &str) -> i64 {
    api.number(&format!("SELECT count(*) FROM \"m_{module}\""))
}

/// Leads of five companies.
fn leads(api: &Api, count: usize) -> Vec<String> {
    let leads: Vec<Json> = (0..count)
        .map(|n| json!({ "Last_Name": format!("N{n}"), "Company": format!("Work {}", n % 5) }))
        .collect();
    let ada = api.caller("admin");
    leads
        .chunks(100)
        .flat_map(|some| ada.make("Leads", some))
        .collect()
}

fn body(ids: &[String]) -> Json {
    json!({ "action": "convert", "module": "Leads", "selection": { "ids": ids } })
}

mod check {
    use super::*;

    pub(super) fn two_jobs_at_once_make_one_account_of_a_company(kind: Kind) {
        let api = Api::start_demo(kind);
        let ids = leads(&api, 40);
        let asker = Asker::with(&api, "admin", SCOPES);
        let jobs = [&ids[..20], &ids[20..]].map(|ids| asker.job(&body(ids)));
        let mut workers = [(); 2].map(|()| api.worker().with_chunks_of(4));
        for worker in &mut workers {
            assert!(matches!(worker.step(), Step::Claimed(_)));
        }
        std::thread::scope(|scope| {
            for worker in workers {
                scope.spawn(|| run(worker));
            }
        });
        api.run_jobs();
        for job in &jobs {
            assert_eq!(asker.now(job)["counts"]["changed"], 20);
        }
        assert_eq!((count(&api, "Accounts"), count(&api, "Contacts")), (5, 40));
    }

    pub(super) fn a_worker_that_fails_at_any_point_converts_each_lead_once(kind: Kind) {
        for at in [
            Point::BeforeAction,
            Point::AfterAction,
            Point::BeforeCommit,
            Point::AfterCommit,
        ] {
            let api = Api::start_demo(kind);
            let asker = Asker::with(&api, "admin", SCOPES);
            let job = asker.job(&body(&leads(&api, 20)));
            let mut seen = 0;
            // Every third time that it comes there.
            let worker = api.worker().with_chunks_of(4).with_faults(move |point| {
                seen += i32::from(point == at);
                if point == at && seen % 3 == 1 {
                    return Err(Error::Driver("planned".to_owned()).into());
                }
                Ok(())
            });
            run(worker);
            // Whoever comes next may take over a lease that nobody renewed.
            api.clock.advance_ms(60_000);
            api.run_jobs();
            let job = asker.now(&job);
            assert_eq!(job["counts"]["changed"], 20, "{at:?}: {job}");
            assert_eq!(job["counts"]["failed"], 0, "{at:?}");
            assert_eq!(
                (count(&api, "Accounts"), count(&api, "Contacts")),
                (5, 20),
                "{at:?}"
            );
            let along = api.number("SELECT count(*) FROM job_along");
            assert_eq!(along, 25, "{at:?}");
        }
    }

    pub(super) fn ten_thousand_leads_are_planned_and_converted(kind: Kind) {
        let api = Api::start_demo(kind);
        api.seed_leads(1_000_000, 10_000);
        api.execute("UPDATE \"m_Leads\" SET \"Company\" = 'Work ' || (id % 700)");
        api.execute("UPDATE \"m_Leads\" SET \"Email\" = 'm' || (id % 9000) || '@x.example.com'");
        let asker = Asker::with(&api, "admin", SCOPES);
        let body = json!({
            "action": "convert", "module": "Leads", "selection": { "everything": true },
        });
        let plan = asker.plan(&body);
        assert_eq!(plan["counts"]["change"], 10_000);
        let makes = plan["makes"].as_array().unwrap();
        for made in [("Contacts", 9_000), ("Accounts", 700)] {
            let made = json!({ "module": made.0, "count": made.1 });
            assert!(makes.contains(&made), "{plan}");
        }
        let job = asker.job(&json!({ "plan": plan["id"] }));
        api.run_jobs();
        assert_eq!(asker.now(&job)["counts"]["changed"], 10_000);
        assert_eq!(
            (count(&api, "Accounts"), count(&api, "Contacts")),
            (700, 9_000)
        );
    }
}
