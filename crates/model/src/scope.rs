//! OAuth scopes: `Service.group[.sub].OP`, and what each covers (wire API 7.5).

use crate::limits::{SCOPE_BYTES_MAX, SCOPES_MAX};
use crate::module::{ACTIVITIES, ACTIVITY_MODULES};
use std::fmt;

/// The operation that a scope ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Every operation.
    All,
    /// See.
    Read,
    /// Make.
    Create,
    /// Change.
    Update,
    /// Delete.
    Delete,
    /// Make, change and delete.
    Write,
    /// Composite requests only.
    Custom,
}

impl Op {
    /// All of them.
    pub const EACH: [Self; 7] = [
        Self::All,
        Self::Read,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Write,
        Self::Custom,
    ];

    /// As the wire writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Read => "READ",
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Write => "WRITE",
            Self::Custom => "CUSTOM",
        }
    }

    /// The operation of a word, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::EACH
            .into_iter()
            .find(|op| op.as_str().eq_ignore_ascii_case(text))
    }

    /// Whether who has this may do that.
    pub fn covers(self, wanted: Self) -> bool {
        self == wanted
            || self == Self::All
            || (self == Self::Write && matches!(wanted, Self::Create | Self::Update | Self::Delete))
    }
}

/// Groups of the CRM in which only the form with a sub exists: the wide form covers nothing.
const NARROW_GROUPS: [&str; 2] = ["mass_convert", "share"];

/// Which scopes of the wire API a mass action takes, whoever asks for it in which form (wire API 7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionScope {
    /// `ZohoCRM.{group}.OP` or `ZohoCRM.{group}.{module}.OP`.
    ByModule(&'static str, Op),
    /// `ZohoCRM.change_owner.OP`; in the newest version also by module.
    ChangeOwner(Op),
    /// `ZohoCRM.{group}.{sub}.OP` or the wide form.
    Sub(&'static str, &'static str, Op),
}

/// One scope, kept as it was written and compared without regard to case.
#[derive(Clone, Debug)]
pub struct Scope {
    text: String,
    service: String,
    group: String,
    sub: Option<String>,
    op: Op,
}

/// Why a text is no list of scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// It names no scope at all.
    Empty,
    /// More than [`SCOPES_MAX`].
    TooMany,
    /// This one is not `Service.group[.sub].OP`.
    Malformed(String),
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no scope is named"),
            Self::TooMany => write!(f, "more than {SCOPES_MAX} scopes"),
            Self::Malformed(text) => write!(f, "{text:?} is not a scope: Service.group[.sub].OP"),
        }
    }
}

impl std::error::Error for ScopeError {}

/// The form in which modules and other subs are compared: small letters, no `_`.
fn folded(sub: &str) -> String {
    sub.chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

impl Scope {
    /// Reads one scope. A service that is not ours is a scope like any other; nothing asks for it.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |part: &&str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if text.len() > SCOPE_BYTES_MAX {
            return None;
        }
        let parts: Vec<&str> = text.split('.').collect();
        let (service, group, sub, op) = match parts.as_slice() {
            [service, group, op] => (service, group, None, op),
            [service, group, sub, op] => (service, group, Some(*sub), op),
            _ => return None,
        };
        parts.iter().all(fits).then_some(())?;
        Some(Self {
            text: text.to_owned(),
            service: service.to_ascii_lowercase(),
            group: group.to_ascii_lowercase(),
            sub: sub.map(folded),
            op: Op::parse(op)?,
        })
    }

    fn reaches<'a>(&self, subs: impl IntoIterator<Item = &'a str>) -> bool {
        match &self.sub {
            Some(own) => subs.into_iter().any(|sub| sub == own),
            None => !(self.service == "zohocrm" && NARROW_GROUPS.contains(&self.group.as_str())),
        }
    }

    /// Whether this one scope grants what is needed.
    pub fn covers(&self, need: &Need<'_>) -> bool {
        self.service.eq_ignore_ascii_case(need.service)
            && self.group.eq_ignore_ascii_case(need.group)
            && self.reaches(need.subs.iter().map(String::as_str))
            && self.op.covers(need.op)
    }

    /// Whether all that another scope covers is covered by this one.
    pub fn includes(&self, asked: &Self) -> bool {
        self.service == asked.service
            && self.group == asked.group
            && (self.sub == asked.sub || self.reaches(asked.sub.as_deref()))
            && self.op.covers(asked.op)
    }
}

/// What one request needs: any scope of this service and group, wide or for one of the subs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need<'a> {
    /// `ZohoCRM`, `ZohoSearch`, `swathe` …
    pub service: &'a str,
    /// `modules`, `settings`, `mass_update` …
    pub group: &'a str,
    /// The subs of which any will do, folded; none when only the wide form exists.
    pub subs: Vec<String>,
    /// The operation.
    pub op: Op,
}

impl<'a> Need<'a> {
    /// A need of the CRM that has no narrower form.
    pub fn wide(service: &'a str, group: &'a str, op: Op) -> Self {
        Self {
            service,
            group,
            subs: Vec::new(),
            op,
        }
    }

    /// The same need, also met by a scope of this sub (`fields`, `notes` …).
    pub fn or_sub(mut self, sub: &str) -> Self {
        self.subs.push(folded(sub));
        self
    }

    /// The same need, also met by a scope of this module: by its api name, by `custom` when the org
    /// made it, by `activities` for the three modules that the word means, and by `meetings`, the
    /// newer name of Events (wire API 21, rows 46 and 47).
    pub fn or_module(mut self, api_name: &str, custom: bool) -> Self {
        self.subs.push(folded(api_name));
        if custom {
            self.subs.push("custom".to_owned());
        }
        if ACTIVITY_MODULES.contains(&api_name) && !custom {
            self.subs.push(folded(ACTIVITIES));
        }
        if api_name == "Events" && !custom {
            self.subs.push("meetings".to_owned());
        }
        self
    }
}

/// The scopes of a token, a grant code or a client.
#[derive(Clone, Debug)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads scopes joined by commas, spaces or both.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut scopes: Vec<Scope> = Vec::new();
        let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
        for word in words.filter(|word| !word.is_empty()) {
            let Some(scope) = Scope::parse(word) else {
                let shown: String = word.chars().take(SCOPE_BYTES_MAX).collect();
                return Err(ScopeError::Malformed(shown));
            };
            if scopes.iter().any(|known| known.text == scope.text) {
                continue;
            }
            if scopes.len() == SCOPES_MAX {
                return Err(ScopeError::TooMany);
            }
            scopes.push(scope);
        }
        if scopes.is_empty() {
            Err(ScopeError::Empty)
        } else {
            Ok(Self(scopes))
        }
    }

    /// Whether any of them grants what is needed.
    pub fn cover(&self, need: &Need<'_>) -> bool {
        self.0.iter().any(|scope| scope.covers(need))
    }

    /// Whether each scope of another list is within one of these.
    pub fn include(&self, asked: &Self) -> bool {
        asked
            .0
            .iter()
            .all(|one| self.0.iter().any(|own| own.includes(one)))
    }
}

impl fmt::Display for Scopes {
    /// Joined by spaces, as answers and the store write them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.0.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{}", scope.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn records(module: &str, custom: bool, op: Op) -> Need<'static> {
        Need::wide("ZohoCRM", "modules", op).or_module(module, custom)
    }

    #[test]
    fn records_take_the_wide_and_the_module_form_in_any_case() {
        let need = records("Sales_Orders", false, Op::Update);
        for yes in [
            "ZohoCRM.modules.ALL",
            "ZohoCRM.modules.UPDATE",
            "ZohoCRM.modules.WRITE",
            "zohocrm.Modules.salesorders.all",
            "ZOHOCRM.modules.Sales_Orders.Update",
            "ZohoCRM.modules.SalesOrders.write",
        ] {
            assert!(scope(yes).covers(&need), "{yes}");
        }
        for no in [
            "ZohoCRM.modules.READ",
            "ZohoCRM.modules.CUSTOM",
            "ZohoCRM.modules.custom.ALL",
            "ZohoCRM.modules.leads.ALL",
            "ZohoCRM.settings.ALL",
            "ZohoBooks.modules.ALL",
        ] {
            assert!(!scope(no).covers(&need), "{no}");
        }
    }

    #[test]
    fn a_custom_module_is_custom_or_its_own_name() {
        let need = records("My_Clients", true, Op::Read);
        for yes in [
            "ZohoCRM.modules.custom.READ",
            "ZohoCRM.modules.My_Clients.ALL",
        ] {
            assert!(scope(yes).covers(&need), "{yes}");
        }
        assert!(!scope("ZohoCRM.modules.clients.READ").covers(&need));
    }

    #[test]
    fn activities_are_tasks_events_and_calls() {
        let activities = scope("ZohoCRM.modules.Activities.READ");
        for module in ACTIVITY_MODULES {
            assert!(activities.covers(&records(module, false, Op::Read)));
            assert!(!activities.covers(&records(module, true, Op::Read)));
        }
        let meetings = scope("ZohoCRM.modules.meetings.READ");
        assert!(meetings.covers(&records("Events", false, Op::Read)));
        assert!(!meetings.covers(&records("Calls", false, Op::Read)));
        assert!(!activities.covers(&records("Leads", false, Op::Read)));
    }

    #[test]
    fn write_is_create_update_and_delete_and_all_is_everything() {
        for op in Op::EACH {
            assert!(Op::All.covers(op));
            assert!(op.covers(op));
            let written = matches!(op, Op::Create | Op::Update | Op::Delete | Op::Write);
            assert_eq!(Op::Write.covers(op), written, "{op:?}");
        }
        assert!(!Op::Create.covers(Op::Write));
    }

    #[test]
    fn settings_are_wide_or_named() {
        let need = Need::wide("ZohoCRM", "settings", Op::Read).or_sub("custom_views");
        for yes in [
            "ZohoCRM.settings.ALL",
            "ZohoCRM.settings.READ",
            "ZohoCRM.settings.custom_views.ALL",
            "ZohoCRM.settings.CustomViews.read",
        ] {
            assert!(scope(yes).covers(&need), "{yes}");
        }
        assert!(!scope("ZohoCRM.settings.fields.ALL").covers(&need));
    }

    #[test]
    fn mass_convert_has_only_the_form_of_leads() {
        let need = Need::wide("ZohoCRM", "mass_convert", Op::Read).or_sub("leads");
        assert!(scope("ZohoCRM.mass_convert.leads.READ").covers(&need));
        assert!(!scope("ZohoCRM.mass_convert.READ").covers(&need));
    }

    #[test]
    fn a_need_without_subs_is_not_met_by_a_narrow_scope() {
        let need = Need::wide("ZohoCRM", "users", Op::Read);
        assert!(scope("ZohoCRM.users.READ").covers(&need));
        assert!(!scope("ZohoCRM.users.leads.READ").covers(&need));
    }

    #[test]
    fn a_list_is_bounded_and_each_word_is_a_scope() {
        let list = Scopes::parse("ZohoCRM.modules.ALL, ZohoFiles.files.ALL ZohoCRM.modules.ALL");
        assert_eq!(
            list.unwrap().to_string(),
            "ZohoCRM.modules.ALL ZohoFiles.files.ALL"
        );
        assert_eq!(Scopes::parse(" ,").unwrap_err(), ScopeError::Empty);
        for bad in [
            "ZohoCRM",
            "ZohoCRM.modules",
            "ZohoCRM.modules.leads",
            "ZohoCRM..ALL",
            "ZohoCRM.a.b.c.ALL",
            "ZohoCRM.modules.léads.ALL",
            &format!("ZohoCRM.{}.ALL", "x".repeat(SCOPE_BYTES_MAX)),
        ] {
            let error = Scopes::parse(bad).unwrap_err();
            assert!(matches!(error, ScopeError::Malformed(_)), "{bad}");
        }
        let many: Vec<String> = (0..=SCOPES_MAX).map(|n| format!("S.g{n}.ALL")).collect();
        assert_eq!(
            Scopes::parse(&many.join(",")).unwrap_err(),
            ScopeError::TooMany
        );
        assert!(Scopes::parse(&many[1..].join(",")).is_ok());
    }

    fn any_scope() -> impl Strategy<Value = String> {
        let service = prop::sample::select(vec!["ZohoCRM", "zohocrm", "swathe", "ZohoBooks"]);
        let group = prop::sample::select(vec!["modules", "mass_convert", "settings", "share"]);
        let sub = prop::option::of(prop::sample::select(vec![
            "Leads",
            "sales_orders",
            "custom",
        ]));
        let op = prop::sample::select(Op::EACH.to_vec());
        (service, group, sub, op).prop_map(|(service, group, sub, op)| {
            let sub = sub.map_or(String::new(), |sub| format!(".{sub}"));
            format!("{service}.{group}{sub}.{}", op.as_str())
        })
    }

    fn any_need() -> impl Strategy<Value = Need<'static>> {
        let service = prop::sample::select(vec!["ZohoCRM", "swathe"]);
        let group = prop::sample::select(vec!["modules", "mass_convert", "settings", "share"]);
        let sub = prop::option::of(prop::sample::select(vec!["Leads", "Sales_Orders"]));
        let op = prop::sample::select(Op::EACH.to_vec());
        (service, group, sub, op).prop_map(|(service, group, sub, op)| {
            let need = Need::wide(service, group, op);
            match sub {
                Some(sub) => need.or_module(sub, true),
                None => need,
            }
        })
    }

    proptest! {
        #[test]
        fn case_never_matters(text in any_scope(), need in any_need()) {
            let plain = scope(&text).covers(&need);
            prop_assert_eq!(scope(&text.to_uppercase()).covers(&need), plain);
            prop_assert_eq!(scope(&text.to_lowercase()).covers(&need), plain);
        }

        #[test]
        fn what_is_granted_within_a_scope_never_covers_more(
            own in any_scope(), asked in any_scope(), need in any_need()
        ) {
            let (own, asked) = (scope(&own), scope(&asked));
            if own.includes(&asked) && asked.covers(&need) {
                prop_assert!(own.covers(&need));
            }
            prop_assert!(own.includes(&own));
        }

        #[test]
        fn a_list_goes_to_text_and_back(texts in prop::collection::vec(any_scope(), 1..20)) {
            let list = Scopes::parse(&texts.join(",")).unwrap();
            let again = Scopes::parse(&list.to_string()).unwrap();
            prop_assert_eq!(list.to_string(), again.to_string());
            prop_assert!(list.include(&again) && again.include(&list));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = Scopes::parse(&text);
        }
    }
}
