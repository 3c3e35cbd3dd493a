//! Backends that can be killed, and a data service that does as the class name says.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use parsefleet_proto::v1::{CreateRequest, CreateResponse, GetRequest, GetResponse, data_client::DataClient};
use parsefleet_runtime::{
    Shutdown,
    rpc::{Body, Channel, ClientOptions, Routes, ServeOptions, deadline, serve},
};
use prost::Message as _;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, server::NamedService};
use tower::Service;

/// Size of the answer about the class `Large`: more than tonic lets through unasked.
pub const LARGE: usize = 20 * 1024 * 1024;

/// What a backend has seen.
#[derive(Clone, Default)]
pub struct Seen {
    pub calls: Arc<AtomicUsize>,
    pub cancelled: Arc<AtomicUsize>,
}

/// Answers `Data` calls: the class name says how.
#[derive(Clone, Default)]
pub struct FakeData {
    pub seen: Seen,
}

impl NamedService for FakeData {
    const NAME: &'static str = "parsefleet.v1.Data";
}

impl Service<Request<Body>> for FakeData {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let seen = self.seen.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let message = request.into_body().collect().await.unwrap().to_bytes().slice(5..);
            let class = match path.as_str() {
                "/parsefleet.v1.Data/Get" => GetRequest::decode(message).unwrap().class_name,
                _ => CreateRequest::decode(message).unwrap().class_name,
            };
            seen.calls.fetch_add(1, Ordering::SeqCst);
            let body = behave(&class, &seen).await;
            Ok(match path.as_str() {
                "/parsefleet.v1.Data/Get" => answer(&GetResponse { object: body }),
                _ => answer(&CreateResponse { body, ..CreateResponse::default() }),
            })
        })
    }
}

async fn behave(class: &str, seen: &Seen) -> Bytes {
    match class {
        "Panic" => panic!("asked to"),
        "Large" => return vec![b' '; LARGE].into(),
        "Hang" => {
            let _noticed = OnDrop(Arc::clone(&seen.cancelled));
            std::future::pending().await
        }
        "Short" => tokio::time::sleep(Duration::from_millis(5)).await,
        "Long" => tokio::time::sleep(Duration::from_secs(2)).await,
        "Deadline" => {
            let left = deadline::remaining().map_or(-1, |left| i64::try_from(left.as_millis()).unwrap());
            return left.to_string().into();
        }
        _ => {}
    }
    Bytes::from_static(b"{}")
}

struct OnDrop(Arc<AtomicUsize>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn answer(message: &impl prost::Message) -> Response<Body> {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(frame.freeze()).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// A server in a runtime of its own, so that it can die like a process.
pub struct Backend {
    pub address: SocketAddr,
    pub seen: Seen,
    pub shutdown: Shutdown,
    runtime: Option<Runtime>,
}

impl Backend {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), ServeOptions::default()).await
    }

    pub async fn start_with(options: ServeOptions) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), options).await
    }

    pub async fn start_at(address: SocketAddr, options: ServeOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let data = FakeData::default();
        let seen = data.seen.clone();
        let shutdown = Shutdown::new(Duration::from_millis(50), Duration::from_secs(5));
        let stop = shutdown.clone();
        let (started, address_bound) = oneshot::channel();
        runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            serve(listener, Routes::default().add(data), options, stop).await.unwrap();
        });
        Self { address: address_bound.await.unwrap(), seen, shutdown, runtime: Some(runtime) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn calls(&self) -> usize {
        self.seen.calls.load(Ordering::SeqCst)
    }

    /// Begins an orderly stop, and waits for its end.
    pub async fn stop(&self) {
        let shutdown = self.shutdown.clone();
        self.runtime
            .as_ref()
            .unwrap()
            .spawn(async move {
                shutdown.trigger();
                shutdown.complete().await;
            })
            .await
            .unwrap();
    }

    /// All sockets are closed at once.
    pub fn kill(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A client of these addresses.
pub fn client(target: &str, options: ClientOptions) -> DataClient<Channel> {
    DataClient::new(Channel::connect(target, options).unwrap())
}

pub async fn get(client: &DataClient<Channel>, class: &str) -> Result<Bytes, Status> {
    let request = GetRequest { class_name: class.to_owned(), ..GetRequest::default() };
    client.clone().get(request).await.map(|response| response.into_inner().object)
}

pub async fn create(client: &DataClient<Channel>, class: &str) -> Result<Bytes, Status> {
    let request = CreateRequest { class_name: class.to_owned(), ..CreateRequest::default() };
    client.clone().create(request).await.map(|response| response.into_inner().body)
}

/// A way to a backend that can be cut like a cable: connections stay open and nothing gets through.
pub struct Cable {
    pub address: SocketAddr,
    cut: CancellationToken,
}

impl Cable {
    pub async fn lay(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = CancellationToken::new();
        let is_cut = cut.clone();
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let is_cut = is_cut.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        biased;
                        () = is_cut.cancelled() => std::future::pending().await,
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                    }
                });
            }
        });
        Self { address, cut }
    }

    pub fn cut(&self) {
        self.cut.cancel();
    }
}

/// An address where nobody listens.
pub async fn refused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Waits until the condition holds, at most five seconds.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds: {what}");
}
