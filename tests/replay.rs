//! A sign-up that is sent again, to real servers with `PARSEFLEET_IDEMPOTENCY_REPLAY`: one user, however often and wherever.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, Parsefleet, Settings, ask, mongodb_uri, redis_url,
};
use serde_json::{Value, json};

/// Times that one sign-up is sent at once.
const REPETITIONS: usize = 8;

fn settings() -> Settings {
    let options = json!({ "paths": ["users"], "ttl": 300 });
    Settings::default().option("idempotencyOptions", options).variable("PARSEFLEET_IDEMPOTENCY_REPLAY", "true")
}

async fn send(method: &str, url: String, headers: &[(&str, &str)], body: Option<&Value>) -> Result<(u16, Value)> {
    let mut request = reqwest::Client::new().request(method.parse()?, url).header("X-Parse-Application-Id", APP_ID);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = ask(request).await?;
    Ok((answer.status, answer.json()?))
}

/// Sends a sign-up many times at once, to these servers in turn, and once more.
async fn sign_up_again_and_again(servers: &[String]) -> Result<()> {
    let first = servers.first().context("a server")?;
    let ada = json!({ "username": "ada", "password": "secret word", "age": 36 });
    let id = [("X-Parse-Request-Id", "11111111-2222-4333-8444-555555555555")];
    let once = |server: &String| send("POST", format!("{server}/users"), &id, Some(&ada));
    let mut answers = try_join_all((0..REPETITIONS).map(|number| once(&servers[number % servers.len()]))).await?;
    answers.push(once(first).await?);
    assert!(answers.iter().all(|(status, _)| *status == 201), "{answers:?}");
    let users: BTreeSet<String> = answers.iter().map(|(_, body)| body["objectId"].to_string()).collect();
    assert_eq!(users.len(), 1, "all are told of the same user");
    for (_, body) in &answers {
        let token = body["sessionToken"].as_str().context("a token")?;
        let (_, me) = send("GET", format!("{first}/users/me"), &[("X-Parse-Session-Token", token)], None).await?;
        assert_eq!((&me["objectId"], &me["age"]), (&body["objectId"], &json!(36)), "every token is good");
    }
    let key = [("X-Parse-Master-Key", MASTER_KEY)];
    let (_, counted) = send("GET", format!("{first}/users?count=1&limit=0"), &key, None).await?;
    assert_eq!(counted["count"], 1);

    // Another request with the same id, and the same request with another one.
    let bob = json!({ "username": "bob", "password": "secret word" });
    let (status, body) = send("POST", format!("{first}/users"), &id, Some(&bob)).await?;
    assert_eq!((status, &body["code"]), (400, &json!(159)), "{body}");
    let other = [("X-Parse-Request-Id", "99999999-2222-4333-8444-555555555555")];
    let (status, body) = send("POST", format!("{first}/users"), &other, Some(&ada)).await?;
    assert_eq!((status, &body["code"]), (400, &json!(202)), "{body}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_signs_up_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("replay_{}", rand::random::<u32>()))?;
    let plan = FleetPlan { common: settings(), gateways: 2, ..FleetPlan::new(uri, Some(redis_url()?)) };
    let fleet = Fleet::start(folder.path(), &plan).await?;
    let servers: Vec<String> = fleet.gateways.iter().map(|gateway| gateway.url.clone()).collect();
    sign_up_again_and_again(&servers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_signs_up_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Parsefleet::start(folder.path(), settings()).await?;
    sign_up_again_and_again(std::slice::from_ref(&server.url)).await
}
