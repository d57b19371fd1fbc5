//! Every difference between the two databases that shows in SQL text, each a function with its reason.

use crate::tx::Same;
use model::value::{Class, fold_char};
use sea_query::{Expr, ExprTrait, Func, FunctionCall};
use std::borrow::Cow;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The embedded one.
    Sqlite,
    /// The shared one.
    Postgres,
}

impl Dialect {
    /// Static SQL is written once, with `$1, $2 …`, `x IN ids($n)` and `x IN texts($n)`. SQLite
    /// takes `$n` as a name and numbers names by first appearance, so it gets `?n`; a list is one
    /// parameter on both, a table-valued function here and an array there.
    pub fn sql(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Sqlite if text.contains('$') => {
                let text = text.replace("IN ids($", "IN rarray($");
                Cow::Owned(text.replace("IN texts($", "IN rarray($").replace('$', "?"))
            }
            Self::Postgres if text.contains("IN ids(") || text.contains("IN texts(") => {
                let text = text.replace("IN ids(", "= ANY(");
                Cow::Owned(text.replace("IN texts(", "= ANY("))
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Locks the rows that a chunk reads, in the order of the select. SQLite has one writer and
    /// needs none.
    pub fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Locks rows that are written but stay: others may go on to refer to them.
    pub fn for_change(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// Keeps rows from being deleted, not from being written: something is about to refer to them.
    pub fn for_reference(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR KEY SHARE",
        }
    }

    /// Like [`Self::for_update`], passing by rows that somebody else works on.
    pub fn for_update_skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Inserts rows of which some columns are the same in all. SQLite gets a statement for one row,
    /// run in a loop, where a row costs no round trip; PostgreSQL gets all rows as arrays.
    pub(crate) fn insert_rows(
        self,
        table: &str,
        same: &[Same<'_>],
        columns: &[(String, Class)],
    ) -> String {
        let shared = same.iter().map(|same| (same.column, same.class));
        let own = columns.iter().map(|(name, class)| (name.as_str(), *class));
        let all: Vec<(&str, Class)> = shared.chain(own).collect();
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        if self == Self::Sqlite {
            let marks = vec!["?"; all.len()].join(", ");
            return format!("INSERT INTO {table} ({names}) VALUES ({marks})");
        }
        let place = |(n, (_, class)): (usize, &(&str, Class))| match class {
            Class::Bool => format!("${}::boolean", n + 1),
            Class::Int => format!("${}::bigint", n + 1),
            Class::Text => format!("${}::text", n + 1),
        };
        let mut places: Vec<String> = all.iter().enumerate().map(place).collect();
        let arrays: Vec<String> = places
            .drain(same.len()..)
            .map(|place| format!("{place}[]"))
            .collect();
        places.push("u.*".to_owned());
        let (places, arrays) = (places.join(", "), arrays.join(", "));
        format!("INSERT INTO {table} ({names}) SELECT {places} FROM unnest({arrays}) AS u")
    }

    /// Gives rows values of their own, some of which are the same in all, and raises their revisions by
    /// one; the last of `columns` is the id. Made like [`Self::insert_rows`], for the same reasons.
    pub(crate) fn update_rows(
        self,
        table: &str,
        same: &[Same<'_>],
        columns: &[(String, Class)],
    ) -> String {
        let (own, key) = columns.split_at(columns.len().saturating_sub(1));
        if self == Self::Sqlite {
            let shared = same.iter().map(|same| format!(", {} = ?", same.column));
            let own = own.iter().map(|(name, _)| format!(", {name} = ?"));
            let sets: String = shared.chain(own).collect();
            return format!("UPDATE {table} SET rev = rev + 1{sets} WHERE id = ?");
        }
        let typed = |n: usize, class: Class| match class {
            Class::Bool => format!("${n}::boolean"),
            Class::Int => format!("${n}::bigint"),
            Class::Text => format!("${n}::text"),
        };
        let shared = same.iter().enumerate();
        let shared =
            shared.map(|(n, same)| format!(", {} = {}", same.column, typed(n + 1, same.class)));
        let names = own.iter().enumerate();
        let names = names.map(|(n, (name, _))| format!(", {name} = u.c{n}"));
        let sets: String = shared.chain(names).collect();
        let arrays = own.iter().chain(key).enumerate();
        let arrays = arrays.map(|(n, (_, class))| typed(same.len() + n + 1, *class) + "[]");
        let arrays: Vec<String> = arrays.collect();
        let aliases = (0..own.len()).map(|n| format!("c{n}, "));
        let aliases: String = aliases.collect();
        format!(
            "UPDATE {table} AS t SET rev = t.rev + 1{sets} FROM unnest({}) AS u({aliases}id)
             WHERE t.id = u.id",
            arrays.join(", ")
        )
    }

    /// Counts the tables of a name: each database keeps its own list.
    pub(crate) fn count_tables(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
            Self::Postgres => {
                "SELECT count(*) FROM pg_tables
                 WHERE schemaname = current_schema() AND tablename = $1"
            }
        }
    }

    /// Every column of every table, with its type and its place in the table's key from 1 (0: it is no
    /// part of it), table by table: each database keeps its own list.
    pub(crate) fn list_columns(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT t.name AS table_name, c.name AS column_name, c.type AS column_type,
                   c.pk AS key_place FROM sqlite_schema t
                 JOIN pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
                 ORDER BY t.name, c.cid"
            }
            Self::Postgres => {
                "SELECT t.relname::text AS table_name, c.attname::text AS column_name,
                   format_type(c.atttypid, NULL) AS column_type,
                   COALESCE(array_position(k.indkey::int2[], c.attnum) + 1, 0)::bigint AS key_place
                 FROM pg_class t
                 JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
                 JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
                 LEFT JOIN pg_index k ON k.indrelid = t.oid AND k.indisprimary
                 WHERE t.relkind = 'r' ORDER BY t.relname, c.attnum"
            }
        }
    }

    /// Whether the process in the column `process` is dead, as process `own` sees it. The owner of a
    /// SQLite file is the only one alive; on PostgreSQL the living hold a lock. It is tried in shared
    /// mode: two that ask at once must not take each other for the one they ask about.
    pub(crate) fn process_is_gone(self, own: i64) -> String {
        match self {
            Self::Sqlite => format!("process <> {own}"),
            Self::Postgres => {
                format!("(process <> {own} AND pg_try_advisory_xact_lock_shared(process))")
            }
        }
    }

    /// The type of a column. Texts compare by bytes on both, so PostgreSQL needs its C collation.
    pub fn column_type(self, class: Class) -> &'static str {
        match (self, class) {
            (_, Class::Bool) => "BOOLEAN",
            (_, Class::Int) => "BIGINT",
            (Self::Sqlite, Class::Text) => "TEXT",
            (Self::Postgres, Class::Text) => "TEXT COLLATE \"C\"",
        }
    }

    /// The key of a module table: SQLite's row id, under its only spelling.
    pub fn record_key(self) -> &'static str {
        match self {
            Self::Sqlite => "INTEGER PRIMARY KEY",
            Self::Postgres => "BIGINT PRIMARY KEY",
        }
    }

    /// Keeps a table in the order of its key, which saves SQLite one tree a row.
    pub fn without_rowid(self) -> &'static str {
        match self {
            Self::Sqlite => " WITHOUT ROWID",
            Self::Postgres => "",
        }
    }

    /// The statement that waits until no other transaction can depend on the catalog as it is, or
    /// (`exclusive` false) that keeps it as it is. SQLite's one writer does both.
    pub fn catalog_gate(self, exclusive: bool) -> Option<&'static str> {
        match (self, exclusive) {
            (Self::Sqlite, _) => None,
            (Self::Postgres, false) => Some("LOCK TABLE catalog IN ROW SHARE MODE"),
            (Self::Postgres, true) => {
                Some("SET LOCAL lock_timeout = '3s'; LOCK TABLE catalog IN EXCLUSIVE MODE")
            }
        }
    }

    /// Lets one transaction convert leads at a time. SQLite has one writer and needs nothing.
    pub(crate) fn conversion_turn(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("LOCK TABLE conversion_turn IN EXCLUSIVE MODE"),
        }
    }

    /// The elements of a multi-select value as a table: each database reads JSON by functions of
    /// its own. Under the alias `value`, both name the only column that matters `value`.
    pub(crate) fn elements_of(self, list: Expr) -> FunctionCall {
        match self {
            Self::Sqlite => Func::cust("json_each").arg(list),
            Self::Postgres => Func::cust("jsonb_array_elements_text").arg(list.cast_as("jsonb")),
        }
    }

    /// Where a text stands in another, from 1; 0 if it does not. Neither has a standard name that
    /// the other knows, and `LIKE` would give a meaning to `%` and `_`.
    pub(crate) fn position(self, text: Expr, part: &str) -> FunctionCall {
        Func::cust(self.position_name()).arg(text).arg(part)
    }

    /// The name of that function.
    pub(crate) fn position_name(self) -> &'static str {
        match self {
            Self::Sqlite => "instr",
            Self::Postgres => "strpos",
        }
    }

    /// PostgreSQL's form of `model::value::fold`, made from the same table of characters. Plain
    /// ASCII takes the quick way.
    pub fn fold_function() -> String {
        let pairs: Vec<(char, char)> = (char::from(128)..=char::MAX)
            .map(|c| (c, fold_char(c)))
            .filter(|(upper, lower)| upper != lower)
            .collect();
        let upper: String = pairs.iter().map(|(upper, _)| upper).collect();
        let lower: String = pairs.iter().map(|(_, lower)| lower).collect();
        format!(
            "CREATE OR REPLACE FUNCTION swathe_fold(x TEXT) RETURNS TEXT
             LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE AS $$
             SELECT CASE WHEN octet_length(x) = char_length(x) THEN lower(x COLLATE \"C\")
             ELSE translate(lower(x COLLATE \"C\"), '{upper}', '{lower}') END $$"
        )
    }
}

/// A name quoted for SQL. Names come from the catalog, never from a request.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
