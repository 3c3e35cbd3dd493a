//! Export of traces, metrics and logs over OTLP.

use std::{fmt, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    logs::{SdkLogger, SdkLoggerProvider},
    metrics::{MeterProviderBuilder, PeriodicReader},
    trace::{SdkTracer, SdkTracerProvider},
};

/// Longest time one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The pipelines to a collector. Sampling follows `OTEL_TRACES_SAMPLER`, resource attributes
/// `OTEL_RESOURCE_ATTRIBUTES`, headers `OTEL_EXPORTER_OTLP_HEADERS`: the SDK reads them.
pub struct Exporters {
    resource: Resource,
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
    metrics: PeriodicReader<MetricExporter>,
}

impl Exporters {
    /// Pipelines to this endpoint. Has to run inside the runtime. Nothing is sent yet: a collector that is away costs
    /// telemetry and nothing else.
    pub(super) fn build(endpoint: &str, role: &str) -> Result<Self, ExporterBuildError> {
        let resource = Resource::builder()
            .with_service_name(format!("parsefleet-{role}"))
            .with_attribute(KeyValue::new("service.namespace", "parsefleet"))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let spans =
            SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT).build()?;
        let records =
            LogExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT).build()?;
        let points =
            MetricExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT).build()?;
        Ok(Self {
            traces: SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(spans).build(),
            logs: SdkLoggerProvider::builder().with_resource(resource.clone()).with_batch_exporter(records).build(),
            metrics: PeriodicReader::builder(points).build(),
            resource,
        })
    }

    /// The tracer behind the span layer.
    pub(super) fn tracer(&self) -> SdkTracer {
        self.traces.tracer("parsefleet")
    }

    /// The layer that exports log events.
    pub(super) fn log_layer(&self) -> OpenTelemetryTracingBridge<SdkLoggerProvider, SdkLogger> {
        OpenTelemetryTracingBridge::new(&self.logs)
    }

    /// Adds the export to a meter provider.
    pub(super) fn add_metrics(&self, provider: MeterProviderBuilder) -> MeterProviderBuilder {
        provider.with_resource(self.resource.clone()).with_reader(self.metrics.clone())
    }

    /// Sends what is buffered and stops. Blocks.
    pub(super) fn shutdown(&self, limit: Duration) {
        use opentelemetry_sdk::metrics::reader::MetricReader as _;
        let each = limit / 3;
        let results = [
            self.traces.shutdown_with_timeout(each),
            self.metrics.shutdown_with_timeout(each),
            self.logs.shutdown_with_timeout(each),
        ];
        for error in results.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "telemetry was not flushed");
        }
    }
}

impl fmt::Debug for Exporters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exporters").finish_non_exhaustive()
    }
}
