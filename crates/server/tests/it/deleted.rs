//! The list of a module's deleted records (wire API 9.7), and what time makes of them.

use crate::api::Api;
use crate::demo::{error, run};
use model::access::Sharing;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    deleted_records_are_listed_in_every_version_as_the_sample_shows,
    the_list_is_paged_with_the_latest_first,
    only_what_was_deleted_since_is_asked_for,
    pattern_not_matched_for_a_bad_type,
    a_list_has_no_more_pages_than_it_may,
    no_permission_without_the_right_to_view,
    a_list_shows_what_the_reader_reaches,
    a_record_leaves_the_bin_after_60_days_and_is_forgotten_after_120_more,
    what_was_deleted_together_leaves_together_in_bounded_steps,
}

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn listed(reply: &crate::api::Reply) -> Vec<(String, String)> {
    let text = |item: &Json, key: &str| item[key].as_str().unwrap().to_owned();
    let items = reply.items();
    let pair = |item: &Json| (text(item, "id"), text(item, "type"));
    items.iter().map(pair).collect()
}

mod check {
    use super::*;

    pub(super) fn deleted_records_are_listed_in_every_version_as_the_sample_shows(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        assert_eq!(ada.get("Leads/deleted").status, 204);
        let lead = json!({ "First_Name": "Ana", "Last_Name": "Reis" });
        let lead = ines.make("Leads", &[lead]).remove(0);
        api.clock.advance_ms(90_000);
        assert_eq!(ada.delete(&format!("Leads/{lead}")).status, 200);
        let user =
            |name: &str, full: &str| json!({ "name": full, "id": api.user(name).to_string() });
        let item = json!({
            "deleted_by": user("admin", "Ada Kestrel"),
            "id": lead,
            "display_name": "Ana Reis",
            "type": "recycle",
            "created_by": user("ines", "Inês Faria"),
            "deleted_time": "2024-01-01T00:01:30+00:00",
        });
        let info = json!({ "per_page": 200, "count": 1, "page": 1, "more_records": false });
        let wanted = json!({ "data": [item], "info": info });
        for version in Version::ALL {
            let ada = ada.speaking(version);
            for query in ["", "?type=all", "?type=recycle"] {
                ada.get(&format!("Leads/deleted{query}")).is(200, &wanted);
            }
            assert_eq!(ada.get("Leads/deleted?type=permanent").status, 204);
            assert_eq!(ada.get("Deals/deleted").status, 204);
        }
        let path = format!("settings/recycle_bin/{lead}");
        assert_eq!(ada.delete(&path).status, 200);
        let item = json!({
            "deleted_by": null,
            "id": lead,
            "display_name": null,
            "type": "permanent",
            "created_by": null,
            "deleted_time": "2024-01-01T00:01:30+00:00",
        });
        let wanted = json!({ "data": [item], "info": info });
        for query in ["", "?type=all", "?type=permanent"] {
            ada.get(&format!("Leads/deleted{query}")).is(200, &wanted);
        }
        assert_eq!(ada.get("Leads/deleted?type=recycle").status, 204);
    }

    pub(super) fn the_list_is_paged_with_the_latest_first(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(3);
        for lead in &leads {
            assert_eq!(ada.delete(&format!("Leads/{lead}")).status, 200);
            api.clock.advance_ms(1_000);
        }
        let reply = ada.get("Leads/deleted?per_page=2");
        assert_eq!(reply.ids(), [leads[2].as_str(), leads[1].as_str()]);
        let info = json!({ "per_page": 2, "count": 2, "page": 1, "more_records": true });
        assert_eq!(reply.json()["info"], info);
        let reply = ada.get("Leads/deleted?per_page=2&page=2");
        assert_eq!(reply.ids(), [leads[0].as_str()]);
        let info = json!({ "per_page": 2, "count": 1, "page": 2, "more_records": false });
        assert_eq!(reply.json()["info"], info);
        assert_eq!(ada.get("Leads/deleted?per_page=2&page=3").status, 204);
    }

    pub(super) fn only_what_was_deleted_since_is_asked_for(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        assert_eq!(ada.delete(&format!("Leads/{}", leads[0])).status, 200);
        api.clock.advance_ms(60_000);
        assert_eq!(ada.delete(&format!("Leads/{}", leads[1])).status, 200);
        let since = |at: &str| ada.send("GET", "Leads/deleted", &[("If-Modified-Since", at)], b"");
        assert_eq!(since("2023-12-31T23:59:59+00:00").ids().len(), 2);
        assert_eq!(
            since("2024-01-01T00:00:00+00:00").ids(),
            [leads[1].as_str()]
        );
        let nothing = since("2024-01-01T00:01:00+00:00");
        assert_eq!((nothing.status, nothing.text.as_str()), (304, ""));
        assert_eq!(
            since("yesterday").json()["code"],
            "UNABLE_TO_PARSE_DATA_TYPE"
        );
    }

    pub(super) fn pattern_not_matched_for_a_bad_type(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let text = "Please check whether the input values are correct";
        let wanted = error(
            "PATTERN_NOT_MATCHED",
            text,
            &json!({ "param_name": "type" }),
        );
        for version in Version::ALL {
            for bad in ["bin", "", "Recycle"] {
                let path = format!("Leads/deleted?type={bad}");
                ada.speaking(version).get(&path).is(400, &wanted);
            }
        }
    }

    pub(super) fn a_list_has_no_more_pages_than_it_may(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let bad = |query: &str| ada.get(&format!("Leads/deleted?{query}")).json()["code"].clone();
        for query in ["page=0", "page=x", "per_page=0", "per_page=201", "page=-1"] {
            assert_eq!(bad(query), "INVALID_DATA", "{query}");
        }
        assert_eq!(bad("page=501"), "DISCRETE_PAGINATION_LIMIT_EXCEEDED");
        assert_eq!(ada.get("Leads/deleted?page=500").status, 204);
    }

    pub(super) fn no_permission_without_the_right_to_view(kind: Kind) {
        let api = Api::start_demo(kind);
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let profile = catalog.profiles.iter_mut().find(|p| p.name == "Care Desk");
            profile.unwrap().modules.remove(&leads);
        });
        let details = json!({ "permissions": ["Crm_Implied_View_Leads"] });
        let wanted = error("NO_PERMISSION", "permission denied", &details);
        api.caller("carla").get("Leads/deleted").is(403, &wanted);
    }

    pub(super) fn a_list_shows_what_the_reader_reaches(kind: Kind) {
        let api = Api::start_demo(kind);
        api.change_catalog(|catalog| {
            let leads = catalog.modules.iter_mut().find(|m| m.api_name == "Leads");
            leads.unwrap().sharing = Sharing::Private;
        });
        // Joana sells in the field, Tomás leads her, Rohan is in her role.
        let (joana, tomas, rohan) = (
            api.caller("joana"),
            api.caller("tomas"),
            api.caller("rohan"),
        );
        let lead = joana.make_leads(1).remove(0);
        assert_eq!(
            api.caller("admin").delete(&format!("Leads/{lead}")).status,
            200
        );
        for sees in [&joana, &tomas] {
            assert_eq!(sees.get("Leads/deleted").ids(), [lead.as_str()]);
            assert_eq!(
                sees.get(&format!("settings/recycle_bin/{lead}")).status,
                200
            );
        }
        assert_eq!(rohan.get("Leads/deleted").status, 204);
        assert_eq!(rohan.get("settings/recycle_bin").status, 204);
        assert_eq!(
            rohan.get(&format!("settings/recycle_bin/{lead}")).status,
            204
        );
        let count = |caller: &crate::demo::Caller<'_>| {
            caller.get("settings/recycle_bin/actions/count").json()["count"].clone()
        };
        assert_eq!((count(&tomas), count(&rohan)), (json!(1), json!(0)));
    }

    pub(super) fn a_record_leaves_the_bin_after_60_days_and_is_forgotten_after_120_more(
        kind: Kind,
    ) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        assert_eq!(ada.delete(&format!("Leads/{lead}")).status, 200);
        let restore = format!("settings/recycle_bin/{lead}/actions/restore");
        let types = || {
            api.run_jobs();
            let ada = api.caller("admin");
            let reply = ada.get("Leads/deleted");
            if reply.status == 204 {
                return Vec::new();
            }
            listed(&reply).into_iter().map(|(_, kind)| kind).collect()
        };
        api.clock.advance_ms(60 * DAY_MS);
        assert_eq!(types(), ["recycle"]);
        api.clock.advance_ms(60 * 60 * 1_000);
        assert_eq!(types(), ["permanent"]);
        // Nothing of it can be read any more, and it cannot come back.
        let left = "SELECT count(*) FROM deleted_records WHERE name IS NOT NULL
            OR owner IS NOT NULL OR beside IS NOT NULL OR created_by IS NOT NULL";
        assert_eq!(api.number(left), 0);
        let reply = api.caller("admin").post(&restore, &json!({}));
        assert_eq!(
            (reply.status, api.number("SELECT count(*) FROM \"m_Leads\"")),
            (400, 0)
        );
        api.clock.advance_ms(120 * DAY_MS);
        assert_eq!(types(), ["permanent"]);
        api.clock.advance_ms(60 * 60 * 1_000);
        assert_eq!(types(), Vec::<String>::new());
        assert_eq!(api.number("SELECT count(*) FROM deleted_records"), 0);
        // Its history is the org's.
        assert_eq!(
            api.number("SELECT count(*) FROM changes WHERE kind = 'delete'"),
            1
        );
    }

    pub(super) fn what_was_deleted_together_leaves_together_in_bounded_steps(kind: Kind) {
        let api = Api::start_demo(kind);
        let at = {
            use model::time::Clock;
            api.clock.now().0
        };
        let leads = api.catalog().module("Leads").unwrap().id;
        let admin = api.user("admin");
        // Roots with greater ids than what they took along.
        api.execute(&format!(
            "INSERT INTO deleted_records (record, rev, module, root, deleted_by, deleted_at)
             WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x + 1 < 6000)
             SELECT 1000 + x, 2, {leads}, 6900 + x % 100, {admin}, {at} FROM n"
        ));
        api.clock.advance_ms(60 * DAY_MS + 1);
        let orphans = "SELECT count(*) FROM deleted_records d WHERE purged_at IS NOT NULL AND
            EXISTS (SELECT 1 FROM deleted_records r WHERE r.record = d.root AND r.purged_at IS NULL)";
        let mut worker = api.worker();
        let mut steps = 0;
        while worker.step() == jobs::Step::Tidied {
            steps += 1;
            assert_eq!(api.number(orphans), 0);
        }
        assert_eq!(steps, 2);
        assert_eq!(run(api.worker()), []);
        let left = "SELECT count(*) FROM deleted_records WHERE purged_at IS NULL";
        assert_eq!(api.number(left), 0);
    }
}
