//! JSON as JavaScript prints it, for error texts.

use serde_json::Value as Json;

/// What `String(value)` returns.
pub(super) fn to_string(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(_) => number(value),
        Json::String(text) => text.clone(),
        Json::Array(items) => {
            let item = |item: &Json| if item.is_null() { String::new() } else { to_string(item) };
            items.iter().map(item).collect::<Vec<_>>().join(",")
        }
        Json::Object(_) => "[object Object]".to_owned(),
    }
}

/// What `JSON.stringify(value)` returns.
pub(super) fn to_json(value: &Json) -> String {
    match value {
        Json::Number(_) => number(value),
        Json::Array(items) => format!("[{}]", items.iter().map(to_json).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let member = |(key, value): (&String, &Json)| format!("{}:{}", Json::from(key.as_str()), to_json(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Json::Null | Json::Bool(_) | Json::String(_) => value.to_string(),
    }
}

fn number(value: &Json) -> String {
    value.as_f64().map_or_else(|| value.to_string(), |number| ryu_js::Buffer::new().format(number).to_owned())
}
