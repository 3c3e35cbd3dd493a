//! Mails that are written already: sent as they are, in the name of whom they say, to each recipient by himself.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Result;
use parsefleet_bus::{Bus, EmbeddedBus, Handler as _, Job, JobId, Queue, RetrySchedule, Verdict};
use parsefleet_email::EmailService;
use parsefleet_proto::v1::{MailJob, MailKind, WrittenMail};
use parsefleet_runtime::Shutdown;
use parsefleet_testkit::servers::{MailServer, MailServerOptions};
use prost::Message as _;
use serde_json::{Value, json};

use super::{RECIPIENT, SECRET, buried, config, providers::Provider};

const FROM: &str = "Ann <ann@own.example>";
const REPLY_TO: &str = "answers@own.example";

/// A mail with this text and this HTML in somebody's own name.
fn mail(text: Option<&str>, html: Option<&str>) -> WrittenMail {
    WrittenMail {
        subject: "Süß {{appName}}".to_owned(),
        text: text.map(str::to_owned),
        html: html.map(str::to_owned),
        from: Some(FROM.to_owned()),
        reply_to: Some(REPLY_TO.to_owned()),
    }
}

fn job(id: &str, recipients: &[&str], written: WrittenMail) -> Result<Job> {
    let mut recipients: Vec<String> = recipients.iter().map(|recipient| (*recipient).to_owned()).collect();
    let recipient = if recipients.len() == 1 { recipients.remove(0) } else { String::new() };
    let kind = MailKind::Written.into();
    let mail = MailJob { kind, recipient, written: Some(written), recipients, ..MailJob::default() };
    Ok(Job::with_id(JobId::try_new(id)?, Queue::Mail, mail.encode_to_vec()))
}

fn smtp(server: &MailServer) -> Value {
    json!({
        "host": "127.0.0.1", "port": server.smtp_port, "security": "none", "from": "App <a@b.c>", "replyTo": "help@b.c",
    })
}

#[tokio::test]
async fn a_mail_is_sent_as_it_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let service = EmailService::try_new(&config("smtp", smtp(&server), folder.path())?)?;
    let (text, html) = ("Hällo {{username}}\n.\nbye\n", "<p>&amp; {{link}}</p>");
    for (text, html) in [(Some(text), None), (None, Some(html)), (Some(text), Some(html))] {
        let id = format!("{}-{}", text.is_some(), html.is_some());
        assert_eq!(service.handle(&job(&id, &[RECIPIENT], mail(text, html))?).await, Verdict::Done);
        let mails = server.mails();
        let Some(sent) = mails.last() else { panic!("no mail came") };
        assert_eq!((sent.from.as_str(), &sent.to[..]), ("ann@own.example", &[RECIPIENT.to_owned()][..]));
        let message = sent.message()?;
        assert_eq!(message.header("Subject"), Some("Süß {{appName}}"));
        assert_eq!(message.header("Reply-To"), Some(REPLY_TO));
        assert!(message.header("From").is_some_and(|from| from.contains("Ann")), "{message:?}");
        assert!(message.header("Message-ID").is_some_and(|id| id.ends_with("@own.example>")), "{message:?}");
        assert_eq!(
            (message.text.trim_end(), message.html.as_deref().map(str::trim_end)),
            (text.unwrap_or_default().trim_end(), html)
        );
    }
    assert_eq!(server.mails().len(), 3);
    // In the name of nobody in particular it comes from the app.
    let anonymous = WrittenMail { from: None, reply_to: None, ..mail(Some("text"), None) };
    assert_eq!(service.handle(&job("anonymous", &[RECIPIENT], anonymous)?).await, Verdict::Done);
    let sent = &server.mails()[3];
    assert_eq!((sent.from.as_str(), sent.message()?.header("Reply-To")), ("a@b.c", Some("help@b.c")));
    Ok(())
}

#[tokio::test]
async fn what_is_no_mail_is_refused_for_good() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let service = EmailService::try_new(&config("smtp", smtp(&server), folder.path())?)?;
    let from = Some("a@b.c\r\nBcc: d@e.f".to_owned());
    for mail in [mail(None, None), WrittenMail { from, ..mail(Some("text"), None) }] {
        let verdict = service.handle(&job("a", &[RECIPIENT], mail)?).await;
        assert_eq!(buried(&verdict)?, "not a mail that can be sent: there is no text, or an address that is none");
    }
    let injected = WrittenMail { subject: "a\r\nBcc: d@e.f".to_owned(), ..mail(Some("text"), None) };
    assert_eq!(service.handle(&job("b", &[RECIPIENT], injected)?).await, Verdict::Done);
    let [mail] = &server.mails()[..] else { panic!("{:?}", server.mails()) };
    assert_eq!((mail.message()?.header("Subject"), mail.message()?.header("Bcc")), (Some("a Bcc: d@e.f"), None));
    Ok(())
}

/// What a provider is told of a mail of HTML alone in somebody's own name.
async fn told(module: &str, mut options: Value) -> Result<super::providers::Seen> {
    let folder = tempfile::tempdir()?;
    // Mandrill reads the answer, too.
    let provider = Provider::start(200, r#"[{"status":"sent"}]"#).await?;
    options["endpoint"] = json!(provider.url);
    let service = EmailService::try_new(&config(module, options, folder.path())?)?;
    let verdict = service.handle(&job("a", &[RECIPIENT], mail(None, Some("<p>")))?).await;
    assert_eq!(verdict, Verdict::Done, "{module}");
    provider.last()
}

#[tokio::test]
async fn every_provider_is_told_who_writes() -> Result<()> {
    let options = json!({ "apiKey": SECRET, "from": "App <a@b.c>", "replyTo": "help@b.c" });

    let mut mailgun = options.clone();
    mailgun["domain"] = json!("mg.example.com");
    let form = told("mailgun", mailgun).await?.form();
    let field = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    assert_eq!((field("from"), field("h:Reply-To")), (Some("\"Ann\" <ann@own.example>"), Some(REPLY_TO)));
    assert_eq!((field("subject"), field("text"), field("html")), (Some("Süß {{appName}}"), None, Some("<p>")));

    let body = told("sendgrid", options.clone()).await?.json()?;
    assert_eq!(body["from"], json!({ "email": "ann@own.example", "name": "Ann" }));
    assert_eq!(body["reply_to"], json!({ "email": REPLY_TO }));
    assert_eq!(body["subject"], "Süß {{appName}}");
    assert_eq!(body["content"], json!([{ "type": "text/html", "value": "<p>" }]));

    let body = told("postmark", options.clone()).await?.json()?;
    assert_eq!((&body["From"], &body["ReplyTo"]), (&json!("\"Ann\" <ann@own.example>"), &json!(REPLY_TO)));
    assert_eq!((&body["TextBody"], &body["HtmlBody"]), (&Value::Null, &json!("<p>")));

    let message = &told("mandrill", options.clone()).await?.json()?["message"];
    assert_eq!((&message["from_email"], &message["from_name"]), (&json!("ann@own.example"), &json!("Ann")));
    assert_eq!(message["headers"]["Reply-To"], REPLY_TO);
    assert_eq!((&message["text"], &message["html"]), (&Value::Null, &json!("<p>")));

    let mut ses = json!({ "accessKeyId": "AKID", "secretAccessKey": SECRET, "region": "eu-west-1" });
    ses["from"] = json!("a@b.c");
    let body = told("ses", ses).await?.json()?;
    assert_eq!(body["FromEmailAddress"], "\"Ann\" <ann@own.example>");
    assert_eq!(body["ReplyToAddresses"], json!([REPLY_TO]));
    assert_eq!(body["Content"]["Simple"]["Body"], json!({ "Html": { "Data": "<p>", "Charset": "UTF-8" } }));
    Ok(())
}

/// However often the job for several comes, each of them gets one mail, and none of them sees the others.
#[tokio::test]
async fn each_of_several_gets_one_mail() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(folder.path(), RetrySchedule::default()));
    let service = EmailService::try_new(&config("smtp", smtp(&server), folder.path())?)?;
    let shutdown = Shutdown::new(Duration::ZERO, Duration::from_secs(5));
    let running = shutdown.spawn(service.run(Arc::clone(&bus), shutdown.clone()));

    let readers = ["ann@example.com", "Bob <bob@example.com>", "eve@example.com"];
    for _ in 0..2 {
        bus.publish(&job("several", &readers, mail(Some("text"), None))?).await?;
        until_idle(&*bus).await?;
    }
    let mails = server.mails();
    let mut to: Vec<&str> = mails.iter().flat_map(|mail| &mail.to).map(String::as_str).collect();
    to.sort_unstable();
    assert_eq!(to, ["ann@example.com", "bob@example.com", "eve@example.com"]);
    let mut ids = BTreeSet::new();
    for mail in &mails {
        let message = mail.message()?;
        assert!(message.header("To").is_some_and(|to| to.contains(&mail.to[0])), "{message:?}");
        assert!(mails.iter().all(|other| other.to == mail.to || !mail.data.contains(&other.to[0])), "{message:?}");
        ids.extend(message.header("Message-ID").map(str::to_owned));
    }
    assert_eq!(ids.len(), 3, "each mail is one of its own");
    shutdown.trigger();
    running.await?;
    Ok(())
}

/// Waits until every job is done.
async fn until_idle(bus: &dyn Bus) -> Result<()> {
    for _ in 0..500 {
        let backlog = bus.backlog(Queue::Mail).await?;
        if (backlog.waiting, backlog.delayed, backlog.dead) == (0, 0, 0) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("jobs are left after ten seconds");
}
