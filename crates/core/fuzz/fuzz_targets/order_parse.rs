//! An `order`, `keys` and `excludeKeys` never panic, and sorting by what was accepted is an order.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{
    ClassName, ClassSchema, Date, Object, ObjectId, Value,
    query::{
        Selection, order,
        sort::{self, SortValues},
    },
};
use serde_json::Value as Json;

/// An object whose field `channels` (the class's only array) holds the value.
fn object(id: &str, value: &Json) -> Object {
    let value = Value::from_nested(value.clone()).unwrap_or(Value::Null);
    Object {
        id: ObjectId::new(id).expect("not empty and without NUL"),
        created_at: Date(0),
        updated_at: Date(0),
        acl: None,
        fields: [("channels".to_owned(), value)].into_iter().collect(),
    }
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (text, values) = text.split_once('\n').unwrap_or((text, "[]"));
    let schema = ClassSchema::new(ClassName::new("_Installation").expect("one of Parse's own classes"));
    let selection = Selection::parse(Some(text), Some(text), &schema);
    assert!(selection.fields.is_some_and(|fields| fields.iter().any(|field| field == "objectId")));
    let Ok(keys) = order::parse(text, &schema) else { return };
    let Ok(Json::Array(values)) = serde_json::from_str::<Json>(values) else { return };
    let objects: Vec<Object> = values.iter().take(3).map(|value| object("x", value)).collect();
    let values: Vec<SortValues> = objects.iter().map(|object| sort::values(&keys, object)).collect();
    let [first, second, third] = values.as_slice() else { return };
    let compare = |left: &SortValues, right: &SortValues| sort::compare_values(&keys, left, right);
    assert_eq!(compare(first, first), Ordering::Equal);
    assert_eq!(compare(first, second), compare(second, first).reverse());
    if compare(first, second).is_le() && compare(second, third).is_le() {
        assert!(compare(first, third).is_le());
    }
});
