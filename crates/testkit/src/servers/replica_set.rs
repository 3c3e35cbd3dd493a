//! A replica set of three MongoDB servers, whose primary can be made to go.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bson::{Document, doc};
use mongodb::Client;

use super::{Process, free_port, tool};

/// Time for an election, with much to spare on a busy machine.
const ELECTION: Duration = Duration::from_secs(60);

/// Three `mongod` that replicate each other. Dropping it kills them.
#[derive(Debug)]
pub struct MongoReplicaSet {
    folder: PathBuf,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    process: Process,
    port: u16,
}

impl MongoReplicaSet {
    /// Starts three whose files and logs are in `folder`, and waits until one takes writes.
    pub async fn start(folder: &Path) -> Result<Self> {
        let mut set = Self { folder: folder.to_owned(), members: Vec::new() };
        for _ in 0..3 {
            let port = free_port()?;
            set.members.push(Member { process: spawn(folder, port)?, port });
        }
        for member in &mut set.members {
            let client = direct(member.port).await?;
            let answers = || async { hello(&client).await.is_ok() };
            member.process.wait_until(ELECTION, answers).await?;
        }
        let hosts = set.members.iter().enumerate();
        let hosts: Vec<Document> =
            hosts.map(|(id, member)| doc! { "_id": id as i32, "host": format!("127.0.0.1:{}", member.port) }).collect();
        // A dead primary is noticed soon.
        let settings = doc! { "electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500 };
        let config = doc! { "_id": "parsefleet", "members": hosts, "settings": settings };
        let client = direct(set.members[0].port).await?;
        client.database("admin").run_command(doc! { "replSetInitiate": config }).await?;
        set.primary().await?;
        Ok(set)
    }

    /// Where to connect, with this database as the default one.
    pub fn uri(&self, database: &str) -> String {
        let hosts: Vec<String> = self.members.iter().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("mongodb://{}/{database}?replicaSet=parsefleet", hosts.join(","))
    }

    /// Makes the primary hand over to another member.
    pub async fn step_down(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            let primary = self.primary().await?;
            let client = direct(self.members[primary].port).await?;
            let command = doc! { "replSetStepDown": 20, "secondaryCatchUpPeriodSecs": 5 };
            match client.database("admin").run_command(command).await {
                Ok(_) => return Ok(()),
                // It may have handed over by itself, or nobody may have caught up yet.
                Err(error) if start.elapsed() > ELECTION => return Err(error).context("step down"),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Kills the primary at once, as a power cut would, and tells which member it was.
    pub async fn kill_primary(&mut self) -> Result<usize> {
        let primary = self.primary().await?;
        self.members[primary].process.kill()?;
        Ok(primary)
    }

    /// Starts a member that was killed, and waits until it has caught up.
    pub async fn restart(&mut self, index: usize) -> Result<()> {
        let member = &mut self.members[index];
        member.process = spawn(&self.folder, member.port)?;
        let client = direct(member.port).await?;
        let is_back = || async {
            let state = |hello: &Document, key: &str| hello.get_bool(key).unwrap_or(false);
            hello(&client).await.is_ok_and(|hello| state(&hello, "secondary") || state(&hello, "isWritablePrimary"))
        };
        member.process.wait_until(ELECTION, is_back).await
    }

    /// The member that takes writes, as soon as there is one.
    async fn primary(&self) -> Result<usize> {
        let start = Instant::now();
        while start.elapsed() < ELECTION {
            for (index, member) in self.members.iter().enumerate() {
                let hello = hello(&direct(member.port).await?).await;
                if hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false)) {
                    return Ok(index);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("no member became the primary within {ELECTION:?}")
    }
}

fn spawn(folder: &Path, port: u16) -> Result<Process> {
    let data = folder.join(format!("mongod-{port}"));
    std::fs::create_dir_all(&data)?;
    let mut command = Command::new(tool("mongod"));
    command.arg("--dbpath").arg(&data).args(["--port", &port.to_string(), "--bind_ip", "127.0.0.1"]);
    command.args(["--replSet", "parsefleet", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--quiet"]);
    Process::start(command, &folder.join(format!("mongod-{port}.log")))
}

async fn direct(port: u16) -> Result<Client> {
    let options = "directConnection=true&serverSelectionTimeoutMS=3000&connectTimeoutMS=3000";
    Ok(Client::with_uri_str(format!("mongodb://127.0.0.1:{port}/?{options}")).await?)
}

async fn hello(client: &Client) -> mongodb::error::Result<Document> {
    client.database("admin").run_command(doc! { "hello": 1 }).await
}
