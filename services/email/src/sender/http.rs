//! What the APIs of providers have in common: one request, and what its answer means.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use reqwest::{RequestBuilder, redirect::Policy};
use serde_json::Value as Json;

use super::{FailureClass, SendError};
use crate::service::EmailError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(25);
/// Longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;
/// Longest code of an error that is passed on.
const MAX_CODE: usize = 60;

/// Speaks HTTP with a provider.
#[derive(Clone)]
pub(crate) struct Client(reqwest::Client);

/// An answer with a status of success.
pub(crate) struct Answer {
    pub(crate) body: Json,
}

/// A part of an answer that names what is wrong.
pub(crate) type Code = fn(&HeaderMap, &Json) -> Option<String>;

impl Client {
    pub(crate) fn try_new() -> Result<Self, EmailError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // A key is for the address that was configured.
            .redirect(Policy::none())
            .user_agent(concat!("parsefleet/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self(client.map_err(|_| EmailError::Http)?))
    }

    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.0.post(url)
    }
}

/// Sends a request; `code` finds what the provider calls the error.
pub(crate) async fn send(request: RequestBuilder, code: Code) -> Result<Answer, SendError> {
    // The text of these errors holds the URL only, but nobody needs it.
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let status = response.status();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let body: Json = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(Answer { body });
    }
    let code = code(&headers, &body).map(|code| plain(&code)).unwrap_or_default();
    let detail = format!("HTTP {} {code}", status.as_u16()).trim_end().to_owned();
    Err(SendError { class: class(status), detail, code })
}

/// What a status that is no success means.
fn class(status: StatusCode) -> FailureClass {
    match status.as_u16() {
        401 | 403 => FailureClass::Credentials,
        408 => FailureClass::Timeout,
        429 => FailureClass::RateLimited,
        400..500 => FailureClass::Rejected,
        // Redirections among them: the configured address is not the right one.
        _ => FailureClass::Temporary,
    }
}

fn failed(error: &reqwest::Error) -> SendError {
    if error.is_timeout() {
        return SendError::new(FailureClass::Timeout, "HTTP");
    }
    let detail = if error.is_connect() { "HTTP, not connected" } else { "HTTP, broken off" };
    SendError::new(FailureClass::Connection, detail)
}

/// A code as it may be logged: a word, and no sentence, which might repeat the address.
fn plain(code: &str) -> String {
    let is_plain = |character: &char| character.is_ascii_alphanumeric() || *character == '_' || *character == '-';
    code.chars().filter(is_plain).take(MAX_CODE).collect()
}
