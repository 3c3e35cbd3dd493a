//! Limits that several gateways share by way of Redis.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use parsefleet_testkit::servers::{APP_ID, Fleet, FleetPlan, RedisServer, Settings, ask, free_port, mongodb_uri};
use serde_json::json;

/// How many of so many simultaneous requests, spread over the gateways, were let in.
async fn let_in(fleet: &Fleet, requests: usize, path: &str) -> Result<usize> {
    let http = reqwest::Client::new();
    let asked = (0..requests).map(|number| {
        let gateway = &fleet.gateways[number % fleet.gateways.len()];
        ask(http.get(format!("{}{path}", gateway.url)).header("X-Parse-Application-Id", APP_ID))
    });
    let statuses: Vec<u16> = try_join_all(asked).await?.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    Ok(statuses.iter().filter(|status| **status == 200).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_count_together() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut redis = RedisServer::start(folder.path(), free_port()?).await?;
    let limit = |path: &str, window: u64| json!({ "requestPath": path, "requestCount": 10, "requestTimeWindow": window, "includeInternalRequests": true });
    let mut plan = FleetPlan::new(mongodb_uri(&format!("limits_{}", rand::random::<u32>()))?, Some(redis.url()));
    (plan.gateways, plan.datas) = (2, 1);
    let crowded: Vec<String> = (0..50).map(|number| format!("/classes/Crowd{number}")).collect();
    let mut limits = vec![
        limit("/classes/Long", 600_000),
        limit("/classes/Short", 6_000),
        limit("/classes/Away", 600_000),
        limit("/classes/New", 600_000),
    ];
    limits.extend(crowded.iter().map(|path| limit(path, 600_000)));
    limits.extend(crowded.iter().map(|path| limit(&format!("{path}Again"), 600_000)));
    plan.common = Settings::default().option("rateLimit", json!(limits));
    let fleet = Fleet::start(folder.path(), &plan).await?;

    for path in &crowded {
        let mut together = let_in(&fleet, 40, path).await?;
        if together != 10 {
            // A gateway that waited too long for Redis has counted by itself for a moment.
            tokio::time::sleep(Duration::from_secs(2)).await;
            together = let_in(&fleet, 40, &format!("{path}Again")).await?;
        }
        assert_eq!(together, 10, "each request counts once, wherever it arrives: {path}");
    }
    assert_eq!(let_in(&fleet, 40, "/classes/Long").await?, 10);
    assert_eq!(let_in(&fleet, 40, "/classes/Long").await?, 0);
    assert_eq!(let_in(&fleet, 40, "/classes/Short").await?, 10);
    tokio::time::sleep(Duration::from_millis(6_200)).await;
    assert_eq!(let_in(&fleet, 40, "/classes/Short").await?, 10, "another window");

    // Without Redis each gateway counts for itself, and remembers what it counted before.
    redis.process.kill()?;
    assert_eq!(let_in(&fleet, 40, "/classes/Away").await?, 20);
    assert_eq!(let_in(&fleet, 40, "/classes/Away").await?, 0);
    assert_eq!(let_in(&fleet, 10, "/classes/Long").await?, 0, "the absence of Redis is no amnesty");
    let redis = RedisServer::start(folder.path(), redis.port).await?;
    // A gateway finds out by asking.
    for _ in 0..5 {
        let_in(&fleet, 2, "/classes/Away").await?;
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    assert_eq!(let_in(&fleet, 40, "/classes/New").await?, 10, "together again");
    assert_eq!(let_in(&fleet, 40, "/classes/Long").await?, 0, "nor is it one that Redis has forgotten all");
    drop(redis);
    Ok(())
}
