//! Serving gRPC.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto,
};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tonic::{Status, server::NamedService};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::Service;

use super::{
    Body, MAX_FRAME, MAX_HEADERS,
    channel::Call,
    local::{Handler, Local, Places},
    method::{Method, outcome},
    tls::{ServerTls, TlsError, TlsFiles},
};
use crate::{
    Readiness, Shutdown,
    config::Fleet,
    http::{HEADER_READ_TIMEOUT, Transport, serve_connections},
};

/// Time between two looks at the readiness checks for the health service.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);

/// Connections are few between services (one per pair of instances); this bounds what strangers can hold.
const MAX_CONNECTIONS: usize = 4096;

/// The services that a server answers for.
#[derive(Clone, Default)]
#[must_use]
pub struct Routes {
    services: Vec<Route>,
}

#[derive(Clone)]
struct Route {
    name: &'static str,
    /// Makes the handler once the default deadline is known.
    build: Arc<dyn Fn(Duration) -> Arc<dyn Handler> + Send + Sync>,
}

impl Routes {
    /// Adds a generated server.
    #[expect(clippy::should_implement_trait, reason = "routes are no sum: an operator would read worse")]
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
        let build =
            Arc::new(move |timeout| -> Arc<dyn Handler> { Arc::new(Local { service: service.clone(), timeout }) });
        self.services.push(Route { name: S::NAME, build });
        self
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.services.iter().map(|route| route.name)).finish()
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
    /// Deadline of calls that bring none.
    pub timeout: Duration,
    /// Most calls at a time; further ones are refused at once.
    pub max_in_flight: usize,
    /// Longest wait for a connection to show that it speaks HTTP/2.
    pub preface_timeout: Duration,
    /// Checks that the gRPC health service answers.
    pub readiness: Readiness,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            credential: None,
            tls: None,
            timeout: Duration::from_secs(30),
            max_in_flight: 4096,
            preface_timeout: HEADER_READ_TIMEOUT,
            readiness: Readiness::default(),
        }
    }
}

impl ServeOptions {
    /// What the configuration says.
    pub fn from_fleet(fleet: &Fleet) -> Self {
        Self {
            credential: fleet.service_credential.clone(),
            tls: fleet.tls.as_ref().map(TlsFiles::from),
            timeout: fleet.request_timeout,
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
    if options.credential.is_none() && options.tls.is_none() {
        tracing::warn!("neither service credential nor TLS configured: this port believes everyone");
    }
    let (reporter, health) = tonic_health::server::health_reporter();
    let names: Vec<_> = [""].into_iter().chain(routes.services.iter().map(|route| route.name)).collect();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(parsefleet_proto::DESCRIPTORS)
        .build_v1()?;
    let open = name_of(&health);
    let routes = routes.add(health).add(reflection);
    let dispatcher = Dispatcher {
        shared: Arc::new(Shared {
            services: routes.services.iter().map(|route| (route.name, (route.build)(options.timeout))).collect(),
            open,
            authorization: options.credential.as_ref().map(authorization),
            places: Places::new(options.max_in_flight),
        }),
    };
    shutdown.spawn(report_health(reporter, names, options.readiness, shutdown.clone()));
    let mut builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(u32::try_from(options.max_in_flight).unwrap_or(u32::MAX))
        .max_frame_size(MAX_FRAME)
        .initial_stream_window_size(2 * 1024 * 1024)
        .initial_connection_window_size(16 * 1024 * 1024)
        .max_header_list_size(MAX_HEADERS)
        // Callers out of time reset their streams, many at once when a database hangs. They are ours: no attack.
        .max_pending_accept_reset_streams(options.max_in_flight);
    let tls = options.tls.map(ServerTls::try_new).transpose()?;
    let transport = Transport { builder, tls, patience: options.preface_timeout, linger: Duration::ZERO };
    serve_connections(listener, dispatcher, transport, MAX_CONNECTIONS, shutdown).await?;
    Ok(())
}

fn name_of<S: NamedService>(_: &S) -> &'static str {
    S::NAME
}

/// Value of the header that carries the credential.
pub(super) fn authorization(credential: &SecretString) -> SecretString {
    format!("Bearer {}", credential.expose_secret()).into()
}

/// Keeps the gRPC health service truthful until the process stops.
async fn report_health(
    mut reporter: HealthReporter,
    names: Vec<&'static str>,
    readiness: Readiness,
    shutdown: Shutdown,
) {
    while !shutdown.is_stopping() {
        let ready = readiness.check().await.iter().all(|report| report.result.is_ok());
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in &names {
            reporter.set_service_status(name, status).await;
        }
        tokio::select! {
            () = shutdown.stopping() => {}
            () = tokio::time::sleep(HEALTH_INTERVAL) => {}
        }
    }
    for name in &names {
        reporter.set_service_status(name, ServingStatus::NotServing).await;
    }
    shutdown.closing().await;
    // Ends the streams of watchers, which would hold their connections.
    for name in &names {
        reporter.clear_service_status(name).await;
    }
}

/// Leads each call to its service, if the caller may come in and there is room.
#[derive(Clone)]
struct Dispatcher {
    shared: Arc<Shared>,
}

struct Shared {
    services: Vec<(&'static str, Arc<dyn Handler>)>,
    /// The service that needs no credential: Kubernetes' probes have none.
    open: &'static str,
    authorization: Option<SecretString>,
    places: Arc<Places>,
}

impl Shared {
    fn may_enter(&self, service: &str, headers: &HeaderMap) -> bool {
        let Some(expected) = &self.authorization else { return true };
        let sent = headers.get(AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
        bool::from(sent.ct_eq(expected.expose_secret().as_bytes())) || service == self.open
    }

    fn dispatch(&self, request: Request<Incoming>) -> Result<Call, Status> {
        let path = request.uri().path();
        let service = path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(service, _)| service);
        if !self.may_enter(service, request.headers()) {
            return Err(Status::unauthenticated("the service credential is missing or wrong"));
        }
        let Some((_, handler)) = self.services.iter().find(|(name, _)| *name == service) else {
            return Err(Status::unimplemented("no such service here"));
        };
        let Some(place) = self.places.take() else {
            return Err(Status::resource_exhausted("too many calls in flight"));
        };
        Ok(handler.handle(request.map(Body::new), place))
    }
}

impl Service<Request<Incoming>> for Dispatcher {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Answer {
        let method = Method::of(request.uri().path());
        match self.shared.dispatch(request) {
            Ok(call) => Answer::Call(call),
            Err(status) => {
                method.served.record(outcome(status.code()), Duration::ZERO);
                Answer::Refused(Some(status))
            }
        }
    }
}

/// The future of an answer.
enum Answer {
    Call(Call),
    Refused(Option<Status>),
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut *self {
            Self::Call(call) => std::task::ready!(call.poll_unpin(context)),
            Self::Refused(status) => Err(status.take().unwrap_or_else(|| Status::internal("polled after the answer"))),
        };
        Poll::Ready(Ok(answer.unwrap_or_else(Status::into_http)))
    }
}
