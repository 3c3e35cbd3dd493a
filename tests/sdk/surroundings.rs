//! What an app has around its server: somebody who takes its mails, and somebody who knows its users.

use anyhow::{Context as _, Result};
use parsefleet_testkit::servers::{Ear, IdentityServer, MailServer, MailServerOptions, Settings, plant_secret};
use serde_json::json;

/// A mailbox and a provider of identities, the port of the server that uses them, and who listens to its answers.
pub(crate) struct Surroundings {
    mails: MailServer,
    partner: IdentityServer,
    ear: Ear,
    port: u16,
}

impl Surroundings {
    pub(crate) async fn start(port: u16) -> Result<Self> {
        let mails = MailServer::start(MailServerOptions::default()).await?;
        Ok(Self { mails, partner: IdentityServer::start().await?, ear: Ear::start(port).await?, port })
    }

    /// How the server is started.
    pub(crate) fn settings(&self) -> Settings {
        let mailbox =
            json!({ "host": "127.0.0.1", "port": self.mails.smtp_port, "security": "none", "from": "app@example.com" });
        let settings = Settings { port: Some(self.port), ..Settings::default() };
        settings
            .option("appName", "SDK")
            .option("publicServerURL", self.ear.url.clone())
            .option("verifyUserEmails", true)
            .option("emailAdapter", json!({ "module": "smtp", "options": mailbox }))
            .option("auth", json!({ "partner": self.partner.options() }))
    }

    /// What the suites are told.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        let mails = format!("http://127.0.0.1:{}/mails", self.mails.http_port);
        [("SERVER_URL", self.ear.url.clone()), ("MAILS", mails), ("PARTNER_SECRET", self.partner.secret.clone())]
    }

    /// No answer may have told a token of a mail, or anything else that is secret.
    pub(crate) fn finish(&self) -> Result<()> {
        for mail in self.mails.mails() {
            let text = mail.message()?.text;
            let (_, token) = text.split_once("token=").context("a mail without a link")?;
            plant_secret(token.split_whitespace().next().unwrap_or_default());
        }
        let answers = self.ear.finish()?;
        eprintln!("{answers} answers tell no secret");
        Ok(())
    }
}
