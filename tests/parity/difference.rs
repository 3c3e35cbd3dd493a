//! Where two JSON values differ, place by place.

use serde_json::{Map, Value};

/// Longer values are cut in reports.
const SHOWN: usize = 240;

/// The places at which `actual` is not `expected`, as texts. The order of members counts: it is part of an answer.
pub(crate) fn differences(expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect("", expected, actual, &mut found);
    found
}

fn collect(path: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => collect_members(path, expected, actual, found),
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                collect(&format!("{path}/{index}"), expected, actual, found);
            }
        }
        _ => tell(path, &expected.to_string(), &actual.to_string(), found),
    }
}

fn collect_members(path: &str, expected: &Map<String, Value>, actual: &Map<String, Value>, found: &mut Vec<String>) {
    for (key, value) in expected {
        match actual.get(key) {
            Some(other) => collect(&format!("{path}/{key}"), value, other, found),
            None => tell(&format!("{path}/{key}"), &value.to_string(), "absent", found),
        }
    }
    for (key, value) in actual.iter().filter(|(key, _)| !expected.contains_key(*key)) {
        tell(&format!("{path}/{key}"), "absent", &value.to_string(), found);
    }
    let names = |members: &Map<String, Value>| members.keys().cloned().collect::<Vec<_>>().join(", ");
    if expected.len() == actual.len()
        && ordered(expected).ne(ordered(actual))
        && actual.keys().all(|key| expected.contains_key(key))
    {
        tell(&format!("{path} (order of members)"), &names(expected), &names(actual), found);
    }
}

/// Names whose order counts: Parse Server makes the indexes of all providers at the same time.
fn ordered(members: &Map<String, Value>) -> impl Iterator<Item = &String> {
    members.keys().filter(|name| !name.starts_with("_auth_data_"))
}

fn tell(path: &str, expected: &str, actual: &str, found: &mut Vec<String>) {
    if expected != actual {
        found.push(format!("{path}: expected {}, actual {}", shortened(expected), shortened(actual)));
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
