//! The collection of hooks.

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;

use super::{
    MongoStore, command,
    error::{is_duplicate, store_error},
    run,
};
use crate::store::{Hook, StoreError, hook::HOOKS};

pub(super) async fn load(store: &MongoStore) -> Result<Vec<Hook>, StoreError> {
    let collection = store.named_collection::<RawDocumentBuf>(HOOKS);
    let found = async { collection.find(Document::new()).await?.try_collect::<Vec<_>>().await };
    let documents = command("find", collection.name(), found).await?;
    Ok(documents.iter().filter_map(|document| Hook::decode(document)).collect())
}

/// Whether it was stored: there was none before.
pub(super) async fn add(store: &MongoStore, hook: &Hook) -> Result<bool, StoreError> {
    let collection = store.named_collection::<Document>(HOOKS);
    let key = Hook::key(&hook.class_name, &hook.trigger_name);
    let action = collection.update_one(key, doc! { "$setOnInsert": hook.rest() }).upsert(true);
    match run("update", collection.name(), action).await {
        Ok(outcome) => Ok(outcome.upserted_id.is_some()),
        // Somebody else stores it at the same time.
        Err(error) if is_duplicate(&error) => Ok(false),
        Err(error) => Err(store_error(&error)),
    }
}

/// Whether there is one to be changed.
pub(super) async fn change(store: &MongoStore, hook: &Hook) -> Result<bool, StoreError> {
    let collection = store.named_collection::<Document>(HOOKS);
    let key = Hook::key(&hook.class_name, &hook.trigger_name);
    let action = collection.update_many(key, doc! { "$set": hook.address() });
    Ok(command("update", collection.name(), action).await?.matched_count > 0)
}

/// Whether there was one to be removed.
pub(super) async fn remove(store: &MongoStore, class_name: &str, trigger_name: &str) -> Result<bool, StoreError> {
    let collection = store.named_collection::<Document>(HOOKS);
    let action = collection.delete_many(Hook::key(class_name, trigger_name));
    Ok(command("delete", collection.name(), action).await?.deleted_count > 0)
}
