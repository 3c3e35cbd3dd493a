//! Two hundred requests at the same time, for the same thing: exactly the right outcome, on both stores, with two
//! gateways and two data processes.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context as _, Result};
use futures_util::future::{join_all, try_join_all};
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, Parsefleet, Settings, ask, mongodb_uri, redis_url,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Requests at the same time.
const RIVALS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn fleet_on_mongodb() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let name = format!("races_{}", rand::random::<u32>());
    let mut plan = FleetPlan::new(mongodb_uri(&name)?, Some(redis_url()?));
    plan.common = settings();
    let fleet = Fleet::start(folder.path(), &plan).await?;
    Rivals::of(fleet.gateways.iter().map(|gateway| gateway.url.clone()).collect()).run_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn fleet_on_mongodb_that_replays() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let name = format!("races_replay_{}", rand::random::<u32>());
    let mut plan = FleetPlan::new(mongodb_uri(&name)?, Some(redis_url()?));
    plan.common = settings().variable("PARSEFLEET_IDEMPOTENCY_REPLAY", "true");
    let fleet = Fleet::start(folder.path(), &plan).await?;
    Rivals::of(fleet.gateways.iter().map(|gateway| gateway.url.clone()).collect()).replayed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_with_the_embedded_store() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Parsefleet::start(folder.path(), settings()).await?;
    Rivals::of(vec![server.url.clone()]).run_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_with_the_embedded_store_that_replays() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = settings().variable("PARSEFLEET_IDEMPOTENCY_REPLAY", "true");
    let server = Parsefleet::start(folder.path(), settings).await?;
    Rivals::of(vec![server.url.clone()]).replayed().await
}

fn settings() -> Settings {
    Settings::default().option("idempotencyOptions", json!({ "paths": ["classes/Once"], "ttl": 60 }))
}

/// Clients of the same servers.
struct Rivals {
    urls: Vec<String>,
    http: reqwest::Client,
}

/// Status, `Location` and body.
type Answer = (u16, Option<String>, Value);

impl Rivals {
    fn of(urls: Vec<String>) -> Self {
        Self { urls, http: reqwest::Client::new() }
    }

    async fn run_all(&self) -> Result<()> {
        self.unique_values().await?;
        self.counters().await?;
        self.arrays().await?;
        self.request_ids().await?;
        self.transactions().await
    }

    /// One request of number `number`, to one of the servers.
    async fn ask(&self, number: usize, method: Method, path: &str, request_id: &str, body: &Value) -> Result<Answer> {
        let url = &self.urls[number % self.urls.len()];
        let request = self.http.request(method, format!("{url}/{path}")).header("X-Parse-Application-Id", APP_ID);
        let request = request.header("X-Parse-Request-Id", request_id).header("X-Parse-Master-Key", MASTER_KEY);
        let answer = ask(request.json(body)).await?;
        let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
        // Each gateway names itself.
        let location = location.map(|location| location.replace(url, ""));
        Ok((answer.status, location, answer.json()?))
    }

    /// The same request from everybody at the same time.
    async fn all_ask(
        &self,
        method: Method,
        path: &str,
        id: &str,
        body: impl Fn(usize) -> Value,
    ) -> Result<Vec<Answer>> {
        let bodies: Vec<Value> = (0..RIVALS).map(body).collect();
        let requests = bodies.iter().enumerate();
        try_join_all(requests.map(|(number, body)| self.ask(number, method.clone(), path, id, body))).await
    }

    async fn find(&self, class: &str) -> Result<Vec<Value>> {
        let (_, _, body) = self.ask(0, Method::GET, &format!("classes/{class}?limit=1000"), "", &json!({})).await?;
        body["results"].as_array().cloned().with_context(|| format!("{body}"))
    }

    async fn create(&self, class: &str, body: Value) -> Result<String> {
        let (_, _, body) = self.ask(0, Method::POST, &format!("classes/{class}"), "", &body).await?;
        body["objectId"].as_str().map(str::to_owned).with_context(|| format!("{body}"))
    }

    async fn unique_values(&self) -> Result<()> {
        let role = |name: &str| json!({ "name": name, "ACL": { "*": { "read": true } } });
        // The index is made in the background after the start.
        let explain = r#"classes/_Role?where={"name":"x"}&explain=true"#;
        while !self.ask(0, Method::GET, explain, "", &json!({})).await?.2.to_string().contains("IXSCAN") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let answers = self.all_ask(Method::POST, "classes/_Role", "", |_| role("same")).await?;
        assert_eq!(outcomes(&answers), HashMap::from([((201, 0), 1), ((400, 137), RIVALS - 1)]));
        let named = self.find("_Role").await?.iter().filter(|role| role["name"] == "same").count();
        assert_eq!(named, 1);
        Ok(())
    }

    async fn counters(&self) -> Result<()> {
        let path = format!("classes/Counter/{}", self.create("Counter", json!({ "n": 0 })).await?);
        let body = json!({ "n": { "__op": "Increment", "amount": 1 } });
        let answers = self.all_ask(Method::PUT, &path, "", |_| body.clone()).await?;
        let told: HashSet<i64> = answers.iter().filter_map(|(_, _, body)| body["n"].as_i64()).collect();
        assert_eq!(told, (1..=RIVALS as i64).collect(), "everybody was told another number");
        assert_eq!(self.find("Counter").await?[0]["n"], RIVALS);
        Ok(())
    }

    async fn arrays(&self) -> Result<()> {
        let path = format!("classes/List/{}", self.create("List", json!({ "all": [], "few": [] })).await?);
        let body = |number: usize| {
            json!({
                "all": { "__op": "Add", "objects": [number] },
                "few": { "__op": "AddUnique", "objects": [number % 7] },
            })
        };
        let answers = self.all_ask(Method::PUT, &path, "", body).await?;
        assert_eq!(outcomes(&answers), HashMap::from([((200, 0), RIVALS)]));
        let list = &self.find("List").await?[0];
        let all: HashSet<u64> = list["all"].as_array().context("a list")?.iter().filter_map(Value::as_u64).collect();
        assert_eq!(all, (0..RIVALS as u64).collect());
        assert_eq!(list["all"].as_array().map(Vec::len), Some(RIVALS));
        assert_eq!(list["few"].as_array().map(Vec::len), Some(7));
        let body = |number: usize| json!({ "all": { "__op": "Remove", "objects": [number] } });
        self.all_ask(Method::PUT, &path, "", body).await?;
        assert_eq!(self.find("List").await?[0]["all"], json!([]));
        Ok(())
    }

    async fn request_ids(&self) -> Result<()> {
        let answers = self.all_ask(Method::POST, "classes/OnceA", "same", |number| json!({ "n": number })).await?;
        assert_eq!(outcomes(&answers), HashMap::from([((201, 0), 1), ((400, 159), RIVALS - 1)]));
        assert_eq!(self.find("OnceA").await?.len(), 1);
        Ok(())
    }

    /// Everybody counts by a transaction of two objects.
    async fn transactions(&self) -> Result<()> {
        let ids = [self.create("Pair", json!({ "n": 0 })).await?, self.create("Pair", json!({ "n": 0 })).await?];
        let part = |id: &String| {
            let body = json!({ "n": { "__op": "Increment", "amount": 1 } });
            json!({ "method": "PUT", "path": format!("/parse/classes/Pair/{id}"), "body": body })
        };
        let batch = json!({ "transaction": true, "requests": ids.iter().map(part).collect::<Vec<_>>() });
        let answers = join_all((0..RIVALS).map(|number| self.ask(number, Method::POST, "batch", "", &batch))).await;
        let done = answers.iter().filter(|answer| matches!(answer, Ok((200, ..)))).count();
        let failed = answers.iter().find(|answer| !matches!(answer, Ok((200, ..))));
        assert_eq!(done, RIVALS, "{failed:?}");
        for pair in self.find("Pair").await? {
            assert_eq!(pair["n"], RIVALS);
        }
        Ok(())
    }

    /// Everybody is given what the first one was.
    async fn replayed(&self) -> Result<()> {
        let answers = self.all_ask(Method::POST, "classes/OnceA", "create", |_| json!({ "n": 1 })).await?;
        let first = &answers[0];
        assert_eq!((first.0, first.1.is_some()), (201, true), "{first:?}");
        assert!(answers.iter().all(|answer| answer == first));
        assert_eq!(self.find("OnceA").await?.len(), 1);

        let id = first.2["objectId"].as_str().context("no objectId")?;
        let body = json!({ "n": { "__op": "Increment", "amount": 1 } });
        let path = format!("classes/OnceA/{id}");
        let answers = self.all_ask(Method::PUT, &path, "update", |_| body.clone()).await?;
        assert!(answers.iter().all(|answer| answer.0 == 200 && answer.2["n"] == 2 && *answer == answers[0]));

        let part = json!({ "method": "PUT", "path": format!("/parse/{path}"), "body": body });
        let create = json!({ "method": "POST", "path": "/parse/classes/OnceB", "body": {} });
        for (transaction, expected) in [(false, 3), (true, 4)] {
            let batch = json!({ "transaction": transaction, "requests": [part, create] });
            let id = format!("batch {transaction}");
            let answers = self.all_ask(Method::POST, "batch", &id, |_| batch.clone()).await?;
            assert_eq!(answers[0].2[0]["success"]["n"], expected, "{:?}", answers[0]);
            assert!(answers.iter().all(|answer| *answer == answers[0]));
        }
        assert_eq!(self.find("OnceB").await?.len(), 2);
        assert_eq!(self.find("OnceA").await?[0]["n"], 4);
        Ok(())
    }
}

/// How often there was which status and code.
fn outcomes(answers: &[Answer]) -> HashMap<(u16, i64), usize> {
    let mut outcomes = HashMap::new();
    for (status, _, body) in answers {
        *outcomes.entry((*status, body["code"].as_i64().unwrap_or(0))).or_default() += 1;
    }
    outcomes
}
