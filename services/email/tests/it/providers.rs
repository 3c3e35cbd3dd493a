//! Providers' APIs, spoken to over a socket: what they are told, and what becomes of their answers.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use aws_lc_rs::{digest, hmac};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use parsefleet_bus::Verdict;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{RECIPIENT, SECRET, TOKEN, buried, retried, send};

/// A request that came.
#[derive(Clone)]
pub(super) struct Seen {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A provider that answers everything alike.
pub(super) struct Provider {
    pub(super) url: String,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    answer: Mutex<(u16, HeaderMap, String)>,
    seen: Mutex<Vec<Seen>>,
}

impl Provider {
    pub(super) async fn start(status: u16, body: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            answer: Mutex::new((status, HeaderMap::new(), body.to_owned())),
            seen: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Ok(Self { url, shared, _server: server })
    }

    fn answer(&self, status: u16, body: &str) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) =
            (status, HeaderMap::new(), body.to_owned());
    }

    fn answer_type(&self, status: u16, error_type: &str) -> Result<()> {
        let headers = HeaderMap::from_iter([("x-amzn-errortype".parse()?, error_type.parse()?)]);
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = (status, headers, "{}".to_owned());
        Ok(())
    }

    pub(super) fn last(&self) -> Result<Seen> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).pop().context("no request came")
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let seen = Seen { method, path: uri.path().to_owned(), headers, body };
    shared.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    let (status, headers, body) = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (StatusCode::from_u16(status).unwrap_or_default(), headers, body)
}

impl Seen {
    pub(super) fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The body as `application/x-www-form-urlencoded`.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        form(&self.body)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn link() -> String {
    format!("https://example.com/apps/test/verify_email?token={TOKEN}")
}

#[tokio::test]
async fn mailgun() -> Result<()> {
    let provider = Provider::start(200, r#"{"id":"<x>","message":"Queued. Thank you."}"#).await?;
    let options =
        json!({ "apiKey": SECRET, "domain": "mg.example.com", "fromAddress": "App <a@b.c>", "endpoint": provider.url });
    for module in ["mailgun", "parse-server-simple-mailgun-adapter"] {
        assert_eq!(send(module, options.clone()).await?, Verdict::Done, "{module}");
        let seen = provider.last()?;
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v3/mg.example.com/messages"));
        assert_eq!(seen.header("authorization"), format!("Basic {}", STANDARD.encode(format!("api:{SECRET}"))));
        let form = seen.form();
        let field = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        assert_eq!((field("from"), field("to")), (Some("\"App\" <a@b.c>"), Some(RECIPIENT)));
        assert_eq!(field("subject"), Some("Please verify your e-mail for Ännchens App"));
        assert!(field("text").is_some_and(|text| text.ends_with(&link())));
        assert!(field("html").is_some_and(|html| html.contains("<!DOCTYPE html>")));
        assert_eq!(field("o:tracking"), Some("no"));
        assert!(field("h:Message-Id").is_some_and(|id| id.ends_with("@b.c>")));
    }
    provider.answer(400, "'to' parameter is not a valid address: ann.reader@example.com");
    assert_eq!(buried(&send("mailgun", options.clone()).await?)?, "refused for good: HTTP 400");
    for (status, reason) in [
        (401, "our credentials were refused: HTTP 401"),
        (429, "too many mails: HTTP 429"),
        (500, "not taken now: HTTP 500"),
        (503, "not taken now: HTTP 503"),
        (302, "not taken now: HTTP 302"),
    ] {
        provider.answer(status, "");
        assert_eq!(retried(&send("mailgun", options.clone()).await?)?, reason);
    }
    Ok(())
}

/// `application/x-www-form-urlencoded`
fn form(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            let code = (byte == b'%').then(|| after.get(..2)).flatten().and_then(|code| std::str::from_utf8(code).ok());
            rest = match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
                Some(value) => {
                    bytes.push(value);
                    &after[2..]
                }
                None => {
                    bytes.push(if byte == b'+' { b' ' } else { byte });
                    after
                }
            };
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    text.split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

#[tokio::test]
async fn sendgrid() -> Result<()> {
    let provider = Provider::start(202, "").await?;
    let options = json!({ "apiKey": SECRET, "from": "App <a@b.c>", "replyTo": "help@b.c", "endpoint": provider.url });
    assert_eq!(send("sendgrid", options.clone()).await?, Verdict::Done);
    let seen = provider.last()?;
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v3/mail/send"));
    assert_eq!(seen.header("authorization"), format!("Bearer {SECRET}"));
    let body = seen.json()?;
    assert_eq!(body["personalizations"], json!([{ "to": [{ "email": RECIPIENT }] }]));
    assert_eq!(body["from"], json!({ "email": "a@b.c", "name": "App" }));
    assert_eq!(body["reply_to"], json!({ "email": "help@b.c" }));
    assert_eq!(body["content"][0]["type"], "text/plain");
    assert!(body["content"][0]["value"].as_str().is_some_and(|text| text.ends_with(&link())));
    assert_eq!(body["content"][1]["type"], "text/html");
    assert_eq!(body["tracking_settings"]["click_tracking"]["enable"], false);
    provider.answer(400, r#"{"errors":[{"message":"no ann.reader@example.com","field":"personalizations.0.to"}]}"#);
    assert_eq!(buried(&send("sendgrid", options).await?)?, "refused for good: HTTP 400 personalizations0to");
    Ok(())
}

#[tokio::test]
async fn sendgrid_with_templates_of_its_own() -> Result<()> {
    let provider = Provider::start(202, "").await?;
    let options = json!({
        "apiKey": SECRET, "from": "a@b.c", "endpoint": provider.url,
        "passwordResetEmailTemplate": "d-reset", "verificationEmailTemplate": "d-verify",
    });
    assert_eq!(send("parse-server-sendgrid-email-adapter", options).await?, Verdict::Done);
    let body = provider.last()?.json()?;
    assert_eq!(body["template_id"], "d-verify");
    let data = &body["personalizations"][0]["dynamic_template_data"];
    assert_eq!((&data["link"], &data["appName"]), (&json!(link()), &json!("Ännchens App")));
    assert_eq!((&data["email"], &body["subject"]), (&json!(RECIPIENT), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn postmark() -> Result<()> {
    let provider = Provider::start(200, r#"{"ErrorCode":0,"MessageID":"x"}"#).await?;
    let options = json!({ "apiKey": SECRET, "fromAddress": "a@b.c", "endpoint": provider.url });
    for module in ["postmark", "parse-server-postmark-adapter"] {
        assert_eq!(send(module, options.clone()).await?, Verdict::Done, "{module}");
        let seen = provider.last()?;
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/email"));
        assert_eq!(seen.header("x-postmark-server-token"), SECRET);
        let body = seen.json()?;
        assert_eq!((&body["From"], &body["To"]), (&json!("a@b.c"), &json!(RECIPIENT)));
        assert_eq!((&body["MessageStream"], &body["TrackLinks"]), (&json!("outbound"), &json!("None")));
        assert!(body["TextBody"].as_str().is_some_and(|text| text.ends_with(&link())));
        assert!(body["HtmlBody"].is_string());
    }
    provider.answer(422, r#"{"ErrorCode":406,"Message":"inactive: ann.reader@example.com"}"#);
    assert_eq!(buried(&send("postmark", options).await?)?, "refused for good: HTTP 422 406");
    Ok(())
}

#[tokio::test]
async fn mandrill() -> Result<()> {
    let provider = Provider::start(200, r#"[{"email":"x","status":"queued"}]"#).await?;
    let options = json!({ "apiKey": SECRET, "from": "App <a@b.c>", "endpoint": provider.url });
    assert_eq!(send("mandrill", options.clone()).await?, Verdict::Done);
    let seen = provider.last()?;
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/api/1.0/messages/send"));
    let body = seen.json()?;
    assert_eq!((&body["key"], &body["message"]["from_email"]), (&json!(SECRET), &json!("a@b.c")));
    assert_eq!(body["message"]["to"], json!([{ "email": RECIPIENT, "type": "to" }]));
    provider.answer(200, r#"[{"email":"x","status":"rejected","reject_reason":"hard-bounce"}]"#);
    assert_eq!(buried(&send("mandrill", options.clone()).await?)?, "refused for good: rejected");
    provider.answer(500, r#"{"status":"error","code":-1,"name":"Invalid_Key"}"#);
    assert_eq!(
        retried(&send("mandrill", options.clone()).await?)?,
        "our credentials were refused: HTTP 500 Invalid_Key"
    );
    provider.answer(500, r#"{"status":"error","code":-2,"name":"ValidationError"}"#);
    assert_eq!(buried(&send("mandrill", options).await?)?, "refused for good: HTTP 500 ValidationError");
    Ok(())
}

#[tokio::test]
async fn ses_is_signed() -> Result<()> {
    let provider = Provider::start(200, r#"{"MessageId":"x"}"#).await?;
    let options = json!({
        "accessKeyId": "AKID", "secretAccessKey": SECRET, "region": "eu-west-1", "from": "Ä <a@b.c>",
        "endpoint": provider.url, "configurationSet": "set",
    });
    assert_eq!(send("ses", options.clone()).await?, Verdict::Done);
    let seen = provider.last()?;
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v2/email/outbound-emails"));
    assert_eq!(seen.header("authorization"), signature(&seen, "AKID", "eu-west-1"));
    let body = seen.json()?;
    assert_eq!(body["FromEmailAddress"], "=?UTF-8?B?w4Q=?= <a@b.c>");
    assert_eq!(body["Destination"], json!({ "ToAddresses": [RECIPIENT] }));
    assert_eq!(body["ConfigurationSetName"], "set");
    let simple = &body["Content"]["Simple"];
    assert_eq!(simple["Subject"], json!({ "Data": "Please verify your e-mail for Ännchens App", "Charset": "UTF-8" }));
    assert!(simple["Body"]["Text"]["Data"].as_str().is_some_and(|text| text.ends_with(&link())));
    assert!(simple["Body"]["Html"]["Data"].is_string());
    Ok(())
}

#[tokio::test]
async fn ses_tells_the_account_from_the_mail() -> Result<()> {
    let provider = Provider::start(400, "{}").await?;
    let options = json!({
        "accessKeyId": "AKID", "secretAccessKey": SECRET, "region": "eu-west-1", "from": "a@b.c",
        "endpoint": provider.url,
    });
    for (status, error_type, reason) in [
        (400, "MessageRejected:http://internal.amazon.com/", "refused for good: HTTP 400 MessageRejected"),
        (400, "BadRequestException", "refused for good: HTTP 400 BadRequestException"),
    ] {
        provider.answer_type(status, error_type)?;
        assert_eq!(buried(&send("ses", options.clone()).await?)?, reason);
    }
    for (status, error_type, reason) in [
        (429, "TooManyRequestsException", "too many mails: HTTP 429 TooManyRequestsException"),
        (400, "LimitExceededException", "too many mails: HTTP 400 LimitExceededException"),
        (400, "TooManyRequestsException", "too many mails: HTTP 400 TooManyRequestsException"),
        (400, "Throttling", "too many mails: HTTP 400 Throttling"),
        (400, "ThrottlingException:http://internal.amazon.com/", "too many mails: HTTP 400 ThrottlingException"),
        (400, "SendingPausedException", "our credentials were refused: HTTP 400 SendingPausedException"),
        (403, "SignatureDoesNotMatch", "our credentials were refused: HTTP 403 SignatureDoesNotMatch"),
    ] {
        provider.answer_type(status, error_type)?;
        assert_eq!(retried(&send("ses", options.clone()).await?)?, reason);
    }
    for error_type in [
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ] {
        provider.answer(400, &json!({ "__type": format!("com.amazon.coral.service#{error_type}") }).to_string());
        let reason = format!("our credentials were refused: HTTP 400 {error_type}");
        assert_eq!(retried(&send("ses", options.clone()).await?)?, reason);
    }
    Ok(())
}

/// The signature as AWS works it out from what it received.
fn signature(seen: &Seen, key_id: &str, region: &str) -> String {
    let hash = |data: &[u8]| hex(digest::digest(&digest::SHA256, data).as_ref());
    let mac =
        |key: &[u8], data: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes()).as_ref().to_vec();
    let date = seen.header("x-amz-date");
    let day = &date[..8];
    let names = "content-type;host;x-amz-date";
    let lines: String = names.split(';').map(|name| format!("{name}:{}\n", seen.header(name))).collect();
    let request = format!("{}\n{}\n\n{lines}\n{names}\n{}", seen.method, seen.path, hash(&seen.body));
    let scope = format!("{day}/{region}/ses/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(request.as_bytes()));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, region, "ses", "aws4_request"] {
        key = mac(&key, part);
    }
    format!("AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={}", hex(&mac(&key, &text)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
