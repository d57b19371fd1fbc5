//! Activities of leads that are converted go on with what the leads became (decision 39).

use super::Writing;
use super::along::{Along, Part};
use super::update::{Batch, Proposal};
use crate::judge::Columns;
use crate::owner;
use crate::triggers::Triggers;
use model::field::Field;
use model::id::{RecordId, UserId};
use model::module::{PERSON, RELATED_TO, system};
use model::value::Value;
use std::collections::HashMap;
use store::changes::Cause;
use store::records::Record;
use store::{Fault, Tx, targets};

/// What the activities of a record are about from now on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heirs {
    /// The person, where an activity names none yet.
    pub person: Option<RecordId>,
    /// The other record: the deal if there is one, else the account.
    pub related: Option<RecordId>,
    /// Their new owner, if they get one; they keep theirs where this user may not own them.
    pub owner: Option<UserId>,
}

impl Along<'_> {
    /// Hands the activities of these records over, those of the modules `given` with the heirs' owner, and
    /// answers which they are; the job knows them as
    /// changed beside its targets. They follow whatever their own rules and rights say, as they do
    /// when a record is deleted: what holds one of them has refused its record before.
    pub fn hand_over(
        self,
        tx: &mut Tx,
        writing: Writing<'_>,
        heirs: &HashMap<RecordId, Heirs>,
        given: &[String],
    ) -> Result<Vec<RecordId>, Fault> {
        let mut moved = Vec::new();
        for Part {
            module,
            columns,
            children,
        } in self.parts
        {
            let writing = Writing {
                module,
                cause: Cause::Parent,
                triggers: Triggers::NONE,
                ..writing
            };
            let given = given.contains(&module.api_name);
            let fits = |user: &UserId| given && owner::fit(writing.actor, module, *user).is_ok();
            let mut batch = Batch::default();
            for (record, root) in &children {
                let Some(heirs) = heirs.get(root) else {
                    continue;
                };
                let heirs = Heirs {
                    owner: heirs.owner.filter(fits),
                    ..*heirs
                };
                let writes = writes(&columns, record, heirs);
                moved.push(record.id);
                batch.add(Proposal::new(&columns, record, writes));
            }
            batch.write(tx, writing)?;
        }
        if let Some(job) = writing.job {
            targets::insert_along(tx, job, &moved)?;
        }
        Ok(moved)
    }
}

/// What is written into an activity: at least that it is no longer about what it was about.
fn writes<'a>(columns: &Columns<'a>, record: &Record, heirs: Heirs) -> Vec<(&'a Field, Value)> {
    let id = |id: Option<RecordId>| id.map_or(Value::Null, |id| Value::Int(id.0));
    let mut wanted = vec![(RELATED_TO, id(heirs.related))];
    if columns.value(record, PERSON).is_null() {
        wanted.push((PERSON, id(heirs.person)));
    }
    let owner = heirs.owner.map(|user| (system::OWNER, Value::Int(user.0)));
    let wanted = wanted.into_iter().chain(owner);
    let differs = |(name, value): &(&str, Value)| columns.value(record, name) != value;
    let field = |(name, value): (&str, Value)| {
        let field = columns.0.iter().find(|field| field.api_name == name)?;
        Some((*field, value))
    };
    wanted.filter(differs).filter_map(field).collect()
}
