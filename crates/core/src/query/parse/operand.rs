//! Operands: what a field is compared with.

use serde_json::{Map as JsonMap, Value as Json};

use super::Target;
use crate::{
    Value,
    query::Column,
    schema::FieldType,
    value::{GeoPoint, Pointer},
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

/// A few classes of Parse's own have numbers for ids, which are texts here like any other.
fn as_id(value: Value, target: &Target<'_>) -> Value {
    match value {
        Value::Number(number) if target.numeric_id => Value::String(ryu_js::Buffer::new().format(number).to_owned()),
        value => value,
    }
}

/// A column's value: a scalar, or one of Parse's types.
fn top_level(value: &Json) -> Option<Value> {
    let comparable = match value {
        Json::Object(members) => members.contains_key("__type"),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => true,
        Json::Array(_) => false,
    };
    let value = comparable.then(|| Value::from_field(value.clone()).ok())??;
    (!matches!(value, Value::Object(_) | Value::Relation(_))).then_some(value)
}

/// A value inside an array or object: anything that could be stored there.
pub(super) fn nested(value: &Json) -> Option<Value> {
    Value::from_nested(value.clone()).ok()
}

/// The place that `latitude` and `longitude` name.
pub(super) fn geo_point(members: &JsonMap<String, Json>) -> Option<GeoPoint> {
    let number = |key| members.get(key).and_then(Json::as_f64);
    Some(GeoPoint { latitude: number("latitude")?, longitude: number("longitude")? })
}
