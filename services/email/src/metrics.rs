//! How many mails were sent, and what became of the others. Labels come from closed sets, and none names a person.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram},
};
use parsefleet_runtime::telemetry::metrics::meter;

use crate::sender::FailureClass;

/// Bounds of the histogram in seconds.
const BOUNDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

pub(crate) struct Metrics {
    provider: &'static str,
    mails: Counter<u64>,
    durations: Histogram<f64>,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The mail was handed over.
    Sent,
    /// The mail had been handed over before.
    SentBefore,
    /// Somebody else is about it.
    Elsewhere,
    /// It could not be sent.
    Failed(FailureClass),
}

impl Metrics {
    pub(crate) fn new(provider: &'static str) -> Self {
        let meter = meter();
        let durations = meter.f64_histogram("parsefleet.mail.send.duration").with_unit("s");
        Self {
            provider,
            mails: meter.u64_counter("parsefleet.mails").build(),
            durations: durations.with_boundaries(BOUNDS.to_vec()).build(),
        }
    }

    pub(crate) fn count(&self, outcome: Outcome) {
        let (outcome, class) = match outcome {
            Outcome::Sent => ("sent", "none"),
            Outcome::SentBefore => ("sent_before", "none"),
            Outcome::Elsewhere => ("elsewhere", "none"),
            Outcome::Failed(class) if class.is_retriable() => ("retried", class.label()),
            Outcome::Failed(class) => ("refused", class.label()),
        };
        let labels = [
            KeyValue::new("provider", self.provider),
            KeyValue::new("outcome", outcome),
            KeyValue::new("class", class),
        ];
        self.mails.add(1, &labels);
    }

    /// How long handing over took, or trying to.
    pub(crate) fn took(&self, elapsed: Duration) {
        self.durations.record(elapsed.as_secs_f64(), &[KeyValue::new("provider", self.provider)]);
    }
}
