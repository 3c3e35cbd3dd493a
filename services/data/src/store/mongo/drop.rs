//! Removing a class that has no objects, while others may be writing to it.
//!
//! Between counting and dropping a collection an object could be stored and lost. So the collection is first moved aside,
//! in one operation of the database: from then on nobody writes to it, and whether it is empty is known for good. If it
//! is not, it is moved back.

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;
use mongodb::{
    Collection, IndexModel,
    error::{Error, ErrorKind},
};
use parsefleet_core::{ClassSchema, FieldType};

use super::{
    MongoStore, command,
    error::{is_missing, is_name_taken, store_error},
    run, schema,
};
use crate::store::StoreError;

/// Documents that are moved back at a time.
const BATCH: usize = 500;

/// A collection that was moved aside, and where it belongs.
struct Aside<'s> {
    store: &'s MongoStore,
    name: String,
    moved: Collection<RawDocumentBuf>,
}

pub(super) async fn drop_class(store: &MongoStore, class: &ClassSchema) -> Result<u64, StoreError> {
    let objects = store.collection(&class.name);
    let count = command("aggregate", objects.name(), objects.count_documents(doc! {})).await?;
    if count > 0 {
        return Ok(count);
    }
    // Relations before objects: rows that are added from now on belong to objects that are made from now on.
    let mut asides = Vec::new();
    let relations = class.fields.iter().filter(|(_, field)| matches!(field.field_type, FieldType::Relation(_)));
    for (name, _) in relations {
        asides.extend(Aside::open(store, format!("_Join:{name}:{}", class.name)).await?);
    }
    let objects = Aside::open(store, class.name.to_string()).await?;
    let count = match &objects {
        Some(objects) => command("aggregate", &objects.name, objects.moved.count_documents(doc! {})).await?,
        None => 0,
    };
    asides.extend(objects);
    for aside in asides {
        if count > 0 { aside.restore().await? } else { aside.discard().await? }
    }
    if count == 0 {
        schema::remove_class(store, &class.name).await?;
    }
    Ok(count)
}

impl<'s> Aside<'s> {
    /// Moves a collection aside; `None` if it is not there.
    async fn open(store: &'s MongoStore, name: String) -> Result<Option<Self>, StoreError> {
        let moved = store.named_collection(&format!("_Dropped:{:016x}:{name}", rand::random::<u64>()));
        let aside = Self { store, name, moved };
        match aside.rename(&aside.collection(), &aside.moved).await {
            Ok(()) => Ok(Some(aside)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(store_error(&error)),
        }
    }

    async fn discard(self) -> Result<(), StoreError> {
        command("drop", self.moved.name(), self.moved.drop()).await
    }

    /// Moves the collection back. If there is a new one in its place by now, everything in it joins that one.
    async fn restore(self) -> Result<(), StoreError> {
        match self.rename(&self.moved, &self.collection()).await {
            Ok(()) => return Ok(()),
            Err(error) if is_name_taken(&error) => {}
            Err(error) => return Err(store_error(&error)),
        }
        self.copy_indexes().await?;
        self.copy_documents().await?;
        self.discard().await
    }

    async fn copy_indexes(&self) -> Result<(), StoreError> {
        let listed = async { self.moved.list_indexes().await?.try_collect::<Vec<IndexModel>>().await };
        let indexes = command("listIndexes", self.moved.name(), listed).await?;
        let target = self.collection();
        command("createIndexes", target.name(), target.create_indexes(indexes)).await.map(|_| ())
    }

    async fn copy_documents(&self) -> Result<(), StoreError> {
        let target = self.collection();
        let opened = self.moved.find(doc! {});
        let mut cursor = command("find", self.moved.name(), opened).await?;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            while batch.len() < BATCH
                && let Some(document) = cursor.try_next().await.map_err(|error| store_error(&error))?
            {
                batch.push(document);
            }
            if batch.is_empty() {
                return Ok(());
            }
            match run("insert", target.name(), target.insert_many(batch).ordered(false)).await {
                Err(error) if !holds_only_duplicates(&error) => return Err(store_error(&error)),
                _ => {}
            }
        }
    }

    async fn rename(&self, from: &Collection<RawDocumentBuf>, to: &Collection<RawDocumentBuf>) -> Result<(), Error> {
        let rename = doc! { "renameCollection": from.namespace().to_string(), "to": to.namespace().to_string() };
        let administration = self.store.database.client().database("admin");
        run("renameCollection", from.name(), administration.run_command(rename)).await.map(|_: Document| ())
    }

    fn collection(&self) -> Collection<RawDocumentBuf> {
        self.store.named_collection(&self.name)
    }
}

/// Documents that are there already were moved by an attempt before.
fn holds_only_duplicates(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::InsertMany(outcome) => {
            let errors = outcome.write_errors.iter().flatten();
            outcome.write_concern_error.is_none() && errors.into_iter().all(|error| error.code == 11000)
        }
        _ => false,
    }
}
