//! What the answer to a write holds beyond id and time: values that the client cannot know.

use bson::RawDocumentBuf;
use parsefleet_core::{
    ClassSchema, Date, FieldName, FieldPath, Map, Object, Value, error::Result, value::write_members,
};
use serde_json::{Map as JsonMap, Value as Json};

use super::told::News;
use crate::{
    codec::{self, Roots},
    error::corrupt_document,
};

/// Values that operations led to, `objectId` and `createdAt`, the ACL and the defaults that the class gave, then what a trigger
/// did.
pub(super) fn created(
    object: &Object,
    computed: &[FieldName],
    default_acl: Option<&JsonMap<String, Json>>,
    given: &[FieldName],
    news: &News,
) -> Vec<u8> {
    let mut head = values_of(object, computed);
    head.insert("objectId", Value::String(object.id.as_str().to_owned()));
    head.insert("createdAt", Value::String(object.created_at.to_iso()));
    let mut body = Vec::with_capacity(64);
    body.push(b'{');
    write_members(&head, &mut body);
    if let Some(acl) = default_acl {
        body.extend_from_slice(format!(r#","ACL":{}"#, Json::Object(acl.clone())).as_bytes());
    }
    let tail = values_of(object, given);
    if !tail.is_empty() {
        body.push(b',');
        write_members(&tail, &mut body);
    }
    body.push(b'}');
    news.add_to(&mut body, |key| {
        head.get(key).is_some() || tail.get(key).is_some() || (key == "ACL" && default_acl.is_some())
    });
    body
}

fn values_of(object: &Object, names: &[FieldName]) -> Map {
    let mut values = Map::new();
    for name in names {
        if let Some(value) = object.fields.get(name.as_str()) {
            values.insert(name.as_str(), value.clone());
        }
    }
    values
}

/// The values at these paths, `updatedAt`, then what a trigger did.
///
/// # Errors
/// The document cannot be read.
pub(super) fn updated(
    schema: &ClassSchema,
    document: &RawDocumentBuf,
    computed: &[FieldPath],
    updated_at: Date,
    news: &News,
) -> Result<Vec<u8>> {
    let mut reply = Map::new();
    if !computed.is_empty() {
        let roots: Vec<&str> = computed.iter().map(FieldPath::root).collect();
        let object = codec::decode(schema, document, Roots::Only(&roots)).map_err(corrupt_document)?;
        for path in computed {
            echo(&mut reply, &object.fields, path);
        }
    }
    reply.insert("updatedAt", Value::String(updated_at.to_iso()));
    let mut body = Vec::with_capacity(64);
    body.push(b'{');
    write_members(&reply, &mut body);
    body.push(b'}');
    news.add_to(&mut body, |key| reply.get(key).is_some());
    Ok(body)
}

/// Adds the value at a path, inside nothing but what leads to it. Of an array the whole is given.
fn echo(reply: &mut Map, fields: &Map, path: &FieldPath) {
    let Some(stored) = fields.get(path.root()) else { return };
    if matches!(stored, Value::Null | Value::Pointer(_)) {
        return;
    }
    let rest: Vec<&str> = path.segments().skip(1).collect();
    let beside = reply.get(path.root()).cloned();
    if let Some(value) = along(beside, stored, &rest) {
        reply.insert(path.root(), value);
    }
}

/// What leads to the end of a path in a stored value, joined to what an earlier path led to.
fn along(beside: Option<Value>, stored: &Value, rest: &[&str]) -> Option<Value> {
    let (Some((next, rest)), Value::Object(members)) = (rest.split_first(), stored) else {
        return Some(stored.clone());
    };
    let mut outer = match beside {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let inner = outer.remove(next);
    let value = members.get(next).and_then(|stored| along(inner, stored, rest))?;
    outer.insert(*next, value);
    Some(Value::Object(outer))
}
