//! RabbitMQ: the server that the environment names, or one of our own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::net::TcpStream;

use super::{Process, free_port};

/// Erlang takes its time, the more so on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Where Debian puts the program itself; what is in the search path there is for the service of the machine.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A RabbitMQ server, with the port mapper that Erlang wants: node name, cookie, ports and files are its own, so that it
/// meets no other one on this machine.
#[derive(Debug)]
pub struct RabbitMq {
    /// The process.
    pub process: Process,
    /// Its port on this machine.
    pub port: u16,
    /// Erlang's port mapper.
    pub port_mapper: Process,
    node: Node,
}

#[derive(Debug)]
struct Node {
    folder: PathBuf,
    port: u16,
    distribution_port: u16,
    port_mapper_port: u16,
}

impl RabbitMq {
    /// Starts one whose files and log are in `folder`, and waits until it answers.
    pub async fn start(folder: &Path, port: u16) -> Result<Self> {
        let folder = folder.join(format!("rabbitmq-{port}"));
        fs::create_dir_all(&folder)?;
        let node = Node { folder, port, distribution_port: free_port()?, port_mapper_port: free_port()? };
        node.configure()?;
        let port_mapper = node.spawn_port_mapper()?;
        let process = node.spawn()?;
        let mut server = Self { process, port, port_mapper, node };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// Starts it again after it was killed or stopped, with what it had on disk.
    pub async fn restart(&mut self) -> Result<()> {
        self.process = self.node.spawn()?;
        self.wait_until_ready().await
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let port = self.port;
        // It listens when all else is done.
        let connects = || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        self.process.wait_until(START_LIMIT, connects).await
    }
}

impl Node {
    /// Writes what the server reads at its start.
    fn configure(&self) -> Result<()> {
        // The write-ahead log of quorum queues is small, as all else in a test.
        let settings = "log.console = true\nlog.console.level = warning\nlog.file = false\n\
                        raft.wal_max_size_bytes = 16777216\ndisk_free_limit.absolute = 10MB\n";
        fs::write(self.folder.join("rabbitmq.conf"), settings)?;
        fs::write(self.folder.join("enabled_plugins"), "[].\n")?;
        Ok(())
    }

    fn spawn_port_mapper(&self) -> Result<Process> {
        // By a link, so that its command line names the folder: by that, `stack down` knows its own processes.
        let program = self.folder.join("epmd");
        if !program.exists() {
            std::os::unix::fs::symlink("/usr/bin/epmd", &program).context("link epmd")?;
        }
        let mut command = Command::new(program);
        command.args(["-address", "127.0.0.1", "-port", &self.port_mapper_port.to_string()]);
        Process::start(command, &self.folder.join("epmd.log"))
    }

    fn spawn(&self) -> Result<Process> {
        let file = |name: &str| self.folder.join(name);
        let mut command = Command::new(PROGRAM);
        command.env("HOME", &self.folder).env("LANG", "C.UTF-8");
        command.env("RABBITMQ_NODENAME", format!("parsefleet-{}@localhost", self.port));
        command.env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1").env("RABBITMQ_NODE_PORT", self.port.to_string());
        command.env("RABBITMQ_DIST_PORT", self.distribution_port.to_string());
        command.env("ERL_EPMD_PORT", self.port_mapper_port.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command.env("RABBITMQ_CONF_ENV_FILE", file("no-environment"));
        command.env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"));
        command.env("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins"));
        command.env("RABBITMQ_MNESIA_BASE", file("data")).env("RABBITMQ_LOG_BASE", file("log"));
        command.env("RABBITMQ_PID_FILE", file("pid"));
        // Makes the script become the server, so that the process we know is the one that we stop.
        command.env("RABBITMQ_ALLOW_INPUT", "1").env("RABBITMQ_SERVER_START_ARGS", "-noinput");
        let arguments =
            format!("+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2 -parsefleet_folder {}", self.folder.display());
        command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", arguments);
        command.current_dir(&self.folder);
        Process::start(command, &self.folder.join("rabbitmq.log"))
    }
}

/// The address of the RabbitMQ that tests use.
///
/// # Errors
/// If no server is named: tests are run by `make test`, which starts one.
pub fn amqp_url() -> Result<String> {
    std::env::var("PARSEFLEET_TEST_AMQP_URL")
        .context("PARSEFLEET_TEST_AMQP_URL names no RabbitMQ: run the tests by `make test`")
}
