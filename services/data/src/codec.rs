//! Between Parse values and Parse Server's MongoDB format.
//!
//! Both stores keep the same bytes, so one encoder and one reader serve both. Writing goes straight into one buffer;
//! reading goes from raw BSON to JSON text in one pass, led by the schema, without a tree. Only triggers and the
//! embedded store's matcher read typed objects.

pub mod columns;
mod encode;
mod file_url;
mod json;
mod json_text;
mod object;
mod raw;
pub(crate) mod raw_json;
mod schema;
mod update;
pub mod values;
mod writer;

pub use encode::encode;
pub(crate) use encode::has_numeric_ids;
pub use file_url::FileUrls;
use json::plain_json;
pub(crate) use json::{AS_STORED, parse_json, relation_members};
pub use json::{Identities, Include, Includes, JsonReader, ReadView, Reader};
pub use object::{Roots, decode};
pub use schema::{decode_class, encode_class};
pub(crate) use schema::{encode_edit, encode_field, index_keys};
pub(crate) use update::{encode_changes, encode_update};

/// A stored document cannot be read: its bytes are not BSON.
#[derive(Debug, thiserror::Error)]
#[error("a stored document is not valid BSON: {0}")]
pub struct CorruptDocument(String);

impl From<bson::error::Error> for CorruptDocument {
    fn from(error: bson::error::Error) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests;
