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
mod webhooks;

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::{Result, bail};

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
    webhooks::{WebhookAnswer, WebhookCall, WebhookReceiver},
};

/// Where servers listen: Linux takes ports for outgoing connections, and for whoever asks for any, from 32768 on.
const PORTS: Range<u16> = 20_000..32_768;
/// Ports that are tried before none counts as free.
const PORT_TRIES: usize = 1_000;

/// The app all test servers serve.
pub const APP_ID: &str = "test";
/// Its master key.
pub const MASTER_KEY: &str = "master";
/// Its read-only master key.
pub const READ_ONLY_MASTER_KEY: &str = "readonly";
/// Its maintenance key.
pub const MAINTENANCE_KEY: &str = "maintenance";

/// A port that nobody listens on now. It lies below those that the system gives out by itself and is given to one server of
/// this process only: between this call and its server's start nobody else comes to have it.
pub fn free_port() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..PORT_TRIES {
        let port = rand::random_range(PORTS);
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return Ok(port);
        }
    }
    bail!("no port from {PORTS:?} is free")
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
