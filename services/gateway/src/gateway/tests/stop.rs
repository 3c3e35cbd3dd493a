#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]
#![allow(clippy::disallowed_methods, reason = "a tracked task would hold the stop by itself")]

use std::time::{Duration, Instant};

use parsefleet_runtime::Shutdown;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{ServeError, testing::Setup};

/// A gateway with two requests that hang in the backend: one whose client waits, and one whose client has left.
struct Hanging {
    server: JoinHandle<Result<(), ServeError>>,
    shutdown: Shutdown,
    _waiting: TcpStream,
}

impl Hanging {
    async fn start(grace: Duration) -> Self {
        let setup = Setup::new(&[]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new(Duration::ZERO, grace);
        let gateway = setup.gateway.clone();
        let server = tokio::task::spawn(gateway.clone().serve(listener, shutdown.clone()));
        let ask = async || {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let line = "GET /parse/classes/Slow HTTP/1.1\r\nhost: x\r\nx-parse-application-id: test\r\n\r\n";
            stream.write_all(line.as_bytes()).await.unwrap();
            stream
        };
        let (waiting, leaving) = (ask().await, ask().await);
        while gateway.requests.len() < 2 {
            sleep(Duration::from_millis(10)).await;
        }
        drop(leaving);
        sleep(Duration::from_millis(100)).await;
        assert_eq!(gateway.requests.len(), 2, "what nobody waits for goes on");
        Self { server, shutdown, _waiting: waiting }
    }

    /// How long the server goes on serving.
    async fn ends_after(self) -> Duration {
        let began = Instant::now();
        timeout(Duration::from_secs(10), self.server).await.expect("it ends").unwrap().unwrap();
        began.elapsed()
    }
}

#[tokio::test]
async fn requests_that_hang_hold_a_stop_for_its_grace_only() {
    let hanging = Hanging::start(Duration::from_secs(2)).await;
    hanging.shutdown.trigger();
    let waited = hanging.ends_after().await;
    assert!(waited > Duration::from_millis(1500) && waited < Duration::from_secs(4), "{waited:?}");
}

#[tokio::test]
async fn a_second_signal_drops_requests_that_hang() {
    let hanging = Hanging::start(Duration::from_secs(60)).await;
    hanging.shutdown.trigger();
    sleep(Duration::from_millis(1500)).await;
    assert!(!hanging.server.is_finished(), "the grace is not over");
    hanging.shutdown.abort();
    let waited = hanging.ends_after().await;
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_given_the_grace() {
    let setup = Setup::new(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shutdown = Shutdown::new(Duration::ZERO, Duration::from_secs(60));
    let counted = setup.gateway.requests.token();
    let server = tokio::task::spawn(setup.gateway.clone().serve(listener, shutdown.clone()));
    shutdown.trigger();
    sleep(Duration::from_millis(300)).await;
    assert!(!server.is_finished(), "no connection is left, but work is");
    drop(counted);
    timeout(Duration::from_secs(2), server).await.expect("it ends").unwrap().unwrap();
}
