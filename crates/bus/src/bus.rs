//! The trait that the backends implement.

use async_trait::async_trait;

use crate::{
    dead::{DeadJob, Selection},
    delivery::Delivery,
    job::{Job, Queue},
};

/// Largest body of a job in bytes: what is larger belongs into a store, and its address into the job.
pub const MAX_BODY: usize = 1024 * 1024;

/// Where jobs are published and taken from.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Publishes a job, and returns when it will survive a crash. After an error it may be there all the same: repeat it
    /// under the same id.
    async fn publish(&self, job: &Job) -> Result<(), BusError>;

    /// Takes jobs off a queue, `prefetch` at a time at most. It survives outages by itself.
    fn consume(&self, queue: Queue, prefetch: u16) -> Box<dyn Deliveries>;

    /// The dead letters of a queue that are selected, the oldest first.
    async fn dead_letters(&self, queue: Queue, selection: &Selection) -> Result<Vec<DeadJob>, BusError>;

    /// Publishes the selected dead letters anew, as jobs that were never tried. Tells how many.
    async fn replay(&self, queue: Queue, selection: &Selection) -> Result<u64, BusError>;

    /// Removes the selected dead letters for good. Tells how many.
    async fn drop_dead_letters(&self, queue: Queue, selection: &Selection) -> Result<u64, BusError>;

    /// How much there is in a queue.
    async fn backlog(&self, queue: Queue) -> Result<Backlog, BusError>;

    /// Whether jobs can be published and taken now.
    async fn ready(&self) -> Result<(), BusError>;
}

/// Jobs of one queue, one after the other. Dropping it takes no more of them; those that are out can still be answered.
#[async_trait]
pub trait Deliveries: Send {
    /// The next job, whenever there is one. May be dropped at any time: no job is lost by that.
    async fn next(&mut self) -> Delivery;
}

/// How much there is in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that wait for a consumer.
    pub waiting: u64,
    /// Jobs that failed and wait for their next attempt; with some backends also those that a consumer has now.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
}

/// Why a job was not published, or not answered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BusError {
    /// Nobody there, or no answer in time.
    #[error("jobs cannot be published or taken now: {0}")]
    Unavailable(String),
    /// The broker has no such queue. It is made again.
    #[error("no queue takes jobs for {}", .0.name())]
    Unroutable(Queue),
    /// Larger than [`MAX_BODY`].
    #[error("a job of {0} bytes is too large")]
    TooLarge(usize),
    /// The job is not with this consumer any more: it is delivered again.
    #[error("the job was taken back meanwhile")]
    Lost,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// Refuses what no backend takes.
pub(crate) fn check_size(job: &Job) -> Result<(), BusError> {
    match job.body.len() {
        length if length > MAX_BODY => Err(BusError::TooLarge(length)),
        _ => Ok(()),
    }
}
