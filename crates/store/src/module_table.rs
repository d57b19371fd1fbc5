//! A table for each module, a typed column for each field, made and altered with the catalog.

use crate::dialect::quote;
use crate::shape::Table;
use crate::tx::Tx;
use crate::{Dialect, Result};
use model::catalog::Catalog;
use model::conversion::finds;
use model::field::{Field, FieldKind};
use model::module::{Module, system};
use model::value::Class;

/// The name of a module's table.
pub(crate) fn table_name(module: &Module) -> String {
    format!("m_{}", module.api_name)
}

/// Whether a table of this name is a module's, or one that a removed module left.
pub(crate) fn is_one(name: &str) -> bool {
    name.starts_with("m_") || name.starts_with("removed_")
}

/// The table of a module, quoted.
pub fn table(module: &Module) -> String {
    quote(&table_name(module))
}

/// The column of a field, quoted.
pub fn column(field: &Field) -> String {
    quote(&field.api_name)
}

/// Makes the tables follow a new catalog: a new module's table, a new field's column; the column of
/// a field that is gone or renamed is renamed, so that nothing stored is lost. All of it is sent at
/// once: the first start makes over 100 tables and indexes, each alone a round trip.
pub(crate) fn follow(tx: &mut Tx, catalog: &Catalog) -> Result<()> {
    let before = tx.find_catalog();
    let mut script = Script {
        dialect: tx.dialect(),
        statements: Vec::new(),
    };
    for module in &catalog.modules {
        let old = before
            .as_ref()
            .and_then(|catalog| catalog.module_by_id(module.id));
        match old {
            None => script.create(module),
            Some(old) => script.alter(old, module),
        }
    }
    let before = before.iter().flat_map(|catalog| &catalog.modules);
    for gone in before.filter(|m| catalog.module_by_id(m.id).is_none()) {
        let aside = quote(&format!("removed_{}", gone.id));
        script.add(format!("ALTER TABLE {} RENAME TO {aside}", table(gone)));
    }
    script.number(catalog);
    tx.batch(&script.statements.join(";\n"))
}

/// Makes a table of a module as a backup describes it, without indexes.
pub(crate) fn make(tx: &mut Tx, table: &Table) -> Result<()> {
    let dialect = tx.dialect();
    let definition = |(name, class): &(String, Class)| match name.as_str() {
        "id" => format!("id {}", dialect.record_key()),
        "rev" => "rev BIGINT NOT NULL".to_owned(),
        name => format!("{} {}", quote(name), dialect.column_type(*class)),
    };
    let columns: Vec<String> = table.columns.iter().map(definition).collect();
    let (name, columns) = (quote(&table.name), columns.join(", "));
    tx.batch(&format!("CREATE TABLE {name} ({columns})"))
}

/// Makes the indexes of all modules' tables.
pub(crate) fn make_indexes(tx: &mut Tx, catalog: &Catalog) -> Result<()> {
    let mut script = Script {
        dialect: tx.dialect(),
        statements: Vec::new(),
    };
    for module in &catalog.modules {
        script.indexes(module);
    }
    tx.batch(&script.statements.join(";\n"))
}

/// Statements without parameters, to be run in order.
struct Script {
    dialect: Dialect,
    statements: Vec<String>,
}

impl Script {
    fn add(&mut self, statement: String) {
        self.statements.push(statement);
    }

    fn column_definition(&self, field: &Field) -> String {
        let class = self.dialect.column_type(field.kind.class());
        format!("{} {class}", column(field))
    }

    fn create(&mut self, module: &Module) {
        let mut columns = vec![
            format!("id {}", self.dialect.record_key()),
            "rev BIGINT NOT NULL".to_owned(),
        ];
        let fields = module.fields.iter();
        columns.extend(fields.map(|field| self.column_definition(field)));
        let columns = columns.join(", ");
        self.add(format!("CREATE TABLE {} ({columns})", table(module)));
        self.indexes(module);
    }

    fn indexes(&mut self, module: &Module) {
        for name in [system::OWNER, system::CREATED_TIME, system::MODIFIED_TIME] {
            if let Some(field) = module.field(name) {
                self.index(module, field);
            }
        }
        for field in &module.fields {
            self.indexes_of(module, field);
        }
    }

    fn index(&mut self, module: &Module, field: &Field) {
        let (name, table, column) = (index_name(field), table(module), column(field));
        self.add(format!("CREATE INDEX {name} ON {table} ({column})"));
    }

    /// Indexes that the field's own rules need: its values unique without case, found by reference, or
    /// looked for by conversion.
    fn indexes_of(&mut self, module: &Module, field: &Field) {
        if field.unique {
            let (name, table, column) = (index_name(field), table(module), column(field));
            let key = if field.kind.is_text() {
                format!("swathe_fold({column})")
            } else {
                column
            };
            self.add(format!("CREATE UNIQUE INDEX {name} ON {table} ({key})"));
        } else if field.kind.is_lookup() {
            self.index(module, field);
        } else if finds(module, field) {
            self.index_folded(module, field);
        }
    }

    fn index_folded(&mut self, module: &Module, field: &Field) {
        let (name, table, column) = (index_name(field), table(module), column(field));
        self.add(format!(
            "CREATE INDEX {name} ON {table} (swathe_fold({column}))"
        ));
    }

    fn alter(&mut self, old: &Module, new: &Module) {
        let table = table(new);
        if old.api_name != new.api_name {
            let was = self::table(old);
            self.add(format!("ALTER TABLE {was} RENAME TO {table}"));
        }
        for was in &old.fields {
            let to = match new.field_by_id(was.id) {
                Some(now) if now.api_name == was.api_name => continue,
                Some(now) => column(now),
                None => {
                    self.add(format!("DROP INDEX IF EXISTS {}", index_name(was)));
                    quote(&format!("removed_{}", was.id))
                }
            };
            let from = column(was);
            self.add(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}"));
        }
        for field in &new.fields {
            match old.field_by_id(field.id) {
                None => {
                    let definition = self.column_definition(field);
                    self.add(format!("ALTER TABLE {table} ADD COLUMN {definition}"));
                    self.indexes_of(new, field);
                }
                Some(was) if was.unique != field.unique => {
                    self.add(format!("DROP INDEX IF EXISTS {}", index_name(field)));
                    self.indexes_of(new, field);
                }
                Some(_) => {}
            }
        }
    }

    /// Auto-numbers that do not count yet begin to. Ids and starts are integers of the catalog, so
    /// they stand in the text.
    fn number(&mut self, catalog: &Catalog) {
        let fields = catalog.modules.iter().flat_map(|module| &module.fields);
        let rows: Vec<String> = fields
            .filter_map(|field| match &field.kind {
                FieldKind::AutoNumber { start, .. } => Some(format!("({}, {start})", field.id)),
                _ => None,
            })
            .collect();
        if !rows.is_empty() {
            let rows = rows.join(", ");
            self.add(format!(
                "INSERT INTO autonumbers (field, next) VALUES {rows} ON CONFLICT (field) DO NOTHING"
            ));
        }
    }
}

/// A name that no other index has: field ids are unique in the org.
fn index_name(field: &Field) -> String {
    quote(&format!("i_{}", field.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::by_values_sql;
    use crate::tx::Param;
    use crate::{Db, Priority, Settings};
    use model::time::Timestamp;
    use testkit::{Kind, TestDb, demo_catalog, each_db, save_catalog};

    each_db! {
        what_conversion_looks_for_is_found_by_an_index,
    }

    fn demo(kind: Kind) -> (TestDb, Db) {
        let test = TestDb::new(kind);
        save_catalog(&test.open(), &demo_catalog());
        let settings = Settings {
            target: test.url().parse().unwrap(),
            now: Timestamp(1_704_067_200_000),
        };
        let db = Db::open(&settings).unwrap();
        (test, db)
    }

    /// The names of the indexes by which conversion looks.
    fn looked_for(catalog: &Catalog) -> Vec<String> {
        let all = catalog.modules.iter().flat_map(|module| {
            let fields = module.fields.iter();
            fields.filter(|field| finds(module, field))
        });
        all.map(|field| format!("i_{}", field.id)).collect()
    }

    mod check {
        use super::*;

        pub(super) fn what_conversion_looks_for_is_found_by_an_index(kind: Kind) {
            let (_test, db) = demo(kind);
            let catalog = demo_catalog();
            assert_eq!(looked_for(&catalog).len(), 3);
            for module in &catalog.modules {
                for field in module.fields.iter().filter(|field| finds(module, field)) {
                    let sql = by_values_sql(module, field, "texts");
                    let steps = db.write(Priority::Interactive, |tx| {
                        let place = match kind {
                            Kind::Sqlite => "detail",
                            Kind::Postgres => {
                                // A table without rows is read whole whatever its indexes are.
                                tx.batch("SET LOCAL enable_seqscan = off")?;
                                "QUERY PLAN"
                            }
                        };
                        let explain = match kind {
                            Kind::Sqlite => format!("EXPLAIN QUERY PLAN {sql}"),
                            Kind::Postgres => format!("EXPLAIN {sql}"),
                        };
                        let names = Param::Texts(vec!["ode".to_owned(), "tern".to_owned()]);
                        let rows = tx.query(&explain, &[names])?;
                        let steps = rows.iter().map(|row| row.get(place));
                        Ok(steps.collect::<Result<Vec<String>>>()?)
                    });
                    let steps = steps.unwrap();
                    let index = format!("i_{}", field.id);
                    assert!(steps.iter().any(|step| step.contains(&index)), "{steps:?}");
                    let of_many =
                        |step: &String| step.contains("SCAN m_") || step.contains("Seq Scan");
                    assert!(!steps.iter().any(of_many), "{steps:?}");
                }
            }
        }
    }
}
