#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{
    Mutex as SyncMutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf};
use futures_util::future::join_all;
use parsefleet_core::{
    ClassName, ClassSchema, Date, ErrorCode, FieldName, FieldPath, FieldType, Query, Update,
    schema::{Field, TypedField},
    update::Change,
    value::Pointer,
};

use super::*;
use crate::{
    invalidation::NoInvalidation,
    store::{ClassEdit, Documents, FindOptions, Hook, Index, Lock, Transaction},
};

/// A schema collection that other processes write to as well.
#[derive(Default)]
struct Shared {
    classes: SyncMutex<Vec<ClassSchema>>,
    hooks: SyncMutex<Vec<Hook>>,
    readings: AtomicUsize,
    is_away: AtomicBool,
    /// What another process adds just before this one does.
    rival: SyncMutex<Option<ClassSchema>>,
}

#[async_trait]
impl ObjectStore for Shared {
    async fn load_schema(&self) -> Result<Vec<ClassSchema>, StoreError> {
        self.readings.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        match self.is_away.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("away".to_owned())),
            false => Ok(self.classes.lock().unwrap().clone()),
        }
    }

    async fn load_hooks(&self) -> Result<Vec<Hook>, StoreError> {
        Ok(self.hooks.lock().unwrap().clone())
    }

    async fn add_hook(&self, _: &Hook) -> Result<bool, StoreError> {
        unused()
    }

    async fn change_hook(&self, _: &Hook) -> Result<bool, StoreError> {
        unused()
    }

    async fn remove_hook(&self, _: &str, _: &str) -> Result<bool, StoreError> {
        unused()
    }

    async fn create_class(&self, class: &ClassSchema) -> Result<(), StoreError> {
        let mut classes = self.classes.lock().unwrap();
        classes.extend(self.rival.lock().unwrap().take());
        if classes.iter().any(|known| known.name == class.name) {
            return Err(StoreError::SchemaConflict);
        }
        classes.push(class.clone());
        Ok(())
    }

    async fn add_field(&self, class: &ClassName, name: &FieldName, field: &Field) -> Result<(), StoreError> {
        let mut classes = self.classes.lock().unwrap();
        if let Some(rival) = self.rival.lock().unwrap().take() {
            classes.retain(|known| known.name != rival.name);
            classes.push(rival);
        }
        let known = classes.iter_mut().find(|known| known.name == *class).unwrap();
        if known.fields.contains_key(name.as_str()) {
            return Err(StoreError::SchemaConflict);
        }
        known.fields.insert(name.as_str().to_owned(), field.clone());
        Ok(())
    }

    async fn edit_class(&self, _: &ClassName, _: &ClassEdit) -> Result<(), StoreError> {
        unused()
    }

    async fn remove_fields(&self, _: &ClassSchema, _: &[FieldName]) -> Result<(), StoreError> {
        unused()
    }

    async fn change_indexes(&self, _: &ClassName, _: &[String], _: &[Index]) -> Result<(), StoreError> {
        unused()
    }

    async fn note_indexes(&self, _: &ClassName) -> Result<(), StoreError> {
        unused()
    }

    async fn drop_class(&self, _: &ClassSchema) -> Result<u64, StoreError> {
        unused()
    }

    async fn lock(&self, _: &Lock, _: Duration) -> Result<bool, StoreError> {
        unused()
    }

    async fn unlock(&self, _: &Lock) -> Result<(), StoreError> {
        unused()
    }

    async fn ensure_index(&self, _: &ClassName, _: &Index) -> Result<(), StoreError> {
        Ok(())
    }

    async fn prepare_class(&self, _: &ClassName) -> Result<(), StoreError> {
        unused()
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        unused()
    }

    async fn insert(&self, _: &ClassName, _: RawDocumentBuf) -> Result<(), StoreError> {
        unused()
    }

    async fn find(&self, _: &ClassSchema, _: &Query, _: &FindOptions) -> Result<Documents, StoreError> {
        unused()
    }

    async fn count(&self, _: &ClassSchema, _: &Query) -> Result<u64, StoreError> {
        unused()
    }

    async fn update_one(
        &self,
        _: &ClassSchema,
        _: &Query,
        _: &Update,
        _: Option<Date>,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        unused()
    }

    async fn settings(&self, _: &ClassSchema) -> Result<Option<RawDocumentBuf>, StoreError> {
        unused()
    }

    async fn change_settings(&self, _: &ClassSchema, _: &[(FieldPath, Change)]) -> Result<(), StoreError> {
        unused()
    }

    async fn delete(&self, _: &ClassSchema, _: &Query) -> Result<u64, StoreError> {
        unused()
    }

    async fn add_relations(&self, _: &ClassName, _: &FieldName, _: &str, _: &[Pointer]) -> Result<(), StoreError> {
        unused()
    }

    async fn remove_relations(&self, _: &ClassName, _: &FieldName, _: &str, _: &[Pointer]) -> Result<(), StoreError> {
        unused()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        unused()
    }

    async fn explain(&self, _: &ClassSchema, _: &Query, _: &FindOptions, _: &str) -> Result<Document, StoreError> {
        unused()
    }
}

fn unused<T>() -> Result<T, StoreError> {
    Err(StoreError::Failed("the schema does not need this".to_owned()))
}

fn schema_over(store: &Arc<Shared>, max_age: Duration) -> Arc<Schema> {
    let settings = Settings { schema_max_age: max_age, ..Settings::default() };
    Schema::new(store.clone(), Arc::new(settings), Arc::new(NoInvalidation), TaskTracker::new())
}

fn class(name: &str, fields: &[(&str, FieldType)]) -> ClassSchema {
    let mut class = ClassSchema::new(ClassName::new(name).unwrap());
    for (field, field_type) in fields {
        class.fields.insert((*field).to_owned(), Field::new(field_type.clone()));
    }
    class
}

fn written(field: &str, field_type: FieldType) -> Vec<TypedField> {
    vec![TypedField { name: FieldName::new(field).unwrap(), field_type }]
}

#[tokio::test]
async fn whoever_waits_for_a_newer_schema_shares_one_reading() {
    let store = Arc::new(Shared::default());
    let schema = schema_over(&store, Duration::from_secs(60));
    for outcome in join_all((0..20).map(|_| schema.fresh())).await {
        outcome.unwrap();
    }
    assert!(store.readings.load(Ordering::SeqCst) <= 2, "{:?}", store.readings);
}

#[tokio::test]
async fn an_outage_is_shared_too_and_ends() {
    let store = Arc::new(Shared::default());
    let schema = schema_over(&store, Duration::from_secs(60));
    store.is_away.store(true, Ordering::SeqCst);
    for outcome in join_all((0..20).map(|_| schema.current())).await {
        assert_eq!(outcome.err().unwrap().code, ErrorCode::InternalServerError);
    }
    assert!(store.readings.load(Ordering::SeqCst) <= 2, "{:?}", store.readings);
    store.is_away.store(false, Ordering::SeqCst);
    schema.current().await.unwrap();
}

#[tokio::test]
async fn an_old_schema_is_read_again_behind_the_scenes() {
    let store = Arc::new(Shared::default());
    let schema = schema_over(&store, Duration::from_secs(1));
    schema.current().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1250)).await;
    store.classes.lock().unwrap().push(class("New", &[]));
    assert!(schema.current().await.unwrap().class("New").is_none(), "nobody waits for it");
    schema.tasks.close();
    schema.tasks.wait().await;
    assert!(schema.current().await.unwrap().class("New").is_some());

    tokio::time::sleep(Duration::from_millis(2250)).await;
    store.classes.lock().unwrap().push(class("Newer", &[]));
    assert!(schema.current().await.unwrap().class("Newer").is_some(), "after a pause it is too old to be used");
}

#[tokio::test]
async fn a_class_that_did_not_change_is_not_prepared_again() {
    let store = Arc::new(Shared::default());
    store.classes.lock().unwrap().push(class("Old", &[]));
    let schema = schema_over(&store, Duration::from_secs(60));
    let before = schema.current().await.unwrap();
    store.classes.lock().unwrap().push(class("New", &[]));
    let after = schema.fresh().await.unwrap();
    assert!(Arc::ptr_eq(before.class("Old").unwrap(), after.class("Old").unwrap()));
    assert!(before.class("New").is_none() && after.class("New").is_some());
}

#[tokio::test]
async fn the_first_writer_decides_the_type() {
    let store = Arc::new(Shared::default());
    let schema = schema_over(&store, Duration::from_secs(60));
    let name = ClassName::new("Race").unwrap();
    *store.rival.lock().unwrap() = Some(class("Race", &[("field", FieldType::Number)]));
    let refused = schema.extend(&name, &written("field", FieldType::String), &mut |_| Ok(())).await.unwrap_err();
    assert_eq!(refused.message, "schema mismatch for Race.field; expected Number but got String");

    *store.rival.lock().unwrap() = Some(class("Race", &[("field", FieldType::Number), ("more", FieldType::Number)]));
    let extended = schema.extend(&name, &written("more", FieldType::Number), &mut |_| Ok(())).await.unwrap();
    assert_eq!(extended.schema.field_type("more"), Some(&FieldType::Number));
}

#[tokio::test]
async fn a_mismatch_counts_only_with_a_current_schema() {
    let store = Arc::new(Shared::default());
    store.classes.lock().unwrap().push(class("Changed", &[("field", FieldType::Number)]));
    let schema = schema_over(&store, Duration::from_secs(60));
    schema.current().await.unwrap();
    *store.classes.lock().unwrap() = vec![class("Changed", &[("field", FieldType::String)])];
    let name = ClassName::new("Changed").unwrap();
    schema.extend(&name, &written("field", FieldType::String), &mut |_| Ok(())).await.unwrap();
}
