//! MongoDB: the server that the environment names, or one of our own.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};
use bson::doc;
use mongodb::Client;

use super::{Process, tool};

/// A `mongod` that is a replica set of one.
#[derive(Debug)]
pub struct Mongod {
    /// The process.
    pub process: Process,
    /// Its port on this machine.
    pub port: u16,
}

impl Mongod {
    /// Starts one whose files and log are in `folder`, and waits until it takes writes.
    pub async fn start(folder: &Path, port: u16) -> Result<Self> {
        let data = folder.join(format!("mongod-{port}"));
        std::fs::create_dir_all(&data)?;
        let mut command = Command::new(tool("mongod"));
        command.arg("--dbpath").arg(&data).args(["--port", &port.to_string(), "--bind_ip", "127.0.0.1"]);
        command.args(["--replSet", "parsefleet", "--wiredTigerCacheSizeGB", "1", "--quiet"]);
        let mut process = Process::start(command, &folder.join(format!("mongod-{port}.log")))?;
        let client = Client::with_uri_str(format!("mongodb://127.0.0.1:{port}/?directConnection=true")).await?;
        process.wait_until(Duration::from_secs(60), || is_primary(&client, port)).await?;
        Ok(Self { process, port })
    }

    /// Where to connect, with this database as the default one.
    pub fn uri(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}?replicaSet=parsefleet", self.port)
    }
}

/// Whether the server takes writes; makes it a replica set if it is none yet.
async fn is_primary(client: &Client, port: u16) -> bool {
    let admin = client.database("admin");
    match admin.run_command(doc! { "hello": 1 }).await {
        Ok(hello) if hello.get_bool("isWritablePrimary").unwrap_or(false) => true,
        Ok(hello) if hello.get("setName").is_none() => {
            let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
            let set = doc! { "_id": "parsefleet", "members": [member] };
            // An answer of "already initialised" is as good as success; the next look decides.
            let _ = admin.run_command(doc! { "replSetInitiate": set }).await;
            false
        }
        Ok(_) | Err(_) => false,
    }
}

/// The address of this database on the MongoDB that tests use.
///
/// # Errors
/// If no server is named: tests are run by `make test`, which starts one.
pub fn mongodb_uri(database: &str) -> Result<String> {
    let uri = std::env::var("PARSEFLEET_TEST_MONGODB_URI")
        .context("PARSEFLEET_TEST_MONGODB_URI names no MongoDB: run the tests by `make test`")?;
    let (address, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let host = address.trim_start_matches("mongodb://").split('/').next().unwrap_or_default();
    Ok(format!("mongodb://{host}/{database}?{query}"))
}
