//! `swathe client`: API clients (OAuth).

use crate::Done;
use crate::settings::{self, Opened, Place, say};
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use model::scope::Scopes;
use serde_json::{Value as Json, json};
use server::auth::{self, Grant, Registration};
use store::Priority;

const CLIENTS: &str = "/swathe/v1/clients";

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Client {
    /// Register a client; its secret is shown once
    Create(Create),
    /// List clients
    List(List),
    /// Revoke a client, with its tokens
    Revoke(Revoke),
}

/// The options of `create`.
#[derive(Args)]
pub(crate) struct Create {
    /// What people call it
    #[arg(long, default_value = "client")]
    name: String,
    /// Scopes, joined by commas: what the client may be granted
    #[arg(long, value_name = "LIST", value_parser = settings::scopes)]
    scope: Option<Scopes>,
    /// E-mail address of the user for whom it acts; with --scope it is given a grant code at once
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// Give it a refresh token instead of a grant code
    #[arg(long, requires = "scope", requires = "user")]
    refresh_token: bool,
    /// Where browsers return to; none for a self client
    #[arg(long, value_name = "URI")]
    redirect_uri: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// The options of `list`.
#[derive(Args)]
pub(crate) struct List {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// The options of `revoke`.
#[derive(Args)]
pub(crate) struct Revoke {
    /// The client's client_id
    client_id: String,
    #[command(flatten)]
    place: Place,
}

impl Client {
    /// Does it.
    pub(crate) fn run(&self) -> Done {
        match self {
            Self::Create(create) => create.run(),
            Self::List(list) => list.run(),
            Self::Revoke(revoke) => revoke.run(),
        }
    }
}

impl Create {
    fn grant(&self) -> Option<Grant> {
        let asked = self.scope.is_some() && self.user.is_some();
        asked.then_some(if self.refresh_token {
            Grant::RefreshToken
        } else {
            Grant::Code
        })
    }

    fn run(&self) -> Done {
        let grant = self.grant();
        let made = match self.place.open()? {
            Opened::Here(db) => {
                let asked = Registration {
                    name: self.name.clone(),
                    user: self.user.clone(),
                    scopes: self.scope.clone(),
                    redirect_uri: self.redirect_uri.clone(),
                    grant,
                };
                let now = settings::now();
                let made = db.write(Priority::Interactive, |tx| {
                    auth::register(tx, &asked, None, now)
                });
                Json::Object(made.map_err(settings::refused)?)
            }
            Opened::There(server) => {
                let body = json!({
                    "name": self.name,
                    "user": self.user,
                    "scope": self.scope.as_ref().map(Scopes::to_string),
                    "redirect_uri": self.redirect_uri,
                    "grant": grant.map(Grant::as_str),
                });
                server.ask("POST", CLIENTS, &body)?
            }
        };
        if self.json {
            return say(made);
        }
        for (name, value) in made.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let hint = if name == "code" {
                "  (use it within 3 minutes)"
            } else {
                ""
            };
            say(format_args!("{name:<14} {value}{hint}"))?;
        }
        Ok(())
    }
}

impl List {
    fn run(&self) -> Done {
        let clients = match self.place.open()? {
            Opened::Here(db) => db.read(auth::registered).map_err(settings::refused)?,
            Opened::There(server) => {
                let answer = server.ask("GET", CLIENTS, &Json::Null)?;
                let data = answer.get("data").and_then(Json::as_array);
                data.cloned().unwrap_or_default()
            }
        };
        if self.json {
            return say(Json::Array(clients));
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let columns = ["client_id", "name", "user", "scope", "revoked_at"];
        table.set_header(columns);
        for client in &clients {
            let cell = |name: &str| client.get(name).and_then(Json::as_str).unwrap_or_default();
            table.add_row(columns.map(cell));
        }
        say(table)
    }
}

impl Revoke {
    fn run(&self) -> Done {
        match self.place.open()? {
            Opened::Here(db) => {
                let now = settings::now();
                let revoked = db.write(Priority::Interactive, |tx| {
                    auth::unregister(tx, &self.client_id, now)
                });
                revoked.map_err(settings::refused)?;
            }
            Opened::There(server) => {
                server.ask(
                    "DELETE",
                    &format!("{CLIENTS}/{}", self.client_id),
                    &Json::Null,
                )?;
            }
        }
        say(format_args!("{} is revoked", self.client_id))
    }
}
