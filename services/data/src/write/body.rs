//! The body of a write, before anything is known about its class.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use serde_json::{Map, Value as Json};

use super::Denylist;

/// Reads a body.
///
/// # Errors
/// 107 if it is not a JSON object, 105 if it holds a prohibited word.
pub(super) fn parse(bytes: &[u8], denylist: &Denylist) -> Result<Map<String, Json>> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let body = match serde_json::from_slice(bytes) {
        Ok(Json::Object(body)) => body,
        Ok(_) | Err(_) => return Err(ParseError::new(ErrorCode::InvalidJson, "invalid JSON")),
    };
    denylist.check(&body)?;
    Ok(body)
}
