//! Values with JavaScript's conversions, which decide what `limit=true` or `keys=[…]` mean.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Value, value::RawValue};

const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// JavaScript's `String({})`.
const OBJECT: &str = "[object Object]";

/// A value: JSON, or a text that is not JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Loose<'a> {
    /// Valid JSON without white space around it.
    Json(Cow<'a, str>),
    Text(Cow<'a, str>),
}

impl<'a> Loose<'a> {
    /// A member of a JSON body.
    pub(crate) fn json(text: &'a str) -> Self {
        Self::Json(Cow::Borrowed(text))
    }

    /// A value of a query string: JSON if it parses.
    pub(crate) fn decode(text: Cow<'a, str>) -> Self {
        let Some(json) = json_in(&text) else { return Self::Text(text) };
        if json.len() == text.len() { Self::Json(text) } else { Self::Json(Cow::Owned(json.to_owned())) }
    }

    /// The value as JSON; a text that is not JSON comes as it is (see [`to_json`](Self::to_json)).
    pub(crate) fn as_json(&self) -> &str {
        match self {
            Self::Json(text) | Self::Text(text) => text,
        }
    }

    /// The value as JSON.
    pub(crate) fn to_json(&self) -> Bytes {
        match self {
            Self::Json(json) => Bytes::copy_from_slice(json.as_bytes()),
            Self::Text(text) => Bytes::from(Value::from(&**text).to_string()),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Json(json) if json == "null")
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Json(json) if json.starts_with(['{', '[']))
    }

    pub(crate) fn is_string(&self) -> bool {
        match self {
            Self::Json(json) => json.starts_with('"'),
            Self::Text(_) => true,
        }
    }

    /// The number 0.
    pub(crate) fn is_zero(&self) -> bool {
        matches!(self, Self::Json(json) if json.parse::<f64>().is_ok_and(|number| number == 0.0))
    }

    /// JavaScript's `Boolean(value)`.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Json(json) => match json.as_bytes().first() {
                Some(b'{' | b'[' | b't') => true,
                Some(b'"') => json.len() > 2,
                Some(b'f' | b'n') | None => false,
                Some(_) => !self.is_zero(),
            },
        }
    }

    /// The text of a string.
    pub(crate) fn as_string(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Json(json) if json.starts_with('"') => Some(unquote(json)),
            Self::Json(_) => None,
        }
    }

    /// JavaScript's `String(value)`.
    pub(crate) fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Json(json) => match json.as_bytes().first() {
                Some(b'"') => unquote(json),
                Some(b'[') => Cow::Owned(join(json)),
                Some(b'{') => Cow::Borrowed(OBJECT),
                _ => Cow::Borrowed(json),
            },
        }
    }

    /// JavaScript's `Number(value)`.
    pub(crate) fn to_number(&self) -> f64 {
        match self {
            Self::Text(text) => number_in(text),
            Self::Json(json) => match json.as_bytes().first() {
                Some(b't') => 1.0,
                Some(b'f' | b'n') => 0.0,
                Some(b'{') => f64::NAN,
                Some(b'"' | b'[') => number_in(&self.to_text()),
                _ => json.parse().unwrap_or(f64::NAN),
            },
        }
    }
}

/// The JSON value that a text holds, without white space around it.
pub(crate) fn json_in(text: &str) -> Option<&str> {
    let trimmed = text.trim_matches(WHITESPACE);
    // Most values that are not JSON show it in their first character.
    if !trimmed.starts_with(|first: char| matches!(first, '{' | '[' | '"' | '-' | '0'..='9' | 't' | 'f' | 'n')) {
        return None;
    }
    serde_json::from_str::<&RawValue>(trimmed).ok().map(|_| trimmed)
}

/// The text of a JSON string. Half a surrogate pair, which no text can hold, leaves the text as it was written.
fn unquote(json: &str) -> Cow<'_, str> {
    let inner = json.get(1..json.len() - 1).unwrap_or_default();
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    serde_json::from_str::<String>(json).map_or(Cow::Borrowed(inner), Cow::Owned)
}

/// JavaScript's `String(array)`. The elements of inner arrays stand in the text like those of the outer one, so that one
/// walk over the JSON does it: a client decides how deep arrays are, and a call for each level would overflow the stack.
fn join(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.bytes().next() {
        let (token, after) = rest.split_at(token_length(rest, first));
        rest = after;
        match first {
            // Brackets, white space and `null` leave nothing.
            b'[' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'n' => {}
            b'{' => text.push_str(OBJECT),
            b'"' => text.push_str(&unquote(token)),
            _ => text.push_str(token),
        }
    }
    text
}

/// Bytes of the token that valid JSON goes on with; an object is one token.
fn token_length(json: &str, first: u8) -> usize {
    match first {
        b'"' => string_length(json),
        b'{' => object_length(json),
        b'[' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r' => 1,
        _ => json.find([',', ']', ' ', '\t', '\n', '\r']).unwrap_or(json.len()),
    }
}

/// Bytes of the string at the start, with its quotation marks.
fn string_length(json: &str) -> usize {
    let mut is_escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |inner| inner + 2)
}

/// Bytes of the object at the start. Nothing but strings holds more than ASCII.
fn object_length(json: &str) -> usize {
    let (mut depth, mut position) = (0_usize, 0);
    while let Some(byte) = json.as_bytes().get(position) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        position += if *byte == b'"' { string_length(&json[position..]) } else { 1 };
        if depth == 0 {
            break;
        }
    }
    position
}

fn number_in(text: &str) -> f64 {
    let text = text.trim();
    let (sign, digits) = match text.as_bytes().first() {
        None => return 0.0,
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        Some(_) => (1.0, text),
    };
    if digits == "Infinity" {
        return sign * f64::INFINITY;
    }
    if let Some(radix) = radix_of(text) {
        return u64::from_str_radix(&text[2..], radix).map_or(f64::NAN, |number| number as f64);
    }
    let is_decimal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let is_signed_twice = digits.starts_with(['+', '-']);
    if is_decimal && !is_signed_twice { digits.parse().map_or(f64::NAN, |number: f64| sign * number) } else { f64::NAN }
}

fn radix_of(text: &str) -> Option<u32> {
    match text.get(..2)? {
        "0x" | "0X" => Some(16),
        "0o" | "0O" => Some(8),
        "0b" | "0B" => Some(2),
        _ => None,
    }
}
