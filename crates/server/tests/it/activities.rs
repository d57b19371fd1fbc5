//! `Activities`: tasks, meetings and calls under one name, for mass updates (wire API 22).

use crate::api::Api;
use crate::demo::{Caller, error, in_data, refused, status};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::catalog::save_catalog;
use testkit::{Kind, each_db};

each_db! {
    activities_take_ids_of_tasks_meetings_and_calls_together,
    a_record_whose_module_lacks_the_field_fails_alone,
    a_field_that_no_module_of_the_ids_has_is_refused,
    a_view_of_any_of_the_three_is_a_job_of_its_module,
    a_view_of_another_module_is_unknown,
    one_job_a_view_whatever_the_path,
    the_scope_of_activities_covers_the_three,
    rights_are_those_over_the_module_of_the_record,
    a_record_out_of_reach_is_unknown,
    no_permission_without_a_right_over_any_of_them,
    no_permission_to_read_the_status,
    activities_are_refused_where_they_are_no_module,
    the_first_of_several_mistakes_is_answered,
}

const MODULES: [&str; 3] = ["Tasks", "Events", "Calls"];

/// A record of each of the three.
fn one_of_each(ada: &Caller<'_>) -> [String; 3] {
    let at = "2024-01-02T10:00:00+00:00";
    [
        ("Tasks", json!({ "Subject": "A" })),
        (
            "Events",
            json!({ "Event_Title": "A", "Start_DateTime": at, "End_DateTime": at }),
        ),
        (
            "Calls",
            json!({
                "Subject": "A", "Call_Type": "Inbound", "Call_Start_Time": at,
                "Call_Duration": "01:00",
            }),
        ),
    ]
    .map(|(module, record)| ada.make(module, &[record]).remove(0))
}

/// Lays a piece of an org file over the org.
fn apply(api: &Api, text: &str) {
    let token = api.token(api.user("admin"), "swathe.org.ALL");
    let body = json!({ "org": text }).to_string();
    let reply = api.call_with("PUT", "/swathe/v1/org", &token, body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// Gives each of the three a field of the same name.
fn with_region(api: &Api) {
    let field = "sharing = \"public_read_write_delete\"\n[[module.field]]\napi_name = \"Region\"\ntype = \"text\"\n";
    let of = |module: &str| format!("[[module]]\napi_name = \"{module}\"\n{field}");
    let text = MODULES.map(of).concat();
    apply(api, &text);
}

/// Somebody who may do all with calls, see tasks, and nothing else.
fn with_nora(api: &Api) -> Caller<'_> {
    apply(
        api,
        "[[profile]]\nname = \"Callers\"\nmodules.Calls = [\"view\", \"edit\", \"mass_update\"]\n\
         modules.Tasks = [\"view\", \"edit\"]\n\
         [[user]]\nemail = \"nora@kestrel-rowe.example.com\"\nlast_name = \"Reis\"\n\
         role = \"Managing Director\"\nprofile = \"Callers\"\n",
    );
    api.caller("nora")
}

fn schedule(caller: &Caller<'_>, module: &str, body: &Json) -> String {
    let reply = caller.mass_update(module, body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let json = reply.json();
    json["data"][0]["details"]["job_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

mod check {
    use super::*;

    pub(super) fn activities_take_ids_of_tasks_meetings_and_calls_together(kind: Kind) {
        let api = Api::start_demo(kind);
        with_region(&api);
        let ada = api.caller("admin");
        let [task, meeting, call] = one_of_each(&ada);
        let lead = ada.make_leads(1).remove(0);
        for version in Version::ALL {
            let ada = ada.speaking(version);
            let data = json!([{ "Region": version.as_str() }]);
            let ids = json!([call, task, meeting]);
            let reply = ada.mass_update("Activities", &json!({ "data": data, "ids": ids }));
            assert_eq!(
                (reply.status, reply.ids()),
                (200, vec![call.clone(), task.clone(), meeting.clone()])
            );
            for (module, id) in MODULES.iter().zip([&task, &meeting, &call]) {
                assert_eq!(ada.record(module, id)["Region"], version.as_str());
            }
            // A record of another module is none of them.
            let ids = json!([lead, task, "17", "x"]);
            let reply = ada.mass_update("Activities", &json!({ "data": data, "ids": ids }));
            let unknown = |id: &str| {
                let text = "the id given seems to be invalid";
                error("INVALID_DATA", text, &json!({ "id": id }))
            };
            let items = reply.items();
            assert_eq!(reply.status, if version == Version::V8 { 207 } else { 200 });
            assert_eq!(items[0], unknown(&lead));
            assert_eq!(items[1]["code"], "SUCCESS");
            assert_eq!((&items[2], &items[3]), (&unknown("17"), &unknown("x")));
            let none = ada.mass_update("Activities", &json!({ "data": data, "ids": [lead] }));
            assert_eq!(none.items(), [unknown(&lead)]);
        }
        let jobs = api.number("SELECT COUNT(*) FROM jobs WHERE state <> 'completed'");
        assert_eq!(jobs, 0);
    }

    pub(super) fn a_record_whose_module_lacks_the_field_fails_alone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let [task, meeting, call] = one_of_each(&ada);
        for version in Version::ALL {
            let body = json!({ "data": [{ "Status": "Deferred" }], "ids": [meeting, task, call] });
            let reply = ada.speaking(version).mass_update("Activities", &body);
            let refusal = |id: &str| {
                let text = "This field cannot be updated in the Mass Update";
                error(
                    "INVALID_DATA",
                    text,
                    &json!({ "api_name": "Status", "id": id }),
                )
            };
            let items = reply.items();
            assert_eq!(reply.status, if version == Version::V8 { 207 } else { 200 });
            assert_eq!(
                (&items[0], &items[2]),
                (&refusal(&meeting), &refusal(&call))
            );
            assert_eq!(items[1]["code"], "SUCCESS");
        }
        assert_eq!(ada.record("Tasks", &task)["Status"], "Deferred");
    }

    pub(super) fn a_field_that_no_module_of_the_ids_has_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let [task, meeting, call] = one_of_each(&ada);
        let text = "This field cannot be updated in the Mass Update";
        for (field, ids) in [
            ("Call_Purpose", json!([task, meeting])),
            ("Status", json!([call])),
            ("Owner", json!([task, meeting, call])),
        ] {
            let body = json!({ "data": [{ field: "Demo" }], "ids": ids });
            let wanted = in_data(&error("INVALID_DATA", text, &json!({ "api_name": field })));
            refused(&api, &ada, ("Activities", &body), |_| (400, wanted.clone()));
        }
    }

    pub(super) fn a_view_of_any_of_the_three_is_a_job_of_its_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let ids = one_of_each(&ada);
        let changes = [
            ("Tasks", "Status", "Deferred"),
            ("Events", "Venue", "Faro"),
            ("Calls", "Call_Purpose", "Demo"),
        ];
        for version in Version::ALL {
            let ada = ada.speaking(version);
            for ((module, field, value), id) in changes.iter().zip(&ids) {
                let catalog = api.catalog();
                let plural = &catalog.module(module).unwrap().plural;
                let cvid = api.view(module, &format!("All {plural}"));
                let body = json!({ "data": [{ *field: value }], "cvid": cvid });
                let job = schedule(&ada, "Activities", &body);
                api.run_jobs();
                assert_eq!(ada.record(module, id)[field], *value);
                let mut paths = vec!["Activities", module];
                paths.extend((*module == "Events").then_some("Meetings"));
                for path in paths {
                    let path = format!("{path}/actions/mass_update?job_id={job}");
                    let told = ada.get(&path).json();
                    assert_eq!(told, in_data(&status("COMPLETED", [0, 1, 0, 1])), "{path}");
                }
                for other in ["Leads", "Tasks", "Events", "Calls"] {
                    let path = format!("{other}/actions/mass_update?job_id={job}");
                    let known = ada.get(&path).status == 200;
                    assert_eq!(known, other == *module, "{path}");
                }
            }
        }
        // A job of another module is none of theirs.
        ada.make_leads(1);
        let all = api.view("Leads", "All Leads");
        let job = ada.schedule(&json!({ "data": [{ "City": "Faro" }], "cvid": all }));
        let path = format!("Activities/actions/mass_update?job_id={job}");
        assert_eq!(ada.get(&path).json()["code"], "NOT_FOUND");
        let missing = ada.get("Activities/actions/mass_update");
        assert_eq!(missing.json()["code"], "MANDATORY_NOT_FOUND");
    }

    pub(super) fn a_view_of_another_module_is_unknown(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "api_name": "cvid", "json_path": "$.cvid" });
        for cvid in [api.view("Leads", "All Leads"), "1".to_owned()] {
            let body = json!({ "data": [{ "City": "Faro" }], "cvid": cvid });
            refused(&api, &ada, ("Activities", &body), |version| {
                let text = if version == Version::V8 {
                    "the cvid given seems to be invalid"
                } else {
                    "the id given seems to be invalid"
                };
                (400, error("INVALID_DATA", text, &details))
            });
        }
    }

    pub(super) fn one_job_a_view_whatever_the_path(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        one_of_each(&ada);
        let cvid = api.view("Tasks", "All Tasks");
        let body = json!({ "data": [{ "Status": "Deferred" }], "cvid": cvid });
        schedule(&ada, "Activities", &body);
        for path in ["Tasks", "Activities"] {
            assert_eq!(
                ada.mass_update(path, &body).json()["code"],
                "ALREADY_SCHEDULED"
            );
        }
        api.run_jobs();
        schedule(&ada, "Tasks", &body);
        assert_eq!(
            ada.mass_update("Activities", &body).json()["code"],
            "ALREADY_SCHEDULED"
        );
    }

    pub(super) fn the_scope_of_activities_covers_the_three(kind: Kind) {
        let api = Api::start_demo(kind);
        with_region(&api);
        let [task, meeting, call] = one_of_each(&api.caller("admin"));
        let data = json!([{ "Region": "South" }]);
        let wide = "ZohoCRM.mass_update.activities.UPDATE";
        for (scope, path, id, allowed) in [
            (wide, "Activities", &task, true),
            (wide, "Tasks", &task, true),
            (wide, "Events", &meeting, true),
            (wide, "Meetings", &meeting, true),
            (wide, "Calls", &call, true),
            (wide, "Leads", &task, false),
            ("ZohoCRM.mass_update.UPDATE", "Activities", &call, true),
            (
                "ZohoCRM.mass_update.meetings.UPDATE",
                "Events",
                &meeting,
                true,
            ),
            (
                "ZohoCRM.mass_update.tasks.UPDATE",
                "Activities",
                &task,
                false,
            ),
            (
                "ZohoCRM.mass_update.activities.READ",
                "Activities",
                &task,
                false,
            ),
        ] {
            for version in Version::ALL {
                let caller = api.caller_with("admin", scope).speaking(version);
                let reply = caller.mass_update(path, &json!({ "data": data, "ids": [id] }));
                let wanted = if allowed { 200 } else { 401 };
                assert_eq!(reply.status, wanted, "{scope} {path} {}", reply.text);
            }
        }
    }

    pub(super) fn rights_are_those_over_the_module_of_the_record(kind: Kind) {
        let api = Api::start_demo(kind);
        with_region(&api);
        let ids = one_of_each(&api.caller("admin"));
        let [task, meeting, call] = &ids;
        let nora = with_nora(&api);
        let data = json!([{ "Region": "South" }]);
        let reply = nora.mass_update("Activities", &json!({ "data": data, "ids": ids }));
        let items = reply.items();
        // They see tasks, so they are told; of meetings they see nothing.
        let details = json!({ "permissions": ["Crm_Implied_Mass_Update_Tasks"], "id": task });
        assert_eq!(
            items[0],
            error("NO_PERMISSION", "permission denied", &details)
        );
        let text = "the id given seems to be invalid";
        assert_eq!(
            items[1],
            error("INVALID_DATA", text, &json!({ "id": meeting }))
        );
        assert_eq!(items[2]["code"], "SUCCESS");
        assert_eq!(items[2]["details"]["id"], *call);
        let tasks = json!({ "data": data, "ids": [task] });
        let details = json!({ "permissions": ["Crm_Implied_Mass_Update_Tasks"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        refused(&api, &nora, ("Activities", &tasks), |_| {
            (403, wanted.clone())
        });
        let all = json!({ "data": data, "cvid": api.view("Tasks", "All Tasks") });
        refused(&api, &nora, ("Activities", &all), |_| (403, wanted.clone()));
    }

    pub(super) fn a_record_out_of_reach_is_unknown(kind: Kind) {
        let api = Api::start_demo(kind);
        let [task, meeting, _] = one_of_each(&api.caller("admin"));
        let oskar = api.caller("oskar");
        let own = one_of_each(&oskar);
        let body = json!({ "data": [{ "Status": "Deferred" }], "ids": [task, meeting, own[1]] });
        let items = oskar.mass_update("Activities", &body).items();
        assert_eq!(items[0]["code"], "SUCCESS", "everyone sees tasks");
        let text = "the id given seems to be invalid";
        assert_eq!(
            items[1],
            error("INVALID_DATA", text, &json!({ "id": meeting }))
        );
        let text = "This field cannot be updated in the Mass Update";
        assert_eq!(items[2]["message"], text);
    }

    pub(super) fn no_permission_without_a_right_over_any_of_them(kind: Kind) {
        let api = Api::start_demo(kind);
        let carla = api.caller("carla");
        let body = json!({ "data": [{ "Status": "Deferred" }], "ids": ["1"] });
        let details = json!({ "permissions": ["Crm_Implied_Mass_Update_Tasks"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        refused(&api, &carla, ("Activities", &body), |_| {
            (403, wanted.clone())
        });
    }

    pub(super) fn no_permission_to_read_the_status(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        one_of_each(&ada);
        let cvid = api.view("Tasks", "All Tasks");
        let job = schedule(
            &ada,
            "Activities",
            &json!({ "data": [{ "Status": "Deferred" }], "cvid": cvid }),
        );
        let path = format!("Activities/actions/mass_update?job_id={job}");
        api.change_catalog(|catalog| {
            let blind: Vec<_> = catalog.activities().map(|module| module.id).collect();
            let mut profiles = catalog.profiles.iter_mut();
            let profile = profiles
                .find(|profile| profile.name == "Care Desk")
                .unwrap();
            profile.modules.retain(|module, _| !blind.contains(module));
        });
        for version in Version::ALL {
            let reply = api.caller("carla").speaking(version).get(&path);
            let text = "Permission denied to read records";
            reply.is_error(403, "NO_PERMISSION", text, &json!({}));
        }
    }

    pub(super) fn activities_are_refused_where_they_are_no_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for version in Version::ALL {
            let ada = ada.speaking(version);
            let details = json!({ "resource_path_index": 0 });
            let (code, text) = if version == Version::V8 {
                (
                    "NOT_SUPPORTED",
                    "the given module is not supported for this api",
                )
            } else {
                ("INVALID_MODULE", "The given module is not supported in API")
            };
            for (method, path) in [
                ("GET", "Activities"),
                ("POST", "Activities"),
                ("PUT", "Activities"),
                ("DELETE", "Activities?ids=1"),
                ("GET", "Activities/1"),
                ("PUT", "Activities/1"),
                ("DELETE", "Activities/1"),
                ("POST", "Activities/actions/assign_territories"),
            ] {
                ada.send(method, path, &[], b"{}")
                    .is_error(400, code, text, &details);
            }
            let wrong = ada.send("PUT", "Activities/actions/mass_update", &[], b"{}");
            assert_eq!(wrong.json()["code"], "INVALID_REQUEST_METHOD");
            let fields = ada.get("settings/fields?module=Activities");
            assert_eq!(fields.json()["code"], "INVALID_MODULE");
        }
        // An org that has none of the three.
        let api = Api::start_empty(kind);
        save_catalog(&api.db, &testkit::small_catalog());
        let token = api.token(testkit::catalog::ADMIN, "ZohoCRM.mass_update.ALL");
        for method in ["GET", "POST"] {
            let path = "/crm/v7/Activities/actions/mass_update?job_id=1";
            let reply = api.call_with(method, path, &token, b"{}");
            assert_eq!(reply.json()["code"], "INVALID_MODULE", "{}", reply.text);
        }
    }

    pub(super) fn the_first_of_several_mistakes_is_answered(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let [task, ..] = one_of_each(&ada);
        let mut body = json!({ "more": 1, "over_write": 1, "data": [] });
        for (key, value, wanted) in [
            ("", json!(null), "$.more"),
            ("more", json!(null), "$.over_write"),
            ("over_write", json!(true), "No field found"),
            (
                "data",
                json!([{ "A": 1, "B": 2 }]),
                "Max field limit exceeded",
            ),
            (
                "data",
                json!([{ "Call_Purpose": "Demo" }]),
                "required field not found",
            ),
            (
                "ids",
                json!([task]),
                "This field cannot be updated in the Mass Update",
            ),
            ("data", json!([{ "Status": "Odd" }]), "$.data[0].Status"),
            ("data", json!([{ "Status": "Deferred" }]), "record updated"),
        ] {
            let keys = body.as_object_mut().unwrap();
            keys.insert(key.to_owned(), value);
            keys.retain(|key, value| !key.is_empty() && !value.is_null());
            let told = ada.mass_update("Activities", &body).json();
            let item = told["data"].get(0).unwrap_or(&told);
            let (text, path) = (&item["message"], &item["details"]["json_path"]);
            assert!(*text == wanted || *path == wanted, "{body}: {told}");
        }
    }
}
