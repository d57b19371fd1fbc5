//! The recycle bin refused: what cannot come back, who may not, and requests that make no sense.

use crate::api::Api;
use crate::demo::error;
use crate::recycle_bin::{BIN, delete, items, restore};
use model::access::Sharing;
use model::people::Right;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    duplicate_data_when_a_unique_value_was_taken_meanwhile,
    of_two_deleted_records_with_one_unique_value_one_comes_back,
    invalid_module_when_the_module_is_gone,
    field_gone_when_a_field_changed_its_type,
    a_record_out_of_reach_is_unknown,
    cannot_perform_action_on_a_record_that_is_only_seen,
    no_permission_to_restore_or_remove_without_the_right_to_delete,
    no_permission_to_restore_activities_without_the_right_to_delete_them,
    limit_exceeded_when_too_much_would_come_back,
    what_restoring_takes_in_its_body,
    what_removing_takes_in_its_query,
    filters_that_make_no_sense,
    api_not_supported_in_older_versions,
}

mod check {
    use super::*;

    pub(super) fn duplicate_data_when_a_unique_value_was_taken_meanwhile(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = |name: &str| json!({ "Last_Name": name, "External_Id": "X-1" });
        let old = ada.make("Leads", &[lead("Old")]);
        delete(&ada, "Leads", &old);
        let new = ada.make("Leads", &[lead("New")]).remove(0);
        let module = api.catalog().module("Leads").unwrap().id.to_string();
        let admin = api.user("admin").to_string();
        let details = json!({
            "api_name": "External_Id",
            "duplicate_record": {
                "Owner": { "name": "Ada Kestrel", "id": admin },
                "module": { "api_name": "Leads", "id": module },
                "id": new,
            },
            "id": old[0],
        });
        let wanted = error("DUPLICATE_DATA", "duplicate data", &details);
        api.unchanged_by(|| restore(&ada, &old).is(400, &json!({ "recycle_bin": [wanted] })));
        delete(&ada, "Leads", &[new]);
        assert_eq!(restore(&ada, &old).status, 200);
    }

    pub(super) fn of_two_deleted_records_with_one_unique_value_one_comes_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let mut leads = Vec::new();
        for name in ["Old", "New"] {
            let lead = json!({ "Last_Name": name, "External_Id": "x-1" });
            leads.extend(ada.make("Leads", &[lead]));
            delete(&ada, "Leads", &leads[leads.len() - 1..]);
        }
        let reply = restore(&ada, &leads);
        let codes: Vec<Json> = items(&reply)
            .iter()
            .map(|item| item["code"].clone())
            .collect();
        assert_eq!(
            (reply.status, codes),
            (207, vec![json!("SUCCESS"), json!("DUPLICATE_DATA")])
        );
    }

    pub(super) fn invalid_module_when_the_module_is_gone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let visit = json!({ "Name": "V", "Visited_On": "2024-01-01" });
        let visit = ada.make("Site_Visits", &[visit]);
        delete(&ada, "Site_Visits", &visit);
        api.change_catalog(|catalog| catalog.modules.retain(|m| m.api_name != "Site_Visits"));
        let text = "the module of the record was removed";
        let wanted = error("INVALID_MODULE", text, &json!({ "id": visit[0] }));
        restore(&ada, &visit).is(400, &json!({ "recycle_bin": [wanted] }));
    }

    pub(super) fn field_gone_when_a_field_changed_its_type(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make("Leads", &[json!({ "Last_Name": "Reis", "Score": 5 })]);
        delete(&ada, "Leads", &lead);
        let before = api.catalog().as_ref().clone();
        api.change_catalog(|catalog| {
            let leads = catalog.modules.iter_mut().find(|m| m.api_name == "Leads");
            let mut fields = leads.unwrap().fields.iter_mut();
            let score = fields.find(|field| field.api_name == "Score").unwrap();
            score.kind = model::field::FieldKind::Text { max: 9 };
        });
        let text = "a field changed its type after the record was deleted";
        let details = json!({ "api_name": "Score", "id": lead[0] });
        let wanted = error("FIELD_GONE", text, &details);
        restore(&ada, &lead).is(400, &json!({ "recycle_bin": [wanted] }));
        api.change_catalog(|catalog| catalog.modules = before.modules);
        assert_eq!(restore(&ada, &lead).status, 200);
    }

    pub(super) fn a_record_out_of_reach_is_unknown(kind: Kind) {
        let api = Api::start_demo(kind);
        api.change_catalog(|catalog| {
            let leads = catalog.modules.iter_mut().find(|m| m.api_name == "Leads");
            leads.unwrap().sharing = Sharing::Private;
        });
        let (ada, joana, rohan) = (
            api.caller("admin"),
            api.caller("joana"),
            api.caller("rohan"),
        );
        let lead = joana.make_leads(1);
        delete(&ada, "Leads", &lead);
        let text = "the id given seems to be invalid";
        let wanted = error("INVALID_DATA", text, &json!({ "id": lead[0] }));
        let wanted = json!({ "recycle_bin": [wanted] });
        api.unchanged_by(|| {
            restore(&rohan, &lead).is(400, &wanted);
            rohan.delete(&format!("{BIN}/{}", lead[0])).is(400, &wanted);
            let all = json!({ "restore_all_records": true });
            assert_eq!(
                rohan.post(&format!("{BIN}/actions/restore"), &all).status,
                202
            );
        });
        assert_eq!(restore(&joana, &lead).status, 200);
    }

    pub(super) fn cannot_perform_action_on_a_record_that_is_only_seen(kind: Kind) {
        let api = Api::start_demo(kind);
        api.change_catalog(|catalog| {
            let leads = catalog.modules.iter_mut().find(|m| m.api_name == "Leads");
            leads.unwrap().sharing = Sharing::PublicReadWrite;
        });
        let (ada, rohan) = (api.caller("admin"), api.caller("rohan"));
        let lead = ada.make_leads(1);
        delete(&ada, "Leads", &lead);
        assert_eq!(rohan.get(BIN).status, 200);
        let text = "no permission to perform an action on this record";
        let wanted = error("CANNOT_PERFORM_ACTION", text, &json!({ "id": lead[0] }));
        let wanted = json!({ "recycle_bin": [wanted] });
        api.unchanged_by(|| {
            restore(&rohan, &lead).is(400, &wanted);
            rohan.delete(&format!("{BIN}/{}", lead[0])).is(400, &wanted);
        });
    }

    /// Gives Carla's profile these rights over a module.
    fn allow(api: &Api, module: &str, rights: &[Right]) {
        api.change_catalog(|catalog| {
            let module = catalog.module(module).unwrap().id;
            let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
            let modules = &mut profile.unwrap().modules;
            modules.insert(module, rights.to_vec());
        });
    }

    fn no_right_to_delete(module: &str, id: &str) -> Json {
        let details = json!({ "permissions": [format!("Crm_Implied_Delete_{module}")], "id": id });
        let refused = error("NO_PERMISSION", "permission denied", &details);
        json!({ "recycle_bin": [refused] })
    }

    pub(super) fn no_permission_to_restore_or_remove_without_the_right_to_delete(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        allow(&api, "Leads", &[Right::View, Right::Create, Right::Edit]);
        let lead = api.caller("carla").make_leads(1);
        delete(&ada, "Leads", &lead);
        for rights in [&[Right::View][..], &[Right::View, Right::Edit]] {
            allow(&api, "Leads", rights);
            let carla = api.caller("carla");
            assert_eq!(carla.get(&format!("{BIN}/{}", lead[0])).status, 200);
            let wanted = no_right_to_delete("Leads", &lead[0]);
            api.unchanged_by(|| {
                restore(&carla, &lead).is(400, &wanted);
                let one = format!("{BIN}/{}", lead[0]);
                let path = format!("{one}/actions/restore");
                carla.post(&path, &json!({})).is(400, &wanted);
                carla.delete(&one).is(400, &wanted);
                let all = json!({ "restore_all_records": true });
                let reply = carla.post(&format!("{BIN}/actions/restore"), &all);
                assert_eq!(reply.status, 202);
            });
        }
        allow(&api, "Leads", &[Right::View, Right::Delete]);
        assert_eq!(restore(&api.caller("carla"), &lead).status, 200);
    }

    pub(super) fn no_permission_to_restore_activities_without_the_right_to_delete_them(kind: Kind) {
        let api = Api::start_demo(kind);
        let both = [Right::View, Right::Create, Right::Delete];
        allow(&api, "Accounts", &both);
        let carla = api.caller("carla");
        let account = carla.make("Accounts", &[json!({ "Account_Name": "Alder" })]);
        let task = json!({ "Subject": "Call", "What_Id": { "id": account[0] } });
        carla.make("Tasks", &[task]);
        delete(&carla, "Accounts", &account);
        allow(&api, "Tasks", &[Right::View, Right::Edit]);
        let carla = api.caller("carla");
        let wanted = no_right_to_delete("Tasks", &account[0]);
        api.unchanged_by(|| {
            restore(&carla, &account).is(400, &wanted);
            let path = format!("{BIN}/{}", account[0]);
            carla.delete(&path).is(400, &wanted);
        });
        assert_eq!(restore(&api.caller("admin"), &account).status, 200);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 1);
    }

    pub(super) fn limit_exceeded_when_too_much_would_come_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let names = ["A", "B"].map(|name| json!({ "Account_Name": name }));
        let accounts = ada.make("Accounts", &names);
        for (n, account) in (1..).zip(&accounts) {
            let (first, admin) = (n * 1_000_000, api.user("admin"));
            api.execute(&format!(
                "INSERT INTO \"m_Tasks\" (id, rev, \"Subject\", \"What_Id\", \"Owner\")
                 WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x < 599)
                 SELECT {first} + x, 1, 'T', {account}, {admin} FROM n"
            ));
        }
        delete(&ada, "Accounts", &accounts);
        let text = "the records and what was deleted along with them are too many for one call: \
                    name fewer";
        let wanted = error("LIMIT_EXCEEDED", text, &json!({ "limit": 1001 }));
        api.unchanged_by(|| restore(&ada, &accounts).is(400, &wanted));
        assert_eq!(restore(&ada, &accounts[..1]).status, 200);
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 600);
        let all = json!({ "restore_all_records": true });
        assert_eq!(
            ada.post(&format!("{BIN}/actions/restore"), &all).status,
            202
        );
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 1_200);
    }

    pub(super) fn what_restoring_takes_in_its_body(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let path = format!("{BIN}/actions/restore");
        let place = |key: &str| json!({ "api_name": key, "json_path": format!("$.{key}") });
        let keys = ["ids", "filters", "restore_all_records"].map(place);
        let text = "Specify atleast one field";
        let missing = error(
            "EXPECTED_FIELD_MISSING",
            text,
            &json!({ "expected_fields": keys }),
        );
        for body in [
            json!({}),
            json!({ "restore_all_records": false, "ids": null }),
        ] {
            ada.post(&path, &body).is(400, &missing);
        }
        let both = json!({ "ambiguity_due_to": [place("ids"), place("restore_all_records")] });
        let text = "Ambiguity while processing the request";
        let wanted = error("AMBIGUITY_DURING_PROCESSING", text, &both);
        let body = json!({ "ids": ["1"], "restore_all_records": true });
        ada.post(&path, &body).is(400, &wanted);
        let invalid = |key: &str, more: (&str, Json)| {
            let mut details = place(key);
            details[more.0] = more.1;
            error("INVALID_DATA", "invalid data", &details)
        };
        for (body, key, more) in [
            (
                json!({ "ids": "1" }),
                "ids",
                ("expected_data_type", json!("jsonarray")),
            ),
            (
                json!({ "ids": [] }),
                "ids",
                ("expected_data_type", json!("jsonarray")),
            ),
            (
                json!({ "ids": [[]] }),
                "ids",
                ("expected_data_type", json!("string")),
            ),
            (
                json!({ "ids": vec!["1"; 201] }),
                "ids",
                ("maximum_length", json!(200)),
            ),
            (
                json!({ "restore_all_records": "yes" }),
                "restore_all_records",
                ("expected_data_type", json!("boolean")),
            ),
        ] {
            ada.post(&path, &body).is(400, &invalid(key, more));
        }
        // A misspelt key could mean everything.
        let wanted = error("INVALID_DATA", "invalid data", &place("filter"));
        let body = json!({ "filter": {}, "restore_all_records": true });
        ada.post(&path, &body).is(400, &wanted);
    }

    pub(super) fn what_removing_takes_in_its_query(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let details = json!({ "param_names": ["ids", "filters"] });
        let wanted = error(
            "EXPECTED_PARAM_MISSING",
            "mandatory param missing",
            &details,
        );
        ada.delete(BIN).is(400, &wanted);
        let both = ["ids", "filters"].map(|name| json!({ "param_name": name }));
        let text = "Ambiguity while processing the request";
        let details = json!({ "ambiguity_due_to": both });
        let wanted = error("AMBIGUITY_DURING_PROCESSING", text, &details);
        ada.delete(&format!("{BIN}?ids=1&filters=%7B%7D"))
            .is(400, &wanted);
        let wanted = error(
            "INVALID_DATA",
            "invalid data",
            &json!({ "param_name": "ids" }),
        );
        ada.delete(&format!("{BIN}?ids=")).is(400, &wanted);
        let many = vec!["1"; 101].join(",");
        let details = json!({ "limit": 100, "param_name": "ids" });
        let wanted = error("LIMIT_EXCEEDED", "Record count exceeded", &details);
        ada.delete(&format!("{BIN}?ids={many}")).is(400, &wanted);
        let wanted = error(
            "INVALID_DATA",
            "invalid data",
            &json!({ "resource_path_index": 2 }),
        );
        ada.get(&format!("{BIN}/abc")).is(400, &wanted);
        for (query, name) in [
            ("sort_by=id", "sort_by"),
            ("sort_order=up", "sort_order"),
            ("page=0", "page"),
        ] {
            let wanted = error(
                "INVALID_DATA",
                "invalid data",
                &json!({ "param_name": name }),
            );
            ada.get(&format!("{BIN}?{query}")).is(400, &wanted);
        }
    }

    pub(super) fn filters_that_make_no_sense(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1);
        delete(&ada, "Leads", &lead);
        let module = |value: Json| json!({ "field": { "api_name": "module" }, "comparator": "equal", "value": value });
        let named = |comparator: &str, value: Json| {
            json!({
                "field": { "api_name": "display_name" }, "comparator": comparator, "value": value,
            })
        };
        let wrong = |key: &str, path: &str, text: &str| {
            let details = json!({ "api_name": key, "json_path": path, "param_name": "filters" });
            error("INVALID_DATA", text, &details)
        };
        let (field, comparator) = (
            "Please provide a valid field",
            "Please provide a valid comparator",
        );
        let (value, group) = (
            "Please provide a valid value",
            "Please provide a valid group",
        );
        for (filters, wanted) in [
            (json!({}), wrong("field", "$.field", field)),
            (
                named("like", json!("a")),
                wrong("comparator", "$.comparator", comparator),
            ),
            (named("equal", json!("")), wrong("value", "$.value", value)),
            (named("equal", json!(5)), wrong("value", "$.value", value)),
            (module(json!("Nothing")), wrong("value", "$.value", value)),
            (json!({ "group": [] }), wrong("group", "$.group", group)),
            (json!({ "group": [5] }), wrong("group", "$.group", group)),
            (
                json!({ "group_operator": "OR", "group": [module(json!("Leads"))] }),
                wrong(
                    "group_operator",
                    "$.group_operator",
                    "Please provide a valid group operator",
                ),
            ),
            (
                json!({ "group": [module(json!("Leads")), module(json!("Deals"))] }),
                wrong(
                    "field",
                    "$.group[1].field",
                    "Please provide each field only once",
                ),
            ),
        ] {
            let text = filters.to_string();
            let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            api.unchanged_by(|| {
                ada.get(&format!("{BIN}?filters={text}")).is(400, &wanted);
                ada.delete(&format!("{BIN}?filters={text}"))
                    .is(400, &wanted);
                let body = json!({ "filters": filters });
                ada.post(&format!("{BIN}/actions/restore"), &body)
                    .is(400, &wanted);
            });
        }
        let details = json!({ "param_name": "filters", "expected_data_type": "jsonobject" });
        let wanted = error("INVALID_DATA", "invalid data", &details);
        ada.delete(&format!("{BIN}?filters=module:Leads"))
            .is(400, &wanted);
    }

    pub(super) fn api_not_supported_in_older_versions(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for version in Version::ALL {
            let ada = ada.speaking(version);
            let code = |reply: crate::api::Reply| {
                if reply.text.is_empty() {
                    return Json::Null;
                }
                reply.json()["code"].clone()
            };
            let listed = code(ada.get(BIN)) != "API_NOT_SUPPORTED";
            assert_eq!(listed, version >= Version::V6, "{}", version.as_str());
            let path = format!("{BIN}/actions/restore");
            let restored = code(ada.post(&path, &json!({}))) != "API_NOT_SUPPORTED";
            assert_eq!(restored, version >= Version::V7, "{}", version.as_str());
        }
    }
}
