//! The REST gateway: Parse's HTTP conventions on one side, typed calls to the services on the other.
//!
//! It finds out who asks and what for, and never reads an object: bodies are split at their top level, the members that
//! belong to the conventions are taken out, the rest travels as the bytes that came. No business rule lives here.
//!
//! A request passes, in this order: [`gateway`] (CORS, keys in headers, health, body, method override, context, session),
//! [`routes`] (which handler), [`parameters`] (typed options), [`backend`] (the call), [`render`] (the response). The
//! sub-requests of `/batch` enter again at [`routes`]. What links in mails lead to is answered by [`pages`].

mod allow_list;
mod app;
mod backend;
mod body;
mod client_address;
mod context;
mod cors;
mod failure;
mod finish;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway;
mod health;
mod idempotency;
mod javascript;
mod mount;
mod pages;
mod parameters;
mod privilege;
mod rate_limit;
mod render;
mod routes;
mod session;
mod telemetry;
#[cfg(test)]
mod testing;
mod verb;

use std::sync::Arc;

use parsefleet_cache::Cache;
use parsefleet_proto::v1::{auth_server::Auth, data_server::Data};
use parsefleet_runtime::{
    Shutdown,
    config::Config,
    http::{HttpOptions, serve_http},
    rpc::Channel,
};
use tokio::net::TcpListener;

pub use crate::{gateway::Gateway, pages::PagesError, session::digest as session_key};

/// The services behind the gateway.
#[derive(Clone)]
pub struct Channels {
    /// Users, sessions and roles.
    pub auth: Channel,
    /// The auth service itself if it is in this process.
    pub auth_here: Option<Arc<dyn Auth>>,
    /// Objects.
    pub data: Channel,
    /// The data service itself if it is in this process: objects then need not be encoded on their way.
    pub data_here: Option<Arc<dyn Data>>,
    /// Classes.
    pub schemas: Channel,
    /// Hooks.
    pub hooks: Channel,
}

/// Why the gateway cannot start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A `routeAllowList` entry is not a regular expression.
    #[error("routeAllowList holds an invalid regular expression {pattern:?}: {reason}")]
    AllowList {
        /// The entry.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A configured text cannot be sent in a header.
    #[error("the option {option} cannot be sent as a header value")]
    Header {
        /// Name of the option.
        option: &'static str,
    },
    /// The address of a Redis that limits are to be counted in cannot be used.
    #[error("rateLimit: {0}")]
    Redis(parsefleet_cache::RedisCacheError),
    /// The pages cannot be shown as configured.
    #[error(transparent)]
    Pages(#[from] PagesError),
    /// The listener failed.
    #[error("serve HTTP: {0}")]
    Io(#[from] std::io::Error),
}

/// Serves the REST API on `listener` until `shutdown` closes it and the requests in flight are done.
///
/// # Errors
/// When the configuration cannot be served, or the listener fails.
pub async fn serve(
    config: Arc<Config>,
    channels: Channels,
    cache: Arc<dyn Cache>,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    let gateway = Gateway::try_new(config, channels, cache)?;
    gateway.serve(listener, shutdown).await
}

impl Gateway {
    /// Serves the REST API on `listener` until `shutdown` closes it and the requests in flight are done, or are to be dropped.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) -> Result<(), ServeError> {
        let requests = self.requests.clone();
        let served = async {
            serve_http(listener, self, HttpOptions::default(), shutdown.clone()).await?;
            // What nobody waits for any more is finished all the same.
            requests.close();
            tokio::select! {
                biased;
                () = requests.wait() => {}
                () = shutdown.aborted() => tracing::warn!(requests = requests.len(), "requests were not finished in time"),
            }
            Ok(())
        };
        // Tracked, because the stop gives no grace to what it does not know of.
        shutdown.track(served).await
    }
}
