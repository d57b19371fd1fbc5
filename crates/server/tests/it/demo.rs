//! The demo org: its people by name, requests in any version, jobs stepped by hand, and what the
//! tables hold.

use crate::api::{Api, Reply};
use jobs::{Engine, Step, Worker};
use model::access::Sharing;
use model::catalog::Catalog;
use model::id::UserId;
use model::module::Module;
use model::time::Clock;
use serde_json::{Value as Json, json};
use server::{App, Version, router};
use std::sync::Arc;
use store::{Db, Priority};
use testkit::Kind;

const EVERYTHING: &str = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.mass_update.UPDATE,ZohoCRM.mass_update.READ,\
     ZohoCRM.mass_convert.leads.ALL,\
     ZohoCRM.mass_delete.ALL,ZohoCRM.share.leads.ALL,ZohoCRM.share.tasks.ALL,\
     ZohoCRM.change_owner.ALL,swathe.org.ALL,swathe.jobs.ALL";

/// Somebody with a token, speaking one version.
#[derive(Clone)]
pub(crate) struct Caller<'a> {
    api: &'a Api,
    authorization: String,
    version: Version,
}

impl Caller<'_> {
    /// The same in another version.
    pub(crate) fn speaking(&self, version: Version) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }

    /// Sends a request, with headers and any body.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let mut all = vec![("Authorization", self.authorization.as_str())];
        all.extend(headers);
        let path = format!("/crm/{}/{path}", self.version.as_str());
        self.api.send(method, &path, &all, body)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Json) -> Reply {
        self.send("POST", path, &[], body.to_string().as_bytes())
    }

    pub(crate) fn put(&self, path: &str, body: &Json) -> Reply {
        self.send("PUT", path, &[], body.to_string().as_bytes())
    }

    /// Makes records and answers their ids, in order.
    pub(crate) fn make(&self, module: &str, records: &[Json]) -> Vec<String> {
        let mut ids = Vec::new();
        for some in records.chunks(100) {
            let reply = self.post(module, &json!({ "data": some }));
            assert_eq!(reply.status, 201, "{}", reply.text);
            ids.extend(reply.ids());
        }
        ids
    }

    /// Makes so many leads that differ by their names.
    pub(crate) fn make_leads(&self, count: usize) -> Vec<String> {
        let leads: Vec<Json> = (0..count)
            .map(|n| json!({ "Last_Name": format!("Lead {n}") }))
            .collect();
        self.make("Leads", &leads)
    }

    /// One record, whole.
    pub(crate) fn record(&self, module: &str, id: &str) -> Json {
        self.get(&format!("{module}/{id}")).json()["data"][0].clone()
    }

    /// Puts a lock on a record and answers its id.
    pub(crate) fn lock(&self, module: &str, id: &str) -> String {
        let reply = self.post(
            &format!("{module}/{id}/Locking_Information__s"),
            &json!({ "data": [{}] }),
        );
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.ids().remove(0)
    }

    /// Attaches a file to a record and answers its id.
    pub(crate) fn attach(&self, module: &str, id: &str, name: &str, content: &[u8]) -> String {
        let reply = self.send_file(module, id, name, content);
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.ids().remove(0)
    }

    /// Sends a file to be attached to a record.
    pub(crate) fn send_file(&self, module: &str, id: &str, name: &str, content: &[u8]) -> Reply {
        let head = format!(
            "--parts\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        let body = [head.as_bytes(), content, b"\r\n--parts--\r\n"].concat();
        let form = [("Content-Type", "multipart/form-data; boundary=parts")];
        self.send("POST", &format!("{module}/{id}/Attachments"), &form, &body)
    }

    pub(crate) fn mass_update(&self, module: &str, body: &Json) -> Reply {
        self.post(&format!("{module}/actions/mass_update"), body)
    }

    /// Schedules a mass update of Leads that must be accepted, and answers the job's id.
    pub(crate) fn schedule(&self, body: &Json) -> String {
        let reply = self.mass_update("Leads", body);
        assert_eq!(reply.status, 200, "{}", reply.text);
        let json = reply.json();
        json["data"][0]["details"]["job_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The status of a job, as it is answered in `data[0]`.
    pub(crate) fn status(&self, job: &str) -> Json {
        let reply = self.get(&format!("Leads/actions/mass_update?job_id={job}"));
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["data"][0].clone()
    }

    /// Panics unless a job has this word and these counts: failed, updated, not yet, total.
    pub(crate) fn expect_status(&self, job: &str, word: &str, counts: [i64; 4]) {
        assert_eq!(self.status(job), status(word, counts));
    }
}

/// The wire's form of a job's status: failed, updated, not yet, total.
pub(crate) fn status(word: &str, counts: [i64; 4]) -> Json {
    let [failed, updated, not_updated, total] = counts;
    json!({
        "Status": word,
        "Failed_Count": failed,
        "Updated_Count": updated,
        "Not_Updated_Count": not_updated,
        "Total_Count": total,
    })
}

/// The wire's error object.
pub(crate) fn error(code: &str, message: &str, details: &Json) -> Json {
    json!({ "code": code, "details": details, "message": message, "status": "error" })
}

impl Reply {
    /// The items of `data`.
    pub(crate) fn items(&self) -> Vec<Json> {
        self.json()["data"].as_array().unwrap().clone()
    }

    /// What each item of `data` has as its code.
    pub(crate) fn codes(&self) -> Vec<String> {
        let code = |item: &Json| item["code"].as_str().unwrap().to_owned();
        self.items().iter().map(code).collect()
    }

    /// The ids of the items of `data`, or of their details.
    pub(crate) fn ids(&self) -> Vec<String> {
        let id = |item: &Json| {
            let id = item.get("id").unwrap_or(&item["details"]["id"]);
            id.as_str().unwrap().to_owned()
        };
        self.items().iter().map(id).collect()
    }

    /// Panics unless this is exactly it.
    pub(crate) fn is(&self, status: u16, body: &Json) {
        assert_eq!((self.status, &self.json()), (status, body));
    }
}

impl Api {
    /// A server with the demo org, and nobody to run its jobs.
    pub(crate) fn start_demo(kind: Kind) -> Self {
        Self::demo_of(kind, router)
    }

    /// The same, of a server that is put together otherwise.
    pub(crate) fn demo_of(kind: Kind, make: impl FnOnce(App) -> axum::Router) -> Self {
        let api = Self::with(kind, make);
        api.apply_demo();
        api
    }

    /// The same with an engine, which the test must stop.
    pub(crate) fn start_demo_with_engine(kind: Kind) -> (Self, Engine) {
        let mut engine = None;
        let api = Self::with(kind, |mut app| {
            let worker = worker_of(&app.db, &app.clock, "engine");
            app.engine = Engine::start(worker).unwrap();
            engine = Some(app.engine.clone());
            router(app)
        });
        api.apply_demo();
        (api, engine.unwrap())
    }

    pub(crate) fn apply_demo(&self) {
        testkit::save_catalog(&self.db, &testkit::demo_catalog());
    }

    /// The time, in seconds.
    pub(crate) fn clock_seconds(&self) -> i64 {
        self.clock.now().0 / 1_000
    }

    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.db.read(|tx| Ok(tx.catalog()?)).unwrap()
    }

    /// Changes the catalog behind the server's back, as another process would.
    pub(crate) fn change_catalog(&self, change: impl FnOnce(&mut Catalog)) {
        let mut catalog = self.catalog().as_ref().clone();
        catalog.version += 1;
        change(&mut catalog);
        testkit::save_catalog(&self.db, &catalog);
    }

    /// Lays an org file over the org, as its administrator does.
    pub(crate) fn apply_org(&self, text: &str) {
        let token = self.token(self.user("admin"), "swathe.org.ALL");
        let body = json!({ "org": text }).to_string();
        let reply = self.call_with("PUT", "/swathe/v1/org", &token, body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    /// Says what everyone may do with a module's records.
    pub(crate) fn share_module(&self, module: &str, sharing: Sharing) {
        self.change_catalog(|catalog| {
            let mut modules = catalog.modules.iter_mut();
            let found = modules.find(|found| found.api_name == module).unwrap();
            found.sharing = sharing;
        });
    }

    /// Makes a module's records their owners' own.
    pub(crate) fn make_private(&self, module: &str) {
        self.share_module(module, Sharing::Private);
    }

    /// The user whose e-mail address starts so.
    pub(crate) fn user(&self, name: &str) -> UserId {
        let catalog = self.catalog();
        let user = catalog.users.iter().find(|u| u.email.starts_with(name));
        user.unwrap().id
    }

    /// This user with a token for everything, speaking v7.
    pub(crate) fn caller(&self, name: &str) -> Caller<'_> {
        self.caller_with(name, EVERYTHING)
    }

    pub(crate) fn caller_with(&self, name: &str, scopes: &str) -> Caller<'_> {
        let token = self.token(self.user(name), scopes);
        Caller {
            api: self,
            authorization: format!("Zoho-oauthtoken {token}"),
            version: Version::V7,
        }
    }

    /// The id of a view.
    pub(crate) fn view(&self, module: &str, name: &str) -> String {
        let catalog = self.catalog();
        let mut views = catalog.module(module).unwrap().views.iter();
        views.find(|view| view.name == name).unwrap().id.to_string()
    }

    /// The id of a layout.
    pub(crate) fn layout(&self, module: &str, name: &str) -> String {
        let catalog = self.catalog();
        let mut layouts = catalog.module(module).unwrap().layouts.iter();
        layouts
            .find(|layout| layout.name == name)
            .unwrap()
            .id
            .to_string()
    }

    /// The id of a territory.
    pub(crate) fn territory(&self, name: &str) -> String {
        let catalog = self.catalog();
        let mut territories = catalog.territories.iter();
        territories
            .find(|territory| territory.name == name)
            .unwrap()
            .id
            .to_string()
    }

    /// A worker for the test to step.
    pub(crate) fn worker(&self) -> Worker {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        worker_of(&self.db, &clock, "by hand")
    }

    /// Steps a worker until nothing is left to do.
    pub(crate) fn run_jobs(&self) -> Vec<Step> {
        run(self.worker())
    }

    /// Runs SQL behind the server's back.
    pub(crate) fn execute(&self, sql: &str) {
        let done = self
            .db
            .write(Priority::Interactive, |tx| Ok(tx.execute(sql, &[])?));
        done.unwrap();
    }

    /// The only number of a query.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let number = self.db.read(|tx| Ok(tx.value(sql, &[])?));
        number.unwrap()
    }

    /// Rows as text, in the order of their columns.
    pub(crate) fn rows(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let texts: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(n, column)| format!("CAST({column} AS TEXT) AS c{n}"))
            .collect();
        let (texts, order) = (texts.join(", "), columns.join(", "));
        let sql = format!("SELECT {texts} FROM {table} ORDER BY {order}");
        let read = self.db.read(|tx| {
            let mut found = Vec::new();
            for row in tx.query(&sql, &[])? {
                let cells = (0..columns.len()).map(|n| {
                    let cell: Option<String> = row.get(&format!("c{n}"))?;
                    Ok(cell.unwrap_or("-".to_owned()))
                });
                let texts: Vec<String> = cells.collect::<store::Result<_>>()?;
                found.push(format!("{table}: {}", texts.join(" | ")));
            }
            Ok(found)
        });
        read.unwrap()
    }

    /// Everything that a request about records could change.
    pub(crate) fn tables(&self) -> Vec<String> {
        let mut all = self.record_tables();
        all.extend(self.rows("jobs", &["id", "state", "total", "cursor", "failed"]));
        all.extend(self.rows("job_targets", &["job", "seq", "record", "rev"]));
        all.extend(self.rows("job_outcomes", &["job", "seq", "record", "code"]));
        all
    }

    /// The records, and what belongs to them and not to a job.
    pub(crate) fn record_tables(&self) -> Vec<String> {
        let mut all = Vec::new();
        for module in &self.catalog().modules {
            let columns = columns_of(module);
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            all.extend(self.rows(&format!("\"m_{}\"", module.api_name), &columns));
        }
        all.extend(self.rows("changes", &["record", "rev", "cause", "before", "at"]));
        all.extend(self.rows("holds", &["record", "kind", "reason"]));
        all.extend(self.rows("record_territories", &["record", "territory"]));
        let columns = [
            "record",
            "rev",
            "root",
            "name",
            "owner",
            "beside",
            "purged_at",
        ];
        all.extend(self.rows("deleted_records", &columns));
        all.extend(self.rows("record_blueprints", &["record", "blueprint"]));
        all.extend(self.rows("record_shares", &["record", "user_id", "permission"]));
        all.extend(self.rows("tags", &["id", "name", "color"]));
        all.extend(self.rows("record_tags", &["record", "tag"]));
        all.extend(self.rows("notes", &["id", "record", "title", "content"]));
        all.extend(self.rows("attachments", &["id", "record", "name", "size"]));
        all
    }

    /// Panics if the closure changes anything.
    pub(crate) fn unchanged_by<T>(&self, what: impl FnOnce() -> T) -> T {
        let before = self.tables();
        let answer = what();
        assert_eq!(self.tables(), before);
        answer
    }

    /// Panics if the closure changes anything but targets, which a plan has too.
    pub(crate) fn unchanged_but_targets<T>(&self, what: impl FnOnce() -> T) -> T {
        let of_job = |row: &String| !row.starts_with("job_targets: ");
        let tables = || -> Vec<String> { self.tables().into_iter().filter(of_job).collect() };
        let before = tables();
        let answer = what();
        assert_eq!(tables(), before);
        answer
    }

    /// Panics if the closure changes any record, or what belongs to it.
    pub(crate) fn records_unchanged_by(&self, what: impl FnOnce()) {
        let before = self.record_tables();
        what();
        assert_eq!(self.record_tables(), before);
    }

    /// Makes so many leads in one statement, with ids from `first` on.
    pub(crate) fn seed_leads(&self, first: i64, count: i64) {
        let admin = self.user("admin");
        let now = self.clock.now().0;
        self.execute(&format!(
            "INSERT INTO \"m_Leads\" (id, rev, \"Last_Name\", \"Full_Name\", \"Owner\",
               \"Created_By\", \"Modified_By\", \"Created_Time\", \"Modified_Time\",
               \"Converted__s\", \"Locked__s\")
             WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x + 1 < {count})
             SELECT {first} + x, 1, 'Lead ' || x, 'Lead ' || x, {admin}, {admin}, {admin},
               {now}, {now}, FALSE, FALSE FROM n"
        ));
    }
}

fn columns_of(module: &Module) -> Vec<String> {
    let fields = module.fields.iter();
    let quoted = fields.map(|field| format!("\"{}\"", field.api_name));
    ["id".to_owned(), "rev".to_owned()]
        .into_iter()
        .chain(quoted)
        .collect()
}

fn worker_of(db: &Db, clock: &Arc<dyn Clock>, name: &str) -> Worker {
    let actions = crm::actions::all();
    Worker::new(db.clone(), Arc::clone(clock), actions, name.to_owned())
}

/// Steps a worker until nothing is left to do.
pub(crate) fn run(mut worker: Worker) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..10_000 {
        match worker.step() {
            Step::Idle => return steps,
            step => steps.push(step),
        }
    }
    panic!("the jobs do not end: {steps:?}");
}

/// An answer with one item.
pub(crate) fn in_data(item: &Json) -> Json {
    json!({ "data": [item] })
}

/// A version in which some refusals are 200.
pub(crate) fn is_old(version: Version) -> bool {
    version <= Version::V2_1
}

/// Sends a mass update in every version; each must be refused so, and change nothing.
pub(crate) fn refused(
    api: &Api,
    caller: &Caller<'_>,
    (module, body): (&str, &Json),
    wanted: impl Fn(Version) -> (u16, Json),
) {
    api.unchanged_by(|| {
        for version in Version::ALL {
            let reply = caller.speaking(version).mass_update(module, body);
            let got = (reply.status, reply.json());
            assert_eq!(got, wanted(version), "{} {body}", version.as_str());
        }
    });
}
