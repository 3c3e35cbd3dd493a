//! Hooks where Parse Server cannot be asked, or gives no good example: several processes, a database that is shared, and answers
//! that end its process or that it waits for without end. What hooks are told and answer otherwise, `parity` compares.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bson::{Document, doc};
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, MailServer, MailServerOptions, ParseServer, Parsefleet, Settings,
    WebhookAnswer, WebhookReceiver, ask, ask_parse_server, mongodb_uri, plant_secret, redis_url,
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// How often a hook is registered and removed.
const ROUNDS: usize = 50;
const WEBHOOK_KEY: &str = "another-webhook-key-that-nobody-says";
/// Time that a gateway gives a request, and what its answer may take longer.
const REQUEST_TIME: Duration = Duration::from_secs(3);
const SLACK: Duration = Duration::from_secs(3);

/// A server, and what it is asked.
struct Asking {
    http: Client,
    /// Its gateways, asked in turn.
    urls: Vec<String>,
    asked: usize,
}

impl Asking {
    fn new(urls: &[&str]) -> Self {
        Self { http: Client::new(), urls: urls.iter().map(|url| (*url).to_owned()).collect(), asked: 0 }
    }

    fn request(&mut self, method: Method, path: &str, body: Option<&Value>) -> RequestBuilder {
        let url = &self.urls[self.asked % self.urls.len()];
        self.asked += 1;
        let mut request = self.http.request(method, format!("{url}{path}")).header("X-Parse-Application-Id", APP_ID);
        request = request.header("X-Parse-Master-Key", MASTER_KEY);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        let answer = ask(self.request(method, path, body.as_ref())).await?;
        Ok((answer.status, answer.json()?))
    }

    async fn done(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, answer) = self.ask(method.clone(), path, body).await?;
        ensure!(status < 300, "{method} {path}: {status} {answer}");
        Ok(answer)
    }

    async fn register(&mut self, class: &str, trigger: &str, url: &str) -> Result<()> {
        let hook = json!({ "className": class, "triggerName": trigger, "url": url });
        self.done(Method::POST, "/hooks/triggers", Some(hook)).await.map(drop)
    }

    async fn unregister(&mut self, class: &str, trigger: &str) -> Result<()> {
        let path = format!("/hooks/triggers/{class}/{trigger}");
        self.done(Method::PUT, &path, Some(json!({ "__op": "Delete" }))).await.map(drop)
    }
}

/// A server of its own, on the embedded store.
async fn alone(folder: &std::path::Path) -> Result<(Parsefleet, Asking)> {
    plant_secret(WEBHOOK_KEY);
    let settings = Settings::default().option("webhookKey", WEBHOOK_KEY);
    let server = Parsefleet::start(folder, settings.option("allowClientClassCreation", true)).await?;
    let asking = Asking::new(&[&server.url]);
    Ok((server, asking))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_asks_a_new_hook_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = WebhookReceiver::start().await?;
    receiver.answer("refuse", WebhookAnswer::json(json!({ "error": "not today" })));
    let uri = mongodb_uri(&format!("hooks_{}_fleet", rand::random::<u32>()))?;
    let common = Settings::default().option("allowClientClassCreation", true);
    let plan = FleetPlan { common, ..FleetPlan::new(uri.clone(), Some(redis_url()?)) };
    let fleet = Fleet::start(folder.path(), &plan).await?;
    // Each gateway in turn asks either data service.
    let mut town = Asking::new(&[&fleet.gateways[0].url, &fleet.gateways[1].url]);
    town.done(Method::POST, "/classes/Hooked", Some(json!({ "n": 0 }))).await?;
    for round in 0..ROUNDS {
        town.register("Hooked", "beforeSave", &format!("{}/refuse", receiver.url)).await?;
        for _ in 0..4 {
            let (status, answer) = town.ask(Method::POST, "/classes/Hooked", Some(json!({ "n": 1 }))).await?;
            ensure!(status == 400 && answer["error"] == "not today", "round {round}: {status} {answer}");
        }
        town.unregister("Hooked", "beforeSave").await?;
        for _ in 0..4 {
            town.done(Method::POST, "/classes/Hooked", Some(json!({ "n": 2 }))).await?;
        }
    }
    let saved = town.done(Method::GET, "/classes/Hooked?count=1&limit=0&where={\"n\":1}", None).await?;
    ensure!(saved["count"] == 0, "{saved}");
    remove(&uri).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hooks_of_a_parse_server_are_asked() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = WebhookReceiver::start().await?;
    let uri = mongodb_uri(&format!("hooks_{}_shared", rand::random::<u32>()))?;
    let theirs = ParseServer::start(folder.path(), &uri, &json!({ "webhookKey": WEBHOOK_KEY })).await?;
    let mut asking = Asking::new(&[&theirs.url]);
    for hook in [
        json!({ "className": "Shared", "triggerName": "beforeSave", "url": format!("{}/beforeSave", receiver.url) }),
        json!({ "className": "Shared", "triggerName": "afterFind", "url": format!("{}/afterFind", receiver.url) }),
    ] {
        ask_parse_server(asking.request(Method::POST, "/hooks/triggers", Some(&hook))).await?.successful()?;
    }
    let function = json!({ "functionName": "shared", "url": format!("{}/function", receiver.url) });
    ask_parse_server(asking.request(Method::POST, "/hooks/functions", Some(&function))).await?.successful()?;
    drop(theirs);

    plant_secret(WEBHOOK_KEY);
    let settings = Settings::default().option("webhookKey", WEBHOOK_KEY).option("allowClientClassCreation", true);
    let ours = Parsefleet::start(folder.path(), settings.option("databaseURI", uri.clone())).await?;
    let mut asking = Asking::new(&[&ours.url]);
    asking.done(Method::POST, "/classes/Shared", Some(json!({ "n": 1 }))).await?;
    asking.done(Method::GET, "/classes/Shared", None).await?;
    let calls = receiver.take_calls();
    let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    ensure!(names == ["beforeSave", "afterFind"], "{names:?}");
    ensure!(calls.iter().all(|call| call.key.as_deref() == Some(WEBHOOK_KEY)), "the key is told");
    // What is not for this server to know stays where it is.
    asking.unregister("Shared", "beforeSave").await?;
    let database = mongodb::Client::with_uri_str(&uri).await?.default_database().context("a database")?;
    let hooks = database.collection::<Document>("_Hooks");
    ensure!(hooks.count_documents(doc! { "functionName": "shared" }).await? == 1, "the function is kept");
    ensure!(hooks.count_documents(doc! { "className": "Shared" }).await? == 1, "the other hook is kept");
    // And the other way round.
    asking.register("Shared", "afterSave", &format!("{}/afterSave", receiver.url)).await?;
    drop(ours);
    let theirs = ParseServer::start(folder.path(), &uri, &json!({})).await?;
    let body = json!({ "n": 2 });
    let request = Asking::new(&[&theirs.url]).request(Method::POST, "/classes/Shared", Some(&body));
    ask_parse_server(request).await?.successful()?;
    let names: Vec<String> = receiver.take_calls().into_iter().map(|call| call.name).collect();
    ensure!(names == ["afterSave"], "{names:?}");
    remove(&uri).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_list_leaves_the_results_of_a_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = WebhookReceiver::start().await?;
    let (_server, mut asking) = alone(folder.path()).await?;
    asking.done(Method::POST, "/classes/Found", Some(json!({ "n": 1 }))).await?;
    asking.register("Found", "afterFind", &format!("{}/after", receiver.url)).await?;
    for success in [json!(true), json!({}), json!({ "results": [] }), json!("text"), json!(7), json!(null)] {
        receiver.answer("after", WebhookAnswer::json(json!({ "success": success })));
        let found = asking.done(Method::GET, "/classes/Found", None).await?;
        ensure!(found["results"][0]["n"] == 1 && found["results"][0]["className"] == "Found", "{success}: {found}");
    }
    receiver.answer("after", WebhookAnswer::json(json!({ "success": [1e21, "text", { "n": 0.1 }] })));
    let found = asking.done(Method::GET, "/classes/Found?count=1", None).await?;
    ensure!(found == json!({ "results": [1e21, "text", { "n": 0.1 }], "count": 1 }), "{found}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_does_not_answer_is_waited_for_only_so_long() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = WebhookReceiver::start().await?;
    let settings = Settings::default().option("allowClientClassCreation", true);
    let settings = settings.variable("PARSEFLEET_REQUEST_TIMEOUT", format!("{}s", REQUEST_TIME.as_secs()));
    let server = Parsefleet::start(folder.path(), settings).await?;
    let mut asking = Asking::new(&[&server.url]);
    asking.done(Method::POST, "/classes/Silent", Some(json!({ "n": 1 }))).await?;
    receiver.answer("silent", WebhookAnswer { silent: true, ..WebhookAnswer::default() });
    for trigger in ["beforeSave", "beforeFind"] {
        asking.register("Silent", trigger, &format!("{}/silent", receiver.url)).await?;
    }
    for (method, body) in [(Method::POST, Some(json!({ "n": 2 }))), (Method::GET, None)] {
        let start = Instant::now();
        let (status, answer) = asking.ask(method, "/classes/Silent", body).await?;
        ensure!(status == 400 && answer["code"] == 141, "{status} {answer}");
        ensure!(start.elapsed() < REQUEST_TIME + SLACK, "answered after {:?}", start.elapsed());
    }
    asking.unregister("Silent", "beforeFind").await?;
    let saved = asking.done(Method::GET, "/classes/Silent?count=1&limit=0", None).await?;
    ensure!(saved["count"] == 1, "{saved}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_not_told_keys_and_tokens_of_the_request() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = WebhookReceiver::start().await?;
    let (_server, mut asking) = alone(folder.path()).await?;
    asking.register("Told", "beforeSave", &format!("{}/before", receiver.url)).await?;
    let body = json!({ "n": 1 });
    let request = asking.request(Method::POST, "/classes/Told", Some(&body)).header("X-Probe", "told");
    let secrets = [("Cookie", "a=cookie-secret"), ("Authorization", "Bearer bearer-secret")];
    let request = secrets.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let request = request.header("X-Parse-Session-Token", "r:session-secret");
    ask(request.header("X-Parse-Client-Key", "client-secret")).await?.successful()?;
    let calls = receiver.take_calls();
    let headers = &calls.first().context("a call")?.body["headers"];
    ensure!(headers["x-probe"] == "told", "{headers}");
    let text = headers.to_string();
    ensure!(!text.contains("secret") && !text.contains("\"x-parse-master-key\""), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_may_refuse_that_a_password_is_reset() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = WebhookReceiver::start().await?;
    let mails = MailServer::start(MailServerOptions::default()).await?;
    let smtp =
        json!({ "host": "127.0.0.1", "port": mails.smtp_port, "security": "none", "from": "App <a@example.com>" });
    let settings = Settings::default()
        .option("appName", "App")
        .option("publicServerURL", "http://127.0.0.1:9/parse")
        .option("emailAdapter", json!({ "module": "smtp", "options": smtp }));
    let server = Parsefleet::start(folder.path(), settings).await?;
    let mut asking = Asking::new(&[&server.url]);
    let address = "forgetful@example.com";
    let user = json!({ "username": "forgetful", "password": "a password that nobody knows", "email": address });
    asking.done(Method::POST, "/users", Some(user)).await?;
    asking.register("_User", "beforePasswordResetRequest", &format!("{}/reset", receiver.url)).await?;

    receiver.answer("reset", WebhookAnswer::json(json!({ "error": "not today" })));
    let reset = |address: &str| Some(json!({ "email": address }));
    let (status, answer) = asking.ask(Method::POST, "/requestPasswordReset", reset(address)).await?;
    ensure!(status == 400 && answer == json!({ "code": 141, "error": "not today" }), "{status} {answer}");
    let calls = receiver.take_calls();
    ensure!(calls.len() == 1 && calls[0].body["object"]["email"] == address, "{calls:?}");
    // Nobody is asked about somebody who is not there.
    asking.done(Method::POST, "/requestPasswordReset", reset("nobody@example.com")).await?;
    ensure!(receiver.take_calls().is_empty(), "a hook was told of nobody");

    receiver.forget_answers();
    asking.done(Method::POST, "/requestPasswordReset", reset(address)).await?;
    mails.inbox().wait_for(address, 0).await?;
    ensure!(mails.mails().len() == 1, "the refused request had sent a mail");
    Ok(())
}

async fn remove(uri: &str) -> Result<()> {
    mongodb::Client::with_uri_str(uri).await?.default_database().context("a database")?.drop().await?;
    Ok(())
}
