//! What activities are about: a record of any module in `What_Id`, a person in `Who_Id`.

use crate::api::Api;
use crate::demo::{Caller, error};
use crate::recycle_bin::restore;
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    an_activity_is_about_a_record_of_any_module_that_can_have_some,
    an_activity_without_another_record_is_about_its_person,
    the_module_is_shown_with_the_lookup_and_only_then,
    a_record_of_another_module_than_the_named_one_is_refused,
    activities_and_persons_are_no_record_that_an_activity_is_about,
    a_record_that_the_actor_does_not_see_is_refused_with_and_without_its_module,
    a_change_names_the_module_anew_and_a_record_sent_back_stays,
    activities_go_and_come_back_with_a_lead_and_a_deal,
    activities_of_a_lead_and_a_deal_are_given_away_with_it,
    the_metadata_names_no_module_for_the_lookup,
    an_org_of_before_gets_lookups_of_any_module,
}

/// The module of an activity and the least that its records need.
fn activities() -> [(&'static str, Json); 3] {
    let (from, to) = ("2024-01-02T10:00:00+00:00", "2024-01-02T11:00:00+00:00");
    [
        ("Tasks", json!({ "Subject": "A" })),
        (
            "Events",
            json!({ "Event_Title": "A", "Start_DateTime": from, "End_DateTime": to }),
        ),
        (
            "Calls",
            json!({
                "Subject": "A", "Call_Type": "Outbound", "Call_Start_Time": from,
                "Call_Duration": "05:00",
            }),
        ),
    ]
}

/// A record of each of some modules, with its name.
fn subjects(ada: &Caller<'_>) -> Vec<(&'static str, &'static str, String)> {
    let samples = [
        ("Leads", "Ada", json!({ "Last_Name": "Ada" })),
        ("Accounts", "Mill", json!({ "Account_Name": "Mill" })),
        (
            "Deals",
            "Pump",
            json!({ "Deal_Name": "Pump", "Stage": "Qualification" }),
        ),
        ("Campaigns", "Fair", json!({ "Campaign_Name": "Fair" })),
        ("Vendors", "Wires", json!({ "Vendor_Name": "Wires" })),
        ("Quotes", "Offer", json!({ "Subject": "Offer" })),
        (
            "Site_Visits",
            "Roof",
            json!({ "Name": "Roof", "Visited_On": "2024-01-02" }),
        ),
    ];
    let make = |(module, name, record): (&'static str, &'static str, Json)| {
        (module, name, ada.make(module, &[record]).remove(0))
    };
    samples.into_iter().map(make).collect()
}

fn about(activity: &Json, module: Option<&str>, id: &str) -> Json {
    let mut activity = activity.clone();
    activity["What_Id"] = json!({ "id": id });
    activity["$se_module"] = module.into();
    activity
}

/// The one item that a refused record is answered with.
fn refusal(ada: &Caller<'_>, task: &Json) -> Json {
    let reply = ada.post("Tasks", &json!({ "data": [task] }));
    assert_eq!(reply.status, 400, "{}", reply.text);
    reply.items().remove(0)
}

fn unknown() -> Json {
    let text = "the related id given seems to be invalid";
    let details = json!({ "api_name": "What_Id", "json_path": "$.data[0].What_Id.id" });
    error("INVALID_DATA", text, &details)
}

mod check {
    use super::*;

    pub(super) fn an_activity_is_about_a_record_of_any_module_that_can_have_some(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for (subject, name, id) in subjects(&ada) {
            for (module, activity) in activities() {
                let named = about(&activity, Some(subject), &id);
                let unnamed = about(&activity, None, &id);
                for made in ada.make(module, &[named, unnamed]) {
                    let read = ada.record(module, &made);
                    assert_eq!(read["What_Id"], json!({ "name": name, "id": id }));
                    assert_eq!(read["$se_module"], subject, "{module}");
                }
            }
        }
    }

    pub(super) fn an_activity_without_another_record_is_about_its_person(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let contact = ada.make("Contacts", &[json!({ "Last_Name": "Reis" })]);
        let task = json!({
            "Subject": "A", "Who_Id": { "id": contact[0] }, "$se_module": "Contacts",
        });
        let made = ada.make("Tasks", &[task, json!({ "Subject": "B" })]);
        let read = ada.record("Tasks", &made[0]);
        assert_eq!(read["$se_module"], "Contacts");
        assert_eq!(read["What_Id"], Json::Null);
        assert_eq!(ada.record("Tasks", &made[1])["$se_module"], Json::Null);
    }

    pub(super) fn the_module_is_shown_with_the_lookup_and_only_then(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        ada.make("Tasks", &[about(&json!({ "Subject": "A" }), None, &lead)]);
        let shown = ada.get("Tasks?fields=Subject,What_Id").items().remove(0);
        assert_eq!(shown["$se_module"], "Leads");
        let shown = ada.get("Tasks?fields=Subject").items().remove(0);
        assert_eq!(shown.get("$se_module"), None);
        assert_eq!(ada.record("Leads", &lead).get("$se_module"), None);
        // What it was about is gone.
        let lead = ada.make("Campaigns", &[json!({ "Campaign_Name": "C" })]);
        let task = about(&json!({ "Subject": "A" }), None, &lead[0]);
        let task = ada.make("Tasks", &[task]).remove(0);
        api.execute(&format!(
            "DELETE FROM \"m_Campaigns\" WHERE id = {}",
            lead[0]
        ));
        let read = ada.record("Tasks", &task);
        assert_eq!(read["What_Id"], Json::Null);
        assert_eq!(read["$se_module"], Json::Null);
    }

    pub(super) fn a_record_of_another_module_than_the_named_one_is_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let task = json!({ "Subject": "A" });
        assert_eq!(
            refusal(&ada, &about(&task, Some("Deals"), &lead)),
            unknown()
        );
        let details = json!({ "api_name": "$se_module", "json_path": "$.data[0].$se_module" });
        let wrong = error("INVALID_DATA", "invalid data", &details);
        for name in ["Lead", "Tasks", "Contacts"] {
            assert_eq!(
                refusal(&ada, &about(&task, Some(name), &lead)),
                wrong,
                "{name}"
            );
        }
        let mut number = about(&task, None, &lead);
        number["$se_module"] = 7.into();
        let details = json!({
            "api_name": "$se_module", "json_path": "$.data[0].$se_module",
            "expected_data_type": "string",
        });
        let wrong = error("INVALID_DATA", "invalid data", &details);
        assert_eq!(refusal(&ada, &number), wrong);
        // Without a record there is nothing to find in any module.
        let alone = json!({ "Subject": "A", "$se_module": "Lead", "What_Id": null });
        ada.make("Tasks", &[alone]);
        // One that is wrong does not keep the others.
        let both = [
            about(&task, Some("Deals"), &lead),
            about(&task, Some("Leads"), &lead),
        ];
        let reply = ada.post("Tasks", &json!({ "data": both }));
        assert_eq!(reply.codes(), ["INVALID_DATA", "SUCCESS"]);
    }

    pub(super) fn activities_and_persons_are_no_record_that_an_activity_is_about(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let task = json!({ "Subject": "A" });
        let other = ada.make("Tasks", std::slice::from_ref(&task)).remove(0);
        let contact = ada
            .make("Contacts", &[json!({ "Last_Name": "R" })])
            .remove(0);
        for id in [other.as_str(), contact.as_str(), "1234567890123456789"] {
            assert_eq!(refusal(&ada, &about(&task, None, id)), unknown());
        }
        let lead = ada.make_leads(1).remove(0);
        let person = json!({ "Subject": "A", "Who_Id": { "id": lead } });
        let refused = refusal(&ada, &person);
        assert_eq!(refused["details"]["json_path"], "$.data[0].Who_Id.id");
    }

    pub(super) fn a_record_that_the_actor_does_not_see_is_refused_with_and_without_its_module(
        kind: Kind,
    ) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        api.make_private("Leads");
        let carla = api.caller("carla");
        for module in [None, Some("Leads")] {
            let task = about(&json!({ "Subject": "A" }), module, &lead);
            assert_eq!(refusal(&carla, &task), unknown());
        }
    }

    pub(super) fn a_change_names_the_module_anew_and_a_record_sent_back_stays(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let deal = json!({ "Deal_Name": "D", "Stage": "Qualification" });
        let deal = ada.make("Deals", &[deal]).remove(0);
        let task = about(&json!({ "Subject": "A" }), Some("Leads"), &lead);
        let task = ada.make("Tasks", &[task]).remove(0);
        let change = |module: &str| {
            let data = [json!({ "What_Id": { "id": deal }, "$se_module": module })];
            ada.put(&format!("Tasks/{task}"), &json!({ "data": data }))
        };
        assert_eq!(change("Leads").items(), [unknown()]);
        assert_eq!(ada.record("Tasks", &task)["$se_module"], "Leads");
        assert_eq!(change("Deals").status, 200);
        let read = ada.record("Tasks", &task);
        assert_eq!(read["What_Id"], json!({ "name": "D", "id": deal }));
        assert_eq!(read["$se_module"], "Deals");
        let back = ada.put("Tasks", &json!({ "data": [read] }));
        assert_eq!(back.status, 200, "{}", back.text);
        assert_eq!(ada.record("Tasks", &task)["$se_module"], "Deals");
    }

    pub(super) fn activities_go_and_come_back_with_a_lead_and_a_deal(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let (lead, deal) = lead_and_deal(&ada);
        for (module, id) in [("Leads", lead), ("Deals", deal)] {
            let made = activities().map(|(of, activity)| {
                let activity = about(&activity, Some(module), &id);
                (of, ada.make(of, &[activity]).remove(0))
            });
            assert_eq!(ada.delete(&format!("{module}?ids={id}")).status, 200);
            for (of, activity) in &made {
                assert_eq!(ada.get(&format!("{of}/{activity}")).status, 204, "{of}");
                assert_eq!(api.last_cause(activity), "parent");
            }
            assert_eq!(restore(&ada, std::slice::from_ref(&id)).status, 200);
            for (of, activity) in &made {
                let read = ada.record(of, activity);
                assert_eq!(read["What_Id"]["id"], id.as_str());
                assert_eq!(read["$se_module"], module);
            }
        }
    }

    pub(super) fn activities_of_a_lead_and_a_deal_are_given_away_with_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let (lead, deal) = lead_and_deal(&ada);
        let related = ["Tasks", "Events", "Calls"].map(|name| json!({ "api_name": name }));
        for (n, (module, id)) in (1..).zip([("Leads", lead), ("Deals", deal)]) {
            for (of, activity) in activities() {
                ada.make(of, &[about(&activity, None, &id)]);
            }
            let body = json!({
                "ids": [id], "owner": { "id": api.user_id("oskar") }, "related_modules": related,
            });
            let reply = ada.post(&format!("{module}/actions/change_owner"), &body);
            assert_eq!(reply.status, 200, "{}", reply.text);
            for (of, _) in activities() {
                assert_eq!(api.owned(of, "oskar"), n, "{module} {of}");
            }
        }
    }

    fn lead_and_deal(ada: &Caller<'_>) -> (String, String) {
        let deal = json!({ "Deal_Name": "D", "Stage": "Qualification" });
        (
            ada.make_leads(1).remove(0),
            ada.make("Deals", &[deal]).remove(0),
        )
    }

    pub(super) fn the_metadata_names_no_module_for_the_lookup(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let fields = ada.get("settings/fields?module=Tasks").json();
        let fields = fields["fields"].as_array().unwrap();
        let of = |name: &str| fields.iter().find(|f| f["api_name"] == name).unwrap();
        assert_eq!(of("What_Id")["data_type"], "lookup");
        assert_eq!(of("What_Id")["json_type"], "jsonobject");
        let any = json!({ "api_name": "se_module", "id": of("What_Id")["id"] });
        assert_eq!(of("What_Id")["lookup"]["module"], any);
        assert_eq!(of("Who_Id")["lookup"]["module"]["api_name"], "Contacts");
    }

    pub(super) fn an_org_of_before_gets_lookups_of_any_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = ada.make("Accounts", &[json!({ "Account_Name": "Mill" })]);
        let task = about(&json!({ "Subject": "A" }), None, &account[0]);
        let task = ada.make("Tasks", &[task]).remove(0);
        api.execute(
            "UPDATE catalog SET version = version + 1, body = replace(body,
             '{\"type\":\"relatedto\"}', '{\"type\":\"lookup\",\"module\":\"Accounts\"}')",
        );
        let read = ada.record("Tasks", &task);
        assert_eq!(read["What_Id"]["name"], "Mill");
        let lead = ada.make_leads(1).remove(0);
        ada.make(
            "Tasks",
            &[about(&json!({ "Subject": "B" }), Some("Leads"), &lead)],
        );
    }
}
