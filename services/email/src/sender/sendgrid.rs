//! SendGrid: `POST /v3/mail/send`.

use async_trait::async_trait;
use parsefleet_core::Mailbox;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::{SendError, Sender, http};
use crate::mail::Mail;

pub(crate) struct SendGrid {
    client: http::Client,
    url: String,
    api_key: SecretString,
}

impl SendGrid {
    pub(crate) fn new(client: http::Client, endpoint: &str, api_key: SecretString) -> Self {
        Self { client, url: format!("{endpoint}/v3/mail/send"), api_key }
    }
}

#[async_trait]
impl Sender for SendGrid {
    fn name(&self) -> &'static str {
        "sendgrid"
    }

    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let request = self.client.post(&self.url).bearer_auth(self.api_key.expose_secret()).json(&body(mail));
        let code = |_: &_, body: &Json| body["errors"][0]["field"].as_str().map(str::to_owned);
        http::send(request, code).await.map(drop)
    }
}

fn body(mail: &Mail) -> Json {
    let content = &mail.content;
    let mut body = json!({
        "personalizations": [{ "to": [mailbox(&mail.to)] }],
        "from": mailbox(&mail.from),
        "headers": { "Auto-Submitted": "auto-generated" },
        "tracking_settings": { "click_tracking": { "enable": false, "enable_text": false } },
    });
    if let Some(reply_to) = &mail.reply_to {
        body["reply_to"] = mailbox(reply_to);
    }
    if let Some((template, data)) = &content.at_provider {
        body["template_id"] = json!(template);
        body["personalizations"][0]["dynamic_template_data"] = data.clone();
        return body;
    }
    // In this order, or it is refused.
    let parts = [("text/plain", &content.text), ("text/html", &content.html)].into_iter();
    let parts = parts.filter_map(|(kind, part)| part.as_ref().map(|part| json!({ "type": kind, "value": part })));
    body["subject"] = json!(content.subject);
    body["content"] = parts.collect();
    body
}

fn mailbox(mailbox: &Mailbox) -> Json {
    match mailbox.name() {
        Some(name) => json!({ "email": mailbox.address(), "name": name }),
        None => json!({ "email": mailbox.address() }),
    }
}
