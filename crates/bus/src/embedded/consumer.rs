//! Takes jobs off the file, and keeps them leased while they are worked on.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Shared,
    rows::{self, Lease, Taken, after},
};
use crate::{
    bus::{BusError, Deliveries},
    clock,
    delivery::{Delivery, Receipt, Retried, short},
    job::{Job, Queue},
};

/// How long a job stays away when the process that took it is gone.
const LEASE: Duration = Duration::from_secs(30);
/// How often leases are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How often the file is looked at for what other processes have put there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The jobs of one queue.
pub(super) struct Consumer {
    shared: Arc<Shared>,
    queue: Queue,
    prefetch: usize,
    held: Arc<Held>,
    /// Leased, and not handed out yet.
    ready: VecDeque<(Lease, Job)>,
    /// Being leased: kept when nobody waits for it any more, for the next one who does.
    taking: Option<BoxFuture<'static, Result<Taken, BusError>>>,
}

/// What is leased. The last one who drops it ends the renewals.
struct Held {
    leases: Mutex<BTreeSet<Lease>>,
    _renewals: DropGuard,
}

struct LeaseReceipt {
    shared: Arc<Shared>,
    held: Arc<Held>,
    lease: Lease,
    queue: Queue,
    attempts: u32,
    answered: bool,
}

impl Consumer {
    pub(super) fn new(shared: Arc<Shared>, queue: Queue, prefetch: u16) -> Self {
        let stop = CancellationToken::new();
        let held = Arc::new(Held { leases: Mutex::default(), _renewals: stop.clone().drop_guard() });
        let renewals = renew(Arc::downgrade(&shared), Arc::downgrade(&held));
        #[expect(clippy::disallowed_methods, reason = "the drop guard of what is held ends it")]
        tokio::spawn(stop.run_until_cancelled_owned(renewals));
        Self { shared, queue, prefetch: usize::from(prefetch.max(1)), held, ready: VecDeque::new(), taking: None }
    }

    /// Leases what there is; tells how long there will be nothing else.
    async fn refill(&mut self) -> Result<Duration, BusError> {
        let free = self.prefetch.saturating_sub(self.held.count());
        if free == 0 && self.taking.is_none() {
            return Ok(LOOK_EVERY);
        }
        let taking = self.taking.get_or_insert_with(|| Box::pin(take(Arc::clone(&self.shared), self.queue, free)));
        let taken = taking.await;
        self.taking = None;
        let taken = taken?;
        for (lease, job) in taken.jobs {
            self.held.add(lease);
            self.ready.push_back((lease, job));
        }
        let wait = taken.next_due.map_or(LOOK_EVERY, |due| {
            Duration::from_millis(u64::try_from(due.saturating_sub(clock::now())).unwrap_or_default())
        });
        Ok(wait.clamp(Duration::from_millis(5), LOOK_EVERY))
    }
}

async fn take(shared: Arc<Shared>, queue: Queue, most: usize) -> Result<Taken, BusError> {
    let now = clock::now();
    shared.file.touch(move |connection| rows::take(connection, queue, most, now, after(now, LEASE))).await
}

#[async_trait]
impl Deliveries for Consumer {
    async fn next(&mut self) -> Delivery {
        loop {
            if let Some((lease, job)) = self.ready.pop_front() {
                let (shared, held) = (Arc::clone(&self.shared), Arc::clone(&self.held));
                let receipt =
                    LeaseReceipt { shared, held, lease, queue: self.queue, attempts: job.attempts, answered: false };
                return Delivery { job, receipt: Box::new(receipt) };
            }
            let wait = match self.refill().await {
                Ok(_) if !self.ready.is_empty() => continue,
                Ok(wait) => wait,
                // The thread of the file has said why.
                Err(_) => LOOK_EVERY,
            };
            tokio::select! {
                () = self.shared.news(self.queue).notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let leases: Vec<Lease> = self.ready.drain(..).map(|(lease, _)| lease).collect();
        give_back(&self.shared, &self.held, leases);
    }
}

impl Held {
    fn count(&self) -> usize {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn add(&self, lease: Lease) {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).insert(lease);
    }

    fn remove(&self, lease: Lease) {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).remove(&lease);
    }

    fn all(&self) -> Vec<Lease> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// Renews what is held, as long as somebody holds something.
async fn renew(shared: Weak<Shared>, held: Weak<Held>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let (Some(shared), Some(held)) = (shared.upgrade(), held.upgrade()) else { return };
        let leases = held.all();
        if leases.is_empty() {
            continue;
        }
        let until = after(clock::now(), LEASE);
        let renewed = shared.file.touch(move |connection| rows::renew(connection, &leases, until)).await;
        if let Err(error) = renewed {
            tracing::warn!(%error, "jobs that are being worked on could not be kept, and may be delivered again");
        }
    }
}

fn give_back(shared: &Shared, held: &Held, leases: Vec<Lease>) {
    if leases.is_empty() {
        return;
    }
    for lease in &leases {
        held.remove(*lease);
    }
    shared.file.try_touch(move |connection| rows::give_back(connection, &leases, clock::now()));
}

impl LeaseReceipt {
    /// Tells that the job is not held any more; it is an error if it was not.
    fn conclude(&mut self, held: bool) -> Result<(), BusError> {
        self.answered = true;
        self.held.remove(self.lease);
        // There is room for another one.
        self.shared.news(self.queue).notify_one();
        if held { Ok(()) } else { Err(BusError::Lost) }
    }
}

#[async_trait]
impl Receipt for LeaseReceipt {
    async fn done(mut self: Box<Self>) -> Result<(), BusError> {
        let lease = self.lease;
        let held = self.shared.file.write(move |connection| rows::done(connection, lease)).await?;
        self.conclude(held)
    }

    async fn retry(mut self: Box<Self>, reason: &str) -> Result<Retried, BusError> {
        let Some(pause) = self.shared.schedule.after(self.attempts.saturating_add(1)) else {
            return self.bury(reason).await.map(|()| Retried::Buried);
        };
        let (lease, reason, due) = (self.lease, short(reason), after(clock::now(), pause.jittered));
        let delay = move |connection: &rusqlite::Connection| rows::delay(connection, lease, &reason, due);
        let held = self.shared.file.write(delay).await?;
        self.conclude(held).map(|()| Retried::After(pause.jittered))
    }

    async fn bury(mut self: Box<Self>, reason: &str) -> Result<(), BusError> {
        let (lease, reason) = (self.lease, short(reason));
        let bury = move |connection: &rusqlite::Connection| rows::bury(connection, lease, &reason, clock::now());
        let held = self.shared.file.write(bury).await?;
        self.conclude(held)
    }
}

impl Drop for LeaseReceipt {
    fn drop(&mut self) {
        if !self.answered {
            give_back(&self.shared, &self.held, vec![self.lease]);
        }
    }
}
