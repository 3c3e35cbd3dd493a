//! Values inside columns: objects, arrays and what they hold.

use bson::RawDocument;
use parsefleet_core::value::{write_json_string, write_number};

use super::{CorruptDocument, Include, separate};
use crate::codec::{
    json_text::{write_bytes, write_date, write_integer, write_iso},
    object::mangled_bytes,
    raw::{Raw, RawValue, Text},
};

/// How Parse types are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Dates and bytes get their `__type`.
    Parse,
    /// Dates are bare ISO text.
    Plain,
}

/// Appends a value with its Parse types. `false` if it is a pointer whose object was to be included and is not there;
/// nothing is appended then.
pub(super) fn write_value(
    out: &mut Vec<u8>,
    value: RawValue<'_>,
    include: Option<&Include>,
) -> Result<bool, CorruptDocument> {
    write(out, value, include, Style::Parse)
}

/// Appends a value as `JSON.stringify` prints it.
pub(super) fn write_plain(out: &mut Vec<u8>, value: RawValue<'_>) -> Result<(), CorruptDocument> {
    write(out, value, None, Style::Plain).map(|_| ())
}

/// A document as JSON with Parse types, for what is not an object of a class.
pub(crate) fn parse_json(document: &RawDocument) -> Result<Vec<u8>, CorruptDocument> {
    let mut out = Vec::with_capacity(document.as_bytes().len() * 2);
    write_value(&mut out, RawValue::Document(document.into()), None)?;
    Ok(out)
}

/// A document as plain JSON, for what is not an object of a class.
pub(crate) fn plain_json(document: &RawDocument) -> Result<serde_json::Value, CorruptDocument> {
    let mut out = Vec::new();
    write_plain(&mut out, RawValue::Document(document.into()))?;
    serde_json::from_slice(&out).map_err(|error| CorruptDocument(error.to_string()))
}

fn write(
    out: &mut Vec<u8>,
    value: RawValue<'_>,
    include: Option<&Include>,
    style: Style,
) -> Result<bool, CorruptDocument> {
    match value {
        RawValue::String(text) => text.write_json(out)?,
        RawValue::Int32(number) => write_integer(out, number.into()),
        RawValue::Double(number) => write_number(number, out),
        // JavaScript has no other number, so that a great one loses its last digits.
        RawValue::Int64(number) => write_number(number as f64, out),
        RawValue::Boolean(true) => out.extend_from_slice(b"true"),
        RawValue::Boolean(false) => out.extend_from_slice(b"false"),
        RawValue::Null => out.extend_from_slice(b"null"),
        RawValue::Date(date) if style == Style::Parse => write_date(out, date),
        RawValue::Date(date) => write_iso(out, date),
        RawValue::Document(document) => return write_document(out, document, include, style),
        RawValue::Array(array) => write_array(out, array, include, style)?,
        RawValue::Binary(bytes) => write_bytes(out, bytes),
        RawValue::ObjectId(id) => write_json_string(&bson::oid::ObjectId::from_bytes(id).to_hex(), out),
        RawValue::Decimal128(_) => write_number(value.as_number().unwrap_or(f64::NAN), out),
        RawValue::Timestamp(timestamp) => write_number(timestamp as f64, out),
        RawValue::Other => out.extend_from_slice(b"{}"),
    }
    Ok(true)
}

fn write_array(
    out: &mut Vec<u8>,
    array: Raw<'_>,
    include: Option<&Include>,
    style: Style,
) -> Result<(), CorruptDocument> {
    out.push(b'[');
    let first = out.len();
    for item in array.items() {
        let start = out.len();
        if start > first {
            out.push(b',');
        }
        if !write(out, item?, include, style)? {
            out.truncate(start);
        }
    }
    out.push(b']');
    Ok(())
}

fn write_document(
    out: &mut Vec<u8>,
    document: Raw<'_>,
    include: Option<&Include>,
    style: Style,
) -> Result<bool, CorruptDocument> {
    if let Some(include) = include
        && document.text("__type")? == Some("Pointer")
    {
        let object = document.text("objectId")?.and_then(|id| include.objects.get(id));
        out.extend_from_slice(object.map_or(&[], Vec::as_slice));
        return Ok(object.is_some());
    }
    if let Some(bytes) = mangled_bytes(document)? {
        write_bytes(out, &bytes);
        return Ok(true);
    }
    let start = out.len();
    if !write_members(out, document, include, style)? {
        out.truncate(start);
        write_sorted_members(out, document, include, style)?;
    }
    Ok(true)
}

/// Appends the members in stored order. `false` if JavaScript would list them in another one.
fn write_members(
    out: &mut Vec<u8>,
    document: Raw<'_>,
    include: Option<&Include>,
    style: Style,
) -> Result<bool, CorruptDocument> {
    out.push(b'{');
    let mut is_date = false;
    let mut last = Some(None);
    for element in document.elements() {
        let (key, value) = element?;
        let index = array_index(key);
        match (last, index) {
            (None, Some(_)) => return Ok(false),
            (Some(Some(before)), Some(index)) if before > index => return Ok(false),
            _ => last = index.map(Some),
        }
        is_date |= key.is("__type") && value.as_str() == Some("Date");
        write_member(out, key, value, include, if is_date && key.is("iso") { Style::Plain } else { style })?;
    }
    out.push(b'}');
    Ok(true)
}

fn write_member(
    out: &mut Vec<u8>,
    key: Text<'_>,
    value: RawValue<'_>,
    include: Option<&Include>,
    style: Style,
) -> Result<(), CorruptDocument> {
    let start = out.len();
    separate(out);
    key.write_json(out)?;
    out.push(b':');
    let include = match include {
        None => None,
        Some(include) => include.nested.fields.get(key.to_str()?),
    };
    if !write(out, value, include, style)? {
        out.truncate(start);
    }
    Ok(())
}

/// Integer-like keys ascending, then the others: only documents that JavaScript did not write need it.
fn write_sorted_members(
    out: &mut Vec<u8>,
    document: Raw<'_>,
    include: Option<&Include>,
    style: Style,
) -> Result<(), CorruptDocument> {
    let mut members = Vec::new();
    for element in document.elements() {
        let (key, value) = element?;
        members.push((key, value));
    }
    members.sort_by_key(|(key, _)| array_index(*key).map_or(u64::MAX, u64::from));
    out.push(b'{');
    for (key, value) in members {
        write_member(out, key, value, include, style)?;
    }
    out.push(b'}');
    Ok(())
}

/// The number a key stands for if JavaScript treats it as an array index.
fn array_index(key: Text<'_>) -> Option<u32> {
    let digits = key.bytes();
    let first = *digits.first()?;
    if !first.is_ascii_digit() || (first == b'0' && digits.len() > 1) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    key.to_str().ok()?.parse().ok().filter(|index| *index < u32::MAX)
}
