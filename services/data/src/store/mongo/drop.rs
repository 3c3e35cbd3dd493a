//! Removing a class that has no objects, while others may be writing to it.
//!
//! Between counting and dropping a collection an object could be stored and lost. So the collection first gets a barrier:
//! an index that no document with an id fits. The database makes it if the collection is empty, in one operation that
//! waits for transactions, and from then on stores no document. That the class goes is decided by then, and nothing ever
//! takes the barrier away but dropping the collection. Whoever meets it (a writer, another removal, the start of a server) does that
//! first: no matter where a removal is interrupted, the class is either as it was, or empty and of no hindrance to anybody.
//!
//! Collections are dropped by their UUIDs, which MongoDB 6.0 and later understand: one that was made anew under the name
//! is another one. One thing is left to chance: the rows of a relation are lost if its collection is made, behind the
//! barrier, between the looks of two who remove the class, and used before the second one drops it. And in a collection
//! that is sharded, which Parse's are not, each shard has a barrier of its own, so that one may be made on some only.

use std::time::Duration;

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;
use mongodb::{
    Collection, IndexModel,
    error::Error,
    options::{IndexOptions, ReadPreference, SelectionCriteria},
};
use parsefleet_core::ClassName;

use super::{
    MongoStore, command,
    error::{is_geo_extraction, is_index_build_aborted, is_missing, is_other_collection, is_unfit_id, store_error},
    run, schema,
};
use crate::store::StoreError;

/// The name of the barrier.
const BARRIER: &str = "parsefleet_removal";

/// How long the barrier may wait for transactions; all other operations on the class wait behind it.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Times that objects may come and go before a removal gives up.
const ATTEMPTS: usize = 5;

/// Removals that a write may meet before it gives up.
pub(super) const MOST_REMOVALS: usize = 20;

/// Removes a class unless it has objects; how many it has.
pub(super) async fn drop_class(store: &MongoStore, class: &ClassName) -> Result<u64, StoreError> {
    let objects = store.collection(class);
    for _ in 0..ATTEMPTS {
        let count = count(&objects).await?;
        if count > 0 {
            return Ok(count);
        }
        if raise_barrier(&objects).await? {
            // While nobody can store an object: one that is stored later brings the description back.
            schema::remove_class(store, class).await?;
            finish(store, class).await?;
            return Ok(0);
        }
    }
    Err(StoreError::Unavailable(format!("{class} is being written to")))
}

/// Finishes the removal that a write met, so that it can be done again.
///
/// # Errors
/// That of the write, if it failed for another reason. A transaction is to begin again.
pub(super) async fn make_way(store: &MongoStore, class: &ClassName, error: &Error) -> Result<(), StoreError> {
    // Somebody else may have finished it.
    if !is_geo_extraction(error) || !(finish(store, class).await? || is_unfit_id(error)) {
        return Err(store.failure(error));
    }
    if store.is_transaction() {
        store.interrupt();
        return Err(StoreError::Interrupted("the class was being removed".to_owned()));
    }
    Ok(())
}

/// The answer to a write that met too many.
pub(super) fn too_many_removals(class: &ClassName) -> StoreError {
    StoreError::Unavailable(format!("{class} is being removed again and again"))
}

/// Makes the barrier; `false` if that has to be seen again, because there may be objects after all.
async fn raise_barrier(objects: &Collection<RawDocumentBuf>) -> Result<bool, StoreError> {
    let options = IndexOptions::builder().name(BARRIER.to_owned()).build();
    let index = IndexModel::builder().keys(doc! { "_id": "2dsphere" }).options(options).build();
    match run("createIndexes", objects.name(), objects.create_index(index).max_time(LONGEST_WAIT)).await {
        Ok(_) => Ok(true),
        // There is an object, or the collection was dropped meanwhile.
        Err(error) if is_geo_extraction(&error) || is_index_build_aborted(&error) => Ok(false),
        Err(error) => Err(store_error(&error)),
    }
}

/// Finishes a removal that was interrupted or is under way: drops the collections of a class if it has the barrier.
/// Whether it had.
pub(super) async fn finish(store: &MongoStore, class: &ClassName) -> Result<bool, StoreError> {
    let objects = store.collection(class);
    // Relations before objects: what is added to one later belongs to objects that are stored later.
    let joins = format!(r"^\Q{}_Join:\E[^:]+\Q:{class}\E$", store.prefix);
    let joins = collections(store, doc! { "$regex": joins }.into()).await?;
    let owned = collections(store, objects.name().into()).await?;
    if owned.is_empty() || !has_barrier(store, objects.name()).await? {
        return Ok(false);
    }
    if count(&objects).await? > 0 {
        // Of a removal that other shards refused; or it is over, and this is a collection made since.
        for (name, uuid) in owned {
            let index = doc! { "dropIndexes": name, "index": BARRIER, "collectionUUID": uuid };
            unless_gone(run("dropIndexes", objects.name(), store.database.run_command(index)).await)?;
        }
        return Ok(true);
    }
    for (name, uuid) in joins.into_iter().chain(owned) {
        let collection = doc! { "drop": &name, "collectionUUID": uuid };
        unless_gone(run("drop", &name, store.database.run_command(collection)).await)?;
    }
    Ok(true)
}

/// What was to be removed may be gone.
fn unless_gone(outcome: Result<Document, Error>) -> Result<(), StoreError> {
    match outcome {
        Err(error) if !is_missing(&error) && !is_other_collection(&error) => Err(store_error(&error)),
        _ => Ok(()),
    }
}

async fn count(objects: &Collection<RawDocumentBuf>) -> Result<u64, StoreError> {
    let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
    command("aggregate", objects.name(), objects.count_documents(doc! {}).selection_criteria(primary)).await
}

/// Names and UUIDs of the collections with such a name.
async fn collections(store: &MongoStore, name: Bson) -> Result<Vec<(String, Bson)>, StoreError> {
    let list = doc! { "listCollections": 1, "filter": { "name": name } };
    let found = listed(store, "listCollections", list).await.map_err(|error| store_error(&error))?;
    let described = |collection: Document| {
        let uuid = collection.get_document("info").ok()?.get("uuid")?.clone();
        Some((collection.get_str("name").ok()?.to_owned(), uuid))
    };
    Ok(found.into_iter().filter_map(described).collect())
}

async fn has_barrier(store: &MongoStore, name: &str) -> Result<bool, StoreError> {
    match listed(store, "listIndexes", doc! { "listIndexes": name }).await {
        Ok(indexes) => Ok(indexes.iter().any(|index| index.get_str("name").is_ok_and(|name| name == BARRIER))),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(store_error(&error)),
    }
}

async fn listed(store: &MongoStore, name: &'static str, list: Document) -> Result<Vec<Document>, Error> {
    run(name, "", async { store.database.run_cursor_command(list).await?.try_collect().await }).await
}
