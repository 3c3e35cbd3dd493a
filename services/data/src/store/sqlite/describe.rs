//! The documents that describe the classes, and what changes with them: every function runs inside the writer's
//! transaction.

use bson::{Bson, Document, RawDocumentBuf, doc};
use parsefleet_core::{
    ClassName, ClassSchema, FieldName, FieldType,
    schema::{Field, default_columns},
};

use super::{
    apply::apply,
    file::failed,
    join_name, read,
    write::{as_tree, ensure_index, insert, replace},
    writer::Session,
};
use crate::{
    codec::{encode_edit, encode_field, index_keys},
    store::{ClassEdit, Index, StoreError},
};

/// The collection that describes the classes.
pub(super) const SCHEMA: &str = "_SCHEMA";

/// Adds a class to the schema collection.
pub(super) fn create_class(session: &mut Session<'_>, document: &RawDocumentBuf) -> Result<(), StoreError> {
    insert(session, SCHEMA, document).map_err(|error| match error {
        StoreError::Duplicate { .. } => StoreError::SchemaConflict,
        other => other,
    })
}

/// Changes the description of a class, or starts one, unless it already has the field.
pub(super) fn add_field(
    session: &mut Session<'_>,
    class: &str,
    name: &FieldName,
    field: &Field,
) -> Result<(), StoreError> {
    let Some(set) = encode_field(name, field) else { return Ok(()) };
    let (row, mut document) = match description(session, class)? {
        Some((row, document)) => (Some(row), document),
        None => (None, doc! { "_id": class }),
    };
    check_new_field(&document, name, field)?;
    apply(&mut document, &doc! { "$set": set })?;
    match row {
        Some(row) => store(session, row, &document),
        None => insert(session, SCHEMA, &raw(&document)?),
    }
}

/// Changes the description of a class, if it is as the change expects it.
pub(super) fn edit_class(session: &mut Session<'_>, class: &ClassName, edit: &ClassEdit) -> Result<(), StoreError> {
    let (row, mut document) = description(session, class.as_str())?.ok_or(StoreError::SchemaConflict)?;
    for (name, field) in &edit.added {
        check_new_field(&document, name, field)?;
    }
    for (name, _) in &edit.options {
        // Default columns are fields whether or not the document names them.
        let is_default = default_columns(class).any(|(column, _)| column == name.as_str());
        if !is_default && !document.contains_key(name.as_str()) {
            return Err(StoreError::SchemaConflict);
        }
    }
    let set = encode_edit(edit);
    if set.is_empty() {
        return Ok(());
    }
    // One by one: together they would be added in the order of their names.
    for (path, value) in set {
        apply(&mut document, &doc! { "$set": { path: value } })?;
    }
    store(session, row, &document)
}

/// Removes fields, with their values and the rows of relations.
pub(super) fn remove_fields(
    session: &mut Session<'_>,
    class: &ClassSchema,
    fields: &[FieldName],
    columns: &[String],
) -> Result<(), StoreError> {
    session.atomically(|session| {
        remove_values(session, class.name.as_str(), columns)?;
        let Some((row, mut document)) = description(session, class.name.as_str())? else { return Ok(()) };
        for name in fields {
            let Some(field_type) = class.field_type(name.as_str()) else { continue };
            if let FieldType::Relation(_) = field_type {
                let join = join_name(&class.name, name);
                session.change_catalog(|catalog, connection| catalog.drop_table(connection, &join))?;
            }
            let stored = document.get_str(name.as_str()).ok().and_then(FieldType::from_storage);
            if stored.as_ref() == Some(field_type) {
                let unset = doc! { name.as_str(): "", format!("_metadata.fields_options.{name}"): "" };
                apply(&mut document, &doc! { "$unset": unset })?;
            }
        }
        store(session, row, &document)
    })
}

/// Drops and makes indexes, and notes both.
pub(super) fn change_indexes(
    session: &mut Session<'_>,
    class: &str,
    dropped: &[String],
    made: &[Index],
) -> Result<(), StoreError> {
    session.atomically(|session| {
        for name in dropped {
            session.change_catalog(|catalog, connection| catalog.drop_index(connection, class, name))?;
        }
        for index in made {
            ensure_index(session, class, index)?;
        }
        note(session, class, |noted| {
            if noted.is_empty() {
                noted.insert("_id_", doc! { "_id": 1 });
            }
            for name in dropped {
                noted.remove(name);
            }
            noted.extend(made.iter().map(noted_index));
        })
    })
}

/// Notes the indexes that the class has.
pub(super) fn note_indexes(session: &mut Session<'_>, class: &str) -> Result<(), StoreError> {
    let Some(table) = session.table(class) else { return Ok(()) };
    // Those with `~` in front are the store's own affair.
    let shown = table.indexes.iter().map(|index| &index.definition).filter(|index| !index.name.starts_with('~'));
    let mut found = doc! { "_id_": { "_id": 1 } };
    found.extend(shown.map(noted_index));
    if found.len() == 1 {
        return Ok(());
    }
    note(session, class, |noted| *noted = found)
}

/// Removes a class unless it has objects; how many it has.
pub(super) fn drop_class(session: &mut Session<'_>, class: &ClassSchema) -> Result<u64, StoreError> {
    session.atomically(|session| {
        if let Some(table) = session.table(class.name.as_str()) {
            let count = format!("SELECT count(*) FROM {}", table.name);
            let count: i64 = session.connection.query_row(&count, [], |row| row.get(0)).map_err(failed)?;
            if count > 0 {
                return Ok(count.unsigned_abs());
            }
        }
        let relations = class.fields.iter().filter(|(_, field)| matches!(field.field_type, FieldType::Relation(_)));
        let joins = relations.map(|(name, _)| format!("_Join:{name}:{}", class.name));
        for table in joins.chain([class.name.to_string()]) {
            session.change_catalog(|catalog, connection| catalog.drop_table(connection, &table))?;
        }
        let Some(descriptions) = session.table(SCHEMA) else { return Ok(0) };
        let remove = format!("DELETE FROM {} WHERE id = ?1", descriptions.name);
        session.connection.execute(&remove, [class.name.as_str()]).map_err(failed)?;
        Ok(0)
    })
}

/// The document of a class and its row.
fn description(session: &mut Session<'_>, class: &str) -> Result<Option<(i64, Document)>, StoreError> {
    let table = session.table_or_new(SCHEMA)?;
    let statement = format!("SELECT row, document FROM {} WHERE id = ?1", table.name);
    let mut statement = session.connection.prepare_cached(&statement).map_err(failed)?;
    let found = statement.query_row([class], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
    match found {
        Ok((row, document)) => Ok(Some((row, as_tree(read::as_document(&document)?)?))),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn store(session: &mut Session<'_>, row: i64, document: &Document) -> Result<(), StoreError> {
    let table = session.table_or_new(SCHEMA)?;
    replace(session.connection, &table, row, &raw(document)?)
}

fn check_new_field(document: &Document, name: &FieldName, field: &Field) -> Result<(), StoreError> {
    let has_place = || document.values().any(|stored| *stored == Bson::from("geopoint"));
    if document.contains_key(name.as_str()) || (field.field_type == FieldType::GeoPoint && has_place()) {
        return Err(StoreError::SchemaConflict);
    }
    Ok(())
}

/// Removes columns from every document of a class.
fn remove_values(session: &mut Session<'_>, class: &str, columns: &[String]) -> Result<(), StoreError> {
    let Some(table) = session.table(class) else { return Ok(()) };
    let statement = format!("SELECT row, document FROM {} WHERE row > ?1 ORDER BY row LIMIT 500", table.name);
    let mut statement = session.connection.prepare_cached(&statement).map_err(failed)?;
    let mut last = i64::MIN;
    loop {
        let rows = statement.query_map([last], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let rows: Vec<(i64, Vec<u8>)> = rows.and_then(Iterator::collect).map_err(failed)?;
        let Some((newest, _)) = rows.last() else { return Ok(()) };
        last = *newest;
        for (row, bytes) in rows {
            let mut document = as_tree(read::as_document(&bytes)?)?;
            let before = document.len();
            for column in columns {
                document.remove(column);
            }
            if document.len() < before {
                replace(session.connection, &table, row, &raw(&document)?)?;
            }
        }
    }
}

/// Changes what the document of a class notes of its indexes, if there is one.
fn note(session: &mut Session<'_>, class: &str, change: impl FnOnce(&mut Document)) -> Result<(), StoreError> {
    let Some((row, mut document)) = description(session, class)? else { return Ok(()) };
    let metadata = document.entry("_metadata".to_owned()).or_insert_with(|| Document::new().into());
    let Bson::Document(metadata) = metadata else { return Ok(()) };
    let noted = metadata.entry("indexes".to_owned()).or_insert_with(|| Document::new().into());
    let Bson::Document(noted) = noted else { return Ok(()) };
    change(noted);
    store(session, row, &document)
}

fn noted_index(index: &Index) -> (String, Bson) {
    (index.name.clone(), Bson::Document(index_keys(index)))
}

fn raw(document: &Document) -> Result<RawDocumentBuf, StoreError> {
    RawDocumentBuf::try_from(document).map_err(|error| StoreError::Refused(error.to_string()))
}
