//! Indexes: those asked for, and those a query turned out to need.

use std::time::Duration;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt as _;
use mongodb::{
    IndexModel,
    options::{Collation, CollationStrength, IndexOptions},
};
use parsefleet_core::ClassName;

use super::{
    MongoStore, drop,
    error::{is_index_conflict, is_missing, store_error},
    run, schema,
};
use crate::{
    codec::index_keys,
    store::{Index, StoreError},
};

/// Times that somebody else may change the noted indexes of a class before this one gives up.
const ATTEMPTS: usize = 10;

/// Makes an index. One that is there with the same keys or name is left as it is.
pub(super) async fn ensure(store: &MongoStore, class: &ClassName, index: &Index) -> Result<(), StoreError> {
    create(store, class, model(index)).await
}

fn model(index: &Index) -> IndexModel {
    let mut options = IndexOptions::default();
    options.name = Some(index.name.clone());
    options.unique = index.unique.then_some(true);
    options.sparse = index.sparse.then_some(true);
    options.expire_after = index.expire_after_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    if index.case_insensitive {
        // Two indexes of one column have to differ: those that Parse Server makes itself keep nothing unique.
        options.collation = Some(if index.unique { collation("en") } else { ignoring_case() });
    }
    IndexModel::builder().keys(index_keys(index)).options(options).build()
}

/// The collation of searches without regard to case, which is that of Parse Server's indexes.
pub(super) fn ignoring_case() -> Collation {
    collation("en_US")
}

fn collation(locale: &str) -> Collation {
    Collation::builder().locale(locale.to_owned()).strength(CollationStrength::Secondary).build()
}

/// Drops indexes and makes others, which may be the same under new names: so the old ones go first. If the new ones are refused, the old
/// ones are made again.
pub(super) async fn change(
    store: &MongoStore,
    class: &ClassName,
    dropped: &[String],
    made: &[Index],
) -> Result<(), StoreError> {
    let gone = drop_named(store, class, dropped).await?;
    if !made.is_empty() {
        drop::finish(store, class).await?;
        if let Err(error) = create_all(store, class, made.iter().map(model).collect()).await {
            if !gone.is_empty() {
                create_all(store, class, gone).await?;
            }
            return Err(error);
        }
    }
    for name in dropped {
        schema::forget_index(store, class, name).await?;
    }
    let noted = made.iter().map(|index| (index.name.clone(), Bson::Document(index_keys(index))));
    schema::note_indexes(store, class, noted.collect()).await
}

/// Drops the indexes with these names; what they were.
async fn drop_named(store: &MongoStore, class: &ClassName, names: &[String]) -> Result<Vec<IndexModel>, StoreError> {
    let collection = store.collection(class);
    let is_named = |model: &IndexModel| {
        let name = model.options.as_ref().and_then(|options| options.name.as_ref());
        name.is_some_and(|name| names.contains(name))
    };
    let gone = match names {
        [] => Vec::new(),
        _ => models(store, class).await?.unwrap_or_default().into_iter().filter(is_named).collect(),
    };
    for name in names {
        match run("dropIndexes", collection.name(), collection.drop_index(name)).await {
            Err(error) if !is_missing(&error) => return Err(refused(&error)),
            _ => {}
        }
    }
    Ok(gone)
}

async fn create_all(store: &MongoStore, class: &ClassName, models: Vec<IndexModel>) -> Result<(), StoreError> {
    let collection = store.collection(class);
    let created = run("createIndexes", collection.name(), collection.create_indexes(models)).await;
    created.map(|_| ()).map_err(|error| refused(&error))
}

/// Notes the indexes that the collection has: those it has after what is noted was read, so that no note is overwritten.
pub(super) async fn note(store: &MongoStore, class: &ClassName) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(noted) = schema::noted_indexes(store, class).await? else { return Ok(()) };
        let Some(found) = found(store, class).await? else { return Ok(()) };
        // The index of ids alone says nothing.
        if found.len() <= 1 && noted.is_none() {
            return Ok(());
        }
        if schema::replace_noted_indexes(store, class, noted, found).await? {
            return Ok(());
        }
    }
    Err(StoreError::SchemaConflict)
}

/// The indexes of a collection as they are noted, if it is there.
async fn found(store: &MongoStore, class: &ClassName) -> Result<Option<Document>, StoreError> {
    Ok(models(store, class).await?.map(|models| models.into_iter().filter_map(described).collect()))
}

/// The indexes of a collection, if it is there.
async fn models(store: &MongoStore, class: &ClassName) -> Result<Option<Vec<IndexModel>>, StoreError> {
    let collection = store.collection(class);
    let listed = async { collection.list_indexes().await?.try_collect::<Vec<IndexModel>>().await };
    match run("listIndexes", collection.name(), listed).await {
        Ok(models) => Ok(Some(models)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(store_error(&error)),
    }
}

/// An index as Parse Server notes it: that of a text names the fields, not the columns that MongoDB makes of them.
fn described(model: IndexModel) -> Option<(String, Bson)> {
    let options = model.options?;
    let mut keys = model.keys;
    if let Some(weights) = options.weights {
        keys.remove("_fts");
        keys.remove("_ftsx");
        keys.extend(weights.into_iter().map(|(field, _)| (field, "text".into())));
    }
    Some((options.name?, Bson::Document(keys)))
}

/// An index that the client asked for and the database does not want is the client's mistake.
fn refused(error: &mongodb::error::Error) -> StoreError {
    match store_error(error) {
        StoreError::Failed(reason) => StoreError::Refused(reason),
        other => other,
    }
}

/// Makes the index that a query near a place or a text search needs, under the name Parse Server gives it.
pub(super) async fn make_on_demand(
    store: &MongoStore,
    class: &ClassName,
    column: &str,
    kind: &str,
) -> Result<(), StoreError> {
    let name = format!("{column}_{kind}");
    tracing::info!(class = class.as_str(), index = name, "making an index that a query needs");
    let options = IndexOptions::builder().name(name.clone()).build();
    create(store, class, IndexModel::builder().keys(doc! { column: kind }).options(options).build()).await?;
    if kind == "text" {
        schema::record_index(store, class, &name, doc! { column: kind }).await?;
    }
    Ok(())
}

/// Makes the index of a new polygon field.
pub(super) async fn make_for_polygon(store: &MongoStore, class: &ClassName, column: &str) -> Result<(), StoreError> {
    create(store, class, IndexModel::builder().keys(doc! { column: "2dsphere" }).build()).await
}

/// The columns of the text index, of which a collection has one at most.
pub(super) async fn text_columns(store: &MongoStore, class: &ClassName) -> Result<Vec<String>, StoreError> {
    let command = doc! { "listIndexes": store.collection(class).name() };
    let answer = match run("listIndexes", class.as_str(), store.database.run_command(command)).await {
        Ok(answer) => answer,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(store_error(&error)),
    };
    let indexes = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let indexes = indexes.into_iter().flatten().filter_map(Bson::as_document);
    let weights = indexes.filter_map(|index| index.get_document("weights").ok());
    Ok(weights.flat_map(|weights| weights.keys().cloned()).collect())
}

async fn create(store: &MongoStore, class: &ClassName, model: IndexModel) -> Result<(), StoreError> {
    // With a collection that is being removed it would go too.
    drop::finish(store, class).await?;
    let collection = store.collection(class);
    match run("createIndexes", collection.name(), collection.create_index(model)).await {
        Err(error) if !is_index_conflict(&error) => Err(store_error(&error)),
        _ => Ok(()),
    }
}
