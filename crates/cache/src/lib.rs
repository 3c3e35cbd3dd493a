//! Shared, short-lived answers: one trait, in the process or in Redis.
//!
//! A cached answer is found under the *generation* of its topic. Whoever changes what the answers are made of starts a new
//! generation, and every instance hears of it, so that an old answer cannot be found again: not even one that was being
//! worked out while the change happened. Generations are random, never counted, so that instances which lost sight of
//! each other cannot meet in the same one.
//!
//! The keys of some topics are divided into shards with generations of their own: news about one key make the answers of its
//! shard unfindable, which is one in thousands, and leave the others where they are.
//!
//! A cache that fails is a cache that knows nothing: its own failures are never anybody's error.

mod counters;
mod generations;
mod local;
mod redis;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parsefleet_core::error::Result;
use tokio::sync::watch;

pub use crate::{
    counters::{Count, Counters, LocalCounters, RedisCounters},
    local::LocalCache,
    redis::{RedisCache, RedisCacheError},
};

/// What a set of answers is about; each has its own generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Which session a token stands for, by token.
    Sessions,
    /// Users as far as sessions depend on them, by id.
    Users,
    /// Which roles a user holds.
    Roles,
    /// The classes and their fields.
    Schema,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 4] = [Self::Sessions, Self::Users, Self::Roles, Self::Schema];

    /// The topic's name in keys and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Users => "users",
            Self::Roles => "roles",
            Self::Schema => "schema",
        }
    }

    /// Parts of the topic that change by themselves. Every instance has to count the same.
    const fn shards(self) -> usize {
        match self {
            Self::Sessions | Self::Users => 4096,
            Self::Roles | Self::Schema => 0,
        }
    }

    /// The part that a key belongs to (FNV-1a, on every instance and in every version).
    fn shard_of(self, key: &str) -> usize {
        let hash = key
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        usize::try_from(hash % self.shards().max(1) as u64).unwrap_or(0)
    }

    /// The parts that these keys belong to.
    fn shards_of(self, keys: &[&str]) -> Vec<usize> {
        let mut shards: Vec<usize> = keys.iter().map(|key| self.shard_of(key)).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }
}

/// The state of a topic between two changes. Equal generations are the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(u64);

impl Generation {
    fn random() -> Self {
        Self(rand::random())
    }

    /// The generation as a number that no other one has.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// A place for one answer, tied to the generation in which the question was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    topic: Topic,
    generation: Generation,
    key: String,
}

impl Slot {
    /// The state of what the answer is about, when the place was taken.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The place of a further answer to what was asked at the same moment and is about the same, or of a topic without parts.
    #[must_use]
    pub fn variant(&self, name: &str) -> Self {
        let key = if self.key.is_empty() { name.to_owned() } else { format!("{}/{name}", self.key) };
        Self { topic: self.topic, generation: self.generation, key }
    }
}

/// Limits of a cache.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest time an answer is kept.
    pub time_to_live: Duration,
    /// Most answers kept in the process.
    pub capacity: u64,
}

/// Longest wait until every instance has heard of a change. One that takes longer hears of it later.
pub const HEARD_WITHIN: Duration = Duration::from_millis(500);

/// How an answer is worked out.
pub type Load<'a> = BoxFuture<'a, Result<Bytes>>;

/// A cache of answers that all instances agree on.
#[async_trait]
pub trait Cache: Send + Sync + 'static {
    /// The place of an answer. Take it before working the answer out: if the topic changes meanwhile, the answer is kept
    /// where nobody looks.
    fn slot(&self, topic: Topic, key: &str) -> Slot;

    /// The answer, worked out by `load` if it is not known. However many ask at the same time, one of them works it out.
    ///
    /// # Errors
    /// What `load` failed of; failures are not kept.
    async fn get_or_load<'a>(&'a self, slot: &'a Slot, load: Load<'a>) -> Result<Bytes>;

    /// Starts a new generation of the topic, here at once and everywhere as soon as the message arrives.
    async fn invalidate(&self, topic: Topic);

    /// The same, and waits until every instance has entered the generation, but no longer than [`HEARD_WITHIN`].
    async fn invalidate_everywhere(&self, topic: Topic);

    /// Starts a new generation for these keys of a topic, and for those that share a shard with one of them; waits as
    /// [`invalidate_everywhere`](Self::invalidate_everywhere) does. A topic without parts changes as a whole.
    async fn evict(&self, topic: Topic, keys: &[&str]);

    /// How many changes of the topic, whole or in part, were heard of. If the number is the same before a question and after its
    /// answer, a slot that is taken between the two is as good as one that was taken before.
    fn changes_seen(&self, topic: Topic) -> u64;

    /// Tells when the topic as a whole was changed, here or elsewhere.
    fn changes(&self, topic: Topic) -> watch::Receiver<Generation>;
}
