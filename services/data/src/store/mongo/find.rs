//! Finding documents, and making the index a query turned out to need.

use bson::{Bson, Document, RawBsonRef, RawDocumentBuf, doc};
use futures_util::{Stream, StreamExt as _};
use mongodb::{
    Collection,
    error::{Error, Result as MongoResult},
    options::{FindOptions as MongoFindOptions, Hint, ReadPreference, SelectionCriteria},
    raw_batch_cursor::RawBatch,
};
use parsefleet_core::{
    ClassSchema, Query,
    query::{Condition, Constraint, FieldCondition},
};
use serde_json::Value as Json;

use super::{
    MongoStore,
    by_id::ById,
    command,
    error::{is_missing_geo_index, is_missing_text_index},
    filter::{Purpose, filter, sort_entry, text_score},
    index, run,
    transaction::Turn,
};
use crate::{
    codec::{columns::column_name, values::json_object_to_document},
    store::{Documents, FindOptions, StoreError},
};

/// Largest batch that is asked for at once; the server's own first batch of 101 costs a round trip more for the usual
/// limits.
const LARGEST_BATCH: u64 = 1000;

pub(super) async fn find(
    store: &MongoStore,
    class: &ClassSchema,
    query: &Query,
    options: &FindOptions,
) -> Result<Documents, StoreError> {
    // To MongoDB a limit of 0 is none.
    if options.limit == Some(0) {
        return Ok(Documents::default());
    }
    if let Some(by_id) = ById::of(query, options) {
        return Ok(by_id.permitted(find_any(store, class, &by_id.query, options).await?));
    }
    find_any(store, class, query, options).await
}

async fn find_any(
    store: &MongoStore,
    class: &ClassSchema,
    query: &Query,
    options: &FindOptions,
) -> Result<Documents, StoreError> {
    let collection = store.collection(&class.name);
    let mut turn = store.turn().await;
    let first = read_all(&collection, filter(class, query, Purpose::Find)?, find_options(store, options)?, &mut turn);
    match run("find", collection.name(), first).await {
        Ok(documents) => Ok(documents),
        Err(error) => {
            Box::pin(make_missing_index(store, class, query, &error)).await?;
            let again =
                read_all(&collection, filter(class, query, Purpose::Find)?, find_options(store, options)?, &mut turn);
            Box::pin(command("find", collection.name(), again)).await
        }
    }
}

pub(super) async fn explain(
    store: &MongoStore,
    class: &ClassSchema,
    query: &Query,
    options: &FindOptions,
    verbosity: &str,
) -> Result<Document, StoreError> {
    let collection = store.collection(&class.name);
    let mut find = doc! { "find": collection.name(), "filter": filter(class, query, Purpose::Find)? };
    if !options.order.is_empty() {
        find.insert("sort", sort(options));
    }
    if options.skip > 0 {
        find.insert("skip", integer(options.skip));
    }
    if let Some(limit) = options.limit.filter(|limit| *limit > 0) {
        find.insert("limit", integer(limit));
    }
    if let Some(projection) = projection(options) {
        find.insert("projection", projection);
    }
    match hint(options.hint.as_ref())? {
        Some(Hint::Name(name)) => {
            find.insert("hint", name);
        }
        Some(Hint::Keys(keys)) => {
            find.insert("hint", keys);
        }
        _ => {}
    }
    if let Some(comment) = &options.comment {
        find.insert("comment", comment.as_str());
    }
    let preference = selection_criteria(options.read_preference.as_deref())?;
    command("explain", collection.name(), explain_command(store, find, verbosity, preference)).await
}

/// Has a command explained: where it would be carried out, and in the time that it would have.
pub(super) async fn explain_command(
    store: &MongoStore,
    command: Document,
    verbosity: &str,
    preference: Option<SelectionCriteria>,
) -> MongoResult<Document> {
    let mut explain = doc! { "explain": command, "verbosity": verbosity };
    if let Some(max_time) = store.max_time {
        explain.insert("maxTimeMS", i64::try_from(max_time.as_millis()).unwrap_or(i64::MAX));
    }
    let action = store.database.run_command(explain);
    match preference {
        Some(preference) => action.selection_criteria(preference).await,
        None => action.await,
    }
}

async fn read_all(
    collection: &Collection<RawDocumentBuf>,
    filter: Document,
    options: MongoFindOptions,
    turn: &mut Turn<'_>,
) -> MongoResult<Documents> {
    let find = collection.find(filter).with_options(options);
    match turn.session() {
        None => collect(find.batch().await?).await,
        Some(session) => {
            let mut cursor = find.session(&mut *session).batch().await?;
            collect(cursor.stream(session)).await
        }
    }
}

async fn collect(mut batches: impl Stream<Item = MongoResult<RawBatch>> + Unpin) -> MongoResult<Documents> {
    let mut documents = Documents::default();
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let items = batch.doc_slices()?;
        documents.reserve(items.as_bytes().len());
        for item in items {
            if let RawBsonRef::Document(document) = item? {
                documents.push(document);
            }
        }
    }
    Ok(documents)
}

fn find_options(store: &MongoStore, options: &FindOptions) -> Result<MongoFindOptions, StoreError> {
    let mut mongo = MongoFindOptions::default();
    if !options.order.is_empty() {
        mongo.sort = Some(sort(options));
    }
    mongo.skip = (options.skip > 0).then_some(options.skip);
    mongo.limit = options.limit.map(integer);
    // One more than the limit: a server that fills a batch to its brim leaves the cursor open, though nothing can follow, and
    // every read would cost a second round trip.
    mongo.batch_size = store.batch_size.or_else(|| {
        let limit = options.limit.filter(|limit| *limit <= LARGEST_BATCH)?;
        u32::try_from(limit).ok().map(|limit| limit + 1)
    });
    mongo.projection = projection(options);
    mongo.comment = options.comment.as_deref().map(Bson::from);
    mongo.hint = hint(options.hint.as_ref())?;
    mongo.max_time = store.max_time;
    mongo.collation = options.ignore_case.then(index::ignoring_case);
    let preference = selection_criteria(options.read_preference.as_deref())?;
    // A transaction reads from the primary.
    mongo.selection_criteria = preference.filter(|_| !store.is_transaction());
    Ok(mongo)
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn sort(options: &FindOptions) -> Document {
    options.order.iter().map(sort_entry).collect()
}

fn projection(options: &FindOptions) -> Option<Document> {
    let mut projection = Document::new();
    if let Some(columns) = &options.projection {
        projection.extend(columns.iter().map(|column| (column.clone(), Bson::Int32(1))));
        // An empty projection would be none at all.
        projection.insert("_id", 1);
    }
    if options.text_score {
        projection.insert("score", text_score());
    }
    (!projection.is_empty()).then_some(projection)
}

pub(super) fn hint(given: Option<&Json>) -> Result<Option<Hint>, StoreError> {
    match given {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(name)) => Ok(Some(Hint::Name(name.clone()))),
        Some(Json::Object(keys)) => Ok(Some(Hint::Keys(json_object_to_document(keys)))),
        Some(Json::Bool(_) | Json::Number(_) | Json::Array(_)) => {
            Err(StoreError::Unsupported("hint must be the name or the keys of an index".to_owned()))
        }
    }
}

pub(super) fn selection_criteria(name: Option<&str>) -> Result<Option<SelectionCriteria>, StoreError> {
    let preference = match name.map(str::to_ascii_uppercase).as_deref() {
        None | Some("") => return Ok(None),
        Some("PRIMARY") => ReadPreference::Primary,
        Some("PRIMARY_PREFERRED") => ReadPreference::PrimaryPreferred { options: None },
        Some("SECONDARY") => ReadPreference::Secondary { options: None },
        Some("SECONDARY_PREFERRED") => ReadPreference::SecondaryPreferred { options: None },
        Some("NEAREST") => ReadPreference::Nearest { options: None },
        Some(_) => return Err(StoreError::Unsupported("Not supported read preference.".to_owned())),
    };
    Ok(Some(SelectionCriteria::ReadPreference(preference)))
}

/// Makes the index whose absence an error tells of, or gives the error back. A transaction has ended with the failure.
pub(super) async fn make_missing_index(
    store: &MongoStore,
    class: &ClassSchema,
    query: &Query,
    error: &Error,
) -> Result<(), StoreError> {
    let needed = if is_missing_geo_index(error) {
        find_field(query, &|constraint| matches!(constraint, Constraint::Near { .. })).map(|field| (field, "2d"))
    } else if is_missing_text_index(error) {
        find_field(query, &|constraint| matches!(constraint, Constraint::Text(_))).map(|field| (field, "text"))
    } else {
        None
    };
    let Some((field, kind)) = needed else { return Err(store.failure(error)) };
    index::make_on_demand(store, &class.name, &column_name(&field.path, &field.column), kind).await?;
    if store.is_transaction() {
        // With the index it gets on.
        store.interrupt();
        return Err(StoreError::Interrupted("an index was missing".to_owned()));
    }
    Ok(())
}

/// The field with such a constraint. MongoDB takes one only at the top or inside `$and`.
fn find_field<'q>(query: &'q Query, wanted: &dyn Fn(&Constraint) -> bool) -> Option<&'q FieldCondition> {
    query.conditions.iter().find_map(|condition| match condition {
        Condition::Field(field) if field.constraints.iter().any(wanted) => Some(field),
        Condition::All(queries) => queries.iter().find_map(|query| find_field(query, wanted)),
        _ => None,
    })
}
