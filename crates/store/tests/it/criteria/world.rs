//! A database with one module, and rows to select from it.

use model::access::Sharing;
use model::catalog::{Catalog, Edition, Limits, Org};
use model::criteria::{BindContext, Bound, Criteria};
use model::field::{Field, FieldKind};
use model::id::{FieldId, ModuleId, OrgId, ProfileId, RecordId, RoleId, UserId};
use model::module::Module;
use model::people::{User, UserStatus, UserType};
use model::rule::Rules;
use model::time::Timestamp;
use model::value::Value;
use store::records::{Filter, Record};
use store::{Db, Priority, records};
use testkit::{Kind, TestDb};

/// A Wednesday.
pub(crate) const NOW: &str = "2024-05-15T10:00:00Z";

/// Fields whose names are those of columns of SQLite's JSON table, among others.
pub(crate) fn module() -> Module {
    let kinds = [
        ("Value", FieldKind::Text { max: 100 }),
        ("Stage", FieldKind::Picklist),
        ("Type", FieldKind::MultiSelectPicklist),
        ("Size", FieldKind::Integer),
        ("Amount", FieldKind::Currency { places: 2 }),
        ("Flag", FieldKind::Boolean),
        ("Closing", FieldKind::Date),
        ("Made", FieldKind::DateTime),
        ("Owner", FieldKind::OwnerLookup),
    ];
    let fields = kinds.into_iter().zip(11..).map(|((name, kind), id)| Field {
        id: FieldId(id),
        api_name: name.to_owned(),
        label: name.to_owned(),
        kind,
        custom: false,
        mandatory: false,
        read_only: false,
        unique: false,
        mass_update: true,
        values: Vec::new(),
        depends_on: None,
        computed: None,
        convert_to: None,
    });
    Module {
        id: ModuleId(1),
        api_name: "Leads".to_owned(),
        singular: "Lead".to_owned(),
        plural: "Leads".to_owned(),
        named_by: None,
        custom: false,
        territories: false,
        locking: false,
        sharing: Sharing::Private,
        lock_exclusions: model::module::LockExclusions::default(),
        fields: fields.collect(),
        layouts: Vec::new(),
        views: Vec::new(),
        rules: Rules::default(),
        blueprints: Vec::new(),
    }
}

pub(crate) fn field<'a>(module: &'a Module, name: &str) -> &'a Field {
    module.field(name).unwrap()
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::from_wire(text, &catalog().zone(&user(71, 5))).unwrap()
}

fn user(id: i64, role: i64) -> User {
    User {
        id: UserId(id),
        email: format!("u{id}@example.com"),
        first_name: String::new(),
        last_name: format!("User {id}"),
        role: RoleId(role),
        profile: ProfileId(1),
        status: UserStatus::Active,
        confirmed: true,
        user_type: UserType::Regular,
        time_zone: None,
        territories: Vec::new(),
    }
}

fn catalog() -> Catalog {
    Catalog {
        version: 1,
        org: Org {
            id: OrgId(1),
            company: "Zylker".to_owned(),
            time_zone: "UTC".to_owned(),
            currency: "Euro".to_owned(),
            currency_symbol: "€".to_owned(),
            iso_code: "EUR".to_owned(),
            country_code: "DE".to_owned(),
            primary_email: "u71@example.com".to_owned(),
            edition: Edition::Enterprise,
            limits: Limits::default(),
        },
        modules: vec![module()],
        roles: Vec::new(),
        profiles: Vec::new(),
        users: vec![user(71, 5), user(72, 5), user(73, 6)],
        territories: Vec::new(),
    }
}

/// A row by the names of its fields; absent ones are empty.
pub(crate) type Cells = Vec<(String, Value)>;

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) module: Module,
    catalog: Catalog,
    _test: TestDb,
}

impl World {
    pub(crate) fn new(kind: Kind) -> Self {
        let test = TestDb::new(kind);
        let db = test.open();
        let catalog = catalog();
        db.change_catalog(|tx| Ok(store::catalog::save(tx, &catalog, Timestamp(0))?))
            .unwrap();
        Self {
            db,
            module: module(),
            catalog,
            _test: test,
        }
    }

    /// Makes these the only records, with ids from 1 on.
    pub(crate) fn fill(&self, rows: &[Cells]) {
        let fields: Vec<&Field> = self.module.fields.iter().collect();
        let made: Vec<Record> = rows
            .iter()
            .zip(1..)
            .map(|(cells, id)| Record {
                id: RecordId(id),
                rev: 1,
                values: fields.iter().map(|field| cell(cells, field)).collect(),
            })
            .collect();
        self.db
            .write(Priority::Interactive, |tx| {
                tx.execute("DELETE FROM \"m_Leads\"", &[])?;
                Ok(records::insert(tx, &self.module, &fields, made.clone())?)
            })
            .unwrap();
    }

    pub(crate) fn bind(&self, text: &str, now: &str, zone: &str) -> Bound {
        let criteria = Criteria::parse(text).unwrap();
        criteria.check(&self.module).unwrap();
        self.bind_tree(&criteria, now, zone)
    }

    pub(crate) fn bind_tree(&self, criteria: &Criteria, now: &str, zone: &str) -> Bound {
        let mut user = user(71, 5);
        user.time_zone = Some(zone.to_owned());
        let ctx = BindContext {
            now: at(now),
            zone: self.catalog.zone(&user),
            user: user.id,
            role: user.role,
            catalog: &self.catalog,
        };
        criteria.bind(&self.module, &ctx).unwrap()
    }

    pub(crate) fn select(&self, text: &str) -> Vec<i64> {
        self.select_at(text, NOW, "UTC")
    }

    pub(crate) fn select_at(&self, text: &str, now: &str, zone: &str) -> Vec<i64> {
        self.select_bound(self.bind(text, now, zone))
    }

    pub(crate) fn select_bound(&self, bound: Bound) -> Vec<i64> {
        self.select_filter(&Filter {
            criteria: Some(bound),
            ..Filter::everything()
        })
    }

    pub(crate) fn select_filter(&self, filter: &Filter) -> Vec<i64> {
        let found = self
            .db
            .read(|tx| Ok(records::select_ids(tx, &self.module, filter, 1000)?))
            .unwrap();
        found.into_iter().map(|(id, _)| id.0).collect()
    }
}

pub(crate) fn cell(cells: &Cells, field: &Field) -> Value {
    cells
        .iter()
        .find(|(name, _)| *name == field.api_name)
        .map_or(Value::Null, |(_, value)| value.clone())
}
