//! Serving HTTP on a listener, for the gateway, the admin server and (through [`crate::rpc`]) gRPC.

mod first_bytes;

use std::{
    convert::Infallible, error::Error, future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration,
};

use axum::extract::ConnectInfo;
use futures_util::{FutureExt as _, future::select};
use http::{HeaderValue, Request, Response, Version, header::CONNECTION};
use http_body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use self::first_bytes::FirstBytes;
use crate::{Shutdown, rpc::tls::ServerTls};

/// Longest wait for the first bytes of a connection, and for a whole request head.
pub(crate) const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(75);

/// Silence after which the other side is asked whether it is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Time between two such questions; after a few without an answer the connection is at its end.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// How connections are treated.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpOptions {
    /// Time for the first bytes of a connection, and for a whole request head; also the longest an HTTP/1 connection may
    /// idle between two requests. Longer than the idle time of usual load balancers (60 s), so that they close first.
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
        Self { header_read_timeout: HEADER_READ_TIMEOUT, max_connections: 16 * 1024, linger: Duration::from_secs(1) }
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
    let transport = Transport { builder, tls: None, patience: options.header_read_timeout, linger: options.linger };
    serve_connections(listener, service, transport, options.max_connections, shutdown).await
}

/// What a connection is made of.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) builder: auto::Builder<TokioExecutor>,
    pub(crate) tls: Option<ServerTls>,
    /// Longest wait for the first bytes.
    pub(crate) patience: Duration,
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
    if let Err(error) = tune(&stream) {
        tracing::debug!(%error, "cannot set the options of a socket");
    }
    match &transport.tls {
        None => serve_stream(stream, peer, service, &transport, &stop).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve_stream(stream, peer, service, &transport, &stop).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        },
    }
}

/// Sends what there is at once, and finds out when the other side has vanished without a word.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
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
    let drain = || {
        let (shutdown, linger) = (shutdown.clone(), transport.linger);
        async move {
            shutdown.closing().await;
            tokio::time::sleep(linger).await;
        }
    };
    // A graceful shutdown of HTTP/2 waits for the first bytes, too.
    let patience = select(tokio::time::sleep(transport.patience).boxed(), drain().boxed()).map(drop);
    let stream = TokioIo::new(FirstBytes::new(stream, patience));
    // Not the kind with upgrades, which speaks HTTP/1 even where the builder says that it must not.
    let mut connection = pin!(transport.builder.serve_connection(stream, handler));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = drain() => {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

    use super::*;

    #[tokio::test]
    async fn whether_the_other_side_is_there_is_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        tune(&accepted).unwrap();
        assert!(accepted.nodelay().unwrap());
        assert!(SockRef::from(&accepted).keepalive().unwrap());
    }
}
