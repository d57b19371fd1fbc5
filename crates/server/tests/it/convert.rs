//! Conversion of one lead (wire API 6.1): what it makes, what it finds, and what it leaves.

use crate::api::{Api, Reply};
use crate::demo::Caller;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_lead_becomes_a_contact_an_account_and_a_deal,
    each_version_answers_in_its_own_form,
    a_contact_of_the_same_address_is_the_lead,
    an_account_of_the_same_name_is_the_company,
    a_lead_without_a_company_becomes_a_contact_alone,
    named_records_are_taken_and_nothing_else_is_looked_for,
}

pub(crate) fn convert(caller: &Caller<'_>, lead: &str, item: &Json) -> Reply {
    let path = format!("Leads/{lead}/actions/convert");
    caller.post(&path, &json!({ "data": [item] }))
}

/// What a lead became: the details of the answer.
pub(crate) fn converted(caller: &Caller<'_>, lead: &str, item: &Json) -> Json {
    let reply = convert(caller, lead, item);
    assert_eq!(reply.status, 200, "{}", reply.json());
    let item = reply.json()["data"][0].clone();
    assert_eq!(item["code"], "SUCCESS", "{item}");
    item["details"].clone()
}

pub(crate) fn lead(caller: &Caller<'_>, values: &Json) -> String {
    caller.make("Leads", std::slice::from_ref(values)).remove(0)
}

fn id(part: &Json) -> String {
    part["id"].as_str().unwrap().to_owned()
}

mod check {
    use super::*;

    pub(super) fn a_lead_becomes_a_contact_an_account_and_a_deal(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let owner = api.user_id("oskar");
        let lead = lead(
            &ada,
            &json!({
                "First_Name": "Lena", "Last_Name": "Ode", "Company": "Ode Works",
                "Email": "lena@ode.example.com", "Phone": "55 1", "Street": "Quay 1",
                "Lead_Source": "Trade Show", "Annual_Revenue": 12000.5,
                "Owner": { "id": owner },
            }),
        );
        let deal = json!({
            "Deal_Name": "Spring batch", "Stage": "Qualification", "Closing_Date": "2031-06-30",
            "Amount": 56.6,
        });
        let made = converted(&ada, &lead, &json!({ "Deals": deal }));
        assert_eq!(made["Contacts"]["name"], "Lena Ode");
        assert_eq!(made["Accounts"]["name"], "Ode Works");
        assert_eq!(made["Deals"]["name"], "Spring batch");
        let contact = ada.record("Contacts", &id(&made["Contacts"]));
        assert_eq!(contact["Email"], "lena@ode.example.com");
        assert_eq!(contact["Mailing_Street"], "Quay 1");
        assert_eq!(contact["Lead_Source"], "Trade Show");
        assert_eq!(contact["Account_Name"]["id"], made["Accounts"]["id"]);
        assert_eq!(contact["Owner"]["id"], owner);
        let account = ada.record("Accounts", &id(&made["Accounts"]));
        assert_eq!(account["Account_Name"], "Ode Works");
        assert_eq!(account["Billing_Street"], "Quay 1");
        assert_eq!(account["Annual_Revenue"], 12000.5);
        let deal = ada.record("Deals", &id(&made["Deals"]));
        assert_eq!(deal["Amount"], 56.6);
        assert_eq!(deal["Stage"], "Qualification");
        assert_eq!(deal["Contact_Name"]["id"], made["Contacts"]["id"]);
        assert_eq!(deal["Account_Name"]["id"], made["Accounts"]["id"]);
        assert_eq!(deal["Owner"]["id"], owner);
    }

    pub(super) fn each_version_answers_in_its_own_form(kind: Kind) {
        let api = Api::start_demo(kind);
        for version in Version::ALL {
            let ada = api.caller("admin").speaking(version);
            let lead = lead(&ada, &json!({ "Last_Name": "Ode", "Company": "Ode Works" }));
            let item = convert(&ada, &lead, &json!({})).json()["data"][0].clone();
            if version <= Version::V2_1 {
                assert_eq!(item.as_object().unwrap().len(), 3, "{item}");
                assert!(item["Contacts"].is_string() && item["Accounts"].is_string());
                assert_eq!(item["Deals"], Json::Null);
            } else {
                assert_eq!(
                    item["message"],
                    "The record has been converted successfully"
                );
                assert_eq!(item["status"], "success");
                assert_eq!(item["details"]["Contacts"]["name"], "Ode");
                assert_eq!(item["details"]["Accounts"]["name"], "Ode Works");
                assert_eq!(item["details"]["Deals"], Json::Null);
            }
        }
        assert_eq!(
            api.number("SELECT count(*) FROM \"m_Accounts\" WHERE \"Account_Name\" = 'Ode Works'"),
            1
        );
    }

    pub(super) fn a_contact_of_the_same_address_is_the_lead(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "Tern" })])
            .remove(0);
        let contact = json!({ "Last_Name": "Other", "Email": "Lena@Ode.example.com",
            "Account_Name": { "id": account } });
        let contact = ada.make("Contacts", &[contact]).remove(0);
        let lead = lead(
            &ada,
            &json!({ "Last_Name": "Ode", "Company": "Ode Works", "Email": "lena@ode.example.com" }),
        );
        let made = converted(&ada, &lead, &json!({}));
        assert_eq!(made["Contacts"], json!({ "name": "Other", "id": contact }));
        // It is of the account that the contact is of.
        assert_eq!(made["Accounts"], json!({ "name": "Tern", "id": account }));
    }

    pub(super) fn an_account_of_the_same_name_is_the_company(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead_of = |name: &str| {
            let values = json!({ "Last_Name": name, "Company": "ODE works" });
            lead(&ada, &values)
        };
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "Ode Works" })])
            .remove(0);
        let first = converted(&ada, &lead_of("Ode"), &json!({}));
        assert_eq!(first["Accounts"]["id"], account);
        // The name alone, in the same account, is the same person; another is another.
        let again = converted(&ada, &lead_of("Ode"), &json!({}));
        assert_eq!(again["Contacts"], first["Contacts"]);
        let other = converted(&ada, &lead_of("Rowe"), &json!({}));
        assert_ne!(other["Contacts"]["id"], first["Contacts"]["id"]);
        let apart = json!({ "add_to_existing_record": false });
        let apart = converted(&ada, &lead_of("Ode"), &apart);
        assert_ne!(apart["Contacts"]["id"], first["Contacts"]["id"]);
        assert_ne!(apart["Accounts"]["id"], account);
    }

    pub(super) fn a_lead_without_a_company_becomes_a_contact_alone(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = lead(&ada, &json!({ "Last_Name": "Ode" }));
        let made = converted(&ada, &lead, &json!({}));
        assert_eq!(made["Accounts"], Json::Null);
        let contact = ada.record("Contacts", &id(&made["Contacts"]));
        assert_eq!(contact["Account_Name"], Json::Null);
    }

    pub(super) fn named_records_are_taken_and_nothing_else_is_looked_for(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let contact = ada
            .make("Contacts", &[json!({ "Last_Name": "Tern" })])
            .remove(0);
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "Tern" })])
            .remove(0);
        let lead = lead(&ada, &json!({ "Last_Name": "Ode", "Company": "Ode Works" }));
        let named = json!({
            "Contacts": { "id": contact }, "Accounts": { "id": account }, "overwrite": true,
        });
        let made = converted(&ada, &lead, &named);
        assert_eq!(made["Contacts"]["id"], contact);
        // The account got the company's name, and the contact its account.
        assert_eq!(
            made["Accounts"],
            json!({ "name": "Ode Works", "id": account })
        );
        assert_eq!(
            ada.record("Contacts", &contact)["Account_Name"]["id"],
            account
        );
    }
}
