//! Jobs as messages: the body as it is, all else in properties and headers.

use std::time::Duration;

use bytes::Bytes;
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, ShortString},
};

use crate::{
    clock::{self, milliseconds},
    dead::DeadJob,
    delivery::short,
    job::{Headers, Job, JobId, Queue},
};

/// Persistent, in AMQP's numbers.
const PERSISTENT: u8 = 2;
const ATTEMPTS: &str = "x-parsefleet-attempts";
const REASON: &str = "x-parsefleet-reason";
const DIED_AT: &str = "x-parsefleet-died-at";
/// Headers that are RabbitMQ's or ours; all others are the job's.
const RESERVED: &str = "x-";

/// The properties of a job that waits for a consumer.
pub(super) fn of_job(job: &Job) -> BasicProperties {
    properties(job, table(job))
}

/// The properties of a job that failed, and comes again after `pause`.
pub(super) fn of_failed(job: &Job, reason: &str, pause: Duration) -> BasicProperties {
    let mut headers = table(job);
    headers.insert(REASON.into(), AMQPValue::LongString(short(reason).into()));
    properties(job, headers).with_expiration(milliseconds(pause).to_string().into())
}

/// The properties of a dead letter.
pub(super) fn of_dead(job: &Job, reason: &str) -> BasicProperties {
    let mut headers = table(job);
    headers.insert(REASON.into(), AMQPValue::LongString(short(reason).into()));
    headers.insert(DIED_AT.into(), AMQPValue::LongLongInt(clock::now()));
    properties(job, headers)
}

fn properties(job: &Job, headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(job.id.as_str().into())
        .with_headers(headers)
}

fn table(job: &Job) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in job.headers.iter() {
        if let (Ok(name), false) = (ShortString::try_new(name), name.starts_with(RESERVED)) {
            table.insert(name, AMQPValue::LongString(value.into()));
        }
    }
    table.insert(ATTEMPTS.into(), AMQPValue::LongLongInt(job.attempts.into()));
    table
}

/// The job in a message, and the message's headers.
pub(super) fn read(queue: Queue, properties: &BasicProperties, data: Vec<u8>) -> Job {
    let id = properties.message_id().as_ref().and_then(|id| JobId::try_new(id.as_str()).ok());
    let id = id.unwrap_or_else(|| {
        tracing::warn!(queue = queue.name(), "a message without a usable id was in a queue of jobs");
        JobId::random()
    });
    let empty = FieldTable::default();
    let table = properties.headers().as_ref().unwrap_or(&empty);
    let attempts = integer(table, ATTEMPTS).and_then(|attempts| u32::try_from(attempts).ok()).unwrap_or_default();
    let headers: Headers = table
        .inner()
        .iter()
        .filter(|(name, _)| !name.as_str().starts_with(RESERVED))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
        .collect();
    Job { id, queue, body: Bytes::from(data), attempts, headers }
}

/// The dead letter in a message.
pub(super) fn read_dead(queue: Queue, delivery: &Delivery) -> DeadJob {
    let job = read(queue, &delivery.properties, delivery.data.clone());
    let empty = FieldTable::default();
    let table = delivery.properties.headers().as_ref().unwrap_or(&empty);
    match (integer(table, DIED_AT), table.inner().get(REASON).and_then(text)) {
        (Some(died_at), Some(reason)) => DeadJob { job, reason, died_at },
        // RabbitMQ itself gave up: the job was never answered.
        _ => DeadJob {
            job,
            reason: "delivered too often without an answer".to_owned(),
            died_at: broker_time(table).unwrap_or_default(),
        },
    }
}

/// When RabbitMQ made a dead letter of it, in milliseconds since the Unix epoch.
fn broker_time(table: &FieldTable) -> Option<i64> {
    let AMQPValue::FieldArray(deaths) = table.inner().get("x-death")? else { return None };
    let AMQPValue::FieldTable(last) = deaths.as_slice().first()? else { return None };
    let AMQPValue::Timestamp(seconds) = last.inner().get("time")? else { return None };
    i64::try_from(*seconds).ok()?.checked_mul(1_000)
}

fn integer(table: &FieldTable, name: &str) -> Option<i64> {
    match table.inner().get(name)? {
        AMQPValue::LongLongInt(value) => Some(*value),
        AMQPValue::LongInt(value) => Some((*value).into()),
        AMQPValue::LongUInt(value) => Some((*value).into()),
        _ => None,
    }
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        _ => None,
    }
}
