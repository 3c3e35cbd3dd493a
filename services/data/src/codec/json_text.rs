//! JSON text of what only documents hold, appended to a byte buffer.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parsefleet_core::Date;

/// `{"__type":"Bytes","base64":"…"}`
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(br#"{"__type":"Bytes","base64":""#);
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.extend_from_slice(br#""}"#);
}

/// `{"__type":"Date","iso":"…"}`
pub(crate) fn write_date(out: &mut Vec<u8>, milliseconds: i64) {
    out.extend_from_slice(br#"{"__type":"Date","iso":"#);
    write_iso(out, milliseconds);
    out.push(b'}');
}

/// ISO text in quotes.
pub(crate) fn write_iso(out: &mut Vec<u8>, milliseconds: i64) {
    out.push(b'"');
    Date(milliseconds).write_iso(out);
    out.push(b'"');
}

/// A whole number.
pub(crate) fn write_integer(out: &mut Vec<u8>, integer: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
}
