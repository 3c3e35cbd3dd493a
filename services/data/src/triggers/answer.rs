//! What a trigger answers: `{"success": …}`, `{"error": …}`, or nothing.

use parsefleet_core::{
    ErrorCode, ParseError,
    acl::is_truthy,
    error::{Result, Speaker},
};
use serde_json::{Map as JsonMap, Value as Json, json};

/// What a trigger says, as far as it is content.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    /// Nothing: all goes on as it is.
    Nothing,
    /// The value of `success`. What it means depends on what was asked.
    Success(Json),
}

/// Most characters of an answer that makes no sense that its sender is shown.
const EXCERPT: usize = 100;

impl Reply {
    /// Reads an answer. What is no JSON at all counts as nothing, as in Parse Server.
    ///
    /// # Errors
    /// 141 with what the trigger says against it, or because what it says begins as JSON and cannot be read: it may be a
    /// refusal.
    pub(super) fn read(answer: &[u8]) -> Result<Self> {
        let mut answer = match json(answer) {
            Some(answer) => answer,
            None if begins_as_json(answer) => return Err(malformed(&String::from_utf8_lossy(answer))),
            None => return Ok(Self::Nothing),
        };
        if let Json::String(text) = &answer
            && !text.is_empty()
        {
            // JSON within JSON.
            answer = json(text.as_bytes()).ok_or_else(|| malformed(text))?;
        }
        let Json::Object(mut members) = answer else { return Ok(Self::Nothing) };
        match members.remove("error") {
            Some(error) if is_truthy(&error) => Err(refusal(error)),
            _ => Ok(members.remove("success").map_or(Self::Nothing, Self::Success)),
        }
    }

    /// The object in `success`, if it is one.
    pub(crate) fn into_object(self) -> Option<JsonMap<String, Json>> {
        match self {
            Self::Success(Json::Object(members)) => Some(members),
            Self::Success(_) | Self::Nothing => None,
        }
    }
}

/// What a trigger says against it: a text, or something with a message; anything else is shown as it is.
fn refusal(error: Json) -> ParseError {
    let said = match error {
        Json::Object(mut members) if members.get("message").is_some_and(is_truthy) => {
            members.remove("message").unwrap_or_default()
        }
        other => other,
    };
    ParseError::said(ErrorCode::ScriptFailed, said)
}

/// Reads JSON, and what only JavaScript takes for some: bytes that are no text, and halves of characters, each of which
/// becomes U+FFFD.
fn json(answer: &[u8]) -> Option<Json> {
    serde_json::from_slice(answer).ok().or_else(|| {
        let text = String::from_utf8_lossy(answer);
        serde_json::from_slice(&with_whole_characters(text.as_bytes())).ok()
    })
}

/// The text with an escape of U+FFFD in the place of each that is one half of a surrogate pair without the other.
fn with_whole_characters(mut text: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(text.len());
    while let Some(place) = memchr::memchr(b'\\', text) {
        let (before, escape) = text.split_at(place);
        whole.extend_from_slice(before);
        let (kept, length): (&[u8], usize) = match escaped_unit(escape) {
            Some(0xd800..=0xdbff) if matches!(escape.get(6..).and_then(escaped_unit), Some(0xdc00..=0xdfff)) => {
                (escape, 12)
            }
            Some(0xd800..=0xdfff) => (br"\ufffd", 6),
            // The next character is no escape's beginning.
            _ => (escape, 2),
        };
        whole.extend_from_slice(kept.get(..length).unwrap_or(kept));
        text = escape.get(length..).unwrap_or_default();
    }
    whole.extend_from_slice(text);
    whole
}

/// The number in an escape `\uXXXX` at the beginning of a text.
fn escaped_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
}

/// Whether the first that is not space begins an object, a list or a text.
fn begins_as_json(answer: &[u8]) -> bool {
    matches!(answer.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

/// Whoever cannot be understood has not said anything against it.
fn malformed(text: &str) -> ParseError {
    let excerpt: String = text.chars().take(EXCERPT).collect();
    let said = json!({"error": "Malformed response", "code": -1, "partialResponse": excerpt});
    ParseError { speaker: Speaker::Server, ..ParseError::said(ErrorCode::ScriptFailed, said) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use parsefleet_core::error::Wording;

    use super::*;

    fn read(answer: &str) -> Result<Reply, (String, Wording)> {
        Reply::read(answer.as_bytes()).map_err(|error| {
            assert_eq!(error.code, ErrorCode::ScriptFailed);
            (error.message, error.wording)
        })
    }

    #[test]
    fn success_is_whatever_it_holds() {
        for (answer, value) in [
            (r#"{"success": {"a": 1}}"#, json!({"a": 1})),
            (r#"{"success": true, "error": ""}"#, json!(true)),
            (r#"{"success": null}"#, Json::Null),
            (r#""{\"success\": [1]}""#, json!([1])),
        ] {
            assert_eq!(read(answer), Ok(Reply::Success(value)), "{answer}");
        }
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        for answer in ["", "{}", "<html>", "null", "0", "[1]", "\"\"", "5", r#"{"error": null}"#, r#"{"other": 1}"#] {
            assert_eq!(read(answer), Ok(Reply::Nothing), "{answer}");
        }
    }

    #[test]
    fn errors_are_passed_on_without_their_codes() {
        let malformed = r#"{"error":"Malformed response","code":-1,"partialResponse":"text"}"#;
        for (answer, text, wording) in [
            (r#"{"error": "no"}"#, "no", Wording::Text),
            (r#"{"error": {"code": 1234, "message": "no"}, "success": {}}"#, "no", Wording::Text),
            (r#"{"error": {"code": 1234, "error": "no"}}"#, r#"{"code":1234,"error":"no"}"#, Wording::Json),
            (r#"{"error": 5}"#, "5", Wording::Json),
            (r#""text""#, malformed, Wording::Json),
        ] {
            assert_eq!(read(answer).unwrap_err(), (text.to_owned(), wording), "{answer}");
        }
    }

    #[test]
    fn only_an_error_is_a_word_against_it() {
        let speaker = |answer: &str| Reply::read(answer.as_bytes()).unwrap_err().speaker;
        assert_eq!(speaker(r#"{"error": "no"}"#), Speaker::App);
        assert_eq!(speaker(r#"{"error": {"reason": 5}}"#), Speaker::App);
        assert_eq!(speaker(r#""text""#), Speaker::Server);
    }

    #[test]
    fn what_only_javascript_reads_is_read_too() {
        for (answer, said) in [
            (&b"{\"error\": \"no \xff\xe4\"}"[..], "no \u{fffd}\u{fffd}"),
            (br#"{"error": "no \ud83d"}"#, "no \u{fffd}"),
            (br#"{"error": "no \ude00\ud83d\ude00\ud83d\n"}"#, "no \u{fffd}\u{1f600}\u{fffd}\n"),
            (br#"{"error": "no \\ud83d \uD83D\\"}"#, "no \\ud83d \u{fffd}\\"),
            (br#""{\"error\": \"no \\udc00\"}""#, "no \u{fffd}"),
        ] {
            assert_eq!(Reply::read(answer).unwrap_err().message, said);
        }
        let success = Reply::read(br#"{"success": {"name": "\ud800"}}"#);
        assert_eq!(success, Ok(Reply::Success(json!({"name": "\u{fffd}"}))));
    }

    #[test]
    fn what_may_be_a_refusal_is_no_consent() {
        let nested = format!("{{\"error\": \"no\", \"x\": {}{}}}", "[".repeat(200), "]".repeat(200));
        for answer in [nested.as_str(), " {\"error\": \"no\", \"n\": 1e999}", "\n[", "\"", "{\"error\": \"\\u", "{\\"] {
            assert!(read(answer).unwrap_err().0.contains("Malformed response"), "{answer}");
        }
        for answer in ["1e999", "no {", "\u{feff}{\"error\": \"no\"}"] {
            assert_eq!(read(answer), Ok(Reply::Nothing), "{answer}");
        }
        assert_eq!(Reply::read(b"\xff\xfe"), Ok(Reply::Nothing));
    }

    #[test]
    fn of_a_malformed_answer_only_the_beginning_is_shown() {
        let answer = Json::from("ä".repeat(300)).to_string();
        assert!(read(&answer).unwrap_err().0.contains(&format!("\"{}\"", "ä".repeat(100))));
    }
}
