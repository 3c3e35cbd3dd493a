//! `Authorization: Basic`: application id and key.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::HeaderValue;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What was presented.
pub(super) struct Basic {
    pub(super) app_id: String,
    pub(super) key: Key,
}

/// A key of either kind.
pub(super) enum Key {
    Javascript(String),
    Master(String),
}

/// `None` for another scheme, or if there are not exactly two parts. Like Node, it reads base64 of both alphabets and
/// skips other characters.
pub(super) fn parse(header: &HeaderValue) -> Option<Basic> {
    let header = header.to_str().ok()?;
    let (scheme, encoded) = header.split_at_checked("basic ".len())?;
    if !scheme.eq_ignore_ascii_case("basic ") {
        return None;
    }
    let digits = encoded.bytes().take_while(|byte| *byte != b'=').filter_map(|byte| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => Some(byte),
        _ => byte.is_ascii_alphanumeric().then_some(byte),
    });
    let decoded = LENIENT.decode(digits.collect::<Vec<u8>>()).ok()?;
    let decoded = String::from_utf8_lossy(&decoded);
    let (app_id, key) = decoded.split_once(':')?;
    if key.contains(':') {
        return None;
    }
    let key = match key.strip_prefix("javascript-key=") {
        Some(key) => Key::Javascript(key.to_owned()),
        None => Key::Master(key.to_owned()),
    };
    Some(Basic { app_id: app_id.to_owned(), key })
}
