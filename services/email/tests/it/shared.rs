//! Several processes and one Redis: a mail is sent by one of them.

use std::time::{Duration, Instant};

use anyhow::Result;
use parsefleet_bus::{Handler as _, Verdict};
use parsefleet_email::EmailService;
use parsefleet_testkit::servers::{MailServer, MailServerOptions, RedisServer, free_port};
use serde_json::json;

use super::{RECIPIENT, config, job};

struct Fixture {
    server: MailServer,
    redis: RedisServer,
    folder: tempfile::TempDir,
}

impl Fixture {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let redis = RedisServer::start(folder.path(), free_port()?).await?;
        Ok(Self { server: MailServer::start(MailServerOptions::default()).await?, redis, folder })
    }

    /// What another process would have.
    fn service(&self) -> Result<EmailService> {
        let options =
            json!({ "host": "127.0.0.1", "port": self.server.smtp_port, "security": "none", "from": "a@b.c" });
        let mut config = config("smtp", options, self.folder.path())?;
        config.fleet.redis_url = Some(self.redis.url().into());
        Ok(EmailService::try_new(&config)?)
    }
}

fn elsewhere() -> Verdict {
    Verdict::Retry("somebody else is sending it".to_owned())
}

#[tokio::test]
async fn what_one_process_sent_no_other_sends() -> Result<()> {
    let fixture = Fixture::start().await?;
    fixture.server.delay(Duration::from_secs(3));
    let (one, other) = (fixture.service()?, fixture.service()?);
    let job = job("a", RECIPIENT)?;
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.handle(&job).await
    };
    assert_eq!(tokio::join!(one.handle(&job), later), (Verdict::Done, elsewhere()));
    assert_eq!(other.handle(&job).await, Verdict::Done);
    assert_eq!(fixture.service()?.handle(&job).await, Verdict::Done);
    assert_eq!(fixture.server.mails().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_job_of_a_process_that_died_is_free_soon() -> Result<()> {
    let fixture = Fixture::start().await?;
    fixture.server.delay(Duration::from_secs(3));
    let job = job("a", RECIPIENT)?;
    let dying = fixture.service()?;
    assert!(tokio::time::timeout(Duration::from_secs(1), dying.handle(&job)).await.is_err());
    drop(dying);
    let other = fixture.service()?;
    assert_eq!(other.handle(&job).await, elsewhere());
    let died = Instant::now();
    while other.handle(&job).await == elsewhere() {
        assert!(died.elapsed() < Duration::from_secs(10), "the claim of the dead does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fixture.server.mails().len(), 1);
    Ok(())
}

#[tokio::test]
async fn who_takes_long_keeps_the_claim() -> Result<()> {
    let fixture = Fixture::start().await?;
    fixture.server.delay(Duration::from_millis(6500));
    let (one, other) = (fixture.service()?, fixture.service()?);
    let job = job("a", RECIPIENT)?;
    let later = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        other.handle(&job).await
    };
    assert_eq!(tokio::join!(one.handle(&job), later), (Verdict::Done, elsewhere()));
    assert_eq!(fixture.server.mails().len(), 1);
    Ok(())
}

#[tokio::test]
async fn without_redis_mails_are_sent_all_the_same() -> Result<()> {
    let mut fixture = Fixture::start().await?;
    let service = fixture.service()?;
    assert_eq!(service.handle(&job("a", RECIPIENT)?).await, Verdict::Done);
    fixture.redis.process.kill()?;
    assert_eq!(service.handle(&job("b", RECIPIENT)?).await, Verdict::Done);
    assert_eq!(fixture.server.mails().len(), 2);
    Ok(())
}
