//! Real servers as child processes, on free ports, each with a log file of its own.

mod answers;
mod fleet;
mod identities;
mod mail;
mod mongodb;
mod parse_server;
mod parsefleet;
mod process;
mod rabbitmq;
mod redis;
mod replica_set;
mod secrets;

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
};

use anyhow::{Context as _, Result};

pub use self::{
    answers::{Answer, Ear, Exchange, ask, ask_parse_server, introduce_session},
    fleet::{Fleet, FleetPlan},
    identities::IdentityServer,
    mail::{Encryption, Inbox, Mail, MailServer, MailServerOptions, Message, Refusal},
    mongodb::{Mongod, mongodb_uri},
    parse_server::ParseServer,
    parsefleet::{Parsefleet, Settings, binary},
    process::Process,
    rabbitmq::{RabbitMq, amqp_url},
    redis::{RedisServer, redis_url},
    replica_set::MongoReplicaSet,
    secrets::{plant_secret, told_secrets},
};

/// The app all test servers serve.
pub const APP_ID: &str = "test";
/// Its master key.
pub const MASTER_KEY: &str = "master";
/// Its read-only master key.
pub const READ_ONLY_MASTER_KEY: &str = "readonly";
/// Its maintenance key.
pub const MAINTENANCE_KEY: &str = "maintenance";

/// A port that nobody listens on now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}

/// The folder that `tests/tools/install.sh` fills.
pub fn tools_dir() -> PathBuf {
    match std::env::var_os("PARSEFLEET_TOOLS_DIR") {
        Some(folder) => folder.into(),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/parsefleet/tools"),
    }
}

/// A program of the tools folder, or else of the search path.
pub fn tool(name: &str) -> PathBuf {
    let installed = tools_dir().join("bin").join(name);
    if installed.exists() { installed } else { PathBuf::from(name) }
}
