//! Postmark: `POST /email`.

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::{SendError, Sender, http};
use crate::mail::Mail;

pub(crate) struct Postmark {
    client: http::Client,
    url: String,
    token: SecretString,
    stream: String,
}

impl Postmark {
    pub(crate) fn new(client: http::Client, endpoint: &str, token: SecretString, stream: &str) -> Self {
        Self { client, url: format!("{endpoint}/email"), token, stream: stream.to_owned() }
    }
}

#[async_trait]
impl Sender for Postmark {
    fn name(&self) -> &'static str {
        "postmark"
    }

    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let content = &mail.content;
        let mut body = json!({
            "From": mail.from.to_string(),
            "To": mail.to.to_string(),
            "Subject": content.subject,
            "MessageStream": self.stream,
            "TrackOpens": false,
            "TrackLinks": "None",
            "Headers": [{ "Name": "Auto-Submitted", "Value": "auto-generated" }],
        });
        if let Some(text) = &content.text {
            body["TextBody"] = json!(text);
        }
        if let Some(html) = &content.html {
            body["HtmlBody"] = json!(html);
        }
        if let Some(reply_to) = &mail.reply_to {
            body["ReplyTo"] = json!(reply_to.to_string());
        }
        let request = self.client.post(&self.url).header("x-postmark-server-token", self.token.expose_secret());
        let request = request.header("accept", "application/json").json(&body);
        http::send(request, |_, body: &Json| Some(body["ErrorCode"].as_i64()?.to_string())).await.map(drop)
    }
}
