//! Which mails were sent: so that a job that comes again does nothing.
//!
//! A process claims a job before it sends, and notes it as sent after the other side took the mail and before the job is
//! answered. A crash between these two leaves a job that is sent again: that moment, a few milliseconds, is all that is left
//! open. It cannot be closed, for no mail server takes part in our transactions. Both mails have the same `Message-ID`.

mod file;
mod redis;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use parsefleet_runtime::config::Config;
use secrecy::ExposeSecret as _;

pub(crate) use self::{file::FileRecord, redis::RedisRecord};
use crate::service::EmailError;

/// How long a sent mail is remembered: longer than a job may be on its way.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a claim found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nobody has sent it, and nobody else will now.
    Mine,
    /// It was sent.
    Sent,
    /// Another process is sending it.
    Elsewhere,
}

/// Remembers.
#[async_trait]
pub(crate) trait SentRecord: Send + Sync {
    /// Claims a job, for a short time.
    async fn claim(&self, job: &str) -> Result<Claim, RecordError>;

    /// Prolongs a claim.
    async fn renew(&self, job: &str) -> Result<(), RecordError>;

    /// Notes that the mail was sent.
    async fn sent(&self, job: &str) -> Result<(), RecordError>;

    /// Gives a claim up.
    async fn release(&self, job: &str) -> Result<(), RecordError>;
}

/// Why the record cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("Redis: {0}")]
    Redis(#[from] ::redis::RedisError),
    #[error("the file of sent mails: {0}")]
    File(#[from] std::io::Error),
    #[error("the file of sent mails was not written to the end")]
    Interrupted,
}

/// The record of this configuration: in Redis if there is one, else in a file of this machine.
pub(crate) fn open(config: &Config) -> Result<Box<dyn SentRecord>, EmailError> {
    match &config.fleet.redis_url {
        Some(url) => {
            let prefix = format!("parsefleet:{}:mail:", config.app_id);
            Ok(Box::new(RedisRecord::try_new(url.expose_secret(), prefix).map_err(RecordError::Redis)?))
        }
        None => {
            let path = config.database.data_dir.join("mails-sent");
            Ok(Box::new(open_file(&path)?))
        }
    }
}

fn open_file(path: &Path) -> Result<FileRecord, EmailError> {
    Ok(FileRecord::open(path).map_err(RecordError::File)?)
}
