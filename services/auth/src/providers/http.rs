//! Asking providers over HTTP: with time limits, within bounds, and without going elsewhere.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt as _;
use reqwest::{Client, RequestBuilder, StatusCode, header::HeaderMap, redirect};
use serde_json::Value as Json;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer: profiles and sets of keys are a few kilobytes.
const ANSWER_LIMIT: usize = 1024 * 1024;
/// Most redirections within one server.
const REDIRECT_LIMIT: usize = 3;

/// The client of all providers.
#[derive(Clone)]
pub(super) struct Http {
    /// Absent if this machine cannot do TLS, which was logged.
    client: Option<Client>,
}

/// What a provider answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// There is no answer.
#[derive(Debug)]
pub(super) struct NoAnswer;

impl Http {
    pub(super) fn new() -> Self {
        let built = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .redirect(redirect::Policy::custom(within_one_server))
            .user_agent("parsefleet")
            .build();
        let client = built.inspect_err(|error| tracing::error!(%error, "third-party providers cannot be asked")).ok();
        Self { client }
    }

    /// A request that reads.
    pub(super) fn get(&self, url: &str) -> Option<RequestBuilder> {
        self.client.as_ref().map(|client| client.get(url))
    }

    /// A request that sends.
    pub(super) fn post(&self, url: &str) -> Option<RequestBuilder> {
        self.client.as_ref().map(|client| client.post(url))
    }
}

/// Sends a request, and reads the answer whatever its status is.
pub(super) async fn ask(provider: &str, request: Option<RequestBuilder>) -> Result<Answer, NoAnswer> {
    let response = request.ok_or(NoAnswer)?.send().await.map_err(|error| unreachable(provider, error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| unreachable(provider, error))?;
        if body.len() + chunk.len() > ANSWER_LIMIT {
            tracing::warn!(provider, "the answer of a third-party provider is too large");
            return Err(NoAnswer);
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        tracing::info!(provider, status = status.as_u16(), "a third-party provider refused");
    }
    Ok(Answer { status, headers, body: body.to_vec() })
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json(&self) -> Option<Json> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as JSON, if the answer is a good one.
    pub(super) fn good_json(&self) -> Option<Json> {
        self.json().filter(|_| self.status.is_success())
    }

    /// The body as text.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }

    /// What the status means, in words.
    pub(super) fn reason(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or_default()
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// For how many seconds it may be kept, if it says so.
    pub(super) fn max_age(&self) -> Option<u64> {
        let directives = self.header("cache-control")?;
        if directives.split(',').any(|directive| matches!(directive.trim(), "no-store" | "no-cache")) {
            return Some(0);
        }
        directives.split(',').find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok())
    }
}

/// Follows only to where it was sent in the first place: what a request carries is for that server alone.
fn within_one_server(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().first().map(|url| url.origin());
    if from == Some(attempt.url().origin()) && attempt.previous().len() <= REDIRECT_LIMIT {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

fn unreachable(provider: &str, error: reqwest::Error) -> NoAnswer {
    // The URL may hold a token.
    let error = error.without_url();
    tracing::warn!(provider, %error, "a third-party provider does not answer");
    NoAnswer
}

/// A text as part of a path or of a query.
pub(super) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, UNRESERVED).to_string()
}

/// All but what RFC 3986 leaves unreserved.
pub(super) const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
