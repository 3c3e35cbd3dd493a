//! What the columns of a stored document are called, and what they mean.

use std::borrow::Cow;

use parsefleet_core::{ClassSchema, FieldPath, FieldType, query::Column};

/// The column in which a root field is found and changed.
///
/// `lastUsed` and `timesUsed` differ between creation (plain name) and change; readers take both.
pub fn stored_name<'n>(schema: &ClassSchema, field: &'n str) -> Cow<'n, str> {
    Cow::Borrowed(match field {
        "objectId" => "_id",
        "createdAt" => "_created_at",
        "updatedAt" => "_updated_at",
        "sessionToken" => "_session_token",
        "lastUsed" => "_last_used",
        "timesUsed" => "times_used",
        _ if matches!(schema.field_type(field), Some(FieldType::Pointer(_))) => {
            return Cow::Owned(format!("_p_{field}"));
        }
        _ => field,
    })
}

/// The column a path names, with the rest of the path.
pub(crate) fn column_name(path: &FieldPath, column: &Column) -> String {
    match column {
        Column::ObjectId => "_id".to_owned(),
        Column::CreatedAt => "_created_at".to_owned(),
        Column::UpdatedAt => "_updated_at".to_owned(),
        Column::Pointer => format!("_p_{path}"),
        Column::AuthData => match path.as_str().strip_prefix("authData.") {
            Some(provider) => format!("_auth_data_{provider}"),
            None => path.to_string(),
        },
        Column::Renamed(name) => (*name).to_owned(),
        Column::Array | Column::Relation | Column::Plain | Column::Nested | Column::TextScore => path.to_string(),
    }
}

/// The columns that hold a root field, for a projection.
pub fn projected_names(schema: &ClassSchema, field: &str, providers: &[String]) -> Vec<String> {
    match field {
        "ACL" => vec!["_rperm".to_owned(), "_wperm".to_owned()],
        "lastUsed" | "timesUsed" | "createdAt" | "updatedAt" => {
            vec![stored_name(schema, field).into_owned(), field.to_owned()]
        }
        "authData" if schema.name.as_str() == "_User" => {
            providers.iter().map(|provider| format!("_auth_data_{provider}")).collect()
        }
        _ => {
            let stored = stored_name(schema, field);
            // A pointer created as null is stored under the plain name.
            if stored.starts_with("_p_") {
                vec![stored.into_owned(), field.to_owned()]
            } else {
                vec![stored.into_owned()]
            }
        }
    }
}

/// What a stored column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored<'a> {
    Id,
    CreatedAt,
    UpdatedAt,
    LastUsed,
    ExpiresAt,
    TimesUsed,
    SessionToken,
    ReadPermissions,
    WritePermissions,
    /// One provider's identity of a user.
    AuthData(&'a str),
    /// A column only Parse itself writes.
    Internal,
    /// A pointer and the class it must lead to.
    Pointer(&'a str, &'a str),
    /// A field, with its type if the schema knows it.
    Field(&'a str, Option<&'a FieldType>),
    /// Nothing a reader may see: the legacy ACL, a reserved column, a pointer the schema does not know.
    Hidden,
}

/// Internal columns that a maintenance reader sees under their stored name.
const INTERNAL: [&str; 10] = [
    "_hashed_password",
    "_email_verify_token",
    "_email_verify_token_expires_at",
    "_perishable_token",
    "_perishable_token_expires_at",
    "_password_changed_at",
    "_password_history",
    "_failed_login_count",
    "_account_lockout_expires_at",
    "_tombstone",
];

impl<'a> Stored<'a> {
    /// Says what a column of a class is.
    pub(crate) fn classify(schema: &'a ClassSchema, column: &'a str) -> Self {
        match column {
            "_id" => Self::Id,
            "_created_at" | "createdAt" => Self::CreatedAt,
            "_updated_at" | "updatedAt" => Self::UpdatedAt,
            "_last_used" | "lastUsed" => Self::LastUsed,
            "_expiresAt" | "expiresAt" => Self::ExpiresAt,
            "times_used" | "timesUsed" => Self::TimesUsed,
            "_session_token" => Self::SessionToken,
            "_rperm" => Self::ReadPermissions,
            "_wperm" => Self::WritePermissions,
            // `authData` of a user is put together from the providers' columns.
            "authData" if schema.name.as_str() == "_User" => Self::Hidden,
            _ if column.starts_with('_') => Self::classify_reserved(schema, column),
            _ => Self::Field(column, schema.field_type(column)),
        }
    }

    fn classify_reserved(schema: &'a ClassSchema, column: &'a str) -> Self {
        if let Some(field) = column.strip_prefix("_p_") {
            return match schema.field_type(field) {
                Some(FieldType::Pointer(target)) => Self::Pointer(field, target),
                _ => Self::Hidden,
            };
        }
        match column.strip_prefix("_auth_data_") {
            Some(provider) if schema.name.as_str() == "_User" => Self::AuthData(provider),
            _ if INTERNAL.contains(&column) => Self::Internal,
            _ => Self::Hidden,
        }
    }
}

/// The newer column that holds the field of this one as well. Parse Server writes some fields under another name on
/// update than on creation; the newer one counts.
pub(crate) fn newer_twin(schema: &ClassSchema, column: &str) -> Option<String> {
    match column {
        "createdAt" | "updatedAt" | "lastUsed" | "timesUsed" => Some(stored_name(schema, column).into_owned()),
        _ if matches!(schema.field_type(column), Some(FieldType::Pointer(_))) => Some(format!("_p_{column}")),
        _ => None,
    }
}
