//! `swathe demo`: the main job, from an empty folder to mass actions that a client planned, ran,
//! watched, looked into and took back.
#![expect(
    clippy::indexing_slicing,
    reason = "indexing JSON by key gives null, never a panic"
)]

mod client;
mod convert;
mod delete;
mod owner;
mod seed;
mod step;
mod update;

use crate::Done;
use crate::node::Node;
use crate::serve::outside;
use crate::settings::{Usage, now as time_now, open, say};
use crate::terminal::{self, Rows, grouped, value};
use anyhow::{Context, Result, bail};
use clap::Args;
use client::{Client, Login};
use convert::Conversion;
use delete::Deletion;
use indicatif::{ProgressBar, ProgressStyle};
use model::refusal::{Code, Refusal};
use model::scope::Scopes;
use owner::Handover;
use serde_json::{Value as Json, json};
use server::auth::{self, NewClient};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use step::{Road, now};
use store::{Db, Priority, Target};
use update::Update;

/// The org of the demo.
const ORG: &str = include_str!("../../../demo/org.toml");
/// Who does the mass update: an administrator.
const ADMIN: &str = "admin@kestrel-rowe.example.com";
/// Who locks some leads.
const OTHER: &str = "ines.faria@kestrel-rowe.example.com";

/// Everything that a token can be good for.
const SCOPES: &str = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.ALL,ZohoCRM.org.ALL,\
    ZohoCRM.mass_update.UPDATE,ZohoCRM.mass_update.READ,ZohoCRM.change_owner.ALL,\
    ZohoCRM.mass_convert.leads.ALL,ZohoCRM.mass_delete.ALL,ZohoCRM.coql.READ,ZohoCRM.bulk.ALL,\
    ZohoCRM.notifications.ALL,ZohoCRM.share.leads.ALL,ZohoCRM.share.accounts.ALL,\
    ZohoCRM.share.contacts.ALL,ZohoCRM.share.deals.ALL,ZohoCRM.files.ALL,\
    ZohoCRM.composite_requests.CUSTOM,\
    ZohoSearch.securesearch.READ,ZohoFiles.files.ALL,\
    swathe.jobs.READ,swathe.jobs.WRITE,swathe.org.READ,swathe.org.WRITE,\
    swathe.holds.READ,swathe.holds.WRITE";

/// What `swathe demo` takes.
#[derive(Args)]
pub(crate) struct Demo {
    /// Leads in the view "Open Leads"; the module gets a fifth more.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    records: u32,
    /// Folder for the database, which must not hold one yet [default: a fresh swathe-demo].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// An empty database elsewhere: sqlite:FILE or postgres://…
    #[arg(long, conflicts_with = "dir")]
    database: Option<String>,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: std::net::SocketAddr,
    /// Write the client's credentials to this file, readable by its owner only.
    #[arg(long)]
    credentials: Option<PathBuf>,
    /// Stop when done; exit 0 only if every count was as planned.
    #[arg(long)]
    exit: bool,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Demo {
    /// Runs the demo. It failed when a count is not as it was arranged.
    pub(crate) fn run(&self) -> Done {
        if run(self)? {
            Ok(())
        } else {
            bail!("a count is not as it was arranged")
        }
    }

    /// Tells how it goes, to a person; with `--json` only the result is told.
    fn tell(&self, text: &str) {
        if !self.json {
            // A reader that is gone needs no progress.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}

fn run(args: &Demo) -> Result<bool> {
    if !args.listen.ip().is_loopback() {
        bail!(Usage(
            "the demo is for this machine: --listen takes a loopback address".to_owned()
        ));
    }
    let tell = |text: &str| args.tell(text);
    let records = usize::try_from(args.records).context("records")?;
    let (target, place) = place(args)?;
    let db = open(&target)?;
    apply_org(&db)?;
    tell(&format!("database {place}"));

    let bar = bar(args, records);
    let started = now();
    let seeded = seed::leads(&db, records, time_now(), &|stored| {
        bar.set_position(stored as u64);
    })?;
    bar.finish_and_clear();
    let loading = now().duration_since(started);
    tell(&format!(
        "{} leads stored in {:.1} s; {records} of them in the view \"Open Leads\"",
        seeded.total,
        loading.as_secs_f64()
    ));

    let outside = outside(&target, None, &loopback()?)?;
    let (node, url) = Node::start(&db, &outside, args.listen).or_else(|error| {
        // The usual address may be taken by somebody else's server.
        if args.listen.port() == 8080 {
            Node::start(
                &db,
                &outside,
                std::net::SocketAddr::new(args.listen.ip(), 0),
            )
        } else {
            Err(error)
        }
    })?;
    tell(&format!("serving on {url}"));
    let admin = login(&db, ADMIN)?;
    let other = login(&db, OTHER)?;
    let admin_client = Client::sign_in(&admin.at(&url))?;
    let other_client = Client::sign_in(&other.at(&url))?;
    if let Some(path) = &args.credentials {
        write_credentials(path, &url, &admin, admin_client.token())?;
    }

    let mut road = Road {
        admin: &admin_client,
        steps: Vec::new(),
        bar: terminal::bar(args.json)?,
        say: &tell,
    };
    let records = i64::from(args.records);
    let update = update::mass_update(&mut road, &other_client, records)?;
    let handover = owner::change_owner(&mut road, OTHER)?;
    let conversion = convert::mass_convert(&mut road)?;
    let deletion = delete::mass_delete(&mut road, seeded.junk)?;
    let good = road.steps.iter().all(step::Step::as_planned)
        && update.as_planned(records)
        && handover.as_planned()
        && conversion.as_planned()
        && deletion.as_ref().is_none_or(Deletion::as_planned);
    let told = Told {
        steps: &road.steps,
        update: &update,
        handover: &handover,
        conversion: &conversion,
        deletion: deletion.as_ref(),
    };
    if args.json {
        terminal::say_json(&told.json(&url, good)?)?;
    } else {
        told.say(&url)?;
    }
    if !args.exit {
        tell("Ctrl-C stops the server");
        node.wait_for_signal()?;
    }
    node.stop()?;
    Ok(good)
}

/// The demo may call programs on the same machine.
fn loopback() -> Result<Vec<server::Range>> {
    let ranges = ["127.0.0.0/8", "::1"].map(str::parse);
    let ranges: Result<Vec<_>, String> = ranges.into_iter().collect();
    ranges.map_err(anyhow::Error::msg)
}

/// Where the demo's database goes. A database that is there already is not the demo's to change.
fn place(args: &Demo) -> Result<(Target, String)> {
    if let Some(url) = &args.database {
        let target = url.parse().map_err(anyhow::Error::msg)?;
        return Ok((target, url.clone()));
    }
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => (1..1000)
            .map(|n| {
                if n == 1 {
                    "swathe-demo".to_owned()
                } else {
                    format!("swathe-demo-{n}")
                }
            })
            .map(PathBuf::from)
            .find(|dir| !dir.exists())
            .context("no free folder name")?,
    };
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let file = dir.join("swathe.db");
    if file.exists() {
        bail!("{} exists already: name another --dir", file.display());
    }
    Ok((
        Target::Sqlite(file.clone()),
        format!("sqlite:{}", file.display()),
    ))
}

fn apply_org(db: &Db) -> Result<()> {
    if db.read(|tx| Ok(tx.find_catalog()))?.is_some() {
        bail!("the database has an org already: the demo wants an empty one");
    }
    match crm::org::apply(db, ORG, false, time_now()) {
        Ok(_) => Ok(()),
        Err(error) => bail!("the demo org: {error:?}"),
    }
}

fn bar(args: &Demo, records: usize) -> ProgressBar {
    let bar = if args.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new((records + records.div_ceil(5)) as u64)
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} leads {per_sec}") {
        bar.set_style(style);
    }
    bar
}

/// A client of one user.
struct Registered {
    email: &'static str,
    client: auth::Registered,
    refresh_token: String,
}

impl Registered {
    fn at<'a>(&'a self, base: &'a str) -> Login<'a> {
        Login {
            base,
            client_id: &self.client.public_id,
            client_secret: &self.client.secret,
            refresh_token: &self.refresh_token,
        }
    }
}

fn login(db: &Db, email: &'static str) -> Result<Registered> {
    let now = time_now();
    let scopes = Scopes::parse(SCOPES).context("the demo's scopes")?;
    let made = db.write(Priority::Interactive, |tx| {
        let catalog = tx.catalog()?;
        let user = catalog.user_by_email(email).map(|user| user.id);
        let user = user.ok_or_else(|| Refusal::new(Code::AuthorizationFailed))?;
        let new = NewClient {
            name: "demo",
            user,
            redirect_uri: None,
            scopes: Some(&scopes),
        };
        let client = auth::create_client(tx, &new, now)?;
        let refresh = auth::mint_refresh_token(tx, user, client.id, &scopes, now)?;
        Ok(Registered {
            email,
            client,
            refresh_token: refresh.secret,
        })
    })?;
    Ok(made)
}

fn write_credentials(path: &Path, url: &str, login: &Registered, token: &str) -> Result<()> {
    let body = json!({
        "api_domain": url,
        "accounts_url": format!("{url}/oauth/v2/token"),
        "client_id": login.client.public_id,
        "client_secret": login.client.secret,
        "refresh_token": login.refresh_token,
        "access_token": token,
        "user_email": login.email,
    });
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file.write_all(body.to_string().as_bytes())?)
}

/// What the demo tells at its end.
struct Told<'a> {
    steps: &'a [step::Step],
    update: &'a Update,
    handover: &'a Handover,
    conversion: &'a Conversion,
    deletion: Option<&'a Deletion>,
}

impl Told<'_> {
    /// One line of JSON; the counts and the speed are those of the mass update through the wire API.
    fn json(&self, url: &str, good: bool) -> Result<Json> {
        let main = self.steps.first().context("no step was taken")?;
        let Json::Object(mut told) = main.json() else {
            bail!("a step is no object");
        };
        let by_code = self.update.failures.iter();
        let by_code = by_code.map(|(code, _, count)| (code.clone(), Json::from(*count)));
        let rest = json!({
            "status": self.update.status,
            "failed_by_code": Json::Object(by_code.collect()),
            "left_in_view": self.update.left,
            "owners": self.handover.owners,
            "accounts": self.conversion.accounts,
            "converted": self.conversion.one,
            "in_bin": self.deletion.map(|deletion| deletion.in_bin),
            "peak_rss_mib": self.update.peak_rss_mib,
            "steps": self.steps.iter().map(step::Step::json).collect::<Vec<Json>>(),
            "as_planned": good,
            "url": url,
        });
        told.remove("step");
        told.extend(rest.as_object().cloned().unwrap_or_default());
        Ok(Json::Object(told))
    }

    /// For people.
    fn say(&self, url: &str) -> Result<()> {
        let mut steps = Rows::of(&[
            "step…",
            "#records",
            "#changed",
            "#refused",
            "#seconds",
            "#a second",
            "as planned",
        ]);
        for step in self.steps {
            let (records, changed, refused) = step.counts;
            steps.row([
                step.name.clone(),
                grouped(records),
                grouped(changed),
                grouped(refused),
                format!("{:.2}", step.took.as_secs_f64()),
                format!("{:.0}", step.rate()),
                if step.as_planned() { "yes" } else { "NO" }.to_owned(),
            ]);
        }
        steps.say()?;
        let mut failures = Rows::of(&["refused by", "#records", "because…"]);
        for (code, message, count) in &self.update.failures {
            failures.row([
                terminal::clean(code),
                grouped(*count),
                terminal::clean(message),
            ]);
        }
        failures.say()?;
        let mut sample = Rows::of(&[
            "lead…",
            "Lead_Source before",
            "after the job",
            "after its undo",
        ]);
        for (name, [before, after, undone]) in &self.update.sample {
            sample.row([
                terminal::clean(name),
                value(before),
                value(after),
                value(undone),
            ]);
        }
        sample.say()?;
        let mut owners = Rows::of(&["owner before", "by the job", "by its undo", "by its id"]);
        owners.row(
            self.handover
                .owners
                .iter()
                .map(|name| terminal::clean(name)),
        );
        owners.say()?;
        let mut accounts = Rows::of(&["accounts before", "by the conversion", "by its undo"]);
        accounts.row(self.conversion.accounts.map(grouped));
        accounts.say()?;
        let mut made = Rows::of(&["a lead became", "of the account", "with the deal"]);
        made.row(self.conversion.one.iter().map(|name| terminal::clean(name)));
        made.say()?;
        if let Some(deletion) = self.deletion {
            let mut bin = Rows::of(&[
                "in the recycle bin before",
                "after the job",
                "after its undo",
            ]);
            bin.row(deletion.in_bin.map(grouped));
            bin.say()?;
        }
        if let Some(mib) = self.update.peak_rss_mib {
            say(format_args!(
                "\npeak memory during the mass update: {mib} MiB"
            ))?;
        }
        let left = grouped(self.update.left);
        say(format_args!("\n\"Open Leads\" holds {left} records again"))?;
        say(format_args!("server: {url}"))
    }
}

fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

/// The most memory this process ever held, where the system tells.
fn peak_rss_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
