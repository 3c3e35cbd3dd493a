//! What one data service changes in the schema the others use at once: the answer to the very next request depends on it.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use parsefleet_testkit::servers::{APP_ID, Fleet, FleetPlan, MASTER_KEY, ask, mongodb_uri, redis_url};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Conversations that go on at the same time, each about a class of its own.
const LANES: usize = 8;

/// Changes and writes in total, unless `PARSEFLEET_SCHEMA_CHANGES` says otherwise.
const CHANGES: usize = 1_000;

/// One conversation, whose requests go to the gateways in turn. Each gateway in turn asks either data service.
struct Lane {
    http: Client,
    gateways: Vec<String>,
    class: String,
    asked: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_uses_a_change_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("schema_changes_{}", rand::random::<u32>()))?;
    let fleet = Fleet::start(folder.path(), &FleetPlan::new(uri, Some(redis_url()?))).await?;
    let gateways: Vec<String> = fleet.gateways.iter().map(|gateway| gateway.url.clone()).collect();
    let changes = std::env::var("PARSEFLEET_SCHEMA_CHANGES").ok().map(|text| text.parse()).transpose()?;
    let changes: usize = changes.unwrap_or(CHANGES);

    let began = Instant::now();
    let lanes = (0..LANES).map(|number| {
        let class = format!("Changing{number}");
        let lane = Lane { http: Client::new(), gateways: gateways.clone(), class, asked: number };
        lane.alternate(changes.div_ceil(LANES))
    });
    let asked: usize = try_join_all(lanes).await?.iter().sum();
    eprintln!("{changes} changes and writes, {asked} requests in {:?}, no wrong answer", began.elapsed());
    Ok(())
}

impl Lane {
    /// Changes the class and writes to it, in turn; how many requests that took.
    async fn alternate(mut self, changes: usize) -> Result<usize> {
        let class = self.class.clone();
        self.succeed(Method::POST, &format!("/schemas/{class}"), true, json!({})).await?;
        let values = [("Number", json!(1)), ("String", json!("text")), ("Boolean", json!(true)), ("Array", json!([]))];
        for round in 0..changes.div_ceil(4) {
            let (type_name, value) = &values[round % values.len()];
            let (_, other) = &values[(round + 1) % values.len()];
            // A type is what it is now, and not what it was a moment ago.
            self.change(json!({"fields": {"field": {"type": type_name}}})).await?;
            self.write(json!({"field": value})).await?;
            let (code, _) = self.refused(json!({"field": other})).await?;
            ensure!(code == 111, "{class}: a value of another type is answered {code}");
            // So are permissions,
            self.change(json!({"classLevelPermissions": {"find": {"*": true}}})).await?;
            let (code, _) = self.refused(json!({"field": value})).await?;
            ensure!(code == 119, "{class}: a class closed for new objects answers {code}");
            self.change(json!({"classLevelPermissions": null})).await?;
            self.write(json!({"field": value})).await?;
            // and what an object must have.
            self.change(json!({"fields": {"field": {"type": type_name, "required": true}}})).await?;
            let (code, _) = self.refused(json!({})).await?;
            ensure!(code == 142, "{class}: an object without a required value is answered {code}");
            self.change(json!({"fields": {"field": {"__op": "Delete"}}})).await?;
            self.write(json!({})).await?;
        }
        Ok(self.asked)
    }

    async fn change(&mut self, body: Value) -> Result<()> {
        let path = format!("/schemas/{}", self.class);
        self.succeed(Method::PUT, &path, true, body).await
    }

    async fn write(&mut self, body: Value) -> Result<()> {
        let path = format!("/classes/{}", self.class);
        self.succeed(Method::POST, &path, false, body).await
    }

    async fn succeed(&mut self, method: Method, path: &str, as_master: bool, body: Value) -> Result<()> {
        let (status, answer) = self.ask(method.clone(), path, as_master, &body).await?;
        ensure!(status < 300, "{method} {path} {body} is answered {status} {answer}");
        Ok(())
    }

    async fn refused(&mut self, body: Value) -> Result<(i64, Value)> {
        let path = format!("/classes/{}", self.class);
        let (status, answer) = self.ask(Method::POST, &path, false, &body).await?;
        let code = answer["code"].as_i64().with_context(|| format!("{body} is answered {status} {answer}"))?;
        Ok((code, answer))
    }

    async fn ask(&mut self, method: Method, path: &str, as_master: bool, body: &Value) -> Result<(u16, Value)> {
        let gateway = &self.gateways[self.asked % self.gateways.len()];
        self.asked += 1;
        let mut request = self.http.request(method, format!("{gateway}{path}"));
        request = request.header("X-Parse-Application-Id", APP_ID).json(body);
        if as_master {
            request = request.header("X-Parse-Master-Key", MASTER_KEY);
        }
        let answer = ask(request).await?;
        Ok((answer.status, answer.json()?))
    }
}
