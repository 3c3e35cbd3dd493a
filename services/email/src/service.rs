//! From a job to a mail that was handed over, once.

use std::{
    collections::HashSet,
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parsefleet_bus::{Bus, Handler, Job, Queue, Verdict, WorkOptions, work};
use parsefleet_core::Mailbox;
use parsefleet_proto::v1::{MailJob, MailKind};
use parsefleet_runtime::{
    Shutdown,
    config::{self, Config},
};
use prost::Message as _;
use tracing::Instrument as _;

use crate::{
    division::Divider,
    mail::{Mail, message_id},
    metrics::{Metrics, Outcome},
    sender::{self, FailureClass, SendError, Sender},
    sent::{self, Claim, RecordError, SentRecord},
    templates::{Templates, WriteError},
    written::Written,
};

/// Longest time for one job. A sender gives up before.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How often a claim is prolonged while a mail is being sent.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How often noting a sent mail is tried again, and the pause between.
const NOTE_TRIES: u32 = 3;
const NOTE_PAUSE: Duration = Duration::from_millis(200);

/// Why mails cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum EmailError {
    /// No adapter is configured.
    #[error("emailAdapter is not set: nothing can send mails")]
    NoAdapter,
    /// An address in the configuration.
    #[error("emailAdapter: {0} is no address")]
    Address(&'static str),
    /// Templates that are missing or no templates.
    #[error("mail templates: {}", .0.join("; "))]
    Templates(Vec<String>),
    /// An authority that cannot be read.
    #[error("emailAdapter: the certificate {} cannot be used: {problem}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// TLS cannot be set up.
    #[error("set TLS for SMTP up: {0}")]
    Tls(String),
    /// HTTP cannot be set up.
    #[error("set HTTP for the mail provider up")]
    Http,
    /// An address of a provider that is none.
    #[error("emailAdapter: the endpoint is no URL")]
    Endpoint,
    /// The record of sent mails cannot be opened.
    #[error("open the record of sent mails: {0}")]
    Record(String),
}

impl From<RecordError> for EmailError {
    fn from(error: RecordError) -> Self {
        Self::Record(error.to_string())
    }
}

/// Writes and sends mails.
pub struct EmailService {
    sender: Box<dyn Sender>,
    templates: Templates,
    record: Box<dyn SentRecord>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    concurrency: u16,
    metrics: Metrics,
    /// Jobs that this process is sending now: a broker that lost the connection delivers them a second time.
    in_flight: Mutex<HashSet<String>>,
}

impl EmailService {
    /// The service that the configuration describes. Reads the templates and opens the record of sent mails; connects to nobody.
    ///
    /// # Errors
    /// If nothing could be sent that way.
    pub fn try_new(config: &Config) -> Result<Self, EmailError> {
        let mail = config.mail.as_ref().ok_or(EmailError::NoAdapter)?;
        let sender = sender::build(&mail.provider)?;
        Ok(Self {
            templates: Templates::load(mail).map_err(EmailError::Templates)?,
            record: sent::open(config)?,
            from: Mailbox::parse(&mail.from).map_err(|_| EmailError::Address("from"))?,
            reply_to: reply_to(mail)?,
            concurrency: mail.concurrency,
            metrics: Metrics::new(sender.name()),
            in_flight: Mutex::default(),
            sender,
        })
    }

    /// Takes mail jobs off the bus until the stop begins, and returns when those that were begun are answered.
    pub async fn run(self, bus: Arc<dyn Bus>, shutdown: Shutdown) {
        let options = WorkOptions { concurrency: self.concurrency, time_limit: TIME_LIMIT };
        let stop = shutdown.clone();
        let stop = async move { stop.stopping().await };
        let divider = Divider::new(self, Arc::clone(&bus));
        shutdown.track(work(bus, Queue::Mail, options, Arc::new(divider), stop)).await;
    }

    /// Sends the mail of a job, unless somebody else does or has.
    async fn send_once(&self, job: &Job) -> Verdict {
        let id = job.id.as_str();
        let is_claimed = match self.record.claim(id).await {
            Ok(Claim::Mine) => true,
            Ok(Claim::Sent) => {
                self.metrics.count(Outcome::SentBefore);
                tracing::info!(job = id, "a mail that was sent before is not sent again");
                return Verdict::Done;
            }
            Ok(Claim::Elsewhere) => return self.elsewhere(),
            Err(error) => {
                // A mail that may come twice is better than one that does not come.
                tracing::warn!(%error, "sent mails are not remembered now: a job that comes again is sent again");
                false
            }
        };
        match self.send_and_note(job).await {
            Ok(()) => {
                self.metrics.count(Outcome::Sent);
                Verdict::Done
            }
            Err(error) => {
                if is_claimed && let Err(error) = self.record.release(id).await {
                    tracing::debug!(%error, "a claim was not given up; it ends by itself");
                }
                self.failed(&error)
            }
        }
    }

    /// Sends, and notes it at once. A process that is killed between the other side's yes and the note makes its mail come
    /// twice: nothing else is done there.
    async fn send_and_note(&self, job: &Job) -> Result<(), SendError> {
        let id = job.id.as_str();
        let mail = self.write(job)?;
        let span = tracing::info_span!("mail.send", otel.kind = "client", provider = self.sender.name());
        let started = Instant::now();
        let sent = tokio::select! {
            biased;
            sent = self.sender.send(&mail).instrument(span) => sent,
            never = self.keep_claim(id) => match never {},
        };
        let answered = Instant::now();
        if sent.is_ok() {
            self.note_sent(id).await;
            self.metrics.note_took(answered.elapsed());
        }
        self.metrics.send_took(answered - started);
        sent
    }

    /// Prolongs a claim for as long as it runs.
    async fn keep_claim(&self, id: &str) -> Infallible {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            if let Err(error) = self.record.renew(id).await {
                tracing::debug!(%error, "a claim was not prolonged");
            }
        }
    }

    fn write(&self, job: &Job) -> Result<Mail, SendError> {
        let invalid = |detail: &str| SendError::new(FailureClass::Invalid, detail);
        let letter = MailJob::decode(job.body.clone()).map_err(|_| invalid("the job cannot be read"))?;
        let to = Mailbox::parse(&letter.recipient).map_err(|_| invalid("the recipient is no address"))?;
        let written = match letter.kind() {
            MailKind::Written => Written::read(letter),
            MailKind::Unspecified | MailKind::EmailVerification | MailKind::PasswordReset => {
                self.templates.write(&letter).map(Written::by_template)
            }
        };
        let written = written.map_err(|error: WriteError| invalid(&error.to_string()))?;
        let from = written.from.unwrap_or_else(|| self.from.clone());
        Ok(Mail {
            message_id: message_id(job.id.as_str(), &from),
            from,
            reply_to: written.reply_to.or_else(|| self.reply_to.clone()),
            to,
            content: written.content,
        })
    }

    /// The mail is out: if that cannot be noted, the answer to the job alone keeps it from being sent again.
    async fn note_sent(&self, id: &str) {
        for attempt in 1.. {
            match self.record.sent(id).await {
                Ok(()) => return,
                Err(error) if attempt == NOTE_TRIES => {
                    tracing::warn!(job = id, %error, "a sent mail was not noted");
                    return;
                }
                Err(_) => tokio::time::sleep(NOTE_PAUSE).await,
            }
        }
    }

    fn failed(&self, error: &SendError) -> Verdict {
        self.metrics.count(Outcome::Failed(error.class));
        if error.class == FailureClass::Credentials {
            tracing::error!(%error, provider = self.sender.name(), "no mail can be sent: look at emailAdapter");
        }
        if error.class.is_retriable() { Verdict::Retry(error.to_string()) } else { Verdict::Bury(error.to_string()) }
    }

    fn elsewhere(&self) -> Verdict {
        self.metrics.count(Outcome::Elsewhere);
        Verdict::Retry("somebody else is sending it".to_owned())
    }
}

#[async_trait]
impl Handler for EmailService {
    async fn handle(&self, job: &Job) -> Verdict {
        let Some(_in_flight) = InFlight::enter(&self.in_flight, job.id.as_str()) else { return self.elsewhere() };
        self.send_once(job).await
    }
}

fn reply_to(mail: &config::Mail) -> Result<Option<Mailbox>, EmailError> {
    let parsed = mail.reply_to.as_deref().map(Mailbox::parse).transpose();
    parsed.map_err(|_| EmailError::Address("replyTo"))
}

/// A job is in flight until this is dropped.
struct InFlight<'a> {
    jobs: &'a Mutex<HashSet<String>>,
    job: String,
}

impl<'a> InFlight<'a> {
    fn enter(jobs: &'a Mutex<HashSet<String>>, job: &str) -> Option<Self> {
        let is_new = jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(job.to_owned());
        is_new.then(|| Self { jobs, job: job.to_owned() })
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.job);
    }
}
