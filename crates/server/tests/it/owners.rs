//! What the tests of new owners share: changes of the org that make users unfit, requests in every
//! version that has them, and who owns what.

use crate::api::{Api, Reply};
use crate::demo::Caller;
use serde_json::{Value as Json, json};
use server::Version;

/// Nobody has this id.
pub(crate) const NOBODY: &str = "7701200000600009";

/// Profiles let their users give records to subordinates only.
pub(crate) const TO_SUBORDINATES: &str =
    "[[profile]]\nname = \"Standard\"\ntransfer_to = \"subordinates\"\n";

/// Oskar, with something else about him.
pub(crate) fn oskar(about: &str) -> String {
    user("oskar.lind", "Oskar", "Lind", "Standard", about)
}

/// Oskar under a profile that sees tasks only.
pub(crate) fn oskar_sees_tasks_only() -> String {
    let profile = "[[profile]]\nname = \"Couriers\"\nmodules.Tasks = [\"view\"]\n";
    format!(
        "{profile}{}",
        user("oskar.lind", "Oskar", "Lind", "Couriers", "")
    )
}

fn user(email: &str, first: &str, last: &str, profile: &str, about: &str) -> String {
    format!(
        "[[user]]\nemail = \"{email}@kestrel-rowe.example.com\"\nfirst_name = \"{first}\"\n\
         last_name = \"{last}\"\nrole = \"Field Sales\"\nprofile = \"{profile}\"\n\
         territories = [\"Nordics\"]\n{about}\n"
    )
}

/// The versions from this one on.
pub(crate) fn from(first: Version) -> impl Iterator<Item = Version> {
    Version::ALL
        .into_iter()
        .filter(move |version| *version >= first)
}

/// Sends a request in every version from `first` on; each must be refused so, and change nothing.
pub(crate) fn refused(
    api: &Api,
    caller: &Caller<'_>,
    first: Version,
    asked: (&str, &Json),
    wanted: impl Fn(Version) -> (u16, Json),
) {
    api.unchanged_by(|| refused_record(api, caller, first, asked, wanted));
}

/// The same for a request of which the only record is refused: that leaves a job, and no change.
pub(crate) fn refused_record(
    api: &Api,
    caller: &Caller<'_>,
    first: Version,
    (path, body): (&str, &Json),
    wanted: impl Fn(Version) -> (u16, Json),
) {
    let before = api.record_tables();
    for version in from(first) {
        let reply = caller.speaking(version).post(path, body);
        let got = (reply.status, reply.json());
        assert_eq!(got, wanted(version), "{} {path} {body}", version.as_str());
    }
    assert_eq!(api.record_tables(), before);
}

impl Api {
    /// The id of a user, as the wire writes it.
    pub(crate) fn user_id(&self, name: &str) -> String {
        self.user(name).to_string()
    }

    /// How many records of a module this user owns.
    pub(crate) fn owned(&self, module: &str, name: &str) -> i64 {
        let owner = self.user(name);
        self.number(&format!(
            "SELECT count(*) FROM \"m_{module}\" WHERE \"Owner\" = {owner}"
        ))
    }

    /// Why the last revision of a record was made.
    pub(crate) fn last_cause(&self, record: &str) -> String {
        let last = format!("SELECT MAX(rev) FROM changes WHERE record = {record}");
        let table = format!("(SELECT * FROM changes WHERE record = {record} AND rev = ({last})) c");
        let row = self.rows(&table, &["cause"]).remove(0);
        row.rsplit(": ").next().unwrap().to_owned()
    }
}

impl Caller<'_> {
    /// The name of a record's owner.
    pub(crate) fn owner_of(&self, module: &str, id: &str) -> String {
        let record = self.record(module, id);
        record["Owner"]["name"].as_str().unwrap().to_owned()
    }

    pub(crate) fn mass_change_owner(&self, module: &str, body: &Json) -> Reply {
        self.post(&format!("{module}/actions/mass_change_owner"), body)
    }

    /// Schedules a change of owner of Leads, which must be accepted, and answers the job's id.
    pub(crate) fn schedule_owner(&self, body: &Json) -> String {
        let reply = self.mass_change_owner("Leads", body);
        assert!([200, 202].contains(&reply.status), "{}", reply.text);
        let json = reply.json();
        json["data"][0]["details"]["job_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Panics unless a job's status has these counts (total, updated, not yet, failed) and this word.
    pub(crate) fn expect_owner_status(&self, job: &str, word: &str, counts: [i64; 4]) {
        let reply = self.get(&format!("Leads/actions/mass_change_owner?job_id={job}"));
        reply.is(200, &json!({ "data": [owner_status(word, counts)] }));
    }

    pub(crate) fn change_owner(&self, module: &str, body: &Json) -> Reply {
        self.post(&format!("{module}/actions/change_owner"), body)
    }
}

/// The wire's form of a job's status: total, updated, not yet, failed.
pub(crate) fn owner_status(word: &str, counts: [i64; 4]) -> Json {
    let [total, updated, not_updated, failed] = counts;
    json!({
        "Total_Count": total,
        "Updated_Count": updated,
        "Not_Updated_Count": not_updated,
        "Failed_Count": failed,
        "Status": word,
    })
}
