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
    if text.iter().filter(|byte| **byte == b'&').count() >= MAX_PARAMETERS {
        return Err(Failure::http(413, "too many parameters"));
    }
    let mut object = Map::new();
    for (name, value) in form_urlencoded::parse(text) {
        let value = Value::from(value.into_owned());
        match object.get_mut(&*name) {
            None => {
                object.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(single) => *single = Value::Array(vec![single.take(), value]),
        }
    }
    Members::split(Bytes::from(Value::Object(object).to_string()))
}
