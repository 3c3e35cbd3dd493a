//! Our own server as its user starts it: the binary, with a configuration file and an environment.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};
use reqwest::Client;
use serde_json::{Value, json};

use super::{APP_ID, MAINTENANCE_KEY, MASTER_KEY, Process, READ_ONLY_MASTER_KEY, ask, free_port};

/// How a process is started.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `gateway`, `auth` or `data`; `None` is standalone.
    pub role: Option<&'static str>,
    /// Parse Server's options, laid over the test app's own.
    pub options: serde_json::Map<String, Value>,
    /// Environment variables.
    pub environment: BTreeMap<&'static str, String>,
    /// Port of the API, where there is one; `None` is a free one.
    pub port: Option<u16>,
}

impl Settings {
    /// Sets one of Parse Server's options.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.insert(name, value.into());
        self
    }
}

/// A running `parsefleet` process.
#[derive(Debug)]
pub struct Parsefleet {
    /// The process.
    pub process: Process,
    /// Where its API is: `http://127.0.0.1:<port>/parse`. Of use for a gateway and standalone.
    pub url: String,
    settings: Settings,
    folder: PathBuf,
}

impl Parsefleet {
    /// Starts a process whose files are in `folder` and waits until it is ready.
    pub async fn start(folder: &Path, mut settings: Settings) -> Result<Self> {
        let port = match settings.port {
            Some(port) => port,
            None => free_port()?,
        };
        settings.port = Some(port);
        let process = spawn(folder, &settings, port)?;
        let url = format!("http://127.0.0.1:{port}/parse");
        let mut server = Self { process, url, settings, folder: folder.to_owned() };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// Starts it again after it ended, with the same settings and ports.
    pub async fn restart(&mut self) -> Result<()> {
        let port = self.settings.port.unwrap_or_default();
        self.process = spawn(&self.folder, &self.settings, port)?;
        self.wait_until_ready().await
    }

    /// What the admin port answers under a path.
    ///
    /// # Errors
    /// If the process was started without an admin port, or does not answer.
    pub async fn admin(&self, path: &str) -> Result<String> {
        let listen = self.settings.environment.get("PARSEFLEET_ADMIN_LISTEN").context("no admin port")?;
        Ok(ask(Client::new().get(format!("http://{listen}{path}"))).await?.text)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let probe = match self.settings.environment.get("PARSEFLEET_ADMIN_LISTEN") {
            Some(admin) => format!("http://{admin}/readyz"),
            None => format!("{}/health", self.url),
        };
        let ready = || async { ask(Client::new().get(&probe)).await.is_ok_and(|answer| answer.is_success()) };
        self.process.wait_until(Duration::from_secs(30), ready).await
    }
}

fn spawn(folder: &Path, settings: &Settings, port: u16) -> Result<Process> {
    std::fs::create_dir_all(folder)?;
    let mut config = json!({
        "appId": APP_ID,
        "masterKey": MASTER_KEY,
        "readOnlyMasterKey": READ_ONLY_MASTER_KEY,
        "maintenanceKey": MAINTENANCE_KEY,
        "port": port,
        "host": "127.0.0.1",
    });
    if let Some(config) = config.as_object_mut() {
        config.extend(settings.options.clone());
    }
    let name = settings.role.unwrap_or("standalone");
    let file = folder.join(format!("parsefleet-{name}-{port}.json"));
    std::fs::write(&file, config.to_string())?;
    let mut command = Command::new(binary()?);
    command.args(settings.role).arg(&file).current_dir(folder);
    command.env("PARSEFLEET_DATA_DIR", folder.join("parsefleet-data"));
    command.envs(&settings.environment);
    Ok(Process::start(command, &folder.join(format!("parsefleet-{name}-{port}.log")))?.searched())
}

/// The `parsefleet` binary: `PARSEFLEET_BINARY`, or the one beside the running test.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PARSEFLEET_BINARY") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let folder = test.ancestors().find(|folder| folder.join("parsefleet").is_file());
    let folder = folder.context("no parsefleet binary: build it first (cargo build -p parsefleet)")?;
    Ok(folder.join("parsefleet"))
}
