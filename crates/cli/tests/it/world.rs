//! Thousands of leads, a client that works on them over HTTP, and a judge that reads the tables
//! itself.

use crate::swathe::{Server, json};
use serde_json::{Value as Json, json as made};
use store::{Priority, Target};
use testkit::{Kind, TestDb, demo_catalog, save_catalog};

const ADMIN: &str = "admin@kestrel-rowe.example.com";
const SCOPE: &str = "ZohoCRM.modules.ALL,ZohoCRM.mass_update.UPDATE,ZohoCRM.mass_update.READ,\
    ZohoCRM.mass_delete.ALL,ZohoCRM.change_owner.ALL,swathe.jobs.ALL,swathe.org.ALL";

/// What jobs do to the leads of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Update,
    Delete,
}

impl Work {
    fn path(self) -> &'static str {
        match self {
            Self::Update => "Leads/actions/mass_update",
            Self::Delete => "Leads/actions/mass_delete",
        }
    }

    /// The key under which a status counts what was done.
    pub(crate) fn done(self) -> &'static str {
        match self {
            Self::Update => "Updated_Count",
            Self::Delete => "Deleted_Count",
        }
    }
}

/// The value that jobs write, and the one before.
pub(crate) const NEW: &str = "Trade Show";
const OLD: &str = "Cold Call";

/// Leads enough for a job of many chunks.
pub(crate) fn many(kind: Kind) -> i64 {
    match kind {
        Kind::Sqlite => 40_000,
        Kind::Postgres => 12_000,
    }
}

/// Ids of leads follow this one; far from those that the server hands out.
const BASE: i64 = 5_000_000_000_000_000_000;
/// Every so manieth lead is outside of the view, and every so manieth is locked.
const OUTSIDE: i64 = 50;
const LOCKED: i64 = 1_001;

/// A database with leads.
pub(crate) struct World {
    pub(crate) test: TestDb,
    work: Work,
    token: String,
    backups: String,
    view: i64,
    leads: i64,
}

impl World {
    /// With so many leads, most of them in the view "Open Leads", which jobs update.
    pub(crate) fn new(kind: Kind, leads: i64) -> Self {
        Self::of(kind, leads, Work::Update)
    }

    /// The same with other jobs.
    pub(crate) fn of(kind: Kind, leads: i64, work: Work) -> Self {
        let test = TestDb::new(kind);
        let catalog = demo_catalog();
        let module = catalog.module("Leads").unwrap();
        let view = module.views.iter().find(|view| view.name == "Open Leads");
        let owner = catalog.user_by_email(ADMIN).unwrap().id;
        let db = test.open();
        save_catalog(&db, &catalog);
        let numbers = format!(
            "WITH RECURSIVE numbers(n) AS
             (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {leads})"
        );
        let (module_id, layout) = (module.id, module.layouts[0].id);
        let status = format!("CASE WHEN n % {OUTSIDE} = 0 THEN 'Junk Lead' ELSE 'Contacted' END");
        let fill = format!(
            "INSERT INTO \"m_Leads\" (id, rev, \"Last_Name\", \"Company\", \"Lead_Source\",
               \"Lead_Status\", \"Owner\", \"Created_By\", \"Modified_By\", \"Created_Time\",
               \"Modified_Time\", \"Layout\", \"Converted__s\", \"Locked__s\")
             {numbers}
             SELECT {BASE} + n, 1, 'Lead ' || n, 'Company ' || n, '{OLD}', {status},
               {owner}, {owner}, {owner}, 1700000000000, 1700000000000, {layout}, FALSE,
               n % {LOCKED} = 0
             FROM numbers;
             INSERT INTO holds (id, record, module, kind, actor, at)
             SELECT id + 1000000000, id, {module_id}, 'lock', {owner}, 1700000000000
             FROM \"m_Leads\" WHERE \"Locked__s\""
        );
        db.write(Priority::Interactive, |tx| Ok(tx.batch(&fill)?))
            .unwrap();
        drop(db);
        let url = test.url();
        let token = |scope: &str| {
            let made = json(&[
                "token",
                "--json",
                "--user",
                ADMIN,
                "--scope",
                scope,
                "--database",
                &url,
            ]);
            made["access_token"].as_str().unwrap().to_owned()
        };
        Self {
            token: token(SCOPE),
            backups: token("swathe.backup.READ"),
            view: view.unwrap().id.0,
            leads,
            test,
            work,
        }
    }

    /// Lets a job do so many records a second, or as many as it can.
    pub(crate) fn throttle(&self, job: i64, records: Option<i64>) {
        let records = records.map_or("NULL".to_owned(), |records| records.to_string());
        let sql = format!("UPDATE jobs SET throttle = {records} WHERE id = {job}");
        self.sql().run(&sql);
    }

    /// The administrator's token that is good for backups alone.
    pub(crate) fn token_for_backups(&self) -> &str {
        &self.backups
    }

    /// The same world in the database that a backup of it was restored into.
    pub(crate) fn moved(&self, test: TestDb) -> Self {
        Self {
            test,
            work: self.work,
            token: self.token.clone(),
            backups: self.backups.clone(),
            view: self.view,
            leads: self.leads,
        }
    }

    pub(crate) fn serve(&self) -> Server {
        Server::start(&["--database", &self.test.url()])
    }

    /// A client of a server.
    pub(crate) fn client(&self, server: &Server) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        Client {
            agent: ureq::Agent::new_with_config(config),
            url: server.url.clone(),
            token: self.token.clone(),
            view: self.view,
            work: self.work,
        }
    }

    /// The administrator's token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A lead that no job of the view visits.
    pub(crate) fn outsider() -> i64 {
        BASE + OUTSIDE
    }

    /// A second look at the database, past the program.
    pub(crate) fn sql(&self) -> Sql {
        match &self.test.target {
            Target::Sqlite(path) => {
                let mut connection = rusqlite::Connection::open(path).unwrap();
                // Without a pause between tries: the program leaves only short gaps.
                connection.busy_handler(Some(|_| true)).unwrap();
                Sql::Sqlite(connection)
            }
            Target::Postgres(url) => {
                Sql::Postgres(postgres::Client::connect(url, postgres::NoTls).unwrap())
            }
        }
    }

    /// What must hold at any moment: each target that was passed has just one row, no other has any,
    /// and what the job counts is what there is.
    pub(crate) fn judge_meanwhile(&self, job: i64) {
        let mut sql = self.sql();
        assert_eq!(
            sql.int(&format!(
                "SELECT count(*) FROM job_targets t JOIN jobs j ON j.id = t.job
                 WHERE t.job = {job} AND CASE WHEN t.seq < j.cursor THEN 1 ELSE 0 END <>
                   (SELECT count(*) FROM changes c WHERE c.job = t.job AND c.record = t.record)
                   + (SELECT count(*) FROM job_outcomes o
                      WHERE o.job = t.job AND o.seq = t.seq AND o.record = t.record)"
            )),
            0,
            "targets without just the rows that they should have"
        );
        let counted = "changed || ' ' || unchanged || ' ' || failed || ' ' || total";
        let counted = sql.text(&format!("SELECT {counted} FROM jobs WHERE id = {job}"));
        let outcomes = |outcome: &str| {
            let rows = format!("FROM job_outcomes WHERE job = {job} AND outcome = '{outcome}'");
            format!("(SELECT count(*) {rows})")
        };
        let rows = sql.text(&format!(
            "SELECT (SELECT count(*) FROM changes WHERE job = {job}) || ' ' || {} || ' ' || {}
             || ' ' || (SELECT count(*) FROM job_targets WHERE job = {job})",
            outcomes("unchanged"),
            outcomes("failed"),
        ));
        assert_eq!(counted, rows, "counts of the job");
        if self.work == Work::Delete {
            self.judge_bin(job);
            return;
        }
        let written = format!(
            "SELECT count(*) FROM \"m_Leads\" l WHERE \"Lead_Source\" = '{NEW}' AND NOT EXISTS
             (SELECT 1 FROM changes c WHERE c.record = l.id AND c.job = {job})"
        );
        assert_eq!(sql.int(&written), 0, "leads that changed without a row");
    }

    /// Each lead is either there or in the bin, whole, with the change that put it there.
    fn judge_bin(&self, job: i64) {
        let mut sql = self.sql();
        let there = "SELECT count(*) FROM \"m_Leads\" WHERE rev = 1";
        let in_bin = format!(
            "SELECT count(*) FROM deleted_records d
             JOIN changes c ON c.record = d.record AND c.rev = d.rev AND c.job = d.job
             WHERE d.job = {job} AND d.root = d.record AND d.rev = 2 AND c.kind = 'delete'
             AND c.before LIKE '%\"Lead ' || (d.record - {BASE}) || '\"%'
             AND NOT EXISTS (SELECT 1 FROM \"m_Leads\" l WHERE l.id = d.record)"
        );
        assert_eq!(
            sql.int(there) + sql.int(&in_bin),
            self.leads,
            "leads, here or in the bin"
        );
        let entries = sql.int("SELECT count(*) FROM deleted_records");
        assert_eq!(entries, sql.int(&in_bin), "entries of the bin");
    }

    /// What must hold at the end, when this was the only job.
    pub(crate) fn judge(&self, job: i64, status: &Json) {
        self.judge_meanwhile(job);
        let mut sql = self.sql();
        let in_view = self.leads - self.leads / OUTSIDE;
        let locked = (1..=self.leads)
            .filter(|n| n % LOCKED == 0 && n % OUTSIDE != 0)
            .count();
        let locked = i64::try_from(locked).unwrap();
        if self.work == Work::Delete {
            let wanted = made!({
                "Status": "COMPLETED",
                "Failed_Count": locked,
                "Deleted_Count": in_view - locked,
                "Total_Count": in_view,
            });
            assert_eq!(*status, wanted);
            let left = sql.int("SELECT count(*) FROM \"m_Leads\"");
            assert_eq!(left, self.leads - in_view + locked, "leads that are left");
            return;
        }
        let wanted = made!({
            "Status": "COMPLETED",
            "Failed_Count": locked,
            "Updated_Count": in_view - locked,
            "Not_Updated_Count": 0,
            "Total_Count": in_view,
        });
        assert_eq!(*status, wanted);
        for (what, wanted, query) in [
            (
                "leads changed just once, to the new value",
                in_view - locked,
                format!(
                    "SELECT count(*) FROM job_targets t
                     JOIN changes c ON c.record = t.record AND c.job = t.job
                     JOIN \"m_Leads\" l ON l.id = t.record
                     WHERE t.job = {job} AND t.rev = 1 AND c.rev = 2 AND l.rev = 2
                     AND l.\"Lead_Source\" = '{NEW}' AND NOT l.\"Locked__s\""
                ),
            ),
            (
                "changes of this job",
                in_view - locked,
                format!("SELECT count(*) FROM changes WHERE job = {job}"),
            ),
            (
                "locked leads were refused and left alone",
                locked,
                format!(
                    "SELECT count(*) FROM job_outcomes o JOIN \"m_Leads\" l ON l.id = o.record
                     WHERE o.job = {job} AND o.code = 'RECORD_LOCKED' AND l.rev = 1
                     AND l.\"Lead_Source\" = '{OLD}' AND l.\"Locked__s\""
                ),
            ),
            (
                "leads with the old value",
                self.leads - in_view + locked,
                format!("SELECT count(*) FROM \"m_Leads\" WHERE \"Lead_Source\" = '{OLD}'"),
            ),
            (
                "unfinished jobs",
                0,
                "SELECT count(*) FROM jobs WHERE state <> 'completed'".to_owned(),
            ),
        ] {
            assert_eq!(sql.int(&query), wanted, "{what}");
        }
    }
}

/// The test's own SQL.
pub(crate) enum Sql {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Client),
}

impl Sql {
    pub(crate) fn int(&mut self, sql: &str) -> i64 {
        match self {
            Self::Sqlite(connection) => connection.query_row(sql, [], |row| row.get(0)).unwrap(),
            Self::Postgres(client) => client.query_one(sql, &[]).unwrap().get(0),
        }
    }

    pub(crate) fn text(&mut self, sql: &str) -> String {
        match self {
            Self::Sqlite(connection) => connection.query_row(sql, [], |row| row.get(0)).unwrap(),
            Self::Postgres(client) => client.query_one(sql, &[]).unwrap().get(0),
        }
    }

    pub(crate) fn run(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(sql).unwrap(),
            Self::Postgres(client) => client.batch_execute(sql).unwrap(),
        }
    }
}

/// An integration: it has a token and an address, and repeats nothing by itself.
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    pub(crate) token: String,
    view: i64,
    work: Work,
}

/// An HTTP status and a body.
pub(crate) type Told = (u16, Json);

impl Client {
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Json) -> Result<Told, ureq::Error> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/crm/v8/{path}", self.url))
            .header("Authorization", format!("Zoho-oauthtoken {}", self.token))
            .header("Content-Type", "application/json")
            .body(body)
            .unwrap();
        let mut answer = self.agent.run(request)?;
        let text = answer.body_mut().read_to_string()?;
        Ok((
            answer.status().as_u16(),
            serde_json::from_str(&text).unwrap_or_default(),
        ))
    }

    /// Schedules a job over the view.
    pub(crate) fn schedule(&self) -> Result<Told, ureq::Error> {
        let cvid = self.view.to_string();
        let body = match self.work {
            Work::Update => made!({"data": [{"Lead_Source": NEW}], "cvid": cvid}),
            Work::Delete => made!({ "cvid": cvid }),
        };
        self.ask("POST", self.work.path(), &body)
    }

    /// Schedules it and answers the job.
    pub(crate) fn job(&self) -> i64 {
        let (status, told) = self.schedule().unwrap();
        assert_eq!(status, 200, "{told}");
        id(&told["data"][0]["details"]["job_id"])
    }

    /// What the wire says of a job; its counts always sum up, where all are told.
    pub(crate) fn status(&self, job: i64) -> Json {
        let path = format!("{}?job_id={job}", self.work.path());
        let (status, told) = self.ask("GET", &path, &Json::Null).unwrap();
        assert_eq!(status, 200, "{told}");
        let count = |key: &str| told["data"][0][key].as_i64().unwrap();
        if self.work == Work::Update {
            let sum = count("Updated_Count") + count("Failed_Count") + count("Not_Updated_Count");
            assert_eq!(sum, count("Total_Count"), "{told}");
        }
        told["data"][0].clone()
    }

    /// Watches until it is done with more than so many, or the job is over; answers the status.
    pub(crate) fn watch_past(&self, job: i64, done: i64) -> Json {
        loop {
            let status = self.status(job);
            if is_over(&status) || status[self.work.done()].as_i64().unwrap() > done {
                return status;
            }
        }
    }

    /// Watches to the end.
    pub(crate) fn watch(&self, job: i64) -> Json {
        self.watch_past(job, i64::MAX)
    }

    /// Changes a lead that no job visits.
    pub(crate) fn write(&self, value: &str) -> Told {
        let path = format!("Leads/{}", World::outsider());
        let body = made!({"data": [{"Company": value}]});
        self.ask("PUT", &path, &body).unwrap()
    }

    /// Reads that lead's value.
    pub(crate) fn read(&self) -> Told {
        let path = format!("Leads/{}?fields=Company", World::outsider());
        self.ask("GET", &path, &Json::Null).unwrap()
    }
}

pub(crate) fn id(json: &Json) -> i64 {
    json.as_str().unwrap().parse().unwrap()
}

pub(crate) fn is_over(status: &Json) -> bool {
    matches!(status["Status"].as_str(), Some("COMPLETED" | "FAILED"))
}

/// Panics unless it is the wire's 503, with a request's id.
pub(crate) fn is_unavailable((status, told): &Told) {
    assert_eq!(*status, 503, "{told}");
    assert_eq!(told["code"], "SERVICE_UNAVAILABLE", "{told}");
    assert_eq!(told["status"], "error", "{told}");
    assert!(told["details"]["request_id"].is_string(), "{told}");
}
