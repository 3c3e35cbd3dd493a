//! Locks that end by themselves, by the clock of the database.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::Collection;

use super::{
    MongoStore, command,
    error::{is_duplicate, store_error},
    run,
};
use crate::store::{Lock, StoreError};

/// The collection of locks. Its name is no class's.
const LOCKS: &str = "_Parsefleet:locks";

pub(super) async fn take(store: &MongoStore, lock: &Lock, duration: Duration) -> Result<bool, StoreError> {
    let locks: Collection<Document> = store.named_collection(LOCKS);
    let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let until = doc! { "$add": ["$$NOW", milliseconds] };
    let free = doc! { "$expr": { "$lt": ["$until", "$$NOW"] } };
    let mine_or_free = doc! { "_id": lock.name, "$or": [{ "owner": &lock.owner }, free] };
    let action = locks.update_one(mine_or_free, vec![doc! { "$set": { "owner": &lock.owner, "until": until } }]);
    if command("update", locks.name(), action).await?.matched_count > 0 {
        return Ok(true);
    }
    // There is none yet, or somebody has it. A new one has ended: the clock is the database's.
    let ended = doc! { "_id": lock.name, "until": bson::DateTime::from_millis(0) };
    match run("insert", locks.name(), locks.insert_one(ended)).await {
        Ok(_) => Box::pin(take(store, lock, duration)).await,
        Err(error) if is_duplicate(&error) => Ok(false),
        Err(error) => Err(store_error(&error)),
    }
}

pub(super) async fn give_back(store: &MongoStore, lock: &Lock) -> Result<(), StoreError> {
    let locks: Collection<Document> = store.named_collection(LOCKS);
    let action = locks.delete_one(doc! { "_id": lock.name, "owner": &lock.owner });
    command("delete", locks.name(), action).await.map(|_| ())
}
