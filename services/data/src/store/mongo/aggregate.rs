//! Pipelines and distinct values.

use bson::{Bson, Document, RawBsonRef, RawDocumentBuf, doc};
use futures_util::StreamExt as _;
use mongodb::{
    Collection,
    error::{Error, ErrorKind, Result as MongoResult},
    options::AggregateOptions as MongoOptions,
};
use parsefleet_core::{ClassName, ClassSchema, Query};

use super::{
    MongoStore,
    error::store_error,
    filter::{Purpose, filter},
    find::{explain_command, hint, make_missing_index, selection_criteria},
    run,
};
use crate::store::{AggregateOptions, Documents, LARGEST_RESULT, StoreError, too_large};

pub(super) async fn aggregate(
    store: &MongoStore,
    class: &ClassName,
    pipeline: Vec<Document>,
    options: &AggregateOptions,
) -> Result<Documents, StoreError> {
    let collection = store.collection(class);
    let mongo = MongoOptions::builder()
        .hint(hint(options.hint.as_ref())?)
        .comment(options.comment.as_deref().map(Bson::from))
        .selection_criteria(selection_criteria(options.read_preference.as_deref())?)
        .max_time(store.max_time)
        .batch_size(store.batch_size)
        .build();
    let documents = match options.explain {
        Some(verbosity) => {
            run("explain", collection.name(), explain(store, &collection, pipeline, mongo, verbosity)).await
        }
        None => run("aggregate", collection.name(), read_all(&collection, pipeline, mongo)).await,
    };
    let documents = documents.map_err(|error| told(&error))?;
    documents.ok_or_else(too_large)
}

pub(super) async fn distinct(
    store: &MongoStore,
    class: &ClassSchema,
    query: &Query,
    column: &str,
) -> Result<Vec<Bson>, StoreError> {
    let filter = filter(class, query, Purpose::Count)?;
    let collection = store.collection(&class.name);
    let values = |filter: Document| {
        let distinct = collection.distinct(column, filter);
        match store.max_time {
            Some(max_time) => distinct.max_time(max_time),
            None => distinct,
        }
    };
    match run("distinct", collection.name(), values(filter.clone())).await {
        Ok(values) => Ok(values),
        Err(error) => {
            make_missing_index(store, class, query, &error).await.map_err(|other| match other {
                StoreError::Failed(_) | StoreError::Refused(_) => told(&error),
                other => other,
            })?;
            run("distinct", collection.name(), values(filter)).await.map_err(|error| told(&error))
        }
    }
}

/// `None` if there is too much.
async fn read_all(
    collection: &Collection<RawDocumentBuf>,
    pipeline: Vec<Document>,
    options: MongoOptions,
) -> MongoResult<Option<Documents>> {
    let mut batches = collection.aggregate(pipeline).with_options(options).batch().await?;
    let mut documents = Documents::default();
    while let Some(batch) = batches.next().await {
        for item in batch?.doc_slices()? {
            if let RawBsonRef::Document(document) = item? {
                documents.push(document);
            }
        }
        if documents.byte_len() > LARGEST_RESULT {
            return Ok(None);
        }
    }
    Ok(Some(documents))
}

async fn explain(
    store: &MongoStore,
    collection: &Collection<RawDocumentBuf>,
    pipeline: Vec<Document>,
    options: MongoOptions,
    verbosity: &str,
) -> MongoResult<Option<Documents>> {
    let mut aggregate = doc! { "aggregate": collection.name(), "pipeline": pipeline, "cursor": {} };
    match options.hint {
        Some(mongodb::options::Hint::Name(name)) => {
            aggregate.insert("hint", name);
        }
        Some(mongodb::options::Hint::Keys(keys)) => {
            aggregate.insert("hint", keys);
        }
        _ => {}
    }
    if let Some(comment) = options.comment {
        aggregate.insert("comment", comment);
    }
    let plan = explain_command(store, aggregate, verbosity, options.selection_criteria).await?;
    Ok(Some(Documents::from_iter([RawDocumentBuf::try_from(&plan)?])))
}

/// Who aggregates holds a master key, and reads in MongoDB's own words what is wrong with a pipeline.
fn told(error: &Error) -> StoreError {
    match (store_error(error), error.kind.as_ref()) {
        (StoreError::Unavailable(reason), _) => StoreError::Unavailable(reason),
        (_, ErrorKind::Command(command)) => StoreError::Unsupported(command.message.clone()),
        (other, _) => other,
    }
}
