//! A server with the embedded store dies of `kill -9` under load.

use std::time::Duration;

use anyhow::Result;
use parsefleet_testkit::servers::{Parsefleet, Settings};

use crate::load::{Load, assert_nothing_lost, objects};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_every_crash() -> Result<()> {
    let _machine = crate::MACHINE.lock().await;
    let folder = tempfile::tempdir()?;
    let mut server = Parsefleet::start(folder.path(), Settings::default()).await?;
    for crash in 0..3 {
        let load = Load::start(std::slice::from_ref(&server.url), "Crashed");
        load.go_on(Duration::from_millis(700 + 300 * crash)).await;
        while load.count() < 150 {
            load.go_on(Duration::from_millis(100)).await;
        }
        server.process.kill()?;
        let told = load.stop().await;
        server.restart().await?;
        assert_nothing_lost(&told, &objects(&server.url, "Crashed").await?);
    }
    Ok(())
}
