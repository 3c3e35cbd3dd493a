//! Redis: the server that the environment names, or one of our own.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};
use tokio::net::TcpStream;

use super::{Process, tool};

/// A `redis-server` that keeps nothing on disk.
#[derive(Debug)]
pub struct RedisServer {
    /// The process.
    pub process: Process,
    /// Its port on this machine.
    pub port: u16,
}

impl RedisServer {
    /// Starts one whose log is in `folder`, and waits until it answers.
    pub async fn start(folder: &Path, port: u16) -> Result<Self> {
        let mut command = Command::new(tool("redis-server"));
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        // Keeps the command line as it was started, by which `stack down` knows its own processes.
        command.args(["--set-proc-title", "no", "--dir"]).arg(folder);
        let mut process = Process::start(command, &folder.join(format!("redis-{port}.log")))?;
        let connects = || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        process.wait_until(Duration::from_secs(20), connects).await?;
        Ok(Self { process, port })
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

/// The address of the Redis that tests use.
///
/// # Errors
/// If no server is named: tests are run by `make test`, which starts one.
pub fn redis_url() -> Result<String> {
    std::env::var("PARSEFLEET_TEST_REDIS_URL")
        .context("PARSEFLEET_TEST_REDIS_URL names no Redis: run the tests by `make test`")
}
