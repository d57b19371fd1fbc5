//! Rows by name. A type that stands in a table, or that a statement answers, has one list of columns:
//!
//! ```text
//! columns! { Note { id, record, module, title, content, owner: owner_id } }
//! ```
//!
//! From this list come what is selected ([`Columns::list`]), what is inserted ([`crate::insert`]) and how
//! a row is read, so that no column is addressed by its place. An item is
//!
//! - `field`: the column has the field's name;
//! - `field: column`: it has another;
//! - `field: "MAX(c.rev)"`: it is an expression, under the field's name;
//! - `field: (one, other)`: an optional pair, of two columns;
//! - `field: ..`: a group of columns with a list of its own.
//!
//! `columns! { read … }` and `columns! { write … }` are for types that are only read or only written.

use crate::cell::{FromCell, ToCell};
use crate::{Error, Result};
use model::value::{Class, Value};
use std::fmt;
use std::sync::Arc;

/// A column of a list: its name, and what is selected under it unless that is the column itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) sql: Option<&'static str>,
}

/// The columns of a type, in their order.
#[derive(Debug)]
pub(crate) struct List {
    columns: Vec<Column>,
    names: Vec<&'static str>,
    text: String,
}

impl List {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            names: columns.iter().map(|column| column.name).collect(),
            text: selected(&columns, |column| column.sql.map(str::to_owned)),
            columns,
        }
    }

    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The list where the table has an alias, because another has columns of the same names.
    pub(crate) fn of(&self, alias: &str) -> String {
        selected(&self.columns, |column| {
            let own = || format!("{alias}.{}", column.name);
            Some(column.sql.map_or_else(own, str::to_owned))
        })
    }

    /// The list with something else under one of its names.
    pub(crate) fn with(&self, name: &str, sql: &str) -> String {
        selected(&self.columns, |column| {
            let other = (column.name == name).then_some(sql);
            other.or(column.sql).map(str::to_owned)
        })
    }
}

fn selected(columns: &[Column], sql: impl Fn(&Column) -> Option<String>) -> String {
    let one = |column: &Column| match sql(column) {
        Some(sql) => format!("{sql} AS {}", column.name),
        None => column.name.to_owned(),
    };
    let all: Vec<String> = columns.iter().map(one).collect();
    all.join(", ")
}

/// What stands between SELECT and FROM.
impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A type with a list of columns. [`columns`] makes it.
pub(crate) trait Columns {
    /// The list.
    fn list() -> &'static List;

    /// Adds the columns to a list that they are a part of.
    fn add(list: &mut Vec<Column>);
}

/// A type that a row is read as.
pub(crate) trait FromRow: Columns + Sized {
    /// Takes its cells, in the order of the list.
    fn from_row(cells: &mut Cells<'_>) -> Result<Self>;
}

/// A type that is stored as a row, or as a part of one.
pub(crate) trait ToRow: Columns {
    /// Adds the storage classes of its columns.
    fn classes(list: &mut Vec<Class>);

    /// Adds its cells, in the order of the list.
    fn to_row(&self, row: &mut Vec<Value>);
}

impl<T: Columns> Columns for &T {
    fn list() -> &'static List {
        T::list()
    }

    fn add(list: &mut Vec<Column>) {
        T::add(list);
    }
}

impl<T: ToRow> ToRow for &T {
    fn classes(list: &mut Vec<Class>) {
        T::classes(list);
    }

    fn to_row(&self, row: &mut Vec<Value>) {
        (*self).to_row(row);
    }
}

/// The cells of a row, taken one after the other in the order of a list, wherever the row has them.
pub(crate) struct Cells<'a> {
    row: &'a mut [Value],
    names: &'a [&'a str],
    places: Option<&'a [usize]>,
    taken: usize,
}

impl<'a> Cells<'a> {
    /// Of a row that has just these columns in this order: the statement was made from the list.
    pub(crate) fn in_order(row: &'a mut [Value], names: &'a [&'a str]) -> Self {
        Self {
            row,
            names,
            places: None,
            taken: 0,
        }
    }

    /// Of a row that has each of these columns at a place that [`places`] found.
    pub(crate) fn at(row: &'a mut [Value], names: &'a [&'a str], places: &'a [usize]) -> Self {
        Self {
            places: Some(places),
            ..Self::in_order(row, names)
        }
    }

    fn cell(&mut self) -> Result<(&'a str, &mut Value)> {
        let n = self.taken;
        self.taken += 1;
        let place = match self.places {
            Some(places) => places.get(n).copied(),
            None => Some(n),
        };
        let cell = place.and_then(|place| self.row.get_mut(place));
        match (self.names.get(n), cell) {
            (Some(name), Some(cell)) => Ok((name, cell)),
            (name, _) => Err(Error::Inconsistent(format!("no column {name:?} in a row"))),
        }
    }

    /// The next cell.
    pub(crate) fn take<T: FromCell>(&mut self) -> Result<T> {
        let (name, cell) = self.cell()?;
        T::from_cell(cell).ok_or_else(|| misfit(name, cell, T::WANTED))
    }

    /// The next two cells, if both have a value.
    pub(crate) fn take_pair<A: FromCell, B: FromCell>(&mut self) -> Result<Option<(A, B)>> {
        let first: Option<A> = self.take()?;
        let second: Option<B> = self.take()?;
        Ok(first.zip(second))
    }

    /// The next cell, of a column whose class only the catalog knows.
    pub(crate) fn take_value(&mut self, class: Class) -> Result<Value> {
        Ok(match class {
            Class::Bool => self.take::<Option<bool>>()?.into(),
            Class::Int => self.take::<Option<i64>>()?.into(),
            // As it stands: nobody stored an empty text there.
            Class::Text => self
                .take::<Option<String>>()?
                .map_or(Value::Null, Value::Text),
        })
    }
}

fn misfit(name: &str, cell: &Value, wanted: &str) -> Error {
    Error::Inconsistent(format!("the column {name} holds {cell:?}, not {wanted}"))
}

/// Where a statement's columns have those of a list: looked up once for all its rows.
pub(crate) fn places(names: &[&str], has: &[&str]) -> Result<Vec<usize>> {
    let place = |name: &&str| {
        let place = has.iter().position(|has| has == name);
        place.ok_or_else(|| Error::Inconsistent(format!("no column {name} among {has:?}")))
    };
    names.iter().map(place).collect()
}

/// Values of a row that needs no type of its own.
pub(crate) trait Tuple: Sized {
    /// The names of its columns, or what is selected for each.
    type Names: AsRef<[&'static str]>;

    /// Takes its cells.
    fn from_cells(cells: &mut Cells<'_>) -> Result<Self>;
}

/// Values that are stored as a part of a row, without a type of their own.
pub(crate) trait ToTuple {
    /// The names of its columns.
    type Names: AsRef<[&'static str]>;

    /// The storage classes of its columns.
    fn classes() -> Vec<Class>;

    /// Its cells.
    fn to_cells(&self) -> Vec<Value>;
}

macro_rules! tuples {
    ($($count:literal: $($type:ident $value:ident),*;)*) => {$(
        impl<$($type: FromCell),*> Tuple for ($($type,)*) {
            type Names = [&'static str; $count];

            fn from_cells(cells: &mut Cells<'_>) -> Result<Self> {
                Ok(($(cells.take::<$type>()?,)*))
            }
        }

        impl<$($type: ToCell),*> ToTuple for ($($type,)*) {
            type Names = [&'static str; $count];

            fn classes() -> Vec<Class> {
                vec![$($type::CLASS),*]
            }

            fn to_cells(&self) -> Vec<Value> {
                let ($($value,)*) = self;
                vec![$($value.to_cell()),*]
            }
        }
    )*};
}

tuples! {
    1: A a;
    2: A a, B b;
    3: A a, B b, C c;
    4: A a, B b, C c, D d;
}

/// Gives a type its list of columns: see the top of this file.
macro_rules! columns {
    (read $row:ty { $($field:ident $(: $column:tt)?),* $(,)? }) => {
        $crate::row::columns! { @list $row { $($field $(: $column)?),* } }

        impl $crate::row::FromRow for $row {
            fn from_row(cells: &mut $crate::row::Cells<'_>) -> $crate::Result<Self> {
                Ok(Self { $($field: $crate::row::column!(read cells $(, $column)?)),* })
            }
        }
    };
    (write $row:ty { $($field:ident $(: $column:tt)?),* $(,)? }) => {
        $crate::row::columns! { @list $row { $($field $(: $column)?),* } }
        $crate::row::columns! { @write $row { $($field $(: $column)?),* } }
    };
    (@list $row:ty { $($field:ident $(: $column:tt)?),* $(,)? }) => {
        impl $crate::row::Columns for $row {
            fn list() -> &'static $crate::row::List {
                static LIST: std::sync::OnceLock<$crate::row::List> = std::sync::OnceLock::new();
                LIST.get_or_init(|| {
                    let mut columns = Vec::new();
                    <Self as $crate::row::Columns>::add(&mut columns);
                    $crate::row::List::new(columns)
                })
            }

            fn add(list: &mut Vec<$crate::row::Column>) {
                $($crate::row::column!(list list, $field $(, $column)?);)*
            }
        }
    };
    (@write $row:ty { $($field:ident $(: $column:tt)?),* $(,)? }) => {
        impl $crate::row::ToRow for $row {
            fn classes(list: &mut Vec<model::value::Class>) {
                $($crate::row::column!(class list, $field $(, $column)?);)*
            }

            fn to_row(&self, row: &mut Vec<model::value::Value>) {
                $($crate::row::column!(write row, self.$field $(, $column)?);)*
            }
        }
    };
    ($row:ty { $($list:tt)* }) => {
        $crate::row::columns! { read $row { $($list)* } }
        $crate::row::columns! { @write $row { $($list)* } }
    };
}

/// One item of a list of columns, for each of the things that are made from it.
macro_rules! column {
    (list $list:ident, $field:ident) => {
        $crate::row::push($list, stringify!($field), None)
    };
    (list $list:ident, $field:ident, ..) => {
        $crate::row::push_group($list, |row: &Self| &row.$field)
    };
    (list $list:ident, $field:ident, ($one:ident, $other:ident)) => {
        $crate::row::push($list, stringify!($one), None);
        $crate::row::push($list, stringify!($other), None);
    };
    (list $list:ident, $field:ident, $column:ident) => {
        $crate::row::push($list, stringify!($column), None)
    };
    (list $list:ident, $field:ident, $sql:literal) => {
        $crate::row::push($list, stringify!($field), Some($sql))
    };

    (read $cells:ident, ..) => {
        $crate::row::FromRow::from_row($cells)?
    };
    (read $cells:ident, ($one:ident, $other:ident)) => {
        $cells.take_pair()?
    };
    (read $cells:ident $(, $column:tt)?) => {
        $cells.take()?
    };

    (class $list:ident, $field:ident, ..) => {
        $crate::row::classes_of_group($list, |row: &Self| &row.$field)
    };
    (class $list:ident, $field:ident, ($one:ident, $other:ident)) => {
        $crate::row::classes_of_pair($list, |row: &Self| &row.$field)
    };
    (class $list:ident, $field:ident $(, $column:tt)?) => {
        $crate::row::class_of($list, |row: &Self| &row.$field)
    };

    (write $row:ident, $value:expr, ..) => {
        $crate::row::ToRow::to_row(&$value, $row)
    };
    (write $row:ident, $value:expr, ($one:ident, $other:ident)) => {
        $crate::row::write_pair($value.as_ref(), $row)
    };
    (write $row:ident, $value:expr $(, $column:tt)?) => {
        $row.push($crate::cell::ToCell::to_cell(&$value))
    };
}

pub(crate) use {column, columns};

// What the macros above call. Functions that take the way to a field only want its type.

pub(crate) fn push(list: &mut Vec<Column>, name: &'static str, sql: Option<&'static str>) {
    list.push(Column { name, sql });
}

pub(crate) fn push_group<R, T: Columns>(list: &mut Vec<Column>, _: fn(&R) -> &T) {
    T::add(list);
}

pub(crate) fn class_of<R, T: ToCell>(list: &mut Vec<Class>, _: fn(&R) -> &T) {
    list.push(T::CLASS);
}

pub(crate) fn classes_of_group<R, T: ToRow>(list: &mut Vec<Class>, _: fn(&R) -> &T) {
    T::classes(list);
}

pub(crate) fn classes_of_pair<R, A: ToCell, B: ToCell>(
    list: &mut Vec<Class>,
    _: fn(&R) -> &Option<(A, B)>,
) {
    list.extend([A::CLASS, B::CLASS]);
}

pub(crate) fn write_pair<A: ToCell, B: ToCell>(pair: Option<&(A, B)>, row: &mut Vec<Value>) {
    let (first, second) = pair.map(|(one, other)| (one, other)).unzip();
    row.extend([first.to_cell(), second.to_cell()]);
}

/// A row of a statement that is no part of the program, as tests ask it: cells by name.
#[derive(Clone, PartialEq)]
pub struct Row {
    names: Arc<[String]>,
    cells: Vec<Value>,
}

impl Row {
    pub(crate) fn new(names: Arc<[String]>, cells: Vec<Value>) -> Self {
        Self { names, cells }
    }

    /// What stands in the column of this name.
    pub fn get<T: FromCell>(&self, name: &str) -> Result<T> {
        let place = self.names.iter().position(|has| has == name);
        let cell = place.and_then(|place| self.cells.get(place));
        let mut cell = cell
            .cloned()
            .ok_or_else(|| Error::Inconsistent(format!("no column {name} in {:?}", self.names)))?;
        T::from_cell(&mut cell).ok_or_else(|| misfit(name, &cell, T::WANTED))
    }
}

/// The cells alone: what the columns of an expression are called is the database's own.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.cells).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::id::{JobId, RecordId};
    use model::job::{JobState, Relation};

    #[derive(Debug, PartialEq)]
    struct Counts {
        changed: i64,
        failed: i64,
    }

    columns! { Counts { changed, failed } }

    #[derive(Debug, PartialEq)]
    struct Sample {
        record: RecordId,
        state: JobState,
        parent: Option<(Relation, JobId)>,
        counts: Counts,
        last: Option<String>,
    }

    columns! {
        Sample { record: record_id, state, parent: (relation, parent), counts: .., last: "MAX(name)" }
    }

    const NAMES: [&str; 7] = [
        "record_id",
        "state",
        "relation",
        "parent",
        "changed",
        "failed",
        "last",
    ];

    fn sample() -> Sample {
        Sample {
            record: RecordId(7),
            state: JobState::Paused,
            parent: Some((Relation::Undo, JobId(3))),
            counts: Counts {
                changed: 1,
                failed: 2,
            },
            last: None,
        }
    }

    /// The cells of a sample in this order of their names.
    fn cells(order: &[&str]) -> Vec<Value> {
        let mut row = Vec::new();
        sample().to_row(&mut row);
        let place = |name: &&str| NAMES.iter().position(|known| known == name).unwrap();
        order.iter().map(|name| row[place(name)].clone()).collect()
    }

    #[test]
    fn one_list_gives_what_is_selected_and_what_is_stored() {
        let list = Sample::list();
        assert_eq!(list.names(), NAMES);
        let text = "record_id, state, relation, parent, changed, failed, MAX(name) AS last";
        assert_eq!(list.to_string(), text);
        assert!(
            list.of("s")
                .starts_with("s.record_id AS record_id, s.state")
        );
        assert!(list.with("failed", "0").contains("changed, 0 AS failed,"));
        let mut classes = Vec::new();
        Sample::classes(&mut classes);
        let (int, text) = (Class::Int, Class::Text);
        assert_eq!(classes, [int, text, text, int, int, int, text]);
    }

    #[test]
    fn a_row_is_read_by_name_in_any_order() {
        let read = |order: &[&str]| {
            let places = places(&NAMES, order)?;
            Sample::from_row(&mut Cells::at(&mut cells(order), &NAMES, &places))
        };
        let mut order = NAMES;
        for _ in 0..NAMES.len() {
            order.rotate_left(1);
            assert_eq!(read(&order).unwrap(), sample());
        }
        let why = read(&NAMES[1..]).unwrap_err().to_string();
        assert!(why.contains("no column record_id among"), "{why}");
    }

    #[test]
    fn a_cell_that_holds_something_else_is_told_with_its_column() {
        let mut row = cells(&NAMES);
        row[1] = "asleep".into();
        let read = Sample::from_row(&mut Cells::in_order(&mut row, &NAMES));
        let why = read.unwrap_err().to_string();
        let what = "the column state holds Text(\"asleep\"), not a word of JobState";
        assert!(why.contains(what), "{why}");
        assert!(Sample::from_row(&mut Cells::in_order(&mut row[..0], &NAMES)).is_err());
    }
}
