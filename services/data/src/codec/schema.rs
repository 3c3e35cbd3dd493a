//! Classes as documents of the schema collection.

use bson::{Bson, Document, RawDocument, doc};
use parsefleet_core::{ClassName, ClassSchema, FieldName, FieldType, schema::Field};
use serde_json::{Map, Value as Json};

use super::{
    CorruptDocument, plain_json,
    values::{json_object_to_document, json_to_bson},
};
use crate::store::{ClassEdit, Index, IndexKind};

/// Members of a schema document that are not fields.
const NOT_FIELDS: [&str; 3] = ["_id", "_metadata", "_client_permissions"];

/// A class from its document. What Parse does not know (a class or type of another time) is passed over.
///
/// # Errors
/// If the bytes are not BSON.
pub fn decode_class(document: &RawDocument) -> Result<Option<ClassSchema>, CorruptDocument> {
    Ok(read_class(&plain_json(document)?))
}

fn read_class(document: &Json) -> Option<ClassSchema> {
    let document = document.as_object()?;
    let mut class = ClassSchema::new(ClassName::new(document.get("_id")?.as_str()?)?);
    let metadata = document.get("_metadata");
    let options = metadata.and_then(|metadata| metadata.get("fields_options"));
    for (name, stored) in document {
        let field_type = stored.as_str().and_then(FieldType::from_storage);
        let (false, Some(field_type)) = (NOT_FIELDS.contains(&name.as_str()), field_type) else { continue };
        let options = options.and_then(|options| options.get(name)).and_then(Json::as_object);
        // The stored types of the default columns are not to be relied on: older databases have text for the dates.
        match class.fields.get_mut(name) {
            Some(default) => default.options = options.cloned().unwrap_or_default(),
            None => {
                class.fields.insert(name.clone(), Field { field_type, options: options.cloned().unwrap_or_default() });
            }
        }
    }
    class.permissions =
        metadata.and_then(|metadata| metadata.get("class_permissions")).filter(|stored| !stored.is_null()).cloned();
    class.indexes = metadata
        .and_then(|metadata| metadata.get("indexes"))
        .and_then(Json::as_object)
        .cloned()
        .unwrap_or_else(Map::new);
    Some(class)
}

/// The document of a new class, members in Parse Server's order.
pub fn encode_class(class: &ClassSchema) -> Document {
    let mut document =
        doc! { "_id": class.name.as_str(), "objectId": "string", "updatedAt": "date", "createdAt": "date" };
    let mut options = Document::new();
    for (name, field) in &class.fields {
        // The password of a user is an internal column.
        if class.name.as_str() == "_User" && name == "password" {
            continue;
        }
        let Some(type_name) = field.field_type.to_storage() else { continue };
        document.insert(name, type_name.as_ref());
        if !field.options.is_empty() {
            options.insert(name, json_object_to_document(&field.options));
        }
    }
    let mut metadata = Document::new();
    if !options.is_empty() {
        metadata.insert("fields_options", options);
    }
    if let Some(permissions) = class.permissions.as_ref().filter(|permissions| !permissions.is_null()) {
        metadata.insert("class_permissions", json_to_bson(permissions));
    }
    if !class.indexes.is_empty() {
        metadata.insert("indexes", json_object_to_document(&class.indexes));
    }
    if !metadata.is_empty() {
        document.insert("_metadata", Bson::Document(metadata));
    }
    document
}

/// What adding a field sets in the document of its class; `None` for the pseudo-field `ACL`.
pub(crate) fn encode_field(name: &FieldName, field: &Field) -> Option<Document> {
    let mut set = doc! { name.as_str(): field.field_type.to_storage()?.as_ref() };
    if !field.options.is_empty() {
        set.insert(format!("_metadata.fields_options.{name}"), json_object_to_document(&field.options));
    }
    Some(set)
}

/// What changing the description of a class sets in its document.
pub(crate) fn encode_edit(edit: &ClassEdit) -> Document {
    let mut set = Document::new();
    for (name, field) in &edit.added {
        set.extend(encode_field(name, field).unwrap_or_default());
    }
    for (name, options) in &edit.options {
        set.insert(format!("_metadata.fields_options.{name}"), json_object_to_document(options));
    }
    if let Some(permissions) = &edit.permissions {
        set.insert("_metadata.class_permissions", json_to_bson(permissions));
    }
    set
}

/// An index as the document of its class notes it.
pub(crate) fn index_keys(index: &Index) -> Document {
    let kind = |kind| match kind {
        IndexKind::Ascending => Bson::Int32(1),
        IndexKind::Descending => Bson::Int32(-1),
        IndexKind::Geo2d => "2d".into(),
        IndexKind::Geo2dSphere => "2dsphere".into(),
        IndexKind::Text => "text".into(),
        IndexKind::Hashed => "hashed".into(),
    };
    index.keys.iter().map(|(column, of)| (column.clone(), kind(*of))).collect()
}
