//! `mailbox <smtp port> <http port>`: a mail server that keeps what it gets, and shows it on `http://127.0.0.1:<http port>/mails`.

use anyhow::{Context as _, Result};
use parsefleet_testkit::servers::{MailServer, MailServerOptions};

#[tokio::main]
async fn main() -> Result<()> {
    let mut ports = std::env::args().skip(1);
    let mut port = || -> Result<u16> {
        ports.next().context("usage: mailbox <smtp port> <http port>")?.parse().context("read a port")
    };
    let options = MailServerOptions { smtp_port: port()?, http_port: port()?, ..MailServerOptions::default() };
    let _server = MailServer::start(options).await?;
    // It runs until somebody ends it.
    std::future::pending().await
}
