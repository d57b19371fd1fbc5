//! A database with leads, the processes that work on it, and what clients do to them.

use crate::client::{Answer, Client, find};
use crate::dice::Dice;
use crate::judge::{Depth, Facts, Figures, judge};
use crate::server::{Death, Server, run};
use crate::sql::Sql;
use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const ORG: &str = include_str!("../org.toml");
const ADMIN: &str = "admin@anvil.example.com";
const OWNERS: [&str; 2] = ["bo@anvil.example.com", "cy@anvil.example.com"];
const SCOPES: &str = "ZohoCRM.modules.ALL,ZohoCRM.mass_update.ALL,ZohoCRM.mass_delete.ALL,\
    ZohoCRM.change_owner.ALL,ZohoCRM.mass_convert.leads.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ,swathe.jobs.READ,\
    swathe.jobs.WRITE";
const VIEWS: [&str; 4] = ["All Leads", "Open Leads", "Junk Leads", "My Leads"];
/// All jobs must have ended so long after nobody is killed any more.
const PATIENCE: Duration = Duration::from_secs(180);

/// Where worlds are made.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In a folder.
    Sqlite,
    /// In schemas of their own in this database.
    Postgres(String),
}

/// What clients may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    Update,
    UpdateIds,
    ChangeOwner,
    Delete,
    Restore,
    Write,
    Pause,
    Resume,
    Cancel,
    Throttle,
    Planned,
    Later,
    Retry,
    Undo,
    Convert,
}

/// What is done, each as often as it stands here.
const DEEDS: [Deed; 24] = [
    Deed::Update,
    Deed::Update,
    Deed::Update,
    Deed::UpdateIds,
    Deed::UpdateIds,
    Deed::ChangeOwner,
    Deed::ChangeOwner,
    Deed::Delete,
    Deed::Restore,
    Deed::Write,
    Deed::Write,
    Deed::Pause,
    Deed::Resume,
    Deed::Resume,
    Deed::Cancel,
    Deed::Throttle,
    Deed::Planned,
    Deed::Planned,
    Deed::Later,
    Deed::Retry,
    Deed::Undo,
    Deed::Undo,
    Deed::Convert,
    Deed::Convert,
];

/// How often each deed was done, was refused, or stayed without an answer.
pub(crate) type Tally = BTreeMap<Deed, [u64; 3]>;

pub(crate) struct World {
    binary: PathBuf,
    place: Place,
    url: String,
    dir: PathBuf,
    servers: Vec<Option<Server>>,
    /// Which of the living servers is asked.
    turn: usize,
    client: Client,
    views: Vec<String>,
    leads: Vec<i64>,
    jobs: Vec<i64>,
    facts: Facts,
    values: u64,
    pub(crate) tally: Tally,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a torture measures what a client would"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a job for later is asked for by the clock"
)]
fn soon(ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let at = now.unwrap_or_default() + Duration::from_millis(ms);
    let (days, rest) = (at.as_secs() / 86_400, at.as_secs() % 86_400);
    // Civil from days (H. Hinnant).
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (
        doy - (153 * mp + 2) / 5 + 1,
        if mp < 10 { mp + 3 } else { mp - 9 },
    );
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

impl World {
    /// A new one with so many leads.
    pub(crate) fn make(
        binary: &Path,
        place: &Place,
        dir: &Path,
        name: &str,
        leads: u64,
    ) -> Result<Self> {
        let dir = dir.join(name);
        fs::create_dir_all(&dir)?;
        let url = match place {
            Place::Sqlite => format!("sqlite:{}", dir.join("swathe.db").display()),
            Place::Postgres(url) => {
                let sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
                Sql::postgres(url)?.run(&sql)?;
                let mark = if url.contains('?') { '&' } else { '?' };
                format!("{url}{mark}options=-csearch_path%3D{name}")
            }
        };
        let (org, csv) = (dir.join("org.toml"), dir.join("leads.csv"));
        fs::write(&org, ORG)?;
        let mut rows = "Last_Name,Company,Lead_Status\n".to_owned();
        for n in 0..leads {
            let status = if n % 7 == 0 { "Junk Lead" } else { "Contacted" };
            writeln!(rows, "Lead {n},Company {n},{status}")?;
        }
        fs::write(&csv, rows)?;
        let text = |path: &Path| path.display().to_string();
        run(binary, &["org", "apply", &text(&org), "--database", &url])?;
        run(
            binary,
            &["import", "Leads", &text(&csv), "--database", &url],
        )?;
        let token = run(
            binary,
            &[
                "token",
                "--user",
                ADMIN,
                "--scope",
                SCOPES,
                "--database",
                &url,
            ],
        )?;
        let mut world = Self {
            binary: binary.to_owned(),
            place: place.clone(),
            url,
            dir,
            servers: Vec::new(),
            turn: 0,
            client: Client::new(token.trim()),
            views: Vec::new(),
            leads: Vec::new(),
            jobs: Vec::new(),
            facts: Facts::default(),
            values: 0,
            tally: Tally::new(),
        };
        world.learn(leads)?;
        Ok(world)
    }

    /// Asks a server for the ids of things, and ends it.
    fn learn(&mut self, leads: u64) -> Result<()> {
        self.servers.push(self.start(&Death::None)?);
        if matches!(self.place, Place::Postgres(_)) {
            self.servers.push(None);
        }
        let known = |path: &str| match self.ask("GET", path, &Json::Null)? {
            Answer::Done(json) => Ok(json),
            _ => bail!("{path} was refused"),
        };
        let views = known("/crm/v8/settings/custom_views?module=Leads")?;
        let fields = known("/crm/v8/settings/fields?module=Leads")?;
        let of_tasks = known("/crm/v8/settings/fields?module=Tasks")?;
        let modules = known("/crm/v8/settings/modules")?;
        let users = known("/crm/v8/users?type=AllUsers")?;
        let id_of = |json: &Json, list: &str, key: &str, wanted: &str| {
            let items = json.get(list).and_then(Json::as_array);
            let item = items.into_iter().flatten().find(|item| item[key] == wanted);
            let id = item.and_then(|item| item["id"].as_str());
            id.map(str::to_owned)
                .with_context(|| format!("no {wanted} in {list}"))
        };
        for name in VIEWS {
            self.views
                .push(id_of(&views, "custom_views", "name", name)?);
        }
        self.facts.company = id_of(&fields, "fields", "api_name", "Company")?;
        self.facts.owner = id_of(&fields, "fields", "api_name", "Owner")?;
        self.facts.what = id_of(&of_tasks, "fields", "api_name", "What_Id")?;
        self.facts.leads_module = id_of(&modules, "modules", "api_name", "Leads")?;
        self.facts.tasks = id_of(&modules, "modules", "api_name", "Tasks")?;
        for email in OWNERS {
            self.facts
                .owners
                .push(id_of(&users, "users", "email", email)?);
        }
        self.leads = self.sql()?.ints("SELECT id FROM \"m_Leads\" ORDER BY id")?;
        self.facts.leads = i64::try_from(leads)?;
        if self.leads.len() != usize::try_from(leads)? {
            bail!("{} leads were imported of {leads}", self.leads.len());
        }
        self.kill_all()
    }

    fn start(&self, death: &Death) -> Result<Option<Server>> {
        Server::start(&self.binary, &self.url, &self.dir.join("server.log"), death)
    }

    fn kill_all(&mut self) -> Result<()> {
        for server in &mut self.servers {
            if let Some(server) = server.take() {
                server.kill()?;
            }
        }
        Ok(())
    }

    /// The database as it lies there. A file is copied, log and all: opening the one that a dead
    /// server left would mend it before the next server could.
    fn sql(&self) -> Result<Sql> {
        match &self.place {
            Place::Sqlite if self.servers.iter().all(Option::is_none) => {
                let copy = self.dir.join("judged.db");
                for end in ["", "-wal"] {
                    let (from, to) = (format!("swathe.db{end}"), format!("judged.db{end}"));
                    let from = self.dir.join(from);
                    let to = self.dir.join(to);
                    if from.exists() {
                        fs::copy(&from, &to)?;
                    } else if to.exists() {
                        fs::remove_file(&to)?;
                    }
                }
                Sql::sqlite(&copy)
            }
            Place::Sqlite => Sql::sqlite(&self.dir.join("swathe.db")),
            Place::Postgres(_) => Sql::postgres(&self.url),
        }
    }

    fn ask(&self, method: &str, path: &str, body: &Json) -> Result<Answer> {
        let alive: Vec<&Server> = self.servers.iter().flatten().collect();
        match alive.get(self.turn % alive.len().max(1)) {
            Some(server) => self.client.ask(&server.url, method, path, body),
            None => Ok(Answer::Nothing),
        }
    }

    /// One life: one process is to die so, clients work until it does. Answers whether it died as
    /// planned, or had to be killed because it never came to the point.
    pub(crate) fn live(
        &mut self,
        death: &Death,
        at_most: Duration,
        dice: &mut Dice,
    ) -> Result<bool> {
        let victim = usize::try_from(dice.below(u64::try_from(self.servers.len())?))?;
        if let Some(server) = self.servers.get_mut(victim).and_then(Option::take) {
            // It outlived another one; a death planned for it would have been its own.
            server.kill()?;
        }
        for n in 0..self.servers.len() {
            let missing = self.servers.get(n).is_some_and(Option::is_none);
            if n != victim && missing {
                let server = self.start(&Death::None)?;
                self.put(n, server);
            }
        }
        let server = self.start(death)?;
        if server.is_none() {
            return Ok(true);
        }
        self.put(victim, server);
        let until = instant() + at_most;
        loop {
            let server = self.servers.get_mut(victim).and_then(Option::as_mut);
            if server.context("the victim")?.died()? {
                self.put(victim, None);
                return Ok(true);
            }
            if instant() > until {
                if let Some(server) = self.servers.get_mut(victim).and_then(Option::take) {
                    server.kill()?;
                }
                return Ok(false);
            }
            // With two, clients go to either: the one that dies and the one that takes over.
            self.turn = usize::try_from(dice.below(2))?;
            let deed = *dice.pick(&DEEDS).context("a deed")?;
            let moved = self.do_one(deed, dice);
            moved.with_context(|| format!("{deed:?}"))?;
        }
    }

    fn put(&mut self, n: usize, server: Option<Server>) {
        if let Some(place) = self.servers.get_mut(n) {
            *place = server;
        }
    }

    fn value(&mut self) -> String {
        self.values += 1;
        format!("Forged {}", self.values)
    }

    fn view(&self, dice: &mut Dice) -> String {
        dice.pick(&self.views).cloned().unwrap_or_default()
    }

    fn owner(&self, dice: &mut Dice) -> String {
        dice.pick(&self.facts.owners).cloned().unwrap_or_default()
    }

    fn do_one(&mut self, deed: Deed, dice: &mut Dice) -> Result<()> {
        let answer = self.answer(deed, dice)?;
        let [done, refused, nothing] = self.tally.entry(deed).or_default();
        match answer {
            Answer::Done(_) => *done += 1,
            Answer::Refused => *refused += 1,
            Answer::Nothing => *nothing += 1,
        }
        Ok(())
    }

    fn answer(&mut self, deed: Deed, dice: &mut Dice) -> Result<Answer> {
        match deed {
            Deed::Update => {
                let body =
                    json!({ "data": [{ "Company": self.value() }], "cvid": self.view(dice) });
                self.accepted("/crm/v8/Leads/actions/mass_update", &body)
            }
            Deed::ChangeOwner => {
                let body = json!({ "cvid": self.view(dice), "owner": { "id": self.owner(dice) } });
                self.accepted("/crm/v8/Leads/actions/mass_change_owner", &body)
            }
            Deed::Delete => {
                let body = json!({ "cvid": self.views.get(2) });
                self.accepted("/crm/v8/Leads/actions/mass_delete", &body)
            }
            Deed::Restore => {
                let body = json!({ "filters": {
                    "field": { "api_name": "module" }, "comparator": "equal", "value": "Leads",
                }});
                self.ask(
                    "POST",
                    "/crm/v8/settings/recycle_bin/actions/restore",
                    &body,
                )
            }
            Deed::UpdateIds | Deed::Write => self.write(deed, dice),
            Deed::Pause | Deed::Resume | Deed::Cancel => self.control(deed, dice),
            Deed::Throttle => {
                let throttle = [json!(200), json!(1_000), Json::Null];
                let body = json!({ "throttle": dice.pick(&throttle) });
                let path = format!("/swathe/v1/jobs/{}", self.any_job(dice));
                self.ask("PATCH", &path, &body)
            }
            Deed::Planned => self.planned(dice),
            Deed::Later => {
                let mut body = self.native(dice);
                let select_at = if dice.below(2) == 0 { "now" } else { "start" };
                if let Some(body) = body.as_object_mut() {
                    body.insert("run_at".to_owned(), soon(dice.below(2_000)).into());
                    body.insert("select_at".to_owned(), select_at.into());
                }
                self.accepted("/swathe/v1/jobs", &body)
            }
            Deed::Convert => {
                let change = json!({ "overwrite": false });
                let selection = json!({ "ids": self.to_convert(dice) });
                let body = json!({ "action": "convert", "module": "Leads",
                    "selection": selection, "change": change });
                self.accepted("/swathe/v1/jobs", &body)
            }
            Deed::Retry | Deed::Undo => {
                let what = if deed == Deed::Retry { "retry" } else { "undo" };
                let path = format!("/swathe/v1/jobs/{}/actions/{what}", self.any_job(dice));
                self.accepted(&path, &json!({}))
            }
        }
    }

    /// Some leads that nobody deletes: none of them is junk.
    fn to_convert(&self, dice: &mut Dice) -> Vec<String> {
        let kept = self.leads.iter().enumerate();
        let kept: Vec<i64> = kept
            .filter(|(n, _)| n % 7 != 0)
            .map(|(_, id)| *id)
            .collect();
        let many = 1 + dice.below(20);
        let ids = (0..many).filter_map(|_| dice.pick(&kept).copied());
        let ids: std::collections::BTreeSet<i64> = ids.collect();
        ids.iter().map(ToString::to_string).collect()
    }

    /// What a plan or a job is asked for natively.
    fn native(&mut self, dice: &mut Dice) -> Json {
        let selection = json!({ "cvid": self.view(dice) });
        if dice.below(3) == 0 {
            let change = json!({ "owner": self.owner(dice) });
            return json!({ "action": "change_owner", "module": "Leads", "selection": selection,
                "change": change });
        }
        let change = json!({ "fields": { "Company": self.value() } });
        json!({ "action": "update", "module": "Leads", "selection": selection, "change": change })
    }

    fn planned(&mut self, dice: &mut Dice) -> Result<Answer> {
        let body = self.native(dice);
        let answer = self.ask("POST", "/swathe/v1/plans", &body)?;
        let Answer::Done(plan) = &answer else {
            return Ok(answer);
        };
        let body = json!({ "plan": plan["id"], "tolerance": dice.below(3) * 100 });
        self.accepted("/swathe/v1/jobs", &body)
    }

    /// Asks for a job, and remembers it if there is one.
    fn accepted(&mut self, path: &str, body: &Json) -> Result<Answer> {
        let answer = self.ask("POST", path, body)?;
        if let Answer::Done(json) = &answer {
            let id = find(json, "job_id").or_else(|| find(json, "id"));
            let id: i64 = id.context("no job in the answer")?.parse()?;
            self.facts.accepted.insert(id);
            self.jobs.push(id);
        }
        Ok(answer)
    }

    fn any_job(&self, dice: &mut Dice) -> i64 {
        // Mostly a young one: old ones have ended.
        let young = self.jobs.len().saturating_sub(6);
        let young = self.jobs.get(young..).unwrap_or_default();
        dice.pick(young).copied().unwrap_or(0)
    }

    fn control(&mut self, deed: Deed, dice: &mut Dice) -> Result<Answer> {
        let job = self.any_job(dice);
        let what = match deed {
            Deed::Pause => "pause",
            Deed::Resume => "resume",
            _ => "cancel",
        };
        let path = format!("/swathe/v1/jobs/{job}/actions/{what}");
        let answer = self.ask("POST", &path, &Json::Null)?;
        if let (Answer::Done(_), Deed::Cancel) = (&answer, deed) {
            self.facts.cancelled.insert(job);
        }
        Ok(answer)
    }

    /// Records that are written at once.
    fn write(&mut self, deed: Deed, dice: &mut Dice) -> Result<Answer> {
        let value = self.value();
        let many = if deed == Deed::Write {
            1
        } else {
            1 + dice.below(150)
        };
        let mut ids: Vec<i64> = (0..many)
            .filter_map(|_| dice.pick(&self.leads).copied())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let data = json!([{ "Company": value }]);
        let answer = if deed == Deed::Write {
            let path = format!("/crm/v8/Leads/{}", texts.join(","));
            self.ask("PUT", &path, &json!({ "data": data }))?
        } else {
            let body = json!({ "data": data, "ids": texts });
            self.ask("POST", "/crm/v8/Leads/actions/mass_update", &body)?
        };
        if let Answer::Done(json) = &answer {
            let items = json["data"].as_array().cloned().unwrap_or_default();
            for (item, id) in items.iter().zip(&ids) {
                if item["code"] == "SUCCESS" {
                    self.facts.written.push((*id, value.clone()));
                }
            }
        }
        Ok(answer)
    }

    /// Judges what lies there now: each job against its rows, and `wholly` each record too.
    pub(crate) fn judge(&mut self, wholly: bool) -> Result<Figures> {
        let mut sql = self.sql()?;
        let depth = if wholly { Depth::Records } else { Depth::Jobs };
        judge(&mut sql, &mut self.facts, depth)
    }

    /// Lets everything end, with nobody killed any more, and judges.
    pub(crate) fn end(&mut self) -> Result<Figures> {
        self.kill_all()?;
        let server = self.start(&Death::None)?;
        self.put(0, server);
        let until = instant() + PATIENCE;
        let unfinished = "SELECT id FROM jobs
                          WHERE state IN ('preparing', 'queued', 'running', 'paused')";
        let waiting = "SELECT DISTINCT record FROM events";
        loop {
            let open = self.sql()?.ints(unfinished)?;
            if open.is_empty() && self.sql()?.ints(waiting)?.is_empty() {
                break;
            }
            if instant() > until {
                bail!("jobs that do not end: {open:?}");
            }
            for job in open {
                let resume = format!("/swathe/v1/jobs/{job}/actions/resume");
                self.ask("POST", &resume, &Json::Null)?;
                let path = format!("/swathe/v1/jobs/{job}");
                self.ask("PATCH", &path, &json!({ "throttle": null }))?;
            }
        }
        let mut sql = self.sql()?;
        let figures = judge(&mut sql, &mut self.facts, Depth::End)?;
        drop(sql);
        self.kill_all()?;
        let log = fs::read_to_string(self.dir.join("server.log")).unwrap_or_default();
        if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
            bail!("a server panicked: {line}");
        }
        Ok(figures)
    }

    /// Removes what it made.
    pub(crate) fn remove(mut self) -> Result<()> {
        self.kill_all()?;
        if let Place::Postgres(url) = &self.place {
            let name = self.dir.file_name().and_then(|name| name.to_str());
            let name = name.context("the world's name")?;
            Sql::postgres(url)?.run(&format!("DROP SCHEMA {name} CASCADE"))?;
        }
        fs::remove_dir_all(&self.dir)?;
        Ok(())
    }
}
