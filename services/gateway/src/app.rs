//! What every request shares.

use std::sync::Arc;

use parsefleet_cache::Cache;
use parsefleet_runtime::config::Config;
use tokio::sync::Semaphore;

use crate::{
    Channels, ServeError,
    allow_list::AllowList,
    backend::{AuthBackend, DataBackend, HooksBackend, SchemasBackend},
    cors::Cors,
    health::Health,
    idempotency::Idempotency,
    mount::Mount,
    pages::Pages,
    rate_limit::RateLimits,
    session::SessionResolver,
};

/// Requests that may be worked on at the same time; more are refused at once.
const MAX_IN_FLIGHT: usize = 8192;

/// Configuration in the form requests need it, and the ways to the services.
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) app_id: Arc<str>,
    pub(crate) mount: Mount,
    pub(crate) cors: Cors,
    pub(crate) allow_list: AllowList,
    pub(crate) rate_limits: RateLimits,
    pub(crate) idempotency: Idempotency,
    pub(crate) sessions: SessionResolver,
    pub(crate) auth: Arc<AuthBackend>,
    pub(crate) data: DataBackend,
    pub(crate) schemas: SchemasBackend,
    pub(crate) hooks: HooksBackend,
    pub(crate) pages: Pages,
    pub(crate) health: Health,
    pub(crate) in_flight: Semaphore,
}

impl App {
    pub(crate) fn try_new(config: Arc<Config>, channels: Channels, cache: Arc<dyn Cache>) -> Result<Self, ServeError> {
        let auth = Arc::new(AuthBackend::new(channels.auth, channels.auth_here));
        Ok(Self {
            app_id: config.app_id.as_str().into(),
            mount: Mount::new(&config.http),
            cors: Cors::try_new(&config.http)?,
            allow_list: AllowList::try_new(config.http.route_allow_list.as_deref())?,
            rate_limits: RateLimits::try_new(Arc::clone(&config))?,
            idempotency: Idempotency::new(&config),
            pages: Pages::try_new(Arc::clone(&config), Arc::clone(&auth))?,
            sessions: SessionResolver::new(cache, Arc::clone(&auth)),
            auth,
            data: DataBackend::new(channels.data, channels.data_here),
            schemas: SchemasBackend::new(channels.schemas),
            hooks: HooksBackend::new(channels.hooks),
            health: Health::default(),
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
            config,
        })
    }
}
