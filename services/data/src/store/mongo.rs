//! Objects in MongoDB, in the very format of Parse Server: both can work on one database at the same time.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::{Collection, Database, options::ReturnDocument};
use parsefleet_core::{
    ClassName, ClassSchema, Date, FieldName, FieldPath, Query, Update, schema::Field, update::Change, value::Pointer,
};
use serde_json::{Map, Value as Json};
use tracing::Instrument as _;

use super::{
    AggregateOptions, ClassEdit, Documents, FindOptions, Hook, Index, Lock, ObjectStore, StoreError, Transaction,
};
use crate::codec::{encode_changes, encode_update};

mod aggregate;
mod by_id;
mod connect;
mod count;
mod drop;
mod error;
mod filter;
mod find;
mod hooks;
mod index;
mod lock;
mod schema;
mod transaction;

use error::store_error;
use filter::Purpose;
use transaction::{Prepared, Session};

/// How many rows of a relation are written at the same time. In a transaction they take turns.
const CONCURRENT_RELATION_ROWS: usize = 8;

/// The store on a MongoDB deployment. Clones share the connections.
#[derive(Clone, Debug)]
pub struct MongoStore {
    database: Database,
    prefix: String,
    max_time: Option<Duration>,
    batch_size: Option<u32>,
    prepared: Arc<Prepared>,
    /// The transaction that this store is, if it is one.
    session: Option<Arc<Session>>,
}

/// The connection string or an option cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the MongoDB connection settings: {0}")]
pub struct ConnectError(String);

impl MongoStore {
    /// Prepares the connection. `databaseURI`, `databaseOptions` and `collectionPrefix` have Parse Server's meaning.
    ///
    /// The deployment need not be there yet: commands fail as unavailable until it is.
    ///
    /// # Errors
    /// If the settings make no sense, or a `mongodb+srv` name cannot be resolved.
    pub async fn connect(uri: &str, options: &Map<String, Json>, prefix: &str) -> Result<Self, ConnectError> {
        connect::connect(uri, options, prefix).await
    }

    /// The database, for what is not an object (tests, tools).
    pub fn database(&self) -> &Database {
        &self.database
    }

    fn collection(&self, class: &ClassName) -> Collection<RawDocumentBuf> {
        self.named_collection(class.as_str())
    }

    fn named_collection<T: Send + Sync>(&self, class: &str) -> Collection<T> {
        self.database.collection(&format!("{}{class}", self.prefix))
    }

    /// Runs one command, in the transaction if this is one, and translates its error.
    async fn command<T, F>(&self, operation: &'static str, collection: &str, command: F) -> Result<T, StoreError>
    where
        F: IntoFuture<Output = mongodb::error::Result<T>>,
    {
        run(operation, collection, command).await.map_err(|error| self.failure(&error))
    }

    fn join_collection(&self, class: &ClassName, key: &FieldName) -> Collection<Document> {
        self.named_collection(&format!("_Join:{key}:{class}"))
    }
}

/// Runs one command in a span of its own, and translates its error.
async fn command<T, F>(operation: &'static str, collection: &str, command: F) -> Result<T, StoreError>
where
    F: IntoFuture<Output = mongodb::error::Result<T>>,
{
    run(operation, collection, command).await.map_err(|error| store_error(&error))
}

/// Runs one command in a span of its own.
async fn run<T, F>(operation: &'static str, collection: &str, command: F) -> mongodb::error::Result<T>
where
    F: IntoFuture<Output = mongodb::error::Result<T>>,
{
    let span = tracing::info_span!(
        "mongodb",
        otel.kind = "client",
        db.system = "mongodb",
        db.operation.name = operation,
        db.collection.name = collection
    );
    command.into_future().instrument(span).await
}

#[async_trait]
impl ObjectStore for MongoStore {
    async fn load_schema(&self) -> Result<Vec<ClassSchema>, StoreError> {
        schema::load(self).await
    }

    async fn load_hooks(&self) -> Result<Vec<Hook>, StoreError> {
        hooks::load(self).await
    }

    async fn add_hook(&self, hook: &Hook) -> Result<bool, StoreError> {
        hooks::add(self, hook).await
    }

    async fn change_hook(&self, hook: &Hook) -> Result<bool, StoreError> {
        hooks::change(self, hook).await
    }

    async fn remove_hook(&self, class_name: &str, trigger_name: &str) -> Result<bool, StoreError> {
        hooks::remove(self, class_name, trigger_name).await
    }

    async fn create_class(&self, class: &ClassSchema) -> Result<(), StoreError> {
        schema::create_class(self, class).await
    }

    async fn add_field(&self, class: &ClassName, name: &FieldName, field: &Field) -> Result<(), StoreError> {
        schema::add_field(self, class, name, field).await
    }

    async fn edit_class(&self, class: &ClassName, edit: &ClassEdit) -> Result<(), StoreError> {
        schema::edit_class(self, class, edit).await
    }

    async fn remove_fields(&self, class: &ClassSchema, fields: &[FieldName]) -> Result<(), StoreError> {
        schema::remove_fields(self, class, fields).await
    }

    async fn change_indexes(&self, class: &ClassName, dropped: &[String], made: &[Index]) -> Result<(), StoreError> {
        index::change(self, class, dropped, made).await
    }

    async fn note_indexes(&self, class: &ClassName) -> Result<(), StoreError> {
        index::note(self, class).await
    }

    async fn drop_class(&self, class: &ClassSchema) -> Result<u64, StoreError> {
        drop::drop_class(self, &class.name).await
    }

    async fn lock(&self, lock: &Lock, duration: Duration) -> Result<bool, StoreError> {
        lock::take(self, lock, duration).await
    }

    async fn unlock(&self, lock: &Lock) -> Result<(), StoreError> {
        lock::give_back(self, lock).await
    }

    async fn ensure_index(&self, class: &ClassName, index: &Index) -> Result<(), StoreError> {
        index::ensure(self, class, index).await
    }

    async fn prepare_class(&self, class: &ClassName) -> Result<(), StoreError> {
        self.prepare_collection(class).await
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        transaction::begin(self).await
    }

    async fn text_columns(&self, class: &ClassName) -> Result<Vec<String>, StoreError> {
        index::text_columns(self, class).await
    }

    async fn insert(&self, class: &ClassName, document: RawDocumentBuf) -> Result<(), StoreError> {
        let collection = self.collection(class);
        for _ in 0..drop::MOST_REMOVALS {
            let mut turn = self.turn().await;
            let mut action = collection.insert_one(&document);
            if let Some(session) = turn.session() {
                action = action.session(session);
            }
            match run("insert", collection.name(), action).await {
                Ok(_) => return Ok(()),
                Err(error) => drop::make_way(self, class, &error).await?,
            }
        }
        Err(drop::too_many_removals(class))
    }

    async fn find(&self, class: &ClassSchema, query: &Query, options: &FindOptions) -> Result<Documents, StoreError> {
        find::find(self, class, query, options).await
    }

    async fn count(&self, class: &ClassSchema, query: &Query) -> Result<u64, StoreError> {
        count::count(self, class, query, &FindOptions::default()).await
    }

    async fn count_with(&self, class: &ClassSchema, query: &Query, options: &FindOptions) -> Result<u64, StoreError> {
        count::count(self, class, query, options).await
    }

    async fn update_one(
        &self,
        class: &ClassSchema,
        query: &Query,
        update: &Update,
        updated_at: Option<Date>,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        let filter = filter::filter(class, query, Purpose::Write)?;
        let update = encode_update(class, update, updated_at)?;
        let collection = self.collection(&class.name);
        let mut turn = self.turn().await;
        let mut action = collection.find_one_and_update(filter, update).return_document(ReturnDocument::After);
        if let Some(session) = turn.session() {
            action = action.session(session);
        }
        self.command("findAndModify", collection.name(), action).await
    }

    async fn settings(&self, class: &ClassSchema) -> Result<Option<RawDocumentBuf>, StoreError> {
        let collection = self.collection(&class.name);
        let find = collection.find_one(doc! { "_id": 1 });
        let find = match self.max_time {
            Some(max_time) => find.max_time(max_time),
            None => find,
        };
        command("find", collection.name(), find).await
    }

    async fn change_settings(&self, class: &ClassSchema, changes: &[(FieldPath, Change)]) -> Result<(), StoreError> {
        let update = encode_changes(class, changes)?;
        let collection = self.collection(&class.name);
        for _ in 0..drop::MOST_REMOVALS {
            let action = collection.update_one(doc! { "_id": 1 }, update.clone()).upsert(true);
            match run("update", collection.name(), action).await {
                Ok(_) => return Ok(()),
                Err(error) => drop::make_way(self, &class.name, &error).await?,
            }
        }
        Err(drop::too_many_removals(&class.name))
    }

    async fn delete(&self, class: &ClassSchema, query: &Query) -> Result<u64, StoreError> {
        let filter = filter::filter(class, query, Purpose::Write)?;
        let collection = self.collection(&class.name);
        let mut turn = self.turn().await;
        let mut action = collection.delete_many(filter);
        if let Some(session) = turn.session() {
            action = action.session(session);
        }
        Ok(self.command("delete", collection.name(), action).await?.deleted_count)
    }

    async fn add_relations(
        &self,
        class: &ClassName,
        key: &FieldName,
        owner: &str,
        targets: &[Pointer],
    ) -> Result<(), StoreError> {
        let collection = &self.join_collection(class, key);
        let rows: Vec<Document> =
            targets.iter().map(|target| doc! { "owningId": owner, "relatedId": &target.object_id }).collect();
        stream::iter(rows)
            .map(|row| async move {
                let mut turn = self.turn().await;
                let mut action = collection.update_one(row.clone(), doc! { "$set": row }).upsert(true);
                if let Some(session) = turn.session() {
                    action = action.session(session);
                }
                self.command("update", collection.name(), action).await.map(|_| ())
            })
            .buffered(CONCURRENT_RELATION_ROWS)
            .try_collect()
            .await
    }

    async fn remove_relations(
        &self,
        class: &ClassName,
        key: &FieldName,
        owner: &str,
        targets: &[Pointer],
    ) -> Result<(), StoreError> {
        let collection = self.join_collection(class, key);
        let ids: Vec<&str> = targets.iter().map(|target| target.object_id.as_str()).collect();
        let rows = doc! { "owningId": owner, "relatedId": { "$in": ids } };
        let mut turn = self.turn().await;
        let mut action = collection.delete_many(rows);
        if let Some(session) = turn.session() {
            action = action.session(session);
        }
        self.command("delete", collection.name(), action).await.map(|_| ())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        command("ping", "", self.database.run_command(doc! { "ping": 1 })).await.map(|_| ())
    }

    async fn explain(
        &self,
        class: &ClassSchema,
        query: &Query,
        options: &FindOptions,
        verbosity: &str,
    ) -> Result<Document, StoreError> {
        find::explain(self, class, query, options, verbosity).await
    }

    async fn distinct(&self, class: &ClassSchema, query: &Query, column: &str) -> Result<Vec<Bson>, StoreError> {
        aggregate::distinct(self, class, query, column).await
    }

    async fn aggregate(
        &self,
        class: &ClassName,
        pipeline: Vec<Document>,
        options: &AggregateOptions,
    ) -> Result<Documents, StoreError> {
        aggregate::aggregate(self, class, pipeline, options).await
    }
}
