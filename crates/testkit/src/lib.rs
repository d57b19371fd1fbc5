//! What tests share: a fresh database of each kind, a clock that moves by hand, a small org, and a backup
//! of an older program.

mod backup;
pub mod catalog;
mod clock;
mod db;

pub use backup::backup_of_schema_4;
pub use catalog::{demo_catalog, save_catalog, small_catalog};
pub use clock::TestClock;
pub use db::{Kind, TestDb};

/// Makes two tests of one function that takes a [`Kind`]: `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! each_db {
    ($($(#[$attribute:meta])* $name:ident,)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[test]
            fn sqlite() {
                super::check::$name($crate::Kind::Sqlite);
            }

            #[test]
            fn postgres() {
                super::check::$name($crate::Kind::Postgres);
            }
        }
    )*};
}
