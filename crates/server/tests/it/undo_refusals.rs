//! Undo: what is refused, as a whole or of a record.

use crate::api::Api;
use crate::undo::{
    ask, came_to, deals, job, newest, outcome, put_deal, undo, undone, update_all, update_all_of,
};
use model::people::{FieldRight, Profile, Right};
use model::time::Clock;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    a_job_that_is_not_finished_cannot_be_undone,
    a_job_of_others_is_unknown,
    one_undo_at_a_time,
    a_job_that_changed_nothing_has_nothing_to_undo,
    a_wrong_body_is_refused,
    the_scope_of_what_is_undone_is_asked_for,
    a_job_of_long_ago_cannot_be_undone_and_an_unfinished_undo_keeps_its_job,
    an_undo_takes_the_right_of_what_it_undoes,
    a_lost_right_fails_the_undo_as_a_whole,
    fields_that_the_undoer_may_not_edit_keep_their_records,
    values_of_fields_that_are_gone_are_not_put_back,
    records_that_the_undoer_does_not_see_are_left,
    an_owner_who_left_gets_nothing_back,
    a_failed_job_that_is_being_undone_is_not_resumed,
}

fn change_profile(api: &Api, name: &str, change: impl Fn(&mut Profile)) {
    api.change_catalog(|catalog| {
        let profile = catalog.profiles.iter_mut().find(|p| p.name == name);
        change(profile.unwrap());
    });
}

fn take_right(api: &Api, name: &str, right: Right) {
    let leads = api.catalog().module("Leads").unwrap().id;
    change_profile(api, name, |profile| {
        profile
            .modules
            .get_mut(&leads)
            .unwrap()
            .retain(|own| *own != right);
    });
}

mod check {
    use super::*;

    pub(super) fn a_job_that_is_not_finished_cannot_be_undone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let cvid = api.view("Leads", "All Leads");
        let id = ada.schedule(&json!({ "data": [{ "City": "Oslo" }], "cvid": cvid }));
        let details = json!({ "state": "queued" });
        let text = "a job that is queued cannot be undone";
        api.unchanged_by(|| {
            ask(&api, "admin", &id, "").is_error(409, "WRONG_STATE", text, &details);
        });
    }

    pub(super) fn a_job_of_others_is_unknown(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let id = update_all(&api, &ada, json!({ "City": "Oslo" }));
        let text = "there is no such job";
        for (who, id) in [("ines", id.as_str()), ("admin", "77"), ("admin", "x")] {
            ask(&api, who, id, "").is_error(404, "NOT_FOUND", text, &json!({}));
        }
    }

    pub(super) fn one_undo_at_a_time(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let id = update_all(&api, &ada, json!({ "City": "Oslo" }));
        let first = undo(&api, &id);
        let details = json!({ "job_id": first });
        let text = "an undo of this job is not finished";
        let refused =
            || ask(&api, "admin", &id, "").is_error(409, "ALREADY_SCHEDULED", text, &details);
        api.unchanged_by(refused);
        api.run_jobs();
        came_to(&api, &first, [1, 0, 0]);
        came_to(&api, &undone(&api, &id), [0, 1, 0]);
    }

    pub(super) fn a_job_that_changed_nothing_has_nothing_to_undo(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(2);
        let id = update_all(&api, &ada, json!({ "City": null }));
        let text = "the job changed no record";
        let refused =
            || ask(&api, "admin", &id, "").is_error(400, "NO_RECORDS_FOUND", text, &json!({}));
        api.unchanged_by(refused);
    }

    pub(super) fn a_wrong_body_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let id = update_all(&api, &ada, json!({ "City": "Oslo" }));
        api.unchanged_by(|| {
            for body in [
                r#"{"trottle":5}"#,
                r#"{"throttle":0}"#,
                r#"{"throttle":1000001}"#,
                r#"{"throttle":"5"}"#,
                "[]",
                "x",
            ] {
                let reply = ask(&api, "admin", &id, body);
                let code = reply.json()["code"].clone();
                assert_eq!((reply.status, code), (400, json!("INVALID_DATA")), "{body}");
            }
        });
        assert_eq!(
            ask(&api, "admin", &id, r#"{"throttle":1000000}"#).status,
            202
        );
    }

    pub(super) fn the_scope_of_what_is_undone_is_asked_for(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        let updated = update_all(&api, &ada, json!({ "City": "Oslo" }));
        let owner = json!({ "ids": leads, "owner": { "id": api.user_id("oskar") } });
        assert_eq!(ada.post("Leads/actions/change_owner", &owner).status, 200);
        let given = newest(&api);
        let ids = json!({ "ids": leads });
        assert_eq!(ada.post("Leads/actions/mass_delete", &ids).status, 200);
        let deleted = newest(&api);
        let ask = |job: &str, scope: &str| {
            let scopes = format!("swathe.jobs.ALL,{scope}");
            let token = api.token(api.user("admin"), &scopes);
            let path = format!("/swathe/v1/jobs/{job}/actions/undo");
            api.call("POST", &path, &token)
        };
        let scopes = [
            (
                &deleted,
                "ZohoCRM.mass_delete.leads.DELETE",
                "ZohoCRM.mass_update.ALL",
            ),
            (
                &given,
                "ZohoCRM.change_owner.CREATE",
                "ZohoCRM.mass_delete.ALL",
            ),
            (
                &updated,
                "ZohoCRM.mass_update.leads.UPDATE",
                "ZohoCRM.change_owner.ALL",
            ),
        ];
        for (job, enough, other) in scopes {
            let text = "invalid oauth scope to access this URL";
            let refused = ask(job, other);
            refused.is_error(401, "OAUTH_SCOPE_MISMATCH", text, &json!({}));
            assert_eq!(ask(job, enough).status, 202);
            api.run_jobs();
        }
    }

    pub(super) fn a_job_of_long_ago_cannot_be_undone_and_an_unfinished_undo_keeps_its_job(
        kind: Kind,
    ) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(3);
        let kept = update_all(&api, &ada, json!({ "City": "Oslo" }));
        let id = update_all(&api, &ada, json!({ "Company": "Elm" }));
        let day = 24 * 60 * 60 * 1_000;
        api.clock.advance_ms(60 * day - 1);
        let first = undo(&api, &kept);
        api.clock.advance_ms(1);
        let details = json!({ "state": "completed" });
        let text = "the job ended too long ago to be undone";
        let refused = || ask(&api, "admin", &id, "").is_error(409, "WRONG_STATE", text, &details);
        api.unchanged_by(refused);
        api.clock.advance_ms(1);
        // A worker tidies while the undo waits: its job stays until it is done.
        api.execute(&format!(
            "UPDATE jobs SET state = 'paused', paused_by = 'person' WHERE id = {first}"
        ));
        api.run_jobs();
        let there = |id: &str| api.number(&format!("SELECT count(*) FROM jobs WHERE id = {id}"));
        assert_eq!((there(&id), there(&kept)), (0, 1));
        api.execute(&format!(
            "UPDATE jobs SET state = 'queued', paused_by = NULL WHERE id = {first}"
        ));
        api.run_jobs();
        came_to(&api, &first, [3, 0, 0]);
        api.clock.advance_ms(day);
        api.run_jobs();
        assert_eq!(there(&kept), 0);
    }

    pub(super) fn an_undo_takes_the_right_of_what_it_undoes(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        let ines = api.caller("ines");
        let cvid = api.view("Leads", "All Leads");
        let refuses = |right: Right, permission: &str| {
            let id = newest(&api);
            take_right(&api, "Standard", right);
            let reply = ask(&api, "ines", &id, "");
            let wanted = json!({ "permissions": [permission] });
            assert_eq!(
                (reply.status, &reply.json()["details"]),
                (403, &wanted),
                "{}",
                reply.text
            );
        };
        let body = json!({ "data": [{ "City": "Oslo" }], "cvid": cvid });
        ines.schedule(&body);
        api.run_jobs();
        refuses(Right::MassUpdate, "Crm_Implied_Mass_Update_Leads");
        let owner = json!({ "ids": leads, "owner": { "id": api.user_id("oskar") } });
        assert_eq!(ines.post("Leads/actions/change_owner", &owner).status, 200);
        take_right(&api, "Standard", Right::MassTransfer);
        refuses(Right::ChangeOwner, "Crm_Implied_Change_Owner_Leads");
    }

    pub(super) fn a_lost_right_fails_the_undo_as_a_whole(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        ada.make_leads(2);
        let cvid = api.view("Leads", "All Leads");
        ines.schedule(&json!({ "data": [{ "City": "Oslo" }], "cvid": cvid }));
        api.run_jobs();
        let reply = ask(&api, "ines", &newest(&api), "");
        assert_eq!(reply.status, 202, "{}", reply.text);
        take_right(&api, "Standard", Right::MassUpdate);
        api.run_jobs();
        let told = job(&api, &newest(&api));
        assert_eq!(told["state"], "failed");
        assert!(
            told["error"].as_str().unwrap().starts_with("NO_PERMISSION"),
            "{told}"
        );
        assert_eq!(told["counts"]["not_run"], 2);
    }

    pub(super) fn fields_that_the_undoer_may_not_edit_keep_their_records(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let deals = deals(&ada, &[json!({ "Next_Step": "Call" }), json!({})]);
        let data = json!({ "Next_Step": "Call", "Discount": 5 });
        let job = update_all_of(&api, &ines, "Deals", data);
        let module = api.catalog().module("Deals").unwrap().clone();
        let step = module.field("Next_Step").unwrap().id;
        for (right, named) in [
            (FieldRight::ReadOnly, json!("Next_Step")),
            (FieldRight::Hidden, Json::Null),
        ] {
            change_profile(&api, "Standard", |profile| {
                profile.fields.insert(step, right);
            });
            let reply = ask(&api, "ines", &job, "");
            assert_eq!(reply.status, 202, "{}", reply.text);
            api.run_jobs();
            // Of the first, Next_Step was not written.
            assert_eq!(ada.record("Deals", &deals[0])["Discount"], Json::Null);
            let (word, code, details) = outcome(&api, &newest(&api), &deals[1]);
            assert_eq!((word.as_str(), code.as_str()), ("failed", "NO_PERMISSION"));
            assert_eq!(details.get("api_name").cloned().unwrap_or_default(), named);
        }
        assert_eq!(ada.record("Deals", &deals[1])["Next_Step"], "Call");
    }

    pub(super) fn values_of_fields_that_are_gone_are_not_put_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let deals = deals(
            &ada,
            &vec![json!({ "Next_Step": "Call", "Discount": 3 }); 3],
        );
        let data = json!({ "Next_Step": "Visit", "Discount": 5 });
        let job = update_all_of(&api, &ada, "Deals", data);
        let token = api.token(api.user("admin"), "swathe.org.ALL");
        let org = "[[module]]\napi_name = \"Deals\"\n[[module.field]]\n\
                   api_name = \"Discount\"\nremove = true\n";
        let body = json!({ "org": org, "allow_remove": true }).to_string();
        let reply = api.call_with("PUT", "/swathe/v1/org", &token, body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text);
        put_deal(&ada, &deals[0], &json!({ "Next_Step": "Wait" }));
        put_deal(&ada, &deals[1], &json!({ "Next_Step": "Call" }));
        let undo = undone(&api, &job);
        came_to(&api, &undo, [1, 0, 2]);
        let of = |n: usize| {
            let (word, code, details) = outcome(&api, &undo, &deals[n]);
            (format!("{word} {code}"), details)
        };
        let both = json!({ "id": deals[0], "fields": ["Next_Step"], "fields_gone": 1 });
        assert_eq!(of(0), ("failed CHANGED_SINCE".to_owned(), both));
        let gone = |n: usize| json!({ "id": deals[n], "fields_gone": 1 });
        assert_eq!(of(1), ("failed FIELD_GONE".to_owned(), gone(1)));
        assert_eq!(of(2), ("changed FIELD_GONE".to_owned(), gone(2)));
        assert_eq!(ada.record("Deals", &deals[2])["Next_Step"], "Call");
    }

    pub(super) fn records_that_the_undoer_does_not_see_are_left(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, rohan) = (api.caller("admin"), api.caller("rohan"));
        let leads = rohan.make_leads(2);
        let body = json!({ "data": [{ "City": "Oslo" }], "ids": leads });
        assert_eq!(rohan.mass_update("Leads", &body).status, 200);
        let job = newest(&api);
        api.make_private("Leads");
        let owner = json!({ "owner": { "id": api.user_id("joana") } });
        let path = format!("Leads/{}/actions/change_owner", leads[0]);
        assert_eq!(ada.post(&path, &owner).status, 200);
        let reply = ask(&api, "rohan", &job, "");
        assert_eq!(reply.status, 202, "{}", reply.text);
        api.run_jobs();
        let undo = newest(&api);
        came_to(&api, &undo, [1, 0, 1]);
        assert_eq!(outcome(&api, &undo, &leads[0]).1, "NOT_VISIBLE");
    }

    pub(super) fn an_owner_who_left_gets_nothing_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let oskar = api.caller("oskar");
        let mut leads = oskar.make_leads(1);
        leads.extend(ada.make_leads(1));
        let owner = json!({ "ids": leads, "owner": { "id": api.user_id("joana") } });
        assert_eq!(ada.post("Leads/actions/change_owner", &owner).status, 200);
        let job = newest(&api);
        let id = api.user("oskar");
        api.change_catalog(|catalog| {
            let user = catalog.users.iter_mut().find(|user| user.id == id);
            user.unwrap().status = model::people::UserStatus::Inactive;
        });
        let undo = undone(&api, &job);
        came_to(&api, &undo, [1, 0, 1]);
        let (_, code, details) = outcome(&api, &undo, &leads[0]);
        assert_eq!(
            (code.as_str(), &details["owner_status"]),
            ("INVALID_DATA", &json!("inactive"))
        );
    }

    pub(super) fn a_failed_job_that_is_being_undone_is_not_resumed(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        ada.make_leads(6);
        let cvid = api.view("Leads", "All Leads");
        let id = ines.schedule(&json!({ "data": [{ "City": "Oslo" }], "cvid": cvid }));
        let mut worker = api.worker().with_chunks_of(2);
        worker.step();
        worker.step();
        take_right(&api, "Standard", Right::MassUpdate);
        crate::demo::run(worker);
        assert_eq!(job(&api, &id)["state"], "failed");
        undo(&api, &id);
        let resumed = api.db.write(store::Priority::Interactive, |tx| {
            let id = model::id::JobId::parse(&id).unwrap();
            jobs::control::resume(tx, id, None, None, api.clock.now())
        });
        let Err(store::Fault::Refused(refusal)) = resumed else {
            panic!("{resumed:?}");
        };
        assert_eq!(refusal.code, model::refusal::Code::WrongState);
        api.run_jobs();
        came_to(&api, &newest(&api), [2, 0, 0]);
    }
}
