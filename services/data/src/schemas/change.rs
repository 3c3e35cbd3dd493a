//! Making a class and changing it.

use std::sync::Arc;

use bytes::Bytes;
use parsefleet_core::{
    ClassSchema, ErrorCode, FieldName, ParseError,
    error::Result,
    schema::{FieldRequest, SchemaRequest, class_name},
};
use parsefleet_proto::v1::{CreateSchemaRequest, ModifySchemaRequest};
use serde_json::Value as Json;

use super::{check_writer, index, missing_class};
use crate::{
    error::parse_error,
    schema::Class,
    service::DataService,
    settings::Settings,
    store::{ClassEdit, StoreError},
};

/// Times that somebody else may get in between before a request gives up.
const ATTEMPTS: usize = 5;

impl DataService {
    /// Makes a class.
    ///
    /// # Errors
    /// 103 if it is there or its name cannot be one, 135 without a name, 119 for who may not; 102, 105, 107, 111 and 136 for
    /// what is wrong with the class.
    pub async fn create_schema(&self, request: &CreateSchemaRequest) -> Result<Bytes> {
        self.check_unlocked()?;
        check_writer(request.context.as_ref(), "create")?;
        let wanted = SchemaRequest::parse(&request.body)?;
        let path = Some(request.class_name.as_str()).filter(|name| !name.is_empty());
        check_same_name(path, &wanted)?;
        let Some(name) = path.or(wanted.class_name.as_deref()) else {
            return Err(ParseError::new(ErrorCode::MissingKey, "POST /schemas needs a class name."));
        };
        let class = self.make_class(name, &wanted).await?;
        Ok(class.to_rest_when_created().to_string().into())
    }

    /// Changes a class.
    ///
    /// # Errors
    /// 103 if it is not there, 119 for who may not; 102, 105, 107, 111, 136 and 255 for what is wrong with the change.
    pub async fn modify_schema(&self, request: &ModifySchemaRequest) -> Result<Bytes> {
        self.check_unlocked()?;
        check_writer(request.context.as_ref(), "update")?;
        let wanted = SchemaRequest::parse(&request.body)?;
        check_same_name(Some(&request.class_name), &wanted)?;
        let class = self.change_class(&request.class_name, wanted).await?;
        let mut shown = class.schema.to_rest();
        show_configured_protection(&mut shown, &request.class_name, &self.settings);
        Ok(shown.to_string().into())
    }

    /// Makes a class that is not there.
    pub(crate) async fn make_class(&self, name: &str, wanted: &SchemaRequest) -> Result<ClassSchema> {
        let snapshot = self.schema.fresh().await?;
        let exists = || ParseError::new(ErrorCode::InvalidClassName, format!("Class {name} already exists."));
        let is_volatile = parsefleet_core::schema::VOLATILE_CLASSES.contains(&name);
        if is_volatile || snapshot.stored_class(name).is_some() {
            return Err(exists());
        }
        let class = ClassSchema::create(class_name(name)?, wanted, &self.schema_rules())?;
        let indexes = index::made(&parsefleet_core::schema::IndexChange::of(&class))?;
        // Indexes first: what the database refuses makes no class.
        if !indexes.is_empty() {
            self.store.change_indexes(&class.name, &[], &indexes).await.map_err(parse_error)?;
        }
        match self.store.create_class(&class).await {
            Ok(()) => {}
            Err(StoreError::SchemaConflict) => return Err(exists()),
            Err(error) => return Err(parse_error(error)),
        }
        tracing::info!(parse.class = name, "class created");
        let fields = class.fields.iter().filter_map(|(name, field)| Some((FieldName::new(name)?, field.clone())));
        self.schema.index(&class.name, &fields.collect::<Vec<_>>()).await;
        self.schema.changed().await?;
        Ok(class)
    }

    /// Changes a class that is there; the class afterwards.
    pub(crate) async fn change_class(&self, name: &str, wanted: SchemaRequest) -> Result<Arc<Class>> {
        let outcome = self.apply_change(name, wanted).await;
        // Whatever was done before something failed has to be known.
        let snapshot = self.schema.changed().await;
        outcome?;
        snapshot?.stored_class(name).cloned().ok_or_else(|| missing_class(name))
    }

    async fn apply_change(&self, name: &str, mut wanted: SchemaRequest) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let snapshot = self.schema.fresh().await?;
            let class = snapshot.stored_class(name).ok_or_else(|| missing_class(name))?;
            let change = class.schema.change(&wanted, &self.schema_rules())?;
            let name = &class.schema.name;
            let indexes = index::made(&change.indexes)?;
            // Indexes first: what the database refuses changes nothing.
            if !change.indexes.is_empty() {
                let changed = self.store.change_indexes(name, &change.indexes.dropped, &indexes).await;
                changed.map_err(parse_error)?;
                wanted.indexes.clear();
            }
            // A class has one field of places at a time: an old one goes before a new one comes.
            if !change.removed.is_empty() {
                self.store.remove_fields(&class.schema, &change.removed).await.map_err(parse_error)?;
                tracing::info!(parse.class = %name, fields = change.removed.len(), "fields removed");
                wanted.fields.retain(|(_, request)| *request != FieldRequest::Remove);
            }
            let edit = ClassEdit { added: change.added, options: change.options, permissions: change.permissions };
            match self.store.edit_class(name, &edit).await {
                Ok(()) => {}
                Err(StoreError::SchemaConflict) => continue,
                Err(error) => return Err(parse_error(error)),
            }
            self.schema.index(name, &edit.added).await;
            return Ok(());
        }
        Err(parse_error(StoreError::SchemaConflict))
    }
}

/// Refuses a body that speaks of another class than the path.
fn check_same_name(path: Option<&str>, wanted: &SchemaRequest) -> Result<()> {
    match (path, &wanted.class_name) {
        (Some(path), Some(body)) if path != body => {
            Err(ParseError::new(ErrorCode::InvalidClassName, format!("Class name mismatch between {body} and {path}.")))
        }
        _ => Ok(()),
    }
}

/// The answer to a change shows the protected fields of the configuration among those of the class.
fn show_configured_protection(shown: &mut Json, name: &str, settings: &Settings) {
    let groups = settings.protected_fields.get(name).into_iter().flatten();
    for (group, fields) in groups {
        let Some(protected) = shown.pointer_mut("/classLevelPermissions/protectedFields").and_then(Json::as_object_mut)
        else {
            return;
        };
        let known = protected.entry(group.clone()).or_insert_with(|| Json::Array(Vec::new()));
        let Some(known) = known.as_array_mut() else { continue };
        for field in fields {
            if !known.iter().any(|name| name == field) {
                known.push(field.as_str().into());
            }
        }
    }
}
