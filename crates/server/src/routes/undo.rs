//! `POST /swathe/v1/jobs/{job}/actions/undo`: what a job changed is put back by a job of its own.

use super::idempotency::once;
use super::job_request::accepted;
use super::jobs::named;
use super::meta::asker;
use super::native::{self, known_keys, number_of, truth_of};
use super::plans;
use crate::answer::Answer;
use crate::call::Call;
use crm::actions::undo::{self, Wanted};
use model::job::Automation;
use model::limits::THROTTLE_MAX;
use model::refusal::Refusal;
use serde_json::{Map, Value as Json};
use store::Fault;

/// `POST …/undo` with `{"throttle","automation"}` or no body: 202 with the new job. With `{"plan":true}` a plan of
/// it, 201.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let answer = once(call, |once| {
        let (job, asked) = call.app.db.read(|tx| {
            let actor = asker(tx, call)?;
            let job = named(tx, &actor, call)?;
            native::require_scope_of(call, &actor, undo::of_kind(&job)?, job.module)?;
            Ok((job, asked(call)?))
        })?;
        let wanted = Wanted {
            job: &job,
            actor: call.actor.user,
            client: call.actor.client.map(|client| client.to_string()),
            throttle: asked.throttle,
            fires: asked.automation == Automation::Fire,
        };
        if asked.plan {
            let prepared = undo::prepare(&call.app.db, &wanted, call.now)?;
            let asked = (prepared, Automation::Wire);
            return plans::made(call, once, asked, Some(job.id));
        }
        undo::schedule(&call.app.db, &wanted, call.now, &mut |tx, id| {
            accepted(tx, call, id, once)
        })
    });
    call.app.engine.wake();
    native::in_the_way(answer)
}

struct Asked {
    plan: bool,
    throttle: Option<i64>,
    automation: Automation,
}

impl Default for Asked {
    /// Without a body nothing follows from what is put back: it was so before.
    fn default() -> Self {
        Self {
            plan: false,
            throttle: None,
            automation: Automation::Suppress,
        }
    }
}

fn asked(call: &Call<'_>) -> Result<Asked, Refusal> {
    if call.body.is_empty() {
        return Ok(Asked::default());
    }
    let body: Map<String, Json> = call.json_object()?;
    known_keys(&body, &["plan", "throttle", "automation"])?;
    let plan = truth_of(&body, "plan")?;
    for key in ["throttle", "automation"] {
        if plan && body.contains_key(key) {
            let text =
                format!("a plan has no {key}: ask for it with the job that is made from the plan");
            return Err(Refusal::invalid(key, format!("$.{key}")).saying(text));
        }
    }
    let throttle = number_of(&body, "throttle", 1..=THROTTLE_MAX)?;
    let automation = match body.get("automation") {
        None => Automation::Suppress,
        Some(word) => {
            let known = [Automation::Fire, Automation::Suppress];
            let mut words = known.into_iter();
            let found = words.find(|known| word.as_str() == Some(known.as_str()));
            found.ok_or_else(|| {
                let refusal = Refusal::invalid("automation", "$.automation");
                refusal.with("supported_values", known.map(Automation::as_str).to_vec())
            })?
        }
    };
    Ok(Asked {
        plan,
        throttle,
        automation,
    })
}
