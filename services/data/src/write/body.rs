//! The body of a write, before anything is known about its class.

use parsefleet_core::{ErrorCode, ParseError, denylist::KeywordDenylist, error::Result};
use serde_json::{Map, Value as Json};

/// Reads a body.
///
/// # Errors
/// 107 if it is not a JSON object, 105 if it holds a prohibited word.
pub(super) fn parse(bytes: &[u8], denylist: &KeywordDenylist) -> Result<Map<String, Json>> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let invalid = || ParseError::new(ErrorCode::InvalidJson, "invalid JSON");
    let body: Json = serde_json::from_slice(bytes).map_err(|_| invalid())?;
    denylist.check(&body)?;
    match body {
        Json::Object(members) => Ok(members),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Err(invalid()),
    }
}
