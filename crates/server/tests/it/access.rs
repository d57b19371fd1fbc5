//! Which records somebody sees and may change, by owner, role, peers and territory; and that rights
//! are those of the moment, not of the acceptance.

use crate::api::Api;
use crate::demo::{Caller, error, in_data};
use jobs::Step;
use model::access::Sharing;
use model::people::Right;
use model::territory::TerritoryAccess;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_record_is_seen_by_its_owner_and_those_above_and_administrators,
    peers_see_each_other_where_their_role_says_so,
    members_see_their_territory_and_those_below,
    a_record_without_an_owner_is_nobodys,
    every_list_holds_what_is_seen,
    a_list_by_page_token_follows_the_rights_of_the_moment,
    a_job_is_for_the_records_that_its_actor_sees,
    cannot_perform_action_on_a_record_that_is_seen_but_not_changed,
    rights_that_change_while_a_job_runs_are_honoured,
    a_role_that_changes_while_a_job_runs_is_honoured,
    a_reader_of_a_territory_changes_nothing_by_a_job,
    a_lookup_to_a_record_out_of_reach_is_one_to_none,
    a_lookup_shows_no_name_that_its_reader_may_not_see,
    a_taken_value_does_not_tell_of_a_record_out_of_reach,
    if_unmodified_since_does_not_tell_of_a_record_out_of_reach,
    without_the_right_to_view_nothing_is_there,
    hidden_fields_cannot_be_selected_by,
    who_may_only_change_a_record_cannot_give_it_away,
    who_may_only_change_a_record_cannot_put_it_into_a_territory,
    an_import_finds_no_name_out_of_reach,
}

fn start(kind: Kind) -> Api {
    let api = Api::start_demo(kind);
    for module in ["Leads", "Accounts", "Contacts"] {
        api.make_private(module);
    }
    api
}

fn sees(api: &Api, who: &str, lead: &str) -> bool {
    let status = api.caller(who).get(&format!("Leads/{lead}")).status;
    assert!([200, 204].contains(&status));
    status == 200
}

fn seen_by(api: &Api, lead: &str) -> Vec<&'static str> {
    let people = [
        "admin", "ines", "tomas", "meera", "joana", "oskar", "rohan", "carla",
    ];
    people
        .into_iter()
        .filter(|who| sees(api, who, lead))
        .collect()
}

/// A lead of this person.
fn lead_of(api: &Api, who: &str) -> String {
    api.caller(who).make_leads(1).remove(0)
}

fn give(api: &Api, condition: &str, to: &str) {
    let user = api.user(to);
    api.execute(&format!(
        "UPDATE \"m_Leads\" SET \"Owner\" = {user} WHERE {condition}"
    ));
}

fn put_into(api: &Api, lead: &str, territory: &str) {
    let (module, admin) = (api.catalog().module("Leads").unwrap().id, api.user("admin"));
    let territory = api.territory(territory);
    api.execute(&format!(
        "INSERT INTO record_territories (record, territory, module, actor, at)
         VALUES ({lead}, {territory}, {module}, {admin}, 0)"
    ));
}

fn share(api: &Api, condition: &str, with: &str, permission: &str) {
    let (module, user) = (api.catalog().module("Leads").unwrap().id, api.user(with));
    api.execute(&format!(
        "INSERT INTO record_shares (record, user_id, module, permission, actor, at)
         SELECT id, {user}, {module}, '{permission}', {user}, 0 FROM \"m_Leads\" WHERE {condition}"
    ));
}

fn outcomes(api: &Api) -> Vec<(String, i64)> {
    let codes = [
        "NOT_VISIBLE",
        "CANNOT_PERFORM_ACTION",
        "INVALID_DATA",
        "GONE",
    ];
    let count = |code: &&str| {
        let sql = format!("SELECT count(*) FROM job_outcomes WHERE code = '{code}'");
        ((*code).to_owned(), api.number(&sql))
    };
    codes
        .iter()
        .map(count)
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn by_view(api: &Api) -> Json {
    json!({ "data": [{ "Lead_Source": "Chat" }], "cvid": api.view("Leads", "All Leads") })
}

const UNKNOWN: &str = "7701200000600009";

/// The same answer, but for the id, as for an id that names nothing.
fn as_unknown(id: &str, ask: impl Fn(&str) -> crate::api::Reply) {
    let (known, unknown) = (ask(id), ask(UNKNOWN));
    let told = known.text.replace(id, "ID");
    assert_eq!(
        (known.status, told),
        (unknown.status, unknown.text.replace(UNKNOWN, "ID"))
    );
}

mod check {
    use super::*;

    pub(super) fn a_record_is_seen_by_its_owner_and_those_above_and_administrators(kind: Kind) {
        let api = start(kind);
        let of_joana = lead_of(&api, "joana");
        assert_eq!(
            seen_by(&api, &of_joana),
            ["admin", "ines", "tomas", "meera", "joana"]
        );
        let of_ines = lead_of(&api, "ines");
        assert_eq!(seen_by(&api, &of_ines), ["admin", "ines"]);
        let of_carla = lead_of(&api, "carla");
        assert_eq!(seen_by(&api, &of_carla), ["admin", "carla"]);
        // What a colleague leaves behind stays with those above.
        give(&api, &format!("id = {of_carla}"), "piet");
        assert_eq!(
            seen_by(&api, &of_carla),
            ["admin", "ines", "tomas", "meera"]
        );
    }

    pub(super) fn peers_see_each_other_where_their_role_says_so(kind: Kind) {
        let api = start(kind);
        let (of_tomas, of_joana) = (lead_of(&api, "tomas"), lead_of(&api, "joana"));
        assert_eq!(
            seen_by(&api, &of_tomas),
            ["admin", "ines", "tomas", "meera"]
        );
        assert!(!sees(&api, "rohan", &of_joana));
        api.change_catalog(|catalog| {
            for role in &mut catalog.roles {
                role.share_with_peers = role.name == "Field Sales";
            }
        });
        assert_eq!(seen_by(&api, &of_tomas), ["admin", "ines", "tomas"]);
        assert!(sees(&api, "rohan", &of_joana));
    }

    pub(super) fn members_see_their_territory_and_those_below(kind: Kind) {
        let api = start(kind);
        let lead = lead_of(&api, "admin");
        for (territory, wanted) in [
            ("World", vec!["admin"]),
            ("Nordics", vec!["admin", "ines", "oskar"]),
            (
                "Maharashtra",
                vec!["admin", "ines", "meera", "oskar", "rohan"],
            ),
        ] {
            put_into(&api, &lead, territory);
            assert_eq!(seen_by(&api, &lead), wanted, "{territory}");
        }
        // The territory that a member belongs to says what may be done with what is below it.
        let change = json!({ "data": [{ "Company": "New" }] });
        let code = |who: &str| {
            api.caller(who)
                .put(&format!("Leads/{lead}"), &change)
                .codes()
        };
        assert_eq!(code("oskar"), ["CANNOT_PERFORM_ACTION"]);
        assert_eq!(code("ines"), ["SUCCESS"]);
        api.change_catalog(|catalog| {
            for territory in &mut catalog.territories {
                if territory.name == "Europe" {
                    territory.access = TerritoryAccess::ReadOnly;
                }
            }
        });
        assert_eq!(code("ines"), ["CANNOT_PERFORM_ACTION"]);
        assert_eq!(code("rohan"), ["SUCCESS"]);
    }

    pub(super) fn a_record_without_an_owner_is_nobodys(kind: Kind) {
        let api = start(kind);
        let lead = lead_of(&api, "joana");
        api.execute("UPDATE \"m_Leads\" SET \"Owner\" = NULL");
        assert_eq!(seen_by(&api, &lead), ["admin"]);
        let change = json!({ "data": [{ "Company": "New" }] });
        let joana = api.caller("joana");
        as_unknown(&lead, |id| joana.put(&format!("Leads/{id}"), &change));
    }

    pub(super) fn every_list_holds_what_is_seen(kind: Kind) {
        let api = start(kind);
        let of_joana = lead_of(&api, "joana");
        let of_rohan = lead_of(&api, "rohan");
        let lent = lead_of(&api, "admin");
        share(&api, &format!("id = {lent}"), "joana", "read_only");
        let view = api.view("Leads", "All Leads");
        let ids = format!("{of_joana},{of_rohan},{lent}");
        let lists = [
            "Leads?fields=id".to_owned(),
            format!("Leads?fields=id&cvid={view}"),
            format!("Leads?fields=id&ids={ids}"),
            "Leads?fields=id&sort_by=Created_Time&sort_order=asc".to_owned(),
            "Leads?fields=id&converted=both".to_owned(),
        ];
        let held = |caller: &Caller<'_>, list: &str| {
            let mut ids = caller.get(list).ids();
            ids.sort();
            ids
        };
        for list in lists {
            assert_eq!(
                held(&api.caller("joana"), &list),
                [&*of_joana, &lent],
                "{list}"
            );
            assert_eq!(held(&api.caller("rohan"), &list), [&*of_rohan], "{list}");
            assert_eq!(api.caller("carla").get(&list).status, 204, "{list}");
            assert_eq!(held(&api.caller("admin"), &list).len(), 3, "{list}");
        }
        let token = api.token(api.user("joana"), "ZohoCRM.modules.ALL");
        for query in ["", "?view=All+Leads", "?criteria=(Last_Name:equals:Lead+0)"] {
            let path = format!("/swathe/v1/records/Leads{query}");
            let mut exported = api.call("GET", &path, &token).ids();
            exported.sort();
            assert_eq!(exported, [&*of_joana, &lent], "{query}");
        }
    }

    pub(super) fn a_list_by_page_token_follows_the_rights_of_the_moment(kind: Kind) {
        let api = start(kind);
        let joana = api.caller("joana");
        let mut leads = joana.make_leads(4);
        leads.sort();
        let first = joana.get("Leads?fields=id&per_page=2&sort_order=asc");
        assert_eq!(first.ids(), leads[..2]);
        give(&api, &format!("id = {}", leads[2]), "admin");
        let token = first.json()["info"]["next_page_token"].clone();
        let next = format!(
            "Leads?fields=id&per_page=2&sort_order=asc&page_token={}",
            token.as_str().unwrap()
        );
        assert_eq!(joana.get(&next).ids(), leads[3..]);
    }

    pub(super) fn a_job_is_for_the_records_that_its_actor_sees(kind: Kind) {
        let api = start(kind);
        lead_of(&api, "joana");
        lead_of(&api, "rohan");
        let lent = lead_of(&api, "admin");
        share(&api, &format!("id = {lent}"), "joana", "read_only");
        let joana = api.caller("joana");
        let job = joana.schedule(&by_view(&api));
        assert_eq!(api.number("SELECT count(*) FROM job_targets"), 2);
        api.run_jobs();
        joana.expect_status(&job, "COMPLETED", [1, 1, 0, 2]);
        assert_eq!(outcomes(&api), [("CANNOT_PERFORM_ACTION".to_owned(), 1)]);
        let chats = "SELECT count(*) FROM \"m_Leads\" WHERE \"Lead_Source\" = 'Chat'";
        assert_eq!(api.number(chats), 1);
        // Who sees none has no records in the view, whatever others have there.
        let none = error("NO_RECORDS_FOUND", "no record found to update", &json!({}));
        let carla = api.caller("carla");
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let mut profiles = catalog.profiles.iter_mut();
            let desk = profiles
                .find(|profile| profile.name == "Care Desk")
                .unwrap();
            desk.modules.insert(leads, Right::ALL.to_vec());
            desk.fields.clear();
        });
        carla.mass_update("Leads", &by_view(&api)).is(400, &none);
    }

    pub(super) fn cannot_perform_action_on_a_record_that_is_seen_but_not_changed(kind: Kind) {
        let api = start(kind);
        api.share_module("Leads", Sharing::PublicReadOnly);
        let lead = lead_of(&api, "joana");
        let rohan = api.caller("rohan");
        let text = "no permission to perform an action on this record";
        let refused = in_data(&error(
            "CANNOT_PERFORM_ACTION",
            text,
            &json!({ "id": lead }),
        ));
        let body = json!({ "data": [{ "Lead_Source": "Chat" }], "ids": [lead] });
        let before = api.record_tables();
        for version in Version::ALL {
            let status = if version <= Version::V2_1 { 200 } else { 400 };
            let rohan = rohan.speaking(version);
            rohan.mass_update("Leads", &body).is(status, &refused);
            let change = json!({ "data": [{ "Company": "New" }] });
            let reply = rohan.put(&format!("Leads/{lead}"), &change);
            assert_eq!(reply.json(), refused, "{}", version.as_str());
            let reply = rohan.delete(&format!("Leads/{lead}"));
            assert_eq!(reply.json(), refused, "{}", version.as_str());
        }
        assert_eq!(api.record_tables(), before);
    }

    pub(super) fn rights_that_change_while_a_job_runs_are_honoured(kind: Kind) {
        let api = start(kind);
        let first = 4_150_868_000_001_000_000;
        api.seed_leads(first, 700);
        give(&api, "TRUE", "joana");
        let joana = api.caller("joana");
        let job = joana.schedule(&by_view(&api));
        let mut worker = api.worker();
        assert!(!matches!(worker.step(), Step::Idle));
        assert!(!matches!(worker.step(), Step::Idle));
        let done = "SELECT cursor FROM jobs";
        let done = api.number(done);
        assert!((1..=650).contains(&done), "{done}");
        let last = |n: i64| format!("id >= {}", first + 700 - n);
        give(&api, &last(30), "admin");
        share(&api, &last(20), "joana", "read_only");
        share(
            &api,
            &format!("id = {}", first + 670),
            "joana",
            "read_write",
        );
        let lent = format!("id = {}", first + 671);
        share(&api, &lent, "joana", "full_access");
        crate::demo::run(worker);
        joana.expect_status(&job, "COMPLETED", [28, 672, 0, 700]);
        let wanted = [
            ("NOT_VISIBLE".to_owned(), 8),
            ("CANNOT_PERFORM_ACTION".to_owned(), 20),
        ];
        assert_eq!(outcomes(&api), wanted);
        let message = "SELECT count(*) FROM job_outcomes WHERE code = 'NOT_VISIBLE'
             AND message = 'the record is no longer shown to the user who started the job'";
        assert_eq!(api.number(message), 8);
        let chats = "SELECT count(*) FROM \"m_Leads\" WHERE \"Lead_Source\" = 'Chat'";
        assert_eq!(api.number(chats), 672);
    }

    pub(super) fn a_role_that_changes_while_a_job_runs_is_honoured(kind: Kind) {
        let api = start(kind);
        api.seed_leads(4_150_868_000_001_000_000, 700);
        give(&api, "TRUE", "joana");
        let tomas = api.caller("tomas");
        let job = tomas.schedule(&by_view(&api));
        let mut worker = api.worker();
        worker.step();
        worker.step();
        let done = api.number("SELECT cursor FROM jobs");
        assert!((1..700).contains(&done), "{done}");
        api.change_catalog(|catalog| {
            let mut roles = catalog.roles.iter();
            let care = roles.find(|role| role.name == "Customer Care").unwrap().id;
            let mut users = catalog.users.iter_mut();
            let joana = users.find(|user| user.email.starts_with("joana")).unwrap();
            joana.role = care;
        });
        crate::demo::run(worker);
        tomas.expect_status(&job, "COMPLETED", [700 - done, done, 0, 700]);
        assert_eq!(outcomes(&api), [("NOT_VISIBLE".to_owned(), 700 - done)]);
    }

    pub(super) fn a_reader_of_a_territory_changes_nothing_by_a_job(kind: Kind) {
        let api = start(kind);
        let lead = lead_of(&api, "admin");
        put_into(&api, &lead, "Nordics");
        let oskar = api.caller("oskar");
        let mut body = by_view(&api);
        body["territory"] = json!({ "id": api.territory("Nordics"), "include_child": false });
        let job = oskar.schedule(&body);
        api.run_jobs();
        oskar.expect_status(&job, "FAILED", [1, 0, 0, 1]);
        assert_eq!(outcomes(&api), [("CANNOT_PERFORM_ACTION".to_owned(), 1)]);
    }

    pub(super) fn a_lookup_to_a_record_out_of_reach_is_one_to_none(kind: Kind) {
        let api = start(kind);
        let (joana, rohan) = (api.caller("joana"), api.caller("rohan"));
        let account = joana
            .make("Accounts", &[json!({ "Account_Name": "A" })])
            .remove(0);
        let contact = rohan
            .make("Contacts", &[json!({ "Last_Name": "B" })])
            .remove(0);
        let before = api.record_tables();
        as_unknown(&account, |id| {
            let new = json!({ "data": [{ "Last_Name": "C", "Account_Name": { "id": id } }] });
            rohan.post("Contacts", &new)
        });
        as_unknown(&account, |id| {
            let change = json!({ "data": [{ "Account_Name": { "id": id } }] });
            rohan.put(&format!("Contacts/{contact}"), &change)
        });
        as_unknown(&account, |id| {
            let change = json!({ "data": [{ "Account_Name": { "id": id } }], "ids": [contact] });
            rohan.mass_update("Contacts", &change)
        });
        assert_eq!(api.record_tables(), before);
    }

    pub(super) fn a_lookup_shows_no_name_that_its_reader_may_not_see(kind: Kind) {
        let api = start(kind);
        let ada = api.caller("admin");
        let account = ada
            .make("Accounts", &[json!({ "Account_Name": "Secret" })])
            .remove(0);
        let contact = json!({
            "Last_Name": "B", "Account_Name": { "id": account },
            "Owner": { "id": api.user("rohan").to_string() },
        });
        let contact = ada.make("Contacts", &[contact]).remove(0);
        let of = |who: &str| api.caller(who).record("Contacts", &contact)["Account_Name"].clone();
        assert_eq!(of("admin"), json!({ "name": "Secret", "id": account }));
        assert_eq!(of("rohan"), json!({ "name": null, "id": account }));
        api.share_module("Accounts", Sharing::PublicReadOnly);
        assert_eq!(of("rohan"), json!({ "name": "Secret", "id": account }));
        api.change_catalog(|catalog| {
            let accounts = catalog.module("Accounts").unwrap().id;
            for profile in &mut catalog.profiles {
                profile.modules.remove(&accounts);
            }
        });
        assert_eq!(of("rohan"), json!({ "name": null, "id": account }));
    }

    pub(super) fn a_taken_value_does_not_tell_of_a_record_out_of_reach(kind: Kind) {
        let api = start(kind);
        let taken = json!({ "Last_Name": "A", "External_Id": "E-1" });
        let lead = api.caller("joana").make("Leads", &[taken]).remove(0);
        let again = json!({ "data": [{ "Last_Name": "B", "External_Id": "e-1" }] });
        let told = |who: &str| {
            let reply = api.caller(who).post("Leads", &again);
            assert_eq!(reply.codes(), ["DUPLICATE_DATA"]);
            reply.items()[0]["details"].clone()
        };
        let place = json!({ "api_name": "External_Id", "json_path": "$.data[0].External_Id" });
        assert_eq!(told("rohan"), place);
        assert_eq!(told("tomas")["duplicate_record"]["id"], lead.as_str());
    }

    pub(super) fn if_unmodified_since_does_not_tell_of_a_record_out_of_reach(kind: Kind) {
        let api = start(kind);
        let lead = lead_of(&api, "joana");
        api.clock.advance_ms(60_000);
        let header = [("If-Unmodified-Since", "2020-01-01T00:00:00+00:00")];
        let rohan = api.caller("rohan");
        as_unknown(&lead, |id| {
            let body = json!({ "data": [{ "id": id, "Company": "New" }] }).to_string();
            rohan.send("PUT", "Leads", &header, body.as_bytes())
        });
        let body = json!({ "data": [{ "id": lead, "Company": "New" }] }).to_string();
        let reply = api
            .caller("joana")
            .send("PUT", "Leads", &header, body.as_bytes());
        assert_eq!(reply.status, 412);
    }

    pub(super) fn without_the_right_to_view_nothing_is_there(kind: Kind) {
        let api = start(kind);
        api.share_module("Leads", Sharing::PublicReadWriteDelete);
        let lead = lead_of(&api, "joana");
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            for profile in &mut catalog.profiles {
                let rights = Right::ALL.into_iter().filter(|right| *right != Right::View);
                profile.modules.insert(leads, rights.collect());
            }
        });
        let joana = api.caller("joana");
        assert_eq!(joana.get(&format!("Leads/{lead}")).status, 403);
        let change = json!({ "data": [{ "Company": "New" }] });
        as_unknown(&lead, |id| joana.put(&format!("Leads/{id}"), &change));
        as_unknown(&lead, |id| joana.delete(&format!("Leads/{id}")));
    }

    pub(super) fn hidden_fields_cannot_be_selected_by(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make("Leads", &[json!({ "Last_Name": "A", "Annual_Revenue": 7 })]);
        let token = api.token(api.user("carla"), "ZohoCRM.modules.ALL");
        for query in [
            "criteria=(Annual_Revenue:greater_than:5)",
            "view=All+Leads&criteria=(Annual_Revenue:greater_than:5)",
        ] {
            let path = format!("/swathe/v1/records/Leads?{query}");
            let reply = api.call("GET", &path, &token);
            assert_eq!(
                (reply.status, reply.json()["code"].as_str()),
                (400, Some("INVALID_DATA"))
            );
            let own = api.token(api.user("joana"), "ZohoCRM.modules.ALL");
            assert_eq!(api.call("GET", &path, &own).items().len(), 1);
        }
        let carla = api.caller("carla");
        let mut body = by_view(&api);
        body["data"] = json!([{ "Lead_Status": "Contacted" }]);
        body["criteria"] = json!({
            "field": { "api_name": "Annual_Revenue" }, "comparator": "greater_than", "value": "5",
        });
        let reply = carla.mass_update("Leads", &body);
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (400, Some("INVALID_DATA"))
        );
        let v2 = carla.speaking(Version::V2);
        assert_eq!(v2.get("Leads?sort_by=Annual_Revenue").status, 400);
        let shown = carla.get("Leads?fields=Last_Name,Annual_Revenue").items();
        assert_eq!(shown[0].get("Annual_Revenue"), None);
    }

    pub(super) fn who_may_only_change_a_record_cannot_give_it_away(kind: Kind) {
        let api = start(kind);
        api.share_module("Leads", Sharing::PublicReadWrite);
        let lead = lead_of(&api, "joana");
        let rohan = api.caller("rohan");
        let path = format!("Leads/{lead}");
        let to = |who: &str| json!({ "id": api.user(who).to_string() });
        let take = json!({ "data": [{ "Company": "New", "Owner": to("rohan") }] });
        let text = "no permission to perform an action on this record";
        let refused = error("CANNOT_PERFORM_ACTION", text, &json!({ "id": lead }));
        api.unchanged_by(|| rohan.put(&path, &take).is(400, &in_data(&refused)));
        // Clients send back whole records: an owner that stays is no change.
        let same = json!({ "data": [{ "Company": "New", "Owner": to("joana") }] });
        assert_eq!(rohan.put(&path, &same).codes(), ["SUCCESS"]);
        assert_eq!(api.caller("tomas").put(&path, &take).codes(), ["SUCCESS"]);
    }

    pub(super) fn who_may_only_change_a_record_cannot_put_it_into_a_territory(kind: Kind) {
        let api = start(kind);
        let leads = api.caller("joana").make_leads(2);
        // One is theirs to change by a share, the other as everybody's.
        share(&api, &format!("id = {}", leads[0]), "rohan", "read_write");
        let text = "no permission to perform an action on this record";
        for (lead, sharing) in leads
            .iter()
            .zip([Sharing::Private, Sharing::PublicReadWrite])
        {
            api.share_module("Leads", sharing);
            put_into(&api, lead, "Iberia");
            let wanted = in_data(&error(
                "CANNOT_PERFORM_ACTION",
                text,
                &json!({ "id": lead }),
            ));
            for (action, territory) in [("assign", "Maharashtra"), ("remove", "Iberia")] {
                let list = [json!({ "id": api.territory(territory) })];
                let body = json!({ "data": [{ "Territories": list }] });
                let path = format!("Leads/{lead}/actions/{action}_territories");
                let reply = api.unchanged_by(|| api.caller("rohan").post(&path, &body));
                reply.is(400, &wanted);
            }
        }
    }

    pub(super) fn an_import_finds_no_name_out_of_reach(kind: Kind) {
        let api = start(kind);
        let account = json!({ "Account_Name": "Twin" });
        api.caller("joana")
            .make("Accounts", std::slice::from_ref(&account));
        let import = |who: &str| {
            let headers = ["Last_Name", "Account_Name"].map(str::to_owned);
            let map = model::import_map::ImportMap::default();
            let user = api.user(who);
            let mut import =
                crm::import::Import::open(&api.db, user, "Contacts", &headers, map).unwrap();
            let row = crm::import::Rows::new(&b"B,Twin"[..])
                .next_row()
                .unwrap()
                .unwrap();
            let mut batch = import.reader().read(vec![row]);
            let now = model::time::Clock::now(api.clock.as_ref());
            let rejected = import.load(&mut batch, now).unwrap();
            rejected
                .into_iter()
                .map(|rejected| rejected.reason)
                .collect::<Vec<_>>()
        };
        let none = "line 1: Account_Name: no record of Accounts is named \"Twin\"";
        assert_eq!(import("rohan"), [none]);
        assert_eq!(import("joana"), Vec::<String>::new());
        // A twin that they do not see makes the name no less clear.
        api.caller("rohan").make("Accounts", &[account]);
        assert_eq!(import("joana"), Vec::<String>::new());
    }
}
