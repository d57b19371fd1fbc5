//! Undo, at random: jobs of every kind, work of others after them, then the undo, in chunks of any
//! size. What must stand in the end is told by snapshots of the tables, without looking at how an
//! undo comes to it.

use crate::api::Api;
use crate::demo::run;
use crate::recycle_bin::{BIN, delete, restore};
use crate::undo::ask;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Kind, each_db};

each_db! {
    chunks_of_any_size_put_back_the_same_and_only_what_nobody_touched,
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    /// Below `n`.
    fn roll(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    /// One of these.
    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    /// Each of these with a chance of one in `n`.
    fn some(&mut self, of: &[String], n: usize) -> Vec<String> {
        let some = of.iter().filter(|_| self.roll(n) == 0);
        some.cloned().collect()
    }
}

/// What stands in a cell; the first of the key is the record.
type Cells = BTreeMap<(String, String), String>;

fn cells(api: &Api) -> Cells {
    let fields = [
        ("Accounts", &["Owner", "Phone", "Industry"][..]),
        ("Tasks", &["Owner", "Subject", "Priority"][..]),
    ];
    let mut cells = Cells::new();
    for (module, fields) in fields {
        for field in fields {
            let table = format!("\"m_{module}\"");
            for row in api.rows(&table, &["id", &format!("\"{field}\"")]) {
                let row = row.split_once(": ").unwrap().1;
                let (id, value) = row.split_once(" | ").unwrap();
                cells.insert((id.to_owned(), (*field).to_owned()), value.to_owned());
            }
        }
    }
    cells
}

fn same(found: &Cells, wanted: &Cells, about: &str) {
    let keys: BTreeSet<_> = found.keys().chain(wanted.keys()).collect();
    let strays = keys
        .into_iter()
        .filter(|key| found.get(*key) != wanted.get(*key));
    let strays: Vec<_> = strays
        .map(|key| (key, found.get(key), wanted.get(key)))
        .collect();
    assert!(
        strays.is_empty(),
        "{about}: found and wanted are {strays:?}"
    );
}

/// What must stand after the undo: of what the job changed and nobody since, what stood before.
fn wanted(before: &Cells, after: &Cells, now: &Cells, kept: &BTreeSet<String>) -> Cells {
    let there = |cells: &Cells, id: &str| {
        let mut keys = cells.keys();
        keys.any(|(other, _)| other == id)
    };
    let mut wanted = now.clone();
    for (key, old) in before {
        if kept.contains(&key.0) {
            continue;
        }
        match (after.get(key), now.get(key)) {
            (Some(left), Some(value)) if value == left => {
                wanted.insert(key.clone(), old.clone());
            }
            // Deleted by the job, and by nobody since.
            (None, None) if !there(now, &key.0) => {
                wanted.insert(key.clone(), old.clone());
            }
            _ => {}
        }
    }
    wanted
}

struct World {
    api: Api,
    accounts: Vec<String>,
    tasks: Vec<String>,
    size: usize,
}

impl World {
    fn new(kind: Kind, size: usize, dice: &mut Dice) -> Self {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let account = |n: usize, dice: &mut Dice| {
            let phone = *dice.pick(&["1", "2", "3"]);
            json!({ "Account_Name": format!("A{n}"), "Phone": phone })
        };
        let accounts: Vec<Json> = (0..30).map(|n| account(n, dice)).collect();
        let accounts = ada.make("Accounts", &accounts);
        let task = |n: usize| json!({ "Subject": "T", "What_Id": { "id": accounts[n % 20] } });
        let tasks = ada.make("Tasks", &(0..40).map(task).collect::<Vec<_>>());
        Self {
            api,
            accounts,
            tasks,
            size,
        }
    }

    fn run(&self) {
        run(self.api.worker().with_chunks_of(self.size));
        self.api.clock.advance_ms(1_000);
    }

    /// Some job; answers the id of the last there was.
    fn job(&self, dice: &mut Dice) -> String {
        let (api, ada) = (&self.api, self.api.caller("admin"));
        let all = json!(api.view("Accounts", "All Accounts"));
        let mut some = dice.some(&self.accounts, 2);
        some.push(self.accounts[0].clone());
        let to = *dice.pick(&["oskar", "joana", "admin"]);
        let owner = json!({ "id": api.user_id(to) });
        let value = *dice.pick(&["1", "4"]);
        let data = json!([{ "Phone": value, "Industry": null }]);
        let (path, body) = match dice.roll(6) {
            0 => ("mass_update", json!({ "data": data, "cvid": all })),
            1 => ("mass_update", json!({ "data": data, "ids": some })),
            2 => ("mass_change_owner", json!({ "owner": owner, "cvid": all })),
            3 => {
                let related = json!([{ "api_name": "Tasks" }]);
                let body = json!({ "ids": some, "owner": owner, "related_modules": related });
                ("change_owner", body)
            }
            4 => ("mass_delete", json!({ "cvid": all })),
            _ => ("mass_delete", json!({ "ids": some })),
        };
        let reply = ada.post(&format!("Accounts/actions/{path}"), &body);
        // There may be nothing left to do it to.
        assert!(reply.status < 500, "{}", reply.text);
        self.run();
        self.newest()
    }

    /// Undoes a job, if it changed anything; answers which job did.
    fn undo(&self, job: &str) -> Option<String> {
        let reply = ask(&self.api, "admin", job, "");
        if reply.json()["code"] == "NO_RECORDS_FOUND" {
            return None;
        }
        assert_eq!(reply.status, 202, "{}", reply.text);
        self.run();
        Some(self.newest())
    }

    /// What others do meanwhile; answers the records that are kept as they are then.
    fn others(&self, dice: &mut Dice, before: &Cells) -> BTreeSet<String> {
        let (api, ines) = (&self.api, self.api.caller("ines"));
        let ada = api.caller("admin");
        let there = |module: &str, ids: &[String]| -> Vec<String> {
            let rows = api.rows(&format!("\"m_{module}\""), &["id"]);
            let stands = |id: &&String| rows.iter().any(|row| row.ends_with(id.as_str()));
            ids.iter().filter(stands).cloned().collect()
        };
        let standing = there("Accounts", &self.accounts);
        for id in dice.some(&standing, 4) {
            let phone = *dice.pick(&["1", "2", "4", "9"]);
            ines.put(
                &format!("Accounts/{id}"),
                &json!({ "data": [{ "Phone": phone }] }),
            );
        }
        let tasks = there("Tasks", &self.tasks);
        for id in dice.some(&tasks, 5) {
            let to = *dice.pick(&["ines", "oskar", "admin"]);
            let owner = json!({ "id": api.user_id(to) });
            ada.put(
                &format!("Tasks/{id}"),
                &json!({ "data": [{ "Owner": owner }] }),
            );
        }
        let mut kept = BTreeSet::new();
        // Locked now and until the undo is over: nobody may change it.
        for id in dice.some(&standing, 8) {
            ada.lock("Accounts", &id);
            kept.insert(id);
        }
        let was = |id: &&String| before.keys().any(|(other, _)| other == *id);
        let missing = self.accounts.iter().filter(was);
        let missing: Vec<String> = missing
            .filter(|id| !standing.contains(id))
            .cloned()
            .collect();
        for id in dice.some(&missing, 5) {
            let tasks = api.rows("deleted_records", &["root", "record"]);
            let own = tasks.iter().filter(|row| row.contains(&format!(" {id} |")));
            let along: Vec<String> = own
                .map(|row| row.rsplit_once(' ').unwrap().1.to_owned())
                .collect();
            match dice.roll(3) {
                0 => {
                    restore(&ada, std::slice::from_ref(&id));
                }
                1 => {
                    restore(&ada, std::slice::from_ref(&id));
                    delete(&ada, "Accounts", std::slice::from_ref(&id));
                    kept.extend(along);
                }
                _ => {
                    ada.delete(&format!("{BIN}?ids={id}"));
                    kept.extend(along);
                }
            }
        }
        api.clock.advance_ms(1_000);
        kept
    }

    fn newest(&self) -> String {
        let sql = "SELECT COALESCE(MAX(id), 0) FROM jobs";
        self.api.number(sql).to_string()
    }

    fn unlock(&self) {
        self.api.execute("DELETE FROM holds");
        self.api
            .execute("UPDATE \"m_Accounts\" SET \"Locked__s\" = FALSE");
    }
}

mod check {
    use super::*;

    pub(super) fn chunks_of_any_size_put_back_the_same_and_only_what_nobody_touched(kind: Kind) {
        for seed in 1..=3 {
            let left_by = |size: usize| {
                let mut dice = Dice(seed);
                let world = World::new(kind, size, &mut dice);
                for round in 0..6 {
                    let about = format!("seed {seed}, round {round}, chunks of {size}");
                    let before = cells(&world.api);
                    let last = world.newest();
                    let job = world.job(&mut dice);
                    if job == last {
                        continue;
                    }
                    let after = cells(&world.api);
                    let kept = world.others(&mut dice, &before);
                    let now = cells(&world.api);
                    let wanted = wanted(&before, &after, &now, &kept);
                    let first = world.undo(&job);
                    same(
                        &cells(&world.api),
                        &wanted,
                        &format!("{about}: undo of {job}"),
                    );
                    // Undone in turn, what came back goes again.
                    if let Some(first) = first.and_then(|id| world.undo(&id)) {
                        same(
                            &cells(&world.api),
                            &now,
                            &format!("{about}: undone by {first}"),
                        );
                    }
                    world.unlock();
                }
                world.api.record_tables()
            };
            let whole = left_by(1_000);
            assert_eq!(left_by(1), whole);
            assert_eq!(left_by(7), whole);
        }
    }
}
