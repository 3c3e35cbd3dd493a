//! What a store's failure is for the client.

use parsefleet_core::{ErrorCode, ParseError};

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

/// A document that cannot be read is a fault of the database, not of the request.
pub(crate) fn corrupt_document(error: CorruptDocument) -> ParseError {
    tracing::error!(%error, "a stored document cannot be read");
    ParseError::new(ErrorCode::InternalServerError, "An internal server error occurred")
}

#[cfg(test)]
mod tests {
    use super::*;

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
