//! Responses: the one place where replies and failures become HTTP, with the headers that Express gives them.

mod entity_tag;
mod not_found;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use parsefleet_core::{
    ParseError,
    error::{Disclosure, Wording},
};

use crate::{failure::Failure, verb::Verb};

/// Body type of all responses.
pub(crate) type Body = Full<Bytes>;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const DENIED: &str = "Permission denied";

/// A success: JSON bytes, as they go out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

/// What a response depends on beside its content.
pub(crate) struct Occasion<'a> {
    pub(crate) verb: &'a Verb,
    /// Path of the URL as it came.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// `enableSanitizedErrorResponse`
    pub(crate) sanitise: bool,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, location: None, body: body.into() }
    }
}

/// The answer to `OPTIONS`.
pub(crate) fn preflight(occasion: &Occasion<'_>) -> Response<Body> {
    tagged(occasion, StatusCode::OK, TEXT, Bytes::from_static(b"OK"))
}

/// A success or a failure.
pub(crate) fn response(occasion: &Occasion<'_>, outcome: Result<Reply, Failure>) -> Response<Body> {
    match outcome {
        Ok(reply) => {
            let mut response = tagged(occasion, reply.status, JSON, reply.body);
            if let Some(location) = reply.location {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Err(Failure::NoRoute) => not_found::page(occasion.verb, occasion.path),
        Err(Failure::Unauthorized) => plain(StatusCode::FORBIDDEN, Bytes::from_static(br#"{"error":"unauthorized"}"#)),
        Err(failure) => {
            let body = Bytes::from(error_body(&failure, occasion.sanitise));
            let mut response = tagged(occasion, status_of(&failure), JSON, body);
            if failure == Failure::Busy {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
    }
}

/// `{"code", "error"}`, or `{"error"}` for what happened below Parse.
pub(crate) fn error_body(failure: &Failure, sanitise: bool) -> Vec<u8> {
    let (code, text): (Option<i32>, &str) = match failure {
        Failure::Parse(error) => (Some(error.code as i32), visible_text(error, sanitise)),
        Failure::Http { message, .. } => (None, message),
        Failure::Unauthorized => (None, "unauthorized"),
        Failure::MasterKeyRequired if sanitise => (None, DENIED),
        Failure::MasterKeyRequired => (None, "unauthorized: master key is required"),
        Failure::NoRoute => (None, "no such route"),
        Failure::Busy => (Some(100), "The server is busy, try again later."),
        Failure::TooManyRequests { message, .. } => (Some(100), message),
    };
    let mut body = Vec::with_capacity(text.len() + 32);
    body.push(b'{');
    if let Some(code) = code {
        body.extend_from_slice(b"\"code\":");
        body.extend_from_slice(code.to_string().as_bytes());
        body.push(b',');
    }
    body.extend_from_slice(b"\"error\":");
    match failure {
        Failure::Parse(error) if error.wording == Wording::Json => body.extend_from_slice(text.as_bytes()),
        _ => body.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes()),
    }
    body.push(b'}');
    body
}

pub(crate) fn status_of(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Parse(error) => StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::BAD_REQUEST),
        Failure::Http { status, .. } => StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST),
        Failure::Unauthorized | Failure::MasterKeyRequired => StatusCode::FORBIDDEN,
        Failure::NoRoute => StatusCode::NOT_FOUND,
        Failure::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Failure::TooManyRequests { status, .. } => *status,
    }
}

fn visible_text(error: &ParseError, sanitise: bool) -> &str {
    match error.disclosure {
        Disclosure::Sanitised if sanitise => DENIED,
        Disclosure::Sanitised | Disclosure::Public => &error.message,
    }
}

/// A response with an entity tag, or "not modified" if the client has it already.
fn tagged(occasion: &Occasion<'_>, status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<Body> {
    let tag = entity_tag::weak(&body);
    if status.is_success() && occasion.verb.is_read() && entity_tag::is_fresh(occasion.headers, &tag) {
        let mut response = plain(StatusCode::NOT_MODIFIED, Bytes::new());
        response.headers_mut().insert(header::ETAG, tag);
        return response;
    }
    let is_head = *occasion.verb == Verb::Head;
    let length = body.len();
    let mut response = plain(status, if is_head { Bytes::new() } else { body });
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(header::CONTENT_TYPE, content_type);
    if is_head {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    headers.insert(header::ETAG, tag);
    response
}

fn plain(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
