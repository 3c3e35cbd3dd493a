//! The same requests for pages to Parse Server and to us. Words and looks of pages are our own; which page it is, its status,
//! where it leads, and what its headers say are Parse Server's.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use parsefleet_testkit::servers::{ParseServer, mongodb_uri};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::site::{Client, Site, common_options};

const QUESTIONS: &str = include_str!("questions.json");

/// How a mail adapter starts that Parse Server takes, and that sends nothing.
const SILENT_ADAPTER: &str = "module.exports = { default: () => ({ sendMail: () => {} }) };";

/// What tells pages apart: name, words of Parse Server's page, words of ours, in any language.
const PAGES: [(&str, &str, &[&str]); 8] = [
    ("passwordReset", "Reset Your Password", &["Choose a new password", "Neues Passwort wählen"]),
    ("passwordResetSuccess", "Success!", &["Your password is changed", "Ihr Passwort ist geändert"]),
    (
        "passwordResetLinkInvalid",
        "Invalid password reset link!",
        &["If you still want to change your password", "Wenn Sie Ihr Passwort noch"],
    ),
    ("emailVerificationSuccess", "Email verified!", &["Your address is verified", "Ihre Adresse ist bestätigt"]),
    (
        "emailVerificationLinkInvalid",
        "Invalid verification link!",
        &["or a newer one was sent to you.</p>", "einen neueren erhalten.</p>"],
    ),
    (
        "emailVerificationLinkExpired",
        "Expired verification link!",
        &["This link has expired", "Dieser Link ist abgelaufen"],
    ),
    ("emailVerificationSendSuccess", "Link sent!", &["A new link is on its way", "Ein neuer Link ist unterwegs"]),
    ("emailVerificationSendFail", "No link sent", &["No new link was sent", "Es wurde kein neuer Link gesendet"]),
];

/// One request, to be asked in turn.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Question {
    line: String,
    #[serde(default)]
    form: Option<String>,
    #[serde(default)]
    json: Option<Json>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Why we answer otherwise.
    #[serde(default)]
    differs: Option<String>,
    /// What we answer then, as far as it is said.
    #[serde(default)]
    ours: BTreeMap<String, Json>,
}

/// What can be compared.
type Answer = BTreeMap<String, Json>;

#[tokio::test]
async fn pages_are_those_of_parse_server() -> Result<()> {
    let questions: Vec<Question> = serde_json::from_str(QUESTIONS)?;
    assert!(questions.len() >= 60, "{}", questions.len());
    for verification in [json!({}), json!({ "emailVerifySuccessOnInvalidEmail": false })] {
        let mut options = json!({
            "emailVerifyTokenValidityDuration": 3600,
            "passwordPolicy": { "resetTokenValidityDuration": 3600, "doNotAllowUsername": true },
        });
        merge(&mut options, &verification);
        let findings = compare(&questions, &options).await?;
        assert!(findings.is_empty(), "with {options}:\n{}", findings.join("\n"));
    }
    Ok(())
}

async fn compare(questions: &[Question], options: &Json) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let theirs = parse_server(folder.path(), options).await?;
    let ours = Site::start(folder.path(), options).await?;
    let their_client = Client::of_parse_server(&theirs.url)?;
    for client in [&their_client, &ours.client] {
        populate(client).await?;
    }
    let mut findings = Vec::new();
    for question in questions {
        let (expected, actual) = (ask(&their_client, question).await?, ask(&ours.client, question).await?);
        let name = format!("{} {}", question.line, question.form.as_deref().unwrap_or_default());
        match &question.differs {
            None if expected != actual => {
                findings.push(format!("{name}\n  theirs {}\n  ours   {}", show(&expected), show(&actual)))
            }
            None => {}
            Some(why) if expected == actual => findings.push(format!("{name}: does not differ ({why})")),
            Some(_) => {
                let is_so = question.ours.iter().all(|(what, value)| actual.get(what) == Some(value));
                if !is_so {
                    findings.push(format!("{name}\n  wanted {}\n  ours   {}", json!(question.ours), show(&actual)));
                }
            }
        }
    }
    Ok(findings)
}

async fn parse_server(folder: &std::path::Path, options: &Json) -> Result<ParseServer> {
    let adapter = folder.join("silent-adapter.js");
    std::fs::write(&adapter, SILENT_ADAPTER)?;
    let uri = mongodb_uri(&format!("pages_{}", rand::random::<u32>()))?;
    let mut options = options.clone();
    merge(&mut options, &json!({ "emailAdapter": adapter }));
    // Its address is not known before it runs: it only has to look like one here.
    merge(&mut options, &common_options("http://theirs.example/parse"));
    ParseServer::start(folder, &uri, &options).await
}

/// Users whose links are known.
async fn populate(client: &Client) -> Result<()> {
    let past = json!({ "__type": "Date", "iso": "2020-01-01T00:00:00.000Z" });
    let future = json!({ "__type": "Date", "iso": "2099-01-01T00:00:00.000Z" });
    for (name, expiry) in [("alice", &future), ("bob", &past), ("carol", &future), ("dora", &future)] {
        let user = json!({ "username": name, "password": "first", "email": format!("{name}@example.com") });
        let id = client.sign_up(&user).await?;
        let columns = json!({
            "_email_verify_token": format!("verify-{name}"), "_email_verify_token_expires_at": expiry,
            "_perishable_token": format!("reset-{name}"), "_perishable_token_expires_at": expiry,
        });
        client.change(&id, &columns).await?;
    }
    Ok(())
}

async fn ask(client: &Client, question: &Question) -> Result<Answer> {
    let (method, path) = question.line.split_once(' ').context("a question starts with its method")?;
    // Parse Server now and then closes a connection that is about to be used again.
    let mut request = client.page(method, path)?.header("connection", "close");
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    if let Some(form) = &question.form {
        request = request.header("content-type", "application/x-www-form-urlencoded").body(form.clone());
    }
    if let Some(json) = &question.json {
        request = request.json(json);
    }
    let answered = client.ask(request).await.with_context(|| format!("ask {} for {}", client.url, question.line))?;
    let mut answer = Answer::new();
    answer.insert("status".to_owned(), answered.status.into());
    for (name, value) in &answered.headers {
        let name = name.as_str();
        if name == "location" || name.starts_with("x-parse-page-param-") {
            // Latin 1, as Node reads and writes headers.
            let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            answer.insert(name.to_owned(), neutral(client, &text).into());
        }
    }
    let kind = answered.headers.get("content-type").map(|kind| kind.to_str().map(str::to_owned)).transpose()?;
    answer.insert("kind".to_owned(), kind.clone().into());
    let text = neutral(client, &answered.text);
    let is_html = kind.is_some_and(|kind| kind.starts_with("text/html"));
    let is_document = text.trim_start().starts_with("<!DOCTYPE");
    answer.insert("body".to_owned(), if is_html && is_document { page_of(&text).into() } else { text.into() });
    Ok(answer)
}

/// Without what only tells which server it is.
fn neutral(client: &Client, text: &str) -> String {
    let encoded: String = form_urlencode(&client.url);
    let text = text.replace(&client.url, "{url}").replace(&encoded, "{url}");
    text.replace("http://theirs.example/parse", "{url}")
        .replace(&form_urlencode("http://theirs.example/parse"), "{url}")
}

fn form_urlencode(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F")
}

/// Which page it is.
fn page_of(html: &str) -> String {
    let found =
        PAGES.iter().find(|(_, theirs, ours)| html.contains(theirs) || ours.iter().any(|words| html.contains(words)));
    match found {
        Some((name, ..)) => (*name).to_owned(),
        None if html.contains("<pre>Cannot ") => "no route".to_owned(),
        None => html.to_owned(),
    }
}

fn merge(options: &mut Json, more: &Json) {
    if let (Some(options), Some(more)) = (options.as_object_mut(), more.as_object()) {
        options.extend(more.clone());
    }
}

fn show(answer: &Answer) -> String {
    json!(answer).to_string()
}
