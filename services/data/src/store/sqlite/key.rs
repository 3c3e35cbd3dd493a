//! Index keys: a value as bytes that sort as MongoDB sorts the values.
//!
//! Keys only narrow a search down and decide uniqueness; whether a document satisfies a query is decided on the document
//! itself. So the bytes may say "perhaps" (all arrays share one range that every search includes), but never a wrong "no".

use bson::{RawBsonRef, RawDocument};
use parsefleet_core::{Value, value::Pointer};

/// Whether texts that differ only in case have the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// `a` and `A` differ.
    Exact,
    /// `a` and `A` are the same.
    Folded,
}

/// The first byte of a key: MongoDB's order of types.
mod tag {
    pub(super) const NULL: u8 = 0x10;
    pub(super) const NUMBER: u8 = 0x20;
    pub(super) const TEXT: u8 = 0x30;
    pub(super) const OBJECT: u8 = 0x40;
    pub(super) const ARRAY: u8 = 0x50;
    pub(super) const BINARY: u8 = 0x60;
    pub(super) const OBJECT_ID: u8 = 0x70;
    pub(super) const BOOL: u8 = 0x80;
    pub(super) const DATE: u8 = 0x90;
    pub(super) const OTHER: u8 = 0xa0;
}

/// The first key of all arrays.
pub(super) const ARRAYS_FROM: [u8; 1] = [tag::ARRAY];
/// The first key after all arrays.
pub(super) const ARRAYS_UNTIL: [u8; 1] = [tag::ARRAY + 1];
/// The key of `null`.
pub(super) const NULL: [u8; 1] = [tag::NULL];

/// The key of a stored value.
pub(super) fn of_stored(value: RawBsonRef<'_>, case: Case) -> Vec<u8> {
    match value {
        RawBsonRef::Null | RawBsonRef::Undefined => NULL.to_vec(),
        RawBsonRef::Int32(number) => of_number(f64::from(number)),
        RawBsonRef::Int64(number) => of_number(number as f64),
        RawBsonRef::Double(number) => of_number(number),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => of_text(text, case),
        RawBsonRef::Boolean(value) => vec![tag::BOOL, u8::from(value)],
        RawBsonRef::DateTime(date) => of_date(date.timestamp_millis()),
        RawBsonRef::ObjectId(id) => tagged(tag::OBJECT_ID, &id.bytes()),
        RawBsonRef::Document(document) => tagged(tag::OBJECT, document.as_bytes()),
        RawBsonRef::Array(array) => tagged(tag::ARRAY, array.as_bytes()),
        RawBsonRef::Binary(binary) => tagged(tag::BINARY, binary.bytes),
        other => tagged(tag::OTHER, format!("{other:?}").as_bytes()),
    }
}

/// The key of a queried value; `None` for the kinds of values that no search is narrowed by.
pub(super) fn of_queried(value: &Value, case: Case) -> Option<Vec<u8>> {
    match value {
        Value::Null => Some(NULL.to_vec()),
        Value::Bool(value) => Some(vec![tag::BOOL, u8::from(*value)]),
        Value::Number(number) => Some(of_number(*number)),
        Value::String(text) => Some(of_text(text, case)),
        Value::Date(date) => Some(of_date(date.0)),
        Value::Pointer(pointer) => Some(of_text(&pointer_text(pointer), case)),
        Value::File(file) => Some(of_text(&file.name, case)),
        Value::GeoPoint(_)
        | Value::Polygon(_)
        | Value::Bytes(_)
        | Value::Relation(_)
        | Value::Array(_)
        | Value::Object(_) => None,
    }
}

/// The first key of the values that have the type of this key.
pub(super) fn type_from(key: &[u8]) -> Vec<u8> {
    vec![key.first().copied().unwrap_or_default()]
}

/// The first key after the values that have the type of this key.
pub(super) fn type_until(key: &[u8]) -> Vec<u8> {
    vec![key.first().copied().unwrap_or_default().saturating_add(1)]
}

/// What a path leads to in a document. A path into an array ends at the array: its key says "perhaps".
pub(super) fn at_path<'a>(document: &'a RawDocument, path: &str) -> Option<RawBsonRef<'a>> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let value = document.get(name).ok().flatten()?;
    match (rest, value) {
        (None, value) => Some(value),
        (Some(_), RawBsonRef::Array(_)) => Some(value),
        (Some(rest), RawBsonRef::Document(inner)) => at_path(inner, rest),
        (Some(_), _) => None,
    }
}

/// A pointer as its column holds it.
fn pointer_text(pointer: &Pointer) -> String {
    format!("{}${}", pointer.class_name, pointer.object_id)
}

fn of_number(number: f64) -> Vec<u8> {
    tagged(tag::NUMBER, &sortable(number).to_be_bytes())
}

/// Bits that sort as the numbers do; not-a-number is the smallest, both zeros are one.
fn sortable(number: f64) -> u64 {
    if number.is_nan() {
        return 0;
    }
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn of_date(milliseconds: i64) -> Vec<u8> {
    tagged(tag::DATE, &((milliseconds as u64) ^ 1 << 63).to_be_bytes())
}

fn of_text(text: &str, case: Case) -> Vec<u8> {
    match case {
        Case::Exact => tagged(tag::TEXT, text.as_bytes()),
        Case::Folded => tagged(tag::TEXT, folded(text).as_bytes()),
    }
}

/// The text without case. By way of capitals, so that letters with two small forms (final sigma, long s) become one.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + bytes.len());
    key.push(tag);
    key.extend_from_slice(bytes);
    key
}

#[cfg(test)]
mod tests {
    use bson::{RawBson, rawdoc};
    use parsefleet_core::Date;

    use super::*;

    fn stored(value: impl Into<RawBson>) -> Vec<u8> {
        of_stored(value.into().as_raw_bson_ref(), Case::Exact)
    }

    #[test]
    fn numbers_sort_as_numbers_whatever_their_type() {
        let ascending = [
            stored(f64::NAN),
            stored(f64::NEG_INFINITY),
            stored(-1e300),
            stored(-2_i32),
            stored(-1.5),
            stored(0_i32),
            stored(1e-300),
            stored(1_i64),
            stored(1.5),
            stored(i64::MAX),
            stored(f64::INFINITY),
        ];
        assert!(ascending.is_sorted_by(|left, right| left < right));
        assert_eq!(stored(1_i32), stored(1.0));
        assert_eq!(stored(-0.0), stored(0_i32));
    }

    #[test]
    fn types_sort_as_in_mongodb() {
        let ascending = [
            stored(RawBson::Null),
            stored(7_i32),
            stored("a"),
            stored(rawdoc! { "a": 1 }),
            stored(bson::rawbson!([1])),
            stored(bson::oid::ObjectId::new()),
            stored(false),
            stored(true),
            stored(bson::DateTime::from_millis(-1)),
            stored(bson::DateTime::from_millis(1)),
        ];
        assert!(ascending.is_sorted_by(|left, right| left < right), "{ascending:?}");
    }

    #[test]
    fn a_queried_value_has_the_key_of_the_stored_one() {
        let pointer = Pointer { class_name: "Team".into(), object_id: "x".into() };
        assert_eq!(of_queried(&Value::Number(3.0), Case::Exact), Some(stored(3_i32)));
        assert_eq!(of_queried(&Value::Pointer(pointer), Case::Exact), Some(stored("Team$x")));
        assert_eq!(of_queried(&Value::Date(Date(5)), Case::Exact), Some(stored(bson::DateTime::from_millis(5))));
        assert_eq!(of_queried(&Value::String("ÄBς\u{17f}".into()), Case::Folded), Some(stored("äbσs")));
        assert_eq!(of_queried(&Value::Array(vec![]), Case::Exact), None);
    }

    #[test]
    fn paths_lead_into_objects_and_stop_at_arrays() {
        let document = rawdoc! { "a": { "b": 5, "l": [ { "c": 1 } ] } };
        assert_eq!(at_path(&document, "a.b"), Some(RawBsonRef::Int32(5)));
        assert!(matches!(at_path(&document, "a.l.c"), Some(RawBsonRef::Array(_))));
        assert_eq!(at_path(&document, "a.b.c"), None);
        assert_eq!(at_path(&document, "x"), None);
    }
}
