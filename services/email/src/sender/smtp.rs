//! Any server that speaks SMTP. Connections are kept and used again.

mod connections;

use std::{error::Error as _, time::Duration};

use async_trait::async_trait;
use lettre::{
    Address, Message,
    message::{
        Mailbox as LettreMailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use parsefleet_core::Mailbox;
use parsefleet_runtime::config::{Smtp, SmtpSecurity};
use secrecy::ExposeSecret as _;

use self::connections::{Connections, Server};
use super::{FailureClass, SendError, Sender};
use crate::{mail::Mail, service::EmailError};

/// Longest time for one mail, the connection included.
const TIMEOUT: Duration = Duration::from_secs(25);

pub(crate) struct SmtpSender {
    connections: Connections,
}

impl SmtpSender {
    pub(crate) fn try_new(settings: &Smtp) -> Result<Self, EmailError> {
        let credentials = settings.credentials.as_ref();
        let server = Server {
            host: settings.host.clone(),
            port: settings.port,
            tls: tls(settings)?,
            hello: settings.hello_name.clone().map(ClientId::Domain).unwrap_or_default(),
            credentials: credentials
                .map(|(user, password)| Credentials::new(user.clone(), password.expose_secret().to_owned())),
        };
        Ok(Self { connections: Connections::new(server) })
    }
}

#[async_trait]
impl Sender for SmtpSender {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = message(mail)?;
        let text = String::from_utf8(message.formatted()).map_err(|_| no_message())?;
        let sent = tokio::time::timeout(TIMEOUT, self.connections.send(message.envelope(), &text)).await;
        sent.unwrap_or_else(|_| Err(SendError::new(FailureClass::Timeout, "SMTP")))
    }
}

fn tls(settings: &Smtp) -> Result<Tls, EmailError> {
    if settings.security == SmtpSecurity::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_file {
        let unusable = |problem: String| EmailError::Certificate { path: path.clone(), problem };
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        // lettre takes a file without any, and trusts nobody then.
        if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(unusable("there is none in it".to_owned()));
        }
        let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    let parameters = parameters.build_rustls().map_err(|error| EmailError::Tls(error.to_string()))?;
    Ok(match settings.security {
        SmtpSecurity::Tls => Tls::Wrapper(parameters),
        SmtpSecurity::StartTls => Tls::Required(parameters),
        SmtpSecurity::Opportunistic => Tls::Opportunistic(parameters),
        SmtpSecurity::None => Tls::None,
    })
}

fn message(mail: &Mail) -> Result<Message, SendError> {
    let mut builder = Message::builder()
        .from(mailbox(&mail.from)?)
        .to(mailbox(&mail.to)?)
        .subject(mail.content.subject.as_str())
        .message_id(Some(mail.message_id.clone()))
        .date_now()
        // So that nobody's holiday reply comes back (RFC 3834).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    let message = match (mail.content.text.clone(), mail.content.html.clone()) {
        (Some(text), Some(html)) => builder.multipart(MultiPart::alternative_plain_html(text, html)),
        (None, Some(html)) => builder.singlepart(SinglePart::html(html)),
        (text, None) => builder.singlepart(SinglePart::plain(text.unwrap_or_default())),
    };
    message.map_err(|_| no_message())
}

fn no_message() -> SendError {
    SendError::new(FailureClass::Invalid, "no message can be made of it")
}

fn mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, SendError> {
    let address: Address = mailbox
        .address()
        .parse()
        .map_err(|_| SendError::new(FailureClass::Invalid, "an address that SMTP does not take"))?;
    Ok(LettreMailbox::new(mailbox.name().map(str::to_owned), address))
}

/// Whether the handshake failed for the certificate, which lettre tells as a broken connection.
fn is_about_certificate(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.to_string().contains("certificate") {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The code of the answer alone: its text often repeats the address.
fn failed(error: &Error) -> SendError {
    let code = error.status().map(u16::from);
    let (class, what) = match code {
        // Whoever else sends with the same name and password fails alike.
        Some(530 | 534 | 535 | 538) => (FailureClass::Credentials, "SMTP"),
        Some(500..) => (FailureClass::Rejected, "SMTP"),
        Some(_) => (FailureClass::Temporary, "SMTP"),
        None if error.is_timeout() => (FailureClass::Timeout, "SMTP"),
        None if error.is_tls() || is_about_certificate(error) => {
            (FailureClass::Connection, "SMTP, the certificate or its encryption")
        }
        None if error.is_client() => (FailureClass::Connection, "SMTP, the server cannot what was configured"),
        None => (FailureClass::Connection, "SMTP"),
    };
    let detail = code.map_or_else(|| what.to_owned(), |code| format!("{what} {code}"));
    SendError::new(class, detail)
}
