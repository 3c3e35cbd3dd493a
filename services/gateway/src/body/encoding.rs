//! Compressed bodies, and how much may come out of them.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use bytes::{Buf as _, Bytes};
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use crate::failure::{Failure, Result};

/// What is inflated before others have their turn: some 100 µs of work.
const PIECE: u64 = 64 * 1024;

/// Bytes that brotli is given at a time.
const INPUT: usize = 4096;

/// What a body is compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
}

impl Encoding {
    /// What the headers say.
    ///
    /// # Errors
    /// 415 for what nobody can read.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self> {
        let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(Self::Identity) };
        let name = String::from_utf8_lossy(encoding.as_bytes()).to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "br" => Ok(Self::Brotli),
            _ => Err(Failure::http(415, format!("unsupported content encoding \"{name}\""))),
        }
    }

    /// The body as it was before it was compressed. Of what is beyond the limit no more than a piece is made.
    ///
    /// # Errors
    /// 413 beyond the limit, 400 for what is not compressed in this way.
    pub(super) async fn inflate(self, bytes: Bytes, limit: usize) -> Result<Bytes> {
        if !self.is_begun_by(&bytes) {
            return Err(Failure::http(400, "incorrect header check"));
        }
        let mut decoder: Box<dyn Read + Send> = match self {
            Self::Identity => return Ok(bytes),
            Self::Gzip => Box::new(MultiGzDecoder::new(bytes.reader())),
            Self::Deflate => Box::new(ZlibDecoder::new(bytes.reader())),
            Self::Brotli => Box::new(Decompressor::new(bytes.reader(), INPUT)),
        };
        let mut inflated = Vec::new();
        loop {
            let piece = decoder.by_ref().take(PIECE).read_to_end(&mut inflated);
            let length = piece.map_err(|error| refusal(&error))?;
            if inflated.len() > limit {
                return Err(Failure::too_large());
            }
            if (length as u64) < PIECE {
                return Ok(Bytes::from(inflated));
            }
            tokio::task::yield_now().await;
        }
    }

    /// Whether the first two bytes, as far as they are there, are those of this encoding; brotli has none of its own.
    fn is_begun_by(self, bytes: &[u8]) -> bool {
        match (self, bytes) {
            (Self::Gzip, [first, second, ..]) => [*first, *second] == [0x1f, 0x8b],
            (Self::Deflate, [first, second, ..]) => {
                first & 0xf == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
            }
            _ => true,
        }
    }
}

/// In the words of Node's zlib where the error is told apart from others.
fn refusal(error: &io::Error) -> Failure {
    let is_cut_off = error.kind() == io::ErrorKind::UnexpectedEof;
    Failure::http(400, if is_cut_off { "unexpected end of file" } else { "Decompression failed" })
}

#[cfg(test)]
mod tests;
