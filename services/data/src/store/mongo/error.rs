//! What an error of the driver or the server means to whoever asked.

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::store::{StoreError, indexed_field};

const DUPLICATE_KEY: [i32; 2] = [11000, 11001];

/// `IndexOptionsConflict`, `IndexKeySpecsConflict`: an index of that name or on these keys is there.
const INDEX_CONFLICT: [i32; 2] = [85, 86];

/// `NamespaceNotFound`, `IndexNotFound`
const MISSING: [i32; 2] = [26, 27];

/// `IndexBuildAborted`
const INDEX_BUILD_ABORTED: i32 = 276;

/// `CollectionUUIDMismatch`
const OTHER_COLLECTION: i32 = 361;

/// Answers of a deployment that is changing its primary, shutting down, overloaded or too slow.
const UNAVAILABLE: [i32; 16] = [6, 7, 50, 63, 64, 89, 91, 133, 134, 189, 262, 9001, 10107, 11600, 11602, 13435];

/// Answers to something in the query or update that the server cannot carry out.
const REFUSED: [i32; 34] = [
    2, 4, 9, 14, 15, 16, 27, 28, 40, 52, 54, 55, 56, 57, 66, 67, 96, 168, 171, 241, 291, 292, 2001, 10003, 10334,
    16755, 16804, 17007, 17280, 17287, 31249, 51075, 51091, 51108,
];

/// The store's error for an error of the driver.
pub(super) fn store_error(error: &Error) -> StoreError {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(write)) => server_error(write.code, &write.message),
        ErrorKind::Command(command) => server_error(command.code, &command.message),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => StoreError::Unavailable(concern.message.clone()),
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Shutdown => StoreError::Unavailable(error.to_string()),
        ErrorKind::InvalidArgument { message, .. } => StoreError::Refused(message.clone()),
        _ => StoreError::Failed(error.to_string()),
    }
}

fn server_error(code: i32, message: &str) -> StoreError {
    if DUPLICATE_KEY.contains(&code) {
        return StoreError::Duplicate { field: duplicated_field(message) };
    }
    if UNAVAILABLE.contains(&code) {
        return StoreError::Unavailable(message.to_owned());
    }
    if REFUSED.contains(&code) || tells_of_geo_extraction(message) {
        return StoreError::Refused(message.to_owned());
    }
    StoreError::Failed(format!("{message} (code {code})"))
}

/// Places outside the range of an index come with changing codes.
fn tells_of_geo_extraction(message: &str) -> bool {
    message.contains("Can't extract geo keys")
        || message.contains("geo values")
        || message.contains("longitude/latitude")
}

/// The field of the violated index, from its name: `…index: <field>_1 dup key…`.
fn duplicated_field(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("index: ")?;
    let name = rest.split_whitespace().next()?;
    let name = name.rsplit('$').next().unwrap_or(name);
    indexed_field(name)
}

/// Whether an index could not be made because a similar one is there.
pub(super) fn is_index_conflict(error: &Error) -> bool {
    code(error).is_some_and(|code| INDEX_CONFLICT.contains(&code))
}

/// Whether the collection or the index that a command is about is not there.
pub(super) fn is_missing(error: &Error) -> bool {
    code(error).is_some_and(|code| MISSING.contains(&code))
}

/// Whether an index was not made because the collection was dropped.
pub(super) fn is_index_build_aborted(error: &Error) -> bool {
    code(error) == Some(INDEX_BUILD_ABORTED)
}

/// Whether the collection of the name is not the one that was meant.
pub(super) fn is_other_collection(error: &Error) -> bool {
    code(error) == Some(OTHER_COLLECTION)
}

/// Whether a document does not fit a geographic index.
pub(super) fn is_geo_extraction(error: &Error) -> bool {
    message(error).is_some_and(tells_of_geo_extraction)
}

/// Whether it is the id that does not fit, as far as the text tells.
pub(super) fn is_unfit_id(error: &Error) -> bool {
    message(error).is_some_and(|text| tells_of_geo_extraction(text) && text.contains("array or object: _id: "))
}

/// Whether a unique index was violated.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error).is_some_and(|code| DUPLICATE_KEY.contains(&code))
}

/// Whether a query near a place failed for want of an index.
pub(super) fn is_missing_geo_index(error: &Error) -> bool {
    code(error) == Some(17007) || message(error).is_some_and(|text| text.contains("unable to find index for"))
}

/// Whether a text search failed for want of an index.
pub(super) fn is_missing_text_index(error: &Error) -> bool {
    message(error).is_some_and(|text| text.contains("text index required"))
}

fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

fn message(error: &Error) -> Option<&str> {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(&write.message),
        ErrorKind::Command(command) => Some(&command.message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_of_a_duplicate_is_the_index_s() {
        for (message, field) in [
            (
                "E11000 duplicate key error collection: db._User index: username_1 dup key: { username: \"a\" }",
                Some("username"),
            ),
            (
                "E11000 duplicate key error collection: db._User index: _auth_data_fb_id dup key: { x: 1 }",
                Some("_auth_data_fb_id"),
            ),
            ("E11000 duplicate key error index: db._User.$email_1 dup key: { : \"a\" }", Some("email")),
            ("E11000 duplicate key error collection: db.C index: _id_ dup key: { _id: \"a\" }", None),
        ] {
            assert_eq!(duplicated_field(message).as_deref(), field, "{message}");
        }
    }
}
