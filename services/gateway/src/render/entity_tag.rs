//! Weak entity tags as Express computes them, and the question whether the client has the content already.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

/// `W/"<length in hex>-<first 27 digits of the base64 SHA-1>"`. Not a matter of security.
pub(super) fn weak(body: &[u8]) -> HeaderValue {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, body);
    // 20 bytes are 27 digits without padding.
    let mut digits = [0_u8; 27];
    let written = BASE64_STANDARD_NO_PAD.encode_slice(hash.as_ref(), &mut digits);
    debug_assert!(written.is_ok());
    let mut tag = Vec::with_capacity(48);
    tag.extend_from_slice(b"W/\"");
    push_hex(&mut tag, body.len());
    tag.push(b'-');
    tag.extend_from_slice(&digits);
    tag.push(b'"');
    HeaderValue::from_maybe_shared(Bytes::from(tag)).unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
}

/// Whether `If-None-Match` names the tag and the client does not insist on a new answer.
pub(super) fn is_fresh(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let Some(known) = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else { return false };
    if request.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).is_some_and(is_no_cache) {
        return false;
    }
    let tag = tag.to_str().unwrap_or_default();
    let strong = tag.strip_prefix("W/").unwrap_or(tag);
    known == "*" || known.split(',').map(str::trim).any(|known| known == tag || known == strong)
}

fn is_no_cache(cache_control: &str) -> bool {
    cache_control.split(',').any(|directive| directive.trim() == "no-cache")
}

fn push_hex(text: &mut Vec<u8>, number: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let significant = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..significant).rev() {
        text.push(DIGITS[(number >> (place * 4)) & 0xf]);
    }
}
