//! The promises of `Cache`, on the cache in the process.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use parsefleet_cache::{Cache, Limits, LocalCache, Slot, Topic};
use parsefleet_core::ParseError;

fn cache(time_to_live: Duration) -> LocalCache {
    LocalCache::new(Limits { time_to_live, capacity: 100 })
}

/// The answer in the slot: `fresh` if nothing was there.
async fn ask(cache: &LocalCache, slot: &Slot, fresh: &'static str) -> Bytes {
    cache.get_or_load(slot, Box::pin(async move { Ok(Bytes::from(fresh)) })).await.unwrap()
}

#[tokio::test]
async fn an_answer_is_found_until_its_topic_changes() {
    let cache = cache(Duration::from_secs(60));
    let slot = |topic| cache.slot(topic, "token");
    assert_eq!(ask(&cache, &slot(Topic::Sessions), "first").await, "first");
    assert_eq!(ask(&cache, &slot(Topic::Sessions), "second").await, "first");
    assert_eq!(ask(&cache, &slot(Topic::Schema), "other topic").await, "other topic");

    cache.invalidate(Topic::Schema).await;
    assert_eq!(ask(&cache, &slot(Topic::Sessions), "third").await, "first", "another topic changed");
    cache.invalidate(Topic::Sessions).await;
    assert_eq!(ask(&cache, &slot(Topic::Sessions), "fourth").await, "fourth");
}

#[tokio::test]
async fn an_answer_worked_out_before_a_change_is_not_found_after_it() {
    let cache = cache(Duration::from_secs(60));
    let slot = cache.slot(Topic::Sessions, "token");
    cache.invalidate(Topic::Sessions).await;
    ask(&cache, &slot, "stale").await;
    assert_eq!(ask(&cache, &cache.slot(Topic::Sessions, "token"), "fresh").await, "fresh");
}

#[tokio::test]
async fn news_about_a_key_leave_the_others_alone() {
    let cache = cache(Duration::from_secs(60));
    let slot = |key: &str| cache.slot(Topic::Sessions, key);
    let before = slot("one");
    for key in ["one", "two"] {
        ask(&cache, &slot(key), "first").await;
    }
    let seen = cache.changes_seen(Topic::Sessions);
    cache.evict(Topic::Sessions, &["one"]).await;
    assert_ne!(cache.changes_seen(Topic::Sessions), seen);
    assert_eq!(ask(&cache, &slot("two"), "second").await, "first");
    ask(&cache, &before, "stale").await;
    assert_eq!(ask(&cache, &slot("one"), "second").await, "second");
    assert_eq!(cache.changes_seen(Topic::Users), 0);

    cache.invalidate(Topic::Sessions).await;
    assert_eq!(ask(&cache, &slot("one"), "third").await, "third");
    assert_eq!(ask(&cache, &slot("two"), "third").await, "third");
}

#[tokio::test]
async fn a_topic_without_parts_changes_as_a_whole() {
    let cache = cache(Duration::from_secs(60));
    for user in ["one", "two"] {
        ask(&cache, &cache.slot(Topic::Roles, "").variant(user), "first").await;
    }
    assert_eq!(ask(&cache, &cache.slot(Topic::Roles, "").variant("two"), "second").await, "first");
    cache.evict(Topic::Roles, &["one"]).await;
    assert_eq!(ask(&cache, &cache.slot(Topic::Roles, "").variant("two"), "third").await, "third");
}

#[tokio::test]
async fn an_answer_is_forgotten_after_its_time() {
    let cache = cache(Duration::from_millis(20));
    let slot = cache.slot(Topic::Sessions, "token");
    ask(&cache, &slot, "old").await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(ask(&cache, &slot, "new").await, "new");
}

#[tokio::test]
async fn many_who_ask_at_once_load_once_and_failures_are_not_kept() {
    let cache = cache(Duration::from_secs(60));
    let slot = cache.slot(Topic::Sessions, "token");
    let failed = cache.get_or_load(&slot, Box::pin(async { Err(ParseError::object_not_found()) })).await;
    assert_eq!(failed, Err(ParseError::object_not_found()));

    let loads = AtomicUsize::new(0);
    let askers = (0..50).map(|_| async {
        let load = async {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(Bytes::from_static(b"alice"))
        };
        cache.get_or_load(&slot, Box::pin(load)).await.unwrap()
    });
    let answers = futures_util::future::join_all(askers).await;
    assert!(answers.iter().all(|answer| answer == "alice"));
    assert_eq!(loads.into_inner(), 1);
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
