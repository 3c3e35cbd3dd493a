//! The headers of a request as triggers are told of them. Every request comes by here: there is no tree in between.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that let whoever knows them in.
const SECRETS: [&str; 10] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-parse-client-key",
    "x-parse-javascript-key",
    "x-parse-maintenance-key",
    "x-parse-master-key",
    "x-parse-rest-api-key",
    "x-parse-session-token",
    "x-parse-windows-key",
];

/// Most headers have room in this.
const USUAL_SIZE: usize = 512;

/// The headers as a JSON object, but for those that are secret. What came more than once is joined by commas.
pub(crate) fn told(headers: &HeaderMap) -> Bytes {
    let mut json = Vec::with_capacity(USUAL_SIZE);
    json.push(b'{');
    for name in headers.keys().filter(|name| !is_secret(name)) {
        if json.len() > 1 {
            json.push(b',');
        }
        json.push(b'"');
        // Names are made of characters that JSON takes as they are.
        json.extend_from_slice(name.as_str().as_bytes());
        json.extend_from_slice(b"\":\"");
        for (place, value) in headers.get_all(name).iter().enumerate() {
            if place > 0 {
                json.extend_from_slice(b", ");
            }
            write(value, &mut json);
        }
        json.push(b'"');
    }
    json.push(b'}');
    json.into()
}

fn is_secret(name: &HeaderName) -> bool {
    SECRETS.contains(&name.as_str())
}

/// A value within quotation marks. What is not ASCII is Latin-1, as in Node.js.
fn write(value: &HeaderValue, json: &mut Vec<u8>) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if value.as_bytes().iter().all(is_plain) {
        json.extend_from_slice(value.as_bytes());
        return;
    }
    let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    let quoted = serde_json::Value::from(text).to_string();
    json.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

    use serde_json::{Value as Json, json};

    use super::*;

    fn parsed(headers: &[(&'static str, &[u8])]) -> Json {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        serde_json::from_slice(&told(&map)).unwrap()
    }

    #[test]
    fn headers_are_an_object() {
        assert_eq!(parsed(&[]), json!({}));
        let told = parsed(&[
            ("host", b"parse.example"),
            ("accept", b"a"),
            ("accept", b"b"),
            ("x-odd", b"\"q\" \\ \t\xe9"),
            ("x-quote", b"\""),
        ]);
        assert_eq!(
            told,
            json!({ "host": "parse.example", "accept": "a, b", "x-odd": "\"q\" \\ \t\u{e9}", "x-quote": "\"" })
        );
    }

    #[test]
    fn secrets_are_left_out() {
        let mut headers: Vec<(&'static str, &[u8])> = SECRETS.map(|name| (name, &b"secret"[..])).to_vec();
        headers.push(("x-parse-application-id", b"test"));
        assert_eq!(parsed(&headers), json!({ "x-parse-application-id": "test" }));
    }
}
