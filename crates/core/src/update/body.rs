//! What bodies of creates and updates have in common.

use serde_json::Value as Json;

use super::{RelationChange, Writer};
use crate::{
    Acl, ErrorCode, FieldName, FieldPath, FieldType, ParseError, Value, acl::is_truthy, error::Result,
    schema::TypedField,
};

/// The path that a key of a body stands for, if the writer may use it.
pub(super) fn column(key: &str, writer: Writer) -> Option<FieldPath> {
    FieldPath::new(key).or_else(|| match writer {
        Writer::Client => None,
        Writer::Maintenance => FieldPath::internal(key).filter(|path| !is_stored_form(path.root())),
        Writer::Service => {
            FieldPath::internal(key).filter(|path| path.as_str() == LEGACY_TOKEN || !is_stored_form(path.root()))
        }
    })
}

/// The token of users from the time before sessions: in `_User` nothing else is stored under this name.
const LEGACY_TOKEN: &str = "_session_token";

/// Columns in which the database keeps what REST knows by another name: written under both, a document would hold them
/// twice.
fn is_stored_form(column: &str) -> bool {
    const STORED_FORMS: [&str; 8] =
        ["_id", "_acl", "_rperm", "_wperm", "_created_at", "_updated_at", "_session_token", "_last_used"];
    STORED_FORMS.contains(&column) || column.starts_with("_p_")
}

/// The refusal of a key. Parse names the part before the first dot; where that is not what is wrong, the whole key.
pub(super) fn invalid_field_name(key: &str) -> ParseError {
    let root = key.split('.').next().unwrap_or_default();
    let name = if root.is_empty() || FieldName::new(root).is_some() { key } else { root };
    ParseError::new(ErrorCode::InvalidKeyName, format!("Invalid field name: {name}."))
}

/// The permissions in the value of `ACL`, if there are any. What is meant as something else than permissions would grant
/// nothing and thereby lock the object, so it is refused.
pub(super) fn acl(json: &Json) -> Result<Option<Acl>> {
    if !is_truthy(json) {
        return Ok(None);
    }
    if json.get("*unresolved").is_some_and(is_truthy) {
        return Err(ParseError::new(ErrorCode::InvalidAcl, "Invalid ACL."));
    }
    if json.get("__op").is_some_and(|operation| is_truthy(operation) && operation != "Delete") {
        return Err(ParseError::new(ErrorCode::InvalidJson, "Delete is the only operation on an ACL"));
    }
    if json.get("__type").is_some_and(is_truthy) {
        Value::from_field(json.clone())?;
    }
    Ok(Some(Acl::from_json(json)))
}

/// Collects what a write demands of the schema while its values are read.
pub(super) struct Types {
    writer: Writer,
    has_geo_point: bool,
    collected: Vec<TypedField>,
}

impl Types {
    pub(super) fn new(writer: Writer, fields: usize) -> Self {
        Self { writer, has_geo_point: false, collected: Vec::with_capacity(fields) }
    }

    /// Reads the value written to a path. Under a dotted key it is a value inside an object or array, but has to be valid
    /// for its type all the same.
    pub(super) fn read(&mut self, path: &FieldPath, json: Json) -> Result<Value> {
        let nested = match json.get("__type") {
            _ if !path.is_dotted() => None,
            Some(type_name) if is_truthy(type_name) => Some(json.clone()),
            _ => return self.typed(path, Value::from_nested(json)?),
        };
        let value = Value::from_field(json)?;
        self.count_geo_point(&value)?;
        let value = self.typed(path, value)?;
        match nested {
            Some(json) if !matches!(value, Value::Relation(_)) => Value::from_nested(json),
            _ => Ok(value),
        }
    }

    /// A dotted path makes its root an object, or an array if a number comes next.
    pub(super) fn add(&mut self, path: &FieldPath, field_type: FieldType) {
        let name = path.root_name();
        if self.writer == Writer::Service && name.is_internal() {
            return;
        }
        let field_type = match path.segments().nth(1) {
            None => field_type,
            Some(next) if is_index(next) && !is_table_by_number(name.as_str()) => FieldType::Array,
            Some(_) => FieldType::Object,
        };
        self.collected.push(TypedField { name, field_type });
    }

    /// The types that a relation operation implies: one for each class among its objects.
    pub(super) fn add_relation(&mut self, name: &FieldName, changes: &[RelationChange]) {
        let mut previous = None;
        for target in changes.iter().flat_map(RelationChange::targets) {
            if previous != Some(&target.class_name) {
                let field_type = FieldType::Relation(target.class_name.clone());
                self.collected.push(TypedField { name: name.clone(), field_type });
            }
            previous = Some(&target.class_name);
        }
    }

    pub(super) fn into_inner(self) -> Vec<TypedField> {
        self.collected
    }

    fn typed(&mut self, path: &FieldPath, value: Value) -> Result<Value> {
        if let Some(field_type) = FieldType::of(&value) {
            self.add(path, field_type);
        }
        Ok(value)
    }

    fn count_geo_point(&mut self, value: &Value) -> Result<()> {
        let is_geo_point = matches!(value, Value::GeoPoint(_));
        if is_geo_point && self.has_geo_point {
            return Err(ParseError::new(ErrorCode::IncorrectType, "there can only be one geopoint field in a class"));
        }
        self.has_geo_point |= is_geo_point;
        Ok(())
    }
}

fn is_index(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_digit())
}

/// Columns of `_PushStatus`: objects whose keys are numbers.
fn is_table_by_number(field: &str) -> bool {
    ["sentPerUTCOffset", "failedPerUTCOffset"].contains(&field)
}
