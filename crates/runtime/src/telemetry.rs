//! Logs, traces and metrics of a process.
//!
//! Logs go to stderr, metrics to `/metrics`, always. With an OTLP endpoint, traces, metrics and logs are exported too.
//! Without one there is no span layer at all: spans are disabled at their call site and cost one atomic load.

mod log;
pub mod metrics;
mod otlp;
mod propagation;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tracing_subscriber::{Layer as _, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _};

pub use log::{LogFilter, LogFilterError};
pub use metrics::{CacheMetrics, Operation, OperationKind, Outcome, Timer};
pub use otlp::Exporters;
pub use propagation::{continue_trace, inject_trace, rename_span};

use crate::config::Config;

/// Whether a span layer is installed.
static SPANS: AtomicBool = AtomicBool::new(false);

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The configured filter cannot be read.
    #[error(transparent)]
    Filter(#[from] LogFilterError),
    /// The configured exporter cannot be built.
    #[error("build the OTLP exporter: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Someone else installed a subscriber before.
    #[error("install the log subscriber: {0}")]
    Subscriber(#[from] tracing_subscriber::util::TryInitError),
}

/// What has to be kept until the process ends.
#[derive(Debug)]
#[must_use = "telemetry has to be flushed at the end"]
pub struct Telemetry {
    log_filter: LogFilter,
    exporters: Option<Exporters>,
}

impl Telemetry {
    /// Sets telemetry up for the process; `role` is the service's name. Has to run inside the runtime, once, before
    /// anything else creates metrics.
    pub fn install(config: &Config, role: &str) -> Result<Self, TelemetryError> {
        let endpoint = config.fleet.otlp_endpoint.as_deref();
        let exporters = endpoint.map(|endpoint| Exporters::build(endpoint, role)).transpose()?;
        metrics::install(exporters.as_ref());
        let (filter, log_filter) = LogFilter::new(&config.log.filter)?;
        log_panics();
        let output = log::layer(config.log.json, std::io::stderr);
        let Some(exporters) = exporters else {
            Registry::default().with(output.with_filter(filter)).try_init()?;
            return Ok(Self { log_filter, exporters: None });
        };
        let records = exporters.log_layer().with_filter(log::exportable());
        let spans = tracing_opentelemetry::layer()
            .with_tracer(exporters.tracer())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(log::own_spans());
        Registry::default().with(output.and_then(records).with_filter(filter)).with(spans).try_init()?;
        propagation::install();
        SPANS.store(true, Ordering::Relaxed);
        Ok(Self { log_filter, exporters: Some(exporters) })
    }

    /// The filter of the logs, changeable while the process runs.
    pub fn log_filter(&self) -> LogFilter {
        self.log_filter.clone()
    }

    /// Sends what is buffered, no longer than `limit`.
    pub async fn flush(self, limit: Duration) {
        let Some(exporters) = self.exporters else { return };
        // The exporters block the thread that shuts them down.
        let flush = tokio::task::spawn_blocking(move || exporters.shutdown(limit));
        if tokio::time::timeout(limit, flush).await.is_err() {
            tracing::warn!("telemetry was not flushed in time");
        }
    }
}

/// Makes panics log lines like all others. They are answered per request, so the process goes on.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, panic = panic.payload_as_str().unwrap_or_default(), "panicked");
    }));
}

/// Whether spans are recorded. Code that would compute fields for a span asks first.
pub fn spans_enabled() -> bool {
    SPANS.load(Ordering::Relaxed)
}
