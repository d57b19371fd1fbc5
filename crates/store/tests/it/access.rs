//! A reach as SQL: what a list holds and what a judge is told are the same, and both are what the
//! rules say, for random people, shares and territories.

use model::access::{Access, Permission, Reach};
use model::id::{RecordId, TerritoryId, UserId};
use model::module::{Module, system};
use model::time::Timestamp;
use model::value::Value;
use std::collections::BTreeMap;
use store::records::{Filter, Record};
use store::shares::Share;
use store::territories::Assignment;
use store::{Db, Priority, access, records, shares, territories};
use testkit::{Kind, TestDb, each_db, save_catalog, small_catalog};

each_db! {
    lists_and_levels_are_what_the_rules_say,
}

const RECORDS: i64 = 60;
const PEOPLE: i64 = 6;
const REACHES: usize = 120;

/// Small numbers that come out the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        i64::try_from(self.0 >> 33).unwrap() % sides
    }

    fn some(&mut self, of: i64) -> Vec<i64> {
        (1..=of).filter(|_| self.roll(3) == 0).collect()
    }
}

#[derive(Default)]
struct Beside {
    owner: Option<i64>,
    shares: BTreeMap<i64, Permission>,
    territories: Vec<i64>,
}

impl Beside {
    /// The rules, as plainly as can be.
    fn access(&self, reach: &Reach) -> Access {
        let mut access = reach.everyone;
        if reach.owners.iter().any(|owner| Some(owner.0) == self.owner) {
            access = Access::Full;
        }
        if let Some(permission) = reach.shared_to.and_then(|user| self.shares.get(&user.0)) {
            access = access.max(permission.access());
        }
        let within = |list: &[TerritoryId]| list.iter().any(|t| self.territories.contains(&t.0));
        if within(&reach.territories_full) {
            access = Access::Full;
        }
        if within(&reach.territories_read) {
            access = access.max(Access::Read);
        }
        access
    }
}

fn fill(db: &Db, module: &Module, dice: &mut Dice) -> BTreeMap<i64, Beside> {
    let owner = module.field(system::OWNER).unwrap();
    let mut world = BTreeMap::new();
    for id in 1..=RECORDS {
        let beside = Beside {
            owner: Some(dice.roll(PEOPLE + 1)).filter(|owner| *owner > 0),
            shares: dice
                .some(PEOPLE)
                .into_iter()
                .map(|user| {
                    (
                        user,
                        Permission::ALL[usize::try_from(dice.roll(3)).unwrap()],
                    )
                })
                .collect(),
            territories: dice.some(5),
        };
        world.insert(id, beside);
    }
    let written = db.write(Priority::Interactive, |tx| {
        let rows = world.iter().map(|(id, beside)| Record {
            id: RecordId(*id),
            rev: 1,
            values: vec![beside.owner.map_or(Value::Null, Value::Int)],
        });
        records::insert(tx, module, &[owner], rows.collect())?;
        for (id, beside) in &world {
            let (record, actor, at) = (RecordId(*id), UserId(1), Timestamp(0));
            for (user, permission) in &beside.shares {
                let share = Share {
                    record,
                    user: UserId(*user),
                    permission: *permission,
                    actor,
                    at,
                };
                shares::put(tx, module.id, &share)?;
            }
            for territory in &beside.territories {
                let new = Assignment {
                    record,
                    territory: TerritoryId(*territory),
                    actor,
                    at,
                };
                territories::assign(tx, module.id, new)?;
            }
        }
        Ok(())
    });
    written.unwrap();
    world
}

fn reach(dice: &mut Dice) -> Reach {
    let everyone = [Access::None, Access::None, Access::Read, Access::Write];
    let of = |ids: Vec<i64>| ids.into_iter().map(TerritoryId).collect();
    Reach {
        everyone: everyone[usize::try_from(dice.roll(4)).unwrap()],
        owners: dice.some(PEOPLE).into_iter().map(UserId).collect(),
        territories_full: of(dice.some(5)),
        territories_read: of(dice.some(5)),
        shared_to: Some(dice.roll(PEOPLE + 1))
            .filter(|user| *user > 0)
            .map(UserId),
    }
}

mod check {
    use super::*;

    pub(super) fn lists_and_levels_are_what_the_rules_say(kind: Kind) {
        let test = TestDb::new(kind);
        let db = test.open();
        let catalog = small_catalog();
        save_catalog(&db, &catalog);
        let module = catalog.module("Leads").unwrap();
        let mut dice = Dice(20);
        let world = fill(&db, module, &mut dice);
        let all: Vec<RecordId> = (0..=RECORDS).map(RecordId).collect();
        for n in 0..REACHES {
            let reach = if n == 0 {
                Reach::default()
            } else {
                reach(&mut dice)
            };
            let wanted: BTreeMap<RecordId, Access> = world
                .iter()
                .map(|(id, beside)| (RecordId(*id), beside.access(&reach)))
                .collect();
            let (levels, seen) = db
                .read(|tx| {
                    let levels = access::of(tx, module, &reach, &all)?;
                    let filter = Filter::seen_by(Some(reach.clone()));
                    Ok((levels, records::select_ids(tx, module, &filter, 1000)?))
                })
                .unwrap();
            let levels: BTreeMap<RecordId, Access> = levels.into_iter().collect();
            assert_eq!(levels, wanted, "{reach:?}");
            let shown = wanted.iter().filter(|(_, access)| **access > Access::None);
            let shown: Vec<RecordId> = shown.map(|(id, _)| *id).collect();
            let seen: Vec<RecordId> = seen.into_iter().map(|(id, _)| id).collect();
            assert_eq!(seen, shown, "{reach:?}");
        }
    }
}
