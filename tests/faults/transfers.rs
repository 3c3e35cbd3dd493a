//! Money is moved by transactions while servers die: none is made, none is lost, and what was acknowledged is there.

use std::time::Duration;

use anyhow::Result;
use parsefleet_testkit::servers::{Fleet, FleetPlan, MongoReplicaSet, Parsefleet, Settings};

use crate::bank::Bank;

/// Time after a fault within which transfers have to go on: an election, and the retries of those who waited for it. Seconds on a machine
/// with nothing else to do; the test is about money, not about time.
const RECOVERY: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn data_processes_and_primaries_die() -> Result<()> {
    let _machine = crate::MACHINE.lock().await;
    let folder = tempfile::tempdir()?;
    let mut mongodb = MongoReplicaSet::start(folder.path()).await?;
    let plan = FleetPlan::new(mongodb.uri("bank"), None);
    let mut fleet = Fleet::start(folder.path(), &plan).await?;
    let urls: Vec<String> = fleet.gateways.iter().map(|gateway| gateway.url.clone()).collect();
    let bank = Bank::open(&urls).await?;
    bank.go_on(50, RECOVERY).await?;
    let mut faults = [0, 1, 2, 0, 2, 1];
    // Any order of them has to do.
    faults.rotate_left(rand::random_range(0..6));
    for fault in faults {
        match fault {
            0 => {
                let data = rand::random_range(0..fleet.datas.len());
                fleet.datas[data].process.kill()?;
                bank.go_on(20, RECOVERY).await?;
                fleet.datas[data].restart().await?;
            }
            1 => mongodb.step_down().await?,
            _ => {
                let primary = mongodb.kill_primary().await?;
                bank.go_on(20, RECOVERY).await?;
                mongodb.restart(primary).await?;
            }
        }
        bank.go_on(30, RECOVERY).await?;
    }
    bank.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_with_the_embedded_store_dies() -> Result<()> {
    let _machine = crate::MACHINE.lock().await;
    let folder = tempfile::tempdir()?;
    let mut server = Parsefleet::start(folder.path(), Settings::default()).await?;
    let bank = Bank::open(std::slice::from_ref(&server.url)).await?;
    for _ in 0..5 {
        bank.go_on(100, RECOVERY).await?;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..300))).await;
        server.process.kill()?;
        server.restart().await?;
    }
    bank.go_on(50, RECOVERY).await?;
    bank.close().await
}
