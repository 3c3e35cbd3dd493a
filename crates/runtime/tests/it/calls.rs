//! What stands around each call: deadline, credential, panic capture, load shedding, error mapping.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use parsefleet_core::ErrorCode;
use parsefleet_proto::v1::data_client::DataClient;
use parsefleet_runtime::{
    rpc::{Channel, ClientOptions, MESSAGE_LIMIT, ServeOptions, deadline, parse_error},
    telemetry::metrics,
};
use tonic::Code;

use super::support::{Backend, FakeData, LARGE, client, create, eventually, get};

#[tokio::test]
async fn the_time_left_travels_and_shrinks() {
    let backend = Backend::start().await;
    let client = client(&backend.url(), ClientOptions { timeout: Duration::from_secs(9), ..ClientOptions::default() });
    let left = || async { String::from_utf8(get(&client, "Deadline").await.unwrap().to_vec()).unwrap() };
    let left_of = |text: String| text.parse::<i64>().unwrap();
    assert!((8000..=9000).contains(&left_of(left().await)));
    let nested = deadline::within(Duration::from_secs(2), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        deadline::within(Duration::from_secs(60), left()).await.unwrap()
    });
    let seen = left_of(nested.await.unwrap());
    assert!((1000..=1700).contains(&seen), "{seen}");
}

#[tokio::test]
async fn the_end_of_time_cancels_the_work() {
    let backend = Backend::start().await;
    let options = ClientOptions { timeout: Duration::from_secs(1), ..ClientOptions::default() };
    let client = client(&backend.url(), options);
    let error = get(&client, "Hang").await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(parse_error(&error).code, ErrorCode::Timeout);
    eventually("work is dropped", async || backend.seen.cancelled.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_server_enforces_the_deadline_by_itself() {
    let options = ServeOptions { timeout: Duration::from_millis(100), ..ServeOptions::default() };
    let backend = Backend::start_with(options).await;
    // A caller without a deadline, as a stranger's tool would be.
    let channel = tonic::transport::Endpoint::from_shared(backend.url()).unwrap().connect().await.unwrap();
    let request = parsefleet_proto::v1::GetRequest { class_name: "Hang".to_owned(), ..Default::default() };
    let asked = Instant::now();
    let error = DataClient::new(channel).get(request).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(asked.elapsed() < Duration::from_secs(2));
    assert_eq!(backend.seen.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn only_callers_with_the_credential_come_in() {
    let secret = |text: &str| Some(text.to_owned().into());
    let backend = Backend::start_with(ServeOptions { credential: secret("right"), ..ServeOptions::default() }).await;
    for (credential, expected) in
        [(None, Some(Code::Unauthenticated)), (secret("wrong"), Some(Code::Unauthenticated)), (secret("right"), None)]
    {
        let client = client(&backend.url(), ClientOptions { credential, ..ClientOptions::default() });
        assert_eq!(get(&client, "Ok").await.err().map(|error| error.code()), expected);
    }
    assert_eq!(backend.calls(), 1);
}

#[tokio::test]
async fn probes_need_no_credential_and_reflection_does() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_client::ServerReflectionClient};
    let credential = Some("right".to_owned().into());
    let backend = Backend::start_with(ServeOptions { credential, ..ServeOptions::default() }).await;
    let channel = tonic::transport::Endpoint::from_shared(backend.url()).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel.clone());
    for service in ["", "parsefleet.v1.Data"] {
        let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status, 1, "{service:?}");
    }
    let request = tokio_stream::once(ServerReflectionRequest::default());
    let error = ServerReflectionClient::new(channel).server_reflection_info(request).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_panic_is_one_answer_and_is_counted() {
    let backend = Backend::start().await;
    let remote = client(&backend.url(), ClientOptions::default());
    let local = DataClient::new(Channel::local(FakeData::default()));
    for client in [remote, local] {
        let error = parse_error(&get(&client, "Panic").await.unwrap_err());
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::InternalServerError, "Internal server error."));
        get(&client, "Ok").await.unwrap();
    }
    let text = metrics::render();
    assert!(text.contains("\nparsefleet_panics_total 2\n"), "{text}");
}

#[tokio::test]
async fn too_much_at_a_time_is_refused_at_once() {
    let backend = Backend::start_with(ServeOptions { max_in_flight: 2, ..ServeOptions::default() }).await;
    // Two connections, since HTTP/2 itself would let the third call wait on one.
    let clients = [(); 3].map(|()| client(&backend.url(), ClientOptions::default()));
    for client in &clients {
        get(client, "Ok").await.unwrap();
    }
    let (one, two) = (clients[0].clone(), clients[1].clone());
    let long = tokio::spawn(async move { tokio::join!(create(&one, "Long"), create(&two, "Long")) });
    eventually("both are in flight", async || backend.calls() == 5).await;
    let error = create(&clients[2], "Ok").await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(parse_error(&error).code, ErrorCode::ConnectionFailed);
    let (first, second) = long.await.unwrap();
    assert!(first.is_ok() && second.is_ok());
    create(&clients[2], "Ok").await.unwrap();
}

#[tokio::test]
async fn large_answers_get_through() {
    let backend = Backend::start().await;
    let client = client(&backend.url(), ClientOptions::default()).max_decoding_message_size(MESSAGE_LIMIT);
    assert_eq!(get(&client, "Large").await.unwrap().len(), LARGE);
}

#[tokio::test]
async fn calls_are_measured_on_both_sides() {
    let backend = Backend::start().await;
    get(&client(&backend.url(), ClientOptions::default()), "Ok").await.unwrap();
    let text = metrics::render();
    for side in ["server", "client"] {
        let line = format!(
            "parsefleet_rpc_{side}_duration_seconds_count{{operation=\"/parsefleet.v1.Data/Get\",outcome=\"ok\"}}"
        );
        assert!(text.contains(&line), "{line} in {text}");
    }
}
