//! Weak entity tags, and the question whether the client has the content already.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use xxhash_rust::xxh3::xxh3_128;

/// Longest body, in bytes, that gets the very tag that Express gives it. SHA-1 was a tenth of the work on an answer of a hundred
/// objects.
const LONGEST_OF_EXPRESS: usize = 16 * 1024;

/// `W/"<length in hex>-<hash in base64>"`: Express's own tag, of SHA-1, or for a long body one of the same shape with a faster hash.
/// Not a matter of security.
pub(super) fn weak(body: &[u8]) -> HeaderValue {
    let mut tag = Vec::with_capacity(48);
    tag.extend_from_slice(b"W/\"");
    push_hex(&mut tag, body.len());
    tag.push(b'-');
    if body.len() <= LONGEST_OF_EXPRESS {
        push_base64(&mut tag, digest(&SHA1_FOR_LEGACY_USE_ONLY, body).as_ref());
    } else {
        push_base64(&mut tag, &xxh3_128(body).to_be_bytes());
    }
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

fn push_base64(text: &mut Vec<u8>, hash: &[u8]) {
    // The longest hash has 20 bytes: 27 digits without padding.
    let mut digits = [0_u8; 27];
    let written = BASE64_STANDARD_NO_PAD.encode_slice(hash, &mut digits).unwrap_or_default();
    text.extend_from_slice(&digits[..written]);
}

fn push_hex(text: &mut Vec<u8>, number: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let significant = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..significant).rev() {
        text.push(DIGITS[(number >> (place * 4)) & 0xf]);
    }
}
