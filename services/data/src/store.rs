//! Where objects live: one trait, two stores.
//!
//! Both keep documents in the MongoDB format of Parse Server, so that one encoder and one reader serve both, and a
//! document can move from one to the other byte for byte.

mod distinct;
mod documents;
mod hook;
mod index_name;
pub mod mongo;
pub mod sqlite;
mod transaction;

pub use documents::Documents;
pub use hook::Hook;
pub use index_name::{UNIQUE_IGNORING_CASE, indexed_field};
pub use mongo::MongoStore;
pub use sqlite::SqliteStore;
pub use transaction::Transaction;

use std::time::Duration;

use async_trait::async_trait;
use bson::{Bson, Document, RawDocumentBuf};
use parsefleet_core::{
    ClassName, ClassSchema, Date, FieldName, FieldPath, Query, Update, query::SortKey, schema::Field, update::Change,
    value::Pointer,
};
use serde_json::{Map as JsonMap, Value as Json};

/// What a store may answer instead of a result.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique index already holds the value. The field is the index's, as far as the store can tell.
    #[error("duplicate value in a unique index ({field:?})")]
    Duplicate {
        /// REST name of the field.
        field: Option<String>,
    },
    /// The class or field to be created is there already: reload the schema and look again.
    #[error("the schema was changed by somebody else")]
    SchemaConflict,
    /// Others changed the same documents at the same time: nothing happened, and everything may be done again.
    #[error("others changed the same documents: {0}")]
    Interrupted(String),
    /// The query or update is not one the store can carry out; the text is for the client (HTTP 400, code 102).
    #[error("{0}")]
    Unsupported(String),
    /// The database refused the command for what the client sent (a bad regular expression, `$inc` of a text, …).
    #[error("the database refused the command: {0}")]
    Refused(String),
    /// The database cannot be reached or did not answer in time. Trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Anything else.
    #[error("the database failed: {0}")]
    Failed(String),
}

/// Most bytes that one aggregation may return or collect from: they are held in memory until all are there.
pub(crate) const LARGEST_RESULT: usize = 128 * 1024 * 1024;

/// The answer to an aggregation with more than that.
pub(crate) fn too_large() -> StoreError {
    StoreError::Unsupported(format!("The result is larger than {LARGEST_RESULT} bytes."))
}

/// Which documents of a class, in which order.
#[derive(Clone, Debug, Default)]
pub struct FindOptions {
    /// Order; empty means the store's natural one.
    pub order: Vec<SortKey>,
    /// Documents to leave out at the start.
    pub skip: u64,
    /// Most documents to return; `None` is all.
    pub limit: Option<u64>,
    /// Stored columns to return (`_id` always comes); `None` is all.
    pub projection: Option<Vec<String>>,
    /// Whether each document gets the score of the full-text search as `score`.
    pub text_score: bool,
    /// `comment` for the database's log.
    pub comment: Option<String>,
    /// Index name or specification, as JSON.
    pub hint: Option<serde_json::Value>,
    /// Read preference, one of the five driver names in upper case with `_`.
    pub read_preference: Option<String>,
    /// Whether text is compared for equality without regard to case (collation `en_US`, strength 2).
    pub ignore_case: bool,
    /// Most bytes of documents that the embedded store returns; more are an error.
    pub most_bytes: Option<usize>,
}

/// How a pipeline is run.
#[derive(Clone, Debug, Default)]
pub struct AggregateOptions {
    /// Index name or specification, as JSON.
    pub hint: Option<serde_json::Value>,
    /// The plan is asked for, not the results; one of MongoDB's verbosities.
    pub explain: Option<&'static str>,
    /// `comment` for the database's log.
    pub comment: Option<String>,
    /// Read preference, one of the five driver names in upper case with `_`.
    pub read_preference: Option<String>,
}

/// An index to be made if it is not there.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Index {
    /// Name, as Parse Server gives it (`username_1`, `case_insensitive_email`, …).
    pub name: String,
    /// Stored columns and their kinds, in order.
    pub keys: Vec<(String, IndexKind)>,
    /// No two documents may have the same value.
    pub unique: bool,
    /// Documents without the column are left out.
    pub sparse: bool,
    /// Compared without regard to case (collation of strength 2: `en` if the index is unique, otherwise `en_US`, as Parse
    /// Server's are).
    pub case_insensitive: bool,
    /// Seconds after which a document whose column is a date disappears.
    pub expire_after_seconds: Option<u32>,
}

/// Kind of one index column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum IndexKind {
    /// `1`
    Ascending,
    /// `-1`
    Descending,
    /// `"2d"`
    Geo2d,
    /// `"2dsphere"`
    Geo2dSphere,
    /// `"text"`
    Text,
    /// `"hashed"`
    Hashed,
}

/// A lock that one process at a time can have.
#[derive(Clone, Debug)]
pub struct Lock {
    /// What it is about.
    pub name: &'static str,
    /// Who has it: another text in each process.
    pub owner: String,
}

impl Lock {
    /// A lock for whoever asks now.
    pub fn new(name: &'static str) -> Self {
        Self { name, owner: format!("{:016x}", rand::random::<u64>()) }
    }
}

/// What changes in the description of a class; fields that go are [`ObjectStore::remove_fields`]'.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassEdit {
    /// Fields that come.
    pub added: Vec<(FieldName, Field)>,
    /// Fields that are there and get other options.
    pub options: Vec<(FieldName, JsonMap<String, Json>)>,
    /// New class-level permissions; `null` for the usual ones.
    pub permissions: Option<Json>,
}

impl ClassEdit {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.options.is_empty() && self.permissions.is_none()
    }
}

/// A store of classes and their objects.
///
/// Every method is one atomic operation of the database: there is no read-then-write behind any of them that another
/// writer could come between. What was answered with `Ok` survives a crash of the process and of the machine.
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Every class of the schema collection, default columns added.
    async fn load_schema(&self) -> Result<Vec<ClassSchema>, StoreError>;

    /// Every hook of a trigger.
    async fn load_hooks(&self) -> Result<Vec<Hook>, StoreError>;

    /// Stores a hook, unless there is one of its class and trigger. Whether it was stored.
    async fn add_hook(&self, hook: &Hook) -> Result<bool, StoreError>;

    /// Gives a hook another address. Whether there is one of its class and trigger.
    async fn change_hook(&self, hook: &Hook) -> Result<bool, StoreError>;

    /// Removes a hook. Whether there was one.
    async fn remove_hook(&self, class_name: &str, trigger_name: &str) -> Result<bool, StoreError>;

    /// Writes a new class with the fields and permissions of `class`.
    ///
    /// # Errors
    /// `SchemaConflict` if the class is there.
    async fn create_class(&self, class: &ClassSchema) -> Result<(), StoreError>;

    /// Adds a field to a class.
    ///
    /// # Errors
    /// `SchemaConflict` if the field is there, whatever its type.
    async fn add_field(&self, class: &ClassName, name: &FieldName, field: &Field) -> Result<(), StoreError>;

    /// Changes the description of a class, all of it or nothing.
    ///
    /// # Errors
    /// `SchemaConflict` if the class is not there, a field to be added is there, one with other options is not, or if a
    /// geographic point would be the second one.
    async fn edit_class(&self, class: &ClassName, edit: &ClassEdit) -> Result<(), StoreError>;

    /// Removes fields: their values, the rows of relations, and last the fields themselves. What is left of it after a
    /// failure is removed by doing it again. Fields that meanwhile got another type stay.
    ///
    /// It takes as long as the class is large, and the database may go on with it after the caller gave up.
    async fn remove_fields(&self, class: &ClassSchema, fields: &[FieldName]) -> Result<(), StoreError>;

    /// Drops indexes, makes indexes, and notes both in the description of the class, if there is one. An index to be
    /// dropped need not be there.
    async fn change_indexes(&self, class: &ClassName, dropped: &[String], made: &[Index]) -> Result<(), StoreError>;

    /// Notes the indexes that there are in the description of the class, if there is one.
    async fn note_indexes(&self, class: &ClassName) -> Result<(), StoreError>;

    /// Removes a class, the rows of its relations and its description, unless it has objects; how many it has.
    ///
    /// No object that is stored at the same time is lost: either it is counted, or it is there afterwards.
    async fn drop_class(&self, class: &ClassSchema) -> Result<u64, StoreError>;

    /// Takes a lock, or keeps it for longer; it ends by itself after a time. Whether it could be had.
    async fn lock(&self, lock: &Lock, duration: Duration) -> Result<bool, StoreError>;

    /// Gives a lock back.
    async fn unlock(&self, lock: &Lock) -> Result<(), StoreError>;

    /// Makes an index unless one of that name is there.
    async fn ensure_index(&self, class: &ClassName, index: &Index) -> Result<(), StoreError>;

    /// Makes ready for documents of a class (or rows of a join) that a transaction is going to store.
    async fn prepare_class(&self, class: &ClassName) -> Result<(), StoreError>;

    /// Begins a transaction.
    ///
    /// # Errors
    /// `Unsupported` if the database has none.
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// The columns that a full-text search of the class looks into; `$**` is all.
    async fn text_columns(&self, _class: &ClassName) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Stores a new document.
    async fn insert(&self, class: &ClassName, document: RawDocumentBuf) -> Result<(), StoreError>;

    /// The documents that satisfy the query.
    async fn find(&self, class: &ClassSchema, query: &Query, options: &FindOptions) -> Result<Documents, StoreError>;

    /// The number of documents that satisfy the query.
    async fn count(&self, class: &ClassSchema, query: &Query) -> Result<u64, StoreError>;

    /// The same with the hint, comment and read preference of a query, for a store that has use of them.
    async fn count_with(&self, class: &ClassSchema, query: &Query, _options: &FindOptions) -> Result<u64, StoreError> {
        self.count(class, query).await
    }

    /// Changes one document that satisfies the query, in one operation. Relation changes of `update` are not applied.
    /// The new document, or `None` if none satisfied the query. Without a time `updatedAt` stays as it is.
    async fn update_one(
        &self,
        class: &ClassSchema,
        query: &Query,
        update: &Update,
        updated_at: Option<Date>,
    ) -> Result<Option<RawDocumentBuf>, StoreError>;

    /// The one document, with the id 1, of a class that holds settings. Unlike objects it has neither dates nor
    /// permissions.
    async fn settings(&self, class: &ClassSchema) -> Result<Option<RawDocumentBuf>, StoreError>;

    /// Changes that document, and makes it if it is not there.
    async fn change_settings(&self, class: &ClassSchema, changes: &[(FieldPath, Change)]) -> Result<(), StoreError>;

    /// Removes the documents that satisfy the query, and tells how many there were. If they are many, the database may go on
    /// with it after the caller gave up.
    async fn delete(&self, class: &ClassSchema, query: &Query) -> Result<u64, StoreError>;

    /// Adds rows to the relation `key` of one object; rows that are there stay.
    async fn add_relations(
        &self,
        class: &ClassName,
        key: &FieldName,
        owner: &str,
        targets: &[Pointer],
    ) -> Result<(), StoreError>;

    /// Removes rows from the relation `key` of one object; rows that are not there are no error.
    async fn remove_relations(
        &self,
        class: &ClassName,
        key: &FieldName,
        owner: &str,
        targets: &[Pointer],
    ) -> Result<(), StoreError>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// The query plan as the database tells it; `verbosity` is one of MongoDB's.
    async fn explain(
        &self,
        class: &ClassSchema,
        query: &Query,
        options: &FindOptions,
        verbosity: &str,
    ) -> Result<Document, StoreError>;

    /// The values of a stored column, or of a path into one, in the documents that satisfy the query: each once, arrays
    /// opened.
    async fn distinct(&self, class: &ClassSchema, query: &Query, column: &str) -> Result<Vec<Bson>, StoreError> {
        let root = column.split('.').next().unwrap_or_default().to_owned();
        let projection = Some(vec![root]);
        let options = FindOptions { projection, most_bytes: Some(LARGEST_RESULT), ..FindOptions::default() };
        distinct::values_of(&self.find(class, query, &options).await?, column)
    }

    /// Runs a pipeline of MongoDB's on the documents of a class. It has been checked to do nothing but read.
    ///
    /// # Errors
    /// `Unsupported` with the database's own words for what it does not take.
    async fn aggregate(
        &self,
        _class: &ClassName,
        _pipeline: Vec<Document>,
        _options: &AggregateOptions,
    ) -> Result<Documents, StoreError> {
        Err(StoreError::Unsupported(
            "Aggregation pipelines need MongoDB: the embedded store does not run them.".to_owned(),
        ))
    }
}
