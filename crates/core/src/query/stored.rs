//! Values as MongoDB holds and orders them.
//!
//! A field's value is stored in another form than the same value inside an array or object (a Pointer as text, a GeoPoint as
//! a pair, a File as its name). [`lower`] gives the form of a field; everything else here takes values in stored form.

use std::{borrow::Cow, cmp::Ordering};

use crate::{
    Map, Value,
    value::{GeoPoint, Pointer},
};

/// The stored form of a field's value. `None` if nothing is stored in the row.
pub(super) fn lower(value: &Value) -> Option<Cow<'_, Value>> {
    match value {
        Value::Pointer(pointer) => Some(Cow::Owned(Value::String(pointer_text(pointer)))),
        Value::GeoPoint(point) => Some(Cow::Owned(pair(point))),
        Value::File(file) => Some(Cow::Owned(Value::String(file.name.clone()))),
        Value::Polygon(points) => {
            let ring = Value::Array(points.iter().map(pair).collect());
            let members = [
                ("type".to_owned(), Value::String("Polygon".to_owned())),
                ("coordinates".to_owned(), Value::Array(vec![ring])),
            ];
            Some(Cow::Owned(Value::Object(members.into_iter().collect())))
        }
        Value::Relation(_) => None,
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Date(_)
        | Value::Bytes(_)
        | Value::Array(_)
        | Value::Object(_) => Some(Cow::Borrowed(value)),
    }
}

fn pointer_text(pointer: &Pointer) -> String {
    format!("{}${}", pointer.class_name, pointer.object_id)
}

fn pair(point: &GeoPoint) -> Value {
    Value::Array(vec![Value::Number(point.longitude), Value::Number(point.latitude)])
}

/// The members of a stored object. `None` if the value is not stored as one.
pub(super) fn members(value: &Value) -> Option<Cow<'_, Map>> {
    let text = |text: &str| Value::String(text.to_owned());
    let members: Vec<(&str, Value)> = match value {
        Value::Object(members) => return Some(Cow::Borrowed(members)),
        Value::Pointer(pointer) => vec![
            ("__type", text("Pointer")),
            ("className", text(&pointer.class_name)),
            ("objectId", text(&pointer.object_id)),
        ],
        Value::GeoPoint(point) => vec![
            ("__type", text("GeoPoint")),
            ("latitude", Value::Number(point.latitude)),
            ("longitude", Value::Number(point.longitude)),
        ],
        Value::File(file) => {
            let url = file.url.as_deref().map(|url| ("url", text(url)));
            [("__type", text("File")), ("name", text(&file.name))].into_iter().chain(url).collect()
        }
        Value::Polygon(points) => {
            let pair =
                |point: &GeoPoint| Value::Array(vec![Value::Number(point.latitude), Value::Number(point.longitude)]);
            let points = points.iter().map(pair).collect();
            vec![("__type", text("Polygon")), ("coordinates", Value::Array(points))]
        }
        Value::Relation(class) => vec![("__type", text("Relation")), ("className", text(class.as_str()))],
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Date(_)
        | Value::Bytes(_)
        | Value::Array(_) => return None,
    };
    Some(Cow::Owned(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

/// One member of a stored object.
pub(super) fn member<'a>(value: &'a Value, key: &str) -> Option<Cow<'a, Value>> {
    match members(value)? {
        Cow::Borrowed(members) => members.get(key).map(Cow::Borrowed),
        Cow::Owned(mut members) => members.remove(key).map(Cow::Owned),
    }
}

/// The place of a type in MongoDB's order. Values of different ranks are never equal and never compared by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Null,
    Number,
    Text,
    Object,
    Array,
    Bytes,
    Bool,
    Date,
}

pub(super) fn rank(value: &Value) -> Rank {
    match value {
        Value::Null => Rank::Null,
        Value::Number(_) => Rank::Number,
        Value::String(_) => Rank::Text,
        Value::Array(_) => Rank::Array,
        Value::Bytes(_) => Rank::Bytes,
        Value::Bool(_) => Rank::Bool,
        Value::Date(_) => Rank::Date,
        Value::Object(_)
        | Value::Pointer(_)
        | Value::GeoPoint(_)
        | Value::Polygon(_)
        | Value::File(_)
        | Value::Relation(_) => Rank::Object,
    }
}

/// MongoDB's order of two stored values: types first; texts by bytes, binary data by length first, objects member by member
/// in their own order.
pub(super) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => numbers(*left, *right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Date(left), Value::Date(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Bytes(left), Value::Bytes(right)) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        (Value::Array(left), Value::Array(right)) => arrays(left, right),
        (Value::Pointer(left), Value::Pointer(right)) => {
            left.class_name.cmp(&right.class_name).then_with(|| left.object_id.cmp(&right.object_id))
        }
        _ => rank(left).cmp(&rank(right)).then_with(|| objects(left, right)),
    }
}

/// NaN cannot come from JSON, but a database may hold it: it is below all other numbers.
fn numbers(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

fn arrays(left: &[Value], right: &[Value]) -> Ordering {
    let differing = left.iter().zip(right).map(|(left, right)| compare(left, right)).find(|order| order.is_ne());
    differing.unwrap_or_else(|| left.len().cmp(&right.len()))
}

fn objects(left: &Value, right: &Value) -> Ordering {
    let (Some(left), Some(right)) = (members(left), members(right)) else { return Ordering::Equal };
    let member = |((left_key, left), (right_key, right)): ((&str, &Value), (&str, &Value))| {
        rank(left).cmp(&rank(right)).then_with(|| left_key.cmp(right_key)).then_with(|| compare(left, right))
    };
    let differing = left.iter().zip(right.iter()).map(member).find(|order| order.is_ne());
    differing.unwrap_or_else(|| left.len().cmp(&right.len()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed test is what a panic is for")]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(json: serde_json::Value) -> Value {
        Value::from_nested(json).unwrap()
    }

    #[test]
    fn types_are_ordered_before_values() {
        let ordered = [
            json!(null),
            json!(-1),
            json!(1e300),
            json!(""),
            json!("B"),
            json!("a"),
            json!("ä"),
            json!({}),
            json!({"b": 1}),
            json!({"a": "x"}),
            json!([]),
            json!([1]),
            json!([1, 2]),
            json!([2]),
            json!({"__type": "Bytes", "base64": "/w=="}),
            json!({"__type": "Bytes", "base64": "AAA="}),
            json!(false),
            json!(true),
            json!({"__type": "Date", "iso": "1970-01-01T00:00:00.000Z"}),
        ]
        .map(value);
        for pair in ordered.windows(2) {
            assert_eq!(compare(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(&pair[1], &pair[0]), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn objects_differ_by_the_order_of_members() {
        assert_ne!(compare(&value(json!({"a": 1, "b": 1})), &value(json!({"b": 1, "a": 1}))), Ordering::Equal);
        let pointer = value(json!({"__type": "Pointer", "className": "Q", "objectId": "x"}));
        let text = |key: &str, text: &str| (key.to_owned(), Value::String(text.to_owned()));
        let written_out = [text("__type", "Pointer"), text("className", "Q"), text("objectId", "x")];
        assert_eq!(compare(&pointer, &Value::Object(written_out.into_iter().collect())), Ordering::Equal);
    }

    #[test]
    fn both_zeros_are_one_number() {
        assert_eq!(compare(&Value::Number(0.0), &Value::Number(-0.0)), Ordering::Equal);
    }
}
