//! Publishing and taking.

use std::sync::Arc;

use parsefleet_bus::{Bus, BusError, Delivery, Job, MAX_BODY, Queue};

use super::{WHILE, eventually, job, next, nothing, publish};

pub async fn a_job_comes_as_it_was_published(bus: Arc<dyn Bus>) {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut job = Job { body: bytes.into(), ..job("a:1") };
    job.headers.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    job.headers.insert("note", "äöü");
    bus.publish(&job).await.unwrap();
    let Delivery { job: taken, receipt } = next(&mut bus.consume(Queue::Mail, 1)).await;
    assert_eq!((&taken.id, taken.queue, &taken.body, taken.attempts), (&job.id, Queue::Mail, &job.body, 0));
    assert_eq!(taken.headers.get("traceparent"), job.headers.get("traceparent"));
    assert_eq!(taken.headers.get("note"), Some("äöü"));
    receipt.done().await.unwrap();
}

pub async fn what_is_done_is_gone(bus: Arc<dyn Bus>) {
    publish(&bus, &["a"]).await;
    let mut deliveries = bus.consume(Queue::Mail, 4);
    next(&mut deliveries).await.receipt.done().await.unwrap();
    nothing(&mut deliveries).await;
    drop(deliveries);
    nothing(&mut bus.consume(Queue::Mail, 4)).await;
    assert_eq!(bus.backlog(Queue::Mail).await.unwrap(), parsefleet_bus::Backlog::default());
}

pub async fn jobs_come_in_order(bus: Arc<dyn Bus>) {
    let ids: Vec<String> = (0..20).map(|index| format!("{index:02}")).collect();
    publish(&bus, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut deliveries = bus.consume(Queue::Mail, 3);
    for id in ids {
        let delivery = next(&mut deliveries).await;
        assert_eq!(delivery.job.id.as_str(), id);
        delivery.receipt.done().await.unwrap();
    }
}

pub async fn no_more_than_the_prefetch_is_out(bus: Arc<dyn Bus>) {
    publish(&bus, &["a", "b", "c"]).await;
    let mut deliveries = bus.consume(Queue::Mail, 2);
    let first = next(&mut deliveries).await;
    let second = next(&mut deliveries).await;
    nothing(&mut deliveries).await;
    first.receipt.done().await.unwrap();
    let third = next(&mut deliveries).await;
    assert_eq!(third.job.id.as_str(), "c");
    second.receipt.done().await.unwrap();
    third.receipt.done().await.unwrap();
}

pub async fn consumers_share_a_queue(bus: Arc<dyn Bus>) {
    publish(&bus, &["a", "b"]).await;
    let (mut one, mut other) = (bus.consume(Queue::Mail, 1), bus.consume(Queue::Mail, 1));
    let (first, second) = (next(&mut one).await, next(&mut other).await);
    assert_ne!(first.job.id, second.job.id);
    first.receipt.done().await.unwrap();
    second.receipt.done().await.unwrap();
    nothing(&mut one).await;
    nothing(&mut other).await;
}

pub async fn waiting_may_be_given_up(bus: Arc<dyn Bus>) {
    let mut deliveries = bus.consume(Queue::Mail, 1);
    for index in 0..30 {
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(index), deliveries.next()).await;
        assert!(given_up.is_err());
    }
    publish(&bus, &["a"]).await;
    for _ in 0..1_000 {
        let given_up = tokio::time::timeout(std::time::Duration::from_micros(50), deliveries.next()).await;
        if let Ok(delivery) = given_up {
            return delivery.receipt.done().await.unwrap();
        }
    }
    next(&mut deliveries).await.receipt.done().await.unwrap();
}

pub async fn what_is_not_answered_comes_again(bus: Arc<dyn Bus>) {
    publish(&bus, &["a"]).await;
    let mut deliveries = bus.consume(Queue::Mail, 1);
    drop(next(&mut deliveries).await);
    let again = next(&mut deliveries).await;
    assert_eq!((again.job.id.as_str(), again.job.attempts), ("a", 0));
    again.receipt.done().await.unwrap();
    nothing(&mut deliveries).await;
}

pub async fn a_consumer_that_goes_leaves_its_jobs(bus: Arc<dyn Bus>) {
    publish(&bus, &["a", "b", "c"]).await;
    let mut deliveries = bus.consume(Queue::Mail, 3);
    let taken = next(&mut deliveries).await;
    tokio::time::sleep(WHILE).await;
    drop(deliveries);
    let mut others = bus.consume(Queue::Mail, 3);
    let mut ids = vec![next(&mut others).await, next(&mut others).await];
    assert!(ids.iter().all(|delivery| delivery.job.id != taken.job.id));
    // What was taken can still be answered.
    taken.receipt.done().await.unwrap();
    for delivery in ids.drain(..) {
        delivery.receipt.done().await.unwrap();
    }
    nothing(&mut others).await;
}

pub async fn too_large_a_job_is_refused(bus: Arc<dyn Bus>) {
    let fits = Job { body: vec![7; MAX_BODY].into(), ..job("fits") };
    bus.publish(&fits).await.unwrap();
    let large = Job { body: vec![7; MAX_BODY + 1].into(), ..job("large") };
    assert!(matches!(bus.publish(&large).await, Err(BusError::TooLarge(_))));
    let mut deliveries = bus.consume(Queue::Mail, 2);
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.job.body.len(), MAX_BODY);
    delivery.receipt.done().await.unwrap();
    nothing(&mut deliveries).await;
}

pub async fn it_is_ready(bus: Arc<dyn Bus>) {
    eventually("the bus is ready", async || bus.ready().await.is_ok()).await;
}
