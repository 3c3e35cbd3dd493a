//! The servers that are measured, each on a database of its own with the same objects.

use std::{
    any::Any,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bson::{Document, doc};
use mongodb::{Client, Database, IndexModel};
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, ParseServer, Parsefleet, Process, Settings, free_port, mongodb_uri, redis_url,
};
use serde_json::{Value, json};

use crate::scenario::{CLASS, OBJECTS, PASSWORD, USER, object};

/// Objects created by one batch request.
const BATCH: usize = 50;
/// Ticks of the kernel's process clock in a second (`getconf CLK_TCK`, 100 on every Linux in use).
const TICKS_PER_SECOND: f64 = 100.0;
/// A server that uses a tenth of one processor at most for this long is at rest.
const REST: Duration = Duration::from_millis(500);
/// Longest time that a server may go on working after a load has ended.
const LONGEST_TAIL: Duration = Duration::from_secs(60);

/// Name of the server that every ratio is relative to.
pub(crate) const FLOOR: &str = "floor";
/// Name of the server to be better than.
pub(crate) const REFERENCE: &str = "Parse Server 9.10";

/// A running server.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    /// Ids of the objects that are read.
    pub(crate) ids: Vec<String>,
    /// A session of a user with roles, where the server knows sessions.
    pub(crate) session_token: Option<String>,
    pub(crate) process_ids: Vec<u32>,
    pub(crate) _processes: Box<dyn Any>,
}

/// Every server.
pub(crate) struct Targets {
    pub(crate) targets: Vec<Target>,
    /// What is dropped in the end.
    pub(crate) databases: Vec<Database>,
}

impl Targets {
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let run = rand::random::<u32>();
        let uri = |name: &str| mongodb_uri(&format!("bench_{run}_{name}"));
        let mut databases = Vec::new();
        for name in ["parse", "alone", "fleet"] {
            let client = Client::with_uri_str(uri(name)?).await?;
            databases.push(client.default_database().context("the URI names a database")?);
        }
        let reference = parse_server(folder, &uri("parse")?).await?;
        let alone = alone(folder, "alone on MongoDB", Some(&uri("alone")?)).await?;
        let fleet = fleet(folder, &uri("fleet")?).await?;
        let embedded = embedded(folder).await?;
        // Sorting by creation is what apps index; without one only MongoDB's own sorting would be measured.
        for database in &databases {
            let index = IndexModel::builder().keys(doc! { "_created_at": -1 }).build();
            database.collection::<Document>(CLASS).create_index(index).await?;
        }
        // The floor reads the very documents that our server alone reads.
        let floor = floor(folder, &uri("alone")?, alone.ids.clone()).await?;
        Ok(Self { targets: vec![floor, reference, alone, fleet, embedded], databases })
    }

    pub(crate) fn all(&self) -> &[Target] {
        &self.targets
    }

    pub(crate) async fn stop(self) -> Result<()> {
        drop(self.targets);
        for database in self.databases {
            database.drop().await?;
        }
        Ok(())
    }
}

impl Target {
    /// Resident memory of the server's processes, in MiB.
    pub(crate) fn memory(&self) -> Result<f64> {
        let mut kibibytes = 0.0;
        for id in &self.process_ids {
            let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
            kibibytes += line.trim().trim_end_matches(" kB").parse::<f64>()?;
        }
        Ok(kibibytes / 1024.0)
    }

    /// Returns when the server's processes have almost nothing left to do.
    pub(crate) fn come_to_rest(&self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < LONGEST_TAIL {
            let clock = CpuClock::start(self)?;
            std::thread::sleep(REST);
            if clock.microseconds()? < REST.as_secs_f64() * 1e6 / 10.0 {
                return Ok(());
            }
        }
        bail!("{} is still busy {} s after its load", self.name, LONGEST_TAIL.as_secs())
    }

    fn cpu_microseconds(&self) -> Result<f64> {
        let mut ticks = 0.0;
        for id in &self.process_ids {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
            // After the name in parentheses come state and numbers; user and system time are the 12th and 13th of them.
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            ticks += fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        }
        Ok(ticks / TICKS_PER_SECOND * 1e6)
    }
}

/// The processor time of a server's processes since it was started.
pub(crate) struct CpuClock<'a> {
    target: &'a Target,
    start: f64,
}

impl<'a> CpuClock<'a> {
    pub(crate) fn start(target: &'a Target) -> Result<Self> {
        Ok(Self { target, start: target.cpu_microseconds()? })
    }

    pub(crate) fn microseconds(&self) -> Result<f64> {
        Ok(self.target.cpu_microseconds()? - self.start)
    }
}

async fn floor(folder: &Path, uri: &str, ids: Vec<String>) -> Result<Target> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor").env("FLOOR_PORT", port.to_string()).env("FLOOR_DATABASE_URI", uri);
    let mut process = Process::start(command, &folder.join("floor.log"))?;
    let url = format!("http://127.0.0.1:{port}/parse");
    let health = format!("{url}/health");
    process.wait_until(Duration::from_secs(10), || async { reqwest::get(&health).await.is_ok() }).await?;
    let process_ids = vec![process.id()];
    Ok(Target { name: FLOOR, url, ids, session_token: None, process_ids, _processes: Box::new(process) })
}

async fn parse_server(folder: &Path, uri: &str) -> Result<Target> {
    let server = ParseServer::start(folder, uri, &json!({})).await?;
    let (ids, url) = (fill(&server.url).await?, server.url.clone());
    let session_token = Some(sign_up(&url).await?);
    let process_ids = vec![server.process.id()];
    Ok(Target { name: REFERENCE, url, ids, session_token, process_ids, _processes: Box::new(server) })
}

async fn alone(folder: &Path, name: &'static str, uri: Option<&str>) -> Result<Target> {
    let settings = match uri {
        Some(uri) => Settings::default().option("databaseURI", uri),
        None => Settings::default(),
    };
    let server = Parsefleet::start(folder, settings).await?;
    let (ids, url) = (fill(&server.url).await?, server.url.clone());
    let session_token = Some(sign_up(&url).await?);
    let process_ids = vec![server.process.id()];
    Ok(Target { name, url, ids, session_token, process_ids, _processes: Box::new(server) })
}

async fn fleet(folder: &Path, uri: &str) -> Result<Target> {
    let plan = FleetPlan { gateways: 1, auths: 1, datas: 1, ..FleetPlan::new(uri, Some(redis_url()?)) };
    let mut fleet = Fleet::start(folder, &plan).await?;
    let url = fleet.gateways[0].url.clone();
    let ids = fill(&url).await?;
    let session_token = Some(sign_up(&url).await?);
    let process_ids = fleet.processes().map(|server| server.process.id()).collect();
    Ok(Target { name: "fleet", url, ids, session_token, process_ids, _processes: Box::new(fleet) })
}

async fn embedded(folder: &Path) -> Result<Target> {
    let server = Parsefleet::start(&folder.join("embedded"), Settings::default()).await?;
    let (ids, url) = (fill(&server.url).await?, server.url.clone());
    let session_token = Some(sign_up(&url).await?);
    let process_ids = vec![server.process.id()];
    Ok(Target { name: "alone, embedded", url, ids, session_token, process_ids, _processes: Box::new(server) })
}

/// Creates the objects and tells their ids.
async fn fill(url: &str) -> Result<Vec<String>> {
    let http = reqwest::Client::new();
    let mut ids = Vec::with_capacity(OBJECTS);
    for start in (0..OBJECTS).step_by(BATCH) {
        let create =
            |number| json!({ "method": "POST", "path": format!("/parse/classes/{CLASS}"), "body": object(number) });
        let requests: Vec<Value> = (start..start + BATCH).map(create).collect();
        let request = http.post(format!("{url}/batch")).header("X-Parse-Application-Id", APP_ID);
        let answer: Value = request
            .header("X-Parse-Master-Key", MASTER_KEY)
            .json(&json!({ "requests": requests }))
            .send()
            .await?
            .json()
            .await?;
        for item in answer.as_array().with_context(|| format!("batch answered {answer}"))? {
            ids.push(
                item["success"]["objectId"].as_str().with_context(|| format!("create answered {item}"))?.to_owned(),
            );
        }
    }
    ensure!(ids.len() == OBJECTS);
    // Read in another order than that of creation.
    ids.sort();
    Ok(ids)
}

/// A user with a session and a role.
async fn sign_up(url: &str) -> Result<String> {
    let http = reqwest::Client::new();
    let request = http.post(format!("{url}/users")).header("X-Parse-Application-Id", APP_ID);
    let user: Value = request.json(&json!({ "username": USER, "password": PASSWORD })).send().await?.json().await?;
    let role = json!({
        "name": "Players", "ACL": {},
        "users": { "__op": "AddRelation", "objects": [{ "__type": "Pointer", "className": "_User", "objectId": user["objectId"] }] },
    });
    let request = http.post(format!("{url}/roles")).header("X-Parse-Application-Id", APP_ID);
    request.header("X-Parse-Master-Key", MASTER_KEY).json(&role).send().await?.error_for_status()?;
    Ok(user["sessionToken"].as_str().with_context(|| format!("sign-up answered {user}"))?.to_owned())
}
