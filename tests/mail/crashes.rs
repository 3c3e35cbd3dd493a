//! `kill -9` at random while mails are being sent.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use parsefleet_bus::{Bus, EmbeddedBus};
use parsefleet_testkit::servers::{MailServer, MailServerOptions, Parsefleet, Settings};

use super::{check, check_log, email_role, new_app, publish, received, schedule, settings, wait_until_idle};

/// How long the server thinks about a mail: so that there is something to be killed.
const THINKING: Duration = Duration::from_millis(20);

/// How many mails there are.
fn count() -> Result<usize> {
    match std::env::var("PARSEFLEET_MAILS") {
        Ok(text) => text.parse().context("PARSEFLEET_MAILS is no number"),
        Err(_) => Ok(2000),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_email_role_is_killed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let (settings, bus) = email_role(&new_app(), &server)?;
    kill_at_random(folder.path(), settings, &server, &bus).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_alone_is_killed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let bus = EmbeddedBus::new(&folder.path().join("parsefleet-data"), schedule());
    let settings = settings("app", &server);
    kill_at_random(folder.path(), settings, &server, &bus).await
}

async fn kill_at_random(
    folder: &std::path::Path,
    settings: Settings,
    server: &MailServer,
    bus: &dyn Bus,
) -> Result<()> {
    let count = count()?;
    server.delay(THINKING);
    publish(bus, 0..count).await?;
    let mut process = Parsefleet::start(folder, settings).await?;
    let mut kills = 0;
    while received(server).len() < count {
        tokio::time::sleep(Duration::from_millis(rand::random_range(100..1000))).await;
        process.process.kill()?;
        kills += 1;
        process.restart().await?;
        ensure!(kills < count, "mails do not come any more");
    }
    wait_until_idle(bus).await?;
    let duplicates = check(server, count)?;
    eprintln!("{count} mails, {kills} kills, {duplicates} sent twice");
    // Those whose process died between the server's yes and the note of it: that is far shorter than all the rest.
    ensure!(duplicates <= kills, "{duplicates} mails came twice with {kills} kills");
    check_log(&process)
}
