//! Bodies of requests that create or change a class, before anything is known about the class.

use serde_json::{Map as JsonMap, Value as Json};

use crate::{ErrorCode, ParseError, acl::is_truthy, error::Result, update::ObjectIds, value::javascript_text};

/// What a body asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaRequest {
    /// `className`, if it names something.
    pub class_name: Option<String>,
    /// `fields`, in the order they were given.
    pub fields: Vec<(String, FieldRequest)>,
    /// `classLevelPermissions`; `null` stands for the usual ones.
    pub permissions: Option<Json>,
    /// `indexes`, in the order they were given.
    pub indexes: Vec<(String, IndexRequest)>,
}

/// What is to become of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldRequest {
    /// `{"__op": "Delete"}`
    Remove,
    /// Type and options, not yet looked at.
    Put(JsonMap<String, Json>),
}

/// What is to become of an index.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexRequest {
    /// `{"__op": "Delete"}`
    Remove,
    /// Stored column to kind.
    Make(JsonMap<String, Json>),
}

/// What the server was told about schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaRules {
    /// What ids of users look like in permissions.
    pub user_ids: ObjectIds,
    /// Whether an index may be on a field that the class does not have.
    pub index_fields: IndexFields,
}

/// Which columns an index may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexFields {
    /// Fields of the class.
    Known,
    /// Any.
    Any,
}

impl SchemaRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// 105 for a list in place of the fields, 107 for anything else that is not of the form described.
    pub fn parse(body: &[u8]) -> Result<Self> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(body) {
            Ok(Json::Object(members)) => Self::from_json(members),
            Ok(_) | Err(_) => Err(invalid_json()),
        }
    }

    /// Reads a body that was taken apart before.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn from_json(mut body: JsonMap<String, Json>) -> Result<Self> {
        if body.values().any(has_unstorable_key) {
            return Err(invalid_json());
        }
        Ok(Self {
            class_name: body.get("className").filter(|name| is_truthy(name)).map(javascript_text),
            fields: fields(body.remove("fields"))?,
            permissions: body
                .remove("classLevelPermissions")
                .map(|given| if is_truthy(&given) { given } else { Json::Null }),
            indexes: indexes(body.remove("indexes"))?,
        })
    }
}

fn fields(json: Option<Json>) -> Result<Vec<(String, FieldRequest)>> {
    let mut requests = Vec::new();
    for (name, spec) in members(json, invalid_field_name)? {
        let Json::Object(spec) = spec else { return Err(invalid_json()) };
        let request = if is_removal(&spec) { FieldRequest::Remove } else { FieldRequest::Put(spec) };
        requests.push((name, request));
    }
    Ok(requests)
}

fn indexes(json: Option<Json>) -> Result<Vec<(String, IndexRequest)>> {
    let mut requests = Vec::new();
    for (name, spec) in members(json, |_| invalid_json())? {
        let Json::Object(spec) = spec else { return Err(invalid_json()) };
        let request = if is_removal(&spec) { IndexRequest::Remove } else { IndexRequest::Make(spec) };
        requests.push((name, request));
    }
    Ok(requests)
}

/// The members of an object. What has none in JavaScript has none here; the positions of a text or list are no names.
fn members(json: Option<Json>, unnamed: impl Fn(&str) -> ParseError) -> Result<JsonMap<String, Json>> {
    match json {
        Some(Json::Object(members)) => Ok(members),
        Some(Json::Array(items)) if !items.is_empty() => Err(unnamed("0")),
        Some(Json::String(text)) if !text.is_empty() => Err(unnamed("0")),
        _ => Ok(JsonMap::new()),
    }
}

fn is_removal(spec: &JsonMap<String, Json>) -> bool {
    spec.get("__op").and_then(Json::as_str) == Some("Delete")
}

/// A NUL would end the key where it is stored.
fn has_unstorable_key(json: &Json) -> bool {
    match json {
        Json::Object(members) => members.iter().any(|(key, value)| key.contains('\0') || has_unstorable_key(value)),
        Json::Array(items) => items.iter().any(has_unstorable_key),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

pub(super) fn invalid_json() -> ParseError {
    ParseError::new(ErrorCode::InvalidJson, "invalid JSON")
}

pub(super) fn invalid_field_name(name: &str) -> ParseError {
    ParseError::new(ErrorCode::InvalidKeyName, format!("invalid field name: {name}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use serde_json::json;

    use super::*;

    fn parse(body: &Json) -> Result<SchemaRequest> {
        SchemaRequest::parse(body.to_string().as_bytes())
    }

    #[test]
    fn what_is_not_given_is_not_asked_for() {
        for body in [json!({}), json!({"fields": null, "indexes": 5, "className": ""}), json!({"fields": []})] {
            assert_eq!(parse(&body).unwrap(), SchemaRequest::default(), "{body}");
        }
        assert_eq!(SchemaRequest::parse(b"").unwrap(), SchemaRequest::default());
        assert_eq!(parse(&json!({"classLevelPermissions": 0})).unwrap().permissions, Some(Json::Null));
        assert_eq!(parse(&json!({"className": 5})).unwrap().class_name.as_deref(), Some("5"));
    }

    #[test]
    fn other_forms_are_refused() {
        for (body, code) in [
            (json!([]), 107),
            (json!({"fields": "ab"}), 105),
            (json!({"fields": {"a": null}}), 107),
            (json!({"fields": {"a": "String"}}), 107),
            (json!({"indexes": {"a": null}}), 107),
            (json!({"indexes": [{}]}), 107),
            (json!({"fields": {"a": {"type": "Object", "defaultValue": {"b\u{0}": 1}}}}), 107),
        ] {
            assert_eq!(parse(&body).unwrap_err().code as i32, code, "{body}");
        }
    }

    #[test]
    fn removals_are_told_from_additions() {
        let request = parse(&json!({
            "fields": {"a": {"__op": "Delete"}, "b": {"type": "String"}},
            "indexes": {"i": {"b": 1}, "j": {"__op": "Delete"}},
        }));
        let request = request.unwrap();
        assert_eq!(request.fields[0], ("a".to_owned(), FieldRequest::Remove));
        assert!(matches!(&request.fields[1], (name, FieldRequest::Put(_)) if name == "b"));
        assert!(matches!(&request.indexes[0], (name, IndexRequest::Make(_)) if name == "i"));
        assert_eq!(request.indexes[1], ("j".to_owned(), IndexRequest::Remove));
    }
}
