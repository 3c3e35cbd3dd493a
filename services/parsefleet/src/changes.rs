//! News that make remembered answers wrong, between services: in this process, or by way of Redis.

use std::sync::Arc;

use anyhow::Context as _;
use parsefleet_auth::News;
use parsefleet_cache::{Cache, Generation, Limits, LocalCache, RedisCache, Topic};
use parsefleet_data::{DataService, Invalidation};
use parsefleet_gateway::session_key;
use parsefleet_runtime::{Shutdown, config::Config};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;

/// Where news are told and heard.
pub(crate) struct Changes {
    cache: Arc<dyn Cache>,
}

impl Changes {
    /// Redis if there is one, else this process alone.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let limits = Limits { time_to_live: config.cache.ttl, capacity: config.cache.max_size };
        let cache: Arc<dyn Cache> = match &config.fleet.redis_url {
            None => Arc::new(LocalCache::new(limits)),
            Some(url) => {
                let prefix = format!("parsefleet:{}", config.app_id);
                Arc::new(RedisCache::try_new(url.expose_secret(), &prefix, limits).context("open the cache")?)
            }
        };
        Ok(Self { cache })
    }

    /// The cache that hears the news.
    pub(crate) fn cache(&self) -> Arc<dyn Cache> {
        Arc::clone(&self.cache)
    }

    /// What the auth service tells its news to.
    pub(crate) fn news(&self) -> Arc<dyn News> {
        self.teller()
    }

    /// What the data service tells its news to.
    pub(crate) fn invalidation(&self) -> Arc<dyn Invalidation> {
        self.teller()
    }

    fn teller(&self) -> Arc<Teller> {
        Arc::new(Teller { schema: self.cache.changes(Topic::Schema), cache: Arc::clone(&self.cache) })
    }
}

struct Teller {
    cache: Arc<dyn Cache>,
    schema: watch::Receiver<Generation>,
}

#[async_trait::async_trait]
impl Invalidation for Teller {
    async fn schema_changed(&self) {
        self.cache.invalidate(Topic::Schema).await;
    }

    async fn schema_changed_everywhere(&self) {
        self.cache.invalidate_everywhere(Topic::Schema).await;
    }

    fn schema_generation(&self) -> u64 {
        self.schema.borrow().number()
    }

    async fn roles_changed(&self) {
        self.cache.invalidate_everywhere(Topic::Roles).await;
    }

    async fn sessions_removed(&self) {
        for topic in [Topic::Sessions, Topic::Users, Topic::Roles] {
            self.cache.invalidate_everywhere(topic).await;
        }
    }
}

#[async_trait::async_trait]
impl News for Teller {
    async fn sessions_ended(&self, tokens: &[String]) {
        let keys: Vec<String> = tokens.iter().map(|token| session_key(token)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.cache.evict(Topic::Sessions, &keys).await;
    }

    async fn user_changed(&self, user_id: &str) {
        self.cache.evict(Topic::Users, &[user_id]).await;
    }

    async fn roles_changed(&self) {
        self.cache.invalidate_everywhere(Topic::Roles).await;
    }

    fn schema_generation(&self) -> u64 {
        self.schema.borrow().number()
    }
}

/// Reads the schema again when somebody tells that it changed.
pub(crate) fn follow_schema(changes: &Changes, data: DataService, shutdown: &Shutdown) {
    let mut news = changes.cache.changes(Topic::Schema);
    let stop = shutdown.clone();
    shutdown.spawn(async move {
        loop {
            tokio::select! {
                () = stop.closing() => return,
                changed = news.changed() => if changed.is_err() { return },
            }
            if let Err(error) = data.schema_changed_elsewhere().await {
                tracing::warn!(%error, "schema changed, but cannot be read");
            }
        }
    });
}
