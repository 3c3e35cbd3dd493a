//! Mails that the app's own code writes: from `POST /emails` to the inbox, by way of one process and of a fleet, and past the death
//! of whoever has acknowledged them.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use parsefleet_bus::{Bus, EmbeddedBus, RabbitBus};
use parsefleet_testkit::servers::{
    Answer, Fleet, FleetPlan, MASTER_KEY, MailServer, MailServerOptions, Parsefleet, READ_ONLY_MASTER_KEY, RabbitMq,
    Settings, amqp_url, ask, free_port, mongodb_uri, redis_url,
};
use reqwest::Client;
use serde_json::{Value as Json, json};

use super::{new_app, received, schedule, settings, wait_for, wait_until_idle};

/// Part of all that is in a mail here, its addresses included, and of nothing else: no log holds it.
const SECRET: &str = "quiet";

/// Longer than a process lives that has acknowledged a mail here.
const THINKING: Duration = Duration::from_secs(20);

const READERS: [&str; 3] = ["ann.quiet@example.com", "bob.quiet@example.com", "eve.quiet@example.com"];

/// Where mails are posted.
struct Post {
    url: String,
    app: String,
}

impl Post {
    async fn ask(&self, path: &str, key: Option<&str>, body: &Json) -> Result<Answer> {
        let request = Client::new().post(format!("{}{path}", self.url)).json(body);
        let request = request.header("X-Parse-Application-Id", &self.app);
        ask(key.into_iter().fold(request, |request, key| request.header("X-Parse-Master-Key", key))).await
    }

    /// Posts a mail, and returns when it is acknowledged.
    async fn send(&self, body: &Json) -> Result<()> {
        let answer = self.ask("/emails", Some(MASTER_KEY), body).await?;
        ensure!((answer.status, answer.text.as_str()) == (200, "{}"), "{}: {}", answer.status, answer.text);
        Ok(())
    }

    /// Posts a mail with this in it that is refused, and returns status and code.
    async fn refused(&self, key: Option<&str>, member: &str, value: Json) -> Result<(u16, Json)> {
        let mut body = to("nobody.quiet@example.com");
        body[member] = value;
        let answer = self.ask("/emails", key, &body).await?;
        ensure!(!answer.text.contains(SECRET), "{}", answer.text);
        Ok((answer.status, answer.json()?["code"].clone()))
    }
}

/// A mail to whom it may concern.
fn to(recipients: impl Into<Json>) -> Json {
    json!({ "to": recipients.into(), "subject": "Your quiet order", "text": "quiet text {{link}}" })
}

/// The fleet of an app, and the bus between its processes.
async fn fleet(folder: &Path, server: &MailServer, amqp_url: String) -> Result<(Fleet, Post, RabbitBus)> {
    let app = new_app();
    let uri = mongodb_uri(&app.replace('-', "_"))?;
    let bus = RabbitBus::try_new(&amqp_url, &format!("parsefleet.{app}"), schedule())?;
    let mut plan = FleetPlan::new(uri, Some(redis_url()?));
    (plan.gateways, plan.datas, plan.emails, plan.amqp_url) = (1, 1, 1, Some(amqp_url));
    plan.common = common(&app, server);
    let fleet = Fleet::start(folder, &plan).await?;
    let post = Post { url: fleet.gateways[0].url.clone(), app };
    Ok((fleet, post, bus))
}

/// All that is told to the log is told.
fn common(app: &str, server: &MailServer) -> Settings {
    settings(app, server).option("logLevel", "debug")
}

async fn alone(folder: &Path, server: &MailServer) -> Result<(Parsefleet, Post, EmbeddedBus)> {
    let process = Parsefleet::start(folder, common("app", server)).await?;
    let bus = EmbeddedBus::new(&folder.join("parsefleet-data"), schedule());
    let post = Post { url: process.url.clone(), app: "app".to_owned() };
    Ok((process, post, bus))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_alone_sends_what_the_app_wrote() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let (process, post, bus) = alone(folder.path(), &server).await?;
    send_and_be_refused(&post, &server, &bus).await?;
    check_log(&process)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_sends_what_the_app_wrote() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let (mut fleet, post, bus) = fleet(folder.path(), &server, amqp_url()?).await?;
    send_and_be_refused(&post, &server, &bus).await?;
    fleet.processes().try_for_each(|process| check_log(process))
}

/// Mails that are as they should be, and requests that are not.
async fn send_and_be_refused(post: &Post, server: &MailServer, bus: &dyn Bus) -> Result<()> {
    let mut body = to(json!(READERS));
    body["html"] = json!("<p>quiet &amp; {{link}}</p>");
    body["from"] = json!("Ännchen <ann@quiet.example>");
    body["replyTo"] = json!("answers@quiet.example");
    post.send(&body).await?;
    for (key, member, value, expected) in [
        (None, "subject", json!("s"), (403, Json::Null)),
        (Some(READ_ONLY_MASTER_KEY), "subject", json!("s"), (400, json!(119))),
        (Some(MASTER_KEY), "to", json!([]), (400, json!(135))),
        (Some(MASTER_KEY), "to", json!(["ann@quiet.example", "no address"]), (400, json!(125))),
        (Some(MASTER_KEY), "subject", json!("s\r\nBcc: a@quiet.example"), (400, json!(162))),
        (Some(MASTER_KEY), "text", json!({}), (400, json!(111))),
        (Some(MASTER_KEY), "text", json!("quiet".repeat(300_000)), (400, json!(116))),
        (Some(MASTER_KEY), "bcc", json!("a@quiet.example"), (400, json!(105))),
    ] {
        ensure!(post.refused(key, member, value).await? == expected, "{member}: not {expected:?}");
    }
    // As a part of a batch, like other requests of the master key.
    let part = json!({ "method": "POST", "path": "/parse/emails", "body": to("last.quiet@example.com") });
    let answer = post.ask("/batch", Some(MASTER_KEY), &json!({ "requests": [part] })).await?;
    ensure!(answer.text == r#"[{"success":{}}]"#, "{}", answer.text);

    wait_for(server, READERS.len() + 1).await?;
    wait_until_idle(bus).await?;
    let expected = READERS.into_iter().chain(["last.quiet@example.com"]).map(|reader| (reader.to_owned(), 1));
    assert_eq!(received(server), expected.collect::<BTreeMap<_, _>>());
    for mail in server.mails() {
        let message = mail.message()?;
        assert_eq!(message.header("Subject"), Some("Your quiet order"));
        assert_eq!(message.text.trim_end(), "quiet text {{link}}");
        let is_last = mail.to == ["last.quiet@example.com"];
        let (from, reply_to, html) = match is_last {
            true => ("noreply@example.com", None, None),
            false => ("ann@quiet.example", Some("answers@quiet.example"), Some("<p>quiet &amp; {{link}}</p>")),
        };
        assert_eq!((mail.from.as_str(), message.header("Reply-To")), (from, reply_to));
        assert_eq!(message.html.as_deref().map(str::trim_end), html);
        assert_eq!(mail.to.len(), 1);
        assert_eq!(message.header("To"), Some(mail.to[0].as_str()));
    }
    Ok(())
}

/// It dies before any mail can have been sent: what comes, comes of what it kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_process_that_is_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let (mut process, post, bus) = alone(folder.path(), &server).await?;
    server.delay(THINKING);
    post.send(&to(json!(READERS))).await?;
    process.process.kill()?;
    ensure!(server.mails().is_empty(), "a mail came too early");
    check_log(&process)?;
    server.delay(Duration::ZERO);
    process.restart().await?;
    everybody_has_one(&server, &bus).await?;
    check_log(&process)
}

/// While RabbitMQ is away nobody can have passed the mail on: another auth finds it in the database.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_auth_and_the_absence_of_rabbitmq() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(MailServerOptions::default()).await?;
    let mut broker = RabbitMq::start(folder.path(), free_port()?).await?;
    let (mut fleet, post, bus) = fleet(folder.path(), &server, broker.url()).await?;
    broker.process.kill()?;
    post.send(&to(json!(READERS))).await?;
    let auth = fleet.auths.first_mut().context("an auth service")?;
    auth.process.kill()?;
    check_log(auth)?;
    broker.restart().await?;
    ensure!(server.mails().is_empty(), "a mail came too early");
    auth.restart().await?;
    everybody_has_one(&server, &bus).await?;
    fleet.processes().try_for_each(|process| check_log(process))
}

async fn everybody_has_one(server: &MailServer, bus: &dyn Bus) -> Result<()> {
    wait_for(server, READERS.len()).await?;
    wait_until_idle(bus).await?;
    assert_eq!(received(server), READERS.map(|reader| (reader.to_owned(), 1)).into_iter().collect::<BTreeMap<_, _>>());
    Ok(())
}

/// No log of a process holds anything of a mail.
fn check_log(process: &Parsefleet) -> Result<()> {
    let log = process.process.log();
    let line = log.lines().find(|line| line.contains(SECRET));
    ensure!(line.is_none(), "the log says {line:?}");
    Ok(())
}
