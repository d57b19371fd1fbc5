//! Whatever happens between a plan and its run, the run stays within the plan, and the size of chunks
//! makes no difference.

use crate::api::Api;
use crate::asked::{Asker, id};
use crate::demo::{Caller, run};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Kind, each_db};

each_db! {
    what_ran_is_within_what_was_planned,
    as_many_records_as_the_org_says_are_planned,
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

const SOURCES: [&str; 3] = ["Trade Show", "Cold Call", "Partner"];

/// What somebody else does to a lead, by dice.
fn meddle(ada: &Caller<'_>, dice: &mut Dice, lead: &str) {
    let path = format!("Leads/{lead}");
    let write = |values: Json| {
        ada.put(&path, &json!({ "data": [values] }));
    };
    match dice.roll(8) {
        0 | 1 => write(json!({ "Lead_Source": SOURCES[dice.roll(3)] })),
        2 => write(json!({ "Lead_Source": null })),
        3 => write(json!({ "City": format!("City {}", dice.roll(3)) })),
        4 => write(json!({ "Lead_Status": "Junk Lead" })),
        5 => write(json!({ "Lead_Status": "Contacted" })),
        6 => {
            ada.delete(&path);
        }
        _ => {
            ada.post(
                &format!("{path}/Locking_Information__s"),
                &json!({ "data": [{}] }),
            );
        }
    }
}

/// A plan over leads with some past, more of it after the plan, and its run in chunks of this size.
/// Answers all that is left, with records named by their place.
fn story(kind: Kind, seed: u64, chunk: usize) -> Vec<String> {
    let mut dice = Dice(seed);
    let api = Api::start_demo(kind);
    let ada = api.caller("admin");
    let leads = ada.make_leads(24);
    for _ in 0..20 {
        let lead = &leads[dice.roll(leads.len())];
        meddle(&ada, &mut dice, lead);
    }
    let asker = Asker::new(&api, "admin");
    let body = json!({
        "action": "update", "module": "Leads", "selection": { "view": "Open Leads" },
        "change": { "fields": { "Lead_Source": "Trade Show" } },
    });
    let plan = asker.plan(&body);
    let source = "\"Lead_Source\"";
    let stood: BTreeMap<String, String> = cells(&api, "\"m_Leads\"", ["id", source]).collect();
    for _ in 0..20 {
        let lead = &leads[dice.roll(leads.len())];
        meddle(&ada, &mut dice, lead);
    }
    let job = asker.job(&json!({ "plan": id(&plan), "tolerance": 24 }));
    run(api.worker().with_chunks_of(chunk));
    assert_eq!(asker.now(&job)["state"], "completed", "seed {seed}");

    let foreseen: BTreeMap<String, String> =
        cells(&api, "job_targets", ["record", "foreseen"]).collect();
    let job = id(&job);
    let changes = format!("(SELECT record, before FROM changes WHERE job = {job}) c");
    let mut written = BTreeSet::new();
    for (record, before) in cells(&api, &changes, ["record", "before"]) {
        assert_eq!(foreseen[&record], "change", "seed {seed}");
        let before: Json = serde_json::from_str(&before).unwrap();
        let value = before.as_object().unwrap().values().next().unwrap();
        assert_eq!(value.as_str().unwrap_or("-"), stood[&record], "seed {seed}");
        written.insert(record);
    }
    let refused: BTreeSet<String> = cells(&api, "job_outcomes", ["record", "outcome"])
        .map(|(record, _)| record)
        .collect();
    // Every planned record has one outcome.
    assert!(written.is_disjoint(&refused), "seed {seed}");
    assert_eq!(written.len() + refused.len(), foreseen.len(), "seed {seed}");

    let named = |text: String| {
        let places = leads.iter().enumerate();
        let text = places.fold(text, |text, (n, lead)| {
            text.replace(lead, &format!("lead {n}"))
        });
        text.replace(&job, "the job")
    };
    let mut left = api.rows("\"m_Leads\"", &["id", "rev", source, "\"City\""]);
    left.extend(api.rows("changes", &["record", "rev", "cause", "before"]));
    left.extend(api.rows("job_outcomes", &["job", "seq", "record", "code"]));
    left.extend(api.rows(
        "jobs",
        &[
            "state",
            "cursor",
            "changed",
            "unchanged",
            "failed",
            "drifted",
        ],
    ));
    left.into_iter().map(named).collect()
}

fn cells<'a>(
    api: &'a Api,
    table: &'a str,
    columns: [&'a str; 2],
) -> impl Iterator<Item = (String, String)> + 'a {
    let prefix = format!("{table}: ");
    api.rows(table, &columns).into_iter().map(move |row| {
        let (one, other) = row
            .strip_prefix(&prefix)
            .unwrap()
            .split_once(" | ")
            .unwrap();
        (one.to_owned(), other.to_owned())
    })
}

mod check {
    use super::*;

    pub(super) fn what_ran_is_within_what_was_planned(kind: Kind) {
        for seed in [0x9E37_79B9, 0x1234_5678_9ABC, 0xDEAD_BEEF_0001] {
            let stories = [1, 7, 1_000].map(|chunk| story(kind, seed, chunk));
            assert_eq!(stories[0], stories[1], "seed {seed}");
            assert_eq!(stories[0], stories[2], "seed {seed}");
        }
    }

    pub(super) fn as_many_records_as_the_org_says_are_planned(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        api.change_catalog(|catalog| catalog.org.limits.records_per_job = 3);
        let asker = Asker::new(&api, "admin");
        let body = |selection: Json| json!({ "action": "delete", "module": "Leads", "selection": selection });
        for selection in [json!({ "ids": leads }), json!({ "view": "Open Leads" })] {
            let told = asker.is_refused("plans", &body(selection), 400, "LIMIT_EXCEEDED");
            assert_eq!(told["details"]["limit"], 3);
        }
        // The wire knows the same limit.
        let data = json!([{ "Lead_Source": "Trade Show" }]);
        let wire = json!({ "data": data, "cvid": api.view("Leads", "Open Leads") });
        assert_eq!(
            ada.mass_update("Leads", &wire).json()["code"],
            "LIMIT_EXCEEDED"
        );
        let plan = asker.plan(&body(json!({ "ids": leads[1..] })));
        assert_eq!(plan["counts"]["selected"], 3);
        ada.delete(&format!("Leads/{}", leads[0]));
        assert_eq!(ada.mass_update("Leads", &wire).status, 200);
    }
}
