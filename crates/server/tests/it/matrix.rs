//! The matrix of (token, scope, profile, role, sharing, territory) over the table of routes: for each
//! line, who is refused, and with what.

mod rows;

use crate::api::{Api, Reply};
use model::access::{Access, Sharing};
use model::blueprint::{Blueprint, Transition};
use model::id::{BlueprintId, TransitionId, UserId};
use model::people::Right;
use rows::{Needs, ROWS, Row};
use serde_json::json;
use server::routes::{Method, ROUTES, Route};
use std::collections::BTreeSet;
use testkit::{Kind, each_db};

each_db! {
    tokens_and_scopes_are_asked_of_every_route,
    a_deactivated_user_is_refused_by_every_route,
    the_right_of_a_profile_is_asked_of_every_route,
    a_record_out_of_reach_is_unknown_to_every_route,
    a_reach_opens_every_route_as_far_as_it_goes,
}

#[test]
fn every_route_has_its_row() {
    let line = |method: &'static str, pattern: &'static str| format!("{method} {pattern}");
    let of_route = |route: &Route| line(route.method.as_str(), route.pattern);
    let of_row = |row: &Row| line(row.method.as_str(), row.pattern);
    let routes: BTreeSet<String> = ROUTES.iter().map(of_route).collect();
    let rows: BTreeSet<String> = ROWS.iter().map(of_row).collect();
    let missing: Vec<&String> = routes.difference(&rows).collect();
    assert!(missing.is_empty(), "no row in matrix/rows.rs: {missing:?}");
    let gone: Vec<&String> = rows.difference(&routes).collect();
    assert!(gone.is_empty(), "no such route: {gone:?}");
    for row in ROWS.iter().filter(|row| row.pattern.contains("{module}")) {
        assert!(
            row.scope.contains("leads"),
            "{}: name the module",
            of_row(row)
        );
    }
}

/// A token that nobody ever had.
const UNKNOWN: &str = "1000.00000000000000000000000000000000.00000000000000000000000000000000";
/// An id that nothing has, as long as the others.
const NOTHING: &str = "999999999999999999";
/// The only way of the blueprint that every lead is in, and where it starts.
const WAIT: TransitionId = TransitionId(72);
const STATE: &str = "Contacted";

/// Owns the lead.
const OWNER: &str = "joana.brito";
/// Is in a role above the owner's.
const SUPERIOR: &str = "tomas.leal";
/// Is in the owner's role, which shares nothing with peers; member of Maharashtra.
const OUTSIDE: &str = "rohan.desai";
/// The same, but member of Nordics, where members may only see.
const READER: &str = "oskar.lind";
/// Whose profile the tests take rights from.
const DESK: &str = "carla.moura";

struct World {
    api: Api,
}

impl World {
    /// Leads are private, and who is not Care Desk has every right over them.
    fn start(kind: Kind) -> Self {
        let api = Api::start_demo(kind);
        let world = Self { api };
        world.share_module(Sharing::Private);
        world.add_blueprint();
        world
    }

    /// Every lead that is made in its state is in a process, whose only way leads back to where it starts.
    fn add_blueprint(&self) {
        self.api.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            let leads = modules.find(|module| module.api_name == "Leads").unwrap();
            leads.blueprints.push(Blueprint {
                id: BlueprintId(71),
                name: "Follow-up".to_owned(),
                field: leads.field("Lead_Status").unwrap().id,
                layout: None,
                criteria: None,
                transitions: vec![Transition {
                    id: WAIT,
                    name: "Wait".to_owned(),
                    from: vec![STATE.to_owned()],
                    to: STATE.to_owned(),
                    criteria: None,
                    fields: Vec::new(),
                    profiles: Vec::new(),
                    owner_only: false,
                }],
            });
        });
    }

    fn share_module(&self, sharing: Sharing) {
        self.api.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            let leads = modules.find(|module| module.api_name == "Leads").unwrap();
            leads.sharing = sharing;
            let id = leads.id;
            let mut profiles = catalog.profiles.iter_mut();
            let standard = profiles.find(|profile| profile.name == "Standard").unwrap();
            standard.modules.insert(id, Right::ALL.to_vec());
        });
    }

    /// Care Desk has every right over Leads but this one.
    fn take_right(&self, right: Right) {
        self.api.change_catalog(|catalog| {
            let leads = catalog.module("Leads").unwrap().id;
            let mut profiles = catalog.profiles.iter_mut();
            let desk = profiles
                .find(|profile| profile.name == "Care Desk")
                .unwrap();
            let others = Right::ALL.into_iter().filter(|other| *other != right);
            desk.modules.insert(leads, others.collect());
            desk.fields.clear();
        });
    }

    fn user(&self, name: &str) -> UserId {
        self.api.user(name)
    }

    fn no_leads(&self) {
        self.api.run_jobs();
        for table in [
            "\"m_Leads\"",
            "holds",
            "record_territories",
            "record_shares",
            "record_blueprints",
        ] {
            self.api.execute(&format!("DELETE FROM {table}"));
        }
    }

    /// The only lead, of the owner, in the territory World, locked if the row is about a lock.
    fn lead(&self, row: &Row) -> Lead {
        self.no_leads();
        let owner = self.api.caller(OWNER);
        let asked = [row.pattern, row.query, row.body].concat();
        // A lead in a process is not converted.
        let state = if asked.contains("conver") {
            "Junk Lead"
        } else {
            STATE
        };
        let id = owner
            .make(
                "Leads",
                &[json!({ "Last_Name": "Ode", "Lead_Status": state })],
            )
            .remove(0);
        let lock = asked
            .contains("{lock_id}")
            .then(|| owner.lock("Leads", &id));
        if row.pattern.ends_with("remove_tags") {
            let known = json!({ "tags": [{ "name": "Known" }] });
            let reply = owner.post(&format!("Leads/{id}/actions/add_tags"), &known);
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        let note = asked.contains("{note_id}").then(|| {
            let body = json!({ "data": [{ "Note_Content": "…" }] });
            owner
                .post(&format!("Leads/{id}/Notes"), &body)
                .ids()
                .remove(0)
        });
        let file = asked
            .contains("{attachment_id}")
            .then(|| owner.attach("Leads", &id, "a.txt", b"content"));
        let lead = Lead {
            id,
            lock,
            note,
            file,
        };
        if row.pattern.ends_with("/share") && row.method == Method::Delete {
            self.share(&lead, DESK, "read_only");
        }
        self.put_into(&lead, "World");
        lead
    }

    fn put_into(&self, lead: &Lead, territory: &str) {
        let (id, territory) = (&lead.id, self.api.territory(territory));
        let module = self.api.catalog().module("Leads").unwrap().id;
        let admin = self.user("admin");
        self.api.execute(&format!(
            "INSERT INTO record_territories (record, territory, module, actor, at)
             VALUES ({id}, {territory}, {module}, {admin}, 0)"
        ));
    }

    fn share(&self, lead: &Lead, with: &str, permission: &str) {
        let (id, user, admin) = (&lead.id, self.user(with), self.user("admin"));
        let module = self.api.catalog().module("Leads").unwrap().id;
        self.api.execute(&format!(
            "INSERT INTO record_shares (record, user_id, module, permission, actor, at)
             VALUES ({id}, {user}, {module}, '{permission}', {admin}, 0)"
        ));
    }

    fn fill(&self, text: &str, lead: &Lead) -> String {
        let with = |text: String, key: &str, value: &dyn Fn() -> String| {
            if text.contains(key) {
                text.replace(key, &value())
            } else {
                text
            }
        };
        let text = with(text.to_owned(), "{version}", &|| "v8".to_owned());
        let text = with(text, "{module}", &|| "Leads".to_owned());
        let text = with(text, "{api_name}", &|| "Leads".to_owned());
        let text = with(text, "{id}", &|| lead.id.clone());
        let text = with(text, "{lock_id}", &|| lead.lock.clone().unwrap());
        let text = with(text, "{note_id}", &|| lead.note.clone().unwrap());
        let text = with(text, "{attachment_id}", &|| lead.file.clone().unwrap());
        let text = with(text, "{view}", &|| self.api.view("Leads", "All Leads"));
        let text = with(text, "{user}", &|| self.user("meera.kulkarni").to_string());
        let text = with(text, "{colleague}", &|| self.user(DESK).to_string());
        let text = with(text, "{world}", &|| self.api.territory("World"));
        let text = with(text, "{territory}", &|| self.api.territory("South Asia"));
        let text = text.replace("{record_id}", &lead.id);
        text.replace("{client_id}", "1000.NOBODY")
            .replace("{transition}", &WAIT.to_string())
            .replace("{kind}", "stop")
            .replace("{job}", NOTHING)
            .replace("{plan}", NOTHING)
            .replace("{call}", NOTHING)
    }

    /// What a row's request answers to a token, or without one.
    fn ask(&self, row: &Row, lead: &Lead, token: Option<&str>) -> Reply {
        let mut path = self.fill(row.pattern, lead);
        if !row.query.is_empty() {
            path = format!("{path}?{}", self.fill(row.query, lead));
        }
        let body = self.fill(row.body, lead);
        let header = token.map(|token| format!("Zoho-oauthtoken {token}"));
        let headers: Vec<(&str, &str)> = header
            .iter()
            .map(|header| ("Authorization", header.as_str()))
            .collect();
        self.api
            .send(row.method.as_str(), &path, &headers, body.as_bytes())
    }

    /// The same, which must change no record. The ids form of a mass action still leaves its job.
    fn ask_in_vain(&self, row: &Row, lead: &Lead, who: &str) -> Reply {
        let before = self.api.record_tables();
        let reply = self.ask_as(row, lead, who);
        let after = self.api.record_tables();
        assert!(before == after, "{}", told(row, who, &reply));
        reply
    }

    fn ask_as(&self, row: &Row, lead: &Lead, who: &str) -> Reply {
        let token = self.api.token(self.user(who), row.scope);
        self.ask(row, lead, Some(&token))
    }
}

#[derive(Clone)]
struct Lead {
    id: String,
    lock: Option<String>,
    note: Option<String>,
    file: Option<String>,
}

impl Lead {
    /// None at all.
    fn none() -> Self {
        let nothing = || Some(NOTHING.to_owned());
        Self {
            id: NOTHING.to_owned(),
            lock: nothing(),
            note: nothing(),
            file: nothing(),
        }
    }

    /// The same in words that do not name it.
    fn unnamed(&self, reply: &Reply) -> (u16, String) {
        (reply.status, reply.text.replace(&self.id, "THE LEAD"))
    }
}

/// Rows that ask for a token.
fn closed() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(|row| row.needs != Needs::Nothing)
}

fn told(row: &Row, what: &str, reply: &Reply) -> String {
    let (method, pattern) = (row.method.as_str(), row.pattern);
    format!(
        "{what}: {method} {pattern}: {} {}",
        reply.status, reply.text
    )
}

fn expect(row: &Row, what: &str, reply: &Reply, status: u16, code: &str) {
    let told = told(row, what, reply);
    assert_eq!(reply.status, status, "{told}");
    assert_eq!(reply.json()["code"], code, "{told}");
}

/// Panics unless the request was let through and, where it is about the lead, done.
fn expect_done(row: &Row, what: &str, reply: &Reply) {
    let told = told(row, what, reply);
    let refusals = [
        "AUTHENTICATION",
        "AUTHORIZATION",
        "OAUTH_SCOPE",
        "INVALID_TOKEN",
        "NO_PERMISSION",
    ];
    for refusal in refusals {
        assert!(!reply.text.contains(refusal), "{told}");
    }
    if matches!(
        row.needs,
        Needs::Record(..) | Needs::OwnRecord(..) | Needs::Seen(_)
    ) {
        assert!(reply.status < 300, "{told}");
        assert!(!reply.text.contains("\"status\":\"error\""), "{told}");
    }
}

/// The scope for another operation, where no rule lets one operation stand for the other.
fn for_another_operation(scope: &str) -> String {
    let other = |one: &str| {
        let (group, op) = one.rsplit_once('.').unwrap();
        let op = if op == "DELETE" { "READ" } else { "DELETE" };
        format!("{group}.{op}")
    };
    let all: Vec<String> = scope.split(',').map(other).collect();
    all.join(",")
}

mod check {
    use super::*;

    pub(super) fn tokens_and_scopes_are_asked_of_every_route(kind: Kind) {
        let world = World::start(kind);
        let admin = world.user("admin");
        let lead = Lead::none();
        let expired: Vec<String> = closed()
            .map(|row| world.api.token(admin, row.scope))
            .collect();
        world.api.clock.advance_ms(3_600_000);
        for (row, expired) in closed().zip(&expired) {
            let refused = |what: &str, token: Option<&str>, code: &str| {
                let reply = world.ask(row, &lead, token);
                expect(row, what, &reply, 401, code);
            };
            refused("no token", None, "AUTHENTICATION_FAILURE");
            refused("unknown token", Some(UNKNOWN), "INVALID_TOKEN");
            refused("expired token", Some(expired), "INVALID_TOKEN");
            let mut scopes = vec![
                ("another scope", "ZohoCRM.nothing.ALL".to_owned()),
                ("another operation", for_another_operation(row.scope)),
            ];
            if row.scope.contains("leads") {
                scopes.push(("another module", row.scope.replace("leads", "deals")));
            }
            for (what, scope) in scopes {
                let token = world.api.token(admin, &scope);
                refused(what, Some(&token), "OAUTH_SCOPE_MISMATCH");
            }
            let token = world.api.token(admin, row.scope);
            let reply = world.ask(row, &lead, Some(&token));
            assert_ne!(reply.status, 401, "{}", told(row, "its scope", &reply));
        }
        for row in ROWS.iter().filter(|row| row.needs == Needs::Nothing) {
            let reply = world.ask(row, &lead, None);
            assert_ne!(reply.status, 401, "{}", told(row, "no token", &reply));
        }
    }

    pub(super) fn a_deactivated_user_is_refused_by_every_route(kind: Kind) {
        let world = World::start(kind);
        let lead = Lead::none();
        for row in closed() {
            let reply = world.ask_as(row, &lead, "piet.vos");
            expect(row, "deactivated", &reply, 400, "AUTHORIZATION_FAILED");
        }
    }

    pub(super) fn the_right_of_a_profile_is_asked_of_every_route(kind: Kind) {
        let world = World::start(kind);
        let mut rows: Vec<(&Row, Option<Right>)> = closed()
            .map(|row| match row.needs {
                Needs::Module(right)
                | Needs::Seen(right)
                | Needs::Record(right, _)
                | Needs::OwnRecord(right, _) => (row, Some(right)),
                Needs::Nothing | Needs::User | Needs::Administrator | Needs::Emptying => {
                    (row, None)
                }
            })
            .collect();
        rows.sort_by_key(|(_, right)| *right);
        let mut taken = None;
        for (row, right) in rows {
            if let Some(right) = right.filter(|right| taken != Some(*right)) {
                world.take_right(right);
                taken = Some(right);
            }
            let lead = world.lead(row);
            let reply = world.ask_as(row, &lead, DESK);
            if right.is_some() || row.needs == Needs::Administrator {
                expect(row, "without the right", &reply, 403, "NO_PERMISSION");
            } else if row.needs == Needs::Emptying {
                expect(row, "a user", &reply, 400, "AUTHORIZATION_FAILED");
            } else {
                expect_done(row, "a user", &reply);
            }
            let reply = world.ask_as(row, &world.lead(row), "admin");
            expect_done(row, "administrator", &reply);
        }
    }

    pub(super) fn a_record_out_of_reach_is_unknown_to_every_route(kind: Kind) {
        let world = World::start(kind);
        for row in closed() {
            match row.needs {
                Needs::Record(..) | Needs::OwnRecord(..) => {
                    let lead = world.lead(row);
                    let unknown = Lead {
                        id: NOTHING.to_owned(),
                        ..lead.clone()
                    };
                    let of_unknown = unknown.unnamed(&world.ask_as(row, &unknown, OUTSIDE));
                    let reply = world.ask_in_vain(row, &lead, OUTSIDE);
                    let told = told(row, "outside", &reply);
                    assert_eq!(lead.unnamed(&reply), of_unknown, "{told}");
                    let reply = world.ask_as(row, &lead, OWNER);
                    expect_done(row, "owner", &reply);
                    assert_ne!(lead.unnamed(&reply), of_unknown, "owner of {told}");
                }
                Needs::Seen(_) => {
                    world.no_leads();
                    let nobody = Lead::none();
                    let of_none = world.ask_as(row, &nobody, OUTSIDE);
                    let lead = world.lead(row);
                    let reply = world.ask_in_vain(row, &lead, OUTSIDE);
                    let (none, some) = (nobody.unnamed(&of_none), lead.unnamed(&reply));
                    assert_eq!(some, none, "{}", told(row, "outside", &reply));
                    let reply = world.ask_as(row, &lead, OWNER);
                    expect_done(row, "owner", &reply);
                    assert_ne!(lead.unnamed(&reply), none, "{}", told(row, "owner", &reply));
                }
                Needs::Nothing
                | Needs::User
                | Needs::Administrator
                | Needs::Emptying
                | Needs::Module(_) => {}
            }
        }
    }

    /// How somebody reaches the lead.
    #[derive(Clone, Copy, Debug)]
    enum Way {
        Nobody,
        Territory(&'static str),
        Share(&'static str),
    }

    pub(super) fn a_reach_opens_every_route_as_far_as_it_goes(kind: Kind) {
        let world = World::start(kind);
        let ways = [
            ("admin", Way::Nobody, Access::Full),
            (SUPERIOR, Way::Nobody, Access::Full),
            (OUTSIDE, Way::Territory("Maharashtra"), Access::Full),
            (READER, Way::Territory("Nordics"), Access::Read),
            (OUTSIDE, Way::Share("read_only"), Access::Read),
            (OUTSIDE, Way::Share("read_write"), Access::Write),
            (OUTSIDE, Way::Share("full_access"), Access::Full),
        ];
        for way in ways {
            reach(&world, way);
        }
        for sharing in [
            Sharing::PublicReadOnly,
            Sharing::PublicReadWrite,
            Sharing::PublicReadWriteDelete,
        ] {
            world.share_module(sharing);
            reach(&world, (OUTSIDE, Way::Nobody, sharing.access()));
        }
    }

    fn public(way: Way, access: Access) -> bool {
        matches!(way, Way::Nobody) && access == Access::Full
    }

    fn reach(world: &World, (who, way, access): (&str, Way, Access)) {
        for row in closed() {
            let needed = match row.needs {
                // Where all reach all, there is nobody to share with.
                Needs::OwnRecord(..) if who == OUTSIDE && public(way, access) => continue,
                Needs::Record(_, needed) | Needs::OwnRecord(_, needed) => needed,
                Needs::Seen(Right::View) => Access::Read,
                _ => continue,
            };
            let lead = world.lead(row);
            match way {
                Way::Nobody => {}
                Way::Territory(name) => world.put_into(&lead, name),
                Way::Share(permission) => world.share(&lead, who, permission),
            }
            let what = format!("{who} by {way:?}");
            let lent = matches!((row.needs, way), (Needs::OwnRecord(..), Way::Share(_)));
            if access >= needed && !lent {
                expect_done(row, &what, &world.ask_as(row, &lead, who));
                continue;
            }
            let reply = world.ask_in_vain(row, &lead, who);
            let told = told(row, &what, &reply);
            // The change of owner has words of its own, and a place among the ids (wire API 5).
            let (text, place, status) = match row.pattern.rsplit_once("/actions/") {
                Some((before, "change_owner")) => {
                    let text = "You do not have permission to change the owner of this record.";
                    let alone = before.ends_with("{id}");
                    (text, (!alone).then_some(0), if alone { 403 } else { 400 })
                }
                _ => (
                    "no permission to perform an action on this record",
                    None,
                    400,
                ),
            };
            let mut details = json!({ "id": lead.id });
            if let Some(place) = place {
                details["index"] = json!(place);
            }
            let refused = json!({
                "code": "CANNOT_PERFORM_ACTION", "details": details, "message": text,
                "status": "error",
            });
            let json = reply.json();
            let found = json["data"].get(0).unwrap_or(&json);
            assert_eq!((found, reply.status), (&refused, status), "{told}");
        }
    }
}
