//! The spellings of a field type: in the schema collection, in the REST API, in error texts.

use std::{borrow::Cow, fmt};

use super::FieldType;
use crate::Value;

impl FieldType {
    /// The type that the schema collection spells so (`*C` is a pointer to C). `None` if it is unknown.
    pub fn from_storage(text: &str) -> Option<Self> {
        if let Some(class) = text.strip_prefix('*') {
            return Some(Self::Pointer(class.to_owned()));
        }
        if let Some(class) = text.strip_prefix("relation<") {
            return Some(Self::Relation(class.strip_suffix('>')?.to_owned()));
        }
        match text {
            "string" => Some(Self::String),
            "number" => Some(Self::Number),
            "boolean" => Some(Self::Boolean),
            "date" => Some(Self::Date),
            "object" | "map" => Some(Self::Object),
            "array" => Some(Self::Array),
            "geopoint" => Some(Self::GeoPoint),
            "polygon" => Some(Self::Polygon),
            "file" => Some(Self::File),
            "bytes" => Some(Self::Bytes),
            _ => None,
        }
    }

    /// How the schema collection spells it; `None` for the ACL column, which is never stored there.
    pub fn to_storage(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Object => "object",
            Self::Array => "array",
            Self::Pointer(class) => return Some(format!("*{class}").into()),
            Self::Relation(class) => return Some(format!("relation<{class}>").into()),
            Self::GeoPoint => "geopoint",
            Self::Polygon => "polygon",
            Self::File => "file",
            Self::Bytes => "bytes",
            Self::Acl => return None,
        };
        Some(text.into())
    }

    /// The type with this REST `type` and `targetClass`. `None` if there is no such type or it lacks its class.
    pub fn from_rest(type_name: &str, target_class: Option<&str>) -> Option<Self> {
        match type_name {
            "String" => Some(Self::String),
            "Number" => Some(Self::Number),
            "Boolean" => Some(Self::Boolean),
            "Date" => Some(Self::Date),
            "Object" => Some(Self::Object),
            "Array" => Some(Self::Array),
            "Pointer" => target_class.map(|class| Self::Pointer(class.to_owned())),
            "Relation" => target_class.map(|class| Self::Relation(class.to_owned())),
            "GeoPoint" => Some(Self::GeoPoint),
            "Polygon" => Some(Self::Polygon),
            "File" => Some(Self::File),
            "Bytes" => Some(Self::Bytes),
            "ACL" => Some(Self::Acl),
            _ => None,
        }
    }

    /// REST `type`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Number => "Number",
            Self::Boolean => "Boolean",
            Self::Date => "Date",
            Self::Object => "Object",
            Self::Array => "Array",
            Self::Pointer(_) => "Pointer",
            Self::Relation(_) => "Relation",
            Self::GeoPoint => "GeoPoint",
            Self::Polygon => "Polygon",
            Self::File => "File",
            Self::Bytes => "Bytes",
            Self::Acl => "ACL",
        }
    }

    /// REST `targetClass` of a pointer or relation.
    pub fn target_class(&self) -> Option<&str> {
        match self {
            Self::Pointer(class) | Self::Relation(class) => Some(class),
            Self::String
            | Self::Number
            | Self::Boolean
            | Self::Date
            | Self::Object
            | Self::Array
            | Self::GeoPoint
            | Self::Polygon
            | Self::File
            | Self::Bytes
            | Self::Acl => None,
        }
    }

    /// The type a field gets from its value; `None` for null, which fits every type.
    pub fn of(value: &Value) -> Option<Self> {
        let field_type = match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Date(_) => Self::Date,
            Value::Pointer(pointer) => Self::Pointer(pointer.class_name.clone()),
            Value::GeoPoint(_) => Self::GeoPoint,
            Value::Polygon(_) => Self::Polygon,
            Value::File(_) => Self::File,
            Value::Bytes(_) => Self::Bytes,
            Value::Relation(class) => Self::Relation(class.to_string()),
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        };
        Some(field_type)
    }
}

/// As error texts print it: `String`, `Pointer<C>`.
impl fmt::Display for FieldType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.type_name())?;
        match self.target_class() {
            Some(class) => write!(formatter, "<{class}>"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FieldType;

    #[test]
    fn storage_and_rest_spellings_are_inverse() {
        for text in ["string", "number", "boolean", "date", "object", "array", "*C", "relation<_User>", "geopoint"]
            .into_iter()
            .chain(["polygon", "file", "bytes"])
        {
            let Some(field_type) = FieldType::from_storage(text) else { panic!("{text} is not read") };
            assert_eq!(field_type.to_storage().as_deref(), Some(text));
            assert_eq!(FieldType::from_rest(field_type.type_name(), field_type.target_class()), Some(field_type));
        }
    }

    #[test]
    fn old_and_unknown_spellings() {
        assert_eq!(FieldType::from_storage("map"), Some(FieldType::Object));
        assert_eq!(FieldType::from_storage("text"), None);
        assert_eq!(FieldType::from_storage("relation<C"), None);
        assert_eq!(FieldType::from_rest("Pointer", None), None);
        assert_eq!(FieldType::Acl.to_storage(), None);
    }

    #[test]
    fn error_texts_name_the_target_class() {
        assert_eq!(FieldType::Pointer("C".to_owned()).to_string(), "Pointer<C>");
        assert_eq!(FieldType::Acl.to_string(), "ACL");
    }
}
