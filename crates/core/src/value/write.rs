//! Values as REST JSON, byte for byte as JavaScript's `JSON.stringify` prints them.

use std::str::Utf8Error;

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
    } else if let Some(millionths) = in_millionths(number) {
        write_millionths(millionths, number < 0.0, out);
    } else if number.is_finite() {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(number).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// The absolute number as a multiple of 0.000001, if its shortest decimal form is one: then nothing has to be searched for. Doubles
/// below 2^31 are less than half a millionth apart, so that no two multiples are the same double and none is shorter.
fn in_millionths(number: f64) -> Option<u64> {
    const LIMIT: f64 = 2_147_483_648.0;

    let millionths = (number.abs() * 1e6).round();
    // The quotient of two exact numbers is the double nearest to the decimal.
    (number.abs() < LIMIT && millionths / 1e6 == number.abs()).then_some(millionths as u64)
}

fn write_millionths(millionths: u64, is_negative: bool, out: &mut Vec<u8>) {
    if is_negative {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(millionths / 1_000_000).as_bytes());
    let mut fraction = *b".000000";
    let mut rest = millionths % 1_000_000;
    for digit in fraction[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let end = fraction.iter().rposition(|digit| *digit != b'0').unwrap_or_default();
    out.extend_from_slice(&fraction[..=end]);
}

/// Appends bytes that are said to be text, in quotes.
///
/// # Errors
/// They are not UTF-8; nothing is appended then.
pub fn write_json_utf8(text: &[u8], out: &mut Vec<u8>) -> Result<(), Utf8Error> {
    if !is_plain(text) {
        write_json_string(std::str::from_utf8(text)?, out);
        return Ok(());
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
    Ok(())
}

/// Whether all is ASCII and nothing needs an escape: most names and many texts. One pass instead of two.
fn is_plain(text: &[u8]) -> bool {
    let is_odd = |byte: &u8| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\');
    // Whole blocks without a branch in between are looked at in vector registers.
    let (blocks, rest) = text.as_chunks::<32>();
    let is_odd_block = |block: &[u8; 32]| block.iter().fold(false, |odd, byte| odd | is_odd(byte));
    !blocks.iter().any(is_odd_block) && !rest.iter().any(is_odd)
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

    use super::{write_json, write_json_string, write_json_utf8, write_number};
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
            (13.4, "13.4"),
            (-0.000_001, "-0.000001"),
            (1.000_000_1, "1.0000001"),
            (2_147_483_647.999_999, "2147483647.999999"),
            (8_999_999_999.999_999, "8999999999.999998"),
            (f64::NAN, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    /// Decimals of every length up to seven places, whether printed the short way or not.
    #[test]
    fn decimals_are_printed_as_the_library_does() {
        for step in 0..200_000_u64 {
            let digits = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (step % 50 + 10);
            let number = digits as f64 / 10_f64.powi((step % 8) as i32);
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), ryu_js::Buffer::new().format(number));
        }
    }

    #[test]
    fn bytes_are_text_only_if_they_are_utf8() {
        for text in [
            "",
            "plain",
            "a long text without anything special in it, over a block",
            "with \"quotes\"",
            "é",
            "\u{7f}\n",
        ] {
            let (mut checked, mut written) = (Vec::new(), Vec::new());
            write_json_utf8(text.as_bytes(), &mut checked).unwrap();
            write_json_string(text, &mut written);
            assert_eq!(checked, written);
        }
        let mut out = Vec::new();
        assert!(write_json_utf8(b"not \xff text", &mut out).is_err());
        assert!(out.is_empty());
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
