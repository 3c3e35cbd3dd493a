//! Mails survive what happens to those who send them: every recipient gets one.
//!
//! `PARSEFLEET_MAILS` says how many mails there are (2,000).

mod crashes;
mod refusals;
mod written;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use parsefleet_bus::{Bus, Job, JobId, Queue, RabbitBus, RetrySchedule};
use parsefleet_proto::v1::{MailJob, MailKind};
use parsefleet_testkit::servers::{MailServer, Parsefleet, Settings, amqp_url, free_port, redis_url};
use prost::Message as _;
use serde_json::json;

/// Pause between attempts here, so that nobody waits for hours.
const PAUSE: Duration = Duration::from_secs(1);
/// Attempts of a job here: more than any test takes.
const ATTEMPTS: u32 = 1000;

/// The schedule that processes are told by [`settings`].
fn schedule() -> RetrySchedule {
    RetrySchedule::new(vec![PAUSE], ATTEMPTS)
}

/// A process of this app that sends mails to this server.
fn settings(app: &str, server: &MailServer) -> Settings {
    let options = json!({ "host": "127.0.0.1", "port": server.smtp_port, "security": "none", "from": "App <noreply@example.com>" });
    Settings::default()
        .option("appId", app)
        .option("emailAdapter", json!({ "module": "smtp", "options": options }))
        .variable("PARSEFLEET_JOB_RETRY_DELAYS", format!("{}s", PAUSE.as_secs()))
        .variable("PARSEFLEET_JOB_ATTEMPTS", ATTEMPTS.to_string())
}

/// A process of the role `email` that sends mails to this server, and the bus that it takes them from.
fn email_role(app: &str, server: &MailServer) -> Result<(Settings, RabbitBus)> {
    let bus = RabbitBus::try_new(&amqp_url()?, &format!("parsefleet.{app}"), schedule())?;
    let mut settings = settings(app, server)
        .variable("PARSEFLEET_AMQP_URL", amqp_url()?)
        .variable("PARSEFLEET_REDIS_URL", redis_url()?)
        .variable("PARSEFLEET_SERVICE_CREDENTIAL", "the-credential-of-the-test-fleet")
        .variable("PARSEFLEET_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()?));
    settings.role = Some("email");
    Ok((settings, bus))
}

/// The name of an app whose queues nobody else has.
fn new_app() -> String {
    format!("mail-{:x}", rand::random::<u64>())
}

fn address(number: usize) -> String {
    format!("reader-{number}@example.com")
}

/// The mail for reader number so and so.
fn job(number: usize) -> Result<Job> {
    let mail = MailJob {
        kind: MailKind::EmailVerification.into(),
        recipient: address(number),
        link: format!("https://example.com/apps/app/verify_email?token=token-{number}"),
        app_name: "App".to_owned(),
        ..MailJob::default()
    };
    Ok(Job::with_id(JobId::try_new(format!("mail-{number}"))?, Queue::Mail, mail.encode_to_vec()))
}

async fn publish(bus: &dyn Bus, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        bus.publish(&job(number)?).await.context("publish a mail")?;
    }
    Ok(())
}

/// How many mails each reader got.
fn received(server: &MailServer) -> BTreeMap<String, usize> {
    let mut received = BTreeMap::new();
    for mail in server.mails() {
        for reader in mail.to {
            *received.entry(reader).or_default() += 1;
        }
    }
    received
}

/// Every reader of a range got a mail with the link that is for that reader, and whoever got more can tell that it is the same mail.
fn check(server: &MailServer, count: usize) -> Result<usize> {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in server.mails() {
        let message = mail.message()?;
        let reader = mail.to.first().context("a mail to nobody")?;
        let number = reader.trim_start_matches("reader-").trim_end_matches("@example.com");
        ensure!(message.link().ends_with(&format!("token=token-{number}")), "the link of another one");
        ids.entry(reader.clone()).or_default().push(message.header("Message-ID").context("no id")?.to_owned());
    }
    ensure!(ids.len() == count, "{} of {count} readers got a mail", ids.len());
    for ids in ids.values() {
        ensure!(ids.iter().all(|id| *id == ids[0]), "one mail under two ids");
    }
    Ok(ids.values().map(|ids| ids.len() - 1).sum())
}

/// Waits until so many readers have a mail.
async fn wait_for(server: &MailServer, count: usize) -> Result<()> {
    for _ in 0..1200 {
        if received(server).len() >= count {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{} of {count} readers got a mail", received(server).len())
}

/// Waits until nothing is left to be done.
async fn wait_until_idle(bus: &dyn Bus) -> Result<()> {
    for _ in 0..600 {
        let backlog = bus.backlog(Queue::Mail).await?;
        if backlog.waiting == 0 && backlog.delayed == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("jobs are left: {:?}", bus.backlog(Queue::Mail).await?)
}

/// No log of a process holds an address, a link or a token.
fn check_log(process: &Parsefleet) -> Result<()> {
    let log = process.process.log();
    for secret in ["reader-", "token=", "verify_email"] {
        ensure!(!log.contains(secret), "the log holds {secret}");
    }
    Ok(())
}
