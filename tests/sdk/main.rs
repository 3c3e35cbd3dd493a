//! The official JavaScript SDK, unmodified, against every way to run Parsefleet.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, Parsefleet, Settings, mongodb_uri, plant_secret, redis_url, tool, tools_dir,
};

/// The files of tests.
const SUITES: [&str; 4] = ["objects.test.mjs", "config.test.mjs", "schemas.test.mjs", "users.test.mjs"];

/// What users log in with: no log may hold it.
const PASSWORD: &str = "sdk-password-that-nobody-says";

/// The oldest and the newest version that have to work.
const SDKS: [&str; 2] = ["parse-5/node", "parse-8/node"];

#[tokio::test]
async fn alone_with_the_embedded_store() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Parsefleet::start(folder.path(), Settings::default()).await?;
    run_suites(&server.url, "embedded")
}

#[tokio::test]
async fn alone_on_mongodb() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("sdk_alone_{}", rand::random::<u32>()))?;
    let server = Parsefleet::start(folder.path(), Settings::default().option("databaseURI", uri)).await?;
    run_suites(&server.url, "mongodb")
}

#[tokio::test]
async fn fleet() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let uri = mongodb_uri(&format!("sdk_fleet_{}", rand::random::<u32>()))?;
    let fleet = Fleet::start(folder.path(), &FleetPlan::new(uri, Some(redis_url()?))).await?;
    run_suites(&fleet.gateways[1].url, "mongodb")
}

/// Runs every suite with every SDK version; node's own report tells what failed.
fn run_suites(url: &str, store: &str) -> Result<()> {
    plant_secret(PASSWORD);
    let suites = SUITES.map(|suite| Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk").join(suite));
    for sdk in SDKS {
        let mut node = Command::new(tool("node"));
        node.arg("--test")
            .args(&suites)
            .env("PARSE_SDK", sdk)
            .env("SERVER_URL", url)
            .env("STORE", store)
            .env("PASSWORD", PASSWORD);
        node.env("TOOLS_NODE", tools_dir().join("node")).env("APP_ID", APP_ID).env("MASTER_KEY", MASTER_KEY);
        let output = node.output()?;
        ensure!(output.status.success(), "{sdk} on {url}:\n{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}
