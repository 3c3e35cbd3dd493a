//! The embedded store: SQLite in one file, nothing to install.
//!
//! ```text
//! file       the data directory, its lock, connections
//! catalog    which class has which table and indexes;  table  its columns and statements;  key  values as sortable bytes
//! narrow     query -> WHERE, never stricter than the query;  plan  what is left for the documents to decide
//! readers    connections that read;  read  find, count
//! writer     the thread that writes, many requests per commit;  write  what it does
//! apply      MongoDB's update operators;  place, equality  what they need
//! ```
//!
//! A document is the same BSON as in MongoDB, kept as a blob. Beside it are its id, its dates and one column for each key of
//! an index. SQL narrows a search by these and decides uniqueness; the documents themselves have the last word.
//!
//! Searches that no index narrows read the whole class, all geographic ones among them. Full-text search needs MongoDB.

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use parsefleet_core::{
    ClassName, ClassSchema, Date, FieldName, FieldPath, Query, Update, schema::Field, update::Change, value::Pointer,
};

use self::{catalog::Catalog, file::DataDirectory, plan::Plan, read::Window, readers::Readers, writer::Writer};
use super::{Documents, FindOptions, Index, IndexKind, ObjectStore, StoreError};
use crate::codec::{decode_class, encode_changes, encode_class, encode_field, encode_update};

mod apply;
mod catalog;
mod equality;
mod explain;
mod file;
mod key;
mod narrow;
mod place;
mod plan;
mod project;
mod read;
mod readers;
mod table;
mod write;
mod writer;

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {
    catalog: Arc<ArcSwap<Catalog>>,
    readers: Arc<Readers>,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the store in a data directory, which is made if it is not there.
    ///
    /// # Errors
    /// `Unavailable` if another process has it open, `Failed` if it cannot be used.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let directory = Arc::new(DataDirectory::open(directory)?);
        let connection = directory.writer()?;
        let catalog = Arc::new(ArcSwap::from_pointee(Catalog::load(&connection)?));
        let writer = Writer::start(connection, catalog.clone())?;
        Ok(Self { catalog, readers: Arc::new(Readers::new(directory)), writer })
    }

    /// The plan of a query; `None` if the class has no documents.
    fn plan(&self, class: &ClassSchema, query: &Query, options: &FindOptions) -> Result<Option<Plan>, StoreError> {
        let catalog = self.catalog.load();
        let table = catalog.table(class.name.as_str());
        table.map(|table| Plan::new(table, class, query, &options.order)).transpose()
    }

    /// Reads by a plan: at once if it reads a few rows, otherwise where it may take its time.
    async fn read<T, F>(&self, plan: Plan, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&rusqlite::Connection, &Plan) -> Result<T, StoreError> + Send + 'static,
    {
        if plan.pinned
            && let Some(result) = self.readers.read_now(|connection| read(connection, &plan))
        {
            return result;
        }
        self.readers.read(move |connection| read(connection, &plan)).await
    }
}

#[async_trait]
impl ObjectStore for SqliteStore {
    async fn load_schema(&self) -> Result<Vec<ClassSchema>, StoreError> {
        let Some(table) = self.catalog.load().table(write::SCHEMA).cloned() else { return Ok(Vec::new()) };
        let documents = self.readers.read(move |connection| read::all(connection, &table)).await?;
        let mut classes = Vec::with_capacity(documents.len());
        for document in documents {
            classes.extend(decode_class(&document).map_err(|error| StoreError::Failed(error.to_string()))?);
        }
        Ok(classes)
    }

    async fn create_class(&self, class: &ClassSchema) -> Result<(), StoreError> {
        let document = RawDocumentBuf::try_from(&encode_class(class));
        let document = document.map_err(|error| StoreError::Refused(error.to_string()))?;
        self.writer.run(move |session| write::create_class(session, &document)).await
    }

    async fn add_field(&self, class: &ClassName, name: &FieldName, field: &Field) -> Result<(), StoreError> {
        let Some(set) = encode_field(name, field) else { return Ok(()) };
        let (class, name, update) = (class.to_string(), name.to_string(), doc! { "$set": set });
        self.writer.run(move |session| write::add_field(session, &class, &name, &update)).await
    }

    async fn ensure_index(&self, class: &ClassName, index: &Index) -> Result<(), StoreError> {
        if index.keys.iter().any(|(_, kind)| *kind == IndexKind::Text) {
            return Err(plan::no_text_search());
        }
        let (class, index) = (class.to_string(), index.clone());
        self.writer.run(move |session| write::ensure_index(session, &class, &index)).await
    }

    async fn insert(&self, class: &ClassName, document: RawDocumentBuf) -> Result<(), StoreError> {
        let class = class.to_string();
        self.writer.run(move |session| write::insert(session, &class, &document)).await
    }

    async fn find(&self, class: &ClassSchema, query: &Query, options: &FindOptions) -> Result<Documents, StoreError> {
        let Some(plan) = self.plan(class, query, options)? else { return Ok(Documents::default()) };
        let window = Window::new(options);
        self.read(plan, move |connection, plan| read::find(connection, plan, &window)).await
    }

    async fn count(&self, class: &ClassSchema, query: &Query) -> Result<u64, StoreError> {
        let Some(plan) = self.plan(class, query, &FindOptions::default())? else { return Ok(0) };
        self.read(plan, read::count).await
    }

    async fn update_one(
        &self,
        class: &ClassSchema,
        query: &Query,
        update: &Update,
        updated_at: Date,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        let update = encode_update(class, update, updated_at)?;
        let Some(plan) = self.plan(class, query, &FindOptions::default())? else { return Ok(None) };
        let class = class.name.to_string();
        self.writer.run(move |session| write::update_one(session, &class, &plan, &update)).await
    }

    async fn settings(&self, class: &ClassSchema) -> Result<Option<RawDocumentBuf>, StoreError> {
        let Some(table) = self.catalog.load().table(class.name.as_str()).cloned() else { return Ok(None) };
        self.readers.read(move |connection| read::settings(connection, &table)).await
    }

    async fn change_settings(&self, class: &ClassSchema, changes: &[(FieldPath, Change)]) -> Result<(), StoreError> {
        let (name, update) = (class.name.to_string(), encode_changes(class, changes)?);
        self.writer.run(move |session| write::change_settings(session, &name, &update)).await
    }

    async fn delete(&self, class: &ClassSchema, query: &Query) -> Result<u64, StoreError> {
        let Some(plan) = self.plan(class, query, &FindOptions::default())? else { return Ok(0) };
        self.writer.run(move |session| write::delete(session, &plan)).await
    }

    async fn add_relations(
        &self,
        class: &ClassName,
        key: &FieldName,
        owner: &str,
        targets: &[Pointer],
    ) -> Result<(), StoreError> {
        let (join, owner, targets) = (join_name(class, key), owner.to_owned(), ids_of(targets));
        self.writer.run(move |session| write::add_relations(session, &join, &owner, &targets)).await
    }

    async fn remove_relations(
        &self,
        class: &ClassName,
        key: &FieldName,
        owner: &str,
        targets: &[Pointer],
    ) -> Result<(), StoreError> {
        let (join, owner, targets) = (join_name(class, key), owner.to_owned(), ids_of(targets));
        self.writer.run(move |session| write::remove_relations(session, &join, &owner, &targets)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Through the writer: a disk that does not answer shows there.
        self.writer.run(|_| Ok(())).await
    }

    async fn explain(
        &self,
        class: &ClassSchema,
        query: &Query,
        options: &FindOptions,
        verbosity: &str,
    ) -> Result<Document, StoreError> {
        let Some(plan) = self.plan(class, query, options)? else { return Ok(explain::no_table(class.name.as_str())) };
        let (class, window) = (class.name.to_string(), Window::new(options));
        let executed = verbosity != "queryPlanner";
        self.readers.read(move |connection| explain::explain(connection, &class, &plan, &window, executed)).await
    }
}

/// The join collection of a relation.
fn join_name(class: &ClassName, key: &FieldName) -> String {
    format!("_Join:{key}:{class}")
}

fn ids_of(targets: &[Pointer]) -> Vec<String> {
    targets.iter().map(|target| target.object_id.clone()).collect()
}
