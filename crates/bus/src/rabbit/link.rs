//! Connections to RabbitMQ, and the pauses between attempts to have one.

use std::time::Duration;

use lapin::{Channel, Connection, ConnectionProperties, options::QueueDeclareOptions, uri::AMQPUri};

use super::topology::Names;
use crate::{bus::BusError, job::Queue, schedule::RetrySchedule};

/// Longest time to connect and to declare what is needed.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// Seconds between two signs of life, unless the address says otherwise.
const HEARTBEAT: u16 = 10;
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where RabbitMQ is, and as whom to come. Not to be printed: it holds a password.
#[derive(Clone)]
pub(super) struct Address(AMQPUri);

/// A connection with one channel. Dropping it closes both; what was delivered on it and not answered is delivered again.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) channel: Channel,
}

/// Pauses that grow, with jitter, up to [`LONGEST_PAUSE`].
pub(super) struct Backoff {
    next: Duration,
}

impl Address {
    /// The address that a URL says; the error does not repeat it.
    pub(super) fn try_new(url: &str) -> Result<Self, String> {
        let mut uri: AMQPUri = url.parse()?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        Ok(Self(uri))
    }
}

impl Link {
    /// Connects; `purpose` is how RabbitMQ's own tools show the connection.
    pub(super) async fn open(address: &Address, purpose: &str) -> Result<Self, lapin::Error> {
        let name = format!("parsefleet {purpose}");
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connect = async {
            let connection = Connection::connect_uri(address.0.clone(), properties).await?;
            let channel = connection.create_channel().await?;
            Ok(Self { connection, channel })
        };
        within_limit(connect).await
    }

    /// Makes sure that the queues are there.
    pub(super) async fn declare(
        &self,
        names: &Names,
        schedule: &RetrySchedule,
        queues: &[Queue],
    ) -> Result<(), lapin::Error> {
        let declare = async {
            for queue in queues {
                for (name, arguments) in names.topology(*queue, schedule) {
                    self.channel.queue_declare(name, QueueDeclareOptions::durable(), arguments).await?;
                }
            }
            Ok(())
        };
        within_limit(declare).await
    }

    /// Whether it can be used, for all that is known.
    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: SHORTEST_PAUSE }
    }

    /// Waits; longer the next time.
    pub(super) async fn pause(&mut self) {
        let pause = self.next.mul_f64(rand::random_range(0.5..=1.0));
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
    }

    /// Begins with a short pause again.
    pub(super) fn reset(&mut self) {
        self.next = SHORTEST_PAUSE;
    }
}

async fn within_limit<T>(work: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, lapin::Error> {
    tokio::time::timeout(CONNECT_LIMIT, work).await.unwrap_or_else(|_| {
        let error = std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {CONNECT_LIMIT:?}"));
        Err(error.into())
    })
}

/// An error of the link as the error of an operation: whatever it is, the next link may be better.
pub(super) fn unavailable(error: &lapin::Error) -> BusError {
    BusError::Unavailable(error.to_string())
}
