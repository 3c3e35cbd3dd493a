//! MongoDB's order of objects: what is missing counts as null, types come before values, an array stands for its smallest
//! element in an ascending order and for its greatest in a descending one.
//!
//! Two things that only odd orders meet are simpler here: keys that lead through the same array are sorted by each for
//! itself, not by the array's elements together; and a number in a path names a place in an array before it names a member
//! (MongoDB refuses to decide).
//!
//! Sorting many objects takes their [`values`] once and then compares those. Use a stable sort, as ties keep their order.

use std::{borrow::Cow, cmp::Ordering};

use super::{
    Direction, SortKey,
    place::{Place, index, is_object},
    stored::{compare as compare_stored, member},
};
use crate::{Object, Value};

/// What one object sorts by: a value for each key. `None`, below null, is an array without elements.
#[derive(Clone, Debug, PartialEq)]
pub struct SortValues(Vec<Option<Value>>);

/// What the object sorts by.
pub fn values(keys: &[SortKey], object: &Object) -> SortValues {
    SortValues(keys.iter().map(|key| sort_value(key, object)).collect())
}

/// How MongoDB orders two objects that sort by these values.
pub fn compare_values(keys: &[SortKey], left: &SortValues, right: &SortValues) -> Ordering {
    let pairs = keys.iter().zip(left.0.iter().zip(&right.0));
    let order = |(key, (left, right)): (&SortKey, (&Option<Value>, &Option<Value>))| match key.direction {
        Direction::Ascending => compare_one(left, right),
        Direction::Descending => compare_one(right, left),
    };
    pairs.map(order).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn compare_one(left: &Option<Value>, right: &Option<Value>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => compare_stored(left, right),
        _ => left.is_some().cmp(&right.is_some()),
    }
}

fn sort_value(key: &SortKey, object: &Object) -> Option<Value> {
    let place = Place::new(&key.path, &key.column);
    let root = place.root_of(object);
    let mut found = Vec::new();
    collect(root.as_deref(), place.rest(), &mut found);
    let best = match key.direction {
        Direction::Ascending => found.into_iter().min_by(compare_one),
        Direction::Descending => found.into_iter().max_by(compare_one),
    };
    best.unwrap_or(Some(Value::Null))
}

/// Collects the values that an index on the path would hold.
fn collect(value: Option<&Value>, rest: &[String], found: &mut Vec<Option<Value>>) {
    match (value, rest.split_first()) {
        (Some(Value::Array(items)), None) if items.is_empty() => found.push(None),
        (Some(Value::Array(items)), None) => found.extend(items.iter().cloned().map(Some)),
        (Some(Value::Array(items)), Some((name, below))) => collect_from_array(items, name, below, rest, found),
        (Some(value), None) => found.push(Some(value.clone())),
        (Some(value), Some((name, below))) => collect(member(value, name).as_deref(), below, found),
        (None, _) => found.push(Some(Value::Null)),
    }
}

fn collect_from_array(items: &[Value], name: &str, below: &[String], rest: &[String], found: &mut Vec<Option<Value>>) {
    if let Some(item) = index(name).and_then(|index| items.get(index)) {
        collect(Some(item), below, found);
        return;
    }
    if items.is_empty() {
        found.push(Some(Value::Null));
    }
    for item in items {
        let value = if is_object(item) { Some(Cow::Borrowed(item)) } else { None };
        collect(value.as_deref(), rest, found);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed test is what a panic is for")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::query::{
        order,
        tests::{object, schema},
    };

    fn sorted(order: &str, objects: &[serde_json::Value]) -> Vec<String> {
        let keys = order::parse(order, &schema()).unwrap();
        let mut objects: Vec<Object> =
            objects.iter().enumerate().map(|(place, fields)| object(&place.to_string(), fields.clone())).collect();
        objects.sort_by(|left, right| compare_values(&keys, &values(&keys, left), &values(&keys, right)));
        objects.iter().map(|object| object.id.as_str().to_owned()).collect()
    }

    #[test]
    fn types_and_missing_values() {
        let objects = [json!({"n": "x"}), json!({"n": 2}), json!({}), json!({"n": null}), json!({"n": true})];
        assert_eq!(sorted("n", &objects), ["2", "3", "1", "0", "4"]);
        assert_eq!(sorted("-n", &objects), ["4", "0", "1", "2", "3"]);
    }

    #[test]
    fn arrays_sort_by_their_best_element() {
        let objects = [json!({"a": [5, 1]}), json!({"a": [2, 3]}), json!({"a": []}), json!({})];
        assert_eq!(sorted("a", &objects), ["2", "3", "0", "1"]);
        assert_eq!(sorted("-a", &objects), ["0", "1", "3", "2"]);
    }

    #[test]
    fn paths_and_several_keys() {
        let objects = [json!({"o": {"k": 2}, "n": 1}), json!({"o": {"k": [3, 1]}}), json!({"o": {"k": 2}, "n": 3})];
        assert_eq!(sorted("o.k,-n", &objects), ["1", "2", "0"]);
        assert_eq!(sorted("-objectId", &objects), ["2", "1", "0"]);
    }
}
