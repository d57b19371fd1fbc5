//! A small org, made by hand: two modules, two profiles, three users.

use model::access::Sharing;
use model::catalog::{Catalog, Edition, Limits, Org};
use model::field::{Field, FieldKind, PickValue};
use model::id::{FieldId, LayoutId, ModuleId, OrgId, PickId, ProfileId, RoleId, UserId, ViewId};
use model::module::{Layout, Module, Section, system};
use model::org::{self, OrgFile};
use model::people::{Profile, Right, Role, TransferTo, User, UserStatus, UserType};
use model::rule::Rules;
use model::time::Timestamp;
use model::view::{Audience, View};
use std::collections::BTreeMap;
use store::{Db, Fault};

/// The user with every right.
pub const ADMIN: UserId = UserId(501);
/// A user who may see, make and change leads, and nothing else.
pub const STANDARD: UserId = UserId(502);
/// A user who was deactivated.
pub const INACTIVE: UserId = UserId(503);
/// The e-mail address of [`ADMIN`].
pub const ADMIN_EMAIL: &str = "ada@example.com";
/// The e-mail address of [`STANDARD`].
pub const STANDARD_EMAIL: &str = "sam@example.com";
/// The e-mail address of [`INACTIVE`].
pub const INACTIVE_EMAIL: &str = "ina@example.com";
/// The org's id.
pub const ORG: OrgId = OrgId(101);
/// The module Leads.
pub const LEADS: ModuleId = ModuleId(201);
/// The custom module Clients.
pub const CLIENTS: ModuleId = ModuleId(202);

const ADMINISTRATOR: ProfileId = ProfileId(401);
const STANDARD_PROFILE: ProfileId = ProfileId(402);
const CEO: RoleId = RoleId(301);
const SELLER: RoleId = RoleId(302);

fn field(id: i64, api_name: &str, kind: FieldKind) -> Field {
    Field {
        id: FieldId(id),
        api_name: api_name.to_owned(),
        label: api_name.replace('_', " "),
        kind,
        custom: false,
        mandatory: false,
        read_only: false,
        unique: false,
        mass_update: false,
        values: Vec::new(),
        depends_on: None,
        computed: None,
        convert_to: None,
    }
}

/// The fields that every module has, with ids from `first` on.
fn system_fields(first: i64) -> Vec<Field> {
    let read_only = |id: i64, name: &str, kind: FieldKind| Field {
        read_only: true,
        ..field(first + id, name, kind)
    };
    vec![
        field(first, system::OWNER, FieldKind::OwnerLookup),
        read_only(1, system::CREATED_BY, FieldKind::UserLookup),
        read_only(2, system::MODIFIED_BY, FieldKind::UserLookup),
        read_only(3, system::CREATED_TIME, FieldKind::DateTime),
        read_only(4, system::MODIFIED_TIME, FieldKind::DateTime),
        field(first + 5, system::LAYOUT, FieldKind::Layout),
        read_only(6, system::LOCKED, FieldKind::Boolean),
    ]
}

fn module(id: ModuleId, api_name: &str, own: Vec<Field>) -> Module {
    let names: Vec<String> = own.iter().map(|field| field.api_name.clone()).collect();
    let required = own.iter().filter(|field| field.mandatory);
    let required = required.map(|field| field.api_name.clone()).collect();
    let mut fields = own;
    fields.extend(system_fields(id.0 * 100 + 50));
    Module {
        id,
        api_name: api_name.to_owned(),
        singular: api_name.trim_end_matches('s').to_owned(),
        plural: api_name.to_owned(),
        named_by: None,
        custom: false,
        territories: false,
        locking: true,
        sharing: Sharing::PublicReadWriteDelete,
        lock_exclusions: model::module::LockExclusions::default(),
        fields,
        layouts: vec![Layout {
            id: LayoutId(id.0 * 100 + 90),
            name: "Standard".to_owned(),
            sections: vec![Section {
                name: "Information".to_owned(),
                fields: names.clone(),
                required,
            }],
            values: BTreeMap::new(),
        }],
        views: vec![View {
            id: ViewId(id.0 * 100 + 91),
            name: format!("All {api_name}"),
            system_name: Some("ALLVIEWS".to_owned()),
            criteria: None,
            fields: names,
            owner: None,
            audience: Audience::Public,
        }],
        rules: Rules::default(),
        blueprints: Vec::new(),
    }
}

fn leads() -> Module {
    let values = ["Cold Call", "Trade Show", "Web"];
    let picks = (20_120..).zip(values).map(|(id, value)| PickValue {
        id: PickId(id),
        value: value.to_owned(),
    });
    let own = vec![
        field(20_101, "First_Name", FieldKind::Text { max: 40 }),
        Field {
            mandatory: true,
            ..field(20_102, "Last_Name", FieldKind::Text { max: 80 })
        },
        Field {
            mass_update: true,
            values: picks.collect(),
            ..field(20_103, "Lead_Source", FieldKind::Picklist)
        },
        field(20_104, "Email", FieldKind::Email),
        Field {
            mass_update: true,
            ..field(20_105, "Annual_Revenue", FieldKind::Currency { places: 2 })
        },
    ];
    module(LEADS, "Leads", own)
}

fn clients() -> Module {
    let name = Field {
        mandatory: true,
        ..field(20_201, "Name", FieldKind::Text { max: 120 })
    };
    Module {
        custom: true,
        ..module(CLIENTS, "Clients", vec![name])
    }
}

fn user(id: UserId, email: &str, last_name: &str, role: RoleId, profile: ProfileId) -> User {
    User {
        id,
        email: email.to_owned(),
        first_name: String::new(),
        last_name: last_name.to_owned(),
        role,
        profile,
        status: UserStatus::Active,
        confirmed: true,
        user_type: UserType::Regular,
        time_zone: None,
        territories: Vec::new(),
    }
}

fn profile(id: ProfileId, name: &str) -> Profile {
    Profile {
        id,
        name: name.to_owned(),
        description: String::new(),
        custom: false,
        administrator: false,
        modules: BTreeMap::new(),
        fields: BTreeMap::new(),
        transfer_to: TransferTo::Anyone,
    }
}

fn role(id: RoleId, name: &str, reports_to: Option<RoleId>) -> Role {
    Role {
        id,
        name: name.to_owned(),
        reports_to,
        share_with_peers: false,
        description: String::new(),
    }
}

/// The small org: Leads and the custom module Clients; an administrator, a seller and a user who was
/// deactivated; every id below a million, so that none is ever handed out again.
pub fn small_catalog() -> Catalog {
    let rights = vec![Right::View, Right::Create, Right::Edit];
    Catalog {
        version: 1,
        org: Org {
            id: ORG,
            company: "Small Org".to_owned(),
            time_zone: "Asia/Kolkata".to_owned(),
            currency: "US Dollar".to_owned(),
            currency_symbol: "$".to_owned(),
            iso_code: "USD".to_owned(),
            country_code: "IN".to_owned(),
            primary_email: ADMIN_EMAIL.to_owned(),
            edition: Edition::Enterprise,
            limits: Limits::default(),
        },
        modules: vec![leads(), clients()],
        roles: vec![role(CEO, "CEO", None), role(SELLER, "Seller", Some(CEO))],
        profiles: vec![
            Profile {
                administrator: true,
                ..profile(ADMINISTRATOR, "Administrator")
            },
            Profile {
                modules: BTreeMap::from([(LEADS, rights)]),
                ..profile(STANDARD_PROFILE, "Standard")
            },
        ],
        users: vec![
            User {
                time_zone: Some("Europe/Berlin".to_owned()),
                ..user(ADMIN, ADMIN_EMAIL, "Admin", CEO, ADMINISTRATOR)
            },
            user(STANDARD, STANDARD_EMAIL, "Seller", SELLER, STANDARD_PROFILE),
            User {
                status: UserStatus::Inactive,
                ..user(INACTIVE, INACTIVE_EMAIL, "Gone", SELLER, STANDARD_PROFILE)
            },
        ],
        territories: Vec::new(),
    }
}

/// The org of the demo, with ids of its own: below a million too, in the order of the file.
///
/// # Panics
/// When the demo's org file is not right.
pub fn demo_catalog() -> Catalog {
    let file = OrgFile::parse(include_str!("../../../demo/org.toml")).expect("an org file");
    let plan = org::plan(&file, None).expect("the org of the demo");
    let mut last = 100_000;
    let mut next = || {
        last += 1;
        last
    };
    plan.resolve(&mut next, false).expect("a catalog")
}

/// Stores a catalog and makes its tables.
///
/// # Panics
/// When the database refuses it.
pub fn save_catalog(db: &Db, catalog: &Catalog) {
    let saved: Result<(), Fault> = db.change_catalog(|tx| {
        store::catalog::save(tx, catalog, Timestamp(1_704_067_200_000))?;
        Ok(())
    });
    saved.expect("the catalog is stored");
}
