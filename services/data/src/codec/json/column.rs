//! The value of one column of a document.

use parsefleet_core::{
    Date,
    value::{write_json_string, write_number},
};

use super::{ColumnPlan, CorruptDocument, FileUrls, Kind, separate, write_plain, write_value};
use crate::codec::{
    json_text::{write_date, write_integer, write_iso},
    raw::{Raw, RawValue, Text},
};

/// Appends the member, or nothing if the value is not what the column may hold.
pub(super) fn write_column(
    out: &mut Vec<u8>,
    plan: &ColumnPlan<'_>,
    value: RawValue<'_>,
    files: &FileUrls,
) -> Result<(), CorruptDocument> {
    let start = out.len();
    let is_first = start > 0 && out[start - 1] == b'{';
    out.extend_from_slice(&plan.key[usize::from(is_first)..]);
    let is_written = match &plan.kind {
        Kind::Id => write_id(out, value)?,
        Kind::BareDate => write_bare_date(out, value),
        Kind::ExpiresAt => match milliseconds(value) {
            Some(milliseconds) => {
                write_date(out, milliseconds);
                true
            }
            None => false,
        },
        Kind::Plain => {
            write_plain(out, value)?;
            true
        }
        Kind::Pointer { target } => write_pointer(out, plan, target, value),
        Kind::GeoPoint => match value {
            RawValue::Array(pair) if write_geo_point(out, pair)? => true,
            _ => write_value(out, value, plan.include)?,
        },
        Kind::Polygon => match value {
            RawValue::Document(polygon) if write_polygon(out, polygon)? => true,
            _ => write_value(out, value, plan.include)?,
        },
        Kind::File => match value {
            RawValue::String(name) => {
                write_file(out, name.to_str()?, files);
                true
            }
            _ => write_value(out, value, plan.include)?,
        },
        Kind::Bytes => match value {
            RawValue::String(text) if is_base64(text.bytes()) => {
                write_base64(out, text)?;
                true
            }
            _ => write_value(out, value, plan.include)?,
        },
        Kind::Nested | Kind::ReadPermissions | Kind::WritePermissions | Kind::AuthData => {
            write_value(out, value, plan.include)?
        }
    };
    if !is_written {
        out.truncate(start);
    }
    Ok(())
}

fn write_id(out: &mut Vec<u8>, value: RawValue<'_>) -> Result<bool, CorruptDocument> {
    match value {
        RawValue::String(id) => id.write_json(out)?,
        RawValue::ObjectId(id) => write_json_string(&bson::oid::ObjectId::from_bytes(id).to_hex(), out),
        RawValue::Int32(number) => quoted(out, |out| write_integer(out, number.into())),
        RawValue::Int64(number) => quoted(out, |out| write_integer(out, number)),
        RawValue::Double(number) => quoted(out, |out| write_number(number, out)),
        _ => return Ok(false),
    }
    Ok(true)
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn write_bare_date(out: &mut Vec<u8>, value: RawValue<'_>) -> bool {
    let Some(milliseconds) = milliseconds(value) else { return false };
    write_iso(out, milliseconds);
    true
}

/// Old databases hold some dates as text.
fn milliseconds(value: RawValue<'_>) -> Option<i64> {
    match value {
        RawValue::Date(milliseconds) => Some(milliseconds),
        RawValue::String(text) => Date::parse(text.to_str().ok()?).map(|date| date.0),
        RawValue::Int32(number) => Some(number.into()),
        RawValue::Int64(number) => Some(number),
        RawValue::Double(number) if number.is_finite() => Some(number as i64),
        _ => None,
    }
}

fn write_pointer(out: &mut Vec<u8>, plan: &ColumnPlan<'_>, target: &[u8], value: RawValue<'_>) -> bool {
    let RawValue::String(text) = value else { return false };
    let Some(object_id) = text.after(target).map(|rest| rest.until(b'$')) else { return false };
    if let Some(include) = plan.include {
        let Some(object) = object_id.to_str().ok().and_then(|id| include.objects.get(id)) else { return false };
        out.extend_from_slice(object);
        return true;
    }
    if object_id.write_json(out).is_err() {
        return false;
    }
    out.push(b'}');
    true
}

/// A pair is stored as longitude and latitude.
fn write_geo_point(out: &mut Vec<u8>, pair: Raw<'_>) -> Result<bool, CorruptDocument> {
    let Some((longitude, latitude)) = pair.pair()? else { return Ok(false) };
    out.extend_from_slice(br#"{"__type":"GeoPoint","latitude":"#);
    write_plain(out, latitude)?;
    out.extend_from_slice(br#","longitude":"#);
    write_plain(out, longitude)?;
    out.push(b'}');
    Ok(true)
}

/// Prints the outer ring, or nothing if the document is not a GeoJSON polygon.
fn write_polygon(out: &mut Vec<u8>, polygon: Raw<'_>) -> Result<bool, CorruptDocument> {
    if polygon.text("type")? != Some("Polygon") {
        return Ok(false);
    }
    let coordinates = polygon.get("coordinates")?.and_then(RawValue::as_array);
    let ring = coordinates.and_then(|coordinates| coordinates.items().next()).transpose()?;
    let Some(ring) = ring.and_then(RawValue::as_array) else { return Ok(false) };
    let start = out.len();
    out.extend_from_slice(br#"{"__type":"Polygon","coordinates":["#);
    for vertex in ring.items() {
        let pair = vertex?.as_array().map(Raw::pair).transpose()?.flatten();
        let Some((longitude, latitude)) = pair else {
            out.truncate(start);
            return Ok(false);
        };
        separate(out);
        out.push(b'[');
        write_plain(out, latitude)?;
        out.push(b',');
        write_plain(out, longitude)?;
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
    Ok(true)
}

fn write_file(out: &mut Vec<u8>, name: &str, files: &FileUrls) {
    out.extend_from_slice(br#"{"__type":"File","name":"#);
    write_json_string(name, out);
    out.extend_from_slice(br#","url":"#);
    let mut url = String::with_capacity(files.mount_url.len() + files.app_id.len() + name.len() + 16);
    files.write(&mut url, name);
    write_json_string(&url, out);
    out.push(b'}');
}

fn is_base64(text: &[u8]) -> bool {
    let unpadded = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    text.len().is_multiple_of(4)
        && unpadded.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn write_base64(out: &mut Vec<u8>, text: Text<'_>) -> Result<(), CorruptDocument> {
    out.extend_from_slice(br#"{"__type":"Bytes","base64":"#);
    text.write_json(out)?;
    out.push(b'}');
    Ok(())
}
