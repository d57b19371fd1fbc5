//! Records of a module: rows of its table, read and written in sets.

mod columns;

use crate::module_table::{column, table, table_name};
use crate::tx::{Param, Same, Tx};
use crate::{Dialect, Error, Result, access, criteria, params, territories};
use columns::RecordColumns;
use model::access::Reach;
use model::criteria::Bound;
use model::field::Field;
use model::id::{RecordId, TerritoryId};
use model::limits::EQUALS_MAX;
use model::module::Module;
use model::value::{Class, Value};
use sea_query::{
    Alias, Func, PostgresQueryBuilder, Query, SelectStatement, SimpleExpr, SqliteQueryBuilder,
};

/// A record with the values of the fields that were asked for, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// Its revision.
    pub rev: i64,
    /// Values of the fields asked for.
    pub values: Vec<Value>,
}

/// Which records of a module. Every one starts with who asks: see [`Filter::seen_by`].
#[derive(Clone, Debug)]
pub struct Filter {
    /// Those that somebody reaches; `None` is all of them.
    pub reach: Option<Reach>,
    /// Those that meet a criteria.
    pub criteria: Option<Bound>,
    /// Those in any of these territories.
    pub territories: Option<Vec<TerritoryId>>,
    /// Those of these ids.
    pub ids: Option<Vec<i64>>,
    /// Those past a place in the order.
    pub after: Option<Place>,
}

impl Filter {
    /// What somebody of this reach sees: where every list, count and search for a person starts.
    pub fn seen_by(reach: Option<Reach>) -> Self {
        Self {
            reach,
            criteria: None,
            territories: None,
            ids: None,
            after: None,
        }
    }

    /// Every record, whoever asks. For what the server must know itself, never for what it tells.
    pub fn everything() -> Self {
        Self::seen_by(None)
    }

    /// The same, but only those of these ids.
    pub fn of_ids(self, ids: impl IntoIterator<Item = RecordId>) -> Self {
        Self {
            ids: Some(ids.into_iter().map(|id| id.0).collect()),
            ..self
        }
    }
}

/// A place in an order: the sort field's value, and the id that decides between equals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Value of the sort field; the id itself when sorted by id.
    pub value: Value,
    /// The record's id.
    pub id: i64,
}

/// An order of records; ids decide between equals.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The field; `None` is the id.
    pub by: Option<&'a Field>,
    /// Smallest first.
    pub ascending: bool,
}

impl Order<'_> {
    /// By id, smallest first.
    pub const BY_ID: Self = Self {
        by: None,
        ascending: true,
    };

    fn sql(self) -> String {
        let direction = if self.ascending { "ASC" } else { "DESC" };
        match self.by {
            // Both databases put empty values at the same end.
            Some(field) => {
                let nulls = if self.ascending { "FIRST" } else { "LAST" };
                format!(
                    " ORDER BY {} {direction} NULLS {nulls}, id {direction}",
                    column(field)
                )
            }
            None => format!(" ORDER BY id {direction}"),
        }
    }
}

/// A statement being put together: the criteria first, further conditions behind it.
struct Select {
    sql: String,
    params: Vec<Param>,
}

impl Select {
    fn new(
        dialect: Dialect,
        module: &Module,
        columns: &[String],
        filter: &Filter,
        order: Order,
    ) -> Result<Self> {
        let mut query = Query::select();
        query.expr(sea_query::Expr::cust(columns.join(", ")));
        query.from(Alias::new(table_name(module)));
        // Two conditions make the builder bracket them, so that an OR stays one when more follows.
        query.and_where(sea_query::Expr::cust("TRUE"));
        if let Some(bound) = &filter.criteria {
            query.and_where(criteria::condition(dialect, module, bound)?);
        }
        let mut select = Self::built(dialect, &query);
        if let Some(territories) = &filter.territories {
            let ids = territories.iter().map(|territory| territory.0).collect();
            let n = select.bind(Param::Ids(ids));
            select.sql.push_str(&format!(
                " AND id IN (SELECT record FROM record_territories
                  WHERE territory IN ids({n}) AND module = {})",
                module.id
            ));
        }
        if let Some(reach) = &filter.reach {
            let seen = access::seen(module, reach, &mut |param| select.bind(param));
            if let Some(seen) = seen {
                select.sql.push_str(&format!(" AND {seen}"));
            }
        }
        if let Some(ids) = &filter.ids {
            let n = select.bind(Param::Ids(ids.clone()));
            select.sql.push_str(&format!(" AND id IN ids({n})"));
        }
        if let Some(after) = &filter.after {
            select.go_on_after(after, order);
        }
        Ok(select)
    }

    fn built(dialect: Dialect, query: &SelectStatement) -> Self {
        let (sql, values) = match dialect {
            Dialect::Sqlite => query.build(SqliteQueryBuilder),
            Dialect::Postgres => query.build(PostgresQueryBuilder),
        };
        Self {
            sql,
            params: values.0.into_iter().map(param).collect(),
        }
    }

    fn bind(&mut self, param: Param) -> String {
        self.params.push(param);
        format!("${}", self.params.len())
    }

    fn go_on_after(&mut self, place: &Place, order: Order) {
        let past = if order.ascending { ">" } else { "<" };
        let id = self.bind(place.id.into());
        let condition = match order.by {
            None => format!("id {past} {id}"),
            Some(field) => {
                let column = column(field);
                match (&place.value, order.ascending) {
                    (Value::Null, true) => {
                        format!("({column} IS NOT NULL OR id {past} {id})")
                    }
                    (Value::Null, false) => format!("({column} IS NULL AND id {past} {id})"),
                    (value, ascending) => {
                        let n = self.bind(value.clone().into());
                        let nulls = if ascending {
                            String::new()
                        } else {
                            format!(" OR {column} IS NULL")
                        };
                        format!(
                            "({column} {past} {n} OR ({column} = {n} AND id {past} {id}){nulls})"
                        )
                    }
                }
            }
        };
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition);
    }
}

fn param(value: sea_query::Value) -> Param {
    use sea_query::Value as V;
    Param::Value(match value {
        V::Bool(Some(truth)) => Value::Bool(truth),
        V::BigInt(Some(number)) => Value::Int(number),
        V::Int(Some(number)) => Value::Int(number.into()),
        V::String(Some(text)) => Value::Text(text),
        _ => Value::Null,
    })
}

/// Reads records, at most `limit` after skipping `offset`.
pub fn list(
    tx: &mut Tx,
    module: &Module,
    fields: &[&Field],
    filter: &Filter,
    order: Order,
    page: (usize, usize),
) -> Result<Vec<Record>> {
    let columns = RecordColumns::of(fields);
    let mut select = Select::new(tx.dialect(), module, &columns.selected(), filter, order)?;
    let (offset, limit) = page;
    select.sql.push_str(&order.sql());
    select
        .sql
        .push_str(&format!(" LIMIT {limit} OFFSET {offset}"));
    columns.select(tx, &select.sql, &select.params)
}

/// Reads the records of these ids that exist, in id order, and keeps others from changing them until
/// the transaction ends.
pub fn lock(
    tx: &mut Tx,
    module: &Module,
    fields: &[&Field],
    ids: &[RecordId],
) -> Result<Vec<Record>> {
    let columns = RecordColumns::of(fields);
    let sql = format!(
        "SELECT {} FROM {} WHERE id IN ids($1) ORDER BY id{}",
        columns.selected().join(", "),
        table(module),
        tx.for_change()
    );
    columns.select(tx, &sql, &[id_list(ids)])
}

/// Keeps others from these records, and from referring to them, before they are deleted: whoever was to
/// refer to one has done so when this answers.
pub fn lock_to_delete(tx: &mut Tx, module: &Module, ids: &[RecordId]) -> Result<()> {
    let for_update = tx.for_update();
    if for_update.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT id FROM {} WHERE id IN ids($1) ORDER BY id{for_update}",
        table(module)
    );
    tx.execute(&sql, &[id_list(ids)]).map(|_| ())
}

/// Like [`lock`], and says of each record whether it passes a filter's criteria and territories as
/// it is now. What somebody may do with each is asked with the rows locked, by [`access::of`].
pub fn lock_within(
    tx: &mut Tx,
    module: &Module,
    fields: &[&Field],
    ids: &[RecordId],
    filter: &Filter,
) -> Result<Vec<(Record, bool)>> {
    let columns = RecordColumns::of(fields);
    let mut query = Query::select();
    query.expr(sea_query::Expr::cust(columns.selected().join(", ")));
    query.expr(passes(tx.dialect(), module, filter)?);
    query.from(Alias::new(table_name(module)));
    let mut select = Select::built(tx.dialect(), &query);
    let n = select.bind(id_list(ids));
    let for_change = tx.for_change();
    select
        .sql
        .push_str(&format!(" WHERE id IN ids({n}) ORDER BY id{for_change}"));
    let names: Vec<&str> = columns.names.iter().copied().chain(["passes"]).collect();
    let rows = tx.select_by(&select.sql, &select.params, &names, |cells| {
        Ok((columns.read(cells)?, cells.take::<bool>()?))
    })?;
    // A statement that waited for a row sees that row as it is now and other tables as they were
    // before: territories are read by one that starts with all rows locked.
    let inside = match &filter.territories {
        Some(territories) => Some(territories::members(tx, module.id, territories, ids)?),
        None => None,
    };
    let passed = |(record, passes): (Record, bool)| {
        let inside = inside.as_ref().is_none_or(|ids| ids.contains(&record.id));
        (record, inside && passes)
    };
    Ok(rows.into_iter().map(passed).collect())
}

/// Whether a row passes a filter's criteria. A comparison with no value is neither true nor false.
fn passes(dialect: Dialect, module: &Module, filter: &Filter) -> Result<SimpleExpr> {
    let passes = match &filter.criteria {
        Some(bound) => criteria::condition(dialect, module, bound)?,
        None => sea_query::Expr::cust("TRUE"),
    };
    let fails = sea_query::Expr::cust("FALSE");
    Ok(Func::coalesce([passes, fails]).into())
}

fn id_list(ids: &[RecordId]) -> Param {
    Param::Ids(ids.iter().map(|id| id.0).collect())
}

/// Ids and revisions of the records that pass a filter, in id order, at most `limit`.
pub fn select_ids(
    tx: &mut Tx,
    module: &Module,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<(RecordId, i64)>> {
    let columns = RecordColumns::of(&[]);
    let mut select = Select::new(
        tx.dialect(),
        module,
        &columns.selected(),
        filter,
        Order::BY_ID,
    )?;
    select.sql.push_str(&format!(" ORDER BY id LIMIT {limit}"));
    // Of a million records only these pairs are held.
    let mut found = Vec::new();
    tx.stream_by(&select.sql, &select.params, &columns.names, &mut |cells| {
        found.push((cells.take()?, cells.take()?));
        Ok(())
    })?;
    Ok(found)
}

/// The records that pass a filter, which something is about to refer to: none of them is deleted before
/// the transaction ends.
pub fn refer_to(tx: &mut Tx, module: &Module, filter: &Filter) -> Result<Vec<RecordId>> {
    let columns = ["id".to_owned()];
    let mut select = Select::new(tx.dialect(), module, &columns, filter, Order::BY_ID)?;
    select
        .sql
        .push_str(&format!(" ORDER BY id{}", tx.for_reference()));
    tx.values(&select.sql, &select.params)
}

/// How many records pass a filter.
pub fn count(tx: &mut Tx, module: &Module, filter: &Filter) -> Result<i64> {
    let columns = ["count(*)".to_owned()];
    let select = Select::new(tx.dialect(), module, &columns, filter, Order::BY_ID)?;
    tx.value(&select.sql, &select.params)
}

/// The records that pass a filter, with their names for people, as the module's name field has them.
pub fn names(tx: &mut Tx, module: &Module, filter: &Filter) -> Result<Vec<(RecordId, String)>> {
    let fields: Vec<&Field> = module.name_field().into_iter().collect();
    let columns = RecordColumns::of(&fields);
    let select = Select::new(
        tx.dialect(),
        module,
        &columns.selected(),
        filter,
        Order::BY_ID,
    )?;
    let records = columns.select(tx, &select.sql, &select.params)?;
    let named = |record: Record| {
        let name = record.values.first().and_then(Value::as_text);
        (record.id, name.unwrap_or_default().to_owned())
    };
    Ok(records.into_iter().map(named).collect())
}

/// The first record whose text in `field` folds to the same as this one's.
pub fn find_by_text(
    tx: &mut Tx,
    module: &Module,
    field: &Field,
    text: &str,
) -> Result<Option<RecordId>> {
    let sql = format!(
        "SELECT id FROM {} WHERE swathe_fold({}) = $1 ORDER BY id LIMIT 1",
        table(module),
        column(field)
    );
    tx.find_value(&sql, params![model::value::fold(text)])
}

/// The first record that has this value in `field`.
pub fn find_by_value(
    tx: &mut Tx,
    module: &Module,
    field: &Field,
    value: &Value,
) -> Result<Option<RecordId>> {
    if let (true, Value::Text(text)) = (field.kind.is_text(), value) {
        return find_by_text(tx, module, field, text);
    }
    let sql = format!(
        "SELECT id FROM {} WHERE {} = $1 ORDER BY id LIMIT 1",
        table(module),
        column(field)
    );
    tx.find_value(&sql, params![value.clone()])
}

/// Records that have one of these values in `field`, each with its value, texts folded: one query
/// for all, the first by id of very many that have the same value. The values must be of the field's class, without `Null`, and texts folded where the
/// field's values are texts that a person typed.
pub fn find_by_values(
    tx: &mut Tx,
    module: &Module,
    field: &Field,
    values: &[Value],
) -> Result<Vec<(Value, RecordId)>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let class = field.kind.class();
    let (list, param) = match class {
        Class::Int => {
            let ids = values.iter().filter_map(Value::as_int);
            ("ids", Param::Ids(ids.collect()))
        }
        Class::Text => {
            let texts = values.iter().filter_map(Value::as_text);
            ("texts", Param::Texts(texts.map(str::to_owned).collect()))
        }
        Class::Bool => {
            let mut found = Vec::new();
            for value in values {
                let holder = find_by_value(tx, module, field, value)?;
                found.extend(holder.map(|id| (value.clone(), id)));
            }
            return Ok(found);
        }
    };
    let sql = by_values_sql(module, field, list);
    tx.select_by(&sql, &[param], &["found", "id"], |cells| {
        Ok((cells.take_value(class)?, cells.take()?))
    })
}

pub(crate) fn by_values_sql(module: &Module, field: &Field, list: &str) -> String {
    let key = if field.kind.is_text() {
        format!("swathe_fold({})", column(field))
    } else {
        column(field)
    };
    let table = table(module);
    if field.unique {
        return format!(
            "SELECT {key} AS found, id FROM {table} WHERE {key} IN {list}($1) ORDER BY id"
        );
    }
    format!(
        "SELECT found, id FROM (
            SELECT {key} AS found, id, row_number() OVER (PARTITION BY {key} ORDER BY id) AS place
            FROM {table} WHERE {key} IN {list}($1)
         ) AS all_found WHERE place <= {EQUALS_MAX} ORDER BY id"
    )
}

/// Makes records. Every record has the same fields, in the same order.
pub fn insert(tx: &mut Tx, module: &Module, fields: &[&Field], records: Vec<Record>) -> Result<()> {
    let columns = RecordColumns::of(fields);
    let rows: Vec<Vec<Value>> = records.into_iter().map(RecordColumns::row).collect();
    tx.insert_rows(&table(module), &[], &columns.quoted, &rows)
        .map_err(again)
}

/// Gives all these records the same values and raises their revisions by one.
pub fn update(
    tx: &mut Tx,
    module: &Module,
    ids: &[RecordId],
    values: &[(&Field, Value)],
) -> Result<()> {
    let mut sql = format!("UPDATE {} SET rev = rev + 1", table(module));
    let mut params = Vec::with_capacity(values.len() + 1);
    for (field, value) in values {
        params.push(Param::Value(value.clone()));
        sql.push_str(&format!(", {} = ${}", column(field), params.len()));
    }
    params.push(id_list(ids));
    sql.push_str(&format!(" WHERE id IN ids(${})", params.len()));
    let touched = tx.execute(&sql, &params).map_err(again)?;
    expect(touched, ids.len(), &sql)
}

/// Gives each of these records values of its own, in the order of `fields`, all of them those of
/// `same`, and raises their revisions by one.
pub fn update_each(
    tx: &mut Tx,
    module: &Module,
    fields: &[&Field],
    records: Vec<(RecordId, Vec<Value>)>,
    same: &[(&Field, Value)],
) -> Result<()> {
    let names: Vec<String> = same.iter().map(|(field, _)| column(field)).collect();
    let same: Vec<Same<'_>> = names
        .iter()
        .zip(same)
        .map(|(name, (field, value))| Same {
            column: name,
            class: field.kind.class(),
            value: value.clone(),
        })
        .collect();
    let own = fields.iter();
    let mut columns: Vec<(String, Class)> = own
        .map(|field| (column(field), field.kind.class()))
        .collect();
    columns.push(("id".to_owned(), Class::Int));
    let wanted = records.len();
    let rows: Vec<Vec<Value>> = records
        .into_iter()
        .map(|(id, mut values)| {
            values.push(id.0.into());
            values
        })
        .collect();
    let table = table(module);
    let touched = tx.update_rows(&table, &same, &columns, &rows);
    expect(touched.map_err(again)?, wanted, &table)
}

/// Deletes records.
pub fn delete(tx: &mut Tx, module: &Module, ids: &[RecordId]) -> Result<()> {
    let sql = format!("DELETE FROM {} WHERE id IN ids($1)", table(module));
    let touched = tx.execute(&sql, &[id_list(ids)])?;
    expect(touched, ids.len(), &sql)
}

/// Takes the next `count` numbers of an auto-number field; answers the first.
pub fn take_numbers(tx: &mut Tx, field: &Field, count: usize) -> Result<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let sql = "UPDATE autonumbers SET next = next + $1 WHERE field = $2 RETURNING next";
    let next: i64 = tx.value(sql, params![count, field.id.0])?;
    Ok(next - count)
}

/// A unique value that somebody else wrote a moment ago: the closure runs again and finds it.
fn again(error: Error) -> Error {
    match error {
        Error::Constraint(why) => Error::Conflict(why),
        other => other,
    }
}

fn expect(touched: usize, wanted: usize, sql: &str) -> Result<()> {
    if touched == wanted {
        return Ok(());
    }
    Err(Error::Inconsistent(format!(
        "{touched} rows instead of {wanted} for: {sql}"
    )))
}
