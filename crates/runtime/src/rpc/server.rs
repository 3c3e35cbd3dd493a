//! Serving gRPC.

use std::{convert::Infallible, io, sync::Arc};

use http::{Request, Response};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tonic::server::NamedService;
use tower::Service;

use super::{
    Body, Channel,
    tls::{TlsError, TlsFiles},
};
use crate::{Readiness, Shutdown, config::Fleet};

/// The services that a server answers for.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Routes {
    services: Vec<(&'static str, Channel)>,
}

impl Routes {
    /// Adds a generated server.
    pub fn add<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.services.push((S::NAME, Channel::local(service)));
        self
    }
}

/// How calls are answered.
#[derive(Clone, Debug)]
#[must_use]
pub struct ServeOptions {
    /// The services' shared secret: callers without it are refused. `None` lets everyone in.
    pub credential: Option<SecretString>,
    /// Certificates; with them, only TLS clients with a certificate of the authority get through.
    pub tls: Option<TlsFiles>,
    /// Most calls at a time; further ones are refused at once.
    pub max_in_flight: usize,
    /// Checks that the gRPC health service answers.
    pub readiness: Readiness,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { credential: None, tls: None, max_in_flight: 4096, readiness: Readiness::default() }
    }
}

impl ServeOptions {
    /// What the configuration says.
    pub fn from_fleet(fleet: &Fleet) -> Self {
        Self {
            credential: fleet.service_credential.clone(),
            tls: fleet.tls.as_ref().map(TlsFiles::from),
            ..Self::default()
        }
    }

    /// With these checks behind the health service.
    pub fn with_readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }
}

/// Why a server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The descriptors of the services cannot be served.
    #[error("build gRPC reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The listener failed.
    #[error("serve gRPC: {0}")]
    Io(#[from] io::Error),
}

/// Serves the routes, gRPC health and reflection on the listener. Returns when the shutdown has closed it and every
/// call in flight is answered.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    options: ServeOptions,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    let _ = (listener, Arc::new(routes), options, shutdown);
    todo!()
}
