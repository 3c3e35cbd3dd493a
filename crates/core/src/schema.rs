//! What a class looks like: its fields, their types and options.

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::ClassName;

mod change;
mod class_permissions;
mod columns;
mod definition;
mod field_request;
mod field_type;
mod index_request;
mod plan;
mod request;
mod required;
mod rest;

use change::invalid_class_name;
pub use change::{ClassChange, class_name};
pub use class_permissions::check_permissions;
pub use columns::{VOLATILE_CLASSES, default_columns};
pub use definition::{Definition, DefinitionPlan, DefinitionRules};
pub use index_request::{ID_INDEX, IndexChange};
pub use plan::TypedField;
pub use request::{FieldRequest, IndexFields, IndexRequest, SchemaRequest, SchemaRules};

/// The type of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Text.
    String,
    /// Number.
    Number,
    /// Boolean.
    Boolean,
    /// Date.
    Date,
    /// JSON object.
    Object,
    /// JSON array.
    Array,
    /// Reference to an object of the class.
    Pointer(String),
    /// Many-to-many relation with the class.
    Relation(String),
    /// Geographic point.
    GeoPoint,
    /// Geographic polygon.
    Polygon,
    /// File.
    File,
    /// Bytes.
    Bytes,
    /// The pseudo-type of the `ACL` column.
    Acl,
}

/// A field of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Type.
    pub field_type: FieldType,
    /// `required`, `defaultValue` and whatever else was given with the field, as JSON; usually empty.
    pub options: serde_json::Map<String, Json>,
}

/// A class as the schema collection describes it, default columns included.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSchema {
    /// Name.
    pub name: ClassName,
    /// Every field, the default columns of the class first (`objectId`, `createdAt`, `updatedAt`, `ACL`, …), then the others
    /// in the order in which the class got them.
    pub fields: IndexMap<String, Field>,
    /// Class-level permissions exactly as stored; `None` means public.
    pub permissions: Option<Json>,
    /// Indexes as recorded in the schema collection: name to key specification.
    pub indexes: serde_json::Map<String, Json>,
}

impl Field {
    /// A field without options.
    pub fn new(field_type: FieldType) -> Self {
        Self { field_type, options: serde_json::Map::new() }
    }

    /// Whether an object must have a value.
    pub fn is_required(&self) -> bool {
        self.options.get("required") == Some(&Json::Bool(true))
    }

    /// What a new object without a value gets, as REST JSON.
    pub fn default_value(&self) -> Option<&Json> {
        self.options.get("defaultValue").filter(|value| !value.is_null())
    }
}

impl ClassSchema {
    /// A class that has the columns Parse gives every class of this name, and no others.
    pub fn new(name: ClassName) -> Self {
        let fields = default_columns(&name).map(|(column, field_type)| (column.to_owned(), Field::new(field_type)));
        Self { fields: fields.collect(), name, permissions: None, indexes: serde_json::Map::new() }
    }

    /// The type of a field, `None` if the class does not have it.
    pub fn field_type(&self, field: &str) -> Option<&FieldType> {
        self.fields.get(field).map(|field| &field.field_type)
    }
}
