//! Carrying out a planned query on a connection.

use std::{cmp::Ordering, ops::ControlFlow};

use bson::{RawDocument, RawDocumentBuf};
use parsefleet_core::query::sort::{self, SortValues};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params_from_iter};

use super::{
    file::failed,
    plan::{Match, Order, Plan},
    project::Projection,
    table::Table,
};
use crate::store::{Documents, FindOptions, StoreError, too_large};

/// The id of the one document of a class that holds settings. In MongoDB it is a number; here nobody but us reads it, and
/// as a text it is found like every other id.
pub(super) const SETTINGS: &str = "1";

/// Which of the documents that satisfy the query are returned, and how much of them.
pub(super) struct Window {
    skip: usize,
    limit: usize,
    projection: Option<Projection>,
    most_bytes: Option<usize>,
}

impl Window {
    /// What the options ask for.
    pub(super) fn new(options: &FindOptions) -> Self {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            skip: count(options.skip),
            limit: options.limit.map_or(usize::MAX, count),
            projection: options.projection.as_deref().map(Projection::new),
            most_bytes: options.most_bytes,
        }
    }

    /// Appends what is asked for of a document.
    fn take(&self, document: &RawDocument, found: &mut Documents) -> Result<(), StoreError> {
        match &self.projection {
            Some(projection) => found.push(&projection.apply(document)?),
            None => found.push(document),
        }
        match self.most_bytes {
            Some(most) if found.byte_len() > most => Err(too_large()),
            _ => Ok(()),
        }
    }
}

/// The documents that satisfy the query, in its order.
pub(super) fn find(connection: &Connection, plan: &Plan, window: &Window) -> Result<Documents, StoreError> {
    if window.limit == 0 {
        return Ok(Documents::default());
    }
    match &plan.order {
        Order::Natural | Order::Columns(_) => stream(connection, plan, window),
        Order::Compared(keys) => sorted(
            connection,
            plan,
            window,
            |found| found.object.map(|object| sort::values(keys, &object)),
            |left: &Option<SortValues>, right| match left.as_ref().zip(right.as_ref()) {
                Some((left, right)) => sort::compare_values(keys, left, right),
                None => Ordering::Equal,
            },
        ),
        Order::Distance => sorted(
            connection,
            plan,
            window,
            |found| found.distance.unwrap_or(f64::INFINITY),
            |left: &f64, right| left.total_cmp(right),
        ),
    }
}

/// The first document that satisfies the query, with its row number.
pub(super) fn find_first(connection: &Connection, plan: &Plan) -> Result<Option<(i64, RawDocumentBuf)>, StoreError> {
    let mut first = None;
    scan(connection, plan, |row, document, _| {
        first = Some((row, document.to_owned()));
        Ok(ControlFlow::Break(()))
    })?;
    Ok(first)
}

/// The row numbers of all documents that satisfy the query.
pub(super) fn find_rows(connection: &Connection, plan: &Plan) -> Result<Vec<i64>, StoreError> {
    let mut rows = Vec::new();
    scan(connection, plan, |row, _, _| {
        rows.push(row);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(rows)
}

/// Every document of a table, in the order in which they were stored, with its row number.
pub(super) fn all(connection: &Connection, table: &Table) -> Result<Vec<(i64, RawDocumentBuf)>, StoreError> {
    let statement = format!("SELECT row, document FROM {} ORDER BY row", table.name);
    let mut statement = connection.prepare_cached(&statement).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let bytes: Vec<u8> = row.get(1).map_err(failed)?;
        documents.push((row.get(0).map_err(failed)?, as_document(&bytes)?.to_owned()));
    }
    Ok(documents)
}

/// The document of a class that holds settings.
pub(super) fn settings(connection: &Connection, table: &Table) -> Result<Option<RawDocumentBuf>, StoreError> {
    let found = by_id(connection, table, SETTINGS)?;
    Ok(found.map(|(_, document)| document))
}

/// The document whose id is kept as this key, with its row number.
pub(super) fn by_id(
    connection: &Connection,
    table: &Table,
    id: impl ToSql,
) -> Result<Option<(i64, RawDocumentBuf)>, StoreError> {
    let statement = format!("SELECT row, document FROM {} WHERE id = ?1", table.name);
    let mut statement = connection.prepare_cached(&statement).map_err(failed)?;
    let found = statement.query_row([id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let Some((row, bytes)) = found.optional().map_err(failed)? else { return Ok(None) };
    Ok(Some((row, as_document(&bytes)?.to_owned())))
}

/// How many documents satisfy the query.
pub(super) fn count(connection: &Connection, plan: &Plan) -> Result<u64, StoreError> {
    let mut count = 0;
    if plan.filter.is_empty() {
        let mut statement = format!("SELECT count(*) FROM {}", plan.table);
        plan.push_clause(&mut statement);
        let mut statement = connection.prepare_cached(&statement).map_err(failed)?;
        count = statement.query_row(params_from_iter(&plan.parameters), |row| row.get::<_, i64>(0)).map_err(failed)?;
    } else {
        scan(connection, plan, |_, _, _| {
            count += 1;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(count.unsigned_abs())
}

/// A stored blob as a document.
pub(super) fn as_document(bytes: &[u8]) -> Result<&RawDocument, StoreError> {
    RawDocument::from_bytes(bytes).map_err(|error| StoreError::Failed(format!("a stored document is damaged: {error}")))
}

fn stream(connection: &Connection, plan: &Plan, window: &Window) -> Result<Documents, StoreError> {
    let mut skipped = 0;
    let mut found = Documents::default();
    scan(connection, plan, |_, document, _| {
        if skipped < window.skip {
            skipped += 1;
            return Ok(ControlFlow::Continue(()));
        }
        window.take(document, &mut found)?;
        Ok(if found.len() < window.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

/// Sorts by a key of each match. No more documents are held than twice what is to be returned.
fn sorted<K>(
    connection: &Connection,
    plan: &Plan,
    window: &Window,
    key_of: impl Fn(Match) -> K,
    compare: impl Fn(&K, &K) -> Ordering,
) -> Result<Documents, StoreError> {
    let wanted = window.skip.saturating_add(window.limit);
    let most = wanted.saturating_mul(2).max(256);
    let mut found: Vec<(K, RawDocumentBuf)> = Vec::new();
    let order = |left: &(K, RawDocumentBuf), right: &(K, RawDocumentBuf)| compare(&left.0, &right.0);
    scan(connection, plan, |_, document, matched| {
        found.push((key_of(matched), document.to_owned()));
        if found.len() >= most {
            found.sort_by(order);
            found.truncate(wanted);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    found.sort_by(order);
    let mut taken = Documents::default();
    for (_, document) in found.iter().skip(window.skip).take(window.limit) {
        window.take(document, &mut taken)?;
    }
    Ok(taken)
}

fn scan(
    connection: &Connection,
    plan: &Plan,
    mut visit: impl FnMut(i64, &RawDocument, Match) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let judge = plan.filter.judge();
    let mut statement = connection.prepare_cached(&plan.select()).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(&plan.parameters)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let bytes = row.get_ref(1).map_err(failed)?;
        let document = as_document(bytes.as_blob().map_err(|error| StoreError::Failed(error.to_string()))?)?;
        let Some(matched) = judge.decide(document)? else { continue };
        if visit(row.get(0).map_err(failed)?, document, matched)?.is_break() {
            break;
        }
    }
    Ok(())
}
