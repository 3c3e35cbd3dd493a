//! What becomes of intents, with a store and a bus in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::*;
use crate::{
    bus::{Backlog, BusError, Deliveries, MAX_BODY, check_size},
    dead::{DeadJob, Selection},
    job::Queue,
};

#[derive(Clone, Default)]
struct Memory(Arc<MemoryInner>);

#[derive(Default)]
struct MemoryInner {
    entries: Mutex<BTreeMap<JobId, (Entry, Instant)>>,
    written: Mutex<Vec<String>>,
    claims: Mutex<BTreeMap<JobId, (String, Instant)>>,
}

#[derive(Default)]
struct Recorder {
    away: AtomicBool,
    published: Mutex<Vec<JobId>>,
}

#[async_trait]
impl OutboxStore for Memory {
    type Error = Infallible;

    async fn put(&self, entry: &Entry) -> Result<(), Infallible> {
        self.0.entries.lock().unwrap().insert(entry.job.id.clone(), (entry.clone(), Instant::now()));
        Ok(())
    }

    async fn remove(&self, id: &JobId) -> Result<(), Infallible> {
        self.0.entries.lock().unwrap().remove(id);
        Ok(())
    }

    async fn older_than(&self, age: Duration, skip: usize, limit: usize) -> Result<Vec<Kept>, Infallible> {
        let entries = self.0.entries.lock().unwrap();
        let kept = entries.values().map(|(entry, put)| Kept { entry: entry.clone(), age: put.elapsed() });
        Ok(kept.filter(|kept| kept.age >= age).skip(skip).take(limit).collect())
    }

    async fn claim(&self, id: &JobId, owner: &str, time: Duration) -> Result<bool, Infallible> {
        let mut claims = self.0.claims.lock().unwrap();
        let is_free = claims.get(id).is_none_or(|(by, until)| by == owner || *until <= Instant::now());
        if is_free {
            claims.insert(id.clone(), (owner.to_owned(), Instant::now() + time));
        }
        Ok(is_free && self.0.entries.lock().unwrap().contains_key(id))
    }

    async fn evidence(&self, witness: &Witness) -> Result<Evidence, Infallible> {
        let happened = self.0.written.lock().unwrap().contains(&witness.condition);
        Ok(if happened { Evidence::Happened } else { Evidence::None })
    }
}

#[async_trait]
impl Bus for Recorder {
    async fn publish(&self, job: &Job) -> Result<(), BusError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(BusError::Unavailable("away".to_owned()));
        }
        check_size(job)?;
        self.published.lock().unwrap().push(job.id.clone());
        Ok(())
    }

    fn consume(&self, _: Queue, _: u16) -> Box<dyn Deliveries> {
        unreachable!("an outbox takes no jobs")
    }

    async fn dead_letters(&self, _: Queue, _: &Selection) -> Result<Vec<DeadJob>, BusError> {
        Ok(Vec::new())
    }

    async fn replay(&self, _: Queue, _: &Selection) -> Result<u64, BusError> {
        Ok(0)
    }

    async fn drop_dead_letters(&self, _: Queue, _: &Selection) -> Result<u64, BusError> {
        Ok(0)
    }

    async fn backlog(&self, _: Queue) -> Result<Backlog, BusError> {
        Ok(Backlog::default())
    }

    async fn ready(&self) -> Result<(), BusError> {
        Ok(())
    }
}

fn witness(condition: &str) -> Witness {
    Witness { class_name: "_User".to_owned(), condition: condition.to_owned() }
}

fn job(id: &str) -> Job {
    Job::with_id(JobId::try_new(id).unwrap(), Queue::Mail, "body")
}

fn owner() -> Arc<background::Owner> {
    Arc::new(background::Owner::new())
}

const AT_ONCE: OutboxSettings =
    OutboxSettings { sweep_every: Duration::from_secs(5), publish_after: Duration::ZERO, drop_after: Duration::ZERO };

#[tokio::test]
async fn decisions_are_carried_out_before_the_stop() {
    let (bus, store) = (Arc::new(Recorder::default()), Memory::default());
    let (outbox, worker) = Outbox::new(bus.clone(), store.clone(), OutboxSettings::default());
    outbox.intend(job("written"), witness("")).await.unwrap().happened();
    outbox.intend(job("refused"), witness("")).await.unwrap().failed();
    drop(outbox.intend(job("unknown"), witness("")).await.unwrap());
    worker.run(async {}).await;
    assert_eq!(bus.published.lock().unwrap().as_slice(), &[job("written").id]);
    let left: Vec<_> = store.0.entries.lock().unwrap().keys().cloned().collect();
    assert_eq!(left, [job("unknown").id]);
}

#[tokio::test]
async fn what_has_waited_too_long_is_left_to_one_sweep() {
    let (recorder, store) = (Arc::new(Recorder::default()), Memory::default());
    let bus: Arc<dyn Bus> = recorder.clone();
    store.0.written.lock().unwrap().push(String::new());
    let (outbox, worker) = Outbox::new(Arc::clone(&bus), store.clone(), AT_ONCE);
    outbox.intend(job("late"), witness("")).await.unwrap().happened();
    worker.run(async {}).await;
    assert!(recorder.published.lock().unwrap().is_empty());
    background::sweep(&bus, &Arc::new(store), AT_ONCE, &owner()).await;
    assert_eq!(recorder.published.lock().unwrap().as_slice(), &[job("late").id]);
}

#[tokio::test]
async fn a_sweep_publishes_what_was_written_and_drops_the_rest() {
    let (recorder, store) = (Arc::new(Recorder::default()), Memory::default());
    let bus: Arc<dyn Bus> = recorder.clone();
    let (outbox, _worker) = Outbox::new(Arc::clone(&bus), store.clone(), AT_ONCE);
    for index in 0..300 {
        drop(outbox.intend(job(&format!("{index:03}")), witness(&index.to_string())).await.unwrap());
        if index % 3 == 0 {
            store.0.written.lock().unwrap().push(index.to_string());
        }
    }
    let (store, mine) = (Arc::new(store), owner());
    background::sweep(&bus, &store, OutboxSettings { drop_after: Duration::from_secs(60), ..AT_ONCE }, &owner()).await;
    assert_eq!(recorder.published.lock().unwrap().len(), 100);
    assert_eq!(store.0.entries.lock().unwrap().len(), 200, "what may still be written stays");
    background::sweep(&bus, &store, AT_ONCE, &mine).await;
    assert_eq!(recorder.published.lock().unwrap().len(), 100);
    assert!(store.0.entries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn entries_wait_for_the_bus() {
    let (recorder, store) = (Arc::new(Recorder::default()), Memory::default());
    let bus: Arc<dyn Bus> = recorder.clone();
    recorder.away.store(true, Ordering::Relaxed);
    store.0.written.lock().unwrap().push(String::new());
    let (outbox, worker) = Outbox::new(Arc::clone(&bus), store.clone(), OutboxSettings::default());
    outbox.intend(job("a"), witness("")).await.unwrap().happened();
    worker.run(async {}).await;
    let (store, mine) = (Arc::new(store), owner());
    background::sweep(&bus, &store, AT_ONCE, &mine).await;
    assert_eq!(store.0.entries.lock().unwrap().len(), 1);
    recorder.away.store(false, Ordering::Relaxed);
    background::sweep(&bus, &store, AT_ONCE, &mine).await;
    assert_eq!(recorder.published.lock().unwrap().len(), 1);
    assert!(store.0.entries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_no_bus_takes_stays_in_nobodys_way() {
    let (recorder, store) = (Arc::new(Recorder::default()), Memory::default());
    let (outbox, worker) = Outbox::new(recorder.clone(), store.clone(), OutboxSettings::default());
    let large = Job::new(Queue::Mail, vec![0; MAX_BODY + 1]);
    outbox.intend(large, witness("")).await.unwrap().happened();
    worker.run(async {}).await;
    assert!(recorder.published.lock().unwrap().is_empty());
    assert!(store.0.entries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn only_one_of_many_publishes_an_entry() {
    let (recorder, store) = (Arc::new(Recorder::default()), Memory::default());
    let bus: Arc<dyn Bus> = recorder.clone();
    store.0.written.lock().unwrap().push(String::new());
    let (outbox, _worker) = Outbox::new(Arc::clone(&bus), store.clone(), AT_ONCE);
    let store = Arc::new(store);
    for index in 0..200 {
        drop(outbox.intend(job(&index.to_string()), witness("")).await.unwrap());
    }
    let sweeps = [owner(), owner(), owner()].map(|owner| {
        let (bus, store) = (Arc::clone(&bus), Arc::clone(&store));
        async move { background::sweep(&bus, &store, AT_ONCE, &owner).await }
    });
    futures_util::future::join_all(sweeps).await;
    assert_eq!(recorder.published.lock().unwrap().len(), 200);
    assert!(store.0.entries.lock().unwrap().is_empty());
}
