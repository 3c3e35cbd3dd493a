//! What no answer may hold: hashes and tokens that only servers know, passwords, sessions and identities of somebody else.
//!
//! Tests ask by [`ask`], or from behind an [`Ear`]; an answer that tells something it should not fails the test. What may be told:
//! what the request itself said; a session to those who open it or list their own; identities to their owner and to the master
//! key; everything to the maintenance key.

mod asker;
mod ear;
mod rules;

use anyhow::{Context as _, Result, bail};
use reqwest::{
    RequestBuilder,
    header::{HeaderMap, HeaderName},
};
use serde_json::Value as Json;

pub use asker::introduce_session;
pub use ear::Ear;

/// A request and what was answered.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// `GET`
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// What was sent.
    pub body: String,
    /// What came back.
    pub answer: String,
}

/// An answer that tells nothing it should not.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

/// Asks a server of ours.
///
/// # Errors
/// If there is no answer, or it tells what it should not.
pub async fn ask(request: RequestBuilder) -> Result<Answer> {
    let (client, request) = request.build_split();
    let request = request?;
    let mut exchange = Exchange {
        method: request.method().to_string(),
        path: path_of(request.url()),
        headers: pairs(request.headers()),
        body: text_of(request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default()),
        answer: String::new(),
    };
    let response = client.execute(request).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    exchange.answer = response.text().await?;
    let told = exchange.told();
    if !told.is_empty() {
        bail!("{exchange}\n{}", told.join("\n"));
    }
    Ok(Answer { status, headers, text: exchange.answer })
}

impl Answer {
    /// Its body as JSON.
    pub fn json(&self) -> Result<Json> {
        serde_json::from_str(&self.text).with_context(|| format!("{} {}", self.status, self.text))
    }
}

impl Exchange {
    /// What the answer tells that it should not.
    pub fn told(&self) -> Vec<String> {
        rules::told(self)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Display for Exchange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} {}\n{}", self.method, self.path, self.body, self.answer)
    }
}

fn path_of(url: &reqwest::Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&HeaderName, &reqwest::header::HeaderValue)| {
        (name.as_str().to_owned(), text_of(value.as_bytes()))
    };
    headers.iter().map(pair).collect()
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
