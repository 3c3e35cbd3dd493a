//! Serving HTTP on a listener, for the gateway, the admin server and (through [`crate::rpc`]) gRPC.

use std::{
    convert::Infallible, error::Error, future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration,
};

use axum::extract::ConnectInfo;
use futures_util::FutureExt as _;
use http::{HeaderValue, Request, Response, Version, header::CONNECTION};
use http_body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use crate::{Shutdown, rpc::tls::ServerTls};

/// How connections are treated.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpOptions {
    /// Time for a whole request head; also the longest an HTTP/1 connection may idle between two requests. Longer than
    /// the idle time of usual load balancers (60 s), so that they close first.
    pub header_read_timeout: Duration,
    /// Most connections at a time; further ones wait in the listener's backlog.
    pub max_connections: usize,
    /// Between the end of accepting and the closing of idle HTTP/1 connections: requests that arrive in it are answered
    /// with `connection: close` instead of running into a closed socket. Long enough for a client on a busy machine to send
    /// what it opened the connection for.
    pub linger: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(75),
            max_connections: 16 * 1024,
            linger: Duration::from_secs(1),
        }
    }
}

/// Serves HTTP/1 and HTTP/2 until the shutdown closes: then every request in flight is finished (within the grace) and
/// the function returns. The client's address is in the request extensions as axum's `ConnectInfo<SocketAddr>`.
pub async fn serve_http<S, B>(
    listener: TcpListener,
    service: S,
    options: HttpOptions,
    shutdown: Shutdown,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(options.header_read_timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let transport = Transport { builder, tls: None, linger: options.linger };
    serve_connections(listener, service, transport, options.max_connections, shutdown).await
}

/// What a connection is made of.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) builder: auto::Builder<TokioExecutor>,
    pub(crate) tls: Option<ServerTls>,
    pub(crate) linger: Duration,
}

/// Accepts and serves until the shutdown closes, then drains.
pub(crate) async fn serve_connections<S, B>(
    listener: TcpListener,
    service: S,
    transport: Transport,
    max_connections: usize,
    shutdown: Shutdown,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(max_connections));
    let connections = TaskTracker::new();
    let start = |stream: TcpStream, peer: SocketAddr, place| {
        let connection = serve_connection(stream, peer, service.clone(), transport.clone(), shutdown.clone());
        connections.spawn(shutdown.track(async move {
            connection.await;
            drop(place);
        }));
    };
    loop {
        let place = tokio::select! {
            biased;
            () = shutdown.closing() => break,
            place = Arc::clone(&places).acquire_owned() => place.map_err(io::Error::other)?,
        };
        tokio::select! {
            biased;
            () = shutdown.closing() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => start(stream, peer, place),
                Err(error) => survive_accept_error(&error).await,
            },
        }
    }
    // Connections that the kernel has accepted already would be reset with the listener: take them along. The kernel is
    // asked itself, because the reactor may not have been told of the last ones yet.
    let listener = listener.into_std()?;
    while let Ok(place) = Arc::clone(&places).try_acquire_owned()
        && let Ok((stream, peer)) = listener.accept()
    {
        stream.set_nonblocking(true)?;
        start(TcpStream::from_std(stream)?, peer, place);
    }
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

/// An error of one connection is its own; one of the process (no file descriptors left) needs time to pass.
async fn survive_accept_error(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections, trying again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Serves one connection to its end.
async fn serve_connection<S, B>(stream: TcpStream, peer: SocketAddr, service: S, transport: Transport, stop: Shutdown)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    match &transport.tls {
        None => serve_stream(stream, peer, service, &transport, &stop).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve_stream(stream, peer, service, &transport, &stop).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        },
    }
}

/// Serves one connection, whatever it is made of.
async fn serve_stream<I, S, B>(stream: I, peer: SocketAddr, service: S, transport: &Transport, shutdown: &Shutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let handler = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        answer(request, service.clone(), shutdown.clone())
    });
    let mut connection = pin!(transport.builder.serve_connection_with_upgrades(TokioIo::new(stream), handler));
    let drain = async {
        shutdown.closing().await;
        tokio::time::sleep(transport.linger).await;
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = drain => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection.as_mut() => result,
                () = shutdown.aborted() => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(error = %error, "connection ended");
    }
}

/// Answers one request. While the process stops, HTTP/1 clients are asked to come back on another connection.
fn answer<S, B>(
    request: Request<Incoming>,
    service: S,
    shutdown: Shutdown,
) -> impl Future<Output = Result<Response<B>, Infallible>> + Send
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    let closable = request.version() <= Version::HTTP_11;
    service.oneshot(request).map(move |answer| {
        let Ok(mut response) = answer;
        if closable && shutdown.is_stopping() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    })
}
