//! A fleet that sends mails, with a RabbitMQ and a mail server of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MailServer, MailServerOptions, Parsefleet, RabbitMq, Settings, ask, free_port,
    mongodb_uri, redis_url,
};
use serde_json::json;
use tokio::task::JoinSet;

/// Users who sign up at the same time.
const AT_ONCE: usize = 8;

/// The fleet and what it depends on.
pub(crate) struct Town {
    fleet: Fleet,
    emails: Vec<Parsefleet>,
    pub(crate) broker: RabbitMq,
    pub(crate) mail_server: MailServer,
}

/// What users were told.
pub(crate) struct SignUps {
    /// Addresses of those whose sign-up was answered.
    pub(crate) acknowledged: BTreeSet<String>,
    /// What the others were told.
    pub(crate) failures: Vec<String>,
    /// The longest time an answer took.
    pub(crate) slowest: Duration,
}

impl Town {
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let broker = RabbitMq::start(folder, free_port()?).await?;
        let mail_server = MailServer::start(MailServerOptions::default()).await?;
        let port = mail_server.smtp_port;
        let smtp =
            json!({ "host": "127.0.0.1", "port": port, "security": "none", "from": "App <noreply@example.com>" });
        let common = Settings::default()
            .option("appName", "App")
            .option("publicServerURL", "http://localhost:1337/parse")
            .option("verifyUserEmails", true)
            .option("emailAdapter", json!({ "module": "smtp", "options": smtp }))
            .variable("PARSEFLEET_AMQP_URL", broker.url())
            // What a dead process had begun is tried again often enough to be seen within the test.
            .variable("PARSEFLEET_JOB_RETRY_DELAYS", "2s")
            .variable("PARSEFLEET_JOB_ATTEMPTS", "50");
        let uri = mongodb_uri(&format!("sign_ups_{}", rand::random::<u32>()))?;
        let redis = redis_url()?;
        let mut plan = FleetPlan { gateways: 1, auths: 2, datas: 1, ..FleetPlan::new(uri, Some(redis.clone())) };
        plan.common = common.clone();
        let fleet = Fleet::start(folder, &plan).await?;
        let mut emails = Vec::new();
        for _ in 0..2 {
            let admin = format!("127.0.0.1:{}", free_port()?);
            let mut settings = common.clone().variable("PARSEFLEET_ADMIN_LISTEN", admin);
            settings = settings.variable("PARSEFLEET_REDIS_URL", redis.clone());
            settings = settings.variable("PARSEFLEET_SERVICE_CREDENTIAL", "the-credential-of-the-test-fleet");
            settings.role = Some("email");
            emails.push(Parsefleet::start(folder, settings).await?);
        }
        Ok(Self { fleet, emails, broker, mail_server })
    }

    pub(crate) fn url(&self) -> String {
        self.fleet.gateways[0].url.clone()
    }

    /// Kills one process after the other, auth and email in turn, and starts it again.
    pub(crate) async fn kill_and_restart(&mut self, turn: usize) -> Result<()> {
        let services = if turn.is_multiple_of(2) { &mut self.fleet.auths } else { &mut self.emails };
        let count = services.len();
        let service = &mut services[turn / 2 % count];
        service.process.kill()?;
        service.restart().await
    }

    /// Waits until each of these users has a mail, and a little longer for mails that should not come.
    pub(crate) async fn wait_for_mails(&self, addresses: &BTreeSet<String>, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            let received = self.received();
            let missing = addresses.iter().filter(|address| !received.contains_key(*address)).count();
            if missing == 0 {
                break;
            }
            ensure!(Instant::now() < end, "{missing} of {} users got no mail", addresses.len());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(())
    }

    /// Mails that came to somebody who had one already.
    pub(crate) fn duplicates(&self) -> usize {
        self.received().values().map(|mails| mails - 1).sum()
    }

    fn received(&self) -> BTreeMap<String, usize> {
        let mut received = BTreeMap::new();
        for address in self.mail_server.mails().into_iter().flat_map(|mail| mail.to) {
            *received.entry(address).or_default() += 1;
        }
        received
    }
}

impl SignUps {
    /// Signs so many users up, some at a time.
    pub(crate) async fn run(url: String, users: usize) -> Self {
        let next = Arc::new(AtomicUsize::new(0));
        let told =
            Arc::new(Mutex::new(Self { acknowledged: BTreeSet::new(), failures: Vec::new(), slowest: Duration::ZERO }));
        let mut people = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (url, next, told) = (format!("{url}/users"), Arc::clone(&next), Arc::clone(&told));
            people.spawn(async move {
                let client = reqwest::Client::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= users {
                        return;
                    }
                    let start = Instant::now();
                    let outcome = sign_up(&client, &url, number).await;
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    told.slowest = told.slowest.max(start.elapsed());
                    match outcome {
                        Ok(address) => drop(told.acknowledged.insert(address)),
                        Err(error) => told.failures.push(error.to_string()),
                    }
                }
            });
        }
        people.join_all().await;
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            acknowledged: std::mem::take(&mut told.acknowledged),
            failures: std::mem::take(&mut told.failures),
            slowest: told.slowest,
        }
    }
}

async fn sign_up(client: &reqwest::Client, url: &str, number: usize) -> Result<String> {
    let address = format!("user-{number}@example.com");
    let body = json!({ "username": format!("user-{number}"), "password": "a password", "email": address });
    let answer = ask(client.post(url).header("X-Parse-Application-Id", APP_ID).json(&body)).await?;
    ensure!(answer.status == 201, "{}: {}", answer.status, answer.text);
    Ok(address)
}
