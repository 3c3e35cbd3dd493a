//! What the writer does: every function runs inside its transaction.

use std::time::{SystemTime, UNIX_EPOCH};

use bson::{Bson, Document, RawDocument, RawDocumentBuf, oid::ObjectId, rawdoc};
use rusqlite::{Connection, ErrorCode};

use super::{
    apply::apply,
    catalog::Catalog,
    file::failed,
    key::{self, Case},
    plan::Plan,
    read,
    table::Table,
    writer::Session,
};
use crate::store::{Index, StoreError, indexed_field};

/// Stores a new document.
pub(super) fn insert(session: &mut Session<'_>, class: &str, document: &RawDocumentBuf) -> Result<(), StoreError> {
    let table = session.table_or_new(class)?;
    let mut statement = session.connection.prepare_cached(table.insert_statement()).map_err(failed)?;
    table.bind_insert(&mut statement, document).map_err(failed)?;
    statement.raw_execute().map_err(|error| constraint(&table, error))?;
    Ok(())
}

/// Changes the first document that satisfies the query; the new document.
pub(super) fn update_one(
    session: &mut Session<'_>,
    class: &str,
    plan: &Plan,
    update: &Document,
) -> Result<Option<RawDocumentBuf>, StoreError> {
    // The plan's table may be older than the transaction: indexes that were added since have to be written too.
    let Some(table) = session.table(class) else { return Ok(None) };
    let Some((row, document)) = read::find_first(session.connection, plan)? else { return Ok(None) };
    let mut document = as_tree(&document)?;
    apply(&mut document, update)?;
    let document = RawDocumentBuf::try_from(&document).map_err(|error| StoreError::Refused(error.to_string()))?;
    replace(session.connection, &table, row, &document)?;
    Ok(Some(document))
}

/// Removes the documents that satisfy the query; how many there were.
pub(super) fn delete(session: &mut Session<'_>, plan: &Plan) -> Result<u64, StoreError> {
    let rows = read::find_rows(session.connection, plan)?;
    let statement = format!("DELETE FROM {} WHERE row = ?1", plan.table);
    let remove = |connection: &Connection| {
        let mut statement = connection.prepare_cached(&statement).map_err(failed)?;
        let mut removed = 0;
        for row in &rows {
            removed += statement.execute([row]).map_err(failed)? as u64;
        }
        Ok(removed)
    };
    match rows.len() {
        0 => Ok(0),
        1 => remove(session.connection),
        _ => session.atomically(|session| remove(session.connection)),
    }
}

/// Adds rows to a join table; rows that are there stay.
pub(super) fn add_relations(
    session: &mut Session<'_>,
    join: &str,
    owner: &str,
    targets: &[String],
) -> Result<(), StoreError> {
    session.atomically(|session| {
        for target in targets {
            let row = rawdoc! { "_id": ObjectId::new(), "owningId": owner, "relatedId": target.as_str() };
            match insert(session, join, &row) {
                Ok(()) | Err(StoreError::Duplicate { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}

/// Removes rows from a join table.
pub(super) fn remove_relations(
    session: &mut Session<'_>,
    join: &str,
    owner: &str,
    targets: &[String],
) -> Result<(), StoreError> {
    let Some(table) = session.table(join) else { return Ok(()) };
    let (Some(owning), Some(related)) = (table.first_column_of("owningId"), table.first_column_of("relatedId")) else {
        return Err(StoreError::Failed(format!("{join} has lost its indexes")));
    };
    let statement = format!("DELETE FROM {} WHERE {owning} = ?1 AND {related} = ?2", table.name);
    let key = |text: &str| key::of_stored(bson::RawBsonRef::String(text), Case::Exact);
    session.atomically(|session| {
        let mut statement = session.connection.prepare_cached(&statement).map_err(failed)?;
        for target in targets {
            statement.execute([key(owner), key(target)]).map_err(failed)?;
        }
        Ok(())
    })
}

/// Changes the document with the id 1, or starts it.
pub(super) fn change_settings(session: &mut Session<'_>, class: &str, update: &Document) -> Result<(), StoreError> {
    let table = session.table_or_new(class)?;
    let found = read::by_id(session.connection, &table, read::SETTINGS)?;
    upsert(session, class, found, rawdoc! { "_id": read::SETTINGS }, update)
}

/// Changes a document that was found, or else stores the new one with the change.
fn upsert(
    session: &mut Session<'_>,
    class: &str,
    found: Option<(i64, RawDocumentBuf)>,
    new: RawDocumentBuf,
    update: &Document,
) -> Result<(), StoreError> {
    let (row, document) = found.map_or((None, new), |(row, document)| (Some(row), document));
    let mut document = as_tree(&document)?;
    apply(&mut document, update)?;
    let document = RawDocumentBuf::try_from(&document).map_err(|error| StoreError::Refused(error.to_string()))?;
    match (row, session.table(class)) {
        (Some(row), Some(table)) => replace(session.connection, &table, row, &document),
        _ => insert(session, class, &document),
    }
}

/// Makes an index unless one of its name is there.
pub(super) fn ensure_index(session: &mut Session<'_>, class: &str, index: &Index) -> Result<(), StoreError> {
    session.atomically(|session| {
        session.change_catalog(|catalog, connection| catalog.create_index(connection, class, index))
    })
}

/// Removes the documents whose time is over by the indexes that say so.
pub(super) fn remove_expired(connection: &Connection, catalog: &Catalog) -> Result<(), StoreError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    for table in catalog.tables() {
        for index in &table.indexes {
            let seconds = index.definition.expire_after_seconds;
            let Some((seconds, column)) = seconds.zip(index.columns().next()) else { continue };
            let until = now.saturating_sub(i64::from(seconds).saturating_mul(1_000));
            let until = Bson::DateTime(bson::DateTime::from_millis(until));
            let until = bson::RawBson::try_from(until).map_err(|error| StoreError::Failed(error.to_string()))?;
            let until = key::of_stored(until.as_raw_bson_ref(), Case::Exact);
            let (table, column) = (&table.name, column.name);
            let statement = format!("DELETE FROM {table} WHERE {column} >= ?1 AND {column} <= ?2");
            connection.execute(&statement, [key::type_from(&until), until]).map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn replace(
    connection: &Connection,
    table: &Table,
    row: i64,
    document: &RawDocumentBuf,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(table.update_statement()).map_err(failed)?;
    table.bind_update(&mut statement, row, document).map_err(failed)?;
    statement.raw_execute().map_err(|error| constraint(table, error))?;
    Ok(())
}

pub(super) fn as_tree(document: &RawDocument) -> Result<Document, StoreError> {
    Document::try_from(document).map_err(|error| StoreError::Failed(format!("a stored document is damaged: {error}")))
}

/// A violated unique index. SQLite names the columns: `UNIQUE constraint failed: _User.key1_0, _User.key1_1`.
fn constraint(table: &Table, error: rusqlite::Error) -> StoreError {
    match (&error, error.sqlite_error_code()) {
        (rusqlite::Error::SqliteFailure(_, Some(text)), Some(ErrorCode::ConstraintViolation))
            if text.starts_with("UNIQUE") =>
        {
            let column = text.rsplit('.').next().unwrap_or_default();
            StoreError::Duplicate { field: table.index_of_column(column).and_then(|index| indexed_field(&index.name)) }
        }
        _ => failed(error),
    }
}
