//! Classes and fields that come into being by being written to.

use std::{sync::Arc, time::Instant};

use parsefleet_core::{
    ClassName, ClassSchema, ErrorCode, FieldName, FieldType, ParseError, Query,
    error::Result,
    schema::{Field, TypedField, VOLATILE_CLASSES},
};

use super::{Class, Schema, Snapshot};
use crate::{
    error::parse_error,
    store::{FindOptions, Index, IndexKind, StoreError},
};

/// Times that somebody else may get in between before a write gives up.
const ATTEMPTS: usize = 5;

/// Asked for each class that a write is about to be made under, before anything is added to it.
pub(crate) type Permit<'p> = dyn FnMut(&Arc<Class>) -> Result<()> + Send + 'p;

impl Schema {
    /// The class with everything that a write demands of it, made or extended where necessary.
    ///
    /// Whoever adds a field first decides its type: everybody else finds the field there, reads the schema again and
    /// compares. What is read again may be a class that the writer was never asked about, so that each one is `permit`'s
    /// to refuse.
    ///
    /// # Errors
    /// 111 if a field has another type, and those of `permit`.
    pub(crate) async fn extend(
        self: &Arc<Self>,
        name: &ClassName,
        written: &[TypedField],
        permit: &mut Permit<'_>,
    ) -> Result<Arc<Class>> {
        let began = Instant::now();
        let mut snapshot = self.current().await?;
        if VOLATILE_CLASSES.contains(&name.as_str()) {
            check_fixed_columns(name, written)?;
            if let Some(class) = snapshot.class(name.as_str()) {
                permit(class)?;
                return Ok(Arc::clone(class));
            }
        }
        for _ in 0..ATTEMPTS {
            let Some(class) = snapshot.stored_class(name.as_str()) else {
                let class = ClassSchema::new(name.clone());
                let new_fields = class.plan(written)?;
                self.create(class, new_fields).await.map_err(parse_error)?;
                snapshot = self.fresh().await?;
                continue;
            };
            permit(class)?;
            let new_fields = match class.schema.plan(written) {
                Ok(new_fields) if new_fields.is_empty() => return Ok(Arc::clone(class)),
                Ok(new_fields) => new_fields,
                Err(mismatch) if snapshot.read_at >= began => return Err(mismatch),
                Err(mismatch) => {
                    // The field may have been removed and made anew since the snapshot.
                    snapshot = self.second_look().await?.ok_or(mismatch)?;
                    continue;
                }
            };
            self.add_fields(name, &new_fields).await.map_err(parse_error)?;
            snapshot = self.fresh().await?;
        }
        Err(parse_error(StoreError::SchemaConflict))
    }

    /// The class if it has everything that a write demands of it; nothing is made.
    pub(crate) async fn complete(
        self: &Arc<Self>,
        name: &ClassName,
        written: &[TypedField],
    ) -> Result<Option<Arc<Class>>> {
        let snapshot = self.current().await?;
        let class = match snapshot.stored_class(name.as_str()) {
            Some(class) => Some(class),
            None if VOLATILE_CLASSES.contains(&name.as_str()) => snapshot.class(name.as_str()),
            None => None,
        };
        let is_complete = |class: &&Arc<Class>| class.schema.plan(written).is_ok_and(|missing| missing.is_empty());
        Ok(class.filter(is_complete).cloned())
    }

    /// Makes sure that what was written under a class that is no longer the same is still part of the schema: a class or
    /// field may have been removed while the write was on its way.
    pub(crate) async fn keep(self: &Arc<Self>, used: &Arc<Class>, written: &[TypedField]) {
        let name = &used.schema.name;
        let is_the_same =
            |snapshot: &Snapshot| snapshot.class(name.as_str()).is_some_and(|class| Arc::ptr_eq(class, used));
        if self.current.load().as_deref().is_some_and(is_the_same) {
            return;
        }
        if let Err(error) = self.extend(name, written, &mut |_| Ok(())).await {
            tracing::warn!(parse.class = %name, %error, "the class changed while an object was written to it");
        }
    }

    /// Brings back a class that is gone although it has objects: they were written while it was removed.
    pub(super) async fn bring_back(&self, class: &Class) -> bool {
        let one = FindOptions { limit: Some(1), projection: Some(vec!["_id".to_owned()]), ..FindOptions::default() };
        let name = &class.schema.name;
        let brought_back = match self.store.find(&class.schema, &Query::default(), &one).await {
            Ok(found) if found.is_empty() => return false,
            Ok(_) => self.store.create_class(&class.schema).await,
            Err(error) => Err(error),
        };
        match brought_back {
            Ok(()) | Err(StoreError::SchemaConflict) => {
                tracing::info!(parse.class = %name, "class removed while it was written to; it is back");
                true
            }
            Err(error) => {
                tracing::warn!(parse.class = %name, %error, "cannot see whether a removed class has objects");
                false
            }
        }
    }

    /// Makes a class. That somebody else made it meanwhile is no failure.
    async fn create(&self, mut class: ClassSchema, new_fields: Vec<(FieldName, Field)>) -> Result<(), StoreError> {
        let name = class.name.clone();
        class.fields.extend(new_fields.iter().map(|(field, spec)| (field.as_str().to_owned(), spec.clone())));
        match self.store.create_class(&class).await {
            Ok(()) => {
                tracing::info!(parse.class = %name, "class created");
                self.index(&name, &new_fields).await;
                self.invalidation.schema_changed().await;
                Ok(())
            }
            Err(StoreError::SchemaConflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Adds fields. That somebody else added one meanwhile is no failure.
    async fn add_fields(&self, class: &ClassName, new_fields: &[(FieldName, Field)]) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for (name, field) in new_fields {
            outcome = match self.store.add_field(class, name, field).await {
                Ok(()) | Err(StoreError::SchemaConflict) => Ok(()),
                Err(error) => Err(error),
            };
            if outcome.is_err() {
                break;
            }
        }
        self.index(class, new_fields).await;
        self.invalidation.schema_changed().await;
        outcome
    }

    /// Polygons can only be searched with an index. Without it the write is stored all the same.
    pub(crate) async fn index(&self, class: &ClassName, fields: &[(FieldName, Field)]) {
        for (name, _) in fields.iter().filter(|(_, field)| field.field_type == FieldType::Polygon) {
            let index = Index {
                name: format!("{name}_2dsphere"),
                keys: vec![(name.as_str().to_owned(), IndexKind::Geo2dSphere)],
                unique: false,
                sparse: false,
                case_insensitive: false,
                expire_after_seconds: None,
            };
            if let Err(error) = self.store.ensure_index(class, &index).await {
                tracing::warn!(parse.class = %class, index = index.name, %error, "an index could not be made");
            }
        }
    }
}

/// The classes that have no schema of their own have Parse's columns and no others, whatever the schema collection says.
///
/// # Errors
/// 107 for another field, 111 for another type.
fn check_fixed_columns(name: &ClassName, written: &[TypedField]) -> Result<()> {
    match ClassSchema::new(name.clone()).plan(written)?.first() {
        None => Ok(()),
        Some((field, _)) => Err(ParseError::new(ErrorCode::InvalidJson, format!("Could not add field {field}"))),
    }
}
