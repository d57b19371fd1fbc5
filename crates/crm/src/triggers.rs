//! What follows by itself from a write, unless the writer leaves it out (wire API 1.8, 9.2).

/// Which kinds of automation a write sets off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triggers {
    /// Workflow rules fire.
    pub workflow: bool,
    /// Records enter approval processes.
    pub approval: bool,
    /// Records enter blueprints.
    pub blueprint: bool,
}

impl Triggers {
    /// Everything follows.
    pub const ALL: Self = Self::all_if(true);
    /// Nothing does.
    pub const NONE: Self = Self::all_if(false);
    /// Records that are loaded enter blueprints, and nothing else happens.
    pub const LOADED: Self = Self {
        blueprint: true,
        ..Self::NONE
    };

    /// Everything or nothing.
    pub const fn all_if(fires: bool) -> Self {
        Self {
            workflow: fires,
            approval: fires,
            blueprint: fires,
        }
    }

    /// Those that the caller names.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut triggers = Self::NONE;
        for name in names {
            match name {
                "workflow" => triggers.workflow = true,
                "approval" => triggers.approval = true,
                "blueprint" => triggers.blueprint = true,
                _ => {}
            }
        }
        triggers
    }
}
