//! The demo's conversion: leads of its own, three of each company, become contacts, accounts and deals
//! by a job, and leads again by its undo; one is converted by its id; then the leads go into the
//! recycle bin.

use super::step::Road;
use anyhow::{Context, Result};
use serde_json::{Value as Json, json};

/// Leads that are converted.
const LEADS: i64 = 12;
/// Companies that they work for: each makes one account.
const COMPANIES: i64 = 4;
/// What tells the companies from all others.
const COMPANY: &str = "Conversion of the demo";

/// What can be shown of it beside its steps.
pub(super) struct Conversion {
    /// Accounts of those companies: before, by the job, after its undo.
    pub(super) accounts: [i64; 3],
    /// What one lead became by its id: contact, account and deal.
    pub(super) one: [String; 3],
}

impl Conversion {
    /// Whether every account is as it was arranged.
    pub(super) fn as_planned(&self) -> bool {
        self.accounts == [0, COMPANIES, 0] && self.one.iter().all(|name| !name.is_empty())
    }
}

/// Converts leads of the administrator's.
pub(super) fn mass_convert(road: &mut Road<'_>) -> Result<Conversion> {
    let admin = road.admin;
    let leads = (0..LEADS).map(|n| {
        let company = format!("{COMPANY} {}", n % COMPANIES + 1);
        let last = format!("Conversion {}", n + 1);
        json!({ "Last_Name": last, "Company": company, "Lead_Status": "Junk Lead" })
    });
    let made = admin.post("Leads", &json!({ "data": leads.collect::<Vec<Json>>() }))?;
    let items = made["data"].as_array().into_iter().flatten();
    let ids: Vec<&str> = items
        .filter_map(|item| item["details"]["id"].as_str())
        .collect();
    let first = *ids.first().context("no leads to convert")?;
    let before = accounts(road)?;

    let deal = json!({
        "Deal_Name": COMPANY, "Stage": "Qualification", "Closing_Date": "2031-06-30",
    });
    let body = json!({
        "action": "convert", "module": "Leads",
        "selection": { "criteria": format!("(Company:starts_with:{COMPANY})") },
        "change": { "deal": deal },
    });
    let wanted = (LEADS, LEADS, 0);
    let plan = road.plan("conversion of other leads", &body, wanted)?;
    let job = road.run("conversion from the plan", &plan, wanted)?;
    let converted = accounts(road)?;
    // Each lead, its contact and its deal, and the accounts.
    let all = 3 * LEADS + COMPANIES;
    road.undo("undo of that job", &job, (all, all, 0))?;
    let undone = accounts(road)?;

    let body = json!({ "data": [{ "Deals": deal }] });
    let answer = admin.post(&format!("Leads/{first}/actions/convert"), &body)?;
    let made = |module: &str| {
        let name = &answer["data"][0]["details"][module]["name"];
        name.as_str().unwrap_or_default().to_owned()
    };
    let one = [made("Contacts"), made("Accounts"), made("Deals")];
    admin.delete(&format!("Leads?ids={}", ids.join(",")))?;
    Ok(Conversion {
        accounts: [before, converted, undone],
        one,
    })
}

/// How many accounts there are of those companies.
fn accounts(road: &Road<'_>) -> Result<i64> {
    let found = road
        .admin
        .get("Accounts?fields=Account_Name&per_page=200")?;
    let all = found["data"].as_array().into_iter().flatten();
    let ours = all.filter(|account| {
        let name = account["Account_Name"].as_str();
        name.is_some_and(|name| name.starts_with(COMPANY))
    });
    Ok(i64::try_from(ours.count())?)
}
