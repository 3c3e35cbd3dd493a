//! A mail server that takes no mails: for a while, or for good.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use parsefleet_bus::{Bus as _, EmbeddedBus, Queue};
use parsefleet_testkit::servers::{MailServer, MailServerOptions, Parsefleet, Refusal, binary, free_port};

use super::{check, check_log, publish, received, schedule, settings, wait_for, wait_until_idle};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_sent_later_or_put_aside() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("parsefleet-data");
    let server = MailServer::start(MailServerOptions::default()).await?;
    let bus = EmbeddedBus::new(&data, schedule());
    let settings = settings("app", &server).variable("PARSEFLEET_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()?));
    let process = Parsefleet::start(folder.path(), settings).await?;

    for refusal in [Refusal::Temporary, Refusal::Connections] {
        let (before, refused) = (received(&server).len(), server.refused());
        server.refuse(refusal);
        publish(&bus, before..before + 20).await?;
        eventually(async || Ok(server.refused() >= refused + 40)).await.context("mails are tried again")?;
        ensure!(received(&server).len() == before, "a refused mail came");
        server.refuse(Refusal::None);
        wait_for(&server, before + 20).await?;
    }

    server.refuse(Refusal::Permanent);
    publish(&bus, 40..50).await?;
    eventually(async || Ok(bus.backlog(Queue::Mail).await?.dead == 10)).await.context("mails are put aside")?;
    let listed = jobs(&["list", "mail"], &data)?;
    ensure!(listed.contains("refused for good: SMTP 550") && !listed.contains('@'), "{listed}");
    server.refuse(Refusal::None);
    jobs(&["replay", "mail", "--all"], &data)?;
    wait_for(&server, 50).await?;
    wait_until_idle(&bus).await?;
    ensure!(check(&server, 50)? == 0, "a mail came twice");

    let metrics = process.admin("/metrics").await?;
    for sample in [
        r#"parsefleet_mails_total{class="none",outcome="sent",provider="smtp"} 50"#,
        r#"parsefleet_mails_total{class="rejected",outcome="refused",provider="smtp"} 10"#,
    ] {
        ensure!(metrics.contains(sample), "{sample} is not in\n{metrics}");
    }
    ensure!(metrics.contains(r#"outcome="retried""#) && !metrics.contains("reader-"), "{metrics}");
    check_log(&process)
}

/// Waits until it is so.
async fn eventually(is_so: impl AsyncFn() -> Result<bool>) -> Result<()> {
    for _ in 0..600 {
        if is_so().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("not so after a minute")
}

/// What `parsefleet jobs` prints.
fn jobs(arguments: &[&str], data: &std::path::Path) -> Result<String> {
    let mut command = Command::new(binary()?);
    command.arg("jobs").args(arguments).args(["--", "--appId", "app", "--masterKey", "m"]);
    let output = command.env("PARSEFLEET_DATA_DIR", data).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    Ok(printed)
}
