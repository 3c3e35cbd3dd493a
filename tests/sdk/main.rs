//! The official JavaScript SDK, unmodified, against every way to run Parsefleet.

mod surroundings;

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, Parsefleet, amqp_url, free_port, mongodb_uri, plant_secret, redis_url, tool,
    tools_dir,
};

use crate::surroundings::Surroundings;

/// The files of tests.
const SUITES: [&str; 5] =
    ["objects.test.mjs", "config.test.mjs", "schemas.test.mjs", "users.test.mjs", "identities.test.mjs"];

/// What users log in with: no log may hold it.
const PASSWORD: &str = "sdk-password-that-nobody-says";

/// The oldest and the newest version that have to work.
const SDKS: [&str; 2] = ["parse-5/node", "parse-8/node"];

#[tokio::test(flavor = "multi_thread")]
async fn alone_with_the_embedded_store() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let around = Surroundings::start(free_port()?).await?;
    let _server = Parsefleet::start(folder.path(), around.settings()).await?;
    run_suites("embedded", &around)
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_on_mongodb() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("sdk_alone_{}", rand::random::<u32>()))?;
    let around = Surroundings::start(free_port()?).await?;
    let _server = Parsefleet::start(folder.path(), around.settings().option("databaseURI", uri)).await?;
    run_suites("mongodb", &around)
}

#[tokio::test(flavor = "multi_thread")]
async fn fleet() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("sdk_fleet_{}", rand::random::<u32>()))?;
    let (first, second) = (free_port()?, free_port()?);
    let around = Surroundings::start(second).await?;
    let mut plan = FleetPlan::new(uri, Some(redis_url()?));
    plan.gateway_ports = vec![first, second];
    plan.amqp_url = Some(amqp_url()?);
    plan.emails = 1;
    // The gateways' ports are the plan's.
    plan.common = around.settings();
    plan.common.port = None;
    let _fleet = Fleet::start(folder.path(), &plan).await?;
    run_suites("mongodb", &around)
}

/// Runs every suite with every SDK version; node's own report tells what failed.
fn run_suites(store: &str, around: &Surroundings) -> Result<()> {
    plant_secret(PASSWORD);
    let suites = SUITES.map(|suite| Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk").join(suite));
    for sdk in SDKS {
        let mut node = Command::new(tool("node"));
        node.arg("--test")
            .args(&suites)
            .env("PARSE_SDK", sdk)
            .env("STORE", store)
            .env("PASSWORD", PASSWORD)
            .envs(around.environment());
        node.env("TOOLS_NODE", tools_dir().join("node")).env("APP_ID", APP_ID).env("MASTER_KEY", MASTER_KEY);
        let output = node.output()?;
        ensure!(output.status.success(), "{sdk} on {store}:\n{}", String::from_utf8_lossy(&output.stdout));
    }
    around.finish()
}
