//! A mail server that keeps what it gets: it speaks ESMTP over a socket, and shows the mails to tests, also to those in other
//! processes, by HTTP.

mod http;
mod message;
mod smtp;
mod tls;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinSet};

pub use message::Message;

/// How the server is to be spoken to.
#[derive(Clone, Debug, Default)]
pub struct MailServerOptions {
    /// Port for SMTP; 0 is a free one.
    pub smtp_port: u16,
    /// Port for HTTP; 0 is a free one.
    pub http_port: u16,
    /// Encryption.
    pub encryption: Encryption,
    /// Name and password that senders have to give.
    pub credentials: Option<(String, String)>,
}

/// Encryption of SMTP, with a certificate for `localhost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// None, and none is offered.
    #[default]
    None,
    /// By STARTTLS, without which no mail is taken.
    StartTls,
    /// From the beginning.
    Implicit,
}

/// What the server does with mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// It takes them.
    #[default]
    None,
    /// 451 for every recipient: later.
    Temporary,
    /// 550 for every recipient: never.
    Permanent,
    /// 421 instead of a greeting, and to those that were greeted before.
    Connections,
}

/// A mail that was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The mail as it was sent.
    pub data: String,
    /// Whether the connection was encrypted.
    pub is_encrypted: bool,
    /// Who the sender said to be.
    pub user: Option<String>,
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct MailServer {
    /// Port for SMTP.
    pub smtp_port: u16,
    /// Port for HTTP.
    pub http_port: u16,
    /// The certificate as PEM, if there is encryption.
    pub certificate: Option<String>,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

/// What connections share.
#[derive(Debug, Default)]
struct State {
    mails: Mutex<Vec<Mail>>,
    refusal: Mutex<Refusal>,
    delay_milliseconds: AtomicU64,
    refused: AtomicU64,
}

impl MailServer {
    /// Starts one.
    pub async fn start(options: MailServerOptions) -> Result<Self> {
        let smtp = TcpListener::bind((Ipv4Addr::LOCALHOST, options.smtp_port)).await.context("listen for SMTP")?;
        let http = TcpListener::bind((Ipv4Addr::LOCALHOST, options.http_port)).await.context("listen for HTTP")?;
        let (smtp_port, http_port) = (smtp.local_addr()?.port(), http.local_addr()?.port());
        let state = Arc::new(State::default());
        let identity = match options.encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Implicit => Some(tls::Identity::generate()?),
        };
        let certificate = identity.as_ref().map(|identity| identity.certificate.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(smtp::serve(smtp, Arc::clone(&state), options, identity.map(|identity| identity.acceptor)));
        tasks.spawn(http::serve(http, Arc::clone(&state)));
        Ok(Self { smtp_port, http_port, certificate, state, _tasks: tasks })
    }

    /// The mails so far, in the order in which they came.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.state.mails).clone()
    }

    /// Does this with mails from now on.
    pub fn refuse(&self, refusal: Refusal) {
        *lock(&self.state.refusal) = refusal;
    }

    /// How often a mail or a connection was refused.
    pub fn refused(&self) -> u64 {
        self.state.refused.load(Ordering::Relaxed)
    }

    /// Takes so long to think about a recipient, before there is any mail.
    pub fn delay(&self, delay: Duration) {
        self.state.delay_milliseconds.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Where other processes find the mails.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(format!("http://127.0.0.1:{}", self.http_port))
    }
}

/// The mails of a server that another process may run.
#[derive(Clone, Debug)]
pub struct Inbox {
    url: String,
}

impl Inbox {
    /// The inbox of the server whose HTTP is there.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    /// The mails to an address.
    pub async fn to(&self, address: &str) -> Result<Vec<Mail>> {
        let query = [("to", address)];
        let client = reqwest::Client::new();
        let answer = client.get(format!("{}/mails", self.url)).query(&query).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Waits for a mail to an address, beside those `known`, and returns the newest.
    ///
    /// # Errors
    /// If there is none after half a minute.
    pub async fn wait_for(&self, address: &str, known: usize) -> Result<Message> {
        for _ in 0..300 {
            let mails = self.to(address).await?;
            if mails.len() > known
                && let Some(mail) = mails.last()
            {
                return mail.message();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("no mail to {address} came")
    }

    /// Forgets all mails.
    pub async fn clear(&self) -> Result<()> {
        reqwest::Client::new().delete(format!("{}/mails", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// Has the server do this with mails.
    pub async fn refuse(&self, refusal: Refusal) -> Result<()> {
        let client = reqwest::Client::new();
        client.put(format!("{}/refusal", self.url)).json(&refusal).send().await?.error_for_status()?;
        Ok(())
    }
}

impl Mail {
    /// What the mail says.
    pub fn message(&self) -> Result<Message> {
        Message::parse(&self.data)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
