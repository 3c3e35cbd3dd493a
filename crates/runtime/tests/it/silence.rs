//! Connections that never say what they want.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use parsefleet_runtime::{
    Shutdown,
    http::{HttpOptions, serve_http},
    rpc::ServeOptions,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use super::support::Backend;

/// What nobody has to know to hold a connection open: nothing, and beginnings of HTTP/2.
const BEGINNINGS: [&str; 3] = ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"];

const PATIENCE: Duration = Duration::from_millis(500);

async fn start() -> (SocketAddr, Shutdown) {
    let shutdown = Shutdown::new(Duration::ZERO, Duration::from_secs(5));
    let options = HttpOptions { header_read_timeout: PATIENCE, ..HttpOptions::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(serve_http(listener, router, options, shutdown.clone()));
    (address, shutdown)
}

/// What the server says to this until it closes the connection, and how long it waits for more.
async fn tell(address: SocketAddr, text: &str) -> (Vec<u8>, Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let (mut answer, began) = (Vec::new(), Instant::now());
    let end = timeout(Duration::from_secs(4), stream.read_to_end(&mut answer)).await;
    // Whether it ends with a reset is no concern here.
    let _ = end.unwrap_or_else(|_| panic!("{text:?} holds a connection"));
    (answer, began.elapsed())
}

#[tokio::test]
async fn who_does_not_say_what_it_speaks_is_sent_away() {
    let (http, _shutdown) = start().await;
    let backend = Backend::start_with(ServeOptions { preface_timeout: PATIENCE, ..ServeOptions::default() }).await;
    for address in [http, backend.address] {
        for beginning in BEGINNINGS {
            let (_, waited) = tell(address, beginning).await;
            assert!(waited > PATIENCE / 2, "{beginning:?}: {waited:?}");
        }
    }
    let (answer, _) = tell(http, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"hello"));
}

#[tokio::test]
async fn silent_connections_do_not_hold_a_stop() {
    let backend = Backend::start().await;
    let _silent = TcpStream::connect(backend.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    backend.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn grpc_ports_speak_http2_only() {
    let backend = Backend::start().await;
    let (answer, _) = tell(backend.address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(!answer.starts_with(b"HTTP/1"), "{}", String::from_utf8_lossy(&answer));
}
