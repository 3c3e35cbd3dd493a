//! Mailgun: `POST /v3/<domain>/messages`.

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use super::{SendError, Sender, http};
use crate::mail::Mail;

pub(crate) struct Mailgun {
    client: http::Client,
    url: String,
    api_key: SecretString,
}

impl Mailgun {
    pub(crate) fn new(client: http::Client, endpoint: &str, domain: &str, api_key: SecretString) -> Self {
        Self { client, url: format!("{endpoint}/v3/{domain}/messages"), api_key }
    }
}

#[async_trait]
impl Sender for Mailgun {
    fn name(&self) -> &'static str {
        "mailgun"
    }

    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let content = &mail.content;
        let (from, to) = (mail.from.to_string(), mail.to.to_string());
        let reply_to = mail.reply_to.as_ref().map(ToString::to_string);
        let mut form = vec![
            ("from", from.as_str()),
            ("to", &to),
            ("subject", &content.subject),
            ("h:Message-Id", &mail.message_id),
            ("h:Auto-Submitted", "auto-generated"),
            // A link that lets its reader in is not to pass through anybody else's hands.
            ("o:tracking", "no"),
        ];
        form.extend(content.text.as_deref().map(|text| ("text", text)));
        form.extend(content.html.as_deref().map(|html| ("html", html)));
        form.extend(reply_to.as_deref().map(|reply_to| ("h:Reply-To", reply_to)));
        let request = self.client.post(&self.url).basic_auth("api", Some(self.api_key.expose_secret())).form(&form);
        http::send(request, |_, _| None).await.map(drop)
    }
}
