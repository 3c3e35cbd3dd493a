//! `application/x-www-form-urlencoded` bodies: a flat object of strings.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::Members;
use crate::failure::{Failure, Result};

/// body-parser's limit.
const MAX_PARAMETERS: usize = 1000;

/// Turns a form into the JSON object it stands for. A name that comes more than once becomes an array.
///
/// # Errors
/// 413 for more than a thousand parameters.
pub(super) fn parse(text: &[u8]) -> Result<Members> {
    let mut object = Map::new();
    for (name, value) in pairs(text)? {
        let value = Value::from(value);
        match object.get_mut(&name) {
            None => {
                object.insert(name, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(single) => *single = Value::Array(vec![single.take(), value]),
        }
    }
    Members::split(Bytes::from(Value::Object(object).to_string()))
}

/// The names and values of a form, in its order.
///
/// # Errors
/// 413 for more than a thousand parameters.
pub(super) fn pairs(text: &[u8]) -> Result<Vec<(String, String)>> {
    if text.iter().filter(|byte| **byte == b'&').count() >= MAX_PARAMETERS {
        return Err(Failure::http(413, "too many parameters"));
    }
    let pairs = form_urlencoded::parse(text);
    Ok(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}
