//! Single values in their stored form.

use bson::{Bson, Document, spec::BinarySubtype};
use parsefleet_core::{Map, ParseError, Value, value::GeoPoint};

use super::writer::{BsonWriter, as_int32};

/// Where a value is stored: what a pointer, a file or a place looks like depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a column of its own.
    Column,
    /// Inside an object or array.
    Nested,
}

/// The stored form of a value, for filters and updates.
///
/// # Errors
/// `InvalidNestedKey` if a key in it cannot be stored.
pub fn to_bson(value: &Value, place: Place) -> Result<Bson, ParseError> {
    Ok(match value {
        Value::Null => Bson::Null,
        Value::Bool(value) => Bson::Boolean(*value),
        Value::Number(number) => number_to_bson(*number),
        Value::String(text) => Bson::String(text.clone()),
        Value::Date(date) => Bson::DateTime(bson::DateTime::from_millis(date.0)),
        Value::Bytes(bytes) => Bson::Binary(bson::Binary { subtype: BinarySubtype::Generic, bytes: bytes.clone() }),
        compound => {
            let mut writer = BsonWriter::new();
            write_value(&mut writer, "value", compound, place);
            let document = writer.finish()?;
            let element = document.get("value").ok().flatten();
            element.and_then(|element| Bson::try_from(element).ok()).unwrap_or(Bson::Null)
        }
    })
}

/// A number as the Node driver stores it.
pub fn number_to_bson(number: f64) -> Bson {
    as_int32(number).map_or(Bson::Double(number), Bson::Int32)
}

/// Plain JSON (no `__type`) as the Node driver stores it: permissions, field options, index specifications.
pub fn json_to_bson(json: &serde_json::Value) -> Bson {
    match json {
        serde_json::Value::Null => Bson::Null,
        serde_json::Value::Bool(value) => Bson::Boolean(*value),
        serde_json::Value::Number(number) => number.as_f64().map_or(Bson::Null, number_to_bson),
        serde_json::Value::String(text) => Bson::String(text.clone()),
        serde_json::Value::Array(items) => Bson::Array(items.iter().map(json_to_bson).collect()),
        serde_json::Value::Object(members) => Bson::Document(json_object_to_document(members)),
    }
}

/// A plain JSON object as a document.
pub fn json_object_to_document(members: &serde_json::Map<String, serde_json::Value>) -> Document {
    members.iter().map(|(key, value)| (key.clone(), json_to_bson(value))).collect()
}

/// Writes one element. A relation writes nothing in a column: its rows are in the join collection.
pub(crate) fn write_value(writer: &mut BsonWriter, key: &str, value: &Value, place: Place) {
    match value {
        Value::Null => writer.null(key),
        Value::Bool(value) => writer.boolean(key, *value),
        Value::Number(number) => writer.number(key, *number),
        Value::String(text) => writer.string(key, text),
        Value::Date(date) => writer.date(key, date.0),
        Value::Bytes(bytes) => writer.binary(key, bytes),
        Value::Array(items) => {
            let array = writer.open_array(key);
            for (index, item) in items.iter().enumerate() {
                write_value(writer, itoa::Buffer::new().format(index), item, Place::Nested);
            }
            writer.close(array);
        }
        Value::Object(members) => write_members(writer, key, members),
        Value::Pointer(_) | Value::GeoPoint(_) | Value::Polygon(_) | Value::File(_) | Value::Relation(_) => match place
        {
            Place::Column => write_typed_column(writer, key, value),
            Place::Nested => write_typed_nested(writer, key, value),
        },
    }
}

fn write_members(writer: &mut BsonWriter, key: &str, members: &Map) {
    let document = writer.open_document(key);
    for (key, value) in members.iter() {
        write_value(writer, key, value, Place::Nested);
    }
    writer.close(document);
}

fn write_typed_column(writer: &mut BsonWriter, key: &str, value: &Value) {
    match value {
        Value::Pointer(pointer) => writer.text(key, &[&pointer.class_name, "$", &pointer.object_id]),
        Value::GeoPoint(point) => write_pair(writer, key, point.longitude, point.latitude),
        Value::Polygon(vertices) => write_geo_json(writer, key, vertices),
        Value::File(file) => writer.string(key, &file.name),
        _ => {}
    }
}

/// Inside objects these keep their JSON form.
fn write_typed_nested(writer: &mut BsonWriter, key: &str, value: &Value) {
    let document = writer.open_document(key);
    match value {
        Value::Pointer(pointer) => {
            writer.string("__type", "Pointer");
            writer.string("className", &pointer.class_name);
            writer.string("objectId", &pointer.object_id);
        }
        Value::GeoPoint(point) => {
            writer.string("__type", "GeoPoint");
            writer.number("latitude", point.latitude);
            writer.number("longitude", point.longitude);
        }
        Value::Polygon(vertices) => {
            writer.string("__type", "Polygon");
            let array = writer.open_array("coordinates");
            for (index, vertex) in vertices.iter().enumerate() {
                write_pair(writer, itoa::Buffer::new().format(index), vertex.latitude, vertex.longitude);
            }
            writer.close(array);
        }
        Value::File(file) => {
            writer.string("__type", "File");
            writer.string("name", &file.name);
            if let Some(url) = &file.url {
                writer.string("url", url);
            }
        }
        Value::Relation(class_name) => {
            writer.string("__type", "Relation");
            writer.string("className", class_name.as_str());
        }
        _ => {}
    }
    writer.close(document);
}

fn write_geo_json(writer: &mut BsonWriter, key: &str, vertices: &[GeoPoint]) {
    let document = writer.open_document(key);
    writer.string("type", "Polygon");
    let coordinates = writer.open_array("coordinates");
    let ring = writer.open_array("0");
    for (index, vertex) in vertices.iter().enumerate() {
        write_pair(writer, itoa::Buffer::new().format(index), vertex.longitude, vertex.latitude);
    }
    writer.close(ring);
    writer.close(coordinates);
    writer.close(document);
}

fn write_pair(writer: &mut BsonWriter, key: &str, first: f64, second: f64) {
    let array = writer.open_array(key);
    writer.number("0", first);
    writer.number("1", second);
    writer.close(array);
}
