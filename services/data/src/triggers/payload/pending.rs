//! A change inside a value, as it will be if nobody else gets in between.

use serde_json::{Map as JsonMap, Value as Json};

/// Changes what a path leads to, and makes what is missing on the way. What no operation can be applied to stays.
pub(super) fn change_at(members: &mut JsonMap<String, Json>, key: &str, rest: &str, change: &Json) {
    let next = rest.split('.').next().unwrap_or(rest);
    let inner = members.entry(key).or_insert_with(|| empty_before(next));
    change_inside(inner, rest, change);
}

fn change_inside(value: &mut Json, path: &str, change: &Json) {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    match value {
        Json::Array(elements) => {
            let Ok(index) = key.parse::<usize>() else { return };
            // A new element stands at the end. What lies beyond is the database's to make.
            if index == elements.len() && rest.is_none() {
                elements.extend(outcome(None, change));
            } else if let Some(element) = elements.get_mut(index) {
                match rest {
                    Some(rest) => change_inside(element, rest, change),
                    None => *element = outcome(Some(&*element), change).unwrap_or_default(),
                }
            }
        }
        Json::Object(members) => match rest {
            Some(rest) => change_at(members, key, rest, change),
            None => match outcome(members.get(key), change) {
                Some(value) => drop(members.insert(key.to_owned(), value)),
                None => drop(members.shift_remove(key)),
            },
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            *value = empty_before(key);
            change_inside(value, path, change);
        }
    }
}

/// What holds a key: an object, or an array if the key is a number.
fn empty_before(key: &str) -> Json {
    if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) {
        Json::Array(Vec::new())
    } else {
        Json::Object(JsonMap::new())
    }
}

/// What a change makes of a value; `None` if it is not there then.
fn outcome(before: Option<&Json>, change: &Json) -> Option<Json> {
    let Some(operation) = change.get("__op").and_then(Json::as_str) else { return Some(change.clone()) };
    let operands = change.get("objects").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let elements = || match before {
        None | Some(Json::Null) => Some(Vec::new()),
        Some(Json::Array(elements)) => Some(elements.clone()),
        Some(_) => None,
    };
    let changed = match operation {
        "Delete" => return None,
        "Increment" => sum(before, change.get("amount")),
        "Add" => elements().map(|elements| [&elements, operands].concat().into()),
        "AddUnique" => elements().map(|mut elements| {
            for operand in operands {
                if !elements.contains(operand) {
                    elements.push(operand.clone());
                }
            }
            elements.into()
        }),
        "Remove" => elements().map(|mut elements| {
            elements.retain(|element| !operands.contains(element));
            elements.into()
        }),
        _ => None,
    };
    changed.or_else(|| before.cloned())
}

fn sum(before: Option<&Json>, amount: Option<&Json>) -> Option<Json> {
    let before = before.map_or(Some(0.0), Json::as_f64)?;
    let sum = before + amount?.as_f64()?;
    // Whole numbers are written without a fraction, as everywhere.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number within the exact range")]
    let whole = (sum.fract() == 0.0 && sum.abs() < 9_007_199_254_740_992.0).then_some(sum as i64);
    whole.map(Json::from).or_else(|| serde_json::Number::from_f64(sum).map(Json::Number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn changed(before: Json, path: &str, change: Json) -> Json {
        let Json::Object(mut members) = json!({ "o": before }) else { unreachable!() };
        change_at(&mut members, "o", path, &change);
        members.remove("o").unwrap()
    }

    #[test]
    fn a_value_inside_is_set_and_what_leads_to_it_is_made() {
        assert_eq!(changed(json!({"a": 1, "b": 2}), "a", json!(3)), json!({"a": 3, "b": 2}));
        assert_eq!(changed(json!({"a": 1}), "b.c.d", json!(3)), json!({"a": 1, "b": {"c": {"d": 3}}}));
        assert_eq!(changed(json!([{"a": 1}]), "0.a", json!(2)), json!([{"a": 2}]));
        assert_eq!(changed(json!([1]), "1", json!(2)), json!([1, 2]));
        assert_eq!(changed(Json::Null, "0", json!(2)), json!([2]));
    }

    #[test]
    fn operations_inside_are_told_by_what_they_make() {
        let with = |name: &str, objects: Json| json!({"__op": name, "objects": objects});
        for (change, made) in [
            (json!({"__op": "Increment", "amount": 0.5}), json!({"n": 1.5, "l": [1, 2]})),
            (json!({"__op": "Increment", "amount": 2}), json!({"n": 3, "l": [1, 2]})),
            (json!({"__op": "Delete"}), json!({"l": [1, 2]})),
            // What cannot be done is the database's to refuse.
            (with("Add", json!([1])), json!({"n": 1, "l": [1, 2]})),
        ] {
            assert_eq!(changed(json!({"n": 1, "l": [1, 2]}), "n", change), made);
        }
        for (change, made) in [
            (with("Add", json!([2])), json!([1, 2, 2])),
            (with("AddUnique", json!([2, 3])), json!([1, 2, 3])),
            (with("Remove", json!([1])), json!([2])),
        ] {
            assert_eq!(changed(json!({"l": [1, 2]}), "l", change), json!({ "l": made }));
        }
    }
}
