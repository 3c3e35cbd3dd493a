//! Metrics: rate, errors and duration of operations, hits of caches, panics.
//!
//! Every label value is a `&'static str` from a closed set, so that no request can create a time series. Instruments
//! are bound to their labels when an [`Operation`] is created: recording looks nothing up.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use opentelemetry::{
    KeyValue,
    metrics::{BoundCounter, BoundHistogram, Counter, Histogram, Meter, MeterProvider as _},
};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};

use super::Exporters;

/// Bounds of the duration histograms in seconds.
const BOUNDS: [f64; 14] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

static INSTRUMENTS: OnceLock<Instruments> = OnceLock::new();

struct Instruments {
    registry: Registry,
    /// Keeps the readers alive.
    _provider: SdkMeterProvider,
    durations: [Histogram<f64>; OperationKind::ALL.len()],
    cache: Counter<u64>,
    panics: BoundCounter<u64>,
}

/// What kind of work an [`Operation`] is. Each has its own histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// A request of a client, named by its route.
    HttpServer,
    /// A call answered, named by its method.
    RpcServer,
    /// A call made, named by its method.
    RpcClient,
    /// An operation of the object store.
    Store,
}

impl OperationKind {
    const ALL: [Self; 4] = [Self::HttpServer, Self::RpcServer, Self::RpcClient, Self::Store];

    fn metric(self) -> &'static str {
        match self {
            Self::HttpServer => "parsefleet.http.server.duration",
            Self::RpcServer => "parsefleet.rpc.server.duration",
            Self::RpcClient => "parsefleet.rpc.client.duration",
            Self::Store => "parsefleet.store.duration",
        }
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Ok,
    /// Refused for a reason that lies with the caller.
    ClientError,
    /// Failed for a reason that does not lie with the caller.
    ServerError,
    /// Out of time.
    Timeout,
    /// Nobody there to do it.
    Unavailable,
    /// Too much at a time.
    Overloaded,
    /// The caller went away.
    Cancelled,
}

impl Outcome {
    const ALL: [Self; 7] = [
        Self::Ok,
        Self::ClientError,
        Self::ServerError,
        Self::Timeout,
        Self::Unavailable,
        Self::Overloaded,
        Self::Cancelled,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::Cancelled => "cancelled",
        }
    }

    /// The outcome that an HTTP status stands for.
    pub fn from_http(status: http::StatusCode) -> Self {
        match status.as_u16() {
            ..400 => Self::Ok,
            429 => Self::Overloaded,
            400..500 => Self::ClientError,
            503 => Self::Unavailable,
            504 => Self::Timeout,
            500.. => Self::ServerError,
        }
    }
}

/// Rate, errors and duration of one kind of work: create it once, time every run with it.
#[derive(Debug)]
pub struct Operation {
    kind: OperationKind,
    name: &'static str,
    /// Bound at first use, so that outcomes that never happen have no series.
    outcomes: [OnceLock<BoundHistogram<f64>>; Outcome::ALL.len()],
}

impl Operation {
    /// An operation of a fixed name: a route pattern, an RPC path, a store method.
    pub const fn new(kind: OperationKind, name: &'static str) -> Self {
        Self { kind, name, outcomes: [const { OnceLock::new() }; Outcome::ALL.len()] }
    }

    /// Name of the operation.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Starts the clock. A timer dropped before [`Timer::finish`] counts as cancelled.
    pub fn start(&self) -> Timer<'_> {
        Timer { operation: self, started: Instant::now(), finished: false }
    }

    /// Counts one run.
    pub fn record(&self, outcome: Outcome, elapsed: Duration) {
        let histogram = self.outcomes[outcome as usize].get_or_init(|| {
            let labels = [KeyValue::new("operation", self.name), KeyValue::new("outcome", outcome.label())];
            instruments().durations[self.kind as usize].bind(&labels)
        });
        histogram.record(elapsed.as_secs_f64());
    }
}

/// A run of an [`Operation`].
#[derive(Debug)]
#[must_use = "dropping it counts the run as cancelled"]
pub struct Timer<'a> {
    operation: &'a Operation,
    started: Instant,
    finished: bool,
}

impl Timer<'_> {
    /// Stops the clock.
    pub fn finish(mut self, outcome: Outcome) {
        self.finished = true;
        self.operation.record(outcome, self.started.elapsed());
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.operation.record(Outcome::Cancelled, self.started.elapsed());
        }
    }
}

/// Hits and misses of one cache.
#[derive(Clone, Debug)]
pub struct CacheMetrics {
    hit: BoundCounter<u64>,
    miss: BoundCounter<u64>,
}

impl CacheMetrics {
    /// Counters of the cache of this name and level ("memory", "redis").
    pub fn new(cache: &'static str, level: &'static str) -> Self {
        let bind = |result: &'static str| {
            let labels =
                [KeyValue::new("cache", cache), KeyValue::new("level", level), KeyValue::new("result", result)];
            instruments().cache.bind(&labels)
        };
        Self { hit: bind("hit"), miss: bind("miss") }
    }

    /// The value was there.
    pub fn hit(&self) {
        self.hit.add(1);
    }

    /// The value was not there.
    pub fn miss(&self) {
        self.miss.add(1);
    }
}

/// Counts a panic that a request was saved from. The counter has to stay 0.
pub fn count_panic() {
    instruments().panics.add(1);
}

/// The meter for instruments of one's own.
pub fn meter() -> Meter {
    instruments()._provider.meter("parsefleet")
}

/// All metrics in Prometheus' text format.
pub fn render() -> String {
    let mut text = String::new();
    if let Err(error) = TextEncoder::new().encode_utf8(&instruments().registry.gather(), &mut text) {
        tracing::error!(%error, "cannot render metrics");
    }
    text
}

/// Sets the process' metrics up.
pub(super) fn install(exporters: Option<&Exporters>) {
    if INSTRUMENTS.set(Instruments::build(exporters)).is_err() && exporters.is_some() {
        tracing::warn!("metrics were used before telemetry was installed: they are not exported");
    }
    // For crates that make instruments of their own, and do not know this one.
    opentelemetry::global::set_meter_provider(instruments()._provider.clone());
}

/// The instruments; without telemetry (in tests) they only feed the Prometheus text.
fn instruments() -> &'static Instruments {
    INSTRUMENTS.get_or_init(|| Instruments::build(None))
}

impl Instruments {
    fn build(exporters: Option<&Exporters>) -> Self {
        let registry = Registry::new();
        let mut provider = SdkMeterProvider::builder();
        match opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_target_info()
            .build()
        {
            Ok(reader) => provider = provider.with_reader(reader),
            Err(error) => tracing::error!(%error, "no Prometheus metrics"),
        }
        if let Some(exporters) = exporters {
            provider = exporters.add_metrics(provider);
        }
        let provider = provider.build();
        let meter = provider.meter("parsefleet");
        let durations = OperationKind::ALL
            .map(|kind| meter.f64_histogram(kind.metric()).with_unit("s").with_boundaries(BOUNDS.to_vec()).build());
        let cache = meter.u64_counter("parsefleet.cache.requests").build();
        let panics = meter.u64_counter("parsefleet.panics").build().bind(&[]);
        panics.add(0);
        Self { registry, _provider: provider, durations, cache, panics }
    }
}
