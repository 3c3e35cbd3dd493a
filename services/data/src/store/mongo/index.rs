//! Indexes: those asked for, and those a query turned out to need.

use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::{
    IndexModel,
    options::{Collation, CollationStrength, IndexOptions},
};
use parsefleet_core::ClassName;

use super::{
    MongoStore,
    error::{is_index_conflict, store_error},
    run, schema,
};
use crate::store::{Index, IndexKind, StoreError};

/// Makes an index. One that is there with the same keys or name is left as it is.
pub(super) async fn ensure(store: &MongoStore, class: &ClassName, index: &Index) -> Result<(), StoreError> {
    let keys: Document = index.keys.iter().map(|(column, kind)| (column.clone(), key(*kind))).collect();
    let mut options = IndexOptions::default();
    options.name = Some(index.name.clone());
    options.unique = index.unique.then_some(true);
    options.sparse = index.sparse.then_some(true);
    options.expire_after = index.expire_after_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    if index.case_insensitive {
        options.collation =
            Some(Collation::builder().locale("en_US".to_owned()).strength(CollationStrength::Secondary).build());
    }
    create(store, class, IndexModel::builder().keys(keys).options(options).build()).await
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

async fn create(store: &MongoStore, class: &ClassName, model: IndexModel) -> Result<(), StoreError> {
    let collection = store.collection(class);
    match run("createIndexes", collection.name(), collection.create_index(model)).await {
        Err(error) if !is_index_conflict(&error) => Err(store_error(&error)),
        _ => Ok(()),
    }
}

fn key(kind: IndexKind) -> Bson {
    match kind {
        IndexKind::Ascending => Bson::Int32(1),
        IndexKind::Descending => Bson::Int32(-1),
        IndexKind::Geo2d => "2d".into(),
        IndexKind::Geo2dSphere => "2dsphere".into(),
        IndexKind::Text => "text".into(),
    }
}
