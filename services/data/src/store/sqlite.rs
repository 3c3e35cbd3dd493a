//! The embedded store: SQLite in one file, nothing to install.
//!
//! ```text
//! file       the data directory, its lock, connections
//! describe   changes of classes;  hooks  the collection of hooks;
//! catalog    which class has which table and indexes;  table  its columns and statements;  key  values as sortable bytes
//! narrow     query -> WHERE, never stricter than the query;  plan  what is left for the documents to decide
//! readers    connections that read;  read  find, count
//! writer     the thread that writes, many requests per commit;  write  what it does
//! fold       searches without regard to case
//! conversation  a transaction's steps on their way to the writer;  transaction  the store as it sees it
//! apply      MongoDB's update operators;  place, equality  what they need
//! ```
//!
//! A document is the same BSON as in MongoDB, kept as a blob. Beside it are its id, its dates and one column for each key of
//! an index. SQL narrows a search by these and decides uniqueness; the documents themselves have the last word.
//!
//! Searches that no index narrows read the whole class, all geographic ones among them. Full-text search needs MongoDB.

use std::{path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bson::{Document, RawDocumentBuf};
use parsefleet_core::{
    ClassName, ClassSchema, Date, FieldName, FieldPath, Query, Update, schema::Field, update::Change, value::Pointer,
};

use self::{
    catalog::Catalog,
    conversation::Conversation,
    file::DataDirectory,
    plan::Plan,
    read::Window,
    readers::Readers,
    writer::{Session, Writer},
};
use super::{
    ClassEdit, Documents, FindOptions, Hook, Index, IndexKind, Lock, ObjectStore, StoreError, Transaction, hook,
};
use crate::codec::{columns::projected_names, decode_class, encode_changes, encode_class, encode_update};

mod apply;
mod catalog;
mod conversation;
mod describe;
mod equality;
mod explain;
mod file;
mod fold;
mod hooks;
mod key;
mod narrow;
mod place;
mod plan;
mod project;
mod read;
mod readers;
mod table;
mod transaction;
mod write;
mod writer;

/// The embedded store. Clones share everything.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    catalog: Arc<ArcSwap<Catalog>>,
    readers: Arc<Readers>,
    writer: Arc<Writer>,
    /// The transaction that this store is, if it is one.
    conversation: Option<Arc<Conversation>>,
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
        let writer = Arc::new(Writer::start(connection, catalog.clone())?);
        Ok(Self { catalog, readers: Arc::new(Readers::new(directory)), writer, conversation: None })
    }

    /// The plan of a query; `None` if the class has no documents.
    fn plan(&self, class: &ClassSchema, query: &Query, options: &FindOptions) -> Result<Option<Plan>, StoreError> {
        let catalog = self.catalog.load();
        let table = catalog.table(class.name.as_str());
        table.map(|table| Plan::new(table, class, query, &options.order)).transpose()
    }

    /// Has something written, within the transaction if this is one.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.conversation {
            None => self.writer.run(work).await,
            Some(conversation) => conversation.run(work).await,
        }
    }

    /// Does something by the plan of a query, on the writer; nothing if the class has no documents. A transaction may have
    /// made the table itself, so that it has to plan where it is known.
    async fn write_by_plan<T, F>(&self, class: &ClassSchema, query: &Query, work: F) -> Result<T, StoreError>
    where
        T: Default + Send + 'static,
        F: FnOnce(&mut Session<'_>, &Plan) -> Result<T, StoreError> + Clone + Send + 'static,
    {
        if self.conversation.is_some() {
            return self.read_own(class, query, &FindOptions::default(), work).await;
        }
        let Some(plan) = self.plan(class, query, &FindOptions::default())? else { return Ok(T::default()) };
        let at_once = work.clone();
        match self.writer.run(move |session| at_once(session, &plan)).await {
            // The table changed since it was planned.
            Err(StoreError::SchemaConflict) => self.read_own(class, query, &FindOptions::default(), work).await,
            outcome => outcome,
        }
    }

    /// Does something by a plan that is made inside the transaction.
    async fn read_own<T, F>(
        &self,
        class: &ClassSchema,
        query: &Query,
        options: &FindOptions,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Default + Send + 'static,
        F: FnOnce(&mut Session<'_>, &Plan) -> Result<T, StoreError> + Send + 'static,
    {
        let (class, query, order) = (class.clone(), query.clone(), options.order.clone());
        let planned = move |session: &mut Session<'_>| {
            let Some(table) = session.table(class.name.as_str()) else { return Ok(T::default()) };
            let plan = Plan::new(&table, &class, &query, &order)?;
            work(session, &plan)
        };
        self.write(planned).await
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
        let Some(table) = self.catalog.load().table(describe::SCHEMA).cloned() else { return Ok(Vec::new()) };
        let documents = self.readers.read(move |connection| read::all(connection, &table)).await?;
        let mut classes = Vec::with_capacity(documents.len());
        for (_, document) in documents {
            classes.extend(decode_class(&document).map_err(|error| StoreError::Failed(error.to_string()))?);
        }
        Ok(classes)
    }

    async fn load_hooks(&self) -> Result<Vec<Hook>, StoreError> {
        let Some(table) = self.catalog.load().table(hook::HOOKS).cloned() else { return Ok(Vec::new()) };
        self.readers.read(move |connection| hooks::load(connection, &table)).await
    }

    async fn add_hook(&self, hook: &Hook) -> Result<bool, StoreError> {
        let hook = hook.clone();
        self.write(move |session| hooks::add(session, &hook)).await
    }

    async fn change_hook(&self, hook: &Hook) -> Result<bool, StoreError> {
        let hook = hook.clone();
        self.write(move |session| hooks::change(session, &hook)).await
    }

    async fn remove_hook(&self, class_name: &str, trigger_name: &str) -> Result<bool, StoreError> {
        let (class_name, trigger_name) = (class_name.to_owned(), trigger_name.to_owned());
        self.write(move |session| hooks::remove(session, &class_name, &trigger_name)).await
    }

    async fn create_class(&self, class: &ClassSchema) -> Result<(), StoreError> {
        let document = RawDocumentBuf::try_from(&encode_class(class));
        let document = document.map_err(|error| StoreError::Refused(error.to_string()))?;
        self.write(move |session| describe::create_class(session, &document)).await
    }

    async fn add_field(&self, class: &ClassName, name: &FieldName, field: &Field) -> Result<(), StoreError> {
        let (class, name, field) = (class.to_string(), name.clone(), field.clone());
        self.write(move |session| describe::add_field(session, &class, &name, &field)).await
    }

    async fn edit_class(&self, class: &ClassName, edit: &ClassEdit) -> Result<(), StoreError> {
        let (class, edit) = (class.clone(), edit.clone());
        self.write(move |session| describe::edit_class(session, &class, &edit)).await
    }

    async fn remove_fields(&self, class: &ClassSchema, fields: &[FieldName]) -> Result<(), StoreError> {
        let columns = fields.iter().flat_map(|name| projected_names(class, name.as_str(), &[])).collect::<Vec<_>>();
        let (class, fields) = (class.clone(), fields.to_vec());
        self.write(move |session| describe::remove_fields(session, &class, &fields, &columns)).await
    }

    async fn change_indexes(&self, class: &ClassName, dropped: &[String], made: &[Index]) -> Result<(), StoreError> {
        if made.iter().any(is_text) {
            return Err(plan::no_text_search());
        }
        let (class, dropped, made) = (class.to_string(), dropped.to_vec(), made.to_vec());
        self.write(move |session| describe::change_indexes(session, &class, &dropped, &made)).await
    }

    async fn note_indexes(&self, class: &ClassName) -> Result<(), StoreError> {
        let class = class.to_string();
        self.write(move |session| describe::note_indexes(session, &class)).await
    }

    async fn drop_class(&self, class: &ClassSchema) -> Result<u64, StoreError> {
        let class = class.clone();
        self.write(move |session| describe::drop_class(session, &class)).await
    }

    /// The file belongs to one process, in which classes are set up once.
    async fn lock(&self, _: &Lock, _: Duration) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn unlock(&self, _: &Lock) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ensure_index(&self, class: &ClassName, index: &Index) -> Result<(), StoreError> {
        if is_text(index) {
            return Err(plan::no_text_search());
        }
        let (class, index) = (class.to_string(), index.clone());
        self.write(move |session| write::ensure_index(session, &class, &index)).await
    }

    async fn prepare_class(&self, _: &ClassName) -> Result<(), StoreError> {
        // Tables are made within transactions like everything else.
        Ok(())
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        transaction::begin(self).await
    }

    async fn insert(&self, class: &ClassName, document: RawDocumentBuf) -> Result<(), StoreError> {
        let class = class.to_string();
        self.write(move |session| write::insert(session, &class, &document)).await
    }

    async fn find(&self, class: &ClassSchema, query: &Query, options: &FindOptions) -> Result<Documents, StoreError> {
        let folded = options.ignore_case.then(|| fold::ignoring_case(query));
        let query = folded.as_ref().unwrap_or(query);
        let window = Window::new(options);
        let find = move |session: &mut Session<'_>, plan: &Plan| read::find(session.connection, plan, &window);
        if self.conversation.is_some() {
            return self.read_own(class, query, options, find).await;
        }
        let Some(plan) = self.plan(class, query, options)? else { return Ok(Documents::default()) };
        let window = Window::new(options);
        match self.read(plan, move |connection, plan| read::find(connection, plan, &window)).await {
            Err(StoreError::SchemaConflict) => self.read_own(class, query, options, find).await,
            outcome => outcome,
        }
    }

    async fn count(&self, class: &ClassSchema, query: &Query) -> Result<u64, StoreError> {
        let count = |session: &mut Session<'_>, plan: &Plan| read::count(session.connection, plan);
        let options = FindOptions::default();
        if self.conversation.is_some() {
            return self.read_own(class, query, &options, count).await;
        }
        let Some(plan) = self.plan(class, query, &options)? else { return Ok(0) };
        match self.read(plan, read::count).await {
            Err(StoreError::SchemaConflict) => self.read_own(class, query, &options, count).await,
            outcome => outcome,
        }
    }

    async fn update_one(
        &self,
        class: &ClassSchema,
        query: &Query,
        update: &Update,
        updated_at: Option<Date>,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        let update = encode_update(class, update, updated_at)?;
        let (name, update) = (class.name.to_string(), Arc::new(update));
        self.write_by_plan(class, query, move |session, plan| write::update_one(session, &name, plan, &update)).await
    }

    async fn settings(&self, class: &ClassSchema) -> Result<Option<RawDocumentBuf>, StoreError> {
        let Some(table) = self.catalog.load().table(class.name.as_str()).cloned() else { return Ok(None) };
        self.readers.read(move |connection| read::settings(connection, &table)).await
    }

    async fn change_settings(&self, class: &ClassSchema, changes: &[(FieldPath, Change)]) -> Result<(), StoreError> {
        let (name, update) = (class.name.to_string(), encode_changes(class, changes)?);
        self.write(move |session| write::change_settings(session, &name, &update)).await
    }

    async fn delete(&self, class: &ClassSchema, query: &Query) -> Result<u64, StoreError> {
        self.write_by_plan(class, query, write::delete).await
    }

    async fn add_relations(
        &self,
        class: &ClassName,
        key: &FieldName,
        owner: &str,
        targets: &[Pointer],
    ) -> Result<(), StoreError> {
        let (join, owner, targets) = (join_name(class, key), owner.to_owned(), ids_of(targets));
        self.write(move |session| write::add_relations(session, &join, &owner, &targets)).await
    }

    async fn remove_relations(
        &self,
        class: &ClassName,
        key: &FieldName,
        owner: &str,
        targets: &[Pointer],
    ) -> Result<(), StoreError> {
        let (join, owner, targets) = (join_name(class, key), owner.to_owned(), ids_of(targets));
        self.write(move |session| write::remove_relations(session, &join, &owner, &targets)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Through the writer: a disk that does not answer shows there.
        self.write(|_| Ok(())).await
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

fn is_text(index: &Index) -> bool {
    index.keys.iter().any(|(_, kind)| *kind == IndexKind::Text)
}

/// The join collection of a relation.
fn join_name(class: &ClassName, key: &FieldName) -> String {
    format!("_Join:{key}:{class}")
}

fn ids_of(targets: &[Pointer]) -> Vec<String> {
    targets.iter().map(|target| target.object_id.clone()).collect()
}
