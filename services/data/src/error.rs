//! What a store's failure is for the client.

use parsefleet_core::{ClassName, ErrorCode, ParseError};

use crate::{codec::CorruptDocument, store::StoreError};

/// The answer to a failed read or write.
///
/// What the database said stays in the log: it may quote values.
pub(crate) fn parse_error(error: StoreError) -> ParseError {
    match error {
        StoreError::Duplicate { .. } => {
            ParseError::new(ErrorCode::DuplicateValue, "A duplicate value for a field with unique values was provided")
        }
        StoreError::SchemaConflict => {
            tracing::warn!("the schema kept changing while a write was prepared");
            ParseError::new(ErrorCode::InternalServerError, "Database error")
        }
        StoreError::Interrupted(reason) => {
            tracing::debug!(reason, "a transaction was interrupted");
            ParseError::new(ErrorCode::Timeout, "The objects are being changed by others, try again later.")
        }
        StoreError::Unsupported(text) => ParseError::new(ErrorCode::InvalidQuery, text),
        StoreError::Refused(reason) => {
            tracing::debug!(reason, "the database refused a command");
            ParseError::new(ErrorCode::InvalidQuery, "The database refused the operation.")
        }
        StoreError::Unavailable(reason) => {
            tracing::warn!(reason, "the database is not available");
            ParseError::new(ErrorCode::InternalServerError, "Database error")
        }
        StoreError::Failed(reason) => {
            tracing::error!(reason, "the database failed");
            ParseError::new(ErrorCode::InternalServerError, "An internal server error occurred")
        }
    }
}

/// The answer to a failed write of an object: of users each unique index has an answer of its own.
pub(crate) fn write_error(class: &ClassName, error: StoreError) -> ParseError {
    let StoreError::Duplicate { field: Some(field) } = &error else { return parse_error(error) };
    match (class.as_str(), field.as_str()) {
        ("_User", "username") => ParseError::new(ErrorCode::UsernameTaken, "Account already exists for this username."),
        ("_User", "email") => ParseError::new(ErrorCode::EmailTaken, "Account already exists for this email address."),
        ("_User", field) if field.starts_with("_auth_data_") => {
            ParseError::new(ErrorCode::AccountAlreadyLinked, "this auth is already used")
        }
        _ => parse_error(error),
    }
}

/// A document that cannot be read is a fault of the database, not of the request.
pub(crate) fn corrupt_document(error: CorruptDocument) -> ParseError {
    tracing::error!(%error, "a stored document cannot be read");
    ParseError::new(ErrorCode::InternalServerError, "An internal server error occurred")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn users_are_told_which_of_their_values_is_taken() {
        let user = ClassName::new("_User").unwrap();
        let duplicate = |field: &str| StoreError::Duplicate { field: Some(field.to_owned()) };
        for (field, code) in [("username", 202), ("email", 203), ("_auth_data_google_id", 208), ("phone", 137)] {
            assert_eq!(write_error(&user, duplicate(field)).code as i32, code, "{field}");
        }
        let other = ClassName::new("Score").unwrap();
        assert_eq!(write_error(&other, duplicate("username")).code, ErrorCode::DuplicateValue);
    }

    #[test]
    fn the_database_s_own_words_do_not_reach_clients() {
        let secret = "dup key: { email: \"a@example.org\" }".to_owned();
        for error in [
            StoreError::Refused(secret.clone()),
            StoreError::Unavailable(secret.clone()),
            StoreError::Failed(secret.clone()),
            StoreError::Duplicate { field: Some(secret.clone()) },
        ] {
            assert!(!parse_error(error).message.contains("example.org"));
        }
    }
}
