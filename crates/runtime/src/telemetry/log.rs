//! Log lines on stderr, as JSON or text, with the ids of the trace they belong to.

#[cfg(test)]
mod tests;

use std::fmt;

use opentelemetry::{Context, trace::TraceContextExt as _};
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, FilterFn, filter_fn},
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    layer::Filter,
    registry::LookupSpan,
    reload,
};

/// Libraries whose events would come from exporting itself: they are printed, if asked for, and never exported.
const TRANSPORTS: [&str; 8] = ["h2", "hyper", "hyper_util", "tonic", "tower", "reqwest", "rustls", "opentelemetry"];

/// The filter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("log filter {directives:?}: {reason}")]
pub struct LogFilterError {
    directives: String,
    reason: String,
}

/// The filter of the logs: directives such as `info,parsefleet_data=debug`. Clones share it.
#[derive(Clone, Debug)]
pub struct LogFilter {
    handle: reload::Handle<EnvFilter, Registry>,
}

impl LogFilter {
    /// The filter for the log layers and the handle that changes it.
    pub(super) fn new(directives: &str) -> Result<(impl Filter<Registry> + use<>, Self), LogFilterError> {
        let (filter, handle) = reload::Layer::new(parse(directives)?);
        // Spans are not for the log: refused here, they cost nothing unless the exporter wants them.
        Ok((filter.and(events()), Self { handle }))
    }

    /// The directives in force.
    pub fn current(&self) -> String {
        self.handle.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Puts other directives in force.
    pub fn replace(&self, directives: &str) -> Result<(), LogFilterError> {
        let filter = parse(directives)?;
        self.handle
            .reload(filter)
            .map_err(|error| LogFilterError { directives: directives.to_owned(), reason: error.to_string() })
    }
}

fn parse(directives: &str) -> Result<EnvFilter, LogFilterError> {
    EnvFilter::builder()
        .parse(directives)
        .map_err(|error| LogFilterError { directives: directives.to_owned(), reason: error.to_string() })
}

fn events() -> FilterFn {
    filter_fn(|metadata| metadata.is_event())
}

/// What the span layer exports: this program's spans.
pub(super) fn own_spans() -> FilterFn {
    filter_fn(|metadata| {
        metadata.is_span() && *metadata.level() <= Level::INFO && metadata.target().starts_with("parsefleet")
    })
}

/// What the log exporter exports: everything that exporting does not cause.
pub(super) fn exportable() -> FilterFn {
    filter_fn(|metadata| {
        let target = metadata.target();
        let root = target.split_once("::").map_or(target, |(root, _)| root);
        metadata.is_event() && !TRANSPORTS.contains(&root) && !root.starts_with("opentelemetry")
    })
}

/// The layer that prints.
pub(super) fn layer<W>(json: bool, output: W) -> impl Layer<Registry>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer().event_format(Line { json }).with_ansi(false).with_writer(output)
}

/// Format of a line.
struct Line {
    json: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let trace = trace_ids();
        if self.json { write_json(writer, event, trace) } else { write_text(context, writer, event, trace) }
    }
}

fn write_text<S, N>(
    context: &FmtContext<'_, S, N>,
    mut writer: Writer<'_>,
    event: &Event<'_>,
    trace: Option<(String, String)>,
) -> fmt::Result
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    SystemTime.format_time(&mut writer)?;
    write!(writer, " {:>5} {}: ", event.metadata().level(), event.metadata().target())?;
    context.format_fields(writer.by_ref(), event)?;
    if let Some((trace_id, span_id)) = trace {
        write!(writer, " trace_id={trace_id} span_id={span_id}")?;
    }
    writeln!(writer)
}

fn write_json(mut writer: Writer<'_>, event: &Event<'_>, trace: Option<(String, String)>) -> fmt::Result {
    let mut timestamp = String::new();
    SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
    let mut fields = Fields(Map::new());
    fields.0.insert("timestamp".into(), timestamp.into());
    fields.0.insert("level".into(), event.metadata().level().as_str().into());
    fields.0.insert("target".into(), event.metadata().target().into());
    event.record(&mut fields);
    if let Some((trace_id, span_id)) = trace {
        fields.0.insert("trace_id".into(), trace_id.into());
        fields.0.insert("span_id".into(), span_id.into());
    }
    let line = serde_json::to_string(&fields.0).map_err(|_| fmt::Error)?;
    writeln!(writer, "{line}")
}

/// Trace and span id of the span that is entered, if it is exported.
fn trace_ids() -> Option<(String, String)> {
    Context::map_current(|context| {
        let span = context.span().span_context().clone();
        span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string()))
    })
}

/// Fields of an event as JSON.
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}
