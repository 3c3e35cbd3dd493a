//! What the answer to a write holds beyond id and time: values that the client cannot know.

use bson::RawDocumentBuf;
use parsefleet_core::{
    ClassSchema, Date, FieldName, FieldPath, Map, Object, Value, error::Result, value::write_members,
};
use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    codec::{self, Roots},
    error::corrupt_document,
};

/// `{"objectId": …, "createdAt": …}` with these fields and the ACL that the class gave.
pub(super) fn created<'f>(
    object: &Object,
    fields: impl Iterator<Item = &'f FieldName>,
    default_acl: Option<&JsonMap<String, Json>>,
) -> Vec<u8> {
    let mut reply = Map::new();
    reply.insert("objectId", Value::String(object.id.as_str().to_owned()));
    reply.insert("createdAt", Value::String(object.created_at.to_iso()));
    for name in fields {
        if let Some(value) = object.fields.get(name.as_str()) {
            reply.insert(name.as_str(), value.clone());
        }
    }
    let acl = default_acl.map(|acl| format!(r#","ACL":{}"#, Json::Object(acl.clone())));
    json(&reply, acl.as_deref().unwrap_or_default())
}

/// `{"updatedAt": …}` with the values at these paths.
///
/// # Errors
/// The document cannot be read.
pub(super) fn updated(
    schema: &ClassSchema,
    document: &RawDocumentBuf,
    computed: &[FieldPath],
    updated_at: Date,
) -> Result<Vec<u8>> {
    let mut reply = Map::new();
    reply.insert("updatedAt", Value::String(updated_at.to_iso()));
    if !computed.is_empty() {
        let roots: Vec<&str> = computed.iter().map(FieldPath::root).collect();
        let object = codec::decode(schema, document, Roots::Only(&roots)).map_err(corrupt_document)?;
        for path in computed {
            echo(&mut reply, &object.fields, path);
        }
    }
    Ok(json(&reply, ""))
}

/// Adds the value at a path, inside nothing but what leads to it. Of an array the whole is given.
fn echo(reply: &mut Map, fields: &Map, path: &FieldPath) {
    let Some(stored) = fields.get(path.root()) else { return };
    if matches!(stored, Value::Null | Value::Pointer(_)) {
        return;
    }
    let rest: Vec<&str> = path.segments().skip(1).collect();
    let beside = reply.remove(path.root());
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

fn json(members: &Map, tail: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    body.push(b'{');
    write_members(members, &mut body);
    body.extend_from_slice(tail.as_bytes());
    body.push(b'}');
    body
}
