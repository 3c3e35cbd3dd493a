//! The keys that a provider signs with: fetched when they are needed, kept as long as the provider and the operator allow.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse},
};
use moka::{Expiry, future::Cache, policy::EvictionPolicy};
use parsefleet_core::error::Result;
use parsefleet_runtime::config::providers::KeyCache;
use serde_json::Value as Json;
use tokio::sync::Mutex;

use crate::providers::{
    http::{self, Http},
    refused,
};

/// A key is kept for as long at least, whatever the provider allows: some answer "no-cache" always.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
/// For how long it is believed that there is no key of an id.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);
/// Most ids that are remembered as unknown.
const UNKNOWN_LIMIT: u64 = 1000;
/// Most times that keys are fetched in a minute: the ids of keys are the clients' choice.
const FETCHES_A_MINUTE: usize = 20;

/// Keys of one provider, by id.
pub(in crate::providers) struct Keys {
    provider: String,
    url: String,
    http: Http,
    max_age: Duration,
    known: Cache<String, Key>,
    unknown: Cache<String, ()>,
    fetches: Mutex<Vec<Instant>>,
}

/// A key, and for how long it may be kept.
#[derive(Clone)]
struct Key {
    key: Arc<DecodingKey>,
    lives: Duration,
}

/// A key's life is that of the answer it came with.
struct Lives;

impl Expiry<String, Key> for Lives {
    fn expire_after_create(&self, _id: &String, key: &Key, _now: Instant) -> Option<Duration> {
        Some(key.lives)
    }

    /// One that comes along once more begins a new life.
    fn expire_after_update(&self, _id: &String, key: &Key, _now: Instant, _left: Option<Duration>) -> Option<Duration> {
        Some(key.lives)
    }
}

impl Keys {
    pub(in crate::providers) fn new(provider: &str, url: String, http: Http, cache: KeyCache) -> Self {
        Self {
            provider: provider.to_owned(),
            url,
            http,
            max_age: cache.max_age,
            known: Cache::builder()
                .max_capacity(cache.max_entries)
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(Lives)
                .build(),
            unknown: Cache::builder().max_capacity(UNKNOWN_LIMIT).time_to_live(UNKNOWN_FOR).build(),
            fetches: Mutex::new(Vec::new()),
        }
    }

    /// The key of this id. Whoever asks for the same id at the same time waits for one answer.
    ///
    /// # Errors
    /// 101 if there is none, or if the provider does not answer.
    pub(super) async fn find(&self, id: Option<&str>) -> Result<Arc<DecodingKey>> {
        let shown = id.unwrap_or("undefined");
        let missing = || refused(format!("Unable to find matching key for Key ID: {shown}"));
        let id = id.ok_or_else(missing)?;
        if self.unknown.contains_key(id) {
            return Err(missing());
        }
        let found = self.known.try_get_with_by_ref(id, self.fetch(id)).await;
        found.map(|key| key.key).map_err(|_| missing())
    }

    async fn fetch(&self, id: &str) -> std::result::Result<Key, ()> {
        self.note_fetch().await?;
        let answer = http::ask(&self.provider, self.http.get(&self.url)).await.map_err(|_| ())?;
        let keys = answer.good_json().ok_or(())?;
        let keys = keys.get("keys").and_then(Json::as_array).ok_or(())?;
        let allowed = answer.max_age().map_or(self.max_age, Duration::from_secs);
        let lives = allowed.max(SHORTEST_LIFE).min(self.max_age);
        let mut found = None;
        for (name, key) in keys.iter().filter_map(usable) {
            let key = Key { key: Arc::new(key), lives };
            match name == id {
                true => found = Some(key),
                // The other keys came along: whoever asks for unknown ones refreshes those in use.
                false => self.known.insert(name, key).await,
            }
        }
        if found.is_none() {
            self.unknown.insert(id.to_owned(), ()).await;
        }
        found.ok_or(())
    }

    /// Counts a fetch, or refuses one too many.
    async fn note_fetch(&self) -> std::result::Result<(), ()> {
        let mut fetches = self.fetches.lock().await;
        fetches.retain(|moment| moment.elapsed() < Duration::from_secs(60));
        if fetches.len() >= FETCHES_A_MINUTE {
            tracing::warn!(provider = self.provider, "too many unknown keys were asked for");
            return Err(());
        }
        fetches.push(Instant::now());
        Ok(())
    }
}

/// The id and the key, if it is an RSA key that signatures are made with.
fn usable(key: &Json) -> Option<(String, DecodingKey)> {
    let key: Jwk = serde_json::from_value(key.clone()).ok()?;
    let signs = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    if !signs || !matches!(key.algorithm, AlgorithmParameters::RSA(_)) {
        return None;
    }
    Some((key.common.key_id.clone()?, DecodingKey::from_jwk(&key).ok()?))
}
