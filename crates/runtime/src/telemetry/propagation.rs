//! W3C trace context in headers, in and out.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    global,
    propagation::{Extractor, Injector},
    trace::TraceContextExt as _,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes W3C trace context the format of the process.
pub(super) fn install() {
    global::set_text_map_propagator(TraceContextPropagator::new());
}

/// Makes the span a child of the trace in the headers, if there is one. Call it before the span is entered.
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    if !super::spans_enabled() || !headers.contains_key("traceparent") {
        return;
    }
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(&Incoming(headers)));
    if let Err(error) = span.set_parent(parent) {
        tracing::debug!(%error, "trace not continued");
    }
}

/// Gives the span another name. Recording `otel.name` only helps before the span was entered or continued a trace.
pub fn rename_span(span: &Span, name: &'static str) {
    if super::spans_enabled() {
        span.context().span().update_name(name);
    }
}

/// Writes the span's trace context into the headers.
pub fn inject_trace(span: &Span, headers: &mut HeaderMap) {
    if super::spans_enabled() {
        let context = span.context();
        global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut Outgoing(headers)));
    }
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
