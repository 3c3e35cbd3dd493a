//! Stopping an HTTP server without losing a request.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, routing::get};
use bytes::Bytes;
use http::{Request, header::CONNECTION};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parsefleet_runtime::{
    Shutdown,
    http::{HttpOptions, serve_http},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};

async fn start(shutdown: &Shutdown) -> (SocketAddr, JoinHandle<std::io::Result<()>>) {
    let router = Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
        .route("/long", get(|| async { sleep(Duration::from_secs(2)).await }))
        .route("/endless", get(std::future::pending::<()>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(serve_http(listener, router, HttpOptions::default(), shutdown.clone())))
}

async fn connect(address: SocketAddr) -> std::io::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    Ok(sender)
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).header("host", "test").body(Empty::new()).unwrap()
}

#[tokio::test]
async fn requests_under_way_are_answered_and_connections_let_go() {
    let shutdown = Shutdown::new(Duration::ZERO, Duration::from_secs(5));
    let (address, server) = start(&shutdown).await;
    let mut busy = connect(address).await.unwrap();
    let mut idle = connect(address).await.unwrap();
    let first = idle.send_request(request("/")).await.unwrap();
    assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "127.0.0.1");
    let long = tokio::spawn(async move { busy.send_request(request("/long")).await });
    sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    shutdown.trigger();
    let answer = long.await.unwrap().unwrap();
    assert_eq!(answer.headers()[CONNECTION], "close");
    server.await.unwrap().unwrap();
    shutdown.complete().await;
    assert!(began.elapsed() < Duration::from_secs(4), "the idle connection must not hold the stop");
    assert!(connect(address).await.is_err());
}

/// Clients that reuse connections for as long as they may, and connect anew when told to, lose nothing.
#[tokio::test]
async fn no_request_is_lost_under_load() {
    for delay in [Duration::ZERO, Duration::from_millis(200)] {
        let shutdown = Shutdown::new(delay, Duration::from_secs(5));
        let (address, server) = start(&shutdown).await;
        let mut clients = JoinSet::new();
        for _ in 0..16 {
            clients.spawn(async move {
                let mut answered = 0;
                // Refused connections are where a load balancer goes elsewhere: no request was sent.
                while let Ok(mut sender) = connect(address).await {
                    loop {
                        let response = sender.send_request(request("/")).await.expect("a request sent is answered");
                        let last = response.headers().get(CONNECTION).is_some_and(|value| value == "close");
                        response.into_body().collect().await.expect("an answer begun is finished");
                        answered += 1;
                        if last {
                            break;
                        }
                        sender.ready().await.unwrap();
                    }
                }
                answered
            });
        }
        sleep(Duration::from_millis(200)).await;
        shutdown.trigger();
        let answered: usize = clients.join_all().await.into_iter().sum();
        assert!(answered > 16, "{answered}");
        server.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_grace_has_an_end() {
    let shutdown = Shutdown::new(Duration::ZERO, Duration::from_millis(500));
    let (address, server) = start(&shutdown).await;
    let mut client = connect(address).await.unwrap();
    let endless = tokio::spawn(async move { client.send_request(request("/endless")).await });
    sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    shutdown.trigger();
    shutdown.complete().await;
    server.await.unwrap().unwrap();
    assert!(endless.await.unwrap().is_err());
    assert!(began.elapsed() < Duration::from_secs(2));
}
