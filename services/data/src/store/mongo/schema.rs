//! The schema collection: one document per class.

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;
use mongodb::Collection;
use parsefleet_core::{
    ClassName, ClassSchema, FieldName, FieldType,
    schema::{Field, default_columns},
};

use super::{
    MongoStore, command,
    error::{is_duplicate, store_error},
    index, run,
};
use crate::{
    codec::{columns::projected_names, decode_class, encode_class, encode_edit, encode_field},
    store::{ClassEdit, StoreError},
};

const SCHEMA: &str = "_SCHEMA";

pub(super) async fn load(store: &MongoStore) -> Result<Vec<ClassSchema>, StoreError> {
    let collection = store.named_collection::<RawDocumentBuf>(SCHEMA);
    let documents: Vec<RawDocumentBuf> =
        command("find", collection.name(), async { collection.find(Document::new()).await?.try_collect().await })
            .await?;
    let mut classes = Vec::with_capacity(documents.len());
    for document in documents {
        classes.extend(decode_class(&document).map_err(|error| StoreError::Failed(error.to_string()))?);
    }
    Ok(classes)
}

pub(super) async fn create_class(store: &MongoStore, class: &ClassSchema) -> Result<(), StoreError> {
    let collection = store.named_collection::<Document>(SCHEMA);
    match run("insert", collection.name(), collection.insert_one(encode_class(class))).await {
        Err(error) if is_duplicate(&error) => Err(StoreError::SchemaConflict),
        Err(error) => Err(store_error(&error)),
        Ok(_) => Ok(()),
    }
}

/// The upsert changes a class that has no such field. If the class has one, it tries to insert the class again, which its
/// id forbids.
pub(super) async fn add_field(
    store: &MongoStore,
    class: &ClassName,
    name: &FieldName,
    field: &Field,
) -> Result<(), StoreError> {
    let Some(set) = encode_field(name, field) else { return Ok(()) };
    let collection = store.named_collection::<Document>(SCHEMA);
    let without_field = doc! { "_id": class.as_str(), name.as_str(): { "$exists": false } };
    if field.field_type == FieldType::GeoPoint {
        return add_place(&collection, without_field, set).await;
    }
    let action = collection.update_one(without_field, doc! { "$set": set }).upsert(true);
    match run("update", collection.name(), action).await {
        Err(error) if is_duplicate(&error) => return Err(StoreError::SchemaConflict),
        Err(error) => return Err(store_error(&error)),
        Ok(_) => {}
    }
    if field.field_type == FieldType::Polygon {
        index::make_for_polygon(store, class, name.as_str()).await?;
    }
    Ok(())
}

/// Adds the only geographic point of a class. What tells that there is no other may not be part of an upsert: a class
/// without a document gets one in a second step.
async fn add_place(
    collection: &Collection<Document>,
    mut without_field: Document,
    set: Document,
) -> Result<(), StoreError> {
    let id = without_field.get("_id").cloned();
    without_field.extend(without_place());
    let action = collection.update_one(without_field, doc! { "$set": set.clone() });
    if command("update", collection.name(), action).await?.matched_count > 0 {
        return Ok(());
    }
    let mut document = doc! { "_id": id };
    // A new document takes paths as names: options of the field would be one.
    let (plain, _) = set.into_iter().partition::<Document, _>(|(path, _)| !path.contains('.'));
    document.extend(plain);
    match run("insert", collection.name(), collection.insert_one(document)).await {
        Err(error) if is_duplicate(&error) => Err(StoreError::SchemaConflict),
        Err(error) => Err(store_error(&error)),
        Ok(_) => Ok(()),
    }
}

/// Changes the description of a class in one operation, whose condition is that the class is as the change expects it.
pub(super) async fn edit_class(store: &MongoStore, class: &ClassName, edit: &ClassEdit) -> Result<(), StoreError> {
    let set = encode_edit(edit);
    let mut expected = doc! { "_id": class.as_str() };
    for (name, field) in &edit.added {
        expected.insert(name.as_str(), doc! { "$exists": false });
        if field.field_type == FieldType::GeoPoint {
            expected.extend(without_place());
        }
    }
    // Default columns are fields whether or not the document names them.
    let named =
        edit.options.iter().filter(|(name, _)| default_columns(class).all(|(column, _)| column != name.as_str()));
    expected.extend(named.map(|(name, _)| (name.to_string(), doc! { "$exists": true }.into())));
    if set.is_empty() {
        return Ok(());
    }
    let collection = store.named_collection::<Document>(SCHEMA);
    // As a pipeline, which adds fields in the order given; an ordinary update would do it in the order of their names.
    let literal = |(path, value): (String, Bson)| (path, doc! { "$literal": value }.into());
    let set: Document = set.into_iter().map(literal).collect();
    let action = collection.update_one(expected, vec![doc! { "$set": set }]);
    let outcome = command("update", collection.name(), action).await?;
    match outcome.matched_count {
        0 => Err(StoreError::SchemaConflict),
        _ => Ok(()),
    }
}

/// No field of the class is a geographic point: it can have one.
fn without_place() -> Document {
    let types = doc! { "$map": { "input": { "$objectToArray": "$$ROOT" }, "in": "$$this.v" } };
    doc! { "$expr": { "$not": [{ "$in": ["geopoint", types] }] } }
}

/// Removes fields, their values first: while there are many, the class still says what they are. Those that were written
/// meanwhile go last.
pub(super) async fn remove_fields(
    store: &MongoStore,
    class: &ClassSchema,
    fields: &[FieldName],
) -> Result<(), StoreError> {
    remove_values(store, class, fields).await?;
    let mut removed = Vec::new();
    for name in fields {
        let Some(field_type) = class.field_type(name.as_str()) else { continue };
        if let FieldType::Relation(_) = field_type {
            let rows = store.join_collection(&class.name, name);
            command("drop", rows.name(), rows.drop()).await?;
        }
        let Some(stored) = field_type.to_storage() else { continue };
        // Old databases spell objects so.
        let spellings = if *field_type == FieldType::Object { vec!["object", "map"] } else { vec![stored.as_ref()] };
        let as_it_was = doc! { "_id": class.name.as_str(), name.as_str(): { "$in": spellings } };
        let unset = doc! { name.as_str(): "", format!("_metadata.fields_options.{name}"): "" };
        let collection = store.named_collection::<Document>(SCHEMA);
        let action = collection.update_one(as_it_was, doc! { "$unset": unset });
        if command("update", collection.name(), action).await?.matched_count > 0 {
            removed.push(name.clone());
        }
    }
    remove_values(store, class, &removed).await
}

/// Removes the values of fields from all objects.
async fn remove_values(store: &MongoStore, class: &ClassSchema, fields: &[FieldName]) -> Result<(), StoreError> {
    if fields.is_empty() {
        return Ok(());
    }
    let columns: Vec<String> = fields.iter().flat_map(|name| projected_names(class, name.as_str(), &[])).collect();
    let has_one: Vec<Document> = columns.iter().map(|column| doc! { column.as_str(): { "$exists": true } }).collect();
    let unset: Document = columns.iter().map(|column| (column.clone(), "".into())).collect();
    let objects = store.collection(&class.name);
    let action = objects.update_many(doc! { "$or": has_one }, doc! { "$unset": unset });
    command("update", objects.name(), action).await.map(|_| ())
}

/// Removes the description of a class.
pub(super) async fn remove_class(store: &MongoStore, class: &ClassName) -> Result<(), StoreError> {
    let collection = store.named_collection::<Document>(SCHEMA);
    let action = collection.delete_one(doc! { "_id": class.as_str() });
    command("delete", collection.name(), action).await.map(|_| ())
}

/// Notes indexes in the document of a class, if there is one, beside those that are noted. In one operation: whoever notes others
/// at the same time takes nothing away. (A pipeline merges them: names of indexes may hold what a path could not.)
pub(super) async fn note_indexes(store: &MongoStore, class: &ClassName, made: Document) -> Result<(), StoreError> {
    let nothing = doc! { "$literal": {} };
    let noted = doc! { "$ifNull": ["$_metadata.indexes", &nothing] };
    let first = doc! { "$literal": { "_id_": { "_id": 1 } } };
    let before = doc! { "$cond": [{ "$eq": [&noted, nothing] }, first, noted] };
    let after = doc! { "$mergeObjects": [before, { "$literal": made }] };
    set_noted_indexes(store, doc! { "_id": class.as_str() }, after).await
}

/// Takes an index from those that the document of a class notes.
pub(super) async fn forget_index(store: &MongoStore, class: &ClassName, name: &str) -> Result<(), StoreError> {
    let others = doc! {
        "input": { "$objectToArray": "$_metadata.indexes" },
        "cond": { "$ne": ["$$this.k", { "$literal": name }] },
    };
    let noting = doc! { "_id": class.as_str(), "_metadata.indexes": { "$type": "object" } };
    set_noted_indexes(store, noting, doc! { "$arrayToObject": { "$filter": others } }).await
}

async fn set_noted_indexes(store: &MongoStore, filter: Document, indexes: Document) -> Result<(), StoreError> {
    let collection = store.named_collection::<Document>(SCHEMA);
    let action = collection.update_one(filter, vec![doc! { "$set": { "_metadata.indexes": indexes } }]);
    command("update", collection.name(), action).await.map(|_| ())
}

/// What the document of a class notes of its indexes, which may be nothing; `None` if there is no document.
pub(super) async fn noted_indexes(
    store: &MongoStore,
    class: &ClassName,
) -> Result<Option<Option<Document>>, StoreError> {
    let collection = store.named_collection::<Document>(SCHEMA);
    let found = collection.find_one(doc! { "_id": class.as_str() });
    let document = command("find", collection.name(), found).await?;
    let noted = |document: Document| document.get_document("_metadata").ok()?.get_document("indexes").ok().cloned();
    Ok(document.map(noted))
}

/// Notes other indexes; `false` if the notes are no longer those that were read. All are replaced at once: names of indexes
/// may hold what a path into the list could not.
pub(super) async fn replace_noted_indexes(
    store: &MongoStore,
    class: &ClassName,
    noted: Option<Document>,
    changed: Document,
) -> Result<bool, StoreError> {
    let expected = match noted {
        Some(noted) if noted == changed => return Ok(true),
        None if changed.is_empty() => return Ok(true),
        Some(noted) => doc! { "_id": class.as_str(), "_metadata.indexes": noted },
        None => doc! { "_id": class.as_str(), "_metadata.indexes": { "$exists": false } },
    };
    let collection = store.named_collection::<Document>(SCHEMA);
    let action = collection.update_one(expected, doc! { "$set": { "_metadata.indexes": changed } });
    Ok(command("update", collection.name(), action).await?.matched_count > 0)
}

/// Notes an index in the class's document, where Parse Server looks for it.
pub(super) async fn record_index(
    store: &MongoStore,
    class: &ClassName,
    name: &str,
    keys: Document,
) -> Result<(), StoreError> {
    let collection = store.named_collection::<Document>(SCHEMA);
    let set = doc! { "_metadata.indexes._id_": { "_id": 1 }, format!("_metadata.indexes.{name}"): keys };
    let action = collection.update_one(doc! { "_id": class.as_str() }, doc! { "$set": set });
    command("update", collection.name(), action).await.map(|_| ())
}
