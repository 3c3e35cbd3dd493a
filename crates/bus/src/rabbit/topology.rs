//! Which queues there are in RabbitMQ.
//!
//! Each is a quorum queue, and hands dead letters on only when the target has confirmed them.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::{clock::milliseconds, delivery::MAX_UNANSWERED, job::Queue, schedule::RetrySchedule};

/// Longest prefix: the longest name there can be has 255 bytes.
const MAX_PREFIX: usize = 200;
/// Dead letters may be looked at as often as one likes. RabbitMQ would drop them after twenty times if nothing was said.
const NO_LIMIT: i64 = 1_000_000_000;

/// The names of the queues of one app.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    /// Names that start with this prefix; `None` if they would be too long.
    pub(super) fn try_new(prefix: &str) -> Option<Self> {
        (prefix.len() <= MAX_PREFIX).then(|| Self { prefix: prefix.to_owned() })
    }

    /// Where jobs wait for consumers.
    pub(super) fn jobs(&self, queue: Queue) -> ShortString {
        format!("{}.{}", self.prefix, queue.name()).into()
    }

    /// Where jobs wait for their next attempt.
    pub(super) fn delay(&self, queue: Queue, delay: Duration) -> ShortString {
        format!("{}.{}.retry.{}", self.prefix, queue.name(), milliseconds(delay)).into()
    }

    /// Where dead letters are.
    pub(super) fn dead(&self, queue: Queue) -> ShortString {
        format!("{}.{}.dead", self.prefix, queue.name()).into()
    }

    /// All queues in RabbitMQ that a queue of jobs needs, each after those that it hands jobs on to.
    pub(super) fn topology(&self, queue: Queue, schedule: &RetrySchedule) -> Vec<(ShortString, FieldTable)> {
        let mut dead = quorum();
        dead.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(NO_LIMIT));
        let mut jobs = handing_on(&self.dead(queue));
        jobs.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(MAX_UNANSWERED.into()));
        let mut all = vec![(self.dead(queue), dead), (self.jobs(queue), jobs)];
        for delay in schedule.delays() {
            let mut arguments = handing_on(&self.jobs(queue));
            arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(milliseconds(delay)));
            all.push((self.delay(queue, delay), arguments));
        }
        all
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments
}

/// A queue whose dead letters go to another one, none of them lost on the way.
fn handing_on(target: &ShortString) -> FieldTable {
    let mut arguments = quorum();
    let mut text = |name: &str, value: &str| {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    text("x-dead-letter-exchange", "");
    text("x-dead-letter-routing-key", target.as_str());
    text("x-dead-letter-strategy", "at-least-once");
    // The condition for that strategy; without a limit of length nothing is ever rejected.
    text("x-overflow", "reject-publish");
    arguments
}
