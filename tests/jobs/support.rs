//! What the tests share: an outbox in memory, and a consumer that counts.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parsefleet_bus::{
    Bus, Entry, Evidence, Handler, Job, JobId, Kept, OutboxStore, Queue, RetrySchedule, Verdict, Witness, WorkOptions,
    work,
};
use tokio::sync::Notify;

/// Longest time that anything may take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

pub(crate) fn schedule() -> RetrySchedule {
    RetrySchedule::new(vec![Duration::from_millis(200), Duration::from_secs(1)], 20)
}

pub(crate) fn job(id: &str) -> Job {
    Job::with_id(JobId::try_new(id).unwrap(), Queue::Mail, format!("body of {id}"))
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Notes how often it had each job.
#[derive(Default)]
pub(crate) struct Counting {
    seen: Mutex<BTreeMap<String, u32>>,
}

#[async_trait]
impl Handler for Counting {
    async fn handle(&self, job: &Job) -> Verdict {
        *self.seen.lock().unwrap().entry(job.id.to_string()).or_default() += 1;
        Verdict::Done
    }
}

impl Counting {
    pub(crate) fn jobs(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.seen.lock().unwrap().contains_key(id)
    }

    /// Deliveries beyond the first.
    pub(crate) fn duplicates(&self) -> u32 {
        self.seen.lock().unwrap().values().map(|times| times - 1).sum()
    }
}

/// Works on the jobs of the bus while the test runs.
pub(crate) async fn counting(bus: &Arc<dyn Bus>, test: impl AsyncFnOnce(&Counting)) {
    let handler = Arc::new(Counting::default());
    let stop = Notify::new();
    let worker = work(Arc::clone(bus), Queue::Mail, WorkOptions::default(), handler.clone(), stop.notified());
    let test = async {
        test(&handler).await;
        stop.notify_one();
    };
    tokio::join!(worker, test);
}

/// An outbox in memory. Writes whose condition is "yes" happened.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<BTreeMap<JobId, (Entry, Instant)>>>, Arc<Mutex<BTreeMap<JobId, (String, Instant)>>>);

impl Memory {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[async_trait]
impl OutboxStore for Memory {
    type Error = Infallible;

    async fn put(&self, entry: &Entry) -> Result<(), Infallible> {
        self.0.lock().unwrap().insert(entry.job.id.clone(), (entry.clone(), Instant::now()));
        Ok(())
    }

    async fn remove(&self, id: &JobId) -> Result<(), Infallible> {
        self.0.lock().unwrap().remove(id);
        Ok(())
    }

    async fn older_than(&self, age: Duration, skip: usize, limit: usize) -> Result<Vec<Kept>, Infallible> {
        let entries = self.0.lock().unwrap();
        let kept = entries.values().map(|(entry, put)| Kept { entry: entry.clone(), age: put.elapsed() });
        Ok(kept.filter(|kept| kept.age >= age).skip(skip).take(limit).collect())
    }

    async fn claim(&self, id: &JobId, owner: &str, time: Duration) -> Result<bool, Infallible> {
        let (is_there, mut claims) = (self.0.lock().unwrap().contains_key(id), self.1.lock().unwrap());
        let is_free = claims.get(id).is_none_or(|(by, until)| by == owner || *until <= Instant::now());
        if is_free {
            claims.insert(id.clone(), (owner.to_owned(), Instant::now() + time));
        }
        Ok(is_there && is_free)
    }

    async fn evidence(&self, witness: &Witness) -> Result<Evidence, Infallible> {
        Ok(if witness.condition == "yes" { Evidence::Happened } else { Evidence::None })
    }
}
