//! The org (wire API 13).

use super::meta::{asker, joined};
use super::users::nulls;
use crate::answer::Answer;
use crate::call::Call;
use model::catalog::Edition;
use model::limits::PER_PAGE_MAX;
use serde_json::json;
use store::Fault;

/// `GET /org`
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let catalog = &actor.catalog;
        let org = &catalog.org;
        let primary = catalog.user_by_email(&org.primary_email);
        Ok(joined([
            json!({
                "id": org.id.to_string(),
                "zgid": org.id.to_string(),
                "ezgid": null,
                "company_name": org.company,
                "domain_name": format!("org{}", org.id),
                "type": "production",
                "time_zone": org.time_zone,
                "currency": org.currency,
                "currency_symbol": org.currency_symbol,
                "currency_locale": "en_US",
                "iso_code": org.iso_code,
                "country_code": org.country_code,
                "primary_email": org.primary_email,
                "primary_zuid": primary.map(|user| user.id.to_string()),
                "max_per_page": PER_PAGE_MAX,
            }),
            json!({
                // Nobody sells licences here; what an edition has is what the org file says.
                "license_details": {
                    "paid": org.edition != Edition::Free,
                    "paid_type": org.edition.as_str(),
                    "paid_expiry": null,
                    "users_license_purchased": catalog.users.len(),
                    "trial_type": null,
                    "trial_expiry": null,
                    "trial_action": null,
                },
                "hierarchy_preferences": { "type": "Role_Hierarchy", "strictly_reporting": false },
                "checkin_preferences": { "restricted_event_types": null },
                "mc_status": false,
                "gapps_enabled": false,
                "translation_enabled": false,
                "privacy_settings": false,
                "hipaa_compliance_enabled": false,
                "lite_users_enabled": false,
                "deletable_org_account": false,
                "oauth_presence": true,
            }),
            nulls(&[
                "alias",
                "description",
                "employee_count",
                "phone",
                "mobile",
                "fax",
                "website",
                "street",
                "city",
                "state",
                "zip",
                "country",
                "photo_id",
                "call_icon",
                "zia_portal_id",
                "zia_zgid",
                "created_time",
            ]),
        ]))
    })?;
    Ok(Answer::ok(json!({ "org": [shown] })))
}
