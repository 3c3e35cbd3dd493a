//! Where a named field is stored, and what that means for the operands of its constraints.

use crate::{ClassSchema, FieldName, FieldPath, query::Column, schema::FieldType};

/// A field of a query.
pub(in crate::query) struct Target<'a> {
    /// REST name.
    pub(in crate::query) path: FieldPath,
    /// Place.
    pub(in crate::query) column: Column,
    /// Type in the schema; `None` for a path into a field, an unknown field, and those that only Parse writes.
    pub(in crate::query) field_type: Option<&'a FieldType>,
    /// Whether text compared for equality is read as a date.
    pub(in crate::query) coerces_dates: bool,
    /// Whether the class keeps numbers as object ids.
    pub(in crate::query) numeric_id: bool,
}

/// Internal columns that hold dates, and the others.
const INTERNAL_COLUMNS: [(&str, bool); 12] = [
    ("_hashed_password", false),
    ("_rperm", false),
    ("_wperm", false),
    ("_email_verify_token", false),
    ("_perishable_token", false),
    ("_perishable_token_expires_at", true),
    ("_email_verify_token_expires_at", true),
    ("_failed_login_count", false),
    ("_account_lockout_expires_at", true),
    ("_password_changed_at", true),
    ("_password_history", false),
    ("_tombstone", false),
];

impl<'a> Target<'a> {
    /// `None` if the key cannot be a path.
    pub(in crate::query) fn resolve(key: &str, schema: &'a ClassSchema) -> Option<Self> {
        if key.starts_with('_') {
            return Self::internal(key);
        }
        let path = FieldPath::in_query(key)?;
        let column = column(&path, schema);
        let field_type = match column {
            Column::CreatedAt | Column::UpdatedAt | Column::Nested | Column::AuthData | Column::TextScore => None,
            Column::Renamed("_last_used") => None,
            Column::ObjectId
            | Column::Pointer
            | Column::Array
            | Column::Relation
            | Column::Plain
            | Column::Renamed(_) => schema.field_type(key),
        };
        let coerces_dates = matches!(key, "createdAt" | "updatedAt" | "expiresAt" | "lastUsed");
        let numeric_id = key == "objectId" && matches!(schema.name.as_str(), "_GlobalConfig" | "_GraphQLConfig");
        Some(Self { path, column, field_type, coerces_dates, numeric_id })
    }

    fn internal(key: &str) -> Option<Self> {
        if key == "_session_token" {
            let path = FieldPath::in_query("sessionToken")?;
            let column = Column::Renamed("_session_token");
            return Some(Self { path, column, field_type: None, coerces_dates: false, numeric_id: false });
        }
        let (name, coerces_dates) = *INTERNAL_COLUMNS.iter().find(|(name, _)| *name == key)?;
        let path = FieldPath::from(FieldName::internal(name)?);
        Some(Self { path, column: Column::Renamed(name), field_type: None, coerces_dates, numeric_id: false })
    }

    /// Whether operands are values inside an array or object, rather than a column's.
    pub(in crate::query) fn is_nested(&self) -> bool {
        matches!(self.column, Column::Array | Column::Nested | Column::AuthData)
    }
}

fn column(path: &FieldPath, schema: &ClassSchema) -> Column {
    if path.is_dotted() {
        let auth_data = path.root() == "authData" && schema.name.as_str() == "_User";
        return if auth_data { Column::AuthData } else { Column::Nested };
    }
    match path.as_str() {
        "objectId" => Column::ObjectId,
        "createdAt" => Column::CreatedAt,
        "updatedAt" => Column::UpdatedAt,
        "sessionToken" => Column::Renamed("_session_token"),
        "lastUsed" => Column::Renamed("_last_used"),
        "timesUsed" => Column::Renamed("times_used"),
        "authData" if schema.name.as_str() == "_User" => Column::AuthData,
        name => match schema.field_type(name) {
            Some(FieldType::Pointer(_)) => Column::Pointer,
            Some(FieldType::Array) => Column::Array,
            Some(FieldType::Relation(_)) => Column::Relation,
            Some(
                FieldType::String
                | FieldType::Number
                | FieldType::Boolean
                | FieldType::Date
                | FieldType::Object
                | FieldType::GeoPoint
                | FieldType::Polygon
                | FieldType::File
                | FieldType::Bytes
                | FieldType::Acl,
            )
            | None => Column::Plain,
        },
    }
}

/// The column that `order` sorts by, for a path in a class.
pub(in crate::query) fn sort_column(path: &FieldPath, schema: &ClassSchema) -> Column {
    column(path, schema)
}
