//! A module: its fields, layouts and views, and the fields every module has.

use crate::access::Sharing;
use crate::blueprint::Blueprint;
use crate::field::{Field, FieldKind};
use crate::id::{BlueprintId, FieldId, LayoutId, ModuleId, ProfileId};
use crate::limits;
use crate::rule::Rules;
use crate::value::Value;
use crate::view::View;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Api names of the fields that every module has and the server writes.
pub mod system {
    /// The owner.
    pub const OWNER: &str = "Owner";
    /// Who made the record.
    pub const CREATED_BY: &str = "Created_By";
    /// Who changed it last.
    pub const MODIFIED_BY: &str = "Modified_By";
    /// When it was made.
    pub const CREATED_TIME: &str = "Created_Time";
    /// When it was changed last.
    pub const MODIFIED_TIME: &str = "Modified_Time";
    /// The layout.
    pub const LAYOUT: &str = "Layout";
    /// Whether a lock holds the record; written with the lock, so that one read judges a record.
    pub const LOCKED: &str = "Locked__s";
    /// Whether the lead was converted.
    pub const CONVERTED: &str = "Converted__s";
}

/// The path's name for tasks, meetings and calls together (wire API 22).
pub const ACTIVITIES: &str = "Activities";
/// The modules that [`ACTIVITIES`] stands for. Their records are about another record and go where
/// it goes (decision 18).
pub const ACTIVITY_MODULES: [&str; 3] = ["Tasks", "Events", "Calls"];
/// How the wire calls the modules that an activity can be about, where it names one.
pub const RELATED_MODULES: &str = "se_module";
/// Persons have a lookup of their own in every activity, `Who_Id`.
const PERSONS: &str = "Contacts";
/// The module of what somebody has to do.
pub const TASKS: &str = "Tasks";
/// The lookup of an activity that names a record of any module.
pub const RELATED_TO: &str = "What_Id";
/// The lookup of an activity that names a person.
pub const PERSON: &str = "Who_Id";
/// The lookups by which an activity says what it is about; the first that has a value decides.
const ABOUT: [&str; 2] = [RELATED_TO, PERSON];

/// A layout: which fields it shows and which it demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Its id.
    pub id: LayoutId,
    /// Its name.
    pub name: String,
    /// Sections in order.
    pub sections: Vec<Section>,
    /// By a picklist's api name, those of its values that records of this layout may have. Where
    /// a picklist is not named, they may have any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Vec<String>>,
}

impl Layout {
    /// Whether every record of this layout must have this field.
    pub fn requires(&self, field: &str) -> bool {
        let mut sections = self.sections.iter();
        sections.any(|section| section.required.iter().any(|name| name == field))
    }

    /// Whether records of this layout may have this value in a picklist.
    pub fn offers(&self, field: &str, value: &str) -> bool {
        let offered = self.values.get(field);
        offered.is_none_or(|values| values.iter().any(|known| known == value))
    }
}

/// A section of a layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Api names of its fields, in order.
    pub fields: Vec<String>,
    /// Those of them that must have a value.
    #[serde(default)]
    pub required: Vec<String>,
}

/// What a lock of a module's records leaves open (wire API 14.1). A module whose records can be
/// locked has one configuration, whose id on the wire is the module's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockExclusions {
    /// Fields that may still be changed.
    #[serde(default)]
    pub fields: Vec<FieldId>,
    /// Whose users a lock does not affect.
    #[serde(default)]
    pub profiles: Vec<ProfileId>,
}

/// A module of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// Its id.
    pub id: ModuleId,
    /// Its api name, a part of URLs and the table's name.
    pub api_name: String,
    /// What one record is called.
    pub singular: String,
    /// What several are called.
    pub plural: String,
    /// Api name of the field that names a record, where it is built in.
    #[serde(default)]
    pub named_by: Option<String>,
    /// Made by the org, not standard.
    #[serde(default)]
    pub custom: bool,
    /// Records can be assigned to territories.
    #[serde(default)]
    pub territories: bool,
    /// Records can be locked through the wire API (wire API 14.1).
    #[serde(default)]
    pub locking: bool,
    /// What everyone may do with its records.
    #[serde(default)]
    pub sharing: Sharing,
    /// What a lock leaves open.
    #[serde(default)]
    pub lock_exclusions: LockExclusions,
    /// Fields, in order.
    pub fields: Vec<Field>,
    /// Layouts; the first is the default.
    pub layouts: Vec<Layout>,
    /// Custom views, the system's own first.
    pub views: Vec<View>,
    /// What is demanded of its records.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub rules: Rules,
    /// Processes of its records.
    #[serde(default)]
    pub blueprints: Vec<Blueprint>,
}

impl Module {
    /// The field of this api name; exact case, as on the wire.
    pub fn field(&self, api_name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.api_name == api_name)
    }

    /// The field of this id.
    pub fn field_by_id(&self, id: FieldId) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The field that names a record for people: the built-in one, or `Name`, or the first text that
    /// every record must have.
    pub fn name_field(&self) -> Option<&Field> {
        let built_in = self.named_by.as_deref();
        built_in
            .and_then(|name| self.field(name))
            .or_else(|| self.field("Name"))
            .or_else(|| self.fields.iter().find(|f| f.mandatory && f.kind.is_text()))
    }

    /// The layout of this id.
    pub fn layout(&self, id: LayoutId) -> Option<&Layout> {
        self.layouts.iter().find(|layout| layout.id == id)
    }

    /// The layout of a record with this value in its field `Layout`: the default where it has none.
    pub fn layout_of(&self, value: &Value) -> Option<&Layout> {
        let own = value.as_int().and_then(|id| self.layout(LayoutId(id)));
        own.or_else(|| self.layouts.first())
    }

    /// The blueprint of this id.
    pub fn blueprint(&self, id: BlueprintId) -> Option<&Blueprint> {
        self.blueprints.iter().find(|blueprint| blueprint.id == id)
    }

    /// The most fields that one mass update may write here (wire API 1.2).
    pub fn mass_update_fields_max(&self) -> usize {
        if self.api_name == "Deals" {
            limits::MASS_UPDATE_DEAL_FIELDS_MAX
        } else {
            limits::MASS_UPDATE_FIELDS_MAX
        }
    }

    /// The lookups by which a record of this module belongs to another one and is deleted along with
    /// it; the first that names a record that exists decides. None where records stand for themselves.
    pub fn belongs_by(&self) -> Vec<&Field> {
        if self.custom || !ACTIVITY_MODULES.contains(&self.api_name.as_str()) {
            return Vec::new();
        }
        let fields = ABOUT.iter().filter_map(|name| self.field(name));
        fields.filter(|field| field.kind.is_lookup()).collect()
    }

    /// Whether an activity can be about a record of this module by its lookup for any module.
    pub fn may_be_related(&self) -> bool {
        let apart = ACTIVITY_MODULES.contains(&self.api_name.as_str()) || self.api_name == PERSONS;
        self.custom || !apart
    }

    /// The lookups of this module that point at one module, with its api name.
    pub fn lookups(&self) -> impl Iterator<Item = (&Field, &str)> {
        self.fields.iter().filter_map(|field| match &field.kind {
            FieldKind::Lookup { module } => Some((field, module.as_str())),
            _ => None,
        })
    }

    /// The lookups of this module that can name a record of another.
    pub fn lookups_of<'a>(&'a self, target: &Module) -> impl Iterator<Item = &'a Field> {
        let fields = self.fields.iter();
        fields.filter(move |field| field.kind.points_at(target))
    }
}
