//! Processes are asked to end, one after the other, under load: no request fails.

use std::time::Duration;

use anyhow::Result;
use parsefleet_testkit::servers::{Fleet, FleetPlan, Parsefleet, Settings, mongodb_uri, redis_url};

use crate::load::{Load, assert_nothing_lost, objects};

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_the_fleet_fails_no_request() -> Result<()> {
    let _machine = crate::MACHINE.lock().await;
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("faults_stop_{}", rand::random::<u32>()))?;
    let mut plan = FleetPlan::new(uri, Some(redis_url()?));
    plan.common = Settings::default().variable("PARSEFLEET_SHUTDOWN_DELAY", "1s");
    let mut fleet = Fleet::start(folder.path(), &plan).await?;
    let urls: Vec<String> = fleet.gateways.iter().map(|gateway| gateway.url.clone()).collect();
    let load = Load::start(&urls, "Stopped");
    load.go_on(Duration::from_secs(1)).await;
    for server in fleet.datas.iter_mut().chain(&mut fleet.gateways) {
        let status = server.process.terminate().await?;
        assert!(status.success(), "a process that was asked to end answered {status}");
        load.go_on(Duration::from_secs(1)).await;
        server.restart().await?;
        load.go_on(Duration::from_secs(1)).await;
    }
    let told = load.stop().await;
    assert_eq!(told.failures, [], "of {} requests", told.acknowledged.len());
    assert_nothing_lost(&told, &objects(&urls[0], "Stopped").await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_runs_alone_answers_what_it_has_accepted() -> Result<()> {
    let _machine = crate::MACHINE.lock().await;
    let folder = tempfile::tempdir()?;
    let settings = Settings::default().variable("PARSEFLEET_SHUTDOWN_DELAY", "1s");
    let mut stopped = Parsefleet::start(&folder.path().join("stopped"), settings.clone()).await?;
    let other = Parsefleet::start(&folder.path().join("other"), settings).await?;
    let load = Load::start(&[stopped.url.clone(), other.url.clone()], "Stopped");
    load.go_on(Duration::from_secs(1)).await;
    stopped.process.terminate().await?;
    load.go_on(Duration::from_secs(1)).await;
    let told = load.stop().await;
    assert_eq!(told.failures, [], "of {} requests", told.acknowledged.len());
    stopped.restart().await?;
    let mut stored = objects(&stopped.url, "Stopped").await?;
    stored.extend(objects(&other.url, "Stopped").await?);
    assert_nothing_lost(&told, &stored);
    Ok(())
}
