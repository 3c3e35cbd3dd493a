//! Who hands mails over: a small trait, and one file for each way.

mod http;
mod mailgun;
mod mandrill;
mod postmark;
mod sendgrid;
mod ses;
mod sigv4;
mod smtp;

use std::fmt;

use async_trait::async_trait;
use parsefleet_runtime::config::MailProvider;

use crate::{mail::Mail, service::EmailError};

/// Hands mails over.
#[async_trait]
pub(crate) trait Sender: Send + Sync {
    /// Name of the provider in metrics and spans.
    fn name(&self) -> &'static str;

    /// Returns when the other side has taken the mail.
    async fn send(&self, mail: &Mail) -> Result<(), SendError>;
}

/// Why a mail was not taken. It says nothing that the other side said in words: that often repeats the address.
#[derive(Debug, thiserror::Error)]
#[error("{class}: {detail}")]
pub(crate) struct SendError {
    pub(crate) class: FailureClass,
    detail: String,
    /// What the provider calls it; empty if it has no name for it.
    code: String,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// No answer in time. The mail may have been taken all the same.
    Timeout,
    /// Nobody there, or the connection broke, or cannot be trusted.
    Connection,
    /// The other side is not able to take it now.
    Temporary,
    /// Too many mails at a time.
    RateLimited,
    /// The other side does not believe who we are: nothing is wrong with the mail.
    Credentials,
    /// The other side will never take this mail.
    Rejected,
    /// It cannot be sent to anybody.
    Invalid,
}

impl FailureClass {
    /// Whether the same mail may be taken later.
    pub(crate) fn is_retriable(self) -> bool {
        match self {
            Self::Timeout | Self::Connection | Self::Temporary | Self::RateLimited | Self::Credentials => true,
            Self::Rejected | Self::Invalid => false,
        }
    }

    /// Name in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Temporary => "temporary",
            Self::RateLimited => "rate_limited",
            Self::Credentials => "credentials",
            Self::Rejected => "rejected",
            Self::Invalid => "invalid",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Timeout => "no answer in time",
            Self::Connection => "no connection",
            Self::Temporary => "not taken now",
            Self::RateLimited => "too many mails",
            Self::Credentials => "our credentials were refused",
            Self::Rejected => "refused for good",
            Self::Invalid => "not a mail that can be sent",
        })
    }
}

impl SendError {
    pub(crate) fn new(class: FailureClass, detail: impl Into<String>) -> Self {
        Self { class, detail: detail.into(), code: String::new() }
    }

    /// The same, of another class than its status says.
    fn with_class(self, class: FailureClass) -> Self {
        Self { class, ..self }
    }
}

/// The sender that the configuration names.
pub(crate) fn build(provider: &MailProvider) -> Result<Box<dyn Sender>, EmailError> {
    Ok(match provider {
        MailProvider::Smtp(settings) => Box::new(smtp::SmtpSender::try_new(settings)?),
        MailProvider::Mailgun { endpoint, domain, api_key } => {
            Box::new(mailgun::Mailgun::new(http::Client::try_new()?, endpoint, domain, api_key.clone()))
        }
        MailProvider::SendGrid { endpoint, api_key } => {
            Box::new(sendgrid::SendGrid::new(http::Client::try_new()?, endpoint, api_key.clone()))
        }
        MailProvider::Postmark { endpoint, token, stream } => {
            Box::new(postmark::Postmark::new(http::Client::try_new()?, endpoint, token.clone(), stream))
        }
        MailProvider::Mandrill { endpoint, api_key } => {
            Box::new(mandrill::Mandrill::new(http::Client::try_new()?, endpoint, api_key.clone()))
        }
        MailProvider::Ses { endpoint, region, access_key_id, secret_access_key, configuration_set } => {
            let key = sigv4::Key::new(access_key_id, secret_access_key.clone(), region, "ses");
            Box::new(ses::Ses::try_new(http::Client::try_new()?, endpoint, key, configuration_set.clone())?)
        }
    })
}
