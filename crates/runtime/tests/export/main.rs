//! One request is one trace: what a collector receives from a process with an OTLP endpoint.
//!
//! A binary of its own, because telemetry belongs to the process.

#![allow(clippy::disallowed_methods, reason = "tests end with their process")]
#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]
#![allow(unreachable_pub, reason = "one binary")]

#[path = "../it/support.rs"]
#[allow(dead_code, reason = "shared with the other binary")]
mod support;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use parsefleet_runtime::{
    Shutdown, config,
    rpc::{Body, ClientOptions, Routes, ServeOptions, serve},
    telemetry::{Telemetry, continue_trace},
};
use tokio::net::TcpListener;
use tonic::server::NamedService;
use tower::Service;
use tracing::Instrument as _;

use support::{Backend, client, get};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A service of a collector, which keeps what it is sent.
struct Collector<N> {
    requests: Arc<Mutex<Vec<Bytes>>>,
    name: PhantomData<N>,
}

macro_rules! collectors {
    ($($name:ident = $service:literal,)*) => {
        $(
            #[derive(Clone)]
            struct $name;
            impl NamedService for Collector<$name> {
                const NAME: &'static str = $service;
            }
        )*
    };
}

collectors! {
    Traces = "opentelemetry.proto.collector.trace.v1.TraceService",
    Metrics = "opentelemetry.proto.collector.metrics.v1.MetricsService",
    Logs = "opentelemetry.proto.collector.logs.v1.LogsService",
}

impl<N> Collector<N> {
    fn new() -> Self {
        Self { requests: Arc::default(), name: PhantomData }
    }

    fn received<M: prost::Message + Default>(&self) -> Vec<M> {
        self.requests.lock().unwrap().iter().map(|frame| M::decode(frame.slice(5..)).unwrap()).collect()
    }
}

impl<N> Clone for Collector<N> {
    fn clone(&self) -> Self {
        Self { requests: Arc::clone(&self.requests), name: PhantomData }
    }
}

impl<N> Service<Request<Body>> for Collector<N> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let requests = Arc::clone(&self.requests);
        Box::pin(async move {
            let message = request.into_body().collect().await.unwrap().to_bytes();
            requests.lock().unwrap().push(message);
            let trailers: Ready<Option<Result<HeaderMap, Infallible>>> = ready(Some(Ok(HeaderMap::from_iter([(
                "grpc-status".parse().unwrap(),
                HeaderValue::from_static("0"),
            )]))));
            let mut response = Response::new(Body::new(Full::new(Bytes::from_static(&[0; 5])).with_trailers(trailers)));
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            Ok(response)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_is_one_trace() {
    let (traces, metrics, logs) = (Collector::<Traces>::new(), Collector::<Metrics>::new(), Collector::<Logs>::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::default().add(traces.clone()).add(metrics.clone()).add(logs.clone());
    let shutdown = Shutdown::new(Duration::ZERO, Duration::ZERO);
    tokio::spawn(serve(listener, routes, ServeOptions::default(), shutdown));

    let telemetry = Telemetry::install(&configuration(&endpoint), "gateway").unwrap();
    let backend = Backend::start().await;
    let client = client(&backend.url(), ClientOptions::default());
    let span = tracing::info_span!(target: "parsefleet_gateway", "request", otel.kind = "server");
    let headers = HeaderMap::from_iter([("traceparent".parse().unwrap(), HeaderValue::from_static(TRACEPARENT))]);
    continue_trace(&span, &headers);
    async {
        tracing::warn!(target: "parsefleet_gateway", "look here");
        get(&client, "Ok").await.unwrap();
    }
    .instrument(span)
    .await;
    telemetry.flush(Duration::from_secs(5)).await;

    let spans: Vec<_> = traces
        .received::<ExportTraceServiceRequest>()
        .into_iter()
        .flat_map(|request| request.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .filter(|span| hex(&span.trace_id) == TRACEPARENT[3..35])
        .collect();
    // From outside in: each is the parent of the next.
    let mut parent = TRACEPARENT[36..52].to_owned();
    for (name, kind) in [("request", 2), ("/parsefleet.v1.Data/Get", 3), ("/parsefleet.v1.Data/Get", 2)] {
        let span = spans.iter().find(|span| hex(&span.parent_span_id) == parent).unwrap();
        assert_eq!((span.name.as_str(), span.kind), (name, kind));
        parent = hex(&span.span_id);
    }
    let record = logs
        .received::<ExportLogsServiceRequest>()
        .into_iter()
        .flat_map(|request| request.resource_logs)
        .flat_map(|resource| resource.scope_logs)
        .flat_map(|scope| scope.log_records)
        .find(|record| format!("{:?}", record.body).contains("look here"))
        .unwrap();
    assert_eq!(hex(&record.trace_id), TRACEPARENT[3..35]);
    let service = metrics.received::<ExportMetricsServiceRequest>();
    assert!(format!("{service:?}").contains("parsefleet.rpc.client.duration"));
    assert!(format!("{service:?}").contains("parsefleet-gateway"));
}

fn configuration(endpoint: &str) -> config::Config {
    let arguments = ["--appId", "app", "--masterKey", "secret"].map(str::to_owned);
    let environment = [("PARSEFLEET_OTLP_ENDPOINT".to_owned(), endpoint.to_owned())];
    match config::load(arguments, environment).unwrap() {
        config::Launch::Run(startup) => startup.config,
        config::Launch::Print(text) => panic!("{text}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
