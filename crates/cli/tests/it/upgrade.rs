//! A database that the program of the schema before left, a job half done in it, is upgraded by the
//! first start, and the job ends as if nothing had been.

use crate::swathe::run;
use crate::world::{Sql, World, is_over, many};
use store::{Dialect, Target};
use testkit::{Kind, TestDb, each_db};

each_db! {
    a_job_goes_on_after_the_schema_was_upgraded_under_it,
}

/// What the schema before was made of.
const BEFORE: [&str; 2] = [
    include_str!("../../../../migrations/0001_core.sql"),
    include_str!("../../../../migrations/0002_actions.sql"),
];

/// The database as that schema's program would have left it: its tables made by its own migrations,
/// the modules' as they are, and every row that it knows of.
fn as_before(world: &World, kind: Kind) -> TestDb {
    let test = TestDb::new(kind);
    let mut old = match (&world.test.target, &test.target) {
        (Target::Sqlite(from), Target::Sqlite(to)) => {
            let connection = rusqlite::Connection::open(to).unwrap();
            let mut sql = Sql::Sqlite(connection);
            sql.run("PRAGMA page_size = 8192; PRAGMA application_id = 0x53575448");
            for part in BEFORE {
                sql.run(&part.replace("{without_rowid}", " WITHOUT ROWID"));
            }
            sql.run(&format!("ATTACH '{}' AS was", from.display()));
            let made = "SELECT group_concat(sql, '; ') FROM (SELECT sql FROM was.sqlite_schema
                        WHERE (type = 'table' AND name LIKE 'm!_%' ESCAPE '!')
                          OR (type = 'index' AND name LIKE 'i!_%' ESCAPE '!')
                        ORDER BY type = 'index')";
            let modules = sql.text(made);
            // An index over folded text is of a function that only the program has.
            let plain: Vec<&str> = modules
                .split("; ")
                .filter(|m| !m.contains("fold"))
                .collect();
            sql.run(&plain.join("; "));
            sql
        }
        (Target::Postgres(_), Target::Postgres(url)) => {
            let client = postgres::Client::connect(url, postgres::NoTls).unwrap();
            let mut sql = Sql::Postgres(client);
            for part in BEFORE {
                sql.run(&part.replace("{without_rowid}", ""));
            }
            sql.run(&Dialect::fold_function());
            let was = world.sql().text("SELECT current_schema()::text");
            let made = format!(
                "SELECT string_agg('CREATE TABLE ' || quote_ident(table_name) || ' (LIKE {was}.'
                   || quote_ident(table_name) || ' INCLUDING ALL)', '; ')
                 FROM information_schema.tables
                 WHERE table_schema = '{was}' AND table_name LIKE 'm!_%' ESCAPE '!'"
            );
            let modules = sql.text(&made);
            sql.run(&modules);
            sql.run(&format!("CREATE VIEW was AS SELECT '{was}'::text AS name"));
            sql
        }
        _ => unreachable!(),
    };
    let (tables, was) = match kind {
        Kind::Sqlite => (
            "SELECT group_concat(name, ',') FROM main.sqlite_schema WHERE type = 'table'"
                .to_owned(),
            "was".to_owned(),
        ),
        Kind::Postgres => (
            "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = current_schema()"
                .to_owned(),
            old.text("SELECT name FROM was"),
        ),
    };
    for table in old.text(&tables).split(',') {
        let columns = match kind {
            Kind::Sqlite => format!(
                "SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info('{table}')"
            ),
            Kind::Postgres => format!(
                "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name = '{table}'"
            ),
        };
        let columns = old.text(&columns);
        old.run(&format!(
            "INSERT INTO \"{table}\" ({columns}) SELECT {columns} FROM {was}.\"{table}\""
        ));
    }
    old.run("UPDATE schema_version SET version = 2");
    match kind {
        Kind::Sqlite => old.run("DETACH was"),
        Kind::Postgres => old.run("DROP VIEW was"),
    }
    test
}

mod check {
    use super::*;

    pub(super) fn a_job_goes_on_after_the_schema_was_upgraded_under_it(kind: Kind) {
        let world = World::new(kind, many(kind));
        let server = world.serve();
        let job = world.client(&server).job();
        let seen = world.client(&server).watch_past(job, 0);
        assert!(!is_over(&seen), "{seen}");
        server.kill();
        let world = world.moved(as_before(&world, kind));
        let mut sql = world.sql();
        let count = "SELECT cursor FROM jobs WHERE state = 'running' AND id =";
        let at = sql.int(&format!("{count} {job}"));
        assert!(at > 0);
        drop(sql);

        let server = world.serve();
        let version = "SELECT version FROM schema_version";
        assert!(world.sql().int(version) > 2);
        let status = world.client(&server).watch(job);
        world.judge(job, &status);
        assert_eq!(world.client(&server).write("Upgraded").0, 200);
        server.kill();

        // What the program before says, which knows less: the same sentence as this one of a newer.
        world
            .sql()
            .run("UPDATE schema_version SET version = version + 1");
        let output = run(&["org", "export", "--database", &world.test.url()]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("use a newer program"), "{said}");
    }
}
