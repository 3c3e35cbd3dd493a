//! Jobs that belong to a write in a database: none is lost, and none is done for a write that did not happen.
//!
//! An [`Intent`] is stored before the write, beside what is written. After the write the job is published in the
//! background and the entry removed; the answer to the client waits for neither. What a crash or an outage of the bus
//! leaves in the store is found by the sweep of any process: it looks whether the write happened, and publishes or drops
//! the job. A job may be published more than once that way, always under the same id.

mod background;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use background::OutboxWorker;

use crate::{
    bus::Bus,
    job::{Job, JobId},
};

/// Where intents are kept: in the database that the writes go to.
#[async_trait]
pub trait OutboxStore: Send + Sync + 'static {
    /// Why the store could not do it.
    type Error: fmt::Display + Send + 'static;

    /// Keeps an entry.
    async fn put(&self, entry: &Entry) -> Result<(), Self::Error>;

    /// Removes the entry of this job, if it is there.
    async fn remove(&self, id: &JobId) -> Result<(), Self::Error>;

    /// Entries that have been kept for longer than `age`, the oldest first: `limit` of them at most, without the first
    /// `skip`.
    async fn older_than(&self, age: Duration, skip: usize, limit: usize) -> Result<Vec<Kept>, Self::Error>;

    /// Reserves an entry for `owner`, for so long: one that somebody else has reserved stays with him. Whether it succeeded;
    /// it does not for an entry that is gone.
    async fn claim(&self, id: &JobId, owner: &str, time: Duration) -> Result<bool, Self::Error>;

    /// Whether the write can be seen.
    async fn evidence(&self, witness: &Witness) -> Result<Evidence, Self::Error>;
}

/// What is kept: a job, and how to see that its write happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The job.
    pub job: Job,
    /// The write.
    pub witness: Witness,
}

/// An entry, and for how long it has been there.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The entry.
    pub entry: Entry,
    /// Its age.
    pub age: Duration,
}

/// How to see that a write happened: some row of the class satisfies the condition then, and not before.
#[derive(Clone, PartialEq, Eq)]
pub struct Witness {
    /// The class.
    pub class_name: String,
    /// The condition, as JSON text in the names of rows. It may hold a token.
    pub condition: String,
}

/// What a witness says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The write happened.
    Happened,
    /// It cannot be seen: it did not happen, or not yet, or later ones have made it pointless.
    None,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct OutboxSettings {
    /// Pause between two sweeps, on average.
    pub sweep_every: Duration,
    /// Age from which the sweep publishes what the process that put it there should have published.
    pub publish_after: Duration,
    /// Age from which an entry without evidence is dropped: no write may take longer.
    pub drop_after: Duration,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            sweep_every: Duration::from_secs(5),
            publish_after: Duration::from_secs(10),
            drop_after: Duration::from_secs(180),
        }
    }
}

/// Takes jobs that belong to writes. Clones share it.
pub struct Outbox<S> {
    store: Arc<S>,
    decided: mpsc::Sender<Decided>,
}

/// A job that is kept, and waits for its write. Dropped undecided, it is left to the sweep.
#[must_use = "say whether the write happened"]
pub struct Intent {
    job: Job,
    kept_at: Instant,
    decided: mpsc::Sender<Decided>,
}

/// An intent whose write has an outcome.
enum Decided {
    Publish { job: Job, kept_at: Instant },
    Drop(JobId),
}

/// Decisions that wait for the background; what does not fit is left to the sweep.
const WAITING: usize = 1_024;

impl<S: OutboxStore> Outbox<S> {
    /// An outbox, and what publishes in the background: it has to be run.
    pub fn new(bus: Arc<dyn Bus>, store: S, settings: OutboxSettings) -> (Self, OutboxWorker<S>) {
        let (decided, decisions) = mpsc::channel(WAITING);
        let store = Arc::new(store);
        let worker = OutboxWorker::new(bus, Arc::clone(&store), settings, decisions);
        (Self { store, decided }, worker)
    }

    /// Keeps a job that is to be done once the write has happened. Call it before the write; if it fails, do not write.
    pub async fn intend(&self, job: Job, witness: Witness) -> Result<Intent, S::Error> {
        let (entry, kept_at) = (Entry { job, witness }, Instant::now());
        self.store.put(&entry).await?;
        Ok(Intent { job: entry.job, kept_at, decided: self.decided.clone() })
    }
}

impl Intent {
    /// The write happened: the job is published soon. Never waits.
    pub fn happened(self) {
        let Self { job, kept_at, decided } = self;
        // What does not fit, or comes too late, is found by the sweep.
        drop(decided.try_send(Decided::Publish { job, kept_at }));
    }

    /// The write did not happen, and will not: the job is dropped. Never waits.
    pub fn failed(self) {
        let Self { job, decided, .. } = self;
        drop(decided.try_send(Decided::Drop(job.id)));
    }
}

impl<S> Clone for Outbox<S> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), decided: self.decided.clone() }
    }
}

impl<S> fmt::Debug for Outbox<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl fmt::Debug for Intent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Intent").field("job", &self.job).finish_non_exhaustive()
    }
}

/// Without the condition, which may hold a token.
impl fmt::Debug for Witness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Witness").field("class_name", &self.class_name).finish_non_exhaustive()
    }
}
