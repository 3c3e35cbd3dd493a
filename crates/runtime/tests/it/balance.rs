//! The balancer under the loss of instances.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parsefleet_proto::v1::data_client::DataClient;
use parsefleet_runtime::rpc::{Channel, ClientOptions, ServeOptions};
use tokio::{net::TcpListener, task::JoinSet};
use tonic::Code;

use super::support::{Backend, Cable, client, create, eventually, get, refused};

#[derive(Clone, Copy)]
enum Call {
    Get,
    Create,
}

/// Calls from eight tasks until told to stop; returns how many succeeded and when calls failed.
struct Load {
    stop: Arc<AtomicBool>,
    callers: JoinSet<(usize, Vec<Instant>)>,
}

impl Load {
    fn start(client: &DataClient<Channel>, call: Call) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for _ in 0..8 {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            callers.spawn(async move {
                let (mut succeeded, mut failed) = (0, Vec::new());
                while !stop.load(Ordering::SeqCst) {
                    let answer = match call {
                        Call::Get => get(&client, "Short").await,
                        Call::Create => create(&client, "Short").await,
                    };
                    match answer {
                        Ok(_) => succeeded += 1,
                        Err(_) => failed.push(Instant::now()),
                    }
                }
                (succeeded, failed)
            });
        }
        Self { stop, callers }
    }

    async fn finish(self) -> (usize, Vec<Instant>) {
        self.stop.store(true, Ordering::SeqCst);
        let results = self.callers.join_all().await;
        (results.iter().map(|(count, _)| count).sum(), results.into_iter().flat_map(|(_, failed)| failed).collect())
    }
}

#[tokio::test]
async fn instances_share_the_calls() {
    let (one, other) = (Backend::start().await, Backend::start().await);
    let client = client(&format!("{},{}", one.url(), other.url()), ClientOptions::default());
    eventually("both answer", async || get(&client, "Ok").await.is_ok() && one.calls() > 0 && other.calls() > 0).await;
    let load = Load::start(&client, Call::Get);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (succeeded, failed) = load.finish().await;
    assert!(failed.is_empty());
    let share = one.calls() as f64 / (one.calls() + other.calls()) as f64;
    assert!((0.35..0.65).contains(&share), "{share} of {succeeded}");
}

#[tokio::test]
async fn reads_survive_the_death_of_an_instance() {
    let (mut one, other) = (Backend::start().await, Backend::start().await);
    let client = client(&format!("{},{}", one.url(), other.url()), ClientOptions::default());
    let load = Load::start(&client, Call::Get);
    eventually("both answer", async || one.calls() > 50 && other.calls() > 50).await;
    one.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (succeeded, failed) = load.finish().await;
    assert!(failed.is_empty(), "{} of {succeeded} failed", failed.len());
}

#[tokio::test]
async fn writes_fail_only_in_flight_when_an_instance_dies() {
    let (mut one, other) = (Backend::start().await, Backend::start().await);
    let client = client(&format!("{},{}", one.url(), other.url()), ClientOptions::default());
    let load = Load::start(&client, Call::Create);
    eventually("both answer", async || one.calls() > 50 && other.calls() > 50).await;
    let killed = Instant::now();
    one.kill();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (_, failed) = load.finish().await;
    assert!(failed.len() <= 8, "{} failed, of 8 in flight", failed.len());
    let last = failed.iter().map(|at| at.duration_since(killed)).max().unwrap_or_default();
    assert!(last < Duration::from_secs(1), "{last:?}");
}

#[tokio::test]
async fn an_orderly_stop_costs_no_call() {
    for call in [Call::Get, Call::Create] {
        let (one, other) = (Backend::start().await, Backend::start().await);
        let client = client(&format!("{},{}", one.url(), other.url()), ClientOptions::default());
        let load = Load::start(&client, call);
        eventually("both answer", async || one.calls() > 50 && other.calls() > 50).await;
        one.stop().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (succeeded, failed) = load.finish().await;
        assert!(failed.is_empty(), "{} of {succeeded} failed", failed.len());
    }
}

#[tokio::test]
async fn a_refused_address_costs_no_call() {
    let backend = Backend::start().await;
    let client = client(&format!("http://{},{}", refused().await, backend.url()), ClientOptions::default());
    for _ in 0..50 {
        get(&client, "Ok").await.unwrap();
        create(&client, "Ok").await.unwrap();
    }
    assert_eq!(backend.calls(), 100);
}

#[tokio::test]
async fn an_address_that_accepts_and_hangs_costs_no_call() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = Backend::start().await;
    let target = format!("http://{},{}", hanging.local_addr().unwrap(), backend.url());
    let client = client(&target, ClientOptions::default());
    for _ in 0..50 {
        create(&client, "Ok").await.unwrap();
    }
}

#[tokio::test]
async fn an_instance_that_falls_silent_is_left_alone() {
    let (silent, other) = (Backend::start().await, Backend::start().await);
    let cable = Cable::lay(silent.address).await;
    let options = ClientOptions { timeout: Duration::from_millis(500), ..ClientOptions::default() };
    let client = client(&format!("http://{},{}", cable.address, other.url()), options);
    let load = Load::start(&client, Call::Create);
    eventually("both answer", async || silent.calls() > 20 && other.calls() > 20).await;
    cable.cut();
    let cut = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (_, mut failed) = load.finish().await;
    failed.retain(|at| *at > cut);
    let last = failed.iter().map(|at| at.duration_since(cut)).max().unwrap_or_default();
    assert!(last < Duration::from_millis(3750), "{last:?}");
    assert!(failed.len() <= 16, "{} failed", failed.len());
}

#[tokio::test]
async fn nobody_left_is_a_quick_answer_and_a_return_is_noticed() {
    let mut backend = Backend::start().await;
    let address = backend.address;
    let client = client(&backend.url(), ClientOptions::default());
    create(&client, "Ok").await.unwrap();
    backend.kill();
    eventually("calls fail", async || create(&client, "Ok").await.is_err()).await;
    let asked = Instant::now();
    let error = create(&client, "Ok").await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let _again = Backend::start_at(address, ServeOptions::default()).await;
    eventually("calls succeed", async || create(&client, "Ok").await.is_ok()).await;
}

#[tokio::test]
async fn a_service_that_was_never_there_is_a_quick_answer() {
    for target in [format!("http://{}", refused().await), "http://no-such-service.invalid:7000".to_owned()] {
        let client = client(&target, ClientOptions::default());
        let asked = Instant::now();
        assert_eq!(get(&client, "Ok").await.unwrap_err().code(), Code::Unavailable);
        assert!(asked.elapsed() < Duration::from_millis(1500), "{target}: {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn old_connections_are_replaced_without_a_lost_call() {
    let backend = Backend::start().await;
    let options = ClientOptions { redial_after: Duration::from_millis(20), ..ClientOptions::default() };
    let client = client(&backend.url(), options);
    let load = Load::start(&client, Call::Create);
    tokio::time::sleep(Duration::from_millis(600)).await;
    eventually("many calls are made", async || backend.calls() > 200).await;
    let (succeeded, failed) = load.finish().await;
    assert!(failed.is_empty(), "{} of {succeeded} failed", failed.len());
}
