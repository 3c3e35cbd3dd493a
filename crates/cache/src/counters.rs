//! Counting within windows of time, for limits: in the process, or in Redis for all processes together.

mod local;
mod redis;

use std::time::Duration;

use async_trait::async_trait;

pub use self::{local::LocalCounters, redis::RedisCounters};

/// Where a counter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Hits in this window, the last one included.
    pub hits: u64,
    /// Time until the window ends and counting begins anew.
    pub ends_in: Duration,
}

/// Counters by name. The first hit opens a window; further ones count until it ends.
#[async_trait]
pub trait Counters: Send + Sync + 'static {
    /// Counts one hit, whoever else counts at the same time.
    async fn hit(&self, name: &str, window: Duration) -> Count;
}
