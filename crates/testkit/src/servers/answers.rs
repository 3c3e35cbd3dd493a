//! What no answer may hold: hashes and tokens that only servers know, passwords, sessions and identities of somebody else.
//!
//! Tests ask by [`ask`], and let others ask from behind an [`Ear`]; an answer that tells something it should not fails the test.
//! What may be told: what the request itself said; a session to those who open it or list their own; identities to their owner
//! and to the master key; everything to the maintenance key.

mod asker;
mod ear;
mod rules;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reqwest::{
    Client, Request, RequestBuilder,
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

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
    /// From when the request was sent until all of the answer was there. To look through it takes none of this time.
    pub took: Duration,
}

/// Asks a server of ours.
///
/// # Errors
/// If there is no answer.
///
/// # Panics
/// If the answer tells what it should not: a test that goes on after requests that fail does not go on after that.
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
    let answer = answer_to(&client, request).await?;
    exchange.answer = answer.text;
    let told = exchange.told();
    assert!(told.is_empty(), "{exchange}\n{}", told.join("\n"));
    Ok(Answer { text: exchange.answer, ..answer })
}

/// Asks Parse Server, whose answers are not looked through.
///
/// # Errors
/// If there is no answer.
pub async fn ask_parse_server(request: RequestBuilder) -> Result<Answer> {
    let (client, request) = request.build_split();
    answer_to(&client, request?).await
}

async fn answer_to(client: &Client, request: Request) -> Result<Answer> {
    let start = Instant::now();
    let response = client.execute(request).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    Ok(Answer { status, headers, text, took: start.elapsed() })
}

impl Answer {
    /// Whether its status says that all is well.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Itself, if its status says that all is well.
    pub fn successful(self) -> Result<Self> {
        ensure!(self.is_success(), "{} {}", self.status, self.text);
        Ok(self)
    }

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
