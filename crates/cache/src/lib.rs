//! Shared, short-lived answers: one trait, in the process or in Redis.
//!
//! A cached answer is found under the *generation* of its topic. Whoever changes what the answers are made of starts a new
//! generation, and every instance hears of it, so that an old answer cannot be found again: not even one that was being
//! worked out while the change happened. Generations are random, never counted, so that instances which lost sight of
//! each other cannot meet in the same one.
//!
//! A cache that fails is a cache that knows nothing: its own failures are never anybody's error.

mod counters;
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
    /// Who a session token belongs to, and the user's roles.
    Sessions,
    /// The classes and their fields.
    Schema,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 2] = [Self::Sessions, Self::Schema];

    /// The topic's name in keys and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Schema => "schema",
        }
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

    /// Tells when the topic was changed, here or elsewhere.
    fn changes(&self, topic: Topic) -> watch::Receiver<Generation>;
}
