//! Made-up leads: the same ones at every run, so that figures compare.

use crm::{Actor, Triggers, Writing, record};
use model::field::Field;
use model::id::{LayoutId, UserId};
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use store::changes::Cause;
use store::{Db, Fault, Priority};

/// Leads stored in one transaction.
const BATCH: usize = 2_000;

const FIRST: [&str; 16] = [
    "Amina", "Bo", "Chidi", "Dilnoza", "Élise", "Farid", "Grete", "Hana", "Iker", "Jun", "Kofi",
    "Leilani", "Mateo", "Noor", "Oskar", "Priya",
];
const LAST: [&str; 16] = [
    "Abara",
    "Bergström",
    "Castellanos",
    "Dlamini",
    "Eriksen",
    "Fontaine",
    "Groß",
    "Haddad",
    "Ito",
    "Jensen",
    "Kaya",
    "Lindqvist",
    "Mbeki",
    "Novak",
    "O'Brien",
    "Petrov",
];
const COMPANY: [&str; 8] = [
    "Alder & Finch",
    "Bluewater Freight",
    "Cobalt Optics",
    "Dune Robotics",
    "Elm Street Dairy",
    "Fjord Textiles",
    "Granite Labs",
    "Harbour Tools",
];
const CITY: [&str; 8] = [
    "Porto", "Uppsala", "Pune", "Lagos", "Bilbao", "Tromsø", "Osaka", "Mumbai",
];
/// Not the source that the demo writes, so that every lead of the view has something to change.
const SOURCE: [&str; 6] = [
    "Advertisement",
    "Cold Call",
    "Partner",
    "Web Download",
    "Chat",
    "Employee Referral",
];
const OPEN: [&str; 4] = [
    "Contacted",
    "Not Contacted",
    "Attempted to Contact",
    "Pre-Qualified",
];
const CLOSED: [&str; 3] = [JUNK, "Lost Lead", "Not Qualified"];
const INDUSTRY: [&str; 4] = ["Communications", "Technology", "Education", "Manufacturing"];

/// Numbers that look random and never change: a 64-bit linear congruence.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % n.max(1)
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list.get(self.below(list.len()))
            .copied()
            .unwrap_or_default()
    }
}

/// The status of leads in the view "Junk Leads".
const JUNK: &str = "Junk Lead";

/// What was stored.
pub(super) struct Seeded {
    /// All leads.
    pub(super) total: usize,
    /// Those in the view "Junk Leads".
    pub(super) junk: i64,
}

/// Stores leads so that the view "Open Leads" holds exactly `open` of them and the module a fifth
/// more. `progress` is told how many are stored.
pub(super) fn leads(
    db: &Db,
    open: usize,
    now: Timestamp,
    progress: &dyn Fn(usize),
) -> Result<Seeded, Fault> {
    let total = open + open.div_ceil(5);
    let (mut stored, mut junk) = (0, 0);
    while stored < total {
        let upto = total.min(stored + BATCH);
        junk += db.write(Priority::Interactive, |tx| {
            let catalog = tx.catalog()?;
            let module = catalog
                .module("Leads")
                .ok_or_else(|| Refusal::new(Code::InvalidModule))?;
            let users: Vec<UserId> = catalog
                .users
                .iter()
                .filter(|u| u.is_active() && u.confirmed)
                .map(|u| u.id)
                .collect();
            let first = users
                .first()
                .copied()
                .ok_or_else(|| Refusal::new(Code::AuthorizationFailed))?;
            let actor = Actor::of(&catalog, first)?;
            let writing = Writing {
                triggers: Triggers::LOADED,
                ..Writing::of(&actor, module, Cause::Import, now)
            };
            let rows: Vec<_> = (stored..upto)
                .map(|n| lead(module, &users, n, open, total))
                .collect();
            let values = rows.iter().flatten();
            let junk = values.filter(|(field, value)| {
                field.api_name == "Lead_Status" && value.as_text() == Some(JUNK)
            });
            let junk = i64::try_from(junk.count()).unwrap_or(i64::MAX);
            record::create(tx, writing, rows)?
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
            Ok(junk)
        })?;
        stored = upto;
        progress(stored);
    }
    Ok(Seeded { total, junk })
}

/// Lead number `n`. Those outside the view are spread evenly among the others.
fn lead<'a>(
    module: &'a Module,
    users: &[UserId],
    n: usize,
    open: usize,
    total: usize,
) -> Vec<(&'a Field, Value)> {
    let mut dice = Dice(n as u64 + 1);
    dice.below(1);
    let is_open = (n + 1) * open / total > n * open / total;
    let status = if is_open {
        dice.pick(&OPEN)
    } else {
        dice.pick(&CLOSED)
    };
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let owner = users.get(dice.below(users.len())).map(|user| user.0);
    let layout = module.layouts.first().map(|layout| layout.id);
    let values: [(&str, Value); 13] = [
        ("First_Name", first.into()),
        ("Last_Name", last.into()),
        ("Company", dice.pick(&COMPANY).into()),
        ("Email", format!("lead{n}@example.com").into()),
        (
            "Phone",
            format!("+351 2{:08}", dice.below(100_000_000)).into(),
        ),
        ("City", dice.pick(&CITY).into()),
        ("Lead_Source", dice.pick(&SOURCE).into()),
        ("Lead_Status", status.into()),
        ("Industry", dice.pick(&INDUSTRY).into()),
        (
            "No_of_Employees",
            Value::Int(i64::try_from(dice.below(5_000)).unwrap_or(0)),
        ),
        (
            "Annual_Revenue",
            Value::Int(i64::try_from(dice.below(100_000_000)).unwrap_or(0)),
        ),
        ("Owner", owner.into()),
        ("Layout", layout.map(|LayoutId(id)| id).into()),
    ];
    values
        .into_iter()
        .filter_map(|(name, value)| module.field(name).map(|field| (field, value)))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn exactly_the_wanted_number_of_leads_is_open() {
        for open in [1_usize, 2, 7, 1000, 50_000] {
            let total = open + open.div_ceil(5);
            let counted = (0..total)
                .filter(|n| (n + 1) * open / total > n * open / total)
                .count();
            assert_eq!(counted, open);
        }
    }
}
