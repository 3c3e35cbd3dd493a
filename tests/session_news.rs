//! What one gateway does to sessions, users and roles is true on the other one at once, and a log-out leaves other sessions be.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use mongodb::Client;
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, Settings, ask, mongodb_uri, plant_secret, redis_url,
};
use reqwest::{Client as Http, Method, StatusCode};
use serde_json::{Value, json};

/// How often each change is made.
const ROUNDS: usize = 100;
/// Within which it has to be seen.
const WITHIN: Duration = Duration::from_secs(1);
const PASSWORD: &str = "news-password-that-nobody-says";

struct Town {
    http: Http,
    /// Two gateways.
    urls: [String; 2],
    fleet: Fleet,
    uri: String,
}

struct Person {
    id: String,
    token: String,
}

#[derive(Clone, Copy)]
enum By<'a> {
    User(&'a str),
    Master,
    Nobody,
}

impl Town {
    async fn found(folder: &std::path::Path) -> Result<Self> {
        plant_secret(PASSWORD);
        let uri = mongodb_uri(&format!("session_news_{}", rand::random::<u32>()))?;
        // No answer becomes too old while a test runs.
        let common = Settings::default().option("cacheTTL", 60_000);
        let plan = FleetPlan { common, ..FleetPlan::new(uri.clone(), Some(redis_url()?)) };
        let fleet = Fleet::start(folder, &plan).await?;
        let urls = [fleet.gateways[0].url.clone(), fleet.gateways[1].url.clone()];
        Ok(Self { http: Http::new(), urls, fleet, uri })
    }

    async fn ask(
        &self,
        gateway: usize,
        method: Method,
        path: &str,
        by: By<'_>,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value)> {
        let url = format!("{}{path}", self.urls[gateway]);
        let mut request = self.http.request(method, url).header("X-Parse-Application-Id", APP_ID);
        request = match by {
            By::User(token) => request.header("X-Parse-Session-Token", token),
            By::Master => request.header("X-Parse-Master-Key", MASTER_KEY),
            By::Nobody => request,
        };
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = ask(request).await?;
        Ok((StatusCode::from_u16(answer.status)?, answer.json()?))
    }

    async fn done(&self, method: Method, path: &str, by: By<'_>, body: Option<Value>) -> Result<Value> {
        let (status, answer) = self.ask(0, method.clone(), path, by, body).await?;
        ensure!(status.is_success(), "{method} {path}: {status} {answer}");
        Ok(answer)
    }

    async fn sign_up(&self, name: &str) -> Result<Person> {
        let body = json!({ "username": name, "password": PASSWORD });
        let user = self.done(Method::POST, "/users", By::Nobody, Some(body)).await?;
        let text = |name: &str| user[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        Ok(Person { id: text("objectId")?, token: text("sessionToken")? })
    }

    async fn log_in(&self, name: &str) -> Result<String> {
        let body = json!({ "username": name, "password": PASSWORD });
        let user = self.done(Method::POST, "/login", By::Nobody, Some(body)).await?;
        Ok(user["sessionToken"].as_str().context("no token")?.to_owned())
    }

    /// Whether both gateways take the token, asked of the second one first.
    async fn is_taken(&self, token: &str) -> Result<[bool; 2]> {
        let mut taken = [false; 2];
        for gateway in [1, 0] {
            let (status, answer) =
                self.ask(gateway, Method::GET, "/classes/Nothing?limit=0", By::User(token), None).await?;
            ensure!(status.is_success() || answer["code"] == 209, "{answer}");
            taken[gateway] = status.is_success();
        }
        Ok(taken)
    }

    /// Waits until no gateway takes the token, and tells how long that took.
    async fn is_over(&self, token: &str) -> Result<Duration> {
        let start = Instant::now();
        while self.is_taken(token).await? != [false; 2] {
            ensure!(start.elapsed() < WITHIN, "the session is still taken after {:?}", start.elapsed());
        }
        Ok(start.elapsed())
    }

    /// How often a gateway had to ask auth.
    async fn misses(&self, gateway: usize) -> Result<u64> {
        let metrics = self.fleet.gateways[gateway].admin("/metrics").await?;
        let line = metrics.lines().find(|line| line.contains("sessions") && line.contains("miss"));
        let count = line.and_then(|line| line.rsplit(' ').next()).unwrap_or("0");
        Ok(count.parse::<f64>()? as u64)
    }

    async fn remove(self) -> Result<()> {
        Client::with_uri_str(&self.uri).await?.default_database().context("a database")?.drop().await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_is_known_everywhere() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::found(folder.path()).await?;
    town.sign_up("ender").await?;
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let token = town.log_in("ender").await?;
        ensure!(town.is_taken(&token).await? == [true; 2], "round {round}");
        match round % 3 {
            0 => {
                town.done(Method::POST, "/logout", By::User(&token), None).await?;
            }
            kind => {
                let me = town.done(Method::GET, "/sessions/me", By::User(&token), None).await?;
                let path = format!("/sessions/{}", me["objectId"].as_str().context("no id")?);
                let by = if kind == 1 { By::User(token.as_str()) } else { By::Master };
                town.done(Method::DELETE, &path, by, None).await?;
            }
        }
        slowest = slowest.max(town.is_over(&token).await.with_context(|| format!("round {round}"))?);
    }
    eprintln!("the end of a session was known after {slowest:?} at the latest");
    town.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_and_a_removed_user_end_all_sessions() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::found(folder.path()).await?;
    for round in 0..ROUNDS {
        let name = format!("leaver {round}");
        let person = town.sign_up(&name).await?;
        let other = town.log_in(&name).await?;
        for token in [&person.token, &other] {
            ensure!(town.is_taken(token).await? == [true; 2], "round {round}");
        }
        let path = format!("/users/{}", person.id);
        if round % 2 == 0 {
            let change = json!({ "password": format!("{PASSWORD} anew") });
            let changed = town.done(Method::PUT, &path, By::User(&person.token), Some(change)).await?;
            let token = changed["sessionToken"].as_str().context("no new token")?;
            ensure!(town.is_taken(token).await? == [true; 2], "round {round}: the new session");
        } else {
            town.done(Method::DELETE, &path, By::Master, None).await?;
        }
        for token in [&person.token, &other] {
            town.is_over(token).await.with_context(|| format!("round {round}"))?;
        }
    }
    town.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_role_is_known_everywhere() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::found(folder.path()).await?;
    let person = town.sign_up("member").await?;
    let role = json!({ "name": "Club", "ACL": {} });
    let role = town.done(Method::POST, "/roles", By::Master, Some(role)).await?;
    let role = format!("/roles/{}", role["objectId"].as_str().context("no id")?);
    let object = json!({ "ACL": { "role:Club": { "read": true } } });
    let object = town.done(Method::POST, "/classes/Room", By::Master, Some(object)).await?;
    let object = format!("/classes/Room/{}", object["objectId"].as_str().context("no id")?);
    for round in 0..ROUNDS {
        let joins = round % 2 == 0;
        let pointer = json!({ "__type": "Pointer", "className": "_User", "objectId": person.id });
        let operation = if joins { "AddRelation" } else { "RemoveRelation" };
        let change = json!({ "users": { "__op": operation, "objects": [pointer] } });
        town.done(Method::PUT, &role, By::Master, Some(change)).await?;
        let start = Instant::now();
        for gateway in [1, 0] {
            loop {
                let (status, _) = town.ask(gateway, Method::GET, &object, By::User(&person.token), None).await?;
                if (status == StatusCode::OK) == joins {
                    break;
                }
                ensure!(start.elapsed() < WITHIN, "round {round}: gateway {gateway} does not know after a second");
            }
        }
    }
    town.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_leaves_other_sessions_where_they_are() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::found(folder.path()).await?;
    let mut tokens = Vec::new();
    for number in 0..20 {
        tokens.push(town.sign_up(&format!("stayer {number}")).await?.token);
    }
    let leaver = town.sign_up("leaver").await?;
    // All within the time that answers are kept.
    for token in &tokens {
        town.is_taken(token).await?;
    }
    let before = [town.misses(0).await?, town.misses(1).await?];
    ensure!(before[1] > 0, "misses are counted");
    town.done(Method::POST, "/logout", By::User(&leaver.token), None).await?;
    for token in &tokens {
        ensure!(town.is_taken(token).await? == [true; 2]);
    }
    let asked = town.misses(1).await? - before[1];
    // One in 4096 shares a shard with the leaver.
    ensure!(asked <= 2, "{asked} sessions were asked for again");
    town.remove().await
}
