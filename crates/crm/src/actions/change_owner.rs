//! Change owner: records and, on demand, what belongs to them go to another user (wire API 2, 5).

use super::scheduled::{Selection, decode, fires_automation, module_of};
use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::record::{self, Writing};
use jobs::{Action, Settled};
use model::id::{RecordId, UserId};
use model::module::system;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde::{Deserialize, Serialize};
use store::changes::Cause;
use store::jobs::Job;
use store::targets::Target;
use store::{Fault, Tx};

/// What a job keeps of its request.
#[derive(Serialize, Deserialize)]
struct Request {
    owner: UserId,
    selection: Selection,
}

/// The action behind all forms.
pub struct ChangeOwner;

impl Action for ChangeOwner {
    fn run(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<Vec<Settled>, Fault> {
        let request: Request = decode(job)?;
        let actor = Actor::of(&tx.catalog()?, job.actor)?;
        let module = module_of(&actor, job)?;
        actor.require(Right::MassTransfer, module)?;
        let gone = || Refusal::new(Code::FieldGone);
        let field = module.field(system::OWNER).ok_or_else(gone)?.id;
        let write = Write::Set(Value::Int(request.owner.0));
        let change = Change(vec![FieldWrite { field, write }]);
        let within = request.selection.within(module)?;
        let items: Vec<(RecordId, &Change)> = targets
            .iter()
            .map(|target| (target.record, &change))
            .collect();
        let writing = Writing {
            actor: &actor,
            module,
            cause: Cause::Job,
            job: Some(job.id),
            now,
            automation: fires_automation(within.is_some(), job),
        };
        record::update(tx, writing, &items, within.as_ref())
    }
}
