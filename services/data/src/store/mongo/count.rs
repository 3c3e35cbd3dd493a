//! Counting documents.

use bson::{Bson, Document};
use mongodb::{error::Result as MongoResult, options::CountOptions};
use parsefleet_core::{ClassSchema, Query};

use super::{
    MongoStore, command,
    filter::{Purpose, filter},
    find::{hint, make_missing_index, selection_criteria},
    run,
};
use crate::store::{FindOptions, StoreError};

pub(super) async fn count(
    store: &MongoStore,
    class: &ClassSchema,
    query: &Query,
    options: &FindOptions,
) -> Result<u64, StoreError> {
    let filter = filter(class, query, Purpose::Count)?;
    let collection = store.collection(&class.name);
    // An estimate is no part of a transaction.
    if filter.is_empty() && !store.is_transaction() {
        let estimate = collection.estimated_document_count();
        let estimate = match store.max_time {
            Some(max_time) => estimate.max_time(max_time),
            None => estimate,
        };
        return command("count", collection.name(), estimate).await;
    }
    let options = count_options(store, options)?;
    match run("aggregate", collection.name(), matching(store, class, filter.clone(), options.clone())).await {
        Ok(number) => Ok(number),
        Err(error) => {
            make_missing_index(store, class, query, &error).await?;
            store.command("aggregate", collection.name(), matching(store, class, filter, options)).await
        }
    }
}

async fn matching(
    store: &MongoStore,
    class: &ClassSchema,
    filter: Document,
    options: CountOptions,
) -> MongoResult<u64> {
    let collection = store.collection(&class.name);
    let mut count = collection.count_documents(filter).with_options(options);
    let mut turn = store.turn().await;
    if let Some(session) = turn.session() {
        count = count.session(session);
    }
    count.await
}

fn count_options(store: &MongoStore, options: &FindOptions) -> Result<CountOptions, StoreError> {
    // A transaction reads from the primary.
    let preference = selection_criteria(options.read_preference.as_deref())?.filter(|_| !store.is_transaction());
    Ok(CountOptions::builder()
        .max_time(store.max_time)
        .hint(hint(options.hint.as_ref())?)
        .comment(options.comment.as_deref().map(Bson::from))
        .selection_criteria(preference)
        .build())
}
