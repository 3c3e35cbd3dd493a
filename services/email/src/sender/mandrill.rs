//! Mandrill: `POST /api/1.0/messages/send`. A mail it refuses is answered with a status of success.

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::{FailureClass, SendError, Sender, http};
use crate::mail::Mail;

pub(crate) struct Mandrill {
    client: http::Client,
    url: String,
    api_key: SecretString,
}

impl Mandrill {
    pub(crate) fn new(client: http::Client, endpoint: &str, api_key: SecretString) -> Self {
        Self { client, url: format!("{endpoint}/api/1.0/messages/send"), api_key }
    }

    fn body(&self, mail: &Mail) -> Json {
        let mut headers = json!({ "Auto-Submitted": "auto-generated", "Message-Id": mail.message_id });
        if let Some(reply_to) = &mail.reply_to {
            headers["Reply-To"] = json!(reply_to.to_string());
        }
        json!({
            "key": self.api_key.expose_secret(),
            "message": {
                "from_email": mail.from.address(),
                "from_name": mail.from.name(),
                "to": [{ "email": mail.to.address(), "type": "to" }],
                "subject": mail.content.subject,
                "text": mail.content.text,
                "html": mail.content.html,
                "headers": headers,
                "track_opens": false,
                "track_clicks": false,
            },
        })
    }
}

#[async_trait]
impl Sender for Mandrill {
    fn name(&self) -> &'static str {
        "mandrill"
    }

    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let request = self.client.post(&self.url).json(&self.body(mail));
        let answer = http::send(request, |_, body: &Json| body["name"].as_str().map(str::to_owned)).await;
        let answer = answer.map_err(|error| match error.code.as_str() {
            // It answers 500 to these, too.
            "Invalid_Key" => error.with_class(FailureClass::Credentials),
            "ValidationError" => error.with_class(FailureClass::Rejected),
            _ => error,
        })?;
        match answer.body[0]["status"].as_str() {
            Some("sent" | "queued" | "scheduled") => Ok(()),
            Some("rejected") => Err(SendError::new(FailureClass::Rejected, "rejected")),
            Some("invalid") => Err(SendError::new(FailureClass::Rejected, "invalid")),
            _ => Err(SendError::new(FailureClass::Temporary, "an answer without a status")),
        }
    }
}
