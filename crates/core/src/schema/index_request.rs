//! Indexes as somebody wants to make or drop them.

use serde_json::{Map as JsonMap, Value as Json};

use super::{
    ClassSchema,
    request::{IndexFields, IndexRequest},
};
use crate::{ErrorCode, ParseError, error::Result, value::javascript_text};

/// The index of ids, which every collection has.
pub const ID_INDEX: &str = "_id_";

/// Kinds of index columns besides ascending and descending.
const KINDS: [&str; 4] = ["text", "2d", "2dsphere", "hashed"];

/// Indexes to be dropped and made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexChange {
    /// Names of those that go.
    pub dropped: Vec<String>,
    /// Those that come: name, and column to kind.
    pub made: Vec<(String, JsonMap<String, Json>)>,
}

impl IndexChange {
    /// Making every index of a new class.
    pub fn of(class: &ClassSchema) -> Self {
        let made = class.indexes.iter().filter_map(|(name, keys)| Some((name.clone(), keys.as_object()?.clone())));
        Self { dropped: Vec::new(), made: made.collect() }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.dropped.is_empty() && self.made.is_empty()
    }

    /// What a class with these indexes has to change.
    ///
    /// # Errors
    /// 102
    pub(super) fn plan(
        requests: &[(String, IndexRequest)],
        known: &JsonMap<String, Json>,
        has_field: impl Fn(&str) -> bool,
        fields: IndexFields,
    ) -> Result<Self> {
        let mut change = Self::default();
        for (name, request) in requests {
            let is_known = known.contains_key(name) || name == ID_INDEX;
            match request {
                IndexRequest::Remove if !is_known => {
                    return Err(invalid(format!("Index {name} does not exist, cannot delete.")));
                }
                IndexRequest::Remove if name == ID_INDEX => {
                    return Err(invalid(format!("Index {name} belongs to every class, cannot delete.")));
                }
                IndexRequest::Remove => change.dropped.push(name.clone()),
                IndexRequest::Make(_) if is_known => {
                    return Err(invalid(format!("Index {name} exists, cannot update.")));
                }
                IndexRequest::Make(keys) => {
                    check_keys(name, keys, &has_field, fields)?;
                    change.made.push((name.clone(), keys.clone()));
                }
            }
        }
        Ok(change)
    }
}

fn check_keys(
    name: &str,
    keys: &JsonMap<String, Json>,
    has_field: impl Fn(&str) -> bool,
    fields: IndexFields,
) -> Result<()> {
    if name.is_empty() || name == "*" || keys.is_empty() {
        return Err(invalid(format!("Index {name} needs a name and a field.")));
    }
    for (key, kind) in keys {
        let field = key.strip_prefix("_p_").unwrap_or(key);
        if fields == IndexFields::Known && !has_field(field) {
            return Err(invalid(format!("Field {key} does not exist, cannot add index.")));
        }
        let is_kind = match kind {
            Json::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
            Json::String(text) => KINDS.contains(&text.as_str()),
            _ => false,
        };
        if !is_kind {
            return Err(invalid(format!("Index {name} cannot be of the kind {}.", javascript_text(kind))));
        }
    }
    Ok(())
}

fn invalid(text: String) -> ParseError {
    ParseError::new(ErrorCode::InvalidQuery, text)
}
