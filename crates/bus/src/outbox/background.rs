//! What happens behind the answers: publishing, removing, sweeping.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};

use super::{Decided, Evidence, Kept, OutboxSettings, OutboxStore};
use crate::{
    bus::{Bus, BusError},
    job::{Job, JobId},
};

/// Jobs that are published at the same time.
const CONCURRENCY: usize = 32;
/// Entries that a sweep reads at a time.
const PAGE: usize = 128;
/// How long an entry is left to the process that is about to publish it.
const CLAIM: Duration = Duration::from_secs(30);
/// Longest time that a stop waits for what is being published; the rest is left to the sweep of others.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long a stop waits for the next decision of requests that are still being answered.
const LINGER: Duration = Duration::from_secs(1);

/// Publishes what the outbox keeps. Runs beside the service, in every process that has an outbox.
#[must_use = "nothing is published unless it runs"]
pub struct OutboxWorker<S> {
    bus: Arc<dyn Bus>,
    store: Arc<S>,
    settings: OutboxSettings,
    decisions: mpsc::Receiver<Decided>,
}

/// Who sweeps: a name that nobody else has.
pub(super) struct Owner(JobId);

/// What became of an entry in a sweep.
enum Swept {
    Gone,
    Stays,
    /// The bus or the store is away: there is no use in going on.
    Away,
}

impl<S: OutboxStore> OutboxWorker<S> {
    pub(super) fn new(
        bus: Arc<dyn Bus>,
        store: Arc<S>,
        settings: OutboxSettings,
        decisions: mpsc::Receiver<Decided>,
    ) -> Self {
        Self { bus, store, settings, decisions }
    }

    /// Publishes until `stop` is ready, and what is decided soon after.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        let sweeps = sweep_for_ever(Arc::clone(&self.bus), Arc::clone(&self.store), self.settings);
        let mut sweeps = std::pin::pin!(sweeps);
        let mut running = JoinSet::new();
        loop {
            let decision = tokio::select! {
                () = &mut stop => break,
                never = &mut sweeps => match never {},
                Some(_) = running.join_next(), if !running.is_empty() => continue,
                decision = self.decisions.recv(), if running.len() < CONCURRENCY => decision,
            };
            let Some(decision) = decision else { break };
            running.spawn(carry_out(Arc::clone(&self.bus), Arc::clone(&self.store), self.settings, decision));
        }
        let rest = async {
            while let Ok(Some(decision)) = tokio::time::timeout(LINGER, self.decisions.recv()).await {
                if running.len() >= CONCURRENCY {
                    running.join_next().await;
                }
                running.spawn(carry_out(Arc::clone(&self.bus), Arc::clone(&self.store), self.settings, decision));
            }
            while running.join_next().await.is_some() {}
        };
        if tokio::time::timeout(LAST_WORDS, rest).await.is_err() {
            tracing::warn!("jobs are left in the outbox: they are published later");
        }
    }
}

async fn carry_out<S: OutboxStore>(bus: Arc<dyn Bus>, store: Arc<S>, settings: OutboxSettings, decision: Decided) {
    match decision {
        Decided::Drop(id) => {
            remove(&*store, &id).await;
        }
        // It has waited for the bus, and is the sweep's, in any process, or soon will be.
        Decided::Publish { kept_at, .. } if kept_at.elapsed() >= settings.publish_after / 2 => {}
        Decided::Publish { job, .. } => {
            publish(&*bus, &*store, &job).await;
        }
    }
}

/// Publishes a job and removes its entry.
async fn publish<S: OutboxStore>(bus: &dyn Bus, store: &S, job: &Job) -> Swept {
    let (queue, id) = (job.queue.name(), job.id.as_str());
    match bus.publish(job).await {
        Ok(()) => remove(store, &job.id).await,
        Err(BusError::TooLarge(length)) => {
            tracing::error!(queue, job = id, length, "a job is too large to be published, and dropped");
            remove(store, &job.id).await
        }
        Err(error) => {
            tracing::warn!(queue, job = id, %error, "a job stays in the outbox for now");
            Swept::Away
        }
    }
}

/// Removes the entry of a job that is published or dropped. One that stays is published again, which does no harm.
async fn remove<S: OutboxStore>(store: &S, id: &JobId) -> Swept {
    match store.remove(id).await {
        Ok(()) => Swept::Gone,
        Err(error) => {
            tracing::warn!(job = id.as_str(), %error, "an entry of the outbox cannot be removed now");
            Swept::Away
        }
    }
}

// === the sweep ===

enum Never {}

impl Owner {
    pub(super) fn new() -> Self {
        Self(JobId::random())
    }
}

async fn sweep_for_ever<S: OutboxStore>(bus: Arc<dyn Bus>, store: Arc<S>, settings: OutboxSettings) -> Never {
    let owner = Arc::new(Owner::new());
    loop {
        // Several processes that were started together, or met the same outage, do not sweep together.
        tokio::time::sleep(settings.sweep_every.mul_f64(rand::random_range(0.5..=1.5))).await;
        sweep(&bus, &store, settings, &owner).await;
    }
}

/// Publishes or drops all that is old enough, or gives up until the next sweep.
pub(super) async fn sweep<S: OutboxStore>(
    bus: &Arc<dyn Bus>,
    store: &Arc<S>,
    settings: OutboxSettings,
    owner: &Arc<Owner>,
) {
    let mut stay = 0;
    loop {
        let page = match store.older_than(settings.publish_after, stay, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read now");
                return;
            }
        };
        let is_last = page.len() < PAGE;
        let mut entries = page.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < CONCURRENCY
                && let Some(kept) = entries.next()
            {
                let (bus, store, owner) = (Arc::clone(bus), Arc::clone(store), Arc::clone(owner));
                running.spawn(async move { attend(&*bus, &*store, settings, &owner, kept).await });
            }
            match running.join_next().await {
                None => break,
                Some(Ok(Swept::Gone)) => {}
                Some(Ok(Swept::Stays)) => stay += 1,
                // Dropping the set ends what is still running; it is done in another sweep.
                Some(Ok(Swept::Away) | Err(_)) => return,
            }
        }
        if is_last {
            return;
        }
    }
}

async fn attend<S: OutboxStore>(
    bus: &dyn Bus,
    store: &S,
    settings: OutboxSettings,
    owner: &Owner,
    kept: Kept,
) -> Swept {
    let Kept { entry, age } = kept;
    match store.evidence(&entry.witness).await {
        Ok(Evidence::Happened) => match store.claim(&entry.job.id, owner.0.as_str(), CLAIM).await {
            Ok(true) => publish(bus, store, &entry.job).await,
            // Another process is about to publish it, or has.
            Ok(false) => Swept::Stays,
            Err(error) => {
                tracing::warn!(%error, "an entry of the outbox cannot be reserved now");
                Swept::Away
            }
        },
        Ok(Evidence::None) if age >= settings.drop_after => {
            let queue = entry.job.queue.name();
            tracing::info!(queue, job = entry.job.id.as_str(), "the write of a job did not happen: the job is dropped");
            remove(store, &entry.job.id).await
        }
        Ok(Evidence::None) => Swept::Stays,
        Err(error) => {
            tracing::warn!(%error, "cannot see whether the write of a job happened");
            Swept::Away
        }
    }
}
