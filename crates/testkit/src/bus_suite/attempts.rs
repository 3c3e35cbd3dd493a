//! What becomes of jobs that fail.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parsefleet_bus::{Bus, Delivery, Queue, Retried, Selection};

use super::{WHILE, eventually, next, nothing, publish};

pub async fn a_failed_job_comes_again_later(bus: Arc<dyn Bus>) {
    publish(&bus, &["a"]).await;
    let mut deliveries = bus.consume(Queue::Mail, 1);
    let Delivery { job, receipt } = next(&mut deliveries).await;
    let body = job.body;
    let failed = Instant::now();
    let Retried::After(pause) = receipt.retry("not now").await.unwrap() else { panic!("it is tried again") };
    assert!((Duration::from_millis(50)..=Duration::from_millis(100)).contains(&pause), "{pause:?}");
    let Delivery { job, receipt } = next(&mut deliveries).await;
    // Times are kept in whole milliseconds.
    assert!(failed.elapsed() + Duration::from_millis(2) >= pause);
    assert_eq!((job.id.as_str(), job.attempts, &job.body), ("a", 1, &body));
    receipt.done().await.unwrap();
    nothing(&mut deliveries).await;
}

pub async fn the_last_failure_makes_a_dead_letter(bus: Arc<dyn Bus>) {
    publish(&bus, &["a"]).await;
    let mut deliveries = bus.consume(Queue::Mail, 1);
    for attempt in 0..3 {
        let Delivery { job, receipt } = next(&mut deliveries).await;
        assert_eq!(job.attempts, attempt);
        let retried = receipt.retry(&format!("failure {attempt}")).await.unwrap();
        assert_eq!(retried == Retried::Buried, attempt == 2, "{attempt}: {retried:?}");
    }
    nothing(&mut deliveries).await;
    let dead = bus.dead_letters(Queue::Mail, &Selection::all()).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].job.id.as_str(), dead[0].job.attempts, dead[0].reason.as_str()), ("a", 3, "failure 2"));
}

pub async fn a_buried_job_is_not_tried_again(bus: Arc<dyn Bus>) {
    publish(&bus, &["a"]).await;
    let mut deliveries = bus.consume(Queue::Mail, 1);
    next(&mut deliveries).await.receipt.bury("never\never").await.unwrap();
    nothing(&mut deliveries).await;
    let dead = bus.dead_letters(Queue::Mail, &Selection::all()).await.unwrap();
    assert_eq!((dead[0].job.attempts, dead[0].reason.as_str()), (1, "never ever"));
}

pub async fn what_ends_whoever_takes_it_is_a_dead_letter(bus: Arc<dyn Bus>) {
    publish(&bus, &["a"]).await;
    let mut deliveries = bus.consume(Queue::Mail, 1);
    let mut times = 0;
    eventually("a job that nobody answers is given up", async || {
        while let Ok(delivery) = tokio::time::timeout(WHILE, deliveries.next()).await {
            drop(delivery);
            times += 1;
        }
        !bus.dead_letters(Queue::Mail, &Selection::all()).await.unwrap().is_empty()
    })
    .await;
    // RabbitMQ counts how often it came back.
    assert!((50..=51).contains(&times), "it was delivered {times} times");
    let dead = bus.dead_letters(Queue::Mail, &Selection::all()).await.unwrap();
    assert_eq!((dead[0].job.id.as_str(), dead[0].reason.as_str()), ("a", "delivered too often without an answer"));
    assert!(dead[0].died_at > 0);
}
