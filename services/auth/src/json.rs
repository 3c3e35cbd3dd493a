//! Bodies and rows as JSON.

use bytes::Bytes;
use parsefleet_core::{ErrorCode, FieldType, ParseError, Value, error::Result};
use serde_json::{Map, Value as Json, json};

/// Reads a body.
///
/// # Errors
/// 107 if it is not a JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Json>> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | Err(_) => {
            Err(ParseError::new(ErrorCode::InvalidJson, "invalid JSON"))
        }
    }
}

/// A body.
pub(crate) fn bytes(members: Map<String, Json>) -> Bytes {
    Bytes::from(Json::Object(members).to_string())
}

/// An answer with something added at its end.
///
/// # Errors
/// The answer is no JSON object, which is nobody's doing but ours.
pub(crate) fn with(body: &[u8], added: impl IntoIterator<Item = (&'static str, Json)>) -> Result<Bytes> {
    let mut members = object(body).map_err(|_| internal())?;
    members.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(bytes(members))
}

/// An answer with what a trigger decided, as far as the answer does not tell it anyway. Of operations only a removal says
/// something to a client.
///
/// # Errors
/// The answer is no JSON object, which is nobody's doing but ours.
pub(crate) fn with_news(body: Bytes, news: Map<String, Json>) -> Result<Bytes> {
    if news.is_empty() {
        return Ok(body);
    }
    let mut members = object(&body).map_err(|_| internal())?;
    for (name, value) in news {
        let is_told = value.get("__op").is_none() || is_delete(&value);
        if is_told && !members.contains_key(&name) {
            members.insert(name, value);
        }
    }
    Ok(bytes(members))
}

/// A pointer to a user.
pub(crate) fn user_pointer(id: &str) -> Json {
    json!({ "__type": "Pointer", "className": "_User", "objectId": id })
}

/// The operation that removes a value.
pub(crate) fn delete() -> Json {
    json!({ "__op": "Delete" })
}

/// Whether the value is that operation.
pub(crate) fn is_delete(value: &Json) -> bool {
    value.get("__op").and_then(Json::as_str) == Some("Delete")
}

/// The refusal of a value that should have been a text.
pub(crate) fn not_a_text(field: &str, given: &Json) -> ParseError {
    let given = match Value::from_field(given.clone()) {
        Ok(value) => FieldType::of(&value).map_or_else(|| "null".to_owned(), |kind| kind.to_string()),
        Err(error) => return error,
    };
    let text = format!("schema mismatch for _User.{field}; expected String but got {given}");
    ParseError::new(ErrorCode::IncorrectType, text)
}

/// What is told of something that should not have happened.
pub(crate) fn internal() -> ParseError {
    ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn something_is_added_at_the_end() {
        let body = with(br#"{"objectId":"a"}"#, [("sessionToken", json!("r:1"))]).unwrap();
        assert_eq!(body, r#"{"objectId":"a","sessionToken":"r:1"}"#);
    }

    #[test]
    fn news_are_told_unless_they_are_known() {
        let news = json!({
            "a": 1, "b": 2, "gone": { "__op": "Delete" }, "more": { "__op": "Increment", "amount": 1 },
        });
        let body = with_news(Bytes::from_static(br#"{"b":3}"#), news.as_object().cloned().unwrap()).unwrap();
        assert_eq!(body, r#"{"b":3,"a":1,"gone":{"__op":"Delete"}}"#);
        assert_eq!(with_news(Bytes::from_static(b" {}"), Map::new()).unwrap(), " {}", "untouched");
    }

    #[test]
    fn what_is_no_text_is_refused_as_the_schema_does() {
        assert_eq!(
            not_a_text("password", &json!(5)).message,
            "schema mismatch for _User.password; expected String but got Number"
        );
        assert_eq!(
            not_a_text("password", &json!(["a"])).message,
            "schema mismatch for _User.password; expected String but got Array"
        );
    }
}
