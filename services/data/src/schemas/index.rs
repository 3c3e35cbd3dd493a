//! Indexes in the form that stores make them from.

use parsefleet_core::{ErrorCode, ParseError, error::Result, schema::IndexChange};
use serde_json::{Map as JsonMap, Value as Json};

use crate::store::{Index, IndexKind};

/// The indexes that a request wants made.
///
/// # Errors
/// 102 for a kind there is not.
pub(super) fn made(change: &IndexChange) -> Result<Vec<Index>> {
    change.made.iter().map(|(name, keys)| index(name, keys)).collect()
}

fn index(name: &str, keys: &JsonMap<String, Json>) -> Result<Index> {
    let keys = keys.iter().map(|(column, kind)| Ok((column.clone(), kind_of(name, kind)?)));
    Ok(Index {
        name: name.to_owned(),
        keys: keys.collect::<Result<_>>()?,
        unique: false,
        sparse: false,
        case_insensitive: false,
        expire_after_seconds: None,
    })
}

fn kind_of(name: &str, kind: &Json) -> Result<IndexKind> {
    let kind = match kind {
        Json::Number(number) => number.as_f64().map(|number| match number < 0.0 {
            true => IndexKind::Descending,
            false => IndexKind::Ascending,
        }),
        Json::String(text) => match text.as_str() {
            "2d" => Some(IndexKind::Geo2d),
            "2dsphere" => Some(IndexKind::Geo2dSphere),
            "text" => Some(IndexKind::Text),
            "hashed" => Some(IndexKind::Hashed),
            _ => None,
        },
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    };
    kind.ok_or_else(|| ParseError::new(ErrorCode::InvalidQuery, format!("Index {name} is of no known kind.")))
}
