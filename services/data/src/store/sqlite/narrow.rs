//! The part of a query that SQL can decide, or at least narrow down.
//!
//! What comes out is never stricter than the query: a condition that is not understood here leaves all rows in, and the
//! documents themselves are asked afterwards.

use parsefleet_core::{
    Query, Value,
    query::{Column, Condition, Constraint, Direction, FieldCondition, Pattern, SortKey},
};
use rusqlite::types::Value as SqlValue;

use super::{
    key::{self, Case},
    table::Table,
};

use crate::codec::columns::column_name;

/// Longest list that becomes parameters; longer ones become one JSON parameter.
const LONGEST_PARAMETER_LIST: usize = 64;

/// Most constraints in a clause: SQLite's expressions grow by a level with each, and may have a thousand.
const MOST_TERMS: usize = 200;

/// A `WHERE` clause.
#[derive(Debug, Default)]
pub(super) struct Narrowed {
    /// The clause without the word; empty is all rows.
    pub(super) clause: String,
    /// Its parameters.
    pub(super) parameters: Vec<SqlValue>,
    /// Whether at most a few rows can come out: the query names the ids.
    pub(super) pinned: bool,
    /// Constraints in the clause so far.
    terms: usize,
}

impl Narrowed {
    /// Narrows a query on a table.
    pub(super) fn new(table: &Table, query: &Query) -> Self {
        let mut narrowed = Self { pinned: is_pinned(query), ..Self::default() };
        narrowed.clause = narrowed.conjunction(table, query).unwrap_or_default();
        narrowed
    }

    fn conjunction(&mut self, table: &Table, query: &Query) -> Option<String> {
        let terms: Vec<String> =
            query.conditions.iter().filter_map(|condition| self.bounded(table, condition)).collect();
        (!terms.is_empty()).then(|| terms.join(" AND "))
    }

    /// A condition, unless the clause becomes too long with it. Ids stay whatever else there is: nothing narrows more, and
    /// what they decide the documents are not asked again.
    fn bounded(&mut self, table: &Table, condition: &Condition) -> Option<String> {
        let before = self.mark();
        let term = self.condition(table, condition);
        let is_id = matches!(condition, Condition::Field(field) if field.column == Column::ObjectId);
        if self.terms > MOST_TERMS && !is_id {
            self.return_to(before);
            return None;
        }
        term
    }

    /// How long the clause is.
    fn mark(&self) -> (usize, usize) {
        (self.parameters.len(), self.terms)
    }

    /// Forgets what came after a mark.
    fn return_to(&mut self, (parameters, terms): (usize, usize)) {
        self.parameters.truncate(parameters);
        self.terms = terms;
    }

    fn condition(&mut self, table: &Table, condition: &Condition) -> Option<String> {
        match condition {
            Condition::All(queries) => {
                let terms: Vec<String> = queries.iter().filter_map(|query| self.conjunction(table, query)).collect();
                (!terms.is_empty()).then(|| terms.join(" AND "))
            }
            Condition::Any(queries) => self.alternatives(table, queries),
            Condition::Field(field) => self.field(table, field),
            Condition::None(_) | Condition::RelatedTo { .. } | Condition::ReadableBy(_) | Condition::WritableBy(_) => {
                None
            }
        }
    }

    /// Only if every alternative is narrowed is the whole.
    fn alternatives(&mut self, table: &Table, queries: &[Query]) -> Option<String> {
        let before = self.mark();
        let mut terms = Vec::with_capacity(queries.len());
        for query in queries {
            let Some(term) = self.conjunction(table, query) else {
                self.return_to(before);
                return None;
            };
            terms.push(format!("({term})"));
        }
        (!terms.is_empty()).then(|| format!("({})", terms.join(" OR ")))
    }

    fn field(&mut self, table: &Table, field: &FieldCondition) -> Option<String> {
        let terms: Vec<String> = match &field.column {
            Column::ObjectId => {
                let source = Source { column: "id", value: id_value, holds_arrays: false };
                field.constraints.iter().filter_map(|constraint| self.constraint(&source, constraint)).collect()
            }
            Column::CreatedAt => self.date("created", field),
            Column::UpdatedAt => self.date("updated", field),
            Column::Relation | Column::TextScore => Vec::new(),
            Column::Pointer
            | Column::Array
            | Column::Plain
            | Column::Nested
            | Column::AuthData
            | Column::Renamed(_) => self.keyed(table, field),
        };
        self.terms += terms.len();
        (!terms.is_empty()).then(|| terms.join(" AND "))
    }

    fn date(&mut self, column: &str, field: &FieldCondition) -> Vec<String> {
        let source = Source { column, value: date_value, holds_arrays: false };
        field.constraints.iter().filter_map(|constraint| self.constraint(&source, constraint)).collect()
    }

    fn keyed(&mut self, table: &Table, field: &FieldCondition) -> Vec<String> {
        let path = column_name(&field.path, &field.column);
        let (mut exact, mut folded) = (None, None);
        for column in table.columns_of(&path) {
            match column.case {
                Case::Exact => exact.get_or_insert(column.name),
                Case::Folded => folded.get_or_insert(column.name),
            };
        }
        let exact = exact.as_deref().map(|column| Source { column, value: exact_key, holds_arrays: true });
        let folded = folded.as_deref().map(|column| Source { column, value: folded_key, holds_arrays: true });
        let mut terms = Vec::new();
        for constraint in &field.constraints {
            let term = match constraint {
                Constraint::Matches(pattern) => {
                    let text = whole_text(pattern);
                    folded.as_ref().zip(text).and_then(|(source, text)| self.equal(source, &Value::String(text)))
                }
                constraint => exact.as_ref().and_then(|source| self.constraint(source, constraint)),
            };
            terms.extend(term);
        }
        terms
    }

    fn constraint(&mut self, source: &Source<'_>, constraint: &Constraint) -> Option<String> {
        match constraint {
            Constraint::Equal(value) => self.equal(source, value),
            Constraint::In(values) => self.any_of(source, values),
            Constraint::Less(value) => self.range(source, "<", value),
            Constraint::LessOrEqual(value) => self.range(source, "<=", value),
            Constraint::Greater(value) => self.range(source, ">", value),
            Constraint::GreaterOrEqual(value) => self.range(source, ">=", value),
            Constraint::NotEqual(_)
            | Constraint::Exists(_)
            | Constraint::NotIn(_)
            | Constraint::All(_)
            | Constraint::AllMatch(_)
            | Constraint::ContainedBy(_)
            | Constraint::Matches(_)
            | Constraint::Text(_)
            | Constraint::Near { .. }
            | Constraint::WithinBox(..)
            | Constraint::WithinPolygon(_)
            | Constraint::WithinSphere(..)
            | Constraint::Intersects(_)
            | Constraint::InQuery(_)
            | Constraint::NotInQuery(_)
            | Constraint::Select(..)
            | Constraint::DontSelect(..) => None,
        }
    }

    fn equal(&mut self, source: &Source<'_>, value: &Value) -> Option<String> {
        if matches!(value, Value::Null) {
            return self.any_of(source, std::slice::from_ref(value));
        }
        let value = (source.value)(value)?;
        let place = self.parameter(value);
        Some(self.or_array(source, format!("{} = {place}", source.column)))
    }

    fn any_of(&mut self, source: &Source<'_>, values: &[Value]) -> Option<String> {
        let missing = values.iter().any(|value| matches!(value, Value::Null));
        let wanted: Option<Vec<SqlValue>> = values.iter().map(source.value).collect();
        let list = self.list(wanted?);
        let column = source.column;
        let term = match missing {
            true => format!("({column} IN {list} OR {column} IS NULL)"),
            false => format!("{column} IN {list}"),
        };
        Some(self.or_array(source, term))
    }

    /// A list of few lengths, so that few different statements are kept prepared.
    fn list(&mut self, mut values: Vec<SqlValue>) -> String {
        if values.len() > LONGEST_PARAMETER_LIST {
            return self.long_list(&values);
        }
        if let Some(last) = values.last().cloned() {
            values.resize(values.len().next_power_of_two(), last);
        }
        let places: Vec<String> = values.into_iter().map(|value| self.parameter(value)).collect();
        format!("({})", places.join(", "))
    }

    fn long_list(&mut self, values: &[SqlValue]) -> String {
        let mut unpack = "value";
        let list: Vec<serde_json::Value> = values
            .iter()
            .map(|value| match value {
                SqlValue::Text(text) => text.as_str().into(),
                SqlValue::Integer(number) => (*number).into(),
                SqlValue::Blob(bytes) => {
                    unpack = "unhex(value)";
                    hex(bytes).into()
                }
                SqlValue::Null | SqlValue::Real(_) => serde_json::Value::Null,
            })
            .collect();
        let place = self.parameter(SqlValue::Text(serde_json::Value::Array(list).to_string()));
        format!("(SELECT {unpack} FROM json_each({place}))")
    }

    fn range(&mut self, source: &Source<'_>, operator: &str, value: &Value) -> Option<String> {
        if matches!(value, Value::Null) {
            return None;
        }
        let bound = (source.value)(value)?;
        let column = source.column;
        let same_type = match (&bound, operator.starts_with('<')) {
            (SqlValue::Blob(key), true) => {
                Some(format!(" AND {column} >= {}", self.parameter(blob(key::type_from(key)))))
            }
            (SqlValue::Blob(key), false) => {
                Some(format!(" AND {column} < {}", self.parameter(blob(key::type_until(key)))))
            }
            _ => None,
        };
        let place = self.parameter(bound);
        let term = format!("({column} {operator} {place}{})", same_type.unwrap_or_default());
        Some(self.or_array(source, term))
    }

    /// An array satisfies a constraint if one of its elements does; only the document can tell.
    fn or_array(&mut self, source: &Source<'_>, term: String) -> String {
        if !source.holds_arrays {
            return term;
        }
        let from = self.parameter(blob(key::ARRAYS_FROM.to_vec()));
        let until = self.parameter(blob(key::ARRAYS_UNTIL.to_vec()));
        let column = source.column;
        format!("({term} OR ({column} >= {from} AND {column} < {until}))")
    }

    fn parameter(&mut self, value: SqlValue) -> String {
        self.parameters.push(value);
        format!("?{}", self.parameters.len())
    }
}

/// A column of the table and how a queried value looks in it.
struct Source<'a> {
    column: &'a str,
    value: fn(&Value) -> Option<SqlValue>,
    holds_arrays: bool,
}

/// `ORDER BY` for keys that are columns of every table; `None` if the documents have to be compared.
pub(super) fn order_by(order: &[SortKey]) -> Option<String> {
    let mut terms = Vec::with_capacity(order.len());
    for key in order {
        let column = match key.column {
            Column::ObjectId => "id",
            Column::CreatedAt => "created",
            Column::UpdatedAt => "updated",
            Column::Pointer
            | Column::Array
            | Column::Relation
            | Column::Plain
            | Column::Nested
            | Column::AuthData
            | Column::Renamed(_)
            | Column::TextScore => return None,
        };
        terms.push(match key.direction {
            Direction::Ascending => column.to_owned(),
            Direction::Descending => format!("{column} DESC"),
        });
    }
    Some(terms.join(", "))
}

/// The conditions that the `WHERE` clause does not decide alone. Ids given as text it does.
pub(super) fn is_decided(condition: &Condition) -> bool {
    let Condition::Field(field) = condition else { return false };
    field.column == Column::ObjectId
        && field.constraints.iter().all(|constraint| match constraint {
            Constraint::Equal(Value::String(_)) => true,
            Constraint::In(values) => values.iter().all(|value| matches!(value, Value::String(_))),
            _ => false,
        })
}

fn is_pinned(query: &Query) -> bool {
    query.conditions.iter().any(|condition| {
        let Condition::Field(field) = condition else { return false };
        field.column == Column::ObjectId
            && field.constraints.iter().any(|constraint| match constraint {
                Constraint::Equal(_) => true,
                Constraint::In(values) => values.len() <= 4,
                _ => false,
            })
    })
}

fn id_value(value: &Value) -> Option<SqlValue> {
    match value {
        Value::String(text) => Some(SqlValue::Text(text.clone())),
        other => exact_key(other),
    }
}

fn date_value(value: &Value) -> Option<SqlValue> {
    match value {
        Value::Date(date) => Some(SqlValue::Integer(date.0)),
        _ => None,
    }
}

fn exact_key(value: &Value) -> Option<SqlValue> {
    key::of_queried(value, Case::Exact).map(blob)
}

fn folded_key(value: &Value) -> Option<SqlValue> {
    key::of_queried(value, Case::Folded).map(blob)
}

fn blob(bytes: Vec<u8>) -> SqlValue {
    SqlValue::Blob(bytes)
}

/// The text of a pattern that is `^\Qtext\E$` or `^text$` and ignores case.
fn whole_text(pattern: &Pattern) -> Option<String> {
    let inner = pattern.source.strip_prefix('^')?.strip_suffix('$')?;
    if pattern.options != "i" {
        return None;
    }
    if let Some(quoted) = inner.strip_prefix("\\Q").and_then(|rest| rest.strip_suffix("\\E")) {
        return (!quoted.contains("\\E")).then(|| quoted.to_owned());
    }
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next()? {
                escaped if escaped.is_ascii_punctuation() => text.push(escaped),
                _ => return None,
            },
            '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => return None,
            plain => text.push(plain),
        }
    }
    Some(text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
