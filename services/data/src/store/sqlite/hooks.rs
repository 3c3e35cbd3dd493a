//! The collection of hooks. There are few: whoever looks for one reads all.

use bson::{Document, RawDocumentBuf, doc};
use rusqlite::Connection;

use super::{apply::apply, file::failed, read, table::Table, write, writer::Session};
use crate::store::{Hook, StoreError, hook::HOOKS};

/// Every hook, in the order in which they were stored.
pub(super) fn load(connection: &Connection, table: &Table) -> Result<Vec<Hook>, StoreError> {
    Ok(read::all(connection, table)?.iter().filter_map(|(_, document)| Hook::decode(document)).collect())
}

/// Whether it was stored: there was none before.
pub(super) fn add(session: &mut Session<'_>, hook: &Hook) -> Result<bool, StoreError> {
    if !find(session, &hook.class_name, &hook.trigger_name)?.is_empty() {
        return Ok(false);
    }
    let mut document = Document::new();
    let mut rest = hook.rest();
    document.extend(rest.remove("_id").map(|id| ("_id".to_owned(), id)));
    document.extend(Hook::key(&hook.class_name, &hook.trigger_name));
    document.extend(rest);
    write::insert(session, HOOKS, &raw(&document)?)?;
    Ok(true)
}

/// Whether there is one to be changed.
pub(super) fn change(session: &mut Session<'_>, hook: &Hook) -> Result<bool, StoreError> {
    session.atomically(|session| {
        let found = find(session, &hook.class_name, &hook.trigger_name)?;
        let Some(table) = session.table(HOOKS) else { return Ok(false) };
        for (row, document) in &found {
            let mut document = write::as_tree(document)?;
            apply(&mut document, &doc! { "$set": hook.address() })?;
            write::replace(session.connection, &table, *row, &raw(&document)?)?;
        }
        Ok(!found.is_empty())
    })
}

/// Whether there was one to be removed.
pub(super) fn remove(session: &mut Session<'_>, class_name: &str, trigger_name: &str) -> Result<bool, StoreError> {
    session.atomically(|session| {
        let found = find(session, class_name, trigger_name)?;
        let Some(table) = session.table(HOOKS) else { return Ok(false) };
        let statement = format!("DELETE FROM {} WHERE row = ?1", table.name);
        for (row, _) in &found {
            session.connection.execute(&statement, [row]).map_err(failed)?;
        }
        Ok(!found.is_empty())
    })
}

/// The documents of a hook with their row numbers.
fn find(
    session: &mut Session<'_>,
    class_name: &str,
    trigger_name: &str,
) -> Result<Vec<(i64, RawDocumentBuf)>, StoreError> {
    let Some(table) = session.table(HOOKS) else { return Ok(Vec::new()) };
    let mut found = read::all(session.connection, &table)?;
    found.retain(|(_, document)| Hook::decode(document).is_some_and(|hook| hook.is(class_name, trigger_name)));
    Ok(found)
}

fn raw(document: &Document) -> Result<RawDocumentBuf, StoreError> {
    RawDocumentBuf::try_from(document).map_err(|error| StoreError::Refused(error.to_string()))
}
