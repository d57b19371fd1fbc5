//! What belongs to records and changes its owner with them (wire API 5, `related_modules`).

use crate::api::Api;
use crate::demo::{Caller, error};
use crate::owners::{NOBODY, oskar_sees_tasks_only, refused};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    what_belongs_to_the_records_goes_along,
    one_related_record_goes_along_by_its_id,
    of_a_wrong_and_a_right_name_the_right_one_is_used,
    what_belongs_to_a_refused_record_stays,
    held_related_records_stay_and_are_told,
    expected_field_missing_without_api_name_and_id,
    ambiguity_when_api_name_and_id_disagree,
    not_supported_for_modules_that_do_not_belong,
    invalid_data_for_an_unknown_id_and_too_many_modules,
    no_permission_for_the_related_module,
    cannot_assign_what_the_new_owner_may_not_see,
    limit_exceeded_above_5000_related_records,
}

/// An account with a contact, a deal and two tasks; a task of another account.
struct World {
    account: String,
    contact: String,
    deal: String,
    tasks: Vec<String>,
    other: String,
}

fn world(ada: &Caller<'_>) -> World {
    let accounts = ["A", "B"].map(|name| json!({ "Account_Name": name }));
    let accounts = ada.make("Accounts", &accounts);
    let of = |n: usize| json!({ "id": accounts[n] });
    let contact = json!({ "Last_Name": "C", "Account_Name": of(0) });
    let contact = ada.make("Contacts", &[contact]).remove(0);
    let deal = json!({ "Deal_Name": "D", "Stage": "Qualification", "Account_Name": of(0) });
    let deal = ada.make("Deals", &[deal]).remove(0);
    let task = |n: usize| json!({ "Subject": "T", "What_Id": of(n) });
    let mut tasks = ada.make("Tasks", &[task(0), task(0), task(1)]);
    World {
        account: accounts[0].clone(),
        contact,
        deal,
        other: tasks.remove(2),
        tasks,
    }
}

fn body(api: &Api, world: &World, related: Json) -> Json {
    json!({
        "ids": [world.account],
        "owner": { "id": api.user_id("oskar") },
        "related_modules": related,
    })
}

const PATH: &str = "Accounts/actions/change_owner";

/// Asks for related modules in every version; each must be refused so.
fn refuses(api: &Api, related: Json, wanted: &Json) {
    let ada = api.caller("admin");
    let world = world(&ada);
    let body = body(api, &world, related);
    refused(api, &ada, Version::V3, (PATH, &body), |_| {
        (400, wanted.clone())
    });
}

mod check {
    use super::*;

    pub(super) fn what_belongs_to_the_records_goes_along(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let world = world(&ada);
        let module = api.catalog().module("Deals").unwrap().id.to_string();
        let related = json!([
            { "api_name": "Tasks" }, { "api_name": "Contacts", "id": null }, { "id": module },
        ]);
        let reply = ada.post(PATH, &body(&api, &world, related));
        reply.is(
            200,
            &json!({ "data": [{
                "code": "SUCCESS", "details": { "id": world.account },
                "message": "owner is successfully updated", "status": "success",
            }] }),
        );
        assert_eq!(api.owned("Accounts", "oskar"), 1);
        assert_eq!(api.owned("Contacts", "oskar"), 1);
        assert_eq!(api.owned("Deals", "oskar"), 1);
        assert_eq!(api.owned("Tasks", "oskar"), 2);
        assert_eq!(ada.owner_of("Tasks", &world.other), "Ada Kestrel");
        assert_eq!(api.last_cause(&world.account), "owner");
        for id in [
            &world.contact,
            &world.deal,
            &world.tasks[0],
            &world.tasks[1],
        ] {
            assert_eq!(api.last_cause(id), "parent");
        }
        let of_job = "SELECT count(*) FROM changes WHERE job = (SELECT MAX(id) FROM jobs)";
        assert_eq!(api.number(of_job), 5);
    }

    pub(super) fn one_related_record_goes_along_by_its_id(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let world = world(&ada);
        let related = json!([{ "api_name": "Tasks", "id": world.tasks[1] }, { "id": world.deal }]);
        let alone = json!({
            "owner": { "id": api.user_id("oskar") }, "related_modules": related,
        });
        let path = format!("Accounts/{}/actions/change_owner", world.account);
        assert_eq!(ada.post(&path, &alone).status, 200);
        assert_eq!(ada.owner_of("Tasks", &world.tasks[0]), "Ada Kestrel");
        assert_eq!(ada.owner_of("Tasks", &world.tasks[1]), "Oskar Lind");
        assert_eq!(api.owned("Deals", "oskar"), 1);
        assert_eq!(api.owned("Contacts", "oskar"), 0);
    }

    pub(super) fn of_a_wrong_and_a_right_name_the_right_one_is_used(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let world = world(&ada);
        let related = json!([
            { "api_name": "Deals", "id": NOBODY },
            { "api_name": "Taskes", "id": world.tasks[0] },
        ]);
        assert_eq!(ada.post(PATH, &body(&api, &world, related)).status, 200);
        assert_eq!(api.owned("Deals", "oskar"), 1);
        assert_eq!(api.owned("Tasks", "oskar"), 1);
    }

    pub(super) fn what_belongs_to_a_refused_record_stays(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let world = world(&ada);
        ada.lock("Accounts", &world.account);
        let reply = ada.post(PATH, &body(&api, &world, json!([{ "api_name": "Tasks" }])));
        assert_eq!(
            (reply.status, reply.codes()),
            (400, vec!["RECORD_LOCKED".to_owned()])
        );
        assert_eq!(api.owned("Tasks", "oskar"), 0);
    }

    pub(super) fn held_related_records_stay_and_are_told(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let world = world(&ada);
        ada.lock("Tasks", &world.tasks[0]);
        let reply = ada.post(PATH, &body(&api, &world, json!([{ "api_name": "Tasks" }])));
        assert_eq!(reply.status, 200);
        let left = json!([{
            "module": "Tasks",
            "id": world.tasks[0],
            "code": "RECORD_LOCKED",
            "message": "Sorry, you cannot perform this operation as the record is locked.",
        }]);
        let details = json!({ "id": world.account, "related_records_left": left });
        assert_eq!(reply.items()[0]["details"], details);
        assert_eq!(ada.owner_of("Tasks", &world.tasks[0]), "Ada Kestrel");
        assert_eq!(ada.owner_of("Tasks", &world.tasks[1]), "Oskar Lind");
        assert_eq!(api.owned("Accounts", "oskar"), 1);
    }

    pub(super) fn expected_field_missing_without_api_name_and_id(kind: Kind) {
        let api = Api::start_demo(kind);
        let expected = ["api_name", "id"].map(
            |key| json!({ "api_name": key, "json_path": format!("$.related_modules[0].{key}") }),
        );
        let details = json!({ "expected_fields": expected });
        let wanted = error(
            "EXPECTED_FIELD_MISSING",
            "Specify atleast one field",
            &details,
        );
        refuses(&api, json!([{}]), &wanted);
    }

    pub(super) fn ambiguity_when_api_name_and_id_disagree(kind: Kind) {
        let api = Api::start_demo(kind);
        let module = api.catalog().module("Tasks").unwrap().id.to_string();
        let paths = ["api_name", "id"].map(
            |key| json!({ "api_name": key, "json_path": format!("$.related_modules[1].{key}") }),
        );
        let details = json!({ "ambiguity_due_to": paths });
        let text = "Ambiguity while processing the request";
        let wanted = error("AMBIGUITY_DURING_PROCESSING", text, &details);
        let related = json!([{ "api_name": "Tasks" }, { "api_name": "Deals", "id": module }]);
        refuses(&api, related, &wanted);
    }

    pub(super) fn not_supported_for_modules_that_do_not_belong(kind: Kind) {
        let api = Api::start_demo(kind);
        let details =
            json!({ "api_name": "api_name", "json_path": "$.related_modules[0].api_name" });
        let text = "The requested operation is not supported";
        let wanted = error("NOT_SUPPORTED", text, &details);
        for name in ["Leads", "Accounts", "Quarries"] {
            refuses(&api, json!([{ "api_name": name }]), &wanted);
        }
    }

    pub(super) fn invalid_data_for_an_unknown_id_and_too_many_modules(kind: Kind) {
        let api = Api::start_demo(kind);
        let details = json!({ "api_name": "id", "json_path": "$.related_modules[0].id" });
        let text = "the id given seems to be invalid";
        let wanted = error("INVALID_DATA", text, &details);
        refuses(&api, json!([{ "id": NOBODY }]), &wanted);
        // A task of another account is none of this one's.
        let other = world(&api.caller("admin")).other;
        refuses(&api, json!([{ "id": other }]), &wanted);
        let details = json!({
            "api_name": "related_modules", "json_path": "$.related_modules", "maximum_length": 5,
        });
        let wanted = error("INVALID_DATA", "invalid data", &details);
        refuses(
            &api,
            json!(vec![json!({ "api_name": "Tasks" }); 6]),
            &wanted,
        );
    }

    pub(super) fn no_permission_for_the_related_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let world = world(&api.caller("admin"));
        api.apply_org(
            "[[profile]]\nname = \"Care Desk\"\nmodules.Accounts = [\"view\", \"change_owner\"]\nmodules.Deals = [\"view\"]\n",
        );
        let details = json!({ "permissions": ["Crm_Implied_Change_Owner_Deals"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        let body = body(&api, &world, json!([{ "api_name": "Deals" }]));
        let carla = api.caller("carla");
        refused(&api, &carla, Version::V3, (PATH, &body), |_| {
            (403, wanted.clone())
        });
    }

    pub(super) fn cannot_assign_what_the_new_owner_may_not_see(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let world = world(&ada);
        let seen = oskar_sees_tasks_only()
            .replace("[\"view\"]", "[\"view\"]\nmodules.Accounts = [\"view\"]");
        api.apply_org(&seen);
        let text = "The user you are trying to assign does not have permission for this module.";
        let details = json!({ "permissions": ["Crm_Implied_Role_View_Deals"] });
        let wanted = error("CANNOT_ASSIGN", text, &details);
        let deals = body(&api, &world, json!([{ "api_name": "Deals" }]));
        refused(&api, &ada, Version::V3, (PATH, &deals), |_| {
            (403, wanted.clone())
        });
        let tasks = body(&api, &world, json!([{ "api_name": "Tasks" }]));
        assert_eq!(ada.post(PATH, &tasks).status, 200);
    }

    pub(super) fn limit_exceeded_above_5000_related_records(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let world = world(&ada);
        let (admin, account) = (api.user("admin"), &world.account);
        api.execute(&format!(
            "INSERT INTO \"m_Tasks\" (id, rev, \"Subject\", \"Owner\", \"What_Id\", \"Locked__s\")
             WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x + 1 < 4999)
             SELECT 9000000000000000 + x, 1, 'T', {admin}, {account}, FALSE FROM n"
        ));
        let details = json!({
            "api_name": "related_modules", "json_path": "$.related_modules", "limit": 5_000,
        });
        let text = "more than 5000 related records would change their owner";
        let wanted = error("LIMIT_EXCEEDED", text, &details);
        let body = body(&api, &world, json!([{ "api_name": "Tasks" }]));
        for version in [Version::V3, Version::V8] {
            ada.speaking(version).post(PATH, &body).is(400, &wanted);
        }
        assert_eq!(api.owned("Accounts", "oskar"), 0);
        assert_eq!(ada.delete(&format!("Tasks/{}", world.tasks[0])).status, 200);
        assert_eq!(ada.post(PATH, &body).status, 200);
        assert_eq!(api.owned("Tasks", "oskar"), 5_000);
    }
}
