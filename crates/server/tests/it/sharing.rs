//! Sharing a record with users: what a share does, what is refused, and what is shown.

use crate::api::{Api, Reply};
use crate::demo::error;
use model::access::Sharing;
use model::people::Right;
use serde_json::{Value as Json, json};
use server::Version;
use testkit::{Kind, each_db};

each_db! {
    a_share_lets_its_user_do_what_it_says,
    a_put_names_all_users_and_a_delete_none,
    shares_are_shown_to_who_sees_the_record,
    a_share_is_a_revision_of_the_record,
    what_is_not_understood_is_not_shared,
    what_would_be_promised_and_not_done_is_not_supported,
    a_record_is_not_shared_with_who_cannot_use_it,
    a_record_is_not_shared_with_who_sees_it_anyway,
    eleven_users_are_too_many,
    what_was_lent_is_not_lent_on,
    a_held_record_is_not_shared,
    tasks_are_not_shared_in_any_version,
    nothing_to_revoke_is_a_bad_request,
    a_deleted_record_is_no_longer_shared,
}

/// Leads are private; Care Desk has all rights over them and no field is hidden.
fn start(kind: Kind) -> Api {
    let api = Api::start_demo(kind);
    api.make_private("Leads");
    api.change_catalog(|catalog| {
        let leads = catalog.module("Leads").unwrap().id;
        let mut profiles = catalog.profiles.iter_mut();
        let desk = profiles
            .find(|profile| profile.name == "Care Desk")
            .unwrap();
        desk.modules.insert(leads, Right::ALL.to_vec());
        desk.fields.clear();
    });
    api
}

fn entry(api: &Api, user: &str, permission: &str) -> Json {
    json!({ "user": { "id": api.user(user).to_string() }, "permission": permission })
}

fn path(lead: &str) -> String {
    format!("Leads/{lead}/actions/share")
}

fn shared(reply: &Reply, lead: &str, count: usize) {
    let item = json!({
        "code": "SUCCESS", "details": { "id": lead },
        "message": "record will be shared successfully", "status": "success",
    });
    reply.is(200, &json!({ "share": vec![item; count] }));
}

mod check {
    use super::*;

    pub(super) fn a_share_lets_its_user_do_what_it_says(kind: Kind) {
        let api = start(kind);
        let (joana, carla) = (api.caller("joana"), api.caller("carla"));
        let lead = joana.make_leads(1).remove(0);
        let record = format!("Leads/{lead}");
        let change = json!({ "data": [{ "Company": "New" }] });
        let give = json!({ "data": [{ "Owner": { "id": api.user("carla").to_string() } }] });
        let denied = "CANNOT_PERFORM_ACTION";
        assert_eq!(carla.get(&record).status, 204);
        for (permission, codes) in [
            ("read_only", [denied, denied, denied]),
            ("read_write", ["SUCCESS", denied, denied]),
            ("full_access", ["SUCCESS", "SUCCESS", "SUCCESS"]),
        ] {
            let body = json!({ "share": [entry(&api, "carla", permission)] });
            shared(&joana.put(&path(&lead), &body), &lead, 1);
            let shown = carla.record("Leads", &lead);
            assert_eq!(shown["$sharing_permission"], permission);
            assert_eq!(shown["$editable"], permission != "read_only");
            assert_eq!(carla.put(&record, &change).codes(), [codes[0]]);
            assert_eq!(carla.put(&record, &give).codes(), [codes[1]]);
            if permission != "full_access" {
                assert_eq!(carla.delete(&record).codes(), [codes[2]]);
            }
        }
        assert_eq!(joana.get(&record).status, 204, "she gave it away");
        assert_eq!(carla.delete(&record).codes(), ["SUCCESS"]);
    }

    pub(super) fn a_put_names_all_users_and_a_delete_none(kind: Kind) {
        let api = start(kind);
        let joana = api.caller("joana");
        let lead = joana.make_leads(1).remove(0);
        let seen_by = || {
            let people = ["carla", "rohan", "oskar"].into_iter();
            let see = |who: &&str| api.caller(who).get(&format!("Leads/{lead}")).status == 200;
            people.filter(see).collect::<Vec<_>>()
        };
        let both = [
            entry(&api, "carla", "read_only"),
            entry(&api, "rohan", "read_write"),
        ];
        shared(
            &joana.post(&path(&lead), &json!({ "share": both })),
            &lead,
            2,
        );
        assert_eq!(seen_by(), ["carla", "rohan"]);
        let third = json!({ "share": [entry(&api, "oskar", "read_only")] });
        shared(&joana.post(&path(&lead), &third), &lead, 1);
        assert_eq!(seen_by(), ["carla", "rohan", "oskar"]);
        let less = json!({ "share": [entry(&api, "rohan", "read_only")] });
        shared(&joana.put(&path(&lead), &less), &lead, 1);
        assert_eq!(seen_by(), ["rohan"]);
        let revoked = json!({ "share": {
            "code": "SUCCESS", "details": { "id": lead }, "message": "Sharing Revoked",
            "status": "success",
        } });
        joana.delete(&path(&lead)).is(200, &revoked);
        assert_eq!(seen_by(), Vec::<&str>::new());
    }

    pub(super) fn shares_are_shown_to_who_sees_the_record(kind: Kind) {
        let api = start(kind);
        let (joana, carla) = (api.caller("joana"), api.caller("carla"));
        let lead = joana.make_leads(1).remove(0);
        let body = json!({ "share": [
            { "shared_with": { "id": api.user("carla").to_string(), "type": "users" },
              "permission": "read_only", "share_related_records": false, "type": "private" },
            { "user": { "id": api.user("rohan").to_string() } },
        ], "notify": false });
        shared(
            &joana.speaking(Version::V8).post(&path(&lead), &body),
            &lead,
            2,
        );
        let shown = carla.get(&path(&lead)).json();
        let of = |user: &str| {
            let catalog = api.catalog();
            let user = catalog.user(api.user(user)).unwrap().clone();
            let id = user.id.to_string();
            json!({ "full_name": user.full_name(), "id": id, "zuid": id })
        };
        // They were shared at one time: who is older comes first.
        let first = &shown["share"][1];
        assert_eq!(
            (&first["user"], &first["shared_by"], &first["permission"]),
            (&of("carla"), &of("joana"), &json!("read_only"))
        );
        let through = json!({
            "module": { "api_name": "Leads", "name": "Leads",
                        "id": api.catalog().module("Leads").unwrap().id.to_string() },
            "id": lead, "entity_name": "Lead 0", "name": "Lead 0",
        });
        assert_eq!(first["shared_through"], through);
        assert_eq!(
            shown["share"][0]["permission"], "full_access",
            "the vendor's default"
        );
        let users = shown["shareable_user"].as_array().unwrap();
        for who in ["oskar", "tomas"] {
            assert!(users.contains(&of(who)), "{who}");
        }
        // Who has it already, who owns it, administrators, and who cannot work.
        for who in ["carla", "joana", "admin", "piet", "sana"] {
            assert!(!users.contains(&of(who)), "{who}");
        }
        let only = format!("{}?sharedTo={}&view=manage", path(&lead), api.user("rohan"));
        let only = joana.get(&only).json();
        assert_eq!(only["share"].as_array().unwrap().len(), 1);
        assert_eq!(only["share"][0]["user"], of("rohan"));
        for (query, name) in [("sharedTo=x", "sharedTo"), ("view=all", "view")] {
            let refused = error(
                "INVALID_DATA",
                "invalid data",
                &json!({ "param_name": name }),
            );
            joana
                .get(&format!("{}?{query}", path(&lead)))
                .is(400, &refused);
        }
        let unknown = error(
            "INVALID_DATA",
            "ENTITY_ID_INVALID",
            &json!({ "resource_path_index": 1 }),
        );
        for id in ["7701200000600009", "abc"] {
            joana.get(&path(id)).is(400, &unknown);
        }
        api.caller("oskar").get(&path(&lead)).is(400, &unknown);
    }

    pub(super) fn a_share_is_a_revision_of_the_record(kind: Kind) {
        let api = start(kind);
        let joana = api.caller("joana");
        let lead = joana.make_leads(1).remove(0);
        let rev = || api.number(&format!("SELECT rev FROM \"m_Leads\" WHERE id = {lead}"));
        let body = json!({ "share": [entry(&api, "carla", "read_only")] });
        joana.post(&path(&lead), &body);
        assert_eq!(rev(), 2);
        joana.put(&path(&lead), &body);
        assert_eq!(rev(), 2, "it is shared so already");
        let more = json!({ "share": [entry(&api, "carla", "read_write")] });
        joana.put(&path(&lead), &more);
        joana.delete(&path(&lead));
        assert_eq!(rev(), 4);
        let shares = "SELECT count(*) FROM changes WHERE cause = 'share'";
        assert_eq!(api.number(shares), 3);
    }

    /// Sends each as a POST and a PUT; both must be refused so, and change nothing.
    fn all_refused(
        api: &Api,
        rows: impl IntoIterator<Item = (Json, &'static str, &'static str, Json)>,
    ) {
        let joana = api.caller("joana");
        let lead = joana.make_leads(1).remove(0);
        for (body, code, message, details) in rows {
            let refused = error(code, message, &details);
            api.unchanged_by(|| {
                joana.post(&path(&lead), &body).is(400, &refused);
                joana.put(&path(&lead), &body).is(400, &refused);
            });
        }
    }

    fn with(api: &Api, key: &str, value: Json) -> Json {
        let mut entry = entry(api, "carla", "read_only");
        entry[key] = value;
        json!({ "share": [entry] })
    }

    fn at(name: &str, path: &str) -> Json {
        json!({ "api_name": name, "json_path": path })
    }

    fn of_type(name: &str, path: &str, kind: &str) -> Json {
        json!({ "api_name": name, "json_path": path, "expected_data_type": kind })
    }

    pub(super) fn what_is_not_understood_is_not_shared(kind: Kind) {
        let api = start(kind);
        let carla = || entry(&api, "carla", "read_only");
        let (missing, invalid) = ("MANDATORY_NOT_FOUND", "INVALID_DATA");
        let (needed, wrong) = ("required field not found", "invalid data");
        let related = "the related id given seems to be invalid";
        let permission = "Permission is invalid";
        let no_user = with(&api, "user", json!({}));
        let odd_user = with(&api, "user", json!({ "id": "x" }));
        let unknown_user = with(&api, "user", json!({ "id": "77" }));
        let unknown_word = with(&api, "permission", json!("owner"));
        let no_word = with(&api, "permission", json!(1));
        let odd_key = with(&api, "permision", json!(1));
        let more = json!({ "share": [carla()], "shares": 1 });
        let twice = json!({ "share": [carla(), carla()] });
        let share = || at("share", "$.share");
        let user_id = || at("id", "$.share[0].user.id");
        let word = || at("permission", "$.share[0].permission");
        let no_list = of_type("share", "$.share", "jsonarray");
        let no_object = of_type("share", "$.share[0]", "jsonobject");
        let second = at("id", "$.share[1].user.id");
        let rows = [
            (json!({}), missing, needed, share()),
            (json!({ "share": [] }), missing, needed, share()),
            (json!({ "share": {} }), invalid, wrong, no_list),
            (json!({ "share": [7] }), invalid, wrong, no_object),
            (
                json!({ "share": [{}] }),
                missing,
                needed,
                at("user", "$.share[0].user"),
            ),
            (no_user, missing, needed, user_id()),
            (odd_user, invalid, related, user_id()),
            (unknown_user, invalid, related, user_id()),
            (unknown_word, invalid, permission, word()),
            (no_word, invalid, permission, word()),
            (
                odd_key,
                invalid,
                wrong,
                at("permision", "$.share[0].permision"),
            ),
            (more, invalid, wrong, at("shares", "$.shares")),
            (twice, "DUPLICATE_DATA", "duplicate data", second),
        ];
        all_refused(&api, rows);
    }

    pub(super) fn what_would_be_promised_and_not_done_is_not_supported(kind: Kind) {
        let api = start(kind);
        let code = "NOT_SUPPORTED";
        let told = json!({ "share": [entry(&api, "carla", "read_only")], "notify": true });
        let role = json!({ "id": api.user("carla").to_string(), "type": "roles" });
        let related = "share_related_records";
        let rows = [
            (
                told,
                code,
                "nobody is notified of a share: leave this out or say false",
                at("notify", "$.notify"),
            ),
            (
                with(&api, related, json!(true)),
                code,
                "records that belong to a shared one are shared by themselves",
                at(related, "$.share[0].share_related_records"),
            ),
            (
                with(&api, "type", json!("public")),
                code,
                "a record is shared with users: a module is made public in the org file",
                at("type", "$.share[0].type"),
            ),
            (
                with(&api, "user", role),
                code,
                "records are shared with users only",
                at("type", "$.share[0].user.type"),
            ),
        ];
        all_refused(&api, rows);
    }

    fn refused_at_user(api: &Api, lead: &str, user: &str, text: &str) {
        let details = json!({ "api_name": "id", "json_path": "$.share[1].user.id" });
        let refused = error("INVALID_DATA", text, &details);
        let others = [
            entry(api, "rohan", "read_only"),
            entry(api, user, "read_only"),
        ];
        let body = json!({ "share": others });
        api.unchanged_by(|| {
            api.caller("joana")
                .post(&path(lead), &body)
                .is(400, &refused);
        });
    }

    pub(super) fn a_record_is_not_shared_with_who_cannot_use_it(kind: Kind) {
        let api = start(kind);
        let lead = api.caller("joana").make_leads(1).remove(0);
        let text = "cannot share to the user";
        refused_at_user(&api, &lead, "piet", text);
        refused_at_user(&api, &lead, "sana", text);
        api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let mut profiles = catalog.profiles.iter_mut();
            let desk = profiles
                .find(|profile| profile.name == "Care Desk")
                .unwrap();
            desk.modules.remove(&leads);
        });
        refused_at_user(&api, &lead, "carla", text);
    }

    pub(super) fn a_record_is_not_shared_with_who_sees_it_anyway(kind: Kind) {
        let api = start(kind);
        let joana = api.caller("joana");
        let lead = joana.make_leads(1).remove(0);
        let text = "record is already visible to the user.";
        for who in ["joana", "tomas", "ines", "admin"] {
            refused_at_user(&api, &lead, who, text);
        }
        let carla = json!({ "share": [entry(&api, "carla", "read_only")] });
        shared(&joana.post(&path(&lead), &carla), &lead, 1);
        refused_at_user(&api, &lead, "carla", text);
        api.share_module("Leads", Sharing::PublicReadOnly);
        let details = json!({ "api_name": "id", "json_path": "$.share[0].user.id" });
        let refused = error("INVALID_DATA", text, &details);
        let oskar = json!({ "share": [entry(&api, "oskar", "read_only")] });
        joana.post(&path(&lead), &oskar).is(400, &refused);
        let more = json!({ "share": [entry(&api, "oskar", "read_write")] });
        shared(&joana.post(&path(&lead), &more), &lead, 1);
    }

    pub(super) fn eleven_users_are_too_many(kind: Kind) {
        let api = start(kind);
        api.change_catalog(|catalog| {
            let rohan = catalog
                .users
                .iter()
                .find(|user| user.email.starts_with("rohan"));
            let rohan = rohan.unwrap().clone();
            for n in 0..11 {
                let mut more = rohan.clone();
                more.id.0 = 900_000 + n;
                more.email = format!("more{n}.@example.com");
                catalog.users.push(more);
            }
        });
        let joana = api.caller("joana");
        let lead = joana.make_leads(1).remove(0);
        let all: Vec<Json> = (0..11)
            .map(|n| entry(&api, &format!("more{n}."), "read_only"))
            .collect();
        let limit = json!({ "limit": 10 });
        let text = "Cannot share a record to more than 10 users.";
        let refused = error("SHARE_LIMIT_EXCEEDED", text, &limit);
        api.unchanged_by(|| {
            joana
                .post(&path(&lead), &json!({ "share": all }))
                .is(400, &refused);
            joana
                .put(&path(&lead), &json!({ "share": all }))
                .is(400, &refused);
        });
        shared(
            &joana.post(&path(&lead), &json!({ "share": all[..10] })),
            &lead,
            10,
        );
        let one = json!({ "share": all[10..] });
        api.unchanged_by(|| joana.post(&path(&lead), &one).is(400, &refused));
        shared(&joana.put(&path(&lead), &one), &lead, 1);
    }

    pub(super) fn what_was_lent_is_not_lent_on(kind: Kind) {
        let api = start(kind);
        let (joana, carla) = (api.caller("joana"), api.caller("carla"));
        let lead = joana.make_leads(1).remove(0);
        let body = json!({ "share": [entry(&api, "carla", "full_access")] });
        shared(&joana.post(&path(&lead), &body), &lead, 1);
        let text = "no permission to perform an action on this record";
        let refused = error("CANNOT_PERFORM_ACTION", text, &json!({ "id": lead }));
        let body = json!({ "share": [entry(&api, "rohan", "read_only")] });
        api.unchanged_by(|| {
            carla.post(&path(&lead), &body).is(400, &refused);
            carla.put(&path(&lead), &body).is(400, &refused);
            carla.delete(&path(&lead)).is(400, &refused);
        });
    }

    pub(super) fn a_held_record_is_not_shared(kind: Kind) {
        let api = start(kind);
        let joana = api.caller("joana");
        let lead = joana.make_leads(1).remove(0);
        joana.lock("Leads", &lead);
        let details = json!({ "action": "record_locking", "id": lead });
        let text = "Sorry, you cannot perform this operation as the record is locked.";
        let refused = error("RECORD_LOCKED", text, &details);
        let body = json!({ "share": [entry(&api, "carla", "read_only")] });
        api.unchanged_by(|| joana.post(&path(&lead), &body).is(400, &refused));
    }

    pub(super) fn tasks_are_not_shared_in_any_version(kind: Kind) {
        let api = start(kind);
        let ada = api.caller("admin");
        let task = ada.make("Tasks", &[json!({ "Subject": "Call" })]).remove(0);
        for version in Version::ALL {
            let (code, text) = if version == Version::V8 {
                (
                    "NOT_SUPPORTED",
                    "the given module is not supported for this api",
                )
            } else {
                ("INVALID_MODULE", "The given module is not supported in API")
            };
            let refused = error(code, text, &json!({ "resource_path_index": 0 }));
            let path = format!("Tasks/{task}/actions/share");
            ada.speaking(version).get(&path).is(400, &refused);
        }
    }

    pub(super) fn nothing_to_revoke_is_a_bad_request(kind: Kind) {
        let api = start(kind);
        let joana = api.caller("joana");
        let lead = joana.make_leads(1).remove(0);
        let text = "No sharing through this record is available to revoke.";
        let refused = error("BAD_REQUEST", text, &json!({}));
        api.unchanged_by(|| joana.delete(&path(&lead)).is(400, &refused));
    }

    pub(super) fn a_deleted_record_is_no_longer_shared(kind: Kind) {
        let api = start(kind);
        let joana = api.caller("joana");
        let lead = joana.make_leads(1).remove(0);
        let body = json!({ "share": [entry(&api, "carla", "read_only")] });
        shared(&joana.post(&path(&lead), &body), &lead, 1);
        assert_eq!(joana.delete(&format!("Leads/{lead}")).codes(), ["SUCCESS"]);
        assert_eq!(api.number("SELECT count(*) FROM record_shares"), 0);
    }
}
