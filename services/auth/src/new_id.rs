//! Ids that callers give to what they create.

use parsefleet_core::{ErrorCode, ParseError, acl::is_truthy, error::Result};
use serde_json::{Map, Value as Json};

/// Refuses an id that is not the caller's to give.
///
/// # Errors
/// 105 for any, unless the app allows them; then 104 for one that is nothing.
pub(crate) fn check(body: &Map<String, Json>, allow_custom: bool) -> Result<()> {
    let is_given = |key: &str| body.get(key).is_some_and(is_truthy);
    if allow_custom {
        if body.contains_key("objectId") && !is_given("objectId") {
            let text = "objectId must not be empty, null or undefined";
            return Err(ParseError::new(ErrorCode::MissingObjectId, text));
        }
        return Ok(());
    }
    match ["objectId", "id"].into_iter().find(|key| is_given(key)) {
        Some(key) => Err(ParseError::new(ErrorCode::InvalidKeyName, format!("{key} is an invalid field name."))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(body: Json, allow_custom: bool) -> Option<ErrorCode> {
        check(body.as_object().unwrap_or(&Map::new()), allow_custom).err().map(|error| error.code)
    }

    #[test]
    fn ids_are_given_by_the_server_unless_the_app_says_otherwise() {
        for key in ["objectId", "id"] {
            assert_eq!(refused(json!({ key: "a" }), false), Some(ErrorCode::InvalidKeyName), "{key}");
            assert_eq!(refused(json!({ key: "" }), false), None, "{key}");
        }
        assert_eq!(refused(json!({ "objectId": "a" }), true), None);
        assert_eq!(refused(json!({ "objectId": null }), true), Some(ErrorCode::MissingObjectId));
        assert_eq!(refused(json!({}), true), None);
    }
}
