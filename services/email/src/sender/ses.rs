//! Amazon SES, version 2: `POST /v2/email/outbound-emails`, signed.

use std::time::SystemTime;

use async_trait::async_trait;
use http::HeaderMap;
use reqwest::Url;
use serde_json::{Value as Json, json};

use super::{FailureClass, SendError, Sender, http as api, sigv4};
use crate::{mail::Mail, service::EmailError};

const PATH: &str = "/v2/email/outbound-emails";
const CONTENT_TYPE: &str = "application/json";

pub(crate) struct Ses {
    client: api::Client,
    url: String,
    host: String,
    key: sigv4::Key,
    configuration_set: Option<String>,
}

impl Ses {
    pub(crate) fn try_new(
        client: api::Client,
        endpoint: &str,
        key: sigv4::Key,
        configuration_set: Option<String>,
    ) -> Result<Self, EmailError> {
        let url = Url::parse(endpoint).map_err(|_| EmailError::Endpoint)?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(EmailError::Endpoint),
        };
        Ok(Self { client, url: format!("{endpoint}{PATH}"), host, key, configuration_set })
    }

    fn body(&self, mail: &Mail) -> Json {
        let part = |text: &str| json!({ "Data": text, "Charset": "UTF-8" });
        let mut parts = json!({});
        for (name, content) in [("Text", &mail.content.text), ("Html", &mail.content.html)] {
            if let Some(content) = content {
                parts[name] = part(content);
            }
        }
        let mut body = json!({
            "FromEmailAddress": mail.from.to_ascii(),
            "Destination": { "ToAddresses": [mail.to.to_ascii()] },
            "Content": { "Simple": { "Subject": part(&mail.content.subject), "Body": parts } },
        });
        if let Some(reply_to) = &mail.reply_to {
            body["ReplyToAddresses"] = json!([reply_to.to_ascii()]);
        }
        if let Some(name) = &self.configuration_set {
            body["ConfigurationSetName"] = json!(name);
        }
        body
    }
}

#[async_trait]
impl Sender for Ses {
    fn name(&self) -> &'static str {
        "ses"
    }

    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let body = self.body(mail).to_string();
        let time = sigv4::timestamp(SystemTime::now());
        let headers = [("content-type", CONTENT_TYPE), ("host", &self.host), ("x-amz-date", &time)];
        let authorization = self.key.authorization("POST", PATH, &headers, body.as_bytes(), &time);
        let request = self.client.post(&self.url).header("content-type", CONTENT_TYPE).header("x-amz-date", &time);
        let request = request.header("authorization", authorization).body(body);
        api::send(request, error_type).await.map(drop).map_err(reclassified)
    }
}

/// `X-Amzn-ErrorType: MessageRejected:http://…`, or `__type` in the body.
fn error_type(headers: &HeaderMap, body: &Json) -> Option<String> {
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let name = header.or_else(|| body["__type"].as_str())?;
    Some(name.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned())
}

/// Some errors of the account, of the request's signature and of too many requests come as 400, like errors of the mail.
fn reclassified(error: SendError) -> SendError {
    match class_of(&error.code) {
        Some(class) => error.with_class(class),
        None => error,
    }
}

/// The class of an error that is not about the mail. Those of AWS have one name in one service, and another in the next.
fn class_of(code: &str) -> Option<FailureClass> {
    match code {
        "AccountSuspendedException"
        | "SendingPausedException"
        | "MailFromDomainNotVerifiedException"
        | "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Some(FailureClass::Credentials),
        // By the clock of this machine the signature is of another time: until it is set, no mail is taken.
        "RequestExpired" | "RequestTimeTooSkewed" => Some(FailureClass::Credentials),
        "LimitExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => Some(FailureClass::RateLimited),
        _ => None,
    }
}
