//! The table of leads, its neighbours, and rows of varied content. Not part of the measured time.

use crate::Result;
use rusqlite::{Connection, params};

const SCHEMA: &str = "
CREATE TABLE m_leads (
    id INTEGER PRIMARY KEY,
    rev INTEGER NOT NULL,
    Owner INTEGER NOT NULL,
    Created_Time INTEGER NOT NULL,
    Created_By INTEGER NOT NULL,
    Modified_Time INTEGER NOT NULL,
    Modified_By INTEGER NOT NULL,
    Salutation TEXT,
    First_Name TEXT,
    Last_Name TEXT NOT NULL,
    Company TEXT NOT NULL,
    Designation TEXT,
    Email TEXT,
    Secondary_Email TEXT,
    Phone TEXT,
    Mobile TEXT,
    Website TEXT,
    Lead_Source TEXT,
    Lead_Status TEXT,
    Industry TEXT,
    Rating TEXT,
    No_of_Employees INTEGER,
    Annual_Revenue INTEGER,
    Score REAL,
    Email_Opt_Out INTEGER NOT NULL,
    Converted INTEGER NOT NULL,
    Street TEXT,
    City TEXT,
    State TEXT,
    Zip_Code TEXT,
    Country TEXT,
    Next_Call TEXT,
    Last_Activity_Time INTEGER,
    Description TEXT
) STRICT;
CREATE INDEX m_leads_owner ON m_leads (Owner);
CREATE INDEX m_leads_created ON m_leads (Created_Time);
CREATE INDEX m_leads_modified ON m_leads (Modified_Time);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    total INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    cursor INTEGER NOT NULL
) STRICT;

CREATE TABLE changes (
    record INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    job INTEGER NOT NULL,
    actor INTEGER NOT NULL,
    cause TEXT NOT NULL,
    before TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (record, rev)
) STRICT, WITHOUT ROWID;
";

const INSERT: &str = "INSERT INTO m_leads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
     ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Ids have the length that they have on the wire.
const FIRST_ID: usize = 1_000_000_000_000_000_001;
/// 2024-01-01, in milliseconds.
const FIRST_TIME: usize = 1_704_067_200_000;
const ROWS_A_TRANSACTION: usize = 50_000;

/// What the measured criteria looks for.
pub(crate) const WANTED: [&str; 2] = ["Contacted", "Pre-Qualified"];
const UNWANTED: &[&str] = &[
    "Attempted to Contact",
    "Contact in Future",
    "Junk Lead",
    "Lost Lead",
    "Not Contacted",
];

const SALUTATIONS: &[&str] = &["Mr.", "Mrs.", "Ms.", "Dr.", "Prof."];
const FIRST_NAMES: &[&str] = &[
    "Ada", "Björn", "Chidi", "Dana", "Elif", "Farid", "Grace", "Hana",
];
const LAST_NAMES: &[&str] = &[
    "Ångström",
    "Baker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Gupta",
    "Hoang",
    "Ivanov",
];
const TITLES: &[&str] = &[
    "Buyer",
    "CEO",
    "Head of Operations",
    "Plant Manager",
    "VP Sales",
];
const SOURCES: &[&str] = &[
    "Advertisement",
    "Cold Call",
    "Employee Referral",
    "Online Store",
    "Partner",
    "Web Research",
];
const INDUSTRIES: &[&str] = &[
    "Banking",
    "Data/Telecom OEM",
    "Energy",
    "Farming",
    "Health",
    "Large Enterprise",
    "Retail",
];
const RATINGS: &[&str] = &["Acquired", "Active", "Market Failed", "Project Cancelled"];
const CITIES: &[&str] = &[
    "Austin", "Bergen", "Chennai", "Dublin", "Esbjerg", "Fukuoka", "Graz",
];
const COUNTRIES: &[&str] = &[
    "United States",
    "Norway",
    "India",
    "Ireland",
    "Denmark",
    "Japan",
];

/// Makes the tables and `table` leads, of which the criteria selects `records`.
pub(crate) fn load(connection: &mut Connection, table: usize, records: usize) -> Result<()> {
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.execute_batch(SCHEMA)?;
    let mut from = 0;
    while from < table {
        let to = (from + ROWS_A_TRANSACTION).min(table);
        let transaction = connection.transaction()?;
        for number in from..to {
            insert(&transaction, number, is_selected(number, table, records))?;
        }
        transaction.commit()?;
        from = to;
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let level: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if level == 2 {
        Ok(())
    } else {
        Err(format!("synchronous is {level}, not FULL").into())
    }
}

/// Spreads the selected rows evenly: the count of them up to a row grows like the row's number.
fn is_selected(number: usize, table: usize, records: usize) -> bool {
    (number + 1) * records / table > number * records / table
}

fn insert(connection: &Connection, number: usize, selected: bool) -> Result<()> {
    let mut random = Random::of(number);
    let first = random.pick(FIRST_NAMES);
    let last = random.pick(LAST_NAMES);
    let created = FIRST_TIME + number * 20_011;
    let modified = created + random.below(86_400_000);
    // Some rows fail one half of the criteria, some the other.
    let converted = !selected && random.below(5) == 0;
    let status = random.pick(if selected || converted {
        &WANTED
    } else {
        UNWANTED
    });
    let company = format!("{last} {} {number}", random.pick(INDUSTRIES));
    let mut insert = connection.prepare_cached(INSERT)?;
    insert.execute(params![
        whole(FIRST_ID + number)?,
        1,
        whole(FIRST_ID + random.below(40))?,
        whole(created)?,
        whole(FIRST_ID + random.below(40))?,
        whole(modified)?,
        whole(FIRST_ID + random.below(40))?,
        random.perhaps(SALUTATIONS),
        first,
        last,
        company,
        random.perhaps(TITLES),
        format!(
            "{}.{}@example{}.com",
            first.to_lowercase(),
            number,
            random.below(5_000)
        ),
        random.flip().then(|| format!("office{number}@example.org")),
        format!("+1 555 {:07}", random.below(10_000_000)),
        random
            .flip()
            .then(|| format!("+47 9{:07}", random.below(10_000_000))),
        random
            .flip()
            .then(|| format!("https://www.example{}.com/", random.below(100_000))),
        random.pick(SOURCES),
        status,
        random.perhaps(INDUSTRIES),
        random.perhaps(RATINGS),
        whole(1 + random.below(20_000))?,
        whole(random.below(500_000_000))?,
        f64::from(u32::try_from(random.below(1_000))?) / 10.0,
        random.flip(),
        converted,
        format!(
            "{} {} Street",
            1 + random.below(900),
            random.pick(LAST_NAMES)
        ),
        random.pick(CITIES),
        random.perhaps(CITIES),
        format!("{:05}", random.below(100_000)),
        random.pick(COUNTRIES),
        random
            .flip()
            .then(|| format!("2025-{:02}-{:02}", number % 12 + 1, number % 28 + 1)),
        random.flip().then(|| whole(modified)).transpose()?,
        random
            .flip()
            .then(|| format!("Met at a fair; asked for {} samples.", random.below(90))),
    ])?;
    Ok(())
}

fn whole(number: usize) -> Result<i64> {
    Ok(i64::try_from(number)?)
}

/// The same rows in every run, from the row's number (splitmix64).
struct Random(u64);

impl Random {
    fn of(number: usize) -> Self {
        Self(number as u64)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed >> 33).unwrap_or(0) % limit
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words
            .get(self.below(words.len()))
            .copied()
            .unwrap_or_default()
    }

    fn perhaps<'a>(&mut self, words: &[&'a str]) -> Option<&'a str> {
        self.flip().then(|| self.pick(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_are_scattered_evenly_and_as_many_as_asked() {
        for (table, records) in [(10, 10), (1_000, 50), (1_000, 333), (7, 1)] {
            let selected = |from, to| {
                (from..to)
                    .filter(|number| is_selected(*number, table, records))
                    .count()
            };
            assert_eq!(selected(0, table), records);
            assert!(
                selected(0, table / 2).abs_diff(records / 2) <= 1,
                "{records} of {table}"
            );
        }
    }
}
