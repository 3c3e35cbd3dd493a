//! Asking over HTTP: within limits of time and size, and without going elsewhere.

use std::{sync::OnceLock, time::Duration};

use bytes::BytesMut;
use futures_util::StreamExt as _;
use reqwest::{Client, StatusCode, header, redirect};
use secrecy::{ExposeSecret as _, SecretString};

/// Longest time until there is a connection: who does not take the call will not answer either.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of an answer. The largest are the results of a query.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;
/// The header that shows the receiver that its own app asks.
const KEY: &str = "x-parse-webhook-key";

/// Who calls the app's webhooks. Made when the first one is called: most apps have none.
#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    /// Absent if this machine cannot do TLS, which was logged.
    client: OnceLock<Option<Client>>,
}

/// Why a trigger gave no answer. Clients read it: it names neither addresses nor what the receiver said.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("The webhook cannot be reached.")]
    Unreachable,
    #[error("The webhook did not answer in time.")]
    TooLate,
    #[error("The answer of the webhook is too large.")]
    TooLarge,
    #[error("The webhook answered with status {}.", .0.as_u16())]
    Status(StatusCode),
}

impl Webhooks {
    /// The answer to a body of JSON.
    pub(super) async fn post(
        &self,
        url: &str,
        key: Option<&SecretString>,
        body: String,
        time_left: Duration,
    ) -> Result<BytesMut, Failure> {
        let client = self.client.get_or_init(client).as_ref().ok_or(Failure::Unreachable)?;
        let mut request =
            client.post(url).header(header::CONTENT_TYPE, "application/json").timeout(time_left).body(body);
        if let Some(key) = key {
            request = request.header(KEY, key.expose_secret());
        }
        let response = request.send().await.map_err(failure)?;
        let status = response.status();
        if !status.is_success() {
            tracing::warn!(status = status.as_u16(), "a webhook failed");
            return Err(Failure::Status(status));
        }
        let mut answer = BytesMut::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(failure)?;
            if answer.len() + chunk.len() > ANSWER_LIMIT {
                tracing::warn!("the answer of a webhook is too large");
                return Err(Failure::TooLarge);
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

fn client() -> Option<Client> {
    let built = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // A body is for the address that was registered, and for no other.
        .redirect(redirect::Policy::none())
        .user_agent("parsefleet")
        .build();
    built.inspect_err(|error| tracing::error!(%error, "webhooks cannot be called")).ok()
}

fn failure(error: reqwest::Error) -> Failure {
    // The URL may hold a secret of the receiver's.
    let error = error.without_url();
    tracing::warn!(%error, "a webhook gave no answer");
    if error.is_timeout() && !error.is_connect() { Failure::TooLate } else { Failure::Unreachable }
}
