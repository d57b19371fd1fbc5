//! Criteria as SQL: one condition that serves SELECT, UPDATE and DELETE of a module's table.
//!
//! A test of an empty value is NULL here, which a WHERE takes for false, and so do AND and OR as
//! far as a WHERE can tell. Only NOT would keep it NULL, so what it negates is made true or false.

use crate::dialect::Dialect;
use crate::module_table::table_name;
use crate::{Error, Result};
use model::criteria::{Bound, Test};
use model::module::Module;
use sea_query::{Alias, Expr, ExprTrait, Func, FunctionCall, Query, SimpleExpr};

/// The SQL condition of a bound criteria; its columns are qualified by the table's name.
///
/// Fields are found by id, so a criteria stored before a field was renamed still means it. One that
/// is gone, or of another type, makes an error: a condition left out would select other records.
pub fn condition(dialect: Dialect, module: &Module, bound: &Bound) -> Result<SimpleExpr> {
    let each = |items: &[Bound]| {
        items
            .iter()
            .map(|item| condition(dialect, module, item))
            .collect::<Result<Vec<_>>>()
    };
    Ok(match bound {
        Bound::All(items) => each(items)?
            .into_iter()
            .reduce(ExprTrait::and)
            .unwrap_or_else(|| truth(true)),
        Bound::Any(items) => each(items)?
            .into_iter()
            .reduce(ExprTrait::or)
            .unwrap_or_else(|| truth(false)),
        Bound::Not(item) => {
            let item = condition(dialect, module, item)?;
            Expr::from(Func::coalesce([item, truth(false)])).not()
        }
        Bound::Test {
            field,
            column,
            test,
        } => {
            let field = module
                .field_by_id(*field)
                .filter(|field| test.fits(&field.kind))
                .ok_or_else(|| {
                    Error::Inconsistent(format!(
                        "a criteria tests {column}, which {} no longer has so",
                        module.api_name
                    ))
                })?;
            let column = (
                Alias::new(table_name(module)),
                Alias::new(field.api_name.as_str()),
            );
            compile(dialect, Expr::col(column), test)
        }
    })
}

fn truth(truth: bool) -> Expr {
    Expr::cust(if truth { "TRUE" } else { "FALSE" })
}

/// A number as part of the text: PostgreSQL would take a parameter here for a smaller integer than
/// the one that is sent.
fn number(number: usize) -> Expr {
    Expr::cust(number.to_string())
}

fn fold(text: Expr) -> Expr {
    Func::cust("swathe_fold").arg(text).into()
}

fn compile(dialect: Dialect, column: Expr, test: &Test) -> Expr {
    match test {
        Test::IsEmpty => column.is_null(),
        Test::Is(truth) => column.eq(*truth),
        Test::OneOf(numbers) => match numbers.as_slice() {
            [] => truth(false),
            [one] => column.eq(*one),
            several => column.is_in(several.iter().copied()),
        },
        Test::Within { from, to } => match (from, to) {
            (None, None) => column.is_not_null(),
            (Some(from), None) => column.gte(*from),
            (None, Some(to)) => column.lt(*to),
            (Some(from), Some(to)) => column.clone().gte(*from).and(column.lt(*to)),
        },
        Test::TextOneOf(texts) => one_of(fold(column), texts),
        Test::Contains(part) => Expr::from(dialect.position(fold(column), part)).gt(number(0)),
        Test::StartsWith(part) => starts_with(fold(column), part),
        Test::EndsWith(part) => ends_with(fold(column), part),
        Test::HasElement(texts) => any_element(dialect, column, one_of(element(), texts)),
        Test::ElementStartsWith(part) => any_element(dialect, column, starts_with(element(), part)),
        Test::ElementsAre(texts) => {
            // As many different ones as there should be, and none but those.
            let different = Func::count_distinct(element());
            let count = elements(dialect, column.clone()).expr(different).take();
            let other = one_of(element(), texts).not();
            Expr::from(count)
                .eq(number(texts.len()))
                .and(any_element(dialect, column, other).not())
        }
    }
}

fn one_of(text: Expr, texts: &[String]) -> Expr {
    match texts {
        [one] => text.eq(one.as_str()),
        several => text.is_in(several.iter().map(String::as_str)),
    }
}

/// Both databases count characters, not bytes, in `substr` and `length`.
fn starts_with(text: Expr, part: &str) -> Expr {
    let length = part.chars().count();
    let start: FunctionCall = Func::cust("substr").args([text, number(1), number(length)]);
    Expr::from(start).eq(part)
}

/// A text that is shorter than the part gives no more than itself from a start before its first
/// character, on both databases, and so is not the part.
fn ends_with(text: Expr, part: &str) -> Expr {
    let length = Expr::from(Func::cust("length").arg(text.clone()));
    let after = length.sub(number(part.chars().count()));
    let end: FunctionCall = Func::cust("substr").args([text, after.add(number(1))]);
    Expr::from(end).eq(part)
}

/// The elements' table and its column. A criteria's own columns are qualified, so that none of them
/// can be taken for this one.
const ELEMENT: &str = "value";

fn element() -> Expr {
    fold(Expr::col((Alias::new(ELEMENT), Alias::new(ELEMENT))))
}

fn elements(dialect: Dialect, list: Expr) -> sea_query::SelectStatement {
    Query::select()
        .from_function(dialect.elements_of(list), Alias::new(ELEMENT))
        .take()
}

fn any_element(dialect: Dialect, list: Expr, condition: Expr) -> Expr {
    let found = elements(dialect, list)
        .expr(number(1))
        .and_where(condition)
        .take();
    Expr::exists(found)
}
