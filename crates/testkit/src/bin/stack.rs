//! `stack up` starts MongoDB, Redis, RabbitMQ and the fleet in the background and prints their addresses; `stack down`
//! stops them; `stack run <command…>` starts the servers for the time of one command, which finds them in its environment.

#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use parsefleet_testkit::servers::{
    APP_ID, Fleet, FleetPlan, MASTER_KEY, Mongod, Process, RabbitMq, RedisServer, Settings, free_port,
};
use serde_json::json;

/// Where `up` keeps files, logs and process ids.
const FOLDER: &str = ".stack";
/// Time all processes together have to end by themselves.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["up"] => up(&std::env::current_dir()?.join(FOLDER)).await.map(|()| ExitCode::SUCCESS),
        ["down"] => down(&std::env::current_dir()?.join(FOLDER)).map(|()| ExitCode::SUCCESS),
        ["run", program, rest @ ..] => run(program, rest).await,
        _ => bail!("usage: stack up | stack down | stack run <command…>"),
    }
}

/// Starts everything, unless it runs already.
async fn up(folder: &Path) -> Result<()> {
    let summary = folder.join("addresses");
    let started = Started::read(folder);
    if !started.ids.is_empty() && started.ids.iter().all(|id| started.is_running(*id)) {
        println!("The stack is up already.\n\n{}", fs::read_to_string(&summary)?);
        return Ok(());
    }
    down(folder)?;
    fs::create_dir_all(folder)?;
    let mut mongod = Mongod::start(folder, port("PARSEFLEET_STACK_MONGODB_PORT")?).await?;
    record(folder, &mut mongod.process)?;
    let mut redis = RedisServer::start(folder, port("PARSEFLEET_STACK_REDIS_PORT")?).await?;
    record(folder, &mut redis.process)?;
    let mut rabbitmq = RabbitMq::start(folder, port("PARSEFLEET_STACK_AMQP_PORT")?).await?;
    record(folder, &mut rabbitmq.port_mapper)?;
    record(folder, &mut rabbitmq.process)?;
    let (smtp, mails) = (port("PARSEFLEET_STACK_SMTP_PORT")?, port("PARSEFLEET_STACK_MAILS_PORT")?);
    record(folder, &mut mailbox(folder, smtp, mails)?)?;
    let gateway = port("PARSEFLEET_STACK_PORT")?;
    let mut plan = FleetPlan::new(mongod.uri("parsefleet"), Some(redis.url()));
    plan.amqp_url = Some(rabbitmq.url());
    plan.emails = 1;
    plan.gateway_ports = vec![gateway];
    plan.common = mailing(gateway, smtp);
    let mut fleet = Fleet::start(folder, &plan).await?;
    for server in fleet.processes() {
        record(folder, &mut server.process)?;
    }
    let mut text = String::new();
    for gateway in &fleet.gateways {
        text += &format!("gateway   {}\n", gateway.url);
    }
    text += &format!("MongoDB   {}\nRedis     {}\n", mongod.uri("parsefleet"), redis.url());
    text += &format!("RabbitMQ  {}\nmails     http://127.0.0.1:{mails}/mails\n", rabbitmq.url());
    text += &format!("app id    {APP_ID}\nmaster    {MASTER_KEY}\nlogs      {}\n", folder.display());
    fs::write(&summary, &text)?;
    println!("{text}\n`make stack-down` stops it.");
    Ok(())
}

/// A mail server that keeps what the fleet sends.
fn mailbox(folder: &Path, smtp: u16, http: u16) -> Result<Process> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("mailbox"));
    // By the folder, `stack down` knows its own processes.
    command.args([smtp.to_string(), http.to_string()]).arg(folder);
    Process::start(command, &folder.join("mailbox.log"))
}

/// What a fleet has to know that sends mails.
fn mailing(gateway: u16, smtp: u16) -> Settings {
    let server = json!({ "host": "127.0.0.1", "port": smtp, "security": "none", "from": "Stack <stack@example.com>" });
    Settings::default()
        .option("emailAdapter", json!({ "module": "smtp", "options": server }))
        .option("appName", "Stack")
        .option("publicServerURL", format!("http://127.0.0.1:{gateway}/parse"))
}

/// Stops everything that `up` started.
fn down(folder: &Path) -> Result<()> {
    let started = Started::read(folder);
    // The fleet was started last and goes first, so that it can still write what it has acknowledged.
    for id in started.ids.iter().rev().copied().filter(|id| started.is_running(*id)) {
        signal("TERM", id)?;
    }
    let start = Instant::now();
    while started.ids.iter().any(|id| started.is_running(*id)) {
        if start.elapsed() > STOP_TIMEOUT {
            for id in started.ids.iter().copied().filter(|id| started.is_running(*id)) {
                signal("KILL", id)?;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = fs::remove_file(Started::file(folder));
    Ok(())
}

/// Runs one command with MongoDB, Redis and RabbitMQ, unless the environment names servers already.
async fn run(program: &str, arguments: &[&str]) -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command.args(arguments);
    let mut mongod = None;
    if std::env::var_os("PARSEFLEET_TEST_MONGODB_URI").is_none() {
        let server = mongod.insert(Mongod::start(folder.path(), free_port()?).await?);
        command.env("PARSEFLEET_TEST_MONGODB_URI", server.uri("test"));
    }
    let mut redis = None;
    if std::env::var_os("PARSEFLEET_TEST_REDIS_URL").is_none() {
        let server = redis.insert(RedisServer::start(folder.path(), free_port()?).await?);
        command.env("PARSEFLEET_TEST_REDIS_URL", server.url());
    }
    let mut rabbitmq = None;
    if std::env::var_os("PARSEFLEET_TEST_AMQP_URL").is_none() {
        let server = rabbitmq.insert(RabbitMq::start(folder.path(), free_port()?).await?);
        command.env("PARSEFLEET_TEST_AMQP_URL", server.url());
    }
    let status = command.status().with_context(|| format!("run {program}"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The port that a variable asks for, or a free one.
fn port(variable: &str) -> Result<u16> {
    match std::env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable} is not a port")),
        Err(_) => free_port(),
    }
}

/// Notes a process and lets it outlive this one.
fn record(folder: &Path, process: &mut Process) -> Result<()> {
    let mut started = Started::read(folder);
    started.ids.push(process.id());
    let lines: Vec<String> = started.ids.iter().map(u32::to_string).collect();
    fs::write(Started::file(folder), lines.join("\n"))?;
    process.keep();
    Ok(())
}

fn signal(name: &str, id: u32) -> Result<()> {
    Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status()?;
    Ok(())
}

/// The processes that `up` started, in that order.
struct Started {
    folder: PathBuf,
    ids: Vec<u32>,
}

impl Started {
    fn file(folder: &Path) -> PathBuf {
        folder.join("processes")
    }

    fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(Self::file(folder)).unwrap_or_default();
        Self { folder: folder.to_owned(), ids: text.lines().filter_map(|line| line.parse().ok()).collect() }
    }

    /// Whether the process runs and is still ours: an id may have been given to another program since. The command lines
    /// of ours name the stack's folder.
    fn is_running(&self, id: u32) -> bool {
        let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&*self.folder.to_string_lossy())
    }
}
