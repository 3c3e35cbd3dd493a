//! The schema collection: one document per class.

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;
use parsefleet_core::{ClassName, ClassSchema, FieldName, FieldType, schema::Field};

use super::{
    MongoStore, command,
    error::{is_duplicate, store_error},
    index, run,
};
use crate::{
    codec::{decode_class, encode_class, encode_field},
    store::StoreError,
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
