//! BSON bytes into one growing buffer: lengths are patched when a document ends.

use bson::{RawDocumentBuf, spec::ElementType};
use parsefleet_core::{ErrorCode, ParseError};

/// Writes one document.
///
/// A key with a NUL cannot be written as BSON. Such a key makes the whole document fail at the end, so that nobody has to
/// look at a result for every element.
pub(crate) struct BsonWriter {
    bytes: Vec<u8>,
    bad_key: bool,
}

/// Where a document or array began.
#[must_use]
pub(crate) struct Open(usize);

impl BsonWriter {
    /// A document without elements yet.
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(&[0; 4]);
        Self { bytes, bad_key: false }
    }

    /// The document.
    ///
    /// # Errors
    /// `InvalidNestedKey` if a key held a NUL.
    pub(crate) fn finish(mut self) -> Result<RawDocumentBuf, ParseError> {
        self.close(Open(0));
        if self.bad_key {
            return Err(ParseError::new(ErrorCode::InvalidNestedKey, "Nested keys should not contain null characters"));
        }
        RawDocumentBuf::from_bytes(self.bytes)
            .map_err(|error| ParseError::new(ErrorCode::InvalidJson, format!("The object cannot be stored: {error}")))
    }

    pub(crate) fn double(&mut self, key: &str, value: f64) {
        self.element(ElementType::Double, key);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn int32(&mut self, key: &str, value: i32) {
        self.element(ElementType::Int32, key);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A number as the Node driver stores it: Int32 if it is one, otherwise a double.
    pub(crate) fn number(&mut self, key: &str, value: f64) {
        match as_int32(value) {
            Some(integer) => self.int32(key, integer),
            None => self.double(key, value),
        }
    }

    pub(crate) fn boolean(&mut self, key: &str, value: bool) {
        self.element(ElementType::Boolean, key);
        self.bytes.push(value.into());
    }

    pub(crate) fn null(&mut self, key: &str) {
        self.element(ElementType::Null, key);
    }

    pub(crate) fn date(&mut self, key: &str, milliseconds: i64) {
        self.element(ElementType::DateTime, key);
        self.bytes.extend_from_slice(&milliseconds.to_le_bytes());
    }

    pub(crate) fn string(&mut self, key: &str, value: &str) {
        self.text(key, &[value]);
    }

    /// A string made of parts.
    pub(crate) fn text(&mut self, key: &str, parts: &[&str]) {
        self.element(ElementType::String, key);
        self.length(parts.iter().map(|part| part.len()).sum::<usize>() + 1);
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.push(0);
    }

    /// Binary of subtype 0.
    pub(crate) fn binary(&mut self, key: &str, value: &[u8]) {
        self.element(ElementType::Binary, key);
        self.length(value.len());
        self.bytes.push(0);
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn open_document(&mut self, key: &str) -> Open {
        self.element(ElementType::EmbeddedDocument, key);
        self.open()
    }

    pub(crate) fn open_array(&mut self, key: &str) -> Open {
        self.element(ElementType::Array, key);
        self.open()
    }

    pub(crate) fn close(&mut self, open: Open) {
        self.bytes.push(0);
        let length = length_bytes(self.bytes.len() - open.0);
        self.bytes[open.0..open.0 + 4].copy_from_slice(&length);
    }

    fn open(&mut self) -> Open {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        Open(start)
    }

    fn element(&mut self, kind: ElementType, key: &str) {
        self.bad_key |= key.as_bytes().contains(&0);
        self.bytes.push(kind as u8);
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.push(0);
    }

    fn length(&mut self, length: usize) {
        self.bytes.extend_from_slice(&length_bytes(length));
    }
}

/// The Int32 a number is stored as, if it is one. −0 is not: it would come back as 0.
pub(crate) fn as_int32(value: f64) -> Option<i32> {
    let integer = value as i32;
    (f64::from(integer) == value && (integer != 0 || value.is_sign_positive())).then_some(integer)
}

/// BSON lengths are 32 bit. A longer document (MongoDB takes 16 MB) is refused by `RawDocumentBuf::from_bytes`, because
/// its length then does not fit its bytes.
fn length_bytes(length: usize) -> [u8; 4] {
    i32::try_from(length).unwrap_or(i32::MAX).to_le_bytes()
}
