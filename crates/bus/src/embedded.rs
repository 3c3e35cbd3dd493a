//! Jobs in a file: `jobs.sqlite` in the data directory.
//!
//! A job that was taken is leased: unless the lease is renewed, which a process does that lives, the job is delivered again
//! after it. Several processes may use the file at the same time, an operator's command among them.

mod consumer;
mod file;
mod rows;
mod thread;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use tokio::sync::Notify;
use tracing::Instrument as _;

use self::{consumer::Consumer, thread::JobFile};
use crate::{
    bus::{Backlog, Bus, BusError, Deliveries, check_size},
    clock,
    dead::{DeadJob, Selection},
    job::{Job, Queue},
    schedule::RetrySchedule,
    telemetry::{self, Happening},
};

/// The bus of a process that is alone, or shares its data directory.
#[derive(Debug)]
pub struct EmbeddedBus {
    shared: Arc<Shared>,
}

/// What the bus and its consumers share.
#[derive(Debug)]
struct Shared {
    file: JobFile,
    schedule: RetrySchedule,
    /// Told when there may be something to take.
    news: [Notify; Queue::ALL.len()],
}

impl Shared {
    fn news(&self, queue: Queue) -> &Notify {
        &self.news[queue as usize]
    }
}

impl EmbeddedBus {
    /// A bus whose file is in this directory. Both are made when they are first needed; until that succeeds, the bus is
    /// unavailable.
    pub fn new(directory: &Path, schedule: RetrySchedule) -> Self {
        let file = JobFile::new(directory.join("jobs.sqlite"));
        Self { shared: Arc::new(Shared { file, schedule, news: Queue::ALL.map(|_| Notify::new()) }) }
    }

    async fn insert(&self, job: &Job) -> Result<(), BusError> {
        let row = job.clone();
        self.shared.file.write(move |connection| rows::insert(connection, &row, clock::now())).await?;
        self.shared.news(job.queue).notify_one();
        Ok(())
    }
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn publish(&self, job: &Job) -> Result<(), BusError> {
        check_size(job)?;
        let (span, traced) = telemetry::publishing(job);
        let published = self.insert(&traced).instrument(span).await;
        telemetry::count(job.queue, if published.is_ok() { Happening::Published } else { Happening::Unpublished });
        published
    }

    fn consume(&self, queue: Queue, prefetch: u16) -> Box<dyn Deliveries> {
        Box::new(Consumer::new(Arc::clone(&self.shared), queue, prefetch))
    }

    async fn dead_letters(&self, queue: Queue, selection: &Selection) -> Result<Vec<DeadJob>, BusError> {
        let selection = selection.clone();
        let read = move |connection: &rusqlite::Connection| rows::dead(connection, queue, &selection);
        let dead = self.shared.file.touch(read).await?;
        Ok(dead.into_iter().map(|(_, dead)| dead).collect())
    }

    async fn replay(&self, queue: Queue, selection: &Selection) -> Result<u64, BusError> {
        let selection = selection.clone();
        let replay = move |connection: &rusqlite::Connection| rows::replay(connection, queue, &selection, clock::now());
        let count = self.shared.file.write(replay).await?;
        self.shared.news(queue).notify_one();
        Ok(count)
    }

    async fn drop_dead_letters(&self, queue: Queue, selection: &Selection) -> Result<u64, BusError> {
        let selection = selection.clone();
        self.shared.file.write(move |connection| rows::drop_dead(connection, queue, &selection)).await
    }

    async fn backlog(&self, queue: Queue) -> Result<Backlog, BusError> {
        self.shared.file.touch(move |connection| rows::backlog(connection, queue, clock::now())).await
    }

    async fn ready(&self) -> Result<(), BusError> {
        self.shared.file.touch(|_| Ok(())).await
    }
}
