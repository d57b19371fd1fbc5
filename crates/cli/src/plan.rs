//! `swathe plan`: what a mass action would do, before it does anything.

use crate::Done;
use crate::mass_action::MassAction;
use crate::remote::{Remote, There, With};
use crate::settings::{Failure, note};
use crate::{shown, terminal};
use clap::Args;
use serde_json::{Map, Value as Json};

/// Where plans are.
pub(crate) const PLANS: &str = "/swathe/v1/plans";

/// The options.
#[derive(Args)]
#[command(
    after_help = "No record is changed. Exit code 0 says that there is a plan, whatever it \
    foresees; 1 that the server refused; 2 wrong usage."
)]
pub(crate) struct Plan {
    #[command(subcommand)]
    action: MassAction,
    /// Fail unless so many records are selected
    #[arg(long, value_name = "N", global = true)]
    expected_count: Option<u64>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    there: There,
}

impl Plan {
    /// Makes one and says it.
    pub(crate) fn run(&self) -> Done {
        let server = self.there.open()?;
        let mut body = self.action.body()?;
        if let Some(count) = self.expected_count {
            body.insert("expected_count".to_owned(), count.into());
        }
        let plan = make(&server, &body)?;
        if self.json {
            return terminal::say_json(&plan);
        }
        shown::plan(&plan)?;
        note(format_args!(
            "\nnothing was changed; `swathe run --plan {}` does what the plan says",
            crate::follow::text(&plan, "/id")
        ));
        Ok(())
    }
}

/// Makes a plan.
pub(crate) fn make(server: &Remote, body: &Map<String, Json>) -> Result<Json, Failure> {
    let with = With {
        long: true,
        ..With::default()
    };
    server.ask_with("POST", PLANS, &Json::Object(body.clone()), with)
}
