//! RabbitMQ goes while jobs are published, and comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parsefleet_bus::{Bus, Outbox, OutboxSettings, RabbitBus, Witness};
use parsefleet_testkit::servers::{RabbitMq, free_port};
use tokio::{sync::Notify, task::JoinSet};

use crate::support::{Memory, counting, eventually, job, schedule};

/// Jobs while the broker is killed.
const PUBLISHED: usize = 5_000;
/// Jobs while the broker is stopped.
const INTENDED: usize = 1_000;

fn bus(rabbit: &RabbitMq) -> Arc<dyn Bus> {
    Arc::new(RabbitBus::try_new(&rabbit.url(), "outage", schedule()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_confirmed_is_lost_when_the_broker_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut rabbit = RabbitMq::start(folder.path(), free_port().unwrap()).await.unwrap();
    let bus = bus(&rabbit);
    let mut publishing = JoinSet::new();
    let published = Arc::new(AtomicUsize::new(0));
    for task in 0..16 {
        let (bus, published) = (Arc::clone(&bus), Arc::clone(&published));
        publishing.spawn(async move {
            let mut confirmed = Vec::new();
            for index in (task..PUBLISHED).step_by(16) {
                let job = job(&format!("{index}"));
                // A few are given up while the broker is away, as a service would; the others wait for it.
                if bus.publish(&job).await.is_ok() {
                    confirmed.push(job.id.to_string());
                    published.fetch_add(1, Ordering::Relaxed);
                } else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            confirmed
        });
    }
    eventually("publishing is under way", || published.load(Ordering::Relaxed) >= PUBLISHED / 5).await;
    rabbit.process.kill().unwrap();
    assert!(published.load(Ordering::Relaxed) < PUBLISHED, "the broker was killed in the middle");
    let killed = Instant::now();
    rabbit.restart().await.unwrap();
    let confirmed: Vec<String> = publishing.join_all().await.into_iter().flatten().collect();
    eprintln!("{} of {PUBLISHED} confirmed; the broker was away for {:?}", confirmed.len(), killed.elapsed());
    assert!(confirmed.len() > PUBLISHED / 2, "publishing went on: {}", confirmed.len());
    counting(&bus, async |consumer| {
        eventually("all that was confirmed arrives", || confirmed.iter().all(|id| consumer.has(id))).await;
        eprintln!("{} arrived, {} of them twice", consumer.jobs(), consumer.duplicates());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn intents_wait_for_the_broker() {
    let folder = tempfile::tempdir().unwrap();
    let mut rabbit = RabbitMq::start(folder.path(), free_port().unwrap()).await.unwrap();
    let bus = bus(&rabbit);
    let store = Memory::default();
    let settings = OutboxSettings {
        sweep_every: Duration::from_secs(1),
        publish_after: Duration::from_secs(1),
        drop_after: Duration::from_secs(600),
    };
    // Two processes share the store.
    let (outbox, worker) = Outbox::new(Arc::clone(&bus), store.clone(), settings);
    let (_other, other_worker) = Outbox::new(Arc::clone(&bus), store.clone(), settings);
    let stop = Notify::new();
    let test = async {
        rabbit.process.terminate().await.unwrap();
        let started = Instant::now();
        for index in 0..INTENDED {
            let witness = Witness { class_name: "_User".to_owned(), condition: "yes".to_owned() };
            outbox.intend(job(&format!("{index}")), witness).await.unwrap().happened();
        }
        assert!(started.elapsed() < Duration::from_secs(5), "nobody waits for the broker: {:?}", started.elapsed());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(store.len(), INTENDED, "all of them are kept");
        rabbit.restart().await.unwrap();
        let back = Instant::now();
        counting(&bus, async |consumer| {
            eventually("all jobs arrive", || consumer.jobs() == INTENDED).await;
            eventually("the outbox is empty", || store.len() == 0).await;
            // What is still under way twice has time to arrive.
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(consumer.jobs(), INTENDED);
            eprintln!("{INTENDED} jobs within {:?}", back.elapsed());
            assert_eq!(consumer.duplicates(), 0, "one process publishes a job");
        })
        .await;
        stop.notify_waiters();
    };
    tokio::join!(worker.run(stop.notified()), other_worker.run(stop.notified()), test);
}
