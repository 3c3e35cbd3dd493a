//! The cache in the process: all there is standalone, and the first level in front of Redis.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use moka::{Expiry, future::Cache as Entries};
use parsefleet_core::{ParseError, error::Result};
use tokio::sync::watch;

use crate::{Cache, Generation, Limits, Load, Slot, Topic, generations::Generations};

/// A bounded map with a time to live.
pub struct LocalCache {
    entries: Entries<Slot, Entry>,
    time_to_live: Duration,
    pub(crate) generations: Generations,
}

#[derive(Clone)]
struct Entry {
    answer: Bytes,
    time_to_live: Duration,
}

/// Lets each entry say how long it lives.
struct EntryExpiry;

impl LocalCache {
    /// An empty cache.
    pub fn new(limits: Limits) -> Self {
        Self {
            entries: Entries::builder().max_capacity(limits.capacity).expire_after(EntryExpiry).build(),
            time_to_live: limits.time_to_live,
            generations: Generations::new(),
        }
    }

    /// The answer, or else what `load` finds together with the longest time it may be kept.
    pub(crate) async fn get_or_load_for<F>(&self, slot: &Slot, load: F) -> Result<Bytes>
    where
        F: Future<Output = Result<(Bytes, Duration)>>,
    {
        let load = async {
            let (answer, limit) = load.await?;
            Ok(Entry { answer, time_to_live: self.time_to_live.min(limit) })
        };
        let entry = self.entries.try_get_with_by_ref(slot, load).await;
        entry.map(|entry| entry.answer).map_err(|error: Arc<ParseError>| (*error).clone())
    }
}

#[async_trait]
impl Cache for LocalCache {
    fn slot(&self, topic: Topic, key: &str) -> Slot {
        Slot { topic, generation: self.generations.of(topic, key), key: key.to_owned() }
    }

    async fn get_or_load<'a>(&'a self, slot: &'a Slot, load: Load<'a>) -> Result<Bytes> {
        self.get_or_load_for(slot, async { Ok((load.await?, self.time_to_live)) }).await
    }

    async fn invalidate(&self, topic: Topic) {
        self.generations.enter(topic, Generation::random());
    }

    async fn invalidate_everywhere(&self, topic: Topic) {
        self.invalidate(topic).await;
    }

    async fn evict(&self, topic: Topic, keys: &[&str]) {
        match topic.shards() {
            0 => self.invalidate(topic).await,
            _ => self.generations.enter_shards(topic, Generation::random(), &topic.shards_of(keys)),
        }
    }

    fn changes_seen(&self, topic: Topic) -> u64 {
        self.generations.seen(topic)
    }

    fn changes(&self, topic: Topic) -> watch::Receiver<Generation> {
        self.generations.subscribe(topic)
    }
}

impl Expiry<Slot, Entry> for EntryExpiry {
    fn expire_after_create(&self, _slot: &Slot, entry: &Entry, _created_at: Instant) -> Option<Duration> {
        Some(entry.time_to_live)
    }

    fn expire_after_update(
        &self,
        _slot: &Slot,
        entry: &Entry,
        _updated_at: Instant,
        _remaining: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.time_to_live)
    }
}
