//! Parse Server itself: the reference that arguments about behaviour are settled with.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};

use super::{APP_ID, MAINTENANCE_KEY, MASTER_KEY, Process, READ_ONLY_MASTER_KEY, free_port, tool, tools_dir};

/// A running Parse Server.
#[derive(Debug)]
pub struct ParseServer {
    /// The process.
    pub process: Process,
    /// Where its API is: `http://127.0.0.1:<port>/parse`.
    pub url: String,
}

impl ParseServer {
    /// Starts one on this database. `options` are laid over the test app's own.
    pub async fn start(folder: &Path, database_uri: &str, options: &Value) -> Result<Self> {
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}/parse");
        let mut config = json!({
            "appId": APP_ID,
            "masterKey": MASTER_KEY,
            "readOnlyMasterKey": READ_ONLY_MASTER_KEY,
            "maintenanceKey": MAINTENANCE_KEY,
            "databaseURI": database_uri,
            "port": port,
            "serverURL": url,
            "silent": true,
            "allowClientClassCreation": true,
        });
        if let (Some(config), Some(options)) = (config.as_object_mut(), options.as_object()) {
            config.extend(options.clone());
        }
        std::fs::create_dir_all(folder)?;
        let file = folder.join(format!("parse-server-{port}.json"));
        std::fs::write(&file, config.to_string())?;
        let mut command = Command::new(tool("node"));
        command.arg(tools_dir().join("node/node_modules/parse-server/bin/parse-server")).arg(&file);
        command.current_dir(folder).env("PARSE_SERVER_LOGS_FOLDER", "null");
        let mut process = Process::start(command, &folder.join(format!("parse-server-{port}.log")))?;
        let health = format!("{url}/health");
        let ready = || async { reqwest::get(&health).await.is_ok_and(|answer| answer.status().is_success()) };
        process.wait_until(Duration::from_secs(60), ready).await?;
        Ok(Self { process, url })
    }
}
