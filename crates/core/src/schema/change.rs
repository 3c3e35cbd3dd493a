//! What a request makes of a class: all of it is checked before anything is changed.

use indexmap::IndexMap;
use serde_json::{Map as JsonMap, Value as Json};

use super::{
    ClassSchema, Field, FieldType,
    class_permissions::check_permissions,
    field_request::{changed_options, is_default, new_field},
    index_request::IndexChange,
    request::{FieldRequest, SchemaRequest, SchemaRules, invalid_field_name},
};
use crate::{ClassName, ErrorCode, FieldName, ParseError, error::Result};

/// The columns of every class, which permissions and indexes of a change do not see as fields.
const COMMON: [&str; 4] = ["objectId", "createdAt", "updatedAt", "ACL"];

/// The way from one state of a class to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassChange {
    /// Fields that go, with their values.
    pub removed: Vec<FieldName>,
    /// Fields that come.
    pub added: Vec<(FieldName, Field)>,
    /// Fields that stay with other options.
    pub options: Vec<(FieldName, JsonMap<String, Json>)>,
    /// New class-level permissions; `null` for the usual ones.
    pub permissions: Option<Json>,
    /// Indexes.
    pub indexes: IndexChange,
}

/// The name of a class that requests about schemas may be about.
///
/// # Errors
/// 103
pub fn class_name(name: &str) -> Result<ClassName> {
    // The collections of relations are no classes, although they have names like some.
    ClassName::new(name).filter(|name| !name.is_join()).ok_or_else(|| invalid_class_name(name))
}

/// The refusal of what cannot be the name of a class.
pub(super) fn invalid_class_name(name: &str) -> ParseError {
    let rule = "classnames can only have alphanumeric characters and _, and must start with an alpha character ";
    ParseError::new(ErrorCode::InvalidClassName, format!("Invalid classname: {name}, {rule}"))
}

impl ClassSchema {
    /// The class that a request describes.
    ///
    /// # Errors
    /// The one that Parse Server answers to the request; 107 or 102 where it fails without one.
    pub fn create(name: ClassName, request: &SchemaRequest, rules: &SchemaRules) -> Result<Self> {
        let mut class = Self::new(name);
        let mut given: IndexMap<String, Field> = IndexMap::new();
        for (name, request) in &request.fields {
            let spec = match request {
                FieldRequest::Put(spec) => spec,
                // There is nothing yet to remove: a field without a type.
                FieldRequest::Remove => &JsonMap::new(),
            };
            let (_, field) = new_field(&class.name, name, spec)?;
            given.insert(name.clone(), field);
        }
        let own = class.fields.iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
        given.extend(own.map(|(name, field)| (name.clone(), field.clone())));
        check_only_geo_point(&given)?;
        let permissions = request.permissions.as_ref().unwrap_or(&Json::Null);
        check_permissions(permissions, |name| given.get(name).map(|field| &field.field_type), rules)?;
        for (name, field) in given {
            class.fields.entry(name).or_insert(field);
        }
        class.permissions = Some(permissions.clone()).filter(|permissions| !permissions.is_null());
        let has_field = |name: &str| class.fields.contains_key(name);
        let indexes = IndexChange::plan(&request.indexes, &class.indexes, has_field, rules.index_fields)?;
        class.indexes = indexes.made.into_iter().map(|(name, keys)| (name, Json::Object(keys))).collect();
        Ok(class)
    }

    /// What a request changes in the class.
    ///
    /// # Errors
    /// The one that Parse Server answers to the request; 107 or 102 where it fails without one.
    pub fn change(&self, request: &SchemaRequest, rules: &SchemaRules) -> Result<ClassChange> {
        self.check_existence(request)?;
        let mut change = ClassChange { permissions: request.permissions.clone(), ..ClassChange::default() };
        let mut merged: IndexMap<&str, Field> =
            self.fields.iter().map(|(name, field)| (name.as_str(), field.clone())).collect();
        merged.retain(|name, _| !COMMON.contains(name));
        for (name, request) in &request.fields {
            match request {
                FieldRequest::Remove => {
                    merged.shift_remove(name.as_str());
                }
                FieldRequest::Put(spec) if !self.fields.contains_key(name) => {
                    let (field_name, field) = new_field(&self.name, name, spec)?;
                    merged.insert(name, field.clone());
                    change.added.push((field_name, field));
                }
                FieldRequest::Put(_) => {}
            }
        }
        check_only_geo_point(&merged)?;
        if let Some(permissions) = &request.permissions {
            check_permissions(permissions, |name| merged.get(name).map(|field| &field.field_type), rules)?;
        }
        change.removed = self.removed(request)?;
        change.options = self.options(request)?;
        let has_field = |name: &str| merged.contains_key(name) || COMMON.contains(&name);
        change.indexes = IndexChange::plan(&request.indexes, &self.indexes, has_field, rules.index_fields)?;
        Ok(change)
    }

    /// Fields to be removed have to be there, fields that are there keep their type.
    fn check_existence(&self, request: &SchemaRequest) -> Result<()> {
        for (name, request) in &request.fields {
            let known = self.fields.get(name).map(|field| field.field_type.type_name());
            let refusal = match (request, known) {
                (FieldRequest::Remove, None) => format!("Field {name} does not exist, cannot delete."),
                (FieldRequest::Put(spec), Some(known)) if spec.get("type").and_then(Json::as_str) != Some(known) => {
                    format!("Field {name} exists, cannot update.")
                }
                (FieldRequest::Remove, Some(_)) | (FieldRequest::Put(_), _) => continue,
            };
            return Err(ParseError::new(ErrorCode::InvalidSchemaOperation, refusal));
        }
        Ok(())
    }

    fn removed(&self, request: &SchemaRequest) -> Result<Vec<FieldName>> {
        let removals = request.fields.iter().filter(|(_, request)| *request == FieldRequest::Remove);
        let removed = removals.map(|(name, _)| {
            let field_name = FieldName::new(name).ok_or_else(|| invalid_field_name(name))?;
            if is_default(&self.name, name) {
                return Err(ParseError::new(ErrorCode::ChangedKey, format!("field {name} cannot be changed")));
            }
            Ok(field_name)
        });
        removed.collect()
    }

    fn options(&self, request: &SchemaRequest) -> Result<Vec<(FieldName, JsonMap<String, Json>)>> {
        let mut changed = Vec::new();
        for (name, request) in &request.fields {
            let (FieldRequest::Put(spec), Some(field)) = (request, self.fields.get(name)) else { continue };
            let Some(options) = changed_options(&self.name, name, field, spec)? else { continue };
            // The columns of every class have no options: nothing would ever ask for them.
            if let Some(field_name) = FieldName::new(name).filter(|name| !COMMON.contains(&name.as_str())) {
                changed.push((field_name, options));
            }
        }
        Ok(changed)
    }
}

fn check_only_geo_point<N: AsRef<str>>(fields: &IndexMap<N, Field>) -> Result<()> {
    let mut points = fields.iter().filter(|(_, field)| field.field_type == FieldType::GeoPoint);
    match (points.next(), points.next()) {
        (Some((first, _)), Some((second, _))) => Err(ParseError::new(
            ErrorCode::IncorrectType,
            format!(
                "currently, only one GeoPoint field may exist in an object. Adding {} when {} already exists.",
                second.as_ref(),
                first.as_ref()
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
