//! From a session token to who it belongs to: asked of auth, kept in the cache that all gateways share.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::digest;
use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use bytes::Bytes;
use parsefleet_cache::{Cache, Topic};
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{RequestContext, ResolveResponse};
use parsefleet_runtime::telemetry::CacheMetrics;
use prost::Message as _;

use crate::backend::AuthBackend;

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The session's own id.
    pub(crate) id: String,
    /// The user's id.
    pub(crate) user_id: String,
    /// All role names of the user, without `role:`.
    pub(crate) roles: Vec<String>,
    /// The token itself: a user who reads himself gets it back.
    pub(crate) token: Token,
}

/// A session token. Its `Debug` form says nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Token(Arc<str>);

/// Tells who a token belongs to.
pub(crate) struct SessionResolver {
    /// Answers of auth, by a digest of the token: no token is kept in a place that others can read.
    cache: Arc<dyn Cache>,
    auth: Arc<AuthBackend>,
    metrics: CacheMetrics,
}

// === impl Token ===

impl Token {
    /// Takes the text as the client sent it.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret text.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(..)")
    }
}

// === impl SessionResolver ===

impl SessionResolver {
    pub(crate) fn new(cache: Arc<dyn Cache>, auth: Arc<AuthBackend>) -> Self {
        Self { cache, auth, metrics: CacheMetrics::new("sessions", "gateway") }
    }

    /// Asks auth once, however many requests come with the same token at the same time. Refusals are not kept.
    ///
    /// # Errors
    /// 209 for a token that is unknown or expired; what the way to auth failed of.
    pub(crate) async fn resolve(&self, token: &str, context: RequestContext) -> Result<Session> {
        let slot = self.cache.slot(Topic::Sessions, &digest(token));
        let mut missed = false;
        let load = async {
            missed = true;
            let answer = self.auth.resolve(token, context).await?;
            Ok(Bytes::from(answer.encode_to_vec()))
        };
        let answer = self.cache.get_or_load(&slot, Box::pin(load)).await;
        if missed {
            self.metrics.miss();
        } else {
            self.metrics.hit();
        }
        let answer = ResolveResponse::decode(answer?).map_err(|error| {
            tracing::error!(%error, "a cached session cannot be read");
            ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
        })?;
        if answer.expires_at.is_some_and(|end| end < now()) {
            return Err(ParseError::new(ErrorCode::InvalidSessionToken, "Session token is expired."));
        }
        Ok(Session { id: answer.session_id, user_id: answer.user_id, roles: answer.roles, token: Token::new(token) })
    }
}

/// What stands for a token where others can read.
pub(crate) fn digest(token: &str) -> String {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    BASE64_STANDARD_NO_PAD.encode(digest)
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
