//! The cache shared over Redis, with a first level in the process.
//!
//! Per topic Redis holds the current generation, and those of its shards that changed by themselves; a change replaces it and
//! announces it on one channel. While the announcements cannot be heard, the first level lives for [`DEAF_TIME_TO_LIVE`]
//! only, and Redis itself is by-passed for a moment after each failure, so that a Redis that hangs does not slow every
//! request down. A change that could not be announced is made up for when Redis is back.

mod announcement;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use parsefleet_core::error::Result;
use redis::{
    AsyncCommands as _, Client, IntoConnectionInfo as _, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::announcement::{Announcement, Confirm};
use crate::{Cache, Generation, HEARD_WITHIN, Limits, Load, LocalCache, Slot, Topic};

/// How long the first level may answer by itself while changes elsewhere cannot be heard.
const DEAF_TIME_TO_LIVE: Duration = Duration::from_secs(1);
/// How long Redis is left alone after a command failed.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(500);
/// Longest wait for an answer of Redis: beyond this, asking the owner of the truth is faster.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(250);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between two looks at how many have heard of a change, and how long it is kept.
const HEARD_AGAIN: Duration = Duration::from_micros(300);
const HEARD_KEPT_MILLISECONDS: i64 = 10_000;
const RECONNECT_DELAY: Duration = Duration::from_millis(250);

/// Why a cache cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the address of Redis cannot be used: {0}")]
pub struct RedisCacheError(#[from] redis::RedisError);

/// A client whose commands leave at once: the kernel would otherwise keep a command back while another is under way.
pub(crate) fn client(url: &str) -> RedisResult<Client> {
    Client::open(url.into_connection_info()?.set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

/// How Redis is talked to: rather not at all than slowly.
pub(crate) fn connection_config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_number_of_retries(1)
}

/// A cache that all processes with the same Redis and prefix share.
pub struct RedisCache {
    shared: Arc<Shared>,
    _listener: DropGuard,
}

struct Shared {
    first_level: LocalCache,
    connection: ConnectionManager,
    keys: Keys,
    time_to_live: Duration,
    /// Whether announcements are being heard.
    hears: AtomicBool,
    /// Topics of which a change could not be announced.
    untold: Mutex<Vec<Topic>>,
    rest: Rest,
}

impl RedisCache {
    /// A cache at `url` whose keys start with `prefix`. Needs a tokio runtime; does not wait for Redis, and works, without
    /// sharing anything, while Redis is away.
    ///
    /// # Errors
    /// If the address is not one of Redis.
    pub fn try_new(url: &str, prefix: &str, limits: Limits) -> std::result::Result<Self, RedisCacheError> {
        let client = client(url)?;
        let shared = Arc::new(Shared {
            first_level: LocalCache::new(limits),
            connection: ConnectionManager::new_lazy_with_config(client.clone(), connection_config())?,
            keys: Keys { prefix: prefix.to_owned() },
            time_to_live: limits.time_to_live,
            hears: AtomicBool::new(false),
            untold: Mutex::default(),
            rest: Rest::new(),
        });
        let stop = CancellationToken::new();
        let listener = listen(client, Arc::clone(&shared));
        #[expect(clippy::disallowed_methods, reason = "the drop guard of the cache ends it")]
        tokio::spawn(stop.clone().run_until_cancelled_owned(listener));
        Ok(Self { shared, _listener: stop.drop_guard() })
    }
}

#[async_trait]
impl Cache for RedisCache {
    fn slot(&self, topic: Topic, key: &str) -> Slot {
        self.shared.first_level.slot(topic, key)
    }

    async fn get_or_load<'a>(&'a self, slot: &'a Slot, load: Load<'a>) -> Result<Bytes> {
        let load = async {
            if let Some(answer) = self.shared.get(slot).await {
                return Ok((answer, self.shared.time_to_live));
            }
            let answer = load.await?;
            match self.shared.put(slot, &answer).await {
                Hearing::Everything => Ok((answer, self.shared.time_to_live)),
                Hearing::Nothing => Ok((answer, DEAF_TIME_TO_LIVE)),
            }
        };
        self.shared.first_level.get_or_load_for(slot, load).await
    }

    async fn invalidate(&self, topic: Topic) {
        self.shared.announce(&Announcement::of_topic(topic, Confirm::No)).await;
    }

    async fn invalidate_everywhere(&self, topic: Topic) {
        self.shared.announce_everywhere(&Announcement::of_topic(topic, Confirm::Yes)).await;
    }

    async fn evict(&self, topic: Topic, keys: &[&str]) {
        let mut announcement = Announcement::of_topic(topic, Confirm::Yes);
        announcement.shards = topic.shards_of(keys);
        if topic.shards() == 0 {
            announcement.shards.clear();
        } else if keys.is_empty() {
            return;
        }
        self.shared.announce_everywhere(&announcement).await;
    }

    fn changes_seen(&self, topic: Topic) -> u64 {
        self.shared.first_level.changes_seen(topic)
    }

    fn changes(&self, topic: Topic) -> watch::Receiver<Generation> {
        self.shared.first_level.changes(topic)
    }
}

/// Whether changes made elsewhere are heard of.
enum Hearing {
    Everything,
    Nothing,
}

impl Shared {
    /// Enters a new generation and tells the others; how many listen, `None` if nobody can be told.
    async fn announce(&self, announcement: &Announcement) -> Option<u64> {
        let topic = announcement.topic;
        self.enter(announcement);
        // Tried even after a failure a moment ago: a lost announcement is worse than a slow one.
        match self.write(announcement).await {
            Ok(listeners) => Some(listeners),
            Err(error) => {
                tracing::warn!(%error, topic = topic.name(), "other instances could not be told of a change");
                self.untold.lock().unwrap_or_else(PoisonError::into_inner).push(topic);
                None
            }
        }
    }

    /// The same, and waits until they have heard.
    async fn announce_everywhere(&self, announcement: &Announcement) {
        let Some(listeners) = self.announce(announcement).await else { return };
        let heard = self.heard_by(announcement.generation, listeners);
        if tokio::time::timeout(HEARD_WITHIN, heard).await.is_err() {
            tracing::warn!(topic = announcement.topic.name(), "not every instance has heard of a change in time");
        }
    }

    /// Follows a change in this process.
    fn enter(&self, announcement: &Announcement) {
        let Announcement { topic, generation, shards, .. } = announcement;
        match shards.is_empty() {
            true => self.first_level.generations.enter(*topic, *generation),
            false => self.first_level.generations.enter_shards(*topic, *generation, shards),
        }
    }

    /// Notes a change in Redis and publishes it; how many listen.
    async fn write(&self, announcement: &Announcement) -> RedisResult<u64> {
        let Announcement { topic, generation, shards, .. } = announcement;
        let mut connection = self.connection.clone();
        let mut change = redis::pipe();
        change.atomic();
        if shards.is_empty() {
            change.set(self.keys.generation(*topic), generation.0).ignore();
        } else {
            let fields: Vec<(usize, u64)> = shards.iter().map(|shard| (*shard, generation.0)).collect();
            change.hset_multiple(self.keys.shards(*topic), &fields).ignore();
        }
        change.publish(self.keys.channel(), announcement.to_text());
        change.query_async::<(u64,)>(&mut connection).await.map(|(listeners,)| listeners)
    }

    /// Makes up for changes that could not be announced: what was not told may have been about anything in its topic.
    async fn tell_untold(&self) -> RedisResult<()> {
        let untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for topic in Topic::ALL.into_iter().filter(|topic| untold.contains(topic)) {
            self.write(&Announcement::of_topic(topic, Confirm::No)).await?;
            self.untold.lock().unwrap_or_else(PoisonError::into_inner).retain(|told| *told != topic);
        }
        Ok(())
    }

    /// Enters the generations that Redis knows of.
    async fn enter_current(&self) -> RedisResult<()> {
        for topic in Topic::ALL {
            let mut connection = self.connection.clone();
            let key = self.keys.generation(topic);
            let _: bool = connection.set_nx(&key, Generation::random().0).await?;
            self.first_level.generations.enter(topic, Generation(connection.get(&key).await?));
            if topic.shards() > 0 {
                let shards: Vec<(usize, u64)> = connection.hgetall(self.keys.shards(topic)).await?;
                for (shard, generation) in shards {
                    self.first_level.generations.enter_shards(topic, Generation(generation), &[shard]);
                }
            }
        }
        Ok(())
    }

    /// Returns when that many instances have confirmed the generation, or Redis does not answer.
    async fn heard_by(&self, generation: Generation, listeners: u64) {
        let mut connection = self.connection.clone();
        loop {
            match connection.get::<_, Option<u64>>(self.keys.heard(generation)).await {
                Ok(heard) if heard.unwrap_or(0) < listeners => tokio::time::sleep(HEARD_AGAIN).await,
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Tells whoever waits for it that this instance is in the generation.
    async fn confirm(&self, generation: Generation) -> RedisResult<()> {
        let mut connection = self.connection.clone();
        let key = self.keys.heard(generation);
        let mut count = redis::pipe();
        count.incr(&key, 1).ignore().pexpire(&key, HEARD_KEPT_MILLISECONDS).ignore();
        count.query_async(&mut connection).await
    }

    async fn get(&self, slot: &Slot) -> Option<Bytes> {
        if !self.hears.load(Ordering::Acquire) {
            return None;
        }
        let mut connection = self.connection.clone();
        let answer = connection.get::<_, Option<Vec<u8>>>(self.keys.answer(slot));
        self.rest.unless_resting(answer).await?.map(Bytes::from)
    }

    async fn put(&self, slot: &Slot, answer: &Bytes) -> Hearing {
        if !self.hears.load(Ordering::Acquire) {
            return Hearing::Nothing;
        }
        let mut connection = self.connection.clone();
        let milliseconds = u64::try_from(self.time_to_live.as_millis()).unwrap_or(u64::MAX).max(1);
        let put = connection.pset_ex::<_, _, ()>(self.keys.answer(slot), answer.as_ref(), milliseconds);
        self.rest.unless_resting(put).await;
        Hearing::Everything
    }
}

/// Follows the announcements for as long as the cache lives.
async fn listen(client: Client, shared: Arc<Shared>) {
    let mut warned = false;
    loop {
        match follow(&client, &shared).await {
            Ok(()) => warned = false,
            Err(error) if warned => tracing::debug!(%error, "the shared cache is still away"),
            Err(error) => {
                tracing::warn!(%error, "the shared cache is away: answers are cached for a second, in this process");
                warned = true;
            }
        }
        if shared.hears.swap(false, Ordering::AcqRel) {
            // What changed meanwhile is unknown, so that nothing known may be trusted.
            for topic in Topic::ALL {
                shared.first_level.generations.enter(topic, Generation::random());
            }
        }
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

/// Hears announcements until the connection ends.
async fn follow(client: &Client, shared: &Shared) -> RedisResult<()> {
    let (mut sink, mut messages) = client.get_async_pubsub().await?.split();
    sink.subscribe(shared.keys.channel()).await?;
    shared.tell_untold().await?;
    shared.enter_current().await?;
    shared.hears.store(true, Ordering::Release);
    tracing::info!("the shared cache is in use");
    while let Some(message) = messages.next().await {
        let text: String = message.get_payload()?;
        let Some(announcement) = Announcement::parse(&text) else { continue };
        shared.enter(&announcement);
        if announcement.confirm == Confirm::Yes {
            shared.confirm(announcement.generation).await?;
        }
    }
    Ok(())
}

/// The names of everything in Redis.
struct Keys {
    prefix: String,
}

impl Keys {
    fn answer(&self, slot: &Slot) -> String {
        format!("{}:{}:{}:{}", self.prefix, slot.topic.name(), slot.generation, slot.key)
    }

    fn generation(&self, topic: Topic) -> String {
        format!("{}:{}:generation", self.prefix, topic.name())
    }

    fn shards(&self, topic: Topic) -> String {
        format!("{}:{}:shards", self.prefix, topic.name())
    }

    fn heard(&self, generation: Generation) -> String {
        format!("{}:heard:{generation}", self.prefix)
    }

    fn channel(&self) -> String {
        format!("{}:changes", self.prefix)
    }
}

/// Leaves Redis alone for a moment after a failure.
pub(crate) struct Rest {
    started: Instant,
    until_milliseconds: AtomicU64,
}

impl Rest {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), until_milliseconds: AtomicU64::new(0) }
    }

    /// The command's result, or nothing if it failed or was not tried.
    pub(crate) async fn unless_resting<T>(&self, command: impl Future<Output = RedisResult<T>>) -> Option<T> {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now < self.until_milliseconds.load(Ordering::Relaxed) {
            return None;
        }
        match command.await {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::debug!(%error, "a command of the shared cache failed");
                let rest = u64::try_from(REST_AFTER_FAILURE.as_millis()).unwrap_or(u64::MAX);
                self.until_milliseconds.store(now.saturating_add(rest), Ordering::Relaxed);
                None
            }
        }
    }
}
