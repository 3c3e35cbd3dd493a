//! The service with real servers around it: SMTP over sockets, providers' APIs over HTTP, a bus in a file.

mod once;
mod providers;
mod shared;
mod smtp;
mod start;
mod written;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use parsefleet_bus::{Handler as _, Job, JobId, Queue, Verdict};
use parsefleet_email::EmailService;
use parsefleet_proto::v1::{MailJob, MailKind};
use parsefleet_runtime::config::{Config, Launch, load};
use prost::Message as _;
use serde_json::{Value, json};

/// Part of every link here, and of nothing else.
const TOKEN: &str = "tOkEnOfThIsTeSt";
/// Key or password of every sender here.
const SECRET: &str = "sEcReTkEyOfThIsTeSt";
const RECIPIENT: &str = "ann.reader@example.com";

/// A configuration with this adapter, and this folder for data.
fn config(module: &str, options: Value, folder: &Path) -> Result<Config> {
    let adapter = json!({ "module": module, "options": options }).to_string();
    let data_dir = folder.display().to_string();
    let arguments = ["--appId", "test", "--masterKey", "m", "--emailAdapter", &adapter, "--dataDir", &data_dir];
    match load(arguments.map(str::to_owned), []) {
        Ok(Launch::Run(startup)) => Ok(startup.config),
        Ok(Launch::Print(text)) => bail!("printed {text}"),
        Err(problems) => bail!("{problems}"),
    }
}

/// A job for a mail to verify an address.
fn job(id: &str, recipient: &str) -> Result<Job> {
    let mail = MailJob {
        kind: MailKind::EmailVerification.into(),
        recipient: recipient.to_owned(),
        link: format!("https://example.com/apps/test/verify_email?token={TOKEN}"),
        app_name: "Ännchens App".to_owned(),
        locale: String::new(),
        user: json!({ "username": "ann", "email": recipient }).to_string().into(),
        ..MailJob::default()
    };
    Ok(Job::with_id(JobId::try_new(id)?, Queue::Mail, mail.encode_to_vec()))
}

/// What becomes of one job with this adapter.
async fn send(module: &str, options: Value) -> Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let service = EmailService::try_new(&config(module, options, folder.path())?).context("start the service")?;
    Ok(service.handle(&job("job-1", RECIPIENT)?).await)
}

/// The reason for which a mail was refused for good.
fn buried(verdict: &Verdict) -> Result<&str> {
    let Verdict::Bury(reason) = verdict else { bail!("not refused for good: {verdict:?}") };
    check_reason(reason)
}

/// The reason for which a mail is to be tried again.
fn retried(verdict: &Verdict) -> Result<&str> {
    let Verdict::Retry(reason) = verdict else { bail!("not to be tried again: {verdict:?}") };
    check_reason(reason)
}

fn check_reason(reason: &str) -> Result<&str> {
    for secret in [TOKEN, SECRET, "ann.reader", "@"] {
        assert!(!reason.contains(secret), "a reason says {secret}: {reason}");
    }
    Ok(reason)
}
