//! How a query is carried out: what SQL does, and what is left to be decided on the documents.

use std::collections::BTreeSet;

use bson::{RawBsonRef, RawDocument};
use parsefleet_core::{
    ClassSchema, FieldType, Object, Query, Value,
    query::{Column, Condition, Matcher, SortKey},
};
use rusqlite::types::Value as SqlValue;

use super::{
    narrow::{Narrowed, is_decided, order_by},
    table::Table,
};
use crate::{
    codec::{Roots, decode},
    store::StoreError,
};

/// A query made ready for a table.
pub(super) struct Plan {
    /// Name of the table, quoted.
    pub(super) table: String,
    /// `WHERE` clause without the word; empty is all rows.
    pub(super) clause: String,
    /// Its parameters.
    pub(super) parameters: Vec<SqlValue>,
    /// Whether it reads at most a few rows.
    pub(super) pinned: bool,
    /// What the clause does not decide.
    pub(super) filter: Filter,
    /// In which order the documents come.
    pub(super) order: Order,
}

/// How the order comes about.
pub(super) enum Order {
    /// As they were stored.
    Natural,
    /// By an `ORDER BY`.
    Columns(String),
    /// By comparing the objects.
    Compared(Vec<SortKey>),
    /// By the distance to the point of `$nearSphere`.
    Distance,
}

/// The conditions that are asked of each document.
pub(super) struct Filter {
    permissions: Vec<Permission>,
    rest: Option<Rest>,
}

/// One side of an object's permissions and who asks.
struct Permission {
    column: &'static str,
    subjects: Vec<String>,
}

/// What takes a typed object to decide.
struct Rest {
    matcher: Option<Matcher>,
    /// The class with the fields that are asked for, and no others.
    schema: ClassSchema,
    roots: Vec<String>,
    /// The pointers among them: field and column.
    pointers: Vec<(String, String)>,
}

/// A document that satisfies the query.
pub(super) struct Match {
    /// The typed object, as far as the query and the order need it.
    pub(super) object: Option<Object>,
    /// Distance to the point of `$nearSphere`.
    pub(super) distance: Option<f64>,
}

impl Plan {
    /// Plans a query.
    ///
    /// # Errors
    /// `Unsupported` for what this store cannot do.
    pub(super) fn new(
        table: &Table,
        schema: &ClassSchema,
        query: &Query,
        order: &[SortKey],
    ) -> Result<Self, StoreError> {
        if query.searches_text() || order.iter().any(|key| key.column == Column::TextScore) {
            return Err(no_text_search());
        }
        let columns = order_by(order);
        let filter = Filter::new(schema, query, if columns.is_some() { &[] } else { order })?;
        let order = match columns {
            Some(_) if order.is_empty() && filter.sorts_by_distance() => Order::Distance,
            Some(_) if order.is_empty() => Order::Natural,
            Some(clause) => Order::Columns(clause),
            None => Order::Compared(order.to_vec()),
        };
        let Narrowed { clause, parameters, pinned, .. } = Narrowed::new(table, query);
        Ok(Self { table: table.name.clone(), clause, parameters, pinned, filter, order })
    }

    /// The statement that selects the candidates: row number and document.
    pub(super) fn select(&self) -> String {
        let mut statement = format!("SELECT row, document FROM {}", self.table);
        self.push_clause(&mut statement);
        if let Order::Columns(columns) = &self.order {
            statement.push_str(" ORDER BY ");
            statement.push_str(columns);
        }
        statement
    }

    /// Appends the `WHERE` clause.
    pub(super) fn push_clause(&self, statement: &mut String) {
        if !self.clause.is_empty() {
            statement.push_str(" WHERE ");
            statement.push_str(&self.clause);
        }
    }
}

impl Filter {
    /// The filter of a query whose objects are compared by `order`.
    fn new(schema: &ClassSchema, query: &Query, order: &[SortKey]) -> Result<Self, StoreError> {
        let mut permissions = Vec::new();
        let mut rest = Query::default();
        for condition in &query.conditions {
            match condition {
                Condition::ReadableBy(subjects) => permissions.push(Permission::new("_rperm", subjects)),
                Condition::WritableBy(subjects) => permissions.push(Permission::new("_wperm", subjects)),
                decided if is_decided(decided) => {}
                other => rest.conditions.push(other.clone()),
            }
        }
        if rest.conditions.is_empty() && order.is_empty() {
            return Ok(Self { permissions, rest: None });
        }
        let matcher = match rest.conditions.is_empty() {
            true => None,
            false => Some(rest.matcher().map_err(|error| StoreError::Unsupported(error.message))?),
        };
        let mut roots: BTreeSet<&str> = rest.fields();
        roots.extend(order.iter().map(|key| key.path.root()));
        let roots: Vec<String> = roots.into_iter().map(str::to_owned).collect();
        let pointers = roots.iter().filter(|root| matches!(schema.field_type(root), Some(FieldType::Pointer(_))));
        let pointers = pointers.map(|root| (root.clone(), format!("_p_{root}"))).collect();
        Ok(Self { permissions, rest: Some(Rest { matcher, schema: only(schema, &roots), roots, pointers }) })
    }

    fn sorts_by_distance(&self) -> bool {
        self.rest.as_ref().and_then(|rest| rest.matcher.as_ref()).is_some_and(Matcher::sorts_by_distance)
    }

    /// Whether every candidate satisfies the query.
    pub(super) fn is_empty(&self) -> bool {
        self.permissions.is_empty() && self.rest.as_ref().is_none_or(|rest| rest.matcher.is_none())
    }

    /// Asks about many documents.
    pub(super) fn judge(&self) -> Judge<'_> {
        let roots = self.rest.iter().flat_map(|rest| rest.roots.iter().map(String::as_str)).collect();
        Judge { filter: self, roots }
    }
}

/// A filter at work.
pub(super) struct Judge<'f> {
    filter: &'f Filter,
    roots: Vec<&'f str>,
}

impl Judge<'_> {
    /// What the document is to the query, `None` if it does not satisfy it.
    pub(super) fn decide(&self, document: &RawDocument) -> Result<Option<Match>, StoreError> {
        if !self.filter.permissions.iter().all(|permission| permission.allows(document)) {
            return Ok(None);
        }
        let Some(rest) = &self.filter.rest else { return Ok(Some(Match { object: None, distance: None })) };
        let object = decode(&rest.schema, document, Roots::Only(&self.roots));
        let mut object = object.map_err(|error| StoreError::Failed(error.to_string()))?;
        rest.add_odd_pointers(document, &mut object);
        let distance = match &rest.matcher {
            Some(matcher) if !matcher.matches(&object) => return Ok(None),
            Some(matcher) => matcher.distance(&object),
            None => None,
        };
        Ok(Some(Match { object: Some(object), distance }))
    }
}

impl Rest {
    /// Clients do not see a pointer that is null or leads to another class than the schema says; queries do.
    fn add_odd_pointers(&self, document: &RawDocument, object: &mut Object) {
        for (field, column) in &self.pointers {
            if object.fields.get(field).is_some() {
                continue;
            }
            let value = match document.get(column) {
                Ok(Some(RawBsonRef::Null)) => Value::Null,
                Ok(Some(RawBsonRef::String(text))) => Value::String(text.to_owned()),
                Ok(_) | Err(_) => continue,
            };
            object.fields.insert(field.as_str(), value);
        }
    }
}

impl Permission {
    fn new(column: &'static str, subjects: &[String]) -> Self {
        Self { column, subjects: subjects.to_vec() }
    }

    /// As MongoDB finds `{$in: [null, …]}`: missing and null are public.
    fn allows(&self, document: &RawDocument) -> bool {
        match document.get(self.column) {
            Ok(None | Some(RawBsonRef::Null)) => true,
            Ok(Some(RawBsonRef::Array(allowed))) => allowed.into_iter().any(|subject| {
                subject.is_ok_and(|subject| match subject {
                    RawBsonRef::String(subject) => self.includes(subject),
                    RawBsonRef::Null => true,
                    _ => false,
                })
            }),
            Ok(Some(_)) | Err(_) => false,
        }
    }

    fn includes(&self, subject: &str) -> bool {
        subject == "*" || self.subjects.iter().any(|own| own == subject)
    }
}

/// What to tell a client that searches for text.
pub(super) fn no_text_search() -> StoreError {
    StoreError::Unsupported("Full-text search ($text) needs MongoDB; the embedded store does not support it".into())
}

fn only(schema: &ClassSchema, roots: &[String]) -> ClassSchema {
    let wanted = roots.iter().filter_map(|name| schema.fields.get_key_value(name));
    ClassSchema {
        name: schema.name.clone(),
        fields: wanted.map(|(name, field)| (name.clone(), field.clone())).collect(),
        permissions: None,
        indexes: serde_json::Map::new(),
    }
}
