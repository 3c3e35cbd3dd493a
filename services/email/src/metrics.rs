//! How many mails were sent, and what became of the others. Labels come from closed sets, and none names a person.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram},
};
use parsefleet_runtime::telemetry::metrics::meter;

use crate::sender::FailureClass;

/// Bounds of the histogram of sending in seconds.
const SEND_BOUNDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// Bounds of the histogram of noting in seconds.
const NOTE_BOUNDS: [f64; 9] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 2.5];

pub(crate) struct Metrics {
    provider: &'static str,
    mails: Counter<u64>,
    sending: Histogram<f64>,
    noting: Histogram<f64>,
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
        let seconds =
            |name, bounds: &[f64]| meter.f64_histogram(name).with_unit("s").with_boundaries(bounds.to_vec()).build();
        Self {
            provider,
            mails: meter.u64_counter("parsefleet.mails").build(),
            sending: seconds("parsefleet.mail.send.duration", &SEND_BOUNDS),
            noting: seconds("parsefleet.mail.note.duration", &NOTE_BOUNDS),
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
    /// The other side took so long to answer.
    pub(crate) fn send_took(&self, elapsed: Duration) {
        self.sending.record(elapsed.as_secs_f64(), &[KeyValue::new("provider", self.provider)]);
    }

    /// It took so long until a sent mail was noted for good.
    pub(crate) fn note_took(&self, elapsed: Duration) {
        self.noting.record(elapsed.as_secs_f64(), &[]);
    }
}
