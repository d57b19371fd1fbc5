//! Approval processes: records that enter one are on hold until everybody who must has approved.

use crate::actor::Actor;
use crate::change::{Change, Write};
use crate::judge::denied;
use crate::record::{self, Expected, Standing, Writing, touch};
use crate::selection;
use crate::{hold, input};
use jobs::Settled;
use model::access::Access;
use model::approval::{ApprovalState, ApprovalStep, Decision};
use model::body::Object;
use model::catalog::Catalog;
use model::field::Field;
use model::hold::HoldKind;
use model::id::{HoldId, ModuleId, ProcessId, RecordId, UserId};
use model::module::{Module, system};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::value::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::approvals::{self, Approval, Decided, Entry, Place, Submitted};
use store::changes::Cause;
use store::records::{self, Filter, Order, Record};
use store::{Fault, Tx};

/// Puts records that were just written into approval processes: what this write made of them says so.
pub(crate) fn enter(
    tx: &mut Tx,
    writing: Writing<'_>,
    entering: &[(RecordId, ProcessId)],
) -> Result<(), Fault> {
    if entering.is_empty() {
        return Ok(());
    }
    let new = Submitted {
        module: writing.module.id,
        by: writing.actor.user.id,
        job: writing.job,
        at: writing.now,
    };
    let ids: Vec<RecordId> = entering.iter().map(|(record, _)| *record).collect();
    let put = hold::put_on_new(tx, writing, &ids, HoldKind::Approval)?;
    let put: HashMap<RecordId, HoldId> = put.iter().map(|hold| (hold.record, hold.id)).collect();
    let entry = |(record, process): &(RecordId, ProcessId)| {
        let hold = put.get(record).copied();
        (*record, *process, hold)
    };
    let entries: Vec<Entry> = entering.iter().map(entry).collect();
    Ok(approvals::enter(tx, new, &entries)?)
}

/// Takes records out of the processes that they entered, with what holds them for these.
pub(crate) fn leave(tx: &mut Tx, records: &[RecordId]) -> Result<(), Fault> {
    if records.is_empty() {
        return Ok(());
    }
    approvals::delete_holds_of(tx, records)?;
    Ok(approvals::delete_of(tx, records)?)
}

/// What somebody says with a decision.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Why.
    pub comment: Option<String>,
    /// The step, from 0, that they decided about: if it is another one now, nothing is done.
    pub step: Option<i64>,
}

/// Approves the step that a record waits at. After the last one it is free.
pub fn approve(tx: &mut Tx, writing: Writing<'_>, id: RecordId, said: &Said) -> Result<(), Fault> {
    let (record, mut approval) = to_decide(tx, writing, id, said)?;
    decide(tx, writing, &approval, Decision::Approve, said)?;
    let process = writing.module.rules.approval_process(approval.process);
    let steps = process.map_or(0, |process| process.steps.len());
    let next = approval.step + 1;
    if usize::try_from(next).is_ok_and(|next| next < steps) {
        approval.step = next;
        return Ok(approvals::update(tx, &approval)?);
    }
    leave(tx, &[id])?;
    touch(tx, by(writing, Cause::Unhold), &record, &[])
}

/// Rejects a record that waits: it stays refused.
pub fn reject(tx: &mut Tx, writing: Writing<'_>, id: RecordId, said: &Said) -> Result<(), Fault> {
    let (record, mut approval) = to_decide(tx, writing, id, said)?;
    decide(tx, writing, &approval, Decision::Reject, said)?;
    approval.state = ApprovalState::Rejected;
    approvals::delete_holds_of(tx, &[id])?;
    let put = hold::put_on_new(tx, writing, &[id], approval.state.hold())?;
    approval.hold = put.first().map(|hold| hold.id);
    approvals::update(tx, &approval)?;
    touch(tx, by(writing, Cause::Hold), &record, &[])
}

/// Gives a rejected record in again, at the first step, changed or not: to the process that it is in, as
/// long as that takes it. Once it does not, the record is what the change makes it, as by any edit: in
/// another process, or free.
pub fn resubmit(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    said: &Said,
    change: Option<&Change>,
) -> Result<(), Fault> {
    writing.actor.require(Right::Edit, writing.module)?;
    let (standing, approval) = in_process(tx, writing, id)?;
    if let Some(refusal) = denied(id, &standing.facts, Access::Write) {
        return Err(refusal.into());
    }
    if approval.state != ApprovalState::Rejected {
        return Err(wrong_state("the record was not rejected: it waits for approval").into());
    }
    decide(tx, writing, &approval, Decision::Resubmit, said)?;
    leave(tx, &[id])?;
    let mut process = Some(approval.process);
    if let Some(change) = change {
        let changed = match record::update(tx, writing, &[(id, change)], Expected::default())?.pop()
        {
            Some(Settled::Failed(refusal)) => return Err(refusal.into()),
            settled => settled != Some(Settled::Unchanged),
        };
        if changed && !takes(tx, writing, approval.process, id)? {
            process = approvals::of(tx, &[id])?.pop().map(|found| found.process);
        }
        leave(tx, &[id])?;
    }
    let entering = process.map(|process| (id, process));
    enter(tx, writing, entering.as_slice())?;
    let cause = process.map_or(Cause::Unhold, |_| Cause::Hold);
    record::raise(tx, by(writing, cause), &[id])
}

/// Reads the values that a rejected record gets when it is given in again.
pub fn correction(tx: &mut Tx, writing: Writing<'_>, fields: &Object<'_>) -> Result<Change, Fault> {
    let Writing { actor, module, .. } = writing;
    if let Some(odd) = fields.keys().find(|name| module.field(name).is_none()) {
        let refusal = fields.key(odd).place().invalid();
        return Err(refusal.saying("there is no such field").into());
    }
    let change = input::change(actor, module, fields, &BTreeSet::new())?;
    let values = change.0.iter().filter_map(|part| match &part.write {
        Write::Set(value) => Some((module.field_by_id(part.field)?, value)),
        Write::Append(_) => None,
    });
    let row: Vec<(&Field, &Value)> = values.collect();
    let dangling = input::check_references(tx, actor, &[row.into()])?;
    if let Some(field) = dangling.into_iter().flatten().next() {
        return Err(input::dangling(fields.place(), field).into());
    }
    Ok(change)
}

fn by(writing: Writing<'_>, cause: Cause) -> Writing<'_> {
    Writing { cause, ..writing }
}

fn decide(
    tx: &mut Tx,
    writing: Writing<'_>,
    approval: &Approval,
    decision: Decision,
    said: &Said,
) -> Result<(), Fault> {
    let decided = Decided {
        process: approval.process,
        step: approval.step,
        decision,
        actor: writing.actor.user.id,
        comment: said.comment.clone(),
        at: writing.now,
    };
    Ok(approvals::decide(tx, approval.record, &decided)?)
}

fn wrong_state(text: &'static str) -> Refusal {
    Refusal::new(Code::WrongState).saying(text)
}

/// A record that is in a process, locked, as far as it is shown to the actor.
fn in_process(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
) -> Result<(Standing, Approval), Fault> {
    writing.actor.require(Right::View, writing.module)?;
    let unknown = || Refusal::new(Code::NotFound).saying("there is no such record");
    let standing = record::one(tx, writing, id)?.ok_or_else(unknown)?;
    let found = approvals::of(tx, &[id])?.pop();
    let none = || wrong_state("the record is in no approval process");
    Ok((standing, found.ok_or_else(none)?))
}

/// A record that waits for the actor, or whoever is an administrator.
fn to_decide(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    said: &Said,
) -> Result<(Record, Approval), Fault> {
    let Writing { actor, module, .. } = writing;
    let (Standing { record, .. }, approval) = in_process(tx, writing, id)?;
    if approval.state != ApprovalState::Pending {
        let text = "the record was rejected already: it can be given in again";
        return Err(wrong_state(text).into());
    }
    if said.step.is_some_and(|step| step != approval.step) {
        let refusal = wrong_state("the record waits at another step now");
        return Err(refusal.with("step", approval.step + 1).into());
    }
    let owner = owner_of(module, &record);
    if may_decide(actor, module, &approval, owner) {
        return Ok((record, approval));
    }
    let process = module.rules.approval_process(approval.process);
    let before = usize::try_from(approval.step).unwrap_or(0);
    let earlier = process.map(|process| process.steps.iter().take(before));
    let mut earlier = earlier.into_iter().flatten();
    if earlier.any(|step| is_approver(actor, step, owner)) {
        let refusal = wrong_state("somebody else approved your step already");
        return Err(refusal.with("step", approval.step + 1).into());
    }
    let text = "only approvers of the step that the record waits at, and administrators, decide";
    let refusal = Refusal::new(Code::NoPermission).saying(text);
    Err(refusal.with("step", approval.step + 1).into())
}

fn owner_of(module: &Module, record: &Record) -> Option<UserId> {
    let mut fields = module.fields.iter();
    let place = fields.position(|field| field.api_name == system::OWNER)?;
    record.values.get(place)?.as_int().map(UserId)
}

/// Whether the actor decides about a record that waits. A step that is not there any more is left to
/// administrators.
fn may_decide(actor: &Actor, module: &Module, approval: &Approval, owner: Option<UserId>) -> bool {
    let step = step_of(module, approval);
    actor.profile.administrator || step.is_some_and(|step| is_approver(actor, step, owner))
}

fn step_of<'a>(module: &'a Module, approval: &Approval) -> Option<&'a ApprovalStep> {
    let process = module.rules.approval_process(approval.process)?;
    process.steps.get(usize::try_from(approval.step).ok()?)
}

fn is_approver(actor: &Actor, step: &ApprovalStep, owner: Option<UserId>) -> bool {
    let user = &actor.user;
    let manages = |catalog: &Catalog| {
        let owner = owner.and_then(|owner| catalog.user(owner));
        let role = owner.and_then(|owner| catalog.role(owner.role));
        role.is_some_and(|role| role.reports_to == Some(user.role))
    };
    step.users.contains(&user.id)
        || step.roles.contains(&user.role)
        || (step.manager && manages(&actor.catalog))
}

/// Whether the criteria of a process hold for a record as it is stored now. One that was removed lets
/// nobody go.
fn takes(
    tx: &mut Tx,
    writing: Writing<'_>,
    process: ProcessId,
    id: RecordId,
) -> Result<bool, Fault> {
    let Writing { actor, module, .. } = writing;
    let process = module.rules.approval_process(process);
    let Some(criteria) = process.and_then(|process| process.criteria.as_ref()) else {
        return Ok(true);
    };
    let filter = Filter {
        criteria: Some(selection::bind(actor, module, criteria, writing.now)?),
        ..Filter::everything().of_ids([id])
    };
    Ok(!records::select_ids(tx, module, &filter, 1)?.is_empty())
}

/// What a reader may do about a record's approval.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer {
    /// Approve or reject it.
    pub decide: bool,
    /// Give it in again, if they may change it.
    pub resubmit: bool,
}

/// What the actor may do about those of these records that are in a process.
pub fn offers(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, Offer>, Fault> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = approvals::of(tx, ids)?;
    let owners = owners_of(tx, module, &found, &Filter::everything())?;
    let offer = |approval: &Approval| {
        let owner = owners.get(&approval.record).copied().flatten();
        let pending = approval.state == ApprovalState::Pending;
        Offer {
            decide: pending && may_decide(actor, module, approval, owner),
            resubmit: !pending,
        }
    };
    let offers = found.iter().map(|found| (found.record, offer(found)));
    Ok(offers.collect())
}

/// The owners of records that pass a filter.
fn owners_of(
    tx: &mut Tx,
    module: &Module,
    found: &[Approval],
    filter: &Filter,
) -> Result<HashMap<RecordId, Option<UserId>>, Fault> {
    let ids = found.iter().map(|approval| approval.record);
    let filter = filter.clone().of_ids(ids);
    let fields: Vec<_> = module.field(system::OWNER).into_iter().collect();
    let page = (0, found.len());
    let rows = records::list(tx, module, &fields, &filter, Order::BY_ID, page)?;
    let owner = |record: &Record| record.values.first().and_then(Value::as_int).map(UserId);
    Ok(rows.iter().map(|r| (r.id, owner(r))).collect())
}

/// Which approvals are listed.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Those that wait, or those that were rejected.
    pub state: ApprovalState,
    /// Only those of this module.
    pub module: Option<ModuleId>,
    /// Those that the actor decides about only because they are an administrator, too.
    pub all: bool,
}

/// Approvals that are read at once, and how often in one request.
const BATCH: usize = 250;
const BATCHES: usize = 8;

/// Approvals after a place, those that were submitted first first, as far as their records are shown to
/// the actor: with the place to go on at, if there may be more.
pub fn list(
    tx: &mut Tx,
    actor: &Actor,
    wanted: Wanted,
    mut after: Option<Place>,
    limit: usize,
) -> Result<(Vec<Approval>, Option<Place>), Fault> {
    let mut listed = Vec::new();
    for _ in 0..BATCHES {
        let batch = approvals::list(tx, wanted.state, wanted.module, after, BATCH)?;
        let last = batch.len() < BATCH;
        let shown = shown(tx, actor, wanted, &batch)?;
        for approval in batch {
            if listed.len() == limit {
                return Ok((listed, after));
            }
            after = Some((approval.submitted_at, approval.record));
            if shown.contains(&approval.record) {
                listed.push(approval);
            }
        }
        if last {
            return Ok((listed, None));
        }
    }
    Ok((listed, after))
}

/// Which of these the actor is shown, and wants.
fn shown(
    tx: &mut Tx,
    actor: &Actor,
    wanted: Wanted,
    batch: &[Approval],
) -> Result<BTreeSet<RecordId>, Fault> {
    let mut of_modules: BTreeMap<i64, Vec<Approval>> = BTreeMap::new();
    for approval in batch {
        let of_module = of_modules.entry(approval.module.0).or_default();
        of_module.push(approval.clone());
    }
    let mut shown = BTreeSet::new();
    for (module, found) in of_modules {
        let module = actor.catalog.module_by_id(ModuleId(module));
        let Some(module) = module.filter(|m| actor.profile.may(Right::View, m.id)) else {
            continue;
        };
        let owners = owners_of(tx, module, &found, &actor.seen(module))?;
        let mine = |approval: &&Approval| {
            let owner = owners.get(&approval.record);
            let step = step_of(module, approval);
            let own = step.is_some_and(|s| is_approver(actor, s, owner.copied().flatten()));
            owner.is_some() && (wanted.all || own)
        };
        shown.extend(found.iter().filter(mine).map(|found| found.record));
    }
    Ok(shown)
}

/// How it stands with a record, and what was decided about it last.
pub type Told = (Option<Approval>, Vec<Decided>);

/// What is told of a record's approval; `None` when it is not there or not shown to the actor.
pub fn of(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
    limit: usize,
) -> Result<Option<Told>, Fault> {
    actor.require(Right::View, module)?;
    let filter = actor.seen(module).of_ids([id]);
    if records::select_ids(tx, module, &filter, 1)?.is_empty() {
        return Ok(None);
    }
    let found = approvals::of(tx, &[id])?.pop();
    Ok(Some((found, approvals::decisions(tx, id, limit)?)))
}
