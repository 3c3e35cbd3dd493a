//! A data service dies of `kill -9` under load.

use std::time::{Duration, Instant};

use anyhow::Result;
use parsefleet_testkit::servers::{Fleet, FleetPlan, Parsefleet, mongodb_uri, redis_url};

use crate::load::{Load, assert_nothing_lost, objects};

/// Time after which the loss of one process may not be noticed any more.
const ERRORS_STOP_WITHIN: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn the_other_data_service_carries_on_and_the_first_comes_back() -> Result<()> {
    let _machine = crate::MACHINE.lock().await;
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("faults_kill_{}", rand::random::<u32>()))?;
    let mut fleet = Fleet::start(folder.path(), &FleetPlan::new(uri, Some(redis_url()?))).await?;
    let url = fleet.gateways[0].url.clone();
    let load = Load::start(std::slice::from_ref(&url), "Killed");
    load.go_on(Duration::from_secs(2)).await;

    fleet.datas[0].process.kill()?;
    let killed = Instant::now();
    load.go_on(Duration::from_secs(4)).await;
    let before = load.count();
    load.go_on(Duration::from_secs(1)).await;
    assert!(load.count() > before, "the other process does not carry the load");

    fleet.datas[0].restart().await?;
    load.go_on(Duration::from_secs(6)).await;
    let calls = calls_of(&fleet.datas[0]).await?;
    let told = load.stop().await;

    assert!(calls > 0.0, "the process that came back takes no traffic");
    let late: Vec<_> = told.failures.iter().filter(|(when, _)| *when > killed + ERRORS_STOP_WITHIN).collect();
    assert!(
        late.is_empty(),
        "{} errors later than {ERRORS_STOP_WITHIN:?} after the kill: {:?}",
        late.len(),
        late.first()
    );
    assert_nothing_lost(&told, &objects(&url, "Killed").await?);
    eprintln!("{} acknowledged, {} errors within a second of the kill", told.acknowledged.len(), told.failures.len());
    Ok(())
}

/// Create calls that a service has answered, by its own count.
async fn calls_of(server: &Parsefleet) -> Result<f64> {
    let metrics = server.admin("/metrics").await?;
    let lines = metrics.lines().filter(|line| line.contains("Create") && line.contains("_count"));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}
