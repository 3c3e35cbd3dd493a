//! Redis or MongoDB goes away and comes back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bson::{DateTime, Document, doc};
use mongodb::Client;
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, Mongod, RedisServer, Settings, ask, free_port, mongodb_uri,
};
use serde_json::{Value, json};

const TOKEN: &str = "r:0123456789abcdef0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_everything_still_answers() -> Result<()> {
    let _machine = crate::MACHINE.lock().await;
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("faults_redis_{}", rand::random::<u32>()))?;
    let mut redis = RedisServer::start(folder.path(), free_port()?).await?;
    let fleet = Fleet::start(folder.path(), &FleetPlan::new(uri.clone(), Some(redis.url()))).await?;
    insert_session(&uri).await?;
    let url = fleet.gateways[0].url.clone();
    exercise(&url, "before").await?;
    redis.process.kill()?;
    for round in 0..20 {
        exercise(&url, &format!("without {round}")).await.with_context(|| format!("round {round} without Redis"))?;
    }
    let redis = RedisServer::start(folder.path(), redis.port).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    exercise(&url, "after").await?;
    drop(redis);
    Ok(())
}

/// A write and a read with a session: every path that leads through a cache.
async fn exercise(url: &str, name: &str) -> Result<()> {
    let start = Instant::now();
    let http = reqwest::Client::new();
    let create = http.post(format!("{url}/classes/Redis")).header("X-Parse-Application-Id", APP_ID);
    let create = create.header("X-Parse-Session-Token", TOKEN).json(&json!({ "name": name }));
    let created = ask(create).await?.successful()?.json()?;
    let id = created["objectId"].as_str().context("no objectId")?;
    let get = http.get(format!("{url}/classes/Redis/{id}")).header("X-Parse-Application-Id", APP_ID);
    let found = ask(get.header("X-Parse-Session-Token", TOKEN)).await?.successful()?.json()?;
    assert_eq!(found["name"], name);
    assert!(start.elapsed() < Duration::from_secs(3), "a request took {:?}", start.elapsed());
    Ok(())
}

async fn insert_session(uri: &str) -> Result<()> {
    let database = Client::with_uri_str(uri).await?.default_database().context("the URI names a database")?;
    let now = DateTime::now();
    let later = DateTime::from_millis(now.timestamp_millis() + 3_600_000);
    let user = doc! { "_id": "faultUser1", "username": "fault", "_created_at": now, "_updated_at": now };
    let session = doc! {
        "_id": "faultSess1", "_session_token": TOKEN, "_p_user": "_User$faultUser1", "expiresAt": later,
        "_created_at": now, "_updated_at": now,
    };
    database.collection::<Document>("_User").insert_one(user).await?;
    database.collection::<Document>("_Session").insert_one(session).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_mongodb_errors_are_parse_errors_in_time_and_service_resumes() -> Result<()> {
    let _machine = crate::MACHINE.lock().await;
    let deadline = Duration::from_secs(3);
    let folder = tempfile::tempdir()?;
    let mut mongod = Mongod::start(folder.path(), free_port()?).await?;
    let mut plan = FleetPlan::new(mongod.uri("faults"), None);
    plan.common = Settings::default().variable("PARSEFLEET_REQUEST_TIMEOUT", "3s");
    let mut fleet = Fleet::start(folder.path(), &plan).await?;
    let url = fleet.gateways[0].url.clone();
    let id = create(&url).await?;

    mongod.process.kill()?;
    let stopped = Instant::now();
    while stopped.elapsed() < Duration::from_secs(10) {
        let start = Instant::now();
        let (status, body) = get(&url, &id).await?;
        assert!(start.elapsed() < deadline + Duration::from_secs(2), "an error took {:?}", start.elapsed());
        assert!(status >= 500 || status == 400, "{status} {body}");
        assert!(body["code"].is_i64() && body["error"].is_string(), "not a Parse error: {status} {body}");
    }
    assert!(fleet.processes().all(|server| server.process.is_running()), "a process ended");

    let mongod = Mongod::start(folder.path(), mongod.port).await?;
    let resumed = Instant::now();
    loop {
        let (status, body) = get(&url, &id).await?;
        if status == 200 {
            break;
        }
        assert!(resumed.elapsed() < Duration::from_secs(15), "service does not resume: {status} {body}");
    }
    create(&url).await?;
    drop(mongod);
    Ok(())
}

async fn create(url: &str) -> Result<String> {
    let request = reqwest::Client::new().post(format!("{url}/classes/Away")).header("X-Parse-Application-Id", APP_ID);
    let body = ask(request.json(&json!({ "number": 1 }))).await?.successful()?.json()?;
    Ok(body["objectId"].as_str().context("no objectId")?.to_owned())
}

async fn get(url: &str, id: &str) -> Result<(u16, Value)> {
    let request =
        reqwest::Client::new().get(format!("{url}/classes/Away/{id}")).header("X-Parse-Application-Id", APP_ID);
    let answer = ask(request).await?;
    Ok((answer.status, answer.json()?))
}
