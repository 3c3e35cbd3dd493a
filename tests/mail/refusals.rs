//! A mail server that takes no mails: for a while, or for good.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use parsefleet_bus::{Bus, EmbeddedBus, Queue};
use parsefleet_testkit::servers::{
    MailServer, MailServerOptions, Parsefleet, Refusal, Settings, amqp_url, binary, free_port,
};

use super::{check, check_log, email_role, new_app, publish, received, schedule, settings, wait_for, wait_until_idle};

/// What an operator tells `parsefleet jobs`: the app, and where its jobs are.
struct Operator {
    app: String,
    place: (&'static str, String),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_alone_sends_later_or_puts_aside() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("parsefleet-data");
    let server = MailServer::start(MailServerOptions::default()).await?;
    let settings = settings("app", &server).variable("PARSEFLEET_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()?));
    let place = ("PARSEFLEET_DATA_DIR", data.display().to_string());
    let operator = Operator { app: "app".to_owned(), place };
    refuse_and_take(folder.path(), settings, &server, &EmbeddedBus::new(&data, schedule()), &operator).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_email_role_sends_later_or_puts_aside() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let operator = Operator { app: new_app(), place: ("PARSEFLEET_AMQP_URL", amqp_url()?) };
    let (settings, bus) = email_role(&operator.app, &server)?;
    refuse_and_take(folder.path(), settings, &server, &bus, &operator).await
}

/// The server refuses mails for a while, and some for good.
async fn refuse_and_take(
    folder: &Path,
    settings: Settings,
    server: &MailServer,
    bus: &dyn Bus,
    operator: &Operator,
) -> Result<()> {
    let process = Parsefleet::start(folder, settings).await?;
    for refusal in [Refusal::Temporary, Refusal::Connections] {
        let (before, refused) = (received(server).len(), server.refused());
        server.refuse(refusal);
        publish(bus, before..before + 20).await?;
        eventually(async || Ok(server.refused() >= refused + 40)).await.context("mails are tried again")?;
        ensure!(received(server).len() == before, "a refused mail came");
        server.refuse(Refusal::None);
        wait_for(server, before + 20).await?;
    }

    server.refuse(Refusal::Permanent);
    publish(bus, 40..50).await?;
    eventually(async || Ok(bus.backlog(Queue::Mail).await?.dead == 10)).await.context("mails are put aside")?;
    let listed = operator.jobs(&["list", "mail"])?;
    ensure!(listed.contains("refused for good: SMTP 550") && !listed.contains('@'), "{listed}");
    server.refuse(Refusal::None);
    operator.jobs(&["replay", "mail", "--all"])?;
    wait_for(server, 50).await?;
    wait_until_idle(bus).await?;
    ensure!(check(server, 50)? == 0, "a mail came twice");

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

impl Operator {
    /// What `parsefleet jobs` prints.
    fn jobs(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(binary()?);
        command.arg("jobs").args(arguments).args(["--", "--appId", &self.app, "--masterKey", "m"]);
        let output = command.env(self.place.0, &self.place.1).output()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        Ok(printed)
    }
}
