//! Operands: what a field is compared with.

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map as JsonMap, Value as Json};

use super::{Target, pointer};
use crate::{
    Date, Map, Value,
    query::Column,
    schema::FieldType,
    value::{File, GeoPoint, Pointer},
};

/// A value that stands for itself, without an operator. `None` if it cannot be compared with the field.
pub(super) fn direct(value: &Json, target: &Target<'_>) -> Option<Value> {
    if target.is_nested() { nested(value) } else { top_level(value).map(|value| as_id(value, target)) }
}

/// The operand of an operator. Text compared with a Pointer field is the id of an object of the field's class.
pub(super) fn compared(value: &Json, target: &Target<'_>) -> Option<Value> {
    if let (Json::String(id), Some(FieldType::Pointer(class))) = (value, target.field_type) {
        return Some(Value::Pointer(Pointer { class_name: class.clone(), object_id: id.clone() }));
    }
    direct(value, target)
}

/// A value that a sub-query found, as an operand of `$in` or `$nin` on the field.
pub(in crate::query) fn found(value: Value, target: &Target<'_>) -> Value {
    match (value, target.field_type) {
        (Value::String(id), Some(FieldType::Pointer(class))) if target.column == Column::Pointer => {
            Value::Pointer(Pointer { class_name: class.clone(), object_id: id })
        }
        (value, _) => value,
    }
}

/// A few classes of Parse's own have numbers for ids.
fn as_id(value: Value, target: &Target<'_>) -> Value {
    match value {
        Value::String(text) if target.numeric_id => text.trim().parse().map_or(Value::String(text), Value::Number),
        value => value,
    }
}

/// A column's value: a scalar, or one of Parse's types.
fn top_level(value: &Json) -> Option<Value> {
    match value {
        Json::Null => Some(Value::Null),
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::Number(number) => number.as_f64().map(Value::Number),
        Json::String(text) => Some(Value::String(text.clone())),
        Json::Object(members) => typed(members),
        Json::Array(_) => None,
    }
}

/// A value inside an array or object: any JSON but a regular expression.
pub(super) fn nested(value: &Json) -> Option<Value> {
    match value {
        Json::Array(items) => items.iter().map(nested).collect::<Option<_>>().map(Value::Array),
        Json::Object(members) => {
            if let Some(value) = typed(members) {
                return Some(value);
            }
            if members.contains_key("$regex") {
                return None;
            }
            let members = members.iter().map(|(key, value)| Some((key.clone(), nested(value)?)));
            members.collect::<Option<Map>>().map(Value::Object)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => top_level(value),
    }
}

fn typed(members: &JsonMap<String, Json>) -> Option<Value> {
    let text = |key| members.get(key).and_then(Json::as_str);
    match text("__type")? {
        "Date" => text("iso").and_then(Date::parse).map(Value::Date),
        "Pointer" => pointer(&Json::Object(members.clone())).map(Value::Pointer),
        "Bytes" => text("base64").map(|base64| Value::Bytes(decode_base64(base64))),
        "GeoPoint" => geo_point(members).map(Value::GeoPoint),
        "Polygon" => members.get("coordinates").and_then(Json::as_array).and_then(|points| polygon(points)),
        "File" => {
            text("name").map(|name| Value::File(File { name: name.to_owned(), url: text("url").map(str::to_owned) }))
        }
        _ => None,
    }
}

/// The place that `latitude` and `longitude` name.
pub(super) fn geo_point(members: &JsonMap<String, Json>) -> Option<GeoPoint> {
    let number = |key| members.get(key).and_then(Json::as_f64);
    Some(GeoPoint { latitude: number("latitude")?, longitude: number("longitude")? })
}

/// A Polygon literal: pairs of latitude and longitude, closed if it is not.
fn polygon(points: &[Json]) -> Option<Value> {
    let point = |point: &Json| {
        let [latitude, longitude] = point.as_array()?.as_slice() else { return None };
        Some(GeoPoint { latitude: latitude.as_f64()?, longitude: longitude.as_f64()? })
    };
    let mut points: Vec<GeoPoint> = points.iter().map(point).collect::<Option<_>>()?;
    let (first, last) = (*points.first()?, points.last()?);
    if first != *last {
        points.push(first);
    }
    Some(Value::Polygon(points))
}

/// Reads base64 as Node.js does: either alphabet, padded or not, up to the first thing that is not base64.
fn decode_base64(text: &str) -> Vec<u8> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let standard = text.replace('-', "+").replace('_', "/");
    engine.decode(standard).unwrap_or_default()
}
