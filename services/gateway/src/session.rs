//! From a session token to who it belongs to: asked of auth, remembered in the process for a short time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use moka::{Expiry, future::Cache};
use parsefleet_core::ParseError;
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::telemetry::CacheMetrics;

use crate::backend::AuthBackend;

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The user's id.
    pub(crate) user_id: String,
    /// All role names of the user, without `role:`.
    pub(crate) roles: Vec<String>,
    /// Milliseconds since 1970; `None` if the session never ends.
    pub(crate) expires_at: Option<i64>,
    /// The token itself: a user who reads himself gets it back.
    pub(crate) token: Token,
}

/// A session token. Its `Debug` form says nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Token(Arc<str>);

/// Sessions seen lately. Clones share the entries.
///
/// Whoever learns that a session, a user or a role changed calls [`invalidate_token`](Self::invalidate_token) or
/// [`invalidate_all`](Self::invalidate_all); an answer that was under way at that moment is not kept either.
#[derive(Clone)]
pub struct SessionCache {
    entries: Cache<Token, Arc<Session>>,
    /// Counts invalidations.
    generation: Arc<AtomicU64>,
}

/// Tells who a token belongs to.
pub(crate) struct SessionResolver {
    cache: SessionCache,
    auth: AuthBackend,
    metrics: CacheMetrics,
}

/// An entry lives for the cache's time, but no longer than its session.
struct UntilSessionEnds;

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

// === impl SessionCache ===

impl SessionCache {
    /// An empty cache of `capacity` sessions at most, each kept for `time_to_live` at most.
    pub fn new(time_to_live: Duration, capacity: u64) -> Self {
        let entries =
            Cache::builder().max_capacity(capacity).time_to_live(time_to_live).expire_after(UntilSessionEnds).build();
        Self { entries, generation: Arc::default() }
    }

    /// Forgets every session.
    pub fn invalidate_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate_all();
    }

    /// Forgets one session.
    pub async fn invalidate_token(&self, token: &str) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate(&Token::new(token)).await;
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

impl Expiry<Token, Arc<Session>> for UntilSessionEnds {
    fn expire_after_create(&self, _: &Token, session: &Arc<Session>, _: std::time::Instant) -> Option<Duration> {
        let end = u64::try_from(session.expires_at?).unwrap_or(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(Duration::from_millis(end).saturating_sub(now))
    }
}

// === impl SessionResolver ===

impl SessionResolver {
    pub(crate) fn new(cache: SessionCache, auth: AuthBackend) -> Self {
        Self { cache, auth, metrics: CacheMetrics::new("sessions", "gateway") }
    }

    pub(crate) fn cache(&self) -> &SessionCache {
        &self.cache
    }

    /// Asks auth once, however many requests come with the same token at the same time. Refusals are not kept.
    ///
    /// # Errors
    /// 209 for a token that is unknown or expired; what the way to auth failed of.
    pub(crate) async fn resolve(&self, token: &str, context: RequestContext) -> Result<Arc<Session>, ParseError> {
        let token = Token::new(token);
        if let Some(session) = self.cache.entries.get(&token).await {
            self.metrics.hit();
            return Ok(session);
        }
        self.metrics.miss();
        let generation = self.cache.generation();
        let load = async { self.auth.resolve(token.clone(), context).await.map(Arc::new) };
        let session = self.cache.entries.try_get_with(token.clone(), load).await;
        if self.cache.generation() != generation {
            // What was loaded may be from before the change that the invalidation was about.
            self.cache.entries.invalidate(&token).await;
        }
        session.map_err(|error| (*error).clone())
    }
}

#[cfg(test)]
mod tests;
