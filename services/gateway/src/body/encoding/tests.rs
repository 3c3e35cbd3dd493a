#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::io::Write as _;

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use http_body_util::Full;

use super::*;
use crate::body::read;

const BODY: &[u8] = br#"{"name":"inflated"}"#;

/// `BODY`, and a brace with three megabytes of spaces behind it, by Node's zlib.
const BROTLI: &str = "0b09807b226e616d65223a22696e666c61746564227d03";
const BROTLI_BOMB: &str = "9bffff2ff82541f6fa4a91cb0281b7f72f31";

const MEGABYTES_3: usize = 3 * 1024 * 1024;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().map(|digit| (digit as char).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

async fn sent(encoding: &str, body: Vec<u8>, limit: usize) -> Result<Bytes> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
    read(&headers, Full::new(Bytes::from(body)), limit).await.map(|members| members.into_bytes())
}

#[tokio::test]
async fn compressed_bodies_are_read() {
    for (encoding, body) in
        [("gzip", gzip(BODY)), ("GZip", gzip(BODY)), ("deflate", deflate(BODY)), ("br", from_hex(BROTLI))]
    {
        assert_eq!(sent(encoding, body, 1024).await.unwrap(), BODY, "{encoding}");
    }
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(200_000));
    assert_eq!(sent("gzip", gzip(long.as_bytes()), 1 << 20).await.unwrap(), long);
    let in_members = [gzip(&BODY[..5]), gzip(&BODY[5..])].concat();
    assert_eq!(sent("gzip", in_members, 1024).await.unwrap(), BODY);
}

#[tokio::test]
async fn the_limit_is_that_of_what_comes_out() {
    let mut large = vec![b' '; MEGABYTES_3];
    large[0] = b'{';
    large[MEGABYTES_3 - 1] = b'}';
    let bombs = [("gzip", gzip(&large)), ("deflate", deflate(&large)), ("br", from_hex(BROTLI_BOMB))];
    for (encoding, bomb) in bombs {
        assert!(bomb.len() < 10_000);
        let refused = sent(encoding, bomb.clone(), 1024 * 1024).await.unwrap_err();
        assert_eq!(refused, Failure::too_large(), "{encoding}");
        assert_eq!(sent(encoding, bomb.clone(), MEGABYTES_3 - 1).await.unwrap_err(), Failure::too_large());
        assert_eq!(sent(encoding, bomb, MEGABYTES_3).await.unwrap().len(), MEGABYTES_3, "{encoding}");
    }
}

#[tokio::test]
async fn what_is_not_compressed_as_it_says_is_refused() {
    for (encoding, body, text) in [
        ("gzip", BODY.to_vec(), "incorrect header check"),
        ("deflate", BODY.to_vec(), "incorrect header check"),
        ("br", BODY.to_vec(), "Decompression failed"),
        ("gzip", gzip(BODY)[..15].to_vec(), "unexpected end of file"),
        ("deflate", deflate(BODY)[..9].to_vec(), "unexpected end of file"),
        // Here Node says "unexpected end of file", which this library does not tell from the rest.
        ("br", from_hex(&BROTLI[..18]), "Decompression failed"),
    ] {
        assert_eq!(sent(encoding, body, 1024).await.unwrap_err(), Failure::http(400, text), "{encoding}");
    }
    for encoding in ["zstd", "gzip, br", "compress"] {
        let refused = Failure::http(415, format!("unsupported content encoding \"{encoding}\""));
        assert_eq!(sent(encoding, BODY.to_vec(), 1024).await.unwrap_err(), refused);
    }
}
