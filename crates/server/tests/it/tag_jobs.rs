//! Tags put on the records of a selection by a job, and taken off them, with a plan and an undo.

use crate::api::Api;
use crate::asked::{Asker, id};
use crate::demo::{Caller, run};
use crate::undo::came_to;
use model::people::Right;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_view_is_tagged_as_planned_and_untagged_by_the_undo,
    tags_that_were_taken_off_come_back,
    an_undo_spares_what_others_did,
    a_tag_that_somebody_put_again_is_theirs,
    a_tag_is_what_it_was_when_the_job_was_asked_for,
    a_module_with_too_many_tags_still_loses_some,
    what_is_refused_of_a_change_of_tags,
    whoever_may_not_edit_may_not_tag,
    a_tag_that_another_made_meanwhile_is_taken,
    chunks_of_any_size_tag_alike,
}

const SCOPES: &str = "swathe.jobs.ALL,ZohoCRM.modules.ALL";

fn body(selection: Json, change: Json) -> Json {
    json!({ "action": "tag", "module": "Leads", "selection": selection, "change": change })
}

fn tags_of(ada: &Caller<'_>, id: &str) -> Vec<String> {
    let record = ada.record("Leads", id);
    let tags = record["Tag"].as_array().unwrap().iter();
    let mut names: Vec<String> = tags
        .map(|tag| tag["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn change_tags(ada: &Caller<'_>, verb: &str, id: &str, tag: &str) {
    let path = format!("Leads/{id}/actions/{verb}_tags");
    let reply = ada.post(&path, &json!({ "tags": [{ "name": tag }] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn undone(api: &Api, asker: &Asker<'_>, job: &Json) -> Json {
    let path = format!("jobs/{}/actions/undo", id(job));
    let reply = asker.post(&path, &json!({}));
    assert_eq!(reply.status, 202, "{}", reply.text);
    api.run_jobs();
    reply.json()
}

mod check {
    use super::*;

    pub(super) fn a_view_is_tagged_as_planned_and_untagged_by_the_undo(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        change_tags(&ada, "add", &leads[0], "VIP");
        ada.lock("Leads", &leads[3]);
        let asker = Asker::with(&api, "admin", SCOPES);
        let request = body(
            json!({ "view": "All Leads" }),
            json!({ "add": ["vip", "Fair"] }),
        );
        let counts = json!({ "selected": 4, "change": 3, "unchanged": 0, "refused": 1 });
        api.records_unchanged_by(|| assert_eq!(asker.plan(&request)["counts"], counts));
        let plan = asker.plan(&request);
        let job = asker.job(&json!({ "plan": id(&plan) }));
        api.run_jobs();
        came_to(&api, &id(&job), [3, 0, 1]);
        assert_eq!(tags_of(&ada, &leads[0]), ["Fair", "VIP"]);
        assert_eq!(tags_of(&ada, &leads[1]), ["Fair", "VIP"]);
        assert!(tags_of(&ada, &leads[3]).is_empty());
        let shown = asker.now(&job);
        assert_eq!(shown["action"], "tag");
        let change = json!({ "add": ["vip", "Fair"], "remove": [] });
        assert_eq!(shown["request"]["change"], change);
        assert_eq!(shown["failed_by_code"], json!({ "RECORD_LOCKED": 1 }));
        // Again, it has nothing to do but what is refused.
        let again = asker.job(&request);
        api.run_jobs();
        came_to(&api, &id(&again), [0, 3, 1]);
        let undo = undone(&api, &asker, &job);
        came_to(&api, &id(&undo), [3, 0, 0]);
        // What it had before stays.
        assert_eq!(tags_of(&ada, &leads[0]), ["VIP"]);
        assert!(tags_of(&ada, &leads[1]).is_empty());
        let redone = undone(&api, &asker, &undo);
        came_to(&api, &id(&redone), [3, 0, 0]);
        assert_eq!(tags_of(&ada, &leads[0]), ["Fair", "VIP"]);
        assert_eq!(tags_of(&ada, &leads[2]), ["Fair", "VIP"]);
    }

    pub(super) fn tags_that_were_taken_off_come_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        change_tags(&ada, "add", &leads[0], "Old");
        change_tags(&ada, "add", &leads[1], "Old");
        let asker = Asker::with(&api, "admin", SCOPES);
        let ids = json!({ "ids": leads });
        let job = asker.job(&body(ids, json!({ "remove": ["OLD"], "add": ["New"] })));
        run(api.worker().with_chunks_of(2));
        came_to(&api, &id(&job), [3, 0, 0]);
        assert_eq!(tags_of(&ada, &leads[0]), ["New"]);
        let undo = undone(&api, &asker, &job);
        came_to(&api, &id(&undo), [3, 0, 0]);
        assert_eq!(tags_of(&ada, &leads[0]), ["Old"]);
        assert_eq!(tags_of(&ada, &leads[1]), ["Old"]);
        assert!(tags_of(&ada, &leads[2]).is_empty());
    }

    pub(super) fn an_undo_spares_what_others_did(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(4);
        for lead in &leads {
            change_tags(&ada, "add", lead, "Old");
        }
        let asker = Asker::with(&api, "admin", SCOPES);
        let ids = json!({ "ids": [leads[0], leads[1], leads[2]] });
        let job = asker.job(&body(ids, json!({ "add": ["New"], "remove": ["Old"] })));
        api.run_jobs();
        // Somebody put all back themselves, locked another, and deleted the tag of the third.
        change_tags(&ada, "add", &leads[0], "Old");
        change_tags(&ada, "remove", &leads[0], "New");
        ada.lock("Leads", &leads[1]);
        let listed = ada.get("settings/tags?module=Leads").json();
        let mut listed = listed["tags"].as_array().unwrap().iter();
        let old = listed.find(|tag| tag["name"] == "Old").unwrap()["id"].as_str();
        let old = old.unwrap().to_owned();
        change_tags(&ada, "remove", &leads[2], "New");
        let deleted = ada.delete(&format!("settings/tags/{old}"));
        assert_eq!(deleted.status, 200, "{}", deleted.text);
        let undo = undone(&api, &asker, &job);
        let outcomes = asker.get(&format!("jobs/{}/outcomes", id(&undo))).json();
        let told = |lead: &str| {
            let mut all = outcomes["data"].as_array().unwrap().iter();
            let found = all.find(|one| one["record"] == *lead).unwrap();
            (found["outcome"].clone(), found["code"].clone())
        };
        assert_eq!(told(&leads[1]), (json!("failed"), json!("RECORD_LOCKED")));
        assert_eq!(told(&leads[2]), (json!("failed"), json!("CHANGED_SINCE")));
        assert_eq!(told(&leads[0]).0, json!("failed"));
        assert_eq!(tags_of(&ada, &leads[1]), ["New"]);
    }

    pub(super) fn a_tag_that_somebody_put_again_is_theirs(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        change_tags(&ada, "add", &leads[1], "Old");
        let asker = Asker::with(&api, "admin", SCOPES);
        let ids = json!({ "ids": leads });
        let job = asker.job(&body(ids, json!({ "add": ["New"], "remove": ["Old"] })));
        api.run_jobs();
        change_tags(&ada, "remove", &leads[0], "New");
        change_tags(&ada, "add", &leads[0], "New");
        change_tags(&ada, "add", &leads[1], "Old");
        change_tags(&ada, "remove", &leads[1], "Old");
        let undo = undone(&api, &asker, &job);
        came_to(&api, &id(&undo), [1, 0, 1]);
        let shown = asker.now(&undo);
        assert_eq!(shown["failed_by_code"], json!({ "CHANGED_SINCE": 1 }));
        assert_eq!(tags_of(&ada, &leads[0]), ["New"]);
        assert!(tags_of(&ada, &leads[1]).is_empty());
    }

    pub(super) fn a_tag_is_what_it_was_when_the_job_was_asked_for(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        for tag in ["Old", "Keep"] {
            change_tags(&ada, "add", &leads[0], tag);
        }
        let asker = Asker::with(&api, "admin", SCOPES);
        let ids = || json!({ "ids": leads });
        let takes = asker.job(&body(ids(), json!({ "remove": ["Old"] })));
        let puts = asker.job(&body(ids(), json!({ "add": ["Keep"] })));
        api.execute("UPDATE tags SET name = 'Past', folded = 'past' WHERE folded = 'old'");
        api.execute("UPDATE tags SET name = 'Old', folded = 'old' WHERE folded = 'keep'");
        api.run_jobs();
        came_to(&api, &id(&takes), [1, 1, 0]);
        came_to(&api, &id(&puts), [1, 1, 0]);
        assert_eq!(tags_of(&ada, &leads[0]), ["Old"]);
        assert_eq!(tags_of(&ada, &leads[1]), ["Old"]);
        let late = asker.job(&body(ids(), json!({ "add": ["Past"] })));
        api.execute("DELETE FROM tags WHERE folded = 'past'");
        api.run_jobs();
        came_to(&api, &id(&late), [0, 0, 2]);
        assert_eq!(
            asker.now(&late)["failed_by_code"],
            json!({ "FIELD_GONE": 2 })
        );
    }

    pub(super) fn a_module_with_too_many_tags_still_loses_some(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(1);
        change_tags(&ada, "add", &leads[0], "Old");
        for n in 0..100 {
            api.execute(&format!(
                "INSERT INTO tags (id, module, name, folded, created_by, created_at, modified_by,
                   modified_at) SELECT {n} + 900, module, 'T{n}', 't{n}', created_by, created_at,
                   modified_by, modified_at FROM tags WHERE folded = 'old'"
            ));
        }
        let asker = Asker::with(&api, "admin", SCOPES);
        let ids = || json!({ "ids": leads });
        asker.is_refused(
            "jobs",
            &body(ids(), json!({ "add": ["New"] })),
            400,
            "LIMIT_EXCEEDED",
        );
        let job = asker.job(&body(ids(), json!({ "remove": ["Old"], "add": ["T1"] })));
        api.run_jobs();
        came_to(&api, &id(&job), [1, 0, 0]);
        assert_eq!(tags_of(&ada, &leads[0]), ["T1"]);
    }

    pub(super) fn what_is_refused_of_a_change_of_tags(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(1);
        let asker = Asker::with(&api, "admin", SCOPES);
        let many: Vec<String> = (0..11).map(|n| format!("T{n}")).collect();
        for (change, path) in [
            (json!({}), "$.change"),
            (json!(null), "$.change"),
            (json!(["New"]), "$.change"),
            (json!({ "add": [] }), "$.change.add"),
            (json!({ "add": "New" }), "$.change.add"),
            (json!({ "add": null }), "$.change.add"),
            (json!({ "add": [" "] }), "$.change.add[0]"),
            (json!({ "add": ["New", 5] }), "$.change.add[1]"),
            (json!({ "add": ["New", "NEW"] }), "$.change.add[1]"),
            (
                json!({ "add": ["New"], "remove": ["new"] }),
                "$.change.remove[0]",
            ),
            (json!({ "remove": ["Never"] }), "$.change.remove[0]"),
            (json!({ "add": many }), "$.change.add"),
            (json!({ "add": ["x".repeat(26)] }), "$.change.add[0]"),
            (json!({ "tags": ["New"] }), "$.change.tags"),
        ] {
            let request = body(json!({ "ids": leads }), change);
            for path_of in ["plans", "jobs"] {
                let refused = asker.is_refused(path_of, &request, 400, "INVALID_DATA");
                assert_eq!(refused["details"]["json_path"], path, "{request}");
            }
        }
        let request = json!({ "action": "tag", "module": "Leads", "selection": { "ids": leads } });
        let refused = asker.is_refused("jobs", &request, 400, "MANDATORY_NOT_FOUND");
        assert_eq!(refused["details"]["json_path"], "$.change");
        let narrow = Asker::with(&api, "admin", "swathe.jobs.ALL,ZohoCRM.mass_update.ALL");
        let request = body(json!({ "ids": leads }), json!({ "add": ["New"] }));
        narrow.is_refused("jobs", &request, 401, "OAUTH_SCOPE_MISMATCH");
    }

    pub(super) fn whoever_may_not_edit_may_not_tag(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        let asker = Asker::with(&api, "admin", SCOPES);
        let request = body(json!({ "ids": leads }), json!({ "add": ["New"] }));
        let job = asker.job(&request);
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            for profile in &mut catalog.profiles {
                profile.administrator = false;
                let others = Right::ALL.into_iter().filter(|right| *right != Right::Edit);
                profile.modules.insert(leads, others.collect());
            }
        });
        api.run_jobs();
        let shown = api.number("SELECT COUNT(*) FROM record_tags");
        assert_eq!(shown, 0);
        assert_eq!(asker.now(&job)["state"], "failed");
        asker.is_refused("plans", &request, 403, "NO_PERMISSION");
    }

    pub(super) fn a_tag_that_another_made_meanwhile_is_taken(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        let asker = Asker::with(&api, "admin", SCOPES);
        let job = asker.job(&body(
            json!({ "ids": [leads[1]] }),
            json!({ "add": ["new"] }),
        ));
        change_tags(&ada, "add", &leads[0], "New");
        api.run_jobs();
        came_to(&api, &id(&job), [1, 0, 0]);
        assert_eq!(tags_of(&ada, &leads[1]), ["New"]);
        assert_eq!(api.number("SELECT COUNT(*) FROM tags"), 1);
    }

    pub(super) fn chunks_of_any_size_tag_alike(kind: Kind) {
        let story = |chunk: usize| {
            let api = Api::start_demo(kind);
            let ada = api.caller("admin");
            let leads = ada.make_leads(9);
            for (n, lead) in leads.iter().enumerate().filter(|(n, _)| n % 3 == 0) {
                change_tags(&ada, "add", lead, if n % 2 == 0 { "Old" } else { "New" });
            }
            ada.lock("Leads", &leads[4]);
            let asker = Asker::with(&api, "admin", SCOPES);
            let change = json!({ "add": ["New", "Fair"], "remove": ["Old"] });
            let job = asker.job(&body(json!({ "ids": leads }), change));
            run(api.worker().with_chunks_of(chunk));
            let after: Vec<_> = leads.iter().map(|lead| tags_of(&ada, lead)).collect();
            let undo = asker.post(&format!("jobs/{}/actions/undo", id(&job)), &json!({}));
            assert_eq!(undo.status, 202, "{}", undo.text);
            run(api.worker().with_chunks_of(chunk));
            let back: Vec<_> = leads.iter().map(|lead| tags_of(&ada, lead)).collect();
            (after, back, asker.now(&job)["counts"].clone())
        };
        let one = story(1);
        assert_eq!(one.0[0], ["Fair", "New"]);
        assert_eq!(one.1[0], ["Old"]);
        assert_eq!(story(4), one);
        assert_eq!(story(1_000), one);
    }
}
