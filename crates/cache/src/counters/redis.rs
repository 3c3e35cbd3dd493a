//! Counters in Redis, shared by all processes with the same Redis and prefix.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use redis::{RedisResult, Script, aio::ConnectionManager};

use super::{Count, Counters, LocalCounters};
use crate::redis::{RedisCacheError, Rest, client, connection_config};

/// Counts a hit and tells when the window ends, as one step that nobody can come between.
const HIT: &str = r"
local hits = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {hits, left}
";

/// Shared counters. While Redis is away each process counts for itself.
pub struct RedisCounters {
    connection: ConnectionManager,
    prefix: String,
    hit: Script,
    rest: Rest,
    /// What Redis has counted is known here too, so that neither its absence nor its restart is an amnesty.
    local: LocalCounters,
    is_away: AtomicBool,
}

impl RedisCounters {
    /// Counters at `url` whose keys start with `prefix`. Needs a tokio runtime; does not wait for Redis.
    ///
    /// # Errors
    /// If the address is not one of Redis.
    pub fn try_new(url: &str, prefix: &str, capacity: usize) -> Result<Self, RedisCacheError> {
        let connection = ConnectionManager::new_lazy_with_config(client(url)?, connection_config())?;
        Ok(Self {
            connection,
            prefix: prefix.to_owned(),
            hit: Script::new(HIT),
            rest: Rest::new(),
            local: LocalCounters::new(capacity),
            is_away: AtomicBool::new(false),
        })
    }

    async fn count(&self, name: &str, window: Duration) -> RedisResult<Count> {
        let mut connection = self.connection.clone();
        let milliseconds = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut call = self.hit.key(format!("{}:{name}", self.prefix));
        let (hits, left): (u64, u64) = call.arg(milliseconds).invoke_async(&mut connection).await?;
        Ok(Count { hits, ends_in: Duration::from_millis(left) })
    }
}

#[async_trait]
impl Counters for RedisCounters {
    async fn hit(&self, name: &str, window: Duration) -> Count {
        let asked_at = Instant::now();
        let known = self.local.hits(name);
        let shared = self.rest.unless_resting(self.count(name, window)).await;
        let was_away = self.is_away.swap(shared.is_none(), Ordering::Relaxed);
        if was_away != shared.is_none() {
            match shared {
                None => tracing::warn!("the shared counters are away: this process counts for itself"),
                Some(_) => tracing::info!("the shared counters are in use"),
            }
        }
        match shared {
            // A window here ends no later than the shared one.
            Some(shared) if shared.hits > known => {
                self.local.learn(name, shared.hits, asked_at + shared.ends_in);
                shared
            }
            // Redis is away, or has counted no further than was known before it was asked: it came back empty.
            _ => self.local.count(name, window),
        }
    }
}
