//! Traces that go on in a job, and metrics. Label values come from closed sets.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram, UpDownCounter},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::job::{Headers, Job, Queue};

/// Bounds of the histogram in seconds: a job may wait for servers of others.
const BOUNDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(Instruments::build);

struct Instruments {
    jobs: Counter<u64>,
    in_flight: UpDownCounter<i64>,
    durations: Histogram<f64>,
}

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// It is safe with the bus.
    Published,
    /// It could not be published.
    Unpublished,
    /// Its effect is there.
    Done,
    /// It failed, and is tried again.
    Retried,
    /// It became a dead letter.
    Dead,
    /// It was taken, and the answer came too late: it is delivered again.
    Lost,
}

impl Happening {
    fn label(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Unpublished => "unpublished",
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Dead => "dead",
            Self::Lost => "lost",
        }
    }
}

impl Instruments {
    fn build() -> Self {
        let meter = global::meter("parsefleet");
        Self {
            jobs: meter.u64_counter("parsefleet.jobs").build(),
            in_flight: meter.i64_up_down_counter("parsefleet.jobs.in_flight").build(),
            durations: meter
                .f64_histogram("parsefleet.jobs.duration")
                .with_unit("s")
                .with_boundaries(BOUNDS.to_vec())
                .build(),
        }
    }
}

/// Counts a happening.
pub(crate) fn count(queue: Queue, happening: Happening) {
    INSTRUMENTS.jobs.add(1, &[queue_label(queue), KeyValue::new("event", happening.label())]);
}

/// Counts a job as being worked on until it is dropped, and then the time it took.
pub(crate) struct InFlight {
    queue: Queue,
    started: Instant,
}

impl InFlight {
    pub(crate) fn new(queue: Queue) -> Self {
        INSTRUMENTS.in_flight.add(1, &[queue_label(queue)]);
        Self { queue, started: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        INSTRUMENTS.in_flight.add(-1, &[queue_label(self.queue)]);
        INSTRUMENTS.durations.record(self.elapsed().as_secs_f64(), &[queue_label(self.queue)]);
    }
}

fn queue_label(queue: Queue) -> KeyValue {
    KeyValue::new("queue", queue.name())
}

/// The span of a job being published, part of the trace that the job belongs to, which goes on from there.
pub(crate) fn publishing(job: &Job) -> (Span, Job) {
    let span = tracing::info_span!(
        "job publish",
        otel.kind = "producer",
        messaging.destination.name = job.queue.name(),
        messaging.message.id = job.id.as_str(),
    );
    continue_trace(&span, &job.headers);
    let mut job = job.clone();
    inject(&span, &mut job.headers);
    (span, job)
}

/// The span of a job being worked on.
pub(crate) fn processing(job: &Job) -> Span {
    let span = tracing::info_span!(
        "job process",
        otel.kind = "consumer",
        otel.status_code = tracing::field::Empty,
        messaging.destination.name = job.queue.name(),
        messaging.message.id = job.id.as_str(),
        job.attempts = job.attempts,
    );
    continue_trace(&span, &job.headers);
    span
}

/// Writes the trace context of the span into the headers, if it is recorded.
pub(crate) fn inject(span: &Span, headers: &mut Headers) {
    if !span.is_disabled() {
        let context = span.context();
        global::get_text_map_propagator(|propagator| propagator.inject_context(&context, headers));
    }
}

fn continue_trace(span: &Span, headers: &Headers) {
    if span.is_disabled() || headers.get("traceparent").is_none() {
        return;
    }
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(headers));
    if let Err(error) = span.set_parent(parent) {
        tracing::debug!(%error, "trace not continued");
    }
}
