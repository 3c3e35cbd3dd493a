//! Connections to the server, each used for one mail after the other.
//!
//! lettre's own transport is not used, for it hands a mail over in two parts. The second, the dot that ends the mail, waits in
//! the kernel until the server has acknowledged the first, forty milliseconds as a rule, and goes out even if the process was
//! killed meanwhile: the server takes a mail of which nobody can note that it was sent. Here a mail is one piece.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lettre::{
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Tls},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};

use super::failed;
use crate::sender::{FailureClass, SendError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time to wait for an answer to QUIT.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a connection is kept that nobody uses: a server closes it after some minutes.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// A server, and how to speak to it.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) hello: ClientId,
    pub(super) credentials: Option<Credentials>,
}

/// The connections to a server: no more than there were mails at the same time.
pub(super) struct Connections {
    server: Server,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// What follows `DATA`: the mail and the dot that ends it.
struct Content<'a>(&'a str);

impl Connections {
    pub(super) fn new(server: Server) -> Self {
        Self { server, idle: Mutex::default() }
    }

    /// Sends a mail, and returns when the server has taken it.
    pub(super) async fn send(&self, envelope: &Envelope, message: &str) -> Result<(), SendError> {
        let mut connection = self.connection().await?;
        let sent = hand_over(&mut connection, envelope, message).await;
        match sent {
            Ok(()) => self.keep(connection),
            // What the server said counts, also if it says nothing more.
            Err(_) => drop(tokio::time::timeout(GOODBYE_TIMEOUT, connection.abort()).await),
        }
        sent
    }

    /// One that is idle and still good, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        while let Some(mut idle) = self.take() {
            if idle.since.elapsed() < MAX_IDLE && idle.connection.test_connected().await {
                return Ok(idle.connection);
            }
        }
        self.server.connect().await
    }

    fn take(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let idle = Idle { connection, since: Instant::now() };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }
}

impl Server {
    /// A connection over which mails can be sent.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let opened = self.open().await;
        let mut connection = opened.map_err(|error| failed_before(&error, FailureClass::Connection))?;
        if let Some(credentials) = &self.credentials {
            let known = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            known.map_err(|error| failed_before(&error, FailureClass::Credentials))?;
        }
        Ok(connection)
    }

    /// A connection to the server, encrypted as far as it has to be.
    async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        let address = (self.host.as_str(), self.port);
        let wrapper = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            Tls::None | Tls::Opportunistic(_) | Tls::Required(_) => None,
        };
        let (timeout, hello) = (Some(CONNECT_TIMEOUT), &self.hello);
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, timeout, hello, wrapper, None).await?;
        match &self.tls {
            Tls::Required(parameters) => connection.starttls(parameters.clone(), hello).await?,
            Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), hello).await?;
            }
            Tls::None | Tls::Opportunistic(_) | Tls::Wrapper(_) => {}
        }
        Ok(connection)
    }
}

/// What went wrong before the server had heard of a mail. If it refuses for good, it does not refuse the mail: that is of this
/// class, and tried again.
fn failed_before(error: &Error, class: FailureClass) -> SendError {
    let error = failed(error);
    if error.class.is_retriable() { error } else { error.with_class(class) }
}

async fn hand_over(connection: &mut AsyncSmtpConnection, envelope: &Envelope, message: &str) -> Result<(), SendError> {
    let parameters = parameters(connection, envelope, message)?;
    let from = envelope.from().cloned();
    connection.command(Mail::new(from, parameters)).await.map_err(|error| failed(&error))?;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(|error| failed(&error))?;
    }
    connection.command(Data).await.map_err(|error| failed(&error))?;
    connection.command(Content(message)).await.map_err(|error| failed(&error))?;
    Ok(())
}

/// What the server has to be told of a mail that is not in ASCII.
fn parameters(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    message: &str,
) -> Result<Vec<MailParameter>, SendError> {
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    let mut parameters = Vec::new();
    let mut add = |is_needed: bool, extension, parameter| match (is_needed, connection.server_info()) {
        (false, _) => Ok(()),
        (true, server) if server.supports_feature(extension) => {
            parameters.push(parameter);
            Ok(())
        }
        (true, _) => Err(SendError::new(FailureClass::Rejected, "SMTP, the server takes ASCII only")),
    };
    let is_international = addresses.any(|address| !address.to_string().is_ascii());
    add(is_international, Extension::SmtpUtfEight, MailParameter::SmtpUtfEight)?;
    let eight_bits = MailParameter::Body(MailBodyParameter::EightBitMime);
    add(!message.is_ascii(), Extension::EightBitMime, eight_bits)?;
    Ok(parameters)
}

/// A line that begins with a dot gets another one (RFC 5321, 4.5.2).
impl fmt::Display for Content<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.lines() {
            let dot = if line.starts_with('.') { "." } else { "" };
            write!(formatter, "{dot}{line}\r\n")?;
        }
        formatter.write_str(".\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_dot_ends_a_mail() {
        for (message, sent) in [
            ("a\r\n.\r\n..b\r\n", "a\r\n..\r\n...b\r\n.\r\n"),
            (".\nQUIT", "..\r\nQUIT\r\n.\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n.\r\n"),
            ("", ".\r\n"),
        ] {
            assert_eq!(Content(message).to_string(), sent, "{message:?}");
        }
    }
}
