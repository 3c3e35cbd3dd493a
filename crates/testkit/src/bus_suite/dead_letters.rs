//! What operators do with dead letters.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parsefleet_bus::{Bus, JobId, Queue, Selection};

use super::{bury, next, nothing, publish};

async fn ids(bus: &Arc<dyn Bus>, selection: &Selection) -> Vec<String> {
    let dead = bus.dead_letters(Queue::Mail, selection).await.unwrap();
    dead.iter().map(|dead| dead.job.id.to_string()).collect()
}

fn id(text: &str) -> JobId {
    JobId::try_new(text).unwrap()
}

pub async fn dead_letters_are_listed(bus: Arc<dyn Bus>) {
    assert!(ids(&bus, &Selection::all()).await.is_empty());
    bury(&bus, &["a", "b"]).await;
    let dead = bus.dead_letters(Queue::Mail, &Selection::all()).await.unwrap();
    assert_eq!(dead.len(), 2);
    assert_eq!((dead[0].job.id.as_str(), dead[0].reason.as_str()), ("a", "reason of a"));
    assert_eq!(&dead[0].job.body[..], b"body of a");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    assert!((now - 60_000..=now + 1_000).contains(&dead[0].died_at), "{} is not now", dead[0].died_at);
    assert_eq!(bus.backlog(Queue::Mail).await.unwrap().dead, 2);
}

pub async fn a_replayed_job_starts_anew(bus: Arc<dyn Bus>) {
    bury(&bus, &["a"]).await;
    assert_eq!(bus.replay(Queue::Mail, &Selection::all()).await.unwrap(), 1);
    assert!(ids(&bus, &Selection::all()).await.is_empty());
    let mut deliveries = bus.consume(Queue::Mail, 1);
    let delivery = next(&mut deliveries).await;
    assert_eq!((delivery.job.id.as_str(), delivery.job.attempts), ("a", 0));
    assert_eq!(&delivery.job.body[..], b"body of a");
    delivery.receipt.done().await.unwrap();
    nothing(&mut deliveries).await;
    assert_eq!(bus.replay(Queue::Mail, &Selection::all()).await.unwrap(), 0);
}

pub async fn dropped_ones_are_gone(bus: Arc<dyn Bus>) {
    bury(&bus, &["a", "b"]).await;
    assert_eq!(bus.drop_dead_letters(Queue::Mail, &Selection::all()).await.unwrap(), 2);
    assert!(ids(&bus, &Selection::all()).await.is_empty());
    // An id that is free again can be used again.
    publish(&bus, &["a"]).await;
    next(&mut bus.consume(Queue::Mail, 1)).await.receipt.done().await.unwrap();
}

pub async fn only_what_is_selected_is_meant(bus: Arc<dyn Bus>) {
    bury(&bus, &["a", "b", "c", "d"]).await;
    assert_eq!(ids(&bus, &Selection::all().ids([id("b"), id("d"), id("x")])).await, ["b", "d"]);
    assert_eq!(ids(&bus, &Selection::all().reason("of c")).await, ["c"]);
    assert_eq!(ids(&bus, &Selection::all().limit(2)).await, ["a", "b"]);
    assert!(ids(&bus, &Selection::all().older_than(Duration::from_secs(600))).await.is_empty());
    assert_eq!(bus.drop_dead_letters(Queue::Mail, &Selection::all().ids([id("b")])).await.unwrap(), 1);
    assert_eq!(bus.replay(Queue::Mail, &Selection::all().ids([id("c")])).await.unwrap(), 1);
    assert_eq!(ids(&bus, &Selection::all()).await, ["a", "d"]);
    let mut deliveries = bus.consume(Queue::Mail, 4);
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.job.id, id("c"));
    delivery.receipt.done().await.unwrap();
    nothing(&mut deliveries).await;
}

pub async fn listing_changes_nothing(bus: Arc<dyn Bus>) {
    bury(&bus, &["a", "b", "c"]).await;
    for _ in 0..60 {
        assert_eq!(ids(&bus, &Selection::all()).await, ["a", "b", "c"]);
    }
}
