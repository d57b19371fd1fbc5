//! `swathe token`: an access token at once, for scripts and tests.

use crate::Done;
use crate::settings::{self, Opened, Place, say};
use clap::Args;
use model::scope::Scopes;
use serde_json::{Value as Json, json};
use server::auth;
use store::Priority;

/// The options.
#[derive(Args)]
pub(crate) struct Token {
    /// E-mail address of the user for whom it acts
    #[arg(long, value_name = "EMAIL")]
    user: String,
    /// Scopes, joined by commas
    #[arg(long, value_name = "LIST", value_parser = settings::scopes)]
    scope: Scopes,
    /// Where clients reach the server; stands in the answer as api_domain
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    public_url: String,
    /// Answer in JSON: access_token, api_domain, expires_in
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Token {
    /// Makes it.
    pub(crate) fn run(&self) -> Done {
        let made = match self.place.open()? {
            Opened::Here(db) => {
                let public_url = self.public_url.trim_end_matches('/');
                let (scopes, now) = (&self.scope, settings::now());
                db.write(Priority::Interactive, |tx| {
                    auth::token_at_once(tx, &self.user, scopes, public_url, now)
                })
                .map_err(settings::refused)?
            }
            Opened::There(server) => {
                let body = json!({"user": self.user, "scope": self.scope.to_string()});
                server.ask("POST", "/swathe/v1/tokens", &body)?
            }
        };
        if self.json {
            return say(made);
        }
        // Alone, so that `$(swathe token …)` is the token.
        let token = made.get("access_token").and_then(Json::as_str);
        say(token.unwrap_or_default())
    }
}
