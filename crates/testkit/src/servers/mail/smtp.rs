//! ESMTP as a server speaks it (RFC 5321), with STARTTLS and AUTH.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{Encryption, Mail, MailServerOptions, Refusal, State, lock};

/// Anything a conversation can be held over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(super) async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    options: MailServerOptions,
    acceptor: Option<TlsAcceptor>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (state, options, acceptor) = (Arc::clone(&state), options.clone(), acceptor.clone());
        // A connection that breaks is the business of the client.
        connections.spawn(async move { connection(stream, &state, &options, acceptor).await.ok() });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(
    stream: TcpStream,
    state: &State,
    options: &MailServerOptions,
    acceptor: Option<TlsAcceptor>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    match (options.encryption, acceptor) {
        (Encryption::None, _) | (_, None) => {
            Conversation::new(stream, state, options, false).hold(Greeting::Given).await?;
        }
        (Encryption::Implicit, Some(acceptor)) => {
            let stream = acceptor.accept(stream).await?;
            Conversation::new(stream, state, options, true).hold(Greeting::Given).await?;
        }
        (Encryption::StartTls, Some(acceptor)) => {
            let first = Conversation::new(stream, state, options, false).hold(Greeting::Given).await?;
            if let Some(stream) = first {
                let stream = acceptor.accept(stream).await?;
                Conversation::new(stream, state, options, true).hold(Greeting::Left).await?;
            }
        }
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Greeting {
    Given,
    Left,
}

struct Conversation<'a, S> {
    stream: BufReader<S>,
    state: &'a State,
    options: &'a MailServerOptions,
    is_encrypted: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

impl<'a, S: Stream> Conversation<'a, S> {
    fn new(stream: S, state: &'a State, options: &'a MailServerOptions, is_encrypted: bool) -> Self {
        let stream = BufReader::new(stream);
        Self { stream, state, options, is_encrypted, user: None, from: None, to: Vec::new() }
    }

    /// Speaks until the client is gone; returns the stream if it wants to go on encrypted.
    async fn hold(mut self, greeting: Greeting) -> std::io::Result<Option<S>> {
        if greeting == Greeting::Given {
            if *lock(&self.state.refusal) == Refusal::Connections {
                self.state.refused.fetch_add(1, Ordering::Relaxed);
                self.say("421 4.3.2 not now").await?;
                return Ok(None);
            }
            self.say("220 mail.test ESMTP").await?;
        }
        while let Some(line) = self.line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.capabilities().await?,
                "HELO" | "NOOP" => self.say("250 yes").await?,
                "STARTTLS" if self.may_start_tls() => {
                    self.say("220 go ahead").await?;
                    return Ok(Some(self.stream.into_inner()));
                }
                "AUTH" => self.auth(rest).await?,
                "MAIL" => self.mail(rest).await?,
                "RCPT" => self.recipient(rest).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    self.reset();
                    self.say("250 forgotten").await?;
                }
                "QUIT" => {
                    self.say("221 bye").await?;
                    return Ok(None);
                }
                _ => self.say("500 5.5.1 what?").await?,
            }
        }
        Ok(None)
    }

    fn may_start_tls(&self) -> bool {
        self.options.encryption == Encryption::StartTls && !self.is_encrypted
    }

    async fn capabilities(&mut self) -> std::io::Result<()> {
        let mut lines = vec!["mail.test", "8BITMIME", "SMTPUTF8"];
        if self.may_start_tls() {
            lines.push("STARTTLS");
        }
        if self.options.credentials.is_some() && !self.may_start_tls() {
            lines.push("AUTH PLAIN LOGIN");
        }
        let last = lines.len() - 1;
        for (index, line) in lines.into_iter().enumerate() {
            self.say(&format!("250{}{line}", if index == last { ' ' } else { '-' })).await?;
        }
        Ok(())
    }

    async fn auth(&mut self, arguments: &str) -> std::io::Result<()> {
        let (mechanism, initial) = arguments.split_once(' ').unwrap_or((arguments, ""));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let answer = if initial.is_empty() { self.ask("").await? } else { decode(initial) };
                let mut parts = answer.split('\0').skip(1).map(str::to_owned);
                parts.next().zip(parts.next())
            }
            "LOGIN" => Some((self.ask("Username:").await?, self.ask("Password:").await?)),
            _ => None,
        };
        if given.is_some() && given == self.options.credentials {
            self.user = given.map(|(user, _)| user);
            return self.say("235 2.7.0 welcome").await;
        }
        self.say("535 5.7.8 wrong name or password").await
    }

    async fn mail(&mut self, arguments: &str) -> std::io::Result<()> {
        if self.may_start_tls() {
            return self.say("530 5.7.0 STARTTLS first").await;
        }
        if self.options.credentials.is_some() && self.user.is_none() {
            return self.say("530 5.7.0 who are you?").await;
        }
        self.from = Some(address(arguments));
        self.say("250 2.1.0 yes").await
    }

    async fn recipient(&mut self, arguments: &str) -> std::io::Result<()> {
        tokio::time::sleep(Duration::from_millis(self.state.delay_milliseconds.load(Ordering::Relaxed))).await;
        let refusal = *lock(&self.state.refusal);
        let answer = match refusal {
            Refusal::None => {
                self.to.push(address(arguments));
                return self.say("250 2.1.5 yes").await;
            }
            // Of a connection that was there before.
            Refusal::Connections => "421 4.3.2 not now",
            Refusal::Temporary => "451 4.3.0 later",
            Refusal::Permanent => "550 5.1.1 nobody of that name",
        };
        self.state.refused.fetch_add(1, Ordering::Relaxed);
        self.say(answer).await
    }

    async fn data(&mut self) -> std::io::Result<()> {
        let (Some(from), false) = (self.from.clone(), self.to.is_empty()) else {
            return self.say("503 5.5.1 from whom, and to whom?").await;
        };
        self.say("354 speak").await?;
        let mut data = String::new();
        loop {
            let Some(line) = self.line().await? else { return Ok(()) };
            if line == "." {
                break;
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
            data.push_str("\r\n");
        }
        let (to, user) = (std::mem::take(&mut self.to), self.user.clone());
        lock(&self.state.mails).push(Mail { from, to, data, is_encrypted: self.is_encrypted, user });
        self.reset();
        self.say("250 2.0.0 kept").await
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn ask(&mut self, question: &str) -> std::io::Result<String> {
        self.say(&format!("334 {}", STANDARD.encode(question))).await?;
        Ok(decode(&self.line().await?.unwrap_or_default()))
    }

    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
    }

    async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }
}

fn decode(text: &str) -> String {
    String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned()
}

/// The address of `FROM:<a@b> SIZE=1`.
fn address(arguments: &str) -> String {
    let start = arguments.find('<').map_or(0, |position| position + 1);
    let end = arguments.find('>').unwrap_or(arguments.len());
    arguments.get(start..end).unwrap_or_default().to_owned()
}
