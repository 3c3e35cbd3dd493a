//! One job, one mail; and what cannot be a mail is none.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use parsefleet_bus::{Bus, EmbeddedBus, Handler as _, Job, JobId, Queue, RetrySchedule, Selection, Verdict};
use parsefleet_email::EmailService;
use parsefleet_proto::v1::{MailJob, MailKind};
use parsefleet_runtime::Shutdown;
use parsefleet_testkit::servers::{MailServer, MailServerOptions, Refusal};
use prost::Message as _;
use serde_json::{Value, json};

use super::{RECIPIENT, buried, config, job};

fn options(server: &MailServer) -> Value {
    json!({ "host": "127.0.0.1", "port": server.smtp_port, "security": "none", "from": "noreply@example.com" })
}

#[tokio::test]
async fn a_job_that_comes_again_sends_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let config = config("smtp", options(&server), folder.path())?;
    let service = EmailService::try_new(&config)?;
    assert_eq!(service.handle(&job("a", RECIPIENT)?).await, Verdict::Done);
    assert_eq!(service.handle(&job("a", RECIPIENT)?).await, Verdict::Done);
    drop(service);
    // Another process, after a crash.
    let service = EmailService::try_new(&config)?;
    assert_eq!(service.handle(&job("a", RECIPIENT)?).await, Verdict::Done);
    assert_eq!(service.handle(&job("b", RECIPIENT)?).await, Verdict::Done);
    assert_eq!(server.mails().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_job_that_comes_twice_at_once_is_done_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    server.delay(Duration::from_millis(300));
    let service = EmailService::try_new(&config("smtp", options(&server), folder.path())?)?;
    let job = job("a", RECIPIENT)?;
    let (first, second) = tokio::join!(service.handle(&job), service.handle(&job));
    assert_eq!(first, Verdict::Done);
    assert_eq!(second, Verdict::Retry("somebody else is sending it".to_owned()));
    assert_eq!(service.handle(&job).await, Verdict::Done);
    assert_eq!(server.mails().len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_no_mail_is_refused_for_good() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let service = EmailService::try_new(&config("smtp", options(&server), folder.path())?)?;
    for recipient in ["", "somebody", "a@b.c, d@e.f", "a@b.c\r\nBcc: d@e.f", "a@b.c>\r\nRCPT TO:<d@e.f"] {
        let verdict = service.handle(&job("a", recipient)?).await;
        assert_eq!(buried(&verdict)?, "not a mail that can be sent: the recipient is no address", "{recipient:?}");
    }
    let unknown = MailJob { kind: 99, recipient: RECIPIENT.to_owned(), ..MailJob::default() };
    let unknown = Job::with_id(JobId::try_new("b")?, Queue::Mail, unknown.encode_to_vec());
    assert_eq!(buried(&service.handle(&unknown).await)?, "not a mail that can be sent: no such kind of mail");
    let garbage = Job::with_id(JobId::try_new("c")?, Queue::Mail, "no protocol buffer");
    assert_eq!(buried(&service.handle(&garbage).await)?, "not a mail that can be sent: the job cannot be read");
    assert!(server.mails().is_empty());
    Ok(())
}

#[tokio::test]
async fn headers_cannot_be_injected() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let service = EmailService::try_new(&config("smtp", options(&server), folder.path())?)?;
    let letter = MailJob {
        kind: MailKind::PasswordReset.into(),
        recipient: RECIPIENT.to_owned(),
        link: "https://example.com/\r\n.\r\nRSET\r\nMAIL FROM:<evil@example.com>\r\n".to_owned(),
        app_name: "App\r\nBcc: everybody@example.com\r\n\r\nbody".to_owned(),
        locale: "de\r\nX: y".to_owned(),
        user: json!({ "username": "x\r\n.\r\nDATA\r\n" }).to_string().into(),
        ..MailJob::default()
    };
    let job = Job::with_id(JobId::try_new("a")?, Queue::Mail, letter.encode_to_vec());
    assert_eq!(service.handle(&job).await, Verdict::Done);
    let [mail] = &server.mails()[..] else { panic!("{:?}", server.mails()) };
    assert_eq!(mail.to, [RECIPIENT]);
    let message = mail.message()?;
    assert_eq!(message.header("Bcc"), None);
    assert_eq!(message.header("Subject"), Some("Password Reset for App Bcc: everybody@example.com body"));
    assert!(message.text.contains("\n.\nRSET\nMAIL FROM:<evil@example.com>"), "{}", message.text);
    Ok(())
}

#[tokio::test]
async fn the_bus_tries_again_and_keeps_what_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let schedule = RetrySchedule::new(vec![Duration::from_millis(200)], 100);
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(folder.path(), schedule));
    let service = EmailService::try_new(&config("smtp", options(&server), folder.path())?)?;
    let shutdown = Shutdown::new(Duration::ZERO, Duration::from_secs(5));
    let running = shutdown.spawn(service.run(Arc::clone(&bus), shutdown.clone()));

    server.refuse(Refusal::Temporary);
    for index in 0..5 {
        bus.publish(&job(&format!("later-{index}"), RECIPIENT)?).await?;
    }
    until(|| server.refused() >= 10).await;
    assert!(server.mails().is_empty());
    server.refuse(Refusal::None);
    until(|| server.mails().len() == 5).await;

    server.refuse(Refusal::Permanent);
    bus.publish(&job("never", RECIPIENT)?).await?;
    let dead = loop {
        let dead = bus.dead_letters(Queue::Mail, &Selection::all()).await?;
        if !dead.is_empty() {
            break dead;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].reason, "refused for good: SMTP 550");
    server.refuse(Refusal::None);
    assert_eq!(bus.replay(Queue::Mail, &Selection::all()).await?, 1);
    until(|| server.mails().len() == 6).await;
    shutdown.trigger();
    running.await?;
    Ok(())
}

async fn until(mut happened: impl FnMut() -> bool) {
    for _ in 0..500 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not happen within ten seconds");
}
