//! A server under measure: a database full of leads, and the program on it.

use super::http::{Client, now, pause};
use crate::process::{announce, output, root, run};
use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Whom the bench asks as: an administrator of the demo's org.
const ADMIN: &str = "admin@kestrel-rowe.example.com";
const SCOPES: &str = "ZohoCRM.modules.ALL,ZohoCRM.mass_update.UPDATE,ZohoCRM.mass_update.READ,\
    swathe.jobs.READ,swathe.jobs.WRITE";
/// Values that jobs write in turn, so that each has something to change.
const SOURCES: [&str; 3] = ["Trade Show", "Partner", "Cold Call"];
/// Records that a job may have where the org does not say.
const JOB_RECORDS: u32 = 50_000;
/// How often a client asks whether a job ended.
const POLL: Duration = Duration::from_millis(20);

/// The running program.
pub(super) struct Node {
    dir: PathBuf,
    child: Child,
    leads: u32,
    pub(super) client: Client,
    written: usize,
}

/// A job that ended, as a client saw it.
pub(super) struct Ended {
    pub(super) id: String,
    pub(super) seconds: f64,
    pub(super) total: f64,
}

impl Ended {
    /// Millionths of a second that a record took.
    pub(super) fn each(&self) -> f64 {
        self.seconds * 1e6 / self.total
    }
}

impl Node {
    /// Makes a database of so many leads and starts the program on it. Of the leads, `scattered`,
    /// evenly, are in the city Porto, and a twentieth is in each of twenty companies.
    pub(super) fn start(binaries: &Path, dir: PathBuf, leads: u32, scattered: u32) -> Result<Self> {
        let program = binaries.join("swathe");
        let database = format!("sqlite:{}", dir.join("swathe.db").display());
        let org = dir.join("org.toml");
        let mut text = fs::read_to_string(root().join("demo/org.toml")).context("demo/org.toml")?;
        if leads > JOB_RECORDS {
            text.push_str("\n[limits]\nrecords_per_job = 1_000_000\n");
        }
        fs::write(&org, text)?;
        let csv = dir.join("leads.csv");
        write_leads(&csv, leads, scattered)?;
        announce(&format!("loading {leads} leads"));
        let quiet = |command: &mut Command| {
            run(command
                .args(["--database", &database])
                .stdout(Stdio::null())
                .stderr(Stdio::null()))
        };
        quiet(Command::new(&program).args(["org", "apply"]).arg(&org))?;
        quiet(Command::new(&program).args(["import", "Leads"]).arg(&csv))?;
        fs::remove_file(&csv)?;
        let token = output(Command::new(&program).args([
            "token",
            "--user",
            ADMIN,
            "--scope",
            SCOPES,
            "--database",
            &database,
        ]))?;
        // A port that was free a moment ago.
        let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(&program);
        command.args([
            "serve",
            "--listen",
            &listen.to_string(),
            "--database",
            &database,
        ]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.env("RUST_LOG", "warn");
        let child = command.spawn().context("starting the server")?;
        let node = Self {
            dir,
            child,
            leads,
            client: Client::new(&format!("http://{listen}"), &token),
            written: 0,
        };
        node.await_ready()?;
        Ok(node)
    }

    fn await_ready(&self) -> Result<()> {
        let start = now();
        while start.elapsed() < Duration::from_secs(20) {
            if self.client.get("/swathe/v1/jobs").is_ok() {
                return Ok(());
            }
            pause(POLL);
        }
        bail!("the server does not answer")
    }

    /// What a mass update of some leads is asked for with; each time it writes another value.
    pub(super) fn asked(&mut self, selection: &Json) -> Json {
        self.written += 1;
        let source = SOURCES.get(self.written % SOURCES.len());
        let change = json!({ "fields": { "Lead_Source": source } });
        let mut asked = json!({
            "action": "update", "module": "Leads", "selection": selection, "change": change,
        });
        if let (Some(object), true) = (asked.as_object_mut(), selection.get("everything").is_some())
        {
            object.insert("expected_count".to_owned(), json!(self.leads));
        }
        asked
    }

    /// Runs a job from its request to its end, as a client sees it.
    pub(super) fn job(&mut self, selection: &Json) -> Result<Ended> {
        let asked = self.asked(selection);
        let start = now();
        let job = self.client.post("/swathe/v1/jobs", &asked)?;
        self.ended(&job, start)
    }

    /// Waits for the end of a job that was asked for then.
    pub(super) fn ended(&self, job: &Json, start: std::time::Instant) -> Result<Ended> {
        let id = text(job, "id")?;
        loop {
            let told = self.client.get(&format!("/swathe/v1/jobs/{id}"))?;
            match told.get("state").and_then(Json::as_str) {
                Some("completed") => {
                    let total = told.pointer("/counts/total").and_then(Json::as_f64);
                    return Ok(Ended {
                        id,
                        seconds: start.elapsed().as_secs_f64(),
                        total: total.context("no total")?,
                    });
                }
                Some("failed" | "cancelled" | "paused") | None => bail!("the job: {told}"),
                _ => pause(POLL),
            }
        }
    }

    /// Forgets the most memory that the program ever held, so that it is counted anew.
    pub(super) fn forget_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        fs::write(&path, "5").with_context(|| format!("writing {path}"))
    }

    /// The most memory that the program held since then, in MiB.
    pub(super) fn peak_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.context("no VmHWM")?.trim().trim_end_matches(" kB");
        Ok(kib.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            println!("{} remains: {error}", self.dir.display());
        }
    }
}

/// A text of an answer.
pub(super) fn text(answer: &Json, key: &str) -> Result<String> {
    let text = answer.get(key).and_then(Json::as_str);
    Ok(text
        .with_context(|| format!("no {key} in {answer}"))?
        .to_owned())
}

fn write_leads(path: &Path, leads: u32, scattered: u32) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    writeln!(
        file,
        "First_Name,Last_Name,Company,Email,Phone,City,Lead_Source,Lead_Status,Industry,No_of_Employees"
    )?;
    let mut line = String::new();
    for n in 0..u64::from(leads) {
        let (of, some) = (u64::from(leads), u64::from(scattered));
        let city = if (n + 1) * some / of > n * some / of {
            "Porto"
        } else {
            "Uppsala"
        };
        line.clear();
        writeln!(
            line,
            "Amina,Eriksen {n},Company {},lead{n}@example.com,+351 2{n:08},{city},Chat,Contacted,Technology,{}",
            n % 20,
            n % 5_000
        )?;
        file.write_all(line.as_bytes())?;
    }
    Ok(file.flush()?)
}
