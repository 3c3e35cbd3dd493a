//! The way to a service.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use secrecy::SecretString;
use tonic::Status;
use tower::Service;

use super::{
    Body,
    local::Local,
    remote::Remote,
    tls::{TlsError, TlsFiles},
};
use crate::config::Fleet;

/// A way to a service: clones share it. Generated clients take it as their transport.
#[derive(Clone)]
pub struct Channel {
    transport: Arc<dyn Transport>,
}

/// The future of a call.
pub(super) type Call = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

/// What carries a call.
pub(super) trait Transport: Send + Sync {
    fn call(&self, request: Request<Body>) -> Call;
}

/// How calls are made.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientOptions {
    /// The services' shared secret, sent with each call.
    pub credential: Option<SecretString>,
    /// Certificates, for `https` addresses.
    pub tls: Option<TlsFiles>,
    /// Deadline of calls that run under none.
    pub timeout: Duration,
    /// Longest time to open a connection.
    pub connect_timeout: Duration,
    /// Time between two resolutions of the host names.
    pub resolve_interval: Duration,
    /// Age at which a connection is replaced, give or take a quarter.
    pub redial_after: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            credential: None,
            tls: None,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(1),
            resolve_interval: Duration::from_secs(5),
            redial_after: Duration::from_secs(240),
        }
    }
}

impl ClientOptions {
    /// What the configuration says.
    pub fn from_fleet(fleet: &Fleet) -> Self {
        Self {
            credential: fleet.service_credential.clone(),
            tls: fleet.tls.as_ref().map(TlsFiles::from),
            timeout: fleet.request_timeout,
            ..Self::default()
        }
    }
}

/// Why there is no channel to an address.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be read.
    #[error("service address {target:?}: {reason}")]
    Target {
        /// The address as given.
        target: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Channel {
    /// The way to a service in this process: no socket, no HTTP/2. Takes a generated server.
    pub fn local<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self { transport: Arc::new(Local { service, timeout: ClientOptions::default().timeout }) }
    }

    /// The way to a service across the network: `http://host:port` or `https://host:port`, several separated by
    /// commas. All addresses behind them share the calls.
    ///
    /// Connections are made in the background; a service that is away now is not an error. Has to run inside the
    /// runtime.
    pub fn connect(target: &str, options: ClientOptions) -> Result<Self, ConnectError> {
        Ok(Self { transport: Arc::new(Remote::try_new(target, options)?) })
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Call;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.transport.call(request)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Channel").finish_non_exhaustive()
    }
}
