//! How mails are written and sent.

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::SecretString;
use serde_json::{Map, Value as Json};

/// `emailAdapter`, in whichever form it was given.
#[derive(Debug)]
pub struct Mail {
    /// Who sends.
    pub provider: MailProvider,
    /// The address mails come from: `name@host`, or `A name <name@host>`.
    pub from: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The field of the user that names a language.
    pub locale_field: Option<String>,
    /// Verification of an address.
    pub verification: MailTemplate,
    /// Reset of a password.
    pub password_reset: MailTemplate,
    /// `PARSEFLEET_MAIL_TEMPLATES`: a folder whose files go before all other templates.
    pub templates_dir: Option<PathBuf>,
    /// `PARSEFLEET_MAIL_CONCURRENCY`: mails that one process sends at the same time.
    pub concurrency: u16,
}

/// Who sends mails.
#[derive(Debug)]
pub enum MailProvider {
    /// Any server that speaks SMTP.
    Smtp(Smtp),
    /// Mailgun.
    Mailgun {
        /// `https://api.mailgun.net`, or the one of the European Union.
        endpoint: String,
        /// The domain that sends.
        domain: String,
        /// API key.
        api_key: SecretString,
    },
    /// SendGrid, version 3.
    SendGrid {
        /// `https://api.sendgrid.com`, or the one of the European Union.
        endpoint: String,
        /// API key.
        api_key: SecretString,
    },
    /// Postmark.
    Postmark {
        /// `https://api.postmarkapp.com`
        endpoint: String,
        /// Token of the server.
        token: SecretString,
        /// `outbound`, or a message stream of one's own.
        stream: String,
    },
    /// Amazon SES, version 2.
    Ses {
        /// `https://email.<region>.amazonaws.com`
        endpoint: String,
        /// Region that requests are signed for.
        region: String,
        /// Access key id.
        access_key_id: String,
        /// Secret access key.
        secret_access_key: SecretString,
        /// Configuration set.
        configuration_set: Option<String>,
    },
    /// Mandrill.
    Mandrill {
        /// `https://mandrillapp.com`
        endpoint: String,
        /// API key.
        api_key: SecretString,
    },
}

/// A server that speaks SMTP.
#[derive(Debug)]
pub struct Smtp {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub security: SmtpSecurity,
    /// Name and password, if the server asks for them.
    pub credentials: Option<(String, SecretString)>,
    /// PEM file with the authority that signed the server's certificate, in place of those that the machine trusts.
    pub ca_file: Option<PathBuf>,
    /// What this side calls itself.
    pub hello_name: Option<String>,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// From the beginning.
    Tls,
    /// By STARTTLS, or nothing is sent.
    StartTls,
    /// By STARTTLS if the server offers it.
    Opportunistic,
    /// Never.
    None,
}

/// What the parts of a mail are made from; what is not given is as built in.
#[derive(Debug, Default)]
pub struct MailTemplate {
    /// Subject.
    pub subject: Option<MailText>,
    /// Plain text.
    pub text: Option<MailText>,
    /// HTML.
    pub html: Option<MailText>,
    /// Values beside those of the mail.
    pub placeholders: Map<String, Json>,
    /// Id of a template that the provider keeps: the provider writes the mail.
    pub at_provider: Option<String>,
}

/// A Mustache template.
#[derive(Clone, Debug, PartialEq)]
pub enum MailText {
    /// For everybody.
    Inline(String),
    /// By language; `default` is for all others.
    ByLocale(BTreeMap<String, String>),
    /// In this file, or the file of that name in a folder beside it that is named as the language.
    File(PathBuf),
}
