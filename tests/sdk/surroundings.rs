//! What an app has around its server: somebody who takes its mails, and somebody who knows its users.

use anyhow::Result;
use parsefleet_testkit::servers::{IdentityServer, MailServer, MailServerOptions, Settings};
use serde_json::json;

/// A mailbox and a provider of identities, and the port of the server that uses them.
pub(crate) struct Surroundings {
    mails: MailServer,
    partner: IdentityServer,
    port: u16,
}

impl Surroundings {
    pub(crate) async fn start(port: u16) -> Result<Self> {
        let mails = MailServer::start(MailServerOptions::default()).await?;
        Ok(Self { mails, partner: IdentityServer::start().await?, port })
    }

    /// How the server is started.
    pub(crate) fn settings(&self) -> Settings {
        let mailbox =
            json!({ "host": "127.0.0.1", "port": self.mails.smtp_port, "security": "none", "from": "app@example.com" });
        let settings = Settings { port: Some(self.port), ..Settings::default() };
        settings
            .option("appName", "SDK")
            .option("publicServerURL", format!("http://127.0.0.1:{}/parse", self.port))
            .option("verifyUserEmails", true)
            .option("emailAdapter", json!({ "module": "smtp", "options": mailbox }))
            .option("auth", json!({ "partner": self.partner.options() }))
    }

    /// What the suites are told.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        let mails = format!("http://127.0.0.1:{}/mails", self.mails.http_port);
        [("MAILS", mails), ("PARTNER_SECRET", self.partner.secret.clone())]
    }
}
