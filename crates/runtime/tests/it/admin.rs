//! The admin port and the health service tell the truth.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parsefleet_runtime::{Readiness, health::CheckReport};

#[tokio::test]
async fn readiness_is_what_all_checks_say() {
    let readiness = Readiness::default();
    assert!(readiness.check().await.is_empty());
    let works = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&works);
    readiness.register("store", move || {
        let works = seen.load(Ordering::SeqCst);
        async move { if works { Ok(()) } else { Err("no primary".to_owned()) } }
    });
    readiness.register("cache", || async { Ok(()) });
    let cache = CheckReport { name: "cache", result: Ok(()) };
    let broken = CheckReport { name: "store", result: Err("no primary".to_owned()) };
    assert_eq!(readiness.check().await, [broken, cache.clone()]);
    works.store(true, Ordering::SeqCst);
    assert_eq!(readiness.check().await, [CheckReport { name: "store", result: Ok(()) }, cache]);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_has_failed() {
    let readiness = Readiness::default();
    readiness.register("store", std::future::pending);
    let report = tokio::time::timeout(Duration::from_secs(5), readiness.check()).await.unwrap();
    assert!(report[0].result.is_err());
}
