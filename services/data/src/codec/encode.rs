//! A new object as the document to be stored.

use bson::RawDocumentBuf;
use parsefleet_core::{Acl, ClassSchema, FieldType, Object, ParseError, Value, acl::Subjects};

use super::{
    values::{Place, write_value},
    writer::BsonWriter,
};

/// The document of a new object, columns in the order in which Parse Server writes them.
///
/// # Errors
/// If a key or the whole cannot be stored.
pub fn encode(schema: &ClassSchema, object: &Object) -> Result<RawDocumentBuf, ParseError> {
    let mut writer = BsonWriter::new();
    write_id(&mut writer, schema, object.id.as_str());
    for (field, value) in object.fields.iter() {
        if !is_split_auth_data(schema, field) {
            write_column(&mut writer, schema, field, value);
        }
    }
    if let Some(acl) = &object.acl {
        write_list(&mut writer, "_wperm", &acl.write);
        write_list(&mut writer, "_rperm", &acl.read);
    }
    if let Some(Value::Object(providers)) = object.fields.get("authData").filter(|_| is_user(schema)) {
        for (provider, value) in providers.iter().filter(|(_, value)| **value != Value::Null) {
            write_value(&mut writer, &format!("_auth_data_{provider}"), value, Place::Nested);
        }
    }
    if let Some(acl) = &object.acl {
        write_legacy_acl(&mut writer, acl);
    }
    writer.date("_created_at", object.created_at.0);
    writer.date("_updated_at", object.updated_at.0);
    writer.finish()
}

/// Classes whose rows have numbers as ids.
pub(crate) fn has_numeric_ids(class_name: &str) -> bool {
    matches!(class_name, "_GlobalConfig" | "_GraphQLConfig")
}

fn write_id(writer: &mut BsonWriter, schema: &ClassSchema, id: &str) {
    match id.parse::<i32>() {
        Ok(number) if has_numeric_ids(schema.name.as_str()) => writer.int32("_id", number),
        _ => writer.string("_id", id),
    }
}

fn write_column(writer: &mut BsonWriter, schema: &ClassSchema, field: &str, value: &Value) {
    match (field, value) {
        (_, Value::Relation(_)) => {}
        ("sessionToken", _) => write_value(writer, "_session_token", value, Place::Column),
        ("expiresAt", Value::String(text)) => match parsefleet_core::Date::parse(text) {
            Some(date) => writer.date(field, date.0),
            None => writer.string(field, text),
        },
        (_, Value::Pointer(_)) => write_value(writer, &format!("_p_{field}"), value, Place::Column),
        // A pointer created as null keeps its plain name.
        (_, Value::Null) => writer.null(field),
        (_, Value::String(_)) if matches!(schema.field_type(field), Some(FieldType::Pointer(_))) => {
            write_value(writer, &format!("_p_{field}"), value, Place::Column);
        }
        _ => write_value(writer, field, value, Place::Column),
    }
}

fn is_user(schema: &ClassSchema) -> bool {
    schema.name.as_str() == "_User"
}

fn is_split_auth_data(schema: &ClassSchema, field: &str) -> bool {
    field == "authData" && is_user(schema)
}

fn write_list(writer: &mut BsonWriter, key: &str, subjects: &[String]) {
    let array = writer.open_array(key);
    for (index, subject) in subjects.iter().enumerate() {
        writer.string(itoa::Buffer::new().format(index), subject);
    }
    writer.close(array);
}

/// `_acl` mirrors the permissions for very old readers: writers first, then those who only read.
fn write_legacy_acl(writer: &mut BsonWriter, acl: &Acl) {
    let (readers, writers) = (Subjects::new(&acl.read), Subjects::new(&acl.write));
    let document = writer.open_document("_acl");
    for subject in &acl.write {
        let rights = writer.open_document(subject);
        writer.boolean("w", true);
        if readers.contains(subject) {
            writer.boolean("r", true);
        }
        writer.close(rights);
    }
    for subject in acl.read.iter().filter(|subject| !writers.contains(subject)) {
        let rights = writer.open_document(subject);
        writer.boolean("r", true);
        writer.close(rights);
    }
    writer.close(document);
}
