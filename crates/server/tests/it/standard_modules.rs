//! Every standard module, each with the least that its records need: all that can be done with a
//! module works in each of them.

use crate::api::{Api, Reply};
use crate::demo::{Caller, error, status};
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    records_of_every_standard_module_are_made_read_changed_and_deleted,
    every_standard_module_takes_mass_updates_by_ids_and_by_view,
    every_standard_module_demands_its_mandatory_fields,
    every_standard_module_is_told_of_by_the_metadata,
    a_lookup_shows_the_name_of_a_record_of_any_standard_module,
    a_lookup_takes_no_record_of_another_module,
    numbers_of_cases_quotes_and_orders_count_up,
    meetings_and_potentials_are_events_and_deals,
    only_modules_that_can_be_locked_are_locked,
}

/// A module, the least record of it, and a value that a mass update may write.
struct Sample {
    module: &'static str,
    record: Json,
    change: (&'static str, Json),
}

/// Every standard module, in the order of the catalog.
fn samples(ada: &Caller<'_>) -> Vec<Sample> {
    let vendor = ada.make("Vendors", &[json!({ "Vendor_Name": "Any" })]);
    let samples = [
        (
            "Leads",
            json!({ "Last_Name": "A" }),
            ("City", json!("Faro")),
        ),
        (
            "Accounts",
            json!({ "Account_Name": "A" }),
            ("Account_Site", json!("Faro")),
        ),
        (
            "Contacts",
            json!({ "Last_Name": "A" }),
            ("Department", json!("Sales")),
        ),
        (
            "Deals",
            json!({ "Deal_Name": "A", "Stage": "Qualification" }),
            ("Next_Step", json!("Call")),
        ),
        (
            "Tasks",
            json!({ "Subject": "A" }),
            ("Status", json!("Completed")),
        ),
        (
            "Events",
            json!({
                "Event_Title": "A",
                "Start_DateTime": "2024-01-02T10:00:00+00:00",
                "End_DateTime": "2024-01-02T11:00:00+00:00",
            }),
            ("Venue", json!("Faro")),
        ),
        (
            "Calls",
            json!({
                "Subject": "A",
                "Call_Type": "Outbound",
                "Call_Start_Time": "2024-01-02T10:00:00+00:00",
                "Call_Duration": "05:00",
            }),
            ("Call_Purpose", json!("Demo")),
        ),
        (
            "Campaigns",
            json!({ "Campaign_Name": "A" }),
            ("Type", json!("Trade Show")),
        ),
        (
            "Products",
            json!({ "Product_Name": "A" }),
            ("Unit_Price", json!(12.5)),
        ),
        (
            "Vendors",
            json!({ "Vendor_Name": "A" }),
            ("Category", json!("Pumps")),
        ),
        (
            "Price_Books",
            json!({ "Price_Book_Name": "A" }),
            ("Active", json!(true)),
        ),
        (
            "Quotes",
            json!({ "Subject": "A" }),
            ("Team", json!("South")),
        ),
        (
            "Sales_Orders",
            json!({ "Subject": "A" }),
            ("Status", json!("Approved")),
        ),
        (
            "Purchase_Orders",
            json!({ "Subject": "A", "Vendor_Name": { "id": vendor[0] } }),
            ("PO_Date", json!("2024-02-03")),
        ),
        (
            "Invoices",
            json!({ "Subject": "A" }),
            ("Status", json!("Approved")),
        ),
        (
            "Cases",
            json!({ "Subject": "A", "Status": "New", "Case_Origin": "Email" }),
            ("Priority", json!("High")),
        ),
        (
            "Solutions",
            json!({ "Solution_Title": "A" }),
            ("Published", json!(true)),
        ),
    ];
    let sample = |(module, record, change)| Sample {
        module,
        record,
        change,
    };
    samples.map(sample).into()
}

/// Asks something of every module in the oldest and in the newest version.
fn each(api: &Api, ask: impl Fn(&Caller<'_>, &Sample)) {
    let ada = api.caller("admin");
    let samples = samples(&ada);
    let standard = api.catalog();
    let standard = standard.modules.iter().filter(|module| !module.custom);
    let names: Vec<&str> = standard.map(|module| module.api_name.as_str()).collect();
    let covered: Vec<&str> = samples.iter().map(|sample| sample.module).collect();
    assert_eq!(covered, names);
    for version in [Version::V2, Version::V8] {
        for sample in &samples {
            ask(&ada.speaking(version), sample);
        }
    }
}

fn good(reply: &Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.text);
}

mod check {
    use super::*;

    pub(super) fn records_of_every_standard_module_are_made_read_changed_and_deleted(kind: Kind) {
        let api = Api::start_demo(kind);
        each(
            &api,
            |ada,
             Sample {
                 module,
                 record,
                 change: (field, value),
             }| {
                let ids = ada.make(module, &[record.clone(), record.clone()]);
                let list = ada.get(&format!("{module}?fields={field}&per_page=200"));
                good(&list, 200, module);
                let listed = list.ids();
                assert!(ids.iter().all(|id| listed.contains(id)), "{module}");
                for (name, given) in record.as_object().unwrap() {
                    let shown = &ada.record(module, &ids[0])[name];
                    let same = shown == given || shown.is_object() || shown.as_str().is_some();
                    assert!(same, "{module}.{name}: {shown}");
                }
                let path = format!("{module}/{}", ids[0]);
                let body = json!({ "data": [{ *field: value }] });
                good(&ada.put(&path, &body), 200, module);
                assert_eq!(&ada.record(module, &ids[0])[field], value, "{module}");
                assert!(&ada.record(module, &ids[1])[field] != value, "{module}");
                good(&ada.delete(&path), 200, module);
                assert_eq!(ada.get(&path).status, 204, "{module}");
                let many = ada.delete(&format!("{module}?ids={}", ids[1]));
                good(&many, 200, module);
            },
        );
    }

    pub(super) fn every_standard_module_takes_mass_updates_by_ids_and_by_view(kind: Kind) {
        let api = Api::start_demo(kind);
        each(
            &api,
            |ada,
             Sample {
                 module,
                 record,
                 change: (field, value),
             }| {
                let ids = ada.make(module, &[record.clone(), record.clone()]);
                let data = json!([{ *field: value }]);
                let reply = ada.mass_update(module, &json!({ "data": data, "ids": [ids[0]] }));
                good(&reply, 200, module);
                assert_eq!(&ada.record(module, &ids[0])[field], value, "{module}");
                assert!(&ada.record(module, &ids[1])[field] != value, "{module}");
                let catalog = api.catalog();
                let mut views = catalog.module(module).unwrap().views.iter();
                let all = views.find(|view| view.system_name.as_deref() == Some("ALLVIEWS"));
                let body = json!({ "data": data, "cvid": all.unwrap().id.to_string() });
                let reply = ada.mass_update(module, &body);
                good(&reply, 200, module);
                let job = reply.json()["data"][0]["details"]["job_id"].clone();
                api.run_jobs();
                let path = format!(
                    "{module}/actions/mass_update?job_id={}",
                    job.as_str().unwrap()
                );
                let told = ada.get(&path).json()["data"][0].clone();
                let total = told["Total_Count"].as_i64().unwrap();
                assert!(total >= 2, "{module}");
                assert_eq!(told, status("COMPLETED", [0, total, 0, total]), "{module}");
                assert_eq!(&ada.record(module, &ids[1])[field], value, "{module}");
            },
        );
    }

    pub(super) fn every_standard_module_demands_its_mandatory_fields(kind: Kind) {
        let api = Api::start_demo(kind);
        each(&api, |ada, Sample { module, record, .. }| {
            for name in record.as_object().unwrap().keys() {
                let mut without = record.clone();
                without.as_object_mut().unwrap().remove(name);
                let reply = ada.post(module, &json!({ "data": [without] }));
                let path = format!("$.data[0].{name}");
                let details = json!({ "api_name": name, "json_path": path });
                let text = "required field not found";
                let wanted = error("MANDATORY_NOT_FOUND", text, &details);
                assert_eq!(reply.items(), [wanted], "{module}");
            }
        });
        // Nothing but the vendor that orders need.
        let vendors = api.number("SELECT COUNT(*) FROM \"m_Vendors\"");
        let others = api.number("SELECT COUNT(*) FROM \"m_Cases\"");
        assert_eq!((vendors, others), (1, 0));
    }

    pub(super) fn every_standard_module_is_told_of_by_the_metadata(kind: Kind) {
        let api = Api::start_demo(kind);
        each(
            &api,
            |ada,
             Sample {
                 module,
                 record,
                 change: (field, _),
             }| {
                let told = ada.get(&format!("settings/modules/{module}"));
                good(&told, 200, module);
                assert_eq!(told.json()["modules"][0]["api_name"], *module);
                assert_eq!(told.json()["modules"][0]["generated_type"], "default");
                let reply = ada.get(&format!("settings/fields?module={module}"));
                good(&reply, 200, module);
                let fields = reply.json()["fields"].as_array().unwrap().clone();
                let one = |name: &str| fields.iter().find(|f| f["api_name"] == name).unwrap();
                assert_eq!(one(field)["mass_update"], true, "{module}.{field}");
                for name in record.as_object().unwrap().keys() {
                    assert_eq!(one(name)["system_mandatory"], true, "{module}.{name}");
                }
                let name = &told.json()["modules"][0]["display_field"];
                let name = one(name.as_str().unwrap());
                assert_eq!(
                    (&name["display_field"], &name["mass_update"]),
                    (&json!(true), &json!(false))
                );
                for field in &fields {
                    let never = ["email", "textarea", "lookup", "ownerlookup", "autonumber"];
                    let type_of = field["data_type"].as_str().unwrap();
                    let closed = never.contains(&type_of) || field["read_only"] == true;
                    assert!(
                        !(closed && field["mass_update"] == true),
                        "{module} {field}"
                    );
                    // A lookup without its module breaks the SDKs.
                    assert!(type_of != "lookup" || field["lookup"]["module"]["id"].is_string());
                }
                for noun in ["layouts", "custom_views"] {
                    let reply = ada.get(&format!("settings/{noun}?module={module}"));
                    good(&reply, 200, module);
                    assert!(!reply.json()[noun].as_array().unwrap().is_empty());
                }
            },
        );
    }

    pub(super) fn a_lookup_shows_the_name_of_a_record_of_any_standard_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let samples = samples(&ada);
        let sample = |module: &str| samples.iter().find(|s| s.module == module).unwrap();
        for (module, lookup, target, (name_field, name)) in [
            (
                "Contacts",
                "Vendor_Name",
                "Vendors",
                ("Vendor_Name", "Pump Works"),
            ),
            (
                "Deals",
                "Campaign_Source",
                "Campaigns",
                ("Campaign_Name", "Fair"),
            ),
            ("Events", "Who_Id", "Contacts", ("Last_Name", "Rui")),
            ("Calls", "What_Id", "Accounts", ("Account_Name", "Mill")),
            (
                "Campaigns",
                "Parent_Campaign",
                "Campaigns",
                ("Campaign_Name", "Year"),
            ),
            (
                "Products",
                "Vendor_Name",
                "Vendors",
                ("Vendor_Name", "Tubes"),
            ),
            ("Quotes", "Deal_Name", "Deals", ("Deal_Name", "Two pumps")),
            (
                "Sales_Orders",
                "Quote_Name",
                "Quotes",
                ("Subject", "Offer 7"),
            ),
            (
                "Invoices",
                "Sales_Order",
                "Sales_Orders",
                ("Subject", "Order 7"),
            ),
            (
                "Purchase_Orders",
                "Vendor_Name",
                "Vendors",
                ("Vendor_Name", "Wires"),
            ),
            (
                "Cases",
                "Product_Name",
                "Products",
                ("Product_Name", "Pump 3"),
            ),
            ("Cases", "Related_To", "Contacts", ("Last_Name", "Eva")),
            (
                "Solutions",
                "Product_Name",
                "Products",
                ("Product_Name", "Pump 4"),
            ),
        ] {
            let mut pointed = sample(target).record.clone();
            pointed[name_field] = name.into();
            let id = ada.make(target, &[pointed]).remove(0);
            let mut pointing = sample(module).record.clone();
            pointing[lookup] = json!({ "id": id });
            let made = ada.make(module, &[pointing]).remove(0);
            let wanted = json!({ "name": name, "id": id });
            assert_eq!(
                ada.record(module, &made)[lookup],
                wanted,
                "{module}.{lookup}"
            );
        }
    }

    pub(super) fn a_lookup_takes_no_record_of_another_module(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let body = json!({ "data": [{ "Subject": "A", "Vendor_Name": { "id": lead } }] });
        let reply = api.unchanged_by(|| ada.post("Purchase_Orders", &body));
        let item = &reply.items()[0];
        assert_eq!((reply.status, &item["code"]), (400, &json!("INVALID_DATA")));
        assert_eq!(item["details"]["json_path"], "$.data[0].Vendor_Name.id");
    }

    pub(super) fn numbers_of_cases_quotes_and_orders_count_up(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let samples = samples(&ada);
        for (module, field) in [
            ("Cases", "Case_Number"),
            ("Solutions", "Solution_Number"),
            ("Quotes", "Quote_Number"),
            ("Sales_Orders", "SO_Number"),
            ("Invoices", "Invoice_Number"),
        ] {
            let mut record = samples
                .iter()
                .find(|s| s.module == module)
                .unwrap()
                .record
                .clone();
            record[field] = "77".into();
            let ids = ada.make(module, &[record.clone(), record]);
            let numbers: Vec<Json> = ids
                .iter()
                .map(|id| ada.record(module, id)[field].clone())
                .collect();
            assert_eq!(numbers, ["1", "2"], "{module}");
        }
    }

    pub(super) fn meetings_and_potentials_are_events_and_deals(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let samples = samples(&ada);
        for (alias, module) in [("Meetings", "Events"), ("Potentials", "Deals")] {
            let sample = samples.iter().find(|s| s.module == module).unwrap();
            for version in Version::ALL {
                let ada = ada.speaking(version);
                let id = ada
                    .make(alias, std::slice::from_ref(&sample.record))
                    .remove(0);
                assert_eq!(ada.record(alias, &id), ada.record(module, &id));
                let body = json!({ "data": [{ sample.change.0: sample.change.1 }], "ids": [id] });
                good(&ada.mass_update(alias, &body), 200, alias);
                assert_eq!(ada.record(module, &id)[sample.change.0], sample.change.1);
                let told = ada.get(&format!("settings/fields?module={alias}"));
                assert_eq!(
                    told.json(),
                    ada.get(&format!("settings/fields?module={module}")).json()
                );
                good(&ada.delete(&format!("{alias}/{id}")), 200, alias);
            }
        }
        let told = ada.get("settings/modules/Meetings").json()["modules"][0].clone();
        let names =
            ["api_name", "module_name", "singular_label", "plural_label"].map(|key| &told[key]);
        assert_eq!(names, ["Events", "Meetings", "Meeting", "Meetings"]);
        // A path's case counts.
        assert_eq!(
            ada.get("meetings?fields=Venue").json()["code"],
            "INVALID_MODULE"
        );
    }

    pub(super) fn only_modules_that_can_be_locked_are_locked(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        for Sample { module, record, .. } in samples(&ada) {
            let id = ada.make(module, &[record]).remove(0);
            let path = format!("{module}/{id}/Locking_Information__s");
            let reply = ada.post(&path, &json!({ "data": [{}] }));
            let never = ["Events", "Calls", "Campaigns", "Products"].contains(&module);
            assert_eq!(reply.status == 201, !never, "{module}: {}", reply.text);
        }
    }
}
