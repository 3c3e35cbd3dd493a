//! Values as REST JSON, byte for byte as JavaScript's `JSON.stringify` prints them.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{GeoPoint, Map, Value};

/// Appends a value in REST form.
pub fn write_json(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(*number, out),
        Value::String(text) => write_json_string(text, out),
        Value::Date(date) => {
            out.extend_from_slice(br#"{"__type":"Date","iso":""#);
            date.write_iso(out);
            out.extend_from_slice(br#""}"#);
        }
        Value::Pointer(pointer) => write_typed(
            "Pointer",
            &[("className", pointer.class_name.as_str()), ("objectId", pointer.object_id.as_str())],
            out,
        ),
        Value::GeoPoint(point) => {
            out.extend_from_slice(br#"{"__type":"GeoPoint","latitude":"#);
            write_number(point.latitude, out);
            out.extend_from_slice(br#","longitude":"#);
            write_number(point.longitude, out);
            out.push(b'}');
        }
        Value::Polygon(vertices) => {
            out.extend_from_slice(br#"{"__type":"Polygon","coordinates":"#);
            write_list(vertices, out, write_vertex);
            out.push(b'}');
        }
        Value::File(file) => match &file.url {
            Some(url) => write_typed("File", &[("name", file.name.as_str()), ("url", url.as_str())], out),
            None => write_typed("File", &[("name", file.name.as_str())], out),
        },
        Value::Bytes(bytes) => write_typed("Bytes", &[("base64", STANDARD.encode(bytes).as_str())], out),
        Value::Relation(class) => write_typed("Relation", &[("className", class.as_str())], out),
        Value::Array(elements) => write_list(elements, out, write_json),
        Value::Object(members) => {
            out.push(b'{');
            write_members(members, out);
            out.push(b'}');
        }
    }
}

/// Appends the members of an object, without its braces.
pub fn write_members(members: &Map, out: &mut Vec<u8>) {
    for (place, (key, value)) in members.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_json_string(key, out);
        out.push(b':');
        write_json(value, out);
    }
}

/// Appends a number; what JSON has no number for (NaN, the infinities) becomes `null`.
pub fn write_number(number: f64, out: &mut Vec<u8>) {
    /// Integers up to here are printed without exponent, and are exact in both types.
    const SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

    if number.abs() <= SAFE_INTEGER && number.fract() == 0.0 {
        // Exact: an integer within the bounds checked above. Negative zero becomes 0, as in JavaScript.
        out.extend_from_slice(itoa::Buffer::new().format(number as i64).as_bytes());
    } else if number.is_finite() {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(number).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Appends a text in quotes.
pub fn write_json_string(text: &str, out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789abcdef";

    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(place) = first_to_escape(rest) {
        let byte = rest[place];
        let short = match byte {
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            0x00..0x20 => b'u',
            _ => byte,
        };
        out.extend_from_slice(&rest[..place]);
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            out.extend_from_slice(&[b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Where the first quote, backslash or control character is. Most text has none, so that eight bytes are looked at
/// together.
fn first_to_escape(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH_BITS: u64 = ONES * 0x80;
    // Sets the high bit of a byte that is below the limit. Bytes after such a one may be marked wrongly, which does not
    // matter: only whether there is one counts.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH_BITS;
    let (words, _) = text.as_chunks::<8>();
    let clean = words.iter().take_while(|word| {
        let word = u64::from_le_bytes(**word);
        let quotes = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
        below(word, 0x20) | quotes | backslashes == 0
    });
    let start = clean.count() * 8;
    let place = text[start..].iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))?;
    Some(start + place)
}

/// Appends an object with a `__type` and texts. The keys need no escape.
fn write_typed(type_name: &str, members: &[(&str, &str)], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"__type":""#);
    out.extend_from_slice(type_name.as_bytes());
    out.push(b'"');
    for (key, text) in members {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        write_json_string(text, out);
    }
    out.push(b'}');
}

fn write_list<T>(elements: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (place, element) in elements.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(element, out);
    }
    out.push(b']');
}

fn write_vertex(vertex: &GeoPoint, out: &mut Vec<u8>) {
    write_list(&[vertex.latitude, vertex.longitude], out, |number, out| write_number(*number, out));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{write_json, write_json_string, write_number};
    use crate::{
        ClassName, Date, Map, Value,
        value::{File, GeoPoint, Pointer},
    };

    fn json(value: &Value) -> String {
        let mut out = Vec::new();
        write_json(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Every expectation is what V8 answers to `JSON.stringify(number)`.
    #[test]
    fn numbers_are_javascripts() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (5.0, "5"),
            (-5.5, "-5.5"),
            (0.1, "0.1"),
            (1e-7, "1e-7"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (-123_456_789_012_345_680.0, "-123456789012345680"),
            (f64::NAN, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn strings_are_escaped_as_json_stringify_does() {
        let mut out = Vec::new();
        write_json_string("a\"\\/\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}é\u{2028}😀", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\"a\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}é\u{2028}😀\"");
    }

    #[test]
    fn every_type_has_its_rest_form() {
        let point = GeoPoint { latitude: 1.5, longitude: -2.0 };
        let file = File { name: "a".to_owned(), url: None };
        for (value, expected) in [
            (Value::Null, "null"),
            (Value::Date(Date(0)), r#"{"__type":"Date","iso":"1970-01-01T00:00:00.000Z"}"#),
            (
                Value::Pointer(Pointer { class_name: "C".to_owned(), object_id: "\"".to_owned() }),
                r#"{"__type":"Pointer","className":"C","objectId":"\""}"#,
            ),
            (Value::GeoPoint(point), r#"{"__type":"GeoPoint","latitude":1.5,"longitude":-2}"#),
            (Value::Polygon(vec![point, point]), r#"{"__type":"Polygon","coordinates":[[1.5,-2],[1.5,-2]]}"#),
            (Value::File(file.clone()), r#"{"__type":"File","name":"a"}"#),
            (Value::File(File { url: Some("u".to_owned()), ..file }), r#"{"__type":"File","name":"a","url":"u"}"#),
            (Value::Bytes(b"hello".to_vec()), r#"{"__type":"Bytes","base64":"aGVsbG8="}"#),
            (Value::Relation(ClassName::new("_User").unwrap()), r#"{"__type":"Relation","className":"_User"}"#),
            (Value::Array(vec![Value::Bool(true), Value::Bool(false)]), "[true,false]"),
            (
                Value::Object(Map::from_iter([("b".to_owned(), Value::Null), ("1".to_owned(), Value::Array(vec![]))])),
                r#"{"1":[],"b":null}"#,
            ),
        ] {
            assert_eq!(json(&value), expected);
        }
    }
}
