//! A lead as a conversion reads it: what of its values goes to which field of what it becomes.

use crate::actor::Actor;
use crate::judge::{Columns, Facts, full_name};
use crate::owner;
use model::body::Place;
use model::conversion::{ACCOUNT_NAME, Modules, mapping};
use model::field::Field;
use model::id::{RecordId, UserId};
use model::module::{Module, system};
use model::reason::{PartReason, Reason};
use model::refusal::{Code, Refusal};
use model::value::Value;
use store::records::Record;

/// The values of a record to be made.
#[derive(Clone, Debug, Default)]
pub(super) struct Row<'a>(pub(super) Vec<(&'a Field, Value)>);

impl<'a> Row<'a> {
    /// The value of a field.
    pub(super) fn value(&self, field: &Field) -> &Value {
        let found = self.0.iter().find(|(known, _)| known.id == field.id);
        found.map_or(&Value::Null, |(_, value)| value)
    }

    /// The value of the field of this name.
    pub(super) fn named(&self, api_name: &str) -> &Value {
        let found = self.0.iter().find(|(field, _)| field.api_name == api_name);
        found.map_or(&Value::Null, |(_, value)| value)
    }

    /// The same with this value in the field of this name.
    pub(super) fn with(mut self, module: &'a Module, api_name: &str, value: Value) -> Self {
        if let Some(field) = module.field(api_name) {
            self.0.retain(|(known, _)| known.id != field.id);
            self.0.push((field, value));
        }
        self
    }
}

/// A lead that may be converted as far as it alone tells.
pub(super) struct Lead<'a> {
    pub(super) id: RecordId,
    /// Its first and last name.
    pub(super) name: Value,
    pub(super) owner: Option<UserId>,
    pub(super) has_company: bool,
    /// What would stand in the contact, the account and the deal that it becomes.
    pub(super) contact: Row<'a>,
    pub(super) account: Row<'a>,
    pub(super) deal: Row<'a>,
}

impl<'a> Lead<'a> {
    /// Reads a lead. Refuses one with a value that the field which it goes to cannot hold.
    pub(super) fn read(
        modules: Modules<'a>,
        ways: &Ways<'a>,
        columns: &Columns<'_>,
        record: &Record,
    ) -> Result<Self, Refusal> {
        let row = |module: &Module, ways: &[(&'a Field, &'a Field)]| {
            let values = ways.iter().map(|(from, to)| {
                let value = columns.value(record, &from.api_name);
                carried(record.id, (from, value), module, to).map(|value| (*to, value))
            });
            values.collect::<Result<Vec<_>, Refusal>>().map(Row)
        };
        let contact = row(modules.contacts, &ways.contacts)?;
        let account = row(modules.accounts, &ways.accounts)?;
        let deal = row(modules.deals, &ways.deals)?;
        Ok(Self {
            id: record.id,
            name: full_name(contact.named("First_Name"), contact.named("Last_Name")),
            owner: columns.value(record, system::OWNER).as_int().map(UserId),
            has_company: !account.named(ACCOUNT_NAME).is_null(),
            contact,
            account,
            deal,
        })
    }
}

/// The mapping of the org, read once for a set.
pub(super) struct Ways<'a> {
    contacts: Vec<(&'a Field, &'a Field)>,
    accounts: Vec<(&'a Field, &'a Field)>,
    deals: Vec<(&'a Field, &'a Field)>,
}

impl<'a> Ways<'a> {
    pub(super) fn of(modules: Modules<'a>) -> Self {
        Self {
            contacts: mapping(modules.leads, modules.contacts),
            accounts: mapping(modules.leads, modules.accounts),
            deals: mapping(modules.leads, modules.deals),
        }
    }

    /// The field of a lead that goes to this one.
    pub(super) fn source(&self, to: &Field) -> Option<&'a Field> {
        let mut all = [&self.contacts, &self.accounts, &self.deals]
            .into_iter()
            .flatten();
        let (from, _) = all.find(|(_, known)| known.id == to.id)?;
        Some(*from)
    }

    /// The fields of a lead that what it becomes depends on.
    pub(super) fn read(&self) -> Vec<&'a Field> {
        let all = [&self.contacts, &self.accounts, &self.deals];
        let mut fields: Vec<&Field> = Vec::new();
        for (from, _) in all.into_iter().flatten() {
            if !fields.iter().any(|known| known.id == from.id) {
                fields.push(from);
            }
        }
        fields
    }
}

/// A lead's value as the other field holds it. A text that is too long is refused, never cut.
fn carried(
    lead: RecordId,
    (from, value): (&Field, &Value),
    module: &Module,
    to: &Field,
) -> Result<Value, Refusal> {
    let length = value.as_text().map_or(0, |text| text.chars().count());
    match to.kind.max_length() {
        Some(max) if length > max as usize => {
            let text = format!(
                "{} is too long for {} of {}: it may have {max} characters",
                from.label, to.label, module.plural
            );
            let refusal = Place::body().key(&from.api_name).invalid();
            let refusal = refusal.with("maximum_length", max).saying(text);
            Err(refusal.with("id", lead.to_string()))
        }
        _ => Ok(value.clone()),
    }
}

/// Refuses a lead that was converted.
pub(super) fn fixed(record: &Record, columns: &Columns<'_>) -> Option<Refusal> {
    let converted = *columns.value(record, system::CONVERTED) == Value::Bool(true);
    let refused = || Refusal::new(Code::IdAlreadyConverted).with("id", record.id.to_string());
    converted.then(refused)
}

/// Refuses a lead whose process is not over: converted, it could never go on in it.
pub(super) fn in_process(id: RecordId, facts: &Facts) -> Option<Refusal> {
    let refused = || Refusal::new(Code::RecordInBlueprint).with("id", id.to_string());
    facts.blueprint.is_some().then(refused)
}

/// Why the owner of a lead cannot own what is made of it in a module. To keep what one has is no gift:
/// whom the actor may give to is not asked.
pub(super) fn unfit(actor: &Actor, module: &Module, owner: UserId) -> Option<Refusal> {
    let unfit = owner::fit(actor, module, owner).err()?;
    if unfit == owner::Unfit::NotSubordinate {
        return None;
    }
    let text = "the lead's owner cannot own what is made of it: name another user to assign to";
    Some(unfit.of_record(module).saying(text))
}

/// A refusal of what holds a record, as one of tags that would go to it.
pub(super) fn of_tags(refusal: Refusal) -> Refusal {
    match refusal.reason {
        Reason::Held(kind) => refusal.because(Reason::TagsHeld(kind)),
        _ => refusal,
    }
}

/// A refusal of what a lead becomes as one of the lead: it says of which module, and of which record
/// where one stands there.
pub(super) fn of_part(
    lead: &Lead<'_>,
    module: &Module,
    id: Option<RecordId>,
    refusal: Refusal,
) -> Refusal {
    let place = refusal
        .details
        .get("api_name")
        .and_then(|name| name.as_str());
    let place = match place {
        Some(field) => format!("{}.{field}", module.api_name),
        None => module.api_name.clone(),
    };
    let reason = PartReason {
        module: module.api_name.clone(),
        message: refusal.message.clone(),
        reason: refusal.reason.clone(),
    };
    let text = format!("{place}: {}", refusal.message);
    let refusal = refusal.because(Reason::Part(Box::new(reason)));
    let refusal = refusal.saying(text);
    let refusal = refusal.with("module", module.api_name.as_str());
    let refusal = refusal.with("id", lead.id.to_string());
    match id {
        Some(id) => refusal.with("record", id.to_string()),
        None => refusal,
    }
}
