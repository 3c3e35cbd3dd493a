//! Opening a connection to one address.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::oneshot,
};

use super::{Body, MAX_FRAME, MAX_HEADERS, resolve::Target, tls::ClientTls};

/// What is sent: a message held in memory, or a stream.
pub(super) type Payload = Either<Full<Bytes>, Body>;

/// A sender of calls over one connection.
pub(super) type Sender = SendRequest<Payload>;

/// The empty `HealthCheckRequest` in its gRPC frame.
const HEALTH_CHECK: &[u8] = &[0; 5];

/// A connection that has answered once.
pub(super) struct Connection {
    pub(super) sender: Sender,
    /// Resolves when the connection is over.
    pub(super) closed: oneshot::Receiver<()>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("connect: {0}")]
    Connect(#[from] io::Error),
    #[error("HTTP/2: {0:?}")]
    Http(#[from] hyper::Error),
    #[error("request: {0}")]
    Request(#[from] http::Error),
}

/// Opens connections.
#[derive(Debug)]
pub(super) struct Dialler {
    pub(super) tls: Option<ClientTls>,
    pub(super) timeout: Duration,
}

impl Dialler {
    /// Connects and asks the server's health service. Any answer is proof that the process works: a process that
    /// hangs still has its connections accepted by the kernel.
    pub(super) async fn dial(&self, target: &Target, address: SocketAddr) -> Result<Connection, DialError> {
        let dial = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut connection = match (&self.tls, &target.server_name) {
                (Some(tls), Some(name)) => handshake(tls.connect(name.clone(), stream).await?).await?,
                _ => handshake(stream).await?,
            };
            prove_life(target, &mut connection.sender).await?;
            Ok(connection)
        };
        tokio::time::timeout(self.timeout, dial).await.map_err(|_| DialError::Timeout(self.timeout))?
    }
}

async fn handshake<I>(stream: I) -> Result<Connection, DialError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(5)))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .max_frame_size(MAX_FRAME)
        .initial_stream_window_size(2 * 1024 * 1024)
        .initial_connection_window_size(16 * 1024 * 1024)
        .max_header_list_size(MAX_HEADERS)
        .max_concurrent_reset_streams(1024)
        .handshake(TokioIo::new(stream))
        .await?;
    let (ended, closed) = oneshot::channel();
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with the last sender and the last call, carries them until then"
    )]
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to a service ended");
        }
        drop(ended);
    });
    Ok(Connection { sender, closed })
}

async fn prove_life(target: &Target, sender: &mut Sender) -> Result<(), DialError> {
    let uri = Uri::builder()
        .scheme(target.scheme.clone())
        .authority(target.authority.clone())
        .path_and_query("/grpc.health.v1.Health/Check")
        .build()?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/grpc"))
        .header("te", "trailers")
        .body(Either::Left(Full::new(Bytes::from_static(HEALTH_CHECK))))?;
    let answer = sender.send_request(request).await?;
    answer.into_body().collect().await?;
    Ok(())
}
