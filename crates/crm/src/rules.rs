//! What the org's rules say of a record as it would become: values that its layout offers, fields
//! that it demands, picklists that go together, layout rules and validation rules (wire API 1.6,
//! 9.2, 11.4). Every write asks here, through `judge` or where records are made.

use crate::record::Writing;
use model::criteria::Bound;
use model::field::Field;
use model::id::RecordId;
use model::module::{Layout, Module, system};
use model::refusal::{Code, Refusal};
use model::rule::{Dependency, LayoutRule, ValidationRule};
use model::value::Value;

/// Whether layout rules bind a write: only where the caller asks for it (wire API 11.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutRules {
    /// What they require must be there.
    Binding,
    /// They are passed by.
    Silent,
}

/// A module's rules, their criteria bound to who writes and when: once for a set of records.
pub(crate) struct Rules<'a> {
    module: &'a Module,
    validation: Vec<(&'a ValidationRule, Bound)>,
    layout: Vec<(&'a LayoutRule, Bound)>,
    /// Picklists that depend on others: the one, on what, and the other.
    dependencies: Vec<(&'a Field, &'a Dependency, &'a Field)>,
    /// Whether the layouts demand more than the module does.
    layouts: bool,
    /// What every write of the set writes beside its own values.
    stamp: Vec<(&'a Field, Value)>,
}

/// A record as it would become.
pub(crate) struct Becoming<'r> {
    /// Its id, unless it is new.
    pub(crate) id: Option<RecordId>,
    /// The fields that the write gives another value.
    pub(crate) written: &'r [&'r Field],
    /// Its value of a field now; none if it is new.
    pub(crate) before: &'r dyn Fn(&Field) -> &'r Value,
    /// Its value of a field afterwards.
    pub(crate) after: &'r dyn Fn(&Field) -> &'r Value,
}

impl Becoming<'_> {
    fn writes(&self, field: &Field) -> bool {
        self.written.iter().any(|written| written.id == field.id)
    }

    fn refuse(&self, code: Code, field: &str) -> Refusal {
        let refusal = Refusal::new(code).with("api_name", field);
        match self.id {
            Some(id) => refusal.with("id", id.to_string()),
            None => refusal,
        }
    }
}

impl<'a> Rules<'a> {
    /// The rules that this write must keep. A rule that cannot be read lets nothing pass.
    pub(crate) fn of(writing: Writing<'a>, layout_rules: LayoutRules) -> Result<Self, Refusal> {
        let Writing {
            module, actor, now, ..
        } = writing;
        let bind = |name: &str, criteria: &model::criteria::Criteria| {
            let bound = criteria.bind(module, &actor.bind_context(now));
            bound.map_err(|error| {
                let text = format!("the rule \"{name}\" cannot be read: {}", error.message);
                Refusal::new(Code::InvalidData).saying(text)
            })
        };
        let validation = module.rules.validation.iter();
        let validation = validation.map(|rule| Ok((rule, bind(&rule.name, &rule.criteria)?)));
        let binding = layout_rules == LayoutRules::Binding;
        let layout = module.rules.layout.iter().filter(|_| binding);
        let layout = layout.map(|rule| Ok((rule, bind(&rule.name, &rule.criteria)?)));
        let dependencies = module.fields.iter().filter_map(|field| {
            let dependency = field.depends_on.as_ref()?;
            Some((field, dependency, module.field(&dependency.parent)?))
        });
        Ok(Self {
            module,
            validation: validation.collect::<Result<_, Refusal>>()?,
            layout: layout.collect::<Result<_, Refusal>>()?,
            dependencies: dependencies.collect(),
            layouts: module.layouts.iter().any(|layout| demands(module, layout)),
            stamp: writing.stamp(),
        })
    }

    /// Whether nothing is demanded, so that nothing more needs to be read or asked.
    pub(crate) fn are_none(&self) -> bool {
        !self.layouts
            && self.validation.is_empty()
            && self.layout.is_empty()
            && self.dependencies.is_empty()
    }

    /// Who changes a record and when, if that is what the field says.
    pub(crate) fn stamped(&self, field: &Field) -> Option<&Value> {
        let found = self.stamp.iter().find(|(known, _)| known.id == field.id);
        found.map(|(_, value)| value)
    }

    /// The fields whose values decide about writes of these.
    pub(crate) fn needs(&self, written: &[&'a Field]) -> Vec<&'a Field> {
        let mut names: Vec<&str> = Vec::new();
        let moved = written.iter().any(|field| field.api_name == system::LAYOUT);
        if self.layouts || !self.validation.is_empty() || !self.layout.is_empty() {
            names.push(system::LAYOUT);
        }
        if self.layouts && moved {
            for layout in &self.module.layouts {
                names.extend(layout.values.keys().map(String::as_str));
                let sections = layout.sections.iter();
                names.extend(sections.flat_map(|s| &s.required).map(String::as_str));
            }
        }
        for (rule, _) in &self.validation {
            names.extend(
                rule.criteria
                    .leaves()
                    .iter()
                    .map(|leaf| leaf.field.as_str()),
            );
        }
        for (rule, _) in &self.layout {
            names.extend(
                rule.criteria
                    .leaves()
                    .iter()
                    .map(|leaf| leaf.field.as_str()),
            );
            names.extend(rule.required.iter().map(String::as_str));
        }
        let found = names.iter().filter_map(|name| self.module.field(name));
        let mut fields: Vec<&Field> = found.collect();
        for (child, _, parent) in &self.dependencies {
            if written
                .iter()
                .any(|f| f.id == child.id || f.id == parent.id)
            {
                fields.extend([*child, *parent]);
            }
        }
        fields
    }

    /// Why a record may not become so, if there is a reason.
    pub(crate) fn refuse(&self, becoming: &Becoming<'_>) -> Option<Refusal> {
        if self.are_none() || becoming.written.is_empty() {
            return None;
        }
        let layout = self.module.field(system::LAYOUT);
        let moved = layout.is_some_and(|field| becoming.writes(field));
        let layout = layout.map_or(&Value::Null, |field| (becoming.after)(field));
        let layout = self.module.layout_of(layout);
        layout
            .filter(|_| self.layouts)
            .and_then(|layout| self.against_layout(layout, moved, becoming))
            .or_else(|| self.against_mapping(becoming))
            .or_else(|| self.against_layout_rules(layout, becoming))
            .or_else(|| self.against_validation(layout, becoming))
    }

    /// Values that the record's layout does not offer, and fields that it demands. A record that
    /// gets another layout must fit it as a whole.
    fn against_layout(
        &self,
        layout: &Layout,
        moved: bool,
        becoming: &Becoming<'_>,
    ) -> Option<Refusal> {
        for field in &self.module.fields {
            let concerned = becoming.writes(field) || moved;
            if !concerned {
                continue;
            }
            let after = (becoming.after)(field);
            if after.is_null() {
                if layout.requires(&field.api_name) {
                    return Some(becoming.refuse(Code::MandatoryNotFound, &field.api_name));
                }
                continue;
            }
            if !layout.values.contains_key(&field.api_name) {
                continue;
            }
            // What was there already is not what this write brings.
            let kept = if moved {
                Vec::new()
            } else {
                field.picked((becoming.before)(field))
            };
            let mut picked = field.picked(after).into_iter();
            if picked.any(|value| !kept.contains(&value) && !layout.offers(&field.api_name, &value))
            {
                return Some(not_offered(field, becoming));
            }
        }
        None
    }

    fn against_mapping(&self, becoming: &Becoming<'_>) -> Option<Refusal> {
        let broken = self.dependencies.iter().find(|(child, on, parent)| {
            (becoming.writes(child) || becoming.writes(parent))
                && !goes_together(child, on, (becoming.after)(parent), (becoming.after)(child))
        });
        broken.map(|(child, _, parent)| {
            mismatch(
                parent,
                child,
                becoming.refuse(Code::MappingMismatch, &child.api_name),
            )
        })
    }

    fn against_layout_rules(
        &self,
        layout: Option<&Layout>,
        becoming: &Becoming<'_>,
    ) -> Option<Refusal> {
        let value = |id| self.value(id, becoming);
        self.layout.iter().find_map(|(rule, criteria)| {
            let concerns = layout.is_some_and(|layout| layout.id == rule.layout);
            if !concerns || !criteria.holds(&value) {
                return None;
            }
            let mut required = rule.required.iter();
            let missing = required.find(|name| {
                let field = self.module.field(name);
                field.is_some_and(|field| (becoming.after)(field).is_null())
            });
            missing.map(|name| becoming.refuse(Code::MandatoryNotFound, name))
        })
    }

    fn against_validation(
        &self,
        layout: Option<&Layout>,
        becoming: &Becoming<'_>,
    ) -> Option<Refusal> {
        let value = |id| self.value(id, becoming);
        let broken = self.validation.iter().find(|(rule, wrong)| {
            let own = rule
                .layout
                .is_none_or(|id| layout.is_some_and(|layout| layout.id == id));
            own && wrong.holds(&value)
        });
        broken.map(|(rule, _)| {
            let field = rule.criteria.first_field();
            becoming
                .refuse(Code::InvalidData, field)
                .saying(rule.message.clone())
        })
    }

    fn value<'r>(&self, id: model::id::FieldId, becoming: &Becoming<'r>) -> &'r Value {
        let field = self.module.field_by_id(id);
        field.map_or(&Value::Null, |field| (becoming.after)(field))
    }
}

/// Whether a layout demands more than its module does of every record.
fn demands(module: &Module, layout: &Layout) -> bool {
    let mandatory = |name: &String| module.field(name).is_some_and(|field| field.mandatory);
    let mut required = layout.sections.iter().flat_map(|section| &section.required);
    !layout.values.is_empty() || required.any(|name| !mandatory(name))
}

/// The vendor's pipelines are picklist values with a layout of their own, and a refusal of theirs.
const PIPELINE: &str = "Pipeline";

fn not_offered(field: &Field, becoming: &Becoming<'_>) -> Refusal {
    if field.api_name == PIPELINE {
        return becoming
            .refuse(Code::MappingMismatch, &field.api_name)
            .saying("Layout doesn't contain the Pipeline")
            .with("mapped_field", system::LAYOUT);
    }
    let text = "picklist not found in record layout";
    becoming
        .refuse(Code::InvalidData, &field.api_name)
        .saying(text)
}

fn goes_together(child: &Field, on: &Dependency, parent: &Value, value: &Value) -> bool {
    let picked = child.picked(value);
    picked.iter().all(|value| on.allows(parent, value))
}

/// Says which of two picklists does not go with the other.
fn mismatch(parent: &Field, child: &Field, refusal: Refusal) -> Refusal {
    let text = format!("{} doesn't contain the {}", parent.label, child.label);
    refusal
        .saying(text)
        .with("mapped_field", parent.api_name.as_str())
}

/// Refuses values that do not go together whatever the record is: a picklist and the one that it
/// depends on, or a pipeline and a layout, written at once (wire API 1.6).
pub(crate) fn ill_matched(module: &Module, values: &[(&Field, Value)]) -> Option<Refusal> {
    let value_of = |name: &str| {
        let given = values.iter().find(|(field, _)| field.api_name == name);
        given.map(|(_, value)| value)
    };
    values.iter().find_map(|(field, value)| {
        if field.api_name == PIPELINE
            && let Some(layout) = value_of(system::LAYOUT).and_then(|value| module.layout_of(value))
            && value
                .as_text()
                .is_some_and(|value| !layout.offers(PIPELINE, value))
        {
            let refusal = Refusal::new(Code::MappingMismatch)
                .saying("Layout doesn't contain the Pipeline")
                .with("mapped_field", system::LAYOUT);
            return Some(refusal.with("api_name", PIPELINE));
        }
        let on = field.depends_on.as_ref()?;
        let parent = value_of(&on.parent)?;
        if goes_together(field, on, parent, value) {
            return None;
        }
        let refusal = Refusal::new(Code::MappingMismatch).with("api_name", field.api_name.as_str());
        Some(mismatch(module.field(&on.parent)?, field, refusal))
    })
}

/// The texts that refuse a mass update of a rule's primary field (wire API 1.3, step 5).
pub(crate) fn primary_of(module: &Module, field: &Field) -> Option<&'static str> {
    let is_first = |criteria: &model::criteria::Criteria| criteria.first_field() == field.api_name;
    let rules = &module.rules;
    if rules.layout.iter().any(|rule| is_first(&rule.criteria)) {
        Some("Field cannot be updated as it is associated with a layout rule")
    } else if rules.validation.iter().any(|rule| is_first(&rule.criteria)) {
        Some("Field cannot be updated as it is associated with a validation rule")
    } else {
        None
    }
}
