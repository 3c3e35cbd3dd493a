//! Jobs by way of RabbitMQ.
//!
//! A queue of jobs is a quorum queue; beside it are one delay queue for each pause of the schedule, from which jobs come
//! back by dead-lettering when their time is over, and one for dead letters. Jobs are published persistent, mandatory and
//! confirmed, and acknowledged after their effect.
//!
//! Publishing and each consumer have a connection of their own, which is made anew, topology included, whenever anything
//! about it fails: the link, the channel, or a confirmation that does not come. lapin's own recovery is not used: with it,
//! what is in flight stays undecided while the link is down, and a channel that the broker closed stays closed.

mod consumer;
mod dead_letters;
mod link;
mod message;
mod publisher;
mod topology;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;

use self::{consumer::Consumer, link::Address, publisher::Publisher, topology::Names};
use crate::{
    bus::{Backlog, Bus, BusError, Deliveries, check_size},
    dead::{DeadJob, Selection},
    job::{Job, Queue},
    schedule::RetrySchedule,
    telemetry::{self, Happening},
};

/// The bus of a fleet.
pub struct RabbitBus {
    shared: Arc<Shared>,
    _publishing: DropGuard,
}

/// What the bus and its consumers share.
struct Shared {
    address: Address,
    names: Names,
    schedule: RetrySchedule,
    publisher: Publisher,
}

/// Why a bus cannot be made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RabbitBusError {
    /// The URL is none of RabbitMQ.
    #[error("the address of RabbitMQ cannot be used: {0}")]
    Address(String),
    /// Names of queues would be too long.
    #[error("the prefix of the queues is too long")]
    Prefix,
}

impl RabbitBus {
    /// A bus at `url` (`amqp://user:password@host:5672/vhost`, or `amqps`) whose queues' names start with `prefix`. Needs a
    /// tokio runtime; does not wait for RabbitMQ, and looks for it for as long as it lives.
    ///
    /// # Errors
    /// If the address is none, or the prefix too long.
    pub fn try_new(url: &str, prefix: &str, schedule: RetrySchedule) -> Result<Self, RabbitBusError> {
        let address = Address::try_new(url).map_err(RabbitBusError::Address)?;
        let names = Names::try_new(prefix).ok_or(RabbitBusError::Prefix)?;
        let (publisher, supervisor) = Publisher::new(address.clone(), names.clone(), schedule.clone());
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "the drop guard of the bus ends it")]
        tokio::spawn(stop.clone().run_until_cancelled_owned(supervisor));
        let shared = Arc::new(Shared { address, names, schedule, publisher });
        Ok(Self { shared, _publishing: stop.drop_guard() })
    }
}

#[async_trait]
impl Bus for RabbitBus {
    async fn publish(&self, job: &Job) -> Result<(), BusError> {
        check_size(job)?;
        let (span, traced) = telemetry::publishing(job);
        let published = self.shared.publish(&traced).instrument(span).await;
        telemetry::count(job.queue, if published.is_ok() { Happening::Published } else { Happening::Unpublished });
        published
    }

    fn consume(&self, queue: Queue, prefetch: u16) -> Box<dyn Deliveries> {
        Box::new(Consumer::new(Arc::clone(&self.shared), queue, prefetch.max(1)))
    }

    async fn dead_letters(&self, queue: Queue, selection: &Selection) -> Result<Vec<DeadJob>, BusError> {
        dead_letters::list(&self.shared, queue, selection).await
    }

    async fn replay(&self, queue: Queue, selection: &Selection) -> Result<u64, BusError> {
        dead_letters::replay(&self.shared, queue, selection).await
    }

    async fn drop_dead_letters(&self, queue: Queue, selection: &Selection) -> Result<u64, BusError> {
        dead_letters::drop_selected(&self.shared, queue, selection).await
    }

    async fn backlog(&self, queue: Queue) -> Result<Backlog, BusError> {
        dead_letters::backlog(&self.shared, queue).await
    }

    async fn ready(&self) -> Result<(), BusError> {
        self.shared.publisher.session().await.map(drop)
    }
}

impl Shared {
    async fn publish(&self, job: &Job) -> Result<(), BusError> {
        let message = message::of_job(job);
        self.publisher.publish(job.queue, &self.names.jobs(job.queue), &job.body, message).await
    }
}

impl fmt::Debug for RabbitBus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RabbitBus").field("names", &self.shared.names).finish_non_exhaustive()
    }
}
