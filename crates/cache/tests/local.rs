//! The promises of `Cache`, on the cache in the process.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use parsefleet_cache::{Cache, Limits, LocalCache, Topic};

fn cache(time_to_live: Duration) -> LocalCache {
    LocalCache::new(Limits { time_to_live, capacity: 100 })
}

#[tokio::test]
async fn an_answer_is_found_until_its_topic_changes() {
    let cache = cache(Duration::from_secs(60));
    let slot = cache.slot(Topic::Sessions, "token");
    cache.put(&slot, Bytes::from_static(b"alice")).await;
    assert_eq!(cache.get(&cache.slot(Topic::Sessions, "token")).await.as_deref(), Some(&b"alice"[..]));
    assert_eq!(cache.get(&cache.slot(Topic::Schema, "token")).await, None);

    cache.invalidate(Topic::Schema).await;
    assert!(cache.get(&cache.slot(Topic::Sessions, "token")).await.is_some(), "another topic changed");
    cache.invalidate(Topic::Sessions).await;
    assert_eq!(cache.get(&cache.slot(Topic::Sessions, "token")).await, None);
}

#[tokio::test]
async fn an_answer_worked_out_before_a_change_is_not_found_after_it() {
    let cache = cache(Duration::from_secs(60));
    let slot = cache.slot(Topic::Sessions, "token");
    cache.invalidate(Topic::Sessions).await;
    cache.put(&slot, Bytes::from_static(b"stale")).await;
    assert_eq!(cache.get(&cache.slot(Topic::Sessions, "token")).await, None);
}

#[tokio::test]
async fn an_answer_is_forgotten_after_its_time() {
    let cache = cache(Duration::from_millis(20));
    let slot = cache.slot(Topic::Sessions, "token");
    cache.put(&slot, Bytes::from_static(b"alice")).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(cache.get(&slot).await, None);
}

#[tokio::test]
async fn changes_are_told() {
    let cache = cache(Duration::from_secs(60));
    let mut changes = cache.changes(Topic::Schema);
    cache.invalidate(Topic::Sessions).await;
    assert!(!changes.has_changed().unwrap());
    cache.invalidate(Topic::Schema).await;
    tokio::time::timeout(Duration::from_secs(1), changes.changed()).await.unwrap().unwrap();
}
