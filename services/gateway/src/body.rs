//! Request bodies: read whole up to a limit, checked to be JSON, split at the top level.

mod encoding;
pub(crate) mod form;
pub(crate) mod members;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use http_body::Body;
use http_body_util::BodyExt as _;

use self::encoding::Encoding;
pub(crate) use self::members::Members;
use crate::failure::{Failure, Result};

/// body-parser's limit for form bodies.
const MAX_FORM: usize = 100 * 1024;

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Form,
    /// Multipart bodies are left alone: the request counts as one without a body.
    Ignored,
}

/// Reads and splits the body of a request.
///
/// # Errors
/// 413, 415 or 400 without a Parse code, as body-parser answers them. The limit is for what comes out of a compressed body, too.
pub(crate) async fn read<B>(headers: &HeaderMap, body: B, limit: usize) -> Result<Members>
where
    B: Body<Data = Bytes>,
{
    if body.is_end_stream() {
        return Ok(Members::default());
    }
    let format = format_of(headers.get(header::CONTENT_TYPE))?;
    if format == Format::Ignored {
        return Ok(Members::default());
    }
    let encoding = Encoding::of(headers)?;
    let limit = if format == Format::Form { limit.min(MAX_FORM) } else { limit };
    let bytes = encoding.inflate(collect(body, limit).await?, limit).await?;
    let bytes = without_bad_utf8(bytes);
    match format {
        Format::Form => form::parse(&bytes),
        Format::Json | Format::Ignored => Members::split(bytes),
    }
}

/// The names and values of a body that is a form; a body of another kind is left alone and has none.
///
/// # Errors
/// 413, 415 or 400, as body-parser answers them.
pub(crate) async fn read_form<B>(headers: &HeaderMap, body: B) -> Result<Vec<(String, String)>>
where
    B: Body<Data = Bytes>,
{
    if body.is_end_stream() || format_of(headers.get(header::CONTENT_TYPE))? != Format::Form {
        return Ok(Vec::new());
    }
    let encoding = Encoding::of(headers)?;
    let bytes = encoding.inflate(collect(body, MAX_FORM).await?, MAX_FORM).await?;
    form::pairs(&without_bad_utf8(bytes))
}

fn format_of(content_type: Option<&HeaderValue>) -> Result<Format> {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else { return Ok(Format::Json) };
    let (media_type, parameters) = text.split_once(';').unwrap_or((text, ""));
    check_charset(parameters)?;
    let media_type = media_type.trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(Format::Form)
    } else if media_type.eq_ignore_ascii_case("multipart/form-data") {
        Ok(Format::Ignored)
    } else {
        Ok(Format::Json)
    }
}

fn check_charset(parameters: &str) -> Result<()> {
    for parameter in parameters.split(';') {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        if name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
            let message = format!("unsupported charset \"{}\"", value.to_ascii_uppercase());
            return Err(Failure::http(415, message));
        }
    }
    Ok(())
}

/// The whole body; a body that came in one piece is not copied.
async fn collect<B>(body: B, limit: usize) -> Result<Bytes>
where
    B: Body<Data = Bytes>,
{
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(Failure::too_large());
    }
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Failure::http(400, "request aborted")) };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            return Err(Failure::too_large());
        }
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve(usize::try_from(announced).unwrap_or(0).max(first.len() + data.len()));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Like a browser: a byte order mark is skipped and what is not UTF-8 becomes U+FFFD.
fn without_bad_utf8(bytes: Bytes) -> Bytes {
    let bytes = if bytes.starts_with(b"\xef\xbb\xbf") { bytes.slice(3..) } else { bytes };
    match String::from_utf8_lossy(&bytes) {
        Cow::Borrowed(_) => bytes,
        Cow::Owned(repaired) => Bytes::from(repaired),
    }
}

#[cfg(test)]
mod tests;
