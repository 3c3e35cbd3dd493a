//! What the tests of this module share: one class with a field of every type.

use serde_json::Value as Json;

use super::{Query, QueryAccess, QueryRules};
use crate::{
    ClassName, ClassSchema, Date, Object, ObjectId, Value,
    error::Result,
    schema::{Field, FieldType},
};

/// A class `T`; single letters name its fields.
pub(super) fn schema() -> ClassSchema {
    class("T")
}

pub(super) fn class(name: &str) -> ClassSchema {
    let fields = [
        ("objectId", FieldType::String),
        ("createdAt", FieldType::Date),
        ("updatedAt", FieldType::Date),
        ("ACL", FieldType::Acl),
        ("s", FieldType::String),
        ("n", FieldType::Number),
        ("b", FieldType::Boolean),
        ("d", FieldType::Date),
        ("o", FieldType::Object),
        ("a", FieldType::Array),
        ("p", FieldType::Pointer("Q".to_owned())),
        ("r", FieldType::Relation("Q".to_owned())),
        ("g", FieldType::GeoPoint),
        ("y", FieldType::Polygon),
        ("f", FieldType::File),
        ("x", FieldType::Bytes),
    ];
    let field = |field_type| Field { field_type, options: serde_json::Map::new() };
    ClassSchema {
        name: ClassName::new(name).expect("tests name valid classes"),
        fields: fields.into_iter().map(|(name, field_type)| (name.to_owned(), field(field_type))).collect(),
        permissions: None,
        indexes: serde_json::Map::new(),
    }
}

/// 2026-01-01T00:00:00Z.
pub(super) const NOW: Date = Date(1_767_225_600_000);

pub(super) fn parse(filter: Json) -> Result<Query> {
    Query::parse(&filter, &schema(), &QueryRules::new(QueryAccess::Client, NOW))
}

/// An object of the class with these fields.
pub(super) fn object(id: &str, fields: Json) -> Object {
    let Json::Object(members) = fields else { panic!("fields are an object: {fields}") };
    let value = |(name, value)| (name, Value::from_field(value).expect("tests use valid values"));
    Object {
        id: ObjectId::new(id).expect("tests use valid ids"),
        created_at: NOW,
        updated_at: NOW,
        acl: None,
        fields: members.into_iter().map(value).collect(),
    }
}
